//! Lock files as the clients wrote them, with the addresses of fixture registries.

use std::sync::Arc;

use super::*;

fn registry(front: &str, plugin: Arc<dyn Ecosystem>, base: &str) -> Registry {
    let is_default = front == plugin.describe().mount;
    Registry { front: front.into(), plugin, bases: vec![base.into()], is_default }
}

fn found(file: &str, text: &str, registries: &[Registry]) -> Lendable {
    lendable(text, Format::of(Path::new(file)).unwrap(), registries, &[])
}

fn pairs(map: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    map.iter().map(|(address, path)| (address.as_str(), path.as_str())).collect()
}

#[test]
fn files_are_known_by_their_names() {
    for file in ["yarn.lock", "a/pylock.toml", "pylock.dev.toml", "requirements-dev.txt"] {
        assert!(Format::of(Path::new(file)).is_some(), "{file}");
    }
    for file in ["Cargo.lock", "poetry.lock", "yarn.lock.bak", "pylock.xml"] {
        assert_eq!(Format::of(Path::new(file)), None, "{file}");
    }
}

#[cfg(feature = "npm")]
mod npm {
    use super::*;

    const BASE: &str = "https://registry.example/npm/";

    fn npm(text: &str) -> Lendable {
        found("yarn.lock", text, &[registry("npm", Arc::new(weir_npm::Npm), BASE)])
    }

    #[test]
    fn files_below_the_registry_are_at_the_same_path() {
        let text = "  resolved \"https://registry.example/npm/@a/b/-/b-1.0.0.tgz#5f2a\"\n\
                    \"c@npm:1::__archiveUrl=https%3A%2F%2Fregistry.example%2Fnpm%2Fc%2F-%2Fc-1.0.0.tgz\"";
        let found = npm(text);
        let expected = [
            ("https://registry.example/npm/@a/b/-/b-1.0.0.tgz", "npm/@a/b/-/b-1.0.0.tgz"),
            ("https://registry.example/npm/c/-/c-1.0.0.tgz", "npm/c/-/c-1.0.0.tgz"),
        ];
        assert_eq!(pairs(&found.sure), expected);
        assert!(found.asked.is_empty() && !found.strangers);
    }

    #[test]
    fn on_other_hosts_the_listing_is_asked_for_files() {
        let text = "https://other.example/x/a/-/a-1.0.0.tgz https://other.example/@a/b/-/b-1.0.0.tgz \
                    https://other.example/a.tgz https://registry.example/npm/a \
                    https://registry.example/npmx/a/-/a-1.0.0.tgz";
        let found = npm(text);
        let expected = [
            ("https://other.example/@a/b/-/b-1.0.0.tgz", "npm/@a/b/-/b-1.0.0.tgz"),
            ("https://other.example/x/a/-/a-1.0.0.tgz", "npm/a/-/a-1.0.0.tgz"),
            ("https://registry.example/npmx/a/-/a-1.0.0.tgz", "npm/a/-/a-1.0.0.tgz"),
        ];
        assert_eq!(pairs(&found.asked), expected);
        assert!(found.sure.is_empty() && found.strangers, "{found:?}");
    }

    #[test]
    fn npm_is_told_what_stands_for_the_registry() {
        let text = "\"https://registry.example/npm/a/-/a-1.0.0.tgz\", \
                    \"https://internal.example/b/-/b-1.0.0.tgz\"";
        let internal = registry("internal", Arc::new(weir_npm::Npm), "https://internal.example");
        let registries = [registry("npm", Arc::new(weir_npm::Npm), BASE), internal];
        let found = found("package-lock.json", text, &registries);
        let expected = [("https://internal.example/b/-/b-1.0.0.tgz", "internal/b/-/b-1.0.0.tgz")];
        assert_eq!(pairs(&found.sure), expected);
        assert!(found.asked.is_empty() && !found.strangers, "{found:?}");
    }
}

#[cfg(feature = "pypi")]
mod pypi {
    use super::*;

    const LOCK: &str = r#"
[[package]]
name = "demo"
version = "1.2.0+x"
source = { registry = "https://registry.example/simple" }
wheels = [
    { url = "https://files.example/p/ab/demo-1.2.0%2Bx-py3-none-any.whl", hash = "sha256:00" },
]

[[package]]
name = "other"
source = { registry = "https://other.example/simple/" }
wheels = [{ url = "https://files.example/p/other-1-py3-none-any.whl" }]

[[package]]
name = "direct"
source = { url = "https://files.example/p/direct-1-py3-none-any.whl" }
"#;
    const WHEEL: &str = "https://files.example/p/ab/demo-1.2.0%2Bx-py3-none-any.whl";

    fn registries() -> [Registry; 2] {
        let plugin = || -> Arc<dyn Ecosystem> { Arc::new(weir_pypi::Pypi) };
        let internal = "https://internal.example/simple";
        [
            registry("internal", plugin(), internal),
            registry("pypi", plugin(), "https://registry.example/simple/"),
        ]
    }

    #[test]
    fn files_belong_to_the_registry_that_their_package_names() {
        let found = found("uv.lock", LOCK, &registries());
        let expected = [
            (WHEEL, "pypi/files/demo/demo-1.2.0%2Bx-py3-none-any.whl"),
            ("https://registry.example/simple", "pypi/simple/"),
        ];
        assert_eq!(pairs(&found.sure), expected);
        assert!(found.asked.is_empty(), "{found:?}");
    }

    #[test]
    fn an_index_that_clients_are_not_told_keeps_its_address_but_not_its_files() {
        let text = LOCK.replace("registry.example", "internal.example");
        let found = found("uv.lock", &text, &registries());
        let expected = [(WHEEL, "internal/files/demo/demo-1.2.0%2Bx-py3-none-any.whl")];
        assert_eq!(pairs(&found.sure), expected);
    }

    #[test]
    fn an_index_that_the_project_sets_itself_keeps_its_address() {
        let own = ["https://registry.example/simple/".to_owned()];
        let format = Format::of(Path::new("uv.lock")).unwrap();
        let found = lendable(LOCK, format, &registries(), &own);
        assert_eq!(pairs(&found.sure)[0].0, WHEEL);
        assert_eq!(found.sure.len(), 1, "{found:?}");
    }

    #[test]
    fn without_a_registry_the_listing_is_asked_where_the_format_leaves_it_out() {
        let text = "[[packages]]\nname = \"demo\"\n[[packages.wheels]]\nname = \"demo-1.whl\"\n\
                    url = \"https://files.example/p/demo-1-py3-none-any.whl\"\n";
        let found = found("pylock.toml", text, &registries());
        let address = "https://files.example/p/demo-1-py3-none-any.whl";
        assert_eq!(pairs(&found.asked), [(address, "pypi/files/demo/demo-1-py3-none-any.whl")]);
        assert!(found.sure.is_empty());
    }

    #[test]
    fn requirements_name_the_index_alone() {
        let text = "--index-url https://registry.example/simple\ndemo==1\n";
        let found = found("requirements.txt", text, &registries());
        assert_eq!(pairs(&found.sure), [("https://registry.example/simple", "pypi/simple/")]);
    }
}
