//! The turns of a conversation, as the vendor wants them.
//!
//! Results stand in a turn of their own right behind the turn that called for them, in the order of the calls
//! and each with the name of its function: older models know them by these. Signatures go back on the part that they came on:
//! <https://ai.google.dev/gemini-api/docs/thought-signatures>.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::{
    document::untold,
    fields::Issues,
    turns::{Turn, with_results_joined},
};
use crate::{
    chat::{Document, DocumentSource, Image, Message, Part, Role, Seal, Source, ToolCall},
    json,
    model::Protocol,
};

const PICTURES: [&str; 5] = ["image/heic", "image/heif", "image/jpeg", "image/png", "image/webp"];

/// What the vendor takes in place of a signature on a call that another model made.
const FOREIGN_CALL: &str = "skip_thought_signature_validator";

/// Types of files that are told by the end of an address; the vendor finds out the others itself.
const ENDINGS: [(&str, &str); 9] = [
    (".csv", "text/csv"),
    (".heic", "image/heic"),
    (".heif", "image/heif"),
    (".jpeg", "image/jpeg"),
    (".jpg", "image/jpeg"),
    (".pdf", "application/pdf"),
    (".png", "image/png"),
    (".txt", "text/plain"),
    (".webp", "image/webp"),
];

/// Who speaks in a turn, and of what kind it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Model,
    Results,
    User,
}

impl Kind {
    fn role(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Results | Self::User => "user",
        }
    }
}

/// Writes the turns, those of one kind in a row as one. `is_sealed` says that the model wants a signature on
/// the first call of each turn, and that results may hold files.
pub(super) fn write(messages: &[Message], is_sealed: bool, issues: &mut Issues) -> Vec<Value> {
    let mut writer = Writer {
        called: 0,
        calls: BTreeMap::new(),
        files_in_results: is_sealed,
        has_lost_results: false,
        issues,
        turns: Vec::new(),
    };
    for Turn { parts, role } in with_results_joined(messages) {
        match role {
            Role::Assistant => writer.model(&parts),
            // It stands in the system prompt.
            Role::System => writer.marks(&parts),
            Role::User => writer.user(&parts),
        }
    }
    if writer.turns.is_empty() && !writer.has_lost_results {
        let reason = "this model's vendor needs at least one message with content";
        writer.issues.add("/messages", reason);
    }
    let turns = writer.turns.into_iter().map(|(kind, mut placed)| {
        placed.sort_by_key(|(place, _)| *place);
        let mut parts: Vec<Value> = placed.into_iter().map(|(_, part)| part).collect();
        if is_sealed && kind == Kind::Model {
            seal_first_call(&mut parts);
        }
        json!({"role": kind.role(), "parts": parts})
    });
    turns.collect()
}

struct Writer<'a> {
    /// How many calls there were so far.
    called: usize,
    /// The last call of each id: which it is, and its name.
    calls: BTreeMap<&'a str, (usize, &'a str)>,
    files_in_results: bool,
    has_lost_results: bool,
    issues: &'a mut Issues,
    /// Results with the call that each is of, for their order; other parts stay as they came.
    turns: Vec<(Kind, Vec<(usize, Value)>)>,
}

impl<'a> Writer<'a> {
    fn push(&mut self, kind: Kind, parts: Vec<Value>) {
        self.push_placed(kind, parts.into_iter().map(|part| (0, part)).collect());
    }

    fn push_placed(&mut self, kind: Kind, parts: Vec<(usize, Value)>) {
        match self.turns.last_mut() {
            Some((last, turn)) if *last == kind => turn.extend(parts),
            _ if parts.is_empty() => {}
            _ => self.turns.push((kind, parts)),
        }
    }

    fn marks(&mut self, parts: &[&Part]) {
        if parts.iter().any(|part| matches!(part, Part::CacheMark(_))) {
            self.issues.no_cache_marks();
        }
    }

