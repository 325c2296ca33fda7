//! The README's table of what the last test run proved: for each ecosystem and its clients, with the
//! clients' versions, which promises were seen kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::clients::{self, Installed};
use crate::section::{self, Section};
use crate::workspace::Workspace;

/// The variable that tells tests where to write what they prove.
pub(crate) const VARIABLE: &str = "WEIR_TEST_PROOFS";

/// The part of the README that holds it.
const SECTION: Section = section::of_readme("table");

/// Behind a version that the distribution chose.
const MEASURED: char = '†';

/// Ecosystems in the order of the table: id and title.
const ECOSYSTEMS: [(&str, &str); 7] = [
    ("npm", "npm"),
    ("pypi", "PyPI"),
    ("cargo", "Cargo"),
    ("go", "Go"),
    ("maven", "Maven"),
    ("debian", "Debian"),
    ("container", "Container"),
];

/// A line of what a test wrote.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    ecosystem: String,
    client: String,
    proof: Proof,
}

/// A client by its name in `e2e/clients.toml`.
type Client<'a> = (&'a str, &'a Installed);

/// The columns in their order.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
enum Proof {
    ListingFiltered,
    DownloadGated,
    DigestVerified,
    Cooldown,
    Offline,
}

impl Proof {
    const ALL: [Self; 5] = [
        Self::ListingFiltered,
        Self::DownloadGated,
        Self::DigestVerified,
        Self::Cooldown,
        Self::Offline,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::ListingFiltered => "listing filtered",
            Self::DownloadGated => "download gated",
            Self::DigestVerified => "digest verified",
            Self::Cooldown => "cooldown",
            Self::Offline => "offline",
        }
    }
}

/// An empty folder for the proofs of a run that begins.
pub(crate) fn begin(workspace: &Workspace) -> Result<PathBuf> {
    let folder = folder(workspace);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Notes that the run was one of all tests, and that all passed.
pub(crate) fn complete(workspace: &Workspace) -> Result<()> {
    Ok(std::fs::write(folder(workspace).join("complete"), "")?)
}

/// Compares the README with what the last run proved, or writes it there.
pub(crate) fn run(workspace: &Workspace, write: bool) -> Result<()> {
    if !folder(workspace).join("complete").exists() {
        bail!("the last run left tests out, or failed: run `cargo xtask e2e` without arguments");
    }
    let (installed, missing) = clients::installed(workspace)?;
    if !missing.is_empty() && !write {
        println!("the README's table was not compared: without {}", missing.join(", "));
        return Ok(());
    }
    if !missing.is_empty() {
        bail!("the table would lack {}: run `cargo xtask clients`", missing.join(", "));
    }
    let table = rendered(&records(workspace)?, &installed)?;
    if write {
        return section::replace(workspace, SECTION, &table);
    }
    if loosened(&section::current(workspace, SECTION)?) != loosened(&table) {
        bail!(
            "the README's table is not what the tests prove; `cargo xtask table --write` writes:\n\n{table}"
        );
    }
    println!("the README's table is what the tests prove");
    Ok(())
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("proofs")
}

fn records(workspace: &Workspace) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    for entry in std::fs::read_dir(folder(workspace))? {
        let path = entry?.path();
        for line in std::fs::read_to_string(&path)?.lines() {
            let record = serde_json::from_str(line);
            records.push(record.with_context(|| format!("{}: {line}", path.display()))?);
        }
    }
    Ok(records)
}

/// The clients of an ecosystem that prove the same share a row.
fn rendered(records: &[Record], clients: &BTreeMap<String, Installed>) -> Result<String> {
    let mut proofs: BTreeMap<(usize, &str), BTreeSet<Proof>> = BTreeMap::new();
    for record in records {
        let id = &record.ecosystem;
        let at = ECOSYSTEMS.iter().position(|(known, _)| known == id);
        let at = at.with_context(|| format!("a test proves something of {id:?}: no such row"))?;
        proofs.entry((at, &record.client)).or_default().insert(record.proof);
    }
    let mut rows: BTreeMap<(usize, Vec<bool>), Vec<Client<'_>>> = BTreeMap::new();
    for ((at, client), proved) in proofs {
        let cells = Proof::ALL.iter().map(|proof| !proved.contains(proof)).collect();
        let installed = clients.get(client);
        let installed = installed.with_context(|| format!("{client} is not installed"))?;
        rows.entry((at, cells)).or_default().push((client, installed));
    }
    let titles = Proof::ALL.map(Proof::title).join(" | ");
    let mut table = format!("| | {titles} | clients |\n|---|{}---|\n", ":-:|".repeat(5));
    for ((at, lacking), clients) in rows {
        let cells: Vec<_> = lacking.iter().map(|lacks| if *lacks { "" } else { "✓" }).collect();
        let (title, clients) = (ECOSYSTEMS[at].1, versions(clients));
        writeln!(table, "| {title} | {} | {clients} |", cells.join(" | "))?;
    }
    if table.contains(MEASURED) {
        writeln!(table, "\n{MEASURED} Debian's own.")?;
    }
    Ok(table)
}

