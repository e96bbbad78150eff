//! Our answer out, to a caller that speaks OpenAI's protocol: whole or as a stream.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    super::{About, DialectStream, StreamFailure},
    annotations,
    error::error_event,
    finish_word, logprobs,
    thoughts::{self, Detail},
    usage,
};
use crate::{
    chat::{ChatReply, Choice, Delta, Finish, Part, Seal, TokenLogprob},
    receipt::Usage,
    sse,
};

/// Writes a `chat.completion`, with all members that strict clients want.
///
/// Thoughts go as `reasoning_content`, which OpenAI's clients skip and many others show; with a vendor's
/// seal also as `reasoning_details`, for callers that send them back.
pub(super) fn reply(reply: &ChatReply, about: &About) -> Value {
    let choices: Vec<Value> = reply
        .choices
        .iter()
        .enumerate()
        .map(|(index, choice)| self::choice(index, choice, about))
        .collect();
    let mut body = json!({
        "id": if reply.id.is_empty() { &about.receipt_id } else { &reply.id },
        "object": "chat.completion",
        "created": about.created,
        "model": about.model,
        "choices": choices,
    });
    if let (Some(body), Some(usage)) = (body.as_object_mut(), &reply.usage) {
        body.insert("usage".to_owned(), usage::write(usage));
    }
    body
}

fn choice(index: usize, choice: &Choice, about: &About) -> Value {
    let (mut text, mut refusal, mut thoughts) = (None::<String>, None::<String>, None::<String>);
    let (mut calls, mut details, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for part in &choice.parts {
        match part {
            Part::Citation(citation) => {
                let length = text.as_deref().map_or(0, |text| text.chars().count());
                let length = u64::try_from(length).unwrap_or(u64::MAX);
                notes.extend(annotations::write(citation, length));
            }
            Part::Refusal(more) => refusal.get_or_insert_default().push_str(more),
            Part::Sealed(seal) => details.push(Detail::Encrypted { call: None, seal }),
            Part::Text(more) => text.get_or_insert_default().push_str(more),
            Part::Thinking { seal, text: more } => {
                thoughts.get_or_insert_default().push_str(more);
                details.push(Detail::Text { seal: seal.as_ref(), text: more });
            }
            Part::ToolCall(call) => {
                if let Some(seal) = &call.seal {
                    details.push(Detail::Encrypted { call: Some(&call.id), seal });
                }
                calls.push(json!({
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }));
            }
            // No answer holds these.
            Part::Audio(_)
            | Part::CacheMark(_)
            | Part::Document(_)
            | Part::Image(_)
            | Part::ToolResult { .. } => {}
        }
    }
    let is_sealed = |detail: &Detail<'_>| !matches!(detail, Detail::Text { seal: None, .. });
    if calls.is_empty() && refusal.is_none() {
        text.get_or_insert_default();
    }
    let mut message = Map::new();
    message.insert("role".to_owned(), "assistant".into());
    message.insert("content".to_owned(), text.into());
    message.insert("refusal".to_owned(), refusal.into());
    if let Some(thoughts) = thoughts.filter(|thoughts| !thoughts.is_empty()) {
        message.insert("reasoning_content".to_owned(), thoughts.into());
    }
    if details.iter().any(is_sealed) {
        let details = details.iter().enumerate();
        let details = details
            .map(|(index, detail)| thoughts::entry(index, detail, &about.provider_id))
            .collect();
        message.insert("reasoning_details".to_owned(), details);
    }
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), calls.into());
    }
    message.insert("annotations".to_owned(), Value::Array(notes));
    json!({
        "index": index,
        "message": message,
        "logprobs": logprobs::write(choice.logprobs.as_deref()),
        "finish_reason": finish_word(&choice.finish),
    })
}

/// Writes `chat.completion.chunk` events.
#[derive(Debug)]
pub(super) struct Writer {
    about: About,
    finished: Vec<u32>,
    id: String,
    /// What each choice has said so far.
    said: BTreeMap<u32, Said>,
    started: Vec<u32>,
    usage: Option<Usage>,
}

/// A chunk with the next piece of one answer, which most are: the same bytes as [`Writer::step`] writes,
/// without a tree of values.
#[derive(Serialize)]
struct Piece<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: [Step<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<()>,
}

