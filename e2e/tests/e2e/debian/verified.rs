//! Upstream's signature is verified before indexes are signed anew, and keys are needed for it.

use weir_core::Timestamp;
use weir_signing::{Kind, SigningKey};

use super::{RESIGN, STRICT, World};
use crate::harness::client;

/// What the gateway's apt sees as the candidate.
fn candidate(world: &World) -> String {
    let root = world.root(&world.own_key());
    root.apt(&["update"]).succeeded();
    let policy = root.policy("demo");
    let line = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: "));
    line.unwrap_or_default().to_owned()
}

pub(super) fn other_key() -> SigningKey {
    let made = Timestamp::from_secs(1_700_000_000);
    SigningKey::generate(Kind::default(), "Somebody <somebody@example.org>", made).unwrap()
}

#[test]
fn what_another_key_signed_is_not_signed_anew_and_the_last_good_indexes_stay() {
    if client("apt").is_none() {
        return;
    }
    let mut world = World::new(RESIGN);
    assert_eq!(candidate(&world), "1.2.0");
    let own = std::mem::replace(&mut world.key, other_key());
    world.publish(&["1.2.0", "6.6.6"], 11);
    assert_eq!(candidate(&world), "1.2.0");
    let log = world.gateway.as_ref().unwrap().log();
    assert!(log.contains("is signed by the key") && log.contains("previous indexes"), "{log}");

    world.key = own;
    // Signed by the right key, and older than what is kept.
    world.publish(&["1.0.0"], 9);
    assert_eq!(candidate(&world), "1.2.0");
    world.publish(&["1.2.0", "1.3.0"], 12);
    assert_eq!(candidate(&world), "1.3.0");
}

#[test]
fn a_first_contact_that_is_not_signed_rightly_is_refused_with_the_reason() {
    if client("apt").is_none() {
        return;
    }
    let mut world = World::new("");
    world.key = other_key();
    world.publish(&["6.6.6"], 11);
    world.with(RESIGN);
    let root = world.root(&world.own_key());
    let refused = root.apt(&["update"]);
    assert!(
        refused.text.contains("is not signed anew here: it is signed by the key"),
        "{}",
        refused.text
    );
}

#[test]
fn without_a_look_at_the_signature_only_on_the_operators_word() {
    if client("apt").is_none() {
        return;
    }
    let config = RESIGN.replace("keyring = [\"archive.asc\"]", "verify_upstream = false");
    let mut world = World::new(&format!("{config}{STRICT}"));
    world.key = other_key();
    world.publish(&["1.1.0", "1.2.0"], 11);
    assert_eq!(candidate(&world), "1.1.0");
    let log = world.gateway.as_ref().unwrap().log();
    assert!(log.contains("upstream's signatures are not verified"), "{log}");
}
