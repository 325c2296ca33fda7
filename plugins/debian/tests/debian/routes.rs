//! What paths mean.

use weir_core::{Ecosystem as _, Owner, Request, Scope, Target, Unroutable};
use weir_debian::{Debian, views};

fn route(path: &str) -> Result<Target, Unroutable> {
    Debian.route(&Request::get(path)?)
}

fn view(path: &str) -> &'static str {
    route(path).unwrap().view().map_or("file", |view| view.name)
}

#[test]
fn roots_indexes_and_files_are_told_apart() {
    for (path, expected) in [
        ("dists/bookworm/InRelease", views::IN_RELEASE),
        ("debian-security/dists/bookworm-security/InRelease", views::IN_RELEASE),
        ("dists/bookworm/updates/Release", views::RELEASE),
        ("dists/bookworm/Release.gpg", views::SIGNATURE),
        ("dists/bookworm/main/binary-amd64/Release", views::INDEX),
        ("dists/bookworm/main/binary-amd64/Packages.xz", views::INDEX),
        ("dists/bookworm/main/source/Sources.gz", views::INDEX),
        ("dists/bookworm/main/i18n/Translation-en.xz", views::INDEX),
        ("dists/bookworm/main/Contents-amd64.gz", views::INDEX),
        ("dists/bookworm/main/dep11/icons-64x64.tar.gz", views::INDEX),
        ("dists/bookworm/main/binary-amd64/Packages.diff/T-2026-F-2026.gz", views::INDEX),
        ("dists/bookworm/main/binary-amd64/by-hash/SHA256/00ff", views::BY_HASH),
        ("InRelease", views::IN_RELEASE),
        ("flat/Packages.gz", views::INDEX),
        ("flat/by-hash/SHA256/00ff", views::BY_HASH),
        ("pool/main/n/nginx/nginx_1.22.1-9_amd64.deb", "file"),
        ("pool/main/n/nginx/nginx_1.22.1.orig.tar.gz", "file"),
        ("dists/xenial/main/binary-amd64/tool_1.0_amd64.deb", "file"),
        ("flat/tool_1.0_all.deb", "file"),
    ] {
        assert_eq!(view(path), expected, "{path}");
    }
}

#[test]
fn a_file_belongs_to_what_an_index_says() {
    let Ok(Target::Artifact { owner: Owner::Listed(Scope::Index(folder)), file, .. }) =
        route("pool/main/libs/libstdc%2b%2b/libstdc++6_12~rc1_amd64.deb")
    else {
        panic!("not a file");
    };
    assert_eq!((&*folder, &*file), ("pool/main/libs/libstdc++", "libstdc++6_12~rc1_amd64.deb"));
}

#[test]
fn nothing_is_relayed_and_nothing_is_written() {
    assert_eq!(
        route("dists"),
        route("dists").map(|target| {
            assert!(matches!(target, Target::Artifact { .. }));
            target
        })
    );
    assert_eq!(route("dists/InRelease"), Err(Unroutable::Unknown));
    assert_eq!(route(""), Err(Unroutable::Unknown));
    assert_eq!(route("pool/x.deb?token=1"), Err(Unroutable::Unknown));
    assert_eq!(route("pool/a%2fb.deb"), Err(Unroutable::Unknown));
    let mut put = Request::get("pool/x.deb").unwrap();
    put.method = weir_core::Method::Put;
    assert!(matches!(Debian.route(&put), Err(Unroutable::NotOffered(_))));
}
