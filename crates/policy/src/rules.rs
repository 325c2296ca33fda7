//! Settings compiled into what can apply to one purl type, and from there to one name.

use std::cell::OnceCell;
use std::cmp::{Ordering, Reverse};
use std::sync::Arc;
use std::time::Duration;

use weir_core::{Digest, Role, Scheme, Timestamp};
use weir_version::{Range, Reading};

use crate::pattern::{Pattern, fold};
use crate::policy::digest;
use crate::{
    EcosystemInfo, Effect, Facts, PolicyError, PolicySettings, RuleSettings, Unknown, WorkMode,
};

/// The name of the implicit last rule.
pub(crate) const COOLDOWN: &str = "cooldown";
/// The name under which unreadable entries are withheld.
pub(crate) const UNREADABLE: &str = "unreadable";

/// A rule with its patterns read.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: Arc<str>,
    pub(crate) effect: Effect,
    pub(crate) reason: Option<Box<str>>,
    pub(crate) owner: Option<Box<str>>,
    /// [`Timestamp::MAX`] when it does not end.
    pub(crate) until: Timestamp,
    patterns: Vec<Pattern>,
    versions: Option<Box<str>>,
}

/// The rules and cooldowns that can apply to packages of one type.
#[derive(Debug)]
pub(crate) struct Ruleset {
    /// The ecosystem's id.
    id: Box<str>,
    purl_type: Box<str>,
    /// What sets a lens of each work mode apart.
    classes: [u64; WorkMode::ALL.len()],
    scheme: Scheme,
    rules: Vec<ScopedRule>,
    /// Narrowest first.
    cooldowns: Vec<(Pattern, Duration)>,
    /// What applies where no package's cooldown does.
    fallback: Duration,
    unknown: Unknown,
}

#[derive(Debug)]
struct ScopedRule {
    rule: Arc<Rule>,
    scope: Scope,
}

/// The versions that a rule is about.
#[derive(Debug)]
enum Scope {
    All,
    /// Content addresses, and a range of all others where one is named.
    These {
        addresses: Vec<Box<str>>,
        range: Option<Range>,
    },
}

impl Scope {
    fn read(scheme: Scheme, versions: &str) -> Option<Self> {
        let (addresses, range) = split(versions);
        let range = range.map(|range| Range::parse(scheme, &range)).transpose().ok()?;
        Some(Self::These { addresses: addresses.into_iter().map(Into::into).collect(), range })
    }
}

/// A release as rules look at it: what takes reading is read once, when a rule first asks.
pub(crate) struct Subject<'f> {
    pub(crate) facts: &'f Facts<'f>,
    scheme: Scheme,
    /// The version; `None` where it is a content address, however that compares.
    version: OnceCell<Option<Reading<'f>>>,
}

impl<'f> Subject<'f> {
    fn version(&self) -> Option<&Reading<'f>> {
        let text = self.facts.version;
        let read = || {
            let is_address = text.parse::<Digest>().is_ok();
            (!is_address).then(|| Reading::new(self.scheme, text))
        };
        self.version.get_or_init(read).as_ref()
    }

    /// Whether it has this content address, or one that leads to it.
    fn is_at(&self, address: &str) -> bool {
        self.facts.version == address || self.facts.chain.iter().any(|one| one == address)
    }
}

/// Takes the content addresses (`sha256:…`) out of a range, which orders versions: what is named by
/// one, and the rest.
fn split(versions: &str) -> (Vec<&str>, Option<String>) {
    let parts = versions.split("||").map(str::trim);
    let (addresses, rest): (Vec<&str>, Vec<&str>) =
        parts.partition(|part| part.contains(':') && part.parse::<Digest>().is_ok());
    let rest = Some(rest.join(" || ")).filter(|_| !rest.is_empty());
    (addresses, rest)
}

/// The part of a [`Ruleset`] that can apply to one name.
#[derive(Debug)]
pub(crate) struct NameRules<'r> {
    set: &'r Ruleset,
    rules: Vec<(&'r ScopedRule, Versions<'r>)>,
    /// Narrowest first; the first one that matches the version counts.
    cooldowns: Vec<(Option<&'r str>, Duration)>,
}

