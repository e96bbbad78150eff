use de_simulator::Vendor;
use serde_json::{Value, json};

use crate::client::{Rig, answer, header, with};

const FLUX: &str = "/fal-ai/flux/dev";

impl Rig {
    async fn submit(&self, prompt: &str, members: Value) -> (u16, Value) {
        let body = with(json!({ "prompt": prompt }), members);
        answer(self.post(Vendor::Fal, FLUX).json(&body)).await
    }

    /// Follows one of the URLs of a reply.
    async fn follow(&self, head: &Value, url: &str) -> (u16, Value) {
        answer(self.keyed(self.client.get(head[url].as_str().unwrap()))).await
    }

    async fn take_back(&self, head: &Value) -> (u16, Value) {
        answer(self.keyed(self.client.put(head["cancel_url"].as_str().unwrap()))).await
    }

    fn keyed(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        request.header("authorization", format!("Key {}", Vendor::Fal.default_key()))
    }
}

#[tokio::test]
async fn a_request_goes_through_the_queue() {
    let rig = Rig::start().await;
    let members = json!({ "num_images": 2, "image_size": "portrait_4_3", "output_format": "png" });
    let (status, head) = rig.submit("A red kite", members).await;
    assert_eq!((status, &head["status"]), (200, &json!("IN_QUEUE")), "{head}");
    // Without the rest of the model's path.
    let place = format!(
        "{}/fal-ai/flux/requests/{}",
        rig.simulator.base_url(Vendor::Fal),
        head["request_id"].as_str().unwrap()
    );
    assert_eq!(head["response_url"], place);
    let (status, early) = rig.follow(&head, "response_url").await;
    assert_eq!((status, early["detail"].is_string()), (400, true), "{early}");
    let (status, state) = rig.follow(&head, "status_url").await;
    assert_eq!((status, &state["status"]), (202, &json!("IN_PROGRESS")));
    let (status, state) = rig.follow(&head, "status_url").await;
    assert_eq!((status, &state["status"]), (200, &json!("COMPLETED")), "{state}");
    assert!(state.get("error").is_none());
    let (status, output) = rig.follow(&head, "response_url").await;
    assert_eq!((status, output["images"].as_array().unwrap().len()), (200, 2), "{output}");
    let image = &output["images"][1];
    assert_eq!((&image["width"], &image["height"]), (&json!(768), &json!(1_024)));
    let response = rig.client.get(image["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(header(&response, "content-type"), "image/png");
    let picture = image::load_from_memory(&response.bytes().await.unwrap()).unwrap();
    assert_eq!((picture.width(), picture.height()), (768, 1_024));
    assert_eq!(rig.take_back(&head).await, (400, json!({ "status": "ALREADY_COMPLETED" })));
}

#[tokio::test]
async fn a_failed_run_is_completed_too() {
    let rig = Rig::start().await;
    for (prompt, kind, code) in
        [("job-fail", json!("runner_server_error"), 500), ("refuse", Value::Null, 422)]
    {
        let (_, head) = rig.submit(prompt, json!({})).await;
        rig.follow(&head, "status_url").await;
        let (status, state) = rig.follow(&head, "status_url").await;
        assert_eq!((status, &state["status"]), (200, &json!("COMPLETED")));
        assert_eq!((state["error"].is_string(), &state["error_type"]), (true, &kind), "{state}");
        let (status, said) = rig.follow(&head, "response_url").await;
        assert_eq!(status, code, "{said}");
    }
}

#[tokio::test]
async fn a_request_can_be_taken_back() {
    let rig = Rig::start().await;
    let (_, head) = rig.submit("job-slow:60s", json!({})).await;
    for _ in 0..3 {
        assert_eq!(rig.follow(&head, "status_url").await.0, 202);
    }
    assert_eq!(rig.take_back(&head).await, (202, json!({ "status": "CANCELLATION_REQUESTED" })));
    let (_, state) = rig.follow(&head, "status_url").await;
    assert_eq!(state["error_type"], "client_cancelled");
}

#[tokio::test]
async fn faults_meet_who_asks() {
    let rig = Rig::start().await;
    let (_, head) = rig.submit("poll-fail-once:503", json!({})).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(rig.follow(&head, "status_url").await.0);
    }
    assert_eq!(statuses, [503, 202, 200]);
    let (_, head) = rig.submit("result:unsafe result:link=loopback", json!({})).await;
    for _ in 0..2 {
        rig.follow(&head, "status_url").await;
    }
    let (_, output) = rig.follow(&head, "response_url").await;
    assert_eq!(output["has_nsfw_concepts"], json!([true]));
    assert_eq!(output["images"][0]["url"], "http://127.0.0.1:1/");
}

#[tokio::test]
async fn fal_refuses_in_its_form() {
    let rig = Rig::start().await;
    for (path, members, status) in [
        (FLUX, json!({ "prompt": null }), 422),
        (FLUX, json!({ "num_images": 5 }), 422),
        (FLUX, json!({ "image_size": "huge" }), 422),
        (FLUX, json!({ "colour": 1 }), 422),
        ("/fal-ai/flux", json!({}), 404),
        ("/fal-ai/flux/dev?colour=1", json!({}), 422),
        (FLUX, json!({ "prompt": "fail:quota" }), 402),
        (FLUX, json!({ "prompt": "fail:504" }), 504),
    ] {
        let body = with(json!({ "prompt": "A kite" }), members.clone());
        let (got, said) = answer(rig.post(Vendor::Fal, path).json(&body)).await;
        assert_eq!((got, said.get("detail").is_some()), (status, true), "{members} {said}");
    }
    let url = format!("{}{FLUX}", rig.simulator.base_url(Vendor::Fal));
    let bearer = rig.client.post(url).bearer_auth(Vendor::Fal.default_key());
    assert_eq!(answer(bearer.json(&json!({ "prompt": "A kite" }))).await.0, 401);
    let (_, head) = rig.submit("A kite", json!({})).await;
    let wrong = head["status_url"].as_str().unwrap().replace("/flux/", "/flux/dev/");
    assert_eq!(answer(rig.keyed(rig.client.get(wrong))).await.0, 404);
}
