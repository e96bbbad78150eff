use de_simulator::Vendor;
use serde_json::{Value, json};

use crate::client::{Rig, answer, stream};

const OPENAI: &str = "/audio/transcriptions";
const ELEVENLABS: &str = "/v1/speech-to-text";

/// Silence as WAV: 16,000 bytes are a second.
fn recording(bytes: u32) -> Vec<u8> {
    let mut file = Vec::from(*b"RIFF");
    file.extend((36 + bytes).to_le_bytes());
    file.extend(*b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1F\0\0\x80\x3E\0\0\x02\0\x10\0data");
    file.extend(bytes.to_le_bytes());
    file.resize(file.len() + bytes as usize, 0);
    file
}

#[tokio::test]
async fn each_model_counts_in_its_own_way() {
    let rig = Rig::start().await;
    let file = recording(38_400);
    let ask =
        |vendor, model| answer(rig.form(vendor, OPENAI, &[("model", model)], ("hello.wav", &file)));
    let (status, body) = ask(Vendor::OpenAi, "gpt-transcribe").await;
    let usage = json!({ "type": "duration", "seconds": 2.4 });
    let languages = json!([{ "language": "en" }]);
    let expected = json!({ "text": "You said: hello", "languages": languages, "usage": usage });
    assert_eq!((status, body), (200, expected));
    let (_, body) = ask(Vendor::OpenAi, "whisper-1").await;
    assert_eq!(body["usage"], json!({ "type": "duration", "seconds": 3 }));
    let (_, body) = ask(Vendor::OpenAi, "gpt-4o-mini-transcribe").await;
    assert_eq!(body["usage"]["input_token_details"]["audio_tokens"], 24);
    assert_eq!(body["usage"]["total_tokens"], 29);
    let (status, body) = ask(Vendor::Groq, "whisper-large-v3-turbo").await;
    assert_eq!((status, &body["text"]), (200, &json!("You said: hello")));
    assert!(body["x_groq"]["id"].is_string() && body["usage"].is_null());
}

#[tokio::test]
async fn whisper_writes_in_five_formats() {
    let rig = Rig::start().await;
    let file = recording(48_000);
    for (format, kind, start) in [
        ("json", "application/json", "{\"text\":\"You said: hello\""),
        ("text", "text/plain; charset=utf-8", "You said: hello\n"),
        ("srt", "text/plain; charset=utf-8", "1\n00:00:00,000 --> 00:00:03,000\nYou said: hello"),
        ("vtt", "text/plain; charset=utf-8", "WEBVTT\n\n00:00:00.000 --> 00:00:03.000\nYou"),
        ("verbose_json", "application/json", "{\"task\":\"transcribe\",\"language\":\"english\""),
    ] {
        let fields = [("model", "whisper-1"), ("response_format", format)];
        let request = rig.form(Vendor::OpenAi, OPENAI, &fields, ("hello.wav", &file));
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], kind);
        let text = response.text().await.unwrap();
        assert!(text.starts_with(start), "{text}");
    }
    let fields = [
        ("model", "whisper-1"),
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
        ("temperature", "0.5"),
    ];
    let (_, body) = answer(rig.form(Vendor::OpenAi, OPENAI, &fields, ("hello.wav", &file))).await;
    assert_eq!(body["words"][2], json!({ "word": "hello", "start": 2.0, "end": 3.0 }));
    assert_eq!(body["segments"][0]["temperature"], 0.5);
    assert_eq!(body["duration"], 3.0);
}

#[tokio::test]
async fn a_transcription_can_be_streamed() {
    let rig = Rig::start().await;
    let fields = [("model", "gpt-transcribe"), ("stream", "true")];
    let file = recording(16_000);
    let events = stream(rig.form(Vendor::OpenAi, OPENAI, &fields, ("hello.wav", &file))).await;
    let deltas: Vec<&Value> = events.iter().filter(|event| event["delta"].is_string()).collect();
    assert_eq!((deltas.len(), &deltas[0]["type"]), (3, &json!("transcript.text.delta")));
    let done = events.last().unwrap();
    assert_eq!(
        (&done["type"], &done["text"]),
        (&json!("transcript.text.done"), &json!("You said: hello"))
    );
    assert_eq!(done["usage"]["seconds"], 1.0);
}

