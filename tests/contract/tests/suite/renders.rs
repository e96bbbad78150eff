//! Films: ordered, followed, kept, and all that can go wrong on the way.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    control::Control,
    hooks::{Receiver, is_signed},
    stack::Stack,
    wait::{unique, until},
};
use de_core::{
    auth::signature::{self, Purpose},
    ids::JobId,
};
use de_testkit::client::TestResponse;
use http::Method;
use serde_json::{Value, json};

/// A film of two seconds with this title, which the simulator reads.
fn film(title: &str) -> Value {
    let clip = json!({"asset": {"type": "title", "text": title}, "start": 0, "length": 2});
    json!({
        "timeline": {"background": "#000000", "tracks": [{"clips": [clip]}]},
        "output": {"format": "mp4", "resolution": "sd", "poster": {"capture": 1}},
    })
}

async fn order(stack: &Stack, body: &Value) -> TestResponse {
    stack.client().post("/render/render", body).await.unwrap()
}

async fn ordered(stack: &Stack, body: &Value) -> Value {
    let answer = order(stack, body).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer.json()
}

fn id(told: &Value) -> &str {
    told["render_id"].as_str().unwrap()
}

async fn shown(stack: &Stack, id: &str) -> Value {
    let answer = stack.client().get(&format!("/render/render/{id}")).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The render when it is over.
async fn over(stack: &Stack, id: &str) -> Value {
    until("a render to end", async || {
        let told = shown(stack, id).await;
        ["done", "failed"].contains(&told["status"].as_str().unwrap()).then_some(told)
    })
    .await
}

async fn behind(stack: &Stack, link: &Value) -> TestResponse {
    let link = link.as_str().unwrap();
    let path = link.strip_prefix(&stack.front_base).unwrap_or(link);
    stack.front.get(path).await.unwrap()
}

/// The orders that the vendor got with this word.
async fn orders(stack: &Stack, word: &str) -> Vec<Value> {
    let all = stack.vendors.received(word).await;
    all.into_iter().filter(|request| request["method"] == "POST").collect()
}

#[tokio::test]
async fn a_film_is_ordered_followed_and_kept() {
    let stack = Stack::ready().await;
    let word = unique("film");
    let answer = order(&stack, &film(&word)).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let told = answer.json();
    assert_eq!((&told["status"], &told["success"]), (&json!("queued"), &json!(true)));
    assert_eq!(
        told["metadata"],
        json!({
            "provider": "shotstack", "model": "shotstack", "format": "mp4", "resolution": "sd",
        })
    );
    let place = answer.header("location");
    assert!(place.ends_with(&format!("/render/render/{}", id(&told))), "{place}");
    let states = ["queued", "fetching", "rendering", "saving", "done"];
    let (mut reached, mut percent) = (0, 0);
    let done = until("a film", async || {
        let told = shown(&stack, id(&told)).await;
        let at = states.iter().position(|state| told["status"] == *state).unwrap();
        let now = told["progress"].as_u64().unwrap();
        assert!(at >= reached && now >= percent, "{told}");
        (reached, percent) = (at, now);
        (told["status"] == "done").then_some(told)
    })
    .await;
    assert_eq!((&done["progress"], &done["error"]), (&json!(100), &Value::Null));
    let made = &done["metadata"];
    assert_eq!(
        (&made["content_type"], &made["duration_ms"], &made["width"]),
        (&json!("video/mp4"), &json!(2_000), &json!(1_024))
    );
    let bytes = behind(&stack, &done["url"]).await;
    assert_eq!((bytes.status, bytes.header("content-type")), (200, "video/mp4"));
    assert_eq!(bytes.body.len() as u64, made["size_bytes"].as_u64().unwrap());
    let poster = behind(&stack, &done["poster"]).await;
    assert_eq!((poster.status, poster.header("content-type")), (200, "image/jpeg"));
    assert_eq!(done["thumbnail"], Value::Null);
    // Bought once, by the second, with the vendor's key; its callback leads to us.
    let orders = orders(&stack, &word).await;
    assert_eq!(orders.len(), 1, "{orders:#?}");
    assert_eq!(orders[0]["path"], "/shotstack/edit/v1/render");
    let sent: Value = serde_json::from_str(orders[0]["body"].as_str().unwrap_or_default())
        .unwrap_or_else(|_| orders[0]["body"].clone());
    assert!(sent["callback"].as_str().unwrap().starts_with(&stack.front_base), "{sent}");
    assert_eq!(sent["output"]["fps"], 25);
    let row = stack.books.row(answer.header("x-request-id")).await;
    assert_eq!((&row["status"], &row["modality"]), (&json!("ok"), &json!("video")));
    assert_eq!((&row["cost_micros"], &made["cost_micros"]), (&json!(10_000), &json!(10_000)));
    assert_eq!(row["receipt_id"], answer.header("x-de-receipt"));
}

#[tokio::test]
async fn the_sandbox_costs_nothing() {
    let stack = Stack::ready().await;
    let word = unique("sandbox");
    let mut body = film(&word);
    body["model_id"] = "shotstack-stage".into();
    body["output"] = json!({"format": "mp3"});
    let told = ordered(&stack, &body).await;
    assert_eq!(told["metadata"]["resolution"], Value::Null);
    let done = over(&stack, id(&told)).await;
    assert_eq!(
        (&done["status"], &done["metadata"]["cost_micros"]),
        (&json!("done"), &json!(0)),
        "{done}"
    );
    assert_eq!(done["metadata"]["content_type"], "audio/mpeg");
    assert_eq!(orders(&stack, &word).await[0]["path"], "/shotstack/edit/stage/render");
}

#[tokio::test]
async fn what_is_wrong_is_told_before_anything_is_bought() {
    let stack = Stack::ready().await;
    let word = unique("wrong");
    let mut body = film(&word);
    body["timeline"]["tracks"][0]["clips"][0]["asset"]["colour"] = "#fff".into();
    body["timeline"]["soundtrack"] = json!({"src": "http://169.254.169.254/latest"});
    body["output"]["resolution"] = "8k".into();
    body["callback_url"] = "https://10.0.0.1/hook".into();
    body["callback"] = "https://example.com/".into();
    let answer = order(&stack, &body).await;
    assert_eq!((answer.status, &answer.json()["error_code"]), (400, &json!("VALIDATION_ERROR")));
    let told = answer.json();
    let fields = told["details"]["fields"].as_array().unwrap();
    let places: Vec<&str> = fields.iter().map(|field| field["field"].as_str().unwrap()).collect();
    for place in [
        "/callback",
        "/callback_url",
        "/output/resolution",
        "/timeline/soundtrack/src",
        "/timeline/tracks/0/clips/0/asset/colour",
    ] {
        assert!(places.contains(&place), "{place}: {places:?}");
    }
    assert_eq!(fields.len(), 5, "{told}");
    let text = told.to_string();
    assert!(text.contains("did you mean color?"), "{text}");
    assert_eq!(stack.vendors.received(&word).await, Vec::<Value>::new());
    let row = stack.books.row(answer.header("x-request-id")).await;
    assert_eq!((&row["status"], &row["cost_micros"]), (&json!("failed"), &json!(0)));
}

/// A few kilobytes that say "a billion times".
#[tokio::test]
async fn what_merge_makes_of_an_order_is_bounded() {
    let stack = Stack::ready().await;
    let pair = |n: usize| json!({"find": n.to_string(), "replace": format!("{{{{{}}}}}", n + 1).repeat(10)});
    let mut bomb = film("{{0}}");
    bomb["merge"] = (0..9).map(pair).collect();
    let answer = order(&stack, &bomb).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.json()["error_code"], "VALIDATION_ERROR");
    let place = "/timeline/tracks/0/clips/0/asset/text";
    assert!(answer.text().contains(place), "{}", answer.text());
}

