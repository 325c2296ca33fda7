//! npm's behaviour, stated on bytes.
#![expect(clippy::unwrap_used, reason = "a test stops where its own set-up is wrong")]

mod conformance;
mod documents;
mod files;
mod refusals;
mod routes;
mod tags;

use weir_core::{
    Cx, Doc, Docs, Ecosystem, Edit, Edits, FactSet, FormatError, Found, Head, Job, Located, Need,
    Release, Request, Target,
};
use weir_npm::Npm;

pub(crate) const FULL: &str = include_str!("../data/demo.full.json");
pub(crate) const ABBREVIATED: &str = include_str!("../data/demo.abbreviated.json");
pub(crate) const SINGLE: &str = include_str!("../data/demo-1.2.0.json");
pub(crate) const SCOPED: &str = include_str!("../data/scoped.full.json");
pub(crate) const ODD: &str = include_str!("../data/odd.full.json");
pub(crate) const SEARCH: &str = include_str!("../data/search.json");

pub(crate) const INSTALL_V1: &str =
    "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";

/// A gateway's part around the plugin: upstream answers these paths.
pub(crate) struct Bench {
    answers: Vec<(&'static str, String)>,
    cx: Cx,
}

impl Bench {
    pub(crate) fn new(answers: &[(&'static str, &str)]) -> Self {
        let own = |(path, body): &(&'static str, &str)| (*path, (*body).to_owned());
        let cx = Cx { base: "http://gate.test/npm".into(), ..Cx::default() };
        Self { answers: answers.iter().map(own).collect(), cx }
    }

    pub(crate) fn wanting(mut self, wants: FactSet) -> Self {
        self.cx.wants = wants;
        self
    }

    /// The target of a GET.
    pub(crate) fn target(raw: &str, accept: &str) -> Target {
        Npm.route(&Request::get(raw).unwrap().accepting(accept)).unwrap()
    }

    /// What was asked of upstream, and the answers.
    pub(crate) fn gather(&self, target: &Target) -> (Vec<String>, Docs) {
        let (mut asked, mut docs) = (Vec::new(), Docs::new());
        for _ in 0..4 {
            for need in Npm.need(&Job { target, docs: &docs, cx: &self.cx }) {
                let Need::Fetch(fetch) = &need else { panic!("{need:?}") };
                let key = weir_testkit::Answers::key(fetch);
                let path = key.trim_start_matches("primary:").to_owned();
                let answer = self.answers.iter().find(|(known, _)| *known == path);
                let found = answer.map_or(Found::Absent, |(_, body)| {
                    Found::Doc(Doc::new(body.clone(), "text/html; charset=latin1"))
                });
                let lists = if fetch.lists { " (listing)" } else { "" };
                asked.push(format!("{path} as {}{lists}", fetch.accept));
                docs.insert(need, found);
            }
        }
        (asked, docs)
    }

    pub(crate) fn read(&self, raw: &str) -> Result<Vec<Release<'static>>, FormatError> {
        let target = Self::target(raw, "");
        let (_, docs) = self.gather(&target);
        let mut releases = Vec::new();
        Npm.read(&Job { target: &target, docs: &docs, cx: &self.cx }, &mut |release| {
            releases.push(release.into_owned());
        })?;
        Ok(releases)
    }

    pub(crate) fn locate(&self, raw: &str) -> Result<Option<Located>, FormatError> {
        let target = Self::target(raw, "");
        let (_, docs) = self.gather(&target);
        Npm.locate(&Job { target: &target, docs: &docs, cx: &self.cx })
    }

    /// The document without these versions.
    pub(crate) fn without(&self, raw: &str, accept: &str, withheld: &[&str]) -> String {
        self.write(raw, accept, withheld, None).unwrap()
    }

    pub(crate) fn write(
        &self,
        raw: &str,
        accept: &str,
        withheld: &[&str],
        notice: Option<&str>,
    ) -> Result<String, FormatError> {
        self.answer(raw, accept, withheld, notice).map(|(_, document)| document)
    }

    /// The document with its head.
    pub(crate) fn answer(
        &self,
        raw: &str,
        accept: &str,
        withheld: &[&str],
        notice: Option<&str>,
    ) -> Result<(Head, String), FormatError> {
        let target = Self::target(raw, accept);
        let (_, docs) = self.gather(&target);
        let job = Job { target: &target, docs: &docs, cx: &self.cx };
        let mut edits = Vec::new();
        Npm.read(&job, &mut |release| {
            let drop = release.unreadable.is_some() || withheld.contains(&&*release.version);
            edits.push(if drop { Edit::Drop } else { Edit::Keep });
        })?;
        let mut edits = Edits::new(edits);
        if let Some(notice) = notice {
            edits = edits.with_notice(notice);
        }
        let mut out = Vec::new();
        let head = Npm.write(&job, &edits, &mut out)?;
        Ok((head, String::from_utf8(out).unwrap()))
    }
}
