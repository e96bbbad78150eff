//! The caller's conversation in: the items of `input`.
//!
//! What the model said in a row is one turn, thoughts and calls included. Thoughts that lead to nothing are
//! left out.

use serde_json::Value;

use super::{
    super::{
        fields::{Fields, Issues, cache_mark, note_hint, unknown_word},
        inline::{self, address},
        openai_own::relay_only,
    },
    reply::BETWEEN,
    thoughts,
};
use crate::{
    chat::{
        ChatCall, Document, DocumentSource, Image, Instruction, Message, Part, Role, Seal, Source,
        ToolCall, Weight,
    },
    model::Protocol,
};

const TO_MODEL: [&str; 3] = ["input_text", "input_image", "input_file"];
const OF_MODEL: [&str; 2] = ["output_text", "refusal"];

/// The members of all these.
const OF_PARTS: [&str; 13] = [
    "annotations",
    "cache_control",
    "detail",
    "file_data",
    "file_id",
    "file_url",
    "filename",
    "image_url",
    "logprobs",
    "prompt_cache_breakpoint",
    "refusal",
    "text",
    "type",
];

/// Reads `input`: a text, or items.
pub(super) fn read(body: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) {
    let mut thoughts = Vec::new();
    match body.value("input") {
        // A saved prompt may hold all, and what was said before too.
        None if body.has("prompt") || body.has("previous_response_id") => {}
        None => body.require("input", issues),
        Some(Value::String(text)) => {
            let parts = vec![Part::Text(text.clone())];
            call.messages.push(Message { parts, role: Role::User });
        }
        Some(Value::Array(items)) => {
            if items.is_empty() && !body.has("previous_response_id") {
                issues.add("/input", "expected at least one item");
            }
            for item in body.objects("input", issues) {
                self::item(&item, &mut thoughts, call, issues);
            }
            led_to_nothing(&mut thoughts, call);
        }
        Some(other) => issues.expected("/input", "a string or a list of items", other),
    }
}

fn item(item: &Fields<'_>, thoughts: &mut Vec<Part>, call: &mut ChatCall, issues: &mut Issues) {
    let kind = item.string("type", issues).unwrap_or("message");
    let known: &[&str] = match kind {
        "function_call" => &["arguments", "call_id", "id", "name", "status", "type"],
        "function_call_output" => &["call_id", "id", "output", "status", "type"],
        "message" => &["content", "id", "role", "status", "type"],
        "reasoning" => &["content", "encrypted_content", "id", "status", "summary", "type"],
        // All of it is noted below.
        _ => &[],
    };
    if !known.is_empty() {
        item.hint_others(known, call);
    }
    match kind {
        "function_call" => {
            let id = item.required_string("call_id", issues);
            let name = item.required_string("name", issues);
            let arguments = item.required_string("arguments", issues);
            if let (Some(id), Some(name), Some(arguments)) = (id, name, arguments) {
                let (arguments, id, name) = (arguments.to_owned(), id.to_owned(), name.to_owned());
                thoughts.push(Part::ToolCall(ToolCall { arguments, id, name, seal: None }));
                said(thoughts, call);
            }
        }
        "function_call_output" => {
            led_to_nothing(thoughts, call);
            item.require("output", issues);
            let content = content(item, "output", &TO_MODEL, call, issues);
            let id = item.required_string("call_id", issues).unwrap_or_default().to_owned();
            let parts = vec![Part::ToolResult { content, id, is_error: false }];
            call.messages.push(Message { parts, role: Role::User });
        }
        "item_reference" => reference(item, issues),
        "message" => message(item, thoughts, call, issues),
        "reasoning" => thought(item, thoughts, call, issues),
        _ => relay_only(call, item.pointer().to_owned()),
    }
}

/// Leaves out thoughts that nothing of the model's follows: vendors refuse such. A seal without words is ours as a rule,
/// told behind an answer because its vendor sealed that: nothing is lost with it.
fn led_to_nothing(thoughts: &mut Vec<Part>, call: &mut ChatCall) {
    if thoughts.drain(..).any(|thought| matches!(thought, Part::Thinking { .. })) {
        note_hint(call, "/input/*", "a thought that led to nothing is taken by no vendor");
    }
}

/// Refuses the name of an item. Where items are kept, they were put in the places of their names before; a name
/// that is none is left.
fn reference(item: &Fields<'_>, issues: &mut Issues) {
    match item.value("id") {
        Some(Value::String(_)) => {
            let reason =
                "nothing is kept by this id: send the item itself, as clients do with store: false";
            issues.add(item.pointer(), reason);
        }
        Some(other) => issues.expected(item.at("id"), "a string", other),
        None => issues.add(item.at("id"), "required"),
    }
}

fn message(item: &Fields<'_>, thoughts: &mut Vec<Part>, call: &mut ChatCall, issues: &mut Issues) {
    if !item.has("role") && item.has("id") {
        return reference(item, issues);
    }
    let Some(role) = item.required_string("role", issues) else { return };
    item.require("content", issues);
    match role {
        "assistant" => {
            thoughts.extend(content(item, "content", &OF_MODEL, call, issues));
            said(thoughts, call);
        }
        "developer" | "system" => {
            let parts = content(item, "content", &TO_MODEL[..1], call, issues);
            if call.messages.is_empty() {
                call.system.extend(Instruction::blocks(parts));
            } else {
                call.messages.push(Message { parts, role: Role::System });
            }
            led_to_nothing(thoughts, call);
        }
        "user" => {
            led_to_nothing(thoughts, call);
            let parts = content(item, "content", &TO_MODEL, call, issues);
            call.messages.push(Message { parts, role: Role::User });
        }
        _ => {
            let known = "assistant, developer, system, user";
            unknown_word(call, item.at("role"), known, Weight::Essential);
        }
    }
}

