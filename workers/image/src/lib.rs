//! Pictures: one call in two protocols, to vendors of any.
//!
//! | route | protocol | scope of the key |
//! | --- | --- | --- |
//! | `POST /generate` | ours | `image` |
//! | `POST /v1/images/generations` | OpenAI images | `image` |
//! | `POST /v1/images/edits` | OpenAI images, a form with files | `image` |
//!
//! Each call is a job, whose pictures are kept: a client that leaves loses nothing. Variations, which no model
//! of today makes, are not built: 501.

mod buy;
#[cfg(target_family = "wasm")]
mod entry;
mod generate;
mod images;
mod inline;
#[cfg(not(target_family = "wasm"))]
pub mod openapi;

mod pictures;

use axum::{
    Router,
    http::Uri,
    routing::{any, post},
};
use de_core::{
    http::{
        self,
        error::{ApiError, Code},
    },
    ports::Platform,
};

/// The worker, as the others and the log call it.
pub(crate) const NAME: &str = "image";

/// Everything that the worker answers.
pub fn router(platform: Platform) -> Router {
    http::service(NAME, platform, |routes| {
        routes
            .route("/generate", post(generate::generate))
            .route("/v1/images/generations", post(images::generations))
            .route("/v1/images/edits", post(images::edits))
            .route("/v1/images/variations", any(not_built))
    })
}

async fn not_built(uri: Uri) -> ApiError {
    ApiError::new(Code::NotImplemented, format!("{} is not built", uri.path()))
}
