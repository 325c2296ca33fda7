//! Documents that the tests share.

use weir_core::{Doc, Ecosystem as _, Fetch, Need, Place, Release, Request, Target};
use weir_go::Go;
use weir_testkit::{Answers, Driver, Judge, keep_all};

pub(crate) const BASE: &str = "http://gate.test/go";
pub(crate) const MODULE: &str = "go.example/Acme/Tool";
pub(crate) const ESCAPED: &str = "go.example/!acme/!tool";
pub(crate) const DATABASE: &str = "sum.example";

/// Not sorted, as some proxies have it.
pub(crate) const LIST: &str = "v1.2.0\nv1.0.0\nv2.0.0+incompatible\nv1.10.0-rc.1\nv1.9.1\nv1.9.0\n";

pub(crate) const SUM: &str = "h1:i40aqfkR1h2SlN9hojwV5ZA91wcXFOvkdNIeFDP5koI=";
pub(crate) const MOD_SUM: &str = "h1:DVbg23sWSpFRCP0SfiEN6jmj59UnW/n46BH5rLB71So=";

pub(crate) fn info(version: &str, day: u8) -> String {
    format!(
        "{{\"Version\":\"{version}\",\"Time\":\"2026-01-{day:02}T00:00:00Z\",\"Origin\":{{\"VCS\":\"git\"}}}}"
    )
}

/// A record with a sum of the zip and one of `go.mod`.
pub(crate) fn record(module: &str, version: &str) -> String {
    format!(
        "42\n{module} {version} {SUM}\n{module} {version}/go.mod {MOD_SUM}\n\ngo.sum database tree\n50\n\
         Hj8H0GmwlaYk6RersiH+w2hZWpSiODGR1uqVjAE7p30=\n\n\u{2014} {DATABASE} Az3grhRMq1VX\n"
    )
}

/// The document that says when a version of the module was made.
pub(crate) fn info_key(version: &str) -> String {
    format!("primary:{ESCAPED}/@v/{version}.info")
}

/// What upstream answers in all tests.
pub(crate) fn answers() -> Answers {
    let mut answers = Answers::new();
    let mut put =
        |key: &str, body: &str| answers.insert(key, Doc::new(body.as_bytes().to_vec(), ""));
    put(&format!("primary:{ESCAPED}/@v/list"), LIST);
    for (version, day) in
        [("v1.2.0", 2), ("v1.0.0", 1), ("v1.9.1", 5), ("v1.9.0", 4), ("v1.10.0-rc.1", 6)]
    {
        put(&info_key(version), &info(version, day));
    }
    put(&info_key("v2.0.0+incompatible"), &info("v2.0.0+incompatible", 7));
    put(&format!("primary:{ESCAPED}/@latest"), &info("v1.9.1", 5));
    put(&info_key("main"), &info("v1.9.2-0.20260108000000-0123456789ab", 8));
    put(&format!("sumdb:lookup/{ESCAPED}@v1.9.1"), &record(MODULE, "v1.9.1"));
    put("sumdb:latest", "go.sum database tree\n50\nHj8H=\n\n\u{2014} sum.example Az\n");
    put("sumdb:tile/8/0/000.p/50", "32 bytes for each of fifty leaves");
    answers
}

/// Routes a GET.
pub(crate) fn target(raw: &str) -> Target {
    Go.route(&Request::get(raw).unwrap()).unwrap()
}

/// Runs something over these answers, with dates wanted.
pub(crate) fn with_driver<T>(
    answers: &Answers,
    judge: &Judge<'_>,
    run: impl FnOnce(Driver<'_>) -> T,
) -> T {
    let cx = weir_core::Cx {
        base: BASE.into(),
        wants: weir_core::FactSet::DATES,
        ..weir_core::Cx::default()
    };
    run(Driver { plugin: &Go, answers, cx: &cx, judge })
}

/// The document of a path under a judge.
pub(crate) fn served(answers: &Answers, raw: &str, judge: &Judge<'_>) -> String {
    let written = with_driver(answers, judge, |driver| driver.write(&target(raw))).unwrap();
    String::from_utf8(written.bytes).unwrap()
}

/// The releases that a path lists.
pub(crate) fn listed(answers: &Answers, raw: &str) -> Vec<Release<'static>> {
    with_driver(answers, &keep_all, |driver| driver.read(&target(raw))).unwrap()
}

/// A path below the module.
pub(crate) fn of(path: &str) -> String {
    format!("{ESCAPED}/{path}")
}

/// The places of what is needed first.
pub(crate) fn needs(raw: &str) -> Vec<Fetch> {
    let (target, docs, cx) = (target(raw), weir_core::Docs::new(), weir_core::Cx::default());
    let needs = Go.need(&weir_core::Job { target: &target, docs: &docs, cx: &cx });
    let fetch = |need| match need {
        Need::Fetch(fetch) => fetch,
        other => panic!("not a fetch: {other:?}"),
    };
    needs.into_iter().map(fetch).collect()
}

pub(crate) fn shown(place: &Place) -> String {
    match place {
        Place::Origin { origin, path } => format!("{origin}: {path}"),
        Place::Named { origin, name, path } => format!("{origin} named {name}: {path}"),
        Place::Link(link) => link.as_str().to_owned(),
    }
}
