//! What a call costs that did not end well, and what is booked where the vendor names no counts.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "tests: what does not hold ends them, and their modules have other readers too"
)]

#[path = "http/doubles.rs"]
mod doubles;
#[path = "http/gateway.rs"]
mod gateway;

use de_testkit::fetch::Answer;
use serde_json::{Value, json};

use crate::gateway::{Gateway, openai_error};

/// Six words and a full stop.
const ANSWER: [&str; 3] = ["The cat s", "at on the", " mat."];
/// Its tokens.
const ANSWER_TOKENS: i64 = 7;
/// "Hello" with what stands around a turn and a call.
const PROMPT_TOKENS: i64 = 1 + 4 + 3;
/// A token of an answer costs two micro-dollars, one of a prompt costs one.
const OUTPUT_MICROS: i64 = 2;

async fn gateway() -> Gateway {
    let gateway = Gateway::new().await;
    let pricing = json!({
        "input_micros_per_million_tokens": 1_000_000, "output_micros_per_million_tokens": 2_000_000,
    });
    for (id, protocol) in [("gpt", "openai-chat"), ("claude", "anthropic-messages")] {
        // Answers break off here one after the other.
        let model = json!({"circuit_breaker": null, "pricing": pricing});
        gateway.model(id, protocol, model).await;
    }
    gateway
}

/// The roads that an answer takes from a vendor to a caller: path, body.
fn roads(model: &str) -> Vec<(&'static str, Value)> {
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let chat = json!({"model": model, "messages": messages, "stream": true});
    let mut with_usage = chat.clone();
    with_usage["stream_options"] = json!({"include_usage": true});
    let mut anthropic = chat.clone();
    anthropic["max_tokens"] = json!(500);
    vec![
        ("/generate/stream", json!({"model_id": model, "prompt": "Hello"})),
        ("/v1/chat/completions", chat),
        ("/v1/chat/completions", with_usage),
        ("/v1/messages", anthropic),
    ]
}

fn whole(model: &str) -> (&'static str, Value) {
    ("/generate", json!({"model_id": model, "prompt": "Hello"}))
}

/// A chunk of OpenAI's stream: <https://platform.openai.com/docs/api-reference/chat/streaming>.
fn chunk(choice: u32, text: &str) -> String {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini",
        "choices": [{"index": choice, "delta": {"content": text}}], "usage": null,
    })
    .to_string()
}

/// The pieces of an answer of OpenAI's, which goes on.
fn begun(pieces: &[&str]) -> Answer {
    pieces.iter().fold(Answer::events(), |answer, piece| answer.event(&chunk(0, piece)))
}

/// The row of the only call that a request id names.
async fn row(gateway: &Gateway, request_id: &str) -> Value {
    assert_eq!(gateway.test.background.join_all().await, 0, "work after an answer panicked");
    let sql = "SELECT status, http_status, input_tokens, output_tokens, cost_micros, estimated
           FROM usage_logs WHERE request_id = ?1";
    let mut rows = gateway.test.sql(sql, &[request_id]).await;
    assert_eq!(rows.len(), 1, "{rows:#?}");
    rows.remove(0)
}

/// Status, tokens in and out, cost, and whether they are ours.
fn booked(row: &Value) -> (&str, i64, i64, i64, bool) {
    let number = |name: &str| row[name].as_i64().unwrap();
    (
        row["status"].as_str().unwrap(),
        number("input_tokens"),
        number("output_tokens"),
        number("cost_micros"),
        number("estimated") == 1,
    )
}

fn cost(input: i64, output: i64) -> i64 {
    input + output * OUTPUT_MICROS
}

