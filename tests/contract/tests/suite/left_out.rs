//! What a vendor cannot be told, of whatever it makes: refused by its place, or left out and named, as the call or the
//! model's row says.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    stack::Stack,
    wait::{unique, until},
    wire::Server,
};
use de_testkit::client::{TestRequest, TestResponse};
use http::Method;
use serde_json::{Value, json};

use crate::audio::wav;

const HEADER: &str = "x-de-on-unsupported";

/// A call, and what of it its vendor has no word for.
struct Case {
    body: Value,
    dropped: &'static str,
    path: &'static str,
}

/// Calls of each modality, in each protocol; `word` stands in what is asked.
fn cases(word: &str) -> Vec<Case> {
    let case = |path, dropped, body| Case { body, dropped, path };
    vec![
        case(
            "/image/generate",
            "options/seed, options/style",
            json!({"model_id": "gpt-image-2", "prompt": word,
                "options": {"quality": "low", "seed": 7, "style": "vivid"}}),
        ),
        // A mapping, of whose unknown options its row or it decides elsewhere.
        case(
            "/image/generate",
            "options/odd",
            json!({"model_id": "ideogram-v2", "prompt": word, "options": {"odd": 1, "seed": 7}}),
        ),
        case(
            "/v1/images/generations",
            "quality",
            json!({"model": "gemini-3-pro-image", "prompt": word, "quality": "hd"}),
        ),
        case(
            "/audio/synthesize",
            "options/stability",
            json!({"model_id": "tts-1", "text": word, "options": {"speed": 1, "stability": 0.5}}),
        ),
        case(
            "/v1/audio/speech",
            "instructions",
            json!({"model": "eleven_flash_v2_5", "voice": "21m00Tcm4TlvDq8ikWAM", "input": word,
                "instructions": "Low."}),
        ),
        case(
            "/v1/text-to-speech/alloy",
            "voice_settings/stability",
            json!({"model_id": "tts-1", "text": word, "voice_settings": {"stability": 0.5}}),
        ),
        case(
            "/stock-media/search/photos",
            "options/category",
            json!({"provider": "pexels", "keywords": [word], "options": {"category": "animals"}}),
        ),
    ]
}

fn post(stack: &Stack, case: &Case) -> TestRequest {
    stack.client().request(Method::POST, case.path).json(&case.body)
}

/// The reasons in a header, each behind its place.
fn reasoned(answer: &TestResponse, dropped: &str) -> bool {
    let reasons: Vec<&str> = answer.header("x-de-warnings").split("; ").collect();
    let names: Vec<&str> = dropped.split(", ").collect();
    let pairs = reasons.iter().zip(&names);
    reasons.len() == names.len()
        && pairs.into_iter().all(|(reason, name)| reason.starts_with(&format!("{name}: ")))
}

#[tokio::test]
async fn what_a_vendor_has_no_word_for_is_named_whatever_it_makes() {
    let stack = Stack::ready().await;
    for number in 0..cases("").len() {
        let word = unique("lacks");
        let case = cases(&word).remove(number);
        for plain in [post(&stack, &case), post(&stack, &case).header(HEADER, "reject")] {
            let answer = plain.send().await.unwrap();
            assert_eq!(answer.status, 400, "{}: {}", case.path, answer.text());
            assert_eq!(answer.header("x-de-dropped"), "", "{}", case.path);
        }
        assert!(stack.vendors.received(&word).await.is_empty(), "{}", case.path);
        let answer = post(&stack, &case).header(HEADER, "drop").send().await.unwrap();
        assert_eq!(answer.status, 200, "{}: {}", case.path, answer.text());
        assert_eq!(answer.header("x-de-dropped"), case.dropped, "{}", case.path);
        assert_eq!(answer.header("x-de-warnings"), "", "{}", case.path);
        // What is kept of a search is told as what is new.
        let answer = post(&stack, &case).header(HEADER, "warn").send().await.unwrap();
        assert_eq!(answer.status, 200, "{}: {}", case.path, answer.text());
        assert_eq!(answer.header("x-de-dropped"), case.dropped, "{}", case.path);
        assert!(reasoned(&answer, case.dropped), "{}: {:?}", case.path, answer.headers);
    }
}

#[tokio::test]
async fn a_word_that_is_none_is_refused_by_the_headers_name_and_booked() {
    let stack = Stack::ready().await;
    let film = json!({
        "timeline": {"tracks": [{"clips": [
            {"asset": {"type": "title", "text": "Hello"}, "start": 0, "length": 1},
        ]}]},
        "output": {"format": "mp4", "resolution": "sd"},
    });
    let word = unique("odd");
    let mut all = cases(&word);
    all.push(Case { body: film, dropped: "", path: "/render/render" });
    for case in all {
        let answer = post(&stack, &case).header(HEADER, "refuse").send().await.unwrap();
        assert_eq!(answer.status, 400, "{}: {}", case.path, answer.text());
        let told = format!("{HEADER}: expected one of drop, reject, warn");
        assert!(answer.text().contains(&told), "{}: {}", case.path, answer.text());
        let row = stack.books.row(answer.header("x-request-id")).await;
        assert_eq!((&row["status"], &row["cost_micros"]), (&json!("failed"), &json!(0)), "{row}");
    }
    assert!(stack.vendors.received(&word).await.is_empty());
}

