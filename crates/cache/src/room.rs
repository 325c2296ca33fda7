//! How much memory hot bytes may take, those included that slow clients still wait for.
//!
//! What the cache in memory evicts lives on for as long as a client reads it, and what is on its way
//! into memory is not in the cache yet. Both count here: beyond the limit nothing more is brought into
//! memory, and what is asked for comes from the store piece by piece.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

/// Room for so many bytes.
#[derive(Debug)]
pub(crate) struct Room {
    most: u64,
    taken: AtomicU64,
}

impl Room {
    pub(crate) fn new(most: u64) -> Arc<Self> {
        Arc::new(Self { most, taken: AtomicU64::new(0) })
    }

    /// Takes room for bytes that are about to be read; `None` when there is not enough.
    pub(crate) fn take(self: &Arc<Self>, bytes: u64) -> Option<Place> {
        let fits = |taken: u64| taken.checked_add(bytes).filter(|sum| *sum <= self.most);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(Place { room: Arc::clone(self), bytes })
    }

    #[cfg(test)]
    fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

/// Room that is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    room: Arc<Room>,
    bytes: u64,
}

impl Place {
    /// Keeps the room taken for as long as anybody has any of these bytes.
    pub(crate) fn hold(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Held { bytes, _place: self })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

struct Held {
    bytes: Bytes,
    _place: Place,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::testing::{Kept, Open, admitted, content, read, store, wanted};
    use crate::{ArtifactSettings, Body, Entry};

    #[test]
    fn room_comes_back_with_the_last_of_the_bytes() {
        let room = Room::new(10);
        let place = room.take(7).unwrap();
        assert!(room.take(4).is_none() && room.take(u64::MAX).is_none());
        let bytes = place.hold(Bytes::from_static(b"1234567"));
        let part = bytes.slice(2..3);
        drop(bytes);
        assert_eq!((room.taken(), &part[..]), (7, &b"3"[..]));
        drop(part);
        assert!(room.take(10).is_some());
    }

    /// Room for two files in the cache, and as much again for readers of others.
    const SETTINGS: ArtifactSettings =
        ArtifactSettings { entries: 100, hot_bytes: 200, hot_artifact: 100 };

    async fn body(open: &Open, entry: &Arc<Entry>) -> Body {
        open.artifacts.open(admitted(), entry, 0..entry.size).await.unwrap()
    }

    /// A body of a file that is in memory, or was not brought there in this time.
    async fn warmed(open: &Open, entry: &Arc<Entry>, within: Duration) -> Option<Body> {
        let until = Instant::now() + within;
        loop {
            let body = body(open, entry).await;
            if body.remaining().is_some() {
                return Some(body);
            }
            if Instant::now() > until {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn readers_of_many_hot_files_hold_no_more_than_twice_what_the_cache_holds() {
        let kept = Kept::new();
        let open = kept.open_with(SETTINGS).await;
        let long = Duration::from_mins(1);
        let mut readers = Vec::new();
        for name in ["a", "b", "c", "d"] {
            let entry = store(&open, wanted(name), content(name)).await;
            readers.push(warmed(&open, &entry, long).await.unwrap());
        }
        let last = store(&open, wanted("e"), content("e")).await;
        let short = Duration::from_millis(100);
        assert!(warmed(&open, &last, short).await.is_none(), "all room is taken");
        assert_eq!(read(&open, &last).await.unwrap(), content("e"), "from the store");
        assert_eq!(open.artifacts.room().taken(), 400);
        drop(readers);
        assert!(warmed(&open, &last, long).await.is_some());
    }
}
