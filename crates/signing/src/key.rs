//! The key: made, taken from its packets, and used.

use std::fmt;

use pgp::composed::{
    ArmorOptions, DetachedSignature, KeyType, SignedKeyDetails, SignedPublicKey, SignedSecretKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{
    Features, KeyFlags, PacketTrait as _, PubKeyInner, PublicKey, SecretKey, Signature,
    SignatureConfig, SignatureType, Subpacket, SubpacketData, UserId,
};
use pgp::ser::Serialize as _;
use pgp::types::{KeyDetails as _, KeyVersion, Password};
use rand::rngs::OsRng;
use weir_core::Timestamp;

use crate::Error;
use crate::clear::Cleartext;

/// What every reader of signed indexes accepts.
const HASH: HashAlgorithm = HashAlgorithm::Sha256;

/// The algorithm of a new key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Ed25519 in a version 4 key: small and fast. Read by `GnuPG` from 2.1 on (2014).
    #[default]
    Ed25519,
    /// RSA of 3072 bits, for readers that know nothing newer. Making one takes seconds.
    Rsa3072,
}

impl Kind {
    // Version 4 keys hold Ed25519 in the form that RFC 9580 calls legacy; GnuPG 2.2 reads no other.
    fn key_type(self) -> KeyType {
        match self {
            Self::Ed25519 => KeyType::Ed25519Legacy,
            Self::Rsa3072 => KeyType::Rsa(3072),
        }
    }
}

/// The secret key with its user id. Prints as its fingerprint.
pub struct SigningKey {
    key: SignedSecretKey,
}

impl SigningKey {
    /// A new key of the version 4, without passphrase and without end.
    ///
    /// `user_id` is what clients show of it, `Name <address>` by convention. `created` is written
    /// into the key: signatures must not be older.
    pub fn generate(kind: Kind, user_id: &str, created: Timestamp) -> Result<Self, Error> {
        let created = seconds(created)?;
        let key_type = kind.key_type();
        let (public, secret) = key_type.generate(OsRng)?;
        let algorithm = key_type.to_alg();
        let inner = PubKeyInner::new(KeyVersion::V4, algorithm, created, None, public)?;
        let public_key = PublicKey::from_inner(inner)?;
        let secret_key = SecretKey::new(public_key.clone(), secret)?;
        let user = UserId::from_str(pgp::types::PacketHeaderVersion::default(), user_id)?;
        let own = self_signature(&secret_key, &public_key, &user, created)?;
        let users = vec![user.into_signed(own)];
        let details = SignedKeyDetails::new(Vec::new(), Vec::new(), users, Vec::new());
        Ok(Self { key: SignedSecretKey::new(secret_key, details, Vec::new(), Vec::new()) })
    }

    /// Takes a key that was read, or says why it cannot sign.
    pub(crate) fn from_packets(key: SignedSecretKey) -> Result<Self, String> {
        let primary = &key.primary_key;
        if primary.version() != KeyVersion::V4 {
            return Err(format!("it is a key of the version {:?}", primary.version()));
        }
        let known = [PublicKeyAlgorithm::RSA, PublicKeyAlgorithm::EdDSALegacy];
        if !known.contains(&primary.algorithm()) {
            return Err(format!("its algorithm is {:?}", primary.algorithm()));
        }
        if primary.secret_params().is_encrypted() {
            return Err("it is protected by a passphrase".to_owned());
        }
        key.verify_bindings()
            .map_err(|error| format!("a signature in it does not hold: {error}"))?;
        let own = key.details.users.iter().flat_map(|user| &user.signatures);
        if !own.into_iter().any(|own| own.key_flags().sign()) {
            return Err("its primary key is not meant for signing".to_owned());
        }
        let key = Self { key };
        key.try_out().map_err(|error| format!("it does not sign: {error}"))?;
        Ok(key)
    }

    /// Secret and public part belong together.
    fn try_out(&self) -> Result<(), Error> {
        let signature = self.sign(SignatureType::Binary, b"weir", Timestamp::EPOCH)?;
        Ok(signature.verify(self.key.primary_key.public_key(), &b"weir"[..])?)
    }

