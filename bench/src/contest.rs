//! Two servers and what both are asked for, over and over.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;

use crate::client::Ask;
use crate::duel::{self, Alike, Side, Terms};
use crate::load::Shape;
use crate::process::Process;
use crate::report::{Figure, Row};
use crate::world::World;

/// A debug build on a loaded machine stays below so many times the other one's CPU.
const COARSE: f64 = 100.0;

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacing {
    pub(crate) lasts: Duration,
    pub(crate) rounds: usize,
}

/// The server beside the gateway.
#[derive(Clone, Copy)]
pub(crate) struct Other<'a> {
    pub(crate) name: &'a str,
    pub(crate) process: &'a Process,
    pub(crate) address: SocketAddr,
}

/// Two servers and what both are asked for.
pub(crate) struct Contest<'a> {
    pub(crate) work: &'a str,
    pub(crate) other: Other<'a>,
    /// What the gateway is asked for, and the other one.
    pub(crate) asks: (Ask, Ask),
    pub(crate) status: u16,
    pub(crate) connections: usize,
    /// The lower bound of the ratio of rates.
    pub(crate) aim: f64,
    /// An upper bound of the gateway's CPU for a request, in microseconds.
    pub(crate) most: Option<f64>,
    /// What the two answers must have in common.
    pub(crate) alike: Alike,
}

impl<'a> Contest<'a> {
    /// The same bytes, over 16 connections.
    pub(crate) fn new(work: &'a str, other: Other<'a>, asks: (Ask, Ask), aim: f64) -> Self {
        let (status, connections, most, alike) = (200, 16, None, Alike::Bytes);
        Self { work, other, asks, status, connections, aim, most, alike }
    }

    /// Lets both answer in turn.
    pub(crate) fn rows(self, world: &World, pacing: Pacing) -> Result<Vec<Row>> {
        let Other { name, process, address } = self.other;
        let (ours, theirs) = self.asks;
        let weir = Side { process: &world.gateway, address: world.address, ask: ours };
        let other = Side { process, address, ask: theirs };
        let shape = Shape { connections: self.connections, lasts: pacing.lasts };
        let Self { status, alike, .. } = self;
        let terms = Terms { shape, rounds: pacing.rounds, status, alike };
        let outcome = duel::fight(&world.tools, (&weir, &other), terms)?;
        let mut rows = vec![Row::duel(self.work, name, &outcome, (self.aim, COARSE))];
        rows.extend(self.most.map(|most| {
            let figure = Figure::new(outcome.weir.cpu, "µs of CPU");
            Row::at_most(self.work, figure, (most, most * COARSE))
        }));
        Ok(rows)
    }
}

/// The contests whose work holds this text.
pub(crate) fn rows(
    contests: Vec<Contest<'_>>,
    world: &World,
    (pacing, only): (Pacing, &str),
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for contest in contests.into_iter().filter(|contest| contest.work.contains(only)) {
        rows.extend(contest.rows(world, pacing)?);
    }
    Ok(rows)
}
