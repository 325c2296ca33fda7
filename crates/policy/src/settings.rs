//! What an operator configures, as plain data. `weir-config` maps its keys onto these; aliases of
//! ecosystem ids are resolved before.

use std::collections::BTreeMap;
use std::time::Duration;

use weir_core::{Descriptor, Scheme, Timestamp};

/// Everything that policy is made from. The default withholds nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PolicySettings {
    /// `cooldown.*`
    pub cooldown: CooldownSettings,
    /// `policy.rules`, in order: the first that matches decides.
    pub rules: Vec<RuleSettings>,
    /// `policy.work_mode`
    pub work_mode: WorkMode,
    /// `registries.<name>.work_mode`, by mount.
    pub work_mode_by_mount: BTreeMap<String, WorkMode>,
    /// `policy.listing`; `None` marks where the format has a mark and removes elsewhere.
    pub listing: Option<Listing>,
    /// The same for one ecosystem, by its id.
    pub listing_by_ecosystem: BTreeMap<String, Listing>,
    /// `policy.block_status`: the HTTP status of a refusal, 400 to 599.
    pub block_status: u16,
    /// `policy.block_message`: a template for the sentence of a refusal. `{name}`, `{version}`,
    /// `{rule}`, `{reason}`, `{until}`, `{url}` and `{sentence}` (the usual sentence) are filled in.
    pub block_message: Option<String>,
    /// `policy.block_url`: where the operator explains refusals.
    pub block_url: Option<String>,
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self {
            cooldown: CooldownSettings::default(),
            rules: Vec::new(),
            work_mode: WorkMode::default(),
            work_mode_by_mount: BTreeMap::new(),
            listing: None,
            listing_by_ecosystem: BTreeMap::new(),
            block_status: 403,
            block_message: None,
            block_url: None,
        }
    }
}

/// How long a new version is withheld. Resolved package → ecosystem → default; zero is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CooldownSettings {
    /// For everything else.
    pub default: Duration,
    /// By ecosystem id.
    pub ecosystems: BTreeMap<String, Duration>,
    /// By package URL or pattern (see [`Pattern`](crate::Pattern)); the most specific one counts.
    pub packages: Vec<(String, Duration)>,
    /// What a version without a date of the registry's own counts as.
    pub unknown: Unknown,
}

/// What a version without a date of the registry's own counts as, where a cooldown applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Unknown {
    /// As old as its first sight by this gateway; what was there at first contact is old.
    #[default]
    FirstSeen,
    /// Withheld.
    Deny,
    /// Old, unless its author says otherwise.
    Allow,
}

/// One rule. It matches when its package patterns and its versions do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RuleSettings {
    /// The name that sentences, metrics and explanations use; unique.
    pub name: String,
    /// What happens to what it matches.
    pub effect: Effect,
    /// Package patterns, of which one must match; empty for all packages.
    pub purls: Vec<String>,
    /// A version range in the scheme of the patterns' ecosystem.
    pub versions: Option<String>,
    /// Why, for people.
    pub reason: Option<String>,
    /// When the rule ends: from this instant on it has no effect.
    pub until: Option<Timestamp>,
    /// Who answers for it.
    pub owner: Option<String>,
}

impl RuleSettings {
    /// A rule for everything, without reason, end or owner.
    pub fn new(name: impl Into<String>, effect: Effect) -> Self {
        Self {
            name: name.into(),
            effect,
            purls: Vec::new(),
            versions: None,
            reason: None,
            until: None,
            owner: None,
        }
    }

    /// Adds a package pattern.
    #[must_use]
    pub fn purl(mut self, pattern: impl Into<String>) -> Self {
        self.purls.push(pattern.into());
        self
    }

    /// Sets the version range.
    #[must_use]
    pub fn versions(mut self, range: impl Into<String>) -> Self {
        self.versions = Some(range.into());
        self
    }

    /// Sets the reason.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Sets the end.
    #[must_use]
    pub fn until(mut self, end: Timestamp) -> Self {
        self.until = Some(end);
        self
    }
}

/// What a rule does to what it matches. As the first match decides, an `allow` or a `warn` also
/// exempts from the cooldown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Refuse.
    Deny,
    /// Let pass, with a sentence in the log.
    Warn,
    /// Let pass.
    Allow,
}

/// What happens to a withheld version in a listing. Its download is refused all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Listing {
    /// It is left out.
    Remove,
    /// It stays, marked (yanked, retracted) with the sentence, where the format has a mark;
    /// elsewhere it is left out.
    Mark,
}

/// How strictly policy is applied. The last three differ only in what happens to what has not
/// been scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WorkMode {
    /// Everything passes while caches and scans fill; what would be withheld is logged.
    Warmup,
    /// Everything passes; what would be withheld is logged.
    Spectator,
    /// Policy applies; what has not been scanned passes.
    #[default]
    Moderate,
    /// Policy applies; what has not been scanned is refused.
    Strict,
    /// Policy applies; what has not been scanned waits for its scan.
    StrictWait,
}

impl WorkMode {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 5] =
        [Self::Warmup, Self::Spectator, Self::Moderate, Self::Strict, Self::StrictWait];

    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warmup => "warmup",
            Self::Spectator => "spectator",
            Self::Moderate => "moderate",
            Self::Strict => "strict",
            Self::StrictWait => "strict_wait",
        }
    }

    /// Whether a refusal is only reported.
    pub fn lets_pass(self) -> bool {
        matches!(self, Self::Warmup | Self::Spectator)
    }
}

/// An ecosystem that rules may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EcosystemInfo<'a> {
    /// Its id: `go`.
    pub id: &'a str,
    /// Its purl type: `golang`.
    pub purl_type: &'a str,
    /// How its versions are ordered.
    pub scheme: Scheme,
}

impl From<&Descriptor> for EcosystemInfo<'static> {
    fn from(descriptor: &Descriptor) -> Self {
        Self { id: descriptor.id, purl_type: descriptor.purl_type, scheme: descriptor.scheme }
    }
}
