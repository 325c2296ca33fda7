//! One question to a registry, and its answers.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use url::Url;

use crate::Body;

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whither<'a> {
    /// A path below the origin's base, percent-encoded, maybe with a query. It is sent as it is:
    /// `%2f` stays `%2f`. A leading slash means nothing; relative segments are refused.
    Path(&'a str),
    /// A link that a fetched document holds: checked like a redirect.
    Url(&'a Url),
}

/// The methods that are sent to registries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// HEAD
    Head,
    /// POST; never sent twice.
    Post,
}

impl From<Method> for http::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Head => Self::HEAD,
            Method::Post => Self::POST,
        }
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// Where to.
    pub to: Whither<'a>,
    /// The method.
    pub method: Method,
    /// The `Accept` header.
    pub accept: &'a str,
    /// The `If-None-Match` header.
    pub if_none_match: Option<&'a str>,
    /// The `If-Modified-Since` header.
    pub if_modified_since: Option<&'a str>,
    /// The body of a POST.
    pub body: Option<Bytes>,
    /// More headers. They stay with the origin's own scheme, host and port, like credentials.
    pub headers: HeaderMap,
    /// Asks for a document without a content coding: for resources that are compressed files
    /// themselves.
    pub identity: bool,
}

impl<'a> Ask<'a> {
    /// A GET that accepts anything.
    pub fn get(to: Whither<'a>) -> Self {
        Self {
            to,
            method: Method::Get,
            accept: "*/*",
            if_none_match: None,
            if_modified_since: None,
            body: None,
            headers: HeaderMap::new(),
            identity: false,
        }
    }

    /// A HEAD.
    pub fn head(to: Whither<'a>) -> Self {
        Self { method: Method::Head, ..Self::get(to) }
    }

    /// A POST.
    pub fn post(to: Whither<'a>, body: Bytes) -> Self {
        Self { method: Method::Post, body: Some(body), ..Self::get(to) }
    }

    /// Sets the `Accept` header.
    #[must_use]
    pub fn accept(mut self, accept: &'a str) -> Self {
        self.accept = accept;
        self
    }
}

/// A whole document.
#[derive(Clone, Debug)]
pub struct Document {
    /// The status: 2xx, 304 or 4xx without 408, 425 and 429.
    pub status: StatusCode,
    /// The headers, without those that described the transfer (`Content-Encoding`,
    /// `Content-Length`, `Transfer-Encoding`).
    pub headers: HeaderMap,
    /// Where the answer came from, after redirects.
    pub url: Url,
    /// The decoded body.
    pub body: Bytes,
}

/// An artifact on its way.
#[derive(Debug)]
pub struct Streaming {
    /// The status, as in [`Document`].
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// Where the answer comes from, after redirects.
    pub url: Url,
    /// The length that the registry declared, in bytes. A body that ends before it is an error of
    /// the stream.
    pub length: Option<u64>,
    /// The bytes.
    pub body: Body,
}
