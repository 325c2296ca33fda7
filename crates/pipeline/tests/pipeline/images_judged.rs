//! Policy over images: by tag, by digest, by what an index lists, and by age.

use weir_policy::{Effect, PolicySettings, RuleSettings};
use weir_testkit::origin::{Image, Images, Origin, image_index};

use crate::harness::{DAY, Gateway, MINUTE, setup};
use crate::images::{OLD, amd64, arm64, blob, hello, manifest, pull};

const NAME: &str = "demo/hello";

fn denying(purl: &str) -> PolicySettings {
    let rule = RuleSettings::new("no", Effect::Deny).purl(purl).because("for a test");
    PolicySettings { rules: vec![rule], ..PolicySettings::default() }
}

/// Refused as policy refuses, by GET and HEAD, in the registry's own form and with the reason.
async fn refused(gateway: &Gateway, path: &str) {
    let answered = gateway.get(path).await;
    assert!(answered.fails(403, "blocked_by_policies"), "{path}: {answered:?}");
    let error = &answered.json()["errors"][0];
    assert_eq!(error["code"], "DENIED", "{path}");
    let sentence = error["message"].as_str().unwrap();
    assert!(sentence.contains("for a test") || sentence.contains("cooldown"), "{path}: {sentence}");
    assert_eq!(answered.reason.as_deref(), Some(sentence), "{path}");
    let head = gateway.ask("HEAD", path, &[]).await;
    assert!(head.fails(403, "blocked_by_policies"), "{path}: {head:?}");
}

async fn served(gateway: &Gateway, path: &str) {
    let answered = gateway.get(path).await;
    assert!(answered.is(200), "{path}: {answered:?}");
}

#[tokio::test]
async fn a_denied_tag_is_refused_with_all_that_belongs_to_it() {
    let origin = Origin::start().await;
    let (amd64, _, index) = hello(&origin);
    let policy = denying("pkg:oci/demo/hello@1");
    let gateway = setup().images("container", &origin).policy(policy).open().await;
    refused(&gateway, &manifest(NAME, "1")).await;
    assert_eq!(gateway.observer.last().subject.as_deref(), Some("pkg:oci/demo/hello@1"));
    refused(&gateway, &manifest(NAME, &index.digest)).await;
    refused(&gateway, &manifest(NAME, amd64.digest())).await;
    for piece in amd64.layers.iter().chain([&amd64.config]) {
        let answered = gateway.get(&blob(NAME, piece)).await;
        assert!(!answered.is(200), "{answered:?}");
        assert_eq!(origin.count(&format!("v2/{NAME}/blobs/{}", piece.digest)), 0);
    }
    let tags = gateway.get("/v2/demo/hello/tags/list").await;
    assert!(tags.fails(403, "blocked_by_policies"), "no tag is left: {tags:?}");

    Images::new(&origin).tag(NAME, "2", &index);
    served(&gateway, &manifest(NAME, "2")).await;
    served(&gateway, &manifest(NAME, &index.digest)).await;
    served(&gateway, &manifest(NAME, amd64.digest())).await;
    served(&gateway, &blob(NAME, &amd64.layers[0])).await;
    refused(&gateway, &manifest(NAME, "1")).await;
}

#[tokio::test]
async fn a_denied_digest_is_refused_under_every_name() {
    let origin = Origin::start().await;
    let (amd64, _, index) = hello(&origin);
    let policy = denying(&format!("pkg:oci/demo/hello@{}", index.digest));
    let gateway = setup().images("container", &origin).policy(policy).open().await;
    refused(&gateway, &manifest(NAME, "1")).await;
    refused(&gateway, &manifest(NAME, &index.digest)).await;
    refused(&gateway, &manifest(NAME, amd64.digest())).await;
}

#[tokio::test]
async fn one_platform_of_an_index_is_denied_and_the_others_are_not() {
    let origin = Origin::start().await;
    let (amd64, arm64, index) = hello(&origin);
    let policy = denying(&format!("pkg:docker/demo/hello@{}", amd64.digest()));
    let gateway = setup().images("container", &origin).policy(policy).open().await;
    let found = gateway.get(&manifest(NAME, "1")).await;
    assert_eq!(found.body, index.bytes, "signatures of the index still hold");
    refused(&gateway, &manifest(NAME, amd64.digest())).await;
    pull(&gateway, &arm64, &index).await;
    served(&gateway, &blob(NAME, &amd64.layers[0])).await; // both platforms have it
    let own = gateway.get(&blob(NAME, &amd64.layers[1])).await;
    assert!(own.fails(403, "blocked_by_policies"), "{own:?}");
}

