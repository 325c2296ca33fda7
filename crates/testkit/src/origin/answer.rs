//! What an origin answers, and how badly.

use std::io::Write;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::serve::Seen;

/// An answer and the ways in which it goes wrong. Bodies are sent with their length, without
/// validators and whole, unless told otherwise; `Range` is ignored unless told otherwise.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
    pub(super) delay: Duration,
    pub(super) ends: Ends,
    /// The body comes in parts of so many bytes, with a pause before each but the first.
    pub(super) pace: Option<(usize, Duration)>,
    pub(super) declares: Declares,
    pub(super) ranges: bool,
    pub(super) authorization: Option<String>,
    /// So many failures come first: status and `Retry-After` in seconds.
    pub(super) failures: Option<(usize, u16, Option<u64>)>,
}

/// Which length a head declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Declares {
    /// The body's.
    Truth,
    /// None: the body is chunked.
    Nothing,
    /// Another one.
    Length(u64),
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    Well,
    /// Nothing more arrives after so many bytes, and the connection stays open.
    Stalls(usize),
    /// The connection breaks after so many bytes.
    Breaks(usize),
    /// The body is repeated without end.
    Never,
}

impl Answer {
    /// 200 with this body.
    pub fn ok(body: impl Into<Bytes>) -> Self {
        Self::status(200, body)
    }

    /// 200 with this JSON document.
    pub fn json(value: &serde_json::Value) -> Self {
        Self::ok(value.to_string()).media("application/json")
    }

    /// A status with this body.
    pub fn status(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            etag: None,
            last_modified: None,
            delay: Duration::ZERO,
            ends: Ends::Well,
            pace: None,
            declares: Declares::Truth,
            ranges: false,
            authorization: None,
            failures: None,
        }
    }

    /// 302 to an absolute address, or to a path on the same host.
    pub fn redirect(to: &str) -> Self {
        Self::status(302, "").header("location", to)
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The same with another body.
    #[must_use]
    pub fn with_body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Labels the body with this media type, right or wrong.
    #[must_use]
    pub fn media(mut self, media: &str) -> Self {
        self.headers.retain(|(name, _)| name != "content-type");
        self.header("content-type", media)
    }

    /// Has this `ETag` (with its quotes) and answers `If-None-Match` with 304.
    #[must_use]
    pub fn etag(mut self, etag: &str) -> Self {
        self.etag = Some(etag.to_owned());
        self
    }

    /// Has this `Last-Modified` and answers the same `If-Modified-Since` with 304.
    #[must_use]
    pub fn last_modified(mut self, date: &str) -> Self {
        self.last_modified = Some(date.to_owned());
        self
    }

    /// Waits before the head is sent.
    #[must_use]
    pub fn delayed(mut self, by: Duration) -> Self {
        self.delay = by;
        self
    }

    /// Sends the body in parts of so many bytes, with a pause before each but the first.
    #[must_use]
    pub fn trickling(mut self, bytes: usize, pause: Duration) -> Self {
        self.pace = Some((bytes.max(1), pause));
        self
    }

    /// Sends so many bytes of the body and then nothing, for as long as the client waits.
    #[must_use]
    pub fn stalling_after(mut self, bytes: usize) -> Self {
        self.ends = Ends::Stalls(bytes);
        self
    }

    /// Declares the whole length, sends so many bytes and breaks the connection.
    #[must_use]
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.ends = Ends::Breaks(bytes);
        self
    }

    /// Repeats the body without end and without a declared length.
    #[must_use]
    pub fn endless(mut self) -> Self {
        self.ends = Ends::Never;
        self.chunked()
    }

    /// Declares this length, whatever the body's is: a longer one ends in a broken connection, a
    /// shorter one cuts the body cleanly.
    #[must_use]
    pub fn claiming_length(mut self, length: u64) -> Self {
        self.declares = Declares::Length(length);
        self
    }

    /// Declares no length.
    #[must_use]
    pub fn chunked(mut self) -> Self {
        self.declares = Declares::Nothing;
        self
    }

    /// Another body of the same length: what a promised digest must catch.
    #[must_use]
    pub fn corrupted(mut self) -> Self {
        let mut bytes = self.body.to_vec();
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        self.body = bytes.into();
        self
    }

    /// Sends the body with `Content-Encoding: gzip`, whatever the client accepts.
    #[must_use]
    pub fn gzipped(mut self) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        // Writing to memory does not fail.
        if encoder.write_all(&self.body).is_ok() {
            self.body = encoder.finish().unwrap_or_default().into();
        }
        self.header("content-encoding", "gzip")
    }

    /// Honours `Range` (one range) and `If-Range`.
    #[must_use]
    pub fn ranged(mut self) -> Self {
        self.ranges = true;
        self
    }

    /// Fails so many times with this status before it answers, with `Retry-After` when given.
    #[must_use]
    pub fn failing(mut self, times: usize, status: u16, retry_after: Option<u64>) -> Self {
        self.failures = Some((times, status, retry_after));
        self
    }

    /// Answers only requests with these Basic credentials; 401 otherwise.
    #[must_use]
    pub fn basic(mut self, user: &str, password: &str) -> Self {
        self.authorization = Some(basic(user, password));
        self
    }

    /// Answers only requests with this bearer token; 401 otherwise.
    #[must_use]
    pub fn bearer(mut self, token: &str) -> Self {
        self.authorization = Some(format!("Bearer {token}"));
        self
    }
}

