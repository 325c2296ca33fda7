//! What can go wrong on the way to a registry, with the variants that a caller acts on.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use thiserror::Error;

use crate::Quota;
use crate::guard::Refusal;

/// Which registry, and which host of it. Prints as `npm (registry.example)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct At {
    /// The origin's label.
    pub label: Box<str>,
    /// The host asked, with its port where one is written.
    pub host: Box<str>,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.label, self.host)
    }
}

/// What a timeout ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for a slot under the connection or rate limit.
    Pool,
    /// Resolving the name, connecting, TLS.
    Connect,
    /// Sending the request.
    Write,
    /// Waiting for the response headers.
    Headers,
    /// Waiting for the next piece of a body.
    Read,
    /// Receiving a whole document.
    Document,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pool => "a free connection slot",
            Self::Connect => "a connection",
            Self::Write => "the request to be taken",
            Self::Headers => "response headers",
            Self::Read => "more of the body",
            Self::Document => "the whole document",
        })
    }
}

/// Why there is no answer from a registry.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// The settings cannot be used; found when a client is built.
    #[error("upstream settings: {0}")]
    Setup(String),
    /// The gateway works offline: nothing was sent.
    #[error("{at}: not asked, the gateway works offline")]
    Offline {
        /// Who was not asked.
        at: At,
    },
    /// A path or a link cannot be asked for.
    #[error("{at}: {reason}")]
    Address {
        /// Who would have been asked.
        at: At,
        /// What was expected.
        reason: &'static str,
    },
    /// The address guard refused: nothing was sent.
    #[error("{at}: {refusal}")]
    Refused {
        /// Who would have been asked.
        at: At,
        /// Why.
        refusal: Refusal,
    },
    /// A redirect or link leads where the origin's rules do not allow, or nowhere.
    #[error("{at}: {reason}")]
    Redirect {
        /// Who sent the redirect.
        at: At,
        /// What was expected.
        reason: String,
    },
    /// No connection.
    #[error("{at}: cannot connect: {reason}")]
    Connect {
        /// Who was asked.
        at: At,
        /// What the system said.
        reason: String,
    },
    /// The TLS handshake failed; a certificate that is not trusted is the usual cause.
    #[error("{at}: TLS failed, expected a certificate that this machine trusts: {reason}")]
    Tls {
        /// Who was asked.
        at: At,
        /// What the TLS library said.
        reason: String,
    },
    /// Something took too long.
    #[error("{at}: waited {} for {phase}", seconds(*after))]
    Timeout {
        /// Who was asked.
        at: At,
        /// What was waited for.
        phase: Phase,
        /// The limit that was reached.
        after: Duration,
    },
    /// The connection broke, the body was cut short or the peer does not speak HTTP.
    #[error("{at}: the transfer failed: {reason}")]
    Transport {
        /// Who was asked.
        at: At,
        /// What the HTTP library said.
        reason: String,
    },
    /// The host failed so often in a row that it is left alone for a while: nothing was sent.
    #[error("{at}: failed repeatedly, will be asked again in {}", seconds(*retry_in))]
    BreakerOpen {
        /// Who was not asked.
        at: At,
        /// When it will be asked again.
        retry_in: Duration,
    },
    /// The registry answered 5xx, 408, 425 or 429, and still did after the retries.
    #[error("{at}: answered {status}")]
    Status {
        /// Who was asked.
        at: At,
        /// The status.
        status: StatusCode,
        /// How long the registry asked to be left alone.
        retry_after: Option<Duration>,
        /// What its rate limit leaves, when it says so.
        quota: Option<Quota>,
    },
    /// The registry asks for a token, and there is none to be had.
    #[error("{at}: no token: {reason}")]
    Token {
        /// The token service, or the registry where its service may not be asked.
        at: At,
        /// What the token service answered, when it was asked.
        status: Option<StatusCode>,
        /// What was expected.
        reason: String,
    },
    /// A document or a response head is beyond its cap.
    #[error("{at}: expected a {what} of at most {limit} bytes")]
    TooLarge {
        /// Who was asked.
        at: At,
        /// `document` or `response head`.
        what: &'static str,
        /// The cap in bytes.
        limit: u64,
    },
    /// A body is not encoded as its label says, or has a coding that was not asked for.
    #[error("{at}: {reason}")]
    Encoding {
        /// Who was asked.
        at: At,
        /// What was expected.
        reason: String,
    },
}

impl UpstreamError {
    /// The registry could not be asked or is unwell, and the same question may be answered later:
    /// a stale copy may stand in. False for answers that policy or settings rule out.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Offline { .. }
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Timeout { .. }
            | Self::Transport { .. }
            | Self::BreakerOpen { .. }
            | Self::Status { .. } => true,
            Self::Setup(_)
            | Self::Address { .. }
            | Self::Refused { .. }
            | Self::Redirect { .. }
            | Self::Token { .. }
            | Self::TooLarge { .. }
            | Self::Encoding { .. } => false,
        }
    }

    /// What the registry's rate limit leaves, when it answered and said so.
    pub fn quota(&self) -> Option<Quota> {
        match self {
            Self::Status { quota, .. } => *quota,
            _ => None,
        }
    }

    /// The variant in one word, for metrics and logs: `timeout`, `tls`, `breaker_open`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Setup(_) => "setup",
            Self::Offline { .. } => "offline",
            Self::Address { .. } => "address",
            Self::Refused { .. } => "refused",
            Self::Redirect { .. } => "redirect",
            Self::Connect { .. } => "connect",
            Self::Tls { .. } => "tls",
            Self::Timeout { .. } => "timeout",
            Self::Transport { .. } => "transport",
            Self::BreakerOpen { .. } => "breaker_open",
            Self::Status { .. } => "status",
            Self::Token { .. } => "token",
            Self::TooLarge { .. } => "too_large",
            Self::Encoding { .. } => "encoding",
        }
    }
}

/// `30 s`, `1.5 s`, `20 ms`.
fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{} s", (duration.as_secs_f64() * 10.0).round() / 10.0)
    }
}
