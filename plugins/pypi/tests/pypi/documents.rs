//! Documents as registries and proxies write them, and a short way to drive the plugin.

use weir_core::{Cx, Doc, Edit, FactSet, Release, Request, Target};
use weir_pypi::Pypi;
use weir_testkit::{Answers, Driver, Fault};

use weir_core::Ecosystem as _;

pub(crate) const JSON: &str = "application/vnd.pypi.simple.v1+json";

pub(crate) const PROJECT_JSON: &str = r#"{
  "meta": {"api-version": "1.3", "_last-serial": 12345678901234567890},
  "name": "Demo.Pkg",
  "versions": ["1.0.0", "2.0", "2.1rc1+cpu", "0.9"],
  "files": [
    {"filename": "demo_pkg-1.0-py3-none-any.whl", "url": "https://files.example/packages/aa/demo_pkg-1.0-py3-none-any.whl",
     "hashes": {"sha256": "1111111111111111111111111111111111111111111111111111111111111111"}, "requires-python": ">=3.8,<4",
     "size": 1234, "upload-time": "2024-01-02T03:04:05.678901Z", "yanked": false,
     "core-metadata": {"sha256": "2222222222222222222222222222222222222222222222222222222222222222"},
     "data-dist-info-metadata": {"sha256": "2222222222222222222222222222222222222222222222222222222222222222"},
     "provenance": "https://registry.example/integrity/demo-pkg/1.0/demo_pkg-1.0-py3-none-any.whl/provenance", "x-other": [1, 2]},
    {"filename": "demo-pkg-1.0.tar.gz", "url": "../../packages/demo-pkg-1.0.tar.gz", "hashes": {}, "yanked": "broken \"build\" <1>", "provenance": null},
    {"filename": "demo_pkg-2.0-py3-none-any.whl", "url": "https://files.example/demo_pkg-2.0-py3-none-any.whl", "core-metadata": true,
     "hashes": {"md5": "33333333333333333333333333333333", "blake2b_256": "44"}, "requires-python": null, "gpg-sig": true},
    {"url": "https://files.example/demo_pkg-2.1rc1%2Bcpu.tar.gz?x=1&y=2", "filename": "demo_pkg-2.1rc1+cpu.tar.gz", "hashes": {}, "yanked": true}
  ]
}
"#;

pub(crate) const PROJECT_HTML: &str = r#"<!DOCTYPE html>
<html>
  <head>
    <meta name="pypi:repository-version" content="1.3">
    <title>Links for demo-pkg</title>
  </head>
  <body>
    <h1>Links for demo-pkg</h1>
    <a href="https://files.example/packages/aa/demo_pkg-1.0-py3-none-any.whl#sha256=1111111111111111111111111111111111111111111111111111111111111111" data-requires-python="&gt;=3.8,&lt;4" data-dist-info-metadata="sha256=2222222222222222222222222222222222222222222222222222222222222222" data-core-metadata="sha256=2222222222222222222222222222222222222222222222222222222222222222" data-provenance="https://registry.example/integrity/demo-pkg/1.0/demo_pkg-1.0-py3-none-any.whl/provenance" data-upload-time="2024-01-02T03:04:05.678901Z">demo_pkg-1.0-py3-none-any.whl</a><br />
    <a href='../../packages/demo-pkg-1.0.tar.gz' data-yanked='broken &quot;build&quot; &lt;1&gt;'>demo-pkg-1.0.tar.gz</a><br />
    <A data-core-metadata=true data-gpg-sig=true HREF="/files/demo_pkg-2.0-py3-none-any.whl?a=1&amp;b=2#md5=33333333333333333333333333333333">demo</A>
    <a href="demo_pkg-2.1rc1%2Bcpu.tar.gz" data-yanked>demo_pkg-2.1rc1+cpu.tar.gz</a><br />
  </body>
</html>
<!--SERIAL 12345678-->
"#;

