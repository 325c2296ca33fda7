//! The public key.

use std::sync::Arc;

use weir_core::Timestamp;
use weir_signing::{Kind, SigningKey};

use crate::harness::{BEGIN, gateway, gateway_with};

#[tokio::test]
async fn the_public_key_is_served_in_both_forms_and_its_secret_half_in_none() {
    let created = Timestamp::parse_rfc3339(BEGIN).unwrap();
    let key = SigningKey::generate(Kind::Ed25519, "Weir <weir@gateway.example>", created).unwrap();
    let key = Arc::new(key);
    let gateway = gateway_with(Some(Arc::clone(&key))).await;

    let armored = gateway.get("/keys/weir.asc").await;
    assert_eq!((armored.status, armored.header("content-type")), (200, "application/pgp-keys"));
    assert_eq!(armored.bytes, key.public_armored().unwrap());
    assert!(armored.text.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----\n"), "{armored:?}");

    let binary = gateway.get("/keys/weir.gpg").await;
    assert_eq!((binary.status, binary.header("content-type")), (200, "application/octet-stream"));
    assert_eq!(binary.bytes, key.public_binary().unwrap());

    let index = gateway.get("/keys/").await;
    let first = format!("{}  Weir <weir@gateway.example>", key.fingerprint());
    assert_eq!((index.status, index.text.lines().next()), (200, Some(&*first)));
    for answered in [armored, binary, index] {
        assert_eq!(answered.header("cache-control"), "no-cache");
        assert!(!answered.text.contains("PRIVATE"), "{answered:?}");
    }
}

#[tokio::test]
async fn a_gateway_without_a_key_says_how_to_make_one() {
    let gateway = gateway().await;
    for path in ["/keys/", "/keys/weir.asc", "/keys/weir.gpg"] {
        let answered = gateway.get(path).await;
        assert_eq!((answered.status, answered.header("x-weir-reason")), (404, "not_found"));
        assert_eq!(
            answered.text,
            "this gateway has no signing key: make one with `weir keys init`, and restart it\n"
        );
    }
    assert_eq!(gateway.get("/keys/signing.asc").await.status, 404);
}
