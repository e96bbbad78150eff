//! What every chat protocol must hold: vendors' documented answers in, callers' protocols out.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[path = "protocols/anthropic.rs"]
mod anthropic;
#[path = "protocols/conformance.rs"]
mod conformance;
#[path = "protocols/gemini.rs"]
mod gemini;
#[path = "protocols/native.rs"]
mod native;
#[path = "protocols/openai.rs"]
mod openai;
#[path = "protocols/plain.rs"]
mod plain;
#[path = "protocols/responses.rs"]
mod responses;
#[path = "protocols/rich.rs"]
mod rich;
#[path = "protocols/round_trip.rs"]
mod round_trip;
#[path = "protocols/schemas.rs"]
mod schemas;
#[path = "protocols/shotstack.rs"]
mod shotstack;
#[path = "protocols/thinking.rs"]
mod thinking;

use de_core::{
    chat::{ChatCall, ChatReply, Delta},
    model::OnUnsupported,
    protocols::{
        About, Dialect, DialectStream, FieldIssue, MaxTokensField, SeedField, StreamFault, Target,
        Vendor,
        anthropic_messages::{AnthropicMessagesDialect, AnthropicMessagesVendor},
        gemini::GeminiVendor,
        openai_chat::{OpenAiChatDialect, OpenAiChatVendor},
        openai_responses::{OpenAiResponsesDialect, OpenAiResponsesVendor},
    },
    receipt::Usage,
    sse,
};
use serde_json::Value;

/// A vendor's side and its fixtures.
struct Speaker {
    error_401: &'static [u8],
    error_429: &'static [u8],
    error_money: &'static [u8],
    name: &'static str,
    reply: &'static str,
    reply_tools: &'static str,
    stream: &'static str,
    stream_error: &'static str,
    stream_tools: &'static str,
    usage: Usage,
    vendor: &'static dyn Vendor,
}

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../fixtures/", $name))
    };
}

const OPENAI: Speaker = Speaker {
    error_401: fixture!("openai/error_401.json").as_bytes(),
    error_429: fixture!("openai/error_429.json").as_bytes(),
    error_money: fixture!("openai/error_429_quota.json").as_bytes(),
    name: "openai-chat",
    reply: fixture!("openai/reply.json"),
    reply_tools: fixture!("openai/reply_tools.json"),
    stream: fixture!("openai/stream.sse"),
    stream_error: fixture!("openai/stream_error.sse"),
    stream_tools: fixture!("openai/stream_tools.sse"),
    usage: conformance::USAGE,
    vendor: &OpenAiChatVendor,
};

const RESPONSES: Speaker = Speaker {
    error_401: fixture!("openai/error_401.json").as_bytes(),
    error_429: fixture!("openai/error_429.json").as_bytes(),
    error_money: fixture!("openai/error_429_quota.json").as_bytes(),
    name: "openai-responses",
    reply: fixture!("openai_responses/reply.json"),
    reply_tools: fixture!("openai_responses/reply_tools.json"),
    stream: fixture!("openai_responses/stream.sse"),
    stream_error: fixture!("openai_responses/stream_error.sse"),
    stream_tools: fixture!("openai_responses/stream_tools.sse"),
    usage: conformance::USAGE,
    vendor: &OpenAiResponsesVendor,
};

const ANTHROPIC: Speaker = Speaker {
    error_401: fixture!("anthropic/error_401.json").as_bytes(),
    error_429: fixture!("anthropic/error_429.json").as_bytes(),
    error_money: fixture!("anthropic/error_429_spend.json").as_bytes(),
    name: "anthropic-messages",
    reply: fixture!("anthropic/reply.json"),
    reply_tools: fixture!("anthropic/reply_tools.json"),
    stream: fixture!("anthropic/stream.sse"),
    stream_error: fixture!("anthropic/stream_error.sse"),
    stream_tools: fixture!("anthropic/stream_tools.sse"),
    usage: conformance::USAGE,
    vendor: &AnthropicMessagesVendor,
};

const GEMINI: Speaker = Speaker {
    error_401: fixture!("gemini/error_key.json").as_bytes(),
    error_429: fixture!("gemini/error_429.json").as_bytes(),
    error_money: fixture!("gemini/error_402.json").as_bytes(),
    name: "gemini",
    reply: fixture!("gemini/text.json"),
    reply_tools: fixture!("gemini/text_tools.json"),
    stream: fixture!("gemini/text_stream.sse"),
    stream_error: fixture!("gemini/text_stream_error.sse"),
    stream_tools: fixture!("gemini/text_stream_tools.sse"),
    // It does not tell what it writes to its cache.
    usage: Usage { cache_write_tokens: 0, ..conformance::USAGE },
    vendor: &GeminiVendor,
};

