//! OpenAI's speech to text, spoken with vendors and with callers. Groq speaks it too.
//!
//! Where caller and vendor both do, the vendor's answer is what the caller gets, in any of its forms. Only
//! the two in JSON tell what was used. Out of scope: answers as events (`stream`), translations.
//!
//! Follows <https://platform.openai.com/docs/api-reference/audio/createTranscription>.

use serde_json::Value;

use super::{
    Draft, FieldIssue, Malformed, Target, TranscriptionVendor, Vendor, VendorError, answer::Answer,
    openai_chat,
};
use crate::{
    calls::{TranscriptionCall, TranscriptionReply},
    json,
    receipt::Usage,
};

mod call;
mod cues;
mod form;
mod writer;

pub use self::{
    call::OpenAiTranscriptionCall,
    writer::{content_type, write},
};
pub(super) use form::Fields;

/// Under the base URL, which has the version in it: `https://api.openai.com/v1`.
const PATH: &str = "/audio/transcriptions";

/// The largest recording, in bytes: 25 MiB.
pub const LARGEST_FILE: usize = 25 * 1024 * 1024;

/// No recording plays longer, in seconds: a year. A vendor that says so has counted something else.
pub(super) const LONGEST_SECONDS: f64 = 366.0 * 24.0 * 3_600.0;

/// The vendor's side.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenAiTranscriptionsVendor;

impl Vendor for OpenAiTranscriptionsVendor {
    fn error(&self, status: u16, body: &[u8]) -> VendorError {
        openai_chat::OpenAiChatVendor.error(status, body)
    }

    fn transcription(&self) -> Option<&dyn TranscriptionVendor> {
        Some(self)
    }
}

impl TranscriptionVendor for OpenAiTranscriptionsVendor {
    fn request(&self, call: &TranscriptionCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        let mut fields = Fields::default();
        fields.text("model", target.upstream_model.as_str());
        if call.format != "json" {
            fields.text("response_format", call.format.as_str());
        }
        fields.optional("language", call.language.as_deref());
        fields.optional("prompt", call.prompt.as_deref());
        fields.optional("temperature", call.temperature.map(|number| number.to_string()));
        for word in &call.timestamp_granularities {
            fields.text("timestamp_granularities[]", word.as_str());
        }
        for (name, value) in &call.extra {
            fields.text(name, value.as_str());
        }
        fields.into_draft(PATH, &call.file)
    }

    fn reply(
        &self,
        call: &TranscriptionCall,
        body: &[u8],
    ) -> Result<TranscriptionReply, Malformed> {
        if !call.format.ends_with("json") {
            let heard_ms = cues::end_ms(body).filter(|ms| *ms < millis(LONGEST_SECONDS));
            return Ok(TranscriptionReply { heard_ms, ..TranscriptionReply::default() });
        }
        let body = json::parse(body)
            .map_err(|err| Malformed { pointer: String::new(), reason: err.to_string() })?;
        let seconds = body.get("duration").and_then(Value::as_f64);
        let heard_ms =
            seconds.filter(|seconds| (0.0..LONGEST_SECONDS).contains(seconds)).map(millis);
        Ok(TranscriptionReply { heard_ms, transcript: None, usage: usage(&body) })
    }
}

/// `{"type": "tokens", …}` or `{"type": "duration", "seconds"}`. Hosts may tell neither.
fn usage(body: &Value) -> Option<Usage> {
    let usage = Answer::whole(body).ok()?.counts("usage")?;
    let seconds = usage.value("seconds").and_then(Value::as_f64);
    if let Some(seconds) = seconds.filter(|seconds| (0.0..LONGEST_SECONDS).contains(seconds)) {
        return Some(Usage { media_ms: millis(seconds), requests: 1, ..Usage::default() });
    }
    let input = usage.count("input_tokens")?;
    let details = usage.counts("input_token_details");
    let heard = details.and_then(|details| details.count("audio_tokens"));
    let audio = heard.unwrap_or(0).min(input);
    Some(Usage {
        audio_input_tokens: audio,
        input_tokens: input - audio,
        output_tokens: usage.count("output_tokens").unwrap_or(0),
        requests: 1,
        ..Usage::default()
    })
}

/// Seconds as milliseconds, rounded up.
#[must_use]
pub fn millis(seconds: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast stays at the ends of its range"
    )]
    let millis = (seconds * 1_000.0).ceil() as u64;
    millis
}

#[cfg(test)]
mod tests;
