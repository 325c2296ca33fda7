//! Buffers, caps and timeouts.

use std::time::Duration;

use serde::Serialize;

use crate::value;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Buffers, caps and timeouts of the gateway. Sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Bytes read from storage at once.
    #[serde(serialize_with = "value::show_size")]
    pub read_buffer: u64,
    /// Bytes of one part of an upload to S3, at least 5 MiB.
    #[serde(serialize_with = "value::show_size")]
    pub write_buffer: u64,
    /// Bytes of a download collected before they are written to its temporary file.
    #[serde(serialize_with = "value::show_size")]
    pub spool_buffer: u64,
    /// Memory for objects that are asked for often.
    #[serde(serialize_with = "value::show_size")]
    pub memory: u64,
    /// The largest object kept in that memory.
    #[serde(serialize_with = "value::show_size")]
    pub memory_object: u64,
    /// The largest document after decoding.
    #[serde(serialize_with = "value::show_size")]
    pub document: u64,
    /// The largest artifact.
    #[serde(serialize_with = "value::show_size")]
    pub artifact: u64,
    /// The largest body of a client's request.
    #[serde(serialize_with = "value::show_size")]
    pub request_body: u64,
    /// The most headers of a client's request.
    pub header_count: u64,
    /// The most bytes of a client's request line and headers.
    #[serde(serialize_with = "value::show_size")]
    pub header_size: u64,
    /// The time a client has for its request's headers.
    #[serde(serialize_with = "value::show_duration")]
    pub header_timeout: Duration,
    /// The longest pause between two writes of an answer that its client does not take.
    #[serde(serialize_with = "value::show_duration")]
    pub send_timeout: Duration,
    /// The time in which open requests may end after a signal to stop.
    #[serde(serialize_with = "value::show_duration")]
    pub shutdown_timeout: Duration,
    /// The most connections of clients at once.
    pub connections: u64,
    /// Of every upstream that says nothing else.
    pub upstream: UpstreamLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            read_buffer: 256 * KIB,
            write_buffer: 8 * MIB,
            spool_buffer: 256 * KIB,
            memory: 48 * MIB,
            memory_object: 16 * MIB,
            document: 256 * MIB,
            artifact: 64 * 1024 * MIB,
            request_body: 8 * MIB,
            header_count: 100,
            header_size: 64 * KIB,
            header_timeout: Duration::from_secs(15),
            send_timeout: Duration::from_mins(1),
            shutdown_timeout: Duration::from_secs(30),
            connections: 4096,
            upstream: UpstreamLimits::default(),
        }
    }
}

/// Timeouts, retries and caps of one upstream origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct UpstreamLimits {
    /// To connect, TLS included.
    #[serde(serialize_with = "value::show_duration")]
    pub connect_timeout: Duration,
    /// Between two reads of an answer.
    #[serde(serialize_with = "value::show_duration")]
    pub read_timeout: Duration,
    /// Between two writes of a request.
    #[serde(serialize_with = "value::show_duration")]
    pub write_timeout: Duration,
    /// To wait for a free connection.
    #[serde(serialize_with = "value::show_duration")]
    pub pool_timeout: Duration,
    /// How long an unused connection stays open.
    #[serde(serialize_with = "value::show_duration")]
    pub idle_timeout: Duration,
    /// The most requests at once.
    pub connections: u64,
    /// The most requests a second; 0 sets no bound.
    pub rate: u64,
    /// How often a safe request is tried again.
    pub retries: u64,
    /// The pause before the first retry; it doubles, with jitter.
    #[serde(serialize_with = "value::show_duration")]
    pub retry_pause: Duration,
    /// The longest pause before a retry.
    #[serde(serialize_with = "value::show_duration")]
    pub retry_pause_max: Duration,
    /// How many failures in a row open the circuit breaker; 0 never opens it.
    pub breaker_failures: u64,
    /// How long the circuit breaker stays open before one request is let through.
    #[serde(serialize_with = "value::show_duration")]
    pub breaker_pause: Duration,
    /// The most redirects of one request.
    pub redirects: u64,
}

impl Default for UpstreamLimits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            pool_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_mins(1),
            connections: 64,
            rate: 0,
            retries: 3,
            retry_pause: Duration::from_millis(200),
            retry_pause_max: Duration::from_secs(5),
            breaker_failures: 10,
            breaker_pause: Duration::from_secs(15),
            redirects: 5,
        }
    }
}
