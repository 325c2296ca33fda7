//! Parts of the README that a task writes: what stands between `<!-- name -->` and `<!-- /name -->`.

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// The file that holds them.
const FILE: &str = "README.md";

/// What stands in a part now.
pub(crate) fn current(workspace: &Workspace, name: &str) -> Result<String> {
    let readme = std::fs::read_to_string(workspace.root.join(FILE))?;
    Ok(split(&readme, name)?.1.to_owned())
}

/// Writes another text into a part.
pub(crate) fn replace(workspace: &Workspace, name: &str, text: &str) -> Result<()> {
    let file = workspace.root.join(FILE);
    let readme = std::fs::read_to_string(&file)?;
    let (before, _, after) = split(&readme, name)?;
    std::fs::write(&file, [before, text, after].concat())?;
    println!("{}: written", file.display());
    Ok(())
}

/// Before the part, the part, and behind it; the markers belong to the outer two.
fn split<'r>(readme: &'r str, name: &str) -> Result<(&'r str, &'r str, &'r str)> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->\n"));
    let at = readme.find(&begin).with_context(|| format!("{FILE} has no {begin}"))?;
    let (before, rest) = readme.split_at(at + begin.len());
    let at = rest.find(&end).with_context(|| format!("{FILE} has no {end}"))?;
    let (part, after) = rest.split_at(at);
    Ok((before, part, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_what_stands_between_its_markers() {
        let readme = "# Weir\n<!-- table -->\nold\n<!-- /table -->\nrest\n";
        let (before, old, after) = split(readme, "table").unwrap();
        assert_eq!((old, after), ("old\n", "<!-- /table -->\nrest\n"));
        assert!(before.ends_with("<!-- table -->\n"));
        assert!(split(readme, "bench").is_err());
        assert!(split("# Weir\n", "table").is_err());
    }
}
