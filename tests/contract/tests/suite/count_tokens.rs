//! How many tokens a prompt has, asked in Anthropic's protocol.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    stack::Stack,
    wait::unique,
    wire::{Server, Wire},
};
use de_testkit::client::TestResponse;
use http::Method;
use serde_json::{Value, json};

async fn ask(stack: &Stack, body: &Value) -> TestResponse {
    let request = stack.client().request(Method::POST, "/v1/messages/count_tokens");
    request
        .header("content-type", "application/json")
        .header("anthropic-version", "2023-06-01")
        .header("x-request-id", &unique("count"))
        .body(body.to_string())
        .send()
        .await
        .unwrap()
}

fn prompt(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
}

#[tokio::test]
async fn a_vendor_that_counts_is_asked_and_nothing_is_bought() {
    let stack = Stack::ready().await;
    let word = unique("counted");
    let mut body = prompt("claude-haiku-4-5", &word);
    body["system"] = json!([{"type": "text", "text": "Be brief."}]);
    let answer = ask(&stack, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-de-estimated"), "");
    assert_eq!(answer.header("x-de-model"), "claude-haiku-4-5");
    let sent = stack.vendors.only(&word).await;
    assert_eq!((&sent["vendor"], &sent["body"]), (&json!("anthropic"), &body));
    assert!(sent["path"].as_str().unwrap().ends_with("/v1/messages/count_tokens"), "{sent}");
    // As the same call is counted when it is answered.
    let told = answer.json();
    let call = stack.call(Wire::Anthropic, "claude-haiku-4-5", &word).system("Be brief.");
    assert_eq!(told["input_tokens"], call.send().await.good().counts().input);
    let row = stack.books.row(answer.header("x-request-id")).await;
    assert_eq!(row["operation"], "POST /v1/messages/count_tokens");
    assert_eq!((&row["status"], &row["cost_micros"]), (&json!("ok"), &json!(0)));
    assert_eq!((&row["input_tokens"], &row["estimated"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn for_models_of_other_vendors_it_is_estimated() {
    let stack = Stack::ready().await;
    let word = unique("estimated");
    let text = format!("{word} and the cat sat on the mat.");
    let mut body = prompt("gpt-4o-mini", &text);
    let answer = ask(&stack, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-de-estimated"), "true");
    assert_eq!(answer.header("x-de-model"), "gpt-4o-mini");
    let count = answer.json()["input_tokens"].as_u64().unwrap();
    assert!((10..60).contains(&count), "{count}");
    assert!(stack.vendors.received(&word).await.is_empty());
    body["tools"] = json!([{"name": "weather", "input_schema": {"type": "object"}}]);
    let more = ask(&stack, &body).await.json()["input_tokens"].as_u64().unwrap();
    assert!(more > count, "{more} {count}");
    let row = stack.books.row(answer.header("x-request-id")).await;
    assert_eq!((&row["status"], &row["cost_micros"]), (&json!("ok"), &json!(0)));
}

#[tokio::test]
async fn what_is_wrong_is_told_in_anthropics_envelope() {
    let stack = Stack::ready().await;
    for (body, status, kind) in [
        (json!({"model": "claude-haiku-4-5"}), 400, "invalid_request_error"),
        (json!({"model": "claude-haiku-4-5", "messages": []}), 400, "invalid_request_error"),
        (prompt("nobody", "Hello"), 404, "not_found_error"),
        (prompt("text-embedding-3-small", "Hello"), 400, "invalid_request_error"),
    ] {
        let answer = ask(&stack, &body).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.json()["error"]["type"], kind, "{}", answer.text());
    }
    // What only the vendor knows to be wrong is told by it.
    let mut odd = prompt("claude-haiku-4-5", "Hello");
    odd["max_tokens"] = json!(5);
    assert_eq!(ask(&stack, &odd).await.status, 400);
}

#[tokio::test]
async fn limits_count_the_request_and_no_other_model_stands_in() {
    let stack = Stack::ready().await;
    let differs = json!({"rate_limits": {"rpm": 2, "tpm": 1}, "fallbacks": ["gpt-4o-mini"]});
    let model = stack.model(Server::Anthropic, differs).await;
    for _ in 0..2 {
        let answer = ask(&stack, &prompt(&model, "one two three four five")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let answer = ask(&stack, &prompt(&model, "one")).await;
    assert_eq!(answer.status, 429, "{}", answer.text());
}
