//! Canonical call out: the body of `POST /chat/completions`.

use serde_json::{Map, Value, json};

use super::super::{FieldIssue, Target, fields::Issues};
use crate::chat::{ChatCall, Image, Message, Part, ResponseFormat, Role, Tool, ToolChoice};

/// OpenAI's bound; the hosts that have one have the same.
const MAX_STOPS: usize = 4;

/// Writes the body.
///
/// The system prompt goes as role `system`, which every host knows; OpenAI itself reads it as
/// `developer` where a model wants that. Thoughts are left out: OpenAI takes none back.
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
    set("messages", Some(messages(call, &mut issues).into()));
    set(target.max_tokens_field.as_str(), call.max_output_tokens.map(Value::from));
    if target.sampling_params != Some(false) {
        set("temperature", call.temperature.map(Value::from));
        set("top_p", call.top_p.map(Value::from));
        set("frequency_penalty", call.frequency_penalty.map(Value::from));
        set("presence_penalty", call.presence_penalty.map(Value::from));
        if call.top_k.is_some() {
            issues.unsupported("/top_k", target);
        }
    }
    set("n", call.n.map(Value::from));
    set(target.seed_field.as_str(), call.seed.map(Value::from));
    if call.stop.len() > MAX_STOPS {
        issues.add("/stop", format!("this model's vendor takes at most {MAX_STOPS}"));
    }
    set("stop", (!call.stop.is_empty()).then(|| call.stop.clone().into()));
    set("reasoning_effort", call.reasoning_effort.clone().map(Value::from));
    set("response_format", call.response_format.as_ref().map(response_format));
    if !call.tools.is_empty() {
        set("tools", Some(call.tools.iter().map(tool).collect()));
        set("tool_choice", call.tool_choice.as_ref().map(tool_choice));
        set("parallel_tool_calls", call.parallel_tool_calls.map(Value::from));
    }
    if target.takes_user {
        // Elsewhere left out without a word: it helps the vendor to tell users apart and changes no answer.
        set("user", call.user.clone().map(Value::from));
    }
    if call.stream {
        set("stream", Some(true.into()));
        ask_for_usage(&mut body);
    }
    issues.or(body)
}

/// Sets `stream_options.include_usage`, and leaves the other options as they are.
pub(super) fn ask_for_usage(body: &mut Map<String, Value>) {
    let options = body.entry("stream_options").or_insert(Value::Null);
    match options {
        Value::Object(options) => {
            options.insert("include_usage".to_owned(), Value::Bool(true));
        }
        other => *other = json!({"include_usage": true}),
    }
}

fn messages(call: &ChatCall, issues: &mut Issues) -> Vec<Value> {
    let mut messages = Vec::with_capacity(call.messages.len().saturating_add(1));
    if !call.system.is_empty() {
        // One message of plain text: some hosts take no second system message, and no parts in it.
        messages.push(json!({"role": "system", "content": call.system.join("\n\n")}));
    }
    for message in &call.messages {
        match message.role {
            Role::Assistant => messages.push(assistant(message, issues)),
            Role::User => user(message, &mut messages, issues),
        }
    }
    messages
}

/// Writes a user's turn. Results come first, since they must follow the turn that called for them.
fn user(message: &Message, messages: &mut Vec<Value>, issues: &mut Issues) {
    let mut content = Vec::new();
    for part in &message.parts {
        match part {
            Part::Image(image) => {
                content.push(json!({"type": "image_url", "image_url": {"url": image_url(image)}}))
            }
            Part::Text(text) => content.push(json!({"type": "text", "text": text})),
            Part::ToolResult { content, id, is_error: _ } => {
                messages.push(json!({"role": "tool", "tool_call_id": id, "content": content}));
            }
            Part::Refusal(_) | Part::Thinking { .. } | Part::ToolCall(_) => {
                issues.add("/messages", "a user's turn holds what only the model can say");
            }
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
    messages.push(json!({"role": "user", "content": content}));
}

fn image_url(image: &Image) -> String {
    match image {
        Image::Inline { base64, media_type } => format!("data:{media_type};base64,{base64}"),
        Image::Url(url) => url.clone(),
    }
}

fn assistant(message: &Message, issues: &mut Issues) -> Value {
    let (mut text, mut refusal, mut calls) = (None::<String>, None::<String>, Vec::new());
    for part in &message.parts {
        match part {
            Part::Refusal(more) => refusal.get_or_insert_default().push_str(more),
            Part::Text(more) => text.get_or_insert_default().push_str(more),
            Part::Thinking { .. } => {}
            Part::ToolCall(call) => calls.push(json!({
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            })),
            Part::Image(_) | Part::ToolResult { .. } => {
                issues.add("/messages", "the model's turn holds what only a user can say");
            }
        }
    }
    if calls.is_empty() && refusal.is_none() {
        text.get_or_insert_default();
    }
    let mut turn = Map::new();
    turn.insert("role".to_owned(), "assistant".into());
    turn.insert("content".to_owned(), text.into());
    if let Some(refusal) = refusal {
        turn.insert("refusal".to_owned(), refusal.into());
    }
    if !calls.is_empty() {
        turn.insert("tool_calls".to_owned(), calls.into());
    }
    Value::Object(turn)
}

fn tool(tool: &Tool) -> Value {
    let mut function = Map::new();
    function.insert("name".to_owned(), tool.name.as_str().into());
    if let Some(description) = &tool.description {
        function.insert("description".to_owned(), description.as_str().into());
    }
    if !tool.parameters.is_null() {
        function.insert("parameters".to_owned(), tool.parameters.clone());
    }
    if let Some(strict) = tool.strict {
        function.insert("strict".to_owned(), strict.into());
    }
    json!({"type": "function", "function": function})
}

fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Tool(name) => json!({"type": "function", "function": {"name": name}}),
    }
}

fn response_format(format: &ResponseFormat) -> Value {
    match format {
        ResponseFormat::JsonObject => json!({"type": "json_object"}),
        ResponseFormat::JsonSchema { name, schema, strict } => {
            let mut spec = json!({"name": name, "schema": schema});
            if let (Some(spec), Some(strict)) = (spec.as_object_mut(), strict) {
                spec.insert("strict".to_owned(), (*strict).into());
            }
            json!({"type": "json_schema", "json_schema": spec})
        }
    }
}
