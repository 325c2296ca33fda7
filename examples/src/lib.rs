//! weir-examples
