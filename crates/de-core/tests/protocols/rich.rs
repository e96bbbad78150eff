//! What goes beyond plain text from protocol to protocol: documents, pictures in results, marks, seals,
//! citations, probabilities, and what becomes of that which a vendor has no word for.

use de_core::{
    chat::{ChatCall, Delta, Finish, Part, Seal, TokenLogprob},
    model::{OnUnsupported, Protocol},
    protocols::{
        About, Dialect, Target, Vendor,
        anthropic_messages::{AnthropicMessagesDialect, AnthropicMessagesVendor},
        capable,
        gemini::GeminiVendor,
        openai_chat::{OpenAiChatDialect, OpenAiChatVendor},
        openai_responses::{OpenAiResponsesDialect, OpenAiResponsesVendor},
    },
};
use http::HeaderMap;
use serde_json::{Value, json};

use super::{Responses, about, events, sent, target, written};

fn anthropic(members: Value) -> Value {
    let mut body =
        json!({"model": "m", "max_tokens": 8_000, "messages": [{"role": "user", "content": "Hi"}]});
    let (all, more) = (body.as_object_mut().unwrap(), members.as_object().unwrap());
    all.extend(more.clone());
    body
}

#[test]
fn documents_go_where_they_can_be_read() {
    let body = anthropic(json!({"messages": [{"role": "user", "content": [
        {"type": "document", "title": "a.pdf", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}},
        {"type": "document", "title": "Notes", "source": {"type": "text", "media_type": "text/plain", "data": "One."}, "citations": {"enabled": true}},
        {"type": "text", "text": "Read."},
    ]}]}));
    let sent_on = sent(&AnthropicMessagesDialect, &OpenAiChatVendor, body.clone());
    assert_eq!(
        sent_on["messages"][0]["content"],
        json!([
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
            {"type": "text", "text": "Notes\n\nOne."},
            {"type": "text", "text": "Read."},
        ])
    );
    assert_eq!(
        sent(&AnthropicMessagesDialect, &AnthropicMessagesVendor, body.clone())["messages"],
        body["messages"]
    );
    let by_address = anthropic(json!({"messages": [{"role": "user", "content": [
        {"type": "document", "source": {"type": "url", "url": "https://example.test/a.pdf"}},
    ]}]}));
    let (_, call) = AnthropicMessagesDialect.call(&by_address).unwrap();
    assert!(OpenAiChatVendor.request(&call, &target()).is_err());
}

#[test]
fn a_result_may_hold_a_picture() {
    let picture =
        json!({"type": "image", "source": {"type": "url", "url": "https://example.test/a.png"}});
    let body = anthropic(json!({"messages": [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t1", "is_error": true, "content": [{"type": "text", "text": "Half of it:"}, picture]},
        ]},
    ]}));
    let (_, call) = AnthropicMessagesDialect.call(&body).unwrap();
    let draft = OpenAiChatVendor.request(&call, &target()).unwrap();
    let dropped: Vec<_> = draft.dropped.iter().map(|issue| issue.pointer.as_str()).collect();
    assert_eq!(dropped, ["/messages/*/is_error"]);
    let messages: Value = serde_json::from_slice(&draft.body).unwrap();
    assert_eq!(
        messages["messages"].as_array().unwrap()[1..],
        [
            json!({"role": "tool", "tool_call_id": "t1", "content": "Half of it:"}),
            json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.test/a.png"}}]}),
        ]
    );
    let back = sent(&AnthropicMessagesDialect, &AnthropicMessagesVendor, body.clone());
    assert_eq!(back["messages"], body["messages"]);
}

