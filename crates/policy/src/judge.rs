//! Judging one release: which rule decides at an instant, and when that changes.

use std::sync::Arc;
use std::time::Duration;

use weir_core::{Code, Denial, Purl, Timestamp};

use crate::facts::Published;
use crate::rules::{COOLDOWN, NameRules, Rule, Subject, UNREADABLE};
use crate::sentence;
use crate::{Effect, Facts, Lens, Policy};

/// What was decided of one release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The decision.
    pub outcome: Outcome,
    /// The rule that decided: a name from the configuration, `cooldown` or `unreadable`. `None`
    /// when nothing stood against the release.
    pub rule: Option<Arc<str>>,
    /// Since when this judgement stands; [`Timestamp::MIN`] if it always did.
    pub valid_from: Timestamp,
    /// The next instant at which it is another one; [`Timestamp::MAX`] if there is none.
    pub valid_until: Timestamp,
}

/// The words for what passes, beside the codes of refusals.
pub(crate) const ADMITTED: &str = "admitted";
pub(crate) const WARNED: &str = "warned";

impl Judgement {
    /// The word for counts: `admitted`, `warned` or the code of the refusal.
    pub fn code(&self) -> &'static str {
        match &self.outcome {
            Outcome::Admit => ADMITTED,
            Outcome::Warn(_) => WARNED,
            Outcome::Refuse(refusal) => refusal.code.as_str(),
        }
    }

    /// The refusal, when it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.outcome {
            Outcome::Refuse(refusal) => Some(refusal),
            Outcome::Admit | Outcome::Warn(_) => None,
        }
    }
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It may pass.
    Admit,
    /// It may pass, and this sentence belongs in the log.
    Warn(Arc<str>),
    /// It may not pass.
    Refuse(Box<Refusal>),
}

/// Why a release may not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The stable word.
    pub code: Code,
    /// The rule's name.
    pub rule: Arc<str>,
    /// What follows "withheld": `by cooldown (3 days)`, `by rule no-vite`, `as unreadable`.
    pub by: Box<str>,
    /// The package.
    pub name: Box<str>,
    /// The version.
    pub version: Box<str>,
    /// One sentence for the person at the terminal.
    pub sentence: String,
    /// Since when it is withheld: the date from which a cooldown runs.
    pub since: Option<Timestamp>,
    /// When it may pass, if nothing but time is needed for that.
    pub until: Option<Timestamp>,
    /// The reason as the operator gave it.
    pub reason: Option<Box<str>>,
}

impl Refusal {
    /// The refusal as the edges know it. `explain` is the address of a page with the details.
    pub fn denial(&self, subject: Purl, explain: Option<String>) -> Denial {
        Denial {
            code: self.code,
            subject: Some(subject),
            sentence: self.sentence.clone(),
            rule: Some((*self.rule).into()),
            until: self.until,
            explain,
        }
    }
}

/// What decides at an instant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ground<'r> {
    Nothing,
    Unreadable(&'static str),
    Rule(&'r Rule),
    Cooldown(Duration),
}

impl Ground<'_> {
    fn refuses(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Unreadable(_) | Self::Cooldown(_) => true,
            Self::Rule(rule) => rule.effect == Effect::Deny,
        }
    }

    fn name(&self) -> Option<Arc<str>> {
        match self {
            Self::Nothing => None,
            Self::Unreadable(_) => Some(UNREADABLE.into()),
            Self::Rule(rule) => Some(Arc::clone(&rule.name)),
            Self::Cooldown(_) => Some(COOLDOWN.into()),
        }
    }
}

/// A span of time with one ground: from its first instant to before its last.
#[derive(Clone, Copy, Debug)]
struct Stretch<'r> {
    ground: Ground<'r>,
    from: Timestamp,
    until: Timestamp,
}

/// One release's grounds over all time.
struct Course<'n, 'r, 'f> {
    rules: &'n NameRules<'r>,
    subject: Subject<'f>,
    span: Duration,
    published: Published,
}

