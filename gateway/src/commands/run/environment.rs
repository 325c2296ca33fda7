//! Points the clients of a command at the gateway: variables for those that take them.

use weir_config::Env;
use weir_core::Descriptor;

use crate::commands::place::Place;

/// Whether a variable of a plugin's clients names the host of the upstream.
pub(crate) fn names_registry(descriptor: &Descriptor) -> bool {
    descriptor.setup.variables.iter().any(|(_, text)| text.contains("{registry}"))
}

/// The variables of a plugin's clients, without those that need what is not known.
pub(crate) fn variables(descriptor: &Descriptor, place: &Place) -> Vec<(String, String)> {
    let set = |(name, text): &(&str, &str)| Some(((*name).to_owned(), place.fill(text)?));
    descriptor.setup.variables.iter().filter_map(set).collect()
}

/// With a proxy in the environment, clients would ask it for the gateway: the loopback address is
/// added to those that are reached without one.
pub(crate) fn no_proxy(env: &Env) -> Vec<(String, String)> {
    let proxied = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
    if proxied.iter().all(|name| env.get(name).is_none()) {
        return Vec::new();
    }
    let known = env.get("no_proxy").or_else(|| env.get("NO_PROXY"));
    let list = known.map_or_else(|| "127.0.0.1".to_owned(), |list| format!("{list},127.0.0.1"));
    ["no_proxy", "NO_PROXY"].map(|name| (name.to_owned(), list.clone())).into()
}

/// Variables that send clients to further indexes, past the gateway.
pub(crate) fn further(env: &Env) -> Vec<&'static str> {
    let names = ["PIP_EXTRA_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INDEX"];
    names.into_iter().filter(|name| env.get(name).is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "npm")]
    #[test]
    fn variables_hold_the_address_of_their_mount() {
        use weir_core::Ecosystem as _;
        let origin = url::Url::parse("http://127.0.0.1:40123").unwrap();
        let npm = weir_npm::Npm.describe();
        let place = Place::new(&origin, npm.mount);
        let set = variables(npm, &place.clone().before(Some("registry.example")));
        let has = |name: &str, value: &str| set.contains(&(name.to_owned(), value.to_owned()));
        assert!(has("npm_config_registry", "http://127.0.0.1:40123/npm/"), "{set:?}");
        assert!(has("YARN_UNSAFE_HTTP_WHITELIST", "127.0.0.1"), "{set:?}");
        assert!(has("npm_config_replace_registry_host", "registry.example"), "{set:?}");
        assert!(!set.iter().any(|(_, value)| value.contains('{')), "{set:?}");
        let unknown = variables(npm, &place);
        assert!(!unknown.iter().any(|(name, _)| name.contains("replace")), "{unknown:?}");
    }

    #[test]
    fn a_proxy_is_not_asked_for_the_gateway() {
        assert!(no_proxy(&Env::default()).is_empty());
        let env = [("http_proxy", "http://proxy.example"), ("NO_PROXY", "a.example")];
        let set = no_proxy(&env.into_iter().collect());
        assert_eq!(set[0], ("no_proxy".to_owned(), "a.example,127.0.0.1".to_owned()));
        assert_eq!(set.len(), 2);
    }
}
