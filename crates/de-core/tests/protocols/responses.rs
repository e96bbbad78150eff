//! OpenAI's responses: what is theirs alone.

use de_core::{
    chat::{ChatCall, Citation, CitedPlace, Delta, Finish, Part, Reasoning, Seal, TokenLogprob},
    model::{OnUnsupported, Protocol},
    protocols::{
        Dialect, DialectStream, StreamFailure, StreamFault, Target, Vendor,
        anthropic_messages::{AnthropicMessagesDialect, AnthropicMessagesVendor},
        openai_chat::OpenAiChatDialect,
        openai_responses::{OpenAiResponsesDialect, OpenAiResponsesVendor},
    },
    receipt::Usage,
    sse,
};
use http::HeaderMap;
use serde_json::{Value, json};

use super::{
    RESPONSES_FAILED, RESPONSES_INCOMPLETE, RESPONSES_REFUSAL, Responses, about, events, json,
    lines, read, sent, target, written,
};

#[test]
fn a_request_says_all_that_chat_says() {
    let body = json!({
        "model": "m", "max_completion_tokens": 100, "temperature": 0.5, "logprobs": true, "top_logprobs": 2,
        "verbosity": "low", "service_tier": "flex", "metadata": {"a": "b"}, "user": "u-1",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "https://example.test/a.png", "detail": "low"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
            ]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}},
            ]},
            {"role": "tool", "tool_call_id": "call_1", "content": "a cat"},
            {"role": "developer", "content": "In French."},
            {"role": "user", "content": "Well?"},
        ],
        "tools": [{"type": "function", "function": {"name": "look"}}],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "response_format": {"type": "json_object"}, "stream": true,
    });
    assert_eq!(
        sent(&OpenAiChatDialect, &OpenAiResponsesVendor, body),
        json!({
            "model": "upstream-1",
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": [
                    {"type": "input_text", "text": "What is this?"},
                    {"type": "input_image", "image_url": "https://example.test/a.png", "detail": "low"},
                    {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
                ]},
                {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "call_1", "output": "a cat"},
                {"role": "developer", "content": "In French."},
                {"role": "user", "content": "Well?"},
            ],
            "max_output_tokens": 100, "temperature": 0.5, "top_logprobs": 2,
            "include": ["message.output_text.logprobs"],
            // One that does not say so would be strict here, and is not elsewhere.
            "tools": [{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}, "strict": false}],
            "tool_choice": {"type": "function", "name": "look"},
            "text": {"format": {"type": "json_object"}, "verbosity": "low"},
            "safety_identifier": "u-1", "store": false, "service_tier": "flex", "metadata": {"a": "b"},
            "stream": true,
        })
    );
}

#[test]
fn what_a_model_does_not_take_while_it_thinks_stays_here() {
    let body = json!({
        "model": "m", "reasoning_effort": "low", "temperature": 0.5, "top_p": 0.9, "logprobs": true, "top_logprobs": 2,
        "presence_penalty": 1, "messages": [{"role": "user", "content": "Hi"}],
    });
    let (_, call) = OpenAiChatDialect.call(&body).unwrap();
    let lax = |reasoning, sampling_params| Target {
        on_unsupported: OnUnsupported::Drop,
        reasoning,
        sampling_params,
        ..target()
    };
    let thinking = ["temperature", "top_p", "presence_penalty", "logprobs"];
    for (asked, target, left_out, sent_on) in [
        // It thinks since it is told to, whatever is known of it.
        (&call, lax(Some(true), None), &thinking[..], &[][..]),
        (&call, lax(None, None), &thinking, &[]),
        // It does not think.
        (&call, lax(Some(false), None), &["reasoning_effort"], &["temperature", "top_p"]),
        // It is told not to, or may not be one that thinks of itself.
        (&told_not_to_think(&call), lax(Some(true), None), &[], &["temperature", "top_p"]),
        (&told_nothing(&call), lax(Some(true), None), &[], &["temperature", "top_p"]),
        (
            &told_nothing(&call),
            lax(Some(true), Some(false)),
            &["temperature", "top_p", "logprobs"],
            &[],
        ),
    ] {
        let draft = OpenAiResponsesVendor.request(asked, &target).unwrap();
        let sent: Value = serde_json::from_slice(&draft.body).unwrap();
        let dropped: Vec<_> =
            draft.dropped.iter().map(|issue| issue.pointer.trim_start_matches('/')).collect();
        for name in left_out {
            assert!(dropped.contains(name), "{name} in {dropped:?}");
        }
        for name in ["temperature", "top_p"] {
            assert_eq!(sent.get(name).is_some(), sent_on.contains(&name), "{name} in {sent}");
        }
        let probable = sent["include"].to_string().contains("logprobs");
        assert_eq!(probable, !sent_on.is_empty(), "{sent}");
        assert_eq!(sent.get("top_logprobs").is_some(), probable);
    }
    // Without them the answer is another one, so that a caller who has not said so is asked.
    let strict = Target { reasoning: Some(true), ..target() };
    let told = lines(&OpenAiResponsesVendor.request(&call, &strict).unwrap_err());
    assert_eq!(told, ["/logprobs: this model tells no probabilities of tokens"]);
}

