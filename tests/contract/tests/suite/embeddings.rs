//! Vectors of texts: OpenAI's protocol, to vendors of any.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use base64::{Engine, engine::general_purpose::STANDARD};
use de_contract::{
    stack::Stack,
    wait::{unique, until},
    wire::Server,
};
use de_testkit::client::TestResponse;
use http::Method;
use serde_json::{Value, json};

const SMALL: &str = "text-embedding-3-small";

/// What makes a model of [`Stack::model`] one of these.
fn row(provider: &str, protocol: &str, upstream: &str) -> Value {
    json!({
        "provider_id": provider, "protocol": protocol, "upstream_model": upstream,
        "capabilities": {"embeddings": true}, "max_output_tokens": null,
        "default_max_output_tokens": null, "context_window": 8_191,
    })
}

async fn ask(stack: &Stack, body: &Value, headers: &[(&str, &str)]) -> TestResponse {
    let mut request = stack
        .client()
        .request(Method::POST, "/v1/embeddings")
        .header("content-type", "application/json")
        .header("x-request-id", &unique("vectors"))
        .body(body.to_string());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.send().await.unwrap()
}

fn numbers(vector: &Value) -> Vec<f32> {
    match vector.as_str() {
        Some(text) => {
            let bytes = STANDARD.decode(text).unwrap();
            bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
        }
        None => vector.as_array().unwrap().iter().map(|n| n.as_f64().unwrap() as f32).collect(),
    }
}

#[track_caller]
fn fails(answer: &TestResponse, status: u16, code: &str) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    let error = answer.json()["error"].clone();
    assert_eq!(error["code"], code.to_ascii_lowercase(), "{error}");
    error
}

