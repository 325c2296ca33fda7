//! A stream of bytes towards a client.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;

use crate::CacheError;

type Inner = Pin<Box<dyn Stream<Item = Result<Bytes, CacheError>> + Send>>;

/// Bytes that policy has admitted. An error ends it and must end the connection.
pub struct Body(Inner);

impl Body {
    pub(crate) fn new(
        stream: impl Stream<Item = Result<Bytes, CacheError>> + Send + 'static,
    ) -> Self {
        Self(Box::pin(stream))
    }

    pub(crate) fn held(bytes: Bytes) -> Self {
        Self::new(futures_util::stream::once(std::future::ready(Ok(bytes))))
    }
}

impl Stream for Body {
    type Item = Result<Bytes, CacheError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}