/// Two calls, and a picture in the result of each, in the words of each protocol of callers.
fn two_results_with_pictures() -> [(&'static dyn Dialect, Value); 3] {
    let data = |picture: &str| format!("data:image/png;base64,{picture}");
    let use_of = |id: &str| json!({"type": "tool_use", "id": id, "name": "look", "input": {}});
    let told = |id: &str, picture: &str| {
        let source = json!({"type": "base64", "media_type": "image/png", "data": picture});
        json!({"type": "tool_result", "tool_use_id": id, "content": [{"type": "image", "source": source}]})
    };
    let messages = json!([
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": [use_of("c1"), use_of("c2")]},
        {"role": "user", "content": [told("c1", "AAAA"), told("c2", "BBBB"), {"type": "text", "text": "Well?"}]},
    ]);
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "look", "arguments": "{}"}});
    let tool = |id: &str, picture: &str| {
        let parts = json!([{"type": "image_url", "image_url": {"url": data(picture)}}]);
        json!({"role": "tool", "tool_call_id": id, "content": parts})
    };
    let chat = json!({"model": "m", "messages": [
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": null, "tool_calls": [call("c1"), call("c2")]},
        tool("c1", "AAAA"), tool("c2", "BBBB"), {"role": "user", "content": "Well?"},
    ]});
    let call = |id: &str| json!({"type": "function_call", "call_id": id, "name": "look", "arguments": "{}"});
    let output = |id: &str, picture: &str| {
        let parts = json!([{"type": "input_image", "image_url": data(picture)}]);
        json!({"type": "function_call_output", "call_id": id, "output": parts})
    };
    let responses = json!({"model": "m", "input": [
        {"role": "user", "content": "Look"}, call("c1"), call("c2"),
        output("c1", "AAAA"), output("c2", "BBBB"), {"role": "user", "content": "Well?"},
    ]});
    [
        (&AnthropicMessagesDialect, anthropic(json!({"messages": messages}))),
        (&OpenAiChatDialect, chat),
        (&Responses, responses),
    ]
}