#[tokio::test]
async fn an_order_is_not_read_for_whoever_may_not_give_it() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let body = json!({"project_id": tenant.project, "scopes": ["read"]});
    let key = control.make("api-keys", body).await["secret"].as_str().unwrap().to_owned();
    let reader = stack.front.clone().with_key(&key).unwrap();
    for bad in [json!({"timeline": 7}), film("fine")] {
        let answer = reader.post("/render/render", &bad).await.unwrap();
        assert_eq!(answer.status, 403, "{}", answer.text());
        let request_id = answer.header("x-request-id").to_owned();
        assert_eq!(stack.books.row(&request_id).await["error_code"], "FORBIDDEN");
    }
}

#[tokio::test]
async fn a_render_that_fails_says_why_and_costs_nothing() {
    let stack = Stack::ready().await;
    let answer = order(&stack, &film(&format!("job-fail {}", unique("broken")))).await;
    let failed = over(&stack, id(&answer.json())).await;
    assert_eq!((&failed["status"], &failed["success"]), (&json!("failed"), &json!(false)));
    assert_eq!(failed["error_code"], "PROVIDER_ERROR");
    assert_eq!((&failed["url"], &failed["progress"]), (&Value::Null, &Value::Null));
    let job = stack.client().get(&format!("/v1/jobs/{}", id(&failed))).await.unwrap().json();
    let said = job["error"]["details"]["provider_message"].as_str().unwrap();
    assert!(said.contains("could not be downloaded"), "{job}");
    let row = stack.books.row(answer.header("x-request-id")).await;
    assert_eq!((&row["cost_micros"], &row["estimated"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn what_is_no_film_is_not_kept() {
    let stack = Stack::ready().await;
    for (fault, reason) in
        [("result:html", "not_media"), ("result:redirect=metadata", "forbidden_address")]
    {
        let answer = order(&stack, &film(&format!("{fault} {}", unique("fake")))).await;
        let failed = over(&stack, id(&answer.json())).await;
        assert_eq!(failed["error_code"], "PROVIDER_MALFORMED", "{fault}: {failed}");
        let job = stack.client().get(&format!("/v1/jobs/{}", id(&failed))).await.unwrap().json();
        assert_eq!(job["error"]["details"]["reason"], reason);
        let assets = stack.client().get(&format!("/v1/assets?job_id={}", id(&failed))).await;
        // A still without its film is not kept either.
        assert_eq!(assets.unwrap().json()["data"], json!([]), "{fault}");
    }
}

#[tokio::test]
async fn a_vendor_that_refuses_is_told_of() {
    let stack = Stack::ready().await;
    for (status, code) in [
        (400, "INVALID_REQUEST"),
        (402, "PROVIDER_ERROR"),
        (403, "PROVIDER_AUTH"),
        (500, "PROVIDER_ERROR"),
    ] {
        let word = unique("refused");
        let told = ordered(&stack, &film(&format!("fail:{status} {word}"))).await;
        let failed = over(&stack, id(&told)).await;
        assert_eq!(failed["error_code"], code, "{status}");
        // What broke over an order may have taken it.
        assert_eq!(orders(&stack, &word).await.len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_callback_only_makes_the_job_look() {
    let stack = Stack::ready().await;
    let slow =
        ordered(&stack, &film(&format!("job-slow:9s callback:early {}", unique("early")))).await;
    let lies = ordered(&stack, &film(&format!("callback:lies {}", unique("lies")))).await;
    let never = ordered(&stack, &film(&format!("callback:never {}", unique("never")))).await;
    for told in [&lies, &never, &slow] {
        let done = over(&stack, id(told)).await;
        assert_eq!(done["status"], "done", "{done}");
    }
    for token in ["job_a.x", "job_a", "%00", "job_a.v1.AAAA"] {
        let path = format!("/render/render/callbacks/{token}");
        let answer = stack.front.post(&path, &json!({"status": "done"})).await.unwrap();
        assert_eq!(answer.status, 404, "{token}: {}", answer.text());
    }
    let Some(platform) = stack.platform() else { return };
    let job = JobId::parse(id(&never)).unwrap();
    let signature =
        signature::sign(&platform.settings, Purpose::JobCallback, job.as_str()).unwrap();
    let path = format!("/render/render/callbacks/{job}.{signature}");
    let answer =
        stack.front.request(Method::POST, &path).body("not even json").send().await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (204, 0));
}

#[tokio::test]
async fn whoever_ordered_it_is_told_of_its_end() {
    let stack = Stack::ready().await;
    let receiver = Receiver::of(&stack);
    let mut body = film(&unique("told"));
    body["callback_url"] = receiver.url("").into();
    let told = ordered(&stack, &body).await;
    let secret = told["callback_secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"));
    until("a message", async || (!receiver.got().await.is_empty()).then_some(())).await;
    let message = receiver.only().await;
    assert!(is_signed(&message, &secret), "{message}");
    let event: Value = serde_json::from_str(message["body"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&event["type"], &event["data"]["job"]["id"]),
        (&json!("job.succeeded"), &told["job_id"])
    );
    let film = &event["data"]["job"]["outputs"][0];
    assert_eq!(behind(&stack, &film["url"]).await.status, 200, "{event}");
    let shown = shown(&stack, id(&told)).await;
    assert!(!shown.to_string().contains("whsec_"));
}

#[tokio::test]
async fn a_key_for_once_buys_once() {
    let stack = Stack::ready().await;
    let (word, key) = (unique("once"), unique("key"));
    let ask = || {
        let request = stack.client().request(Method::POST, "/render/render");
        let mut body = film(&word);
        body["callback_url"] = "https://client.example.com/done".into();
        request.header("idempotency-key", &key).json(&body).send()
    };
    let first = ask().await.unwrap();
    assert_eq!(first.status, 202, "{}", first.text());
    let again = ask().await.unwrap();
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, "true"));
    assert_eq!(again.body, first.body);
    assert!(again.json()["callback_secret"].as_str().unwrap().starts_with("whsec_"));
    over(&stack, id(&first.json())).await;
    assert_eq!(orders(&stack, &word).await.len(), 1);
}

#[tokio::test]
async fn a_render_can_be_given_up_while_it_runs() {
    let stack = Stack::ready().await;
    let answer =
        order(&stack, &film(&format!("job-slow:60s callback:never {}", unique("long")))).await;
    let told = answer.json();
    let path = format!("/render/render/{}", id(&told));
    until("the vendor to have it", async || {
        (shown(&stack, id(&told)).await["status"] != "queued").then_some(())
    })
    .await;
    let stopped = stack.client().request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(stopped.status, 202, "{}", stopped.text());
    let failed = over(&stack, id(&told)).await;
    assert_eq!(failed["error"], "the render was cancelled");
    let late = stack.client().request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!((late.status, &late.json()["error_code"]), (409, &json!("CONFLICT")));
    let row = stack.books.row(answer.header("x-request-id")).await;
    // It may be made and billed all the same: what it would cost is in the books.
    assert_eq!((&row["status"], &row["estimated"]), (&json!("cancelled"), &json!(1)));
    assert_eq!(row["cost_micros"], 10_000);
}
