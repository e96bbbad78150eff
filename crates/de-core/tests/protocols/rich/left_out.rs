//! What becomes of that which a vendor has no word for.

use super::*;

#[test]
fn what_becomes_of_the_unsupported_is_the_callers_to_say() {
    let body = json!({
        "model": "m", "seed": 1, "logit_bias": {"1": 2}, "logprobs": true, "verbosity": "low", "store": true,
        "messages": [{"role": "user", "content": "Hi"}],
    });
    let (_, call) = OpenAiChatDialect.call(&body).unwrap();
    let ask = |on_unsupported| {
        AnthropicMessagesVendor.request(&call, &Target { on_unsupported, ..target() })
    };
    let names = |issues: &[de_core::protocols::FieldIssue]| {
        let mut names: Vec<String> = issues.iter().map(|issue| issue.pointer.clone()).collect();
        names.sort();
        names
    };
    let settings = ["/logit_bias", "/logprobs", "/seed", "/verbosity"];
    assert_eq!(names(&ask(OnUnsupported::Reject).unwrap_err()), settings);
    for lax in [OnUnsupported::Drop, OnUnsupported::Warn] {
        let mut all = settings.to_vec();
        all.insert(3, "/store");
        assert_eq!(names(&ask(lax).unwrap().dropped), all);
    }
}

#[test]
fn whatever_is_left_out_is_named() {
    let chat = |messages: Value| json!({"model": "m", "messages": messages});
    let hi = json!({"role": "user", "content": "Hi"});
    let sealed = "gemini@google:x";
    for (dialect, vendor, body, dropped) in [
        // Members that only the caller's protocol has, once for all places that are alike.
        (
            &OpenAiChatDialect as &dyn Dialect,
            &AnthropicMessagesVendor as &dyn Vendor,
            json!({
                "model": "m",
                "messages": [
                    {"role": "user", "name": "Ann", "content": [{"type": "text", "text": "Hi", "x": 1}]},
                    {"role": "assistant", "content": "Yes", "name": "Bo", "annotations": []},
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a.test/b", "detail": "low", "y": 1}}]},
                ],
                "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "description": "d"}},
                "tools": [{"type": "function", "z": null, "function": {"name": "f", "w": 1}}],
            }),
            vec![
                "/messages/*/content/*/image_url/y",
                "/messages/*/content/*/x",
                "/messages/*/detail",
                "/messages/*/name",
                "/response_format/json_schema/description",
                "/tools/*/function/w",
            ],
        ),
        (
            &AnthropicMessagesDialect,
            &OpenAiChatVendor,
            anthropic(json!({
                "tools": [{"name": "f", "input_schema": {}, "defer_loading": true}],
                "metadata": {"x": 1},
                "messages": [
                    {"role": "user", "content": "Hi", "x": 1},
                    {"role": "assistant", "content": [
                        {"type": "thinking", "thinking": "Hm", "signature": "own"},
                        {"type": "text", "text": "Yes", "cache_control": {"type": "ephemeral", "scope": "x"}},
                    ]},
                    hi,
                ],
            })),
            vec![
                "/cache_control",
                "/messages/*/content/*/cache_control/scope",
                "/messages/*/reasoning_details",
                "/messages/*/x",
                "/metadata/x",
                "/tools/*/defer_loading",
            ],
        ),
        (
            &OpenAiResponsesDialect::default(),
            &AnthropicMessagesVendor,
            json!({
                "model": "m", "include": ["of.next_year"], "text": {"x": 1}, "reasoning": {"y": 1},
                "input": [
                    {"role": "user", "content": [{"type": "input_text", "text": "Hi", "z": 1}], "phase": "a"},
                    {"type": "reasoning", "summary": [], "encrypted_content": sealed},
                    {"role": "assistant", "content": "Yes"},
                ],
            }),
            vec![
                "/include",
                "/input/*/content/*/z",
                "/input/*/phase",
                "/messages/*/reasoning_details",
                "/reasoning/y",
                "/text/x",
            ],
        ),
        // What a turn of the model's held, at each vendor that does not take it back.
        (
            &OpenAiChatDialect,
            &GeminiVendor,
            chat(
                json!([hi, {"role": "assistant", "content": "Yes", "reasoning_content": "Hm"}, hi]),
            ),
            vec!["/messages/*/reasoning_details"],
        ),
        (
            &AnthropicMessagesDialect,
            &OpenAiResponsesVendor,
            anthropic(json!({"messages": [hi, {"role": "assistant", "content": [
                {"type": "text", "text": "Yes", "cache_control": {"type": "ephemeral"}},
                {"type": "thinking", "thinking": "Hm", "signature": "own"},
            ]}, hi]})),
            vec!["/cache_control", "/messages/*/reasoning_details"],
        ),
    ] {
        let (_, call) = dialect.call(&body).unwrap();
        let draft = vendor.request(&call, &target()).unwrap();
        let mut names: Vec<&str> =
            draft.dropped.iter().map(|issue| issue.pointer.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, dropped, "{body}");
    }
    // A host that knows no users of its caller's.
    let (_, call) =
        OpenAiChatDialect.call(&json!({"model": "m", "user": "u", "messages": [hi]})).unwrap();
    let draft = OpenAiChatVendor.request(&call, &Target { takes_user: false, ..target() }).unwrap();
    assert_eq!(crate::lines(&draft.dropped), ["/user: this vendor has no mark for end users"]);
    // Any number of members is named up to a bound, and costs no more.
    let many: serde_json::Map<String, Value> =
        (0..10_000).map(|n| (format!("m{n}"), json!(1))).collect();
    let mut turn = hi.clone();
    turn.as_object_mut().unwrap().extend(many);
    let (_, call) = OpenAiChatDialect.call(&chat(json!([turn]))).unwrap();
    assert_eq!(call.own_words.len(), 100);
}

