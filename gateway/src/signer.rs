//! The gateway's key as the signer of edited indexes.

use std::sync::Arc;

use weir_core::Timestamp;
use weir_signing::SigningKey;

/// Signs with one key.
#[derive(Debug)]
pub(crate) struct KeySigner(pub(crate) Arc<SigningKey>);

impl weir_pipeline::Signer for KeySigner {
    fn sign(&self, scheme: &str, document: &[u8], at: Timestamp) -> Result<Vec<u8>, String> {
        let signed = match scheme {
            "openpgp-clear" => self.0.clearsign(document, at),
            "openpgp-detached" => self.0.detached(document, at),
            other => return Err(format!("there is no scheme {other:?}")),
        };
        signed.map_err(|error| error.to_string())
    }
}
