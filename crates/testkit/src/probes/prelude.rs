//! What every probe names: the seam's words, the document format and the common helpers.

pub(super) use weir_core::{
    Coordinates, Descriptor, Ecosystem, Edits, Fetch, FormatError, Head, Job, Located, Name, Need,
    Owner, Place, Release, Request, Scope, Target, Unroutable, View,
};

pub(super) use super::lines::{self, Line, Lines, Out};
pub(super) use super::{answers, argument, index, name, words};
