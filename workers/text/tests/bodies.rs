//! Whole answers whose heads are good and whose bodies are none: they fall back as if the head had never come.
//!
//! Time is tokio's, and paused: what takes seconds here takes none.

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

use std::time::Duration;

use de_core::ports::Clock;
use de_testkit::{client::TestResponse, fetch::Answer};
use http::Method;
use serde_json::{Value, json};

use crate::gateway::Gateway;

const TOTAL_MS: u64 = 20_000;

/// A way of an answer to its caller: the model, the route, the body, and whether it is bought under a key.
type Road = (&'static str, &'static str, Value, bool);

fn roads() -> Vec<Road> {
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let plain = json!({"model": "gpt", "messages": messages});
    let native = json!({"model_id": "gpt", "prompt": "Hello"});
    let claude = json!({"model": "claude", "messages": messages, "max_tokens": 99});
    vec![
        ("gpt", "/v1/chat/completions", plain.clone(), false),
        ("gpt", "/v1/chat/completions", plain, true),
        ("gpt", "/generate", native, false),
        ("claude", "/v1/messages", claude.clone(), false),
        ("claude", "/v1/chat/completions", claude, false),
    ]
}

async fn gateway(fallback: bool) -> Gateway {
    let gateway = Gateway::new().await;
    let spare = json!({"circuit_breaker": null});
    gateway.model("gpt-spare", "openai-chat", spare.clone()).await;
    gateway.model("claude-spare", "anthropic-messages", spare).await;
    for (id, protocol) in [("gpt", "openai-chat"), ("claude", "anthropic-messages")] {
        let fallbacks = if fallback { json!([format!("{id}-spare")]) } else { json!([]) };
        let timeouts = json!({"first_byte_ms": 5_000, "total_ms": TOTAL_MS});
        let differs =
            json!({"circuit_breaker": null, "fallbacks": fallbacks, "timeouts": timeouts});
        gateway.model(id, protocol, differs).await;
    }
    gateway
}

async fn ask(gateway: &Gateway, (_, path, body, kept): &Road) -> TestResponse {
    let request = gateway.text.request(Method::POST, path).json(body);
    let key = format!("bodies-{}", gateway.sent());
    let request = if *kept { request.header("idempotency-key", &key) } else { request };
    request.send().await.unwrap()
}

/// An answer that is sound.
fn sound(model: &str) -> Answer {
    Answer::json(
        200,
        &match model {
            "gpt" => json!({
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
                "choices": [{"index": 0, "finish_reason": "stop",
                    "message": {"role": "assistant", "content": "Hi."}}],
                "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
            }),
            _ => json!({
                "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5",
                "content": [{"type": "text", "text": "Hi."}], "stop_reason": "end_turn",
                "stop_sequence": null, "usage": {"input_tokens": 5, "output_tokens": 2},
            }),
        },
    )
}

/// Bodies that are none, and what that comes to.
fn bodies() -> Vec<(&'static str, Answer, &'static str, u16)> {
    let half = || Answer::ok().chunk("{\"id\": ");
    vec![
        ("breaks off", half().break_off(), "PROVIDER_ERROR", 502),
        ("ends early", half(), "PROVIDER_MALFORMED", 502),
        ("a page", Answer::ok().chunk("<html>Busy</html>"), "PROVIDER_MALFORMED", 502),
        ("empty", Answer::ok(), "PROVIDER_MALFORMED", 502),
        ("silent", half().hang(), "PROVIDER_TIMEOUT", 504),
    ]
}

