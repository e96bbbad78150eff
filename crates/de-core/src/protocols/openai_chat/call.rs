//! A caller's request in: the body of `POST /v1/chat/completions`.

use serde_json::{Map, Value};

use super::{
    super::{
        FieldIssue,
        fields::{Fields, Issues, cache_mark, cache_ttl, unknown_word},
        inline::{self, address},
        openai_own::{own, relay_only},
    },
    SHARED, thoughts,
};
use crate::chat::{
    Audio, ChatCall, Document, DocumentSource, Image, Instruction, Message, Part, ResponseFormat,
    Role, Tool, ToolCall, ToolChoice, Weight,
};

/// The most answers that OpenAI gives to one request.
const MAX_N: u64 = 128;

/// Members that have their place in a [`ChatCall`] or are read by [`super::include_usage`].
const KNOWN: [&str; 23] = [
    "frequency_penalty",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "modalities",
    "model",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "safety_identifier",
];

/// Members that change the answer and that no other protocol has.
const OWN: [(&str, Weight); 5] = [
    ("audio", Weight::Essential),
    ("function_call", Weight::Essential),
    ("functions", Weight::Essential),
    ("logit_bias", Weight::Setting),
    ("web_search_options", Weight::Setting),
];

/// Reads the model's name and the call, or every fault.
pub(super) fn read(body: &Value) -> Result<(String, ChatCall), Vec<FieldIssue>> {
    let mut issues = Issues::default();
    let Some(body) = Fields::of("", body, &mut issues) else {
        return issues.or((String::new(), ChatCall::default()));
    };
    let model = body.required_string("model", &mut issues).unwrap_or_default().to_owned();
    let mut call = ChatCall { extra: body.others(&KNOWN), ..ChatCall::default() };
    for name in SHARED {
        if let Some(value) = call.extra.shift_remove(name).filter(|value| !value.is_null()) {
            call.openai.insert(name.to_owned(), value);
        }
    }
    settings(&body, &mut call, &mut issues);
    call.tools = body
        .objects("tools", &mut issues)
        .iter()
        .filter_map(|item| tool(item, &mut call, &mut issues))
        .collect();
    call.tool_choice = tool_choice(&body, &mut call, &mut issues);
    call.response_format = response_format(&body, &mut call, &mut issues);
    for (name, weight) in OWN.into_iter().filter(|(name, _)| body.has(name)) {
        call.extra.shift_remove(name);
        own(&mut call, body.at(name), weight);
    }
    if body.strings("modalities", &mut issues).iter().any(|word| word != "text") {
        own(&mut call, body.at("modalities"), Weight::Essential);
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
    call.frequency_penalty = body.number("frequency_penalty", -2.0..=2.0, issues);
    call.presence_penalty = body.number("presence_penalty", -2.0..=2.0, issues);
    call.temperature = body.number("temperature", 0.0..=2.0, issues);
    call.top_p = body.number("top_p", 0.0..=1.0, issues);
    let (bound, old) =
        (body.count("max_completion_tokens", 1, issues), body.count("max_tokens", 1, issues));
    if body.has("max_completion_tokens") && body.has("max_tokens") {
        issues.add("/max_tokens", "give max_completion_tokens or max_tokens, not both");
    }
    call.max_output_tokens = bound.or(old);
    call.n = body.count("n", 1, issues);
    if call.n.is_some_and(|n| n > MAX_N) {
        issues.add("/n", format!("expected at most {MAX_N}"));
    }
    call.parallel_tool_calls = body.boolean("parallel_tool_calls", issues);
    call.reasoning.effort = body.string("reasoning_effort", issues).map(str::to_owned);
    let top = body.count("top_logprobs", 0, issues);
    if body.boolean("logprobs", issues) == Some(true) {
        call.logprobs = Some(top.unwrap_or(0));
    }
    call.seed = body.integer("seed", issues);
    call.stop = body.strings("stop", issues);
    call.stream = body.boolean("stream", issues).unwrap_or(false);
    if let Some(options) = body.object("stream_options", issues) {
        options.boolean("include_usage", issues);
        options.hint_others(&["include_usage"], call);
    }
    let user = body.string("user", issues);
    call.user = body.string("safety_identifier", issues).or(user).map(str::to_owned);
}

fn tool(item: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) -> Option<Tool> {
    if item.required_string("type", issues)? != "function" {
        relay_only(call, item.pointer().to_owned());
        return None;
    }
    item.require("function", issues);
    let function = item.object("function", issues)?;
    function.object("parameters", issues);
    item.hint_others(&["cache_control", "function", "type"], call);
    function.hint_others(&["description", "name", "parameters", "strict"], call);
    Some(Tool {
        cache: cache_ttl(item, call, issues),
        description: function.string("description", issues).map(str::to_owned),
        name: function.required_string("name", issues)?.to_owned(),
        parameters: function.value("parameters").cloned().unwrap_or_default(),
        strict: function.boolean("strict", issues),
    })
}

fn tool_choice(body: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) -> Option<ToolChoice> {
    if let Value::String(word) = body.value("tool_choice")? {
        return match word.as_str() {
            "auto" => Some(ToolChoice::Auto),
            "none" => Some(ToolChoice::None),
            // Mistral's clients say `any`.
            "required" | "any" => Some(ToolChoice::Required),
            _ => {
                let known = "none, auto, required, or an object";
                unknown_word(call, body.at("tool_choice"), known, Weight::Setting);
                None
            }
        };
    }
    let choice = body.object("tool_choice", issues)?;
    if choice.required_string("type", issues)? != "function" {
        relay_only(call, choice.pointer().to_owned());
        return None;
    }
    choice.require("function", issues);
    let name = choice.object("function", issues)?.required_string("name", issues)?;
    Some(ToolChoice::Tool(name.to_owned()))
}

fn response_format(
    body: &Fields<'_>,
    call: &mut ChatCall,
    issues: &mut Issues,
) -> Option<ResponseFormat> {
    let format = body.object("response_format", issues)?;
    match format.required_string("type", issues)? {
        "text" => None,
        "json_object" => Some(ResponseFormat::JsonObject),
        "json_schema" => {
            format.require("json_schema", issues);
            let spec = format.object("json_schema", issues)?;
            spec.object("schema", issues);
            format.hint_others(&["json_schema", "type"], call);
            spec.hint_others(&["name", "schema", "strict"], call);
            Some(ResponseFormat::JsonSchema {
                name: spec.required_string("name", issues)?.to_owned(),
                schema: spec.value("schema").cloned().unwrap_or_else(|| Value::Object(Map::new())),
                strict: spec.boolean("strict", issues),
            })
        }
        _ => {
            relay_only(call, format.pointer().to_owned());
            None
        }
    }
}

/// The members of the model's turn: what it may say in another form is noted by itself.
const ASSISTANT: [&str; 8] = [
    "audio",
    "content",
    "function_call",
    "reasoning_content",
    "reasoning_details",
    "refusal",
    "role",
    "tool_calls",
];

fn message(item: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) {
    let Some(role) = item.required_string("role", issues) else { return };
    match role {
        "assistant" => item.hint_others(&ASSISTANT, call),
        "developer" | "system" | "user" => item.hint_others(&["content", "role"], call),
        "tool" => item.hint_others(&["content", "role", "tool_call_id"], call),
        // All of it is noted below.
        _ => {}
    }
    let (role, parts) = match role {
        "developer" | "system" => {
            item.require("content", issues);
            let parts = content(item, call, issues, &["text"]);
            if call.messages.is_empty() {
                call.system.extend(Instruction::blocks(parts));
                return;
            }
            (Role::System, parts)
        }
        "user" => {
            item.require("content", issues);
            (Role::User, content(item, call, issues, &["text", "image_url", "file", "input_audio"]))
        }
        "assistant" => (Role::Assistant, assistant(item, call, issues)),
        "tool" => {
            item.require("content", issues);
            let id = item.required_string("tool_call_id", issues).unwrap_or_default().to_owned();
            // OpenAI takes texts alone here; other hosts take pictures too.
            let content = content(item, call, issues, &["text", "image_url", "file"]);
            (Role::User, vec![Part::ToolResult { content, id, is_error: false }])
        }
        // The form before tools.
        "function" => return relay_only(call, item.pointer().to_owned()),
        _ => {
            let known = "developer, system, user, assistant, tool";
            return unknown_word(call, item.at("role"), known, Weight::Essential);
        }
    };
    call.messages.push(Message { parts, role });
}

fn assistant(item: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) -> Vec<Part> {
    let (mut parts, seals) = thoughts::read(item, issues);
    parts.extend(content(item, call, issues, &["text", "refusal"]));
    if let Some(text) = item.string("refusal", issues) {
        parts.push(Part::Refusal(text.to_owned()));
    }
    for asked in item.objects("tool_calls", issues) {
        let id = asked.required_string("id", issues);
        if asked.string("type", issues).is_some_and(|kind| kind != "function") {
            relay_only(call, asked.pointer().to_owned());
            continue;
        }
        asked.require("function", issues);
        let Some(function) = asked.object("function", issues) else { continue };
        // Who puts a stream together may leave its place in.
        asked.hint_others(&["function", "id", "index", "type"], call);
        function.hint_others(&["arguments", "name"], call);
        let (name, arguments) = (
            function.required_string("name", issues),
            function.required_string("arguments", issues),
        );
        if let (Some(id), Some(name), Some(arguments)) = (id, name, arguments) {
            let (arguments, id, name) = (arguments.to_owned(), id.to_owned(), name.to_owned());
            let seal = seals.iter().find(|(call, _)| *call == id).map(|(_, seal)| seal.clone());
            parts.push(Part::ToolCall(ToolCall { arguments, id, name, seal }));
        }
    }
    let mut otherwise = false;
    for name in ["audio", "function_call"] {
        if item.has(name) {
            otherwise = true;
            relay_only(call, item.at(name));
        }
    }
    if !otherwise && !item.has("content") && !item.has("tool_calls") && !item.has("refusal") {
        issues.add(item.at("content"), "required, unless there are tool_calls");
    }
    parts
}

/// Reads `content`: a text or parts, of which those not in `kinds` can only be relayed.
fn content(
    item: &Fields<'_>,
    call: &mut ChatCall,
    issues: &mut Issues,
    kinds: &[&str],
) -> Vec<Part> {
    match item.value("content") {
        None => return Vec::new(),
        Some(Value::String(text)) => return vec![Part::Text(text.clone())],
        Some(Value::Array(_)) => {}
        Some(other) => {
            issues.expected(item.at("content"), "a string or a list of parts", other);
            return Vec::new();
        }
    }
    let mut parts = Vec::new();
    for part in item.objects("content", issues) {
        if let Some(kind) = part.string("type", issues).filter(|kind| kinds.contains(kind)) {
            // A part holds what it is under the name of its kind.
            part.hint_others(&["cache_control", "prompt_cache_breakpoint", "type", kind], call);
        }
        match part.required_string("type", issues) {
            Some(kind) if !kinds.contains(&kind) => relay_only(call, part.pointer().to_owned()),
            Some("text") => {
                parts.extend(
                    part.required_string("text", issues).map(|text| Part::Text(text.to_owned())),
                );
            }
            Some("refusal") => {
                parts.extend(
                    part.required_string("refusal", issues)
                        .map(|text| Part::Refusal(text.to_owned())),
                );
            }
            Some("file") => parts.extend(file(&part, call, issues).map(Part::Document)),
            Some("input_audio") => parts.extend(audio(&part, call, issues).map(Part::Audio)),
            Some(_) => parts.extend(image(&part, call, issues).map(Part::Image)),
            None => {}
        }
        parts.extend(cache_mark(&part, call, issues).map(Part::CacheMark));
    }
    parts
}

/// Reads `file`: its data, or what only a relay can carry.
fn file(part: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) -> Option<Document> {
    part.require("file", issues);
    let file = part.object("file", issues)?;
    file.hint_others(&["file_data", "file_id", "filename"], call);
    let name = file.string("filename", issues).map(str::to_owned);
    let Some(data) = file.string("file_data", issues) else {
        if file.has("file_id") {
            relay_only(call, file.at("file_id"));
        } else {
            issues.add(file.at("file_data"), "required");
        }
        return None;
    };
    let Some(source) = inline::file(data, name.as_deref()) else {
        issues.add(file.at("file_data"), "expected a data: address with base64");
        return None;
    };
    Some(Document { context: None, is_cited: false, name, source: DocumentSource::File(source) })
}

fn audio(part: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) -> Option<Audio> {
    part.require("input_audio", issues);
    let audio = part.object("input_audio", issues)?;
    audio.hint_others(&["data", "format"], call);
    let (data, format) =
        (audio.required_string("data", issues), audio.required_string("format", issues));
    Some(Audio { base64: data?.into(), format: format?.to_owned() })
}

/// Reads `image_url`, which OpenAI wants as an object and Mistral takes as a text too.
fn image(part: &Fields<'_>, call: &mut ChatCall, issues: &mut Issues) -> Option<Image> {
    part.require("image_url", issues);
    let (url, at, detail) = match part.value("image_url")? {
        Value::String(url) => (url.as_str(), part.at("image_url"), None),
        _ => {
            let image = part.object("image_url", issues)?;
            image.hint_others(&["detail", "url"], call);
            let detail = image.string("detail", issues).map(str::to_owned);
            (image.required_string("url", issues)?, image.at("url"), detail)
        }
    };
    let source = address(url);
    if source.is_none() {
        issues.add(at, "expected an https address or a data: address with base64");
    }
    source.map(|source| Image { detail, source })
}
