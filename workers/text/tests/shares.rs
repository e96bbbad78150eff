//! Shares that were granted ahead, and calls that were refused while those were on their way.

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

use futures_util::future::join_all;
use http::Method;
use serde_json::json;

use crate::{
    doubles::Road,
    gateway::{Gateway, openai},
};

/// Nine may still come. Whoever asks first gets a share for one more, so that the Limiter has none for the ninth:
/// but that one is here.
#[tokio::test(start_paused = true)]
async fn whom_the_limiter_refuses_takes_what_another_one_was_granted_meanwhile() {
    let gateway = Gateway::pooled().await;
    gateway.model("first", "openai-chat", json!({})).await;
    let admin = gateway.config.clone();
    let admin = admin.with_key(gateway.test.tenant.admin_key.expose()).unwrap();
    let path = format!("/v1/limits/project/{}", gateway.test.tenant.tenant.project_id);
    let limit = admin.request(Method::PUT, &path).json(&json!({"requests_per_minute": 10}));
    assert_eq!(limit.send().await.unwrap().status, 200);
    for _ in 0..11 {
        gateway.test.fetch.answer(openai("Hi."));
    }
    // One that uses up what it asked for: the next one asks for more.
    assert_eq!(gateway.generate("first").await.status, 200);
    gateway.test.background.join_all().await;
    gateway.limiter.leases_go(Road::Long);
    let answers = join_all((0..9).map(|_| gateway.generate("first"))).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200; 9]);
    let eleventh = gateway.generate("first").await;
    assert_eq!(eleventh.status, 429, "{}", eleventh.text());
    for answer in &answers {
        assert_eq!(gateway.receipt(answer).await["status"], "ok");
    }
    assert_eq!(gateway.receipt(&eleventh).await["error_code"], "RATE_LIMIT_EXCEEDED");
}
