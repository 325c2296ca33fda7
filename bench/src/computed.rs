//! What is computed once for each change of a listing, measured in this process: the same crates
//! that the gateway is made of, built in the same way.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use weir_core::{
    Algorithm, Clock as _, Cx, Digest, Doc, Docs, Ecosystem as _, Found, Job, Need, Place, Request,
    Scheme, Selection, SystemClock, Target,
};
use weir_debian::Debian;
use weir_policy::{
    EcosystemInfo, Effect, Facts, MountInfo, Policy, PolicySettings, RuleSettings, Sight,
};

use crate::duel::{median, micros};
use crate::process::thread_time;
use crate::report::{Figure, Row};

const VERSIONS: usize = 2000;
const RULES: usize = 20;
const RUNS: usize = 5;
/// A listing is judged so often in one run: the clock of a thread moves in ticks.
const AGAIN: u32 = 20;
const PACKAGES: usize = 50_000_000;
const INDEX: &str = "dists/stable/main/binary-amd64/Packages";
const TEN_DAYS: Duration = Duration::from_hours(240);

/// What a row measures, in microseconds.
type Measure = fn() -> Result<f64>;

/// Names, measures, and bounds in milliseconds: the aim, and what a debug build stays below.
const WORKS: [(&str, Measure, (f64, f64)); 2] = [
    ("2,000 versions judged by 20 rules and a cooldown", judged, (10.0, 1000.0)),
    ("50 MB Packages file read, judged, edited and hashed", indexed, (300.0, 30_000.0)),
];

/// The rows whose names hold this text.
pub(crate) fn rows(only: &str) -> Result<Vec<Row>> {
    let wanted = WORKS.iter().filter(|(work, ..)| work.contains(only));
    let row = |(work, measure, bounds): &(&str, Measure, (f64, f64))| {
        Ok(Row::at_most(work, Figure::new(measure()? / 1e3, "ms of CPU"), *bounds))
    };
    wanted.map(row).collect()
}

/// Microseconds for a listing with 2,000 versions.
fn judged() -> Result<f64> {
    let npm = EcosystemInfo { id: "npm", purl_type: "npm", scheme: Scheme::Npm };
    let policy = policy(npm, "pkg:npm/demo")?;
    let mount =
        MountInfo { id: "npm", mount: "npm", purl_type: "npm", scheme: Scheme::Npm, marks: false };
    let now = SystemClock.now();
    let versions: Vec<String> =
        (0..VERSIONS).map(|n| format!("{}.{}.{}", n / 400, n / 20 % 20, n % 20)).collect();
    let judge = || {
        let releases = versions.iter().enumerate().map(|(n, version)| {
            let mut facts = Facts::new("demo", version);
            facts.available = Some(now.minus(Duration::from_hours(24 * n as u64)));
            facts
        });
        let judgements = policy.judge_all(&policy.lens(&mount, now), releases);
        let (edits, _) = policy.edits(&mount, &judgements);
        let kept = (0..VERSIONS).filter(|n| edits.keeps(*n)).count();
        if kept == 0 || kept == VERSIONS {
            bail!("{kept} of {VERSIONS} versions were kept");
        }
        Ok(())
    };
    Ok(measured(|| (0..AGAIN).try_for_each(|_| judge()))? / f64::from(AGAIN))
}

/// A cooldown, and rules for versions of this package.
fn policy(info: EcosystemInfo<'_>, purl: &str) -> Result<Policy> {
    let mut settings = PolicySettings::default();
    settings.cooldown.default = TEN_DAYS;
    let rule = |n: usize| {
        let rule = RuleSettings::new(format!("rule-{n}"), Effect::Deny).purl(purl);
        rule.versions(format!(">=0.{n}.5 <0.{n}.7")).because("a fault that was found later")
    };
    settings.rules = (0..RULES).map(rule).collect();
    Ok(Policy::new(settings, &[info])?)
}

