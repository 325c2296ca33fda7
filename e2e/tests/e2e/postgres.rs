//! The gateway with its catalogue on PostgreSQL, which is reached with TLS and an authority of one's own.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

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

/// Status and head of an answer of the gateway.
fn get(world: &World, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", world.gateway().port)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let head = String::from_utf8_lossy(&answer).split("\r\n\r\n").next().unwrap().to_owned();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_lowercase())
}

#[test]
fn while_the_server_is_away_what_is_kept_is_served_and_afterwards_everything_is() {
    let Some((mut postgres, _folder)) = server() else { return };
    let url = postgres.url("localhost", "sslmode=require");
    let config = format!("[database]\nurl = {url:?}\n");
    let mut world = World::with(Settings { config, ..Settings::default() });
    let file = |version: &str| format!("/npm/demo/-/demo-{version}.tgz");
    let (listing, kept, other) = ("/npm/demo", &*file("1.0.0"), &*file(NEW));
    assert_eq!([get(&world, listing).0, get(&world, kept).0], [200, 200]);
    for _ in 0..2 {
        postgres.stop();
        for _ in 0..5 {
            assert_eq!([get(&world, listing).0, get(&world, kept).0], [200, 200]);
        }
        let misses = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..12).map(|_| scope.spawn(|| get(&world, other))).collect();
            asking.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
        });
        for (status, head) in &misses {
            assert!(*status == 503 && head.contains("retry-after:"), "{head}");
        }
        assert_eq!(get(&world, "/health/ready").0, 503);
        postgres.start_again();
        assert_eq!(get(&world, "/npm/banned").0, 200, "it is used again at once");
        assert_eq!(get(&world, "/health/ready").0, 200);
    }
    let all = [listing, kept, other];
    assert_eq!(all.map(|path| get(&world, path).0), [200, 200, 200]);
    world.stop_upstreams();
    world.offline();
    assert_eq!(all.map(|path| get(&world, path).0), [200, 200, 200], "nothing was lost");
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
