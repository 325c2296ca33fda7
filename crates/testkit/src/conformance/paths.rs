//! Hostile paths: no panic, no traversal, no relay that nobody reviewed.

use std::panic::{AssertUnwindSafe, catch_unwind};

use weir_core::{Ecosystem, Method, Request, Segments, Target};

use super::Random;
use super::laws::{returns, routes};

const MUTATIONS: usize = 1500;

/// Paths that somebody may try on any mount.
const NASTY: &[&str] = &[
    "",
    "/",
    "//",
    "?",
    "#",
    "%",
    "%2",
    "%2f",
    "%2F%2f",
    "%00",
    "%0d%0a",
    "..",
    "../..",
    "%2e%2e",
    "%252e%252e/",
    "a/..",
    "a/../b",
    "a/%2E/b",
    "a//b",
    "a%2f..%2fb",
    "..%2f..%2fetc%2fpasswd",
    "\\",
    "a\\b",
    "a%5cb",
    "-",
    "-/",
    "-/-",
    "@",
    "@/",
    "@a",
    "@a/",
    "@a%2f",
    "@a%2fb%2fc",
    "@%2f",
    "a/-",
    "a/-/",
    "a/-/-",
    "a/-/a-.tgz",
    "a/-/-1.0.0.tgz",
    ".tgz",
    "a/.tgz",
    "simple",
    "simple/",
    "simple/-/",
    "simple/a/b",
    "config.json/x",
    "a@b",
    "a:b",
    "http://x/y",
    "http:/x",
    "//x/y",
    "a?b?c",
    "a?=&&=",
    "a?text=%",
    "a?text=%ff",
    "a?%00",
    "\u{202e}a",
    "é",
    "e\u{301}",
    "Ⅷ",
    "0",
    "1/0/0",
    "a/b/c/d/e/f/g/h",
    "v2/",
    "v2/_catalog",
    "v2//tags/list",
    "index.json",
    "packages/",
    "packages/a",
    "api/v1",
    "-/v1/search",
    "-/npm/v1/security/audits",
    ".git/config",
    "favicon.ico",
    "robots.txt",
    "~",
    "~a",
    "CON",
    "a.",
    " a",
    "a ",
    "a%20b",
    "a+b",
    "a;b=c",
    "a,b",
    "a|b",
    "a<b>",
    "a\"b",
    "a'b",
    "{a}",
    "${a}",
    "%7b%7b7*7%7d%7d",
    "a%3fb",
    "a%23b",
    "sha256:",
    "sha256:zz",
    "blobs/sha256:00",
    "%ff%fe",
    "a%",
    "a%zz",
    "%u0041",
];

/// The reviewed relays route to relays, whose views are returned; none ends like a package.
pub(super) fn relays(
    plugin: &dyn Ecosystem,
    samples: &[&str],
    endings: &[&str],
) -> Vec<&'static str> {
    let id = plugin.describe().id;
    let mut views = Vec::new();
    for raw in samples {
        // A relay may be one of posts only (npm's audits).
        let found =
            [routes(plugin, raw, Method::Get, &[]), routes(plugin, raw, Method::Post, b"{}")];
        let view = found.into_iter().flatten().find_map(relay_view);
        let Some(view) = view else { panic!("{id}: the listed relay {raw} is none") };
        views.push(view);
        for ending in endings {
            for probe in [format!("{raw}{ending}"), format!("{raw}/demo-1.0.0{ending}")] {
                let relayed = routes(plugin, &probe, Method::Get, &[])
                    .into_iter()
                    .any(|found| relay_view(found).is_some());
                assert!(!relayed, "{id}: {probe} is relayed, and ends like a package");
            }
        }
    }
    views
}

fn relay_view<E>(found: Result<Target, E>) -> Option<&'static str> {
    match found {
        Ok(Target::Relay { view, .. }) => Some(view.name),
        _ => None,
    }
}

