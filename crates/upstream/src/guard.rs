//! The address guard: a document from a registry must not make the gateway talk to machines
//! inside the operator's network.

use std::net::IpAddr;

use thiserror::Error;

/// Why an address is not connected to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "expected a public address for {host}, found {address} ({class}); write the host into the configuration to allow it"
)]
pub struct Refusal {
    /// The host as the link names it.
    pub host: Box<str>,
    /// The address that it stands for.
    pub address: IpAddr,
    /// What kind of address that is: `loopback`, `private`, …
    pub class: &'static str,
}
