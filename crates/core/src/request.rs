//! A client's request as a plugin sees it: below its mount, decoded once, already safe to take
//! apart.

use percent_encoding::percent_decode_str;

use crate::Unroutable;

/// The longest path that is looked at, in bytes. Longer ones are refused with 400.
const MAX_PATH: usize = 2048;
/// The longest decoded segment, in bytes: what file systems store under one name, less room for
/// our own encoding.
const MAX_SEGMENT: usize = 512;

/// HTTP methods that some ecosystem's clients use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET
    Get,
    /// HEAD; routed as GET, the pipeline drops the body.
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
    /// PATCH and anything else
    Other,
}

impl Method {
    /// GET or HEAD.
    pub fn reads(self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }
}

/// A request below a mount.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The path below the mount, decoded and checked.
    pub segments: Segments,
    /// The raw query without `?`; empty when absent.
    pub query: &'a str,
    /// The `Accept` header; empty when absent.
    pub accept: &'a str,
    /// The decoded body of a POST, capped by the pipeline; empty otherwise.
    pub body: &'a [u8],
    /// The namespace to which names without one belong at the mount's upstream (`library` at
    /// Docker Hub); empty for most.
    pub namespace: &'a str,
}

impl<'a> Request<'a> {
    /// A GET of a raw path (percent-encoded, without mount and leading slash, maybe with a
    /// query). Mostly for tests.
    pub fn get(raw: &'a str) -> Result<Self, Unroutable> {
        let (path, query) = raw.split_once('?').unwrap_or((raw, ""));
        let segments = Segments::parse(path)?;
        let method = Method::Get;
        Ok(Self { method, segments, query, accept: "", body: &[], namespace: "" })
    }

    /// The same request with this `Accept`.
    #[must_use]
    pub fn accepting(mut self, accept: &'a str) -> Self {
        self.accept = accept;
        self
    }

    /// The decoded segments, for matching with slice patterns.
    pub fn path(&self) -> Vec<&str> {
        self.segments.0.iter().map(String::as_str).collect()
    }

    /// A query parameter, decoded as a form field.
    pub fn param(&self, name: &str) -> Option<String> {
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| {
                percent_decode_str(&text.replace('+', " ")).decode_utf8().ok().map(String::from)
            };
            (decode(key)? == name).then(|| decode(value))?
        })
    }

    /// The quality that `Accept` gives a media type (RFC 9110 section 12.5.1), in thousandths;
    /// 1000 when there is no `Accept`, 0 when nothing matches.
    pub fn quality(&self, media: &str) -> u16 {
        if self.accept.trim().is_empty() {
            return 1000;
        }
        let kind = media.split('/').next().unwrap_or("");
        self.accept
            .split(',')
            .filter_map(|part| {
                let mut fields = part.split(';').map(str::trim);
                let range = fields.next()?;
                let rank = if range.eq_ignore_ascii_case(media) {
                    2
                } else if range.strip_suffix("/*").is_some_and(|k| k.eq_ignore_ascii_case(kind)) {
                    1
                } else if range == "*/*" {
                    0
                } else {
                    return None;
                };
                let q = fields
                    .find_map(|f| f.strip_prefix("q=").or_else(|| f.strip_prefix("Q=")))
                    .map_or(1.0, |q| q.trim().parse::<f32>().unwrap_or(0.0));
                Some((rank, (q.clamp(0.0, 1.0) * 1000.0) as u16))
            })
            .max_by_key(|(rank, _)| *rank)
            .map_or(0, |(_, quality)| quality)
    }
}

/// Decoded path segments. A segment may hold a `/` that was written `%2f` (npm scopes).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segments(Vec<String>);

