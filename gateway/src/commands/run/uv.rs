//! What `pyproject.toml` says of indexes: uv reads them there, and `uv add` writes the one that it
//! is told is the default.

use toml::{Table, Value};

/// The file.
pub(crate) const MANIFEST: &str = "pyproject.toml";

/// The indexes that a project's `pyproject.toml` (or `uv.toml`) names beside the default one. uv
/// asks them whatever it is told is the default, and compares them with those in its lock file.
pub(crate) fn kept(project: &str, is_uv_toml: bool) -> Vec<String> {
    let Some(settings) = settings(project, is_uv_toml) else { return Vec::new() };
    let named = list(&settings, "index").filter(|index| !is_default(index));
    let named = named.filter_map(|index| index.get("url"));
    let all = named.chain(list(&settings, "extra-index-url"));
    all.filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

/// The default index that a project's `pyproject.toml` sets.
pub(crate) fn default_index(project: &str) -> Option<String> {
    let settings = settings(project, false)?;
    let index = list(&settings, "index").find(|index| is_default(index))?;
    Some(index.get("url")?.as_str()?.to_owned())
}

/// A `pyproject.toml` without an index that uv has added to it; `None` when it is not there as uv
/// writes it.
pub(crate) fn without_index(project: &str, url: &str) -> Option<String> {
    let added = format!("[[tool.uv.index]]\nurl = \"{url}\"\ndefault = true\n");
    let (before, after) = project.split_once(&added)?;
    // With an empty line before it.
    let before = before.strip_suffix("\n\n").map_or(before, |_| &before[..before.len() - 1]);
    Some(format!("{before}{after}"))
}

fn settings(project: &str, is_uv_toml: bool) -> Option<Value> {
    let table = Value::Table(project.parse::<Table>().ok()?);
    if is_uv_toml { Some(table) } else { table.get("tool")?.get("uv").cloned() }
}

fn list<'a>(settings: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    settings.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn is_default(index: &Value) -> bool {
    index.get("default").and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: &str = "[project]\nname = \"p\"\n";
    const INDEX: &str = "[[tool.uv.index]]\nurl = \"https://registry.example/simple/\"\n";

    #[test]
    fn an_index_is_the_default_or_stands_beside_it() {
        let beside = format!("{PROJECT}\n{INDEX}");
        let default = format!("{beside}default = true\n");
        let url = "https://registry.example/simple/";
        assert_eq!((kept(&beside, false), default_index(&beside)), (vec![url.to_owned()], None));
        assert_eq!((kept(&default, false), default_index(&default)), (vec![], Some(url.into())));
        assert_eq!(kept("extra-index-url = [\"https://a.example\"]", true), ["https://a.example"]);
        assert!(kept("no toml", false).is_empty());
    }

    #[test]
    fn what_uv_added_is_taken_out_and_nothing_else() {
        let url = "http://127.0.0.1:40123/pypi/simple/";
        let added = format!("\n[[tool.uv.index]]\nurl = \"{url}\"\ndefault = true\n");
        for rest in ["", "\n[tool.z]\nb = 1\n", "# end\n"] {
            let text = format!("{PROJECT}{added}{rest}");
            assert_eq!(without_index(&text, url).unwrap(), format!("{PROJECT}{rest}"));
        }
        assert_eq!(without_index(&format!("{PROJECT}\n{INDEX}default = true\n"), url), None);
    }
}
