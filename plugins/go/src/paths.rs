//! Paths below the mount, both ways, and the same paths below the proxy.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use weir_core::{Coordinates, Name, Owner, Request, Role, Scope, Target, Unroutable, View};

use crate::name::{escape, is_canonical, is_module, is_query, unescape};
use crate::views;

/// The folder of checksum databases.
const SUMDB: &str = "sumdb";
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'!')
    .remove(b'+')
    .remove(b'@');

pub(crate) fn route(request: &Request<'_>) -> Result<Target, Unroutable> {
    if !request.method.reads() {
        return Err(Unroutable::Unknown);
    }
    let target = match request.path().as_slice() {
        [SUMDB, path @ ..] => sumdb(path),
        [module @ .., "@latest"] => {
            module_path(module).map(|name| Target::manifest(name, views::LATEST))
        }
        [module @ .., "@v", file] => module_path(module).and_then(|name| versioned(&name, file)),
        _ => None,
    };
    target.ok_or(Unroutable::Unknown)
}

fn module_path(elements: &[&str]) -> Option<String> {
    unescape(&elements.join("/")).filter(|path| is_module(path))
}

/// What is asked of a module below `@v`.
fn versioned(module: &str, file: &str) -> Option<Target> {
    if file == "list" {
        return Some(Target::manifest(module, views::LIST));
    }
    let (version, kind) = file.rsplit_once('.')?;
    let version = unescape(version)?;
    let release = || is_canonical(&version).then(|| Coordinates::new(module, version.as_str()));
    match kind {
        "info" => is_query(&version)
            .then(|| Target::manifest(module, View::with(views::INFO, version.as_str()))),
        "mod" => release().map(|release| artifact(release, "mod", Role::Resolution)),
        "zip" => release().map(|release| artifact(release, "zip", Role::Package)),
        _ => None,
    }
}

fn artifact(release: Coordinates, kind: &str, role: Role) -> Target {
    let file = format!("{}.{kind}", release.version);
    Target::Artifact { owner: Owner::Release(release), file: file.into(), role }
}

/// What is asked of a checksum database (<https://go.dev/design/25530-sumdb>, "Proxying a Checksum
/// Database").
fn sumdb(path: &[&str]) -> Option<Target> {
    let what =
        path.iter().position(|part| matches!(*part, "supported" | "latest" | "lookup" | "tile"));
    let (name, rest) = path.split_at(what?);
    let name = name.join("/");
    if !is_database(&name) {
        return None;
    }
    match rest {
        ["supported"] => Some(relay(&name, "supported", views::SUPPORTED)),
        ["latest"] => Some(relay(&name, "latest", views::TREE)),
        ["tile", height, level, number @ ..] => {
            let tile = format!("tile/{height}/{level}/{}", number.join("/"));
            is_tile(height, level, number).then(|| relay(&name, &tile, views::TILE))
        }
        ["lookup", ..] => {
            let (module, version) =
                rest[1..].join("/").rsplit_once('@').map(|(m, v)| (unescape(m), unescape(v)))?;
            let (module, version) = (module?, version?);
            let known = is_module(&module) && is_canonical(&version);
            known.then(|| {
                Target::manifest(module, View::with(views::LOOKUP, format!("{version}@{name}")))
            })
        }
        _ => None,
    }
}

fn relay(database: &str, path: &str, view: &'static str) -> Target {
    Target::Relay { path: format!("{database}/{path}").into(), view: view.into() }
}

/// Whether this can be the name of a checksum database: a host, maybe with a port and a path.
fn is_database(name: &str) -> bool {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._~:".contains(&b);
    let element = |text: &str| !text.is_empty() && text.bytes().all(fine);
    name.split('/').all(element)
}

/// Whether these are the parts of a tile's path (golang.org/x/mod/sumdb/tlog, `Tile.Path`).
fn is_tile(height: &str, level: &str, number: &[&str]) -> bool {
    let digits =
        |text: &str| (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let three = |text: &str| text.len() == 3 && digits(text);
    let (number, width) = match number {
        [start @ .., width]
            if start.last().is_some_and(|last| last.strip_suffix(".p").is_some()) =>
        {
            (start, Some(width))
        }
        _ => (number, None),
    };
    let Some((last, leading)) = number.split_last() else { return false };
    let last = if width.is_some() { last.strip_suffix(".p").unwrap_or(last) } else { last };
    digits(height)
        && (level == "data" || digits(level))
        && leading.len() <= 5
        && leading.iter().all(|part| part.strip_prefix('x').is_some_and(three))
        && three(last)
        && width.is_none_or(|width| digits(width))
}

pub(crate) fn path(target: &Target) -> String {
    match target {
        Target::Manifest { scope: Scope::Package(name), view } => match view.name {
            views::LOOKUP => match split_lookup(&view.arg) {
                Some((version, database)) => {
                    format!("{SUMDB}/{database}/{}", lookup(name, version))
                }
                None => String::new(),
            },
            views::LATEST => latest(name),
            views::INFO => info(name, &view.arg),
            _ => list(name),
        },
        Target::Artifact { owner: Owner::Release(release), file, .. } => file_path(release, file),
        Target::Relay { path, .. } => format!("{SUMDB}/{path}"),
        _ => String::new(),
    }
}

/// Version and database in the argument of a lookup.
pub(crate) fn split_lookup(argument: &str) -> Option<(&str, &str)> {
    argument.split_once('@')
}

/// Database and the path below it in the path of a relay.
pub(crate) fn split_relay(path: &str) -> Option<(&str, &str)> {
    let of = |what: &str| path.find(what).map(|at| (&path[..at], &path[at + 1..]));
    of("/tile/").or_else(|| path.rsplit_once('/'))
}

/// The list of a module's versions.
pub(crate) fn list(name: &Name) -> String {
    format!("{}/@v/list", escape(name.as_str()))
}

/// What the proxy calls the latest version.
pub(crate) fn latest(name: &Name) -> String {
    format!("{}/@latest", escape(name.as_str()))
}

/// What the proxy says of a version, or of a query for one.
pub(crate) fn info(name: &Name, version: &str) -> String {
    file_path_of(name, &format!("{version}.info"))
}

/// A file of a release.
pub(crate) fn file_path(release: &Coordinates, file: &str) -> String {
    file_path_of(&release.name, file)
}

fn file_path_of(name: &Name, file: &str) -> String {
    let file = escape(file);
    format!("{}/@v/{}", escape(name.as_str()), utf8_percent_encode(&file, COMPONENT))
}

/// The record of a release, below its checksum database.
pub(crate) fn lookup(name: &Name, version: &str) -> String {
    let version = escape(version);
    format!("lookup/{}@{}", escape(name.as_str()), utf8_percent_encode(&version, COMPONENT))
}
