//! The vocabulary of Weir: what a request asks for, what a listing says, what policy decided,
//! and the seam ([`Ecosystem`]) between a package ecosystem and the pipeline.
//!
//! This crate does no I/O, reads no clock and no environment. A plugin describes; the pipeline
//! acts. Everything here is plain data, so that a plugin can be tested on bytes alone.
//!
//! ```
//! use weir_core::{Digest, Purl, Request};
//!
//! let request = Request::get("@scope%2fname?write=true")?;
//! assert_eq!(request.path(), ["@scope/name"]);
//! assert!(Request::get("a/%2e%2e/b").is_err(), "a path is decoded once and checked");
//! assert_eq!(Purl::new("npm", "@scope/name", Some("1.0.0")).as_str(), "pkg:npm/%40scope/name@1.0.0");
//! let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
//! assert_eq!(Digest::of(weir_core::Algorithm::Sha256, b""), empty.parse()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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

pub use descriptor::{Content, Descriptor, Join, Merge, OriginSpec, Scheme, Setup};
pub use digest::{Algorithm, Digest, Hasher};
pub use doc::{Doc, Link, LinkSyntax};
pub use edits::{Edit, Edits};
pub use error::{DigestError, FormatError, PurlError, Unroutable};
pub use identity::{Coordinates, Name, Purl, Version};
pub use job::{Cx, Docs, FactSet, Found, Job, Listed, Selection};
pub use need::{Coding, Fetch, Known, Need, Place, Signed, Via};
pub use release::Release;
pub use reply::{Head, Reply};
pub use request::{Method, Request, Segments};
pub use seam::{Ecosystem, Located};
pub use target::{Owner, Role, Scope, SidecarKind, Target, View};
pub use timestamp::{Clock, SystemClock, Timestamp};
pub use verdict::{Code, Denial};
