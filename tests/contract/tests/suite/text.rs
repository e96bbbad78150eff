//! Text in one piece: each protocol to each vendor.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    stack::Stack,
    wait::unique,
    wire::{Server, Wire, pairs},
};
use serde_json::{Value, json};

#[tokio::test]
async fn the_front_page_call_answers() {
    let stack = Stack::ready().await;
    let body = json!({"prompt": "Hello world", "model_id": "gpt-4o-mini"});
    let text = stack.text.clone().with_key(&stack.keys.client).unwrap();
    for (client, path) in [(text, "/generate"), (stack.client(), "/text/generate")] {
        let answer = client.post(path, &body).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("x-de-model"), "gpt-4o-mini");
        assert_eq!(answer.header("x-de-provider"), "openai");
        assert_eq!(answer.header("x-de-attempts"), "1");
        assert!(answer.header("x-de-receipt").starts_with("rcpt_"));
        assert!(answer.header("server-timing").contains("upstream;dur="));
        let body = answer.json();
        assert_eq!(body["success"], true);
        assert_eq!(body["text"], "You said: Hello world");
        assert_eq!(body["request_id"], answer.header("x-request-id"));
        let metadata = &body["metadata"];
        assert_eq!(metadata["provider"], "openai");
        assert_eq!(metadata["model"], "gpt-4o-mini");
        assert_eq!(metadata["finish_reason"], "stop");
        let count = |name: &str| metadata[name].as_i64().unwrap();
        assert!(count("input_tokens") > 0 && count("output_tokens") > 0);
        assert_eq!(count("tokens_used"), count("input_tokens") + count("output_tokens"));
        assert!(count("generation_time_ms") >= 0);
        assert_eq!(answer.header("x-de-cost-micros"), count("cost_micros").to_string());
        // RFC 3339 in UTC with milliseconds.
        let timestamp = body["timestamp"].as_str().unwrap();
        assert!(timestamp.ends_with('Z') && timestamp.len() == 24, "{timestamp}");
    }
}

#[tokio::test]
async fn without_a_model_the_instances_default_serves() {
    let stack = Stack::ready().await;
    let answer = stack.call(Wire::Native, "", "Hello").without_model().send().await.good();
    assert_eq!(answer.header("x-de-model"), "gpt-4o-mini");
    assert!(stack.books.row(&answer.request_id).await["requested_model_id"].is_null());
}

/// Where a vendor has its settings.
fn settings(server: Server, sent: &Value) -> &Value {
    if server == Server::Gemini { &sent["generationConfig"] } else { sent }
}

