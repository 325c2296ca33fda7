//! What paths mean.

use weir_core::{Ecosystem as _, Owner, Request, Role, Target, Unroutable};
use weir_go::{Go, views};

use crate::fixtures::{needs, shown, target};

fn fails(raw: &str) -> Unroutable {
    Request::get(raw).and_then(|request| Go.route(&request)).unwrap_err()
}

#[test]
fn names_and_versions_are_unescaped() {
    let Target::Artifact { owner: Owner::Release(release), file, role } =
        target("github.com/!burnt!sushi/toml/@v/v1.0.0-!r!c1.zip")
    else {
        panic!("not a file of a release");
    };
    assert_eq!(release.name.as_str(), "github.com/BurntSushi/toml");
    assert_eq!(release.version.as_str(), "v1.0.0-RC1");
    assert_eq!((&*file, role), ("v1.0.0-RC1.zip", Role::Package));
    let Target::Artifact { role, .. } = target("gopkg.in/yaml.v3/@v/v3.0.1.mod") else {
        panic!("not a file");
    };
    assert_eq!(role, Role::Resolution);
}

#[test]
fn every_form_of_module_path_is_one() {
    for name in
        ["go.example", "go.example/tool/v2", "gopkg.in/yaml.v3", "github.com", "a.b/c~d/e_f"]
    {
        let list = target(&format!("{name}/@v/list"));
        assert_eq!(list.package().unwrap().as_str(), name);
        assert_eq!(list.view().unwrap().name, views::LIST);
    }
}

#[test]
fn a_query_is_no_version() {
    let branch = target("go.example/a/@v/master.info");
    assert_eq!(
        (branch.view().unwrap().name, &*branch.view().unwrap().arg),
        (views::INFO, "master")
    );
    let [fetch] = needs("go.example/a/@v/master.info").try_into().unwrap();
    assert!(!fetch.immutable);
    for fixed in ["v1.2.3", "v2.0.0+incompatible", "v0.0.0-20200102030405-0123456789ab"] {
        let [fetch] = needs(&format!("go.example/a/@v/{fixed}.info")).try_into().unwrap();
        assert!(fetch.immutable, "{fixed}");
    }
    for query in ["v1", "v1.2", "0123456789ab", "feature+x", "%3E=v1.2"] {
        let raw = format!("go.example/a/@v/{query}.info");
        match Request::get(&raw).and_then(|request| Go.route(&request)) {
            Ok(target) => assert_eq!(target.view().unwrap().name, views::INFO),
            Err(_) => assert!(query.contains('%'), "{query}"),
        }
    }
}

#[test]
fn what_is_not_of_the_protocol_is_unknown() {
    for raw in [
        "",
        "go.example",
        "go.example/a",
        "go.example/a/@v",
        "go.example/a/@v/list/x",
        "go.example/a/@v/v1.0.0.tar.gz",
        "go.example/a/@v/master.zip",
        "go.example/a/@v/v1.0.0+meta.zip",
        "go.example/Upper/@v/list",
        "go.example/a!/@v/list",
        "go.example/a/@v/V1.0.0.zip",
        "fmt/@v/list",
        "fmt/@latest",
        "go.example/a/@latest/x",
        "sumdb/supported",
        "sumdb/sum.example/lookup/go.example/a",
        "sumdb/sum.example/lookup/go.example/a@v1",
        "sumdb/sum.example/tile/8/0/1",
        "sumdb/sum.example/tile/8/0/001.p",
        "sumdb/sum.example/tile/8/-1/001",
        "sumdb/sum.example/tile/8/0/x001",
        "sumdb/sum.example/other",
        "sumdb/Sum.example/latest",
    ] {
        assert_eq!(fails(raw), Unroutable::Unknown, "{raw}");
    }
    assert!(matches!(fails("go.example/../a/@v/list"), Unroutable::Malformed(_)));
}

#[test]
fn nothing_but_reading_is_known() {
    let mut request = Request::get("go.example/a/@v/list").unwrap();
    request.method = weir_core::Method::Put;
    assert_eq!(Go.route(&request), Err(Unroutable::Unknown));
}

#[test]
fn a_checksum_database_is_asked_by_its_name_only() {
    let places = |raw: &str| -> Vec<String> {
        needs(raw)
            .iter()
            .map(|fetch| {
                format!(
                    "{}{}",
                    shown(&fetch.place),
                    if fetch.immutable { ", for good" } else { "" }
                )
            })
            .collect()
    };
    assert_eq!(places("sumdb/sum.example/supported"), ["sumdb named sum.example: latest"]);
    assert_eq!(places("sumdb/sum.example/latest"), ["sumdb named sum.example: latest"]);
    assert_eq!(
        places("sumdb/sum.example:8443/db/tile/8/1/x001/234.p/7"),
        ["sumdb named sum.example:8443/db: tile/8/1/x001/234.p/7, for good"]
    );
    assert_eq!(
        places("sumdb/sum.example/lookup/go.example/!a@v1.0.0-!r"),
        ["sumdb named sum.example: lookup/go.example/!a@v1.0.0-!r, for good"]
    );
    let lookup = target("sumdb/sum.example/lookup/go.example/!a@v1.0.0");
    assert_eq!(
        lookup.package().unwrap().as_str(),
        "go.example/A",
        "a group's patterns hold for it"
    );
}
