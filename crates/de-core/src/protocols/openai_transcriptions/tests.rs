use serde_json::json;

use super::*;
use crate::{
    calls::{File, Transcript, Word},
    http::upload::{Form, Part},
    model::OnUnsupported,
};

const WAV: &[u8] = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00";

fn form(texts: &[(&str, &str)], files: &[(&str, &str, &'static [u8])]) -> Form {
    let files = files.iter().map(|(name, file_name, bytes)| Part {
        bytes: bytes::Bytes::from_static(bytes),
        claimed_type: Some("text/html".to_owned()),
        file_name: Some((*file_name).to_owned()),
        name: (*name).to_owned(),
    });
    let texts = texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    Form::of(texts.collect(), files.collect())
}

fn parse(form: Form) -> Result<OpenAiTranscriptionCall, Vec<String>> {
    OpenAiTranscriptionCall::parse(form)
        .map_err(|issues| issues.into_iter().map(|issue| issue.pointer).collect())
}

#[test]
fn a_form_is_read() {
    let texts = [
        ("model", "whisper-1"),
        ("response_format", "verbose_json"),
        ("temperature", "0.5"),
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
        ("stream", "false"),
        ("language", "en"),
        ("include[]", "logprobs"),
    ];
    let read = parse(form(&texts, &[("file", "C:\\a/my talk.mp3", WAV)])).unwrap();
    assert_eq!(read.model, "whisper-1");
    assert_eq!(read.call.temperature, Some(0.5));
    assert_eq!(read.call.timestamp_granularities, ["word", "segment"]);
    assert_eq!(read.call.extra, [("include[]".to_owned(), "logprobs".to_owned())]);
    // Its bytes are those of a WAV, whatever it is called.
    assert_eq!(read.call.file.file_name.as_deref(), Some("my talk.wav"));
    assert_eq!(read.call.file.content_type, "audio/wav");
}

#[test]
fn every_fault_of_a_form_is_named() {
    let texts = [
        ("response_format", "mp3"),
        ("temperature", "2"),
        ("timestamp_granularities[]", "word"),
        ("stream", "true"),
        ("language", "en"),
        ("language", "de"),
    ];
    let files: [(&str, &str, &[u8]); 2] =
        [("file", "a.mp3", b"<html></html>"), ("mask", "b.png", b"x")];
    let pointers = [
        "/model",
        "/response_format",
        "/temperature",
        "/timestamp_granularities",
        "/stream",
        "/language",
        "/file",
        "/mask",
    ];
    assert_eq!(parse(form(&texts, &files)).unwrap_err(), pointers);
    let none = form(&[("model", "m")], &[]);
    assert_eq!(parse(none).unwrap_err(), ["/file"]);
    let picture: &[u8] = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR";
    let picture = form(&[("model", "m")], &[("file", "a.mp3", picture)]);
    assert_eq!(parse(picture).unwrap_err(), ["/file"]);
}

fn call(format: &str) -> TranscriptionCall {
    let file = File {
        bytes: bytes::Bytes::from_static(WAV),
        content_type: "audio/wav".to_owned(),
        file_name: Some("a.wav".to_owned()),
        storage_key: None,
    };
    TranscriptionCall { file, format: format.to_owned(), ..TranscriptionCall::default() }
}

#[test]
fn a_call_becomes_a_form() {
    let call = TranscriptionCall {
        extra: vec![("include[]".to_owned(), "logprobs".to_owned())],
        language: Some("en".to_owned()),
        prompt: Some("Names.".to_owned()),
        temperature: Some(0.0),
        timestamp_granularities: vec!["word".to_owned()],
        ..call("verbose_json")
    };
    let target = super::super::test_target("whisper-1", OnUnsupported::Reject);
    let draft = TranscriptionVendor::request(&OpenAiTranscriptionsVendor, &call, &target).unwrap();
    let text = String::from_utf8_lossy(&draft.body).into_owned();
    let parts: Vec<(String, &str)> = text
        .split(" name=\"")
        .skip(1)
        .map(|part| {
            let (head, content) = part.split_once("\r\n\r\n").unwrap();
            let name = head.split('"').next().unwrap().to_owned();
            (name, content.split("\r\n").next().unwrap())
        })
        .collect();
    let names: Vec<(&str, &str)> =
        parts.iter().take(7).map(|(name, text)| (name.as_str(), *text)).collect();
    assert_eq!(
        names,
        [
            ("model", "whisper-1"),
            ("response_format", "verbose_json"),
            ("language", "en"),
            ("prompt", "Names."),
            ("temperature", "0"),
            ("timestamp_granularities[]", "word"),
            ("include[]", "logprobs"),
        ]
    );
    assert!(
        text.contains("name=\"file\"; filename=\"a.wav\"\r\ncontent-type: audio/wav\r\n\r\nRIFF")
    );
    let content_type = draft.headers["content-type"].to_str().unwrap();
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    assert!(text.starts_with(&format!("--{boundary}\r\n")));
}

#[test]
fn usage_is_seconds_or_tokens_where_it_is_told() {
    let check = |format: &str, body: &str, expected: Option<Usage>| {
        let reply =
            TranscriptionVendor::reply(&OpenAiTranscriptionsVendor, &call(format), body.as_bytes())
                .unwrap();
        assert_eq!(reply.usage, expected, "{body}");
    };
    let seconds = Usage { media_ms: 2_400, requests: 1, ..Usage::default() };
    check("json", r#"{"text": "", "usage": {"type": "duration", "seconds": 2.4}}"#, Some(seconds));
    let tokens = Usage {
        audio_input_tokens: 14,
        input_tokens: 3,
        output_tokens: 5,
        requests: 1,
        ..Usage::default()
    };
    let body = r#"{"text": "", "usage": {"type": "tokens", "input_tokens": 17, "output_tokens": 5,
                   "input_token_details": {"audio_tokens": 14, "text_tokens": 3}}}"#;
    check("json", body, Some(tokens));
    check("verbose_json", r#"{"text": "", "x_groq": {}}"#, None);
    // A count that is none loses no transcript.
    for usage in
        [r#"{"seconds": -1}"#, r#"{"seconds": 1e300}"#, r#"{"input_tokens": "17"}"#, "[]", "7"]
    {
        check("json", &format!(r#"{{"text": "", "usage": {usage}}}"#), None);
    }
    let whole = Usage { input_tokens: 17, requests: 1, ..Usage::default() };
    let odd = r#"{"text": "", "usage": {"input_tokens": 17.0, "output_tokens": -5, "input_token_details": 1}}"#;
    check("json", odd, Some(whole));
    check("srt", "1\n", None);
    let refused = TranscriptionVendor::reply(&OpenAiTranscriptionsVendor, &call("json"), b"<html>");
    assert!(refused.is_err());
}

fn heard() -> Transcript {
    let word = |text: &str, start: f64, end: f64| Word {
        end,
        logprob: Some(-0.5),
        start,
        text: text.to_owned(),
    };
    Transcript {
        language: Some("eng".to_owned()),
        text: "Hello there. Bye now".to_owned(),
        words: vec![
            word("Hello", 0.0, 0.5),
            word("there.", 0.5, 1.0),
            word("Bye", 1.0, 1.25),
            word("now", 3_725.0, 3_725.5),
        ],
    }
}

fn written(call: &TranscriptionCall) -> String {
    String::from_utf8(write(call, &heard(), Some(2.5)).to_vec()).unwrap()
}

#[test]
fn a_transcript_is_written_in_every_form() {
    let srt = "1\n00:00:00,000 --> 00:00:01,000\nHello there.\n\n\
               2\n00:00:01,000 --> 00:00:01,250\nBye\n\n\
               3\n01:02:05,000 --> 01:02:05,500\nnow\n\n";
    assert_eq!(written(&call("srt")), srt);
    assert!(
        written(&call("vtt"))
            .starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello there.\n")
    );
    assert_eq!(written(&call("text")), "Hello there. Bye now\n");
    let json: Value = serde_json::from_str(&written(&call("json"))).unwrap();
    let usage = json!({"type": "duration", "seconds": 2.5});
    assert_eq!(json, json!({"text": "Hello there. Bye now", "usage": usage}));
    let both = TranscriptionCall {
        timestamp_granularities: vec!["word".to_owned(), "segment".to_owned()],
        ..call("verbose_json")
    };
    let verbose: Value = serde_json::from_str(&written(&both)).unwrap();
    assert_eq!(verbose["language"], "english");
    assert_eq!(verbose["duration"], 2.5);
    assert_eq!(verbose["words"][1], json!({"word": "there.", "start": 0.5, "end": 1.0}));
    assert_eq!(verbose["segments"][0]["avg_logprob"], -0.5);
    assert_eq!(verbose["segments"][2]["id"], 2);
    let plain: Value = serde_json::from_str(&written(&call("verbose_json"))).unwrap();
    assert!(plain.get("words").is_none() && plain["segments"].is_array());
    assert_eq!(content_type("vtt"), "text/plain; charset=utf-8");
    assert_eq!(content_type("verbose_json"), "application/json");
}
