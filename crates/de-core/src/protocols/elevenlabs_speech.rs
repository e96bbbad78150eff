//! ElevenLabs' text to speech, spoken with vendors and with callers.
//!
//! The answer is sound; what it costs stands in its head, in `character-cost`. Out of scope: timestamps
//! beside the sound (`/with-timestamps`).
//!
//! Follows <https://elevenlabs.io/docs/api-reference/text-to-speech/convert>.

use http::HeaderMap;
use serde_json::{Map, Value};

use super::{Draft, FieldIssue, SpeechVendor, Target, Vendor, VendorError, fields::Issues};
use crate::{calls::SpeechCall, media::RawAudio, receipt::Usage, sound};

mod call;
pub(crate) mod error;

pub use self::{
    call::{ElevenLabsSpeechCall, issue},
    error::error_type,
};

/// What speaks where the caller names no voice: Rachel, whom every account has.
const VOICE: &str = "21m00Tcm4TlvDq8ikWAM";

/// The model that the protocol has where a caller names none.
pub const MODEL: &str = "eleven_multilingual_v2";

/// The longest text, in characters, of the models that take less than the others.
const LONGEST: [(&str, usize); 1] = [(MODEL, 10_000)];
/// The longest text of all others, in characters.
const LONGEST_OTHERS: usize = 40_000;

/// Options that stand in `voice_settings`.
const SETTINGS: [&str; 6] =
    ["clone_strength", "similarity_boost", "speed", "stability", "style", "use_speaker_boost"];

/// Options that stand in the body itself.
const BODY: [&str; 9] = [
    "apply_language_text_normalization",
    "apply_text_normalization",
    "language_code",
    "next_request_ids",
    "next_text",
    "previous_request_ids",
    "previous_text",
    "pronunciation_dictionary_locators",
    "seed",
];

/// Options that stand in the query.
const QUERY: [&str; 2] = ["enable_logging", "optimize_streaming_latency"];

/// The vendor's side.
#[derive(Clone, Copy, Debug, Default)]
pub struct ElevenLabsSpeechVendor;

impl Vendor for ElevenLabsSpeechVendor {
    fn error(&self, _status: u16, body: &[u8]) -> VendorError {
        error::read(body)
    }

    fn speech(&self) -> Option<&dyn SpeechVendor> {
        Some(self)
    }
}

impl SpeechVendor for ElevenLabsSpeechVendor {
    fn request(&self, call: &SpeechCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        let mut issues = Issues::default();
        let (mut body, mut settings) = (Map::new(), Map::new());
        body.insert("text".to_owned(), call.text.as_str().into());
        body.insert("model_id".to_owned(), target.upstream_model.as_str().into());
        for (name, value) in call.options.iter().filter(|(_, value)| !value.is_null()) {
            if SETTINGS.contains(&name.as_str()) {
                settings.insert(name.clone(), value.clone());
            } else if BODY.contains(&name.as_str()) {
                body.insert(name.clone(), value.clone());
            } else if !QUERY.contains(&name.as_str()) {
                issues.unsupported(&format!("/options/{name}"), target);
            }
        }
        if !settings.is_empty() {
            body.insert("voice_settings".to_owned(), settings.into());
        }
        let path = path(call, target, &mut issues);
        issues.written(Draft::json(&path, &Value::Object(body)))
    }

    fn usual_voice(&self) -> Option<&str> {
        Some(VOICE)
    }

    fn raw(&self, call: &SpeechCall) -> Option<RawAudio> {
        sound::SoundFormat::parse(call.format.as_deref()?)?.raw()
    }

    fn relay(
        &self,
        body: &Map<String, Value>,
        call: &SpeechCall,
        target: &Target,
    ) -> Result<Draft, Vec<FieldIssue>> {
        let mut issues = Issues::default();
        let mut body = body.clone();
        body.insert("model_id".to_owned(), target.upstream_model.as_str().into());
        let path = path(call, target, &mut issues);
        issues.written(Draft::json(&path, &Value::Object(body)))
    }

    fn usage(&self, call: &SpeechCall, headers: &HeaderMap) -> Usage {
        let spoken = u64::try_from(call.text.chars().count()).unwrap_or(u64::MAX);
        Usage {
            characters: billed_characters(headers).unwrap_or(spoken),
            requests: 1,
            ..Usage::default()
        }
    }
}

/// The bill, in characters.
fn billed_characters(headers: &HeaderMap) -> Option<u64> {
    headers.get("character-cost")?.to_str().ok()?.trim().parse().ok()
}

