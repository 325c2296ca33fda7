//! Container images and charts: real clients, Docker's engine and containerd before a gateway, and
//! Debian's registry behind it, with and without a token service.

mod drivers;
mod engine;
mod protocol;
mod registry;
mod world;

use drivers::Driver;
use weir_testkit::origin::{Answer, tgz};
use world::Images;

use crate::harness::{self, Output, Proof, proved};

const ECOSYSTEM: &str = "container";
const NEW: &str = "demo/hello:1.2.0";
const OLD: &str = "demo/hello:1.0.0";
const BANNED: &str = "demo/banned:1.0.0";

/// Cold, by platform, from a registry by its name, from the cache without registries, and with
/// `--offline`.
fn installs(name: &str) {
    let Some(mut images) = Images::new() else { return };
    let Some(client) = Driver::find(name, &images) else { return };
    let layer = images.new.layer_path();
    client.pull(&images, NEW, None).succeeded();
    client.pull(&images, NEW, Some("linux/arm64")).succeeded();
    assert_eq!(images.front.count(&layer), 1, "the repository's token was there by then");
    assert_eq!(images.tokens.count(), 1);

    client.pull(&images, &format!("plain/{OLD}"), None).succeeded();
    assert!(!images.open.requests().is_empty());
    assert!(images.open.requests().iter().all(|seen| seen.header("authorization").is_none()));

    images.stop_upstreams();
    client.pull(&images, NEW, None).succeeded();
    images.offline();
    client.pull(&images, NEW, None).succeeded();
    client.pull(&images, NEW, Some("linux/arm64")).succeeded();
    client.pull(&images, &format!("plain/{OLD}"), None).succeeded();
}

/// A layer that is not what its manifest promises reaches no client and no cache.
fn corrupted(name: &str) {
    let Some(images) = Images::new() else { return };
    let Some(client) = Driver::find(name, &images) else { return };
    let (path, layer) = (images.new.layer_path(), images.new.layer());
    let hex = layer.digest.trim_start_matches("sha256:");
    images.front.put(&path, Answer::ok(layer.bytes.clone()).corrupted());
    client.pull(&images, NEW, None).failed();
    assert!(!images.stores(hex));

    images.front.remove(&path);
    client.pull(&images, NEW, None).succeeded();
    assert!(images.stores(hex));
}

/// What the terminal shows: the newest tag is too young, an older one passes, and a repository is
/// withheld as a whole.
fn refusals(name: &str) -> Option<String> {
    let mut images = Images::new()?;
    let client = Driver::find(name, &images)?;
    client.pull(&images, NEW, None).succeeded();
    images.strict();
    let young = client.pull(&images, NEW, None).failed();
    let older = client.pull(&images, OLD, None).succeeded();
    let banned = client.pull(&images, BANNED, None).failed();
    Some(shown(name, vec![("young", young), ("older", older), ("whole", banned)]))
}

/// The lines about refusals, without what differs from run to run.
fn shown(client: &str, runs: Vec<(&str, Output)>) -> String {
    let runs: Vec<_> = runs
        .into_iter()
        .map(|(title, output)| (title, Output { text: redacted(&output.text), ..output }))
        .collect();
    harness::shown(client, &runs, &["withheld", "403", "denied"])
}

/// Without digests, the time before a line, and the details behind a sentence.
fn redacted(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = match line.strip_prefix("time=\"").and_then(|rest| rest.split_once("\" ")) {
            Some((_, rest)) => rest,
            None => line,
        };
        let line = line.split(" map[").next().unwrap_or_default();
        let mut parts = line.split("sha256:");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| {
            text + "sha256:DIGEST" + part.trim_start_matches(|c: char| c.is_ascii_hexdigit())
        })
    });
    lines.collect::<Vec<_>>().join("\n")
}

