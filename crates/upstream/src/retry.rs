//! When a request is sent again, and after which pause.

use std::time::Duration;

use governor::Jitter;
use http::{HeaderMap, StatusCode, header};
use tokio::time::Instant;
use weir_core::Timestamp;

use crate::error::Phase;
use crate::{Method, Settings, UpstreamError};

/// The attempts at one request.
#[derive(Debug)]
pub(crate) struct Attempts<'a> {
    settings: &'a Settings,
    started: Instant,
    left: u32,
    made: u32,
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(settings: &'a Settings, method: Method) -> Self {
        let left = if method == Method::Post { 0 } else { settings.retries };
        Self { settings, started: Instant::now(), left, made: 0 }
    }

    /// The pause before the next attempt; `None` when there is to be none.
    ///
    /// No attempt begins later than the header timeout after the first one: a client is waiting.
    pub(crate) fn pause_after(&mut self, error: &UpstreamError) -> Option<Duration> {
        self.made += 1;
        self.left = self.left.checked_sub(1)?;
        let asked = match error {
            UpstreamError::Status { retry_after, .. } => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        if !worth_repeating(error) || asked > self.settings.retry_max {
            return None;
        }
        let pause = self.jittered().max(asked);
        (self.started.elapsed() + pause < self.settings.header_timeout).then_some(pause)
    }

    fn jittered(&self) -> Duration {
        let doublings = (self.made - 1).min(20);
        let ceiling =
            self.settings.retry_base.saturating_mul(1 << doublings).min(self.settings.retry_max);
        if ceiling.is_zero() { ceiling } else { Jitter::up_to(ceiling) + Duration::ZERO }
    }
}

fn worth_repeating(error: &UpstreamError) -> bool {
    match error {
        UpstreamError::Timeout { phase, .. } => {
            matches!(phase, Phase::Connect | Phase::Write | Phase::Headers | Phase::Read)
        }
        UpstreamError::Connect { .. }
        | UpstreamError::Transport { .. }
        | UpstreamError::Status { .. } => true,
        _ => false,
    }
}

/// Statuses that say "not now" rather than anything about what was asked for.
pub(crate) fn is_unwell(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        )
}

/// Reads `Retry-After` (RFC 9110 section 10.2.3). A date is measured against the response's own
/// `Date`, so that two clocks need not agree.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let value = text(header::RETRY_AFTER)?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = Timestamp::parse_http(text(header::DATE)?)?;
    Some(Timestamp::parse_http(value)?.since(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::At;

    fn at() -> At {
        At { label: "npm".into(), host: "registry.example".into() }
    }

    fn status(retry_after: Option<u64>) -> UpstreamError {
        UpstreamError::Status {
            at: at(),
            status: StatusCode::SERVICE_UNAVAILABLE,
            retry_after: retry_after.map(Duration::from_secs),
            quota: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_up_to_their_cap_and_end() {
        let settings = Settings { retries: 6, ..Settings::default() };
        let mut attempts = Attempts::new(&settings, Method::Get);
        for ceiling in [200, 400, 800, 1600, 3200, 5000] {
            let pause = attempts.pause_after(&status(None)).unwrap();
            assert!(pause <= Duration::from_millis(ceiling), "{pause:?} {ceiling}");
        }
        assert_eq!(attempts.pause_after(&status(None)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wish_to_be_left_alone_is_heeded_or_ends_the_attempts() {
        let settings = Settings::default();
        let mut attempts = Attempts::new(&settings, Method::Get);
        assert_eq!(attempts.pause_after(&status(Some(4))), Some(Duration::from_secs(4)));
        assert_eq!(attempts.pause_after(&status(Some(60))), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_get_better_is_not_repeated() {
        let settings = Settings::default();
        let tls = UpstreamError::Tls { at: at(), reason: String::new() };
        assert_eq!(Attempts::new(&settings, Method::Get).pause_after(&tls), None);
        assert_eq!(Attempts::new(&settings, Method::Post).pause_after(&status(None)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn no_attempt_begins_when_the_client_has_waited_long() {
        let settings = Settings::default();
        let mut attempts = Attempts::new(&settings, Method::Get);
        tokio::time::advance(settings.header_timeout).await;
        assert_eq!(attempts.pause_after(&status(None)), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, "7".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(7)));
        headers.insert(header::RETRY_AFTER, "Fri, 21 Nov 2025 04:41:30 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers), None, "no date to measure against");
        headers.insert(header::DATE, "Fri, 21 Nov 2025 04:40:00 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(90)));
        headers.insert(header::RETRY_AFTER, "soon".parse().unwrap());
        assert_eq!(retry_after(&headers), None);
    }
}
