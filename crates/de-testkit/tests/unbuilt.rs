//! A worker that is designed and not built lives, and says so to everything else.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use de_core::http::unbuilt;
use de_testkit::{client::TestClient, platform::TestPlatform};
use serde_json::json;

#[tokio::test]
async fn an_unbuilt_worker_is_alive_and_honest() {
    let made = TestPlatform::new().await.unwrap();
    let client = TestClient::of_router(unbuilt("image", made.another_isolate()));
    let health = client.get("/health").await.unwrap();
    assert_eq!((health.status, &health.json()["service"]), (200, &json!("image")));
    assert_eq!(client.get("/ready").await.unwrap().json()["status"], "ready");
    for path in ["/generate", "/v1/images/generations"] {
        let answer = client.post(path, &json!({})).await.unwrap();
        assert_eq!(answer.status, 501, "{path}");
        assert!(answer.text().contains("not built"), "{path}: {}", answer.text());
    }
}
