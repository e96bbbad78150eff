//! Speech, voices and transcripts, each in its protocols, to vendors that speak their own.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    stack::Stack,
    wait::{unique, until},
};
use de_core::media::{self, Extent, MediaType};
use de_testkit::client::{TestClient, TestResponse};
use http::Method;
use serde_json::{Value, json};

const VOICE: &str = "21m00Tcm4TlvDq8ikWAM";

async fn row(stack: &Stack, answer: &TestResponse) -> Value {
    stack.books.row(answer.header("x-request-id")).await
}

fn speech(model: &str, input: &str) -> Value {
    let voice = if model.starts_with("eleven") { VOICE } else { "alloy" };
    json!({"model": model, "input": input, "voice": voice})
}

#[tokio::test]
async fn every_model_speaks_openais_protocol() {
    let stack = Stack::ready().await;
    let client = stack.client();
    for (model, price) in [
        ("tts-1", Some(15)),
        ("gpt-4o-mini-tts", None),
        ("eleven_multilingual_v2", Some(80)),
        ("eleven_flash_v2_5", Some(40)),
    ] {
        let word = unique("speak");
        let answer = client.post("/v1/audio/speech", &speech(model, &word)).await.unwrap();
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "audio/mpeg", "{model}");
        assert_eq!(answer.header("x-de-model"), model);
        assert_eq!(media::sniff(&answer.body), Ok(MediaType::Mp3), "{model}");
        let receipt = row(&stack, &answer).await;
        assert_eq!((&receipt["status"], &receipt["modality"]), (&json!("ok"), &json!("audio")));
        let cost = receipt["cost_micros"].as_u64().unwrap();
        match price {
            Some(price) => {
                assert_eq!(cost, u64::try_from(word.len()).unwrap() * price, "{model}");
                assert_eq!(answer.header("x-de-cost-micros"), cost.to_string());
                assert_eq!(receipt["estimated"], 0);
            }
            None => assert!(cost > 0 && receipt["estimated"] == 1, "{receipt}"),
        }
        stack.vendors.only(&word).await;
    }
}

#[tokio::test]
async fn formats_are_what_was_asked_for() {
    let stack = Stack::ready().await;
    let client = stack.client();
    let rows = [
        ("tts-1", "opus", "audio/ogg"),
        ("tts-1", "aac", "audio/aac"),
        ("tts-1", "flac", "audio/flac"),
        ("tts-1", "wav", "audio/wav"),
        ("tts-1", "pcm", "audio/pcm"),
        ("eleven_flash_v2_5", "opus", "audio/ogg"),
        ("eleven_flash_v2_5", "wav", "audio/wav"),
        ("eleven_multilingual_v2", "pcm", "audio/pcm"),
    ];
    for (model, format, content_type) in rows {
        let mut body = speech(model, "Some words to be spoken.");
        body["response_format"] = json!(format);
        let answer = client.post("/v1/audio/speech", &body).await.unwrap();
        assert_eq!(answer.status, 200, "{model} {format}: {}", answer.text());
        assert_eq!(answer.header("content-type"), content_type, "{model} {format}");
    }
    let mut body = speech("eleven_flash_v2_5", "x");
    body["response_format"] = json!("flac");
    let answer = client.post("/v1/audio/speech", &body).await.unwrap();
    assert_eq!((answer.status, &answer.json()["error"]["param"]), (400, &json!("response_format")));
}

#[tokio::test]
async fn sound_comes_as_it_is_made() {
    let stack = Stack::ready().await;
    let body = speech("tts-1", &format!("gap:300ms chunks:6 {}", unique("slow")));
    let request = stack.client().request(Method::POST, "/v1/audio/speech").json(&body);
    let mut stream = request.stream().await.unwrap();
    assert_eq!(stream.status, 200);
    let began = tokio::time::Instant::now();
    let mut times = Vec::new();
    while stream.next_chunk().await.is_some() {
        times.push(began.elapsed().as_millis());
    }
    assert!(!stream.broken && times.len() > 2, "{times:?}");
    // The vendor makes pauses, and what it made before them is there.
    assert!(times[0] + 500 < *times.last().unwrap(), "{times:?}");
}

