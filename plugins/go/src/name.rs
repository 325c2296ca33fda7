//! Module paths and versions: how Go spells them, and how they are escaped in addresses.
//!
//! Rules: golang.org/x/mod/module (`CheckPath`, `EscapePath`, `EscapeVersion`, `PseudoVersionTime`).

use weir_core::{Scheme, Timestamp};

/// Undoes the escaping of a module path or version: `!x` stands for `X`, since some file systems
/// that proxies live on do not tell case. `None` for what nobody would have escaped so.
pub(crate) fn unescape(escaped: &str) -> Option<String> {
    let mut plain = String::with_capacity(escaped.len());
    let mut characters = escaped.chars();
    while let Some(character) = characters.next() {
        match character {
            '!' => {
                let escaped = characters.next().filter(char::is_ascii_lowercase)?;
                plain.push(escaped.to_ascii_uppercase());
            }
            upper if upper.is_ascii_uppercase() => return None,
            other => plain.push(other),
        }
    }
    Some(plain)
}

/// Escapes a module path or version.
pub(crate) fn escape(plain: &str) -> String {
    let mut escaped = String::with_capacity(plain.len());
    for character in plain.chars() {
        if character.is_ascii_uppercase() {
            escaped.push('!');
        }
        escaped.push(character.to_ascii_lowercase());
    }
    escaped
}

/// Whether this can be the path of a module: elements of letters, digits and `-._~`, of which the
/// first is like a host name. Prefixes of module paths, which clients try too, are of this form.
pub(crate) fn is_module(path: &str) -> bool {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let element = |text: &str| {
        !text.is_empty() && text.bytes().all(fine) && !text.starts_with('.') && !text.ends_with('.')
    };
    let first = path.split('/').next().unwrap_or_default();
    first.contains('.') && !first.starts_with('-') && path.split('/').all(element)
}

/// Whether this is a version in the one spelling that Go gives it: `v1.2.3`, with a pre-release or
/// without, and with no build metadata but `+incompatible`.
pub(crate) fn is_canonical(version: &str) -> bool {
    let release = version.strip_suffix("+incompatible").unwrap_or(version);
    !release.contains('+') && weir_version::is_valid(Scheme::Go, release)
}

/// Whether a query (branch, tag, commit, part of a version) can stand in an address.
pub(crate) fn is_query(text: &str) -> bool {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"-._~+=,@^".contains(&b);
    !text.is_empty() && text.len() <= 128 && text.bytes().all(fine)
}

/// The commit's time in a pseudo-version (`v0.0.0-20200102030405-0123456789ab`, also after
/// `v1.2.4-0.` and `v1.2.3-rc.1.0.`).
pub(crate) fn pseudo_time(version: &str) -> Option<Timestamp> {
    let version = version.strip_suffix("+incompatible").unwrap_or(version);
    let (rest, revision) = version.rsplit_once('-')?;
    let time = rest.rsplit(['-', '.']).next().filter(|_| rest.contains('-'))?;
    let hexadecimal = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if revision.len() != 12 || !revision.bytes().all(hexadecimal) {
        return None;
    }
    if time.len() != 14 || !time.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| &time[from..to];
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    );
    Timestamp::parse_rfc3339(&text)
}

/// The line of development of a version: what stands before its second dot.
pub(crate) fn line(version: &str) -> &str {
    version.match_indices('.').nth(1).map_or(version, |(at, _)| &version[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upper_case_is_escaped_and_comes_back() {
        assert_eq!(escape("github.com/BurntSushi/toml"), "github.com/!burnt!sushi/toml");
        assert_eq!(unescape("github.com/!azure/x").as_deref(), Some("github.com/Azure/x"));
        for bad in ["github.com/Azure/x", "a!", "a!B", "a!1", "!!a"] {
            assert_eq!(unescape(bad), None, "{bad}");
        }
    }

    #[test]
    fn module_paths_begin_like_hosts() {
        for good in ["example.org", "gopkg.in/yaml.v3", "k8s.io/api", "a.b/C/v2", "a.b/x~y_z"] {
            assert!(is_module(good), "{good}");
        }
        for bad in
            ["", "fmt", "sumdb/x", "-a.b/c", "a.b//c", "a.b/.git", "a.b/c.", "a.b/c d", "a.b/ü"]
        {
            assert!(!is_module(bad), "{bad}");
        }
    }

    #[test]
    fn a_version_has_one_spelling() {
        for good in [
            "v1.2.3",
            "v1.2.3-rc.1",
            "v2.0.0+incompatible",
            "v0.0.0-20200102030405-0123456789ab",
            "v0.0.1-go1.22.0.linux-amd64",
        ] {
            assert!(is_canonical(good), "{good}");
        }
        for bad in ["1.2.3", "v1.2", "v1", "v1.2.3+meta", "v01.2.3", "master", "v1.2.3-", ""] {
            assert!(!is_canonical(bad), "{bad}");
        }
    }

    #[test]
    fn a_pseudo_version_holds_its_time() {
        let time = Timestamp::parse_rfc3339("2020-01-02T03:04:05Z");
        for version in [
            "v0.0.0-20200102030405-0123456789ab",
            "v1.2.4-0.20200102030405-0123456789ab",
            "v1.2.3-rc.1.0.20200102030405-0123456789ab",
            "v2.0.1-0.20200102030405-0123456789ab+incompatible",
        ] {
            assert_eq!(pseudo_time(version), time, "{version}");
        }
        for version in [
            "v1.2.3",
            "v1.2.3-rc.1",
            "v0.0.0-20201302030405-0123456789ab",
            "v0.0.0-2020-0123456789ab",
        ] {
            assert_eq!(pseudo_time(version), None, "{version}");
        }
        assert_eq!((line("v1.2.3"), line("v1")), ("v1.2", "v1"));
    }
}
