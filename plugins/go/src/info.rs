//! What the proxy says of one version: a JSON object with `Version` and `Time`
//! (<https://go.dev/ref/mod#goproxy-protocol>).

use std::borrow::Cow;

use weir_core::{Doc, Fetch, FormatError, Name, Timestamp};
use weir_format::json::{self, Object};

use crate::{name, paths};

/// A version and when its commit was made, which is for its author to say.
#[derive(Debug)]
pub(crate) struct Info<'a> {
    pub(crate) version: Cow<'a, str>,
    pub(crate) time: Option<Timestamp>,
}

/// What the proxy says of a version. A version is said once and for all; a branch moves.
pub(crate) fn fetch(module: &Name, version: &str) -> Fetch {
    let fetch = Fetch::get(paths::info(module, version)).accept("application/json");
    if name::is_canonical(version) { fetch.immutable() } else { fetch }
}

/// What the proxy calls the latest version.
pub(crate) fn latest(module: &Name) -> Fetch {
    Fetch::get(paths::latest(module)).accept("application/json").optional()
}

pub(crate) fn parse(body: &[u8]) -> Result<Info<'_>, FormatError> {
    let object = Object::parse(body)?;
    // Go reads keys whatever their case, and believes the last of two.
    let spelled = |member: &&json::Member<'_>| {
        let known =
            ["Version", "Time"].into_iter().find(|key| member.key.eq_ignore_ascii_case(key));
        known.is_some_and(|key| member.key != key)
    };
    if let Some(odd) = object.members().iter().find(spelled) {
        return Err(FormatError::at(odd.span().start, "a key in another case than the format's"));
    }
    let version = object.text("Version").filter(|version| !version.is_empty());
    let version = version.ok_or_else(|| FormatError::new("it names no version"))?;
    let time = object.text("Time").and_then(|time| Timestamp::parse_rfc3339(&time));
    Ok(Info { version, time })
}

/// What is said of this very version, where the document is of it.
pub(crate) fn of<'a>(doc: &'a Doc, version: &str) -> Result<Info<'a>, FormatError> {
    let info = parse(doc.bytes())?;
    if info.version == version {
        return Ok(info);
    }
    let found: String = info.version.chars().take(80).collect();
    Err(FormatError::new(format!("it is of version {found:?}, not {version}")))
}

/// A document that says nothing but the version.
pub(crate) fn bare(version: &str) -> String {
    format!("{{\"Version\":{}}}", json::quote(version))
}
