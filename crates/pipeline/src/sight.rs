//! First sight: what counts as the date of a release whose registry gives none.
//!
//! Everything that is present at first contact with a package is old. Only a version that was
//! absent from a stored listing and is present in a later one is new, from the instant at which
//! the later one was read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use weir_cache::{Facts, Fetched, Stored};
use weir_catalog::Sights;
use weir_core::{
    Coding, Doc, Docs, FactSet, FormatError, Found, Need, Owner, Place, Release, Request, Target,
    Timestamp,
};
use weir_policy::Sight;

use crate::Failure;
use crate::obtain::Errand;
use crate::outline::Outline;
use crate::tables::Listing;
use crate::visit::Visit;

/// More names than this are looked up all at once.
const ONE_BY_ONE: usize = 64;

/// Name, version and file of an entry without a date.
pub(crate) type Undated = (String, String, String);

impl Visit {
    /// Records what a new listing shows for the first time, before it replaces the old one. One
    /// that cannot be read is an error, and replaces nothing.
    pub(crate) async fn note_sightings(
        &self,
        errand: &Arc<Errand>,
        previous: Option<&Stored>,
        fetched: &Fetched,
    ) -> Result<(), Failure> {
        let target = &errand.target;
        let (Some(body), Some(scope)) = (&fetched.body, scope_of(target)) else { return Ok(()) };
        let (catalog, mount) = (&self.core.catalog, &self.mount.name);
        let old = previous.and_then(|stored| stored.doc.clone());
        let outline = catalog.outline(mount, &scope).await?.map(Outline::read);
        let mut sights = Sights { scope, ..Sights::default() };
        if old.is_some() || outline.is_some() {
            let (visit, listing) = (self.clone(), self.listing_of(target));
            let (errand, body) = (Arc::clone(errand), body.clone());
            let media = fetched.media.clone();
            let length = old.as_ref().map_or(0, |old| old.bytes().len()) + body.len();
            let appeared = move || {
                let read = |doc: &Doc| {
                    let mut docs = errand.known.clone();
                    docs.insert(Need::Fetch(errand.fetch.clone()), Found::Doc(doc.clone()));
                    visit.undated(&listing, &docs)
                };
                appeared(read(&Doc::new(body, &media)), || Some(read(&old?)), outline.as_ref())
                    .map_err(|error| visit.unreadable(&listing, &error))
            };
            let Appeared { fresh, outline } = self.compute(length, appeared).await?;
            sights.outline = outline.map(Outline::into_bytes);
            if catalog.contact(mount, &sights.scope).await?.is_some() {
                sights.fresh = by_name(fresh);
            }
        }
        catalog.record_sights(mount, &sights, self.now).await?;
        Ok(())
    }

    /// Keeps what a new version of a whole index says of its files, and records what it shows for
    /// the first time. An index that cannot be read is an error.
    pub(crate) async fn note_index(
        &self,
        errand: &Arc<Errand>,
        fetched: &Fetched,
    ) -> Result<(), Failure> {
        let (Some(body), Place::Origin { path, .. }) = (&fetched.body, &errand.fetch.place) else {
            return Ok(());
        };
        let coding = if errand.fetch.verbatim { errand.fetch.coding } else { Coding::Identity };
        let plain = self.uncompressed(coding, body.clone(), &self.mount.name).await?;
        let listing = Listing { fetch: errand.fetch.clone(), plain, known: errand.known.clone() };
        let table = self.table_of(&errand.target, listing).await?;
        let documents = &self.core.documents;
        let before = documents.facts_before(&errand.key).await?;
        let others = documents.facts(&self.mount.name).await?;
        let mut sights = Sights { scope: format!("index:{path}"), ..Sights::default() };
        if let (Some(before), Some(now)) = (before, Facts::open(table.clone().into())) {
            let changes = weir_cache::changes(&before, &now);
            // What moves from one suite to another is not new.
            let known: HashSet<(&str, &str)> = if changes.appeared.is_empty() {
                HashSet::new()
            } else {
                others.iter().flat_map(Facts::iter).map(|f| (f.name, f.version)).collect()
            };
            let fresh = changes.appeared.iter().filter(|f| !known.contains(&(f.name, f.version)));
            sights.fresh =
                by_name(fresh.map(|f| (f.name.into(), f.version.into(), f.file.into())).collect());
            for fact in &changes.replaced {
                self.replaced(fact.file).await?;
            }
        }
        self.core.catalog.record_sights(&self.mount.name, &sights, self.now).await?;
        // Last: after a crash between them, what is new is compared with the same index again.
        documents.put_facts(&errand.key, table, coding).await?;
        Ok(())
    }

    /// A file has other bytes than before: what is stored under its path is not it any more.
    async fn replaced(&self, file: &str) -> Result<(), Failure> {
        let route = |path: &str| self.mount.ecosystem.route(&Request::get(path).ok()?).ok();
        let Some(target) = route(&encoded_path(file)) else { return Ok(()) };
        let path = self.mount.ecosystem.path(&target);
        if let Some(entry) = self.core.artifacts.entry(&self.mount.name, &path).await? {
            tracing::info!(mount = %self.mount.name, path, "published again with other bytes");
            self.core.artifacts.forget(&entry).await?;
        }
        Ok(())
    }

    /// The target that reads all of a listing: a listing may have been fetched for the sake of
    /// one version only.
    pub(crate) fn listing_of(&self, target: &Target) -> Target {
        match (target.package(), self.mount.descriptor().listing) {
            (None, _) | (_, "") => target.clone(),
            (Some(name), listing) => Target::manifest(name.as_str(), listing),
        }
    }

