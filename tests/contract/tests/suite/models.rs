//! Models as callers see them, and as rows that an admin makes.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    control::Control,
    models::config,
    stack::Stack,
    wait::unique,
    wire::{Server, Wire},
};
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn models_are_listed_as_each_sdk_expects() {
    let stack = Stack::ready().await;
    for client in [stack.client(), stack.text.clone().with_key(&stack.keys.client).unwrap()] {
        let answer = client.get("/v1/models").await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        assert_eq!(body["object"], "list");
        let models = body["data"].as_array().unwrap();
        let find = |id: &str| models.iter().find(|model| model["id"] == id);
        let mini = find("gpt-4o-mini").expect("it is offered");
        assert_eq!(mini["object"], "model");
        assert_eq!(mini["owned_by"], "openai");
        assert!(mini["created"].is_i64());
        // Deprecated: it still serves, and is not offered.
        assert!(find("claude-sonnet-4-20250514").is_none());

        let anthropic = client.clone().with_header("anthropic-version", "2023-06-01").unwrap();
        let body = anthropic.get("/v1/models").await.unwrap().json();
        assert!(body["has_more"].is_boolean());
        let haiku = body["data"].as_array().unwrap().iter();
        let haiku = haiku.clone().find(|model| model["id"] == "claude-haiku-4-5").unwrap();
        assert_eq!(haiku["type"], "model");
        assert!(haiku["display_name"].is_string());
        assert_eq!(body["first_id"], body["data"][0]["id"]);
    }
}

#[tokio::test]
async fn c33_a_model_is_read_by_its_id_with_slashes_in_both_forms() {
    let stack = Stack::ready().await;
    let client = stack.client();
    let paths = [
        "/v1/models/groq/openai/gpt-oss-120b",
        "/v1/models/groq%2Fopenai%2Fgpt-oss-120b",
        "/v1/model-configs/groq%2Fopenai%2Fgpt-oss-120b",
    ];
    for path in paths {
        let answer = client.get(path).await.unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let body = answer.json();
        let id = body.get("id").or(body.get("model_id")).unwrap();
        assert_eq!(id, "groq/openai/gpt-oss-120b");
    }
    for path in ["/v1/models/%FF", "/v1/model-configs/%FF"] {
        let answer = client.get(path).await.unwrap();
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        let body = answer.json();
        let code = body["error_code"].as_str().or(body["error"]["code"].as_str()).unwrap();
        assert_eq!(code.to_ascii_uppercase(), "INVALID_REQUEST", "{path}");
    }
    let answer = client.get("/v1/models/nobody").await.unwrap();
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["error"]["code"], "model_not_found");
    let answer = client.get("/v1/model-configs/nobody").await.unwrap();
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["error_code"], "MODEL_NOT_FOUND");
}

/// Whatever name a call may use is one that a client finds.
#[tokio::test]
async fn a_model_is_read_by_an_alias_and_says_its_own_id_in_both_forms() {
    let stack = Stack::ready().await;
    let [alias, beyond] = [unique("alias"), unique("beyond")].map(|name| name.to_ascii_lowercase());
    let slashed = format!("team/{alias}");
    let model = stack.model(Server::OpenAi, json!({"aliases": [alias, slashed]})).await;
    let other = stack.model(Server::OpenAi, json!({"aliases": [beyond]})).await;
    stack.call(Wire::OpenAi, &alias, "Hello").send().await.good();
    let openai = stack.client();
    let anthropic = openai.clone().with_header("anthropic-version", "2023-06-01").unwrap();
    for (client, member, word) in [(&openai, "object", "model"), (&anthropic, "type", "model")] {
        let by_id = client.get(&format!("/v1/models/{model}")).await.unwrap().json();
        assert_eq!((&by_id["id"], &by_id[member]), (&json!(model), &json!(word)));
        for name in [&alias, &slashed, &slashed.replace('/', "%2F")] {
            let answer = client.get(&format!("/v1/models/{name}")).await.unwrap();
            assert_eq!(answer.status, 200, "{name}: {}", answer.text());
            assert_eq!(answer.json(), by_id, "{name}");
        }
        let none = client.get(&format!("/v1/models/{alias}-2")).await.unwrap();
        assert_eq!(none.status, 404, "{}", none.text());
    }
    // A key that may not call the model does not find it by another name either.
    let control = Control::of(stack.admin());
    let body = json!({"project_id": "proj_dev", "scopes": ["text"], "allowed_models": [model]});
    let key = control.make("api-keys", body).await;
    let narrow = stack.front.clone().with_key(key["secret"].as_str().unwrap()).unwrap();
    assert_eq!(narrow.get(&format!("/v1/models/{alias}")).await.unwrap().status, 200);
    for name in [&beyond, &other] {
        let refused = narrow.get(&format!("/v1/models/{name}")).await.unwrap();
        let code = refused.json()["error"]["code"].clone();
        assert_eq!((refused.status, code), (403, json!("model_not_allowed")), "{name}");
    }
    // Out of use, it is there by no name.
    let path = format!("/v1/model-configs/{model}");
    control.patch(&path, &json!({"status": "disabled"})).await.is(200);
    for name in [&alias, &model] {
        assert_eq!(openai.get(&format!("/v1/models/{name}")).await.unwrap().status, 404, "{name}");
    }
}

