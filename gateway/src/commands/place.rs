//! Where a mount is, in the forms that clients' settings need.

use url::Url;

/// What the placeholders of a plugin's set-up (`weir_core::Setup`) stand for.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// `{base}`: the mount's address, without trailing slash.
    pub(crate) base: String,
    origin: String,
    authority: String,
    host: String,
    registry: Option<String>,
}

impl Place {
    /// A mount at a path (slashes around it do not count) of the gateway at `origin`.
    pub(crate) fn new(origin: &Url, path: &str) -> Self {
        let host = origin.host_str().unwrap_or_default().to_owned();
        let authority = match origin.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.clone(),
        };
        let origin = origin.as_str().trim_end_matches('/').to_owned();
        let base = format!("{origin}/{}", path.trim_matches('/'));
        Self { base, origin, authority, host, registry: None }
    }

    /// The same with the host of the registry behind it.
    pub(crate) fn before(self, registry: Option<&str>) -> Self {
        Self { registry: registry.map(ToOwned::to_owned), ..self }
    }

    /// A text with its placeholders filled in; `None` when it names the registry and that is not
    /// known.
    pub(crate) fn fill(&self, text: &str) -> Option<String> {
        let text = match &self.registry {
            Some(host) => text.replace("{registry}", host),
            None if text.contains("{registry}") => return None,
            None => text.to_owned(),
        };
        let text = text.replace("{base}", &self.base).replace("{origin}", &self.origin);
        let plain = if self.origin.starts_with("https:") { "false" } else { "true" };
        let text = text.replace("{authority}", &self.authority).replace("{plain}", plain);
        Some(text.replace("{host}", &self.host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in() {
        let origin = Url::parse("http://gateway.example:8080/").unwrap();
        let place = Place::new(&origin, "/npm/");
        let filled = place.fill("{base}/ {origin} {host}").unwrap();
        let expected =
            "http://gateway.example:8080/npm/ http://gateway.example:8080 gateway.example";
        assert_eq!(filled, expected);
        assert_eq!(place.fill("{authority} {plain}").unwrap(), "gateway.example:8080 true");
        assert_eq!(place.fill("{registry}"), None);
        let known = place.before(Some("registry.example"));
        assert_eq!(known.fill("{registry}").unwrap(), "registry.example");
    }
}
