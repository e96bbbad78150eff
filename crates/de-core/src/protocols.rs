//! Road 1 to a vendor: adapters in code. A protocol translates, and has no port to send with.
//!
//! Two sides: the vendor's ([`Vendor`]: our canonical call out, its answer in) and the caller's
//! ([`Dialect`]: its request in, our canonical answer out).

// mark: modules. `cargo xtask new-provider` writes below this line.

mod answer;
pub mod anthropic_messages;
mod borrowed;
pub mod capable;
mod dialect;
mod draft;
pub mod elevenlabs_speech;
pub mod elevenlabs_transcription;
mod end_user;
pub(crate) mod fields;
mod fitted;
pub mod gemini;
pub mod gemini_embeddings;
pub(crate) mod inline;
pub mod mapped;
pub mod native;
pub mod openai_chat;
mod openai_effort;
pub mod openai_embeddings;
pub mod openai_images;
pub mod openai_responses;
pub mod openai_speech;
pub mod openai_transcriptions;
pub mod options;
pub mod pexels;
mod picture;
pub mod pixabay;
pub mod shotstack;
mod stock;
mod strict;
mod target;
pub mod tool_names;
mod turns;
mod vendor;
mod vendor_error;

// mark: end of modules

pub use dialect::{About, Dialect, DialectStream, StreamFailure};
pub use draft::{Draft, Place};
#[cfg(test)]
use target::test_target;
pub use target::{MaxTokensField, SeedField, Target};
use vendor::one_length;
pub use vendor::{
    Billed, CountingVendor, EmbeddingVendor, ImageVendor, RenderVendor, SpeechVendor, StockVendor,
    StreamFault, TranscriptionVendor, VECTORS_CAP, Vendor, VendorStream,
};
pub use vendor_error::VendorError;

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
