//! Bodies that stall, break or never end.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::answer::{Answer, Ends};

/// Long enough for what was sent to arrive before the connection breaks.
const BEFORE_BREAKING: Duration = Duration::from_millis(50);

/// A body that comes and ends as told.
pub(super) struct Script {
    /// What is still to be sent.
    rest: Bytes,
    /// What an endless body repeats.
    whole: Bytes,
    ends: Ends,
    pace: Option<(usize, Duration)>,
    declared: Option<u64>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Script {
    /// The body of an answer; `declared` is the length that its head says.
    pub(super) fn new(answer: &Answer, declared: Option<u64>) -> Self {
        let body = &answer.body;
        let whole = match answer.ends {
            Ends::Stalls(at) | Ends::Breaks(at) => body.slice(..at.min(body.len())),
            Ends::Well | Ends::Never => body.clone(),
        };
        let (ends, pace) = (answer.ends, answer.pace);
        Self { rest: whole.clone(), whole, ends, pace, declared, pause: None }
    }

    /// The next part of what is left.
    fn part(&mut self) -> Bytes {
        match self.pace {
            Some((bytes, pause)) if bytes < self.rest.len() => {
                self.pause = Some(Box::pin(tokio::time::sleep(pause)));
                self.rest.split_to(bytes)
            }
            _ => std::mem::take(&mut self.rest),
        }
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        if let Some(pause) = &mut this.pause {
            ready!(pause.as_mut().poll(cx));
            this.pause = None;
            if this.rest.is_empty() {
                return Poll::Ready(Some(Err(io::Error::other("cut as told"))));
            }
        }
        if this.ends == Ends::Never && this.rest.is_empty() {
            this.rest = this.whole.clone();
        }
        if !this.rest.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(this.part()))));
        }
        match this.ends {
            Ends::Well => Poll::Ready(None),
            Ends::Stalls(_) | Ends::Never => Poll::Pending,
            Ends::Breaks(_) => {
                let mut pause = Box::pin(tokio::time::sleep(BEFORE_BREAKING));
                // The next call reports the break; this one only arms the timer.
                let _ = pause.as_mut().poll(cx);
                this.pause = Some(pause);
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ends == Ends::Well && self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.declared.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// The error of a service that has none.
pub(super) type Never = Infallible;
