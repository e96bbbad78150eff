//! Canonical call out: the body of `POST /responses`.

use serde_json::{Map, Value, json};

use super::{
    super::{
        Draft, FieldIssue, Target, end_user,
        fields::Issues,
        openai_effort::{self, EFFORT},
        strict,
    },
    ENCRYPTED, LOGPROBS, PATH, input,
};
use crate::{
    chat::{ChatCall, ResponseFormat, Tool, ToolChoice},
    model::Protocol,
};

/// The least output bound that the vendor takes.
const LEAST_OUTPUT: u64 = 16;

/// The most alternatives to a token that the vendor tells.
const MAX_TOP_LOGPROBS: u64 = 20;

/// Writes the request. The vendor stores nothing unless the caller says so: it would else keep every
/// conversation for 30 days.
pub(super) fn draft(call: &ChatCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
    let mut issues = Issues::for_vendor(call, target);
    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    set("model", Some(target.upstream_model.as_str().into()));
    set("instructions", instructions(call));
    set("input", Some(input::items(call, &mut issues).into()));
    if call.max_output_tokens.is_some_and(|bound| bound < LEAST_OUTPUT) {
        let reason = format!("this model's vendor takes {LEAST_OUTPUT} or more");
        issues.add("/max_tokens", reason);
    }
    set("max_output_tokens", call.max_output_tokens.map(Value::from));
    let samples = samples(call, target);
    if samples {
        set("temperature", call.temperature.map(Value::from));
        set("top_p", call.top_p.map(Value::from));
    } else {
        issues.no_sampling(call);
    }
    set("reasoning", reasoning(call, target, &mut issues));
    let mut includes = Vec::new();
    if thinks(call, target) {
        includes.push(ENCRYPTED);
    }
    if !samples {
        issues.no_logprobs(call, target);
    } else if let Some(top) = call.logprobs {
        includes.push(LOGPROBS);
        set("top_logprobs", (top > 0).then(|| top.min(MAX_TOP_LOGPROBS).into()));
    }
    set("include", (!includes.is_empty()).then(|| json!(includes)));
    if !call.tools.is_empty() {
        set("tools", Some(call.tools.iter().map(|tool| self::tool(tool, &mut issues)).collect()));
        set("tool_choice", call.tool_choice.as_ref().map(tool_choice));
        set("parallel_tool_calls", call.parallel_tool_calls.map(Value::from));
    }
    set("text", text(call, &mut issues));
    let user = call.user.as_deref();
    set("safety_identifier", user.map(|user| end_user::bounded(user).into()));
    set("store", Some(false.into()));
    for (name, value) in call.openai.iter().filter(|(name, _)| *name != "verbosity") {
        if name == "store" {
            // Many tenants may share an account at the vendor.
            if *value == Value::Bool(true) {
                issues.hint("/store", "nothing is kept at this vendor");
            }
            continue;
        }
        set(name, Some(value.clone()));
    }
    set("stream", call.stream.then_some(Value::Bool(true)));
    lacking(call, target, samples, &mut issues);
    issues.written(Draft::json(PATH, &Value::Object(body)))
}

fn instructions(call: &ChatCall) -> Option<Value> {
    let texts: Vec<&str> = call.system.iter().map(|block| block.text.as_str()).collect();
    (!texts.is_empty()).then(|| texts.join("\n\n").into())
}

/// Whether the model takes `temperature` and its kin: not while it thinks,
/// <https://developers.openai.com/api/docs/guides/deployment-checklist>. Where its row does not say so, it is told by
/// what the caller asks of it: some think only where they are told to.
fn samples(call: &ChatCall, target: &Target) -> bool {
    let reasoning = &call.reasoning;
    let is_told =
        !reasoning.is_off() && (reasoning.effort().is_some() || reasoning.is_on == Some(true));
    let thinks = is_told || target.thinking_always_on == Some(true);
    target.sampling_params != Some(false) && (target.reasoning == Some(false) || !thinks)
}

