//! Cooldowns: which one counts, from which date, and when it ends.

use weir_core::{FactSet, Role, Timestamp};

use super::{NPM, PYPI, dated, day, days, judge, passes, policy, three_days};
use crate::{Facts, Policy, PolicySettings, Sight, Unknown};

#[test]
fn a_version_is_withheld_until_its_cooldown_has_passed_to_the_millisecond() {
    let policy = policy(three_days());
    let facts = dated("vite", "7.1.0", day(1));
    let before = Timestamp::from_millis(day(4).as_millis() - 1);
    let judgement = judge(&policy, &NPM, before, &facts);
    let refusal = judgement.refusal().unwrap();
    assert_eq!((refusal.since, refusal.until), (Some(day(1)), Some(day(4))));
    assert_eq!(judgement.valid_until, day(4));
    let after = judge(&policy, &NPM, day(4), &facts);
    assert!(after.refusal().is_none());
    assert_eq!((after.valid_from, after.valid_until), (day(4), Timestamp::MAX));
}

#[test]
fn the_narrowest_package_counts_then_the_ecosystem_then_the_default() {
    let mut settings = three_days();
    settings.cooldown.ecosystems.insert("npm".into(), days(5));
    settings.cooldown.packages = vec![
        ("pkg:npm/*".into(), days(6)),
        ("pkg:npm/@scope/*".into(), days(7)),
        ("pkg:npm/@scope/a".into(), days(0)),
        ("pkg:npm/@scope/a@2.0.0".into(), days(9)),
    ];
    let policy = policy(settings);
    for (mount, name, version, expected) in [
        (&NPM, "vite", "1.0.0", 6),
        (&NPM, "@scope/b", "1.0.0", 7),
        (&NPM, "@scope/a", "1.0.0", 0),
        (&NPM, "@scope/a", "2.0.0", 9),
        (&PYPI, "numpy", "1.0", 3),
    ] {
        let facts = dated(name, version, day(0));
        let held = judge(&policy, mount, day(0), &facts);
        let until = held.refusal().and_then(|refusal| refusal.until);
        assert_eq!(until, (expected > 0).then(|| day(expected)), "{name} {version}");
    }
}

#[test]
fn of_two_equal_patterns_the_first_counts() {
    let mut settings = PolicySettings::default();
    settings.cooldown.packages =
        vec![("pkg:npm/a*".into(), days(20)), ("pkg:npm/a**".into(), days(0))];
    assert!(!passes(settings, &dated("abc", "1.0.0", day(5))));
}

#[test]
fn an_author_cannot_make_a_version_older_than_its_availability() {
    let backdated = Facts { authored: Some(day(-900)), ..dated("vite", "7.1.0", day(9)) };
    assert!(!passes(three_days(), &backdated));
    let postdated = Facts { authored: Some(day(9)), ..dated("vite", "7.1.0", day(-900)) };
    assert!(!passes(three_days(), &postdated));
    let alone = Facts { authored: Some(day(-900)), ..Facts::new("vite", "7.1.0") };
    assert!(!passes(three_days(), &alone), "an author's date alone is not trusted");
}

#[test]
fn without_a_registry_date_the_setting_says_what_the_first_sight_means() {
    let seen = |first_seen| Facts { first_seen, ..Facts::new("vite", "7.1.0") };
    for (unknown, sight, expected) in [
        (Unknown::FirstSeen, Sight::Baseline, true),
        (Unknown::FirstSeen, Sight::At(day(2)), true),
        (Unknown::FirstSeen, Sight::At(day(9)), false),
        (Unknown::FirstSeen, Sight::Unknown, false),
        (Unknown::Deny, Sight::Baseline, false),
        (Unknown::Deny, Sight::At(day(2)), false),
        (Unknown::Allow, Sight::At(day(9)), true),
        (Unknown::Allow, Sight::Unknown, true),
    ] {
        let mut settings = three_days();
        settings.cooldown.unknown = unknown;
        assert_eq!(passes(settings, &seen(sight)), expected, "{unknown:?} {sight:?}");
    }
}

#[test]
fn a_registry_date_is_believed_over_the_first_sight() {
    let facts = Facts { first_seen: Sight::At(day(9)), ..dated("vite", "7.1.0", day(1)) };
    assert!(passes(three_days(), &facts));
}

#[test]
fn without_a_cooldown_dates_do_not_matter() {
    let mut settings = PolicySettings::default();
    settings.cooldown.unknown = Unknown::Deny;
    assert!(passes(settings, &Facts::new("vite", "7.1.0")));
}

#[test]
fn documents_that_resolution_reads_have_no_cooldown() {
    let facts = Facts { role: Role::Resolution, ..dated("vite", "7.1.0", day(10)) };
    assert!(passes(three_days(), &facts));
}

#[test]
fn dates_are_wanted_where_a_cooldown_can_apply() {
    let wants = |policy: &Policy, mount| policy.lens(mount, day(10)).wants();
    let mut settings = PolicySettings::default();
    let none = policy(settings.clone());
    assert_eq!(wants(&none, &NPM), FactSet::NONE);
    settings.cooldown.packages = vec![("pkg:npm/vite".into(), days(1))];
    let some = policy(settings.clone());
    assert_eq!((wants(&some, &NPM), wants(&some, &PYPI)), (FactSet::DATES, FactSet::NONE));
    settings.cooldown.default = days(1);
    settings.cooldown.ecosystems.insert("pypi".into(), days(0));
    assert_eq!(wants(&policy(settings), &PYPI), FactSet::NONE);
}
