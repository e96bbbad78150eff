//! Thoughts, how they are asked for, and their seals.

use de_core::chat::{Citation, CitedPlace};

use super::*;

/// A reply of thoughts, a hidden thought and a call, of one vendor.
fn sealed(maker: Protocol) -> Vec<Delta> {
    let seal = |data: &str| Seal::of(maker, data.to_owned());
    vec![
        Delta::Start { id: "r1".into(), model: "up".into() },
        Delta::Thinking { choice: 0, seal: None, text: "Hm, ".into() },
        Delta::Thinking { choice: 0, seal: Some(seal("s1")), text: "tools.".into() },
        Delta::Sealed { call: None, choice: 0, seal: seal("s2") },
        Delta::ToolCall {
            arguments: "{}".into(),
            choice: 0,
            id: Some("c1".into()),
            index: 0,
            name: Some("f".into()),
        },
        Delta::Sealed { call: Some(0), choice: 0, seal: seal("s3") },
        Delta::Finish { choice: 0, finish: Finish::ToolCalls, stop_sequence: None },
    ]
}

#[test]
fn seals_come_back_through_either_protocol() {
    for maker in [Protocol::AnthropicMessages, Protocol::Gemini, Protocol::OpenaiResponses] {
        let seal = |data: &str| Seal::of(maker, data.to_owned());
        // As an OpenAI client sends the turn back that it was streamed.
        let stream = written(OpenAiChatDialect.stream(about()), &sealed(maker));
        let (mut details, mut calls) = (Vec::new(), Vec::new());
        for event in events(&stream) {
            let delta = event["choices"][0]["delta"].clone();
            details.extend(delta["reasoning_details"].as_array().cloned().unwrap_or_default());
            calls.extend(delta["tool_calls"].as_array().cloned().unwrap_or_default());
        }
        let turn = json!({"role": "assistant", "content": null, "tool_calls": calls, "reasoning_details": details});
        let (_, call) = OpenAiChatDialect
            .call(&json!({"model": "m", "messages": [{"role": "user", "content": "Go"}, turn]}))
            .unwrap();
        let parts = &call.messages[1].parts;
        assert_eq!(parts[0], Part::Thinking { seal: Some(seal("s1")), text: "Hm, tools.".into() });
        assert_eq!(parts[1], Part::Sealed(seal("s2")));
        let Part::ToolCall(asked) = &parts[2] else { panic!("{parts:?}") };
        assert_eq!(asked.seal, Some(seal("s3")));

        // As an Anthropic client does.
        let stream = written(AnthropicMessagesDialect.stream(about()), &sealed(maker));
        let mut blocks: Vec<Value> = Vec::new();
        for event in events(&stream) {
            let delta = &event["delta"];
            match event["type"].as_str().unwrap() {
                "content_block_start" => blocks.push(event["content_block"].clone()),
                "content_block_delta" => {
                    let block =
                        &mut blocks[usize::try_from(event["index"].as_u64().unwrap()).unwrap()];
                    for (name, member) in [("thinking", "thinking"), ("signature", "signature")] {
                        if let Some(more) = delta[name].as_str() {
                            let whole =
                                block[member].as_str().unwrap_or_default().to_owned() + more;
                            block[member] = whole.into();
                        }
                    }
                }
                _ => {}
            }
        }
        let (_, call) = AnthropicMessagesDialect
            .call(&anthropic(json!({"messages": [{"role": "assistant", "content": blocks}]})))
            .unwrap();
        let parts = &call.messages[0].parts;
        assert_eq!(parts[0], Part::Thinking { seal: Some(seal("s1")), text: "Hm, tools.".into() });
        assert_eq!(parts[1], Part::Sealed(seal("s2")));
        if maker != Protocol::AnthropicMessages {
            let Part::ToolCall(asked) = &parts[2] else { panic!("{parts:?}") };
            assert_eq!(asked.seal, Some(seal("s3")));
        }
        // Only their own vendor gets them back.
        let draft = AnthropicMessagesVendor.request(&call, &target()).unwrap();
        let sent = String::from_utf8_lossy(&draft.body).contains("s1");
        assert_eq!(sent, maker == Protocol::AnthropicMessages);
    }
}

