//! What may pass: rules, cooldowns and work modes as a pure function.
//!
//! [`Policy::judge`] takes the facts of a release and a [`Lens`] (rules and an instant) and gives a
//! [`Judgement`] that says why and when it changes. There is no I/O and no clock here, so recorded
//! inputs can be replayed.
//!
//! The first rule that matches decides; the cooldown is the implicit last rule. Listings
//! ([`Policy::edits`]) and downloads ([`Policy::admit`]) rest on the same judgement, so that what a
//! listing withholds is refused at the download and what it offers can be downloaded.
//!
//! ```
//! use std::time::Duration;
//! use weir_core::{Scheme, Timestamp};
//! use weir_policy::{EcosystemInfo, Facts, MountInfo, Policy, PolicySettings};
//!
//! let mut settings = PolicySettings::default();
//! settings.cooldown.default = Duration::from_secs(3 * 86_400);
//! let npm = EcosystemInfo { id: "npm", purl_type: "npm", scheme: Scheme::Npm };
//! let policy = Policy::new(settings, &[npm]).unwrap();
//!
//! let mount = MountInfo { id: "npm", mount: "npm", purl_type: "npm", scheme: Scheme::Npm, marks: false };
//! let mut facts = Facts::new("vite", "7.1.0");
//! facts.available = Timestamp::parse_rfc3339("2026-11-21T08:00:00Z");
//! let now = Timestamp::parse_rfc3339("2026-11-22T12:00:00Z").unwrap();
//! let judgement = policy.judge(&policy.lens(&mount, now), &facts);
//! assert_eq!(
//!     judgement.refusal().unwrap().sentence,
//!     "vite 7.1.0 withheld by cooldown (3 days) until 2026-11-24"
//! );
//! ```

mod edits;
mod error;
mod explain;
mod facts;
mod judge;
mod pattern;
mod policy;
mod rules;
mod sentence;
mod settings;
mod token;

pub use error::PolicyError;
pub use explain::{ExplainedFacts, Explanation};
pub use facts::{Facts, MountInfo, Sight};
pub use judge::{Judgement, Outcome, Refusal};
pub use pattern::Pattern;
pub use policy::{Lens, Policy};
pub use settings::{
    CooldownSettings, EcosystemInfo, Effect, Listing, PolicySettings, RuleSettings, Unknown,
    WorkMode,
};
pub use token::{Admitted, Decision};

#[cfg(test)]
mod tests;
