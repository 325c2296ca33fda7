//! House rules as code. Every rule lists all of its offenders.

mod docs;
mod files;
mod layers;
mod manifests;
mod purity;
mod source;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

/// One broken rule: where, and what is wrong.
pub(crate) type Offence = String;

/// Runs all rules.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let sources = source::load(workspace)?;
    let rules: [(&str, Vec<Offence>); 9] = [
        ("layers", layers::check(&workspace.packages)),
        ("purity of what plugins build on", purity::dependencies(workspace)?),
        ("no effects in plugins", purity::sources(&sources)),
        ("sizes", files::sizes(&sources)),
        ("files begin with what they are", files::heads(&sources)),
        ("words", files::words(workspace)?),
        ("manifests", manifests::members(workspace)?),
        ("dependencies", manifests::dependencies(workspace)?),
        ("paths in documents", docs::check(workspace)?),
    ];
    let mut count = 0;
    for (rule, offences) in rules {
        let said = if offences.is_empty() { "ok".to_owned() } else { offences.len().to_string() };
        println!("{rule}: {said}");
        for offence in &offences {
            println!("    {offence}");
        }
        count += offences.len();
    }
    if count > 0 {
        bail!("{count} offences against the house rules");
    }
    Ok(())
}
