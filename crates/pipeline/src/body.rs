//! What a response carries: bytes that are here, bytes on their way, or another body.
//!
//! Small answers are most answers: what is held needs neither a box nor a stream, and says how long it
//! is, so that head and body leave together.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use weir_cache::CacheError;

/// The body of a response.
pub struct ResponseBody(Kind);

enum Kind {
    Held(Option<Bytes>),
    Stored(weir_cache::Body),
    Other(UnsyncBoxBody<Bytes, CacheError>),
}

impl ResponseBody {
    /// No bytes.
    pub fn empty() -> Self {
        Self(Kind::Held(None))
    }

    /// These bytes.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Held(Some(bytes.into()).filter(|bytes| !bytes.is_empty())))
    }

    /// A body of another kind.
    pub fn other<B>(body: B) -> Self
    where
        B: Body<Data = Bytes, Error = CacheError> + Send + 'static,
    {
        Self(Kind::Other(body.boxed_unsync()))
    }

    /// How many bytes are still to come, where that is known.
    fn remaining(&self) -> Option<u64> {
        match &self.0 {
            Kind::Held(bytes) => Some(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Stored(body) => body.remaining(),
            Kind::Other(body) => body.size_hint().exact(),
        }
    }
}

impl From<weir_cache::Body> for ResponseBody {
    fn from(body: weir_cache::Body) -> Self {
        Self(Kind::Stored(body))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = CacheError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CacheError>>> {
        match &mut self.0 {
            Kind::Held(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Stored(body) => {
                body.poll_next_unpin(cx).map(|chunk| Some(chunk?.map(Frame::data)))
            }
            Kind::Other(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Other(body) => body.is_end_stream(),
            _ => self.remaining() == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Other(body) => body.size_hint(),
            _ => self.remaining().map_or_else(SizeHint::new, SizeHint::with_exact),
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ResponseBody").field(&self.remaining()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn held_bytes_say_how_long_they_are_until_they_are_taken() {
        let mut body = ResponseBody::full("weir");
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(4), false));
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "weir");
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn no_bytes_are_no_frame() {
        for mut body in [ResponseBody::empty(), ResponseBody::full("")] {
            assert!(body.is_end_stream());
            assert!(body.frame().await.is_none());
        }
    }
}
