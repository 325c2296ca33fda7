//! Go: a checksum database behind a proxy, digests over the content of archives, and versions that
//! lists do not have yet.

use weir_testkit::origin::{Answer, GoStyle, Origin, Package, go_database, go_proxy};

use crate::harness::{DAY, Setup, setup};

const NAME: &str = "sum.example";
const OLD: &str = "2024-01-01T00:00:00Z";

fn modules() -> Vec<Package> {
    vec![Package::new("go.example/Demo").release("v1.0.0", OLD).release("v1.1.0", OLD)]
}

/// A mount with the proxy at `origin` and a checksum database at an address.
fn mounted(origin: &Origin, database: &str) -> Setup {
    setup().go("go", &origin.url(), Some(database))
}

#[tokio::test]
async fn a_checksum_database_is_reached_through_the_proxy_under_its_own_name_only() {
    let origin = Origin::below("/go").await;
    go_proxy(&origin, &modules(), &GoStyle::default());
    let gateway = mounted(&origin, &format!("https://{NAME}")).open().await;
    assert!(gateway.get("/go/sumdb/sum.example/supported").await.is(200));
    let record = gateway.get("/go/sumdb/sum.example/lookup/go.example/!demo@v1.0.0").await;
    assert!(record.text().contains("go.example/Demo v1.0.0 h1:"), "{}", record.text());
    assert!(gateway.get("/go/sumdb/sum.example/tile/8/0/000.p/2").await.is(200));

    let asked = origin.requests().len();
    let other = gateway.get("/go/sumdb/other.example/supported").await;
    assert!(other.fails(404, "not_found"), "{other:?}");
    assert_eq!(origin.requests().len(), asked, "nobody is asked about another database");
    // Records and tiles are kept for good.
    assert!(gateway.get("/go/sumdb/sum.example/lookup/go.example/!demo@v1.0.0").await.is(200));
    assert_eq!(origin.requests().len(), asked);
}

#[tokio::test]
async fn a_checksum_database_that_the_proxy_does_not_relay_is_asked_itself() {
    let (origin, database) = (Origin::start().await, Origin::start().await);
    go_proxy(&origin, &modules(), &GoStyle { database: None, ..GoStyle::default() });
    let address = database.url();
    let name = address.trim_start_matches("http://").to_owned();
    go_database(&database, "", &name, &modules());
    let gateway = mounted(&origin, &address).open().await;
    assert!(gateway.get(&format!("/go/sumdb/{name}/supported")).await.is(200));
    assert!(gateway.get("/go/go.example/!demo/@v/v1.1.0.zip").await.is(200));
    assert_eq!(database.count("lookup/go.example/!demo@v1.1.0"), 1);
}

#[tokio::test]
async fn an_archive_with_other_content_is_neither_served_nor_stored() {
    let origin = Origin::start().await;
    go_proxy(&origin, &modules(), &GoStyle::default());
    let gateway = mounted(&origin, &format!("https://{NAME}")).open().await;
    for file in ["v1.0.0.zip", "v1.0.0.mod"] {
        let path = format!("go.example/!demo/@v/{file}");
        origin.change(&path, Answer::corrupted);
        let answer = gateway.get(&format!("/go/{path}")).await;
        assert!(answer.fails(502, "integrity_mismatch"), "{file}: {answer:?}");
    }
    assert!(gateway.stored().iter().all(|key| !key.contains("v1.0.0")), "{:?}", gateway.stored());
    let file = gateway.get("/go/go.example/!demo/@v/v1.1.0.zip").await;
    assert!(file.is(200));
    let tag = file.header("etag").map(str::to_owned);
    let again = gateway.get("/go/go.example/!demo/@v/v1.1.0.zip").await;
    assert!(
        again.header("etag").is_some() && tag.is_none_or(|tag| again.header("etag") == Some(&tag))
    );
}

#[tokio::test]
async fn a_version_above_the_list_is_as_old_as_its_first_request() {
    let origin = Origin::start().await;
    go_proxy(&origin, &modules(), &GoStyle::default());
    // The list lags behind what is served.
    origin.put("go.example/!demo/@v/list", Answer::ok("v1.0.0\n").media("text/plain"));
    let setup = mounted(&origin, &format!("https://{NAME}")).cooldown(3);
    let gateway = setup.open().await;
    assert!(gateway.get("/go/go.example/!demo/@v/v1.0.0.zip").await.is(200));
    for path in ["v1.1.0.zip", "v1.1.0.info"] {
        let refused = gateway.get(&format!("/go/go.example/!demo/@v/{path}")).await;
        assert!(refused.fails(403, "blocked_by_policies"), "{path}: {refused:?}");
    }
    assert!(gateway.get("/go/go.example/!demo/@v/v1.1.0.mod").await.is(200));
    setup.clock.advance(DAY * 4);
    assert!(gateway.get("/go/go.example/!demo/@v/v1.1.0.zip").await.is(200));
}

#[tokio::test]
async fn a_module_of_the_second_member_is_found_there_with_all_its_files() {
    let (inner, outer) = (Origin::start().await, Origin::start().await);
    let own = [Package::new("go.example/own").release("v1.0.0", OLD)];
    go_proxy(&inner, &own, &GoStyle { database: None, ..GoStyle::default() });
    go_proxy(&outer, &modules(), &GoStyle::default());
    let gateway = setup()
        .go("inner", &inner.url(), None)
        .go("outer", &outer.url(), Some(&format!("https://{NAME}")))
        .group("all", &[("inner", &[]), ("outer", &[])])
        .open()
        .await;
    for file in ["list", "v1.0.0.info", "v1.0.0.mod", "v1.0.0.zip"] {
        assert!(gateway.get(&format!("/all/go.example/!demo/@v/{file}")).await.is(200), "{file}");
        assert!(gateway.get(&format!("/all/go.example/own/@v/{file}")).await.is(200), "{file}");
    }
    let nowhere = gateway.get("/all/go.example/nothing/@v/v1.0.0.mod").await;
    assert!(nowhere.fails(404, "not_found"));
}
