//! What lock files were before they were lent to a run, below the data folder: so that they come
//! back even when the run was killed.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use weir_core::{Algorithm, Digest};

use super::lockfiles;

/// The folder below the data folder: a file `gate`, and for each run a folder and a file of the
/// same name with `.lock`, which is locked as long as the run lives.
const FOLDER: &str = "lent";
const GATE: &str = "gate";

/// A lock file that was lent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    /// Scheme, host and port of the run's gateway.
    pub(crate) origin: String,
    /// The text before.
    original: String,
    /// SHA-256 of the text that was put in its place.
    lent: String,
    /// The time of the last change before.
    modified: Option<SystemTime>,
    /// What became what: paths at the gateway, and the addresses that stood there.
    pub(crate) addresses: BTreeMap<String, String>,
}

/// How a lock file is found after a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// As it was lent, and now it is as it was before.
    Restored,
    /// Gone, or without any of the run's addresses.
    Settled,
    /// Another text.
    Changed(String),
}

impl Entry {
    /// Puts the original back if the file is what was lent.
    pub(crate) fn give_back(&self) -> io::Result<Found> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Settled),
            Err(error) => return Err(error),
        };
        if digest(&text) == self.lent {
            lockfiles::replace(&self.path, &self.original, self.modified)?;
            return Ok(Found::Restored);
        }
        // Also without its scheme, as in an encoded address.
        let place = self.origin.rsplit(':').next().unwrap_or(&self.origin);
        Ok(if text.contains(place) { Found::Changed(text) } else { Found::Settled })
    }
}

/// The journals of all runs with one data folder.
#[derive(Debug)]
pub(crate) struct Journals {
    folder: PathBuf,
}

/// The journal of one run. While it is held, the run counts as alive.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    lock: Option<File>,
    gate: PathBuf,
    pub(crate) entries: Vec<Entry>,
}

impl Journals {
    /// Those below a data folder, which need not exist.
    pub(crate) fn below(data_dir: &Path) -> Self {
        Self { folder: data_dir.join(FOLDER) }
    }

