//! The answer to "why": one value for the API, the page and the command line.

use std::fmt;

use serde::Serialize;
use weir_core::{Purl, Timestamp};

use crate::facts::DateSource;
use crate::judge::{ADMITTED, Judgement, Outcome, WARNED};
use crate::rules::Rule;
use crate::{Facts, MountInfo, Sight, Unknown, sentence};

/// What was decided of a release and on what grounds. Instants are RFC 3339 in UTC. Its
/// [`Display`](fmt::Display) is the text for a terminal, without a line end after the last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// `admitted`, `warned` or `withheld`.
    pub verdict: &'static str,
    /// The release.
    pub purl: String,
    /// The mount that it was judged for.
    pub mount: String,
    /// The decision in a sentence.
    pub sentence: String,
    /// The stable word of a refusal.
    pub code: Option<&'static str>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// The operator's reason.
    pub reason: Option<String>,
    /// Who answers for the rule.
    pub owner: Option<String>,
    /// Since when it is withheld.
    pub since: Option<String>,
    /// When a withheld release passes, if only time is needed; else when the decision changes.
    pub until: Option<String>,
    /// What the decision rests on.
    pub facts: ExplainedFacts,
}

/// The facts that a decision rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedFacts {
    /// The publication date that counts.
    pub published: Option<String>,
    /// Where that date is from: `registry`, `author`, `first seen`, `there at first contact`,
    /// `assumed old`, `unknown`.
    pub source: &'static str,
    /// The registry's date.
    pub available: Option<String>,
    /// The author's date.
    pub authored: Option<String>,
    /// When this gateway first saw it in a listing that had been without it.
    pub first_seen: Option<String>,
    /// Yanked, with the reason.
    pub yanked: Option<String>,
    /// Deprecated, with the message.
    pub deprecated: Option<String>,
    /// The licence.
    pub licence: Option<String>,
}

impl Explanation {
    pub(crate) fn new(
        mount: &MountInfo<'_>,
        facts: &Facts<'_>,
        explained: ExplainedFacts,
        judgement: &Judgement,
        rule: Option<&Rule>,
    ) -> Self {
        let refusal = judgement.refusal();
        let (verdict, sentence) = match &judgement.outcome {
            Outcome::Admit => (ADMITTED, admitted(facts, judgement, &explained)),
            Outcome::Warn(sentence) => (WARNED, sentence.to_string()),
            Outcome::Refuse(refusal) => ("withheld", refusal.sentence.clone()),
        };
        let reason = match refusal {
            Some(refusal) => refusal.reason.as_deref(),
            None => rule.and_then(|rule| rule.reason.as_deref()),
        };
        let change = Some(judgement.valid_until).filter(|_| refusal.is_none());
        Self {
            verdict,
            purl: Purl::new(mount.purl_type, facts.name, Some(facts.version)).to_string(),
            mount: mount.mount.to_owned(),
            sentence,
            code: refusal.map(|refusal| refusal.code.as_str()),
            rule: judgement.rule.as_deref().map(ToOwned::to_owned),
            reason: reason.map(sentence::printable),
            owner: rule.and_then(|rule| rule.owner.as_deref()).map(sentence::printable),
            since: refusal.and_then(|refusal| refusal.since).and_then(spell),
            until: refusal.and_then(|refusal| refusal.until).or(change).and_then(spell),
            facts: explained,
        }
    }
}

impl ExplainedFacts {
    pub(crate) fn new(facts: &Facts<'_>, unknown: Unknown) -> Self {
        let published = facts.published(unknown);
        let first_seen = match facts.first_seen {
            Sight::At(seen) => Some(seen),
            Sight::Baseline | Sight::Unknown => None,
        };
        Self {
            published: published.at.and_then(spell),
            source: published.source.as_str(),
            available: facts.available.and_then(spell),
            authored: facts.authored.and_then(spell),
            first_seen: first_seen.and_then(spell),
            yanked: facts.yanked.map(sentence::printable),
            deprecated: facts.deprecated.map(sentence::printable),
            licence: facts.licence.map(sentence::printable),
        }
    }
}

fn admitted(facts: &Facts<'_>, judgement: &Judgement, explained: &ExplainedFacts) -> String {
    let (name, version) = (sentence::printable(facts.name), sentence::printable(facts.version));
    let grounds = match (&judgement.rule, &explained.published) {
        (Some(rule), _) => format!("by rule {rule}"),
        (None, Some(published)) => {
            format!("as no rule withholds it (published {published}, {})", explained.source)
        }
        (None, None) if explained.source == DateSource::Unknown.as_str() => {
            "as no rule withholds it and no cooldown applies".to_owned()
        }
        (None, None) => format!("as no rule withholds it ({})", explained.source),
    };
    format!("{name} {version} passes {grounds}")
}

/// An instant as text; nothing for the ends of time.
fn spell(at: Timestamp) -> Option<String> {
    (at > Timestamp::MIN && at < Timestamp::MAX).then(|| at.to_string())
}

impl Explanation {
    /// What is known, by the word that people read, in the order in which it is shown. Sentence
    /// and package URL stand above it.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let facts = &self.facts;
        let published = facts.published.as_ref().map(|at| format!("{at} ({})", facts.source));
        let unknown = (facts.source == DateSource::Unknown.as_str()).then_some("unknown");
        let rows = [
            ("verdict", Some(self.verdict)),
            ("code", self.code),
            ("rule", self.rule.as_deref()),
            ("reason", self.reason.as_deref()),
            ("owner", self.owner.as_deref()),
            ("since", self.since.as_deref()),
            ("until", self.until.as_deref()),
            ("published", published.as_deref().or(unknown)),
            ("first seen", facts.first_seen.as_deref()),
            ("yanked", facts.yanked.as_deref()),
            ("deprecated", facts.deprecated.as_deref()),
            ("licence", facts.licence.as_deref()),
            ("mount", Some(self.mount.as_str())),
        ];
        let known = rows.into_iter().filter_map(|(label, value)| Some((label, value?.to_owned())));
        known.collect()
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  {}", self.sentence, self.purl)?;
        self.rows().iter().try_for_each(|(label, value)| write!(f, "\n  {label:<11} {value}"))
    }
}
