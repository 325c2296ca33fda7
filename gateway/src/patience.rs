//! Connections of clients that may take nothing of an answer, and leave open which version of HTTP they
//! speak, for a limited time only.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// The connection preface of HTTP/2 (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream whose writes fail when the other side takes nothing for so long.
#[derive(Debug)]
pub(crate) struct Patient<S> {
    stream: S,
    patience: Duration,
    timer: Pin<Box<Sleep>>,
    /// Whether the timer runs: a write waits.
    waiting: bool,
    greeting: Option<Greeting>,
}

/// The bytes by which a client says which version it speaks: as long as they begin the preface, it
/// may be either.
#[derive(Debug)]
struct Greeting {
    timer: Pin<Box<Sleep>>,
    seen: usize,
}

impl Greeting {
    /// Whether these next bytes leave it open.
    fn goes_on(&mut self, bytes: &[u8]) -> bool {
        let rest = &PREFACE[self.seen..];
        self.seen += bytes.len();
        // Without any bytes, the client has ended the connection.
        !bytes.is_empty() && bytes.len() < rest.len() && rest.starts_with(bytes)
    }
}

impl<S> Patient<S> {
    /// Waits so long.
    pub(crate) fn new(stream: S, patience: Duration) -> Self {
        let timer = Box::pin(tokio::time::sleep(Duration::ZERO));
        Self { stream, patience, timer, waiting: false, greeting: None }
    }

    /// Reads fail when the other side has not said by then whether it speaks HTTP/2: whoever decides
    /// between the versions waits for it without an end.
    pub(crate) fn greeted_within(mut self, limit: Duration) -> Self {
        let timer = Box::pin(tokio::time::sleep(limit));
        self.greeting = Some(Greeting { timer, seen: 0 });
        self
    }

    /// Passes on what a write came to, or the end of patience.
    fn limited<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = false;
            return written;
        }
        if !self.waiting {
            self.waiting = true;
            self.timer.as_mut().reset(Instant::now() + self.patience);
        }
        match self.timer.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let Some(greeting) = &mut self.greeting else { return read };
        if read.is_pending() {
            return greeting.timer.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()));
        }
        if !greeting.goes_on(&buffer.filled()[before..]) {
            self.greeting = None;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.limited(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.limited(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.limited(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.limited(cx, ended)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let mut stream = Patient::new(ours, PATIENCE);
        let error = stream.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    /// What is read of a client that sends these and then nothing, within a limit of [`PATIENCE`].
    async fn greeted(parts: &[&[u8]]) -> (Vec<u8>, io::Result<usize>) {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let mut stream = Patient::new(ours, PATIENCE).greeted_within(PATIENCE);
        let mut all = vec![0; 0];
        for part in parts {
            theirs.write_all(part).await.unwrap();
            stream.read_buf(&mut all).await.unwrap();
        }
        let rest = tokio::time::timeout(PATIENCE * 3, stream.read_buf(&mut all)).await;
        (all, rest.unwrap_or(Ok(0)))
    }

    #[tokio::test]
    async fn a_client_that_does_not_say_what_it_speaks_is_given_up() {
        let halves: [&[&[u8]]; 4] = [&[], &[b"PRI * "], &[b"P", b"RI", b" * H"], &[&PREFACE[..23]]];
        for parts in halves {
            let (all, end) = greeted(parts).await;
            assert_eq!(all, parts.concat());
            assert_eq!(end.unwrap_err().kind(), io::ErrorKind::TimedOut, "{parts:?}");
        }
    }

    #[tokio::test]
    async fn a_client_that_has_said_what_it_speaks_may_wait() {
        let said: [&[&[u8]]; 4] =
            [&[PREFACE], &[b"PRI", b" * HTTP/1.1"], &[b"GET / HTTP/1.0\r\n\r\n"], &[b"P", b"U"]];
        for parts in said {
            assert_eq!(greeted(parts).await.1.unwrap(), 0, "{parts:?}");
        }
    }

    #[tokio::test]
    async fn a_client_that_takes_a_little_now_and_then_gets_everything() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let mut stream = Patient::new(ours, PATIENCE);
        let reading = tokio::spawn(async move {
            let (mut part, mut all) = ([0; 10], 0);
            while all < 100 {
                tokio::time::sleep(PATIENCE / 4).await;
                all += theirs.read(&mut part).await.unwrap();
            }
        });
        stream.write_all(&[0; 100]).await.unwrap();
        reading.await.unwrap();
    }
}