    /// The journals of runs that ended without giving back. They are this run's now.
    pub(crate) fn of_the_dead(&self) -> io::Result<Vec<Journal>> {
        if !self.folder.is_dir() {
            return Ok(Vec::new());
        }
        let _gate = self.gate()?;
        let mut dead = Vec::new();
        for folder in self.runs()? {
            let lock = lock_file(&lock_of(&folder))?;
            match lock.try_lock() {
                Ok(()) => dead.push(Journal {
                    entries: entries(&folder)?,
                    gate: self.folder.join(GATE),
                    folder,
                    lock: Some(lock),
                }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(dead)
    }

    /// A journal for this run.
    pub(crate) fn begin(&self) -> io::Result<Journal> {
        fs::create_dir_all(&self.folder)?;
        let _gate = self.gate()?;
        let folder = tempfile::Builder::new().prefix("run-").tempdir_in(&self.folder)?.keep();
        let lock = lock_file(&lock_of(&folder))?;
        lock.lock()?;
        let gate = self.folder.join(GATE);
        Ok(Journal { folder, lock: Some(lock), gate, entries: Vec::new() })
    }

    /// What a file was before another run, which is still alive, borrowed it.
    pub(crate) fn original(&self, path: &Path, text: &str) -> Option<String> {
        let lent = digest(text);
        let known = self.runs().ok()?.into_iter().filter_map(|folder| entries(&folder).ok());
        let is = |entry: &Entry| entry.path == path && entry.lent == lent;
        known.flatten().find(is).map(|entry| entry.original)
    }

    fn runs(&self) -> io::Result<Vec<PathBuf>> {
        if !self.folder.is_dir() {
            return Ok(Vec::new());
        }
        let paths: io::Result<Vec<PathBuf>> =
            fs::read_dir(&self.folder)?.map(|entry| Ok(entry?.path())).collect();
        Ok(paths?.into_iter().filter(|path| path.is_dir()).collect())
    }

    fn gate(&self) -> io::Result<File> {
        locked(&self.folder.join(GATE))
    }
}

/// A loan that is to be made.
#[derive(Debug)]
pub(crate) struct Loan<'a> {
    pub(crate) path: &'a Path,
    /// The text in the file now.
    pub(crate) found: &'a str,
    /// What is to be put back, which is another text when the file is lent already.
    pub(crate) original: &'a str,
    /// What is put in its place.
    pub(crate) lent: &'a str,
    pub(crate) origin: &'a str,
    pub(crate) addresses: BTreeMap<String, String>,
}

impl Journal {
    /// Notes what the file is, then replaces it; false when it has changed since it was read.
    pub(crate) fn lend(&mut self, loan: &Loan<'_>) -> io::Result<bool> {
        let _gate = locked(&self.gate)?;
        if fs::read_to_string(loan.path)? != loan.found {
            return Ok(false);
        }
        let modified = fs::metadata(loan.path)?.modified().ok();
        let entry = Entry {
            path: loan.path.to_owned(),
            origin: loan.origin.to_owned(),
            original: loan.original.to_owned(),
            lent: digest(loan.lent),
            modified,
            addresses: loan.addresses.clone(),
        };
        let mut note = tempfile::NamedTempFile::new_in(&self.folder)?;
        note.write_all(&serde_json::to_vec(&entry)?)?;
        note.as_file().sync_all()?;
        let place = self.folder.join(format!("{}.json", self.entries.len()));
        note.persist(place).map_err(|error| error.error)?;
        self.entries.push(entry);
        lockfiles::replace(loan.path, loan.lent, modified).map(|()| true)
    }

    /// Everything has been given back.
    pub(crate) fn close(mut self) -> io::Result<()> {
        let _gate = locked(&self.gate)?;
        fs::remove_dir_all(&self.folder)?;
        // Unlocked before it goes: nothing is left that could be locked by nobody.
        drop(self.lock.take());
        fs::remove_file(lock_of(&self.folder))
    }
}

fn digest(text: &str) -> String {
    Digest::of(Algorithm::Sha256, text.as_bytes()).hex()
}

fn lock_of(folder: &Path) -> PathBuf {
    folder.with_extension("lock")
}

fn lock_file(path: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(path)
}

fn locked(path: &Path) -> io::Result<File> {
    let file = lock_file(path)?;
    file.lock()?;
    Ok(file)
}

/// The entries of a run. One that is not whole was never lent: the note comes first.
fn entries(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if path.extension().is_some_and(|end| end == "json") {
            found.extend(fs::read(&path).ok().and_then(|note| serde_json::from_slice(&note).ok()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "http://127.0.0.1:40123";
    const BEFORE: &str = "resolved https://registry.example/a.tgz";
    const LENT: &str = "resolved http://127.0.0.1:40123/npm/a.tgz";

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            let place = Self(tempfile::tempdir().unwrap());
            fs::write(place.file(), BEFORE).unwrap();
            place
        }

        fn file(&self) -> PathBuf {
            self.0.path().join("yarn.lock")
        }

        fn text(&self) -> String {
            fs::read_to_string(self.file()).unwrap()
        }

        fn journals(&self) -> Journals {
            Journals::below(&self.0.path().join("data"))
        }

        fn lend(&self, journal: &mut Journal, found: &str, lent: &str) -> bool {
            let original = self.journals().original(&self.file(), found);
            let original = original.as_deref().unwrap_or(found);
            let (path, addresses) = (self.file(), BTreeMap::new());
            let loan = Loan { path: &path, found, original, lent, origin: ORIGIN, addresses };
            journal.lend(&loan).unwrap()
        }
    }

    #[test]
    fn what_was_lent_comes_back_with_its_time() {
        let place = Place::new();
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        File::options().write(true).open(place.file()).unwrap().set_modified(time).unwrap();
        let mut journal = place.journals().begin().unwrap();
        assert!(place.lend(&mut journal, BEFORE, LENT));
        assert_eq!(place.text(), LENT);
        assert_eq!(journal.entries[0].give_back().unwrap(), Found::Restored);
        assert_eq!(place.text(), BEFORE);
        assert_eq!(fs::metadata(place.file()).unwrap().modified().unwrap(), time);
        assert_eq!(journal.entries[0].give_back().unwrap(), Found::Settled);
        journal.close().unwrap();
        assert_eq!(place.journals().runs().unwrap(), Vec::<PathBuf>::new());
    }

    #[test]
    fn the_dead_are_found_and_the_living_are_not() {
        let place = Place::new();
        assert!(place.journals().of_the_dead().unwrap().is_empty());
        let mut journal = place.journals().begin().unwrap();
        assert!(place.lend(&mut journal, BEFORE, LENT));
        assert!(place.journals().of_the_dead().unwrap().is_empty());
        drop(journal);
        let dead = place.journals().of_the_dead().unwrap();
        assert_eq!(dead[0].entries[0].give_back().unwrap(), Found::Restored);
        assert_eq!(place.text(), BEFORE);
    }

    #[test]
    fn a_second_run_borrows_the_original_and_the_first_does_not_take_it_away() {
        let place = Place::new();
        let mut first = place.journals().begin().unwrap();
        assert!(place.lend(&mut first, BEFORE, LENT));
        let mut second = place.journals().begin().unwrap();
        let again = LENT.replace("40123", "40124");
        assert!(place.lend(&mut second, LENT, &again));
        assert_eq!(first.entries[0].give_back().unwrap(), Found::Settled);
        assert_eq!(place.text(), again);
        assert_eq!(second.entries[0].give_back().unwrap(), Found::Restored);
        assert_eq!(place.text(), BEFORE);
    }

    #[test]
    fn a_file_that_changes_meanwhile_is_not_lent_and_one_that_a_client_changed_stays() {
        let place = Place::new();
        let mut journal = place.journals().begin().unwrap();
        assert!(!place.lend(&mut journal, "another text", LENT));
        assert_eq!((place.text(), journal.entries.len()), (BEFORE.to_owned(), 0));
        assert!(place.lend(&mut journal, BEFORE, LENT));
        let changed = format!("{LENT}\nmore");
        fs::write(place.file(), &changed).unwrap();
        assert_eq!(journal.entries[0].give_back().unwrap(), Found::Changed(changed.clone()));
        assert_eq!(place.text(), changed);
        fs::remove_file(place.file()).unwrap();
        assert_eq!(journal.entries[0].give_back().unwrap(), Found::Settled);
    }
}
