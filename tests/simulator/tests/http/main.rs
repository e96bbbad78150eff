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
mod embeddings;
mod fal;
mod faults;
mod gemini;
mod google;
mod hooks;
mod media;
mod openai_chat;
mod openai_hosts;
mod openai_images;
mod openai_responses;
mod pexels;
mod pixabay;
mod replicate;
mod results;
mod shotstack;
mod speech;
mod transcriptions;
mod voices;
