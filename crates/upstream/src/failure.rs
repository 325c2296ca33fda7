//! What the layers below report, told as an [`UpstreamError`].

use std::error::Error;
use std::io;
use std::time::Duration;

use crate::error::Phase;
use crate::guard::Refusal;
use crate::{At, Settings, UpstreamError};

/// A request that brought no response.
pub(crate) fn of_request(
    error: &hyper_util::client::legacy::Error,
    at: At,
    settings: &Settings,
) -> UpstreamError {
    if let Some(refusal) = find::<Refusal>(error) {
        return UpstreamError::Refused { at, refusal: refusal.clone() };
    }
    let reason = root_cause(error);
    if error.is_connect() {
        return if find::<rustls::Error>(error).is_some() {
            UpstreamError::Tls { at, reason }
        } else if timed_out(error) {
            timeout(at, Phase::Connect, settings.connect_timeout)
        } else {
            UpstreamError::Connect { at, reason }
        };
    }
    if find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse_too_large) {
        let limit = u64::from(settings.max_header_bytes);
        return UpstreamError::TooLarge { at, what: "response head", limit };
    }
    of_transfer(error, at, settings.write_timeout)
}

/// A transfer that broke off. A socket only times out by itself while it is written to.
pub(crate) fn of_transfer(
    error: &(dyn Error + 'static),
    at: At,
    write_timeout: Duration,
) -> UpstreamError {
    if timed_out(error) {
        timeout(at, Phase::Write, write_timeout)
    } else {
        UpstreamError::Transport { at, reason: root_cause(error) }
    }
}

fn timeout(at: At, phase: Phase, after: Duration) -> UpstreamError {
    UpstreamError::Timeout { at, phase, after }
}

/// Whether one of our time limits ended it, not one of the system.
fn timed_out(error: &(dyn Error + 'static)) -> bool {
    find::<io::Error>(error).is_some_and(|error| {
        error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none()
    })
}

/// Looks for an error of this type among the causes, and inside of I/O errors, which do not count
/// what they wrap as their cause.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    if let Some(found) = error.downcast_ref() {
        return Some(found);
    }
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let inner = wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source());
    find(inner?)
}

fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
