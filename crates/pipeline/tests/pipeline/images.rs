//! Image registries: manifests by tag and digest, layers kept once, several registries.

use std::sync::Arc;
use std::time::Duration;

use weir_pipeline::Identity;
use weir_testkit::origin::{Answer, Image, Images, Origin, Piece, image_index};

use crate::harness::{Gateway, MINUTE, setup};

pub(crate) const OLD: &str = "2024-01-01T00:00:00Z";

pub(crate) fn amd64() -> Image {
    Image::new("amd64", OLD, &["shared", "amd64"])
}

pub(crate) fn arm64() -> Image {
    Image::new("arm64", OLD, &["shared", "arm64"])
}

/// `demo/hello` with the tag 1 for two platforms.
pub(crate) fn hello(origin: &Origin) -> (Image, Image, Piece) {
    let (images, amd64, arm64) = (Images::new(origin), amd64(), arm64());
    images.image("demo/hello", &amd64);
    images.image("demo/hello", &arm64);
    let index = image_index(&[&amd64, &arm64]);
    images.tag("demo/hello", "1", &index);
    (amd64, arm64, index)
}

pub(crate) fn manifest(name: &str, reference: &str) -> String {
    format!("/v2/{name}/manifests/{reference}")
}

pub(crate) fn blob(name: &str, piece: &Piece) -> String {
    format!("/v2/{name}/blobs/{}", piece.digest)
}

/// Pulls like docker: a HEAD of the tag, then everything by digest.
pub(crate) async fn pull(gateway: &Gateway, image: &Image, index: &Piece) {
    let head = gateway.ask("HEAD", &manifest("demo/hello", "1"), &[]).await;
    assert!(head.is(200), "{head:?}");
    assert_eq!(head.header("docker-content-digest"), Some(&*index.digest));
    for piece in [index, &image.manifest] {
        let found = gateway.get(&manifest("demo/hello", &piece.digest)).await;
        assert!(found.is(200), "{found:?}");
        assert_eq!(found.body, piece.bytes);
        assert_eq!(found.header("content-type"), Some(piece.media));
    }
    for piece in image.layers.iter().chain([&image.config]) {
        let found = gateway.get(&blob("demo/hello", piece)).await;
        assert!(found.is(200), "{found:?}");
        assert_eq!(found.body, piece.bytes);
        assert_eq!(found.header("docker-content-digest"), Some(&*piece.digest));
        assert_eq!(found.header("content-type"), Some("application/octet-stream"));
    }
}

#[tokio::test]
async fn an_image_is_pulled_cold_warm_and_offline() {
    let origin = Origin::start().await;
    let (amd64, _, index) = hello(&origin);
    let set = setup().images("container", &origin);
    let gateway = set.open().await;
    pull(&gateway, &amd64, &index).await;
    origin.forget_requests();
    pull(&gateway, &amd64, &index).await;
    assert_eq!(origin.requests(), [], "a second pull asks nothing");

    origin.stop();
    let offline = set.offline().open().await;
    pull(&offline, &amd64, &index).await;
    let never = offline.get(&manifest("demo/hello", "2")).await;
    assert!(never.fails(504, "not_cached"), "{never:?}");
}

#[tokio::test]
async fn a_second_pull_touches_no_table() {
    let origin = Origin::start().await;
    let (amd64, _, index) = hello(&origin);
    let gateway = setup().images("container", &origin).open().await;
    for _ in 0..2 {
        pull(&gateway, &amd64, &index).await;
    }
    gateway.catalog.clone().close().await.unwrap();
    pull(&gateway, &amd64, &index).await;
}

