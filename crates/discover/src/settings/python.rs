//! `pip.conf` and `uv.toml` in all their places.

use std::path::{Path, PathBuf};

use super::ini;
use crate::env::text;
use crate::{Env, Finding};

fn pip_files(env: &Env) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    files.extend(env.var("PIP_CONFIG_FILE").map(PathBuf::from));
    files.extend(env.var("VIRTUAL_ENV").map(|folder| Path::new(folder).join("pip.conf")));
    files.push(env.config_home().join("pip/pip.conf"));
    files.push(env.home.join("Library/Application Support/pip/pip.conf"));
    files.push(env.home.join(".pip/pip.conf"));
    files.push(env.system("etc/xdg/pip/pip.conf"));
    files.push(env.system("etc/pip.conf"));
    files
}

fn uv_files(env: &Env) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        env.var("UV_CONFIG_FILE").map(PathBuf::from).into_iter().collect();
    files.push(env.cwd.join("uv.toml"));
    files.push(env.cwd.join("pyproject.toml"));
    files.push(env.config_home().join("uv/uv.toml"));
    files.push(env.system("etc/uv/uv.toml"));
    files
}

pub(super) fn files(env: &Env) -> Vec<PathBuf> {
    [pip_files(env), uv_files(env)].concat()
}

pub(super) fn find(env: &Env) -> Vec<Finding> {
    let pip = pip_files(env).into_iter().filter_map(|path| {
        let entries = ini(&text(&path)?);
        let index = |(section, key, _): &&(String, String, String)| {
            matches!(section.as_str(), "install" | "global") && key.replace('_', "-") == "index-url"
        };
        let (_, _, address) = entries.iter().find(index)?;
        Finding::new("pypi", address, format!("pip's settings ({})", env.show(&path)))
    });
    let uv = uv_files(env).into_iter().filter_map(|path| {
        let address = uv_index(&text(&path)?)?;
        Finding::new("pypi", &address, format!("uv's settings ({})", env.show(&path)))
    });
    pip.chain(uv).collect()
}

/// `[[index]]` with `default = true`, else the older `index-url`; in `pyproject.toml` the same
/// below `tool.uv`.
fn uv_index(text: &str) -> Option<String> {
    let file: toml::Table = text.parse().ok()?;
    let uv = file.get("tool").and_then(|tool| tool.get("uv")).and_then(toml::Value::as_table);
    let table = uv.unwrap_or(&file);
    let marked =
        |index: &&toml::Value| index.get("default").and_then(toml::Value::as_bool) == Some(true);
    let index = table.get("index").and_then(toml::Value::as_array);
    let address = index.and_then(|list| list.iter().find(marked)?.get("url"));
    let old = || table.get("index-url").or_else(|| table.get("pip")?.get("index-url"));
    address.or_else(old)?.as_str().map(ToOwned::to_owned)
}
