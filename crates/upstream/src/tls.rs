//! Certificate authorities and the TLS configuration.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::{Settings, UpstreamError};

/// The configuration for all connections: the system's authorities (`SSL_CERT_FILE` and
/// `SSL_CERT_DIR` are honoured by the loader) and those of the settings. The provider is passed
/// along, so that nothing depends on a process-wide default.
pub(crate) fn config(settings: &Settings) -> Result<ClientConfig, UpstreamError> {
    let mut roots = system_roots();
    for file in &settings.extra_ca_files {
        add_file(&mut roots, file)?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| UpstreamError::Setup(format!("TLS: {error}")))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "some of the system's certificate authorities cannot be read");
    }
    let (added, ignored) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(added, ignored, "certificate authorities of the system");
    roots
}

fn add_file(roots: &mut RootCertStore, file: &Path) -> Result<(), UpstreamError> {
    let broken = |reason: String| {
        UpstreamError::Setup(format!(
            "expected certificates in PEM form in {}: {reason}",
            file.display()
        ))
    };
    let mut count = 0;
    for certificate in CertificateDer::pem_file_iter(file).map_err(|e| broken(e.to_string()))? {
        let certificate = certificate.map_err(|e| broken(e.to_string()))?;
        roots.add(certificate).map_err(|e| broken(e.to_string()))?;
        count += 1;
    }
    if count == 0 { Err(broken("none found".to_owned())) } else { Ok(()) }
}
