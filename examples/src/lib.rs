//! Examples of Weir's crates inside other programs; see the folder `examples`.
