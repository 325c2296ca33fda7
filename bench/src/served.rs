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
const COARSE: f64 = 60.0;

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

/// All of them.
pub(crate) fn rows(world: &World, pacing: Pacing) -> Result<Vec<Row>> {
    let stage = Stage { world, pacing };
    let mut rows = stage.files()?;
    rows.extend(stage.listings()?);
    rows.extend(stage.small()?);
    rows.extend(stage.images()?);
    Ok(rows)
}

struct Stage<'a> {
    world: &'a World,
    pacing: Pacing,
}

impl Stage<'_> {
    fn files(&self) -> Result<Vec<Row>> {
        let file = |name: &str, version: &str| -> Result<(Ask, Ask)> {
            let ours = Ask::get(format!("/npm/blob/-/blob-{version}.tgz"));
            let bytes = self.get(&ours)?.body;
            self.world.publish(name, &bytes)?;
            Ok((ours, Ask::get(format!("/files/{name}"))))
        };
        let small = self.beside_nginx(file("small", "1.0.0")?, (200, 16))?;
        let large = self.beside_nginx(file("large", "2.0.0")?, (200, 4))?;
        Ok(vec![
            Row::duel("300 KB artifact", "nginx", &small, (1.2, COARSE)),
            Row::duel("64 MB artifact", "nginx", &large, (1.0, COARSE)),
        ])
    }

    fn listings(&self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for (name, coding, title, aim) in [
            ("listing", "identity", "130 KB listing", 0.9),
            ("listing", "gzip", "130 KB listing, gzip", 0.9),
            ("large", "identity", "10 MB listing", 1.2),
        ] {
            let asks = self.same_listing(name, coding)?;
            let outcome = self.beside_nginx(asks, (200, if name == "large" { 4 } else { 16 }))?;
            rows.push(Row::duel(title, "nginx", &outcome, (aim, COARSE)));
        }
        Ok(rows)
    }

    /// A listing of the gateway's, and the same bytes behind nginx's cache.
    fn same_listing(&self, name: &str, coding: &str) -> Result<(Ask, Ask)> {
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

    fn small(&self) -> Result<Vec<Row>> {
        let (listing, cached) = self.same_listing("listing", "identity")?;
        let file = Ask::get("/npm/blob/-/blob-1.0.0.tgz");
        let listing_304 = self.beside_nginx(self.unchanged(listing, cached)?, (304, 16))?;
        let file_304 = self.unchanged(file.clone(), Ask::get("/files/small"))?;
        let file_304 = self.beside_nginx(file_304, (304, 16))?;
        let heads = (Ask::head(file.path), Ask::head("/files/small"));
        let heads = self.beside_nginx(heads, (200, 8))?;
        let refusals = self.beside_nginx((Ask::get(REFUSED), Ask::get("/refused")), (403, 16))?;
        Ok(vec![
            Row::duel("304 of the 130 KB listing", "nginx", &listing_304, (1.0, COARSE)),
            Row::duel("304 of the 300 KB artifact", "nginx", &file_304, (1.0, COARSE)),
            Row::duel("HEAD of the 300 KB artifact", "nginx", &heads, (1.0, COARSE)),
            Row::duel("refusal of a withheld file", "nginx", &refusals, (1.0, COARSE)),
        ])
    }

    /// The same requests of clients that have the answer already.
    fn unchanged(&self, ours: Ask, theirs: Ask) -> Result<(Ask, Ask)> {
        let world = self.world;
        let tagged = |address: SocketAddr, ask: Ask| -> Result<Ask> {
            let reply = client::send(address, &ask, b"")?;
            let tag = reply.header("etag").context("no entity tag")?;
            Ok(ask.with("If-None-Match", tag))
        };
        Ok((tagged(world.address, ours)?, tagged(world.nginx_address, theirs)?))
    }

    fn images(&self) -> Result<Vec<Row>> {
        let world = self.world;
        let manifest = Ask::get(format!("/v2/{IMAGE}/manifests/{TAG}"))
            .with("Accept", "application/vnd.oci.image.manifest.v1+json");
        let blob = Ask::get(format!("/v2/{IMAGE}/blobs/{}", world.registry.layer));
        let mut rows = Vec::new();
        for (title, ask, most) in
            [("image manifest by tag", manifest, 60.0), ("image blob of 1 MiB", blob, 400.0)]
        {
            let weir = self.ours(ask.clone());
            let other =
                Side { process: &world.registry.process, address: world.registry.address, ask };
            let outcome = duel::fight(&world.tools, (&weir, &other), self.terms(200, 16))?;
            let figure =
                Figure { cpu: String::new(), ..Figure::new(outcome.weir.cpu, "µs of CPU") };
            rows.push(Row::duel(title, "docker-registry", &outcome, (3.0, COARSE)));
            rows.push(Row::at_most(title, figure, (most, most * COARSE)));
        }
        Ok(rows)
    }

    fn get(&self, ask: &Ask) -> Result<client::Reply> {
        // Twice: what is asked for again is a hit, and may be held in memory by then.
        client::send(self.world.address, ask, b"")?;
        std::thread::sleep(Duration::from_millis(200));
        client::send(self.world.address, ask, b"")
    }

    fn ours(&self, ask: Ask) -> Side<'_> {
        Side { process: &self.world.gateway, address: self.world.address, ask }
    }

    fn terms(&self, status: u16, connections: usize) -> Terms {
        let shape = Shape { connections, lasts: self.pacing.lasts };
        Terms { shape, rounds: self.pacing.rounds, status }
    }

    fn beside_nginx(
        &self,
        (ours, theirs): (Ask, Ask),
        (status, connections): (u16, usize),
    ) -> Result<duel::Outcome> {
        let world = self.world;
        let nginx = Side { process: &world.nginx, address: world.nginx_address, ask: theirs };
        duel::fight(&world.tools, (&self.ours(ours), &nginx), self.terms(status, connections))
    }
}