async fn attempts(gateway: &Gateway, answer: &TestResponse) -> Value {
    let sql = "SELECT attempts FROM usage_logs WHERE receipt_id = ?1";
    let rows = gateway.test.sql(sql, &[answer.header("x-de-receipt")]).await;
    serde_json::from_str(rows[0]["attempts"].as_str().unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_that_is_none_falls_back_on_every_road() {
    let gateway = gateway(true).await;
    for road in roads() {
        for (what, answer, code, _) in bodies() {
            let case = format!("{what}: {} {}", road.1, road.2);
            gateway.test.fetch.answer(answer);
            gateway.test.fetch.answer(sound(road.0));
            let answer = ask(&gateway, &road).await;
            assert_eq!(answer.status, 200, "{case}: {}", answer.text());
            assert_eq!(answer.header("x-de-model"), format!("{}-spare", road.0), "{case}");
            assert_eq!(answer.header("x-de-attempts"), "2", "{case}");
            assert_eq!(gateway.test.fetch.left(), 0, "{case}");
            let row = gateway.receipt(&answer).await;
            assert_eq!((&row["status"], &row["estimated"]), (&json!("ok"), &json!(0)), "{case}");
            assert_eq!((&row["input_tokens"], &row["output_tokens"]), (&json!(5), &json!(2)));
            let attempts = attempts(&gateway, &answer).await;
            assert_eq!(attempts[0]["error_code"], code, "{case}: {attempts}");
            assert_eq!(attempts[0]["status"], 200, "{case}: {attempts}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_fallback_it_is_an_answer_with_a_status_and_booked() {
    let gateway = gateway(false).await;
    for road in roads() {
        for (what, answer, code, status) in bodies() {
            let case = format!("{what}: {} {}", road.1, road.2);
            gateway.test.fetch.answer(answer);
            let began = gateway.test.clock.now();
            let answer = ask(&gateway, &road).await;
            let took = gateway.test.clock.now().since(began);
            assert!(status != 504 || (19_900..20_200).contains(&took), "{case}: {took} ms");
            assert_eq!(answer.status, status, "{case}: {}", answer.text());
            assert_eq!(answer.header("x-should-retry"), "false", "{case}: {}", answer.text());
            let row = gateway.receipt(&answer).await;
            assert_eq!((&row["status"], &row["error_code"]), (&json!("failed"), &json!(code)));
            // It was made, as far as anybody knows.
            assert_eq!(row["estimated"], 1, "{case}: {row}");
            assert_eq!(gateway.test.fetch.left(), 0, "{case}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_with_a_good_status_counts_as_its_own_would() {
    let gateway = gateway(true).await;
    let error =
        |code: Value| json!({"error": {"code": code, "message": "Not now."}, "user_id": "u"});
    for (code, tries, told) in [
        (json!(429), 3, "PROVIDER_RATE_LIMIT"),
        (json!(503), 3, "PROVIDER_UNAVAILABLE"),
        (json!("invalid_api_key"), 1, "PROVIDER_AUTH"),
    ] {
        let road = roads().remove(0);
        for _ in 0..tries {
            gateway.test.fetch.answer(Answer::json(200, &error(code.clone())));
        }
        gateway.test.fetch.answer(sound("gpt"));
        let answer = ask(&gateway, &road).await;
        assert_eq!(answer.status, 200, "{code}: {}", answer.text());
        assert_eq!(answer.header("x-de-model"), "gpt-spare", "{code}");
        let attempts = attempts(&gateway, &answer).await;
        assert_eq!(attempts[0]["error_code"], told, "{attempts}");
        assert_eq!(gateway.test.fetch.left(), 0, "{code}");
    }
    // An id alone is no answer.
    let named = json!({"id": "gen-1", "error": {"code": "invalid_api_key", "message": "No."}});
    gateway.test.fetch.answer(Answer::json(200, &named));
    gateway.test.fetch.answer(sound("gpt"));
    let answer = ask(&gateway, &roads().remove(0)).await;
    assert_eq!(answer.header("x-de-model"), "gpt-spare", "{}", answer.text());
    // What has an answer beside it is one.
    let mut whole: Value = json!({
        "id": "chatcmpl-1", "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": "Hi."}}],
    });
    whole["error"] = json!({"message": "A tool was slow."});
    gateway.test.fetch.answer(Answer::json(200, &whole));
    let answer = ask(&gateway, &roads().remove(0)).await;
    assert_eq!((answer.status, answer.header("x-de-model")), (200, "gpt"), "{}", answer.text());
}

/// A model waits for as long as its row says, unless another one would be asked in its place.
#[tokio::test(start_paused = true)]
async fn a_fallback_that_would_not_be_asked_shortens_no_wait() {
    let gateway = Gateway::new().await;
    let circuit = json!({"failures": 2, "window_ms": 60_000, "open_ms": 60_000});
    gateway.model("spare", "anthropic-messages", json!({"circuit_breaker": circuit})).await;
    let brief = json!({"first_byte_ms": 1_000, "total_ms": 4_000});
    let brief = json!({"circuit_breaker": null, "timeouts": brief});
    gateway.model("brief", "anthropic-messages", brief).await;
    let timeouts = json!({"first_byte_ms": 5_000, "total_ms": TOTAL_MS});
    for (id, fallback) in [("gpt", "spare"), ("other", "brief")] {
        let differs = json!({
            "circuit_breaker": null, "fallbacks": [fallback], "timeouts": timeouts,
        });
        gateway.model(id, "openai-chat", differs).await;
    }
    let slow = || sound("gpt").head_after(Duration::from_secs(8));
    // While the fallback is there, it serves.
    gateway.test.fetch.answer(slow());
    gateway.test.fetch.answer(sound("claude"));
    assert_eq!(gateway.generate("gpt").await.header("x-de-model"), "spare");
    // Its circuit opens.
    for _ in 0..2 {
        for _ in 0..3 {
            gateway.test.fetch.answer(Answer::json(529, &json!({"type": "error"})));
        }
        assert_eq!(gateway.generate("spare").await.status, 503);
    }
    gateway.test.background.join_all().await;
    // One whose circuit is open, and one whose own time would be over.
    for model in ["gpt", "other"] {
        gateway.test.fetch.answer(slow());
        let answer = gateway.generate(model).await;
        assert_eq!((answer.status, answer.header("x-de-model")), (200, model), "{}", answer.text());
    }
}

/// What others have used up of a call's time is no failure of the vendor that has the rest.
#[tokio::test(start_paused = true)]
async fn a_vendor_that_was_asked_late_opens_no_circuit() {
    let gateway = Gateway::new().await;
    let circuit = json!({"failures": 2, "window_ms": 60_000, "open_ms": 60_000});
    let timeouts = json!({"first_byte_ms": 15_000, "total_ms": TOTAL_MS});
    let spare = json!({"circuit_breaker": circuit, "timeouts": timeouts});
    gateway.model("spare", "anthropic-messages", spare).await;
    let first = json!({
        "circuit_breaker": null, "fallbacks": ["spare"], "timeouts": timeouts,
    });
    gateway.model("gpt", "openai-chat", first).await;
    for streamed in [false, true] {
        for _ in 0..3 {
            gateway.test.fetch.answer(Answer::ok().hang().head_after(Duration::from_secs(60)));
            let begun = match streamed {
                true => Answer::events()
                    .chunk(
                        include_str!("../../../crates/de-core/fixtures/anthropic/stream.sse")
                            .split_at(400)
                            .0,
                    )
                    .hang(),
                false => Answer::ok().chunk("{").hang(),
            };
            gateway.test.fetch.answer(begun);
            let path = if streamed { "/generate/stream" } else { "/generate" };
            let body = json!({"model_id": "gpt", "prompt": "Hello"});
            let answer = gateway.text.post(path, &body).await.unwrap();
            assert!(answer.text().contains("PROVIDER_TIMEOUT"), "{}", answer.text());
            gateway.test.background.join_all().await;
        }
        gateway.test.fetch.answer(sound("claude"));
        let answer = gateway.generate("spare").await;
        assert_eq!(answer.status, 200, "{streamed}: {}", answer.text());
    }
}

/// Counting has limits of its own at the vendor: it says nothing of the model's answers, nor the other way round.
#[tokio::test(start_paused = true)]
async fn what_counts_tokens_stands_apart_from_circuits() {
    let gateway = Gateway::new().await;
    let circuit = json!({"failures": 2, "window_ms": 60_000, "open_ms": 60_000});
    for id in ["claude", "busy"] {
        gateway.model(id, "anthropic-messages", json!({"circuit_breaker": circuit})).await;
    }
    let busy =
        || Answer::json(429, &json!({"type": "error", "error": {"type": "rate_limit_error"}}));
    let count = async |model: &str| {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "Hello"}]});
        gateway.text.post("/v1/messages/count_tokens", &body).await.unwrap()
    };
    // Answers fail, counts between them do not: the circuit opens all the same.
    for _ in 0..2 {
        for _ in 0..3 {
            gateway.test.fetch.answer(busy());
        }
        assert_eq!(gateway.generate("claude").await.status, 429);
        gateway.test.background.join_all().await;
        gateway.test.fetch.answer(Answer::json(200, &json!({"input_tokens": 9})));
        assert_eq!(count("claude").await.status, 200);
        gateway.test.background.join_all().await;
    }
    let shut = gateway.generate("claude").await;
    assert!(shut.text().contains("has failed lately"), "{}", shut.text());
    // It does not hold a count, and a count that fails opens none.
    gateway.test.fetch.answer(Answer::json(200, &json!({"input_tokens": 9})));
    assert_eq!(count("claude").await.json()["input_tokens"], 9);
    for _ in 0..4 {
        for _ in 0..3 {
            gateway.test.fetch.answer(busy());
        }
        assert_eq!(count("busy").await.status, 429);
        gateway.test.background.join_all().await;
    }
    gateway.test.fetch.answer(sound("claude"));
    assert_eq!(gateway.generate("busy").await.status, 200);
}

/// What another model's answer takes the place of stays held, for as long as nobody knows what it costs.
#[tokio::test(start_paused = true)]
async fn what_was_made_in_vain_is_held_and_nothing_more() {
    let gateway = Gateway::new().await;
    let pricing = json!({
        "input_micros_per_million_tokens": 1_000_000, "output_micros_per_million_tokens": 1_000_000,
    });
    let spare = json!({"circuit_breaker": null, "pricing": pricing});
    gateway.model("spare", "openai-chat", spare).await;
    for (id, fallbacks) in
        [("alone", json!([])), ("gpt", json!([{"model_id": "spare", "on": ["error"]}]))]
    {
        let differs = json!({"circuit_breaker": null, "pricing": pricing, "fallbacks": fallbacks});
        gateway.model(id, "openai-chat", differs).await;
    }
    for (id, serves, held) in [("alone", 502, false), ("gpt", 200, true)] {
        let before = gateway.limiter.reports().len();
        gateway.test.fetch.answer(Answer::ok().chunk("{\"id\": ").break_off());
        if serves == 200 {
            gateway.test.fetch.answer(sound("gpt"));
        }
        let answer = gateway.generate(id).await;
        assert_eq!(answer.status, serves, "{}", answer.text());
        gateway.test.background.join_all().await;
        let reports = gateway.limiter.reports().split_off(before);
        let unsettled: u64 = reports.iter().map(|report| report.spent.unsettled_micros).sum();
        assert_eq!(unsettled > 0, held, "{id}: {reports:?}");
    }
}
