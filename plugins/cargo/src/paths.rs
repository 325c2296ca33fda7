//! Paths below the mount, both ways.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use weir_core::{Coordinates, Name, Owner, Request, Scheme, Scope, Target, Unroutable, View};

use crate::views;

/// The path of the web API, below the mount as below the registry's `api`.
const API: &str = "api/v1/crates";
/// The scope of search results.
const SEARCH: &str = "search";
/// Query parameters of the web API that are passed on, in canonical order.
const SEARCH_PARAMETERS: &[&str] =
    &["q", "page", "per_page", "seek", "sort", "category", "keyword", "letter"];
const CRATE_PARAMETERS: &[&str] = &["include"];
const VERSIONS_PARAMETERS: &[&str] = &["page", "per_page", "seek", "sort"];
const MAX_PARAMETER: usize = 256;
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

pub(crate) fn route(request: &Request<'_>) -> Result<Target, Unroutable> {
    let path = request.path();
    if !request.method.reads() {
        return Err(match path.as_slice() {
            ["api", ..] => Unroutable::NotOffered(
                "this gateway only reads: publish, yank and change owners at the registry itself",
            ),
            _ => Unroutable::Unknown,
        });
    }
    match path.as_slice() {
        ["config.json"] => Ok(Target::Local(views::CONFIG.into())),
        ["crates", name, version, "download"]
        | ["api", "v1", "crates", name, version, "download"] => {
            Ok(artifact(Coordinates::new(crate_name(name)?, release(version)?)))
        }
        ["api", "v1", rest @ ..] => route_api(request, rest),
        ["me"] => Err(Unroutable::NotOffered(
            "this gateway hands out no registry tokens; log in at the registry itself",
        )),
        [directory @ .., name] => {
            let name = crate_name(name)?;
            let prefix = prefix(&name);
            let expected = prefix.split('/');
            if !directory.iter().map(|part| part.to_ascii_lowercase()).eq(expected) {
                return Err(Unroutable::Unknown);
            }
            Ok(Target::manifest(name, views::INDEX))
        }
        [] => Err(Unroutable::Unknown),
    }
}

fn route_api(request: &Request<'_>, path: &[&str]) -> Result<Target, Unroutable> {
    let ["crates", path @ ..] = path else { return Err(Unroutable::Unknown) };
    match path {
        [] => {
            let view = View::with(views::SEARCH, query(request, SEARCH_PARAMETERS)?);
            Ok(Target::index(SEARCH, view))
        }
        [name] => {
            let view = View::with(views::CRATE, query(request, CRATE_PARAMETERS)?);
            Ok(Target::manifest(crate_name(name)?, view))
        }
        [name, "versions"] => {
            let view = View::with(views::VERSIONS, query(request, VERSIONS_PARAMETERS)?);
            Ok(Target::manifest(crate_name(name)?, view))
        }
        [name, "owners"] => {
            let path = format!("{API}/{}/owners", crate_name(name)?);
            Ok(Target::Relay { path: path.into(), view: views::OWNERS.into() })
        }
        [name, version] => {
            let view = View::with(views::VERSION, release(version)?);
            Ok(Target::manifest(crate_name(name)?, view))
        }
        [name, version, "dependencies"] => {
            let (name, version) = (crate_name(name)?, release(version)?);
            let path = format!("{API}/{name}/{version}/dependencies");
            Ok(Target::Relay { path: path.into(), view: views::DEPENDENCIES.into() })
        }
        _ => Err(Unroutable::Unknown),
    }
}

pub(crate) fn path(target: &Target) -> String {
    match target {
        Target::Local(_) => "config.json".to_owned(),
        Target::Artifact { owner: Owner::Release(release), .. } => {
            format!("crates/{}/{}/download", release.name, release.version)
        }
        Target::Manifest { scope: Scope::Package(name), view } if view.name == views::INDEX => {
            index_file(name)
        }
        target => api_path(target).unwrap_or_default(),
    }
}

/// The path of a web API document, below the mount as below the registry's own `api`.
pub(crate) fn api_path(target: &Target) -> Option<String> {
    let rest = match target {
        Target::Relay { path, .. } => return Some(path.to_string()),
        Target::Manifest { scope: Scope::Package(name), view } => match view.name {
            views::CRATE => with_query(&format!("/{name}"), &view.arg),
            views::VERSIONS => with_query(&format!("/{name}/versions"), &view.arg),
            views::VERSION => format!("/{name}/{}", view.arg),
            _ => return None,
        },
        Target::Manifest { scope: Scope::Index(_), view } => with_query("", &view.arg),
        _ => return None,
    };
    Some(format!("{API}{rest}"))
}

fn with_query(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The target of a release's only file.
fn artifact(release: Coordinates) -> Target {
    let file = file_name(release.name.as_str(), release.version.as_str());
    Target::artifact(release, file)
}

/// The name of a release's file.
pub(crate) fn file_name(name: &str, version: &str) -> String {
    format!("{name}-{version}.crate")
}

/// The path of a crate's index file.
pub(crate) fn index_file(name: &Name) -> String {
    format!("{}/{name}", prefix(name.as_str()))
}

/// The directory of a crate in an index: `1`, `2`, `3/a` or `ab/cd`.
pub(crate) fn prefix(name: &str) -> String {
    match name.len() {
        0..=2 => name.len().to_string(),
        3 => format!("3/{}", &name[..1]),
        _ => format!("{}/{}", &name[..2], &name[2..4]),
    }
}

/// The canonical form of a crate name, `None` when it is none: ASCII letters, digits, `-` and `_`,
/// not starting with a hyphen.
pub(crate) fn canonical(name: &str) -> Option<String> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let named = !name.is_empty() && !name.starts_with('-') && name.bytes().all(fine);
    named.then(|| name.to_ascii_lowercase())
}

fn crate_name(segment: &str) -> Result<String, Unroutable> {
    canonical(segment).ok_or(Unroutable::Unknown)
}

fn release(segment: &str) -> Result<String, Unroutable> {
    let valid = weir_version::is_valid(Scheme::Semver, segment);
    valid.then(|| segment.to_owned()).ok_or(Unroutable::Unknown)
}

/// The known parameters of a query in canonical order and spelling.
fn query(request: &Request<'_>, known: &[&str]) -> Result<String, Unroutable> {
    let mut pairs = Vec::new();
    for name in known {
        let Some(value) = request.param(name).filter(|value| !value.is_empty()) else { continue };
        if value.len() > MAX_PARAMETER {
            return Err(Unroutable::Malformed("a query parameter is longer than 256 bytes"));
        }
        pairs.push(format!("{name}={}", utf8_percent_encode(&value, COMPONENT)));
    }
    Ok(pairs.join("&"))
}
