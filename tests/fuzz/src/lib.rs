//! Whatever reads what strangers send, as one function of bytes each: it panics where what is promised does not hold.
//!
//! `cargo xtask fuzz` looks for inputs that make one panic; `tests/corpus.rs` reads again all that are kept in
//! `corpus/<target>/`, the regressions among them, on each run of the suites. A target says more than "it does not
//! panic": what is accepted has to have the properties for the sake of which it is read at all.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the run"
)]

mod targets;

pub use targets::{TARGETS, Target, named};
