//! Go's hash of a module zip: over the files in it, so it needs the whole archive.
//!
//! Format: golang.org/x/mod/sumdb/dirhash (`HashZip`, `Hash1`).

use std::fs::File;
use std::io::{BufReader, Read as _};

use weir_core::{Algorithm, Digest, Hasher};
use zip::ZipArchive;

/// The most that the files of a module may take, in bytes: what go itself unpacks
/// (golang.org/x/mod/zip, `MaxZipFile`).
const MAX_CONTENT: u64 = 500 << 20;
/// The most files that are looked at.
const MAX_FILES: usize = 1 << 18;
const CHUNK: usize = 64 << 10;

/// The hash of an archive, or why it has none.
pub(crate) fn of_zip(file: File) -> Result<Digest, String> {
    let said = |error: zip::result::ZipError| error.to_string();
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(said)?;
    if archive.len() > MAX_FILES {
        return Err(format!("it holds more than {MAX_FILES} files"));
    }
    let mut lines = Vec::with_capacity(archive.len());
    let mut left = MAX_CONTENT;
    let mut buffer = vec![0; CHUNK];
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(said)?;
        let name = entry.name_raw().to_vec();
        if name.contains(&b'\n') {
            return Err("a name in it holds a line break".to_owned());
        }
        let mut hasher = Hasher::new(Algorithm::Sha256);
        loop {
            let read = entry.read(&mut buffer).map_err(|error| error.to_string())?;
            if read == 0 {
                break;
            }
            left = left.checked_sub(read as u64).ok_or("its files take more than 500 MiB")?;
            hasher.update(&buffer[..read]);
        }
        lines.push((name, hasher.finish().hex()));
    }
    lines.sort();
    let mut summary = Hasher::new(Algorithm::Sha256);
    for (name, hex) in lines {
        summary.update(hex.as_bytes());
        summary.update(b"  ");
        summary.update(&name);
        summary.update(b"\n");
    }
    Digest::from_bytes(Algorithm::GoZip, summary.finish().bytes())
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;

    fn archive(files: &[(&str, &[u8])], method: zip::CompressionMethod) -> File {
        let file = tempfile::tempfile().unwrap();
        let mut writer = ZipWriter::new(file);
        for (name, content) in files {
            let options = SimpleFileOptions::default().compression_method(method);
            writer.start_file(*name, options).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap()
    }

    const FILES: [(&str, &[u8]); 2] =
        [("m@v1.0.0/b.go", b"package b\n"), ("m@v1.0.0/a.go", b"package a\n")];

    #[test]
    fn it_is_over_the_files_however_they_are_packed() {
        let stored = of_zip(archive(&FILES, zip::CompressionMethod::Stored)).unwrap();
        let turned = [FILES[1], FILES[0]];
        let deflated = of_zip(archive(&turned, zip::CompressionMethod::Deflated)).unwrap();
        assert_eq!(stored, deflated);
        let lines = format!(
            "{}  m@v1.0.0/a.go\n{}  m@v1.0.0/b.go\n",
            Digest::of(Algorithm::Sha256, b"package a\n").hex(),
            Digest::of(Algorithm::Sha256, b"package b\n").hex(),
        );
        assert_eq!(stored.bytes(), Digest::of(Algorithm::Sha256, lines.as_bytes()).bytes());
        assert_eq!(stored.algorithm(), Algorithm::GoZip);
    }

    #[test]
    fn another_file_or_name_has_another_hash() {
        let hash = |files: &[(&str, &[u8])]| {
            of_zip(archive(files, zip::CompressionMethod::Stored)).unwrap()
        };
        let all = hash(&FILES);
        assert_ne!(all, hash(&FILES[..1]));
        assert_ne!(all, hash(&[FILES[0], ("m@v1.0.0/a.go", b"package x\n")]));
        assert_ne!(all, hash(&[FILES[0], ("m@v1.0.0/c.go", b"package a\n")]));
    }

    #[test]
    fn what_is_no_archive_has_no_hash() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"PK\x05\x06 not really").unwrap();
        assert!(of_zip(file).is_err());
        let newline = [("m@v1.0.0/a\nb.go", b"x".as_slice())];
        assert!(of_zip(archive(&newline, zip::CompressionMethod::Stored)).is_err());
    }
}
