//! Google's side of a conversation: what is written, what is read, and whose seals come back.

use de_core::{
    chat::{Citation, CitedPlace, Delta, Finish, Part, Seal, TokenLogprob, ToolCall},
    model::{OnUnsupported, Protocol},
    protocols::{
        Dialect, Place, StreamFault, Target, Vendor, anthropic_messages::AnthropicMessagesDialect,
        gemini::GeminiVendor, openai_chat::OpenAiChatDialect,
    },
    receipt::Usage,
};
use serde_json::{Value, json};

use super::{about, deltas, events, json, lines, read, target, written};

const SEALED: &str = include_str!("../../fixtures/gemini/text_sealed.json");
const GROUNDED: &str = include_str!("../../fixtures/gemini/text_grounded.json");
const BLOCKED: &str = include_str!("../../fixtures/gemini/reply_blocked.json");

fn of(model: &str) -> Target {
    Target { upstream_model: model.to_owned(), ..target() }
}

/// A request of OpenAI's chat with these members, as the vendor gets it.
#[track_caller]
fn sent(model: &str, members: Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let (_, call) = OpenAiChatDialect.call(&body).unwrap();
    let draft = GeminiVendor.request(&call, &of(model)).unwrap();
    serde_json::from_slice(&draft.body).unwrap()
}

/// What stands against such a request.
fn refused(model: &str, members: Value) -> Vec<String> {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let (_, call) = OpenAiChatDialect.call(&body).unwrap();
    let issues = GeminiVendor.request(&call, &of(model)).unwrap_err();
    issues.into_iter().map(|issue| issue.pointer).collect()
}

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

#[track_caller]
fn finish_of(candidate: Value) -> (Finish, Vec<Part>) {
    let body = json!({"candidates": [candidate], "responseId": "r"});
    let mut reply = GeminiVendor.reply(&body).unwrap();
    let choice = reply.choices.remove(0);
    let event = format!("data: {body}\n\n");
    let told = deltas(&GeminiVendor, &event);
    let last = told.iter().find_map(|delta| match delta {
        Delta::Finish { finish, .. } => Some(finish),
        _ => None,
    });
    assert_eq!(last, Some(&choice.finish), "the same in a stream");
    (choice.finish, choice.parts)
}

#[test]
fn an_answer_that_broke_off_is_no_clean_end() {
    let words = [
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
        "TOO_MANY_TOOL_CALLS",
        "UNEXPECTED_TOOL_CALL",
    ];
    let thought = json!({"parts": [{"text": "Hm", "thought": true}]});
    let event = |candidate: &Value| {
        let usage = json!({"promptTokenCount": 5, "totalTokenCount": 5});
        let body = json!({"candidates": [candidate], "responseId": "r", "usageMetadata": usage});
        format!("data: {body}\n\n")
    };
    for word in words {
        // With nothing said there is no answer.
        for content in [Value::Null, json!({}), thought.clone()] {
            let candidate = json!({"finishReason": word, "content": content});
            let malformed =
                GeminiVendor.reply(&json!({"candidates": [candidate]})).expect_err(word);
            assert_eq!(malformed.pointer, "/candidates/0/finishReason");
            let (told, end) = read(&GeminiVendor, [event(&candidate).as_bytes()]);
            assert!(matches!(end, Err(StreamFault::Malformed(_))) && told.is_empty(), "{word}");
        }
        // In the middle of a stream it never ends, and the vendor's count is kept.
        let begun = event(&json!({"content": thought.clone()}));
        let stream = format!("{begun}{}", event(&json!({"finishReason": word})));
        let (told, end) = read(&GeminiVendor, [stream.as_bytes()]);
        assert_eq!(end, Ok(false), "{word}");
        assert!(told.iter().all(|delta| !matches!(delta, Delta::Finish { .. })));
        assert!(matches!(told.last(), Some(Delta::Usage(_))));
        // What was said is an answer that was cut.
        let said = json!({"finishReason": word, "content": {"parts": [{"text": "So"}]}});
        assert_eq!(finish_of(said), (Finish::Length, vec![Part::Text("So".to_owned())]));
    }
}

#[test]
fn an_end_is_told_in_common_words() {
    for (word, finish) in [
        ("STOP", Finish::Stop),
        ("MAX_TOKENS", Finish::Length),
        ("SAFETY", Finish::ContentFilter),
        ("RECITATION", Finish::ContentFilter),
        ("PROHIBITED_CONTENT", Finish::ContentFilter),
        ("OF_NEXT_YEAR", Finish::Unknown("OF_NEXT_YEAR".to_owned())),
    ] {
        assert_eq!(finish_of(json!({"finishReason": word})).0, finish);
    }
    let withheld = json!({"finishReason": "SAFETY", "finishMessage": "Withheld."});
    assert_eq!(finish_of(withheld).1, [Part::Refusal("Withheld.".to_owned())]);
    let called =
        json!({"finishReason": "STOP", "content": {"parts": [{"functionCall": {"name": "a"}}]}});
    let (finish, parts) = finish_of(called);
    assert_eq!(finish, Finish::ToolCalls);
    let call = ToolCall {
        arguments: "{}".to_owned(),
        id: "call_r_0_0".to_owned(),
        name: "a".to_owned(),
        seal: None,
    };
    assert_eq!(parts, [Part::ToolCall(call)]);
    // A prompt that was blocked is a refusal, and was read.
    let reply = GeminiVendor.reply(&json(BLOCKED)).unwrap();
    assert_eq!(reply.choices[0].finish, Finish::ContentFilter);
    assert_eq!(reply.usage.unwrap().input_tokens, 12);
    let line = json(BLOCKED).to_string();
    let told = deltas(&GeminiVendor, &format!("data: {line}\n\n"));
    let finish = Finish::ContentFilter;
    assert!(told.contains(&Delta::Finish { choice: 0, finish, stop_sequence: None }));
    assert!(GeminiVendor.reply(&json!({"usageMetadata": {"promptTokenCount": 1}})).is_err());
}

