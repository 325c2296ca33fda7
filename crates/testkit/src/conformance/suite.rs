//! The entry: which cases, which relays.

use std::fmt::Display;
use std::sync::Arc;

use weir_core::{Cx, Ecosystem, Listed, Target};

use super::{Answers, Case, Driver, Judge, keep_all, laws, manifest, mutations, paths, refusals};

/// The gateway's address in all cases.
pub const BASE_ORIGIN: &str = "http://gate.test";

/// File name endings that packages have; no relay may end in one.
const PACKAGE_ENDINGS: &[&str] = &[
    ".tgz",
    ".tar.gz",
    ".whl",
    ".zip",
    ".crate",
    ".jar",
    ".nupkg",
    ".gem",
    ".deb",
    ".rpm",
    ".apk",
    ".tar",
    ".conda",
    ".tar.bz2",
    ".tar.xz",
    ".pkg.tar.zst",
    ".box",
    ".exe",
];

/// Checks a plugin against all laws that its cases reach.
///
/// # Panics
/// With plugin, case and law, when one is broken.
pub fn conformance(plugin: &dyn Ecosystem, cases: &[Case]) {
    Suite::new(plugin).cases(cases).check();
}

/// A plugin, its cases and its reviewed lists.
#[derive(Debug)]
pub struct Suite<'a> {
    plugin: &'a dyn Ecosystem,
    cases: Vec<Case>,
    relays: Vec<&'a str>,
    endings: Vec<&'a str>,
}

impl<'a> Suite<'a> {
    /// A suite without cases.
    pub fn new(plugin: &'a dyn Ecosystem) -> Self {
        Self { plugin, cases: Vec::new(), relays: Vec::new(), endings: PACKAGE_ENDINGS.to_vec() }
    }

    /// Adds a case.
    #[must_use]
    pub fn case(mut self, case: Case) -> Self {
        self.cases.push(case);
        self
    }

    /// Adds cases.
    #[must_use]
    pub fn cases(mut self, cases: &[Case]) -> Self {
        self.cases.extend_from_slice(cases);
        self
    }

    /// The reviewed list of relays: a sample path of each. Whatever else routes to a relay view
    /// that none of these has is a violation.
    #[must_use]
    pub fn relays(mut self, raw: &[&'a str]) -> Self {
        self.relays.extend_from_slice(raw);
        self
    }

    /// Further endings of package files, besides the common ones.
    #[must_use]
    pub fn package_endings(mut self, endings: &[&'a str]) -> Self {
        self.endings.extend_from_slice(endings);
        self
    }

    /// Checks every law.
    ///
    /// # Panics
    /// With plugin, case and law, when one is broken.
    pub fn check(&self) {
        laws::descriptor(self.plugin);
        for case in self.with_recorded_facts() {
            Subject::new(self.plugin, &case).check();
        }
        let raws: Vec<&str> = self.cases.iter().map(|case| case.ask.raw.as_str()).collect();
        let views = paths::relays(self.plugin, &self.relays, &self.endings);
        paths::hostile(self.plugin, &raws, &views, &self.endings);
        refusals::check(self.plugin, None);
    }
}

impl Suite<'_> {
    /// The cases, each knowing what the manifests among them record of files.
    fn with_recorded_facts(&self) -> Vec<Case> {
        let mut cases = self.cases.clone();
        if !self.plugin.describe().records_files {
            return cases;
        }
        let manifests = self.cases.iter().map(|case| Subject::new(self.plugin, case));
        let listed: Vec<Listed> = manifests
            .filter(|subject| matches!(subject.target, Target::Manifest { .. }))
            .flat_map(|subject| subject.driver().read(&subject.target).unwrap_or_default())
            .flat_map(|release| release.recorded())
            .collect();
        for case in &mut cases {
            listed.iter().cloned().for_each(|fact| case.answers.record(fact));
        }
        cases
    }
}

/// One case under examination.
pub(super) struct Subject<'a> {
    pub(super) plugin: &'a dyn Ecosystem,
    pub(super) case: &'a Case,
    pub(super) target: Target,
    pub(super) cx: Cx,
}

impl<'a> Subject<'a> {
    fn new(plugin: &'a dyn Ecosystem, case: &'a Case) -> Self {
        let id = plugin.describe().id;
        let target = case.ask.route(plugin, case.ask.method).unwrap_or_else(|error| {
            panic!("{id}: {}: the case's request has no target: {error}", case.name)
        });
        let base = format!("{BASE_ORIGIN}/{}", plugin.describe().mount);
        let body = case.ask.body.clone().into();
        let resign = case.resign.clone().map(Arc::new);
        let cx = Cx { base: base.into(), wants: case.wants, body, resign, ..Cx::default() };
        Self { plugin, case, target, cx }
    }

    fn check(&self) {
        laws::routing(self);
        refusals::check(self.plugin, Some(&self.target));
        match &self.target {
            Target::Manifest { .. } | Target::Local(_) => manifest::check(self),
            Target::Artifact { .. } => laws::artifact(self),
            Target::Sidecar { .. } | Target::Relay { .. } => laws::gathers(self),
        }
        mutations::check(self);
    }

    /// A driver that keeps everything.
    pub(super) fn driver(&self) -> Driver<'_> {
        self.driver_with(&self.case.answers, &keep_all)
    }

    pub(super) fn driver_with<'d>(
        &'d self,
        answers: &'d Answers,
        judge: &'d Judge<'d>,
    ) -> Driver<'d> {
        Driver { plugin: self.plugin, answers, cx: &self.cx, judge }
    }

    /// Fails the test.
    pub(super) fn broken(&self, law: &str, detail: impl Display) -> ! {
        panic!(
            "{}: {}: law \"{law}\" is broken: {detail}",
            self.plugin.describe().id,
            self.case.name
        )
    }

    pub(super) fn require(&self, holds: bool, law: &str, detail: impl FnOnce() -> String) {
        if !holds {
            self.broken(law, detail());
        }
    }

    /// The value, or a broken law.
    pub(super) fn must<T, E: Display>(&self, result: Result<T, E>, law: &str) -> T {
        result.unwrap_or_else(|error| self.broken(law, error))
    }
}
