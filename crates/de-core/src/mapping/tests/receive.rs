use serde_json::{Map, Value, json};

use super::{object, parse};
use crate::mapping::failure::MappedError;
use crate::mapping::reply::ReplyError;
use crate::mapping::stream::{MappedDelta, MappedUsage};
use crate::mapping::variables::Reserved;
use crate::mapping::{PayloadMapping, ReplyKind};

fn reading(members: Value) -> PayloadMapping {
    let mut mapping = object(json!({"endpoint": "/x", "body": {"s": "{stream}"}}));
    mapping.extend(object(members));
    parse(Value::Object(mapping))
}

fn reply(response_mapping: Value, body: &Value) -> Value {
    let mapping = reading(json!({"response_mapping": response_mapping}));
    let headers = [("Character-Cost".to_owned(), "42".to_owned())];
    match mapping.reply(200, &headers, body) {
        Ok(reply) => serde_json::to_value(reply).unwrap(),
        Err(error) => Value::String(error.to_string()),
    }
}

#[test]
fn a_source_is_a_path_a_constant_a_header_or_a_choice() {
    let body = json!({"a": {"b": "x"}, "l": [1, 2], "s": "END", "n": null});
    let mapping = json!({
        "text": "a.b",
        "finish_reason": {"path": "$.s", "map": {"END": "stop"}},
        "model": {"path": "n", "default": "m"},
        "output_tokens": "$.l[*]",
        "cost": 2,
        "status": {"const": "fine"},
        "characters": {"header": "character-cost"},
        "first": ["$.nothing", "$.l[1]"],
        "odd": {"path": "s", "map": {"START": "go"}},
        "told": {"path": "s", "default": "START"},
        "absent": "$.gone"
    });
    let expected = json!({
        "text": "x", "finish_reason": "stop", "model": "m", "output_tokens": 3, "cost": 2.0,
        "status": "fine",
        "metadata": {"characters": "42", "first": 2, "odd": "END", "told": "END"}
    });
    assert_eq!(reply(mapping, &body), expected);
    assert_eq!(
        reply(json!({"text": "a"}), &body),
        json!("text should be text, the reply has an object")
    );
}

#[test]
fn a_status_that_is_no_success_is_no_reply() {
    let mapping = reading(json!({}));
    assert_eq!(mapping.reply(429, &[], &Value::Null), Err(ReplyError::Status { status: 429 }));
}

#[test]
fn an_error_body_tells_message_code_and_what_the_code_means() {
    let mapping = reading(json!({"error_mapping": {
        "message": ["$.detail.message", "$.detail[*].msg"],
        "code": ["$.detail.code", "$.detail.status"],
        "retry_on": ["busy", 7], "refusal_on": ["unsafe"]
    }}));
    let error = |body: Value| mapping.error(&body);
    let expected = MappedError {
        message: Some("m".into()),
        code: Some("busy".into()),
        retry: true,
        refusal: false,
    };
    assert_eq!(error(json!({"detail": {"message": "m", "status": "busy"}})), expected);
    assert!(error(json!({"detail": {"code": 7}})).retry);
    assert!(error(json!({"detail": {"code": "unsafe"}})).refusal);
    let list = json!({"detail": [{"msg": "field required"}, {"msg": "more"}]});
    assert_eq!(error(list).message.as_deref(), Some("field required"));
    assert_eq!(error(json!("<html>")), MappedError::default());
}

