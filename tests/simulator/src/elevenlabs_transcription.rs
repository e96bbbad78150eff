//! ElevenLabs: `POST /v1/speech-to-text`, a form with a file.
//!
//! What is heard is the name of the file, so that a test knows it: `You said: hello` of `hello.wav`.
//! Faults are words in that name or in a key term. Out of scope: `webhook`, files at other hosts and
//! several channels, which are refused, and additional formats.
//! Follows <https://elevenlabs.io/docs/api-reference/speech-to-text/convert>.

use serde_json::{Map, Value, json};

use crate::answer::{Answer, Bounds};
use crate::elevenlabs_speech::{authenticate, refuse};
use crate::endpoint::{Incoming, Plan, Reply, prompt_of};
use crate::faults::Script;
use crate::models::ModelKind;
use crate::query::Pairs;
use crate::schema::audio::ELEVENLABS_TRANSCRIPTION;
use crate::schema::form;
use crate::transcript::{Timed, Transcript};
use crate::{heard, models, multipart, pydantic, schema};

struct Recording {
    body: Map<String, Value>,
    id: String,
    said: String,
    seconds: f64,
}

/// `POST /v1/speech-to-text`.
pub(crate) fn transcribe(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    authenticate(incoming)?;
    let query = Pairs::of(incoming);
    query.only(&["enable_logging"]).and(query.flag("enable_logging")).map_err(|wrong| {
        let place = json!(["query", wrong.name()]);
        let detail =
            json!([{ "type": "value_error", "loc": place, "msg": "Input is not permitted" }]);
        Reply::json(422, &json!({ "detail": detail }))
    })?;
    let content_type = incoming.header("content-type").unwrap_or_default();
    let parts = multipart::parts(content_type, incoming.body).map_err(|error| {
        let detail = json!([{ "type": "missing", "loc": ["body"], "msg": error.to_string() }]);
        Reply::json(422, &json!({ "detail": detail }))
    })?;
    let texts = parts.iter().filter(|part| part.file_name.is_none());
    let texts = texts.map(|part| (part.name.as_str(), part.text().unwrap_or("\u{FFFD}")));
    let body = form::of_form(texts, ELEVENLABS_TRANSCRIPTION);
    schema::check(&body, ELEVENLABS_TRANSCRIPTION)
        .map_err(|finding| Reply::json(422, &pydantic::detail(&finding)))?;
    let model = body.get("model_id").and_then(Value::as_str).unwrap_or_default();
    let invalid =
        |code: &str, message: &str| refuse(incoming, 400, "validation_error", code, code, message);
    if models::find(incoming.vendor, ModelKind::Transcription, model).is_none() {
        let message = format!("'{model}' is not a valid model_id. Only 'scribe_v2' is.");
        return Err(invalid("invalid_model_id", &message));
    }
    if ["cloud_storage_url", "use_multi_channel", "webhook"].iter().any(|name| asked(&body, name)) {
        return Err(invalid("unsupported_parameter", "The simulator takes one file, and answers."));
    }
    if asked(&body, "num_speakers") && asked(&body, "diarization_threshold") {
        let message = "num_speakers and diarization_threshold exclude each other.";
        return Err(invalid("invalid_parameters", message));
    }
    let file = parts.iter().find(|part| part.name == "file" && part.file_name.is_some());
    let file = file.ok_or_else(|| {
        let message = "Must provide either file or cloud_storage_url parameter.";
        invalid("invalid_parameters", message)
    })?;
    let raw = body.get("file_format").is_some_and(|format| format == "pcm_s16le_16");
    if !raw && heard::kind(&file.bytes).is_none() {
        return Err(invalid("invalid_audio", "The file is corrupted or no audio or video."));
    }
    let name = file.file_name.as_deref().unwrap_or_default();
    let said = name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
    let prompt = prompt_of(&[&form::listed(&body, "keyterms"), &said]);
    let recording = Recording {
        id: incoming.made_id("tr_"),
        said,
        seconds: if raw { file.bytes.len() as f64 / 32_000.0 } else { heard::seconds(&file.bytes) },
        body,
    };
    Ok(Plan { prompt, stream: false, answer: Box::new(move |script| recording.reply(script)) })
}

fn asked(body: &Map<String, Value>, name: &str) -> bool {
    body.get(name).is_some_and(|value| !value.is_null() && *value != Value::Bool(false))
}

impl Recording {
    fn reply(&self, script: &Script) -> Reply {
        let bounds = Bounds { json: None, max_tokens: None, stop: &[] };
        let text = Answer::to(&self.said, script, &bounds).text();
        let transcript = Transcript::new(&text, self.seconds);
        let timed = self.body.get("timestamps_granularity").is_none_or(|wanted| wanted != "none");
        let body = json!({
            "language_code": self.language(),
            "language_probability": 0.98,
            "text": transcript.text(),
            "words": if timed { self.words(&transcript.words()) } else { Vec::new() },
            "transcription_id": self.id,
        });
        Reply::json(200, &body)
    }

    /// Words, and the spaces between them.
    fn words(&self, words: &[Timed]) -> Vec<Value> {
        let speaker = asked(&self.body, "diarize").then_some("speaker_0");
        let entry = |text: &str, start: f64, end: f64, kind: &str| {
            let mut entry = json!({
                "text": text,
                "start": start,
                "end": end,
                "type": kind,
                "speaker_id": speaker,
                "logprob": -0.1,
            });
            let characters = self.body.get("timestamps_granularity") == Some(&json!("character"));
            if let Some(entry) = entry.as_object_mut().filter(|_| characters) {
                let step = (end - start) / text.chars().count().max(1) as f64;
                let characters = text.chars().enumerate().map(|(index, character)| {
                    let start = start + step * index as f64;
                    json!({ "text": character, "start": start, "end": start + step })
                });
                entry.insert("characters".to_owned(), characters.collect());
            }
            entry
        };
        let mut entries = Vec::new();
        for (index, word) in words.iter().enumerate() {
            if index > 0 {
                entries.push(entry(" ", word.start, word.start, "spacing"));
            }
            entries.push(entry(&word.text, word.start, word.end, "word"));
        }
        entries
    }

    fn language(&self) -> &str {
        self.body.get("language_code").and_then(Value::as_str).unwrap_or("eng")
    }
}