#[test]
fn what_another_provider_of_the_same_protocol_sealed_is_left_out_and_named() {
    for maker in [Protocol::AnthropicMessages, Protocol::Gemini, Protocol::OpenaiResponses] {
        let about = About { provider_id: "ours".to_owned(), ..about() };
        let mut reply = crate::conformance::sum(&sealed(maker));
        if let Some(Part::ToolCall(call)) = reply.choices[0].parts.last_mut() {
            call.seal = Some(Seal::of(maker, "s3".to_owned()));
        }
        let message = &OpenAiChatDialect.reply(&reply, &about)["choices"][0]["message"];
        let signature = message["reasoning_details"][0]["signature"].as_str().unwrap();
        assert_eq!(signature, format!("{maker}@ours:s1"));
        let mut calls = vec![OpenAiChatDialect.call(
            &json!({"model": "m", "messages": [{"role": "user", "content": "Go"}, message]}),
        )];
        if maker != Protocol::AnthropicMessages {
            let content = &AnthropicMessagesDialect.reply(&reply, &about)["content"];
            let body = anthropic(
                json!({"messages": [{"role": "user", "content": "Go"}, {"role": "assistant", "content": content}]}),
            );
            calls.push(AnthropicMessagesDialect.call(&body));
        }
        if maker != Protocol::OpenaiResponses {
            let output = OpenAiResponsesDialect::default().reply(&reply, &about)["output"].clone();
            let mut input = vec![json!({"role": "user", "content": "Go"})];
            input.extend(output.as_array().unwrap().iter().cloned());
            calls.push(
                OpenAiResponsesDialect::default().call(&json!({"model": "m", "input": input})),
            );
        }
        for call in calls {
            let (_, call) = call.unwrap();
            let seals = |call: &ChatCall| {
                let told = call.messages[1].parts.iter().filter_map(|part| match part {
                    Part::Sealed(seal) | Part::Thinking { seal: Some(seal), .. } => {
                        Some(seal.clone())
                    }
                    Part::ToolCall(call) => call.seal.clone(),
                    _ => None,
                });
                told.collect::<Vec<_>>()
            };
            let ours = |data: &str| Seal {
                provider: Some("ours".to_owned()),
                ..Seal::of(maker, data.to_owned())
            };
            let all = [ours("s1"), ours("s2"), ours("s3")];
            assert_eq!(seals(&call), all);
            for (protocol, provider, keeps) in [
                (maker, "ours", true),
                (maker, "theirs", false),
                // Their vendors write no seal of others.
                (Protocol::OpenaiChat, "theirs", true),
            ] {
                let mut call = call.clone();
                let lost = capable::leave_seals_of_others(&mut call, protocol, provider);
                assert_eq!(lost.is_none(), keeps);
                assert_eq!(seals(&call).as_slice(), if keeps { all.as_slice() } else { &[] });
                assert!(
                    call.messages[1].parts.iter().any(|part| matches!(part, Part::ToolCall(_)))
                );
            }
        }
    }
    // Of what a vendor wrote itself nobody knows whose it is.
    let body = anthropic(
        json!({"messages": [{"role": "user", "content": "Go"}, {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "a", "signature": "own"}, {"type": "text", "text": "Hi"},
        ]}]}),
    );
    let (_, mut call) = AnthropicMessagesDialect.call(&body).unwrap();
    let before = call.clone();
    assert_eq!(
        capable::leave_seals_of_others(&mut call, Protocol::AnthropicMessages, "theirs"),
        None
    );
    assert_eq!(call, before);
}

#[test]
fn how_a_model_thinks_is_said_in_each_vendors_words() {
    let thinks = |dialect: &dyn Dialect, vendor: &dyn Vendor, body: Value, reasoning| {
        let (_, call) = dialect.call(&body).unwrap();
        let target = Target { reasoning, ..target() };
        let draft = vendor.request(&call, &target).map_err(|issues| crate::lines(&issues))?;
        let body: Value = serde_json::from_slice(&draft.body).unwrap();
        Ok::<_, Vec<String>>((
            body["thinking"].clone(),
            body["output_config"]["effort"].clone(),
            body["reasoning_effort"].clone(),
        ))
    };
    let (a, o) = (&AnthropicMessagesDialect, &OpenAiChatDialect);
    let (to_a, to_o) = (&AnthropicMessagesVendor, &OpenAiChatVendor);
    let null = Value::Null;
    let budget = anthropic(json!({"thinking": {"type": "enabled", "budget_tokens": 5_000}}));
    assert_eq!(
        thinks(a, to_a, budget.clone(), None).unwrap(),
        (
            json!({"type": "enabled", "budget_tokens": 5_000, "display": "summarized"}),
            null.clone(),
            null.clone()
        )
    );
    assert_eq!(thinks(a, to_o, budget.clone(), None).unwrap().2, "medium");
    assert!(thinks(a, to_o, budget, Some(false)).is_err());
    let off = anthropic(json!({"thinking": {"type": "disabled"}}));
    assert_eq!(thinks(a, to_o, off.clone(), None).unwrap().2, null);
    assert_eq!(thinks(a, to_o, off, Some(true)).unwrap().2, "none");
    let hard = json!({"model": "m", "reasoning_effort": "high", "messages": [{"role": "user", "content": "Hi"}]});
    assert_eq!(thinks(o, to_a, hard, None).unwrap(), (null.clone(), json!("high"), null));
}

