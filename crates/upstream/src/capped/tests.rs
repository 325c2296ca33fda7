//! Decoders under their caps.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::*;

const WIDE: Cap = Cap { bytes: 1 << 30, ratio: 1_000_000 };

fn encode(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Identity => bytes.to_vec(),
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Coding::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Coding::Brotli => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
            encoder.write_all(bytes).unwrap();
            encoder.into_inner()
        }
        Coding::Zstd => zstd::stream::encode_all(bytes, 3).unwrap(),
        Coding::Xz => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
    }
}

const COMPRESSED: [Coding; 5] =
    [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd, Coding::Xz];

proptest! {
    #[test]
    fn what_was_encoded_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..20_000)) {
        for coding in COMPRESSED.into_iter().chain([Coding::Identity]) {
            prop_assert_eq!(&decode(coding, &encode(coding, &bytes), WIDE).unwrap(), &bytes);
        }
    }

    #[test]
    fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        for coding in COMPRESSED {
            let _ = decode(coding, &bytes, WIDE);
        }
    }
}

#[test]
fn a_bomb_stops_at_the_byte_cap() {
    let zeros = vec![0; 8 << 20];
    for coding in COMPRESSED {
        let bomb = encode(coding, &zeros);
        let mut written = Vec::new();
        let cap = Cap { bytes: 100_000, ratio: 1_000_000 };
        let error = copy(coding, &bomb[..], &mut written, cap).unwrap_err();
        assert!(matches!(error, DecodeError::TooLarge { limit: 100_000 }), "{coding:?} {error}");
        assert!(written.len() <= 100_000);
    }
}

#[test]
fn a_bomb_stops_at_the_ratio() {
    let zeros = vec![0; 8 << 20];
    for coding in COMPRESSED {
        let bomb = encode(coding, &zeros);
        let error = decode(coding, &bomb, Cap { bytes: 1 << 30, ratio: 20 }).unwrap_err();
        assert!(matches!(error, DecodeError::Ratio { ratio: 20 }), "{coding:?} {error}");
    }
}

#[test]
fn a_small_body_may_have_any_ratio() {
    let zeros = vec![0; 1 << 20];
    let small = encode(Coding::Zstd, &zeros);
    assert_eq!(decode(Coding::Zstd, &small, Cap { bytes: 1 << 20, ratio: 1 }).unwrap(), zeros);
}

#[test]
fn a_cut_body_is_corrupt_and_never_shorter() {
    let text: Vec<u8> = (0..50_000_u32).flat_map(|n| (n * 7919).to_le_bytes()).collect();
    for coding in COMPRESSED {
        let whole = encode(coding, &text);
        for end in [1, 5, whole.len() / 2, whole.len() - 1] {
            let error = decode(coding, &whole[..end], WIDE);
            assert!(matches!(error, Err(DecodeError::Corrupt { .. })), "{coding:?} {end}");
        }
    }
}

#[test]
fn members_and_frames_are_joined() {
    for coding in [Coding::Gzip, Coding::Zstd] {
        let joined = [encode(coding, b"one "), encode(coding, b"two")].concat();
        assert_eq!(decode(coding, &joined, WIDE).unwrap(), b"one two");
    }
}

#[test]
fn deflate_may_come_without_its_zlib_frame() {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"bare bare bare").unwrap();
    assert_eq!(
        decode(Coding::Deflate, &encoder.finish().unwrap(), WIDE).unwrap(),
        b"bare bare bare"
    );
}

#[test]
fn labels_are_read_and_stacked_ones_refused() {
    assert_eq!(Coding::parse(" GZIP "), Some(Coding::Gzip));
    assert_eq!(Coding::parse("x-gzip"), Some(Coding::Gzip));
    assert_eq!(Coding::parse("identity"), Some(Coding::Identity));
    assert_eq!(Coding::parse("gzip, br"), None);
    assert_eq!(Coding::parse("compress"), None);
}
