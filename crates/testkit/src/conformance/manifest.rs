//! Laws of listings: what is kept stays, what is dropped is gone, and nothing else changes.

use std::collections::BTreeSet;

use weir_core::{Edit, Release, Target};

use super::random::hash;
use super::suite::Subject;
use super::{Answers, Driver, Judge, Written, links};

/// So many random sets of edits are tried.
const SUBSETS: u64 = 24;
const MARK: &str = "withheld by cooldown (3 days) until 2026-11-24";

type Pairs = BTreeSet<(String, String)>;
type Rows = Vec<(String, String, Option<String>)>;

pub(super) fn check(subject: &Subject<'_>) {
    let releases = subject.must(subject.driver().read(&subject.target), "a listing is read");
    expected(subject, &releases);
    keeps_everything(subject, &releases);
    if matches!(subject.target, Target::Local(_)) {
        return;
    }
    edited(subject, &releases, &|_| Edit::Drop);
    for seed in 0..SUBSETS {
        edited(subject, &releases, &|release| random_edit(subject, seed, release));
    }
    monotone(subject, &releases);
}

fn expected(subject: &Subject<'_>, releases: &[Release<'_>]) {
    let Some(expected) = &subject.case.lists else { return };
    let found: Vec<_> =
        releases.iter().map(|r| (r.name.to_string(), r.version.to_string())).collect();
    subject.require(found == *expected, "read lists the case's releases", || format!("{found:?}"));
}

/// Keep-all changes nothing but links.
fn keeps_everything(subject: &Subject<'_>, releases: &[Release<'_>]) {
    const LAW: &str = "keep-all changes nothing but links";
    let driver = subject.driver();
    let written = write(subject, &driver);
    check_output(subject, &driver, &written, releases);
    let whole = releases.iter().all(|release| release.unreadable.is_none());
    let Some(key) = subject.case.reads_back.as_ref().filter(|_| subject.case.same_format && whole)
    else {
        return;
    };
    let original = subject.case.answers.get(key).map(weir_core::Doc::bytes);
    let original = subject.must(original.ok_or("no such document in the case"), LAW);
    let normal = |bytes: &[u8]| match subject.case.normalize {
        Some(strip) => strip(bytes),
        None => bytes.to_vec(),
    };
    let (original, output) = (normal(original), normal(&written.bytes));
    if let Some(at) = links::first_difference(&original, &output, &subject.cx.base) {
        let end = original.len().min(at + 120);
        let near = String::from_utf8_lossy(&original[at.saturating_sub(40)..end]).into_owned();
        subject.broken(LAW, format!("it differs at byte {at} of {key}, near {near:?}"));
    }
}

/// A deterministic decision, so that a document and those that name it by hash agree.
fn random_edit(subject: &Subject<'_>, seed: u64, release: &Release<'_>) -> Edit {
    let file = release.file.as_deref().filter(|_| seed % 2 == 1 && !subject.case.by_version);
    let marks = subject.plugin.describe().marks && !subject.case.no_marks;
    match hash(seed, &[&release.name, &release.version, file.unwrap_or("")]) % 5 {
        0 | 1 => Edit::Drop,
        2 if marks => Edit::Mark(MARK.into()),
        _ => Edit::Keep,
    }
}

/// `read(write(edits)) == filter(read, edits)`, by the plugin itself and by a second parser.
fn edited(subject: &Subject<'_>, releases: &[Release<'static>], judge: &Judge<'_>) {
    const LAW: &str = "read(write(edits)) == filter(read, edits)";
    let driver = subject.driver_with(&subject.case.answers, judge);
    let kept: Vec<Release<'_>> =
        releases.iter().filter(|release| driver.edit(release) != Edit::Drop).cloned().collect();
    let refuses = subject.case.refused_when_empty || subject.plugin.describe().refuse_empty;
    let written = match driver.write(&subject.target) {
        Ok(written) => written,
        Err(_) if kept.is_empty() && refuses => return,
        Err(fault) => subject.broken("edits can be written", fault),
    };
    check_output(subject, &driver, &written, &kept);
    let Some(key) = &subject.case.reads_back else { return };
    let answers = subject.case.answers.with_output(key, &written.bytes);
    let again = subject.driver_with(&answers, judge);
    let back = subject.must(again.read(&subject.target), LAW);
    subject.require(rows(&back) == rows(&kept), LAW, || {
        format!("kept {:?}, read back {:?}", rows(&kept), rows(&back))
    });
    marks_read_back(subject, &driver, &kept, &back);
    idempotent(subject, &again, &written);
}

