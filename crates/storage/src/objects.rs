//! Objects in a bucket that speaks S3.

mod address;
mod http;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3;
use object_store::path::Path as Location;
use object_store::{
    GetOptions, GetRange, GetResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutPayload,
};
use tokio::sync::{Semaphore, SemaphorePermit};
use weir_core::Timestamp;

use self::address::Address;
use crate::opened::Source;
use crate::spool::Finished;
use crate::{Key, Opened, Spool, Storage, StorageError, StorageSettings, Stored};

/// S3 takes at most this many parts.
const MOST_PARTS: u64 = 10_000;
/// And none smaller than this, except the last.
const SMALLEST_PART: usize = 5 * 1024 * 1024;
/// So many whole parts may be in memory at once, of all uploads together. What waits lies in its spool:
/// on a slow day, uploads are many.
const PARTS_AT_ONCE: usize = 4;
/// What room for parts is counted in, in bytes.
const UNIT: u64 = 1024;
/// The object that a health check writes. No key begins with a dot.
const PROBE: &str = ".weir-health";

/// A bucket, or the part of it below a prefix.
#[derive(Clone)]
pub struct Objects {
    store: Arc<AmazonS3>,
    address: Arc<Address>,
    part_size: usize,
    /// Room in memory for parts, in units.
    room: Arc<Semaphore>,
}

impl Objects {
    /// Uses the bucket of an `s3://…` address. No connection is made yet.
    pub fn open_url(url: &str, settings: &StorageSettings) -> Result<Self, StorageError> {
        let address = Address::parse(url)?;
        let store = address.client(settings)?;
        let part_size = settings.part_size.max(SMALLEST_PART);
        let room = Arc::new(Semaphore::new(room(part_size)));
        Ok(Self { store: Arc::new(store), address: Arc::new(address), part_size, room })
    }

    fn location(&self, name: &str) -> Result<Location, StorageError> {
        Location::parse(self.address.below(name))
            .map_err(|error| self.fail("name", name, error.into()))
    }

    fn place(&self, name: &str) -> String {
        format!("s3://{}/{}", self.address.bucket, self.address.below(name))
    }

    fn fail(&self, doing: &'static str, name: &str, error: object_store::Error) -> StorageError {
        sort(doing, self.place(name), error)
    }

    async fn upload(&self, location: &Location, finished: Finished) -> object_store::Result<u64> {
        let length = finished.length();
        if length <= self.part_size as u64 {
            let _room = self.room_for(length).await?;
            let whole = read_part(&finished, 0, length).await?;
            self.store.put(location, whole).await?;
            return Ok(length);
        }
        let mut upload = self.store.put_multipart(location).await?;
        match self.upload_parts(upload.as_mut(), &finished).await {
            Ok(()) => upload.complete().await.map(|_| length),
            Err(error) => {
                // The first error is the one to tell; parts that stay cost money, no correctness.
                let _ = upload.abort().await;
                Err(error)
            }
        }
    }

    async fn upload_parts(
        &self,
        upload: &mut dyn MultipartUpload,
        finished: &Finished,
    ) -> object_store::Result<()> {
        let length = finished.length();
        let part = (self.part_size as u64).max(length.div_ceil(MOST_PARTS));
        let mut at = 0;
        while at < length {
            let end = length.min(at + part);
            let _room = self.room_for(end - at).await?;
            upload.put_part(read_part(finished, at, end).await?).await?;
            at = end;
        }
        Ok(())
    }

    /// Waits until so many bytes of a part may be read into memory.
    async fn room_for(&self, bytes: u64) -> object_store::Result<SemaphorePermit<'_>> {
        // A part of a very large object may be larger than all the room: it has it alone then.
        let units = units(bytes).min(room(self.part_size));
        self.room.acquire_many(u32::try_from(units).unwrap_or(u32::MAX)).await.map_err(generic)
    }
}

/// All the room that there is for parts of this size, in units.
fn room(part_size: usize) -> usize {
    units(part_size as u64) * PARTS_AT_ONCE
}

fn units(bytes: u64) -> usize {
    bytes.div_ceil(UNIT) as usize
}

/// Reads a part of a spool as the buffers that hold it.
async fn read_part(finished: &Finished, start: u64, end: u64) -> object_store::Result<PutPayload> {
    let mut chunks = Vec::new();
    let mut at = start;
    while at < end {
        let read = finished.reader().read_at(at, (end - at) as usize).await;
        let chunk = read.map_err(generic)?;
        if chunk.is_empty() {
            return Err(generic(format!("the spool ends at {at} of {end} bytes")));
        }
        at += chunk.len() as u64;
        chunks.push(chunk);
    }
    Ok(PutPayload::from_iter(chunks))
}

