//! Two servers with the same bytes, in turn.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::client::{self, Ask};
use crate::load::{self, Shape};
use crate::process::Process;
use crate::world::Tools;

/// One of the two.
pub(crate) struct Side<'a> {
    pub(crate) process: &'a Process,
    pub(crate) address: SocketAddr,
    pub(crate) ask: Ask,
}

/// What one side did in one round, or in the middle of all.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Pace {
    /// Requests a second.
    pub(crate) rate: f64,
    /// Microseconds of CPU that the server used for a request.
    pub(crate) cpu: f64,
}

/// Both sides' medians over all rounds.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) weir: Pace,
    pub(crate) other: Pace,
    /// Median of the rounds' ratios of rates.
    pub(crate) ratio: f64,
    /// Median of the rounds' ratios of CPU a request.
    pub(crate) cpu_ratio: f64,
    rounds: Vec<(Pace, Pace)>,
}

/// How the two are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) shape: Shape,
    pub(crate) rounds: usize,
    /// The status that both answer with.
    pub(crate) status: u16,
    pub(crate) alike: Alike,
}

/// What two answers must have in common before their servers are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alike {
    /// Every byte, their coding and length.
    Bytes,
    /// What this reads: listings hold the address of the server that wrote them.
    Content(fn(&[u8]) -> Result<String>),
}

/// Checks that both sides give the same status and bytes, then lets them answer in turn.
pub(crate) fn fight(
    tools: &Tools,
    (weir, other): (&Side<'_>, &Side<'_>),
    terms: Terms,
) -> Result<Outcome> {
    agree(weir, other, terms)?;
    let mut rounds = Vec::new();
    for round in 0..terms.rounds {
        // Whoever comes second finds caches as the first one left them: they take turns in that too.
        let (first, second) = if round % 2 == 0 { (weir, other) } else { (other, weir) };
        let (one, two) = (pace(tools, first, terms)?, pace(tools, second, terms)?);
        rounds.push(if round % 2 == 0 { (one, two) } else { (two, one) });
    }
    let middle = |of: &dyn Fn(&(Pace, Pace)) -> f64| median(rounds.iter().map(of).collect());
    Ok(Outcome {
        weir: Pace { rate: middle(&|r| r.0.rate), cpu: middle(&|r| r.0.cpu) },
        other: Pace { rate: middle(&|r| r.1.rate), cpu: middle(&|r| r.1.cpu) },
        ratio: middle(&|r| r.0.rate / r.1.rate),
        cpu_ratio: middle(&|r| r.0.cpu / r.1.cpu),
        rounds,
    })
}

/// Whether both answer alike.
fn agree(weir: &Side<'_>, other: &Side<'_>, terms: Terms) -> Result<()> {
    let status = terms.status;
    let answers = [weir, other].map(|side| client::send(side.address, &side.ask, b""));
    let [ours, theirs] = answers;
    let (ours, theirs) = (ours?, theirs?);
    let path = &weir.ask.path;
    if ours.status != status || theirs.status != status {
        let [ours, theirs] = [ours.summary(), theirs.summary()];
        bail!("{path}: where {status} was expected: {ours}; and: {theirs}");
    }
    if let Alike::Content(read) = terms.alike {
        let [ours, theirs] = [read(&ours.body)?, read(&theirs.body)?];
        if ours != theirs {
            bail!("{path}: {ours} against {theirs}");
        }
        return Ok(());
    }
    if ours.sha256() != theirs.sha256() {
        bail!("{path}: {} bytes against {} others", ours.body.len(), theirs.body.len());
    }
    let compared: &[&str] = match status {
        304 => &[],
        _ => &["content-encoding", "content-length"],
    };
    for name in compared {
        if ours.header(name) != theirs.header(name) {
            bail!("{path}: {name} {:?} against {:?}", ours.header(name), theirs.header(name));
        }
    }
    Ok(())
}

/// What one side does alone.
pub(crate) fn pace(tools: &Tools, side: &Side<'_>, terms: Terms) -> Result<Pace> {
    let before = side.process.cpu()?;
    let refused = terms.status >= 400;
    let answered = load::run(&tools.wrk, side.address, &side.ask, (terms.shape, refused))?;
    let cpu = side.process.cpu()?.checked_sub(before).context("CPU time went back")?;
    let requests = answered.requests as f64;
    Ok(Pace { rate: requests / answered.within.as_secs_f64(), cpu: micros(cpu) / requests })
}

pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[odd / 2],
        even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    }
}