/// `npm 6.14.18, 11.21.2; yarn 4.18.1`: clients of one name together, older versions first.
fn versions(clients: Vec<Client<'_>>) -> String {
    let mut by_name: BTreeMap<&str, Vec<(Vec<u64>, String)>> = BTreeMap::new();
    for (name, client) in clients {
        let mark = if client.pinned { "" } else { "†" };
        let numbers = client.version.split(|c: char| !c.is_ascii_digit());
        let numbers = numbers.filter_map(|number| number.parse().ok()).collect();
        let version = format!("{}{mark}", client.version);
        by_name.entry(without_number(name)).or_default().push((numbers, version));
    }
    let shown = by_name.into_iter().map(|(name, mut versions)| {
        versions.sort();
        let versions: Vec<_> = versions.into_iter().map(|(_, version)| version).collect();
        format!("{name} {}", versions.join(", "))
    });
    shown.collect::<Vec<_>>().join("; ")
}

/// `npm-11` is npm; `docker-registry` is itself.
fn without_number(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((base, end)) if end.bytes().all(|b| b.is_ascii_digit() || b == b'.') => base,
        _ => name,
    }
}

/// The table without the versions that the distribution chose.
fn loosened(table: &str) -> String {
    let word = |word: &str| match word.split_once(MEASURED) {
        Some((_, after)) => format!("{MEASURED}{after}"),
        None => word.to_owned(),
    };
    table.split_inclusive(' ').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clients(gpgv: &str) -> BTreeMap<String, Installed> {
        let client = |version: &str, pinned| Installed {
            program: Vec::new(),
            version: version.to_owned(),
            pinned,
        };
        [
            ("npm-11", client("11.21.2", true)),
            ("npm-6", client("6.14.18", true)),
            ("bun", client("1.4.5", true)),
            ("apt", client(gpgv, false)),
        ]
        .map(|(name, client)| (name.to_owned(), client))
        .into()
    }

    fn record((ecosystem, client, proof): (&str, &str, &str)) -> Record {
        let line =
            format!(r#"{{"ecosystem":{ecosystem:?},"client":{client:?},"proof":{proof:?}}}"#);
        serde_json::from_str(&line).unwrap()
    }

    fn table(apt: &str) -> String {
        let records = [
            ("debian", "apt", "offline"),
            ("npm", "npm-6", "listing_filtered"),
            ("npm", "npm-11", "listing_filtered"),
            ("npm", "npm-11", "listing_filtered"),
            ("npm", "bun", "cooldown"),
        ]
        .map(record);
        rendered(&records, &clients(apt)).unwrap()
    }

    #[test]
    fn clients_that_prove_the_same_share_a_row() {
        assert_eq!(
            table("2.6.1"),
            "| | listing filtered | download gated | digest verified | cooldown | offline | clients |\n\
             |---|:-:|:-:|:-:|:-:|:-:|---|\n\
             | npm | ✓ |  |  |  |  | npm 6.14.18, 11.21.2 |\n\
             | npm |  |  |  | ✓ |  | bun 1.4.5 |\n\
             | Debian |  |  |  |  | ✓ | apt 2.6.1† |\n\
             \n† Debian's own.\n"
        );
    }

    #[test]
    fn versions_that_the_distribution_chose_may_differ_and_nothing_else() {
        assert_eq!(loosened(&table("2.6.1")), loosened(&table("3.0.3")));
        assert_ne!(loosened(&table("2.6.1")), loosened(&table("2.6.1").replace("1.4.5", "1.4.6")));
        assert_ne!(loosened(&table("2.6.1")), loosened(&table("2.6.1").replacen('✓', "", 1)));
    }

    #[test]
    fn an_ecosystem_without_a_row_and_a_client_that_is_not_installed_are_errors() {
        for record in [("gpo", "npm-6", "offline"), ("npm", "npm-12", "offline")].map(record) {
            assert!(rendered(&[record], &clients("2.6.1")).is_err());
        }
    }
}
