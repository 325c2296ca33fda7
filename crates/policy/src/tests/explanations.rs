//! What `explain` says, to people and to scripts.

use super::{NPM, PYPI, dated, day, lens, policy, three_days};
use crate::{Effect, Explanation, Facts, PolicySettings, RuleSettings, Sight};

fn explain(settings: PolicySettings, facts: &Facts<'_>) -> Explanation {
    let policy = policy(settings);
    policy.explain(&lens(&policy, day(2)), &NPM, facts)
}

#[test]
fn a_withheld_version_is_explained_on_the_terminal() {
    let facts = Facts { authored: Some(day(-9)), ..dated("@scope/a", "7.1.0", day(1)) };
    insta::assert_snapshot!(explain(three_days(), &facts), @"
    @scope/a 7.1.0 withheld by cooldown (3 days) until 2026-11-24
      pkg:npm/%40scope/a@7.1.0
      verdict     withheld
      code        blocked_by_policies
      rule        cooldown
      since       2026-11-21T00:00:00Z
      until       2026-11-24T00:00:00Z
      published   2026-11-21T00:00:00Z (registry)
      mount       npm
    ");
}

#[test]
fn an_explanation_names_reason_and_owner_of_any_rule() {
    let mut rule = RuleSettings::new("partner", Effect::Allow).purl("pkg:npm/vite");
    rule = rule.because("reviewed by hand").until(day(9));
    rule.owner = Some("platform".into());
    let settings = PolicySettings { rules: vec![rule], ..three_days() };
    let facts = Facts { yanked: Some("broken\u{1b}[2J"), ..dated("vite", "7.1.0", day(1)) };
    insta::assert_snapshot!(explain(settings, &facts), @"
    vite 7.1.0 passes by rule partner
      pkg:npm/vite@7.1.0
      verdict     admitted
      rule        partner
      reason      reviewed by hand
      owner       platform
      until       2026-11-29T00:00:00Z
      published   2026-11-21T00:00:00Z (registry)
      yanked      broken?[2J
      mount       npm
    ");
}

#[test]
fn an_explanation_says_where_the_date_is_from() {
    let seen = |first_seen| Facts { first_seen, ..Facts::new("vite", "7.1.0") };
    insta::assert_snapshot!(explain(three_days(), &seen(Sight::Baseline)), @"
    vite 7.1.0 passes as no rule withholds it (there at first contact)
      pkg:npm/vite@7.1.0
      verdict     admitted
      mount       npm
    ");
    insta::assert_snapshot!(explain(three_days(), &seen(Sight::At(day(1)))), @"
    vite 7.1.0 withheld by cooldown (3 days) until 2026-11-24
      pkg:npm/vite@7.1.0
      verdict     withheld
      code        blocked_by_policies
      rule        cooldown
      since       2026-11-21T00:00:00Z
      until       2026-11-24T00:00:00Z
      published   2026-11-21T00:00:00Z (first seen)
      first seen  2026-11-21T00:00:00Z
      mount       npm
    ");
    insta::assert_snapshot!(explain(three_days(), &seen(Sight::Unknown)), @"
    vite 7.1.0 withheld by cooldown (3 days): its publication date is unknown
      pkg:npm/vite@7.1.0
      verdict     withheld
      code        blocked_by_policies
      rule        cooldown
      reason      its publication date is unknown
      published   unknown
      mount       npm
    ");
    insta::assert_snapshot!(explain(PolicySettings::default(), &seen(Sight::Unknown)).sentence, @"vite 7.1.0 passes as no rule withholds it and no cooldown applies");
}

#[test]
fn an_explanation_has_a_stable_shape_for_scripts() {
    let policy = policy(three_days());
    let facts = dated("numpy", "2.0", day(1));
    let explained = policy.explain(&policy.lens(&PYPI, day(2)), &PYPI, &facts);
    insta::assert_snapshot!(serde_json::to_string_pretty(&explained).unwrap(), @r#"
    {
      "verdict": "withheld",
      "purl": "pkg:pypi/numpy@2.0",
      "mount": "pypi",
      "sentence": "numpy 2.0 withheld by cooldown (3 days) until 2026-11-24",
      "code": "blocked_by_policies",
      "rule": "cooldown",
      "reason": null,
      "owner": null,
      "since": "2026-11-21T00:00:00Z",
      "until": "2026-11-24T00:00:00Z",
      "facts": {
        "published": "2026-11-21T00:00:00Z",
        "source": "registry",
        "available": "2026-11-21T00:00:00Z",
        "authored": null,
        "first_seen": null,
        "yanked": null,
        "deprecated": null,
        "licence": null
      }
    }
    "#);
}
