//! Takes documents of the web API apart.

use std::borrow::Cow;

use weir_core::{Algorithm, Digest, FormatError, Release, Scheme, Scope, Timestamp, View};
use weir_format::json::{Array, Kind, Object, Value};

use crate::{paths, views};

/// The fields of a summary that name a version.
const NAMING: [&str; 4] =
    ["max_version", "newest_version", "max_stable_version", "default_version"];

/// A document, taken apart. Releases are numbered in the order of rows, then summaries.
pub(super) struct Sheet<'a> {
    pub(super) rows: Vec<Row<'a>>,
    /// The array that the rows are elements of; `None` for a single row.
    pub(super) row_list: Option<Array<'a>>,
    pub(super) summaries: Vec<Summary<'a>>,
    /// The array that the summaries are elements of; `None` for a single one.
    pub(super) summary_list: Option<Array<'a>>,
}

/// What describes one version.
pub(super) struct Row<'a> {
    pub(super) value: Value<'a>,
    pub(super) facts: Result<Facts<'a>, &'static str>,
}

pub(super) struct Facts<'a> {
    pub(super) object: Object<'a>,
    pub(super) name: String,
    pub(super) version: Cow<'a, str>,
    pub(super) yanked: Option<Cow<'a, str>>,
}

/// What describes a crate.
pub(super) struct Summary<'a> {
    pub(super) object: Option<Object<'a>>,
    /// The canonical name and the naming fields, or why the summary cannot be judged.
    pub(super) facts: Result<(String, Vec<Naming<'a>>), &'static str>,
    /// The number of its first release.
    pub(super) first: usize,
    /// The versions that only this summary names, in the order of their numbers.
    pub(super) own: Vec<Cow<'a, str>>,
}

/// A field that names a version.
pub(super) struct Naming<'a> {
    pub(super) field: &'static str,
    pub(super) value: Value<'a>,
    pub(super) version: Cow<'a, str>,
}

impl<'a> Sheet<'a> {
    pub(super) fn parse(body: &'a [u8], scope: &Scope, view: &View) -> Result<Self, FormatError> {
        let root = Object::parse(body)?;
        let empty =
            Self { rows: Vec::new(), row_list: None, summaries: Vec::new(), summary_list: None };
        let Some(name) = scope.package() else { return empty.with_results(&root) };
        match view.name {
            views::VERSION => Ok(empty.with_row(&root, name.as_str(), &view.arg)),
            views::VERSIONS => empty.with_rows(&root, name.as_str(), true),
            _ => empty.with_rows(&root, name.as_str(), false)?.with_summary(&root, name.as_str()),
        }
    }

    fn with_row(mut self, root: &Object<'a>, name: &str, version: &str) -> Self {
        if let Some(value) = root.get("version").filter(|value| !value.is_null()) {
            let facts = facts(value, name).and_then(|facts| {
                let same = facts.version == version;
                same.then_some(facts).ok_or("the document is of another version")
            });
            self.rows.push(Row { value, facts });
        }
        self
    }

    fn with_rows(
        mut self,
        root: &Object<'a>,
        name: &str,
        required: bool,
    ) -> Result<Self, FormatError> {
        let Some(value) = root.get("versions").filter(|value| !value.is_null()) else {
            let missing = || FormatError::new("the document has no versions");
            return if required { Err(missing()) } else { Ok(self) };
        };
        let list = value.array()?;
        let row = |value: &Value<'a>| Row { value: *value, facts: facts(*value, name) };
        self.rows = list.elements().iter().map(row).collect();
        self.row_list = Some(list);
        Ok(self)
    }

    fn with_summary(mut self, root: &Object<'a>, name: &str) -> Result<Self, FormatError> {
        let object = root
            .get("crate")
            .ok_or_else(|| FormatError::new("the document has no crate"))?
            .object()?;
        let (spelled, fields) = summary(&object).map_err(FormatError::new)?;
        if spelled != name {
            return Err(FormatError::at(object.span().start, "the document is of another crate"));
        }
        // Where rows describe the versions, a field that names another one is no release.
        let own = if self.row_list.is_some() { Vec::new() } else { distinct(&fields) };
        let first = self.rows.len();
        let facts = Ok((spelled, fields));
        self.summaries.push(Summary { object: Some(object), facts, first, own });
        Ok(self)
    }

