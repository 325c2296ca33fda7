//! Documents that the tests share.

use weir_core::{Release, Target};
use weir_testkit::{Answers, Driver, Judge, keep_all};

pub(crate) const BASE: &str = "http://gate.test/cargo";
pub(crate) const CONFIG: &str =
    r#"{"dl":"https://files.example:443/v1/crates","api":"https://registry.example"}"#;

/// SHA-256 digits that differ by one number.
pub(crate) fn cksum(number: u8) -> String {
    format!("{number:02x}").repeat(32)
}

/// A line as a registry writes it.
pub(crate) fn line(name: &str, version: &str, number: u8) -> String {
    let cksum = cksum(number);
    format!(
        r#"{{"name":"{name}","vers":"{version}","deps":[{{"name":"dep","req":"^1","features":[],"optional":false,"default_features":true,"target":null,"kind":"normal"}}],"cksum":"{cksum}","features":{{}},"yanked":false,"rust_version":"1.56","pubtime":"2026-07-18T23:05:13Z"}}"#
    )
}

/// Three releases of `Demo`, the middle one of them yanked.
pub(crate) fn index() -> String {
    let yanked = line("Demo", "1.1.0", 2).replace("\"yanked\":false", "\"yanked\": true");
    format!("{}\n{yanked}\n{}\n", line("Demo", "1.0.0", 1), line("Demo", "2.0.0-rc.1+b7", 3))
}

pub(crate) const VERSIONS: &str = r#"{"versions":[
  {"id":30,"crate":"Demo","num":"2.0.0-rc.1","dl_path":"/api/v1/crates/demo/2.0.0-rc.1/download","readme_path":"/api/v1/crates/Demo/2.0.0-rc.1/readme","created_at":"2026-07-20T10:00:00.123456+00:00","yanked":false,"yank_message":null,"license":"MIT OR Apache-2.0","crate_size":2048,"published_by":{"login":"alice"},"links":{"dependencies":"/api/v1/crates/Demo/2.0.0-rc.1/dependencies","mirror":"https://registry.example/x"},"checksum":"0303030303030303030303030303030303030303030303030303030303030303"},
  {"id":20,"crate":"Demo","num":"1.1.0","dl_path":"https://registry.example/api/v1/crates/demo/1.1.0/download","created_at":"2026-07-19T10:00:00Z","yanked":true,"yank_message":"broken"},
  {"id":10,"crate":"Demo","num":"1.0.0","created_at":"2026-07-18T10:00:00Z","yanked":false}
],"meta":{"total":3,"next_page":"?page=2"}}"#;

pub(crate) const SEARCH: &str = r#"{"crates":[
  {"id":"demo","name":"Demo","max_version":"2.0.0-rc.1","newest_version":"1.0.9","max_stable_version":"1.1.0","default_version":"1.0.5","description":"a demo","links":{"versions":"/api/v1/crates/demo/versions"},"versions":null},
  {"name":"demo-derive","max_version":"0.3.0","description":null}
],"meta":{"total":2}}"#;

/// What the web API says of `Demo`.
pub(crate) fn krate() -> String {
    let versions = VERSIONS.split_once("],\"meta\"").unwrap().0.strip_prefix('{').unwrap();
    format!(
        r#"{{"crate":{{"id":"demo","name":"Demo","versions":[30,20,10],"max_version":"2.0.0-rc.1","newest_version":"2.0.0-rc.1","max_stable_version":"1.0.0","default_version":"1.0.0"}},{versions}],"keywords":[]}}"#
    )
}

/// What upstream answers in all tests.
pub(crate) fn answers() -> Answers {
    let mut answers = Answers::new();
    let api = "https://registry.example/api/v1/crates";
    for (key, body) in [
        ("primary:config.json".to_owned(), CONFIG.to_owned()),
        ("primary:de/mo/demo".to_owned(), index()),
        (format!("{api}?q=demo"), SEARCH.to_owned()),
        (format!("{api}/demo"), krate()),
        (format!("{api}/demo/versions"), VERSIONS.to_owned()),
        (format!("{api}/demo/owners"), r#"{"users":[{"login":"alice"}]}"#.to_owned()),
    ] {
        answers.insert(key, weir_core::Doc::new(body.into_bytes(), "text/plain"));
    }
    answers
}

/// Routes a GET.
pub(crate) fn target(raw: &str) -> Target {
    use weir_core::{Ecosystem as _, Request};
    weir_cargo::Cargo.route(&Request::get(raw).unwrap()).unwrap()
}

/// Runs something over these answers.
pub(crate) fn with_driver<T>(
    answers: &Answers,
    judge: &Judge<'_>,
    run: impl FnOnce(Driver<'_>) -> T,
) -> T {
    let cx = weir_core::Cx { base: BASE.into(), ..weir_core::Cx::default() };
    run(Driver { plugin: &weir_cargo::Cargo, answers, cx: &cx, judge })
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

/// These answers with another index file for `demo`.
pub(crate) fn with_index(body: &[u8]) -> Answers {
    answers().with_output("primary:de/mo/demo", body)
}
