//! OpenAI's text to speech, spoken with vendors and with callers.
//!
//! The answer is sound, as it is made; or events, if `stream_format` is `sse`, which alone tell what was used.
//!
//! Follows <https://platform.openai.com/docs/api-reference/audio/createSpeech>.

use serde_json::{Map, Value};

use super::{
    Draft, FieldIssue, SpeechVendor, Target, Vendor, VendorError, VendorStream, fields::Issues,
    openai_chat,
};
use crate::{calls::SpeechCall, media::RawAudio, sound};

mod call;
mod events;

pub use self::{
    call::{OpenAiSpeechCall, issue},
    events::SpeechEvents,
};

/// Under the base URL, which has the version in it: `https://api.openai.com/v1`.
const PATH: &str = "/audio/speech";

/// The longest text that OpenAI's own models take, in characters. What those of other hosts take is not known here.
const LONGEST: usize = 4_096;

/// How the names of these models begin.
const OPENAIS: [&str; 2] = ["gpt-4o-mini-tts", "tts-1"];

/// What speaks where the caller names no voice: the protocol demands one.
const VOICE: &str = "alloy";

/// How the ids of voices begin that an organization has made; they stand in an object.
const OWN_VOICE: &str = "voice_";

/// The vendor's side.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenAiSpeechVendor;

impl Vendor for OpenAiSpeechVendor {
    fn error(&self, status: u16, body: &[u8]) -> VendorError {
        openai_chat::OpenAiChatVendor.error(status, body)
    }

    fn stream(&self) -> Box<dyn VendorStream> {
        Box::new(events::Reader::default())
    }

    fn speech(&self) -> Option<&dyn SpeechVendor> {
        Some(self)
    }
}

impl SpeechVendor for OpenAiSpeechVendor {
    fn request(&self, call: &SpeechCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        let mut issues = Issues::default();
        check_length(call, target, &mut issues);
        let mut body = Map::new();
        body.insert("model".to_owned(), target.upstream_model.as_str().into());
        body.insert("input".to_owned(), call.text.as_str().into());
        let voice = call.voice.as_deref().unwrap_or(VOICE);
        let voice = match voice.starts_with(OWN_VOICE) {
            true => serde_json::json!({"id": voice}),
            false => voice.into(),
        };
        body.insert("voice".to_owned(), voice);
        if let Some(word) = &call.format {
            match sound::SoundFormat::parse(word).and_then(sound::SoundFormat::for_openai) {
                Some(word) => drop(body.insert("response_format".to_owned(), word.into())),
                None => issues.add(
                    "/options/output_format",
                    format!("this model makes {}", sound::OPENAI.join(", ")),
                ),
            }
        }
        for (name, value) in call.options.iter().filter(|(_, value)| !value.is_null()) {
            match name.as_str() {
                "instructions" | "speed" | "stream_format" => {
                    body.insert(name.clone(), value.clone());
                }
                _ => issues.unsupported(&format!("/options/{name}"), target),
            }
        }
        issues.written(Draft::json(PATH, &Value::Object(body)))
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
        check_length(call, target, &mut issues);
        let mut body = body.clone();
        body.insert("model".to_owned(), target.upstream_model.as_str().into());
        issues.written(Draft::json(PATH, &Value::Object(body)))
    }
}

fn check_length(call: &SpeechCall, target: &Target, issues: &mut Issues) {
    let model = target.upstream_model.as_str();
    if !OPENAIS.iter().any(|openais| model.starts_with(openais)) {
        return;
    }
    let length = call.text.chars().count();
    if length > LONGEST {
        issues.add("/text", format!("has {length} characters; this model takes {LONGEST}"));
    }
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

    fn body(call: &SpeechCall, on: OnUnsupported) -> Result<Value, Vec<String>> {
        let target = super::super::test_target("tts-1", on);
        SpeechVendor::request(&OpenAiSpeechVendor, call, &target)
            .map(|draft| serde_json::from_slice(&draft.body).unwrap())
            .map_err(|issues| issues.into_iter().map(|issue| issue.pointer).collect())
    }

    #[test]
    fn a_call_becomes_the_vendors_body() {
        let refuse = OnUnsupported::Reject;
        assert_eq!(
            body(&call(json!({})), refuse).unwrap(),
            json!({"model": "tts-1", "input": "Hi.", "voice": "alloy"})
        );
        let full = SpeechCall {
            format: Some("pcm_24000".to_owned()),
            voice: Some("voice_1".to_owned()),
            ..call(json!({"speed": 0.5, "instructions": "Low.", "seed": null}))
        };
        assert_eq!(
            body(&full, refuse).unwrap(),
            json!({"model": "tts-1", "input": "Hi.", "voice": {"id": "voice_1"},
                   "response_format": "pcm", "speed": 0.5, "instructions": "Low."})
        );
    }

    #[test]
    fn what_the_vendor_cannot_do_is_refused_by_name_or_dropped() {
        let odd = SpeechCall {
            format: Some("ulaw_8000".to_owned()),
            text: "x".repeat(4_097),
            ..call(json!({"stability": 0}))
        };
        let refused = body(&odd, OnUnsupported::Reject).unwrap_err();
        assert_eq!(refused, ["/text", "/options/output_format", "/options/stability"]);
        let target = super::super::test_target("tts-1", OnUnsupported::Drop);
        let call = call(json!({"stability": 0, "speed": 2, "style": null}));
        let draft = SpeechVendor::request(&OpenAiSpeechVendor, &call, &target).unwrap();
        let sent: Value = serde_json::from_slice(&draft.body).unwrap();
        assert_eq!((sent.get("stability"), sent.get("speed")), (None, Some(&json!(2))));
        let dropped: Vec<&str> = draft.dropped.iter().map(|issue| issue.pointer.as_str()).collect();
        assert_eq!(dropped, ["/options/stability"]);
    }

    /// Hosts of the protocol have models of their own, whose bounds are theirs.
    #[test]
    fn the_bound_of_openais_models_is_theirs_alone() {
        let long = SpeechCall { text: "x".repeat(4_097), ..call(json!({})) };
        for (model, is_openais) in
            [("tts-1-hd", true), ("gpt-4o-mini-tts-2025-12-15", true), ("kokoro", false)]
        {
            let target = super::super::test_target(model, OnUnsupported::Reject);
            let vendor = OpenAiSpeechVendor;
            let written = SpeechVendor::request(&vendor, &long, &target);
            let relayed = SpeechVendor::relay(&vendor, &Map::new(), &long, &target);
            for draft in [written, relayed] {
                let refused = draft.err().map(|issues| issues[0].pointer.clone());
                assert_eq!(refused.as_deref(), is_openais.then_some("/text"), "{model}");
            }
        }
    }

    #[test]
    fn a_relayed_body_keeps_what_it_has() {
        let raw = json!({"model": "mine", "input": "Hi.", "voice": {"id": "voice_1"}, "new": 1});
        let target = super::super::test_target("tts-1", OnUnsupported::Reject);
        let draft = SpeechVendor::relay(
            &OpenAiSpeechVendor,
            raw.as_object().unwrap(),
            &call(json!({})),
            &target,
        )
        .unwrap();
        assert_eq!(draft.place, Place::Path("/audio/speech".to_owned()));
        assert_eq!(
            serde_json::from_slice::<Value>(&draft.body).unwrap(),
            json!({"model": "tts-1", "input": "Hi.", "voice": {"id": "voice_1"}, "new": 1})
        );
    }
}