#[tokio::test(start_paused = true)]
async fn a_call_that_a_vendor_refuses_or_fails_costs_nothing() {
    for status in [400, 401, 403, 404, 413, 422, 429, 500, 502, 503, 529] {
        for model in ["gpt", "claude"] {
            let gateway = gateway().await;
            let mut calls = roads(model);
            calls.push(whole(model));
            for (path, body) in calls {
                // As often as it is asked: what is left over fails the next call.
                for _ in 0..4 {
                    gateway.test.fetch.answer(openai_error(status, "No."));
                }
                let answer = gateway.text.post(path, &body).await.unwrap();
                let case = format!("{status} {model} {path}: {}", answer.text());
                assert!(answer.status >= 400, "{case}");
                let row = row(&gateway, answer.header("x-request-id")).await;
                assert_eq!(booked(&row), ("failed", 0, 0, 0, false), "{case}");
            }
            assert!(gateway.sent() >= 5);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_cut_costs_the_prompt_and_what_came() {
    let gateway = gateway().await;
    for (path, body) in roads("gpt") {
        for answer in [begun(&ANSWER).break_off(), begun(&ANSWER)] {
            gateway.test.fetch.answer(answer);
            let answer = gateway.text.post(path, &body).await.unwrap();
            let row = row(&gateway, answer.header("x-request-id")).await;
            let cost = cost(PROMPT_TOKENS, ANSWER_TOKENS);
            let expected = ("cut", PROMPT_TOKENS, ANSWER_TOKENS, cost, true);
            assert_eq!(booked(&row), expected, "{path}: {}", answer.text());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_vendor_has_counted_of_a_cut_stream_stays() {
    let gateway = gateway().await;
    // https://docs.anthropic.com/en/docs/build-with-claude/streaming
    let start = json!({"type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5",
        "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": {"input_tokens": 12, "output_tokens": 1},
    }});
    let block = json!({"type": "content_block_start", "index": 0,
        "content_block": {"type": "text", "text": ""}});
    for (path, body) in roads("claude") {
        let answer = Answer::events().named_event("message_start", &start.to_string());
        let mut answer = answer.named_event("content_block_start", &block.to_string());
        for piece in ANSWER {
            let delta = json!({"type": "content_block_delta", "index": 0,
                "delta": {"type": "text_delta", "text": piece}});
            answer = answer.named_event("content_block_delta", &delta.to_string());
        }
        gateway.test.fetch.answer(answer.break_off());
        let answer = gateway.text.post(path, &body).await.unwrap();
        let row = row(&gateway, answer.header("x-request-id")).await;
        let expected = ("cut", 12, ANSWER_TOKENS, cost(12, ANSWER_TOKENS), true);
        assert_eq!(booked(&row), expected, "{path}: {}", answer.text());
    }
}

#[tokio::test(start_paused = true)]
async fn counts_that_a_vendor_corrects_are_those_that_it_told_last() {
    let gateway = gateway().await;
    let counted = |text: &str, prompt: u64, completion: u64| {
        let mut told: Value = serde_json::from_str(&chunk(0, text)).unwrap();
        told["usage"] = json!({"prompt_tokens": prompt, "completion_tokens": completion});
        told.to_string()
    };
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 2}}});
    for (path, body) in roads("gpt") {
        let begun =
            || Answer::events().event(&counted(ANSWER[0], 30, 9)).event(&counted(ANSWER[1], 12, 3));
        gateway.test.fetch.answer(begun().event(&end.to_string()).event("[DONE]"));
        let answer = gateway.text.post(path, &body).await.unwrap();
        let whole = row(&gateway, answer.header("x-request-id")).await;
        assert_eq!(
            booked(&whole),
            ("ok", 10, 4, cost(10, 4) + 2, false),
            "{path}: {}",
            answer.text()
        );
        // All that was heard has been counted: no estimate of ours is nearer.
        gateway.test.fetch.answer(begun().break_off());
        let answer = gateway.text.post(path, &body).await.unwrap();
        let cut = row(&gateway, answer.header("x-request-id")).await;
        assert_eq!(booked(&cut), ("cut", 12, 3, cost(12, 3), true), "{path}: {}", answer.text());
        // What came after it has not.
        gateway.test.fetch.answer(begun().event(&chunk(0, ANSWER[2])).break_off());
        let answer = gateway.text.post(path, &body).await.unwrap();
        let cut = row(&gateway, answer.header("x-request-id")).await;
        let expected = ("cut", 12, ANSWER_TOKENS, cost(12, ANSWER_TOKENS), true);
        assert_eq!(booked(&cut), expected, "{path}: {}", answer.text());
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_pays_the_prompt_and_what_came() {
    let gateway = gateway().await;
    for (path, body) in roads("gpt") {
        gateway.test.fetch.answer(begun(&["The cat sat on"]).hang());
        let mut stream = gateway.text.stream(path, &body).await.unwrap();
        let mut told = String::new();
        while !told.contains("sat on") {
            let bytes = stream.next_chunk().await.unwrap();
            told.push_str(&String::from_utf8_lossy(&bytes));
        }
        let request_id = stream.header("x-request-id").to_owned();
        drop(stream);
        let row = row(&gateway, &request_id).await;
        let expected = ("cancelled", PROMPT_TOKENS, 4, cost(PROMPT_TOKENS, 4), true);
        assert_eq!(booked(&row), expected, "{path}: {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_names_no_counts_is_estimated() {
    let gateway = gateway().await;
    let message = json!({"role": "assistant", "content": ANSWER.concat(), "refusal": null});
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    });
    gateway.test.fetch.answer(Answer::json(200, &body));
    let (path, ask) = whole("gpt");
    let answer = gateway.text.post(path, &ask).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let row = row(&gateway, answer.header("x-request-id")).await;
    let cost = cost(PROMPT_TOKENS, ANSWER_TOKENS);
    assert_eq!(booked(&row), ("ok", PROMPT_TOKENS, ANSWER_TOKENS, cost, true));
}

#[tokio::test(start_paused = true)]
async fn answers_that_come_at_once_are_counted_one_by_one() {
    let gateway = gateway().await;
    let (path, mut body) = roads("gpt").remove(1);
    body["n"] = json!(2);
    let pieces = ANSWER.iter().flat_map(|piece| [(0, piece), (1, piece)]);
    let answer = pieces
        .fold(Answer::events(), |answer, (choice, piece)| answer.event(&chunk(choice, piece)));
    gateway.test.fetch.answer(answer.break_off());
    let answer = gateway.text.post(path, &body).await.unwrap();
    let row = row(&gateway, answer.header("x-request-id")).await;
    let cost = cost(PROMPT_TOKENS, 2 * ANSWER_TOKENS);
    assert_eq!(booked(&row), ("cut", PROMPT_TOKENS, 2 * ANSWER_TOKENS, cost, true));
}
