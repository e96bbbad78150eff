//! Canonical call out: the body of `POST /v1/messages`.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{
    super::{Target, fields::Issues},
    citations, schema,
    thinking::{self, Way},
};
use crate::{
    chat::{
        CacheTtl, ChatCall, Document, DocumentSource, Instruction, Message, Part, ResponseFormat,
        Role, Seal, Source, Tool, ToolChoice,
    },
    json,
    model::Protocol,
};

const PDF: &str = "application/pdf";

/// What is text although its type does not say so.
const TEXTS: [&str; 3] = ["application/json", "application/xml", "application/yaml"];

const MEDIA_TYPES: [&str; 4] = ["image/gif", "image/jpeg", "image/png", "image/webp"];

/// Writes the body, and what could not be said in it.
pub(super) fn body(call: &ChatCall, target: &Target) -> (Map<String, Value>, Issues) {
    let mut issues = Issues::for_vendor(call, target);
    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    set("model", Some(target.upstream_model.as_str().into()));
    let bound = call.max_output_tokens.unwrap_or(target.default_max_output_tokens);
    set("max_tokens", Some(bound.into()));
    set("system", system(call));
    set("messages", Some(messages(&call.messages, &mut issues).into()));
    set("stop_sequences", (!call.stop.is_empty()).then(|| call.stop.clone().into()));
    let way = Way::of(call, bound, target, &mut issues);
    if target.sampling_params == Some(false) {
        issues.no_sampling(call);
    } else if way.is_thinking() {
        let (temperature, top_p) = thinking::sampling(call, &mut issues);
        set("temperature", temperature.map(Value::from));
        set("top_p", top_p.map(Value::from));
    } else {
        if call.temperature.is_some_and(|temperature| temperature > 1.0) {
            issues.add("/temperature", "this model's vendor takes a number from 0 to 1");
        }
        set("temperature", call.temperature.map(Value::from));
        set("top_p", call.top_p.map(Value::from));
        set("top_k", call.top_k.map(Value::from));
    }
    if !call.tools.is_empty() {
        set("tools", Some(call.tools.iter().map(|one| tool(one, &mut issues)).collect()));
        set("tool_choice", tool_choice(call));
    }
    set("thinking", way.thinking);
    set("output_config", output_config(call, way.effort, target, &mut issues));
    set("metadata", call.user.as_ref().map(|user| json!({"user_id": user})));
    set("stream", call.stream.then_some(Value::Bool(true)));
    refuse(call, target, &mut issues);
    (body, issues)
}

/// Names what this vendor has no word for. A penalty of 0 is what no penalty is.
fn refuse(call: &ChatCall, target: &Target, issues: &mut Issues) {
    if call.n.is_some_and(|n| n != 1) {
        issues.add("/n", "this model's vendor gives one answer");
    }
    let takes_sampling = target.sampling_params != Some(false);
    let penalty =
        |penalty: Option<f64>| takes_sampling && penalty.is_some_and(|penalty| penalty != 0.0);
    let lacking = [
        ("/frequency_penalty", penalty(call.frequency_penalty)),
        ("/logprobs", call.logprobs.is_some()),
        ("/presence_penalty", penalty(call.presence_penalty)),
        ("/seed", call.seed.is_some()),
    ];
    for (pointer, _) in lacking.into_iter().filter(|(_, asked)| *asked) {
        issues.unsupported(pointer, target);
    }
    for name in call.openai.keys() {
        issues.own_setting(name, target);
    }
}

/// Writes the system prompt. What operators say in the middle of the conversation goes here too: older
/// models take it nowhere else.
///
/// Blank texts are left out everywhere: the vendor refuses them.
fn system(call: &ChatCall) -> Option<Value> {
    let mut blocks: Vec<Instruction> = call.system.clone();
    for message in call.messages.iter().filter(|message| message.role == Role::System) {
        for part in &message.parts {
            match (part, blocks.last_mut()) {
                (Part::Text(text), _) => blocks.push(text.as_str().into()),
                (Part::CacheMark(ttl), Some(block)) => block.cache = Some(*ttl),
                _ => {}
            }
        }
    }
    blocks.retain(|block| !block.text.trim().is_empty());
    match blocks.as_slice() {
        [] => None,
        [Instruction { cache: None, text }] => Some(Value::from(text.as_str())),
        many => Some(
            many.iter()
                .map(|block| marked(json!({"type": "text", "text": block.text}), block.cache))
                .collect(),
        ),
    }
}

/// Adds a cache mark.
fn marked(mut block: Value, ttl: Option<CacheTtl>) -> Value {
    if let (Some(block), Some(ttl)) = (block.as_object_mut(), ttl) {
        let mark = match ttl {
            CacheTtl::FiveMinutes => json!({"type": "ephemeral"}),
            CacheTtl::OneHour => json!({"type": "ephemeral", "ttl": "1h"}),
        };
        block.insert("cache_control".to_owned(), mark);
    }
    block
}

