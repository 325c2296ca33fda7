//! Objects split by spans, and what is refused.

use proptest::prelude::*;

use super::*;

fn written(splice: Splice<'_>) -> String {
    let mut out = Vec::new();
    splice.write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn refusal(source: &str) -> String {
    Object::parse(source.as_bytes()).unwrap_err().to_string()
}

#[test]
fn members_come_in_order_with_their_spans() {
    let source = r#" {"b" : [1, "x"], "a":{"deep":null},"s":"caf\u00e9"} "#;
    let root = Object::parse(source.as_bytes()).unwrap();
    let keys: Vec<_> = root.members().iter().map(|m| &*m.key).collect();
    assert_eq!(keys, ["b", "a", "s"]);
    assert_eq!(&source[root.span()], source.trim());
    assert_eq!(&source[root.members()[0].key_span.clone()], r#""b""#);
    assert_eq!(&source[root.members()[0].span()], r#""b" : [1, "x"]"#);
    assert_eq!(&source[root.get("s").unwrap().inner_span()], r"caf\u00e9");
    assert_eq!(root.text("s").unwrap(), "café");
    let elements = root.get("b").unwrap().array().unwrap();
    assert_eq!(&source[elements.elements()[1].span()], r#""x""#);
    assert_eq!(elements.elements()[0].u64(), Some(1));
    let inner = root.get("a").unwrap().object().unwrap();
    assert_eq!(&source[inner.get("deep").unwrap().span()], "null");
}

#[test]
fn two_readers_must_not_see_different_things() {
    assert_eq!(refusal(r#"{"a":1,"b":2,"a":3}"#), r#"the key "a" stands there twice (at byte 13)"#);
    assert_eq!(refusal(r#"{"\u0061":1}"#), r#"the key "a" is spelled with escapes (at byte 1)"#);
}

#[test]
fn a_loose_object_refuses_only_the_keys_that_are_read() {
    let source = br#"{"x":1,"\u0061" : 2,"b":3,"q\"":4,"x":5,"b\u0062":6}"#;
    let root = Value::parse(source).unwrap().loose_object().unwrap();
    assert_eq!(root.sole("b").unwrap().and_then(|v| v.u64()), Some(3));
    assert_eq!(root.sole("nothing").unwrap().map(|v| v.raw()), None);
    assert!(root.sole("x").is_err());
    assert!(root.sole("a").is_err());
    assert!(root.sole("bb").is_err());
    let escaped = &root.members()[1];
    assert_eq!(&source[escaped.key_span.clone()], br#""\u0061""#);
    assert_eq!(&source[root.members()[3].span()], br#""q\"":4"#);
}

#[test]
fn what_is_not_json_is_refused_where_it_stops_to_be() {
    for (source, offset) in [
        ("{\"a\":\n 01}", 8),
        ("{\"a\":[1,]}", 8),
        ("{} x", 3),
        ("[]", 0),
        ("", 0),
        ("{\"a\":1", 5),
    ] {
        let error = Object::parse(source.as_bytes()).unwrap_err();
        assert!(error.offset.abs_diff(offset) <= 1, "{source}: {error}");
    }
    assert_eq!(Object::parse(b"{\"a\xff\":1}").unwrap_err().offset, 3);
}

#[test]
fn depth_costs_no_stack() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let root = Object::parse(deep.as_bytes()).unwrap();
    assert_eq!(root.get("a").unwrap().array().unwrap().elements().len(), 1);
}

#[test]
fn members_can_be_inserted_where_others_stay_or_not() {
    for (source, keep, expected) in [
        (r#"{"a":1}"#, true, r#"{"n":"x\"","m":1,"a":1}"#),
        (r#"{"a":1}"#, false, r#"{"n":"x\"","m":1}"#),
        ("{ }", true, r#"{"n":"x\"","m":1 }"#),
    ] {
        let root = Object::parse(source.as_bytes()).unwrap();
        let mut splice = Splice::new(source.as_bytes());
        let kept = root.retain(&mut splice, |_, _| keep);
        root.insert(&mut splice, &[("n", &quote("x\"")), ("m", "1")], kept);
        assert_eq!(written(splice), expected);
    }
}

/// Whether a second parser reads it.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Values, and what is none, separated by blanks; what holds blanks stands in the test itself.
const VALUES: &str = r#"0 -0 01 - 1. .5 1.5 1e5 1E+5 1e- +1 1e400 0x1 NaN true truex tru nul null false
    "" "a" "a"b b"a" "\" "\\" "\u00e" "\ud800" "\/" "\'" "é" é \ [] [1] [,] [1,] [ [} {} {] {"a"} {"a":}
    {"a":1,} {1:1} {"a"::1} {,} : , {"a":1}} // 'a'"#;

#[test]
fn the_grammar_is_that_of_another_parser() {
    let spaced = [
        "",
        " ",
        "1 2",
        "[1 1]",
        "{\"a\":1 \"b\":2}",
        "{\"a\" 1}",
        "\"\n\"",
        "\"\u{7f}\"",
        "\u{feff}1",
        "\u{c}",
        "\0",
    ];
    let parts = VALUES.split_ascii_whitespace().chain(spaced);
    let around = [
        ("", ""),
        (" \t", "\r\n"),
        ("[", "]"),
        ("[1,", ",[]]"),
        ("{\"k\":", "}"),
        ("{\"k\": [", " ] }"),
    ];
    for part in parts {
        for (before, behind) in around {
            for padding in [0, 50, 57, 62, 120] {
                let text = format!("{}{before}{part}{behind}", " ".repeat(padding));
                let parsed = Value::parse(text.as_bytes());
                assert_eq!(parsed.is_ok(), is_json(&text), "{text:?}");
                let object = Object::parse_loose(text.as_bytes());
                let is_object = text.trim().starts_with('{') && is_json(&text);
                assert!(object.is_ok() == is_object || text.contains("\\ud800"), "{text:?}");
            }
        }
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        "\\PC{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map("[a-z0-9./@é-]{0,6}", inner, 0..6)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn any_object() -> impl Strategy<Value = serde_json::Map<String, serde_json::Value>> {
    prop::collection::btree_map("[a-z0-9./@é-]{0,6}", any_json(), 0..9)
        .prop_map(|map| map.into_iter().collect())
}

const FIELDS: &[Field] = &[Field("a", &[]), Field("b", &[Field("a", &[]), Field("c", &[])])];

/// Keys as they are spelled: fields, others, with escapes, and one that no text can hold.
fn key() -> impl Strategy<Value = &'static str> {
    let keys = ["a", "b", "c", "", "other", "\\u0061", "\\u0062", "x\\n", "é"];
    prop_oneof![20 => prop::sample::select(keys.to_vec()), 1 => Just("\\ud800")]
}

fn any_value() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["1", "null", "\"b\"", "[{\"a\":1}]", "{}"]).prop_map(str::to_owned)
}

/// An object as [`FIELDS`] look at it, and deeper.
fn fields() -> impl Strategy<Value = String> {
    let deep = prop::collection::vec((key(), any_value()), 0..5);
    let deep = deep.prop_map(|members| object_of(&members, false));
    prop::collection::vec((key(), prop_oneof![any_value(), deep]), 0..6)
        .prop_map(|members| object_of(&members, true))
}

fn object_of(members: &[(&str, String)], pretty: bool) -> String {
    let (colon, comma) = if pretty { (" : ", " ,\n") } else { (":", ",") };
    let members: Vec<_> =
        members.iter().map(|(key, value)| format!("\"{key}\"{colon}{value}")).collect();
    format!("{{{}}}", members.join(comma))
}

/// What an object has at the fields.
fn told<'a, T: Within<'a>>(
    sole: impl Fn(&str) -> Result<Option<Value<'a>>, FormatError>,
    within: impl Fn(&str) -> Result<Option<T>, FormatError>,
) -> Vec<String> {
    let spell = |value: Result<Option<Value<'a>>, FormatError>| match value {
        Ok(value) => format!("{:?}", value.map(|value| (value.raw(), value.span()))),
        Err(error) => error.to_string(),
    };
    let inner = match within("b") {
        Ok(Some(inner)) => vec![spell(inner.at("a")), spell(inner.at("c"))],
        Ok(None) => Vec::new(),
        Err(error) => vec![error.to_string()],
    };
    [spell(sole("a")), spell(sole("b"))].into_iter().chain(inner).collect()
}

trait Within<'a> {
    fn at(&self, key: &str) -> Result<Option<Value<'a>>, FormatError>;
}

impl<'a> Within<'a> for Object<'a> {
    fn at(&self, key: &str) -> Result<Option<Value<'a>>, FormatError> {
        self.sole(key)
    }
}

impl<'a> Within<'a> for Picked<'a> {
    fn at(&self, key: &str) -> Result<Option<Value<'a>>, FormatError> {
        self.sole(key)
    }
}

fn spelled(object: &serde_json::Map<String, serde_json::Value>, pretty: bool) -> String {
    let spell = if pretty { serde_json::to_string_pretty } else { serde_json::to_string };
    spell(object).unwrap()
}

proptest! {
    #[test]
    fn a_text_that_was_never_checked_is_split_without_a_panic(text in r#"[\[\]{}",:\\ a1]{0,40}"#) {
        let mut parts = Vec::new();
        let _ = Tokens::new(text.as_bytes()).object(|tokens, key| {
            parts.push(key);
            parts.push(tokens.value()?);
            Some(())
        });
        let _ = Tokens::new(text.as_bytes()).array(|part| parts.push(part));
        for part in parts {
            prop_assert!(part.start < part.end && part.end <= text.len());
        }
        let whole = Value { raw: &text, start: 0 };
        let _ = (whole.loose_object(), whole.array());
        let _ = Object::parse_index(text.as_bytes(), "a", FIELDS, |_, _| {});
    }

    #[test]
    fn what_another_parser_refuses_is_refused(
        text in r#"( |\t|\n|\{|\}|\[|\]|:|,|"|\\|\\"|\\u00e9|"a"|"b\\\\":|1|-0\.5e3|true|null|é|\x01){0,30}"#,
        object in any_object(),
        pretty: bool,
        at: prop::sample::Index,
        byte in proptest::option::of("[ \"\\\\{}\\[\\]:,0-9a-u\\x01-\\x1f]"),
    ) {
        prop_assert_eq!(Value::parse(text.as_bytes()).is_ok(), is_json(&text));
        let mut source = spelled(&object, pretty);
        let at = (0..=at.index(source.len())).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0);
        let end = source[at..].chars().next().map_or(at, |char| at + char.len_utf8());
        source.replace_range(at..end, byte.as_deref().unwrap_or_default());
        prop_assert_eq!(Value::parse(source.as_bytes()).is_ok(), is_json(&source), "{:?}", source);
    }

    #[test]
    fn inner_values_are_split_as_serde_reads_them(object in any_object(), pretty: bool) {
        let source = spelled(&object, pretty);
        let wrapped = format!("[[{source}], {source} ]");
        let outer = Value::parse(wrapped.as_bytes()).unwrap().array().unwrap();
        let first = outer.elements()[0].array().unwrap().elements()[0];
        for value in [first, outer.elements()[1]] {
            prop_assert_eq!(value.raw(), source.trim());
            let members = value.loose_object().unwrap();
            let pairs = members.members().iter().map(|member| {
                (member.key.clone().into_owned(), serde_json::from_str(member.value.raw()).unwrap())
            });
            prop_assert_eq!(pairs.collect::<serde_json::Map<_, _>>(), object.clone());
            for member in members.members() {
                prop_assert_eq!(&wrapped[member.value.span()], member.value.raw());
            }
        }
    }

    #[test]
    fn an_index_is_split_in_the_pass_that_checks_it(
        entries in proptest::collection::vec((key(), prop_oneof![fields(), any_value()]), 0..5),
        pretty: bool,
    ) {
        let source = object_of(&entries, pretty);
        let outside = format!("{{\"other\":[],\"index\":{source}}}");
        let mut inner = Vec::new();
        let read = Object::parse_index(outside.as_bytes(), "index", FIELDS, |member, picked| {
            let told = match picked {
                Ok(picked) => told(|key| picked.sole(key), |key| Ok(picked.within(key)?.cloned())),
                Err(error) => vec![error.to_string()],
            };
            inner.push((member.key.clone().into_owned(), told));
        });
        let (whole, index) = read.unwrap();
        let root = whole.get("index").unwrap();
        let apart = root.object();
        let spelled = |object: Result<Object<'_>, FormatError>| match object {
            Ok(object) => format!("{:?} {:?}", object.members(), object.span()),
            Err(error) => error.to_string(),
        };
        prop_assert_eq!(spelled(index.unwrap()), spelled(apart));
        let Ok(loose) = root.loose_object() else { return Ok(()) };
        let expected: Vec<_> = loose.members().iter().map(|member| {
            let told = match member.value.loose_object() {
                Ok(object) => told(|key| object.sole(key), |key| {
                    let inner = object.sole(key)?.filter(|value| value.kind() == Kind::Object);
                    inner.map(|value| value.loose_object()).transpose()
                }),
                Err(error) => vec![error.to_string()],
            };
            (member.key.clone().into_owned(), told)
        }).collect();
        prop_assert_eq!(inner, expected);
    }

    #[test]
    fn no_edits_are_the_identity(object in any_object(), pretty: bool) {
        let source = spelled(&object, pretty);
        let root = Object::parse(source.as_bytes()).unwrap();
        let mut splice = Splice::new(source.as_bytes());
        root.retain(&mut splice, |_, _| true);
        prop_assert_eq!(written(splice), source);
    }

    #[test]
    fn cutting_members_is_filtering_them(object in any_object(), pretty: bool, bits: u16) {
        let keep = |ordinal: usize| bits & (1 << ordinal) != 0;
        let source = spelled(&object, pretty);
        let root = Object::parse(source.as_bytes()).unwrap();
        let mut splice = Splice::new(source.as_bytes());
        let kept = root.retain(&mut splice, |ordinal, _| keep(ordinal));
        let edited = written(splice);
        let expected: serde_json::Map<_, _> = object
            .iter()
            .enumerate()
            .filter(|(ordinal, _)| keep(*ordinal))
            .map(|(_, (key, value))| (key.clone(), value.clone()))
            .collect();
        prop_assert_eq!(kept, expected.len());
        let parsed: serde_json::Map<_, _> = serde_json::from_str(&edited).unwrap();
        prop_assert_eq!(parsed, expected);
    }

    #[test]
    fn values_are_split_as_serde_reads_them(object in any_object(), pretty: bool) {
        let source = spelled(&object, pretty);
        let root = Object::parse(source.as_bytes()).unwrap();
        prop_assert_eq!(root.members().len(), object.len());
        for member in root.members() {
            let value: serde_json::Value = serde_json::from_str(member.value.raw()).unwrap();
            prop_assert_eq!(&value, &object[&*member.key]);
            prop_assert_eq!(&source[member.value.span()], member.value.raw());
            let text = member.value.text();
            prop_assert_eq!(text.as_deref(), value.as_str());
        }
    }

    #[test]
    fn mutated_input_never_panics(
        object in any_object(),
        at: prop::sample::Index,
        byte: u8,
        cut: prop::sample::Index,
    ) {
        let mut source = spelled(&object, false).into_bytes();
        let at = at.index(source.len());
        source[at] = byte;
        for source in [&source[..], &source[..cut.index(source.len())]] {
            let Ok(root) = Value::parse(source).and_then(|v| v.loose_object()) else { continue };
            let mut splice = Splice::new(source);
            root.retain(&mut splice, |ordinal, _| ordinal % 2 == 0);
            splice.write(&mut Vec::new()).unwrap();
            for member in root.members() {
                let _ = (member.value.text(), member.value.array(), member.value.object());
            }
        }
    }
}