/// What a vendor is sent of the pieces named by `marks`, in order.
fn order(body: &Value, marks: &[&'static str]) -> Vec<&'static str> {
    let text = body.to_string();
    let mut found: Vec<(usize, &str)> = Vec::new();
    for mark in marks {
        found.extend(text.match_indices(mark).map(|(at, _)| (at, *mark)));
    }
    found.sort_unstable();
    found.into_iter().map(|(_, mark)| mark).collect()
}

#[test]
fn results_in_parallel_stand_together_and_what_they_show_behind_them() {
    const TOOL: &str = r#""role":"tool""#;
    const RESPONSE: &str = r#""functionResponse":"#;
    for (dialect, body) in two_results_with_pictures() {
        let (_, call) = dialect.call(&body).unwrap();
        let wrote = |vendor: &dyn Vendor, model: &str| -> Value {
            let target = Target { upstream_model: model.to_owned(), ..target() };
            serde_json::from_slice(&vendor.request(&call, &target).unwrap().body).unwrap()
        };
        let chat = wrote(&OpenAiChatVendor, "m");
        let marks = [TOOL, "AAAA", "BBBB", "Well?"];
        assert_eq!(
            order(&chat["messages"], &marks),
            [TOOL, TOOL, "AAAA", "BBBB", "Well?"],
            "{chat}"
        );
        let turns = chat["messages"].as_array().unwrap();
        assert_eq!([&turns[2]["tool_call_id"], &turns[3]["tool_call_id"]], ["c1", "c2"]);

        let gemini = wrote(&GeminiVendor, "gemini-2.5-flash");
        let marks = [RESPONSE, "AAAA", "BBBB", "Well?"];
        let found = order(&gemini["contents"], &marks);
        assert_eq!(found, [RESPONSE, RESPONSE, "AAAA", "BBBB", "Well?"], "{gemini}");
        assert_eq!(gemini["contents"][2]["parts"].as_array().unwrap().len(), 2, "{gemini}");

        let gemini = wrote(&GeminiVendor, "gemini-3.8-flash");
        let results = &gemini["contents"][2]["parts"];
        let shown =
            |index: usize| &results[index]["functionResponse"]["parts"][0]["inlineData"]["data"];
        assert_eq!([shown(0), shown(1)], ["AAAA", "BBBB"], "{gemini}");

        let anthropic = wrote(&AnthropicMessagesVendor, "m");
        let blocks = &anthropic["messages"][2]["content"];
        let shown = |index: usize| &blocks[index]["content"][0]["source"]["data"];
        assert_eq!([shown(0), shown(1)], ["AAAA", "BBBB"], "{anthropic}");

        let responses = wrote(&OpenAiResponsesVendor, "m");
        let outputs: Vec<&Value> = responses["input"].as_array().unwrap().iter().collect();
        let shown = |index: usize| outputs[index]["output"][0]["image_url"].as_str().unwrap();
        assert!(shown(3).ends_with("AAAA") && shown(4).ends_with("BBBB"), "{responses}");
    }
}

#[test]
fn cache_marks_stay_where_they_were_set() {
    let mark = json!({"type": "ephemeral", "ttl": "1h"});
    let body = json!({
        "model": "m",
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}, "cache_control": mark}],
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral"}}]},
            {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": mark}]},
        ],
    });
    let marked = sent(&OpenAiChatDialect, &AnthropicMessagesVendor, body.clone());
    assert_eq!(marked["tools"][0]["cache_control"], mark);
    assert_eq!(marked["system"][0]["cache_control"], json!({"type": "ephemeral"}));
    assert_eq!(
        marked["messages"][0]["content"],
        json!([{"type": "text", "text": "Hi", "cache_control": mark}])
    );
    let (_, call) = OpenAiChatDialect.call(&body).unwrap();
    let draft = OpenAiChatVendor.request(&call, &target()).unwrap();
    assert_eq!(draft.dropped[0].pointer, "/cache_control");
    assert!(!String::from_utf8_lossy(&draft.body).contains("cache_control"));
}

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
        let mut reply = super::conformance::sum(&sealed(maker));
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
fn citations_and_probabilities_are_told_where_there_is_a_place() {
    let page = json!({"type": "web_search_result_location", "url": "https://example.test/", "title": "T", "cited_text": "c", "encrypted_index": "e"});
    let letters = json!({"type": "char_location", "cited_text": "c", "document_index": 1, "document_title": "D", "start_char_index": 2, "end_char_index": 5});
    let reply = AnthropicMessagesVendor
        .reply(&json!({"id": "m1", "model": "up", "stop_reason": "end_turn", "content": [
            {"type": "text", "text": "Söme.", "citations": [page, letters]},
        ]}))
        .unwrap();
    let message = &OpenAiChatDialect.reply(&reply, &about())["choices"][0]["message"];
    assert_eq!(
        message["annotations"],
        json!([{"type": "url_citation", "url_citation": {"url": "https://example.test/", "title": "T", "start_index": 0, "end_index": 5}}])
    );
    let same = AnthropicMessagesDialect.reply(&reply, &about());
    assert_eq!(same["content"][0]["citations"], json!([page, letters]));

    let token = |token: &str| TokenLogprob {
        bytes: Some(token.as_bytes().to_vec()),
        logprob: -0.5,
        token: token.to_owned(),
        top: vec![TokenLogprob {
            logprob: -0.5,
            token: token.to_owned(),
            ..TokenLogprob::default()
        }],
    };
    let deltas = [
        Delta::Text { choice: 0, text: "Hi".into() },
        Delta::Logprobs { choice: 0, tokens: vec![token("H"), token("i")] },
    ];
    let stream = written(OpenAiChatDialect.stream(about()), &deltas);
    let told: Vec<Value> = events(&stream)
        .iter()
        .filter_map(|event| event["choices"][0]["logprobs"]["content"].as_array().cloned())
        .flatten()
        .collect();
    assert_eq!(told.len(), 2);
    assert_eq!(
        told[0],
        json!({"token": "H", "logprob": -0.5, "bytes": [72], "top_logprobs": [{"token": "H", "logprob": -0.5, "bytes": null}]})
    );
    let read = super::conformance::sum(&super::deltas(&OpenAiChatVendor, &stream));
    assert_eq!(read.choices[0].logprobs.as_ref().unwrap()[1].token, "i");
}

