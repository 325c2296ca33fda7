//! Paths, read from the right.

use weir_container::{Container, views};
use weir_core::{Ecosystem as _, Method, Owner, Request, Target, Unroutable};

fn route(raw: &str) -> Result<Target, Unroutable> {
    Container.route(&Request::get(raw)?)
}

fn digest() -> String {
    format!("sha256:{}", "ab".repeat(32))
}

#[test]
fn a_name_may_hold_the_words_of_the_protocol() {
    for name in ["a", "a/b", "blobs/manifests", "a/tags/list/b", "a/manifests/b/blobs", "v2/x"] {
        for (raw, view) in [
            (format!("{name}/manifests/1"), views::MANIFEST),
            (format!("{name}/tags/list"), views::TAGS),
            (format!("{name}/referrers/{}", digest()), views::REFERRERS),
        ] {
            let target = route(&raw).unwrap();
            assert_eq!(target.package().unwrap().as_str(), name, "{raw}");
            assert_eq!(target.view().unwrap().name, view, "{raw}");
        }
        let blob = route(&format!("{name}/blobs/{}", digest())).unwrap();
        let Target::Artifact { owner: Owner::Content { name: owner, .. }, .. } = blob else {
            panic!("{blob:?}");
        };
        assert_eq!(owner.as_str(), name);
    }
}

#[test]
fn names_tags_and_digests_that_are_none_are_refused() {
    let long = format!("{}/manifests/1", "a/".repeat(130).trim_end_matches('/'));
    for raw in [
        "Upper/manifests/1",
        "a..b/manifests/1",
        "-a/tags/list",
        "a/manifests/-1",
        "a/manifests/sha256:ab",
        "a/blobs/latest",
        "a/referrers/latest",
        "a/tags/list?n=-1",
        &format!("a/blobs/SHA256:{}", "ab".repeat(32)),
        &long,
    ] {
        assert!(matches!(route(raw), Err(Unroutable::Malformed(_))), "{raw}: {:?}", route(raw));
    }
    for raw in ["a", "a/manifests", "manifests/1", "tags/list", "a/b/c", "_oci/ext/discover"] {
        assert_eq!(route(raw), Err(Unroutable::Unknown), "{raw}");
    }
}

#[test]
fn the_namespace_of_a_registry_is_a_part_of_plain_names_only() {
    let name = |raw: &str| {
        let request = Request { namespace: "library", ..Request::get(raw).unwrap() };
        Container.route(&request).unwrap().package().unwrap().to_string()
    };
    assert_eq!(name("nginx/manifests/1"), "library/nginx");
    assert_eq!(name("library/nginx/manifests/1"), "library/nginx");
    assert_eq!(name("other/nginx/tags/list"), "other/nginx");
}

#[test]
fn nothing_is_taken_and_no_catalogue_is_given() {
    for method in [Method::Post, Method::Put, Method::Delete, Method::Other] {
        let request = Request { method, ..Request::get("a/blobs/uploads").unwrap() };
        assert!(matches!(Container.route(&request), Err(Unroutable::NotOffered(_))));
    }
    assert!(matches!(route("_catalog"), Err(Unroutable::NotOffered(_))));
}
