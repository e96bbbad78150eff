//! Our answer out, to a caller that speaks OpenAI's responses: in events, in the documented order.
//!
//! One message or thought is open at a time. Calls are closed at the end, since their pieces may come mixed.
//!
//! Follows <https://platform.openai.com/docs/api-reference/responses-streaming>.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{
    super::{About, DialectStream, StreamFailure, openai_chat::logprobs},
    annotations, incomplete_reason,
    output::{Call, Message, Piece, Text, Thought},
    thoughts,
    writer::{begun, ended},
};
use crate::{
    chat::{Citation, Delta, Finish, Seal, TokenLogprob},
    json,
    receipt::Usage,
    sse,
};

/// Writes named events with rising numbers. Of several answers only the first is told.
#[derive(Debug)]
pub(super) struct Writer {
    about: About,
    asked: Map<String, Value>,
    calls: Vec<Call>,
    /// Items that are whole, by their place in the output.
    done: BTreeMap<usize, Value>,
    finish: Option<Finish>,
    id: String,
    /// The place of the next item.
    next: usize,
    open: Option<Open>,
    /// Probabilities that came before their text.
    pending: Vec<TokenLogprob>,
    /// The response of a vendor whose events pass as they are.
    relayed: Option<Map<String, Value>>,
    sequence: u64,
    started: bool,
    usage: Option<Usage>,
}

/// What is open.
#[derive(Debug)]
enum Open {
    Message(Message),
    Thought(Thought),
}

impl Writer {
    pub(super) fn new(about: About, asked: Map<String, Value>) -> Self {
        Self {
            id: response_id("", &about),
            about,
            asked,
            calls: Vec::new(),
            done: BTreeMap::new(),
            finish: None,
            next: 0,
            open: None,
            pending: Vec::new(),
            relayed: None,
            sequence: 0,
            started: false,
            usage: None,
        }
    }

    /// The whole response, as it is at the end.
    pub(super) fn whole(mut self) -> Value {
        self.close_all();
        self.response()
    }

    fn response(&self) -> Value {
        let finish = self.finish.clone().unwrap_or_default();
        let output = self.done.values().cloned().collect();
        let response = begun(&self.id, &self.about, &self.asked);
        ended(response, &self.about, &finish, output, self.usage.as_ref())
    }

    fn event(&mut self, kind: &str, members: Value) -> String {
        let mut data = Map::new();
        data.insert("type".to_owned(), kind.into());
        data.insert("sequence_number".to_owned(), self.sequence.into());
        self.sequence = self.sequence.saturating_add(1);
        if let Value::Object(members) = members {
            data.extend(members);
        }
        sse::encode(Some(kind), &Value::Object(data).to_string())
    }

    /// An event about an item, or a part of it.
    fn of_item(&mut self, kind: &str, (id, at): (&str, usize), members: Value) -> String {
        let mut data = json!({"item_id": id, "output_index": at});
        if let (Some(data), Value::Object(members)) = (data.as_object_mut(), members) {
            data.extend(members);
        }
        self.event(kind, data)
    }

    fn start(&mut self, id: &str) -> String {
        if core::mem::replace(&mut self.started, true) {
            return String::new();
        }
        self.id = response_id(id, &self.about);
        let response = Value::Object(begun(&self.id, &self.about, &self.asked));
        let mut text = self.event("response.created", json!({"response": response}));
        text.push_str(&self.event("response.in_progress", json!({"response": response})));
        text
    }

    /// The place of a new item, and an id with the prefix that the vendor has for its type.
    fn place(&mut self, prefix: &str) -> (usize, String) {
        let at = self.next;
        self.next = at.saturating_add(1);
        (at, format!("{prefix}_{}_{at}", suffix(&self.about)))
    }

    fn added(&mut self, at: usize, item: &Value) -> String {
        let mut text = self.start("");
        let members = json!({"output_index": at, "item": item});
        text.push_str(&self.event("response.output_item.added", members));
        text
    }

    fn item_done(&mut self, at: usize, item: Value) -> String {
        let text =
            self.event("response.output_item.done", json!({"output_index": at, "item": item}));
        self.done.insert(at, item);
        text
    }

