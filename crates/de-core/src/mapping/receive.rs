//! Parsing the half of a mapping that reads: `response`, `response_mapping`, `error_mapping`.

use serde_json::Value;

use super::ReplyKind;
use super::failure::Failure;
use super::filter::Maps;
use super::issue::{Issues, MappingFault, at};
use super::members::{Members, expect};
use super::path::Path;
use super::reply::{Each, From, Source};
use super::stream::{Done, Rule, Stream, UsageField, When};
use crate::json;

/// What the reading half holds.
pub(crate) struct Received {
    pub(crate) content_type: Option<String>,
    pub(crate) failure: Failure,
    pub(crate) kind: ReplyKind,
    pub(crate) mapping: Vec<(String, Source)>,
    pub(crate) stream: Stream,
}

pub(crate) fn parse(root: &Members<'_>, maps: &Maps, issues: &mut Issues) -> Received {
    let mut reader = Reader { issues, maps };
    let (mut kind, mut content_type, stream) = reader.response(root);
    let mapping = match root.get("response_mapping") {
        None => Vec::new(),
        Some(value) => {
            let pointer = root.at("response_mapping");
            // The original wrote a reply of bytes as `"audio_data": "$"` beside a media type.
            if let Some(media_type) = media_type(value)
                && root.get("response").is_none()
            {
                kind = ReplyKind::Bytes;
                content_type = Some(media_type.to_owned());
            }
            reader.mapping(value, &pointer, kind)
        }
    };
    let failure = reader.failure(root);
    Received { content_type, failure, kind, mapping, stream }
}

/// Reads sources and conditions.
pub(crate) struct Reader<'a> {
    pub(crate) issues: &'a mut Issues,
    pub(crate) maps: &'a Maps,
}

