//! Why a request is not answered with what it asked for.

use std::fmt;

use crate::{Purl, Timestamp};

/// A stable word for a reason; scripts match on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// A rule or the cooldown withholds it.
    BlockedByPolicies,
    /// Not scanned yet, and the work mode does not let it pass.
    BlockedNotScanned,
    /// A service that had to be asked did not answer.
    FailedRequest,
    /// The scan failed, and the work mode does not let it pass.
    BlockedScanFailed,
    /// The scan did not end in time.
    BlockedScanWaitTimeout,
    /// The mount has no upstream address.
    BlockedRegistryNotConfigured,
    /// Upstream itself refused (401, 403, 451).
    UpstreamRefused,
    /// Upstream answers no more requests for a while (429).
    UpstreamLimited,
    /// Upstream could not be reached, or answered with a server error.
    UpstreamUnavailable,
    /// The gateway is offline and does not have it.
    NotCached,
    /// A document could not be read as its format.
    UnreadableDocument,
    /// Bytes did not have the promised length or digest.
    IntegrityMismatch,
    /// There is no such thing.
    NotFound,
    /// The client has to say who it is.
    Unauthenticated,
    /// What the client has shown does not open this.
    Forbidden,
    /// The request is malformed.
    BadRequest,
    /// An end point that this gateway does not offer.
    NotOffered,
    /// Too much at once; try again.
    Overloaded,
    /// The gateway's own storage or catalogue failed.
    Internal,
}

impl Code {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BlockedByPolicies => "blocked_by_policies",
            Self::BlockedNotScanned => "blocked_not_scanned",
            Self::FailedRequest => "failed_request",
            Self::BlockedScanFailed => "blocked_scan_failed",
            Self::BlockedScanWaitTimeout => "blocked_scan_wait_timeout",
            Self::BlockedRegistryNotConfigured => "blocked_registry_not_configured",
            Self::UpstreamRefused => "upstream_refused",
            Self::UpstreamLimited => "upstream_limited",
            Self::UpstreamUnavailable => "upstream_unavailable",
            Self::NotCached => "not_cached",
            Self::UnreadableDocument => "unreadable_document",
            Self::IntegrityMismatch => "integrity_mismatch",
            Self::NotFound => "not_found",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::BadRequest => "bad_request",
            Self::NotOffered => "not_offered",
            Self::Overloaded => "overloaded",
            Self::Internal => "internal",
        }
    }

    /// Whether this is a decision of this gateway's policy rather than a fault.
    pub fn is_block(self) -> bool {
        self.as_str().starts_with("blocked_")
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal, complete enough to be explained to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The stable word.
    pub code: Code,
    /// What is refused; `None` when the request names no package.
    pub subject: Option<Purl>,
    /// One sentence for the person at the terminal. It names the rule by its own word and says
    /// when the verdict changes, when it does.
    pub sentence: String,
    /// The rule's name: `cooldown`, or the name in the configuration.
    pub rule: Option<Box<str>>,
    /// When the verdict changes by itself.
    pub until: Option<Timestamp>,
    /// Where the reason is explained: the page `/why/<purl>`.
    pub explain: Option<String>,
}

impl Denial {
    /// A denial with a code and a sentence only. Names in a sentence come from outside and end
    /// on terminals: control and direction characters are replaced here, once for all plugins.
    pub fn new(code: Code, sentence: impl Into<String>) -> Self {
        let sentence = sentence.into().replace(disrupts, " ");
        Self { code, subject: None, sentence, rule: None, until: None, explain: None }
    }

    /// The sentence as it fits into an HTTP/1.1 status line: printable ASCII, one line, at most
    /// 200 bytes.
    pub fn status_line(&self) -> String {
        let printable = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
        let mut line: String = self.sentence.chars().map(printable).take(200).collect();
        if self.sentence.chars().count() > 200 {
            line.truncate(197);
            line.push_str("...");
        }
        line
    }
}

/// Whether a character would move the cursor, colour or reorder what a terminal shows.
fn disrupts(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_cannot_disrupt_a_terminal() {
        let denial = Denial::new(Code::NotFound, "a\u{1b}[31m\r\nb \u{202e}c");
        assert_eq!(denial.sentence, "a [31m  b  c");
    }

    #[test]
    fn a_status_line_is_short_printable_ascii() {
        let denial = Denial::new(Code::BlockedByPolicies, "naïve\r\nX: y ".repeat(40));
        let line = denial.status_line();
        assert_eq!(line.len(), 200);
        assert!(line.bytes().all(|b| b == b' ' || b.is_ascii_graphic()));
        assert!(line.ends_with("..."));
    }
}
