//! What is generated from the table of keys: the reference page and the JSON Schema.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::EcosystemId;
use crate::key::{Key, Kind, keys, segments};

const HEAD: &str = "# Configuration

<!-- Generated from the table of keys in crates/config. Do not edit. -->

A file in TOML, YAML or JSON with the same keys. It is the file of `--config`, else of `WEIR_CONFIG`, else
`weir.toml` (`.yaml`, `.yml`, `.json`) in the working folder, else the same in the folder `weir` of the user's settings folder.
Later layers win: defaults, file, environment, flags. Unknown keys are errors.

- A **duration** is `3d`, `12h`, `500ms` or `0`; a **size** is `10 GiB`, `64 MB` or a number of bytes.
- A **secret** is a text, or `{ env = \"NAME\" }`, or `{ file = \"/path\" }`; it is never printed.
- In variables, `__` stands for the dot, lists are written with commas, and names (`<…>`) are read in lower case.
- `<ecosystem>` is one of: ";

/// `docs/configuration.md`.
pub fn reference_markdown() -> String {
    let mut page = HEAD.to_owned();
    let ids = EcosystemId::all().map(|e| match e.aliases() {
        [] => e.to_string(),
        aliases => format!("{e} ({})", aliases.join(", ")),
    });
    page.push_str(&ids.collect::<Vec<_>>().join(", "));
    page.push_str(".\n");
    let mut section = None;
    for key in keys() {
        let own = key.path.split_once('.').map_or("", |(first, _)| first);
        if section != Some(own) {
            section = Some(own);
            let title = if own.is_empty() { "The gateway" } else { own };
            let _ = write!(page, "\n## {title}\n\n{COLUMNS}");
        }
        row(&mut page, key);
    }
    page
}

const COLUMNS: &str =
    "| key | value | default | variable, flag | meaning |\n|---|---|---|---|---|\n";

fn row(page: &mut String, key: &Key) {
    let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
    let names = [key.variable(), key.also.map(ToOwned::to_owned), key.flag.map(ToOwned::to_owned)];
    let names: Vec<String> = names.into_iter().flatten().map(|name| code(&name)).collect();
    let example = code(&key.toml(key.example));
    let _ = writeln!(
        page,
        "| `{}` | {}, such as {example} | {} | {} | {} |",
        key.path,
        key.kind.title(),
        code(key.default),
        names.join("<br>"),
        key.doc
    );
}

/// A JSON Schema (draft 2020-12) of the configuration file.
pub fn schema() -> Value {
    let mut root = Node::default();
    for key in keys() {
        root.insert(&segments(&key.path), key);
    }
    let mut schema = root.schema();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Weir configuration");
    schema
}

/// A table or value while the schema is built.
#[derive(Default)]
struct Node<'a> {
    key: Option<&'a Key>,
    children: Vec<(&'a str, Node<'a>)>,
}

impl<'a> Node<'a> {
    fn insert(&mut self, path: &[&'a str], key: &'a Key) {
        let Some((first, rest)) = path.split_first() else {
            self.key = Some(key);
            return;
        };
        let found = self.children.iter().position(|(word, _)| word == first);
        let index = found.unwrap_or_else(|| {
            self.children.push((first, Node::default()));
            self.children.len() - 1
        });
        self.children[index].1.insert(rest, key);
    }

    /// A value, a table, or either where a table has a short form.
    fn schema(&self) -> Value {
        match (self.key, self.children.is_empty()) {
            (Some(key), true) => value_schema(key),
            (Some(key), false) => {
                json!({ "description": key.doc, "anyOf": [value_schema(key), self.table()] })
            }
            (None, _) => self.table(),
        }
    }

    fn table(&self) -> Value {
        let mut properties = Map::new();
        let mut table = json!({ "type": "object", "additionalProperties": false });
        for (word, node) in &self.children {
            match *word {
                "[]" => {
                    // Entries may have a short form too: a member is a name or a table.
                    let entry = json!({ "anyOf": [{ "type": "string" }, node.schema()] });
                    return json!({ "type": "array", "items": entry });
                }
                "<ecosystem>" => {
                    table["propertyNames"] = json!({ "enum": ecosystem_words() });
                    table["additionalProperties"] = node.schema();
                }
                word if word.starts_with('<') => table["additionalProperties"] = node.schema(),
                word => {
                    properties.insert(word.to_owned(), node.schema());
                }
            }
        }
        if !properties.is_empty() {
            table["properties"] = Value::Object(properties);
        }
        table
    }
}

fn ecosystem_words() -> Vec<&'static str> {
    EcosystemId::all()
        .flat_map(|e| std::iter::once(e.id()).chain(e.aliases().iter().copied()))
        .collect()
}

fn value_schema(key: &Key) -> Value {
    let mut schema = match key.kind {
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Count => json!({ "type": "integer", "minimum": 0 }),
        Kind::Size | Kind::Duration => json!({ "type": ["string", "integer"] }),
        Kind::OneOf(words) => json!({ "enum": words }),
        Kind::Ecosystem => json!({ "enum": ecosystem_words() }),
        Kind::List => json!({ "type": "array" }),
        Kind::Url => json!({ "type": "string", "format": "uri" }),
        Kind::Secret => json!({ "anyOf": [{ "type": "string" }, secret_table()] }),
        Kind::Text | Kind::Path | Kind::Instant => json!({ "type": "string" }),
    };
    schema["description"] = json!(key.doc);
    schema
}

fn secret_table() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
        "properties": { "env": { "type": "string" }, "file": { "type": "string" } },
    })
}
