//! How cost grows with packages, versions, clients and bytes: small tables for
//! `docs/performance.md`.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Result;
use weir_testkit::origin::{Answer, Origin};

use crate::client::{self, Ask};
use crate::duel::{self, Alike, Side, Terms, micros};
use crate::fixtures::{self, Version};
use crate::load::Shape;
use crate::memory;
use crate::report::number;
use crate::world::World;

const SIZES: [usize; 4] = [30_000, 300_000, 3_000_000, 30_000_000];
const LENGTHS: [usize; 4] = [30_000, 300_000, 3_000_000, 10_000_000];
const CLIENTS: [usize; 4] = [4, 16, 64, 256];
const PACKAGES: [usize; 3] = [10, 100, 1000];
const SECOND: Duration = Duration::from_secs(1);

/// Puts on the npm registry what the tables ask for.
pub(crate) fn fill(npm: &Origin) {
    let base = npm.url();
    for size in SIZES {
        let (name, file) = (format!("bytes-{size}"), fixtures::noise(size, size as u64));
        let versions = [Version::with_file("1.0.0", &file)];
        npm.put(&name, Answer::json(&fixtures::packument(&base, &name, &versions)));
        npm.put(&format!("{name}/-/{name}-1.0.0.tgz"), Answer::ok(file));
    }
    for length in LENGTHS {
        let name = format!("versions-{length}");
        let packument = fixtures::packument_of(&base, &name, length);
        npm.put(&name, Answer::ok(packument).media("application/json"));
    }
    let versions = [Version::with_file("1.0.0", b"")];
    for n in 0..PACKAGES.iter().sum() {
        let name = format!("package-{n}");
        npm.put(&name, Answer::json(&fixtures::packument(&base, &name, &versions)));
    }
}

/// The tables in Markdown.
pub(crate) fn tables(world: &World) -> Result<String> {
    Ok([packages(world)?, versions(world)?, clients(world)?, bytes(world)?].join("\n"))
}

fn packages(world: &World) -> Result<String> {
    let mut table = "| packages asked for | CPU for the first listing of each | anonymous memory after it |\n|---|---|---|\n".to_owned();
    let mut seen = 0;
    for count in PACKAGES {
        let cpu = cost(world, || {
            (seen..seen + count)
                .try_for_each(|n| get(world, &Ask::get(format!("/npm/package-{n}"))))
        })?;
        seen += count;
        let each = micros(cpu) / 1e3 / count as f64;
        let memory = memory::now(world.gateway.id());
        writeln!(table, "| {count} more | {} ms | {} MB |", number(each), number(memory))?;
    }
    Ok(table)
}

fn versions(world: &World) -> Result<String> {
    let mut table =
        "| packument | CPU for the first rendering | for an answer without body |\n|---|---|---|\n"
            .to_owned();
    for length in LENGTHS {
        let path = format!("/npm/versions-{length}");
        let first = cost(world, || get(world, &Ask::get(&*path)))?;
        let later = pace(world, Ask::head(path), 8)?;
        let (length, first) = (number(length as f64 / 1e6), number(micros(first) / 1e3));
        writeln!(table, "| {length} MB | {first} ms | {} µs |", number(later.cpu))?;
    }
    Ok(table)
}

fn clients(world: &World) -> Result<String> {
    let mut table = "| clients at once | answers a second | CPU for one | anonymous memory |\n|---|---|---|---|\n".to_owned();
    let ask = Ask::get("/npm/bytes-300000/-/bytes-300000-1.0.0.tgz");
    get(world, &ask)?;
    for clients in CLIENTS {
        let pace = pace(world, ask.clone(), clients)?;
        let (rate, cpu) = (number(pace.rate), number(pace.cpu));
        let memory = number(memory::now(world.gateway.id()));
        writeln!(table, "| {clients} | {rate} | {cpu} µs | {memory} MB |")?;
    }
    Ok(table)
}

fn bytes(world: &World) -> Result<String> {
    let mut table =
        "| artifact | CPU for the first request | for one from the cache |\n|---|---|---|\n"
            .to_owned();
    for size in SIZES {
        let ask = Ask::get(format!("/npm/bytes-{size}/-/bytes-{size}-1.0.0.tgz"));
        let first = cost(world, || get(world, &ask))?;
        // The second one is what puts a small file into memory.
        get(world, &ask)?;
        let later = pace(world, ask, 4)?;
        let (size, first) = (number(size as f64 / 1e6), number(micros(first) / 1e3));
        writeln!(table, "| {size} MB | {first} ms | {} µs |", number(later.cpu))?;
    }
    Ok(table)
}

fn pace(world: &World, ask: Ask, connections: usize) -> Result<duel::Pace> {
    let side = Side { process: &world.gateway, address: world.address, ask };
    let shape = Shape { connections, lasts: 2 * SECOND };
    duel::pace(&world.tools, &side, Terms { shape, rounds: 1, status: 200, alike: Alike::Bytes })
}

fn get(world: &World, ask: &Ask) -> Result<()> {
    client::send(world.address, ask, b"").map(drop)
}

/// The CPU time of the gateway for something, with what it does behind the answers.
fn cost(world: &World, work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let before = world.gateway.cpu()?;
    work()?;
    std::thread::sleep(SECOND / 2);
    Ok(world.gateway.cpu()?.saturating_sub(before))
}
