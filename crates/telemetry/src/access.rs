//! The access log: one JSON object a line for each answered request.
//!
//! A thread of its own writes through one buffer. A request hands its record over without waiting:
//! when the disk cannot keep up, records are dropped and counted, and requests go on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use thiserror::Error;

/// Records that wait to be written; more are dropped.
const WAITING: usize = 16_384;
/// The size of the buffer in front of the file, in bytes.
const BUFFER: usize = 64 << 10;
/// A line waits in the buffer for no longer than this.
const FLUSH_AFTER: Duration = Duration::from_secs(1);
/// A disk that fails is reported, and a new file tried, no more often than this.
const COMPLAIN_EVERY: Duration = Duration::from_mins(1);
/// How long the end waits for a slow disk.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Where the log is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessSettings {
    /// The file; older ones have `.1`, `.2`, … appended.
    pub path: PathBuf,
    /// The size in bytes at which the file becomes an older one; 0 never does.
    pub max_size: u64,
    /// How many older files are kept.
    pub keep: u32,
}

/// One answered request. Absent fields are left out of the line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AccessRecord {
    /// When the request arrived, RFC 3339 in UTC with milliseconds.
    pub time: String,
    /// The client's address; as a trusted proxy forwarded it, where there is one.
    pub client: String,
    /// The method.
    pub method: String,
    /// Path and query as they were sent.
    pub target: String,
    /// The status of the answer.
    pub status: u16,
    /// Bytes of the body that were handed to the connection.
    pub bytes: u64,
    /// Whether the answer ended before its last byte: the client went away, or what was passed on
    /// broke off. Left out where it did not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// From the arrival of the request to the end of the answer, in microseconds.
    pub micros: u64,
    /// The client's `User-Agent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The name of the token that the client sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The ecosystem's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ecosystem: Option<&'static str>,
    /// The mount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mount: Option<String>,
    /// The package URL that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purl: Option<String>,
    /// `hit`, `miss`, `refused` or `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    /// The code of a refusal or failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
}

/// The log cannot be written.
#[derive(Debug, Error)]
#[error("access_log.path: {path} cannot be opened for appending: {error}")]
pub struct AccessLogError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub error: io::Error,
}

/// Takes records. Clones write into the same log; when the last of them is dropped, what was
/// recorded is written.
#[derive(Clone, Debug)]
pub struct AccessLog(Arc<Hand>);

/// The side of those who record.
#[derive(Debug)]
struct Hand {
    sender: Option<SyncSender<Message>>,
    shared: Arc<Shared>,
    /// Closed by the thread when everything is written.
    ended: Mutex<Receiver<()>>,
}

/// What both sides see.
#[derive(Debug, Default)]
struct Shared {
    /// Records that were not written: they came too fast, or the disk took none.
    lost: AtomicU64,
    reopen: AtomicBool,
}

enum Message {
    Record(Box<AccessRecord>),
    /// Something in [`Shared`] has changed.
    Look,
    /// What came before is to be in the file when this is answered.
    Flush(SyncSender<()>),
}

impl AccessLog {
    /// Opens the file for appending and starts the thread that writes it.
    pub fn open(settings: AccessSettings) -> Result<Self, AccessLogError> {
        let shared = Arc::new(Shared::default());
        let path = settings.path.clone();
        let writer = Writer::open(settings, Arc::clone(&shared))?;
        let (sender, messages) = mpsc::sync_channel(WAITING);
        let (ending, ended) = mpsc::channel();
        let run = move || {
            writer.run(&messages);
            drop(ending);
        };
        std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(run)
            .map_err(|error| AccessLogError { path, error })?;
        Ok(Self(Arc::new(Hand { sender: Some(sender), shared, ended: Mutex::new(ended) })))
    }

