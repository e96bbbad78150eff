//! Items as they are kept between turns, and shown in lists.

use serde_json::{Value, json};

/// The items of an `input`, each with an id, a type and a status, and texts as parts.
///
/// Items that came without an id get one: the prefix that the vendor has for their type, `made`, and where
/// they stand, so that the same input of the same response always has the same ids.
#[must_use]
pub fn listed(input: &Value, made: &str) -> Vec<Value> {
    let items = match input {
        Value::String(text) => vec![json!({"role": "user", "content": text})],
        Value::Array(items) => items.clone(),
        _ => Vec::new(),
    };
    let items = items.into_iter().enumerate();
    items.map(|(index, item)| whole(item, made, index)).collect()
}

fn whole(item: Value, made: &str, index: usize) -> Value {
    let Value::Object(mut item) = item else { return item };
    let kind = item.get("type").and_then(Value::as_str).unwrap_or("message").to_owned();
    let prefix = match kind.as_str() {
        "function_call" => "fc",
        "function_call_output" => "fco",
        "message" => "msg",
        "reasoning" => "rs",
        _ => "item",
    };
    item.insert("type".to_owned(), kind.as_str().into());
    let has = |item: &serde_json::Map<String, Value>, name: &str| {
        item.get(name).is_some_and(|value| !value.is_null())
    };
    // Of the other kinds nobody here knows which ids and members the vendor takes.
    let is_known = prefix != "item";
    if is_known && !has(&item, "id") {
        item.insert("id".to_owned(), format!("{prefix}_{made}_in{index}").into());
    }
    if is_known && kind != "reasoning" && !has(&item, "status") {
        item.insert("status".to_owned(), "completed".into());
    }
    if let ("message", Some(Value::String(text))) = (kind.as_str(), item.get("content")) {
        let part = if item.get("role").and_then(Value::as_str) == Some("assistant") {
            json!({"type": "output_text", "text": text, "annotations": []})
        } else {
            json!({"type": "input_text", "text": text})
        };
        item.insert("content".to_owned(), Value::Array(vec![part]));
    }
    Value::Object(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_whole_and_their_ids_always_the_same() {
        let text = listed(&json!("Hi"), "1");
        let part = json!({"type": "input_text", "text": "Hi"});
        let expected = json!([{
            "role": "user", "content": [part], "type": "message", "id": "msg_1_in0", "status": "completed",
        }]);
        assert_eq!(Value::from(text), expected);
        let input = json!([
            {"role": "assistant", "content": "Yes"},
            {"type": "function_call", "id": "fc_9", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "3"},
            {"type": "reasoning", "id": "rs_1", "summary": []},
        ]);
        let items = listed(&input, "1");
        assert_eq!(items[0]["content"][0]["type"], "output_text");
        let ids: Vec<&str> = items.iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["msg_1_in0", "fc_9", "fco_1_in2", "rs_1"]);
        assert!(items[3].get("status").is_none());
    }
}
