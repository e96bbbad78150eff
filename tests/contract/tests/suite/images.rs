//! Pictures through the front door, of each vendor in its own wire format.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use base64::{Engine, engine::general_purpose::STANDARD};
use de_contract::{
    stack::Stack,
    wait::{unique, until},
};
use de_testkit::client::{TestClient, TestResponse};
use http::Method;
use serde_json::{Value, json};

/// One pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

fn client(stack: &Stack) -> TestClient {
    stack.front.clone().with_key(&stack.keys.client).unwrap()
}

async fn native(stack: &Stack, model: &str, prompt: &str, options: Value) -> TestResponse {
    let body = json!({"model_id": model, "prompt": prompt, "options": options});
    client(stack).post("/image/generate", &body).await.unwrap()
}

async fn openai(stack: &Stack, body: &Value) -> TestResponse {
    client(stack).post("/v1/images/generations", body).await.unwrap()
}

/// The bytes behind a link, asked for without a key.
async fn behind(stack: &Stack, link: &str) -> TestResponse {
    let path = link.strip_prefix(&stack.front_base).unwrap_or(link);
    stack.front.get(path).await.unwrap()
}

/// Width and height, as the head of a PNG has them.
fn sides(png: &[u8]) -> (u32, u32) {
    assert!(png.starts_with(b"\x89PNG"), "{:?}", png.get(..8));
    let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (side(16), side(20))
}

#[tokio::test]
async fn every_vendors_pictures_are_kept_and_linked_to() {
    let stack = Stack::ready().await;
    for (model, options, path) in [
        (
            "gpt-image-2",
            json!({"size": "1536x1024", "quality": "low"}),
            "/openai/v1/images/generations",
        ),
        (
            "gemini-3-pro-image",
            json!({"aspect_ratio": "16:9"}),
            "/google/v1beta/models/gemini-3-pro-image:generateContent",
        ),
        ("ideogram-v2", json!({"aspect_ratio": "16:9", "seed": 7}), "/ideogram/generate"),
        ("ideogram-v3", json!({"size": "1024x1024"}), "/ideogram/v1/ideogram-v3/generate"),
        ("fal/flux-dev", json!({"aspect_ratio": "4:3", "seed": 7}), "/fal/fal-ai/flux/dev"),
    ] {
        let word = unique("kite");
        let answer = native(&stack, model, &format!("A {word}"), options).await;
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        let told = answer.json();
        assert_eq!(told["metadata"]["model"], model);
        assert_eq!(answer.header("x-de-model"), model);
        assert!(told["metadata"]["cost_micros"].as_u64().unwrap() > 0, "{told}");
        let image = &told["images"][0];
        let bytes = behind(&stack, told["image_url"].as_str().unwrap()).await;
        assert_eq!(bytes.status, 200, "{model}");
        assert_eq!(bytes.header("content-type"), image["content_type"], "{model}");
        if bytes.header("content-type") == "image/png" {
            let (width, height) = sides(&bytes.body);
            assert_eq!(told["metadata"]["dimensions"], format!("{width}x{height}"), "{model}");
        }
        let (width, height) = (&image["width"], &image["height"]);
        assert_eq!(told["metadata"]["dimensions"], format!("{width}x{height}"), "{model}");
        let orders = stack.vendors.received(&word).await;
        let orders: Vec<&Value> = orders.iter().filter(|order| order["method"] == "POST").collect();
        assert_eq!(orders.len(), 1, "{model}: bought once: {orders:#?}");
        assert_eq!(orders[0]["path"], path);
        let row = stack.books.row(answer.header("x-request-id")).await;
        assert_eq!(row["modality"], "image");
        assert_eq!((&row["status"], &row["operation"]), (&json!("ok"), &json!("POST /generate")));
        assert_eq!(row["cost_micros"], told["metadata"]["cost_micros"]);
        assert_eq!(row["estimated"], 0, "{model}: {row}");
    }
}

