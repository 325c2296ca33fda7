//! Tokens of clients, as a client without any tool of its own meets them.

use crate::home::{Home, Serving, TARBALL, registry, until};

const CI: &str = "ci-0123456789abcdef0123456789";
const OPS: &str = "ops-0123456789abcdef0123456789";

fn tokens(required: bool) -> String {
    format!(
        "[auth]\nrequired = {required}\n[auth.tokens.ci]\ntoken = \"{CI}\"\n\
         [auth.tokens.ops]\ntoken = \"{OPS}\"\nrole = \"admin\"\n"
    )
}

/// The status and the whole answer, with a bearer token unless it is empty.
fn ask(serving: &Serving, method: &str, path: &str, token: &str) -> (u16, String) {
    let more =
        if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    let answer = serving.ask(method, path, &more).unwrap();
    (answer[9..12].parse().unwrap(), answer)
}

#[test]
fn where_tokens_are_required_nothing_of_a_package_is_told_without_one() {
    let (home, origin) = (Home::new(), registry());
    let serving = home.serve_with(&origin.url(), &tokens(true));
    for path in
        ["/npm/lodash", TARBALL, "/", "/stats", "/api/explain?purl=pkg:npm/lodash", "/nowhere"]
    {
        for token in ["", "wrong-0123456789abcdef0123456789"] {
            let (status, answer) = ask(&serving, "GET", path, token);
            assert_eq!(status, 401, "{path}: {answer}");
            assert!(answer.contains("www-authenticate: Basic realm=\"weir\""), "{path}: {answer}");
            assert!(answer.contains("x-weir-reason: unauthenticated"), "{path}: {answer}");
            assert!(answer.contains("this gateway wants a token"), "{path}: {answer}");
        }
    }
    assert_eq!(origin.requests().len(), 0);
    assert_eq!(ask(&serving, "GET", "/npm/lodash", CI).0, 200);
    for open in ["/health", "/health/live", "/metrics", "/keys/"] {
        assert_ne!(ask(&serving, "GET", open, "").0, 401, "{open}");
    }
}

#[test]
fn a_token_is_never_sent_upstream_and_stands_in_the_access_log_by_its_name() {
    let (home, origin) = (Home::new(), registry());
    let lines = tokens(true) + "[access_log]\npath = \"access.log\"\n";
    let serving = home.serve_with(&origin.url(), &lines);
    assert_eq!(ask(&serving, "GET", "/npm/lodash", CI).0, 200);
    assert_eq!(ask(&serving, "GET", "/npm/lodash", "").0, 401);
    serving.stop();
    for request in origin.requests() {
        assert!(!format!("{request:?}").contains(CI), "{request:?}");
    }
    let log = home.read("project/access.log");
    assert!(!log.contains(CI), "{log}");
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["token"], &lines[0]["status"]), (&"ci".into(), &200.into()));
    assert_eq!((lines[1].get("token"), &lines[1]["status"]), (None, &401.into()));
}

#[test]
fn administration_wants_the_role_even_where_fetching_is_free() {
    let (home, origin) = (Home::new(), registry());
    let serving = home.serve_with(&origin.url(), &tokens(false));
    assert_eq!(ask(&serving, "GET", "/npm/lodash", "").0, 200);
    assert_eq!(ask(&serving, "POST", "/api/admin/verify", "").0, 401);
    let (status, answer) = ask(&serving, "POST", "/api/admin/verify", CI);
    assert_eq!(status, 403, "{answer}");
    assert!(answer.contains("the token ci may not administer: its role is client"), "{answer}");
    let (status, answer) = ask(&serving, "POST", "/api/admin/verify", OPS);
    assert!(status == 200 && answer.contains("\"faults\":[]"), "{answer}");
    assert!(!ask(&serving, "GET", "/stats", "").1.contains("database_path"));
    assert!(!ask(&serving, "GET", "/stats", CI).1.contains("database_path"));
    assert!(ask(&serving, "GET", "/stats", OPS).1.contains("database_path"));
}

#[test]
fn without_tokens_everything_is_told_and_nothing_is_administered() {
    let (home, origin) = (Home::new(), registry());
    let serving = home.serve(&origin.url());
    assert!(ask(&serving, "GET", "/stats", "").1.contains("database_path"));
    let (status, answer) = ask(&serving, "POST", "/api/admin/gc", "");
    assert_eq!(status, 403, "{answer}");
    assert!(answer.contains("role = \\\"admin\\\""), "{answer}");
}

#[test]
fn a_token_opens_the_mounts_that_it_names_and_no_others() {
    let (home, origin) = (Home::new(), registry());
    let lines = format!(
        "[registries.inner]\necosystem = \"npm\"\nupstream = \"{url}\"\n\
         [auth.tokens.inner]\ntoken = \"{CI}\"\nmounts = [\"inner\"]\n\
         [auth.tokens.default]\ntoken = \"{OPS}\"\nmounts = [\"npm\"]\n",
        url = origin.url()
    );
    let serving = home.serve_with(&origin.url(), &lines);
    assert_eq!(ask(&serving, "GET", "/inner/lodash", CI).0, 200);
    let (status, answer) = ask(&serving, "GET", "/npm/lodash", CI);
    assert!(status == 403 && answer.contains("does not open /npm"), "{answer}");
    assert_eq!(ask(&serving, "GET", "/npm/lodash", OPS).0, 200);
    assert_eq!(ask(&serving, "GET", "/inner/lodash", OPS).0, 403);
}

#[test]
fn a_token_ends_at_its_instant_and_when_it_is_taken_out_of_the_file() {
    let (home, origin) = (Home::new(), registry());
    let lines = tokens(true)
        + &format!("[auth.tokens.old]\ntoken = \"old-{CI}\"\nuntil = \"2020-01-01\"\n");
    let serving = home.serve_with(&origin.url(), &lines);
    assert_eq!(ask(&serving, "GET", "/npm/lodash", &format!("old-{CI}")).0, 401);
    assert_eq!(ask(&serving, "GET", "/npm/lodash", CI).0, 200);
    let file = home.read("project/weir.toml");
    home.write("project/weir.toml", &file.replace(CI, "another-0123456789abcdef"));
    until("it is still let in", || ask(&serving, "GET", "/npm/lodash", CI).0 != 200);
    assert_eq!(ask(&serving, "GET", "/npm/lodash", "another-0123456789abcdef").0, 200);
}

#[test]
fn metrics_can_want_a_token() {
    let (home, origin) = (Home::new(), registry());
    let lines = format!("[auth]\nmetrics = true\n[auth.tokens.ci]\ntoken = \"{CI}\"\n");
    let serving = home.serve_with(&origin.url(), &lines);
    assert_eq!(ask(&serving, "GET", "/metrics", "").0, 401);
    assert_eq!(ask(&serving, "GET", "/metrics", CI).0, 200);
}
