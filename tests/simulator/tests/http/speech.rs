use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use de_simulator::Vendor;
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::client::{Rig, answer, header, stream, with};

const SPEECH: &str = "/audio/speech";
const VOICE: &str = "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM";

/// A second of speech: 78 characters.
fn said(members: Value) -> Value {
    let input = "a".repeat(78);
    with(json!({ "model": "gpt-4o-mini-tts", "voice": "alloy", "input": input }), members)
}

#[tokio::test]
async fn every_format_comes_without_a_length() {
    let rig = Rig::start().await;
    for (format, content_type, start, size) in [
        (Value::Null, "audio/mpeg", &[0xFF, 0xF3][..], 42 * 384),
        (json!("mp3"), "audio/mpeg", &[0xFF, 0xF3], 42 * 384),
        (json!("opus"), "audio/opus", b"OggS", 426),
        (json!("aac"), "audio/aac", &[0xFF, 0xF1], 24 * 13),
        (json!("flac"), "audio/flac", b"fLaC", 42 + 42 * 11),
        (json!("wav"), "audio/wav", b"RIFF", 44 + 48_000),
        (json!("pcm"), "audio/pcm", &[0, 0], 48_000),
    ] {
        let body = said(json!({ "response_format": format }));
        let response = rig.post(Vendor::OpenAi, SPEECH).json(&body).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200, "{format}");
        assert_eq!(header(&response, "content-type"), content_type);
        assert_eq!(header(&response, "content-length"), "");
        let bytes = response.bytes().await.unwrap();
        assert!(bytes.starts_with(start), "{format}");
        assert_eq!(bytes.len(), size, "{format}");
    }
    let fast = said(json!({ "response_format": "pcm", "speed": 2 }));
    let response = rig.post(Vendor::OpenAi, SPEECH).json(&fast).send().await.unwrap();
    assert_eq!(response.bytes().await.unwrap().len(), 24_000);
}

#[tokio::test]
async fn the_first_bytes_come_at_once() {
    let rig = Rig::start().await;
    let body =
        with(said(json!({ "response_format": "wav" })), json!({ "input": "gap:30s, please." }));
    let response = rig.post(Vendor::OpenAi, SPEECH).json(&body).send().await.unwrap();
    let mut body = response.bytes_stream();
    let mut bytes = Vec::new();
    while bytes.len() < 44 + 1_200 {
        bytes.extend(body.next().await.unwrap().unwrap());
    }
    drop(body);
    let record = rig.recorded(|record| record.client_hung_up).await;
    assert_eq!((record.status, record.finished), (Some(200), false));
    let cut = said(json!({ "input": "cut:3", "response_format": "pcm" }));
    let response = rig.post(Vendor::OpenAi, SPEECH).json(&cut).send().await.unwrap();
    assert!(response.bytes().await.is_err());
}

#[tokio::test]
async fn events_tell_what_the_speech_costs() {
    let rig = Rig::start().await;
    let body = said(json!({ "response_format": "wav", "stream_format": "sse" }));
    let events = stream(rig.post(Vendor::OpenAi, SPEECH).json(&body)).await;
    let (done, deltas) = events.split_last().unwrap();
    let bytes = deltas.iter().flat_map(|event| {
        assert_eq!(event["type"], "speech.audio.delta");
        STANDARD.decode(event["audio"].as_str().unwrap()).unwrap()
    });
    assert_eq!(bytes.count(), 44 + 48_000);
    let usage = json!({ "input_tokens": 20, "output_tokens": 20, "total_tokens": 40 });
    assert_eq!(done, &json!({ "type": "speech.audio.done", "usage": usage }));
}

