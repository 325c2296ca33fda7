//! From what is served to HTTP: validators, ranges, codings, and refusals that reach people.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED,
    LOCATION, RANGE, RETRY_AFTER, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use hyper::ext::ReasonPhrase;
use weir_cache::{Body, Encoding, Entry, Fill, Rendering};
use weir_core::{
    Code, Coding, Denial, Descriptor, Digest, Ecosystem, Owner, Reply, Target, Timestamp,
};

use crate::{Failure, ResponseBody};

/// The word of a refusal, for scripts.
const REASON: HeaderName = HeaderName::from_static("x-weir-reason");
/// Where a refusal is explained.
const EXPLAIN: HeaderName = HeaderName::from_static("x-weir-explain");

/// What a client asked for beyond the path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conditions<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) head: bool,
}

impl Conditions<'_> {
    fn text(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// RFC 9110 section 13.1: the entity tag decides where there is one, else the date.
    fn unchanged(&self, etag: Option<&str>, modified: Option<Timestamp>) -> bool {
        match (self.text(IF_NONE_MATCH), etag) {
            (Some(tags), Some(etag)) => names(tags, etag),
            (Some(_), None) => false,
            (None, _) => {
                match (self.text(IF_MODIFIED_SINCE).map(httpdate::parse_http_date), modified) {
                    (Some(Ok(since)), Some(modified)) => modified_time(modified) <= since,
                    _ => false,
                }
            }
        }
    }

    /// The range to serve of a body of this length; all of it when `If-Range` does not match or
    /// there are several ranges.
    pub(crate) fn range(
        &self,
        etag: Option<&str>,
        modified: Option<Timestamp>,
        length: u64,
    ) -> Asked {
        let Some(range) = self.text(RANGE) else { return Asked::Whole };
        if let Some(validator) = self.text(IF_RANGE) {
            let matches = match (etag, modified) {
                (Some(etag), _) if validator.trim().trim_matches('"') == etag => true,
                (_, Some(modified)) => httpdate::parse_http_date(validator)
                    .is_ok_and(|date| date == modified_time(modified)),
                _ => false,
            };
            if !matches {
                return Asked::Whole;
            }
        }
        parse_range(range, length)
    }
}

fn names(tags: &str, etag: &str) -> bool {
    // Nearly always it is one tag, as it was told.
    unquoted(tags) == Some(etag)
        || tags.split(',').map(str::trim).any(|tag| {
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"') == etag
        })
}

/// HTTP dates have whole seconds.
pub(crate) fn modified_time(at: Timestamp) -> std::time::SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(at.as_millis() / 1000).unwrap_or(0))
}

/// Which part of a body is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// All of it.
    Whole,
    /// This part; `open` when the client wrote `N-`.
    Part { range: Range<u64>, open: bool },
    /// Nothing that there is: 416.
    Nothing,
}

/// RFC 9110 section 14.1.2, a single range of bytes. Several ranges, other units and malformed
/// values are ignored, as section 14.2 allows.
fn parse_range(text: &str, length: u64) -> Asked {
    let Some(spec) = text.trim().strip_prefix("bytes=").filter(|s| !s.contains(',')) else {
        return Asked::Whole;
    };
    let Some((first, last)) = spec.trim().split_once('-') else { return Asked::Whole };
    let (range, open) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => {
            (first..last.saturating_add(1).min(length), false)
        }
        (Ok(first), Err(_)) if last.is_empty() => (first..length, true),
        (Err(_), Ok(suffix)) if first.is_empty() => (length.saturating_sub(suffix)..length, false),
        _ => return Asked::Whole,
    };
    if range.start >= length || range.is_empty() {
        return Asked::Nothing;
    }
    Asked::Part { range, open }
}

