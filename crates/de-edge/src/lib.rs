//! The ports of `de-core` over the Workers runtime.
//!
//! The only crate that wraps for `Send`: Workers have one thread, axum asks for `Send` all the same.
//! Everything is looked up in the environment when it is used, and nothing of a request outlives it.

mod answers;
mod background;
mod blobs;
mod blocks;
mod body;
mod brake;
mod cache;
mod claims;
pub mod clock;
mod departure;
mod entropy;
#[cfg(feature = "faults")]
pub mod faults;
mod fetch;
mod jobs;
mod limiter;
pub mod log;
mod objects;
mod peers;
mod relay;
mod settings;
mod streams;
mod written;

pub mod bindings;
pub mod database;
pub mod serve;
