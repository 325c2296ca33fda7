//! What registries do to those who ask them.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use weir_testkit::Random;
use weir_testkit::origin::{Answer, Origin, Seen, Wire};

use crate::counts::Tally;

/// How the registries are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mood {
    /// Well.
    Calm,
    /// Something goes wrong now and then.
    Breezy,
    /// Most answers are errors.
    Stormy,
    /// Nobody is there.
    Dark,
}

impl Mood {
    const ALL: [Self; 4] = [Self::Calm, Self::Breezy, Self::Stormy, Self::Dark];

    /// Answers and connections in a hundred that go wrong.
    fn odds(self) -> (usize, usize) {
        match self {
            Self::Calm => (0, 0),
            Self::Breezy => (15, 5),
            Self::Stormy => (70, 10),
            Self::Dark => (100, 100),
        }
    }
}

/// Decides what goes wrong.
#[derive(Debug)]
pub(crate) struct Faults {
    mood: AtomicU8,
    random: Mutex<Random>,
    tally: Arc<Tally>,
}

impl Faults {
    pub(crate) fn new(seed: u64, tally: Arc<Tally>) -> Arc<Self> {
        let random = Mutex::new(Random::new(seed));
        Arc::new(Self { mood: AtomicU8::new(Mood::Calm as u8), random, tally })
    }

    /// From now on the registries are like this.
    pub(crate) fn mood(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::Relaxed);
    }

    /// Comes over a registry.
    pub(crate) fn befall(self: &Arc<Self>, origin: &Origin, ecosystem: &'static str) {
        let faults = Arc::clone(self);
        origin.bend(move |seen, answer| faults.answer(ecosystem, seen, answer));
        let faults = Arc::clone(self);
        origin.wire(move |_| faults.wire());
    }

    fn now(&self) -> Mood {
        let mood = self.mood.load(Ordering::Relaxed);
        Mood::ALL.into_iter().find(|known| *known as u8 == mood).unwrap_or(Mood::Calm)
    }

    fn dice(&self) -> Random {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        Random::new(random.number())
    }

    fn wire(&self) -> Wire {
        let (mood, mut dice) = (self.now(), self.dice());
        if dice.below(100) >= mood.odds().1 {
            return Wire::Sound;
        }
        if mood == Mood::Dark {
            self.tally.fault("upstream away");
            return Wire::Closed;
        }
        let at = 1 << dice.below(20);
        let at = at + dice.below(at);
        let (kind, wire) = match dice.below(10) {
            0..4 => ("connection cut", Wire::CutAfter(at)),
            4..6 => ("connection stalled", Wire::StallAfter(at)),
            6..8 => {
                let bytes = (0..at.min(4096)).map(|_| dice.below(256) as u8).collect();
                ("garbage", Wire::Garbage(bytes))
            }
            8 => ("endless headers", Wire::EndlessHead),
            _ => ("connection closed", Wire::Closed),
        };
        self.tally.fault(kind);
        wire
    }

    fn answer(&self, ecosystem: &str, seen: &Seen, answer: Answer) -> Answer {
        let (mood, mut dice) = (self.now(), self.dice());
        if dice.below(100) >= mood.odds().0 {
            return answer;
        }
        let errors = if mood == Mood::Breezy { 4 } else { 1 };
        let (kind, answer) = if dice.below(errors) == 0 || seen.method == "HEAD" {
            unwell(&mut dice)
        } else if is_file(&seen.path) {
            bad_file(&mut dice, answer)
        } else {
            bad_document(&mut dice, ecosystem, seen, answer)
        };
        self.tally.fault(kind);
        answer
    }
}

/// Whether the bytes behind a path have a published digest.
fn is_file(path: &str) -> bool {
    ["/-/", "packages/", "/download", ".zip", ".jar", "pool/", "/blobs/", "by-hash"]
        .iter()
        .any(|part| path.contains(part))
}

fn unwell(dice: &mut Random) -> (&'static str, Answer) {
    let status = [500, 502, 503, 504, 429][dice.below(5)];
    let answer = Answer::status(status, "not now\n");
    match dice.below(2) {
        0 if status == 429 => ("429", answer.header("retry-after", "1")),
        0 => ("5xx", answer.header("retry-after", "1")),
        _ if status == 429 => ("429", answer),
        _ => ("5xx", answer),
    }
}

/// Faults of any body.
fn bad_body(dice: &mut Random, answer: Answer) -> (&'static str, Answer) {
    let length = answer.body().len();
    let at = dice.below(length.max(1));
    match dice.below(7) {
        0 => ("body cut", answer.cut_after(at)),
        1 => ("body stalled", answer.stalling_after(at)),
        2 => ("length too long", answer.claiming_length(length as u64 + 1 + at as u64)),
        3 => ("wrong encoding", answer.header("content-encoding", "gzip")),
        4 => ("unknown encoding", answer.header("content-encoding", "x-nonsense")),
        5 => ("endless body", answer.endless()),
        _ => ("late", answer.delayed(Duration::from_millis(dice.below(600) as u64))),
    }
}

fn bad_file(dice: &mut Random, answer: Answer) -> (&'static str, Answer) {
    let length = answer.body().len();
    match dice.below(5) {
        0 => ("wrong digest", answer.corrupted()),
        1 => ("length too short", answer.claiming_length(length as u64 / 2)),
        2 => ("trickle", answer.trickling(length / 8 + 1, Duration::from_millis(60))),
        _ => bad_body(dice, answer),
    }
}

fn bad_document(
    dice: &mut Random,
    ecosystem: &str,
    seen: &Seen,
    answer: Answer,
) -> (&'static str, Answer) {
    match dice.below(6) {
        0 => ("redirect loop", Answer::redirect(&format!("/{}", seen.path))),
        // Where a line is as good as a document, nobody can tell.
        1 if ecosystem == "npm" => {
            let page = "<html><body>Please log in to this network.</body></html>";
            ("captive portal", Answer::ok(page).media("text/html"))
        }
        _ => bad_body(dice, answer),
    }
}
