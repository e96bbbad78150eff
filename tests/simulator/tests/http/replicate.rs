use de_simulator::Vendor;
use serde_json::{Value, json};

use crate::client::{Rig, answer};

const ORDER: &str = "/models/meta/meta-llama-3-8b-instruct/predictions";

impl Rig {
    async fn order(&self, prompt: &str) -> (u16, Value) {
        let body = json!({ "input": { "prompt": prompt, "max_tokens": 50 } });
        answer(self.post(Vendor::Replicate, ORDER).json(&body)).await
    }

    async fn prediction(&self, id: &str) -> (u16, Value) {
        let base = self.simulator.base_url(Vendor::Replicate);
        let request = self.client.get(format!("{base}/predictions/{id}"));
        answer(request.bearer_auth(Vendor::Replicate.default_key())).await
    }

    async fn cancel(&self, id: &str) -> (u16, Value) {
        answer(self.post(Vendor::Replicate, &format!("/predictions/{id}/cancel"))).await
    }
}

#[tokio::test]
async fn a_prediction_goes_from_starting_to_succeeded() {
    let rig = Rig::start().await;
    let (status, ordered) = rig.order("Hi").await;
    assert_eq!((status, &ordered["status"]), (201, &json!("starting")), "{ordered}");
    assert_eq!(ordered["output"], Value::Null);
    let id = ordered["id"].as_str().unwrap();
    let base = rig.simulator.base_url(Vendor::Replicate);
    assert_eq!(ordered["urls"]["get"], format!("{base}/predictions/{id}"));
    assert_eq!(rig.prediction(id).await.1["status"], "processing");
    for _ in 0..2 {
        let (status, done) = rig.prediction(id).await;
        assert_eq!((status, &done["status"]), (200, &json!("succeeded")), "{done}");
        assert_eq!(done["output"], json!(["You ", "said: ", "Hi"]));
        assert_eq!(done["metrics"]["input_token_count"], 4);
        assert_eq!(done["metrics"]["output_token_count"], 4);
    }
    // What has ended stays as it is.
    assert_eq!(rig.cancel(id).await.1["status"], "succeeded");
}

#[tokio::test]
async fn an_account_is_shown_to_its_own_key() {
    let rig = Rig::start().await;
    let base = rig.simulator.base_url(Vendor::Replicate);
    let ask = |key: &str| rig.client.get(format!("{base}/account")).bearer_auth(key);
    assert_eq!(answer(ask(Vendor::Replicate.default_key())).await.1["username"], "simulated");
    assert_eq!(answer(ask("r8_nobodys")).await.0, 401);
}

#[tokio::test]
async fn who_prefers_to_wait_gets_it_at_once() {
    let rig = Rig::start().await;
    let body = json!({ "input": { "prompt": "Hi" } });
    let request = rig.post(Vendor::Replicate, ORDER).header("prefer", "wait=5").json(&body);
    let (status, done) = answer(request).await;
    assert_eq!((status, &done["status"]), (201, &json!("succeeded")));
}

#[tokio::test]
async fn a_prediction_can_be_stopped() {
    let rig = Rig::start().await;
    let ordered = rig.order("job-slow:60s").await.1;
    let id = ordered["id"].as_str().unwrap();
    for _ in 0..3 {
        assert_eq!(rig.prediction(id).await.1["status"], "processing");
    }
    let (status, stopped) = rig.cancel(id).await;
    assert_eq!((status, &stopped["status"]), (200, &json!("canceled")));
    assert_eq!(rig.prediction(id).await.1["status"], "canceled");
}

#[tokio::test]
async fn faults_meet_the_order_the_job_or_who_asks() {
    let rig = Rig::start().await;
    assert_eq!(rig.order("fail:503").await.0, 503);
    for (prompt, said) in [("job-fail", "CUDA"), ("refuse", "E005")] {
        let ordered = rig.order(prompt).await.1;
        let id = ordered["id"].as_str().unwrap();
        rig.prediction(id).await;
        let failed = rig.prediction(id).await.1;
        assert_eq!((&failed["status"], &failed["output"]), (&json!("failed"), &Value::Null));
        assert!(failed["error"].as_str().unwrap().contains(said), "{failed}");
    }
    for _ in 0..2 {
        let (status, ordered) = rig.order("poll-fail-once:503").await;
        assert_eq!(status, 201);
        let id = ordered["id"].as_str().unwrap();
        let mut statuses = Vec::new();
        for _ in 0..3 {
            statuses.push(rig.prediction(id).await.0);
        }
        assert_eq!(statuses, [503, 200, 200]);
    }
}

#[tokio::test]
async fn replicate_refuses_in_its_form() {
    let rig = Rig::start().await;
    for (path, body, status) in [
        (ORDER, json!({}), 422),
        (ORDER, json!({ "input": {} }), 422),
        (ORDER, json!({ "input": { "prompt": "Hi", "max_tokens": "5" } }), 422),
        (ORDER, json!({ "input": { "prompt": "Hi", "colour": 1 } }), 422),
        (ORDER, json!({ "input": { "prompt": "Hi" }, "version": "v" }), 422),
        ("/predictions", json!({ "input": { "prompt": "Hi" }, "version": "v" }), 422),
        ("/models/nobody/none/predictions", json!({ "input": { "prompt": "Hi" } }), 404),
        (ORDER, json!({ "input": { "prompt": "fail:quota" } }), 402),
    ] {
        let (got, said) = answer(rig.post(Vendor::Replicate, path).json(&body)).await;
        assert_eq!((got, &said["status"]), (status, &json!(status)), "{body} {said}");
        assert!(said["title"].is_string() && said["detail"].is_string(), "{said}");
    }
    assert_eq!(rig.prediction("nobody").await.0, 404);
    assert_eq!(rig.cancel("nobody").await.0, 404);
    let url = format!("{}{ORDER}", rig.simulator.base_url(Vendor::Replicate));
    assert_eq!(answer(rig.client.post(url).bearer_auth("r8_wrong").json(&json!({}))).await.0, 401);
}