#[test]
fn how_a_model_thinks_is_said_in_each_vendors_words() {
    let thinks = |dialect: &dyn Dialect, vendor: &dyn Vendor, body: Value, reasoning| {
        let (_, call) = dialect.call(&body).unwrap();
        let target = Target { reasoning, ..target() };
        let draft = vendor.request(&call, &target).map_err(|issues| super::lines(&issues))?;
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
fn files_of_text_are_read_as_text_where_no_other_files_are() {
    let told = |file: Value| {
        let content = json!([{"type": "file", "file": file}, {"type": "text", "text": "Read."}]);
        let body = json!({"model": "m", "messages": [{"role": "user", "content": content}]});
        let (_, call) = OpenAiChatDialect.call(&body).unwrap();
        let draft = AnthropicMessagesVendor.request(&call, &target());
        let draft = draft.map_err(|issues| super::lines(&issues).join("; "))?;
        let body: Value = serde_json::from_slice(&draft.body).unwrap();
        Ok::<_, String>(body["messages"][0]["content"][0].clone())
    };
    let text = json!({"type": "text", "media_type": "text/plain", "data": "a,b\n"});
    let pdf = json!({"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="});
    for (file, source) in [
        (json!({"file_data": "data:text/csv;base64,YSxiCg=="}), &text),
        (json!({"file_data": "data:Text/CSV;charset=utf-8;base64,YSxiCg=="}), &text),
        (json!({"file_data": "YSxiCg==", "filename": "a.b.CSV"}), &text),
        (json!({"file_data": "JVBERg==", "filename": "a.pdf"}), &pdf),
        (json!({"file_data": "JVBERg==", "filename": "a"}), &pdf),
        (json!({"file_data": "JVBERg=="}), &pdf),
    ] {
        assert_eq!(&told(file.clone()).unwrap()["source"], source, "{file}");
    }
    let named = told(json!({"file_data": "YSxiCg==", "filename": "a.csv"})).unwrap();
    assert_eq!(named["title"], "a.csv");
    let takes = "/messages: this model's vendor takes documents of application/pdf, and of text in UTF-8; got";
    let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    for (file, got) in [
        (json!({"file_data": "UEsDBA==", "filename": "a.docx"}), word),
        (json!({"file_data": "data:text/plain;base64,/w=="}), "text/plain"),
        (json!({"file_data": "data:image/png;base64,iVBORw0KGgo="}), "image/png"),
    ] {
        assert_eq!(told(file), Err(format!("{takes} {got}")));
    }
}

#[test]
fn who_calls_is_told_in_what_openai_takes() {
    let of = |user: &str| {
        let body = anthropic(json!({"metadata": {"user_id": user}}));
        let chat = sent(&AnthropicMessagesDialect, &OpenAiChatVendor, body.clone());
        let responses = sent(&AnthropicMessagesDialect, &OpenAiResponsesVendor, body);
        assert_eq!(chat["user"], responses["safety_identifier"]);
        chat["user"].as_str().unwrap().to_owned()
    };
    assert_eq!(of("u-1"), "u-1");
    // As Claude Code has it.
    let id = "0b5c9a4e-93f1-4d6c-8a37-0c1f2e3d4b5a";
    let long = format!("user_{}_account_{id}_session_{id}", "a".repeat(64));
    assert_eq!((of(&long).len(), of(&long)), (64, of(&long)));
    assert_ne!(of(&long), of(&format!("{long}b")));
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
            super::lines(&issues),
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
    assert_eq!(super::lines(&draft.dropped), ["/user: this vendor has no mark for end users"]);
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