pub(crate) const LEGACY: &str = r#"{"info": {"name": "Demo_Pkg", "version": "2.0", "summary": "A <demo>", "yanked": false, "yanked_reason": null,
  "release_url": "https://web.example/project/demo-pkg/2.0/"}, "last_serial": 7,
 "releases": {
  "0.9": [],
  "1.0": [
   {"filename": "demo_pkg-1.0-py3-none-any.whl", "url": "https://files.example/demo_pkg-1.0-py3-none-any.whl", "size": 12, "yanked": true, "yanked_reason": "bad",
    "digests": {"md5": "33333333333333333333333333333333", "sha256": "1111111111111111111111111111111111111111111111111111111111111111"}, "upload_time_iso_8601": "2024-01-02T03:04:05.678901Z"},
   {"filename": "demo-pkg-1.0.tar.gz", "url": "https://files.example/demo-pkg-1.0.tar.gz", "upload_time": "2024-01-02T03:05:00"}],
  "2.0": [{"filename": "demo_pkg-2.0.tar.gz", "url": "https://files.example/demo_pkg-2.0.tar.gz", "yanked": false, "yanked_reason": null}]
 },
 "urls": [{"filename": "demo_pkg-2.0.tar.gz", "url": "https://files.example/demo_pkg-2.0.tar.gz", "yanked": false, "yanked_reason": null}],
 "vulnerabilities": []}"#;

pub(crate) const LEGACY_VERSION: &str = r#"{"info": {"name": "demo-pkg", "version": "2.0.0"}, "urls": [
 {"filename": "demo_pkg-2.0.tar.gz", "url": "https://files.example/demo_pkg-2.0.tar.gz", "packagetype": "sdist"},
 {"filename": "demo_pkg-2.0-py3-none-any.whl", "url": "https://files.example/demo_pkg-2.0-py3-none-any.whl", "packagetype": "bdist_wheel"}]}"#;

/// The document of one project, driven by a judge.
pub(crate) struct Play {
    target: Target,
    answers: Answers,
    cx: Cx,
}

impl Play {
    pub(crate) fn get(raw: &str, accept: &str, key: &str, body: &str) -> Self {
        let target = Pypi.route(&Request::get(raw).unwrap().accepting(accept)).unwrap();
        let mut answers = Answers::new();
        // The label is wrong on purpose: it must not matter.
        answers.insert(key, Doc::new(body.as_bytes().to_vec(), "application/json"));
        let base = "http://gate.test/pypi".into();
        Self { target, answers, cx: Cx { base, wants: FactSet::DATES, ..Cx::default() } }
    }

    /// A listing of `demo-pkg` in the form of `accept`.
    pub(crate) fn simple(accept: &str, body: &str) -> Self {
        Self::get("simple/demo-pkg/", accept, "primary:demo-pkg/", body)
    }

    pub(crate) fn read(&self) -> Result<Vec<Release<'static>>, Fault> {
        self.driver(&weir_testkit::keep_all).read(&self.target)
    }

    pub(crate) fn write(&self, judge: &dyn Fn(&Release<'_>) -> Edit) -> Result<String, Fault> {
        let written = self.driver(judge).write(&self.target)?;
        Ok(String::from_utf8(written.bytes).unwrap())
    }

    pub(crate) fn driver<'d>(&'d self, judge: &'d dyn Fn(&Release<'_>) -> Edit) -> Driver<'d> {
        Driver { plugin: &Pypi, answers: &self.answers, cx: &self.cx, judge }
    }

    /// What `read` reports, one line a file.
    pub(crate) fn lines(&self) -> String {
        self.read().unwrap().iter().map(line).collect()
    }
}

fn line(release: &Release<'_>) -> String {
    let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let digest =
        release.digest.as_ref().map(|digest| digest.to_string().chars().take(12).collect());
    format!(
        "{} {} | {} | {} | {} | {} | {} | {}\n",
        release.name,
        release.version,
        text(release.file.as_deref().map(str::to_owned)),
        text(release.available.map(|at| at.to_string())),
        text(digest),
        text(release.size.map(|size| size.to_string())),
        text(release.yanked.as_ref().map(|reason| format!("yanked:{reason}"))),
        release.unreadable.unwrap_or(if release.provenance { "provenance" } else { "-" }),
    )
}
