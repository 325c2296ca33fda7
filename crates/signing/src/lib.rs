//! OpenPGP: the gateway's key, made once, kept in a file, used to sign the indexes that the gateway
//! edited; and keyrings of archives, by whose keys such an index was signed before.
//!
//! Signatures are those of RFC 9580 in the forms that `gpgv`, apt, dnf and pacman of the last ten
//! years read: version 4 keys and packets, SHA-256. Nothing here reads a clock, and a signature is
//! a function of key, bytes and time: nodes that share a key answer with the same bytes.

mod clear;
mod error;
mod file;
mod key;
mod keyring;

pub use error::Error;
pub use key::{Kind, SigningKey};
pub use keyring::{Keyring, Unverified};
