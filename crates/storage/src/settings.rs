//! What an operator can choose.

use std::fmt;
use std::time::Duration;

/// Buffers, limits and credentials. The defaults suit a small machine.
#[derive(Clone, Debug)]
pub struct StorageSettings {
    /// Bytes that one read of a file asks for.
    pub read_size: usize,
    /// Read buffers that are kept for the next reader.
    pub idle_buffers: usize,
    /// Bytes that a spool gathers before it writes them.
    pub write_size: usize,
    /// Bytes of one part of an upload to S3, at least 5 MiB; what is smaller goes in one request.
    pub part_size: usize,
    /// How long a connection to S3 may take to be made.
    pub connect_timeout: Duration,
    /// How long S3 may take to answer a request with a status.
    pub answer_timeout: Duration,
    /// How long a body from S3 may pause.
    pub idle_timeout: Duration,
    /// How often a failed request to S3 is repeated.
    pub retries: usize,
    /// The S3 region when the address names none.
    pub region: Option<String>,
    /// S3 credentials; requests are not signed without.
    pub credentials: Option<Credentials>,
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self {
            read_size: 256 * 1024,
            idle_buffers: 32,
            write_size: 256 * 1024,
            part_size: 8 * 1024 * 1024,
            connect_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_mins(1),
            idle_timeout: Duration::from_secs(30),
            retries: 3,
            region: None,
            credentials: None,
        }
    }
}

/// S3 credentials. `Debug` shows the key's id only.
#[derive(Clone)]
pub struct Credentials {
    /// `AWS_ACCESS_KEY_ID`
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`
    pub session_token: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}
