//! Version ranges as policy rules and advisories write them.

mod parse;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use weir_core::Scheme;

use crate::Reading;
use crate::parsed::Parsed;

/// A set of versions of one scheme.
///
/// The grammar is the same for all schemes: comparators `=`, `==`, `!=`, `<`, `<=`, `>`, `>=` before a
/// version; a bare version is exact; a comma or white space is *and*; `||` is *or*; `*` is everything.
/// These follow the ordering of [`compare`](crate::compare) and nothing else, so `<2.0.0` holds
/// `2.0.0-rc.1` (and in PEP 440 `<2.0` holds `2.0rc1`): a rule against old versions must not
/// miss a prerelease. Build metadata and local labels are ignored unless the comparator has one,
/// so `=1.0` holds `1.0+cu118`.
///
/// In [`Scheme::Semver`], [`Scheme::Npm`] and [`Scheme::Go`] a version may be partial and then stands for all of its
/// versions: `=1.2` and `1.2` hold `1.2.9`, `>1.2` starts at 1.3.0, `<=1.2` ends before it. Note that a
/// bare version is exact here, other than in a `Cargo.toml`.
///
/// Beside these, each scheme takes its *native* forms, which mean what they mean in its own
/// clients, also for prereleases (which npm's and Cargo's hold only where the range names one of
/// the same `MAJOR.MINOR.PATCH`):
///
/// - npm: `^1.2`, `~1.2`, `1.x`, `1.2 - 2.0`
/// - Cargo and Go (whose clients have no ranges): `^1.2`, `~1.2`, `1.*`
/// - Maven: `[1.0,2.0)`, `[1.0]`, `(,1.0],[1.2,)`
/// - PEP 440: `~=1.4`, `==1.*`, `!=1.*`, `===text`; prefix matches hold prereleases
///
/// In [`Scheme::Go`] the leading `v` may be left out of a range.
///
/// A text that is no version is held by `*`, by `!=`, and by `===` of the very same text only.
#[derive(Clone, Debug)]
pub struct Range {
    text: Box<str>,
    scheme: Scheme,
    /// Alternatives of comparators that must all hold.
    alternatives: Vec<Vec<Comparator>>,
}

#[derive(Clone, Debug)]
enum Comparator {
    Any,
    /// Compared by the scheme's ordering.
    Order(Operator, Parsed<'static>),
    /// Below the first or not below the second: what a partial version leaves out.
    Outside(Parsed<'static>, Parsed<'static>),
    Cargo(semver::VersionReq),
    Npm(nodejs_semver::Range),
    Pep440(Box<pep440_rs::VersionSpecifier>),
    /// PEP 440 prefix match: epoch and leading release numbers.
    Prefix {
        epoch: u64,
        release: Vec<u64>,
        matches: bool,
    },
    /// PEP 440 arbitrary equality.
    Text(Box<str>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Why a text is not a range. Every variant quotes the part that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RangeError {
    /// Nothing where comparators are expected; everything is spelled `*`.
    #[error("a version range is empty; write * for all versions")]
    Empty,
    /// An operator that this scheme does not have.
    #[error("{0:?} is not a version comparator; use =, !=, <, <=, > or >=")]
    Operator(String),
    /// An operator without a version after it.
    #[error("{0:?} needs a version after it")]
    Dangling(String),
    /// The text after an operator is not a version of the scheme.
    #[error("{0:?} is not a version")]
    Version(String),
}

impl Range {
    /// Reads a range.
    pub fn parse(scheme: Scheme, text: &str) -> Result<Self, RangeError> {
        let alternatives = text
            .split("||")
            .map(|alternative| parse::alternatives(scheme, alternative))
            .collect::<Result<Vec<_>, _>>()?
            .concat();
        Ok(Self { text: text.trim().into(), scheme, alternatives })
    }

    /// Whether a version is in the range.
    pub fn contains(&self, version: &str) -> bool {
        self.holds(&Reading::new(self.scheme, version))
    }

    /// Whether a version that was read before is in the range. One that was read under another
    /// scheme is read again.
    pub fn holds(&self, version: &Reading<'_>) -> bool {
        if version.scheme != self.scheme {
            return self.contains(version.text);
        }
        let Reading { text, parsed, .. } = version;
        self.alternatives
            .iter()
            .any(|all| all.iter().all(|comparator| comparator.holds(text, parsed.as_ref())))
    }

    /// The scheme that the range was read under.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }
}

/// The text that was read, trimmed.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Comparator {
    fn holds(&self, text: &str, version: Option<&Parsed<'_>>) -> bool {
        match (self, version) {
            (Self::Any, _) | (Self::Outside(..), None) => true,
            (Self::Text(wanted), _) => wanted.eq_ignore_ascii_case(text.trim()),
            (Self::Order(operator, bound), Some(version)) => operator.holds(version, bound),
            (Self::Order(operator, _), None) => *operator == Operator::NotEqual,
            (Self::Outside(first, next), Some(version)) => {
                Operator::Less.holds(version, first) || !Operator::Less.holds(version, next)
            }
            (Self::Prefix { matches, .. }, None) => !matches,
            (Self::Cargo(range), Some(Parsed::Semver(version))) => range.matches(version),
            (Self::Npm(range), Some(Parsed::Npm(version))) => range.satisfies(version),
            (Self::Pep440(range), Some(Parsed::Pep440(version))) => range.contains(version),
            (Self::Prefix { epoch, release, matches }, Some(Parsed::Pep440(version))) => {
                (version.epoch() == *epoch && starts_with(version.release(), release)) == *matches
            }
            _ => false,
        }
    }
}

/// Whether release numbers, continued by zeros, start with a prefix.
fn starts_with(release: &[u64], prefix: &[u64]) -> bool {
    prefix.iter().enumerate().all(|(i, wanted)| release.get(i).unwrap_or(&0) == wanted)
}

impl Operator {
    fn holds(self, version: &Parsed<'_>, bound: &Parsed<'_>) -> bool {
        let order = if version.has_label() && !bound.has_label() {
            version.without_label().order(bound)
        } else {
            version.order(bound)
        };
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl FromStr for Operator {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "" | "=" | "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return Err(()),
        })
    }
}
