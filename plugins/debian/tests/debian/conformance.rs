//! The suite.

use weir_core::{Algorithm, Coordinates, Digest, Listed, Selection};
use weir_debian::Debian;
use weir_testkit::{Case, Suite};

use crate::fixtures::{PACKAGES, SOURCES, in_release, release, sha256};

const ROOT: &str = "primary:dists/demo/InRelease";
const BINARY: &str = "dists/demo/main/binary-amd64";

fn case(path: &str) -> Case {
    Case::get(path).document(ROOT, in_release())
}

fn known() -> Listed {
    Listed {
        release: Coordinates::new("demo", "1:1.0-1"),
        file: "pool/main/d/demo/demo_1.0-1_amd64.deb".into(),
        digest: Some(Digest::from_hex(Algorithm::Sha256, &"a".repeat(64)).unwrap()),
        size: Some(11),
        published: None,
    }
}

#[test]
fn the_plugin_keeps_the_laws_of_the_seam() {
    let by_hash = format!("{BINARY}/by-hash/SHA256/{}", sha256(PACKAGES));
    Suite::new(&Debian)
        .case(case("dists/demo/InRelease"))
        .case(
            case("dists/demo/Release")
                .document("primary:dists/demo/Release", release())
                .document("primary:dists/demo/Release.gpg", "signature"),
        )
        .case(
            case("dists/demo/Release.gpg")
                .document("primary:dists/demo/Release", release())
                .document("primary:dists/demo/Release.gpg", "signature"),
        )
        .case(
            case(&format!("{BINARY}/Packages.xz"))
                .document(&format!("primary:{BINARY}/Packages.xz"), PACKAGES),
        )
        .case(case(&by_hash).document(&format!("primary:{BINARY}/Packages"), PACKAGES))
        .case(
            case("dists/demo/main/source/Sources.gz")
                .document("primary:dists/demo/main/source/Sources.gz", SOURCES),
        )
        .case(
            Case::get("pool/main/d/demo/demo_1.0-1_amd64.deb")
                .known(known())
                .locates("demo", "1:1.0-1"),
        )
        .case(Case::get("pool/main/d/demo/demo_9_amd64.deb").absent())
        .check();
}

fn resigned(path: &str) -> Case {
    let selection = Selection {
        suites: vec!["demo".to_owned()],
        architectures: vec!["amd64".to_owned(), "source".to_owned()],
        ..Selection::default()
    };
    case(path)
        .document(&format!("primary:{BINARY}/Packages.xz"), PACKAGES)
        .document("primary:dists/demo/main/source/Sources.gz", SOURCES)
        .resigned(selection)
}

/// What a client sees in an index: stanzas with a name and a version.
fn stanzas(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let field = |stanza: &str, name: &str| {
        let line = stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.map(ToOwned::to_owned)
    };
    let whole = text.split("\n\n").filter(|stanza| !stanza.trim().is_empty());
    whole.map(|stanza| Some((field(stanza, "Package")?, field(stanza, "Version")?))).collect()
}

#[test]
fn edited_indexes_keep_the_laws_too() {
    Suite::new(&Debian)
        .case(
            resigned(&format!("{BINARY}/Packages"))
                .named("edited packages")
                .same_format(&format!("primary:{BINARY}/Packages.xz"))
                .parsed_by(stanzas)
                .lists(&[("demo", "1:1.0-1"), ("demo", "1:1.1~rc1-1"), ("other", "2.0+b1")]),
        )
        .case(
            resigned("dists/demo/main/source/Sources")
                .named("edited sources")
                .same_format("primary:dists/demo/main/source/Sources.gz")
                .by_version()
                .lists(&[("demo", "1:1.0-1"), ("demo", "1:1.0-1"), ("other", "2.0")]),
        )
        .case(resigned("dists/demo/Release").named("our own Release"))
        .case(resigned("dists/demo/InRelease").named("our own InRelease"))
        .case(resigned("dists/demo/Release.gpg").named("our own signature"))
        .check();
}
