use de_simulator::{Config, Vendor};
use serde_json::{Value, json};

use crate::client::{Rig, answer, chat, events, header, stream, with};

fn call_me() -> Value {
    json!({ "tools": [{ "type": "function", "function": { "name": "add", "parameters": {} } }] })
}

#[tokio::test]
async fn a_reply_has_every_documented_member() {
    let rig = Rig::start().await;
    let system = json!({ "role": "system", "content": "Be brief" });
    let user = json!({ "role": "user", "content": "Hello world" });
    let body = json!({ "model": "gpt-4o-mini", "messages": [system, user], "temperature": 0 });
    let response = rig.chat(&body).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    for name in ["x-request-id", "x-ratelimit-limit-requests", "x-ratelimit-reset-tokens"] {
        assert!(!header(&response, name).is_empty(), "{name}");
    }
    let expected = json!({
        "id": "chatcmpl-sim000001",
        "object": "chat.completion",
        "created": 1_795_000_000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "You said: Hello world",
                "refusal": null,
                "annotations": [],
            },
            "logprobs": null,
            "finish_reason": "stop",
        }],
        // Two messages of 3, "Be brief" 1 + 2, "Hello world" 2 + 2; "You said:" adds 1 + 2.
        "usage": {
            "prompt_tokens": 13,
            "completion_tokens": 7,
            "total_tokens": 20,
            "prompt_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0, "audio_tokens": 0 },
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
        "service_tier": "default",
        "system_fingerprint": null,
    });
    assert_eq!(response.json::<Value>().await.unwrap(), expected);
}

#[tokio::test]
async fn bounds_end_a_reply() {
    let rig = Rig::start().await;
    for (members, content, reason) in [
        (json!({ "max_completion_tokens": 4 }), "You said: Hell", "length"),
        (json!({ "max_tokens": 3 }), "You said: ", "length"),
        (json!({ "max_tokens": 7 }), "You said: Hello world", "stop"),
        (json!({ "stop": "world" }), "You said: Hello ", "stop"),
        (json!({ "stop": ["x", "said"] }), "You ", "stop"),
        (
            json!({ "response_format": { "type": "json_object" } }),
            r#"{"answer":"You said: Hello world"}"#,
            "stop",
        ),
    ] {
        let (_, body) = answer(rig.chat(&with(chat("Hello world"), members.clone()))).await;
        let choice = &body["choices"][0];
        assert_eq!(choice["message"]["content"], content, "{members}");
        assert_eq!(choice["finish_reason"], reason, "{members}");
    }
}

#[tokio::test]
async fn a_stream_has_its_chunks_in_order() {
    let rig = Rig::start().await;
    let members = json!({
        "stream": true,
        "stream_options": { "include_usage": true, "include_obfuscation": false },
    });
    let body = with(chat("Hi"), members);
    let response = rig.chat(&body).send().await.unwrap();
    assert_eq!(header(&response, "content-type"), "text/event-stream; charset=utf-8");
    let text = response.text().await.unwrap();
    assert!(text.ends_with("data: [DONE]\n\n"));
    let chunks: Vec<Value> =
        events(&text).iter().filter_map(|(_, data)| serde_json::from_str(data).ok()).collect();
    let chunk = |choices: Value, usage: Value| {
        json!({
            "id": "chatcmpl-sim000001",
            "object": "chat.completion.chunk",
            "created": 1_795_000_000,
            "model": "gpt-4o-mini-2024-07-18",
            "service_tier": "default",
            "system_fingerprint": null,
            "choices": choices,
            "usage": usage,
        })
    };
    let delta = |delta: Value, reason: Value| {
        let choice =
            json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": reason });
        chunk(json!([choice]), Value::Null)
    };
    let usage = chunks.last().unwrap()["usage"].clone();
    assert_eq!(usage["total_tokens"], 8);
    let expected = vec![
        delta(json!({ "role": "assistant", "content": "", "refusal": null }), Value::Null),
        delta(json!({ "content": "You " }), Value::Null),
        delta(json!({ "content": "said: " }), Value::Null),
        delta(json!({ "content": "Hi" }), Value::Null),
        delta(json!({}), json!("stop")),
        chunk(json!([]), usage),
    ];
    assert_eq!(chunks, expected);
}

