use de_simulator::{Config, Vendor};
use serde_json::{Value, json};

use crate::client::{Rig, answer, events, header, message, stream, with};

fn tools() -> Value {
    json!({ "tools": [{ "name": "add", "input_schema": { "type": "object" } }] })
}

#[tokio::test]
async fn a_reply_has_every_documented_member() {
    let rig = Rig::start().await;
    let body = with(message("Hello world"), json!({ "system": "Be brief" }));
    let response = rig.messages(&body).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    for name in ["request-id", "anthropic-ratelimit-requests-remaining"] {
        assert!(!header(&response, name).is_empty(), "{name}");
    }
    let expected = json!({
        "id": "msg_sim000001",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-5-5",
        "content": [{ "type": "text", "text": "You said: Hello world", "citations": null }],
        "stop_reason": "end_turn",
        "stop_sequence": null,
        "stop_details": null,
        "container": null,
        "usage": {
            "input_tokens": 13,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": { "ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0 },
            "output_tokens": 7,
            "output_tokens_details": { "thinking_tokens": 0 },
            "server_tool_use": null,
            "service_tier": "standard",
        },
    });
    assert_eq!(response.json::<Value>().await.unwrap(), expected);
}

#[tokio::test]
async fn bounds_end_a_reply() {
    let rig = Rig::start().await;
    for (members, text, reason, sequence) in [
        (json!({ "max_tokens": 3 }), "You said: ", "max_tokens", Value::Null),
        (json!({ "max_tokens": 0 }), "", "max_tokens", Value::Null),
        (
            json!({ "stop_sequences": ["x", "world"] }),
            "You said: Hello ",
            "stop_sequence",
            json!("world"),
        ),
    ] {
        let (_, body) = answer(rig.messages(&with(message("Hello world"), members.clone()))).await;
        assert_eq!(body["content"][0]["text"], text, "{members}");
        assert_eq!((&body["stop_reason"], &body["stop_sequence"]), (&json!(reason), &sequence));
    }
}

#[tokio::test]
async fn a_stream_has_named_events_in_order() {
    let rig = Rig::start().await;
    let response =
        rig.messages(&with(message("Hi"), json!({ "stream": true }))).send().await.unwrap();
    let text = response.text().await.unwrap();
    let events = events(&text);
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(names, expected);
    let data: Vec<Value> =
        events.iter().map(|(_, data)| serde_json::from_str(data).unwrap()).collect();
    assert!(data.iter().zip(expected).all(|(data, name)| data["type"] == name));
    assert_eq!(data[0]["message"]["usage"]["input_tokens"], 4);
    assert_eq!(data[0]["message"]["content"], json!([]));
    assert_eq!(data[3]["delta"], json!({ "type": "text_delta", "text": "You " }));
    let end = json!({
        "type": "message_delta",
        "delta": { "stop_reason": "end_turn", "stop_sequence": null, "stop_details": null },
        "usage": { "output_tokens": 4 },
    });
    assert_eq!(data[7], end);
}

