//! What commands say: results on standard output, remarks on standard error.

use std::io::{self, ErrorKind, Write as _};

/// Writes a result, with a line end after its last line. A reader that has gone (`| head`) is
/// no error.
pub(crate) fn result(text: &str) -> anyhow::Result<()> {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let mut out = io::stdout().lock();
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes a value as JSON for people and programs.
pub(crate) fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    result(&serde_json::to_string_pretty(value)?)
}

/// Says something beside the result.
#[expect(clippy::print_stderr, reason = "the one place for remarks of commands")]
pub(crate) fn remark(text: &str) {
    eprintln!("{}", text.trim_end());
}

/// An error with its causes, each said once: many texts hold that of their cause already.
pub(crate) fn explained(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !said.contains(&cause) {
            let between = if said.is_empty() { "" } else { ": " };
            said = said + between + &cause;
        }
    }
    said
}

/// Shows a passing state on the terminal's last line; an empty text clears it.
#[expect(clippy::print_stderr, reason = "the one place for progress")]
pub(crate) fn status(text: &str) {
    eprint!("\r\x1b[K{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let cause = anyhow::anyhow!("no such file");
        let error = cause.context("cannot read a: no such file").context("weir.toml");
        assert_eq!(explained(&error), "weir.toml: cannot read a: no such file");
    }
}