/// Writes the turns, those of one role in a row as one, and results first within a turn, as the vendor wants.
fn messages(messages: &[Message], issues: &mut Issues) -> Vec<Value> {
    let mut turns: Vec<(Role, Vec<Value>)> = Vec::new();
    for message in messages.iter().filter(|message| message.role != Role::System) {
        let blocks = blocks(message, issues);
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

/// Writes the parts of a turn. Marks and citations belong to the block before them.
fn blocks(message: &Message, issues: &mut Issues) -> Vec<Value> {
    let mut blocks: Vec<Value> = Vec::new();
    for part in &message.parts {
        match part {
            Part::CacheMark(ttl) => {
                if let Some(last) = blocks.pop() {
                    blocks.push(marked(last, Some(*ttl)));
                }
            }
            Part::Citation(citation) if citations::is_own(citation) => {
                cite(blocks.last_mut(), citations::write(citation));
            }
            Part::Citation(_) => issues.lost_citations(),
            part => blocks.extend(block(part, message.role, issues)),
        }
    }
    blocks
}

fn cite(block: Option<&mut Value>, citation: Value) {
    let Some(block) = block.and_then(Value::as_object_mut) else { return };
    if block.get("type").and_then(Value::as_str) != Some("text") {
        return;
    }
    match block.get_mut("citations").and_then(Value::as_array_mut) {
        Some(list) => list.push(citation),
        None => {
            block.insert("citations".to_owned(), Value::Array(vec![citation]));
        }
    }
}

fn turn(role: Role, mut blocks: Vec<Value>) -> Value {
    let kind = |block: &Value, kind: &str| block.get("type").and_then(Value::as_str) == Some(kind);
    let role = match role {
        Role::Assistant => "assistant",
        Role::System | Role::User => {
            blocks.sort_by_key(|block| !kind(block, "tool_result"));
            "user"
        }
    };
    let content = match blocks.as_slice() {
        [one] if kind(one, "text") && one.as_object().is_some_and(|block| block.len() == 2) => {
            one.get("text").cloned().unwrap_or_default()
        }
        _ => Value::from(blocks),
    };
    json!({"role": role, "content": content})
}

fn block(part: &Part, role: Role, issues: &mut Issues) -> Option<Value> {
    match (part, role) {
        (Part::Text(text), _) | (Part::Refusal(text), Role::Assistant) => {
            (!text.trim().is_empty()).then(|| json!({"type": "text", "text": text}))
        }
        (Part::Audio(_), _) => {
            issues.add("/messages", "this model's vendor takes no sound");
            None
        }
        (Part::Document(document), Role::User) => self::document(document, issues),
        (Part::Image(image), Role::User) => {
            if image.detail.as_deref().is_some_and(|detail| detail != "auto") {
                issues.hint("/messages/*/detail", "this vendor looks at all pictures alike");
            }
            Some(json!({"type": "image", "source": source(&image.source, issues)}))
        }
        (Part::Sealed(seal), Role::Assistant) if is_own(seal) => {
            Some(json!({"type": "redacted_thinking", "data": seal.data}))
        }
        (Part::ToolResult { content, id, is_error }, Role::User) => {
            // A mark within a result ends the same prefix as one on the result.
            let mark = content.iter().rev().find_map(|part| match part {
                Part::CacheMark(ttl) => Some(*ttl),
                _ => None,
            });
            let said: Vec<&Part> =
                content.iter().filter(|part| !matches!(part, Part::CacheMark(_))).collect();
            let content = match said.as_slice() {
                [] => Value::from(""),
                [Part::Text(text)] => Value::from(text.as_str()),
                parts => parts.iter().filter_map(|part| block(part, role, issues)).collect(),
            };
            let mut block =
                json!({"type": "tool_result", "tool_use_id": call_id(id), "content": content});
            if let (true, Some(block)) = (is_error, block.as_object_mut()) {
                block.insert("is_error".to_owned(), Value::Bool(true));
            }
            Some(marked(block, mark))
        }
        // A thought without the vendor's seal is not the vendor's, and would be refused.
        (Part::Thinking { seal: Some(seal), text }, Role::Assistant) if is_own(seal) => {
            Some(json!({"type": "thinking", "thinking": text, "signature": seal.data}))
        }
        (Part::Sealed(_) | Part::Thinking { .. }, Role::Assistant) => {
            issues.lost_thoughts();
            None
        }
        (Part::ToolCall(call), Role::Assistant) => {
            if call.seal.is_some() {
                // This vendor seals no calls.
                issues.lost_thoughts();
            }
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
        (Part::CacheMark(_) | Part::Citation(_), _) => None,
        (Part::Document(_) | Part::Image(_) | Part::ToolResult { .. }, Role::Assistant) => {
            issues.add("/messages", "the model's turn holds what only a user can say");
            None
        }
        (_, Role::System | Role::User) => {
            issues.add("/messages", "a user's turn holds what only the model can say");
            None
        }
    }
}

pub(super) fn is_own(seal: &Seal) -> bool {
    seal.maker == Protocol::AnthropicMessages
}

/// Makes a call's id one that this vendor takes: `^[a-zA-Z0-9_-]+$`. Calls and results change alike.
fn call_id(id: &str) -> String {
    id.chars()
        .map(|char| if char.is_ascii_alphanumeric() || char == '-' { char } else { '_' })
        .collect()
}

/// Writes a document: a PDF or plain text, which are all that the vendor takes in a request.
fn document(document: &Document, issues: &mut Issues) -> Option<Value> {
    let text = |text: &str| json!({"type": "text", "media_type": "text/plain", "data": text});
    let source = match &document.source {
        DocumentSource::File(Source::Inline { base64, media_type })
            if media_type.eq_ignore_ascii_case(PDF) =>
        {
            json!({"type": "base64", "media_type": PDF, "data": &**base64})
        }
        DocumentSource::File(Source::Inline { base64, media_type }) => {
            let Some(decoded) = plain_text(base64, media_type) else {
                let reason =
                    "this model's vendor takes documents of application/pdf, and of text in UTF-8";
                issues.add("/messages", format!("{reason}; got {media_type}"));
                return None;
            };
            text(&decoded)
        }
        DocumentSource::File(Source::Url(url)) => json!({"type": "url", "url": url}),
        DocumentSource::Text(plain) => text(plain),
    };
    let mut block = Map::new();
    block.insert("type".to_owned(), "document".into());
    block.insert("source".to_owned(), source);
    let words = [("title", &document.name), ("context", &document.context)];
    for (name, word) in words {
        if let Some(word) = word {
            block.insert(name.to_owned(), word.as_str().into());
        }
    }
    if document.is_cited {
        block.insert("citations".to_owned(), json!({"enabled": true}));
    }
    Some(Value::Object(block))
}

/// The text of a file of text; `None` for one of another type, or of another encoding.
fn plain_text(base64: &str, media_type: &str) -> Option<String> {
    let kind = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !kind.starts_with("text/") && !TEXTS.contains(&kind.as_str()) {
        return None;
    }
    String::from_utf8(STANDARD.decode(base64.trim_ascii()).ok()?).ok()
}

fn source(source: &Source, issues: &mut Issues) -> Value {
    match source {
        Source::Inline { base64, media_type } => {
            if !MEDIA_TYPES.contains(&media_type.as_str()) {
                issues.add(
                    "/messages",
                    format!("this model's vendor takes images of {}", MEDIA_TYPES.join(", ")),
                );
            }
            json!({"type": "base64", "media_type": media_type, "data": &**base64})
        }
        Source::Url(url) => json!({"type": "url", "url": url}),
    }
}

fn tool(tool: &Tool, issues: &mut Issues) -> Value {
    let mut body = Map::new();
    body.insert("name".to_owned(), tool.name.as_str().into());
    if let Some(description) = &tool.description {
        body.insert("description".to_owned(), description.as_str().into());
    }
    // The vendor wants the type to be told, which OpenAI does not.
    let mut schema = match &tool.parameters {
        Value::Null => Value::Object(Map::new()),
        schema => schema.clone(),
    };
    if let Some(schema) = schema.as_object_mut() {
        schema.entry("type").or_insert_with(|| "object".into());
    }
    let mut strict = tool.strict;
    if strict == Some(true) {
        match schema::fit(&schema) {
            Ok(fitted) if fitted.in_words.is_empty() => schema = fitted.schema,
            Ok(_) | Err(_) => {
                let reason = "this model's vendor holds no call to a schema such as this";
                issues.hint("/tools/*/strict", reason);
                strict = Some(false);
            }
        }
    }
    body.insert("input_schema".to_owned(), schema);
    if let Some(strict) = strict {
        body.insert("strict".to_owned(), strict.into());
    }
    marked(Value::Object(body), tool.cache)
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

fn output_config(
    call: &ChatCall,
    effort: Option<&str>,
    target: &Target,
    issues: &mut Issues,
) -> Option<Value> {
    let mut config = Map::new();
    if let Some(effort) = effort {
        config.insert("effort".to_owned(), effort.into());
    }
    match &call.response_format {
        None => {}
        Some(ResponseFormat::JsonObject) => {
            let reason = "this model's vendor needs a schema: use json_schema";
            issues.unsaid("/response_format", reason, target);
        }
        Some(ResponseFormat::JsonSchema { name: _, schema, strict }) => {
            if let Some(schema) = answer_schema(schema, *strict == Some(true), target, issues) {
                let format = json!({"type": "json_schema", "schema": schema});
                config.insert("format".to_owned(), format);
            }
        }
    }
    (!config.is_empty()).then_some(Value::Object(config))
}

/// Writes the schema of an answer; `None` where nothing of it can be said.
fn answer_schema(
    schema: &Value,
    is_strict: bool,
    target: &Target,
    issues: &mut Issues,
) -> Option<Value> {
    match schema::fit(schema) {
        Ok(fitted) => Some(fitted.of_answer(is_strict, target, issues)),
        Err(why) => {
            let reason = format!("this model's vendor takes no such schema: {why}");
            issues.unsaid("/response_format", &reason, target);
            None
        }
    }
}
