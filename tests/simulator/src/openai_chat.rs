//! `POST /chat/completions` and `GET /models`, at OpenAI and the hosts that speak its protocol.
//!
//! Reads the request as strictly as the vendor, then hands a [`Chat`] to `openai_reply` or
//! `openai_stream`. Follows <https://platform.openai.com/docs/api-reference/chat>.

use serde_json::{Map, Value};

use crate::answer::{Demand, chosen_tools};
use crate::config::Vendor;
use crate::endpoint::{Incoming, Plan, Reply};
use crate::models::{Model, ModelKind};
use crate::openai_effort::Api;
use crate::openai_errors::{self, refuse};
use crate::schema::{Field, openai_chat as tables};
use crate::tokens::{IMAGE_TOKENS, MESSAGE_TOKENS, count_tokens};
use crate::{openai_reply, openai_stream, openai_strict};

/// A request that was understood.
pub(crate) struct Chat {
    pub(crate) choices: u64,
    pub(crate) id: String,
    pub(crate) include_usage: bool,
    /// The schema of a JSON answer; null if any JSON will do; absent for text.
    pub(crate) json: Option<Value>,
    pub(crate) logprobs: bool,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) model: &'static Model,
    /// Whether the caller named the one tool to call.
    pub(crate) names_tool: bool,
    pub(crate) obfuscate: bool,
    pub(crate) prompt: String,
    pub(crate) prompt_tokens: u64,
    pub(crate) service_tier: String,
    pub(crate) stop: Vec<String>,
    /// The tools that the answer calls instead of saying something.
    pub(crate) tools: Vec<String>,
    pub(crate) vendor: Vendor,
}

/// A rule beyond the table of members.
type Rule = fn(&Request<'_>) -> Result<(), Reply>;

struct Request<'a> {
    body: &'a Map<String, Value>,
    messages: &'a [Value],
    model: &'static Model,
    vendor: Vendor,
}

const RULES: &[Rule] = &[
    one_limit,
    limit_within_model,
    stream_options_need_stream,
    tool_choice_needs_tools,
    top_logprobs_need_logprobs,
    reasoning_models_refuse,
    efforts_as_the_model_can,
    plain_models_refuse_effort,
    groq_refuses,
    tool_messages_answer_calls,
    strict_schemas_are_of_their_part,
];

/// What models that think refuse unless it has this value; `None` refuses every value.
const REASONING_REFUSES: &[(&str, Option<f64>)] =
    &[("frequency_penalty", Some(0.0)), ("logit_bias", None), ("presence_penalty", Some(0.0))];

/// What they refuse besides while they think.
const THINKING_REFUSES: &[(&str, Option<f64>)] =
    &[("logprobs", None), ("temperature", Some(1.0)), ("top_logprobs", None), ("top_p", Some(1.0))];

/// `POST /v1/chat/completions`.
pub(crate) fn completions(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    openai_errors::authenticate(incoming)?;
    let body = openai_errors::object(incoming)?;
    openai_errors::check(incoming, &body, table(incoming.vendor))?;
    let model = openai_errors::model(incoming, ModelKind::Text, &body)?;
    let messages = body.get("messages").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let request = Request { body: &body, messages, model, vendor: incoming.vendor };
    for rule in RULES {
        rule(&request)?;
    }
    let stream = flag(&body, "stream");
    let chat = request.chat(incoming.made_id("chatcmpl-"));
    Ok(Plan {
        prompt: chat.prompt.clone(),
        stream,
        answer: Box::new(move |script| {
            if stream {
                openai_stream::reply(&chat, script)
            } else {
                openai_reply::reply(&chat, script)
            }
        }),
    })
}

/// `GET /v1/models`.
pub(crate) fn models(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    openai_errors::authenticate(incoming)?;
    Ok(Plan::fixed(openai_errors::model_list(incoming)))
}

