//! What happened, told to whoever counts, logs or sums it up.

use std::fmt;

use http::Response;
use weir_core::{Code, Denial, Purl};
use weir_upstream::Quota;

use crate::Besides;
use crate::service::Core;

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'a> {
    /// Answered from what is kept.
    Hit,
    /// Answered, and upstream was asked for it.
    Miss,
    /// Refused by policy.
    Refused(&'a Denial),
    /// Ended in a fault or with "no such thing".
    Failed(&'a Denial),
}

/// What an answer was about; an extension of the response, for whoever writes an access log.
#[derive(Clone, Debug)]
pub struct Told {
    /// Ecosystem id.
    pub ecosystem: &'static str,
    /// Mount name.
    pub mount: Box<str>,
    /// The package, where the request concerns one.
    pub subject: Option<Purl>,
    /// `hit`, `miss`, `refused` or `failed`.
    pub outcome: &'static str,
    /// The code of a refusal or failure.
    pub code: Option<Code>,
}

impl Told {
    /// What an event says.
    fn of(event: &Event<'_>) -> Self {
        let (outcome, denial) = match event.outcome {
            Outcome::Hit => ("hit", None),
            Outcome::Miss => ("miss", None),
            Outcome::Refused(denial) => ("refused", Some(denial)),
            Outcome::Failed(denial) => ("failed", Some(denial)),
        };
        Self {
            ecosystem: event.ecosystem,
            mount: event.mount.into(),
            subject: event.subject.cloned(),
            outcome,
            code: denial.map(|denial| denial.code),
        }
    }
}

/// One request, as seen from outside.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// Ecosystem id.
    pub ecosystem: &'static str,
    /// Mount name.
    pub mount: &'a str,
    /// The package, where the request concerns one; with its version for an artifact.
    pub subject: Option<&'a Purl>,
    /// Whether an artifact was asked for.
    pub artifact: bool,
    /// How many releases of a listing were withheld.
    pub withheld: usize,
    /// The sentence about what a listing withholds.
    pub notice: Option<&'a str>,
    /// How it ended.
    pub outcome: Outcome<'a>,
    /// Length of the body, in bytes, where it is known.
    pub bytes: Option<u64>,
}

impl Core {
    /// Tells the observer what happened, and puts it beside the answer where somebody looks there.
    pub(crate) fn tell<B>(&self, event: &Event<'_>, response: &mut Response<B>) {
        self.observer.event(event);
        if self.settings.besides == Besides::Told {
            response.extensions_mut().insert(Told::of(event));
        }
    }
}

/// Receives events and measurements. Called on the request path: must be quick.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// A request ended.
    fn event(&self, event: &Event<'_>);

    /// Upstream answered to the last byte, or failed (with a word for the kind of error), after
    /// this many seconds.
    fn upstream(&self, ecosystem: &'static str, seconds: f64, error: Option<&'static str>);

    /// What upstream sent is not what was promised; a word says in which way.
    fn unusable(&self, ecosystem: &'static str, error: &'static str) {
        let _ = (ecosystem, error);
    }

    /// Policy let a file pass: `admitted` or `warned`, and the rule that decided, if one did.
    /// Refusals arrive as events.
    fn decided(&self, ecosystem: &'static str, code: &'static str, rule: Option<&str>) {
        let _ = (ecosystem, code, rule);
    }

    /// An operation on the store (`open`, `commit`, `delete`, `list`) ended after this many
    /// seconds.
    fn storage(&self, operation: &'static str, seconds: f64, failed: bool) {
        let _ = (operation, seconds, failed);
    }

    /// Upstream said what its rate limit leaves to a mount.
    fn quota(&self, ecosystem: &'static str, mount: &str, quota: &Quota) {
        let _ = (ecosystem, mount, quota);
    }
}

/// Nobody listens.
impl Observer for () {
    fn event(&self, _: &Event<'_>) {}

    fn upstream(&self, _: &'static str, _: f64, _: Option<&'static str>) {}
}
