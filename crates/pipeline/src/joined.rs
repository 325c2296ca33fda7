//! Documents that a group joins from its members, each as that member serves it.

use std::sync::Arc;

use futures_util::future::join_all;
use weir_cache::{Grounds, Rendering, RenderingKey};
use weir_core::{Digest, Edits, Merge, SidecarKind, Target};

use crate::service::{Answered, Exchange};
use crate::visit::Visit;
use crate::{Failure, Mount};

/// A failure, and the member whose it is.
type Refused = (Option<Arc<Mount>>, Failure);

/// The document behind a target that is joined: itself, or what it is a checksum of.
pub(crate) fn joinable(merge: Merge, target: &Target) -> Option<&Target> {
    let document = match target {
        Target::Sidecar { of, .. } => of,
        other => other,
    };
    (merge.joins)(document).then_some(document)
}

impl Exchange<'_> {
    /// The document of all members that have it, or what goes with it. A member without it is passed
    /// over; a refusal or fault of one is that of all.
    pub(crate) async fn joined(
        &self,
        merge: Merge,
        members: &[&Arc<Mount>],
        document: &Target,
        target: &Target,
    ) -> Result<(Arc<Mount>, Answered), Refused> {
        let visits: Vec<Visit> = members
            .iter()
            .map(|mount| Visit::new(self.core, mount, Arc::clone(&self.base), &[]))
            .collect();
        let asked = visits.iter().map(|visit| self.rendering(visit, document));
        let mut parts = Vec::new();
        let mut refused = (None, Failure::not_found("a registry for this name"));
        for (visit, answer) in visits.iter().zip(join_all(asked).await) {
            match answer {
                Ok(rendering) => parts.push((&visit.mount, rendering)),
                Err(failure) => {
                    let goes_on = failure.goes_on();
                    refused = (Some(Arc::clone(&visit.mount)), failure);
                    if !goes_on {
                        return Err(refused);
                    }
                }
            }
        }
        let Some((first, _)) = parts.first() else { return Err(refused) };
        let mount = Arc::clone(first);
        let blame = |failure| (Some(Arc::clone(&mount)), failure);
        let renderings: Vec<Arc<Rendering>> = parts.into_iter().map(|(_, r)| r).collect();
        let rendering = self.one(merge, document, &renderings).map_err(blame)?;
        let hit = !visits.iter().any(Visit::has_asked);
        let answered = match target {
            Target::Sidecar { kind: SidecarKind::Checksum(algorithm), .. } => {
                let digest = Digest::of(*algorithm, rendering.identity());
                self.digest(document, &digest, &mount, hit)
            }
            Target::Sidecar { .. } => {
                return Err(blame(Failure::not_found("a signature over the joined document")));
            }
            _ => self.shown(target, &rendering, &mount, hit).await,
        };
        Ok((mount, answered))
    }

    /// One document from several. It is kept until one of them is another.
    fn one(
        &self,
        merge: Merge,
        document: &Target,
        parts: &[Arc<Rendering>],
    ) -> Result<Arc<Rendering>, Failure> {
        let [first, _, ..] = parts else {
            return parts.first().cloned().ok_or_else(|| Failure::not_found("a registry"));
        };
        let key = RenderingKey {
            // No mount has a name with a space.
            mount: format!("group {}", self.front.path).into(),
            base: Arc::clone(&self.base),
            target: document.clone(),
        };
        let sources: Vec<Digest> = parts.iter().map(|part| part.digest().clone()).collect();
        let counts = |part: &Arc<Rendering>| part.counts;
        let counts = parts.iter().map(counts).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        let kept = self.core.renderings.get(key.parts());
        if let Some(kept) = kept.filter(|kept| kept.sources == sources && kept.counts == counts) {
            return Ok(kept);
        }
        let bytes: Vec<&[u8]> = parts.iter().map(|part| &part.identity()[..]).collect();
        let joined = (merge.join)(&bytes);
        let joined = joined.map_err(|error| Failure::unreadable("the group", &error))?;
        let notice = parts.iter().find_map(|part| part.edits.notice());
        let edits = notice.map_or_else(Edits::keep_all, |n| Edits::keep_all().with_notice(n));
        let grounds = Grounds { sources, edits, counts };
        let rendering = Arc::new(Rendering::new(first.head.clone(), joined, grounds));
        self.core.renderings.put(key, Arc::clone(&rendering));
        Ok(rendering)
    }
}
