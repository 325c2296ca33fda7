//! Registries that hand out tokens: who is asked for one, who gets to see what, and how often.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;

use super::server::{Reply, Seen, Server, reply, serve, serve_at, text};
use super::{client, origin, quick};
use crate::{Ask, Client, Credentials, Document, Origin, Secret, Settings, UpstreamError, Whither};

const MANIFEST: &str = "v2/library/alpine/manifests/3";
const SCOPE: &str = "repository:library/alpine:pull";

/// A token service that answers with this; the handler gets the number of the request.
async fn service(answer: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Server {
    serve(answer).await
}

/// A service whose tokens are `t0`, `t1`, … and hold for this many seconds.
async fn counting(expires_in: &'static str) -> Server {
    service(move |n, _| json(format!(r#"{{"token":"t{n}","expires_in":{expires_in}}}"#))).await
}

fn json(body: String) -> Reply {
    reply(200, &[("content-type", "application/json")], body)
}

fn challenge(realm: &str, scope: &str) -> Reply {
    let value = format!(r#"Bearer realm="{realm}",service="registry.example",scope="{scope}""#);
    reply(401, &[("www-authenticate", &value)], r#"{"errors":[{"code":"UNAUTHORIZED"}]}"#)
}

/// A registry that wants one of these tokens.
async fn registry(realm: &str, accepted: impl Fn(&str) -> bool + Send + Sync + 'static) -> Server {
    let realm = realm.to_owned();
    serve(move |_, seen| {
        let token = seen.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        match token {
            Some(token) if accepted(token) => text("manifest"),
            _ => challenge(&realm, SCOPE),
        }
    })
    .await
}

fn open(registry: &Server) -> Origin {
    Origin { token_realms: Some(Vec::new()), ..origin(&registry.url()) }
}

/// An origin with a password, which this token service may see.
fn closed(registry: &Server, service: &Server) -> Origin {
    let allowed = format!("127.0.0.1:{}", service.port());
    let password = Secret::new("s3cret");
    Origin { token_realms: Some(vec![allowed]), ..open(registry) }
        .with_credentials(Some(Credentials::Basic { user: "sa$ci".to_owned(), password }))
}

async fn get(client: &Client, origin: &Origin) -> Result<Document, UpstreamError> {
    client.document(origin, Ask::get(Whither::Path(MANIFEST))).await
}

#[tokio::test]
async fn a_token_is_fetched_once_and_used_for_the_whole_repository() {
    let tokens = counting("300").await;
    let registry = registry(&format!("{}/token?a=b", tokens.url()), |token| token == "t0").await;
    let (client, origin) = (client(quick()), open(&registry));
    assert_eq!(get(&client, &origin).await.unwrap().body, "manifest");
    let asked = tokens.seen();
    assert_eq!(
        asked[0].target,
        "/token?a=b&service=registry.example&scope=repository%3Alibrary%2Falpine%3Apull"
    );
    assert_eq!(asked[0].header("authorization"), None);

    for path in ["v2/library/alpine/blobs/sha256:0", "v2/library/alpine/tags/list", MANIFEST] {
        client.document(&origin, Ask::head(Whither::Path(path))).await.unwrap();
    }
    assert_eq!(tokens.seen().len(), 1);
    assert_eq!(registry.seen().len(), 5, "one refusal, and none after that");
    assert_eq!(registry.connections(), 1);
}

#[tokio::test]
async fn without_the_setting_a_401_stays_a_401() {
    let tokens = counting("300").await;
    let registry = registry(&tokens.url(), |_| true).await;
    let answer = get(&client(quick()), &origin(&registry.url())).await.unwrap();
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(tokens.connections(), 0);
}

#[tokio::test]
async fn many_at_once_need_one_token() {
    let tokens = counting("300").await;
    let registry = registry(&tokens.url(), |token| token == "t0").await;
    let (client, origin) = (client(quick()), open(&registry));
    let all = (0..20).map(|_| get(&client, &origin));
    for answer in futures_util::future::join_all(all).await {
        assert_eq!(answer.unwrap().status, StatusCode::OK);
    }
    assert_eq!(tokens.seen().len(), 1);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let tokens = counting("300").await;
    let revoked = Arc::new(AtomicU64::new(0));
    let least = revoked.clone();
    let registry = registry(&tokens.url(), move |token| {
        token[1..].parse::<u64>().unwrap() >= least.load(Ordering::SeqCst)
    })
    .await;
    let (client, origin) = (client(quick()), open(&registry));
    get(&client, &origin).await.unwrap();
    revoked.store(1, Ordering::SeqCst);
    assert_eq!(get(&client, &origin).await.unwrap().body, "manifest");
    assert_eq!(tokens.seen().len(), 2);

    // A registry that likes no token gets its say after one fresh one.
    revoked.store(u64::MAX, Ordering::SeqCst);
    let before = registry.seen().len();
    assert_eq!(get(&client, &origin).await.unwrap().status, StatusCode::UNAUTHORIZED);
    assert_eq!((tokens.seen().len(), registry.seen().len() - before), (3, 2));
}

#[tokio::test]
async fn a_registry_that_always_wants_something_else_ends() {
    let tokens = counting("300").await;
    let realm = tokens.url();
    let registry = serve(move |n, _| challenge(&realm, &format!("repository:r{n}:pull"))).await;
    let answer = get(&client(quick()), &open(&registry)).await.unwrap();
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!((registry.seen().len(), tokens.seen().len()), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn tokens_are_replaced_before_they_expire() {
    for (expires_in, seconds, fetches) in
        [("300", 280, 1), ("300", 295, 2), ("20", 14, 1), ("20", 16, 2), ("1e300", 3500, 1)]
    {
        let tokens = counting(expires_in).await;
        let registry = registry(&tokens.url(), |_| true).await;
        let (client, origin) = (client(quick()), open(&registry));
        get(&client, &origin).await.unwrap();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        get(&client, &origin).await.unwrap();
        assert_eq!(tokens.seen().len(), fetches, "{expires_in} after {seconds} s");
    }
}

#[tokio::test]
async fn a_token_that_is_expired_from_the_start_serves_its_request() {
    for expires_in in ["0", "-5"] {
        let tokens = counting(expires_in).await;
        let registry = registry(&tokens.url(), |_| true).await;
        let (client, origin) = (client(quick()), open(&registry));
        for _ in 0..2 {
            assert_eq!(get(&client, &origin).await.unwrap().body, "manifest");
        }
        assert_eq!(tokens.seen().len(), 2);
    }
}

#[tokio::test]
async fn credentials_go_to_the_service_that_may_see_them() {
    let tokens = service(|_, _| json(r#"{"access_token":"opaque","token":""}"#.to_owned())).await;
    let registry = registry(&tokens.url(), |token| token == "opaque").await;
    let answer = get(&client(quick()), &closed(&registry, &tokens)).await.unwrap();
    assert_eq!(answer.body, "manifest");
    assert_eq!(tokens.seen()[0].header("authorization"), Some("Basic c2EkY2k6czNjcmV0"));
    assert_eq!(registry.seen()[1].header("authorization"), Some("Bearer opaque"));
}

#[tokio::test]
async fn a_registry_that_takes_the_password_itself_is_asked_for_no_token() {
    let registry = serve(|_, seen| match seen.header("authorization") {
        Some("Basic c2EkY2k6czNjcmV0") => text("manifest"),
        _ => reply(401, &[("www-authenticate", "Basic realm=\"registry\"")], ""),
    })
    .await;
    let tokens = counting("300").await;
    let answer = get(&client(quick()), &closed(&registry, &tokens)).await.unwrap();
    assert_eq!(answer.body, "manifest");
    let answer = get(&client(quick()), &open(&registry)).await.unwrap();
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(tokens.connections(), 0);
}

#[tokio::test]
async fn a_service_elsewhere_gets_no_credentials_and_no_request() {
    let evil = counting("300").await;
    let registry = registry(&format!("http://127.0.0.1:{}/steal", evil.port()), |_| true).await;
    let written = Server::clone(&registry);
    let error = get(&client(quick()), &closed(&registry, &written)).await.unwrap_err();
    let UpstreamError::Token { status: None, .. } = &error else { panic!("{error}") };
    assert!(error.to_string().contains("token_realms"), "{error}");
    assert!(!error.is_transient() && !error.to_string().contains("s3cret"));
    assert_eq!(evil.connections(), 0);
}

#[tokio::test]
async fn a_realm_inside_the_network_is_refused_by_the_guard() {
    let inside = serve_at("127.0.0.2", None, |_, _| text("secret")).await;
    let port = inside.port();
    for realm in [
        format!("https://127.0.0.2:{port}/token"),
        format!("https://inside.example:{port}/token"),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://[::1]/token".to_owned(),
    ] {
        let registry = registry(&realm, |_| true).await;
        let hosts = [("registry.test", "127.0.0.1"), ("inside.example", "127.0.0.2")];
        let hosts = hosts.map(|(name, ip)| (name.to_owned(), vec![ip.parse().unwrap()])).into();
        let origin = Origin {
            token_realms: Some(Vec::new()),
            ..origin(&format!("http://registry.test:{}", registry.port()))
        };
        let error = get(&client(Settings { hosts, ..quick() }), &origin).await.unwrap_err();
        assert!(matches!(error, UpstreamError::Refused { .. }), "{realm}: {error}");
    }
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn what_is_no_token_is_said() {
    let huge = format!(r#"{{"token":"{}"}}"#, "a".repeat(20 << 10));
    let body = |body: &str| reply(200, &[], body.to_owned());
    for (answer, says) in [
        (body("<html>log in</html>"), "expected a token in JSON"),
        (body(r#"{"token":5}"#), "expected a token in JSON"),
        (body("{}"), "expected a token, found none"),
        (body(r#"{"token":"","access_token":""}"#), "expected a token, found none"),
        (body(r#"{"token":"a\r\nx-evil: 1"}"#), "fits into a header"),
        (body(&huge), "at most 16384 bytes"),
        (reply(302, &[("location", "/other")], ""), "answered 302"),
        (reply(401, &[("www-authenticate", "Basic")], ""), "answered 401"),
        (reply(404, &[], ""), "answered 404"),
    ] {
        let status = answer.status();
        let tokens = service(move |_, _| answer.clone()).await;
        let registry = registry(&tokens.url(), |_| true).await;
        let error = get(&client(quick()), &open(&registry)).await.unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(matches!(error, UpstreamError::Token { status: Some(s), .. } if s == status));
        assert_eq!(tokens.seen().len(), 1);
    }
}

#[tokio::test]
async fn an_endless_answer_of_a_token_service_is_cut_off() {
    let tokens = service(|_, _| reply(200, &[], vec![b' '; 1 << 20])).await;
    let registry = registry(&tokens.url(), |_| true).await;
    let error = get(&client(quick()), &open(&registry)).await.unwrap_err();
    assert!(matches!(error, UpstreamError::TooLarge { limit: 65536, .. }), "{error}");
}

#[tokio::test]
async fn an_unwell_token_service_is_asked_again_and_its_failure_is_shared() {
    let tokens = service(|n, _| match n {
        0 => reply(503, &[], ""),
        _ => json(r#"{"token":"t"}"#.to_owned()),
    })
    .await;
    let registry = registry(&tokens.url(), |_| true).await;
    let again = Settings { retries: 1, ..quick() };
    assert_eq!(get(&client(again), &open(&registry)).await.unwrap().body, "manifest");

    let broken = service(|_, _| reply(503, &[], "")).await;
    let registry = self::registry(&broken.url(), |_| true).await;
    let (client, origin) = (client(quick()), open(&registry));
    let all = (0..8).map(|_| get(&client, &origin));
    for answer in futures_util::future::join_all(all).await {
        assert!(matches!(answer, Err(UpstreamError::Status { .. })));
    }
    assert!(broken.seen().len() < 8, "{}", broken.seen().len());
}

#[tokio::test]
async fn tokens_of_one_login_are_not_used_for_another() {
    let tokens = service(|_, seen| {
        let who = seen.header("authorization").map_or("nobody", |_| "ci");
        json(format!(r#"{{"token":"{who}"}}"#))
    })
    .await;
    let registry = registry(&tokens.url(), |_| true).await;
    let client = client(quick());
    get(&client, &closed(&registry, &tokens)).await.unwrap();
    let stranger = Origin { credentials: None, ..closed(&registry, &tokens) };
    get(&client, &stranger).await.unwrap();
    let seen = registry.seen();
    assert_eq!(seen.last().unwrap().header("authorization"), Some("Bearer nobody"));
}

#[tokio::test]
async fn a_token_stays_behind_when_a_blob_lies_elsewhere() {
    let storage = serve(|_, _| text("layer")).await;
    let elsewhere = storage.url();
    let tokens = counting("300").await;
    let realm = tokens.url();
    let registry = serve(move |_, seen| match seen.header("authorization") {
        Some(_) => reply(307, &[("location", &elsewhere)], ""),
        None => challenge(&realm, SCOPE),
    })
    .await;
    let ask = Ask::get(Whither::Path("v2/library/alpine/blobs/sha256:0"));
    let document = client(quick()).document(&open(&registry), ask).await.unwrap();
    assert_eq!(document.body, "layer");
    assert_eq!(storage.seen()[0].header("authorization"), None);
}

#[tokio::test]
async fn a_storage_host_that_asks_for_a_token_gets_none() {
    let tokens = counting("300").await;
    let registry = registry(&tokens.url(), |_| true).await;
    let realm = tokens.url();
    let storage = serve(move |_, _| challenge(&realm, SCOPE)).await;
    let elsewhere = storage.url();
    let front = serve(move |_, _| reply(307, &[("location", &elsewhere)], "")).await;
    let answer = get(&client(quick()), &open(&front)).await.unwrap();
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!((tokens.connections(), registry.connections()), (0, 0));
}

#[tokio::test]
async fn one_slot_is_enough_for_request_and_token() {
    let tokens = counting("300").await;
    let registry = registry(&tokens.url(), |_| true).await;
    let origin = Origin { max_connections: Some(1), ..open(&registry) };
    let client = client(quick());
    let all = (0..4).map(|_| get(&client, &origin));
    for answer in futures_util::future::join_all(all).await {
        assert_eq!(answer.unwrap().body, "manifest");
    }
}

#[test]
fn neither_tokens_nor_logins_are_printed() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let tokens = service(|_, _| json(r#"{"token":"t0ken"}"#.to_owned())).await;
        let registry = registry(&tokens.url(), |_| true).await;
        let client = client(quick());
        get(&client, &closed(&registry, &tokens)).await.unwrap();
        let printed = format!("{client:?}");
        assert!(!printed.contains("t0ken") && !printed.contains("s3cret"), "{printed}");
    });
}
