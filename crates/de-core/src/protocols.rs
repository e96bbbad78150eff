//! Road 1 to a vendor: adapters in code. A protocol translates, and has no port to send with.
//!
//! Two sides: the vendor's ([`Vendor`]: our canonical call out, its answer in) and the caller's
//! ([`Dialect`]: its request in, our canonical answer out). What both are is in `sides`, what several protocols share
//! in `shared`; all else is a protocol each, ours ([`native`]) among them.

// mark: modules. `cargo xtask new-provider` writes below this line.

pub mod anthropic_messages;
pub mod elevenlabs_speech;
pub mod elevenlabs_transcription;
pub mod gemini;
pub mod gemini_embeddings;
pub mod mapped;
pub mod native;
pub mod openai_chat;
pub mod openai_embeddings;
pub mod openai_images;
pub mod openai_responses;
pub mod openai_speech;
pub mod openai_transcriptions;
pub mod pexels;
pub mod pixabay;
mod shared;
pub mod shotstack;
mod sides;

// mark: end of modules

use shared::{
    answer, borrowed, document, end_user, fitted, openai_effort, openai_own, picture, stock,
    strict, turns,
};
pub use shared::{capable, options, tool_names};
pub(crate) use shared::{fields, inline};
#[cfg(test)]
use sides::target::test_target;
use sides::vendor::one_length;
pub use sides::{
    dialect::{About, Dialect, DialectStream, StreamFailure},
    draft::{Draft, Place},
    target::{MaxTokensField, SeedField, Target},
    vendor::{
        Billed, CountingVendor, EmbeddingVendor, ImageVendor, RenderVendor, SpeechVendor,
        StockVendor, StreamFault, TranscriptionVendor, VECTORS_CAP, Vendor, VendorStream,
    },
    vendor_error::VendorError,
};

/// The vendor's answer is not what its pages say.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("malformed reply at {pointer}: {reason}")]
pub struct Malformed {
    /// JSON Pointer into the answer.
    pub pointer: String,
    /// What is wrong there.
    pub reason: String,
}

/// The caller's request is not what the protocol says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldIssue {
    /// JSON Pointer into the request: `/messages/0/role`.
    pub pointer: String,
    /// What is wrong there, for a person.
    pub reason: String,
}
