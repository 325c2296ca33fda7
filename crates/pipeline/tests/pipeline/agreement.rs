//! Listings and downloads agree, whatever the policy: a version is withheld in its listing
//! exactly when its file is refused, and the explanation says the same. For every ecosystem.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use weir_core::Purl;
use weir_policy::{Effect, Listing, PolicySettings, RuleSettings, Unknown};
use weir_testkit::origin::{
    CargoStyle, DebianArchive, DebianStyle, GoStyle, MavenStyle, NpmStyle, Origin, Package,
    PypiStyle, cargo_index, go_proxy, maven_repository, npm_registry, pypi_index, toy_sign,
};

use crate::generations;
use crate::harness::{Answered, DAY, Gateway, PYPI_JSON, Setup, setup};

/// One ecosystem under the property. Another one costs one of these.
struct Subject {
    /// Its id, and the path of its mount.
    id: &'static str,
    /// The package, without version.
    purl: &'static str,
    /// The package's name in its registry.
    name: &'static str,
    /// What its versions begin with.
    prefix: &'static str,
    /// What makes a registry of an origin.
    publish: fn(&Origin, &[Package]),
    /// The mount before that registry.
    mount: fn(Setup, &Origin) -> Setup,
    /// Path and `Accept` header of the listing.
    listing: (&'static str, &'static str),
    /// The versions that a listing offers; what it marks as withdrawn is not offered.
    offered: fn(&Answered) -> Vec<String>,
    /// The path of a version's file.
    file: fn(&str) -> String,
    /// A range of versions as its rules spell it.
    range: fn(Range) -> String,
}

