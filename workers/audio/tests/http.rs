//! The audio worker over doubles: what it sends, what it answers, what stands in the books.
//!
//! Time is tokio's, and paused: what takes seconds here takes none.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "tests: what does not hold ends them, and their modules have one reader"
)]

#[path = "http/gateway.rs"]
mod gateway;
#[path = "http/once.rs"]
mod once;
#[path = "http/speech.rs"]
mod speech;
#[path = "http/synthesize.rs"]
mod synthesize;
#[path = "http/transcriptions.rs"]
mod transcriptions;
#[path = "http/voices.rs"]
mod voices;
