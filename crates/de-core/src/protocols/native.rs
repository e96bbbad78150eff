//! Our own protocol, for text: `POST /generate` and `POST /generate/stream`. Those for pictures, speech and stock media
//! are below.
//!
//! Strict, as it is ours: unknown fields are refused by name. Zero is zero, never a default.

pub mod image;
pub mod speech;
pub mod stock;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    DialectStream, FieldIssue, StreamFailure,
    fields::{Fields, Issues},
    openai_chat::finish_word,
};
use crate::{
    chat::{ChatCall, Delta, Finish, Instruction, Message, Part, Role},
    expected::Expected,
    receipt::Usage,
    sse,
};

const FIELDS: [&str; 10] = [
    "expect_json",
    "instance_id",
    "messages",
    "model",
    "model_id",
    "options",
    "project_id",
    "prompt",
    "stream",
    "system",
];

const OPTIONS: [&str; 9] = [
    "frequency_penalty",
    "max_tokens",
    "presence_penalty",
    "reasoning_effort",
    "seed",
    "stop",
    "temperature",
    "top_k",
    "top_p",
];

const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// A request for text, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GenerateRequest {
    /// What is asked.
    pub call: ChatCall,
    /// What the answer has to be, if it is JSON.
    pub expected: Option<Expected>,
    /// Repeats the caller's instance, or is refused by whoever knows that.
    pub instance_id: Option<String>,
    /// The model or alias; absent where the instance's default shall serve.
    pub model_id: Option<String>,
    /// Repeats the caller's project, or is refused by whoever knows that.
    pub project_id: Option<String>,
}

impl GenerateRequest {
    /// Reads a body: `prompt` or `messages`, `system`, `model_id` (or `model`), `instance_id`,
    /// `project_id`, `options`, `stream`.
    ///
    /// # Errors
    /// Every fault, with its place: the caller's.
    pub fn parse(body: &Value) -> Result<Self, Vec<FieldIssue>> {
        let mut issues = Issues::default();
        let mut request = Self::default();
        let Some(body) = Fields::of("", body, &mut issues) else { return issues.or(request) };
        body.refuse_unknown(&FIELDS, &mut issues);
        request.instance_id = body.string("instance_id", &mut issues).map(str::to_owned);
        request.project_id = body.string("project_id", &mut issues).map(str::to_owned);
        request.model_id = model(&body, &mut issues);
        let call = &mut request.call;
        call.stream = body.boolean("stream", &mut issues).unwrap_or(false);
        call.system.extend(body.string("system", &mut issues).map(Instruction::from));
        conversation(&body, call, &mut issues);
        match body.value("expect_json").map(Expected::parse) {
            Some(Ok(expected)) => request.expected = expected,
            Some(Err(faults)) => {
                for FieldIssue { pointer, reason } in faults {
                    issues.add(pointer, reason);
                }
            }
            None => {}
        }
        if let Some(options) = body.object("options", &mut issues) {
            self::options(&options, call, &mut issues);
        }
        issues.or(request)
    }
}

/// `model_id`, or `model`, which must not name another one.
pub(super) fn model(body: &Fields<'_>, issues: &mut Issues) -> Option<String> {
    let (id, alias) = (body.string("model_id", issues), body.string("model", issues));
    for (name, value) in [("model_id", id), ("model", alias)] {
        if value.is_some_and(|value| value.trim().is_empty()) {
            issues.add(body.at(name), "must not be blank");
        }
    }
    if let (Some(id), Some(alias)) = (id, alias)
        && id != alias
    {
        issues.add(body.at("model"), "names another model than model_id");
    }
    id.or(alias).map(str::to_owned)
}

fn conversation(body: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) {
    match (body.has("prompt"), body.has("messages")) {
        (false, false) => issues.add(body.at("prompt"), "required, unless there are messages"),
        (true, true) => issues.add(body.at("messages"), "give prompt or messages, not both"),
        (true, false) | (false, true) => {}
    }
    if let Some(prompt) = body.string("prompt", issues) {
        if prompt.trim().is_empty() {
            issues.add(body.at("prompt"), "must not be blank");
        }
        call.messages
            .push(Message { parts: vec![Part::Text(prompt.to_owned())], role: Role::User });
    }
    let messages = body.objects("messages", issues);
    let mut turns = 0_usize;
    for item in &messages {
        item.refuse_unknown(&["content", "role"], issues);
        let content = item.required_string("content", issues).unwrap_or_default().to_owned();
        item.require("role", issues);
        let role = match item.word("role", &["user", "assistant", "system"], issues) {
            Some("system") => {
                call.system.push(content.as_str().into());
                continue;
            }
            Some("assistant") => Role::Assistant,
            Some(_) | None => Role::User,
        };
        turns = turns.saturating_add(1);
        call.messages.push(Message { parts: vec![Part::Text(content)], role });
    }
    if turns == 0 && body.value("messages").is_some_and(Value::is_array) {
        issues.add(body.at("messages"), "expected at least one message of a user");
    }
}