#[tokio::test]
async fn every_protocol_reaches_every_vendor_with_system_turns_stop_and_usage() {
    let stack = Stack::ready().await;
    for (wire, server) in pairs() {
        let word = unique("turns");
        let call = stack
            .call(wire, server.model(), &format!("and now {word} END tail"))
            .system("Be brief.")
            .earlier("What is one and one?", "Two.")
            .stop("END")
            .option("max_tokens", 100)
            .option("temperature", 0.5);
        let answer = call.send().await.good();
        assert_eq!(answer.text(), format!("You said: and now {word} "), "{wire:?} {server:?}");
        let finish = match (wire, server) {
            // The others do not say whether it was the stop text.
            (Wire::Anthropic, Server::Anthropic) => "stop_sequence",
            (Wire::Anthropic, Server::Gemini | Server::OpenAi) => "end_turn",
            (Wire::Native | Wire::OpenAi, _) => "stop",
        };
        assert_eq!(answer.finish(), finish, "{wire:?} {server:?}");
        let record = stack.vendors.only(&word).await;
        assert_eq!(record["vendor"], server.provider());
        let sent = &record["body"];
        let turns = if server == Server::Gemini { &sent["contents"] } else { &sent["messages"] };
        let turns = turns.as_array().unwrap();
        let roles: Vec<&str> = turns.iter().filter_map(|turn| turn["role"].as_str()).collect();
        match server {
            Server::Anthropic => {
                assert_eq!(roles, ["user", "assistant", "user"]);
                assert!(sent["system"].to_string().contains("Be brief."), "{sent}");
                assert_eq!(sent["stop_sequences"], json!(["END"]));
                assert_eq!(sent["max_tokens"], 100);
            }
            Server::Gemini => {
                assert_eq!(roles, ["user", "model", "user"]);
                assert_eq!(sent["systemInstruction"]["parts"], json!([{"text": "Be brief."}]));
                assert_eq!(sent["generationConfig"]["stopSequences"], json!(["END"]));
                assert_eq!(sent["generationConfig"]["maxOutputTokens"], 100);
            }
            Server::OpenAi => {
                assert!(matches!(roles[0], "system" | "developer"), "{roles:?}");
                assert_eq!(roles[1..], ["user", "assistant", "user"]);
                assert!(turns[0]["content"].to_string().contains("Be brief."), "{sent}");
                assert!(sent["stop"].to_string().contains("END"), "{sent}");
                let bound = sent.get("max_completion_tokens").or(sent.get("max_tokens"));
                assert_eq!(bound, Some(&json!(100)));
            }
        }
        assert_eq!(settings(server, sent)["temperature"], 0.5);
        let counts = answer.counts();
        assert!(counts.input > 20 && counts.output > 3, "{counts:?}");
        let row = stack.books.row(&answer.request_id).await;
        assert_eq!(row["input_tokens"], counts.input, "{row}");
        assert_eq!(row["output_tokens"], counts.output, "{row}");
    }
}

