//! The items of an answer while they are made.

use serde_json::{Value, json};

use super::super::openai_chat::logprobs;
use crate::chat::TokenLogprob;

/// A message, a part of which may be open.
#[derive(Debug)]
pub(super) struct Message {
    /// Where it stands in the output.
    pub(super) at: usize,
    pub(super) id: String,
    pub(super) pieces: Vec<Piece>,
}

/// A part of a message.
#[derive(Debug)]
pub(super) enum Piece {
    Refusal(String),
    Text(Text),
}

/// A part of text.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) annotations: Vec<Value>,
    /// In characters.
    pub(super) length: u64,
    pub(super) logprobs: Vec<TokenLogprob>,
    pub(super) text: String,
}

/// A thought, of which a summary may be told.
#[derive(Debug)]
pub(super) struct Thought {
    /// Where it stands in the output.
    pub(super) at: usize,
    /// What only its vendor can read.
    pub(super) encrypted: Option<String>,
    pub(super) id: String,
    pub(super) text: String,
}

/// A call of a tool.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) arguments: String,
    /// Where it stands in the output.
    pub(super) at: usize,
    pub(super) call_id: String,
    pub(super) id: String,
    /// Which call of the answer, from 0.
    pub(super) index: u32,
    pub(super) name: String,
}

impl Piece {
    /// The part as it is.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Refusal(text) => json!({"type": "refusal", "refusal": text}),
            Self::Text(part) => json!({
                "type": "output_text",
                "annotations": part.annotations,
                "logprobs": logprobs::list(&part.logprobs),
                "text": part.text,
            }),
        }
    }
}

impl Message {
    /// The item as it is.
    pub(super) fn json(&self, status: &str) -> Value {
        let content: Vec<Value> = self.pieces.iter().map(Piece::json).collect();
        json!({
            "id": self.id,
            "type": "message",
            "status": status,
            "content": content,
            "role": "assistant",
        })
    }
}

impl Thought {
    /// The item as it is.
    pub(super) fn json(&self) -> Value {
        let summary = match self.text.as_str() {
            "" => json!([]),
            text => json!([{"type": "summary_text", "text": text}]),
        };
        let mut item = json!({"id": self.id, "type": "reasoning", "summary": summary});
        if let (Some(item), Some(encrypted)) = (item.as_object_mut(), &self.encrypted) {
            item.insert("encrypted_content".to_owned(), encrypted.as_str().into());
        }
        item
    }
}

impl Call {
    /// The item as it is.
    pub(super) fn json(&self, status: &str) -> Value {
        json!({
            "id": self.id,
            "type": "function_call",
            "status": status,
            "arguments": self.arguments,
            "call_id": self.call_id,
            "name": self.name,
        })
    }
}
