//! Our answer out, to a caller that speaks Anthropic's protocol: whole or as a stream.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    super::{About, DialectStream, StreamFailure},
    citations, error_type, is_refusal, stop_reason, usage,
};
use crate::{
    chat::{ChatReply, Citation, Delta, Finish, Part, Seal, ToolCall},
    json,
    model::Protocol,
    receipt::Usage,
    sse,
};

/// Writes a `message` of the first answer: the protocol has no place for more.
pub(super) fn reply(reply: &ChatReply, about: &About) -> Value {
    let choice = reply.choices.first().cloned().unwrap_or_default();
    let content = blocks(&choice.parts, about);
    let stop_sequence = choice.stop_sequence.as_deref();
    let reason = stop_reason(&choice.finish, stop_sequence, is_refusal(&choice.parts));
    let words = choice.parts.iter().filter_map(|part| match part {
        Part::Refusal(text) => Some(text.as_str()),
        _ => None,
    });
    json!({
        "id": if reply.id.is_empty() { &about.receipt_id } else { &reply.id },
        "type": "message",
        "role": "assistant",
        "model": about.model,
        "content": content,
        "stop_reason": reason,
        "stop_sequence": stop_sequence,
        "stop_details": stop_details(reason, &words.collect::<String>()),
        "container": null,
        "usage": usage::write(&reply.usage.unwrap_or_default()),
    })
}

/// What is known of a refusal beside that it is one: the model's own words, if it had any.
fn stop_details(reason: &str, words: &str) -> Value {
    if reason != "refusal" {
        return Value::Null;
    }
    let explanation = (!words.is_empty()).then_some(words);
    json!({"type": "refusal", "category": null, "explanation": explanation})
}

fn blocks(parts: &[Part], about: &About) -> Vec<Value> {
    let mut blocks = Vec::new();
    for part in parts {
        match part {
            Part::Citation(citation) => cite(&mut blocks, citations::write(citation)),
            Part::Refusal(text) | Part::Text(text) => {
                if !text.is_empty() {
                    blocks.push(json!({"type": "text", "text": text, "citations": null}));
                }
            }
            Part::Sealed(seal) => blocks.push(sealed(seal, about)),
            Part::Thinking { seal, text } => {
                let seal = seal.as_ref().map(|seal| seal_text(seal, about)).unwrap_or_default();
                blocks.push(json!({"type": "thinking", "thinking": text, "signature": seal}));
            }
            Part::ToolCall(call) => {
                let (id, name, input) = (&call.id, &call.name, input(call));
                blocks.push(json!({"type": "tool_use", "id": id, "name": name, "input": input}));
                blocks.extend(call.seal.as_ref().map(|seal| sealed(seal, about)));
            }
            // No answer holds these.
            Part::Audio(_)
            | Part::CacheMark(_)
            | Part::Document(_)
            | Part::Image(_)
            | Part::ToolResult { .. } => {}
        }
    }
    blocks
}

fn seal_text(seal: &Seal, about: &About) -> String {
    seal.told_in(Protocol::AnthropicMessages, &about.provider_id)
}

/// A block that only the vendor can read. Another vendor's seal on a call stands right behind that call.
fn sealed(seal: &Seal, about: &About) -> Value {
    json!({"type": "redacted_thinking", "data": seal_text(seal, about)})
}

/// Adds a citation to the text that was written last.
fn cite(blocks: &mut [Value], citation: Value) {
    let texts = blocks.iter_mut().rev().filter_map(Value::as_object_mut);
    let mut texts = texts.filter(|block| block.contains_key("citations"));
    let Some(block) = texts.next() else { return };
    match block.get_mut("citations").and_then(Value::as_array_mut) {
        Some(list) => list.push(citation),
        None => {
            block.insert("citations".to_owned(), Value::Array(vec![citation]));
        }
    }
}

/// The input of a call, which must be an object here: text that is none is wrapped, so that it is not lost.
fn input(call: &ToolCall) -> Value {
    match call.arguments.trim() {
        "" => Value::Object(Map::new()),
        text => json::object(text.as_bytes())
            .map_or_else(|_| json!({"INVALID_JSON": text}), Value::Object),
    }
}