#[derive(Debug)]
enum Versions<'r> {
    All,
    These(Vec<&'r str>),
}

impl Rule {
    pub(crate) fn compile(
        index: usize,
        settings: &RuleSettings,
        known: &[EcosystemInfo<'_>],
    ) -> Result<Self, PolicyError> {
        let key = |field: &str| format!("policy.rules[{index}].{field}");
        let name = settings.name.trim();
        if name.is_empty() || name.chars().any(char::is_control) || name.len() > 100 {
            let what = format!("{name:?} is not a rule's name");
            return Err(PolicyError::new(key("name"), what, "1 to 100 printable characters"));
        }
        if [COOLDOWN, UNREADABLE].contains(&name) {
            let what = format!("{name:?} is the name of a built-in rule");
            return Err(PolicyError::new(key("name"), what, "another name"));
        }
        let patterns = settings
            .purls
            .iter()
            .map(|text| Pattern::parse(text, known))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| PolicyError::new(key("purl"), error.what, error.expected))?;
        let rule = Self {
            name: name.into(),
            effect: settings.effect,
            reason: settings.reason.as_deref().map(Into::into),
            owner: settings.owner.as_deref().map(Into::into),
            until: settings.until.unwrap_or(Timestamp::MAX),
            patterns,
            versions: settings.versions.as_deref().map(Into::into),
        };
        rule.check_versions(&key("versions"), known)?;
        Ok(rule)
    }

    /// A range means something only in the ecosystems that the patterns name.
    fn check_versions(&self, key: &str, known: &[EcosystemInfo<'_>]) -> Result<(), PolicyError> {
        let Some(text) = &self.versions else { return Ok(()) };
        if self.patterns.is_empty() || self.patterns.iter().any(|p| p.purl_type().is_none()) {
            let what = "a version range without an ecosystem";
            let expected = "package patterns that name one (purl = \"pkg:npm/…\")";
            return Err(PolicyError::new(key, what, expected));
        }
        let Some(range) = split(text).1 else { return Ok(()) };
        for info in known.iter().filter(|info| self.concerns(info.purl_type)) {
            Range::parse(info.scheme, &range).map_err(|error| {
                let expected = format!("a range of {} versions such as >=1.2, <2", info.id);
                PolicyError::new(key, error.to_string(), expected)
            })?;
        }
        Ok(())
    }

    fn concerns(&self, purl_type: &str) -> bool {
        self.patterns.is_empty() || self.patterns.iter().any(|p| p.concerns(purl_type))
    }

    /// The versions of a name that its patterns leave; `None` when they do not match it.
    fn versions_of(&self, set: &Ruleset, folded: &str) -> Option<Versions<'_>> {
        if self.patterns.is_empty() {
            return Some(Versions::All);
        }
        let mut these = Vec::new();
        for pattern in &self.patterns {
            if pattern.concerns(&set.purl_type) && pattern.matches_name(folded) {
                match pattern.version() {
                    None => return Some(Versions::All),
                    Some(version) => these.push(version),
                }
            }
        }
        (!these.is_empty()).then_some(Versions::These(these))
    }
}

impl ScopedRule {
    fn new(rule: &Arc<Rule>, scheme: Scheme) -> Self {
        // A range is checked for every known scheme when its rule is compiled. Under another one, what
        // cannot be read leaves no version out.
        let scope = rule.versions.as_deref().and_then(|versions| Scope::read(scheme, versions));
        Self { rule: Arc::clone(rule), scope: scope.unwrap_or(Scope::All) }
    }

    /// A version that is none is in no range, which must not let it slip past a denial. Nor is a
    /// content address, however it compares.
    fn holds(&self, subject: &Subject<'_>) -> bool {
        let Scope::These { addresses, range } = &self.scope else { return true };
        if addresses.iter().any(|address| subject.is_at(address)) {
            return true;
        }
        let Some(range) = range else { return false };
        let denies = self.rule.effect == Effect::Deny;
        match subject.version() {
            Some(version) => range.holds(version) || denies && !version.is_valid(),
            None => denies,
        }
    }
}

