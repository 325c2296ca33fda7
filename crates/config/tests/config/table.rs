//! The table of keys and the reader agree in both directions.

use serde_json::{Value, json};
use weir_config::{Format, Key, keys, reference_markdown, schema};

use crate::{read, refusal, toml};

/// The path of a key with words of an operator's in its places.
fn words(key: &Key) -> Vec<String> {
    let concrete = key
        .path
        .replace("<ecosystem>", "npm")
        .replace("<role>", "api")
        .replace("<purl>", "PURL")
        .replace("[].", ".0.");
    let concrete = match concrete.strip_prefix("registries.<name>.") {
        Some(rest) => format!("registries.npm.{rest}"),
        None => concrete.replace("<name>", "mine"),
    };
    concrete.split('.').map(|w| w.replace("PURL", "pkg:npm/x")).collect()
}

/// A document that holds only this key, with its example.
fn document(key: &Key) -> Value {
    let example = format!("x = {}", key.toml(key.example));
    let value: toml::Table = toml::from_str(&example).expect("an example is TOML");
    let mut value = serde_json::to_value(&value["x"]).expect("TOML fits into JSON");
    for word in words(key).iter().rev() {
        value = if word == "0" { json!([value]) } else { json!({ word.as_str(): value }) };
    }
    value
}

#[test]
fn every_key_of_the_table_is_known_to_the_reader_and_its_example_is_of_its_form() {
    for key in keys() {
        let text = document(key).to_string();
        if let Err(error) = read(&text, Format::Json, &[]) {
            let message = error.to_string();
            // Some keys make sense only beside others; they must be read all the same.
            for word in ["unknown key", "found ", "expected a", "invalid"] {
                let meant = message.contains("needs ") || message.contains("is not set");
                assert!(meant || !message.contains(word), "{}: {message}", key.path);
            }
        }
    }
}

#[test]
fn the_defaults_in_the_table_are_those_of_the_configuration() {
    let shown = serde_json::to_value(toml("").unwrap().config).unwrap();
    for key in keys().iter().filter(|key| !key.default.is_empty() && !key.path.contains('<')) {
        if key.path == "policy.listing" {
            continue;
        }
        let value = key.path.split('.').fold(&shown, |value, word| &value[word]);
        let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        assert_eq!(text, key.default, "{}", key.path);
    }
}

#[test]
fn every_plain_variable_reaches_its_key() {
    for key in keys().iter().filter(|key| !key.path.contains('<')) {
        let Some(name) = key.variable() else { continue };
        let value = if key.example.starts_with('[') { "10.0.0.0/8" } else { key.example };
        // What some keys need beside them.
        let beside = [
            ("WEIR_DATABASE__URL", "postgres://db.example/w"),
            ("WEIR_TLS__CERTIFICATE", "tls.crt"),
            ("WEIR_TLS__KEY", "tls.key"),
            ("WEIR_AUTH__TOKENS__CI__TOKEN", "0123456789abcdef0123456789abcdef"),
        ];
        let beside = beside.into_iter().filter(|(other, _)| *other != name);
        let variables: Vec<_> = beside.chain([(name.as_str(), value)]).collect();
        if let Err(error) = read("", Format::Toml, &variables) {
            panic!("{name}: {error}");
        }
    }
}

#[test]
fn the_reference_names_every_key_once() {
    let page = reference_markdown();
    for key in keys() {
        assert_eq!(page.matches(&format!("| `{}` |", key.path)).count(), 1, "{}", key.path);
    }
    let row = page.lines().find(|line| line.contains("| `offline` |")).unwrap();
    insta::assert_snapshot!(row, @"| `offline` | true or false, such as `true` | `false` | `WEIR_OFFLINE`<br>`--offline` | Opens no connection to any upstream: what is not cached is refused. |");
}

#[test]
fn the_schema_holds_tables_short_forms_and_lists() {
    let schema = schema();
    let property = |path: &str| schema.pointer(path).unwrap().to_string();
    assert_eq!(property("/properties/offline/type"), "\"boolean\"");
    assert!(property("/properties/upstream/propertyNames/enum").contains("\"golang\""));
    assert!(property("/properties/upstream/additionalProperties/anyOf/1").contains("credentials"));
    assert!(property("/properties/policy/properties/rules/items").contains("until"));
    assert_eq!(property("/additionalProperties"), "false");
    assert!(refusal("zzzz = 1").contains("unknown key"));
}