#[tokio::test]
async fn an_index_of_denied_images_is_refused() {
    let origin = Origin::start().await;
    let (amd64, arm64, index) = hello(&origin);
    let mut policy = denying(&format!("pkg:oci/demo/hello@{}", amd64.digest()));
    let second = RuleSettings::new("nor", Effect::Deny)
        .purl(format!("pkg:oci/demo/hello@{}", arm64.digest()))
        .because("for a test");
    policy.rules.push(second);
    let gateway = setup().images("container", &origin).policy(policy).open().await;
    let answered = gateway.get(&manifest(NAME, "1")).await;
    assert!(answered.fails(403, "blocked_by_policies"), "{answered:?}");
    let answered = gateway.get(&manifest(NAME, &index.digest)).await;
    assert!(answered.fails(403, "blocked_by_policies"), "{answered:?}");
}

#[tokio::test]
async fn what_was_pulled_is_refused_when_a_rule_comes_and_when_a_tag_turns_up() {
    let origin = Origin::start().await;
    let (amd64, _, index) = hello(&origin);
    let gateway = setup().images("container", &origin).open().await;
    // By digest: nobody knows that these are the image of tag 1.
    for path in [manifest(NAME, &index.digest), manifest(NAME, amd64.digest())] {
        served(&gateway, &path).await;
    }
    served(&gateway, &blob(NAME, &amd64.layers[1])).await;
    gateway.set_policy(&denying("pkg:oci/demo/hello@1"));
    served(&gateway, &blob(NAME, &amd64.layers[1])).await;
    refused(&gateway, &manifest(NAME, "1")).await;
    refused(&gateway, &manifest(NAME, &index.digest)).await;
    refused(&gateway, &manifest(NAME, amd64.digest())).await;
    let layer = gateway.get(&blob(NAME, &amd64.layers[1])).await;
    assert!(layer.fails(403, "blocked_by_policies"), "{layer:?}");
}

#[tokio::test]
async fn a_range_of_tags_says_nothing_of_digests_and_does_not_let_them_slip() {
    let origin = Origin::start().await;
    let (_, _, index) = hello(&origin);
    Images::new(&origin).tag(NAME, "2", &arm64().manifest);
    let rule = RuleSettings::new("no", Effect::Deny).purl("pkg:oci/demo/*").versions("<2");
    let rule = rule.because("for a test");
    let policy = PolicySettings { rules: vec![rule], ..PolicySettings::default() };
    let gateway = setup().images("container", &origin).policy(policy).open().await;
    refused(&gateway, &manifest(NAME, &index.digest)).await;
    refused(&gateway, &manifest(NAME, "1")).await;
    served(&gateway, &manifest(NAME, "2")).await;
    served(&gateway, &manifest(NAME, arm64().digest())).await;
}

#[tokio::test]
async fn a_new_digest_of_a_known_tag_is_new_and_becomes_old() {
    let origin = Origin::start().await;
    let (amd64, _, index) = hello(&origin);
    let gateway = setup().images("container", &origin).cooldown(7).open().await;
    pull(&gateway, &amd64, &index).await;

    let moved = Image::new("amd64", OLD, &["moved"]);
    let images = Images::new(&origin);
    images.image(NAME, &moved);
    images.tag(NAME, "1", &moved.manifest);
    gateway.clock().advance(DAY);
    refused(&gateway, &manifest(NAME, "1")).await;
    refused(&gateway, &manifest(NAME, moved.digest())).await;
    let layer = gateway.get(&blob(NAME, &moved.layers[0])).await;
    assert!(layer.fails(403, "blocked_by_policies"), "{layer:?}");
    served(&gateway, &manifest(NAME, &index.digest)).await;

    gateway.clock().advance(DAY * 7 + MINUTE);
    served(&gateway, &manifest(NAME, "1")).await;
    served(&gateway, &blob(NAME, &moved.layers[0])).await;
}

