//! Signed chains of indexes: a root and everything that it names by hash are one generation.
//!
//! A new root takes the old one's place only when all that was fetched by the old one's hashes is
//! here by the new one's. So no client ever sees half of two, and an upstream that is being
//! updated costs freshness, not correctness.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use percent_encoding::percent_decode_str;
use weir_cache::{DocumentKey, Stored};
use weir_catalog::ROOTS;
use weir_core::{Code, Coding, Coordinates, Digest, Fetch, Found, Listed, Place, Request, Target};

use crate::Failure;
use crate::gather::Purpose;
use crate::obtain::Errand;
use crate::visit::Visit;

/// The scope of what was served under a hash, before the hash.
const SERVED: &str = "~served";
/// What the key of such a document begins with, before the path.
const MADE: &str = "served ";

/// A root that may take the place of the one that is kept.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) key: DocumentKey,
    pub(crate) stored: Arc<Stored>,
}

impl Visit {
    /// Fetches what a new root names, as far as it was fetched by the names of the old one.
    pub(crate) fn complete<'a>(
        &'a self,
        errand: &'a Errand,
        candidate: Arc<Stored>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            let targets = self.children(errand).await?;
            let candidate = Some(Candidate { key: errand.key.clone(), stored: candidate });
            let mut visit = self.clone();
            visit.candidate = candidate;
            for target in targets {
                match visit.gather(&target, Purpose::Evidence).await {
                    Ok(_) => {}
                    // The new root does not name it any more.
                    Err(failure) if failure.code() == Code::NotFound && !failure.goes_on() => {}
                    Err(failure) => return Err(failure),
                }
            }
            Ok(())
        }
        .boxed()
    }

    /// Fetches what a target is made of.
    pub(crate) fn sources<'a>(
        &'a self,
        target: &'a Target,
        purpose: Purpose,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        async move { self.gather(target, purpose).await.map(|_| ()) }.boxed()
    }

    /// The targets whose documents were fetched by the names of this root, and what was made of
    /// them: the form in which upstream has an index may be none that is served here.
    async fn children(&self, errand: &Errand) -> Result<Vec<Target>, Failure> {
        let Place::Origin { path, .. } = &errand.fetch.place else { return Ok(Vec::new()) };
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let base = format!("{} ", errand.spot.origin.base);
        let rows =
            self.core.catalog.documents_under(&self.mount.name, &format!("{base}{folder}")).await?;
        // Where roots are signed anew, upstream's signature is looked at and not served.
        let beside = self.mount.resign.is_none();
        let named = |key: &str| key.contains(" @") || beside && key.contains(" of ");
        let served = format!("{MADE}{folder}");
        let made = match self.mount.resign {
            Some(_) => self.core.catalog.documents_under(&self.mount.name, &served).await?,
            None => Vec::new(),
        };
        let fetched = rows.iter().filter(|row| named(&row.key) && row.digest.is_some());
        let fetched = fetched.filter_map(|row| row.key.strip_prefix(&base));
        let made = made.iter().filter_map(|row| row.key.strip_prefix(MADE));
        let path = |key: &str| Some(key.split(' ').next()?.to_owned());
        let paths: BTreeSet<String> = fetched.chain(made).filter_map(path).collect();
        let route = |path: String| self.mount.ecosystem.route(&Request::get(&path).ok()?).ok();
        Ok(paths.into_iter().filter_map(route).collect())
    }

    /// The roots that are kept, as an answer to a plugin.
    pub(crate) async fn kept_roots(&self) -> Result<Vec<Listed>, Failure> {
        let primary = self.mount.descriptor().origins.first().map_or("primary", |o| o.id);
        let base = format!("{} ", self.mount.origin(primary).await?.base);
        let rows = self.core.catalog.documents_of(&self.mount.name, ROOTS).await?;
        let path = |key: &str| {
            let path = key.strip_prefix(&base)?.split(' ').next()?;
            (!key.contains(" ~")).then(|| percent_decode_str(path).decode_utf8_lossy().into_owned())
        };
        let roots = rows.iter().filter(|row| row.digest.is_some());
        Ok(roots
            .filter_map(|row| path(&row.key))
            .map(|path| Listed {
                release: Coordinates::new("", ""),
                file: path.into(),
                digest: None,
                size: None,
                published: None,
            })
            .collect())
    }

    /// An earlier version of a root; absent when it is not here.
    pub(crate) async fn earlier(
        &self,
        key: &DocumentKey,
        fetch: &Fetch,
    ) -> Result<Arc<Stored>, Failure> {
        let stored = self.core.documents.get(&key.past(fetch.past)).await?;
        Ok(stored.unwrap_or_else(|| Arc::new(Stored::absent(self.now))))
    }

    /// The key of what a target is served as.
    fn served_key(&self, target: &Target) -> DocumentKey {
        let path = self.mount.ecosystem.path(target);
        let request = format!("{MADE}{path}").into();
        DocumentKey { mount: Arc::clone(&self.mount.name), request }
    }

    /// Keeps what a target is served as, so that it can be asked for by its hash.
    pub(crate) async fn keep_served(
        &self,
        target: &Target,
        rendering: &weir_cache::Rendering,
    ) -> Result<(), Failure> {
        let key = self.served_key(target).version(rendering.digest());
        if self.core.documents.get(&key).await?.is_some() {
            return Ok(());
        }
        let fetched = weir_cache::Fetched {
            body: Some(rendering.identity().clone()),
            media: rendering.head.media.to_string(),
            url: String::new(),
            etag: None,
            last_modified: None,
            headers: vec![("coding".to_owned(), rendering.head.coding.name().to_owned())],
            scope: format!("{SERVED} {}", rendering.digest()),
        };
        self.core.documents.put_version(&key, fetched).await?;
        Ok(())
    }

    /// Bytes that were served under a hash.
    pub(crate) async fn past_bytes(&self, digest: &Digest) -> Result<Found, Failure> {
        let (catalog, mount) = (&self.core.catalog, &self.mount.name);
        let rows = catalog.documents_of(mount, &format!("{SERVED} {digest}")).await?;
        let Some(row) = rows.into_iter().next() else { return Ok(Found::Absent) };
        let key = DocumentKey { mount: Arc::clone(mount), request: row.key.into() };
        let stored = self.core.documents.get(&key).await?;
        let doc = stored.and_then(|stored| stored.doc.clone());
        Ok(doc.map_or(Found::Absent, Found::Doc))
    }

    /// A target as it was last served, without its own compression.
    pub(crate) async fn last_served(&self, target: &Target) -> Result<Found, Failure> {
        let stored = self.core.documents.latest_version(&self.served_key(target)).await?;
        let Some(doc) = stored.and_then(|stored| stored.doc.clone()) else {
            return Ok(Found::Absent);
        };
        let coding = doc.header("coding").and_then(Coding::from_name);
        let Some(coding) = coding.filter(|coding| *coding != Coding::Identity) else {
            return Ok(Found::Doc(doc));
        };
        let bytes = bytes::Bytes::copy_from_slice(doc.bytes());
        let plain = self.uncompressed(coding, bytes, &self.mount.name).await?;
        Ok(Found::Doc(weir_core::Doc::new(plain, doc.media())))
    }
}
