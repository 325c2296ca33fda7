//! The bytes of a file on their way from upstream, with a stopwatch.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use futures_util::Stream;
use weir_upstream::{Body, UpstreamError};

use crate::Observer;

/// Tells the observer once how long a transfer took, from the question to its last byte, and
/// whether upstream broke it off.
#[derive(Debug)]
pub(crate) struct Transfer {
    body: Body,
    observer: Option<Arc<dyn Observer>>,
    ecosystem: &'static str,
    started: Instant,
}

impl Transfer {
    pub(crate) fn new(
        body: Body,
        observer: &Arc<dyn Observer>,
        ecosystem: &'static str,
        started: Instant,
    ) -> Self {
        Self { body, observer: Some(Arc::clone(observer)), ecosystem, started }
    }

    fn tell(&mut self, error: Option<&UpstreamError>) {
        if let Some(observer) = self.observer.take() {
            let seconds = self.started.elapsed().as_secs_f64();
            observer.upstream(self.ecosystem, seconds, error.map(UpstreamError::kind));
        }
    }
}

impl Stream for Transfer {
    type Item = Result<Bytes, UpstreamError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.body).poll_next(cx));
        match &next {
            Some(Ok(_)) => {}
            Some(Err(error)) => self.tell(Some(error)),
            None => self.tell(None),
        }
        Poll::Ready(next)
    }
}

impl Drop for Transfer {
    /// Nobody wanted the rest: what came was not what was promised, or could not be kept.
    fn drop(&mut self) {
        self.tell(None);
    }
}