#[tokio::test]
async fn an_image_that_says_that_it_is_young_is_withheld_at_first_contact() {
    let origin = Origin::start().await;
    let young = Image::new("amd64", "2026-05-30T00:00:00Z", &["young"]);
    let images = Images::new(&origin);
    images.image(NAME, &young);
    images.tag(NAME, "new", &young.manifest);
    images.image(NAME, &amd64());
    images.tag(NAME, "old", &amd64().manifest);
    let gateway = setup().images("container", &origin).cooldown(7).open().await;
    served(&gateway, &manifest(NAME, "old")).await;
    refused(&gateway, &manifest(NAME, "new")).await;
    refused(&gateway, &manifest(NAME, young.digest())).await;
    let layer = gateway.get(&blob(NAME, &young.layers[0])).await;
    assert!(layer.fails(403, "blocked_by_policies"), "{layer:?}");
    let tags = gateway.get("/v2/demo/hello/tags/list").await;
    assert_eq!(tags.json()["tags"], serde_json::json!(["old"]), "known without asking further");
    gateway.clock().advance(DAY * 6);
    served(&gateway, &manifest(NAME, "new")).await;
}

#[tokio::test]
async fn a_tag_that_appears_in_a_list_is_new() {
    let origin = Origin::start().await;
    let (_, _, index) = hello(&origin);
    let images = Images::new(&origin);
    images.tag(NAME, "1", &index);
    let gateway = setup().images("container", &origin).cooldown(7).open().await;
    served(&gateway, "/v2/demo/hello/tags/list").await;
    images.tag(NAME, "2", &index);
    gateway.clock().advance(DAY);
    let tags = gateway.get("/v2/demo/hello/tags/list").await;
    assert_eq!(tags.json()["tags"], serde_json::json!(["1"]));
    refused(&gateway, &manifest(NAME, "2")).await;
    served(&gateway, &manifest(NAME, "1")).await;
}

const YOUNG: &str = "2026-05-30T00:00:00Z";

fn cooldown(days: u64) -> PolicySettings {
    let mut policy = PolicySettings::default();
    policy.cooldown.default = DAY * u32::try_from(days).unwrap();
    policy
}

/// Clients keep manifests: after a cooldown was switched on, nobody may ask for them again.
#[tokio::test]
async fn layers_that_were_pulled_before_a_cooldown_are_judged_by_their_images() {
    let origin = Origin::start().await;
    let young = Image::new("amd64", YOUNG, &["young", "shared"]);
    let index = image_index(&[&young]);
    let images = Images::new(&origin);
    images.image(NAME, &young);
    images.tag(NAME, "new", &index);
    let set = setup().images("container", &origin);
    let gateway = set.open().await;
    for reference in ["new", &index.digest, young.digest()] {
        served(&gateway, &manifest(NAME, reference)).await;
    }
    let content: Vec<String> =
        young.layers.iter().chain([&young.config]).map(|piece| blob(NAME, piece)).collect();
    for path in &content {
        served(&gateway, path).await;
    }
    origin.forget_requests();
    gateway.set_policy(&cooldown(7));
    for path in &content {
        refused(&gateway, path).await;
    }
    let asked = origin.requests().len();
    assert_eq!(asked, 1, "the configuration, once, as a document");
    drop(gateway);

    // Also after a restart, and when upstream is not asked.
    let gateway = set.cooldown(7).offline().open().await;
    for path in &content {
        refused(&gateway, path).await;
    }
    gateway.clock().advance(DAY * 8);
    for path in &content {
        served(&gateway, path).await;
    }
}

#[tokio::test]
async fn a_layer_that_an_older_image_has_too_is_served_for_its_sake() {
    let origin = Origin::start().await;
    let young = Image::new("amd64", YOUNG, &["young", "shared"]);
    let images = Images::new(&origin);
    images.image(NAME, &young);
    images.tag(NAME, "new", &young.manifest);
    images.image(NAME, &amd64());
    images.tag(NAME, "old", &amd64().manifest);
    let gateway = setup().images("container", &origin).open().await;
    served(&gateway, &manifest(NAME, "new")).await;
    served(&gateway, &manifest(NAME, "old")).await;
    for piece in &young.layers {
        served(&gateway, &blob(NAME, piece)).await;
    }
    gateway.set_policy(&cooldown(7));
    refused(&gateway, &blob(NAME, &young.layers[0])).await;
    served(&gateway, &blob(NAME, &young.layers[1])).await;
}
