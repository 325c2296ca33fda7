//! The access log, and TLS towards clients.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use rustls::pki_types::ServerName;

use crate::home::{Home, registry};

#[test]
fn each_request_is_one_line_with_what_was_asked_and_what_came_of_it() {
    let (home, origin) = (Home::new(), registry());
    let serving = home.serve_with(&origin.url(), "[access_log]\npath = \"access.log\"\n");
    let length = serving.download("/npm/lodash/-/lodash-4.17.21.tgz?x=1");
    serving.get("/npm/left-pad/-/left-pad-1.0.0.tgz").unwrap();
    serving.get("/nothing/here").unwrap();
    serving.stop();
    let log = home.read("project/access.log");
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let find = |start: &str| {
        lines.iter().find(|line| line["target"].as_str().unwrap().starts_with(start)).unwrap()
    };
    let download = find("/npm/lodash");
    assert_eq!(download["target"], "/npm/lodash/-/lodash-4.17.21.tgz?x=1");
    assert_eq!((&download["status"], &download["method"]), (&200.into(), &"GET".into()));
    assert_eq!(download["bytes"], length);
    assert_eq!(download["purl"], "pkg:npm/lodash@4.17.21");
    assert_eq!((&download["outcome"], &download["client"]), (&"miss".into(), &"127.0.0.1".into()));
    let refused = find("/npm/left-pad");
    assert_eq!((&refused["status"], &refused["outcome"]), (&403.into(), &"refused".into()));
    assert_eq!(refused["code"], "blocked_by_policies");
    let nowhere = find("/nothing");
    assert_eq!((&nowhere["status"], nowhere.get("outcome")), (&404.into(), None));
}

#[test]
fn with_a_certificate_clients_are_spoken_to_in_https_and_links_say_so() {
    let (home, origin) = (Home::new(), registry());
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    home.write("project/tls.crt", &made.cert.pem());
    home.write("project/tls.key", &made.signing_key.serialize_pem());
    let tls = "[tls]\ncertificate = \"tls.crt\"\nkey = \"tls.key\"\n";
    let serving = home.serve_with(&origin.url(), tls);

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = std::net::TcpStream::connect(&serving.listen).unwrap();
    let mut stream = rustls::StreamOwned::new(client, socket);
    stream
        .write_all(b"GET /npm/lodash HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"https://localhost/npm/lodash/-/lodash-4.17.21.tgz\""), "{answer}");
    assert_eq!(stream.conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
}

#[test]
fn a_certificate_that_cannot_be_used_is_named_and_nothing_starts() {
    let home = Home::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    home.write("project/tls.crt", &made.cert.pem());
    home.write("project/other.key", &other.signing_key.serialize_pem());
    home.write("project/empty.crt", "");
    for (lines, expected) in [
        ("certificate = \"tls.crt\"", "weir.toml:3: tls.certificate: needs tls.key beside it"),
        (
            "certificate = \"tls.crt\"\nkey = \"other.key\"",
            "tls.key: ~/project/other.key does not belong to tls.certificate",
        ),
        (
            "certificate = \"empty.crt\"\nkey = \"other.key\"",
            "tls.certificate: expected certificates in PEM form in ~/project/empty.crt: none found",
        ),
        (
            "certificate = \"missing.crt\"\nkey = \"other.key\"",
            "tls.certificate: expected certificates in PEM form in ~/project/missing.crt",
        ),
    ] {
        home.write("project/weir.toml", &format!("listen = \"127.0.0.1:0\"\n[tls]\n{lines}\n"));
        let said = home.weir(&["serve"]);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains(expected), "{expected}: {said:?}");
    }
}