#[test]
fn probabilities_and_several_answers_are_read() {
    let token =
        |text: &str, logprob: f64| json!({"token": text, "tokenId": 1, "logProbability": logprob});
    let body = json!({"candidates": [
        {"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP", "index": 0, "logprobsResult": {
            "chosenCandidates": [token("Hi", -0.5)],
            "topCandidates": [{"candidates": [token("Hi", -0.5), token("Ho", -1.5)]}],
        }},
        {"content": {"parts": [{"text": "Ho"}]}, "finishReason": "MAX_TOKENS", "index": 1},
    ]});
    let reply = GeminiVendor.reply(&body).unwrap();
    let plain = |token: &str, logprob| TokenLogprob {
        logprob,
        token: token.to_owned(),
        ..TokenLogprob::default()
    };
    let expected =
        TokenLogprob { top: vec![plain("Hi", -0.5), plain("Ho", -1.5)], ..plain("Hi", -0.5) };
    assert_eq!(reply.choices[0].logprobs, Some(vec![expected]));
    assert_eq!(
        (reply.choices[1].finish.clone(), &reply.choices[1].logprobs),
        (Finish::Length, &None)
    );
}

#[test]
fn sources_are_told_with_their_places_in_characters() {
    let page = |url: &str, title: Option<&str>, span| {
        Part::Citation(Citation {
            cited_text: None,
            place: CitedPlace::Web { mark: None, url: url.to_owned() },
            span: Some(span),
            title: title.map(str::to_owned),
        })
    };
    let reply = GeminiVendor.reply(&json(GROUNDED)).unwrap();
    let expected = [
        Part::Text("Zürich is big. It rains.".to_owned()),
        page("https://example.test/city", Some("example.test"), (0, 14)),
        page("https://example.test/city", Some("example.test"), (15, 24)),
        page("https://example.test/rain", Some("Rain"), (15, 24)),
        page("https://example.test/song", None, (15, 24)),
    ];
    assert_eq!(reply.choices[0].parts, expected);
    // Sound has a price of its own, and what tools read is input.
    let usage =
        Usage { input_tokens: 26, output_tokens: 9, audio_input_tokens: 4, ..Usage::default() };
    assert_eq!(reply.usage, Some(usage));
    let told = deltas(&GeminiVendor, &format!("data: {}\n\n", json(GROUNDED)));
    let citations = told.iter().filter(|delta| matches!(delta, Delta::Citation { .. })).count();
    assert_eq!(citations, 4);
}

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
            for speaker in super::SPEAKERS.iter().filter(|speaker| speaker.name != "gemini") {
                let draft = speaker.vendor.request(&call, &target()).unwrap();
                assert!(!String::from_utf8_lossy(&draft.body).contains("U2VhbEM="), "{name}");
            }
        }
    }
}

#[test]
fn counts_of_a_stream_are_those_that_were_told_last() {
    let read = |counts: &[Value]| {
        let stream: String = counts
            .iter()
            .map(|counts| {
                let piece = json!({"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}], "usageMetadata": counts});
                format!("data: {piece}\n\n")
            })
            .collect();
        let told = deltas(&GeminiVendor, &stream);
        let mut counts = told.iter().filter_map(|delta| match delta {
            Delta::Usage(usage) => Some(*usage),
            _ => None,
        });
        counts.next_back().unwrap()
    };
    let first = json!({"promptTokenCount": 20, "candidatesTokenCount": 9, "thoughtsTokenCount": 5});
    let last = json!({"promptTokenCount": 12, "cachedContentTokenCount": 4, "candidatesTokenCount": 6, "thoughtsTokenCount": 2});
    let expected = Usage {
        input_tokens: 8,
        cached_input_tokens: 4,
        output_tokens: 8,
        reasoning_tokens: 2,
        ..Usage::default()
    };
    assert_eq!(read(&[first.clone(), last]), expected);
    // What a later event does not tell is what it was.
    let less = json!({"promptTokenCount": 12});
    let expected =
        Usage { input_tokens: 12, output_tokens: 14, reasoning_tokens: 5, ..Usage::default() };
    assert_eq!(read(&[first, less]), expected);
}
