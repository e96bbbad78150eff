//! Speech in OpenAI's and in ElevenLabs' protocol.

use std::time::Duration;

use de_testkit::{
    client::{TestClient, TestResponse},
    fetch::Answer,
};
use http::Method;
use serde_json::{Value, json};

use crate::gateway::{Gateway, mp3_frame, sound};

const TEXT: &str = "Hello there";

fn body(model: &str) -> Value {
    json!({"model": model, "input": TEXT, "voice": "alloy"})
}

async fn speak(client: &TestClient, body: &Value) -> TestResponse {
    client.post("/v1/audio/speech", body).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn sound_passes_and_characters_are_billed() {
    let gateway = Gateway::new().await;
    gateway.vendor(sound());
    let mut asked = body("tts-1");
    asked["new"] = json!(1);
    let answer = speak(&gateway.audio, &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "audio/mpeg");
    assert_eq!(answer.body, [mp3_frame(), mp3_frame()].concat());
    assert_eq!(answer.header("x-de-model"), "tts-1");
    assert_eq!(answer.header("x-de-provider"), "openai");
    // 11 characters at 15 micro-dollars.
    assert_eq!(answer.header("x-de-cost-micros"), "165");
    assert!(answer.header("server-timing").contains("upstream"));
    let (url, sent) = gateway.sent();
    assert!(url.ends_with("/v1/audio/speech"), "{url}");
    // What we do not know of its own protocol, its vendor gets.
    assert_eq!(sent, json!({"model": "tts-1", "input": TEXT, "voice": "alloy", "new": 1}));
    let receipt = gateway.receipt(&answer).await;
    assert_eq!(receipt["status"], "ok");
    assert_eq!((&receipt["characters"], &receipt["cost_micros"]), (&json!(11), &json!(165)));
    assert_eq!((&receipt["estimated"], &receipt["response_bytes"]), (&json!(0), &json!(834)));
}

#[tokio::test(start_paused = true)]
async fn other_vendors_speak_the_same_call() {
    let gateway = Gateway::new().await;
    let mut asked = body("eleven_flash_v2_5");
    (asked["response_format"], asked["speed"], asked["new"]) = (json!("pcm"), json!(1.1), json!(1));
    asked["voice"] = json!("21m00Tcm4TlvDq8ikWAM");
    let pcm = Answer::ok().header("content-type", "audio/pcm").header("character-cost", "6");
    gateway.vendor(pcm.chunk(vec![0_u8; 64]));
    let answer = speak(&gateway.audio, &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "audio/pcm");
    assert_eq!(answer.header("x-de-dropped"), "new");
    let (url, sent) = gateway.sent();
    let place = "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM/stream?output_format=pcm_24000";
    assert!(url.ends_with(place), "{url}");
    let model = "eleven_flash_v2_5";
    assert_eq!(sent, json!({"text": TEXT, "model_id": model, "voice_settings": {"speed": 1.1}}));
    // The vendor's own count is the bill.
    assert_eq!(gateway.receipt(&answer).await["characters"], 6);
    // A mapping, in its own words.
    asked["model"] = json!("eleven_multilingual_v2");
    asked.as_object_mut().unwrap().shift_remove("new");
    gateway.vendor(Answer::ok().chunk(vec![0_u8; 64]));
    let answer = speak(&gateway.audio, &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "audio/pcm");
    let (url, sent) = gateway.sent();
    assert!(
        url.contains("/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM?output_format=pcm_24000"),
        "{url}"
    );
    assert_eq!(sent["voice_settings"]["speed"], 1.1);
}

#[tokio::test(start_paused = true)]
async fn what_a_vendor_cannot_make_is_refused_by_its_member() {
    let gateway = Gateway::new().await;
    let rows = [
        ("eleven_flash_v2_5", "response_format", json!("aac"), "response_format"),
        ("eleven_flash_v2_5", "instructions", json!("Low."), "instructions"),
        ("eleven_flash_v2_5", "stream_format", json!("sse"), "stream_format"),
        ("eleven_flash_v2_5", "voice", json!("../user"), "voice"),
        ("tts-1", "input", json!("x".repeat(4_097)), "input"),
        ("tts-1", "speed", json!(9), "speed"),
    ];
    for (model, name, value, param) in rows {
        let mut asked = body(model);
        asked[name] = value;
        let answer = speak(&gateway.audio, &asked).await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.text());
        let error = &answer.json()["error"];
        assert_eq!((&error["code"], &error["param"]), (&json!("validation_error"), &json!(param)));
        assert_eq!(gateway.receipt(&answer).await["cost_micros"], 0);
    }
    assert_eq!(gateway.test.fetch.sent().len(), 0);
    for model in ["whisper-1", "gpt-4o-mini"] {
        let answer = speak(&gateway.audio, &body(model)).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.json()["error"]["code"], "model_capability", "{model}");
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_that_nobody_tells_are_guessed_by_the_length_of_the_sound() {
    let gateway = Gateway::new().await;
    // 200 frames of 1152 samples at 44.1 kHz are 5.22 s: 109 tokens of 1,250 a minute.
    gateway.vendor(Answer::ok().chunk(mp3_frame().repeat(200)));
    let answer = speak(&gateway.audio, &body("gpt-4o-mini-tts")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-de-cost-micros"), "", "it is not known yet");
    let receipt = gateway.receipt(&answer).await;
    assert_eq!((&receipt["estimated"], &receipt["input_tokens"]), (&json!(1), &json!(2)));
    assert_eq!(receipt["audio_output_tokens"], 109);
    // 2 × 0.6 + 109 × 12.
    assert_eq!(receipt["cost_micros"], 1_309);
}

#[tokio::test(start_paused = true)]
async fn events_pass_as_they_are_and_tell_what_was_used() {
    let gateway = Gateway::new().await;
    let delta = r#"{"type":"speech.audio.delta","audio":"SUQz"}"#;
    let done = r#"{"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}}"#;
    gateway.vendor(Answer::events().event(delta).event(done));
    let mut asked = body("gpt-4o-mini-tts");
    asked["stream_format"] = json!("sse");
    let answer = speak(&gateway.audio, &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.header("content-type").starts_with("text/event-stream"));
    assert_eq!(answer.text(), format!("data: {delta}\n\ndata: {done}\n\n"));
    let receipt = gateway.receipt(&answer).await;
    assert_eq!(
        (&receipt["input_tokens"], &receipt["audio_output_tokens"]),
        (&json!(14), &json!(101))
    );
    assert_eq!((&receipt["estimated"], &receipt["streamed"]), (&json!(0), &json!(1)));
    // One that breaks off says so in its own form.
    gateway.vendor(Answer::events().event(delta).break_off());
    let answer = speak(&gateway.audio, &asked).await;
    let last = answer.events().pop().unwrap();
    assert!(last.data.contains("provider_error"), "{}", last.data);
    assert_eq!(gateway.receipt(&answer).await["status"], "cut");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_sound_has_no_head() {
    let gateway = Gateway::new().await;
    let page = Answer::ok().header("content-type", "audio/mpeg").chunk("<html>Busy</html>");
    let error = Answer::json(200, &json!({"error": {"message": "No."}}));
    for answer in [page, error, Answer::ok()] {
        gateway.vendor(answer);
        let answer = speak(&gateway.audio, &body("tts-1")).await;
        assert_eq!(answer.status, 502, "{}", answer.text());
        assert_eq!(answer.json()["error"]["code"], "provider_malformed");
        assert_eq!(answer.header("x-should-retry"), "false");
        assert_eq!(gateway.receipt(&answer).await["status"], "failed");
    }
    // A vendor that is silent after its head is late, and has none either.
    gateway.vendor(Answer::ok().hang());
    let answer = speak(&gateway.audio, &body("tts-1")).await;
    assert_eq!(answer.status, 504, "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn sound_that_breaks_off_is_broken_for_the_caller_too() {
    let gateway = Gateway::new().await;
    for answer in [
        Answer::ok().chunk(mp3_frame()).break_off(),
        Answer::ok().chunk(mp3_frame()).pause(Duration::from_secs(61)).chunk(mp3_frame()),
    ] {
        gateway.vendor(answer);
        let answer = speak(&gateway.audio, &body("tts-1")).await;
        assert!(answer.broken && answer.body == mp3_frame());
        let receipt = gateway.receipt(&answer).await;
        assert_eq!((&receipt["status"], &receipt["http_status"]), (&json!("cut"), &json!(200)));
        assert_eq!((&receipt["characters"], &receipt["estimated"]), (&json!(11), &json!(1)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_ends_the_call() {
    let gateway = Gateway::new().await;
    gateway.vendor(Answer::ok().chunk(mp3_frame()).hang());
    let request = gateway.audio.request(Method::POST, "/v1/audio/speech").json(&body("tts-1"));
    let mut stream = request.stream().await.unwrap();
    assert_eq!(stream.next_chunk().await.unwrap(), mp3_frame());
    let headers = stream.headers.clone();
    drop(stream);
    let left = TestResponse { body: bytes::Bytes::new(), broken: true, headers, status: 200 };
    let receipt = gateway.receipt(&left).await;
    assert_eq!((&receipt["status"], &receipt["http_status"]), (&json!("cancelled"), &json!(499)));
    assert!(gateway.test.fetch.sent()[0].is_closed());
}

#[tokio::test(start_paused = true)]
async fn elevenlabs_callers_find_their_own_protocol() {
    let gateway = Gateway::new().await;
    let key = gateway.test.tenant.client_key.expose();
    let theirs = TestClient::of_router(de_audio::router(gateway.test.another_isolate()));
    let theirs = theirs.with_header("xi-api-key", key).unwrap();
    let answered = || sound().header("character-cost", "11").header("request-id", "el_1");
    for (end, model) in [("", "eleven_v4"), ("/stream", "eleven_flash_v2_5")] {
        gateway.vendor(answered());
        let path = format!(
            "/v1/text-to-speech/voice1{end}?output_format=mp3_22050_32&enable_logging=false"
        );
        let asked = json!({"text": TEXT, "model_id": model, "new": 1,
                           "voice_settings": {"stability": 0, "new": 2}});
        let answer = theirs.post(&path, &asked).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), "audio/mpeg");
        assert_eq!(answer.header("request-id"), "el_1");
        assert_eq!(answer.header("character-cost"), "11");
        let (url, sent) = gateway.sent();
        assert!(url.ends_with(&path), "{url}");
        assert_eq!(sent, asked);
        let receipt = gateway.receipt(&answer).await;
        assert_eq!(receipt["operation"], format!("POST /v1/text-to-speech/{{voice_id}}{end}"));
    }
    // Without a model it is the protocol's own.
    gateway.vendor(answered());
    let answer = theirs.post("/v1/text-to-speech/voice1", &json!({"text": TEXT})).await.unwrap();
    assert_eq!(answer.header("x-de-model"), "eleven_multilingual_v2", "{}", answer.text());
    // Another vendor speaks it too.
    gateway.vendor(sound());
    let asked = json!({"text": TEXT, "model_id": "tts-1"});
    let path = "/v1/text-to-speech/alloy?output_format=mp3_44100_128";
    let answer = theirs.post(path, &asked).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = gateway.sent().1;
    assert_eq!((&sent["voice"], &sent["response_format"]), (&json!("alloy"), &json!("mp3")));
    assert!(answer.header("request-id").len() > 10, "ours, as the vendor has none");
}

#[tokio::test(start_paused = true)]
async fn elevenlabs_callers_find_their_own_errors() {
    let gateway = Gateway::new().await;
    let asked = json!({"text": TEXT, "model_id": "eleven_v4"});
    let rows = [
        ("/v1/text-to-speech/a.b", 400, "validation_error"),
        ("/v1/text-to-speech/..%2Fuser", 400, "validation_error"),
        ("/v1/text-to-speech/v?output_format=mp9", 400, "validation_error"),
        ("/v1/text-to-speech/v?new=1", 400, "validation_error"),
        ("/v1/text-to-speech/v/with-timestamps", 501, "not_implemented"),
        ("/v1/text-to-speech/v/stream/with-timestamps", 501, "not_implemented"),
    ];
    for (path, status, code) in rows {
        let answer = gateway.audio.post(path, &asked).await.unwrap();
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        let detail = &answer.json()["detail"];
        assert_eq!((&detail["code"], &detail["status"]), (&json!(code), &json!(code)));
        assert_eq!(detail["request_id"], answer.header("x-request-id"));
        assert!(detail["message"].is_string() && detail["type"].is_string());
    }
    assert_eq!(gateway.test.fetch.sent().len(), 0);
    let detail =
        |code: &str, message: &str| json!({"detail": {"status": code, "message": message}});
    let rows = [
        (404, detail("voice_not_found", "No."), 400, "invalid_request"),
        (401, detail("quota_exceeded", "No."), 502, "provider_error"),
        (401, detail("invalid_api_key", "No."), 502, "provider_auth"),
        (
            422,
            json!({"detail": [{"loc": ["body"], "msg": "No.", "type": "x"}]}),
            400,
            "invalid_request",
        ),
    ];
    for (theirs, body, ours, code) in rows {
        gateway.vendor(Answer::json(theirs, &body));
        let answer = gateway.audio.post("/v1/text-to-speech/v", &asked).await.unwrap();
        assert_eq!(answer.status, ours, "{body}: {}", answer.text());
        assert_eq!(answer.json()["detail"]["code"], code, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_voice_stays_with_its_vendor() {
    let gateway = Gateway::new().await;
    gateway.change("tts-1", "$.fallbacks", &json!(["eleven_v4", "gpt-4o-mini-tts"])).await;
    let down = json!({"error": {"message": "No.", "type": "x", "param": null, "code": null}});
    gateway.vendor(Answer::json(401, &down));
    gateway.vendor(sound());
    let answer = speak(&gateway.isolate(), &body("tts-1")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-de-model"), "gpt-4o-mini-tts", "ElevenLabs has no alloy");
    assert_eq!(answer.header("x-de-attempts"), "2");
}