#[tokio::test]
async fn the_same_protocol_is_relayed_and_booked() {
    let stack = Stack::ready().await;
    let word = unique("relayed");
    let body = json!({"input": [format!("{word} one"), "two"], "model": SMALL, "dimensions": 8,
        "encoding_format": "base64"});
    let answer = ask(&stack, &body, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = stack.vendors.only(&word).await;
    assert_eq!((&sent["vendor"], &sent["body"]), (&json!("openai"), &body));
    let told = answer.json();
    assert_eq!(told["object"], "list");
    assert_eq!(numbers(&told["data"][1]["embedding"]).len(), 8);
    assert_eq!(answer.header("x-de-model"), SMALL);
    let row = stack.books.row(answer.header("x-request-id")).await;
    assert_eq!(row["operation"], "POST /v1/embeddings");
    assert_eq!(row["input_tokens"], told["usage"]["prompt_tokens"]);
    assert_eq!((&row["output_tokens"], &row["estimated"]), (&json!(0), &json!(0)));
    assert_eq!(row["cost_micros"].to_string(), answer.header("x-de-cost-micros"));
    assert_eq!((&row["status"], &row["protocol"]), (&json!("ok"), &json!("openai-embeddings")));
    // Token ids are the vendor's own.
    let answer = ask(&stack, &json!({"model": SMALL, "input": [[1, 2], [3]]}), &[]).await;
    assert_eq!(answer.json()["usage"]["prompt_tokens"], 3, "{}", answer.text());
}

#[tokio::test]
async fn google_makes_vectors_in_openais_protocol() {
    let stack = Stack::ready().await;
    let word = unique("google");
    let mut vectors = Vec::new();
    for encoding in ["float", "base64"] {
        let body = json!({"model": "gemini-embedding-2", "input": [word, "b"], "dimensions": 4,
            "encoding_format": encoding, "user": "u"});
        let answer = ask(&stack, &body, &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let told = answer.json();
        assert_eq!(told["model"], "gemini-embedding-2");
        assert_eq!(told["data"][1]["index"], 1);
        assert_eq!(told["data"][0]["embedding"].is_string(), encoding == "base64");
        vectors.push(numbers(&told["data"][0]["embedding"]));
        // Google counts nothing here.
        let row = stack.books.row(answer.header("x-request-id")).await;
        assert_eq!(row["estimated"], 1);
        assert_eq!(row["input_tokens"], told["usage"]["prompt_tokens"]);
        assert!(row["input_tokens"].as_u64().unwrap() > 0);
        assert_eq!(answer.header("x-de-dropped"), "user");
    }
    assert_eq!(vectors[0], vectors[1]);
    let sent = stack.vendors.received(&word).await;
    let path = "/google/v1beta/models/gemini-embedding-2:batchEmbedContents";
    assert!(sent.iter().all(|record| record["path"] == path), "{sent:#?}");
    let answer = ask(&stack, &json!({"model": "gemini-embedding-2", "input": [1, 2]}), &[]).await;
    let error = fails(&answer, 400, "VALIDATION_ERROR");
    assert_eq!(error["param"], "input");
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let stack = Stack::ready().await;
    for (body, param) in [
        (json!({"model": SMALL}), "input"),
        (json!({"model": SMALL, "input": ["a", ""]}), "input[1]"),
        (json!({"model": SMALL, "input": "a", "dimensions": 0}), "dimensions"),
        (json!({"model": SMALL, "input": "a", "encoding_format": "hex"}), "encoding_format"),
    ] {
        let error = fails(&ask(&stack, &body, &[]).await, 400, "VALIDATION_ERROR");
        assert_eq!(error["param"], param, "{error}");
    }
    let chat = json!({"model": "gpt-4o-mini", "input": "a"});
    fails(&ask(&stack, &chat, &[]).await, 400, "MODEL_CAPABILITY");
    let nobody = json!({"model": "nobody", "input": "a"});
    fails(&ask(&stack, &nobody, &[]).await, 404, "MODEL_NOT_FOUND");
    // What the vendor refuses is the caller's.
    let answer =
        ask(&stack, &json!({"model": SMALL, "input": "a", "dimensions": 9_999}), &[]).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    // And no conversation is held with a model that makes vectors.
    let talk = json!({"model": SMALL, "messages": [{"role": "user", "content": "Hello"}]});
    let answer = stack.client().post("/v1/chat/completions", &talk).await.unwrap();
    fails(&answer, 400, "MODEL_CAPABILITY");
}

#[tokio::test]
async fn a_mapping_has_no_words_for_vectors() {
    let stack = Stack::ready().await;
    let mapped = json!({
        "protocol": "mapped", "capabilities": {"embeddings": true},
        "payload_mapping": {
            "endpoint": "/embeddings", "body": {"input": "{user_prompt}"},
            "response_mapping": {"text": "$.data[0].embedding"},
        },
    });
    let model = stack.model(Server::OpenAi, mapped).await;
    let answer = ask(&stack, &json!({"model": model, "input": "a"}), &[]).await;
    fails(&answer, 400, "MODEL_CAPABILITY");
}

#[tokio::test]
async fn vectors_of_two_models_are_never_mixed() {
    let stack = Stack::ready().await;
    let large = stack
        .model(Server::OpenAi, row("openai", "openai-embeddings", "text-embedding-3-large"))
        .await;
    let same = stack.model(Server::OpenAi, row("openai", "openai-embeddings", SMALL)).await;
    // The simulator fails the first time that this prompt comes: the retry of the same model would mend
    // it, so it fails as often as a model is tried.
    let mut first = row("openai", "openai-embeddings", SMALL);
    first["fallbacks"] = json!([large, same]);
    let first = stack.model(Server::OpenAi, first).await;
    let word = unique("fail-times:401:1 mixed");
    let answer = ask(&stack, &json!({"model": first, "input": word}), &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-de-model"), same);
    assert_eq!(answer.header("x-de-attempts"), "2");
    let named = [("x-de-fallback", large.as_str())];
    let answer = ask(&stack, &json!({"model": first, "input": "a"}), &named).await;
    fails(&answer, 400, "MODEL_CAPABILITY");
    let named = [("x-de-fallback", same.as_str())];
    let answer = ask(&stack, &json!({"model": first, "input": "a"}), &named).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn vectors_are_not_mixed_while_a_circuit_is_open_nor_by_another_name() {
    let stack = Stack::ready().await;
    let mut other = row("openai", "openai-embeddings", "text-embedding-3-large");
    let alias = unique("large");
    other["aliases"] = json!([alias]);
    let other = stack.model(Server::OpenAi, other).await;
    let same = stack.model(Server::OpenAi, row("openai", "openai-embeddings", SMALL)).await;
    let mut first = row("openai", "openai-embeddings", SMALL);
    first["fallbacks"] = json!([other]);
    first["circuit_breaker"] = json!({"failures": 2, "window_ms": 60_000, "open_ms": 60_000});
    let first = stack.model(Server::OpenAi, first).await;
    let named = [("x-de-fallback", alias.as_str())];
    let answer = ask(&stack, &json!({"model": first, "input": "a"}), &named).await;
    fails(&answer, 400, "MODEL_CAPABILITY");
    until("the circuit to open", async || {
        let body = json!({"model": first, "input": unique("fail:503:9 down")});
        let answer = ask(&stack, &body, &[]).await;
        fails(&answer, 503, "PROVIDER_UNAVAILABLE");
        answer.text().contains("circuit").then_some(())
    })
    .await;
    let named = [("x-de-fallback", same.as_str())];
    let answer = ask(&stack, &json!({"model": first, "input": "a"}), &named).await;
    assert_eq!((answer.status, answer.header("x-de-model")), (200, same.as_str()));
}

#[tokio::test]
async fn a_vendor_that_fails_is_tried_again_and_then_told() {
    let stack = Stack::ready().await;
    let word = unique("fail-once:503 again");
    let answer = ask(&stack, &json!({"model": SMALL, "input": word}), &[]).await;
    assert_eq!((answer.status, answer.header("x-de-attempts")), (200, "2"), "{}", answer.text());
    for model in [SMALL, "gemini-embedding-2"] {
        let answer = ask(&stack, &json!({"model": model, "input": "garbage"}), &[]).await;
        fails(&answer, 502, "PROVIDER_MALFORMED");
        let answer = ask(&stack, &json!({"model": model, "input": "fail:401"}), &[]).await;
        assert_eq!(answer.status, 502, "{}", answer.text());
    }
}

#[tokio::test]
async fn one_key_buys_once() {
    let stack = Stack::ready().await;
    let word = unique("once");
    let key = [("idempotency-key", word.as_str())];
    let body = json!({"model": SMALL, "input": word, "dimensions": 2});
    let first = ask(&stack, &body, &key).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let second = ask(&stack, &body, &key).await;
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_eq!(second.text(), first.text());
    stack.vendors.only(&word).await;
}
