//! Our answer out, to a caller that speaks OpenAI's responses: whole.
//!
//! A whole answer is the response that the last event of its stream would have held.

use serde_json::{Map, Value, json};

use super::{
    super::{About, DialectStream},
    incomplete_reason,
    stream::Writer,
    usage,
};
use crate::{
    chat::{ChatReply, Delta, Finish, Part},
    receipt::Usage,
};

/// Writes a `response` of the first answer: the protocol has no place for more.
pub(super) fn reply(reply: &ChatReply, about: &About, asked: &Map<String, Value>) -> Value {
    let mut writer = Writer::new(about.clone(), asked.clone());
    writer.delta(&Delta::Start { id: reply.id.clone(), model: reply.model.clone() });
    let choice = reply.choices.first().cloned().unwrap_or_default();
    // They are held until there is a text that they belong to.
    let tokens = choice.logprobs.unwrap_or_default();
    if !tokens.is_empty() {
        writer.delta(&Delta::Logprobs { choice: 0, tokens });
    }
    let mut calls = 0;
    for part in choice.parts {
        for delta in deltas(part, calls) {
            writer.delta(&delta);
            calls += u32::from(matches!(delta, Delta::ToolCall { .. }));
        }
    }
    if let Some(usage) = reply.usage {
        writer.delta(&Delta::Usage(usage));
    }
    let (finish, stop_sequence) = (choice.finish, None);
    writer.delta(&Delta::Finish { choice: 0, finish, stop_sequence });
    writer.whole()
}

/// The steps that a part would have come in.
fn deltas(part: Part, index: u32) -> Vec<Delta> {
    let choice = 0;
    match part {
        Part::Citation(citation) => vec![Delta::Citation { choice, citation }],
        Part::Refusal(text) => vec![Delta::Refusal { choice, text }],
        Part::Sealed(seal) => vec![Delta::Sealed { call: None, choice, seal }],
        Part::Text(text) => vec![Delta::Text { choice, text }],
        Part::Thinking { seal, text } => vec![Delta::Thinking { choice, seal, text }],
        Part::ToolCall(call) => {
            let (id, name, arguments) = (Some(call.id), Some(call.name), call.arguments);
            let seal = call.seal.map(|seal| Delta::Sealed { call: Some(index), choice, seal });
            let call = Delta::ToolCall { arguments, choice, id, index, name };
            std::iter::once(call).chain(seal).collect()
        }
        // No answer holds these.
        Part::Audio(_)
        | Part::CacheMark(_)
        | Part::Document(_)
        | Part::Image(_)
        | Part::ToolResult { .. } => Vec::new(),
    }
}

/// A response that has begun: what the caller asked, with what it left open filled in, as the vendor does.
pub(super) fn begun(id: &str, about: &About, asked: &Map<String, Value>) -> Map<String, Value> {
    let given = |name: &str| asked.get(name).filter(|value| !value.is_null()).cloned();
    let or = |name: &str, usual: Value| given(name).unwrap_or(usual);
    let within = |name: &str, inner: &str| {
        given(name).and_then(|value| value.get(inner).filter(|value| !value.is_null()).cloned())
    };
    let response = json!({
        "id": id,
        "object": "response",
        "created_at": about.created,
        "status": "in_progress",
        "background": false,
        "completed_at": null,
        "error": null,
        "incomplete_details": null,
        "instructions": given("instructions"),
        "max_output_tokens": given("max_output_tokens"),
        "max_tool_calls": given("max_tool_calls"),
        "model": about.model,
        "output": [],
        "parallel_tool_calls": or("parallel_tool_calls", json!(true)),
        "previous_response_id": null,
        "prompt_cache_key": given("prompt_cache_key"),
        "reasoning": {
            "effort": within("reasoning", "effort"),
            "summary": within("reasoning", "summary"),
        },
        "safety_identifier": given("safety_identifier"),
        "service_tier": null,
        "store": false,
        "temperature": or("temperature", json!(1.0)),
        "text": {
            "format": within("text", "format").unwrap_or_else(|| json!({"type": "text"})),
            "verbosity": within("text", "verbosity").unwrap_or_else(|| json!("medium")),
        },
        "tool_choice": or("tool_choice", json!("auto")),
        "tools": or("tools", json!([])),
        "top_logprobs": or("top_logprobs", json!(0)),
        "top_p": or("top_p", json!(1.0)),
        "truncation": or("truncation", json!("disabled")),
        "usage": null,
        "user": given("user"),
        "metadata": or("metadata", json!({})),
    });
    match response {
        Value::Object(response) => response,
        _ => Map::new(),
    }
}

/// Ends a response.
pub(super) fn ended(
    mut response: Map<String, Value>,
    about: &About,
    finish: &Finish,
    output: Vec<Value>,
    usage: Option<&Usage>,
) -> Value {
    let mut set = |name: &str, value: Value| {
        response.insert(name.to_owned(), value);
    };
    match incomplete_reason(finish) {
        Some(reason) => {
            set("status", "incomplete".into());
            set("incomplete_details", json!({"reason": reason}));
        }
        None => {
            set("status", "completed".into());
            set("completed_at", about.created.into());
        }
    }
    set("output", output.into());
    set("usage", usage.map(usage::write).unwrap_or_default());
    Value::Object(response)
}
