//! What the gateway promises over HTTP, tried from outside: one suite, two back ends.
//!
//! Alone, the suite runs the config and text workers in process, on loopback, over doubles of the ports and
//! a simulator of the vendors. With `BASE_URL` and `STACK_JSON` (the file of `cargo xtask dev`) the same tests
//! run against the real stack: wasm in workerd, D1, KV, Durable Objects.
//!
//! Tests depend on no order and share nothing: whoever needs limits or deadlines makes a model of its own,
//! and finds its own rows in the books by its own request id.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of it is test code: what does not hold ends the test"
)]

pub mod answer;
pub mod books;
pub mod call;
pub mod canary;
pub mod claims;
pub mod control;
pub mod document;
pub mod faults;
pub mod hooks;
pub mod leave;
pub mod liar;
pub mod life;
pub mod local;
pub mod models;
pub mod spender;
pub mod stack;
pub mod story;
pub mod traffic;
pub mod vendors;
pub mod wait;
pub mod wire;
pub mod workers;
pub mod world;
