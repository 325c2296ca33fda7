//! Cargo's `config.toml`: what replaces the default source.

use std::path::PathBuf;

use toml::Table;

use crate::env::text;
use crate::{Env, Finding};

fn files(env: &Env) -> Vec<PathBuf> {
    let home = env.var("CARGO_HOME").map_or_else(|| env.home.join(".cargo"), PathBuf::from);
    let above = env.cwd.ancestors().map(|folder| folder.join(".cargo"));
    let folders = above.chain([home]);
    folders.flat_map(|folder| [folder.join("config.toml"), folder.join("config")]).collect()
}

pub(super) fn find(env: &Env) -> Vec<Finding> {
    let mut files: Vec<PathBuf> = files(env).into_iter().filter(|path| path.is_file()).collect();
    files.dedup();
    let named = files.iter().filter_map(|path| {
        let address = replacement(&text(path)?.parse().ok()?)?;
        Finding::new("cargo", &address, format!("cargo's settings ({})", env.show(path)))
    });
    named.collect()
}

/// Follows `replace-with` from the default source to an address. Only sparse indexes can be read;
/// a source that names one of `[registries]` leads to its index.
fn replacement(file: &Table) -> Option<String> {
    let source = |name: &str| file.get("source")?.get(name)?.as_table();
    let registry = |name: &str| file.get("registries")?.get(name)?.get("index")?.as_str();
    let mut name = "crates-io";
    for _ in 0..8 {
        let table = source(name);
        let next = table.and_then(|table| table.get("replace-with")).and_then(toml::Value::as_str);
        let Some(next) = next else {
            let own = table.and_then(|table| table.get("registry")).and_then(toml::Value::as_str);
            let address = own.or_else(|| registry(name))?;
            return address.strip_prefix("sparse+").map(ToOwned::to_owned);
        };
        name = next;
    }
    None
}
