//! The answer to `POST /responses`: a `response`, whole or at the end of its events.

use serde_json::{Map, Value, json};

use crate::answer::{Answer, Bounds, End, REFUSAL};
use crate::endpoint::{CREATED, Reply};
use crate::faults::Script;
use crate::openai_responses::{Asked, SEALED, Summary};
use crate::openai_responses_stream;
use crate::tokens::count_tokens;

/// The summary of what the model thinks, when it is asked to think.
pub(crate) const THOUGHT: &str = "The user said something. I will say it back.";

/// What the model does.
pub(crate) struct Answered {
    /// The id of the item of its thoughts, what they cost in tokens, and whether they are told.
    pub(crate) thought: Option<Thought>,
    pub(crate) turn: Turn,
    output_tokens: u64,
}

/// What it thinks before.
pub(crate) struct Thought {
    pub(crate) encrypted: Option<String>,
    pub(crate) id: String,
    pub(crate) summary: Option<&'static str>,
}

/// What it does then.
pub(crate) enum Turn {
    Calls(Vec<Call>),
    /// Nothing: the limit was met while it thought.
    Nothing,
    /// Declines in the words of [`REFUSAL`].
    Refuses {
        id: String,
    },
    Says {
        answer: Answer,
        id: String,
        logprobs: bool,
    },
}

/// A call of a tool.
pub(crate) struct Call {
    pub(crate) arguments: String,
    pub(crate) call_id: String,
    pub(crate) id: String,
    pub(crate) name: String,
}

impl Answered {
    /// Decides what the model does.
    pub(crate) fn to(asked: &Asked, script: &Script) -> Self {
        let number = asked.id.trim_start_matches("resp_");
        let thought = asked.reasons.map(|summary| {
            let id = format!("rs_{number}");
            Thought {
                encrypted: asked.encrypted.then(|| format!("{SEALED}{id}")),
                summary: (summary == Summary::Told).then_some(THOUGHT),
                id,
            }
        });
        let thinking = if thought.is_some() { count_tokens(THOUGHT) } else { 0 };
        let left = asked.max_tokens.map(|most| most.saturating_sub(thinking));
        let id = format!("msg_{number}");
        let turn = if script.refuse {
            Turn::Refuses { id }
        } else if !asked.tools.is_empty() {
            let call = |(index, name): (usize, &String)| Call {
                arguments: json!({ "input": asked.prompt }).to_string(),
                call_id: format!("call_{number}_{index}"),
                id: format!("fc_{number}_{index}"),
                name: name.clone(),
            };
            Turn::Calls(asked.tools.iter().enumerate().map(call).collect())
        } else if left == Some(0) {
            Turn::Nothing
        } else {
            let bounds = Bounds { json: asked.json.as_ref(), max_tokens: left, stop: &[] };
            Turn::Says {
                answer: Answer::to(&asked.prompt, script, &bounds),
                id,
                logprobs: asked.logprobs,
            }
        };
        let said = match &turn {
            Turn::Calls(calls) => calls
                .iter()
                .map(|call| count_tokens(&call.name) + count_tokens(&call.arguments))
                .sum(),
            Turn::Nothing => 0,
            Turn::Refuses { .. } => count_tokens(REFUSAL),
            Turn::Says { answer, .. } => answer.tokens(),
        };
        Self { output_tokens: thinking + said, thought, turn }
    }

    /// The reply, in one piece or in events.
    pub(crate) fn reply(&self, asked: &Asked, stream: bool) -> Reply {
        if stream {
            return openai_responses_stream::reply(asked, self);
        }
        Reply::json(200, &self.response(asked))
    }

    /// Whether the limit ended it.
    pub(crate) fn is_cut(&self) -> bool {
        match &self.turn {
            Turn::Calls(_) | Turn::Refuses { .. } => false,
            Turn::Nothing => true,
            Turn::Says { answer, .. } => answer.end == End::Cut,
        }
    }

    /// The items of the answer.
    pub(crate) fn items(&self) -> Vec<Value> {
        let status = if self.is_cut() { "incomplete" } else { "completed" };
        let mut items: Vec<Value> = self.thought.iter().map(Thought::item).collect();
        match &self.turn {
            Turn::Calls(calls) => {
                items.extend(calls.iter().map(|call| call.item(&call.arguments, "completed")))
            }
            Turn::Nothing => {}
            Turn::Refuses { id } => {
                items.push(message(
                    id,
                    "completed",
                    &json!([{ "type": "refusal", "refusal": REFUSAL }]),
                ));
            }
            Turn::Says { answer, id, logprobs } => {
                let probabilities =
                    if *logprobs { self::logprobs(answer.pieces.iter()) } else { json!([]) };
                let part = output_text(&answer.text(), probabilities);
                items.push(message(id, status, &json!([part])));
            }
        }
        items
    }

