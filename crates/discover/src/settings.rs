//! Addresses in the settings files of clients.

pub(crate) mod apt;
mod cargo;
mod composer;
pub(crate) mod images;
mod maven;
mod npm;
mod others;
mod python;
mod r;

use std::path::PathBuf;

pub(crate) use composer::Repositories;

use crate::{Env, Finding};

/// What settings files say, the stronger first.
pub(crate) fn find(env: &Env) -> Vec<Finding> {
    [
        npm::find,
        python::find,
        cargo::find,
        maven::find,
        others::find,
        apt::find,
        composer::find,
        images::find,
    ]
    .into_iter()
    .flat_map(|find| find(env))
    .collect()
}

/// What settings files seem to say that only their program understands.
pub(crate) fn guess(env: &Env) -> Vec<Finding> {
    r::guess(env)
}

/// Files whose change may change what a client's program says.
pub(crate) fn files(env: &Env) -> Vec<PathBuf> {
    [npm::files, python::files, others::files, composer::files, r::files]
        .into_iter()
        .flat_map(|files| files(env))
        .collect()
}

/// Lines `key = value` of an INI file with the section that they stand in, without comments.
fn ini(text: &str) -> Vec<(String, String, String)> {
    let mut section = String::new();
    let mut entries = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((key, value)) = line.split_once('=') {
            let value = value.trim().trim_matches(['"', '\'']);
            entries.push((section.clone(), key.trim().to_owned(), value.to_owned()));
        }
    }
    entries
}
