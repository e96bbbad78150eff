//! Paths into a reply, as a mapping is saved with them: the path, and after a line end the reply that it is read from.
//!
//! What a path finds was in the reply: nothing is made up.

use de_core::{json, mapping::PayloadMapping};
use serde_json::{Value, json};

use super::{mapping::provider, texts};

pub(super) fn run(input: &[u8]) {
    let Some([path, reply]) = texts::<2>(input) else { return };
    let mapping = json!({
        "endpoint": "/x",
        "body": {"p": "{user_prompt}"},
        "response_mapping": {"text": path, "images": path},
        "error_mapping": {"message": path, "code": path},
    });
    let Ok(mapping) = PayloadMapping::parse(&mapping, &provider()) else { return };
    let reply = json::parse(reply.as_bytes()).unwrap_or_else(|_| usual());
    if let Ok(read) = mapping.reply(200, &[], &reply) {
        for image in &read.images {
            assert!(holds(&reply, image), "{image:?} is not in {reply}");
        }
    }
    let _ = mapping.error(&reply);
}

/// Whether a text stands in a value, or is what one of its numbers or words is written as.
fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| holds(item, text)),
        Value::Object(members) => members.values().any(|member| holds(member, text)),
        Value::String(found) => found == text,
        Value::Null => false,
        Value::Bool(found) => text == if *found { "true" } else { "false" },
        Value::Number(found) => {
            let written = found.to_string();
            written == text
        }
    }
}

/// A reply with all that a path can go through, for an input that has none of its own.
fn usual() -> Value {
    json!({
        "id": "x", "n": 7, "b": true, "nothing": null,
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "one"}, "finish_reason": "stop"},
            {"index": 1, "message": {"role": "assistant", "content": "two"}, "finish_reason": null},
        ],
        "data": [{"url": "https://a.example/1"}, {"url": "https://a.example/2", "b64": ""}],
        "usage": {"input": 1.0, "output": [1, 2, [3]], "": {"a.b": "c", "0": "zero"}},
    })
}
