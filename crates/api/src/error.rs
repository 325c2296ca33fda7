//! The one form of an error: `{"error": "<sentence>", "code": "<word>"}`, or the sentence as text.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use thiserror::Error;
use weir_core::{Code, Denial};
use weir_pipeline::ExplainError;

/// The stable word of an error, as in the answers of mounts.
pub(crate) const REASON: HeaderName = HeaderName::from_static("x-weir-reason");

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{sentence}")]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// The stable word.
    pub code: Code,
    /// A sentence for a person, without control characters.
    pub sentence: String,
}

impl ApiError {
    /// An error with the usual status of its code.
    pub fn new(code: Code, sentence: impl Into<String>) -> Self {
        let status = match code {
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::BadRequest => StatusCode::BAD_REQUEST,
            Code::Unauthenticated => StatusCode::UNAUTHORIZED,
            Code::Forbidden => StatusCode::FORBIDDEN,
            Code::NotOffered => StatusCode::METHOD_NOT_ALLOWED,
            Code::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        // Sentences hold names from outside; a denial is where those are made printable.
        Self { status, code, sentence: Denial::new(code, sentence).sentence }
    }

    /// The response, as JSON or as text.
    pub fn respond(&self, json: bool) -> Response {
        let mut response = if json {
            axum::Json(json!({ "error": self.sentence, "code": self.code.as_str() }))
                .into_response()
        } else {
            format!("{}\n", self.sentence).into_response()
        };
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(REASON, HeaderValue::from_static(self.code.as_str()));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl From<ExplainError> for ApiError {
    fn from(error: ExplainError) -> Self {
        match error {
            ExplainError::NoMount(_) | ExplainError::NotListed(_) => {
                Self::new(Code::NotFound, error.to_string())
            }
            ExplainError::Malformed(sentence) => Self::new(Code::BadRequest, sentence),
            // A mount without an address blocks its clients; here it is an answer that failed.
            ExplainError::Failed(failure) => Self {
                status: failure.status(StatusCode::BAD_GATEWAY.as_u16()),
                ..Self::new(failure.code(), failure.denial().sentence.clone())
            },
        }
    }
}
