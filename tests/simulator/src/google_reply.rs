//! The reply of a Gemini model that says text, in one piece and as events of the same shape.
//!
//! Follows <https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse>.

use serde_json::{Map, Value, json};

use crate::answer::{Answer, Bounds, End};
use crate::endpoint::Reply;
use crate::faults::Script;
use crate::google_text::Order;
use crate::google_turns::SIGNATURE;
use crate::results::ResultFault;
use crate::tokens::count_tokens;

/// What the model thinks, when it is asked to think.
const THOUGHT: &str = "The user says something, so I say it back.";

/// What a candidate is, in the parts in which it would be streamed.
struct Turn {
    /// For each event its parts, and the tokens whose probabilities it tells.
    events: Vec<(Vec<Value>, Vec<String>)>,
    finish: &'static str,
    /// Why nothing was said, in words.
    message: Option<&'static str>,
    said: u64,
    thoughts: u64,
}

/// Answers in the form that was asked for.
pub(crate) fn reply(order: &Order, script: &Script, stream: bool) -> Reply {
    if script.refuse {
        let mut body = body(order, None);
        body.insert("promptFeedback".to_owned(), json!({ "blockReason": "PROHIBITED_CONTENT" }));
        let body = Value::Object(body);
        return if stream { Reply::events(vec![event(&body)]) } else { Reply::json(200, &body) };
    }
    let turn = Turn::of(order, script);
    if stream { Reply::events(turn.streamed(order)) } else { turn.whole(order) }
}

impl Turn {
    fn of(order: &Order, script: &Script) -> Self {
        let thoughts = if order.thinks { count_tokens(THOUGHT) } else { 0 };
        if script.result.contains(&ResultFault::Unsafe) {
            return Self {
                events: Vec::new(),
                finish: "SAFETY",
                message: Some("The answer was withheld."),
                said: 0,
                thoughts,
            };
        }
        let mut events = Vec::new();
        if order.shows_thoughts {
            let thought = json!({ "text": THOUGHT, "thought": true });
            events.push((vec![thought], Vec::new()));
        }
        let signs = order.thinks || order.model.traits.levels;
        let (said, finish) = if order.tools.is_empty() {
            // What is thought counts against the limit, too.
            let left = order.max_tokens.map(|most| most.saturating_sub(thoughts));
            let bounds = Bounds { json: order.json.as_ref(), max_tokens: left, stop: &order.stop };
            let answer = Answer::to(&order.prompt, script, &bounds);
            let said = answer.tokens();
            let finish = if answer.end == End::Cut { "MAX_TOKENS" } else { "STOP" };
            for piece in answer.pieces {
                events.push((vec![json!({ "text": piece })], vec![piece]));
            }
            if order.thinks && order.model.traits.levels {
                let last = json!({ "text": "", "thoughtSignature": SIGNATURE });
                events.push((vec![last], Vec::new()));
            }
            (said, finish)
        } else {
            let args = json!({ "input": order.prompt });
            let (mut said, mut calls) = (0, Vec::new());
            for (index, name) in order.tools.iter().enumerate() {
                said += count_tokens(name) + count_tokens(&args.to_string());
                let mut call = json!({ "name": name, "args": args });
                // Older models give their calls no ids.
                if let Some(call) = call.as_object_mut().filter(|_| order.model.traits.levels) {
                    call.insert("id".to_owned(), json!(format!("fc_{}_{index}", order.id)));
                }
                let mut part = json!({ "functionCall": call });
                if let Some(part) = part.as_object_mut().filter(|_| signs && index == 0) {
                    part.insert("thoughtSignature".to_owned(), json!(SIGNATURE));
                }
                calls.push(part);
            }
            events.push((calls, Vec::new()));
            (said, "STOP")
        };
        Self { events, finish, message: None, said, thoughts }
    }

    fn whole(&self, order: &Order) -> Reply {
        let pieces = self.events.iter().flat_map(|(parts, _)| parts).cloned();
        let tokens: Vec<&String> = self.events.iter().flat_map(|(_, tokens)| tokens).collect();
        let mut parts: Vec<Value> = Vec::new();
        for piece in pieces {
            join(&mut parts, piece);
        }
        let candidates: Vec<Value> = (0..order.choices)
            .map(|index| self.candidate(order, index, &parts, &tokens, true))
            .collect();
        let mut body = body(order, Some(self));
        body.insert("candidates".to_owned(), json!(candidates));
        Reply::json(200, &Value::Object(body))
    }

