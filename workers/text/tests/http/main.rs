//! The text worker over doubles: what it does when a port fails, hangs, or loses an answer.
//!
//! Time is tokio's, and paused: what takes seconds here takes none.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "tests: what does not hold ends them, and their modules have one reader"
)]

mod doubles;
mod failures;
mod flights;
mod gateway;
mod keys;
mod limiter;
mod refusals;
mod streams;
