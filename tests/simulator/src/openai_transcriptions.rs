//! `POST /audio/transcriptions`, at OpenAI and at Groq: a form with a file, a text in five formats.
//!
//! What is heard is the name of the file, so that a test knows it: `You said: hello` of `hello.wav`.
//! Faults are words in `prompt`, in a keyword or in the name. Out of scope: who speaks
//! (`diarized_json`), and Groq's `url`.
//! Follows <https://platform.openai.com/docs/api-reference/audio/createTranscription>.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::answer::{Answer, Bounds};
use crate::config::Vendor;
use crate::endpoint::{Content, Incoming, Plan, Reply, prompt_of};
use crate::faults::Script;
use crate::heard;
use crate::models::ModelKind;
use crate::multipart::{self, Part};
use crate::openai_errors::{self, refuse};
use crate::schema::audio::{GROQ_TRANSCRIPTION, OPENAI_TRANSCRIPTION};
use crate::schema::form;
use crate::tokens;
use crate::transcript::Transcript;

/// The largest file, in bytes: 25 MiB.
const LARGEST_FILE: usize = 25 << 20;

/// The shortest recording, in seconds.
const SHORTEST: f64 = 0.1;

/// What the name of a file may end with.
const ENDINGS: &[&str] =
    &["flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"];

/// What a second of sound costs those models that count tokens.
const TOKENS_A_SECOND: f64 = 10.0;

struct Recording {
    body: Map<String, Value>,
    /// Groq says less than OpenAI.
    groq: bool,
    id: String,
    model: &'static str,
    said: String,
    seconds: f64,
}

/// `POST /v1/audio/transcriptions`.
pub(crate) fn transcriptions(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    openai_errors::authenticate(incoming)?;
    let content_type = incoming.header("content-type").unwrap_or_default();
    let parts = multipart::parts(content_type, incoming.body).map_err(|error| {
        refuse(400, None, None, &format!("Could not parse multipart form: {error}."))
    })?;
    let groq = incoming.vendor == Vendor::Groq;
    let fields = if groq { GROQ_TRANSCRIPTION } else { OPENAI_TRANSCRIPTION };
    let texts = parts.iter().filter(|part| part.file_name.is_none());
    let texts = texts.map(|part| (part.name.as_str(), part.text().unwrap_or("\u{FFFD}")));
    let body = form::of_form(texts, fields);
    openai_errors::check(incoming, &body, fields)?;
    let model = openai_errors::model(incoming, ModelKind::Transcription, &body)?;
    check_format(model.id, &body)?;
    let (name, seconds) = file(&parts)?;
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem).to_owned();
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let keywords = form::listed(&body, "keywords");
    let prompt = prompt_of(&[text("prompt"), &keywords, &stem]);
    let streams = model.id != "whisper-1" && body.get("stream") == Some(&Value::Bool(true));
    let recording = Recording {
        groq,
        id: incoming.made_id("req_"),
        model: model.id,
        said: stem,
        seconds,
        body,
    };
    Ok(Plan {
        prompt,
        stream: streams,
        answer: Box::new(move |script| recording.reply(script, streams)),
    })
}

/// The name and the length of the file, if there is one and it can be heard.
fn file(parts: &[Part]) -> Result<(String, f64), Reply> {
    let unsupported = |message: &str| refuse(400, Some("unsupported_value"), Some("file"), message);
    let (part, name) = parts
        .iter()
        .find_map(|part| Some((part, part.file_name.clone()?)).filter(|_| part.name == "file"))
        .ok_or_else(|| {
            let message = "Missing required parameter: 'file'.";
            refuse(400, Some("missing_required_parameter"), Some("file"), message)
        })?;
    if let Some(other) = parts.iter().find(|part| part.file_name.is_some() && part.name != "file") {
        let message = format!("Unknown parameter: '{}'.", other.name);
        return Err(refuse(400, Some("unknown_parameter"), Some(&other.name), &message));
    }
    let got = part.bytes.len();
    if got > LARGEST_FILE {
        let message =
            format!("Maximum content size limit ({LARGEST_FILE}) exceeded ({got} bytes read)");
        return Err(refuse(413, None, None, &message));
    }
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    if !ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
        let message = format!("Invalid file format. Supported formats: {ENDINGS:?}");
        return Err(refuse(400, None, Some("file"), &message));
    }
    if heard::kind(&part.bytes).is_none() {
        return Err(unsupported("Audio file might be corrupted or unsupported"));
    }
    let seconds = heard::seconds(&part.bytes);
    if seconds < SHORTEST {
        let message = "Audio file is too short. Minimum audio length is 0.1 seconds.";
        return Err(refuse(400, Some("audio_too_short"), Some("file"), message));
    }
    Ok((name, seconds))
}