/// Path and query, of which everything is checked: a voice is one segment, a value of the query a word
/// of a closed set.
fn path(call: &SpeechCall, target: &Target, issues: &mut Issues) -> String {
    let length = call.text.chars().count();
    let longest = LONGEST.iter().find(|(model, _)| *model == target.upstream_model);
    let longest = longest.map_or(LONGEST_OTHERS, |(_, longest)| *longest);
    if length > longest {
        issues.add("/text", format!("has {length} characters; this model takes {longest}"));
    }
    let voice = call.voice.as_deref().unwrap_or(VOICE);
    if !is_voice(voice) {
        issues.add("/voice_id", "expected 1 to 64 letters, digits, - and _");
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(word) = &call.format {
        match sound::SoundFormat::parse(word).and_then(sound::SoundFormat::for_elevenlabs) {
            Some(word) => drop(query.append_pair("output_format", word)),
            None => issues.add(
                "/options/output_format",
                format!("this model makes {}", sound::ELEVENLABS.join(", ")),
            ),
        }
    }
    match call.options.get("enable_logging") {
        None | Some(Value::Null) => {}
        Some(Value::Bool(flag)) => drop(query.append_pair("enable_logging", &flag.to_string())),
        Some(other) => issues.expected("/options/enable_logging", "a boolean", other),
    }
    match call.options.get("optimize_streaming_latency") {
        None | Some(Value::Null) => {}
        Some(level) => match level.as_u64().filter(|level| *level <= 4) {
            Some(level) => {
                query.append_pair("optimize_streaming_latency", &level.to_string());
            }
            None => {
                issues.add("/options/optimize_streaming_latency", "expected a number from 0 to 4");
            }
        },
    }
    let stream = if call.streamed { "/stream" } else { "" };
    let query = query.finish();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("/v1/text-to-speech/{voice}{stream}{mark}{query}")
}

/// Whether it can be the id of a voice: it becomes a part of a path.
#[must_use]
pub fn is_voice(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{model::OnUnsupported, protocols::Place};

    fn call(options: Value) -> SpeechCall {
        SpeechCall {
            options: options.as_object().cloned().unwrap_or_default(),
            text: "Hi.".to_owned(),
            ..SpeechCall::default()
        }
    }

    fn draft(call: &SpeechCall, model: &str) -> Result<(String, Value), Vec<String>> {
        let target = super::super::test_target(model, OnUnsupported::Reject);
        let told = |issues: Vec<FieldIssue>| -> Vec<String> {
            issues.into_iter().map(|issue| issue.pointer).collect()
        };
        let draft = SpeechVendor::request(&ElevenLabsSpeechVendor, call, &target).map_err(told)?;
        let place = match draft.place {
            Place::Path(path) => path,
            Place::Url(url) => url.to_string(),
        };
        Ok((place, serde_json::from_slice(&draft.body).unwrap()))
    }

    #[test]
    fn a_call_becomes_path_query_and_body() {
        let (path, body) = draft(&call(json!({})), "eleven_v4").unwrap();
        assert_eq!(path, "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM");
        assert_eq!(body, json!({"text": "Hi.", "model_id": "eleven_v4"}));
        let full = SpeechCall {
            format: Some("opus".to_owned()),
            streamed: true,
            voice: Some("a-B_9".to_owned()),
            ..call(json!({
                "stability": 0, "use_speaker_boost": false, "seed": 7, "style": null,
                "enable_logging": false, "optimize_streaming_latency": 4,
            }))
        };
        let (path, body) = draft(&full, "eleven_v4").unwrap();
        assert_eq!(
            path,
            "/v1/text-to-speech/a-B_9/stream?output_format=opus_48000_64&enable_logging=false\
             &optimize_streaming_latency=4"
        );
        assert_eq!(
            body,
            json!({"text": "Hi.", "model_id": "eleven_v4", "seed": 7,
                   "voice_settings": {"stability": 0, "use_speaker_boost": false}})
        );
    }

    #[test]
    fn what_the_vendor_cannot_do_is_refused_by_name() {
        let odd = SpeechCall {
            format: Some("aac".to_owned()),
            text: "x".repeat(10_001),
            voice: Some("../user".to_owned()),
            ..call(
                json!({"instructions": "Low.", "enable_logging": "no", "optimize_streaming_latency": 5}),
            )
        };
        let refused = draft(&odd, "eleven_multilingual_v2").unwrap_err();
        let pointers = [
            "/options/instructions",
            "/text",
            "/voice_id",
            "/options/output_format",
            "/options/enable_logging",
            "/options/optimize_streaming_latency",
        ];
        assert_eq!(refused, pointers);
        let long = SpeechCall { text: "x".repeat(40_000), ..SpeechCall::default() };
        assert!(draft(&long, "eleven_flash_v2_5").is_ok());
    }

    #[test]
    fn what_the_vendor_has_no_word_for_is_named_where_it_is_dropped() {
        let target = super::super::test_target("eleven_v4", OnUnsupported::Drop);
        let call = call(json!({"instructions": "Low.", "speed": 1.1, "odd": null}));
        let draft = SpeechVendor::request(&ElevenLabsSpeechVendor, &call, &target).unwrap();
        let dropped: Vec<&str> = draft.dropped.iter().map(|issue| issue.pointer.as_str()).collect();
        assert_eq!(dropped, ["/options/instructions"]);
        assert_eq!(
            serde_json::from_slice::<Value>(&draft.body).unwrap(),
            json!({"text": "Hi.", "model_id": "eleven_v4", "voice_settings": {"speed": 1.1}})
        );
    }

    #[test]
    fn a_voice_is_one_plain_segment() {
        for voice in ["", ".", "..", "a/b", "a%2fb", "a?b", "é", &"x".repeat(65)] {
            assert!(!is_voice(voice), "{voice}");
        }
        assert!(is_voice("21m00Tcm4TlvDq8ikWAM") && is_voice(&"x".repeat(64)));
    }

    #[test]
    fn the_vendors_bill_counts() {
        let mut headers = HeaderMap::new();
        let characters = |headers: &HeaderMap| {
            ElevenLabsSpeechVendor.usage(&call(json!({})), headers).characters
        };
        assert_eq!(characters(&headers), 3);
        headers.insert("character-cost", http::HeaderValue::from_static("2"));
        assert_eq!(characters(&headers), 2);
        headers.insert("character-cost", http::HeaderValue::from_static("two"));
        assert_eq!(characters(&headers), 3);
    }

    #[test]
    fn a_relayed_body_keeps_what_it_has() {
        let raw = json!({"text": "Hi.", "model_id": "mine", "new": 1});
        let target = super::super::test_target("eleven_v4", OnUnsupported::Reject);
        let draft = SpeechVendor::relay(
            &ElevenLabsSpeechVendor,
            raw.as_object().unwrap(),
            &call(json!({})),
            &target,
        )
        .unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&draft.body).unwrap(),
            json!({"text": "Hi.", "model_id": "eleven_v4", "new": 1})
        );
    }
}
