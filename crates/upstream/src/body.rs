//! The body of an answer, with its time limit and its hold on the limits.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};

use crate::breaker::Pass;
use crate::error::Phase;
use crate::limits::Entry;
use crate::{At, Settings, UpstreamError, failure};

/// The bytes of an answer, as they arrive, without content decoding.
///
/// Ends with an error when the connection breaks, when nothing arrives for the read timeout, or
/// when fewer or more bytes came than the registry declared. Nothing follows an error. Holds its
/// connection slot until it has ended or is dropped.
#[derive(Debug)]
pub struct Body {
    incoming: Incoming,
    expected: Option<u64>,
    seen: u64,
    silence: Silence,
    write_timeout: Duration,
    at: At,
    /// Gone when the body has ended.
    hold: Option<(Pass, OwnedSemaphorePermit)>,
}

impl Body {
    pub(crate) fn new(
        incoming: Incoming,
        expected: Option<u64>,
        entry: Entry,
        (at, settings): (At, &Settings),
    ) -> Self {
        Self {
            incoming,
            expected,
            seen: 0,
            silence: Silence::new(settings.read_timeout),
            write_timeout: settings.write_timeout,
            at,
            hold: Some((entry.pass, entry.slot)),
        }
    }

    /// Collects at most `limit` bytes.
    pub(crate) async fn collect(mut self, limit: u64) -> Result<Bytes, UpstreamError> {
        let at = self.at.clone();
        let too_large = || UpstreamError::TooLarge { at, what: "document", limit };
        if self.expected.is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let Some(first) = self.frame().await.transpose()? else { return Ok(Bytes::new()) };
        let Some(second) = self.frame().await.transpose()? else {
            return if first.len() as u64 > limit { Err(too_large()) } else { Ok(first) };
        };
        let capacity = self.expected.unwrap_or(0).max((first.len() + second.len()) as u64);
        let mut whole = Vec::with_capacity(capacity as usize);
        whole.extend_from_slice(&first);
        let mut next = Some(second);
        while let Some(frame) = next {
            if (whole.len() + frame.len()) as u64 > limit {
                return Err(too_large());
            }
            whole.extend_from_slice(&frame);
            next = self.frame().await.transpose()?;
        }
        Ok(whole.into())
    }

    async fn frame(&mut self) -> Option<Result<Bytes, UpstreamError>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    fn end(&mut self) -> Option<Result<Bytes, UpstreamError>> {
        if let Some(expected) = self.expected.filter(|expected| *expected != self.seen) {
            let reason = format!("expected {expected} bytes, received {}", self.seen);
            return Some(Err(self.fail(UpstreamError::Transport { at: self.at.clone(), reason })));
        }
        if let Some((pass, _)) = self.hold.take() {
            pass.succeed();
        }
        None
    }

    fn fail(&mut self, error: UpstreamError) -> UpstreamError {
        if let Some((pass, _)) = self.hold.take() {
            pass.fail();
        }
        error
    }
}

impl Stream for Body {
    type Item = Result<Bytes, UpstreamError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while self.hold.is_some() {
            let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) else {
                let after = ready!(self.silence.poll(cx));
                let at = self.at.clone();
                let error = UpstreamError::Timeout { at, phase: Phase::Read, after };
                return Poll::Ready(Some(Err(self.fail(error))));
            };
            self.silence.broken();
            match frame.map(|frame| frame.map(hyper::body::Frame::into_data)) {
                Some(Ok(Ok(data))) if !data.is_empty() => {
                    self.seen += data.len() as u64;
                    return Poll::Ready(Some(Ok(data)));
                }
                // Empty pieces and trailers say nothing.
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    let error = failure::of_transfer(&error, self.at.clone(), self.write_timeout);
                    return Poll::Ready(Some(Err(self.fail(error))));
                }
                None => return Poll::Ready(self.end()),
            }
        }
        Poll::Ready(None)
    }
}

/// Measures how long nothing arrives. The timer is touched only when a body has to wait.
#[derive(Debug)]
struct Silence {
    limit: Duration,
    timer: Pin<Box<Sleep>>,
    running: bool,
}

impl Silence {
    fn new(limit: Duration) -> Self {
        Self { limit, timer: Box::pin(sleep(limit)), running: false }
    }

    fn broken(&mut self) {
        self.running = false;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        if !self.running {
            self.running = true;
            self.timer.as_mut().reset(Instant::now() + self.limit);
        }
        self.timer.as_mut().poll(cx).map(|()| self.limit)
    }
}