fn told_nothing(call: &ChatCall) -> ChatCall {
    ChatCall { presence_penalty: None, reasoning: Reasoning::default(), ..call.clone() }
}

fn told_not_to_think(call: &ChatCall) -> ChatCall {
    let reasoning = Reasoning { is_on: Some(false), ..Reasoning::default() };
    ChatCall { reasoning, ..told_nothing(call) }
}

#[test]
fn what_cannot_be_said_is_named() {
    let body = json!({
        "model": "m", "max_tokens": 8, "stop": "END", "seed": 1, "n": 2, "presence_penalty": 1,
        "messages": [{"role": "user", "content": [
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        ]}],
    });
    let (_, call) = OpenAiChatDialect.call(&body).unwrap();
    let mut told = lines(&OpenAiResponsesVendor.request(&call, &target()).unwrap_err());
    told.sort();
    assert_eq!(
        told,
        [
            "/max_tokens: this model's vendor takes 16 or more",
            "/messages: this model's vendor takes no sound",
            "/n: this model's vendor gives one answer",
            "/presence_penalty: this model's vendor has no such setting",
            "/seed: this model's vendor has no such setting",
            "/stop: this model's vendor has no such setting",
        ]
    );
}

#[test]
fn the_vendor_stores_nothing_whatever_the_caller_says() {
    for said in [json!({}), json!({"store": false}), json!({"store": true})] {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
        body.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
        let (_, call) = OpenAiChatDialect.call(&body).unwrap();
        let draft = OpenAiResponsesVendor.request(&call, &target()).unwrap();
        let sent: Value = serde_json::from_slice(&draft.body).unwrap();
        assert_eq!(sent["store"], false);
        let told = draft.dropped.iter().any(|issue| issue.pointer == "/store");
        assert_eq!(told, said["store"] == true);
    }
}

fn relayed(body: Value, reasoning: Option<bool>) -> Value {
    let target = Target { reasoning, ..target() };
    let body = body.as_object().unwrap().clone();
    let draft = OpenAiResponsesVendor.relay(body.into(), &HeaderMap::new(), &target);
    serde_json::from_slice(&draft.body).unwrap()
}

#[test]
fn a_relay_keeps_all_and_lets_nothing_rest_at_the_vendor() {
    let body = json!({
        "model": "m", "input": "Hi", "store": true, "later_member": {"a": [1]}, "tools": [{"type": "web_search"}],
    });
    let mut expected = body.clone();
    expected["model"] = "upstream-1".into();
    expected["store"] = false.into();
    assert_eq!(relayed(body.clone(), None), expected);
    expected["include"] = json!(["reasoning.encrypted_content"]);
    assert_eq!(relayed(body.clone(), Some(true)), expected);
    let mut off = body;
    off["reasoning"] = json!({"effort": "none"});
    assert!(relayed(off, Some(true)).get("include").is_none());
}

