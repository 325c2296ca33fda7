//! The public half of the key that signs edited indexes, for clients that are to trust it.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use weir_core::Code;
use weir_signing::{Error, SigningKey};

use crate::{ApiError, Handle, Shared, prefers_json};

/// The media type of armored keys (RFC 3156 section 7).
const ARMORED: &str = "application/pgp-keys";
const BINARY: &str = "application/octet-stream";

/// Which key, and the names under which it is served.
pub(crate) async fn index(State(shared): Handle, headers: HeaderMap) -> Response {
    answer(&shared, &headers, "text/plain; charset=utf-8", |key| {
        Ok(format!(
            "{}  {}\nweir.asc  in ASCII armor\nweir.gpg  as packets\n",
            key.fingerprint(),
            key.user_id()
        )
        .into_bytes())
    })
}

/// The public key in ASCII armor.
pub(crate) async fn armored(State(shared): Handle, headers: HeaderMap) -> Response {
    answer(&shared, &headers, ARMORED, SigningKey::public_armored)
}

/// The public key as packets.
pub(crate) async fn binary(State(shared): Handle, headers: HeaderMap) -> Response {
    answer(&shared, &headers, BINARY, SigningKey::public_binary)
}

fn answer(
    shared: &Shared,
    headers: &HeaderMap,
    media: &'static str,
    body: impl FnOnce(&SigningKey) -> Result<Vec<u8>, Error>,
) -> Response {
    let Some(key) = &shared.api.signing_key else {
        let sentence = "this gateway has no signing key: make one with `weir keys init`, and \
                        restart it";
        return ApiError::new(Code::NotFound, sentence).respond(prefers_json(headers));
    };
    match body(key) {
        Ok(bytes) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static(media)),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
                (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            ];
            (headers, bytes).into_response()
        }
        Err(error) => {
            ApiError::new(Code::Internal, error.to_string()).respond(prefers_json(headers))
        }
    }
}
