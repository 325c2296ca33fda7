//! A run: learn what is right, make a storm, kill in the midst of commits, and look again on a good day.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use weir_testkit::Random;
use weir_testkit::process::Start;

use crate::bucket::Bucket;
use crate::client::{Ask, Manner, ask};
use crate::commits::commits;
use crate::counts::{Counts, Tally};
use crate::disk::Small;
use crate::faults::Faults;
use crate::havoc::Havoc;
use crate::judge::judge;
use crate::things::Kind;
use crate::truth::Truth;
use crate::world::World;

/// Clients at once in the storm.
const CLIENTS: usize = 24;
/// The disk of the gateway, in bytes.
const DISK: u64 = 96 << 20;
/// What the gateway keeps below that, so that it has to evict.
const KEEPS: &str = "\n[storage]\nmax_size = \"12 MiB\"\nscrub = \"20s\"\n";
/// How long everything may take to be right again.
const RECOVERY: Duration = Duration::from_secs(150);

/// Where the gateway keeps its objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Store {
    /// In files, on a disk that fills up and rots.
    #[default]
    Files,
    /// In a bucket, on a server that is unwell at times.
    S3,
}

/// How a run goes.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where objects are kept.
    pub store: Store,
    /// How long the storm lasts.
    pub storm: Duration,
    /// Files that are stored between kills.
    pub commits: usize,
    /// The most kills for that.
    pub rounds: usize,
    /// What decides.
    pub seed: u64,
}

/// Runs, and counts.
pub async fn run(options: &Options) -> Result<Counts> {
    let began = Instant::now();
    let folder = tempfile::Builder::new().prefix("weir-chaos-").tempdir()?;
    let tally = Arc::new(Tally::default());
    let world = Arc::new(World::start().await);
    let truth = Arc::new(Truth::learn(&world, folder.path()).await?);
    say(&format!("{} things are known to be right", truth.things.len()));
    storm(options, &world, &truth, &tally, folder.path().join("storm")).await?;
    say("the storm is over");
    let mut havoc = havoc(options, &world, &tally, folder.path().join("commits")).await?;
    commits(&mut havoc, options.commits, options.rounds).await;
    let seconds = began.elapsed().as_secs();
    Ok(Counts { seed: options.seed, seconds, ..tally.counts() })
}

#[expect(clippy::print_stderr, reason = "a run of minutes says how far it is")]
fn say(text: &str) {
    eprintln!("chaos: {text}");
}

async fn havoc(
    options: &Options,
    world: &Arc<World>,
    tally: &Arc<Tally>,
    folder: PathBuf,
) -> Result<Havoc> {
    std::fs::create_dir_all(folder.join("data"))?;
    let database = folder.join("data/database/weir.db").to_string_lossy().into_owned();
    let config = format!("{}\n[database]\npath = {database:?}\n", world.config());
    let mut start = Start { config, ..Start::default() };
    let bucket = match options.store {
        Store::Files => None,
        Store::S3 => Some(Bucket::start(&folder.join("objects")).await?),
    };
    if let Some(bucket) = &bucket {
        bucket.keep_for(&mut start);
    }
    Ok(Havoc {
        world: Arc::clone(world),
        faults: Faults::new(options.seed, Arc::clone(tally)),
        tally: Arc::clone(tally),
        start,
        bucket,
        gateway: None,
        port: Arc::new(AtomicU16::new(0)),
        small: None,
        names: None,
        dice: Random::new(options.seed.wrapping_add(1)),
        folder,
    })
}

async fn storm(
    options: &Options,
    world: &Arc<World>,
    truth: &Arc<Truth>,
    tally: &Arc<Tally>,
    folder: PathBuf,
) -> Result<()> {
    let mut havoc = havoc(options, world, tally, folder).await?;
    havoc.names = Some(Arc::clone(&truth.names));
    havoc.start.config.push_str(KEEPS);
    havoc.small = Small::mount(&havoc.folder.join("data"), DISK);
    if havoc.small.is_none() {
        say("only root can mount a small disk: it is never full in this run");
    }
    let names = ["npm", "pypi", "cargo", "go", "maven", "debian", "container"];
    for (origin, ecosystem) in world.origins().into_iter().zip(names) {
        havoc.faults.befall(origin, ecosystem);
    }
    havoc.begin();
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let client = Client {
                truth: Arc::clone(truth),
                tally: Arc::clone(tally),
                port: Arc::clone(&havoc.port),
                dice: Random::new(options.seed.wrapping_mul(1000).wrapping_add(number as u64)),
            };
            tokio::spawn(client.go_on(Arc::clone(&stop)))
        })
        .collect();
    let end = Instant::now() + options.storm;
    while Instant::now() < end {
        havoc.step().await;
        havoc.pause(700).await;
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await?;
    }
    havoc.calm();
    recovered(&havoc, truth).await;
    havoc.inspect();
    Ok(())
}