#[tokio::test]
async fn c32_a_new_model_is_read_listed_and_called_at_once() {
    let stack = Stack::ready().await;
    let id = unique("team/new");
    let config = Value::Object(config(Server::OpenAi, &json!({"model_id": id})));
    // Known to be unknown first, so that nothing remembered may serve.
    stack.call(Wire::Native, &id, "Hello").send().await.fails(404, "MODEL_NOT_FOUND");
    let answer = stack.admin().post("/v1/model-configs", &config).await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    let location = answer.header("location").to_owned();
    assert!(location.ends_with(&format!("/v1/model-configs/{}", id.replace('/', "%2F"))));
    let made = answer.json();
    assert_eq!(made["model_id"], id.as_str());
    assert_eq!(made["version"], 1);
    assert_eq!(made["organization_id"], Value::Null);
    assert_eq!(made["status"], "active");
    assert_eq!(made["pricing"]["input_micros_per_million_tokens"], 1_000_000);
    for time in ["created_at", "updated_at"] {
        assert!(made[time].as_str().unwrap().ends_with('Z'), "{made}");
    }
    let path = format!("/v1/model-configs/{}", id.replace('/', "%2F"));
    let read = stack.client().get(&path).await.unwrap();
    assert_eq!(read.json(), made);
    let answer = stack.call(Wire::Native, &id, "Hello").send().await.good();
    assert_eq!(answer.header("x-de-model"), id);
    let list = stack.client().get("/v1/models").await.unwrap().json();
    assert!(list["data"].as_array().unwrap().iter().any(|model| model["id"] == id.as_str()));
}

#[tokio::test]
async fn s01_only_an_admin_makes_models() {
    let stack = Stack::ready().await;
    let config = Value::Object(config(Server::OpenAi, &json!({})));
    let answer = stack.client().post("/v1/model-configs", &config).await.unwrap();
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(answer.json()["error_code"], "FORBIDDEN");
    assert_eq!(answer.json()["details"]["scope"], "admin");
}

#[tokio::test]
async fn c30_an_id_that_is_taken_is_409() {
    let stack = Stack::ready().await;
    let alias = unique("taken");
    let model = stack.model(Server::OpenAi, json!({"aliases": [alias]})).await;
    let admin = stack.admin();
    let again = Value::Object(config(Server::OpenAi, &json!({"model_id": model})));
    let answer = admin.post("/v1/model-configs", &again).await.unwrap();
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert_eq!(answer.json()["error_code"], "CONFLICT");
    let again = Value::Object(config(Server::OpenAi, &json!({"aliases": [alias]})));
    let answer = admin.post("/v1/model-configs", &again).await.unwrap();
    assert_eq!(answer.status, 409, "{}", answer.text());
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_model_is_told_at_once() {
    let stack = Stack::ready().await;
    let wrong = json!({
        "model_id": "No Spaces",
        "provider_id": "openai",
        "protocol": "telepathy",
        "capabilities": {"text": "yes"},
        "rate_limits": {"rpm": -1},
        "status": "asleep",
        "colour": "blue",
    });
    let answer = stack.admin().post("/v1/model-configs", &wrong).await.unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.json()["error_code"], "VALIDATION_ERROR");
    let fields = answer.json()["details"]["fields"].as_array().unwrap().clone();
    let fields: Vec<&str> = fields.iter().filter_map(|field| field["field"].as_str()).collect();
    let expected = [
        "/model_id",
        "/display_name",
        "/protocol",
        "/capabilities/text",
        "/rate_limits/rpm",
        "/status",
        "/colour",
    ];
    for field in expected {
        assert!(fields.contains(&field), "{field} is missing in {fields:?}");
    }
}

