//! A database that has reached its largest size: it answers, and takes nothing new.

#![allow(clippy::unwrap_used, reason = "tests")]

use de_core::{ports::Database, store::usage};
use de_testkit::database::SqliteDatabase;
use serde_json::{Value, json};

fn receipts(count: u32, status: &str) -> String {
    let receipt = |number| {
        json!({
            "receipt_id": format!("rcpt_{number}"), "request_id": "r-1", "organization_id": "org_1",
            "instance_id": "inst_1", "project_id": "proj_1", "api_key_id": "key_1", "user_id": null,
            "model_id": "small", "requested_model_id": null, "provider_id": "openai",
            "protocol": "openai-chat", "modality": "text", "operation": "POST /generate",
            "status": status, "http_status": 200, "streamed": false, "requests": 1,
            "cost_micros": 7, "price_version": 2, "estimated": false, "over_ceiling": false,
            "limiter_bypassed": false, "attempts": [], "latency_ms": 9, "request_bytes": 1,
            "response_bytes": 2, "admitted_at": 5, "created_at": 9,
        })
    };
    (0..count).map(receipt).collect::<Value>().to_string()
}

/// What a Limiter decides by: a batch may be at fault only if the database takes another.
#[tokio::test]
async fn a_full_database_is_told_from_a_row_that_it_does_not_take() {
    let database = SqliteDatabase::migrated().unwrap();
    let good = receipts(500, "ok");
    let size = u64::try_from(good.len()).unwrap();
    let deliver = async |list: &str| database.batch(usage::deliver(list).into()).await;
    let probe = async |size| database.batch(usage::probe(size).into()).await;
    let empty = database.dump().unwrap();

    database.fill(true).unwrap();
    assert!(deliver(&good).await.is_err());
    deliver("[]").await.unwrap();
    assert!(probe(size).await.is_err(), "a full database passes for one that takes rows");
    // Nor does one have room for a row alone, that has none for many.
    assert!(probe(0).await.is_err());

    database.fill(false).unwrap();
    assert!(deliver(&receipts(1, "of no kind")).await.is_err());
    for size in [0, size, u64::MAX] {
        probe(size).await.unwrap();
    }
    assert_eq!(database.dump().unwrap(), empty, "nothing of it stays");
    deliver(&good).await.unwrap();
}