/// A document as served.
pub(crate) async fn document(
    rendering: &Rendering,
    conditions: Conditions<'_>,
) -> Response<ResponseBody> {
    let accept = conditions.text(ACCEPT_ENCODING).unwrap_or("");
    // A compressed file is what it is: clients compare its digest.
    let packed = rendering.head.unencoded || rendering.head.coding != Coding::Identity;
    let choice = Encoding::choose(accept).filter(|_| !packed);
    let (encoding, bytes) = match choice {
        Some(encoding) => rendering.encoded(encoding).await,
        None => (None, rendering.identity().clone()),
    };
    let told = rendering.headers(encoding, || document_headers(rendering, encoding, &bytes));
    let unchanged = conditions.unchanged(tag_among(told), rendering.head.last_modified);
    let shows = !unchanged && !conditions.head;
    let body = if shows { ResponseBody::full(bytes) } else { ResponseBody::empty() };
    let mut response = Response::new(body);
    response.headers_mut().clone_from(told);
    if unchanged { without_content(response) } else { response }
}

/// 304 in place of the content that a head tells of.
fn without_content<B>(mut response: Response<B>) -> Response<B> {
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response.headers_mut().remove(CONTENT_LENGTH);
    response
}

/// A short text that goes with another target.
pub(crate) fn text(text: String, conditions: Conditions<'_>) -> Response<ResponseBody> {
    let length = text.len() as u64;
    let mut response = sized(
        if conditions.head { ResponseBody::empty() } else { ResponseBody::full(text) },
        length,
    );
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The head of a representation, made once; the last of two values for a name counts.
fn document_headers(rendering: &Rendering, encoding: Option<Encoding>, bytes: &Bytes) -> HeaderMap {
    let head = &rendering.head;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, bytes.len().into());
    let vary = if head.varies { "Accept, Accept-Encoding" } else { "Accept-Encoding" };
    headers.insert(VARY, HeaderValue::from_static(vary));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    insert(&mut headers, CONTENT_TYPE, &head.media);
    insert(&mut headers, ETAG, &format!("\"{}\"", rendering.etag(encoding)));
    if let Some(at) = head.last_modified {
        insert(&mut headers, LAST_MODIFIED, &httpdate::fmt_http_date(modified_time(at)));
    }
    for (name, value) in &head.headers {
        insert(&mut headers, HeaderName::from_static(name), value);
    }
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.token()));
    }
    headers
}

/// The entity tag among headers, without its quotes.
fn tag_among(told: &HeaderMap) -> Option<&str> {
    unquoted(told.get(ETAG)?.to_str().ok()?)
}

fn unquoted(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.strip_suffix('"')
}

/// The head for a stored artifact and which part of it is asked for; `None` when no byte is.
pub(crate) fn stored_part(
    entry: &Entry,
    conditions: Conditions<'_>,
) -> (Response<()>, Option<Range<u64>>) {
    let told = entry.headers(|| entry_headers(entry));
    let (etag, modified) = (tag_among(told), Some(entry.stored_at));
    let mut response = Response::new(());
    response.headers_mut().clone_from(told);
    if conditions.unchanged(etag, modified) {
        return (without_content(response), None);
    }
    let range = match conditions.range(etag, modified, entry.size) {
        Asked::Whole => 0..entry.size,
        Asked::Part { range, .. } => {
            partial(&mut response, &range, entry.size);
            response.headers_mut().insert(CONTENT_LENGTH, (range.end - range.start).into());
            range
        }
        Asked::Nothing => return (unsatisfiable(response, entry.size), None),
    };
    (response, (!conditions.head).then_some(range))
}

/// The head of a stored artifact, made once.
fn entry_headers(entry: &Entry) -> HeaderMap {
    let mut headers = HeaderMap::new();
    describe_any_file(&mut headers);
    describe_file(&mut headers, Some(entry.stored_at), &entry.media);
    headers.insert(ETAG, entry.quoted_etag().clone());
    headers.insert(CONTENT_LENGTH, entry.size.into());
    headers
}

