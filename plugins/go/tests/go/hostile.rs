//! Documents that say one thing to us and another to go, or nothing at all.

use proptest::prelude::*;
use weir_testkit::keep_all;

use crate::fixtures::{ESCAPED, answers, info, info_key, listed, of, target, with_driver};

fn read(
    key: &str,
    raw: &str,
    body: &str,
) -> Result<Vec<weir_core::Release<'static>>, weir_testkit::Fault> {
    let changed = answers().with_output(key, body.as_bytes());
    with_driver(&changed, &keep_all, |driver| driver.read(&target(raw)))
}

#[test]
fn a_document_of_another_version_is_an_error() {
    let raw = of("@v/v1.9.1.info");
    assert!(read(&info_key("v1.9.1"), &raw, &info("v1.9.0", 1)).is_err());
    assert!(read(&info_key("v1.9.1"), &of("@v/v1.9.1.zip"), &info("v1.9.0", 1)).is_err());
}

#[test]
fn keys_that_go_reads_otherwise_are_an_error() {
    let raw = of("@v/main.info");
    for body in [
        r#"{"Version":"v1.0.0","version":"v1.2.0"}"#,
        r#"{"Version":"v1.0.0","Version":"v1.2.0"}"#,
        r#"{"Version":"v1.0.0","TIME":"2020-01-01T00:00:00Z"}"#,
        r#"{"Vers\u0069on":"v1.0.0"}"#,
        r#"{"Version":""}"#,
        r#"{"Time":"2020-01-01T00:00:00Z"}"#,
        "not found: unknown revision",
    ] {
        assert!(read(&info_key("main"), &raw, body).is_err(), "{body}");
    }
}

#[test]
fn a_query_that_leads_to_no_version_is_withheld() {
    let releases = read(&info_key("main"), &of("@v/main.info"), r#"{"Version":"main"}"#).unwrap();
    assert!(releases[0].unreadable.is_some());
}

#[test]
fn odd_lines_are_withheld_and_the_rest_stays() {
    let key = format!("primary:{ESCAPED}/@v/list");
    let list = "v1.2.0\nv1.2\nnot found\nv1.9.1 2026-01-05T00:00:00Z\r\n\n<b>v1.0.0</b>\n";
    let changed = answers().with_output(&key, list.as_bytes());
    let releases = listed(&changed, &of("@v/list"));
    let readable: Vec<_> =
        releases.iter().filter(|r| r.unreadable.is_none()).map(|r| &*r.version).collect();
    assert_eq!(readable, ["v1.2.0", "v1.9.1"]);
    assert_eq!(releases.len(), 5);
    let served = crate::fixtures::served(&changed, &of("@v/list"), &keep_all);
    assert_eq!(served, "v1.2.0\nv1.9.1 2026-01-05T00:00:00Z\r\n");
}

#[test]
fn a_version_whose_own_document_is_broken_is_withheld_from_the_list() {
    let changed = answers().with_output(&info_key("v1.9.1"), b"<html>");
    let releases = listed(&changed, &of("@v/list"));
    let broken: Vec<_> = releases.iter().filter(|r| r.unreadable.is_some()).collect();
    assert_eq!(broken.len(), 1);
    assert_eq!(broken[0].version, "v1.9.1");
}

#[test]
fn a_page_about_the_network_is_no_tree() {
    let changed = answers().with_output("sumdb:latest", b"<html>log in</html>");
    let tree = with_driver(&changed, &keep_all, |driver| {
        driver.write(&target("sumdb/sum.example/latest"))
    });
    assert!(tree.is_err());
}

proptest! {
    #[test]
    fn whatever_a_list_holds_a_kept_line_is_a_line_of_it(list in "([v0-9.+a-z \\n-]{0,8}\\n?){0,40}") {
        let key = format!("primary:{ESCAPED}/@v/list");
        let changed = answers().with_output(&key, list.as_bytes());
        let served = crate::fixtures::served(&changed, &of("@v/list"), &keep_all);
        for line in served.lines() {
            prop_assert!(list.lines().any(|known| known == line), "{line:?}");
        }
    }

    #[test]
    fn every_module_path_and_version_comes_back(
        name in "[a-z]{1,5}\\.[a-z]{2}(/[A-Za-z0-9_~][A-Za-z0-9._~-]{0,6}[A-Za-z0-9_~]){0,3}",
        version in "v[0-9]{1,2}\\.[1-9]\\.[1-9](-[A-Z][a-z]{1,4}\\.[1-9])?(\\+incompatible)?",
    ) {
        use weir_core::{Ecosystem as _, Request, Target, Coordinates};
        prop_assume!(!version.starts_with("v0") || version.starts_with("v0."));
        let zip = Target::artifact(Coordinates::new(name.as_str(), version.as_str()), format!("{version}.zip"));
        let path = weir_go::Go.path(&zip);
        prop_assert!(path.bytes().all(|b| !b.is_ascii_uppercase()));
        prop_assert_eq!(weir_go::Go.route(&Request::get(&path).unwrap()), Ok(zip));
    }
}
