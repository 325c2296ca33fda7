//! Holding back: where the only version of a package is withheld, the last allowed one stays in
//! the index, as long as its file can be had.
//!
//! Distributions list one version of each package. Without its only version a package is gone, and
//! what needs it cannot be installed.

use std::collections::{HashMap, HashSet};

use weir_core::{Coordinates, Docs, Found, Listed, Need, Release, Request, Target};
use weir_policy::Facts;

use crate::Failure;
use crate::gather::Gathered;
use crate::visit::Visit;

/// At most so many entries are held back in one index: each costs a look at upstream.
const MOST: usize = 2000;

impl Visit {
    pub(crate) fn holds_back(&self) -> bool {
        self.mount.resign.as_ref().is_some_and(|selection| selection.hold_back)
    }

    /// Ordinals, in the document as it was last served, of allowed versions of the packages that
    /// would be gone.
    pub(crate) async fn held_back(
        &self,
        target: &Target,
        gathered: &Gathered,
        lost: HashSet<String>,
    ) -> Result<Vec<usize>, Failure> {
        let Some(docs) = served_docs(&gathered.docs).filter(|_| !lost.is_empty()) else {
            return Ok(Vec::new());
        };
        let (visit, of) = (self.clone(), target.clone());
        let length = gathered.length();
        let found = self.compute(length, move || visit.entries_of(&of, &docs, &lost)).await?;
        let (ordinals, releases): (Vec<usize>, Vec<Release<'static>>) = found.into_iter().unzip();
        let sights = self.sights(target, &releases).await?;
        let facts = releases.iter().zip(&sights).map(|(r, sight)| Facts::of(r, *sight));
        let judgements = self.policy.judge_all(&self.lens, facts);
        let (edits, _) = self.policy.edits(&self.mount.info(), &judgements);
        let mut allowed: Vec<(usize, Release<'static>)> = ordinals
            .into_iter()
            .zip(releases)
            .enumerate()
            .filter(|(n, _)| edits.keeps(*n))
            .map(|(_, entry)| entry)
            .collect();
        let scheme = self.mount.descriptor().scheme;
        allowed.sort_by(|(_, a), (_, b)| weir_version::compare(scheme, &b.version, &a.version));
        let held = self.newest_obtainable(allowed).await;
        self.record_held(&held).await?;
        let mut ordinals: Vec<usize> = held.into_iter().map(|(ordinal, _)| ordinal).collect();
        ordinals.sort_unstable();
        Ok(ordinals)
    }

    /// Of entries whose newest versions come first, those of each package's newest version that
    /// can be had.
    async fn newest_obtainable(
        &self,
        entries: Vec<(usize, Release<'static>)>,
    ) -> Vec<(usize, Release<'static>)> {
        let mut chosen: HashMap<String, String> = HashMap::new();
        let mut held = Vec::new();
        for (ordinal, release) in entries {
            let version = chosen.get(&*release.name);
            if held.len() >= MOST || version.is_some_and(|version| *version != *release.version) {
                continue;
            }
            if self.is_obtainable(&release).await {
                chosen.insert(release.name.to_string(), release.version.to_string());
                held.push((ordinal, release));
            }
        }
        held
    }

    fn entries_of(
        &self,
        target: &Target,
        docs: &Docs,
        names: &HashSet<String>,
    ) -> Result<Vec<(usize, Release<'static>)>, Failure> {
        let mut found = Vec::new();
        let mut ordinal = 0;
        let mut each = |release: Release<'_>| {
            if names.contains(&*release.name) {
                found.push((ordinal, release.into_owned()));
            }
            ordinal += 1;
        };
        let read = self.mount.ecosystem.read(&self.job(target, docs), &mut each);
        read.map_err(|error| self.unreadable(target, &error))?;
        Ok(found)
    }

    /// Whether a file is stored, or still at upstream.
    async fn is_obtainable(&self, release: &Release<'_>) -> bool {
        let Some(file) = release.file.as_deref() else { return false };
        let path = crate::sight::encoded_path(file);
        let route = Request::get(&path).ok().map(|request| self.mount.ecosystem.route(&request));
        let Some(Ok(target @ Target::Artifact { .. })) = route else { return false };
        self.can_be_had(&target).await
    }

    /// What is held back may have left every index that is kept: its file is remembered.
    async fn record_held(&self, held: &[(usize, Release<'static>)]) -> Result<(), Failure> {
        let listed: Vec<Listed> = held
            .iter()
            .filter_map(|(_, release)| {
                Some(Listed {
                    release: Coordinates::new(&*release.name, &*release.version),
                    file: release.file.as_deref()?.into(),
                    digest: release.digest.clone(),
                    size: release.size,
                    published: None,
                })
            })
            .collect();
        if !listed.is_empty() {
            self.core.catalog.record_files(&self.mount.name, &listed, self.now).await?;
        }
        Ok(())
    }
}

/// The documents of a job with the one that was last served in the listing's place.
fn served_docs(docs: &Docs) -> Option<Docs> {
    let served = docs.iter().find_map(|(need, found)| match (need, found) {
        (Need::Served(_), Found::Doc(doc)) => Some(doc.clone()),
        _ => None,
    })?;
    let mut replaced = Docs::new();
    for (need, found) in docs.iter() {
        let found = match need {
            Need::Fetch(fetch) if fetch.lists => Found::Doc(served.clone()),
            _ => found.clone(),
        };
        replaced.insert(need.clone(), found);
    }
    Some(replaced)
}