/// Joins a head made by [`stored_part`] with its bytes.
pub(crate) fn stored(head: Response<()>, body: Body) -> Response<ResponseBody> {
    head.map(|()| body.into())
}

/// What is known of an artifact before its bytes are here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Foretold<'a> {
    /// The promised digests, that of the entity tag first.
    pub(crate) digests: &'a [Digest],
    /// Upstream's media type.
    pub(crate) media: &'a str,
    /// In bytes.
    pub(crate) length: Option<u64>,
}

impl<'a> Foretold<'a> {
    /// Of a transfer under way.
    pub(crate) fn of(fill: &'a Fill) -> Self {
        Self { digests: fill.digests(), media: fill.media(), length: fill.length() }
    }

    /// The entity tag, without quotes: the one that the stored artifact will have.
    pub(crate) fn etag(&self) -> Option<String> {
        let first = self.digests.first().filter(|digest| digest.algorithm().is_streamed());
        first.map(Digest::hex)
    }

    /// The head, from this byte on.
    pub(crate) fn head(&self, start: u64) -> Response<()> {
        let mut response = Response::new(());
        describe_any_file(response.headers_mut());
        describe_file(response.headers_mut(), None, self.media);
        if let Some(etag) = self.etag() {
            insert(response.headers_mut(), ETAG, &format!("\"{etag}\""));
        }
        if let Some(length) = self.length {
            if start > 0 {
                partial(&mut response, &(start..length), length);
            }
            response.headers_mut().insert(CONTENT_LENGTH, length.saturating_sub(start).into());
        }
        response
    }

    /// 304, when the client has it already: no byte needs to be fetched for that.
    pub(crate) fn unchanged(&self, conditions: Conditions<'_>) -> Option<Response<ResponseBody>> {
        let etag = self.etag()?;
        if !conditions.unchanged(Some(&etag), None) {
            return None;
        }
        let mut response = Foretold { length: None, ..*self }.head(0);
        response.headers_mut().remove(CONTENT_TYPE);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        Some(response.map(|()| ResponseBody::empty()))
    }
}

fn describe_file(headers: &mut HeaderMap, modified: Option<Timestamp>, media: &str) {
    insert(
        headers,
        CONTENT_TYPE,
        if media.is_empty() { "application/octet-stream" } else { media },
    );
    if let Some(at) = modified {
        insert(headers, LAST_MODIFIED, &httpdate::fmt_http_date(modified_time(at)));
    }
}

/// What every file has.
fn describe_any_file(headers: &mut HeaderMap) {
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
}

fn partial<B>(response: &mut Response<B>, range: &Range<u64>, length: u64) {
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    let text = format!("bytes {}-{}/{length}", range.start, range.end.saturating_sub(1));
    insert(response.headers_mut(), CONTENT_RANGE, &text);
}

pub(crate) fn unsatisfiable(mut response: Response<()>, length: u64) -> Response<()> {
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    response.headers_mut().remove(CONTENT_LENGTH);
    insert(response.headers_mut(), CONTENT_RANGE, &format!("bytes */{length}"));
    response
}

fn sized(body: ResponseBody, length: u64) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    response
}

/// Header values come from documents and configuration: what does not fit is left out.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// How refusals are shaped here.
#[derive(Clone, Debug)]
pub(crate) struct RefusalStyle<'a> {
    pub(crate) block_status: u16,
    /// Public address of the mount, for redirects.
    pub(crate) base: &'a str,
    pub(crate) query: &'a str,
}

/// An answer that says a refusal or fault.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    status: StatusCode,
    headers: HeaderMap,
    reason: Option<ReasonPhrase>,
    body: Bytes,
}

impl Said {
    pub(crate) fn response(&self, head: bool) -> Response<ResponseBody> {
        let body = if head { ResponseBody::empty() } else { ResponseBody::full(self.body.clone()) };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        if let Some(reason) = &self.reason {
            response.extensions_mut().insert(reason.clone());
        }
        response
    }
}