/// Tries the table and mutations of the cases' own paths.
pub(super) fn hostile(
    plugin: &dyn Ecosystem,
    cases: &[&str],
    relays: &[&'static str],
    endings: &[&str],
) {
    let mut tried: Vec<String> = NASTY.iter().map(|raw| (*raw).to_owned()).collect();
    tried.push("a".repeat(3000));
    tried.push("a/".repeat(900));
    for case in cases {
        tried.extend(NASTY.iter().map(|nasty| format!("{case}/{nasty}")));
        tried.extend(NASTY.iter().map(|nasty| format!("{nasty}/{case}")));
        tried.extend(NASTY.iter().map(|nasty| format!("{case}{nasty}")));
    }
    let mut random = Random::new(7);
    for _ in 0..MUTATIONS {
        let Some(case) = cases.get(random.below(cases.len())) else { break };
        tried.push(mutated(case, cases, &mut random));
    }
    tried.sort_unstable();
    tried.dedup();
    for raw in &tried {
        let result = catch_unwind(AssertUnwindSafe(|| examine(plugin, raw, relays, endings)));
        let fault = result.unwrap_or_else(|_| Some("it panics".to_owned()));
        if let Some(fault) = fault {
            panic!("{}: the path {raw:?}: {fault}", plugin.describe().id);
        }
    }
}

/// Changes, removes, doubles or swaps in a few characters.
fn mutated(case: &str, others: &[&str], random: &mut Random) -> String {
    const ODD: &[char] = &['/', '.', '-', '%', '@', '~', ':', '?', '0', 'A', '_', '+', 'é', '*'];
    let mut chars: Vec<char> = case.chars().collect();
    for _ in 0..=random.below(3) {
        let at = random.below(chars.len());
        match random.below(5) {
            0 if !chars.is_empty() => drop(chars.remove(at)),
            1 if !chars.is_empty() => chars[at] = ODD[random.below(ODD.len())],
            2 => chars.insert(at, ODD[random.below(ODD.len())]),
            3 => chars.truncate(at),
            _ => {
                let other: Vec<char> = others[random.below(others.len())].chars().collect();
                chars.extend_from_slice(&other[random.below(other.len())..]);
            }
        }
    }
    chars.into_iter().collect()
}

/// What is wrong with the plugin's answer to a path.
fn examine(
    plugin: &dyn Ecosystem,
    raw: &str,
    relays: &[&'static str],
    endings: &[&str],
) -> Option<String> {
    const ASKS: &[(Method, &[u8])] = &[
        (Method::Get, b""),
        (Method::Post, b"{}"),
        (Method::Post, b"\xff\x00["),
        (Method::Put, b""),
        (Method::Delete, b""),
        (Method::Other, b""),
    ];
    ASKS.iter().find_map(|&(method, body)| {
        let mut found: Vec<Target> =
            routes(plugin, raw, method, body).into_iter().filter_map(Result::ok).collect();
        found.dedup();
        found.iter().find_map(|target| {
            fault_of(plugin, target, method, body).or_else(|| relayed(target, relays, endings))
        })
    })
}

fn fault_of(
    plugin: &dyn Ecosystem,
    target: &Target,
    method: Method,
    body: &[u8],
) -> Option<String> {
    let path = plugin.path(target);
    let resource = path.split('?').next().unwrap_or("");
    if path.starts_with('/') || !path.bytes().all(|b| b.is_ascii_graphic()) {
        return Some(format!("{target:?} has the path {path:?}, which is not clean"));
    }
    if let Err(error) = Segments::parse(resource).and_then(|_| Request::get(&path)) {
        return Some(format!("{target:?} has the path {path:?}: {error}"));
    }
    // What a method other than GET asks for may have no path of its own to GET.
    let known = returns(plugin, target, &path, method, body)
        || returns(plugin, target, &path, Method::Get, &[]);
    (!known).then(|| format!("{target:?} has the path {path:?}, which leads elsewhere"))
}

fn relayed(target: &Target, relays: &[&'static str], endings: &[&str]) -> Option<String> {
    let Target::Relay { path, view } = target else { return None };
    if !relays.contains(&view.name) {
        return Some(format!("the relay {:?} is not on the reviewed list", view.name));
    }
    let ends = endings.iter().find(|ending| path.ends_with(**ending))?;
    Some(format!("a relay of {path} ends in {ends}"))
}
