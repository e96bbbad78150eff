//! Text generation: one call in three protocols, to vendors of any.
//!
//! | route | protocol | scope of the key |
//! | --- | --- | --- |
//! | `POST /generate`, `POST /generate/stream` | ours | `text` |
//! | `POST /v1/chat/completions` | OpenAI chat completions | `text` |
//! | `POST /v1/messages` | Anthropic messages | `text` |
//! | `GET /v1/models`, `GET /v1/models/{id}` | OpenAI, or Anthropic with `anthropic-version` | any |

mod admission;
mod ask;
mod chat_completions;
#[cfg(target_family = "wasm")]
mod entry;
mod generate;
mod messages;
mod models;
mod respond;
mod run;

use axum::{
    Router,
    routing::{get, post},
};
use de_core::{http, ports::Platform};

/// Everything that the worker answers.
pub fn router(platform: Platform) -> Router {
    http::service("text", platform, |routes| {
        routes
            .route("/generate", post(generate::generate))
            .route("/generate/stream", post(generate::stream))
            .route("/v1/chat/completions", post(chat_completions::complete))
            .route("/v1/messages", post(messages::create))
            .route("/v1/models", get(models::list))
            .route("/v1/models/{*id}", get(models::read))
    })
}
