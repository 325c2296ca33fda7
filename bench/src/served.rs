//! Answers from the cache, beside nginx and docker-registry.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use weir_testkit::origin::{Answer, Origin};

use crate::client::{self, Ask};
use crate::contest::{Contest, Other};
use crate::fixtures::{self, Version};
use crate::registry::{IMAGE, Registry, TAG};
use crate::world::{REFUSED, World};

const SMALL: usize = 300_000;
const LARGE: usize = 64 << 20;
const LISTING: usize = 130_000;
const LARGE_LISTING: usize = 10_000_000;
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

/// The contests with nginx and docker-registry.
pub(crate) fn contests(world: &World) -> Result<Vec<Contest<'_>>> {
    Stage { world }.contests()
}

/// Fills caches and says what is asked for.
struct Stage<'a> {
    world: &'a World,
}

impl<'a> Stage<'a> {
    fn contests(&self) -> Result<Vec<Contest<'a>>> {
        let (small, large) = (self.file("small", "1.0.0")?, self.file("large", "2.0.0")?);
        let listing = self.listing("listing", "identity")?;
        let packed = self.listing("listing", "gzip")?;
        let long = self.listing("large", "identity")?;
        let listing_304 = self.unchanged(&listing)?;
        let file_304 = self.unchanged(&small)?;
        let heads = (Ask::head(&*small.0.path), Ask::head(&*small.1.path));
        let refusals = (Ask::get(REFUSED), Ask::get("/refused"));
        let World { nginx, nginx_address: address, .. } = self.world;
        let beside = Other { name: "nginx", process: nginx, address: *address };
        let nginx = |work, asks, aim| Contest::new(work, beside, asks, aim);
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
        self.world.origins.npm.put(&path, answer);
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

    fn images(&self) -> [Contest<'a>; 2] {
        let Registry { process, address, layer } = &self.world.origins.registry;
        let other = Other { name: "docker-registry", process, address: *address };
        let manifest = Ask::get(format!("/v2/{IMAGE}/manifests/{TAG}"))
            .with("Accept", "application/vnd.oci.image.manifest.v1+json");
        let blob = Ask::get(format!("/v2/{IMAGE}/blobs/{layer}"));
        let works =
            [("image manifest by tag", manifest, 60.0), ("image blob of 1 MiB", blob, 400.0)];
        works.map(|(work, ask, most)| Contest {
            most: Some(most),
            ..Contest::new(work, other, (ask.clone(), ask), 3.0)
        })
    }

    fn get(&self, ask: &Ask) -> Result<client::Reply> {
        client::warm(self.world.address, ask)
    }
}
