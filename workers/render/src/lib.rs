//! The render worker: designed, not built. It answers `/health` and `/ready`, and 501 to the rest.

#[cfg(target_family = "wasm")]
mod entry;
#[cfg(target_family = "wasm")]
mod job_object;

use axum::Router;
use de_core::{http, ports::Platform};

/// Everything that the worker answers.
pub fn router(platform: Platform) -> Router {
    http::unbuilt("render", platform)
}
