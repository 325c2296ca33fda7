//! Behaviour of policies as a whole: a small world of three ecosystems and a calendar of days.

mod admissions;
mod cooldowns;
mod explanations;
mod listings;
mod patterns;
mod properties;
mod rules;
mod sentences;
mod settings;

use std::time::Duration;

use weir_core::{Scheme, Timestamp};

use crate::{EcosystemInfo, Facts, Judgement, Lens, MountInfo, Policy, PolicySettings};

const ECOSYSTEMS: [EcosystemInfo<'static>; 5] = [
    EcosystemInfo { id: "npm", purl_type: "npm", scheme: Scheme::Npm },
    EcosystemInfo { id: "pypi", purl_type: "pypi", scheme: Scheme::Pep440 },
    EcosystemInfo { id: "cargo", purl_type: "cargo", scheme: Scheme::Semver },
    EcosystemInfo { id: "go", purl_type: "golang", scheme: Scheme::Semver },
    EcosystemInfo { id: "container", purl_type: "oci", scheme: Scheme::Generic },
];

const NPM: MountInfo<'static> =
    MountInfo { id: "npm", mount: "npm", purl_type: "npm", scheme: Scheme::Npm, marks: false };

const PYPI: MountInfo<'static> =
    MountInfo { id: "pypi", mount: "pypi", purl_type: "pypi", scheme: Scheme::Pep440, marks: true };

const GO: MountInfo<'static> =
    MountInfo { id: "go", mount: "go", purl_type: "golang", scheme: Scheme::Semver, marks: false };

const IMAGES: MountInfo<'static> = MountInfo {
    id: "container",
    mount: "container",
    purl_type: "oci",
    scheme: Scheme::Generic,
    marks: false,
};

/// Day 0 is 2026-11-20, at midnight.
fn day(number: i64) -> Timestamp {
    Timestamp::from_secs(1_795_132_800 + number * 86_400)
}

fn hour(number: i64) -> Timestamp {
    Timestamp::from_secs(1_795_132_800 + number * 3600)
}

fn days(number: u64) -> Duration {
    Duration::from_hours(number * 24)
}

fn policy(settings: PolicySettings) -> Policy {
    Policy::new(settings, &ECOSYSTEMS).unwrap()
}

/// A policy with a cooldown of three days for everything.
fn three_days() -> PolicySettings {
    let mut settings = PolicySettings::default();
    settings.cooldown.default = days(3);
    settings
}

/// A package that the registry published on a day.
fn dated<'a>(name: &'a str, version: &'a str, on: Timestamp) -> Facts<'a> {
    Facts { available: Some(on), ..Facts::new(name, version) }
}

fn judge(policy: &Policy, mount: &MountInfo<'_>, at: Timestamp, facts: &Facts<'_>) -> Judgement {
    policy.judge(&policy.lens(mount, at), facts)
}

/// Whether it passes, in npm's mount on day 10.
fn passes(settings: PolicySettings, facts: &Facts<'_>) -> bool {
    judge(&policy(settings), &NPM, day(10), facts).refusal().is_none()
}

fn lens(policy: &Policy, at: Timestamp) -> Lens {
    policy.lens(&NPM, at)
}
