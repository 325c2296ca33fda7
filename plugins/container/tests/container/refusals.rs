//! Refusals as clients of registries read them.

use weir_container::Container;
use weir_core::{Code, Denial, Ecosystem as _, Purl, Request, Target, Timestamp};

fn body(target: Option<&Target>, denial: &Denial) -> serde_json::Value {
    serde_json::from_str(&Container.deny(target, denial).body).unwrap()
}

fn target(raw: &str) -> Target {
    Container.route(&Request::get(raw).unwrap()).unwrap()
}

#[test]
fn a_refusal_by_policy_is_denied_with_all_that_is_known_of_it() {
    let mut denial = Denial::new(Code::BlockedByPolicies, "demo/hello 1 withheld by rule no");
    denial.subject = Some(Purl::new("docker", "demo/hello", Some("1")));
    denial.rule = Some("no".into());
    denial.until = Timestamp::parse_rfc3339("2026-11-24T00:00:00Z");
    denial.explain = Some("http://gate.test/why/pkg:docker/demo/hello@1".into());
    insta::assert_snapshot!(Container.deny(Some(&target("demo/hello/manifests/1")), &denial).body, @r#"{"errors":[{"code":"DENIED","message":"demo/hello 1 withheld by rule no","detail":{"reason":"blocked_by_policies","rule":"no","package":"pkg:docker/demo/hello@1","until":"2026-11-24T00:00:00Z","explain":"http://gate.test/why/pkg:docker/demo/hello@1"}}]}"#);
}

#[test]
fn every_code_is_one_that_clients_know() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let code = |raw: &str, code| {
        let found = body(Some(&target(raw)), &Denial::new(code, "no"));
        found["errors"][0]["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(code("a/manifests/1", Code::NotFound), "MANIFEST_UNKNOWN");
    assert_eq!(code(&format!("a/blobs/{digest}"), Code::NotFound), "BLOB_UNKNOWN");
    assert_eq!(code("a/tags/list", Code::NotFound), "NAME_UNKNOWN");
    assert_eq!(code("a/manifests/1", Code::UpstreamRefused), "DENIED");
    assert_eq!(code("a/manifests/1", Code::UpstreamLimited), "TOOMANYREQUESTS");
    assert_eq!(code("a/manifests/1", Code::UpstreamUnavailable), "UNAVAILABLE");
    assert_eq!(code("a/manifests/1", Code::Internal), "UNKNOWN");
    assert_eq!(code("a/manifests/1", Code::NotOffered), "UNSUPPORTED");
    for (raw, expected) in [
        ("A/manifests/1", "NAME_INVALID"),
        ("a/manifests/-1", "TAG_INVALID"),
        ("a/manifests/sha256:1", "DIGEST_INVALID"),
        ("a/tags/list?n=x", "PAGINATION_NUMBER_INVALID"),
    ] {
        let error = Container.route(&Request::get(raw).unwrap()).unwrap_err();
        let found = body(None, &Denial::new(Code::BadRequest, error.to_string()));
        assert_eq!(found["errors"][0]["code"], expected, "{raw}");
    }
}
