//! The Limiter objects: who may call how much, and the receipts on their way to D1. And the Claim objects:
//! what was bought under an `Idempotency-Key`.
//!
//! | route | who |
//! | --- | --- |
//! | `GET /health`, `GET /ready` | all |
//!
//! All else happens in objects that only the other workers reach: one an instance, named by its id, and
//! one above it for an organization that has limits of its own; and one a key that a caller gave a call. What
//! they decide is in `de_core::limits`, `de_core::outbox` and `de_core::idempotency`, what they read and write
//! in D1 in `de_core::store`; here is what keeps it, and the SQL of the objects' own storage, which the host
//! tests.

use axum::Router;
use de_core::{http, ports::Platform};

pub mod claim_sql;
pub mod kept_sql;

#[cfg(target_family = "wasm")]
mod claim_object;
#[cfg(target_family = "wasm")]
mod entry;
#[cfg(target_family = "wasm")]
mod limiter_object;

/// The worker, as the others and the log call it.
pub(crate) const NAME: &str = "rate-limiter";

/// Health and readiness, nothing else.
pub fn router(platform: Platform) -> Router {
    http::service(NAME, platform, |routes| routes)
}
