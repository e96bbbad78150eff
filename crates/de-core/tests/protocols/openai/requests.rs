//! What is read of callers, and written for vendors.

use super::*;

#[test]
fn every_fault_of_a_request_is_named() {
    let body = json!({
        "model": 7, "temperature": "0.2", "top_p": 1.5, "max_tokens": 0, "n": 129, "stop": ["a", 1], "stream": "yes",
        "stream_options": {"include_usage": 1}, "seed": 1.5, "tool_choice": "maybe",
        "tools": [{"type": "function", "function": {"parameters": []}}, 3],
        "response_format": {"type": "json_schema", "json_schema": {}},
        "messages": [
            {"role": "narrator", "content": "x"},
            {"role": "user"},
            {"role": "user", "content": 3},
            {"role": "user", "content": [{"text": "x"}, {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]},
            {"role": "assistant"},
            {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {}}}]},
            {"role": "tool", "content": "x"},
            "x",
        ],
    });
    let mut found = lines(&OpenAiChatDialect.call(&body).unwrap_err());
    found.sort();
    assert_eq!(
        found,
        [
            "/max_tokens: expected a whole number of at least 1, got 0",
            "/messages/1/content: required",
            "/messages/2/content: expected a string or a list of parts, got a number",
            "/messages/3/content/0/type: required",
            "/messages/3/content/1/image_url/url: expected an https address or a data: address with base64",
            "/messages/4/content: required, unless there are tool_calls",
            "/messages/5/tool_calls/0/function/arguments: expected a string, got an object",
            "/messages/6/tool_call_id: required",
            "/messages/7: expected an object, got a string",
            "/model: expected a string, got a number",
            "/n: expected at most 128",
            "/response_format/json_schema/name: required",
            "/seed: expected a whole number, got 1.5",
            "/stop/1: expected a string, got a number",
            "/stream: expected a boolean, got a string",
            "/stream_options/include_usage: expected a boolean, got a number",
            "/temperature: expected a number from 0 to 2, got a string",
            "/tools/0/function/name: required",
            "/tools/0/function/parameters: expected an object, got a list",
            "/tools/1: expected an object, got a number",
            "/top_p: expected a number from 0 to 1, got 1.5",
        ]
    );
    let issues = |body: Value| lines(&OpenAiChatDialect.call(&body).unwrap_err());
    assert_eq!(issues(json!({})), ["/model: required", "/messages: required"]);
    assert_eq!(issues(json!([])), [": expected an object, got a list"]);
    assert_eq!(
        issues(json!({"model": "m", "messages": []})),
        ["/messages: expected at least one message"]
    );
    assert_eq!(
        issues(ask(json!({"max_tokens": 1, "max_completion_tokens": 1}))),
        ["/max_tokens: give max_completion_tokens or max_tokens, not both"]
    );
}

#[test]
fn system_prompts_are_gathered_in_order() {
    let body = json!({"model": "m", "messages": [
        {"role": "developer", "content": "One."},
        {"role": "user", "content": "Hi"},
        {"role": "system", "content": [{"type": "text", "text": "Two."}]},
        {"role": "assistant", "content": null, "refusal": "No."},
    ]});
    let (_, call) = OpenAiChatDialect.call(&body).unwrap();
    // What is said before all turns is the system prompt; later it stays where it is.
    assert_eq!(call.system, ["One.".into()]);
    assert_eq!(call.messages.len(), 3);
    let sent = sent(&OpenAiChatDialect, &OpenAiChatVendor, body);
    assert_eq!(sent["messages"][0], json!({"role": "system", "content": "One."}));
    assert_eq!(sent["messages"][2], json!({"role": "system", "content": "Two."}));
    assert_eq!(
        sent["messages"][3],
        json!({"role": "assistant", "content": null, "refusal": "No."})
    );
}

#[test]
fn what_has_no_place_is_kept_and_what_matters_is_refused_elsewhere() {
    let body = ask(json!({
        "store": false, "x_new": {"a": 1}, "logprobs": false, "logit_bias": {"1": 2},
        "tools": [{"type": "custom", "custom": {"name": "c"}}],
        "messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]}],
    }));
    let (_, call) = OpenAiChatDialect.call(&body).unwrap();
    assert_eq!(call.extra.keys().collect::<Vec<_>>(), ["x_new"]);
    assert_eq!(call.openai.keys().collect::<Vec<_>>(), ["store"]);
    let issues = ANTHROPIC.vendor.request(&call, &target()).unwrap_err();
    let pointers: Vec<_> = issues.iter().map(|issue| issue.pointer.as_str()).collect();
    // The second: nothing is left of the conversation.
    assert_eq!(pointers, ["/tools/0", "/logit_bias", "/messages", "/messages"]);
    // The tool stays essential, the sound too: no model config lets the vendor answer something else.
    let lax = Target { on_unsupported: OnUnsupported::Drop, ..target() };
    let issues = ANTHROPIC.vendor.request(&call, &lax).unwrap_err();
    let pointers: Vec<_> = issues.iter().map(|issue| issue.pointer.as_str()).collect();
    assert_eq!(pointers, ["/tools/0", "/messages", "/messages"]);
}

