//! What works, but probably not as meant.

use std::fmt;

use serde::Serialize;

use crate::{Config, Driver, Otlp, OtlpProtocol};

/// A remark on a configuration that works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The key that it concerns.
    pub key: String,
    /// What it costs, and what to write instead.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

/// Looks for what works, but probably not as meant.
pub fn check(config: &Config) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |key: &str, message: String| {
        warnings.push(Warning { key: key.to_owned(), message });
    };
    if let Some(cost) = cost_of_status(config.policy.block_status) {
        warn("policy.block_status", format!("{} {cost}; use 403", config.policy.block_status));
    }
    if config.listen.ip().is_unspecified() && config.base_url.is_none() {
        let message = "listens on all interfaces without base_url: links in listings carry the \
                       address that each client used, so a listing is rendered once for each";
        warn("listen", message.to_owned());
    }
    if !config.auth.tokens.is_empty() && config.tls.is_none() && !config.listen.ip().is_loopback() {
        let message = "are sent over plain HTTP: add tls.certificate and tls.key, or put a proxy \
                       in front that speaks TLS and listen on loopback";
        warn("auth.tokens", message.to_owned());
    }
    if config.http2 {
        let message = "HTTP/2 has no status line: clients that print only it no longer show why \
                       a package is refused";
        warn("http2", message.to_owned());
    }
    if let Some(protocol) = protocol_of_port(&config.otlp) {
        let message = format!("its port is where collectors speak otlp.protocol = \"{protocol}\"");
        warn("otlp.endpoint", message);
    }
    if config.limits.memory_object > config.limits.memory {
        let message = "is larger than limits.memory, which is the bound that counts";
        warn("limits.memory_object", message.to_owned());
    }
    if config.database.driver == Driver::Sqlite && config.database.url.is_some() {
        warn("database.url", "is not used: database.driver is sqlite".to_owned());
    }
    for registry in config.registries.values().filter(|r| !r.is_default() && r.upstream.is_none()) {
        let key = format!("registries.{}", registry.name);
        let line = format!("add registries.{}.upstream = \"https://…\"", registry.name);
        warn(&key, format!("has no upstream, so every request is refused; {line}"));
    }
    warnings
}

/// The protocol that belongs to a collector's port, when another is to be spoken there.
fn protocol_of_port(otlp: &Otlp) -> Option<&'static str> {
    match (otlp.endpoint.as_ref()?.port()?, otlp.protocol) {
        (4317, OtlpProtocol::Http) => Some("grpc"),
        (4318, OtlpProtocol::Grpc) => Some("http/protobuf"),
        _ => None,
    }
}

/// What a status other than 403 costs, as measured with the real clients.
fn cost_of_status(status: u16) -> Option<&'static str> {
    match status {
        403 => None,
        401 => Some("makes clients ask for a password"),
        404 | 410 => Some("makes clients go on to another source or hide the reason"),
        429 | 500.. => Some("makes clients try again and again"),
        451 => Some("is shown by some clients as an error without the reason"),
        _ => Some("is not a status that clients know as a refusal"),
    }
}
