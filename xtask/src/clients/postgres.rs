//! PostgreSQL's server, as the system has it. Tests start one of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Installed, words};
use crate::command;

/// Where Debian keeps the server's programs, below a folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The server's program, beside which its others stand. As root it is installed where it is missing.
pub(super) fn installed() -> Result<Installed> {
    let program = if let Some(program) = find() {
        program
    } else {
        command::apt_install(&["postgresql"])?;
        find().context("there is no postgres program")?
    };
    let said = command::output(Command::new(&program).arg("--version"))?;
    // postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)
    let version = said.split(' ').nth(2).context("postgres says no version")?.trim().to_owned();
    Ok(Installed { program: words(&[&program]), version, pinned: false })
}

fn find() -> Option<PathBuf> {
    let on_path = command::find("postgres").and_then(|found| found.canonicalize().ok());
    on_path.or_else(|| newest(Path::new(DEBIAN)))
}

/// The program of the highest version.
fn newest(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let versions = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let program = |version: u32| folder.join(version.to_string()).join("bin/postgres");
    versions.filter(|version| program(*version).is_file()).max().map(program)
}
