//! Composer.

use std::fmt;
use std::path::PathBuf;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::env::text;
use crate::{Env, Finding};

pub(super) fn files(env: &Env) -> Vec<PathBuf> {
    vec![file(env)]
}

/// The settings in Composer's home, which is one folder: what `COMPOSER_HOME` names, else the
/// first that there is of the XDG folder, where XDG is in use, and `~/.composer`.
fn file(env: &Env) -> PathBuf {
    let legacy = env.home.join(".composer");
    let xdg = env.config_home().join("composer");
    let uses_xdg =
        env.vars.keys().any(|name| name.starts_with("XDG_")) || env.system("etc/xdg").is_dir();
    let home = match env.var("COMPOSER_HOME") {
        Some(home) => PathBuf::from(home),
        None if uses_xdg && (xdg.is_dir() || !legacy.is_dir()) => xdg,
        None => legacy,
    };
    home.join("config.json")
}

/// The first repository of type `composer`.
pub(super) fn find(env: &Env) -> Vec<Finding> {
    let path = file(env);
    let found = text(&path).and_then(|text| {
        let settings: Settings = serde_json::from_str(&text).ok()?;
        let source = format!("Composer's settings ({})", env.show(&path));
        Finding::new("composer", &settings.repositories?.first()?, source)
    });
    found.into_iter().collect()
}

#[derive(serde::Deserialize)]
struct Settings {
    repositories: Option<Repositories>,
}

/// A list of repositories, or a map of them, in which the order counts too.
pub(crate) struct Repositories(Vec<Value>);

impl Repositories {
    /// The address of the first repository of type `composer`. One without a scheme means HTTP.
    pub(crate) fn first(&self) -> Option<String> {
        let address = self.0.iter().find(|entry| entry["type"] == "composer")?["url"].as_str()?;
        let plain = if address.contains("://") { "" } else { "http://" };
        Some(plain.to_owned() + address)
    }
}

impl<'de> Deserialize<'de> for Repositories {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Repositories;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or map of repositories")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Repositories, A::Error> {
        let mut all = Vec::new();
        while let Some(entry) = list.next_element()? {
            all.push(entry);
        }
        Ok(Repositories(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Repositories, A::Error> {
        let mut all = Vec::new();
        while let Some((IgnoredAny, entry)) = map.next_entry()? {
            all.push(entry);
        }
        Ok(Repositories(all))
    }
}
