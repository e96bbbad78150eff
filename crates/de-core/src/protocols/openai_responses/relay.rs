//! A caller's own body to a vendor that speaks the protocol too.
//!
//! All of it is kept, but for what would rest at the vendor: many tenants may share the vendor's account, so
//! that nothing of one is stored where another could name it. Instead thoughts come sealed and go back so.

use serde_json::Value;

use super::{
    super::{FieldIssue, Target},
    ENCRYPTED, LOST_CONTENT, thoughts,
};
use crate::json::verbatim::Verbatim;

/// Makes the body that is sent, and names what was left out of it.
pub(super) fn body(mut body: Verbatim, target: &Target) -> (Verbatim, Option<FieldIssue>) {
    body.set("model", target.upstream_model.as_str().into());
    body.set("store", Value::Bool(false));
    if may_think(&body, target) {
        let include = with_encrypted(body.get("include"));
        body.set("include", include);
    }
    let items = body.get("input").and_then(Value::as_array);
    let dropped = items.and_then(|items| sendable(items)).map(|items| {
        body.set("input", items.into());
        let reason = "the vendor refuses thoughts that it cannot read, or that lead to nothing";
        FieldIssue { pointer: LOST_CONTENT.to_owned(), reason: reason.to_owned() }
    });
    (body, dropped)
}

/// The items without the thoughts that the vendor would refuse: those that it cannot read, and those that lead
/// to nothing. `None` if there are none of these.
fn sendable(items: &[Value]) -> Option<Vec<Value>> {
    let mut leads = false;
    let mut kept: Vec<&Value> = Vec::with_capacity(items.len());
    for item in items.iter().rev().filter(|item| is_readable(item)) {
        let keeps = leads || !is_thought(item);
        leads = keeps && is_of_model(item);
        kept.extend(keeps.then_some(item));
    }
    (kept.len() < items.len()).then(|| kept.into_iter().rev().cloned().collect())
}

/// Whether the model thinks, as its row says, else as the caller seems to know.
fn may_think(body: &Verbatim, target: &Target) -> bool {
    let reasoning = body.get("reasoning").filter(|value| !value.is_null());
    let effort = reasoning.and_then(|reasoning| reasoning.get("effort")).and_then(Value::as_str);
    effort != Some("none") && target.reasoning.unwrap_or(reasoning.is_some())
}

/// What is to be told, thoughts in a form that can be sent back among it.
fn with_encrypted(include: Option<&Value>) -> Value {
    let mut words = include.and_then(Value::as_array).cloned().unwrap_or_default();
    if words.iter().all(|word| word != ENCRYPTED) {
        words.push(ENCRYPTED.into());
    }
    words.into()
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
