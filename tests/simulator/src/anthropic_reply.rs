//! The reply of the Messages API, in one piece and in named events.
//!
//! Follows <https://docs.anthropic.com/en/api/messages> and
//! <https://docs.anthropic.com/en/api/messages-streaming>.

use serde_json::{Value, json};

use crate::answer::{Answer, Bounds, End, REFUSAL, pieces_of};
use crate::anthropic_messages::Message;
use crate::endpoint::Reply;
use crate::faults::Script;
use crate::tokens::count_tokens;

/// What the model thinks, when it is asked to think aloud.
const THOUGHT: &str = "The user says something, so I say it back.";

/// Stands for the seal of a thought.
const SIGNATURE: &str = "c2ltdWxhdG9y";

/// Bytes of one part of a call's input.
const INPUT_PIECE: usize = 8;

/// A block of the answer, in the parts in which it would be streamed.
enum Block {
    Text { citation: Option<Value>, pieces: Vec<String> },
    Thinking,
    ToolUse { id: String, input: Value, name: String },
}

struct Turn {
    blocks: Vec<Block>,
    output_tokens: u64,
    stop_reason: &'static str,
    stop_sequence: Option<String>,
    thinking_tokens: u64,
}

/// Answers in the form that was asked for.
pub(crate) fn reply(message: &Message, script: &Script, stream: bool) -> Reply {
    let turn = Turn::of(message, script);
    if stream { Reply::events(turn.events(message)) } else { turn.whole(message) }
}

impl Turn {
    fn of(message: &Message, script: &Script) -> Self {
        let thinking_tokens = if message.thinks { count_tokens(THOUGHT) } else { 0 };
        let mut blocks: Vec<Block> =
            message.thinks.then_some(Block::Thinking).into_iter().collect();
        let (said, stop_reason, stop_sequence) = if script.refuse {
            blocks.push(Block::Text { citation: None, pieces: Vec::new() });
            (0, "refusal", None)
        } else if !message.tools.is_empty() {
            let input = json!({ "input": message.prompt });
            for (index, name) in message.tools.iter().enumerate() {
                let id = format!("toolu_{}_{index}", message.id.trim_start_matches("msg_"));
                blocks.push(Block::ToolUse { id, input: input.clone(), name: name.clone() });
            }
            let calls = message.tools.iter();
            let said =
                calls.map(|name| count_tokens(name) + count_tokens(&input.to_string())).sum();
            (said, "tool_use", None)
        } else {
            let left = message.max_tokens.saturating_sub(thinking_tokens);
            let bounds =
                Bounds { json: message.json.as_ref(), max_tokens: Some(left), stop: &message.stop };
            let answer = Answer::to(&message.prompt, script, &bounds);
            let said = answer.tokens();
            blocks.push(Block::Text { citation: message.citation.clone(), pieces: answer.pieces });
            match answer.end {
                End::Cut => (said, "max_tokens", None),
                End::Natural => (said, "end_turn", None),
                End::Stop(stop) => (said, "stop_sequence", Some(stop)),
            }
        };
        let output_tokens = said + thinking_tokens;
        Self { blocks, output_tokens, stop_reason, stop_sequence, thinking_tokens }
    }

    fn whole(&self, message: &Message) -> Reply {
        let content: Vec<Value> = self.blocks.iter().map(Block::whole).collect();
        let mut body = self.shell(message, &content, self.output_tokens);
        if let Some(body) = body.as_object_mut() {
            body.insert("stop_reason".to_owned(), json!(self.stop_reason));
            body.insert("stop_sequence".to_owned(), json!(self.stop_sequence));
            body.insert("stop_details".to_owned(), self.stop_details());
        }
        Reply::json(200, &body)
    }

