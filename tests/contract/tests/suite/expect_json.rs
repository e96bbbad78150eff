//! `expect_json`: an answer that has to be JSON.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    call::Call,
    stack::Stack,
    wait::{unique, until},
    wire::{Server, Wire},
};
use serde_json::{Value, json};

fn asked<'a>(stack: &'a Stack, model: &str, prompt: &str, expected: Value) -> Call<'a> {
    stack.call(Wire::Native, model, prompt).member("expect_json", expected)
}

#[tokio::test]
async fn the_value_stands_beside_the_text_at_every_vendor() {
    let stack = Stack::ready().await;
    for server in Server::ALL {
        let word = unique("json");
        // The simulator writes JSON by the schema of the mode, which all vendors have.
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}},
            "required": ["city"], "additionalProperties": false});
        let answer =
            asked(&stack, server.model(), &word, json!({"schema": schema})).send().await.good();
        let body = answer.json();
        assert!(body["json"]["city"].is_string(), "{body}");
        assert_eq!(serde_json::from_str::<Value>(&answer.text()).unwrap(), body["json"]);
        let told = &body["metadata"]["json_qa"];
        assert_eq!(told, &json!({"attempts": 1, "repaired": false, "validated": true}));
        let sent = &stack.vendors.only(&word).await["body"];
        let mode = match server {
            Server::Anthropic => &sent["output_config"]["format"]["schema"],
            Server::Gemini => &sent["generationConfig"]["responseJsonSchema"],
            Server::OpenAi => &sent["response_format"]["json_schema"]["schema"],
        };
        assert_eq!(mode, &schema, "{sent}");
    }
}

#[tokio::test]
async fn a_schema_need_not_be_one_that_the_vendor_takes() {
    let stack = Stack::ready().await;
    let open = json!({"type": "object", "properties": {"city": {"type": "string", "minLength": 1}},
        "required": ["city"]});
    for server in Server::ALL {
        let word = unique("open");
        let answer = asked(&stack, server.model(), &word, json!({"schema": open})).send().await;
        let answer = answer.good();
        assert!(answer.json()["json"]["city"].is_string(), "{}", answer.json());
        assert_eq!(answer.header("x-de-dropped"), "");
    }
    // Where the vendor has no word for it, it is asked in words.
    let word = unique("any");
    let any = json!({"type": "object", "additionalProperties": {"type": "integer"}});
    let prompt = format!("{word} {{\"a\": 1}}");
    let expected = json!({"schema": any});
    let answer = asked(&stack, Server::Anthropic.model(), &prompt, expected).send().await.good();
    assert_eq!(answer.json()["json"], json!({"a": 1}), "{}", answer.json());
    assert!(stack.vendors.only(&word).await["body"].get("output_config").is_none());
}

#[tokio::test]
async fn a_model_without_such_a_mode_is_asked_in_words() {
    let stack = Stack::ready().await;
    let flags = json!({"text": true, "json_mode": false, "structured_output": false});
    let model = stack.model(Server::OpenAi, json!({"capabilities": flags})).await;
    let word = unique("words");
    // It says what it was told, so that there is JSON in its prose.
    let prompt = format!("{word} ```json\n{{\"a\": [1, 2,],}}\n``` and so on");
    let answer = asked(&stack, &model, &prompt, json!(true)).send().await.good();
    let body = answer.json();
    assert_eq!(body["json"], json!({"a": [1, 2]}), "{body}");
    assert_eq!(body["metadata"]["json_qa"]["repaired"], true);
    assert_eq!(answer.header("x-de-dropped"), "");
    let sent = &stack.vendors.only(&word).await["body"];
    assert!(sent.get("response_format").is_none(), "{sent}");
    assert!(sent.to_string().contains("Answer with JSON alone"), "{sent}");
}