#[test]
fn a_relay_sends_no_thought_that_the_vendor_would_refuse() {
    let thought = |id: &str, encrypted: Option<&str>| json!({"type": "reasoning", "id": id, "summary": [], "encrypted_content": encrypted});
    let said = json!({"role": "assistant", "content": "Hi"});
    let user = json!({"role": "user", "content": "Hi"});
    let input = json!([
        user,
        thought("rs_1", Some("gAAAA")),
        thought("rs_2", None),
        thought("rs_3", Some("anthropic-messages:sig")),
        said,
        thought("rs_4", Some("gAAAA")),
        thought("rs_5", Some("gAAAA")),
        user,
    ]);
    let sent = relayed(json!({"model": "m", "input": input}), None);
    assert_eq!(sent["input"], json!([user, thought("rs_1", Some("gAAAA")), said, user]));
}

#[test]
fn ends_are_read_as_they_are_told() {
    let reply = OpenAiResponsesVendor.reply(&json(RESPONSES_INCOMPLETE)).unwrap();
    assert_eq!((reply.text().as_str(), &reply.choices[0].finish), ("Grü", &Finish::Length));
    let mut filtered = json(RESPONSES_INCOMPLETE);
    filtered["incomplete_details"]["reason"] = "content_filter".into();
    let reply = OpenAiResponsesVendor.reply(&filtered).unwrap();
    assert_eq!(reply.choices[0].finish, Finish::ContentFilter);
    let reply = OpenAiResponsesVendor.reply(&json(RESPONSES_REFUSAL)).unwrap();
    let words = "I cannot help with that.".to_owned();
    assert_eq!(reply.choices[0].parts, [Part::Refusal(words)]);
    let mut failed = json(RESPONSES_REFUSAL);
    failed["status"] = "failed".into();
    failed["error"] = json!({"code": "server_error", "message": "No."});
    let fault = OpenAiResponsesVendor.reply(&failed).unwrap_err();
    assert_eq!(
        (fault.pointer.as_str(), fault.reason.as_str()),
        ("/status", "failed: server_error")
    );
    let (_, end) = read(&OpenAiResponsesVendor, [RESPONSES_FAILED.as_bytes()]);
    let Err(StreamFault::Vendor(error)) = end else { panic!("{end:?}") };
    assert_eq!(error.code.as_deref(), Some("rate_limit_exceeded"));
}

#[test]
fn hosts_that_tell_wholes_alone_are_read_too() {
    let response = json!({"id": "resp_1", "model": "m", "status": "completed", "output": []});
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
    let thought = json!({"type": "reasoning", "id": "rs_1", "content": [{"type": "reasoning_text", "text": "Hm."}]});
    let said = json!({"type": "message", "content": [{"type": "output_text", "text": "Hi"}]});
    let mut stream = String::new();
    for (index, item) in [thought, said, call].into_iter().enumerate() {
        let event =
            json!({"type": "response.output_item.done", "output_index": index, "item": item});
        stream.push_str(&format!("data: {event}\n\n"));
    }
    let event = json!({"type": "response.completed", "response": response});
    stream.push_str(&format!("data: {event}\n\ndata: [DONE]\n\n"));
    let (deltas, end) = read(&OpenAiResponsesVendor, [stream.as_bytes()]);
    assert_eq!(end, Ok(true));
    let reply = super::conformance::sum(&deltas);
    assert_eq!(reply.choices[0].finish, Finish::ToolCalls);
    let [Part::Thinking { text, .. }, Part::Text(said), Part::ToolCall(call)] =
        reply.choices[0].parts.as_slice()
    else {
        panic!("{reply:?}")
    };
    assert_eq!([text, said, &call.arguments], ["Hm.", "Hi", "{}"]);
}

