//! What happened during a run, for the person who started it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use weir_core::{Code, Denial};
use weir_pipeline::{Event, Observer, Outcome};

use crate::observer::Telling;

/// How many entries of one kind are shown before the rest is only counted.
const SHOWN: usize = 8;

/// Sums up what the pipeline tells, and passes it on.
#[derive(Debug)]
pub(crate) struct Tally {
    telling: Arc<Telling>,
    seen: Mutex<Seen>,
}

/// Releases whose files were sent, and the bytes. A client may ask for a file in parts, or only
/// whether it has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Count {
    packages: BTreeSet<String>,
    bytes: u64,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    fetched: Count,
    cached: Count,
    listings: usize,
    /// Sentences of refusals, with the package URL that explains them.
    refused: BTreeMap<String, Option<String>>,
    /// By package: how many versions, and the sentence.
    withheld: BTreeMap<String, (usize, String)>,
    failed: BTreeSet<String>,
}

impl Tally {
    /// Passes on to this one.
    pub(crate) fn new(telling: Arc<Telling>) -> Self {
        Self { telling, seen: Mutex::default() }
    }

    /// A report with what has happened so far.
    pub(crate) fn told(&self, report: Report) -> Report {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Report { seen, ..report }
    }
}

impl Observer for Tally {
    fn event(&self, event: &Event<'_>) {
        self.telling.event(event);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).add(event);
    }

    fn upstream(&self, ecosystem: &'static str, seconds: f64, error: Option<&'static str>) {
        self.telling.upstream(ecosystem, seconds, error);
    }
}

impl Seen {
    fn add(&mut self, event: &Event<'_>) {
        match event.outcome {
            Outcome::Hit if event.artifact => self.cached.add(event),
            Outcome::Miss if event.artifact => self.fetched.add(event),
            Outcome::Hit | Outcome::Miss => {
                self.listings += 1;
                self.note(event);
            }
            Outcome::Refused(denial) => self.refuse(denial),
            // Clients try things out: what does not exist is no event.
            Outcome::Failed(denial) if denial.code == Code::NotFound => {}
            Outcome::Failed(denial) => {
                self.failed.insert(denial.sentence.clone());
            }
        }
    }

    fn note(&mut self, event: &Event<'_>) {
        let Some(notice) = event.notice.filter(|_| event.withheld > 0) else { return };
        let package = event.subject.map(ToString::to_string).unwrap_or_default();
        self.withheld.insert(package, (event.withheld, notice.to_owned()));
    }

    fn refuse(&mut self, denial: &Denial) {
        let subject = denial.subject.as_ref().map(ToString::to_string);
        self.refused.insert(denial.sentence.clone(), subject);
    }
}

impl Count {
    fn add(&mut self, event: &Event<'_>) {
        self.packages.insert(event.subject.map(ToString::to_string).unwrap_or_default());
        self.bytes += event.bytes.unwrap_or(0);
    }
}

/// Everything that is said at the end of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    seen: Seen,
    /// Lock files that a run which was killed had changed: as they were again.
    pub(crate) restored: Vec<String>,
    /// Lock files in which addresses became the registry's, and how many.
    pub(crate) rewritten: Vec<(String, usize)>,
    /// Lock files whose entries the client fetched elsewhere, and how many.
    pub(crate) bypassing: Vec<(String, usize)>,
    /// Sentences about what could not be done.
    pub(crate) notes: Vec<String>,
}

/// A label, how it is coloured, and its lines.
type Row = (&'static str, &'static str, Vec<String>);

const PLAIN: &str = "";
const YELLOW: &str = "\u{1b}[33m";
const RED: &str = "\u{1b}[31m";
const END: &str = "\u{1b}[0m";

impl Report {
    /// The text, each line ended; with `colour` for a terminal.
    pub(crate) fn text(&self, colour: bool) -> String {
        let rows = self.rows();
        let width = rows.iter().map(|(label, ..)| label.len()).max().unwrap_or(0);
        let mut text = String::new();
        for (label, paint, lines) in rows {
            for (index, line) in lines.iter().enumerate() {
                let start = if text.is_empty() { "weir:" } else { "     " };
                let label = format!("{:width$}", if index == 0 { label } else { "" });
                let paints = colour && !paint.is_empty();
                let label = if paints { format!("{paint}{label}{END}") } else { label };
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{start} {label}  {line}");
            }
        }
        text
    }

    fn rows(&self) -> Vec<Row> {
        let seen = &self.seen;
        let mut rows: Vec<Row> = Vec::new();
        let mut row = |label, paint, lines: Vec<String>| {
            if !lines.is_empty() {
                rows.push((label, paint, lines));
            }
        };
        let listings = counted(seen.listings, "listing");
        match (seen.fetched.packages.len(), seen.cached.packages.len()) {
            (0, 0) if seen.listings > 0 => {
                row("fetched", PLAIN, vec![format!("nothing; {listings} read")]);
            }
            (0, 0) if seen.refused.is_empty() && seen.failed.is_empty() => {
                row("idle", PLAIN, vec!["no package was asked for".to_owned()]);
            }
            // What was refused or failed was asked for, and stands below.
            (0, 0) => {}
            _ => {
                row("fetched", PLAIN, seen.fetched.line());
                row("from cache", PLAIN, seen.cached.line());
            }
        }
        row("refused", RED, seen.refusals());
        row("withheld", YELLOW, seen.withholdings());
        row("failed", RED, shown(seen.failed.iter().cloned().collect(), "failures"));
        row("past weir", YELLOW, self.bypassing.iter().map(bypassing).collect());
        let healed = self
            .restored
            .iter()
            .map(|file| format!("{file}: as it was before a run that was killed"));
        let files = healed.chain(self.rewritten.iter().map(rewritten)).collect();
        row("lock files", PLAIN, files);
        row("note", YELLOW, self.notes.clone());
        rows
    }
}

