//! The gateway with its store in a bucket, on a server of another implementation than the one in
//! the store's own tests.

use weir_core::{Algorithm, Digest};
use weir_testkit::Random;
use weir_testkit::origin::{Answer, tgz};

use super::harness::{Bucket, World};
use super::javascript::{Driver, clear, has_installed};

/// More than one part of an upload, in bytes.
const LARGE: usize = 20 << 20;

/// Puts a package with a file of [`LARGE`] bytes, which no compression makes smaller, into the registry.
/// Returns its tarball.
fn put_large(world: &World) -> Vec<u8> {
    let mut random = Random::new(1);
    let noise: Vec<u8> = (0..LARGE / 8).flat_map(|_| random.number().to_le_bytes()).collect();
    let manifest = br#"{"name": "large", "version": "1.0.0", "license": "MIT"}"#;
    let tarball = tgz(&[("package/package.json", manifest), ("package/noise", &noise)]);
    let path = "large/-/large-1.0.0.tgz";
    let packument = serde_json::json!({
        "name": "large",
        "dist-tags": { "latest": "1.0.0" },
        "versions": { "1.0.0": { "name": "large", "version": "1.0.0", "dist": {
            "tarball": format!("{}/{path}", world.npm.url()),
            "integrity": Digest::of(Algorithm::Sha512, &tarball).sri(),
        } } },
    });
    world.npm.put("large", Answer::json(&packument));
    world.npm.put(path, Answer::ok(tarball.clone()).media("application/octet-stream"));
    tarball
}

#[test]
fn npm_installs_cold_warm_after_a_restart_and_offline() {
    let (Some(npm), Some(bucket)) = (Driver::find("npm-11"), Bucket::start()) else { return };
    let mut world = World::with(bucket.settings());
    npm.begin(&world, "demo", "^1.0.0");
    npm.install(&world).succeeded();
    has_installed(&world, super::harness::NEW);
    let tarball = world.newest(".tgz").path.clone();
    assert_eq!(world.npm.count(&tarball), 1);
    let stored = format!("PUT /bucket/some/folder/npm/demo/{}/", super::harness::NEW);
    assert!(bucket.log().contains(&stored), "{}", bucket.log());
    assert!(!world.stores("demo-1.2.0.tgz"), "the file is in the data folder");

    clear(&world);
    npm.frozen(&world).succeeded();

    world.restart();
    clear(&world);
    npm.frozen(&world).succeeded();
    has_installed(&world, super::harness::NEW);
    let read = format!("GET /bucket/some/folder/npm/demo/{}/", super::harness::NEW);
    assert!(bucket.log().contains(&read), "{}", bucket.log());

    world.stop_upstreams();
    world.offline();
    npm.begin(&world, "demo", "^1.0.0");
    npm.install(&world).succeeded();
    has_installed(&world, super::harness::NEW);
    assert_eq!(world.npm.count(&tarball), 1);
}

#[test]
fn a_large_file_goes_up_in_parts_and_comes_back_whole_and_by_range() {
    let (Some(npm), Some(bucket)) = (Driver::find("npm-11"), Bucket::start()) else { return };
    let mut world = World::with(bucket.settings());
    let tarball = put_large(&world);
    npm.begin(&world, "large", "1.0.0");
    npm.install(&world).succeeded();
    let log = bucket.log();
    let begins = log.lines().filter(|line| line.contains("?uploads")).count();
    let parts = log.lines().filter(|line| line.contains("partNumber=")).count();
    assert_eq!((begins, parts), (1, tarball.len().div_ceil(8 << 20)), "{log}");

    world.stop_upstreams();
    world.restart();
    let sha256 = |bytes: &[u8]| Digest::of(Algorithm::Sha256, bytes).hex();
    let whole = served(&npm, &world, "");
    assert_eq!(whole, format!("200 {} {}", tarball.len(), sha256(&tarball)));
    let part = served(&npm, &world, "bytes=8388600-8388620");
    assert_eq!(part, format!("206 21 {}", sha256(&tarball[8_388_600..8_388_621])));
    let tail = served(&npm, &world, "bytes=-1000000");
    assert_eq!(tail, format!("206 1000000 {}", sha256(&tarball[tarball.len() - 1_000_000..])));

    clear(&world);
    npm.frozen(&world).succeeded();
}

/// Status, length and SHA-256 of what the gateway answers for the large file.
fn served(npm: &Driver, world: &World, range: &str) -> String {
    let headers =
        if range.is_empty() { "{}".to_owned() } else { format!("{{ range: '{range}' }}") };
    let script = format!(
        "fetch('{}/npm/large/-/large-1.0.0.tgz', {{ headers: {headers} }}).then(async answer => {{\n\
         const bytes = Buffer.from(await answer.arrayBuffer());\n\
         const sha256 = require('crypto').createHash('sha256').update(bytes).digest('hex');\n\
         console.log(answer.status, bytes.length, sha256);\n}})",
        world.url()
    );
    npm.node(world, &script).succeeded().text.trim().to_owned()
}

#[test]
fn a_wrong_secret_is_said_by_health_and_nothing_is_served_unstored() {
    let (Some(npm), Some(bucket)) = (Driver::find("npm-11"), Bucket::start()) else { return };
    let mut settings = bucket.settings();
    settings.env[1].1.push('x');
    let world = World::with(settings);
    let script = format!("fetch('{}/health').then(r => r.text()).then(console.log)", world.url());
    let health = npm.node(&world, &script).succeeded().text;
    let says = "storage: no permission for s3://bucket/some/folder/.weir-health";
    assert!(health.contains(says), "{health}");
    npm.begin(&world, "demo", "^1.0.0");
    npm.install(&world).failed();
}
