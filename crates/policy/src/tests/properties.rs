//! Laws that hold for every policy and every release.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use weir_core::{Edit, Role, Timestamp};

use super::{NPM, PYPI, days, hour, policy};
use crate::{
    CooldownSettings, Effect, Facts, Judgement, Listing, MountInfo, PolicySettings, RuleSettings,
    Sight, Unknown, WorkMode,
};

const NAMES: [&str; 4] = ["vite", "vitest", "@scope/a", "@scope/b"];
const VERSIONS: [&str; 5] = ["1.0.0", "1.5.0", "2.0.0", "2.0.0-rc.1", "odd"];
const PATTERNS: [&str; 6] = [
    "pkg:npm/*",
    "pkg:npm/vite",
    "pkg:npm/vite*",
    "pkg:npm/@scope/*",
    "pkg:npm/@scope/a@2.0.0",
    "pkg:*/vite",
];
const RANGES: [&str; 3] = ["<2", ">=1.5", "=2.0.0"];

/// Instants within a few weeks, on the hour so that coincidences happen.
fn instant() -> impl Strategy<Value = Timestamp> {
    (0..500i64).prop_map(hour)
}

fn rule() -> impl Strategy<Value = RuleSettings> {
    let effect = select(vec![Effect::Deny, Effect::Warn, Effect::Allow]);
    let scope = (vec(select(&PATTERNS[..5]), 1..3), option::of(select(&RANGES[..])));
    (effect, scope, option::of(instant())).prop_map(|(effect, (purls, versions), until)| {
        RuleSettings {
            purls: purls.into_iter().map(Into::into).collect(),
            versions: versions.map(Into::into),
            until,
            ..RuleSettings::new("", effect)
        }
    })
}

fn cooldown() -> impl Strategy<Value = CooldownSettings> {
    let unknown = select(vec![Unknown::FirstSeen, Unknown::Deny, Unknown::Allow]);
    let packages = vec((select(&PATTERNS[..]), 0..9u64), 0..3);
    (0..9u64, option::of(0..9u64), packages, unknown).prop_map(
        |(default, npm, packages, unknown)| CooldownSettings {
            default: days(default),
            ecosystems: npm.map(|npm| ("npm".to_owned(), days(npm))).into_iter().collect(),
            packages: packages.into_iter().map(|(p, span)| (p.to_owned(), days(span))).collect(),
            unknown,
        },
    )
}

fn settings() -> impl Strategy<Value = PolicySettings> {
    let mode = select(vec![WorkMode::Moderate, WorkMode::Strict, WorkMode::Spectator]);
    let listing = option::of(select(vec![Listing::Remove, Listing::Mark]));
    (cooldown(), vec(rule(), 0..4), mode, listing).prop_map(
        |(cooldown, mut rules, work_mode, listing)| {
            for (index, rule) in rules.iter_mut().enumerate() {
                rule.name = format!("rule-{index}");
            }
            PolicySettings { cooldown, rules, work_mode, listing, ..PolicySettings::default() }
        },
    )
}

fn facts() -> impl Strategy<Value = Facts<'static>> {
    let sight =
        prop_oneof![Just(Sight::Baseline), Just(Sight::Unknown), instant().prop_map(Sight::At)];
    let dates = (option::of(instant()), option::of(instant()), sight);
    let unreadable = prop_oneof![9 => Just(None), 1 => Just(Some("odd"))];
    (select(&NAMES[..]), select(&VERSIONS[..]), dates, unreadable).prop_map(
        |(name, version, (available, authored, first_seen), unreadable)| Facts {
            available,
            authored,
            first_seen,
            unreadable,
            ..Facts::new(name, version)
        },
    )
}

fn just_before(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.as_millis() - 1)
}

