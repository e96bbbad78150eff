//! `/v1/services`: all workers, as the front door finds them.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::{future::pending, sync::Arc};

use axum::{Router, routing::get};
use de_contract::stack::Stack;
use de_services::WORKERS;
use de_testkit::{
    client::{TestClient, TestResponse},
    peers::RouterPeers,
    platform::TestPlatform,
};
use serde_json::Value;

/// The entries of the list, which are all workers in their order.
fn entries(answer: &TestResponse) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let list = answer.json();
    assert_eq!(list["next_cursor"], Value::Null);
    let data = list["data"].as_array().unwrap().clone();
    let names: Vec<_> = data.iter().map(|service| service["name"].as_str().unwrap()).collect();
    assert_eq!(names, WORKERS.iter().map(|worker| worker.name).collect::<Vec<_>>());
    data
}

#[tokio::test]
async fn f03_every_worker_that_is_deployed_says_itself_that_it_is_ready() {
    let stack = Stack::ready().await;
    let answer = stack.admin().get("/v1/services").await.unwrap();
    for service in entries(&answer) {
        let name = service["name"].as_str().unwrap();
        if !stack.is_real && name == "rate-limiter" {
            assert_eq!(service["status"], "not_deployed", "{service}");
            assert_eq!(service["duration_ms"], Value::Null, "{service}");
            continue;
        }
        assert_eq!(service["status"], "ready", "{service}");
        assert!(service["version"].is_string(), "{service}");
        assert!(service["duration_ms"].as_i64().unwrap() < 3_000, "{service}");
        assert_eq!(service["parts"]["database"]["ok"], true, "{service}");
        assert_eq!(service["parts"]["limiter"]["ok"], true, "{service}");
        if stack.is_real {
            assert!(service["deployment"]["id"].is_string(), "{service}");
            assert!(service["deployment"]["created_at"].is_string(), "{service}");
        }
        let Some(url) = service["url"].as_str() else { continue };
        assert_eq!(stack.front_base, url.trim_end_matches(&format!("/{name}")));
        let health = stack.front.get(&format!("/{name}/health").replace("/config", "")).await;
        assert_eq!(health.unwrap().json()["service"], name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_hangs_is_unreachable_in_time() {
    let peers = Arc::new(RouterPeers::default());
    let made = TestPlatform::builder().peers(peers.clone()).build().await.unwrap();
    let hangs = || Router::new().route("/ready", get(async || pending::<()>().await));
    peers.bind("image", hangs());
    peers.bind("audio", hangs());
    let admin = TestClient::of_router(de_config::router(made.another_isolate()));
    let admin = admin.with_key(made.tenant.admin_key.expose()).unwrap();
    let started = tokio::time::Instant::now();
    let answer = admin.get("/v1/services").await.unwrap();
    assert!(started.elapsed().as_millis() < 3_100, "all are asked at once");
    for service in entries(&answer) {
        let found = (service["status"].as_str().unwrap(), &service["duration_ms"]);
        match service["name"].as_str().unwrap() {
            "config" => assert_eq!(found.0, "ready"),
            "audio" | "image" => assert_eq!(found, ("unreachable", &3_000.into()), "{service}"),
            _ => assert_eq!(found, ("not_deployed", &Value::Null), "{service}"),
        }
    }
}

#[tokio::test]
async fn services_take_no_parameters_and_no_key_of_a_program() {
    let stack = Stack::ready().await;
    let answer = stack.admin().get("/v1/services?status=ready").await.unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(stack.client().get("/v1/services").await.unwrap().status, 403);
    assert_eq!(stack.front.get("/v1/services").await.unwrap().status, 401);
}
