//! Settings: their errors, and the epoch and class that follow from them.

use super::{ECOSYSTEMS, NPM, PYPI, day, days, policy, three_days};
use crate::{Effect, Listing, Policy, PolicySettings, RuleSettings, Unknown, WorkMode};

fn error(settings: PolicySettings) -> String {
    Policy::new(settings, &ECOSYSTEMS).unwrap_err().to_string()
}

fn with_rule(rule: RuleSettings) -> PolicySettings {
    PolicySettings { rules: vec![rule], ..PolicySettings::default() }
}

#[test]
fn an_error_names_the_key_what_is_wrong_and_what_was_expected() {
    let deny = || RuleSettings::new("no-vite", Effect::Deny);
    insta::assert_snapshot!(error(with_rule(deny().purl("vite"))), @r#"policy.rules[0].purl: "vite" is not a package pattern; expected a package URL such as pkg:npm/vite or pkg:npm/@scope/*"#);
    insta::assert_snapshot!(error(with_rule(deny().purl("pkg:npm/vite").versions(">>1"))), @r#"policy.rules[0].versions: ">>" is not a version comparator; use =, !=, <, <=, > or >=; expected a range of npm versions such as >=1.2, <2"#);
    insta::assert_snapshot!(error(with_rule(deny().versions("<1"))), @r#"policy.rules[0].versions: a version range without an ecosystem; expected package patterns that name one (purl = "pkg:npm/…")"#);
    insta::assert_snapshot!(error(with_rule(RuleSettings::new("cooldown", Effect::Deny))), @r#"policy.rules[0].name: "cooldown" is the name of a built-in rule; expected another name"#);
    insta::assert_snapshot!(error(with_rule(RuleSettings::new(" ", Effect::Deny))), @r#"policy.rules[0].name: "" is not a rule's name; expected 1 to 100 printable characters"#);
    let twice = PolicySettings { rules: vec![deny(), deny()], ..PolicySettings::default() };
    insta::assert_snapshot!(error(twice), @r#"policy.rules[1].name: two rules have the name "no-vite"; expected a name of its own for every rule"#);
}

#[test]
fn settings_beside_the_rules_are_checked_too() {
    let base = PolicySettings::default;
    insta::assert_snapshot!(error(PolicySettings { block_status: 200, ..base() }), @"policy.block_status: 200 does not refuse anything; expected an HTTP status from 400 to 599, best 403");
    let message = |text: &str| PolicySettings { block_message: Some(text.into()), ..base() };
    insta::assert_snapshot!(error(message("ask {whom}")), @"policy.block_message: there is no {whom}; expected text with any of {name}, {version}, {rule}, {reason}, {until}, {url}, {sentence}");
    insta::assert_snapshot!(error(message("ask {name")), @"policy.block_message: a { without }; expected text with any of {name}, {version}, {rule}, {reason}, {until}, {url}, {sentence}");
    let mut settings = base();
    settings.cooldown.packages = vec![("pkg:pip/flask".into(), days(1))];
    insta::assert_snapshot!(error(settings), @r#"cooldown.packages."pkg:pip/flask": "pip" is not a purl type that is served here; expected one of npm, pypi, cargo, golang, oci, or *"#);
    let mut settings = base();
    settings.cooldown.ecosystems.insert("npn".into(), days(1));
    insta::assert_snapshot!(error(settings), @r#"cooldown.ecosystems.npn: "npn" is not an ecosystem that is served here; expected one of npm, pypi, cargo, go, container"#);
    let mut settings = base();
    settings.cooldown.default = days(9000);
    insta::assert_snapshot!(error(settings), @"cooldown.default: 9000 days is longer than ten years; expected a shorter cooldown, or a deny rule");
}

#[test]
fn every_setting_takes_part_in_the_epoch_and_equal_settings_have_equal_epochs() {
    let epoch = |settings| policy(settings).epoch();
    let mut variants = vec![PolicySettings::default(), three_days()];
    let mut change = |edit: fn(&mut PolicySettings)| {
        let mut settings = three_days();
        edit(&mut settings);
        variants.push(settings);
    };
    change(|s| s.cooldown.unknown = Unknown::Deny);
    change(|s| s.cooldown.packages.push(("pkg:npm/a".into(), days(1))));
    change(|s| s.cooldown.packages.push(("pkg:npm/b".into(), days(1))));
    change(|s| s.cooldown.ecosystems = [("npm".to_owned(), days(1))].into());
    change(|s| s.rules.push(RuleSettings::new("a", Effect::Deny)));
    change(|s| s.rules.push(RuleSettings::new("a", Effect::Allow)));
    change(|s| s.rules.push(RuleSettings::new("a", Effect::Allow).until(day(1))));
    change(|s| s.rules.push(RuleSettings::new("a", Effect::Allow).because("x")));
    change(|s| s.work_mode = WorkMode::Strict);
    change(|s| s.listing = Some(Listing::Remove));
    change(|s| s.block_message = Some("no".into()));
    let mut epochs: Vec<u64> = variants.iter().map(|one| epoch(one.clone())).collect();
    assert_eq!(epochs, variants.into_iter().map(epoch).collect::<Vec<_>>());
    epochs.sort_unstable();
    epochs.dedup();
    assert_eq!(epochs.len(), 13);
}

#[test]
fn the_class_tells_mounts_with_other_rules_apart() {
    let mut settings = three_days();
    settings.work_mode_by_mount.insert("lab".into(), WorkMode::Spectator);
    let policy = policy(settings);
    let class = |mount| policy.lens(mount, day(0)).class;
    let lab = crate::MountInfo { mount: "lab", ..NPM };
    let second = crate::MountInfo { mount: "npm-internal", ..NPM };
    assert_eq!(class(&NPM), class(&second));
    assert_ne!(class(&NPM), class(&lab));
    assert_ne!(class(&NPM), class(&PYPI));
}

#[test]
fn listings_are_marked_where_the_format_has_a_mark_unless_told_otherwise() {
    let listing = |global, own: Option<Listing>, mount| {
        let mut settings = PolicySettings { listing: global, ..PolicySettings::default() };
        settings.listing_by_ecosystem.extend(own.map(|own| ("pypi".to_owned(), own)));
        policy(settings).listing(mount)
    };
    assert_eq!(listing(None, None, &PYPI), Listing::Mark);
    assert_eq!(listing(None, None, &NPM), Listing::Remove);
    assert_eq!(listing(Some(Listing::Mark), None, &NPM), Listing::Remove);
    assert_eq!(listing(Some(Listing::Remove), None, &PYPI), Listing::Remove);
    assert_eq!(listing(Some(Listing::Remove), Some(Listing::Mark), &PYPI), Listing::Mark);
}
