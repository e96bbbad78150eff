//! Speech and its transcripts, described, at the paths of the front door.

mod elevenlabs;
mod native;
mod openai;

use de_core::{
    auth::Scope,
    http::error::Code,
    openapi::{
        document::{Document, Tag},
        operation::{Answer, Operation},
    },
};

/// The operations and where the worker itself has them; the front door has a name in front of some.
///
/// Each is `METHOD /path` on the worker's own host. Tests hold it against the router.
pub const ROUTES: [(&str, &str); 8] = [
    ("POST /synthesize", "POST /audio/synthesize"),
    ("GET /voices", "GET /audio/voices"),
    ("POST /v1/audio/speech", "POST /v1/audio/speech"),
    ("POST /v1/audio/transcriptions", "POST /v1/audio/transcriptions"),
    ("POST /v1/text-to-speech/{voice_id}", "POST /v1/text-to-speech/{voice_id}"),
    ("POST /v1/text-to-speech/{voice_id}/stream", "POST /v1/text-to-speech/{voice_id}/stream"),
    ("GET /v1/voices", "GET /v1/voices"),
    ("GET /v2/voices", "GET /v2/voices"),
];

const AUDIO: Tag = Tag {
    about: "Speech by models of any vendor, in our own protocol, OpenAI's or ElevenLabs'; transcripts in OpenAI's.",
    name: "audio",
};

/// Adds the operations of the audio worker.
pub fn describe(document: &mut Document) {
    let mut operations = native::operations();
    operations.extend(openai::operations());
    operations.extend(elevenlabs::operations());
    let tagged = operations.into_iter().map(|operation| operation.tag(AUDIO.name));
    document.add(&[AUDIO], tagged.collect());
}

/// What a call to a vendor brings along, whoever speaks it.
fn buys(operation: Operation) -> Operation {
    looks(operation).once().header("x-de-fallback").fails(&[
        Code::AllProvidersFailed,
        Code::BudgetExceeded,
        Code::ContentRefused,
        Code::InProgress,
        Code::ModelCapability,
        Code::ModelNotAllowed,
        Code::ModelNotFound,
        Code::NotImplemented,
        Code::OutcomeUnknown,
        Code::RateLimitExceeded,
    ])
}

/// What a question to a vendor brings along.
fn looks(operation: Operation) -> Operation {
    operation.scope(Some(Scope::Audio)).fails(&[
        Code::LimiterUnavailable,
        Code::MissingApiKey,
        Code::ProviderAuth,
        Code::ProviderError,
        Code::ProviderMalformed,
        Code::ProviderRateLimit,
        Code::ProviderTimeout,
        Code::ProviderUnavailable,
    ])
}

/// What is told in headers of a call.
fn told(answer: Answer) -> Answer {
    answer.headers(&[
        "x-de-receipt",
        "x-de-model",
        "x-de-provider",
        "x-de-attempts",
        "x-de-cost-micros",
        "Idempotency-Replayed",
        "RateLimit",
        "RateLimit-Policy",
        "Deprecation",
        "Sunset",
    ])
}
