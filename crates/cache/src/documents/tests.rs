//! Documents outlive a restart, and only as they were.

use bytes::Bytes;
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};
use weir_core::{Algorithm, Digest, Release, Timestamp};

use super::{DocumentKey, Documents, Fetched};
use crate::testing::Kept;
use crate::{Facts, FactsBuilder};

fn key(request: &str) -> DocumentKey {
    DocumentKey { mount: "npm".into(), request: request.into() }
}

fn fetched(body: Option<&'static str>) -> Fetched {
    Fetched {
        body: body.map(|text| Bytes::from_static(text.as_bytes())),
        media: "application/json".into(),
        url: "https://registry.example/lodash".into(),
        etag: Some("\"a\"".into()),
        last_modified: Some("Mon, 01 Jan 2024 00:00:00 GMT".into()),
        headers: vec![("link".into(), "<x>".into())],
        scope: "lodash".into(),
    }
}

#[tokio::test]
async fn a_document_is_the_same_after_a_restart() {
    let kept = Kept::new();
    let before = kept.open().await.documents.put(&key("a"), fetched(Some("{}"))).await.unwrap();
    let after = kept.open().await.documents.get(&key("a")).await.unwrap().unwrap();
    let (was, is) = (before.doc.as_ref().unwrap(), after.doc.as_ref().unwrap());
    assert_eq!((is.bytes(), is.digest(), is.media()), (was.bytes(), was.digest(), was.media()));
    assert_eq!(is.header("link"), Some("<x>"));
    assert_eq!(is.last_modified().unwrap().date(), "2024-01-01");
    assert_eq!((&after.url, &after.etag), (&before.url, &before.etag));
    assert!(kept.open().await.documents.get(&key("b")).await.unwrap().is_none());
}

#[tokio::test]
async fn that_there_is_no_such_thing_is_kept_too() {
    let kept = Kept::new();
    kept.open().await.documents.put(&key("a"), fetched(None)).await.unwrap();
    assert!(kept.open().await.documents.get(&key("a")).await.unwrap().unwrap().doc.is_none());
    assert!(kept.files().is_empty());
}

#[tokio::test]
async fn a_confirmation_is_kept() {
    let kept = Kept::new();
    let documents = kept.open().await.documents;
    let stored = documents.put(&key("a"), fetched(Some("{}"))).await.unwrap();
    kept.clock.set(Timestamp::from_millis(5000));
    documents.confirm(&key("a"), &stored).await.unwrap();
    let later = Timestamp::from_millis(5000);
    assert_eq!(stored.validated_at(), later);
    let again = kept.open().await.documents.get(&key("a")).await.unwrap().unwrap();
    assert_eq!((again.validated_at(), again.fetched_at), (later, Timestamp::EPOCH));
}

#[tokio::test]
async fn a_newer_document_takes_the_place_of_the_older() {
    let kept = Kept::new();
    let documents = kept.open().await.documents;
    for text in ["{}", "[]", "[]"] {
        documents.put(&key("a"), fetched(Some(text))).await.unwrap();
        assert_eq!(kept.files().len(), 1, "the bytes of the older are gone");
    }
    documents.put(&key("b"), fetched(Some("[]"))).await.unwrap();
    assert_eq!(kept.files().len(), 2);
    documents.put(&key("a"), fetched(None)).await.unwrap();
    assert_eq!(kept.files().len(), 1);
    let other = kept.open().await.documents.get(&key("b")).await.unwrap().unwrap();
    assert_eq!(other.doc.as_ref().unwrap().bytes(), b"[]");
}

#[tokio::test]
async fn bytes_that_were_changed_or_removed_count_as_not_kept() {
    let kept = Kept::new();
    kept.open().await.documents.put(&key("a"), fetched(Some("{}"))).await.unwrap();
    let file = kept.files().pop().unwrap();
    std::fs::write(&file, "{\"evil\":true}").unwrap();
    assert!(kept.open().await.documents.get(&key("a")).await.unwrap().is_none());
    std::fs::remove_file(&file).unwrap();
    assert!(kept.open().await.documents.get(&key("a")).await.unwrap().is_none());
}

