//! Upstreams that fail at random places: a client gets the right bytes or an error, and afterwards
//! the right bytes.

use std::time::Duration;

use weir_testkit::Random;
use weir_testkit::origin::{
    Answer, BuiltFile, CargoStyle, NpmStyle, Origin, Package, PackageRelease, PypiStyle, Wire,
    cargo_index, npm_registry, pypi_index,
};

use crate::harness::{Answered, DAY, Gateway, MINUTE, lodash, setup, versions};

const OLD: &str = "2025-01-01T00:00:00Z";
/// Runs of each property.
const RUNS: u64 = 24;

/// One package in three ecosystems, with the right answers.
struct Registries {
    origins: [Origin; 3],
    /// Paths at the gateway with their bytes; listings without.
    things: Vec<(String, Option<BuiltFile>)>,
}

impl Registries {
    async fn start() -> Self {
        let heavy = |release| PackageRelease { ballast: 200_000, ..release };
        let packages = [Package::new("demo").release_with("1.0.0", OLD, heavy)];
        let origins = [Origin::start().await, Origin::start().await, Origin::start().await];
        let [npm, pypi, crates] = &origins;
        let tarball = npm_registry(npm, &packages, &NpmStyle::default()).remove(0);
        let wheel = pypi_index(pypi, pypi, &packages, &PypiStyle::default()).remove(0);
        let archive = cargo_index(crates, &packages, &CargoStyle::default()).remove(0);
        let name = wheel.path.rsplit('/').next().unwrap_or_default().to_owned();
        let things = vec![
            ("/npm/demo".to_owned(), None),
            ("/pypi/simple/demo/".to_owned(), None),
            ("/cargo/de/mo/demo".to_owned(), None),
            (format!("/npm/{}", tarball.path), Some(tarball)),
            (format!("/pypi/files/demo/{name}"), Some(wheel)),
            ("/cargo/crates/demo/1.0.0/download".to_owned(), Some(archive)),
        ];
        Self { origins, things }
    }

    async fn gateway(&self) -> Gateway {
        let [npm, pypi, crates] = &self.origins;
        let hasty = setup().npm(npm).pypi(pypi).cargo(crates).with(|setup| {
            let short = Duration::from_millis(300);
            (setup.upstream.read_timeout, setup.upstream.header_timeout) = (short, short);
            setup.upstream.document_timeout = short * 2;
            setup.upstream.max_document = 1 << 20;
            (setup.freshness.ttl, setup.freshness.negative_ttl) = (MINUTE, MINUTE);
        });
        hasty.open().await
    }

    /// The answers of a good day.
    async fn right(&self) -> Vec<Answered> {
        let gateway = self.gateway().await;
        let mut answers = Vec::new();
        for (path, file) in &self.things {
            let answered = gateway.get(path).await;
            assert!(answered.is(200), "{path}: {answered:?}");
            assert!(file.as_ref().is_none_or(|file| file.bytes == answered.body), "{path}");
            answers.push(answered);
        }
        answers
    }

    /// Asks a new gateway for everything, twice on a bad day and then on a good one.
    async fn survive(&self, right: &[Answered], what: &str, good: impl Fn(&Origin)) {
        let gateway = self.gateway().await;
        for round in 0..3 {
            if round == 2 {
                self.origins.iter().for_each(&good);
            }
            for ((path, _), right) in self.things.iter().zip(right) {
                let mut answered = gateway.get(path).await;
                if round == 2 && !answered.is(200) {
                    // A connection that was still open from the bad day.
                    gateway.clock().advance(MINUTE * 2);
                    answered = gateway.get(path).await;
                }
                if answered.is(200) {
                    assert_eq!(answered.body, right.body, "{what}: {path}");
                    continue;
                }
                assert!(round < 2, "{what}: {path}: {answered:?}");
                let error = answered.status >= 500 || answered.status == 429;
                let said = error && answered.header("x-weir-reason").is_some();
                assert!(said || answered.broken.is_some(), "{what}: {path}: {answered:?}");
            }
        }
    }
}

