//! A small Maven repository.

use std::fmt::Write as _;

use weir_core::{Algorithm, Digest};

use super::{Answer, BuiltFile, Origin, Package, PackageRelease, zip};

/// How a repository differs from the public one.
#[derive(Clone, Debug)]
pub struct MavenStyle {
    /// Whether files have a `Last-Modified`.
    pub dates: bool,
    /// The checksum files that stand beside each file.
    pub checksums: Vec<Algorithm>,
}

impl Default for MavenStyle {
    fn default() -> Self {
        Self { dates: true, checksums: vec![Algorithm::Md5, Algorithm::Sha1] }
    }
}

/// Puts a Maven repository on an origin: listings, POMs, and jars that hold a manifest alone, each
/// with its checksum files. Package names are `group:artifact`; the jars are returned.
///
/// # Panics
/// When a name has no colon.
pub fn maven_repository(
    origin: &Origin,
    packages: &[Package],
    style: &MavenStyle,
) -> Vec<BuiltFile> {
    let mut files = Vec::new();
    for package in packages {
        let (group, artifact) = package.name.split_once(':').unwrap_or_else(|| {
            panic!("{:?} is not group:artifact", package.name);
        });
        let folder = format!("{}/{artifact}", group.replace('.', "/"));
        let put = |path: &str, bytes: &[u8], date: Option<&str>| {
            let answer = Answer::ok(bytes.to_vec());
            origin.put(
                path,
                match date.filter(|_| style.dates).map(http_date) {
                    Some(date) => answer.last_modified(&date),
                    None => answer,
                },
            );
            for algorithm in &style.checksums {
                let digest = Digest::of(*algorithm, bytes).hex();
                origin.put(&format!("{path}.{}", algorithm.name()), Answer::ok(digest));
            }
        };
        put(&format!("{folder}/maven-metadata.xml"), listing(package).as_bytes(), None);
        for release in &package.releases {
            let stem = format!("{folder}/{v}/{artifact}-{v}", v = release.version);
            let date = Some(release.date.as_str());
            put(&format!("{stem}.pom"), pom(&package.name, release).as_bytes(), date);
            let manifest = format!("Manifest-Version: 1.0\nTitle: {stem}\n");
            let bytes = zip(&[("META-INF/MANIFEST.MF", manifest.as_bytes())]);
            let path = format!("{stem}.jar");
            put(&path, &bytes, date);
            let (name, version) = (package.name.clone(), release.version.clone());
            files.push(BuiltFile { name, version, path, bytes: bytes.into() });
        }
    }
    files
}

/// The listing of an artifact (Maven repository metadata, level "artifact").
fn listing(package: &Package) -> String {
    let (group, artifact) = package.name.split_once(':').unwrap_or_default();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata>\n  <groupId>{group}</groupId>\n  \
         <artifactId>{artifact}</artifactId>\n  <versioning>\n"
    );
    if let Some(last) = package.releases.last() {
        let newest = &last.version;
        let _ = writeln!(text, "    <latest>{newest}</latest>\n    <release>{newest}</release>");
    }
    text.push_str("    <versions>\n");
    for release in &package.releases {
        let _ = writeln!(text, "      <version>{}</version>", release.version);
    }
    text.push_str("    </versions>\n");
    if let Some(last) = package.releases.iter().map(|release| &release.date).max() {
        let digits: String = last.chars().filter(char::is_ascii_digit).take(14).collect();
        let _ = writeln!(text, "    <lastUpdated>{digits}</lastUpdated>");
    }
    text.push_str("  </versioning>\n</metadata>\n");
    text
}

fn pom(name: &str, release: &PackageRelease) -> String {
    let (group, artifact) = name.split_once(':').unwrap_or_default();
    let mut text = format!(
        "<project>\n  <modelVersion>4.0.0</modelVersion>\n  <groupId>{group}</groupId>\n  \
         <artifactId>{artifact}</artifactId>\n  <version>{}</version>\n  <dependencies>\n",
        release.version
    );
    for (name, requirement) in &release.dependencies {
        let (group, artifact) = name.split_once(':').unwrap_or_default();
        let _ = writeln!(
            text,
            "    <dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
             <version>{requirement}</version></dependency>"
        );
    }
    text.push_str("  </dependencies>\n</project>\n");
    text
}

/// RFC 3339 in UTC as an HTTP date, without the name of the day, which readers may do without.
fn http_date(text: &str) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let month = part(5, 7).parse::<usize>().unwrap_or(1).clamp(1, 12);
    format!("{} {} {} {} GMT", part(8, 10), MONTHS[month - 1], part(0, 4), part(11, 19))
}