fn long_answer() -> Vec<Delta> {
    let seal = Seal::of(Protocol::AnthropicMessages, "sig".into());
    let place = CitedPlace::Web { mark: None, url: "https://example.test/".into() };
    let token = TokenLogprob { logprob: -0.5, token: "Sö".into(), ..TokenLogprob::default() };
    vec![
        Delta::Start { id: "msg_01".into(), model: "up".into() },
        Delta::Thinking { choice: 0, seal: None, text: "Hm".into() },
        Delta::Thinking { choice: 0, seal: Some(seal), text: ".".into() },
        Delta::Logprobs { choice: 0, tokens: vec![token.clone()] },
        Delta::Text { choice: 0, text: "Sö".into() },
        Delta::Text { choice: 0, text: ".".into() },
        Delta::Logprobs { choice: 0, tokens: vec![token] },
        Delta::Citation {
            choice: 0,
            citation: Citation { cited_text: None, place, span: None, title: Some("T".into()) },
        },
        Delta::Refusal { choice: 0, text: "No.".into() },
        Delta::ToolCall {
            arguments: String::new(),
            choice: 0,
            id: Some("toolu_1".into()),
            index: 0,
            name: Some("f".into()),
        },
        Delta::ToolCall { arguments: "{}".into(), choice: 0, id: None, index: 0, name: None },
        Delta::Usage(Usage { input_tokens: 5, output_tokens: 7, ..Usage::default() }),
        Delta::Finish { choice: 0, finish: Finish::ToolCalls, stop_sequence: None },
    ]
}

#[test]
fn events_come_in_the_documented_order() {
    let asked = json!({"instructions": "Be brief.", "tools": [{"type": "function", "name": "f"}], "metadata": {"a": "b"}});
    let dialect = OpenAiResponsesDialect { asked: asked.as_object().unwrap().clone() };
    let stream = written(dialect.stream(about()), &long_answer());
    let told = events(&stream);
    let names: Vec<&str> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.reasoning_summary_part.added",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done",
            "response.reasoning_summary_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.annotation.added",
            "response.output_text.done",
            "response.content_part.done",
            "response.content_part.added",
            "response.refusal.delta",
            "response.refusal.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    for (number, event) in told.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    assert!(stream.starts_with("event: response.created\ndata: {\"type\":\"response.created\","));
    let response = &told.last().unwrap()["response"];
    let token = json!({"token": "Sö", "logprob": -0.5, "bytes": null, "top_logprobs": []});
    assert_eq!(
        response["output"],
        json!([
            {"id": "rs_1_0", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "anthropic-messages:sig"},
            {"id": "msg_1_1", "type": "message", "status": "completed", "role": "assistant", "content": [
                {"type": "output_text", "text": "Sö.", "logprobs": [token, token], "annotations": [
                    {"type": "url_citation", "start_index": 0, "end_index": 3, "url": "https://example.test/", "title": "T"},
                ]},
                {"type": "refusal", "refusal": "No."},
            ]},
            {"id": "fc_1_2", "type": "function_call", "status": "completed", "call_id": "toolu_1", "name": "f", "arguments": "{}"},
        ])
    );
    assert_eq!(
        response["usage"],
        json!({
            "input_tokens": 5, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 12,
        })
    );
    for (name, value) in [
        ("id", json!("resp_1")),
        ("instructions", json!("Be brief.")),
        ("metadata", json!({"a": "b"})),
        ("model", json!("served-1")),
        ("object", json!("response")),
        ("parallel_tool_calls", json!(true)),
        ("status", json!("completed")),
        ("store", json!(false)),
        ("tool_choice", json!("auto")),
        ("tools", asked["tools"].clone()),
    ] {
        assert_eq!(response[name], value, "{name}");
    }
    // The same answer, whole, is the same response.
    let reply = super::conformance::sum(&long_answer());
    let mut whole = Responses.reply(&reply, &about());
    whole["instructions"] = response["instructions"].clone();
    whole["metadata"] = response["metadata"].clone();
    whole["tools"] = response["tools"].clone();
    assert_eq!(whole, *response);
}

