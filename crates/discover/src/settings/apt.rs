//! apt's sources, and the keys by which apt verifies them: sources.list(5), apt-secure(8).

use std::path::{Path, PathBuf};

use url::Url;

use crate::env::text;
use crate::{Env, Finding};

/// The largest file of keys that is read, in bytes.
const LARGEST: u64 = 4 << 20;
/// Where distributions put the keys of their own archives.
const KEYRINGS: [&str; 2] = [
    "usr/share/keyrings/debian-archive-keyring.gpg",
    "usr/share/keyrings/ubuntu-archive-keyring.gpg",
];

/// One entry of the sources.
#[derive(Debug, Default)]
struct Entry {
    address: String,
    suites: String,
    /// Files, fingerprints, or a key itself.
    signed_by: Option<String>,
}

/// An entry with the file that holds it.
struct Source {
    entry: Entry,
    file: PathBuf,
}

/// The archives of the distribution. Suites of security updates are an origin of their own.
pub(super) fn find(env: &Env) -> Vec<Finding> {
    // A third party's repository is no default for the distribution's packages.
    let own = sources(env).into_iter().filter(|source| is_distribution(&source.file));
    let found = own.filter_map(|Source { entry, file }| {
        let source = format!("apt's sources ({})", env.show(&file));
        let found = Finding::new("debian", &entry.address, source)?;
        let security = entry.suites.contains("-security");
        Some(if security { found.origin("security") } else { found })
    });
    found.collect()
}

/// Where the distribution's other archives lie beside the one at this address: the address above
/// all of them, and the folder of this one below it. `None` when there is no other on its host.
pub(crate) fn beside(env: &Env, address: &Url) -> Option<(Url, String)> {
    let own = path_of(address);
    let others: Vec<Vec<String>> = find(env)
        .into_iter()
        .filter(|found| found.address.origin() == address.origin())
        .map(|found| path_of(&found.address))
        .filter(|path| *path != own)
        .collect();
    let same = |other: &Vec<String>| own.iter().zip(other).take_while(|(a, b)| a == b).count();
    let shared = others.iter().map(same).min()?;
    // An archive within another is reached through that.
    if shared == own.len() || others.iter().any(|other| other.len() == shared) {
        return None;
    }
    let mut above = address.clone();
    above.set_path(&own[..shared].join("/"));
    Some((above, own[shared..].join("/")))
}

fn path_of(address: &Url) -> Vec<String> {
    let path = address.path().split('/').filter(|segment| !segment.is_empty());
    path.map(ToOwned::to_owned).collect()
}

/// The keys that apt has for the archives at or below an address, with the files that hold them:
/// those that its sources name, else those that it trusts for all, else the distribution's.
pub(crate) fn keys(env: &Env, address: &Url) -> Vec<(PathBuf, Vec<u8>)> {
    let own = address.as_str().trim_end_matches('/');
    let here = |source: &Source| {
        let uri = source.entry.address.trim_end_matches('/');
        uri == own || uri.strip_prefix(own).is_some_and(|rest| rest.starts_with('/'))
    };
    let mut all = sources(env);
    all.retain(|source| here(source) && source.entry.signed_by.is_some());
    if !all.is_empty() {
        return all.iter().flat_map(|source| named(env, source)).collect();
    }
    let fallback = trusted(env).into_iter().chain(KEYRINGS.map(|path| env.system(path)));
    let mut found: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    for path in fallback {
        let is_keyring = path.starts_with(env.system("usr"));
        if is_keyring && !found.is_empty() {
            break;
        }
        found.extend(read(&path).map(|bytes| (path, bytes)));
    }
    found
}

/// What apt trusts for sources that name no keys.
fn trusted(env: &Env) -> Vec<PathBuf> {
    let mut files = vec![env.system("etc/apt/trusted.gpg")];
    let folder = entries(&env.system("etc/apt/trusted.gpg.d"));
    let is_key = |path: &PathBuf| path.extension().is_some_and(|end| end == "gpg" || end == "asc");
    files.extend(folder.into_iter().filter(is_key));
    files
}