/// Writes named events. Of several answers only the first is told.
#[derive(Debug)]
pub(super) struct Writer {
    about: About,
    calls: Vec<CallBlock>,
    finish: Option<Finish>,
    /// The index of the next block.
    next: u32,
    open: Option<Open>,
    /// The words in which the model declined.
    refused: Option<String>,
    started: bool,
    stop_sequence: Option<String>,
    usage: Usage,
}

/// The block of a tool call. Vendors may go on with one after they have begun another; clients take a call as soon as its
/// block stops. So it stops once its arguments are whole, or at the end.
#[derive(Debug)]
struct CallBlock {
    arguments: Nesting,
    block: u32,
    /// The call's own index.
    call: u32,
    is_stopped: bool,
}

/// How deep in an object of JSON a text has come that is written piece by piece.
#[derive(Debug, Default)]
struct Nesting {
    depth: usize,
    is_begun: bool,
    is_escaped: bool,
    is_quoted: bool,
}

impl Nesting {
    fn more(&mut self, text: &str) {
        for byte in text.bytes() {
            match (self.is_quoted, byte) {
                (true, _) if self.is_escaped => self.is_escaped = false,
                (true, b'\\') => self.is_escaped = true,
                (_, b'"') => self.is_quoted = !self.is_quoted,
                (false, b'{' | b'[') => {
                    self.is_begun = true;
                    self.depth = self.depth.saturating_add(1);
                }
                (false, b'}' | b']') => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.is_begun && self.depth == 0 && !self.is_quoted
    }
}

/// The event that most of a stream is made of.
#[derive(Serialize)]
struct Piece<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: u32,
    delta: More<'a>,
}

/// What a piece is of.
#[derive(Serialize)]
#[serde(tag = "type")]
enum More<'a> {
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
}

/// The block that is open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Open {
    Call(u32),
    Sealed,
    Text,
    Thinking,
}

impl Writer {
    pub(super) fn new(about: About) -> Self {
        Self {
            about,
            calls: Vec::new(),
            finish: None,
            next: 0,
            open: None,
            refused: None,
            started: false,
            stop_sequence: None,
            usage: Usage::default(),
        }
    }

    /// Writes `message_start`, once. What the vendor counts at the end only is 0 here; `message_delta`
    /// tells all counters, which replace these.
    fn start(&mut self, id: &str) -> String {
        if core::mem::replace(&mut self.started, true) {
            return String::new();
        }
        let message = json!({
            "id": if id.is_empty() { self.about.receipt_id.as_str() } else { id },
            "type": "message",
            "role": "assistant",
            "model": self.about.model,
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "stop_details": null,
            "container": null,
            "usage": usage::write(&self.usage),
        });
        event("message_start", json!({"message": message}))
    }

    /// Closes the open block and opens another, unless it is open already.
    fn switch(&mut self, to: Open, content: &Value) -> String {
        let mut text = self.start("");
        if self.open == Some(to) {
            return text;
        }
        text.push_str(&self.close());
        text.push_str(&event(
            "content_block_start",
            json!({"index": self.next, "content_block": content}),
        ));
        self.open = Some(to);
        self.next = self.next.saturating_add(1);
        text
    }

    fn close(&mut self) -> String {
        match self.open.take() {
            Some(Open::Call(call)) => self.stop_whole(call),
            // The vendor signs all of its thoughts, and clients drop one whose signature they have not heard of.
            Some(Open::Thinking) => {
                let mut text = self.more(json!({"type": "signature_delta", "signature": ""}));
                text.push_str(&stop(self.next.saturating_sub(1)));
                text
            }
            Some(Open::Sealed | Open::Text) => stop(self.next.saturating_sub(1)),
            None => String::new(),
        }
    }

    /// Stops the block of a call, if nothing can be missing of it.
    fn stop_whole(&mut self, call: u32) -> String {
        let mut calls = self.calls.iter_mut();
        let block = calls.find(|one| one.call == call && one.arguments.is_whole());
        block.map(CallBlock::stop).unwrap_or_default()
    }

