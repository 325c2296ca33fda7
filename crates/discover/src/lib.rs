//! weir-discover
