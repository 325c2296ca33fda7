//! The files in which package clients write down addresses: where they are, and how one is
//! replaced.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Files in which clients write down addresses: lock files, and what `uv add` changes.
const NAMES: [&str; 11] = [
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "Pipfile.lock",
    "Cargo.lock",
    "pyproject.toml",
];
/// What clients remember beside installed packages, below `node_modules`; the next install
/// starts from it.
const INSTALLED: [&str; 4] =
    [".package-lock.json", ".modules.yaml", ".yarn-integrity", ".pnpm/lock.yaml"];
/// Folders that hold what was installed or built.
const SKIPPED: [&str; 6] = ["node_modules", "target", "venv", "__pycache__", "vendor", "dist"];
/// Bounds of the walk: folders below the working folder, all folders, and bytes of one file.
const MAX_DEPTH: usize = 8;
const MAX_FOLDERS: usize = 20_000;
const MAX_LENGTH: u64 = 64 << 20;
/// How many folders up the next manifest of a project may be.
const MAX_GAP: usize = 3;

/// The lock files of a folder as they were at one time.
#[derive(Debug, Default)]
pub(crate) struct LockFiles(BTreeMap<PathBuf, String>);

impl LockFiles {
    /// Reads those of a folder, of the folders below it, and of those above it up to the root of
    /// the project: a client that runs in a member of a workspace locks the whole.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut found = Self::default();
        let mut left = MAX_FOLDERS;
        found.walk(folder, MAX_DEPTH, &mut left);
        for above in above(folder) {
            found.take(above);
        }
        found
    }

    /// Those of the folder and of the folders above it alone, in which clients look that run in
    /// the folder.
    pub(crate) fn near<'a>(
        &'a self,
        folder: &'a Path,
    ) -> impl Iterator<Item = (&'a Path, &'a str)> {
        let holds = |path: &Path| {
            let parent = path.parent()?;
            let installed = parent.file_name().is_some_and(|name| name == "node_modules");
            let project = if installed { parent.parent()? } else { parent };
            Some(folder.starts_with(project))
        };
        self.iter().filter(move |(path, _)| holds(path) == Some(true))
    }

    /// A file's text.
    pub(crate) fn get(&self, path: &Path) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// The files that are different or new in comparison with an earlier time.
    pub(crate) fn since<'a>(
        &'a self,
        before: &'a Self,
    ) -> impl Iterator<Item = (&'a Path, &'a str)> {
        let changed = |(path, text): &(&PathBuf, &String)| before.0.get(*path) != Some(*text);
        self.0.iter().filter(changed).map(|(path, text)| (path.as_path(), text.as_str()))
    }

    /// All files.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.0.iter().map(|(path, text)| (path.as_path(), text.as_str()))
    }

    fn walk(&mut self, folder: &Path, depth: usize, left: &mut usize) {
        if *left == 0 {
            return;
        }
        *left -= 1;
        self.take(folder);
        if depth == 0 {
            return;
        }
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            // Links are not followed: they may lead anywhere, also back up.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if is_folder && !name.starts_with('.') && !SKIPPED.contains(&&*name) {
                self.walk(&entry.path(), depth - 1, left);
            }
        }
    }

    /// The lock files right in a folder.
    fn take(&mut self, folder: &Path) {
        for name in NAMES {
            self.keep(folder.join(name));
        }
        let modules = folder.join("node_modules");
        if modules.is_dir() {
            for name in INSTALLED {
                self.keep(modules.join(name));
            }
        }
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if is_python_lock(&entry.file_name().to_string_lossy()) {
                self.keep(entry.path());
            }
        }
    }

    fn keep(&mut self, path: PathBuf) {
        let fits = fs::metadata(&path).is_ok_and(|data| data.is_file() && data.len() <= MAX_LENGTH);
        if let Some(text) = fits.then(|| fs::read_to_string(&path).ok()).flatten() {
            self.0.insert(path, text);
        }
    }
}

/// `requirements.txt`, `requirements-dev.txt`, `pylock.toml`, `pylock.dev.toml`.
fn is_python_lock(name: &str) -> bool {
    let between = |start: &str, end: &str| name.starts_with(start) && name.ends_with(end);
    between("requirements", ".txt") || between("pylock.", "toml")
}

