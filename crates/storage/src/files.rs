//! Objects as files of a folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::mpsc;
use weir_core::Timestamp;

use crate::buffers::Buffers;
use crate::io::{Positional, blocking};
use crate::spool::Finished;
use crate::{Key, Opened, Spool, Stamp, Storage, StorageError, StorageSettings, Stored};

/// Where a spool of another file system is copied before it is renamed.
const INCOMING: &str = ".weir-incoming";
/// How often a commit makes its folder again when a deletion removed it at the same moment.
const ATTEMPTS: usize = 20;

/// A folder: the object `a/b` is the file `a/b`. Names that begin with a dot are not objects.
#[derive(Clone, Debug)]
pub struct Files {
    root: Arc<Path>,
    buffers: Arc<Buffers>,
}

impl Files {
    /// Uses a folder, which is made when absent.
    pub fn open(root: &Path, settings: &StorageSettings) -> Result<Self, StorageError> {
        fs::create_dir_all(root).map_err(|error| StorageError::io("create", root, error))?;
        let buffers = Buffers::new(settings.read_size, settings.idle_buffers);
        Ok(Self { root: root.into(), buffers })
    }

    /// Uses the folder of a `file:///…` address.
    pub(crate) fn open_url(url: &str, settings: &StorageSettings) -> Result<Self, StorageError> {
        let folder = url::Url::parse(url).ok().and_then(|url| url.to_file_path().ok());
        let folder = folder.ok_or_else(|| StorageError::Address {
            url: url.to_owned(),
            reason: "expected an absolute path: file:///var/lib/weir/objects".to_owned(),
        })?;
        Self::open(&folder, settings)
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }
}

#[async_trait]
impl Storage for Files {
    async fn commit(&self, key: &Key, spool: Spool) -> Result<u64, StorageError> {
        let finished = spool.finish().await?;
        let length = finished.length();
        let (root, path) = (Arc::clone(&self.root), self.path(key));
        let target = path.clone();
        blocking(move || adopt(&root, &target, &finished))
            .await
            .map_err(|error| StorageError::io("store", &path, error))?;
        Ok(length)
    }

    async fn open(&self, key: &Key) -> Result<Option<Opened>, StorageError> {
        let path = self.path(key);
        let wanted = path.clone();
        let opened = blocking(move || open_file(&wanted)).await;
        let found = opened.map_err(|error| StorageError::io("open", &path, error))?;
        Ok(found.map(|(file, size, stamp)| {
            let file = Positional::new(Arc::new(file), Arc::clone(&self.buffers));
            Opened::file(path.to_string_lossy(), size, file, stamp)
        }))
    }

    async fn delete(&self, key: &Key) -> Result<bool, StorageError> {
        let (root, path) = (Arc::clone(&self.root), self.path(key));
        let target = path.clone();
        blocking(move || remove(&root, &target))
            .await
            .map_err(|error| StorageError::io("delete", &path, error))
    }

    fn list(&self, prefix: &str) -> BoxStream<'static, Result<Stored, StorageError>> {
        let (send, receive) = mpsc::channel(64);
        let (root, prefix) = (Arc::clone(&self.root), prefix.trim_end_matches('/').to_owned());
        stream::once(async move {
            tokio::task::spawn_blocking(move || {
                // Nobody listens any more: the walk has ended.
                let _ = Walk { root: &root, send: &send }.folder(&prefix);
            });
            stream::unfold(receive, |mut from| async { from.recv().await.map(|one| (one, from)) })
        })
        .flatten()
        .boxed()
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StorageError> {
        let incoming = self.root.join(INCOMING);
        let folder = incoming.clone();
        blocking(move || remove_older(&folder, before))
            .await
            .map_err(|error| StorageError::io("sweep", &incoming, error))
    }

    async fn check(&self) -> Result<(), StorageError> {
        let root = Arc::clone(&self.root);
        blocking(move || write_probe(&root))
            .await
            .map_err(|error| StorageError::io("write into", &self.root, error))
    }

    fn describe(&self) -> String {
        url::Url::from_file_path(&self.root)
            .map_or_else(|()| self.root.display().to_string(), |url| url.to_string())
    }
}

/// Makes a finished spool the file `path`, so that it survives a crash.
fn adopt(root: &Path, path: &Path, finished: &Finished) -> io::Result<()> {
    finished.sync()?;
    let folder = path.parent().unwrap_or(root);
    let mut attempts = 1;
    loop {
        match make_folder(root, folder).and_then(|()| put_in_place(root, path, finished)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempts < ATTEMPTS => {
                attempts += 1;
            }
            Err(error) => return Err(error),
            Ok(()) => return sync_folder(folder),
        }
    }
}

