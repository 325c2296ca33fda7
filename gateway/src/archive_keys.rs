//! The keys of archives, by which upstream's signatures are verified before indexes are signed anew.

use url::Url;
use weir_core::Timestamp;
use weir_pipeline::{Mount, Verifier};
use weir_signing::Keyring;

/// What is believed of an archive's indexes.
#[derive(Clone, Debug)]
pub(crate) enum ArchiveKeys {
    /// What one of these keys signed.
    Ring(Keyring),
    /// Everything: the operator said so.
    Unlooked,
}

impl Verifier for ArchiveKeys {
    fn verify(
        &self,
        document: &[u8],
        signature: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<(), String> {
        let Self::Ring(ring) = self else { return Ok(()) };
        let verified = match signature {
            None => ring.verify_clear(document, now),
            Some(signature) => ring.verify_detached(document, signature, now),
        };
        verified.map_err(|unverified| unverified.to_string())
    }

    fn id(&self) -> String {
        match self {
            Self::Ring(ring) => ring.id().to_string(),
            Self::Unlooked => "unlooked".to_owned(),
        }
    }
}

/// Gives a mount that signs anew the keys by which it verifies before: the configured ones, else
/// those that apt has for the archive at this address. Says in the log what comes of it.
pub(crate) fn settle(
    mount: &Mount,
    configured: Option<&ArchiveKeys>,
    address: Option<&Url>,
    env: &weir_discover::Env,
) {
    if mount.resign.is_none() {
        return;
    }
    let keys = configured.cloned().or_else(|| Some(ArchiveKeys::Ring(of_apt(address?, env)?)));
    match &keys {
        Some(ArchiveKeys::Ring(_)) => {}
        Some(ArchiveKeys::Unlooked) => tracing::warn!(
            mount = %mount.name,
            "upstream's signatures are not verified (verify_upstream = false), and what is edited is \
             signed with this gateway's key"
        ),
        None => tracing::error!(
            mount = %mount.name,
            "no keys of the archive are known, so nothing is signed anew; add to the configuration: \
             registries.{}.keyring = [\"/usr/share/keyrings/archive.gpg\"]",
            mount.name
        ),
    }
    if let Some(keys) = keys {
        mount.set_verifier(std::sync::Arc::new(keys));
    }
}

/// The keys that apt has for an archive.
fn of_apt(address: &Url, env: &weir_discover::Env) -> Option<Keyring> {
    let found = weir_discover::archive_keys(env, address);
    let mut ring = Keyring::default();
    for (file, bytes) in &found {
        match ring.add(file, bytes) {
            Ok(()) => tracing::info!(file = %file.display(), "keys of the archive found"),
            Err(error) => tracing::warn!(%error, "keys of the archive"),
        }
    }
    (!ring.is_empty()).then_some(ring)
}