    /// Closes the message or the thought that is open. `is_last`: nothing of the answer follows it.
    fn close(&mut self, is_last: bool) -> String {
        match self.open.take() {
            Some(Open::Message(message)) => {
                let mut text = self.piece_done(&message);
                let status = if is_last && self.is_cut() { "incomplete" } else { "completed" };
                text.push_str(&self.item_done(message.at, message.json(status)));
                text
            }
            Some(Open::Thought(thought)) => {
                let mut text = String::new();
                if !thought.text.is_empty() {
                    let place = (thought.id.as_str(), thought.at);
                    let members = json!({"summary_index": 0, "text": thought.text});
                    let kind = "response.reasoning_summary_text.done";
                    text.push_str(&self.of_item(kind, place, members));
                    let part = json!({"type": "summary_text", "text": thought.text});
                    let members = json!({"summary_index": 0, "part": part});
                    let kind = "response.reasoning_summary_part.done";
                    text.push_str(&self.of_item(kind, place, members));
                }
                text.push_str(&self.item_done(thought.at, thought.json()));
                text
            }
            None => String::new(),
        }
    }

    /// Closes all that is open. Of an answer that was cut the last item is incomplete.
    fn close_all(&mut self) -> String {
        let is_last = self.calls.iter().all(|call| call.at.saturating_add(1) != self.next);
        let mut text = self.close(is_last);
        for call in core::mem::take(&mut self.calls) {
            let members = json!({"arguments": call.arguments});
            let kind = "response.function_call_arguments.done";
            text.push_str(&self.of_item(kind, (&call.id, call.at), members));
            let is_last = call.at.saturating_add(1) == self.next;
            let status = if is_last && self.is_cut() { "incomplete" } else { "completed" };
            text.push_str(&self.item_done(call.at, call.json(status)));
        }
        text
    }

    fn is_cut(&self) -> bool {
        self.finish.as_ref().and_then(incomplete_reason).is_some()
    }

    /// Tells the last part of a message whole.
    fn piece_done(&mut self, message: &Message) -> String {
        let Some(piece) = message.pieces.last() else { return String::new() };
        let index = message.pieces.len().saturating_sub(1);
        let place = (message.id.as_str(), message.at);
        let mut text = match piece {
            Piece::Refusal(words) => {
                let members = json!({"content_index": index, "refusal": words});
                self.of_item("response.refusal.done", place, members)
            }
            Piece::Text(part) => {
                let tokens = logprobs::list(&part.logprobs);
                let members =
                    json!({"content_index": index, "text": part.text, "logprobs": tokens});
                self.of_item("response.output_text.done", place, members)
            }
        };
        let members = json!({"content_index": index, "part": piece.json()});
        text.push_str(&self.of_item("response.content_part.done", place, members));
        text
    }

    /// The open message, else a new one.
    fn message(&mut self, text: &mut String) -> Message {
        match self.open.take() {
            Some(Open::Message(message)) => message,
            other => {
                self.open = other;
                text.push_str(&self.close(false));
                let (at, id) = self.place("msg");
                let message = Message { at, id, pieces: Vec::new() };
                text.push_str(&self.added(at, &message.json("in_progress")));
                message
            }
        }
    }

    /// Adds a part to a message, after the last one.
    fn add_piece(&mut self, message: &mut Message, piece: Piece, text: &mut String) {
        text.push_str(&self.piece_done(message));
        let members = json!({"content_index": message.pieces.len(), "part": piece.json()});
        let place = (message.id.as_str(), message.at);
        text.push_str(&self.of_item("response.content_part.added", place, members));
        message.pieces.push(piece);
    }

