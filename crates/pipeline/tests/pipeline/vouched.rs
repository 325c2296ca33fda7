//! Upstream's signature over roots that are edited and signed anew: verified before anything is made
//! of them.

use std::sync::Arc;

use weir_testkit::origin::{Answer, DebianStyle, Origin};

use crate::generations::{ROOT, UPSTREAM_ROOT, archive, dated, deny, resigning, update, versions};
use crate::harness::{Answered, DAY, ToyKeys};

/// A mirror that edits what it passes on.
fn forge(origin: &Origin, file: &str) {
    origin.change(&format!("dists/stable/{file}"), |answer| {
        let text = String::from_utf8(answer.body().to_vec()).unwrap();
        Answer::ok(text.replace("Description: an archive", "Description: an evil archive"))
    });
}

fn refuses(answered: &Answered, why: &str) {
    assert!(answered.fails(502, "integrity_mismatch"), "{answered:?}");
    let reason = answered.reason.as_deref().unwrap();
    assert!(reason.contains("is not signed anew here") && reason.contains(why), "{reason}");
}

#[tokio::test]
async fn a_root_with_a_wrong_signature_is_not_signed_anew() {
    let origin = Origin::start().await;
    archive(&["1.0"], &dated(10)).publish(&origin);
    forge(&origin, "InRelease");
    let gateway = resigning(&origin, false).open().await;
    let packages = "/debian/dists/stable/main/binary-amd64/Packages.gz";
    for path in [ROOT, "/debian/dists/stable/Release.gpg", packages] {
        refuses(&gateway.get(path).await, "its signature is wrong");
    }
    assert_eq!(origin.count(UPSTREAM_ROOT), 1, "what was refused is remembered for a while");
    // Mended, and looked at again.
    archive(&["1.0"], &dated(10)).publish(&origin);
    refuses(&gateway.get(ROOT).await, "its signature is wrong");
    gateway.clock().advance(gateway.setup.freshness.negative_ttl);
    assert_eq!(versions(&update(&gateway, true).await), ["1.0"]);
}

#[tokio::test]
async fn a_wrong_signature_keeps_the_last_good_generation() {
    let origin = Origin::start().await;
    archive(&["1.0"], &dated(10)).publish(&origin);
    let setup = resigning(&origin, false);
    let gateway = setup.open().await;
    assert_eq!(versions(&update(&gateway, true).await), ["1.0"]);
    archive(&["1.0", "1.1"], &dated(11)).publish(&origin);
    forge(&origin, "InRelease");
    for _ in 0..2 {
        gateway.clock().advance(DAY);
        assert_eq!(versions(&update(&gateway, true).await), ["1.0"]);
    }
    gateway.set_policy(&deny("1.0"));
    assert!(versions(&update(&gateway, true).await).is_empty(), "policy goes on");
    drop(gateway);
    let gateway = setup.open().await;
    assert_eq!(versions(&update(&gateway, true).await), ["1.0"], "also after a restart");
    archive(&["1.0", "1.1"], &dated(11)).publish(&origin);
    gateway.clock().advance(DAY);
    assert_eq!(versions(&update(&gateway, true).await), ["1.0", "1.1"]);
}

#[tokio::test]
async fn an_older_root_does_not_replace_a_newer_one() {
    let origin = Origin::start().await;
    archive(&["1.0", "1.1"], &dated(11)).publish(&origin);
    let gateway = resigning(&origin, false).open().await;
    assert_eq!(versions(&update(&gateway, true).await), ["1.0", "1.1"]);
    // Signed all right, and from before the fix.
    archive(&["1.0"], &dated(10)).publish(&origin);
    gateway.clock().advance(DAY);
    assert_eq!(versions(&update(&gateway, true).await), ["1.0", "1.1"]);
    archive(&["1.2"], &dated(11)).publish(&origin);
    gateway.clock().advance(DAY);
    assert_eq!(versions(&update(&gateway, true).await), ["1.2"], "the same date is not older");
}

#[tokio::test]
async fn a_detached_signature_is_verified_too() {
    let style = |hour| DebianStyle { in_release: false, ..dated(hour) };
    let origin = Origin::start().await;
    archive(&["1.0"], &style(10)).publish(&origin);
    let gateway = resigning(&origin, false).open().await;
    assert_eq!(versions(&update(&gateway, true).await), ["1.0"]);
    assert_eq!(origin.count("dists/stable/Release.gpg"), 1);
    archive(&["1.0", "1.1"], &style(11)).publish(&origin);
    forge(&origin, "Release");
    gateway.clock().advance(DAY);
    assert_eq!(versions(&update(&gateway, true).await), ["1.0"]);
    // Without a signature it is none, too.
    archive(&["1.0", "1.1"], &style(12)).publish(&origin);
    origin.remove("dists/stable/Release.gpg");
    gateway.clock().advance(DAY);
    assert_eq!(versions(&update(&gateway, true).await), ["1.0"]);
    archive(&["1.0", "1.1"], &style(12)).publish(&origin);
    gateway.clock().advance(DAY);
    assert_eq!(versions(&update(&gateway, true).await), ["1.0", "1.1"]);
}

#[tokio::test]
async fn without_keys_nothing_is_signed_anew_and_what_is_kept_is_verified_by_new_keys() {
    let origin = Origin::start().await;
    archive(&["1.0"], &dated(10)).publish(&origin);
    let setup = resigning(&origin, false);
    let gateway = setup.clone().verified_by(None).open().await;
    refuses(&gateway.get(ROOT).await, "this gateway knows no keys of its archive");
    assert_eq!(origin.requests(), [], "nothing is asked for in vain");
    drop(gateway);

    let gateway = setup.open().await;
    assert_eq!(versions(&update(&gateway, true).await), ["1.0"]);
    assert_eq!(origin.count(UPSTREAM_ROOT), 1);
    drop(gateway);
    let none = setup.clone().verified_by(Some(Arc::new(Nobody)));
    refuses(&none.open().await.get(ROOT).await, "by nobody");
    // What was verified once by these keys stays so.
    let other = setup.verified_by(Some(Arc::new(ToyKeys("archive"))));
    assert_eq!(versions(&update(&other.offline().open().await, true).await), ["1.0"]);
}

/// Believes nothing.
#[derive(Debug)]
struct Nobody;

impl weir_pipeline::Verifier for Nobody {
    fn verify(&self, _: &[u8], _: Option<&[u8]>, _: weir_core::Timestamp) -> Result<(), String> {
        Err("it is signed by nobody".to_owned())
    }

    fn id(&self) -> String {
        "nobody".to_owned()
    }
}
