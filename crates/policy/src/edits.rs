//! From judgements to what a listing shows.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use weir_core::{Edit, Edits};

use crate::judge::{Judgement, Refusal};
use crate::rules::UNREADABLE;
use crate::{Listing, sentence};

/// How many versions a notice names before it only counts.
const NAMED: usize = 5;

pub(crate) fn edits(listing: Listing, judged: &[Judgement]) -> Edits {
    let mut edits = Edits::new(judged.iter().map(|one| edit(listing, one)).collect());
    if let Some(rule) = only_rule(judged) {
        edits = edits.with_rule(rule);
    }
    match notice(judged) {
        Some(notice) => edits.with_notice(notice),
        None => edits,
    }
}

fn edit(listing: Listing, judgement: &Judgement) -> Edit {
    match judgement.refusal() {
        None => Edit::Keep,
        // What cannot be read cannot be marked.
        Some(refusal) if &*refusal.rule == UNREADABLE => Edit::Drop,
        Some(refusal) => match listing {
            Listing::Remove => Edit::Drop,
            Listing::Mark => Edit::Mark(refusal.sentence.as_str().into()),
        },
    }
}

/// The rule of all refusals, if they have one in common.
fn only_rule(judged: &[Judgement]) -> Option<&str> {
    let mut rules = judged.iter().filter_map(Judgement::refusal).map(|refusal| &*refusal.rule);
    let first = rules.next()?;
    rules.all(|rule| rule == first).then_some(first)
}

/// One sentence about everything that is withheld, files of one version counted once.
fn notice(judged: &[Judgement]) -> Option<String> {
    let mut seen = BTreeSet::new();
    let withheld: Vec<&Refusal> = judged
        .iter()
        .filter_map(Judgement::refusal)
        .filter(|refusal| seen.insert((&refusal.name, &refusal.version)))
        .collect();
    match withheld.as_slice() {
        [] => None,
        [one] => Some(one.sentence.clone()),
        [first, ..] => Some(several(first, &withheld)),
    }
}

fn several(first: &Refusal, withheld: &[&Refusal]) -> String {
    let one_name = withheld.iter().all(|refusal| refusal.name == first.name);
    let one_rule = withheld.iter().all(|refusal| refusal.by == first.by);
    let end = sentence::end(first);
    let one_end = one_rule && withheld.iter().all(|refusal| sentence::end(refusal) == end);
    let mut text = format!("{} versions", withheld.len());
    if one_name {
        let _ = write!(text, " of {}", first.name);
    }
    text.push_str(" withheld");
    if one_rule {
        let _ = write!(text, " {}", first.by);
    }
    if let Some(end) = end.filter(|_| one_end) {
        let _ = write!(text, " until {end}");
    }
    if let Some(reason) = first.reason.as_deref()
        && one_rule
        && withheld.iter().all(|refusal| refusal.reason == first.reason)
    {
        let _ = write!(text, " ({reason})");
    }
    let named = withheld.iter().take(NAMED).map(|refusal| {
        let mut text = String::new();
        if !one_name {
            let _ = write!(text, "{} ", refusal.name);
        }
        text.push_str(&refusal.version);
        if !one_rule {
            let _ = write!(text, " {}", refusal.by);
        }
        if let Some(end) = sentence::end(refusal).filter(|_| !one_end) {
            let _ = write!(text, " until {end}");
        }
        text
    });
    let _ = write!(text, ": {}", named.collect::<Vec<_>>().join(", "));
    if withheld.len() > NAMED {
        let _ = write!(text, " and {} more", withheld.len() - NAMED);
    }
    text
}
