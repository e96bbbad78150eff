//! {{about}}
//!
//! | route | what it does | scope of the key |
//! | --- | --- | --- |
//! | `POST /generate` | nothing yet: 501 | `{{scope}}` |

#[cfg(target_family = "wasm")]
mod entry;
mod generate;
#[cfg(not(target_family = "wasm"))]
pub mod openapi;

use axum::{Router, routing::post};
use de_core::{http, ports::Platform};

/// The worker, as the others and the log call it.
pub(crate) const NAME: &str = "{{name}}";

/// Everything that the worker answers.
pub fn router(platform: Platform) -> Router {
    http::service(NAME, platform, |routes| {
        routes.route("/generate", post(generate::generate))
    })
}
