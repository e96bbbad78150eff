//! `POST /responses` at OpenAI: reads the request as strictly as the vendor does.
//!
//! What it understood is an [`Asked`], which `openai_responses_reply` answers; what is kept of answers is
//! in `openai_responses_store`. Tools of the vendor's own, background, conversations and saved prompts are
//! refused as not simulated. Follows <https://platform.openai.com/docs/api-reference/responses>.

mod rules;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::answer::{Demand, chosen_tools};
use crate::endpoint::{Incoming, Plan, Reply};
use crate::models::{Model, ModelKind};
use crate::openai_errors::{self, refuse};
use crate::openai_responses_reply;
use crate::openai_responses_store::Stored;
use crate::schema::{self, Finding, Problem, Segment, openai_responses as tables};
use crate::tokens::{IMAGE_TOKENS, MESSAGE_TOKENS, count_tokens};

/// A request that was understood.
pub(crate) struct Asked {
    /// The caller's body, of which a reply repeats most.
    pub(crate) body: Map<String, Value>,
    /// Whether reasoning comes with what only the vendor can read.
    pub(crate) encrypted: bool,
    pub(crate) id: String,
    /// The items of this turn, as a list of them shows them.
    pub(crate) input: Vec<Value>,
    pub(crate) input_tokens: u64,
    /// The schema of a JSON answer; null if any JSON will do; absent for text.
    pub(crate) json: Option<Value>,
    pub(crate) logprobs: bool,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) model: &'static Model,
    pub(crate) obfuscate: bool,
    pub(crate) prompt: String,
    /// Whether it thinks before it answers, and whether a summary of that is told.
    pub(crate) reasons: Option<Summary>,
    pub(crate) store: bool,
    /// The tools that the answer calls instead of saying something.
    pub(crate) tools: Vec<String>,
}

/// Whether a summary of the thoughts is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Summary {
    Hidden,
    Told,
}

struct Request<'a> {
    body: &'a Map<String, Value>,
    /// The items of the turns before this one and of this one.
    items: Vec<Value>,
    model: &'static Model,
}

/// The words behind which what only the vendor can read is hidden, with the id of the item in it.
pub(crate) const SEALED: &str = "gAAAAABsim-";

/// `POST /v1/responses`.
pub(crate) fn create(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    openai_errors::authenticate(incoming)?;
    let body = openai_errors::object(incoming)?;
    openai_errors::check(incoming, &body, tables::RESPONSES)?;
    let own = items(&body, &incoming.made_id("msg_in_"));
    for (index, item) in own.iter().enumerate() {
        check_item(index, item).map_err(|finding| openai_errors::misfit(&finding))?;
    }
    let model = openai_errors::model(incoming, ModelKind::Text, &body)?;
    let mut items = before(incoming, &body)?;
    items.extend(own.iter().cloned());
    let items = resolved(incoming, items)?;
    let request = Request { body: &body, items, model };
    for rule in rules::RULES {
        rule(&request)?;
    }
    let stream = flag(&body, "stream").unwrap_or(false);
    let asked = request.asked(incoming.made_id("resp_"), own);
    let kept = Arc::clone(incoming.responses);
    Ok(Plan {
        prompt: asked.prompt.clone(),
        stream,
        answer: Box::new(move |script| {
            let answered = openai_responses_reply::Answered::to(&asked, script);
            if asked.store {
                kept.keep(Stored {
                    all: [request_items(&asked, &kept), asked.input.clone(), answered.items()]
                        .concat(),
                    id: asked.id.clone(),
                    input: asked.input.clone(),
                    response: answered.response(&asked),
                });
            }
            answered.reply(&asked, stream)
        }),
    })
}

/// The items of the turns before, for what follows this one.
fn request_items(asked: &Asked, kept: &crate::openai_responses_store::Responses) -> Vec<Value> {
    let before = asked.body.get("previous_response_id").and_then(Value::as_str);
    before.and_then(|id| kept.with(id, |stored| stored.all.clone())).unwrap_or_default()
}

/// The input as items; a text is one message.
fn items(body: &Map<String, Value>, id: &str) -> Vec<Value> {
    match body.get("input") {
        Some(Value::String(text)) => vec![json!({
            "id": id,
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{ "type": "input_text", "text": text }],
        })],
        Some(Value::Array(items)) => items.clone(),
        Some(_) | None => Vec::new(),
    }
}