#[tokio::test]
async fn openai_refuses_what_no_model_says() {
    let rig = Rig::start().await;
    for (members, status, code) in [
        (json!({ "input": "" }), 400, "string_below_min_length"),
        (json!({ "input": "a".repeat(4_097) }), 400, "string_above_max_length"),
        (json!({ "voice": "nobody" }), 400, "invalid_value"),
        (json!({ "speed": 4.5 }), 400, "decimal_above_max_value"),
        (json!({ "response_format": "ogg" }), 400, "invalid_value"),
        (json!({ "pitch": 1 }), 400, "unknown_parameter"),
        (json!({ "model": "eleven_v4" }), 404, "model_not_found"),
        (json!({ "model": "tts-1", "instructions": "Slowly." }), 400, "unsupported_parameter"),
        (json!({ "model": "tts-1", "stream_format": "sse" }), 400, "unsupported_parameter"),
        (json!({ "model": "tts-1", "voice": "marin" }), 400, "invalid_value"),
        (json!({ "input": "refuse" }), 400, "content_policy_violation"),
        (json!({ "instructions": "fail:429" }), 429, "rate_limit_exceeded"),
    ] {
        let (got, body) =
            answer(rig.post(Vendor::OpenAi, SPEECH).json(&said(members.clone()))).await;
        assert_eq!((got, &body["error"]["code"]), (status, &json!(code)), "{members}");
    }
    let custom = said(json!({ "voice": { "id": "voice_1" }, "instructions": "Slowly." }));
    let response = rig.post(Vendor::OpenAi, SPEECH).json(&custom).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
}

#[tokio::test]
async fn elevenlabs_makes_the_format_that_was_asked_for() {
    let rig = Rig::start().await;
    let body = json!({ "text": "a".repeat(78), "model_id": "eleven_v4" });
    for (format, content_type, start, size) in [
        ("mp3_44100_64", "audio/mpeg", &[0xFF, 0xFB, 0x50][..], 39 * 208),
        ("mp3_22050_32", "audio/mpeg", &[0xFF, 0xF3, 0x40], 39 * 104),
        ("mp3_24000_48", "audio/mpeg", &[0xFF, 0xF3, 0x64], 42 * 144),
        ("pcm_16000", "audio/pcm", &[0, 0], 32_000),
        ("wav_8000", "audio/wav", b"RIFF", 44 + 16_000),
        ("opus_48000_64", "audio/opus", b"OggS", 426),
        ("ulaw_8000", "audio/basic", &[0xFF], 8_000),
        ("alaw_8000", "audio/basic", &[0xD5], 8_000),
    ] {
        for stream in ["", "/stream"] {
            let path = format!("{VOICE}{stream}?output_format={format}");
            let response = rig.post(Vendor::ElevenLabs, &path).json(&body).send().await.unwrap();
            assert_eq!(response.status().as_u16(), 200, "{path}");
            assert_eq!(header(&response, "content-type"), content_type);
            assert_eq!(header(&response, "character-cost"), "78");
            assert!(header(&response, "request-id").starts_with("el_"));
            assert_eq!(header(&response, "content-length").is_empty(), !stream.is_empty());
            let bytes = response.bytes().await.unwrap();
            assert!(bytes.starts_with(start), "{path}");
            assert_eq!(bytes.len(), size, "{path}");
        }
    }
}

#[tokio::test]
async fn elevenlabs_has_three_forms_of_errors() {
    let rig = Rig::start().await;
    let speak = |path: &str, text: &str| {
        let body = json!({ "text": text, "model_id": "eleven_v4" });
        rig.post(Vendor::ElevenLabs, path).json(&body)
    };
    let (status, body) = answer(speak(VOICE, "fail:429")).await;
    assert_eq!((status, &body["detail"]["type"]), (429, &json!("rate_limit_error")));
    let (status, body) = answer(speak(VOICE, "fail:422")).await;
    assert_eq!((status, &body["detail"][0]["loc"]), (422, &json!(["body", "text"])));
    let (status, body) = answer(speak(&format!("{VOICE}?output_format=pcm_44100"), "Hi")).await;
    let detail = &body["detail"];
    assert_eq!((status, &detail["status"]), (403, &json!("output_format_not_allowed")));
    assert_eq!((&detail["code"], &detail["type"]), (&Value::Null, &Value::Null));
}
