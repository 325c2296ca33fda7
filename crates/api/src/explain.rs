//! `/api/explain`: why a package passes or does not, as JSON or as the text of `weir explain`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use weir_core::{Code, Purl, PurlError};
use weir_pipeline::{Mount, Pipeline};
use weir_policy::Explanation;

use crate::{ApiError, Handle, accepts, query_value};

/// A header of the answer in every form: `passes` or `withheld`.
pub const VERDICT: HeaderName = HeaderName::from_static("x-weir-verdict");

/// The answer for one package URL. Displays as the text for a terminal, without a line end after
/// the last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The package URL that was asked for, in canonical form.
    pub purl: String,
    /// Whether something of it passes: one of its files, or without a version one of its versions.
    pub passes: bool,
    /// One for each file or release; without a version those that are withheld, then the newest
    /// that passes.
    pub explanations: Vec<Explanation>,
}

impl Answer {
    /// `passes` or `withheld`.
    pub fn verdict(&self) -> &'static str {
        if self.passes { "passes" } else { "withheld" }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, explanation) in self.explanations.iter().enumerate() {
            let between = if index == 0 { "" } else { "\n\n" };
            write!(f, "{between}{explanation}")?;
        }
        Ok(())
    }
}

/// Reads a package URL as people and programs write it: canonical, wholly percent-encoded
/// (`pkg%3Anpm%2F…`), with a plain `@` before a scope, or with an encoded one before the version.
pub fn parse_purl(text: &str) -> Result<Purl, PurlError> {
    let text = text.trim();
    let whole = match text.get(..4) {
        Some(start) if start.eq_ignore_ascii_case("pkg:") => Cow::Borrowed(text),
        _ => percent_encoding::percent_decode_str(text).decode_utf8_lossy(),
    };
    let scoped = whole.replace("/@", "/%40");
    let last = scoped.rfind('/').map_or(0, |slash| slash + 1);
    match scoped.rfind("%40") {
        Some(at) if at > last && !scoped.contains('@') => {
            format!("{}@{}", &scoped[..at], &scoped[at + 3..]).parse()
        }
        _ => scoped.parse(),
    }
}

/// Answers for a package URL as [`parse_purl`] reads it, at the first of these mounts that lists
/// it. The API, the page and the command all answer with this.
pub async fn answer(
    pipeline: &Pipeline,
    mounts: &[Arc<Mount>],
    purl: &str,
) -> Result<Answer, ApiError> {
    let purl =
        parse_purl(purl).map_err(|error| ApiError::new(Code::BadRequest, error.to_string()))?;
    let explanations = pipeline.explain(mounts, &purl).await?.explanations;
    let passes = explanations.iter().any(|explanation| explanation.code.is_none());
    Ok(Answer { purl: purl.to_string(), passes, explanations })
}

pub(crate) async fn explain(State(shared): Handle, uri: Uri, headers: HeaderMap) -> Response {
    let text = accepts(&headers).is_some_and(|accept| accept.contains("text/plain"));
    let asked = query_value(&uri, "purl").unwrap_or_default();
    let answer = match answer(&shared.api.pipeline, &shared.api.mounts, &asked).await {
        Ok(answer) => answer,
        Err(error) => return error.respond(!text),
    };
    let mut response = if text {
        format!("{answer}\n").into_response()
    } else {
        axum::Json(&answer).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(VERDICT, HeaderValue::from_static(answer.verdict()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_url_is_read_in_every_spelling() {
        let scoped = "pkg:npm/%40scope/name@1.0.0+b";
        for text in [
            "pkg:npm/%40scope/name@1.0.0%2Bb",
            "pkg:npm/@scope/name@1.0.0+b",
            "pkg%3Anpm%2F%40scope%2Fname%401.0.0%2Bb",
            "pkg%3Anpm/%2540scope/name%401.0.0%2Bb",
            " pkg:npm/%40scope/name%401.0.0+b ",
        ] {
            let read = parse_purl(text).unwrap();
            assert_eq!(read.parts(), scoped.parse::<Purl>().unwrap().parts(), "{text}");
        }
        let name = parse_purl("pkg:npm/@scope/name").unwrap();
        assert_eq!(name.parts(), Some(("npm".into(), "@scope/name".into(), None)));
    }

    #[test]
    fn what_is_none_is_an_error_with_an_example() {
        for text in ["", "lodash", "npm/lodash@1", "pkg:", "pkg:npm", "%ff", "pk\u{e9}"] {
            let error = parse_purl(text).unwrap_err().to_string();
            assert!(error.contains("pkg:npm/lodash@4.17.21"), "{text}: {error}");
        }
    }
}
