//! What models can do: told, listed in pages, and held against what is asked of them.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    answer::Answer,
    call::Call,
    stack::Stack,
    wait::unique,
    wire::{Server, Wire},
};
use de_testkit::client::TestClient;
use serde_json::{Value, json};

async fn read(client: &TestClient, path: &str) -> Value {
    let answer = client.get(path).await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

#[tokio::test]
async fn each_model_says_what_it_can_do_and_how_it_is_reached() {
    let stack = Stack::ready().await;
    let differs = json!({"capabilities": {"text": true, "vision": false}, "pricing": null});
    let model = stack.model(Server::OpenAi, differs).await;
    let all = read(&stack.client(), "/v1/capabilities").await;
    let find = |id: &str| {
        let models = all["data"].as_array().unwrap();
        models.iter().find(|one| one["model_id"] == id).cloned().unwrap()
    };
    let mine = find(&model);
    assert_eq!(mine["capabilities"], json!({"text": true, "vision": false}));
    assert_eq!((&mine["pricing"], &mine["context_window"]), (&Value::Null, &json!(128_000)));
    assert_eq!(mine["on_unsupported"], "reject");
    let clients = json!({
        "anthropic-messages": "translated", "native": "translated", "openai-chat": "relayed",
        "openai-responses": "translated",
    });
    assert_eq!(mine["clients"], clients);
    assert_eq!(find("claude-haiku-4-5")["clients"]["anthropic-messages"], "relayed");
    assert_eq!(find("text-embedding-3-small")["clients"], json!({"openai-embeddings": "relayed"}));
    assert_eq!(find("gemini-embedding-2")["clients"], json!({"openai-embeddings": "translated"}));
    assert!(find("gpt-4o-mini")["pricing"]["input_micros_per_million_tokens"].is_u64());
    // What a form for pictures is made of, where no mapping says it.
    assert_eq!(mine["options"], Value::Null);
    let made = json!({"protocol": "openai-images", "capabilities": {"image": true}});
    let painter = stack.model(Server::OpenAi, made).await;
    let told = read(&stack.client(), &format!("/v1/capabilities?model={painter}")).await;
    let options = told["data"][0]["options"].as_array().unwrap();
    let option = |name: &str| options.iter().find(|one| one["name"] == name).cloned().unwrap();
    let count = json!({"name": "num_images", "type": "integer", "min": 1, "max": 10});
    assert_eq!(option("num_images"), count);
    assert_eq!(option("moderation")["enum"], json!(["auto", "low"]));
    let one = read(&stack.client(), &format!("/v1/capabilities?model={model}")).await;
    assert_eq!(one["data"], json!([mine]));
    // By the names that calls take.
    let alias = unique("alias").to_ascii_lowercase();
    let differs = json!({"capabilities": {"text": true}, "aliases": [alias]});
    let named = stack.model(Server::OpenAi, differs).await;
    let one = read(&stack.client(), &format!("/v1/capabilities?model={alias}")).await;
    assert_eq!(one["data"][0]["model_id"], named.as_str());
    assert_eq!(one["data"].as_array().unwrap().len(), 1);
    for (path, status) in [
        ("/v1/capabilities?model=nobody", 404),
        ("/v1/capabilities?colour=blue", 400),
        ("/v1/capabilities?model=a&model=b", 400),
    ] {
        assert_eq!(stack.client().get(path).await.unwrap().status, status, "{path}");
    }
}

#[tokio::test]
async fn models_come_in_pages_to_anthropics_clients() {
    let stack = Stack::ready().await;
    let client = stack.client().with_header("anthropic-version", "2023-06-01").unwrap();
    let ids = |page: &Value| -> Vec<String> {
        let models = page["data"].as_array().unwrap().iter();
        models.map(|model| model["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = read(&client, "/v1/models?limit=1000").await;
    assert_eq!(all["has_more"], false);
    let all = ids(&all);
    assert!(all.len() > 4 && all.contains(&"text-embedding-3-small".to_owned()), "{all:?}");
    let mut seen = Vec::new();
    let mut path = "/v1/models?limit=3".to_owned();
    loop {
        let page = read(&client, &path).await;
        let found = ids(&page);
        assert_eq!((&page["first_id"], &page["last_id"]), (&json!(found[0]), &json!(found.last())));
        seen.extend(found);
        if page["has_more"] == false {
            break;
        }
        let last = page["last_id"].as_str().unwrap().replace('/', "%2F");
        path = format!("/v1/models?limit=3&after_id={last}");
    }
    // Other tests make models meanwhile.
    let known: Vec<&String> = seen.iter().filter(|id| all.contains(id)).collect();
    assert_eq!(known, all.iter().collect::<Vec<_>>());
    let before = read(&client, &format!("/v1/models?limit=2&before_id={}", "gpt-4o-mini")).await;
    let place = all.iter().position(|id| id == "gpt-4o-mini").unwrap();
    assert_eq!(before["last_id"], all[place - 1].as_str());
    assert_eq!((ids(&before).len(), &before["has_more"]), (2, &json!(true)));
    let none = read(&client, "/v1/models?after_id=zzzz").await;
    assert_eq!((&none["data"], &none["last_id"]), (&json!([]), &Value::Null));
    for path in [
        "/v1/models?limit=0",
        "/v1/models?limit=1001",
        "/v1/models?limit=x",
        "/v1/models?after_id=a&before_id=b",
        "/v1/models?lifecycle=young",
    ] {
        let answer = client.get(path).await.unwrap();
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        assert_eq!(answer.json()["error"]["type"], "invalid_request_error");
    }
    let old = read(&client, "/v1/models?lifecycle%5B%5D=deprecated&limit=1000").await;
    let old = old["data"].as_array().unwrap();
    let sonnet = old.iter().find(|model| model["id"] == "claude-sonnet-4-20250514").unwrap();
    assert_eq!(sonnet["lifecycle"], "deprecated");
    assert!(old.iter().all(|model| model["lifecycle"] == "deprecated"));
}

const PICTURE: &str = "iVBORw0KGgo=";

#[tokio::test]
async fn what_a_model_cannot_read_is_refused_on_every_road() {
    let stack = Stack::ready().await;
    let blind = json!({"capabilities": {"text": true, "vision": false, "tools": false}});
    for server in Server::ALL {
        let model = stack.model(server, blind.clone()).await;
        let url = format!("data:image/png;base64,{PICTURE}");
        let seen = json!([{"role": "user", "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": url}},
        ]}]);
        let answer = stack.call(Wire::OpenAi, &model, "").member("messages", seen).send().await;
        answer.fails(400, "MODEL_CAPABILITY");
        assert_eq!(answer.response.json()["error"]["param"], "messages");
        let source = json!({"type": "base64", "media_type": "image/png", "data": PICTURE});
        let seen = json!([{"role": "user", "content": [{"type": "image", "source": source}]}]);
        let answer = stack.call(Wire::Anthropic, &model, "").member("messages", seen).send().await;
        assert_eq!(answer.response.status, 400, "{}", answer.response.text());
        let tools = json!([{"type": "function", "function": {"name": "f", "parameters": {}}}]);
        let answer = stack.call(Wire::OpenAi, &model, "Hello").member("tools", tools).send().await;
        answer.fails(400, "MODEL_CAPABILITY");
    }
}

#[tokio::test]
async fn a_fallback_that_cannot_read_it_is_none() {
    let stack = Stack::ready().await;
    let blind = json!({"capabilities": {"text": true, "tools": false}});
    let blind = stack.model(Server::OpenAi, blind).await;
    let first = stack.model(Server::OpenAi, json!({"fallbacks": [blind]})).await;
    let tools = json!([{"type": "function", "function": {"name": "f", "parameters": {}}}]);
    let word = unique("fail:401 tools");
    let call = stack.call(Wire::OpenAi, &first, &word);
    let answer = call.clone().member("tools", tools).send().await;
    assert_eq!(answer.response.status, 502, "{}", answer.response.text());
    assert_eq!(answer.response.header("x-de-attempts"), "");
}

#[tokio::test]
async fn settings_that_a_model_lacks_go_as_its_row_says() {
    let stack = Stack::ready().await;
    let plain = json!({"text": true, "json_mode": false, "sampling_params": false});
    let model = stack.model(Server::Anthropic, json!({"capabilities": plain})).await;
    let call = stack
        .call(Wire::OpenAi, &model, "Hello")
        .member("response_format", json!({"type": "json_object"}));
    let answer = call.send().await;
    answer.fails(400, "MODEL_CAPABILITY");
    assert_eq!(answer.response.json()["error"]["param"], "response_format");
    let word = unique("settings");
    let call = stack
        .call(Wire::OpenAi, &model, &word)
        .member("response_format", json!({"type": "json_object"}))
        .option("temperature", 0)
        .header("x-de-on-unsupported", "warn");
    let answer = call.send().await.good();
    assert_eq!(answer.header("x-de-dropped"), "response_format, temperature");
    assert!(
        answer.header("x-de-warnings").contains("no JSON mode"),
        "{:?}",
        answer.response.text()
    );
    let sent = stack.vendors.only(&word).await;
    assert!(sent["body"].get("temperature").is_none(), "{sent}");
    // Relayed, settings are for the vendor to judge.
    let relayed = json!({"text": true, "json_mode": false});
    let model = stack.model(Server::OpenAi, json!({"capabilities": relayed})).await;
    let call = stack
        .call(Wire::OpenAi, &model, "Answer in JSON")
        .member("response_format", json!({"type": "json_object"}));
    call.send().await.good();
}

#[tokio::test]
async fn a_model_that_takes_no_effort_is_told_a_budget() {
    let stack = Stack::ready().await;
    // As the seeds have them: one takes no effort, one either, one no budget.
    let budget = json!({"type": "enabled", "budget_tokens": 2_048});
    for (model, thinking, effort) in [
        ("claude-haiku-4-5", budget, Value::Null),
        ("claude-sonnet-4-6", Value::Null, json!("low")),
        ("claude-sonnet-5-5", Value::Null, json!("low")),
    ] {
        let word = unique("effort");
        let call = stack.call(Wire::OpenAi, model, &word).member("reasoning_effort", "low");
        call.send().await.good();
        let sent = &stack.vendors.only(&word).await["body"];
        assert_eq!((&sent["thinking"], &sent["output_config"]["effort"]), (&thinking, &effort));
    }
    let told = read(&stack.client(), "/v1/capabilities?model=claude-haiku-4-5").await;
    assert_eq!(told["data"][0]["capabilities"]["reasoning_effort"], false);
}

#[tokio::test]
async fn each_vendor_gets_the_schema_that_it_takes() {
    let stack = Stack::ready().await;
    let open = json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "required": ["a"]});
    let word = unique("open");
    let format = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": open}});
    let call = stack.call(Wire::OpenAi, Server::Anthropic.model(), &word);
    call.member("response_format", format).send().await.good();
    let sent = &stack.vendors.only(&word).await["body"];
    assert_eq!(sent["output_config"]["format"]["schema"]["additionalProperties"], false);
    // Anthropic lets members be absent in what it holds an answer to, and OpenAI does not.
    let mut closed = open;
    closed["additionalProperties"] = json!(false);
    let word = unique("some");
    let format = json!({"format": {"type": "json_schema", "schema": closed}});
    let call = stack.call(Wire::Anthropic, Server::OpenAi.model(), &word);
    let answer = call.member("output_config", format).send().await.good();
    assert_eq!(answer.header("x-de-dropped"), "output_config/format/schema");
    let sent = &stack.vendors.only(&word).await["body"];
    assert_eq!(sent["response_format"]["json_schema"]["strict"], false);
}

