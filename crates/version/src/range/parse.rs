//! Reads the comparators of a range.

use std::str::FromStr as _;

use weir_core::Scheme;

use super::{Comparator, Operator, RangeError};
use crate::parsed::Parsed;

/// Reads what stands between two `||`: several alternatives where it is a union of Maven's sets.
pub(super) fn alternatives(scheme: Scheme, text: &str) -> Result<Vec<Vec<Comparator>>, RangeError> {
    match text.trim() {
        sets if scheme == Scheme::Maven && sets.starts_with(['[', '(']) => maven_sets(sets),
        _ => alternative(scheme, text).map(|all| vec![all]),
    }
}

/// Maven's own ranges ("Dependency Version Requirement Specification" of the POM reference): sets
/// in brackets, joined by commas.
fn maven_sets(mut text: &str) -> Result<Vec<Vec<Comparator>>, RangeError> {
    let mut sets = Vec::new();
    loop {
        let end = text.find([']', ')']).ok_or_else(|| bad(text))?;
        let (set, rest) = text.split_at(end + 1);
        sets.push(maven_set(set)?);
        let rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(sets);
        }
        text = rest.strip_prefix(',').map(str::trim_start).ok_or_else(|| bad(rest))?;
    }
}

fn maven_set(set: &str) -> Result<Vec<Comparator>, RangeError> {
    let bound = |operator, text: &str| {
        let version = Parsed::read(Scheme::Maven, text).ok_or_else(|| bad(set))?;
        Ok(Comparator::Order(operator, version.into_owned()))
    };
    let inner = set.strip_prefix(['[', '(']).and_then(|s| s.strip_suffix([']', ')']));
    let inner = inner.filter(|inner| !inner.contains(['[', '('])).ok_or_else(|| bad(set))?;
    let (low_closed, high_closed) = (set.starts_with('['), set.ends_with(']'));
    let Some((low, high)) = inner.split_once(',') else {
        let one = low_closed && high_closed;
        return if one { Ok(vec![bound(Operator::Equal, inner.trim())?]) } else { Err(bad(set)) };
    };
    let mut comparators = Vec::new();
    if !low.trim().is_empty() {
        let operator = if low_closed { Operator::GreaterOrEqual } else { Operator::Greater };
        comparators.push(bound(operator, low.trim())?);
    }
    if !high.trim().is_empty() {
        let operator = if high_closed { Operator::LessOrEqual } else { Operator::Less };
        comparators.push(bound(operator, high.trim())?);
    }
    if comparators.is_empty() {
        comparators.push(Comparator::Any);
    }
    Ok(comparators)
}

fn alternative(scheme: Scheme, text: &str) -> Result<Vec<Comparator>, RangeError> {
    let words: Vec<&str> =
        text.split(|c: char| c == ',' || c.is_whitespace()).filter(|w| !w.is_empty()).collect();
    let mut comparators = Vec::new();
    let mut rest = words.as_slice();
    while !rest.is_empty() {
        rest = match rest {
            [low, "-", high, tail @ ..] if scheme == Scheme::Npm => {
                partial_or_full(scheme, low)?;
                partial_or_full(scheme, high)?;
                comparators.push(npm(&format!("{low} - {high}"))?);
                tail
            }
            // An operator may stand apart from its version.
            [operator, version, tail @ ..] if split(operator).1.is_empty() => {
                comparator(scheme, operator, version, &mut comparators)?;
                tail
            }
            [word, tail @ ..] => {
                let (operator, version) = split(word);
                comparator(scheme, operator, version, &mut comparators)?;
                tail
            }
            [] => break,
        };
    }
    if comparators.is_empty() { Err(RangeError::Empty) } else { Ok(comparators) }
}

/// Reads a bound. Go's has its `v` or not.
fn read(scheme: Scheme, version: &str) -> Option<Parsed<'static>> {
    let spelled = match scheme {
        Scheme::Go => format!("v{}", bare(scheme, version)),
        _ => version.to_owned(),
    };
    Parsed::read(scheme, &spelled).map(Parsed::into_owned)
}

/// A version without the `v` that its scheme allows in front of it.
fn bare(scheme: Scheme, version: &str) -> &str {
    match scheme {
        Scheme::Npm => version.trim_start_matches(['v', 'V']),
        Scheme::Go => version.strip_prefix('v').unwrap_or(version),
        _ => version,
    }
}

fn split(word: &str) -> (&str, &str) {
    let end = word.find(|c| !"=<>!~^".contains(c)).unwrap_or(word.len());
    word.split_at(end)
}

fn comparator(
    scheme: Scheme,
    operator: &str,
    version: &str,
    out: &mut Vec<Comparator>,
) -> Result<(), RangeError> {
    if version.is_empty() {
        return Err(RangeError::Dangling(operator.to_owned()));
    }
    if matches!(operator, "" | "=" | "==") && version == "*" {
        out.push(Comparator::Any);
        return Ok(());
    }
    if let Some(native) = native(scheme, operator, version)? {
        out.push(native);
        return Ok(());
    }
    let operator =
        Operator::from_str(operator).map_err(|()| RangeError::Operator(operator.to_owned()))?;
    if let Some(version) = read(scheme, version) {
        out.push(Comparator::Order(operator, version));
        return Ok(());
    }
    let (first, next) = span_of_partial(scheme, version).ok_or_else(|| bad(version))?;
    out.extend(partial(operator, first, next));
    Ok(())
}

