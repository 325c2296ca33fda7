//! How many requests a registry still grants, as it says in its headers.

use std::time::Duration;

use http::{HeaderMap, header};

use crate::retry;

/// What is left of a registry's rate limit.
///
/// Read from `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`
/// (draft-ietf-httpapi-ratelimit-headers, versions 0 to 7), also with `X-` before them. Docker Hub
/// writes `100;w=21600`: a hundred requests in a window of six hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests that are still granted.
    pub remaining: u64,
    /// Requests that are granted in a window.
    pub limit: Option<u64>,
    /// The length of the window.
    pub window: Option<Duration>,
    /// When the quota is full again: `RateLimit-Reset` in seconds, else `Retry-After`.
    pub reset: Option<Duration>,
}

impl Quota {
    /// The quota that an answer speaks of; `None` when it says nothing that can be understood.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let remaining = item(headers, "remaining")?;
        let limit = item(headers, "limit");
        let window = [limit, Some(remaining)].into_iter().flatten().find_map(|item| item.window);
        let reset = item(headers, "reset").map(|item| Duration::from_secs(item.number));
        Some(Self {
            remaining: remaining.number,
            limit: limit.map(|item| item.number),
            window,
            reset: reset.or_else(|| {
                headers.contains_key(header::RETRY_AFTER).then(|| retry::retry_after(headers))?
            }),
        })
    }

    /// Whether so little is left that people should know: less than a tenth of the limit, or of
    /// ten requests where the limit is not said.
    pub fn is_low(&self) -> bool {
        self.remaining < self.limit.map_or(10, |limit| limit.div_ceil(10))
    }
}

#[derive(Clone, Copy)]
struct Item {
    number: u64,
    window: Option<Duration>,
}

/// `100` or `100;w=21600`; of a list the first.
fn item(headers: &HeaderMap, name: &str) -> Option<Item> {
    let value = headers
        .get(format!("ratelimit-{name}"))
        .or_else(|| headers.get(format!("x-ratelimit-{name}")))?;
    let first = value.to_str().ok()?.split(',').next()?;
    let mut parts = first.split(';').map(str::trim);
    let number = parts.next()?.parse().ok()?;
    let window = parts.find_map(|part| part.strip_prefix("w=")?.trim().parse().ok());
    Some(Item { number, window: window.map(Duration::from_secs) })
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn of(headers: &[(&'static str, &'static str)]) -> Option<Quota> {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        Quota::of(&headers.iter().map(pair).collect())
    }

    #[test]
    fn a_limit_in_a_window_is_read() {
        let quota =
            of(&[("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "20;w=21600")])
                .unwrap();
        assert_eq!((quota.limit, quota.remaining), (Some(100), 20));
        assert_eq!(quota.window, Some(Duration::from_hours(6)));
        assert!(!quota.is_low());
    }

    #[test]
    fn plain_and_prefixed_numbers_are_read_with_their_reset() {
        let quota = of(&[
            ("x-ratelimit-limit", "60, 60;w=60"),
            ("x-ratelimit-remaining", "5"),
            ("x-ratelimit-reset", "30"),
        ]);
        let expected = Quota {
            remaining: 5,
            limit: Some(60),
            window: None,
            reset: Some(Duration::from_secs(30)),
        };
        assert_eq!(quota, Some(expected));
        assert!(expected.is_low());
    }

    #[test]
    fn without_a_limit_few_requests_are_few() {
        let left = |n: &'static str| of(&[("ratelimit-remaining", n), ("retry-after", "7")]);
        assert!(!left("10").unwrap().is_low());
        assert!(left("9").unwrap().is_low());
        assert_eq!(left("0").unwrap().reset, Some(Duration::from_secs(7)));
    }

    #[test]
    fn what_is_no_number_says_nothing() {
        for value in ["", "many", "-1", "99999999999999999999999", ";w=60"] {
            assert_eq!(of(&[("ratelimit-remaining", value)]), None, "{value}");
        }
        assert_eq!(of(&[("ratelimit-limit", "100")]), None);
    }
}
