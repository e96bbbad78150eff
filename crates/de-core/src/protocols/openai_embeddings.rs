//! OpenAI's embeddings, spoken with vendors and with callers. Mistral and others speak it too.
//!
//! Where the vendor writes its vectors as the caller wants them, its answer is what the caller gets; else
//! lists of numbers become base64, or the other way round.
//!
//! Follows <https://platform.openai.com/docs/api-reference/embeddings>.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{
    Draft, EmbeddingVendor, FieldIssue, Malformed, Target, Vendor, VendorError, openai_chat,
};
use crate::{
    calls::embedding::{EmbeddingCall, EmbeddingInput, EmbeddingReply},
    json::verbatim::Verbatim,
};

mod call;
mod reply;
mod writer;

pub use self::{call::OpenAiEmbeddingCall, writer::write};

/// Under the base URL, which has the version in it: `https://api.openai.com/v1`.
const PATH: &str = "/embeddings";

/// The vendor's side.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenAiEmbeddingsVendor;

impl Vendor for OpenAiEmbeddingsVendor {
    fn embeddings(&self) -> Option<&dyn EmbeddingVendor> {
        Some(self)
    }

    fn error(&self, status: u16, body: &[u8]) -> VendorError {
        openai_chat::OpenAiChatVendor.error(status, body)
    }
}

impl EmbeddingVendor for OpenAiEmbeddingsVendor {
    fn request(&self, call: &EmbeddingCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        let mut body = Map::new();
        body.insert("model".to_owned(), target.upstream_model.as_str().into());
        let input = match &call.input {
            EmbeddingInput::Texts(texts) => Value::from(texts.clone()),
            EmbeddingInput::Tokens(lists) => Value::from(lists.clone()),
        };
        body.insert("input".to_owned(), input);
        body.insert("encoding_format".to_owned(), call.encoding.as_str().into());
        if let Some(dimensions) = call.dimensions {
            body.insert("dimensions".to_owned(), dimensions.into());
        }
        if let Some(user) = call.user.as_deref().filter(|_| target.takes_user) {
            body.insert("user".to_owned(), user.into());
        }
        body.extend(call.extra.clone());
        Ok(Draft::json(PATH, &Value::Object(body)))
    }

    fn relay(
        &self,
        body: &Verbatim,
        _call: &EmbeddingCall,
        target: &Target,
    ) -> Result<Draft, Vec<FieldIssue>> {
        let mut body = body.clone();
        body.set("model", target.upstream_model.as_str().into());
        Ok(Draft::text(PATH, body.text()))
    }

    fn reply(&self, call: &EmbeddingCall, body: &Bytes) -> Result<EmbeddingReply, Malformed> {
        reply::read(call, body)
    }
}

#[cfg(test)]
mod tests;
