//! What a panic takes with it, and what it does not. No input reaches one that we know of: here a route that
//! only test builds have makes one (ADR 0017). It ends all that its isolate was at, so that this module runs alone.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::time::Duration;

use de_contract::{
    call::Call,
    spender::Spender,
    wait::{unique, until},
    wire::Wire,
};
use de_testkit::client::TestStream;
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::{Instant, timeout};

/// A budget of some calls like these.
const AMOUNT: u64 = 20_000;

/// How long a call that was in flight may wait until it is told that nobody answers it any more: half a second of
/// ours (ADR 0017), and less by far than its vendor takes.
const MOURNED: Duration = Duration::from_secs(4);
/// How long a vendor takes that has nothing to say before the panic.
const SLOW: &str = "slow:12s";

/// How long a stream may take until its vendor has sent all of it.
const PASSED: Duration = Duration::from_secs(20);

async fn ready() -> Spender {
    let spender = Spender::ready().await;
    spender.set_budget(AMOUNT).await;
    spender
}

fn call<'a>(spender: &'a Spender, wire: Wire, prompt: &str) -> Call<'a> {
    let call = spender.stack.call(wire, &spender.model, prompt).key(&spender.key);
    call.option("max_tokens", 100).unwitnessed()
}

/// Reads a stream to its end: all that it said, and whether it broke off.
async fn rest(mut stream: TestStream) -> (String, bool) {
    let mut text = Vec::new();
    while let Some(bytes) = stream.next_chunk().await {
        text.extend_from_slice(&bytes);
    }
    (String::from_utf8_lossy(&text).into_owned(), stream.broken)
}

