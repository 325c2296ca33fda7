//! Project names.

/// Longer names than any project has (the longest on PyPI has 188 bytes).
const MAX_NAME: usize = 200;

/// The normal form of a project name: lower case, with runs of `-`, `_` and `.` as one `-`
/// (<https://packaging.python.org/en/latest/specifications/name-normalization/>). `None` for a
/// text that is no name.
pub(crate) fn normalize(name: &str) -> Option<String> {
    let inner = |b: u8| b.is_ascii_alphanumeric() || is_separator(b);
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    if name.len() > MAX_NAME || !name.bytes().all(inner) {
        return None;
    }
    if !edge(name.bytes().next()) || !edge(name.bytes().last()) {
        return None;
    }
    let mut normal = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            c => normal.push(c.to_ascii_lowercase()),
        }
    }
    Some(normal)
}

/// Splits a text that starts with some spelling of a normal name: the spelling and the rest.
pub(crate) fn split<'a>(normal: &str, text: &'a str) -> Option<(&'a str, &'a str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    for expected in normal.bytes() {
        if expected == b'-' {
            let run = bytes.get(at..)?.iter().take_while(|b| is_separator(**b)).count();
            if run == 0 {
                return None;
            }
            at += run;
        } else if bytes.get(at)?.eq_ignore_ascii_case(&expected) {
            at += 1;
        } else {
            return None;
        }
    }
    text.split_at_checked(at)
}

fn is_separator(b: u8) -> bool {
    matches!(b, b'-' | b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_normal_form() {
        assert_eq!(normalize("Zope._-Interface").as_deref(), Some("zope-interface"));
        assert_eq!(normalize("0").as_deref(), Some("0"));
        for odd in ["", "-", "a-", ".a", "a b", "a/b", "é", "a%", &"a".repeat(201)] {
            assert_eq!(normalize(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_spelling_is_split_off() {
        assert_eq!(
            split("zope-interface", "Zope.__interface-1.0"),
            Some(("Zope.__interface", "-1.0"))
        );
        assert_eq!(split("foo", "foobar-1.0"), Some(("foo", "bar-1.0")));
        assert_eq!(split("foo-bar", "foobar-1.0"), None);
        assert_eq!(split("foo-bar", "foo-"), None);
    }
}
