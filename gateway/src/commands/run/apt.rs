//! apt, whose sources, lists and keys stay what they are: for one run the gateway is the proxy of the
//! archives that it has (apt-transport-http(1), `Acquire::http::Proxy::HOST`).

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

/// The variable that names a file of settings, which apt reads before all others (apt.conf(5)).
pub(crate) const VARIABLE: &str = "APT_CONFIG";
/// apt, and what may start it.
const PROGRAMS: [&str; 10] =
    ["apt", "apt-get", "apt-cache", "apt-file", "aptitude", "sh", "bash", "dash", "env", "make"];

/// Whether a command may run apt.
pub(crate) fn may_run(command: &[OsString]) -> bool {
    let program = command.first().map(Path::new).and_then(Path::file_name);
    program.and_then(|name| name.to_str()).is_some_and(|name| PROGRAMS.contains(&name))
}

/// A file of settings, until it is dropped.
#[derive(Debug)]
pub(crate) struct Settings(NamedTempFile);

impl Settings {
    /// Writes that this gateway is the proxy for these hosts, behind what the user's own file says.
    pub(crate) fn write(
        hosts: &BTreeSet<String>,
        gateway: &str,
        before: Option<&str>,
    ) -> io::Result<Self> {
        let mut file = tempfile::Builder::new().prefix("weir-apt-").suffix(".conf").tempfile()?;
        file.write_all(text(hosts, gateway, before).as_bytes())?;
        file.flush()?;
        Ok(Self(file))
    }

    /// The variable that names it.
    pub(crate) fn variable(&self) -> (String, OsString) {
        (VARIABLE.to_owned(), self.0.path().into())
    }
}

fn text(hosts: &BTreeSet<String>, gateway: &str, before: Option<&str>) -> String {
    let mut text = String::new();
    if let Some(before) = before {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "#include \"{before}\";");
    }
    for host in hosts {
        let _ = writeln!(text, "Acquire::http::Proxy::{host} \"{gateway}\";");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_is_the_proxy_of_the_archives_alone() {
        let hosts = ["apt.example".to_owned(), "security.example".to_owned()].into();
        let text = text(&hosts, "http://127.0.0.1:4", Some("/etc/own.conf"));
        assert_eq!(
            text,
            "#include \"/etc/own.conf\";\n\
             Acquire::http::Proxy::apt.example \"http://127.0.0.1:4\";\n\
             Acquire::http::Proxy::security.example \"http://127.0.0.1:4\";\n"
        );
    }

    #[test]
    fn commands_that_may_run_apt() {
        let may = |program: &str| may_run(&[OsString::from(program)]);
        assert!(may("apt-get") && may("/usr/bin/apt") && may("sh"));
        assert!(!may("npm") && !may_run(&[]));
    }
}
