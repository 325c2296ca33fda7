//! What it costs to make a listing: the first time, and when it is there.

use std::time::Duration;

use anyhow::Result;
use weir_testkit::origin::{Answer, Origin};

use crate::client::{self, Ask};
use crate::duel::micros;
use crate::fixtures;
use crate::report::{Figure, Row};
use crate::world::World;

/// Each is rendered once, so that ticks of the clock count little.
const PACKUMENTS: usize = 6;
const LENGTH: usize = 10_000_000;
/// Work that goes on after an answer ends within this time.
const SETTLE: Duration = Duration::from_millis(300);
/// The first row's name.
pub(crate) const WORK: &str = "first rendering of a 10 MB packument, with a cooldown";
const LATER: u32 = 200;

/// Puts the packuments on the npm registry.
pub(crate) fn fill(npm: &Origin) {
    for name in names() {
        let packument = fixtures::packument_of(&npm.url(), &name, LENGTH);
        npm.put(&name, Answer::ok(packument).media("application/json"));
    }
}

fn names() -> impl Iterator<Item = String> {
    (0..PACKUMENTS).map(|n| format!("rendered-{n}"))
}

/// The first rendering, over what nginx needs to pass the same document on; and later ones.
pub(crate) fn rows(world: &World) -> Result<Vec<Row>> {
    let each = |total: Duration| micros(total) / 1e3 / PACKUMENTS as f64;
    let relayed = cost(
        || world.nginx.cpu(),
        || {
            names().try_for_each(|name| {
                client::send(world.nginx_address, &Ask::get(format!("/relay/{name}")), b"")
                    .map(drop)
            })
        },
    )?;
    let rendered = cost(
        || world.gateway.cpu(),
        || {
            names().try_for_each(|name| {
                client::send(world.address, &Ask::get(format!("/npm/{name}")), b"").map(drop)
            })
        },
    )?;
    let later = cost(
        || world.gateway.cpu(),
        || {
            let ask = Ask::head("/npm/rendered-0");
            (0..LATER).try_for_each(|_| client::send(world.address, &ask, b"").map(drop))
        },
    )?;
    let (first, relay) = (each(rendered), each(relayed));
    let over = Figure {
        cpu: format!("{first:.1} · {relay:.1} ms, rendered · relayed by nginx"),
        ..Figure::new(first - relay, "ms of CPU over relaying it")
    };
    let later = Figure {
        cpu: "HEAD, a connection each".to_owned(),
        ..Figure::new(micros(later) / 1e3 / f64::from(LATER), "ms of CPU")
    };
    Ok(vec![
        Row::at_most(WORK, over, (60.0, 3000.0)),
        Row::at_most("later ones", later, (1.0, 20.0)),
    ])
}

/// The CPU time that a server needs for something, with what it does behind the answers.
fn cost(cpu: impl Fn() -> Result<Duration>, work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let before = cpu()?;
    work()?;
    std::thread::sleep(SETTLE);
    Ok(cpu()?.saturating_sub(before))
}