/// A comparator in the scheme's own syntax; `None` when it is none.
fn native(scheme: Scheme, operator: &str, version: &str) -> Result<Option<Comparator>, RangeError> {
    match scheme {
        Scheme::Npm if is_caret_or_tilde(operator) || has_wildcard(version) => {
            partial_or_full(scheme, version)?;
            if !is_caret_or_tilde(operator) {
                Operator::from_str(operator).map_err(|()| RangeError::Operator(operator.into()))?;
            }
            npm(&format!("{operator}{version}")).map(Some)
        }
        Scheme::Semver | Scheme::Go if matches!(operator, "^" | "~") || has_wildcard(version) => {
            let version = bare(scheme, version);
            let text = format!("{operator}{version}");
            let range = semver::VersionReq::parse(&text).map_err(|_| bad(&text))?;
            Ok(Some(Comparator::Cargo(range)))
        }
        Scheme::Pep440 => pep440(operator, version),
        _ => Ok(None),
    }
}

fn is_caret_or_tilde(operator: &str) -> bool {
    matches!(operator, "^" | "~" | "~>")
}

fn pep440(operator: &str, version: &str) -> Result<Option<Comparator>, RangeError> {
    match operator {
        "===" => Ok(Some(Comparator::Text(version.into()))),
        "~=" => {
            let text = format!("~={version}");
            let range = pep440_rs::VersionSpecifier::from_str(&text).map_err(|_| bad(&text))?;
            Ok(Some(Comparator::Pep440(Box::new(range))))
        }
        "" | "=" | "==" | "!=" => {
            let Some(prefix) = version.strip_suffix(".*") else { return Ok(None) };
            let parsed = pep440_rs::Version::from_str(prefix)
                .ok()
                .filter(|v| !v.any_prerelease() && !v.is_post() && !v.is_local())
                .ok_or_else(|| bad(version))?;
            Ok(Some(Comparator::Prefix {
                epoch: parsed.epoch(),
                release: parsed.release().to_vec(),
                matches: operator != "!=",
            }))
        }
        _ => Ok(None),
    }
}

fn npm(text: &str) -> Result<Comparator, RangeError> {
    nodejs_semver::Range::parse(text).map(Comparator::Npm).map_err(|_| bad(text))
}

fn has_wildcard(version: &str) -> bool {
    version.split('.').take(3).any(is_wildcard)
}

fn is_wildcard(part: &str) -> bool {
    matches!(part, "x" | "X" | "*")
}

/// Checks what goes to npm's range parser, which would leave out what it does not understand.
fn partial_or_full(scheme: Scheme, version: &str) -> Result<(), RangeError> {
    let parts: Vec<&str> = bare(scheme, version).split('.').collect();
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_partial = parts.len() <= 3 && parts.iter().all(|p| number(p) || is_wildcard(p));
    if is_partial || Parsed::read(scheme, version).is_some() { Ok(()) } else { Err(bad(version)) }
}

/// The first release of a partial version and the lowest version above it: `1.2` spans from
/// `1.2.0` to before `1.3.0-0`, the lowest prerelease of the next.
fn span_of_partial(scheme: Scheme, version: &str) -> Option<(Parsed<'static>, Parsed<'static>)> {
    if !matches!(scheme, Scheme::Semver | Scheme::Npm | Scheme::Go) {
        return None;
    }
    let numbers = bare(scheme, version)
        .split('.')
        .map(|n| n.parse::<u64>().ok())
        .collect::<Option<Vec<_>>>()?;
    let (first, next) = match numbers.as_slice() {
        [major] => (format!("{major}.0.0"), format!("{}.0.0-0", major.checked_add(1)?)),
        [major, minor] => {
            (format!("{major}.{minor}.0"), format!("{major}.{}.0-0", minor.checked_add(1)?))
        }
        _ => return None,
    };
    Some((read(scheme, &first)?, read(scheme, &next)?))
}

/// The comparators that a comparator with a partial version stands for.
fn partial(operator: Operator, first: Parsed<'static>, next: Parsed<'static>) -> Vec<Comparator> {
    use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    match operator {
        Equal => {
            vec![Comparator::Order(GreaterOrEqual, first), Comparator::Order(Less, next)]
        }
        NotEqual => vec![Comparator::Outside(first, next)],
        Less => vec![Comparator::Order(Less, first)],
        LessOrEqual => vec![Comparator::Order(Less, next)],
        Greater => vec![Comparator::Order(GreaterOrEqual, next)],
        GreaterOrEqual => vec![Comparator::Order(GreaterOrEqual, first)],
    }
}

fn bad(text: &str) -> RangeError {
    RangeError::Version(text.to_owned())
}
