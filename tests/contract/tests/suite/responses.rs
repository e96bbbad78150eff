//! OpenAI's responses: to every vendor, from every vendor, and what is kept of them.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

mod kept;

use base64::{Engine, engine::general_purpose::STANDARD};
use de_contract::{
    control::Control,
    stack::Stack,
    wait::unique,
    wire::{Server, Wire},
};
use de_testkit::client::{TestClient, TestResponse};
use http::Method;
use serde_json::{Value, json};

/// A model of each vendor's protocol.
struct Models {
    anthropic: String,
    chat: String,
    relayed: String,
    thinking: String,
}

impl Models {
    async fn of(stack: &Stack) -> Self {
        let spoken = json!({"protocol": "openai-responses"});
        let mut thinks = spoken.clone();
        thinks["upstream_model"] = "gpt-6-luna".into();
        thinks["capabilities"] = json!({
            "text": true, "tools": true, "streaming": true, "system_prompt": true, "sampling_params": false,
            "reasoning": true,
        });
        Self {
            anthropic: stack.model(Server::Anthropic, json!({})).await,
            chat: stack.model(Server::OpenAi, json!({})).await,
            relayed: stack.model(Server::OpenAi, spoken).await,
            thinking: stack.model(Server::OpenAi, thinks).await,
        }
    }

    fn each(&self) -> [&str; 3] {
        [&self.anthropic, &self.chat, &self.relayed]
    }
}

/// A client of a new project of the stack's instance.
async fn client_of(stack: &Stack, retains: bool) -> TestClient {
    let control = Control::of(stack.admin());
    let body = json!({"instance_id": "inst_dev", "name": unique("p"), "retain_content": retains});
    let project = control.make("projects", body).await;
    let body = json!({"project_id": project["id"], "scopes": ["text"]});
    let key = control.make("api-keys", body).await;
    stack.front.clone().with_key(key["secret"].as_str().unwrap()).unwrap()
}

async fn create(client: &TestClient, body: &Value) -> TestResponse {
    client.post("/v1/responses", body).await.unwrap()
}

async fn good(client: &TestClient, body: &Value) -> Value {
    let answer = create(client, body).await;
    assert_eq!(answer.status, 200, "{body}: {}", answer.text());
    answer.json()
}

/// The events of a stream, whose names and numbers are seen to be right.
async fn stream(client: &TestClient, body: &Value) -> Vec<Value> {
    let mut body = body.clone();
    body["stream"] = true.into();
    let answer = create(client, &body).await;
    assert_eq!(answer.status, 200, "{body}: {}", answer.text());
    assert!(answer.header("content-type").starts_with("text/event-stream"));
    let mut events = Vec::new();
    for event in answer.events() {
        let data: Value = serde_json::from_str(&event.data).unwrap();
        assert_eq!(data["type"], event.name);
        assert_eq!(data["sequence_number"], events.len(), "{data}");
        events.push(data);
    }
    events
}

fn text(response: &Value) -> String {
    let items = response["output"].as_array().unwrap().iter();
    let parts = items.flat_map(|item| item["content"].as_array().cloned().unwrap_or_default());
    parts.filter_map(|part| part["text"].as_str().map(str::to_owned)).collect()
}

fn deltas(events: &[Value]) -> String {
    let texts = events.iter().filter(|event| event["type"] == "response.output_text.delta");
    texts.filter_map(|event| event["delta"].as_str()).collect()
}

async fn at(client: &TestClient, method: Method, path: &str) -> TestResponse {
    client.request(method, &format!("/v1/responses/{path}")).send().await.unwrap()
}

/// Checks a failure in OpenAI's envelope.
#[track_caller]
fn fails(answer: &TestResponse, status: u16, code: &str) -> Value {
    let text = answer.text();
    assert_eq!(answer.status, status, "{text}");
    let error = answer.json()["error"].clone();
    assert_eq!(error["code"], code, "{text}");
    assert!(error.get("param").is_some() && error["message"].is_string(), "{text}");
    error
}

