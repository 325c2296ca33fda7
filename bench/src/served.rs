//! Answers from the cache, beside nginx and docker-registry.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use weir_testkit::origin::{Answer, Origin};

use crate::client::{self, Ask};
use crate::duel::{self, Side, Terms};
use crate::fixtures::{self, Version};
use crate::load::Shape;
use crate::registry::{IMAGE, TAG};
use crate::report::{Figure, Row};
use crate::world::{REFUSED, World};

const SMALL: usize = 300_000;
const LARGE: usize = 64 << 20;
const LISTING: usize = 130_000;
const LARGE_LISTING: usize = 10_000_000;
/// A debug build on a loaded machine stays below so many times nginx's CPU.
const COARSE: f64 = 100.0;

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacing {
    pub(crate) lasts: Duration,
    pub(crate) rounds: usize,
}

/// Puts on the npm registry what these rows ask for.
pub(crate) fn fill(npm: &Origin) {
    let base = npm.url();
    let small = fixtures::noise(SMALL, 1);
    let large = fixtures::noise(LARGE, 2);
    let versions = [Version::with_file("1.0.0", &small), Version::with_file("2.0.0", &large)];
    npm.put("blob", Answer::json(&fixtures::packument(&base, "blob", &versions)));
    npm.put("blob/-/blob-1.0.0.tgz", Answer::ok(small.clone()));
    npm.put("blob/-/blob-2.0.0.tgz", Answer::ok(large));
    let banned = [Version::with_file("1.0.0", &small)];
    npm.put("banned", Answer::json(&fixtures::packument(&base, "banned", &banned)));
    for (name, length) in [("listing", LISTING), ("large", LARGE_LISTING)] {
        let packument = fixtures::packument_of(&base, name, length);
        npm.put(name, Answer::ok(packument).media("application/json"));
    }
}

/// The rows whose work holds this text.
pub(crate) fn rows(world: &World, pacing: Pacing, only: &str) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for contest in (Stage { world }).contests()? {
        if contest.work.contains(only) {
            rows.extend(contest.rows(world, pacing)?);
        }
    }
    Ok(rows)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nginx,
    DockerRegistry,
}

/// Two servers and what both are asked for.
struct Contest {
    work: &'static str,
    beside: Beside,
    /// What the gateway is asked for, and the other one.
    asks: (Ask, Ask),
    status: u16,
    connections: usize,
    /// The lower bound of the ratio of rates.
    aim: f64,
    /// An upper bound of the gateway's CPU for a request, in microseconds.
    most: Option<f64>,
}

impl Contest {
    fn beside_nginx(work: &'static str, asks: (Ask, Ask), aim: f64) -> Self {
        let (beside, status, connections, most) = (Beside::Nginx, 200, 16, None);
        Self { work, beside, asks, status, connections, aim, most }
    }

    fn rows(self, world: &World, pacing: Pacing) -> Result<Vec<Row>> {
        let (name, process, address) = match self.beside {
            Beside::Nginx => ("nginx", &world.nginx, world.nginx_address),
            Beside::DockerRegistry => {
                ("docker-registry", &world.registry.process, world.registry.address)
            }
        };
        let (ours, theirs) = self.asks;
        let weir = Side { process: &world.gateway, address: world.address, ask: ours };
        let other = Side { process, address, ask: theirs };
        let shape = Shape { connections: self.connections, lasts: pacing.lasts };
        let terms = Terms { shape, rounds: pacing.rounds, status: self.status };
        let outcome = duel::fight(&world.tools, (&weir, &other), terms)?;
        let mut rows = vec![Row::duel(self.work, name, &outcome, (self.aim, COARSE))];
        rows.extend(self.most.map(|most| {
            let figure = Figure::new(outcome.weir.cpu, "µs of CPU");
            Row::at_most(self.work, figure, (most, most * COARSE))
        }));
        Ok(rows)
    }
}

/// Fills caches and says what is asked for.
struct Stage<'a> {
    world: &'a World,
}

