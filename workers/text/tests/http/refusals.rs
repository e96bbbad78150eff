//! What a flood of refused calls leaves in the books.

use std::collections::BTreeSet;

use de_core::{
    books::OWN_REFUSALS,
    limits::wire::{SettleRequest, Spent},
    log::LogLine,
};
use de_testkit::client::TestResponse;
use serde_json::{Value, json};

use crate::{doubles::Road, gateway::Gateway};

const OWN: usize = OWN_REFUSALS as usize;

fn receipts_of(answers: &[TestResponse]) -> BTreeSet<String> {
    answers.iter().map(|answer| answer.header("x-de-receipt").to_owned()).collect()
}

/// All rows, once all that goes on after answers is done.
async fn rows(gateway: &Gateway) -> Vec<Value> {
    assert_eq!(gateway.test.background.join_all().await, 0, "work after an answer panicked");
    let sql = "SELECT receipt_id, status, error_code, cost_micros, calls FROM usage_logs
      ORDER BY receipt_id";
    gateway.test.sql(sql, &[]).await
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_refused_calls_leaves_few_rows_that_count_all_of_it() {
    let gateway = Gateway::new().await;
    gateway.model("none", "openai-chat", json!({"rate_limits": {"rpm": 0}})).await;
    let (mut limited, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..OWN + 40 {
        limited.push(gateway.generate("none").await);
    }
    for _ in 0..OWN + 7 {
        unknown.push(gateway.generate("nobody").await);
    }
    assert!(limited.iter().all(|answer| answer.status == 429));
    assert!(unknown.iter().all(|answer| answer.status == 404));
    // Each answer names the receipt that it is counted in.
    let named = [receipts_of(&limited), receipts_of(&unknown)];
    assert_eq!(named.each_ref().map(BTreeSet::len), [OWN + 1, OWN + 1]);
    let rows = rows(&gateway).await;
    let there: BTreeSet<String> =
        rows.iter().map(|row| row["receipt_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(there, named.into_iter().flatten().collect());
    for (code, calls) in [("RATE_LIMIT_EXCEEDED", 40), ("MODEL_NOT_FOUND", 7)] {
        let of: Vec<&Value> = rows.iter().filter(|row| row["error_code"] == code).collect();
        assert_eq!(of.len(), OWN + 1, "{code}");
        assert!(of.iter().all(|row| row["status"] == "failed" && row["cost_micros"] == 0));
        let counts: BTreeSet<i64> = of.iter().map(|row| row["calls"].as_i64().unwrap()).collect();
        assert_eq!(counts, BTreeSet::from([1, calls]), "{code}");
    }
    // The sums know all of them, and so does the receipt that they share.
    let admin = gateway.config.clone().with_key(gateway.test.tenant.admin_key.expose()).unwrap();
    let usage = admin.get("/v1/usage?group_by=error_code").await.unwrap().json();
    let count = |code: &str| {
        let mut rows = usage["data"].as_array().unwrap().iter();
        let row = rows.find(|row| row["error_code"] == code).unwrap();
        (row["requests"].clone(), row["errors"].clone())
    };
    assert_eq!(count("RATE_LIMIT_EXCEEDED"), (json!(OWN + 40), json!(OWN + 40)));
    assert_eq!(count("MODEL_NOT_FOUND"), (json!(OWN + 7), json!(OWN + 7)));
    let last = limited.last().unwrap().header("x-de-receipt");
    let shown = admin.get(&format!("/v1/receipts/{last}")).await.unwrap().json();
    assert_eq!(
        (&shown["calls"], &shown["error_code"]),
        (&json!(40), &json!("RATE_LIMIT_EXCEEDED"))
    );
    // The log has a line of each.
    let lines = gateway.test.log.lines();
    let is_of = |line: &&LogLine| line.error_code.as_deref() == Some("RATE_LIMIT_EXCEEDED");
    assert_eq!(lines.iter().filter(is_of).count(), OWN + 40);
}

/// A grant whose answer was lost is given back, whoever writes the call's receipt.
#[tokio::test(start_paused = true)]
async fn refused_calls_that_share_a_receipt_give_back_what_they_may_hold() {
    let gateway = Gateway::new().await;
    gateway.model("lost", "openai-chat", json!({"rate_limits": {"rpm": 500}})).await;
    gateway.limiter.leases_go(Road::Lossy);
    for _ in 0..OWN + 5 {
        assert_eq!(gateway.generate("lost").await.status, 503);
    }
    let rows = rows(&gateway).await;
    assert_eq!(rows.len(), OWN + 1, "{rows:#?}");
    let reports = gateway.limiter.reports();
    assert!(reports.iter().all(|report| report.is_final && report.spent == Spent::default()));
    // The receipt that five share is written later than their shares are given back, under a lease of its own.
    let is_shared = |report: &&SettleRequest| report.receipts.iter().any(|one| one.calls == 5);
    let (shared, own): (Vec<_>, Vec<_>) = reports.iter().partition(is_shared);
    assert_eq!(shared.len(), 1);
    let leases: BTreeSet<&str> = own.iter().map(|report| report.lease_id.as_str()).collect();
    assert_eq!(leases.len(), OWN + 5);
    assert!(!leases.contains(shared[0].lease_id.as_str()));
}

/// What a vendor was asked is never counted together.
#[tokio::test(start_paused = true)]
async fn calls_that_a_vendor_was_asked_for_have_a_receipt_each() {
    let gateway = Gateway::new().await;
    let mut answers = Vec::new();
    for _ in 0..OWN + 5 {
        gateway.test.fetch.answer(crate::gateway::openai_error(400, "no such thing"));
        answers.push(gateway.generate("gpt-4o-mini").await);
    }
    assert!(answers.iter().all(|answer| answer.status >= 400));
    assert_eq!(receipts_of(&answers).len(), OWN + 5);
    let rows = rows(&gateway).await;
    assert_eq!(rows.len(), OWN + 5);
    assert!(rows.iter().all(|row| row["calls"] == 1), "{rows:#?}");
}
