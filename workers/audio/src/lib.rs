//! Speech and its transcripts: in our own protocol, OpenAI's and ElevenLabs', to vendors of any.
//!
//! | route | protocol | scope of the key |
//! | --- | --- | --- |
//! | `POST /synthesize` | ours: a job, whose file is kept | `audio` |
//! | `GET /voices` | ours | `audio` |
//! | `POST /v1/audio/speech` | OpenAI | `audio` |
//! | `POST /v1/audio/transcriptions` | OpenAI | `audio` |
//! | `POST /v1/text-to-speech/{voice_id}`, `…/stream` | ElevenLabs | `audio` |
//! | `GET /v1/voices`, `GET /v2/voices` | ElevenLabs | `audio` |
//!
//! Translations, and times beside the sound, are not built: 501.

mod ask;
#[cfg(target_family = "wasm")]
mod entry;
mod heard;
#[cfg(not(target_family = "wasm"))]
pub mod openapi;
mod speak;
mod speech;
mod synthesize;
mod text_to_speech;
mod transcriptions;
mod voices;

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

/// The worker, as the others and the log call it.
pub(crate) const NAME: &str = "audio";

/// Everything that the worker answers.
pub fn router(platform: Platform) -> Router {
    http::service(NAME, platform, |routes| {
        routes
            .route("/synthesize", post(synthesize::synthesize))
            .route("/voices", get(voices::native))
            .route("/v1/audio/speech", post(speech::create))
            .route("/v1/audio/transcriptions", post(transcriptions::create))
            .route("/v1/audio/translations", any(not_built))
            .route("/v1/text-to-speech/{voice_id}", post(text_to_speech::convert))
            .route("/v1/text-to-speech/{voice_id}/stream", post(text_to_speech::stream))
            .route("/v1/text-to-speech/{voice_id}/with-timestamps", any(not_built))
            .route("/v1/text-to-speech/{voice_id}/stream/with-timestamps", any(not_built))
            .route("/v1/voices", get(voices::first))
            .route("/v2/voices", get(voices::second))
    })
}

async fn not_built(uri: Uri) -> ApiError {
    ApiError::new(Code::NotImplemented, format!("{} is not built yet", uri.path()))
}
