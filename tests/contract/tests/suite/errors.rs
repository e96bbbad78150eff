//! What goes wrong, whose fault it is, and in which words it is told.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::time::Duration;

use de_contract::{
    answer::Answer,
    stack::Stack,
    wait::unique,
    wire::{Server, Wire, pairs},
};
use de_testkit::client::TestResponse;
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

#[tokio::test]
async fn c08_an_unknown_model_is_404_and_nobody_is_asked_in_its_place() {
    let stack = Stack::ready().await;
    for wire in Wire::ALL {
        for model in ["claude-nobody", "gpt-4o-mini-2", "../gpt-4o", "GPT-4o-mini"] {
            let word = unique("unknown");
            let answer = stack.call(wire, model, &word).send().await;
            answer.fails(404, "MODEL_NOT_FOUND");
            assert!(stack.vendors.received(&word).await.is_empty());
            let row = stack.books.row(&answer.request_id).await;
            assert_eq!(row["requested_model_id"], model);
            assert_eq!(row["error_code"], "MODEL_NOT_FOUND");
            assert!(row["model_id"].is_null());
        }
    }
}

#[tokio::test]
async fn a_model_of_another_modality_is_400() {
    let stack = Stack::ready().await;
    for wire in Wire::ALL {
        for (model, makes) in [("dall-e-3", "image"), ("eleven_multilingual_v2", "audio")] {
            let answer = stack.call(wire, model, "Hello").send().await;
            answer.fails(400, "MODEL_CAPABILITY");
            assert!(answer.message().contains(makes), "{}", answer.message());
        }
    }
}

#[tokio::test]
async fn malformed_json_is_400_with_line_and_column() {
    let stack = Stack::ready().await;
    let bodies = [
        ("{\n  \"prompt\": \"Hello\",\n  oops\n}", 3, 3),
        ("{\"prompt\": \"Hello\"", 1, 18),
        ("", 1, 0),
        ("[]", 1, 1),
        ("{\"prompt\": \"a\", \"prompt\": \"b\"}", 1, 24),
    ];
    for wire in Wire::ALL {
        for (body, line, column) in bodies {
            let answer = stack.call(wire, "gpt-4o-mini", "").body(body).send().await;
            answer.fails(400, "INVALID_REQUEST");
            let details = answer.details();
            assert_eq!(details["line"], line, "{body:?}: {}", answer.message());
            assert_eq!(details["column"], column, "{body:?}: {}", answer.message());
        }
    }
}

#[tokio::test]
async fn wrong_types_are_400_with_every_field_at_once() {
    let stack = Stack::ready().await;
    let wrong = |wire, body: Value| stack.call(wire, "", "").body(body.to_string());
    let rows = [
        (
            Wire::Native,
            json!({"model_id": 4, "prompt": ["Hello"], "options": {"temperature": "warm", "max_tokens": 0}}),
            vec!["/model_id", "/options/max_tokens", "/options/temperature", "/prompt"],
        ),
        (
            Wire::OpenAi,
            json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}], "temperature": "warm", "stream": "yes"}),
            vec!["/stream", "/temperature"],
        ),
        (
            Wire::Anthropic,
            json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}], "temperature": "warm"}),
            vec!["/max_tokens", "/temperature"],
        ),
    ];
    for (wire, body, expected) in rows {
        let answer = wrong(wire, body).send().await;
        answer.fails(400, "VALIDATION_ERROR");
        let mut fields = answer.fields();
        fields.sort();
        assert_eq!(fields, expected, "{wire:?}: {}", answer.message());
    }
    // Where the vendor speaks another protocol: in its own, a word that we do not know is the vendor's to judge.
    let messages = json!([{"role": "robot", "content": "Hi"}]);
    let roles = json!({"model": "claude-haiku-4-5", "messages": messages});
    let answer = wrong(Wire::OpenAi, roles).send().await;
    answer.fails(400, "VALIDATION_ERROR");
    assert_eq!(answer.json()["error"]["param"], "messages[0].role");
}