    /// Dates what no listing names by the first request for it.
    pub(crate) async fn note_unlisted(
        &self,
        releases: &mut [(Release<'static>, Sight)],
    ) -> Result<(), Failure> {
        if !self.cx.wants.contains(FactSet::DATES) {
            return Ok(());
        }
        for (release, sight) in releases {
            let seen = matches!(sight, Sight::At(_));
            if !release.unlisted || release.available.is_some() || seen {
                continue;
            }
            let (catalog, mount) = (&self.core.catalog, &self.mount.name);
            let file = release.file.as_deref().unwrap_or_default();
            let entry = [(&*release.version, file)];
            catalog.record_first_seen(mount, &release.name, &entry, self.now).await?;
            *sight = Sight::At(self.now);
        }
        Ok(())
    }

    /// The entries of one listing that carry no registry date.
    pub(crate) fn undated(
        &self,
        listing: &Target,
        docs: &Docs,
    ) -> Result<HashSet<Undated>, FormatError> {
        let mut entries = HashSet::new();
        self.listed(&self.job(listing, docs), &mut |release| {
            if release.available.is_none() {
                entries.insert((
                    release.name.to_string(),
                    release.version.to_string(),
                    release.file.unwrap_or_default().into_owned(),
                ));
            }
        })?;
        Ok(entries)
    }

    /// When each release was first seen, where that decides its date.
    pub(crate) async fn sights(
        &self,
        target: &Target,
        releases: &[Release<'_>],
    ) -> Result<Vec<Sight>, Failure> {
        let undated = |release: &&Release<'_>| release.available.is_none();
        if !self.cx.wants.contains(FactSet::DATES) || !releases.iter().any(|r| undated(&r)) {
            return Ok(vec![Sight::Unknown; releases.len()]);
        }
        let (catalog, mount) = (&self.core.catalog, &self.mount.name);
        let contacted = match scope_of(target) {
            // Whatever a whole index lists was compared with the index before.
            _ if self.mount.lists_whole_indexes() => true,
            Some(scope) => catalog.contact(mount, &scope).await?.is_some(),
            None => false,
        };
        let names: HashSet<&str> =
            releases.iter().filter(undated).map(|release| &*release.name).collect();
        let mut seen: HashMap<(String, String, String), Timestamp> = HashMap::new();
        if names.len() > ONE_BY_ONE {
            for (name, first) in catalog.all_first_seen(mount).await? {
                seen.insert((name, first.version, first.file), first.at);
            }
        } else {
            for name in names {
                for first in catalog.first_seen(mount, name).await? {
                    seen.insert((name.to_owned(), first.version, first.file), first.at);
                }
            }
        }
        if seen.is_empty() {
            let sight = |_: &Release<'_>| if contacted { Sight::Baseline } else { Sight::Unknown };
            return Ok(releases.iter().map(sight).collect());
        }
        let sight = |release: &Release<'_>| {
            // What a tag led to first, where there is such a chain, is what can be new.
            let file = release.chain.first().or(release.file.as_ref());
            let at = |file: &str| {
                let (name, version) = (release.name.to_string(), release.version.to_string());
                seen.get(&(name, version, file.to_owned()))
            };
            match at(file.map_or("", |file| &**file)).or_else(|| at("")) {
                Some(at) => Sight::At(*at),
                None if contacted => Sight::Baseline,
                None => Sight::Unknown,
            }
        };
        Ok(releases.iter().map(sight).collect())
    }
}

/// What a new listing shows.
struct Appeared {
    fresh: HashSet<Undated>,
    /// All that it names, where some of it has no date.
    outline: Option<Outline>,
}

/// What a new listing has and the old one has not; where the old one is not here any more, what its
/// outline has not. Where only the new one cannot be read, it is broken; where nothing is known of
/// an old one, nothing is known to be new.
fn appeared(
    new: Result<HashSet<Undated>, FormatError>,
    old: impl FnOnce() -> Option<Result<HashSet<Undated>, FormatError>>,
    outline: Option<&Outline>,
) -> Result<Appeared, FormatError> {
    if new.as_ref().is_ok_and(HashSet::is_empty) {
        return Ok(Appeared { fresh: HashSet::new(), outline: None });
    }
    let old = old().and_then(Result::ok);
    let was_there = |entry: &Undated| match (&old, outline) {
        (Some(old), _) => old.contains(entry),
        (None, Some(outline)) => outline.names(entry),
        (None, None) => true,
    };
    match new {
        Ok(new) => {
            let outline = Some(Outline::of(&new));
            Ok(Appeared { fresh: new.into_iter().filter(|e| !was_there(e)).collect(), outline })
        }
        Err(error) if old.is_some() => Err(error),
        Err(_) => Ok(Appeared { fresh: HashSet::new(), outline: None }),
    }
}

fn by_name(fresh: HashSet<Undated>) -> BTreeMap<String, Vec<(String, String)>> {
    let mut by_name: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (name, version, file) in fresh {
        by_name.entry(name).or_default().push((version, file));
    }
    by_name
}

/// A decoded path as it stands in an address.
pub(crate) fn encoded_path(path: &str) -> String {
    let encoded = |segment| utf8_percent_encode(segment, NON_ALPHANUMERIC).to_string();
    path.split('/').map(encoded).collect::<Vec<_>>().join("/")
}

/// The scope whose first contact counts: the package, or the index.
pub(crate) fn scope_of(target: &Target) -> Option<String> {
    match target {
        Target::Manifest { scope, .. } | Target::Artifact { owner: Owner::Listed(scope), .. } => {
            Some(scope.to_string())
        }
        other => other.package().map(ToString::to_string),
    }
}