impl<'r> Course<'_, 'r, '_> {
    fn at(&self, instant: Timestamp) -> Stretch<'r> {
        let always = |ground| Stretch { ground, from: Timestamp::MIN, until: Timestamp::MAX };
        if let Some(why) = self.subject.facts.unreadable {
            return always(Ground::Unreadable(why));
        }
        let mut from = Timestamp::MIN;
        for rule in self.rules.matching(&self.subject) {
            if instant < rule.until {
                return Stretch { ground: Ground::Rule(rule), from, until: rule.until };
            }
            from = from.max(rule.until);
        }
        let cooled = self.published.cooled(self.span);
        if instant < cooled {
            Stretch { ground: Ground::Cooldown(self.span), from, until: cooled }
        } else {
            Stretch { ground: Ground::Nothing, from: from.max(cooled), until: Timestamp::MAX }
        }
    }

    /// The first instant after a refusal at which nothing refuses.
    fn released(&self, mut stretch: Stretch<'r>) -> Option<Timestamp> {
        while stretch.ground.refuses() {
            if stretch.until == Timestamp::MAX {
                return None;
            }
            stretch = self.at(stretch.until);
        }
        Some(stretch.from)
    }
}

impl Policy {
    pub(crate) fn judge_with(
        &self,
        lens: &Lens,
        rules: &NameRules<'_>,
        facts: &Facts<'_>,
    ) -> Judgement {
        let span = rules.cooldown(facts);
        let published = facts.published(rules.unknown());
        let course = Course { rules, subject: rules.subject(facts), span, published };
        let stretch = course.at(lens.as_of);
        let outcome = match stretch.ground {
            Ground::Nothing => Outcome::Admit,
            Ground::Rule(rule) if rule.effect == Effect::Allow => Outcome::Admit,
            Ground::Rule(rule) if rule.effect == Effect::Warn => {
                Outcome::Warn(sentence::warned(facts, rule).into())
            }
            ground => {
                let refusal = self.refusal(facts, ground, &course, course.released(stretch));
                match ground {
                    Ground::Unreadable(_) => Outcome::Refuse(Box::new(refusal)),
                    _ if lens.mode().lets_pass() => {
                        Outcome::Warn(sentence::spared(&refusal, lens.mode()).into())
                    }
                    _ => Outcome::Refuse(Box::new(refusal)),
                }
            }
        };
        Judgement {
            outcome,
            rule: stretch.ground.name(),
            valid_from: stretch.from,
            valid_until: stretch.until,
        }
    }

    fn refusal(
        &self,
        facts: &Facts<'_>,
        ground: Ground<'_>,
        course: &Course<'_, '_, '_>,
        until: Option<Timestamp>,
    ) -> Refusal {
        let reason = match ground {
            Ground::Rule(rule) => rule.reason.clone(),
            Ground::Unreadable(why) => Some(why.into()),
            Ground::Cooldown(_) if course.published.at.is_none() => {
                Some("its publication date is unknown".into())
            }
            Ground::Cooldown(_) | Ground::Nothing => None,
        };
        let since = match ground {
            Ground::Cooldown(_) => course.published.at.filter(|at| *at > Timestamp::MIN),
            _ => None,
        };
        let mut refusal = Refusal {
            code: Code::BlockedByPolicies,
            rule: ground.name().unwrap_or_default(),
            by: sentence::by(ground).into(),
            name: sentence::printable(facts.name).into(),
            version: sentence::printable(facts.version).into(),
            sentence: String::new(),
            since,
            until,
            reason: reason.map(|reason| sentence::printable(&reason).into()),
        };
        refusal.sentence = sentence::withheld(&refusal);
        if let Some(template) = self.template() {
            refusal.sentence = template.fill(&refusal, self.block_url());
        }
        refusal
    }
}
