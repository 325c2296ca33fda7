//! The command itself: its own input and output, our signals, its exit code.

use std::ffi::OsString;
use std::io;
use std::process::ExitStatus;

use tokio::process::{Child, Command};

/// What shells answer for a command that cannot be run, and for one that does not exist.
const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It ran and ended with this code; 128 and the signal's number where a signal ended it.
    With(u8),
    /// It did not run: the code, and why.
    Never(u8, String),
}

/// Runs a command with these variables on top of our own and passes signals on to it.
pub(crate) async fn run(
    command: &[OsString],
    variables: &[(String, OsString)],
) -> io::Result<Ended> {
    let Some((program, arguments)) = command.split_first() else {
        return Ok(Ended::Never(NOT_FOUND, "no command was given".to_owned()));
    };
    // Before the command runs, so that no signal ends us and leaves it alone.
    let mut signals = signals::Signals::new()?;
    let mut spawned = Command::new(program);
    spawned.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
    let mut child = match spawned.spawn() {
        Ok(child) => child,
        Err(error) => return Ok(never(&program.to_string_lossy(), &error)),
    };
    loop {
        tokio::select! {
            status = child.wait() => return Ok(Ended::With(code(status?))),
            signal = signals.next() => signals::pass_on(&child, signal),
        }
    }
}

fn never(program: &str, error: &io::Error) -> Ended {
    match error.kind() {
        io::ErrorKind::NotFound => {
            let sentence = format!("{program}: there is no such command");
            Ended::Never(NOT_FOUND, sentence)
        }
        _ => Ended::Never(CANNOT_RUN, format!("{program} cannot be run: {error}")),
    }
}

#[cfg(unix)]
fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => code as u8,
        (None, Some(signal)) => 128_u8.saturating_add(signal as u8),
        (None, None) => 1,
    }
}

#[cfg(not(unix))]
fn code(status: ExitStatus) -> u8 {
    status.code().map_or(1, |code| u8::try_from(code).unwrap_or(1))
}

#[cfg(unix)]
mod signals {
    use std::io;

    use rustix::process::{Pid, Signal};
    use tokio::signal::unix::{self, SignalKind};

    use super::Child;

    /// The signals that people and supervisors send.
    pub(super) struct Signals {
        interrupt: unix::Signal,
        quit: unix::Signal,
        terminate: unix::Signal,
        hangup: unix::Signal,
    }

    impl Signals {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self {
                interrupt: unix::signal(SignalKind::interrupt())?,
                quit: unix::signal(SignalKind::quit())?,
                terminate: unix::signal(SignalKind::terminate())?,
                hangup: unix::signal(SignalKind::hangup())?,
            })
        }

        pub(super) async fn next(&mut self) -> Signal {
            tokio::select! {
                _ = self.interrupt.recv() => Signal::INT,
                _ = self.quit.recv() => Signal::QUIT,
                _ = self.terminate.recv() => Signal::TERM,
                _ = self.hangup.recv() => Signal::HUP,
            }
        }
    }

    /// Sends a signal to the command, unless the terminal has done so: its keys reach everyone in
    /// the foreground, and a second Ctrl-C makes some clients stop without cleaning up.
    pub(super) fn pass_on(child: &Child, signal: Signal) {
        let by_key = matches!(signal, Signal::INT | Signal::QUIT) && in_foreground();
        let pid = child.id().and_then(|id| Pid::from_raw(id as i32));
        if let Some(pid) = pid.filter(|_| !by_key) {
            // It may have ended by itself.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }

    /// Whether the terminal's keys reach us.
    fn in_foreground() -> bool {
        let Ok(terminal) = std::fs::File::open("/dev/tty") else { return false };
        rustix::termios::tcgetpgrp(terminal).is_ok_and(|group| group == rustix::process::getpgrp())
    }
}

#[cfg(not(unix))]
mod signals {
    use std::io;

    use super::Child;

    /// Ctrl-C, which the console sends to the command as well.
    pub(super) struct Signals;

    impl Signals {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        pub(super) async fn next(&mut self) {
            // Not to be ended by it is all that has to be done.
            let _ = tokio::signal::ctrl_c().await;
        }
    }

    pub(super) fn pass_on(_: &Child, (): ()) {}
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    async fn ended(command: &[&str]) -> Ended {
        let command: Vec<OsString> = command.iter().map(OsString::from).collect();
        run(&command, &[("WEIR_TEST_X".to_owned(), "7".into())]).await.unwrap()
    }

    #[tokio::test]
    async fn the_exit_code_is_the_commands() {
        assert_eq!(ended(&["sh", "-c", "exit 3"]).await, Ended::With(3));
        assert_eq!(ended(&["sh", "-c", "exit $WEIR_TEST_X"]).await, Ended::With(7));
        assert_eq!(ended(&["sh", "-c", "kill -TERM $$"]).await, Ended::With(143));
    }

    #[tokio::test]
    async fn a_command_that_cannot_be_run_has_the_shells_codes() {
        let Ended::Never(code, sentence) = ended(&["weir-no-such-command"]).await else { panic!() };
        assert_eq!((code, &*sentence), (127, "weir-no-such-command: there is no such command"));
        let Ended::Never(code, _) = ended(&["/"]).await else { panic!() };
        assert_eq!(code, 126);
    }
}
