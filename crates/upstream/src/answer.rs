//! What becomes of a response: a document or a stream.

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use hyper::body::Incoming;
use url::Url;

use crate::capped::{self, Cap, Coding};
use crate::limits::Entry;
use crate::{At, Body, Document, Method, Settings, Streaming, UpstreamError};

/// Larger bodies are decoded on a thread of their own, so that others need not wait.
const DECODE_INLINE: usize = 64 << 10;

/// Headers of an answer, and its body still to come.
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    url: Url,
    at: At,
    length: Option<u64>,
    body: Body,
}

impl Answer {
    pub(crate) fn new(
        response: Response<Incoming>,
        entry: Entry,
        (method, at, url): (Method, At, Url),
        settings: &Settings,
    ) -> Self {
        let (head, incoming) = response.into_parts();
        let length = content_length(&head.headers);
        let bodiless = method == Method::Head
            || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let expected = length.filter(|_| !bodiless);
        let body = Body::new(incoming, expected, entry, (at.clone(), settings));
        Self { status: head.status, headers: head.headers, url, at, length, body }
    }

    pub(crate) fn into_streaming(self) -> Result<Streaming, UpstreamError> {
        let coding = content_encoding(&self.headers);
        if self.status.is_success() && coding != Some(Coding::Identity) {
            let reason = "expected an artifact without Content-Encoding".to_owned();
            return Err(UpstreamError::Encoding { at: self.at, reason });
        }
        let Self { status, headers, url, length, body, .. } = self;
        Ok(Streaming { status, headers, url, length, body })
    }

    /// The status and at most `limit` bytes of the body, as they came.
    pub(crate) async fn into_bytes(self, limit: u64) -> Result<(StatusCode, Bytes), UpstreamError> {
        Ok((self.status, self.body.collect(limit).await?))
    }

    pub(crate) async fn into_document(
        self,
        settings: &Settings,
        method: Method,
    ) -> Result<Document, UpstreamError> {
        let Self { status, mut headers, url, at, body, .. } = self;
        let coding = content_encoding(&headers);
        let body = match body.collect(settings.max_document).await {
            Ok(bytes) if method == Method::Head => Ok(bytes),
            Ok(bytes) => decode(coding, bytes, at, settings).await,
            Err(error) => Err(error),
        };
        let body = match body {
            // Nobody reads the page that comes with a refusal; the status is what matters.
            Err(UpstreamError::TooLarge { .. } | UpstreamError::Encoding { .. })
                if !status.is_success() =>
            {
                Bytes::new()
            }
            other => other?,
        };
        for name in [header::CONTENT_ENCODING, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
            headers.remove(name);
        }
        Ok(Document { status, headers, url, body })
    }
}

async fn decode(
    coding: Option<Coding>,
    bytes: Bytes,
    at: At,
    settings: &Settings,
) -> Result<Bytes, UpstreamError> {
    let limit = settings.max_document;
    let cap = Cap { bytes: limit, ratio: settings.max_ratio };
    let coding = match coding {
        Some(Coding::Identity) => return Ok(bytes),
        Some(coding) => coding,
        None => {
            let reason = "expected one content coding of gzip, br, zstd or deflate".to_owned();
            return Err(UpstreamError::Encoding { at, reason });
        }
    };
    if bytes.is_empty() {
        // Some servers label empty bodies too.
        return Ok(bytes);
    }
    let decoded = if bytes.len() <= DECODE_INLINE {
        capped::decode(coding, &bytes, cap)
    } else {
        let work = tokio::task::spawn_blocking(move || capped::decode(coding, &bytes, cap));
        match work.await {
            Ok(decoded) => decoded,
            Err(stopped) => {
                return Err(UpstreamError::Encoding { at, reason: stopped.to_string() });
            }
        }
    };
    decoded.map(Bytes::from).map_err(|error| match error {
        capped::DecodeError::TooLarge { limit } => {
            UpstreamError::TooLarge { at, what: "document", limit }
        }
        other => UpstreamError::Encoding { at, reason: other.to_string() },
    })
}

/// The coding of a body; `None` when it is unknown or there are several.
fn content_encoding(headers: &HeaderMap) -> Option<Coding> {
    let mut labels = headers.get_all(header::CONTENT_ENCODING).iter();
    match (labels.next(), labels.next()) {
        (None, _) => Some(Coding::Identity),
        (Some(label), None) => Coding::parse(label.to_str().ok()?),
        (Some(_), Some(_)) => None,
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
