//! ElevenLabs' speech to text (Scribe).
//!
//! It counts nothing in its answer and bills the length of the recording. Events such as laughter are not
//! asked for: callers of other protocols expect what was said. Out of scope: who speaks, several channels,
//! files elsewhere.
//!
//! Follows <https://elevenlabs.io/docs/api-reference/speech-to-text/convert>.

use serde::Deserialize;

use super::{
    Draft, FieldIssue, Malformed, Target, TranscriptionVendor, Vendor, VendorError,
    borrowed::{self, Text},
    elevenlabs_speech::error,
    fields::Issues,
    openai_transcriptions::{Fields, LONGEST_SECONDS, millis},
};
use crate::calls::{Transcript, TranscriptionCall, TranscriptionReply, Word};

const PATH: &str = "/v1/speech-to-text";

/// Words of long recordings are many: they are read in place.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(default, deserialize_with = "borrowed::lenient")]
    language_code: Option<String>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    words: Option<Vec<Entry<'a>>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(default, deserialize_with = "borrowed::lenient")]
    end: Option<f64>,
    #[serde(default, deserialize_with = "borrowed::lenient", rename = "type")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "borrowed::lenient")]
    logprob: Option<f64>,
    #[serde(default, deserialize_with = "borrowed::lenient")]
    start: Option<f64>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
}

/// The vendor's side.
#[derive(Clone, Copy, Debug, Default)]
pub struct ElevenLabsTranscriptionVendor;

impl Vendor for ElevenLabsTranscriptionVendor {
    fn error(&self, _status: u16, body: &[u8]) -> VendorError {
        error::read(body)
    }

    fn transcription(&self) -> Option<&dyn TranscriptionVendor> {
        Some(self)
    }
}

impl TranscriptionVendor for ElevenLabsTranscriptionVendor {
    fn request(&self, call: &TranscriptionCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        let mut issues = Issues::default();
        if call.prompt.is_some() {
            issues.unsupported("/prompt", target);
        }
        if call.format == "diarized_json" {
            issues.add("/response_format", "this model's vendor has no such form");
        }
        for (name, _) in &call.extra {
            issues.unsupported(&format!("/{name}"), target);
        }
        let mut fields = Fields::default();
        fields.text("model_id", target.upstream_model.as_str());
        fields.optional("language_code", call.language.as_deref());
        fields.optional("temperature", call.temperature.map(|number| number.to_string()));
        // In any case: nothing else in the answer tells how long the recording is.
        fields.text("timestamps_granularity", "word");
        fields.text("tag_audio_events", "false");
        let dropped = issues.left_out()?;
        Ok(Draft { dropped, ..fields.into_draft(PATH, &call.file)? })
    }

    fn reply(
        &self,
        _call: &TranscriptionCall,
        body: &[u8],
    ) -> Result<TranscriptionReply, Malformed> {
        let answer: Answer<'_> = borrowed::read(body)?;
        let missing = || Malformed { pointer: "/text".to_owned(), reason: "missing".to_owned() };
        let text = answer.text.ok_or_else(missing)?.to_text();
        let mut words = Vec::new();
        for entry in answer.words.unwrap_or_default() {
            // Between words stand the spaces, and what is no speech.
            if entry.kind.is_some_and(|kind| kind != "word") {
                continue;
            }
            let (Some(start), Some(end)) = (entry.start, entry.end) else { continue };
            let text = entry.text.map(|text| text.0.trim().to_owned()).unwrap_or_default();
            words.push(Word { end, logprob: entry.logprob, start, text });
        }
        let ends = words.iter().map(|word: &Word| word.end);
        let heard_ms = ends.filter(|end| (0.0..LONGEST_SECONDS).contains(end)).map(millis).max();
        let language = answer.language_code.filter(|code| !code.is_empty());
        let transcript = Some(Transcript { language, text, words });
        Ok(TranscriptionReply { heard_ms, transcript, usage: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{calls::File, model::OnUnsupported};

    fn call(format: &str) -> TranscriptionCall {
        let file = File { file_name: Some("a.wav".to_owned()), ..File::default() };
        TranscriptionCall { file, format: format.to_owned(), ..TranscriptionCall::default() }
    }

    fn sent(call: &TranscriptionCall) -> Result<String, Vec<String>> {
        let target = super::super::test_target("scribe_v2", OnUnsupported::Reject);
        TranscriptionVendor::request(&ElevenLabsTranscriptionVendor, call, &target)
            .map(|draft| String::from_utf8_lossy(&draft.body).into_owned())
            .map_err(|issues| issues.into_iter().map(|issue| issue.pointer).collect())
    }

    #[test]
    fn times_are_asked_for_in_any_form_of_the_answer() {
        let full = TranscriptionCall {
            language: Some("en".to_owned()),
            temperature: Some(0.5),
            ..call("srt")
        };
        let text = sent(&full).unwrap();
        for (name, value) in [
            ("model_id", "scribe_v2"),
            ("language_code", "en"),
            ("temperature", "0.5"),
            ("timestamps_granularity", "word"),
            ("tag_audio_events", "false"),
        ] {
            assert!(text.contains(&format!("name=\"{name}\"\r\n\r\n{value}\r\n")), "{name}");
        }
        assert!(sent(&call("json")).unwrap().contains("\r\n\r\nword\r\n"));
    }

    #[test]
    fn what_the_vendor_cannot_do_is_refused_by_name() {
        let odd = TranscriptionCall {
            extra: vec![("include[]".to_owned(), "logprobs".to_owned())],
            prompt: Some("Names.".to_owned()),
            ..call("diarized_json")
        };
        assert_eq!(sent(&odd).unwrap_err(), ["/prompt", "/response_format", "/include[]"]);
        let plain = TranscriptionCall { format: "json".to_owned(), ..odd };
        let target = super::super::test_target("scribe_v2", OnUnsupported::Drop);
        let draft =
            TranscriptionVendor::request(&ElevenLabsTranscriptionVendor, &plain, &target).unwrap();
        let dropped: Vec<&str> = draft.dropped.iter().map(|issue| issue.pointer.as_str()).collect();
        assert_eq!(dropped, ["/prompt", "/include[]"]);
    }

    #[test]
    fn words_are_read_without_what_stands_between_them() {
        let body = br#"{"language_code": "eng", "text": "Hi there", "words": [
            {"text": "Hi", "start": 0, "end": 0.5, "type": "word", "logprob": -0.1},
            {"text": " ", "start": 0.5, "end": 0.5, "type": "spacing"},
            {"text": "there", "start": 0.5, "end": 1.5, "type": "word"}]}"#;
        let reply =
            TranscriptionVendor::reply(&ElevenLabsTranscriptionVendor, &call("srt"), body).unwrap();
        assert_eq!(reply.heard_ms, Some(1_500));
        let heard = reply.transcript.unwrap();
        assert_eq!(heard.language.as_deref(), Some("eng"));
        let words: Vec<(&str, f64)> =
            heard.words.iter().map(|word| (word.text.as_str(), word.end)).collect();
        assert_eq!(words, [("Hi", 0.5), ("there", 1.5)]);
        for bad in ["{}", "[]", "<html>", r#"{"text": 1}"#] {
            assert!(
                TranscriptionVendor::reply(
                    &ElevenLabsTranscriptionVendor,
                    &call("json"),
                    bad.as_bytes()
                )
                .is_err()
            );
        }
    }
}
