//! The answer to `POST /responses` in events, in the documented order.
//!
//! Follows <https://platform.openai.com/docs/api-reference/responses-streaming>.

use serde_json::{Map, Value, json};

use crate::answer::{Answer, REFUSAL, pieces_of};
use crate::endpoint::Reply;
use crate::openai_responses::Asked;
use crate::openai_responses_reply::{
    Answered, Call, Thought, Turn, begun, logprobs, message, output_text, summary_text,
};

/// Bytes of one part of a call's arguments.
const ARGUMENTS_PIECE: usize = 8;

/// Answers in events.
pub(crate) fn reply(asked: &Asked, answered: &Answered) -> Reply {
    let mut events = Events { obfuscate: asked.obfuscate, output_index: 0, written: Vec::new() };
    let response = Value::Object(begun(asked));
    events.push("response.created", json!({ "response": response }));
    events.push("response.in_progress", json!({ "response": response }));
    if let Some(thought) = &answered.thought {
        events.thought(thought);
    }
    match &answered.turn {
        Turn::Calls(calls) => {
            for call in calls {
                events.call(call);
            }
        }
        Turn::Nothing => {}
        Turn::Refuses { id } => events.refusal(id),
        Turn::Says { answer, id, logprobs } => {
            events.text(answer, id, *logprobs, answered.is_cut())
        }
    }
    let end = if answered.is_cut() { "response.incomplete" } else { "response.completed" };
    events.push(end, json!({ "response": answered.response(asked) }));
    Reply::events(events.written)
}

struct Events {
    obfuscate: bool,
    output_index: u64,
    written: Vec<String>,
}

impl Events {
    fn push(&mut self, kind: &str, members: Value) {
        let mut event = Map::new();
        event.insert("type".to_owned(), json!(kind));
        event.insert("sequence_number".to_owned(), json!(self.written.len()));
        if let Value::Object(members) = members {
            event.extend(members);
        }
        let delta = event.get("delta").and_then(Value::as_str).map(str::len);
        if let Some(length) = delta.filter(|_| self.obfuscate) {
            // Padding to a multiple of 16 hides how long the piece was.
            event.insert("obfuscation".to_owned(), json!("x".repeat(16 - length % 16)));
        }
        self.written.push(format!("event: {kind}\ndata: {}\n\n", Value::Object(event)));
    }

    /// An event about the item with this id.
    fn of_item(&mut self, kind: &str, id: &str, members: Value) {
        let mut event = json!({ "item_id": id, "output_index": self.output_index });
        if let (Some(event), Value::Object(members)) = (event.as_object_mut(), members) {
            event.extend(members);
        }
        self.push(kind, event);
    }

    fn added(&mut self, item: &Value) {
        self.push(
            "response.output_item.added",
            json!({ "output_index": self.output_index, "item": item }),
        );
    }

    fn done(&mut self, item: &Value) {
        self.push(
            "response.output_item.done",
            json!({ "output_index": self.output_index, "item": item }),
        );
        self.output_index += 1;
    }

    fn thought(&mut self, thought: &Thought) {
        let id = thought.id.as_str();
        self.added(&json!({ "id": id, "type": "reasoning", "summary": [] }));
        if let Some(text) = thought.summary {
            let at = |members: Value| {
                let mut members = members;
                if let Some(members) = members.as_object_mut() {
                    members.insert("summary_index".to_owned(), json!(0));
                }
                members
            };
            self.of_item(
                "response.reasoning_summary_part.added",
                id,
                at(json!({ "part": summary_text("") })),
            );
            for piece in text.split_inclusive(' ') {
                self.of_item(
                    "response.reasoning_summary_text.delta",
                    id,
                    at(json!({ "delta": piece })),
                );
            }
            self.of_item("response.reasoning_summary_text.done", id, at(json!({ "text": text })));
            self.of_item(
                "response.reasoning_summary_part.done",
                id,
                at(json!({ "part": summary_text(text) })),
            );
        }
        self.done(&thought.item());
    }

    fn call(&mut self, call: &Call) {
        self.added(&call.item("", "in_progress"));
        for piece in pieces_of(&call.arguments, ARGUMENTS_PIECE) {
            self.of_item(
                "response.function_call_arguments.delta",
                &call.id,
                json!({ "delta": piece }),
            );
        }
        let whole = json!({ "arguments": call.arguments });
        self.of_item("response.function_call_arguments.done", &call.id, whole);
        self.done(&call.item(&call.arguments, "completed"));
    }

    fn refusal(&mut self, id: &str) {
        let part = |text: &str| json!({ "type": "refusal", "refusal": text });
        self.added(&message(id, "in_progress", &json!([])));
        self.of_item(
            "response.content_part.added",
            id,
            json!({ "content_index": 0, "part": part("") }),
        );
        for piece in REFUSAL.split_inclusive(' ') {
            self.of_item(
                "response.refusal.delta",
                id,
                json!({ "content_index": 0, "delta": piece }),
            );
        }
        self.of_item(
            "response.refusal.done",
            id,
            json!({ "content_index": 0, "refusal": REFUSAL }),
        );
        self.of_item(
            "response.content_part.done",
            id,
            json!({ "content_index": 0, "part": part(REFUSAL) }),
        );
        self.done(&message(id, "completed", &json!([part(REFUSAL)])));
    }

    fn text(&mut self, answer: &Answer, id: &str, told: bool, cut: bool) {
        let probabilities = |pieces: &[String]| {
            if told { logprobs(pieces.iter()) } else { json!([]) }
        };
        self.added(&message(id, "in_progress", &json!([])));
        let empty = output_text("", json!([]));
        self.of_item(
            "response.content_part.added",
            id,
            json!({ "content_index": 0, "part": empty }),
        );
        for piece in &answer.pieces {
            let tokens = probabilities(std::slice::from_ref(piece));
            let members = json!({ "content_index": 0, "delta": piece, "logprobs": tokens });
            self.of_item("response.output_text.delta", id, members);
        }
        let (text, tokens) = (answer.text(), probabilities(&answer.pieces));
        let members = json!({ "content_index": 0, "text": text, "logprobs": tokens });
        self.of_item("response.output_text.done", id, members);
        let part = output_text(&text, tokens);
        self.of_item("response.content_part.done", id, json!({ "content_index": 0, "part": part }));
        let status = if cut { "incomplete" } else { "completed" };
        self.done(&message(id, status, &json!([part])));
    }
}
