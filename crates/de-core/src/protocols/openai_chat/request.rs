//! Canonical call out: the body of `POST /chat/completions`.

use serde_json::{Map, Value, json};

use super::{
    super::{
        Draft, FieldIssue, Target,
        document::untold,
        end_user,
        fields::Issues,
        inline, openai_effort, strict,
        turns::{Turn, with_results_joined},
    },
    PATH,
};
use crate::{
    chat::{
        CacheTtl, ChatCall, Document, DocumentSource, Part, ResponseFormat, Role, Source, Tool,
        ToolChoice, text_of,
    },
    model::Protocol,
};

/// OpenAI's bound; the hosts that have one have the same.
const MAX_STOPS: usize = 4;

/// The most alternatives to a token that OpenAI tells.
const MAX_TOP_LOGPROBS: u64 = 20;

/// Writes the request.
///
/// The system prompt goes as role `system`, which every host knows; OpenAI itself reads it as
/// `developer` where a model wants that. Thoughts are left out, since OpenAI takes none back, but for models that want
/// them: DeepSeek refuses a turn with calls that came without its thoughts,
/// <https://api-docs.deepseek.com/guides/thinking_mode>.
pub(super) fn draft(call: &ChatCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
    let mut issues = Issues::for_vendor(call, target);
    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    set("model", Some(target.upstream_model.as_str().into()));
    set("messages", Some(messages(call, target, &mut issues).into()));
    set(target.max_tokens_field.as_str(), call.max_output_tokens.map(Value::from));
    if target.sampling_params == Some(false) {
        issues.no_sampling(call);
    } else {
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
    let effort = openai_effort::word(call, target, Protocol::OpenaiChat, &mut issues);
    set("reasoning_effort", effort.map(Value::from));
    if target.sampling_params == Some(false) {
        issues.no_logprobs(call, target);
    } else if let Some(top) = call.logprobs {
        set("logprobs", Some(true.into()));
        set("top_logprobs", (top > 0).then(|| top.min(MAX_TOP_LOGPROBS).into()));
    }
    for (name, value) in &call.openai {
        if name == "store" && *value == Value::Bool(true) {
            // Who asks for it in another protocol means our own store.
            issues.hint("/store", "nothing is kept at this vendor");
            continue;
        }
        // OpenAI's own settings, which many of the hosts that speak its protocol refuse.
        if target.takes_user {
            set(name, Some(value.clone()));
        } else {
            issues.own_setting(name, target);
        }
    }
    let format = call.response_format.as_ref();
    let format = format.map(|format| response_format(&strict::format(format, &mut issues)));
    set("response_format", format);
    if !call.tools.is_empty() {
        let tools = call.tools.iter().map(|one| tool(&strict::tool(one, &mut issues)));
        set("tools", Some(tools.collect()));
        set("tool_choice", call.tool_choice.as_ref().map(tool_choice));
        set("parallel_tool_calls", call.parallel_tool_calls.map(Value::from));
    }
    if target.takes_user {
        set("user", call.user.as_deref().map(|user| end_user::bounded(user).into()));
    } else if call.user.is_some() {
        issues.hint("/user", "this vendor has no mark for end users");
    }
    if call.stream {
        set("stream", Some(true.into()));
        set("stream_options", Some(with_usage(Value::Null)));
    }
    issues.written(Draft::json(PATH, &Value::Object(body)))
}

/// Sets `include_usage` among `stream_options`, and leaves the other options as they are.
pub(super) fn with_usage(options: Value) -> Value {
    match options {
        Value::Object(mut options) => {
            options.insert("include_usage".to_owned(), Value::Bool(true));
            Value::Object(options)
        }
        _ => json!({"include_usage": true}),
    }
}

fn messages(call: &ChatCall, target: &Target, issues: &mut Issues) -> Vec<Value> {
    let mut messages = Vec::with_capacity(call.messages.len().saturating_add(1));
    if !call.system.is_empty() {
        // One message of plain text: some hosts take no second system message, and no parts in it.
        let texts: Vec<&str> = call.system.iter().map(|block| block.text.as_str()).collect();
        messages.push(json!({"role": "system", "content": texts.join("\n\n")}));
    }
    let marks = [
        call.system.iter().any(|block| block.cache.is_some()),
        call.tools.iter().any(|tool| tool.cache.is_some()),
    ];
    if marks.contains(&true) {
        issues.no_cache_marks();
    }
    for Turn { parts, role } in with_results_joined(&call.messages) {
        match role {
            Role::Assistant => messages.push(assistant(&parts, target, issues)),
            Role::System => {
                if parts.iter().any(|part| matches!(part, Part::CacheMark(_))) {
                    issues.no_cache_marks();
                }
                messages.push(json!({"role": "system", "content": text_of(parts)}));
            }
            Role::User => user(&parts, &mut messages, issues),
        }
    }
    messages
}

/// Writes a user's turn. Results come first, since they must follow the turn that called for them.
fn user(parts: &[&Part], messages: &mut Vec<Value>, issues: &mut Issues) {
    let mut content = Vec::new();
    for part in parts {
        match part {
            Part::ToolResult { content: result, id, is_error } => {
                messages
                    .push(json!({"role": "tool", "tool_call_id": id, "content": text_of(result)}));
                if *is_error {
                    issues.hint("/messages/*/is_error", "this vendor's results have no such mark");
                }
                // A result is text here. What else it holds is shown right after all results.
                content.extend(
                    result
                        .iter()
                        .filter(|part| !matches!(part, Part::Text(_)))
                        .filter_map(|part| shown(part, issues)),
                );
            }
            part => content.extend(shown(part, issues)),
        }
    }
    if content.is_empty() && !parts.is_empty() {
        return;
    }
    let content = match parts {
        [] => Value::from(""),
        [Part::Text(text)] => Value::from(text.as_str()),
        _ => Value::from(content),
    };
    messages.push(json!({"role": "user", "content": content}));
}

/// Writes a piece of a user's turn.
fn shown(part: &Part, issues: &mut Issues) -> Option<Value> {
    Some(match part {
        Part::Audio(audio) => json!({
            "type": "input_audio",
            "input_audio": {"data": &*audio.base64, "format": audio.format},
        }),
        Part::CacheMark(CacheTtl::FiveMinutes | CacheTtl::OneHour) => {
            issues.no_cache_marks();
            return None;
        }
        Part::Document(document) => return self::document(document, issues),
        Part::Image(image) => {
            let mut shown = json!({"url": inline::url(&image.source)});
            if let (Some(shown), Some(detail)) = (shown.as_object_mut(), &image.detail) {
                shown.insert("detail".to_owned(), detail.as_str().into());
            }
            json!({"type": "image_url", "image_url": shown})
        }
        Part::Text(text) => json!({"type": "text", "text": text}),
        Part::Citation(_)
        | Part::Refusal(_)
        | Part::Sealed(_)
        | Part::Thinking { .. }
        | Part::ToolCall(_)
        | Part::ToolResult { .. } => {
            issues.add("/messages", "a user's turn holds what only the model can say");
            return None;
        }
    })
}

fn document(document: &Document, issues: &mut Issues) -> Option<Value> {
    if document.is_cited {
        issues.hint("/messages/*/citations", "this vendor does not cite documents");
    }
    untold(document, issues);
    match &document.source {
        DocumentSource::File(source @ Source::Inline { .. }) => {
            let name = document.name.as_deref().unwrap_or("document.pdf");
            Some(
                json!({"type": "file", "file": {"filename": name, "file_data": inline::url(source)}}),
            )
        }
        DocumentSource::File(Source::Url(_)) => {
            issues.add("/messages", "this model's vendor takes documents as bytes, not by address");
            None
        }
        DocumentSource::Text(text) => Some(json!({"type": "text", "text": document.as_text(text)})),
    }
}

fn assistant(parts: &[&Part], target: &Target, issues: &mut Issues) -> Value {
    let mut thoughts = None::<String>;
    let (mut text, mut refusal, mut calls) = (None::<String>, None::<String>, Vec::new());
    for part in parts {
        match part {
            Part::Refusal(more) => refusal.get_or_insert_default().push_str(more),
            Part::Text(more) => text.get_or_insert_default().push_str(more),
            // A vendor of this protocol seals none: what is sealed is another one's.
            Part::Thinking { seal: None, text } if target.takes_thoughts => {
                thoughts.get_or_insert_default().push_str(text);
            }
            Part::CacheMark(_) => issues.no_cache_marks(),
            // OpenAI takes no thoughts back, and its own citations are none of its input.
            Part::Citation(_) => issues.lost_citations(),
            Part::Sealed(_) | Part::Thinking { .. } => issues.lost_thoughts(),
            Part::ToolCall(call) => {
                if call.seal.is_some() {
                    issues.lost_thoughts();
                }
                calls.push(json!({
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }));
            }
            Part::Audio(_) | Part::Document(_) | Part::Image(_) | Part::ToolResult { .. } => {
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
    if let Some(thoughts) = thoughts.filter(|thoughts| !thoughts.is_empty()) {
        turn.insert("reasoning_content".to_owned(), thoughts.into());
    }
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

pub(in super::super) fn response_format(format: &ResponseFormat) -> Value {
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