#[tokio::test]
async fn s01_c01_a_mapping_may_not_send_the_key_elsewhere() {
    let stack = Stack::ready().await;
    let endpoints = [
        "https://attacker.invalid/v1/chat/completions",
        "http://169.254.169.254/latest/meta-data",
        "//attacker.invalid/v1",
    ];
    for endpoint in endpoints {
        let mapping = json!({
            "endpoint": endpoint,
            "method": "POST",
            "body": {"prompt": "{user_prompt}"},
            "response_mapping": {"text": "$.text"},
        });
        let config =
            config(Server::OpenAi, &json!({"protocol": "mapped", "payload_mapping": mapping}));
        let answer = stack.admin().post("/v1/model-configs", &Value::Object(config)).await.unwrap();
        assert_eq!(answer.status, 400, "{endpoint}: {}", answer.text());
        let field = answer.json()["details"]["fields"][0]["field"].clone();
        assert_eq!(field, "/payload_mapping/endpoint", "{endpoint}: {}", answer.text());
    }
    let nobody = config(Server::OpenAi, &json!({"provider_id": "nobody"}));
    let answer = stack.admin().post("/v1/model-configs", &Value::Object(nobody)).await.unwrap();
    assert_eq!(answer.json()["details"]["fields"][0]["field"], "/provider_id");
}

#[tokio::test]
async fn a_mapped_model_serves_all_three_protocols() {
    let stack = Stack::ready().await;
    let mapping = json!({
        "endpoint": "/chat/completions",
        "method": "POST",
        "body": {
            "model": "gpt-4o-mini",
            "messages": [
                {"$each": "{messages}", "$do": "{item}"},
                {"$if": "{user_prompt}", "role": "user", "content": "{user_prompt}"},
            ],
            "temperature": "{temperature}",
        },
        "response_mapping": {
            "text": "$.choices[0].message.content",
            "finish_reason": "$.choices[0].finish_reason",
            "input_tokens": "$.usage.prompt_tokens",
            "output_tokens": "$.usage.completion_tokens",
        },
    });
    let differs = json!({
        "protocol": "mapped", "payload_mapping": mapping, "unknown_options": "drop", "on_unsupported": "drop",
    });
    let model = stack.model(Server::OpenAi, differs).await;
    for wire in Wire::ALL {
        let word = unique("mapped");
        let answer = stack.call(wire, &model, &word).option("temperature", 0).send().await.good();
        assert_eq!(answer.text(), format!("You said: {word}"), "{wire:?}");
        let sent = &stack.vendors.only(&word).await["body"];
        assert_eq!(sent["temperature"].as_f64(), Some(0.0), "{sent}");
        assert!(answer.counts().output > 0);
        // Its vendor answers whole: the caller still gets the stream that it asked for.
        let streamed = stack.call(wire, &model, "Hello").streamed().send().await.good();
        streamed.story().is_whole();
        assert_eq!(streamed.story().text(), "You said: Hello");
        let row = stack.books.row(&streamed.request_id).await;
        assert_eq!((row["status"].as_str(), row["streamed"].as_i64()), (Some("ok"), Some(1)));
    }
}

/// The config of a seeded model, to be made anew as a mapped one under another name.
async fn mapped_anew(stack: &Stack, seed: &str, upstream: &str) -> Value {
    let path = format!("/v1/model-configs/{seed}");
    let read = stack.client().get(&path).await.unwrap().json();
    let mut config = read.as_object().cloned().unwrap();
    for name in ["aliases", "created_at", "fallbacks", "status", "updated_at", "version"] {
        config.remove(name);
    }
    // What the vendor has retired it refuses: the same mapping has to work for what came after.
    let mapping = config["payload_mapping"].to_string().replace(seed, upstream);
    config.insert("payload_mapping".to_owned(), serde_json::from_str(&mapping).unwrap());
    config.insert("protocol".to_owned(), "mapped".into());
    config.insert("model_id".to_owned(), unique("mapped").into());
    Value::Object(config)
}

