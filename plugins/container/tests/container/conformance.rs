//! The laws of the seam.

use weir_container::Container;
use weir_core::{Algorithm, Coordinates, Digest, Doc, FactSet, Listed};
use weir_testkit::{Case, Suite};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn sha256(text: &str) -> Digest {
    Digest::of(Algorithm::Sha256, text.as_bytes())
}

fn image() -> String {
    let (config, layer) = (sha256("config"), sha256("layer"));
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":6}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{layer}","size":5}}]}}"#
    )
}

fn index() -> String {
    let (image, size) = (sha256(&image()), image().len());
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{{"mediaType":"{MANIFEST}","digest":"{image}","size":{size},"platform":{{"architecture":"amd64","os":"linux"}}}}]}}"#
    )
}

fn step(from: &str, to: &Digest) -> Listed {
    Listed {
        release: Coordinates::new("demo/hello", from),
        file: to.to_string().into(),
        digest: Some(to.clone()),
        size: None,
        published: None,
    }
}

fn tags(body: &[u8]) -> Option<Vec<(String, String)>> {
    let root: serde_json::Value = serde_json::from_slice(body).ok()?;
    let tags = root["tags"].as_array()?.iter();
    Some(tags.filter_map(|tag| Some(("demo/hello".into(), tag.as_str()?.into()))).collect())
}

fn referrers(body: &[u8]) -> Option<Vec<(String, String)>> {
    let root: serde_json::Value = serde_json::from_slice(body).ok()?;
    let entries = root["manifests"].as_array()?.iter();
    let pair = |entry: &serde_json::Value| {
        Some(("demo/hello".into(), entry["digest"].as_str()?.to_owned()))
    };
    Some(entries.filter_map(pair).collect())
}

fn manifests() -> Vec<Case> {
    let (by_tag, told) = ("primary:v2/demo/hello/manifests/1", sha256(&index()).to_string());
    let untold = "primary:v2/demo/plain/manifests/1";
    let by_digest = format!("primary:v2/demo/hello/manifests/{told}");
    let image_key = format!("primary:v2/demo/hello/manifests/{}", sha256(&image()));
    let head = Doc::new(index(), INDEX).with_header("docker-content-digest", &told);
    vec![
        Case::get("demo/hello/manifests/1")
            .answer(by_tag, head)
            .answer(&by_digest, Doc::new(index(), INDEX))
            .lists(&[("demo/hello", "1")])
            .same_format(&by_digest)
            .by_version(),
        Case::get("demo/plain/manifests/1")
            .named("a tag whose HEAD tells no digest")
            .answer(untold, Doc::new(image(), MANIFEST))
            .wants(FactSet::NONE)
            .same_format(untold)
            .by_version(),
        Case::get(&format!("demo/hello/manifests/{}", sha256(&image())))
            .answer(&image_key, Doc::new(image(), MANIFEST))
            .document(&format!("primary:v2/demo/hello/blobs/{}", sha256("config")), "config")
            .known(step(&told, &sha256(&image())))
            .known(step("1", &sha256(&index())))
            .lists(&[("demo/hello", "1"); 3])
            .same_format(&image_key)
            .by_version(),
    ]
}

fn lists() -> Vec<Case> {
    let list = "primary:v2/demo/hello/tags/list";
    let subject = sha256("subject");
    let api = format!("primary:v2/demo/hello/referrers/{subject}");
    let tag = format!("primary:v2/demo/hello/manifests/sha256-{}", subject.hex());
    let entry = |text: &str, kind: &str| {
        let digest = sha256(text);
        format!(
            r#"{{"mediaType":"{MANIFEST}","digest":"{digest}","size":1,"artifactType":"{kind}"}}"#
        )
    };
    let found = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{},{}]}}"#,
        entry("one", "sbom"),
        entry("two", "signature")
    );
    let by_api = |raw: String| Case::get(&raw).document(&api, found.as_str()).parsed_by(referrers);
    vec![
        Case::get("demo/hello/tags/list")
            .document(list, r#"{"name":"demo/hello","tags":["1","1.0","latest"]}"#)
            .known(step("1", &sha256(&index())))
            .same_format(list)
            .lists(&[("demo/hello", "1"), ("demo/hello", "1.0"), ("demo/hello", "latest")])
            .parsed_by(tags),
        Case::get("demo/hello/tags/list?n=2&last=1")
            .document(&format!("{list}?n=2&last=1"), r#"{"name":"demo/hello","tags":["1.0"]}"#)
            .same_format(&format!("{list}?n=2&last=1"))
            .parsed_by(tags),
        by_api(format!("demo/hello/referrers/{subject}")).same_format(&api),
        by_api(format!("demo/hello/referrers/{subject}?artifactType=sbom")).reads_back(&api),
        Case::get(&format!("demo/hello/referrers/{subject}"))
            .named("a registry without referrers")
            .document(&tag, found.as_str())
            .same_format(&tag)
            .parsed_by(referrers),
        Case::get(&format!("demo/hello/referrers/{subject}"))
            .named("no referrers")
            .lists(&[])
            .parsed_by(referrers),
    ]
}

#[test]
fn all_laws_hold() {
    let layer = sha256("layer");
    Suite::new(&Container)
        .case(Case::get(""))
        .cases(&manifests())
        .cases(&lists())
        // What the manifests above have listed.
        .case(Case::get(&format!("demo/hello/blobs/{layer}")).locates("demo/hello", "1"))
        .case(Case::get(&format!("demo/other/blobs/{layer}")).absent())
        .check();
}
