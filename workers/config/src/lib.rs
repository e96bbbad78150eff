//! The control plane, and the front door of every modality.
//!
//! | route | permission |
//! | --- | --- |
//! | `GET /v1/model-configs`, `GET /v1/model-configs/{id}` | a key with the scope `read` or `admin` |
//! | `POST /v1/model-configs` | a key with the scope `admin` |
//! | `/v1/*` of a modality, `/text/*`, `/image/*`, … | that of the worker behind |
//!
//! The other resources of the control plane are designed and not built: they answer 501.

#[cfg(target_family = "wasm")]
mod entry;
mod epochs;
mod front_door;
mod model_configs;

use axum::{Router, routing::get};
use de_core::{
    http::{
        self,
        error::{ApiError, Code},
    },
    ports::Platform,
};

/// Resources that have a place and no code yet.
const UNBUILT: [&str; 19] = [
    "api-keys",
    "audit-events",
    "bootstrap",
    "budgets",
    "instances",
    "limits",
    "metrics",
    "openapi.json",
    "organizations",
    "projects",
    "provider-keys",
    "providers",
    "receipts",
    "requests",
    "services",
    "sessions",
    "usage",
    "users",
    "webhooks",
];

/// Everything that the worker answers.
pub fn router(platform: Platform) -> Router {
    http::service("config", platform, |routes| {
        let mut routes = routes
            .route("/v1/model-configs", get(model_configs::list).post(model_configs::create))
            .route("/v1/model-configs/{*id}", get(model_configs::read));
        for resource in UNBUILT {
            let answer = move || async move { not_built(resource) };
            routes = routes
                .route(&format!("/v1/{resource}"), axum::routing::any(answer))
                .route(&format!("/v1/{resource}/{{*rest}}"), axum::routing::any(answer));
        }
        front_door::routes(routes)
    })
}

fn not_built(resource: &str) -> ApiError {
    ApiError::new(Code::NotImplemented, format!("/v1/{resource} is not built yet"))
}
