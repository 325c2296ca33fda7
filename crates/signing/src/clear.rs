//! Text in the cleartext signature framework (RFC 9580 section 7).

use crate::Error;

const BEGIN: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----\n";
const SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
const END: &[u8] = b"-----END PGP SIGNATURE-----";

/// A text as it is signed and as it is written.
pub(crate) struct Cleartext {
    /// The lines without trailing blanks, ended by CR LF but for the last one (section 7.2).
    pub(crate) signed: Vec<u8>,
    /// The same lines, dash-escaped (section 7.1) and each ended by LF, behind the header.
    pub(crate) framed: Vec<u8>,
}

impl Cleartext {
    /// Frames a text. Its last line end is no part of what is signed, since the framework itself
    /// ends the line before the signature.
    pub(crate) fn new(text: &[u8], hash: &str) -> Result<Self, Error> {
        let room = text.len() + text.len() / 16 + 128;
        let mut made = Self { signed: Vec::with_capacity(room), framed: Vec::with_capacity(room) };
        made.framed.extend_from_slice(BEGIN);
        made.framed.extend_from_slice(format!("Hash: {hash}\n\n").as_bytes());
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.contains(&b'\r') {
                return Err(Error::LineEnd(index + 1));
            }
            made.line(index > 0, trimmed(line));
        }
        Ok(made)
    }

    /// Takes a message apart: the text as it is signed, and the armor of its signatures.
    ///
    /// Stricter than the framework: whoever reads the message by other rules must not find another
    /// text in it. So nothing may stand before it or behind it, its headers say `Hash` alone, and
    /// every dash at the beginning of a line is escaped.
    pub(crate) fn read(document: &[u8]) -> Result<(Vec<u8>, &[u8]), String> {
        let at = document
            .windows(SIGNATURE.len() + 1)
            .position(|window| window[0] == b'\n' && &window[1..] == SIGNATURE);
        let Some(at) = at else { return Err("there is no signature in it".to_owned()) };
        let (message, armor) = document.split_at(at + 1);
        check_armor(armor)?;
        let mut lines = message[..at].split(|byte| *byte == b'\n').map(without_return);
        if lines.next() != BEGIN.strip_suffix(b"\n") {
            return Err("something stands before the signed text".to_owned());
        }
        loop {
            match lines.next() {
                Some(b"") => break,
                Some(header) if header.starts_with(b"Hash: ") => {}
                _ => return Err("a header of the signed text is none".to_owned()),
            }
        }
        let mut signed = Vec::with_capacity(message.len() + message.len() / 16);
        for (index, line) in lines.enumerate() {
            let line = match line.strip_prefix(b"- ") {
                Some(line) => line,
                None if line.starts_with(b"-") => {
                    return Err("a dash in the signed text is not escaped".to_owned());
                }
                None => line,
            };
            if line.contains(&b'\r') {
                return Err("a carriage return stands within a line".to_owned());
            }
            if index > 0 {
                signed.extend_from_slice(b"\r\n");
            }
            signed.extend_from_slice(trimmed(line));
        }
        Ok((signed, armor))
    }

    fn line(&mut self, follows: bool, line: &[u8]) {
        if follows {
            self.signed.extend_from_slice(b"\r\n");
        }
        self.signed.extend_from_slice(line);
        if line.starts_with(b"-") {
            self.framed.extend_from_slice(b"- ");
        }
        self.framed.extend_from_slice(line);
        self.framed.push(b'\n');
    }
}

/// One block of signatures and nothing behind it.
fn check_armor(armor: &[u8]) -> Result<(), String> {
    let end = armor.windows(END.len()).position(|window| window == END);
    let rest = end.map(|at| &armor[at + END.len()..]);
    match rest {
        Some(rest) if rest.trim_ascii().is_empty() => Ok(()),
        Some(_) => Err("something stands behind the signature".to_owned()),
        None => Err("the signature is cut off".to_owned()),
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A line without the spaces and tabs at its end, which are not signed. They are not written
/// either: whoever reads the text sees what was signed and nothing else.
fn trimmed(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t'));
    end.map_or(&[], |last| &line[..=last])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(text: &str) -> (String, String) {
        let made = Cleartext::new(text.as_bytes(), "SHA256").unwrap();
        let framed = String::from_utf8(made.framed).unwrap();
        let head = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n";
        let body = framed.strip_prefix(head).unwrap().to_owned();
        (String::from_utf8(made.signed).unwrap(), body)
    }

    #[test]
    fn the_last_line_end_is_not_signed() {
        assert_eq!(framed("a\nb\n"), ("a\r\nb".into(), "a\nb\n".into()));
        assert_eq!(framed("a\nb"), ("a\r\nb".into(), "a\nb\n".into()));
        assert_eq!(framed("a\n\n"), ("a\r\n".into(), "a\n\n".into()));
        assert_eq!(framed(""), (String::new(), "\n".into()));
    }

    #[test]
    fn blanks_at_line_ends_are_neither_signed_nor_written() {
        assert_eq!(framed("a \t\n  b\r\n \n"), ("a\r\n  b\r\n".into(), "a\n  b\n\n".into()));
    }

    #[test]
    fn lines_that_begin_with_a_dash_are_escaped_and_signed_as_they_are() {
        let text = "-----BEGIN PGP SIGNATURE-----\n-\nx-y\n";
        let (signed, body) = framed(text);
        assert_eq!(signed, "-----BEGIN PGP SIGNATURE-----\r\n-\r\nx-y");
        assert_eq!(body, "- -----BEGIN PGP SIGNATURE-----\n- -\nx-y\n");
    }

    #[test]
    fn a_carriage_return_within_a_line_is_refused() {
        let refused = Cleartext::new(b"a\nb\rc\n", "SHA256").map(|_| ()).unwrap_err();
        assert!(matches!(refused, Error::LineEnd(2)), "{refused}");
        // The second one would end the line for some programs and be its last byte for others.
        assert!(Cleartext::new(b"a\r\r\n", "SHA256").is_err());
    }
}
