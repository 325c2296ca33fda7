//! The oracle: what an answer is worth, beside what the registries have.

use crate::client::{Ask, End, Got};
use crate::counts::Tally;
use crate::names::Asked;
use crate::things::Kind;
use crate::truth::Truth;

/// Judges the answer to a request for a thing, and counts it.
pub(crate) fn judge(tally: &Tally, truth: &Truth, asked: Asked, ask: &Ask, got: Option<&Got>) {
    let thing = asked.thing;
    let Some(got) = got else {
        tally.broken();
        return;
    };
    let known = &truth.things[thing];
    let said = |what: &str| {
        let Ask { method, path, headers, .. } = ask;
        let (status, length) = (got.status, got.body.len());
        let text = if status < 400 { "".into() } else { String::from_utf8_lossy(&got.body) };
        let end = got.end;
        format!("{method} {path} {headers:?}: {status}, {length} bytes, {end:?}: {what} {text}")
    };
    if matches!(got.status, 200 | 206) && known.shows_withheld(&got.body) {
        tally.unfiltered(got.body.len(), said("shows what is withheld"));
        return;
    }
    if (ask.method, got.status, got.end) == ("GET", 200, End::Whole) {
        truth.names.name(asked, &known.names);
    }
    match worth(truth, asked, ask, got) {
        Worth::Right if known.withheld && got.status == 403 => tally.refused(),
        Worth::Right => tally.right(),
        Worth::Honest => tally.error(),
        Worth::Unfinished => tally.broken(),
        Worth::Wrong(what) => tally.wrong(said(what)),
    }
}

enum Worth {
    Right,
    Honest,
    Unfinished,
    Wrong(&'static str),
}

fn worth(truth: &Truth, asked: Asked, ask: &Ask, got: &Got) -> Worth {
    let thing = asked.thing;
    let known = &truth.things[thing];
    match got.status {
        200 | 206 if got.end != End::Whole => Worth::Unfinished,
        200 if ask.method == "HEAD" => length(truth, thing, got),
        200 if truth.is(thing, &got.body) => Worth::Right,
        200 => Worth::Wrong("not what the registry has"),
        206 => part(truth, thing, got),
        304 if ask.headers.iter().any(|(name, _)| *name == "if-none-match") => Worth::Right,
        403 if known.withheld => Worth::Right,
        403 => Worth::Wrong("refused, though it is allowed"),
        404 if known.passing || known.withheld => Worth::Right,
        // Nobody has asked for what lists it, or the gateway has lost its memory since.
        404 if known.indexed && !truth.names.is_known(asked) => Worth::Honest,
        404 => Worth::Wrong("denied, though it exists"),
        416 if ask.headers.iter().any(|(name, _)| *name == "range") => Worth::Right,
        429 | 500..=599 => honest(got),
        _ => Worth::Wrong("a status that nothing explains"),
    }
}

/// An error says which, and one that passes says when to come back.
fn honest(got: &Got) -> Worth {
    if got.header("x-weir-reason").is_none() {
        return Worth::Wrong("an error without a reason");
    }
    if matches!(got.status, 429 | 503) && got.header("retry-after").is_none() {
        return Worth::Wrong("no time to come back");
    }
    if got.header("cache-control") != Some("no-store") {
        return Worth::Wrong("an error that caches may keep");
    }
    Worth::Honest
}

fn length(truth: &Truth, thing: usize, got: &Got) -> Worth {
    let declared = got.header("content-length").and_then(|length| length.parse::<usize>().ok());
    let coded = got.header("content-encoding").is_some();
    match declared {
        Some(length) if !coded && !truth.bodies(thing).any(|body| body.len() == length) => {
            Worth::Wrong("another length than the registry has")
        }
        _ => Worth::Right,
    }
}

/// `bytes a-b/length` of a file.
fn part(truth: &Truth, thing: usize, got: &Got) -> Worth {
    let range = got.header("content-range").and_then(|range| range.strip_prefix("bytes "));
    let parsed = range.and_then(|range| {
        let (span, length) = range.split_once('/')?;
        let (first, last) = span.split_once('-')?;
        Some((
            first.parse::<usize>().ok()?,
            last.parse::<usize>().ok()?,
            length.parse::<usize>().ok()?,
        ))
    });
    let Some((first, last, length)) = parsed else { return Worth::Wrong("an unreadable range") };
    let is = |body: &[u8]| body.len() == length && body.get(first..=last) == Some(&got.body[..]);
    match truth.bodies(thing).any(is) {
        true if truth.things[thing].kind == Kind::File => Worth::Right,
        true => Worth::Wrong("a part of a listing"),
        false => Worth::Wrong("another part than the registry has"),
    }
}