#[derive(Serialize)]
struct Step<'a> {
    index: u32,
    delta: More<'a>,
    logprobs: (),
    finish_reason: (),
}

/// What a piece is of.
#[derive(Serialize)]
enum More<'a> {
    #[serde(rename = "content")]
    Content(&'a str),
    #[serde(rename = "reasoning_content")]
    Thought(&'a str),
}

/// What one choice has said so far, as far as later events need it.
#[derive(Debug, Default)]
struct Said {
    annotations: Vec<Value>,
    /// The ids of its tool calls, by index.
    calls: Vec<(u32, String)>,
    /// Entries of `reasoning_details`.
    details: Vec<Value>,
    /// Characters of text.
    text_length: u64,
    /// The thought that has no seal yet.
    thought: String,
}

impl Writer {
    pub(super) fn new(about: About) -> Self {
        let id = about.receipt_id.clone();
        Self {
            about,
            finished: Vec::new(),
            id,
            said: BTreeMap::new(),
            started: Vec::new(),
            usage: None,
        }
    }

    fn said(&mut self, choice: u32) -> &mut Said {
        self.said.entry(choice).or_default()
    }

    fn chunk(&self, choices: Value, usage: Option<Value>) -> String {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.about.created,
            "model": self.about.model,
            "choices": choices,
        });
        // Told by every chunk, null but for the last, and by none if the caller did not ask.
        if let (true, Some(chunk)) = (self.about.include_usage, chunk.as_object_mut()) {
            chunk.insert("usage".to_owned(), usage.unwrap_or_default());
        }
        sse::encode(None, &chunk.to_string())
    }

    fn step(&self, choice: u32, delta: &Value, finish: Option<&Finish>) -> String {
        self.told_step(choice, delta, finish, None)
    }

    fn told_step(
        &self,
        choice: u32,
        delta: &Value,
        finish: Option<&Finish>,
        tokens: Option<&[TokenLogprob]>,
    ) -> String {
        let (finish, tokens) = (finish.map(finish_word), logprobs::write(tokens));
        self.chunk(
            json!([{"index": choice, "delta": delta, "logprobs": tokens, "finish_reason": finish}]),
            None,
        )
    }

    /// Notes a seal, with the thought that it is on.
    fn sealed(&mut self, choice: u32, call: Option<u32>, seal: &Seal) {
        let provider = self.about.provider_id.clone();
        let said = self.said(choice);
        let thought = core::mem::take(&mut said.thought);
        let call = call.and_then(|index| {
            said.calls.iter().find(|(call, _)| *call == index).map(|(_, id)| id.clone())
        });
        let detail = match (&call, thought.as_str()) {
            (None, text) if !text.is_empty() => Detail::Text { seal: Some(seal), text },
            (call, _) => Detail::Encrypted { call: call.as_deref(), seal },
        };
        let entry = thoughts::entry(said.details.len(), &detail, &provider);
        said.details.push(entry);
    }

    /// Writes the chunk with the role, which comes before all else of a choice.
    fn open(&mut self, choice: u32) -> String {
        if self.started.contains(&choice) {
            return String::new();
        }
        self.started.push(choice);
        self.step(choice, &json!({"role": "assistant", "content": "", "refusal": null}), None)
    }

    fn more(&mut self, choice: u32, delta: &Value) -> String {
        let mut text = self.open(choice);
        text.push_str(&self.step(choice, delta, None));
        text
    }

    fn piece(&mut self, choice: u32, delta: More<'_>) -> String {
        let mut text = self.open(choice);
        let piece = Piece {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.about.created,
            model: &self.about.model,
            choices: [Step { index: choice, delta, logprobs: (), finish_reason: () }],
            usage: self.about.include_usage.then_some(()),
        };
        // Writing text, numbers and null cannot fail.
        let data = serde_json::to_string(&piece).unwrap_or_default();
        text.push_str(&sse::encode(None, &data));
        text
    }

    /// What stands in lists, each in one chunk: the vendor's SDKs cannot join entries that come one by one.
    fn lists(&mut self, choice: u32) -> String {
        let said = self.said(choice);
        let lists = [
            ("annotations", core::mem::take(&mut said.annotations)),
            ("reasoning_details", core::mem::take(&mut said.details)),
        ];
        let told = lists.into_iter().filter(|(_, list)| !list.is_empty());
        told.map(|(name, list)| self.step(choice, &json!({name: list}), None)).collect()
    }

    fn close(&mut self, choice: u32, finish: &Finish) -> String {
        let mut text = self.open(choice);
        if !self.finished.contains(&choice) {
            self.finished.push(choice);
            text.push_str(&self.lists(choice));
            text.push_str(&self.step(choice, &json!({}), Some(finish)));
        }
        text
    }
}

