//! Streams whose head is good and that do not begin: they fall back as if the head had never come.
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

const FIRST_MS: u64 = 5_000;

/// A way of an answer to its caller: the model of the vendor's protocol, the route, the body, and whether it is
/// bought under a key.
type Road = (&'static str, &'static str, Value, bool);

fn roads() -> Vec<Road> {
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let plain = json!({"model": "gpt", "messages": messages, "stream": true});
    let mut counted = plain.clone();
    counted["stream_options"] = json!({"include_usage": true});
    let native = json!({"model_id": "gpt", "prompt": "Hello"});
    let claude = json!({"model": "claude", "messages": messages, "stream": true, "max_tokens": 99});
    vec![
        ("gpt", "/v1/chat/completions", plain, false),
        ("gpt", "/v1/chat/completions", counted.clone(), false),
        ("gpt", "/v1/chat/completions", counted, true),
        ("gpt", "/generate/stream", native, false),
        ("claude", "/v1/messages", claude, false),
    ]
}

async fn gateway(fallback: bool) -> Gateway {
    let gateway = Gateway::new().await;
    let spare = json!({"circuit_breaker": null});
    gateway.model("gpt-spare", "openai-chat", spare.clone()).await;
    gateway.model("claude-spare", "anthropic-messages", spare).await;
    for (id, protocol) in [("gpt", "openai-chat"), ("claude", "anthropic-messages")] {
        let fallbacks = if fallback { json!([format!("{id}-spare")]) } else { json!([]) };
        let timeouts = json!({"first_byte_ms": FIRST_MS, "between_chunks_ms": 2_000});
        let differs =
            json!({"circuit_breaker": null, "fallbacks": fallbacks, "timeouts": timeouts});
        gateway.model(id, protocol, differs).await;
    }
    gateway
}

async fn ask(gateway: &Gateway, (_, path, body, kept): &Road) -> TestResponse {
    let request = gateway.text.request(Method::POST, path).json(body);
    let key = format!("begins-{}", gateway.sent());
    let request = if *kept { request.header("idempotency-key", &key) } else { request };
    request.send().await.unwrap()
}

/// A stream that is sound.
fn sound(model: &str) -> Answer {
    Answer::events().chunk(text(model))
}

fn text(model: &str) -> &'static str {
    match model {
        "gpt" => include_str!("../../../crates/de-core/fixtures/openai/stream.sse"),
        _ => include_str!("../../../crates/de-core/fixtures/anthropic/stream.sse"),
    }
}

/// A failure that a stream begins with.
fn fails(model: &str, kind: &str) -> Answer {
    let error = json!({"type": kind, "message": "Not now."});
    match model {
        "gpt" => Answer::events().event(&json!({"error": error}).to_string()),
        _ => {
            let event = json!({"type": "error", "error": error});
            Answer::events().named_event("error", &event.to_string())
        }
    }
}

