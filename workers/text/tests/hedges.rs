//! A second model beside a slow first one, share by share and to the millisecond.
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

use axum::body::Body;
use de_core::{limits::wire::SettleRequest, ports::Clock};
use de_testkit::{client::TestResponse, fetch::Answer};
use http::Request;
use serde_json::{Value, json};
use tower_service::Service;

use crate::{
    doubles::Road,
    gateway::{Gateway, openai, openai_error},
};

const AFTER_MS: u64 = 800;

fn priced() -> Value {
    json!({
        "currency": "USD", "input_micros_per_million_tokens": 1_000_000,
        "output_micros_per_million_tokens": 2_000_000,
    })
}

async fn gateway(first: Value, second: Value) -> Gateway {
    let gateway = Gateway::new().await;
    let config = |differs: Value, own: Value| {
        let mut config = json!({"circuit_breaker": null, "pricing": priced()});
        for members in [own, differs] {
            for (name, value) in members.as_object().unwrap() {
                config[name] = value.clone();
            }
        }
        config
    };
    gateway.model("second", "openai-chat", config(second, json!({}))).await;
    let own = json!({"fallbacks": ["second"], "routing": {"hedge_after_ms": AFTER_MS}});
    gateway.model("first", "openai-chat", config(first, own)).await;
    gateway
}

fn late(answer: Answer, ms: u64) -> Answer {
    answer.head_after(Duration::from_millis(ms))
}

/// Asks, and says how long that took.
async fn ask(gateway: &Gateway) -> (TestResponse, i64) {
    let began = gateway.test.clock.now();
    let answer = gateway.generate("first").await;
    (answer, gateway.test.clock.now().since(began))
}

async fn attempts(gateway: &Gateway, answer: &TestResponse) -> Vec<Value> {
    gateway.receipt(answer).await;
    let sql = "SELECT attempts FROM usage_logs WHERE request_id = ?1";
    let rows = gateway.test.sql(sql, &[answer.header("x-request-id")]).await;
    serde_json::from_str(rows[0]["attempts"].as_str().unwrap()).unwrap()
}