#[tokio::test]
async fn s16_native_bodies_refuse_what_they_do_not_know() {
    let stack = Stack::ready().await;
    let call = || stack.call(Wire::Native, "gpt-4o-mini", "Hello");
    let answer = call().member("voice", "nova").option("user_prompt", "other").send().await;
    answer.fails(400, "VALIDATION_ERROR");
    let mut fields = answer.fields();
    fields.sort();
    assert_eq!(fields, ["/options/user_prompt", "/voice"]);
    let answer = call().option("model", "gpt-4o").send().await;
    assert_eq!(answer.fields(), ["/options/model"]);
}

#[tokio::test]
async fn a_body_of_another_type_is_415_and_one_too_large_413() {
    let stack = Stack::ready().await;
    let call = || stack.call(Wire::Native, "gpt-4o-mini", "Hello");
    call().header("content-type", "text/plain").send().await.fails(415, "UNSUPPORTED_MEDIA_TYPE");
    let form = "application/x-www-form-urlencoded";
    call().header("content-type", form).send().await.fails(415, "UNSUPPORTED_MEDIA_TYPE");
    call().header("content-type", "application/json; charset=utf-8").send().await.good();
    let model = json!({"model_id": "x".repeat(1024 * 1024)});
    let answer = stack.admin().post("/v1/model-configs", &model).await.unwrap();
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert_eq!(answer.json()["error_code"], "BODY_TOO_LARGE");
    // Announced is enough: the bytes need not come.
    let large = "x".repeat(20 * 1024 * 1024 + 1);
    call().body(large).send().await.fails(413, "BODY_TOO_LARGE");
}

/// Checks what a caller and the books see when the vendor fails so.
async fn check_fault(fault: &str, status: u16, code: &str, tries: usize) -> Vec<Answer> {
    let stack = Stack::ready().await;
    let mut answers = Vec::new();
    for (wire, server) in pairs() {
        let prompt = format!("{fault} {}", unique("fault"));
        let answer = stack.call(wire, server.model(), &prompt).send().await;
        answer.fails(status, code);
        let row = stack.books.row(&answer.request_id).await;
        assert_eq!(row["status"], "failed");
        assert_eq!(row["http_status"], status);
        assert_eq!(row["error_code"], code);
        assert_eq!(row["cost_micros"], 0, "{row}");
        let attempts: Vec<Value> = serde_json::from_str(row["attempts"].as_str().unwrap()).unwrap();
        assert_eq!(attempts.len(), tries, "{row}");
        answers.push(answer);
    }
    answers
}

#[tokio::test]
async fn a_vendors_401_is_our_502() {
    for answer in check_fault("fail:401", 502, "PROVIDER_AUTH", 1).await {
        assert_eq!(answer.header("www-authenticate"), "");
        // Only an operator can help: SDKs that try again by themselves shall not.
        assert_eq!(answer.header("x-should-retry"), "false");
    }
}

#[tokio::test]
async fn a_vendor_that_does_not_serve_where_we_are_is_our_502_whatever_its_status() {
    for answer in check_fault("fail:place", 502, "PROVIDER_AUTH", 1).await {
        assert_eq!(answer.header("x-should-retry"), "false");
    }
}

#[tokio::test]
async fn a_vendors_429_is_429_with_its_retry_after() {
    // Seven seconds are more than we wait ourselves.
    for answer in check_fault("fail:429:7", 429, "PROVIDER_RATE_LIMIT", 1).await {
        assert_eq!(answer.header("retry-after"), "7");
        assert_eq!(answer.header("x-should-retry"), "");
    }
}

#[tokio::test]
async fn c23_a_vendors_500_is_asked_three_times_and_then_our_502() {
    check_fault("fail:500", 502, "PROVIDER_ERROR", 3).await;
}

#[tokio::test]
async fn a_vendors_503_is_our_503_with_retry_after() {
    for answer in check_fault("fail:503", 503, "PROVIDER_UNAVAILABLE", 3).await {
        assert!(!answer.header("retry-after").is_empty());
    }
}

#[tokio::test]
async fn an_account_without_money_is_our_502_and_not_repeated() {
    check_fault("fail:quota", 502, "PROVIDER_ERROR", 1).await;
}

#[tokio::test]
async fn s14_a_vendors_400_is_400_with_its_words_in_the_details() {
    for answer in check_fault("fail:400", 400, "INVALID_REQUEST", 1).await {
        let details = answer.details();
        assert_eq!(details["provider_status"], 400);
        assert!(details["provider_message"].is_string(), "{details}");
    }
}

