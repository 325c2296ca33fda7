//! Documents of the web API that list versions.
//!
//! A *row* describes one version (elements of `versions`, the object `version`). A *summary* describes a
//! crate and names versions in passing (`max_version`, …): where one of these is withheld, the field
//! is repointed to the newest that stays.

mod edit;
mod parse;

use weir_core::{Edits, FormatError, Release, Scope, View};
use weir_format::Splice;

use self::parse::Sheet;

/// Lists the releases of a document: rows, then what only summaries name.
pub(crate) fn read(
    body: &[u8],
    scope: &Scope,
    view: &View,
    each: &mut dyn FnMut(Release<'_>),
) -> Result<(), FormatError> {
    Sheet::parse(body, scope, view)?.releases(each);
    Ok(())
}

/// The document with the edits applied.
pub(crate) fn write<'a>(
    body: &'a [u8],
    scope: &Scope,
    view: &View,
    edits: &Edits,
) -> Result<Splice<'a>, FormatError> {
    Ok(edit::apply(&Sheet::parse(body, scope, view)?, body, edits))
}
