//! The environment as plain values, and the layer of configuration in it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::Secret;
use crate::key::keys;

/// Variables with our prefix that are no keys.
const OTHER: [&str; 1] = ["WEIR_CONFIG"];

/// A snapshot of environment variables. Everything that Weir takes from its environment comes
/// from here.
#[derive(Clone, Default)]
pub struct Env {
    variables: BTreeMap<String, String>,
}

impl Env {
    /// The variables of this process. This and nothing else reads them; those that are not
    /// Unicode are left out.
    #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
    pub fn from_process_env() -> Self {
        // `vars` would panic at a name or value that is not Unicode.
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// A variable; `None` when it is not set or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All variables, for those that look for settings of other programs.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// The user's home folder.
    pub fn home(&self) -> Option<PathBuf> {
        self.get("HOME").or_else(|| self.get("USERPROFILE")).map(PathBuf::from)
    }

    /// The user's folder for data of programs.
    pub fn data_home(&self) -> Option<PathBuf> {
        if let Some(folder) = self.get("XDG_DATA_HOME") {
            return Some(PathBuf::from(folder));
        }
        if cfg!(windows) {
            return self.get("LOCALAPPDATA").map(PathBuf::from);
        }
        let below =
            if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/share" };
        self.home().map(|home| home.join(below))
    }

    /// The user's folder for settings of programs.
    pub fn config_home(&self) -> Option<PathBuf> {
        if let Some(folder) = self.get("XDG_CONFIG_HOME") {
            return Some(PathBuf::from(folder));
        }
        if cfg!(windows) {
            return self.get("APPDATA").map(PathBuf::from);
        }
        self.home().map(|home| home.join(".config"))
    }

    /// What S3 needs.
    pub fn aws(&self) -> Aws {
        Aws {
            access_key_id: self.get("AWS_ACCESS_KEY_ID").map(ToOwned::to_owned),
            secret_access_key: self.get("AWS_SECRET_ACCESS_KEY").map(Secret::new),
            session_token: self.get("AWS_SESSION_TOKEN").map(Secret::new),
            region: self
                .get("AWS_REGION")
                .or_else(|| self.get("AWS_DEFAULT_REGION"))
                .map(ToOwned::to_owned),
            endpoint: self.get("AWS_ENDPOINT_URL").map(ToOwned::to_owned),
        }
    }

    /// The proxies for outgoing connections.
    pub fn proxies(&self) -> Proxies {
        let either = |lower: &str| {
            let upper = lower.to_ascii_uppercase();
            self.get(lower).or_else(|| self.get(&upper)).map(Secret::new)
        };
        Proxies {
            // Upper-case HTTP_PROXY can be set from outside in CGI programs; curl ignores it too.
            http: self.get("http_proxy").map(Secret::new),
            https: either("https_proxy"),
            all: either("all_proxy"),
            no_proxy: either("no_proxy").map(|list| list.reveal().to_owned()),
        }
    }

    /// The layer of configuration in the environment, as a tree of texts, with the variable that
    /// each path came from. Unknown `WEIR_` variables are in it, so that the reader refuses them.
    pub(crate) fn layer(&self) -> Layer {
        let mut layer = Layer::default();
        for key in keys() {
            if let Some((name, value)) = key.also.and_then(|name| Some((name, self.get(name)?))) {
                let path = key.path.split('.').map(ToOwned::to_owned).collect();
                layer.set(path, value.to_owned(), name.to_owned());
            }
        }
        for name in self.variables.keys() {
            let Some(rest) = name.strip_prefix("WEIR_") else { continue };
            if OTHER.contains(&name.as_str()) || rest.starts_with("TEST_") {
                continue;
            }
            if let Some(value) = self.get(name) {
                let path = rest.to_ascii_lowercase().split("__").map(ToOwned::to_owned).collect();
                layer.set(path, value.to_owned(), name.clone());
            }
        }
        layer
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let variables = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self { variables: variables.collect() }
    }
}

/// What S3 needs, from the variables that its own tools read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aws {
    /// `AWS_ACCESS_KEY_ID`
    pub access_key_id: Option<String>,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret_access_key: Option<Secret>,
    /// `AWS_SESSION_TOKEN`
    pub session_token: Option<Secret>,
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`
    pub region: Option<String>,
    /// `AWS_ENDPOINT_URL`
    pub endpoint: Option<String>,
}

/// Proxies for outgoing connections. Their addresses may hold a password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// `http_proxy`, in lower case only
    pub http: Option<Secret>,
    /// `https_proxy` or `HTTPS_PROXY`
    pub https: Option<Secret>,
    /// `all_proxy` or `ALL_PROXY`
    pub all: Option<Secret>,
    /// `no_proxy` or `NO_PROXY`: hosts reached without a proxy, with commas
    pub no_proxy: Option<String>,
}

/// A layer that came as separate texts.
#[derive(Default)]
pub(crate) struct Layer {
    tree: Map<String, Value>,
    origins: Vec<(Vec<String>, String)>,
}

impl Layer {
    /// Sets the value at a path.
    pub(crate) fn set(&mut self, path: Vec<String>, text: String, origin: String) {
        insert(&mut self.tree, &path, text);
        // Later ones win, and are found first.
        self.origins.insert(0, (path, origin));
    }

    /// The tree, for the reader.
    pub(crate) fn tree(&self) -> Value {
        Value::Object(self.tree.clone())
    }

    /// Where the value at a path, or something below it, came from.
    pub(crate) fn origin(&self, path: &[String]) -> Option<&str> {
        let below = |(at, _): &&(Vec<String>, String)| at.starts_with(path) || path.starts_with(at);
        self.origins.iter().find(below).map(|(_, origin)| origin.as_str())
    }
}

fn insert(table: &mut Map<String, Value>, path: &[String], text: String) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        table.insert(first.clone(), Value::String(text));
        return;
    }
    let slot = table.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
    if let Value::String(short) = slot {
        // The short form of a table, said beside the long one.
        let word = if first == "listing" { "default" } else { "address" };
        *slot = Value::Object(Map::from_iter([(word.to_owned(), Value::String(short.clone()))]));
    }
    if let Value::Object(inner) = slot {
        insert(inner, rest, text);
    }
}