#[tokio::test]
async fn c05_the_mappings_of_the_seeded_text_models_work() {
    let stack = Stack::ready().await;
    for (seed, upstream) in [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o-mini", "gpt-4o-mini"),
        ("claude-sonnet-4-20250514", "claude-haiku-4-5"),
        ("claude-3-5-haiku-20241022", "claude-haiku-4-5"),
    ] {
        let config = mapped_anew(&stack, seed, upstream).await;
        let made = stack.admin().post("/v1/model-configs", &config).await.unwrap();
        assert_eq!(made.status, 201, "{seed}: {}", made.text());
        let model = config["model_id"].as_str().unwrap();
        for wire in Wire::ALL {
            for streamed in [false, true] {
                let case = format!("{seed} {wire:?} streamed {streamed}");
                let word = unique("mapped");
                let call = stack
                    .call(wire, model, &format!("and now {word} END tail"))
                    .system("Be brief.")
                    .earlier("What is one and one?", "Two.")
                    .stop("END")
                    .option("max_tokens", 100)
                    .option("temperature", 0);
                let call = if streamed { call.streamed() } else { call };
                let answer = call.send().await.good();
                let text = if streamed {
                    answer.story().is_whole();
                    answer.story().text()
                } else {
                    answer.text()
                };
                assert_eq!(text, format!("You said: and now {word} "), "{case}");
                let sent = &stack.vendors.only(&word).await["body"];
                assert_eq!(sent["temperature"].as_f64(), Some(0.0), "{case}: {sent}");
                assert!(sent.to_string().contains("Be brief."), "{case}: {sent}");
                assert!(sent.to_string().contains("Two."), "{case}: {sent}");
                let row = stack.books.row(&answer.request_id).await;
                assert_eq!(row["status"], "ok", "{case}: {row}");
                assert_eq!(row["protocol"], "mapped");
                assert!(row["input_tokens"].as_i64().unwrap() > 20, "{case}: {row}");
                assert!(row["output_tokens"].as_i64().unwrap() > 3, "{case}: {row}");
                assert!(row["cost_micros"].is_i64(), "{case}: {row}");
                assert_eq!(row["estimated"], 0, "{case}: {row}");
            }
        }
    }
}

#[tokio::test]
async fn model_configs_are_listed_in_pages_and_by_filters() {
    let stack = Stack::ready().await;
    let client = stack.client();
    let mut ids = Vec::new();
    let mut path = "/v1/model-configs?type=text&provider_id=anthropic&limit=2".to_owned();
    loop {
        let answer = client.get(&path).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= 2);
        for model in data {
            assert_eq!(model["provider_id"], "anthropic");
            assert_eq!(model["capabilities"]["text"], true);
            ids.push(model["model_id"].as_str().unwrap().to_owned());
        }
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/model-configs?type=text&provider_id=anthropic&limit=2&cursor={cursor}");
    }
    assert!(ids.contains(&"claude-haiku-4-5".to_owned()), "{ids:?}");
    assert!(ids.is_sorted(), "{ids:?}");
    let images = client.get("/v1/model-configs?type=image").await.unwrap().json();
    let images = images["data"].as_array().unwrap().clone();
    assert!(images.iter().any(|model| model["model_id"] == "dall-e-3"));
    assert!(images.iter().all(|model| model["capabilities"]["image"] == true));
}

#[tokio::test]
async fn c33_unknown_filters_are_400_by_name() {
    let stack = Stack::ready().await;
    let path = "/v1/model-configs?colour=blue&type=smell&limit=0";
    let answer = stack.client().get(path).await.unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text());
    let fields = answer.json()["details"]["fields"].as_array().unwrap().clone();
    let mut fields: Vec<&str> = fields.iter().filter_map(|field| field["field"].as_str()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["?colour", "?limit", "?type"]);
}

#[tokio::test]
async fn what_is_designed_and_not_built_is_501() {
    let stack = Stack::ready().await;
    let client = stack.admin();
    for path in ["/v1/responses/compact"] {
        let answer = client.request(Method::POST, path).json(&json!({})).send().await.unwrap();
        assert_eq!(answer.status, 501, "{path}: {}", answer.text());
        assert_eq!(answer.json()["error"]["code"], "not_implemented", "{path}");
    }
}
