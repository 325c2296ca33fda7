//! Both ends of the storage, and the spools that feed them.

mod conformance;
mod files;
mod s3;
mod spools;
