//! Why a request is not answered with what it asked for, and with which status.

use std::sync::{Arc, OnceLock};

use http::StatusCode;
use weir_cache::CacheError;
use weir_core::{Code, Denial, FormatError, Unroutable};
use weir_storage::StorageError;
use weir_upstream::{Phase, UpstreamError};

use crate::refused::Spoken;

const UNLISTED: &str = "unlisted";
/// Seconds after which a client may try again when upstream did not say.
const RETRY_AFTER: u64 = 5;

/// A refusal or fault. Cheap to clone: everyone who waited for the same thing gets the same one.
#[derive(Clone, Debug)]
pub struct Failure {
    kind: Arc<Kind>,
    /// The answer that says it, where it is said again and again.
    spoken: Option<Arc<OnceLock<Spoken>>>,
}

#[derive(Debug)]
struct Kind {
    denial: Denial,
    /// Seconds after which the client may try again.
    retry_after: Option<u64>,
    /// Where the same thing is, below the mount.
    moved: Option<String>,
    /// A stale copy may stand in for it.
    transient: bool,
    /// One word for metrics.
    word: &'static str,
}

impl Failure {
    fn of(kind: Kind) -> Self {
        Self { kind: Arc::new(kind), spoken: None }
    }

    /// The same failure, for one target: the answer that says it is kept with it.
    #[must_use]
    pub(crate) fn said_again(&self) -> Self {
        Self { kind: Arc::clone(&self.kind), spoken: Some(Arc::default()) }
    }

    /// The place for the answer that says it, where it is said again.
    pub(crate) fn spoken(&self) -> Option<&OnceLock<Spoken>> {
        self.spoken.as_deref()
    }

    /// A failure with a code and a sentence.
    pub fn new(code: Code, sentence: impl Into<String>) -> Self {
        Self::from_denial(Denial::new(code, sentence))
    }

    /// A refusal that is already complete.
    pub fn from_denial(denial: Denial) -> Self {
        let word = denial.code.as_str();
        Self::of(Kind { denial, retry_after: None, moved: None, transient: false, word })
    }

    /// There is no such thing.
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("{what} was not found"))
    }

    /// The package is listed here, but not this file of it: final, no other registry of a group
    /// is asked.
    pub fn unlisted(what: impl std::fmt::Display) -> Self {
        let denial = Denial::new(Code::NotFound, format!("{what} was not found"));
        let word = UNLISTED;
        Self::of(Kind { denial, retry_after: None, moved: None, transient: false, word })
    }

    /// Whether another registry of a group may have it.
    pub fn goes_on(&self) -> bool {
        self.code() == Code::NotFound && self.kind.word != UNLISTED && self.kind.moved.is_none()
    }

    /// The gateway is offline and was never asked this.
    pub fn not_cached(what: impl std::fmt::Display) -> Self {
        let sentence = format!("{what} is not in the cache, and the gateway works offline");
        Self::new(Code::NotCached, sentence)
    }

    /// A document cannot be read.
    pub fn unreadable(what: impl std::fmt::Display, error: &FormatError) -> Self {
        let sentence = format!("the registry's document for {what} cannot be read: {error}");
        Self::new(Code::UnreadableDocument, sentence)
    }

    /// The same failure with a more complete denial.
    #[must_use]
    pub fn with_denial(&self, denial: Denial) -> Self {
        let Kind { retry_after, transient, word, .. } = *self.kind;
        let moved = self.kind.moved.clone();
        Self::of(Kind { denial, retry_after, moved, transient, word })
    }

    /// The denial to show.
    pub fn denial(&self) -> &Denial {
        &self.kind.denial
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.kind.denial.code
    }

    /// Whether a stale copy may stand in.
    pub fn is_transient(&self) -> bool {
        self.kind.transient
    }

    /// One word for metrics.
    pub fn word(&self) -> &'static str {
        self.kind.word
    }

    /// Seconds after which the client may try again.
    pub fn retry_after(&self) -> Option<u64> {
        self.kind.retry_after
    }

    /// Where the same thing is, below the mount.
    pub fn moved(&self) -> Option<&str> {
        self.kind.moved.as_deref()
    }

    /// The HTTP status. Policy's own refusals take `block_status`.
    pub fn status(&self, block_status: u16) -> StatusCode {
        let code = self.code();
        if code.is_block() {
            return StatusCode::from_u16(block_status).unwrap_or(StatusCode::FORBIDDEN);
        }
        match code {
            Code::NotFound if self.kind.moved.is_some() => StatusCode::MOVED_PERMANENTLY,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::UpstreamRefused | Code::Forbidden => StatusCode::FORBIDDEN,
            Code::Unauthenticated => StatusCode::UNAUTHORIZED,
            Code::UpstreamLimited => StatusCode::TOO_MANY_REQUESTS,
            Code::NotCached => StatusCode::GATEWAY_TIMEOUT,
            Code::BadRequest => StatusCode::BAD_REQUEST,
            Code::NotOffered => StatusCode::METHOD_NOT_ALLOWED,
            Code::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            // Store or database: it passes when the disk has room or the server is back.
            Code::Internal if self.kind.transient => StatusCode::SERVICE_UNAVAILABLE,
            Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_GATEWAY,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code(), self.kind.denial)
    }
}