/// A refusal or fault, in the ecosystem's own form, with the reason in every channel that
/// clients print: status line, headers, body.
pub(crate) fn failure(
    ecosystem: Option<&Arc<dyn Ecosystem>>,
    target: Option<&Target>,
    failure: &Failure,
    style: &RefusalStyle<'_>,
) -> Said {
    let denial = failure.denial();
    let reply = match ecosystem {
        Some(ecosystem) => ecosystem.deny(target, denial),
        None => Reply::plain(denial),
    };
    let status = failure.status(style.block_status);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, (reply.body.len() as u64).into());
    describe_refusal(&mut headers, denial, reply.media, &reply.headers);
    let mut reason = None;
    if let Some(path) = failure.moved() {
        let query = if style.query.is_empty() { "" } else { "?" };
        let place = format!("{}/{path}{query}{}", style.base, style.query);
        insert(&mut headers, LOCATION, &place);
    } else {
        reason = ReasonPhrase::try_from(denial.status_line().into_bytes()).ok();
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    if let Some(seconds) = failure.retry_after() {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    Said { status, headers, reason, body: reply.body.into() }
}

fn describe_refusal(
    headers: &mut HeaderMap,
    denial: &Denial,
    media: &str,
    more: &[(&'static str, String)],
) {
    insert(headers, CONTENT_TYPE, media);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REASON, HeaderValue::from_static(denial.code.as_str()));
    if let Some(explain) = &denial.explain {
        insert(headers, EXPLAIN, explain);
    }
    for (name, value) in more {
        insert(headers, HeaderName::from_static(name), value);
    }
}

/// The headers that content-addressed formats have on every answer, and that on files.
pub(crate) fn describe_content(
    response: &mut Response<ResponseBody>,
    descriptor: &Descriptor,
    target: Option<&Target>,
) {
    let Some(content) = &descriptor.content else { return };
    let status = response.status();
    let headers = response.headers_mut();
    for (name, value) in content.headers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Some(Target::Artifact { owner: Owner::Content { digest, .. }, .. }) = target
        && (status.is_success() || status == StatusCode::NOT_MODIFIED)
    {
        insert(headers, HeaderName::from_static(content.digest_header), &digest.to_string());
    }
}

/// Whether a failure is policy's own refusal.
pub(crate) fn is_refusal(failure: &Failure) -> bool {
    failure.code().is_block() || failure.code() == Code::FailedRequest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(range: Range<u64>, open: bool) -> Asked {
        Asked::Part { range, open }
    }

    #[test]
    fn single_ranges_are_read() {
        assert_eq!(parse_range("bytes=0-0", 10), part(0..1, false));
        assert_eq!(parse_range("bytes=4-", 10), part(4..10, true));
        assert_eq!(parse_range("bytes=-3", 10), part(7..10, false));
        assert_eq!(parse_range("bytes=-30", 10), part(0..10, false));
        assert_eq!(parse_range("bytes=4-99", 10), part(4..10, false));
    }

    #[test]
    fn ranges_beyond_the_end_are_refused() {
        assert_eq!(parse_range("bytes=10-", 10), Asked::Nothing);
        assert_eq!(parse_range("bytes=-0", 10), Asked::Nothing);
        assert_eq!(parse_range("bytes=0-", 0), Asked::Nothing);
    }

    #[test]
    fn what_is_no_single_range_is_ignored() {
        for text in ["bytes=0-1,3-4", "items=0-1", "bytes=5-4", "bytes=a-b", "bytes=", "bytes=-"] {
            assert_eq!(parse_range(text, 10), Asked::Whole, "{text}");
        }
    }

    #[test]
    fn entity_tags_compare_weakly() {
        assert!(names("\"a\", W/\"b\"", "b"));
        assert!(names("*", "b"));
        assert!(!names("\"a\"", "b"));
    }
}
