//! Addresses stay below their base, and links lead only where they may.

use super::*;

fn origin(base: &str) -> Origin {
    Origin::parse(base).unwrap().named("npm")
}

fn path(base: &str, raw: &str) -> Result<String, UpstreamError> {
    Target::of(&origin(base), Whither::Path(raw)).map(|target| target.uri.to_string())
}

fn link(base: &str, url: &str) -> Result<String, String> {
    let url = Url::parse(url).unwrap();
    Target::of(&origin(base), Whither::Url(&url))
        .map(|target| target.uri.to_string())
        .map_err(|error| error.to_string())
}

#[test]
fn a_path_is_joined_below_the_base_as_it_is() {
    let nexus = "https://h.example/repository/npm";
    for base in [nexus, "https://h.example/repository/npm/"] {
        assert_eq!(path(base, "@a%2fb").unwrap(), "https://h.example/repository/npm/@a%2fb");
        assert_eq!(path(base, "/x?q=a%20b").unwrap(), "https://h.example/repository/npm/x?q=a%20b");
        assert_eq!(path(base, "").unwrap(), "https://h.example/repository/npm/");
    }
    assert_eq!(path("http://h.example:81", "a/").unwrap(), "http://h.example:81/a/");
}

#[test]
fn a_path_cannot_leave_the_base() {
    for raw in ["../x", "a/../b", "a/%2e%2E/b", ".", "a/.%2e", "a/..", "a/..\\b"] {
        assert!(
            matches!(path("https://h.example/p", raw), Err(UpstreamError::Address { .. })),
            "{raw}"
        );
    }
    assert_eq!(
        path("https://h.example/p", "//evil.example/x").unwrap(),
        "https://h.example/p//evil.example/x"
    );
    assert!(
        path("https://h.example", "@evil.example/x").unwrap().starts_with("https://h.example/@")
    );
}

#[test]
fn a_path_that_is_not_encoded_is_refused() {
    for raw in ["a b", "a\r\nb", "é", "a#b", "a\0"] {
        assert!(
            matches!(path("https://h.example", raw), Err(UpstreamError::Address { .. })),
            "{raw}"
        );
    }
}

#[test]
fn links_may_lead_to_other_hosts_over_https_only() {
    let base = "https://h.example/simple/";
    assert_eq!(
        link(base, "https://files.example/a%2Fb.whl#sha256=0").unwrap(),
        "https://files.example/a%2Fb.whl"
    );
    insta::assert_snapshot!(link(base, "http://files.example/a").unwrap_err(), @"npm (h.example): expected an https link, found plain http to files.example");
    insta::assert_snapshot!(link("http://h.example/", "http://files.example/a").unwrap_err(), @"npm (h.example): its rules allow no link or redirect to files.example");
    insta::assert_snapshot!(link(base, "ftp://files.example/a").unwrap_err(), @r#"npm (h.example): expected a link to an http or https address, found the scheme "ftp""#);
}

#[test]
fn a_link_to_the_own_host_is_never_weaker_than_the_origin() {
    assert_eq!(link("https://h.example/", "http://h.example/a").unwrap(), "https://h.example/a");
    assert_eq!(
        link("https://h.example:8443/", "http://H.example/a").unwrap(),
        "https://h.example:8443/a"
    );
    assert!(link("https://h.example/", "http://h.example:8081/a").is_err());
    assert_eq!(
        link("http://h.example/", "http://h.example:8081/a").unwrap(),
        "http://h.example:8081/a"
    );
}

#[test]
fn user_names_in_links_are_dropped() {
    assert_eq!(
        link("https://h.example/", "https://u:p@files.example/a").unwrap(),
        "https://files.example/a"
    );
}

#[test]
fn a_list_of_hosts_replaces_the_rule() {
    let mut origin = origin("http://h.example/");
    origin.redirect_hosts = Some(vec!["*.cdn.example".into(), "Files.example".into()]);
    let go = |url: &str| Target::of(&origin, Whither::Url(&Url::parse(url).unwrap())).is_ok();
    assert!(go("http://a.cdn.example/"));
    assert!(go("https://files.example/"));
    assert!(go("http://h.example/"));
    assert!(!go("https://cdn.example/"));
    assert!(!go("https://evilcdn.example/"));
    assert!(!go("https://other.example/"));
}

#[test]
fn redirects_are_joined_to_where_they_come_from() {
    let origin = origin("https://h.example/p/");
    let from = Target::of(&origin, Whither::Path("a/b%2fc")).unwrap();
    let to = |location: &str| {
        from.redirected(&origin, location.as_bytes()).map(|target| target.uri.to_string())
    };
    assert_eq!(to("d%2fe").unwrap(), "https://h.example/p/a/d%2fe");
    assert_eq!(to("/x").unwrap(), "https://h.example/x");
    assert_eq!(to("//files.example/x").unwrap(), "https://files.example/x");
    assert!(to("http://files.example/x").is_err());
    assert!(to("https://").is_err());
}

#[test]
fn numbers_are_recognised_as_hosts() {
    let number = |text: &str| literal(&text.parse().unwrap()).map(|ip| ip.to_string());
    assert_eq!(number("http://127.0.0.1:80/").as_deref(), Some("127.0.0.1"));
    assert_eq!(number("http://[::ffff:10.0.0.1]/").as_deref(), Some("::ffff:10.0.0.1"));
    assert_eq!(number("http://h.example/"), None);
    // Odd spellings are normal ones after parsing.
    assert_eq!(link("https://h.example/", "https://0x7f.1/").unwrap(), "https://127.0.0.1/");
}
