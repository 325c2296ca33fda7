//! The way to registries: an HTTP client that an operator can trust with addresses that strangers
//! wrote.
//!
//! A [`Client`] asks an [`Origin`] for a whole [`Document`] or for an artifact as a stream
//! ([`Streaming`]). On the way there are, from the outside in: retries with back-off and jitter,
//! redirects by rule, the address guard, a slot and a rate for each host, a circuit breaker, time
//! limits for each phase, proxies, TLS with the system's authorities, and a pool of connections
//! that speak HTTP/1.1 or HTTP/2. Registries that hand out tokens are asked with one ([`Origin::token_realms`]). Documents are decoded under caps ([`capped`]).
//!
//! Nothing here judges packages or keeps bytes.
//!
//! ```no_run
//! use weir_upstream::{Ask, Client, Origin, Settings, Whither};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(Settings::default())?;
//! let origin = Origin::parse("https://user:password@registry.example/npm")?.named("npm").trust();
//! let listing = client.document(&origin, Ask::get(Whither::Path("@scope%2fname"))).await?;
//! println!("{} {} bytes", listing.status, listing.body.len());
//! # Ok(())
//! # }
//! ```

mod address;
mod answer;
mod ask;
mod body;
mod breaker;
pub mod capped;
mod challenge;
mod client;
mod connect;
mod error;
mod failure;
mod guard;
mod limits;
mod origin;
mod quota;
mod realm;
mod retry;
mod settings;
mod tls;
mod token;

pub use ask::{Ask, Document, Method, Streaming, Whither};
pub use body::Body;
pub use client::Client;
pub use error::{At, Phase, UpstreamError};
pub use guard::Refusal;
pub use origin::{Credentials, Origin, OriginError, Secret};
pub use quota::Quota;
pub use settings::{ProxySettings, Settings};

#[cfg(test)]
mod tests;
