//! Digests in the spellings that registries use, and the hasher that makes them.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::Digest as _;

use crate::DigestError;

/// A hash algorithm that some registry promises digests in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// MD5, 16 bytes; integrity against accidents only.
    Md5,
    /// SHA-1, 20 bytes; integrity against accidents only.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-384, 48 bytes.
    Sha384,
    /// SHA-512, 64 bytes.
    Sha512,
    /// Go's `h1` of a module zip: SHA-256 over one line for each file of the archive, however the
    /// archive is packed (golang.org/x/mod/sumdb/dirhash, `HashZip`). It says nothing of the bytes
    /// of the archive, and needs the whole of it.
    GoZip,
    /// Go's `h1` of a `go.mod` file: the same over this one file.
    GoMod,
}

impl Algorithm {
    /// The algorithms over plain bytes that every registry may use, weakest first.
    pub const ALL: [Self; 5] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The length of a digest in bytes.
    pub fn size(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 | Self::GoZip | Self::GoMod => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The lower-case name: `sha256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
            Self::GoZip => "h1",
            Self::GoMod => "go.mod/h1",
        }
    }

    /// Whether it is computed from the bytes as they come, so that a digest tells one sequence of
    /// bytes from every other. A [`Hasher`] cannot compute the others.
    pub fn is_streamed(self) -> bool {
        self != Self::GoZip
    }

    /// Whether its digests are spelled as Go spells them, in base64.
    pub fn is_go(self) -> bool {
        matches!(self, Self::GoZip | Self::GoMod)
    }

    /// Finds an algorithm by its name in lower or upper case, with or without a dash.
    pub fn from_name(name: &str) -> Option<Self> {
        let plain =
            || name.bytes().filter(|byte| *byte != b'-').map(|byte| byte.to_ascii_lowercase());
        let known = Self::ALL.into_iter().chain([Self::GoZip, Self::GoMod]);
        known.into_iter().find(|known| known.name() == name || known.name().bytes().eq(plain()))
    }
}

/// A digest: an algorithm and its bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    bytes: Box<[u8]>,
}

impl Digest {
    /// Takes raw bytes; fails when their number is not the algorithm's.
    pub fn from_bytes(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, DigestError> {
        if bytes.len() != algorithm.size() {
            return Err(error("as many bytes as the algorithm has", &hex::encode(bytes)));
        }
        Ok(Self { algorithm, bytes: bytes.into() })
    }

    /// Reads hexadecimal digits of either case.
    pub fn from_hex(algorithm: Algorithm, text: &str) -> Result<Self, DigestError> {
        let bytes = hex::decode(text.trim()).map_err(|_| error("hexadecimal digits", text))?;
        Self::from_bytes(algorithm, &bytes).map_err(|_| error("hexadecimal digits", text))
    }

    /// Finds a digest in the text of a checksum file: the first word of as many hexadecimal digits
    /// as the algorithm has. Such files hold the digits alone, or a file name before or behind
    /// them (`md5sum`, `openssl dgst`).
    pub fn in_text(algorithm: Algorithm, text: &str) -> Option<Self> {
        let mut words = text.split(|c: char| c.is_whitespace() || c == '=');
        words.find_map(|word| Self::from_hex(algorithm, word).ok())
    }

    /// Reads a Subresource Integrity value (<https://www.w3.org/TR/SRI/>, section 3.5) and returns
    /// its strongest hash. Options after `?` are ignored.
    pub fn from_sri(text: &str) -> Result<Self, DigestError> {
        text.split_ascii_whitespace()
            .filter_map(|one| {
                let (name, value) = one.split_once('-')?;
                let value = value.split('?').next()?;
                // Longer than the longest digest, or none.
                let mut bytes = [0; 96];
                let length = BASE64.decode_slice(value, &mut bytes).ok()?;
                Self::from_bytes(Algorithm::from_name(name)?, &bytes[..length]).ok()
            })
            .max_by_key(|digest| digest.algorithm)
            .ok_or_else(|| error("an integrity value such as sha512-…", text))
    }

    /// Reads base64, as Go spells its `h1` after the colon.
    pub fn from_base64(algorithm: Algorithm, text: &str) -> Result<Self, DigestError> {
        let bytes = BASE64.decode(text).map_err(|_| error("base64", text))?;
        Self::from_bytes(algorithm, &bytes).map_err(|_| error("base64", text))
    }

    /// Hashes bytes that are held in memory. For an algorithm that is not streamed it is their
    /// SHA-256, which equals no digest of that algorithm.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The raw bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Lower-case hexadecimal digits.
    pub fn hex(&self) -> String {
        let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half & 15)]);
        let mut text = String::with_capacity(self.bytes.len() * 2);
        for byte in &*self.bytes {
            text.push(digit(byte >> 4));
            text.push(digit(*byte));
        }
        text
    }

    /// The Subresource Integrity spelling.
    pub fn sri(&self) -> String {
        format!("{}-{}", self.algorithm.name(), BASE64.encode(&self.bytes))
    }
}

fn error(expected: &'static str, found: &str) -> DigestError {
    DigestError { expected, found: found.chars().take(80).collect() }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.algorithm.name();
        if self.algorithm.is_go() {
            return write!(f, "{name}:{}", BASE64.encode(&self.bytes));
        }
        write!(f, "{name}:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads `sha256:<hex>` (the spelling of OCI and of [`Display`](fmt::Display)), `h1:<base64>` or
/// an SRI value.
impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some((name, digits)) => {
                let algorithm = Algorithm::from_name(name)
                    .ok_or_else(|| error("an algorithm such as sha256", text))?;
                if algorithm.is_go() {
                    return Self::from_base64(algorithm, digits);
                }
                Self::from_hex(algorithm, digits)
            }
            None => Self::from_sri(text),
        }
    }
}

enum State {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
    GoMod(sha2::Sha256),
}

/// Hashes a stream of bytes with one algorithm.
pub struct Hasher {
    state: State,
    length: u64,
}

impl Hasher {
    /// A hasher that has seen nothing. For an algorithm that is not streamed it computes SHA-256.
    pub fn new(algorithm: Algorithm) -> Self {
        let state = match algorithm {
            Algorithm::Md5 => State::Md5(md5::Md5::new()),
            Algorithm::Sha1 => State::Sha1(sha1::Sha1::new()),
            Algorithm::Sha256 | Algorithm::GoZip => State::Sha256(sha2::Sha256::new()),
            Algorithm::GoMod => State::GoMod(sha2::Sha256::new()),
            Algorithm::Sha384 => State::Sha384(sha2::Sha384::new()),
            Algorithm::Sha512 => State::Sha512(sha2::Sha512::new()),
        };
        Self { state, length: 0 }
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        match &mut self.state {
            State::Md5(h) => h.update(bytes),
            State::Sha1(h) => h.update(bytes),
            State::Sha256(h) | State::GoMod(h) => h.update(bytes),
            State::Sha384(h) => h.update(bytes),
            State::Sha512(h) => h.update(bytes),
        }
    }

    /// The number of bytes seen.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The digest of what was seen.
    pub fn finish(self) -> Digest {
        let digest = |algorithm, bytes: &[u8]| Digest { algorithm, bytes: bytes.into() };
        match self.state {
            State::Md5(h) => digest(Algorithm::Md5, &h.finalize()),
            State::Sha1(h) => digest(Algorithm::Sha1, &h.finalize()),
            State::Sha256(h) => digest(Algorithm::Sha256, &h.finalize()),
            State::Sha384(h) => digest(Algorithm::Sha384, &h.finalize()),
            State::Sha512(h) => digest(Algorithm::Sha512, &h.finalize()),
            State::GoMod(h) => {
                let line = format!("{}  go.mod\n", hex::encode(h.finalize()));
                digest(Algorithm::GoMod, &sha2::Sha256::digest(line.as_bytes()))
            }
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("length", &self.length).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_input_has_the_published_sha256() {
        assert_eq!(
            Digest::of(Algorithm::Sha256, b"").hex(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn every_spelling_reads_back() {
        for algorithm in Algorithm::ALL {
            let digest = Digest::of(algorithm, b"weir");
            assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
            assert_eq!(digest.sri().parse::<Digest>().unwrap(), digest);
            assert_eq!(Digest::from_hex(algorithm, &digest.hex().to_uppercase()).unwrap(), digest);
        }
    }

    #[test]
    fn a_go_mod_file_has_the_hash_that_go_writes_into_go_sum() {
        // What go 1.26 writes for a module of this content.
        let content = b"module github.com/gorilla/mux\n\ngo 1.12\n";
        let found = Digest::of(Algorithm::GoMod, content);
        let sum = "go.mod/h1:DVbg23sWSpFRCP0SfiEN6jmj59UnW/n46BH5rLB71So=";
        assert_eq!(found.to_string(), sum);
        assert_eq!(sum.parse::<Digest>().unwrap(), found);
        assert!(!sum.contains(char::is_whitespace), "the catalogue keeps digests as words");
        let zip: Digest = "h1:DVbg23sWSpFRCP0SfiEN6jmj59UnW/n46BH5rLB71So=".parse().unwrap();
        assert_eq!(zip.algorithm(), Algorithm::GoZip);
        assert_eq!(zip.to_string().parse::<Digest>().unwrap(), zip);
        assert!("h1:AAAA".parse::<Digest>().is_err());
    }

    #[test]
    fn what_is_not_streamed_is_never_right() {
        assert_eq!(Digest::of(Algorithm::GoZip, b"x"), Digest::of(Algorithm::Sha256, b"x"));
    }

    #[test]
    fn the_strongest_of_several_integrity_values_counts() {
        let weak = Digest::of(Algorithm::Sha1, b"x").sri();
        let strong = Digest::of(Algorithm::Sha512, b"x");
        let both = format!("{weak} {}?opt", strong.sri());
        assert_eq!(Digest::from_sri(&both).unwrap(), strong);
    }

    #[test]
    fn checksum_files_are_read_in_their_usual_forms() {
        let digest = Digest::of(Algorithm::Sha1, b"weir");
        let hex = digest.hex();
        let forms = [
            format!("{hex}\n"),
            hex.to_uppercase(),
            format!("{hex}  weir-1.0.jar\n"),
            format!("SHA1(weir-1.0.jar)= {hex}\n"),
        ];
        for text in forms {
            assert_eq!(Digest::in_text(Algorithm::Sha1, &text), Some(digest.clone()), "{text}");
        }
        for text in ["", "<html>", &hex[1..]] {
            assert_eq!(Digest::in_text(Algorithm::Sha1, text), None, "{text}");
        }
    }

    #[test]
    fn a_short_digest_is_refused() {
        assert!(Digest::from_hex(Algorithm::Sha256, "abcd").is_err());
        assert!("sha256:zz".parse::<Digest>().is_err());
        assert!("".parse::<Digest>().is_err());
    }
}
