//! A version that is read once and looked up in many ranges.

use weir_core::Scheme;

use crate::parsed::Parsed;

/// A text, read as a version of a scheme.
///
/// ```
/// use weir_core::Scheme;
/// use weir_version::{Range, Reading};
///
/// let old = Range::parse(Scheme::Npm, "<2")?;
/// let version = Reading::new(Scheme::Npm, "1.9.0");
/// assert!(version.is_valid() && old.holds(&version));
/// # Ok::<(), weir_version::RangeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reading<'a> {
    pub(crate) text: &'a str,
    pub(crate) scheme: Scheme,
    pub(crate) parsed: Option<Parsed<'a>>,
}

impl<'a> Reading<'a> {
    /// Reads a text, which may be no version at all.
    pub fn new(scheme: Scheme, text: &'a str) -> Self {
        Self { text, scheme, parsed: Parsed::read(scheme, text) }
    }

    /// Whether it is a version of the scheme.
    pub fn is_valid(&self) -> bool {
        self.parsed.is_some()
    }
}