#[tokio::test]
async fn who_calls_is_told_in_what_the_vendor_takes() {
    let stack = Stack::ready().await;
    let differs = json!({"protocol": "openai-responses"});
    let responses = stack.model(Server::OpenAi, differs).await;
    let user = format!("user_{}_account_{}", "a".repeat(64), unique("u"));
    for (model, name) in [(Server::OpenAi.model(), "user"), (&responses, "safety_identifier")] {
        let word = unique("user");
        let call = stack.call(Wire::Anthropic, model, &word);
        let answer = call.member("metadata", json!({"user_id": user})).send().await.good();
        assert_eq!(answer.header("x-de-dropped"), "");
        let sent = &stack.vendors.only(&word).await["body"][name];
        assert_eq!(sent.as_str().map(str::len), Some(64), "{sent}");
    }
}

#[tokio::test]
async fn a_file_of_text_is_read_as_text() {
    let stack = Stack::ready().await;
    let word = unique("file");
    let ask = |file: &str| {
        let content = json!([{"type": "input_file", "filename": "a.csv", "file_data": file},
            {"type": "input_text", "text": word}]);
        json!({"model": Server::Anthropic.model(), "input": [{"role": "user", "content": content}]})
    };
    let answer =
        stack.client().post("/v1/responses", &ask("data:text/csv;base64,YSxi")).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = stack.vendors.only(&word).await;
    let source = json!({"type": "text", "media_type": "text/plain", "data": "a,b"});
    assert_eq!(sent["body"]["messages"][0]["content"][0]["source"], source, "{sent}");
    let answer =
        stack.client().post("/v1/responses", &ask("data:image/png;base64,AA==")).await.unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.json()["error"]["param"], "input");
}

