//! Road 2 as a protocol: a payload mapping. This file is for text; `media` is for what is seen and heard.
//!
//! A mapping sees the conversation as OpenAI-like messages of plain text, and the caller's settings as
//! options. What a mapping has no place for is refused or dropped, as the model says.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

mod media;

pub use self::media::{image_reply, render_reply};
use super::{
    Draft, FieldIssue, ImageVendor, Malformed, Place, RenderVendor, SpeechVendor, StreamFault,
    Target, Vendor, VendorError, VendorStream, fields::Issues, openai_chat,
};
use crate::{
    auth::api_key::hex,
    chat::{ChatCall, ChatReply, Choice, Delta, Finish, Message, Part, Role},
    json,
    mapping::{
        PayloadMapping,
        failure::MappedError,
        poll::{KeptPolling, Polling},
        render::RenderedRequest,
        reply::{MappedReply, ReplyError},
        stream::{MappedDelta, MappedUsage},
        variables::{Notice, Reserved, VariableError, Variables},
    },
    model::{OnUnsupported, Protocol},
    receipt::Usage,
    sse::Event,
};

/// A vendor that is called by a mapping.
pub struct MappedVendor {
    mapping: Arc<PayloadMapping>,
}

impl MappedVendor {
    /// Wraps a mapping.
    #[must_use]
    pub fn new(mapping: PayloadMapping) -> Self {
        Self { mapping: Arc::new(mapping) }
    }
}

impl Vendor for MappedVendor {
    fn request(&self, call: &ChatCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        let (variables, left_out) = gather(&self.mapping, call, target)?;
        let rendered = self.mapping.render(&variables).map_err(|err| whole(err.to_string()))?;
        let polling = Polling::new(self.mapping.clone(), &variables);
        let polling = polling.map_err(|err| whole(err.to_string()))?;
        let draft = draft(rendered, &boundary(&variables)).map_err(whole)?;
        let mut dropped = own_words(&self.mapping, call, target).1;
        dropped.extend(left_out.iter().map(left_out_issue));
        Ok(Draft { dropped, polling, ..draft })
    }

    fn reply(&self, body: &Value) -> Result<ChatReply, Malformed> {
        self.mapping.reply(200, &[], body).map(reply).map_err(malformed)
    }

    fn error(&self, _status: u16, body: &[u8]) -> VendorError {
        json::parse(body)
            .map_or_else(|_| VendorError::default(), |body| as_vendors(self.mapping.error(&body)))
    }

    fn stream(&self) -> Box<dyn VendorStream> {
        let counts = MappedUsage::default();
        Box::new(MappedStream { counts, done: false, ended: false, mapping: self.mapping.clone() })
    }

    fn bounds_output(&self) -> bool {
        self.mapping.takes("max_tokens")
    }

    fn streams(&self) -> bool {
        self.mapping.can_stream()
    }

    fn mapping(&self) -> Option<&PayloadMapping> {
        Some(&self.mapping)
    }

    fn resume(&self, kept: &KeptPolling) -> Option<Result<Polling, String>> {
        Polling::restore(self.mapping.clone(), kept).map_err(|err| err.to_string()).transpose()
    }

    fn images(&self) -> Option<&dyn ImageVendor> {
        Some(self)
    }

    fn speech(&self) -> Option<&dyn SpeechVendor> {
        Some(self)
    }

    fn renders(&self) -> Option<&dyn RenderVendor> {
        Some(self)
    }
}

/// What each variable of a mapping is in a call, and what of the call was left out.
pub(crate) fn gather(
    mapping: &PayloadMapping,
    call: &ChatCall,
    target: &Target,
) -> Result<(Variables, Vec<Notice>), Vec<FieldIssue>> {
    let mut issues = own_words(mapping, call, target).0;
    let reserved = reserved(mapping, call, target, &mut issues);
    let options = options(mapping, call, target);
    match mapping.variables_where(reserved, &options, target.unknown_options) {
        Ok(gathered) if issues.is_empty() => Ok(gathered),
        Ok(_) => Err(issues),
        Err(errors) => {
            issues.extend(errors.iter().map(option_issue));
            Err(issues)
        }
    }
}

