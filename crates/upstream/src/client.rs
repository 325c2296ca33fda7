//! The client.

use crate::{Ask, Document, Origin, Settings, Streaming, UpstreamError};

/// Asks registries. Cheap to clone; clones share connections, limits and circuit breakers.
#[derive(Clone, Debug)]
pub struct Client {
    settings: Settings,
}

impl Client {
    /// Builds the stack; reads the certificate authorities.
    pub fn new(settings: Settings) -> Result<Self, UpstreamError> {
        Ok(Self { settings })
    }

    /// Fetches a whole document.
    #[expect(clippy::unused_async, reason = "the transport follows")]
    pub async fn document(&self, _: &Origin, _: Ask<'_>) -> Result<Document, UpstreamError> {
        Err(UpstreamError::Setup(self.settings.user_agent.clone()))
    }

    /// Starts to fetch an artifact.
    #[expect(clippy::unused_async, reason = "the transport follows")]
    pub async fn stream(&self, _: &Origin, _: Ask<'_>) -> Result<Streaming, UpstreamError> {
        Err(UpstreamError::Setup(self.settings.user_agent.clone()))
    }
}
