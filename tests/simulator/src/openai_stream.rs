//! The chat reply in events: `chat.completion.chunk`, then `[DONE]`.
//!
//! Follows <https://platform.openai.com/docs/api-reference/chat-streaming>.

use serde_json::{Map, Value, json};

use crate::answer::{REFUSAL, pieces_of};
use crate::config::Vendor;
use crate::endpoint::{CREATED, Reply};
use crate::faults::Script;
use crate::openai_chat::Chat;
use crate::openai_reply::{Call, Turn, finish_reason, logprobs, turn, usage};

/// Bytes of one part of a call's arguments.
const ARGUMENTS_PIECE: usize = 8;

/// Answers in events.
pub(crate) fn reply(chat: &Chat, script: &Script) -> Reply {
    let turn = turn(chat, script);
    let mut events = Vec::new();
    for index in 0..chat.choices {
        let choice = Choice { chat, index };
        match &turn {
            Turn::Calls(calls) => choice.calls(calls, &mut events),
            Turn::Refuses => choice.refusal(&mut events),
            Turn::Says(answer) => choice.text(&answer.pieces, &mut events),
        }
        let mut last = chunk(
            chat,
            &json!([{
                "index": index,
                "delta": {},
                "logprobs": null,
                "finish_reason": finish_reason(chat, &turn),
            }]),
        );
        if index + 1 == chat.choices {
            host_usage(chat, &turn, &mut last);
        }
        events.push(event(&last));
    }
    if chat.include_usage && chat.vendor != Vendor::Mistral {
        let mut last = chunk(chat, &json!([]));
        last.insert("usage".to_owned(), usage(chat, &turn));
        events.push(event(&last));
    }
    events.push("data: [DONE]\n\n".to_owned());
    Reply::events(events)
}

struct Choice<'a> {
    chat: &'a Chat,
    index: u64,
}

impl Choice<'_> {
    fn text(&self, pieces: &[String], events: &mut Vec<String>) {
        events.push(
            self.delta(&json!({ "role": "assistant", "content": "", "refusal": null }), None),
        );
        for piece in pieces {
            events.push(self.delta(&json!({ "content": piece }), Some(piece)));
        }
    }

    fn refusal(&self, events: &mut Vec<String>) {
        events.push(
            self.delta(&json!({ "role": "assistant", "content": null, "refusal": "" }), None),
        );
        for piece in REFUSAL.split_inclusive(' ') {
            let name = if self.chat.vendor == Vendor::OpenAi { "refusal" } else { "content" };
            events.push(self.delta(&json!({ name: piece }), None));
        }
    }

    /// Id and name stand in the first part only; the arguments follow in pieces.
    fn calls(&self, calls: &[Call], events: &mut Vec<String>) {
        events.push(
            self.delta(&json!({ "role": "assistant", "content": null, "refusal": null }), None),
        );
        for (index, call) in calls.iter().enumerate() {
            let function = json!({ "name": call.name, "arguments": "" });
            let first =
                json!({ "index": index, "id": call.id, "type": "function", "function": function });
            events.push(self.delta(&json!({ "tool_calls": [first] }), None));
            for piece in pieces_of(&call.arguments, ARGUMENTS_PIECE) {
                let part = json!({ "index": index, "function": { "arguments": piece } });
                events.push(self.delta(&json!({ "tool_calls": [part] }), None));
            }
        }
    }

    fn delta(&self, delta: &Value, piece: Option<&String>) -> String {
        let logprobs = match piece {
            Some(piece) if self.chat.logprobs => logprobs(std::iter::once(piece)),
            Some(_) | None => Value::Null,
        };
        let mut chunk = chunk(
            self.chat,
            &json!([{
                "index": self.index,
                "delta": delta,
                "logprobs": logprobs,
                "finish_reason": null,
            }]),
        );
        if let Some(piece) = piece.filter(|_| self.chat.obfuscate) {
            // Padding to a multiple of 16 hides how long the piece was.
            let padding = "x".repeat(16 - piece.len() % 16);
            chunk.insert("obfuscation".to_owned(), json!(padding));
        }
        event(&chunk)
    }
}

fn chunk(chat: &Chat, choices: &Value) -> Map<String, Value> {
    let mut chunk = Map::new();
    chunk.insert("id".to_owned(), json!(chat.id));
    chunk.insert("object".to_owned(), json!("chat.completion.chunk"));
    chunk.insert("created".to_owned(), json!(CREATED));
    chunk.insert("model".to_owned(), json!(chat.model.snapshot));
    chunk.insert("service_tier".to_owned(), json!(chat.service_tier));
    chunk.insert("system_fingerprint".to_owned(), Value::Null);
    chunk.insert("choices".to_owned(), choices.clone());
    if chat.include_usage {
        chunk.insert("usage".to_owned(), Value::Null);
    }
    chunk
}

/// What some hosts add to the last chunk of a choice without being asked.
fn host_usage(chat: &Chat, turn: &Turn, last: &mut Map<String, Value>) {
    match chat.vendor {
        Vendor::Groq => {
            let own = json!({ "id": chat.id, "usage": usage(chat, turn) });
            last.insert("x_groq".to_owned(), own);
        }
        Vendor::Mistral => {
            last.insert("usage".to_owned(), usage(chat, turn));
        }
        _ => {}
    }
}

fn event(chunk: &Map<String, Value>) -> String {
    format!("data: {}\n\n", Value::Object(chunk.clone()))
}
