//! What comes back: an answer, whole or step by step.

use super::{Citation, Part, Seal, text_of};
use crate::receipt::Usage;

/// One answer, whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatReply {
    /// Answers; more than one only if `n` asked for them.
    pub choices: Vec<Choice>,
    /// The vendor's id of the answer.
    pub id: String,
    /// The model, as the vendor names it.
    pub model: String,
    /// The service tier that really served, in the vendor's word: `priority`. It sets the price.
    pub service_tier: Option<String>,
    /// What the vendor counted; `None` if it did not say.
    pub usage: Option<Usage>,
}

/// One of the answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// Why it ended.
    pub finish: Finish,
    /// How probable each token was, if that was asked for and told.
    pub logprobs: Option<Vec<TokenLogprob>>,
    /// Content in order.
    pub parts: Vec<Part>,
    /// The stop text that was met, if the vendor says which.
    pub stop_sequence: Option<String>,
}

impl ChatReply {
    /// The text of the first answer, its text parts joined.
    #[must_use]
    pub fn text(&self) -> String {
        text_of(self.choices.first().map(|choice| choice.parts.as_slice()).unwrap_or_default())
    }
}

/// How probable a token was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenLogprob {
    /// The token's bytes, if told: a character may be split over tokens.
    pub bytes: Option<Vec<u8>>,
    /// The natural logarithm of its probability.
    pub logprob: f64,
    /// Its text.
    pub token: String,
    /// The most probable tokens at its place; they have none of their own.
    pub top: Vec<Self>,
}

/// Why an answer ended.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Finish {
    /// Refused for safety.
    ContentFilter,
    /// The bound of output or context was met.
    Length,
    /// The model was done.
    #[default]
    Stop,
    /// It wants tools called.
    ToolCalls,
    /// A word that we do not know, as the vendor wrote it.
    Unknown(String),
}

/// One step of a streamed answer. Any chunking of the vendor's bytes gives the same deltas.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// What the text before it rests on.
    Citation {
        /// Which answer.
        choice: u32,
        /// What it is.
        citation: Citation,
    },
    /// The answer ended for this reason.
    Finish {
        /// Which answer, from 0.
        choice: u32,
        /// Why.
        finish: Finish,
        /// The stop text that was met, if the vendor says which.
        stop_sequence: Option<String>,
    },
    /// How probable tokens were; those of a text may come before or after it.
    Logprobs {
        /// Which answer.
        choice: u32,
        /// The next tokens.
        tokens: Vec<TokenLogprob>,
    },
    /// The model declined, in its words.
    Refusal {
        /// Which answer.
        choice: u32,
        /// More of the words.
        text: String,
    },
    /// A thought that only its vendor can read, whole, or that vendor's seal on a call or a text.
    Sealed {
        /// The tool call that it is on; `None` for a thought, or for the text before it.
        call: Option<u32>,
        /// Which answer.
        choice: u32,
        /// The seal.
        seal: Seal,
    },
    /// The service tier that really serves, in the vendor's word: the last one told holds.
    ServiceTier(String),
    /// The answer begins.
    Start {
        /// The vendor's id of the answer.
        id: String,
        /// The model, as the vendor names it.
        model: String,
    },
    /// More text.
    Text {
        /// Which answer.
        choice: u32,
        /// The text.
        text: String,
    },
    /// More thoughts.
    Thinking {
        /// Which answer.
        choice: u32,
        /// The vendor's seal, in the last one.
        seal: Option<Seal>,
        /// The text.
        text: String,
    },
    /// More of a tool call.
    ToolCall {
        /// More of the JSON text.
        arguments: String,
        /// Which answer.
        choice: u32,
        /// In the first part only.
        id: Option<String>,
        /// Which call of this answer, from 0.
        index: u32,
        /// In the first part only.
        name: Option<String>,
    },
    /// What the vendor has counted so far, in all: it stands in place of what was told before.
    Usage(Usage),
}
