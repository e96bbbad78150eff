//! What the config worker does every minute. What that is, is tried beside its code; here, that it runs.

#![allow(clippy::unwrap_used, reason = "what does not hold ends the test")]

use de_contract::stack::Stack;
use de_testkit::client::TestClient;
use http::Method;

#[tokio::test]
async fn the_work_of_the_minute_runs_on_the_real_stack() {
    let stack = Stack::ready().await;
    // In process there is no runtime that could call it.
    let Some(cron) = &stack.cron else { return };
    let runtime = TestClient::of_url(cron).unwrap();
    let request = runtime.request(Method::GET, "?format=json&cron=*+*+*+*+*");
    let answer = request.header("mf-route-override", "de-config").send().await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["outcome"], "ok");
}
