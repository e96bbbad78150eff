//! A caller's request in: the body of `POST /v1/messages`.

use serde_json::Value;

use super::super::{
    FieldIssue,
    fields::{Fields, Issues},
};
use crate::chat::{
    ChatCall, Image, Message, Part, ResponseFormat, Role, Tool, ToolCall, ToolChoice,
};

/// Members that have their place in a [`ChatCall`].
const KNOWN: [&str; 13] = [
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "output_config",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

/// Members that change the answer and that no other protocol has.
const RELAY_ONLY: [&str; 3] = ["container", "mcp_servers", "output_format"];

/// Reads the model's name and the call, or every fault.
pub(super) fn read(body: &Value) -> Result<(String, ChatCall), Vec<FieldIssue>> {
    let mut issues = Issues::default();
    let Some(body) = Fields::of("", body, &mut issues) else {
        return issues.or((String::new(), ChatCall::default()));
    };
    let model = body.required_string("model", &mut issues).unwrap_or_default().to_owned();
    let mut call = ChatCall { extra: body.others(&KNOWN), ..ChatCall::default() };
    settings(&body, &mut call, &mut issues);
    call.system = texts(&body, "system", &mut call, &mut issues);
    call.tools = body
        .objects("tools", &mut issues)
        .iter()
        .filter_map(|item| tool(item, &mut call, &mut issues))
        .collect();
    tool_choice(&body, &mut call, &mut issues);
    output_config(&body, &mut call, &mut issues);
    for name in RELAY_ONLY.into_iter().filter(|name| body.has(name)) {
        relay_only(&mut call, body.at(name));
    }
    body.require("messages", &mut issues);
    let messages = body.objects("messages", &mut issues);
    if messages.is_empty() && body.value("messages").is_some_and(Value::is_array) {
        issues.add("/messages", "expected at least one message");
    }
    for item in &messages {
        message(item, &mut call, &mut issues);
    }
    issues.or((model, call))
}

fn settings(body: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) {
    body.require("max_tokens", issues);
    call.max_output_tokens = body.count("max_tokens", 0, issues);
    if call.max_output_tokens == Some(0) {
        let reason =
            "0 only warms Anthropic's cache, and this model's vendor speaks another protocol"
                .to_owned();
        call.relay_only.push(FieldIssue { pointer: body.at("max_tokens"), reason });
    }
    if let Some(metadata) = body.object("metadata", issues) {
        call.user = metadata.string("user_id", issues).map(str::to_owned);
    }
    body.list("stop_sequences", issues);
    if body.value("stop_sequences").is_some_and(Value::is_array) {
        call.stop = body.strings("stop_sequences", issues);
    }
    call.stream = body.boolean("stream", issues).unwrap_or(false);
    call.temperature = body.number("temperature", 0.0..=1.0, issues);
    call.top_k = body.count("top_k", 0, issues);
    call.top_p = body.number("top_p", 0.0..=1.0, issues);
}

fn relay_only(call: &mut ChatCall, pointer: String) {
    let reason =
        "only Anthropic's own protocol can say this, and this model's vendor speaks another"
            .to_owned();
    call.relay_only.push(FieldIssue { pointer, reason });
}

/// Reads a text or a list of text blocks; blocks of other kinds can only be relayed.
fn texts(item: &Fields<'_>, name: &str, call: &mut ChatCall, issues: &mut Issues) -> Vec<String> {
    match item.value(name) {
        None => return Vec::new(),
        Some(Value::String(text)) => return vec![text.clone()],
        Some(Value::Array(_)) => {}
        Some(other) => {
            issues.expected(item.at(name), "a string or a list of blocks", other);
            return Vec::new();
        }
    }
    let mut texts = Vec::new();
    for block in item.objects(name, issues) {
        match block.required_string("type", issues) {
            Some("text") => texts.extend(block.required_string("text", issues).map(str::to_owned)),
            Some(_) => relay_only(call, block.pointer().to_owned()),
            None => {}
        }
    }
    texts
}

/// Reads a tool of the caller's own; the vendor's own tools have another `type`.
fn tool(item: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) -> Option<Tool> {
    if item.string("type", issues).is_some_and(|kind| kind != "custom") {
        relay_only(call, item.pointer().to_owned());
        return None;
    }
    item.require("input_schema", issues);
    item.object("input_schema", issues);
    Some(Tool {
        description: item.string("description", issues).map(str::to_owned),
        name: item.required_string("name", issues)?.to_owned(),
        parameters: item.value("input_schema").cloned().unwrap_or_default(),
        strict: item.boolean("strict", issues),
    })
}

fn tool_choice(body: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) {
    let Some(choice) = body.object("tool_choice", issues) else { return };
    let kind = choice.string("type", issues);
    choice.require("type", issues);
    call.tool_choice = match kind {
        None => None,
        Some("any") => Some(ToolChoice::Required),
        Some("auto") => Some(ToolChoice::Auto),
        Some("none") => Some(ToolChoice::None),
        Some("tool") => {
            choice.required_string("name", issues).map(|name| ToolChoice::Tool(name.to_owned()))
        }
        Some(_) => {
            issues.add(choice.at("type"), "expected one of auto, any, tool, none");
            None
        }
    };
    call.parallel_tool_calls =
        choice.boolean("disable_parallel_tool_use", issues).map(|alone| !alone);
}

fn output_config(body: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) {
    let Some(config) = body.object("output_config", issues) else { return };
    call.reasoning_effort = config.string("effort", issues).map(str::to_owned);
    let Some(format) = config.object("format", issues) else { return };
    match format.required_string("type", issues) {
        Some("json_schema") => {
            format.require("schema", issues);
            format.object("schema", issues);
            call.response_format = Some(ResponseFormat::JsonSchema {
                // OpenAI wants a name, Anthropic has none; Anthropic always follows the schema to the letter.
                name: "answer".to_owned(),
                schema: format.value("schema").cloned().unwrap_or_default(),
                strict: Some(true),
            });
        }
        Some(_) => relay_only(call, format.pointer().to_owned()),
        None => {}
    }
}

fn message(item: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) {
    item.require("content", issues);
    let role = match item.required_string("role", issues) {
        None => return,
        Some("assistant") => Role::Assistant,
        // Newer models take one within the conversation.
        Some("system") => {
            let texts = texts(item, "content", call, issues);
            return call.system.extend(texts);
        }
        Some("user") => Role::User,
        Some(_) => return issues.add(item.at("role"), "expected one of user, assistant, system"),
    };
    let parts = match item.value("content") {
        None => Vec::new(),
        Some(Value::String(text)) => vec![Part::Text(text.clone())],
        Some(Value::Array(_)) => {
            let blocks = item.objects("content", issues);
            blocks.iter().filter_map(|block| part(block, role, call, issues)).collect()
        }
        Some(other) => {
            issues.expected(item.at("content"), "a string or a list of blocks", other);
            Vec::new()
        }
    };
    call.messages.push(Message { parts, role });
}

fn part(block: &Fields<'_>, role: Role, call: &mut ChatCall, issues: &mut Issues) -> Option<Part> {
    match (block.required_string("type", issues)?, role) {
        ("text", _) => {
            block.required_string("text", issues).map(|text| Part::Text(text.to_owned()))
        }
        ("image", Role::User) => {
            block.require("source", issues);
            let source = block.object("source", issues)?;
            image(&source, call, issues).map(Part::Image)
        }
        ("tool_result", Role::User) => Some(Part::ToolResult {
            content: texts(block, "content", call, issues).concat(),
            id: block.required_string("tool_use_id", issues)?.to_owned(),
            is_error: block.boolean("is_error", issues).unwrap_or(false),
        }),
        ("thinking", Role::Assistant) => Some(Part::Thinking {
            signature: block
                .string("signature", issues)
                .filter(|seal| !seal.is_empty())
                .map(str::to_owned),
            text: block.required_string("thinking", issues)?.to_owned(),
        }),
        // Nobody but the vendor that wrote it can read it, and that one is relayed to.
        ("redacted_thinking", Role::Assistant) => None,
        ("tool_use", Role::Assistant) => {
            block.require("input", issues);
            block.object("input", issues);
            Some(Part::ToolCall(ToolCall {
                arguments: block.value("input").map(Value::to_string).unwrap_or_default(),
                id: block.required_string("id", issues)?.to_owned(),
                name: block.required_string("name", issues)?.to_owned(),
            }))
        }
        (_, Role::Assistant | Role::User) => {
            relay_only(call, block.pointer().to_owned());
            None
        }
    }
}

fn image(source: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) -> Option<Image> {
    match source.required_string("type", issues)? {
        "base64" => Some(Image::Inline {
            base64: source.required_string("data", issues)?.to_owned(),
            media_type: source.required_string("media_type", issues)?.to_owned(),
        }),
        "url" => Some(Image::Url(source.required_string("url", issues)?.to_owned())),
        _ => {
            relay_only(call, source.pointer().to_owned());
            None
        }
    }
}
