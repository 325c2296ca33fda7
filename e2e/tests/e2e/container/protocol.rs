//! What registries offer beside pulls, through the gateway: names without a namespace, lists of tags
//! by pages, parts of layers, and artifacts that refer to an image.

use serde_json::Value;
use weir_testkit::origin::{self, Image, referrers};

use super::drivers::Driver;
use super::world::{Images, OLD};
use crate::harness::Output;

/// What curl gets below `/v2/`.
fn curl(client: &Driver, images: &Images, path: &str, options: &[&str]) -> Output {
    let address = format!("http://{}", images.name(&format!("v2/{path}")));
    client.run(images, &[&["--silent", "--show-error"], options, &[&*address]].concat())
}

#[test]
fn a_name_without_a_namespace_is_the_librarys() {
    for name in ["docker", "podman", "skopeo", "crane"] {
        let Some(mut images) = Images::new() else { return };
        let Some(client) = Driver::find(name, &images) else { continue };
        let hello = images.publish("library/hello", "1.0.0");
        client.pull(&images, "hello:1.0.0", None).succeeded();
        assert_eq!(images.front.count(&hello.layer_path()), 1, "{name}");
        let seen = images.front.requests();
        let other = seen.iter().find(|seen| seen.resource().starts_with("v2/hello/"));
        assert!(other.is_none(), "{name}: {other:?}");
        // Both spellings are one repository.
        client.pull(&images, "library/hello:1.0.0", None).succeeded();
        assert_eq!(images.front.count(&hello.layer_path()), 1, "{name}");

        images.deny("pkg:docker/library/hello");
        for spelling in ["hello:1.0.0", "library/hello:1.0.0"] {
            let refused = client.pull(&images, spelling, None).failed();
            let said = "library/hello 1.0.0 withheld by rule no-such: it does not start";
            assert!(refused.text.contains(said), "{name}: {}", refused.text);
        }
    }
}

/// containerd names Docker Hub in `?ns=`, and its images in full.
#[test]
fn containerd_asks_a_mirror_of_docker_hub() {
    let Some(images) = Images::new() else { return };
    let Some(ctr) = Driver::find("ctr", &images) else { return };
    let hello = images.publish("library/hello", "1.0.0");
    let hosts = images.mirrors("docker.io");
    let name = "docker.io/library/hello:1.0.0";
    ctr.pull_from(&images, name, None, &["--hosts-dir", &hosts]).succeeded();
    assert_eq!(images.front.count(&hello.layer_path()), 1);
}

/// The tags of `demo/many`, as a client lists them.
fn listed_tags(images: &Images, name: &str) -> Option<Vec<String>> {
    let client = Driver::find(name, images)?;
    let image = images.name("plain/demo/many");
    if name == "crane" {
        let listed = client.run(images, &["ls", "--insecure", &image]).succeeded();
        return Some(listed.text.lines().map(str::to_owned).collect());
    }
    let image = format!("docker://{image}");
    let listed = client.run(images, &["list-tags", "--tls-verify=false", &image]).succeeded();
    let listed: Value = serde_json::from_str(&listed.text).unwrap();
    let tags = listed["Tags"].as_array().unwrap().iter();
    Some(tags.map(|tag| tag.as_str().unwrap().to_owned()).collect())
}

#[test]
fn tags_are_listed_page_by_page_without_those_that_are_withheld() {
    let Some(mut images) = Images::new() else { return };
    let tags = ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"];
    {
        let upstream = origin::Images::new(&images.open).paged(2);
        let image = Image::new("amd64", OLD, &["layer"]);
        for tag in tags {
            upstream.tag("demo/many", tag, &image.manifest);
        }
    }
    for client in ["skopeo", "crane"] {
        let Some(listed) = listed_tags(&images, client) else { continue };
        assert_eq!(listed, tags, "{client}");
    }
    assert!(images.open.count("v2/demo/many/tags/list") >= 3);
    // The last one of a page, by which the next one is asked for.
    images.deny("pkg:oci/demo/many@1.1.0");
    for client in ["skopeo", "crane"] {
        let Some(listed) = listed_tags(&images, client) else { continue };
        assert_eq!(listed, ["1.0.0", "1.2.0", "1.3.0", "1.4.0"], "{client}");
    }
}

