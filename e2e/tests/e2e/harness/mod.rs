//! What the tests stand on: clients, their runs, the gateway, and the registries before it.

mod clients;
mod postgres;
mod proof;
mod run;
mod s3;
mod suite;
mod world;

pub(crate) use clients::{Client, client};
pub(crate) use postgres::{Authority, Postgres};
pub(crate) use proof::{Proof, proved};
pub(crate) use run::{Output, Run, empty};
pub(crate) use s3::Bucket;
pub(crate) use suite::{for_each_client, shown};
pub(crate) use weir_testkit::process::{Gateway, Start, binary, target, variable};
pub(crate) use world::{NEW, Settings, World, holds, recent};
