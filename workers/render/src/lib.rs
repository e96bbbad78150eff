//! What takes longer than a request, and what stays of it.
//!
//! | route | who |
//! | --- | --- |
//! | `GET /assets/{id}` | whoever has the signed link; else a key or session of the same tenant, any scope |
//! | `GET /v1/assets`, `GET /v1/assets/{id}` | a key or session, any scope |
//! | `DELETE /v1/assets/{id}` | a key or session with a scope that makes media |
//!
//! Renders, jobs and their callbacks are designed and not built: 501.

mod asset_bytes;
mod assets;
#[cfg(target_family = "wasm")]
mod entry;
#[cfg(target_family = "wasm")]
mod job_object;
#[cfg(not(target_family = "wasm"))]
pub mod openapi;

use axum::{
    Router,
    http::Uri,
    routing::{any, get},
};
use de_core::{
    http::{
        self,
        error::{ApiError, Code},
    },
    ports::Platform,
};

/// Everything that the worker answers.
pub fn router(platform: Platform) -> Router {
    http::service("render", platform, |routes| {
        routes
            .route("/assets/{id}", get(asset_bytes::read))
            .route("/v1/assets", get(assets::list))
            .route("/v1/assets/{id}", get(assets::read).delete(assets::delete))
            .route("/render", any(not_built))
            .route("/render/{*rest}", any(not_built))
            .route("/v1/jobs", any(not_built))
            .route("/v1/jobs/{*rest}", any(not_built))
    })
}

async fn not_built(uri: Uri) -> ApiError {
    ApiError::new(Code::NotImplemented, format!("{} is not built yet", uri.path()))
}
