//! Stock photographs and footage: searched at any vendor in one form, and taken over with their licence.
//!
//! | route | what it does | scope of the key |
//! | --- | --- | --- |
//! | `POST /search` | videos and photos in turn, searched at the same time | `stock` |
//! | `POST /search/photos`, `POST /search/videos` | one kind | `stock` |
//! | `POST /import` | makes an asset of one item | `stock` |

mod admit;
#[cfg(target_family = "wasm")]
mod entry;
mod import;
mod kept;
mod legs;
#[cfg(not(target_family = "wasm"))]
pub mod openapi;
mod search;
mod wire;

use axum::{Router, routing::post};
use de_core::{http, ports::Platform};

/// The worker, as the others and the log call it.
pub(crate) const NAME: &str = "stock-media";

/// Everything that the worker answers.
pub fn router(platform: Platform) -> Router {
    http::service(NAME, platform, |routes| {
        routes
            .route("/search", post(search::both))
            .route("/search/photos", post(search::photos))
            .route("/search/videos", post(search::videos))
            .route("/import", post(import::import))
    })
}
