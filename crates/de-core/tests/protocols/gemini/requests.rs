//! What is written.

use super::*;

#[test]
fn a_call_is_written_as_documented() {
    let request = json!({
        "model": "m", "max_completion_tokens": 100, "temperature": 0, "top_p": 0.5, "stop": ["END"], "seed": 7,
        "frequency_penalty": 1, "presence_penalty": -1, "n": 2, "logprobs": true, "top_logprobs": 3,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
                {"type": "image_url", "image_url": {"url": "https://example.test/a.JPG?b=1"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
                {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
            ]},
            {"role": "assistant", "content": "A cat."},
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "And now?"},
        ],
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}},
    });
    let (_, call) = OpenAiChatDialect.call(&request).unwrap();
    let draft = GeminiVendor.request(&call, &of("gemini-2.0-flash")).unwrap();
    assert_eq!(draft.place, Place::Path("/models/gemini-2.0-flash:generateContent".to_owned()));
    let expected = json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]},
        "contents": [
            {"role": "user", "parts": [
                {"text": "What is this?"},
                {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
                {"fileData": {"fileUri": "https://example.test/a.JPG?b=1", "mimeType": "image/jpeg"}},
                {"inlineData": {"mimeType": "application/pdf", "data": "JVBERg=="}},
                {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}},
            ]},
            {"role": "model", "parts": [{"text": "A cat."}]},
            {"role": "user", "parts": [{"text": "And now?"}]},
        ],
        "generationConfig": {
            "maxOutputTokens": 100, "temperature": 0.0, "topP": 0.5, "frequencyPenalty": 1.0, "presencePenalty": -1.0,
            "candidateCount": 2, "stopSequences": ["END"], "seed": 7, "responseLogprobs": true, "logprobs": 3,
            "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"},
        },
    });
    assert_eq!(serde_json::from_slice::<Value>(&draft.body).unwrap(), expected);
    let (_, mut call) = OpenAiChatDialect
        .call(&json!({
            "model": "m", "stream": true, "messages": [{"role": "user", "content": "Hi"}],
        }))
        .unwrap();
    call.top_k = Some(40);
    let draft = GeminiVendor.request(&call, &of("gemini-4-argon")).unwrap();
    let path = "/models/gemini-4-argon:streamGenerateContent?alt=sse";
    assert_eq!(draft.place, Place::Path(path.to_owned()));
    let expected = json!({
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "generationConfig": {"topK": 40},
    });
    assert_eq!(serde_json::from_slice::<Value>(&draft.body).unwrap(), expected);
    let target = Target { sampling_params: Some(false), ..of("gemini-3.8-flash") };
    let draft = GeminiVendor.request(&call, &target).unwrap();
    assert!(!String::from_utf8_lossy(&draft.body).contains("topK"));
}

#[test]
fn what_newer_models_no_longer_take_is_a_setting_that_they_lack() {
    let asks = json!({"frequency_penalty": 0.5, "presence_penalty": -1, "logprobs": true});
    let lacks = ["/frequency_penalty", "/presence_penalty", "/logprobs"];
    for model in ["gemini-2.5-flash", "gemini-3.8-flash", "gemini-4-argon"] {
        assert_eq!(refused(model, asks.clone()), lacks, "{model}");
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}],
            "frequency_penalty": 0.5, "presence_penalty": -1, "logprobs": true});
        let (_, call) = OpenAiChatDialect.call(&body).unwrap();
        let lenient = Target { on_unsupported: OnUnsupported::Drop, ..of(model) };
        let draft = GeminiVendor.request(&call, &lenient).unwrap();
        let dropped: Vec<&str> = draft.dropped.iter().map(|issue| &*issue.pointer).collect();
        assert_eq!(dropped, lacks, "{model}");
        let body: Value = serde_json::from_slice(&draft.body).unwrap();
        assert_eq!(body.get("generationConfig"), None, "{model}");
        // None is none, however it is said.
        let none = sent(model, json!({"frequency_penalty": 0, "presence_penalty": 0.0}));
        assert_eq!(none.get("generationConfig"), None, "{model}");
    }
    // Several answers come from models before the third generation alone.
    let two = json!({"n": 2});
    assert_eq!(sent("gemini-2.5-flash", two.clone())["generationConfig"]["candidateCount"], 2);
    for model in ["gemini-3.8-flash", "gemini-4-argon"] {
        assert_eq!(refused(model, two.clone()), ["/n"]);
        assert_eq!(sent(model, json!({"n": 1}))["generationConfig"]["candidateCount"], 1);
    }
}

