//! Google's `generateContent`, for pictures.
//!
//! Out of scope as yet: conversations, speech, embeddings.
//!
//! Follows <https://ai.google.dev/api/generate-content> and <https://ai.google.dev/gemini-api/docs/image-generation>.

use bytes::Bytes;
use http::HeaderMap;

use super::{Draft, FieldIssue, ImageVendor, Malformed, Target, Vendor, VendorError};
use crate::calls::{ImageCall, ImageReply};

mod error;
mod image_reply;
mod image_request;

/// A picture of 4K, in base64, and the model's words: read in place.
const CAP: usize = 64 * 1024 * 1024;

/// A picture that is read is cut into tiles; the largest has fewer tokens than this:
/// <https://ai.google.dev/gemini-api/docs/tokens>.
const TOKENS_A_PICTURE_READ: usize = 4_096;
/// One of 4K: 2,000 tokens, and some words with it.
const TOKENS_A_PICTURE_MADE: u64 = 4_096;
/// What it thinks before, drafts included.
const TOKENS_OF_THOUGHTS: u64 = 8_192;

/// The vendor's side.
#[derive(Clone, Copy, Debug, Default)]
pub struct GeminiVendor;

impl Vendor for GeminiVendor {
    fn error(&self, status: u16, body: &[u8]) -> VendorError {
        error::read(status, body)
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

#[cfg(test)]
mod tests;
