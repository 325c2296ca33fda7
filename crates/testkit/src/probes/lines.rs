//! The probes' document format.

use std::io::{self, Write};
use std::ops::Range;

use weir_core::{Algorithm, Coordinates, Digest, Doc, Edits, FormatError, Located, Place, Release};

/// One line: its words, and where they stand.
pub(super) struct Line<'a> {
    pub(super) words: Vec<&'a str>,
    text: &'a str,
    document: &'a str,
}

impl<'a> Line<'a> {
    /// The span of a word of this line in the document.
    pub(super) fn span(&self, index: usize) -> Range<usize> {
        let word = self.words[index];
        let start = word.as_ptr() as usize - self.document.as_ptr() as usize;
        start..start + word.len()
    }

    /// The line as it stands, with its end.
    pub(super) fn write(&self, out: &mut dyn Write) -> Result<(), FormatError> {
        put(out, &format!("{}\n", self.text))
    }

    /// `file NAME VERSION FILE SHA256` as a release; `None` for another kind of line.
    pub(super) fn release(&self) -> Result<Option<Release<'a>>, FormatError> {
        let ["file", name, version, file, sha256] = self.words[..] else { return Ok(None) };
        let digest = Digest::from_hex(Algorithm::Sha256, sha256)
            .map_err(|error| FormatError::at(self.span(4).start, error.to_string()))?;
        let file = file.rsplit('/').next().unwrap_or(file);
        for text in [name, version, file] {
            word(text).ok_or_else(|| FormatError::at(self.span(1).start, "an odd word"))?;
        }
        Ok(Some(Release {
            name: name.into(),
            version: version.into(),
            file: Some(file.into()),
            digest: Some(digest),
            ..Release::default()
        }))
    }
}

/// Takes a document apart; every line must have one of the given first words and lengths.
pub(super) fn parse<'a>(
    doc: &'a Doc,
    kinds: &[(&str, usize)],
) -> Result<Vec<Line<'a>>, FormatError> {
    let document = doc.text()?;
    let body = document
        .strip_suffix("end\n")
        .ok_or_else(|| FormatError::at(document.len(), "the document does not end with \"end\""))?;
    let line = |text: &'a str| {
        let line = Line { words: text.split(' ').collect(), text, document };
        let known = kinds.contains(&(line.words[0], line.words.len()));
        let start = text.as_ptr() as usize - document.as_ptr() as usize;
        known.then_some(line).ok_or_else(|| FormatError::at(start, "an unknown line"))
    };
    body.split_terminator('\n').map(line).collect()
}

/// Writes the lines that the edits keep; each stands for one release.
pub(super) fn write_kept(
    lines: &[Line<'_>],
    edits: &Edits,
    out: &mut dyn Write,
) -> Result<(), FormatError> {
    for (ordinal, line) in lines.iter().enumerate() {
        if edits.keeps(ordinal) {
            line.write(out)?;
        }
    }
    put(out, "end\n")
}

/// Writes text.
pub(super) fn put(out: &mut dyn Write, text: &str) -> Result<(), FormatError> {
    out.write_all(text.as_bytes()).map_err(|e: io::Error| FormatError::new(e.to_string()))
}

/// A word that can stand in a path as it is.
pub(super) fn word(text: &str) -> Option<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(plain))
        .then_some(text)
}

/// The entry of this file, at its place.
pub(super) fn locate(
    lines: &[Line<'_>],
    file: &str,
    place: Place,
) -> Result<Option<Located>, FormatError> {
    for line in lines {
        if let Some(entry) = line.release()?.filter(|e| e.file.as_deref() == Some(file)) {
            return Ok(Some(located(&entry, place)));
        }
    }
    Ok(None)
}

/// An entry at its place.
pub(super) fn located(entry: &Release<'_>, place: Place) -> Located {
    Located {
        release: Coordinates::new(&*entry.name, &*entry.version),
        listed_as: None,
        place,
        digest: entry.digest.clone(),
        size: entry.size,
    }
}