#[test]
fn a_request_is_written_as_documented() {
    let sent = sent(
        &OpenAiChatDialect,
        &OpenAiChatVendor,
        ask(json!({"max_tokens": 16, "temperature": 0, "stream": true, "n": 2})),
    );
    assert_eq!(
        sent,
        json!({
            "model": "upstream-1",
            "messages": [{"role": "user", "content": "Hi"}],
            "max_completion_tokens": 16,
            "temperature": 0.0,
            "n": 2,
            "stream": true,
            "stream_options": {"include_usage": true},
        })
    );
}

#[test]
fn hosts_and_models_differ() {
    let (_, mut call) = OpenAiChatDialect
        .call(&ask(json!({"max_tokens": 16, "temperature": 1, "top_p": 1, "presence_penalty": 1, "frequency_penalty": 1, "stop": ["1", "2", "3", "4"]})))
        .unwrap();
    let body = |call: &_, target: &Target| -> Value {
        serde_json::from_slice(&OpenAiChatVendor.request(call, target).unwrap().body).unwrap()
    };
    let narrow = Target {
        sampling_params: Some(false),
        max_tokens_field: MaxTokensField::MaxTokens,
        ..target()
    };
    assert_eq!(
        body(&call, &narrow),
        json!({
            "model": "upstream-1", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 16, "stop": ["1", "2", "3", "4"],
        })
    );
    call.logprobs = Some(2);
    assert_eq!(body(&call, &target())["top_logprobs"], 2);
    assert_eq!(
        lines(&OpenAiChatVendor.request(&call, &narrow).unwrap_err()),
        ["/logprobs: this model tells no probabilities of tokens"]
    );
    call.logprobs = None;
    call.stop.push("5".to_owned());
    assert_eq!(
        lines(&OpenAiChatVendor.request(&call, &target()).unwrap_err()),
        ["/stop: this model's vendor takes at most 4"]
    );
    call.stop.clear();
    call.top_k = Some(3);
    assert_eq!(
        lines(&OpenAiChatVendor.request(&call, &target()).unwrap_err()),
        ["/top_k: this model's vendor has no such setting"]
    );
    let lax = Target { on_unsupported: OnUnsupported::Drop, ..target() };
    assert_eq!(body(&call, &lax).get("top_k"), None);
}

#[test]
fn results_of_tools_come_right_after_their_calls() {
    let sent = sent(
        &AnthropicMessagesDialect,
        &OpenAiChatVendor,
        json!({"model": "m", "max_tokens": 9, "messages": [
            {"role": "user", "content": "Go"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "s"},
                {"type": "redacted_thinking", "data": "x"},
                {"type": "tool_use", "id": "t1", "name": "f", "input": {}},
                {"type": "tool_use", "id": "t2", "name": "f", "input": {"a": 1}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1"},
                {"type": "tool_result", "tool_use_id": "t2", "content": "two", "is_error": true},
                {"type": "text", "text": "Go on"},
            ]},
        ]}),
    );
    assert_eq!(
        sent["messages"],
        json!([
            {"role": "user", "content": "Go"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "t2", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
            ]},
            {"role": "tool", "tool_call_id": "t1", "content": ""},
            {"role": "tool", "tool_call_id": "t2", "content": "two"},
            {"role": "user", "content": [{"type": "text", "text": "Go on"}]},
        ])
    );
}

#[test]
fn a_relay_changes_the_model_and_asks_for_usage() {
    let relayed = |body: Value| -> Value {
        let draft = OpenAiChatVendor.relay(
            body.as_object().unwrap().clone().into(),
            &HeaderMap::new(),
            &target(),
        );
        assert_eq!(draft.place, Place::Path("/chat/completions".to_owned()));
        assert_eq!(draft.headers["content-type"], "application/json");
        serde_json::from_slice(&draft.body).unwrap()
    };
    let body = json!({"x": [1, {"y": null}], "model": "m", "stream": true, "stream_options": {"include_obfuscation": false}});
    assert_eq!(
        relayed(body).to_string(),
        r#"{"x":[1,{"y":null}],"model":"upstream-1","stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true}}"#
    );
    let plain = json!({"model": "m", "stream": false, "max_tokens": 3});
    assert_eq!(
        relayed(plain),
        json!({"model": "upstream-1", "stream": false, "max_completion_tokens": 3})
    );
    let asks = |options: Value| {
        include_usage(ask(json!({"stream_options": options})).as_object().unwrap())
    };
    assert!(asks(json!({"include_usage": true})));
    assert!(!asks(json!({"include_usage": false})) && !asks(json!(null)));
}

