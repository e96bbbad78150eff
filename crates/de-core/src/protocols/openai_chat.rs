//! OpenAI's chat completions, spoken with vendors and with callers.
//!
//! Many hosts speak it with differences, which are read here too: reasoning beside the content, other
//! reasons to end, other error bodies. Out of scope: answers in sound, `functions` (the form before tools),
//! custom tools; a relay carries them.
//!
//! Follows <https://platform.openai.com/docs/api-reference/chat>.

use http::HeaderMap;
use serde_json::{Map, Value};

use super::{
    About, Billed, Dialect, DialectStream, Draft, FieldIssue, Malformed, Target, Vendor,
    VendorError, VendorStream, capable::LOST_THOUGHTS,
};
use crate::{
    chat::{ChatCall, ChatReply, Finish},
    json::verbatim::Verbatim,
};

pub(super) mod annotations;
mod call;
mod error;
mod filter;
pub(super) mod logprobs;
mod plain;
mod reader;
mod reply;
mod request;
mod thoughts;
mod usage;
mod writer;

pub(super) use error::error_event;
pub use error::error_type;
pub(crate) use error::read as read_error;
pub use filter::UsageFilter;
pub(super) use request::response_format;

/// Members of a request that both of OpenAI's protocols have under one name with one meaning.
pub(super) const SHARED: [&str; 8] = [
    "metadata",
    "moderation",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "service_tier",
    "store",
    "verbosity",
];

/// Under the base URL, which has the version in it: `https://api.openai.com/v1`.
const PATH: &str = "/chat/completions";

/// The vendor's side.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenAiChatVendor;

/// The caller's side: `POST /v1/chat/completions`.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenAiChatDialect;

impl Vendor for OpenAiChatVendor {
    fn request(&self, call: &ChatCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        request::draft(call, target)
    }

    fn relay(&self, mut body: Verbatim, _caller: &HeaderMap, target: &Target) -> Draft {
        let messages = body.get("messages").and_then(thoughts::without_marked);
        let dropped = messages.map(|messages| {
            body.set("messages", messages);
            let reason = "another vendor has sealed these thoughts".to_owned();
            FieldIssue { pointer: LOST_THOUGHTS.to_owned(), reason }
        });
        body.set("model", target.upstream_model.as_str().into());
        rename(
            &mut body,
            &["max_completion_tokens", "max_tokens"],
            target.max_tokens_field.as_str(),
        );
        rename(&mut body, &["seed"], target.seed_field.as_str());
        if body.get("stream") == Some(&Value::Bool(true)) {
            let options = body.get("stream_options").cloned().unwrap_or_default();
            body.set("stream_options", request::with_usage(options));
        }
        Draft { dropped: dropped.into_iter().collect(), ..Draft::text(PATH, body.text()) }
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
}

/// Gives a setting the name that the host has for it. What stands there under that name already stays.
fn rename(body: &mut Verbatim, names: &[&str], host_name: &str) {
    for name in names.iter().filter(|name| **name != host_name) {
        let has = |name: &str| body.get(name).is_some_and(|value| !value.is_null());
        if has(name) && !has(host_name) {
            body.rename(name, host_name);
        } else {
            body.remove(name);
        }
    }
}

impl Dialect for OpenAiChatDialect {
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
        // A system prompt is a turn here.
        if pointer == "/system" { "/messages".to_owned() } else { pointer.to_owned() }
    }
}

/// Whether a request wants the usage chunk of its stream: `stream_options.include_usage`.
#[must_use]
pub fn include_usage(body: &Map<String, Value>) -> bool {
    body.get("stream_options")
        .and_then(|options| options.get("include_usage"))
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// The word for a reason to end, of those that OpenAI's clients know.
///
/// What is none of them is `stop`: the model had its say, and strict clients refuse other words.
pub(crate) fn finish_word(finish: &Finish) -> &'static str {
    match finish {
        Finish::ContentFilter => "content_filter",
        Finish::Length => "length",
        Finish::Stop | Finish::Unknown(_) => "stop",
        Finish::ToolCalls => "tool_calls",
    }
}

/// Reads a vendor's word for a reason to end, those of other hosts included.
///
/// Mistral's `error` and DeepSeek's `insufficient_system_resource` mean that the answer broke off: cut. OpenAI
/// says `stop` where the call that it made is of the tool that the caller had named: what counts is that it
/// calls.
fn finish_of(word: &str, calls: bool) -> Finish {
    match word {
        "content_filter" => Finish::ContentFilter,
        "error" | "insufficient_system_resource" | "length" | "model_length" => Finish::Length,
        "function_call" | "tool_calls" => Finish::ToolCalls,
        "stop" if calls => Finish::ToolCalls,
        "stop" => Finish::Stop,
        other => Finish::Unknown(other.to_owned()),
    }
}
