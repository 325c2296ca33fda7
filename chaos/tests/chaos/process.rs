//! A process that is killed, and all of it together.

use std::time::Duration;

use weir_chaos::{Options, Store, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_short_storm_and_a_few_kills_leave_nothing_wrong_lost_or_unfiltered() {
    let storm = Duration::from_secs(6);
    let counts = run(&Options { store: Store::Files, storm, commits: 40, rounds: 6, seed: 5 })
        .await
        .unwrap();
    println!("{counts:#?}");
    assert!(counts.is_good() && counts.kills > 0 && counts.commits > 0, "{counts:#?}");
}