    fn events(&self, message: &Message) -> Vec<String> {
        let start = self.shell(message, &[], 1);
        let mut events = vec![event("message_start", json!({ "message": start }))];
        for (index, block) in self.blocks.iter().enumerate() {
            let start = json!({ "index": index, "content_block": block.start() });
            events.push(event("content_block_start", start));
            if index == 0 {
                events.push(event("ping", json!({})));
            }
            for delta in block.deltas() {
                let delta = json!({ "index": index, "delta": delta });
                events.push(event("content_block_delta", delta));
            }
            events.push(event("content_block_stop", json!({ "index": index })));
        }
        let delta = json!({
            "stop_reason": self.stop_reason,
            "stop_sequence": self.stop_sequence,
            "stop_details": self.stop_details(),
        });
        let usage = json!({ "output_tokens": self.output_tokens });
        events.push(event("message_delta", json!({ "delta": delta, "usage": usage })));
        events.push(event("message_stop", json!({})));
        events
    }

    /// A message that has not ended yet.
    fn shell(&self, message: &Message, content: &[Value], output_tokens: u64) -> Value {
        json!({
            "id": message.id,
            "type": "message",
            "role": "assistant",
            "model": message.model.snapshot,
            "content": content,
            "stop_reason": null,
            "stop_sequence": null,
            "stop_details": null,
            "container": null,
            "usage": {
                "input_tokens": message.input_tokens,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "cache_creation": { "ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0 },
                "output_tokens": output_tokens,
                "output_tokens_details": { "thinking_tokens": self.thinking_tokens },
                "server_tool_use": null,
                "service_tier": "standard",
            },
        })
    }

    fn stop_details(&self) -> Value {
        match self.stop_reason {
            "refusal" => json!({ "type": "refusal", "category": null, "explanation": REFUSAL }),
            _ => Value::Null,
        }
    }
}

impl Block {
    fn whole(&self) -> Value {
        match self {
            Self::Text { citation, pieces } => {
                let citations = citation.as_ref().map(|citation| json!([citation]));
                json!({ "type": "text", "text": pieces.concat(), "citations": citations })
            }
            Self::Thinking => {
                json!({ "type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE })
            }
            Self::ToolUse { id, input, name } => {
                json!({ "type": "tool_use", "id": id, "name": name, "input": input })
            }
        }
    }

    fn start(&self) -> Value {
        match self {
            Self::Text { citation: None, .. } => json!({ "type": "text", "text": "" }),
            Self::Text { .. } => json!({ "type": "text", "text": "", "citations": [] }),
            Self::Thinking => json!({ "type": "thinking", "thinking": "", "signature": "" }),
            Self::ToolUse { id, name, .. } => {
                json!({ "type": "tool_use", "id": id, "name": name, "input": {} })
            }
        }
    }

    fn deltas(&self) -> Vec<Value> {
        match self {
            Self::Text { citation, pieces } => {
                let texts =
                    pieces.iter().map(|piece| json!({ "type": "text_delta", "text": piece }));
                let citations = citation
                    .iter()
                    .map(|citation| json!({ "type": "citations_delta", "citation": citation }));
                texts.chain(citations).collect()
            }
            Self::Thinking => {
                let thoughts = THOUGHT.split_inclusive(", ");
                thoughts
                    .map(|thought| json!({ "type": "thinking_delta", "thinking": thought }))
                    .chain([json!({ "type": "signature_delta", "signature": SIGNATURE })])
                    .collect()
            }
            Self::ToolUse { input, .. } => {
                // The vendor begins with an empty part.
                let pieces = pieces_of(&input.to_string(), INPUT_PIECE);
                std::iter::once(String::new())
                    .chain(pieces)
                    .map(|piece| json!({ "type": "input_json_delta", "partial_json": piece }))
                    .collect()
            }
        }
    }
}

/// An event whose name stands in its data, too, before the other members.
fn event(name: &str, members: Value) -> String {
    let mut data = serde_json::Map::new();
    data.insert("type".to_owned(), json!(name));
    if let Value::Object(members) = members {
        data.extend(members);
    }
    format!("event: {name}\ndata: {}\n\n", Value::Object(data))
}
