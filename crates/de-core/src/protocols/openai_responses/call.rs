//! A caller's request in: the body of `POST /v1/responses`.

use serde_json::{Map, Value};

use super::{
    super::{
        FieldIssue,
        fields::{Fields, Issues, cache_ttl, unknown_word},
        openai_chat::SHARED,
        openai_own::{own, relay_only},
    },
    ENCRYPTED, LOGPROBS, items,
};
use crate::chat::{ChatCall, ResponseFormat, Tool, ToolChoice, Weight};

/// Members that have their place in a [`ChatCall`], or mean something to whoever keeps conversations.
const KNOWN: [&str; 22] = [
    "background",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "model",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "reasoning",
    "safety_identifier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
];

/// Members that no other protocol has: how many calls its own tools may make, what is left out of a
/// conversation that is too long.
const OWN: [(&str, Weight); 3] = [
    ("context_management", Weight::Hint),
    ("max_tool_calls", Weight::Hint),
    ("truncation", Weight::Hint),
];

/// Members of [`SHARED`] that this protocol has elsewhere, or that are kept here and not at the vendor.
const NOT_SHARED: [&str; 2] = ["store", "verbosity"];

/// Reads the model's name and the call, or every fault.
pub(super) fn read(body: &Value) -> Result<(String, ChatCall), Vec<FieldIssue>> {
    let mut issues = Issues::default();
    let Some(body) = Fields::of("", body, &mut issues) else {
        return issues.or((String::new(), ChatCall::default()));
    };
    let model = body.required_string("model", &mut issues).unwrap_or_default().to_owned();
    let mut call = ChatCall { extra: body.others(&KNOWN), ..ChatCall::default() };
    for name in SHARED.into_iter().filter(|name| !NOT_SHARED.contains(name)) {
        if let Some(value) = call.extra.shift_remove(name).filter(|value| !value.is_null()) {
            call.openai.insert(name.to_owned(), value);
        }
    }
    for (name, weight) in OWN {
        let value = call.extra.shift_remove(name).filter(|value| !value.is_null());
        if value.is_some_and(|value| value != "disabled") {
            own(&mut call, body.at(name), weight);
        }
    }
    settings(&body, &mut call, &mut issues);
    kept_elsewhere(&body, &mut call, &mut issues);
    reasoning(&body, &mut call, &mut issues);
    probabilities(&body, &mut call, &mut issues);
    text(&body, &mut call, &mut issues);
    call.tools = body
        .objects("tools", &mut issues)
        .iter()
        .filter_map(|item| tool(item, &mut call, &mut issues))
        .collect();
    call.tool_choice = tool_choice(&body, &mut call, &mut issues);
    call.system.extend(body.string("instructions", &mut issues).map(Into::into));
    items::read(&body, &mut call, &mut issues);
    issues.or((model, call))
}

fn settings(body: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) {
    call.max_output_tokens = body.count("max_output_tokens", 1, issues);
    call.parallel_tool_calls = body.boolean("parallel_tool_calls", issues);
    call.stream = body.boolean("stream", issues).unwrap_or(false);
    if let Some(options) = body.object("stream_options", issues) {
        options.boolean("include_obfuscation", issues);
        options.hint_others(&["include_obfuscation"], call);
    }
    call.temperature = body.number("temperature", 0.0..=2.0, issues);
    call.top_p = body.number("top_p", 0.0..=1.0, issues);
    let user = body.string("user", issues);
    call.user = body.string("safety_identifier", issues).or(user).map(str::to_owned);
}

/// Reads what would rest at the vendor, under names that every caller of its account could use.
fn kept_elsewhere(body: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) {
    body.boolean("store", issues);
    body.string("previous_response_id", issues);
    if body.boolean("background", issues) == Some(true) {
        let reason = "no call goes on without its caller here: leave it out, and stream the answer";
        issues.add(body.at("background"), reason);
    }
    if body.has("conversation") {
        let reason =
            "conversations are kept by previous_response_id here: send that, or all items in input";
        issues.add(body.at("conversation"), reason);
    }
    if body.object("prompt", issues).is_some() {
        relay_only(call, body.at("prompt"));
    }
}

