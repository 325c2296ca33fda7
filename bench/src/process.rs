//! Servers as processes: started, waited for, measured and ended by their id.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a server may take to be ready.
const PATIENCE: Duration = Duration::from_secs(30);
/// Linux reports the time of processes in ticks of a hundredth second (`sysconf(_SC_CLK_TCK)` is 100
/// on every architecture that Rust runs on there).
const TICK: Duration = Duration::from_millis(10);

/// A server that runs; it is ended when this value goes.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program whose output goes into a file.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self> {
        let stream = File::create(log).with_context(|| log.display().to_string())?;
        command.stdin(Stdio::null()).stdout(stream.try_clone()?).stderr(stream);
        let child = command.spawn();
        let child = child.with_context(|| format!("starting {}", display(&command)))?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `ready` finds what it needs in what the server has written so far.
    pub(crate) fn wait_for<T>(&mut self, ready: impl Fn(&str) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = std::fs::read(&self.log)?;
            let log = String::from_utf8_lossy(&log);
            if let Some(found) = ready(&log) {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}:\n{log}");
            }
            if Instant::now() > deadline {
                bail!("the server is not ready:\n{log}");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The CPU time that it and its children have used so far, in user and kernel mode.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let own = stat(self.id()).context("the server is gone")?;
        let children = children(self.id())?;
        let ticks = children.iter().filter_map(|id| stat(*id)).map(|stat| stat.ticks);
        Ok(TICK * (own.ticks + ticks.sum::<u32>()))
    }

    /// Ends it as an operator would and waits until it has gone.
    pub(crate) fn stop(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        Command::new("kill").args(["-TERM", &self.id().to_string()]).status()?;
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("the server does not stop: {}", self.log.display());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // nginx's workers end when their master is asked to; killed, it would leave them behind.
        if self.stop().is_err() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Anonymous memory of a process in bytes: `RssAnon` of `/proc/<pid>/status` (proc(5)).
pub(crate) fn anonymous_memory(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// CPU time of the calling thread (`/proc/thread-self/schedstat`, in nanoseconds).
pub(crate) fn thread_time() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = text.split(' ').next().and_then(|first| first.parse().ok());
    Ok(Duration::from_nanos(nanos.context("schedstat holds no number")?))
}

struct Stat {
    parent: u32,
    ticks: u32,
}

/// Fields 4, 14 and 15 of `/proc/<pid>/stat` (proc(5)): parent, user and system time.
fn stat(id: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name in field 2 may hold spaces and parentheses.
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(1);
    let parent = fields.next()?.parse().ok()?;
    let mut times = fields.skip(9);
    let mut next = || times.next()?.parse::<u32>().ok();
    Some(Stat { parent, ticks: next()? + next()? })
}

fn children(id: u32) -> Result<Vec<u32>> {
    let entries = std::fs::read_dir("/proc")?.flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(ids.filter(|child| stat(*child).is_some_and(|stat| stat.parent == id)).collect())
}

fn display(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_busy_thread_grows() {
        let before = thread_time().unwrap();
        let until = Instant::now() + Duration::from_millis(30);
        while Instant::now() < until {}
        assert!(thread_time().unwrap() > before);
        assert!(anonymous_memory(std::process::id()).unwrap() > 0);
        assert!(stat(std::process::id()).is_some());
    }
}
