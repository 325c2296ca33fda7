//! Tags and images agree, whatever the policy: a tag is listed exactly when its manifest is served,
//! and what belongs to an image is served exactly when a tag of it is.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use weir_core::Purl;
use weir_policy::{Effect, PolicySettings, RuleSettings, Unknown};
use weir_testkit::origin::{Image, Images, Origin};

use crate::harness::{DAY, Gateway, setup};
use crate::images::{blob, manifest};

const NAME: &str = "demo/hello";
/// Tags, and when their images claim to have been made.
const TAGS: [(&str, &str); 4] = [
    ("1.0.0", "2015-01-01T00:00:00Z"),
    ("1.1.0", "2026-04-01T00:00:00Z"),
    ("2.0.0", "2026-05-25T00:00:00Z"),
    ("2.1.0", "2026-05-31T00:00:00Z"),
];

fn images() -> Vec<(&'static str, Image)> {
    TAGS.iter().map(|(tag, made)| (*tag, Image::new("amd64", made, &["shared", tag]))).collect()
}

/// A pattern for the images, maybe for one tag or digest, and maybe a range of tags.
fn rules() -> impl Strategy<Value = Vec<RuleSettings>> {
    let effect = prop_oneof![Just(Effect::Deny), Just(Effect::Allow), Just(Effect::Warn)];
    let range = prop::option::of(prop_oneof![Just("<2"), Just(">=1.1.0"), Just("2.0.0")]);
    let rule = (effect, 0..10_usize, range);
    prop::collection::vec(rule, 0..4).prop_map(|rules| {
        let images = images();
        let made = rules.into_iter().enumerate().map(|(n, (effect, which, range))| {
            let purl = match images.get(which % 5) {
                Some((tag, _)) if which < 5 => format!("pkg:oci/{NAME}@{tag}"),
                Some((_, image)) => format!("pkg:docker/demo/*@{}", image.digest()),
                None => format!("pkg:oci/{NAME}"),
            };
            let rule = RuleSettings::new(format!("rule-{n}"), effect).purl(&purl);
            match range.filter(|_| which % 5 == 4) {
                Some(range) => rule.versions(range),
                None => rule,
            }
        });
        made.collect()
    })
}

fn policies() -> impl Strategy<Value = PolicySettings> {
    let days = prop_oneof![Just(0_u32), Just(3), Just(14), Just(100), Just(3600)];
    let unknown = prop_oneof![Just(Unknown::FirstSeen), Just(Unknown::Deny), Just(Unknown::Allow)];
    (rules(), days, unknown).prop_map(|(rules, days, unknown)| {
        let mut policy = PolicySettings { rules, ..PolicySettings::default() };
        policy.cooldown.default = DAY * days;
        policy.cooldown.unknown = unknown;
        policy
    })
}

/// Whether something is served; otherwise it is refused by policy, by HEAD as well.
async fn serves(gateway: &Gateway, path: &str) -> Result<bool, TestCaseError> {
    let (get, head) = (gateway.get(path).await, gateway.ask("HEAD", path, &[]).await);
    prop_assert_eq!(head.status, get.status, "{}", path);
    let refused = get.fails(403, "blocked_by_policies");
    prop_assert!(refused || get.is(200), "{path}: {get:?}");
    Ok(!refused)
}

async fn agree(gateway: &Gateway) -> Result<(), TestCaseError> {
    let images = images();
    let mut served = Vec::new();
    for (tag, _) in &images {
        served.push(serves(gateway, &manifest(NAME, tag)).await?);
    }
    let list = gateway.get(&format!("/v2/{NAME}/tags/list")).await;
    let listed =
        if list.status == 200 { list.json()["tags"].clone() } else { Vec::<()>::new().into() };
    let mounts = [gateway.mounts["container"].clone()];
    for ((tag, image), served) in images.iter().zip(&served) {
        let shown = listed.as_array().unwrap().iter().any(|one| one == tag);
        prop_assert_eq!(shown, *served, "{} in {}", tag, listed);
        let by_digest = serves(gateway, &manifest(NAME, image.digest())).await?;
        prop_assert_eq!(by_digest, *served, "{} by digest", tag);
        for own in [&image.layers[1], &image.config] {
            prop_assert_eq!(serves(gateway, &blob(NAME, own)).await?, *served, "of {}", tag);
        }
        let purl: Purl = format!("pkg:oci/{NAME}@{tag}").parse().unwrap();
        let explained = gateway.pipeline.explain(&mounts, &purl).await.unwrap();
        prop_assert_eq!(explained.explanations[0].verdict == "withheld", !served, "{}", tag);
        let purl = Purl::new("docker", NAME, Some(image.digest()));
        let explained = gateway.pipeline.explain(&mounts, &purl).await.unwrap();
        prop_assert_eq!(explained.explanations[0].verdict == "withheld", !served, "{}", purl);
    }
    let shared = serves(gateway, &blob(NAME, &images[0].1.layers[0])).await?;
    prop_assert_eq!(shared, served.contains(&true), "what all images have");
    Ok(())
}

#[test]
fn a_tag_is_listed_exactly_when_its_image_is_served() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let origin = runtime.block_on(Origin::start());
    let registry = Images::new(&origin);
    for (tag, image) in images() {
        registry.image(NAME, &image);
        registry.tag(NAME, tag, &image.manifest);
    }
    // One gateway lives through all policies: what an earlier one left behind must not matter.
    let long_lived = runtime.block_on(setup().images("container", &origin).open());
    let mut runner =
        TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let tested = runner.run(&policies(), |policy| {
        runtime.block_on(async {
            long_lived.set_policy(&policy);
            agree(&long_lived).await?;
            agree(&setup().images("container", &origin).policy(policy).open().await).await
        })
    });
    tested.unwrap();
}
