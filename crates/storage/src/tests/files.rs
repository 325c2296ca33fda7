//! The folder end.

use std::{fs, io};

use crate::{Key, Spools, Storage, StorageError, StorageSettings};
use futures_util::TryStreamExt;

use super::conformance::{self, keys, open, pattern, put};

fn settings() -> StorageSettings {
    StorageSettings { read_size: 64 * 1024, ..StorageSettings::default() }
}

fn storage(folder: &std::path::Path) -> std::sync::Arc<dyn Storage> {
    crate::open(&format!("file://{}", folder.display()), &settings()).unwrap()
}

#[tokio::test]
async fn a_folder_keeps_every_promise() {
    let folder = tempfile::tempdir().unwrap();
    let spools = Spools::open(folder.path(), &settings()).unwrap();
    conformance::all(storage(folder.path()), &spools).await;
}

#[tokio::test]
async fn a_spool_of_another_file_system_is_copied() {
    // Where there is no second file system, a rename has to do, and the promises hold all the same.
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let spools = Spools::open(other.path(), &settings()).unwrap();
    conformance::all(storage(folder.path()), &spools).await;
    assert_eq!(fs::read_dir(spools.folder()).unwrap().count(), 0, "no spool stays behind");
}

#[tokio::test]
async fn objects_lie_where_people_look_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let (storage, spools) =
        (storage(folder.path()), Spools::open(folder.path(), &settings()).unwrap());
    let key = Key::from_parts(["npm", "lodash", "4.17.21", "lodash-4.17.21.tgz"]);
    put(&*storage, &spools, &key, b"tarball").await;
    let path = folder.path().join("npm/lodash/4.17.21/lodash-4.17.21.tgz");
    assert_eq!(fs::read(path).unwrap(), b"tarball");
    storage.delete(&key).await.unwrap();
    assert!(!folder.path().join("npm").exists(), "empty folders go too");
    assert!(folder.path().exists());
}

#[tokio::test]
async fn what_is_no_object_is_neither_listed_nor_opened() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage(folder.path());
    fs::create_dir_all(folder.path().join("npm/folder")).unwrap();
    fs::write(folder.path().join("npm/.hidden"), "").unwrap();
    fs::write(folder.path().join("npm/a name with spaces"), "").unwrap();
    assert_eq!(keys(&*storage, "").await, [""; 0]);
    assert!(storage.open(&Key::from_parts(["npm", "folder"])).await.unwrap().is_none());
    assert!(!storage.delete(&Key::from_parts(["npm", "folder"])).await.unwrap());
}

#[tokio::test]
async fn an_object_that_shrinks_while_it_is_read_is_an_error_not_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let (storage, spools) =
        (storage(folder.path()), Spools::open(folder.path(), &settings()).unwrap());
    let key = Key::from_parts(["generic", "torn"]);
    put(&*storage, &spools, &key, &pattern(300_000)).await;
    let opened = open(&*storage, &key).await;
    fs::OpenOptions::new()
        .write(true)
        .open(folder.path().join("generic/torn"))
        .unwrap()
        .set_len(100_000)
        .unwrap();
    let read: Result<Vec<_>, _> = opened.read(0..300_000).try_collect().await;
    assert!(matches!(read, Err(StorageError::Short { expected: 300_000, found: 100_000, .. })));
}

#[tokio::test]
async fn an_open_object_stays_readable_when_it_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let (storage, spools) =
        (storage(folder.path()), Spools::open(folder.path(), &settings()).unwrap());
    let key = Key::from_parts(["generic", "deleted"]);
    put(&*storage, &spools, &key, &pattern(300_000)).await;
    let opened = open(&*storage, &key).await;
    storage.delete(&key).await.unwrap();
    assert!(opened.all(u64::MAX).await.unwrap() == pattern(300_000));
}

#[test]
fn faults_that_an_operator_can_mend_have_errors_of_their_own() {
    let sort =
        |kind| StorageError::io("write", std::path::Path::new("/data"), io::Error::from(kind));
    let full = sort(io::ErrorKind::StorageFull);
    assert!(matches!(full, StorageError::Full { .. }) && full.is_transient());
    assert!(matches!(sort(io::ErrorKind::QuotaExceeded), StorageError::Full { .. }));
    assert!(matches!(sort(io::ErrorKind::ReadOnlyFilesystem), StorageError::ReadOnly { .. }));
    assert!(matches!(sort(io::ErrorKind::PermissionDenied), StorageError::Denied { .. }));
    assert!(full.to_string().contains("/data"), "{full}");
}

#[tokio::test]
async fn mistakes_in_the_address_are_named() {
    let reason = |url: &str| crate::open(url, &settings()).unwrap_err().to_string();
    insta::assert_snapshot!(reason("/var/lib/weir"), @r#"storage.url "/var/lib/weir": expected file:///folder or s3://bucket"#);
    insta::assert_snapshot!(reason("file://relative/path"), @r#"storage.url "file://relative/path": expected an absolute path: file:///var/lib/weir/objects"#);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let below = format!("file://{}/file/deeper", folder.path().display());
    assert!(reason(&below).contains("cannot create "), "{}", reason(&below));
    let address = format!("file://{}/a%20b", folder.path().display());
    assert_eq!(crate::open(&address, &settings()).unwrap().describe(), address);
    assert!(folder.path().join("a b").is_dir());
}
