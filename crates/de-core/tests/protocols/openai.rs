//! OpenAI's chat completions, where they differ from the others.

#[path = "openai/requests.rs"]
mod requests;

use de_core::{
    chat::{Delta, Finish, Part},
    model::OnUnsupported,
    protocols::{
        Dialect, MaxTokensField, Place, SeedField, StreamFailure, Target, Vendor,
        anthropic_messages::{AnthropicMessagesDialect, AnthropicMessagesVendor},
        openai_chat::{OpenAiChatDialect, OpenAiChatVendor, include_usage},
        openai_responses::OpenAiResponsesDialect,
    },
    receipt::Usage,
};
use http::HeaderMap;
use serde_json::{Value, json};

use super::{
    ANTHROPIC, DIALECTS, OPENAI, OPENAI_REFUSAL, about, conformance::sum, deltas, events, json,
    lines, sent, target, written,
};

fn ask(members: Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

#[test]
fn a_refusal_and_other_reasons_to_end_are_read() {
    let reply = OpenAiChatVendor.reply(&json(OPENAI_REFUSAL)).unwrap();
    assert_eq!(reply.choices[0].parts, [Part::Refusal("I cannot help with that.".to_owned())]);
    assert_eq!(AnthropicMessagesDialect.reply(&reply, &about())["stop_reason"], "refusal");
    for (word, finish) in [
        ("stop", Finish::Stop),
        ("length", Finish::Length),
        ("model_length", Finish::Length),
        ("insufficient_system_resource", Finish::Length),
        ("tool_calls", Finish::ToolCalls),
        ("function_call", Finish::ToolCalls),
        ("content_filter", Finish::ContentFilter),
        ("new", Finish::Unknown("new".to_owned())),
    ] {
        let body = json!({"choices": [{"message": {"content": "x"}, "finish_reason": word}]});
        assert_eq!(OpenAiChatVendor.reply(&body).unwrap().choices[0].finish, finish);
    }
}

#[test]
fn a_turn_that_calls_ends_for_its_calls_whatever_the_vendor_says() {
    // OpenAI says `stop` where the caller named the tool.
    let call = json!({"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    for (calls, word, finish) in [
        (true, "stop", Finish::ToolCalls),
        (true, "tool_calls", Finish::ToolCalls),
        (true, "length", Finish::Length),
        (true, "content_filter", Finish::ContentFilter),
        (false, "stop", Finish::Stop),
    ] {
        let calls = if calls { json!([call]) } else { json!([]) };
        let choice = |index: u32, name: &str, turn: Value| json!({"index": index, name: turn, "finish_reason": word});
        let turn = json!({"role": "assistant", "content": null, "tool_calls": calls});
        let none = json!({"role": "assistant", "content": "Hi"});
        let other = if word == "stop" { Finish::Stop } else { finish.clone() };
        let expected = [finish, other];
        let body = json!({"choices": [choice(0, "message", turn.clone()), choice(1, "message", none.clone())]});
        let choices = OpenAiChatVendor.reply(&body).unwrap().choices.into_iter();
        assert_eq!(choices.map(|choice| choice.finish).collect::<Vec<_>>(), expected, "{word}");
        // A host may tell calls and end at once, or one after the other.
        let at_once = json!([choice(0, "delta", turn.clone()), choice(1, "delta", none.clone())]);
        let said = json!([{"index": 0, "delta": turn}, {"index": 1, "delta": none}]);
        let ends = json!([choice(0, "delta", json!({})), choice(1, "delta", json!({}))]);
        for chunks in [vec![at_once], vec![said, ends]] {
            let events = chunks.into_iter().map(|choices| {
                format!("data: {}\n\n", json!({"id": "x", "model": "m", "choices": choices}))
            });
            let stream = events.collect::<String>() + "data: [DONE]\n\n";
            let ends =
                deltas(&OpenAiChatVendor, &stream).into_iter().filter_map(|delta| match delta {
                    Delta::Finish { finish, .. } => Some(finish),
                    _ => None,
                });
            assert_eq!(ends.collect::<Vec<_>>(), expected, "{word}");
        }
    }
}

#[test]
fn hosts_that_speak_it_in_their_way_are_read() {
    let chunk = |delta: Value| {
        format!(
            "data: {}\n\n",
            json!({"id": "x", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
        )
    };
    let call = |index: Value, id: &str, arguments: &str| {
        let mut call = json!({"id": id, "function": {"name": "f", "arguments": arguments}});
        if !index.is_null() {
            call["index"] = index;
        }
        chunk(json!({"tool_calls": [call]}))
    };
    let done = "data: [DONE]\n\n";
    let read =
        |stream: String| sum(&deltas(&OpenAiChatVendor, &(stream + done))).choices[0].parts.clone();
    let thought = |text: &str| Part::Thinking { seal: None, text: text.to_owned() };
    assert_eq!(read(chunk(json!({"reasoning_content": "Hm.", "content": null}))), [thought("Hm.")]);
    assert_eq!(read(chunk(json!({"reasoning": "Hm."}))), [thought("Hm.")]);
    let parts = json!([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "Hi"}]);
    assert_eq!(
        read(chunk(json!({"content": parts}))),
        [thought("Hm."), Part::Text("Hi".to_owned())]
    );
    let arguments = |stream: String| -> Vec<String> {
        read(stream)
            .into_iter()
            .map(|part| if let Part::ToolCall(call) = part { call.arguments } else { panic!() })
            .collect()
    };
    assert_eq!(
        arguments(call(json!(0), "a", "{") + &call(json!(0), "a", "}")),
        ["{}"],
        "the id comes with every part"
    );
    assert_eq!(
        arguments(call(json!(0), "a", "{}") + &call(json!(0), "b", "{}")),
        ["{}", "{}"],
        "every call is number 0"
    );
    assert_eq!(
        arguments(call(json!(null), "a", "{") + &call(json!(null), "", "}")),
        ["{}"],
        "no number"
    );
}

#[test]
fn the_tier_that_served_is_read_and_kept_from_other_protocols() {
    let reply = |tier: Value| {
        let body = json!({"choices": [{"message": {"content": "Hi"}}], "service_tier": tier});
        OpenAiChatVendor.reply(&body).unwrap().service_tier
    };
    assert_eq!(reply(json!("priority")).as_deref(), Some("priority"));
    for none in [json!(null), json!(""), json!(7)] {
        assert_eq!(reply(none), None);
    }
    let chunk = |tier: &str| {
        let choice = r#"[{"index":0,"delta":{"content":"a"}}]"#;
        format!("data: {{\"choices\":{choice},\"service_tier\":{tier}}}\n\n")
    };
    let stream = ["null", "\"auto\"", "\"auto\"", "\"flex\""].map(chunk).concat();
    let steps = deltas(&OpenAiChatVendor, &format!("{stream}data: [DONE]\n\n"));
    let tiers = steps.iter().filter_map(|delta| match delta {
        Delta::ServiceTier(tier) => Some(tier.as_str()),
        _ => None,
    });
    assert_eq!(tiers.collect::<Vec<_>>(), ["auto", "flex"]);
    let without: Vec<Delta> =
        steps.iter().filter(|delta| !matches!(delta, Delta::ServiceTier(_))).cloned().collect();
    for (name, dialect) in DIALECTS {
        let told = written(dialect.stream(about()), &steps);
        assert_eq!(told, written(dialect.stream(about()), &without), "{name}");
    }
    let reply = json!({"content": [], "usage": {"input_tokens": 1, "service_tier": "priority"}});
    let reply = AnthropicMessagesVendor.reply(&reply).unwrap();
    assert_eq!(reply.service_tier.as_deref(), Some("priority"));
}

#[test]
fn the_usage_of_hosts_is_read() {
    let usage = |body: Value| OpenAiChatVendor.reply(&body).unwrap().usage;
    let with = |usage: Value| json!({"choices": [], "usage": usage});
    let plain =
        Usage { input_tokens: 6, cached_input_tokens: 3, output_tokens: 2, ..Usage::default() };
    let deepseek = json!({"prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 3, "prompt_cache_miss_tokens": 6});
    assert_eq!(usage(with(deepseek)), Some(plain));
    let groq = json!({"choices": [], "x_groq": {"usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 3}, "queue_time": 0.1}}});
    assert_eq!(usage(groq), Some(plain));
    let sound = json!({"prompt_tokens": 9, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 4}, "completion_tokens_details": {"audio_tokens": 5}});
    let spoken = Usage {
        input_tokens: 2,
        cached_input_tokens: 3,
        audio_input_tokens: 4,
        output_tokens: 2,
        audio_output_tokens: 5,
        ..Usage::default()
    };
    assert_eq!(usage(with(sound)), Some(spoken));
    assert_eq!(usage(with(json!({}))), None);
    let absurd = json!({"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 9}});
    assert_eq!(usage(with(absurd)).unwrap().total_input_tokens(), 1);
}

#[test]
fn errors_of_hosts_are_read() {
    let read = |body: &str| {
        let error = OpenAiChatVendor.error(400, body.as_bytes());
        (error.code.unwrap_or_default(), error.message.unwrap_or_default())
    };
    let pair = |code: &str, message: &str| (code.to_owned(), message.to_owned());
    assert_eq!(
        read(r#"{"object":"error","message":"No.","type":"invalid_model","code":1500}"#),
        pair("1500", "No.")
    );
    assert_eq!(
        read(r#"{"detail":[{"loc":["body"],"msg":"field required"}]}"#),
        pair("", "field required")
    );
    assert_eq!(read(r#"{"detail":"No."}"#), pair("", "No."));
    assert_eq!(read(r#"{"error":"No."}"#), pair("", "No."));
    assert_eq!(
        read(r#"[{"error":{"code":400,"message":"No.","status":"INVALID_ARGUMENT"}}]"#),
        pair("400", "No.")
    );
}

#[test]
fn a_reply_is_written_as_strict_clients_want() {
    let reply = ANTHROPIC.vendor.reply(&json(ANTHROPIC.reply_tools)).unwrap();
    assert_eq!(
        OpenAiChatDialect.reply(&reply, &about()),
        json!({
            "id": "msg_1", "object": "chat.completion", "created": 1_795_000_000, "model": "served-1",
            "choices": [{
                "index": 0,
                "message": {
                    "role": "assistant", "content": "One moment.", "refusal": null, "reasoning_content": "Two tools.",
                    "reasoning_details": [{"type": "reasoning.text", "text": "Two tools.", "signature": "anthropic-messages:c2VhbA==", "format": "anthropic-claude-v1", "index": 0}],
                    "tool_calls": [
                        {"id": "toolu_1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Köln\"}"}},
                        {"id": "toolu_2", "type": "function", "function": {"name": "time", "arguments": "{}"}},
                    ],
                    "annotations": [],
                },
                "logprobs": null,
                "finish_reason": "tool_calls",
            }],
            "usage": {
                "prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
            },
        })
    );
}

#[test]
fn a_stream_is_written_as_documented() {
    let steps = deltas(ANTHROPIC.vendor, ANTHROPIC.stream);
    let stream = written(OpenAiChatDialect.stream(about()), &steps);
    let events = events(&stream);
    let chunk = |choices: Value, usage: Value| {
        json!({
            "id": "msg_1", "object": "chat.completion.chunk", "created": 1_795_000_000, "model": "served-1", "choices": choices, "usage": usage,
        })
    };
    let step = |delta: Value, finish: Value| {
        chunk(
            json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]),
            Value::Null,
        )
    };
    assert_eq!(
        events[0],
        step(json!({"role": "assistant", "content": "", "refusal": null}), Value::Null)
    );
    assert_eq!(events[1], step(json!({"content": "Grü"}), Value::Null));
    assert_eq!(events[3], step(json!({}), json!("stop")));
    assert_eq!(
        (events[4]["choices"].clone(), events[4]["usage"]["total_tokens"].clone()),
        (json!([]), json!(29))
    );
    assert_eq!(events.len(), 5);
    assert_eq!(stream.matches("[DONE]").count(), 1);
    assert!(stream.ends_with("data: [DONE]\n\n"));

    let mut quiet = about();
    quiet.include_usage = false;
    let stream = written(OpenAiChatDialect.stream(quiet), &steps);
    assert!(!stream.contains("usage"));
    assert_eq!(
        written(OpenAiChatDialect.stream(about()), &[])
            .matches("\"finish_reason\":\"stop\"")
            .count(),
        1
    );
}

#[test]
fn a_tool_call_is_written_in_parts() {
    let stream = written(
        OpenAiChatDialect.stream(about()),
        &deltas(ANTHROPIC.vendor, ANTHROPIC.stream_tools),
    );
    let calls: Vec<Value> = events(&stream)
        .iter()
        .filter_map(|event| event.pointer("/choices/0/delta/tool_calls/0").cloned())
        .collect();
    assert_eq!(
        calls,
        [
            json!({"index": 0, "id": "toolu_1", "type": "function", "function": {"name": "weather", "arguments": ""}}),
            json!({"index": 0, "function": {"arguments": "{\"city\":"}}),
            json!({"index": 0, "function": {"arguments": "\"Köln\"}"}}),
            json!({"index": 1, "id": "toolu_2", "type": "function", "function": {"name": "time", "arguments": ""}}),
            json!({"index": 1, "function": {"arguments": "{}"}}),
        ]
    );
}

#[test]
fn several_answers_are_told_apart() {
    let steps = [
        Delta::Start { id: "x".to_owned(), model: String::new() },
        Delta::Text { choice: 1, text: "b".to_owned() },
        Delta::Text { choice: 0, text: "a".to_owned() },
        Delta::Finish { choice: 1, finish: Finish::Length, stop_sequence: None },
    ];
    let told: Vec<(Value, Value)> = events(&written(OpenAiChatDialect.stream(about()), &steps))
        .iter()
        .map(|event| {
            (event["choices"][0]["index"].clone(), event["choices"][0]["finish_reason"].clone())
        })
        .collect();
    let null = Value::Null;
    assert_eq!(
        told,
        [
            (json!(0), null.clone()),
            (json!(1), null.clone()),
            (json!(1), null.clone()),
            (json!(0), null),
            (json!(1), json!("length")),
            (json!(0), json!("stop")),
        ]
    );
}

#[test]
fn a_failure_is_told_without_a_done() {
    let failure =
        StreamFailure { code: "PROVIDER_TIMEOUT", message: "too slow".to_owned(), status: 504 };
    let bytes = OpenAiChatDialect.stream(about()).fail(&failure);
    assert_eq!(
        bytes,
        "data: {\"error\":{\"message\":\"too slow\",\"type\":\"server_error\",\"param\":null,\"code\":\"provider_timeout\"}}\n\n"
    );
}

#[test]
fn a_stream_in_the_same_protocol_reads_back() {
    let steps = deltas(OPENAI.vendor, OPENAI.stream_tools);
    let again = deltas(OPENAI.vendor, &written(OpenAiChatDialect.stream(about()), &steps));
    assert_eq!(sum(&again).choices, sum(&steps).choices);
}

/// Some compatible hosts tell no arguments of a call that has none.
#[test]
fn a_call_without_arguments_has_an_empty_object() {
    let call = |index: u32, function: Value| {
        let call = json!({"index": index, "id": format!("c{index}"), "type": "function", "function": function});
        json!({"id": "r", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})
    };
    let more = json!({"id": "r", "choices": [{"index": 0, "delta": {"tool_calls": [{"index": 2, "function": {"arguments": "{\"a\":1}"}}]}}]});
    let finish =
        json!({"id": "r", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]});
    let chunks = [
        call(0, json!({"name": "on"})),
        call(1, json!({"name": "off", "arguments": ""})),
        call(2, json!({"name": "set", "arguments": ""})),
        more,
        finish,
    ];
    let stream: String = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
    let reply = sum(&deltas(&OpenAiChatVendor, &format!("{stream}data: [DONE]\n\n")));
    let arguments = |parts: &[Part]| -> Vec<String> {
        let calls = parts.iter().filter_map(|part| match part {
            Part::ToolCall(call) => Some(call.arguments.clone()),
            _ => None,
        });
        calls.collect()
    };
    assert_eq!(arguments(&reply.choices[0].parts), ["{}", "{}", "{\"a\":1}"]);
    let whole = json!({"id": "r", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant",
        "content": null, "tool_calls": [{"id": "c0", "type": "function", "function": {"name": "on"}}]}}]});
    let reply = OpenAiChatVendor.reply(&whole).unwrap();
    assert_eq!(arguments(&reply.choices[0].parts), ["{}"]);
}
