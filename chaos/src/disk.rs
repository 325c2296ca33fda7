//! A disk that is small, and what becomes of files.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, mount_remount, unmount};
use weir_testkit::Random;

/// Files younger than this are left alone: they may be on their way.
const SETTLED: Duration = Duration::from_millis(1500);

/// A file system of its own, in memory, with room for so many bytes. It goes with this value.
#[derive(Debug)]
pub struct Small {
    folder: PathBuf,
}

impl Small {
    /// Mounts it on a folder. `None` where this process may not: only root can.
    pub fn mount(folder: &Path, bytes: u64) -> Option<Self> {
        let size = std::ffi::CString::new(format!("size={bytes}")).ok()?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("tmpfs", folder, "tmpfs", flags, size.as_c_str()).ok()?;
        Some(Self { folder: folder.to_owned() })
    }

    /// Takes all the room that is left.
    pub fn fill(&self) {
        let block = vec![0; 64 << 10];
        let Ok(mut file) = File::options().create(true).append(true).open(self.ballast()) else {
            return;
        };
        while file.write_all(&block).is_ok() {}
        while file.write_all(&block[..512]).is_ok() {}
    }

    /// Gives it back.
    pub fn relieve(&self) {
        let _ = fs::remove_file(self.ballast());
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = unmount(&self.folder, UnmountFlags::DETACH);
    }
}

/// A folder that nobody can write to, root included, as long as this value lives.
#[derive(Debug)]
pub struct Frozen {
    folder: PathBuf,
}

impl Frozen {
    /// Makes a folder read-only. `None` where this process may not: only root can.
    pub fn freeze(folder: &Path) -> Option<Self> {
        mount_bind(folder, folder).ok()?;
        let frozen = Self { folder: folder.to_owned() };
        mount_remount(folder, MountFlags::BIND | MountFlags::RDONLY, "").ok()?;
        Some(frozen)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = unmount(&self.folder, UnmountFlags::DETACH);
    }
}

/// All files below a folder that have not changed for a while, in order.
pub(crate) fn settled(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(folder, &mut found);
    let old = |path: &PathBuf| {
        let changed = fs::metadata(path).and_then(|metadata| metadata.modified());
        changed.is_ok_and(|at| at.elapsed().is_ok_and(|age| age >= SETTLED))
    };
    found.retain(old);
    found.sort();
    found
}

/// All files below a folder.
pub fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

/// Changes one bit of a file in place.
pub(crate) fn flip(path: &Path, dice: &mut Random) -> std::io::Result<()> {
    let mut file = File::options().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    if length == 0 {
        return Ok(());
    }
    let at = dice.number() % length;
    let mut byte = [0];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut byte)?;
    byte[0] ^= 1 << dice.below(8);
    file.seek(SeekFrom::Start(at))?;
    file.write_all(&byte)
}

/// Cuts a file at some place.
pub(crate) fn truncate(path: &Path, dice: &mut Random) -> std::io::Result<()> {
    let file = File::options().write(true).open(path)?;
    let length = file.metadata()?.len();
    file.set_len(dice.number() % length.max(1))
}