fn kind_of(item: &Value) -> &str {
    match item.get("type").and_then(Value::as_str) {
        Some(kind) => kind,
        None if item.get("role").is_none() && item.get("id").is_some() => "item_reference",
        None => "message",
    }
}

fn check_item(index: usize, item: &Value) -> Result<(), Finding> {
    let at = |mut finding: Finding| {
        finding.path.splice(0..0, [Segment::Key("input".to_owned()), Segment::Index(index)]);
        finding
    };
    let choice = |name: &str, allowed: &[&'static str], got: &str| {
        let path = vec![Segment::Key(name.to_owned())];
        at(Finding {
            path,
            problem: Problem::Choice { allowed: allowed.to_vec(), got: got.to_owned() },
        })
    };
    let Some(object) = item.as_object() else { return Ok(()) };
    let (kind, role) = (kind_of(item), item.get("role").and_then(Value::as_str).unwrap_or("user"));
    if kind == "message" && !tables::ROLES.contains(&role) {
        return Err(choice("role", tables::ROLES, role));
    }
    let Some(fields) = tables::item(kind, role) else {
        return Err(choice("type", tables::ITEMS, kind));
    };
    schema::check(object, fields).map_err(at)
}

/// The items up to the response that the caller goes on from.
fn before(incoming: &Incoming<'_>, body: &Map<String, Value>) -> Result<Vec<Value>, Reply> {
    let Some(id) = body.get("previous_response_id").and_then(Value::as_str) else {
        return Ok(Vec::new());
    };
    incoming.responses.with(id, |stored| stored.all.clone()).ok_or_else(|| {
        let message = format!("Previous response with id '{id}' not found.");
        refuse(400, Some("previous_response_not_found"), Some("previous_response_id"), &message)
    })
}

/// Puts what was kept in the place of what is only named, and refuses what nobody kept.
fn resolved(incoming: &Incoming<'_>, items: Vec<Value>) -> Result<Vec<Value>, Reply> {
    let mut found = Vec::with_capacity(items.len());
    for item in items {
        let id = item.get("id").and_then(Value::as_str).unwrap_or_default();
        let sealed = item.get("encrypted_content").and_then(Value::as_str);
        let named = kind_of(&item) == "item_reference";
        if !named && (kind_of(&item) != "reasoning" || sealed == Some(&format!("{SEALED}{id}"))) {
            found.push(item);
            continue;
        }
        if sealed.is_some() {
            let message = format!(
                "The encrypted content for item {id} could not be verified. Reason: Encrypted content \
                item_id did not match the target item id."
            );
            return Err(refuse(400, Some("invalid_encrypted_content"), None, &message));
        }
        found.push(incoming.responses.item(id).ok_or_else(|| {
            let message = format!(
                "Item with id '{id}' not found. Items are not persisted when `store` is set to false. \
                Try again with `store` set to true, or remove this item from your input."
            );
            refuse(404, None, Some("input"), &message)
        })?);
    }
    Ok(found)
}

