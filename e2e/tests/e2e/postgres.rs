//! The gateway with its catalogue on PostgreSQL, which is reached with TLS and an authority of one's own.

use super::harness::{Authority, NEW, Postgres, Settings, World};
use super::javascript::{Driver, clear, has_installed};

/// A server, and a folder with the certificates of its authority and of another one.
fn server() -> Option<(Postgres, tempfile::TempDir)> {
    let authority = Authority::new("ours");
    let folder = tempfile::tempdir().unwrap();
    authority.write(&folder.path().join("ours.pem"));
    Authority::new("theirs").write(&folder.path().join("theirs.pem"));
    Some((Postgres::start(&authority)?, folder))
}

#[test]
fn npm_installs_cold_and_warm_with_a_catalogue_behind_verified_tls() {
    let (Some(npm), Some((postgres, folder))) = (Driver::find("npm-11"), server()) else { return };
    let authority = folder.path().join("ours.pem");
    let verified = format!("sslmode=verify-full&sslrootcert={}", authority.display());
    let url = postgres.url("localhost", &verified);
    let config = format!("[database]\nurl = {url:?}\n");
    let mut world = World::with(Settings { config, ..Settings::default() });
    npm.begin(&world, "demo", "^1.0.0");
    npm.install(&world).succeeded();
    has_installed(&world, NEW);
    assert!(!world.stores("weir.db"), "the catalogue is in the data folder");

    world.stop_upstreams();
    world.restart();
    clear(&world);
    npm.frozen(&world).succeeded();
    has_installed(&world, NEW);
    world.offline();
    let stats = world.weir(&["stats", "--json", "--database-url", &url]).succeeded();
    let stats: serde_json::Value = serde_json::from_str(&stats.text).unwrap();
    assert_eq!(stats["artifacts"], 2, "{stats}");
}

#[test]
fn a_server_of_another_authority_or_name_gets_no_query() {
    let Some((postgres, folder)) = server() else { return };
    let world = World::new();
    let stats = |host: &str, mode: &str, authority: &str| {
        let authority = folder.path().join(authority);
        let parameters = format!("sslmode={mode}&sslrootcert={}", authority.display());
        world.weir(&["stats", "--database-url", &postgres.url(host, &parameters)])
    };
    stats("localhost", "verify-full", "ours.pem").succeeded();
    stats("127.0.0.1", "verify-ca", "ours.pem").succeeded();
    stats("127.0.0.1", "prefer", "theirs.pem").succeeded();
    for (host, mode, authority, says) in [
        ("localhost", "verify-full", "theirs.pem", "UnknownIssuer"),
        ("localhost", "verify-ca", "theirs.pem", "UnknownIssuer"),
        ("127.0.0.1", "verify-full", "ours.pem", "not valid for name"),
        ("localhost", "verify-full", "none.pem", "check the files that database.url names"),
        ("localhost", "disable", "ours.pem", "no encryption"),
    ] {
        let refused = stats(host, mode, authority).failed();
        assert!(refused.text.contains(says), "{mode} {authority}: {}", refused.text);
        assert!(!refused.text.contains("not-a-secret"), "{}", refused.text);
    }
}
