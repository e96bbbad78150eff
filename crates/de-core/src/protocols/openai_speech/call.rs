//! The caller's side: the body of `POST /v1/audio/speech`.

use serde_json::{Map, Value};

use super::super::{
    FieldIssue,
    fields::{Fields, Issues},
};
use crate::{calls::SpeechCall, sound};

const KNOWN: [&str; 7] =
    ["input", "instructions", "model", "response_format", "speed", "stream_format", "voice"];

/// A request, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpenAiSpeechCall {
    /// In the canonical form.
    pub call: SpeechCall,
    /// Members that are not of the protocol as we know it: they reach vendors that speak it, and no others.
    pub extra: Vec<String>,
    /// Whether the answer shall be events (`stream_format: "sse"`).
    pub in_events: bool,
    /// The model or alias.
    pub model: String,
}

impl OpenAiSpeechCall {
    /// Reads a body. How long a text may be is for the model to say.
    ///
    /// # Errors
    /// Every issue found.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldIssue>> {
        let mut issues = Issues::default();
        let body = Fields::root(body);
        let model = body.required_string("model", &mut issues).unwrap_or_default();
        let text = body.required_string("input", &mut issues).unwrap_or_default();
        if body.has("input") && text.is_empty() {
            issues.add("/input", "must not be empty");
        }
        let voice = voice(&body, &mut issues);
        let format = body.word("response_format", &sound::OPENAI, &mut issues);
        let mut options = Map::new();
        if let Some(speed) = body.number("speed", 0.25..=4.0, &mut issues) {
            options.insert("speed".to_owned(), speed.into());
        }
        if let Some(words) = body.string("instructions", &mut issues) {
            options.insert("instructions".to_owned(), words.into());
        }
        let stream_format = body.word("stream_format", &["audio", "sse"], &mut issues);
        if let Some(word) = stream_format.filter(|word| *word == "sse") {
            options.insert("stream_format".to_owned(), word.into());
        }
        let call = SpeechCall {
            format: format.map(str::to_owned),
            options,
            streamed: true,
            text: text.to_owned(),
            voice,
        };
        let extra = body.others(&KNOWN).keys().cloned().collect();
        let in_events = stream_format == Some("sse");
        issues.or(Self { call, extra, in_events, model: model.to_owned() })
    }
}

/// A name, or `{"id": "voice_…"}`.
fn voice(body: &Fields<'_>, issues: &mut Issues) -> Option<String> {
    body.require("voice", issues);
    match body.value("voice")? {
        Value::Object(_) => {
            let voice = body.object("voice", issues)?;
            voice.required_string("id", issues).map(str::to_owned)
        }
        _ => body.string("voice", issues).map(str::to_owned),
    }
}

/// Turns a vendor's issue about our fields into one about the protocol's: `/text` is `/input`.
#[must_use]
pub fn issue(issue: FieldIssue) -> FieldIssue {
    let pointer = match issue.pointer.as_str() {
        "/options/output_format" => "/response_format",
        "/text" => "/input",
        "/voice_id" => "/voice",
        other => other.strip_prefix("/options").unwrap_or(other),
    };
    FieldIssue { pointer: pointer.to_owned(), reason: issue.reason }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<OpenAiSpeechCall, Vec<String>> {
        OpenAiSpeechCall::parse(body.as_object().unwrap())
            .map_err(|issues| issues.into_iter().map(|issue| issue.pointer).collect())
    }

    #[test]
    fn a_body_is_read() {
        let read = parse(&json!({
            "model": "tts-1", "input": "Hi.", "voice": {"id": "voice_1"}, "response_format": "opus",
            "speed": 2, "instructions": null, "stream_format": "sse", "new": 1,
        }))
        .unwrap();
        assert_eq!(read.model, "tts-1");
        assert_eq!(read.call.voice.as_deref(), Some("voice_1"));
        assert_eq!(read.call.format.as_deref(), Some("opus"));
        assert_eq!(Value::Object(read.call.options), json!({"speed": 2.0, "stream_format": "sse"}));
        assert!(read.in_events && read.call.streamed);
        assert_eq!(read.extra, ["new"]);
    }

    #[test]
    fn every_fault_is_named() {
        let bad = json!({"input": "", "voice": {}, "response_format": "mp4", "speed": 5,
                         "instructions": 1, "stream_format": "ws"});
        let pointers = [
            "/model",
            "/input",
            "/voice/id",
            "/response_format",
            "/speed",
            "/instructions",
            "/stream_format",
        ];
        assert_eq!(parse(&bad).unwrap_err(), pointers);
        assert_eq!(parse(&json!({})).unwrap_err(), ["/model", "/input", "/voice"]);
    }

    #[test]
    fn issues_speak_of_the_protocols_members() {
        for (ours, theirs) in [
            ("/text", "/input"),
            ("/voice_id", "/voice"),
            ("/options/output_format", "/response_format"),
            ("/options/speed", "/speed"),
            ("", ""),
        ] {
            let of = FieldIssue { pointer: ours.to_owned(), reason: String::new() };
            assert_eq!(issue(of).pointer, theirs);
        }
    }
}