    fn with_results(mut self, root: &Object<'a>) -> Result<Self, FormatError> {
        let list = root
            .get("crates")
            .ok_or_else(|| FormatError::new("the document has no crates"))?
            .array()?;
        let mut first = 0;
        for value in list.elements() {
            let object = value.object().ok();
            let facts = object.as_ref().ok_or("the entry is not an object with unique keys");
            let facts = facts.and_then(summary);
            let own = facts.as_ref().map(|(_, fields)| distinct(fields)).unwrap_or_default();
            let next = first + if facts.is_ok() { own.len() } else { 1 };
            self.summaries.push(Summary { object, facts, first, own });
            first = next;
        }
        self.summary_list = Some(list);
        Ok(self)
    }

    /// Lists the releases in the order of their numbers.
    pub(super) fn releases(&self, each: &mut dyn FnMut(Release<'_>)) {
        for row in &self.rows {
            match &row.facts {
                Ok(facts) => each(facts.release()),
                Err(why) => each(Release { unreadable: Some(why), ..Release::default() }),
            }
        }
        for summary in &self.summaries {
            match &summary.facts {
                Ok((name, _)) => summary.own.iter().for_each(|version| each(bare(name, version))),
                Err(why) => each(Release { unreadable: Some(why), ..Release::default() }),
            }
        }
    }
}

impl Facts<'_> {
    fn release(&self) -> Release<'_> {
        let text = |key| self.object.text(key).filter(|text| !text.is_empty());
        let publisher = self
            .object
            .get("published_by")
            .and_then(|value| value.loose_object().ok()?.text("login").map(Cow::into_owned));
        Release {
            available: text("created_at").and_then(|text| Timestamp::parse_rfc3339(&text)),
            digest: text("checksum").and_then(|t| Digest::from_hex(Algorithm::Sha256, &t).ok()),
            size: self.object.get("crate_size").and_then(|value| value.u64()),
            yanked: self.yanked.clone(),
            licence: text("license"),
            publisher: publisher.map(Cow::Owned),
            ..bare(&self.name, &self.version)
        }
    }
}

fn bare<'a>(name: &'a str, version: &'a str) -> Release<'a> {
    Release {
        name: Cow::Borrowed(name),
        version: Cow::Borrowed(version),
        file: Some(Cow::Owned(paths::file_name(name, version))),
        ..Release::default()
    }
}

fn facts<'a>(value: Value<'a>, name: &str) -> Result<Facts<'a>, &'static str> {
    let object = value.object().map_err(|_| "the entry is not an object with unique keys")?;
    if object.text("crate").is_some_and(|spelled| !spelled.eq_ignore_ascii_case(name)) {
        return Err("the entry is of another crate");
    }
    let version = object
        .text("num")
        .filter(|text| weir_version::is_valid(Scheme::Semver, text))
        .ok_or("the entry has no semantic version")?;
    let yanked = match object.get("yanked") {
        None => false,
        Some(value) if value.is_null() => false,
        Some(value) => value.bool().ok_or("\"yanked\" is not true or false")?,
    };
    let message = || object.text("yank_message").unwrap_or_default();
    let yanked = yanked.then(message);
    Ok(Facts { name: name.to_owned(), version, yanked, object })
}

fn summary<'a>(object: &Object<'a>) -> Result<(String, Vec<Naming<'a>>), &'static str> {
    let name = object
        .text("name")
        .or_else(|| object.text("id"))
        .and_then(|spelled| paths::canonical(&spelled))
        .ok_or("the entry has no crate name")?;
    let mut fields = Vec::new();
    for field in NAMING {
        let Some(value) = object.get(field).filter(|value| value.kind() != Kind::Null) else {
            continue;
        };
        let version = value
            .text()
            .filter(|text| weir_version::is_valid(Scheme::Semver, text))
            .ok_or("the entry names something else than a semantic version")?;
        fields.push(Naming { field, value, version });
    }
    Ok((name, fields))
}

fn distinct<'a>(fields: &[Naming<'a>]) -> Vec<Cow<'a, str>> {
    let mut versions: Vec<Cow<'a, str>> = Vec::new();
    for field in fields {
        if !versions.contains(&field.version) {
            versions.push(field.version.clone());
        }
    }
    versions
}
