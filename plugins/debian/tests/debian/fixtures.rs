//! A small archive.

use std::fmt::Write as _;

use weir_core::{Algorithm, Digest};

pub(crate) const PACKAGES: &str = "\
Package: demo
Version: 1:1.0-1
Architecture: amd64
Filename: pool/main/d/demo/demo_1.0-1_amd64.deb
Size: 11
MD5sum: 0cc175b9c0f1b6a831c399e269772661
SHA256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa

Package: demo
Version: 1:1.1~rc1-1
Architecture: amd64
Filename: pool/main/d/demo/demo_1.1~rc1-1_amd64.deb
Size: 12
SHA256: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
Description: two
 lines: of it

Package: other
Version: 2.0+b1
Architecture: all
Filename: pool/main/o/other/other_2.0+b1_all.deb
Size: 13
SHA256: cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc

";

pub(crate) const SOURCES: &str = "\
Package: demo
Version: 1:1.0-1
Directory: pool/main/d/demo
Files:
 0cc175b9c0f1b6a831c399e269772661 5 demo_1.0-1.dsc
 92eb5ffee6ae2fec3ad71c777531578f 6 demo_1.0.orig.tar.xz
Checksums-Sha256:
 dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd 5 demo_1.0-1.dsc
 eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee 6 demo_1.0.orig.tar.xz

Package: other
Version: 2.0
Directory: pool/main/o/other
Checksums-Sha256:
 ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff 7 other_2.0.tar.gz

";

/// What Debian keeps below `main`.
const LISTED: [(&str, &str); 4] = [
    ("main/binary-amd64/Packages", PACKAGES),
    ("main/binary-amd64/Packages.xz", PACKAGES),
    ("main/source/Sources.gz", SOURCES),
    ("main/i18n/Translation-en.xz", "translations"),
];

/// A `Release` that names the indexes. Compressed ones stand in tests as they are decoded.
pub(crate) fn release() -> String {
    let mut text = String::from(
        "Origin: Demo\nLabel: Demo\nSuite: stable\nCodename: demo\n\
         Date: Sat, 06 Jun 2026 10:00:00 UTC\nAcquire-By-Hash: yes\n\
         Architectures: all amd64\nComponents: main contrib\nSHA256:\n",
    );
    for (path, content) in LISTED {
        writeln!(text, " {} {} {path}", sha256(content), content.len()).unwrap();
    }
    text
}

/// The same, signed in the clear.
pub(crate) fn in_release() -> String {
    format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{}-----BEGIN PGP SIGNATURE-----\n\n\
         c2lnbmF0dXJl\n-----END PGP SIGNATURE-----\n",
        release()
    )
}

pub(crate) fn sha256(content: &str) -> String {
    Digest::of(Algorithm::Sha256, content.as_bytes()).hex()
}