#[tokio::test]
async fn c23_a_failure_that_passes_is_mended_by_asking_again() {
    let stack = Stack::ready().await;
    for (wire, server) in pairs() {
        let prompt = format!("fail-once:500 {}", unique("once"));
        let answer = stack.call(wire, server.model(), &prompt).send().await.good();
        assert_eq!(answer.header("x-de-attempts"), "2");
        let row = stack.books.row(&answer.request_id).await;
        assert_eq!(row["status"], "ok");
    }
}

#[tokio::test]
async fn c22_a_vendor_that_does_not_answer_is_504_and_is_hung_up_on() {
    let stack = Stack::ready().await;
    for server in Server::ALL {
        // Long enough that the vendor has the request before, on a machine that is busy too.
        let differs = json!({"timeouts": {"total_ms": 3_000}, "circuit_breaker": null});
        let model = stack.model(server, differs).await;
        let cases = Wire::ALL.into_iter().flat_map(|wire| [(wire, false), (wire, true)]);
        join_all(cases.map(async |(wire, streamed)| {
            let word = unique("hang");
            let call = stack.call(wire, &model, &format!("hang {word}"));
            let call = if streamed { call.streamed() } else { call };
            let started = Instant::now();
            let answer = call.send().await;
            assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
            answer.fails(504, "PROVIDER_TIMEOUT");
            // It may have been billed: SDKs that buy again by themselves shall not.
            assert_eq!(answer.header("x-should-retry"), "false");
            stack.vendors.hung_up(&word).await;
            let row = stack.books.row(&answer.request_id).await;
            assert_eq!(row["error_code"], "PROVIDER_TIMEOUT");
            // It may have been billed: what was sent is estimated.
            assert_eq!(row["estimated"], 1, "{row}");
        }))
        .await;
    }
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_502() {
    let stack = Stack::ready().await;
    for (wire, server) in pairs() {
        let prompt = format!("garbage {}", unique("garbage"));
        let answer = stack.call(wire, server.model(), &prompt).send().await;
        answer.fails(502, "PROVIDER_MALFORMED");
        assert!(!answer.response.text().contains("garbage"), "{}", answer.response.text());
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_502() {
    let stack = Stack::ready().await;
    for (wire, server) in pairs() {
        let prompt = format!("cut:1 {}", unique("cut"));
        let answer = stack.call(wire, server.model(), &prompt).send().await;
        answer.fails(502, "PROVIDER_ERROR");
        let row = stack.books.row(&answer.request_id).await;
        assert_eq!(row["status"], "failed", "{row}");
    }
}

#[tokio::test]
async fn a_wrong_path_is_404_and_a_wrong_method_405_with_allow() {
    let stack = Stack::ready().await;
    let native = |answer: &TestResponse, status: u16, code: &str| {
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.json()["error_code"], code);
        assert_eq!(answer.json()["request_id"], answer.header("x-request-id"));
    };
    for client in [&stack.text, &stack.front] {
        native(&client.get("/nowhere").await.unwrap(), 404, "ROUTE_NOT_FOUND");
    }
    let answer = stack.text.get("/generate").await.unwrap();
    native(&answer, 405, "METHOD_NOT_ALLOWED");
    assert_eq!(answer.header("allow"), "POST");
    for client in [&stack.text, &stack.front] {
        let answer = client.get("/v1/chat/completions").await.unwrap();
        assert_eq!(answer.status, 405, "{}", answer.text());
        assert_eq!(answer.json()["error"]["code"], "method_not_allowed");
        assert_eq!(answer.header("allow"), "POST");
        let answer = client.get("/v1/messages").await.unwrap();
        assert_eq!(answer.status, 405, "{}", answer.text());
        assert_eq!(answer.json()["type"], "error");
    }
    let delete = stack.front.request(Method::DELETE, "/v1/model-configs").send().await.unwrap();
    native(&delete, 405, "METHOD_NOT_ALLOWED");
    let allowed: Vec<&str> = delete.header("allow").split(',').map(str::trim).collect();
    assert!(allowed.contains(&"GET") && allowed.contains(&"POST"), "{allowed:?}");
}
