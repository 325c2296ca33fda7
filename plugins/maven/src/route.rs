//! Paths below the mount, both ways.

use weir_core::{
    Algorithm, Coordinates, Name, Owner, Request, Role, Scope, SidecarKind, Target, Timestamp,
    Unroutable, View,
};

use crate::{CHECKSUMS, views};

const METADATA: &str = "maven-metadata.xml";
const SIGNATURE: &str = "asc";
/// Files that resolvers read for versions that they then do not choose.
const RESOLUTION: [&str; 2] = ["pom", "module"];
/// The version of which Maven makes a new build each time.
const SNAPSHOT: &str = "SNAPSHOT";

pub(crate) fn route(request: &Request<'_>) -> Result<Target, Unroutable> {
    if !request.method.reads() {
        return Err(Unroutable::NotOffered(
            "this gateway only reads: deploy to the repository itself",
        ));
    }
    let path = request.path();
    let (last, folder) = path.split_last().ok_or(Unroutable::Unknown)?;
    if !path.iter().all(|part| is_word(part)) {
        return Err(Unroutable::Unknown);
    }
    beside(folder, last).or_else(|| plain(folder, last)).ok_or(Unroutable::Unknown)
}

/// A checksum or signature of what the rest of its name says.
fn beside(folder: &[&str], file: &str) -> Option<Target> {
    let (stem, suffix) = file.rsplit_once('.')?;
    let (of, kind) = match algorithm(suffix) {
        Some(algorithm) => {
            let signed = stem.strip_suffix(".asc").and_then(|stem| signature(folder, stem));
            let of = signed.or_else(|| plain(folder, stem))?;
            (of, SidecarKind::Checksum(algorithm))
        }
        None if suffix == SIGNATURE => return signature(folder, stem),
        None => return None,
    };
    Some(Target::Sidecar { of: Box::new(of), kind })
}

fn signature(folder: &[&str], stem: &str) -> Option<Target> {
    let of = Box::new(plain(folder, stem)?);
    Some(Target::Sidecar { of, kind: SidecarKind::Signature })
}

fn algorithm(suffix: &str) -> Option<Algorithm> {
    CHECKSUMS.iter().find(|(_, own)| *own == suffix).map(|(algorithm, _)| *algorithm)
}

fn is_sidecar(file: &str) -> bool {
    let suffix = file.rsplit_once('.').map(|(_, suffix)| suffix);
    suffix.is_some_and(|suffix| suffix == SIGNATURE || algorithm(suffix).is_some())
}

/// A listing or an artifact.
fn plain(folder: &[&str], file: &str) -> Option<Target> {
    match (folder, file) {
        (_, file) if is_sidecar(file) => None,
        ([group @ .., artifact, version], METADATA)
            if is_snapshot(version) && !group.is_empty() =>
        {
            let view = View::with(views::SNAPSHOT, *version);
            Some(Target::manifest(name(group, artifact)?, view))
        }
        ([group @ .., artifact], METADATA) if !group.is_empty() => {
            Some(Target::manifest(name(group, artifact)?, views::METADATA))
        }
        ([group], METADATA) if !group.contains('.') => Some(Target::index(*group, views::METADATA)),
        ([group @ .., artifact, version], file) if !group.is_empty() => {
            artifact_of(name(group, artifact)?, artifact, version, file)
        }
        _ => None,
    }
}

/// A file is named like its artifact and version; a snapshot's may have the time of its build in the
/// place of the word.
fn artifact_of(name: String, artifact: &str, version: &str, file: &str) -> Option<Target> {
    if file == METADATA || !is_version(version) {
        return None;
    }
    let rest = file.strip_prefix(artifact)?.strip_prefix('-')?;
    let base = version.strip_suffix(SNAPSHOT).filter(|_| is_snapshot(version));
    let rest = match base.and_then(|base| build(rest.strip_prefix(base)?)) {
        Some((_, rest)) => rest,
        None => rest.strip_prefix(version)?,
    };
    let extension = rest.strip_prefix('.').or_else(|| {
        let (classifier, extension) = rest.strip_prefix('-')?.split_once('.')?;
        (!classifier.is_empty()).then_some(extension)
    })?;
    let plain = rest.starts_with('.');
    let role =
        if plain && RESOLUTION.contains(&extension) { Role::Resolution } else { Role::Package };
    let owner = Owner::Release(Coordinates::new(name, version));
    (!extension.is_empty()).then(|| Target::Artifact { owner, file: file.into(), role })
}