#[tokio::test]
async fn tools_are_called_on_demand() {
    let rig = Rig::start().await;
    let body = with(message("call:add please"), tools());
    let (_, reply) = answer(rig.messages(&body)).await;
    assert_eq!(reply["stop_reason"], "tool_use");
    let call = &reply["content"][0];
    assert_eq!((&call["type"], &call["name"]), (&json!("tool_use"), &json!("add")));
    assert_eq!(call["input"], json!({ "input": "call:add please" }));

    let result = json!({ "type": "tool_result", "tool_use_id": call["id"], "content": "3" });
    let turns = json!([
        { "role": "user", "content": "call:add please" },
        { "role": "assistant", "content": reply["content"] },
        { "role": "user", "content": [result] },
    ]);
    let (status, reply) =
        answer(rig.messages(&with(body.clone(), json!({ "messages": turns })))).await;
    assert_eq!((status, &reply["content"][0]["text"]), (200, &json!("You said: 3")));

    let events = stream(rig.messages(&with(body, json!({ "stream": true })))).await;
    let input: String =
        events.iter().filter_map(|event| event["delta"]["partial_json"].as_str()).collect();
    assert_eq!(input, r#"{"input":"call:add please"}"#);
}

#[tokio::test]
async fn thinking_comes_before_the_answer() {
    let rig = Rig::start().await;
    let body = with(message("Hi"), json!({ "thinking": { "type": "adaptive" } }));
    let (_, reply) = answer(rig.messages(&body)).await;
    assert_eq!(reply["content"][0]["type"], "thinking");
    assert_eq!(reply["content"][1]["text"], "You said: Hi");
    let (thought, all) = (
        reply["usage"]["output_tokens_details"]["thinking_tokens"].as_u64().unwrap(),
        reply["usage"]["output_tokens"].as_u64().unwrap(),
    );
    assert_eq!(all, thought + 4);
    let events = stream(rig.messages(&with(body, json!({ "stream": true })))).await;
    assert!(events.iter().any(|event| event["delta"]["type"] == "signature_delta"));
}

#[tokio::test]
async fn a_body_is_refused_as_the_vendor_does() {
    let rig = Rig::start().await;
    let turn = |role: &str| json!({ "messages": [{ "role": role, "content": "Hi" }] });
    let old = "claude-haiku-4-5";
    let orphan = json!({ "type": "tool_result", "tool_use_id": "toolu_1", "content": "3" });
    for (members, status, said) in [
        (json!({ "foo": 1 }), 400, "foo: Extra inputs are not permitted"),
        (json!({ "max_tokens": "9" }), 400, "max_tokens: Input should be a valid integer"),
        (
            json!({ "max_tokens": -1 }),
            400,
            "max_tokens: Input should be greater than or equal to 0",
        ),
        (json!({ "max_tokens": 999_999 }), 400, "max_tokens: 999999 > 128000"),
        (json!({ "messages": [] }), 400, "messages: List should have at least 1 item"),
        (turn("robot"), 400, "messages.0.role: Input should be 'user', 'assistant' or 'system'"),
        (turn("system"), 400, "messages.0.role: the first message"),
        (turn("assistant"), 400, "This model does not support assistant message prefill"),
        (json!({ "messages": [{ "role": "user", "content": "" }] }), 400, "messages.0.content: "),
        (
            json!({ "messages": [{ "role": "user", "content": [orphan] }] }),
            400,
            "messages.0.content.0: unexpected `tool_use_id`",
        ),
        (json!({ "temperature": 0 }), 400, "`temperature` is not supported"),
        (
            json!({ "model": old, "temperature": 1.5 }),
            400,
            "temperature: Input should be less than or equal to 1",
        ),
        (json!({ "stop_sequences": "x" }), 400, "stop_sequences: Input should be a valid list"),
        (json!({ "tool_choice": { "type": "auto" } }), 400, "tool_choice: may only be specified"),
        (json!({ "model": "claude-9" }), 404, "model: claude-9"),
        (json!({ "model": "claude-sonnet-4-20250514" }), 404, "model: claude-sonnet-4-20250514"),
        (json!({ "model": "claude-3-5-haiku-20241022" }), 404, "model: claude-3-5-haiku-20241022"),
        (
            with(json!({ "model": "claude-opus-5-5", "tool_choice": { "type": "any" } }), tools()),
            400,
            "tool_choice: forced tool use is not supported",
        ),
    ] {
        let (got, body) = answer(rig.messages(&with(message("Hi"), members.clone()))).await;
        let kind = if status == 404 { "not_found_error" } else { "invalid_request_error" };
        assert_eq!((got, &body["error"]["type"]), (status, &json!(kind)), "{members} {body}");
        assert_eq!(body["type"], "error");
        assert!(body["request_id"].is_string());
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(said), "{members}: {message}");
    }
    let old_turn = with(turn("system"), json!({ "model": old, "max_tokens": 9 }));
    let (status, body) = answer(rig.messages(&old_turn)).await;
    assert_eq!(status, 400, "{body}");
    let (status, body) =
        answer(rig.messages(&json!({ "model": old, "messages": turn("user")["messages"] }))).await;
    assert_eq!((status, &body["error"]["message"]), (400, &json!("max_tokens: Field required")));
}

