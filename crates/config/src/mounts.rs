//! Registries and groups: names, paths and what they fetch from.

use std::collections::BTreeMap;

use crate::partial::{
    MemberTable, OriginTable, Partial, PartialCredentials, PartialGroup, PartialRegistry,
    PartialUpstream, UpstreamTable,
};
use crate::resolve::{Resolver, apply_upstream_limits, strings, texts, values};
use crate::scalar::{Ecosystem, RegistryUrl, Scalar as _};
use crate::{
    Address, Credentials, EcosystemId, Group, IndexMode, Member, Registry, SignedIndexes, Upstream,
    UpstreamLimits,
};

/// First path segments of the gateway's own pages.
const RESERVED: [&str; 16] = [
    "-",
    "api",
    "assets",
    "favicon.ico",
    "health",
    "keys",
    "login",
    "metrics",
    "oauth",
    "openapi.json",
    "robots.txt",
    "static",
    "stats",
    "ui",
    "v2",
    "why",
];

impl Resolver<'_> {
    /// Registries by their final names, the short forms included.
    pub(crate) fn registries(
        &mut self,
        partial: &mut Partial,
        limits: UpstreamLimits,
    ) -> BTreeMap<String, Registry> {
        let mut registries = BTreeMap::new();
        for (name, table) in std::mem::take(&mut partial.registries) {
            let at = strings(&["registries", &name]);
            if let Some(registry) = self.registry(&at, &name, table, limits)
                && let Some(other) = registries.insert(registry.name.clone(), registry)
            {
                self.refuse(&at, format!("the default mount of {} is said twice", other.ecosystem));
            }
        }
        for (ecosystem, table) in std::mem::take(&mut partial.upstream) {
            let at = strings(&["upstream", ecosystem.0.id()]);
            let upstream = self.upstream(&at, table, limits);
            let id = ecosystem.0.id();
            let registry =
                registries.entry(id.to_owned()).or_insert_with(|| Registry::new(id, ecosystem.0));
            if registry.upstream.is_some() {
                self.refuse(&at, format!("is said twice: here and in registries.{id}.upstream"));
            }
            registry.upstream = upstream;
        }
        registries
    }

    fn registry(
        &mut self,
        at: &[String],
        name: &str,
        table: PartialRegistry,
        limits: UpstreamLimits,
    ) -> Option<Registry> {
        let ecosystem = self.registry_ecosystem(at, name, table.ecosystem.map(|e| e.0))?;
        let own = EcosystemId::parse(name).map_or(name, |ecosystem| ecosystem.id());
        let mut registry = Registry::new(own, ecosystem);
        if let Some(path) = table.path {
            registry.path = self.path(&below(at, "path"), &path.0)?;
        }
        if let Some(upstream) = table.upstream {
            registry.upstream = self.upstream(&below(at, "upstream"), upstream, limits);
        }
        registry.work_mode = table.work_mode.map(|mode| mode.0);
        registry.index = table.index.map(|mode| mode.0).unwrap_or_default();
        registry.signed = SignedIndexes {
            suites: texts(table.suites),
            components: texts(table.components),
            architectures: texts(table.architectures),
            hold_back: table.hold_back.is_some_and(|flag| flag.0),
            keyring: values(table.keyring).into_iter().map(|path| self.absolute(path)).collect(),
            unverified: table.verify_upstream.is_some_and(|flag| !flag.0),
        };
        self.signed_indexes(at, &registry);
        Some(registry)
    }

    /// Everything that an archive has is too much to be edited: what is, must be said.
    fn signed_indexes(&mut self, at: &[String], registry: &Registry) {
        let resigned = registry.index == IndexMode::FilterResign;
        if registry.ecosystem.id() != "debian" {
            if resigned {
                self.refuse(&below(at, "index"), "is for registries with signed indexes (debian)");
            }
            return;
        }
        let signed = &registry.signed;
        if resigned && (signed.suites.is_empty() || signed.architectures.is_empty()) {
            let message = "filter_resign needs suites and architectures, such as \
                           suites = [\"bookworm\"] and architectures = [\"amd64\"]";
            self.refuse(&below(at, "index"), message);
        }
        if signed.unverified && !signed.keyring.is_empty() {
            let message = "is false, so keyring has no use; leave one of them out";
            self.refuse(&below(at, "verify_upstream"), message);
        }
    }

    fn registry_ecosystem(
        &mut self,
        at: &[String],
        name: &str,
        said: Option<EcosystemId>,
    ) -> Option<EcosystemId> {
        match (EcosystemId::parse(name), said) {
            (Some(own), Some(said)) if own != said => {
                let message = format!(
                    "is the default mount of {own} and cannot be of {said}; choose another name"
                );
                self.refuse(at, message);
                None
            }
            (Some(own), _) => Some(own),
            (None, None) => {
                let remark = Ecosystem::remark(name).map(|r| format!(" ({r})")).unwrap_or_default();
                let message = format!("needs an ecosystem, such as ecosystem = \"npm\"{remark}");
                self.refuse(at, message);
                None
            }
            (None, Some(said)) => self.name(at, name).then_some(said),
        }
    }

    /// Names are first components of stored files and of default paths.
    fn name(&mut self, at: &[String], name: &str) -> bool {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        let fine = name.len() <= 64
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(good);
        if !fine {
            let message = "a name has at most 64 lower-case letters, digits, and - _ . inside";
            self.refuse(at, message);
        }
        fine
    }

    fn path(&mut self, at: &[String], text: &str) -> Option<String> {
        let path = text.trim_end_matches('/');
        let good = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
        let segment = |s: &str| !s.is_empty() && s != "." && s != ".." && s.chars().all(good);
        let fine = path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(segment));
        if !fine {
            let message = format!("found {text:?}, expected a path such as /internal-npm");
            self.refuse(at, message);
        }
        fine.then(|| path.to_owned())
    }

    fn upstream(
        &mut self,
        at: &[String],
        table: PartialUpstream,
        limits: UpstreamLimits,
    ) -> Option<Upstream> {
        let UpstreamTable {
            address,
            credentials,
            origins,
            redirects,
            token_realms,
            stands_for,
            ca_file,
            limits: own,
        } = table.0;
        let Some(address) = address else {
            self.refuse(at, format!("needs an address: expected {}", RegistryUrl::EXPECTED));
            return None;
        };
        let address = self.address(at, address.0, credentials);
        let origins = origins.into_iter().filter_map(|(role, origin)| {
            let at = [at, &strings(&["origins", &role])].concat();
            Some((role, self.origin(&at, origin.0, &address)?))
        });
        let origins = origins.collect();
        let limits = apply_upstream_limits(limits, own);
        let ca_file = ca_file.map(|path| self.absolute(path.0));
        let (redirects, token_realms) = (texts(redirects), texts(token_realms));
        let stands_for = texts(stands_for);
        Some(Upstream { address, origins, redirects, token_realms, stands_for, ca_file, limits })
    }

    fn origin(&mut self, at: &[String], table: OriginTable, main: &Address) -> Option<Address> {
        let Some(address) = table.address else {
            self.refuse(at, format!("needs an address: expected {}", RegistryUrl::EXPECTED));
            return None;
        };
        let mut address = self.address(at, address.0, table.credentials);
        if address.credentials.is_none() && address.url.origin() == main.url.origin() {
            address.credentials.clone_from(&main.credentials);
        }
        Some(address)
    }

    fn address(
        &mut self,
        at: &[String],
        mut address: Address,
        table: Option<PartialCredentials>,
    ) -> Address {
        let at = below(at, "credentials");
        if let Some(credentials) = table.and_then(|table| self.credentials(&at, table)) {
            if address.credentials.is_some() {
                self.refuse(&at, "are said twice: here and in the address");
            }
            address.credentials = Some(credentials);
        }
        address
    }

    fn credentials(&mut self, at: &[String], table: PartialCredentials) -> Option<Credentials> {
        let password = table.password.and_then(|s| self.secret(&below(at, "password"), s));
        let token = table.token.and_then(|s| self.secret(&below(at, "token"), s));
        let value = table.value.and_then(|s| self.secret(&below(at, "value"), s));
        match (table.user, password, token, table.header, value) {
            (Some(user), Some(password), None, None, None) => {
                Some(Credentials::Basic { user: user.0, password })
            }
            (None, None, Some(token), None, None) => Some(Credentials::Bearer { token }),
            (None, None, None, Some(header), Some(value)) => {
                Some(Credentials::Header { header: header.0, value })
            }
            _ => {
                self.refuse(at, "are user and password, or token, or header and value");
                None
            }
        }
    }

    /// Groups by name. Members must be mounts of one ecosystem.
    pub(crate) fn groups(
        &mut self,
        tables: BTreeMap<String, PartialGroup>,
        registries: &BTreeMap<String, Registry>,
    ) -> BTreeMap<String, Group> {
        let mut groups = BTreeMap::new();
        for (name, table) in tables {
            let at = strings(&["groups", &name]);
            if registries.contains_key(&name) || EcosystemId::parse(&name).is_some() {
                self.refuse(&at, "is the name of a registry; choose another");
            } else if self.name(&at, &name)
                && let Some(group) = self.group(&at, &name, table, registries)
            {
                groups.insert(name, group);
            }
        }
        groups
    }

    fn group(
        &mut self,
        at: &[String],
        name: &str,
        table: PartialGroup,
        registries: &BTreeMap<String, Registry>,
    ) -> Option<Group> {
        let mut ecosystem = table.ecosystem.map(|parsed| parsed.0);
        let mut members: Vec<Member> = Vec::new();
        for (index, member) in
            table.members.map(|list| list.0).unwrap_or_default().into_iter().enumerate()
        {
            let at = [at, &strings(&["members", &index.to_string()])].concat();
            let Some((member, own)) = self.member(&at, member.0, registries) else { continue };
            let wanted = *ecosystem.get_or_insert(own);
            if own != wanted {
                let message = format!("{} is of {own}, the group is of {wanted}", member.registry);
                self.refuse(&at, message);
            } else if members.iter().any(|other| other.registry == member.registry) {
                self.refuse(&at, format!("{} is a member twice", member.registry));
            }
            members.push(member);
        }
        if members.is_empty() {
            self.refuse(at, "needs members, such as members = [\"internal\", \"npm\"]");
        }
        let ecosystem = ecosystem?;
        let path = match table.path {
            Some(path) => self.path(&below(at, "path"), &path.0)?,
            None => Registry::new(name, ecosystem).path,
        };
        Some(Group { name: name.to_owned(), ecosystem, path, members })
    }

    fn member(
        &mut self,
        at: &[String],
        table: MemberTable,
        registries: &BTreeMap<String, Registry>,
    ) -> Option<(Member, EcosystemId)> {
        let Some(registry) = table.registry.map(|parsed| parsed.0) else {
            self.refuse(at, "needs a registry, such as registry = \"internal\"");
            return None;
        };
        let default = EcosystemId::parse(&registry);
        let ecosystem = registries.get(&registry).map(|r| r.ecosystem).or(default);
        let Some(ecosystem) = ecosystem else {
            let near = crate::suggest::nearest(&registry, registries.keys().map(String::as_str));
            let remark = near.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
            self.refuse(at, format!("there is no registry {registry:?}{remark}"));
            return None;
        };
        let registry = default.map_or(registry, |ecosystem| ecosystem.id().to_owned());
        let (patterns, exclude) = (texts(table.patterns), texts(table.exclude));
        Some((Member { registry, patterns, exclude }, ecosystem))
    }

    /// Two mounts never answer for one path.
    pub(crate) fn paths(
        &mut self,
        registries: &BTreeMap<String, Registry>,
        groups: &BTreeMap<String, Group>,
    ) {
        let mounts = all_mounts(registries, groups);
        for (index, mount) in mounts.iter().enumerate() {
            if !mount.said {
                continue;
            }
            let first = mount.path[1..].split('/').next().unwrap_or_default();
            if RESERVED.contains(&first) && first != mount.ecosystem.mount() {
                self.refuse(&mount.at, format!("{} is the gateway's own path", mount.path));
            }
            let others = mounts.iter().enumerate().filter(|(other, _)| *other != index);
            // Of two that were both said, the later one is refused.
            let clash = others
                .filter(|(other, o)| !o.said || *other < index)
                .find(|(_, other)| overlap(mount, other));
            if let Some((_, other)) = clash {
                let message = format!(
                    "the path {} collides with {} of {}; choose another path",
                    mount.path, other.path, other.name
                );
                self.refuse(&mount.at, message);
            }
        }
    }
}