/// The vendor has all of them.
async fn arrived(spender: &Spender, word: &str, count: usize) {
    until("the vendor to have the calls", async || {
        (spender.stack.vendors.received(word).await.len() >= count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_panic_ends_what_its_isolate_was_at_and_the_next_call_is_answered() {
    let spender = ready().await;
    let Some(faults) = spender.stack.faults() else { return };
    let first = call(&spender, Wire::Native, "Hello");
    first.send().await.good();
    let spent = spender.cost(&first.request_id).await;
    until("the first call to be settled", async || {
        (spender.usage().await == (spent, 0)).then_some(())
    })
    .await;
    // Four that wait for their vendors, and four streams under way, by both doors.
    let word = unique("flight");
    let mut waiting = Vec::new();
    let mut streams = Vec::new();
    for front in [false, true] {
        for wire in [Wire::Native, Wire::OpenAi] {
            let plain = call(&spender, wire, &format!("{SLOW} {word}"));
            let plain = if front { plain.by_front_door() } else { plain };
            waiting.push((front, wire, plain));
            let stream =
                call(&spender, wire, &format!("gap:1s chunks:10 big:300 {word}")).streamed();
            let stream = match wire {
                Wire::OpenAi => stream.member("stream_options", json!({"include_usage": true})),
                Wire::Anthropic | Wire::Native => stream,
            };
            let stream = if front { stream.by_front_door() } else { stream };
            streams.push((front, wire, stream.open().await, stream));
        }
    }
    let sent =
        join_all(waiting.iter().map(async |(_, _, call)| (call.send().await, Instant::now())));
    let panicked = async {
        arrived(&spender, &word, waiting.len() + streams.len()).await;
        let (used, held) = spender.usage().await;
        assert_eq!(used, spent + held, "nothing but the first call has a receipt");
        assert!(held > 0);
        let at = Instant::now();
        assert_eq!(faults.panic("text").await, 500);
        let next = call(&spender, Wire::Native, "Hello again");
        next.send().await.good();
        (at, held, spender.cost(&next.request_id).await)
    };
    let (answers, (at, held, next)) = futures_util::future::join(sent, panicked).await;
    for ((front, wire, call), (answer, told_at)) in waiting.iter().zip(answers) {
        let waited = told_at - at;
        assert!(waited < MOURNED, "front {front} {wire:?} waited on: {waited:?}");
        answer.fails(500, "INTERNAL_ERROR");
        assert_eq!(answer.header("x-should-retry"), "false");
        assert!(spender.stack.books.rows(&call.request_id).await.is_empty());
    }
    for (front, wire, stream, call) in streams {
        // The platform moves a relayed one to its end; no other is told to be whole.
        let told = timeout(PASSED, rest(stream)).await;
        let is_whole = told.is_ok_and(|(_, broken)| !broken);
        assert!(!is_whole, "front {front} {wire:?} ended in good order, and nobody counted it");
        assert!(spender.stack.books.rows(&call.request_id).await.is_empty());
    }
    // Nobody knows what became of them: what they held is held on, and no more than that is used.
    until("the next call to be settled", async || {
        let (used, still) = spender.usage().await;
        (used == spent + next + still && still >= held).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_panic_in_a_limiter_loses_nothing_that_it_has_answered() {
    let spender = ready().await;
    let Some(faults) = spender.stack.faults() else { return };
    let word = unique("limiter");
    let calls: Vec<_> =
        (0..6).map(|_| call(&spender, Wire::Native, &format!("slow:3s {word}"))).collect();
    let sent = join_all(calls.iter().map(|call| call.send()));
    let panicked = async {
        arrived(&spender, &word, calls.len()).await;
        // Whoever asked for it waits for an object that is gone: all others have a deadline.
        let asked = timeout(Duration::from_secs(1), faults.panic_limiter(&spender.tenant.instance));
        assert_ne!(asked.await, Ok(200));
        let next = call(&spender, Wire::Native, "Hello");
        next.send().await.good();
        spender.cost(&next.request_id).await
    };
    let (answers, mut spent) = futures_util::future::join(sent, panicked).await;
    for (answer, call) in answers.into_iter().zip(&calls) {
        answer.good();
        spent += spender.cost(&call.request_id).await;
    }
    until("all of it to be settled", async || (spender.usage().await == (spent, 0)).then_some(()))
        .await;
}

#[tokio::test]
async fn a_panic_at_the_front_door_ends_calls_that_their_worker_settles() {
    let spender = ready().await;
    let Some(faults) = spender.stack.faults() else { return };
    let word = unique("door");
    let calls: Vec<_> = (0..4)
        .map(|_| {
            call(&spender, Wire::Native, &format!("{SLOW} {word}")).by_front_door().unwitnessed()
        })
        .collect();
    let stream = call(&spender, Wire::OpenAi, &format!("gap:500ms chunks:8 big:300 {word}"));
    let stream = stream.streamed().by_front_door().unwitnessed();
    let open = stream.open().await;
    let sent = join_all(calls.iter().map(async |call| (call.send().await, Instant::now())));
    let panicked = async {
        arrived(&spender, &word, calls.len() + 1).await;
        let at = Instant::now();
        assert_eq!(faults.panic("config").await, 500);
        spender.control.get("/health").await.is(200);
        at
    };
    let (answers, at) = futures_util::future::join(sent, panicked).await;
    for (answer, told_at) in answers {
        answer.fails(500, "INTERNAL_ERROR");
        assert!(told_at - at < MOURNED, "{:?}", told_at - at);
    }
    // The platform moves it, and its worker has counted it.
    let (text, broken) = timeout(PASSED, rest(open)).await.unwrap();
    assert!(!broken && text.ends_with("data: [DONE]\n\n"), "broken: {broken}; {text}");
    let mut spent = 0;
    for call in calls.iter().chain([&stream]) {
        let row = spender.stack.books.row(&call.request_id).await;
        let expected = if call.request_id == stream.request_id { "ok" } else { "cancelled" };
        assert_eq!(row["status"], expected, "{row}");
        spent += row["cost_micros"].as_u64().unwrap();
    }
    until("all of it to be settled", async || {
        let (used, held) = spender.usage().await;
        (used == spent + held).then_some(())
    })
    .await;
}
