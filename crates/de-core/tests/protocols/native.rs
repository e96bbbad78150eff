//! Our own protocol for text.

use de_core::{
    chat::{Message, Part, Role},
    protocols::{
        DialectStream, FieldIssue, StreamFailure,
        native::{GenerateRequest, NativeStream, native_issue},
    },
};
use serde_json::{Value, json};

use super::{OPENAI, SPEAKERS, deltas, events, json as parse, lines, target, written};

fn issues(body: Value) -> Vec<String> {
    lines(&GenerateRequest::parse(&body).unwrap_err())
}

fn text(role: Role, text: &str) -> Message {
    Message { parts: vec![Part::Text(text.to_owned())], role }
}

#[test]
fn a_request_is_read() {
    let request = GenerateRequest::parse(&json!({
        "prompt": "Hello world", "model_id": "gpt-4o-mini", "model": "gpt-4o-mini", "system": "Be brief.",
        "instance_id": "inst_1", "project_id": null, "stream": true,
        "options": {"max_tokens": 5, "temperature": 0, "top_p": 0, "stop": "END", "seed": 0, "reasoning_effort": "low", "top_k": 1},
    }))
    .unwrap();
    assert_eq!(request.model_id.as_deref(), Some("gpt-4o-mini"));
    assert_eq!((request.instance_id.as_deref(), request.project_id), (Some("inst_1"), None));
    let call = request.call;
    assert_eq!(call.messages, [text(Role::User, "Hello world")]);
    assert_eq!((call.system, call.stop), (vec!["Be brief.".into()], vec!["END".to_owned()]));
    assert_eq!(
        (call.temperature, call.top_p, call.seed, call.max_output_tokens),
        (Some(0.0), Some(0.0), Some(0), Some(5))
    );
    assert!(call.stream);
}

#[test]
fn a_conversation_is_read() {
    let request = GenerateRequest::parse(&json!({"system": "One.", "messages": [
        {"role": "user", "content": "a"}, {"role": "system", "content": "Two."}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"},
    ]}))
    .unwrap();
    assert_eq!(request.model_id, None);
    assert_eq!(request.call.system, ["One.".into(), "Two.".into()]);
    assert_eq!(
        request.call.messages,
        [text(Role::User, "a"), text(Role::Assistant, "b"), text(Role::User, "c")]
    );
}

#[test]
fn zero_reaches_the_vendor_as_zero() {
    let request =
        GenerateRequest::parse(&json!({"prompt": "x", "options": {"temperature": 0, "top_p": 0}}))
            .unwrap();
    for speaker in SPEAKERS {
        let body: Value =
            serde_json::from_slice(&speaker.vendor.request(&request.call, &target()).unwrap().body)
                .unwrap();
        let settings = body.get("generationConfig").unwrap_or(&body);
        let top_p = settings.get("topP").or(settings.get("top_p"));
        assert_eq!(
            (settings.get("temperature"), top_p),
            (Some(&json!(0.0)), Some(&json!(0.0))),
            "{}",
            speaker.name
        );
    }
}

#[test]
fn every_fault_is_named() {
    assert_eq!(issues(json!({})), ["/prompt: required, unless there are messages"]);
    assert_eq!(issues(json!(null)), [": expected an object, got null"]);
    assert_eq!(issues(json!({"prompt": " \n"})), ["/prompt: must not be blank"]);
    assert_eq!(
        issues(json!({"prompt": "x", "messages": [{"role": "user", "content": "x"}]})),
        ["/messages: give prompt or messages, not both"]
    );
    assert_eq!(
        issues(json!({"messages": []})),
        ["/messages: expected at least one message of a user"]
    );
    assert_eq!(
        issues(json!({"prompt": "x", "model_id": "a", "model": "b"})),
        ["/model: names another model than model_id"]
    );
    let mut found = issues(json!({
        "prompt": 1, "temperature": 1, "model": "", "stream": "true", "a/b": 1,
        "options": {"max_tokens": 0, "temperature": "0", "top_p": 2, "prompt": "other", "stop": {}, "reasoning_effort": "huge"},
    }));
    found.sort();
    let options = "unknown; there are frequency_penalty, max_tokens, presence_penalty, \
         reasoning_effort, seed, stop, temperature, top_k, top_p";
    let fields = "unknown; there are expect_json, instance_id, messages, model, model_id, options, project_id, \
         prompt, stream, system";
    assert_eq!(
        found,
        [
            &format!("/a~1b: {fields}"),
            "/model: must not be blank",
            "/options/max_tokens: expected a whole number of at least 1, got 0",
            &format!("/options/prompt: {options}"),
            "/options/reasoning_effort: expected one of none, minimal, low, medium, high, xhigh, max",
            "/options/stop: expected a string or a list of strings, got an object",
            "/options/temperature: expected a number from 0 to 2, got a string",
            "/options/top_p: expected a number from 0 to 1, got 2",
            "/prompt: expected a string, got a number",
            "/stream: expected a boolean, got a string",
            &format!("/temperature: {fields}"),
        ]
    );
    assert_eq!(
        issues(json!({"messages": [{"role": "tool", "content": ["x"], "name": "n"}]})),
        [
            "/messages/0/name: unknown; there are content, role",
            "/messages/0/content: expected a string, got a list",
            "/messages/0/role: expected one of user, assistant, system",
        ]
    );
}

#[test]
fn issues_of_vendors_point_at_the_native_field() {
    let issue = |pointer: &str| {
        native_issue(FieldIssue { pointer: pointer.to_owned(), reason: String::new() }).pointer
    };
    assert_eq!(
        (issue("/seed"), issue("/messages"), issue("")),
        ("/options/seed".to_owned(), "/messages".to_owned(), String::new())
    );
}

#[test]
fn a_stream_ends_with_one_last_frame() {
    for speaker in SPEAKERS {
        let stream = written(
            Box::new(NativeStream::new("r-1".to_owned())),
            &deltas(speaker.vendor, speaker.stream),
        );
        let (kept, total) = (speaker.usage.cache_write_tokens, speaker.usage.total_tokens());
        assert_eq!(
            events(&stream),
            [
                json!({"text": "Grü", "done": false, "request_id": "r-1"}),
                json!({"text": "ße, 🌍!", "done": false, "request_id": "r-1"}),
                json!({"text": "", "done": true, "finish_reason": "stop", "usage": {
                "input_tokens": 13, "cached_input_tokens": 4, "cache_write_tokens": kept, "output_tokens": 10, "reasoning_tokens": 3, "total_tokens": total,
            }, "request_id": "r-1"}),
            ],
            "{}",
            speaker.name
        );
    }
    let stream = written(
        Box::new(NativeStream::new("r-1".to_owned())),
        &deltas(OPENAI.vendor, OPENAI.stream_tools),
    );
    assert_eq!(events(&stream)[0]["finish_reason"], "tool_calls");
}

#[test]
fn a_failure_is_an_error_event() {
    let failure =
        StreamFailure { code: "PROVIDER_ERROR", message: "broken".to_owned(), status: 502 };
    let bytes = NativeStream::new("r-1".to_owned()).fail(&failure);
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let data = text.strip_prefix("event: error\ndata: ").unwrap().trim_end();
    assert_eq!(
        parse(data),
        json!({"error": "broken", "error_code": "PROVIDER_ERROR", "request_id": "r-1", "done": true})
    );
}
