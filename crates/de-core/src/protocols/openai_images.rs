//! OpenAI's images: made of a prompt, or of other pictures.
//!
//! For the GPT image models, which answer with base64 and count tokens. Out of scope: streamed previews,
//! and DALL·E, which a mapping speaks with.
//!
//! Follows <https://platform.openai.com/docs/api-reference/images>.

use bytes::Bytes;
use http::HeaderMap;

use super::{
    Draft, FieldIssue, ImageVendor, Malformed, Target, Vendor, VendorError,
    openai_chat::read_error, options::CallOption,
};
use crate::calls::{ImageCall, ImageReply};

mod call;
mod reply;
mod request;
mod size;
mod tokens;

pub use call::{AnswerForm, ImagesRequest};

/// Ten pictures of 4 MB, in base64: read in place.
const CAP: usize = 64 * 1024 * 1024;

/// What calls for pictures can be told.
pub(super) const PICTURE_OPTIONS: &[CallOption] = request::OPTIONS;

/// The vendor's side.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenAiImagesVendor;

impl Vendor for OpenAiImagesVendor {
    fn error(&self, status: u16, body: &[u8]) -> VendorError {
        read_error(status, body)
    }

    fn images(&self) -> Option<&dyn ImageVendor> {
        Some(self)
    }
}

impl ImageVendor for OpenAiImagesVendor {
    fn request(&self, call: &ImageCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        request::draft(call, target)
    }

    fn reply(
        &self,
        call: &ImageCall,
        _headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<ImageReply, Malformed> {
        reply::read(call, body)
    }

    fn answer_cap(&self) -> usize {
        CAP
    }

    fn ceiling(&self, call: &ImageCall) -> u64 {
        tokens::ceiling(call)
    }
}

#[cfg(test)]
mod tests;
