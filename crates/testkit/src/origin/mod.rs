//! Fixture origins: HTTP/1.1 servers on a free loopback port, whose answers a test programs, and
//! whose requests it reads afterwards.
//!
//! [`npm_registry`], [`pypi_index`], [`cargo_index`], [`maven_repository`], [`go_proxy`] and [`Images`] put whole small
//! registries on an origin, with archives that the real clients install. [`registry_behind`] puts one
//! before a real container registry.

mod answer;
mod archive;
mod body;
mod cargo;
mod debian;
mod go;
mod images;
mod maven;
mod npm;
mod packages;
mod pypi;
mod registry;
mod serve;
mod sumdb;
mod wire;

pub use answer::Answer;
pub use archive::{tar, tgz, zip};
pub use cargo::{CargoStyle, cargo_index};
pub use debian::{DebianArchive, DebianStyle, Forms, Sign, toy_sign, toy_verify};
pub use go::{GoStyle, go_database, go_database_key, go_proxy};
pub use images::{Image, Images, Piece, image_index, referrers};
pub use maven::{MavenStyle, maven_repository};
pub use npm::{NpmStyle, npm_registry};
pub use packages::{BuiltFile, Package, PackageRelease};
pub use pypi::{PypiForm, PypiStyle, pypi_index};
pub use registry::{TokenService, registry_behind};
pub use serve::{Origin, Seen};
pub use wire::Wire;

#[cfg(test)]
mod tests;
