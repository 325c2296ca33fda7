//! The tables of what whole indexes say of their files, beside the indexes.

use std::sync::Arc;

use weir_catalog::FACTS;
use weir_core::Coding;

use super::{DocumentKey, Documents, Fetched, Stored, headers};
use crate::{CacheError, Facts};

/// The headers of a table that name its index, and the coding in which that is kept.
const INDEX: &str = "index";
const CODING: &str = "coding";

/// A table that was lost.
#[derive(Clone, Debug)]
pub struct LostFacts {
    /// The index that it was made from.
    pub index: DocumentKey,
    /// The coding in which the index is kept.
    pub coding: Coding,
}

impl Documents {
    /// Keeps what an index says of its files. The index itself is kept in this coding.
    pub async fn put_facts(
        &self,
        of: &DocumentKey,
        table: Vec<u8>,
        coding: Coding,
    ) -> Result<Arc<Stored>, CacheError> {
        let fetched = Fetched {
            body: Some(table.into()),
            media: String::from("application/octet-stream"),
            url: String::new(),
            etag: None,
            last_modified: None,
            headers: vec![
                (INDEX.to_owned(), of.request.to_string()),
                (CODING.to_owned(), coding.name().to_owned()),
            ],
            scope: FACTS.to_owned(),
        };
        self.put(&of.facts(), fetched).await
    }

    /// Tables of a mount that are recorded and not there any more.
    pub async fn lost_facts(&self, mount: &Arc<str>) -> Result<Vec<LostFacts>, CacheError> {
        let mut lost = Vec::new();
        for row in self.catalog.documents_of(mount, FACTS).await? {
            let headers = headers(&row);
            let key = DocumentKey { mount: Arc::clone(mount), request: row.key.into() };
            if self.open_facts(&key).await?.is_some() {
                continue;
            }
            let field = |wanted: &str| headers.iter().find(|(name, _)| name == wanted);
            // Tables of before these were noted cannot be made again.
            let (Some((_, index)), Some((_, coding))) = (field(INDEX), field(CODING)) else {
                continue;
            };
            let index = DocumentKey { request: index.as_str().into(), ..key };
            lost.extend(Coding::from_name(coding).map(|coding| LostFacts { index, coding }));
        }
        Ok(lost)
    }

    /// What is kept of the facts of one document, or of the latest version of it before. A version
    /// whose table is gone is passed over: what was new since has been noted.
    pub async fn facts_before(&self, key: &DocumentKey) -> Result<Option<Facts>, CacheError> {
        let key = key.facts();
        let Some(place) = key.versions() else { return self.open_facts(&key).await };
        let rows = self.catalog.documents_under(&key.mount, &place).await?;
        for row in rows.into_iter().filter(|row| *row.key != *key.request) {
            let key = DocumentKey { request: row.key.into(), ..key.clone() };
            if let Some(facts) = self.open_facts(&key).await? {
                return Ok(Some(facts));
            }
        }
        Ok(None)
    }

    /// The facts of all indexes of a mount, those of the latest fetched first.
    pub async fn facts(&self, mount: &Arc<str>) -> Result<Vec<Facts>, CacheError> {
        let mut rows = self.catalog.documents_of(mount, FACTS).await?;
        rows.sort_by_key(|row| std::cmp::Reverse(row.fetched_at));
        let mut all = Vec::with_capacity(rows.len());
        for row in rows {
            let key = DocumentKey { mount: Arc::clone(mount), request: row.key.into() };
            all.extend(self.open_facts(&key).await?);
        }
        Ok(all)
    }

    async fn open_facts(&self, key: &DocumentKey) -> Result<Option<Facts>, CacheError> {
        let stored = self.get(key).await?;
        Ok(stored.and_then(|stored| Facts::open(stored.body.clone()?)))
    }
}

impl DocumentKey {
    pub(super) fn facts(&self) -> Self {
        // One table, whether the document is kept as fetched or decoded; and one line of versions
        // however it is compressed: what is new in one form was not there in the other.
        let mut of = self.request.replace(" raw @", " @");
        for coding in [".xz ", ".gz ", ".bz2 ", ".zst "] {
            of = of.replace(coding, " ");
        }
        Self { request: format!("facts {of}").into(), ..self.clone() }
    }
}
