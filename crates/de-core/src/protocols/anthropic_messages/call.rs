//! A caller's request in: the body of `POST /v1/messages`.

use serde_json::Value;

use super::{
    super::{
        FieldIssue,
        fields::{Fields, Issues, cache_ttl, unknown_word},
    },
    citations,
};
use crate::{
    chat::{
        ChatCall, Document, DocumentSource, Instruction, Message, OwnWord, Part, ResponseFormat,
        Role, Seal, Source, Tool, ToolCall, ToolChoice, Weight,
    },
    model::Protocol,
};

/// Members that have their place in a [`ChatCall`].
const KNOWN: [&str; 15] = [
    "cache_control",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "output_config",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

/// Members that change the answer and that no other protocol has.
const OWN: [&str; 3] = ["container", "mcp_servers", "output_format"];

/// The members of a text, and of a tool of the caller's own.
const TEXT: [&str; 4] = ["cache_control", "citations", "text", "type"];
const TOOL: [&str; 6] = ["cache_control", "description", "input_schema", "name", "strict", "type"];

/// Reads the model's name and the call, or every fault.
pub(super) fn read(body: &Value) -> Result<(String, ChatCall), Vec<FieldIssue>> {
    let mut issues = Issues::default();
    let Some(body) = Fields::of("", body, &mut issues) else {
        return issues.or((String::new(), ChatCall::default()));
    };
    let model = body.required_string("model", &mut issues).unwrap_or_default().to_owned();
    let mut call = ChatCall { extra: body.others(&KNOWN), ..ChatCall::default() };
    settings(&body, &mut call, &mut issues);
    let system = texts(&body, "system", &mut call, &mut issues);
    call.system = instructions(system);
    call.tools = body
        .objects("tools", &mut issues)
        .iter()
        .filter_map(|item| tool(item, &mut call, &mut issues))
        .collect();
    tool_choice(&body, &mut call, &mut issues);
    thinking(&body, &mut call, &mut issues);
    output_config(&body, &mut call, &mut issues);
    for name in OWN.into_iter().filter(|name| body.has(name)) {
        call.extra.shift_remove(name);
        relay_only(&mut call, body.at(name));
    }
    if body.has("cache_control") {
        let reason = "this model's vendor caches prompts without marks";
        own(&mut call, body.at("cache_control"), Weight::Hint, reason);
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
            "0 only warms Anthropic's cache, and this model's vendor speaks another protocol";
        own(call, body.at("max_tokens"), Weight::Essential, reason);
    }
    if let Some(metadata) = body.object("metadata", issues) {
        metadata.hint_others(&["user_id"], call);
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

fn own(call: &mut ChatCall, pointer: String, weight: Weight, reason: &str) {
    let issue = FieldIssue { pointer, reason: reason.to_owned() };
    call.own_words.push(OwnWord { issue, weight });
}

const ONLY_HERE: &str =
    "only Anthropic's own protocol can say this, and this model's vendor speaks another";

/// Notes what only a relay can carry.
fn relay_only(call: &mut ChatCall, pointer: String) {
    own(call, pointer, Weight::Essential, ONLY_HERE);
}

/// Reads a text or a list of text blocks, each with its cache mark behind it; blocks of other kinds can
/// only be relayed.
fn texts(item: &Fields<'_>, name: &str, call: &mut ChatCall, issues: &mut Issues) -> Vec<Part> {
    match item.value(name) {
        None => return Vec::new(),
        Some(Value::String(text)) => return vec![Part::Text(text.clone())],
        Some(Value::Array(_)) => {}
        Some(other) => {
            issues.expected(item.at(name), "a string or a list of blocks", other);
            return Vec::new();
        }
    }
    let mut texts = Vec::new();
    for block in item.objects(name, issues) {
        match block.required_string("type", issues) {
            Some("text") => {
                block.hint_others(&TEXT, call);
                let text = block.required_string("text", issues);
                texts.extend(text.map(|text| Part::Text(text.to_owned())));
            }
            Some(_) => relay_only(call, block.pointer().to_owned()),
            None => {}
        }
        texts.extend(cache_ttl(&block, call, issues).map(Part::CacheMark));
    }
    texts
}

/// Texts and their marks as blocks of the system prompt.
fn instructions(texts: Vec<Part>) -> Vec<Instruction> {
    let mut blocks: Vec<Instruction> = Vec::new();
    for part in texts {
        match (part, blocks.last_mut()) {
            (Part::Text(text), _) => blocks.push(Instruction { cache: None, text }),
            (Part::CacheMark(ttl), Some(block)) => block.cache = Some(ttl),
            _ => {}
        }
    }
    blocks
}

/// Reads a tool of the caller's own; the vendor's own tools have another `type`.
fn tool(item: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) -> Option<Tool> {
    if item.string("type", issues).is_some_and(|kind| kind != "custom") {
        // The model answers without its vendor's search or computer, but perhaps something else.
        own(call, item.pointer().to_owned(), Weight::Setting, ONLY_HERE);
        return None;
    }
    item.require("input_schema", issues);
    item.object("input_schema", issues);
    item.hint_others(&TOOL, call);
    Some(Tool {
        cache: cache_ttl(item, call, issues),
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
    choice.hint_others(&["disable_parallel_tool_use", "name", "type"], call);
    call.tool_choice = match kind {
        None => None,
        Some("any") => Some(ToolChoice::Required),
        Some("auto") => Some(ToolChoice::Auto),
        Some("none") => Some(ToolChoice::None),
        Some("tool") => {
            choice.required_string("name", issues).map(|name| ToolChoice::Tool(name.to_owned()))
        }
        Some(_) => {
            unknown_word(call, choice.at("type"), "auto, any, tool, none", Weight::Setting);
            None
        }
    };
    call.parallel_tool_calls =
        choice.boolean("disable_parallel_tool_use", issues).map(|alone| !alone);
}

fn thinking(body: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) {
    let Some(thinking) = body.object("thinking", issues) else { return };
    thinking.hint_others(&["budget_tokens", "display", "type"], call);
    call.reasoning.budget_tokens = thinking.count("budget_tokens", 1, issues);
    call.reasoning.is_shown = thinking.string("display", issues).map(|word| word != "omitted");
    let is_told = thinking.has("display");
    call.reasoning.is_on = match thinking.required_string("type", issues) {
        None => None,
        Some("disabled") => Some(false),
        Some("adaptive" | "enabled") => Some(true),
        Some(_) => {
            own(call, thinking.at("type"), Weight::Setting, ONLY_HERE);
            Some(true)
        }
    };
    if call.reasoning.is_on == Some(true) && !is_told {
        // Thoughts are shown here unless the caller says otherwise; elsewhere they have to be asked for.
        call.reasoning.is_shown = Some(true);
    }
}

fn output_config(body: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) {
    let Some(config) = body.object("output_config", issues) else { return };
    config.hint_others(&["effort", "format"], call);
    call.reasoning.effort = config.string("effort", issues).map(str::to_owned);
    let Some(format) = config.object("format", issues) else { return };
    match format.required_string("type", issues) {
        Some("json_schema") => {
            format.require("schema", issues);
            format.object("schema", issues);
            format.hint_others(&["schema", "type"], call);
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
    item.hint_others(&["content", "role"], call);
    let role = match item.required_string("role", issues) {
        None => return,
        Some("assistant") => Role::Assistant,
        // Newer models take one within the conversation.
        Some("system") => {
            let parts = texts(item, "content", call, issues);
            if call.messages.is_empty() {
                call.system.extend(instructions(parts));
            } else {
                call.messages.push(Message { parts, role: Role::System });
            }
            return;
        }
        Some("user") => Role::User,
        Some(_) => {
            let known = "user, assistant, system";
            return unknown_word(call, item.at("role"), known, Weight::Essential);
        }
    };
    let parts = match item.value("content") {
        None => Vec::new(),
        Some(Value::String(text)) => vec![Part::Text(text.clone())],
        Some(Value::Array(_)) => {
            let mut parts = Vec::new();
            for block in item.objects("content", issues) {
                self::block(&block, role, &mut parts, call, issues);
            }
            parts
        }
        Some(other) => {
            issues.expected(item.at("content"), "a string or a list of blocks", other);
            Vec::new()
        }
    };
    call.messages.push(Message { parts, role });
}

/// Reads a block, and what belongs to it: its citations, its cache mark.
fn block(
    block: &Fields<'_>,
    role: Role,
    parts: &mut Vec<Part>,
    call: &mut ChatCall,
    issues: &mut Issues,
) {
    let Some(kind) = block.required_string("type", issues) else { return };
    match (kind, role) {
        ("redacted_thinking", Role::Assistant) => {
            block.hint_others(&["cache_control", "data", "type"], call);
            let Some(data) = block.required_string("data", issues) else { return };
            let seal = Seal::read_in(Protocol::AnthropicMessages, data);
            match parts.last_mut() {
                // So our own answers tell another vendor's seal on a call.
                Some(Part::ToolCall(call)) if seal.maker != Protocol::AnthropicMessages => {
                    call.seal = Some(seal);
                }
                _ => parts.push(Part::Sealed(seal)),
            }
        }
        ("text", _) => {
            block.hint_others(&TEXT, call);
            let text = block.required_string("text", issues);
            parts.extend(text.map(|text| Part::Text(text.to_owned())));
            for citation in block.objects("citations", issues) {
                parts.extend(citations::sent_back(&citation, issues).map(Part::Citation));
            }
        }
        _ => parts.extend(part(kind, block, role, call, issues)),
    }
    parts.extend(cache_ttl(block, call, issues).map(Part::CacheMark));
}

fn part(
    kind: &str,
    block: &Fields<'_>,
    role: Role,
    call: &mut ChatCall,
    issues: &mut Issues,
) -> Option<Part> {
    let known: &[&str] = match kind {
        "document" => &["cache_control", "citations", "context", "source", "title", "type"],
        "image" => &["cache_control", "source", "type"],
        "thinking" => &["cache_control", "signature", "thinking", "type"],
        "tool_result" => &["cache_control", "content", "is_error", "tool_use_id", "type"],
        "tool_use" => &["cache_control", "id", "input", "name", "type"],
        // All of it is noted below.
        _ => &[],
    };
    if !known.is_empty() {
        block.hint_others(known, call);
    }
    match (kind, role) {
        ("document", Role::User) => document(block, call, issues).map(Part::Document),
        ("image", Role::User) => image(block, call, issues),
        ("thinking", Role::Assistant) => Some(Part::Thinking {
            seal: block
                .string("signature", issues)
                .filter(|seal| !seal.is_empty())
                .map(|seal| Seal::read_in(Protocol::AnthropicMessages, seal)),
            text: block.required_string("thinking", issues)?.to_owned(),
        }),
        ("tool_result", Role::User) => Some(Part::ToolResult {
            content: result(block, call, issues),
            id: block.required_string("tool_use_id", issues)?.to_owned(),
            is_error: block.boolean("is_error", issues).unwrap_or(false),
        }),
        ("tool_use", Role::Assistant) => {
            block.require("input", issues);
            block.object("input", issues);
            Some(Part::ToolCall(ToolCall {
                arguments: block.value("input").map(Value::to_string).unwrap_or_default(),
                id: block.required_string("id", issues)?.to_owned(),
                name: block.required_string("name", issues)?.to_owned(),
                seal: None,
            }))
        }
        _ => {
            relay_only(call, block.pointer().to_owned());
            None
        }
    }
}

/// Reads what a tool gave: a text, or blocks of text, pictures and documents.
fn result(block: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) -> Vec<Part> {
    match block.value("content") {
        None => return Vec::new(),
        Some(Value::String(text)) => return vec![Part::Text(text.clone())],
        Some(Value::Array(_)) => {}
        Some(other) => {
            issues.expected(block.at("content"), "a string or a list of blocks", other);
            return Vec::new();
        }
    }
    let mut parts = Vec::new();
    for piece in block.objects("content", issues) {
        let Some(kind) = piece.required_string("type", issues) else { continue };
        let part = match kind {
            "text" => {
                piece.hint_others(&TEXT, call);
                piece.required_string("text", issues).map(|text| Part::Text(text.to_owned()))
            }
            "document" | "image" => part(kind, &piece, Role::User, call, issues),
            _ => {
                relay_only(call, piece.pointer().to_owned());
                None
            }
        };
        parts.extend(part);
        parts.extend(cache_ttl(&piece, call, issues).map(Part::CacheMark));
    }
    parts
}

fn image(block: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) -> Option<Part> {
    block.require("source", issues);
    let source = block.object("source", issues)?;
    match source.required_string("type", issues)? {
        "base64" | "url" => file(&source, call, issues).map(|source| Part::Image(source.into())),
        _ => {
            relay_only(call, source.pointer().to_owned());
            None
        }
    }
}

fn document(block: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) -> Option<Document> {
    block.require("source", issues);
    let source = block.object("source", issues)?;
    let source = match source.required_string("type", issues)? {
        "base64" | "url" => DocumentSource::File(file(&source, call, issues)?),
        "text" => DocumentSource::Text(source.required_string("data", issues)?.to_owned()),
        // A file that only Anthropic has, or blocks that have to be cited one by one.
        _ => {
            relay_only(call, source.pointer().to_owned());
            return None;
        }
    };
    let citations = block.object("citations", issues);
    Some(Document {
        context: block.string("context", issues).map(str::to_owned),
        is_cited: citations
            .and_then(|citations| citations.boolean("enabled", issues))
            .unwrap_or(false),
        name: block.string("title", issues).map(str::to_owned),
        source,
    })
}

fn file(source: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) -> Option<Source> {
    source.hint_others(&["data", "media_type", "type", "url"], call);
    if source.string("type", issues) == Some("url") {
        return Some(Source::Url(source.required_string("url", issues)?.to_owned()));
    }
    let (data, media_type) =
        (source.required_string("data", issues), source.required_string("media_type", issues));
    Some(Source::Inline { base64: data?.into(), media_type: media_type?.to_owned() })
}
