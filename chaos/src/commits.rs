//! A gateway that is killed again and again while it stores files: what it has acknowledged is
//! there afterwards, and nothing is half there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use weir_testkit::Random;
use weir_testkit::origin::{BuiltFile, NpmStyle, Package, PackageRelease, npm_registry};
use weir_testkit::process::Gateway;

use crate::client::{Ask, End, ask};
use crate::havoc::Havoc;

/// Releases of one package.
const RELEASES: usize = 50;
/// Clients at once.
const CLIENTS: usize = 12;
/// How long the first file of a round may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Files that a client has got to the last byte, by their number.
type Acknowledged = BTreeSet<usize>;

/// Kills the gateway so often, each time in the midst of storing files, until so many are stored.
pub(crate) async fn commits(havoc: &mut Havoc, commits: usize, rounds: usize) {
    let files = Arc::new(publish(havoc, commits * 3));
    let next = Arc::new(AtomicUsize::new(0));
    let mut acknowledged = Acknowledged::new();
    havoc.begin();
    for round in 0..rounds {
        let got = round_of(havoc, &files, &next).await;
        acknowledged.extend(got);
        sample(havoc, &files, &acknowledged).await;
        if acknowledged.len() >= commits || next.load(Ordering::Relaxed) >= files.len() {
            break;
        }
        if round % 8 == 0 {
            // What was half written when it was killed is no object.
            havoc.inspect();
            havoc.begin();
        }
    }
    offline(havoc, &files, &acknowledged).await;
}

fn publish(havoc: &Havoc, count: usize) -> Vec<BuiltFile> {
    let package = |number: usize| {
        (0..RELEASES).fold(Package::new(&format!("crowd-{number}")), |package, version| {
            let ballast = 1 << (8 + (number * 7 + version) % 10);
            let date = "2025-01-01T00:00:00Z";
            package.release_with(&format!("1.0.{version}"), date, |release| PackageRelease {
                ballast,
                ..release
            })
        })
    };
    let packages: Vec<Package> = (0..count.div_ceil(RELEASES)).map(package).collect();
    npm_registry(&havoc.world.npm, &packages, &NpmStyle::default())
}

/// One round: clients fetch what nobody has fetched yet, the gateway is killed and started again.
async fn round_of(
    havoc: &mut Havoc,
    files: &Arc<Vec<BuiltFile>>,
    next: &Arc<AtomicUsize>,
) -> Acknowledged {
    let (stop, stored) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let stored = Arc::clone(&stored);
            let (files, next, stop) = (Arc::clone(files), Arc::clone(next), Arc::clone(&stop));
            let (port, tally) = (Arc::clone(&havoc.port), Arc::clone(&havoc.tally));
            tokio::spawn(async move {
                let mut got = Acknowledged::new();
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(number) else { break };
                    tally.request();
                    if fetch(&port, file, &tally).await {
                        tally.commit();
                        stored.fetch_add(1, Ordering::Relaxed);
                        got.insert(number);
                    }
                }
                got
            })
        })
        .collect();
    // A machine that has much else to do takes its time for the first.
    let until = Instant::now() + PATIENCE;
    while stored.load(Ordering::Relaxed) == 0
        && Instant::now() < until
        && !clients.iter().all(JoinHandle::is_finished)
    {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    havoc.pause(250).await;
    stop.store(true, Ordering::Relaxed);
    havoc.kill();
    let mut all = Acknowledged::new();
    for client in clients {
        all.extend(client.await.unwrap_or_default());
    }
    all
}

/// Whether the whole file came.
async fn fetch(port: &AtomicU16, file: &BuiltFile, tally: &crate::Tally) -> bool {
    let path = format!("/npm/{}", file.path);
    let Some(got) = ask(port.load(Ordering::Relaxed), &Ask::get(&path)).await else {
        tally.broken();
        return false;
    };
    match got.status {
        200 if got.end == End::Whole && got.body == file.bytes => {
            tally.right();
            return true;
        }
        200 if got.end == End::Whole => tally.wrong(format!("{path}: other bytes")),
        200 => tally.broken(),
        500.. => tally.error(),
        status => tally.wrong(format!("{path}: {status} between kills")),
    }
    false
}

/// What was acknowledged is served without asking upstream.
async fn sample(havoc: &mut Havoc, files: &[BuiltFile], acknowledged: &Acknowledged) {
    let known: Vec<usize> = acknowledged.iter().copied().collect();
    for _ in 0..known.len().min(10) {
        let file = &files[known[havoc.dice.below(known.len())]];
        let before = havoc.world.npm.count(&file.path);
        havoc.tally.request();
        let whole = fetch(&havoc.port, file, &havoc.tally).await;
        if !whole || havoc.world.npm.count(&file.path) != before {
            havoc.tally.lost(format!("{}: gone after a kill", file.path));
        }
    }
}

/// Everything that was acknowledged is served by a gateway that opens no connection.
async fn offline(havoc: &mut Havoc, files: &[BuiltFile], acknowledged: &Acknowledged) {
    havoc.inspect();
    let mut start = havoc.start.clone();
    (start.offline, start.port) = (true, 0);
    let folder = havoc.folder.clone();
    let gateway = tokio::task::block_in_place(|| Gateway::start(&folder, &start));
    let port = AtomicU16::new(gateway.port);
    for number in acknowledged {
        havoc.tally.request();
        if !fetch(&port, &files[*number], &havoc.tally).await {
            havoc.tally.lost(format!("{}: gone in the end", files[*number].path));
        }
    }
    drop(gateway);
    havoc.dice = Random::new(havoc.dice.number());
}
