//! Go and `RubyGems`.

use std::path::PathBuf;

use super::ini;
use crate::env::text;
use crate::variables::sumdb;
use crate::{Env, Finding};

pub(super) fn files(env: &Env) -> Vec<PathBuf> {
    [vec![go_file(env)], gem_files(env)].concat()
}

pub(super) fn find(env: &Env) -> Vec<Finding> {
    [go, gem].into_iter().flat_map(|find| find(env)).collect()
}

fn go_file(env: &Env) -> PathBuf {
    env.var("GOENV").map_or_else(|| env.config_home().join("go/env"), PathBuf::from)
}

/// What `go env -w` writes.
fn go(env: &Env) -> Vec<Finding> {
    let path = go_file(env);
    let source = format!("go's settings ({})", env.show(&path));
    let entries = text(&path).map(|text| ini(&text)).unwrap_or_default();
    let found = entries.iter().filter_map(|(_, key, value)| match key.as_str() {
        "GOPROXY" => {
            let first = value.split([',', '|']).find(|part| part.contains("://"))?;
            Finding::new("go", first, source.clone())
        }
        "GOSUMDB" => sumdb(value, &source),
        _ => None,
    });
    found.collect()
}

/// The files of which the first that names sources wins: those of `GEMRC`, the user's, the
/// system's. The user's own folder of settings counts only without `~/.gemrc`.
fn gem_files(env: &Env) -> Vec<PathBuf> {
    let listed = env.var("GEMRC").map(|list| list.split([':', ';'])).into_iter().flatten();
    let mut files: Vec<PathBuf> = listed.map(PathBuf::from).collect();
    // Each is read over those before it.
    files.reverse();
    let home = env.home.join(".gemrc");
    files.push(if home.exists() { home } else { env.config_home().join("gem/gemrc") });
    files.push(env.system("etc/gemrc"));
    files
}

/// The list `:sources:` of a YAML file, a symbol at its top level. A list on one line is left to
/// the program.
fn gem(env: &Env) -> Vec<Finding> {
    let found = gem_files(env).into_iter().filter_map(|path| {
        let text = text(&path)?;
        let mut lines = text.lines().skip_while(|line| line.trim_end() != ":sources:").skip(1);
        let entry = lines.find(|line| !line.trim_start().starts_with('#'))?.trim();
        let entry = entry.strip_prefix('-')?.trim().split(" #").next()?.trim();
        let source = format!("gem's settings ({})", env.show(&path));
        Finding::new("gem", entry.trim_matches(['"', '\'']), source)
    });
    found.collect()
}
