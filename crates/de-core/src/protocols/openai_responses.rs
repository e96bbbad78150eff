//! OpenAI's responses, spoken with vendors and with callers.
//!
//! Vendors are told to store nothing: a turn holds all that it needs, thoughts included, as sealed texts. What
//! is kept between turns is kept by whoever calls this module. Out of scope, and carried by a relay only: tools
//! of the vendor's own, saved prompts, files that the vendor keeps.
//!
//! Follows <https://platform.openai.com/docs/api-reference/responses>.

use http::HeaderMap;
use serde_json::{Map, Value};

use super::{
    About, Billed, Dialect, DialectStream, Draft, FieldIssue, Malformed, Target, Vendor,
    VendorError, VendorStream,
    capable::{LOST_THOUGHTS, SCHEMA, STRICT},
};
use crate::{
    chat::{ChatCall, ChatReply, Finish},
    json::verbatim::Verbatim,
};

mod annotations;
mod call;
mod error;
mod input;
mod items;
mod kept;
mod output;
mod reader;
mod relay;
mod reply;
mod request;
mod stream;
mod thoughts;
mod usage;
mod writer;

pub use kept::listed;

/// Under the base URL, which has the version in it: `https://api.openai.com/v1`.
const PATH: &str = "/responses";

/// Asks for thoughts in a form that can be sent back.
const ENCRYPTED: &str = "reasoning.encrypted_content";

/// Where thoughts stand that a vendor does not get back.
const LOST_CONTENT: &str = "/input/*/encrypted_content";

/// Asks for how probable tokens were.
const LOGPROBS: &str = "message.output_text.logprobs";

/// The vendor's side.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenAiResponsesVendor;

/// The caller's side: `POST /v1/responses`.
#[derive(Clone, Debug, Default)]
pub struct OpenAiResponsesDialect {
    /// The caller's body, most of which an answer repeats; empty where only requests are read.
    pub asked: Map<String, Value>,
}

impl Vendor for OpenAiResponsesVendor {
    fn request(&self, call: &ChatCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        request::draft(call, target)
    }

    fn relay(&self, body: Verbatim, _caller: &HeaderMap, target: &Target) -> Draft {
        let (body, dropped) = relay::body(body, target);
        Draft { dropped: dropped.into_iter().collect(), ..Draft::text(PATH, body.text()) }
    }

    fn reply(&self, body: &Value) -> Result<ChatReply, Malformed> {
        reply::read(body)
    }

    fn billed(&self, body: &Value) -> Option<Billed> {
        reply::billed(body)
    }

    fn error(&self, status: u16, body: &[u8]) -> VendorError {
        super::openai_chat::read_error(status, body)
    }

    fn stream(&self) -> Box<dyn VendorStream> {
        Box::new(reader::Reader::default())
    }
}

impl Dialect for OpenAiResponsesDialect {
    fn call(&self, body: &Value) -> Result<(String, ChatCall), Vec<FieldIssue>> {
        call::read(body)
    }

    fn reply(&self, reply: &ChatReply, about: &About) -> Value {
        writer::reply(reply, about, &self.asked)
    }

    fn stream(&self, about: About) -> Box<dyn DialectStream> {
        Box::new(stream::Writer::new(about, self.asked.clone()))
    }

    fn place(&self, pointer: &str) -> String {
        let place = match pointer {
            "/logprobs" => "/include",
            "/max_completion_tokens" | "/max_tokens" => "/max_output_tokens",
            "/reasoning_effort" => "/reasoning/effort",
            "/response_format" => "/text/format",
            STRICT => "/text/format/strict",
            SCHEMA => "/text/format/schema",
            "/system" => "/instructions",
            "/user" => "/safety_identifier",
            "/verbosity" => "/text/verbosity",
            LOST_THOUGHTS => LOST_CONTENT,
            other => match other.strip_prefix("/messages") {
                Some(rest) => return format!("/input{rest}"),
                None => other,
            },
        };
        place.to_owned()
    }
}

/// Why an answer ended, by its status, the reason that it is incomplete, and whether it calls tools.
fn finish_of(status: Option<&str>, reason: Option<&str>, calls: bool) -> Finish {
    match (status, reason) {
        (Some("incomplete"), Some("content_filter")) => Finish::ContentFilter,
        // A model's limit of context tells no reason.
        (Some("incomplete"), Some("max_output_tokens") | None) => Finish::Length,
        (Some("incomplete"), Some(other)) => Finish::Unknown(other.to_owned()),
        _ if calls => Finish::ToolCalls,
        _ => Finish::Stop,
    }
}

/// The reason that an answer is incomplete, if it is.
fn incomplete_reason(finish: &Finish) -> Option<&'static str> {
    match finish {
        Finish::ContentFilter => Some("content_filter"),
        Finish::Length => Some("max_output_tokens"),
        Finish::Stop | Finish::ToolCalls | Finish::Unknown(_) => None,
    }
}
