//! Package patterns: package URLs in which `*` stands for any text.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::EcosystemInfo;

/// A package URL, maybe with stars, that packages are compared with.
///
/// `pkg:npm/vite` is one package, `pkg:npm/vite@7.1.0` one version of it. `*` stands for any text
/// without `/` and `**` for any text, so `pkg:npm/@scope/*` (also written `pkg:npm/%40scope/*`) is
/// a scope and `pkg:golang/example.org/**` everything below a path. A star alone in the place of
/// the name is every package of the type, scoped ones too: `pkg:npm/*`. `pkg:*/left-pad` is that
/// name in every ecosystem.
///
/// Names are compared as package URLs compare them: without regard to case where the purl type
/// says so, and in PyPI's and Cargo's normal form. Qualifiers have no place in a pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    purl_type: Option<Box<str>>,
    name: NamePattern,
    version: Option<Box<str>>,
}

#[derive(Clone, Debug)]
enum NamePattern {
    All,
    Exact(Box<str>),
    Glob(Vec<Piece>),
}

#[derive(Clone, Debug)]
enum Piece {
    Text(Box<str>),
    /// Any text without `/`.
    Star,
    /// Any text.
    DeepStar,
}

/// What is wrong with a pattern, and what was expected.
#[derive(Debug)]
pub(crate) struct PatternError {
    pub(crate) what: String,
    pub(crate) expected: String,
}

/// How narrow a pattern is, narrowest greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Narrowness {
    exact: bool,
    typed: bool,
    prefix: usize,
    versioned: bool,
}

const EXAMPLE: &str = "a package URL such as pkg:npm/vite or pkg:npm/@scope/*";

impl Pattern {
    /// Reads a pattern that names one of these ecosystems.
    pub(crate) fn parse(text: &str, known: &[EcosystemInfo<'_>]) -> Result<Self, PatternError> {
        let wrong = |expected: &str| PatternError {
            what: format!("{text:?} is not a package pattern"),
            expected: expected.to_owned(),
        };
        if text.contains(['?', '#']) {
            return Err(wrong("a package URL without qualifiers; * stands for any text"));
        }
        let rest = text.trim().strip_prefix("pkg:").ok_or_else(|| wrong(EXAMPLE))?;
        let (purl_type, rest) = rest.split_once('/').ok_or_else(|| wrong(EXAMPLE))?;
        let (name, version) = split_version(rest);
        let decode = |text| percent_decode_str(text).decode_utf8().map_err(|_| wrong("UTF-8"));
        let (name, version) = (decode(name)?, version.map(decode).transpose()?);
        if name.is_empty() || version.as_deref().is_some_and(str::is_empty) {
            return Err(wrong(EXAMPLE));
        }
        if version.as_deref().is_some_and(|version| version.contains('*')) {
            return Err(wrong("one version after @; a range of versions has a key of its own"));
        }
        let purl_type = known_type(purl_type, known)?;
        let name = NamePattern::new(&fold(purl_type.unwrap_or_default(), &name));
        Ok(Self { purl_type: purl_type.map(Into::into), name, version: version.map(Into::into) })
    }

    /// The purl type; `None` when the pattern is for all of them.
    pub fn purl_type(&self) -> Option<&str> {
        self.purl_type.as_deref()
    }

    /// The version, when the pattern names one.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Whether packages of this type can match.
    pub(crate) fn concerns(&self, purl_type: &str) -> bool {
        self.purl_type().is_none_or(|own| own == purl_type)
    }

    /// Whether a name in the form of [`fold`] matches.
    pub(crate) fn matches_name(&self, folded: &str) -> bool {
        match &self.name {
            NamePattern::All => true,
            NamePattern::Exact(name) => **name == *folded,
            NamePattern::Glob(pieces) => glob_matches(pieces, folded.as_bytes()),
        }
    }

    pub(crate) fn narrowness(&self) -> Narrowness {
        let (exact, prefix) = match &self.name {
            NamePattern::All => (false, 0),
            NamePattern::Exact(name) => (true, name.len()),
            NamePattern::Glob(pieces) => match pieces.first() {
                Some(Piece::Text(text)) => (false, text.len()),
                _ => (false, 0),
            },
        };
        let (typed, versioned) = (self.purl_type.is_some(), self.version.is_some());
        Narrowness { exact, typed, prefix, versioned }
    }
}

impl NamePattern {
    fn new(folded: &str) -> Self {
        if matches!(folded, "*" | "**") {
            return Self::All;
        }
        if !folded.contains('*') {
            return Self::Exact(folded.into());
        }
        let mut pieces = Vec::new();
        let mut rest = folded;
        while let Some(at) = rest.find('*') {
            let (text, stars) = rest.split_at(at);
            if !text.is_empty() {
                pieces.push(Piece::Text(text.into()));
            }
            let after = stars.trim_start_matches('*');
            let deep = stars.len() - after.len() > 1;
            pieces.push(if deep { Piece::DeepStar } else { Piece::Star });
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.into()));
        }
        Self::Glob(pieces)
    }
}