    fn text(&mut self, more: &str) -> String {
        let mut text = self.switch(Open::Text, &json!({"type": "text", "text": ""}));
        text.push_str(&self.piece(More::Text { text: more }));
        text
    }

    fn citation(&mut self, citation: &Citation) -> String {
        let mut text = self.switch(Open::Text, &json!({"type": "text", "text": ""}));
        let citation = citations::write(citation);
        text.push_str(&self.more(json!({"type": "citations_delta", "citation": citation})));
        text
    }

    /// A block of its own, whole.
    fn sealed(&mut self, seal: &Seal) -> String {
        let mut text = self.switch(Open::Sealed, &sealed(seal, &self.about));
        text.push_str(&self.close());
        text
    }

    fn thinking(&mut self, more: &str, signature: Option<&str>) -> String {
        let mut text = self
            .switch(Open::Thinking, &json!({"type": "thinking", "thinking": "", "signature": ""}));
        if !more.is_empty() {
            text.push_str(&self.piece(More::Thinking { thinking: more }));
        }
        if let Some(signature) = signature {
            text.push_str(&self.more(json!({"type": "signature_delta", "signature": signature})));
            // A seal is of one thought: what comes next is another.
            self.open = None;
            text.push_str(&stop(self.next.saturating_sub(1)));
        }
        text
    }

    fn call(
        &mut self,
        index: u32,
        id: Option<&str>,
        name: Option<&str>,
        arguments: &str,
    ) -> String {
        let mut text = String::new();
        if self.calls.iter().all(|one| one.call != index) {
            let made = format!("toolu_{}_{index}", self.about.receipt_id);
            let id = id.filter(|id| !id.is_empty()).unwrap_or(&made);
            let content = json!({"type": "tool_use", "id": id, "name": name.unwrap_or_default(), "input": {}});
            let (arguments, block) = (Nesting::default(), self.next);
            text = self.switch(Open::Call(index), &content);
            self.calls.push(CallBlock { arguments, block, call: index, is_stopped: false });
        }
        let one = self.calls.iter_mut().find(|one| one.call == index);
        if let Some(one) = one.filter(|_| !arguments.is_empty()) {
            one.arguments.more(arguments);
            let delta = json!({"type": "input_json_delta", "partial_json": arguments});
            let members = json!({"index": one.block, "delta": delta});
            // Even if its block has stopped: clients add up by index, and nothing may be lost.
            text.push_str(&event("content_block_delta", members));
            if self.open != Some(Open::Call(index)) {
                text.push_str(&self.stop_whole(index));
            }
        }
        text
    }

    /// The next piece of the open block: the same bytes as [`Self::more`] writes, without a tree of values.
    fn piece(&self, delta: More<'_>) -> String {
        let index = self.next.saturating_sub(1);
        let piece = Piece { kind: "content_block_delta", index, delta };
        // Writing text and numbers cannot fail.
        let data = serde_json::to_string(&piece).unwrap_or_default();
        sse::encode(Some(piece.kind), &data)
    }

    /// More of the open block, which is always the last one.
    fn more(&self, delta: Value) -> String {
        event("content_block_delta", json!({"index": self.next.saturating_sub(1), "delta": delta}))
    }
}

