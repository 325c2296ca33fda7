//! A request that ends in a refusal or fault: what its client gets, and who is told of it.

use std::sync::{Arc, OnceLock};

use http::Response;
use http::request::Parts;
use weir_core::{Code, Denial, Ecosystem, Purl, Target};
use weir_policy::Policy;

use crate::respond::{self, RefusalStyle, Said};
use crate::service::Core;
use crate::{Event, Failure, Mount, Outcome, ResponseBody};

/// What is known of a request by the time it fails.
pub(crate) struct Refused<'a> {
    pub(crate) core: &'a Core,
    pub(crate) parts: &'a Parts,
    /// Public address of the gateway.
    pub(crate) origin: &'a str,
    /// Public address of the mount.
    pub(crate) base: &'a str,
    /// The plugin whose form the refusal takes; without one it is plain text.
    pub(crate) ecosystem: Option<&'a Arc<dyn Ecosystem>>,
    /// Ecosystem and mount as observers know them.
    pub(crate) told_as: Option<(&'static str, &'a str)>,
    /// Where the target's package is.
    pub(crate) mount: Option<&'a Mount>,
    pub(crate) target: Option<&'a Target>,
}

/// An answer that says a failure of one target, and what it was made with besides.
#[derive(Debug)]
pub(crate) struct Spoken {
    origin: Box<str>,
    epoch: u64,
    target: Option<Target>,
    /// The failure as it is shown.
    shown: Failure,
    said: Said,
}

impl Spoken {
    /// Whether it is what this request gets.
    fn answers(&self, refused: &Refused<'_>, epoch: u64) -> bool {
        self.epoch == epoch
            && *self.origin == *refused.origin
            && self.target.as_ref() == refused.target
    }
}

impl Refused<'_> {
    /// Tells the observer, and makes the response.
    pub(crate) fn answer(&self, failure: &Failure) -> Response<ResponseBody> {
        let policy = self.core.policy();
        let again = failure.spoken();
        let spoken = again.and_then(OnceLock::get);
        if let Some(spoken) = spoken.filter(|spoken| spoken.answers(self, policy.epoch())) {
            return self.say(spoken);
        }
        let spoken = self.speak(failure, &policy);
        let response = self.say(&spoken);
        if let Some(again) = again {
            // Somebody else may have been faster.
            let _ = again.set(spoken);
        }
        response
    }

    fn speak(&self, failure: &Failure, policy: &Policy) -> Spoken {
        let shown = failure.with_denial(self.shown(failure.denial(), policy));
        let style = RefusalStyle {
            block_status: policy.block_status(),
            base: self.base,
            query: self.parts.uri.query().unwrap_or(""),
        };
        let said = respond::failure(self.ecosystem, self.target, &shown, &style);
        let (origin, target) = (self.origin.into(), self.target.cloned());
        Spoken { origin, epoch: policy.epoch(), target, shown, said }
    }

    fn say(&self, spoken: &Spoken) -> Response<ResponseBody> {
        let failure = &spoken.shown;
        let mut response = spoken.said.response(self.parts.method == http::Method::HEAD);
        // A client that is sent to the canonical path comes again.
        let Some((ecosystem, mount)) = self.told_as.filter(|_| failure.moved().is_none()) else {
            return response;
        };
        let denial = failure.denial();
        let refused = respond::is_refusal(failure);
        let event = Event {
            ecosystem,
            mount,
            subject: denial.subject.as_ref(),
            artifact: matches!(self.target, Some(Target::Artifact { .. })),
            withheld: 0,
            notice: None,
            outcome: if refused { Outcome::Refused(denial) } else { Outcome::Failed(denial) },
            bytes: None,
        };
        self.core.tell(&event, &mut response);
        response
    }

    /// The package that the target is of.
    fn subject(&self) -> Option<Purl> {
        let name = self.target.and_then(Target::package)?;
        Some(self.mount?.purl(name.as_str(), None))
    }

    /// The denial for a person: which package, where the reason is explained, and the operator's
    /// words. A rule's denial has these words already.
    fn shown(&self, denial: &Denial, policy: &Policy) -> Denial {
        let mut denial = denial.clone();
        denial.subject = denial.subject.or_else(|| self.subject());
        if let (Code::BlockedRegistryNotConfigured, Some((_, mount))) = (denial.code, self.told_as)
        {
            denial.sentence = policy.reworded(denial.code, mount, denial.sentence);
        }
        if denial.code.is_block() && denial.explain.is_none() {
            denial.explain = match (policy.block_url(), &denial.subject) {
                (Some(url), _) => Some(url.to_owned()),
                (None, Some(purl)) if self.core.settings.explain => {
                    Some(format!("{}/why/{}", self.origin, path_of(purl)))
                }
                _ => None,
            };
        }
        denial
    }
}

/// A package URL inside a path: what would end the path is encoded.
fn path_of(purl: &Purl) -> String {
    purl.as_str().replace('?', "%3F").replace('#', "%23")
}