/// Adds what the model said, and the thoughts before it, to its turn.
fn said(parts: &mut Vec<Part>, call: &mut ChatCall) {
    match call.messages.last_mut() {
        Some(Message { parts: turn, role: Role::Assistant }) => turn.append(parts),
        _ => {
            let parts = core::mem::take(parts);
            call.messages.push(Message { parts, role: Role::Assistant });
        }
    }
}

fn thought(item: &Fields<'_>, thoughts: &mut Vec<Part>, call: &mut ChatCall, issues: &mut Issues) {
    let id = item.string("id", issues).unwrap_or_default();
    let encrypted = item.string("encrypted_content", issues).filter(|text| !text.is_empty());
    let seal = encrypted.map(|encrypted| thoughts::seal(id, encrypted));
    let mut texts = Vec::new();
    for name in ["summary", "content"] {
        let parts = item.objects(name, issues);
        if texts.is_empty() {
            texts.extend(parts.iter().filter_map(|part| part.string("text", issues)));
        }
    }
    let text = texts.join(BETWEEN);
    match (seal, text.is_empty()) {
        (Some(seal), true) => sealed(seal, thoughts, call),
        (None, true) => {}
        (seal, false) => thoughts.push(Part::Thinking { seal, text }),
    }
}

/// A seal alone. Another vendor's right behind a call is the seal on that call: so our answers tell it.
fn sealed(seal: Seal, thoughts: &mut Vec<Part>, call: &mut ChatCall) {
    let turn = call.messages.last_mut().filter(|turn| turn.role == Role::Assistant);
    let last = turn.and_then(|turn| turn.parts.last_mut()).filter(|_| thoughts.is_empty());
    match last {
        Some(Part::ToolCall(call)) if seal.maker != Protocol::OpenaiResponses => {
            call.seal = Some(seal);
        }
        _ => thoughts.push(Part::Sealed(seal)),
    }
}

/// Reads a content or an output: a text, or parts of these kinds.
fn content(
    item: &Fields<'_>,
    name: &str,
    kinds: &[&str],
    call: &mut ChatCall,
    issues: &mut Issues,
) -> Vec<Part> {
    match item.value(name) {
        None => return Vec::new(),
        Some(Value::String(text)) => return vec![Part::Text(text.clone())],
        Some(Value::Array(_)) => {}
        Some(other) => {
            issues.expected(item.at(name), "a string or a list of parts", other);
            return Vec::new();
        }
    }
    let mut parts = Vec::new();
    for part in item.objects(name, issues) {
        part.require("type", issues);
        let kind = part.string("type", issues);
        if kind.is_some_and(|kind| kinds.contains(&kind)) {
            part.hint_others(&OF_PARTS, call);
        }
        match kind.filter(|kind| TO_MODEL.contains(kind) || OF_MODEL.contains(kind)) {
            Some(kind) if !kinds.contains(&kind) => {
                unknown_word(call, part.at("type"), &kinds.join(", "), Weight::Essential);
            }
            Some("input_file") => parts.extend(file(&part, call, issues).map(Part::Document)),
            Some("input_image") => parts.extend(image(&part, call, issues).map(Part::Image)),
            Some("refusal") => {
                let text = part.required_string("refusal", issues);
                parts.extend(text.map(|text| Part::Refusal(text.to_owned())));
            }
            Some(_) => {
                let text = part.required_string("text", issues);
                parts.extend(text.map(|text| Part::Text(text.to_owned())));
            }
            // Kinds are added without notice.
            None if kind.is_some() => relay_only(call, part.pointer().to_owned()),
            None => {}
        }
        parts.extend(cache_mark(&part, call, issues).map(Part::CacheMark));
    }
    parts
}

/// Reads a picture: its address or its data, or what only a relay can carry.
fn image(part: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) -> Option<Image> {
    let detail = part.string("detail", issues).map(str::to_owned);
    let Some(url) = part.string("image_url", issues) else {
        if part.has("file_id") {
            relay_only(call, part.at("file_id"));
        } else if !part.has("image_url") {
            issues.add(part.at("image_url"), "required");
        }
        return None;
    };
    let source = address(url);
    if source.is_none() {
        let reason = "expected an https address or a data: address with base64";
        issues.add(part.at("image_url"), reason);
    }
    source.map(|source| Image { detail, source })
}

/// Reads a file: its address or its data, or what only a relay can carry.
fn file(part: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) -> Option<Document> {
    let name = part.string("filename", issues).map(str::to_owned);
    let (data, url) = (part.string("file_data", issues), part.string("file_url", issues));
    let source = match (data, url) {
        (Some(data), _) => match inline::file(data, name.as_deref()) {
            Some(source) => source,
            None => {
                issues.add(part.at("file_data"), "expected a data: address with base64");
                return None;
            }
        },
        (None, Some(url)) => Source::Url(url.to_owned()),
        (None, None) if part.has("file_id") => {
            relay_only(call, part.at("file_id"));
            return None;
        }
        (None, None) => {
            if !part.has("file_data") && !part.has("file_url") {
                issues.add(part.at("file_data"), "required, or file_url");
            }
            return None;
        }
    };
    Some(Document { context: None, is_cited: false, name, source: DocumentSource::File(source) })
}
