//! What goes on while a part of the platform is down. On workerd ports are made to fail (`de_edge::faults`) for
//! everybody at once, which this binary does only when it runs alone.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::time::Duration;

use de_contract::{
    stack::Stack,
    wait::{unique, until},
    wire::{Server, Wire},
};
use serde_json::json;

/// Calls go on while D1 is down: their receipts wait, arrive, and none of them twice.
#[tokio::test]
async fn receipts_wait_while_the_database_is_down() {
    let stack = Stack::ready().await;
    let Some(faults) = stack.faults() else { return };
    let model = stack.model(Server::OpenAi, json!({})).await;
    let call = |word: &str| stack.call(Wire::Native, &model, word);
    // Key, model and limits are known when it begins.
    for _ in 0..3 {
        call("Hello").send().await.good();
    }
    let down = Duration::from_secs(6);
    faults.fail("database", down).await;
    let mut calls = Vec::new();
    for _ in 0..20 {
        calls.push(call(&unique("down")).send().await.good());
    }
    let mut waits = 0;
    for call in &calls {
        waits += usize::from(stack.books.rows(&call.request_id).await.is_empty());
    }
    assert!(waits > 0, "the database was not down");
    for call in &calls {
        let row = stack.books.row(&call.request_id).await;
        assert_eq!(row["status"], "ok");
    }
    until("nothing to wait", async || (faults.limiter().await["waiting"] == 0).then_some(())).await;
    for call in &calls {
        assert_eq!(stack.books.rows(&call.request_id).await.len(), 1);
    }
    assert_eq!(faults.limiter().await["dead"], 0);
}

/// A Limiter that does not answer lets nobody in where a budget is enforced, and says so.
#[tokio::test]
async fn nobody_is_let_in_while_the_limiter_is_down() {
    let stack = Stack::ready().await;
    let Some(faults) = stack.faults() else { return };
    let model = stack.model(Server::OpenAi, json!({})).await;
    let call = |word: &str| stack.call(Wire::Native, &model, word);
    call("Hello").send().await.good();
    faults.fail("limiter", Duration::from_secs(3)).await;
    let word = unique("down");
    let refused = async || {
        let answer = call(&word).send().await;
        (answer.status() != 200).then_some(answer)
    };
    // A share that is at hand may still be used up.
    let answer = until("a call to be refused", refused).await;
    answer.fails(503, "LIMITER_UNAVAILABLE");
    let again = async || (call(&unique("up")).send().await.status() == 200).then_some(());
    until("the Limiter to be back", again).await;
}