impl DialectStream for Writer {
    fn delta(&mut self, delta: &Delta) -> Bytes {
        let text = match delta {
            Delta::Citation { choice: 0, citation } => self.citation(citation),
            Delta::Finish { choice: 0, finish, stop_sequence } => {
                self.finish = Some(finish.clone());
                self.stop_sequence.clone_from(stop_sequence);
                String::new()
            }
            Delta::Refusal { choice: 0, text } => {
                self.refused.get_or_insert_default().push_str(text);
                self.text(text)
            }
            Delta::Sealed { call: _, choice: 0, seal } => self.sealed(seal),
            Delta::Start { id, model: _ } => self.start(id),
            Delta::Text { choice: 0, text } => self.text(text),
            Delta::Thinking { choice: 0, seal, text } => {
                let seal = seal.as_ref().map(|seal| seal_text(seal, &self.about));
                self.thinking(text, seal.as_deref())
            }
            Delta::ToolCall { arguments, choice: 0, id, index, name } => {
                self.call(*index, id.as_deref(), name.as_deref(), arguments)
            }
            Delta::Usage(usage) => {
                self.usage = *usage;
                String::new()
            }
            // The protocol has no place for probabilities, nor for a second answer.
            Delta::Citation { .. }
            | Delta::Finish { .. }
            | Delta::Logprobs { .. }
            | Delta::Refusal { .. }
            | Delta::Sealed { .. }
            | Delta::ServiceTier(_)
            | Delta::Text { .. }
            | Delta::Thinking { .. }
            | Delta::ToolCall { .. } => String::new(),
        };
        Bytes::from(text)
    }

    fn end(&mut self) -> Bytes {
        let mut text = self.start("");
        text.push_str(&self.close());
        text.extend(self.calls.iter_mut().map(CallBlock::stop));
        let finish = self.finish.take().unwrap_or_default();
        let stop_sequence = self.stop_sequence.take();
        let refused = self.refused.take();
        let reason = stop_reason(&finish, stop_sequence.as_deref(), refused.is_some());
        let delta = json!({
            "stop_reason": reason,
            "stop_sequence": stop_sequence,
            "stop_details": stop_details(reason, &refused.unwrap_or_default()),
            "container": null,
        });
        text.push_str(&event(
            "message_delta",
            json!({"delta": delta, "usage": usage::write(&self.usage)}),
        ));
        text.push_str(&event("message_stop", json!({})));
        Bytes::from(text)
    }

    fn fail(&mut self, failure: &StreamFailure) -> Bytes {
        let error = json!({"type": error_type(failure.status), "message": failure.message});
        Bytes::from(event("error", json!({"error": error, "request_id": self.about.request_id})))
    }
}

impl CallBlock {
    /// Nothing more comes of it. Says so once.
    fn stop(&mut self) -> String {
        match core::mem::replace(&mut self.is_stopped, true) {
            true => String::new(),
            false => stop(self.block),
        }
    }
}

fn stop(index: u32) -> String {
    event("content_block_stop", json!({"index": index}))
}

/// Writes an event: its name stands in the data once more, as `type`.
fn event(name: &str, members: Value) -> String {
    let mut data = Map::new();
    data.insert("type".to_owned(), name.into());
    if let Value::Object(members) = members {
        data.extend(members);
    }
    sse::encode(Some(name), &Value::Object(data).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_whole_when_their_object_is() {
        for (text, is_whole) in [
            ("", false),
            (" ", false),
            ("{}", true),
            (r#" {"a": [{"b": "}"}]} "#, true),
            (r#"{"a": "\"}"#, false),
            (r#"{"a": "\\"}"#, true),
            (r#"{"a": {"b": 1}"#, false),
        ] {
            let mut nesting = Nesting::default();
            for piece in text.split_inclusive(|_| true) {
                nesting.more(piece);
            }
            assert_eq!(nesting.is_whole(), is_whole, "{text}");
        }
    }

    #[test]
    fn a_piece_is_written_like_any_event() {
        let about = About {
            created: 1_795_000_000,
            include_usage: false,
            model: "m".to_owned(),
            provider_id: String::new(),
            receipt_id: "r".to_owned(),
            request_id: "q".to_owned(),
        };
        let mut writer = Writer::new(about);
        writer.switch(Open::Text, &json!({"type": "text", "text": ""}));
        for text in ["", "a", "\"\\/\n\r\t\u{0}\u{7f}ü日🦀\u{2028}"] {
            let event = writer.more(json!({"type": "text_delta", "text": text}));
            assert_eq!(writer.piece(More::Text { text }), event);
            let event = writer.more(json!({"type": "thinking_delta", "thinking": text}));
            assert_eq!(writer.piece(More::Thinking { thinking: text }), event);
        }
    }
}