#[tokio::test]
async fn every_answer_names_the_protocol_and_a_head_says_what_a_get_says() {
    let origin = Origin::start().await;
    let (amd64, _, index) = hello(&origin);
    let gateway = setup().images("container", &origin).open().await;
    let absent = format!("sha256:{}", "0".repeat(64));
    let paths = [
        "/v2/".to_owned(),
        manifest("demo/hello", "1"),
        manifest("demo/hello", &index.digest),
        manifest("demo/hello", "absent"),
        manifest("demo/hello", amd64.digest()),
        blob("demo/hello", &amd64.layers[0]),
        format!("/v2/demo/hello/blobs/{absent}"),
        "/v2/demo/hello/tags/list".to_owned(),
        format!("/v2/demo/hello/referrers/{}", index.digest),
        "/v2/UPPER/tags/list".to_owned(),
        "/v2/_catalog".to_owned(),
    ];
    for path in &paths {
        let (get, head) = (gateway.get(path).await, gateway.ask("HEAD", path, &[]).await);
        assert_eq!(get.header("docker-distribution-api-version"), Some("registry/2.0"), "{path}");
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty(), "{path}");
        for name in ["content-length", "content-type", "docker-content-digest", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
    }
}

#[tokio::test]
async fn a_manifest_is_never_compressed_and_can_be_asked_for_conditionally() {
    let origin = Origin::start().await;
    let images = Images::new(&origin);
    let many: Vec<Image> = (0..20).map(|n| Image::new(&format!("a{n}"), OLD, &["layer"])).collect();
    let index = image_index(&many.iter().collect::<Vec<_>>());
    images.tag("demo/many", "1", &index);
    let gateway = setup().images("container", &origin).open().await;
    let path = manifest("demo/many", "1");
    let found = gateway.ask("GET", &path, &[("accept-encoding", "gzip, zstd")]).await;
    assert!(found.body.len() > 1024 && found.header("content-encoding").is_none(), "{found:?}");
    let etag = found.header("etag").unwrap().to_owned();
    let again = gateway.ask("GET", &path, &[("if-none-match", &etag)]).await;
    assert!(again.is(304), "{again:?}");
}

#[tokio::test]
async fn layers_have_ranges_and_validators() {
    let origin = Origin::start().await;
    let (amd64, _, index) = hello(&origin);
    let gateway = setup().images("container", &origin).open().await;
    pull(&gateway, &amd64, &index).await;
    let layer = &amd64.layers[1];
    let path = blob("demo/hello", layer);
    let part = gateway.ask("GET", &path, &[("range", "bytes=3-")]).await;
    assert_eq!((part.status, &part.body[..]), (206, &layer.bytes[3..]));
    assert_eq!(part.header("docker-content-digest"), Some(&*layer.digest));
    let beyond = gateway.ask("GET", &path, &[("range", "bytes=99999-")]).await;
    assert_eq!(beyond.status, 416);
    let etag = part.header("etag").unwrap().to_owned();
    assert!(gateway.ask("GET", &path, &[("if-none-match", &etag)]).await.is(304));
}

#[tokio::test]
async fn a_tag_is_asked_about_by_head_and_fetched_when_it_moved() {
    let origin = Origin::start().await;
    let (_, _, index) = hello(&origin);
    let gateway = setup().images("container", &origin).open().await;
    let path = manifest("demo/hello", "1");
    assert_eq!(gateway.get(&path).await.body, index.bytes);
    let seen = |origin: &Origin| -> Vec<String> {
        let all = origin.requests();
        all.iter().map(|r| format!("{} {}", r.method, r.path.rsplit('/').next().unwrap())).collect()
    };
    assert_eq!(seen(&origin), ["HEAD 1".to_owned(), format!("GET {}", index.digest)]);

    gateway.clock().advance(MINUTE * 60);
    origin.forget_requests();
    assert_eq!(gateway.get(&path).await.body, index.bytes);
    assert_eq!(seen(&origin), ["HEAD 1"], "the digest is known");

    let moved = Image::new("amd64", OLD, &["moved"]);
    Images::new(&origin).image("demo/hello", &moved);
    Images::new(&origin).tag("demo/hello", "1", &moved.manifest);
    gateway.clock().advance(MINUTE * 60);
    assert_eq!(gateway.get(&path).await.body, moved.manifest.bytes);
    assert_eq!(gateway.get(&manifest("demo/hello", &index.digest)).await.body, index.bytes);
}

