//! TLS towards clients.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use crate::home::{Home, Serving, registry, until};

const TLS: &str = "[tls]\ncertificate = \"tls.crt\"\nkey = \"tls.key\"\n";

/// Writes a new certificate for `localhost` and its key.
fn certify(home: &Home) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    home.write("project/tls.crt", &made.cert.pem());
    home.write("project/tls.key", &made.signing_key.serialize_pem());
    made.cert.der().clone()
}

/// A client that believes whatever is shown, to see what is shown.
#[derive(Debug)]
struct Credulous(Arc<CryptoProvider>);

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A connection of a client that knows HTTP/2, after its handshake.
fn connect(serving: &Serving) -> StreamOwned<ClientConnection, TcpStream> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Credulous(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = TcpStream::connect(&serving.listen).unwrap();
    while client.is_handshaking() {
        client.complete_io(&mut socket).unwrap();
    }
    StreamOwned::new(client, socket)
}

#[test]
fn with_a_certificate_clients_are_spoken_to_in_https_and_links_say_so() {
    let (home, origin) = (Home::new(), registry());
    let certificate = certify(&home);
    let serving = home.serve_with(&origin.url(), TLS);
    let mut stream = connect(&serving);
    assert_eq!(stream.conn.peer_certificates().unwrap(), [certificate]);
    assert_eq!(stream.conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
    stream
        .write_all(b"GET /npm/lodash HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"https://localhost/npm/lodash/-/lodash-4.17.21.tgz\""), "{answer}");
}

#[test]
fn http_2_is_agreed_on_where_it_is_switched_on() {
    let (home, origin) = (Home::new(), registry());
    certify(&home);
    let serving = home.serve_with(&origin.url(), &format!("http2 = true\n{TLS}"));
    assert_eq!(connect(&serving).conn.alpn_protocol(), Some(b"h2".as_slice()));
}

#[test]
fn a_renewed_certificate_is_shown_after_a_signal_and_half_a_renewal_is_not() {
    let (home, origin) = (Home::new(), registry());
    let old = certify(&home);
    let serving = home.serve_with(&origin.url(), TLS);
    let shown = || connect(&serving).conn.peer_certificates().unwrap()[0].clone();
    assert_eq!(shown(), old);
    let new = certify(&home);
    home.write("project/tls.key", "half of a key");
    serving.hang_up();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(shown(), old);
    let newest = certify(&home);
    serving.hang_up();
    until("the old certificate is still shown", || shown() == newest);
    assert_ne!(new, newest);
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
