//! An observer that remembers what it was told.

use std::sync::Mutex;

use weir_core::Code;
use weir_pipeline::{Event, Observer, Outcome};
use weir_upstream::Quota;

/// What an observer was told of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) mount: String,
    pub(crate) subject: Option<String>,
    pub(crate) artifact: bool,
    pub(crate) withheld: usize,
    pub(crate) notice: Option<String>,
    pub(crate) outcome: &'static str,
    pub(crate) code: Option<Code>,
}

#[derive(Debug, Default)]
pub(crate) struct Recorder {
    told: Mutex<Vec<Told>>,
    quotas: Mutex<Vec<(String, Quota)>>,
}

impl Recorder {
    pub(crate) fn last(&self) -> Told {
        self.all().pop().unwrap()
    }

    /// What is left of rate limits, by mount, as often as upstream said so.
    pub(crate) fn quotas(&self) -> Vec<(String, u64)> {
        let quotas = self.quotas.lock().unwrap();
        quotas.iter().map(|(mount, quota)| (mount.clone(), quota.remaining)).collect()
    }

    pub(crate) fn all(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }
}

impl Observer for Recorder {
    fn event(&self, event: &Event<'_>) {
        let (outcome, code) = match event.outcome {
            Outcome::Hit => ("hit", None),
            Outcome::Miss => ("miss", None),
            Outcome::Refused(denial) => ("refused", Some(denial.code)),
            Outcome::Failed(denial) => ("failed", Some(denial.code)),
        };
        self.told.lock().unwrap().push(Told {
            mount: event.mount.to_owned(),
            subject: event.subject.map(ToString::to_string),
            artifact: event.artifact,
            withheld: event.withheld,
            notice: event.notice.map(ToOwned::to_owned),
            outcome,
            code,
        });
    }

    fn upstream(&self, _: &'static str, _: f64, _: Option<&'static str>) {}

    fn quota(&self, _: &'static str, mount: &str, quota: &Quota) {
        self.quotas.lock().unwrap().push((mount.to_owned(), *quota));
    }
}