    /// The text within a signed message, as an `InRelease` file has it (RFC 9580 section 7).
    ///
    /// Line ends become LF, and blanks at the end of lines go, since neither is signed.
    ///
    /// # Errors
    /// Fails for a text with a carriage return within a line, and for an instant before 1970 or
    /// after 2106.
    pub fn clearsign(&self, text: &[u8], at: Timestamp) -> Result<Vec<u8>, Error> {
        let Cleartext { signed, mut framed } = Cleartext::new(text, &HASH.to_string())?;
        let signature = self.sign(SignatureType::Text, &signed, at)?;
        framed.extend_from_slice(&armored(signature)?);
        Ok(framed)
    }

    /// An armored signature over these very bytes, as `Release.gpg` and `repomd.xml.asc` have it.
    ///
    /// # Errors
    /// Fails for an instant before 1970 or after 2106.
    pub fn detached(&self, bytes: &[u8], at: Timestamp) -> Result<Vec<u8>, Error> {
        armored(self.sign(SignatureType::Binary, bytes, at)?)
    }

    fn sign(&self, kind: SignatureType, bytes: &[u8], at: Timestamp) -> Result<Signature, Error> {
        let key = &self.key.primary_key;
        let mut config = SignatureConfig::v4(kind, key.algorithm(), HASH);
        config.hashed_subpackets = vec![
            Subpacket::regular(SubpacketData::SignatureCreationTime(seconds(at)?))?,
            Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
        ];
        config.unhashed_subpackets = vec![issuer(key)?];
        Ok(config.sign(key, &Password::empty(), bytes)?)
    }

    /// The public key in ASCII armor, for `Signed-By` and `rpm --import`.
    pub fn public_armored(&self) -> Result<Vec<u8>, Error> {
        Ok(self.public().to_armored_bytes(ArmorOptions::default())?)
    }

    /// The public key as packets, for `/etc/apt/trusted.gpg.d` and `gpgv --keyring`.
    pub fn public_binary(&self) -> Result<Vec<u8>, Error> {
        Ok(self.public().to_bytes()?)
    }

    /// 40 hexadecimal digits in upper case.
    pub fn fingerprint(&self) -> String {
        format!("{:X}", self.key.primary_key.fingerprint())
    }

    /// The first user id.
    pub fn user_id(&self) -> String {
        let first = self.key.details.users.first();
        first.map(|user| String::from_utf8_lossy(user.id.id()).into_owned()).unwrap_or_default()
    }

    /// `Ed25519` or `RSA`, as people say it.
    pub fn algorithm(&self) -> &'static str {
        match self.key.primary_key.algorithm() {
            PublicKeyAlgorithm::RSA => "RSA",
            _ => "Ed25519",
        }
    }

    /// The secret key in ASCII armor: what the key's file holds.
    pub(crate) fn secret_armored(&self) -> Result<Vec<u8>, Error> {
        Ok(self.key.to_armored_bytes(ArmorOptions::default())?)
    }

    fn public(&self) -> SignedPublicKey {
        self.key.to_public_key()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.fingerprint()).finish()
    }
}

/// Binds the user id to the key and says what the key is for (RFC 9580 section 5.2.1.7).
fn self_signature(
    key: &SecretKey,
    public: &PublicKey,
    user: &UserId,
    created: pgp::types::Timestamp,
) -> Result<Signature, Error> {
    let mut flags = KeyFlags::default();
    flags.set_certify(true);
    flags.set_sign(true);
    let mut config = SignatureConfig::v4(SignatureType::CertPositive, key.algorithm(), HASH);
    config.hashed_subpackets = vec![
        Subpacket::regular(SubpacketData::SignatureCreationTime(created))?,
        Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
        Subpacket::regular(SubpacketData::KeyFlags(flags))?,
        Subpacket::regular(SubpacketData::Features(Features::default()))?,
        Subpacket::regular(SubpacketData::IsPrimary(true))?,
    ];
    config.unhashed_subpackets = vec![issuer(key)?];
    Ok(config.sign_certification(key, public, &Password::empty(), user.tag(), user)?)
}

/// The key's id, for readers that do not know fingerprints in signatures.
fn issuer(key: &SecretKey) -> Result<Subpacket, Error> {
    Ok(Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id()))?)
}

fn armored(signature: Signature) -> Result<Vec<u8>, Error> {
    Ok(DetachedSignature::new(signature).to_armored_bytes(ArmorOptions::default())?)
}

fn seconds(at: Timestamp) -> Result<pgp::types::Timestamp, Error> {
    let seconds = u32::try_from(at.as_millis().div_euclid(1000));
    seconds.map(pgp::types::Timestamp::from_secs).map_err(|_| Error::Instant(at.to_string()))
}

#[cfg(test)]
mod tests;
