//! Circuits of several isolates, to the millisecond, and the deadline of the first byte.
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

use de_core::{
    books::{Kept, withdraw},
    circuit::Key,
    circuits::{self, Probe},
    ids::{LeaseId, ModelId, ProviderId},
    limits::{
        Scope, ScopeKind,
        wire::{LeaseRequest, Need, SettleRequest, Spent},
    },
    model::CircuitBreaker,
    ports::{Clock, Limiter, random},
};
use de_testkit::{
    client::{TestClient, TestResponse},
    fetch::Answer,
};
use serde_json::{Value, json};

use crate::{
    doubles::Road,
    gateway::{Gateway, openai, openai_error},
};

const OPEN_MS: u64 = 10_000;

async fn gateway(circuit: Value) -> Gateway {
    let gateway = Gateway::new().await;
    gateway.model("shaky", "openai-chat", json!({"circuit_breaker": circuit})).await;
    gateway
}

fn breaker() -> Value {
    json!({"failures": 3, "window_ms": 60_000, "open_ms": OPEN_MS})
}

async fn ask(text: &TestClient) -> TestResponse {
    text.post("/generate", &json!({"model_id": "shaky", "prompt": "Hello"})).await.unwrap()
}

/// A call that its vendor fails without being repeated: no answer says that it was not served.
async fn fails(gateway: &Gateway, text: &TestClient) {
    gateway.test.fetch.answer(Answer::refused());
    let answer = ask(text).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.json()["details"]["circuit"], Value::Null, "{}", answer.text());
    gateway.test.background.join_all().await;
}

/// How long a refusal says to wait, in milliseconds.
fn shut_for(answer: &TestResponse) -> u64 {
    assert_eq!(answer.status, 503, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["error_code"], "PROVIDER_UNAVAILABLE", "{body}");
    let wait_ms = body["details"]["circuit"]["retry_after_ms"].as_u64().unwrap();
    assert_eq!(answer.header("retry-after"), wait_ms.div_ceil(1_000).to_string());
    wait_ms
}

