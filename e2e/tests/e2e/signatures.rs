//! `npm audit signatures`: keys, signatures and attestations reach npm as the registry made them.
//!
//! npm first asks Sigstore's trust repository, on a host of its own, for the registry's keys,
//! and goes to the registry when the repository knows none. Tests reach no such host: they let it
//! answer that it knows nothing. All else is npm's own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData as _, SigningKey as _};
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use weir_core::{Algorithm, Digest};
use weir_testkit::origin::Answer;

use super::harness::{Client, NEW, Output, Run, World, client};
use super::javascript::Driver;

/// What a module that is asked for Sigstore's client gets instead.
const KNOWS_NOTHING: &str = r"
const Module = require('module');
const load = Module._load;
const refuse = async name => {
  throw Object.assign(new Error(`no target ${name}`), { code: 'TUF_FIND_TARGET_ERROR' });
};
Module._load = function (request, ...rest) {
  if (request !== '@sigstore/tuf') return load.call(this, request, ...rest);
  return { initTUF: async () => ({ getTarget: refuse }) };
};
";

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A registry's signing key, ECDSA over P-256.
struct Key(KeyPair);

impl Key {
    fn new() -> Self {
        Self(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap())
    }

    fn id(&self) -> String {
        let digest = Digest::of(Algorithm::Sha256, &self.0.subject_public_key_info());
        format!("SHA256:{}", base64(digest.bytes()))
    }

    /// The answer of `/-/npm/v1/keys`.
    fn published(&self) -> Value {
        json!({ "keys": [{
            "expires": null,
            "keyid": self.id(),
            "keytype": "ecdsa-sha2-nistp256",
            "scheme": "ecdsa-sha2-nistp256",
            "key": base64(&self.0.subject_public_key_info()),
        }] })
    }

    /// An entry of `dist.signatures` for a release.
    fn signs(&self, name: &str, version: &str, dist: &Value) -> Value {
        let integrity = dist["integrity"].as_str().unwrap();
        let signature = self.0.sign(format!("{name}@{version}:{integrity}").as_bytes()).unwrap();
        json!({ "keyid": self.id(), "sig": base64(&signature) })
    }
}

/// When a version was published: [`NEW`] is within a cooldown.
fn date(version: &str) -> String {
    let now = OffsetDateTime::now_utc();
    let age = if version == NEW { Duration::days(2) } else { Duration::days(400) };
    (now - age).format(&Rfc3339).unwrap()
}

/// Rewrites `dist` of these releases, in the packument and in the single versions.
fn publish(world: &World, name: &str, versions: &[&str], mut change: impl FnMut(&str, &mut Value)) {
    let mut manifests = Map::new();
    let mut time = Map::new();
    for version in versions {
        world.npm.change(&format!("{name}/{version}"), |answer| {
            let mut manifest: Value = serde_json::from_slice(answer.body()).unwrap();
            change(version, &mut manifest["dist"]);
            manifests.insert((*version).to_owned(), manifest.clone());
            Answer::json(&manifest)
        });
        time.insert((*version).to_owned(), json!(date(version)));
    }
    let packument = json!({
        "name": name,
        "dist-tags": { "latest": versions.last() },
        "versions": manifests,
        "time": time,
    });
    world.npm.put(name, Answer::json(&packument));
}

/// npm before a registry that signs everything, and a project with `demo` installed from it.
fn signed(name: &str, key: &Key) -> Option<(Client, World)> {
    let npm = Driver::find(name)?;
    let world = World::new();
    world.npm.put("-/npm/v1/keys", Answer::json(&key.published()));
    for (name, versions) in [("demo", &["1.1.0", NEW][..]), ("@acme/tool", &["1.0.0"])] {
        publish(&world, name, versions, |version, dist| {
            dist["signatures"] = json!([key.signs(name, version, dist)]);
        });
    }
    npm.begin(&world, "demo", "^1.0.0");
    npm.install(&world).succeeded();
    Some((client(name)?, world))
}