#[test]
fn what_a_relay_takes_out_is_named() {
    let relayed = |vendor: &dyn Vendor, body: Value| {
        let body = body.as_object().unwrap().clone();
        let draft = vendor.relay(body.into(), &HeaderMap::new(), &target());
        draft.dropped.iter().map(|issue| issue.pointer.clone()).collect::<Vec<_>>()
    };
    let thought =
        |signature: &str| json!({"type": "thinking", "thinking": "Hm", "signature": signature});
    let turn = |signature: &str| json!({"model": "m", "messages": [{"role": "assistant", "content": [thought(signature)]}]});
    assert_eq!(relayed(&AnthropicMessagesVendor, turn("own")), [""; 0]);
    assert_eq!(
        relayed(&AnthropicMessagesVendor, turn("gemini@google:x")),
        ["/messages/*/thinking"]
    );
    let items = |encrypted: &str| {
        json!({"model": "m", "input": [
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": encrypted},
            {"role": "assistant", "content": "Yes"},
        ]})
    };
    assert_eq!(relayed(&OpenAiResponsesVendor, items("own")), [""; 0]);
    assert_eq!(
        relayed(&OpenAiResponsesVendor, items("gemini@google:x")),
        ["/input/*/encrypted_content"]
    );
}

#[test]
fn words_of_next_year_are_for_a_relay() {
    let mark = json!({"type": "ephemeral", "ttl": "1d"});
    let user =
        json!({"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": mark}]});
    let chat = |members: Value, turn: &Value| {
        let mut body = json!({"model": "m", "messages": [user.clone()]});
        body["messages"].as_array_mut().unwrap().extend(turn.as_array().unwrap().clone());
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body
    };
    let turn = json!([{"role": "critic", "content": "x"}]);
    let items = json!({"model": "m", "input": [{"role": "user", "content": "Hi"}, turn[0]], "tool_choice": "perhaps"});
    let plain = json!({"model": "m", "input": "Hi", "tool_choice": "perhaps"});
    let to_o = &OpenAiChatVendor;
    let to_a = &AnthropicMessagesVendor;
    let named = json!({"type": "perhaps"});
    for (dialect, vendor, body, refused, dropped) in [
        (
            &AnthropicMessagesDialect as &dyn Dialect,
            to_o as &dyn Vendor,
            chat(json!({"max_tokens": 9, "tool_choice": named.clone()}), &turn),
            vec!["/messages/1/role", "/tool_choice/type"],
            None,
        ),
        (
            &AnthropicMessagesDialect,
            to_o,
            chat(json!({"max_tokens": 9, "tool_choice": named}), &json!([])),
            vec!["/tool_choice/type"],
            Some(vec![
                "/cache_control",
                "/messages/0/content/0/cache_control/ttl",
                "/tool_choice/type",
            ]),
        ),
        (
            &OpenAiChatDialect,
            to_a,
            chat(json!({"tool_choice": "perhaps"}), &turn),
            vec!["/messages/1/role", "/tool_choice"],
            None,
        ),
        (
            &OpenAiChatDialect,
            to_a,
            chat(json!({"tool_choice": "perhaps"}), &json!([])),
            vec!["/tool_choice"],
            Some(vec!["/messages/0/content/0/cache_control/ttl", "/tool_choice"]),
        ),
        (
            &OpenAiResponsesDialect::default(),
            to_a,
            items,
            vec!["/input/1/role", "/tool_choice"],
            None,
        ),
        (
            &OpenAiResponsesDialect::default(),
            to_a,
            plain,
            vec!["/tool_choice"],
            Some(vec!["/tool_choice"]),
        ),
    ] {
        let (_, call) = dialect.call(&body).unwrap();
        let names = |issues: &[de_core::protocols::FieldIssue]| {
            let mut names: Vec<String> = issues.iter().map(|issue| issue.pointer.clone()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&vendor.request(&call, &target()).unwrap_err()), refused, "{body}");
        let lax = Target { on_unsupported: OnUnsupported::Drop, ..target() };
        let left_out = vendor.request(&call, &lax).ok().map(|draft| names(&draft.dropped));
        let dropped = dropped.map(|names| names.into_iter().map(str::to_owned).collect());
        assert_eq!(left_out, dropped, "{body}");
    }
}

#[test]
fn what_anthropic_refuses_is_not_sent() {
    let body = json!({
        "model": "m",
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {}}}}],
        "messages": [
            {"role": "user", "content": "Go"},
            {"role": "assistant", "content": "\n\n", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]},
        ],
    });
    let sent = sent(&OpenAiChatDialect, &AnthropicMessagesVendor, body);
    assert_eq!(sent["tools"][0]["input_schema"], json!({"properties": {}, "type": "object"}));
    assert_eq!(
        sent["messages"][1]["content"],
        json!([{"type": "tool_use", "id": "c", "name": "f", "input": {}}])
    );
    assert_eq!(
        sent["messages"][2]["content"],
        json!([{"type": "tool_result", "tool_use_id": "c", "content": "x", "cache_control": {"type": "ephemeral"}}])
    );
}
