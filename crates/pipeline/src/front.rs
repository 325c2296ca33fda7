//! What stands at a path: one registry, or a group of them in order.

use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use thiserror::Error;
use weir_core::{Ecosystem, Request};

use crate::Mount;

/// A path of the gateway and the registries behind it.
#[derive(Debug)]
pub struct Front {
    /// Path without leading and trailing slash: `npm`, `conda/forge`.
    pub path: String,
    /// The registries, in the order in which they are asked. Never empty.
    pub members: Vec<Member>,
}

/// A registry behind a front.
#[derive(Debug)]
pub struct Member {
    /// The registry.
    pub mount: Arc<Mount>,
    /// Which names it is asked for.
    pub patterns: Patterns,
}

impl Front {
    /// A front of one registry.
    pub fn single(path: impl Into<String>, mount: Arc<Mount>) -> Self {
        Self { path: path.into(), members: vec![Member { mount, patterns: Patterns::default() }] }
    }

    /// The plugin that all members share.
    pub fn ecosystem(&self) -> Option<&Arc<dyn Ecosystem>> {
        self.members.first().map(|member| &member.mount.ecosystem)
    }

    /// What a path of the gateway, without its leading slash, has below this front: nothing, or a
    /// slash and more. `None` when it is not below it.
    pub fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix(&*self.path)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    }

    /// Whether a request at the gateway's root belongs here: a client dropped the default mount's
    /// path.
    pub fn claims_lost(&self, request: &Request<'_>) -> bool {
        let Some(descriptor) = self.ecosystem().map(|ecosystem| ecosystem.describe()) else {
            return false;
        };
        self.path == descriptor.mount && descriptor.lost_prefix.is_some_and(|is| is(request))
    }

    /// The members that may be asked for a name, in order. A name that matches some member's
    /// patterns is asked only there: an internal name never goes upstream.
    pub fn candidates(&self, name: Option<&str>) -> Vec<&Arc<Mount>> {
        let Some(name) = name else {
            return self.members.iter().map(|member| &member.mount).collect();
        };
        let claimed = self.members.iter().any(|member| member.patterns.claims(name));
        self.members
            .iter()
            .map(|member| (member, &member.patterns))
            .filter(|(_, patterns)| {
                let open = || patterns.is_open() && !patterns.excludes(name);
                if claimed { patterns.claims(name) } else { open() }
            })
            .map(|(member, _)| &member.mount)
            .collect()
    }
}

/// Name patterns of a member: globs in which `*` does not cross `/` and `**` does.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    include: Option<GlobSet>,
    exclude: Option<GlobSet>,
}

/// A pattern is not a glob.
#[derive(Debug, Error)]
#[error("{pattern:?} is not a name pattern such as \"@acme/*\": {reason}")]
pub struct PatternsError {
    /// The pattern.
    pub pattern: String,
    /// What the parser said.
    pub reason: String,
}

impl Patterns {
    /// Compiles patterns. Without `include` the member takes every name that no other member
    /// claims and `exclude` does not name.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, PatternsError> {
        Ok(Self { include: compile(include)?, exclude: compile(exclude)? })
    }

    fn claims(&self, name: &str) -> bool {
        self.include.as_ref().is_some_and(|set| set.is_match(name)) && !self.excludes(name)
    }

    fn is_open(&self) -> bool {
        self.include.is_none()
    }

    fn excludes(&self, name: &str) -> bool {
        self.exclude.as_ref().is_some_and(|set| set.is_match(name))
    }
}

fn compile(patterns: &[String]) -> Result<Option<GlobSet>, PatternsError> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let error = |pattern: &str, error: globset::Error| PatternsError {
        pattern: pattern.to_owned(),
        reason: error.kind().to_string(),
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        set.add(glob.map_err(|e| error(pattern, e))?);
    }
    set.build().map(Some).map_err(|e| error(&patterns.join(", "), e))
}