/// Splits at the `@` before a version; an `@` that begins a segment begins a scope.
fn split_version(rest: &str) -> (&str, Option<&str>) {
    match rest.rsplit_once('@') {
        Some((name, version)) if !name.is_empty() && !name.ends_with('/') => (name, Some(version)),
        _ => (rest, None),
    }
}

/// The type as known, or `None` for `*`.
fn known_type<'k>(
    text: &str,
    known: &'k [EcosystemInfo<'_>],
) -> Result<Option<&'k str>, PatternError> {
    if text == "*" {
        return Ok(None);
    }
    // The type of images of one public registry; here they are images like all others.
    let text = if text.eq_ignore_ascii_case("docker") { "oci" } else { text };
    if let Some(info) = known.iter().find(|info| info.purl_type.eq_ignore_ascii_case(text)) {
        return Ok(Some(info.purl_type));
    }
    let named = known.iter().find(|info| info.id == text);
    let types = || known.iter().map(|info| info.purl_type).collect::<Vec<_>>().join(", ");
    let expected = named.map_or_else(
        || format!("one of {}, or *", types()),
        |info| format!("its purl type, pkg:{}/…", info.purl_type),
    );
    Err(PatternError { what: format!("{text:?} is not a purl type that is served here"), expected })
}

/// A name in the form in which names are compared.
///
/// Case is folded for the types whose package URLs are in lower case (purl-spec, `types/`), and for
/// `NuGet`, whose ids have no case. `PyPI` compares as PEP 503 says; Cargo's registry treats `-` and `_`
/// alike, and case too. In Maven's names `:` is what `/` is in its package URLs.
pub(crate) fn fold<'n>(purl_type: &str, name: &'n str) -> Cow<'n, str> {
    match purl_type {
        "pypi" => Cow::Owned(fold_pypi(name)),
        "cargo" if name.chars().any(|c| c == '_' || c.is_uppercase()) => {
            Cow::Owned(name.replace('_', "-").to_lowercase())
        }
        "maven" if name.contains(':') => Cow::Owned(name.replace(':', "/")),
        "npm" | "composer" | "golang" | "hex" | "nuget" | "deb" | "bitbucket" | "github"
            if name.chars().any(char::is_uppercase) =>
        {
            Cow::Owned(name.to_lowercase())
        }
        _ => Cow::Borrowed(name),
    }
}

fn fold_pypi(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if folded.ends_with('-') => {}
            '-' | '_' | '.' => folded.push('-'),
            c => folded.extend(c.to_lowercase()),
        }
    }
    folded
}

/// Matches in time proportional to pieces × text: `reach[i]` says whether the pieces so far can
/// end before byte `i`.
fn glob_matches(pieces: &[Piece], text: &[u8]) -> bool {
    // Whole indexes are judged name by name: most names end here.
    if let Some(Piece::Text(prefix)) = pieces.first()
        && !text.starts_with(prefix.as_bytes())
    {
        return false;
    }
    let mut reach = vec![false; text.len() + 1];
    reach[0] = true;
    for piece in pieces {
        reach = match piece {
            Piece::Text(literal) => after_literal(&reach, literal.as_bytes(), text),
            Piece::Star => after_star(&reach, text, false),
            Piece::DeepStar => after_star(&reach, text, true),
        };
    }
    reach[text.len()]
}

fn after_literal(reach: &[bool], literal: &[u8], text: &[u8]) -> Vec<bool> {
    let mut next = vec![false; reach.len()];
    for (at, _) in reach.iter().enumerate().filter(|(_, reached)| **reached) {
        if text[at..].starts_with(literal) {
            next[at + literal.len()] = true;
        }
    }
    next
}

fn after_star(reach: &[bool], text: &[u8], deep: bool) -> Vec<bool> {
    let mut open = false;
    let mut next = Vec::with_capacity(reach.len());
    for (at, reached) in reach.iter().enumerate() {
        open |= reached;
        next.push(open);
        open &= deep || text.get(at) != Some(&b'/');
    }
    next
}
