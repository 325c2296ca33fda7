//! weir-cargo
