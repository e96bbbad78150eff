//! A call under an `Idempotency-Key`, where the object of its claim cannot be reached, or does not answer.
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

use std::{sync::Arc, time::Duration};

use de_core::ports::Clock;
use de_testkit::{client::TestResponse, fetch::Answer};
use http::Method;
use serde_json::{Value, json};

use crate::{
    doubles::{ClaimRoads, FarClaims, Road},
    gateway::{Gateway, openai, openai_error},
};

struct World {
    claims: Arc<FarClaims>,
    gateway: Gateway,
}

impl World {
    async fn new() -> Self {
        let mut made = None;
        let gateway = Gateway::with_claims(|inner| {
            let claims = Arc::new(FarClaims::new(inner));
            made = Some(claims.clone());
            claims
        })
        .await;
        let timeouts = json!({"total_ms": 60_000, "between_chunks_ms": 60_000});
        gateway.model("once", "openai-chat", json!({"timeouts": timeouts})).await;
        Self { claims: made.unwrap(), gateway }
    }

    async fn call(&self, path: &str) -> TestResponse {
        let request = self.gateway.text.request(Method::POST, path);
        let body = json!({"model_id": "once", "prompt": "Hello"});
        request.header("idempotency-key", "one").json(&body).send().await.unwrap()
    }

    async fn generate(&self) -> TestResponse {
        self.call("/generate").await
    }

    /// Nothing was sent, and all is well again.
    async fn refuses_and_recovers(&self, roads: ClaimRoads) {
        self.claims.go(roads);
        let answer = self.generate().await;
        fails(&answer, 503, "LIMITER_UNAVAILABLE");
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(self.gateway.sent(), 0);
        let receipt = self.gateway.receipt(&answer).await;
        assert_eq!(
            (&receipt["error_code"], &receipt["cost_micros"]),
            (&"LIMITER_UNAVAILABLE".into(), &0.into())
        );
        self.claims.go(ClaimRoads::default());
        self.gateway.test.fetch.answer(openai("Hi."));
        let began = self.gateway.test.clock.now();
        let answer = self.generate().await;
        assert_eq!((answer.status, answer.header("idempotency-replayed")), (200, ""));
        assert!(self.gateway.test.clock.now().since(began) < 1_000, "nobody holds it");
        assert_eq!(self.generate().await.header("idempotency-replayed"), "true");
        assert_eq!(self.gateway.sent(), 1);
    }
}

#[track_caller]
fn fails(answer: &TestResponse, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.json()["error_code"], code);
}

#[tokio::test(start_paused = true)]
async fn without_a_claim_nothing_is_sent() {
    for claims in [Road::Cut, Road::Lossy] {
        let world = World::new().await;
        world.refuses_and_recovers(ClaimRoads { claims, ..ClaimRoads::default() }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_claim_does_not_know_of_is_not_sent() {
    for sends in [Road::Cut, Road::Lossy] {
        let world = World::new().await;
        world.refuses_and_recovers(ClaimRoads { sends, ..ClaimRoads::default() }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_whose_keeping_was_not_answered_is_kept() {
    let world = World::new().await;
    world.claims.go(ClaimRoads { finishes: Road::Lossy, ..ClaimRoads::default() });
    world.gateway.test.fetch.answer(openai("Hi."));
    let first = world.generate().await;
    let again = world.generate().await;
    assert_eq!((first.status, again.header("idempotency-replayed")), (200, "true"));
    assert_eq!(first.body, again.body);
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_cannot_be_kept_is_given_and_never_bought_again() {
    let world = World::new().await;
    world.claims.go(ClaimRoads { finishes: Road::Cut, ..ClaimRoads::default() });
    world.gateway.test.fetch.answer(openai("Hi."));
    assert_eq!(world.generate().await.status, 200);
    let waiting = world.generate().await;
    fails(&waiting, 409, "IN_PROGRESS");
    assert_eq!(waiting.header("retry-after"), "10");
    // The deadline of the call, and the time to tell of its end.
    tokio::time::sleep(Duration::from_secs(120)).await;
    fails(&world.generate().await, 409, "OUTCOME_UNKNOWN");
    assert_eq!(world.gateway.sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_claim_is_told_once_however_often_the_vendor_is_tried() {
    let world = World::new().await;
    world.gateway.test.fetch.answer(openai_error(500, "no"));
    world.gateway.test.fetch.answer(openai("Hi."));
    let first = world.generate().await;
    assert_eq!((first.status, first.header("x-de-attempts")), (200, "2"));
    assert_eq!(world.generate().await.header("x-de-attempts"), "2");
    assert_eq!(world.gateway.sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_waits_for_is_cut_and_not_bought_again() {
    for pause in [Duration::from_secs(10), Duration::from_secs(40)] {
        let world = World::new().await;
        let event = |delta: Value, finish: Option<&str>| {
            let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
            let chunk = json!({"id": "c", "object": "chat.completion.chunk", "choices": [choice]});
            format!("data: {chunk}\n\n")
        };
        let end = event(json!({}), Some("stop")) + "data: [DONE]\n\n";
        let answer = Answer::ok().header("content-type", "text/event-stream");
        let answer = answer.chunk(event(json!({"content": "Hi"}), None)).pause(pause).chunk(end);
        world.gateway.test.fetch.answer(answer);
        let request = world.gateway.text.request(Method::POST, "/generate/stream");
        let body = json!({"model_id": "once", "prompt": "Hello"});
        let sent = request.header("idempotency-key", "one").json(&body).stream().await;
        let mut stream = sent.unwrap();
        stream.next_event().await.unwrap();
        drop(stream);
        assert_eq!(world.gateway.test.background.join_all().await, 0);
        let again = world.call("/generate/stream").await;
        fails(&again, 409, "OUTCOME_UNKNOWN");
        assert_eq!(world.gateway.sent(), 1);
    }
}