    /// Hands a record over. Never waits.
    pub fn record(&self, record: AccessRecord) {
        if !self.0.send(Message::Record(Box::new(record))) {
            self.0.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Goes on in a new file where another program has moved the old one.
    pub fn reopen(&self) {
        self.0.shared.reopen.store(true, Ordering::Release);
        // Where no message can wait any more, the next record brings the thread there.
        self.0.send(Message::Look);
    }

    /// What tells how many records were lost, for longer than the log is open.
    pub(crate) fn watched(&self) -> Lost {
        Lost(Arc::clone(&self.0.shared))
    }

    /// Waits until everything that was recorded has been written, however long the disk takes.
    pub fn flush(&self) {
        let (done, flushed) = mpsc::sync_channel(1);
        if let Some(sender) = &self.0.sender
            && sender.send(Message::Flush(done)).is_ok()
        {
            let _ = flushed.recv();
        }
    }

    /// How many records were lost: they came faster than they could be written, or could not be
    /// written at all.
    pub fn lost(&self) -> u64 {
        self.watched().lost()
    }
}

/// See [`AccessLog::lost`].
pub(crate) struct Lost(Arc<Shared>);

impl Lost {
    pub(crate) fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }
}

impl Hand {
    fn send(&self, message: Message) -> bool {
        self.sender.as_ref().is_some_and(|sender| sender.try_send(message).is_ok())
    }
}

impl Drop for Hand {
    /// Waits for the thread, but no longer than a disk may hold up the end of a process.
    fn drop(&mut self) {
        self.sender = None;
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(END_WITHIN);
    }
}

/// The side of the thread.
struct Writer {
    settings: AccessSettings,
    shared: Arc<Shared>,
    file: BufWriter<File>,
    size: u64,
    complained: Option<Instant>,
    /// No new file is begun before this.
    rotate_from: Option<Instant>,
}

impl Writer {
    fn open(mut settings: AccessSettings, shared: Arc<Shared>) -> Result<Self, AccessLogError> {
        let (file, size) = append(&settings.path)
            .map_err(|error| AccessLogError { path: settings.path.clone(), error })?;
        // Standard output, a pipe or what a link leads to is not ours to move.
        if !fs::symlink_metadata(&settings.path).is_ok_and(|data| data.is_file()) {
            settings.max_size = 0;
        }
        Ok(Self { settings, shared, file, size, complained: None, rotate_from: None })
    }

    fn run(mut self, messages: &Receiver<Message>) {
        let mut looked = Instant::now();
        loop {
            match messages.recv_timeout(FLUSH_AFTER) {
                Ok(Message::Record(record)) => self.take(&record),
                Ok(Message::Flush(done)) => {
                    let flushed = self.file.flush();
                    self.complain(flushed);
                    let _ = done.try_send(());
                }
                Ok(Message::Look) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let asked = self.shared.reopen.swap(false, Ordering::Acquire);
            if asked || looked.elapsed() >= FLUSH_AFTER {
                let flushed = self.file.flush().and_then(|()| self.follow(asked));
                self.complain(flushed);
                looked = Instant::now();
            }
        }
        let flushed = self.file.flush();
        self.complain(flushed);
    }

    fn take(&mut self, record: &AccessRecord) {
        let written = self.write(record);
        if written.is_err() {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
        self.complain(written);
    }

    fn write(&mut self, record: &AccessRecord) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        let length = line.len() as u64;
        if self.is_full(length) {
            let rotated = self.rotate();
            if rotated.is_err() {
                // The file goes on growing: lines matter more.
                self.rotate_from = Instant::now().checked_add(COMPLAIN_EVERY);
            }
            self.complain(rotated);
        }
        // A line is taken whole or not at all: it is smaller than the buffer, which keeps what the
        // disk did not take.
        self.file.write_all(&line)?;
        self.size += length;
        Ok(())
    }

    fn is_full(&self, more: u64) -> bool {
        let max = self.settings.max_size;
        max > 0
            && self.size > 0
            && self.size + more > max
            && self.rotate_from.is_none_or(|from| Instant::now() >= from)
    }

    /// The file becomes `.1`, `.1` becomes `.2`, and so on; the last is replaced.
    fn rotate(&mut self) -> io::Result<()> {
        self.file.flush()?;
        // Absent when the last attempt moved it and could not begin a new one.
        if self.settings.path.exists() {
            self.shift()?;
        }
        self.begin()
    }

    fn shift(&self) -> io::Result<()> {
        let older = |number: u32| numbered(&self.settings.path, number);
        for number in (1..self.settings.keep).rev() {
            match fs::rename(older(number), older(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if self.settings.keep > 0 {
            fs::rename(&self.settings.path, older(1))
        } else {
            fs::remove_file(&self.settings.path)
        }
    }

    /// Goes on in the file that has the log's name.
    fn begin(&mut self) -> io::Result<()> {
        (self.file, self.size) = append(&self.settings.path)?;
        self.rotate_from = None;
        Ok(())
    }

    /// Follows what other programs did to the file: they may have moved, removed or emptied it.
    fn follow(&mut self, asked: bool) -> io::Result<()> {
        if asked || !is_at(self.file.get_ref(), &self.settings.path)? {
            return self.begin();
        }
        self.size = self.file.get_ref().metadata()?.len();
        Ok(())
    }

    fn complain(&mut self, written: io::Result<()>) {
        let Err(error) = written else { return };
        if self.complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
            self.complained = Some(Instant::now());
            let path = self.settings.path.display();
            let lost = self.shared.lost.load(Ordering::Relaxed);
            tracing::error!(%error, %path, lost, "the access log cannot be written as it should");
        }
    }
}

fn append(path: &Path) -> io::Result<(BufWriter<File>, u64)> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let size = file.metadata()?.len();
    Ok((BufWriter::with_capacity(BUFFER, file), size))
}

/// Whether the file still has this name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let own = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (own.dev(), own.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// An open file cannot be moved here.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

#[cfg(test)]
mod tests;
