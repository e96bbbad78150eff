//! Anthropic's messages, where they differ from the others.

use de_core::{
    chat::{Delta, Finish},
    model::OnUnsupported,
    protocols::{
        Dialect, Place, StreamFailure, Target, Vendor,
        anthropic_messages::{AnthropicMessagesDialect, AnthropicMessagesVendor},
        openai_chat::OpenAiChatDialect,
    },
    receipt::Usage,
    sse,
};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::{
    ANTHROPIC, ANTHROPIC_STOP_SEQUENCE, OPENAI, about, deltas, events, json, lines, sent, target,
    written,
};

fn openai(members: Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

#[test]
fn every_fault_of_a_request_is_named() {
    let body = json!({
        "model": "m", "temperature": 1.5, "top_k": -1, "stop_sequences": "x", "system": 3, "tool_choice": {"type": "tool"},
        "tools": [{"name": "f"}], "metadata": {"user_id": 1}, "output_config": {"format": {"type": "json_schema"}},
        "messages": [
            {"role": "tool", "content": "x"},
            {"role": "user"},
            {"role": "user", "content": [{"type": "image", "source": {"type": "base64"}}, {"type": "tool_result"}, {}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": "x"}]},
        ],
    });
    let mut found = lines(&AnthropicMessagesDialect.call(&body).unwrap_err());
    found.sort();
    assert_eq!(
        found,
        [
            "/max_tokens: required",
            "/messages/1/content: required",
            "/messages/2/content/0/source/data: required",
            "/messages/2/content/0/source/media_type: required",
            "/messages/2/content/1/tool_use_id: required",
            "/messages/2/content/2/type: required",
            "/messages/3/content/0/input: expected an object, got a string",
            "/metadata/user_id: expected a string, got a number",
            "/output_config/format/schema: required",
            "/stop_sequences: expected a list, got a string",
            "/system: expected a string or a list of blocks, got a number",
            "/temperature: expected a number from 0 to 1, got 1.5",
            "/tool_choice/name: required",
            "/tools/0/input_schema: required",
            "/top_k: expected a whole number of at least 0, got -1",
        ]
    );
}

#[test]
fn what_has_no_place_is_kept_and_what_matters_is_refused_elsewhere() {
    let body = json!({
        "model": "m", "max_tokens": 0, "thinking": {"type": "adaptive"}, "container": "c",
        "tools": [{"type": "web_search_20250305", "name": "web_search"}],
        "messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "file", "file_id": "f"}}, {"type": "text", "text": "Hi"}]}],
    });
    let (_, call) = AnthropicMessagesDialect.call(&body).unwrap();
    assert_eq!(call.extra.len(), 0);
    assert_eq!(call.reasoning.is_on, Some(true));
    let issues = OPENAI.vendor.request(&call, &target()).unwrap_err();
    let pointers: Vec<_> = issues.iter().map(|issue| issue.pointer.as_str()).collect();
    assert_eq!(pointers, ["/max_tokens", "/tools/0", "/container", "/messages/0/content/0/source"]);
}

#[test]
fn a_request_is_written_as_documented() {
    let body = openai(json!({"temperature": 0, "stop": "END", "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "user", "content": "there"},
        {"role": "assistant", "content": ""},
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": ""},
    ]}));
    assert_eq!(
        sent(&OpenAiChatDialect, &AnthropicMessagesVendor, body.clone()),
        json!({
            "model": "upstream-1",
            "max_tokens": 1024,
            "system": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}],
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": "there"}]}],
            "stop_sequences": ["END"],
            "temperature": 0.0,
        })
    );
    let (_, call) = OpenAiChatDialect.call(&body).unwrap();
    let draft = AnthropicMessagesVendor.request(&call, &target()).unwrap();
    assert_eq!(draft.place, Place::Path("/v1/messages".to_owned()));
    assert_eq!(draft.headers["anthropic-version"], "2023-06-01");
}

