//! `POST /v1/messages`, `POST /v1/messages/count_tokens` and `GET /v1/models`.
//!
//! Reads the request as strictly as the vendor, then hands a [`Message`] to `anthropic_reply`.
//! Follows <https://docs.anthropic.com/en/api/messages>.

use serde_json::{Map, Value, json};

use crate::answer::{Demand, chosen_tools};
use crate::anthropic_errors::{self, NO_SAMPLING_VERSION, refuse};
use crate::anthropic_reply;
use crate::endpoint::{Incoming, Plan, Reply};
use crate::models::{self, Model, ModelKind};
use crate::schema::anthropic::{COUNT_REQUEST, MESSAGE_REQUEST};
use crate::tokens::{IMAGE_TOKENS, MESSAGE_TOKENS, count_tokens};

mod schemas;
mod thinking;

/// A request that was understood.
pub(crate) struct Message {
    /// What the answer rests on: the first document that shall be cited, in the vendor's form.
    pub(crate) citation: Option<Value>,
    pub(crate) id: String,
    pub(crate) input_tokens: u64,
    /// The schema of a JSON answer; absent for text.
    pub(crate) json: Option<Value>,
    pub(crate) max_tokens: u64,
    pub(crate) model: &'static Model,
    pub(crate) prompt: String,
    pub(crate) stop: Vec<String>,
    /// Whether the caller asked to see thinking before the answer.
    pub(crate) thinks: bool,
    /// The tools that the answer calls instead of saying something.
    pub(crate) tools: Vec<String>,
}

/// A rule beyond the table of members; the error is the message of a 400.
type Rule = fn(&Request<'_>) -> Result<(), String>;

struct Request<'a> {
    body: &'a Map<String, Value>,
    messages: &'a [Value],
    model: &'static Model,
    version: &'a str,
}

const RULES: &[Rule] = &[
    limit_within_model,
    thinking::budget_within_limit,
    thinking::as_the_model_can,
    thinking::effort_as_the_model_can,
    sampling_as_the_model_can,
    thinking::sampling_beside_it,
    thinking::no_forced_tools_beside_it,
    thinking::no_prefill_beside_it,
    thinking::before_calls_of_tools,
    tool_choice_needs_tools,
    tool_choice_as_the_model_can,
    system_turns_as_the_model_can,
    no_prefill_unless_the_model_can,
    tool_results_answer_calls,
    schemas::are_of_the_vendors_part,
];

/// `POST /v1/messages`.
pub(crate) fn messages(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    anthropic_errors::authenticate(incoming)?;
    let body = anthropic_errors::object(incoming, MESSAGE_REQUEST)?;
    let request = Request::check(incoming, &body)?;
    let stream = body.get("stream").and_then(Value::as_bool).unwrap_or(false);
    let message = request.message(incoming.made_id("msg_"));
    Ok(Plan {
        prompt: message.prompt.clone(),
        stream,
        answer: Box::new(move |script| anthropic_reply::reply(&message, script, stream)),
    })
}

/// `POST /v1/messages/count_tokens`.
pub(crate) fn count_tokens_of(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    anthropic_errors::authenticate(incoming)?;
    let body = anthropic_errors::object(incoming, COUNT_REQUEST)?;
    let request = Request::check(incoming, &body)?;
    Ok(Plan::fixed(json!({ "input_tokens": request.input_tokens() })))
}

/// `GET /v1/models`.
pub(crate) fn models(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    anthropic_errors::authenticate(incoming)?;
    Ok(Plan::fixed(anthropic_errors::model_list(incoming)))
}

impl<'a> Request<'a> {
    fn check(incoming: &Incoming<'a>, body: &'a Map<String, Value>) -> Result<Self, Reply> {
        let id = body.get("model").and_then(Value::as_str).unwrap_or_default();
        let model = models::find(incoming.vendor, ModelKind::Text, id)
            .filter(|model| incoming.config.accept_retired || !model.traits.retired)
            .ok_or_else(|| refuse(incoming, 404, &format!("model: {id}")))?;
        let messages = body.get("messages").and_then(Value::as_array);
        let messages = messages.map_or(&[][..], Vec::as_slice);
        let version = incoming
            .headers
            .get("anthropic-version")
            .and_then(|version| version.to_str().ok())
            .unwrap_or_default();
        let request = Self { body, messages, model, version };
        for rule in RULES {
            rule(&request).map_err(|message| refuse(incoming, 400, &message))?;
        }
        Ok(request)
    }

