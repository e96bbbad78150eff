//! The simulator over HTTP: refusals, replies, streams and faults, as a client sees them.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, which the lint takes for other code"
)]

mod anthropic_messages;
mod binary;
mod client;
mod control;
mod faults;
mod hooks;
mod media;
mod openai_chat;
mod openai_hosts;
mod replicate;
