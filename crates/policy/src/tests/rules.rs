//! Rules: order, patterns, ranges and effects.

use std::borrow::Cow;

use weir_core::{Role, Timestamp};

use super::{ECOSYSTEMS, GO, IMAGES, NPM, PYPI, dated, day, judge, passes, policy, three_days};
use crate::{Effect, Facts, Outcome, Policy, PolicySettings, RuleSettings, WorkMode};

fn with(rules: impl IntoIterator<Item = RuleSettings>) -> PolicySettings {
    PolicySettings { rules: rules.into_iter().collect(), ..three_days() }
}

fn deny(name: &str, purl: &str) -> RuleSettings {
    RuleSettings::new(name, Effect::Deny).purl(purl)
}

fn allow(name: &str, purl: &str) -> RuleSettings {
    RuleSettings::new(name, Effect::Allow).purl(purl)
}

#[test]
fn the_first_rule_that_matches_decides_and_the_cooldown_comes_last() {
    let young = dated("vite", "7.1.0", day(9));
    assert!(!passes(with([]), &young));
    assert!(passes(with([allow("a", "pkg:npm/vite")]), &young));
    assert!(passes(with([allow("a", "pkg:npm/*"), deny("d", "pkg:npm/vite")]), &young));
    assert!(!passes(with([deny("d", "pkg:npm/vite"), allow("a", "pkg:npm/*")]), &young));
    let warned = with([RuleSettings::new("w", Effect::Warn), deny("d", "pkg:npm/vite")]);
    let judgement = judge(&policy(warned), &NPM, day(10), &young);
    assert!(matches!(judgement.outcome, Outcome::Warn(_)));
    assert_eq!(judgement.rule.as_deref(), Some("w"));
}

#[test]
fn a_rule_needs_one_of_its_patterns_and_its_versions() {
    let rule = deny("d", "pkg:npm/vite").purl("pkg:npm/@scope/a@1.0.0").versions("<7 || =7.1.0");
    for (name, version, expected) in [
        ("vite", "6.9.9", false),
        ("vite", "7.0.0", true),
        ("vite", "7.1.0", false),
        ("vitest", "6.0.0", true),
        ("@scope/a", "1.0.0", false),
        ("@scope/a", "v1.0.0", false),
        ("@scope/a", "1.0.1", true),
    ] {
        let facts = dated(name, version, day(0));
        assert_eq!(passes(with([rule.clone()]), &facts), expected, "{name} {version}");
    }
}

#[test]
fn ranges_are_read_in_the_scheme_of_their_ecosystem() {
    let settings = with([deny("d", "pkg:pypi/numpy").versions("~=1.4")]);
    let policy = policy(settings);
    let refused = |version| {
        judge(&policy, &PYPI, day(10), &dated("numpy", version, day(0))).refusal().is_some()
    };
    assert!(refused("1.9") && !refused("2.0") && !refused("1.3"));
}

#[test]
fn a_version_that_is_none_cannot_slip_past_a_denied_range_nor_into_an_allowed_one() {
    let odd = dated("vite", "latest-and-greatest", day(0));
    let odd_and_young = dated("vite", "latest-and-greatest", day(9));
    assert!(!passes(with([deny("d", "pkg:npm/vite").versions("<2")]), &odd));
    assert!(!passes(with([allow("a", "pkg:npm/vite").versions("<2")]), &odd_and_young));
}

#[test]
fn a_rule_has_no_effect_from_its_end_on() {
    let settings = with([deny("d", "pkg:npm/vite").until(day(20))]);
    let policy = policy(settings);
    let facts = dated("vite", "7.1.0", day(0));
    let last = Timestamp::from_millis(day(20).as_millis() - 1);
    let before = judge(&policy, &NPM, last, &facts);
    assert_eq!(before.valid_until, day(20));
    assert!(before.refusal().is_some());
    let after = judge(&policy, &NPM, day(20), &facts);
    assert_eq!((after.refusal(), after.valid_from), (None, day(20)));
}

#[test]
fn a_refusal_names_the_instant_of_release_not_the_end_of_one_rule_of_several() {
    let settings = with([
        deny("first", "pkg:npm/vite").until(day(11)),
        deny("second", "pkg:npm/vite").until(day(12)),
    ]);
    let facts = dated("vite", "7.1.0", day(10));
    let judgement = judge(&policy(settings.clone()), &NPM, day(10), &facts);
    assert_eq!(judgement.valid_until, day(11), "then the second rule decides");
    assert_eq!(judgement.refusal().unwrap().until, Some(day(13)), "then the cooldown has passed");

    let mut endless = settings;
    endless.rules.push(deny("third", "pkg:npm/vite"));
    let judgement = judge(&policy(endless), &NPM, day(10), &facts);
    assert_eq!(judgement.refusal().unwrap().until, None);
}

#[test]
fn documents_that_resolution_reads_are_refused_by_a_deny_rule_only() {
    let facts = Facts { role: Role::Resolution, ..Facts::new("vite", "7.1.0") };
    assert!(passes(three_days(), &facts));
    assert!(!passes(with([deny("d", "pkg:npm/vite")]), &facts));
}

#[test]
fn an_unreadable_entry_is_refused_whatever_the_rules_and_the_mode_say() {
    let facts = Facts { unreadable: Some("no version"), ..dated("vite", "x", day(0)) };
    let mut settings = with([RuleSettings::new("all", Effect::Allow)]);
    settings.work_mode = WorkMode::Spectator;
    let judgement = judge(&policy(settings), &NPM, day(10), &facts);
    assert_eq!(&*judgement.refusal().unwrap().rule, "unreadable");
}

