//! The suite.

use weir_core::{Algorithm, Coordinates, Digest, Listed};
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
