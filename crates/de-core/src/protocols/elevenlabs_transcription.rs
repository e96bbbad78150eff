//! ElevenLabs' speech to text (Scribe).
//!
//! It counts nothing in its answer and bills the length of the recording. Events such as laughter are not
//! asked for: callers of other protocols expect what was said. Out of scope: who speaks, several channels,
//! files elsewhere.
//!
//! Follows <https://elevenlabs.io/docs/api-reference/speech-to-text/convert>.

use serde_json::Value;

use super::{
    Draft, FieldIssue, Malformed, Target, TranscriptionVendor, Vendor, VendorError, answer::Answer,
    elevenlabs_speech::error, fields::Issues, openai_transcriptions::Fields,
};
use crate::{
    calls::{Transcript, TranscriptionCall, TranscriptionReply, Word},
    json,
};

const PATH: &str = "/v1/speech-to-text";

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
        let times = matches!(call.format.as_str(), "srt" | "verbose_json" | "vtt");
        let mut fields = Fields::default();
        fields.text("model_id", target.upstream_model.as_str());
        fields.optional("language_code", call.language.as_deref());
        fields.optional("temperature", call.temperature.map(|number| number.to_string()));
        fields.text("timestamps_granularity", if times { "word" } else { "none" });
        fields.text("tag_audio_events", "false");
        issues.or(())?;
        fields.into_draft(PATH, &call.file)
    }

    fn reply(
        &self,
        _call: &TranscriptionCall,
        body: &[u8],
    ) -> Result<TranscriptionReply, Malformed> {
        let body = json::parse(body)
            .map_err(|err| Malformed { pointer: String::new(), reason: err.to_string() })?;
        let answer = Answer::whole(&body)?;
        let text = answer.string("text")?.ok_or_else(|| answer.fault("text", "missing"))?;
        let mut words = Vec::new();
        for word in answer.objects("words")? {
            // Between words stand the spaces, and what is no speech.
            if word.word("type").is_some_and(|kind| kind != "word") {
                continue;
            }
            let number = |name: &str| word.value(name).and_then(Value::as_f64);
            let (Some(start), Some(end)) = (number("start"), number("end")) else { continue };
            let text = word.string_or_empty("text")?;
            words.push(Word {
                end,
                logprob: number("logprob"),
                start,
                text: text.trim().to_owned(),
            });
        }
        let language = answer.word("language_code").map(str::to_owned);
        let transcript = Some(Transcript { language, text: text.to_owned(), words });
        Ok(TranscriptionReply { transcript, usage: None })
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
        let target = super::super::test_target("scribe_v2", OnUnsupported::Refuse);
        TranscriptionVendor::request(&ElevenLabsTranscriptionVendor, call, &target)
            .map(|draft| String::from_utf8_lossy(&draft.body).into_owned())
            .map_err(|issues| issues.into_iter().map(|issue| issue.pointer).collect())
    }

    #[test]
    fn times_are_asked_for_where_the_form_of_the_answer_needs_them() {
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
        assert!(sent(&call("json")).unwrap().contains("\r\n\r\nnone\r\n"));
    }

    #[test]
    fn what_the_vendor_cannot_do_is_refused_by_name() {
        let odd = TranscriptionCall {
            extra: vec![("include[]".to_owned(), "logprobs".to_owned())],
            prompt: Some("Names.".to_owned()),
            ..call("diarized_json")
        };
        assert_eq!(sent(&odd).unwrap_err(), ["/prompt", "/response_format", "/include[]"]);
    }

    #[test]
    fn words_are_read_without_what_stands_between_them() {
        let body = br#"{"language_code": "eng", "text": "Hi there", "words": [
            {"text": "Hi", "start": 0, "end": 0.5, "type": "word", "logprob": -0.1},
            {"text": " ", "start": 0.5, "end": 0.5, "type": "spacing"},
            {"text": "there", "start": 0.5, "end": 1.5, "type": "word"}]}"#;
        let reply =
            TranscriptionVendor::reply(&ElevenLabsTranscriptionVendor, &call("srt"), body).unwrap();
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
