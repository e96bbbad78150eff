//! Payload mappings: how one model of one vendor is called, said as data.
//!
//! A mapping is parsed once, when it is saved, and every fault is told then, each with its place.
//! What comes out cannot fail to apply for want of a check: [`PayloadMapping::variables`] takes the
//! values of a call, [`PayloadMapping::render`] makes the request without the key, and
//! [`PayloadMapping::reply`], [`PayloadMapping::error`] and [`PayloadMapping::event`] read what the
//! vendor answers. [`poll::Polling`] follows a vendor's job, a step at a time. Nothing here sends:
//! the exchange does, and adds the key.

mod body;
mod budget;
mod declare;
pub mod encode;
mod endpoint;
mod example;
pub mod failure;
mod fill;
mod filter;
pub mod issue;
mod members;
mod parse;
mod path;
pub mod poll;
pub mod preview;
mod receive;
pub mod render;
pub mod reply;
pub mod stream;
mod template;
pub mod variables;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};
use url::Url;

use self::failure::{Failure, MappedError};
use self::issue::MappingIssue;
use self::preview::Preview;
use self::render::{BodyKind, Head, RenderError, RenderedRequest};
use self::reply::{MappedReply, ReplyError, Source};
use self::stream::{MappedDelta, Stream};
use self::variables::{Notice, Reserved, Rules, VariableError, Variables};
use crate::model::OnUnsupported;

/// Where a provider may be called and how its key travels: what a mapping is checked against.
#[derive(Clone, Debug)]
pub struct ProviderRules {
    /// Hosts (`host`, `host:port`) that an absolute endpoint may name besides the base URL's own.
    pub allowed_hosts: Vec<String>,
    /// How the exchange adds the key.
    pub auth: AuthScheme,
    /// Where relative endpoints begin: https, or http on loopback.
    pub base_url: Url,
    /// Whether a mapping may say itself where the key stands.
    pub mapping_sees_key: bool,
}

/// How a key travels.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AuthScheme {
    /// `Authorization: Bearer <key>`.
    Bearer,
    /// A header that holds the key and nothing else.
    Header {
        /// Its name.
        name: String,
    },
    /// A query parameter that holds the key and nothing else.
    Query {
        /// Its name.
        name: String,
    },
}

/// A mapping that has been checked and taken apart.
#[derive(Clone, Debug)]
pub struct PayloadMapping {
    auth: AuthScheme,
    body: Option<body::Node>,
    body_kind: BodyKind,
    content_type: String,
    examples: Vec<example::Example>,
    failure: Failure,
    head: Head,
    maps: filter::Maps,
    poll: Option<poll::Poll>,
    reply_content_type: Option<String>,
    reply_kind: ReplyKind,
    response_mapping: Vec<(String, Source)>,
    rules: Rules,
    stream: Stream,
}

/// What a vendor's successful answer is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReplyKind {
    /// The body is the result: audio, an image. Headers and constants can still be mapped.
    Bytes,
    /// One JSON value, for [`PayloadMapping::reply`].
    Json,
    /// A job, for [`poll::Polling`].
    Poll,
    /// Server-sent events, for [`PayloadMapping::event`].
    Sse,
}

impl PayloadMapping {
    /// Parses a mapping for one provider, members in any order.
    ///
    /// Headers and query parameters that only repeat the provider's auth scheme are left out: the
    /// exchange adds the key.
    ///
    /// # Errors
    /// Every fault at once, each with its JSON Pointer.
    pub fn parse(value: &Value, provider: &ProviderRules) -> Result<Self, Vec<MappingIssue>> {
        parse::mapping(value, provider)
    }

    /// The same in a model whose row says what becomes of options that the mapping does not know. What the mapping says
    /// itself goes before that.
    #[must_use]
    pub fn in_row(mut self, unknown_options: OnUnsupported) -> Self {
        self.rules.unknown_options.get_or_insert(unknown_options);
        self
    }

    /// What becomes of options that the mapping does not know, unless a call says otherwise.
    #[must_use]
    pub fn unknown_options(&self) -> OnUnsupported {
        self.rules.unknown_options.unwrap_or(OnUnsupported::Reject)
    }

    /// Gathers the values of one call: ours, the caller's options, the mapping's defaults.
    ///
    /// An option that is JSON null has no value, so the default holds; 0 and `false` are values.
    ///
    /// # Errors
    /// Every option that cannot be used and every required variable without a value: a 400.
    pub fn variables(
        &self,
        reserved: Reserved,
        options: &Map<String, Value>,
    ) -> Result<(Variables, Vec<Notice>), Vec<VariableError>> {
        self.variables_where(reserved, options, self.unknown_options())
    }

