//! Paths: what a request asks for, and the way back.
//!
//! The name of a scoped package is spelled `@scope/name`, `@scope%2fname` or `@scope%2Fname`,
//! in every place; a segment that holds a decoded slash counts as two.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use weir_core::{Coordinates, Name, Owner, Request, Role, Scheme, Scope, Target, Unroutable, View};

use crate::{describe, view};

/// What stays as it is in a path segment and in a query value (RFC 3986, unreserved), and `+`,
/// which build metadata puts into file names.
const SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'+').remove(b'@');
const VALUE: &AsciiSet = &SEGMENT.add(b'+');

const ADVISORIES_BULK: &str = "-/npm/v1/security/advisories/bulk";
const AUDITS_QUICK: &str = "-/npm/v1/security/audits/quick";
const AUDITS: &str = "-/npm/v1/security/audits";
const KEYS: &str = "-/npm/v1/keys";

/// The fields of a search that registries know, in the order in which we send them.
const SEARCH_FIELDS: [&str; 6] = ["text", "size", "from", "quality", "popularity", "maintenance"];

const NO_ACCOUNTS: Unroutable = Unroutable::NotOffered(
    "publishing, log-in and account requests are not offered here: send them to the registry \
     itself (npm --registry=<address> …)",
);
const EMPTY_AUDIT: Unroutable =
    Unroutable::Malformed("an audit needs the list of installed packages as its JSON body");

/// Longest name that npm lets anyone publish, in characters.
const MAX_NAME: usize = 214;

pub(crate) fn route(request: &Request<'_>) -> Result<Target, Unroutable> {
    let joined = request.segments.as_slice().join("/");
    let parts: Vec<&str> = joined.split('/').collect();
    match request.method {
        method if method.reads() => match parts.as_slice() {
            ["-", api @ ..] if api.first().is_some_and(|first| *first != "-") => {
                route_api(request, api)
            }
            parts => route_package(request, parts),
        },
        weir_core::Method::Post => match joined.as_str() {
            ADVISORIES_BULK | AUDITS_QUICK | AUDITS => {
                let body = request.body.trim_ascii();
                if body.is_empty() { Err(EMPTY_AUDIT) } else { Ok(relay(&joined, view::AUDIT)) }
            }
            "-/v1/login" => Err(NO_ACCOUNTS),
            path if path.starts_with("-/npm/v1/tokens") => Err(NO_ACCOUNTS),
            _ => Err(Unroutable::Unknown),
        },
        _ if joined.is_empty() => Err(Unroutable::Unknown),
        _ => Err(NO_ACCOUNTS),
    }
}

fn relay(path: &str, view: &'static str) -> Target {
    Target::Relay { path: path.into(), view: view.into() }
}

/// What stands below `-/`.
fn route_api(request: &Request<'_>, parts: &[&str]) -> Result<Target, Unroutable> {
    match parts {
        // The package `npm` itself, below a mount of that name, from a client that has lost the
        // mount's path (see `lost_prefix`).
        [file] if version_in("npm", file).is_some() => {
            Err(Unroutable::Moved(file_path("npm", file)))
        }
        ["ping"] => Ok(Target::Local(view::PING.into())),
        ["v1", "search"] => {
            Ok(Target::index("-/v1/search", View::with(view::SEARCH, query(request))))
        }
        ["package", name @ .., "dist-tags"] => Ok(Target::manifest(package(name)?, view::TAGS)),
        ["npm", "v1", "keys"] => Ok(relay(KEYS, view::KEYS)),
        ["npm", "v1", "attestations", spec @ ..] => attestations(&spec.join("/")),
        ["whoami"]
        | ["user" | "org" | "team", ..]
        | ["npm", "v1", "user" | "tokens", ..]
        | ["v1", "login" | "done", ..] => Err(NO_ACCOUNTS),
        _ => Err(Unroutable::Unknown),
    }
}

/// `@scope/name@1.0.0`
fn attestations(spec: &str) -> Result<Target, Unroutable> {
    let (name, version) = spec.rsplit_once('@').ok_or(Unroutable::Unknown)?;
    let parts: Vec<&str> = name.split('/').collect();
    if !is_exact(version) {
        return Err(Unroutable::Unknown);
    }
    Ok(Target::manifest(package(&parts)?, View::with(view::ATTESTATIONS, version)))
}

