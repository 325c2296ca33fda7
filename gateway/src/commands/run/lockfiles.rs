//! Lock files that a command writes name what it was served from. Addresses of this run are
//! turned back into the registry's; no other byte changes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Files in which clients write down addresses.
const NAMES: [&str; 10] = [
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

/// What `encodeURIComponent` leaves alone; yarn 2 writes addresses so.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

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
        for above in folder.ancestors().skip(1) {
            if !is_project(above) {
                break;
            }
            found.take(above);
        }
        found
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

fn is_project(folder: &Path) -> bool {
    ["package.json", "pyproject.toml", "Cargo.toml", "pnpm-workspace.yaml"]
        .iter()
        .any(|name| folder.join(name).is_file())
}

/// An address of this run in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    range: Range<usize>,
    /// What follows scheme, host, port and slash, with its query and without its fragment.
    pub(crate) path: String,
    encoded: bool,
}

/// Finds the addresses below `origin` (`http://127.0.0.1:18080`, no trailing slash), also those
/// that are percent-encoded as a whole.
pub(crate) fn marks(text: &str, origin: &str) -> Vec<Mark> {
    let plain = format!("{origin}/");
    let encoded = utf8_percent_encode(&plain, COMPONENT).to_string();
    let mut found = Vec::new();
    for (start, prefix) in text.match_indices(&plain) {
        let rest = &text[start + prefix.len()..];
        let path = &rest[..rest.find(ends_address).unwrap_or(rest.len())];
        let range = start..start + prefix.len() + path.len();
        found.push(Mark { range, path: path.to_owned(), encoded: false });
    }
    for (start, prefix) in text.match_indices(&encoded) {
        let rest = &text[start + prefix.len()..];
        let end = rest.find(|c| ends_address(c) || c == '&').unwrap_or(rest.len());
        let Ok(path) = percent_decode_str(&rest[..end]).decode_utf8() else { continue };
        let range = start..start + prefix.len() + end;
        found.push(Mark { range, path: path.into_owned(), encoded: true });
    }
    found.sort_by_key(|mark| mark.range.start);
    found
}

/// Whether a character ends an address in JSON, YAML, TOML or a list of requirements. A fragment
/// (yarn's digest) belongs to the lock file, not to the address.
pub(crate) fn ends_address(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "\"'`<>#\\,]}".contains(c)
}

/// A text with its marks replaced.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rewritten {
    pub(crate) text: String,
    /// Addresses that became the registry's.
    pub(crate) turned: usize,
    /// Addresses whose origin is not known; they stay.
    pub(crate) left: usize,
}

/// Replaces each mark by the address that belongs to its path.
pub(crate) fn rewrite(text: &str, marks: &[Mark], known: &BTreeMap<String, String>) -> Rewritten {
    let mut out = Rewritten { text: String::with_capacity(text.len()), turned: 0, left: 0 };
    let mut done = 0;
    for mark in marks {
        let Some(address) = known.get(&mark.path) else {
            out.left += 1;
            continue;
        };
        out.text.push_str(&text[done..mark.range.start]);
        if mark.encoded {
            out.text.extend(utf8_percent_encode(address, COMPONENT));
        } else {
            out.text.push_str(address);
        }
        done = mark.range.end;
        out.turned += 1;
    }
    out.text.push_str(&text[done..]);
    out
}

/// Replaces a file in one step; its mode stays, and a link stays a link.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
    file.persist(&path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ORIGIN: &str = "http://127.0.0.1:40123";

    fn turned(text: &str) -> Rewritten {
        let marks = marks(text, ORIGIN);
        let of = |mark: &Mark| {
            let rest = mark.path.strip_prefix("npm/")?;
            Some((mark.path.clone(), format!("https://registry.example/{rest}")))
        };
        rewrite(text, &marks, &marks.iter().filter_map(of).collect())
    }

    #[test]
    fn addresses_of_the_run_become_the_registrys_and_nothing_else_changes() {
        for (before, after) in [
            (
                r#"{"resolved": "http://127.0.0.1:40123/npm/a/-/a-1.0.0.tgz", "x": 1}"#,
                r#"{"resolved": "https://registry.example/a/-/a-1.0.0.tgz", "x": 1}"#,
            ),
            (
                "  resolved \"http://127.0.0.1:40123/npm/a/-/a-1.0.0.tgz#5f2a\"\r\n",
                "  resolved \"https://registry.example/a/-/a-1.0.0.tgz#5f2a\"\r\n",
            ),
            (
                "source = { registry = \"http://127.0.0.1:40123/npm/\" }\n",
                "source = { registry = \"https://registry.example/\" }\n",
            ),
            (
                "resolution: {tarball: http://127.0.0.1:40123/npm/a.tgz, integrity: x}",
                "resolution: {tarball: https://registry.example/a.tgz, integrity: x}",
            ),
            (
                "\"a@npm:1::__archiveUrl=http%3A%2F%2F127.0.0.1%3A40123%2Fnpm%2Fa.tgz\"",
                "\"a@npm:1::__archiveUrl=https%3A%2F%2Fregistry.example%2Fa.tgz\"",
            ),
            (
                "--index-url http://127.0.0.1:40123/npm/\n",
                "--index-url https://registry.example/\n",
            ),
        ] {
            let expected = Rewritten { text: after.into(), turned: 1, left: 0 };
            assert_eq!(turned(before), expected);
        }
    }

    #[test]
    fn an_address_without_known_origin_and_another_port_stay() {
        let text = "http://127.0.0.1:40123/other/x http://127.0.0.1:4012/npm/x";
        assert_eq!(turned(text), Rewritten { text: text.into(), turned: 0, left: 1 });
    }

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
        assert_eq!(found(&member), all[2..], "packages is no project, so nothing above counts");
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
    fn a_replaced_file_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("yarn.lock");
        fs::write(&path, "a").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        replace(&path, "b").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "b");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    proptest! {
        #[test]
        fn a_text_without_our_address_is_untouched(text in "(?s).{0,200}") {
            prop_assume!(!text.contains("127.0.0.1"));
            let expected = Rewritten { text: text.clone(), turned: 0, left: 0 };
            prop_assert_eq!(turned(&text), expected);
        }

        #[test]
        fn what_surrounds_an_address_is_untouched(before in "[^h%]{0,40}", after in "(?s).{0,40}") {
            let text = format!("{before}\"http://127.0.0.1:40123/npm/a.tgz\"{after}");
            let expected = format!("{before}\"https://registry.example/a.tgz\"{after}");
            prop_assert_eq!(turned(&text).text, expected);
        }
    }
}