#[test]
fn json_beside_tools_comes_from_newer_models_alone() {
    let schema = json!({"type": "object"});
    let tool = json!({"name": "look", "description": "Looks.", "parameters": schema});
    let declared = json!({"name": "look", "description": "Looks.", "parametersJsonSchema": schema});
    let by_schema = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": schema}});
    for format in [json!({"type": "json_object"}), by_schema] {
        let members = json!({
            "tools": [{"type": "function", "function": tool}], "response_format": format,
        });
        let both = sent("gemini-3.8-flash", members.clone());
        assert_eq!(both["generationConfig"]["responseMimeType"], "application/json");
        let old = "gemini-2.5-flash";
        assert_eq!(refused(old, members.clone()), ["/response_format"]);
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let (_, call) = OpenAiChatDialect.call(&body).unwrap();
        let lenient = Target { on_unsupported: OnUnsupported::Drop, ..of(old) };
        let draft = GeminiVendor.request(&call, &lenient).unwrap();
        let why = "/response_format: this model takes no JSON format beside tools";
        assert_eq!(lines(&draft.dropped), [why]);
        let alone: Value = serde_json::from_slice(&draft.body).unwrap();
        assert_eq!(alone.get("generationConfig"), None);
        for body in [both, alone] {
            assert_eq!(body["tools"], json!([{"functionDeclarations": [declared]}]));
        }
    }
}

