//! The Limiter objects: who may call how much, and the receipts on their way to D1.
//!
//! | route | who |
//! | --- | --- |
//! | `GET /health`, `GET /ready` | all |
//!
//! All else happens in objects that only the other workers reach: one an instance, named by its id, and
//! one above it for an organization that has limits of its own. What they decide is in
//! `de_core::limits` and `de_core::outbox`, what they read and write in D1 in `de_core::store`; here is what
//! keeps it, and the SQL of the object's own storage, which the host tests.

use axum::Router;
use de_core::{http, ports::Platform};

pub mod kept_sql;

#[cfg(target_family = "wasm")]
mod entry;
#[cfg(target_family = "wasm")]
mod limiter_object;

/// Health and readiness, nothing else.
pub fn router(platform: Platform) -> Router {
    http::service("rate-limiter", platform, |routes| routes)
}
