//! OpenAI's chat completions, where they differ from the others.

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