/// What no mapping has a word for, or not this one: what the call is refused for, and what is left out.
fn own_words(
    mapping: &PayloadMapping,
    call: &ChatCall,
    target: &Target,
) -> (Vec<FieldIssue>, Vec<FieldIssue>) {
    let mut issues = Issues::for_vendor(call, target);
    if target.on_unsupported != OnUnsupported::Reject {
        for (name, _) in settings(call).into_iter().filter(|(name, _)| !mapping.takes(name)) {
            issues.hint(&format!("/options/{name}"), "this model's mapping does not use it");
        }
    }
    let has =
        |what: fn(&Part) -> bool| call.messages.iter().flat_map(|message| &message.parts).any(what);
    if call.system.iter().any(|block| block.cache.is_some())
        || has(|part| matches!(part, Part::CacheMark(_)))
    {
        issues.hint("/cache_control", "this model's mapping has no such mark");
    }
    if has(|part| matches!(part, Part::Sealed(_) | Part::Thinking { .. })) {
        issues.lost_thoughts();
    }
    if has(|part| matches!(part, Part::Citation(_))) {
        issues.lost_citations();
    }
    if call.user.is_some() && !mapping.uses("user") {
        issues.hint("/user", "this model's mapping does not use it");
    }
    if call.n.is_some_and(|n| n != 1) {
        issues.add("/n", "this model's vendor gives one answer");
    }
    for name in call.openai.keys() {
        issues.own_setting(name, target);
    }
    if call.logprobs.is_some() {
        issues.unsupported("/logprobs", target);
    }
    issues.parts()
}

/// A line that tells parts apart and that no content has: a digest of the content.
pub(crate) fn boundary(variables: &Variables) -> String {
    hex(&Sha256::digest(Value::Object(variables.to_value()).to_string()))
}

fn whole(reason: String) -> Vec<FieldIssue> {
    vec![FieldIssue { pointer: String::new(), reason }]
}

/// Writes a rendered request; `boundary` tells the parts of a multipart body apart.
///
/// # Errors
/// Why it cannot be written, for a person.
pub(crate) fn draft(rendered: RenderedRequest, boundary: &str) -> Result<Draft, String> {
    let body = rendered.body.encode(boundary).map_err(|err| err.to_string())?;
    let mut headers = HeaderMap::new();
    for (name, value) in &rendered.headers {
        let name = HeaderName::try_from(name.as_str()).map_err(|err| err.to_string())?;
        headers.insert(name, HeaderValue::try_from(value).map_err(|err| err.to_string())?);
    }
    let mut bytes = Bytes::new();
    if let Some(body) = body {
        let kind = HeaderValue::try_from(body.content_type).map_err(|err| err.to_string())?;
        headers.insert(header::CONTENT_TYPE, kind);
        bytes = body.bytes.into();
    }
    Ok(Draft {
        body: bytes,
        dropped: Vec::new(),
        headers,
        key_at: rendered.key_at,
        method: rendered.method,
        place: Place::Url(rendered.url),
        polling: None,
        warns: false,
    })
}

/// The values of ours. Pictures and tools have no place in a mapping.
///
/// A mapping that names both `messages` and the prompt gets the turns before the last one as the former
/// and the last one as the latter; one that names the prompt alone can carry no more than one turn.
fn reserved(
    mapping: &PayloadMapping,
    call: &ChatCall,
    target: &Target,
    issues: &mut Vec<FieldIssue>,
) -> Reserved {
    let mut turns: Vec<(Role, String)> = Vec::new();
    let mut system: Vec<String> = call.system.iter().map(|block| block.text.clone()).collect();
    for (index, message) in call.messages.iter().enumerate() {
        let text = text_of(message, index, issues);
        match message.role {
            Role::System => system.push(text),
            role => turns.push((role, text)),
        }
    }
    let mut refuse = |pointer: &str, reason: &str| {
        issues.push(FieldIssue { pointer: pointer.to_owned(), reason: reason.to_owned() });
    };
    if !call.tools.is_empty() {
        refuse("/tools", "this model takes no tools");
    }
    let takes_prompt = ["prompt", "user_prompt", "user_text"].iter().any(|name| mapping.uses(name));
    let takes_messages = mapping.uses("messages");
    let ends_with_user = turns.last().is_some_and(|(role, _)| *role == Role::User);
    let mut prompt = None;
    if takes_prompt && ends_with_user {
        prompt = turns.pop().map(|(_, text)| text);
    }
    if !turns.is_empty() && !takes_messages {
        refuse("/messages", "this model takes one prompt, not a conversation");
    }
    let messages = turns.into_iter().map(|(role, text)| {
        let role = if role == Role::User { "user" } else { "assistant" };
        json!({"role": role, "content": text})
    });
    let messages: Vec<Value> = messages.collect();
    let system = system.join("\n\n");
    if !system.is_empty() && !mapping.uses("system") {
        refuse("/system", "this model takes no system prompt");
    }
    Reserved {
        messages: (!messages.is_empty()).then_some(Value::Array(messages)),
        model: Some(target.upstream_model.clone()),
        stream: Some(call.stream),
        system: (!system.is_empty()).then_some(system),
        user: call.user.clone(),
        user_prompt: prompt,
        ..Reserved::default()
    }
}