const OPENAI_REFUSAL: &str = fixture!("openai/reply_refusal.json");
const ANTHROPIC_STOP_SEQUENCE: &str = fixture!("anthropic/reply_stop_sequence.json");

const RESPONSES_FAILED: &str = fixture!("openai_responses/stream_failed.sse");
const RESPONSES_INCOMPLETE: &str = fixture!("openai_responses/reply_incomplete.json");
const RESPONSES_REFUSAL: &str = fixture!("openai_responses/reply_refusal.json");

const SPEAKERS: [Speaker; 4] = [ANTHROPIC, GEMINI, OPENAI, RESPONSES];

/// OpenAI's responses, whose answers repeat no request.
struct Responses;

impl Dialect for Responses {
    fn call(&self, body: &Value) -> Result<(String, ChatCall), Vec<FieldIssue>> {
        OpenAiResponsesDialect::default().call(body)
    }

    fn reply(&self, reply: &ChatReply, about: &About) -> Value {
        OpenAiResponsesDialect::default().reply(reply, about)
    }

    fn stream(&self, about: About) -> Box<dyn DialectStream> {
        OpenAiResponsesDialect::default().stream(about)
    }

    fn place(&self, pointer: &str) -> String {
        OpenAiResponsesDialect::default().place(pointer)
    }
}

const DIALECTS: [(&str, &dyn Dialect); 3] = [
    ("anthropic-messages", &AnthropicMessagesDialect),
    ("openai-chat", &OpenAiChatDialect),
    ("openai-responses", &Responses),
];

fn target() -> Target {
    Target {
        reasoning: None,
        reasoning_budget: None,
        reasoning_effort: None,
        sampling_params: None,
        default_max_output_tokens: 1024,
        max_tokens_field: MaxTokensField::MaxCompletionTokens,
        on_unsupported: OnUnsupported::Reject,
        seed_field: SeedField::Seed,
        takes_thoughts: false,
        takes_user: true,
        thinking_always_on: None,
        unknown_options: OnUnsupported::Reject,
        upstream_model: "upstream-1".to_owned(),
    }
}

fn about() -> About {
    About {
        created: 1_795_000_000,
        include_usage: true,
        model: "served-1".to_owned(),
        provider_id: String::new(),
        receipt_id: "rcpt_1".to_owned(),
        request_id: "r-1".to_owned(),
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Reads a stream that comes in these chunks: its deltas, and how it ended.
fn read<'a>(
    vendor: &dyn Vendor,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Delta>, Result<bool, StreamFault>) {
    let (mut decoder, mut reader, mut deltas) =
        (sse::Decoder::default(), vendor.stream(), Vec::new());
    let mut events: Vec<_> = chunks.into_iter().flat_map(|chunk| decoder.push(chunk)).collect();
    events.extend(decoder.finish());
    for event in events {
        let Ok(event) = event else { return (deltas, Ok(reader.is_done())) };
        match reader.event(&event) {
            Ok(more) => deltas.extend(more),
            Err(fault) => return (deltas, Err(fault)),
        }
    }
    (deltas, Ok(reader.is_done()))
}

/// Reads a whole stream that must be good to its end.
#[track_caller]
fn deltas(vendor: &dyn Vendor, stream: &str) -> Vec<Delta> {
    let (deltas, end) = read(vendor, [stream.as_bytes()]);
    assert_eq!(end, Ok(true));
    deltas
}

/// Writes deltas and the good end.
fn written(mut writer: Box<dyn DialectStream>, deltas: &[Delta]) -> String {
    let mut bytes: Vec<u8> = Vec::new();
    for delta in deltas {
        bytes.extend_from_slice(&writer.delta(delta));
    }
    bytes.extend_from_slice(&writer.end());
    String::from_utf8(bytes).unwrap()
}

/// The data of all events but `[DONE]`, as JSON.
fn events(stream: &str) -> Vec<Value> {
    let events = sse::Decoder::default().push(stream.as_bytes());
    let data = events.into_iter().map(|event| event.unwrap().data);
    data.filter(|data| data != "[DONE]").map(|data| json(&data)).collect()
}

/// The body that a vendor gets for a caller's request.
#[track_caller]
fn sent(dialect: &dyn Dialect, vendor: &dyn Vendor, request: Value) -> Value {
    let (_, call) = dialect.call(&request).unwrap();
    let draft = vendor.request(&call, &target()).unwrap();
    serde_json::from_slice(&draft.body).unwrap()
}

/// Issues as `pointer: reason`, for tables.
fn lines(issues: &[FieldIssue]) -> Vec<String> {
    issues.iter().map(|issue| format!("{}: {}", issue.pointer, issue.reason)).collect()
}