/// What stands below a package's name.
fn route_package(request: &Request<'_>, parts: &[&str]) -> Result<Target, Unroutable> {
    let taken = if parts.first().is_some_and(|part| part.starts_with('@')) { 2 } else { 1 };
    let (name, rest) = parts.split_at_checked(taken).ok_or(Unroutable::Unknown)?;
    let name = package(name)?;
    match rest {
        [] if wants_abbreviated(request) => Ok(Target::manifest(name, view::ABBREVIATED)),
        [] => Ok(Target::manifest(name, view::FULL)),
        ["-", file] => Ok(artifact(name, file)),
        // Some registries repeat the scope in front of the file.
        ["-", scope, file] if name.split_once('/').is_some_and(|(own, _)| own == *scope) => {
            Ok(artifact(name, file))
        }
        [version] if is_exact(version) => {
            Ok(Target::manifest(name, View::with(view::VERSION, *version)))
        }
        [tag] if !tag.starts_with('-') => Ok(Target::manifest(name, View::with(view::TAG, *tag))),
        _ => Err(Unroutable::Unknown),
    }
}

/// A packument is abbreviated for those who name that type and like it at least as much.
fn wants_abbreviated(request: &Request<'_>) -> bool {
    let quality = request.quality(describe::INSTALL_V1);
    request.accept.to_ascii_lowercase().contains(describe::INSTALL_V1)
        && quality > 0
        && quality >= request.quality(describe::JSON)
}

/// The version in `<name without scope>-<version>.tgz`.
fn version_in<'f>(name: &str, file: &'f str) -> Option<&'f str> {
    let base = name.rsplit('/').next().unwrap_or(name);
    let version = file.strip_prefix(base)?.strip_prefix('-')?.strip_suffix(".tgz")?;
    is_exact(version).then_some(version)
}

/// A file whose name says its version, or one that only the packument can place.
fn artifact(name: String, file: &str) -> Target {
    let version = version_in(&name, file);
    let owner = match version {
        Some(version) => Owner::Release(Coordinates::new(name.as_str(), version)),
        None => Owner::Listed(Scope::Package(Name::new(name))),
    };
    Target::Artifact { owner, file: file.into(), role: Role::Package }
}

/// The path of a file below the mount, percent-encoded.
pub(crate) fn file_path(name: &str, file: &str) -> String {
    format!("{name}/-/{}", utf8_percent_encode(file, SEGMENT))
}

/// The path of a version's attestations below the mount.
pub(crate) fn attestations_path(name: &str, version: &str) -> String {
    let version = utf8_percent_encode(version, SEGMENT);
    format!("-/npm/v1/attestations/{}@{version}", escaped(name))
}

/// A name as one path segment, in the spelling that the registry's own client uses.
pub(crate) fn escaped(name: &str) -> String {
    name.replace('/', "%2f")
}

/// A version or tag as one path segment.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

pub(crate) fn path(target: &Target) -> String {
    match target {
        Target::Manifest { scope: Scope::Package(name), view } => match view.name {
            view::VERSION | view::TAG => format!("{name}/{}", segment(&view.arg)),
            view::TAGS => format!("-/package/{}/dist-tags", escaped(name.as_str())),
            view::ATTESTATIONS => attestations_path(name.as_str(), &view.arg),
            _ => name.to_string(),
        },
        Target::Manifest { scope: Scope::Index(path), view } if view.arg.is_empty() => {
            path.to_string()
        }
        Target::Manifest { scope: Scope::Index(path), view } => format!("{path}?{}", view.arg),
        Target::Artifact { owner, file, .. } => {
            owner.package().map(|name| file_path(name.as_str(), file)).unwrap_or_default()
        }
        Target::Relay { path, .. } => path.to_string(),
        Target::Local(_) => "-/ping".into(),
        Target::Sidecar { of, .. } => path(of),
    }
}

/// The known fields of a search in one order and one spelling.
fn query(request: &Request<'_>) -> String {
    let mut query = String::new();
    for field in SEARCH_FIELDS {
        let Some(value) = request.param(field) else { continue };
        let separator = if query.is_empty() { "" } else { "&" };
        // Writing to a string cannot fail.
        let _ = write!(query, "{separator}{field}={}", utf8_percent_encode(&value, VALUE));
    }
    query
}

/// A version in the one spelling that registries use as a key.
fn is_exact(text: &str) -> bool {
    weir_version::normalize(Scheme::Npm, text).as_deref() == Some(text)
}

/// Joins and checks a package's name: `name` or `@scope` and `name`.
fn package(parts: &[&str]) -> Result<String, Unroutable> {
    let joined = parts.join("/");
    let known = match parts {
        [name] => is_name(name),
        [scope, name] => scope.strip_prefix('@').is_some_and(is_name) && is_name(name),
        _ => false,
    };
    if known && joined.len() <= MAX_NAME { Ok(joined) } else { Err(Unroutable::Unknown) }
}

/// Old packages have names that could not be chosen today: capitals, `!~*'()`. A leading `_`
/// or `.` was never allowed: the database behind the first registry kept those paths to itself.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(['.', '_'])
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&b))
}