#[test]
fn what_the_vendor_cannot_say_is_named() {
    let issues = |members: Value, target: &Target| {
        let (_, call) = OpenAiChatDialect.call(&openai(members)).unwrap();
        AnthropicMessagesVendor
            .request(&call, target)
            .map_err(|issues| lines(&issues))
            .map(|_| ())
            .err()
            .unwrap_or_default()
    };
    let members = json!({
        "temperature": 1.5, "n": 2, "seed": 1, "frequency_penalty": 0.5, "presence_penalty": 0,
        "response_format": {"type": "json_object"}, "reasoning_effort": "huge",
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AA=="}}]},
            {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "not json"}}]},
        ],
    });
    let tuning = [
        "/response_format: this model's vendor needs a schema: use json_schema",
        "/frequency_penalty: this model's vendor has no such setting",
        "/seed: this model's vendor has no such setting",
    ];
    let refused = [
        "/messages: this model's vendor takes images of image/gif, image/jpeg, image/png, image/webp",
        "/messages: arguments of tool call c: expected ident at line 1 column 2",
        "/reasoning_effort: expected one of none, minimal, low, medium, high, xhigh, max",
        "/temperature: this model's vendor takes a number from 0 to 1",
        "/n: this model's vendor gives one answer",
    ];
    let mut all = [refused.as_slice(), &tuning].concat();
    all.sort_unstable();
    let mut found = issues(members.clone(), &target());
    found.sort();
    assert_eq!(found, all);
    assert_eq!(
        issues(members, &Target { on_unsupported: OnUnsupported::Drop, ..target() }),
        refused
    );
    let narrow = Target { sampling_params: Some(false), ..target() };
    assert!(
        issues(json!({"temperature": 1.5, "top_p": 1}), &narrow).is_empty(),
        "dropped, as the model takes none"
    );
    assert_eq!(
        issues(json!({"messages": [{"role": "system", "content": "x"}]}), &target()).len(),
        1
    );
}

#[test]
fn ids_of_calls_are_made_to_fit() {
    let sent = sent(
        &OpenAiChatDialect,
        &AnthropicMessagesVendor,
        openai(json!({"messages": [
            {"role": "user", "content": "Go"},
            {"role": "assistant", "tool_calls": [{"id": "functions.f:0", "function": {"name": "f", "arguments": ""}}]},
            {"role": "tool", "tool_call_id": "functions.f:0", "content": "x"},
        ]})),
    );
    assert_eq!(
        sent["messages"][1]["content"][0],
        json!({"type": "tool_use", "id": "functions_f_0", "name": "f", "input": {}})
    );
    assert_eq!(sent["messages"][2]["content"][0]["tool_use_id"], "functions_f_0");
}

#[test]
fn a_relay_passes_the_caller_s_version_and_betas() {
    let mut caller = HeaderMap::new();
    let body = json!({"model": "m", "thinking": {"type": "adaptive"}, "stream": true});
    let body = body.as_object().unwrap();
    let draft = AnthropicMessagesVendor.relay(body.clone().into(), &caller, &target());
    assert_eq!(draft.headers["anthropic-version"], "2023-06-01");
    assert_eq!(
        draft.body,
        r#"{"model":"upstream-1","thinking":{"type":"adaptive"},"stream":true}"#
    );
    caller.insert("anthropic-version", HeaderValue::from_static("2026-10-21"));
    caller.append("anthropic-beta", HeaderValue::from_static("a"));
    caller.append("anthropic-beta", HeaderValue::from_static("b"));
    caller.insert("x-api-key", HeaderValue::from_static("secret"));
    let draft = AnthropicMessagesVendor.relay(body.clone().into(), &caller, &target());
    assert_eq!(draft.headers["anthropic-version"], "2026-10-21");
    assert_eq!(draft.headers.get_all("anthropic-beta").iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(draft.headers.get("x-api-key"), None);
}

#[test]
fn reasons_to_end_are_translated() {
    for (word, finish, openai, anthropic) in [
        ("end_turn", Finish::Stop, "stop", "end_turn"),
        ("max_tokens", Finish::Length, "length", "max_tokens"),
        ("model_context_window_exceeded", Finish::Length, "length", "max_tokens"),
        ("tool_use", Finish::ToolCalls, "tool_calls", "tool_use"),
        ("refusal", Finish::ContentFilter, "content_filter", "refusal"),
        ("pause_turn", Finish::Unknown("pause_turn".to_owned()), "stop", "pause_turn"),
        ("new", Finish::Unknown("new".to_owned()), "stop", "end_turn"),
    ] {
        let reply =
            AnthropicMessagesVendor.reply(&json!({"content": [], "stop_reason": word})).unwrap();
        assert_eq!(reply.choices[0].finish, finish);
        assert_eq!(
            OpenAiChatDialect.reply(&reply, &about())["choices"][0]["finish_reason"],
            openai
        );
        assert_eq!(AnthropicMessagesDialect.reply(&reply, &about())["stop_reason"], anthropic);
    }
    let reply = AnthropicMessagesVendor.reply(&json(ANTHROPIC_STOP_SEQUENCE)).unwrap();
    let body = AnthropicMessagesDialect.reply(&reply, &about());
    assert_eq!(
        (&body["stop_reason"], &body["stop_sequence"]),
        (&json!("stop_sequence"), &json!(", three"))
    );
}

#[test]
fn a_refusal_says_what_is_known_of_it() {
    let words = vec![
        Delta::Refusal { choice: 0, text: "I ".to_owned() },
        Delta::Refusal { choice: 0, text: "won't.".to_owned() },
    ];
    let ended = |finish: Finish| Delta::Finish { choice: 0, finish, stop_sequence: None };
    for (mut told, finish, explanation) in
        [(words, Finish::Stop, json!("I won't.")), (Vec::new(), Finish::ContentFilter, Value::Null)]
    {
        told.push(ended(finish));
        let stream = written(AnthropicMessagesDialect.stream(about()), &told);
        let details = json!({"type": "refusal", "category": null, "explanation": explanation});
        let events = events(&stream);
        let delta = &events[events.len() - 2]["delta"];
        assert_eq!((&delta["stop_reason"], &delta["stop_details"]), (&json!("refusal"), &details));
    }
    let message = json!({"role": "assistant", "content": null, "refusal": "I won't."});
    let reply = json!({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]});
    let body = AnthropicMessagesDialect.reply(&OPENAI.vendor.reply(&reply).unwrap(), &about());
    let details = json!({"type": "refusal", "category": null, "explanation": "I won't."});
    assert_eq!((&body["stop_details"], &body["container"]), (&details, &Value::Null));
}

