//! What the tests stand on: clients, their runs, the gateway, and the registries before it.

mod clients;
mod gateway;
mod postgres;
mod proof;
mod run;
mod s3;
mod suite;
mod world;

pub(crate) use clients::{Client, client};
pub(crate) use gateway::{Gateway, Start, binary};
pub(crate) use postgres::{Authority, Postgres};
pub(crate) use proof::{Proof, proved};
pub(crate) use run::{Output, Run, empty};
pub(crate) use s3::Bucket;
pub(crate) use suite::{for_each_client, shown};
pub(crate) use world::{NEW, Settings, World, holds, recent};

/// An environment variable, `None` where it is unset or empty.
#[expect(clippy::disallowed_methods, reason = "tests ask where the clients and the gateway are")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The target folder in which this test stands.
pub(crate) fn target() -> std::path::PathBuf {
    let own = std::env::current_exe().unwrap();
    // target/debug/deps/e2e-0123456789abcdef
    own.ancestors().nth(3).expect("tests stand three folders deep").to_owned()
}
