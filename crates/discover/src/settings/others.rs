//! Go, apt, `RubyGems`, Composer and R.

use std::path::{Path, PathBuf};

use super::ini;
use crate::env::text;
use crate::variables::sumdb;
use crate::{Env, Finding};

pub(super) fn files(env: &Env) -> Vec<PathBuf> {
    [vec![go_file(env)], gem_files(env), composer_files(env), r_files(env)].concat()
}

pub(super) fn find(env: &Env) -> Vec<Finding> {
    [go, apt, gem, composer, r].into_iter().flat_map(|find| find(env)).collect()
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

fn gem_files(env: &Env) -> Vec<PathBuf> {
    vec![env.home.join(".gemrc"), env.config_home().join("gem/gemrc"), env.system("etc/gemrc")]
}

/// The list `:sources:` of a YAML file.
fn gem(env: &Env) -> Vec<Finding> {
    let found = gem_files(env).into_iter().filter_map(|path| {
        let text = text(&path)?;
        let mut lines = text.lines().map(str::trim).skip_while(|line| !line.ends_with("sources:"));
        let entry = lines.nth(1)?.strip_prefix('-')?.trim().trim_matches(['"', '\'']);
        Finding::new("gem", entry, format!("gem's settings ({})", env.show(&path)))
    });
    found.collect()
}

fn composer_files(env: &Env) -> Vec<PathBuf> {
    let home = env.var("COMPOSER_HOME").map(PathBuf::from);
    let usual = [env.config_home().join("composer"), env.home.join(".composer")];
    home.into_iter().chain(usual).map(|folder| folder.join("config.json")).collect()
}

/// The first repository of type `composer`.
fn composer(env: &Env) -> Vec<Finding> {
    let found = composer_files(env).into_iter().filter_map(|path| {
        let file: serde_json::Value = serde_json::from_str(&text(&path)?).ok()?;
        let address = composer_address(file.get("repositories")?)?;
        Finding::new("composer", &address, format!("Composer's settings ({})", env.show(&path)))
    });
    found.collect()
}

/// The address of the first repository of type `composer` in a list or map of repositories.
pub(crate) fn composer_address(repositories: &serde_json::Value) -> Option<String> {
    let all: Vec<&serde_json::Value> = match repositories {
        serde_json::Value::Array(list) => list.iter().collect(),
        serde_json::Value::Object(map) => map.values().collect(),
        _ => return None,
    };
    let composer = all.into_iter().find(|entry| entry["type"] == "composer")?;
    composer["url"].as_str().map(ToOwned::to_owned)
}

fn r_files(env: &Env) -> Vec<PathBuf> {
    vec![
        env.home.join(".Rprofile"),
        env.system("etc/R/Rprofile.site"),
        env.system("etc/R/repositories"),
    ]
}

/// `CRAN = "address"` in a profile, or the row `CRAN` of the table of repositories.
fn r(env: &Env) -> Vec<Finding> {
    let found = r_files(env).into_iter().filter_map(|path| {
        let text = text(&path)?;
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let address = lines.filter(|line| line.contains("CRAN")).find_map(|line| {
            let start = line.find("http")?;
            line[start..].split(['"', '\'', '\t', ' ']).next()
        })?;
        Finding::new("cran", address, format!("R's settings ({})", env.show(&path)))
    });
    found.collect()
}
