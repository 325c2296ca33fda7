//! What may leave: admissions, and when an old one still counts.

use weir_core::Timestamp;

use super::{NPM, PYPI, dated, day, lens, policy, three_days};
use crate::{Effect, PolicySettings, RuleSettings, WorkMode};

#[test]
fn what_is_refused_gets_no_admission_but_the_judgement() {
    let policy = policy(three_days());
    let refused = policy.admit(&lens(&policy, day(2)), &dated("vite", "7.1.0", day(1)));
    assert_eq!(refused.as_ref().unwrap_err().valid_until, day(4));
    assert_eq!(refused.unwrap_err().code(), "blocked_by_policies");
}

#[test]
fn an_admission_is_recalled_while_the_rules_and_the_judgement_stand() {
    let allow = RuleSettings::new("soon", Effect::Allow).until(day(3));
    let policy = policy(PolicySettings { rules: vec![allow], ..three_days() });
    let facts = dated("vite", "7.1.0", day(1));
    let (_, decision) = policy.admit(&lens(&policy, day(2)), &facts).unwrap();
    assert_eq!((decision.rule(), decision.until()), (Some("soon"), day(3)));
    assert!(policy.recall(&decision, &lens(&policy, day(2))).is_some());
    assert!(policy.recall(&decision, &lens(&policy, day(3))).is_none(), "the rule has ended");
}

#[test]
fn a_clock_that_runs_back_does_not_admit_what_was_young_then() {
    let policy = policy(three_days());
    let facts = dated("vite", "7.1.0", day(1));
    let (_, decision) = policy.admit(&lens(&policy, day(9)), &facts).unwrap();
    assert_eq!(decision.until(), Timestamp::MAX);
    assert!(policy.recall(&decision, &lens(&policy, day(4))).is_some());
    assert!(policy.recall(&decision, &lens(&policy, day(3))).is_none());
}

#[test]
fn other_rules_or_another_mount_ask_for_a_new_judgement() {
    let first = policy(three_days());
    let (_, decision) = first.admit(&lens(&first, day(9)), &dated("a", "1.0.0", day(1))).unwrap();
    assert!(first.recall(&decision, &first.lens(&PYPI, day(9))).is_none());
    let second = policy(PolicySettings::default());
    assert!(second.recall(&decision, &lens(&second, day(9))).is_none());
    assert!(second.recall(&decision, &lens(&first, day(9))).is_none());
    let same = policy(three_days());
    assert!(same.recall(&decision, &lens(&same, day(9))).is_some(), "as in another process");
}

#[test]
fn a_warning_is_kept_with_the_decision() {
    let settings = PolicySettings { work_mode: WorkMode::Spectator, ..three_days() };
    let policy = policy(settings);
    let facts = dated("vite", "7.1.0", day(1));
    let (_, decision) = policy.admit(&policy.lens(&NPM, day(2)), &facts).unwrap();
    assert!(decision.warning().unwrap().contains("withheld by cooldown"));
    assert_eq!((decision.code(), decision.until()), ("warned", day(4)));
}
