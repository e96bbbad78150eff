//! The {{name}} worker over doubles.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use de_testkit::{client::TestClient, platform::TestPlatform};
use serde_json::json;

#[tokio::test]
async fn it_lives_and_all_that_it_stands_on_works() {
    let made = TestPlatform::new().await.unwrap();
    let client = TestClient::of_router({{crate}}::router(made.another_isolate()));
    let health = client.get("/health").await.unwrap();
    assert_eq!((health.status, &health.json()["service"]), (200, &json!("{{name}}")));
    let ready = client.get("/ready").await.unwrap();
    assert_eq!((ready.status, &ready.json()["status"]), (200, &json!("ready")));
}

#[tokio::test]
async fn who_may_call_is_told_that_it_is_not_written() {
    let made = TestPlatform::new().await.unwrap();
    let nobody = TestClient::of_router({{crate}}::router(made.another_isolate()));
    let answer = nobody.post("/generate", &json!({})).await.unwrap();
    assert_eq!(answer.status, 401, "{}", answer.text());
    let operator = nobody.clone().with_key(made.tenant.admin_key.expose()).unwrap();
    let operator = operator.with_header("x-instance-id", "inst_dev").unwrap();
    let answer = operator.post("/generate", &json!({})).await.unwrap();
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(answer.json()["details"]["scope"], "{{scope}}");
    let client = nobody.with_key(made.tenant.client_key.expose()).unwrap();
    let answer = client.post("/generate", &json!({})).await.unwrap();
    assert_eq!((answer.status, &answer.json()["error_code"]), (501, &json!("NOT_IMPLEMENTED")));
}