/// A mark reads back as yanked with our sentence; what was only kept reads back as it was.
fn marks_read_back(
    subject: &Subject<'_>,
    driver: &Driver<'_>,
    kept: &[Release<'_>],
    back: &[Release<'_>],
) {
    for before in kept {
        let same = |after: &&Release<'_>| row(after) == row(before);
        let yanked = back.iter().find(same).and_then(|after| after.yanked.as_deref());
        let (holds, law) = match driver.edit(before) {
            Edit::Mark(_) if subject.case.silent_marks => {
                (yanked.is_some(), "a mark reads back as yanked")
            }
            Edit::Mark(sentence) => {
                (yanked == Some(&*sentence), "a mark reads back as yanked with our sentence")
            }
            _ => (yanked == before.yanked.as_deref(), "an edit leaves other releases' marks alone"),
        };
        subject.require(holds, law, || format!("{:?} reads back as {yanked:?}", row(before)));
    }
}

/// `write(write(x)) == write(x)`.
fn idempotent(subject: &Subject<'_>, again: &Driver<'_>, written: &Written) {
    if !subject.case.same_format {
        return;
    }
    let twice = write(subject, again);
    subject.require(twice.bytes == written.bytes, "write is idempotent", || {
        format!(
            "once:\n{}\ntwice:\n{}",
            String::from_utf8_lossy(&written.bytes),
            String::from_utf8_lossy(&twice.bytes)
        )
    });
}

/// Keeping one more release never takes another away.
fn monotone(subject: &Subject<'_>, releases: &[Release<'static>]) {
    let Some(parse) = subject.case.parse else { return };
    for seed in 0..SUBSETS / 4 {
        let fewer = |release: &Release<'_>| random_edit(subject, 2 * seed, release);
        let chosen = hash(seed, &["more"]) as usize % releases.len().max(1);
        let Some(extra) = releases.get(chosen) else { return };
        let more = |release: &Release<'_>| {
            let same = (&release.name, &release.version) == (&extra.name, &extra.version);
            if same { Edit::Keep } else { fewer(release) }
        };
        let seen = |judge: &Judge<'_>| -> Pairs {
            let driver = subject.driver_with(&subject.case.answers, judge);
            let written = driver.write(&subject.target).ok();
            written.and_then(|w| parse(&w.bytes)).unwrap_or_default().into_iter().collect()
        };
        let (small, large) = (seen(&fewer), seen(&more));
        subject.require(small.is_subset(&large), "keeping more removes nothing", || {
            format!("{:?} vanished", small.difference(&large).collect::<Vec<_>>())
        });
    }
}

/// What holds for every written document.
fn check_output(
    subject: &Subject<'_>,
    driver: &Driver<'_>,
    written: &Written,
    kept: &[Release<'_>],
) {
    subject.require(!written.head.media.is_empty(), "a document has a media type", String::new);
    let clean = |value: &str| value.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    let heads = written.head.headers.iter().all(|(_, value)| clean(value));
    subject.require(heads && clean(&written.head.media), "headers are printable ASCII", || {
        format!("{:?}", written.head)
    });
    links::no_upstream_host(subject, &written.bytes);
    if matches!(subject.target, Target::Local(_)) {
        return;
    }
    links::lead_to_kept(subject, driver, &written.bytes, kept);
    if let Some(parse) = subject.case.parse {
        let seen = parse(&written.bytes);
        subject.require(seen.is_some(), "a client can read the output", || {
            String::from_utf8_lossy(&written.bytes).into_owned()
        });
        let seen: Pairs = seen.unwrap_or_default().into_iter().collect();
        let expected = pairs(kept);
        subject.require(seen == expected, "a second parse agrees on names and versions", || {
            format!("a client sees {seen:?}, kept were {expected:?}")
        });
    }
}

fn write(subject: &Subject<'_>, driver: &Driver<'_>) -> Written {
    subject.must(driver.write(&subject.target), "a listing can be written")
}

fn row(release: &Release<'_>) -> (String, String, Option<String>) {
    let file = release.file.as_deref().map(str::to_owned);
    (release.name.to_string(), release.version.to_string(), file)
}

/// (name, version, file) of what can be read, sorted.
fn rows(releases: &[Release<'_>]) -> Rows {
    let mut rows: Rows = releases.iter().filter(|r| r.unreadable.is_none()).map(row).collect();
    rows.sort();
    rows
}

/// (name, version) of what can be read.
pub(super) fn pairs(releases: &[Release<'_>]) -> Pairs {
    rows(releases).into_iter().map(|(name, version, _)| (name, version)).collect()
}

/// What a client sees when every release is dropped from these answers; `None` when it gets an
/// error instead.
pub(super) fn seen_when_all_dropped(subject: &Subject<'_>, answers: &Answers) -> Option<Pairs> {
    let written = subject.driver_with(answers, &|_| Edit::Drop).write(&subject.target).ok()?;
    Some((subject.case.parse?)(&written.bytes)?.into_iter().collect())
}
