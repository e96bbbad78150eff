//! Transcripts in OpenAI's forms.

use de_testkit::{client::TestResponse, fetch::Answer};
use http::Method;
use serde_json::{Value, json};

use crate::gateway::Gateway;

/// A second of silence: 8,000 samples of 8 bits.
fn wav() -> Vec<u8> {
    let mut bytes = b"RIFF".to_vec();
    bytes.extend(8_036_u32.to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend([1, 0, 1, 0]);
    bytes.extend(8_000_u32.to_le_bytes());
    bytes.extend(8_000_u32.to_le_bytes());
    bytes.extend([1, 0, 8, 0]);
    bytes.extend(b"data");
    bytes.extend(8_000_u32.to_le_bytes());
    bytes.resize(44 + 8_000, 0x80);
    bytes
}

async fn transcribe(gateway: &Gateway, texts: &[(&str, &str)], file: &[u8]) -> TestResponse {
    let mut form = Vec::new();
    for (name, text) in texts {
        let part =
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
        form.extend_from_slice(part.as_bytes());
    }
    let head =
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"talk.bin\"\r\n\r\n";
    form.extend_from_slice(head.as_bytes());
    form.extend_from_slice(file);
    form.extend_from_slice(b"\r\n--b--\r\n");
    let request = gateway.audio.request(Method::POST, "/v1/audio/transcriptions");
    let request = request.header("content-type", "multipart/form-data; boundary=b").body(form);
    request.send().await.unwrap()
}

fn sent(gateway: &Gateway) -> String {
    let sent = gateway.test.fetch.sent();
    String::from_utf8_lossy(&sent.last().unwrap().body).into_owned()
}

#[tokio::test(start_paused = true)]
async fn the_vendors_answer_passes_and_its_count_is_booked() {
    let gateway = Gateway::new().await;
    let theirs = json!({"text": "Hi.", "usage": {"type": "duration", "seconds": 2}, "new": 1});
    gateway.vendor(Answer::json(200, &theirs));
    let texts = [("model", "whisper-1"), ("language", "en"), ("temperature", "0")];
    let answer = transcribe(&gateway, &texts, &wav()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json(), theirs);
    assert_eq!(answer.header("x-de-cost-micros"), "200");
    let form = sent(&gateway);
    assert!(form.contains("name=\"model\"\r\n\r\nwhisper-1\r\n"), "{form}");
    assert!(form.contains("filename=\"talk.wav\"\r\ncontent-type: audio/wav\r\n"), "{form}");
    let receipt = gateway.receipt(&answer).await;
    assert_eq!((&receipt["media_ms"], &receipt["estimated"]), (&json!(2_000), &json!(0)));
    // Where it names no count, ours is booked: a second of sound.
    gateway.vendor(Answer::ok().header("content-type", "text/plain").chunk("1\n00:00\nHi.\n"));
    let texts = [("model", "whisper-1"), ("response_format", "srt")];
    let answer = transcribe(&gateway, &texts, &wav()).await;
    assert_eq!(answer.text(), "1\n00:00\nHi.\n");
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    let receipt = gateway.receipt(&answer).await;
    assert_eq!((&receipt["media_ms"], &receipt["estimated"]), (&json!(1_000), &json!(1)));
    assert_eq!(receipt["cost_micros"], 100);
}

#[tokio::test(start_paused = true)]
async fn a_model_in_tokens_serves_under_a_budget_and_is_booked_in_tokens() {
    let gateway = Gateway::new().await;
    let budget = "INSERT INTO budgets (organization_id, instance_id, scope, scope_id, period,
         amount_micros, created_at, updated_at)
         VALUES ('org_dev', 'inst_dev', 'instance', 'inst_dev', 'day', 1000000, 1, 1)";
    gateway.test.sql(budget, &[]).await;
    let pricing = json!({"currency": "USD", "input_micros_per_million_tokens": 2_500_000,
        "audio_input_micros_per_million_tokens": 6_000_000,
        "output_micros_per_million_tokens": 10_000_000});
    gateway.change("gpt-transcribe", "$.pricing", &pricing).await;
    let told = json!({"type": "tokens", "input_tokens": 12, "output_tokens": 3,
        "input_token_details": {"audio_tokens": 8, "text_tokens": 4}});
    let counted = (json!({"text": "Hi.", "usage": told}), [4, 8, 3], 0);
    // Nobody counts: a second is ten tokens heard, and four written.
    let guessed = (json!({"text": "Hi."}), [0, 10, 4], 1);
    for (theirs, tokens, estimated) in [counted, guessed] {
        gateway.vendor(Answer::json(200, &theirs));
        let answer = transcribe(&gateway, &[("model", "gpt-transcribe")], &wav()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let receipt = gateway.receipt(&answer).await;
        let classes = ["input_tokens", "audio_input_tokens", "output_tokens"];
        assert_eq!(classes.map(|class| receipt[class].as_i64().unwrap()), tokens, "{receipt}");
        assert_eq!((&receipt["estimated"], &receipt["media_ms"]), (&json!(estimated), &json!(0)));
        let [text, sound, made] = tokens;
        assert_eq!(receipt["cost_micros"], (text * 5 + sound * 12 + made * 20) / 2);
    }
}

/// The bill is in the units of the row's price, whatever the vendor counts.
#[tokio::test(start_paused = true)]
async fn a_count_that_has_no_price_is_a_guess_by_the_length() {
    let gateway = Gateway::new().await;
    let usage = json!({"type": "tokens", "input_tokens": 10, "output_tokens": 3,
        "input_token_details": {"audio_tokens": 10}});
    gateway.vendor(Answer::json(200, &json!({"text": "Hi.", "usage": usage})));
    let answer = transcribe(&gateway, &[("model", "whisper-1")], &wav()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let receipt = gateway.receipt(&answer).await;
    assert_eq!((&receipt["media_ms"], &receipt["estimated"]), (&json!(1_000), &json!(1)));
    assert_eq!(receipt["cost_micros"], 100);
}

#[tokio::test(start_paused = true)]
async fn elevenlabs_answers_in_the_same_forms() {
    let gateway = Gateway::new().await;
    let heard = json!({"language_code": "eng", "text": "Hi there.", "words": [
        {"text": "Hi", "start": 0.0, "end": 0.5, "type": "word"},
        {"text": "there.", "start": 0.5, "end": 1.0, "type": "word"}]});
    let ask = async |format: &str| {
        gateway.vendor(Answer::json(200, &heard));
        let texts = [("model", "scribe_v2"), ("response_format", format)];
        let answer = transcribe(&gateway, &texts, &wav()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer
    };
    let usage = json!({"type": "duration", "seconds": 1.0});
    assert_eq!(ask("json").await.json(), json!({"text": "Hi there.", "usage": usage}));
    assert_eq!(ask("text").await.text(), "Hi there.\n");
    assert!(
        ask("vtt").await.text().starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHi there.\n")
    );
    let answer = ask("verbose_json").await;
    let verbose = answer.json();
    assert_eq!((&verbose["language"], &verbose["duration"]), (&json!("english"), &json!(1.0)));
    assert_eq!(verbose["segments"][0]["text"], "Hi there.");
    let sent_to = gateway.test.fetch.sent().last().unwrap().url.path().to_owned();
    assert!(sent_to.ends_with("/v1/speech-to-text"));
    let receipt = gateway.receipt(&answer).await;
    assert_eq!((&receipt["media_ms"], &receipt["estimated"]), (&json!(1_000), &json!(1)));
    assert_eq!(receipt["cost_micros"], 61);
}

#[tokio::test(start_paused = true)]
async fn faults_are_named_and_nothing_is_sent() {
    let gateway = Gateway::new().await;
    let rows = [
        (vec![("model", "whisper-1"), ("stream", "true")], "validation_error", "stream"),
        (vec![("model", "scribe_v2"), ("prompt", "Names.")], "validation_error", "prompt"),
        (vec![("model", "scribe_v2"), ("keywords[]", "x")], "validation_error", "keywords[]"),
        (vec![("language", "en")], "validation_error", "model"),
        (vec![("model", "tts-1")], "model_capability", ""),
        (vec![("model", "gpt-4o-mini")], "model_capability", ""),
    ];
    for (texts, code, param) in rows {
        let answer = transcribe(&gateway, &texts, &wav()).await;
        assert_eq!(answer.status, 400, "{texts:?}: {}", answer.text());
        let error = &answer.json()["error"];
        assert_eq!(error["code"], code, "{texts:?}");
        assert_eq!(error["param"].as_str().unwrap_or_default(), param, "{texts:?}");
        gateway.receipt(&answer).await;
    }
    let answer = transcribe(&gateway, &[("model", "whisper-1")], b"<html></html>").await;
    assert_eq!((answer.status, &answer.json()["error"]["param"]), (400, &json!("file")));
    let large = vec![0; 25 * 1024 * 1024 + 1];
    let answer = transcribe(&gateway, &[("model", "whisper-1")], &large).await;
    let error = &answer.json()["error"];
    assert_eq!((answer.status, &error["code"]), (413, &json!("body_too_large")));
    assert_eq!(error["param"], "file");
    let answer = gateway.audio.post("/v1/audio/transcriptions", &json!({})).await.unwrap();
    assert_eq!(answer.status, 415);
    let answer = gateway.audio.post("/v1/audio/translations", &json!({})).await.unwrap();
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (501, &json!("not_implemented")));
    assert_eq!(gateway.test.fetch.sent().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_read_is_none() {
    let gateway = Gateway::new().await;
    for model in ["whisper-1", "scribe_v2"] {
        gateway.vendor(Answer::ok().chunk("<html>"));
        let answer = transcribe(&gateway, &[("model", model)], &wav()).await;
        assert_eq!(answer.status, 502, "{}", answer.text());
        let error: Value = answer.json();
        assert_eq!(error["error"]["code"], "provider_malformed");
        let receipt = gateway.receipt(&answer).await;
        assert_eq!((&receipt["status"], &receipt["media_ms"]), (&json!("failed"), &json!(1_000)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_recording_is_written_down_once() {
    let gateway = Gateway::new().await;
    gateway.vendor(Answer::json(200, &json!({"text": "Hi."})));
    let mut answers = Vec::new();
    for boundary in ["b", "another"] {
        let mut form = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n").into_bytes();
        form.extend_from_slice(&wav());
        form.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let request = gateway.audio.request(Method::POST, "/v1/audio/transcriptions").body(form);
        let kind = format!("multipart/form-data; boundary={boundary}");
        let request = request.header("content-type", &kind).header("idempotency-key", "k-1");
        answers.push(request.send().await.unwrap());
        gateway.test.background.join_all().await;
    }
    assert_eq!(answers[1].header("idempotency-replayed"), "true", "{}", answers[1].text());
    assert_eq!(answers[1].json(), answers[0].json());
    assert_eq!(gateway.test.fetch.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_caller_does_not_set_the_price() {
    let gateway = Gateway::new().await;
    let heard = json!({"text": "Hi there.", "words": [{"text": "Hi", "start": 0.0, "end": 7.5}]});
    let srt = "1\n00:00:00,000 --> 00:00:09,000\nHi.\n";
    // What the head says of bytes a second, and of the length of the sound.
    let forged = |a_second: u32, length: u32| {
        let mut bytes = wav();
        bytes[28..32].copy_from_slice(&a_second.to_le_bytes());
        bytes[40..44].copy_from_slice(&length.to_le_bytes());
        bytes
    };
    let rows = [
        ("scribe_v2", "json", Answer::json(200, &heard), forged(u32::MAX, 8_000), 7_500),
        ("scribe_v2", "text", Answer::json(200, &heard), forged(8_000, 1), 7_500),
        ("whisper-1", "srt", Answer::ok().chunk(srt), forged(8_000, 1), 9_000),
        ("whisper-1", "text", Answer::ok().chunk("Hi.\n"), forged(u32::MAX, 8_000), 1_000),
        // 8,044 bytes are two milliseconds of the most that sound can have.
        ("whisper-1", "text", Answer::ok().chunk("Hi.\n"), forged(8_000, 1), 2),
    ];
    for (model, format, theirs, file, media_ms) in rows {
        gateway.vendor(theirs);
        let texts = [("model", model), ("response_format", format)];
        let answer = transcribe(&gateway, &texts, &file).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let receipt = gateway.receipt(&answer).await;
        let booked = (&receipt["media_ms"], &receipt["estimated"]);
        assert_eq!(booked, (&json!(media_ms), &json!(1)), "{model} {format}");
        assert!(receipt["cost_micros"].is_number());
    }
}

#[tokio::test(start_paused = true)]
async fn a_form_is_not_read_for_whoever_may_not_send_it() {
    let gateway = Gateway::new().await;
    gateway.test.sql(r#"UPDATE api_keys SET scopes = '["text"]'"#, &[]).await;
    // It would be refused for what it is, were it read.
    let answer = gateway.isolate().post("/v1/audio/transcriptions", &json!({})).await.unwrap();
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(gateway.receipt(&answer).await["status"], "failed");
}