#[tokio::test]
async fn openai_refuses_forms_and_files_that_are_none() {
    let rig = Rig::start().await;
    let good = recording(16_000);
    let large = recording(26_300_000);
    for (fields, name, file, status, code) in [
        (&[("model", "whisper-1")][..], "a.txt", &good, 400, Value::Null),
        (&[("model", "whisper-1")], "a.wav", &b"<html>".to_vec(), 400, json!("unsupported_value")),
        (&[("model", "whisper-1")], "a.wav", &recording(800), 400, json!("audio_too_short")),
        (&[("model", "whisper-1")], "a.wav", &large, 413, Value::Null),
        (&[], "a.wav", &good, 400, json!("missing_required_parameter")),
        (&[("model", "whisper-2")], "a.wav", &good, 404, json!("model_not_found")),
        (&[("model", "whisper-1"), ("mood", "1")], "a.wav", &good, 400, json!("unknown_parameter")),
        (
            &[("model", "whisper-1"), ("temperature", "x")],
            "a.wav",
            &good,
            400,
            json!("invalid_type"),
        ),
        (
            &[("model", "gpt-transcribe"), ("response_format", "srt")],
            "a.wav",
            &good,
            400,
            json!("unsupported_value"),
        ),
        (
            &[("model", "whisper-1"), ("timestamp_granularities[]", "word")],
            "a.wav",
            &good,
            400,
            json!("unsupported_parameter"),
        ),
        (
            &[("model", "whisper-1"), ("prompt", "fail:503")],
            "a.wav",
            &good,
            503,
            json!("server_is_overloaded"),
        ),
        (&[("model", "whisper-1")], "fail:503.wav", &good, 503, json!("server_is_overloaded")),
    ] {
        let request = rig.form(Vendor::OpenAi, OPENAI, fields, (name, file));
        let (got, body) = answer(request).await;
        assert_eq!((got, &body["error"]["code"]), (status, &code), "{fields:?} {name} {body}");
    }
    let request = rig.post(Vendor::OpenAi, OPENAI).json(&json!({ "model": "whisper-1" }));
    assert_eq!(answer(request).await.0, 400);
    let groq = [("model", "whisper-large-v3-turbo"), ("response_format", "srt")];
    assert_eq!(answer(rig.form(Vendor::Groq, OPENAI, &groq, ("a.wav", &good))).await.0, 400);
}

#[tokio::test]
async fn forms_are_recorded_without_their_files() {
    let rig = Rig::start().await;
    let fields = [("model", "whisper-1"), ("prompt", "Hi")];
    answer(rig.form(Vendor::OpenAi, OPENAI, &fields, ("a.wav", &recording(16_000)))).await;
    let record = rig.recorded(|record| record.finished).await;
    assert_eq!(record.body["fields"], json!([["model", "whisper-1"], ["prompt", "Hi"]]));
    let file = &record.body["files"][0];
    assert_eq!((&file["file_name"], &file["size_bytes"]), (&json!("a.wav"), &json!(16_044)));
    assert_eq!(record.prompt.as_deref(), Some("Hi a"));
}

#[tokio::test]
async fn elevenlabs_tells_every_word_and_when() {
    let rig = Rig::start().await;
    let file = recording(48_000);
    let fields = [("model_id", "scribe_v2"), ("diarize", "true")];
    let request = rig.form(Vendor::ElevenLabs, ELEVENLABS, &fields, ("hello.wav", &file));
    let (status, body) = answer(request).await;
    assert_eq!((status, &body["text"]), (200, &json!("You said: hello")));
    assert_eq!(body["language_code"], "eng");
    let words = body["words"].as_array().unwrap();
    assert_eq!((words.len(), &words[1]["type"]), (5, &json!("spacing")));
    assert_eq!((&words[4]["text"], &words[4]["end"]), (&json!("hello"), &json!(3.0)));
    assert_eq!(words[0]["speaker_id"], "speaker_0");
    for (fields, file, status, pointer, said) in [
        (&[("model_id", "scribe_x")][..], &file, 400, "/detail/code", "invalid_model_id"),
        (&[], &file, 422, "/detail/0/type", "missing"),
        (
            &[("model_id", "scribe_v2"), ("num_speakers", "40")],
            &file,
            422,
            "/detail/0/type",
            "less_than_equal",
        ),
        (&[("model_id", "scribe_v2")], &b"<html>".to_vec(), 400, "/detail/code", "invalid_audio"),
        (
            &[("model_id", "scribe_v2"), ("keyterms", "fail:429")],
            &file,
            429,
            "/detail/code",
            "concurrent_limit_exceeded",
        ),
    ] {
        let request = rig.form(Vendor::ElevenLabs, ELEVENLABS, fields, ("a.wav", file));
        let (got, body) = answer(request).await;
        assert_eq!((got, body.pointer(pointer)), (status, Some(&json!(said))), "{body}");
    }
}
