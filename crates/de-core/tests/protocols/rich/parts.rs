//! What a turn is made of: documents, pictures in results, marks.

use super::*;

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

/// What is said of a file beside what it says goes to Anthropic; others are told nothing of it, and callers are told
/// that.
#[test]
fn what_is_said_of_a_file_and_not_told_is_named() {
    let file = |source: Value| {
        anthropic(json!({"messages": [{"role": "user", "content": [
            {"type": "document", "title": "a.pdf", "context": "Old.", "source": source},
        ]}]}))
    };
    let bytes =
        file(json!({"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}));
    let address = file(json!({"type": "url", "url": "https://example.test/a.pdf"}));
    let text = file(json!({"type": "text", "media_type": "text/plain", "data": "One."}));
    let context = "/messages/*/context";
    let vendors: [(&dyn Vendor, &Value, &[&str]); 8] = [
        (&AnthropicMessagesVendor, &bytes, &[]),
        (&OpenAiChatVendor, &bytes, &[context]),
        (&OpenAiResponsesVendor, &bytes, &[context]),
        (&OpenAiResponsesVendor, &address, &[context]),
        (&GeminiVendor, &bytes, &[context]),
        (&OpenAiChatVendor, &text, &[]),
        (&OpenAiResponsesVendor, &text, &[]),
        (&GeminiVendor, &text, &[]),
    ];
    for (index, (vendor, body, expected)) in vendors.into_iter().enumerate() {
        let (_, call) = AnthropicMessagesDialect.call(body).unwrap();
        let draft = vendor.request(&call, &target()).unwrap();
        let dropped: Vec<_> = draft.dropped.iter().map(|issue| issue.pointer.as_str()).collect();
        assert_eq!(dropped, expected, "{index}");
    }
}

/// A reasoning item goes with what it led to.
#[test]
fn thoughts_that_led_to_nothing_are_named() {
    let seal =
        json!({"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "AAAA"});
    let thought = json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]});
    let asks = json!({"type": "message", "role": "user", "content": "Hi"});
    let says = json!({"type": "message", "role": "assistant", "content": "Hello"});
    for (input, is_named) in [
        (json!([asks, thought, says, asks]), false),
        (json!([asks, thought, asks]), true),
        (json!([asks, thought, says, seal, asks]), false),
        (json!([asks, thought]), true),
    ] {
        let body = json!({"model": "m", "input": input});
        let (_, call) = OpenAiResponsesDialect::default().call(&body).unwrap();
        let draft = GeminiVendor.request(&call, &target()).unwrap();
        let named = draft.dropped.iter().any(|issue| issue.pointer == "/input/*");
        assert_eq!(named, is_named, "{input}: {:?}", draft.dropped);
    }
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

/// OpenAI's own mark is read as Anthropic's, in both of OpenAI's protocols.
#[test]
fn openais_own_marks_of_caches_go_to_who_has_such() {
    for (ttl, expected) in
        [("30m", json!({"type": "ephemeral"})), ("12h", json!({"type": "ephemeral", "ttl": "1h"}))]
    {
        let mark = json!({"mode": "explicit", "ttl": ttl});
        let chat = json!({"model": "m", "messages": [{"role": "user", "content": [
            {"type": "text", "text": "Hi", "prompt_cache_breakpoint": mark}]}]});
        let responses = json!({"model": "m", "input": [{"role": "user", "content": [
            {"type": "input_text", "text": "Hi", "prompt_cache_breakpoint": mark}]}]});
        let dialects: [(&dyn Dialect, Value); 2] =
            [(&OpenAiChatDialect, chat), (&OpenAiResponsesDialect::default(), responses)];
        for (dialect, body) in dialects {
            let (_, call) = dialect.call(&body).unwrap();
            let draft = AnthropicMessagesVendor.request(&call, &target()).unwrap();
            assert!(draft.dropped.is_empty(), "{:?}", draft.dropped);
            let body: Value = serde_json::from_slice(&draft.body).unwrap();
            let block = &body["messages"][0]["content"][0];
            assert_eq!((&block["text"], &block["cache_control"]), (&json!("Hi"), &expected));
        }
    }
}

#[test]
fn files_of_text_are_read_as_text_where_no_other_files_are() {
    let told = |file: Value| {
        let content = json!([{"type": "file", "file": file}, {"type": "text", "text": "Read."}]);
        let body = json!({"model": "m", "messages": [{"role": "user", "content": content}]});
        let (_, call) = OpenAiChatDialect.call(&body).unwrap();
        let draft = AnthropicMessagesVendor.request(&call, &target());
        let draft = draft.map_err(|issues| crate::lines(&issues).join("; "))?;
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
