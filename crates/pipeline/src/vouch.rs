//! Upstream's signature over the root of indexes that this gateway edits and signs with its own key:
//! what clients no longer can verify is verified here, before anything is made from it.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use percent_encoding::percent_decode_str;
use weir_cache::{DocumentKey, Fetched, Stored};
use weir_core::{Code, Doc, Fetch, Place, Signed, Target};

use crate::Failure;
use crate::gather::{Gathered, Purpose};
use crate::obtain::Errand;
use crate::settings::Verifier;
use crate::visit::Visit;

impl Visit {
    /// Whether a new root may take the place of the one that is kept.
    pub(crate) fn vouch_for_new<'a>(
        &'a self,
        errand: &'a Errand,
        previous: Option<&'a Arc<Stored>>,
        fetched: &'a Fetched,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        self.check_new(errand, previous, fetched).boxed()
    }

    async fn check_new(
        &self,
        errand: &Errand,
        previous: Option<&Arc<Stored>>,
        fetched: &Fetched,
    ) -> Result<(), Failure> {
        let (Some(body), true) = (&fetched.body, self.must_vouch(&errand.fetch)) else {
            return Ok(());
        };
        let doc = Doc::new(body.clone(), &fetched.media);
        self.vouch(&errand.fetch, &doc).await?;
        let Some(old) = previous.and_then(|previous| previous.doc.as_ref()) else { return Ok(()) };
        let ecosystem = &self.mount.ecosystem;
        if let (Some(new), Some(kept)) = (ecosystem.issued(&doc), ecosystem.issued(old))
            && new < kept
            && self.vouch(&errand.fetch, old).await.is_ok()
        {
            let clause = format!("it is of {new}, and older than the one of {kept} that is kept");
            return Err(self.unvouched(&errand.fetch, &clause));
        }
        Ok(())
    }

    /// Whether upstream's signature over a root can be verified at all: nothing is asked for
    /// otherwise.
    pub(crate) async fn can_vouch(&self, fetch: &Fetch) -> Result<(), Failure> {
        if self.must_vouch(fetch) { self.keys(fetch).await.map(|_| ()) } else { Ok(()) }
    }

    /// Who verifies; known when the addresses are.
    async fn keys(&self, fetch: &Fetch) -> Result<Arc<dyn Verifier>, Failure> {
        self.mount.origins().await;
        let none = || self.unvouched(fetch, "this gateway knows no keys of its archive");
        self.mount.verifier().ok_or_else(none)
    }

    /// Whether a root that is kept was signed by upstream: it may be from before that was asked for.
    pub(crate) async fn vouch_for_kept(&self, fetch: &Fetch, doc: &Doc) -> Result<(), Failure> {
        if self.must_vouch(fetch) { self.vouch(fetch, doc).await } else { Ok(()) }
    }

    fn must_vouch(&self, fetch: &Fetch) -> bool {
        fetch.root && fetch.signed.is_some() && self.mount.resign.is_some()
    }

    fn vouch<'a>(&'a self, fetch: &'a Fetch, doc: &'a Doc) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            let verifier = self.keys(fetch).await?;
            // What was verified once stays so: a key that ends later ends nothing before.
            let request = format!("vouched {}", verifier.id()).into();
            let mount = Arc::clone(&self.mount.name);
            let note = DocumentKey { mount, request }.version(doc.digest());
            if self.core.documents.get(&note).await?.is_some() {
                return Ok(());
            }
            self.verify(&*verifier, fetch, doc).await?;
            let date = httpdate::fmt_http_date(crate::respond::modified_time(self.now));
            let signed = Fetched::note("signed".to_owned(), date);
            if let Err(error) = self.core.documents.put(&note, signed).await {
                tracing::warn!(mount = %self.mount.name, %error, "a signature is verified again later");
            }
            Ok(())
        }
        .boxed()
    }

    async fn verify(
        &self,
        verifier: &dyn Verifier,
        fetch: &Fetch,
        doc: &Doc,
    ) -> Result<(), Failure> {
        let signature = match &fetch.signed {
            Some(Signed::Beside(place)) => {
                let beside = Fetch::from(place.clone()).optional().of(doc.digest().clone());
                let target = root_target(fetch);
                let nothing = Gathered::default();
                Some(self.obtain(&target, &beside, Purpose::Listing, &nothing).await?)
            }
            _ => None,
        };
        let bytes = signature.as_ref();
        let bytes = bytes.map(|stored| stored.doc.as_ref().map_or(&[][..], Doc::bytes));
        verifier
            .verify(doc.bytes(), bytes, self.now)
            .map_err(|clause| self.unvouched(fetch, &clause))
    }

    fn unvouched(&self, fetch: &Fetch, clause: &str) -> Failure {
        let what = self.describe(&root_target(fetch));
        let sentence = format!("{what} of upstream is not signed anew here: {clause}");
        Failure::new(Code::IntegrityMismatch, sentence)
    }
}

/// The target at the path of a root.
fn root_target(fetch: &Fetch) -> Target {
    let path = match &fetch.place {
        Place::Origin { path, .. } => path,
        _ => "",
    };
    Target::index(percent_decode_str(path).decode_utf8_lossy(), "root")
}