    fn streamed(&self, order: &Order) -> Vec<String> {
        let mut events: Vec<String> = Vec::new();
        let last = self.events.len().saturating_sub(1);
        for (place, (parts, tokens)) in self.events.iter().enumerate() {
            let tokens: Vec<&String> = tokens.iter().collect();
            let mut body = body(order, Some(self));
            let candidate = self.candidate(order, 0, parts, &tokens, place == last);
            body.insert("candidates".to_owned(), json!([candidate]));
            if place < last {
                // The totals of what is made come with the last event.
                if let Some(usage) = body.get_mut("usageMetadata").and_then(Value::as_object_mut) {
                    usage.shift_remove("candidatesTokenCount");
                    usage.insert(
                        "totalTokenCount".to_owned(),
                        json!(order.input_tokens + self.thoughts),
                    );
                }
            }
            events.push(event(&Value::Object(body)));
        }
        if events.is_empty() {
            let mut body = body(order, Some(self));
            let candidate = self.candidate(order, 0, &[], &[], true);
            body.insert("candidates".to_owned(), json!([candidate]));
            events.push(event(&Value::Object(body)));
        }
        events
    }

    fn candidate(
        &self,
        order: &Order,
        index: u64,
        parts: &[Value],
        tokens: &[&String],
        ends: bool,
    ) -> Value {
        let mut candidate = Map::new();
        let mut set = |name: &str, value: Value| {
            candidate.insert(name.to_owned(), value);
        };
        if !parts.is_empty() {
            set("content", json!({ "parts": parts, "role": "model" }));
        }
        if ends {
            set("finishReason", json!(self.finish));
            if let Some(message) = self.message {
                set("finishMessage", json!(message));
            }
        }
        set("index", json!(index));
        if let Some(top) = order.logprobs.filter(|_| !tokens.is_empty()) {
            set("avgLogprobs", json!(-0.1));
            set("logprobsResult", logprobs(tokens, top));
        }
        Value::Object(candidate)
    }
}

/// Adds a part, joined to the one before it where both are text of one kind; a seal closes a part.
fn join(parts: &mut Vec<Value>, piece: Value) {
    let text = |part: &Value| part.get("text").and_then(Value::as_str).map(str::to_owned);
    let plain =
        |part: &Value| part.get("thought").is_none() && part.get("thoughtSignature").is_none();
    if piece.get("thought").is_none()
        && let (Some(more), Some(last)) = (text(&piece), parts.last_mut())
        && let Some(whole) = text(last).filter(|_| plain(last))
        && let (Some(last), Value::Object(piece)) = (last.as_object_mut(), &piece)
    {
        last.extend(piece.clone());
        last.insert("text".to_owned(), json!(whole + &more));
        return;
    }
    parts.push(piece);
}

/// The probabilities of some tokens: the same for each, since nothing was sampled.
fn logprobs(tokens: &[&String], top: u64) -> Value {
    let candidate =
        |token: &String| json!({ "token": token, "tokenId": 7, "logProbability": -0.1 });
    let chosen: Vec<Value> = tokens.iter().map(|token| candidate(token)).collect();
    let others: Vec<Value> = tokens
        .iter()
        .map(|token| {
            let all: Vec<Value> = (0..top)
                .map(|place| {
                    let probability = -0.1 - place as f64;
                    json!({ "token": token, "tokenId": 7 + place, "logProbability": probability })
                })
                .collect();
            json!({ "candidates": all })
        })
        .collect();
    json!({ "chosenCandidates": chosen, "topCandidates": others })
}

/// All but the candidates.
fn body(order: &Order, turn: Option<&Turn>) -> Map<String, Value> {
    let mut usage = Map::new();
    let mut set = |name: &str, value: Value| {
        usage.insert(name.to_owned(), value);
    };
    let input = order.input_tokens;
    set("promptTokenCount", json!(input));
    set("promptTokensDetails", json!([{ "modality": "TEXT", "tokenCount": input }]));
    if order.cached_tokens > 0 {
        set("cachedContentTokenCount", json!(order.cached_tokens));
        set(
            "cacheTokensDetails",
            json!([{ "modality": "TEXT", "tokenCount": order.cached_tokens }]),
        );
    }
    let (mut said, mut thoughts) = (0, 0);
    if let Some(turn) = turn {
        said = turn.said * order.choices;
        thoughts = turn.thoughts;
        set("candidatesTokenCount", json!(said));
        if thoughts > 0 {
            set("thoughtsTokenCount", json!(thoughts));
        }
    }
    set("totalTokenCount", json!(input + said + thoughts));
    Map::from_iter([
        ("usageMetadata".to_owned(), Value::Object(usage)),
        ("modelVersion".to_owned(), json!(order.model.snapshot)),
        ("responseId".to_owned(), json!(order.id)),
    ])
}

fn event(body: &Value) -> String {
    format!("data: {body}\n\n")
}