/// Microseconds for an index as large as Debian's.
fn indexed() -> Result<f64> {
    let text = packages();
    let target = Debian.route(&Request::get(INDEX)?)?;
    let cx = Cx { resign: Some(Selection::default().into()), ..Cx::default() };
    let debian = EcosystemInfo::from(Debian.describe());
    let mut settings = PolicySettings::default();
    settings.cooldown.default = TEN_DAYS;
    settings.rules = vec![RuleSettings::new("no-package", Effect::Deny).purl("pkg:deb/package-7")];
    let policy = Policy::new(settings, &[debian])?;
    let mount = MountInfo {
        id: debian.id,
        mount: debian.id,
        purl_type: debian.purl_type,
        scheme: debian.scheme,
        marks: false,
    };
    let now = SystemClock.now();
    measured(|| {
        let docs = gathered(&target, &cx, &text)?;
        let job = Job { target: &target, docs: &docs, cx: &cx };
        let mut judgements = Vec::new();
        let lens = policy.lens(&mount, now);
        Debian.read(&job, &mut |release| {
            let facts = Facts::of(&release, Sight::Baseline);
            judgements.extend(policy.judge_all(&lens, [facts]));
        })?;
        let (edits, _) = policy.edits(&mount, &judgements);
        let mut out = Vec::with_capacity(text.len());
        Debian.write(&job, &edits, &mut out)?;
        let digest = Digest::of(Algorithm::Sha256, &out);
        let shorter = text.len() - out.len();
        if !(1..2000).contains(&shorter) || digest.hex().is_empty() {
            bail!("one stanza should be missing, not {shorter} bytes");
        }
        Ok(())
    })
}

/// The documents that the plugin asks for.
fn gathered(target: &Target, cx: &Cx, packages: &str) -> Result<Docs> {
    let mut docs = Docs::new();
    for _ in 0..4 {
        let needs = Debian.need(&Job { target, docs: &docs, cx });
        if needs.is_empty() {
            return Ok(docs);
        }
        for need in needs {
            let Need::Fetch(fetch) = &need else { bail!("an index needs documents, not {need:?}") };
            let Place::Origin { path, .. } = &fetch.place else { bail!("strange place: {need:?}") };
            let body = if path.contains("Packages") { packages.to_owned() } else { root(packages) };
            docs.insert(need, Found::Doc(Doc::new(body.into_bytes(), "text/plain")));
        }
    }
    Err(anyhow!("the plugin does not stop asking"))
}

fn root(packages: &str) -> String {
    let digest = "a".repeat(64);
    let length = packages.len();
    format!(
        "Suite: stable\nCodename: stable\nDate: Sat, 06 Jun 2026 10:00:00 UTC\nArchitectures: amd64\n\
         Components: main\nSHA256:\n {digest} {length} main/binary-amd64/Packages\n"
    )
}

/// Stanzas as Debian has them (deb-control(5)).
fn packages() -> String {
    let mut text = String::with_capacity(PACKAGES + 1000);
    let mut n = 0;
    while text.len() < PACKAGES {
        // Writing to a text does not fail.
        let _ = write!(
            text,
            "Package: package-{n}\nVersion: 1:{}.{}-{}\nInstalled-Size: {}\nMaintainer: A Fixture <fixture@registry.example>\n\
             Architecture: amd64\nDepends: libc6 (>= 2.36), libgcc-s1 (>= 3.0), libstdc++6 (>= 11), package-{} (= 1:{}.{}-1)\n\
             Description: what a benchmark reads\nMulti-Arch: same\nHomepage: https://code.example/package-{n}\n\
             Description-md5: 0123456789abcdef0123456789abcdef\nTag: devel::library, implemented-in::c, role::shared-lib\n\
             Section: libs\nPriority: optional\nFilename: pool/main/p/package-{n}/package-{n}_{}.{}-{}_amd64.deb\n\
             Size: {}\nMD5sum: 0123456789abcdef0123456789abcdef\nSHA256: {n:064x}\n\n",
            n % 9,
            n % 31,
            n % 5,
            n % 9999,
            n / 2,
            n % 9,
            n % 31,
            n % 9,
            n % 31,
            n % 5,
            1000 + n
        );
        n += 1;
    }
    text
}

/// The middle of the CPU times of some runs, in microseconds.
fn measured(mut run: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let before = thread_time()?;
        run()?;
        times.push(micros(thread_time()?.checked_sub(before).context("CPU time went back")?));
    }
    Ok(median(times))
}
