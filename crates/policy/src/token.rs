//! The right to let bytes leave, and the note by which a cache hit gets it again.

use std::sync::Arc;

use weir_core::Timestamp;

use crate::judge::{ADMITTED, WARNED};
use crate::{Facts, Judgement, Lens, Outcome, Policy};

/// Proof that a release was judged and may pass. Only [`Policy::admit`] and [`Policy::recall`]
/// make one, and it cannot be copied: opening bytes for a response uses it up.
#[derive(Debug)]
#[must_use = "without opening the bytes an admission is of no use"]
pub struct Admitted {
    _made_here: (),
}

/// What a cache entry keeps of an admission: plain data, good for as long as the judgement
/// stands under the same rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    epoch: u64,
    class: u64,
    from: Timestamp,
    until: Timestamp,
    rule: Option<Arc<str>>,
    warning: Option<Arc<str>>,
}

impl Decision {
    /// The rule that decided, for counts.
    pub fn rule(&self) -> Option<&str> {
        self.rule.as_deref()
    }

    /// The word for counts: `admitted` or `warned`.
    pub fn code(&self) -> &'static str {
        if self.warning.is_some() { WARNED } else { ADMITTED }
    }

    /// The sentence for the log, when it passed with a warning.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Until when it is good under the same rules.
    pub fn until(&self) -> Timestamp {
        self.until
    }
}

impl Policy {
    /// Judges one release and admits it, or says why not.
    pub fn admit(
        &self,
        lens: &Lens,
        facts: &Facts<'_>,
    ) -> Result<(Admitted, Decision), Box<Judgement>> {
        let judgement = self.judge(lens, facts);
        let warning = match &judgement.outcome {
            Outcome::Refuse(_) => return Err(Box::new(judgement)),
            Outcome::Warn(sentence) => Some(Arc::clone(sentence)),
            Outcome::Admit => None,
        };
        let decision = Decision {
            epoch: lens.epoch,
            class: lens.class,
            from: judgement.valid_from,
            until: judgement.valid_until,
            rule: judgement.rule,
            warning,
        };
        Ok((Admitted { _made_here: () }, decision))
    }

    /// Admits again what was admitted under the same rules, while that judgement stands. `None`
    /// means: judge anew.
    pub fn recall(&self, decision: &Decision, lens: &Lens) -> Option<Admitted> {
        let same_rules = self.epoch() == decision.epoch
            && lens.epoch == decision.epoch
            && lens.class == decision.class;
        let stands = decision.from <= lens.as_of && lens.as_of < decision.until;
        (same_rules && stands).then_some(Admitted { _made_here: () })
    }
}