#[test]
fn the_sentence_of_an_entry_without_a_version_has_no_gap() {
    let facts = Facts { unreadable: Some("no version"), ..Facts::new("vite", "") };
    let judgement = judge(&policy(three_days()), &NPM, day(10), &facts);
    let sentence = &judgement.refusal().unwrap().sentence;
    assert_eq!(sentence, "vite withheld as unreadable: no version");
}

#[test]
fn warmup_and_spectator_let_pass_and_say_what_they_would_withhold() {
    for (mode, expected) in [
        (WorkMode::Warmup, true),
        (WorkMode::Spectator, true),
        (WorkMode::Moderate, false),
        (WorkMode::Strict, false),
        (WorkMode::StrictWait, false),
    ] {
        let settings = PolicySettings { work_mode: mode, ..three_days() };
        let judgement = judge(&policy(settings), &NPM, day(10), &dated("vite", "7.1.0", day(9)));
        assert_eq!(matches!(judgement.outcome, Outcome::Warn(_)), expected, "{mode:?}");
        assert_eq!(judgement.refusal().is_none(), expected, "{mode:?}");
        assert_eq!(judgement.rule.as_deref(), Some("cooldown"));
    }
}

#[test]
fn a_mounts_own_work_mode_counts_before_the_global_one() {
    let mut settings = three_days();
    settings.work_mode_by_mount.insert("npm".into(), WorkMode::Spectator);
    let policy = policy(settings);
    let facts = dated("a", "1.0.0", day(9));
    assert!(judge(&policy, &NPM, day(10), &facts).refusal().is_none());
    assert!(judge(&policy, &GO, day(10), &facts).refusal().is_some());
}

#[test]
fn rules_for_all_types_hold_in_a_mount_of_an_unannounced_type() {
    let settings = with([RuleSettings::new("none", Effect::Deny).purl("pkg:*/left-pad")]);
    let policy = Policy::new(settings, &ECOSYSTEMS[..1]).unwrap();
    let refused =
        |name| judge(&policy, &GO, day(10), &dated(name, "1.0.0", day(0))).refusal().is_some();
    assert!(refused("left-pad") && !refused("right-pad"));
}

#[test]
fn an_image_is_named_by_its_tag_and_by_each_address_that_leads_to_it() {
    let address = |letter: &str| format!("sha256:{}", letter.repeat(64));
    let chain = [Cow::Owned(address("a")), Cow::Owned(address("b"))];
    let image = Facts { chain: &chain, ..dated("library/alpine", "3.19", day(0)) };
    let passes = |rule: RuleSettings| {
        let policy = policy(with([rule]));
        judge(&policy, &IMAGES, day(10), &image).refusal().is_none()
    };
    for version in ["3.19", &address("a"), &address("b")] {
        assert!(!passes(deny("d", &format!("pkg:oci/library/alpine@{version}"))), "{version}");
        assert!(!passes(deny("d", &format!("pkg:docker/library/*@{version}"))), "{version}");
    }
    for version in ["3.20", &address("c")] {
        assert!(passes(deny("d", &format!("pkg:oci/library/alpine@{version}"))), "{version}");
    }
}

#[test]
fn a_range_may_name_addresses_beside_tags() {
    let address = |letter: &str| format!("sha256:{}", letter.repeat(64));
    let chain = [Cow::Owned(address("a"))];
    let tagged = Facts { chain: &chain, ..dated("library/alpine", "3.19", day(0)) };
    let untagged = address("a");
    let untagged = dated("library/alpine", &untagged, day(0));
    for (versions, by_tag, by_digest) in [
        (address("a"), false, false),
        (address("b"), true, true),
        (format!("{} || {}", address("b"), address("a")), false, false),
        (format!("3.19 || {}", address("b")), false, false),
        (format!("<3 || {}", address("a")), false, false),
    ] {
        let rule =
            RuleSettings::new("d", Effect::Deny).purl("pkg:oci/library/*").versions(&versions);
        let policy = policy(with([rule]));
        let passes =
            |facts: &Facts<'_>| judge(&policy, &IMAGES, day(10), facts).refusal().is_none();
        assert_eq!((passes(&tagged), passes(&untagged)), (by_tag, by_digest), "{versions}");
    }
}

#[test]
fn a_range_of_tags_holds_no_address_and_denies_what_it_cannot_order() {
    let address = format!("sha256:{}", "a".repeat(64));
    let untagged = dated("library/alpine", &address, day(0));
    let judged = |rule: RuleSettings, facts: &Facts<'_>| {
        let policy = policy(with([rule]));
        judge(&policy, &IMAGES, day(10), facts).refusal().is_none()
    };
    let old = |effect| RuleSettings::new("r", effect).purl("pkg:oci/library/*").versions("<3");
    assert!(!judged(old(Effect::Deny), &untagged));
    let young = dated("library/alpine", &address, day(9));
    assert!(!judged(old(Effect::Allow), &young), "an allowance does not reach it");
    let chain = [Cow::Owned(address.clone())];
    let tagged = Facts { chain: &chain, ..dated("library/alpine", "3.19", day(0)) };
    assert!(judged(old(Effect::Deny), &tagged), "its tag is what counts");
}
