//! Go, apt and `RubyGems`.

use std::path::{Path, PathBuf};

use super::ini;
use crate::env::text;
use crate::variables::sumdb;
use crate::{Env, Finding};

pub(super) fn files(env: &Env) -> Vec<PathBuf> {
    [vec![go_file(env)], gem_files(env)].concat()
}

pub(super) fn find(env: &Env) -> Vec<Finding> {
    [go, apt, gem].into_iter().flat_map(|find| find(env)).collect()
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

/// apt's sources in both forms. Suites of security updates are an origin of their own.
fn apt(env: &Env) -> Vec<Finding> {
    let folder = env.system("etc/apt");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join("sources.list.d"))
        .into_iter()
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .collect();
    // The distribution's own files come before those of third parties.
    files.sort_by_key(|path| (!apt_distribution(path), path.clone()));
    let all = [folder.join("sources.list")].into_iter().chain(files);
    all.flat_map(|path| apt_file(env, &path)).collect()
}

fn apt_distribution(path: &Path) -> bool {
    path.file_stem().is_some_and(|name| name == "debian" || name == "ubuntu")
}

fn apt_file(env: &Env, path: &Path) -> Vec<Finding> {
    let end = path.extension().unwrap_or_default().to_string_lossy().into_owned();
    let Some(text) = text(path) else { return Vec::new() };
    let sources = match end.as_str() {
        "sources" => deb822(&text),
        "list" => one_line(&text),
        _ => return Vec::new(),
    };
    // A third party's repository is no default for the distribution's packages.
    if !apt_distribution(path) && path.file_name().is_none_or(|name| name != "sources.list") {
        return Vec::new();
    }
    let source = format!("apt's sources ({})", env.show(path));
    let found = sources.into_iter().filter_map(|(address, suites)| {
        let found = Finding::new("debian", &address, source.clone())?;
        Some(if suites.contains("-security") { found.origin("security") } else { found })
    });
    found.collect()
}

/// Stanzas with `URIs:` and `Suites:`; the first address of each.
fn deb822(text: &str) -> Vec<(String, String)> {
    let field = |stanza: &str, name: &str| {
        let line = stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(|value| value.trim().to_owned())
    };
    let stanzas = text.split("\n\n").filter(|stanza| {
        field(stanza, "Enabled").is_none_or(|enabled| enabled != "no")
            && field(stanza, "Types").is_none_or(|types| types.split(' ').any(|t| t == "deb"))
    });
    let read = |stanza: &str| {
        let address = field(stanza, "URIs")?.split_whitespace().next()?.to_owned();
        Some((address, field(stanza, "Suites").unwrap_or_default()))
    };
    stanzas.filter_map(read).collect()
}

/// `deb [options] address suite components`.
fn one_line(text: &str) -> Vec<(String, String)> {
    let read = |line: &str| {
        let rest = line.trim().strip_prefix("deb ")?.trim_start();
        let rest = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']')?.1,
            None => rest,
        };
        let mut words = rest.split_whitespace().map(ToOwned::to_owned);
        Some((words.next()?, words.next()?))
    };
    text.lines().filter_map(read).collect()
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
