//! The smallest HTTP/1.1 client that can check an answer: one request a connection.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use weir_core::{Algorithm, Digest};

/// How long a server may pause.
const PATIENCE: Duration = Duration::from_mins(1);

/// A request header.
pub(crate) type Header = (&'static str, String);

/// A request without its address.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<Header>,
}

impl Ask {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), headers: Vec::new() }
    }

    pub(crate) fn head(path: impl Into<String>) -> Self {
        Self { method: "HEAD", ..Self::get(path) }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The head of the request as it is sent.
    pub(crate) fn head_text(&self, host: SocketAddr, connection: &str) -> String {
        let Self { method, path, headers } = self;
        let more = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let more: String = more.collect();
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: {connection}\r\n{more}\r\n"
        )
    }
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// A header by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).with_context(|| self.summary())
    }

    /// The status and how the body begins.
    pub(crate) fn summary(&self) -> String {
        let start = &self.body[..self.body.len().min(200)];
        format!("{} with {:?}", self.status, String::from_utf8_lossy(start))
    }

    /// SHA-256 of the body.
    pub(crate) fn sha256(&self) -> String {
        Digest::of(Algorithm::Sha256, &self.body).hex()
    }
}

/// Sends a request and reads the whole answer.
pub(crate) fn send(host: SocketAddr, ask: &Ask, body: &[u8]) -> Result<Reply> {
    exchange(host, ask, body).with_context(|| format!("{} {}", ask.method, ask.path))
}

/// The answer from the cache: what is asked for again is a hit, and may be held in memory by then.
pub(crate) fn warm(host: SocketAddr, ask: &Ask) -> Result<Reply> {
    send(host, ask, b"")?;
    std::thread::sleep(Duration::from_millis(200));
    send(host, ask, b"")
}

fn exchange(host: SocketAddr, ask: &Ask, body: &[u8]) -> Result<Reply> {
    let mut stream = open(host)?;
    let ask = match ask.method {
        "PUT" | "POST" => ask.clone().with("Content-Length", body.len().to_string()),
        _ => ask.clone(),
    };
    stream.write_all(ask.head_text(host, "close").as_bytes())?;
    stream.write_all(body)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let mut reply = parse_head(&bytes)?.context("the connection ended within the head")?;
    let body = &bytes[reply_length(&bytes)..];
    match reply.header("transfer-encoding") {
        Some(_) => reply.body = unchunked(body).context("an answer in broken chunks")?,
        None => reply.body.extend_from_slice(body),
    }
    let declared = reply.header("content-length").and_then(|length| length.parse().ok());
    let bodiless = ask.method == "HEAD" || reply.status == 304;
    if !bodiless && declared.is_some_and(|length: usize| length != reply.body.len()) {
        bail!("{} bytes where {declared:?} were declared", reply.body.len());
    }
    Ok(reply)
}

/// A body that was sent in chunks (RFC 9112, section 7.1), without trailers.
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..end]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let chunk = rest.get(end + 2..)?;
        body.extend_from_slice(chunk.get(..size)?);
        rest = chunk.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

/// A connection that does not wait for ever.
pub(crate) fn open(host: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(host)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The head at the beginning of what arrived, without body; `None` when it is not whole yet.
pub(crate) fn parse_head(bytes: &[u8]) -> Result<Option<Reply>> {
    let length = reply_length(bytes);
    if length == 0 {
        return Ok(None);
    }
    let head = std::str::from_utf8(&bytes[..length])?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status = status.context("no status line")?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    Ok(Some(Reply { status, headers: headers.collect(), body: Vec::new() }))
}

/// The length of the head with the empty line behind it; 0 when that has not come yet.
pub(crate) fn reply_length(bytes: &[u8]) -> usize {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |at| at + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_in_chunks_is_put_together() {
        let whole = unchunked(b"3\r\nabc\r\nA;x=1\r\n0123456789\r\n0\r\n\r\n");
        assert_eq!(whole.as_deref(), Some(&b"abc0123456789"[..]));
        assert_eq!(unchunked(b"3\r\nab"), None);
    }

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let bytes = b"HTTP/1.1 304 Not Modified\r\nETag: \"a:b\"\r\n\r\nrest";
        let reply = parse_head(bytes).unwrap().unwrap();
        assert_eq!((reply.status, reply.header("etag")), (304, Some("\"a:b\"")));
        assert!(parse_head(&bytes[..30]).unwrap().is_none());
        assert!(parse_head(b"nonsense\r\n\r\n").is_err());
    }
}