fn options(options: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) {
    options.refuse_unknown(&OPTIONS, issues);
    call.frequency_penalty = options.number("frequency_penalty", -2.0..=2.0, issues);
    call.max_output_tokens = options.count("max_tokens", 1, issues);
    call.presence_penalty = options.number("presence_penalty", -2.0..=2.0, issues);
    call.reasoning.effort = options.word("reasoning_effort", &EFFORTS, issues).map(str::to_owned);
    call.seed = options.integer("seed", issues);
    call.stop = options.strings("stop", issues);
    call.temperature = options.number("temperature", 0.0..=2.0, issues);
    call.top_k = options.count("top_k", 0, issues);
    call.top_p = options.number("top_p", 0.0..=1.0, issues);
}

/// Turns a vendor's issue about a setting into one about the native field: `/seed` is `/options/seed`.
#[must_use]
pub fn native_issue(issue: FieldIssue) -> FieldIssue {
    let name = issue.pointer.strip_prefix('/').unwrap_or_default();
    let pointer = if OPTIONS.contains(&name) { format!("/options/{name}") } else { issue.pointer };
    FieldIssue { pointer, reason: issue.reason }
}

/// The word for a reason to end: `stop`, `length`, `tool_calls` or `content_filter`.
#[must_use]
pub fn finish_reason(finish: &Finish) -> &'static str {
    finish_word(finish)
}

/// Writes the counts of text, by class and under the names that receipts use.
#[must_use]
pub fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input_tokens,
        "cached_input_tokens": usage.cached_input_tokens,
        "cache_write_tokens": usage.cache_write_tokens.saturating_add(usage.cache_write_1h_tokens).saturating_add(usage.cache_write_12h_tokens),
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "total_tokens": usage.total_tokens(),
    })
}

/// Writes a streamed answer: `data: {"text", "done": false, "request_id"}` for each piece, and a last
/// one with `"done": true`, `finish_reason` and `usage` (null if the vendor told none).
///
/// Only text is told, of the first answer; a refusal's words are text too.
#[derive(Debug)]
pub struct NativeStream {
    finish: Finish,
    /// Whether the model declined in words: that is a refusal, whatever the vendor calls the end.
    refused: bool,
    request_id: String,
    usage: Option<Usage>,
}

/// The next piece of the text.
#[derive(Serialize)]
struct Piece<'a> {
    text: &'a str,
    done: bool,
    request_id: &'a str,
}

impl NativeStream {
    /// Begins a stream for the request of that id.
    #[must_use]
    pub fn new(request_id: String) -> Self {
        Self { finish: Finish::default(), refused: false, request_id, usage: None }
    }
}

impl DialectStream for NativeStream {
    fn delta(&mut self, delta: &Delta) -> Bytes {
        match delta {
            Delta::Finish { choice: 0, finish, stop_sequence: _ } => self.finish = finish.clone(),
            Delta::Refusal { choice: 0, text } | Delta::Text { choice: 0, text } => {
                self.refused |= matches!(delta, Delta::Refusal { .. });
                let piece = Piece { text, done: false, request_id: &self.request_id };
                // Writing text and a truth cannot fail.
                let data = serde_json::to_string(&piece).unwrap_or_default();
                return Bytes::from(sse::encode(None, &data));
            }
            Delta::Usage(usage) => self.usage = Some(*usage),
            Delta::Citation { .. }
            | Delta::Finish { .. }
            | Delta::Logprobs { .. }
            | Delta::Refusal { .. }
            | Delta::Sealed { .. }
            | Delta::ServiceTier(_)
            | Delta::Start { .. }
            | Delta::Text { .. }
            | Delta::Thinking { .. }
            | Delta::ToolCall { .. } => {}
        }
        Bytes::new()
    }

    fn end(&mut self) -> Bytes {
        let finish = if self.refused { &Finish::ContentFilter } else { &self.finish };
        let last = json!({
            "text": "",
            "done": true,
            "finish_reason": finish_reason(finish),
            "usage": self.usage.as_ref().map(usage),
            "request_id": self.request_id,
        });
        Bytes::from(sse::encode(None, &last.to_string()))
    }

    fn fail(&mut self, failure: &StreamFailure) -> Bytes {
        let error = json!({
            "error": failure.message,
            "error_code": failure.code,
            "request_id": self.request_id,
            "done": true,
        });
        Bytes::from(sse::encode(Some("error"), &error.to_string()))
    }
}