#[test]
fn events_give_text_counts_and_an_end() {
    let mapping = reading(json!({"response": {"kind": "sse", "done": "[DONE]", "events": [
        {"delta": "$.choices[0].delta.content"},
        {"usage": {"input_tokens": "$.usage.prompt_tokens", "output_tokens": "$.usage.completion_tokens"}},
        {"finish": "$.choices[0].finish_reason"},
        {"when": {"path": "$.error"}, "error": true}
    ]}, "error_mapping": {"message": "$.error.message"}}));
    let event = |data: Value| mapping.event(&data.to_string()).unwrap();
    let chunk =
        json!({"choices": [{"delta": {"content": "Hi"}, "finish_reason": null}], "usage": null});
    assert_eq!(event(chunk), [MappedDelta::Text("Hi".into())]);
    let first = json!({"choices": [{"delta": {"content": "", "role": "assistant"}}]});
    assert_eq!(event(first), []);
    let last = json!({"choices": [{"delta": {}, "finish_reason": "stop"}]});
    assert_eq!(event(last), [MappedDelta::Finish("stop".into())]);
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 0}});
    let counts =
        MappedUsage { input_tokens: Some(9), output_tokens: Some(0), ..MappedUsage::default() };
    assert_eq!(event(usage), [MappedDelta::Usage(counts)]);
    assert_eq!(mapping.event(" [DONE]").unwrap(), [MappedDelta::Done]);
    let error = MappedError { message: Some("cut".into()), ..MappedError::default() };
    assert_eq!(event(json!({"error": {"message": "cut"}})), [MappedDelta::Error(error)]);
    assert!(matches!(mapping.event("{"), Err(ReplyError::EventNotJson { .. })));
}

#[test]
fn a_condition_compares_types_and_may_end_the_stream() {
    let mapping = reading(json!({"response": {"kind": "sse",
        "done": {"path": "$.type", "equals": "message_stop"},
        "events": [{"when": {"path": "$.type", "in": ["delta", "more"]}, "delta": "$.delta.text"}]
    }}));
    let event = |data: Value| mapping.event(&data.to_string()).unwrap();
    let delta = json!({"type": "delta", "delta": {"text": "a"}});
    assert_eq!(event(delta), [MappedDelta::Text("a".into())]);
    assert_eq!(event(json!({"type": "ping", "delta": {"text": "a"}})), []);
    assert_eq!(event(json!({"type": "message_stop"})), [MappedDelta::Done]);
}

#[test]
fn a_stream_comes_only_where_it_was_asked_for() {
    let mapping = reading(json!({"response": {"kind": "sse", "events": []}}));
    let kind = |stream| {
        let reserved = Reserved { stream, ..Reserved::default() };
        mapping.reply_kind(&mapping.variables(reserved, &Map::new()).unwrap().0)
    };
    assert_eq!(kind(Some(true)), ReplyKind::Sse);
    assert_eq!(kind(Some(false)), ReplyKind::Json);
    assert_eq!(kind(None), ReplyKind::Json);
}

#[test]
fn examples_hold_or_say_where_they_do_not() {
    let mapping = |request: Value, output: Value| {
        parse(json!({
            "endpoint": "/chat", "body": {"p": "{user_prompt}", "n": "{n}"},
            "response_mapping": {"text": "$.t", "seed": "$.s"},
            "examples": [{
                "name": "one", "input": {"user_prompt": "hi", "n": 1},
                "request": request, "response": {"t": "x", "s": 1}, "output": output
            }]
        }))
        .check_examples()
    };
    let request = json!({"method": "POST", "url": "/chat", "body": {"p": "hi", "n": 1.0},
        "headers": {"content-type": "application/json"}});
    let output = json!({"text": "x", "metadata": {"seed": 1}});
    assert_eq!(mapping(request, output), []);
    let request = json!({"url": "/talk", "body": {"p": "ho", "m": 1}});
    let output = json!({"text": "x", "metadata": {"seed": "1"}});
    let issues = serde_json::to_value(mapping(request, output)).unwrap();
    let reason = [
        "request/url: expected \"/talk\", is \"/chat\"",
        "request/body/p: expected \"ho\", is \"hi\"",
        "request/body/m: expected 1, is absent",
        "request/body/n: expected nothing, is 1",
        "output/metadata/seed: expected \"1\", is 1",
    ]
    .join("\n");
    assert_eq!(issues, json!([{"pointer": "/examples/0", "reason": reason}]));
}