const fn table(vendor: Vendor) -> &'static [Field] {
    match vendor {
        Vendor::Mistral => tables::MISTRAL,
        Vendor::DeepSeek | Vendor::Groq | Vendor::Together => tables::OTHERS,
        // The others have no chat route, so that only OpenAI comes here.
        Vendor::Anthropic
        | Vendor::ElevenLabs
        | Vendor::Fal
        | Vendor::Google
        | Vendor::Ideogram
        | Vendor::OpenAi
        | Vendor::Pexels
        | Vendor::Pixabay
        | Vendor::Replicate
        | Vendor::Shotstack => tables::OPENAI,
    }
}

impl Request<'_> {
    fn has(&self, name: &str) -> bool {
        self.body.get(name).is_some_and(|value| !value.is_null())
    }

    fn chat(&self, id: String) -> Chat {
        let body = self.body;
        let options = body.get("stream_options");
        let option =
            |name: &str| options.and_then(|options| options.get(name)).and_then(Value::as_bool);
        let asked = self
            .messages
            .iter()
            .rev()
            .find(|message| matches!(role(message), "user" | "tool" | "function"));
        let prompt = asked.map(|message| text_of(message.get("content"))).unwrap_or_default();
        let number = |name: &str| body.get(name).and_then(Value::as_u64);
        let tier = body.get("service_tier").and_then(Value::as_str);
        Chat {
            choices: number("n").unwrap_or(1),
            id,
            include_usage: option("include_usage").unwrap_or(false),
            json: json_format(body.get("response_format")),
            logprobs: flag(body, "logprobs"),
            max_tokens: number("max_completion_tokens").or_else(|| number("max_tokens")),
            model: self.model,
            names_tool: body.get("tool_choice").is_some_and(Value::is_object),
            obfuscate: self.vendor == Vendor::OpenAi
                && option("include_obfuscation").unwrap_or(true),
            prompt_tokens: prompt_tokens(body, self.messages),
            service_tier: tier.filter(|tier| *tier != "auto").unwrap_or("default").to_owned(),
            stop: texts(body.get("stop")),
            tools: self.tools(&prompt),
            prompt,
            vendor: self.vendor,
        }
    }

    fn tools(&self, prompt: &str) -> Vec<String> {
        let tools = self.body.get("tools").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let names: Vec<&str> =
            tools.iter().filter_map(|tool| tool.get("function")?.get("name")?.as_str()).collect();
        let asks = self.messages.last().is_some_and(|message| role(message) == "user");
        let demand = match self.body.get("tool_choice") {
            Some(Value::String(choice)) if choice == "none" => Demand::Never,
            Some(Value::String(choice)) if choice == "required" || choice == "any" => Demand::Any,
            Some(Value::Object(choice)) => {
                let name = choice.get("function").and_then(|function| function.get("name"));
                name.and_then(Value::as_str)
                    .map_or(Demand::Any, |name| Demand::Named(name.to_owned()))
            }
            _ if asks => Demand::Free,
            _ => Demand::Never,
        };
        let parallel = self.body.get("parallel_tool_calls").and_then(Value::as_bool);
        let mut tools = chosen_tools(&names, prompt, &demand);
        if parallel == Some(false) {
            tools.truncate(1);
        }
        tools
    }
}

fn one_limit(request: &Request<'_>) -> Result<(), Reply> {
    if request.has("max_tokens") && request.has("max_completion_tokens") {
        let message =
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
        return Err(refuse(
            400,
            Some("invalid_parameter_combination"),
            Some("max_tokens"),
            message,
        ));
    }
    Ok(())
}

fn limit_within_model(request: &Request<'_>) -> Result<(), Reply> {
    let most = request.model.max_output;
    for name in ["max_tokens", "max_completion_tokens"] {
        if let Some(got) = request.body.get(name).and_then(Value::as_u64).filter(|got| *got > most)
        {
            let message = format!(
                "{name} is too large: {got}. This model supports at most {most} completion tokens."
            );
            // Together calls it forbidden.
            let status = if request.vendor == Vendor::Together { 403 } else { 400 };
            return Err(refuse(status, Some("invalid_value"), Some(name), &message));
        }
    }
    Ok(())
}

fn stream_options_need_stream(request: &Request<'_>) -> Result<(), Reply> {
    if request.has("stream_options") && !flag(request.body, "stream") {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(refuse(400, None, Some("stream_options"), message));
    }
    Ok(())
}