fn wire(dice: &mut Random) -> Wire {
    let at = 1 << dice.below(18);
    let at = at + dice.below(at);
    match dice.below(8) {
        0..4 => Wire::CutAfter(at),
        4 => Wire::StallAfter(at),
        5 => Wire::Garbage((0..at.min(3000)).map(|_| dice.below(256) as u8).collect()),
        6 => Wire::EndlessHead,
        _ => Wire::Closed,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_breaks_on_the_wire_ends_no_answer_well_that_is_not_right() {
    let registries = Registries::start().await;
    let right = registries.right().await;
    for seed in 0..RUNS {
        let mut dice = Random::new(seed);
        for origin in &registries.origins {
            let wires: Vec<Wire> = (0..7).map(|_| wire(&mut dice)).collect();
            origin.wire(move |number| wires[number % wires.len()].clone());
        }
        let sound = |origin: &Origin| origin.wire(|_| Wire::Sound);
        registries.survive(&right, &format!("seed {seed}"), sound).await;
    }
}

/// An answer that goes wrong in a way that its digest, its length or its form gives away.
fn bent(dice: &mut Random, is_file: bool, answer: Answer) -> Answer {
    let length = answer.body().len();
    let at = dice.below(length.max(1));
    match dice.below(10) {
        0 => answer.cut_after(at),
        1 => answer.stalling_after(at),
        2 => answer.claiming_length((length + 1 + at) as u64),
        3 => answer.header("content-encoding", "gzip"),
        4 => answer.header("content-encoding", "br"),
        5 => answer.header("content-encoding", "x-nonsense"),
        6 => Answer::redirect("/again-and-again"),
        7 => answer.endless(),
        8 if is_file => answer.corrupted(),
        9 if is_file => answer.claiming_length(at as u64),
        _ => Answer::status([429, 500, 502, 503, 504][dice.below(5)], "not now\n"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_an_answer_it_is_never_passed_on_as_right() {
    let registries = Registries::start().await;
    let right = registries.right().await;
    for seed in 0..RUNS {
        for (number, origin) in registries.origins.iter().enumerate() {
            let dice = std::sync::Mutex::new(Random::new(seed * 10 + number as u64));
            origin.put("again-and-again", Answer::redirect("/again-and-again"));
            origin.bend(move |seen, answer| {
                let is_file =
                    ["/-/", "packages/", "download"].iter().any(|p| seen.path.contains(p));
                bent(&mut dice.lock().unwrap(), is_file, answer)
            });
        }
        let plain = |origin: &Origin| origin.bend(|_, answer| answer);
        registries.survive(&right, &format!("seed {seed}"), plain).await;
    }
}

#[tokio::test]
async fn in_a_storm_of_errors_what_is_kept_is_served_and_upstream_is_left_alone() {
    for (status, code) in [(503, 502), (500, 502), (429, 429)] {
        let origin = Origin::start().await;
        npm_registry(&origin, &[lodash()], &NpmStyle::default());
        let setup = setup().npm(&origin).with(|setup| {
            setup.upstream.breaker_failures = 3;
            setup.upstream.breaker_open = Duration::from_secs(30);
            setup.freshness.stale_while_revalidate = Duration::ZERO;
        });
        let gateway = setup.open().await;
        let before = gateway.get("/npm/lodash").await;
        origin.before(move |_| Some(Answer::status(status, "no\n").header("retry-after", "7")));
        origin.forget_requests();
        for _ in 0..20 {
            gateway.clock().advance(DAY / 24);
            let answered = gateway.get("/npm/lodash").await;
            assert!(answered.is(200) && answered.body == before.body, "{status}: {answered:?}");
            let miss = gateway.get("/npm/unheard-of").await;
            assert!(miss.status == code || miss.status == 502, "{status}: {miss:?}");
            assert!(miss.header("retry-after").is_some(), "{status}: {miss:?}");
        }
        let asked = origin.requests().len();
        assert!(status == 429 || asked <= 3, "{status}: {asked} requests in a storm");
    }
}

#[tokio::test]
async fn a_listing_that_goes_back_in_time_unfilters_nothing_and_loses_nothing() {
    let undated = CargoStyle { dates: false, ..CargoStyle::default() };
    let origin = Origin::start().await;
    let old = Package::new("demo").release("1.0.0", OLD);
    let new = old.clone().release("1.1.0", OLD);
    let show =
        |package: &Package| drop(cargo_index(&origin, std::slice::from_ref(package), &undated));
    show(&old);
    let gateway = setup().cargo(&origin).cooldown(10).open().await;
    let listed = async || {
        gateway.clock().advance(DAY);
        let listing = gateway.get("/cargo/de/mo/demo").await;
        assert!(listing.is(200), "{listing:?}");
        let line = listing.text().lines().find(|line| line.contains("\"1.1.0\""));
        let offered = line.is_some_and(|line| !line.contains("\"yanked\":true"));
        let file = gateway.get("/cargo/crates/demo/1.1.0/download").await;
        assert!(offered || !file.is(200), "{listing:?} {file:?}");
        offered
    };
    assert!(!listed().await);
    show(&new);
    assert!(!listed().await, "first seen now: withheld");
    show(&old);
    assert!(!listed().await);
    show(&new);
    assert!(!listed().await, "what came back is no older for it");
    gateway.clock().advance(DAY * 5);
    show(&old);
    assert!(!listed().await);
    show(&new);
    assert!(!listed().await);
    assert!(listed().await, "ten days after it was first seen");
}

#[tokio::test]
async fn a_stored_file_outlives_a_listing_that_does_not_know_it_any_more() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).cooldown(5).open().await;
    let file = gateway.get("/npm/lodash/-/lodash-4.17.21.tgz").await;
    assert!(file.is(200));
    let mut older = lodash();
    older.releases.truncate(1);
    npm_registry(&origin, &[older], &NpmStyle::default());
    gateway.clock().advance(DAY);
    let listing = gateway.json("/npm/lodash", "application/json").await;
    assert_eq!(versions(&listing), ["4.17.20"]);
    let again = gateway.get("/npm/lodash/-/lodash-4.17.21.tgz").await;
    assert!(again.is(200) && again.body == file.body);
    let withheld = gateway.get("/npm/lodash/-/lodash-4.18.0.tgz").await;
    assert!(!withheld.is(200), "{withheld:?}");
}