/// On a good day everything is to be had again.
async fn recovered(havoc: &Havoc, truth: &Truth) {
    let until = Instant::now() + RECOVERY;
    for (at, thing) in truth.things.iter().enumerate() {
        loop {
            let mut get = Ask::get(&thing.path);
            get.headers.extend(thing.accept.map(|accept| ("accept", accept.to_owned())));
            havoc.tally.request();
            let asked = truth.names.asked(at);
            let got = ask(havoc.port.load(Ordering::Relaxed), &get).await;
            judge(&havoc.tally, truth, asked, &get, got.as_ref());
            let wanted = if thing.withheld { 403..405 } else { 200..201 };
            let status = got.as_ref().map_or(0, |got| got.status);
            if wanted.contains(&status) || thing.withheld && status == 200 {
                break;
            }
            if Instant::now() > until {
                havoc.tally.lost(format!("{}: {status} on a good day: {got:?}", thing.path));
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// One of many who ask.
struct Client {
    truth: Arc<Truth>,
    tally: Arc<Tally>,
    port: Arc<AtomicU16>,
    dice: Random,
}

impl Client {
    async fn go_on(mut self, stop: Arc<AtomicBool>) {
        while !stop.load(Ordering::Relaxed) {
            self.tally.request();
            match self.dice.below(40) {
                0 => self.dawdle().await,
                1 => self.stray().await,
                _ => self.ask().await,
            }
        }
    }

    /// Asks for something that exists.
    async fn ask(&mut self) {
        let at = self.dice.below(self.truth.things.len());
        let request = self.request(at);
        let asked = self.truth.names.asked(at);
        let got = ask(self.port.load(Ordering::Relaxed), &request).await;
        judge(&self.tally, &self.truth, asked, &request, got.as_ref());
        match request.manner {
            _ if got.is_none() => tokio::time::sleep(Duration::from_millis(50)).await,
            Manner::Vanishes(_) => self.tally.fault("client left"),
            Manner::Slow(_) => self.tally.fault("slow client"),
            Manner::Whole => {}
        }
    }

    fn request(&mut self, at: usize) -> Ask {
        let thing = &self.truth.things[at];
        let mut asked = Ask::get(&thing.path);
        asked.headers.extend(thing.accept.map(|accept| ("accept", accept.to_owned())));
        let length = thing.bytes.as_ref().map_or(4096, bytes::Bytes::len);
        match self.dice.below(16) {
            0 => asked.method = "HEAD",
            1 | 2 if thing.kind == Kind::File => {
                let first = self.dice.below(length);
                let last = first + self.dice.below(length - first);
                let range = match self.dice.below(3) {
                    0 => format!("bytes={first}-"),
                    1 => format!("bytes=-{}", 1 + self.dice.below(length)),
                    _ => format!("bytes={first}-{last}"),
                };
                asked = asked.header("range", range);
            }
            3 => {
                if let Some(tag) = self.truth.tag(at) {
                    asked = asked.header("if-none-match", tag);
                }
            }
            4 | 5 => asked = asked.header("accept-encoding", "gzip"),
            6 => asked.manner = Manner::Vanishes(self.dice.below(length)),
            7 => asked.manner = Manner::Slow(Duration::from_millis(5 + self.dice.below(60) as u64)),
            _ => {}
        }
        asked
    }

    /// Asks for what does not exist.
    async fn stray(&mut self) {
        let number = self.dice.number();
        let path = match self.dice.below(4) {
            0 => format!("/npm/no-such-{number}"),
            1 => format!("/npm/demo/-/demo-9.9.{number}.tgz"),
            2 => format!("/pypi/simple/no-such-{number}/"),
            _ => format!("/nowhere/{number}"),
        };
        let got = ask(self.port.load(Ordering::Relaxed), &Ask::get(&path)).await;
        match got.map(|got| got.status) {
            None => self.tally.broken(),
            Some(404) => self.tally.right(),
            Some(429 | 500..) => self.tally.error(),
            Some(status) => self.tally.wrong(format!("{path}: {status} for what does not exist")),
        }
    }

    /// Begins a request and does not end it.
    async fn dawdle(&mut self) {
        self.tally.fault("half a request");
        let port = self.port.load(Ordering::Relaxed);
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await {
            let _ = stream.write_all(b"GET /npm/demo HTTP/1.1\r\nhost: weir").await;
            tokio::time::sleep(Duration::from_millis(self.dice.below(800) as u64)).await;
        }
        self.tally.broken();
    }
}
