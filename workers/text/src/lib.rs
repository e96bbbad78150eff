//! Text generation: one call in four protocols, to vendors of any.
//!
//! | route | protocol | scope of the key |
//! | --- | --- | --- |
//! | `POST /generate`, `POST /generate/stream` | ours | `text` |
//! | `POST /v1/chat/completions` | OpenAI chat completions | `text` |
//! | `POST /v1/messages` | Anthropic messages | `text` |
//! | `POST /v1/messages/count_tokens` | Anthropic messages | `text` |
//! | `POST /v1/responses` | OpenAI responses | `text` |
//! | `GET|DELETE /v1/responses/{id}`, `GET /v1/responses/{id}/input_items` | OpenAI responses | `text` |
//! | `POST /v1/embeddings` | OpenAI embeddings | `text` |
//! | `GET /v1/capabilities` | ours | any |
//! | `GET /v1/models`, `GET /v1/models/{id}` | OpenAI, or Anthropic with `anthropic-version` | any |
//!
//! What else OpenAI does with responses is designed and not built: 501.

mod ask;
mod cached;
mod capabilities;
mod chat_completions;
mod conversation;
mod count_tokens;
mod embeddings;
#[cfg(target_family = "wasm")]
mod entry;
mod expect;
mod generate;
mod kept_responses;
mod messages;
mod models;
mod offered;
#[cfg(not(target_family = "wasm"))]
pub mod openapi;
mod respond;
mod responses;
mod run;

use axum::{
    Router,
    http::Uri,
    routing::{any, delete, get, post},
};
use de_core::{
    http::{
        self,
        error::{ApiError, Code},
    },
    ports::Platform,
};

/// The worker, as the others and the log call it.
pub(crate) const NAME: &str = "text";

/// Everything that the worker answers.
pub fn router(platform: Platform) -> Router {
    http::service(NAME, platform, |routes| {
        routes
            .route("/generate", post(generate::generate))
            .route("/generate/stream", post(generate::stream))
            .route("/v1/chat/completions", post(chat_completions::complete))
            .route("/v1/messages", post(messages::create))
            .route("/v1/models", get(models::list))
            .route("/v1/models/{*id}", get(models::read))
            .route("/v1/capabilities", get(capabilities::list))
            .route("/v1/embeddings", post(embeddings::create))
            .route("/v1/messages/count_tokens", post(count_tokens::count))
            .route("/v1/responses", post(responses::create))
            .route("/v1/responses/compact", any(not_built))
            .route("/v1/responses/input_tokens", any(not_built))
            .route("/v1/responses/{id}", get(kept_responses::get))
            .route("/v1/responses/{id}", delete(kept_responses::delete))
            .route("/v1/responses/{id}/cancel", any(not_built))
            .route("/v1/responses/{id}/input_items", get(kept_responses::input_items))
    })
}

async fn not_built(uri: Uri) -> ApiError {
    ApiError::new(Code::NotImplemented, format!("{} is not built yet", uri.path()))
}
