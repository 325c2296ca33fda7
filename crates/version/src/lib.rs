//! weir-version
