//! weir-npm
