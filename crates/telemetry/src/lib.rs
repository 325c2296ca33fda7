//! Logs, metrics and traces.
//!
//! [`Metrics`] is a handle without global state: the process makes one and hands clones to those
//! who count. [`init_logs`] is the one exception, as a process has one log.

mod access;
mod logs;
mod metrics;
mod otlp;
mod sender;
mod tally;

pub use access::{AccessLog, AccessLogError, AccessRecord, AccessSettings};
pub use logs::{Format, LogError, init_logs, subscriber};
pub use metrics::{Active, CONTENT_TYPE, Metrics, MetricsError};
pub use otlp::{OtlpError, OtlpProtocol, OtlpSettings, TRACE, Traces, propagate, request_span};
