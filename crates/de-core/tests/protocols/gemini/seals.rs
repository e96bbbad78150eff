//! Whose seals come back.

use super::*;

#[test]
fn seals_are_read_and_a_text_s_stands_behind_it() {
    let reply = GeminiVendor.reply(&json(SEALED)).unwrap();
    let seal = |data: &str| Seal::of(Protocol::Gemini, data.to_owned());
    let seals: Vec<Option<Seal>> = reply.choices[0]
        .parts
        .iter()
        .map(|part| if let Part::ToolCall(call) = part { call.seal.clone() } else { None })
        .collect();
    assert_eq!(seals, [Some(seal("U2VhbEE=")), None]);
    let chunk = |part: Value, end: Value| {
        let candidate = json!({"content": {"parts": [part]}, "finishReason": end, "index": 0});
        format!("data: {}\n\n", json!({"candidates": [candidate], "responseId": "r"}))
    };
    let stream = chunk(json!({"text": "Hi"}), Value::Null)
        + &chunk(json!({"text": "", "thoughtSignature": "U2VhbEI="}), json!("STOP"));
    let told = deltas(&GeminiVendor, &stream);
    assert_eq!(told[2], Delta::Sealed { call: None, choice: 0, seal: seal("U2VhbEI=") });
    // What stays open is not whole.
    let open = chunk(json!({"text": "Hi"}), Value::Null);
    assert_eq!(read(&GeminiVendor, [open.as_bytes()]).1, Ok(false));
}

/// The assistant's turn that a caller of this dialect keeps: of a whole answer, or of a stream.
fn kept(name: &str, dialect: &dyn Dialect, body: &Value, streamed: bool) -> Value {
    let reply = GeminiVendor.reply(body).unwrap();
    let steps = deltas(&GeminiVendor, &format!("data: {body}\n\n"));
    match (name, streamed) {
        ("openai-chat", false) => dialect.reply(&reply, &about())["choices"][0]["message"].clone(),
        ("openai-chat", true) => {
            let mut turn = json!({"role": "assistant", "content": null});
            let mut calls: Vec<Value> = Vec::new();
            let mut details: Vec<Value> = Vec::new();
            for event in events(&written(dialect.stream(about()), &steps)) {
                let delta = &event["choices"][0]["delta"];
                if let Some(text) = delta["content"].as_str().filter(|text| !text.is_empty()) {
                    let said = turn["content"].as_str().unwrap_or_default().to_owned() + text;
                    turn["content"] = json!(said);
                }
                details.extend(delta["reasoning_details"].as_array().cloned().unwrap_or_default());
                for call in delta["tool_calls"].as_array().into_iter().flatten() {
                    let index = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
                    if index == calls.len() {
                        calls.push(json!({"id": call["id"], "type": "function", "function": {
                            "name": call["function"]["name"], "arguments": "",
                        }}));
                    }
                    let more = call["function"]["arguments"].as_str().unwrap_or_default();
                    let whole = calls[index]["function"]["arguments"].as_str().unwrap().to_owned();
                    calls[index]["function"]["arguments"] = json!(whole + more);
                }
            }
            if !calls.is_empty() {
                turn["tool_calls"] = json!(calls);
            }
            turn["reasoning_details"] = json!(details);
            turn
        }
        (_, false) => {
            json!({"role": "assistant", "content": dialect.reply(&reply, &about())["content"]})
        }
        (_, true) => {
            let mut blocks: Vec<Value> = Vec::new();
            let mut input = String::new();
            for event in events(&written(dialect.stream(about()), &steps)) {
                match event["type"].as_str().unwrap() {
                    "content_block_start" => blocks.push(event["content_block"].clone()),
                    "content_block_delta" => {
                        let delta = &event["delta"];
                        input.push_str(delta["partial_json"].as_str().unwrap_or_default());
                        if let Some(text) = delta["text"].as_str() {
                            let last = blocks.last_mut().unwrap();
                            last["text"] = json!(last["text"].as_str().unwrap().to_owned() + text);
                        }
                    }
                    "content_block_stop" if !input.is_empty() => {
                        blocks.last_mut().unwrap()["input"] = json(&std::mem::take(&mut input));
                    }
                    _ => {}
                }
            }
            json!({"role": "assistant", "content": blocks})
        }
    }
}

/// The dialects whose callers send turns back; of OpenAI's responses they send items, which are told of in
/// `responses.rs`.
const OF_TURNS: [(&str, &dyn Dialect); 2] =
    [("anthropic-messages", &AnthropicMessagesDialect), ("openai-chat", &OpenAiChatDialect)];

#[test]
fn callers_of_both_dialects_keep_the_seals_of_a_loop_of_tools() {
    for streamed in [false, true] {
        for (name, dialect) in OF_TURNS {
            let turn = kept(name, dialect, &json(SEALED), streamed);
            let results = |id: &str, text: &str| match name {
                "openai-chat" => json!({"role": "tool", "tool_call_id": id, "content": text}),
                _ => {
                    json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": text}]})
                }
            };
            let request = json!({"model": "m", "max_tokens": 50, "messages": [
                {"role": "user", "content": "Weather?"},
                turn,
                results("fc_1", "15"),
                results("fc_2", "12"),
            ]});
            let (_, call) = dialect.call(&request).unwrap();
            let draft = GeminiVendor.request(&call, &of("gemini-3.8-flash")).unwrap();
            let sent: Value = serde_json::from_slice(&draft.body).unwrap();
            let said = &json(SEALED)["candidates"][0]["content"];
            assert_eq!(sent["contents"][1]["parts"], said["parts"], "{name} {streamed}");
            let result = |id: &str, text: &str| {
                json!({"functionResponse": {
                    "id": id, "name": "weather", "response": {"output": text},
                }})
            };
            let expected = json!([result("fc_1", "15"), result("fc_2", "12")]);
            assert_eq!(sent["contents"][2]["parts"], expected, "{name} {streamed}");
            assert_eq!(sent["contents"].as_array().unwrap().len(), 3);
        }
    }
}

#[test]
fn callers_of_both_dialects_keep_the_seal_of_a_text() {
    let part = json!({"text": "It rains.", "thoughtSignature": "U2VhbEM="});
    let body = json!({
        "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}],
        "responseId": "r", "modelVersion": "m",
    });
    for streamed in [false, true] {
        for (name, dialect) in OF_TURNS {
            let turn = kept(name, dialect, &body, streamed);
            let request = json!({"model": "m", "max_tokens": 50, "messages": [
                {"role": "user", "content": "Weather?"}, turn, {"role": "user", "content": "And now?"},
            ]});
            let (_, call) = dialect.call(&request).unwrap();
            let draft = GeminiVendor.request(&call, &of("gemini-3.8-flash")).unwrap();
            let sent: Value = serde_json::from_slice(&draft.body).unwrap();
            assert_eq!(sent["contents"][1]["parts"], json!([part]), "{name} {streamed}");
            // Its maker alone reads it.
            for speaker in crate::SPEAKERS.iter().filter(|speaker| speaker.name != "gemini") {
                let draft = speaker.vendor.request(&call, &target()).unwrap();
                assert!(!String::from_utf8_lossy(&draft.body).contains("U2VhbEM="), "{name}");
            }
        }
    }
}