#[test]
fn a_cut_answer_is_incomplete() {
    for (finish, reason) in
        [(Finish::Length, "max_output_tokens"), (Finish::ContentFilter, "content_filter")]
    {
        let deltas = [
            Delta::Text { choice: 0, text: "Hi".into() },
            Delta::Finish { choice: 0, finish, stop_sequence: None },
        ];
        let told = events(&written(Responses.stream(about()), &deltas));
        let last = told.last().unwrap();
        assert_eq!(last["type"], "response.incomplete");
        assert_eq!(last["response"]["incomplete_details"]["reason"], reason);
        assert_eq!(last["response"]["output"][0]["status"], "incomplete");
    }
}

#[test]
fn a_failure_is_told_as_the_protocol_tells_it() {
    let failure = |status| StreamFailure {
        code: "PROVIDER_TIMEOUT",
        message: "it stopped sending".to_owned(),
        status,
    };
    let told = |mut writer: Box<dyn DialectStream>, status| {
        let text = String::from_utf8(writer.fail(&failure(status)).to_vec()).unwrap();
        events(&text).pop().unwrap()
    };
    assert_eq!(
        told(Responses.stream(about()), 504),
        json!({"type": "error", "sequence_number": 0, "code": "provider_timeout", "message": "it stopped sending", "param": null})
    );
    let mut writer = Responses.stream(about());
    writer.delta(&Delta::Text { choice: 0, text: "Hi".into() });
    let event = told(writer, 504);
    assert_eq!((&event["type"], &event["sequence_number"]), (&json!("response.failed"), &json!(5)));
    assert_eq!(event["response"]["status"], "failed");
    let error = json!({"code": "server_error", "message": "it stopped sending"});
    assert_eq!(event["response"]["error"], error);
    // Behind events that passed as they were, it is the vendor's response that failed.
    let mut writer = Responses.stream(about());
    for event in sse::Decoder::default().push(RESPONSES_FAILED.as_bytes()).into_iter().take(4) {
        writer.passed(&event.unwrap());
    }
    let event = told(writer, 429);
    assert_eq!((&event["type"], &event["sequence_number"]), (&json!("response.failed"), &json!(4)));
    assert_eq!(event["response"]["model"], "gpt-6-luna");
    assert_eq!(event["response"]["error"]["code"], "rate_limit_exceeded");
}

#[test]
fn what_only_this_protocol_says_has_its_weight() {
    let body = json!({
        "model": "m",
        "input": [
            {"role": "user", "content": [{"type": "input_image", "file_id": "file_1"}]},
            {"type": "web_search_call", "id": "ws_1"},
        ],
        "tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}, "prompt": {"id": "pmpt_1"},
        "truncation": "auto", "metadata": {"a": "b"}, "store": true, "later": 1,
    });
    let (_, call) = Responses.call(&body).unwrap();
    assert_eq!(call.extra.keys().collect::<Vec<_>>(), ["later"]);
    assert_eq!(call.openai.keys().collect::<Vec<_>>(), ["metadata"]);
    let mut refused = lines(&AnthropicMessagesVendor.request(&call, &target()).unwrap_err());
    refused.sort();
    let only = "only OpenAI's own protocol can say this, and this model's vendor speaks another";
    let places = ["/input/0/content/0/file_id", "/input/1", "/prompt", "/tool_choice", "/tools/0"];
    let mut expected: Vec<String> = places.map(|place| format!("{place}: {only}")).into();
    expected.push("/messages: this model's vendor needs at least one message with content".into());
    expected.sort();
    assert_eq!(refused, expected);
}