#[test]
fn a_part_of_a_layer_is_served_and_a_download_is_resumed() {
    let Some(images) = Images::new() else { return };
    let (Some(client), Some(crane)) =
        (Driver::find("curl", &images), Driver::find("crane", &images))
    else {
        return;
    };
    // What lists the layer has been read, and the layer itself not.
    let image = images.name(super::NEW);
    let platform = ["manifest", "--insecure", "--platform", "linux/amd64", &image];
    crane.run(&images, &platform).succeeded();
    let layer = images.new.layer().clone();
    let path = format!("demo/hello/blobs/{}", layer.digest);
    let length = layer.bytes.len();
    for (range, from, to) in [("9-", 9, length), ("-5", length - 5, length), ("3-9", 3, 10)] {
        let file = images.home().join("part");
        let name = file.to_string_lossy();
        curl(&client, &images, &path, &["--range", range, "--output", &name]).succeeded();
        assert_eq!(std::fs::read(&file).unwrap(), &layer.bytes[from..to], "{range}");
    }
    let beyond = curl(&client, &images, &path, &["--include", "--range", "999999-"]).succeeded();
    assert!(beyond.text.contains(" 416 ") && beyond.text.contains(&format!("bytes */{length}")));

    let half = images.home().join("half");
    std::fs::write(&half, &layer.bytes[..length / 2]).unwrap();
    let half_name = half.to_string_lossy();
    let resume = ["--continue-at", "-", "--output", &half_name];
    curl(&client, &images, &path, &resume).succeeded();
    assert_eq!(std::fs::read(&half).unwrap(), layer.bytes);
}

/// A software bill of materials and a signature, which refer to an image. The registry keeps no lists
/// of referrers: clients put them under a tag, and the gateway reads them there.
#[test]
fn artifacts_that_refer_to_an_image_are_listed_and_pulled() {
    const SBOM: &str = "application/vnd.example.sbom+json";
    const SIGNATURE: &str = "application/vnd.example.signature";
    let Some(mut images) = Images::new() else { return };
    let (Some(client), Some(crane)) =
        (Driver::find("curl", &images), Driver::find("crane", &images))
    else {
        return;
    };
    let subject = images.new.index().clone();
    let sbom = Image::artifact(SBOM, &subject, "all that is in it");
    let signature = Image::artifact(SIGNATURE, &subject, "signed");
    let pieces = sbom.pieces().chain(signature.pieces());
    let list = referrers(&[&sbom, &signature]);
    images.registry.push(&images.layouts(), "demo/hello:artifacts", pieces, &list);
    // skopeo writes lists anew, and leaves out what it does not know.
    let tag = subject.digest.replace(':', "-");
    let upstream = format!("http://{}/v2/demo/hello/manifests/{tag}", images.registry.address);
    let (file, media) = (images.folder().join("list"), format!("Content-Type: {}", list.media));
    std::fs::write(&file, &list.bytes).unwrap();
    let put = ["--fail", "--silent", "--upload-file", &file.to_string_lossy(), "--header", &media];
    client.run(&images, &[&put[..], &[&upstream]].concat()).succeeded();

    let listed = |images: &Images, query: &str| -> Vec<String> {
        let path = format!("demo/hello/referrers/{}{query}", subject.digest);
        let answer = curl(&client, images, &path, &["--fail"]).succeeded();
        let answer: Value = serde_json::from_str(&answer.text).unwrap();
        let all = answer["manifests"].as_array().unwrap().iter();
        all.map(|entry| entry["digest"].as_str().unwrap().to_owned()).collect()
    };
    let filter = format!("?artifactType={SBOM}");
    assert_eq!(listed(&images, ""), [sbom.digest(), signature.digest()]);
    assert_eq!(listed(&images, &filter), [sbom.digest()]);
    // As older clients ask.
    let by_tag = images.name(&format!("demo/hello:{tag}"));
    let found = crane.run(&images, &["manifest", "--insecure", &by_tag]).succeeded();
    assert_eq!(found.text.as_bytes(), &list.bytes);
    let blob = |images: &Images, artifact: &Image| {
        let name = images.name(&format!("demo/hello@{}", artifact.digest()));
        let manifest = crane.run(images, &["manifest", "--insecure", &name]);
        let layer = images.name(&format!("demo/hello@{}", artifact.layers[0].digest));
        (manifest, crane.run(images, &["blob", "--insecure", &layer]))
    };
    let (manifest, content) = blob(&images, &sbom);
    assert_eq!(manifest.succeeded().text.as_bytes(), &sbom.manifest.bytes);
    assert_eq!(content.succeeded().text, "all that is in it");

    images.deny(&format!("pkg:oci/demo/hello@{}", signature.digest()));
    assert_eq!(listed(&images, ""), [sbom.digest()]);
    let (refused, _) = blob(&images, &signature);
    let refused = refused.failed();
    assert!(refused.text.contains("withheld by rule no-such"), "{}", refused.text);

    images.stop_upstreams();
    images.offline();
    assert_eq!(listed(&images, &filter), [sbom.digest()]);
    blob(&images, &sbom).1.succeeded();
}
