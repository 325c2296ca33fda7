//! A small Debian archive, with packages that dpkg installs.

use std::fmt::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use weir_core::{Algorithm, Digest};

use super::{Answer, BuiltFile, Origin, Package, PackageRelease, tgz};

/// Signs a root: `InRelease` and `Release.gpg`.
pub type Sign<'a> = &'a dyn Fn(&[u8]) -> (Vec<u8>, Vec<u8>);

/// How an archive is published.
#[derive(Clone, Debug)]
pub struct DebianStyle {
    /// The folder of the archive below the origin, with its slash; empty for the origin itself.
    pub folder: String,
    /// The suite.
    pub suite: String,
    /// The field `Date`.
    pub date: String,
    /// Whether indexes are found by hash too.
    pub by_hash: bool,
    /// Whether there is an `InRelease`.
    pub in_release: bool,
}

impl Default for DebianStyle {
    fn default() -> Self {
        Self {
            folder: String::new(),
            suite: "stable".to_owned(),
            date: "Sat, 06 Jun 2026 10:00:00 UTC".to_owned(),
            by_hash: true,
            in_release: true,
        }
    }
}

/// What an archive puts on its origin.
#[derive(Clone, Debug)]
pub struct DebianArchive {
    /// The package files.
    pub files: Vec<BuiltFile>,
    /// Roots by path.
    pub roots: Vec<(String, Vec<u8>)>,
    /// Indexes by path.
    pub indexes: Vec<(String, Vec<u8>)>,
}

impl DebianArchive {
    /// Builds an archive of the component `main` for `amd64`, with all releases of the packages.
    ///
    /// # Panics
    /// When memory does not take all bytes.
    pub fn new(packages: &[Package], style: &DebianStyle, sign: Sign<'_>) -> Self {
        let DebianStyle { folder, suite, .. } = style;
        let files = packages.iter().flat_map(|package| {
            let file = |release| file(folder, package, release);
            package.releases.iter().map(file)
        });
        let files: Vec<BuiltFile> = files.collect();
        let (mut list, mut sources) = (String::new(), files.iter());
        for package in packages {
            for (release, file) in package.releases.iter().zip(sources.by_ref()) {
                list += &stanza(folder, package, release, file);
            }
        }
        let root = format!("{folder}dists/{suite}");
        let index = "main/binary-amd64/Packages";
        let plain =
            [(index.to_owned(), list.clone().into_bytes()), (format!("{index}.gz"), gz(&list))];
        let release = release(style, &plain);
        let (clear, detached) = sign(release.as_bytes());
        let mut roots = vec![
            (format!("{root}/Release"), release.into_bytes()),
            (format!("{root}/Release.gpg"), detached),
        ];
        if style.in_release {
            roots.push((format!("{root}/InRelease"), clear));
        }
        let mut indexes = Vec::new();
        for (path, bytes) in plain {
            if style.by_hash {
                let sha256 = Digest::of(Algorithm::Sha256, &bytes).hex();
                let path = format!("{root}/main/binary-amd64/by-hash/SHA256/{sha256}");
                indexes.push((path, bytes.clone()));
            }
            indexes.push((format!("{root}/{path}"), bytes));
        }
        Self { files, roots, indexes }
    }

    /// Publishes everything.
    pub fn publish(&self, origin: &Origin) {
        self.publish_files(origin);
        self.publish_indexes(origin);
        self.publish_roots(origin);
    }

    /// Publishes the package files.
    pub fn publish_files(&self, origin: &Origin) {
        for file in &self.files {
            let media = "application/vnd.debian.binary-package";
            origin.put(&file.path, Answer::ok(file.bytes.clone()).media(media).ranged());
        }
    }

    /// Publishes the indexes.
    pub fn publish_indexes(&self, origin: &Origin) {
        for (path, bytes) in &self.indexes {
            origin.put(path, Answer::ok(bytes.clone()));
        }
    }

    /// Publishes the roots.
    pub fn publish_roots(&self, origin: &Origin) {
        for (path, bytes) in &self.roots {
            origin.put(path, Answer::ok(bytes.clone()));
        }
    }
}