impl From<Unroutable> for Failure {
    fn from(error: Unroutable) -> Self {
        match error {
            Unroutable::Unknown => Self::new(Code::NotFound, "no such path below this mount"),
            Unroutable::NotOffered(sentence) => Self::new(Code::NotOffered, sentence),
            Unroutable::Malformed(sentence) => Self::new(Code::BadRequest, sentence),
            Unroutable::Moved(path) => {
                let denial = Denial::new(Code::NotFound, format!("moved to {path}"));
                let moved = Some(path);
                let word = "moved";
                Self::of(Kind { denial, retry_after: None, moved, transient: false, word })
            }
        }
    }
}

impl From<UpstreamError> for Failure {
    fn from(error: UpstreamError) -> Self {
        let code = match &error {
            UpstreamError::Offline { .. } => Code::NotCached,
            UpstreamError::Timeout { phase: Phase::Pool, .. } => Code::Overloaded,
            UpstreamError::Encoding { .. } | UpstreamError::TooLarge { .. } => {
                Code::UnreadableDocument
            }
            UpstreamError::Status { status: StatusCode::TOO_MANY_REQUESTS, .. } => {
                Code::UpstreamLimited
            }
            UpstreamError::Token { status: Some(status), .. } if is_refusal(*status) => {
                Code::UpstreamRefused
            }
            _ => Code::UpstreamUnavailable,
        };
        let retry_after = match &error {
            UpstreamError::Status { retry_after, .. } => retry_after.map(|d| d.as_secs().max(1)),
            UpstreamError::BreakerOpen { retry_in, .. } => Some(retry_in.as_secs().max(1)),
            _ => None,
        };
        let denial = Denial::new(code, format!("upstream {error}"));
        let (transient, word) = (error.is_transient(), error.kind());
        let retry_after = retry_after.or(transient.then_some(RETRY_AFTER));
        Self::of(Kind { denial, retry_after, moved: None, transient, word })
    }
}

/// Statuses that say "not for you".
pub(crate) fn is_refusal(status: StatusCode) -> bool {
    matches!(status.as_u16(), 401 | 403 | 407 | 451)
}

impl From<CacheError> for Failure {
    fn from(error: CacheError) -> Self {
        Self::from(&error)
    }
}

impl From<&CacheError> for Failure {
    fn from(error: &CacheError) -> Self {
        let code = match error {
            CacheError::WrongDigest { .. }
            | CacheError::WrongLength { .. }
            | CacheError::Unhashable { .. } => Code::IntegrityMismatch,
            CacheError::TooLarge { .. } => Code::UnreadableDocument,
            CacheError::Source(_)
            | CacheError::Missing { .. }
            | CacheError::Changed { .. }
            | CacheError::Abandoned => Code::UpstreamUnavailable,
            CacheError::Fill(inner) => return Self::from(&**inner),
            CacheError::Storage(_) => return internal("store", error),
            CacheError::Catalog(_) => return internal("catalogue", error),
        };
        Self::new(code, error.to_string())
    }
}

/// Where store and database are is not for clients to know: the log says it.
fn internal(what: &str, error: &CacheError) -> Failure {
    tracing::error!(%error, "the {what} failed");
    let denial =
        Denial::new(Code::Internal, format!("the gateway's {what} failed; its log says why"));
    let (retry_after, word) = (Some(RETRY_AFTER), denial.code.as_str());
    Failure::of(Kind { denial, retry_after, moved: None, transient: true, word })
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        CacheError::from(error).into()
    }
}

impl From<weir_catalog::CatalogError> for Failure {
    fn from(error: weir_catalog::CatalogError) -> Self {
        CacheError::from(error).into()
    }
}
