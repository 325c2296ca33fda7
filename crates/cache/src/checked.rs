//! Stored bytes on their way to a client, compared with what was stored.
//!
//! What a process serves from a file for the first time, or after somebody wrote to the file, is
//! hashed on the way. The last part is held until the digest agrees, as with a transfer from
//! upstream: bytes that have changed never end as a clean answer. What rots without a trace in the
//! file's times is found by the scrub, and at the next start.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use weir_core::Hasher;
use weir_storage::Opened;

use crate::{Artifacts, CacheError, Entry};

/// Up to this length the whole is hashed before the first byte leaves: the client of a file that
/// has changed gets the right one instead of a broken answer.
const FIRST: u64 = 4 << 20;

/// Whether bytes can be hashed while they leave.
pub(crate) fn on_the_way(entry: &Entry, range: &Range<u64>) -> bool {
    entry.size > FIRST && *range == (0..entry.size)
}

/// Hashes an open object; an error when it is not what was stored.
pub(crate) async fn check(entry: &Entry, opened: &Opened) -> Result<(), CacheError> {
    let mut hasher = Hasher::new(entry.sha256.algorithm());
    let mut bytes = opened.read(0..opened.size);
    while let Some(chunk) = bytes.try_next().await? {
        hasher.update(&chunk);
        // A large file must not keep others from the processor.
        tokio::task::yield_now().await;
    }
    if hasher.finish() != entry.sha256 || !opened.is_unchanged() {
        return Err(changed(entry));
    }
    entry.note_checked(opened.stamp());
    Ok(())
}

/// The bytes of a range. The last part leaves when the file is still the one that was opened and,
/// with `hash`, when the whole has the right digest.
pub(crate) fn guarded(
    artifacts: &Artifacts,
    entry: &Arc<Entry>,
    opened: Opened,
    range: Range<u64>,
    hash: bool,
) -> impl Stream<Item = Result<Bytes, CacheError>> + use<> {
    let bytes = opened.read(range);
    let mut remaining = bytes.remaining();
    let mut hasher = hash.then(|| Hasher::new(entry.sha256.algorithm()));
    let (artifacts, entry) = (artifacts.clone(), Arc::clone(entry));
    bytes.map(move |chunk| {
        let chunk = chunk?;
        remaining = remaining.saturating_sub(chunk.len() as u64);
        if let Some(hasher) = &mut hasher {
            hasher.update(&chunk);
        }
        if remaining > 0 {
            return Ok(chunk);
        }
        let agrees = hasher.take().is_none_or(|hasher| hasher.finish() == entry.sha256);
        if agrees && opened.is_unchanged() {
            if hash {
                entry.note_checked(opened.stamp());
            }
            return Ok(chunk);
        }
        let error = changed(&entry);
        let (artifacts, entry) = (artifacts.clone(), Arc::clone(&entry));
        tokio::spawn(async move { artifacts.condemn(&entry).await });
        Err(error)
    })
}

fn changed(entry: &Entry) -> CacheError {
    entry.note_changed();
    CacheError::Changed { key: entry.key.to_string() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;
    use crate::testing::{Kept, Open, admitted, content, read, store, wanted};

    const LARGE: usize = FIRST as usize * 2;

    fn large() -> Bytes {
        Bytes::from((0..LARGE).map(|at| (at / 251) as u8).collect::<Vec<_>>())
    }

    /// Changes one bit of the one stored file, in place.
    fn rot(kept: &Kept, at: u64) {
        let file = std::fs::File::options().read(true).write(true).open(&kept.files()[0]).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 4], at).unwrap();
    }

    /// A new process: nothing of the file is known, and nothing is held in memory.
    async fn stored(kept: &Kept, bytes: Bytes) -> (Open, Arc<Entry>) {
        store(&kept.open().await, wanted("a"), bytes).await;
        let open = kept.open().await;
        let entry = open.artifacts.entry(&"npm".into(), &wanted("a").path).await.unwrap();
        (open, entry.unwrap())
    }

    #[tokio::test]
    async fn a_file_that_has_changed_is_refused_and_forgotten() {
        let kept = Kept::new();
        let (open, entry) = stored(&kept, content("a")).await;
        rot(&kept, 50);
        assert!(matches!(read(&open, &entry).await, Err(CacheError::Changed { .. })));
        let path = wanted("a").path;
        assert!(open.artifacts.entry(&"npm".into(), &path).await.unwrap().is_none());
        let again = store(&open, wanted("a"), content("a")).await;
        assert_eq!(read(&open, &again).await.unwrap(), content("a"));
    }

    #[tokio::test]
    async fn what_was_fetched_again_meanwhile_is_not_forgotten() {
        let kept = Kept::new();
        let (open, entry) = stored(&kept, content("a")).await;
        kept.clock.set(weir_core::Timestamp::from_millis(99));
        let other = kept.open().await;
        other.artifacts.forget(&entry).await.unwrap();
        store(&other, wanted("a"), content("a")).await;
        // Found missing or changed before, and told only now.
        open.artifacts.forget(&entry).await.unwrap();
        let again = kept.open().await;
        let found = again.artifacts.entry(&"npm".into(), &wanted("a").path).await.unwrap().unwrap();
        assert_eq!(read(&again, &found).await.unwrap(), content("a"));
    }

    #[tokio::test]
    async fn a_part_of_a_file_that_has_changed_elsewhere_is_refused() {
        let kept = Kept::new();
        let (open, entry) = stored(&kept, large()).await;
        rot(&kept, 0);
        let opened = open.artifacts.open(admitted(), &entry, 100..200).await;
        assert!(matches!(opened, Err(CacheError::Changed { .. })));
    }

    #[tokio::test]
    async fn a_large_file_that_has_changed_never_ends_well() {
        let kept = Kept::new();
        let (open, entry) = stored(&kept, large()).await;
        rot(&kept, 9);
        let mut body = open.artifacts.open(admitted(), &entry, 0..entry.size).await.unwrap();
        let mut received = 0;
        let error = loop {
            match body.next().await {
                Some(Ok(bytes)) => received += bytes.len(),
                Some(Err(error)) => break error,
                None => panic!("it ended well"),
            }
        };
        assert!(matches!(error, CacheError::Changed { .. }) && received < LARGE);
    }

    #[tokio::test]
    async fn what_is_written_to_while_it_is_read_never_ends_well() {
        let kept = Kept::new();
        let (open, entry) = stored(&kept, large()).await;
        assert_eq!(read(&open, &entry).await.unwrap(), large());
        let mut body = open.artifacts.open(admitted(), &entry, 0..entry.size).await.unwrap();
        body.next().await.unwrap().unwrap();
        rot(&kept, LARGE as u64 - 1);
        let rest: Vec<_> = body.collect().await;
        assert!(matches!(rest.last(), Some(Err(CacheError::Changed { .. }))));
    }

    #[tokio::test]
    async fn a_file_that_is_deleted_while_it_is_read_ends_well() {
        let kept = Kept::new();
        let (open, entry) = stored(&kept, large()).await;
        let mut body = open.artifacts.open(admitted(), &entry, 0..entry.size).await.unwrap();
        let first = body.next().await.unwrap().unwrap();
        std::fs::remove_file(&kept.files()[0]).unwrap();
        let mut received = first.to_vec();
        while let Some(chunk) = body.next().await {
            received.extend_from_slice(&chunk.unwrap());
        }
        assert_eq!(received, large());
    }
}
