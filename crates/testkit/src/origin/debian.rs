//! A small Debian archive, with packages that dpkg installs.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use liblzma::write::XzEncoder;
use weir_core::{Algorithm, Digest};

use super::{Answer, BuiltFile, Origin, Package, PackageRelease, tgz};

const BINARY_PACKAGE: &str = "application/vnd.debian.binary-package";

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
    /// The forms of its indexes.
    pub forms: Forms,
    /// Whether there is a source package of each release.
    pub sources: bool,
}

/// The forms in which an archive has its indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forms {
    /// Plain and gzip.
    PlainAndGzip,
    /// xz alone. The root names the plain form all the same, as Debian's does.
    Xz,
}

impl DebianStyle {
    fn root(&self) -> String {
        format!("{}dists/{}", self.folder, self.suite)
    }
}

impl Default for DebianStyle {
    fn default() -> Self {
        Self {
            folder: String::new(),
            suite: "stable".to_owned(),
            date: "Sat, 06 Jun 2026 10:00:00 UTC".to_owned(),
            by_hash: true,
            in_release: true,
            forms: Forms::PlainAndGzip,
            sources: false,
        }
    }
}

/// What a root names.
struct Named {
    path: String,
    bytes: Vec<u8>,
    /// Whether it can be fetched.
    there: bool,
}

impl Forms {
    fn of(self, path: &str, text: &str) -> [Named; 2] {
        let plain =
            Named { path: path.to_owned(), bytes: text.into(), there: self == Self::PlainAndGzip };
        let (end, bytes) = match self {
            Self::PlainAndGzip => ("gz", gz(text)),
            Self::Xz => ("xz", xz(text)),
        };
        [plain, Named { path: format!("{path}.{end}"), bytes, there: true }]
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
        let (mut files, mut list, mut sources) = (Vec::new(), String::new(), String::new());
        for package in packages {
            for release in &package.releases {
                let binary = file(&style.folder, package, release);
                list += &stanza(&style.folder, package, release, &binary);
                files.push(binary);
                if style.sources {
                    let source = source(&style.folder, package, release);
                    sources += &source_stanza(&style.folder, &source);
                    files.extend(source);
                }
            }
        }
        let mut lists = vec![("main/binary-amd64/Packages", list)];
        if style.sources {
            lists.push(("main/source/Sources", sources));
        }
        let named: Vec<Named> =
            lists.iter().flat_map(|(path, text)| style.forms.of(path, text)).collect();
        Self { files, roots: roots(style, &named, sign), indexes: published(style, &named) }
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
            let binary = Path::new(&file.path).extension().is_some_and(|end| end == "deb");
            let media = if binary { BINARY_PACKAGE } else { "application/octet-stream" };
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
    in_memory(encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()))
}

fn xz(text: &str) -> Vec<u8> {
    let mut encoder = XzEncoder::new(Vec::new(), 6);
    in_memory(encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()))
}

fn in_memory(packed: io::Result<Vec<u8>>) -> Vec<u8> {
    packed.unwrap_or_else(|error| panic!("memory takes all bytes: {error}"))
}

fn roots(style: &DebianStyle, named: &[Named], sign: Sign<'_>) -> Vec<(String, Vec<u8>)> {
    let root = style.root();
    let release = release(style, named);
    let (clear, detached) = sign(release.as_bytes());
    let mut roots = vec![
        (format!("{root}/Release"), release.into_bytes()),
        (format!("{root}/Release.gpg"), detached),
    ];
    if style.in_release {
        roots.push((format!("{root}/InRelease"), clear));
    }
    roots
}

/// What of an index can be fetched, by its own path and by hash.
fn published(style: &DebianStyle, named: &[Named]) -> Vec<(String, Vec<u8>)> {
    let root = style.root();
    let mut indexes = Vec::new();
    for Named { path, bytes, .. } in named.iter().filter(|named| named.there) {
        if style.by_hash {
            let sha256 = Digest::of(Algorithm::Sha256, bytes).hex();
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            indexes.push((format!("{root}/{folder}/by-hash/SHA256/{sha256}"), bytes.clone()));
        }
        indexes.push((format!("{root}/{path}"), bytes.clone()));
    }
    indexes
}

