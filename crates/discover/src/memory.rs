//! Remembers what programs answered for as long as the program and the settings stay as they are.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::programs::Question;
use crate::{Env, Finding, settings};

/// Answers by ecosystem.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Memory {
    answers: BTreeMap<String, Answer>,
}

#[derive(Serialize, Deserialize)]
struct Answer {
    /// The program and the settings as they were.
    stamp: String,
    found: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    origin: String,
    address: String,
    source: String,
}

impl Memory {
    /// What is remembered in a file; nothing when there is none or it is damaged.
    pub(crate) fn read(path: Option<&Path>) -> Self {
        let text = path.and_then(crate::env::text).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// A remembered answer that still holds.
    pub(crate) fn recall(&self, env: &Env, question: &Question) -> Option<Vec<Finding>> {
        let answer = self.answers.get(question.ecosystem)?;
        if answer.stamp != stamp(env, question)? {
            return None;
        }
        answer.found.iter().map(|entry| entry.finding(question.ecosystem)).collect()
    }

    /// Remembers an answer, unless it holds credentials: those stay where they are.
    pub(crate) fn keep(&mut self, env: &Env, question: &Question, found: &[Finding]) {
        let open = found.iter().all(|finding| finding.credentials.is_none());
        if let Some(stamp) = stamp(env, question).filter(|_| open) {
            let found = found.iter().map(Entry::from).collect();
            self.answers.insert(question.ecosystem.to_owned(), Answer { stamp, found });
        }
    }

    /// Writes the file. Failing to costs the next start a moment, nothing else.
    pub(crate) fn write(&self, path: &Path) {
        if let Ok(text) = serde_json::to_string(self) {
            let _ = path.parent().map(std::fs::create_dir_all);
            let _ = std::fs::write(path, text);
        }
    }
}

impl From<&Finding> for Entry {
    fn from(found: &Finding) -> Self {
        Self {
            origin: found.origin.to_owned(),
            address: found.address.to_string(),
            source: found.source.clone(),
        }
    }
}

impl Entry {
    fn finding(&self, ecosystem: &'static str) -> Option<Finding> {
        let origin = ["primary", "sumdb"].into_iter().find(|origin| *origin == self.origin)?;
        Some(Finding::new(ecosystem, &self.address, self.source.clone())?.origin(origin))
    }
}

/// Changes when the program or a settings file changes, or a variable names another file.
fn stamp(env: &Env, question: &Question) -> Option<String> {
    let program = env.program(question.program)?;
    let mut stamp = String::new();
    for path in std::iter::once(program).chain(settings::files(env)) {
        let time = std::fs::metadata(&path).and_then(|data| data.modified()).ok();
        let time = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        let _ = write!(stamp, "{}={};", path.display(), time.as_millis());
    }
    Some(stamp)
}