#[tokio::test]
async fn it_is_asked_again_and_each_try_is_booked() {
    let stack = Stack::ready().await;
    let flags = json!({"text": true, "json_mode": false, "structured_output": false});
    let model = stack.model(Server::OpenAi, json!({"capabilities": flags})).await;
    for retries in [0, 1, 2] {
        let word = unique("again");
        let expected = json!({"retries": retries, "schema": {"type": "object", "required": ["a"]}});
        let answer = asked(&stack, &model, &format!("{word} {{\"b\": 1}}"), expected).send().await;
        answer.fails(422, "JSON_VALIDATION_FAILED");
        let details = &answer.json()["details"];
        assert_eq!(details["tries"], retries + 1, "{details}");
        assert!(details["text"].as_str().unwrap().chars().count() <= 200, "{details}");
        assert!(details["reason"].is_string() && details["pointer"].is_string(), "{details}");
        let sent = stack.vendors.received(&word).await;
        assert_eq!(sent.len(), retries + 1);
        let last = sent.last().unwrap()["body"]["messages"].as_array().unwrap();
        assert_eq!(last.len(), 1 + 2 * retries);
        if retries > 0 {
            let complaint = last.last().unwrap().to_string();
            assert!(complaint.contains("not the JSON that is needed"), "{complaint}");
        }
        let row = stack.books.row(&answer.request_id).await;
        let attempts =
            row["attempts"].as_str().map(|text| serde_json::from_str::<Value>(text).unwrap());
        let attempts = attempts.unwrap_or_else(|| row["attempts"].clone());
        assert_eq!(attempts.as_array().unwrap().len(), retries + 1, "{row}");
        assert_eq!(row["error_code"], "JSON_VALIDATION_FAILED");
        assert_eq!(row["over_ceiling"], 0, "{row}");
        let cost = row["cost_micros"].as_i64().unwrap();
        let counted =
            row["input_tokens"].as_i64().unwrap() + 2 * row["output_tokens"].as_i64().unwrap();
        assert!(cost == counted && cost > 0, "{row}");
    }
}

#[tokio::test]
async fn what_ends_early_or_is_declined_is_not_asked_again() {
    let stack = Stack::ready().await;
    let word = unique("cut");
    let call =
        asked(&stack, "gpt-4o-mini", &format!("{word} one two three four"), json!({"retries": 2}));
    let answer = call.option("max_tokens", 2).send().await;
    answer.fails(422, "JSON_VALIDATION_FAILED");
    let details = &answer.json()["details"];
    assert_eq!(details["tries"], 1);
    assert!(details["reason"].as_str().unwrap().contains("bound"), "{details}");
    let word = format!("refuse {}", unique("declined"));
    let answer = asked(&stack, "gpt-4o-mini", &word, json!({"retries": 2})).send().await;
    assert_eq!(answer.response.status, 422, "{}", answer.response.text());
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let stack = Stack::ready().await;
    for (expected, field) in [
        (json!("yes"), "/expect_json"),
        (json!({"retries": 3}), "/expect_json/retries"),
        (json!({"schema": {"pattern": "a"}}), "/expect_json/schema/pattern"),
        (json!({"colour": 1}), "/expect_json/colour"),
    ] {
        let answer = asked(&stack, "gpt-4o-mini", "Hello", expected).send().await;
        answer.fails(400, "VALIDATION_ERROR");
        assert_eq!(answer.json()["details"]["fields"][0]["field"], field);
    }
    for call in [
        asked(&stack, "gpt-4o-mini", "Hello", json!(true)).streamed(),
        asked(&stack, "gpt-4o-mini", "Hello", json!({})).member("stream", true),
    ] {
        let answer = call.send().await;
        answer.fails(400, "VALIDATION_ERROR");
        assert_eq!(answer.json()["details"]["fields"][0]["field"], "/expect_json");
    }
    asked(&stack, "gpt-4o-mini", "Hello", json!(false)).streamed().send().await.good();
}

#[tokio::test]
async fn only_an_answer_that_was_expected_is_kept() {
    let stack = Stack::ready().await;
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}},
        "required": ["city"], "additionalProperties": false});
    let word = unique("kept");
    let call =
        asked(&stack, "gpt-4o-mini", &word, json!({"schema": schema})).header("x-de-cache", "3600");
    let first = call.clone().send().await.good();
    assert_eq!(first.header("x-de-cache"), "miss");
    let again = until("an answer of the cache", async || {
        let answer = call.clone().request_id(&unique("again")).send().await.good();
        Some(answer).filter(|answer| answer.header("x-de-cache") == "hit")
    })
    .await;
    assert_eq!(again.response.body, first.response.body);
    // Another schema is another call, and an answer that fails it is asked for again.
    let word = unique("unkept");
    let never = json!({"schema": {"type": "object", "required": ["b"]}, "retries": 1});
    let flags = json!({"text": true, "json_mode": false, "structured_output": false});
    let model = stack.model(Server::OpenAi, json!({"capabilities": flags})).await;
    let call =
        asked(&stack, &model, &format!("{word} {{\"a\": 1}}"), never).header("x-de-cache", "3600");
    for times in [2, 4] {
        let answer = call.clone().request_id(&unique("never")).send().await;
        answer.fails(422, "JSON_VALIDATION_FAILED");
        assert_eq!(stack.vendors.received(&word).await.len(), times);
    }
}
