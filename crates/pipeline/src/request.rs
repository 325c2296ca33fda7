//! A client's request, taken in: its path below the mount and its body under a cap.

use std::borrow::Cow;
use std::io::Read as _;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_ENCODING};
use http::request::Parts;
use http_body::Body;
use http_body_util::{BodyExt as _, Limited};
use weir_core::{Code, Method, Request, Segments};

use crate::Failure;
use crate::routes::Question;

/// Reads the body of a POST under the cap, and decodes gzip (npm and bun send their audits so).
pub(crate) async fn body<B>(parts: &Parts, body: B, cap: u64) -> Result<Bytes, Failure>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let limited = Limited::new(body, usize::try_from(cap).unwrap_or(usize::MAX));
    let bad = |reason: String| Failure::new(Code::BadRequest, reason);
    let bytes = limited
        .collect()
        .await
        .map_err(|error| bad(format!("the request body cannot be read: {error}")))?
        .to_bytes();
    match parts.headers.get(CONTENT_ENCODING).map(http::HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(bytes),
        Some(b"gzip" | b"x-gzip") => {
            gunzip(&bytes, cap).ok_or_else(|| bad("the gzip body is broken or too long".into()))
        }
        Some(_) => Err(bad("the request body has a coding other than gzip".into())),
    }
}

fn gunzip(bytes: &[u8], cap: u64) -> Option<Bytes> {
    let mut out = Vec::new();
    let mut decoder = flate2::bufread::MultiGzDecoder::new(bytes).take(cap + 1);
    decoder.read_to_end(&mut out).ok()?;
    (out.len() as u64 <= cap).then(|| out.into())
}

/// What a client accepts; several header lines are one list (RFC 9110 section 5.3).
pub(crate) fn accept(parts: &Parts) -> Cow<'_, str> {
    let mut lines = parts.headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let first = Cow::Borrowed(lines.next().unwrap_or_default());
    lines.fold(first, |list, line| Cow::Owned(format!("{list}, {line}")))
}

/// What a plugin sees of a request beside its path.
#[derive(Clone, Copy)]
pub(crate) struct Said<'a> {
    pub(crate) accept: &'a str,
    pub(crate) body: &'a [u8],
    pub(crate) namespace: &'a str,
}

impl<'a> Said<'a> {
    /// What a plugin's answer hangs on; `None` where it has a body to look at.
    pub(crate) fn question(
        self,
        ecosystem: &'static str,
        parts: &'a Parts,
        below: &'a str,
    ) -> Option<Question<'a>> {
        let Self { accept, body, namespace } = self;
        let (method, query) = (method(&parts.method), parts.uri.query().unwrap_or(""));
        body.is_empty().then_some(Question { ecosystem, method, below, query, accept, namespace })
    }
}

/// The request as a plugin sees it.
pub(crate) fn request<'a>(
    parts: &'a Parts,
    below: &str,
    Said { accept, body, namespace }: Said<'a>,
) -> Result<Request<'a>, Failure> {
    Ok(Request {
        method: method(&parts.method),
        segments: Segments::parse(&without_dots(below))?,
        query: parts.uri.query().unwrap_or(""),
        accept,
        body,
        namespace,
    })
}

/// Drops segments that stand for the folder itself (RFC 3986 section 5.2.4): apt asks for
/// `./InRelease` of a flat archive.
fn without_dots(path: &str) -> Cow<'_, str> {
    if !path.split('/').any(|segment| segment == ".") {
        return Cow::Borrowed(path);
    }
    let kept: Vec<_> = path.split('/').filter(|segment| *segment != ".").collect();
    Cow::Owned(kept.join("/"))
}

fn method(method: &http::Method) -> Method {
    match *method {
        http::Method::GET => Method::Get,
        http::Method::HEAD => Method::Head,
        http::Method::POST => Method::Post,
        http::Method::PUT => Method::Put,
        http::Method::DELETE => Method::Delete,
        _ => Method::Other,
    }
}
