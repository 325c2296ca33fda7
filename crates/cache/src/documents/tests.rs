//! Documents outlive a restart, and only as they were.

use bytes::Bytes;
use weir_core::Timestamp;

use super::{DocumentKey, Fetched};
use crate::testing::Kept;

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
