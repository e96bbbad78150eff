//! Canonical turns out: the items of `input`.

use serde_json::{Value, json};

use super::{
    super::{document::untold, fields::Issues, inline},
    thoughts,
};
use crate::chat::{ChatCall, Document, DocumentSource, Message, Part, Role, Seal, Source, text_of};

/// Writes all turns.
pub(super) fn items(call: &ChatCall, issues: &mut Issues) -> Vec<Value> {
    if call.system.iter().any(|block| block.cache.is_some()) {
        issues.no_cache_marks();
    }
    let mut items = Vec::with_capacity(call.messages.len());
    for message in &call.messages {
        match message.role {
            Role::Assistant => assistant(message, &mut items, issues),
            Role::System => {
                if message.parts.iter().any(|part| matches!(part, Part::CacheMark(_))) {
                    issues.no_cache_marks();
                }
                items.push(json!({"role": "developer", "content": text_of(&message.parts)}));
            }
            Role::User => user(message, &mut items, issues),
        }
    }
    let asks = |message: &Message| message.role == Role::User && !message.parts.is_empty();
    if items.is_empty() && !call.messages.iter().any(asks) {
        issues.add("/messages", "this model's vendor needs at least one message with content");
    }
    items
}

/// Writes a user's turn. Results come first, since they must follow the turn that called for them.
fn user(message: &Message, items: &mut Vec<Value>, issues: &mut Issues) {
    let mut content = Vec::new();
    for part in &message.parts {
        match part {
            Part::ToolResult { content: result, id, is_error } => {
                if *is_error {
                    issues.hint("/messages/*/is_error", "this vendor's results have no such mark");
                }
                let has_more = result.iter().any(|part| !matches!(part, Part::Text(_)));
                let output = if has_more {
                    result.iter().filter_map(|part| shown(part, issues)).collect()
                } else {
                    Value::from(text_of(result))
                };
                let kind = "function_call_output";
                items.push(json!({"type": kind, "call_id": id, "output": output}));
            }
            part => content.extend(shown(part, issues)),
        }
    }
    if content.is_empty() && !message.parts.is_empty() {
        return;
    }
    let content = match message.parts.as_slice() {
        [] => Value::from(""),
        [Part::Text(text)] => Value::from(text.as_str()),
        _ => Value::from(content),
    };
    items.push(json!({"role": "user", "content": content}));
}

/// Writes a piece of a user's turn.
fn shown(part: &Part, issues: &mut Issues) -> Option<Value> {
    match part {
        Part::Audio(_) => {
            issues.add("/messages", "this model's vendor takes no sound");
            None
        }
        Part::CacheMark(_) => {
            issues.no_cache_marks();
            None
        }
        Part::Document(document) => self::document(document, issues),
        Part::Image(image) => {
            let mut shown = json!({"type": "input_image", "image_url": inline::url(&image.source)});
            if let (Some(shown), Some(detail)) = (shown.as_object_mut(), &image.detail) {
                shown.insert("detail".to_owned(), detail.as_str().into());
            }
            Some(shown)
        }
        Part::Text(text) => Some(json!({"type": "input_text", "text": text})),
        Part::Citation(_)
        | Part::Refusal(_)
        | Part::Sealed(_)
        | Part::Thinking { .. }
        | Part::ToolCall(_)
        | Part::ToolResult { .. } => {
            issues.add("/messages", "a user's turn holds what only the model can say");
            None
        }
    }
}

fn document(document: &Document, issues: &mut Issues) -> Option<Value> {
    if document.is_cited {
        issues.hint("/messages/*/citations", "this vendor does not cite documents");
    }
    untold(document, issues);
    Some(match &document.source {
        DocumentSource::File(source @ Source::Inline { .. }) => json!({
            "type": "input_file",
            "filename": document.name.as_deref().unwrap_or("document.pdf"),
            "file_data": inline::url(source),
        }),
        DocumentSource::File(Source::Url(url)) => json!({"type": "input_file", "file_url": url}),
        DocumentSource::Text(text) => {
            json!({"type": "input_text", "text": document.as_text(text)})
        }
    })
}

/// Writes the model's turn, its pieces in order. A thought goes back only to the vendor that sealed it, and
/// only before what it led to: the vendor refuses one that nothing follows.
fn assistant(message: &Message, items: &mut Vec<Value>, issues: &mut Issues) {
    let mut thoughts: Vec<Value> = Vec::new();
    for part in &message.parts {
        let item = match part {
            // In short form: the long one would need the ids that the vendor gave.
            Part::Refusal(text) | Part::Text(text) if !text.is_empty() => {
                json!({"role": "assistant", "content": text})
            }
            // An empty text is none: the vendor leaves such out itself.
            Part::Refusal(_) | Part::Text(_) => continue,
            Part::Sealed(seal) => {
                match thought(seal, "") {
                    Some(thought) => thoughts.push(thought),
                    None => issues.lost_thoughts(),
                }
                continue;
            }
            Part::Thinking { seal, text } => {
                match seal.as_ref().and_then(|seal| thought(seal, text)) {
                    Some(thought) => thoughts.push(thought),
                    None => issues.lost_thoughts(),
                }
                continue;
            }
            Part::ToolCall(call) => {
                if call.seal.is_some() {
                    // This vendor seals no calls.
                    issues.lost_thoughts();
                }
                json!({
                    "type": "function_call",
                    "call_id": call.id,
                    "name": call.name,
                    "arguments": call.arguments,
                })
            }
            Part::CacheMark(_) => {
                issues.no_cache_marks();
                continue;
            }
            // The vendor's own citations are none of its input.
            Part::Citation(_) => {
                issues.lost_citations();
                continue;
            }
            Part::Audio(_) | Part::Document(_) | Part::Image(_) | Part::ToolResult { .. } => {
                issues.add("/messages", "the model's turn holds what only a user can say");
                continue;
            }
        };
        items.append(&mut thoughts);
        items.push(item);
    }
    if !thoughts.is_empty() {
        issues.lost_thoughts();
    }
}

fn thought(seal: &Seal, text: &str) -> Option<Value> {
    let (id, encrypted) = thoughts::own(seal)?;
    let summary = match text {
        "" => json!([]),
        text => json!([{"type": "summary_text", "text": text}]),
    };
    Some(json!({
        "type": "reasoning",
        "id": id,
        "summary": summary,
        "encrypted_content": encrypted,
    }))
}
