//! weir-format