fn tool_choice_needs_tools(request: &Request<'_>) -> Result<(), Reply> {
    for name in ["tool_choice", "parallel_tool_calls"] {
        if request.has(name) && !request.has("tools") {
            let message = format!("'{name}' is only allowed when 'tools' are specified.");
            return Err(refuse(400, None, Some(name), &message));
        }
    }
    Ok(())
}

fn top_logprobs_need_logprobs(request: &Request<'_>) -> Result<(), Reply> {
    if request.has("top_logprobs") && !request.has("logprobs") {
        let message = "'top_logprobs' is only allowed when 'logprobs' is enabled.";
        return Err(refuse(400, None, Some("top_logprobs"), message));
    }
    Ok(())
}

fn reasoning_models_refuse(request: &Request<'_>) -> Result<(), Reply> {
    let traits = request.model.traits;
    if traits.reasoning && request.has("max_tokens") {
        let message = "Unsupported parameter: 'max_tokens' is not supported with this model. \
            Use 'max_completion_tokens' instead.";
        return Err(refuse(400, Some("unsupported_parameter"), Some("max_tokens"), message));
    }
    if traits.efforts.is_some() { refused(request, REASONING_REFUSES) } else { Ok(()) }
}

/// Refuses the first of these members that has another value than it may have.
fn refused(request: &Request<'_>, members: &[(&str, Option<f64>)]) -> Result<(), Reply> {
    for (name, default) in members {
        let Some(value) = request.body.get(*name).filter(|value| !value.is_null()) else {
            continue;
        };
        let (code, message) = match default {
            Some(default) if value.as_f64() == Some(*default) => continue,
            Some(default) => (
                "unsupported_value",
                format!(
                    "Unsupported value: '{name}' does not support {value} with this model. \
                    Only the default ({default}) value is supported."
                ),
            ),
            None if value == &Value::Bool(false) => continue,
            None => (
                "unsupported_parameter",
                format!("Unsupported parameter: '{name}' is not supported with this model."),
            ),
        };
        return Err(refuse(400, Some(code), Some(name), &message));
    }
    Ok(())
}

fn efforts_as_the_model_can(request: &Request<'_>) -> Result<(), Reply> {
    let Some(efforts) = request.model.traits.efforts else { return Ok(()) };
    let said = request.body.get("reasoning_effort").and_then(Value::as_str);
    let effort = efforts.of(request.model, said, Api::Chat)?;
    if effort != "none" {
        refused(request, THINKING_REFUSES)?;
    }
    if request.has("tools") { efforts.tools_in_chat(request.model, effort) } else { Ok(()) }
}

fn plain_models_refuse_effort(request: &Request<'_>) -> Result<(), Reply> {
    let plain = request.vendor == Vendor::OpenAi && !request.model.traits.reasoning;
    if plain && request.has("reasoning_effort") {
        let message = "Unrecognized request argument supplied: reasoning_effort";
        return Err(refuse(400, Some("unsupported_parameter"), Some("reasoning_effort"), message));
    }
    Ok(())
}

fn groq_refuses(request: &Request<'_>) -> Result<(), Reply> {
    if request.vendor != Vendor::Groq {
        return Ok(());
    }
    for name in ["logprobs", "top_logprobs", "logit_bias"] {
        if request.has(name) && request.body.get(name) != Some(&Value::Bool(false)) {
            let message = format!("'{name}' : property '{name}' is unsupported");
            return Err(refuse(400, None, Some(name), &message));
        }
    }
    if request.body.get("n").and_then(Value::as_u64).is_some_and(|n| n != 1) {
        return Err(refuse(400, None, Some("n"), "'n' : number must be at most 1"));
    }
    Ok(())
}