/// The folders above one that belong to its project, up to the root of a repository. A few folders
/// without a manifest may lie between a member and the root of its workspace.
fn above(folder: &Path) -> impl Iterator<Item = &Path> {
    let roots = folder.ancestors().position(|folder| folder.join(".git").exists());
    let all: Vec<&Path> =
        folder.ancestors().take(roots.map_or(usize::MAX, |root| root + 1)).collect();
    let mut last = 0;
    for (index, above) in all.iter().enumerate().skip(1) {
        if index - last <= MAX_GAP && is_project(above) {
            last = index;
        }
    }
    all.into_iter().take(last + 1).skip(1)
}

fn is_project(folder: &Path) -> bool {
    ["package.json", "pyproject.toml", "Cargo.toml", "pnpm-workspace.yaml"]
        .iter()
        .any(|name| folder.join(name).is_file())
}

/// Replaces a file in one step. Its mode and, where this process may, its owner stay; a link stays
/// a link. With `modified` that is its time afterwards.
pub(crate) fn replace(path: &Path, text: &str, modified: Option<SystemTime>) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let old = fs::metadata(&path)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    keep_owner(file.path(), &old);
    file.as_file().set_permissions(old.permissions())?;
    if let Some(modified) = modified {
        file.as_file().set_modified(modified)?;
    }
    file.persist(&path).map(drop).map_err(|error| error.error)
}

#[cfg(unix)]
fn keep_owner(path: &Path, old: &fs::Metadata) {
    use std::os::unix::fs::MetadataExt as _;
    // Only root may give files away; who is not root owns what it may replace, as a rule.
    let _ = std::os::unix::fs::chown(path, Some(old.uid()), Some(old.gid()));
}

#[cfg(not(unix))]
fn keep_owner(_: &Path, _: &fs::Metadata) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_files_of_workspaces_are_found_and_installed_packages_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for file in [
            "package.json",
            "package-lock.json",
            "packages/a/requirements-dev.txt",
            "packages/a/pylock.toml",
            "node_modules/.package-lock.json",
            "node_modules/b/package-lock.json",
            ".venv/requirements.txt",
            "target/Cargo.lock",
            "notes.txt",
        ] {
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::write(root.join(file), file).unwrap();
        }
        let found = |files: &LockFiles| -> Vec<String> {
            let name = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
            files.iter().map(|(path, _)| name(path)).collect()
        };
        let all = [
            "node_modules/.package-lock.json",
            "package-lock.json",
            "packages/a/pylock.toml",
            "packages/a/requirements-dev.txt",
        ];
        assert_eq!(found(&LockFiles::read(root)), all);
        let member = LockFiles::read(&root.join("packages/a"));
        assert_eq!(found(&member), all, "the project's root is two folders up");
        let packages = root.join("packages");
        let near: Vec<_> = member.near(&packages).map(|(path, _)| path).collect();
        let above = all[..2].iter().map(|name| root.join(name)).collect::<Vec<_>>();
        assert_eq!(near, above, "a client in packages reads no member's");

        fs::create_dir(root.join("packages/a/.git")).unwrap();
        assert_eq!(found(&LockFiles::read(&root.join("packages/a"))), all[2..]);
    }

    #[test]
    fn only_what_changed_is_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("yarn.lock"), "a").unwrap();
        fs::write(folder.path().join("uv.lock"), "a").unwrap();
        let before = LockFiles::read(folder.path());
        fs::write(folder.path().join("uv.lock"), "b").unwrap();
        fs::write(folder.path().join("bun.lock"), "c").unwrap();
        let after = LockFiles::read(folder.path());
        let names: Vec<_> =
            after.since(&before).map(|(path, text)| (path.file_name().unwrap(), text)).collect();
        assert_eq!(names, [("bun.lock".as_ref(), "c"), ("uv.lock".as_ref(), "b")]);
    }

    #[cfg(unix)]
    #[test]
    fn a_replaced_file_keeps_its_mode_and_takes_the_time_it_is_given() {
        use std::os::unix::fs::PermissionsExt as _;
        use std::time::Duration;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("yarn.lock");
        fs::write(&path, "a").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let time = fs::metadata(&path).unwrap().modified().unwrap() - Duration::from_secs(90);
        replace(&path, "b", Some(time)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), time);
        assert_eq!(fs::read_to_string(&path).unwrap(), "b");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
