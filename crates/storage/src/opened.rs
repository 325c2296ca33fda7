//! An object that was opened, and the stream of its bytes.

use std::fmt;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt};
use tokio::task::JoinHandle;

use crate::io::Positional;
use crate::{Stamp, StorageError};

/// Gives the bytes of a range of an object as a stream; what a [`Storage`](crate::Storage) of
/// another kind implements.
pub trait Source: fmt::Debug + Send + Sync {
    /// The bytes of this range, which lies within the object.
    fn read(&self, range: Range<u64>) -> BoxStream<'static, Result<Bytes, StorageError>>;
}

/// An open object. It stays the same object, whatever is committed under its key meanwhile.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its length in bytes.
    pub size: u64,
    place: Arc<str>,
    source: From,
    stamp: Option<Stamp>,
}

#[derive(Clone, Debug)]
enum From {
    File(Positional),
    Held(Bytes),
    Other(Arc<dyn Source>),
}

impl Opened {
    /// An object that is held in memory.
    pub fn held(bytes: Bytes) -> Self {
        let (size, source) = (bytes.len() as u64, From::Held(bytes));
        Self { size, place: "memory".into(), source, stamp: None }
    }

    /// An object of `size` bytes whose bytes come from `source`; `place` names it in errors.
    pub fn from_source(place: impl Into<Arc<str>>, size: u64, source: Arc<dyn Source>) -> Self {
        Self { size, place: place.into(), source: From::Other(source), stamp: None }
    }

    pub(crate) fn file(
        place: impl Into<Arc<str>>,
        size: u64,
        file: Positional,
        stamp: Stamp,
    ) -> Self {
        Self { size, place: place.into(), source: From::File(file), stamp: Some(stamp) }
    }

    /// The file's stamp when it was opened; `None` where the storage has none.
    pub fn stamp(&self) -> Option<Stamp> {
        self.stamp
    }

    /// Whether nobody has written to the file since it was opened. Its removal is no change, nor
    /// is it when the storage has no stamps.
    pub fn is_unchanged(&self) -> bool {
        let From::File(file) = &self.source else { return true };
        file.file()
            .metadata()
            .is_ok_and(|now| self.stamp.is_none_or(|then| then.has_content_of(&Stamp::of(&now))))
    }

    /// Streams the bytes of a range, cut to the object's length. The stream ends with an error
    /// when the object turns out to be shorter than it was.
    pub fn read(&self, range: Range<u64>) -> Reading {
        let end = range.end.min(self.size);
        let start = range.start.min(end);
        let state = match &self.source {
            From::File(file) => State::File { file: file.clone(), waiting: None },
            From::Held(bytes) => State::Held(bytes.slice(start as usize..end as usize)),
            From::Other(_) if start == end => State::Held(Bytes::new()),
            From::Other(source) => State::Other(source.read(start..end)),
        };
        Reading { place: Arc::clone(&self.place), at: start, end, state }
    }

    /// All bytes, unless they are more than `cap`.
    pub async fn all(&self, cap: u64) -> Result<Bytes, StorageError> {
        if self.size > cap {
            return Err(StorageError::TooLarge { size: self.size, cap });
        }
        let mut stream = self.read(0..self.size);
        let Some(first) = stream.try_next().await? else { return Ok(Bytes::new()) };
        if first.len() as u64 == self.size && matches!(self.source, From::Held(_)) {
            return Ok(first);
        }
        // Copied even when it is one chunk: a buffer on loan must not live in a cache.
        let mut all = BytesMut::with_capacity(self.size as usize);
        all.extend_from_slice(&first);
        while let Some(next) = stream.try_next().await? {
            all.extend_from_slice(&next);
        }
        Ok(all.freeze())
    }
}

/// The stream of a range of an object.
pub struct Reading {
    place: Arc<str>,
    at: u64,
    end: u64,
    state: State,
}

enum State {
    File { file: Positional, waiting: Option<JoinHandle<io::Result<Bytes>>> },
    Held(Bytes),
    Other(BoxStream<'static, Result<Bytes, StorageError>>),
    Failed,
}

impl Reading {
    /// The bytes that are still to come.
    pub fn remaining(&self) -> u64 {
        self.end - self.at
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, StorageError>> {
        let remaining = self.remaining();
        match &mut self.state {
            State::Held(bytes) => Poll::Ready(Ok(std::mem::take(bytes))),
            State::Failed => Poll::Ready(Ok(Bytes::new())),
            State::Other(stream) => {
                stream.poll_next_unpin(cx).map(|next| next.unwrap_or(Ok(Bytes::new())))
            }
            State::File { file, waiting } => {
                let read = ready!(poll_file(file, waiting, self.at, remaining, cx));
                Poll::Ready(
                    read.map_err(|error| StorageError::io("read", (*self.place).as_ref(), error)),
                )
            }
        }
    }
}

fn poll_file(
    file: &Positional,
    waiting: &mut Option<JoinHandle<io::Result<Bytes>>>,
    at: u64,
    remaining: u64,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Bytes>> {
    if waiting.is_none()
        && let Some(read) = file.read_now(at, remaining)
    {
        return Poll::Ready(read);
    }
    let handle = waiting.get_or_insert_with(|| {
        let file = file.clone();
        tokio::task::spawn_blocking(move || file.read_waiting(at, remaining))
    });
    let read = ready!(Pin::new(handle).poll(cx));
    *waiting = None;
    Poll::Ready(read.unwrap_or_else(|error| Err(io::Error::other(error))))
}

impl Stream for Reading {
    type Item = Result<Bytes, StorageError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.at == this.end || matches!(this.state, State::Failed) {
            return Poll::Ready(None);
        }
        let item = match ready!(this.poll_chunk(cx)) {
            Ok(chunk) if chunk.is_empty() => Err(StorageError::Short {
                place: this.place.to_string(),
                expected: this.end,
                found: this.at,
            }),
            Ok(mut chunk) => {
                chunk.truncate(usize::try_from(this.remaining()).unwrap_or(usize::MAX));
                this.at += chunk.len() as u64;
                Ok(chunk)
            }
            Err(error) => Err(error),
        };
        if item.is_err() {
            this.state = State::Failed;
        }
        Poll::Ready(Some(item))
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading")
            .field("place", &self.place)
            .field("at", &self.at)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
