//! Laws of routing, artifacts and constants.

use weir_core::{Ecosystem, Found, Method, Request, Target, Unroutable};

use super::Fault;
use super::suite::Subject;

/// The constants make sense.
pub(super) fn descriptor(plugin: &dyn Ecosystem) {
    let it = plugin.describe();
    let word = |text: &str| {
        let ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        !text.is_empty() && text.chars().all(ok)
    };
    assert!(word(it.id) && word(it.purl_type) && word(it.mount) && word(it.folder), "{it:?}");
    assert!(!it.origins.is_empty(), "{}: names no origin", it.id);
    assert!(it.origins.iter().all(|origin| word(origin.id)), "{}: an origin's id", it.id);
    assert!(!it.accepts.is_empty(), "{}: names no Accept value", it.id);
}

/// `route(path(t)) == t`, and HEAD is routed like GET.
pub(super) fn routing(subject: &Subject<'_>) {
    round_trip(subject, &subject.target);
    if subject.case.ask.method == Method::Get {
        let head = subject.case.ask.route(subject.plugin, Method::Head);
        subject.require(head.as_ref() == Ok(&subject.target), "HEAD is routed like GET", || {
            format!("GET {:?}, HEAD {head:?}", subject.target)
        });
    }
}

/// `route(path(t)) == t` under one of the descriptor's `accepts`.
pub(super) fn round_trip(subject: &Subject<'_>, target: &Target) {
    let ask = &subject.case.ask;
    let path = subject.plugin.path(target);
    let found = returns(subject.plugin, target, &path, ask.method, &ask.body);
    subject.require(found, "route(path(target)) == target", || {
        let tried = routes(subject.plugin, &path, Method::Get, &[]);
        format!("{target:?} has the path {path:?}, which leads to {tried:?}")
    });
}

/// Whether a path leads back to its target.
pub(super) fn returns(
    plugin: &dyn Ecosystem,
    target: &Target,
    path: &str,
    method: Method,
    body: &[u8],
) -> bool {
    routes(plugin, path, method, body).iter().any(|found| found.as_ref() == Ok(target))
}

/// What a path means under each of the descriptor's `accepts`, and without one.
pub(super) fn routes(
    plugin: &dyn Ecosystem,
    raw: &str,
    method: Method,
    body: &[u8],
) -> Vec<Result<Target, Unroutable>> {
    let accepts = plugin.describe().accepts.iter().copied().chain([""]);
    accepts
        .map(|accept| {
            let mut request = Request::get(raw)?.accepting(accept);
            request.method = method;
            request.body = body;
            plugin.route(&request)
        })
        .collect()
}

/// An artifact is found in its evidence, which lists its release.
pub(super) fn artifact(subject: &Subject<'_>) {
    const LAW: &str = "an artifact is located by its evidence";
    let Target::Artifact { file, .. } = &subject.target else { return };
    let driver = subject.driver();
    let located = subject.must(driver.locate(&subject.target), LAW);
    let Some(located) = located else {
        return subject.require(subject.case.absent, LAW, || "it was not found".into());
    };
    subject.require(!subject.case.absent, "what is not listed is not located", || {
        format!("{located:?}")
    });
    let release = (located.release.name.to_string(), located.release.version.to_string());
    if let Some(expected) = &subject.case.locates {
        subject.require(release == *expected, LAW, || format!("it belongs to {release:?}"));
    }
    let listed_as = located.listed_as.as_deref().unwrap_or(file);
    let evidence = subject.must(driver.read(&subject.target), LAW);
    let listed = evidence.iter().any(|entry| {
        (&*entry.name, &*entry.version) == (release.0.as_str(), release.1.as_str())
            && entry.file.as_deref().is_none_or(|name| name == listed_as)
    });
    subject.require(listed || evidence.is_empty(), "the evidence lists the release", || {
        format!("{release:?} with {listed_as:?} is not among {evidence:#?}")
    });
}

/// What has no releases of its own can still be gathered, within the contract; a signature that
/// was asked for is served.
pub(super) fn gathers(subject: &Subject<'_>) {
    const LAW: &str = "a signature that was asked for is served";
    let docs = match subject.driver().gather(&subject.target) {
        Ok(docs) => docs,
        Err(fault @ Fault::Broken(_)) => subject.broken("needs stay within the contract", fault),
        Err(_) => return,
    };
    let signature = docs.iter().find_map(|(_, found)| match found {
        Found::Signature(bytes) => Some(bytes),
        _ => None,
    });
    let Some(signature) = signature else { return };
    let written = subject.must(subject.driver().write(&subject.target), LAW);
    let served = written.bytes.windows(signature.len()).any(|part| part == &**signature);
    subject.require(served, LAW, || String::from_utf8_lossy(&written.bytes).into_owned());
}
