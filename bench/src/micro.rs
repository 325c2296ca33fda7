//! Hot functions, counted in instructions: what they need does not depend on what else the machine
//! does, so that a slip shows on every machine.
//!
//! Each runs under valgrind's cachegrind with two numbers of repetitions; the difference between
//! the two counts is what the repetitions need, without start and preparation.

#![expect(clippy::unnecessary_wraps, reason = "preparations have one shape, and some can fail")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use weir_core::{
    Algorithm, Clock as _, Cx, Digest, Doc, Docs, Ecosystem, Edit, Edits, Found, Job, Need, Purl,
    Release, Request, Scheme, SystemClock,
};
use weir_policy::{
    EcosystemInfo, Effect, Facts, MountInfo, Policy, PolicySettings, RuleSettings, Sight,
};
use weir_version::Range;

use crate::fixtures;

/// How often the counted part runs, fewer and more.
const TIMES: (u32, u32) = (1, 3);
/// A count may be so much higher than the one that is written down.
const TOLERANCE: f64 = 1.15;

/// A hot function: how to prepare what is repeated.
type Prepare = fn() -> Result<Repeat>;
/// What is repeated.
type Repeat = Box<dyn FnMut() -> Result<()>>;

const FUNCTIONS: [(&str, Prepare); 9] = [
    ("npm: 1,000 requests routed", routed),
    ("npm: a packument of 130 KB read", packument_read),
    ("npm: a packument of 130 KB written", packument_written),
    ("json: a document of 130 KB split by two levels", json_split),
    ("policy: 1,000 versions judged", judged),
    ("policy: 1,000 files admitted", admitted),
    ("version: 1,000 versions looked up in a range", ranged),
    ("purl: 1,000 package URLs made", purls),
    ("digest: 1,000 spelled and read", digests),
];

/// Runs one function so many times: what valgrind looks at.
pub(crate) fn run(name: &str, times: u32) -> Result<()> {
    let found = FUNCTIONS.iter().find(|(known, _)| *known == name);
    let mut repeat = found.with_context(|| format!("no function {name:?}"))?.1()?;
    (0..times).try_for_each(|_| repeat())
}

/// Counts all of them and compares with what is written down for this profile; with `update`,
/// writes it down.
pub(crate) fn check(valgrind: &Path, baseline: &Path, profile: &str, update: bool) -> Result<()> {
    let text = std::fs::read_to_string(baseline).unwrap_or_else(|_| "{}".to_owned());
    let mut written: BTreeMap<String, BTreeMap<String, u64>> = serde_json::from_str(&text)?;
    let own = written.entry(profile.to_owned()).or_default();
    let mut slips = Vec::new();
    for (name, _) in FUNCTIONS {
        let count = counted(valgrind, name)?;
        let before = own.get(name).copied();
        let change = before.map_or(f64::NAN, |before| count as f64 / before as f64);
        println!("{count:>12} instructions ({change:.2} × before)  {name}");
        if change > TOLERANCE {
            slips.push(name);
        }
        if before.is_none() && !update {
            bail!("{}: nothing is written down for {name:?} ({profile})", baseline.display());
        }
        if update {
            own.insert(name.to_owned(), count);
        }
    }
    if update {
        std::fs::write(baseline, serde_json::to_string_pretty(&written)? + "\n")?;
    } else if !slips.is_empty() {
        bail!("more instructions than before: {}", slips.join("; "));
    }
    Ok(())
}

/// The instructions of one repetition.
fn counted(valgrind: &Path, name: &str) -> Result<u64> {
    let count = |times: u32| -> Result<u64> {
        let mut command = Command::new(valgrind);
        command.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
        command.arg(std::env::current_exe()?).args(["repeat", name, &times.to_string()]);
        let output = command.output().with_context(|| valgrind.display().to_string())?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            bail!("{name}: {said}");
        }
        references(&said).with_context(|| format!("valgrind said no count: {said}"))
    };
    let (fewer, more) = (count(TIMES.0)?, count(TIMES.1)?);
    Ok(more.saturating_sub(fewer) / u64::from(TIMES.1 - TIMES.0))
}

/// `==123== I   refs:      1,234,567`
fn references(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains("refs:"))?;
    let digits = line.rsplit("refs:").next()?.trim().replace(',', "");
    digits.parse().ok()
}

const LISTING: usize = 130_000;
const BASE: &str = "http://registry.example";
const NAME: &str = "demo";

fn routed() -> Result<Repeat> {
    let paths: Vec<String> = (0..250)
        .flat_map(|n| {
            let file = format!("package-{n}/-/package-{n}-1.{n}.0.tgz");
            [
                format!("package-{n}"),
                file,
                format!("@scope/package-{n}"),
                format!("@scope%2fpackage-{n}/1.0.0"),
            ]
        })
        .collect();
    Ok(Box::new(move || {
        for path in &paths {
            let target = weir_npm::Npm.route(&Request::get(path)?)?;
            black_box(weir_npm::Npm.path(&target));
        }
        Ok(())
    }))
}

/// A packument with what the plugin asks for.
fn listing() -> Result<(weir_core::Target, Docs, Cx)> {
    let target = weir_npm::Npm.route(&Request::get(NAME)?)?;
    let cx = Cx { base: "http://gateway.example/npm".into(), ..Cx::default() };
    let mut docs = Docs::new();
    for need in weir_npm::Npm.need(&Job { target: &target, docs: &docs, cx: &cx }) {
        let Need::Fetch(_) = &need else { bail!("a packument needs documents, not {need:?}") };
        let body = fixtures::packument_of(BASE, NAME, LISTING);
        docs.insert(need, Found::Doc(Doc::new(body, "application/json")));
    }
    Ok((target, docs, cx))
}

