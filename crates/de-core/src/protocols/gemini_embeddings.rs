//! Google's `batchEmbedContents`: vectors of texts.
//!
//! One content a text: several texts as parts of one content become one vector. Out of scope: pictures,
//! sound, task types.
//!
//! Follows <https://ai.google.dev/api/embeddings> and <https://ai.google.dev/gemini-api/docs/embeddings>.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    Draft, EmbeddingVendor, FieldIssue, Malformed, Target, Vendor, VendorError, borrowed,
    fields::{Issues, below},
    gemini::{GeminiVendor, Segment},
};
use crate::{
    calls::embedding::{EmbeddingCall, EmbeddingInput, EmbeddingReply},
    receipt::Usage,
};

/// The most texts of one request; the vendor refuses more.
const MOST_TEXTS: usize = 100;

/// The vendor's side.
#[derive(Clone, Copy, Debug, Default)]
pub struct GeminiEmbeddingsVendor;

#[derive(Serialize)]
struct Body<'a> {
    requests: Vec<Request<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    model: &'a str,
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimensionality: Option<u64>,
}

#[derive(Serialize)]
struct Content<'a> {
    parts: [Part<'a>; 1],
}

#[derive(Serialize)]
struct Part<'a> {
    text: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Whole {
    embeddings: Vec<Embedding>,
    #[serde(default, deserialize_with = "borrowed::lenient")]
    usage_metadata: Option<Counted>,
}

#[derive(Deserialize)]
struct Embedding {
    values: Vec<f32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    #[serde(default, deserialize_with = "borrowed::count")]
    prompt_token_count: Option<u64>,
}

impl Vendor for GeminiEmbeddingsVendor {
    fn embeddings(&self) -> Option<&dyn EmbeddingVendor> {
        Some(self)
    }

    fn error(&self, status: u16, body: &[u8]) -> VendorError {
        GeminiVendor.error(status, body)
    }
}

impl EmbeddingVendor for GeminiEmbeddingsVendor {
    fn request(&self, call: &EmbeddingCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        let mut issues = Issues::default();
        let texts = match &call.input {
            EmbeddingInput::Texts(texts) => texts.as_slice(),
            EmbeddingInput::Tokens(_) => {
                issues.add("/input", "this model's vendor takes texts, not token ids");
                &[]
            }
        };
        if texts.len() > MOST_TEXTS {
            let reason =
                format!("this model's vendor takes at most {MOST_TEXTS} texts in one call");
            issues.add("/input", reason);
        }
        for name in call.extra.keys() {
            issues.hint(&below("", name), "this model's vendor speaks another protocol");
        }
        if call.user.is_some() {
            issues.hint("/user", "only OpenAI has such a setting");
        }
        let upstream = target.upstream_model.trim_start_matches("models/");
        let model = format!("models/{upstream}");
        let requests = texts.iter().map(|text| Request {
            content: Content { parts: [Part { text }] },
            model: &model,
            output_dimensionality: call.dimensions,
        });
        let body = Body { requests: requests.collect() };
        // Keys are strings, so this cannot fail.
        let body = serde_json::to_value(body).unwrap_or_default();
        let path = format!("/models/{}:batchEmbedContents", Segment(upstream));
        issues.written(Draft::json(&path, &body))
    }

    fn reply(&self, call: &EmbeddingCall, body: &Bytes) -> Result<EmbeddingReply, Malformed> {
        let Whole { embeddings, usage_metadata } = borrowed::read(body)?;
        if embeddings.len() != call.input.len() {
            let reason = format!("expected {} vectors, got {}", call.input.len(), embeddings.len());
            return Err(Malformed { pointer: "/embeddings".to_owned(), reason });
        }
        let vectors: Vec<Vec<f32>> = embeddings.into_iter().map(|one| one.values).collect();
        super::one_length(&vectors)?;
        let tokens = usage_metadata.and_then(|counted| counted.prompt_token_count);
        let usage =
            tokens.map(|input_tokens| Usage { input_tokens, requests: 1, ..Usage::default() });
        Ok(EmbeddingReply { usage, vectors: Some(vectors) })
    }
}

#[cfg(test)]
mod tests;