#[test]
fn a_relay_names_the_bound_as_the_host_does() {
    let ours = target();
    let theirs = Target { max_tokens_field: MaxTokensField::MaxTokens, ..target() };
    let relayed = |body: Value, target: &Target| -> String {
        let body = body.as_object().unwrap().clone();
        let draft = OpenAiChatVendor.relay(body.into(), &HeaderMap::new(), target);
        String::from_utf8(draft.body.to_vec()).unwrap()
    };
    let (old, new) =
        (json!({"model": "", "max_tokens": 3}), json!({"model": "", "max_completion_tokens": 3}));
    let (as_old, as_new) = (
        r#"{"model":"upstream-1","max_tokens":3}"#,
        r#"{"model":"upstream-1","max_completion_tokens":3}"#,
    );
    for body in [old, new] {
        assert_eq!(relayed(body.clone(), &ours), as_new);
        assert_eq!(relayed(body, &theirs), as_old);
    }
    let both = json!({"model": "", "max_tokens": 3, "max_completion_tokens": 4});
    assert_eq!(relayed(both.clone(), &theirs), as_old);
    assert_eq!(relayed(both, &ours), as_new.replace('3', "4"));
    // A null is none, and a value of a wrong type is for the vendor to refuse.
    let null = json!({"model": "", "max_tokens": null, "max_completion_tokens": 3});
    assert_eq!(relayed(null, &theirs), as_old);
    let wrong = json!({"model": "", "max_completion_tokens": "x"});
    assert_eq!(relayed(wrong, &theirs), as_old.replace('3', "\"x\""));
    let seeded = Target { seed_field: SeedField::RandomSeed, ..target() };
    let body = json!({"model": "", "seed": 0, "user": "u"});
    let expected = r#"{"model":"upstream-1","random_seed":0,"user":"u"}"#;
    assert_eq!(relayed(body, &seeded), expected);
}

#[test]
fn a_host_gets_no_member_that_it_refuses() {
    let (_, call) = OpenAiChatDialect.call(&ask(json!({"seed": 0, "user": "u"}))).unwrap();
    let host = Target { seed_field: SeedField::RandomSeed, takes_user: false, ..target() };
    let draft = OpenAiChatVendor.request(&call, &host).unwrap();
    let body: Value = serde_json::from_slice(&draft.body).unwrap();
    assert_eq!(
        body,
        json!({"model": "upstream-1", "messages": [{"role": "user", "content": "Hi"}], "random_seed": 0})
    );
}

#[test]
fn thoughts_go_back_to_models_that_want_them() {
    let call = json!({"type": "tool_use", "id": "c", "name": "f", "input": {}});
    let thought = |text: &str, signature: &str| json!({"type": "thinking", "thinking": text, "signature": signature});
    let result = json!({"type": "tool_result", "tool_use_id": "c", "content": "3"});
    let anthropic = json!({"model": "m", "max_tokens": 9, "messages": [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": [thought("Hm, ", ""), thought("tools.", ""), thought("Not mine.", "sig"), call]},
        {"role": "user", "content": [result]},
    ]});
    let responses = json!({"model": "m", "input": [
        {"role": "user", "content": "Go"},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm, tools."}]},
        {"type": "reasoning", "id": "rs_2", "summary": [{"type": "summary_text", "text": "Not mine."}], "encrypted_content": "gAAA"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "3"},
    ]});
    let wants = Target { takes_thoughts: true, ..target() };
    for call in [
        AnthropicMessagesDialect.call(&anthropic),
        OpenAiResponsesDialect::default().call(&responses),
    ] {
        let (_, call) = call.unwrap();
        for (target, expected) in [(&wants, json!("Hm, tools.")), (&target(), json!(null))] {
            let draft = OpenAiChatVendor.request(&call, target).unwrap();
            let sent: Value = serde_json::from_slice(&draft.body).unwrap();
            assert_eq!(sent["messages"][1]["reasoning_content"], expected, "{sent}");
            assert_eq!(sent["messages"][1]["tool_calls"][0]["id"], "c");
        }
    }
}
