//! Everything that is deployed, once: the workers and the pages.
//!
//! What builds, serves, forwards to, lists, sizes and describes them reads it here. What each is bound to stands in
//! `wrangler/<name>.jsonc`; `crates/de-edge/tests/bindings.rs` holds the two together.
//! `cargo xtask new-worker` writes a row, and all that belongs to it.

mod pages;
mod workers;

pub use pages::{PAGES, Page};
pub use workers::{Reach, WORKERS, Worker, binding, order_of_deployment, worker};

#[cfg(test)]
mod tests;