/// Answers whose heads are good and that do not begin, and what that comes to.
fn unbegun(model: &str) -> Vec<(&'static str, Answer, &'static str, u16)> {
    let ping = "event: ping\ndata: {\"type\": \"ping\"}\n\n";
    let head = Duration::from_secs(3);
    vec![
        ("silent", Answer::events().hang(), "PROVIDER_TIMEOUT", 504),
        (
            "silent after a late head",
            Answer::events().head_after(head).hang(),
            "PROVIDER_TIMEOUT",
            504,
        ),
        ("comments", Answer::events().chunk(": wait\n\n").hang(), "PROVIDER_TIMEOUT", 504),
        ("pings", Answer::events().chunk(ping).chunk(ping).hang(), "PROVIDER_TIMEOUT", 504),
        ("half an event", Answer::events().chunk("data: {\"id\"").hang(), "PROVIDER_TIMEOUT", 504),
        ("ends", Answer::events(), "PROVIDER_ERROR", 502),
        ("ends after a ping", Answer::events().chunk(ping), "PROVIDER_ERROR", 502),
        ("breaks", Answer::events().break_off(), "PROVIDER_ERROR", 502),
        (
            "breaks in an event",
            Answer::events().chunk("data: {").break_off(),
            "PROVIDER_ERROR",
            502,
        ),
        ("a page", Answer::ok().chunk("<html>Busy</html>"), "PROVIDER_ERROR", 502),
        ("nonsense", Answer::events().event("{nonsense"), "PROVIDER_MALFORMED", 502),
        (
            "a used up account",
            fails(
                model,
                match model {
                    "gpt" => "insufficient_quota",
                    _ => "billing_error",
                },
            ),
            "PROVIDER_ERROR",
            502,
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_does_not_begin_falls_back_on_every_road() {
    let gateway = gateway(true).await;
    for road in roads() {
        for (what, answer, code, _) in unbegun(road.0) {
            let case = format!("{what}: {} {}", road.1, road.2);
            gateway.test.fetch.answer(answer);
            gateway.test.fetch.answer(sound(road.0));
            let answer = ask(&gateway, &road).await;
            assert_eq!(answer.status, 200, "{case}: {}", answer.text());
            assert_eq!(answer.header("x-de-model"), format!("{}-spare", road.0), "{case}");
            assert_eq!(answer.header("x-de-attempts"), "2", "{case}");
            assert_eq!(gateway.test.fetch.left(), 0, "{case}");
            assert!(gateway.test.fetch.sent().iter().all(de_testkit::fetch::Sent::is_closed));
            assert_eq!(gateway.receipt(&answer).await["status"], "ok", "{case}");
            let id = answer.header("x-de-receipt");
            let sql = "SELECT attempts FROM usage_logs WHERE receipt_id = ?1";
            let attempts = gateway.test.sql(sql, &[id]).await[0]["attempts"].clone();
            let attempts: Value = serde_json::from_str(attempts.as_str().unwrap()).unwrap();
            assert_eq!(attempts[0]["error_code"], code, "{case}: {attempts}");
            assert_eq!(attempts[0]["status"], 200, "{case}: {attempts}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_fallback_it_is_an_answer_with_a_status() {
    let gateway = gateway(false).await;
    for road in roads() {
        for (what, answer, code, status) in unbegun(road.0) {
            let case = format!("{what}: {} {}", road.1, road.2);
            gateway.test.fetch.answer(answer);
            let began = gateway.test.clock.now();
            let answer = ask(&gateway, &road).await;
            assert_eq!(answer.status, status, "{case}: {}", answer.text());
            assert_eq!(answer.header("x-should-retry"), "false", "{case}: {}", answer.text());
            let took = gateway.test.clock.now().since(began);
            assert!(status != 504 || (4_900..5_200).contains(&took), "{case}: {took} ms");
            let receipt = gateway.receipt(&answer).await;
            assert_eq!(
                (&receipt["status"], &receipt["error_code"]),
                (&json!("failed"), &json!(code)),
                "{case}"
            );
            assert_eq!(gateway.test.fetch.left(), 0, "{case}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_comes_first_counts_as_its_status_would() {
    let rows = [
        ("gpt", "server_error", "PROVIDER_ERROR", 502, 3),
        ("gpt", "rate_limit_exceeded", "PROVIDER_RATE_LIMIT", 429, 3),
        ("gpt", "invalid_request_error", "INVALID_REQUEST", 400, 1),
        ("gpt", "503", "PROVIDER_UNAVAILABLE", 503, 3),
        ("claude", "overloaded_error", "PROVIDER_UNAVAILABLE", 503, 3),
        ("claude", "rate_limit_error", "PROVIDER_RATE_LIMIT", 429, 3),
        ("claude", "authentication_error", "PROVIDER_AUTH", 502, 1),
        ("claude", "timeout_error", "PROVIDER_TIMEOUT", 504, 1),
    ];
    let gateway = gateway(false).await;
    for (model, kind, code, status, tries) in rows {
        for road in roads().into_iter().filter(|road| road.0 == model) {
            for _ in 0..tries {
                gateway.test.fetch.answer(fails(model, kind));
            }
            let answer = ask(&gateway, &road).await;
            let case = format!("{kind}: {} {}", road.1, answer.text());
            assert_eq!(answer.status, status, "{case}");
            assert_eq!(gateway.test.fetch.left(), 0, "{case}");
            let row = gateway.receipt(&answer).await;
            assert_eq!(row["error_code"], code, "{case}");
            // A vendor that refuses before it begins bills nothing.
            assert_eq!(
                (&row["cost_micros"], &row["input_tokens"]),
                (&json!(0), &json!(0)),
                "{case}"
            );
            if tries > 1 {
                gateway.test.fetch.answer(fails(model, kind));
                gateway.test.fetch.answer(sound(model));
                let answer = ask(&gateway, &road).await;
                assert_eq!(answer.status, 200, "{case}");
                assert_eq!(answer.header("x-de-attempts"), "2", "{case}");
                assert_eq!(gateway.receipt(&answer).await["status"], "ok", "{case}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_before_the_first_event_is_passed_on() {
    let gateway = gateway(true).await;
    let before = ": wait\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n";
    for road in roads().into_iter().filter(|road| road.1 != "/generate/stream") {
        let pause = Duration::from_millis(1_500);
        let begins = Answer::events().chunk(before).pause(pause).chunk(": still\n\n").pause(pause);
        gateway.test.fetch.answer(begins.chunk(text(road.0)));
        let answer = ask(&gateway, &road).await;
        assert_eq!(answer.header("x-de-model"), road.0);
        let told = answer.text();
        assert!(told.starts_with(&format!("{before}: still\n\n")), "{told}");
        assert!(told.ends_with(text(road.0).rsplit_once("data: ").unwrap().1), "{told}");
        assert_eq!(gateway.receipt(&answer).await["status"], "ok");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_before_the_first_event_stops_the_vendor() {
    let gateway = gateway(true).await;
    for road in roads() {
        gateway.test.fetch.answer(Answer::events().chunk(": wait\n\n").hang());
        let asking = ask(&gateway, &road);
        assert!(tokio::time::timeout(Duration::from_secs(1), asking).await.is_err());
        tokio::time::sleep(Duration::from_millis(900)).await;
        assert!(gateway.test.fetch.sent().pop().unwrap().is_closed(), "{}", road.1);
        gateway.test.background.join_all().await;
        let sql = "SELECT status, estimated FROM usage_logs ORDER BY created_at DESC LIMIT 1";
        assert_eq!(gateway.test.sql(sql, &[]).await[0]["status"], "cancelled");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_alone_closes_no_circuit() {
    let gateway = Gateway::new().await;
    let circuit = json!({"failures": 2, "window_ms": 60_000, "open_ms": 10_000});
    let timeouts = json!({"first_byte_ms": FIRST_MS});
    let differs = json!({"circuit_breaker": circuit, "timeouts": timeouts});
    gateway.model("gpt", "openai-chat", differs).await;
    let road = roads().remove(0);
    for _ in 0..2 {
        gateway.test.fetch.answer(Answer::events().hang());
        assert_eq!(ask(&gateway, &road).await.status, 504);
    }
    gateway.test.background.join_all().await;
    let shut = ask(&gateway, &road).await;
    assert!(shut.text().contains("has failed lately"), "{}", shut.text());
    gateway.test.clock.advance(Duration::from_secs(10));
    // The probe.
    gateway.test.fetch.answer(Answer::events().hang());
    assert_eq!(ask(&gateway, &road).await.status, 504);
    gateway.test.background.join_all().await;
    let shut = ask(&gateway, &road).await;
    assert!(shut.text().contains("has failed lately"), "{}", shut.text());
    gateway.test.clock.advance(Duration::from_secs(10));
    gateway.test.fetch.answer(sound("gpt"));
    assert_eq!(ask(&gateway, &road).await.status, 200);
}
