//! Formats that several plugins read and edit, always by byte spans: what is not understood
//! survives byte for byte.
//!
//! ```
//! use weir_format::Splice;
//! use weir_format::json::Object;
//!
//! let source = br#"{ "1.0": {"size":  1}, "1.1": {"size": 2} }"#;
//! let versions = Object::parse(source)?;
//! let mut splice = Splice::new(source);
//! versions.retain(&mut splice, |_, member| member.key != "1.1");
//! let mut written = Vec::new();
//! splice.write(&mut written)?;
//! assert_eq!(written, br#"{ "1.0": {"size":  1} }"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod html;
pub mod json;
mod splice;
pub mod stanza;
pub mod xml;

pub use splice::Splice;