#[test]
fn a_model_that_always_thinks_is_not_told_not_to() {
    let off = [
        anthropic(json!({"thinking": {"type": "disabled"}})),
        anthropic(json!({"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}})),
        json!({"model": "m", "reasoning_effort": "none", "messages": [{"role": "user", "content": "Hi"}]}),
    ];
    let dialects: [&dyn Dialect; 3] =
        [&AnthropicMessagesDialect, &AnthropicMessagesDialect, &OpenAiChatDialect];
    for (body, dialect) in off.iter().zip(dialects) {
        let (_, call) = dialect.call(body).unwrap();
        let always = Target { thinking_always_on: Some(true), ..target() };
        let issues = AnthropicMessagesVendor.request(&call, &always).unwrap_err();
        assert_eq!(
            crate::lines(&issues),
            ["/reasoning_effort: this model always thinks: low is the least"]
        );
        let lax = Target { on_unsupported: OnUnsupported::Drop, ..always };
        let draft = AnthropicMessagesVendor.request(&call, &lax).unwrap();
        assert_eq!(draft.dropped[0].pointer, "/reasoning_effort");
        let sent: Value = serde_json::from_slice(&draft.body).unwrap();
        assert_eq!(
            (&sent["thinking"], &sent["output_config"]["effort"]),
            (&Value::Null, &json!("low"))
        );
        // Others are.
        let at_will = Target { thinking_always_on: Some(false), ..target() };
        let draft = AnthropicMessagesVendor.request(&call, &at_will).unwrap();
        let sent: Value = serde_json::from_slice(&draft.body).unwrap();
        assert_eq!(sent["thinking"], json!({"type": "disabled"}));
    }
}

#[test]
fn a_relay_sends_no_seal_to_another_vendor() {
    let seen = json!([
        {"type": "thinking", "thinking": "a", "signature": "own"},
        {"type": "redacted_thinking", "data": "own"},
        {"type": "text", "text": "Hi", "later_member": 1},
    ]);
    let mut all = seen.as_array().unwrap().clone();
    all.push(json!({"type": "thinking", "thinking": "b", "signature": ""}));
    all.push(json!({"type": "thinking", "thinking": "c", "signature": "gemini:x"}));
    all.push(json!({"type": "redacted_thinking", "data": "openai-responses:x"}));
    let body = anthropic(
        json!({"messages": [{"role": "assistant", "content": all}, {"role": "user", "content": "Go on"}]}),
    );
    let body = body.as_object().unwrap().clone();
    let draft = AnthropicMessagesVendor.relay(body.into(), &HeaderMap::new(), &target());
    let sent: Value = serde_json::from_slice(&draft.body).unwrap();
    assert_eq!(sent["messages"][0]["content"], seen);
}

#[test]
fn each_thought_has_a_block_and_a_seal_of_its_own() {
    let thought = |text: &str| Delta::Thinking {
        choice: 0,
        seal: Some(Seal::of(Protocol::AnthropicMessages, text.to_owned())),
        text: text.to_owned(),
    };
    let stream =
        written(AnthropicMessagesDialect.stream(about()), &[thought("one"), thought("two")]);
    let starts = events(&stream);
    let starts = starts.iter().filter(|event| event["type"] == "content_block_start");
    assert_eq!(starts.count(), 2);
}

/// The vendors' SDKs join pieces of text, and cannot join entries of a list that come one by one.
#[test]
fn lists_of_a_message_come_in_one_piece() {
    let source = |url: &str| {
        let place = CitedPlace::Web { mark: None, url: url.to_owned() };
        let citation = Citation { cited_text: None, place, span: None, title: None };
        Delta::Citation { choice: 0, citation }
    };
    let mut steps = sealed(Protocol::AnthropicMessages);
    steps.splice(1..1, [source("https://example.test/1"), source("https://example.test/2")]);
    let stream = events(&written(OpenAiChatDialect.stream(about()), &steps));
    let told = |name: &str| -> Vec<usize> {
        let lists = stream.iter().filter_map(|event| event["choices"][0]["delta"][name].as_array());
        lists.map(Vec::len).collect()
    };
    assert_eq!((told("annotations"), told("reasoning_details")), (vec![2], vec![3]));
    let finish = stream.iter().position(|event| !event["choices"][0]["finish_reason"].is_null());
    let details = |event: &Value| event["choices"][0]["delta"].get("reasoning_details").is_some();
    assert!(stream.iter().position(details) < finish);
}

/// Clients that wait for the signature of a thought send back none without it.
#[test]
fn a_thought_that_nobody_sealed_is_signed_with_nothing() {
    let mut steps = sealed(Protocol::AnthropicMessages);
    steps.truncate(2);
    steps.push(Delta::Text { choice: 0, text: "So.".into() });
    steps.push(Delta::Finish { choice: 0, finish: Finish::Stop, stop_sequence: None });
    let stream = events(&written(AnthropicMessagesDialect.stream(about()), &steps));
    let of_first = stream.iter().filter(|event| event["index"] == 0);
    let kinds: Vec<&str> = of_first
        .map(|event| event["delta"]["type"].as_str().or(event["type"].as_str()).unwrap())
        .collect();
    let expected =
        ["content_block_start", "thinking_delta", "signature_delta", "content_block_stop"];
    assert_eq!(kinds, expected);
    let signature = stream.iter().find_map(|event| event["delta"]["signature"].as_str());
    assert_eq!(signature, Some(""));
}
