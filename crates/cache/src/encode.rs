//! Content codings of listings, made when first asked for.

use std::io::Write as _;

use bytes::Bytes;
use weir_core::Coding;

/// A content coding that the gateway offers for listings (RFC 9110 section 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `zstd`, RFC 8878.
    Zstd,
    /// `br`, RFC 7932.
    Brotli,
    /// `gzip`, RFC 1952.
    Gzip,
}

impl Encoding {
    /// All codings, in the order of preference at equal quality.
    pub const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// The token in `Content-Encoding`.
    pub fn token(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// Chooses by `Accept-Encoding`: the highest quality, then the order of [`Self::ALL`];
    /// `None` is identity.
    pub fn choose(accept: &str) -> Option<Self> {
        let (mut named, mut any) = ([None; Self::ALL.len()], 0.0);
        for part in accept.split(',') {
            let (name, rest) = part.split_once(';').unwrap_or((part, ""));
            let quality = || rest.trim_ascii().strip_prefix("q=").map_or(Ok(1.0), str::parse);
            let (name, quality) = (name.trim_ascii(), quality().unwrap_or(0.0));
            let known = |encoding: &Self| name.eq_ignore_ascii_case(encoding.token());
            match Self::ALL.iter().position(known) {
                // Of two qualities the first counts.
                Some(at) => named[at] = named[at].or(Some(quality)),
                None if name == "*" => any = quality,
                None => {}
            }
        }
        let mut best: Option<(f32, Self)> = None;
        for (encoding, named) in Self::ALL.into_iter().zip(named) {
            let quality = named.unwrap_or(any);
            if quality > 0.0 && best.is_none_or(|(other, _)| quality > other) {
                best = Some((quality, encoding));
            }
        }
        best.map(|(_, encoding)| encoding)
    }
}

/// Encodes at a fast level; `None` when that does not make it smaller. Blocks: call it off the
/// reactor for anything large.
pub fn encode(encoding: Encoding, bytes: &[u8]) -> Option<Bytes> {
    let capacity = bytes.len() / 4;
    let encoded = match encoding {
        Encoding::Zstd => zstd::bulk::compress(bytes, 3).ok()?,
        Encoding::Brotli => {
            let out = Vec::with_capacity(capacity);
            let mut writer = brotli::CompressorWriter::new(out, 64 * 1024, 4, 20);
            writer.write_all(bytes).ok()?;
            writer.flush().ok()?;
            writer.into_inner()
        }
        Encoding::Gzip => {
            let out = Vec::with_capacity(capacity);
            let mut writer = flate2::write::GzEncoder::new(out, flate2::Compression::new(4));
            writer.write_all(bytes).ok()?;
            writer.finish().ok()?
        }
    };
    (encoded.len() < bytes.len()).then(|| encoded.into())
}

/// Compresses a file, the same bytes to the same bytes; `None` when it stays as it is. Blocks.
///
/// Fast levels: an edited index is made for every change and read a few times. `docs/debian.md`
/// has the measurements.
pub(crate) fn pack(coding: Coding, bytes: &[u8]) -> Option<Vec<u8>> {
    let out = Vec::with_capacity(bytes.len() / 4);
    match coding {
        Coding::Identity => None,
        Coding::Gzip => {
            let mut writer = flate2::write::GzEncoder::new(out, flate2::Compression::new(2));
            writer.write_all(bytes).ok()?;
            writer.finish().ok()
        }
        Coding::Zstd => zstd::bulk::compress(bytes, 3).ok(),
        Coding::Xz => {
            let mut writer = liblzma::write::XzEncoder::new(out, 1);
            writer.write_all(bytes).ok()?;
            writer.finish().ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_client_chooses_by_quality_then_our_order() {
        assert_eq!(Encoding::choose("gzip, deflate, br"), Some(Encoding::Brotli));
        assert_eq!(Encoding::choose("gzip;q=1.0, br;q=0.5"), Some(Encoding::Gzip));
        assert_eq!(Encoding::choose("*"), Some(Encoding::Zstd));
        assert_eq!(Encoding::choose("zstd;q=0, *;q=0.1"), Some(Encoding::Brotli));
        assert_eq!(Encoding::choose("identity"), None);
        assert_eq!(Encoding::choose(""), None);
    }

    #[test]
    fn every_coding_decodes_to_what_went_in() {
        let text = b"weir ".repeat(10_000);
        let mut out = Vec::new();
        let gz = encode(Encoding::Gzip, &text).unwrap();
        flate2::bufread::GzDecoder::new(&gz[..]).read_to_end(&mut out).unwrap();
        assert_eq!(out, text);
        out.clear();
        let br = encode(Encoding::Brotli, &text).unwrap();
        brotli::Decompressor::new(&br[..], 4096).read_to_end(&mut out).unwrap();
        assert_eq!(out, text);
        let zst = encode(Encoding::Zstd, &text).unwrap();
        assert_eq!(zstd::bulk::decompress(&zst, text.len()).unwrap(), text);
    }

    #[test]
    fn what_does_not_shrink_is_served_plain() {
        assert_eq!(encode(Encoding::Gzip, b"x"), None);
    }
}
