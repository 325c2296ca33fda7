//! The pipeline's part, played on bytes: gather, read, judge, write, locate.

use std::fmt;

use percent_encoding::percent_decode_str;
use weir_core::{
    Algorithm, Cx, Digest, Docs, Ecosystem, Edit, Edits, Fetch, FormatError, Found, Head, Job,
    Located, Need, Place, Release, Target, Via,
};

use super::Answers;

/// At most so many rounds of `need`.
const ROUNDS: usize = 4;
/// At most so many targets that are rendered for another.
const DEPTH: usize = 6;

/// Decides about a release, in policy's place. An unreadable entry is dropped whatever it says.
pub type Judge<'a> = dyn Fn(&Release<'_>) -> Edit + 'a;

/// The judge that keeps everything.
pub fn keep_all(_: &Release<'_>) -> Edit {
    Edit::Keep
}

/// Why a target has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Upstream has no such document (404), or it is not the one that was promised (502).
    Missing(String),
    /// The plugin cannot read a document: 502.
    Format(FormatError),
    /// The plugin breaks the contract, whatever the documents say.
    Broken(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(what) => write!(f, "no document: {what}"),
            Self::Format(error) => write!(f, "unreadable: {error}"),
            Self::Broken(what) => write!(f, "contract broken: {what}"),
        }
    }
}

impl std::error::Error for Fault {}

impl From<FormatError> for Fault {
    fn from(error: FormatError) -> Self {
        Self::Format(error)
    }
}

/// A written document.
#[derive(Clone, Debug)]
pub struct Written {
    /// What goes with it.
    pub head: Head,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Drives one plugin over a table of answers.
#[derive(Clone, Copy)]
pub struct Driver<'a> {
    /// The plugin.
    pub plugin: &'a dyn Ecosystem,
    /// What upstream says.
    pub answers: &'a Answers,
    /// The context of every job.
    pub cx: &'a Cx,
    /// What policy says.
    pub judge: &'a Judge<'a>,
}

impl fmt::Debug for Driver<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("plugin", &self.plugin.describe().id).finish_non_exhaustive()
    }
}