    /// The same for a call that has its own word on options that the mapping does not know.
    ///
    /// # Errors
    /// As [`PayloadMapping::variables`].
    pub fn variables_where(
        &self,
        reserved: Reserved,
        options: &Map<String, Value>,
        unknown: OnUnsupported,
    ) -> Result<(Variables, Vec<Notice>), Vec<VariableError>> {
        self.rules.gather(reserved, options, unknown)
    }

    /// Makes the request. It holds no key: see [`RenderedRequest::key_at`].
    ///
    /// # Errors
    /// [`RenderError`] where a value is missing or does not fit.
    pub fn render(&self, variables: &Variables) -> Result<RenderedRequest, RenderError> {
        render::request(self, variables)
    }

    /// Tells what a successful answer will be: events only where the mapping streams and
    /// `{stream}` is true.
    pub fn reply_kind(&self, variables: &Variables) -> ReplyKind {
        match self.reply_kind {
            ReplyKind::Sse if !variables.is("stream", &Value::Bool(true)) => ReplyKind::Json,
            kind => kind,
        }
    }

    /// Whether the body of a good answer is the result itself, and no JSON.
    #[must_use]
    pub fn answers_bytes(&self) -> bool {
        self.reply_kind == ReplyKind::Bytes
    }

    /// Whether a template of the request names this variable.
    #[must_use]
    pub fn uses(&self, name: &str) -> bool {
        self.rules.used.contains(name)
    }

    /// Whether a call may set this option: a template names it, or it is declared.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        self.uses(name) || self.rules.declared.contains_key(name)
    }

    /// What an option is if a call does not set it; `None` without a default, or for a file.
    #[must_use]
    pub fn usual(&self, name: &str) -> Option<&Value> {
        match self.rules.defaults.get(name)? {
            variables::Datum::Json(value) => Some(value),
            variables::Datum::File(_) => None,
        }
    }

    /// Whether some event of a stream may tell how much of the input was cached.
    pub(crate) fn streams_cached_tokens(&self) -> bool {
        let mut counts = self.stream.rules.iter().flat_map(|rule| &rule.usage);
        counts.any(|(field, _)| *field == stream::UsageField::Cached)
    }

    /// Whether a call with `stream` true is answered by events.
    #[must_use]
    pub fn can_stream(&self) -> bool {
        self.reply_kind == ReplyKind::Sse
    }

    /// How long an order is followed, in milliseconds; 0 if it polls nothing.
    #[must_use]
    pub fn follows_ms(&self) -> u64 {
        self.poll.as_ref().map_or(0, |poll| poll.timeout_ms)
    }

    /// Whether a stream says itself that it is over, by a mark or an event of its own.
    #[must_use]
    pub fn has_end_mark(&self) -> bool {
        self.stream.done.is_some()
    }

    /// The media type of a reply of bytes, where the mapping says one.
    pub fn reply_content_type(&self) -> Option<&str> {
        self.reply_content_type.as_deref()
    }

    /// Reads a successful reply. `headers` are (name, value); `body` is null for bytes.
    ///
    /// # Errors
    /// [`ReplyError::Status`] if `status` is not 2xx, [`ReplyError::WrongType`] if a field is not
    /// what its name says.
    pub fn reply(
        &self,
        status: u16,
        headers: &[(String, String)],
        body: &Value,
    ) -> Result<MappedReply, ReplyError> {
        if !(200..300).contains(&status) {
            return Err(ReplyError::Status { status });
        }
        MappedReply::read(&self.response_mapping, headers, body)
    }

    /// Reads an error body. What it does not say is absent, and the HTTP status decides.
    pub fn error(&self, body: &Value) -> MappedError {
        self.failure.read(&[], body)
    }

    /// Reads the data of one server-sent event; most say one thing or nothing.
    ///
    /// # Errors
    /// [`ReplyError::EventNotJson`] unless the data is JSON or the end mark, and
    /// [`ReplyError::WrongType`] for text or counts of another type.
    pub fn event(&self, data: &str) -> Result<Vec<MappedDelta>, ReplyError> {
        self.stream.read(data, |event| self.error(event))
    }

    /// Runs the mapping's own examples: input to request, and response to output.
    ///
    /// Empty if all hold; else one issue an example, with every difference in its reason.
    pub fn check_examples(&self) -> Vec<MappingIssue> {
        example::check(self)
    }

    /// Shows the exact request for an input, the key masked, and what each variable became.
    ///
    /// `input` holds reserved names and options side by side. Nothing is sent.
    pub fn preview(&self, input: &Map<String, Value>) -> Preview {
        preview::run(self, input)
    }
}
