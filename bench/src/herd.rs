//! Many clients ask at once for one missing file, while upstream sends slowly.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::{Arc, Barrier, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use weir_testkit::origin::{Answer, Origin};

use crate::client::{self, Ask};
use crate::fixtures::{self, Version};
use crate::report::Row;
use crate::world::World;

const CLIENTS: usize = 64;
const LENGTH: usize = 64 << 20;
/// Upstream sends so many bytes at once, and rests in between.
const PART: usize = 1 << 20;
const PAUSE: Duration = Duration::from_millis(50);
/// The row's name.
pub(crate) const WORK: &str = "64 clients ask at once for a missing 64 MB file";
const FILE: &str = "herd/-/herd-1.0.0.tgz";

/// The missing file, and when it was asked for.
pub(crate) struct Missing {
    bytes: Bytes,
    asked: Arc<Mutex<Vec<Instant>>>,
}

/// Puts it on the npm registry.
pub(crate) fn fill(npm: &Origin) -> Missing {
    let bytes = fixtures::noise(LENGTH, 3);
    let versions = [Version::with_file("1.0.0", &bytes)];
    npm.put("herd", Answer::json(&fixtures::packument(&npm.url(), "herd", &versions)));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (answer, note) = (Answer::ok(bytes.clone()).trickling(PART, PAUSE), Arc::clone(&asked));
    npm.put_with(FILE, move |_| {
        note.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
        answer.clone()
    });
    Missing { bytes, asked }
}

/// One row. Each client compares every byte with what the registry has.
pub(crate) fn row(world: &World, missing: &Missing) -> Result<Row> {
    let barrier = Barrier::new(CLIENTS);
    let before = world.gateway.cpu()?;
    let firsts = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| download(world.address, &missing.bytes, &barrier)))
            .collect();
        let joined = clients.into_iter().map(|client| match client.join() {
            Ok(first) => first,
            Err(_) => bail!("a client panicked"),
        });
        joined.collect::<Result<Vec<Instant>>>()
    })?;
    let cpu = world.gateway.cpu()?.saturating_sub(before);
    let asked = missing.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let began = *asked.first().context("upstream was not asked")?;
    let last_first =
        firsts.into_iter().max().context("no client")?.saturating_duration_since(began);
    let sending = PAUSE * (LENGTH / PART - 1) as u32;
    let measured = format!(
        "{} fetch, {CLIENTS} right answers, first bytes after {:.2} s of {:.1} s",
        asked.len(),
        last_first.as_secs_f64(),
        sending.as_secs_f64()
    );
    let aim = "1 fetch, 64 right answers, first byte to all before the fetch ends";
    let mut row = Row::fact(WORK, aim, measured, asked.len() == 1 && last_first < sending);
    row.cpu = format!("{:.0} ms for each client", cpu.as_secs_f64() * 1e3 / CLIENTS as f64);
    Ok(row)
}

/// Reads the whole answer and returns when its head, which does not come before its first byte, was
/// there.
fn download(host: SocketAddr, expected: &[u8], barrier: &Barrier) -> Result<Instant> {
    let mut stream = client::open(host)?;
    let ask = Ask::get(format!("/npm/{FILE}"));
    barrier.wait();
    stream.write_all(ask.head_text(host, "close").as_bytes())?;
    let mut buffer = vec![0; 256 * 1024];
    let mut head = Vec::new();
    let mut first = None;
    let mut at = 0;
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        let mut body = &buffer[..length];
        if first.is_none() {
            head.extend_from_slice(body);
            let Some(reply) = client::parse_head(&head)? else { continue };
            if reply.status != 200 {
                bail!("{FILE}: {}", reply.status);
            }
            body = &head[client::reply_length(&head)..];
            first = Some(Instant::now());
        }
        if expected.get(at..at + body.len()) != Some(body) {
            bail!("{FILE}: wrong bytes at {at}");
        }
        at += body.len();
    }
    if at != expected.len() {
        bail!("{FILE}: {at} bytes of {}", expected.len());
    }
    first.context("no byte came")
}