impl Driver<'_> {
    /// Gathers what the plugin needs for a target.
    pub fn gather(&self, target: &Target) -> Result<Docs, Fault> {
        self.gather_below(target, 0)
    }

    /// The releases that the gathered documents list.
    pub fn read(&self, target: &Target) -> Result<Vec<Release<'static>>, Fault> {
        let docs = self.gather(target)?;
        Ok(self.read_docs(target, &docs)?)
    }

    /// The target's document with the judge's edits applied.
    pub fn write(&self, target: &Target) -> Result<Written, Fault> {
        self.write_below(target, 0)
    }

    /// Where an artifact is.
    pub fn locate(&self, target: &Target) -> Result<Option<Located>, Fault> {
        let docs = self.gather(target)?;
        let located = self.plugin.locate(&self.job(target, &docs))?;
        if let Some(located) = &located {
            self.check_place(&located.place)?;
        }
        Ok(located)
    }

    fn job<'j>(&'j self, target: &'j Target, docs: &'j Docs) -> Job<'j> {
        Job { target, docs, cx: self.cx }
    }

    fn gather_below(&self, target: &Target, depth: usize) -> Result<Docs, Fault> {
        let mut docs = Docs::new();
        for _ in 0..=ROUNDS {
            let needs = self.plugin.need(&self.job(target, &docs));
            if needs.is_empty() {
                return Ok(docs);
            }
            for need in needs {
                if docs.found(&need).is_none() {
                    let found = self.answer(&need, depth)?;
                    docs.insert(need, found);
                }
            }
        }
        Err(Fault::Broken(format!("{target:?} still needs something after {ROUNDS} rounds")))
    }

    fn answer(&self, need: &Need, depth: usize) -> Result<Found, Fault> {
        match need {
            Need::Fetch(fetch) => self.fetch(fetch),
            Need::Known(question) => Ok(Found::Known(self.answers.known(question))),
            Need::Nowhere(clause) => Err(Fault::Missing(clause.to_string())),
            // The driver serves each target once.
            Need::Served(_) | Need::Past(_) => Ok(Found::Absent),
            Need::Rendered(of) => {
                let bytes = self.write_nested(of, depth)?.bytes;
                let digests = Algorithm::ALL.map(|a| Digest::of(a, &bytes)).to_vec();
                Ok(Found::Rendered { digests, size: bytes.len() as u64, plain: None })
            }
            Need::Signature { of, scheme } => {
                let bytes = self.write_nested(of, depth)?.bytes;
                Ok(Found::Signature(toy_signature(scheme, &bytes).into()))
            }
        }
    }

    fn fetch(&self, fetch: &Fetch) -> Result<Found, Fault> {
        self.check_place(&fetch.place)?;
        match self.answers.fetch(fetch).map_err(Fault::Missing)? {
            Some(doc) if fetch.via == Via::Head => Ok(Found::Doc(doc.without_body())),
            Some(doc) => Ok(Found::Doc(doc.clone())),
            None if fetch.optional => Ok(Found::Absent),
            None => Err(Fault::Missing(Answers::key(fetch))),
        }
    }

    fn write_nested(&self, target: &Target, depth: usize) -> Result<Written, Fault> {
        if depth == DEPTH {
            return Err(Fault::Broken(format!("{target:?} is rendered for itself")));
        }
        self.write_below(target, depth + 1)
    }

    fn write_below(&self, target: &Target, depth: usize) -> Result<Written, Fault> {
        let docs = self.gather_below(target, depth)?;
        let releases = self.read_docs(target, &docs)?;
        let edits = Edits::new(releases.iter().map(|release| self.edit(release)).collect());
        let mut bytes = Vec::new();
        let head = self.plugin.write(&self.job(target, &docs), &edits, &mut bytes)?;
        Ok(Written { head, bytes })
    }

    fn read_docs(
        &self,
        target: &Target,
        docs: &Docs,
    ) -> Result<Vec<Release<'static>>, FormatError> {
        let mut releases = Vec::new();
        self.plugin.read(&self.job(target, docs), &mut |r| releases.push(r.into_owned()))?;
        Ok(releases)
    }

    /// What the judge says of a release, unreadable ones aside.
    pub fn edit(&self, release: &Release<'_>) -> Edit {
        if release.unreadable.is_some() { Edit::Drop } else { (self.judge)(release) }
    }

    /// A place must name a declared origin and a path that stays below it.
    fn check_place(&self, place: &Place) -> Result<(), Fault> {
        let (Place::Origin { origin, path } | Place::Named { origin, path, .. }) = place else {
            return Ok(());
        };
        if !self.plugin.describe().origins.iter().any(|spec| spec.id == *origin) {
            return Err(Fault::Broken(format!("the origin {origin:?} is not declared")));
        }
        let resource = path.split('?').next().unwrap_or("");
        let decoded = percent_decode_str(resource).decode_utf8_lossy();
        let climbs = decoded.split(['/', '\\']).any(|segment| matches!(segment, "." | ".."));
        let odd = |c: char| c.is_control() || matches!(c, ' ' | '#' | '\\') || !c.is_ascii();
        if climbs || path.starts_with('/') || path.contains(odd) {
            return Err(Fault::Broken(format!("{path:?} is no clean path below {origin}")));
        }
        Ok(())
    }
}

/// The signature that the suite's signer gives: bound to the scheme and to every byte, and plain
/// text, so that it can stand in any document.
pub fn toy_signature(scheme: &str, bytes: &[u8]) -> Vec<u8> {
    let digest = Digest::of(Algorithm::Sha256, bytes);
    format!("toy-signature {scheme} {}\n", digest.hex()).into_bytes()
}
