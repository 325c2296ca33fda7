//! What keyrings accept, and what they refuse.

use pgp::composed::{
    ArmorOptions, KeyType, SecretKeyParamsBuilder, SignedSecretKey, SubkeyParamsBuilder,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{SignatureConfig, Subpacket, SubpacketData};
use pgp::types::{KeyDetails as _, Password};
use proptest::prelude::*;

use super::*;
use crate::{Kind, SigningKey};

const TEXT: &[u8] = b"Origin: Example\nSuite: stable\n- a dash\nSHA256:\n 00 1 x \n";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

fn key() -> SigningKey {
    SigningKey::generate(Kind::Ed25519, "Archive", at(1_700_000_000)).unwrap()
}

fn ring(key: &[u8]) -> Keyring {
    let mut ring = Keyring::default();
    ring.add(Path::new("archive.asc"), key).unwrap();
    ring
}

fn of(key: &SigningKey) -> Keyring {
    ring(&key.public_armored().unwrap())
}

const NOW: i64 = 1_780_000_000;

/// A key of another program's making.
fn made(change: impl Fn(&mut SecretKeyParamsBuilder)) -> SignedSecretKey {
    let mut params = SecretKeyParamsBuilder::default();
    params.key_type(KeyType::Ed25519Legacy).can_sign(true).can_certify(true);
    params.created_at(pgp::types::Timestamp::from_secs(1_700_000_000));
    params.primary_user_id("Archive".to_owned());
    change(&mut params);
    params.build().unwrap().generate(rand::rngs::OsRng).unwrap()
}

fn public(key: &SignedSecretKey) -> Keyring {
    ring(&key.to_public_key().to_armored_bytes(ArmorOptions::default()).unwrap())
}

fn subpackets(at: i64, more: Option<SubpacketData>) -> Vec<Subpacket> {
    let at = pgp::types::Timestamp::from_secs(u32::try_from(at).unwrap());
    let all = [Some(SubpacketData::SignatureCreationTime(at)), more];
    all.into_iter().flatten().map(|data| Subpacket::regular(data).unwrap()).collect()
}

fn detached(config: SignatureConfig, key: &SignedSecretKey, at: i64, end: Option<u32>) -> Vec<u8> {
    let mut config = config;
    let end = end.map(pgp::types::Duration::from_secs).map(SubpacketData::SignatureExpirationTime);
    config.hashed_subpackets = subpackets(at, end);
    let signature = config.sign(&key.primary_key, &Password::empty(), TEXT).unwrap();
    DetachedSignature::new(signature).to_armored_bytes(ArmorOptions::default()).unwrap()
}

/// A key that its owner ended, so many seconds after it was made, some time after it was made.
fn mortal(seconds: u32) -> SignedSecretKey {
    let mut key = made(|_| {});
    let end = SubpacketData::KeyExpirationTime(pgp::types::Duration::from_secs(seconds));
    let algorithm = key.primary_key.algorithm();
    let mut config =
        SignatureConfig::v4(SignatureType::CertPositive, algorithm, HashAlgorithm::Sha256);
    let mut flags = pgp::packet::KeyFlags::default();
    flags.set_sign(true);
    config.hashed_subpackets = subpackets(1_700_000_100, Some(end));
    config.hashed_subpackets.push(Subpacket::regular(SubpacketData::KeyFlags(flags)).unwrap());
    let (secret, user) = (&key.primary_key, &key.details.users[0].id);
    let public = secret.public_key();
    let own = config
        .sign_certification(secret, public, &Password::empty(), pgp::types::Tag::UserId, user)
        .unwrap();
    key.details.users[0].signatures = vec![own];
    key
}

fn with_hash(key: &SignedSecretKey, hash: HashAlgorithm) -> SignatureConfig {
    SignatureConfig::v4(SignatureType::Binary, key.primary_key.algorithm(), hash)
}

#[test]
fn what_a_key_of_the_keyring_signed_is_verified_in_both_forms() {
    let key = key();
    for ring in [of(&key), ring(&key.public_binary().unwrap())] {
        let clear = key.clearsign(TEXT, at(NOW)).unwrap();
        assert_eq!(ring.verify_clear(&clear, at(NOW)), Ok(()));
        let beside = key.detached(TEXT, at(NOW)).unwrap();
        assert_eq!(ring.verify_detached(TEXT, &beside, at(NOW)), Ok(()));
    }
}

#[test]
fn files_of_several_keys_are_read_whole_and_one_of_their_signatures_is_enough() {
    let (old, new, other) = (key(), key(), key());
    let both = [old.public_armored().unwrap(), new.public_armored().unwrap()].concat();
    let packets = [old.public_binary().unwrap(), new.public_binary().unwrap()].concat();
    for ring in [ring(&both), ring(&packets)] {
        for key in [&old, &new] {
            let signature = key.detached(TEXT, at(NOW)).unwrap();
            assert_eq!(ring.verify_detached(TEXT, &signature, at(NOW)), Ok(()));
        }
        let signature = other.detached(TEXT, at(NOW)).unwrap();
        let refused = ring.verify_detached(TEXT, &signature, at(NOW)).unwrap_err();
        assert_eq!(refused, Unverified::Unknown(other.fingerprint()));
    }
    assert_ne!(of(&old).id(), of(&new).id());
    assert_eq!(ring(&both).id(), ring(&packets).id());
}

#[test]
fn other_bytes_and_other_texts_are_refused() {
    let key = key();
    let ring = of(&key);
    let clear = key.clearsign(TEXT, at(NOW)).unwrap();
    let text = String::from_utf8(clear.clone()).unwrap();
    let refusal = |text: String| ring.verify_clear(text.as_bytes(), at(NOW)).unwrap_err();
    let wrong = Unverified::Wrong(key.fingerprint());
    assert_eq!(refusal(text.replace("stable", "testing")), wrong);
    // Nothing may stand around what is signed, where another reader might take it for the text.
    for other in [
        format!("Suite: evil\n{text}"),
        format!("\n{text}"),
        format!("{text}Suite: evil\n"),
        text.replace("Hash: SHA256\n", "Hash: SHA256\nSuite: evil\n"),
        text.replace("- - a dash", "- a dash\n-Suite: evil"),
        text.replace("-----END PGP SIGNATURE-----", ""),
        text.replace("Origin: Example\n", "Origin: Example\rSuite: evil\n"),
        String::from_utf8(TEXT.to_vec()).unwrap(),
        String::new(),
    ] {
        let refused = refusal(other.clone());
        assert!(matches!(refused, Unverified::Malformed(_)), "{other}: {refused}");
    }
    // What is not signed may differ: line ends, and blanks before them.
    let windows = text.replace('\n', "\r\n");
    assert_eq!(ring.verify_clear(windows.as_bytes(), at(NOW)), Ok(()));
    let signature = key.detached(TEXT, at(NOW)).unwrap();
    assert_eq!(ring.verify_detached(b"other", &signature, at(NOW)), Err(wrong));
    let unsigned = ring.verify_detached(TEXT, b"<html>", at(NOW)).unwrap_err();
    assert!(matches!(unsigned, Unverified::Malformed(_)), "{unsigned}");
}

#[test]
fn keys_and_signatures_count_within_their_times() {
    let mortal = mortal(1000);
    let signed = detached(with_hash(&mortal, HashAlgorithm::Sha512), &mortal, 1_700_000_500, None);
    let ring = public(&mortal);
    assert_eq!(ring.verify_detached(TEXT, &signed, at(1_700_000_999)), Ok(()));
    let late = ring.verify_detached(TEXT, &signed, at(1_700_001_000)).unwrap_err();
    assert!(matches!(late, Unverified::KeyExpired(..)), "{late}");
    assert!(late.to_string().ends_with("expired on 2023-11-14"), "{late}");

    let key = made(|_| {});
    let ring = public(&key);
    let config = || with_hash(&key, HashAlgorithm::Sha256);
    let short = detached(config(), &key, NOW, Some(60));
    assert_eq!(ring.verify_detached(TEXT, &short, at(NOW + 59)), Ok(()));
    let ended = ring.verify_detached(TEXT, &short, at(NOW + 60)).unwrap_err();
    assert!(matches!(ended, Unverified::Expired(..)), "{ended}");
    for odd in [1_600_000_000, NOW + 200_000] {
        let signed = detached(config(), &key, odd, None);
        let refused = ring.verify_detached(TEXT, &signed, at(NOW)).unwrap_err();
        assert!(matches!(refused, Unverified::Date(_)), "{refused}");
    }
}

#[test]
fn weak_digests_and_keys_that_do_not_sign_are_refused() {
    let key = made(|_| {});
    let armored = detached(with_hash(&key, HashAlgorithm::Sha256), &key, NOW, None);
    let (signature, _) = DetachedSignature::from_armor_single(&armored[..]).unwrap();
    let mut packet = pgp::ser::Serialize::to_bytes(&signature).unwrap();
    // Behind the header, version, type and algorithm of the key (RFC 9580 section 5.2.3).
    let at_hash = packet.windows(3).position(|window| window == [22, 8, 0]).unwrap() + 1;
    packet[at_hash] = HashAlgorithm::Sha1.into();
    assert_eq!(public(&key).verify_detached(TEXT, &packet, at(NOW)), Err(Unverified::Weak));

    let certifies = made(|key| {
        key.can_sign(false);
    });
    let signed = detached(with_hash(&certifies, HashAlgorithm::Sha256), &certifies, NOW, None);
    let refused = public(&certifies).verify_detached(TEXT, &signed, at(NOW)).unwrap_err();
    assert!(matches!(refused, Unverified::NotForSigning(_)), "{refused}");
}

#[test]
fn a_subkey_signs_when_its_owner_says_so() {
    let with = |signs: bool| {
        made(|key| {
            let mut subkey = SubkeyParamsBuilder::default();
            subkey.key_type(KeyType::Ed25519Legacy).can_sign(signs);
            subkey.created_at(pgp::types::Timestamp::from_secs(1_700_000_000));
            key.subkeys(vec![subkey.build().unwrap()]);
        })
    };
    for signs in [true, false] {
        let key = with(signs);
        let subkey = &key.secret_subkeys[0].key;
        let algorithm = subkey.algorithm();
        let mut config =
            SignatureConfig::v4(SignatureType::Binary, algorithm, HashAlgorithm::Sha256);
        config.hashed_subpackets = subpackets(NOW, None);
        let signature = config.sign(subkey, &Password::empty(), TEXT).unwrap();
        let signed = DetachedSignature::new(signature);
        let signed = signed.to_armored_bytes(ArmorOptions::default()).unwrap();
        let verified = public(&key).verify_detached(TEXT, &signed, at(NOW));
        assert_eq!(verified.is_ok(), signs, "{verified:?}");
    }
}

#[test]
fn a_file_without_keys_says_so_with_its_name() {
    for bytes in [&b""[..], b"<html>", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n"] {
        let refused = Keyring::default().add(Path::new("/k.gpg"), bytes).unwrap_err();
        assert!(refused.to_string().starts_with("/k.gpg holds no key"), "{refused}");
    }
    let missing = Keyring::load(&[PathBuf::from("/nowhere.gpg")]).unwrap_err();
    assert!(missing.to_string().starts_with("cannot read /nowhere.gpg"), "{missing}");
}

proptest! {
    #[test]
    fn damage_never_verifies_and_never_panics(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4),
    ) {
        let key = key();
        let clear = key.clearsign(TEXT, at(NOW)).unwrap();
        let mut damaged = clear.clone();
        for (index, flip) in flips {
            let at = index.index(damaged.len());
            damaged[at] ^= flip;
        }
        let ring = of(&key);
        if let (Ok((text, _)), Ok(())) = (Cleartext::read(&damaged), ring.verify_clear(&damaged, at(NOW))) {
            prop_assert_eq!(text, Cleartext::read(&clear).unwrap().0);
        }
        let _ = Keyring::default().add(Path::new("x"), &damaged);
    }
}