#[tokio::test]
async fn every_vendor_answers_whole_and_as_events() {
    let stack = Stack::ready().await;
    let models = Models::of(&stack).await;
    let client = stack.client();
    for model in models.each() {
        let word = unique("all");
        let body = json!({
            "model": model, "instructions": "Be brief.", "max_output_tokens": 100, "temperature": 0.5,
            "input": [
                {"role": "user", "content": "What is one and one?"},
                {"role": "assistant", "content": "Two."},
                {"role": "user", "content": [{"type": "input_text", "text": format!("and now {word}")}]},
            ],
        });
        let answer = create(&client, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let whole = answer.json();
        let expected = format!("You said: and now {word}");
        assert_eq!(text(&whole), expected, "{model}");
        assert!(whole["id"].as_str().unwrap().starts_with("resp_"), "{whole}");
        for (name, value) in [
            ("object", json!("response")),
            ("status", json!("completed")),
            ("error", Value::Null),
            ("store", json!(false)),
            ("instructions", json!("Be brief.")),
            ("temperature", json!(0.5)),
            ("tool_choice", json!("auto")),
        ] {
            assert_eq!(whole[name], value, "{model} {name}");
        }
        let usage = &whole["usage"];
        for name in ["input_tokens_details", "output_tokens_details"] {
            assert!(usage[name].is_object(), "{model}: {usage}");
        }
        let row = stack.books.row(answer.header("x-request-id")).await;
        assert_eq!(
            (&row["input_tokens"], &row["output_tokens"]),
            (&usage["input_tokens"], &usage["output_tokens"])
        );
        assert_eq!(row["operation"], "POST /v1/responses");
        let events = stream(&client, &body).await;
        assert_eq!(deltas(&events), expected, "{model}");
        let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(kinds[..2], ["response.created", "response.in_progress"]);
        let last = events.last().unwrap();
        assert_eq!(last["type"], "response.completed");
        assert_eq!(text(&last["response"]), expected);
        assert_eq!(last["response"]["usage"]["total_tokens"], usage["total_tokens"]);
    }
}

#[tokio::test]
async fn a_relay_passes_what_nobody_knows_and_stores_nothing_at_the_vendor() {
    let stack = Stack::ready().await;
    let models = Models::of(&stack).await;
    let word = unique("relay");
    let body = json!({
        "model": models.relayed, "input": word, "store": true, "metadata": {"team": "blue"}, "truncation": "auto",
    });
    let events = stream(&stack.client(), &body).await;
    let delta = events.iter().find(|event| event["type"] == "response.output_text.delta").unwrap();
    assert!(delta["obfuscation"].is_string(), "the vendor's padding passes: {delta}");
    let response = &events.last().unwrap()["response"];
    assert_eq!(
        (&response["store"], &response["metadata"]),
        (&json!(false), &json!({"team": "blue"}))
    );
    let sent = &stack.vendors.only(&word).await["body"];
    assert_eq!((&sent["store"], &sent["truncation"]), (&json!(false), &json!("auto")));
    assert_eq!(sent["model"], "gpt-4o-mini");
}

#[tokio::test]
async fn tools_are_called_and_answered_across_turns() {
    let stack = Stack::ready().await;
    let models = Models::of(&stack).await;
    let client = client_of(&stack, true).await;
    let schema = json!({"type": "object", "properties": {"input": {"type": "string"}}});
    let tools = json!([{"type": "function", "name": "look_up", "description": "Looks up.", "parameters": schema, "strict": false}]);
    for model in models.each() {
        for streamed in [false, true] {
            let body = json!({"model": model, "input": "call:look_up please", "tools": tools});
            let first = if streamed {
                stream(&client, &body).await.pop().unwrap()["response"].clone()
            } else {
                good(&client, &body).await
            };
            let call = first["output"]
                .as_array()
                .unwrap()
                .iter()
                .find(|item| item["type"] == "function_call");
            let call = call.unwrap_or_else(|| panic!("no tool was called: {first}"));
            let arguments: Value =
                serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
            assert_eq!(arguments, json!({"input": "call:look_up please"}), "{model}");
            let result = json!([{"type": "function_call_output", "call_id": call["call_id"], "output": "42"}]);
            let body = json!({"model": model, "input": result, "tools": tools, "previous_response_id": first["id"]});
            assert_eq!(text(&good(&client, &body).await), "You said: 42", "{model}");
        }
    }
}

#[tokio::test]
async fn thoughts_are_kept_over_turns() {
    let stack = Stack::ready().await;
    let models = Models::of(&stack).await;
    let client = client_of(&stack, true).await;
    let reasoning = json!({"effort": "low", "summary": "auto"});
    let ask =
        |input: Value| json!({"model": models.thinking, "input": input, "reasoning": reasoning});
    // The simulator takes a thought back only as it has sealed it.
    let first = good(&client, &ask(json!("Hi"))).await;
    assert_eq!(first["output"][0]["type"], "reasoning");
    assert!(first["output"][0]["encrypted_content"].is_string(), "{first}");
    let mut next = ask(json!("More"));
    next["previous_response_id"] = first["id"].clone();
    assert_eq!(text(&good(&client, &next).await), "You said: More");
    // Kept by the caller, and without what it could not be sent back by.
    let mut input = vec![json!({"role": "user", "content": "Hi"})];
    input.extend(first["output"].as_array().unwrap().iter().cloned());
    input.push(json!({"role": "user", "content": "More"}));
    assert_eq!(text(&good(&client, &ask(json!(input))).await), "You said: More");
    input[1].as_object_mut().unwrap().remove("encrypted_content");
    assert_eq!(text(&good(&client, &ask(json!(input))).await), "You said: More");

    // Of callers that speak chat or Anthropic's protocol.
    let word = unique("chat");
    let call = stack.call(Wire::OpenAi, &models.thinking, &word).member("reasoning_effort", "low");
    let message = call.send().await.good().json()["choices"][0]["message"].clone();
    assert_eq!(message["content"], format!("You said: {word}"));
    let turns =
        json!([{"role": "user", "content": "Hi"}, message, {"role": "user", "content": "More"}]);
    let call = stack.call(Wire::OpenAi, &models.thinking, "More").member("messages", turns);
    assert_eq!(call.send().await.good().text(), "You said: More");
    let thinking = json!({"type": "enabled", "budget_tokens": 2_000});
    let call =
        stack.call(Wire::Anthropic, &models.thinking, "Hi").member("thinking", thinking.clone());
    let content = call.member("max_tokens", 3_000).send().await.good().json()["content"].clone();
    assert!(content.to_string().contains("thinking"), "{content}");
    let turns = json!([
        {"role": "user", "content": "Hi"}, {"role": "assistant", "content": content}, {"role": "user", "content": "More"},
    ]);
    let word = unique("back");
    let call = stack.call(Wire::Anthropic, &models.thinking, "More").member("thinking", thinking);
    let call = call
        .member("max_tokens", 3_000)
        .member("metadata", json!({"user_id": word}))
        .member("messages", turns);
    assert_eq!(call.send().await.good().text(), "You said: More");
    let sent = &stack.vendors.only(&word).await["body"];
    assert_eq!(sent["input"][1]["type"], "reasoning", "{sent}");
}

#[tokio::test]
async fn other_callers_reach_a_vendor_that_speaks_it() {
    let stack = Stack::ready().await;
    let models = Models::of(&stack).await;
    for wire in Wire::ALL {
        let word = unique("other");
        let call =
            stack.call(wire, &models.relayed, &word).system("Be brief.").option("max_tokens", 100);
        let answer = call.send().await.good();
        assert_eq!(answer.text(), format!("You said: {word}"), "{wire:?}");
        let record = stack.vendors.only(&word).await;
        assert!(record["path"].as_str().unwrap().ends_with("/v1/responses"));
        assert_eq!(record["body"]["instructions"], "Be brief.");
        assert_eq!(record["body"]["store"], false);
        let row = stack.books.row(&answer.request_id).await;
        assert_eq!(row["input_tokens"], answer.counts().input);
        let prompt = format!("chunks:7 {}", unique("other"));
        let story =
            stack.call(wire, &models.relayed, &prompt).streamed().send().await.good().story();
        story.is_whole();
    }
}

#[tokio::test]
async fn a_stream_that_breaks_ends_as_the_protocol_tells_it() {
    let stack = Stack::ready().await;
    let models = Models::of(&stack).await;
    for (client, keeps) in
        [(client_of(&stack, false).await, false), (client_of(&stack, true).await, true)]
    {
        for model in models.each() {
            for fault in ["cut:6", "error-mid:6"] {
                let body = json!({"model": model, "input": format!("{fault} chunks:20 {}", unique("broken"))});
                let events = stream(&client, &body).await;
                let last = events.last().unwrap();
                let kind = last["type"].as_str().unwrap();
                // The vendor's own word passes where it speaks the protocol.
                let own = model == models.relayed && fault.starts_with("error");
                assert_eq!(
                    kind,
                    if own { "error" } else { "response.failed" },
                    "{model} {fault} {keeps}"
                );
                if !own {
                    assert_eq!(last["response"]["status"], "failed");
                    assert_eq!(last["response"]["error"]["code"], "server_error");
                    let id = last["response"]["id"].as_str().unwrap();
                    fails(&at(&client, Method::GET, id).await, 404, "not_found");
                }
            }
        }
    }
}

#[tokio::test]
async fn failures_have_openais_envelope_and_name_the_field() {
    let stack = Stack::ready().await;
    let models = Models::of(&stack).await;
    let client = stack.client();
    for model in models.each() {
        let body = json!({"model": model, "input": format!("fail:500 {}", unique("down"))});
        let answer = create(&client, &body).await;
        assert_eq!(answer.status, 502, "{}", answer.text());
        assert_eq!(answer.json()["error"]["type"], "server_error");
    }
    for (members, param) in [
        (json!({"background": true}), "background"),
        (json!({"conversation": "conv_1"}), "conversation"),
        (json!({"input": null}), "input"),
        (json!({"text": {"format": {"type": "json_schema", "schema": {}}}}), "text.format.name"),
    ] {
        let mut body = json!({"model": models.relayed, "input": "Hi"});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let error = fails(&create(&client, &body).await, 400, "validation_error");
        assert_eq!(error["param"], param, "{error}");
    }
    // A word that we do not know is its vendor's to judge, and means nothing to others.
    let body = json!({"model": models.anthropic, "input": [{"role": "tool", "content": "a"}]});
    let error = fails(&create(&client, &body).await, 400, "validation_error");
    assert_eq!(error["param"], "input[0].role", "{error}");
    // What only OpenAI can say is for OpenAI's models alone.
    let body = json!({"model": models.anthropic, "input": "Hi", "prompt": {"id": "pmpt_1"}});
    fails(&create(&client, &body).await, 400, "validation_error");
    let body = json!({"model": models.anthropic, "input": "Hi", "tools": [{"type": "web_search"}]});
    let error = fails(&create(&client, &body).await, 400, "validation_error");
    assert_eq!(error["param"], "tools[0]");
    let lax = client.request(Method::POST, "/v1/responses").header("x-de-on-unsupported", "drop");
    let answer = lax.json(&body).send().await.unwrap();
    assert_eq!(
        (answer.status, answer.header("x-de-dropped")),
        (200, "tools/0"),
        "{}",
        answer.text()
    );
    for path in ["compact", "input_tokens", "resp_1/cancel"] {
        fails(&at(&client, Method::POST, path).await, 501, "not_implemented");
    }
}
