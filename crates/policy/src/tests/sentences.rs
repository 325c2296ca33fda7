//! The sentences that people read.

use std::time::Duration;

use proptest::prelude::*;
use weir_core::{Code, Purl, Timestamp};

use super::{NPM, dated, day, days, hour, judge, policy, three_days};
use crate::{Effect, Facts, Outcome, PolicySettings, RuleSettings, WorkMode, sentence};

fn sentence_of(settings: PolicySettings, facts: &Facts<'_>) -> String {
    match judge(&policy(settings), &NPM, day(2), facts).outcome {
        Outcome::Admit => String::new(),
        Outcome::Warn(sentence) => sentence.to_string(),
        Outcome::Refuse(refusal) => refusal.sentence,
    }
}

fn with(rule: RuleSettings) -> PolicySettings {
    PolicySettings { rules: vec![rule], ..three_days() }
}

fn vite() -> Facts<'static> {
    dated("vite", "7.1.0", hour(25))
}

#[test]
fn a_cooldown_is_said_with_its_length_and_the_day_of_its_end() {
    insta::assert_snapshot!(sentence_of(three_days(), &vite()), @"vite 7.1.0 withheld by cooldown (3 days) until 2026-11-24");
    insta::assert_snapshot!(sentence_of(three_days(), &Facts::new("vite", "7.1.0")), @"vite 7.1.0 withheld by cooldown (3 days): its publication date is unknown");
    let mut settings = three_days();
    settings.cooldown.default = Duration::from_hours(36);
    insta::assert_snapshot!(sentence_of(settings, &vite()), @"vite 7.1.0 withheld by cooldown (36 hours) until 2026-11-22 13:00 UTC");
}

#[test]
fn a_rule_is_said_by_its_name_with_its_reason_and_the_instant_of_release() {
    let deny = || RuleSettings::new("no-vite", Effect::Deny);
    insta::assert_snapshot!(sentence_of(with(deny()), &vite()), @"vite 7.1.0 withheld by rule no-vite");
    insta::assert_snapshot!(sentence_of(with(deny().because("it broke the build")), &vite()), @"vite 7.1.0 withheld by rule no-vite: it broke the build");
    insta::assert_snapshot!(sentence_of(with(deny().because("see #12").until(day(30))), &vite()), @"vite 7.1.0 withheld by rule no-vite until 2026-12-20: see #12");
}

#[test]
fn warnings_say_what_they_warn_of() {
    let warn = RuleSettings::new("watch", Effect::Warn).because("under review");
    insta::assert_snapshot!(sentence_of(with(warn), &vite()), @"vite 7.1.0 passes with a warning by rule watch: under review");
    let spectator = PolicySettings { work_mode: WorkMode::Spectator, ..three_days() };
    insta::assert_snapshot!(sentence_of(spectator, &vite()), @"vite 7.1.0 withheld by cooldown (3 days) until 2026-11-24 (passes, as the work mode is spectator)");
}

#[test]
fn an_unreadable_entry_says_what_cannot_be_read() {
    let facts = Facts { unreadable: Some("the version is none"), ..Facts::new("vite", "7.x") };
    insta::assert_snapshot!(sentence_of(three_days(), &facts), @"vite 7.x withheld as unreadable: the version is none");
}

#[test]
fn an_operators_message_takes_the_place_of_the_sentence() {
    let message = |text: &str| PolicySettings {
        block_message: Some(text.into()),
        block_url: Some("https://intranet.example/why".into()),
        ..three_days()
    };
    let all = "{name}|{version}|{rule}|{reason}|{until}|{url}";
    insta::assert_snapshot!(sentence_of(message(all), &vite()), @"vite|7.1.0|cooldown|no reason given|2026-11-24|https://intranet.example/why");
    insta::assert_snapshot!(sentence_of(message("{sentence}. Ask\nthe platform team: {url}"), &vite()), @"vite 7.1.0 withheld by cooldown (3 days) until 2026-11-24. Ask the platform team: https://intranet.example/why");
    let endless = PolicySettings {
        rules: vec![RuleSettings::new("no-vite", Effect::Deny)],
        ..message("{rule} until {until}")
    };
    insta::assert_snapshot!(sentence_of(endless, &vite()), @"no-vite until further notice");
}

#[test]
fn a_refusal_of_a_whole_mount_keeps_what_it_says_in_an_operators_message() {
    let said = |message: Option<&str>| {
        let settings = PolicySettings {
            block_message: message.map(Into::into),
            block_url: Some("https://intranet.example/why".into()),
            ..three_days()
        };
        let sentence = "there is no address".to_owned();
        policy(settings).reworded(Code::BlockedRegistryNotConfigured, "npm", sentence)
    };
    insta::assert_snapshot!(said(None), @"there is no address");
    insta::assert_snapshot!(said(Some("{sentence}. See {url}")), @"there is no address. See https://intranet.example/why");
    insta::assert_snapshot!(said(Some("{name} {version}: {rule}, {reason}, until {until}")), @"npm : blocked_registry_not_configured, there is no address, until further notice");
    insta::assert_snapshot!(said(Some("{name} {version} has to wait")), @"there is no address");
}

#[test]
fn a_length_of_time_is_said_in_its_largest_whole_unit() {
    let said = |seconds| sentence::span(Duration::from_secs(seconds));
    assert_eq!(said(86_400), "1 day");
    assert_eq!(said(30 * 86_400), "30 days");
    assert_eq!(said(12 * 3600), "12 hours");
    assert_eq!(said(36 * 3600), "36 hours");
    assert_eq!(said(90 * 60), "90 minutes");
    assert_eq!(said(61), "61 seconds");
    assert_eq!(sentence::span(days(1) * 14), "14 days");
}

#[test]
fn a_refusal_becomes_a_denial_with_everything_that_edges_show() {
    let judgement = judge(&policy(three_days()), &NPM, day(2), &vite());
    let purl = Purl::new("npm", "vite", Some("7.1.0"));
    let denial = judgement.refusal().unwrap().denial(purl.clone(), Some("/why".into()));
    assert_eq!(denial.subject, Some(purl));
    assert_eq!(denial.code.as_str(), "blocked_by_policies");
    assert_eq!(denial.rule.as_deref(), Some("cooldown"));
    assert_eq!(denial.until, Some(hour(97)));
    assert_eq!(denial.status_line(), denial.sentence);
}

proptest! {
    #[test]
    fn sentences_are_one_printable_line(
        name in any::<String>(),
        version in any::<String>(),
        reason in any::<String>(),
        message in "[^{}]*\\{sentence\\}[^{}]*",
        at in any::<i64>(),
    ) {
        let rule = RuleSettings::new("r", Effect::Deny).because(reason);
        let settings = PolicySettings { block_message: Some(message), ..with(rule) };
        let policy = policy(settings);
        let facts = dated(&name, &version, Timestamp::from_millis(at));
        let judgement = judge(&policy, &NPM, day(2), &facts);
        let sentence = &judgement.refusal().unwrap().sentence;
        prop_assert!(!sentence.chars().any(char::is_control), "{:?}", sentence);
    }
}
