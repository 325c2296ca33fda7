//! Content that several repositories of one registry list, asked for at once: fetched once.
//!
//! The second place follows the first one's transfer once upstream has confirmed that it has the
//! content too: who may read one repository may not read another for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use weir_cache::{Acquired, Fill, Flights, Promise, Wanted};
use weir_core::Algorithm;
use weir_upstream::Ask;

use crate::Failure;
use crate::artifact::CONTENT;
use crate::link::Spot;
use crate::visit::Visit;

/// Places that may lack the content before this one is asked without regard to others.
const ATTEMPTS: usize = 4;

/// A mount, and the key of the bytes in the store.
type ContentKey = (Arc<str>, Box<str>);
/// For which path something was asked for, and what came of it.
type Asked = (Box<str>, Result<Acquired, Failure>);

/// The transfers of content that are under way.
#[derive(Debug)]
pub(crate) struct Contents {
    begins: Flights<ContentKey, Asked>,
    fills: Mutex<HashMap<ContentKey, (Box<str>, Fill)>>,
}

impl Contents {
    pub(crate) fn new() -> Self {
        Self { begins: Flights::new(), fills: Mutex::default() }
    }

    fn under_way(&self, key: &ContentKey) -> Option<(Box<str>, Fill)> {
        self.fills.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn begun(&self, key: ContentKey, path: Box<str>, fill: Fill) {
        self.fills.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (path, fill));
    }

    fn ended(&self, key: &ContentKey) {
        self.fills.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// A file to be fetched: from where, and what was promised for it.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) wanted: Wanted,
    pub(crate) spot: Spot,
    pub(crate) promised: Promise,
    pub(crate) checksums: Vec<(Algorithm, Spot)>,
    pub(crate) file: Box<str>,
    /// Whether it is content that is addressed by its digest.
    pub(crate) content: bool,
}

impl Visit {
    /// Fetches what was ordered, or joins its transfer.
    pub(crate) async fn order(&self, order: Order) -> Result<Acquired, Failure> {
        let Order { wanted, spot, promised, checksums, file, content } = order;
        let visit = self.clone();
        let ask = async move {
            let published = visit.ask_checksums(&checksums);
            let answer = visit.ask_file(&spot, promised, &file);
            // Both to their end, also when one fails at once: the other may be the one request by which
            // a host that was left alone is found to be well again.
            let (published, answer) = tokio::join!(published, answer);
            let (mut promise, media, body) = answer?;
            promise.digests.extend(published?);
            promise.digests.sort_by_key(|digest| std::cmp::Reverse(digest.algorithm()));
            // What a content host calls it says nothing: manifests say what content is.
            Ok((promise, if content { CONTENT.into() } else { media }, body))
        };
        self.core.artifacts.acquire(wanted, ask).await
    }

    /// Fetches content, or follows its transfer for another repository of the same registry.
    pub(crate) async fn order_content(&self, order: Order) -> Result<Acquired, Failure> {
        let key: ContentKey = (Arc::clone(&self.mount.name), order.wanted.key.to_string().into());
        for _ in 0..ATTEMPTS {
            if let Some((path, fill)) = self.core.contents.under_way(&key) {
                return self.follow(order, &path, fill).await;
            }
            match self.first(&key, &order).await {
                Some((path, Ok(Acquired::Filling(fill)))) => {
                    return self.follow(order, &path, fill).await;
                }
                Some((path, acquired)) if path == order.wanted.path => return acquired,
                // The other place does not have it, or has it all: this one is asked again.
                Some(_) => {}
                None => break,
            }
        }
        self.begin(order).await
    }

    /// Takes over content that is stored for another repository or mount already, once upstream
    /// confirms that it is to be had at this place too; else fetches it.
    async fn begin(&self, order: Order) -> Result<Acquired, Failure> {
        let Some(kept) = self.core.artifacts.kept(&order.wanted).await? else {
            return self.order(order).await;
        };
        self.confirm_place(&order).await?;
        Ok(Acquired::Stored(self.core.artifacts.share(&order.wanted, kept).await?))
    }

    async fn confirm_place(&self, order: &Order) -> Result<(), Failure> {
        let head = Ask::head(order.spot.whither());
        self.stream(&order.spot, head, &order.file).await.map(drop)
    }

    /// Begins the transfer of content, unless that is being done for another place.
    async fn first(&self, key: &ContentKey, order: &Order) -> Option<Asked> {
        let (visit, own, content) = (self.clone(), order.clone(), key.clone());
        let work = || async move {
            let path = own.wanted.path.clone();
            let acquired = visit.begin(own).await;
            if let Ok(Acquired::Filling(fill)) = &acquired {
                visit.watch(content, path.clone(), fill.clone());
            }
            (path, acquired)
        };
        self.core.contents.begins.join(key.clone(), work).await
    }

    async fn follow(&self, order: Order, path: &str, fill: Fill) -> Result<Acquired, Failure> {
        if *order.wanted.path != *path {
            self.confirm_place(&order).await?;
        }
        Ok(Acquired::Filling(fill))
    }

    /// Remembers a transfer until its end.
    fn watch(&self, key: ContentKey, path: Box<str>, fill: Fill) {
        self.core.contents.begun(key.clone(), path, fill.clone());
        let core = Arc::clone(&self.core);
        tokio::spawn(async move {
            // Whoever follows is told how it ended.
            let _ = fill.finished().await;
            core.contents.ended(&key);
        });
    }
}