fn text_of(message: &Message, index: usize, issues: &mut Vec<FieldIssue>) -> String {
    let mut text = String::new();
    for part in &message.parts {
        match part {
            Part::Refusal(words) | Part::Text(words) => text.push_str(words),
            Part::CacheMark(_) | Part::Citation(_) | Part::Sealed(_) | Part::Thinking { .. } => {}
            Part::Audio(_)
            | Part::Document(_)
            | Part::Image(_)
            | Part::ToolCall(_)
            | Part::ToolResult { .. } => {
                let pointer = format!("/messages/{index}/content");
                let reason = "this model takes text alone".to_owned();
                issues.push(FieldIssue { pointer, reason });
            }
        }
    }
    text
}

pub(crate) fn left_out_issue(Notice::DroppedOption { name }: &Notice) -> FieldIssue {
    let reason = "this model's mapping does not use it".to_owned();
    FieldIssue { pointer: format!("/options/{name}"), reason }
}

/// The caller's settings by the names that mappings have for them, without those that the mapping does not
/// use where such are left out; then the caller's own options, of which `unknown_options` decides.
fn options(mapping: &PayloadMapping, call: &ChatCall, target: &Target) -> Map<String, Value> {
    let refuses = target.on_unsupported == OnUnsupported::Reject;
    let taken = |name: &str| refuses || mapping.takes(name);
    let settings = settings(call).into_iter().filter(|(name, _)| taken(name));
    let settings = settings.map(|(name, value)| (name.to_owned(), value));
    settings.chain(call.extra.clone()).collect()
}

