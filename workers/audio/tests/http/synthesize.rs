//! Our own protocol: a file that is kept.

use std::time::Duration;

use de_testkit::fetch::Answer;
use http::Method;
use serde_json::{Value, json};

use crate::gateway::{Gateway, mp3_frame};

fn long() -> Answer {
    // 100 frames of 1152 samples at 44.1 kHz.
    Answer::ok().header("content-type", "audio/mpeg").chunk(mp3_frame().repeat(100))
}

#[tokio::test(start_paused = true)]
async fn a_file_is_kept_and_told_of() {
    let gateway = Gateway::new().await;
    gateway.vendor(long());
    let body = json!({
        "text": "Hello there", "voice_id": "alloy", "model_id": "tts-1",
        "options": {"speed": 1, "output_format": "mp3"},
    });
    let answer = gateway.audio.post("/synthesize", &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = answer.json();
    assert_eq!(told["success"], true);
    assert!(told["audio_url"].as_str().unwrap().contains("/assets/asset_"), "{told}");
    assert!((told["duration_seconds"].as_f64().unwrap() - 2.612).abs() < 0.05, "{told}");
    let metadata = &told["metadata"];
    assert_eq!((&metadata["provider"], &metadata["model_id"]), (&json!("openai"), &json!("tts-1")));
    assert_eq!((&metadata["voice_id"], &metadata["format"]), (&json!("alloy"), &json!("mp3")));
    assert_eq!((&metadata["character_count"], &metadata["cost_micros"]), (&json!(11), &json!(165)));
    assert_eq!(told["request_id"], answer.header("x-request-id"));
    assert_eq!(answer.header("x-de-cost-micros"), "165");
    assert!(told["asset_id"].as_str().unwrap().starts_with("asset_"));
    let sent = gateway.sent().1;
    assert_eq!(
        sent,
        json!({"model": "tts-1", "input": "Hello there", "voice": "alloy",
                            "response_format": "mp3", "speed": 1})
    );
    let receipt = gateway.receipt(&answer).await;
    assert_eq!((&receipt["status"], &receipt["characters"]), (&json!("ok"), &json!(11)));
    // Without a voice, the model's own is told.
    gateway.vendor(long());
    let body = json!({"text": "Hello there", "model_id": "eleven_multilingual_v2"});
    let answer = gateway.audio.post("/synthesize", &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["metadata"]["voice_id"], "21m00Tcm4TlvDq8ikWAM");
}

#[tokio::test(start_paused = true)]
async fn no_link_outlives_its_file() {
    let gateway = Gateway::new().await;
    gateway.test.sql("UPDATE instances SET retention_days = 1", &[]).await;
    gateway.vendor(long().head_after(Duration::from_secs(2)));
    let body = json!({"text": "Hello there", "voice_id": "alloy", "model_id": "tts-1"});
    let send = async || {
        let request = gateway.audio.request(Method::POST, "/synthesize").json(&body);
        request.header("idempotency-key", "k1").send().await.unwrap()
    };
    // The client leaves, and comes for its file half a day later.
    assert!(tokio::time::timeout(Duration::from_secs(1), send()).await.is_err());
    gateway.test.background.join_all().await;
    tokio::time::sleep(Duration::from_secs(43_200)).await;
    let answer = send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let kept = gateway.test.sql("SELECT expires_at FROM assets", &[]).await;
    let ends_s = kept[0]["expires_at"].as_i64().unwrap() / 1_000;
    let url = answer.json()["audio_url"].as_str().unwrap().to_owned();
    assert!(url.contains(&format!("expires={ends_s}&")), "{url} {ends_s}");
}

/// Nobody knows what it made: it costs what it would, in the unit that the model is billed by.
#[tokio::test(start_paused = true)]
async fn speech_in_tokens_that_never_comes_has_a_cost() {
    let gateway = Gateway::new().await;
    let ours = "gpt-4o-mini-tts";
    let rows = [
        (ours, vec![Answer::ok().head_after(Duration::from_secs(3_600))]),
        (ours, vec![Answer::ok().chunk("<html>")]),
        // As a fallback of one that is billed by the character.
        ("tts-1", vec![Answer::json(500, &json!({})), Answer::ok().chunk("<html>")]),
    ];
    for (model, theirs) in rows {
        for theirs in theirs {
            gateway.vendor(theirs);
        }
        // 150 characters, at 15 a second, are ten seconds.
        let body = json!({"text": "Hello ".repeat(25), "model_id": model});
        let request = gateway.audio.request(Method::POST, "/synthesize").json(&body);
        let answer = request.header("x-de-fallback", ours).send().await.unwrap();
        assert!(answer.status >= 500, "{}", answer.text());
        let receipt = gateway.receipt(&answer).await;
        let told = (&receipt["status"], &receipt["estimated"], &receipt["characters"]);
        assert_eq!(told, (&json!("failed"), &json!(1), &json!(0)), "{receipt}");
        assert_eq!(receipt["audio_output_tokens"], 209);
        assert!(receipt["cost_micros"].as_i64().unwrap() > 209 * 12, "{receipt}");
        assert_eq!(gateway.test.fetch.left(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn who_does_not_wait_gets_the_job() {
    let gateway = Gateway::new().await;
    gateway.vendor(long());
    let body = json!({"text": "Hello there", "model_id": "tts-1"});
    let request = gateway.audio.request(Method::POST, "/synthesize").json(&body);
    let answer = request.header("prefer", "wait=5, respond-async").send().await.unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text());
    let told: Value = answer.json();
    assert!(told["job_id"].as_str().unwrap().starts_with("job_"));
    assert!(answer.header("location").ends_with(told["job_id"].as_str().unwrap()));
    assert_eq!(answer.header("preference-applied"), "respond-async");
}

#[tokio::test(start_paused = true)]
async fn faults_are_named_and_booked() {
    let gateway = Gateway::new().await;
    let rows = [
        (json!({"text": "x".repeat(5_001), "model_id": "tts-1"}), "/text"),
        (json!({"model_id": "tts-1"}), "/text"),
        (json!({"text": "x", "model_id": "tts-1", "voice": "v"}), "/voice"),
        (
            json!({"text": "x", "model_id": "tts-1", "options": {"stability": 0.5}}),
            "/options/stability",
        ),
        (
            json!({"text": "x", "model_id": "tts-1", "options": {"output_format": "ulaw_8000"}}),
            "/options/output_format",
        ),
        (json!({"text": "x", "model_id": "eleven_v4", "voice_id": "a/b"}), "/voice_id"),
    ];
    for (body, field) in rows {
        let answer = gateway.audio.post("/synthesize", &body).await.unwrap();
        assert_eq!(answer.status, 400, "{field}: {}", answer.text());
        let told = answer.json();
        assert_eq!(told["error_code"], "VALIDATION_ERROR");
        assert_eq!(told["details"]["fields"][0]["field"], field);
        assert_eq!(gateway.receipt(&answer).await["status"], "failed");
    }
    assert_eq!(gateway.test.fetch.sent().len(), 0);
    let listens = json!({"text": "x", "model_id": "whisper-1"});
    let answer = gateway.audio.post("/synthesize", &listens).await.unwrap();
    assert_eq!(answer.json()["error_code"], "MODEL_CAPABILITY", "{}", answer.text());
}