/// The `Authorization` header of Basic credentials.
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{user}:{password}")))
}

impl Answer {
    /// The answer to this request after `earlier` requests for the same thing.
    pub(super) fn to(&self, request: &Seen, earlier: usize) -> Self {
        if let Some((times, status, retry_after)) = self.failures.filter(|f| earlier < f.0) {
            let _ = times;
            let failure = Self::status(status, "not now\n");
            return match retry_after {
                Some(seconds) => failure.header("retry-after", &seconds.to_string()),
                None => failure,
            };
        }
        if refuses(self.authorization.as_deref(), request) {
            return unauthorized(self.authorization.as_deref());
        }
        let mut answer = self.clone();
        answer.headers.extend(self.etag.iter().map(|tag| ("etag".to_owned(), tag.clone())));
        let dates = self.last_modified.iter();
        answer.headers.extend(dates.map(|date| ("last-modified".to_owned(), date.clone())));
        if self.is_current(request) {
            (answer.status, answer.body, answer.ends) = (304, Bytes::new(), Ends::Well);
            answer.declares = Declares::Truth;
        } else if self.ranges {
            answer.take_range(request);
        }
        answer
    }

    /// Whether the client's copy is current.
    fn is_current(&self, request: &Seen) -> bool {
        let tag = request.header("if-none-match").filter(|_| self.etag.is_some());
        let date = request.header("if-modified-since").filter(|_| self.last_modified.is_some());
        match (tag, date) {
            (Some(tags), _) => {
                let ours = self.etag.as_deref().unwrap_or_default();
                tags.split(',').any(|tag| tag.trim() == "*" || tag.trim() == ours)
            }
            (None, Some(date)) => Some(date) == self.last_modified.as_deref(),
            (None, None) => false,
        }
    }

    /// Cuts the body to the requested range (RFC 9110 section 14).
    fn take_range(&mut self, request: &Seen) {
        self.headers.push(("accept-ranges".into(), "bytes".into()));
        let Some(range) = request.header("range").and_then(|r| r.strip_prefix("bytes=")) else {
            return;
        };
        let condition = request.header("if-range");
        let ours = [self.etag.as_deref(), self.last_modified.as_deref()];
        if condition.is_some() && !ours.contains(&condition) {
            return;
        }
        let length = self.body.len();
        match span(range, length) {
            Some((start, end)) if start < end => {
                self.status = 206;
                self.body = self.body.slice(start..end);
                let value = format!("bytes {start}-{}/{length}", end - 1);
                self.headers.push(("content-range".into(), value));
            }
            _ => {
                self.status = 416;
                self.body = Bytes::new();
                self.headers.push(("content-range".into(), format!("bytes */{length}")));
            }
        }
    }
}

/// `a-b`, `a-` or `-n` as a half-open range.
fn span(range: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = range.split_once('-')?;
    if first.is_empty() {
        return Some((length.saturating_sub(last.parse().ok()?), length));
    }
    let end = if last.is_empty() { length } else { last.parse::<usize>().ok()?.checked_add(1)? };
    Some((first.parse().ok()?, end.min(length)))
}

/// Whether a request lacks the credentials that are wanted.
pub(super) fn refuses(wanted: Option<&str>, request: &Seen) -> bool {
    wanted.is_some() && request.header("authorization") != wanted
}

/// 401 with the challenge for the wanted credentials.
pub(super) fn unauthorized(wanted: Option<&str>) -> Answer {
    let scheme = wanted.and_then(|w| w.split(' ').next()).unwrap_or("Basic");
    Answer::status(401, "who are you?\n")
        .header("www-authenticate", &format!("{scheme} realm=\"fixture\""))
}