harness::for_each_client! {
    skopeo "skopeo" r#"
    young:
    level=fatal msg="copying image 1/2 from manifest list: determining manifest MIME type for docker://127.0.0.1:PORT/demo/hello:1.2.0: reading manifest sha256:DIGEST in 127.0.0.1:PORT/demo/hello: denied: demo/hello 1.2.0 withheld by cooldown (10 days) until DATE"
    older:
    (nothing)
    whole:
    level=fatal msg="initializing source docker://127.0.0.1:PORT/demo/banned:1.0.0: reading manifest 1.0.0 in 127.0.0.1:PORT/demo/banned: denied: demo/banned 1.0.0 withheld by rule no-banned: its author's account was stolen"
    "#;
    podman "podman" r#"
    young:
    Error: copying system image from manifest list: determining manifest MIME type for docker://127.0.0.1:PORT/demo/hello:1.2.0: reading manifest sha256:DIGEST in 127.0.0.1:PORT/demo/hello: denied: demo/hello 1.2.0 withheld by cooldown (10 days) until DATE
    older:
    (nothing)
    whole:
    Error: initializing source docker://127.0.0.1:PORT/demo/banned:1.0.0: reading manifest 1.0.0 in 127.0.0.1:PORT/demo/banned: denied: demo/banned 1.0.0 withheld by rule no-banned: its author's account was stolen
    "#;
    buildah "buildah" r#"
    young:
    Error: copying system image from manifest list: determining manifest MIME type for docker://127.0.0.1:PORT/demo/hello:1.2.0: reading manifest sha256:DIGEST in 127.0.0.1:PORT/demo/hello: denied: demo/hello 1.2.0 withheld by cooldown (10 days) until DATE
    older:
    (nothing)
    whole:
    Error: initializing source docker://127.0.0.1:PORT/demo/banned:1.0.0: reading manifest 1.0.0 in 127.0.0.1:PORT/demo/banned: denied: demo/banned 1.0.0 withheld by rule no-banned: its author's account was stolen
    "#;
    crane "crane" r#"
    young:
    Error: GET http://127.0.0.1:PORT/v2/demo/hello/manifests/sha256:DIGEST: DENIED: demo/hello 1.2.0 withheld by cooldown (10 days) until DATE;
    older:
    (nothing)
    whole:
    Error: GET http://127.0.0.1:PORT/v2/demo/banned/manifests/1.0.0: DENIED: demo/banned 1.0.0 withheld by rule no-banned: its author's account was stolen;
    "#;
    docker "docker" r#"
    young:
    pull access denied for 127.0.0.1:PORT/demo/hello, repository does not exist or may require 'docker login': denied: demo/hello 1.2.0 withheld by cooldown (10 days) until DATE
    older:
    (nothing)
    whole:
    Error response from daemon: pull access denied for 127.0.0.1:PORT/demo/banned, repository does not exist or may require 'docker login': denied: demo/banned 1.0.0 withheld by rule no-banned: its author's account was stolen
    "#;
    ctr "ctr" r#"
    young:
    ctr: failed to copy: httpReadSeeker: failed open: unexpected status code http://127.0.0.1:PORT/v2/demo/hello/manifests/sha256:DIGEST: 403 demo/hello 1.2.0 withheld by cooldown (10 days) until DATE - Server message: denied: demo/hello 1.2.0 withheld by cooldown (10 days) until DATE
    older:
    (nothing)
    whole:
    ctr: failed to resolve reference "127.0.0.1:PORT/demo/banned:1.0.0": pulling from host 127.0.0.1:PORT failed with status code [manifests 1.0.0]: 403 demo/banned 1.0.0 withheld by rule no-banned: its author's account was stolen
    "#;
}

#[test]
fn containerd_asks_a_mirror_for_the_registry_that_it_means() {
    let Some(images) = Images::new() else { return };
    let Some(ctr) = Driver::find("ctr", &images) else { return };
    let registry = images.open.address().to_string();
    let hosts = images.mirrors(&registry);
    let name = format!("{registry}/{NEW}");
    ctr.pull_from(&images, &name, None, &["--hosts-dir", &hosts]).succeeded();
    assert_eq!(images.open.count(&images.new.layer_path()), 1);
    assert!(images.front.requests().is_empty(), "the mount was chosen by its registry's name");
}

#[test]
fn withdrawn_tokens_are_replaced_and_a_wrong_password_is_said() {
    let Some(mut images) = Images::new() else { return };
    let Some(crane) = Driver::find("crane", &images) else { return };
    crane.pull(&images, NEW, None).succeeded();
    images.tokens.withdraw();
    crane.pull(&images, OLD, None).succeeded();
    assert_eq!(images.tokens.count(), 2);

    images.lose_password();
    let refused = crane.pull(&images, BANNED, None).failed();
    assert!(refused.text.contains("token service answered 401"), "{}", refused.text);
    crane.pull(&images, OLD, None).succeeded();
}

#[test]
fn what_a_registry_grants_stands_on_the_page_of_metrics() {
    let Some(images) = Images::new() else { return };
    let Some(crane) = Driver::find("crane", &images) else { return };
    let limits = Answer::status(429, "slow down")
        .header("ratelimit-limit", "100;w=21600")
        .header("ratelimit-remaining", "0;w=21600")
        .header("retry-after", "600");
    images.front.put("v2/demo/banned/manifests/1.0.0", limits);
    crane.pull(&images, NEW, None).succeeded();
    let limited = crane.run(&images, &["manifest", "--insecure", &images.name(BANNED)]).failed();
    assert!(limited.text.contains("429"), "{}", limited.text);
    assert!(images.gateway().log().contains("rate limit is nearly used up"));
    if let Some(curl) = Driver::find("curl", &images) {
        let page = format!("{}/metrics", images.gateway().url());
        let page = curl.run(&images, &["--fail", "--silent", &page]).succeeded().text;
        for line in ["limit{ecosystem=\"container\",mount=\"container\"} 100", "} 0"] {
            let is = |known: &str| {
                known.starts_with("proxy_upstream_ratelimit_") && known.contains(line)
            };
            assert!(page.lines().any(is), "{page}");
        }
    }
    crane.pull(&images, NEW, None).succeeded();
}

