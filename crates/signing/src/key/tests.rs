//! What the key writes, read by the OpenPGP implementation it is made with. `GnuPG` reads it in the
//! end-to-end tests.

use pgp::composed::{CleartextSignedMessage, Deserializable as _};
use proptest::prelude::*;

use super::*;

const USER: &str = "Weir of a test <weir@gateway.example>";

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

fn created() -> Timestamp {
    at("2026-01-02T03:04:05Z")
}

fn key() -> SigningKey {
    SigningKey::generate(Kind::Ed25519, USER, created()).unwrap()
}

/// The public key as a client reads it.
fn public(key: &SigningKey) -> SignedPublicKey {
    let (armored, _) =
        SignedPublicKey::from_armor_single(&key.public_armored().unwrap()[..]).unwrap();
    let binary = SignedPublicKey::from_bytes(&key.public_binary().unwrap()[..]).unwrap();
    assert_eq!(armored, binary);
    armored.verify_bindings().unwrap();
    armored
}

fn verifies_detached(key: &SigningKey, bytes: &[u8], signature: &[u8]) -> bool {
    let (signature, _) = DetachedSignature::from_armor_single(signature).unwrap();
    signature.verify(&public(key).primary_key, bytes).is_ok()
}

fn read(message: &[u8]) -> CleartextSignedMessage {
    CleartextSignedMessage::from_armor(message).unwrap().0
}

#[test]
fn both_kinds_sign_what_their_public_key_verifies() {
    for kind in [Kind::Ed25519, Kind::Rsa3072] {
        let key = SigningKey::generate(kind, USER, created()).unwrap();
        let text = b"Origin: Demo\n- a line with a dash\nSHA256: \n";
        let signature = key.detached(text, created()).unwrap();
        assert!(verifies_detached(&key, text, &signature));
        assert!(!verifies_detached(&key, b"Origin: Other\n", &signature));
        let message = read(&key.clearsign(text, created()).unwrap());
        message.verify(&public(&key).primary_key).unwrap();
        assert_eq!(message.signed_text(), "Origin: Demo\r\n- a line with a dash\r\nSHA256:");
    }
}

#[test]
fn keys_are_of_the_version_that_gnupg_reads_and_say_what_they_are_for() {
    let key = key();
    let public = public(&key);
    assert_eq!(public.primary_key.version(), KeyVersion::V4);
    assert_eq!(public.primary_key.algorithm(), PublicKeyAlgorithm::EdDSALegacy);
    let user = &public.details.users[0];
    assert_eq!(user.id.as_str(), Some(USER));
    let flags = user.signatures[0].key_flags();
    assert!(flags.sign() && flags.certify() && !flags.encrypt_comms());
    assert!(public.public_subkeys.is_empty());
    assert_eq!((key.user_id().as_str(), key.algorithm()), (USER, "Ed25519"));
    assert_eq!(key.fingerprint(), format!("{:X}", public.primary_key.fingerprint()));
    assert_eq!(key.fingerprint().len(), 40);
}

#[test]
fn every_instant_in_a_key_and_its_signatures_is_the_one_that_was_given() {
    let key = key();
    let seconds = |at: Timestamp| Some((at.as_millis() / 1000) as u32);
    let public = public(&key);
    assert_eq!(Some(public.primary_key.created_at().as_secs()), seconds(created()));
    let own = &public.details.users[0].signatures[0];
    assert_eq!(own.created().map(pgp::types::Timestamp::as_secs), seconds(created()));
    let later = at("2026-11-21T15:00:00Z");
    let message = read(&key.clearsign(b"text\n", later).unwrap());
    assert_eq!(
        message.signatures()[0].created().map(pgp::types::Timestamp::as_secs),
        seconds(later)
    );
}

#[test]
fn the_same_text_at_the_same_instant_has_the_same_signature() {
    let key = key();
    for _ in 0..2 {
        let copy = SigningKey::from_packets(key.key.clone()).unwrap();
        assert_eq!(
            copy.clearsign(b"text", created()).unwrap(),
            key.clearsign(b"text", created()).unwrap()
        );
        assert_eq!(
            copy.detached(b"text", created()).unwrap(),
            key.detached(b"text", created()).unwrap()
        );
    }
}

#[test]
fn an_instant_that_a_signature_cannot_name_is_refused() {
    for instant in [Timestamp::MIN, Timestamp::from_millis(-1), at("2107-01-01T00:00:00Z")] {
        let refused = key().detached(b"text", instant).unwrap_err();
        assert!(matches!(refused, Error::Instant(_)), "{refused}");
        assert!(SigningKey::generate(Kind::Ed25519, USER, instant).is_err());
    }
}

#[test]
fn a_key_prints_as_its_fingerprint_alone() {
    let key = key();
    assert_eq!(format!("{key:?}"), format!("SigningKey({:?})", key.fingerprint()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the text: it verifies, and whoever unescapes it has what was signed.
    #[test]
    fn any_text_is_signed_so_that_it_verifies(text in "([-a \t]|\n|\r\n|-----BEGIN|From |é){0,40}") {
        let key = key();
        let message = read(&key.clearsign(text.as_bytes(), created()).unwrap());
        prop_assert!(message.verify(&public(&key).primary_key).is_ok());
        let line = |line: &str| {
            line.strip_suffix('\r').unwrap_or(line).trim_end_matches([' ', '\t']).to_owned()
        };
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let lines: Vec<String> = text.split('\n').map(line).collect();
        prop_assert_eq!(message.signed_text(), lines.join("\r\n"));
    }
}
