//! A caller's own body to a vendor that speaks the protocol too.
//!
//! All of it is kept, but for what would rest at the vendor: many tenants may share the vendor's account, so
//! that nothing of one is stored where another could name it. Instead thoughts come sealed and go back so.

use serde_json::{Map, Value};

use super::{super::Target, ENCRYPTED, thoughts};

/// Makes the body that is sent.
pub(super) fn body(mut body: Map<String, Value>, target: &Target) -> Map<String, Value> {
    body.insert("model".to_owned(), Value::from(target.upstream_model.as_str()));
    body.insert("store".to_owned(), Value::Bool(false));
    if may_think(&body, target) {
        include(&mut body);
    }
    if let Some(items) = body.get_mut("input").and_then(Value::as_array_mut) {
        items.retain(is_readable);
        drop_loose(items);
    }
    body
}

/// Takes out the thoughts that lead to nothing: the vendor refuses them.
fn drop_loose(items: &mut Vec<Value>) {
    let mut leads = false;
    let mut kept: Vec<bool> = Vec::with_capacity(items.len());
    for item in items.iter().rev() {
        let keep = leads || !is_thought(item);
        leads = keep && is_of_model(item);
        kept.push(keep);
    }
    items.retain(|_| kept.pop().unwrap_or(true));
}

/// Whether the model thinks, as its row says, else as the caller seems to know.
fn may_think(body: &Map<String, Value>, target: &Target) -> bool {
    let reasoning = body.get("reasoning").filter(|value| !value.is_null());
    let effort = reasoning.and_then(|reasoning| reasoning.get("effort")).and_then(Value::as_str);
    effort != Some("none") && target.reasoning.unwrap_or(reasoning.is_some())
}

fn include(body: &mut Map<String, Value>) {
    let includes = body.entry("include").or_insert(Value::Null);
    match includes {
        Value::Array(words) if words.iter().any(|word| word == ENCRYPTED) => {}
        Value::Array(words) => words.push(ENCRYPTED.into()),
        other => *other = Value::Array(vec![ENCRYPTED.into()]),
    }
}

fn is_thought(item: &Value) -> bool {
    item.get("type").and_then(Value::as_str) == Some("reasoning")
}

/// Whether the vendor can read an item: a thought that it did not seal, or not seal so that it can come back,
/// it cannot.
fn is_readable(item: &Value) -> bool {
    let encrypted = item.get("encrypted_content").and_then(Value::as_str).unwrap_or_default();
    !is_thought(item) || (!encrypted.is_empty() && thoughts::is_own_text(encrypted))
}

/// Whether an item is one that a thought may lead to.
fn is_of_model(item: &Value) -> bool {
    match item.get("type").and_then(Value::as_str) {
        None | Some("message") => item.get("role").and_then(Value::as_str) == Some("assistant"),
        Some(kind) => kind.ends_with("_call") || kind == "reasoning",
    }
}
