//! Canonical call out: the body of `POST /v1/messages`.

use serde_json::{Map, Value, json};

use super::super::{FieldIssue, Target, fields::Issues};
use crate::{
    chat::{ChatCall, Image, Message, Part, ResponseFormat, Role, Tool, ToolChoice},
    json,
};

const MEDIA_TYPES: [&str; 4] = ["image/gif", "image/jpeg", "image/png", "image/webp"];

/// Writes the body.
pub(super) fn body(
    call: &ChatCall,
    target: &Target,
) -> Result<Map<String, Value>, Vec<FieldIssue>> {
    let mut issues = Issues::for_vendor(call);
    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    set("model", Some(target.upstream_model.as_str().into()));
    set(
        "max_tokens",
        Some(call.max_output_tokens.unwrap_or(target.default_max_output_tokens).into()),
    );
    set("system", system(&call.system));
    set("messages", Some(messages(&call.messages, &mut issues).into()));
    set("stop_sequences", (!call.stop.is_empty()).then(|| call.stop.clone().into()));
    if target.sampling_params != Some(false) {
        if call.temperature.is_some_and(|temperature| temperature > 1.0) {
            issues.add("/temperature", "this model's vendor takes a number from 0 to 1");
        }
        set("temperature", call.temperature.map(Value::from));
        set("top_p", call.top_p.map(Value::from));
        set("top_k", call.top_k.map(Value::from));
    }
    if !call.tools.is_empty() {
        set("tools", Some(call.tools.iter().map(tool).collect()));
        set("tool_choice", tool_choice(call));
    }
    set(
        "thinking",
        (call.reasoning_effort.as_deref() == Some("none")).then(|| json!({"type": "disabled"})),
    );
    set("output_config", output_config(call, &mut issues));
    set("metadata", call.user.as_ref().map(|user| json!({"user_id": user})));
    set("stream", call.stream.then_some(Value::Bool(true)));
    refuse(call, target, &mut issues);
    issues.or(body)
}

/// Names what this vendor has no word for. A penalty of 0 is what no penalty is.
fn refuse(call: &ChatCall, target: &Target, issues: &mut Issues) {
    if call.n.is_some_and(|n| n != 1) {
        issues.add("/n", "this model's vendor gives one answer");
    }
    let penalty = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
    let lacking = [
        ("/frequency_penalty", penalty(call.frequency_penalty)),
        ("/presence_penalty", penalty(call.presence_penalty)),
        ("/seed", call.seed.is_some()),
    ];
    for (pointer, _) in lacking.into_iter().filter(|(_, asked)| *asked) {
        issues.unsupported(pointer, target);
    }
}

/// Empty texts are left out everywhere: the vendor refuses them.
fn system(blocks: &[String]) -> Option<Value> {
    let blocks: Vec<&String> = blocks.iter().filter(|block| !block.is_empty()).collect();
    match blocks.as_slice() {
        [] => None,
        [one] => Some(Value::from(one.as_str())),
        many => Some(many.iter().map(|text| json!({"type": "text", "text": text})).collect()),
    }
}

/// Writes the turns, those of one role in a row as one, and results first within a turn, as the vendor wants.
fn messages(messages: &[Message], issues: &mut Issues) -> Vec<Value> {
    let mut turns: Vec<(Role, Vec<Value>)> = Vec::new();
    for message in messages {
        let blocks: Vec<Value> =
            message.parts.iter().filter_map(|part| block(part, message.role, issues)).collect();
        match turns.last_mut() {
            Some((role, turn)) if *role == message.role => turn.extend(blocks),
            _ if blocks.is_empty() => {}
            _ => turns.push((message.role, blocks)),
        }
    }
    if turns.is_empty() {
        issues.add("/messages", "this model's vendor needs at least one message with content");
    }
    turns.into_iter().map(|(role, blocks)| turn(role, blocks)).collect()
}

fn turn(role: Role, mut blocks: Vec<Value>) -> Value {
    let kind = |block: &Value, kind: &str| block.get("type").and_then(Value::as_str) == Some(kind);
    let role = match role {
        Role::Assistant => "assistant",
        Role::User => {
            blocks.sort_by_key(|block| !kind(block, "tool_result"));
            "user"
        }
    };
    let content = match blocks.as_slice() {
        [one] if kind(one, "text") => one.get("text").cloned().unwrap_or_default(),
        _ => Value::from(blocks),
    };
    json!({"role": role, "content": content})
}

