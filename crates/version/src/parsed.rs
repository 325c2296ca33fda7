//! A version as its scheme reads it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::str::FromStr as _;

use weir_core::Scheme;

use crate::{debian, generic, maven};

/// A parsed version. Values of different schemes are never compared.
#[derive(Clone, Debug)]
pub(crate) enum Parsed<'a> {
    Semver(semver::Version),
    Npm(nodejs_semver::Version),
    Pep440(pep440_rs::Version),
    Maven(maven::Version),
    Debian(Cow<'a, str>),
    Generic(Cow<'a, str>),
}

impl<'a> Parsed<'a> {
    /// Reads a text; `None` when it is no version of the scheme.
    pub(crate) fn read(scheme: Scheme, text: &'a str) -> Option<Self> {
        match scheme {
            Scheme::Semver => semver::Version::parse(text).ok().map(Self::Semver),
            Scheme::Npm => read_npm(text).map(Self::Npm),
            Scheme::Go => read_go(text).map(Self::Semver),
            Scheme::Pep440 => pep440_rs::Version::from_str(text).ok().map(Self::Pep440),
            Scheme::Maven => maven::Version::read(text).map(Self::Maven),
            Scheme::Debian => debian::is_valid(text).then(|| Self::Debian(Cow::Borrowed(text))),
            Scheme::Generic => (!text.is_empty()).then(|| Self::Generic(Cow::Borrowed(text))),
        }
    }

    pub(crate) fn into_owned(self) -> Parsed<'static> {
        match self {
            Self::Semver(v) => Parsed::Semver(v),
            Self::Npm(v) => Parsed::Npm(v),
            Self::Pep440(v) => Parsed::Pep440(v),
            Self::Maven(v) => Parsed::Maven(v),
            Self::Debian(text) => Parsed::Debian(Cow::Owned(text.into_owned())),
            Self::Generic(text) => Parsed::Generic(Cow::Owned(text.into_owned())),
        }
    }

    /// Orders two versions of one scheme.
    pub(crate) fn order(&self, other: &Parsed<'_>) -> Ordering {
        match (self, other) {
            (Self::Semver(a), Parsed::Semver(b)) => a.cmp(b),
            (Self::Npm(a), Parsed::Npm(b)) => a.cmp(b),
            (Self::Pep440(a), Parsed::Pep440(b)) => a.cmp(b),
            (Self::Maven(a), Parsed::Maven(b)) => a.order(b),
            (Self::Debian(a), Parsed::Debian(b)) => debian::compare(a, b),
            (Self::Generic(a), Parsed::Generic(b)) => generic::compare(a, b),
            (a, b) => a.scheme_rank().cmp(&b.scheme_rank()),
        }
    }

    fn scheme_rank(&self) -> u8 {
        match self {
            Self::Semver(_) => 0,
            Self::Npm(_) => 1,
            Self::Pep440(_) => 2,
            Self::Maven(_) => 3,
            Self::Generic(_) => 4,
            Self::Debian(_) => 5,
        }
    }

    pub(crate) fn is_prerelease(&self) -> bool {
        match self {
            Self::Semver(v) => !v.pre.is_empty(),
            Self::Npm(v) => v.is_prerelease(),
            Self::Pep440(v) => v.any_prerelease(),
            Self::Maven(v) => v.is_prerelease(),
            Self::Debian(text) => debian::is_prerelease(text),
            Self::Generic(_) => false,
        }
    }

    pub(crate) fn normal(&self) -> String {
        match self {
            Self::Semver(v) => v.to_string(),
            Self::Npm(v) => v.to_string(),
            Self::Pep440(v) => v.to_string(),
            Self::Maven(v) => v.as_str().to_owned(),
            Self::Debian(text) | Self::Generic(text) => text.clone().into_owned(),
        }
    }

    /// Whether it carries build metadata or a local label that takes part in the ordering.
    pub(crate) fn has_label(&self) -> bool {
        match self {
            Self::Semver(v) => !v.build.is_empty(),
            Self::Pep440(v) => v.is_local(),
            Self::Npm(_) | Self::Maven(_) | Self::Debian(_) | Self::Generic(_) => false,
        }
    }

    /// The same version without build metadata or local label.
    pub(crate) fn without_label(&self) -> Parsed<'static> {
        match self.clone() {
            Self::Semver(mut v) => {
                v.build = semver::BuildMetadata::EMPTY;
                Parsed::Semver(v)
            }
            Self::Pep440(v) => Parsed::Pep440(v.without_local()),
            other => other.into_owned(),
        }
    }
}

/// Reads a version as Go spells it (<https://go.dev/ref/mod#versions>). Build metadata says only how
/// the version came about, and takes no part in the ordering.
fn read_go(text: &str) -> Option<semver::Version> {
    let mut version = semver::Version::parse(text.strip_prefix('v')?).ok()?;
    version.build = semver::BuildMetadata::EMPTY;
    Some(version)
}

/// Reads npm's loose form. `nodejs-semver` stops at the first byte that it does not know, so the
/// whole text is checked first: what npm would not read must not count as the version in front.
fn read_npm(text: &str) -> Option<nodejs_semver::Version> {
    let trimmed = text.trim_matches(' ');
    let bare = trimmed.trim_start_matches(['v', 'V', '=']);
    if trimmed.len() - bare.len() > 2 || !is_npm_shaped(bare) {
        return None;
    }
    nodejs_semver::Version::parse(bare).ok().or_else(|| read_large_npm(bare))
}

/// Reads a version with numbers above the crate's limit, which is a tenth of npm's
/// (`Number.MAX_SAFE_INTEGER`): some publish microseconds.
fn read_large_npm(text: &str) -> Option<nodejs_semver::Version> {
    const LIMIT: u64 = (1 << 53) - 1;
    let mut parts = text.splitn(3, '.');
    let (major, minor, tail) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
    let (patch, labels) = tail.split_at(digits);
    let number = |digits: &str| digits.parse::<u64>().ok().filter(|number| *number <= LIMIT);
    let rest = nodejs_semver::Version::parse(format!("0.0.0{labels}")).ok()?;
    let (pre, build) = (rest.pre_release().to_vec(), rest.build().to_vec());
    let fits = text.len() <= nodejs_semver::MAX_LENGTH;
    let version =
        nodejs_semver::Version::new(number(major)?, number(minor)?, number(patch)?, pre, build);
    fits.then_some(version)
}

/// `MAJOR.MINOR.PATCH`, then identifiers of letters, digits and hyphens, joined by single dots
/// and at most one plus sign.
fn is_npm_shaped(text: &str) -> bool {
    let (main, build) = text.split_once('+').map_or((text, None), |(m, b)| (m, Some(b)));
    let identifiers = |text: &str| {
        text.split('.').all(|one| {
            !one.is_empty() && one.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
    };
    let mut parts = main.splitn(3, '.');
    let numeric = |part: Option<&str>| {
        part.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
    };
    let core = numeric(parts.next()) && numeric(parts.next());
    let Some(tail) = parts.next().filter(|_| core) else { return false };
    let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
    let pre = &tail[digits..];
    let pre_is_fine = pre.is_empty() || identifiers(pre.strip_prefix('-').unwrap_or(pre));
    digits > 0 && pre_is_fine && build.is_none_or(identifiers)
}
