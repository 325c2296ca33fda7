//! The workspace as cargo and git describe it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::command;

/// The folder of the workspace, its packages and the folder that cargo builds into.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// A member of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// The folder, relative to the root, with `/` between names.
    pub(crate) folder: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// An edge as the manifest states it.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` for normal ones, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    /// Set where the dependency is a folder, not a package of a registry.
    pub(crate) path: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<RawPackage>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct RawPackage {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn load() -> Result<Self> {
        let mut cargo = command::cargo();
        cargo.args(["metadata", "--no-deps", "--format-version", "1", "--locked"]);
        let json = command::output(&mut cargo)?;
        let metadata: Metadata = serde_json::from_str(&json).context("cargo metadata")?;
        let root = metadata.workspace_root;
        let packages = metadata.packages.into_iter().map(|raw| Package {
            name: raw.name,
            folder: folder(&root, &raw.manifest_path),
            dependencies: raw.dependencies,
        });
        let packages = packages.collect();
        Ok(Self { target: metadata.target_directory, packages, root })
    }

    /// All files that git knows or would add, relative to the root, in order.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let mut git = Command::new("git");
        git.current_dir(&self.root);
        git.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
        let listed = command::output(&mut git)?;
        let mut files: Vec<String> = listed
            .split_terminator('\0')
            .filter(|file| self.root.join(file).is_file())
            .map(ToOwned::to_owned)
            .collect();
        files.sort_unstable();
        files.dedup();
        Ok(files)
    }

    /// The text of a file, or `None` where it is not UTF-8.
    pub(crate) fn text(&self, file: &str) -> Result<Option<String>> {
        let bytes = std::fs::read(self.root.join(file)).with_context(|| file.to_owned())?;
        Ok(String::from_utf8(bytes).ok())
    }
}

fn folder(root: &Path, manifest: &Path) -> String {
    let folder = manifest.parent().unwrap_or(manifest);
    let folder = folder.strip_prefix(root).unwrap_or(folder);
    folder.to_string_lossy().replace('\\', "/")
}