    /// The whole `response` at its end.
    pub(crate) fn response(&self, asked: &Asked) -> Value {
        let mut response = begun(asked);
        let (status, details) = if self.is_cut() {
            ("incomplete", json!({ "reason": "max_output_tokens" }))
        } else {
            ("completed", Value::Null)
        };
        let reasoning_tokens = if self.thought.is_some() { count_tokens(THOUGHT) } else { 0 };
        let ended = json!({
            "status": status,
            "completed_at": if self.is_cut() { Value::Null } else { json!(CREATED) },
            "incomplete_details": details,
            "output": self.items(),
            "usage": {
                "input_tokens": asked.input_tokens,
                "input_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0 },
                "output_tokens": self.output_tokens,
                "output_tokens_details": { "reasoning_tokens": reasoning_tokens },
                "total_tokens": asked.input_tokens + self.output_tokens,
            },
        });
        if let Value::Object(ended) = ended {
            response.extend(ended);
        }
        Value::Object(response)
    }
}

impl Thought {
    /// The item, whole.
    pub(crate) fn item(&self) -> Value {
        let summary: Vec<Value> = self.summary.iter().map(|text| summary_text(text)).collect();
        let mut item = json!({ "id": self.id, "type": "reasoning", "summary": summary });
        if let (Some(item), Some(sealed)) = (item.as_object_mut(), &self.encrypted) {
            item.insert("encrypted_content".to_owned(), json!(sealed));
        }
        item
    }
}

impl Call {
    /// The item with so much of its arguments.
    pub(crate) fn item(&self, arguments: &str, status: &str) -> Value {
        json!({
            "id": self.id,
            "type": "function_call",
            "status": status,
            "arguments": arguments,
            "call_id": self.call_id,
            "name": self.name,
        })
    }
}

/// A response that has begun and said nothing. It repeats the request, with what was left open filled in.
pub(crate) fn begun(asked: &Asked) -> Map<String, Value> {
    let given = |name: &str| asked.body.get(name).filter(|value| !value.is_null()).cloned();
    let or = |name: &str, usual: Value| given(name).unwrap_or(usual);
    let within = |name: &str, inner: &str| given(name).and_then(|value| value.get(inner).cloned());
    let tier = given("service_tier").filter(|tier| tier != "auto");
    let response = json!({
        "id": asked.id,
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "background": false,
        "completed_at": null,
        "error": null,
        "incomplete_details": null,
        "instructions": or("instructions", Value::Null),
        "max_output_tokens": or("max_output_tokens", Value::Null),
        "max_tool_calls": or("max_tool_calls", Value::Null),
        "model": asked.model.snapshot,
        "output": [],
        "parallel_tool_calls": or("parallel_tool_calls", json!(true)),
        "previous_response_id": or("previous_response_id", Value::Null),
        "prompt_cache_key": or("prompt_cache_key", Value::Null),
        "reasoning": { "effort": within("reasoning", "effort"), "summary": within("reasoning", "summary") },
        "safety_identifier": or("safety_identifier", Value::Null),
        "service_tier": tier.unwrap_or_else(|| json!("default")),
        "store": asked.store,
        "temperature": or("temperature", json!(1.0)),
        "text": {
            "format": within("text", "format").unwrap_or_else(|| json!({ "type": "text" })),
            "verbosity": within("text", "verbosity").unwrap_or_else(|| json!("medium")),
        },
        "tool_choice": or("tool_choice", json!("auto")),
        "tools": or("tools", json!([])),
        "top_logprobs": or("top_logprobs", json!(0)),
        "top_p": or("top_p", json!(1.0)),
        "truncation": or("truncation", json!("disabled")),
        "usage": null,
        "user": or("user", Value::Null),
        "metadata": or("metadata", json!({})),
    });
    match response {
        Value::Object(response) => response,
        _ => Map::new(),
    }
}

/// A message with this content.
pub(crate) fn message(id: &str, status: &str, content: &Value) -> Value {
    json!({ "id": id, "type": "message", "status": status, "content": content, "role": "assistant" })
}

/// A part of text.
pub(crate) fn output_text(text: &str, logprobs: Value) -> Value {
    json!({ "type": "output_text", "annotations": [], "logprobs": logprobs, "text": text })
}

/// A part of a summary.
pub(crate) fn summary_text(text: &str) -> Value {
    json!({ "type": "summary_text", "text": text })
}

/// The log probabilities of some pieces: the same for each, since nothing was sampled.
pub(crate) fn logprobs<'a>(pieces: impl Iterator<Item = &'a String>) -> Value {
    let entry = |piece: &String| {
        let bytes: Vec<u8> = piece.bytes().collect();
        json!({ "token": piece, "logprob": -0.1, "bytes": bytes, "top_logprobs": [] })
    };
    pieces.map(entry).collect()
}