#[tokio::test]
async fn c20_temperature_zero_arrives_as_zero() {
    let stack = Stack::ready().await;
    for (wire, server) in pairs() {
        let word = unique("zero");
        let call = stack.call(wire, server.model(), &word).option("temperature", 0);
        call.option("top_p", 0).send().await.good();
        let record = stack.vendors.only(&word).await;
        let sent = settings(server, &record["body"]);
        let top_p = if server == Server::Gemini { "topP" } else { "top_p" };
        assert_eq!(sent["temperature"].as_f64(), Some(0.0), "{wire:?} {server:?}: {sent}");
        assert_eq!(sent[top_p].as_f64(), Some(0.0), "{wire:?} {server:?}: {sent}");
    }
    // Zero tokens make no sense, and are not turned into some.
    let answer = stack.call(Wire::Native, "gpt-4o-mini", "Hello").option("max_tokens", 0);
    answer.send().await.fails(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn an_answer_at_its_bound_says_so() {
    let stack = Stack::ready().await;
    for (wire, server) in pairs() {
        let call = stack.call(wire, server.model(), "one two three four five six seven");
        let answer = call.option("max_tokens", 4).send().await.good();
        let word = if wire == Wire::Anthropic { "max_tokens" } else { "length" };
        assert_eq!(answer.finish(), word, "{wire:?} {server:?}");
        assert_eq!(answer.counts().output, 4);
    }
}

#[tokio::test]
async fn text_beyond_ascii_arrives_whole_both_ways() {
    let stack = Stack::ready().await;
    for (wire, server) in pairs() {
        let prompt = format!("Grüße, 世界 🌍 {}", unique("utf8"));
        let answer = stack.call(wire, server.model(), &prompt).send().await.good();
        assert_eq!(answer.text(), format!("You said: {prompt}"), "{wire:?} {server:?}");
    }
}

#[tokio::test]
async fn c29_input_and_output_are_counted_apart() {
    let stack = Stack::ready().await;
    for (wire, server) in pairs() {
        let prompt = format!("one two three {}", unique("count"));
        let counts = stack.call(wire, server.model(), &prompt).send().await.good().counts();
        // Three for the message, one a word, and two words more in the answer: the simulator's rule.
        assert_eq!(counts.output + 1, counts.input + 1 - 3 + 1 + 2, "{wire:?} {server:?}");
    }
}

#[tokio::test]
async fn the_caller_sees_the_model_that_it_named() {
    let stack = Stack::ready().await;
    for (wire, server) in pairs().filter(|(wire, server)| !server.speaks(*wire)) {
        let body = stack.call(wire, server.model(), "Hello").send().await.good().json();
        let named = if wire == Wire::Native { &body["metadata"]["model"] } else { &body["model"] };
        assert_eq!(named, server.model());
    }
}

#[tokio::test]
async fn an_alias_serves_as_its_model() {
    let stack = Stack::ready().await;
    let alias = unique("alias");
    let model = stack.model(Server::OpenAi, json!({"aliases": [alias]})).await;
    let answer = stack.call(Wire::Native, &alias, "Hello").send().await.good();
    assert_eq!(answer.header("x-de-model"), model);
    let row = stack.books.row(&answer.request_id).await;
    assert_eq!(row["model_id"], model.as_str());
    assert_eq!(row["requested_model_id"], alias.as_str());
}

#[tokio::test]
async fn tools_cross_from_each_protocol_to_the_other_vendor() {
    let stack = Stack::ready().await;
    let schema = json!({"type": "object", "properties": {"input": {"type": "string"}}});
    let function = json!({"name": "look_up", "description": "Looks up.", "parameters": schema});
    let call = stack.call(Wire::OpenAi, Server::Anthropic.model(), "call:look_up please");
    let tools = json!([{"type": "function", "function": function}]);
    let body = call.member("tools", tools).send().await.good().json();
    let called = &body["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(called["function"]["name"], "look_up", "{body}");
    let arguments: Value =
        serde_json::from_str(called["function"]["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(arguments, json!({"input": "call:look_up please"}));
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");

    let call = stack.call(Wire::Anthropic, Server::OpenAi.model(), "call:look_up please");
    let tools = json!([{"name": "look_up", "description": "Looks up.", "input_schema": schema}]);
    let body = call.member("tools", tools).send().await.good().json();
    let block = body["content"].as_array().unwrap().iter().find(|b| b["type"] == "tool_use");
    let block = block.unwrap_or_else(|| panic!("no tool was called: {body}"));
    assert_eq!(block["name"], "look_up");
    assert_eq!(block["input"], json!({"input": "call:look_up please"}));
    assert_eq!(body["stop_reason"], "tool_use");
}

#[tokio::test]
async fn a_turn_that_calls_the_tool_named_for_it_ends_for_its_call() {
    let stack = Stack::ready().await;
    let schema = json!({"type": "object", "properties": {"input": {"type": "string"}}});
    let function = json!({"name": "look_up", "parameters": schema});
    // OpenAI says `stop` then. Its own callers are told its own word.
    for (wire, tool, choice, finish) in [
        (
            Wire::Anthropic,
            json!({"name": "look_up", "input_schema": schema}),
            json!({"type": "tool", "name": "look_up"}),
            "tool_use",
        ),
        (
            Wire::OpenAi,
            json!({"type": "function", "function": function}),
            json!({"type": "function", "function": {"name": "look_up"}}),
            "stop",
        ),
    ] {
        for streamed in [false, true] {
            let call = stack.call(wire, Server::OpenAi.model(), "Hello");
            let call = call.member("tools", json!([tool])).member("tool_choice", choice.clone());
            let call = if streamed { call.streamed() } else { call };
            let answer = call.send().await.good();
            let found = if streamed { answer.story().finish } else { answer.finish() };
            assert_eq!(found, finish, "{wire:?} {streamed}");
        }
    }
}

/// A loop of tools with Gemini, in the protocol of OpenAI or of Anthropic: the model's turn goes back as it
/// came.
async fn loops(stack: &Stack, wire: Wire, streamed: bool) -> Value {
    let schema = json!({"type": "object", "properties": {"input": {"type": "string"}}});
    let word = unique("loop");
    let prompt = format!("call:look_up call:find {word}");
    let tools = |name: &str| match wire {
        Wire::Anthropic => json!({"name": name, "input_schema": schema}),
        _ => json!({"type": "function", "function": {"name": name, "parameters": schema}}),
    };
    let tools = json!([tools("look_up"), tools("find")]);
    let call = stack.call(wire, "gemini-3.8-flash", &prompt).member("tools", tools.clone());
    let body = call.send().await.good().json();
    let (turn, results) = if wire == Wire::Anthropic {
        let blocks = body["content"].as_array().unwrap();
        let calls = blocks.iter().filter(|block| block["type"] == "tool_use");
        let results: Vec<Value> = calls
            .map(|call| json!({"type": "tool_result", "tool_use_id": call["id"], "content": "3"}))
            .collect();
        let turn = json!({"role": "assistant", "content": body["content"]});
        (turn, vec![json!({"role": "user", "content": results})])
    } else {
        let turn = body["choices"][0]["message"].clone();
        let calls = turn["tool_calls"].as_array().unwrap().iter();
        let results: Vec<Value> = calls
            .map(|call| json!({"role": "tool", "tool_call_id": call["id"], "content": "3"}))
            .collect();
        (turn, results)
    };
    let mut messages = vec![json!({"role": "user", "content": prompt}), turn];
    messages.extend(results);
    let call = stack.call(wire, "gemini-3.8-flash", "").member("messages", messages);
    let call = call.member("tools", tools);
    let call = if streamed { call.streamed() } else { call };
    let answer = call.send().await.good();
    let text = if streamed { answer.story().text() } else { answer.text() };
    assert_eq!(text, "You said: 3\n3", "{wire:?}");
    stack.vendors.received(&word).await.pop().unwrap()["body"].clone()
}

#[tokio::test]
async fn a_vendors_seals_come_back_to_it_in_a_loop_of_tools() {
    let stack = Stack::ready().await;
    for wire in [Wire::Anthropic, Wire::OpenAi] {
        for streamed in [false, true] {
            let sent = loops(&stack, wire, streamed).await;
            let parts = sent["contents"][1]["parts"].as_array().unwrap();
            let seals: Vec<&Value> = parts.iter().map(|part| &part["thoughtSignature"]).collect();
            // Its own, not what stands for that of another vendor.
            assert_eq!(seals, [&json!("c2ltdWxhdGVkLXRob3VnaHQ="), &Value::Null], "{wire:?}");
        }
    }
}

#[tokio::test]
async fn another_vendors_calls_go_on_with_gemini() {
    let stack = Stack::ready().await;
    let function = json!({"name": "add", "arguments": "{}"});
    let messages = json!([
        {"role": "user", "content": "Add"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "3"},
    ]);
    let call = stack.call(Wire::OpenAi, "gemini-3.8-flash", "").member("messages", messages);
    assert_eq!(call.send().await.good().text(), "You said: 3");
    let messages = json!([{"role": "tool", "tool_call_id": "call_1", "content": "3"}]);
    let call = stack.call(Wire::OpenAi, "gemini-3.8-flash", "").member("messages", messages);
    let answer = call.send().await;
    answer.fails(400, "VALIDATION_ERROR");
    assert_eq!(answer.fields(), ["/messages"]);
}

/// References in what a tool takes and in what it says, and an answer in JSON beside it: the vendor would refuse them
/// as they come.
#[tokio::test]
async fn schemas_of_tools_and_what_these_show_of_schemas_reach_gemini() {
    let stack = Stack::ready().await;
    let shown = r##"{"schema": {"$ref": "#/definitions/place"}}"##;
    let parameters = json!({
        "type": "object",
        "properties": {"home": {"$ref": "#/definitions/place", "description": "Where."}},
        "definitions": {"place": {"type": "string"}},
    });
    let tools =
        json!([{"type": "function", "function": {"name": "show", "parameters": parameters}}]);
    let function = json!({"name": "show", "arguments": "{}"});
    let messages = json!([
        {"role": "user", "content": "Show"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "call_1", "content": shown},
    ]);
    for (model, dropped) in [("gemini-2.5-flash", "response_format"), ("gemini-3.8-flash", "")] {
        let call = stack.call(Wire::OpenAi, model, "").member("messages", messages.clone());
        let call = call.member("tools", tools.clone());
        assert_eq!(call.send().await.good().text(), format!("You said: {shown}"), "{model}");
        let call = stack.call(Wire::OpenAi, model, "Hello").member("tools", tools.clone());
        let call = call.member("response_format", json!({"type": "json_object"}));
        let answer = call.header("x-de-on-unsupported", "drop").send().await.good();
        assert_eq!(answer.header("x-de-dropped"), dropped, "{model}");
    }
}

#[tokio::test]
async fn gemini_thinks_aloud_and_its_thoughts_are_output() {
    let stack = Stack::ready().await;
    let thinking = json!({"type": "enabled", "budget_tokens": 1_024});
    for model in ["gemini-2.5-flash", "gemini-3.8-flash"] {
        let call = stack.call(Wire::Anthropic, model, "Hello").option("max_tokens", 2_000);
        let answer = call.member("thinking", thinking.clone()).send().await.good();
        let body = answer.json();
        assert_eq!(body["content"][0]["type"], "thinking", "{body}");
        assert_eq!(answer.text(), "You said: Hello");
        let row = stack.books.row(&answer.request_id).await;
        assert_eq!(row["reasoning_tokens"], 12, "{row}");
        assert_eq!(row["output_tokens"], 12 + 5, "{row}");
    }
    let call = stack.call(Wire::OpenAi, "gemini-2.5-flash", "Hello");
    let body = call.member("reasoning_effort", "low").send().await.good().json();
    assert!(body["choices"][0]["message"].get("reasoning_content").is_none(), "{body}");
    let usage = &body["usage"]["completion_tokens_details"];
    assert_eq!(usage["reasoning_tokens"], 12, "{body}");
}

#[tokio::test]
async fn what_gemini_blocks_is_a_refusal() {
    let stack = Stack::ready().await;
    for wire in Wire::ALL {
        for (prompt, streamed) in
            [("refuse", false), ("refuse", true), ("result:unsafe", false), ("result:unsafe", true)]
        {
            let call = stack.call(wire, "gemini-2.5-flash", prompt);
            let call = if streamed { call.streamed() } else { call };
            let answer = call.send().await.good();
            let finish = if streamed { answer.story().finish } else { answer.finish() };
            let word = if wire == Wire::Anthropic { "refusal" } else { "content_filter" };
            assert_eq!(finish, word, "{wire:?} {prompt} {streamed}");
            let row = stack.books.row(&answer.request_id).await;
            assert!(row["input_tokens"].as_i64().unwrap() > 0, "{row}");
        }
    }
}

#[tokio::test]
async fn unknown_members_are_kept_where_the_vendor_speaks_the_callers_protocol() {
    let stack = Stack::ready().await;
    let word = unique("kept");
    let call = stack.call(Wire::OpenAi, "gpt-4o-mini", &word);
    call.member("metadata", json!({"team": "blue"})).member("store", false).send().await.good();
    let body = &stack.vendors.only(&word).await["body"];
    assert_eq!(body["metadata"], json!({"team": "blue"}));
    assert_eq!(body["store"], false);
}

/// Hosts that speak OpenAI's protocol: a model of each, and how it calls the bound and the seed.
const HOSTS: [(&str, &str, &str, &str); 4] = [
    ("deepseek", "deepseek-flash", "max_tokens", "seed"),
    ("groq", "groq/openai/gpt-oss-120b", "max_completion_tokens", "seed"),
    ("mistral", "mistral/mistral-small-latest", "max_tokens", "random_seed"),
    ("together", "together/zai-org/glm-5.3", "max_tokens", "seed"),
];

/// Checks that the vendor got each setting once, under its own name.
#[track_caller]
fn named_its_way(sent: &Value, bound: &str, seed: &str, count: Option<u64>) {
    for name in ["max_completion_tokens", "max_tokens"] {
        let expected = (name == bound).then(|| json!(100));
        assert_eq!(sent.get(name).cloned(), expected, "{name}: {sent}");
    }
    for name in ["random_seed", "seed"] {
        let expected = count.filter(|_| name == seed).map(Value::from);
        assert_eq!(sent.get(name).cloned(), expected, "{name}: {sent}");
    }
}

#[tokio::test]
async fn a_model_that_wants_its_thoughts_back_gets_them() {
    let stack = Stack::ready().await;
    for (model, expected) in
        [("deepseek-flash", json!("Hm.")), ("groq/openai/gpt-oss-120b", Value::Null)]
    {
        let word = unique("thought");
        let thought = json!({"type": "thinking", "thinking": "Hm.", "signature": ""});
        let call = json!({"type": "tool_use", "id": "c", "name": "f", "input": {}});
        let result = json!({"type": "tool_result", "tool_use_id": "c", "content": word});
        let body = json!({
            "model": model, "max_tokens": 100, "tools": [{"name": "f", "input_schema": {"type": "object"}}],
            "messages": [
                {"role": "user", "content": "Go"}, {"role": "assistant", "content": [thought, call]},
                {"role": "user", "content": [result]},
            ],
        });
        let answer = stack.client().post("/v1/messages", &body).await.unwrap();
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        let record = stack.vendors.only(&word).await;
        assert_eq!(record["body"]["messages"][1]["reasoning_content"], expected, "{record}");
    }
}

#[tokio::test]
async fn hosts_get_each_setting_by_the_name_that_they_know() {
    let stack = Stack::ready().await;
    for (host, model, bound, seed) in HOSTS {
        for wire in Wire::ALL {
            let word = unique("host");
            let call = stack.call(wire, model, &word);
            let call = match wire {
                Wire::Anthropic => call
                    .option("max_tokens", 100)
                    .member("metadata", json!({"user_id": "somebody"})),
                Wire::Native => call.option("max_tokens", 100).option("seed", 5),
                Wire::OpenAi => call.member("max_completion_tokens", 100).member("seed", 5),
            };
            let answer = call.send().await.good();
            assert_eq!(answer.text(), format!("You said: {word}"), "{wire:?} {host}");
            assert_eq!(answer.header("x-de-provider"), host);
            let record = stack.vendors.only(&word).await;
            assert_eq!(record["vendor"], host);
            let count = (wire != Wire::Anthropic).then_some(5);
            named_its_way(&record["body"], bound, seed, count);
            let word = unique("host");
            let call = stack.call(wire, model, &word).option("max_tokens", 100).streamed();
            assert_eq!(call.send().await.status(), 200, "{wire:?} {host}");
            named_its_way(&stack.vendors.only(&word).await["body"], bound, seed, None);
        }
    }
}

#[tokio::test]
async fn a_call_costs_what_the_tier_costs_that_served_it() {
    let stack = Stack::ready().await;
    let pricing = json!({
        "currency": "USD",
        "input_micros_per_million_tokens": 1_000_000,
        "output_micros_per_million_tokens": 2_000_000,
        "multipliers_percent": {"priority": 300},
    });
    let model = stack.model(Server::OpenAi, json!({"pricing": pricing})).await;
    for (tier, times) in [("priority", 3), ("default", 1), ("flex", 1)] {
        for streamed in [false, true] {
            let call = stack.call(Wire::OpenAi, &model, "Hello").member("service_tier", tier);
            let call = if streamed { call.streamed() } else { call };
            let answer = call.send().await;
            let row = stack.books.row(&answer.request_id).await;
            let count = |name: &str| row[name].as_i64().unwrap();
            let list_price = count("input_tokens") + 2 * count("output_tokens");
            assert!(list_price > 0, "{row}");
            assert_eq!(count("cost_micros"), times * list_price, "{tier} {streamed}: {row}");
            if !streamed {
                assert_eq!(answer.header("x-de-cost-micros"), count("cost_micros").to_string());
            }
        }
    }
}
