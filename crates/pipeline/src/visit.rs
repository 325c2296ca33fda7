//! One request at one mount: everything that an answer depends on, held still while it is made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use weir_core::{Cx, Docs, FormatError, Job, Release, Target, Timestamp};
use weir_policy::{Lens, Policy};

use crate::gather::Gathered;
use crate::indexes::Candidate;
use crate::service::Core;
use crate::{Failure, Mount};

/// A request at a mount. One lens and one instant hold for it and for all that it renders.
#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) core: Arc<Core>,
    pub(crate) mount: Arc<Mount>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) lens: Lens,
    pub(crate) now: Timestamp,
    pub(crate) base: Arc<str>,
    pub(crate) cx: Arc<Cx>,
    /// A root that is tried in place of the one that is kept.
    pub(crate) candidate: Option<Candidate>,
    asked: Arc<AtomicBool>,
}

impl Visit {
    pub(crate) fn new(core: &Arc<Core>, mount: &Arc<Mount>, base: Arc<str>, body: &[u8]) -> Self {
        let policy = core.policy();
        let now = core.clock.now();
        let info = mount.info();
        let lens = policy.lens(&info, now);
        let cx = Cx {
            base: Arc::clone(&base),
            private: core.settings.private,
            wants: lens.wants(),
            horizon: lens.horizon(),
            resign: mount.resign.clone(),
            body: body.into(),
        };
        Self {
            core: Arc::clone(core),
            mount: Arc::clone(mount),
            lens,
            now,
            base,
            cx: Arc::new(cx),
            policy,
            candidate: None,
            asked: Arc::default(),
        }
    }

    /// The same request, for a target: where verdicts rest on records of the target's package,
    /// they hold for what is recorded now.
    pub(crate) fn concerning(mut self, target: &Target) -> Self {
        if self.mount.descriptor().content.is_some()
            && let Some(name) = target.package()
        {
            self.lens.class ^= self.core.records.of(&self.mount.name, name.as_str());
        }
        self
    }

    pub(crate) fn job<'a>(&'a self, target: &'a Target, docs: &'a Docs) -> Job<'a> {
        Job { target, docs, cx: &self.cx }
    }

    /// Notes that upstream was asked for this request.
    pub(crate) fn note_asked(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Whether upstream was asked for this request.
    pub(crate) fn has_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Reads all releases of what was gathered, off the reactor when it is large.
    pub(crate) async fn read(
        &self,
        target: &Target,
        gathered: &Gathered,
    ) -> Result<Vec<Release<'static>>, Failure> {
        let visit = self.clone();
        let (target, docs) = (target.clone(), gathered.docs.clone());
        self.compute(gathered.length(), move || visit.read_now(&target, &docs)).await
    }

    fn read_now(&self, target: &Target, docs: &Docs) -> Result<Vec<Release<'static>>, Failure> {
        let mut releases = Vec::new();
        let mut each = |release: Release<'_>| releases.push(release.into_owned());
        let read = self.listed(&self.job(target, docs), &mut each);
        read.map_err(|error| self.unreadable(target, &error))?;
        Ok(releases)
    }

    /// Reads the releases of a listing. One that has entries, and none that can be read, is no listing:
    /// the page of a portal has lines and links too.
    pub(crate) fn listed(
        &self,
        job: &Job<'_>,
        each: &mut dyn FnMut(Release<'_>),
    ) -> Result<(), FormatError> {
        let (mut readable, mut reason) = (false, None);
        self.mount.ecosystem.read(job, &mut |release| {
            readable |= release.unreadable.is_none();
            reason = release.unreadable.or(reason);
            each(release);
        })?;
        reason.filter(|_| !readable).map_or(Ok(()), |reason| Err(FormatError::new(reason)))
    }

    /// Runs work on documents of this many bytes: here when small, on the blocking pool when not.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        length: usize,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        if length <= self.core.settings.inline_document {
            return work();
        }
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
            let sentence = format!("reading a document failed: {error}");
            Err(Failure::new(weir_core::Code::Internal, sentence))
        })
    }

    pub(crate) fn unreadable(&self, target: &Target, error: &FormatError) -> Failure {
        Failure::unreadable(self.describe(target), error)
    }

    /// What a target is, for a sentence.
    pub(crate) fn describe(&self, target: &Target) -> String {
        let content = self.mount.descriptor().content.is_some();
        match target.package() {
            // A reference of a repository is a thing of its own.
            Some(name) if content => match target.view() {
                Some(view) if !view.arg.is_empty() => format!("{name} {}", view.arg),
                _ => name.to_string(),
            },
            Some(name) => self.mount.purl(name.as_str(), None).to_string(),
            None => format!("{}/{}", self.mount.name, self.mount.ecosystem.path(target)),
        }
    }
}