impl Stage<'_> {
    fn contests(&self) -> Result<Vec<Contest>> {
        let (small, large) = (self.file("small", "1.0.0")?, self.file("large", "2.0.0")?);
        let listing = self.listing("listing", "identity")?;
        let packed = self.listing("listing", "gzip")?;
        let long = self.listing("large", "identity")?;
        let listing_304 = self.unchanged(&listing)?;
        let file_304 = self.unchanged(&small)?;
        let heads = (Ask::head(&*small.0.path), Ask::head(&*small.1.path));
        let refusals = (Ask::get(REFUSED), Ask::get("/refused"));
        let nginx = Contest::beside_nginx;
        let unchanged = |contest| Contest { status: 304, ..contest };
        let few = |contest| Contest { connections: 4, ..contest };
        let mut contests = vec![
            nginx("300 KB artifact", small, 1.2),
            few(nginx("64 MB artifact", large, 1.0)),
            nginx("130 KB listing", listing, 0.9),
            nginx("130 KB listing, gzip", packed, 0.9),
            few(nginx("10 MB listing", long, 1.2)),
            unchanged(nginx("304 of the 130 KB listing", listing_304, 1.0)),
            unchanged(nginx("304 of the 300 KB artifact", file_304, 1.0)),
            Contest { connections: 8, ..nginx("HEAD of the 300 KB artifact", heads, 1.0) },
            Contest { status: 403, ..nginx("refusal of a withheld file", refusals, 1.0) },
        ];
        contests.extend(self.images());
        Ok(contests)
    }

    /// A file in the gateway's cache, and the same one where nginx finds it.
    fn file(&self, name: &str, version: &str) -> Result<(Ask, Ask)> {
        let ours = Ask::get(format!("/npm/blob/-/blob-{version}.tgz"));
        self.world.publish(name, &self.get(&ours)?.body)?;
        Ok((ours, Ask::get(format!("/files/{name}"))))
    }

    /// A listing of the gateway's, and the same bytes behind nginx's cache.
    fn listing(&self, name: &str, coding: &str) -> Result<(Ask, Ask)> {
        let ours = Ask::get(format!("/npm/{name}")).with("Accept-Encoding", coding);
        let reply = self.get(&ours)?;
        let mut answer = Answer::ok(reply.body.clone()).media("application/json");
        answer = answer.etag(reply.header("etag").context("a listing without an entity tag")?);
        if let Some(coding) = reply.header("content-encoding") {
            answer = answer.header("content-encoding", coding);
        }
        let path = format!("same/{name}-{coding}");
        self.world.npm.put(&path, answer);
        Ok((ours, Ask::get(format!("/{path}")).with("Accept-Encoding", coding)))
    }

    /// The same requests of clients that have the answer already.
    fn unchanged(&self, (ours, theirs): &(Ask, Ask)) -> Result<(Ask, Ask)> {
        let tagged = |address: SocketAddr, ask: &Ask| -> Result<Ask> {
            let reply = client::send(address, ask, b"")?;
            let tag = reply.header("etag").context("no entity tag")?;
            Ok(ask.clone().with("If-None-Match", tag))
        };
        Ok((tagged(self.world.address, ours)?, tagged(self.world.nginx_address, theirs)?))
    }

    fn images(&self) -> [Contest; 2] {
        let manifest = Ask::get(format!("/v2/{IMAGE}/manifests/{TAG}"))
            .with("Accept", "application/vnd.oci.image.manifest.v1+json");
        let blob = Ask::get(format!("/v2/{IMAGE}/blobs/{}", self.world.registry.layer));
        let works =
            [("image manifest by tag", manifest, 60.0), ("image blob of 1 MiB", blob, 400.0)];
        works.map(|(work, ask, most)| Contest {
            beside: Beside::DockerRegistry,
            most: Some(most),
            ..Contest::beside_nginx(work, (ask.clone(), ask), 3.0)
        })
    }

    fn get(&self, ask: &Ask) -> Result<client::Reply> {
        // Twice: what is asked for again is a hit, and may be held in memory by then.
        client::send(self.world.address, ask, b"")?;
        std::thread::sleep(Duration::from_millis(200));
        client::send(self.world.address, ask, b"")
    }
}