impl Request<'_> {
    fn has(&self, name: &str) -> bool {
        self.body.get(name).is_some_and(|value| !value.is_null())
    }

    fn includes(&self, what: &str) -> bool {
        let includes = self.body.get("include").and_then(Value::as_array);
        includes.into_iter().flatten().any(|word| word == what)
    }

    fn reasoning(&self, name: &str) -> Option<&str> {
        self.body.get("reasoning")?.get(name)?.as_str()
    }

    fn asked(&self, id: String, input: Vec<Value>) -> Asked {
        let body = self.body;
        let prompt = self.items.iter().rev().find_map(said_to_it).unwrap_or_default();
        let thinks = self.has("reasoning") && self.reasoning("effort") != Some("none");
        let summary =
            if self.reasoning("summary").is_some() { Summary::Told } else { Summary::Hidden };
        let option =
            body.get("stream_options").and_then(|options| options.get("include_obfuscation"));
        Asked {
            body: body.clone(),
            encrypted: self.includes("reasoning.encrypted_content"),
            id,
            input: input.into_iter().enumerate().map(|(index, item)| listed(index, item)).collect(),
            input_tokens: self.input_tokens(),
            json: json_format(body),
            logprobs: self.includes("message.output_text.logprobs"),
            max_tokens: body.get("max_output_tokens").and_then(Value::as_u64),
            model: self.model,
            obfuscate: option.and_then(Value::as_bool).unwrap_or(true),
            reasons: thinks.then_some(summary),
            store: flag(body, "store").unwrap_or(true),
            tools: self.tools(&prompt),
            prompt,
        }
    }

    fn input_tokens(&self) -> u64 {
        let instructions = self.body.get("instructions").and_then(Value::as_str);
        let instructions = instructions.map_or(0, |text| MESSAGE_TOKENS + count_tokens(text));
        let tools =
            self.body.get("tools").and_then(Value::as_array).filter(|tools| !tools.is_empty());
        let tools = tools.map(|tools| json!(tools).to_string()).unwrap_or_default();
        let of_item = |item: &Value| {
            let parts = |name: &str| {
                item.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice)
            };
            let pictures = [parts("content"), parts("output")].concat();
            let pictures = pictures.iter().filter(|part| part.get("text").is_none()).count() as u64;
            let of_call = item.get("arguments").and_then(Value::as_str).unwrap_or_default();
            let texts =
                [text_of(item.get("content")), text_of(item.get("output")), of_call.to_owned()];
            let texts: u64 = texts.iter().map(|text| count_tokens(text)).sum();
            MESSAGE_TOKENS + texts + pictures * IMAGE_TOKENS
        };
        instructions + self.items.iter().map(of_item).sum::<u64>() + count_tokens(&tools)
    }

    fn tools(&self, prompt: &str) -> Vec<String> {
        let tools = self.body.get("tools").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let names: Vec<&str> = tools.iter().filter_map(|tool| tool.get("name")?.as_str()).collect();
        let asks = self.items.last().is_some_and(|item| kind_of(item) == "message");
        let demand = match self.body.get("tool_choice") {
            Some(Value::String(choice)) if choice == "none" => Demand::Never,
            Some(Value::String(choice)) if choice == "required" => Demand::Any,
            Some(Value::Object(choice)) if choice.get("type") == Some(&json!("function")) => {
                let name = choice.get("name").and_then(Value::as_str);
                name.map_or(Demand::Any, |name| Demand::Named(name.to_owned()))
            }
            _ if asks => Demand::Free,
            _ => Demand::Never,
        };
        let mut tools = chosen_tools(&names, prompt, &demand);
        if flag(self.body, "parallel_tool_calls") == Some(false) {
            tools.truncate(1);
        }
        tools
    }
}

/// The text of a user's message or of what a tool said.
fn said_to_it(item: &Value) -> Option<String> {
    match (kind_of(item), item.get("role").and_then(Value::as_str)) {
        ("message", Some("user")) => Some(text_of(item.get("content"))),
        ("function_call_output", _) => Some(text_of(item.get("output"))),
        _ => None,
    }
}

/// An item as a list of the input shows it: with an id, a type and a status, and content in parts.
fn listed(index: usize, item: Value) -> Value {
    let (kind, role) = (kind_of(&item).to_owned(), item.get("role").cloned());
    let Value::Object(mut item) = item else { return item };
    item.entry("type").or_insert_with(|| json!(kind));
    let prefix = if kind == "message" { "msg" } else { "item" };
    item.entry("id").or_insert_with(|| json!(format!("{prefix}_in_{index}")));
    if kind != "item_reference" {
        item.entry("status").or_insert_with(|| json!("completed"));
    }
    if let Some(Value::String(text)) = item.get("content").cloned() {
        let part = match role.as_ref().and_then(Value::as_str) {
            Some("assistant") => json!({ "type": "output_text", "text": text, "annotations": [] }),
            _ => json!({ "type": "input_text", "text": text }),
        };
        item.insert("content".to_owned(), json!([part]));
    }
    Value::Object(item)
}

fn json_format(body: &Map<String, Value>) -> Option<Value> {
    let format = body.get("text")?.get("format")?;
    match format.get("type").and_then(Value::as_str) {
        Some("json_object") => Some(Value::Null),
        Some("json_schema") => Some(format.get("schema").cloned().unwrap_or(Value::Null)),
        Some(_) | None => None,
    }
}

fn flag(body: &Map<String, Value>, name: &str) -> Option<bool> {
    body.get(name).and_then(Value::as_bool)
}

/// The text of a content or an output: itself, or its text parts, a line each.
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
