//! Google's `generateContent`, for conversations and for pictures.
//!
//! No caller speaks it, so nothing is relayed. Out of scope as yet: speech, the vendor's own tools; embeddings are
//! in `gemini_embeddings`.
//!
//! Follows <https://ai.google.dev/api/generate-content> and <https://ai.google.dev/gemini-api/docs/image-generation>.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use super::{
    Draft, FieldIssue, ImageVendor, Malformed, Target, Vendor, VendorError, VendorStream,
    options::CallOption,
};
use crate::{
    calls::{ImageCall, ImageReply},
    chat::{ChatCall, ChatReply},
};

mod citations;
mod contents;
mod error;
mod generation;
mod image_reply;
mod image_request;
mod logprobs;
mod schema;
mod text_reader;
mod text_reply;
mod text_request;
mod usage;

/// A picture of 4K, in base64, and the model's words: read in place.
const CAP: usize = 64 * 1024 * 1024;

/// A picture that is read is cut into tiles; the largest has fewer tokens than this:
/// <https://ai.google.dev/gemini-api/docs/tokens>.
const TOKENS_A_PICTURE_READ: usize = 4_096;
/// One of 4K: 2,000 tokens, and some words with it.
const TOKENS_A_PICTURE_MADE: u64 = 4_096;
/// What it thinks before, drafts included.
const TOKENS_OF_THOUGHTS: u64 = 8_192;

/// What calls for pictures can be told.
pub(super) const PICTURE_OPTIONS: &[CallOption] = image_request::OPTIONS;

/// The vendor's side.
#[derive(Clone, Copy, Debug, Default)]
pub struct GeminiVendor;

impl Vendor for GeminiVendor {
    fn request(&self, call: &ChatCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        text_request::draft(call, target)
    }

    fn reply(&self, body: &Value) -> Result<ChatReply, Malformed> {
        text_reply::read(body)
    }

    fn stream(&self) -> Box<dyn VendorStream> {
        Box::new(text_reader::Reader::default())
    }

    fn error(&self, status: u16, body: &[u8]) -> VendorError {
        error::read(status, body)
    }

    fn asked(&self, body: &[u8]) -> Option<Duration> {
        error::asked(body)
    }

    fn images(&self) -> Option<&dyn ImageVendor> {
        Some(self)
    }
}

impl ImageVendor for GeminiVendor {
    fn request(&self, call: &ImageCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        image_request::draft(call, target)
    }

    fn reply(
        &self,
        _call: &ImageCall,
        _headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<ImageReply, Malformed> {
        image_reply::read(body)
    }

    fn answer_cap(&self) -> usize {
        CAP
    }

    /// The prompt as text, the pictures that it reads and the one that it makes, and its thoughts.
    fn ceiling(&self, call: &ImageCall) -> u64 {
        let read = call.images.len().saturating_mul(TOKENS_A_PICTURE_READ);
        let input = call.prompt.len().saturating_add(read);
        let output = TOKENS_A_PICTURE_MADE.saturating_add(TOKENS_OF_THOUGHTS);
        u64::try_from(input).unwrap_or(u64::MAX).saturating_add(output)
    }
}

/// The path of a model's method, under a base URL that has the version in it:
/// `https://generativelanguage.googleapis.com/v1beta`.
fn path(model: &str, method: &str) -> String {
    format!("/models/{}:{method}", Segment(model))
}

/// A model's name as one segment of a path.
pub(super) struct Segment<'a>(pub(super) &'a str);

impl fmt::Display for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'_' | b'a'..=b'z' => {
                    write!(f, "{}", char::from(byte))?;
                }
                other => write!(f, "%{other:02X}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
