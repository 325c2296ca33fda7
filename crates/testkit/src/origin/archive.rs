//! Archives as package clients expect them, the same bytes every time.

use std::io::Write as _;

use flate2::write::GzEncoder;
use flate2::{Compression, Crc};

/// A gzip-compressed tar file of (path, content) pairs.
///
/// # Panics
/// When a path is longer than a tar header holds.
pub fn tgz(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    let written = gzip.write_all(&tar(files)).and_then(|()| gzip.finish());
    written.unwrap_or_else(|error| panic!("memory takes all bytes: {error}"))
}

/// A tar file of (path, content) pairs.
///
/// # Panics
/// When a path is longer than a tar header holds.
pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_750_000_000);
        tar.append_data(&mut header, path, *content)
            .unwrap_or_else(|error| panic!("{path} does not fit into a tar file: {error}"));
    }
    tar.into_inner().unwrap_or_else(|error| panic!("memory takes all bytes: {error}"))
}

/// A zip file of (path, content) pairs, stored without compression (PKWARE APPNOTE 6.3.10,
/// sections 4.3.7, 4.3.12 and 4.3.16).
///
/// # Panics
/// When it would need the 64-bit format.
pub fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (path, content) in files {
        let offset = out.len();
        let fields = common_fields(path, content);
        out.extend(*b"PK\x03\x04");
        out.extend(&fields);
        out.extend(path.as_bytes());
        out.extend(*content);
        directory.extend(*b"PK\x01\x02\x14\x03"); // made by version 2.0 on Unix
        directory.extend(&fields);
        directory.extend([0; 2 + 2 + 2]); // no comment, first disk, binary
        directory.extend((0o100_644_u32 << 16).to_le_bytes());
        directory.extend(four(offset));
        directory.extend(path.as_bytes());
    }
    let start = out.len();
    out.extend(&directory);
    out.extend(*b"PK\x05\x06\0\0\0\0");
    out.extend(two(files.len()));
    out.extend(two(files.len()));
    out.extend(four(directory.len()));
    out.extend(four(start));
    out.extend([0, 0]);
    out
}

/// What a local header and a directory entry share: from "version needed" to "extra length".
fn common_fields(path: &str, content: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(content);
    let mut fields = Vec::new();
    // Version 2.0, UTF-8 names, stored, 1980-01-01 00:00.
    fields.extend([20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0]);
    fields.extend(crc.sum().to_le_bytes());
    fields.extend(four(content.len()));
    fields.extend(four(content.len()));
    fields.extend(two(path.len()));
    fields.extend([0, 0]);
    fields
}

fn two(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap_or_else(|_| panic!("too many for a small zip")).to_le_bytes()
}

fn four(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or_else(|_| panic!("too long for a small zip")).to_le_bytes()
}