/// `yyyyMMdd.HHmmss-n` at the beginning of a text, and what follows it.
fn build(text: &str) -> Option<(Timestamp, &str)> {
    let time = text.get(..15)?;
    let at = time_of(time)?;
    let rest = text.get(15..)?.strip_prefix('-')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    (digits > 0).then(|| (at, rest.get(digits..).unwrap_or_default()))
}

/// Reads `yyyyMMdd.HHmmss`, in UTC, with or without the dot.
pub(crate) fn time_of(text: &str) -> Option<Timestamp> {
    let digits: String = text.chars().filter(|c| *c != '.').collect();
    if digits.len() < 14 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| digits.get(from..to);
    Timestamp::parse_rfc3339(&format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    ))
}

/// When the build of a snapshot was made, as its file name says.
pub(crate) fn built_at(release: &Coordinates, file: &str) -> Option<Timestamp> {
    let artifact = release.name.as_str().rsplit(':').next()?;
    let base = release.version.as_str().strip_suffix(SNAPSHOT)?;
    let rest = file.strip_prefix(artifact)?.strip_prefix('-')?.strip_prefix(base)?;
    build(rest).map(|(at, _)| at)
}

pub(crate) fn is_snapshot(version: &str) -> bool {
    version == SNAPSHOT || version.ends_with("-SNAPSHOT")
}

/// Whether a file's bytes may change at its path: a snapshot without the time of its build.
pub(crate) fn changes(target: &Target) -> bool {
    match target {
        Target::Artifact { owner: Owner::Release(release), file, .. } => {
            is_snapshot(release.version.as_str()) && built_at(release, file).is_none()
        }
        _ => false,
    }
}

/// What Maven allows in a version: anything but what file systems and ranges use.
pub(crate) fn is_version(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || "\\/:\"<>|?*[](){},".contains(c);
    !text.is_empty() && !text.contains(odd) && !matches!(text, "." | "..") && text.len() <= 200
}

/// What directories and files are called; other characters have no one spelling in a path.
fn is_word(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+~!@$=".contains(&b))
}

/// `group:artifact`. Dots of a group are slashes in a path.
fn name(group: &[&str], artifact: &str) -> Option<String> {
    let plain = group.iter().all(|part| !part.contains('.'));
    plain.then(|| format!("{}:{artifact}", group.join(".")))
}

/// The directory of a package.
fn folder(name: &Name) -> String {
    match name.as_str().rsplit_once(':') {
        Some((group, artifact)) => format!("{}/{artifact}", group.replace('.', "/")),
        None => name.as_str().to_owned(),
    }
}

/// The path of a version's POM, which a snapshot without the time of its build does not have.
pub(crate) fn pom(name: &str, version: &str) -> Option<String> {
    let (_, artifact) = name.rsplit_once(':')?;
    let fit = is_version(version) && is_word(version) && !is_snapshot(version);
    fit.then(|| format!("{}/{version}/{artifact}-{version}.pom", folder(&Name::from(name))))
}

/// The path of an artifact's listing.
pub(crate) fn listing(name: &Name) -> String {
    format!("{}/{METADATA}", folder(name))
}

pub(crate) fn path(target: &Target) -> String {
    match target {
        Target::Manifest { scope: Scope::Package(name), view } if view.name == views::SNAPSHOT => {
            format!("{}/{}/{METADATA}", folder(name), view.arg)
        }
        Target::Manifest { scope: Scope::Package(name), .. } => listing(name),
        Target::Manifest { scope: Scope::Index(group), .. } => format!("{group}/{METADATA}"),
        Target::Artifact { owner: Owner::Release(release), file, .. } => {
            format!("{}/{}/{file}", folder(&release.name), release.version)
        }
        Target::Sidecar { of, kind } => {
            let suffix = match kind {
                SidecarKind::Signature => SIGNATURE,
                SidecarKind::Checksum(algorithm) => algorithm.name(),
            };
            format!("{}.{suffix}", path(of))
        }
        _ => String::new(),
    }
}
