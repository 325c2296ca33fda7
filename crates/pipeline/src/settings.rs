//! What can be set about the pipeline.

use std::fmt;
use std::time::Duration;

use weir_core::Timestamp;

/// How long mutable documents count as current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// A document is served without asking upstream for this long.
    pub ttl: Duration,
    /// A 404 is remembered for this long.
    pub negative_ttl: Duration,
    /// After its time to live, a document is still served for this long while it is revalidated
    /// in the background.
    pub stale_while_revalidate: Duration,
    /// After its time to live, a document is served for this long when upstream fails.
    pub stale_if_error: Duration,
}

impl Default for Freshness {
    fn default() -> Self {
        Self {
            ttl: Duration::from_mins(5),
            negative_ttl: Duration::from_mins(1),
            stale_while_revalidate: Duration::from_mins(10),
            stale_if_error: Duration::from_hours(30 * 24),
        }
    }
}

/// Signs edited indexes.
pub trait Signer: fmt::Debug + Send + Sync + 'static {
    /// A signature in the plugin's scheme (`openpgp-clear` is the whole document, signed in the
    /// clear; `openpgp-detached` is armored), dated with this instant. The error is a clause.
    fn sign(&self, scheme: &str, document: &[u8], at: Timestamp) -> Result<Vec<u8>, String>;
}

/// Verifies what upstream signed, by the keys of its archive.
pub trait Verifier: fmt::Debug + Send + Sync + 'static {
    /// Whether a document is signed, within itself or by the signature beside it, at this instant.
    /// The error is a clause about the document.
    fn verify(
        &self,
        document: &[u8],
        signature: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<(), String>;

    /// A text that changes with the keys: what was verified by other keys is verified again.
    fn id(&self) -> String;
}

/// What answers carry that no client sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Besides {
    /// Nothing.
    #[default]
    Nothing,
    /// [`Told`](crate::Told), for an access log or for traces.
    Told,
}

/// Bounds and addresses of the pipeline.
#[derive(Clone, Debug)]
pub struct PipelineSettings {
    /// Serve from what is kept; open no connection.
    pub offline: bool,
    /// The largest request body, before and after decoding, in bytes.
    pub max_request_body: u64,
    /// The time in which a request body has to arrive.
    pub request_wait: Duration,
    /// The largest decoded document that is itself a compressed file, in bytes.
    pub max_document: u64,
    /// The largest artifact, in bytes.
    pub max_artifact: u64,
    /// How long a closed range of an artifact that is still on its way waits for its commit.
    pub range_wait: Duration,
    /// Bytes of rendered listings held in memory.
    pub renderings: u64,
    /// Documents longer than this many bytes are read and written off the reactor.
    pub inline_document: usize,
    /// Where refusals are explained: the gateway's page, or the operator's.
    pub explain: bool,
    /// Whether clients must say who they are before they get here.
    pub private: bool,
    /// What answers carry besides.
    pub besides: Besides,
}

impl Default for PipelineSettings {
    fn default() -> Self {
        Self {
            offline: false,
            max_request_body: 8 << 20,
            request_wait: Duration::from_secs(15),
            max_document: 512 << 20,
            max_artifact: 64 << 30,
            range_wait: Duration::from_secs(10),
            renderings: 48 << 20,
            inline_document: 128 << 10,
            explain: true,
            private: false,
            besides: Besides::default(),
        }
    }
}