/// The keys that a source names: in files, or within itself.
fn named(env: &Env, source: &Source) -> Vec<(PathBuf, Vec<u8>)> {
    let Some(value) = &source.entry.signed_by else { return Vec::new() };
    if value.contains("-----BEGIN PGP") {
        // An empty line is written as a dot.
        let lines = value.lines().map(|line| if line.trim() == "." { "" } else { line.trim() });
        let block = lines.collect::<Vec<_>>().join("\n");
        return vec![(source.file.clone(), block.into_bytes())];
    }
    let words = value.split(|c: char| c == ',' || c.is_whitespace());
    let paths = words.filter_map(|word| word.strip_prefix('/')).map(|path| env.system(path));
    paths.filter_map(|path| read(&path).map(|bytes| (path, bytes))).collect()
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let length = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?.len();
    if length > LARGEST { None } else { std::fs::read(path).ok() }
}

/// The entries of all files, the distribution's own before those of third parties.
fn sources(env: &Env) -> Vec<Source> {
    let folder = env.system("etc/apt");
    let mut files = entries(&folder.join("sources.list.d"));
    files.sort_by_key(|path| (!is_distribution(path), path.clone()));
    let all = [folder.join("sources.list")].into_iter().chain(files);
    let read = |file: PathBuf| {
        let text = text(&file).unwrap_or_default();
        let entries = match file.extension().and_then(|end| end.to_str()) {
            Some("sources") => deb822(&text),
            Some("list") => one_line(&text),
            _ => Vec::new(),
        };
        entries.into_iter().map(move |entry| Source { entry, file: file.clone() })
    };
    all.flat_map(read).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = found.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn is_distribution(path: &Path) -> bool {
    let stem = path.file_stem().is_some_and(|name| name == "debian" || name == "ubuntu");
    stem || path.file_name().is_some_and(|name| name == "sources.list")
}

/// Stanzas with `URIs:` and `Suites:`; the first address of each.
fn deb822(text: &str) -> Vec<Entry> {
    let field = |stanza: &str, name: &str| -> Option<String> {
        let mut lines = stanza
            .lines()
            .skip_while(|line| line.strip_prefix(name).is_none_or(|rest| !rest.starts_with(':')));
        let first = lines.next()?.split_once(':')?.1.trim();
        let more = lines.take_while(|line| line.starts_with([' ', '\t']));
        let all: Vec<&str> = std::iter::once(first).chain(more).collect();
        Some(all.join("\n").trim().to_owned())
    };
    let stanzas = text.split("\n\n").filter(|stanza| {
        field(stanza, "Enabled").is_none_or(|enabled| enabled != "no")
            && field(stanza, "Types").is_none_or(|types| types.split(' ').any(|t| t == "deb"))
    });
    let read = |stanza: &str| {
        Some(Entry {
            address: field(stanza, "URIs")?.split_whitespace().next()?.to_owned(),
            suites: field(stanza, "Suites").unwrap_or_default(),
            signed_by: field(stanza, "Signed-By"),
        })
    };
    stanzas.filter_map(read).collect()
}

/// `deb [options] address suite components`.
fn one_line(text: &str) -> Vec<Entry> {
    let read = |line: &str| {
        let rest = line.trim().strip_prefix("deb ")?.trim_start();
        let (options, rest) = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']')?,
            None => ("", rest),
        };
        let signed_by = options.split_whitespace().find_map(|o| o.strip_prefix("signed-by="));
        let mut words = rest.split_whitespace().map(ToOwned::to_owned);
        let (address, suites) = (words.next()?, words.next()?);
        Some(Entry { address, suites, signed_by: signed_by.map(ToOwned::to_owned) })
    };
    text.lines().filter_map(read).collect()
}
