//! Redirects, and who gets the credentials.

use std::net::IpAddr;

use url::Url;

use super::server::{Reply, Server, reply, serve, serve_at, text};
use super::{client, get, origin, quick};
use crate::{Ask, Credentials, Method, Origin, Secret, Settings, UpstreamError, Whither};

const X: Whither<'static> = Whither::Path("x");

fn to(location: &str) -> Reply {
    reply(302, &[("location", location)], "")
}

/// Settings under which these names have these addresses.
fn with_hosts(hosts: &[(&str, &str)]) -> Settings {
    let entry =
        |(name, ip): &(&str, &str)| ((*name).to_owned(), vec![ip.parse::<IpAddr>().unwrap()]);
    Settings { hosts: hosts.iter().map(entry).collect(), ..quick() }
}

fn secretive(base: &str) -> Origin {
    origin(base).with_credentials(Some(Credentials::Bearer(Secret::new("s3cret"))))
}

async fn ask_with_header(settings: Settings, origin: &Origin) -> Result<Url, UpstreamError> {
    let mut ask = Ask::get(X);
    ask.headers.insert("x-own", "1".parse().unwrap());
    client(settings).document(origin, ask).await.map(|document| document.url)
}

#[tokio::test]
async fn redirects_on_the_own_host_keep_credentials() {
    let server = serve(|n, _| if n == 0 { to("/y%2fz?q=1#f") } else { text("ok") }).await;
    let url = ask_with_header(quick(), &secretive(&server.url())).await.unwrap();
    assert_eq!(url.as_str(), format!("{}/y%2fz?q=1", server.url()));
    let seen = server.seen();
    assert_eq!(seen[1].target, "/y%2fz?q=1");
    for request in seen {
        assert_eq!(request.header("authorization"), Some("Bearer s3cret"));
        assert_eq!(request.header("x-own"), Some("1"));
    }
}

fn assert_nothing_leaked(server: &Server) {
    assert!(!server.seen().is_empty());
    for request in server.seen() {
        assert_eq!(request.header("authorization"), None);
        assert_eq!(request.header("x-own"), None);
    }
}

#[tokio::test]
async fn credentials_stay_with_scheme_host_and_port() {
    let files = serve(|_, _| text("ok")).await;
    let elsewhere = files.url();
    let server = serve(move |_, _| to(&elsewhere)).await;
    ask_with_header(quick(), &secretive(&server.url())).await.unwrap();
    assert_eq!(server.seen()[0].header("authorization"), Some("Bearer s3cret"));
    assert_nothing_leaked(&files);
}

#[tokio::test]
async fn links_to_other_ports_get_no_credentials() {
    let files = serve(|_, _| text("ok")).await;
    let link = Url::parse(&format!("http://u:p@{}/a", files.address)).unwrap();
    let origin = secretive("http://127.0.0.1:9/");
    client(quick()).document(&origin, Ask::get(Whither::Url(&link))).await.unwrap();
    assert_nothing_leaked(&files);
}

#[tokio::test]
async fn redirects_into_the_network_are_refused() {
    let inside = serve_at("127.0.0.2", None, |_, _| text("secret")).await;
    let port = inside.port();
    let settings =
        || with_hosts(&[("registry.example", "127.0.0.1"), ("evil.example", "127.0.0.2")]);
    for location in [
        format!("https://evil.example:{port}/"),
        format!("https://127.0.0.2:{port}/"),
        format!("https://[::ffff:127.0.0.2]:{port}/"),
        format!("https://0x7f000002:{port}/"),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://[::1]/".to_owned(),
        "https://[fd00::1]/".to_owned(),
    ] {
        let answer = location.clone();
        let server = serve(move |_, _| to(&answer)).await;
        let base = format!("http://registry.example:{}", server.port());
        let error = get(settings(), &base, "x").await.unwrap_err();
        assert!(matches!(error, UpstreamError::Refused { .. }), "{location}: {error}");
        assert!(!error.is_transient());
    }
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn an_origin_that_nobody_wrote_must_be_public() {
    let server = serve(|_, _| text("ok")).await;
    for base in [server.url(), format!("http://registry.example:{}", server.port())] {
        let origin = Origin::parse(&base).unwrap();
        let settings = with_hosts(&[("registry.example", "127.0.0.1")]);
        let error = client(settings).document(&origin, Ask::get(X)).await.unwrap_err();
        assert!(matches!(error, UpstreamError::Refused { .. }), "{error}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn hosts_at_the_address_of_a_mirror_are_reached() {
    let server = serve(|_, _| text("ok")).await;
    let settings =
        with_hosts(&[("mirror.example", "127.0.0.1"), ("built-in.example", "127.0.0.1")]);
    let client = client(settings);
    client.trust(&origin("http://mirror.example"));
    let built_in = format!("http://built-in.example:{}", server.port());
    let origin = Origin::parse(&built_in).unwrap();
    assert_eq!(client.document(&origin, Ask::get(X)).await.unwrap().body, "ok");
}

#[tokio::test]
async fn the_rules_for_hosts_hold_for_redirects() {
    for location in ["http://other.example/", "ftp://127.0.0.1/", "http://", "file:///etc/passwd"] {
        let server = serve(move |_, _| to(location)).await;
        let error = get(quick(), &server.url(), "x").await.unwrap_err();
        assert!(matches!(error, UpstreamError::Redirect { .. }), "{location}: {error}");
    }
}

#[tokio::test]
async fn circles_and_dead_ends_are_errors() {
    let server = serve(|_, _| to("/x")).await;
    let error = get(Settings { max_redirects: 3, ..quick() }, &server.url(), "x").await;
    let error = error.unwrap_err().to_string();
    assert!(error.ends_with("expected at most 3 redirects"), "{error}");
    assert_eq!(server.seen().len(), 4);

    let server = serve(|_, _| reply(302, &[], "")).await;
    let error = get(quick(), &server.url(), "x").await.unwrap_err();
    assert!(matches!(error, UpstreamError::Redirect { .. }), "{error}");
}

#[tokio::test]
async fn a_post_follows_only_what_keeps_it_a_post_here() {
    let redirect = |status| {
        move |n, _: &_| {
            if n == 0 { reply(status, &[("location", "/y")], "") } else { text("ok") }
        }
    };
    let post = || Ask::post(X, "{}".into());
    let kept = serve(redirect(307)).await;
    client(quick()).document(&origin(&kept.url()), post()).await.unwrap();
    assert_eq!(kept.seen()[1].method, "POST");
    assert_eq!(post().method, Method::Post);

    let lost = serve(redirect(302)).await;
    let error = client(quick()).document(&origin(&lost.url()), post()).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Redirect { .. }), "{error}");
}