    fn has(&self, name: &str) -> bool {
        self.body.get(name).is_some_and(|value| !value.is_null())
    }

    /// The `type` of a member that is an object.
    fn kind_of(&self, name: &str) -> Option<&str> {
        self.body.get(name)?.get("type")?.as_str()
    }

    fn message(&self, id: String) -> Message {
        let asked = self.messages.iter().rev().find(|message| role(message) == "user");
        let prompt = asked.map(prompt_of).unwrap_or_default();
        let stop = self.body.get("stop_sequences").and_then(Value::as_array);
        let stop = stop.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        let display = self.body.get("thinking").and_then(|thinking| thinking.get("display"));
        Message {
            citation: self.citation(),
            id,
            input_tokens: self.input_tokens(),
            json: self
                .body
                .get("output_config")
                .and_then(|output| output.pointer("/format/schema").cloned()),
            max_tokens: self.body.get("max_tokens").and_then(Value::as_u64).unwrap_or_default(),
            model: self.model,
            stop: stop.collect(),
            thinks: matches!(self.kind_of("thinking"), Some("adaptive" | "enabled"))
                && display.and_then(Value::as_str) != Some("omitted"),
            tools: self.tools(&prompt),
            prompt,
        }
    }

    /// The whole of the first document that shall be cited. Only plain text has characters to count.
    fn citation(&self) -> Option<Value> {
        let documents =
            self.messages.iter().flat_map(blocks).filter(|block| kind(block) == "document");
        documents.enumerate().find_map(|(index, document)| {
            document.pointer("/citations/enabled").filter(|enabled| **enabled == json!(true))?;
            let text = document.pointer("/source/data").and_then(Value::as_str);
            let text = text.filter(|_| {
                document.pointer("/source/type").and_then(Value::as_str) == Some("text")
            })?;
            Some(json!({
                "type": "char_location",
                "cited_text": text,
                "document_index": index,
                "document_title": document.get("title"),
                "file_id": null,
                "start_char_index": 0,
                "end_char_index": text.chars().count(),
            }))
        })
    }

    fn tools(&self, prompt: &str) -> Vec<String> {
        let tools = self.body.get("tools").and_then(Value::as_array);
        let names: Vec<&str> =
            tools.into_iter().flatten().filter_map(|tool| tool.get("name")?.as_str()).collect();
        let choice = self.body.get("tool_choice");
        let named = choice.and_then(|choice| choice.get("name")).and_then(Value::as_str);
        let asks = self.messages.last().is_some_and(|message| {
            role(message) == "user" && blocks(message).all(|block| kind(block) != "tool_result")
        });
        let demand = match self.kind_of("tool_choice") {
            Some("any") => Demand::Any,
            Some("none") => Demand::Never,
            Some("tool") => Demand::Named(named.unwrap_or_default().to_owned()),
            _ if asks => Demand::Free,
            _ => Demand::Never,
        };
        let mut chosen = chosen_tools(&names, prompt, &demand);
        let single = choice.and_then(|choice| choice.get("disable_parallel_tool_use"));
        if single.and_then(Value::as_bool) == Some(true) {
            chosen.truncate(1);
        }
        chosen
    }

    fn input_tokens(&self) -> u64 {
        let system = match self.body.get("system") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(blocks)) => texts(blocks.iter()),
            Some(_) | None => String::new(),
        };
        let system = if system.is_empty() { 0 } else { MESSAGE_TOKENS + count_tokens(&system) };
        let tools = self.body.get("tools").map(ToString::to_string).unwrap_or_default();
        let of_message = |message: &Value| {
            let of_block = |block: &Value| match kind(block) {
                "text" => block.get("text").and_then(Value::as_str).map_or(0, count_tokens),
                "image" | "document" => IMAGE_TOKENS,
                _ => count_tokens(&block.to_string()),
            };
            let text = message.get("content").and_then(Value::as_str).map_or(0, count_tokens);
            MESSAGE_TOKENS + text + blocks(message).map(of_block).sum::<u64>()
        };
        system + count_tokens(&tools) + self.messages.iter().map(of_message).sum::<u64>()
    }
}