#[tokio::test]
async fn schemas_are_of_the_vendor_s_part() {
    let rig = Rig::start().await;
    let of = |schema: Value| json!({ "output_config": { "format": { "type": "json_schema", "schema": schema } } });
    let open = json!({ "type": "object", "properties": { "a": {} } });
    let closed = with(open.clone(), json!({ "additionalProperties": false }));
    let held = |strict: bool| json!({ "tools": [{ "name": "f", "input_schema": open, "strict": strict }] });
    for (members, said) in [
        (of(closed.clone()), ""),
        (held(false), ""),
        (
            held(true),
            "tools.0.custom.input_schema: For 'object' type, 'additionalProperties' must be explicitly",
        ),
        (
            of(open.clone()),
            "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly",
        ),
        (
            of(with(open.clone(), json!({ "additionalProperties": true }))),
            "output_config.format.schema: For 'object' type, 'additionalProperties: true' is not",
        ),
        (
            of(json!({ "type": "array", "items": { "type": "integer", "minimum": 1 } })),
            "output_config.format.schema: For 'integer' type, property 'minimum' is not supported",
        ),
        (
            of(
                json!({ "$ref": "#/$defs/a", "$defs": { "a": { "items": { "$ref": "#/$defs/a" } } } }),
            ),
            "output_config.format.schema: Circular reference detected in schema definitions",
        ),
    ] {
        let (status, body) = answer(rig.messages(&with(message("Hi"), members.clone()))).await;
        let got = body["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(status, if said.is_empty() { 200 } else { 400 }, "{members}: {got}");
        assert!(got.starts_with(said), "{members}: {got}");
    }
}

#[tokio::test]
async fn documents_are_pdf_or_plain_text() {
    let rig = Rig::start().await;
    for (kind, media_type, status) in [
        ("base64", "application/pdf", 200),
        ("base64", "text/csv", 400),
        ("text", "text/plain", 200),
        ("text", "text/csv", 400),
    ] {
        let source = json!({ "type": kind, "media_type": media_type, "data": "YSxi" });
        let content =
            json!([{ "type": "document", "source": source }, { "type": "text", "text": "Hi" }]);
        let turns = json!({ "messages": [{ "role": "user", "content": content }] });
        let (got, body) = answer(rig.messages(&with(message("Hi"), turns))).await;
        assert_eq!(got, status, "{kind} {media_type}: {body}");
    }
}

#[tokio::test]
async fn each_model_is_told_to_think_in_its_own_way() {
    let rig = Rig::start().await;
    let (old, between, new) = ("claude-haiku-4-5", "claude-sonnet-4-6", "claude-haiku-5-5");
    let adaptive = json!({ "thinking": { "type": "adaptive" } });
    let manual = json!({ "thinking": { "type": "enabled", "budget_tokens": 1_024 } });
    let effort = json!({ "output_config": { "effort": "low" } });
    let no_effort = "This model does not support the effort parameter.";
    let forced = with(tools(), json!({ "tool_choice": { "type": "any" } }));
    let call = json!({ "type": "tool_use", "id": "toolu_1", "name": "add", "input": {} });
    let result = json!({ "type": "tool_result", "tool_use_id": "toolu_1", "content": "3" });
    let thought = json!({ "type": "thinking", "thinking": "Hm", "signature": "sig" });
    let turn = |blocks: Value| {
        let turns = json!([{ "role": "user", "content": "Go" }, { "role": "assistant", "content": blocks },
            { "role": "user", "content": [result] }]);
        with(tools(), json!({ "messages": turns }))
    };
    let begun = json!({ "messages": [{ "role": "user", "content": "Hi" }, { "role": "assistant", "content": "H" }] });
    for (model, members, said) in [
        (old, effort.clone(), no_effort),
        (old, adaptive.clone(), "adaptive thinking is not supported on this model"),
        (old, manual.clone(), ""),
        (between, with(effort.clone(), manual.clone()), ""),
        (between, with(effort.clone(), adaptive.clone()), ""),
        (new, with(effort, adaptive.clone()), ""),
        (new, manual.clone(), "\"thinking.type.enabled\" is not supported for this model."),
        (old, with(manual.clone(), json!({ "temperature": 0.5 })), "`temperature` may only be"),
        (old, with(manual.clone(), json!({ "temperature": 1, "top_p": 0.95 })), ""),
        (between, with(adaptive.clone(), json!({ "top_p": 0.9 })), "`top_p` must be"),
        (between, with(adaptive.clone(), json!({ "top_k": 5 })), "`top_k` must be unset"),
        (between, with(adaptive.clone(), forced.clone()), "Thinking may not be enabled"),
        (old, with(manual.clone(), forced), "Thinking may not be enabled"),
        (old, with(manual.clone(), begun), "When thinking is enabled, the conversation must"),
        (
            old,
            with(manual.clone(), turn(json!([call]))),
            "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`",
        ),
        (old, with(manual, turn(json!([thought, call]))), ""),
        (between, with(adaptive, turn(json!([call]))), ""),
    ] {
        let members = with(members, json!({ "model": model, "max_tokens": 2_000 }));
        let (status, body) = answer(rig.messages(&with(message("Hi"), members.clone()))).await;
        let got = body["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(status, if said.is_empty() { 200 } else { 400 }, "{members}: {got}");
        assert!(got.starts_with(said), "{members}: {got}");
    }
}

#[tokio::test]
async fn older_models_take_what_is_theirs() {
    let rig = Rig::start().await;
    let turns = json!([
        { "role": "user", "content": "Hi" },
        { "role": "user", "content": [{ "type": "text", "text": "there" }] },
        { "role": "assistant", "content": "I say:" },
    ]);
    let body = json!({ "model": "claude-haiku-4-5", "max_tokens": 50, "temperature": 0,
        "top_k": 5, "messages": turns });
    let (status, body) = answer(rig.messages(&body)).await;
    assert_eq!((status, &body["content"][0]["text"]), (200, &json!("You said: there")));
}

#[tokio::test]
async fn a_request_is_refused_before_its_body() {
    let rig = Rig::start().await;
    let url = format!("{}/v1/messages", rig.simulator.base_url(Vendor::Anthropic));
    let key = Vendor::Anthropic.default_key();
    let post = || rig.client.post(&url);
    let version = "anthropic-version";
    for (request, status, kind) in [
        (post().header(version, "2023-06-01").json(&message("Hi")), 401, "authentication_error"),
        (
            post()
                .header(version, "2023-06-01")
                .header("x-api-key", "sk-wrong")
                .json(&message("Hi")),
            401,
            "authentication_error",
        ),
        (post().header("x-api-key", key).json(&message("Hi")), 400, "invalid_request_error"),
        (
            post().header("x-api-key", key).header(version, "1999").json(&message("Hi")),
            400,
            "invalid_request_error",
        ),
        (
            rig.post(Vendor::Anthropic, "/v1/messages").body(message("Hi").to_string()),
            400,
            "invalid_request_error",
        ),
        (
            rig.post(Vendor::Anthropic, "/v1/messages")
                .header("content-type", "application/json")
                .body("{"),
            400,
            "invalid_request_error",
        ),
        (rig.post(Vendor::Anthropic, "/v1/nothing").json(&message("Hi")), 404, "not_found_error"),
    ] {
        let (got, body) = answer(request).await;
        assert_eq!((got, &body["error"]["type"]), (status, &json!(kind)), "{body}");
    }
    let (status, _) =
        answer(post().bearer_auth(key).header(version, "2023-06-01").json(&message("Hi"))).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn the_newest_version_has_no_temperature() {
    let rig = Rig::start().await;
    let url = format!("{}/v1/messages", rig.simulator.base_url(Vendor::Anthropic));
    let request = |body: &Value| {
        rig.client
            .post(&url)
            .header("x-api-key", Vendor::Anthropic.default_key())
            .header("anthropic-version", "2026-10-21")
            .json(body)
    };
    let old = with(message("Hi"), json!({ "model": "claude-haiku-4-5" }));
    assert_eq!(answer(request(&old)).await.0, 200);
    assert_eq!(answer(request(&with(old, json!({ "temperature": 0.5 })))).await.0, 400);
}

#[tokio::test]
async fn retired_models_answer_where_they_are_let() {
    let rig = Rig::with(Config { accept_retired: true, ..Config::default() }).await;
    for model in ["claude-sonnet-4-20250514", "claude-3-5-haiku-20241022"] {
        let members = json!({ "model": model, "temperature": 0.7 });
        let (status, body) = answer(rig.messages(&with(message("Hi"), members))).await;
        assert_eq!((status, &body["model"]), (200, &json!(model)), "{body}");
    }
}

#[tokio::test]
async fn tokens_are_counted_as_they_are_billed() {
    let rig = Rig::start().await;
    let mut body = with(message("Hello world"), json!({ "system": "Be brief" }));
    body.as_object_mut().unwrap().remove("max_tokens");
    let request = rig.post(Vendor::Anthropic, "/v1/messages/count_tokens");
    let (status, body) = answer(request.json(&body)).await;
    assert_eq!((status, body), (200, json!({ "input_tokens": 13 })));
}

#[tokio::test]
async fn a_document_of_plain_text_is_cited_if_that_is_asked_for() {
    let rig = Rig::start().await;
    let document = |text: &str, cited: bool| {
        json!({
            "type": "document",
            "title": "Notes",
            "source": { "type": "text", "media_type": "text/plain", "data": text },
            "citations": { "enabled": cited },
        })
    };
    let asked = |cited: bool| {
        let content = json!([document("Käse", false), document("Drachen", cited),
            { "type": "text", "text": "Read" }]);
        with(message("Hi"), json!({ "messages": [{ "role": "user", "content": content }] }))
    };
    let (_, reply) = answer(rig.messages(&asked(false))).await;
    assert_eq!(reply["content"][0]["citations"], Value::Null);
    let citation = json!({
        "type": "char_location",
        "cited_text": "Drachen",
        "document_index": 1,
        "document_title": "Notes",
        "file_id": null,
        "start_char_index": 0,
        "end_char_index": 7,
    });
    let (_, reply) = answer(rig.messages(&asked(true))).await;
    assert_eq!(reply["content"][0]["citations"], json!([citation]));
    let streamed = with(asked(true), json!({ "stream": true }));
    let text = rig.messages(&streamed).send().await.unwrap().text().await.unwrap();
    let mut deltas = events(&text).into_iter().filter(|(name, _)| name == "content_block_delta");
    let last: Value = serde_json::from_str(&deltas.next_back().unwrap().1).unwrap();
    assert_eq!(last["delta"], json!({ "type": "citations_delta", "citation": citation }));
}
