//! Lock files that name the registry are lent to the command with the gateway's addresses, and
//! name the registry again afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt as _;
use url::Url;
use weir_core::Request;
use weir_pipeline::{Front, Mount};

use super::addresses::{addresses, host_of, rewrite};
use super::journal::{Entry, Found, Journal, Journals, Loan};
use super::lendable::{Format, Lendable, Registry, lendable};
use super::lockfiles::{self, LockFiles};
use super::summary::Report;
use super::{AT_ONCE, Session, uv, yarn};

/// A lock file that names a run's gateway.
pub(super) struct Changed<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
    /// The gateway: scheme, host and port.
    pub(super) origin: &'a str,
    /// Addresses that are known already, by their paths at the gateway.
    pub(super) known: &'a BTreeMap<String, String>,
}

/// Addresses with paths at the gateway.
type Pairs = Vec<(String, String)>;

impl Session<'_> {
    /// Gives back what runs had borrowed that were killed.
    pub(super) async fn heal(&self, journals: &Journals, report: &mut Report) {
        match journals.of_the_dead() {
            Ok(dead) => {
                for journal in dead {
                    self.give_back(journal, true, report).await;
                }
            }
            Err(error) => {
                report.notes.push(format!("what a killed run changed is not known: {error}"));
            }
        }
    }

    /// Lends the lock files near the working folder.
    pub(super) async fn lend(
        &self,
        journals: &Journals,
        before: &LockFiles,
        report: &mut Report,
    ) -> Option<Journal> {
        let mut journal = None;
        for (path, found) in before.near(&self.cwd) {
            let Some(format) = Format::of(path) else { continue };
            let original = journals.original(path, found).unwrap_or_else(|| found.to_owned());
            let paths = self.replaceable(path, &original, format).await;
            if paths.is_empty() {
                continue;
            }
            let lent = |path: &String| format!("{}/{path}", self.origin);
            let turned =
                paths.iter().map(|(address, path)| (address.clone(), lent(path))).collect();
            let loan = Loan {
                path,
                found,
                original: &original,
                lent: &rewrite(&original, &turned).text,
                origin: &self.origin,
                addresses: paths.into_iter().map(|(address, path)| (path, address)).collect(),
            };
            if let Err(error) = borrow(journals, &mut journal, &loan) {
                let file = self.shown(path);
                report.notes.push(format!(
                    "{file} stays as it is ({error}): what it names may be fetched past the gateway"
                ));
            }
        }
        journal
    }

    /// Which addresses of a text the gateway stands for, with its paths.
    async fn replaceable(
        &self,
        file: &Path,
        text: &str,
        format: Format,
    ) -> BTreeMap<String, String> {
        if addresses(text).next().is_none() {
            return BTreeMap::new();
        }
        let folder = file.parent().unwrap_or(Path::new("."));
        let kept = own_indexes(folder);
        let mut registries = self.registries(format.ecosystem).await;
        let mut found = lendable(text, format, &registries, &kept);
        if found.strangers && yarn::writes(file) {
            let own = self.yarns_own.get_or_init(|| yarn::registry(&self.cwd)).await;
            let default = registries.iter_mut().find(|registry| registry.is_default);
            if let Some((own, registry)) = own.clone().zip(default) {
                registry.bases.push(own);
                found = lendable(text, format, &registries, &kept);
            }
        }
        let Lendable { mut sure, asked, .. } = found;
        sure.extend(self.confirmed(asked).await);
        sure
    }

    /// Of addresses that may be the registry's those that its listings name: of each package one
    /// file is looked for, for all that it has on one host. Of a host whose first file the registry
    /// does not have it is asked no more: names of other places stay private. The first is none of a
    /// scope, as clients ask other registries for those.
    async fn confirmed(&self, asked: BTreeMap<String, String>) -> Pairs {
        let mut hosts: BTreeMap<String, BTreeMap<String, Pairs>> = BTreeMap::new();
        for (address, path) in asked {
            let package = path.rsplit_once('/').map_or("", |(package, _)| package).to_owned();
            let packages = hosts.entry(host_of(&address).to_owned()).or_default();
            packages.entry(package).or_default().push((address, path));
        }
        let are_there = async |files: Pairs| {
            let (address, path) = files.first()?;
            let named = self.address(path).await?;
            let same = Url::parse(address).is_ok_and(|address| address.as_str() == named);
            same.then_some(files)
        };
        let mut all = Vec::new();
        for mut packages in hosts.into_values() {
            let open = packages.keys().find(|package| !package.contains("/@")).cloned();
            let Some(first) = open.and_then(|open| packages.remove(&open)) else { continue };
            let Some(first) = are_there(first).await else { continue };
            all.extend(first);
            let rest = futures_util::stream::iter(packages.into_values().map(are_there));
            let rest = rest.buffer_unordered(AT_ONCE).filter_map(std::future::ready);
            all.extend(rest.collect::<Vec<_>>().await.into_iter().flatten());
        }
        all
    }

    /// The registries of an ecosystem whose addresses are known.
    pub(super) async fn registries(&self, ecosystem: &str) -> Vec<Registry> {
        let mut found = Vec::new();
        for mount in self.gateway.mounts.iter().filter(|mount| mount.descriptor().id == ecosystem) {
            let Some(front) = self.front(mount) else { continue };
            let origins = mount.origins().await;
            let main = mount.descriptor().origins.first().and_then(|spec| origins.get(spec.id));
            let Some(base) = main.and_then(|main| without_credentials(main.base.clone())) else {
                continue;
            };
            found.push(Registry {
                front: front.path.clone(),
                plugin: Arc::clone(&mount.ecosystem),
                bases: vec![base.into()],
                is_default: mount.is_default(),
            });
        }
        found
    }

    /// The path at which clients find a mount.
    fn front(&self, mount: &Arc<Mount>) -> Option<&Arc<Front>> {
        let alone =
            |front: &Front| matches!(&*front.members, [only] if Arc::ptr_eq(&only.mount, mount));
        let usual = |front: &Front| front.path == mount.descriptor().mount;
        let holds =
            |front: &&Arc<Front>| if mount.is_default() { usual(front) } else { alone(front) };
        self.gateway.fronts.iter().find(holds)
    }

    /// Gives everything back, and turns back what the command wrote into lent files.
    pub(super) async fn give_back(&self, journal: Journal, is_late: bool, report: &mut Report) {
        let mut is_done = true;
        for entry in &journal.entries {
            match entry.give_back() {
                Ok(Found::Restored) if is_late => report.restored.push(self.shown(&entry.path)),
                Ok(Found::Restored | Found::Settled) => {}
                Ok(Found::Changed(text)) => self.turn_back(&changed(entry, &text), report).await,
                Err(error) => {
                    is_done = false;
                    report.notes.push(format!(
                        "{} names this run's gateway until the next run ({error})",
                        self.shown(&entry.path)
                    ));
                }
            }
        }
        let closed = if is_done { journal.close() } else { Ok(()) };
        if let Err(error) = closed {
            report.notes.push(format!("the journal of lent lock files stays: {error}"));
        }
    }

    /// The same for a `pyproject.toml`: `uv add` writes the gateway there as the default index,
    /// in the place of the project's own or as a new one.
    pub(super) async fn turn_back_manifest(
        &self,
        file: &Changed<'_>,
        before: &str,
        report: &mut Report,
    ) {
        let path = "pypi/simple/";
        let own = uv::default_index(before);
        let added = uv::without_index(file.text, &format!("{}/{path}", file.origin));
        if let (None, Some(text)) = (&own, added) {
            if let Err(error) = lockfiles::replace(file.path, &text, None) {
                let shown = self.shown(file.path);
                report.notes.push(format!("{shown} names this run's gateway ({error})"));
            }
            self.turn_back(&Changed { text: &text, ..*file }, report).await;
        } else {
            let known = own.map(|own| (path.to_owned(), own)).into_iter().collect();
            self.turn_back(&Changed { known: &known, ..*file }, report).await;
        }
    }

    /// Turns the gateway's addresses in one lock file into the registry's.
    pub(super) async fn turn_back(&self, file: &Changed<'_>, report: &mut Report) {
        let prefix = format!("{}/", file.origin);
        let below = |address: &str| address.strip_prefix(&*prefix).map(ToOwned::to_owned);
        let all: Vec<String> =
            addresses(file.text).filter_map(|address| below(&address.text)).collect();
        if all.is_empty() {
            return;
        }
        let paths: BTreeSet<String> = all.iter().cloned().collect();
        let prefix = prefix.as_str();
        let known: BTreeMap<String, String> = futures_util::stream::iter(paths)
            .map(|path| async move {
                let address = match file.known.get(&path) {
                    Some(address) => address.clone(),
                    None => self.address(&path).await?,
                };
                Some((format!("{prefix}{path}"), address))
            })
            .buffer_unordered(AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await;
        let rewritten = rewrite(file.text, &known);
        let left = all.len().saturating_sub(rewritten.turned);
        let shown = self.shown(file.path);
        if rewritten.turned > 0 {
            match lockfiles::replace(file.path, &rewritten.text, None) {
                Ok(()) => report.rewritten.push((shown.clone(), rewritten.turned)),
                Err(error) => report.notes.push(format!(
                    "{shown} still names this run's gateway: it was not written ({error})"
                )),
            }
        }
        if left > 0 {
            report.notes.push(format!(
                "{shown} still names this run's gateway {left} times: the registry's addresses \
                 are not known"
            ));
        }
    }

    /// The registry's address of a path at this gateway.
    async fn address(&self, path: &str) -> Option<String> {
        let raw = path.split('?').next().unwrap_or(path);
        let below =
            |front: &Arc<Front>| front.below(raw).map(|_| path[front.path.len()..].to_owned());
        let found = self.gateway.fronts.iter().find_map(|front| Some((front, below(front)?)));
        let (front, rest) = match found {
            Some((front, rest)) => (front, rest),
            None => (self.lost_prefix(path)?, path.to_owned()),
        };
        let address = self.gateway.pipeline.upstream_address(front, &rest).await?;
        Some(address.to_string())
    }

    /// The default mount whose prefix a client dropped.
    fn lost_prefix(&self, path: &str) -> Option<&Arc<Front>> {
        let request = Request::get(path).ok()?;
        self.gateway.fronts.iter().find(|front| front.claims_lost(&request))
    }
}

fn changed<'a>(entry: &'a Entry, text: &'a str) -> Changed<'a> {
    Changed { path: &entry.path, text, origin: &entry.origin, known: &entry.addresses }
}

/// What lock files name, and what may be written down.
fn without_credentials(mut address: Url) -> Option<Url> {
    address.set_username("").and_then(|()| address.set_password(None)).ok()?;
    Some(address)
}

/// Lends one file; the journal begins with the first.
fn borrow(journals: &Journals, journal: &mut Option<Journal>, loan: &Loan<'_>) -> io::Result<()> {
    let journal = match journal {
        Some(journal) => journal,
        None => journal.insert(journals.begin()?),
    };
    if journal.lend(loan)? { Ok(()) } else { Err(io::Error::other("it has just been changed")) }
}

/// The indexes that a project's settings name beside the default one.
fn own_indexes(folder: &Path) -> Vec<String> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let mut all = uv::kept(&read(uv::MANIFEST), false);
    all.extend(uv::kept(&read("uv.toml"), true));
    all
}
