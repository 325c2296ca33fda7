//! Packages of the distribution that are taken apart below the clients' folder: their programs are
//! there, and nothing of them is installed or started as a service.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::system::dash_dash_version;
use super::{Installed, Outcome, once, words};
use crate::command;

/// Some packages, and the programs in them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Bundle {
    /// The packages; what they depend on is not fetched.
    packages: Vec<String>,
    /// Clients by their names, and where they are in the packages.
    programs: BTreeMap<String, String>,
    /// Folders in the packages that hold libraries which the machine may lack. `{arch}` is the
    /// machine's name, as in Debian's multiarch folders.
    #[serde(default)]
    libraries: Vec<String>,
    /// Whether they work for root alone.
    #[serde(default)]
    needs_root: bool,
    /// The arguments with which they say their version. With none, it is the first package's.
    #[serde(default = "dash_dash_version")]
    version: Vec<String>,
}

/// Takes the packages apart. Fetching needs no rights beyond apt's package lists.
pub(super) fn clients(folder: &Path, bundles: &BTreeMap<String, Bundle>) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for (name, bundle) in bundles {
        let home = folder.join(name);
        let unpacked = bundle.unpack(&home).map_err(|error| format!("{error:#}"));
        for (client, program) in &bundle.programs {
            let found = match &unpacked {
                Ok(()) => bundle.found(&home, program),
                Err(error) => Err(anyhow::anyhow!(error.clone())),
            };
            outcomes.push((client.clone(), found));
        }
    }
    outcomes
}

impl Bundle {
    /// The names of its clients.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.programs.keys()
    }

    fn unpack(&self, home: &Path) -> Result<()> {
        if self.needs_root && command::output(Command::new("id").arg("-u"))?.trim() != "0" {
            bail!("needs root");
        }
        once(home, &format!("{} taken apart", self.packages.join(" ")), || {
            let apt = command::find("apt-get").context("there is no apt-get")?;
            let download = || {
                let mut fetch = Command::new(&apt);
                fetch.current_dir(home).args(["download", "-q"]).args(&self.packages);
                command::output(&mut fetch)
            };
            // Without package lists there is nothing to choose from; root can fetch them.
            if download().is_err() {
                command::output(Command::new(&apt).args(["update", "-q"]))?;
                download()?;
            }
            for entry in std::fs::read_dir(home)? {
                let package = entry?.path();
                if package.extension().is_some_and(|ending| ending == "deb") {
                    note_version(home, &package)?;
                    let mut unpack = Command::new("dpkg-deb");
                    unpack.arg("--extract").arg(&package).arg(home.join("root"));
                    command::output(&mut unpack)?;
                    std::fs::remove_file(&package)?;
                }
            }
            Ok(())
        })
    }

    /// A program that starts; one that lacks a library of the machine does not.
    fn found(&self, home: &Path, program: &str) -> Result<Installed> {
        let root = home.join("root");
        let mut start = Vec::new();
        if !self.libraries.is_empty() {
            let folder = |name: &String| root.join(name.replace("{arch}", std::env::consts::ARCH));
            let folders = words(&self.libraries.iter().map(folder).collect::<Vec<_>>());
            start.extend(["env".to_owned(), format!("LD_LIBRARY_PATH={}", folders.join(":"))]);
        }
        start.extend(words(&[root.join(program)]));
        let version = self.version_of(home, &start)?;
        Ok(Installed { program: start, version, pinned: false })
    }

    fn version_of(&self, home: &Path, start: &[String]) -> Result<String> {
        if let ([], Some(package)) = (&self.version[..], self.packages.first()) {
            return Ok(std::fs::read_to_string(home.join(package))?);
        }
        let said = command::said(Command::new(&start[0]).args(&start[1..]).args(&self.version))?;
        super::system::version(&said).with_context(|| format!("says {said:?}"))
    }
}

/// Keeps the version that stands in a package's file name: `apt-cacher-ng_3.7.4-1_amd64.deb`.
fn note_version(home: &Path, package: &Path) -> Result<()> {
    let name = package.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    let mut parts = name.split('_');
    if let (Some(package), Some(version)) = (parts.next(), parts.next()) {
        std::fs::write(home.join(package), version.replace("%3a", ":"))?;
    }
    Ok(())
}