/// Whether the model may think, so that its thoughts are wanted in a form that can be sent back.
fn thinks(call: &ChatCall, target: &Target) -> bool {
    if call.reasoning.is_off() && target.thinking_always_on != Some(true) {
        return false;
    }
    target.reasoning.unwrap_or_else(|| call.reasoning.is_asked_for())
}

/// How hard the model shall think, and whether it tells its thoughts.
fn reasoning(call: &ChatCall, target: &Target, issues: &mut Issues) -> Option<Value> {
    let mut reasoning = Map::new();
    let effort = openai_effort::word(call, target, Protocol::OpenaiResponses, issues);
    if let Some(effort) = effort {
        reasoning.insert("effort".to_owned(), effort.into());
    }
    if call.reasoning.is_off() {
        return (!reasoning.is_empty()).then_some(Value::Object(reasoning));
    }
    if target.reasoning == Some(false) {
        if call.reasoning.effort().is_none() && call.reasoning.is_on == Some(true) {
            issues.unsupported(EFFORT, target);
        }
        return None;
    }
    // Who switches thoughts on, as Anthropic's callers do, sees them unless they say otherwise.
    let is_on = call.reasoning.is_on == Some(true);
    if call.reasoning.is_shown.unwrap_or(is_on) {
        reasoning.insert("summary".to_owned(), "auto".into());
    }
    (!reasoning.is_empty()).then_some(Value::Object(reasoning))
}

fn text(call: &ChatCall, issues: &mut Issues) -> Option<Value> {
    let mut text = Map::new();
    if let Some(format) = &call.response_format {
        text.insert("format".to_owned(), response_format(&strict::format(format, issues)));
    }
    if let Some(verbosity) = call.openai.get("verbosity") {
        text.insert("verbosity".to_owned(), verbosity.clone());
    }
    (!text.is_empty()).then_some(Value::Object(text))
}

fn response_format(format: &ResponseFormat) -> Value {
    match format {
        ResponseFormat::JsonObject => json!({"type": "json_object"}),
        ResponseFormat::JsonSchema { name, schema, strict } => {
            let mut format = json!({"type": "json_schema", "name": name, "schema": schema});
            if let (Some(format), Some(strict)) = (format.as_object_mut(), strict) {
                format.insert("strict".to_owned(), (*strict).into());
            }
            format
        }
    }
}

/// Writes a tool. Unlike elsewhere, one that does not say so is strict here.
fn tool(tool: &Tool, issues: &mut Issues) -> Value {
    if tool.cache.is_some() {
        issues.no_cache_marks();
    }
    let tool = strict::tool(tool, issues);
    let parameters = match &tool.parameters {
        Value::Null => json!({"type": "object", "properties": {}}),
        schema => schema.clone(),
    };
    let mut told = Map::new();
    told.insert("type".to_owned(), "function".into());
    told.insert("name".to_owned(), tool.name.as_str().into());
    if let Some(description) = &tool.description {
        told.insert("description".to_owned(), description.as_str().into());
    }
    told.insert("parameters".to_owned(), parameters);
    told.insert("strict".to_owned(), tool.strict.unwrap_or(false).into());
    Value::Object(told)
}

fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Tool(name) => json!({"type": "function", "name": name}),
    }
}

/// Names what this protocol has no word for. A penalty of 0 is what no penalty is.
fn lacking(call: &ChatCall, target: &Target, samples: bool, issues: &mut Issues) {
    if call.n.is_some_and(|n| n != 1) {
        issues.add("/n", "this model's vendor gives one answer");
    }
    let penalty = |penalty: Option<f64>| samples && penalty.is_some_and(|penalty| penalty != 0.0);
    let lacking = [
        ("/frequency_penalty", penalty(call.frequency_penalty)),
        ("/presence_penalty", penalty(call.presence_penalty)),
        ("/seed", call.seed.is_some()),
        ("/stop", !call.stop.is_empty()),
        ("/top_k", samples && call.top_k.is_some()),
    ];
    for (pointer, _) in lacking.into_iter().filter(|(_, asked)| *asked) {
        issues.unsupported(pointer, target);
    }
}
