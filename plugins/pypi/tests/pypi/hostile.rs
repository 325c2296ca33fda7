//! Documents that nobody should write.

use weir_core::{Ecosystem as _, Edit, Request};
use weir_pypi::Pypi;
use weir_testkit::{Fault, fuzz_bytes, keep_all};

use crate::documents::{JSON, LEGACY, PROJECT_HTML, PROJECT_JSON, Play};

fn refused(accept: &str, body: &str) -> String {
    match Play::simple(accept, body).read() {
        Err(Fault::Format(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_label_says_nothing_and_the_first_byte_all() {
    let page = "\n  <a href=\"demo_pkg-1.0.zip\">x</a>";
    assert_eq!(Play::simple(JSON, page).read().unwrap().len(), 1);
    for body in ["", "not found", "[]", "\"x\"", "null"] {
        assert!(refused(JSON, body).contains("neither JSON nor HTML"), "{body}");
    }
}

#[test]
fn a_frame_that_reads_in_two_ways_is_refused() {
    for body in [
        r#"{"files":[],"files":[]}"#,
        r#"{"fil\u0065s":[]}"#,
        r#"{"name":"other","files":[]}"#,
        r#"{"files":{}}"#,
        r#"{"name":"demo-pkg"}"#,
        r#"{"files":[],"versions":{}}"#,
        r#"{"files":["#,
        "<script><a href=\"demo_pkg-1.0.zip\"></a></script>",
        "<!-- <a href=\"demo_pkg-1.0.zip\"></a> -->",
        "<a href=\"demo_pkg-1.0.zip",
    ] {
        refused(JSON, body);
    }
}

#[test]
fn the_page_of_a_portal_is_no_empty_list() {
    for page in [
        "<html>Please log in to the hotel's network</html>",
        "<html><body><p>Welcome</p><a href=\"/login\">Log in</a></body></html>",
        "<!DOCTYPE html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1>",
    ] {
        assert!(refused(JSON, page).contains("does not say that it is a list"), "{page}");
    }
    for empty in [
        "<!DOCTYPE html><html><body><h1>Links for demo-pkg</h1></body></html>",
        "<html><head><title>Simple Index</title></head></html>",
        "<html><head><meta name=\"pypi:repository-version\" content=\"1.0\"></head>Demo</html>",
        "<h1>Index of /simple/demo-pkg/</h1><a href=\"../\">../</a>",
        "<!DOCTYPE html>\n<html><body>\n</body></html>",
    ] {
        let releases = Play::simple(JSON, empty).read().unwrap();
        assert!(releases.iter().all(|release| release.unreadable.is_some()), "{empty}");
    }
}

#[test]
fn an_odd_entry_is_withheld_and_the_others_stay() {
    let odd = [
        r#""text""#,
        r#"{"filename":"demo_pkg-1.0.zip"}"#,
        r#"{"filename":"demo_pkg-1.0.zip","url":7}"#,
        r#"{"filename":"demo_pkg-1.0.zip","url":"x","url":"y"}"#,
        r#"{"file\u006eame":"demo_pkg-1.0.zip","url":"x"}"#,
        r#"{"filename":"demo_pkg-1.0.zip","url":"x","hashes":{"sha256":"zz"}}"#,
        r#"{"filename":"demo_pkg-1.0.zip","url":"x/demo_pkg-9.0.zip"}"#,
        r#"{"filename":"demo_pkg-1.0.zip","url":"a\u0000b"}"#,
        r#"{"filename":"other-1.0.zip","url":"x"}"#,
        r#"{"filename":"../demo_pkg-1.0.zip","url":"x"}"#,
        r#"{"filename":"demo_pkg-1.0.zip\"><a href=x>","url":"x"}"#,
        r#"{"filename":"demo_pkg-2.0.zip","url":"y"}"#,
    ];
    for odd in odd {
        let good = r#"{"filename":"demo_pkg-2.0.zip","url":"x"}"#;
        let body = format!(r#"{{"versions":["2.0"],"files":[{good},{odd}]}}"#);
        let play = Play::simple(JSON, &body);
        let read = play.read().unwrap();
        assert!(read[0].unreadable.is_none() && read[1].unreadable.is_some(), "{odd}");
        let written = play.write(&keep_all).unwrap();
        let ours = "http://gate.test/pypi/files/demo-pkg/demo_pkg-2.0.zip";
        let expected = format!(
            r#"{{"versions":["2.0"],"files":[{{"filename":"demo_pkg-2.0.zip","url":"{ours}"}}]}}"#
        );
        assert_eq!(written, expected, "{odd}");
    }
}

#[test]
fn an_odd_anchor_is_withheld_and_the_others_stay() {
    for odd in [
        "<a href=\"../\">parent</a>",
        "<a href=\"demo_pkg-1.0.zip\" href=\"demo_pkg-2.0.zip\">twice</a>",
        "<a href=\"demo_pkg-1.0.zip\" data-yanked data-yanked=x>twice</a>",
        "<a href=\"demo_pkg-1.0.zip#sha256=12\">short</a>",
        "<a href=\"demo_pkg-1.0.zip#sha256=\">none</a>",
        "<a href>empty</a>",
        "<a href=\"&#xD800;demo_pkg-1.0.zip\">x</a>",
        "<a href=\"https://files.example/%2e%2e%2fdemo_pkg-1.0.zip\">x</a>",
        "<a href=\"javascript:demo_pkg-1.0\">x</a>",
    ] {
        let body = format!("<p>\n  {odd}<br/>\n  <a href=\"demo_pkg-2.0.zip\">good</a>\n</p>");
        let play = Play::simple("text/html", &body);
        let read = play.read().unwrap();
        assert!(read[0].unreadable.is_some() && read[1].unreadable.is_none(), "{odd}");
        assert_eq!(
            play.write(&keep_all).unwrap(),
            "<p>\n  <a href=\"http://gate.test/pypi/files/demo-pkg/demo_pkg-2.0.zip\">good</a>\n</p>",
            "{odd}"
        );
    }
}

#[test]
fn a_sentence_cannot_break_out_of_its_place() {
    let nasty = "\"><a href=x>' & \\ \u{7}\n</a>{}";
    let mark = |_: &weir_core::Release<'_>| Edit::Mark(nasty.into());
    for (accept, body) in [
        (JSON, PROJECT_JSON),
        (JSON, PROJECT_HTML),
        ("text/html", PROJECT_JSON),
        ("text/html", PROJECT_HTML),
    ] {
        let written = Play::simple(accept, body).write(&mark).unwrap();
        let back = Play::simple(accept, &written).read().unwrap();
        assert_eq!(back.len(), 4);
        assert!(back.iter().all(|release| release.yanked.as_deref() == Some(nasty)), "{written}");
    }
}

#[test]
fn a_legacy_file_under_another_version_is_withheld() {
    let body =
        LEGACY.replace("\"0.9\": []", r#""0.9": [{"filename":"demo_pkg-3.0.zip","url":"x"}]"#);
    let play = Play::get("pypi/demo-pkg/json", "", "api:demo-pkg/json", &body);
    let read = play.read().unwrap();
    assert!(read[0].unreadable.is_some());
    assert!(!play.write(&keep_all).unwrap().contains("3.0"));
    let other = Play::get("pypi/demo-pkg/1.0/json", "", "api:demo-pkg/1.0/json", LEGACY);
    assert!(matches!(other.read(), Err(Fault::Format(_))));
}

#[test]
fn a_hundred_thousand_files_take_no_longer_than_they_should() {
    let wheel = |n: usize| format!("demo_pkg-{n}.0-py3-none-any.whl");
    let json: Vec<_> = (0..100_000)
        .map(|n| format!(r#"{{"filename":"{0}","url":"x/{0}","hashes":{{}}}}"#, wheel(n)))
        .collect();
    let json = format!(r#"{{"versions":[],"files":[{}]}}"#, json.join(","));
    let unclosed = (0..100_000).map(|n| format!("<a href=\"x/{}\">never closed", wheel(n)));
    let unclosed = unclosed.collect::<Vec<_>>().join("\n");
    for (accept, body) in [(JSON, &json), ("text/html", &unclosed)] {
        let play = Play::simple(accept, body);
        let tenth = |release: &weir_core::Release<'_>| {
            if release.version.ends_with("9.0") { Edit::Keep } else { Edit::Drop }
        };
        let written = play.write(&tenth).unwrap();
        assert_eq!(written.matches("/pypi/files/demo-pkg/").count(), 10_000);
    }
}

#[test]
fn damaged_documents_never_list_what_was_not_judged() {
    for (raw, document) in [
        ("simple/demo-pkg/", PROJECT_JSON),
        ("simple/demo-pkg/", PROJECT_HTML),
        ("pypi/demo-pkg/json", LEGACY),
        ("simple/", PROJECT_HTML),
        ("files/demo-pkg/demo_pkg-1.0-py3-none-any.whl", PROJECT_HTML),
    ] {
        for accept in [JSON, "text/html"] {
            let target = Pypi.route(&Request::get(raw).unwrap().accepting(accept)).unwrap();
            for at in (0..document.len()).step_by(7) {
                let mut bytes = document.as_bytes().to_vec();
                bytes[at] = b"<\"&#>x}\\"[at % 8];
                fuzz_bytes(&Pypi, &target, &bytes);
                fuzz_bytes(&Pypi, &target, &bytes[..at]);
                bytes.drain(at..(at + 3).min(bytes.len()));
                fuzz_bytes(&Pypi, &target, &bytes);
            }
        }
    }
}
