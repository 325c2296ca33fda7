//! The same tests for each client of an ecosystem.

use super::Output;

/// What of these runs concerns a refusal: the lines that hold one of the words. All that they
/// printed is shown with `--nocapture`.
pub(crate) fn shown(client: &str, runs: &[(&str, Output)], words: &[&str]) -> String {
    let mut parts = Vec::new();
    for (title, output) in runs {
        println!("==== {client}: {title}\n{}", output.text);
        let lines = output.lines(words);
        let lines = if lines.is_empty() { "(nothing)" } else { &lines };
        parts.push(format!("{title}:\n{lines}"));
    }
    parts.join("\n")
}

/// A module of tests for each client: its name, and what its terminal shows of refusals. The
/// module that asks says which `ECOSYSTEM` it is, for the README's table.
macro_rules! for_each_client {
    ($($module:ident $name:literal $refusals:literal;)*) => {$(
        mod $module {
            use crate::harness::{Proof, proved};

            #[test]
            fn installs_cold_and_from_the_cache() {
                super::installs($name);
                proved(super::ECOSYSTEM, $name, &[Proof::Offline]);
            }

            #[test]
            fn corrupted_files_stop_at_the_gateway() {
                super::corrupted($name);
                proved(super::ECOSYSTEM, $name, &[Proof::DigestVerified]);
            }

            #[test]
            fn refusals_stand_on_the_terminal() {
                if let Some(refusals) = super::refusals($name) {
                    insta::assert_snapshot!(refusals, @$refusals);
                    let shown = [Proof::ListingFiltered, Proof::DownloadGated, Proof::Cooldown];
                    proved(super::ECOSYSTEM, $name, &shown);
                }
            }
        }
    )*};
}
pub(crate) use for_each_client;
