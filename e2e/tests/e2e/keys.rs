//! The signing key as Debian's `gpgv` sees it: the keyring comes from the gateway, the key from
//! `weir keys init`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;

use weir_core::{Clock as _, SystemClock, Timestamp};
use weir_signing::SigningKey;

use super::harness::{Client, Output, Run, World, client};

/// With what makes text hard to sign: a line with a dash, blanks at a line's end, an empty line.
const RELEASE: &str = "Origin: Demo\nSuite: stable\n-----BEGIN\nSHA256: \t\n\n 0 main/Packages\n";

/// The body of an answer of the gateway.
fn fetched(world: &World, path: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", world.gateway().port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
    let body = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    answer.split_off(body)
}

struct Signed {
    world: World,
    key: SigningKey,
    gpgv: Client,
}

impl Signed {
    /// A gateway that was restarted with a key of this kind, and the keyring that it serves.
    fn with(kind: &str) -> Option<Self> {
        let gpgv = client("gpgv")?;
        let mut world = World::new();
        let path = world.folder().join("key.asc");
        let shown = path.display();
        let configuration = format!("[keys]\npath = \"{shown}\"\nkind = \"{kind}\"\n");
        world.write("weir.toml", &configuration);
        let file = world.project().join("weir.toml");
        world.weir(&["keys", "init", "--config", &file.to_string_lossy()]).succeeded();
        std::fs::create_dir_all(world.data().join("keys")).unwrap();
        std::fs::copy(&path, world.data().join("keys/signing.asc")).unwrap();
        world.restart();
        let key = SigningKey::load(&path).unwrap();
        std::fs::write(world.project().join("weir.gpg"), fetched(&world, "/keys/weir.gpg"))
            .unwrap();
        Some(Self { world, key, gpgv })
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.world.project().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn verify(&self, keyring: &str, files: &[&str]) -> Output {
        let keyring = self.world.project().join(keyring);
        let keyring = keyring.to_string_lossy();
        let arguments = ["--keyring", &keyring, "--output", "-"];
        let run = Run::client(&self.gpgv, &self.world).args(&arguments);
        run.args(files).wait()
    }
}

#[test]
fn gpgv_verifies_both_forms_of_signature_with_the_key_that_the_gateway_serves() {
    for kind in ["ed25519", "rsa3072"] {
        let Some(signed) = Signed::with(kind) else { return };
        let now = SystemClock.now();
        let message = signed.key.clearsign(RELEASE.as_bytes(), now).unwrap();
        signed.write("InRelease", &message);
        let read = signed.verify("weir.gpg", &["InRelease"]).succeeded();
        assert!(read.text.contains("Good signature from \"Weir\""), "{}", read.text);
        assert!(read.text.contains(&signed.key.fingerprint()), "{}", read.text);
        let text = "Origin: Demo\nSuite: stable\n-----BEGIN\nSHA256:\n\n 0 main/Packages\n";
        assert!(read.text.contains(text), "{}", read.text);

        signed.write("Release", RELEASE.as_bytes());
        let detached = signed.key.detached(RELEASE.as_bytes(), now).unwrap();
        signed.write("Release.gpg", &detached);
        signed.verify("weir.gpg", &["Release.gpg", "Release"]).succeeded();

        signed.write("Release", RELEASE.replace("stable", "staple").as_bytes());
        let refused = signed.verify("weir.gpg", &["Release.gpg", "Release"]).failed();
        assert!(refused.text.contains("BAD signature"), "{}", refused.text);
        let changed = String::from_utf8(message).unwrap().replace("stable", "staple");
        signed.write("InRelease", changed.as_bytes());
        signed.verify("weir.gpg", &["InRelease"]).failed();
    }
}

#[test]
fn a_keyring_with_the_old_key_and_the_next_verifies_the_signatures_of_both() {
    let Some(signed) = Signed::with("ed25519") else { return };
    let created = Timestamp::from_secs(1_767_225_600);
    let next = SigningKey::generate(weir_signing::Kind::Ed25519, "Next", created).unwrap();
    let now = SystemClock.now();
    signed.write("old", &signed.key.clearsign(RELEASE.as_bytes(), now).unwrap());
    signed.write("new", &next.clearsign(RELEASE.as_bytes(), now).unwrap());
    signed.verify("weir.gpg", &["new"]).failed();
    let old = std::fs::read(signed.world.project().join("weir.gpg")).unwrap();
    signed.write("both.gpg", &[old, next.public_binary().unwrap()].concat());
    for name in ["old", "new"] {
        signed.verify("both.gpg", &[name]).succeeded();
    }
}
