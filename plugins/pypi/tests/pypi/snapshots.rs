//! What clients get, spelled out.

use weir_core::{Ecosystem as _, Edit, Place, Release, Request};
use weir_pypi::Pypi;
use weir_testkit::keep_all;

use crate::documents::{JSON, LEGACY, LEGACY_VERSION, PROJECT_HTML, PROJECT_JSON, Play};

/// Withholds 1.0's wheel and marks 2.0.
fn some(release: &Release<'_>) -> Edit {
    match (&*release.version, release.file.as_deref().unwrap_or_default()) {
        ("1.0", file) if file.contains("whl") => Edit::Drop,
        ("2.0", _) => Edit::Mark("demo-pkg 2.0 withheld by \"cooldown\" <3 days>".into()),
        _ => Edit::Keep,
    }
}

fn only(version: &'static str) -> impl Fn(&Release<'_>) -> Edit {
    move |release| if release.version == version { Edit::Keep } else { Edit::Drop }
}

#[test]
fn both_forms_are_read_alike() {
    insta::assert_snapshot!(Play::simple(JSON, PROJECT_JSON).lines(), @r#"
    demo-pkg 1.0 | demo_pkg-1.0-py3-none-any.whl | 2024-01-02T03:04:05Z | sha256:11111 | 1234 | - | provenance
    demo-pkg 1.0 | demo-pkg-1.0.tar.gz | - | - | - | yanked:broken "build" <1> | -
    demo-pkg 2.0 | demo_pkg-2.0-py3-none-any.whl | - | md5:33333333 | - | - | -
    demo-pkg 2.1rc1+cpu | demo_pkg-2.1rc1+cpu.tar.gz | - | - | - | yanked: | -
    "#);
    insta::assert_snapshot!(Play::simple(JSON, PROJECT_HTML).lines(), @r#"
    demo-pkg 1.0 | demo_pkg-1.0-py3-none-any.whl | 2024-01-02T03:04:05Z | sha256:11111 | - | - | provenance
    demo-pkg 1.0 | demo-pkg-1.0.tar.gz | - | - | - | yanked:broken "build" <1> | -
    demo-pkg 2.0 | demo_pkg-2.0-py3-none-any.whl | - | md5:33333333 | - | - | -
    demo-pkg 2.1rc1+cpu | demo_pkg-2.1rc1+cpu.tar.gz | - | - | - | yanked: | -
    "#);
}

#[test]
fn json_is_edited_where_it_stands() {
    insta::assert_snapshot!(Play::simple(JSON, PROJECT_JSON).write(&some).unwrap(), @r#"
    {
      "meta": {"api-version": "1.3", "_last-serial": 12345678901234567890},
      "name": "Demo.Pkg",
      "versions": ["1.0.0", "2.0", "2.1rc1+cpu", "0.9"],
      "files": [
        {"filename": "demo-pkg-1.0.tar.gz", "url": "http://gate.test/pypi/files/demo-pkg/demo-pkg-1.0.tar.gz", "hashes": {}, "yanked": "broken \"build\" <1>", "provenance": null},
        {"yanked":"demo-pkg 2.0 withheld by \"cooldown\" <3 days>","filename": "demo_pkg-2.0-py3-none-any.whl", "url": "http://gate.test/pypi/files/demo-pkg/demo_pkg-2.0-py3-none-any.whl", "core-metadata": true,
         "hashes": {"md5": "33333333333333333333333333333333", "blake2b_256": "44"}, "requires-python": null, "gpg-sig": true},
        {"url": "http://gate.test/pypi/files/demo-pkg/demo_pkg-2.1rc1%2Bcpu.tar.gz", "filename": "demo_pkg-2.1rc1+cpu.tar.gz", "hashes": {}, "yanked": true}
      ]
    }
    "#);
}

#[test]
fn html_is_edited_where_it_stands() {
    insta::assert_snapshot!(Play::simple("text/html", PROJECT_HTML).write(&some).unwrap(), @r#"
    <!DOCTYPE html>
    <html>
      <head>
        <meta name="pypi:repository-version" content="1.3">
        <title>Links for demo-pkg</title>
      </head>
      <body>
        <h1>Links for demo-pkg</h1>
        <a href='http://gate.test/pypi/files/demo-pkg/demo-pkg-1.0.tar.gz' data-yanked='broken &quot;build&quot; &lt;1&gt;'>demo-pkg-1.0.tar.gz</a><br />
        <A data-yanked="demo-pkg 2.0 withheld by &quot;cooldown&quot; &lt;3 days&gt;" data-core-metadata=true data-gpg-sig=true HREF="http://gate.test/pypi/files/demo-pkg/demo_pkg-2.0-py3-none-any.whl#md5=33333333333333333333333333333333">demo</A>
        <a href="http://gate.test/pypi/files/demo-pkg/demo_pkg-2.1rc1%2Bcpu.tar.gz" data-yanked>demo_pkg-2.1rc1+cpu.tar.gz</a><br />
      </body>
    </html>
    <!--SERIAL 12345678-->
    "#);
}

#[test]
fn html_is_made_from_json() {
    insta::assert_snapshot!(Play::simple("text/html", PROJECT_JSON).write(&some).unwrap(), @r#"
    <!DOCTYPE html>
    <html>
    <head>
    <meta name="pypi:repository-version" content="1.3">
    <title>Links for demo-pkg</title>
    </head>
    <body>
    <h1>Links for demo-pkg</h1>
    <a href="http://gate.test/pypi/files/demo-pkg/demo-pkg-1.0.tar.gz" data-yanked="broken &quot;build&quot; &lt;1&gt;">demo-pkg-1.0.tar.gz</a><br>
    <a href="http://gate.test/pypi/files/demo-pkg/demo_pkg-2.0-py3-none-any.whl#md5=33333333333333333333333333333333" data-yanked="demo-pkg 2.0 withheld by &quot;cooldown&quot; &lt;3 days&gt;" data-core-metadata="true" data-dist-info-metadata="true" data-gpg-sig="true">demo_pkg-2.0-py3-none-any.whl</a><br>
    <a href="http://gate.test/pypi/files/demo-pkg/demo_pkg-2.1rc1%2Bcpu.tar.gz" data-yanked="">demo_pkg-2.1rc1+cpu.tar.gz</a><br>
    </body>
    </html>
    "#);
}

#[test]
fn json_is_made_from_html() {
    insta::assert_snapshot!(Play::simple(JSON, PROJECT_HTML).write(&some).unwrap(), @r#"{"meta":{"api-version":"1.0"},"name":"demo-pkg","versions":["1.0","2.0","2.1rc1+cpu"],"files":[{"filename":"demo-pkg-1.0.tar.gz","url":"http://gate.test/pypi/files/demo-pkg/demo-pkg-1.0.tar.gz","hashes":{},"yanked":"broken \"build\" <1>"},{"filename":"demo_pkg-2.0-py3-none-any.whl","url":"http://gate.test/pypi/files/demo-pkg/demo_pkg-2.0-py3-none-any.whl","hashes":{"md5":"33333333333333333333333333333333"},"yanked":"demo-pkg 2.0 withheld by \"cooldown\" <3 days>","core-metadata":true,"gpg-sig":true},{"filename":"demo_pkg-2.1rc1+cpu.tar.gz","url":"http://gate.test/pypi/files/demo-pkg/demo_pkg-2.1rc1%2Bcpu.tar.gz","hashes":{},"yanked":true}]}"#);
}

#[test]
fn the_status_of_a_project_is_carried_over() {
    let json =
        r#"{"name":"demo-pkg","project-status":{"status":"archived","reason":"a<b"},"files":[]}"#;
    let html = Play::simple("text/html", json).write(&keep_all).unwrap();
    insta::assert_snapshot!(html, @r#"
    <!DOCTYPE html>
    <html>
    <head>
    <meta name="pypi:repository-version" content="1.0">
    <meta name="pypi:project-status" content="archived">
    <meta name="pypi:project-status-reason" content="a&lt;b">
    <title>Links for demo-pkg</title>
    </head>
    <body>
    <h1>Links for demo-pkg</h1>
    </body>
    </html>
    "#);
    insta::assert_snapshot!(Play::simple(JSON, &html).write(&keep_all).unwrap(), @r#"{"meta":{"api-version":"1.0"},"name":"demo-pkg","project-status":{"status":"archived","reason":"a<b"},"versions":[],"files":[]}"#);
}

#[test]
fn links_of_pages_with_a_base_are_joined() {
    let page = "<base href=\"https://files.example/x/\"><a href=\"y/demo_pkg-1.0.zip\">z</a>\
                <a href=\"/demo_pkg-2.0.zip\">z</a>";
    let play = Play::simple("text/html", page);
    insta::assert_snapshot!(play.write(&keep_all).unwrap(), @r#"<base href="http://gate.test/pypi/simple/demo-pkg/"><a href="http://gate.test/pypi/files/demo-pkg/demo_pkg-1.0.zip">z</a>"#);
    insta::assert_snapshot!(play.lines(), @r#"
    demo-pkg 1.0 | demo_pkg-1.0.zip | - | - | - | - | -
    demo-pkg  | - | - | - | - | - | the file has no usable address
    "#);
    let raw = "files/demo-pkg/demo_pkg-1.0.zip";
    let file = Play::get(raw, "", "primary:demo-pkg/", page);
    let target = Pypi.route(&Request::get(raw).unwrap()).unwrap();
    let located = file.driver(&keep_all).locate(&target).unwrap().unwrap();
    let Place::Link(link) = located.place else { panic!("{located:?}") };
    assert_eq!(link.as_str(), "https://files.example/x/y/demo_pkg-1.0.zip");
}

#[test]
fn a_file_is_located_with_what_was_promised() {
    for (file, listed_as, place, digest) in [
        (
            "demo_pkg-1.0-py3-none-any.whl",
            None,
            "https://files.example/packages/aa/demo_pkg-1.0-py3-none-any.whl",
            Some("1111"),
        ),
        (
            "demo_pkg-1.0-py3-none-any.whl.metadata",
            Some("demo_pkg-1.0-py3-none-any.whl"),
            "https://files.example/packages/aa/demo_pkg-1.0-py3-none-any.whl.metadata",
            Some("2222"),
        ),
        (
            "demo_pkg-2.0-py3-none-any.whl.metadata",
            Some("demo_pkg-2.0-py3-none-any.whl"),
            "https://files.example/demo_pkg-2.0-py3-none-any.whl.metadata",
            None,
        ),
        (
            "demo_pkg-2.1rc1%2Bcpu.tar.gz.metadata",
            Some("demo_pkg-2.1rc1+cpu.tar.gz"),
            "https://files.example/demo_pkg-2.1rc1%2Bcpu.tar.gz.metadata",
            None,
        ),
        (
            "demo_pkg-1.0-py3-none-any.whl.provenance",
            Some("demo_pkg-1.0-py3-none-any.whl"),
            "https://registry.example/integrity/demo-pkg/1.0/demo_pkg-1.0-py3-none-any.whl/provenance",
            None,
        ),
        ("demo-pkg-1.0.tar.gz", None, "../../packages/demo-pkg-1.0.tar.gz", None),
    ] {
        let raw = format!("files/demo-pkg/{file}");
        let target = Pypi.route(&Request::get(&raw).unwrap()).unwrap();
        let play = Play::get(&raw, "", "primary:demo-pkg/", PROJECT_JSON);
        let located = play.driver(&keep_all).locate(&target).unwrap().unwrap();
        let Place::Link(link) = &located.place else { panic!("{located:?}") };
        assert_eq!(link.as_str(), place);
        assert_eq!(located.listed_as.as_deref(), listed_as);
        let found = located.digest.map(|digest| digest.hex());
        assert_eq!(found.as_deref().and_then(|hex| hex.get(..4)), digest, "{file}");
    }
}

#[test]
fn legacy_documents_are_read() {
    let play = Play::get("pypi/demo-pkg/json", "", "api:demo-pkg/json", LEGACY);
    insta::assert_snapshot!(play.lines(), @r#"
    demo-pkg 0.9 | - | - | - | - | - | -
    demo-pkg 1.0 | demo_pkg-1.0-py3-none-any.whl | 2024-01-02T03:04:05Z | sha256:11111 | 12 | yanked:bad | -
    demo-pkg 1.0 | demo-pkg-1.0.tar.gz | 2024-01-02T03:05:00Z | - | - | - | -
    demo-pkg 2.0 | demo_pkg-2.0.tar.gz | - | - | - | - | -
    "#);
}

#[test]
fn legacy_documents_are_edited() {
    let play = Play::get("pypi/demo-pkg/json", "", "api:demo-pkg/json", LEGACY);
    insta::assert_snapshot!(play.write(&some).unwrap(), @r#"
    {"info": {"name": "Demo_Pkg", "version": "2.0", "summary": "A <demo>", "yanked": true, "yanked_reason": "demo-pkg 2.0 withheld by \"cooldown\" <3 days>",
      "release_url": "https://web.example/project/demo-pkg/2.0/"}, "last_serial": 7,
     "releases": {
      "0.9": [],
      "1.0": [
       {"filename": "demo-pkg-1.0.tar.gz", "url": "http://gate.test/pypi/files/demo-pkg/demo-pkg-1.0.tar.gz", "upload_time": "2024-01-02T03:05:00"}],
      "2.0": [{"filename": "demo_pkg-2.0.tar.gz", "url": "http://gate.test/pypi/files/demo-pkg/demo_pkg-2.0.tar.gz", "yanked": true, "yanked_reason": "demo-pkg 2.0 withheld by \"cooldown\" <3 days>"}]
     },
     "urls": [{"filename": "demo_pkg-2.0.tar.gz", "url": "http://gate.test/pypi/files/demo-pkg/demo_pkg-2.0.tar.gz", "yanked": true, "yanked_reason": "demo-pkg 2.0 withheld by \"cooldown\" <3 days>"}],
     "vulnerabilities": []}
    "#);
    // The newest version that stays takes the place of the one that went.
    insta::assert_snapshot!(play.write(&only("1.0")).unwrap(), @r#"
    {"info": {"name": "Demo_Pkg", "version": "1.0", "summary": "A <demo>", "yanked": false, "yanked_reason": null,
      "release_url": "https://web.example/project/demo-pkg/1.0/"}, "last_serial": 7,
     "releases": {
      "1.0": [
       {"filename": "demo_pkg-1.0-py3-none-any.whl", "url": "http://gate.test/pypi/files/demo-pkg/demo_pkg-1.0-py3-none-any.whl", "size": 12, "yanked": true, "yanked_reason": "bad",
        "digests": {"md5": "33333333333333333333333333333333", "sha256": "1111111111111111111111111111111111111111111111111111111111111111"}, "upload_time_iso_8601": "2024-01-02T03:04:05.678901Z"},
       {"filename": "demo-pkg-1.0.tar.gz", "url": "http://gate.test/pypi/files/demo-pkg/demo-pkg-1.0.tar.gz", "upload_time": "2024-01-02T03:05:00"}]
     },
     "urls": [{"filename": "demo_pkg-1.0-py3-none-any.whl", "url": "http://gate.test/pypi/files/demo-pkg/demo_pkg-1.0-py3-none-any.whl", "size": 12, "yanked": true, "yanked_reason": "bad",
        "digests": {"md5": "33333333333333333333333333333333", "sha256": "1111111111111111111111111111111111111111111111111111111111111111"}, "upload_time_iso_8601": "2024-01-02T03:04:05.678901Z"},{"filename": "demo-pkg-1.0.tar.gz", "url": "http://gate.test/pypi/files/demo-pkg/demo-pkg-1.0.tar.gz", "upload_time": "2024-01-02T03:05:00"}],
     "vulnerabilities": []}
    "#);
}

#[test]
fn legacy_documents_of_a_withheld_version_describe_none() {
    let key = "api:demo-pkg/2.0/json";
    let play = Play::get("pypi/demo-pkg/2.0/json", "", key, LEGACY_VERSION);
    insta::assert_snapshot!(play.write(&|_| Edit::Drop).unwrap(), @r#"{"info": {"name": "demo-pkg", "version": null}, "urls": []}"#);
}

#[test]
fn the_index_leads_to_this_mount_in_both_forms() {
    let html = "<html><body>\n<a href=\"https://registry.example/simple/zope-interface/\">zope.interface</a><br/>\n\
                <a href=\"b/\">B</a>\n<a href=\"../\">up</a>\n</body></html>";
    let json = r#"{"meta":{"api-version":"1.0"},"projects":[{"name":"zope.interface","_last-serial":1},{"name":"B"}]}"#;
    let index =
        |accept, body| Play::get("simple/", accept, "primary:", body).write(&keep_all).unwrap();
    insta::assert_snapshot!(index("text/html", html), @r#"
    <html><body>
    <a href="zope-interface/">zope.interface</a><br/>
    <a href="b/">B</a>
    </body></html>
    "#);
    insta::assert_snapshot!(index(JSON, html), @r#"{"meta":{"api-version":"1.0"},"projects":[{"name":"zope.interface"},{"name":"B"}]}"#);
    insta::assert_snapshot!(index("text/html", json), @r#"
    <!DOCTYPE html>
    <html>
    <head>
    <meta name="pypi:repository-version" content="1.0">
    <title>Simple index</title>
    </head>
    <body>
    <a href="zope-interface/">zope.interface</a><br>
    <a href="b/">B</a><br>
    </body>
    </html>
    "#);
    assert_eq!(index(JSON, json), json);
}
