//! Vectors over doubles: vendors that do not do as they were asked.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "tests: what does not hold ends them, and their modules have one reader"
)]

#[path = "http/doubles.rs"]
mod doubles;
#[path = "http/gateway.rs"]
mod gateway;

use de_testkit::{client::TestResponse, fetch::Answer};
use http::Method;
use serde_json::{Value, json};

use crate::gateway::Gateway;

async fn gateway() -> Gateway {
    let gateway = Gateway::new().await;
    let differs = json!({
        "upstream_model": "text-embedding-3-small", "capabilities": {"embeddings": true},
        "max_output_tokens": null, "default_max_output_tokens": null,
        "pricing": {"currency": "USD", "input_micros_per_million_tokens": 1_000_000},
    });
    gateway.model("vectors", "openai-embeddings", differs).await;
    gateway
}

async fn ask(gateway: &Gateway, encoding: &str) -> TestResponse {
    let body = json!({"model": "vectors", "input": ["a", "b"], "encoding_format": encoding});
    gateway.text.post("/v1/embeddings", &body).await.unwrap()
}

/// OpenAI's answer. Follows <https://platform.openai.com/docs/api-reference/embeddings/object>.
fn answer(vectors: &[Value], usage: Value) -> Answer {
    let item = |(index, vector): (usize, &Value)| json!({"object": "embedding", "index": index, "embedding": vector});
    let data: Vec<Value> = vectors.iter().enumerate().map(item).collect();
    let model = "text-embedding-3-small";
    Answer::json(200, &json!({"object": "list", "data": data, "model": model, "usage": usage}))
}

#[tokio::test(start_paused = true)]
async fn a_host_that_knows_one_form_answers_in_both() {
    let gateway = gateway().await;
    let counted = json!({"prompt_tokens": 7, "total_tokens": 7});
    gateway.test.fetch.answer(answer(&[json!([0.25, -2]), json!([1, 0])], counted));
    let told = ask(&gateway, "base64").await;
    assert_eq!(told.status, 200, "{}", told.text());
    let body = told.json();
    assert_eq!(body["data"][0]["embedding"], "AACAPgAAAMA=");
    assert_eq!((&body["model"], &body["usage"]["total_tokens"]), (&json!("vectors"), &json!(7)));
    let receipt = gateway.receipt(&told).await;
    assert_eq!((&receipt["input_tokens"], &receipt["cost_micros"]), (&json!(7), &json!(7)));
    let both = [json!("AACAPgAAAMA="), json!("AACAPgAAAMA=")];
    gateway.test.fetch.answer(answer(&both, Value::Null));
    let told = ask(&gateway, "float").await;
    assert_eq!(told.json()["data"][1]["embedding"], json!([0.25, -2.0]));
    let receipt = gateway.receipt(&told).await;
    assert_eq!(receipt["estimated"], 1);
    assert_eq!(receipt["input_tokens"], told.json()["usage"]["prompt_tokens"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_with_too_few_vectors_is_the_vendors_fault_and_booked() {
    let gateway = gateway().await;
    gateway.test.fetch.answer(answer(&[json!([1])], json!({"prompt_tokens": 7})));
    let told = ask(&gateway, "float").await;
    assert_eq!(told.status, 502, "{}", told.text());
    assert_eq!(told.json()["error"]["code"], "provider_malformed");
    let receipt = gateway.receipt(&told).await;
    assert_eq!((&receipt["status"], &receipt["estimated"]), (&json!("failed"), &json!(1)));
    assert!(receipt["input_tokens"].as_u64().unwrap() > 0);
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_the_unsupported_is_the_callers_to_say_here_too() {
    let gateway = gateway().await;
    let differs = json!({
        "provider_id": "google", "upstream_model": "gemini-embedding-2",
        "capabilities": {"embeddings": true}, "max_output_tokens": null, "default_max_output_tokens": null,
    });
    gateway.model("others", "gemini-embeddings", differs).await;
    let ask = async |word: &str| {
        let request = gateway.text.request(Method::POST, "/v1/embeddings");
        let body = json!({"model": "others", "input": "a", "user": "u"});
        request.header("x-de-on-unsupported", word).json(&body).send().await.unwrap()
    };
    let told = ask("perhaps").await;
    assert_eq!(told.status, 400, "{}", told.text());
    assert!(told.text().contains("x-de-on-unsupported"), "{}", told.text());
    assert_eq!(gateway.sent(), 0);
    for (word, warnings) in
        [("drop", None), ("reject", None), ("warn", Some("user: only OpenAI has such a setting"))]
    {
        gateway.test.fetch.answer(Answer::json(200, &json!({"embeddings": [{"values": [1, 0]}]})));
        let told = ask(word).await;
        assert_eq!(told.status, 200, "{}", told.text());
        assert_eq!(told.header("x-de-dropped"), "user");
        let said = told.headers.get("x-de-warnings").map(|value| value.to_str().unwrap());
        assert_eq!(said, warnings, "{word}");
    }
}

/// Four hundred vectors of OpenAI's usual length are more numbers than any other answer may have values.
#[tokio::test(start_paused = true)]
async fn as_many_numbers_as_a_vendor_sends_in_a_call_are_taken() {
    let gateway = gateway().await;
    let long = Value::Array(vec![json!(0.5); 300_000]);
    let counted = json!({"prompt_tokens": 7, "total_tokens": 7});
    gateway.test.fetch.answer(answer(&[long.clone(), long], counted));
    let told = ask(&gateway, "float").await;
    assert_eq!(told.status, 200, "{}", told.text().chars().take(300).collect::<String>());
    assert_eq!(gateway.receipt(&told).await["input_tokens"], 7);
}