/// Newer models answer in JSON only; times of words are for `verbose_json`.
fn check_format(model: &str, body: &Map<String, Value>) -> Result<(), Reply> {
    let format = body.get("response_format").and_then(Value::as_str).unwrap_or("json");
    let whisper = model.starts_with("whisper");
    let unfit = if whisper { format == "diarized_json" } else { format != "json" };
    if unfit {
        let message = format!(
            "response_format '{format}' is not compatible with model '{model}'. Use 'json' instead."
        );
        return Err(refuse(400, Some("unsupported_value"), Some("response_format"), &message));
    }
    if body.contains_key("timestamp_granularities") && format != "verbose_json" {
        let message = "'timestamp_granularities' needs response_format 'verbose_json'.";
        let place = Some("timestamp_granularities");
        return Err(refuse(400, Some("unsupported_parameter"), place, message));
    }
    let newer = ["chunking_strategy", "include", "keywords", "languages"];
    match newer.into_iter().find(|name| whisper && body.contains_key(*name)) {
        Some(name) => {
            let message = format!("'{name}' is not supported with model '{model}'.");
            Err(refuse(400, Some("unsupported_parameter"), Some(name), &message))
        }
        None => Ok(()),
    }
}

impl Recording {
    fn reply(&self, script: &Script, streams: bool) -> Reply {
        let bounds = Bounds { json: None, max_tokens: None, stop: &[] };
        let answer = Answer::to(&self.said, script, &bounds);
        if streams {
            return self.events(&answer);
        }
        let transcript = Transcript::new(&answer.text(), self.seconds);
        match self.body.get("response_format").and_then(Value::as_str) {
            Some("srt") => plain(transcript.srt()),
            Some("text") => plain(format!("{}\n", transcript.text())),
            Some("verbose_json") => Reply::json(200, &self.verbose(&transcript)),
            Some("vtt") => plain(transcript.vtt()),
            _ => Reply::json(200, &self.short(&transcript.text())),
        }
    }

    fn short(&self, text: &str) -> Value {
        if self.groq {
            return json!({ "text": text, "x_groq": { "id": self.id } });
        }
        if self.model == "gpt-transcribe" {
            let languages = json!([{ "language": self.language() }]);
            return json!({ "text": text, "languages": languages, "usage": self.usage(text) });
        }
        json!({ "text": text, "usage": self.usage(text) })
    }

    fn verbose(&self, transcript: &Transcript) -> Value {
        let temperature = self.body.get("temperature").and_then(Value::as_f64).unwrap_or(0.0);
        let wanted = |granularity: &str| {
            let granularities = self.body.get("timestamp_granularities");
            let mut granularities = granularities.and_then(Value::as_array).into_iter().flatten();
            granularities.any(|wanted| wanted == granularity)
        };
        let language = if self.language() == "en" { "english" } else { self.language() };
        let mut body = json!({
            "task": "transcribe",
            "language": language,
            "duration": self.seconds,
            "text": transcript.text(),
        });
        let words = transcript.words().into_iter();
        let words =
            words.map(|word| json!({ "word": word.text, "start": word.start, "end": word.end }));
        let own = if self.groq {
            ("x_groq", json!({ "id": self.id }))
        } else {
            ("usage", self.usage(&transcript.text()))
        };
        let segments = json!(transcript.openai_segments(temperature));
        if let Some(body) = body.as_object_mut() {
            if wanted("word") {
                body.insert("words".to_owned(), words.collect());
            }
            if wanted("segment") || !wanted("word") {
                body.insert("segments".to_owned(), segments);
            }
            body.insert(own.0.to_owned(), own.1);
        }
        body
    }

    fn events(&self, answer: &Answer) -> Reply {
        let event = |data: &Value| format!("data: {data}\n\n");
        let deltas = answer
            .pieces
            .iter()
            .map(|piece| event(&json!({ "type": "transcript.text.delta", "delta": piece })));
        let text = answer.text();
        let usage = self.usage(&text);
        let done = json!({ "type": "transcript.text.done", "text": text, "usage": usage });
        Reply::events(deltas.chain([event(&done)]).collect())
    }

    /// The older model counts whole seconds, the newest one true ones, those between count tokens.
    fn usage(&self, text: &str) -> Value {
        match self.model {
            "gpt-transcribe" => json!({ "type": "duration", "seconds": self.seconds }),
            "whisper-1" => json!({ "type": "duration", "seconds": self.seconds.ceil() as u64 }),
            _ => {
                let audio = (self.seconds * TOKENS_A_SECOND).ceil() as u64;
                let asked = self.body.get("prompt").and_then(Value::as_str).unwrap_or_default();
                let asked = tokens::count_tokens(asked);
                let output = tokens::count_tokens(text);
                json!({
                    "type": "tokens",
                    "input_tokens": audio + asked,
                    "input_token_details": { "audio_tokens": audio, "text_tokens": asked },
                    "output_tokens": output,
                    "total_tokens": audio + asked + output,
                })
            }
        }
    }

    fn language(&self) -> &str {
        self.body.get("language").and_then(Value::as_str).unwrap_or("en")
    }
}

fn plain(text: String) -> Reply {
    Reply {
        content: Content::Whole {
            bytes: Bytes::from(text),
            content_type: "text/plain; charset=utf-8",
        },
        headers: Vec::new(),
        status: 200,
    }
}
