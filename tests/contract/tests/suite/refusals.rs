//! A key that is refused again and again does not fill the database, and the books stay true.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::collections::BTreeSet;

use de_contract::{spender::Spender, wait::until};
use de_core::books::OWN_REFUSALS;
use serde_json::json;

/// In process alone: the stack that the whole suite runs against lets every refused call of its one key have a receipt,
/// as other tests look for theirs.
#[tokio::test]
async fn refused_calls_beyond_the_first_share_a_receipt_and_are_all_counted() {
    let spender = Spender::ready().await;
    if spender.stack.is_real {
        return;
    }
    spender.set_budget(1_000_000).await;
    let (_, served) = spender.spend(spender.call("one two three")).await;
    let cost = served["cost_micros"].as_u64().unwrap();
    let (own, more) = (OWN_REFUSALS as usize, 30);
    let mut named = Vec::new();
    for _ in 0..own + more {
        let answer = spender.call("Hello").option("temperature", "warm").send().await;
        answer.fails(400, "VALIDATION_ERROR");
        named.push(answer.receipt_id().to_owned());
    }
    let different: BTreeSet<&String> = named.iter().collect();
    assert_eq!(different.len(), own + 1);
    let shared = named.last().unwrap();
    assert!(named.iter().skip(own).all(|id| id == shared));
    let receipt = until("the receipt that refused calls share", async || {
        let answer = spender.control.get(&format!("/v1/receipts/{shared}")).await;
        (answer.status() == 200).then(|| answer.is(200).json())
    })
    .await;
    assert_eq!((&receipt["calls"], &receipt["cost_micros"]), (&json!(more), &json!(0)));
    // Listed are the rows, and sums are of the calls.
    let list = spender.report("/v1/requests?limit=200").await;
    assert_eq!(list["data"].as_array().unwrap().len(), 1 + own + 1);
    let usage = spender.report("/v1/usage").await["data"][0].clone();
    assert_eq!(usage["requests"], json!(1 + own + more), "{usage}");
    assert_eq!(usage["errors"], json!(own + more), "{usage}");
    assert_eq!(usage["cost_micros"], json!(cost), "{usage}");
    assert_eq!(spender.usage().await, (cost, 0));
}
