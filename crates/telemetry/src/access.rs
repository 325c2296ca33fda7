//! The access log: one JSON object a line for each answered request.
//!
//! A thread of its own writes through one buffer. A request hands its record over without waiting:
//! when the disk cannot keep up, records are dropped and counted, and requests go on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use serde::Serialize;
use thiserror::Error;

/// Records that wait to be written; more are dropped.
const WAITING: usize = 16_384;
/// The size of the buffer in front of the file, in bytes.
const BUFFER: usize = 64 << 10;
/// A line waits in the buffer for no longer than this.
const FLUSH_AFTER: Duration = Duration::from_secs(1);
/// A disk that fails is reported no more often than this.
const COMPLAIN_EVERY: Duration = Duration::from_mins(1);

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
    /// When the request arrived, RFC 3339 in UTC.
    pub time: String,
    /// The client's address.
    pub client: String,
    /// The method.
    pub method: String,
    /// Path and query as they were sent.
    pub target: String,
    /// The status of the answer.
    pub status: u16,
    /// Bytes of the body that were handed to the connection.
    pub bytes: u64,
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

/// Takes records. Clones write into the same log; it is complete on disk a moment after the last
/// of them is dropped.
#[derive(Clone, Debug)]
pub struct AccessLog {
    sender: SyncSender<AccessRecord>,
    dropped: Arc<AtomicU64>,
}

impl AccessLog {
    /// Opens the file for appending and starts the thread that writes it.
    pub fn open(settings: AccessSettings) -> Result<Self, AccessLogError> {
        let writer = Writer::open(settings)?;
        let (sender, records) = mpsc::sync_channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let path = writer.settings.path.clone();
        std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || writer.run(&records))
            .map_err(|error| AccessLogError { path, error })?;
        Ok(Self { sender, dropped })
    }

    /// Hands a record over. Never waits.
    pub fn record(&self, record: AccessRecord) {
        if self.sender.try_send(record).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many records were dropped because they came faster than they could be written.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The side of the thread.
struct Writer {
    settings: AccessSettings,
    file: BufWriter<File>,
    size: u64,
    complained: Option<Instant>,
}

impl Writer {
    fn open(settings: AccessSettings) -> Result<Self, AccessLogError> {
        let (file, size) = append(&settings.path)
            .map_err(|error| AccessLogError { path: settings.path.clone(), error })?;
        Ok(Self { settings, file, size, complained: None })
    }

    fn run(mut self, records: &Receiver<AccessRecord>) {
        let mut flushed = Instant::now();
        loop {
            match records.recv_timeout(FLUSH_AFTER) {
                Ok(record) => {
                    let written = self.write(&record);
                    self.complain(written);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if flushed.elapsed() >= FLUSH_AFTER {
                let written = self.file.flush();
                self.complain(written);
                flushed = Instant::now();
            }
        }
        let written = self.file.flush();
        self.complain(written);
    }

    fn write(&mut self, record: &AccessRecord) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        let length = line.len() as u64;
        if self.settings.max_size > 0
            && self.size > 0
            && self.size + length > self.settings.max_size
        {
            self.rotate()?;
        }
        self.file.write_all(&line)?;
        self.size += length;
        Ok(())
    }

    /// The file becomes `.1`, `.1` becomes `.2`, and so on; the last is replaced.
    fn rotate(&mut self) -> io::Result<()> {
        self.file.flush()?;
        let older = |number: u32| numbered(&self.settings.path, number);
        for number in (1..self.settings.keep).rev() {
            match fs::rename(older(number), older(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if self.settings.keep > 0 {
            fs::rename(&self.settings.path, older(1))?;
        } else {
            fs::remove_file(&self.settings.path)?;
        }
        (self.file, self.size) = append(&self.settings.path)?;
        Ok(())
    }

    fn complain(&mut self, written: io::Result<()>) {
        let Err(error) = written else { return };
        if self.complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
            self.complained = Some(Instant::now());
            let path = self.settings.path.display();
            tracing::error!(%error, %path, "the access log cannot be written; lines are lost");
        }
    }
}

fn append(path: &Path) -> io::Result<(BufWriter<File>, u64)> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let size = file.metadata()?.len();
    Ok((BufWriter::with_capacity(BUFFER, file), size))
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(target: &str) -> AccessRecord {
        AccessRecord {
            time: "2026-01-01T00:00:00Z".to_owned(),
            client: "127.0.0.1".to_owned(),
            method: "GET".to_owned(),
            target: target.to_owned(),
            status: 200,
            ..AccessRecord::default()
        }
    }

    fn writer(folder: &Path, max_size: u64, keep: u32) -> Writer {
        Writer::open(AccessSettings { path: folder.join("access.log"), max_size, keep }).unwrap()
    }

    fn lines(folder: &Path, name: &str) -> Vec<String> {
        let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
        text.lines().map(ToOwned::to_owned).collect()
    }

    #[test]
    fn a_line_is_a_json_object_without_absent_fields() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = writer(folder.path(), 0, 0);
        let refused = AccessRecord {
            outcome: Some("refused"),
            purl: Some("pkg:npm/left-pad@1.0.0".to_owned()),
            ..record("/npm/left-pad/-/\"\n")
        };
        writer.write(&refused).unwrap();
        drop(writer);
        insta::assert_snapshot!(lines(folder.path(), "access.log").join("|"), @r#"{"time":"2026-01-01T00:00:00Z","client":"127.0.0.1","method":"GET","target":"/npm/left-pad/-/\"\n","status":200,"bytes":0,"micros":0,"purl":"pkg:npm/left-pad@1.0.0","outcome":"refused"}"#);
    }

    #[test]
    fn a_full_file_becomes_an_older_one_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let length = serde_json::to_vec(&record("/a")).unwrap().len() as u64 + 1;
        let mut writer = writer(folder.path(), 2 * length, 2);
        for target in ["/a", "/b", "/c", "/d", "/e", "/f", "/g"] {
            writer.write(&record(target)).unwrap();
        }
        drop(writer);
        let targets = |name: &str| -> Vec<char> {
            let read = |line: &String| line.split("\"/").nth(1)?.chars().next();
            lines(folder.path(), name).iter().filter_map(read).collect()
        };
        assert_eq!(targets("access.log"), ['g']);
        assert_eq!(targets("access.log.1"), ['e', 'f']);
        assert_eq!(targets("access.log.2"), ['c', 'd']);
        assert!(!folder.path().join("access.log.3").exists());
    }

    #[test]
    fn a_log_goes_on_where_it_ended() {
        let folder = tempfile::tempdir().unwrap();
        for target in ["/a", "/b"] {
            writer(folder.path(), 0, 0).write(&record(target)).unwrap();
        }
        assert_eq!(lines(folder.path(), "access.log").len(), 2);
    }

    #[test]
    fn what_was_recorded_is_on_disk_soon_after_the_log_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let log = AccessLog::open(AccessSettings { path, max_size: 0, keep: 0 }).unwrap();
        for _ in 0..100 {
            log.clone().record(record("/a"));
        }
        assert_eq!(log.dropped(), 0);
        drop(log);
        let begun = Instant::now();
        while lines(folder.path(), "access.log").len() < 100 {
            assert!(begun.elapsed() < Duration::from_secs(10), "lines are missing");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let path = PathBuf::from("/nowhere/access.log");
        let settings = AccessSettings { path, max_size: 0, keep: 0 };
        let said = AccessLog::open(settings).unwrap_err().to_string();
        assert!(said.starts_with("access_log.path: /nowhere/access.log cannot be"), "{said}");
    }
}
