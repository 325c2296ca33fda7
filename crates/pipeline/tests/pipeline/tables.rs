//! What indexes say of their files is kept in tables; one that is lost is made again.

use std::path::{Path, PathBuf};

use weir_testkit::origin::{DebianStyle, Origin};

use crate::generations::{archive, dated, file, resigning, update, versions};
use crate::harness::{Setup, setup};

/// The tables below a folder.
fn tables(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(tables(&path));
        } else if std::fs::read(&path).is_ok_and(|bytes| bytes.starts_with(b"weir-facts")) {
            found.push(path);
        }
    }
    found
}

/// Somebody removes the tables below a gateway that does not run.
fn lose(setup: &Setup) {
    let lost = tables(&setup.objects());
    assert!(!lost.is_empty());
    for table in lost {
        std::fs::remove_file(table).unwrap();
    }
}

#[tokio::test]
async fn a_lost_table_is_made_again_from_the_index() {
    for style in [dated(10), DebianStyle { by_hash: false, ..dated(10) }] {
        let origin = Origin::start().await;
        archive(&["1.0"], &style).publish(&origin);
        for setup in [setup().debian(&origin, None), resigning(&origin, false)] {
            let gateway = setup.open().await;
            assert_eq!(versions(&update(&gateway, style.by_hash).await), ["1.0"]);
            drop(gateway);
            lose(&setup);
            let gateway = setup.open().await;
            origin.forget_requests();
            let found = gateway.get(&file("1.0")).await;
            assert!(found.is(200), "{found:?}");
            let (deb, asked) = ("pool/main/d/demo/demo_1.0_all.deb", origin.requests());
            assert_eq!((asked.len(), origin.count(deb)), (1, 1), "{asked:?}");
            assert!(!tables(&setup.objects()).is_empty());
        }
    }
}
