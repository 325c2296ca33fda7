//! Addresses in the text of a lock file, and what they are replaced by. No other byte changes.

use std::collections::BTreeMap;
use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What `encodeURIComponent` leaves alone; yarn 2 and later write addresses so.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');
/// How addresses begin, as they are and encoded.
const SCHEMES: [(&str, bool); 4] =
    [("http://", false), ("https://", false), ("http%3A%2F%2F", true), ("https%3A%2F%2F", true)];

/// An address in a text, with its query and without its fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    range: Range<usize>,
    /// The address itself, not encoded.
    pub(crate) text: String,
    encoded: bool,
}

/// A text with its addresses replaced.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rewritten {
    pub(crate) text: String,
    /// How many addresses became other ones.
    pub(crate) turned: usize,
}

/// All addresses in a text, also those that are percent-encoded as a whole.
pub(crate) fn addresses(text: &str) -> impl Iterator<Item = Address> {
    text.match_indices("http").filter_map(|(start, _)| {
        let here = &text[start..];
        let (_, encoded) = SCHEMES.into_iter().find(|(scheme, _)| here.starts_with(scheme))?;
        let end = here.find(|c| ends_address(c) || (encoded && c == '&')).unwrap_or(here.len());
        let written = &here[..end];
        let address = if encoded {
            percent_decode_str(written).decode_utf8().ok()?.into_owned()
        } else {
            written.to_owned()
        };
        Some(Address { range: start..start + end, text: address, encoded })
    })
}

/// Whether a character ends an address in JSON, YAML, TOML or a list of requirements. A fragment
/// (yarn's digest) belongs to the lock file, not to the address.
fn ends_address(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "\"'`<>#\\,]}".contains(c)
}

/// Host and port of an address.
pub(crate) fn host_of(address: &str) -> &str {
    address.split('/').nth(2).unwrap_or_default()
}

/// Replaces each address that the map knows, in the form in which it stood.
pub(crate) fn rewrite(text: &str, known: &BTreeMap<String, String>) -> Rewritten {
    let mut out = Rewritten { text: String::with_capacity(text.len()), turned: 0 };
    let mut done = 0;
    for address in addresses(text) {
        let Some(other) = known.get(&address.text).filter(|_| address.range.start >= done) else {
            continue;
        };
        out.text.push_str(&text[done..address.range.start]);
        if address.encoded {
            out.text.extend(utf8_percent_encode(other, COMPONENT));
        } else {
            out.text.push_str(other);
        }
        done = address.range.end;
        out.turned += 1;
    }
    out.text.push_str(&text[done..]);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BASE: &str = "http://127.0.0.1:40123/npm/";

    fn turned(text: &str) -> Rewritten {
        let of = |address: Address| {
            let rest = address.text.strip_prefix(BASE)?;
            Some((address.text.clone(), format!("https://registry.example/{rest}")))
        };
        rewrite(text, &addresses(text).filter_map(of).collect())
    }

    #[test]
    fn addresses_are_replaced_and_nothing_else_changes() {
        for (before, after) in [
            (
                r#"{"resolved": "http://127.0.0.1:40123/npm/a/-/a-1.0.0.tgz", "x": 1}"#,
                r#"{"resolved": "https://registry.example/a/-/a-1.0.0.tgz", "x": 1}"#,
            ),
            (
                "  resolved \"http://127.0.0.1:40123/npm/a/-/a-1.0.0.tgz#5f2a\"\r\n",
                "  resolved \"https://registry.example/a/-/a-1.0.0.tgz#5f2a\"\r\n",
            ),
            (
                "source = { registry = \"http://127.0.0.1:40123/npm/\" }\n",
                "source = { registry = \"https://registry.example/\" }\n",
            ),
            (
                "resolution: {tarball: http://127.0.0.1:40123/npm/a.tgz, integrity: x}",
                "resolution: {tarball: https://registry.example/a.tgz, integrity: x}",
            ),
            (
                "\"a@npm:1::__archiveUrl=http%3A%2F%2F127.0.0.1%3A40123%2Fnpm%2Fa.tgz\"",
                "\"a@npm:1::__archiveUrl=https%3A%2F%2Fregistry.example%2Fa.tgz\"",
            ),
            (
                "--index-url http://127.0.0.1:40123/npm/\n",
                "--index-url https://registry.example/\n",
            ),
            (
                "https://cdn.example/?from=http://127.0.0.1:40123/npm/a.tgz",
                "https://cdn.example/?from=https://registry.example/a.tgz",
            ),
        ] {
            assert_eq!(turned(before), Rewritten { text: after.into(), turned: 1 });
        }
    }

    #[test]
    fn an_address_that_is_not_known_stays() {
        let text = "http://127.0.0.1:40123/other/x http://127.0.0.1:4012/npm/x http httpd";
        assert_eq!(turned(text), Rewritten { text: text.into(), turned: 0 });
    }

    proptest! {
        #[test]
        fn a_text_without_known_addresses_is_untouched(text in "(?s).{0,200}") {
            prop_assume!(!text.contains("127.0.0.1"));
            prop_assert_eq!(turned(&text), Rewritten { text: text.clone(), turned: 0 });
        }

        #[test]
        fn what_surrounds_an_address_is_untouched(before in "[^h%]{0,40}", after in "(?s).{0,40}") {
            let text = format!("{before}\"http://127.0.0.1:40123/npm/a.tgz\"{after}");
            let expected = format!("{before}\"https://registry.example/a.tgz\"{after}");
            prop_assert_eq!(turned(&text).text, expected);
        }
    }
}