/// The caller's settings by the names that mappings have for them. 0 is a value.
fn settings(call: &ChatCall) -> Vec<(&'static str, Value)> {
    let stop = (!call.stop.is_empty()).then(|| json!(call.stop));
    let all = [
        ("frequency_penalty", call.frequency_penalty.map(Value::from)),
        ("max_tokens", call.max_output_tokens.map(Value::from)),
        ("presence_penalty", call.presence_penalty.map(Value::from)),
        ("response_format", call.response_format.as_ref().map(openai_chat::response_format)),
        ("reasoning_effort", call.reasoning.effort().map(Value::from)),
        ("seed", call.seed.map(Value::from)),
        ("stop", stop),
        ("temperature", call.temperature.map(Value::from)),
        ("top_k", call.top_k.map(Value::from)),
        ("top_p", call.top_p.map(Value::from)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn option_issue(error: &VariableError) -> FieldIssue {
    FieldIssue { pointer: format!("/options/{}", error.name()), reason: error.to_string() }
}

/// A mapped reply as an answer of a conversation.
#[must_use]
pub fn reply(mapped: MappedReply) -> ChatReply {
    let counts = MappedUsage {
        cached_tokens: mapped.cached_tokens,
        input_tokens: mapped.input_tokens,
        output_tokens: mapped.output_tokens,
        tokens_used: mapped.tokens_used,
    };
    let refusal = mapped.metadata.get("refusal").and_then(Value::as_str);
    let refusal = refusal.filter(|words| !words.is_empty());
    let refusal = refusal.map(|words| Part::Refusal(words.to_owned()));
    let parts = mapped.text.map(Part::Text).into_iter().chain(refusal).collect();
    let finish = mapped.finish_reason.as_deref().map_or(Finish::Stop, finish);
    ChatReply {
        choices: vec![Choice { finish, parts, ..Choice::default() }],
        id: String::new(),
        model: mapped.model.unwrap_or_default(),
        service_tier: None,
        usage: usage(counts),
    }
}

/// Counts of the vendor: its input is taken to include what its cache served. Absent if it named none.
fn usage(counts: MappedUsage) -> Option<Usage> {
    let MappedUsage { cached_tokens, input_tokens, output_tokens, tokens_used } = counts;
    if input_tokens.is_none() && output_tokens.is_none() && tokens_used.is_none() {
        return None;
    }
    let cached = cached_tokens.unwrap_or(0);
    // A total alone is split as best it can be: what is not known to be one is the other.
    let input = input_tokens
        .or_else(|| Some(tokens_used?.saturating_sub(output_tokens.unwrap_or(0))))
        .unwrap_or(0);
    let output = output_tokens.or_else(|| Some(tokens_used?.saturating_sub(input))).unwrap_or(0);
    Some(Usage {
        cached_input_tokens: cached,
        input_tokens: input.saturating_sub(cached),
        output_tokens: output,
        requests: 1,
        ..Usage::default()
    })
}

/// The words that vendors have for the same ends.
fn finish(word: &str) -> Finish {
    match word {
        "end_turn" | "eos" | "stop" | "stop_sequence" | "STOP" => Finish::Stop,
        "length" | "max_tokens" | "MAX_TOKENS" => Finish::Length,
        "tool_calls" | "tool_use" => Finish::ToolCalls,
        "content_filter" | "refusal" | "SAFETY" => Finish::ContentFilter,
        other => Finish::Unknown(other.to_owned()),
    }
}

/// A mapped error as a vendor's.
pub(crate) fn as_vendors(error: MappedError) -> VendorError {
    VendorError {
        message: error.message,
        out_of_money: false,
        key_refused: false,
        refused: error.refusal,
        retry: error.retry,
        too_long: error.code.as_deref() == Some("context_length_exceeded"),
        unsupported: false,
        code: error.code,
    }
}

fn malformed(error: ReplyError) -> Malformed {
    Malformed { pointer: String::new(), reason: error.to_string() }
}

struct MappedStream {
    /// As the vendor has told them so far, in one event or many.
    counts: MappedUsage,
    done: bool,
    ended: bool,
    mapping: Arc<PayloadMapping>,
}

impl VendorStream for MappedStream {
    fn event(&mut self, event: &Event) -> Result<Vec<Delta>, StreamFault> {
        let read = self.mapping.event(&event.data).map_err(malformed)?;
        let mut deltas = Vec::new();
        let known = self.counts;
        let over = self.is_done();
        for delta in read {
            match delta {
                MappedDelta::Done => self.done = true,
                MappedDelta::Error(error) => return Err(StreamFault::Vendor(as_vendors(error))),
                MappedDelta::Finish(word) => {
                    self.ended = true;
                    let finish = finish(&word);
                    deltas.push(Delta::Finish { choice: 0, finish, stop_sequence: None });
                }
                MappedDelta::Text(text) => deltas.push(Delta::Text { choice: 0, text }),
                MappedDelta::Usage(counts) => self.counts.overlay(counts),
            }
        }
        if self.counts != known || self.is_done() != over {
            deltas.extend(self.usage().map(Delta::Usage));
        }
        Ok(deltas)
    }

    /// A vendor without an end mark has ended when it has said why.
    fn is_done(&self) -> bool {
        self.done || (self.ended && !self.mapping.has_end_mark())
    }
}

impl MappedStream {
    /// The counts by class, as far as they hold.
    ///
    /// A stream may break off after any event, and what was told last is then booked. So none is told that a
    /// later event would make smaller: input before the part of it that was cached, a total before what it is
    /// made of. Such counts wait for the end.
    fn usage(&self) -> Option<Usage> {
        if self.is_done() {
            return usage(self.counts);
        }
        let cached_is_known =
            self.counts.cached_tokens.is_some() || !self.mapping.streams_cached_tokens();
        let counts = MappedUsage { tokens_used: None, ..self.counts };
        usage(counts).filter(|_| cached_is_known)
    }
}

/// A protocol that has a name and no code yet.
pub struct Unbuilt(pub Protocol);

impl Vendor for Unbuilt {
    fn request(&self, _call: &ChatCall, _target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        let reason = format!("the protocol {} of this model is not built yet", self.0);
        Err(vec![FieldIssue { pointer: "/model".to_owned(), reason }])
    }

    fn error(&self, _status: u16, _body: &[u8]) -> VendorError {
        VendorError::default()
    }
}

#[cfg(test)]
mod tests;