#[test]
fn counts_of_a_stream_are_overlaid_not_added() {
    let read = |start: Value, last: Value| {
        let event = |name: &str, data: Value| sse::encode(Some(name), &data.to_string());
        let stream = event(
            "message_start",
            json!({"type": "message_start", "message": {"usage": start}}),
        ) + &event(
            "message_delta",
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last}),
        ) + &event("message_stop", json!({"type": "message_stop"}));
        let told = deltas(&AnthropicMessagesVendor, &stream);
        let mut counts = told
            .iter()
            .filter_map(|delta| if let Delta::Usage(usage) = delta { Some(*usage) } else { None });
        counts.next_back().unwrap()
    };
    let start = json!({"input_tokens": 9, "cache_creation_input_tokens": 7, "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}, "output_tokens": 1});
    let expected = Usage {
        input_tokens: 9,
        cache_write_tokens: 3,
        cache_write_1h_tokens: 4,
        output_tokens: 4,
        ..Usage::default()
    };
    assert_eq!(read(start.clone(), json!({"output_tokens": 4})), expected);
    assert_eq!(
        read(
            start,
            json!({"input_tokens": 9, "cache_creation_input_tokens": 7, "output_tokens": 4})
        ),
        expected
    );
}

#[test]
fn unknown_events_blocks_and_deltas_are_skipped() {
    let extra = [
        "event: ping\ndata: {\"type\": \"ping\"}\n\n",
        "event: new_event\ndata: not json\n\n",
        "data: {\"type\":\"new_event\"}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":9,\"content_block\":{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":9,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"citations_delta\",\"citation\":{}}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":9}\n\n",
    ];
    let expected = deltas(ANTHROPIC.vendor, ANTHROPIC.stream_tools);
    let (head, tail) = ANTHROPIC.stream_tools.split_once("\n\n").unwrap();
    let stream = [head, "\n\n", &extra.concat(), tail].concat();
    assert_eq!(deltas(ANTHROPIC.vendor, &stream), expected);
}

/// The events of a stream as `name index type`, which is what their order is about.
fn outline(stream: &str) -> Vec<String> {
    let word = |event: &Value, pointer: &str| {
        event.pointer(pointer).map(|value| value.to_string().replace('"', "")).unwrap_or_default()
    };
    let outline = events(stream).into_iter().map(|event| {
        let kind = word(&event, "/content_block/type")
            + &word(&event, "/delta/type")
            + &word(&event, "/delta/stop_reason");
        [word(&event, "/type"), word(&event, "/index"), kind].join(" ").trim_end().to_owned()
    });
    outline.collect()
}

#[test]
fn a_stream_is_written_block_by_block() {
    let stream = written(
        AnthropicMessagesDialect.stream(about()),
        &deltas(ANTHROPIC.vendor, ANTHROPIC.stream_tools),
    );
    assert_eq!(
        outline(&stream),
        [
            "message_start",
            "content_block_start 0 thinking",
            "content_block_delta 0 thinking_delta",
            "content_block_delta 0 thinking_delta",
            "content_block_delta 0 signature_delta",
            "content_block_stop 0",
            "content_block_start 1 text",
            "content_block_delta 1 text_delta",
            "content_block_stop 1",
            "content_block_start 2 tool_use",
            "content_block_delta 2 input_json_delta",
            "content_block_delta 2 input_json_delta",
            "content_block_stop 2",
            "content_block_start 3 tool_use",
            "content_block_delta 3 input_json_delta",
            "content_block_stop 3",
            "message_delta  tool_use",
            "message_stop",
        ]
    );
    for (event, data) in sse::Decoder::default()
        .push(stream.as_bytes())
        .into_iter()
        .map(Result::unwrap)
        .zip(events(&stream))
    {
        assert_eq!(
            event.event.as_deref(),
            data["type"].as_str(),
            "the name stands in the data too"
        );
    }
    assert_eq!(events(&stream)[0]["message"]["usage"]["input_tokens"], 13);
}

