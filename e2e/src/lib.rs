//! Real package clients against the real binary; everything is in `tests/e2e`.
//!
//! Clients come from the list that the variable `WEIR_TEST_CLIENTS` names, which
//! `cargo xtask clients` writes; the gateway from `WEIR_TEST_BINARY`, or it is built.
