//! Formats that several plugins read and edit, always by byte spans: what is not understood
//! survives byte for byte.

pub mod html;
pub mod json;
mod splice;

pub use splice::Splice;
