//! Refusals, as npm prints them.

use weir_core::{Code, Denial, Ecosystem, Purl};
use weir_npm::Npm;

#[test]
fn the_sentence_is_the_error_and_the_notice() {
    let mut denial = Denial::new(
        Code::BlockedByPolicies,
        "vite 7.1.0 withheld by cooldown (3 days) until 2026-11-24",
    );
    denial.subject = Some(Purl::new("npm", "vite", Some("7.1.0")));
    denial.rule = Some("cooldown".into());
    let reply = Npm.deny(None, &denial);
    insta::assert_snapshot!(reply.body.trim_end(), @r#"{"error":"vite 7.1.0 withheld by cooldown (3 days) until 2026-11-24","code":"blocked_by_policies","reason":"cooldown","subject":"pkg:npm/vite@7.1.0"}"#);
    assert_eq!(reply.media, "application/json");
    assert_eq!(reply.headers, [("npm-notice", denial.sentence)]);
}

#[test]
fn of_what_is_absent_nothing_is_said_twice() {
    let reply = Npm.deny(None, &Denial::new(Code::NotFound, "npm/demo was not found"));
    assert_eq!(reply.headers, []);
}
