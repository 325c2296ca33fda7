//! What whole indexes say of their files: a table for each, made when an index arrives, and made again
//! from the index when it was lost.

use std::sync::Arc;

use bytes::Bytes;
use weir_cache::{DocumentKey, FactsBuilder, LostFacts, Stored};
use weir_core::{Doc, Docs, Fetch, Found, Known, Listed, Need, Target};

use crate::Failure;
use crate::visit::Visit;

/// An index that a table is made from.
#[derive(Debug)]
pub(crate) struct Listing {
    /// How it was fetched.
    pub(crate) fetch: Fetch,
    /// Its bytes without their coding.
    pub(crate) plain: Bytes,
    /// What else the plugin knows.
    pub(crate) known: Docs,
}

impl Visit {
    /// What indexes of this mount said of a file, the latest first.
    pub(crate) async fn known_facts(
        &self,
        target: &Target,
        question: &Known,
    ) -> Result<Vec<Listed>, Failure> {
        let listed = self.facts(question).await?;
        let is_file = matches!(target, Target::Artifact { .. });
        if listed.is_empty() && is_file && self.restore_tables(target).await? {
            return self.facts(question).await;
        }
        Ok(listed)
    }

    /// What indexes of this mount said of a file, the latest first.
    async fn facts(&self, question: &Known) -> Result<Vec<Listed>, Failure> {
        let mut listed: Vec<Listed> = Vec::new();
        for table in self.core.documents.facts(&self.mount.name).await? {
            let found: Vec<Listed> = match question {
                Known::File(file) => table.of_file(file).map(|f| f.listed()).collect(),
                Known::Digest(digest) => {
                    table.of_digest(digest).map(|fact| fact.listed()).collect()
                }
                _ => Vec::new(),
            };
            for fact in found {
                if !listed.contains(&fact) {
                    listed.push(fact);
                }
            }
        }
        Ok(listed)
    }

    /// Makes the tables again that were lost and whose index is kept. Returns whether there are any.
    async fn restore_tables(&self, target: &Target) -> Result<bool, Failure> {
        let mut any = false;
        for lost in self.core.documents.lost_facts(&self.mount.name).await? {
            let request = format!("table of {}", lost.index.request).into();
            let key = DocumentKey { request, ..lost.index.clone() };
            let (visit, target) = (self.clone(), target.clone());
            let work = || async move { visit.restore_table(&target, &lost).await };
            match self.core.document_flights.join(key, work).await {
                Some(Ok(_)) => any = true,
                Some(Err(failure)) => {
                    tracing::debug!(mount = %self.mount.name, %failure, "a table stays lost");
                }
                None => {}
            }
        }
        Ok(any)
    }

    async fn restore_table(
        &self,
        target: &Target,
        lost: &LostFacts,
    ) -> Result<Arc<Stored>, Failure> {
        let documents = &self.core.documents;
        let absent = || Failure::not_found("the index of a table");
        let primary = self.mount.descriptor().origins.first().map_or("primary", |o| o.id);
        let base = format!("{} ", self.mount.origin(primary).await?.base);
        let path = lost.index.request.strip_prefix(&base).and_then(|rest| rest.split(' ').next());
        let fetch = Fetch::get(path.ok_or_else(absent)?).listing();
        let index = documents.get(&lost.index).await?;
        let index = index.as_ref().and_then(|stored| stored.doc.as_ref()).ok_or_else(absent)?;
        let bytes = Bytes::copy_from_slice(index.bytes());
        let plain = self.uncompressed(lost.coding, bytes, &self.mount.name).await?;
        let listing = Listing { fetch, plain, known: Docs::default() };
        let table = self.table_of(target, listing).await?;
        tracing::info!(mount = %self.mount.name, index = %lost.index.request, "a lost table was made again");
        Ok(documents.put_facts(&lost.index, table, lost.coding).await?)
    }

    /// The table of what a target's plugin reads in an index.
    pub(crate) async fn table_of(
        &self,
        target: &Target,
        listing: Listing,
    ) -> Result<Vec<u8>, Failure> {
        let (visit, target, length) = (self.clone(), target.clone(), listing.plain.len());
        let read = move || {
            let Listing { fetch, plain, known: mut docs } = listing;
            docs.insert(Need::Fetch(fetch), Found::Doc(Doc::new(plain, "")));
            let mut facts = FactsBuilder::default();
            let job = visit.job(&target, &docs);
            let read = visit.mount.ecosystem.read(&job, &mut |release| facts.add(&release));
            read.map_err(|error| visit.unreadable(&target, &error))?;
            Ok(facts.build())
        };
        self.compute(length, read).await
    }
}
