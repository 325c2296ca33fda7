//! Load: wrk for bodies, and a loop of our own for HEAD, after which wrk waits for a body.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::client::{self, Ask};

/// How long and how wide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) connections: usize,
    pub(crate) lasts: Duration,
}

/// What was answered, and in which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) requests: u64,
    pub(crate) within: Duration,
}

/// Asks for the same thing over and over. Every answer must have a status of success, or be a
/// refusal where one is expected.
pub(crate) fn run(
    wrk: &Path,
    host: SocketAddr,
    ask: &Ask,
    (shape, refused): (Shape, bool),
) -> Result<Answered> {
    if ask.method == "HEAD" {
        heads(host, ask, shape)
    } else {
        bodies(wrk, host, ask, (shape, refused))
    }
}

fn bodies(
    wrk: &Path,
    host: SocketAddr,
    ask: &Ask,
    (shape, refused): (Shape, bool),
) -> Result<Answered> {
    let mut command = Command::new(wrk);
    command.args(["-t", "1", "-c", &shape.connections.to_string()]);
    command.args(["-d", &format!("{}s", shape.lasts.as_secs().max(1)), "--timeout", "30s"]);
    for (name, value) in &ask.headers {
        command.arg("-H").arg(format!("{name}: {value}"));
    }
    let output = command.arg(format!("http://{host}{}", ask.path)).output();
    let output = output.with_context(|| format!("starting {}", wrk.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let found = parse(&said).with_context(|| format!("wrk said:\n{said}"))?;
    let wrong =
        if refused { found.answered.requests - found.unsuccessful } else { found.unsuccessful };
    if wrong > 0 || found.broken > 0 || found.answered.requests == 0 {
        bail!("{}: wrong answers or broken connections:\n{said}", ask.path);
    }
    Ok(found.answered)
}

#[derive(Debug, PartialEq, Eq)]
struct Found {
    answered: Answered,
    unsuccessful: u64,
    broken: u64,
}

/// Reads wrk's report: `  1234 requests in 2.00s, 3.35GB read`, and its lines about errors.
fn parse(said: &str) -> Option<Found> {
    let line = said.lines().find(|line| line.contains(" requests in "))?;
    let (requests, rest) = line.trim().split_once(" requests in ")?;
    let seconds = rest.split_once("s,")?.0;
    let within = match seconds.strip_suffix('m') {
        Some(_) => return None,
        None => Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?,
    };
    let after = |label: &str| said.lines().find_map(|line| line.trim().strip_prefix(label));
    let unsuccessful = after("Non-2xx or 3xx responses:");
    let unsuccessful = unsuccessful.map_or(Some(0), |count| count.trim().parse().ok())?;
    let broken = after("Socket errors:").unwrap_or_default();
    let broken =
        broken.split(',').filter_map(|one| one.trim().rsplit_once(' ')?.1.parse::<u64>().ok());
    let answered = Answered { requests: requests.parse().ok()?, within };
    Some(Found { answered, unsuccessful, broken: broken.sum() })
}

fn heads(host: SocketAddr, ask: &Ask, shape: Shape) -> Result<Answered> {
    let began = Instant::now();
    let requests = std::thread::scope(|scope| {
        let loops: Vec<_> = (0..shape.connections)
            .map(|_| scope.spawn(|| head_loop(host, ask, began + shape.lasts)))
            .collect();
        let counts = loops.into_iter().map(|one| match one.join() {
            Ok(count) => count,
            Err(_) => bail!("a loop of requests panicked"),
        });
        counts.sum::<Result<u64>>()
    })?;
    Ok(Answered { requests, within: began.elapsed() })
}

fn head_loop(host: SocketAddr, ask: &Ask, until: Instant) -> Result<u64> {
    let mut stream = client::open(host)?;
    let request = ask.head_text(host, "keep-alive");
    let mut buffer = [0; 4096];
    let mut requests = 0;
    while Instant::now() < until {
        stream.write_all(request.as_bytes())?;
        let mut filled = 0;
        while client::reply_length(&buffer[..filled]) == 0 {
            match stream.read(&mut buffer[filled..])? {
                0 => bail!("{}: the connection ended", ask.path),
                more => filled += more,
            }
        }
        if !buffer.starts_with(b"HTTP/1.1 200") {
            bail!("{}: {}", ask.path, String::from_utf8_lossy(&buffer[..filled]));
        }
        requests += 1;
    }
    Ok(requests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_of_wrk_is_read_with_its_errors() {
        let said = "Running 2s test\n  176476 requests in 2.50s, 30.63MB read\n  \
                    Socket errors: connect 0, read 1, write 0, timeout 2\n  \
                    Non-2xx or 3xx responses: 7\nRequests/sec: 1\n";
        let answered = Answered { requests: 176_476, within: Duration::from_millis(2500) };
        assert_eq!(parse(said), Some(Found { answered, unsuccessful: 7, broken: 3 }));
        assert_eq!(parse("unable to connect"), None);
    }
}
