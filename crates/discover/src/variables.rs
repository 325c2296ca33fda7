//! Addresses in variables that clients read.

use crate::{Env, Finding};

/// Variable and ecosystem, the stronger first. A variable may hold a list.
const VARIABLES: [(&str, &str); 10] = [
    ("npm_config_registry", "npm"),
    ("NPM_CONFIG_REGISTRY", "npm"),
    ("YARN_NPM_REGISTRY_SERVER", "npm"),
    ("UV_DEFAULT_INDEX", "pypi"),
    ("UV_INDEX_URL", "pypi"),
    ("PIP_INDEX_URL", "pypi"),
    ("GOPROXY", "go"),
    ("HEX_MIRROR", "hex"),
    ("PUB_HOSTED_URL", "pub"),
    ("VAGRANT_SERVER_URL", "vagrant"),
];

/// What the environment says.
pub(crate) fn find(env: &Env) -> Vec<Finding> {
    let named = VARIABLES.iter().filter_map(|(name, ecosystem)| {
        let source = format!("the variable {name}");
        // uv writes `name=address`, Go separates with `,` and `|`.
        let first = env.var(name)?.split([',', '|']).find(|part| part.contains("://"))?;
        let start = first.find("http")?;
        Finding::new(ecosystem, &first[start..], source)
    });
    named.chain(env.var("GOSUMDB").and_then(|text| sumdb(text, "the variable GOSUMDB"))).collect()
}

/// Go's checksum database: its name, maybe with a key, and maybe its address.
pub(crate) fn sumdb(text: &str, source: &str) -> Option<Finding> {
    let mut words = text.split_whitespace();
    let name = words.next()?.split('+').next()?;
    if name == "off" {
        return None;
    }
    let address = words.next().map_or_else(|| format!("https://{name}"), ToOwned::to_owned);
    Some(Finding::new("go", &address, source.to_owned())?.origin("sumdb"))
}
