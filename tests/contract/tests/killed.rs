//! What is left of work that was cut off in the middle. In process each job is; on workerd the runtime is
//! killed, which this binary does only when it runs alone.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    control::Control,
    stack::Stack,
    wait::{unique, until},
    wire::{Server, Wire},
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

/// Calls that stream while the runtime dies: the budget that they count in is not overspent, then or after,
/// and what has no receipt is held.
#[tokio::test]
async fn a_budget_is_kept_by_streams_that_are_cut_off() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let vendor = format!("/v1/provider-keys/{}/openai", tenant.instance);
    control.put(&vendor, &json!({"secret": stack.vendor_keys["openai"]})).await.is(201);
    let key =
        control.make("api-keys", json!({"project_id": tenant.project, "scopes": ["text"]})).await;
    let secret = key["secret"].as_str().unwrap().to_owned();
    let model = stack.model(Server::OpenAi, json!({})).await;
    let path = format!("/v1/budgets/project/{}", tenant.project);
    let budget = json!({"period": "total", "amount_micros": 1_000});
    control.put(&path, &budget).await.is(200);
    let usage = async || {
        let shown = control.get(&path).await.is(200).json();
        let usage = &shown["budgets"][0]["usage"];
        let part = |name: &str| usage[name].as_u64().unwrap();
        (part("used_micros"), part("held_micros") + part("unsettled_micros"))
    };
    let call =
        |word: &str| stack.call(Wire::Native, &model, word).key(&secret).option("max_tokens", 100);
    let cost = async |request_id: &str| {
        let row = stack.books.row(request_id).await;
        row["cost_micros"].as_u64().unwrap()
    };

    let before = call("Hello").send().await.good();
    let spent = cost(&before.request_id).await;
    until("the first call to be settled", async || (usage().await == (spent, 0)).then_some(()))
        .await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        let stream = call(&format!("gap:30s {}", unique("cut"))).streamed();
        streams.push(stream.open().await);
    }
    let (used, held) = usage().await;
    assert_eq!(used, spent + held, "the receipts, and what is held");
    assert!(held > 0 && used <= 1_000);

    if !stack.cut_off(&[]).await || !stack.is_real {
        return;
    }

    drop(streams);
    // Nobody knows what became of them: what they held is held on, and the budget is not passed.
    let (after, still) = usage().await;
    assert_eq!((after, still), (used, held));
    let mut passed = spent;
    let mut refused = 0;
    for _ in 0..12 {
        let answer = call("Hello").send().await;
        if answer.status() == 200 {
            passed += cost(&answer.request_id).await;
        } else {
            answer.fails(402, "BUDGET_EXCEEDED");
            refused += 1;
        }
    }
    let settled = async || {
        let (used, held) = usage().await;
        (held == still).then_some(used)
    };
    let used = until("the calls to be settled", settled).await;
    assert_eq!(used, passed + still);
    assert!(used <= 1_000 && refused > 0 || used < 1_000);
}
