//! Version orderings and version ranges, one per [`Scheme`].
//!
//! The orderings come from each ecosystem's own crate where a well-kept one exists: `semver` for
//! Cargo and Go, `nodejs-semver` for npm, `pep440_rs` for PyPI; Maven's is written out here. This
//! crate adds what a gateway needs on top: a total order over *any* text, because listings hold
//! versions that are none, and one range grammar for policy rules ([`Range`]).
//!
//! Nothing here panics, whatever the text.
//!
//! ```
//! use std::cmp::Ordering;
//! use weir_core::Scheme;
//!
//! assert_eq!(weir_version::compare(Scheme::Pep440, "1.0rc1", "1.0"), Ordering::Less);
//! let range = weir_version::Range::parse(Scheme::Npm, ">=1.2, <2 || =3.0.1").unwrap();
//! assert!(range.contains("1.9.0") && !range.contains("3.0.0"));
//! ```

mod debian;
mod generic;
mod maven;
mod parsed;
mod range;
mod reading;

use std::cmp::Ordering;

use weir_core::Scheme;

use crate::parsed::Parsed;
pub use crate::range::{Range, RangeError};
pub use crate::reading::Reading;

/// Orders two versions.
///
/// This is a total preorder over all texts: a text that is no version of the scheme sorts below
/// every text that is one, and such texts sort among themselves by bytes. Different spellings of
/// one version (`1.0` and `1.0.0` in PEP 440) compare as equal. Build metadata orders versions
/// in [`Scheme::Semver`], as Cargo does, and is ignored in [`Scheme::Npm`] and [`Scheme::Go`], as their
/// clients do.
pub fn compare(scheme: Scheme, left: &str, right: &str) -> Ordering {
    match (Parsed::read(scheme, left), Parsed::read(scheme, right)) {
        (Some(a), Some(b)) => a.order(&b),
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        (None, None) => left.as_bytes().cmp(right.as_bytes()),
    }
}

/// Whether a text is a version of the scheme.
///
/// [`Scheme::Npm`] takes npm's loose spellings (`v1.2.3`, `1.2.3beta`) within npm's limits: 256
/// bytes, numbers below 2⁵³. [`Scheme::Maven`] takes every text of 1 to 256 bytes, and
/// [`Scheme::Generic`] everything but the empty text.
pub fn is_valid(scheme: Scheme, text: &str) -> bool {
    Parsed::read(scheme, text).is_some()
}

/// Whether a text is a version that its scheme calls a prerelease (PEP 440: a pre- or development
/// release; Maven: alpha, beta, milestone, release candidate and snapshot). A text that is no version is none, and the generic scheme knows none.
pub fn is_prerelease(scheme: Scheme, text: &str) -> bool {
    Parsed::read(scheme, text).is_some_and(|version| version.is_prerelease())
}

/// The normal form of a version: PEP 440's for [`Scheme::Pep440`], the strict spelling for
/// [`Scheme::Npm`] (`v1.2.3beta` becomes `1.2.3-beta`), the text itself for the others. `None`
/// for a text that is no version.
pub fn normalize(scheme: Scheme, text: &str) -> Option<String> {
    let version = Parsed::read(scheme, text)?;
    Some(if scheme == Scheme::Go { text.to_owned() } else { version.normal() })
}

/// The version that a person would call the newest: the highest release, or the highest
/// prerelease when there is nothing else. Texts that are no versions do not count.
pub fn newest<'a>(scheme: Scheme, versions: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best: Option<(&str, Parsed<'_>)> = None;
    for text in versions {
        let Some(version) = Parsed::read(scheme, text) else { continue };
        let rank = |v: &Parsed<'_>| !v.is_prerelease();
        let better = best.as_ref().is_none_or(|(_, held)| {
            rank(&version).cmp(&rank(held)).then_with(|| version.order(held)).is_gt()
        });
        if better {
            best = Some((text, version));
        }
    }
    best.map(|(text, _)| text)
}

#[cfg(test)]
mod tests;
