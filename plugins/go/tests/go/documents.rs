//! What is served, and what is known of it.

use weir_core::{Edit, Release, Timestamp};
use weir_testkit::keep_all;

use crate::fixtures::{
    ESCAPED, MOD_SUM, SUM, answers, info, info_key, listed, of, record, served, target, with_driver,
};

fn without<'a>(dropped: &'a [&'a str]) -> impl Fn(&Release<'_>) -> Edit + 'a {
    |release| if dropped.contains(&&*release.version) { Edit::Drop } else { Edit::Keep }
}

fn day(day: u8) -> Option<Timestamp> {
    Timestamp::parse_rfc3339(&format!("2026-01-{day:02}T00:00:00Z"))
}

#[test]
fn withheld_versions_are_not_in_the_list() {
    let list = of("@v/list");
    let all = served(&answers(), &list, &keep_all);
    assert_eq!(all, crate::fixtures::LIST);
    let some = served(&answers(), &list, &without(&["v1.9.1", "v1.2.0"]));
    assert_eq!(some, "v1.0.0\nv2.0.0+incompatible\nv1.10.0-rc.1\nv1.9.0\n");
}

#[test]
fn dates_are_the_author_s() {
    let dates: Vec<_> = listed(&answers(), &of("@v/list"))
        .into_iter()
        .map(|release| (release.version.into_owned(), release.authored, release.available))
        .collect();
    let expected = [
        ("v1.2.0", 2),
        ("v1.0.0", 1),
        ("v2.0.0+incompatible", 7),
        ("v1.10.0-rc.1", 6),
        ("v1.9.1", 5),
        ("v1.9.0", 4),
    ];
    assert_eq!(dates, expected.map(|(version, number)| (version.to_owned(), day(number), None)));
}

#[test]
fn the_latest_is_what_the_proxy_says_while_that_stays() {
    let latest = of("@latest");
    assert_eq!(served(&answers(), &latest, &keep_all), info("v1.9.1", 5));
    // The proxy knows that what is higher was retracted.
    assert_eq!(served(&answers(), &latest, &without(&["v1.9.1"])), info("v1.9.0", 4));
    let low = without(&["v1.9.1", "v1.9.0", "v1.2.0", "v1.0.0"]);
    assert_eq!(served(&answers(), &latest, &low), info("v2.0.0+incompatible", 7));
    let pre = without(&["v1.9.1", "v1.9.0", "v1.2.0", "v1.0.0", "v2.0.0+incompatible"]);
    assert_eq!(served(&answers(), &latest, &pre), info("v1.10.0-rc.1", 6));
    let refused = with_driver(&answers(), &|_| Edit::Drop, |driver| driver.write(&target(&latest)));
    assert!(refused.is_err());
}

#[test]
fn where_the_proxy_does_not_say_the_highest_release_is_the_latest() {
    let full = answers();
    let mut silent = weir_testkit::Answers::new();
    for key in full.keys().filter(|key| !key.ends_with("@latest")) {
        silent.insert(key, full.get(key).unwrap().clone());
    }
    let latest = of("@latest");
    assert_eq!(served(&silent, &latest, &keep_all), info("v2.0.0+incompatible", 7));
    let some = without(&["v2.0.0+incompatible"]);
    assert_eq!(served(&silent, &latest, &some), info("v1.9.1", 5));
}

#[test]
fn a_latest_version_that_the_list_does_not_have_is_judged_too() {
    let ahead =
        answers().with_output(&format!("primary:{ESCAPED}/@latest"), info("v1.9.2", 9).as_bytes());
    let last = listed(&ahead, &of("@latest")).pop().unwrap();
    assert_eq!((&*last.version, last.authored, last.unlisted), ("v1.9.2", day(9), true));
    assert_eq!(served(&ahead, &of("@latest"), &without(&["v1.9.2"])), info("v1.9.1", 5));
}

#[test]
fn a_branch_is_judged_as_the_version_that_it_is() {
    let releases = listed(&answers(), &of("@v/main.info"));
    assert_eq!(releases.len(), 1);
    assert_eq!(releases[0].version, "v1.9.2-0.20260108000000-0123456789ab");
    assert!(!releases[0].unlisted, "no list has pseudo-versions");
}

#[test]
fn zip_and_go_mod_are_promised_by_the_checksum_database() {
    let promised = |file: &str| {
        let located =
            with_driver(&answers(), &keep_all, |driver| driver.locate(&target(&of(file))));
        located.unwrap().unwrap().digest.map(|digest| digest.to_string())
    };
    assert_eq!(promised("@v/v1.9.1.zip").as_deref(), Some(SUM));
    assert_eq!(promised("@v/v1.9.1.mod"), Some(format!("go.mod/{MOD_SUM}")));
    assert_eq!(promised("@v/v1.2.0.zip"), None, "the database does not know this one");
}

#[test]
fn a_record_of_another_release_is_an_error() {
    let key = format!("sumdb:lookup/{ESCAPED}@v1.9.1");
    for body in [record("go.example/other", "v1.9.1"), "<html>log in</html>".to_owned()] {
        let wrong = answers().with_output(&key, body.as_bytes());
        let located =
            with_driver(&wrong, &keep_all, |driver| driver.locate(&target(&of("@v/v1.9.1.zip"))));
        assert!(located.is_err(), "{body}");
    }
}

#[test]
fn a_file_above_its_list_is_new() {
    let mut ahead = answers();
    ahead.insert(info_key("v1.9.2"), weir_core::Doc::new(info("v1.9.2", 9).into_bytes(), ""));
    ahead.insert(info_key("v1.0.1"), weir_core::Doc::new(info("v1.0.1", 9).into_bytes(), ""));
    let above = listed(&ahead, &of("@v/v1.9.2.zip"));
    assert!(above[0].unlisted);
    let listed_one = listed(&ahead, &of("@v/v1.9.1.zip"));
    assert!(!listed_one[0].unlisted);
}

#[test]
fn a_go_mod_file_needs_no_date() {
    let releases = listed(&answers(), &of("@v/v9.9.9.mod"));
    assert_eq!((releases.len(), releases[0].authored), (1, None));
}

#[test]
fn refusals_are_plain_text_with_the_page() {
    use weir_core::{Code, Denial, Ecosystem as _};
    let mut denial =
        Denial::new(Code::BlockedByPolicies, "go.example/a v1.0.0 withheld by cooldown (3 days)");
    denial.explain = Some("http://gate.test/why/pkg:golang/go.example/a@v1.0.0".to_owned());
    let reply = weir_go::Go.deny(None, &denial);
    assert_eq!(reply.media, "text/plain; charset=utf-8");
    insta::assert_snapshot!(reply.body, @r"
    go.example/a v1.0.0 withheld by cooldown (3 days)
    see http://gate.test/why/pkg:golang/go.example/a@v1.0.0
    ");
}