fn put_in_place(root: &Path, path: &Path, finished: &Finished) -> io::Result<()> {
    match fs::rename(finished.path(), path) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy(root, path, finished),
        other => other,
    }
}

/// Copies a spool from another file system beside its target, and renames the copy.
fn copy(root: &Path, path: &Path, finished: &Finished) -> io::Result<()> {
    let incoming = root.join(INCOMING);
    fs::create_dir_all(&incoming)?;
    let mut file = tempfile::NamedTempFile::new_in(incoming)?;
    io::copy(&mut File::open(finished.path())?, &mut file)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Makes a folder with its parents up to the root, each of which is then known to the disk.
fn make_folder(root: &Path, folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|_| folder != root);
    if let Some(parent) = parent {
        make_folder(root, parent)?;
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => parent.map_or(Ok(()), sync_folder),
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // The object was deleted again, and its folder with it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Folders cannot be synchronised here; the file system's journal has to do.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

fn open_file(path: &Path) -> io::Result<Option<(File, u64, Stamp)>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if is_absence(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    let stamp = Stamp::of(&metadata);
    Ok(metadata.is_file().then_some((file, metadata.len(), stamp)))
}

/// Nothing there, or an object where this one needs a folder.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Deletes a file, and the folders that are empty then.
fn remove(root: &Path, path: &Path) -> io::Result<bool> {
    if path.is_dir() {
        return Ok(false);
    }
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if is_absence(&error) => return Ok(false),
        Err(error) => return Err(error),
    }
    for folder in path.ancestors().skip(1).take_while(|folder| *folder != root) {
        // Not empty, or filled again meanwhile.
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(true)
}

/// Removes the files of a folder that were last written before this instant.
fn remove_older(folder: &Path, before: Timestamp) -> io::Result<u64> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absence(&error) => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        match entry.metadata() {
            Ok(metadata) if metadata.is_file() && modified(&metadata) <= before => {}
            _ => continue,
        }
        match fs::remove_file(entry.path()) {
            Ok(()) => removed += 1,
            // Its process has renamed or removed it.
            Err(error) if is_absence(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(removed)
}

fn write_probe(root: &Path) -> io::Result<()> {
    let incoming = root.join(INCOMING);
    fs::create_dir_all(&incoming)?;
    let mut probe = tempfile::NamedTempFile::new_in(incoming)?;
    io::Write::write_all(&mut probe, b"weir")?;
    probe.as_file().sync_all()?;
    probe.close()
}

/// A walk through the folders that sends what it finds.
struct Walk<'a> {
    root: &'a Path,
    send: &'a mpsc::Sender<Result<Stored, StorageError>>,
}

/// Nobody listens.
struct Gone;

impl Walk<'_> {
    /// Walks the folder with this path below the root.
    fn folder(&self, below: &str) -> Result<(), Gone> {
        let folder = self.root.join(below);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if is_absence(&error) => return Ok(()),
            Err(error) => return self.fail(&folder, error),
        };
        for entry in entries {
            match entry {
                Ok(entry) => self.entry(below, &entry)?,
                Err(error) => self.fail(&folder, error)?,
            }
        }
        Ok(())
    }

    fn entry(&self, below: &str, entry: &fs::DirEntry) -> Result<(), Gone> {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { return Ok(()) };
        let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => self.folder(&path),
            Ok(metadata) if metadata.is_file() => match Key::parse(&path) {
                Ok(key) => self.send(Ok(stored(key, &metadata))),
                Err(_) => Ok(()),
            },
            Ok(_) => Ok(()),
            Err(error) if is_absence(&error) => Ok(()),
            Err(error) => self.fail(&entry.path(), error),
        }
    }

    fn fail(&self, path: &Path, error: io::Error) -> Result<(), Gone> {
        self.send(Err(StorageError::io("list", path, error)))
    }

    fn send(&self, item: Result<Stored, StorageError>) -> Result<(), Gone> {
        self.send.blocking_send(item).map_err(|_| Gone)
    }
}

fn stored(key: Key, metadata: &fs::Metadata) -> Stored {
    Stored { key, size: metadata.len(), modified: modified(metadata) }
}

fn modified(metadata: &fs::Metadata) -> Timestamp {
    let since = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .unwrap_or_default();
    Timestamp::EPOCH.plus(since)
}