#[tokio::test]
async fn usage_comes_only_when_asked_for_and_padding_by_itself() {
    let rig = Rig::start().await;
    let chunks = stream(rig.chat(&with(chat("Hi"), json!({ "stream": true })))).await;
    assert_eq!(chunks.len(), 5);
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
    assert!(chunks[1]["obfuscation"].is_string());
}

#[tokio::test]
async fn several_choices_are_numbered_and_all_are_billed() {
    let rig = Rig::start().await;
    let (_, body) = answer(rig.chat(&with(chat("Hi"), json!({ "n": 3 })))).await;
    assert_eq!(body["choices"].as_array().unwrap().len(), 3);
    assert_eq!(body["choices"][2]["index"], 2);
    assert_eq!(body["usage"]["completion_tokens"], 12);
    let chunks = stream(rig.chat(&with(chat("Hi"), json!({ "n": 2, "stream": true })))).await;
    let ends: Vec<&Value> = chunks
        .iter()
        .map(|chunk| &chunk["choices"][0])
        .filter(|choice| choice["finish_reason"] == "stop")
        .map(|choice| &choice["index"])
        .collect();
    assert_eq!(ends, [0, 1]);
}

#[tokio::test]
async fn tools_are_called_on_demand() {
    let rig = Rig::start().await;
    let (_, body) = answer(rig.chat(&with(chat("call:add please"), call_me()))).await;
    let choice = &body["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["content"], Value::Null);
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(call["type"], "function");
    assert_eq!(call["function"]["name"], "add");
    assert_eq!(call["function"]["arguments"], r#"{"input":"call:add please"}"#);

    let turns = json!([
        { "role": "user", "content": "call:add please" },
        choice["message"],
        { "role": "tool", "tool_call_id": call["id"], "content": "3" },
    ]);
    let body = json!({ "model": "gpt-4o", "messages": turns, "tools": call_me()["tools"] });
    let (status, body) = answer(rig.chat(&body)).await;
    assert_eq!((status, &body["choices"][0]["message"]["content"]), (200, &json!("You said: 3")));

    let (_, body) = answer(rig.chat(&with(chat("call:add"), json!({})))).await;
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn all_calls_are_answered_before_anybody_says_something_else() {
    let rig = Rig::start().await;
    let call = |id: &str| json!({ "id": id, "type": "function", "function": { "name": "add", "arguments": "{}" } });
    let calls =
        json!({ "role": "assistant", "content": null, "tool_calls": [call("a"), call("b")] });
    let (user, tool) = (
        json!({ "role": "user", "content": "Hi" }),
        |id: &str| json!({ "role": "tool", "tool_call_id": id, "content": "3" }),
    );
    for (turns, status) in [
        (vec![&user, &calls, &tool("a"), &tool("b"), &user], 200),
        (vec![&user, &calls, &tool("b"), &tool("a")], 200),
        (vec![&user, &calls, &tool("a"), &user, &tool("b")], 400),
        (vec![&user, &calls, &tool("a")], 400),
        (vec![&user, &calls, &user], 400),
        (vec![&user, &tool("a")], 400),
    ] {
        let body = json!({ "model": "gpt-4o", "messages": turns, "tools": call_me()["tools"] });
        let (found, answer) = answer(rig.chat(&body)).await;
        assert_eq!(found, status, "{answer}");
    }
}

#[tokio::test]
async fn a_call_of_a_named_tool_ends_with_stop() {
    let rig = Rig::start().await;
    let named = json!({ "type": "function", "function": { "name": "add" } });
    for (choice, reason) in [(named, "stop"), (json!("required"), "tool_calls")] {
        let members = with(call_me(), json!({ "tool_choice": choice }));
        let body = with(chat("Hi"), members);
        let (_, whole) = answer(rig.chat(&body)).await;
        let choice = &whole["choices"][0];
        assert_eq!(choice["message"]["tool_calls"][0]["function"]["name"], "add");
        assert_eq!(choice["finish_reason"], reason);
        let chunks = stream(rig.chat(&with(body, json!({ "stream": true })))).await;
        assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], reason);
    }
}

#[tokio::test]
async fn streamed_calls_come_in_parts() {
    let rig = Rig::start().await;
    let body = with(with(chat("call:add please"), call_me()), json!({ "stream": true }));
    let chunks = stream(rig.chat(&body)).await;
    let parts: Vec<&Value> = chunks
        .iter()
        .map(|chunk| &chunk["choices"][0]["delta"]["tool_calls"][0])
        .filter(|part| !part.is_null())
        .collect();
    assert!(parts.len() > 3);
    assert_eq!(parts[0]["function"], json!({ "name": "add", "arguments": "" }));
    assert!(parts[1..].iter().all(|part| part.get("id").is_none()));
    let arguments: String =
        parts.iter().filter_map(|part| part["function"]["arguments"].as_str()).collect();
    assert_eq!(arguments, r#"{"input":"call:add please"}"#);
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
}

#[tokio::test]
async fn a_body_is_refused_as_the_vendor_does() {
    let rig = Rig::start().await;
    let turn = |role: &str| json!({ "messages": [{ "role": role, "content": "Hi" }] });
    let parts = json!({ "messages": [{ "role": "user", "content": [{ "type": "text" }] }] });
    let tool_turn =
        json!({ "messages": [{ "role": "tool", "content": "3", "tool_call_id": "call_1" }] });
    for (members, status, code, param) in [
        (json!({ "model": "gpt-9" }), 404, json!("model_not_found"), Value::Null),
        (json!({ "model": null }), 400, json!("invalid_type"), json!("model")),
        (json!({ "foo": 1 }), 400, json!("unknown_parameter"), json!("foo")),
        (json!({ "messages": [] }), 400, json!("empty_array"), json!("messages")),
        (json!({ "messages": "Hi" }), 400, json!("invalid_type"), json!("messages")),
        (turn("robot"), 400, json!("invalid_value"), json!("messages[0].role")),
        (parts, 400, json!("missing_required_parameter"), json!("messages[0].content[0].text")),
        (tool_turn, 400, Value::Null, json!("messages[0].role")),
        (json!({ "temperature": "0.7" }), 400, json!("invalid_type"), json!("temperature")),
        (json!({ "temperature": 3 }), 400, json!("decimal_above_max_value"), json!("temperature")),
        (json!({ "top_p": -1 }), 400, json!("decimal_below_min_value"), json!("top_p")),
        (json!({ "max_tokens": "{max}" }), 400, json!("invalid_type"), json!("max_tokens")),
        (json!({ "max_tokens": 0 }), 400, json!("integer_below_min_value"), json!("max_tokens")),
        (json!({ "max_tokens": 99_999 }), 400, json!("invalid_value"), json!("max_tokens")),
        (json!({ "n": 129 }), 400, json!("integer_above_max_value"), json!("n")),
        (json!({ "stop": [1] }), 400, json!("invalid_type"), json!("stop[0]")),
        (
            json!({ "stop": ["a", "b", "c", "d", "e"] }),
            400,
            json!("array_above_max_length"),
            json!("stop"),
        ),
        (
            json!({ "stream_options": { "include_usage": true } }),
            400,
            Value::Null,
            json!("stream_options"),
        ),
        (json!({ "tool_choice": "auto" }), 400, Value::Null, json!("tool_choice")),
        (
            json!({ "max_tokens": 1, "max_completion_tokens": 1 }),
            400,
            json!("invalid_parameter_combination"),
            json!("max_tokens"),
        ),
        (
            json!({ "model": "gpt-6-luna", "max_tokens": 9 }),
            400,
            json!("unsupported_parameter"),
            json!("max_tokens"),
        ),
        (
            json!({ "model": "gpt-6-luna", "temperature": 0 }),
            400,
            json!("unsupported_value"),
            json!("temperature"),
        ),
        (
            json!({ "reasoning_effort": "low" }),
            400,
            json!("unsupported_parameter"),
            json!("reasoning_effort"),
        ),
        (
            json!({ "model": "gpt-5.4-mini", "reasoning_effort": "low", "temperature": 0 }),
            400,
            json!("unsupported_value"),
            json!("temperature"),
        ),
        (
            json!({ "model": "gpt-6-luna", "logprobs": true }),
            400,
            json!("unsupported_parameter"),
            json!("logprobs"),
        ),
        (
            json!({ "model": "gpt-6-astra", "reasoning_effort": "none" }),
            400,
            json!("unsupported_value"),
            json!("reasoning_effort"),
        ),
        (
            json!({ "model": "gpt-6-luna", "reasoning_effort": "max" }),
            400,
            json!("unsupported_value"),
            json!("reasoning_effort"),
        ),
    ] {
        let (got, body) = answer(rig.chat(&with(chat("Hi"), members.clone()))).await;
        let error = &body["error"];
        assert_eq!((got, &error["code"], &error["param"]), (status, &code, &param), "{members}");
        assert_eq!(error["type"], "invalid_request_error", "{members}");
        assert_eq!(error.as_object().unwrap().len(), 4, "{members}");
    }
    let (status, _) = answer(rig.chat(&json!({ "model": "gpt-4o" }))).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn current_models_take_what_is_theirs() {
    let rig = Rig::start().await;
    for members in [
        json!({ "model": "gpt-6-luna", "max_completion_tokens": 50, "reasoning_effort": "low" }),
        json!({ "model": "gpt-6.1-sol", "temperature": 1, "top_p": 1.0 }),
        json!({ "model": "gpt-5.4-mini", "temperature": 0 }),
        json!({ "model": "gpt-6-luna", "reasoning_effort": "none", "temperature": 0 }),
        json!({ "model": "gpt-4o", "temperature": 0.7, "top_p": 1, "max_tokens": 1000 }),
        json!({ "logprobs": true, "top_logprobs": 2, "seed": -1, "user": null }),
    ] {
        let (status, body) = answer(rig.chat(&with(chat("Hi"), members.clone()))).await;
        assert_eq!(status, 200, "{members} {body}");
    }
}

#[tokio::test]
async fn names_of_tools_have_a_longest_wherever_they_stand() {
    let rig = Rig::start().await;
    let long = "f".repeat(65);
    let tools = json!([{ "type": "function", "function": { "name": "look_up" } }]);
    let named = json!({ "type": "function", "function": { "name": long } });
    let turns = json!([
        { "role": "user", "content": "Hi" },
        { "role": "assistant", "content": null, "tool_calls": [
            { "id": "1", "type": "function", "function": { "name": long, "arguments": "{}" } },
        ] },
        { "role": "tool", "tool_call_id": "1", "content": "3" },
    ]);
    for (members, param) in [
        (
            json!({ "tools": [{ "type": "function", "function": { "name": long } }] }),
            "tools[0].function.name",
        ),
        (json!({ "tools": tools, "tool_choice": named }), "tool_choice.function.name"),
        (json!({ "messages": turns }), "messages[1].tool_calls[0].function.name"),
    ] {
        let (status, body) = answer(rig.chat(&with(chat("Hi"), members.clone()))).await;
        assert_eq!((status, &body["error"]["param"]), (400, &json!(param)), "{members} {body}");
    }
}

#[tokio::test]
async fn a_model_that_thinks_calls_no_tools() {
    let rig = Rig::start().await;
    let tools = json!([{ "type": "function", "function": { "name": "look_up" } }]);
    for (model, effort, status) in [
        ("gpt-4o", None, 200),
        ("gpt-5.4-mini", None, 200),
        ("gpt-5.4-mini", Some("low"), 400),
        ("gpt-6-astra", None, 400),
        ("gpt-6-luna", None, 400),
        ("gpt-6-luna", Some("low"), 400),
        ("gpt-6-luna", Some("none"), 200),
        ("gpt-6.1-sol", None, 400),
        ("gpt-6.1-terra", Some("low"), 400),
        ("gpt-6.1-terra", Some("none"), 400),
    ] {
        let body = json!({ "model": model, "tools": tools, "reasoning_effort": effort });
        let (got, body) = answer(rig.chat(&with(chat("Hi"), body))).await;
        assert_eq!(got, status, "{model} {effort:?} {body}");
        if status == 400 {
            let error = &body["error"];
            assert_eq!(
                (&error["param"], &error["code"]),
                (&json!("reasoning_effort"), &Value::Null)
            );
            assert!(error["message"].as_str().unwrap().contains("use /v1/responses"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_request_is_refused_before_its_body() {
    let rig = Rig::start().await;
    let url = format!("{}/chat/completions", rig.simulator.base_url(Vendor::OpenAi));
    let post = || rig.client.post(&url);
    let json_type = ("content-type", "application/json");
    for (request, status, code) in [
        (post().json(&chat("Hi")), 401, json!("invalid_api_key")),
        (post().bearer_auth("sk-wrong").json(&chat("Hi")), 401, json!("invalid_api_key")),
        (
            rig.post(Vendor::OpenAi, "/chat/completions").body(chat("Hi").to_string()),
            400,
            json!("unsupported_content_type"),
        ),
        (
            rig.post(Vendor::OpenAi, "/chat/completions")
                .header(json_type.0, json_type.1)
                .body("{\"model\": "),
            400,
            Value::Null,
        ),
        (rig.post(Vendor::OpenAi, "/nothing").json(&chat("Hi")), 404, json!("unknown_url")),
    ] {
        let (got, body) = answer(request).await;
        assert_eq!((got, &body["error"]["code"]), (status, &code), "{body}");
    }
}

#[tokio::test]
async fn models_are_listed_without_the_retired() {
    let rig = Rig::start().await;
    let url = format!("{}/models", rig.simulator.base_url(Vendor::OpenAi));
    let (status, body) =
        answer(rig.client.get(url).bearer_auth(Vendor::OpenAi.default_key())).await;
    let ids: Vec<&str> =
        body["data"].as_array().unwrap().iter().filter_map(|model| model["id"].as_str()).collect();
    assert_eq!((status, &body["object"]), (200, &json!("list")));
    assert!(ids.contains(&"gpt-4o-mini") && !ids.contains(&"dall-e-3"));
}

#[tokio::test]
async fn named_keys_replace_the_default_one() {
    let mut config = Config::default();
    config.accept("openai=sk-mine").unwrap();
    let rig = Rig::with(config).await;
    let (status, _) = answer(rig.chat(&chat("Hi"))).await;
    assert_eq!(status, 401);
    let url = format!("{}/chat/completions", rig.simulator.base_url(Vendor::OpenAi));
    let (status, _) = answer(rig.client.post(url).bearer_auth("sk-mine").json(&chat("Hi"))).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn what_is_strict_is_of_the_vendor_s_part_and_names_of_users_are_short() {
    let rig = Rig::start().await;
    let schema = |required: Value| {
        json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": required,
            "additionalProperties": false })
    };
    let format = |schema: Value, strict: bool| {
        let format = json!({ "name": "n", "schema": schema, "strict": strict });
        json!({ "response_format": { "type": "json_schema", "json_schema": format } })
    };
    let tool = |schema: Value| {
        let function = json!({ "name": "f", "parameters": schema, "strict": true });
        json!({ "tools": [{ "type": "function", "function": function }] })
    };
    let open = json!({ "type": "object", "properties": {} });
    let missing = "In context=(), 'required' is required to be supplied and to be an array including \
        every key in properties. Missing 'a'.";
    for (members, said) in [
        (format(schema(json!(["a"])), true), String::new()),
        (format(schema(json!([])), false), String::new()),
        (
            format(schema(json!([])), true),
            format!("Invalid schema for response_format 'n': {missing}"),
        ),
        (tool(schema(json!([]))), format!("Invalid schema for function 'f': {missing}")),
        (
            tool(open),
            "Invalid schema for function 'f': In context=(), 'additionalProperties' is required to be \
            supplied and to be false."
                .to_owned(),
        ),
        (json!({ "user": "u".repeat(64) }), String::new()),
    ] {
        let (status, body) = answer(rig.chat(&with(chat("Hi"), members.clone()))).await;
        let got = body["error"]["message"].as_str().unwrap_or_default();
        assert_eq!((status, got), (if said.is_empty() { 200 } else { 400 }, said.as_str()), "{members}");
    }
    for name in ["safety_identifier", "user"] {
        let (status, body) =
            answer(rig.chat(&with(chat("Hi"), json!({ name: "u".repeat(65) })))).await;
        let code = &body["error"]["code"];
        assert_eq!((status, code), (400, &json!("string_above_max_length")), "{body}");
    }
}
