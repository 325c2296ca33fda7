//! TLS towards clients, with the operator's certificate. A renewed certificate is taken up while
//! the gateway runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use weir_config::Tls as Files;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// Reads the certificate, and goes on looking for a newer one as long as the runtime lives: every
/// minute, and when `look` says so.
pub(crate) fn acceptor(
    files: &Files,
    http2: bool,
    look: Arc<Notify>,
) -> anyhow::Result<TlsAcceptor> {
    let current = Arc::new(Current { key: ArcSwap::from_pointee(read(files)?) });
    tokio::spawn(renew(files.clone(), Arc::clone(&current), look));
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS")?
        .with_no_client_auth()
        .with_cert_resolver(current);
    config.alpn_protocols =
        if http2 { vec![b"h2".to_vec(), b"http/1.1".to_vec()] } else { vec![b"http/1.1".to_vec()] };
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The certificate that is shown to whoever connects now.
#[derive(Debug)]
struct Current {
    key: ArcSwap<CertifiedKey>,
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.key.load_full())
    }
}

fn read(files: &Files) -> anyhow::Result<CertifiedKey> {
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| expected("tls.certificate", "certificates", &files.certificate))?;
    anyhow::ensure!(
        !chain.is_empty(),
        "{}: none found",
        expected("tls.certificate", "certificates", &files.certificate)
    );
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .with_context(|| expected("tls.key", "a private key", &files.key))?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).with_context(|| {
        format!("tls.key: {} does not belong to tls.certificate", files.key.display())
    })
}

fn expected(key: &str, what: &str, file: &Path) -> String {
    format!("{key}: expected {what} in PEM form in {}", file.display())
}

async fn renew(files: Files, current: Arc<Current>, look: Arc<Notify>) {
    let mut seen = times(&files);
    loop {
        let asked = tokio::time::timeout(LOOK_EVERY, look.notified()).await.is_ok();
        let now = times(&files);
        if now == seen && !asked {
            continue;
        }
        match read(&files) {
            Ok(key) => {
                seen = now;
                current.key.store(Arc::new(key));
                tracing::info!("the renewed certificate is in use");
            }
            // Half of a renewal, most likely: looked at again in a minute.
            Err(error) => tracing::error!("the old certificate stays in use: {error:#}"),
        }
    }
}

/// When the two files were written last.
fn times(files: &Files) -> [Option<SystemTime>; 2] {
    let of = |path: &PathBuf| std::fs::metadata(path).and_then(|data| data.modified()).ok();
    [of(&files.certificate), of(&files.key)]
}