#[tokio::test]
async fn a_registry_whose_head_tells_no_digest_is_asked_for_the_manifest() {
    let origin = Origin::start().await;
    let image = amd64();
    let answer = Answer::ok(image.manifest.bytes.clone()).media(image.manifest.media);
    origin.put("v2/demo/plain/manifests/1", answer);
    let gateway = setup().images("container", &origin).open().await;
    let found = gateway.get(&manifest("demo/plain", "1")).await;
    assert_eq!(found.body, image.manifest.bytes);
    assert_eq!(found.header("docker-content-digest"), Some(image.digest()));
}

#[tokio::test]
async fn a_tag_outlives_its_registry() {
    let origin = Origin::start().await;
    let (amd64, _, index) = hello(&origin);
    let gateway = setup().images("container", &origin).open().await;
    pull(&gateway, &amd64, &index).await;
    origin.put("v2/demo/hello/manifests/1", Answer::status(429, "too many requests"));
    gateway.clock().advance(MINUTE * 60 * 24);
    pull(&gateway, &amd64, &index).await;
    origin.stop();
    gateway.clock().advance(MINUTE * 60 * 24);
    pull(&gateway, &amd64, &index).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_herd_for_a_layer_is_one_fetch() {
    let origin = Origin::start().await;
    let (amd64, _, _) = hello(&origin);
    let layer = amd64.layers[1].clone();
    let upstream = format!("v2/demo/hello/blobs/{}", layer.digest);
    origin.change(&upstream, |answer| answer.delayed(Duration::from_millis(100)));
    let gateway = Arc::new(setup().images("container", &origin).open().await);
    gateway.get(&manifest("demo/hello", amd64.digest())).await;
    let asked: Vec<_> = (0..64)
        .map(|_| {
            let (gateway, path) = (Arc::clone(&gateway), blob("demo/hello", &layer));
            tokio::spawn(async move { gateway.get(&path).await })
        })
        .collect();
    for one in asked {
        let answered = one.await.unwrap();
        assert!(answered.is(200), "{answered:?}");
        assert_eq!(answered.body, layer.bytes);
    }
    assert_eq!(origin.count(&upstream), 1);
}

#[tokio::test]
async fn what_has_another_digest_is_not_stored() {
    let origin = Origin::start().await;
    let (amd64, arm64, _) = hello(&origin);
    let layer = &amd64.layers[0];
    let other = Answer::ok(arm64.manifest.bytes.clone()).media(arm64.manifest.media);
    origin.put(&format!("v2/demo/hello/manifests/{}", amd64.digest()), other);
    let gateway = setup().images("container", &origin).open().await;
    let wrong = gateway.get(&manifest("demo/hello", amd64.digest())).await;
    assert!(wrong.fails(502, "integrity_mismatch"), "{wrong:?}");

    Images::new(&origin).manifest("demo/hello", &amd64.manifest);
    origin.change(&format!("v2/demo/hello/blobs/{}", layer.digest), Answer::corrupted);
    assert!(gateway.get(&manifest("demo/hello", amd64.digest())).await.is(200));
    let broken = gateway.get(&blob("demo/hello", layer)).await;
    assert!(broken.broken.is_some() || broken.status == 502, "{broken:?}");
    assert_eq!(gateway.stored(), Vec::<String>::new());
}

#[tokio::test]
async fn a_layer_is_served_where_a_manifest_of_its_repository_lists_it() {
    let origin = Origin::start().await;
    let (amd64, _, _) = hello(&origin);
    let images = Images::new(&origin);
    images.image("demo/other", &amd64);
    let gateway = setup().images("container", &origin).open().await;
    let layer = &amd64.layers[0];
    let path = blob("demo/hello", layer);
    let unknown = gateway.get(&path).await;
    assert!(unknown.fails(404, "not_found"), "{unknown:?}");
    assert_eq!(unknown.json()["errors"][0]["code"], "BLOB_UNKNOWN");
    assert_eq!(origin.requests(), [], "nobody was asked for it");

    gateway.get(&manifest("demo/hello", amd64.digest())).await;
    assert!(gateway.get(&path).await.is(200));
    assert!(gateway.get(&blob("demo/other", layer)).await.is(404), "not yet");
    gateway.get(&manifest("demo/other", amd64.digest())).await;
    origin.forget_requests();
    assert!(gateway.get(&blob("demo/other", layer)).await.is(200));
    let asked: Vec<String> = origin.requests().into_iter().map(|seen| seen.method).collect();
    assert_eq!(asked, ["HEAD"], "the bytes are kept once");
    let hex = layer.digest.strip_prefix("sha256:").unwrap();
    assert_eq!(gateway.stored(), [format!("oci/sha256/{}/{hex}", &hex[..2])]);
}

#[tokio::test]
async fn two_registries_share_bytes_and_nothing_else() {
    let (public, private) = (Origin::start().await, Origin::start().await);
    let (amd64, _, _) = hello(&private);
    Images::new(&public).manifest("demo/hello", &amd64.manifest);
    let gateway = setup().images("container", &public).images("inside", &private).open().await;
    let layer = &amd64.layers[0];
    let inside = format!("/v2/inside/demo/hello/blobs/{}", layer.digest);
    gateway.get(&format!("/v2/inside/demo/hello/manifests/{}", amd64.digest())).await;
    assert!(gateway.get(&inside).await.is(200));
    assert!(gateway.get(&blob("demo/hello", layer)).await.is(404), "no manifest lists it here");
    // A manifest that names a layer of another registry does not open it.
    assert!(gateway.get(&manifest("demo/hello", amd64.digest())).await.is(200));
    let stolen = gateway.get(&blob("demo/hello", layer)).await;
    assert!(stolen.fails(404, "not_found"), "{stolen:?}");
}

#[tokio::test]
async fn names_without_a_namespace_belong_to_the_registrys_own() {
    let origin = Origin::start().await;
    let image = amd64();
    let images = Images::new(&origin);
    images.image("library/nginx", &image);
    images.tag("library/nginx", "1.25", &image.manifest);
    let identity =
        Identity { namespace: "library".into(), hosts: vec!["docker.example".to_owned()] };
    let gateway = setup().images_of("container", &origin, identity).open().await;
    assert_eq!(gateway.get(&manifest("nginx", "1.25")).await.body, image.manifest.bytes);
    assert_eq!(gateway.observer.last().subject.as_deref(), Some("pkg:docker/library/nginx"));
    origin.forget_requests();
    assert!(gateway.get(&manifest("library/nginx", "1.25")).await.is(200));
    assert_eq!(origin.requests(), [], "one key for both spellings");
}

#[tokio::test]
async fn a_client_says_whose_registry_it_means() {
    let (main, other) = (Origin::start().await, Origin::start().await);
    let (_, _, index) = hello(&main);
    let image = Image::new("amd64", OLD, &["other"]);
    Images::new(&other).image("demo/hello", &image);
    Images::new(&other).tag("demo/hello", "1", &image.manifest);
    let named = |host: &str| Identity { namespace: "".into(), hosts: vec![host.to_owned()] };
    let gateway = setup()
        .images_of("container", &main, named("main.example"))
        .images_of("other", &other, named("other.example:5000"))
        .open()
        .await;
    let by_path = gateway.get("/v2/other/demo/hello/manifests/1").await;
    assert_eq!(by_path.body, image.manifest.bytes);
    let by_ns = gateway.get("/v2/demo/hello/manifests/1?ns=other.example:5000").await;
    assert_eq!(by_ns.body, image.manifest.bytes);
    assert_eq!(by_ns.header("oci-namespace"), Some("other.example:5000"));
    let own = gateway.get("/v2/demo/hello/manifests/1?ns=main.example").await;
    assert_eq!(own.body, index.bytes);
    let unknown = gateway.get("/v2/demo/hello/manifests/1?ns=third.example").await;
    assert!(unknown.fails(404, "not_found"), "{unknown:?}");
    assert_eq!(unknown.json()["errors"][0]["code"], "NAME_UNKNOWN");
    assert_eq!(unknown.header("docker-distribution-api-version"), Some("registry/2.0"));
}

#[tokio::test]
async fn tags_come_in_pages() {
    let origin = Origin::start().await;
    let images = Images::new(&origin);
    for tag in ["a", "b", "c"] {
        images.tag("demo/tags", tag, &amd64().manifest);
    }
    let gateway = setup().images("container", &origin).open().await;
    let all = gateway.get("/v2/demo/tags/tags/list").await;
    assert_eq!(all.json()["tags"], serde_json::json!(["a", "b", "c"]));
    let first = gateway.get("/v2/demo/tags/tags/list?n=2").await;
    assert_eq!(first.json()["tags"], serde_json::json!(["a", "b"]));
    let link = first.header("link").unwrap();
    assert_eq!(link, "</v2/demo/tags/tags/list?n=2&last=b>; rel=\"next\"");
    let next = link.trim_start_matches('<').split('>').next().unwrap();
    let rest = gateway.get(next).await;
    assert_eq!(rest.json()["tags"], serde_json::json!(["c"]));
    assert_eq!(rest.header("link"), None);
    let none = gateway.get("/v2/demo/tags/tags/list?n=0").await;
    assert_eq!((none.json()["tags"].clone(), none.header("link")), (serde_json::json!([]), None));
    let bad = gateway.get("/v2/demo/tags/tags/list?n=x").await;
    assert_eq!(
        (bad.status, bad.json()["errors"][0]["code"].as_str()),
        (400, Some("PAGINATION_NUMBER_INVALID"))
    );
}

#[tokio::test]
async fn referrers_are_listed_with_and_without_the_registrys_help() {
    let origin = Origin::start().await;
    let (_, _, index) = hello(&origin);
    let gateway = setup().images("container", &origin).open().await;
    let path = format!("/v2/demo/hello/referrers/{}", index.digest);
    let none = gateway.get(&path).await;
    assert!(none.is(200), "{none:?}");
    assert_eq!(none.header("content-type"), Some("application/vnd.oci.image.index.v1+json"));
    assert_eq!(none.json()["manifests"], serde_json::json!([]));

    let entry = |kind: &str| {
        let digest = format!("sha256:{}", if kind == "sbom" { "1" } else { "2" }.repeat(64));
        serde_json::json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": digest, "size": 1, "artifactType": kind })
    };
    let list = serde_json::json!({ "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [entry("sbom"), entry("signature")] });
    let kinds = |found: &serde_json::Value| -> Vec<String> {
        let all = found["manifests"].as_array().unwrap().iter();
        all.map(|entry| entry["artifactType"].as_str().unwrap().to_owned()).collect()
    };
    let tag = index.digest.replace(':', "-");
    let answer = Answer::json(&list).media("application/vnd.oci.image.index.v1+json");
    origin.put(&format!("v2/demo/hello/manifests/{tag}"), answer.clone());
    gateway.clock().advance(MINUTE * 60);
    assert_eq!(kinds(&gateway.get(&path).await.json()), ["sbom", "signature"]);

    origin.put(&format!("v2/demo/hello/referrers/{}", index.digest), answer);
    gateway.clock().advance(MINUTE * 60);
    let filtered = gateway.get(&format!("{path}?artifactType=signature")).await;
    assert_eq!(kinds(&filtered.json()), ["signature"]);
    assert_eq!(filtered.header("oci-filters-applied"), Some("artifactType"));
}

#[tokio::test]
async fn what_writes_is_refused_with_a_sentence() {
    let origin = Origin::start().await;
    let gateway = setup().images("container", &origin).open().await;
    for (method, path) in [
        ("POST", "/v2/demo/hello/blobs/uploads/"),
        ("PUT", "/v2/demo/hello/manifests/1"),
        ("PATCH", "/v2/demo/hello/blobs/uploads/1"),
        ("DELETE", "/v2/demo/hello/manifests/1"),
    ] {
        let refused = gateway.ask(method, path, &[]).await;
        assert!(refused.fails(405, "not_offered"), "{refused:?}");
        assert_eq!(refused.json()["errors"][0]["code"], "UNSUPPORTED");
    }
    assert_eq!(origin.requests(), []);
}

#[tokio::test]
async fn a_document_of_two_kinds_is_refused() {
    let origin = Origin::start().await;
    let both = r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#;
    let old = r#"{"schemaVersion":1,"fsLayers":[]}"#;
    let index = "application/vnd.oci.image.index.v1+json";
    for (tag, body) in [
        ("both", both),
        ("old", old),
        ("no", "<html>"),
        (
            "type",
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}"#,
        ),
    ] {
        origin.put(&format!("v2/demo/odd/manifests/{tag}"), Answer::ok(body).media(index));
    }
    let gateway = setup().images("container", &origin).open().await;
    for tag in ["both", "old", "no", "type"] {
        let refused = gateway.get(&manifest("demo/odd", tag)).await;
        assert!(refused.fails(502, "unreadable_document"), "{tag}: {refused:?}");
    }
}

#[tokio::test]
async fn a_layer_of_two_repositories_that_is_asked_for_at_once_is_fetched_once() {
    let origin = Origin::start().await;
    let images = Images::new(&origin);
    let image = amd64();
    for name in ["demo/a", "demo/b", "demo/c"] {
        images.image(name, &image);
        images.tag(name, "1", &image.manifest);
    }
    let layer = &image.layers[0];
    let upstream = |name: &str| format!("v2/{name}/blobs/{}", layer.digest);
    // It takes a while, so that all are there before the end.
    origin.change(&upstream("demo/a"), |answer| answer.delayed(Duration::from_millis(300)));
    origin.change(&upstream("demo/b"), |answer| answer.delayed(Duration::from_millis(300)));
    origin.remove(&upstream("demo/c"));
    let gateway = setup().images("container", &origin).open().await;
    for name in ["demo/a", "demo/b", "demo/c"] {
        assert!(gateway.get(&manifest(name, "1")).await.is(200));
    }
    let paths = ["demo/a", "demo/b", "demo/c"].map(|name| blob(name, layer));
    let (a, b, c) =
        tokio::join!(gateway.get(&paths[0]), gateway.get(&paths[1]), gateway.get(&paths[2]));
    assert_eq!((&a.body, &b.body), (&layer.bytes, &layer.bytes));
    assert!(c.is(404), "this repository does not have it: {c:?}");
    let fetched = origin
        .requests()
        .into_iter()
        .filter(|seen| seen.method == "GET" && seen.resource().ends_with(&layer.digest));
    assert_eq!(fetched.filter(|seen| !seen.resource().contains("demo/c")).count(), 1);
    // Both are served from the store from then on.
    for path in &paths[..2] {
        assert!(gateway.get(path).await.is(200));
    }
}

#[tokio::test]
async fn a_registry_that_knows_no_referrers_has_none() {
    for status in [404, 405] {
        let origin = Origin::start().await;
        let (_, _, index) = hello(&origin);
        let path = format!("demo/hello/referrers/{}", index.digest);
        origin.put(&format!("v2/{path}"), Answer::status(status, "no such thing"));
        let gateway = setup().images("container", &origin).open().await;
        let found = gateway.get(&format!("/v2/{path}")).await;
        assert!(found.is(200), "{status}: {found:?}");
        assert_eq!(found.json()["manifests"], serde_json::json!([]));
    }
}
