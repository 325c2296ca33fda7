//! What the catalogue promises, on any database.

use std::time::Duration;

use crate::{
    ArtifactRow, Catalog, DocumentRow, DocumentState, FirstSeen, Hits, Kind, Refusal, Sights,
};
use futures_util::future::join_all;
use weir_core::{Algorithm, Coordinates, Digest, Listed, Name, Role, Timestamp};

use super::database::{on_each, with_catalog};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + seconds)
}

fn digest(text: &str) -> Digest {
    Digest::of(Algorithm::Sha256, text.as_bytes())
}

pub(super) fn artifact(name: &str, version: &str, size: u64) -> ArtifactRow {
    let file = format!("{name}-{version}.tgz");
    ArtifactRow {
        mount: "npm".to_owned(),
        path: format!("{name}/-/{file}"),
        ecosystem: "npm".to_owned(),
        name: name.to_owned(),
        version: version.to_owned(),
        storage_key: format!("npm/{name}/{version}/{file}"),
        file,
        size,
        sha256: digest(name),
        promised: Some(Digest::of(Algorithm::Sha512, b"promised")),
        digests: [Algorithm::Md5, Algorithm::Sha1].map(|one| Digest::of(one, b"bytes")).into(),
        media: Some("application/octet-stream".to_owned()),
        available: Some(Timestamp::MIN),
        authored: None,
        first_seen: Some(at(0)),
        role: Role::Package,
        kind: Kind::Cached,
        source_host: Some("registry.example".to_owned()),
        created_at: at(1),
        last_used_at: at(1),
        hits: 0,
    }
}

fn hits(row: &ArtifactRow, count: u64, last_used: Timestamp) -> Hits {
    Hits { mount: row.mount.clone(), path: row.path.clone(), count, last_used }
}

