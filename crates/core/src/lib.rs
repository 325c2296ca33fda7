//! The vocabulary of Weir: what a request asks for, what a listing says, what policy decided,
//! and the seam ([`Ecosystem`]) between a package ecosystem and the pipeline.
//!
//! This crate does no I/O, reads no clock and no environment. A plugin describes; the pipeline
//! acts. Everything here is plain data, so that a plugin can be tested on bytes alone.

mod descriptor;
mod digest;
mod doc;
mod edits;
mod error;
mod identity;
mod job;
mod need;
mod release;
mod reply;
mod request;
mod seam;
mod target;
mod timestamp;
mod verdict;

pub use descriptor::{Descriptor, OriginSpec, Scheme, Setup};
pub use digest::{Algorithm, Digest, Hasher};
pub use doc::{Doc, Link, LinkSyntax};
pub use edits::{Edit, Edits};
pub use error::{DigestError, FormatError, PurlError, Unroutable};
pub use identity::{Coordinates, Name, Purl, Version};
pub use job::{Cx, Docs, FactSet, Found, Job, Listed};
pub use need::{Coding, Fetch, Known, Need, Place, Via};
pub use release::Release;
pub use reply::{Head, Reply};
pub use request::{Method, Request, Segments};
pub use seam::{Ecosystem, Located};
pub use target::{Owner, Role, Scope, SidecarKind, Target, View};
pub use timestamp::{Clock, SystemClock, Timestamp};
pub use verdict::{Code, Denial};
