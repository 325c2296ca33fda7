//! Other programs: run them, and say which one failed and what it printed.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The cargo that runs this task, so that the toolchain stays the same.
pub(crate) fn cargo() -> Command {
    Command::new(variable("CARGO").unwrap_or_else(|| "cargo".to_owned()))
}

/// An environment variable, `None` where it is unset or empty.
#[expect(clippy::disallowed_methods, reason = "CI and CARGO are no settings of the gateway")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether nothing may be left out.
pub(crate) fn in_ci() -> bool {
    variable("CI").is_some_and(|value| !matches!(value.as_str(), "0" | "false"))
}

/// Runs to the end with the terminal's own streams.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", title(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", title(command));
    }
    Ok(())
}

/// Runs to the end and returns standard output; on failure the error holds the last lines of
/// both streams.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", title(command)))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let said = format!("{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(6)..].join("\n    ");
    bail!("{} ended with {}:\n    {last}", title(command), output.status)
}

/// What a program says of itself, on either stream and whatever its status: some tell their version
/// and fail. One that does not start says nothing.
pub(crate) fn said(command: &mut Command) -> Result<String> {
    let title = title(command);
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot start {title}"))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    // What shells and dynamic linkers end with when there is nothing to run.
    match output.status.code() {
        None | Some(126 | 127) => bail!("{title} ended with {}:\n    {text}", output.status),
        Some(_) => Ok(text),
    }
}

/// The first file of this name in the folders of `PATH`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = variable("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Installs packages of the system. Only root can.
pub(crate) fn apt_install(packages: &[&str]) -> Result<()> {
    let names = packages.join(" and ");
    let Some(apt) = find("apt-get") else { bail!("install {names}") };
    println!("installing {names}");
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new(&apt);
        output(apt.env("DEBIAN_FRONTEND", "noninteractive").args(arguments))
    };
    let install = ["install", "-q", "-y", "--no-install-recommends"];
    apt(&["update", "-q"])
        .and_then(|_| apt(&[&install, packages].concat()))
        .with_context(|| format!("missing: {names}; apt-get does not install them"))
        .map(drop)
}

fn title(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.take(6).map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