impl DialectStream for Writer {
    fn delta(&mut self, delta: &Delta) -> Bytes {
        let text = match delta {
            Delta::Finish { choice, finish, stop_sequence: _ } => self.close(*choice, finish),
            Delta::Refusal { choice, text } => self.more(*choice, &json!({"refusal": text})),
            Delta::Start { id, model: _ } => {
                // One stream, one id: a late name changes nothing.
                if self.started.is_empty() && !id.is_empty() {
                    self.id.clone_from(id);
                }
                self.open(0)
            }
            Delta::Text { choice, text } => {
                let said = self.said(*choice);
                let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
                said.text_length = said.text_length.saturating_add(length);
                self.piece(*choice, More::Content(text))
            }
            Delta::Citation { choice, citation } => {
                let said = self.said(*choice);
                said.annotations.extend(annotations::write(citation, said.text_length));
                String::new()
            }
            Delta::Logprobs { choice, tokens } => {
                let mut text = self.open(*choice);
                text.push_str(&self.told_step(*choice, &json!({}), None, Some(tokens)));
                text
            }
            Delta::Sealed { call, choice, seal } => {
                self.sealed(*choice, *call, seal);
                String::new()
            }
            // The caller did not ask the vendor that said it.
            Delta::ServiceTier(_) => String::new(),
            Delta::Thinking { choice, seal, text } => {
                let mut told = String::new();
                if !text.is_empty() {
                    self.said(*choice).thought.push_str(text);
                    told.push_str(&self.piece(*choice, More::Thought(text)));
                }
                if let Some(seal) = seal {
                    self.sealed(*choice, None, seal);
                }
                told
            }
            Delta::ToolCall { arguments, choice, id, index, name } => {
                if let Some(id) = id {
                    self.said(*choice).calls.push((*index, id.clone()));
                }
                let call = match (id, name) {
                    (None, None) => json!({"index": index, "function": {"arguments": arguments}}),
                    (id, name) => json!({
                        "index": index,
                        "id": id,
                        "type": "function",
                        "function": {"name": name, "arguments": arguments},
                    }),
                };
                self.more(*choice, &json!({"tool_calls": [call]}))
            }
            Delta::Usage(usage) => {
                self.usage = Some(*usage);
                String::new()
            }
        };
        Bytes::from(text)
    }

    fn end(&mut self) -> Bytes {
        let mut text = self.open(0);
        for choice in self.started.clone() {
            text.push_str(&self.close(choice, &Finish::Stop));
        }
        if let (true, Some(usage)) = (self.about.include_usage, &self.usage) {
            text.push_str(&self.chunk(json!([]), Some(usage::write(usage))));
        }
        text.push_str("data: [DONE]\n\n");
        Bytes::from(text)
    }

    /// `[DONE]` does not follow: it is what tells a whole answer from a broken one.
    fn fail(&mut self, failure: &StreamFailure) -> Bytes {
        error_event(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_written_like_any_step() {
        for include_usage in [false, true] {
            let about = About {
                created: 1_795_000_000,
                include_usage,
                model: "m\"\u{2028}".to_owned(),
                provider_id: String::new(),
                receipt_id: "r".to_owned(),
                request_id: "q".to_owned(),
            };
            let mut writer = Writer::new(about);
            writer.open(2);
            for text in ["", "a", "\"\\/\n\r\t\u{0}\u{7f}ü日🦀\u{2028}"] {
                let step = writer.step(2, &json!({"content": text}), None);
                assert_eq!(writer.piece(2, More::Content(text)), step);
                let step = writer.step(2, &json!({"reasoning_content": text}), None);
                assert_eq!(writer.piece(2, More::Thought(text)), step);
            }
        }
    }
}
