//! A request that ends in a refusal or fault: what its client gets, and who is told of it.

use std::sync::Arc;

use http::Response;
use http::request::Parts;
use weir_core::{Code, Denial, Ecosystem, Purl, Target};

use crate::respond::{self, RefusalStyle, ResponseBody};
use crate::service::Core;
use crate::{Event, Failure, Outcome, Told};

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
    /// The package that the target is of.
    pub(crate) subject: Option<Purl>,
    pub(crate) target: Option<&'a Target>,
}

impl Refused<'_> {
    /// Tells the observer, and makes the response.
    pub(crate) fn answer(&self, failure: &Failure) -> Response<ResponseBody> {
        let shown = failure.with_denial(self.shown(failure.denial()));
        let told = self.tell(&shown);
        let style = RefusalStyle {
            block_status: self.core.policy().block_status(),
            base: self.base,
            query: self.parts.uri.query().unwrap_or(""),
            head: self.parts.method == http::Method::HEAD,
        };
        let response = respond::failure(self.ecosystem, self.target, &shown, &style);
        match told {
            Some(told) => told.beside(response),
            None => response,
        }
    }

    fn tell(&self, failure: &Failure) -> Option<Told> {
        // A client that is sent to the canonical path comes again.
        let (ecosystem, mount) = self.told_as.filter(|_| failure.moved().is_none())?;
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
        self.core.observer.event(&event);
        Some(Told::of(&event))
    }

    /// The denial for a person: which package, where the reason is explained, and the operator's
    /// words. A rule's denial has these words already.
    fn shown(&self, denial: &Denial) -> Denial {
        let policy = self.core.policy();
        let mut denial = denial.clone();
        denial.subject = denial.subject.or_else(|| self.subject.clone());
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