fn generic(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> object_store::Error {
    object_store::Error::Generic { store: "S3", source: source.into() }
}

/// Sorts a failure of the object store.
fn sort(doing: &'static str, place: String, error: object_store::Error) -> StorageError {
    match error {
        object_store::Error::PermissionDenied { .. }
        | object_store::Error::Unauthenticated { .. } => {
            StorageError::Denied { place, source: error.into() }
        }
        _ => StorageError::Remote { doing, place, source: error.into() },
    }
}

#[async_trait]
impl Storage for Objects {
    async fn commit(&self, key: &Key, spool: Spool) -> Result<u64, StorageError> {
        let location = self.location(key.as_str())?;
        let finished = spool.finish().await?;
        let this = self.clone();
        // On its own task: a client that goes away does not tear an upload that is under way.
        let upload = tokio::spawn(async move { this.upload(&location, finished).await });
        let done = upload.await.unwrap_or_else(|error| Err(error.into()));
        done.map_err(|error| self.fail("store", key.as_str(), error))
    }

    async fn open(&self, key: &Key) -> Result<Option<Opened>, StorageError> {
        let location = self.location(key.as_str())?;
        let got = match self.store.get(&location).await {
            Ok(got) => got,
            Err(object_store::Error::NotFound { source, .. }) if !is_bucket_missing(&*source) => {
                return Ok(None);
            }
            Err(error) => return Err(self.fail("open", key.as_str(), error)),
        };
        let size = got.meta.size;
        let place: Arc<str> = self.place(key.as_str()).into();
        let source = Remote {
            store: Arc::clone(&self.store),
            location,
            place: Arc::clone(&place),
            meta: got.meta.clone(),
            whole: Mutex::new(Some(got)),
        };
        Ok(Some(Opened::from_source(place, size, Arc::new(source))))
    }

    async fn delete(&self, key: &Key) -> Result<bool, StorageError> {
        let location = self.location(key.as_str())?;
        // S3 does not say whether there was anything to delete.
        match self.store.head(&location).await {
            Ok(_) => {}
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(self.fail("look up", key.as_str(), error)),
        }
        match self.store.delete(&location).await {
            Ok(()) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.fail("delete", key.as_str(), error)),
        }
    }

    fn list(&self, prefix: &str) -> BoxStream<'static, Result<Stored, StorageError>> {
        let prefix = prefix.trim_end_matches('/');
        let location = match self.location(prefix) {
            Ok(location) => location,
            Err(error) => return stream::once(async { Err(error) }).boxed(),
        };
        let (this, place) = (self.clone(), self.place(prefix));
        let listed = self.store.list(Some(&location));
        listed
            .map_err(move |error| sort("list", place.clone(), error))
            .try_filter_map(move |meta| {
                let name = this.address.strip(meta.location.as_ref());
                let key = name.and_then(|name| Key::parse(name).ok());
                let modified = Timestamp::from_millis(meta.last_modified.timestamp_millis());
                let found = key.map(|key| Stored { key, size: meta.size, modified });
                async { Ok(found) }
            })
            .boxed()
    }

    async fn check(&self) -> Result<(), StorageError> {
        let location = self.location(PROBE)?;
        let written = self.store.put(&location, PutPayload::from_static(b"weir")).await;
        written.map(|_| ()).map_err(|error| self.fail("write", PROBE, error))
    }

    fn describe(&self) -> String {
        self.address.to_string()
    }
}

/// An absent bucket is a fault of the configuration, not an absent object.
fn is_bucket_missing(error: &(dyn std::error::Error + 'static)) -> bool {
    error.to_string().contains("NoSuchBucket")
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("address", &self.describe()).finish_non_exhaustive()
    }
}

/// An object in the bucket. Opening it has already asked for all of it, so that a whole read
/// costs one request; a range costs one more.
struct Remote {
    store: Arc<AmazonS3>,
    location: Location,
    place: Arc<str>,
    meta: ObjectMeta,
    whole: Mutex<Option<GetResult>>,
}

impl Source for Remote {
    fn read(&self, range: Range<u64>) -> BoxStream<'static, Result<Bytes, StorageError>> {
        let held = self.whole.lock().unwrap_or_else(PoisonError::into_inner).take();
        let place = Arc::clone(&self.place);
        let fail = move |error| sort("read", place.to_string(), error);
        if let Some(whole) = held.filter(|_| range == (0..self.meta.size)) {
            return whole.into_stream().map_err(fail).boxed();
        }
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            if_match: self.meta.e_tag.clone(),
            ..GetOptions::default()
        };
        let (store, location) = (Arc::clone(&self.store), self.location.clone());
        let meta = self.meta.clone();
        stream::once(async move { same(&meta, store.get_opts(&location, options).await?) })
            .map_ok(GetResult::into_stream)
            .try_flatten()
            .map_err(fail)
            .boxed()
    }
}

/// Refuses an answer that is of another object than the one that was opened: not every server
/// knows `If-Match`.
fn same(opened: &ObjectMeta, got: GetResult) -> object_store::Result<GetResult> {
    let unchanged = match (&opened.e_tag, &got.meta.e_tag) {
        (Some(before), Some(now)) => before == now,
        _ => opened.last_modified == got.meta.last_modified,
    };
    if unchanged && opened.size == got.meta.size {
        return Ok(got);
    }
    Err(generic("the object was replaced while it was being read"))
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("place", &self.place).finish_non_exhaustive()
    }
}
