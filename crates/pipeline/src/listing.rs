//! Documents as served: gather → read → judge → write, kept until a source or a verdict changes.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use weir_cache::{DocumentKey, Fetched, Grounds, Rendering, RenderingKey, RenderingOf};
use weir_core::{
    Code, Denial, Digest, Edit, Edits, Head, Name, Release, Scope, Target, Timestamp, View,
};
use weir_policy::{Facts, Sight};

use crate::Failure;
use crate::gather::{Gathered, Purpose};
use crate::service::Joined;
use crate::visit::Visit;

/// Names of which nothing is kept.
fn lost(releases: &[(Release<'_>, Sight)], edits: &Edits) -> HashSet<String> {
    let names = |keeps: bool| {
        let of = releases.iter().enumerate().filter(move |(n, _)| edits.keeps(*n) == keeps);
        of.map(|(_, (release, _))| &*release.name)
    };
    let kept: HashSet<&str> = names(true).collect();
    names(false).filter(|name| !kept.contains(name)).map(ToOwned::to_owned).collect()
}

/// Judging a release takes about as long as reading this many bytes.
const JUDGED_AS: usize = 32;
const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

impl Visit {
    /// The document of a target as this gateway serves it.
    pub(crate) async fn listing(&self, target: &Target) -> Result<Arc<Rendering>, Failure> {
        match self.rendered_before(target) {
            Some(rendering) => Ok(rendering),
            None => self.rendered_anew(target).await,
        }
    }

    /// Boxed, because a document may need another one as served, and because most need none.
    fn rendered_anew<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Joined<Rendering>> {
        Box::pin(self.current(target))
    }

    /// The document as it was served before, while it may be served so again.
    pub(crate) fn rendered_before(&self, target: &Target) -> Option<Arc<Rendering>> {
        if !self.cx.body.is_empty() {
            return None;
        }
        let rendering = self.core.renderings.get(self.rendering_of(target))?;
        let stands = rendering.holds(self.lens_id(), self.now) && rendering.is_fresh(self.now);
        stands.then_some(rendering)
    }

    async fn current(&self, target: &Target) -> Result<Arc<Rendering>, Failure> {
        if !self.cx.body.is_empty() {
            return self.render(target).await;
        }
        let key = self.rendering_key(target);
        let (visit, target) = (self.clone(), target.clone());
        let flight = (key, self.lens_id());
        let work = || async move {
            let rendered = visit.render(&target).await;
            (rendered, visit.has_asked())
        };
        let landed = self.core.render_flights.join(flight, work).await;
        let Some((rendered, asked)) = landed else {
            return Err(Failure::new(Code::Internal, "rendering a document was interrupted"));
        };
        if asked {
            // Those who waited did not find their answer here either.
            self.note_asked();
        }
        rendered
    }

    /// A refusal when every release of a package is withheld and this ecosystem's clients are
    /// better told so than given an empty list, or one of marks that hold no reason.
    pub(crate) fn refuse_empty(&self, target: &Target, rendering: &Rendering) -> Option<Failure> {
        let package = self.emptied(target, rendering.counts)?;
        let sentence = match rendering.edits.notice() {
            Some(notice) => notice.to_owned(),
            None => format!("every version of {package} is withheld"),
        };
        let mut denial = Denial::new(Code::BlockedByPolicies, sentence);
        let content = self.mount.descriptor().content;
        let of_version = |view: &&View| content.is_some_and(|c| c.version_view == view.name);
        let version = target.view().filter(of_version).map(|view| &*view.arg);
        denial.subject = Some(self.mount.purl(package.as_str(), version));
        denial.rule = rendering.edits.rule().map(Into::into);
        denial.until = Some(rendering.valid_until()).filter(|until| *until != Timestamp::MAX);
        Some(Failure::from_denial(denial))
    }

    /// The package whose listing is refused because nothing of it is left.
    fn emptied<'t>(&self, target: &'t Target, (read, kept): (usize, usize)) -> Option<&'t Name> {
        let descriptor = self.mount.descriptor();
        let refused = read > 0 && kept == 0 && descriptor.refuse_empty;
        let serves = |view: &View| {
            descriptor.content.is_some_and(|content| content.serves_empty.contains(&view.name))
        };
        match target {
            Target::Manifest { scope: Scope::Package(name), view } if refused && !serves(view) => {
                Some(name)
            }
            _ => None,
        }
    }

    fn rendering_key(&self, target: &Target) -> RenderingKey {
        RenderingKey {
            mount: Arc::clone(&self.mount.name),
            base: Arc::clone(&self.base),
            target: target.clone(),
        }
    }

    fn rendering_of<'t>(&'t self, target: &'t Target) -> RenderingOf<'t> {
        RenderingOf { mount: &self.mount.name, base: &self.base, target }
    }

    pub(crate) fn lens_id(&self) -> (u64, u64) {
        (self.lens.epoch, self.lens.class)
    }

    async fn render(&self, target: &Target) -> Result<Arc<Rendering>, Failure> {
        let gathered = match self.gather_listing(target).await {
            Ok(gathered) => gathered,
            Err(failure) => return self.complete_before(target, failure),
        };
        let rendered = self.render_gathered(target, &gathered).await;
        if let Err(failure) = &rendered {
            self.doubt(&gathered, failure).await;
        }
        rendered
    }

    async fn render_gathered(
        &self,
        target: &Target,
        gathered: &Gathered,
    ) -> Result<Arc<Rendering>, Failure> {
        let sources = gathered.digests();
        let fresh_until = gathered.fresh_until(self.mount.freshness.ttl);
        let key = self.rendering_key(target);
        let previous =
            self.core.renderings.get(self.rendering_of(target)).filter(|r| r.sources == sources);
        if let Some(previous) = &previous
            && previous.holds(self.lens_id(), self.now)
        {
            previous.extend(self.lens_id(), previous.valid_until(), fresh_until);
            return Ok(Arc::clone(previous));
        }
        let releases = match target {
            // A signature covers these bytes: they are what they are.
            _ if self.mount.passes_through() => Vec::new(),
            Target::Manifest { .. } => self.read(target, gathered).await?,
            _ => Vec::new(),
        };
        self.record_read(target, &releases).await?;
        self.outline(target, gathered, &releases).await;
        let read = releases.len();
        let (edits, kept, valid_until, lost) = self.judge(target, releases).await?;
        let edits = edits.holding(self.held_back(target, gathered, lost).await?);
        let valid_until = valid_until.min(gathered.valid_until());
        if let Some(previous) = previous.filter(|previous| previous.edits == edits) {
            previous.extend(self.lens_id(), valid_until, fresh_until);
            return Ok(previous);
        }
        let grounds = Grounds { sources, edits, counts: (read, kept) };
        let rendering = Arc::new(self.written(target, gathered, grounds).await?);
        rendering.extend(self.lens_id(), valid_until, fresh_until);
        if self.cx.body.is_empty() {
            self.core.renderings.put(key, Arc::clone(&rendering));
        }
        Ok(rendering)
    }

    /// Gathers the documents of a listing. What a root names and upstream does not have is looked
    /// for once more behind the root as it is now: the archive may have been published meanwhile.
    async fn gather_listing(&self, target: &Target) -> Result<Gathered, Failure> {
        match self.gather(target, Purpose::Listing).await {
            Err(failure) if self.may_have_moved_on(&failure) => {
                tracing::info!(mount = %self.mount.name, %failure, "looking at the root again");
                self.gather(target, Purpose::Recheck).await
            }
            gathered => gathered,
        }
    }

    /// An index whose new generation is not complete is served as it was, while its verdicts hold.
    fn complete_before(&self, target: &Target, failure: Failure) -> Joined<Rendering> {
        let broken = failure.is_transient() || failure.code() == Code::IntegrityMismatch;
        let before = self.core.renderings.get(self.rendering_of(target));
        let before = before.filter(|before| {
            self.mount.descriptor().signed && broken && before.holds(self.lens_id(), self.now)
        });
        let Some(before) = before else { return Err(failure) };
        tracing::warn!(mount = %self.mount.name, %failure, "the previous indexes are served");
        Ok(before)
    }

    fn may_have_moved_on(&self, failure: &Failure) -> bool {
        let moved = match failure.code() {
            Code::NotFound => failure.goes_on(),
            code => code == Code::IntegrityMismatch,
        };
        moved && self.mount.descriptor().signed && !self.core.settings.offline
    }

    /// Judges all releases in one batch: the edits, how many stay unmarked, and until when that
    /// holds.
    async fn judge(
        &self,
        target: &Target,
        releases: Vec<Release<'static>>,
    ) -> Result<(Edits, usize, Timestamp, HashSet<String>), Failure> {
        let sights = self.sights(target, &releases).await?;
        let mut releases: Vec<_> = releases.into_iter().zip(sights).collect();
        self.note_unlisted(&mut releases).await?;
        let visit = self.clone();
        self.compute(releases.len() * JUDGED_AS, move || {
            let facts = releases.iter().map(|(release, sight)| Facts::of(release, *sight));
            let judgements = visit.policy.judge_all(&visit.lens, facts);
            let (edits, valid_until) = visit.policy.edits(&visit.mount.info(), &judgements);
            let whole = |ordinal: &usize| *edits.get(*ordinal) == Edit::Keep;
            let kept = (0..releases.len()).filter(whole).count();
            let lost = if visit.holds_back() { lost(&releases, &edits) } else { HashSet::new() };
            Ok((edits, kept, valid_until, lost))
        })
        .await
    }

    async fn written(
        &self,
        target: &Target,
        gathered: &Gathered,
        grounds: Grounds,
    ) -> Result<Rendering, Failure> {
        if self.emptied(target, grounds.counts).is_some() {
            // Never served. A document of one version cannot even be written without it.
            return Ok(Rendering::new(Head::new("application/octet-stream"), Vec::new(), grounds));
        }
        let visit = self.clone();
        let of = target.clone();
        let (target, docs) = (target.clone(), gathered.docs.clone());
        let length = gathered.length();
        let written = self.compute(length, move || {
            let mut out = Vec::with_capacity(length + length / 8);
            let job = visit.job(&target, &docs);
            let head = visit.mount.ecosystem.write(&job, &grounds.edits, &mut out);
            let head = head.map_err(|error| visit.unreadable(&target, &error))?;
            Ok(Rendering::new(head, out, grounds))
        });
        let mut rendering = written.await?;
        if rendering.head.dated {
            let at = self.modified(&of, rendering.digest()).await?;
            rendering.head.last_modified = Some(at);
        }
        Ok(rendering)
    }

    /// The date of a document whose clients know no other validator: later than that of other bytes
    /// before, in the whole seconds of HTTP, also across a restart.
    async fn modified(&self, target: &Target, digest: &Digest) -> Result<Timestamp, Failure> {
        let path = self.mount.ecosystem.path(target);
        let mount = Arc::clone(&self.mount.name);
        let key = DocumentKey { mount, request: format!("modified {path}").into() };
        let stored = self.core.documents.get(&key).await?;
        let before = stored.as_ref().and_then(|stored| stored.doc.as_ref());
        let since = before.and_then(weir_core::Doc::last_modified);
        let body = digest.to_string();
        if let (Some(doc), Some(since)) = (before, since)
            && doc.bytes() == body.as_bytes()
        {
            return Ok(since);
        }
        let now = Timestamp::from_secs(self.now.as_millis().div_euclid(1000));
        let at = since.map_or(now, |since| since.plus(SECOND).max(now));
        let date = httpdate::fmt_http_date(crate::respond::modified_time(at));
        self.core.documents.put(&key, Fetched::note(body, date)).await?;
        Ok(at)
    }
}