/// A chart is an image to a registry: pushed there, pulled through the gateway, refused by it.
#[test]
fn helm_pulls_charts() {
    let Some(mut images) = Images::new() else { return };
    let Some(helm) = Driver::find("helm", &images) else { return };
    let chart = "apiVersion: v2\nname: chart\nversion: 0.1.0\ndescription: a fixture\n";
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fixture}\n";
    let files = [("chart/Chart.yaml", chart), ("chart/templates/map.yaml", template)];
    let package = tgz(&files.map(|(path, text)| (path, text.as_bytes())));
    let file = images.folder().join("chart-0.1.0.tgz");
    std::fs::write(&file, package).unwrap();
    let registry = format!("oci://{}/charts", images.registry.address);
    helm.run(&images, &["push", &file.to_string_lossy(), &registry, "--plain-http"]).succeeded();

    let name = format!("oci://{}", images.name("charts/chart"));
    let pull = ["pull", &name, "--version", "0.1.0", "--plain-http"];
    let first = helm.run(&images, &pull).succeeded();
    let pulled = images.home().join("work/chart-0.1.0.tgz");
    let digest = first.text.lines().find_map(|line| line.strip_prefix("Digest: ")).unwrap();
    std::fs::remove_file(&pulled).unwrap();
    let by_digest = format!("{name}@{digest}");
    helm.run(&images, &["pull", &by_digest, "--plain-http"]).succeeded();
    let names = std::fs::read_dir(pulled.parent().unwrap()).unwrap().flatten();
    let charts = names.filter(|entry| entry.file_name().to_string_lossy().starts_with("chart"));
    assert_eq!(charts.count(), 1, "pulled by its digest");
    drop(std::fs::remove_file(&pulled));
    images.offline();
    helm.run(&images, &pull).succeeded();
    assert!(pulled.is_file());

    // The chart says that it was made when it was pushed.
    images.strict();
    let refused = helm.run(&images, &pull).failed();
    insta::assert_snapshot!(shown("helm", vec![("young", refused)]), @r#"
    young:
    Error: failed to perform "FetchReference" on source: GET "http://127.0.0.1:PORT/v2/charts/chart/manifests/0.1.0": response status code 403: denied: charts/chart 0.1.0 withheld by cooldown (10 days) until DATE:
    "#);
    proved(ECOSYSTEM, "helm", &[Proof::DownloadGated, Proof::Cooldown, Proof::Offline]);
}

/// Docker's engine keeps manifests beyond its images, and asks for what they list.
#[test]
fn what_docker_remembers_of_a_withheld_image_leads_to_no_layer() {
    let Some(mut images) = Images::new() else { return };
    let Some(docker) = Driver::find("docker", &images).map(Driver::keeping_manifests) else {
        return;
    };
    docker.pull(&images, NEW, None).succeeded();
    images.strict();
    let refused = docker.pull(&images, NEW, None).failed();
    assert!(refused.text.contains("withheld by cooldown (10 days)"), "{}", refused.text);
    docker.pull(&images, OLD, None).succeeded();
}

/// An index stays as it is: the platform that is denied says why, the others are pulled.
#[test]
fn one_platform_of_an_image_is_denied() {
    for name in ["docker", "podman", "crane", "ctr"] {
        let Some(mut images) = Images::new() else { return };
        let Some(client) = Driver::find(name, &images) else { continue };
        let digest = images.new.digest_for("arm64").to_owned();
        images.deny(&format!("pkg:oci/demo/hello@{digest}"));
        client.pull(&images, NEW, Some("linux/amd64")).succeeded();
        let refused = client.pull(&images, NEW, Some("linux/arm64")).failed();
        let said = "demo/hello 1.2.0 withheld by rule no-such: it does not start";
        assert!(refused.text.contains(said), "{name}: {}", refused.text);
    }
}

/// An image for two platforms of about sixteen megabytes, which do not compress.
#[test]
#[ignore = "measures"]
fn live_an_image_for_two_platforms_timed() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut text = String::new();
    while text.len() < 24 << 20 {
        // xorshift64, in base 64: deflate finds next to nothing.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.extend((0..10).map(|n| char::from(48 + (state >> (6 * n) & 63) as u8)));
    }
    for name in ["docker", "podman", "crane"] {
        let Some(mut images) = Images::new() else { return };
        let Some(client) = Driver::find(name, &images) else { continue };
        let layouts = images.folder().join("layouts");
        let large = registry::Published::large("demo/large", "1", &text);
        images.registry.publish(&layouts, &large);
        for phase in ["cold", "warm", "offline"] {
            if phase == "offline" {
                images.stop_upstreams();
                images.offline();
            }
            for platform in ["linux/amd64", "linux/arm64"] {
                let started = std::time::Instant::now();
                client.pull(&images, "demo/large:1", Some(platform)).succeeded();
                println!("{name}, {phase}, {platform}: {:.2} s", started.elapsed().as_secs_f64());
            }
        }
    }
}
