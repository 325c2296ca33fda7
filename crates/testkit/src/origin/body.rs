//! Bodies that stall, break or never end.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::answer::Ends;

/// Long enough for what was sent to arrive before the connection breaks.
const BEFORE_BREAKING: Duration = Duration::from_millis(50);

/// A body that ends as told.
pub(super) struct Script {
    bytes: Bytes,
    sent: bool,
    ends: Ends,
    declared: Option<u64>,
    breaking: Option<Pin<Box<Sleep>>>,
}

impl Script {
    /// A body of these bytes; `declared` is the length that the head says.
    pub(super) fn new(bytes: Bytes, ends: Ends, declared: Option<u64>) -> Self {
        let bytes = match ends {
            Ends::Stalls(at) | Ends::Breaks(at) => bytes.slice(..at.min(bytes.len())),
            Ends::Well | Ends::Never => bytes,
        };
        Self { bytes, sent: false, ends, declared, breaking: None }
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
        if !this.sent && !this.bytes.is_empty() {
            this.sent = this.ends != Ends::Never;
            return Poll::Ready(Some(Ok(Frame::data(this.bytes.clone()))));
        }
        match this.ends {
            Ends::Well => Poll::Ready(None),
            Ends::Stalls(_) | Ends::Never => Poll::Pending,
            Ends::Breaks(_) => {
                let sleep = || Box::pin(tokio::time::sleep(BEFORE_BREAKING));
                let breaking = this.breaking.get_or_insert_with(sleep);
                breaking.as_mut().poll(cx).map(|()| Some(Err(io::Error::other("cut as told"))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ends == Ends::Well && (self.sent || self.bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        self.declared.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// The error of a service that has none.
pub(super) type Never = Infallible;
