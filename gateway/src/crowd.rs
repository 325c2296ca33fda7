//! More clients than places: as many places as the system gives, and a word for those who get none.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many are told at once that there is no place; others wait in line.
const TOLD: usize = 256;
/// How long it may take to tell one.
const TELLING: Duration = Duration::from_secs(2);
/// The whole answer: nothing is known of the request, and nothing is read of it.
const FULL: &str = "HTTP/1.1 503 overloaded: the gateway has as many connections as limits.connections allows\r\n\
    Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nRetry-After: 5\r\n\
    X-Weir-Reason: overloaded\r\nConnection: close\r\nContent-Length: 82\r\n\r\n\
    overloaded: the gateway has as many connections as it may have; try again shortly\n";

/// The places for connections.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    told: Arc<Semaphore>,
}

/// A place; free again when this goes.
pub(crate) type Place = OwnedSemaphorePermit;

impl Places {
    /// So many places.
    pub(crate) fn new(count: usize) -> Self {
        let count = count.clamp(1, Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(count)), told: Arc::new(Semaphore::new(TOLD)) }
    }

    /// Waits until somebody can be served, or told that nobody can.
    pub(crate) async fn open(&self) {
        tokio::select! {
            _ = self.free.acquire() => {}
            _ = self.told.acquire() => {}
        }
    }

    /// A place for this connection. Without one, its client is told when to come back; one that
    /// speaks TLS (`silent`) only finds the connection closed.
    pub(crate) fn place(&self, stream: TcpStream, silent: bool) -> Option<(TcpStream, Place)> {
        if let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
            return Some((stream, place));
        }
        if let Ok(turn) = Arc::clone(&self.told).try_acquire_owned()
            && !silent
        {
            tokio::spawn(async move {
                let _ = tokio::time::timeout(TELLING, tell(stream)).await;
                drop(turn);
            });
        }
        None
    }
}

/// Answers whatever is asked. Clients want to have asked first, and a connection that is closed over
/// unread bytes takes the answer with it.
async fn tell(mut stream: TcpStream) -> std::io::Result<()> {
    let mut asked = [0; 2048];
    if stream.read(&mut asked).await? == 0 {
        return Ok(());
    }
    stream.write_all(FULL.as_bytes()).await?;
    stream.shutdown().await?;
    while stream.read(&mut asked).await? > 0 {}
    Ok(())
}

/// Lets the process have as many open files as the system allows it: each connection is one, and
/// shells begin with 1,024.
#[cfg(unix)]
pub(crate) fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::debug!(%error, ?current, "the number of open files was not raised");
    }
}

/// Other systems have no such limit.
#[cfg(not(unix))]
pub(crate) fn raise_open_files() {}

#[cfg(test)]
mod tests {
    use super::FULL;

    #[test]
    fn the_answer_of_a_full_gateway_has_the_length_that_it_says() {
        let (head, body) = FULL.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
        assert!(head.lines().all(|line| !line.starts_with(' ')), "{head}");
    }
}