/// Another connection to the catalogue of a folder.
async fn beside(kept: &Kept) -> DatabaseConnection {
    let path = kept.folder.path().join("weir.db");
    let mut options = ConnectOptions::new(format!("sqlite://{}", path.display()));
    Database::connect(options.max_connections(1).to_owned()).await.unwrap()
}

async fn bytes(kept: &Kept, key: &DocumentKey) -> Option<Vec<u8>> {
    let stored = kept.open().await.documents.get(key).await.unwrap()?;
    Some(stored.doc.as_ref()?.bytes().to_vec())
}

#[tokio::test]
async fn a_root_that_cannot_be_recorded_leaves_all_versions_as_they_are() {
    let kept = Kept::new();
    let documents = kept.open().await.documents;
    for text in ["1", "2", "3"] {
        documents.put_root(&key("root"), fetched(Some(text))).await.unwrap();
    }
    let other = beside(&kept).await;
    let failing = "CREATE TRIGGER failing BEFORE UPDATE ON documents WHEN NEW.key = 'root' \
                   BEGIN SELECT RAISE(ABORT, 'no'); END";
    other.execute_unprepared(failing).await.unwrap();
    documents.put_root(&key("root"), fetched(Some("4"))).await.unwrap_err();
    // As after a crash: nothing of the process before is left.
    for (past, text) in [(0, b"3"), (1, b"2"), (2, b"1")] {
        assert_eq!(bytes(&kept, &key("root").past(past)).await.unwrap(), text, "{past}");
    }
    other.execute_unprepared("DROP TRIGGER failing").await.unwrap();
    documents.put_root(&key("root"), fetched(Some("4"))).await.unwrap();
    for (past, text) in [(0, b"4"), (1, b"3"), (2, b"2")] {
        assert_eq!(bytes(&kept, &key("root").past(past)).await.unwrap(), text, "{past}");
    }
    assert_eq!(kept.files().len(), 3, "the bytes of the oldest are gone");
    documents.put_root(&key("root"), fetched(Some("3"))).await.unwrap();
    for (past, text) in [(0, b"3"), (1, b"4"), (2, b"3")] {
        assert_eq!(bytes(&kept, &key("root").past(past)).await.unwrap(), text, "{past}");
    }
}

fn table(file: &str) -> Vec<u8> {
    let mut facts = FactsBuilder::default();
    facts.add(&Release {
        name: "a".into(),
        version: "1".into(),
        file: Some(file.to_owned().into()),
        ..Release::default()
    });
    facts.build()
}

fn index(request: &str, version: &str) -> DocumentKey {
    key(request).version(&Digest::of(Algorithm::Sha256, version.as_bytes()))
}

#[tokio::test]
async fn an_index_is_compared_with_the_last_table_that_can_be_read() {
    let kept = Kept::new();
    let documents = kept.open().await.documents;
    let of = |version: &str| index("dists/stable/Packages.xz ", version);
    for (at, version) in ["one", "two"].into_iter().enumerate() {
        kept.clock.set(Timestamp::from_millis(at as i64));
        documents
            .put_facts(&of(version), table(version), weir_core::Coding::Identity)
            .await
            .unwrap();
    }
    let files = async |documents: &Documents, key: &DocumentKey| -> Vec<String> {
        let facts = documents.facts_before(key).await.unwrap();
        facts.iter().flat_map(Facts::iter).map(|fact| fact.file.to_owned()).collect()
    };
    assert_eq!(files(&documents, &of("three")).await, ["two"]);
    let plain = index("dists/stable/Packages ", "three");
    assert_eq!(files(&documents, &plain).await, ["two"], "whatever it is compressed with");
    let other = index("dists/other/Packages.xz ", "three");
    assert!(files(&documents, &other).await.is_empty());
    let latest = kept.files().into_iter().find(|file| {
        let bytes = std::fs::read(file).unwrap();
        bytes.windows(3).any(|part| part == b"two")
    });
    std::fs::remove_file(latest.unwrap()).unwrap();
    assert_eq!(files(&kept.open().await.documents, &of("three")).await, ["one"]);
}