/// Sends it, and wants left out what can be.
async fn dropping(call: Call<'_>) -> Answer {
    call.header("x-de-on-unsupported", "drop").send().await
}

#[tokio::test]
async fn turns_that_a_model_does_not_take_are_never_left_out() {
    let stack = Stack::ready().await;
    let flags = json!({"text": true, "system_prompt": false, "prefill": false});
    let model = stack.model(Server::Anthropic, json!({"capabilities": flags})).await;
    let answer = dropping(stack.call(Wire::OpenAi, &model, "Hello").system("Be brief.")).await;
    answer.fails(400, "MODEL_CAPABILITY");
    assert_eq!(answer.response.json()["error"]["param"], "messages");
    let answer = dropping(stack.call(Wire::Native, &model, "Hello").system("Be brief.")).await;
    answer.fails(400, "MODEL_CAPABILITY");
    assert_eq!(answer.response.json()["details"]["fields"][0]["field"], "/system");
    let begun =
        json!([{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]);
    let answer = dropping(stack.call(Wire::OpenAi, &model, "").member("messages", begun)).await;
    answer.fails(400, "MODEL_CAPABILITY");
}

#[tokio::test]
async fn a_model_that_cannot_stream_is_told_as_a_stream() {
    let stack = Stack::ready().await;
    let flags = json!({"text": true, "streaming": false});
    let model = stack.model(Server::OpenAi, json!({"capabilities": flags})).await;
    let word = unique("whole");
    let answer = stack.call(Wire::OpenAi, &model, &word).streamed().send().await;
    assert_eq!(answer.response.status, 200, "{}", answer.response.text());
    assert!(answer.response.text().ends_with("data: [DONE]\n\n"), "{}", answer.response.text());
    assert!(stack.vendors.only(&word).await["body"].get("stream").is_none());
}