/// What was reported of shares that nobody has a receipt for in the same report: those of tries beside the call.
fn others(gateway: &Gateway) -> Vec<SettleRequest> {
    let reports = gateway.limiter.reports();
    reports.into_iter().filter(|report| report.receipts.is_empty()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_second_is_asked_when_its_time_has_come_and_serves_at_once() {
    let gateway = gateway(json!({}), json!({})).await;
    gateway.test.fetch.answer(late(openai("Late."), 60_000));
    gateway.test.fetch.answer(late(openai("Hi."), 300));
    let (answer, took) = ask(&gateway).await;
    assert_eq!((answer.status, answer.header("x-de-model")), (200, "second"), "{}", answer.text());
    assert_eq!(answer.json()["text"], "Hi.");
    assert!((1_100..1_200).contains(&took), "{took} ms");
    let sent = gateway.test.fetch.sent();
    assert_eq!(sent.len(), 2);
    assert!(sent[0].is_closed(), "the first is given up");
    let tried = attempts(&gateway, &answer).await;
    assert_eq!((&tried[0]["error_code"], &tried[0]["status"]), (&json!("OVERTAKEN"), &Value::Null));
    assert!((1_100..1_200).contains(&tried[0]["duration_ms"].as_i64().unwrap()), "{tried:?}");
    assert_eq!((&tried[1]["status"], &tried[1]["duration_ms"]), (&json!(200), &json!(300)));
    // What was served is booked with the second's shares, and what was given up keeps its own.
    let reports = gateway.limiter.reports();
    let own = reports.iter().find(|report| !report.receipts.is_empty()).unwrap();
    assert_eq!((own.spent.micros, own.spent.requests), (0, 1));
    assert!(own.spent.unsettled_micros > 1_000 && own.spent.tokens > 500, "{:?}", own.spent);
    let others = others(&gateway);
    let spent: Vec<_> = others
        .iter()
        .map(|report| (report.spent.tokens, report.spent.micros, report.spent.unsettled_micros))
        .collect();
    assert_eq!(spent, [(12, 9 + 2 * 3, 0), (12, 9 + 2 * 3, 0)], "with the caller, with the model");
    assert_eq!((others[0].spent.requests, others[1].spent.requests), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_first_that_comes_before_the_second_is_the_answer_and_the_second_keeps_its_share() {
    let gateway = gateway(json!({}), json!({})).await;
    gateway.test.fetch.answer(late(openai("Hi."), 1_500));
    gateway.test.fetch.answer(late(openai("Late."), 60_000));
    let (answer, took) = ask(&gateway).await;
    assert_eq!((answer.status, answer.header("x-de-model")), (200, "first"), "{}", answer.text());
    assert!((1_500..1_600).contains(&took), "{took} ms");
    assert!(gateway.test.fetch.sent()[1].is_closed());
    let tried = attempts(&gateway, &answer).await;
    assert_eq!(
        (&tried[0]["model_id"], &tried[0]["error_code"]),
        (&json!("second"), &json!("OVERTAKEN"))
    );
    assert_eq!((&tried[1]["model_id"], &tried[1]["status"]), (&json!("first"), &json!(200)));
    let reports = gateway.limiter.reports();
    let own = reports.iter().find(|report| !report.receipts.is_empty()).unwrap();
    assert_eq!((own.spent.tokens, own.spent.micros, own.spent.unsettled_micros), (12, 15, 0));
    let others = others(&gateway);
    assert_eq!(others.len(), 2);
    for report in &others {
        assert_eq!(report.spent.micros, 0);
        assert!(report.spent.unsettled_micros > 1_000 && report.spent.tokens > 500, "{report:?}");
    }
    // The receipt is that of the model that served.
    let receipt = gateway.receipt(&answer).await;
    assert_eq!((&receipt["cost_micros"], &receipt["estimated"]), (&json!(15), &json!(0)));
}

#[tokio::test(start_paused = true)]
async fn without_a_share_there_is_no_second() {
    let no_room = json!({"rate_limits": {"rpm": 0}});
    for second in [
        no_room,
        json!({"status": "disabled"}),
        json!({"capabilities": {"image": true, "text": true}}),
    ] {
        let gateway = gateway(json!({}), second.clone()).await;
        gateway.test.fetch.answer(late(openai("Hi."), 5_000));
        let (answer, took) = ask(&gateway).await;
        assert_eq!((answer.status, answer.header("x-de-model")), (200, "first"), "{second}");
        assert_eq!((gateway.sent(), answer.header("x-de-attempts")), (1, "1"), "{second}");
        assert!((5_000..5_100).contains(&took), "{took} ms");
        assert_eq!(attempts(&gateway, &answer).await.len(), 1);
        for report in others(&gateway) {
            assert_eq!((report.spent.tokens, report.spent.unsettled_micros), (0, 0), "{second}");
        }
    }
    // A Limiter that has gone meanwhile is no reason to fail.
    let gateway = gateway(json!({}), json!({})).await;
    gateway.test.fetch.answer(late(openai("Hi."), 5_000));
    let cut = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        gateway.limiter.leases_go(Road::Cut);
    };
    let ((answer, _), ()) = tokio::join!(ask(&gateway), cut);
    assert_eq!((answer.status, answer.header("x-de-model")), (200, "first"), "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn a_second_that_would_make_media_or_be_made_media_of_is_not_asked() {
    let makes = json!({"capabilities": {"audio": true, "text": true}});
    let gateway = gateway(makes, json!({})).await;
    gateway.test.fetch.answer(late(openai("Hi."), 5_000));
    let (answer, _) = ask(&gateway).await;
    assert_eq!((answer.status, gateway.sent()), (200, 1), "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn a_first_that_fails_while_the_second_runs_is_followed_by_it() {
    let gateway = gateway(json!({}), json!({})).await;
    gateway.test.fetch.answer(late(openai_error(401, "no"), 1_000));
    gateway.test.fetch.answer(late(openai("Hi."), 1_000));
    let (answer, took) = ask(&gateway).await;
    assert_eq!((answer.status, answer.header("x-de-model")), (200, "second"), "{}", answer.text());
    assert!((1_800..1_900).contains(&took), "{took} ms");
    assert_eq!(gateway.sent(), 2);
    let tried = attempts(&gateway, &answer).await;
    assert_eq!(tried[0]["error_code"], "PROVIDER_AUTH");
    // What the first refused costs nothing.
    let reports = gateway.limiter.reports();
    let own = reports.iter().find(|report| !report.receipts.is_empty()).unwrap();
    assert_eq!((own.spent.tokens, own.spent.unsettled_micros), (0, 0));
    let spent: u64 = others(&gateway).iter().map(|report| report.spent.unsettled_micros).sum();
    assert_eq!(spent, 0);
}

/// A client leaves: the edge tells the handler, or drops it.
#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_while_both_run_has_both_in_the_books() {
    for is_told in [true, false] {
        let gateway = gateway(json!({}), json!({})).await;
        gateway.test.fetch.answer(late(openai("Late."), 60_000));
        gateway.test.fetch.answer(late(openai("Late."), 60_000));
        let patience = Duration::from_secs(2);
        if is_told {
            let asked = tokio::time::timeout(patience, gateway.generate("first")).await;
            assert!(asked.is_err());
        } else {
            let mut router = de_text::router(gateway.test.another_isolate());
            let key = gateway.test.tenant.client_key.expose();
            let request = Request::post("/generate")
                .header("authorization", format!("Bearer {key}"))
                .header("content-type", "application/json")
                .body(Body::from(json!({"model_id": "first", "prompt": "Hello"}).to_string()));
            let asked = router.call(request.unwrap());
            assert!(tokio::time::timeout(patience, asked).await.is_err());
        }
        left_both(&gateway).await;
    }
}

async fn left_both(gateway: &Gateway) {
    tokio::time::sleep(Duration::from_millis(10)).await;
    let sent = gateway.test.fetch.sent();
    assert!(sent.len() == 2 && sent.iter().all(|sent| sent.is_closed()), "{sent:#?}");
    assert_eq!(gateway.test.background.join_all().await, 0);
    let sql = "SELECT status, cost_micros, estimated, attempts FROM usage_logs";
    let rows = gateway.test.sql(sql, &[]).await;
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["status"], &rows[0]["estimated"]), (&json!("cancelled"), &json!(1)));
    assert!(rows[0]["cost_micros"].as_u64().unwrap() > 0);
    let tried: Vec<Value> = serde_json::from_str(rows[0]["attempts"].as_str().unwrap()).unwrap();
    assert_eq!(tried.len(), 2, "{tried:?}");
    assert!(tried.iter().all(|one| one["error_code"] == "CLIENT_LEFT" && one["status"].is_null()));
    // Neither share comes back: each of them may be billed.
    let reports = gateway.limiter.reports();
    let kept = reports.iter().filter(|report| report.spent.tokens > 500).count();
    assert_eq!(kept, 3, "{reports:#?}");
}

#[tokio::test(start_paused = true)]
async fn there_is_one_second_and_no_third() {
    let gateway = gateway(json!({"fallbacks": ["second", "gpt-4o-mini"]}), json!({})).await;
    gateway.test.fetch.answer(late(openai("Late."), 60_000));
    gateway.test.fetch.answer(late(openai("Hi."), 30_000));
    let (answer, _) = ask(&gateway).await;
    assert_eq!((answer.header("x-de-model"), gateway.sent()), ("second", 2), "{}", answer.text());
}

/// A head is no answer: what counts is the first event. Half an event and comments are none.
#[tokio::test(start_paused = true)]
async fn a_stream_whose_head_came_alone_has_a_second_beside_it() {
    const EVENTS: &str = include_str!("../../../crates/de-core/fixtures/openai/stream.sse");
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let plain = json!({"model": "first", "messages": messages, "stream": true});
    let mut counted = plain.clone();
    counted["stream_options"] = json!({"include_usage": true});
    let native = json!({"model_id": "first", "prompt": "Hello"});
    for (path, body) in [
        ("/v1/chat/completions", &plain),
        ("/v1/chat/completions", &counted),
        ("/generate/stream", &native),
    ] {
        let gateway = gateway(json!({}), json!({})).await;
        gateway.test.fetch.answer(Answer::events().chunk(": wait\n\n").hang());
        gateway.test.fetch.answer(Answer::events().chunk(EVENTS));
        let began = gateway.test.clock.now();
        let answer = gateway.text.post(path, body).await.unwrap();
        let took = gateway.test.clock.now().since(began);
        assert_eq!(answer.header("x-de-model"), "second", "{path}: {}", answer.text());
        assert!((800..900).contains(&took), "{path}: {took} ms");
        assert!(gateway.test.fetch.sent()[0].is_closed());
        let tried = attempts(&gateway, &answer).await;
        assert_eq!((tried.len(), &tried[0]["error_code"]), (2, &json!("OVERTAKEN")), "{path}");
        let receipt = gateway.receipt(&answer).await;
        assert_eq!((&receipt["status"], &receipt["estimated"]), (&json!("ok"), &json!(0)));
        let own = gateway.limiter.reports();
        let own = own.iter().find(|report| !report.receipts.is_empty()).unwrap();
        assert!(own.spent.unsettled_micros > 1_000, "{:?}", own.spent);
        // One that has begun in time is waited for, however slow it goes on.
        let gateway = self::gateway(json!({}), json!({})).await;
        let (first, rest) = EVENTS.split_at(EVENTS.find("\n\n").unwrap() + 2);
        let slow = Answer::events().chunk(first).pause(Duration::from_secs(5)).chunk(rest);
        gateway.test.fetch.answer(slow);
        let answer = gateway.text.post(path, body).await.unwrap();
        assert_eq!((answer.header("x-de-model"), gateway.sent()), ("first", 1), "{path}");
    }
}
