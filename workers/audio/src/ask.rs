//! What a caller asks to be spoken, whatever protocol it spoke.

use de_core::{calls::SpeechCall, http::error::ApiError, model::Protocol, protocols::FieldIssue};
use serde_json::{Map, Value};

/// A call for speech, read and checked.
pub(crate) struct Ask {
    /// In the canonical form.
    pub(crate) call: SpeechCall,
    /// Members that only vendors of the caller's own protocol get, by their places: `voice_settings/odd`.
    pub(crate) extra: Vec<String>,
    /// Whether the answer shall be events.
    pub(crate) in_events: bool,
    /// The model or alias.
    pub(crate) model: String,
    /// The caller's own body.
    pub(crate) raw: Map<String, Value>,
}

/// The protocol that a caller speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wire {
    ElevenLabs,
    OpenAi,
}

impl Wire {
    /// The vendors' protocol that it is.
    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::ElevenLabs => Protocol::ElevenlabsSpeech,
            Self::OpenAi => Protocol::OpenaiSpeech,
        }
    }

    /// Turns issues about our fields into issues about the protocol's.
    pub(crate) fn placed(self, issues: Vec<FieldIssue>) -> Vec<FieldIssue> {
        let own = match self {
            Self::ElevenLabs => de_core::protocols::elevenlabs_speech::issue,
            Self::OpenAi => de_core::protocols::openai_speech::issue,
        };
        issues.into_iter().map(own).collect()
    }

    /// Turns issues about our fields into a refusal that speaks of the protocol's.
    pub(crate) fn refused(self, issues: Vec<FieldIssue>) -> ApiError {
        ApiError::fields(&self.placed(issues))
    }
}

/// A route: what it is called in the books, and how it reads a body.
pub(crate) struct Route<R> {
    pub(crate) operation: &'static str,
    pub(crate) read: R,
    /// Variable parts of the path, and the query.
    pub(crate) subject: String,
    pub(crate) wire: Wire,
}
