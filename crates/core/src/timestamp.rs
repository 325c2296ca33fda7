//! Instants as milliseconds since the Unix epoch, and the clock that the outer layers pass in.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);
    /// Before everything: the date of what was there at first contact.
    pub const MIN: Self = Self(i64::MIN);
    /// After everything: the end of what never changes.
    pub const MAX: Self = Self(i64::MAX);

    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From seconds since the Unix epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 in any offset, with any number of fractional digits; a date and time
    /// without an offset (older PyPI documents) counts as UTC.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339)
            .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339))
            .ok()?;
        Some(Self((parsed.unix_timestamp_nanos() / 1_000_000) as i64))
    }

    /// Reads an HTTP date (RFC 9110 section 5.6.7, the preferred form).
    pub fn parse_http(text: &str) -> Option<Self> {
        text.strip_suffix("GMT").and_then(|_| Self::parse_rfc2822(text))
    }

    /// Reads a date as mail has it (RFC 5322 section 3.3), its zone also as `UTC`, which archives
    /// write.
    pub fn parse_rfc2822(text: &str) -> Option<Self> {
        let text = text.trim();
        let head = ["GMT", "UTC", "UT"].iter().find_map(|zone| text.strip_suffix(zone));
        let text = head.map_or_else(|| text.to_owned(), |head| format!("{head}+0000"));
        let parsed = OffsetDateTime::parse(&text, &Rfc2822).ok()?;
        Some(Self::from_secs(parsed.unix_timestamp()))
    }

    /// This instant plus a duration, saturating.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// This instant less a duration, saturating.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// The time since `earlier`; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        let millis = self.0.saturating_sub(earlier.0);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }

    /// The calendar day in UTC, `2026-11-24`; empty for [`MIN`](Self::MIN) and beyond the calendar.
    pub fn date(self) -> String {
        self.utc().map(|t| t.date().to_string()).unwrap_or_default()
    }

    fn utc(self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000).ok()
    }
}

/// RFC 3339 in UTC with whole seconds, `2026-11-24T08:00:00Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.utc().and_then(|t| t.replace_nanosecond(0).ok()?.format(&Rfc3339).ok());
        f.write_str(text.as_deref().unwrap_or(if self.0 < 0 { "always" } else { "never" }))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Tells the time. Outer layers hold one and pass instants down; tests hold one that they move.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
    fn now(&self) -> Timestamp {
        let since =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_fractions_are_read() {
        let expected = Timestamp::from_millis(1_763_700_000_123);
        for text in [
            "2025-11-21T04:40:00.123Z",
            "2025-11-21T04:40:00.123456+00:00",
            "2025-11-21T06:40:00.123+02:00",
            "2025-11-21T04:40:00.123",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text), Some(expected), "{text}");
        }
        assert_eq!(expected.to_string(), "2025-11-21T04:40:00Z");
        assert_eq!(expected.date(), "2025-11-21");
    }

    #[test]
    fn http_dates_are_read() {
        let parsed = Timestamp::parse_http("Fri, 21 Nov 2025 04:40:00 GMT").unwrap();
        assert_eq!(parsed.to_string(), "2025-11-21T04:40:00Z");
        assert_eq!(Timestamp::parse_http("yesterday"), None);
    }

    #[test]
    fn the_ends_of_time_have_names() {
        assert_eq!(Timestamp::MIN.to_string(), "always");
        assert_eq!(Timestamp::MAX.to_string(), "never");
        assert_eq!(Timestamp::MAX.plus(Duration::from_secs(1)), Timestamp::MAX);
    }
}
