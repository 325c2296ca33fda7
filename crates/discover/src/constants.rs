//! Defaults that dependencies publish, and those of registries without such a dependency.

use osv::schema::Ecosystem;

use crate::Finding;

/// Registries whose default no dependency publishes.
const OTHERS: [(&str, &str); 8] = [
    ("alpine", "https://dl-cdn.alpinelinux.org/alpine"),
    ("arch", "https://geo.mirror.pkgbuild.com"),
    ("chef", "https://supermarket.chef.io"),
    ("conan", "https://center2.conan.io"),
    ("conda", "https://conda.anaconda.org"),
    ("container", "https://registry-1.docker.io"),
    ("hex", "https://repo.hex.pm"),
    ("pub", "https://pub.dev"),
];

/// The names of the registry whose images without a namespace belong to `library`.
pub(crate) const LIBRARY: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/// What is special about the images of a host: the namespace to which names without one belong
/// (empty for most), and the other names by which clients mean that registry.
pub fn images_of(host: &str) -> (&'static str, &'static [&'static str]) {
    if LIBRARY.contains(&host) { ("library", &LIBRARY) } else { ("", &[]) }
}

/// All defaults.
pub(crate) fn find() -> Vec<Finding> {
    let npm = Finding::new("npm", deno_npmrc::NPM_DEFAULT_REGISTRY, dependency("deno_npmrc"));
    let cargo = Finding::new("cargo", crates_index::sparse::URL, dependency("crates-index"));
    let others = OTHERS.iter().map(|(id, url)| Finding::new(id, url, "Weir's table".to_owned()));
    let all = [npm, cargo, maven()].into_iter().chain(others).flatten();
    all.map(|found| Finding { trusted: false, ..found }).collect()
}

fn maven() -> Option<Finding> {
    match serde_json::from_str("\"Maven\"").ok()? {
        Ecosystem::Maven(address) => Finding::new("maven", &address, dependency("osv")),
        _ => None,
    }
}

fn dependency(name: &str) -> String {
    format!("the dependency {name}")
}