#[tokio::test(start_paused = true)]
async fn no_hop_is_made_for_a_circuit() {
    let hops = async |circuit: Value| {
        let gateway = gateway(circuit).await;
        for _ in 0..2 {
            fails(&gateway, &gateway.text).await;
        }
        for _ in 0..3 {
            gateway.test.fetch.answer(openai("Hi."));
            assert_eq!(ask(&gateway.text).await.status, 200);
        }
        gateway.test.background.join_all().await;
        gateway.limiter.hops()
    };
    assert_eq!(hops(breaker()).await, hops(Value::Null).await);
    // And one that is refused asks for no share: its receipt is all.
    let gateway = gateway(breaker()).await;
    for _ in 0..3 {
        fails(&gateway, &gateway.text).await;
    }
    let before = gateway.limiter.hops();
    shut_for(&ask(&gateway.text).await);
    gateway.test.background.join_all().await;
    assert_eq!(gateway.limiter.hops(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn every_isolate_says_to_the_millisecond_how_long_and_then_one_of_them_tries() {
    let gateway = gateway(breaker()).await;
    let isolates: Vec<TestClient> = (0..6).map(|_| gateway.isolate()).collect();
    // Three isolates see one failure each: none of them has seen enough by itself.
    for text in isolates.iter().take(3) {
        fails(&gateway, text).await;
    }
    let sent = gateway.sent();
    for text in &isolates {
        let wait_ms = shut_for(&ask(text).await);
        assert!((OPEN_MS - 100..=OPEN_MS).contains(&wait_ms), "{wait_ms}");
    }
    gateway.test.clock.advance(Duration::from_millis(OPEN_MS - 1_000));
    for text in &isolates {
        assert!((800..=1_000).contains(&shut_for(&ask(text).await)));
    }
    assert_eq!(gateway.sent(), sent, "nobody was asked");
    gateway.test.background.join_all().await;
    gateway.test.clock.advance(Duration::from_secs(1));
    // One answer, for the one call that is let through: it is served while the others come.
    gateway.test.fetch.answer(openai("Back.").head_after(Duration::from_secs(2)));
    let asking = isolates.iter().cloned();
    let asking: Vec<_> = asking.map(|text| tokio::spawn(async move { ask(&text).await })).collect();
    let mut answers = Vec::new();
    for answer in asking {
        answers.push(answer.await.unwrap());
    }
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((served, gateway.sent()), (1, sent + 1));
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert!(shut_for(answer) <= OPEN_MS);
    }
    gateway.test.background.join_all().await;
    // Who was refused hears with the next share, which each of them asks for when that time is over.
    gateway.test.clock.advance(Duration::from_millis(OPEN_MS));
    for text in &isolates {
        gateway.test.fetch.answer(openai("Hi."));
        assert_eq!(ask(text).await.status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_isolate_died_is_followed_by_the_next_one() {
    let gateway = gateway(breaker()).await;
    for _ in 0..3 {
        fails(&gateway, &gateway.text).await;
    }
    let sent = gateway.sent();
    gateway.test.clock.advance(Duration::from_millis(OPEN_MS));
    // Someone is let in as the probe, and never heard of again.
    let test = &gateway.test;
    let instance = &test.tenant.tenant.instance_id;
    let lost = LeaseRequest {
        deadline_ms: None,
        epochs: test.limiter.epochs(instance).await.unwrap(),
        extra: Need::default(),
        lease_id: LeaseId::make(test.clock.now(), random(&*test.platform.entropy)),
        need: Need { micros: Some(0), requests: 1, slots: 0, tokens: 0 },
        news: Vec::new(),
        scopes: vec![
            Scope::new(ScopeKind::Model, "shaky"),
            Scope::new(ScopeKind::Provider, "openai"),
        ],
    };
    let reply = test.limiter.lease(instance, lost).await.unwrap();
    assert!(reply.circuits[0].probe.is_some());
    let wait_ms = shut_for(&ask(&gateway.text).await);
    assert!((OPEN_MS - 100..=OPEN_MS).contains(&wait_ms), "{wait_ms}");
    assert_eq!(gateway.sent(), sent);
    gateway.test.clock.advance(Duration::from_millis(wait_ms));
    gateway.test.fetch.answer(openai("Back."));
    assert_eq!(ask(&gateway.text).await.status, 200);
}

/// A probe that was not made, and the news of it that the Limiter hears with the next report.
async fn told_of(gateway: &Gateway) -> Vec<u64> {
    let test = &gateway.test;
    let lease_id = LeaseId::make(test.clock.now(), random(&*test.platform.entropy));
    let report = SettleRequest::of_one(lease_id, Spent::default());
    let instance = &test.tenant.tenant.instance_id;
    circuits::settle(&test.platform, instance, report).await.unwrap();
    let news = gateway.limiter.reports().pop().unwrap().news;
    news.into_iter().filter_map(|news| Some(news.probe?.round)).collect()
}

fn probe(round: u64) -> Probe {
    let key = Key {
        model_id: ModelId::parse("shaky").unwrap(),
        provider_id: ProviderId::parse("openai").unwrap(),
    };
    Probe { breaker: CircuitBreaker::default(), key, round }
}

#[tokio::test(start_paused = true)]
async fn news_of_an_ask_that_nobody_waits_for_are_told_later() {
    let gateway = gateway(breaker()).await;
    let test = &gateway.test;
    let instance = &test.tenant.tenant.instance_id;
    circuits::probed(&test.platform, instance, &probe(7), None);
    let ask = LeaseRequest {
        deadline_ms: None,
        epochs: test.limiter.epochs(instance).await.unwrap(),
        extra: Need::default(),
        lease_id: LeaseId::make(test.clock.now(), random(&*test.platform.entropy)),
        need: Need { micros: Some(0), requests: 1, slots: 0, tokens: 0 },
        news: Vec::new(),
        scopes: Vec::new(),
    };
    // Its client leaves while the Limiter is asked.
    gateway.limiter.leases_go(Road::Hanging);
    let asking = circuits::lease(&test.platform, instance, ask);
    assert!(tokio::time::timeout(Duration::from_secs(1), asking).await.is_err());
    assert_eq!(told_of(&gateway).await, [7]);
    assert_eq!(told_of(&gateway).await, Vec::<u64>::new());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_made_gives_its_probe_back() {
    let gateway = gateway(breaker()).await;
    gateway.test.fetch.answer(openai("Hi."));
    assert_eq!(ask(&gateway.text).await.status, 200);
    gateway.test.background.join_all().await;
    let receipt = &gateway.limiter.reports().pop().unwrap().receipts[0];
    let kept = json!({
        "billable": false, "leases": [], "probe": probe(9), "receipt": receipt, "started": 0,
    });
    let kept: Kept = serde_json::from_value(kept).unwrap();
    let test = &gateway.test;
    withdraw(&test.platform, &test.tenant.tenant.instance_id, kept).await;
    assert_eq!(told_of(&gateway).await, [9]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_one_request_and_a_failed_one_shuts_it_for_all() {
    let gateway = gateway(breaker()).await;
    let other = gateway.isolate();
    for _ in 0..3 {
        fails(&gateway, &gateway.text).await;
    }
    let sent = gateway.sent();
    gateway.test.clock.advance(Duration::from_millis(OPEN_MS));
    // What else would be repeated twice.
    gateway.test.fetch.answer(openai_error(500, "no"));
    assert_eq!(ask(&gateway.text).await.json()["error_code"], "PROVIDER_ERROR");
    assert_eq!(gateway.sent(), sent + 1);
    gateway.test.background.join_all().await;
    for text in [&gateway.text, &other] {
        let wait_ms = shut_for(&ask(text).await);
        assert!((OPEN_MS - 500..=OPEN_MS).contains(&wait_ms), "{wait_ms}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_its_limiter_an_isolate_goes_by_what_it_saw() {
    let gateway = gateway(breaker()).await;
    let other = gateway.isolate();
    for _ in 0..3 {
        gateway.test.fetch.answer(Answer::refused());
        assert_eq!(ask(&gateway.text).await.status, 503);
    }
    gateway.limiter.settlements_go(Road::Cut);
    gateway.limiter.leases_go(Road::Cut);
    shut_for(&ask(&gateway.text).await);
    let answer = ask(&other).await;
    assert_eq!(answer.json()["error_code"], "LIMITER_UNAVAILABLE", "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_late_and_a_body_that_does_not_begin_share_one_deadline() {
    let gateway = Gateway::new().await;
    let timeouts = json!({"first_byte_ms": 5_000, "between_chunks_ms": 60_000});
    let model = json!({"timeouts": timeouts, "circuit_breaker": null});
    gateway.model("late", "openai-chat", model).await;
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let plain = json!({"model": "late", "messages": messages, "stream": true});
    let mut counted = plain.clone();
    counted["stream_options"] = json!({"include_usage": true});
    let native = json!({"model_id": "late", "prompt": "Hello"});
    for (road, path, body) in [
        ("filtered", "/v1/chat/completions", plain),
        ("relayed", "/v1/chat/completions", counted),
        ("translated", "/generate/stream", native),
    ] {
        gateway.test.fetch.answer(Answer::events().head_after(Duration::from_secs(3)).hang());
        let began = gateway.test.clock.now();
        let answer = gateway.text.post(path, &body).await.unwrap();
        assert_eq!(answer.status, 504, "{road}");
        let took = gateway.test.clock.now().since(began);
        assert!((4_900..6_000).contains(&took), "{road}: {took} ms");
        assert!(
            answer.text().to_uppercase().contains("PROVIDER_TIMEOUT"),
            "{road}: {}",
            answer.text()
        );
        let receipt = gateway.receipt(&answer).await;
        assert_eq!(
            (&receipt["status"], &receipt["error_code"]),
            (&json!("failed"), &json!("PROVIDER_TIMEOUT"))
        );
    }
}