/// The same documents, of which nothing has been read.
fn unread(docs: &Docs) -> Docs {
    let mut unread = Docs::new();
    for (need, found) in docs.iter() {
        let found = match found {
            Found::Doc(doc) => Found::Doc(doc.unread()),
            other => other.clone(),
        };
        unread.insert(need.clone(), found);
    }
    unread
}

fn packument_read() -> Result<Repeat> {
    let (target, docs, cx) = listing()?;
    Ok(Box::new(move || {
        let mut releases: Vec<Release<'static>> = Vec::new();
        let docs = unread(&docs);
        let job = Job { target: &target, docs: &docs, cx: &cx };
        weir_npm::Npm.read(&job, &mut |release| releases.push(release.into_owned()))?;
        black_box(releases);
        Ok(())
    }))
}

/// Written after it was read.
fn packument_written() -> Result<Repeat> {
    let (target, docs, cx) = listing()?;
    let edits = (0..1000).map(|n| if n % 10 == 9 { Edit::Drop } else { Edit::Keep });
    let edits = Edits::new(edits.collect());
    Ok(Box::new(move || {
        let mut out = Vec::with_capacity(LISTING * 2);
        let job = Job { target: &target, docs: &docs, cx: &cx };
        weir_npm::Npm.write(&job, &edits, &mut out)?;
        black_box(out);
        Ok(())
    }))
}

fn json_split() -> Result<Repeat> {
    let body = fixtures::packument_of(BASE, NAME, LISTING);
    Ok(Box::new(move || {
        let root = weir_format::json::Object::parse(&body)?;
        let versions = root.get("versions").context("no versions")?.object()?;
        for member in versions.members() {
            black_box(member.value.loose_object()?);
        }
        Ok(())
    }))
}

fn mount() -> MountInfo<'static> {
    MountInfo { id: "npm", mount: "npm", purl_type: "npm", scheme: Scheme::Npm, marks: false }
}

/// A cooldown, and some rules for this package and others.
fn policy() -> Result<Policy> {
    let npm = EcosystemInfo { id: "npm", purl_type: "npm", scheme: Scheme::Npm };
    let mut settings = PolicySettings::default();
    settings.cooldown.default = Duration::from_hours(240);
    let rule = |n: usize| {
        let name = if n.is_multiple_of(2) { NAME.to_owned() } else { format!("other-{n}") };
        let rule = RuleSettings::new(format!("rule-{n}"), Effect::Deny);
        rule.purl(format!("pkg:npm/{name}")).versions(format!(">=0.{n}.5 <0.{n}.7"))
    };
    settings.rules = (0..10).map(rule).collect();
    Ok(Policy::new(settings, &[npm])?)
}

fn versions() -> Vec<String> {
    (0..1000).map(|n| format!("{}.{}.{}", n / 400, n / 20 % 20, n % 20)).collect()
}

fn judged() -> Result<Repeat> {
    let (policy, versions, now) = (policy()?, versions(), SystemClock.now());
    Ok(Box::new(move || {
        let facts = versions.iter().enumerate().map(|(n, version)| {
            let mut facts = Facts::new(NAME, version);
            facts.available = Some(now.minus(Duration::from_hours(24 * n as u64)));
            facts
        });
        let judgements = policy.judge_all(&policy.lens(&mount(), now), facts);
        black_box(policy.edits(&mount(), &judgements));
        Ok(())
    }))
}

fn admitted() -> Result<Repeat> {
    let (policy, now) = (policy()?, SystemClock.now());
    Ok(Box::new(move || {
        for _ in 0..1000 {
            let lens = policy.lens(&mount(), now);
            let mut facts = Facts::new(NAME, "1.0.0");
            facts.first_seen = Sight::Baseline;
            let Ok((_, decision)) = policy.admit(&lens, &facts) else { bail!("it is refused") };
            if policy.recall(&decision, &lens).is_none() {
                bail!("it is not admitted again");
            }
        }
        Ok(())
    }))
}

fn ranged() -> Result<Repeat> {
    let versions = versions();
    let range = Range::parse(Scheme::Npm, ">=0.5, <1.2 || ^2.0")?;
    Ok(Box::new(move || {
        let held = versions.iter().filter(|version| range.contains(version)).count();
        if held == 0 || held == versions.len() {
            bail!("{held} versions in the range");
        }
        Ok(())
    }))
}

fn purls() -> Result<Repeat> {
    let versions = versions();
    Ok(Box::new(move || {
        for version in &versions {
            black_box(Purl::new("npm", "@scope/demo", Some(version)));
        }
        Ok(())
    }))
}

fn digests() -> Result<Repeat> {
    let digest = Digest::of(Algorithm::Sha512, NAME.as_bytes());
    Ok(Box::new(move || {
        for _ in 0..1000 {
            black_box(Digest::from_hex(Algorithm::Sha512, &digest.hex())?);
            black_box(Digest::from_sri(&digest.sri())?);
        }
        Ok(())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_runs() {
        for (name, _) in FUNCTIONS {
            run(name, 1).unwrap();
        }
    }

    #[test]
    fn the_count_of_valgrind_is_read() {
        assert_eq!(references("==1== \n==1== I   refs:      1,234,567\n"), Some(1_234_567));
        assert_eq!(references("nothing"), None);
    }
}
