//! The probes' document format: lines of words, closed by the line `end`.

use std::io::{self, Write};
use std::ops::Range;

use weir_core::{
    Algorithm, Coordinates, Digest, DigestError, Doc, Edits, FormatError, Found, Head, Job, Link,
    LinkSyntax, Located, Place, Release, Target,
};

/// Lines of one kind of document, or why it is none.
pub(super) type Lines<'a> = Result<Vec<Line<'a>>, FormatError>;
/// Where documents are written.
pub(super) type Out<'a> = &'a mut dyn Write;

/// One line: its words, and where they stand.
pub(super) struct Line<'a> {
    pub(super) words: Vec<&'a str>,
    text: &'a str,
    document: &'a str,
    doc: &'a Doc,
}

impl<'a> Line<'a> {
    /// The span of a word of this line in the document.
    fn span(&self, index: usize) -> Range<usize> {
        let word = self.words[index];
        let start = word.as_ptr() as usize - self.document.as_ptr() as usize;
        start..start + word.len()
    }

    fn error(&self, index: usize, what: impl Into<String>) -> FormatError {
        FormatError::at(self.span(index).start, what)
    }

    /// A word that can stand in a path as it is.
    pub(super) fn word(&self, index: usize) -> Result<&'a str, FormatError> {
        word(self.words[index]).ok_or_else(|| self.error(index, "an odd word"))
    }

    /// A word that is a SHA-256.
    pub(super) fn digest(&self, index: usize) -> Result<Digest, FormatError> {
        sha256(self.words[index]).map_err(|error| self.error(index, error.to_string()))
    }

    /// A word that is a link.
    pub(super) fn link(&self, index: usize) -> Result<Link, FormatError> {
        self.doc.link(self.span(index), LinkSyntax::Plain)
    }

    /// The line with another word at this place.
    pub(super) fn with(&self, index: usize, word: &str) -> String {
        let mut words = self.words.clone();
        words[index] = word;
        words.join(" ") + "\n"
    }

    /// `file NAME VERSION FILE SHA256` as a release; `None` for another kind of line.
    fn release(&self) -> Result<Option<Release<'a>>, FormatError> {
        let ["file", name, version, file, _] = self.words[..] else { return Ok(None) };
        let file = file.rsplit('/').next().unwrap_or(file);
        for text in [name, version, file] {
            word(text).ok_or_else(|| self.error(1, "an odd word"))?;
        }
        Ok(Some(Release {
            name: name.into(),
            version: version.into(),
            file: Some(file.into()),
            digest: Some(self.digest(4)?),
            ..Release::default()
        }))
    }
}

/// Takes a document apart; every line must have one of the given first words and lengths.
pub(super) fn parse<'a>(doc: &'a Doc, kinds: &[(&str, usize)]) -> Lines<'a> {
    let document = doc.text()?;
    let body = document
        .strip_suffix("end\n")
        .ok_or_else(|| FormatError::at(document.len(), "the document does not end with \"end\""))?;
    let line = |text: &'a str| {
        let line = Line { words: text.split(' ').collect(), text, document, doc };
        let known = kinds.contains(&(line.words[0], line.words.len()));
        let start = text.as_ptr() as usize - document.as_ptr() as usize;
        known.then_some(line).ok_or_else(|| FormatError::at(start, "an unknown line"))
    };
    body.split_terminator('\n').map(line).collect()
}

/// The lines of all documents that were gathered, in their order.
pub(super) fn parse_all<'a>(job: &Job<'a>, kinds: &[(&str, usize)]) -> Lines<'a> {
    let mut lines = Vec::new();
    for (_, found) in job.docs.iter() {
        if let Found::Doc(doc) = found {
            lines.extend(parse(doc, kinds)?);
        }
    }
    Ok(lines)
}

/// The line whose second word is this one.
pub(super) fn find<'a>(lines: Vec<Line<'a>>, word: &str) -> Result<Line<'a>, FormatError> {
    let found = lines.into_iter().find(|line| line.words[1] == word);
    found.ok_or_else(|| FormatError::new("the document does not name this"))
}

/// The lines that are files of releases, each with its release.
pub(super) fn releases(lines: Vec<Line<'_>>) -> Result<Vec<(Line<'_>, Release<'_>)>, FormatError> {
    let mut releases = Vec::new();
    for line in lines {
        if let Some(release) = line.release()? {
            releases.push((line, release));
        }
    }
    Ok(releases)
}

/// Reports the releases of these lines.
pub(super) fn read(
    lines: Vec<Line<'_>>,
    each: &mut dyn FnMut(Release<'_>),
) -> Result<(), FormatError> {
    releases(lines)?.into_iter().for_each(|(_, release)| each(release));
    Ok(())
}

/// Writes the lines that the edits keep; each stands for one release.
pub(super) fn write(lines: &[Line<'_>], edits: &Edits, out: Out<'_>) -> Result<Head, FormatError> {
    write_kept(lines.iter().map(|line| line.text.to_owned() + "\n"), edits, out)
}

/// Writes those of the texts that the edits keep; each stands for one release.
pub(super) fn write_kept(
    texts: impl Iterator<Item = String>,
    edits: &Edits,
    out: Out<'_>,
) -> Result<Head, FormatError> {
    for (ordinal, text) in texts.enumerate() {
        if edits.keeps(ordinal) {
            put(out, &text)?;
        }
    }
    end(out)
}

/// Writes text.
pub(super) fn put(out: Out<'_>, text: &str) -> Result<(), FormatError> {
    out.write_all(text.as_bytes()).map_err(|e: io::Error| FormatError::new(e.to_string()))
}

/// Closes a document.
pub(super) fn end(out: Out<'_>) -> Result<Head, FormatError> {
    put(out, "end\n")?;
    Ok(Head::new("text/plain"))
}

/// A SHA-256 as documents and paths spell it.
pub(super) fn sha256(text: &str) -> Result<Digest, DigestError> {
    Digest::from_hex(Algorithm::Sha256, text)
}

/// A word that can stand in a path as it is.
pub(super) fn word(text: &str) -> Option<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(plain))
        .then_some(text)
}

/// The file of a release.
pub(super) fn target(release: &Release<'_>) -> Target {
    let file = release.file.as_deref().unwrap_or_default();
    Target::artifact(Coordinates::new(&*release.name, &*release.version), file)
}

/// The entry of the job's file, at its place.
pub(super) fn locate(
    job: &Job<'_>,
    lines: Vec<Line<'_>>,
    place: Place,
) -> Result<Option<Located>, FormatError> {
    let Target::Artifact { file, .. } = job.target else { return Ok(None) };
    let mut entries = releases(lines)?.into_iter().map(|(_, release)| release);
    let entry = entries.find(|entry| entry.file.as_deref() == Some(file));
    Ok(entry.map(|entry| located(&entry, place)))
}

/// An entry at its place.
pub(super) fn located(entry: &Release<'_>, place: Place) -> Located {
    Located {
        release: Coordinates::new(&*entry.name, &*entry.version),
        listed_as: None,
        place,
        digest: entry.digest.clone(),
        checksums: Vec::new(),
        size: entry.size,
        variant: None,
    }
}