#[tokio::test]
async fn openais_events_pass_and_tell_what_was_used() {
    let stack = Stack::ready().await;
    let mut body = speech("gpt-4o-mini-tts", "Hello there, how are you?");
    body["stream_format"] = json!("sse");
    let answer = stack.client().post("/v1/audio/speech", &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let events = answer.events();
    let last: Value = serde_json::from_str(&events.last().unwrap().data).unwrap();
    assert_eq!(last["type"], "speech.audio.done");
    let receipt = row(&stack, &answer).await;
    assert_eq!((&receipt["estimated"], &receipt["streamed"]), (&json!(0), &json!(1)));
    assert_eq!(receipt["input_tokens"], last["usage"]["input_tokens"]);
    assert!(receipt["cost_micros"].as_i64().unwrap() > 0);
}

#[tokio::test]
async fn a_vendor_that_breaks_off_breaks_the_sound() {
    let stack = Stack::ready().await;
    let body = speech("tts-1", &format!("cut:1 chunks:6 {}", unique("cut")));
    let answer = stack.client().post("/v1/audio/speech", &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.broken, "{} bytes", answer.body.len());
    assert_eq!(row(&stack, &answer).await["status"], "cut");
}

#[tokio::test]
async fn a_client_that_leaves_closes_the_vendors_connection() {
    let stack = Stack::ready().await;
    let word = unique("leave");
    // Sound has no comments: that nobody listens is noticed when the vendor's next pieces cannot be written.
    let body = speech("tts-1", &format!("gap:2s chunks:20 {word}"));
    let request = stack.client().request(Method::POST, "/v1/audio/speech").json(&body);
    let mut stream = request.header("x-request-id", &word).stream().await.unwrap();
    stream.next_chunk().await;
    drop(stream);
    let record = stack.vendors.hung_up(&word).await;
    assert!(record["hung_up_after_ms"].as_u64().unwrap() < 10_000, "{record}");
    assert_eq!(stack.books.row(&word).await["status"], "cancelled");
}

#[tokio::test]
async fn vendors_failures_are_told_in_the_callers_protocol() {
    let stack = Stack::ready().await;
    let client = stack.client();
    for (fault, status, code) in [
        ("fail:400", 400, "invalid_request"),
        ("fail:401", 502, "provider_auth"),
        ("fail:429", 429, "provider_rate_limit"),
        ("fail:500", 502, "provider_error"),
    ] {
        for model in ["tts-1", "eleven_flash_v2_5"] {
            let body = speech(model, &format!("{fault} {}", unique("fault")));
            let answer = client.post("/v1/audio/speech", &body).await.unwrap();
            assert_eq!(answer.status, status, "{model} {fault}: {}", answer.text());
            assert_eq!(answer.json()["error"]["code"], code, "{model} {fault}");
        }
        let body = json!({"text": fault, "model_id": "eleven_flash_v2_5"});
        let path = format!("/v1/text-to-speech/{VOICE}");
        let answer = client.post(&path, &body).await.unwrap();
        assert_eq!(answer.json()["detail"]["code"], code, "{fault}: {}", answer.text());
    }
    let body = json!({"text": "Hello", "model_id": "eleven_flash_v2_5"});
    let answer = client.post("/v1/text-to-speech/nobody", &body).await.unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.json()["detail"]["details"]["provider_code"], "voice_not_found");
}

#[tokio::test]
async fn elevenlabs_protocol_with_their_own_header() {
    let stack = Stack::ready().await;
    let client = stack.front.clone().with_header("xi-api-key", &stack.keys.client).unwrap();
    for (end, model) in
        [("", "eleven_flash_v2_5"), ("/stream", "eleven_multilingual_v2"), ("", "tts-1")]
    {
        let voice = if model == "tts-1" { "alloy" } else { VOICE };
        let path = format!("/v1/text-to-speech/{voice}{end}?output_format=mp3_44100_128");
        let body = json!({"text": "Hello there", "model_id": model});
        let answer = client.post(&path, &body).await.unwrap();
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "audio/mpeg");
        assert!(!answer.header("request-id").is_empty());
        if model != "tts-1" {
            assert_eq!(answer.header("character-cost"), "11", "{model}");
            assert!(answer.header("request-id").starts_with("el_"), "the vendor's");
        }
        assert_eq!(row(&stack, &answer).await["status"], "ok");
    }
}

#[tokio::test]
async fn voices_are_listed_in_both_forms() {
    let stack = Stack::ready().await;
    let client = stack.client();
    let ours = client.get("/audio/voices").await.unwrap();
    assert_eq!(ours.status, 200, "{}", ours.text());
    let voices = ours.json()["voices"].as_array().unwrap().clone();
    assert!(voices.iter().any(|voice| voice["voice_id"] == VOICE && voice["name"] == "Rachel"));
    let first = client.get("/v1/voices").await.unwrap();
    assert_eq!(first.json()["voices"].as_array().unwrap().len(), voices.len());
    let page = client.get("/v2/voices?page_size=2&search=female").await.unwrap();
    assert_eq!(page.json()["voices"].as_array().unwrap().len(), 2, "{}", page.text());
    assert_eq!(page.json()["has_more"], true);
    assert_eq!(client.get("/v2/voices?who=me").await.unwrap().status, 400);
}

