//! What is known of one release when it is judged.

use std::time::Duration;

use std::borrow::Cow;

use weir_core::{Release, Role, Scheme, Timestamp};

use crate::Unknown;

/// The mount that a judgement is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MountInfo<'a> {
    /// The ecosystem's id.
    pub id: &'a str,
    /// The mount's name in the configuration: the id for the default mount.
    pub mount: &'a str,
    /// The purl type of its packages.
    pub purl_type: &'a str,
    /// How its versions are ordered.
    pub scheme: Scheme,
    /// Whether its listing format has a mark.
    pub marks: bool,
}

/// When this gateway first saw a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sight {
    /// It was there at first contact with the package: it counts as old.
    Baseline,
    /// It was absent from a stored listing and present in a later one, read at this instant.
    At(Timestamp),
    /// Nothing was recorded.
    #[default]
    Unknown,
}

/// The facts of one release, or of one file of it.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Canonical package name.
    pub name: &'a str,
    /// Canonical version.
    pub version: &'a str,
    /// Content addresses by which rules may name it too ([`Release::chain`]).
    pub chain: &'a [Cow<'a, str>],
    /// The file, where the judgement is for one.
    pub file: Option<&'a str>,
    /// When the registry made it available, by the registry's clock.
    pub available: Option<Timestamp>,
    /// When its author says that it was made.
    pub authored: Option<Timestamp>,
    /// When this gateway first saw it.
    pub first_seen: Sight,
    /// What the file is to a client. Listings are judged as [`Role::Package`].
    pub role: Role,
    /// Yanked, with the reason.
    pub yanked: Option<&'a str>,
    /// Deprecated, with the message.
    pub deprecated: Option<&'a str>,
    /// The licence as the listing spells it.
    pub licence: Option<&'a str>,
    /// Why the entry cannot be judged; it is withheld whatever the rules say.
    pub unreadable: Option<&'static str>,
}

impl<'a> Facts<'a> {
    /// A package of which nothing but the name and version is known.
    pub fn new(name: &'a str, version: &'a str) -> Self {
        Self {
            name,
            version,
            chain: &[],
            file: None,
            available: None,
            authored: None,
            first_seen: Sight::Unknown,
            role: Role::Package,
            yanked: None,
            deprecated: None,
            licence: None,
            unreadable: None,
        }
    }

    /// The facts of a listing's entry.
    pub fn of(release: &'a Release<'_>, first_seen: Sight) -> Self {
        Self {
            name: &release.name,
            version: &release.version,
            chain: &release.chain,
            file: release.file.as_deref(),
            available: release.available,
            authored: release.authored,
            first_seen,
            role: Role::Package,
            yanked: release.yanked.as_deref(),
            deprecated: release.deprecated.as_deref(),
            licence: release.licence.as_deref(),
            unreadable: release.unreadable,
        }
    }

    /// When the release counts as published: the later of the author's date and the instant at
    /// which it became available, because an author can write any date.
    pub(crate) fn published(&self, unknown: Unknown) -> Published {
        let (available, source) = match (self.available, unknown, self.first_seen) {
            (Some(available), _, _) => (available, DateSource::Registry),
            (None, Unknown::Allow, _) => (Timestamp::MIN, DateSource::Assumed),
            (None, Unknown::FirstSeen, Sight::Baseline) => (Timestamp::MIN, DateSource::Baseline),
            (None, Unknown::FirstSeen, Sight::At(seen)) => (seen, DateSource::FirstSeen),
            (None, Unknown::FirstSeen, Sight::Unknown) | (None, Unknown::Deny, _) => {
                return Published { at: None, source: DateSource::Unknown };
            }
        };
        match self.authored {
            Some(authored) if authored > available => {
                Published { at: Some(authored), source: DateSource::Author }
            }
            _ => Published { at: Some(available), source },
        }
    }
}

/// A publication date and where it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// `None` when it is unknown; [`Timestamp::MIN`] when it is old without a date.
    pub(crate) at: Option<Timestamp>,
    pub(crate) source: DateSource,
}

impl Published {
    /// The instant from which a cooldown of this length no longer withholds.
    pub(crate) fn cooled(self, span: Duration) -> Timestamp {
        match self.at {
            _ if span.is_zero() => Timestamp::MIN,
            None => Timestamp::MAX,
            Some(Timestamp::MIN) => Timestamp::MIN,
            Some(at) => at.plus(span),
        }
    }
}

/// Where the date that counts is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateSource {
    Registry,
    Author,
    FirstSeen,
    Baseline,
    Assumed,
    Unknown,
}

impl DateSource {
    /// The word in an explanation.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Author => "author",
            Self::FirstSeen => "first seen",
            Self::Baseline => "there at first contact",
            Self::Assumed => "assumed old",
            Self::Unknown => "unknown",
        }
    }
}
