//! What tests prove of an ecosystem with a client, written down for the table in the README.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use serde::Serialize;

use super::clients::is_installed;
use super::variable;

/// A column of the table.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Proof {
    /// A resolver was not offered what is withheld, and took something else or failed.
    ListingFiltered,
    /// A withheld file that the client asked for by its address was refused.
    DownloadGated,
    /// A file that differs from what its index promises reached no client and no cache.
    DigestVerified,
    /// What is too young was withheld.
    Cooldown,
    /// The client did its work from the cache of a gateway that opens no connection.
    Offline,
}

/// A line of `WEIR_TEST_PROOFS/*.jsonl`.
#[derive(Serialize)]
struct Record<'a> {
    ecosystem: &'a str,
    client: &'a str,
    proof: Proof,
}

/// Says what a test has proved. It is a test's last statement, so that all that it checks has
/// passed. `client` is a name of `e2e/clients.toml`; one that is not installed proved nothing.
pub(crate) fn proved(ecosystem: &str, client: &str, proofs: &[Proof]) {
    let Some(folder) = variable("WEIR_TEST_PROOFS") else { return };
    if !is_installed(client) {
        return;
    }
    let path = PathBuf::from(folder).join(format!("{}.jsonl", std::process::id()));
    let lines: String = proofs
        .iter()
        .map(|proof| Record { ecosystem, client, proof: *proof })
        .map(|record| serde_json::to_string(&record).unwrap() + "\n")
        .collect();
    // Tests run side by side: a write of this size to the end of a file is one step.
    let mut file = File::options().create(true).append(true).open(path).unwrap();
    file.write_all(lines.as_bytes()).unwrap();
}
