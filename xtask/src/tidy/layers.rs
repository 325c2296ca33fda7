//! Edges between the workspace's crates go down.

use super::Offence;
use crate::workspace::{Dependency, Package};

/// Crates that are not plugins, by folder, with their height. An edge leads to a lower one.
const HEIGHTS: &[(&str, u8)] = &[
    ("crates/core", 0),
    ("crates/version", 1),
    ("crates/format", 2),
    ("crates/config", 10),
    ("crates/storage", 10),
    ("crates/catalog", 10),
    ("crates/telemetry", 10),
    ("crates/policy", 10),
    ("crates/discover", 10),
    ("crates/testkit", 10),
    ("crates/upstream", 20),
    ("crates/cache", 20),
    ("crates/advisory", 20),
    ("crates/scan", 20),
    ("crates/signing", 20),
    ("crates/accounts", 20),
    ("crates/pipeline", 30),
    ("crates/api", 40),
    ("crates/web", 40),
    ("crates/oci", 40),
    ("crates/crawler", 40),
    ("gateway", 50),
    ("chaos", END),
    ("e2e", END),
    ("bench", END),
    ("examples", END),
    ("fuzz", END),
    ("xtask", END),
];
const PLUGIN: u8 = 10;
/// Nothing depends on these.
const END: u8 = 51;
/// Plugins build on these and nothing else of the workspace.
const FOUNDATION: u8 = 2;
/// Whoever may name plugins. From a certain height on, tests may.
const NAMES_PLUGINS: [&str; 3] = ["gateway", "fuzz", "bench"];
const TESTS_PLUGINS: u8 = 30;

pub(super) fn check(packages: &[Package]) -> Vec<Offence> {
    let mut offences = Vec::new();
    for package in packages {
        if height(package).is_none() {
            offences.push(format!("{}: has no layer in xtask/src/tidy/layers.rs", package.folder));
        }
        let expected = expected_name(&package.folder);
        if package.name != expected {
            offences.push(format!("{}: is named {}, not {expected}", package.folder, package.name));
        }
        for edge in package.dependencies.iter().filter(|edge| edge.path.is_some()) {
            let Some(to) = packages.iter().find(|other| other.name == edge.name) else {
                let name = &edge.name;
                offences.push(format!("{}: {name} is outside the workspace", package.folder));
                continue;
            };
            offences.extend(edge_offence(package, edge, to));
        }
    }
    offences
}

fn edge_offence(from: &Package, edge: &Dependency, to: &Package) -> Option<Offence> {
    let dev = edge.kind.as_deref() == Some("dev");
    let says = |why: &str| Some(format!("{} -> {}: {why}", from.folder, to.folder));
    if to.folder == "crates/testkit" {
        let test_code = dev || is_end(from);
        return if test_code { None } else { says("the testkit is for tests") };
    }
    if is_plugin(to) {
        let may = NAMES_PLUGINS.contains(&from.folder.as_str())
            || dev && !is_plugin(from) && height(from) >= Some(TESTS_PLUGINS);
        return if may { None } else { says("only the gateway names plugins") };
    }
    let (from_height, to_height) = (height(from)?, height(to)?);
    if is_plugin(from) && to_height > FOUNDATION {
        return says("plugins build on core, version and format only");
    }
    if to_height >= from_height {
        return says("edges go down");
    }
    None
}

fn is_plugin(package: &Package) -> bool {
    package.folder.starts_with("plugins/")
}

fn is_end(package: &Package) -> bool {
    height(package) == Some(END)
}

/// Whether the crate must not know of runtimes, sockets, files, the environment or the clock.
pub(super) fn is_pure(folder: &str) -> bool {
    folder.starts_with("plugins/")
        || HEIGHTS.iter().any(|(known, height)| *known == folder && *height <= FOUNDATION)
}

fn height(package: &Package) -> Option<u8> {
    let folder = package.folder.as_str();
    if is_plugin(package) {
        return Some(PLUGIN);
    }
    HEIGHTS.iter().find(|(known, _)| *known == folder).map(|(_, height)| *height)
}

fn expected_name(folder: &str) -> String {
    match folder {
        "gateway" => "weir".to_owned(),
        "xtask" => "xtask".to_owned(),
        _ => format!("weir-{}", folder.rsplit('/').next().unwrap_or(folder)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, folder: &str, edges: &[(&str, Option<&str>)]) -> Package {
        let dependencies = edges.iter().map(|(name, kind)| Dependency {
            name: (*name).to_owned(),
            kind: kind.map(ToOwned::to_owned),
            path: Some(format!("/{name}").into()),
        });
        Package {
            name: name.to_owned(),
            folder: folder.to_owned(),
            dependencies: dependencies.collect(),
        }
    }

    fn offences(changed: Package) -> Vec<Offence> {
        let mut packages = vec![
            package("weir-core", "crates/core", &[]),
            package("weir-format", "crates/format", &[("weir-core", None)]),
            package("weir-policy", "crates/policy", &[("weir-core", None)]),
            package("weir-storage", "crates/storage", &[("weir-core", None)]),
            package("weir-testkit", "crates/testkit", &[("weir-core", None)]),
            package(
                "weir-npm",
                "plugins/npm",
                &[("weir-format", None), ("weir-testkit", Some("dev"))],
            ),
            package("weir-pipeline", "crates/pipeline", &[("weir-npm", Some("dev"))]),
            package("weir", "gateway", &[("weir-npm", None), ("weir-pipeline", None)]),
        ];
        packages.retain(|package| package.folder != changed.folder);
        packages.push(changed);
        check(&packages)
    }

    #[test]
    fn the_designed_graph_passes() {
        assert_eq!(
            offences(package("weir-cache", "crates/cache", &[("weir-policy", None)])),
            [""; 0]
        );
    }

    #[test]
    fn each_forbidden_edge_is_named() {
        for (from, offence) in [
            (
                package("weir-core", "crates/core", &[("weir-format", None)]),
                "crates/core -> crates/format: edges go down",
            ),
            (
                package("weir-policy", "crates/policy", &[("weir-storage", None)]),
                "crates/policy -> crates/storage: edges go down",
            ),
            (
                package("weir-pypi", "plugins/pypi", &[("weir-npm", None)]),
                "plugins/pypi -> plugins/npm: only the gateway names plugins",
            ),
            (
                package("weir-pypi", "plugins/pypi", &[("weir-policy", None)]),
                "plugins/pypi -> crates/policy: plugins build on core, version and format only",
            ),
            (
                package("weir-pipeline", "crates/pipeline", &[("weir-npm", None)]),
                "crates/pipeline -> plugins/npm: only the gateway names plugins",
            ),
            (
                package("weir", "gateway", &[("weir-testkit", None)]),
                "gateway -> crates/testkit: the testkit is for tests",
            ),
        ] {
            assert_eq!(offences(from), [offence]);
        }
    }

    #[test]
    fn unknown_folders_and_odd_names_are_offences() {
        assert_eq!(
            offences(package("weir_new", "crates/new", &[])),
            [
                "crates/new: has no layer in xtask/src/tidy/layers.rs",
                "crates/new: is named weir_new, not weir-new",
            ]
        );
    }
}