/// Two seconds of silence.
pub(crate) fn wav() -> Vec<u8> {
    let mut bytes = b"RIFF".to_vec();
    bytes.extend(64_036_u32.to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend([1, 0, 1, 0]);
    bytes.extend(16_000_u32.to_le_bytes());
    bytes.extend(32_000_u32.to_le_bytes());
    bytes.extend([2, 0, 16, 0]);
    bytes.extend(b"data");
    bytes.extend(64_000_u32.to_le_bytes());
    bytes.resize(44 + 64_000, 0);
    bytes
}

async fn transcribe(client: &TestClient, model: &str, format: &str, name: &str) -> TestResponse {
    let mut form = Vec::new();
    for (field, text) in [("model", model), ("response_format", format)] {
        let part =
            format!("--b\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{text}\r\n");
        form.extend_from_slice(part.as_bytes());
    }
    let head = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}.wav\"\r\n\r\n"
    );
    form.extend_from_slice(head.as_bytes());
    form.extend_from_slice(&wav());
    form.extend_from_slice(b"\r\n--b--\r\n");
    let request = client.request(Method::POST, "/v1/audio/transcriptions");
    let request = request.header("content-type", "multipart/form-data; boundary=b").body(form);
    request.send().await.unwrap()
}

#[tokio::test]
async fn recordings_are_written_down_in_every_form() {
    let stack = Stack::ready().await;
    let client = stack.client();
    for model in ["whisper-1", "scribe_v2"] {
        for format in ["json", "text", "srt", "vtt", "verbose_json"] {
            let answer = transcribe(&client, model, format, "hello").await;
            assert_eq!(answer.status, 200, "{model} {format}: {}", answer.text());
            assert!(answer.text().contains("hello"), "{model} {format}: {}", answer.text());
            let kind = if format.ends_with("json") {
                "application/json"
            } else {
                "text/plain; charset=utf-8"
            };
            assert_eq!(answer.header("content-type"), kind);
            let receipt = row(&stack, &answer).await;
            assert!(receipt["cost_micros"].as_i64().unwrap() > 0, "{model} {format}: {receipt}");
        }
    }
    let answer = transcribe(&client, "gpt-transcribe", "json", "hello").await;
    assert_eq!(answer.json()["usage"]["type"], "duration", "{}", answer.text());
    let answer = transcribe(&client, "groq/whisper-large-v3-turbo", "json", "hello").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // What a vendor cannot do, it says.
    let answer = transcribe(&client, "gpt-transcribe", "srt", "hello").await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &json!("invalid_request")));
    let answer = client.post("/v1/audio/translations", &json!({})).await.unwrap();
    assert_eq!(answer.status, 501);
}

#[tokio::test]
async fn a_file_of_speech_is_kept_and_served() {
    let stack = Stack::ready().await;
    let client = stack.client();
    let body = json!({
        "text": "Hello there", "model_id": "eleven_multilingual_v2",
        "options": {"stability": 0.3, "output_format": "mp3_44100_64"},
    });
    let answer = client.post("/audio/synthesize", &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = answer.json();
    assert_eq!(told["metadata"]["character_count"], 11);
    assert_eq!(told["metadata"]["voice_id"], VOICE);
    assert_eq!(told["metadata"]["cost_micros"], 880);
    let path = told["audio_url"].as_str().unwrap();
    let path = path.split_once("/assets/").map(|(_, rest)| format!("/assets/{rest}")).unwrap();
    let file = stack.front.get(&path).await.unwrap();
    assert_eq!((file.status, file.header("content-type")), (200, "audio/mpeg"));
    let length = media::measure(MediaType::Mp3, &Extent::whole(&file.body)).duration_ms.unwrap();
    let seconds = told["duration_seconds"].as_f64().unwrap();
    assert!((seconds * 1_000.0 - length as f64).abs() < 1.0, "{seconds} s, {length} ms");
    assert_eq!(row(&stack, &answer).await["cost_micros"], 880);
}

#[tokio::test]
async fn who_does_not_wait_finds_the_file_later() {
    let stack = Stack::ready().await;
    let client = stack.client();
    let body = json!({"text": "Hello there", "model_id": "tts-1"});
    let request = client.request(Method::POST, "/audio/synthesize").json(&body);
    let answer = request.header("prefer", "respond-async").send().await.unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text());
    let job = answer.json()["job_id"].clone();
    let kept = until("an asset of the job", async || {
        let assets = client.get("/v1/assets?kind=audio").await.unwrap().json();
        assets["data"].as_array().unwrap().iter().find(|asset| asset["job_id"] == job).cloned()
    })
    .await;
    assert_eq!(kept["content_type"], "audio/mpeg");
}
