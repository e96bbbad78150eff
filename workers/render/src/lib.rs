//! What takes longer than a request, and what stays of it.
//!
//! | route | who |
//! | --- | --- |
//! | `POST /render`, `DELETE /render/{id}` | a key or session with the scope `render` |
//! | `GET /render/{id}` | a key or session, any scope |
//! | `POST /render/callbacks/{token}` | whoever knows the path, which is a vendor |
//! | `GET /v1/jobs`, `GET /v1/jobs/{id}`, `GET /v1/jobs/{id}/events` | a key or session, any scope |
//! | `DELETE /v1/jobs/{id}` | a key or session with the scope that the job was ordered with |
//! | `GET /assets/{id}` | whoever has the signed link; else a key or session of the same tenant, any scope |
//! | `GET /v1/assets`, `GET /v1/assets/{id}` | a key or session, any scope |
//! | `DELETE /v1/assets/{id}` | a key or session with a scope that makes media |

mod asset_bytes;
mod assets;
mod callbacks;
#[cfg(target_family = "wasm")]
mod entry;
mod job_events;
#[cfg(target_family = "wasm")]
mod job_object;
mod jobs;
pub mod kept_sql;
#[cfg(not(target_family = "wasm"))]
pub mod openapi;
mod order;
mod renders;

use axum::{
    Router,
    routing::{get, post},
};
use de_core::{http, ports::Platform};

/// The worker, as the others and the log call it.
pub(crate) const NAME: &str = "render";

/// Everything that the worker answers.
pub fn router(platform: Platform) -> Router {
    http::service(NAME, platform, |routes| {
        routes
            .route("/assets/{id}", get(asset_bytes::read))
            .route("/v1/assets", get(assets::list))
            .route("/v1/assets/{id}", get(assets::read).delete(assets::delete))
            .route("/render", post(order::create))
            .route("/render/{id}", get(renders::read).delete(renders::cancel))
            .route("/render/callbacks/{token}", post(callbacks::hear))
            .route("/v1/jobs", get(jobs::list))
            .route("/v1/jobs/{id}", get(jobs::read).delete(jobs::cancel))
            .route("/v1/jobs/{id}/events", get(job_events::events))
    })
}
