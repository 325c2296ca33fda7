//! Faults below HTTP: what a connection does to the bytes that an origin sends over it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

/// The most bytes of an endless head that are sent.
const ENDLESS: usize = 64 << 20;
/// How long a connection that fell silent is kept.
const SILENCE: Duration = Duration::from_mins(2);

/// What becomes of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wire {
    /// Everything arrives.
    #[default]
    Sound,
    /// It is closed before anything is read.
    Closed,
    /// It breaks after so many bytes of answers, heads included.
    CutAfter(usize),
    /// Nothing more arrives after so many bytes of answers, and it stays open.
    StallAfter(usize),
    /// These bytes come in the place of an answer.
    Garbage(Vec<u8>),
    /// Header lines come without end.
    EndlessHead,
}

impl Wire {
    /// The stream that an HTTP server may use; `None` when there is nothing for it to do.
    pub(super) async fn take(self, mut stream: TcpStream) -> Option<Bent> {
        match self {
            Self::Sound => Some(Bent { stream, left: usize::MAX, stalls: false }),
            Self::CutAfter(left) => Some(Bent { stream, left, stalls: false }),
            Self::StallAfter(left) => Some(Bent { stream, left, stalls: true }),
            Self::Closed => None,
            Self::Garbage(bytes) => {
                if stream.readable().await.is_ok() && stream.write_all(&bytes).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                None
            }
            Self::EndlessHead => {
                let line = b"x-padding: and another line of it\r\n".repeat(64);
                let mut sent = 0;
                if stream.write_all(b"HTTP/1.1 200 OK\r\n").await.is_ok() {
                    while sent < ENDLESS && stream.write_all(&line).await.is_ok() {
                        sent += line.len();
                    }
                }
                None
            }
        }
    }
}

/// A connection that sends so many bytes and then breaks or falls silent.
pub(super) struct Bent {
    stream: TcpStream,
    left: usize,
    stalls: bool,
}

impl AsyncRead for Bent {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Bent {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.left == 0 && self.stalls {
            // The connection's task is ended with the origin, or after a while: see `respond`.
            return Poll::Pending;
        }
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other("cut as told")));
        }
        let most = bytes.len().min(self.left);
        let written = Pin::new(&mut self.stream).poll_write(cx, &bytes[..most]);
        if let Poll::Ready(Ok(written)) = &written {
            self.left = if self.left == usize::MAX { self.left } else { self.left - written };
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Serves a connection for as long as it may be silent at most.
pub(super) async fn limited(stalls: bool, serving: impl Future<Output = ()>) {
    if stalls {
        let _ = tokio::time::timeout(SILENCE, serving).await;
    } else {
        serving.await;
    }
}
