//! Lock entries that lead past the gateway: clients fetch the addresses in most lock files as
//! they stand.

use std::collections::BTreeSet;
use std::path::Path;

use super::addresses::{addresses, host_of};
use super::lockfiles::LockFiles;

/// How addresses of files end.
const ENDINGS: [&str; 7] = [".tgz", ".tar.gz", ".tar.bz2", ".whl", ".zip", ".crate", ".tar.xz"];
/// Whose lock files are whose.
const CLIENTS: [(&str, &[&str]); 9] = [
    ("npm", NPM),
    ("npx", NPM),
    ("yarn", &["yarn.lock"]),
    ("pnpm", &["pnpm-lock.yaml"]),
    ("bun", &["bun.lock"]),
    ("uv", &["uv.lock", "pylock"]),
    ("pip", &["requirements", "pylock"]),
    ("poetry", &["poetry.lock"]),
    ("cargo", &["Cargo.lock"]),
];
/// npm replaces the registry's host in these by the configured one.
const NPM: &[&str] = &["package-lock.json", "npm-shrinkwrap.json"];

/// For each lock file that was there before the command and that its client reads: how many
/// files it took from elsewhere. An address that the client replaced by one of this run, or
/// dropped, does not count; `own` are the hosts of the npm registry itself.
pub(crate) fn count<'a>(
    before: &LockFiles,
    after: &'a LockFiles,
    program: &str,
    origin: &str,
    own: &[String],
) -> Vec<(&'a Path, usize)> {
    let lists = CLIENTS.iter().find(|(client, _)| *client == program).map(|(_, names)| *names);
    let mut found = Vec::new();
    for (path, text) in after.iter() {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let reads = |names: &[&str]| names.iter().any(|start| name.starts_with(start));
        if name.starts_with('.') || !lists.is_none_or(reads) {
            continue;
        }
        let Some(earlier) = before.get(path) else { continue };
        let earlier = files(earlier);
        let passes = |address: &&String| {
            let replaced = reads(NPM) && own.iter().any(|host| host_of(address) == host);
            earlier.contains(*address) && !address.starts_with(origin) && !replaced
        };
        let count = files(text).iter().filter(|address| passes(address)).count();
        if count > 0 {
            found.push((path, count));
        }
    }
    found
}

/// The addresses of files in a text.
fn files(text: &str) -> BTreeSet<String> {
    let is_file = |address: &String| {
        let path = address.split('?').next().unwrap_or(address);
        ENDINGS.iter().any(|ending| path.ends_with(ending))
    };
    addresses(text).map(|address| address.text).filter(is_file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "http://127.0.0.1:40123";

    fn counted(file: &str, program: &str, before: &str, after: &str) -> usize {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(file);
        std::fs::write(&path, before).unwrap();
        let earlier = LockFiles::read(folder.path());
        std::fs::write(&path, after).unwrap();
        let later = LockFiles::read(folder.path());
        let own = ["registry.example".to_owned()];
        let found = count(&earlier, &later, program, ORIGIN, &own);
        found.first().map_or(0, |(_, count)| *count)
    }

    #[test]
    fn npm_replaces_the_registrys_host_and_no_other() {
        let text = r#""https://registry.example/a/-/a-1.tgz" "https://other.example/b.tgz""#;
        assert_eq!(counted("package-lock.json", "npm", text, text), 1);
    }

    #[test]
    fn other_clients_take_addresses_as_they_stand_unless_they_resolved_anew() {
        let text = "url = \"https://files.example/a-1.whl\"\nurl = \"https://files.example/b.whl\"";
        assert_eq!(counted("uv.lock", "uv", text, text), 2);
        let anew = text.replace("https://files.example", ORIGIN);
        assert_eq!(counted("uv.lock", "uv", text, &anew), 0);
        assert_eq!(counted("uv.lock", "npm", text, text), 0, "npm does not read it");
        assert_eq!(counted("uv.lock", "make", text, text), 2, "make may run uv");
    }

    #[test]
    fn pages_and_sources_are_no_files() {
        let text = "https://files.example/about http://a git+https://host.example/x.git httpd";
        assert_eq!(counted("yarn.lock", "yarn", text, text), 0);
    }
}
