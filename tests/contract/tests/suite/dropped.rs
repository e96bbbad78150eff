//! Streams by the thousand that nobody reads to their end: what each leaves, and that nothing stays held.
//! `DE_STREAMS=10000` is the full number; without it there are fewer, by the same way.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::collections::BTreeMap;

use de_contract::{
    call::Call,
    spender::Spender,
    wait::{unique, until},
    wire::Wire,
};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// How many are open at a time.
const WAVE: usize = 40;

/// More than all of them may cost.
const AMOUNT: u64 = 1 << 39;

fn streams() -> usize {
    let told = std::env::var("DE_STREAMS").ok().and_then(|streams| streams.parse().ok());
    told.unwrap_or(200)
}

/// The next one, by each road in turn: bytes that pass, events that are filtered, events that are translated.
fn stream<'a>(spender: &'a Spender, number: usize, word: &str) -> Call<'a> {
    let wire = Wire::ALL[number % 3];
    let prompt = format!("gap:100ms chunks:60 big:3000 {word}");
    let call = spender.stack.call(wire, &spender.model, &prompt).key(&spender.key).streamed();
    // Long enough that none of them ends by itself before it is noticed that its reader has gone.
    let call = call.option("max_tokens", 4_000);
    let call = if number.is_multiple_of(2) { call.by_front_door() } else { call };
    match wire {
        Wire::OpenAi if number.is_multiple_of(4) => {
            call.member("stream_options", json!({"include_usage": true}))
        }
        _ => call,
    }
}

#[tokio::test]
async fn streams_that_are_dropped_leave_their_receipts_and_hold_nothing() {
    let spender = Spender::ready().await;
    spender.set_budget(AMOUNT).await;
    // A wave takes all the room that there is: the next one gets in once the last has given it back.
    let limits = format!("/v1/limits/project/{}", spender.tenant.project);
    spender.control.put(&limits, &json!({"concurrent": WAVE})).await.is(200);
    let word = unique("dropped");
    let mut opened = Vec::new();
    while opened.len() < streams() {
        let calls: Vec<_> = (0..WAVE).map(|n| stream(&spender, opened.len() + n, &word)).collect();
        let begun = join_all(calls.iter().map(async |call| {
            // Those before may still be on their way out.
            let mut stream = until("room for one more stream", async || {
                let stream = call.open().await;
                (stream.status != 429).then_some(stream)
            })
            .await;
            let first = stream.next_chunk().await;
            assert_eq!(stream.status, 200, "{first:?}");
            assert!(first.is_some());
            stream
        }))
        .await;
        // All of them at once.
        drop(begun);
        opened.extend(calls.iter().map(|call| call.request_id.clone()));
    }
    let path = format!("/v1/requests?project_id={}", spender.tenant.project);
    let rows = until("a receipt of each", async || {
        let rows = spender.control.all(&path).await;
        let let_in = rows.iter().filter(|row| row["status"] == "cancelled").count();
        (let_in >= opened.len()).then_some(rows)
    })
    .await;
    let mut receipts = BTreeMap::<&str, usize>::new();
    for row in rows.iter().filter(|row| row["status"] == "cancelled") {
        *receipts.entry(row["request_id"].as_str().unwrap()).or_default() += 1;
    }
    for id in &opened {
        assert_eq!(receipts.get(id.as_str()), Some(&1), "{id}");
    }
    let cost = |row: &Value| row["cost_micros"].as_u64().unwrap();
    let spent: u64 = rows.iter().map(cost).sum();
    assert!(spent > 0, "what came was billed");
    until("nothing to be held", async || (spender.usage().await == (spent, 0)).then_some(())).await;
    let shown = spender.control.get(&limits).await.is(200).json();
    assert_eq!(shown["usage"]["concurrent"]["used"], 0, "{shown}");
}