#[test]
fn thinking_is_said_in_levels_or_in_tokens() {
    let old = "gemini-2.5-flash";
    let new = "gemini-3.8-flash";
    let effort = |word: &str| json!({"reasoning_effort": word});
    for (model, members, expected) in [
        (new, effort("minimal"), json!({"thinkingLevel": "LOW"})),
        (new, effort("medium"), json!({"thinkingLevel": "MEDIUM"})),
        (new, effort("max"), json!({"thinkingLevel": "HIGH"})),
        (old, effort("none"), json!({"thinkingBudget": 0})),
        (old, effort("low"), json!({"thinkingBudget": 2_048})),
        (old, effort("max"), json!({"thinkingBudget": 24_576})),
        (new, json!({}), Value::Null),
    ] {
        let body = sent(model, members.clone());
        assert_eq!(body["generationConfig"]["thinkingConfig"], expected, "{model} {members}");
    }
    assert_eq!(refused(new, effort("none")), ["/reasoning_effort"]);
    assert_eq!(refused(new, effort("lots")), ["/reasoning_effort"]);
    // What Anthropic's callers switch on they see.
    for (model, thinking, expected) in [
        (
            new,
            json!({"type": "enabled", "budget_tokens": 5_000}),
            json!({"thinkingLevel": "MEDIUM", "includeThoughts": true}),
        ),
        (old, json!({"type": "adaptive"}), json!({"thinkingBudget": -1, "includeThoughts": true})),
        (
            old,
            json!({"type": "enabled", "budget_tokens": 100, "display": "omitted"}),
            json!({"thinkingBudget": 512}),
        ),
        (old, json!({"type": "disabled"}), json!({"thinkingBudget": 0})),
    ] {
        let body = json!({
            "model": "m", "max_tokens": 9_000, "thinking": thinking,
            "messages": [{"role": "user", "content": "Hi"}],
        });
        let (_, call) = AnthropicMessagesDialect.call(&body).unwrap();
        let draft = GeminiVendor.request(&call, &of(model)).unwrap();
        let sent: Value = serde_json::from_slice(&draft.body).unwrap();
        assert_eq!(sent["generationConfig"]["thinkingConfig"], expected, "{model} {thinking}");
    }
    let (_, call) = OpenAiChatDialect
        .call(&json!({
            "model": "m", "reasoning_effort": "none", "messages": [{"role": "user", "content": "Hi"}],
        }))
        .unwrap();
    let lenient = Target { on_unsupported: OnUnsupported::Drop, ..of(new) };
    let draft = GeminiVendor.request(&call, &lenient).unwrap();
    assert_eq!(draft.dropped[0].pointer, "/reasoning_effort");
    assert!(String::from_utf8_lossy(&draft.body).contains(r#""thinkingLevel":"LOW""#));
    // Whether it can be told not to think, its row knows better than its name.
    let always = Target { thinking_always_on: Some(true), ..of(old) };
    let issues = GeminiVendor.request(&call, &always).unwrap_err();
    assert_eq!(issues[0].pointer, "/reasoning_effort");
    let draft = GeminiVendor
        .request(&call, &Target { on_unsupported: OnUnsupported::Drop, ..always })
        .unwrap();
    assert_eq!(draft.dropped[0].pointer, "/reasoning_effort");
    assert!(String::from_utf8_lossy(&draft.body).contains(r#"{"thinkingBudget":512}"#));
    let at_will = Target { thinking_always_on: Some(false), ..of(new) };
    let draft = GeminiVendor.request(&call, &at_will).unwrap();
    assert!(String::from_utf8_lossy(&draft.body).contains(r#"{"thinkingBudget":0}"#));
    let none = Target { reasoning: Some(false), ..of(old) };
    let draft = GeminiVendor.request(&call, &none).unwrap();
    assert!(!String::from_utf8_lossy(&draft.body).contains("thinking"));
}

#[test]
fn tools_are_demanded_as_the_caller_does() {
    let tools = |strict: Value| json!([{"type": "function", "function": {"name": "look", "strict": strict}}]);
    for (choice, strict, expected) in [
        (json!(null), json!(null), Value::Null),
        (json!("auto"), json!(false), json!({"mode": "AUTO"})),
        (json!("auto"), json!(true), json!({"mode": "VALIDATED"})),
        (json!(null), json!(true), json!({"mode": "VALIDATED"})),
        (json!("none"), json!(true), json!({"mode": "NONE"})),
        (json!("required"), json!(null), json!({"mode": "ANY"})),
        (
            json!({"type": "function", "function": {"name": "look"}}),
            json!(null),
            json!({"mode": "ANY", "allowedFunctionNames": ["look"]}),
        ),
    ] {
        let members = json!({"tools": tools(strict), "tool_choice": choice});
        let body = sent("gemini-3.8-flash", members);
        assert_eq!(body["toolConfig"]["functionCallingConfig"], expected, "{choice}");
        assert_eq!(body["tools"], json!([{"functionDeclarations": [{"name": "look"}]}]));
    }
    let alone = json!({"tools": tools(json!(null)), "parallel_tool_calls": false});
    assert_eq!(refused("gemini-3.8-flash", alone), ["/parallel_tool_calls"]);
    let body = sent("gemini-3.8-flash", json!({"tool_choice": "required"}));
    assert!(body.get("toolConfig").is_none(), "{body}");
}

/// What Anthropic's callers send after two calls.
fn answered(results: Value) -> Value {
    json!({
        "model": "m", "max_tokens": 100,
        "messages": [
            {"role": "user", "content": "Look"},
            {"role": "assistant", "content": [
                {"type": "text", "text": "Let me see."},
                {"type": "tool_use", "id": "t_1", "name": "look", "input": {"at": 1}},
                {"type": "tool_use", "id": "t_2", "name": "hear", "input": {}},
            ]},
            {"role": "user", "content": results},
        ],
    })
}

fn contents(model: &str, body: &Value) -> Value {
    let (_, call) = AnthropicMessagesDialect.call(body).unwrap();
    let draft = GeminiVendor.request(&call, &of(model)).unwrap();
    serde_json::from_slice::<Value>(&draft.body).unwrap()["contents"].clone()
}

#[test]
fn results_have_a_turn_of_their_own_and_the_names_of_their_functions() {
    let picture = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}});
    let body = answered(json!([
        {"type": "text", "text": "Well?"},
        {"type": "tool_result", "tool_use_id": "t_2", "is_error": true, "content": "no ears"},
        {"type": "tool_result", "tool_use_id": "t_1", "content": [{"type": "text", "text": "{\"cat\": true}"}, picture]},
    ]));
    let calls = |signature: Option<&str>| {
        let mut first = json!({"functionCall": {"id": "t_1", "name": "look", "args": {"at": 1}}});
        if let Some(signature) = signature {
            first["thoughtSignature"] = json!(signature);
        }
        json!({"role": "model", "parts": [
            {"text": "Let me see."},
            first,
            {"functionCall": {"id": "t_2", "name": "hear", "args": {}}},
        ]})
    };
    let blob = json!({"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}});
    let error = json!({"functionResponse": {"id": "t_2", "name": "hear", "response": {"error": "no ears"}}});
    let asked = json!({"role": "user", "parts": [{"text": "Look"}]});
    let expected = json!([
        asked,
        // Another model's call: Google's own word stands for its signature.
        calls(Some("skip_thought_signature_validator")),
        {"role": "user", "parts": [{"functionResponse": {"id": "t_1", "name": "look", "response": {"cat": true}, "parts": [blob]}}, error]},
        {"role": "user", "parts": [{"text": "Well?"}]},
    ]);
    assert_eq!(contents("gemini-3.8-flash", &body), expected);
    // Older models want no signature, and take no pictures in results. The order is that of the calls.
    let expected = json!([
        asked,
        calls(None),
        {"role": "user", "parts": [{"functionResponse": {"id": "t_1", "name": "look", "response": {"cat": true}}}, error]},
        {"role": "user", "parts": [{"text": "Well?"}, blob]},
    ]);
    assert_eq!(contents("gemini-2.5-flash", &body), expected);
    let plain = answered(json!([{"type": "tool_result", "tool_use_id": "t_1", "content": "[1]"}]));
    let result = &contents("gemini-2.5-flash", &plain)[2]["parts"][0]["functionResponse"];
    assert_eq!(result["response"], json!({"output": "[1]"}));
    // What the vendor would take for the name of a file goes as text, however deep it stands.
    for shown in [r#"{"$ref":"a"}"#, r##"{"a": [{"b": {"\u0024ref": "#/$defs/c"}}], "$defs": {}}"##]
    {
        let result = json!({"type": "tool_result", "tool_use_id": "t_1", "content": shown});
        for model in ["gemini-2.5-flash", "gemini-3.8-flash"] {
            let body = answered(json!([result]));
            let result = &contents(model, &body)[2]["parts"][0]["functionResponse"];
            assert_eq!(result["response"], json!({"output": shown}));
        }
    }
    let lost = answered(json!([{"type": "tool_result", "tool_use_id": "t_9", "content": "x"}]));
    let (_, call) = AnthropicMessagesDialect.call(&lost).unwrap();
    let issues = GeminiVendor.request(&call, &target()).unwrap_err();
    let expected = "/messages: this model's vendor needs the tool call t_9 before its result";
    assert_eq!(lines(&issues), [expected]);
}

#[test]
fn what_the_vendor_cannot_say_is_named() {
    for (members, pointer) in [
        (json!({"n": 9}), "/n"),
        (json!({"seed": 4_294_967_296_i64}), "/seed"),
        (json!({"verbosity": "low"}), "/verbosity"),
        (json!({"logit_bias": {"1": 1}}), "/logit_bias"),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lGOA=="}}]}]}),
            "/messages",
        ),
        (json!({"messages": [{"role": "user", "content": ""}]}), "/messages"),
        (
            json!({"messages": [
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "b", "arguments": "{"}}]},
            ]}),
            "/messages",
        ),
    ] {
        assert_eq!(refused("gemini-3.8-flash", members.clone()), [pointer], "{members}");
    }
    for members in [json!({"n": 9}), json!({"n": 2, "stream": true})] {
        assert_eq!(refused("gemini-2.5-flash", members.clone()), ["/n"], "{members}");
    }
    let (_, mut call) = OpenAiChatDialect
        .call(&json!({"model": "m", "user": "u", "messages": [{"role": "user", "content": "Hi"}]}))
        .unwrap();
    call.stop = vec!["a".to_owned(); 6];
    let issues = GeminiVendor.request(&call, &target()).unwrap_err();
    assert_eq!(lines(&issues), ["/stop: this model's vendor takes at most 5"]);
    call.stop.clear();
    let draft = GeminiVendor.request(&call, &target()).unwrap();
    assert_eq!(draft.dropped[0].pointer, "/user");
}