#[tokio::test]
async fn a_transcript_names_what_its_vendor_lacks() {
    let stack = Stack::ready().await;
    let form = |word: &str| {
        let mut form = String::new();
        for (name, text) in [("model", "scribe_v2"), ("prompt", word)] {
            form.push_str(&format!(
                "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n"
            ));
        }
        form.push_str(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"hello.wav\"\r\n\r\n",
        );
        let mut bytes = form.into_bytes();
        bytes.extend(wav());
        bytes.extend_from_slice(b"\r\n--b--\r\n");
        bytes
    };
    let ask = async |on_unsupported: &str| {
        let request = stack.client().request(Method::POST, "/v1/audio/transcriptions");
        let request = request.header("content-type", "multipart/form-data; boundary=b");
        let request = request.header(HEADER, on_unsupported).body(form("Names."));
        request.send().await.unwrap()
    };
    assert_eq!(ask("reject").await.json()["error"]["param"], "prompt");
    let answer = ask("warn").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-de-dropped"), "prompt");
    assert!(reasoned(&answer, "prompt"), "{:?}", answer.headers);
    assert!(ask("Drop").await.text().contains(HEADER));
}

#[tokio::test]
async fn a_job_keeps_the_callers_word_and_names_what_was_left_out() {
    let stack = Stack::ready().await;
    let client = stack.client();
    for (on_unsupported, is_told_why) in [("drop", false), ("warn", true)] {
        let body = json!({"model_id": "gpt-image-2", "prompt": unique("kite"),
            "options": {"quality": "low", "seed": 7}});
        let request = client.request(Method::POST, "/image/generate").json(&body);
        let request = request.header("prefer", "respond-async").header(HEADER, on_unsupported);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status, 202, "{}", answer.text());
        let id = answer.json()["job_id"].as_str().unwrap().to_owned();
        let job = until("a job to end", async || {
            let job = client.get(&format!("/v1/jobs/{id}")).await.unwrap().json();
            (!job["finished_at"].is_null()).then_some(job)
        })
        .await;
        assert_eq!(job["status"], "succeeded", "{job}");
        assert_eq!(job["dropped"], json!(["options/seed"]));
        let reasons = job["warnings"].as_array().unwrap();
        assert_eq!(reasons.len(), usize::from(is_told_why), "{job}");
        assert!(reasons.iter().all(|why| why.as_str().unwrap().starts_with("options/seed: ")));
        // Its row says the same.
        let list = client.get("/v1/jobs?status=succeeded&modality=image&limit=200").await.unwrap();
        let list = list.json();
        let rows = list["data"].as_array().unwrap();
        let row = rows.iter().find(|row| row["id"] == id.as_str()).unwrap();
        assert_eq!((&row["dropped"], &row["warnings"]), (&job["dropped"], &job["warnings"]));
    }
}

#[tokio::test]
async fn of_options_that_a_mapping_does_not_know_the_nearest_word_decides() {
    let stack = Stack::ready().await;
    // The call's, the mapping's own, the row's: who decides stands last.
    for (call, own, row, is_dropped) in [
        (None, None, None, false),
        (None, None, Some("drop"), true),
        (None, Some("reject"), Some("drop"), false),
        (None, Some("drop"), Some("reject"), true),
        (Some("reject"), Some("drop"), Some("drop"), false),
        (Some("drop"), Some("reject"), Some("reject"), true),
    ] {
        let mut mapping = json!({
            "endpoint": "/chat/completions",
            "body": {"model": "gpt-4o-mini",
                "messages": [{"role": "user", "content": "{user_prompt}"}]},
            "response_mapping": {"text": "$.choices[0].message.content"},
        });
        if let Some(own) = own {
            mapping["unknown_options"] = json!(own);
        }
        let mut differs = json!({"protocol": "mapped", "payload_mapping": mapping});
        if let Some(row) = row {
            differs["unknown_options"] = json!(row);
        }
        let model = stack.model(Server::OpenAi, differs).await;
        let body = json!({"model_id": model, "prompt": "Hello", "options": {"seed": 1}});
        let request = stack.client().request(Method::POST, "/text/generate").json(&body);
        let request = match call {
            Some(call) => request.header(HEADER, call),
            None => request,
        };
        let answer = request.send().await.unwrap();
        let place = format!("call {call:?}, mapping {own:?}, row {row:?}: {}", answer.text());
        if is_dropped {
            assert_eq!(
                (answer.status, answer.header("x-de-dropped")),
                (200, "options/seed"),
                "{place}"
            );
        } else {
            assert_eq!(answer.status, 400, "{place}");
            assert_eq!(answer.json()["details"]["fields"][0]["field"], "/options/seed", "{place}");
        }
    }
}
