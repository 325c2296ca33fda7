//! Edits of a listing and the notice that goes with them.

use std::time::Instant;

use weir_core::{Edit, Timestamp};

use super::{NPM, PYPI, dated, day, days, hour, lens, policy, three_days};
use crate::{Effect, Facts, Judgement, MountInfo, Policy, RuleSettings};

fn judge_all<'f>(
    policy: &Policy,
    mount: &MountInfo<'_>,
    facts: impl IntoIterator<Item = Facts<'f>>,
) -> Vec<Judgement> {
    policy.judge_all(&policy.lens(mount, day(2)), facts)
}

fn notice<'f>(policy: &Policy, facts: impl IntoIterator<Item = Facts<'f>>) -> String {
    let (edits, _) = policy.edits(&NPM, &judge_all(policy, &NPM, facts));
    edits.notice().unwrap_or_default().to_owned()
}

#[test]
fn what_is_withheld_is_left_out_or_marked_with_its_sentence() {
    let policy = policy(three_days());
    let facts = [dated("a", "1.0", day(-9)), dated("a", "1.1", day(0)), dated("a", "1.2", day(1))];
    let (removed, until) = policy.edits(&NPM, &judge_all(&policy, &NPM, facts));
    assert_eq!((removed.get(0), removed.get(1)), (&Edit::Keep, &Edit::Drop));
    assert_eq!(until, day(3), "when the first of the withheld ones is released");
    let (marked, _) = policy.edits(&PYPI, &judge_all(&policy, &PYPI, facts));
    let sentence = "a 1.1 withheld by cooldown (3 days) until 2026-11-23";
    assert_eq!(marked.get(1), &Edit::Mark(sentence.into()));
}

#[test]
fn an_unreadable_entry_is_left_out_even_where_there_is_a_mark() {
    let policy = policy(three_days());
    let facts = Facts { unreadable: Some("no version"), ..Facts::new("a", "?") };
    let (edits, until) = policy.edits(&PYPI, &judge_all(&policy, &PYPI, [facts]));
    assert_eq!((edits.get(0), until), (&Edit::Drop, Timestamp::MAX));
}

#[test]
fn a_listing_without_anything_withheld_has_no_notice_and_never_changes() {
    let policy = policy(three_days());
    let judged = judge_all(&policy, &NPM, [dated("a", "1.0.0", day(-9))]);
    let (edits, until) = policy.edits(&NPM, &judged);
    assert!(edits.is_empty());
    assert_eq!(until, Timestamp::MAX);
    assert_eq!(policy.edits(&NPM, &[]).1, Timestamp::MAX);
}

#[test]
fn the_notice_names_versions_and_rule() {
    let mut settings = three_days();
    let rule = RuleSettings::new("no-old", Effect::Deny).purl("pkg:npm/b").versions("<2");
    settings.rules = vec![rule.because("too old")];
    let policy = policy(settings);
    let a = |version, on| dated("a", version, on);
    insta::assert_snapshot!(notice(&policy, [a("7.1.0", day(1))]), @"a 7.1.0 withheld by cooldown (3 days) until 2026-11-24");
    insta::assert_snapshot!(notice(&policy, [a("7.1.0", day(1)), a("7.1.1", hour(50))]), @"2 versions of a withheld by cooldown (3 days): 7.1.0 until 2026-11-24, 7.1.1 until 2026-11-25");
    let many = ["1.0.0", "1.0.1", "1.0.2", "1.0.3", "1.0.4", "1.0.5", "1.0.6"];
    insta::assert_snapshot!(notice(&policy, many.map(|version| a(version, day(1)))), @"7 versions of a withheld by cooldown (3 days) until 2026-11-24: 1.0.0, 1.0.1, 1.0.2, 1.0.3, 1.0.4 and 2 more");
    insta::assert_snapshot!(notice(&policy, ["1.0.0", "1.5.0"].map(|v| dated("b", v, day(-9)))), @"2 versions of b withheld by rule no-old (too old): 1.0.0, 1.5.0");
    let mixed = [dated("b", "1.0.0", day(-9)), dated("b", "2.0.0", day(1))];
    insta::assert_snapshot!(notice(&policy, mixed), @"2 versions of b withheld: 1.0.0 by rule no-old, 2.0.0 by cooldown (3 days) until 2026-11-24");
    insta::assert_snapshot!(notice(&policy, [a("1.0.0", day(1)), dated("c", "2.0.0", day(1))]), @"2 versions withheld by cooldown (3 days) until 2026-11-24: a 1.0.0, c 2.0.0");
}

#[test]
fn files_of_one_version_count_once() {
    let policy = policy(three_days());
    let wheel = Facts { file: Some("a-1.0-py3-none-any.whl"), ..dated("a", "1.0", day(1)) };
    let sdist = Facts { file: Some("a-1.0.tar.gz"), ..wheel };
    assert_eq!(
        notice(&policy, [wheel, sdist]),
        "a 1.0 withheld by cooldown (3 days) until 2026-11-24"
    );
}

#[test]
fn a_listing_of_two_thousand_versions_is_judged_in_a_few_milliseconds() {
    let mut settings = three_days();
    for number in 0..50 {
        let rule = RuleSettings::new(format!("rule-{number}"), Effect::Deny);
        settings.rules.push(rule.purl(format!("pkg:npm/@scope-{number}/*")).versions("<1"));
        settings.cooldown.packages.push((format!("pkg:npm/@scope-{number}/*"), days(1)));
    }
    let policy = policy(settings);
    let versions: Vec<String> = (0..2000).map(|number| format!("1.{number}.0")).collect();
    let best = (0..10)
        .map(|_| {
            let start = Instant::now();
            let facts = versions.iter().map(|version| dated("@scope-7/a", version, day(-9)));
            assert_eq!(policy.judge_all(&lens(&policy, day(2)), facts).len(), 2000);
            start.elapsed()
        })
        .min();
    assert!(best.unwrap().as_millis() < 50, "{best:?} without optimisation");
}
