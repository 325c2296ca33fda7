//! What a public key says of itself: which of its keys may sign, and until when.

use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{PublicKey, Signature, SignatureType};
use pgp::ser::Serialize as _;
use pgp::types::{Duration, KeyDetails as _, PublicParams, Tag};

use super::unverified::{Unverified, day};

/// A modulus of 2048 bits, as it is written.
const RSA: usize = 256;

/// A primary key or a subkey, with what its owner says of it.
pub(crate) enum Signatory<'k> {
    Primary(&'k SignedPublicKey),
    Sub(&'k SignedPublicKey, &'k SignedPublicSubKey),
}

/// Digests for which no collisions are in sight. apt takes no others.
pub(crate) fn is_strong(hash: HashAlgorithm) -> bool {
    matches!(hash, HashAlgorithm::Sha256 | HashAlgorithm::Sha384 | HashAlgorithm::Sha512)
}

impl<'k> Signatory<'k> {
    /// All keys of a public key.
    pub(crate) fn all(key: &'k SignedPublicKey) -> impl Iterator<Item = Self> {
        let subkeys = key.public_subkeys.iter().map(move |subkey| Self::Sub(key, subkey));
        [Self::Primary(key)].into_iter().chain(subkeys)
    }

    pub(crate) fn fingerprint(&self) -> String {
        match self {
            Self::Primary(key) => format!("{:X}", key.primary_key.fingerprint()),
            Self::Sub(_, subkey) => format!("{:X}", subkey.key.fingerprint()),
        }
    }

    /// Whether a signature says that it is by this key. One that says nothing may be by any.
    pub(crate) fn is_named_by(&self, signature: &Signature) -> bool {
        let (id, fingerprint) = match self {
            Self::Primary(key) => (key.primary_key.legacy_key_id(), key.primary_key.fingerprint()),
            Self::Sub(_, subkey) => (subkey.key.legacy_key_id(), subkey.key.fingerprint()),
        };
        let (ids, prints) = (signature.issuer_key_id(), signature.issuer_fingerprint());
        ids.is_empty() && prints.is_empty() || ids.contains(&&id) || prints.contains(&&fingerprint)
    }

    pub(crate) fn verify(&self, signature: &Signature, bytes: &[u8]) -> pgp::errors::Result<()> {
        match self {
            Self::Primary(key) => signature.verify(&key.primary_key, bytes),
            Self::Sub(_, subkey) => signature.verify(&subkey.key, bytes),
        }
    }

    /// Whether a signature of this key counts at an instant, in seconds.
    pub(crate) fn may_sign(
        &self,
        signature: &Signature,
        now: u32,
        ahead: u32,
    ) -> Result<(), Unverified> {
        let name = self.fingerprint();
        if self.is_revoked() {
            return Err(Unverified::Revoked(name));
        }
        if let Some(end) = self.end().filter(|end| *end <= now) {
            return Err(Unverified::KeyExpired(name, day(end)));
        }
        if !self.signs() || !self.is_long() {
            return Err(Unverified::NotForSigning(name));
        }
        let Some(made) = signature.created().map(pgp::types::Timestamp::as_secs) else {
            return Err(Unverified::Date(name));
        };
        if made < self.created() || made > now.saturating_add(ahead) {
            return Err(Unverified::Date(name));
        }
        let span = signature.signature_expiration_time().map_or(0, Duration::as_secs);
        let end = made.saturating_add(span);
        if span > 0 && end <= now {
            return Err(Unverified::Expired(name, day(end)));
        }
        Ok(())
    }

    fn created(&self) -> u32 {
        match self {
            Self::Primary(key) => key.primary_key.created_at().as_secs(),
            Self::Sub(_, subkey) => subkey.key.created_at().as_secs(),
        }
    }

    /// A withdrawal counts whoever made it: the file of the keyring is the operator's.
    fn is_revoked(&self) -> bool {
        match self {
            Self::Primary(key) => !key.details.revocation_signatures.is_empty(),
            Self::Sub(key, subkey) => {
                let withdrawn =
                    |own: &Signature| own.typ() == Some(SignatureType::SubkeyRevocation);
                Self::Primary(key).is_revoked() || subkey.signatures.iter().any(withdrawn)
            }
        }
    }

    /// When the key ends, in seconds; a subkey at the latest with its primary key.
    fn end(&self) -> Option<u32> {
        let own = self.said().and_then(Signature::key_expiration_time);
        let own = own.map(Duration::as_secs).filter(|span| *span > 0);
        let own = own.map(|span| self.created().saturating_add(span));
        match self {
            Self::Primary(_) => own,
            Self::Sub(key, _) => [own, Self::Primary(key).end()].into_iter().flatten().min(),
        }
    }

    fn signs(&self) -> bool {
        match self {
            // Keys from before there were flags say nothing, and sign.
            Self::Primary(_) => self.said().is_some_and(|said| {
                let flags = said.key_flags();
                flags.sign() || !flags.certify() && !flags.encrypt_comms()
            }),
            Self::Sub(key, subkey) => {
                let back = |said: &Signature| {
                    let back = said.embedded_signature();
                    let holds = |back: &Signature| {
                        back.verify_primary_key_binding(&subkey.key, &key.primary_key).is_ok()
                    };
                    said.key_flags().sign() && back.is_some_and(holds)
                };
                Self::Primary(key).said().is_some() && self.said().is_some_and(back)
            }
        }
    }

    fn is_long(&self) -> bool {
        let parameters = match self {
            Self::Primary(key) => key.primary_key.public_params(),
            Self::Sub(_, subkey) => subkey.key.public_params(),
        };
        match parameters {
            PublicParams::RSA(rsa) => rsa.write_len() >= RSA,
            PublicParams::DSA(_) => false,
            _ => true,
        }
    }

    /// The latest that the owner says of this key, where the signature holds.
    fn said(&self) -> Option<&'k Signature> {
        let newest = |found: &mut dyn Iterator<Item = &'k Signature>| {
            found.max_by_key(|said| said.created().map(pgp::types::Timestamp::as_secs))
        };
        match self {
            Self::Primary(key) => newest(&mut of_itself(key)),
            Self::Sub(key, subkey) => {
                let binds = |said: &&Signature| {
                    said.typ() == Some(SignatureType::SubkeyBinding)
                        && said.verify_subkey_binding(&key.primary_key, &subkey.key).is_ok()
                };
                newest(&mut subkey.signatures.iter().filter(binds))
            }
        }
    }
}

/// What a key says of itself: directly, or with its user ids.
fn of_itself(key: &SignedPublicKey) -> impl Iterator<Item = &Signature> {
    let own: &PublicKey = &key.primary_key;
    let direct = key.details.direct_signatures.iter().filter(|s| s.verify_key(own).is_ok());
    let users = key.details.users.iter().flat_map(move |user| {
        let binds = |said: &&Signature| {
            let kind = said.typ();
            let certifies = said.is_certification() && kind != Some(SignatureType::CertRevocation);
            certifies && said.verify_certification(own, Tag::UserId, &user.id).is_ok()
        };
        user.signatures.iter().filter(binds).collect::<Vec<_>>()
    });
    direct.chain(users)
}
