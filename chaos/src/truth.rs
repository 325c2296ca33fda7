//! What is right: the registries' own files, and listings as a gateway writes them on a good day.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use bytes::Bytes;
use weir_testkit::process::{Gateway, Start};

use crate::client::{Ask, End, ask};
use crate::names::Names;
use crate::things::{Kind, Thing};
use crate::world::World;

/// Everything that may be asked for, and the bodies that are right.
#[derive(Debug)]
pub(crate) struct Truth {
    pub(crate) things: Vec<Thing>,
    pub(crate) names: Arc<Names>,
    bodies: Vec<Vec<Bytes>>,
    tags: Vec<Option<String>>,
}

impl Truth {
    /// Asks gateways with empty stores, one for each state of the registries, on a good day.
    pub(crate) async fn learn(world: &World, folder: &Path) -> Result<Self> {
        let things = world.things.clone();
        let (bodies, tags) = (vec![Vec::new(); things.len()], vec![None; things.len()]);
        let names = Arc::new(Names::new(things.len()));
        let mut truth = Self { things, names, bodies, tags };
        for later in [false, true] {
            world.turn(later);
            let folder = folder.join(if later { "later" } else { "before" });
            std::fs::create_dir_all(&folder)?;
            let start = Start { config: world.config(), ..Start::default() };
            let gateway = Gateway::start(&folder, &start);
            for thing in 0..truth.things.len() {
                truth.learn_one(&gateway, thing, later).await?;
            }
        }
        Ok(truth)
    }

    async fn learn_one(&mut self, gateway: &Gateway, at: usize, later: bool) -> Result<()> {
        let thing = &self.things[at];
        let mut get = Ask::get(&thing.path);
        get.headers.extend(thing.accept.map(|accept| ("accept", accept.to_owned())));
        let Some(got) = ask(gateway.port, &get).await else {
            bail!("{}: no answer:\n{}", thing.path, gateway.log());
        };
        let withheld = thing.withheld && matches!(got.status, 403 | 404);
        let absent = thing.passing && !later && got.status == 404;
        if withheld || absent {
            return Ok(());
        }
        if got.status != 200 || got.end != End::Whole {
            bail!("{}: {got:?} on a good day:\n{}", thing.path, gateway.log());
        }
        if thing.shows_withheld(&got.body) {
            let body = String::from_utf8_lossy(&got.body);
            bail!("{}: shows what is withheld on a good day:\n{body}", thing.path);
        }
        if thing.kind == Kind::File && thing.bytes.as_ref().is_none_or(|bytes| *bytes != got.body) {
            bail!("{}: not the registry's bytes on a good day", thing.path);
        }
        self.tags[at] = got.header("etag").map(ToOwned::to_owned);
        let body = Bytes::from(got.body);
        if !self.bodies[at].contains(&body) {
            self.bodies[at].push(body);
        }
        Ok(())
    }

    /// Whether a body is right.
    pub(crate) fn is(&self, thing: usize, body: &[u8]) -> bool {
        self.bodies(thing).any(|known| known == body)
    }

    /// The bodies that are right at some time.
    pub(crate) fn bodies(&self, thing: usize) -> impl Iterator<Item = &[u8]> {
        self.bodies[thing].iter().map(AsRef::as_ref)
    }

    /// The entity tag of the last body.
    pub(crate) fn tag(&self, thing: usize) -> Option<&str> {
        self.tags[thing].as_deref()
    }
}
