//! What is left of work that was cut off in the middle. In process each job is; on workerd the runtime is
//! killed, which this binary does only when it runs alone.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    stack::Stack,
    wait::{unique, until},
};
use de_core::ids::JobId;
use http::Method;
use serde_json::{Value, json};

async fn order(stack: &Stack, path: &str, body: &Value) -> JobId {
    let client = stack.client();
    let request = client.request(Method::POST, path).header("prefer", "respond-async");
    let answer = request.json(body).send().await.unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text());
    JobId::parse(answer.json()["job_id"].as_str().unwrap()).unwrap()
}

async fn shown(stack: &Stack, job: &JobId) -> Value {
    let answer = stack.client().get(&format!("/v1/jobs/{job}")).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn until_it_is(stack: &Stack, job: &JobId, status: &str) -> Value {
    until(&format!("{job} to be {status}"), async || {
        let job = shown(stack, job).await;
        (job["status"] == status).then_some(job)
    })
    .await
}

/// One job waits for its vendor, another one's request is on its way: the first goes on, the second is never
/// sent again.
#[tokio::test]
async fn a_job_that_is_cut_off_ends_once_and_buys_nothing_twice() {
    let stack = Stack::ready().await;
    let (film, picture) = (unique("film"), unique("kite"));
    let clip = json!({
        "asset": {"type": "title", "text": format!("job-slow:5s {film}")}, "start": 0, "length": 2
    });
    let edit = json!({
        "timeline": {"tracks": [{"clips": [clip]}]},
        "output": {"format": "mp4", "resolution": "sd"},
    });
    let running = order(&stack, "/render/render", &edit).await;
    let prompt = format!("slow:20s {picture}");
    let call = json!({"model_id": "ideogram-v2", "prompt": prompt});
    let submitting = order(&stack, "/image/generate", &call).await;
    until_it_is(&stack, &running, "running").await;
    until_it_is(&stack, &submitting, "submitting").await;
    // On its way is on its way: the vendor has it.
    until("the vendor to have the order", async || {
        let posts = stack.vendors.received(&picture).await;
        (!posts.is_empty()).then_some(())
    })
    .await;

    if !stack.cut_off(&[running.clone(), submitting.clone()]).await {
        return;
    }

    let lost = until_it_is(&stack, &submitting, "failed").await;
    assert_eq!(lost["error"]["code"], "OUTCOME_UNKNOWN", "{lost}");
    assert_eq!(lost["error"]["details"]["retry"], true);
    let made = until_it_is(&stack, &running, "succeeded").await;
    assert_eq!(made["outputs"].as_array().unwrap().len(), 1, "{made}");
    assert_eq!(stack.vendors.received(&picture).await.len(), 1);
    let assets = stack.client().get("/v1/assets?limit=200").await.unwrap().json();
    let of_film = assets["data"].as_array().unwrap().iter();
    assert_eq!(of_film.filter(|asset| asset["job_id"] == running.as_str()).count(), 1);
}