fn limit_within_model(request: &Request<'_>) -> Result<(), String> {
    let (model, most) = (request.model.id, request.model.max_output);
    match request.body.get("max_tokens").and_then(Value::as_u64) {
        Some(got) if got > most => Err(format!(
            "max_tokens: {got} > {most}, which is the maximum allowed number of output tokens for {model}"
        )),
        Some(_) | None => Ok(()),
    }
}

fn sampling_as_the_model_can(request: &Request<'_>) -> Result<(), String> {
    let newest = request.version == NO_SAMPLING_VERSION;
    if request.model.traits.sampling && !newest {
        return Ok(());
    }
    match ["temperature", "top_k", "top_p"].into_iter().find(|name| request.has(name)) {
        Some(name) if newest => Err(format!("{name}: Extra inputs are not permitted")),
        Some(name) => Err(format!("`{name}` is not supported on {}", request.model.id)),
        None => Ok(()),
    }
}

fn tool_choice_needs_tools(request: &Request<'_>) -> Result<(), String> {
    if request.has("tool_choice") && !request.has("tools") {
        return Err("tool_choice: may only be specified while providing tools".to_owned());
    }
    Ok(())
}

fn tool_choice_as_the_model_can(request: &Request<'_>) -> Result<(), String> {
    let forced = matches!(request.kind_of("tool_choice"), Some("any" | "tool"));
    if forced && !request.model.traits.forced_tools {
        return Err(format!(
            "tool_choice: forced tool use is not supported on {}",
            request.model.id
        ));
    }
    Ok(())
}

/// Older models know two roles; newer ones take `system` between turns, not before the first.
fn system_turns_as_the_model_can(request: &Request<'_>) -> Result<(), String> {
    let place = request.messages.iter().position(|message| role(message) == "system");
    match place {
        Some(place) if !request.model.traits.system_turns => Err(format!(
            "messages: Unexpected role \"system\" at messages.{place}. The Messages API accepts a \
            top-level `system` parameter, not \"system\" as an input message role."
        )),
        Some(0) => {
            Err("messages.0.role: the first message must not have the role \"system\"".to_owned())
        }
        Some(_) | None => Ok(()),
    }
}

fn no_prefill_unless_the_model_can(request: &Request<'_>) -> Result<(), String> {
    let ends = request.messages.last().is_some_and(|message| role(message) == "assistant");
    if ends && !request.model.traits.prefill {
        return Err("This model does not support assistant message prefill. \
            The conversation must end with a user message."
            .to_owned());
    }
    Ok(())
}

/// A result must answer a call of the turn before it.
fn tool_results_answer_calls(request: &Request<'_>) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    for (index, message) in request.messages.iter().enumerate() {
        for (place, block) in blocks(message).enumerate() {
            let answered = block.get("tool_use_id").and_then(Value::as_str).unwrap_or_default();
            if kind(block) == "tool_result" && !open.contains(&answered) {
                return Err(format!(
                    "messages.{index}.content.{place}: unexpected `tool_use_id` found in \
                    `tool_result` blocks: {answered}. Each `tool_result` block must have a \
                    corresponding `tool_use` block in the previous message."
                ));
            }
        }
        open = blocks(message)
            .filter(|block| kind(block) == "tool_use")
            .filter_map(|block| block.get("id")?.as_str())
            .collect();
    }
    Ok(())
}

/// The text of a user's turn; where it has only results of tools, theirs.
fn prompt_of(message: &Value) -> String {
    if let Some(text) = message.get("content").and_then(Value::as_str) {
        return text.to_owned();
    }
    let said = texts(blocks(message));
    if !said.is_empty() {
        return said;
    }
    let results = blocks(message).filter_map(|block| match block.get("content")? {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => Some(texts(parts.iter())),
        _ => None,
    });
    results.collect::<Vec<_>>().join("\n")
}

fn texts<'a>(blocks: impl Iterator<Item = &'a Value>) -> String {
    let texts: Vec<&str> = blocks.filter_map(|block| block.get("text")?.as_str()).collect();
    texts.join("\n")
}

fn blocks(message: &Value) -> impl Iterator<Item = &Value> {
    message.get("content").and_then(Value::as_array).into_iter().flatten()
}

fn kind(block: &Value) -> &str {
    block.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}