fn release(style: &DebianStyle, named: &[Named]) -> String {
    let DebianStyle { suite, date, .. } = style;
    let by_hash = if style.by_hash { "yes" } else { "no" };
    let mut text = format!(
        "Origin: Fixture\nLabel: Fixture\nSuite: {suite}\nCodename: {suite}\nDate: {date}\n\
         Acquire-By-Hash: {by_hash}\nArchitectures: amd64\nComponents: main\n\
         Description: an archive for tests\n"
    );
    for (list, algorithm) in [("MD5Sum", Algorithm::Md5), ("SHA256", Algorithm::Sha256)] {
        let _ = writeln!(text, "{list}:");
        for Named { path, bytes, .. } in named {
            let _ =
                writeln!(text, " {} {} {path}", Digest::of(algorithm, bytes).hex(), bytes.len());
        }
    }
    text
}

/// The path of a package's file: its name, and what follows it.
fn pool(folder: &str, name: &str, end: &str) -> String {
    format!("{folder}pool/main/{}/{name}/{name}_{end}", &name[..1])
}

/// A version as file names have it: without its epoch.
fn short(version: &str) -> &str {
    version.split_once(':').map_or(version, |(_, rest)| rest)
}

fn file(folder: &str, package: &Package, release: &PackageRelease) -> BuiltFile {
    let Package { name, .. } = package;
    let PackageRelease { version, .. } = release;
    let path = pool(folder, name, &format!("{}_all.deb", short(version)));
    let control = tgz(&[("./control", control(package, release).as_bytes())]);
    let content = [format!("{version}\n").as_bytes(), &release.ballast(name)].concat();
    let data = tgz(&[(&format!("./usr/share/{name}"), &content)]);
    let members: [(&str, &[u8]); 3] =
        [("debian-binary", b"2.0\n"), ("control.tar.gz", &control), ("data.tar.gz", &data)];
    let bytes = ar(&members).into();
    BuiltFile { name: name.clone(), version: version.clone(), path, bytes }
}

/// A native source package: its description and its one archive.
fn source(folder: &str, package: &Package, release: &PackageRelease) -> [BuiltFile; 2] {
    let Package { name, .. } = package;
    let PackageRelease { version, .. } = release;
    let built = |end: &str, bytes: Vec<u8>| BuiltFile {
        name: name.clone(),
        version: version.clone(),
        path: pool(folder, name, &format!("{}.{end}", short(version))),
        bytes: bytes.into(),
    };
    let tar = built("tar.gz", tgz(&[("source/version", version.as_bytes())]));
    let text = described("Source", name, version) + &checksums(&[&tar]);
    [built("dsc", text.into_bytes()), tar]
}

/// What a source package's description and its stanza in `Sources` both say.
fn described(title: &str, name: &str, version: &str) -> String {
    format!(
        "{title}: {name}\nFormat: 3.0 (native)\nBinary: {name}\nArchitecture: all\n\
         Version: {version}\nMaintainer: Nobody <nobody@example.org>\n"
    )
}

fn checksums(files: &[&BuiltFile]) -> String {
    let line = |file: &&BuiltFile| {
        let (_, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        let sha256 = Digest::of(Algorithm::Sha256, &file.bytes).hex();
        format!("\n {sha256} {} {name}", file.bytes.len())
    };
    format!("Checksums-Sha256:{}\n", files.iter().map(line).collect::<String>())
}

fn source_stanza(folder: &str, files: &[BuiltFile; 2]) -> String {
    let [dsc, tar] = files;
    let below = dsc.path.strip_prefix(folder).unwrap_or(&dsc.path);
    let directory = below.rsplit_once('/').map_or("", |(directory, _)| directory);
    let described = described("Package", &dsc.name, &dsc.version);
    format!("{described}Directory: {directory}\n{}\n", checksums(&[dsc, tar]))
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
