//! Parts of documents that a task writes: what stands between `<!-- name -->` and `<!-- /name -->`.

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// A part of a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section {
    /// The document's path in the workspace.
    pub(crate) file: &'static str,
    pub(crate) name: &'static str,
}

/// A part of the README.
pub(crate) const fn of_readme(name: &'static str) -> Section {
    Section { file: "README.md", name }
}

/// What stands in a part now.
pub(crate) fn current(workspace: &Workspace, section: Section) -> Result<String> {
    let document = std::fs::read_to_string(workspace.root.join(section.file))?;
    Ok(split(&document, section)?.1.to_owned())
}

/// Writes another text into a part.
pub(crate) fn replace(workspace: &Workspace, section: Section, text: &str) -> Result<()> {
    let file = workspace.root.join(section.file);
    let document = std::fs::read_to_string(&file)?;
    let (before, _, after) = split(&document, section)?;
    std::fs::write(&file, [before, text, after].concat())?;
    println!("{}: written", file.display());
    Ok(())
}

/// Before the part, the part, and behind it; the markers belong to the outer two.
fn split(document: &str, Section { file, name }: Section) -> Result<(&str, &str, &str)> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->\n"));
    let at = document.find(&begin).with_context(|| format!("{file} has no {begin}"))?;
    let (before, rest) = document.split_at(at + begin.len());
    let at = rest.find(&end).with_context(|| format!("{file} has no {end}"))?;
    let (part, after) = rest.split_at(at);
    Ok((before, part, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_what_stands_between_its_markers() {
        let readme = "# Weir\n<!-- table -->\nold\n<!-- /table -->\nrest\n";
        let (before, old, after) = split(readme, of_readme("table")).unwrap();
        assert_eq!((old, after), ("old\n", "<!-- /table -->\nrest\n"));
        assert!(before.ends_with("<!-- table -->\n"));
        assert!(split(readme, of_readme("bench")).is_err());
        assert!(split("# Weir\n", of_readme("table")).is_err());
    }
}
