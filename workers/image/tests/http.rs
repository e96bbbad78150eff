//! The image worker over doubles: from a request to pictures that are kept, and a line in the books.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

#[path = "http/gateway.rs"]
mod gateway;

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use de_core::{
    jobs::order::LONGEST_PROMPT,
    ports::{Database, Statement},
};
use de_testkit::{client::TestRequest, fetch::Answer};
use http::Method;
use serde_json::{Value, json};

use gateway::{Gateway, PNG_BASE64, form, google, ideogram, openai, picture, png};

#[tokio::test]
async fn a_native_call_answers_with_links_to_what_is_kept() {
    let gateway = Gateway::new().await;
    gateway.test.fetch.answer(openai(2));
    let body = json!({
        "prompt": "A red kite", "model_id": "gpt-image-2",
        "options": {"num_images": 2, "aspect_ratio": "1:1", "quality": "low"}
    });
    let answer = gateway.image.post("/generate", &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = answer.json();
    let images = told["images"].as_array().unwrap();
    assert_eq!(images.len(), 2);
    let first = &images[0];
    assert_eq!((first["width"].as_u64(), first["format"].as_str()), (Some(1), Some("png")));
    assert_eq!(first["size_bytes"].as_u64(), Some(png().len() as u64));
    assert_eq!(told["image_url"], first["url"]);
    assert!(first["url"].as_str().unwrap().contains("/assets/asset_"));
    let path = format!("/assets/{}", first["asset_id"].as_str().unwrap());
    assert_eq!(told["r2_path"], path);
    let metadata = &told["metadata"];
    assert_eq!(
        (&metadata["provider"], &metadata["model"]),
        (&json!("openai"), &json!("gpt-image-2"))
    );
    assert_eq!((&metadata["dimensions"], &metadata["format"]), (&json!("1x1"), &json!("png")));
    assert_eq!(told["success"], true);
    assert_eq!(told["notices"], json!([]));
    // 14 × 5 + 544 × 30 micro-dollars.
    assert_eq!(metadata["cost_micros"], 16_390);
    assert_eq!(answer.header("x-de-cost-micros"), "16390");
    assert_eq!(answer.header("x-de-model"), "gpt-image-2");
    let row = gateway.receipt(&answer).await;
    assert_eq!((&row["status"], &row["operation"]), (&json!("ok"), &json!("POST /generate")));
    assert_eq!((&row["image_output_tokens"], &row["images"]), (&json!(544), &json!(2)));
    let sent = gateway.test.fetch.sent();
    assert_eq!(sent.len(), 1);
    let expected = json!({
        "model": "gpt-image-2", "prompt": "A red kite", "n": 2, "size": "1024x1024", "quality": "low"
    });
    assert_eq!(sent[0].json(), expected);
}

#[tokio::test]
async fn openai_answers_with_the_pictures_or_links() {
    let gateway = Gateway::new().await;
    for (wanted, in_base64) in [(None, true), (Some("b64_json"), true), (Some("url"), false)] {
        gateway.test.fetch.answer(openai(3));
        let mut body =
            json!({"model": "gpt-image-2", "prompt": "A kite", "n": 3, "quality": "low"});
        if let Some(wanted) = wanted {
            body["response_format"] = wanted.into();
        }
        let answer = gateway.image.post("/v1/images/generations", &body).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let told = answer.json();
        let data = told["data"].as_array().unwrap();
        assert_eq!(data.len(), 3);
        for picture in data {
            match in_base64 {
                true => assert_eq!(picture, &json!({"b64_json": PNG_BASE64})),
                false => assert!(picture["url"].as_str().unwrap().contains("/assets/")),
            }
        }
        let usage = json!({
            "input_tokens": 14, "input_tokens_details": {"text_tokens": 14, "image_tokens": 0},
            "output_tokens": 544, "output_tokens_details": {"text_tokens": 0, "image_tokens": 544},
            "total_tokens": 558
        });
        assert_eq!(told["usage"], usage);
        assert_eq!((&told["size"], &told["quality"]), (&json!("1x1"), &json!("low")));
        assert_eq!(told["output_format"], "png");
        assert!(told["created"].is_u64());
    }
}

/// An operator names rows as it likes: SDKs count on what serves, not on what it is called here.
#[tokio::test]
async fn what_serves_decides_how_the_pictures_come_and_not_its_id() {
    for (seeded, id, in_base64) in
        [("gpt-image-2", "pictures", true), ("ideogram-v3", "my-gpt-image-like", false)]
    {
        let gateway = Gateway::new().await;
        gateway.rename(seeded, id).await;
        if in_base64 {
            gateway.test.fetch.answer(openai(1));
        } else {
            gateway.test.fetch.answer(ideogram(&[true]));
            gateway.test.fetch.answer(picture());
        }
        let body = json!({"model": id, "prompt": "A kite"});
        let answer = gateway.image.post("/v1/images/generations", &body).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let first = &answer.json()["data"][0];
        assert_eq!(first["b64_json"].is_string(), in_base64, "{id}: {first}");
        assert_eq!(first["url"].is_string(), !in_base64, "{id}: {first}");
    }
}

#[tokio::test]
async fn other_vendors_answer_openais_protocol_with_links() {
    let gateway = Gateway::new().await;
    gateway.test.fetch.answer(google());
    let body = json!({"model": "gemini-3-pro-image", "prompt": "A kite", "size": "1024x1024"});
    let answer = gateway.image.post("/v1/images/generations", &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = answer.json();
    assert!(told["data"][0]["url"].is_string(), "{told}");
    assert_eq!(told["usage"]["output_tokens_details"]["image_tokens"], 1_120);
    let sent = gateway.test.fetch.sent();
    let config =
        json!({"responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": "1:1"}});
    assert_eq!(sent[0].json()["generationConfig"], config);
    assert!(sent[0].url.path().ends_with("/models/gemini-3-pro-image:generateContent"));
}

#[tokio::test]
async fn what_a_vendor_holds_back_is_billed_and_told() {
    let gateway = Gateway::new().await;
    let body = json!({"prompt": "A kite", "model": "ideogram-v3", "options": {"num_images": 2}});
    gateway.test.fetch.answer(ideogram(&[true, false]));
    gateway.test.fetch.answer(picture());
    let answer = gateway.image.post("/generate", &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = answer.json();
    assert_eq!(told["images"].as_array().unwrap().len(), 1);
    assert_eq!(told["images"][0]["seed"], 0);
    assert_eq!(told["images"][0]["revised_prompt"], "A red kite");
    assert!(told["notices"][0].as_str().unwrap().contains("holds one picture back"));
    assert_eq!(told["metadata"]["cost_micros"], 120_000);
    // All of them.
    gateway.test.fetch.answer(ideogram(&[false, false]));
    let answer = gateway.image.post("/generate", &body).await.unwrap();
    assert_eq!((answer.status, &answer.json()["error_code"]), (422, &json!("CONTENT_REFUSED")));
    assert!(answer.json()["details"]["job_id"].is_string());
    let row = gateway.receipt(&answer).await;
    assert_eq!((&row["status"], &row["images"]), (&json!("failed"), &json!(2)));
    assert_eq!(row["cost_micros"], 120_000);
}

#[tokio::test]
async fn a_refused_prompt_is_not_billed() {
    let gateway = Gateway::new().await;
    let error = json!({"error": {"message": "No.", "type": "image_generation_user_error",
        "param": null, "code": "moderation_blocked"}});
    gateway.test.fetch.answer(Answer::json(400, &error));
    let body = json!({"model": "gpt-image-2", "prompt": "A kite"});
    let answer = gateway.image.post("/v1/images/generations", &body).await.unwrap();
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert_eq!(answer.json()["error"]["code"], "content_refused");
    assert_eq!(gateway.receipt(&answer).await["cost_micros"], 0);
}

/// It was made, and is billed: in the books it costs the most that it may have cost, not nothing.
#[tokio::test(start_paused = true)]
async fn pictures_in_tokens_that_are_not_read_to_their_end_have_a_cost() {
    let gateway = Gateway::new().await;
    let body = json!({"model": "gpt-image-2", "prompt": "A kite", "n": 2, "quality": "low"});
    for (theirs, status) in [
        (Answer::ok().chunk("{\"data\": [{").break_off(), 502),
        (Answer::ok().chunk("<html>"), 502),
        (Answer::ok().head_after(Duration::from_secs(3_600)), 504),
    ] {
        gateway.test.fetch.answer(theirs);
        let answer = gateway.image.post("/v1/images/generations", &body).await.unwrap();
        assert_eq!(answer.status, status, "{}", answer.text());
        let row = gateway.receipt(&answer).await;
        assert_eq!((&row["status"], &row["estimated"]), (&json!("failed"), &json!(1)), "{row}");
        // Two of 408 tokens, and a prompt of six bytes, at 30 micro-dollars.
        assert_eq!((&row["image_output_tokens"], &row["images"]), (&json!(822), &json!(2)));
        assert_eq!(row["cost_micros"], 24_660);
    }
}

#[tokio::test]
async fn a_bad_key_of_ours_is_not_the_callers_fault() {
    let gateway = Gateway::new().await;
    let details = json!([{"reason": "API_KEY_INVALID"}]);
    let error = json!({"error": {"code": 400, "message": "API key not valid.",
        "status": "INVALID_ARGUMENT", "details": details}});
    gateway.test.fetch.answer(Answer::json(400, &error));
    let body = json!({"model": "gemini-3-pro-image", "prompt": "A kite"});
    let answer = gateway.image.post("/generate", &body).await.unwrap();
    assert_eq!((answer.status, &answer.json()["error_code"]), (502, &json!("PROVIDER_AUTH")));
}

#[tokio::test]
async fn pictures_are_changed_by_a_form_whose_files_rest_in_the_store() {
    let gateway = Gateway::new().await;
    gateway.test.fetch.answer(openai(1));
    let (kind, body) = form(
        &[("model", "gpt-image-2"), ("prompt", "Make it red"), ("n", "1"), ("size", "1024x1024")],
        &[("image[]", &png()), ("image[]", &png()), ("mask", &png())],
    );
    let request = gateway.image.request(Method::POST, "/v1/images/edits");
    let answer = request.header("content-type", &kind).body(body).send().await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["data"][0]["b64_json"], PNG_BASE64);
    let sent = gateway.test.fetch.sent();
    assert!(sent[0].url.path().ends_with("/images/edits"));
    let parts = String::from_utf8_lossy(&sent[0].body);
    assert_eq!(parts.matches("name=\"image[]\"").count(), 2, "{parts}");
    assert_eq!(parts.matches("name=\"mask\"").count(), 1);
    assert!(parts.contains("Make it red"));
    // The files go when the job is over: what is left is the picture that was made.
    gateway.receipt(&answer).await;
    assert_eq!(gateway.kept().await, 1);
}

#[tokio::test]
async fn a_form_that_is_refused_leaves_nothing_behind() {
    let gateway = Gateway::new().await;
    let send = async |texts: &[(&str, &str)], file: &[u8]| {
        let (kind, body) = form(texts, &[("image", file)]);
        let request = gateway.image.request(Method::POST, "/v1/images/edits");
        request.header("content-type", &kind).body(body).send().await.unwrap()
    };
    let prompt = ("prompt", "Make it red");
    for (texts, file, status, param) in [
        (vec![prompt, ("model", "gpt-image-2")], &b"<html>"[..], 400, json!("image")),
        (vec![("model", "gpt-image-2")], &png()[..], 400, json!("prompt")),
        (
            vec![prompt, ("model", "gpt-image-2"), ("style", "vivid")],
            &png()[..],
            400,
            json!("style"),
        ),
        (vec![prompt, ("model", "ideogram-v3")], &png()[..], 400, json!("image")),
        (vec![prompt, ("model", "nothing")], &png()[..], 404, Value::Null),
    ] {
        let answer = send(&texts, file).await;
        assert_eq!(answer.status, status, "{texts:?} {}", answer.text());
        assert_eq!(answer.json()["error"]["param"], param, "{texts:?} {}", answer.text());
        let row = gateway.receipt(&answer).await;
        assert_eq!((&row["status"], &row["cost_micros"]), (&json!("failed"), &json!(0)));
        assert_eq!(gateway.kept().await, 0, "{texts:?}");
    }
    assert_eq!(gateway.test.fetch.sent().len(), 0);
}

#[tokio::test]
async fn a_caller_who_does_not_wait_gets_a_job() {
    let gateway = Gateway::new().await;
    for (path, body) in [
        ("/generate", json!({"model": "gpt-image-2", "prompt": "A kite"})),
        ("/v1/images/generations", json!({"model": "gpt-image-2", "prompt": "A kite"})),
    ] {
        gateway.test.fetch.answer(openai(1));
        let request = gateway.image.request(Method::POST, path).json(&body);
        let answer = request.header("prefer", "respond-async").send().await.unwrap();
        assert_eq!(answer.status, 202, "{}", answer.text());
        assert_eq!(answer.header("preference-applied"), "respond-async");
        let told = answer.json();
        let job = told["job_id"].as_str().unwrap();
        assert_eq!(answer.header("location"), format!("/v1/jobs/{job}"));
        assert_eq!(told["status"], "queued");
        let view = gateway.job(job).await;
        assert_eq!((view.status.as_str(), view.outputs.len()), ("succeeded", 1));
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_name() {
    let gateway = Gateway::new().await;
    for (path, body, code, field) in [
        (
            "/generate",
            json!({"prompt": "x", "callback_url": "y"}),
            "VALIDATION_ERROR",
            "/callback_url",
        ),
        ("/generate", json!({"prompt": " "}), "VALIDATION_ERROR", "/prompt"),
        (
            "/generate",
            json!({"prompt": "x".repeat(LONGEST_PROMPT + 1), "model": "gpt-image-2"}),
            "VALIDATION_ERROR",
            "/prompt",
        ),
        (
            "/generate",
            json!({"prompt": "x", "model": "gpt-image-2", "options": {"size": "7x7"}}),
            "VALIDATION_ERROR",
            "/options/size",
        ),
        (
            "/generate",
            json!({"prompt": "x", "model": "gemini-3-pro-image", "options": {"num_images": 2}}),
            "VALIDATION_ERROR",
            "/options/num_images",
        ),
        (
            "/generate",
            json!({"prompt": "x", "model": "ideogram-v3", "options": {"colour": 1}}),
            "VALIDATION_ERROR",
            "/options/colour",
        ),
    ] {
        let answer = gateway.image.post(path, &body).await.unwrap();
        let told = answer.json();
        assert_eq!((answer.status, told["error_code"].as_str()), (400, Some(code)), "{told}");
        assert_eq!(told["details"]["fields"][0]["field"], field, "{told}");
    }
    for (body, param) in [
        (json!({"model": "gpt-image-2", "prompt": "x", "stream": true}), "stream"),
        (json!({"model": "gpt-image-2", "prompt": "x", "partial_images": 2}), "partial_images"),
        (json!({"model": "gpt-image-2", "prompt": "x", "size": "7x7"}), "size"),
        (json!({"model": "gpt-image-2", "prompt": "x", "user": "x".repeat(1_900_000)}), "user"),
        (json!({"model": "gemini-3-pro-image", "prompt": "x", "n": 2}), "n"),
    ] {
        let answer = gateway.image.post("/v1/images/generations", &body).await.unwrap();
        assert_eq!((answer.status, &answer.json()["error"]["param"]), (400, &json!(param)));
    }
    let answer = gateway.image.post("/v1/images/variations", &json!({})).await.unwrap();
    assert_eq!(answer.status, 501);
    let text = json!({"model": "gpt-4o-mini", "prompt": "x"});
    let answer = gateway.image.post("/generate", &text).await.unwrap();
    assert_eq!((answer.status, &answer.json()["error_code"]), (400, &json!("MODEL_CAPABILITY")));
    assert_eq!(gateway.test.fetch.sent().len(), 0);
}

/// It would be kept at first, and no more once its pictures are made and paid for.
#[tokio::test]
async fn an_order_that_does_not_fit_into_its_job_is_refused_by_name() {
    let gateway = Gateway::new().await;
    let long = "x".repeat(1_100_000);
    let ours = json!({"model": "gpt-image-2", "prompt": "x", "options": {"style": long}});
    let openais = json!({"model": "gpt-image-2", "prompt": "x", "style": long});
    for (path, body, place, field) in [
        ("/generate", ours, "/details/field", "/options/style"),
        ("/v1/images/generations", openais, "/error/param", "style"),
    ] {
        let request = gateway.image.request(Method::POST, path).json(&body);
        let answer = request.header("prefer", "respond-async").send().await.unwrap();
        let told = answer.json();
        assert_eq!((answer.status, told.pointer(place)), (413, Some(&json!(field))), "{told}");
        assert_eq!(gateway.receipt(&answer).await["error_code"], "BODY_TOO_LARGE");
    }
    assert_eq!(gateway.test.fetch.sent().len(), 0);
}

#[tokio::test]
async fn an_order_is_followed_until_it_is_done() {
    let gateway = Gateway::new().await;
    let submitted = json!({"status": "IN_QUEUE", "request_id": "f1"});
    gateway.test.fetch.answer(Answer::json(200, &submitted));
    gateway
        .test
        .fetch
        .answer(Answer::json(200, &json!({"status": "COMPLETED", "request_id": "f1"})));
    let images = json!([{"url": "https://v3.fal.media/files/a.png"}]);
    gateway.test.fetch.answer(Answer::json(200, &json!({"images": images, "seed": 7})));
    gateway.test.fetch.answer(picture());
    let body = json!({"prompt": "A kite", "model": "fal/flux-dev"});
    let answer = gateway.image.post("/generate", &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["images"][0]["seed"], 7);
    let sent = gateway.test.fetch.sent();
    let paths: Vec<&str> = sent.iter().map(|sent| sent.url.path()).collect();
    let expected = [
        "/fal-ai/flux/dev",
        "/fal-ai/flux/requests/f1/status",
        "/fal-ai/flux/requests/f1",
        "/files/a.png",
    ];
    assert_eq!(paths, expected);
    assert!(sent[0].header("authorization").starts_with("Key "));
    assert_eq!(sent[3].header("authorization"), "", "no key goes where a reply points to");
}

#[tokio::test]
async fn the_same_call_is_bought_once() {
    let gateway = Gateway::new().await;
    let (kind, edit) =
        form(&[("model", "gpt-image-2"), ("prompt", "Make it red")], &[("image", &png())]);
    let other_edit =
        form(&[("model", "gpt-image-2"), ("prompt", "Make it blue")], &[("image", &png())]).1;
    let json = |prompt: &str| json!({"model": "gpt-image-2", "prompt": prompt}).to_string();
    for (path, kind, body, other) in [
        ("/generate", "application/json", json("A kite").into_bytes(), json("A bird").into_bytes()),
        (
            "/v1/images/generations",
            "application/json",
            json("A kite").into_bytes(),
            json("A bird").into_bytes(),
        ),
        ("/v1/images/edits", kind.as_str(), edit, other_edit),
    ] {
        gateway.test.fetch.answer(openai(1));
        let send = async |body: &[u8]| {
            let request = gateway.image.request(Method::POST, path);
            let request = request.header("content-type", kind).header("idempotency-key", "k1");
            request.body(body.to_vec()).send().await.unwrap()
        };
        let first = send(&body).await;
        assert_eq!(first.status, 200, "{path} {}", first.text());
        assert_eq!(first.header("idempotency-replayed"), "");
        let again = send(&body).await;
        assert_eq!((again.status, again.json()), (200, first.json()), "{path}");
        assert_eq!(again.header("idempotency-replayed"), "true", "{path}");
        assert_eq!(again.header("x-de-receipt"), first.header("x-de-receipt"));
        let mismatch = send(&other).await;
        assert_eq!(mismatch.status, 409, "{path} {}", mismatch.text());
        assert_eq!(gateway.test.fetch.left(), 0);
    }
    assert_eq!(gateway.test.fetch.sent().len(), 3);
}

#[tokio::test]
async fn a_failure_that_cost_nothing_gives_its_key_back() {
    let gateway = Gateway::new().await;
    let body = json!({"model": "gpt-image-2", "prompt": "A kite"});
    let send = async || {
        let request = gateway.image.request(Method::POST, "/generate").json(&body);
        request.header("idempotency-key", "k1").send().await.unwrap()
    };
    let error = json!({"error": {"message": "No.", "type": "invalid_request_error",
        "param": null, "code": "invalid_api_key"}});
    gateway.test.fetch.answer(Answer::json(401, &error));
    let failed = send().await;
    assert_eq!((failed.status, &failed.json()["error_code"]), (502, &json!("PROVIDER_AUTH")));
    gateway.test.fetch.answer(openai(1));
    let made = send().await;
    assert_eq!(made.status, 200, "{}", made.text());
    assert_ne!(made.json()["job_id"], failed.json()["details"]["job_id"]);
    // What was billed is not bought again, whatever came of it.
    let body = json!({"model": "ideogram-v3", "prompt": "A kite"});
    let send = async || {
        let request = gateway.image.request(Method::POST, "/generate").json(&body);
        request.header("idempotency-key", "k2").send().await.unwrap()
    };
    gateway.test.fetch.answer(ideogram(&[false]));
    let refused = send().await;
    let again = send().await;
    assert_eq!((refused.status, again.status), (422, 422), "{}", refused.text());
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(gateway.test.fetch.sent().len(), 3);
}

#[tokio::test]
async fn an_answer_that_broke_off_is_given_again() {
    let gateway = Gateway::new().await;
    let body = json!({"model": "gpt-image-2", "prompt": "A kite"});
    let send = async || {
        let request = gateway.image.request(Method::POST, "/v1/images/generations").json(&body);
        request.header("idempotency-key", "k1").send().await.unwrap()
    };
    gateway.test.fetch.answer(openai(2));
    gateway.test.blobs.set_breaking(true);
    assert!(send().await.broken, "the answer came whole");
    gateway.test.background.join_all().await;
    gateway.test.blobs.set_breaking(false);
    let again = send().await;
    assert_eq!(again.status, 200, "{}", again.text());
    assert_eq!(again.json()["data"].as_array().unwrap().len(), 2);
    assert_eq!(gateway.test.fetch.sent().len(), 1);
}

/// The head of the answer is sent by then, and an SDK that sees it break orders the pictures anew.
#[tokio::test]
async fn a_picture_that_breaks_off_is_read_on_from_there() {
    // The same pixel, and what no reader of it looks at: some pieces in the store, none of them whole in base64.
    let mut large = png();
    large.extend((0..300_000_u32).map(|number| (number % 251) as u8));
    let large = STANDARD.encode(large);
    let ordered = || {
        let data = vec![json!({"b64_json": large}); 2];
        Answer::json(200, &json!({"created": 1, "data": data}))
    };
    let body = json!({"model": "gpt-image-2", "prompt": "A kite", "n": 2});
    for (breaks, comes_whole) in [(1, true), (3, true), (4, false)] {
        let gateway = Gateway::new().await;
        gateway.test.fetch.answer(ordered());
        gateway.test.blobs.break_off(breaks);
        let answer = gateway.image.post("/v1/images/generations", &body).await.unwrap();
        assert_eq!(answer.broken, !comes_whole, "{breaks}");
        if comes_whole {
            let told = answer.json();
            assert!(told["data"].as_array().unwrap().iter().all(|one| one["b64_json"] == large));
            assert_eq!(told["data"].as_array().unwrap().len(), 2);
        }
    }
}

#[tokio::test]
async fn pictures_that_cannot_be_read_are_not_bought_again() {
    let gateway = Gateway::new().await;
    let body = json!({"model": "gpt-image-2", "prompt": "A kite"});
    let ask = || gateway.image.request(Method::POST, "/v1/images/generations").json(&body);
    let failed = async |request: TestRequest| {
        gateway.test.blobs.fail_reads(1);
        let failed = request.send().await.unwrap();
        assert_eq!(failed.status, 500, "{}", failed.text());
        let error = &failed.json()["error"];
        let job = error["details"]["job_id"].as_str().unwrap().to_owned();
        assert_eq!(gateway.job(&job).await.outputs.len(), 1);
        failed.header("x-should-retry").to_owned()
    };
    // With a key, whoever asks again gets what was bought.
    gateway.test.fetch.answer(openai(1));
    let once = || ask().header("idempotency-key", "k1");
    assert_eq!(failed(once()).await, "");
    // Nor does who cannot look for it give the key away.
    gateway.test.jobs.set_failing(true);
    let lost = once().send().await.unwrap();
    assert_eq!((lost.status, lost.header("x-should-retry")), (500, ""), "{}", lost.text());
    gateway.test.jobs.set_failing(false);
    let again = once().send().await.unwrap();
    assert_eq!(again.status, 200, "{}", again.text());
    assert_eq!(again.json()["data"].as_array().unwrap().len(), 1);
    assert_eq!(gateway.test.fetch.sent().len(), 1);
    // Without one it would be another order, which nobody makes by itself.
    gateway.test.fetch.answer(openai(1));
    assert_eq!(failed(ask()).await, "false");
}

#[tokio::test]
async fn what_may_have_been_made_is_not_ordered_again_by_an_sdk() {
    let gateway = Gateway::new().await;
    let ask = async |model: &str| {
        let body = json!({"model": model, "prompt": "A kite"});
        let answer = gateway.image.post("/v1/images/generations", &body).await.unwrap();
        assert_eq!(answer.header("x-should-retry"), "false", "{}", answer.text());
        (answer.status, gateway.receipt(&answer).await)
    };
    // It is made, and the link to it leads to nothing.
    gateway.test.fetch.answer(ideogram(&[true]));
    gateway.test.fetch.answer(Answer::json(404, &json!({})));
    let (status, receipt) = ask("ideogram-v3").await;
    assert_eq!(status, 502);
    assert!(receipt["cost_micros"].as_i64().unwrap() > 0, "{receipt}");
    // The vendor broke over it.
    let before = gateway.test.fetch.sent().len();
    gateway.test.fetch.answer(Answer::json(500, &json!({"error": {"message": "Oh."}})));
    assert_eq!(ask("gpt-image-2").await.0, 502);
    assert_eq!(gateway.test.fetch.sent().len(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_fails_leaves_what_another_vendor_may_bill() {
    let gateway = Gateway::new().await;
    let body = json!({"model": "gpt-image-2", "prompt": "A kite"});
    let send = async || {
        let request = gateway.image.request(Method::POST, "/generate").json(&body);
        let request = request.header("x-de-fallback", "fal/flux-dev");
        request.header("idempotency-key", "k1").send().await.unwrap()
    };
    // The connection breaks: who knows what that has made.
    gateway.test.fetch.answer(Answer::refused());
    gateway
        .test
        .fetch
        .answer(Answer::json(200, &json!({"status": "IN_QUEUE", "request_id": "f1"})));
    let failed = json!({"status": "COMPLETED", "request_id": "f1", "error": "No.", "error_type": "internal"});
    gateway.test.fetch.answer(Answer::json(200, &failed));
    gateway.test.fetch.answer(Answer::json(500, &json!({"detail": "No."})));
    let answer = send().await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    let receipt = gateway.receipt(&answer).await;
    assert!(receipt["cost_micros"].as_i64().unwrap() > 0, "{receipt}");
    let before = gateway.test.fetch.sent().len();
    let again = send().await;
    assert_eq!(again.header("idempotency-replayed"), "true", "{}", again.text());
    assert_eq!(gateway.test.fetch.sent().len(), before);
}

#[tokio::test]
async fn a_form_is_not_read_for_whoever_may_not_send_it() {
    let gateway = Gateway::new().await;
    let sql = "UPDATE api_keys SET scopes = '[\"text\"]'";
    let narrow = Statement { args: Vec::new(), sql };
    gateway.test.database.batch(vec![narrow]).await.unwrap();
    // It would be refused for what it is, were it read.
    let request = gateway.image.request(Method::POST, "/v1/images/edits").body(b"no form".to_vec());
    let answer = request.header("content-type", "text/plain").send().await.unwrap();
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(gateway.receipt(&answer).await["error_code"], "FORBIDDEN");
}
