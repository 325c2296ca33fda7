//! The way to registries.

mod ask;
mod body;
mod client;
mod error;
mod guard;
mod origin;
mod settings;

pub use ask::{Ask, Document, Method, Streaming, Whither};
pub use body::Body;
pub use client::Client;
pub use error::{At, Phase, UpstreamError};
pub use guard::Refusal;
pub use origin::{Credentials, Origin, OriginError, Secret};
pub use settings::{ProxySettings, Settings};