#[tokio::test]
async fn an_sdk_of_openais_gets_what_it_expects() {
    let stack = Stack::ready().await;
    let body = json!({"model": "gpt-image-2", "prompt": unique("kite"), "n": 2, "quality": "low",
        "size": "1024x1024"});
    let answer = openai(&stack, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = answer.json();
    assert_eq!(told["data"].as_array().unwrap().len(), 2);
    for picture in told["data"].as_array().unwrap() {
        let bytes = STANDARD.decode(picture["b64_json"].as_str().unwrap()).unwrap();
        assert_eq!(sides(&bytes), (1_024, 1_024));
    }
    assert_eq!((&told["size"], &told["quality"]), (&json!("1024x1024"), &json!("low")));
    let usage = &told["usage"];
    assert!(usage["output_tokens"].as_u64().unwrap() > 0, "{usage}");
    let linked = json!({"model": "ideogram-v3", "prompt": unique("kite"), "size": "1024x1024"});
    let answer = openai(&stack, &linked).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let link = answer.json()["data"][0]["url"].as_str().unwrap().to_owned();
    assert_eq!(behind(&stack, &link).await.status, 200);
    let mut wanted = linked;
    wanted["response_format"] = "b64_json".into();
    let answer = openai(&stack, &wanted).await;
    let bytes = STANDARD.decode(answer.json()["data"][0]["b64_json"].as_str().unwrap()).unwrap();
    sides(&bytes);
}

#[tokio::test]
async fn pictures_are_changed() {
    let stack = Stack::ready().await;
    for (model, vendor) in [("gpt-image-2", "openai"), ("gemini-3-pro-image", "google")] {
        let word = unique("kite");
        let mut form = Vec::new();
        for (name, text) in
            [("model", model), ("prompt", word.as_str()), ("response_format", "url")]
        {
            let part =
                format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
            form.extend_from_slice(part.as_bytes());
        }
        let head = "--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\
                    Content-Type: application/octet-stream\r\n\r\n";
        form.extend_from_slice(head.as_bytes());
        form.extend(STANDARD.decode(PNG).unwrap());
        form.extend_from_slice(b"\r\n--b--\r\n");
        let request = client(&stack).request(Method::POST, "/v1/images/edits");
        let request = request.header("content-type", "multipart/form-data; boundary=b");
        let answer = request.body(form).send().await.unwrap();
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        let link = answer.json()["data"][0]["url"].as_str().unwrap().to_owned();
        assert_eq!(behind(&stack, &link).await.status, 200);
        assert_eq!(stack.vendors.only(&word).await["vendor"], vendor);
        let row = stack.books.row(answer.header("x-request-id")).await;
        assert_eq!(row["operation"], "POST /v1/images/edits");
    }
}

#[tokio::test]
async fn what_is_held_back_is_told_and_billed() {
    let stack = Stack::ready().await;
    let prompt = format!("{} result:unsafe", unique("kite"));
    let answer = native(&stack, "ideogram-v3", &prompt, json!({"num_images": 2})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = answer.json();
    assert_eq!(told["images"].as_array().unwrap().len(), 1);
    assert_eq!(told["notices"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told["metadata"]["cost_micros"], 120_000);
    for model in ["ideogram-v3", "gemini-3-pro-image"] {
        let answer = native(&stack, model, &prompt, json!({})).await;
        let told = answer.json();
        assert_eq!(
            (answer.status, &told["error_code"]),
            (422, &json!("CONTENT_REFUSED")),
            "{told}"
        );
        let row = stack.books.row(answer.header("x-request-id")).await;
        assert!(row["cost_micros"].as_i64().unwrap() > 0, "{model}: {row}");
    }
}

#[tokio::test]
async fn a_refused_prompt_is_a_refusal_of_any_vendor() {
    let stack = Stack::ready().await;
    for model in ["gpt-image-2", "gemini-3-pro-image", "ideogram-v2", "ideogram-v3", "fal/flux-dev"]
    {
        let prompt = format!("refuse {}", unique("kite"));
        let answer = native(&stack, model, &prompt, json!({})).await;
        let told = answer.json();
        assert_eq!(
            (answer.status, &told["error_code"]),
            (422, &json!("CONTENT_REFUSED")),
            "{model}: {told}"
        );
    }
}

#[tokio::test]
async fn an_order_that_fails_and_one_whose_polls_stumble() {
    let stack = Stack::ready().await;
    let word = unique("kite");
    let answer = native(&stack, "fal/flux-dev", &format!("job-fail {word}"), json!({})).await;
    let told = answer.json();
    assert_eq!((answer.status, &told["error_code"]), (502, &json!("PROVIDER_ERROR")), "{told}");
    assert!(told["details"]["provider_message"].is_string(), "{told}");
    let word = unique("kite");
    let prompt = format!("poll-fail-once:503 {word}");
    let answer = native(&stack, "fal/flux-dev", &prompt, json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(stack.vendors.only(&word).await["method"], "POST");
}

#[tokio::test]
async fn what_is_no_picture_is_none() {
    let stack = Stack::ready().await;
    for fault in
        ["result:html", "result:disguised", "result:link=metadata", "result:redirect=private"]
    {
        let prompt = format!("{fault} {}", unique("kite"));
        let answer = native(&stack, "ideogram-v3", &prompt, json!({})).await;
        assert_eq!(answer.status, 502, "{fault}: {}", answer.text());
        // It was made, and is billed.
        let row = stack.books.row(answer.header("x-request-id")).await;
        assert_eq!(row["cost_micros"], 60_000, "{fault}: {row}");
    }
}

#[tokio::test]
async fn who_does_not_wait_is_told_where_to_look() {
    let stack = Stack::ready().await;
    let word = unique("kite");
    let body = json!({"model": "gpt-image-2", "prompt": word, "quality": "low"});
    let request = client(&stack).request(Method::POST, "/v1/images/generations").json(&body);
    let answer = request.header("prefer", "respond-async").send().await.unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_eq!(answer.header("preference-applied"), "respond-async");
    let job = answer.json()["job_id"].as_str().unwrap().to_owned();
    assert!(answer.header("location").ends_with(&format!("/v1/jobs/{job}")));
    stack.vendors.only(&word).await;
    let row = stack.books.row(answer.header("x-request-id")).await;
    assert_eq!(
        (&row["status"], &row["receipt_id"]),
        (&json!("ok"), &json!(answer.header("x-de-receipt")))
    );
    // What it made is in the list of assets.
    until("the picture among the assets", async || {
        let list = client(&stack).get("/v1/assets").await.unwrap().json();
        let of_call = |asset: &Value| asset["request_id"] == answer.header("x-request-id");
        Some(()).filter(|()| list["data"].as_array().unwrap().iter().any(of_call))
    })
    .await;
}

#[tokio::test]
async fn a_call_without_a_model_is_served_by_the_instances_own() {
    let stack = Stack::ready().await;
    let body = json!({"prompt": unique("kite"), "options": {"quality": "low"}});
    let answer = client(&stack).post("/image/generate", &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-de-model"), "gpt-image-2");
}

#[tokio::test]
async fn a_model_of_pictures_is_looked_at_and_tried() {
    let stack = Stack::ready().await;
    let admin = stack.front.clone().with_key(&stack.keys.admin).unwrap();
    for (model, prompt) in [("gpt-image-2", "prompt"), ("gemini-3-pro-image", "text")] {
        let word = unique("kite");
        let body = json!({"instance_id": "inst_dev",
            "input": {"prompt": word, "options": {"size": "1024x1024"}}});
        let path = format!("/v1/model-configs/{model}");
        let look = json!({"input": body["input"]});
        let seen = admin.post(&format!("{path}/preview"), &look).await.unwrap().json();
        let sent = seen["request"]["body"].to_string();
        assert!(sent.contains(&word) && sent.contains(prompt), "{seen}");
        let tried = admin.post(&format!("{path}/test"), &body).await.unwrap();
        let told = tried.json();
        assert_eq!((tried.status, &told["ok"]), (200, &json!(true)), "{told}");
        assert_eq!(
            (&told["output"]["pictures"], &told["output"]["held_back"]),
            (&json!(1), &json!(0))
        );
        assert!(told["cost_micros"].as_i64().unwrap() > 0, "{told}");
        let order = stack.vendors.only(&word).await;
        assert_eq!(order["body"], seen["request"]["body"], "{model}");
    }
}