fn block(part: &Part, role: Role, issues: &mut Issues) -> Option<Value> {
    match (part, role) {
        (Part::Text(text), _) | (Part::Refusal(text), Role::Assistant) => {
            (!text.is_empty()).then(|| json!({"type": "text", "text": text}))
        }
        (Part::Image(image), Role::User) => {
            Some(json!({"type": "image", "source": source(image, issues)}))
        }
        (Part::ToolResult { content, id, is_error }, Role::User) => {
            let mut block =
                json!({"type": "tool_result", "tool_use_id": call_id(id), "content": content});
            if let (true, Some(block)) = (is_error, block.as_object_mut()) {
                block.insert("is_error".to_owned(), Value::Bool(true));
            }
            Some(block)
        }
        // A thought without the vendor's seal is not the vendor's, and would be refused.
        (Part::Thinking { signature, text }, Role::Assistant) => signature
            .as_ref()
            .map(|seal| json!({"type": "thinking", "thinking": text, "signature": seal})),
        (Part::ToolCall(call), Role::Assistant) => {
            let input = match call.arguments.trim() {
                "" => Value::Object(Map::new()),
                text => json::object(text.as_bytes()).map(Value::Object).unwrap_or_else(|error| {
                    issues.add("/messages", format!("arguments of tool call {}: {error}", call.id));
                    Value::Null
                }),
            };
            Some(
                json!({"type": "tool_use", "id": call_id(&call.id), "name": call.name, "input": input}),
            )
        }
        (Part::Refusal(_) | Part::Thinking { .. } | Part::ToolCall(_), Role::User) => {
            issues.add("/messages", "a user's turn holds what only the model can say");
            None
        }
        (Part::Image(_) | Part::ToolResult { .. }, Role::Assistant) => {
            issues.add("/messages", "the model's turn holds what only a user can say");
            None
        }
    }
}

/// Makes a call's id one that this vendor takes: `^[a-zA-Z0-9_-]+$`. Calls and results change alike.
fn call_id(id: &str) -> String {
    id.chars()
        .map(|char| if char.is_ascii_alphanumeric() || char == '-' { char } else { '_' })
        .collect()
}

fn source(image: &Image, issues: &mut Issues) -> Value {
    match image {
        Image::Inline { base64, media_type } => {
            if !MEDIA_TYPES.contains(&media_type.as_str()) {
                issues.add(
                    "/messages",
                    format!("this model's vendor takes images of {}", MEDIA_TYPES.join(", ")),
                );
            }
            json!({"type": "base64", "media_type": media_type, "data": base64})
        }
        Image::Url(url) => json!({"type": "url", "url": url}),
    }
}

fn tool(tool: &Tool) -> Value {
    let mut body = Map::new();
    body.insert("name".to_owned(), tool.name.as_str().into());
    if let Some(description) = &tool.description {
        body.insert("description".to_owned(), description.as_str().into());
    }
    let schema =
        if tool.parameters.is_null() { json!({"type": "object"}) } else { tool.parameters.clone() };
    body.insert("input_schema".to_owned(), schema);
    if let Some(strict) = tool.strict {
        body.insert("strict".to_owned(), strict.into());
    }
    Value::Object(body)
}

fn tool_choice(call: &ChatCall) -> Option<Value> {
    let alone = call.parallel_tool_calls == Some(false);
    let mut choice = match &call.tool_choice {
        None if !alone => return None,
        Some(ToolChoice::None) => return Some(json!({"type": "none"})),
        None | Some(ToolChoice::Auto) => json!({"type": "auto"}),
        Some(ToolChoice::Required) => json!({"type": "any"}),
        Some(ToolChoice::Tool(name)) => json!({"type": "tool", "name": name}),
    };
    if let (true, Some(choice)) = (alone, choice.as_object_mut()) {
        choice.insert("disable_parallel_tool_use".to_owned(), Value::Bool(true));
    }
    Some(choice)
}

fn output_config(call: &ChatCall, issues: &mut Issues) -> Option<Value> {
    let mut config = Map::new();
    match call.reasoning_effort.as_deref() {
        // `none` is said by `thinking`.
        None | Some("none") => {}
        Some("minimal") => {
            config.insert("effort".to_owned(), "low".into());
        }
        Some(word @ ("low" | "medium" | "high" | "xhigh" | "max")) => {
            config.insert("effort".to_owned(), word.into());
        }
        Some(_) => issues.add(
            "/reasoning_effort",
            "expected one of none, minimal, low, medium, high, xhigh, max",
        ),
    }
    match &call.response_format {
        None => {}
        Some(ResponseFormat::JsonObject) => {
            issues.add("/response_format", "this model's vendor needs a schema: use json_schema");
        }
        Some(ResponseFormat::JsonSchema { name: _, schema, strict: _ }) => {
            config.insert("format".to_owned(), json!({"type": "json_schema", "schema": schema}));
        }
    }
    (!config.is_empty()).then_some(Value::Object(config))
}
