//! Keys of others: whether an archive's key signed a text.
//!
//! What is accepted is what `gpgv` and apt accept: a signature with SHA-2 by a key of the keyring that may
//! sign, and that is neither revoked nor at its end. Of several signatures one such is enough, since
//! archives sign with an old and a new key for a while.

mod certificate;
mod unverified;

use std::path::{Path, PathBuf};

use pgp::composed::{Deserializable as _, DetachedSignature, PublicOrSecret, SignedPublicKey};
use pgp::packet::{Signature, SignatureType};
use weir_core::{Algorithm, Digest, Timestamp};

use crate::Error;
use crate::clear::Cleartext;
use certificate::{Signatory, is_strong};
pub use unverified::Unverified;

const BLOCK: &[u8] = b"-----BEGIN PGP PUBLIC KEY BLOCK-----";
/// A clock may be behind the one that signed, in seconds.
const AHEAD: u32 = 24 * 3600;

/// Public keys by which signatures are verified.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    keys: Vec<SignedPublicKey>,
}

impl Keyring {
    /// Reads files of public keys, in ASCII armor or as packets.
    ///
    /// # Errors
    /// Fails for a file that cannot be read or holds no public key.
    pub fn load(files: &[PathBuf]) -> Result<Self, Error> {
        let mut ring = Self::default();
        for file in files {
            let bytes = std::fs::read(file).map_err(|source| Error::io("read", file, source))?;
            ring.add(file, &bytes)?;
        }
        Ok(ring)
    }

    /// Adds the keys of a file's content.
    ///
    /// # Errors
    /// Fails when it holds no public key.
    pub fn add(&mut self, file: &Path, bytes: &[u8]) -> Result<(), Error> {
        let unreadable = |reason: String| Error::NoKeyring { path: file.to_owned(), reason };
        let before = self.keys.len();
        for block in blocks(bytes) {
            let found = PublicOrSecret::from_reader_many(block);
            let (keys, _) = found.map_err(|error| unreadable(error.to_string()))?;
            for key in keys {
                // A key of a kind that is not known here does not hide the others.
                match key {
                    Ok(PublicOrSecret::Public(key)) => self.keys.push(key),
                    Ok(PublicOrSecret::Secret(key)) => self.keys.push(key.to_public_key()),
                    Err(error) => tracing::debug!(%error, file = %file.display(), "an odd key"),
                }
            }
        }
        if self.keys.len() == before {
            return Err(unreadable("it holds no public key".to_owned()));
        }
        Ok(())
    }

    /// Whether there is no key in it.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What tells this set of keys from another: a digest over all that is known of them.
    pub fn id(&self) -> Digest {
        let of = |key: &SignedPublicKey| pgp::ser::Serialize::to_bytes(key).unwrap_or_default();
        let mut keys: Vec<Vec<u8>> = self.keys.iter().map(of).collect();
        keys.sort_unstable();
        keys.dedup();
        Digest::of(Algorithm::Sha256, &keys.concat())
    }

    /// Verifies a text within a signed message, as an `InRelease` file has it (RFC 9580 section 7).
    /// Nothing may stand before or behind the message.
    pub fn verify_clear(&self, document: &[u8], now: Timestamp) -> Result<(), Unverified> {
        let (text, armor) = Cleartext::read(document).map_err(Unverified::Malformed)?;
        self.verify(&text, armor, &[SignatureType::Text], now)
    }

    /// Verifies a signature beside these bytes, in ASCII armor or as packets, as `Release.gpg` is.
    pub fn verify_detached(
        &self,
        bytes: &[u8],
        signature: &[u8],
        now: Timestamp,
    ) -> Result<(), Unverified> {
        self.verify(bytes, signature, &[SignatureType::Binary, SignatureType::Text], now)
    }

    fn verify(
        &self,
        bytes: &[u8],
        signatures: &[u8],
        kinds: &[SignatureType],
        now: Timestamp,
    ) -> Result<(), Unverified> {
        let mut worst = Unverified::Unsigned;
        for signature in read_signatures(signatures)? {
            if !signature.typ().is_some_and(|kind| kinds.contains(&kind)) {
                continue;
            }
            match self.verify_one(bytes, &signature, now) {
                Ok(()) => return Ok(()),
                Err(failure) => worst = worst.or(failure),
            }
        }
        Err(worst)
    }

    fn verify_one(
        &self,
        bytes: &[u8],
        signature: &Signature,
        now: Timestamp,
    ) -> Result<(), Unverified> {
        if !signature.hash_alg().is_some_and(is_strong) {
            return Err(Unverified::Weak);
        }
        let mut worst = Unverified::unknown(signature);
        for signatory in self.keys.iter().flat_map(Signatory::all) {
            if !signatory.is_named_by(signature) {
                continue;
            }
            if signatory.verify(signature, bytes).is_err() {
                worst = worst.or(Unverified::Wrong(signatory.fingerprint()));
                continue;
            }
            match signatory.may_sign(signature, seconds(now), AHEAD) {
                Ok(()) => return Ok(()),
                Err(failure) => worst = worst.or(failure),
            }
        }
        Err(worst)
    }
}

/// The blocks of a file: several in armor may follow each other, as when files were joined.
fn blocks(bytes: &[u8]) -> Vec<&[u8]> {
    if bytes.first().is_some_and(|first| first & 0x80 != 0) {
        return vec![bytes];
    }
    let mut starts: Vec<usize> = bytes
        .windows(BLOCK.len())
        .enumerate()
        .filter(|(_, window)| *window == BLOCK)
        .map(|(at, _)| at)
        .collect();
    starts.push(bytes.len());
    starts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

fn read_signatures(bytes: &[u8]) -> Result<Vec<Signature>, Unverified> {
    let malformed = |error: pgp::errors::Error| Unverified::Malformed(error.to_string());
    let found = if bytes.first().is_some_and(|first| first & 0x80 != 0) {
        DetachedSignature::from_bytes_many(bytes).map_err(malformed)?
    } else {
        DetachedSignature::from_armor_many(bytes).map_err(malformed)?.0
    };
    // One of a kind that is not known here does not hide the others.
    Ok(found.filter_map(Result::ok).map(|detached| detached.signature).collect())
}

/// Seconds of an OpenPGP date, at its bounds outside of these.
fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.as_millis().div_euclid(1000).max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
