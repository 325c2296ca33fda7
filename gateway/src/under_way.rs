//! Requests are under way until the last byte of their answer: what counts, traces and logs them goes
//! with the body.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tracing::Span;
use weir_cache::CacheError;
use weir_telemetry::Active;

use crate::access::Accessed;
use crate::server::Body;

/// What ends with an answer.
#[derive(Debug)]
pub(crate) struct UnderWay {
    /// Counts it as open.
    _active: Option<Active>,
    /// The request's span.
    pub(crate) span: Span,
    /// The line of the access log.
    pub(crate) accessed: Option<Box<Accessed>>,
}

impl UnderWay {
    /// A request begins.
    pub(crate) fn new(active: Option<Active>, span: Span, accessed: Option<Accessed>) -> Self {
        Self { _active: active, span, accessed: accessed.map(Box::new) }
    }

    fn passed(&mut self, frame: &Frame<Bytes>) {
        if let Some(accessed) = &mut self.accessed {
            accessed.passed(frame);
        }
    }

    fn ended(&mut self) {
        if let Some(accessed) = &mut self.accessed {
            accessed.ended();
        }
    }
}

/// The body of an answer, with what ends when it ends.
#[derive(Debug)]
pub(crate) struct Watched {
    body: Body,
    request: UnderWay,
}

impl Watched {
    pub(crate) fn new(body: Body, request: UnderWay) -> Self {
        Self { body, request }
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = CacheError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CacheError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match &frame {
            Poll::Ready(Some(Ok(frame))) => self.request.passed(frame),
            Poll::Ready(None) => self.request.ended(),
            _ => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
