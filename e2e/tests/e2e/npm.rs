//! What npm asks for besides installing.

use serde_json::Value;
use weir_testkit::origin::Answer;

use super::harness::World;
use super::javascript::{Driver, clear};

/// A project with `demo` installed through the gateway.
fn installed(name: &str) -> Option<(Driver, World)> {
    let npm = Driver::find(name)?;
    let world = World::new();
    npm.begin(&world, "demo", "^1.0.0");
    npm.install(&world).succeeded();
    Some((npm, world))
}

#[test]
fn audits_reach_the_registry_compressed_or_not_and_come_back() {
    let Some((npm, world)) = installed("npm-11") else { return };
    let advisory = serde_json::json!({ "demo": [{
        "id": 1, "url": "https://advisories.example/1", "title": "a hole in demo",
        "severity": "high", "vulnerable_versions": "<2.0.0", "cwe": [], "cvss": { "score": 8.0, "vectorString": null },
    }] });
    world.npm.put("-/npm/v1/security/advisories/bulk", Answer::json(&advisory));
    world.npm.forget_requests();
    let audit = npm.run(&world, &["audit", "--json"]).failed();
    let report: Value = serde_json::from_str(&audit.text).unwrap();
    assert_eq!(report["vulnerabilities"]["demo"]["severity"], "high", "{}", audit.text);
    let seen = world.npm.requests();
    let bulk = seen.iter().find(|seen| seen.path.ends_with("advisories/bulk")).unwrap();
    assert_eq!(bulk.method, "POST");
}

#[test]
fn tags_versions_search_and_ping_are_answered() {
    let Some((npm, mut world)) = installed("npm-11") else { return };
    assert_eq!(
        npm.run(&world, &["dist-tag", "ls", "demo"]).succeeded().text.trim(),
        "latest: 1.2.0"
    );
    let found = npm.run(&world, &["search", "demo", "--json"]).succeeded();
    assert!(found.text.contains("\"demo\""), "{}", found.text);
    npm.run(&world, &["ping"]).succeeded();

    world.strict();
    clear(&world);
    let tags = npm.run(&world, &["dist-tag", "ls", "demo"]).succeeded();
    assert_eq!(tags.lines(&["latest"]), "latest: 1.1.0");
    let view = npm.run(&world, &["view", "demo", "versions", "dist-tags", "--json"]).succeeded();
    assert!(view.text.contains("1.1.0") && !view.text.contains("\"1.2.0\""), "{}", view.text);
    npm.run(&world, &["view", "demo@1.2.0", "version"]).failed();
}

#[test]
fn a_search_shows_nothing_that_is_withheld() {
    let Some((npm, mut world)) = installed("npm-11") else { return };
    let search = |world: &World, text: &str| {
        let found = npm.run(world, &["search", text, "--json"]).succeeded();
        let found: Value = serde_json::from_str(&found.text).unwrap();
        let found = found.as_array().unwrap().iter();
        found.map(|one| format!("{}@{}", one["name"], one["version"]).replace('"', "")).collect()
    };
    let before: [Vec<String>; 3] = ["demo", "tool", "banned"].map(|text| search(&world, text));
    assert_eq!(before, [["demo@1.2.0"], ["@acme/tool@1.0.0"], ["banned@1.0.0"]]);
    world.strict();
    clear(&world);
    let after: [Vec<String>; 3] = ["demo", "tool", "banned"].map(|text| search(&world, text));
    assert_eq!(after, [&[][..], &["@acme/tool@1.0.0".to_owned()], &[]]);
}

#[test]
fn both_spellings_of_a_scope_lead_to_the_same_package() {
    let Some((npm, world)) = installed("npm-11") else { return };
    for path in
        ["@acme/tool", "@acme%2ftool", "@acme%2Ftool", "@acme/tool/1.0.0", "@acme%2ftool/latest"]
    {
        let url = format!("{}/npm/{path}", world.url());
        let script = format!("fetch('{url}').then(r => r.json()).then(d => console.log(d.name))");
        let printed = npm.node(&world, &script).succeeded();
        assert_eq!(printed.text.trim(), "@acme/tool", "{path}");
    }
    for path in ["@acme/tool/-/tool-1.0.0.tgz", "@acme%2ftool/-/tool-1.0.0.tgz"] {
        let url = format!("{}/npm/{path}", world.url());
        let printed = npm.node(&world, &format!("fetch('{url}').then(r => console.log(r.status))"));
        assert_eq!(printed.succeeded().text.trim(), "200", "{path}");
    }
}

/// npm 6 and pnpm post the older form, with the dependency tree instead of names and versions.
#[test]
fn older_audits_come_back_too() {
    for (name, says) in [("npm-6", "1 high severity"), ("pnpm-10", "a hole in demo")] {
        let Some((client, world)) = installed(name) else { continue };
        let advisory = serde_json::json!({
            "id": 1, "title": "a hole in demo", "module_name": "demo", "severity": "high",
            "vulnerable_versions": "<2.0.0", "patched_versions": ">=2.0.0", "overview": "",
            "url": "https://advisories.example/1", "cves": [], "access": "public",
            "github_advisory_id": "GHSA-xxxx-xxxx-xxxx", "recommendation": "", "cwe": "",
            "findings": [{ "version": "1.2.0", "paths": ["demo"] }],
        });
        let report = serde_json::json!({
            "actions": [], "advisories": { "1": advisory }, "muted": [],
            "metadata": {
                "vulnerabilities": { "info": 0, "low": 0, "moderate": 0, "high": 1, "critical": 0 },
                "dependencies": 2, "devDependencies": 0, "optionalDependencies": 0,
                "totalDependencies": 2,
            },
        });
        world.npm.put("-/npm/v1/security/audits", Answer::json(&report));
        let audit = client.run(&world, &["audit"]).failed();
        assert!(audit.text.contains(says), "{name}: {}", audit.text);
    }
}

#[test]
fn the_terminal_the_pages_and_the_command_say_the_same() {
    let Some((npm, mut world)) = installed("npm-11") else { return };
    world.strict();
    clear(&world);
    let locked = npm.frozen(&world).failed();
    let sentence = locked.text.lines().find_map(|line| line.strip_prefix("npm notice ")).unwrap();
    assert!(sentence.starts_with("demo 1.2.0 withheld by cooldown"), "{sentence}");

    for path in ["why/pkg:npm/demo@1.2.0", "api/explain?purl=pkg:npm/demo@1.2.0"] {
        let url = format!("{}/{path}", world.url());
        let script = format!("fetch('{url}').then(r => r.text()).then(console.log)");
        let answer = npm.node(&world, &script).succeeded();
        assert!(answer.text.contains(sentence), "{path}: {}", answer.text);
    }
    let running = ["explain", "--url", &world.url(), "pkg:npm/demo@1.2.0"];
    let stopped = ["explain", "pkg:npm/demo@1.2.0"];
    for arguments in [&running[..], &stopped[..]] {
        let explained = world.weir(arguments).failed();
        assert!(explained.text.contains(sentence), "{arguments:?}: {}", explained.text);
    }
    world.weir(&["explain", "--url", &world.url(), "pkg:npm/demo@1.1.0"]).succeeded();
}