fn judge(settings: &PolicySettings, at: Timestamp, facts: &Facts<'_>) -> Judgement {
    super::judge(&policy(settings.clone()), &NPM, at, facts)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn listings_and_downloads_agree(
        settings in settings(),
        listed in vec(facts(), 0..8),
        at in instant(),
        marks in any::<bool>(),
    ) {
        let policy = policy(settings);
        let mount = MountInfo { marks, ..NPM };
        let lens = policy.lens(&mount, at);
        let judged = policy.judge_all(&lens, listed.iter().copied());
        let (edits, until) = policy.edits(&mount, &judged);
        for (ordinal, facts) in listed.iter().enumerate() {
            let offered = *edits.get(ordinal) == Edit::Keep;
            prop_assert_eq!(offered, policy.admit(&lens, facts).is_ok(), "{:?}", facts);
        }
        prop_assert_eq!(edits.notice().is_some(), !judged.iter().all(|j| j.refusal().is_none()));
        // The same rendering serves until then, and is another one (or the same) from then on.
        prop_assert!(until > at);
        let last = policy.lens(&mount, just_before(until));
        let (same, _) = policy.edits(&mount, &policy.judge_all(&last, listed.iter().copied()));
        prop_assert_eq!(edits, same);
    }

    #[test]
    fn a_batch_is_judged_like_its_members(
        settings in settings(),
        listed in vec(facts(), 0..8),
        at in instant(),
    ) {
        let policy = policy(settings);
        let lens = policy.lens(&NPM, at);
        let single: Vec<_> = listed.iter().map(|facts| policy.judge(&lens, facts)).collect();
        prop_assert_eq!(policy.judge_all(&lens, listed), single);
    }

    #[test]
    fn a_judgement_stands_exactly_as_long_as_it_says(
        settings in settings(),
        facts in facts(),
        at in instant(),
        other in instant(),
    ) {
        let judgement = judge(&settings, at, &facts);
        let Judgement { valid_from, valid_until, .. } = judgement;
        prop_assert!(valid_from <= at && at < valid_until);
        if valid_until < Timestamp::MAX {
            prop_assert_eq!(&judge(&settings, just_before(valid_until), &facts), &judgement);
            prop_assert_ne!(&judge(&settings, valid_until, &facts), &judgement);
        }
        if valid_from > Timestamp::MIN {
            prop_assert_eq!(&judge(&settings, valid_from, &facts), &judgement);
            prop_assert_ne!(&judge(&settings, just_before(valid_from), &facts), &judgement);
        }
        let stands = valid_from <= other && other < valid_until;
        prop_assert_eq!(judge(&settings, other, &facts) == judgement, stands);
    }

    #[test]
    fn a_refusal_ends_when_it_says(settings in settings(), facts in facts(), at in instant()) {
        let Some(refusal) = judge(&settings, at, &facts).refusal().cloned() else { return Ok(()) };
        let late = refusal.until.map_or(hour(100_000), just_before);
        prop_assert!(judge(&settings, late, &facts).refusal().is_some());
        if let Some(until) = refusal.until {
            prop_assert!(at < until);
            prop_assert!(judge(&settings, until, &facts).refusal().is_none());
        }
    }

    #[test]
    fn time_alone_withholds_nothing_unless_an_exemption_ends(
        mut settings in settings(),
        facts in facts(),
        at in instant(),
        later in instant(),
    ) {
        settings.rules.retain(|rule| rule.effect == Effect::Deny || rule.until.is_none());
        let (at, later) = (at.min(later), at.max(later));
        if judge(&settings, at, &facts).refusal().is_none() {
            prop_assert!(judge(&settings, later, &facts).refusal().is_none());
        }
    }

    #[test]
    fn an_admission_is_recalled_only_while_it_would_be_given(
        settings in settings(),
        facts in facts(),
        at in instant(),
        other in instant(),
    ) {
        let policy = policy(settings);
        if let Ok((_, decision)) = policy.admit(&policy.lens(&NPM, at), &facts) {
            let lens = policy.lens(&NPM, other);
            if policy.recall(&decision, &lens).is_some() {
                let (_, again) = policy.admit(&lens, &facts).unwrap();
                prop_assert_eq!(decision, again);
            }
        }
    }

    #[test]
    fn only_a_deny_rule_refuses_what_resolution_reads(
        settings in settings(),
        facts in facts(),
        at in instant(),
    ) {
        let facts = Facts { role: Role::Resolution, unreadable: None, ..facts };
        if let Some(refusal) = judge(&settings, at, &facts).refusal() {
            let rule = settings.rules.iter().find(|rule| *rule.name == *refusal.rule);
            prop_assert_eq!(rule.map(|rule| rule.effect), Some(Effect::Deny));
        }
    }

    #[test]
    fn rules_of_one_ecosystem_do_not_reach_another(facts in facts(), at in instant()) {
        let rules = vec![RuleSettings::new("npm-only", Effect::Deny).purl("pkg:npm/*")];
        let policy = policy(PolicySettings { rules, ..PolicySettings::default() });
        let facts = Facts { unreadable: None, ..facts };
        prop_assert!(super::judge(&policy, &NPM, at, &facts).refusal().is_some());
        prop_assert!(super::judge(&policy, &PYPI, at, &facts).refusal().is_none());
    }
}