impl Count {
    fn line(&self) -> Vec<String> {
        match self.packages.len() {
            0 => Vec::new(),
            count => vec![format!("{}, {}", counted(count, "package"), size(self.bytes))],
        }
    }
}

impl Seen {
    fn refusals(&self) -> Vec<String> {
        let mut lines = shown(self.refused.keys().cloned().collect(), "refusals");
        if let Some(purl) = self.refused.values().flatten().next() {
            lines.push(format!("(more: weir explain {purl})"));
        }
        lines
    }

    fn withholdings(&self) -> Vec<String> {
        if self.withheld.is_empty() {
            return Vec::new();
        }
        let versions: usize = self.withheld.values().map(|(count, _)| count).sum();
        let packages = counted(self.withheld.len(), "package");
        let mut lines = vec![format!("{} of {packages}", counted(versions, "version"))];
        let notices = self.withheld.values().map(|(_, notice)| notice.clone()).collect();
        lines.extend(shown(notices, "packages"));
        lines
    }
}

fn bypassing((file, count): &(String, usize)) -> String {
    let files = counted(*count, "file");
    format!("{file} names {files} elsewhere, which the client fetches from there")
}

fn rewritten((file, count): &(String, usize)) -> String {
    match count {
        1 => format!("{file}: 1 address is the registry's again"),
        _ => format!("{file}: {count} addresses are the registry's again"),
    }
}

/// The first lines, and how many more there are.
fn shown(mut lines: Vec<String>, what: &str) -> Vec<String> {
    if lines.len() > SHOWN {
        let more = lines.len() - SHOWN;
        lines.truncate(SHOWN);
        lines.push(format!("and {more} more {what}"));
    }
    lines
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Bytes in the largest unit of a thousand: `48.2 MB`.
fn size(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / unit as f64),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use weir_core::Purl;

    use super::*;

    fn event(outcome: Outcome<'_>, artifact: bool, bytes: Option<u64>) -> Event<'_> {
        Event {
            ecosystem: "npm",
            mount: "npm",
            subject: None,
            artifact,
            withheld: 0,
            notice: None,
            outcome,
            bytes,
        }
    }

    #[test]
    fn a_run_is_summed_up_in_a_few_aligned_lines() {
        let mut seen = Seen::default();
        seen.add(&event(Outcome::Miss, true, Some(48_200_000)));
        seen.add(&event(Outcome::Hit, true, Some(900)));
        let purl = Purl::new("npm", "vite", None);
        let notice = "vite 7.1.0 withheld by cooldown (3 days) until 2026-11-24";
        let listing = event(Outcome::Miss, false, None);
        seen.add(&Event { withheld: 2, notice: Some(notice), subject: Some(&purl), ..listing });
        let mut denial = Denial::new(Code::BlockedByPolicies, "a 1.0.0 withheld by rule x");
        denial.subject = Some(Purl::new("npm", "a", Some("1.0.0")));
        for _ in 0..2 {
            seen.add(&event(Outcome::Refused(&denial), true, None));
        }
        let missing = Denial::new(Code::NotFound, "b was not found");
        seen.add(&event(Outcome::Failed(&missing), true, None));
        let report = Report {
            seen,
            restored: vec!["uv.lock".into()],
            rewritten: vec![("package-lock.json".into(), 310)],
            bypassing: vec![("yarn.lock".into(), 1)],
            notes: Vec::new(),
        };
        insta::assert_snapshot!(report.text(false), @r"
        weir: fetched     1 package, 48.2 MB
              from cache  1 package, 900 B
              refused     a 1.0.0 withheld by rule x
                          (more: weir explain pkg:npm/a@1.0.0)
              withheld    2 versions of 1 package
                          vite 7.1.0 withheld by cooldown (3 days) until 2026-11-24
              past weir   yarn.lock names 1 file elsewhere, which the client fetches from there
              lock files  uv.lock: as it was before a run that was killed
                          package-lock.json: 310 addresses are the registry's again
        ");
    }

    #[test]
    fn a_run_without_packages_says_so() {
        assert_eq!(Report::default().text(true), "weir: idle  no package was asked for\n");
        let failed = ["upstream is away".to_owned()].into();
        let report = Report { seen: Seen { failed, ..Seen::default() }, ..Report::default() };
        assert_eq!(report.text(false), "weir: failed  upstream is away\n");
    }

    #[test]
    fn only_labels_are_coloured_and_long_lists_are_cut() {
        let failed = (0..SHOWN + 3).map(|n| format!("failure {n:02}")).collect();
        let report = Report { seen: Seen { failed, ..Seen::default() }, ..Report::default() };
        let text = report.text(true);
        assert!(text.contains("\u{1b}[31mfailed\u{1b}[0m  failure 00\n"), "{text}");
        assert!(text.ends_with("  and 3 more failures\n"), "{text}");
        assert!(!report.text(false).contains('\u{1b}'));
    }

    #[test]
    fn sizes_are_for_people() {
        let read: Vec<String> = [0, 999, 1000, 48_249_000, 3_000_000_000].map(size).into();
        assert_eq!(read, ["0 B", "999 B", "1.0 kB", "48.2 MB", "3.0 GB"]);
    }
}