    fn user(&mut self, parts: &[&'a Part]) {
        let (mut results, mut said) = (Vec::new(), Vec::new());
        for part in parts {
            match part {
                Part::ToolResult { content, id, is_error } => {
                    results.extend(self.result(content, id, *is_error, &mut said));
                }
                part => said.extend(self.said(part)),
            }
        }
        self.push_placed(Kind::Results, results);
        self.push(Kind::User, said);
    }

    /// Writes a piece of a user's turn. Empty texts are left out: the vendor refuses them.
    fn said(&mut self, part: &Part) -> Option<Value> {
        match part {
            Part::Audio(audio) => {
                let mime_type = format!("audio/{}", audio.format);
                Some(json!({"inlineData": {"mimeType": mime_type, "data": &*audio.base64}}))
            }
            Part::CacheMark(_) => {
                self.issues.no_cache_marks();
                None
            }
            Part::Document(document) => Some(self.document(document)),
            Part::Image(image) => Some(self.image(image)),
            Part::Text(text) => (!text.is_empty()).then(|| json!({"text": text})),
            Part::Citation(_)
            | Part::Refusal(_)
            | Part::Sealed(_)
            | Part::Thinking { .. }
            | Part::ToolCall(_)
            | Part::ToolResult { .. } => {
                self.issues.add("/messages", "a user's turn holds what only the model can say");
                None
            }
        }
    }

    fn image(&mut self, image: &Image) -> Value {
        if image.detail.as_deref().is_some_and(|detail| detail != "auto") {
            self.issues.hint("/messages/*/detail", "this vendor looks at all pictures alike");
        }
        if let Source::Inline { media_type, .. } = &image.source
            && !PICTURES.contains(&media_type.as_str())
        {
            let reason = format!("this model's vendor takes images of {}", PICTURES.join(", "));
            self.issues.add("/messages", reason);
        }
        file(&image.source)
    }

    fn document(&mut self, document: &Document) -> Value {
        if document.is_cited {
            self.issues.hint("/messages/*/citations", "this vendor does not cite documents");
        }
        untold(document, self.issues);
        match &document.source {
            DocumentSource::File(source) => file(source),
            DocumentSource::Text(text) => json!({"text": document.as_text(text)}),
        }
    }

    /// Writes a result: an object as it is, any other text as `output`, what went wrong as `error`. Files
    /// stand in it where the model takes them there, and else behind all results.
    ///
    /// In an object the vendor takes each `$ref` for the name of a file beside it, and refuses one that names
    /// none. A schema that a tool shows has such, so it goes as text:
    /// <https://ai.google.dev/gemini-api/docs/function-calling>.
    fn result(
        &mut self,
        content: &[Part],
        id: &str,
        is_error: bool,
        after: &mut Vec<Value>,
    ) -> Option<(usize, Value)> {
        let Some((place, name)) = self.calls.get(id).copied() else {
            let reason = format!("this model's vendor needs the tool call {id} before its result");
            self.issues.add("/messages", reason);
            self.has_lost_results = true;
            return None;
        };
        let (mut text, mut files) = (String::new(), Vec::new());
        for part in content {
            let Some(shown) = self.said(part) else { continue };
            if let Some(more) = shown.get("text").and_then(Value::as_str) {
                text.push_str(more);
            } else if self.files_in_results && shown.get("inlineData").is_some() {
                files.push(shown);
            } else {
                after.push(shown);
            }
        }
        let response = match json::object(text.as_bytes()) {
            _ if is_error => json!({"error": text}),
            Ok(object) if !has_reference(&object) => Value::Object(object),
            Ok(_) | Err(_) => json!({"output": text}),
        };
        let mut result = Map::new();
        result.insert("id".to_owned(), id.into());
        result.insert("name".to_owned(), name.into());
        result.insert("response".to_owned(), response);
        if !files.is_empty() {
            result.insert("parts".to_owned(), files.into());
        }
        Some((place, json!({"functionResponse": result})))
    }

    /// Writes a turn of the model. Thoughts of others are none of its own.
    fn model(&mut self, said: &[&'a Part]) {
        let mut parts: Vec<Value> = Vec::new();
        // Callers' protocols that tell seals apart from the text may give this one before it.
        let mut early = None;
        for part in said {
            match part {
                Part::CacheMark(_) => self.issues.no_cache_marks(),
                Part::Refusal(text) | Part::Text(text) => {
                    parts.extend((!text.is_empty()).then(|| json!({"text": text})));
                }
                Part::Sealed(seal) if is_own(seal) => {
                    if parts.is_empty() {
                        early = Some(seal);
                    } else if !parts.last_mut().is_some_and(|last| put(last, seal)) {
                        parts.push(json!({"text": "", "thoughtSignature": seal.data}));
                    }
                }
                Part::Thinking { seal: Some(seal), text } if is_own(seal) => parts
                    .push(json!({"text": text, "thought": true, "thoughtSignature": seal.data})),
                Part::Citation(_) => self.issues.lost_citations(),
                Part::Sealed(_) | Part::Thinking { .. } => self.issues.lost_thoughts(),
                Part::ToolCall(call) => {
                    self.calls.insert(&call.id, (self.called, &call.name));
                    self.called = self.called.saturating_add(1);
                    parts.push(self.call(call));
                }
                Part::Audio(_) | Part::Document(_) | Part::Image(_) | Part::ToolResult { .. } => {
                    let reason = "the model's turn holds what only a user can say";
                    self.issues.add("/messages", reason);
                }
            }
        }
        if let Some(seal) = early {
            put_early(&mut parts, seal);
        }
        self.push(Kind::Model, parts);
    }

    fn call(&mut self, call: &ToolCall) -> Value {
        let args = match call.arguments.trim() {
            "" => Value::Object(Map::new()),
            text => json::object(text.as_bytes()).map(Value::Object).unwrap_or_else(|error| {
                let reason = format!("arguments of tool call {}: {error}", call.id);
                self.issues.add("/messages", reason);
                Value::Null
            }),
        };
        let mut part = json!({"functionCall": {"id": call.id, "name": call.name, "args": args}});
        match &call.seal {
            Some(seal) if is_own(seal) => {
                put(&mut part, seal);
            }
            Some(_) => self.issues.lost_thoughts(),
            None => {}
        }
        part
    }
}

/// Whether an object has a member `$ref`, at any depth.
fn has_reference(object: &Map<String, Value>) -> bool {
    fn within(value: &Value) -> bool {
        match value {
            Value::Array(items) => items.iter().any(within),
            Value::Object(members) => has_reference(members),
            _ => false,
        }
    }
    object.contains_key("$ref") || object.values().any(within)
}

fn is_own(seal: &Seal) -> bool {
    seal.maker == Protocol::Gemini
}

/// Puts a signature on a part; `false` if it has one.
fn put(part: &mut Value, seal: &Seal) -> bool {
    match part.as_object_mut() {
        Some(part) if !part.contains_key("thoughtSignature") => {
            part.insert("thoughtSignature".to_owned(), seal.data.as_str().into());
            true
        }
        _ => false,
    }
}

/// Puts a signature of which only the turn is known: the vendor's stand on the first part of a turn with
/// calls, and on the last part of any other.
fn put_early(parts: &mut Vec<Value>, seal: &Seal) {
    let has_calls = parts.iter().any(|part| part.get("functionCall").is_some());
    let part = if has_calls { parts.first_mut() } else { parts.last_mut() };
    if !part.is_some_and(|part| put(part, seal)) {
        parts.push(json!({"text": "", "thoughtSignature": seal.data}));
    }
}

/// Gives the first call of a turn what the vendor wants where it has no signature: another model made it, or
/// the caller's protocol has no place to keep one.
fn seal_first_call(parts: &mut [Value]) {
    let first = parts.iter_mut().find(|part| part.get("functionCall").is_some());
    if let Some(part) = first.and_then(Value::as_object_mut) {
        part.entry("thoughtSignature").or_insert_with(|| FOREIGN_CALL.into());
    }
}

fn file(source: &Source) -> Value {
    match source {
        Source::Inline { base64, media_type } => {
            json!({"inlineData": {"mimeType": media_type, "data": &**base64}})
        }
        Source::Url(url) => {
            let mut file = json!({"fileUri": url});
            let place = url.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
            let known = ENDINGS.iter().find(|(ending, _)| place.ends_with(ending));
            if let (Some(file), Some((_, mime_type))) = (file.as_object_mut(), known) {
                file.insert("mimeType".to_owned(), (*mime_type).into());
            }
            json!({"fileData": file})
        }
    }
}