impl Reader<'_> {
    fn response(&mut self, root: &Members<'_>) -> (ReplyKind, Option<String>, Stream) {
        const ALLOWED: &str = "json, bytes, sse, poll";
        let plain = (ReplyKind::Json, None, Stream::default());
        let Some(value) = root.get("response") else { return plain };
        let pointer = root.at("response");
        let Some(open) = Members::open(value, &pointer, self.issues) else { return plain };
        let kind = match open.text("kind", self.issues) {
            None | Some("json") => ReplyKind::Json,
            Some("bytes") => ReplyKind::Bytes,
            Some("sse") => ReplyKind::Sse,
            // The rest of it needs templates and is read with them.
            Some("poll") => return (ReplyKind::Poll, None, Stream::default()),
            Some(other) => {
                let fault = MappingFault::NotOneOf { found: other.to_owned(), allowed: ALLOWED };
                self.issues.add(&open.at("kind"), fault);
                return plain;
            }
        };
        let known = match kind {
            ReplyKind::Bytes | ReplyKind::Json | ReplyKind::Poll => "kind, content_type",
            ReplyKind::Sse => "kind, content_type, events, done",
        };
        let Some(members) = Members::closed(value, &pointer, known, self.issues) else {
            return plain;
        };
        let content_type = members.text("content_type", self.issues).map(str::to_owned);
        let mut stream = Stream::default();
        if kind == ReplyKind::Sse {
            if members.get("events").is_none() {
                self.issues.add(&pointer, MappingFault::Missing { name: "events" });
            }
            let events = members.optional("events", "a list", Value::as_array, self.issues);
            for (index, event) in events.into_iter().flatten().enumerate() {
                let rule = self.rule(event, &at(&members.at("events"), index));
                stream.rules.extend(rule);
            }
            stream.done = match members.get("done") {
                Some(Value::String(data)) => Some(Done::Data(data.clone())),
                Some(when) => self.when(when, &members.at("done")).map(Done::When),
                None => None,
            };
        }
        (kind, content_type, stream)
    }

    fn rule(&mut self, value: &Value, pointer: &str) -> Option<Rule> {
        const KNOWN: &str = "when, delta, usage, finish, error";
        const COUNTS: &str = "input_tokens, output_tokens, cached_tokens, tokens_used";
        let members = Members::closed(value, pointer, KNOWN, self.issues)?;
        let mut source = |name: &str| self.source(members.get(name)?, &members.at(name));
        let (delta, finish) = (source("delta"), source("finish"));
        let mut usage = Vec::new();
        if let Some(value) = members.get("usage")
            && let Some(counts) = Members::closed(value, &members.at("usage"), COUNTS, self.issues)
        {
            for (name, value) in counts.map {
                let source = self.source(value, &counts.at(name));
                usage.extend(UsageField::parse(name).zip(source));
            }
        }
        let when = members.get("when").and_then(|when| self.when(when, &members.at("when")));
        let error = members.optional("error", "a boolean", Value::as_bool, self.issues);
        Some(Rule { delta, error: error == Some(true), finish, usage, when })
    }

    /// Reads a condition.
    pub(crate) fn when(&mut self, value: &Value, pointer: &str) -> Option<When> {
        const KNOWN: &str = "path, equals, in";
        let members = Members::closed(value, pointer, KNOWN, self.issues)?;
        if members.get("path").is_none() {
            self.issues.add(pointer, MappingFault::Missing { name: "path" });
        }
        let text = members.text("path", self.issues)?;
        let path = self.path(text, &members.at("path"))?;
        let listed = members.optional("in", "a list", Value::as_array, self.issues);
        let equals = members.get("equals").into_iter().chain(listed.into_iter().flatten());
        Some(When { equals: equals.cloned().collect(), path })
    }

    /// Reads where each field of a reply comes from.
    pub(crate) fn mapping(
        &mut self,
        value: &Value,
        pointer: &str,
        kind: ReplyKind,
    ) -> Vec<(String, Source)> {
        let mut fields = Vec::new();
        let Some(members) = Members::open(value, pointer, self.issues) else { return fields };
        let legacy = media_type(value).is_some();
        for (name, value) in members.map {
            if legacy && (name == "content_type" || value.as_str() == Some("$")) {
                continue;
            }
            let pointer = members.at(name);
            let is_each = value.as_object().is_some_and(|members| members.contains_key("each"));
            let source = match is_each && name == "images" {
                true => self.each(value, &pointer),
                false => self.source(value, &pointer),
            };
            let Some(source) = source else { continue };
            if kind == ReplyKind::Bytes && reads_body(&source) {
                self.issues.add(&pointer, MappingFault::NoBody);
            }
            fields.push((name.clone(), source));
        }
        fields
    }

    fn failure(&mut self, root: &Members<'_>) -> Failure {
        const KNOWN: &str = "message, code, retry_on, refusal_on";
        let Some(value) = root.get("error_mapping") else { return Failure::default() };
        let pointer = root.at("error_mapping");
        let Some(members) = Members::closed(value, &pointer, KNOWN, self.issues) else {
            return Failure::default();
        };
        let mut source = |name: &str| self.source(members.get(name)?, &members.at(name));
        let (message, code) = (source("message"), source("code"));
        Failure {
            code,
            message,
            refusal_on: members.texts("refusal_on", self.issues),
            retry_on: members.texts("retry_on", self.issues),
        }
    }

    /// Reads where a value comes from.
    pub(crate) fn source(&mut self, value: &Value, pointer: &str) -> Option<Source> {
        match value {
            Value::Bool(_) | Value::Number(_) => Some(Source::Const(value.clone())),
            Value::String(text) => {
                let path = self.path(text, pointer)?;
                Some(Source::Look { from: From::Path(path), default: None, map: None })
            }
            Value::Array(items) => {
                let sources = items.iter().enumerate();
                let sources = sources.map(|(index, item)| self.source(item, &at(pointer, index)));
                Some(Source::FirstOf(sources.collect::<Option<_>>()?))
            }
            Value::Object(members) if members.contains_key("const") => {
                let members = Members::closed(value, pointer, "const", self.issues)?;
                members.get("const").cloned().map(Source::Const)
            }
            Value::Object(_) => self.look(value, pointer),
            Value::Null => {
                let expected = "a path, a constant or an object";
                expect(value, pointer, expected, |_| None, self.issues)
            }
        }
    }

    /// Reads where the pictures of a list are, and what belongs to each.
    fn each(&mut self, value: &Value, pointer: &str) -> Option<Source> {
        const KNOWN: &str = "each, url, b64, revised_prompt, seed";
        let members = Members::closed(value, pointer, KNOWN, self.issues)?;
        let items = members.text("each", self.issues)?;
        let items = self.path(items, &members.at("each"))?;
        let mut source = |name: &str| self.source(members.get(name)?, &members.at(name));
        let (url, b64) = (source("url"), source("b64"));
        let (revised_prompt, seed) = (source("revised_prompt"), source("seed"));
        if members.get("url").is_none() && members.get("b64").is_none() {
            self.issues.add(pointer, MappingFault::Missing { name: "url" });
        }
        Some(Source::Each(Box::new(Each { b64, items, revised_prompt, seed, url })))
    }

    fn look(&mut self, value: &Value, pointer: &str) -> Option<Source> {
        const KNOWN: &str = "path, header, default, map";
        let members = Members::closed(value, pointer, KNOWN, self.issues)?;
        let from = match (members.get("path"), members.get("header")) {
            (None, Some(_)) => {
                From::Header(members.text("header", self.issues)?.to_ascii_lowercase())
            }
            (Some(_), None) => {
                let text = members.text("path", self.issues)?;
                From::Path(self.path(text, &members.at("path"))?)
            }
            _ => {
                let reason = "either path or header says where to look";
                self.issues.add(pointer, MappingFault::Declaration { reason });
                return None;
            }
        };
        let map = match members.get("map") {
            None => None,
            Some(Value::Object(rows)) => Some(rows.clone()),
            Some(Value::String(name)) => {
                let rows = self.maps.get(name);
                if rows.is_none() {
                    let fault = MappingFault::UnknownMap { name: name.clone() };
                    self.issues.add(&members.at("map"), fault);
                }
                Some(rows?.clone())
            }
            Some(other) => {
                let found = json::type_name(other);
                let fault = MappingFault::WrongType { expected: "a map or its name", found };
                self.issues.add(&members.at("map"), fault);
                return None;
            }
        };
        let default = members.get("default").filter(|value| !value.is_null()).cloned();
        Some(Source::Look { from, default, map })
    }

    fn path(&mut self, text: &str, pointer: &str) -> Option<Path> {
        Path::parse(text).map_err(|fault| self.issues.add(pointer, fault)).ok()
    }
}

/// The media type that the original wrote among the paths.
fn media_type(response_mapping: &Value) -> Option<&str> {
    let text = response_mapping.get("content_type")?.as_str()?;
    let (kind, sub) = text.split_once('/')?;
    let token = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    (token(kind) && token(sub)).then_some(text)
}

fn reads_body(source: &Source) -> bool {
    match source {
        Source::Const(_) => false,
        Source::Each(_) => true,
        Source::FirstOf(sources) => sources.iter().any(reads_body),
        Source::Look { from, .. } => matches!(from, From::Path(path) if !path.is_root()),
    }
}