/// A turn of a tool must answer a call of the assistant's turn before it, and all calls are answered before
/// anybody says something else.
fn tool_messages_answer_calls(request: &Request<'_>) -> Result<(), Reply> {
    let (mut open, mut left): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let all_answered = |index: usize, left: &[&str]| match left {
        [] => Ok(()),
        left => {
            let message = format!(
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
                'tool_call_id'. The following tool_call_ids did not have response messages: {}",
                left.join(", ")
            );
            Err(refuse(400, None, Some(&format!("messages[{index}].role")), &message))
        }
    };
    for (index, message) in request.messages.iter().enumerate() {
        if role(message) != "tool" {
            all_answered(index, &left)?;
            let calls = message.get("tool_calls").and_then(Value::as_array);
            let calls = calls.map_or(&[][..], Vec::as_slice);
            open = calls.iter().filter_map(|call| call.get("id")?.as_str()).collect();
            left.clone_from(&open);
            continue;
        }
        let answered = message.get("tool_call_id").and_then(Value::as_str).unwrap_or_default();
        if !open.contains(&answered) {
            let message = "Invalid parameter: messages with role 'tool' must be a response to a \
                preceding message with 'tool_calls'.";
            let param = format!("messages[{index}].role");
            return Err(refuse(400, None, Some(&param), message));
        }
        left.retain(|id| *id != answered);
    }
    all_answered(request.messages.len(), &left)
}

fn prompt_tokens(body: &Map<String, Value>, messages: &[Value]) -> u64 {
    let of_message = |message: &Value| {
        let parts = message.get("content").and_then(Value::as_array);
        let parts = parts.map_or(&[][..], Vec::as_slice);
        let pictures = parts.iter().filter(|part| part.get("text").is_none()).count() as u64;
        let calls = message.get("tool_calls").map(ToString::to_string).unwrap_or_default();
        MESSAGE_TOKENS
            + count_tokens(&text_of(message.get("content")))
            + count_tokens(&calls)
            + pictures * IMAGE_TOKENS
    };
    let tools = body.get("tools").map(ToString::to_string).unwrap_or_default();
    messages.iter().map(of_message).sum::<u64>() + count_tokens(&tools)
}

fn json_format(format: Option<&Value>) -> Option<Value> {
    let format = format?;
    match format.get("type").and_then(Value::as_str) {
        Some("json_object") => Some(Value::Null),
        Some("json_schema") => {
            Some(format.pointer("/json_schema/schema").cloned().unwrap_or(Value::Null))
        }
        Some(_) | None => None,
    }
}

fn flag(body: &Map<String, Value>, name: &str) -> bool {
    body.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}

/// The text of a content: itself, or its text parts, a line each.
fn text_of(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts: Vec<&str> =
                parts.iter().filter_map(|part| part.get("text")?.as_str()).collect();
            texts.join("\n")
        }
        Some(_) | None => String::new(),
    }
}

/// One text or a list of texts.
fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(texts)) => {
            texts.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        Some(_) | None => Vec::new(),
    }
}

/// OpenAI holds answers and calls to the schemas of a part of JSON Schema; of other hosts nothing is known.
fn strict_schemas_are_of_their_part(request: &Request<'_>) -> Result<(), Reply> {
    let is_strict = |of: &Value| of.get("strict").and_then(Value::as_bool) == Some(true);
    let name = |of: &Value| of.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    if request.vendor != Vendor::OpenAi {
        return Ok(());
    }
    let format = request.body.get("response_format").and_then(|format| format.get("json_schema"));
    if let Some(format) = format.filter(|format| is_strict(format)) {
        openai_strict::check(format.get("schema").unwrap_or(&Value::Null)).map_err(|why| {
            let message = format!("Invalid schema for response_format '{}': {why}", name(format));
            refuse(400, None, Some("response_format"), &message)
        })?;
    }
    let tools = request.body.get("tools").and_then(Value::as_array);
    for (place, tool) in tools.into_iter().flatten().enumerate() {
        let Some(function) = tool.get("function").filter(|function| is_strict(function)) else {
            continue;
        };
        openai_strict::check(function.get("parameters").unwrap_or(&Value::Null)).map_err(
            |why| {
                let message = format!("Invalid schema for function '{}': {why}", name(function));
                let param = format!("tools[{place}].function.parameters");
                refuse(400, Some("invalid_function_parameters"), Some(&param), &message)
            },
        )?;
    }
    Ok(())
}