    /// Changes the part of text that is open, and tells how.
    fn in_text(&mut self, change: impl FnOnce(&mut Text) -> (&'static str, Value)) -> String {
        let mut text = String::new();
        let mut message = self.message(&mut text);
        if !matches!(message.pieces.last(), Some(Piece::Text(_))) {
            self.add_piece(&mut message, Piece::Text(Text::default()), &mut text);
        }
        let index = message.pieces.len().saturating_sub(1);
        if let Some(Piece::Text(part)) = message.pieces.last_mut() {
            let (kind, mut members) = change(part);
            if let Some(members) = members.as_object_mut() {
                members.insert("content_index".to_owned(), index.into());
            }
            text.push_str(&self.of_item(kind, (&message.id, message.at), members));
        }
        self.open = Some(Open::Message(message));
        text
    }

    fn text(&mut self, more: &str, tokens: Vec<TokenLogprob>) -> String {
        let mut all = core::mem::take(&mut self.pending);
        all.extend(tokens);
        self.in_text(|part| {
            part.text.push_str(more);
            let length = u64::try_from(more.chars().count()).unwrap_or(u64::MAX);
            part.length = part.length.saturating_add(length);
            let members = json!({"delta": more, "logprobs": logprobs::list(&all)});
            part.logprobs.append(&mut all);
            ("response.output_text.delta", members)
        })
    }

    fn logprobs(&mut self, tokens: &[TokenLogprob]) -> String {
        let in_text = matches!(
            &self.open,
            Some(Open::Message(message)) if matches!(message.pieces.last(), Some(Piece::Text(_)))
        );
        if in_text {
            return self.text("", tokens.to_vec());
        }
        self.pending.extend_from_slice(tokens);
        String::new()
    }

    fn citation(&mut self, citation: &Citation) -> String {
        if annotations::write(citation, 0).is_none() {
            return String::new();
        }
        self.in_text(|part| {
            let note = annotations::write(citation, part.length);
            let members = json!({"annotation_index": part.annotations.len(), "annotation": note});
            part.annotations.extend(note);
            ("response.output_text.annotation.added", members)
        })
    }

    fn refusal(&mut self, more: &str) -> String {
        let mut text = String::new();
        let mut message = self.message(&mut text);
        if !matches!(message.pieces.last(), Some(Piece::Refusal(_))) {
            self.add_piece(&mut message, Piece::Refusal(String::new()), &mut text);
        }
        if let Some(Piece::Refusal(words)) = message.pieces.last_mut() {
            words.push_str(more);
        }
        let index = message.pieces.len().saturating_sub(1);
        let members = json!({"content_index": index, "delta": more});
        let place = (message.id.as_str(), message.at);
        text.push_str(&self.of_item("response.refusal.delta", place, members));
        self.open = Some(Open::Message(message));
        text
    }

    fn thought(&mut self, more: &str, seal: Option<&Seal>) -> String {
        let mut text = String::new();
        let mut thought = match self.open.take() {
            Some(Open::Thought(thought)) => thought,
            other => {
                self.open = other;
                text.push_str(&self.close(false));
                self.new_thought(seal, &mut text)
            }
        };
        let place = (thought.id.as_str(), thought.at);
        if !more.is_empty() {
            if thought.text.is_empty() {
                let part = json!({"type": "summary_text", "text": ""});
                let members = json!({"summary_index": 0, "part": part});
                let kind = "response.reasoning_summary_part.added";
                text.push_str(&self.of_item(kind, place, members));
            }
            let members = json!({"summary_index": 0, "delta": more});
            let kind = "response.reasoning_summary_text.delta";
            text.push_str(&self.of_item(kind, place, members));
            thought.text.push_str(more);
        }
        // A seal is the end of what it is on.
        let is_over = seal.is_some();
        if let Some(seal) = seal {
            thought.encrypted =
                Some(thoughts::encrypted_content(seal, &thought.id, &self.about.provider_id));
        }
        self.open = Some(Open::Thought(thought));
        if is_over {
            text.push_str(&self.close(false));
        }
        text
    }

    /// Opens a thought. Its id is that of the seal, where the seal came with it: it is good for that alone.
    fn new_thought(&mut self, seal: Option<&Seal>, text: &mut String) -> Thought {
        let (at, made) = self.place("rs");
        let own = seal.and_then(thoughts::own);
        let id = own.map_or(made, |(id, _)| id.to_owned());
        let thought = Thought { at, encrypted: None, id, text: String::new() };
        text.push_str(&self.added(at, &thought.json()));
        thought
    }

    fn call(
        &mut self,
        index: u32,
        id: Option<&str>,
        name: Option<&str>,
        arguments: &str,
    ) -> String {
        let mut text = String::new();
        let known = self.calls.iter().position(|call| call.index == index);
        let at = match known {
            Some(at) => at,
            None => {
                text.push_str(&self.close(false));
                let (at, item) = self.place("fc");
                let made = format!("call_{}_{at}", suffix(&self.about));
                let call = Call {
                    arguments: String::new(),
                    at,
                    call_id: id.filter(|id| !id.is_empty()).unwrap_or(&made).to_owned(),
                    id: item,
                    index,
                    name: name.unwrap_or_default().to_owned(),
                };
                text.push_str(&self.added(at, &call.json("in_progress")));
                self.calls.push(call);
                self.calls.len().saturating_sub(1)
            }
        };
        let Some(call) = self.calls.get_mut(at).filter(|_| !arguments.is_empty()) else {
            return text;
        };
        call.arguments.push_str(arguments);
        let (id, place) = (call.id.clone(), call.at);
        let members = json!({"delta": arguments});
        let kind = "response.function_call_arguments.delta";
        text.push_str(&self.of_item(kind, (&id, place), members));
        text
    }
}

impl DialectStream for Writer {
    fn delta(&mut self, delta: &Delta) -> Bytes {
        let text = match delta {
            Delta::Citation { choice: 0, citation } => self.citation(citation),
            Delta::Finish { choice: 0, finish, stop_sequence: _ } => {
                self.finish = Some(finish.clone());
                String::new()
            }
            Delta::Logprobs { choice: 0, tokens } => self.logprobs(tokens),
            Delta::Refusal { choice: 0, text } => self.refusal(text),
            // Another vendor's seal on a call stands right behind that call.
            Delta::Sealed { call: _, choice: 0, seal } => self.thought("", Some(seal)),
            Delta::Start { id, model: _ } => self.start(id),
            Delta::Text { choice: 0, text } => self.text(text, Vec::new()),
            Delta::Thinking { choice: 0, seal, text } => self.thought(text, seal.as_ref()),
            Delta::ToolCall { arguments, choice: 0, id, index, name } => {
                self.call(*index, id.as_deref(), name.as_deref(), arguments)
            }
            Delta::Usage(usage) => {
                self.usage = Some(*usage);
                String::new()
            }
            // The protocol has no place for a second answer, and the caller did not ask the vendor that
            // said the tier.
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
        text.push_str(&self.close_all());
        let response = self.response();
        let kind = if self.is_cut() { "response.incomplete" } else { "response.completed" };
        text.push_str(&self.event(kind, json!({"response": response})));
        Bytes::from(text)
    }

    /// Once there is a response it has failed; before that there is nothing but an error.
    fn fail(&mut self, failure: &StreamFailure) -> Bytes {
        let code = failure.code.to_ascii_lowercase();
        let message = failure.message.as_str();
        let begun = match self.relayed.take() {
            None if self.started => Some(begun(&self.id, &self.about, &self.asked)),
            relayed => relayed,
        };
        let Some(mut response) = begun else {
            let members = json!({"code": code, "message": message, "param": null});
            return Bytes::from(self.event("error", members));
        };
        // Clients know a closed set of codes here.
        let code = if failure.status == 429 { "rate_limit_exceeded" } else { "server_error" };
        response.insert("status".to_owned(), "failed".into());
        response.insert("error".to_owned(), json!({"code": code, "message": message}));
        if !self.done.is_empty() {
            let output: Vec<Value> = self.done.values().cloned().collect();
            response.insert("output".to_owned(), output.into());
        }
        Bytes::from(self.event("response.failed", json!({"response": response})))
    }

    fn passed(&mut self, event: &sse::Event) {
        if let Some(number) = sequence_number(&event.data) {
            self.sequence = number.saturating_add(1);
        }
        if self.relayed.is_none() && event.event.as_deref() == Some("response.created") {
            let data = json::object(event.data.as_bytes()).unwrap_or_default();
            self.relayed = data.get("response").and_then(Value::as_object).cloned();
        }
    }
}

/// Finds the number of an event without reading it whole: within texts a quote has a backslash before it, so
/// that the name stands nowhere else like this.
fn sequence_number(data: &str) -> Option<u64> {
    let (_, rest) = data.split_once("\"sequence_number\":")?;
    let rest = rest.trim_start();
    let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

/// The id of a response: the vendor's own, where it is one of a response, else ours.
fn response_id(id: &str, about: &About) -> String {
    if id.starts_with("resp_") { id.to_owned() } else { format!("resp_{}", suffix(about)) }
}

/// What makes ids ours: the receipt's id without its prefix.
fn suffix(about: &About) -> &str {
    let id = about.receipt_id.as_str();
    id.split_once('_').map_or(id, |(_, rest)| rest)
}
