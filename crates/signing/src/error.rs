//! What can go wrong with a key, and what the operator can do about it.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A key could not be made, kept or used.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no file.
    #[error(
        "no signing key at {}: make one with `weir keys init`, or set keys.path to the file of one",
        .0.display()
    )]
    Missing(PathBuf),
    /// There is a file already.
    #[error(
        "{} exists and is not overwritten: clients trust the key in it. Move it away to make another",
        .0.display()
    )]
    Exists(PathBuf),
    /// The file system does not do what it should.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// The verb.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds no key that this gateway can sign with.
    #[error(
        "{} holds no usable signing key: {reason}. Expected is an armored OpenPGP secret key \
         (version 4, Ed25519 or RSA, without passphrase), as `weir keys init` writes",
        .path.display()
    )]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file holds no public key.
    #[error(
        "{} holds no key by which signatures can be verified: {reason}. Expected are OpenPGP public \
         keys, in ASCII armor or as packets (gpg --export)",
        .path.display()
    )]
    NoKeyring {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The instant is outside of what a signature can hold (1970 to 2106).
    #[error("{0} is outside of the years that an OpenPGP signature can name")]
    Instant(String),
    /// A lone carriage return: programs disagree on where such a line ends.
    #[error("line {0} holds a carriage return within the line; such text is not signed")]
    LineEnd(usize),
    /// The key does not sign.
    #[error("the signing key failed: {0}")]
    Key(#[from] pgp::errors::Error),
}

impl Error {
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { doing, path: path.to_owned(), source }
    }

    pub(crate) fn unusable(path: &Path, reason: impl Into<String>) -> Self {
        Self::Unusable { path: path.to_owned(), reason: reason.into() }
    }
}