#[test]
fn wrong_fields_are_all_named() {
    let body = json!({
        "input": [
            {"role": "tool", "content": "a"},
            {"role": "user", "content": [{"type": "output_text", "text": "a"}]},
            {"role": "assistant", "content": [{"type": "input_text", "text": "a"}]},
            {"type": "function_call", "name": "f"},
            {"type": "function_call_output", "output": 1},
            {"role": "user", "content": [{"type": "input_image"}, {"type": "input_file"}, {"type": "input_image", "image_url": "ftp://a"}]},
            {"type": "item_reference", "id": "msg_1"},
            {"id": "msg_1"},
        ],
        "background": true, "conversation": "conv_1", "max_output_tokens": 0, "store": "yes",
        "previous_response_id": 1, "text": {"format": {"type": "json_schema"}}, "tools": [{"type": "function"}],
        "tool_choice": "must", "include": "usage",
    });
    let issues = Responses.call(&body).unwrap_err();
    let mut places: Vec<&str> = issues.iter().map(|issue| issue.pointer.as_str()).collect();
    places.sort_unstable();
    assert_eq!(
        places,
        [
            "/background",
            "/conversation",
            "/include",
            "/input/3/arguments",
            "/input/3/call_id",
            "/input/4/call_id",
            "/input/4/output",
            "/input/5/content/0/image_url",
            "/input/5/content/1/file_data",
            "/input/5/content/2/image_url",
            "/input/6",
            "/input/7",
            "/max_output_tokens",
            "/model",
            "/previous_response_id",
            "/store",
            "/text/format/name",
            "/text/format/schema",
            "/tools/0/name",
        ]
    );
    for (body, reason) in [
        (json!({"model": "m"}), "/input: required"),
        (json!({"model": "m", "input": []}), "/input: expected at least one item"),
        (
            json!({"model": "m", "input": 1}),
            "/input: expected a string or a list of items, got a number",
        ),
    ] {
        assert_eq!(lines(&Responses.call(&body).unwrap_err()), [reason]);
    }
}

#[test]
fn thoughts_go_back_to_their_maker_alone() {
    // An answer of Anthropic's, sent back by a client of this protocol.
    let reply = super::conformance::sum(&long_answer());
    let response = Responses.reply(&reply, &about());
    let mut input = vec![json!({"role": "user", "content": "Hi"})];
    input.extend(response["output"].as_array().unwrap().iter().cloned());
    input.push(json!({"type": "function_call_output", "call_id": "toolu_1", "output": "3"}));
    let body = json!({"model": "m", "input": input});
    let back = sent(&Responses, &AnthropicMessagesVendor, body.clone());
    assert_eq!(
        back["messages"][1]["content"][0],
        json!({"type": "thinking", "thinking": "Hm.", "signature": "sig"})
    );
    let elsewhere = sent(&Responses, &OpenAiResponsesVendor, body);
    let kinds: Vec<_> =
        elsewhere["input"].as_array().unwrap().iter().map(|item| item["type"].clone()).collect();
    assert_eq!(
        kinds,
        [
            Value::Null,
            Value::Null,
            Value::Null,
            json!("function_call"),
            json!("function_call_output")
        ]
    );

    // An answer of OpenAI's, sent back by a client of Anthropic's protocol.
    let reply = OpenAiResponsesVendor.reply(&json(super::RESPONSES.reply_tools)).unwrap();
    let message = AnthropicMessagesDialect.reply(&reply, &about());
    let results = json!([
        {"type": "tool_result", "tool_use_id": "call_1", "content": "rain"},
        {"type": "tool_result", "tool_use_id": "call_2", "content": "noon"},
    ]);
    let body = json!({"model": "m", "max_tokens": 100, "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": message["content"]},
        {"role": "user", "content": results},
    ]});
    let back = sent(&AnthropicMessagesDialect, &OpenAiResponsesVendor, body);
    let thought = &back["input"][1];
    assert_eq!(
        (&thought["id"], &thought["encrypted_content"]),
        (&json!("rs_1"), &json!("gAAAAABo-1"))
    );
    assert_eq!(back["input"][2]["type"], "function_call");
}

#[test]
fn a_place_is_told_where_the_caller_wrote_it() {
    for (pointer, place) in [
        ("/logprobs", "/include"),
        ("/max_tokens", "/max_output_tokens"),
        ("/messages/0/content", "/input/0/content"),
        ("/reasoning_effort", "/reasoning/effort"),
        ("/response_format", "/text/format"),
        ("/seed", "/seed"),
        ("/verbosity", "/text/verbosity"),
    ] {
        assert_eq!(Responses.place(pointer), place);
    }
}
