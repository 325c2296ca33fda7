//! Mirrors of the default image registry in the settings of Docker's engine (`dockerd`'s daemon.json,
//! `registry-mirrors`) and of containerd (its `docs/hosts.md`).

use std::path::PathBuf;

use serde_json::Value;
use url::Url;

use crate::constants::LIBRARY;
use crate::env::text;
use crate::{Env, Finding};

fn engine_file(env: &Env) -> PathBuf {
    env.system("etc/docker/daemon.json")
}

fn containerd_file(env: &Env) -> PathBuf {
    env.system("etc/containerd/certs.d/docker.io/hosts.toml")
}

/// The first mirror of each program, Docker's first.
pub(super) fn find(env: &Env) -> Vec<Finding> {
    let (engine, containerd) = (engine_file(env), containerd_file(env));
    let found = [
        (text(&engine).and_then(|text| first_mirror(&text)), "docker", engine),
        (text(&containerd).and_then(|text| first_host(&text)), "containerd", containerd),
    ];
    let finding = |(address, program, file): (Option<String>, &str, PathBuf)| {
        let source = format!("{program}'s settings ({})", env.show(&file));
        Finding::new("container", &address?, source)
    };
    found.into_iter().filter_map(finding).collect()
}

/// Whose images the registry at an address has, when it is one of these mirrors.
pub(crate) fn mirrored(env: &Env, address: &Url) -> &'static [&'static str] {
    let is_mirror = find(env).iter().any(|found| found.address == *address);
    if is_mirror { &LIBRARY } else { &[] }
}

fn first_mirror(text: &str) -> Option<String> {
    let settings: Value = serde_json::from_str(text).ok()?;
    let mirror = settings.get("registry-mirrors")?.as_array()?.first()?;
    mirror.as_str().map(ToOwned::to_owned)
}

/// The first `[host."…"]` that is pulled from. Hosts are tried in the order of the file, which the
/// table does not keep.
fn first_host(text: &str) -> Option<String> {
    let table: toml::Table = text.parse().ok()?;
    let hosts = table.get("host")?.as_table()?;
    let pulls = |host: &toml::Value| match host.get("capabilities").and_then(toml::Value::as_array)
    {
        Some(all) => all.iter().any(|one| one.as_str() == Some("pull")),
        None => true,
    };
    let usable = hosts.iter().filter(|(_, host)| pulls(host));
    let place = |name: &str| text.find(&format!("\"{name}\"")).unwrap_or(usize::MAX);
    let first = usable.map(|(name, _)| name).min_by_key(|name| place(name))?;
    // An address with a path of the API leads to the registry.
    Some(first.trim_end_matches('/').trim_end_matches("/v2").to_owned())
}
