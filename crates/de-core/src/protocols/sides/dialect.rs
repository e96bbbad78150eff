//! The caller's side of a protocol.

use bytes::Bytes;
use serde_json::Value;

use crate::{
    chat::{ChatCall, ChatReply, Delta},
    protocols::FieldIssue,
};

/// The caller's side of a protocol.
pub trait Dialect: Send + Sync {
    /// Reads a request: the model's name and the call.
    ///
    /// # Errors
    /// Every issue found, not the first alone.
    fn call(&self, body: &Value) -> Result<(String, ChatCall), Vec<FieldIssue>>;

    /// Writes a whole answer.
    fn reply(&self, reply: &ChatReply, about: &About) -> Value;

    /// A writer for one streamed answer.
    fn stream(&self, about: About) -> Box<dyn DialectStream>;

    /// Where the caller wrote what stands at `pointer` in the canonical form, whose settings are called
    /// as OpenAI's chat calls them: `/stop` is `/stop_sequences` in Anthropic's protocol.
    fn place(&self, pointer: &str) -> String {
        pointer.to_owned()
    }
}

/// What an answer says beside the vendor's words.
#[derive(Clone, Debug)]
pub struct About {
    /// Seconds since 1970, for OpenAI's `created`.
    pub created: i64,
    /// Whether the caller wants the usage in the stream (OpenAI's `stream_options.include_usage`;
    /// the other dialects always tell it).
    pub include_usage: bool,
    /// The model that answered, as the caller may name it.
    pub model: String,
    /// The provider of that model, by its id: what it sealed goes back to no other.
    pub provider_id: String,
    /// Ours: the answer's id where the vendor gave none.
    pub receipt_id: String,
    /// The caller's.
    pub request_id: String,
}

/// Writes one streamed answer. Bytes are whole events, ready to send.
pub trait DialectStream: Send {
    /// Writes one step; may be empty.
    fn delta(&mut self, delta: &Delta) -> Bytes;

    /// Writes the good end. Called at most once, and then nothing else is.
    fn end(&mut self) -> Bytes;

    /// Writes a failure as the dialect tells it, and ends. Called at most once, instead of `end`.
    fn fail(&mut self, failure: &StreamFailure) -> Bytes;

    /// Hears of an event that the caller has got from the vendor as it was, so that a failure can follow it.
    fn passed(&mut self, _event: &crate::sse::Event) {}
}

/// A failure after the head of the answer has gone out.
#[derive(Clone, Debug)]
pub struct StreamFailure {
    /// Ours: `PROVIDER_TIMEOUT`.
    pub code: &'static str,
    /// For a person.
    pub message: String,
    /// As the status would have been: 504.
    pub status: u16,
}
