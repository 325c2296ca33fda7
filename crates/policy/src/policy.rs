//! The policy and the lens through which one request is judged.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use weir_core::{Algorithm, Code, Digest, Edits, FactSet, Timestamp};

use crate::pattern::Pattern;
use crate::rules::{NameRules, Rule, Ruleset};
use crate::sentence::Template;
use crate::{
    EcosystemInfo, ExplainedFacts, Explanation, Facts, Judgement, Listing, MountInfo, PolicyError,
    PolicySettings, Refusal, WorkMode,
};

/// Rules made ready for judging. It holds no state: the same lens and facts always give the same
/// judgement, so recorded inputs can be replayed.
#[derive(Debug)]
pub struct Policy {
    settings: PolicySettings,
    epoch: u64,
    rules: Vec<Arc<Rule>>,
    cooldowns: Vec<(Pattern, Duration)>,
    sets: Vec<Arc<Ruleset>>,
    template: Option<Template>,
}

/// The rules and the instant under which one request and all that it renders are judged.
#[derive(Clone, Debug)]
pub struct Lens {
    /// A digest of all settings: equal in every process that has the same ones.
    pub epoch: u64,
    /// A digest of what sets this mount apart from others under the same settings.
    pub class: u64,
    /// The instant.
    pub as_of: Timestamp,
    mode: WorkMode,
    set: Arc<Ruleset>,
}

impl Policy {
    /// Makes a policy for these ecosystems. Rules may name no others, so that a misspelt type
    /// does not become a rule that never matches.
    pub fn new(
        settings: PolicySettings,
        ecosystems: &[EcosystemInfo<'_>],
    ) -> Result<Self, PolicyError> {
        check(&settings, ecosystems)?;
        let rules = settings
            .rules
            .iter()
            .enumerate()
            .map(|(index, rule)| Rule::compile(index, rule, ecosystems).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        let cooldowns = cooldowns(&settings, ecosystems)?;
        let template = settings.block_message.as_deref().map(Template::parse).transpose()?;
        let sets = ecosystems
            .iter()
            .map(|info| Arc::new(Ruleset::new(info, &settings, &rules, &cooldowns)))
            .collect();
        let epoch = digest(&settings);
        Ok(Self { settings, epoch, rules, cooldowns, sets, template })
    }

    /// The lens for requests to a mount at an instant.
    pub fn lens(&self, mount: &MountInfo<'_>, as_of: Timestamp) -> Lens {
        let (mode, set) = (self.mode(mount), self.ruleset(mount));
        Lens { epoch: self.epoch, class: set.class(mode), as_of, mode, set }
    }

    /// Judges one release.
    pub fn judge(&self, lens: &Lens, facts: &Facts<'_>) -> Judgement {
        self.judge_with(lens, &lens.set.for_name(facts.name), facts)
    }

    /// Judges the releases of a listing, in their order.
    pub fn judge_all<'f>(
        &self,
        lens: &Lens,
        releases: impl IntoIterator<Item = Facts<'f>>,
    ) -> Vec<Judgement> {
        // Listings hold one name, or names in runs.
        let mut held: Option<(&str, NameRules<'_>)> = None;
        let mut judgements = Vec::new();
        for facts in releases {
            let rules = match held.take() {
                Some((name, rules)) if name == facts.name => rules,
                _ => lens.set.for_name(facts.name),
            };
            judgements.push(self.judge_with(lens, &rules, &facts));
            held = Some((facts.name, rules));
        }
        judgements
    }

    /// What a listing shows of these judgements, in their order.
    /// The second part is the next instant at which one of them can change.
    pub fn edits(&self, mount: &MountInfo<'_>, judged: &[Judgement]) -> (Edits, Timestamp) {
        let until = judged.iter().map(|one| one.valid_until).min().unwrap_or(Timestamp::MAX);
        (crate::edits::edits(self.listing(mount), judged), until)
    }

    /// Judges one release and says on what grounds.
    pub fn explain(&self, lens: &Lens, mount: &MountInfo<'_>, facts: &Facts<'_>) -> Explanation {
        let judgement = self.judge(lens, facts);
        let by_name = |rule: &&Arc<Rule>| Some(&rule.name) == judgement.rule.as_ref();
        let rule = self.rules.iter().find(by_name).map(Arc::as_ref);
        let explained = ExplainedFacts::new(facts, lens.set.unknown());
        Explanation::new(mount, facts, explained, &judgement, rule)
    }

    /// What happens to withheld versions in this mount's listings.
    pub fn listing(&self, mount: &MountInfo<'_>) -> Listing {
        let own = self.settings.listing_by_ecosystem.get(mount.id).copied();
        match own.or(self.settings.listing) {
            Some(Listing::Remove) => Listing::Remove,
            _ if mount.marks => Listing::Mark,
            _ => Listing::Remove,
        }
    }

    /// The mount's work mode.
    pub fn mode(&self, mount: &MountInfo<'_>) -> WorkMode {
        let own = self.settings.work_mode_by_mount.get(mount.mount).copied();
        own.unwrap_or(self.settings.work_mode)
    }

    /// The HTTP status of a refusal.
    pub fn block_status(&self) -> u16 {
        self.settings.block_status
    }

    /// Where the operator explains refusals, instead of this gateway's own page.
    pub fn block_url(&self) -> Option<&str> {
        self.settings.block_url.as_deref()
    }

    /// The sentence of a refusal that concerns a whole mount, in the operator's words. A message
    /// without a place for it (`{sentence}` or `{reason}`) is not used: the sentence says what to do.
    pub fn reworded(&self, code: Code, mount: &str, sentence: String) -> String {
        let Some(template) = self.template().filter(|template| template.says_why()) else {
            return sentence;
        };
        let refusal = Refusal {
            code,
            rule: code.as_str().into(),
            by: Box::default(),
            name: mount.into(),
            version: Box::default(),
            since: None,
            until: None,
            reason: Some(sentence.as_str().into()),
            sentence,
        };
        template.fill(&refusal, self.block_url())
    }

    /// The digest of the settings.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(crate) fn template(&self) -> Option<&Template> {
        self.template.as_ref()
    }

    fn ruleset(&self, mount: &MountInfo<'_>) -> Arc<Ruleset> {
        if let Some(set) = self.sets.iter().find(|set| set.is_of(mount.id, mount.purl_type)) {
            return Arc::clone(set);
        }
        // A purl type that was not announced: rules for all types still apply.
        let MountInfo { id, purl_type, scheme, .. } = *mount;
        let info = EcosystemInfo { id, purl_type, scheme };
        Arc::new(Ruleset::new(&info, &self.settings, &self.rules, &self.cooldowns))
    }
}

impl Lens {
    /// The mount's work mode.
    pub fn mode(&self) -> WorkMode {
        self.mode
    }