impl Segments {
    /// Decodes a raw path once and refuses what no package client asks for: traversal in any
    /// spelling, a second level of percent-encoding, control characters, backslashes, empty inner
    /// segments, and over-long names. One trailing slash is dropped.
    pub fn parse(raw: &str) -> Result<Self, Unroutable> {
        if raw.len() > MAX_PATH {
            return Err(Unroutable::Malformed("the path is longer than 2048 bytes"));
        }
        let raw = raw.strip_prefix('/').unwrap_or(raw);
        let raw = raw.strip_suffix('/').unwrap_or(raw);
        if raw.is_empty() {
            return Ok(Self(Vec::new()));
        }
        // `./` is where it is (RFC 3986 section 5.2.4): apt writes it for flat archives.
        let segments = raw.split('/').filter(|segment| *segment != ".");
        segments.map(decode_segment).collect::<Result<_, _>>().map(Self)
    }

    /// The decoded segments.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

fn decode_segment(raw: &str) -> Result<String, Unroutable> {
    if is_plain(raw) {
        return Ok(raw.to_owned());
    }
    let decoded = percent_decode_str(raw)
        .decode_utf8()
        .map_err(|_| Unroutable::Malformed("the path is not UTF-8"))?;
    if decoded.len() > MAX_SEGMENT {
        return Err(Unroutable::Malformed("a path segment is longer than 512 bytes"));
    }
    if decoded.chars().any(|c| c.is_control() || c == '\\') {
        return Err(Unroutable::Malformed("the path holds a control character or a backslash"));
    }
    if decoded.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(Unroutable::Malformed("the path holds an empty or relative segment"));
    }
    if has_escape(&decoded) {
        return Err(Unroutable::Malformed("the path is percent-encoded twice"));
    }
    Ok(decoded.into_owned())
}

/// Whether a segment has nothing that would have to be decoded or refused, as nearly all have.
fn is_plain(raw: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.@+~".contains(&b);
    let relative = matches!(raw, "" | "." | "..");
    raw.len() <= MAX_SEGMENT && !relative && raw.bytes().all(plain)
}

fn has_escape(text: &str) -> bool {
    text.as_bytes()
        .windows(3)
        .any(|w| w[0] == b'%' && w[1].is_ascii_hexdigit() && w[2].is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_may_be_spelled_with_an_encoded_slash() {
        assert_eq!(Request::get("@a%2fb/-/b-1.tgz").unwrap().path(), ["@a/b", "-", "b-1.tgz"]);
        assert_eq!(Request::get("/simple/x/").unwrap().path(), ["simple", "x"]);
        assert!(Request::get("").unwrap().path().is_empty());
    }

    #[test]
    fn a_segment_that_goes_nowhere_is_left_out() {
        let request = Request::get("debian/./InRelease").unwrap();
        assert_eq!(request.path(), ["debian", "InRelease"]);
    }

    #[test]
    fn hostile_paths_are_refused() {
        for raw in [
            "a/../b",
            "a/%2e%2e/b",
            "a%2f..%2fb",
            "a//b",
            "a/%00",
            "a%5cb",
            "a\\b",
            "%252e%252e/x",
            "a%252fb",
            "%2e/a",
            "a/%0d%0aX: y",
            "%ff",
        ] {
            assert!(matches!(Request::get(raw), Err(Unroutable::Malformed(_))), "{raw}");
        }
        assert!(Request::get(&"a".repeat(513)).is_err());
        assert!(Request::get(&"a/".repeat(1100)).is_err());
    }

    #[test]
    fn accept_is_weighed_by_specificity() {
        let request = Request::get("x").unwrap().accepting(
            "application/vnd.pypi.simple.v1+json, text/html; q=0.01, application/*;q=0.5",
        );
        assert_eq!(request.quality("application/vnd.pypi.simple.v1+json"), 1000);
        assert_eq!(request.quality("text/html"), 10);
        assert_eq!(request.quality("application/json"), 500);
        assert_eq!(request.quality("image/png"), 0);
    }

    #[test]
    fn query_fields_are_decoded() {
        let request = Request::get("-/v1/search?text=a%20b+c&size=2").unwrap();
        assert_eq!(request.param("text").as_deref(), Some("a b c"));
        assert_eq!(request.param("from"), None);
    }
}