fn reasoning(body: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) {
    let Some(reasoning) = body.object("reasoning", issues) else { return };
    reasoning.hint_others(&["effort", "generate_summary", "mode", "summary"], call);
    call.reasoning.effort = reasoning.string("effort", issues).map(str::to_owned);
    let older = reasoning.string("generate_summary", issues);
    if reasoning.string("summary", issues).or(older).is_some() {
        call.reasoning.is_shown = Some(true);
    }
    if reasoning.string("mode", issues).is_some_and(|mode| mode != "standard") {
        own(call, reasoning.at("mode"), Weight::Setting);
    }
}

fn probabilities(body: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) {
    let top = body.count("top_logprobs", 0, issues);
    if body.list("include", issues).is_some() {
        let includes = body.strings("include", issues);
        if includes.iter().any(|word| word == LOGPROBS) {
            call.logprobs = Some(top.unwrap_or(0));
        }
        if includes.iter().any(|word| ![LOGPROBS, ENCRYPTED].contains(&word.as_str())) {
            own(call, body.at("include"), Weight::Hint);
        }
    }
}

fn text(body: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) {
    let Some(text) = body.object("text", issues) else { return };
    text.hint_others(&["format", "verbosity"], call);
    if let Some(verbosity) = text.string("verbosity", issues) {
        call.openai.insert("verbosity".to_owned(), verbosity.into());
    }
    let Some(format) = text.object("format", issues) else { return };
    call.response_format = match format.required_string("type", issues) {
        Some("json_object") => Some(ResponseFormat::JsonObject),
        Some("json_schema") => {
            format.require("schema", issues);
            format.object("schema", issues);
            format.hint_others(&["name", "schema", "strict", "type"], call);
            format.required_string("name", issues).map(|name| ResponseFormat::JsonSchema {
                name: name.to_owned(),
                schema: format
                    .value("schema")
                    .cloned()
                    .unwrap_or_else(|| Value::Object(Map::new())),
                strict: format.boolean("strict", issues),
            })
        }
        Some("text") | None => None,
        Some(_) => {
            relay_only(call, format.pointer().to_owned());
            None
        }
    };
}

/// Reads a tool. Without its vendor's own tools the model answers too, but perhaps something else.
fn tool(item: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) -> Option<Tool> {
    if item.required_string("type", issues)? != "function" {
        own(call, item.pointer().to_owned(), Weight::Setting);
        return None;
    }
    item.object("parameters", issues);
    let known = ["cache_control", "description", "name", "parameters", "strict", "type"];
    item.hint_others(&known, call);
    Some(Tool {
        cache: cache_ttl(item, call, issues),
        description: item.string("description", issues).map(str::to_owned),
        name: item.required_string("name", issues)?.to_owned(),
        parameters: item.value("parameters").cloned().unwrap_or_default(),
        strict: item.boolean("strict", issues),
    })
}

fn tool_choice(body: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) -> Option<ToolChoice> {
    if let Value::String(word) = body.value("tool_choice")? {
        return match word.as_str() {
            "auto" => Some(ToolChoice::Auto),
            "none" => Some(ToolChoice::None),
            "required" => Some(ToolChoice::Required),
            _ => {
                let known = "none, auto, required, or an object";
                unknown_word(call, body.at("tool_choice"), known, Weight::Setting);
                None
            }
        };
    }
    let choice = body.object("tool_choice", issues)?;
    if choice.required_string("type", issues)? != "function" {
        own(call, choice.pointer().to_owned(), Weight::Setting);
        return None;
    }
    choice.required_string("name", issues).map(|name| ToolChoice::Tool(name.to_owned()))
}
