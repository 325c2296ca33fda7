//! The client against servers on this machine.

mod limits;
mod redirects;
mod retries;
mod secure;
mod server;
mod timeouts;
mod tokens;
mod transfer;

use std::time::Duration;

use crate::{Ask, Client, Document, Origin, Settings, UpstreamError, Whither};

/// Settings that fail fast.
fn quick() -> Settings {
    Settings {
        retries: 0,
        retry_base: Duration::from_millis(1),
        retry_max: Duration::from_millis(20),
        ..Settings::default()
    }
}

fn client(settings: Settings) -> Client {
    Client::new(settings).unwrap()
}

fn origin(base: &str) -> Origin {
    Origin::parse(base).unwrap().named("npm").trust()
}

async fn get(settings: Settings, base: &str, path: &str) -> Result<Document, UpstreamError> {
    client(settings).document(&origin(base), Ask::get(Whither::Path(path))).await
}