    /// The facts that judging takes.
    pub fn wants(&self) -> FactSet {
        if self.set.has_cooldown() { FactSet::DATES } else { FactSet::NONE }
    }

    /// The instant before which all that became available is old at this one; `None` when no
    /// cooldown can apply.
    pub fn horizon(&self) -> Option<Timestamp> {
        self.set.has_cooldown().then(|| self.as_of.minus(self.set.longest_cooldown()))
    }
}

/// The longest cooldown: a slip of the unit should not withhold everything for good.
const LONGEST: Duration = Duration::from_hours(10 * 366 * 24);

fn check(settings: &PolicySettings, known: &[EcosystemInfo<'_>]) -> Result<(), PolicyError> {
    let mut names = BTreeSet::new();
    for (index, rule) in settings.rules.iter().enumerate() {
        if !names.insert(rule.name.trim()) {
            let what = format!("two rules have the name {:?}", rule.name);
            let key = format!("policy.rules[{index}].name");
            return Err(PolicyError::new(key, what, "a name of its own for every rule"));
        }
    }
    if !(400..=599).contains(&settings.block_status) {
        let what = format!("{} does not refuse anything", settings.block_status);
        let expected = "an HTTP status from 400 to 599, best 403";
        return Err(PolicyError::new("policy.block_status", what, expected));
    }
    check_ids("cooldown.ecosystems", settings.cooldown.ecosystems.keys(), known)?;
    check_ids("policy.listing", settings.listing_by_ecosystem.keys(), known)?;
    check_span("cooldown.default", settings.cooldown.default)?;
    for (id, span) in &settings.cooldown.ecosystems {
        check_span(&format!("cooldown.ecosystems.{id}"), *span)?;
    }
    Ok(())
}

fn check_ids<'s>(
    key: &str,
    ids: impl Iterator<Item = &'s String>,
    known: &[EcosystemInfo<'_>],
) -> Result<(), PolicyError> {
    for id in ids {
        if !known.iter().any(|info| info.id == id) {
            let list: Vec<&str> = known.iter().map(|info| info.id).collect();
            let what = format!("{id:?} is not an ecosystem that is served here");
            let expected = format!("one of {}", list.join(", "));
            return Err(PolicyError::new(format!("{key}.{id}"), what, expected));
        }
    }
    Ok(())
}

fn check_span(key: &str, span: Duration) -> Result<(), PolicyError> {
    if span > LONGEST {
        let what = format!("{} is longer than ten years", crate::sentence::span(span));
        return Err(PolicyError::new(key, what, "a shorter cooldown, or a deny rule"));
    }
    Ok(())
}

fn cooldowns(
    settings: &PolicySettings,
    known: &[EcosystemInfo<'_>],
) -> Result<Vec<(Pattern, Duration)>, PolicyError> {
    let packages = &settings.cooldown.packages;
    packages
        .iter()
        .map(|(text, span)| {
            let key = format!("cooldown.packages.{text:?}");
            check_span(&key, *span)?;
            let pattern = Pattern::parse(text, known)
                .map_err(|error| PolicyError::new(key, error.what, error.expected))?;
            Ok((pattern, *span))
        })
        .collect()
}

/// A digest that is the same in every process of the same release of this crate.
pub(crate) fn digest(value: &impl Hash) -> u64 {
    let mut bytes = Bytes(env!("CARGO_PKG_VERSION").as_bytes().to_vec());
    value.hash(&mut bytes);
    let digest = Digest::of(Algorithm::Sha256, &bytes.0);
    digest.bytes().iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// Collects what is hashed.
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.len() as u64
    }
}
