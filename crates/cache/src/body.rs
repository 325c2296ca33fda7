//! A stream of bytes towards a client.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;

use crate::CacheError;

/// Bytes that policy has admitted. An error ends it and must end the connection.
pub struct Body(Inner);

enum Inner {
    /// Held in memory, until they are taken.
    Held(Option<Bytes>),
    Stream(Pin<Box<dyn Stream<Item = Result<Bytes, CacheError>> + Send>>),
}

impl Body {
    pub(crate) fn new(
        stream: impl Stream<Item = Result<Bytes, CacheError>> + Send + 'static,
    ) -> Self {
        Self(Inner::Stream(Box::pin(stream)))
    }

    pub(crate) fn held(bytes: Bytes) -> Self {
        Self(Inner::Held(Some(bytes).filter(|bytes| !bytes.is_empty())))
    }

    /// How many bytes are still to come; `None` where only the stream's end tells.
    pub fn remaining(&self) -> Option<u64> {
        match &self.0 {
            Inner::Held(bytes) => Some(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Inner::Stream(_) => None,
        }
    }
}

impl Stream for Body {
    type Item = Result<Bytes, CacheError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Inner::Held(bytes) => Poll::Ready(bytes.take().map(Ok)),
            Inner::Stream(stream) => stream.as_mut().poll_next(cx),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}