/// A part of all versions.
#[derive(Clone, Copy, Debug)]
enum Range {
    Below(&'static str),
    From(&'static str),
    Exactly(&'static str),
}

/// In the order of their release.
const VERSIONS: [(&str, &str); 4] = [
    ("1.0.0", "2015-01-01T00:00:00Z"),
    ("1.1.0", "2026-04-01T00:00:00Z"),
    ("1.2.0", "2026-05-25T00:00:00Z"),
    ("1.3.0", "2026-05-31T00:00:00Z"),
];

const SUBJECTS: &[Subject] = &[
    Subject {
        id: "npm",
        purl: "pkg:npm/demo",
        name: "demo",
        prefix: "",
        publish: |origin, packages| drop(npm_registry(origin, packages, &NpmStyle::default())),
        mount: |setup, origin| setup.npm(origin),
        listing: ("/npm/demo", "*/*"),
        offered: |answered| crate::harness::versions(&answered.json()),
        file: |version| format!("/npm/demo/-/demo-{version}.tgz"),
        range: |range| operators(range, "="),
    },
    Subject {
        id: "pypi",
        purl: "pkg:pypi/demo",
        name: "demo",
        prefix: "",
        publish: |origin, packages| {
            drop(pypi_index(origin, origin, packages, &PypiStyle::default()));
        },
        mount: |setup, origin| setup.pypi(origin),
        listing: ("/pypi/simple/demo/", PYPI_JSON),
        offered: |answered| {
            let page = answered.json();
            let files = page["files"].as_array().unwrap().iter();
            let offered = files.filter(|file| file["yanked"] == false);
            let names = offered.map(|file| file["filename"].as_str().unwrap());
            names.map(|name| name.split('-').nth(1).unwrap().to_owned()).collect()
        },
        file: |version| format!("/pypi/files/demo/demo-{version}-py3-none-any.whl"),
        range: |range| operators(range, "=="),
    },
    Subject {
        id: "cargo",
        purl: "pkg:cargo/demo",
        name: "demo",
        prefix: "",
        publish: |origin, packages| drop(cargo_index(origin, packages, &CargoStyle::default())),
        mount: |setup, origin| setup.cargo(origin),
        listing: ("/cargo/de/mo/demo", "*/*"),
        offered: |answered| {
            let lines = answered.text().lines().map(|line| serde_json::from_str(line).unwrap());
            let offered = lines.filter(|line: &Value| line["yanked"] == false);
            offered.map(|line| line["vers"].as_str().unwrap().to_owned()).collect()
        },
        file: |version| format!("/cargo/crates/demo/{version}/download"),
        range: |range| operators(range, "="),
    },
    Subject {
        id: "go",
        purl: "pkg:golang/example.org/demo",
        name: "example.org/demo",
        prefix: "v",
        publish: |origin, modules| {
            let style = GoStyle { database: None, ..GoStyle::default() };
            drop(go_proxy(origin, modules, &style));
        },
        mount: |setup, origin| setup.probe("go", weir_go::Go, origin),
        listing: ("/go/example.org/demo/@v/list", "*/*"),
        offered: |answered| answered.text().lines().map(ToOwned::to_owned).collect(),
        file: |version| format!("/go/example.org/demo/@v/{version}.zip"),
        range: |range| operators(range, "="),
    },
    Subject {
        id: "maven",
        purl: "pkg:maven/org.acme/demo",
        name: "org.acme:demo",
        prefix: "",
        publish: |origin, packages| {
            drop(maven_repository(origin, packages, &MavenStyle::default()));
        },
        mount: |setup, origin| setup.probe("maven", weir_maven::Maven, origin),
        listing: ("/maven/org/acme/demo/maven-metadata.xml", "*/*"),
        offered: |answered| {
            let versions = answered.text().split("<version>").skip(1);
            versions.map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
        },
        file: |version| format!("/maven/org/acme/demo/{version}/demo-{version}.jar"),
        range: |range| match range {
            Range::Below(version) => format!("(,{version})"),
            Range::From(version) => format!("[{version},)"),
            Range::Exactly(version) => format!("[{version}]"),
        },
    },
    Subject {
        id: "debian",
        purl: "pkg:deb/demo",
        name: "demo",
        prefix: "",
        publish: |origin, packages| {
            DebianArchive::new(packages, &DebianStyle::default(), &toy_sign).publish(origin);
        },
        mount: |setup, origin| generations::resigning_in(setup, origin, false),
        listing: (generations::PACKAGES, "*/*"),
        offered: |answered| {
            let index = generations::decoded(answered);
            generations::versions(&index).into_iter().map(ToOwned::to_owned).collect()
        },
        file: generations::file,
        range: |range| operators(range, "="),
    },
];

/// A range with operators in front of versions.
fn operators(range: Range, equal: &str) -> String {
    match range {
        Range::Below(version) => format!("<{version}"),
        Range::From(version) => format!(">={version}"),
        Range::Exactly(version) => format!("{equal}{version}"),
    }
}

fn rules() -> impl Strategy<Value = Vec<RuleSettings>> {
    let effect = prop_oneof![Just(Effect::Deny), Just(Effect::Allow), Just(Effect::Warn)];
    let pattern = prop_oneof![
        Just((|purl: &str| purl.to_owned()) as fn(&str) -> String),
        Just((|purl: &str| format!("{}*", &purl[..purl.len() - 3])) as fn(&str) -> String),
        Just((|purl: &str| format!("{purl}-other")) as fn(&str) -> String),
    ];
    let range = prop::option::of(prop_oneof![
        Just(Range::Below("1.2.0")),
        Just(Range::From("1.1.0")),
        Just(Range::Exactly("1.2.0")),
    ]);
    let rule = (effect, 0..SUBJECTS.len(), pattern, range);
    prop::collection::vec(rule, 0..2 * SUBJECTS.len()).prop_map(|rules| {
        let rules = rules.into_iter().enumerate();
        let made = rules.map(|(n, (effect, subject, pattern, range))| {
            let subject = &SUBJECTS[subject];
            let rule = RuleSettings::new(format!("rule-{n}"), effect).purl(pattern(subject.purl));
            match range {
                Some(range) => rule.versions((subject.range)(range)),
                None => rule,
            }
        });
        made.collect()
    })
}

fn policies() -> impl Strategy<Value = PolicySettings> {
    let days = prop_oneof![Just(0_u32), Just(3), Just(14), Just(100), Just(3600)];
    let own = prop::option::of((0..SUBJECTS.len(), days.clone()));
    let listing = prop_oneof![Just(None), Just(Some(Listing::Remove)), Just(Some(Listing::Mark))];
    let unknown = prop_oneof![Just(Unknown::FirstSeen), Just(Unknown::Deny), Just(Unknown::Allow)];
    (rules(), days, own, listing, unknown).prop_map(|(rules, default, own, listing, unknown)| {
        let mut policy = PolicySettings { rules, listing, ..PolicySettings::default() };
        policy.cooldown.default = DAY * default;
        policy.cooldown.unknown = unknown;
        if let Some((subject, days)) = own {
            let id = SUBJECTS[subject].id.to_owned();
            policy.cooldown.ecosystems.insert(id, DAY * days);
        }
        policy
    })
}

/// What the listing offers; one that is refused offers nothing.
async fn offered(gateway: &Gateway, subject: &Subject) -> Vec<String> {
    let (path, accept) = subject.listing;
    let answered = gateway.ask("GET", path, &[("accept", accept)]).await;
    let refused = answered.fails(403, "blocked_by_policies");
    assert!(refused || answered.is(200), "{path}: {answered:?}");
    if refused { Vec::new() } else { (subject.offered)(&answered) }
}

async fn agree(gateway: &Gateway, subject: &Subject) -> Result<(), TestCaseError> {
    let offered = offered(gateway, subject).await;
    let mounts = [gateway.mounts[subject.id].clone()];
    // Whole indexes are not fetched to explain one package.
    let explains = !mounts[0].ecosystem.describe().listing.is_empty();
    for (version, _) in VERSIONS {
        let version = format!("{}{version}", subject.prefix);
        let path = (subject.file)(&version);
        let answered = gateway.get(&path).await;
        let refused = answered.fails(403, "blocked_by_policies");
        prop_assert!(refused || answered.is(200), "{path}: {answered:?}");
        let listed = offered.contains(&version);
        prop_assert_eq!(listed, !refused, "{}: offered {:?}", path, offered);
        if !explains {
            continue;
        }
        let purl: Purl = format!("{}@{version}", subject.purl).parse().unwrap();
        let explained = gateway.pipeline.explain(&mounts, &purl).await.unwrap();
        prop_assert_eq!(explained.explanations[0].verdict == "withheld", refused, "{}", path);
    }
    Ok(())
}

async fn all_agree(gateway: &Gateway) -> Result<(), TestCaseError> {
    for subject in SUBJECTS {
        agree(gateway, subject).await?;
    }
    Ok(())
}

/// A registry for each subject, with the same package.
async fn registries() -> HashMap<&'static str, Origin> {
    let mut origins = HashMap::new();
    for subject in SUBJECTS {
        let origin = Origin::start().await;
        let release = |package: Package, (version, date): &(&str, &str)| {
            package.release(&format!("{}{version}", subject.prefix), date)
        };
        (subject.publish)(&origin, &[VERSIONS.iter().fold(Package::new(subject.name), release)]);
        origins.insert(subject.id, origin);
    }
    origins
}

#[test]
fn withheld_in_the_listing_is_refused_at_the_download() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let origins = runtime.block_on(registries());
    let mounted = || {
        SUBJECTS.iter().fold(setup(), |setup, subject| (subject.mount)(setup, &origins[subject.id]))
    };
    // One gateway lives through all policies: what an earlier one left behind must not matter.
    let long_lived = runtime.block_on(mounted().open());
    let mut runner =
        TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let tested = runner.run(&policies(), |policy| {
        runtime.block_on(async {
            long_lived.set_policy(&policy);
            all_agree(&long_lived).await?;
            all_agree(&mounted().policy(policy).open().await).await
        })
    });
    tested.unwrap();
}
