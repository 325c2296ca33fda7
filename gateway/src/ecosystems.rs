//! The table of plugins: the only place that names them.

use std::sync::Arc;

use weir_core::Ecosystem;

/// The cargo features that switch plugins on, each named like its ecosystem.
pub(crate) const FEATURES: [&str; 7] =
    ["npm", "pypi", "cargo", "container", "debian", "maven", "go"];

/// The plugins that this binary was built with, in the order in which they are shown.
pub(crate) fn all() -> Vec<Arc<dyn Ecosystem>> {
    vec![
        #[cfg(feature = "npm")]
        Arc::new(weir_npm::Npm),
        #[cfg(feature = "pypi")]
        Arc::new(weir_pypi::Pypi),
        #[cfg(feature = "cargo")]
        Arc::new(weir_cargo::Cargo),
        #[cfg(feature = "container")]
        Arc::new(weir_container::Container),
        #[cfg(feature = "debian")]
        Arc::new(weir_debian::Debian),
        #[cfg(feature = "maven")]
        Arc::new(weir_maven::Maven),
        #[cfg(feature = "go")]
        Arc::new(weir_go::Go),
    ]
}

/// The plugin of an ecosystem, by its id.
pub(crate) fn find(id: &str) -> Option<Arc<dyn Ecosystem>> {
    all().into_iter().find(|ecosystem| ecosystem.describe().id == id)
}