/// `npm audit signatures`
fn audit(npm: &Client, world: &World) -> Output {
    world.write("knows-nothing.cjs", KNOWS_NOTHING);
    let mut npm = npm.clone();
    npm.program.insert(1, "--require=./knows-nothing.cjs".to_owned());
    Run::client(&npm, world)
        .env("NPM_CONFIG_REGISTRY", &format!("{}/npm/", world.url()))
        .path_env("NPM_CONFIG_USERCONFIG", &world.home().join("npmrc"))
        .args(&["audit", "signatures"])
        .wait()
}

#[test]
fn signatures_verify_with_the_keys_of_the_registry() {
    for name in ["npm-11", "npm-10"] {
        let Some((npm, world)) = signed(name, &Key::new()) else { continue };
        let audited = audit(&npm, &world).succeeded();
        let says = "2 packages have verified registry signatures";
        assert!(audited.text.contains(says), "{name}: {}", audited.text);
        assert_eq!(world.npm.count("-/npm/v1/keys"), 1, "{name}");
    }
}

#[test]
fn a_signature_of_another_key_is_found_invalid_and_none_is_found_missing() {
    let (key, other) = (Key::new(), Key::new());
    let Some((npm, mut world)) = signed("npm-11", &key) else { return };
    publish(&world, "demo", &[NEW], |version, dist| {
        let forged = other.signs("demo", version, dist);
        dist["signatures"] = json!([{ "keyid": key.id(), "sig": forged["sig"] }]);
    });
    publish(&world, "@acme/tool", &["1.0.0"], |_, dist| {
        dist.as_object_mut().unwrap().remove("signatures");
    });
    world.forget();
    world.clear(&[]);
    let audited = audit(&npm, &world).failed();
    let found = audited.lines(&["missing", "invalid", "@"]);
    insta::assert_snapshot!(found, @r"
    1 package has a missing registry signature but the registry is providing signing keys:
    @acme/tool@1.0.0 (http://127.0.0.1:PORT/npm/)
    1 package has an invalid registry signature:
    demo@1.2.0 (http://127.0.0.1:PORT/npm/)
    ");
}

/// npm verifies attestations by Sigstore's trust root alone, which is not here: that they come
/// from the gateway, byte for byte, is what there is to see.
#[test]
fn attestations_are_asked_of_the_gateway_and_come_back_unchanged() {
    let key = Key::new();
    let Some((npm, mut world)) = signed("npm-11", &key) else { return };
    let path = format!("-/npm/v1/attestations/demo@{NEW}");
    let predicate = "https://slsa.dev/provenance/v1";
    let mut sha512 = String::new();
    publish(&world, "demo", &[NEW], |version, dist| {
        let integrity = Digest::from_sri(dist["integrity"].as_str().unwrap()).unwrap();
        sha512 = integrity.hex();
        let url = format!("{}/{path}", world.npm.url());
        dist["signatures"] = json!([key.signs("demo", version, dist)]);
        dist["attestations"] = json!({ "url": url, "provenance": { "predicateType": predicate } });
    });
    let subject = json!({ "name": format!("pkg:npm/demo@{NEW}"), "digest": { "sha512": sha512 } });
    let statement = json!({ "subject": [subject], "predicateType": predicate }).to_string();
    let envelope = json!({
        "payload": base64(statement.as_bytes()),
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [{ "keyid": "", "sig": base64(b"not checked here") }],
    });
    let attestations = json!({ "attestations": [{
        "predicateType": predicate,
        "bundle": { "dsseEnvelope": envelope, "verificationMaterial": { "tlogEntries": [] } },
    }] });
    world.npm.put(&path, Answer::json(&attestations));
    world.forget();
    world.clear(&[]);

    let audited = audit(&npm, &world).failed();
    assert!(audited.text.contains("1 package has an invalid attestation"), "{}", audited.text);
    assert_eq!(world.npm.count(&path), 1);
    let ask = format!("fetch('{}/npm/{path}').then(r => r.text()).then(console.log)", world.url());
    let printed = Driver::find("npm-11").unwrap().node(&world, &ask).succeeded();
    assert_eq!(printed.text.trim(), attestations.to_string());

    world.strict();
    let withheld = format!("fetch('{}/npm/{path}').then(r => console.log(r.status))", world.url());
    let printed = Driver::find("npm-11").unwrap().node(&world, &withheld).succeeded();
    assert_eq!(printed.text.trim(), "403");
}