impl Ruleset {
    pub(crate) fn new(
        info: &EcosystemInfo<'_>,
        settings: &PolicySettings,
        rules: &[Arc<Rule>],
        cooldowns: &[(Pattern, Duration)],
    ) -> Self {
        let rules = rules.iter().filter(|rule| rule.concerns(info.purl_type));
        let rules = rules.map(|rule| ScopedRule::new(rule, info.scheme));
        let mut cooldowns: Vec<_> =
            cooldowns.iter().filter(|(p, _)| p.concerns(info.purl_type)).cloned().collect();
        cooldowns.sort_by_key(|(pattern, _)| Reverse(pattern.narrowness()));
        let cooldown = &settings.cooldown;
        Self {
            id: info.id.into(),
            purl_type: info.purl_type.into(),
            classes: WorkMode::ALL.map(|mode| digest(&(info.id, info.purl_type, mode))),
            scheme: info.scheme,
            rules: rules.collect(),
            cooldowns,
            fallback: cooldown.ecosystems.get(info.id).copied().unwrap_or(cooldown.default),
            unknown: cooldown.unknown,
        }
    }

    pub(crate) fn is_of(&self, id: &str, purl_type: &str) -> bool {
        *self.id == *id && *self.purl_type == *purl_type
    }

    /// A digest of what sets mounts of this kind and work mode apart from others under the same
    /// settings.
    pub(crate) fn class(&self, mode: WorkMode) -> u64 {
        self.classes[mode as usize]
    }

    /// Whether a cooldown can apply to some package.
    pub(crate) fn has_cooldown(&self) -> bool {
        !self.fallback.is_zero() || self.cooldowns.iter().any(|(_, span)| !span.is_zero())
    }

    /// The longest cooldown of any package.
    pub(crate) fn longest_cooldown(&self) -> Duration {
        let own = self.cooldowns.iter().map(|(_, span)| *span);
        own.fold(self.fallback, Duration::max)
    }

    pub(crate) fn unknown(&self) -> Unknown {
        self.unknown
    }

    pub(crate) fn for_name(&self, name: &str) -> NameRules<'_> {
        let folded = fold(&self.purl_type, name);
        let rules = self
            .rules
            .iter()
            .filter_map(|scoped| Some((scoped, scoped.rule.versions_of(self, &folded)?)));
        let cooldowns = self.cooldowns.iter().filter(|(p, _)| p.matches_name(&folded));
        NameRules {
            set: self,
            rules: rules.collect(),
            cooldowns: cooldowns.map(|(p, span)| (p.version(), *span)).collect(),
        }
    }
}

impl<'r> NameRules<'r> {
    /// A release as these rules look at it.
    pub(crate) fn subject<'f>(&self, facts: &'f Facts<'f>) -> Subject<'f> {
        Subject { facts, scheme: self.set.scheme, version: OnceCell::new() }
    }

    /// The rules that match a release, in order, expired ones too.
    pub(crate) fn matching(&self, subject: &Subject<'_>) -> impl Iterator<Item = &'r Rule> {
        self.rules.iter().filter_map(|(scoped, versions)| {
            let named = match versions {
                Versions::All => true,
                Versions::These(these) => these.iter().any(|one| self.names(one, subject.facts)),
            };
            (named && scoped.holds(subject)).then_some(&*scoped.rule)
        })
    }

    /// The cooldown of a release: none for documents that resolution reads.
    pub(crate) fn cooldown(&self, facts: &Facts<'_>) -> Duration {
        if facts.role == Role::Resolution {
            return Duration::ZERO;
        }
        let own = self
            .cooldowns
            .iter()
            .find(|(version, _)| version.is_none_or(|version| self.names(version, facts)));
        own.map_or(self.set.fallback, |(_, span)| *span)
    }

    pub(crate) fn unknown(&self) -> Unknown {
        self.set.unknown
    }

    /// Whether a pattern's version is the release's, or an address that leads to it.
    fn names(&self, version: &str, facts: &Facts<'_>) -> bool {
        self.same(version, facts.version) || facts.chain.iter().any(|address| address == version)
    }

    /// Whether two texts spell one version.
    fn same(&self, left: &str, right: &str) -> bool {
        left == right || weir_version::compare(self.set.scheme, left, right) == Ordering::Equal
    }
}
