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

/// A module of tests for each client: its name, and what its terminal shows of refusals.
macro_rules! for_each_client {
    ($($module:ident $name:literal $refusals:literal;)*) => {$(
        mod $module {
            #[test]
            fn installs_cold_and_from_the_cache() {
                super::installs($name);
            }

            #[test]
            fn corrupted_files_stop_at_the_gateway() {
                super::corrupted($name);
            }

            #[test]
            fn refusals_stand_on_the_terminal() {
                if let Some(refusals) = super::refusals($name) {
                    insta::assert_snapshot!(refusals, @$refusals);
                }
            }
        }
    )*};
}
pub(crate) use for_each_client;