/// Signs with nothing that anybody believes.
pub fn toy_sign(release: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let text = String::from_utf8_lossy(release);
    let signature = Digest::of(Algorithm::Sha256, release).hex();
    let armored =
        format!("-----BEGIN PGP SIGNATURE-----\n\n{signature}\n-----END PGP SIGNATURE-----\n");
    let clear = format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{text}{armored}");
    (clear.into_bytes(), armored.into_bytes())
}

/// Whether [`toy_sign`] signed a document, within itself or beside it.
pub fn toy_verify(document: &[u8], beside: Option<&[u8]>) -> bool {
    let text = String::from_utf8_lossy(document);
    let signed = match beside {
        Some(signature) => Some((&*text, String::from_utf8_lossy(signature).into_owned())),
        None => text.split_once("\n\n").and_then(|(_, rest)| {
            let at = rest.find("-----BEGIN PGP SIGNATURE-----")?;
            Some((&rest[..at], rest[at..].to_owned()))
        }),
    };
    signed.is_some_and(|(text, signature)| {
        signature.lines().nth(2) == Some(&*Digest::of(Algorithm::Sha256, text.as_bytes()).hex())
    })
}

fn gz(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    std::io::Write::write_all(&mut encoder, text.as_bytes())
        .and_then(|()| encoder.finish())
        .unwrap_or_else(|error| panic!("memory takes all bytes: {error}"))
}

fn release(style: &DebianStyle, indexes: &[(String, Vec<u8>)]) -> String {
    let DebianStyle { suite, date, .. } = style;
    let by_hash = if style.by_hash { "yes" } else { "no" };
    let mut text = format!(
        "Origin: Fixture\nLabel: Fixture\nSuite: {suite}\nCodename: {suite}\nDate: {date}\n\
         Acquire-By-Hash: {by_hash}\nArchitectures: amd64\nComponents: main\n\
         Description: an archive for tests\n"
    );
    for (list, algorithm) in [("MD5Sum", Algorithm::Md5), ("SHA256", Algorithm::Sha256)] {
        let _ = writeln!(text, "{list}:");
        for (path, bytes) in indexes {
            let _ =
                writeln!(text, " {} {} {path}", Digest::of(algorithm, bytes).hex(), bytes.len());
        }
    }
    text
}

fn file(folder: &str, package: &Package, release: &PackageRelease) -> BuiltFile {
    let Package { name, .. } = package;
    let PackageRelease { version, .. } = release;
    // File names have no epoch.
    let short = version.split_once(':').map_or(version.as_str(), |(_, rest)| rest);
    let initial = &name[..1];
    let path = format!("{folder}pool/main/{initial}/{name}/{name}_{short}_all.deb");
    let control = tgz(&[("./control", control(package, release).as_bytes())]);
    let content = [format!("{version}\n").as_bytes(), &release.ballast(name)].concat();
    let data = tgz(&[(&format!("./usr/share/{name}"), &content)]);
    let members: [(&str, &[u8]); 3] =
        [("debian-binary", b"2.0\n"), ("control.tar.gz", &control), ("data.tar.gz", &data)];
    let bytes = ar(&members).into();
    BuiltFile { name: name.clone(), version: version.clone(), path, bytes }
}

fn control(package: &Package, release: &PackageRelease) -> String {
    let mut text = format!(
        "Package: {}\nVersion: {}\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\n",
        package.name, release.version
    );
    let depend = |(name, version): &(String, String)| match &**version {
        "" => name.clone(),
        version => format!("{name} ({version})"),
    };
    let depends: Vec<String> = release.dependencies.iter().map(depend).collect();
    if !depends.is_empty() {
        let _ = writeln!(text, "Depends: {}", depends.join(", "));
    }
    text + "Description: a fixture\n"
}

fn stanza(folder: &str, package: &Package, release: &PackageRelease, file: &BuiltFile) -> String {
    let control = control(package, release);
    let path = file.path.strip_prefix(folder).unwrap_or(&file.path);
    let sha256 = Digest::of(Algorithm::Sha256, &file.bytes).hex();
    let size = file.bytes.len();
    format!("{control}Filename: {path}\nSize: {size}\nSHA256: {sha256}\n\n")
}

/// The archive format of ar(5), in the common variant.
fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for (name, content) in members {
        let head =
            format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, "100644", content.len());
        out.extend(head.as_bytes());
        out.extend(*content);
        if content.len() % 2 == 1 {
            out.push(b'\n');
        }
    }
    out
}
