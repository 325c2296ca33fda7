//! The access log.

use std::time::Duration;

use weir_testkit::origin::Answer;

use crate::home::{Home, TARBALL, registry, until};

const LOG: &str = "[access_log]\npath = \"access.log\"\n";

/// The lines of a log, each of which is an object.
fn lines(home: &Home, name: &str) -> Vec<serde_json::Value> {
    let log = home.read(&format!("project/{name}"));
    log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_request_is_one_line_with_what_was_asked_and_what_came_of_it() {
    let (home, origin) = (Home::new(), registry());
    let serving = home.serve_with(&origin.url(), LOG);
    let length = serving.download("/npm/lodash/-/lodash-4.17.21.tgz?x=1");
    serving.get("/npm/left-pad/-/left-pad-1.0.0.tgz").unwrap();
    serving.get("/nothing/here").unwrap();
    serving.stop();
    let lines = lines(&home, "access.log");
    let find = |start: &str| {
        lines.iter().find(|line| line["target"].as_str().unwrap().starts_with(start)).unwrap()
    };
    let download = find("/npm/lodash");
    assert_eq!(download["target"], "/npm/lodash/-/lodash-4.17.21.tgz?x=1");
    assert_eq!((&download["status"], &download["method"]), (&200.into(), &"GET".into()));
    assert_eq!((&download["bytes"], download.get("cut")), (&length.into(), None));
    let time = download["time"].as_str().unwrap();
    assert!(time.len() == "2026-01-01T00:00:00.000Z".len() && time.ends_with('Z'), "{time}");
    assert_eq!(download["purl"], "pkg:npm/lodash@4.17.21");
    assert_eq!((&download["outcome"], &download["client"]), (&"miss".into(), &"127.0.0.1".into()));
    let refused = find("/npm/left-pad");
    assert_eq!((&refused["status"], &refused["outcome"]), (&403.into(), &"refused".into()));
    assert_eq!(refused["code"], "blocked_by_policies");
    let nowhere = find("/nothing");
    assert_eq!((&nowhere["status"], nowhere.get("outcome")), (&404.into(), None));
}

#[test]
fn whatever_a_client_sends_its_line_is_one_object() {
    let (home, origin) = (Home::new(), registry());
    let serving = home.serve_with(&origin.url(), LOG);
    let agent = "User-Agent: a\"b\\c\t{\u{e9}}\u{2028}\r\n";
    serving.ask("GET", "/npm/%0a%22%5c\"/x?a={%22}", agent).unwrap();
    serving.ask("GET", &format!("/npm/{}", "x".repeat(5000)), "").unwrap();
    serving.stop();
    let lines = lines(&home, "access.log");
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["target"], "/npm/%0a%22%5c\"/x?a={%22}");
    assert_eq!(lines[0]["agent"], "a\"b\\c\t{\u{e9}}\u{2028}");
    assert_eq!(lines[1]["target"].as_str().unwrap().len(), 2048);
}

#[test]
fn a_client_behind_a_trusted_proxy_is_named_by_its_own_address() {
    let (home, origin) = (Home::new(), registry());
    let lines_of = |more: &str| {
        let serving = home.serve_with(&origin.url(), &format!("{more}{LOG}"));
        let forwarded = "X-Forwarded-For: 192.0.2.1, 203.0.113.7\r\n";
        serving.ask("GET", "/npm/lodash", forwarded).unwrap();
        serving.stop();
        lines(&home, "access.log").pop().unwrap()["client"].clone()
    };
    assert_eq!(lines_of(""), "127.0.0.1");
    assert_eq!(lines_of("trusted_proxies = [\"127.0.0.0/8\"]\n"), "203.0.113.7");
}

#[test]
fn an_answer_that_broke_off_says_so() {
    let (home, origin) = (Home::new(), registry());
    origin.change("lodash/-/lodash-4.17.21.tgz", |answer: Answer| answer.cut_after(20));
    let serving = home.serve_with(&origin.url(), LOG);
    serving.ask("HEAD", "/npm/lodash", "").unwrap();
    serving.attempt(TARBALL);
    serving.stop();
    let lines = lines(&home, "access.log");
    assert_eq!(lines[0].get("cut"), None);
    assert_eq!((&lines[1]["status"], &lines[1]["cut"]), (&200.into(), &true.into()));
}

#[test]
fn a_log_that_was_moved_is_begun_anew_at_a_signal() {
    let (home, origin) = (Home::new(), registry());
    let serving = home.serve_with(&origin.url(), LOG);
    serving.get("/npm/lodash").unwrap();
    until("no line", || home.read("project/access.log").contains("lodash"));
    std::fs::rename(home.path("project/access.log"), home.path("project/moved.log")).unwrap();
    serving.hang_up();
    until("no new file", || home.path("project/access.log").exists());
    serving.get("/npm/left-pad").unwrap();
    serving.stop();
    assert_eq!(lines(&home, "moved.log")[0]["target"], "/npm/lodash");
    assert_eq!(lines(&home, "access.log")[0]["target"], "/npm/left-pad");
}

/// The last lines are written before the process ends, also those of a client that is still there.
#[test]
fn no_line_is_lost_when_the_gateway_is_stopped_under_load() {
    let (home, origin) = (Home::new(), registry());
    let serving = home.serve_with(&origin.url(), LOG);
    let length = serving.attempt(TARBALL).len();
    let answered = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    (0..1_000_000).take_while(|_| serving.attempt(TARBALL).len() >= length).count()
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(300));
        serving.terminate();
        clients.into_iter().map(|client| client.join().unwrap()).sum::<usize>()
    });
    serving.stop();
    let written = lines(&home, "access.log").iter().filter(|line| line["cut"].is_null()).count();
    assert!(written > answered, "{written} lines of {answered} answers and the first");
}
