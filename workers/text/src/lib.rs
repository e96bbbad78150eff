//! Text generation: one call in three protocols, to vendors of any.
//!
//! | route | protocol | scope of the key |
//! | --- | --- | --- |
//! | `POST /generate`, `POST /generate/stream` | ours | `text` |
//! | `POST /v1/chat/completions` | OpenAI chat completions | `text` |
//! | `POST /v1/messages` | Anthropic messages | `text` |
//! | `GET /v1/models`, `GET /v1/models/{id}` | OpenAI, or Anthropic with `anthropic-version` | any |
//!
//! Embeddings, responses, counting tokens and capabilities are designed and not built: 501.

mod ask;
mod cached;
mod chat_completions;
#[cfg(target_family = "wasm")]
mod entry;
mod generate;
mod messages;
mod models;
#[cfg(not(target_family = "wasm"))]
pub mod openapi;
mod respond;
mod run;

use axum::{
    Router,
    http::Uri,
    routing::{any, get, post},
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
    http::service("text", platform, |routes| {
        routes
            .route("/generate", post(generate::generate))
            .route("/generate/stream", post(generate::stream))
            .route("/v1/chat/completions", post(chat_completions::complete))
            .route("/v1/messages", post(messages::create))
            .route("/v1/models", get(models::list))
            .route("/v1/models/{*id}", get(models::read))
            .route("/v1/capabilities", any(not_built))
            .route("/v1/embeddings", any(not_built))
            .route("/v1/messages/count_tokens", any(not_built))
            .route("/v1/responses", any(not_built))
            .route("/v1/responses/{*rest}", any(not_built))
    })
}

async fn not_built(uri: Uri) -> ApiError {
    ApiError::new(Code::NotImplemented, format!("{} is not built yet", uri.path()))
}
