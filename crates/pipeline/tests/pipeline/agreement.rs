//! Listings and downloads agree, whatever the policy: a version is withheld in its listing
//! exactly when its file is refused, and the explanation says the same.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use weir_core::Purl;
use weir_policy::{Effect, Listing, PolicySettings, RuleSettings, Unknown};
use weir_testkit::origin::Package;

use crate::harness::{DAY, Gateway, PYPI_JSON};
use crate::policies::{Registries, files};

const VERSIONS: [(&str, &str); 4] = [
    ("1.0.0", "2015-01-01T00:00:00Z"),
    ("1.1.0", "2026-04-01T00:00:00Z"),
    ("2.0.0", "2026-05-25T00:00:00Z"),
    ("2.1.0", "2026-05-31T00:00:00Z"),
];
const KINDS: [&str; 3] = ["npm", "pypi", "cargo"];

fn rules() -> impl Strategy<Value = Vec<RuleSettings>> {
    let effect = prop_oneof![Just(Effect::Deny), Just(Effect::Allow), Just(Effect::Warn)];
    let name = prop_oneof![Just("demo"), Just("d*"), Just("other")];
    let range = prop::option::of(prop_oneof![Just("<2"), Just(">=1.1.0"), Just("2.0.0")]);
    let rule = (effect, 0..KINDS.len(), name, range);
    prop::collection::vec(rule, 0..4).prop_map(|rules| {
        let rules = rules.into_iter().enumerate();
        let made = rules.map(|(n, (effect, kind, name, range))| {
            let rule = RuleSettings::new(format!("rule-{n}"), effect);
            let rule = rule.purl(format!("pkg:{}/{name}", KINDS[kind]));
            let range = range.map(|range| match (KINDS[kind], range) {
                ("pypi", "2.0.0") => "==2.0.0",
                ("cargo", "2.0.0") => "=2.0.0",
                (_, range) => range,
            });
            match range {
                Some(range) => rule.versions(range),
                None => rule,
            }
        });
        made.collect()
    })
}

fn policies() -> impl Strategy<Value = PolicySettings> {
    let days = prop_oneof![Just(0_u32), Just(3), Just(14), Just(100), Just(3600)];
    let listing = prop_oneof![Just(None), Just(Some(Listing::Remove)), Just(Some(Listing::Mark))];
    let unknown = prop_oneof![Just(Unknown::FirstSeen), Just(Unknown::Deny), Just(Unknown::Allow)];
    (rules(), days.clone(), days, listing, unknown).prop_map(
        |(rules, default, cargo, listing, unknown)| {
            let mut policy = PolicySettings { rules, listing, ..PolicySettings::default() };
            policy.cooldown.default = DAY * default;
            policy.cooldown.unknown = unknown;
            policy.cooldown.ecosystems.insert("cargo".into(), DAY * cargo);
            policy
        },
    )
}

/// The versions that each listing shows, and shows without a mark.
async fn shown(gateway: &Gateway) -> [Vec<String>; 3] {
    let npm = gateway.get("/npm/demo").await;
    let npm = if npm.status == 200 { crate::harness::versions(&npm.json()) } else { Vec::new() };
    let page = gateway.json("/pypi/simple/demo/", PYPI_JSON).await;
    let file = |file: &Value| {
        let name = file["filename"].as_str().unwrap();
        let kept = file["yanked"] == false;
        kept.then(|| name.split('-').nth(1).unwrap().to_owned())
    };
    let pypi = page["files"].as_array().unwrap().iter().filter_map(file).collect();
    let index = gateway.get("/cargo/de/mo/demo").await;
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        (line["yanked"] == false).then(|| line["vers"].as_str().unwrap().to_owned())
    };
    let lines = if index.status == 200 { index.text() } else { "" };
    [npm, pypi, lines.lines().filter_map(line).collect()]
}

async fn agree(gateway: &Gateway) -> Result<(), TestCaseError> {
    let shown = shown(gateway).await;
    let mounts: Vec<_> = KINDS.iter().map(|kind| gateway.mounts[*kind].clone()).collect();
    for (version, _) in VERSIONS {
        for (n, path) in files(version).into_iter().enumerate() {
            let answered = gateway.get(&path).await;
            let listed = shown[n].iter().any(|one| one == version);
            let refused = answered.fails(403, "blocked_by_policies");
            prop_assert!(refused || answered.is(200), "{path}: {answered:?}");
            prop_assert_eq!(listed, !refused, "{}: shown {:?}", path, shown[n]);
            let purl: Purl = format!("pkg:{}/demo@{version}", KINDS[n]).parse().unwrap();
            let explained = gateway.pipeline.explain(&mounts, &purl).await.unwrap();
            prop_assert_eq!(explained.explanations[0].verdict == "withheld", refused, "{}", path);
        }
    }
    Ok(())
}

#[test]
fn withheld_in_the_listing_is_refused_at_the_download() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let demo = VERSIONS.iter().fold(Package::new("demo"), |demo, (v, date)| demo.release(v, date));
    let registries = runtime.block_on(Registries::start(&demo));
    // One gateway lives through all policies: what an earlier one left behind must not matter.
    let long_lived = runtime.block_on(registries.setup().open());
    let mut runner =
        TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let tested = runner.run(&policies(), |policy| {
        runtime.block_on(async {
            long_lived.set_policy(&policy);
            agree(&long_lived).await?;
            agree(&registries.setup().policy(policy).open().await).await
        })
    });
    tested.unwrap();
}