/// What `paths` compares.
struct Mount {
    name: String,
    path: String,
    ecosystem: EcosystemId,
    /// Where its path is said, or what has it.
    at: Vec<String>,
    /// Whether the operator named it.
    said: bool,
}

fn all_mounts(
    registries: &BTreeMap<String, Registry>,
    groups: &BTreeMap<String, Group>,
) -> Vec<Mount> {
    let untouched = EcosystemId::all().filter(|ecosystem| !registries.contains_key(ecosystem.id()));
    let untouched = untouched.map(|ecosystem| Mount {
        name: ecosystem.id().to_owned(),
        path: Registry::new(ecosystem.id(), ecosystem).path,
        ecosystem,
        at: Vec::new(),
        said: false,
    });
    let registries = registries.values().map(|registry| Mount {
        name: registry.name.clone(),
        path: registry.path.clone(),
        ecosystem: registry.ecosystem,
        at: strings(&["registries", &registry.name, "path"]),
        said: true,
    });
    let groups = groups.values().map(|group| Mount {
        name: group.name.clone(),
        path: group.path.clone(),
        ecosystem: group.ecosystem,
        at: strings(&["groups", &group.name, "path"]),
        said: true,
    });
    untouched.chain(registries).chain(groups).collect()
}

fn overlap(a: &Mount, b: &Mount) -> bool {
    let below = |inner: &Mount, outer: &Mount| {
        inner.path.strip_prefix(&outer.path).is_some_and(|rest| rest.starts_with('/'))
    };
    if a.path == b.path {
        return true;
    }
    let nested = a.ecosystem == b.ecosystem && a.ecosystem.nests();
    !nested && (below(a, b) || below(b, a))
}

fn below(at: &[String], word: &str) -> Vec<String> {
    [at, &[word.to_owned()]].concat()
}