#[test]
fn counts_that_come_last_are_told_last() {
    let stream =
        written(AnthropicMessagesDialect.stream(about()), &deltas(OPENAI.vendor, OPENAI.stream));
    let events = events(&stream);
    assert_eq!(
        events[0],
        json!({"type": "message_start", "message": {
            "id": "chatcmpl-A1", "type": "message", "role": "assistant", "model": "served-1", "content": [],
            "stop_reason": null, "stop_sequence": null, "stop_details": null, "container": null,
            "usage": {
                "input_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
                "output_tokens": 0, "output_tokens_details": {"thinking_tokens": 0},
            },
        }})
    );
    assert_eq!(
        events[events.len() - 2],
        json!({"type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": null, "stop_details": null, "container": null},
            "usage": {
                "input_tokens": 13, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 4,
                "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 0},
                "output_tokens": 10, "output_tokens_details": {"thinking_tokens": 3},
            },
        })
    );
    assert_eq!(stream.matches("event: message_stop").count(), 1);
    assert_eq!(
        outline(&written(AnthropicMessagesDialect.stream(about()), &[])),
        ["message_start", "message_delta  end_turn", "message_stop"]
    );
}

#[test]
fn a_late_part_of_a_call_goes_to_its_block() {
    let part = |index: u32, first: bool, arguments: &str| Delta::ToolCall {
        arguments: arguments.to_owned(),
        choice: 0,
        id: first.then(String::new),
        index,
        name: first.then(|| "f".to_owned()),
    };
    let stream = written(
        AnthropicMessagesDialect.stream(about()),
        &[part(0, true, "{"), part(1, true, "{}"), part(0, false, "}")],
    );
    // A client takes a call as soon as its block stops.
    assert_eq!(
        outline(&stream)[1..8],
        [
            "content_block_start 0 tool_use",
            "content_block_delta 0 input_json_delta",
            "content_block_start 1 tool_use",
            "content_block_delta 1 input_json_delta",
            "content_block_delta 0 input_json_delta",
            "content_block_stop 0",
            "content_block_stop 1",
        ]
    );
    assert_eq!(
        events(&stream)[1]["content_block"]["id"],
        "toolu_rcpt_1_0",
        "a call without an id gets one"
    );
}

/// One that is whole stops when something else begins, and one that never is stops at the end.
#[test]
fn a_block_of_a_call_stops_once_it_is_whole_or_at_the_end() {
    let part = |index: u32, name: Option<&str>, arguments: &str| Delta::ToolCall {
        arguments: arguments.to_owned(),
        choice: 0,
        id: None,
        index,
        name: name.map(str::to_owned),
    };
    let text = Delta::Text { choice: 0, text: "Well".to_owned() };
    let deltas = [
        part(0, Some("f"), ""),
        text,
        part(0, None, "{\"a\": \"}\""),
        part(1, Some("g"), "{}"),
        part(2, Some("h"), ""),
        part(0, None, "}"),
    ];
    let stream = written(AnthropicMessagesDialect.stream(about()), &deltas);
    assert_eq!(
        outline(&stream)[1..14],
        [
            "content_block_start 0 tool_use",
            "content_block_start 1 text",
            "content_block_delta 1 text_delta",
            "content_block_delta 0 input_json_delta",
            "content_block_stop 1",
            "content_block_start 2 tool_use",
            "content_block_delta 2 input_json_delta",
            "content_block_stop 2",
            "content_block_start 3 tool_use",
            "content_block_delta 0 input_json_delta",
            "content_block_stop 0",
            "content_block_stop 3",
            "message_delta  end_turn",
        ]
    );
}

#[test]
fn a_call_whose_arguments_are_no_object_is_not_lost() {
    let mut reply = OPENAI.vendor.reply(&json(OPENAI.reply_tools)).unwrap();
    for part in &mut reply.choices[0].parts {
        if let de_core::chat::Part::ToolCall(call) = part {
            "{\"city\":".clone_into(&mut call.arguments);
        }
    }
    let body = AnthropicMessagesDialect.reply(&reply, &about());
    assert_eq!(body["content"][0]["input"], json!({"INVALID_JSON": "{\"city\":"}));
}

#[test]
fn a_failure_is_an_error_event() {
    let failure =
        StreamFailure { code: "PROVIDER_TIMEOUT", message: "too slow".to_owned(), status: 504 };
    let bytes = AnthropicMessagesDialect.stream(about()).fail(&failure);
    assert_eq!(
        bytes,
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"timeout_error\",\"message\":\"too slow\"},\"request_id\":\"r-1\"}\n\n"
    );
}
