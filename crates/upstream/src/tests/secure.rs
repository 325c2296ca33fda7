//! TLS: authorities, protocol versions and names.

use std::io::Write as _;
use std::sync::Arc;

use http::Version;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use tempfile::NamedTempFile;
use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::server::{Server, head, reply, script, serve, serve_at, text};
use super::{client, get, quick};
use crate::{Ask, Client, ProxySettings, Settings, UpstreamError, Whither};

/// A certificate authority in a file, and a server certificate by it.
struct Authority {
    file: NamedTempFile,
    acceptor: TlsAcceptor,
}

fn authority(names: &[&str], protocols: &[&str]) -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(issuer.pem().as_bytes()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Authority { file, acceptor: TlsAcceptor::from(Arc::new(config)) }
}

impl Authority {
    async fn server(&self) -> Server {
        serve_at("127.0.0.1", Some(self.acceptor.clone()), |_, _| text("ok")).await
    }

    fn settings(&self) -> Settings {
        Settings { extra_ca_files: vec![self.file.path().to_owned()], ..quick() }
    }
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_it_is_named() {
    let authority = authority(&["127.0.0.1"], &["h2", "http/1.1"]);
    let server = authority.server().await;
    let base = format!("https://{}", server.address);
    let document = get(authority.settings(), &base, "x").await.unwrap();
    assert_eq!(document.body, "ok");
    assert_eq!(server.seen()[0].version, Version::HTTP_2);

    let error = get(quick(), &base, "x").await.unwrap_err();
    assert!(matches!(error, UpstreamError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn bodies_that_nobody_reads_hold_up_no_others() {
    let authority = authority(&["127.0.0.1"], &["h2"]);
    let large = |_: usize, _: &_| reply(200, &[], vec![0; 8 << 20]);
    let server = serve_at("127.0.0.1", Some(authority.acceptor.clone()), large).await;
    let settings = Settings { max_connections_per_host: 5, ..authority.settings() };
    let (client, origin) =
        (client(settings), super::origin(&format!("https://{}", server.address)));
    let ask = || Ask::get(Whither::Path("x"));
    let mut idle = Vec::new();
    for _ in 0..4 {
        idle.push(client.stream(&origin, ask()).await.unwrap());
    }
    let document = client.document(&origin, ask()).await.unwrap();
    assert_eq!((document.body.len(), server.connections()), (8 << 20, 1));
}

#[tokio::test]
async fn http_1_is_spoken_where_http_2_is_not() {
    let authority = authority(&["127.0.0.1"], &["http/1.1"]);
    let server = authority.server().await;
    get(authority.settings(), &format!("https://{}", server.address), "x").await.unwrap();
    assert_eq!(server.seen()[0].version, Version::HTTP_11);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = authority(&["other.example"], &["h2"]);
    let server = authority.server().await;
    let base = format!("https://{}", server.address);
    let error = get(authority.settings(), &base, "x").await.unwrap_err();
    assert!(matches!(error, UpstreamError::Tls { .. }), "{error:?}");
    assert!(server.seen().is_empty());
}

#[test]
fn a_file_without_certificates_is_a_setup_error() {
    let file = NamedTempFile::new().unwrap();
    let absent = file.path().with_extension("absent");
    for path in [file.path().to_owned(), absent] {
        let settings = Settings { extra_ca_files: vec![path], ..quick() };
        assert!(matches!(Client::new(settings), Err(UpstreamError::Setup(_))));
    }
}

/// A proxy that answers CONNECT with a tunnel to one server, whatever the name.
async fn tunnel(
    to: &Server,
    answer: &'static str,
) -> (Server, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let (heads, seen) = tokio::sync::mpsc::unbounded_channel();
    let to = to.address;
    let proxy = script(move |_, mut stream| {
        let heads = heads.clone();
        async move {
            heads.send(head(&mut stream).await).unwrap();
            let _ = stream.write_all(answer.as_bytes()).await;
            if answer.contains(" 200 ") {
                let mut target = TcpStream::connect(to).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut target).await;
            }
        }
    })
    .await;
    (proxy, seen)
}

fn through(proxy: &Server, no_proxy: Option<&str>) -> ProxySettings {
    let address = format!("http://user:pass@{}", proxy.address);
    ProxySettings {
        http: Some(address.clone()),
        https: Some(address),
        no_proxy: no_proxy.map(str::to_owned),
    }
}

#[tokio::test]
async fn https_goes_through_a_tunnel_and_the_proxy_resolves_the_name() {
    let authority = authority(&["registry.example"], &["h2", "http/1.1"]);
    let server = authority.server().await;
    let (proxy, mut heads) = tunnel(&server, "HTTP/1.1 200 Connection established\r\n\r\n").await;
    let settings = Settings { proxy: through(&proxy, None), ..authority.settings() };
    let document = get(settings, "https://registry.example", "a%2fb").await.unwrap();
    assert_eq!(document.body, "ok");
    let connect = heads.recv().await.unwrap();
    assert!(connect.starts_with("CONNECT registry.example:443 HTTP/1.1\r\n"), "{connect}");
    assert!(connect.contains("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"), "{connect}");
    let seen = server.seen().remove(0);
    assert_eq!(seen.version, Version::HTTP_2);
    assert!(seen.header("proxy-authorization").is_none(), "the registry does not see it");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_a_connect_error() {
    let server = serve(|_, _| text("ok")).await;
    let (proxy, _heads) = tunnel(&server, "HTTP/1.1 407 Who are you\r\n\r\n").await;
    let settings = Settings { proxy: through(&proxy, None), ..quick() };
    let error = get(settings, "https://registry.example", "x").await.unwrap_err();
    assert!(matches!(error, UpstreamError::Connect { .. }), "{error:?}");
    assert!(!error.to_string().contains("pass@"), "{error}");
}

#[tokio::test]
async fn http_is_relayed_with_the_whole_address() {
    let proxy = serve(|_, _| text("relayed")).await;
    let settings = Settings { proxy: through(&proxy, None), ..quick() };
    let document = get(settings, "http://registry.example/npm", "a%2fb").await.unwrap();
    assert_eq!(document.body, "relayed");
    let seen = proxy.seen().remove(0);
    assert_eq!(seen.target, "http://registry.example/npm/a%2fb");
    assert_eq!(seen.header("host"), Some("registry.example"));
    assert_eq!(seen.header("proxy-authorization"), Some("Basic dXNlcjpwYXNz"));
}

#[tokio::test]
async fn some_hosts_are_reached_directly() {
    let proxy = serve(|_, _| text("relayed")).await;
    let server = serve(|_, _| text("direct")).await;
    for no_proxy in ["127.0.0.0/8", "x.example, 127.0.0.1", "*"] {
        let settings = Settings { proxy: through(&proxy, Some(no_proxy)), ..quick() };
        assert_eq!(get(settings, &server.url(), "x").await.unwrap().body, "direct");
    }
    assert_eq!(proxy.connections(), 0);
    assert!(server.seen()[0].header("proxy-authorization").is_none());
}

#[tokio::test]
async fn numbers_are_judged_in_front_of_a_proxy_too() {
    let proxy = serve(|_, _| text("relayed")).await;
    let settings = Settings { proxy: through(&proxy, None), ..quick() };
    let link = "http://169.254.169.254/".parse().unwrap();
    let mut origin = super::origin("http://registry.example");
    origin.redirect_hosts = Some(vec!["169.254.169.254".to_owned()]);
    let ask = Ask::get(Whither::Url(&link));
    let error = client(settings).document(&origin, ask).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Refused { .. }), "{error}");
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn a_proxy_that_cannot_be_used_is_a_setup_error_without_its_password() {
    for address in ["socks5://u:hidden@h:1080", "http://", "::", "ftp://u:hidden@h"] {
        let proxy = ProxySettings { https: Some(address.to_owned()), ..Default::default() };
        let error = Client::new(Settings { proxy, ..quick() }).unwrap_err().to_string();
        assert!(error.contains("proxy for https") && !error.contains("hidden"), "{error}");
    }
    let hidden = ProxySettings { http: Some("http://u:hidden@h".to_owned()), ..Default::default() };
    assert!(!format!("{hidden:?}").contains("hidden"));
}
