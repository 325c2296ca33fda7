//! Why a text does not count as signed.

use pgp::packet::Signature;
use thiserror::Error;
use weir_core::Timestamp;

/// A text is not signed by a key of the keyring. Prints as a clause.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Unverified {
    /// There is no signature.
    #[error("it is not signed")]
    Unsigned,
    /// Document or signature cannot be read.
    #[error("its signature cannot be read: {0}")]
    Malformed(String),
    /// By keys that the keyring does not hold.
    #[error("it is signed by the key {0}, which no keyring of this mount holds")]
    Unknown(String),
    /// With a digest that can be forged.
    #[error("it is signed with a digest that can be forged")]
    Weak,
    /// By a key that must not sign such things.
    #[error("the key {0} that signed it is not meant for signing")]
    NotForSigning(String),
    /// By a key that was withdrawn.
    #[error("the key {0} that signed it has been revoked")]
    Revoked(String),
    /// By a key at its end.
    #[error("the key {0} that signed it expired on {1}")]
    KeyExpired(String, String),
    /// The signature itself has an end.
    #[error("its signature by {0} ended on {1}")]
    Expired(String, String),
    /// Dated before its key, or in the future.
    #[error("its signature by {0} has an impossible date")]
    Date(String),
    /// The signature does not belong to these bytes.
    #[error("its signature by {0} is wrong")]
    Wrong(String),
}

impl Unverified {
    pub(crate) fn unknown(signature: &Signature) -> Self {
        let fingerprints = signature.issuer_fingerprint().into_iter().map(|f| format!("{f:X}"));
        let ids = signature.issuer_key_id().into_iter().map(|id| id.to_string().to_uppercase());
        Self::Unknown(fingerprints.chain(ids).next().unwrap_or_else(|| "(unnamed)".to_owned()))
    }

    /// Of two, the one that says more.
    pub(crate) fn or(self, other: Self) -> Self {
        if other.weight() > self.weight() { other } else { self }
    }

    fn weight(&self) -> u8 {
        match self {
            Self::Unsigned => 0,
            Self::Malformed(_) => 1,
            Self::Weak | Self::Unknown(_) => 2,
            Self::NotForSigning(_) | Self::Date(_) => 3,
            Self::Revoked(_) | Self::KeyExpired(..) | Self::Expired(..) => 4,
            Self::Wrong(_) => 5,
        }
    }
}

/// The day of an OpenPGP date.
pub(crate) fn day(seconds: u32) -> String {
    Timestamp::from_secs(i64::from(seconds)).date()
}
