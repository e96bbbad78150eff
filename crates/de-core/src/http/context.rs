//! What is known of one request while it runs: its id, its envelope, the fields of its log line.

use std::sync::{Arc, Mutex};

use axum::extract::FromRequestParts;
use http::{HeaderMap, request::Parts};
use serde_json::Value;

use super::error::{ApiError, Code};
use crate::{ids::RequestId, ports::Row, time::UnixMillis};

/// In whose form a failure is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Envelope {
    /// `{"type": "error", "error": {…}, "request_id"}`.
    Anthropic,
    /// `{"detail": {"type", "code", "status", "message", "request_id", "param"}}`.
    ElevenLabs,
    /// Ours: `{"error", "error_code", "request_id", "details"}`.
    Native,
    /// `{"error": {"message", "type", "param", "code"}}`.
    OpenAi,
}

impl Envelope {
    /// The form that the path's own protocol has, under the front door or on a worker's host.
    #[must_use]
    pub fn of(path: &str, headers: &HeaderMap) -> Self {
        let openai = ["chat/", "completions", "embeddings", "images/", "audio/", "responses"];
        let voices = |path: &str| path == "voices" || path.starts_with("voices/");
        if path.split_once("/v2/").is_some_and(|(_, rest)| voices(rest)) {
            return Self::ElevenLabs;
        }
        let Some((_, rest)) = path.split_once("/v1/") else { return Self::Native };
        if voices(rest) || rest.starts_with("text-to-speech/") {
            return Self::ElevenLabs;
        }
        let models = rest == "models" || rest.starts_with("models/");
        let messages = rest == "messages" || rest.starts_with("messages/");
        if messages || (models && headers.contains_key("anthropic-version")) {
            Self::Anthropic
        } else if models || openai.iter().any(|prefix| rest.starts_with(prefix)) {
            Self::OpenAi
        } else {
            Self::Native
        }
    }
}

/// One request. Clones share their fields.
#[derive(Clone)]
pub struct Context {
    envelope: Envelope,
    noted: Arc<Mutex<Noted>>,
    request_id: RequestId,
    started: UnixMillis,
}

#[derive(Default)]
struct Noted {
    allows_origin: bool,
    fields: Row,
    headers: HeaderMap,
}

impl Context {
    /// A request that begins now.
    #[must_use]
    pub fn new(request_id: RequestId, envelope: Envelope, started: UnixMillis) -> Self {
        Self { envelope, noted: Arc::default(), request_id, started }
    }

    /// The caller's id, or ours.
    #[must_use]
    pub fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    /// In whose form a failure is told.
    #[must_use]
    pub fn envelope(&self) -> Envelope {
        self.envelope
    }

    /// When it came.
    #[must_use]
    pub fn started(&self) -> UnixMillis {
        self.started
    }

    /// Adds a value to the log line: never a key, a prompt or a reply.
    pub fn note(&self, name: &str, value: impl Into<Value>) {
        if let Ok(mut noted) = self.noted.lock() {
            noted.fields.insert(name.to_owned(), value.into());
        }
    }

    /// Adds a header to the answer, whether it succeeds or fails.
    pub fn tell(&self, name: http::HeaderName, value: &str) {
        if let (Ok(mut noted), Ok(value)) = (self.noted.lock(), http::HeaderValue::from_str(value))
        {
            noted.headers.insert(name, value);
        }
    }

    /// The headers told so far.
    #[must_use]
    pub fn told(&self) -> HeaderMap {
        self.noted.lock().map(|noted| noted.headers.clone()).unwrap_or_default()
    }

    /// Records that a page of the request's origin may read the answer.
    pub fn allow_origin(&self) {
        if let Ok(mut noted) = self.noted.lock() {
            noted.allows_origin = true;
        }
    }

    pub(super) fn allows_origin(&self) -> bool {
        self.noted.lock().is_ok_and(|noted| noted.allows_origin)
    }

    pub(super) fn take_fields(&self) -> Row {
        self.noted.lock().map(|mut noted| std::mem::take(&mut noted.fields)).unwrap_or_default()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Context {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let missing = || ApiError::new(Code::InternalError, "something went wrong");
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_speaks_the_protocol_of_its_path() {
        let mut anthropic = HeaderMap::new();
        anthropic.insert("anthropic-version", http::HeaderValue::from_static("2023-06-01"));
        let none = HeaderMap::new();
        let rows = [
            ("/generate", &none, Envelope::Native),
            ("/v1/chat/completions", &none, Envelope::OpenAi),
            ("/text/v1/chat/completions", &none, Envelope::OpenAi),
            ("/v1/messages", &none, Envelope::Anthropic),
            ("/v1/models", &none, Envelope::OpenAi),
            ("/v1/models/gpt-4o", &anthropic, Envelope::Anthropic),
            ("/v1/model-configs", &none, Envelope::Native),
            ("/v1/organizations", &none, Envelope::Native),
            ("/v1/audio/speech", &none, Envelope::OpenAi),
            ("/v1/text-to-speech/a", &none, Envelope::ElevenLabs),
            ("/audio/v1/text-to-speech/a/stream", &none, Envelope::ElevenLabs),
            ("/v1/voices", &none, Envelope::ElevenLabs),
            ("/v2/voices", &none, Envelope::ElevenLabs),
            ("/v2/voices-of-mine", &none, Envelope::Native),
            ("/voices", &none, Envelope::Native),
        ];
        for (path, headers, expected) in rows {
            assert_eq!(Envelope::of(path, headers), expected, "{path}");
        }
    }
}
