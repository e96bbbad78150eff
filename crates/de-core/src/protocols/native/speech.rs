//! Our own body for speech: `POST /synthesize`.
//!
//! Options are by the names that payload mappings use. Those that all vendors agree on are checked here;
//! the others are the vendor's to take or to refuse by name.

use serde_json::{Map, Value};

use crate::{
    calls::SpeechCall,
    protocols::{
        FieldIssue,
        fields::{Fields, Issues},
    },
};

/// The longest text, in characters.
pub const LONGEST: usize = 5_000;

const KNOWN: [&str; 7] =
    ["instance_id", "model", "model_id", "options", "project_id", "text", "voice_id"];

/// A request, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SynthesizeRequest {
    /// In the canonical form.
    pub call: SpeechCall,
    /// The instance that the body names.
    pub instance_id: Option<String>,
    /// The model or alias; absent: the instance's default.
    pub model_id: Option<String>,
    /// The project that the body names.
    pub project_id: Option<String>,
}

impl SynthesizeRequest {
    /// Reads a body. Unknown members are refused by name.
    ///
    /// # Errors
    /// Every issue found.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldIssue>> {
        let mut issues = Issues::default();
        let body = Fields::root(body);
        body.refuse_unknown(&KNOWN, &mut issues);
        let text = body.required_string("text", &mut issues).unwrap_or_default();
        let length = text.chars().count();
        if body.has("text") && text.trim().is_empty() {
            issues.add("/text", "must not be blank");
        } else if length > LONGEST {
            issues.add("/text", format!("has {length} characters; at most {LONGEST} are spoken"));
        }
        let voice = body.string("voice_id", &mut issues);
        if voice.is_some_and(|voice| voice.is_empty() || voice.len() > 200) {
            issues.add("/voice_id", "expected 1 to 200 bytes");
        }
        let mut call = SpeechCall {
            text: text.to_owned(),
            voice: voice.map(str::to_owned),
            ..SpeechCall::default()
        };
        if let Some(options) = body.object("options", &mut issues) {
            for name in ["similarity_boost", "stability", "style"] {
                options.number(name, 0.0..=1.0, &mut issues);
            }
            options.number("speed", 0.25..=4.0, &mut issues);
            options.boolean("use_speaker_boost", &mut issues);
            if options.has("stream_format") {
                issues.add("/options/stream_format", "this answer is no stream");
            }
            call.format = options.string("output_format", &mut issues).map(str::to_owned);
            call.options = options.others(&["output_format"]);
        }
        let model_id = super::model(&body, &mut issues);
        let instance_id = body.string("instance_id", &mut issues).map(str::to_owned);
        let project_id = body.string("project_id", &mut issues).map(str::to_owned);
        issues.or(Self { call, instance_id, model_id, project_id })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<SynthesizeRequest, Vec<String>> {
        SynthesizeRequest::parse(body.as_object().unwrap())
            .map_err(|issues| issues.into_iter().map(|issue| issue.pointer).collect())
    }

    #[test]
    fn a_body_is_read() {
        let read = parse(&json!({
            "text": "Hi.", "voice_id": "v", "model": "tts-1", "instance_id": "inst_1",
            "options": {"stability": 0, "output_format": "pcm_16000", "new": 1},
        }))
        .unwrap();
        assert_eq!(read.model_id.as_deref(), Some("tts-1"));
        assert_eq!(read.instance_id.as_deref(), Some("inst_1"));
        assert_eq!(read.call.format.as_deref(), Some("pcm_16000"));
        assert_eq!(read.call.voice.as_deref(), Some("v"));
        assert_eq!(Value::Object(read.call.options), json!({"stability": 0, "new": 1}));
    }

    #[test]
    fn every_fault_is_named() {
        let body = json!({
            "text": " ", "voice_id": "", "voice": "v", "model_id": "a", "model": "b",
            "options": {"stability": 2, "speed": 5, "use_speaker_boost": 1, "stream_format": "sse"},
        });
        let pointers = [
            "/voice",
            "/text",
            "/voice_id",
            "/options/stability",
            "/options/speed",
            "/options/use_speaker_boost",
            "/options/stream_format",
            "/model",
        ];
        assert_eq!(parse(&body).unwrap_err(), pointers);
        assert_eq!(parse(&json!({"text": "x".repeat(5_001)})).unwrap_err(), ["/text"]);
        assert!(parse(&json!({"text": "é".repeat(5_000)})).is_ok());
    }
}
