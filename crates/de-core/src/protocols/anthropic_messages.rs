//! Anthropic's messages, spoken with vendors and with callers.
//!
//! Out of scope, and carried by a relay only: files that the vendor keeps, its own tools, containers.
//!
//! Follows <https://platform.claude.com/docs/en/api/messages>.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::{
    About, Billed, CountingVendor, Dialect, DialectStream, Draft, FieldIssue, Malformed, Target,
    Vendor, VendorError, VendorStream,
    capable::{LOST_THOUGHTS, SCHEMA, STRICT},
};
use crate::{
    chat::{ChatCall, ChatReply, Finish, Part, Seal},
    json::verbatim::Verbatim,
    model::Protocol,
};

mod call;
mod citations;
mod counting;
mod error;
mod plain;
mod reader;
mod reply;
mod request;
mod schema;
mod thinking;
mod usage;
mod writer;

pub use error::error_type;

/// Under the base URL, which has no version in it: `https://api.anthropic.com`.
const PATH: &str = "/v1/messages";

const BETA: HeaderName = HeaderName::from_static("anthropic-beta");
const VERSION: HeaderName = HeaderName::from_static("anthropic-version");

/// What we speak where the caller does not choose. Newer versions refuse `temperature` and kin.
const DEFAULT_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

/// Where thoughts stand that a vendor does not get back.
const LOST_THINKING: &str = "/messages/*/thinking";

/// The vendor's side.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnthropicMessagesVendor;

/// The caller's side: `POST /v1/messages`.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnthropicMessagesDialect;

impl Vendor for AnthropicMessagesVendor {
    fn request(&self, call: &ChatCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        let (body, issues) = request::body(call, target);
        let mut draft = Draft::json(PATH, &body.into());
        draft.headers.insert(VERSION, DEFAULT_VERSION);
        issues.written(draft)
    }

    fn relay(&self, mut body: Verbatim, caller: &HeaderMap, target: &Target) -> Draft {
        let messages = body.get("messages").and_then(without_foreign_seals);
        let dropped = messages.map(|messages| {
            body.set("messages", messages);
            let reason = "another vendor has sealed these thoughts, or none has".to_owned();
            FieldIssue { pointer: LOST_THINKING.to_owned(), reason }
        });
        body.set("model", target.upstream_model.as_str().into());
        let mut draft = Draft::text(PATH, body.text());
        draft.dropped.extend(dropped);
        // What is no visible ASCII cannot be sent.
        let sendable = |value: &&HeaderValue| value.to_str().is_ok();
        let version = caller.get(VERSION).filter(sendable);
        draft.headers.insert(VERSION, version.cloned().unwrap_or(DEFAULT_VERSION));
        for beta in caller.get_all(BETA).iter().filter(sendable) {
            draft.headers.append(BETA, beta.clone());
        }
        draft
    }

    fn reply(&self, body: &Value) -> Result<ChatReply, Malformed> {
        reply::read(body)
    }

    fn billed(&self, body: &Value) -> Option<Billed> {
        reply::billed(body)
    }

    fn error(&self, status: u16, body: &[u8]) -> VendorError {
        error::read(status, body)
    }

    fn stream(&self) -> Box<dyn VendorStream> {
        Box::new(reader::Reader::default())
    }

    fn counting(&self) -> Option<&dyn CountingVendor> {
        Some(self)
    }
}

impl Dialect for AnthropicMessagesDialect {
    fn call(&self, body: &Value) -> Result<(String, ChatCall), Vec<FieldIssue>> {
        call::read(body)
    }

    fn reply(&self, reply: &ChatReply, about: &About) -> Value {
        writer::reply(reply, about)
    }

    fn stream(&self, about: About) -> Box<dyn DialectStream> {
        Box::new(writer::Writer::new(about))
    }

    fn place(&self, pointer: &str) -> String {
        let place = match pointer {
            "/logprobs" | "/n" => pointer,
            LOST_THOUGHTS => LOST_THINKING,
            "/parallel_tool_calls" => "/tool_choice/disable_parallel_tool_use",
            "/reasoning_effort" => "/output_config/effort",
            "/response_format" => "/output_config/format",
            // Answers are always held to their schemas here.
            SCHEMA | STRICT => "/output_config/format/schema",
            "/stop" => "/stop_sequences",
            "/user" => "/metadata/user_id",
            other => other,
        };
        place.to_owned()
    }
}

/// The turns without the thoughts that another vendor sealed, or that nobody did: so our own answers tell them,
/// and this vendor refuses them. `None` if there are none of these.
fn without_foreign_seals(messages: &Value) -> Option<Value> {
    let blocks = |message: &Value| message.get("content").and_then(Value::as_array).cloned();
    let is_foreign = |message: &Value| {
        let blocks = message.get("content").and_then(Value::as_array);
        blocks.is_some_and(|blocks| blocks.iter().any(is_foreign_thought))
    };
    let messages = messages.as_array().filter(|messages| messages.iter().any(is_foreign))?;
    let mut messages = messages.clone();
    for message in &mut messages {
        let Some(mut blocks) = blocks(message) else { continue };
        blocks.retain(|block| !is_foreign_thought(block));
        if let Some(message) = message.as_object_mut() {
            message.insert("content".to_owned(), blocks.into());
        }
    }
    Some(messages.into())
}

fn is_foreign_thought(block: &Value) -> bool {
    let seal = match block.get("type").and_then(Value::as_str) {
        Some("redacted_thinking") => block.get("data"),
        Some("thinking") => block.get("signature"),
        Some(_) | None => return false,
    };
    // What is no text is the vendor's to refuse.
    seal.and_then(Value::as_str)
        .is_some_and(|seal| seal.is_empty() || Seal::of_mark(seal).is_some())
}

/// A seal that this vendor wrote.
fn own_seal(data: String) -> Seal {
    Seal::of(Protocol::AnthropicMessages, data)
}

/// Reads the vendor's word for a reason to end.
fn finish_of(word: &str) -> Finish {
    match word {
        "end_turn" | "stop_sequence" => Finish::Stop,
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "refusal" => Finish::ContentFilter,
        "tool_use" => Finish::ToolCalls,
        other => Finish::Unknown(other.to_owned()),
    }
}

/// The word for a reason to end, of those that Anthropic's clients know.
fn stop_reason(finish: &Finish, stop_sequence: Option<&str>, refused: bool) -> &'static str {
    match finish {
        Finish::ContentFilter => "refusal",
        Finish::Length => "max_tokens",
        Finish::ToolCalls => "tool_use",
        Finish::Unknown(word) if word == "pause_turn" => "pause_turn",
        Finish::Stop | Finish::Unknown(_) if refused => "refusal",
        Finish::Stop | Finish::Unknown(_) if stop_sequence.is_some() => "stop_sequence",
        Finish::Stop | Finish::Unknown(_) => "end_turn",
    }
}

/// Whether the model declined in words of its own.
fn is_refusal(parts: &[Part]) -> bool {
    parts.iter().any(|part| matches!(part, Part::Refusal(_)))
}