#[tokio::test]
async fn a_recorded_file_reads_back_until_it_is_forgotten() {
    with_catalog("artifact", async |catalog| {
        let row = artifact("@scope/lodash", "1.0.0", u64::MAX >> 1);
        assert_eq!(catalog.artifact("npm", &row.path).await.unwrap(), None);
        catalog.put_artifact(&row).await.unwrap();
        assert_eq!(catalog.artifact("npm", &row.path).await.unwrap(), Some(row.clone()));
        assert_eq!(catalog.artifact("other", &row.path).await.unwrap(), None);
        let forget = async |at| catalog.forget_artifact("npm", &row.path, at).await.unwrap();
        assert!(!forget(at(99)).await, "another one is stored there now");
        assert!(forget(row.created_at).await);
        assert!(!forget(row.created_at).await);
        assert_eq!(catalog.artifact("npm", &row.path).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_new_record_replaces_everything_but_the_hits() {
    with_catalog("replace", async |catalog| {
        let first = artifact("a", "1.0.0", 10);
        catalog.put_artifact(&first).await.unwrap();
        catalog.count_hits(&[hits(&first, 3, at(9))]).await.unwrap();
        let second = ArtifactRow {
            version: "1.0.1".to_owned(),
            size: 11,
            sha256: digest("other"),
            promised: None,
            media: None,
            available: Some(at(5)),
            authored: Some(at(4)),
            first_seen: None,
            role: Role::Resolution,
            kind: Kind::Owned,
            source_host: None,
            created_at: at(20),
            last_used_at: at(20),
            ..first
        };
        catalog.put_artifact(&second).await.unwrap();
        let found = catalog.artifact("npm", &second.path).await.unwrap().unwrap();
        assert_eq!(found, ArtifactRow { hits: 3, ..second });
    })
    .await;
}

#[tokio::test]
async fn hits_add_up_and_the_last_use_never_goes_back() {
    with_catalog("hits", async |catalog| {
        let (one, two) = (artifact("a", "1", 1), artifact("b", "1", 1));
        catalog.put_artifact(&one).await.unwrap();
        catalog.put_artifact(&two).await.unwrap();
        let gone = artifact("gone", "1", 1);
        let batch = [hits(&two, 1, at(50)), hits(&gone, 9, at(50)), hits(&one, 2, at(60))];
        catalog.count_hits(&batch).await.unwrap();
        catalog.count_hits(&[hits(&one, 5, at(30))]).await.unwrap();
        let found = catalog.artifact("npm", &one.path).await.unwrap().unwrap();
        assert_eq!((found.hits, found.last_used_at), (7, at(60)));
        assert_eq!(catalog.artifact("npm", &gone.path).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn eviction_sees_the_longest_unused_and_only_what_is_cached() {
    with_catalog("eviction", async |catalog| {
        let owned = ArtifactRow { kind: Kind::Owned, ..artifact("owned", "1", 1) };
        let old = ArtifactRow { last_used_at: at(10), ..artifact("old", "1", 1) };
        let new = ArtifactRow { last_used_at: at(20), ..artifact("new", "1", 1) };
        for row in [&owned, &new, &old] {
            catalog.put_artifact(row).await.unwrap();
        }
        let all = catalog.least_recently_used(None, 9).await.unwrap();
        assert_eq!(all, [old.clone(), new]);
        let before = catalog.least_recently_used(Some(at(20)), 9).await.unwrap();
        assert_eq!(before, std::slice::from_ref(&old));
        assert_eq!(catalog.users_of(&old.storage_key).await.unwrap(), 1);
        assert_eq!(catalog.users_of("npm/nobody").await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn the_files_of_a_package_are_found_by_its_name() {
    with_catalog("package", async |catalog| {
        let rows = [artifact("a", "1", 1), artifact("a", "2", 1)];
        for row in &rows {
            catalog.put_artifact(row).await.unwrap();
        }
        catalog.put_artifact(&artifact("ab", "1", 1)).await.unwrap();
        assert_eq!(catalog.artifacts_of("npm", "a").await.unwrap(), rows);
    })
    .await;
}

fn document(key: &str) -> DocumentRow {
    DocumentRow {
        mount: "npm".to_owned(),
        key: key.to_owned(),
        scope: "lodash".to_owned(),
        state: DocumentState::Present,
        digest: Some(digest("document")),
        status: 200,
        media: Some("application/json".to_owned()),
        headers: r#"[["x-one","1"]]"#.to_owned(),
        url: "https://registry.example/lodash".to_owned(),
        etag: Some("\"é\"".to_owned()),
        last_modified: Some("Fri, 21 Nov 2025 04:40:00 GMT".to_owned()),
        size: 42,
        storage_key: Some("npm/lodash/full".to_owned()),
        fetched_at: at(0),
        validated_at: at(0),
    }
}

#[tokio::test]
async fn a_document_is_kept_validated_replaced_and_forgotten() {
    with_catalog("document", async |catalog| {
        let row = document("GET primary lodash");
        catalog.put_documents(std::slice::from_ref(&row)).await.unwrap();
        assert_eq!(catalog.document("npm", &row.key).await.unwrap(), Some(row.clone()));
        assert!(catalog.touch_document("npm", &row.key, at(7)).await.unwrap());
        assert!(catalog.touch_document("npm", &row.key, at(3)).await.unwrap());
        let touched = catalog.document("npm", &row.key).await.unwrap().unwrap();
        assert_eq!((touched.validated_at, touched.fetched_at), (at(7), at(0)));
        let absent = DocumentRow {
            state: DocumentState::Absent,
            digest: None,
            status: 404,
            media: None,
            etag: None,
            last_modified: None,
            size: 0,
            storage_key: None,
            fetched_at: at(9),
            validated_at: at(9),
            ..row
        };
        catalog.put_documents(std::slice::from_ref(&absent)).await.unwrap();
        let about = catalog.documents_of("npm", "lodash").await.unwrap();
        assert_eq!(about, std::slice::from_ref(&absent));
        assert!(catalog.forget_document("npm", &absent.key).await.unwrap());
        assert!(!catalog.touch_document("npm", &absent.key, at(10)).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn of_absences_the_latest_are_remembered() {
    with_catalog("absences", async |catalog| {
        let absent = |n: i64| DocumentRow {
            state: DocumentState::Absent,
            digest: None,
            storage_key: None,
            validated_at: at(n),
            ..document(&format!("absent {n}"))
        };
        let rows: Vec<DocumentRow> = (0..5).map(absent).collect();
        catalog.put_documents(&rows).await.unwrap();
        catalog.put_documents(&[document("present")]).await.unwrap();
        assert_eq!(catalog.forget_absences(None, 5).await.unwrap(), 0);
        assert_eq!(catalog.forget_absences(None, 3).await.unwrap(), 2);
        assert_eq!(catalog.forget_absences(Some(at(3)), 5).await.unwrap(), 1);
        let left = catalog.documents_under("npm", "").await.unwrap();
        let mut left: Vec<&str> = left.iter().map(|row| &*row.key).collect();
        left.sort_unstable();
        assert_eq!(left, ["absent 3", "absent 4", "present"]);
    })
    .await;
}

#[tokio::test]
async fn the_first_contact_stands() {
    with_catalog("contact", async |catalog| {
        assert_eq!(catalog.contact("npm", "lodash").await.unwrap(), None);
        let sights = Sights { scope: "lodash".into(), ..Sights::default() };
        catalog.record_sights("npm", &sights, at(5)).await.unwrap();
        catalog.record_sights("npm", &sights, at(1)).await.unwrap();
        assert_eq!(catalog.contact("npm", "lodash").await.unwrap(), Some(at(5)));
        assert_eq!(catalog.contact("mirror", "lodash").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn the_first_outline_stands_until_a_listing_is_compared_with_it() {
    with_catalog("outlines", async |catalog| {
        assert_eq!(catalog.outline("npm", "a").await.unwrap(), None);
        catalog.begin_outline("npm", "a", vec![1, 2]).await.unwrap();
        catalog.begin_outline("npm", "a", vec![3]).await.unwrap();
        assert_eq!(catalog.outline("npm", "a").await.unwrap(), Some(vec![1, 2]));
        let mut sights = Sights { scope: "a".into(), ..Sights::default() };
        catalog.record_sights("npm", &sights, at(1)).await.unwrap();
        assert_eq!(catalog.outline("npm", "a").await.unwrap(), Some(vec![1, 2]));
        sights.outline = Some(vec![]);
        catalog.record_sights("npm", &sights, at(2)).await.unwrap();
        assert_eq!(catalog.outline("npm", "a").await.unwrap(), Some(vec![]));
        assert_eq!(catalog.outline("mirror", "a").await.unwrap(), None);
        assert_eq!(catalog.contact("npm", "a").await.unwrap(), Some(at(1)));
    })
    .await;
}

#[tokio::test]
async fn the_first_sight_of_each_version_stands() {
    with_catalog("first_seen", async |catalog| {
        let many: Vec<String> = (0..1200).map(|n| format!("9.{n}")).collect();
        let pairs: Vec<(&str, &str)> = many.iter().map(|version| (version.as_str(), "")).collect();
        catalog.record_first_seen("npm", "many", &pairs, at(1)).await.unwrap();
        assert_eq!(catalog.first_seen("npm", "many").await.unwrap().len(), 1200);
        let record = async |pairs: &[(&str, &str)], when| {
            catalog.record_first_seen("npm", "a", pairs, when).await.unwrap();
        };
        record(&[("2", "a-2.tgz"), ("2", "a-2.whl"), ("2", "a-2.tgz")], at(1)).await;
        record(&[("2", "a-2.tgz"), ("3", "")], at(2)).await;
        record(&[], at(3)).await;
        let seen = |version: &str, file: &str, at| FirstSeen {
            version: version.to_owned(),
            file: file.to_owned(),
            at,
        };
        assert_eq!(
            catalog.first_seen("npm", "a").await.unwrap(),
            [seen("2", "a-2.tgz", at(1)), seen("2", "a-2.whl", at(1)), seen("3", "", at(2))]
        );
    })
    .await;
}

fn listed(name: &str, version: &str, digest: Option<Digest>) -> Listed {
    let release = Coordinates::new(name, version);
    let published = digest.is_some().then(|| at(100));
    Listed { release, file: format!("{name}.deb").into(), digest, size: None, published }
}

#[tokio::test]
async fn files_are_known_by_digest_and_by_name_newest_first() {
    with_catalog("listed", async |catalog| {
        let (one, two) = (listed("a", "1", Some(digest("x"))), listed("a", "2", Some(digest("x"))));
        catalog.record_files("deb", &[two.clone(), two.clone()], at(1)).await.unwrap();
        catalog.record_files("deb", std::slice::from_ref(&one), at(2)).await.unwrap();
        let by_digest = catalog.known_by_digest("deb", &digest("x")).await.unwrap();
        assert_eq!(by_digest, [one.clone(), two.clone()]);
        assert_eq!(catalog.known_by_file("deb", "a.deb").await.unwrap(), [one, two.clone()]);
        assert_eq!(catalog.known_by_file("other", "a.deb").await.unwrap(), []);
        // A poorer listing does not take away what a richer one has said.
        catalog.record_files("deb", &[listed("a", "2", None)], at(3)).await.unwrap();
        assert_eq!(catalog.known_by_file("deb", "a.deb").await.unwrap()[0], two);
    })
    .await;
}

fn step(name: &str, from: &str, to: &Digest) -> Listed {
    let release = Coordinates::new(name, from);
    Listed {
        release,
        file: to.to_string().into(),
        digest: Some(to.clone()),
        size: None,
        published: None,
    }
}

#[tokio::test]
async fn steps_are_followed_upwards_within_a_package() {
    with_catalog("steps", async |catalog| {
        let (index, image, layer) = (digest("index"), digest("image"), digest("layer"));
        let steps = [
            step("a", "latest", &index),
            step("a", &index.to_string(), &image),
            step("a", &image.to_string(), &layer),
        ];
        assert!(catalog.record_steps("oci", "a", &steps, at(1)).await.unwrap());
        let foreign = step("b", "1", &layer);
        catalog.record_steps("oci", "b", std::slice::from_ref(&foreign), at(1)).await.unwrap();

        let above = |name: &str, to: &Digest| {
            let (catalog, name, to) = (catalog.clone(), Name::new(name), to.clone());
            async move { catalog.known_above("oci", &name, &to).await.unwrap() }
        };
        let [tag, child, own] = steps.clone();
        assert_eq!(above("a", &layer).await, [own.clone(), child.clone(), tag.clone()]);
        assert_eq!(above("a", &image).await, [child, tag]);
        assert_eq!(above("b", &layer).await, [foreign]);
        assert_eq!(above("c", &layer).await, []);
        assert_eq!(catalog.known_of("oci", &Name::new("a")).await.unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_tag_moves_and_an_address_does_not() {
    with_catalog("moves", async |catalog| {
        let (one, two) = (digest("one"), digest("two"));
        let record = async |step: &Listed, second| {
            catalog.record_steps("oci", "a", std::slice::from_ref(step), at(second)).await.unwrap()
        };
        record(&step("a", "1", &one), 1).await;
        record(&step("a", &one.to_string(), &digest("x")), 1).await;
        assert!(!record(&step("a", "1", &one), 2).await, "nothing of it is new");
        assert_eq!(catalog.contact("oci", "a").await.unwrap(), Some(at(1)));
        assert_eq!(catalog.first_seen("oci", "a").await.unwrap(), []);
        assert!(record(&step("a", "1", &two), 3).await);
        let moved = FirstSeen { version: "1".into(), file: two.to_string(), at: at(3) };
        assert!(record(&step("a", &one.to_string(), &digest("y")), 4).await);
        assert!(!record(&step("a", "1", &one), 4).await, "what it named before is not new");
        assert_eq!(catalog.first_seen("oci", "a").await.unwrap(), [moved]);
        let newest = &catalog.known_of("oci", &Name::new("a")).await.unwrap()[0];
        assert_eq!(&*newest.file, one.to_string());
    })
    .await;
}

#[tokio::test]
async fn the_last_refusals_are_kept_and_the_oldest_go() {
    with_catalog("refusals", async |catalog| {
        let refusal = |n: i64| Refusal {
            at: at(n),
            mount: "npm".to_owned(),
            purl: (n % 2 == 0).then(|| format!("pkg:npm/p@{n}")),
            code: "blocked_by_policies".to_owned(),
            rule: Some("cooldown".to_owned()),
            sentence: "Too new.".to_owned(),
            count: 2,
        };
        catalog.record_refusals(&[]).await.unwrap();
        let many: Vec<_> = (0..10_050).map(refusal).collect();
        catalog.record_refusals(&many).await.unwrap();
        assert_eq!(catalog.recent_refusals(2).await.unwrap(), [refusal(10_049), refusal(10_048)]);
        let kept = catalog.recent_refusals(20_000).await.unwrap();
        assert_eq!((kept.len(), kept.last()), (10_000, Some(&refusal(50))));
    })
    .await;
}

#[tokio::test]
async fn stats_count_packages_versions_files_bytes_and_hits() {
    with_catalog("stats", async |catalog| {
        assert_eq!(catalog.stats(5, 5).await.unwrap().to_string().lines().count(), 7);
        let lodash = artifact("lodash", "4.17.21", 1000);
        let newer = ArtifactRow { created_at: at(5), ..artifact("lodash", "4.17.22", 2000) };
        let mut shared = artifact("twin", "1", 1000);
        shared.storage_key.clone_from(&lodash.storage_key);
        let mut other = ArtifactRow { created_at: at(3), ..artifact("serde", "1.0.0", 50) };
        other.ecosystem = "cargo".to_owned();
        for row in [&lodash, &newer, &shared, &other] {
            catalog.put_artifact(row).await.unwrap();
        }
        let uses = [hits(&lodash, 2, at(9)), hits(&newer, 1, at(9)), hits(&other, 9, at(9))];
        catalog.count_hits(&uses).await.unwrap();
        let stats = catalog.stats(2, 2).await.unwrap();
        // Once for each database.
        insta::allow_duplicates! {
            insta::assert_snapshot!(serde_json::to_string_pretty(&stats).unwrap(), @r#"
            {
              "packages": 3,
              "versions": 4,
              "artifacts": 4,
              "total_size_bytes": 3050,
              "total_hits": 12,
              "ecosystems": {
                "cargo": 1,
                "npm": 2
              },
              "popular": [
                {
                  "ecosystem": "cargo",
                  "name": "serde",
                  "hits": 9,
                  "size": 50
                },
                {
                  "ecosystem": "npm",
                  "name": "lodash",
                  "hits": 3,
                  "size": 3000
                }
              ],
              "recent": [
                {
                  "ecosystem": "npm",
                  "name": "lodash",
                  "version": "4.17.22",
                  "cached_at": "2023-11-14T22:13:25Z",
                  "size": 2000
                },
                {
                  "ecosystem": "cargo",
                  "name": "serde",
                  "version": "1.0.0",
                  "cached_at": "2023-11-14T22:13:23Z",
                  "size": 50
                }
              ]
            }
            "#);
        }
    })
    .await;
}

#[tokio::test]
async fn several_catalogues_open_and_write_one_database_at_once() {
    on_each("several", async |settings| {
        let opened = join_all((0..4).map(|_| Catalog::open(settings))).await;
        let catalogs: Vec<Catalog> = opened.into_iter().map(Result::unwrap).collect();
        catalogs[0].put_artifact(&artifact("a", "1", 1)).await.unwrap();
        let tasks = catalogs.iter().enumerate().flat_map(|(n, catalog)| {
            (0..25).map(move |round| tokio::spawn(write_some(catalog.clone(), n as i64, round)))
        });
        for done in join_all(tasks).await {
            done.unwrap();
        }
        let row = artifact("a", "1", 1);
        let found = catalogs[3].artifact("npm", &row.path).await.unwrap().unwrap();
        assert_eq!(found.hits, 100);
        assert_eq!(catalogs[1].first_seen("npm", "a").await.unwrap().len(), 25);
        for catalog in catalogs {
            catalog.close().await.unwrap();
        }
    })
    .await;
}

async fn write_some(catalog: Catalog, n: i64, round: i64) {
    tokio::time::sleep(Duration::from_millis(round as u64 % 3)).await;
    let row = artifact("a", "1", 1);
    catalog.count_hits(&[hits(&row, 1, at(n))]).await.unwrap();
    let version = round.to_string();
    catalog.record_first_seen("npm", "a", &[(&version, "")], at(n)).await.unwrap();
    catalog.check().await.unwrap();
}

#[tokio::test]
async fn every_record_can_be_written_by_a_task_of_its_own() {
    with_catalog("tasks", async |catalog| {
        let catalog = catalog.clone();
        let task = tokio::spawn(async move {
            catalog.put_artifact(&artifact("a", "1", 1)).await?;
            catalog.put_documents(&[document("k")]).await?;
            catalog.touch_document("npm", "k", at(3)).await?;
            let sights = Sights { scope: "a".into(), ..Sights::default() };
            catalog.record_sights("npm", &sights, at(3)).await?;
            catalog.record_files("npm", &[listed("a", "1", None)], at(3)).await?;
            catalog.record_refusals(&[]).await?;
            catalog.forget_document("npm", "k").await?;
            let stored = artifact("a", "1", 1);
            catalog.forget_artifact("npm", &stored.path, stored.created_at).await?;
            catalog.stats(1, 1).await
        });
        assert_eq!(task.await.unwrap().unwrap().artifacts, 0);
    })
    .await;
}

#[tokio::test]
async fn what_was_recorded_is_there_after_a_restart() {
    on_each("restart", async |settings| {
        let catalog = Catalog::open(settings).await.unwrap();
        catalog.put_artifact(&artifact("a", "1", 1)).await.unwrap();
        catalog.close().await.unwrap();
        assert!(catalog.artifacts_of("npm", "a").await.is_err());
        let again = Catalog::open(settings).await.unwrap();
        assert_eq!(again.artifacts_of("npm", "a").await.unwrap().len(), 1);
        again.close().await.unwrap();
    })
    .await;
}
