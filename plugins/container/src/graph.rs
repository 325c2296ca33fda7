//! From recorded steps to the ways that lead to a piece of content: tag → index → image → layer.

use std::collections::HashMap;

use weir_core::{Digest, Listed, Timestamp};

use crate::paths;

/// Steps of the longest way: a tag, an index of indexes, an index, an image, a layer.
const DEPTH: usize = 5;
/// The most ways to one piece of content that are looked at, those recorded last first.
const WAYS: usize = 256;
/// The most steps that are taken to find them.
const TAKEN: usize = 10_000;

/// A way to a piece of content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// Where it begins: a tag, or a digest that nothing is known to lead to.
    pub(crate) version: String,
    /// The digests on the way, the content itself last unless the way begins with it.
    pub(crate) chain: Vec<String>,
    /// The latest date that something on the way claims for itself.
    pub(crate) created: Option<Timestamp>,
}

impl Way {
    pub(crate) fn to(version: &str) -> Self {
        Self { version: version.to_owned(), chain: Vec::new(), created: None }
    }

    /// What lists the end of the way.
    pub(crate) fn image(&self) -> &str {
        match self.chain.len() {
            0 | 1 => &self.version,
            length => &self.chain[length - 2],
        }
    }

    /// The way one step further.
    pub(crate) fn on(mut self, to: &str, created: Option<Timestamp>) -> Self {
        self.chain.push(to.to_owned());
        self.created = self.created.max(created);
        self
    }
}

/// The recorded steps by where they lead.
struct Steps<'a>(HashMap<&'a str, Vec<&'a Listed>>);

/// The ways to a digest. Without any recorded step to it, it is its own beginning.
pub(crate) fn ways(steps: &[Listed], to: &Digest) -> Vec<Way> {
    let to = to.to_string();
    let found = linked(steps, &to);
    if found.is_empty() { vec![Way::to(&to)] } else { found }
}

/// The ways to a digest over at least one recorded step.
pub(crate) fn linked(steps: &[Listed], to: &str) -> Vec<Way> {
    let mut by_end: HashMap<&str, Vec<&Listed>> = HashMap::new();
    for step in steps {
        let beginnings = by_end.entry(&*step.file).or_default();
        if beginnings.iter().all(|known| known.release != step.release) {
            beginnings.push(step);
        }
    }
    let steps = Steps(by_end);
    let mut budget = TAKEN;
    if steps.0.contains_key(to) { steps.climb(to, DEPTH, &mut budget) } else { Vec::new() }
}

impl Steps<'_> {
    fn climb(&self, to: &str, depth: usize, budget: &mut usize) -> Vec<Way> {
        let mut ways = Vec::new();
        for step in self.0.get(to).into_iter().flatten() {
            *budget = budget.saturating_sub(1);
            let from = step.release.version.as_str();
            let begins = paths::digest(from).is_none() || !self.0.contains_key(from);
            let before = match depth {
                _ if begins => vec![Way::to(from)],
                0 => Vec::new(),
                _ => self.climb(from, depth - 1, budget),
            };
            ways.extend(before.into_iter().map(|way| way.on(to, step.published)));
            if ways.len() >= WAYS || *budget == 0 {
                break;
            }
        }
        ways.truncate(WAYS);
        ways
    }
}

#[cfg(test)]
mod tests {
    use weir_core::{Algorithm, Coordinates};

    use super::*;

    fn digest(text: &str) -> String {
        Digest::of(Algorithm::Sha256, text.as_bytes()).to_string()
    }

    fn step(from: &str, to: &str, at: Option<i64>) -> Listed {
        Listed {
            release: Coordinates::new("demo", from),
            file: to.into(),
            digest: to.parse().ok(),
            size: None,
            published: at.map(Timestamp::from_millis),
        }
    }

    #[test]
    fn a_layer_is_reached_over_every_image_that_lists_it() {
        let (index, image, other, layer) =
            (digest("index"), digest("image"), digest("other"), digest("layer"));
        let steps = [
            step(&image, &layer, Some(5)),
            step(&other, &layer, None),
            step(&index, &image, Some(7)),
            step("1.0", &index, None),
            step("latest", &index, None),
        ];
        let way = |version: &str, chain: &[&String], created: Option<i64>| Way {
            version: version.into(),
            chain: chain.iter().map(ToString::to_string).collect(),
            created: created.map(Timestamp::from_millis),
        };
        let found = ways(&steps, &layer.parse().unwrap());
        assert_eq!(
            found,
            [
                way("1.0", &[&index, &image, &layer], Some(7)),
                way("latest", &[&index, &image, &layer], Some(7)),
                way(&other, &[&layer], None),
            ]
        );
    }

    #[test]
    fn what_nothing_leads_to_is_its_own_beginning_and_has_no_link() {
        let lone = digest("lone");
        assert_eq!(ways(&[], &lone.parse().unwrap()), [Way::to(&lone)]);
        assert_eq!(linked(&[], &lone), []);
    }

    #[test]
    fn the_ways_are_bounded() {
        let digests: Vec<String> = (0..6).map(|n| digest(&n.to_string())).collect();
        let mut steps = Vec::new();
        for pair in digests.windows(2) {
            steps.extend((0..300).map(|_| step(&pair[0], &pair[1], None)));
        }
        assert!(linked(&steps, &digests[5]).len() <= WAYS);
    }
}
