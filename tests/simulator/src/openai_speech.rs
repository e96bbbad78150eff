//! `POST /audio/speech`: silence in every format, in pieces without a length, or in events.
//!
//! Follows <https://platform.openai.com/docs/api-reference/audio/createSpeech>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::endpoint::{Content, Incoming, Plan, Reply, prompt_of};
use crate::faults::Script;
use crate::models::ModelKind;
use crate::openai_errors::{self, refuse};
use crate::schema::audio::{OPENAI_SPEECH, OPENAI_VOICES};
use crate::sound::{Codec, Sound, millis};
use crate::tokens::count_tokens;

/// What a second of sound costs, in tokens.
const TOKENS_A_SECOND: u64 = 20;

/// How many of the voices the oldest model has.
const OLD_VOICES: usize = 9;

struct Speech {
    content_type: &'static str,
    events: bool,
    input: String,
    instructions: String,
    millis: u64,
    sound: Sound,
}

/// `POST /v1/audio/speech`.
pub(crate) fn speech(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    openai_errors::authenticate(incoming)?;
    let body = openai_errors::object(incoming)?;
    openai_errors::check(incoming, &body, OPENAI_SPEECH)?;
    let model = openai_errors::model(incoming, ModelKind::Speech, &body)?;
    if model.id == "tts-1" {
        check_old(&body)?;
    }
    let text = |name: &str, default: &str| {
        body.get(name).and_then(Value::as_str).unwrap_or(default).to_owned()
    };
    let input = text("input", "");
    let (content_type, sound) = format(&text("response_format", "mp3"));
    let speed = body.get("speed").and_then(Value::as_f64).unwrap_or(1.0);
    let speech = Speech {
        content_type,
        events: text("stream_format", "audio") == "sse",
        instructions: text("instructions", ""),
        millis: (millis(input.chars().count()) as f64 / speed).round() as u64,
        input,
        sound,
    };
    let prompt = prompt_of(&[&speech.input, &speech.instructions]);
    let stream = speech.events;
    Ok(Plan { prompt, stream, answer: Box::new(move |script| speech.reply(script)) })
}

/// What the oldest model does not take.
fn check_old(body: &Map<String, Value>) -> Result<(), Reply> {
    let given = |name: &str| body.get(name).filter(|value| !value.is_null());
    let unsupported = |name: &str, message: &str| {
        Err(refuse(400, Some("unsupported_parameter"), Some(name), message))
    };
    if given("instructions").is_some() {
        return unsupported("instructions", "'instructions' is not supported with 'tts-1'.");
    }
    if given("stream_format").is_some_and(|format| format == "sse") {
        return unsupported("stream_format", "'sse' is not supported with 'tts-1'.");
    }
    let mut voices = OPENAI_VOICES.iter().take(OLD_VOICES);
    if given("voice").is_some_and(|voice| !voices.any(|known| voice == known)) {
        let message = "This voice is not supported with 'tts-1'.";
        return Err(refuse(400, Some("invalid_value"), Some("voice"), message));
    }
    Ok(())
}

fn format(name: &str) -> (&'static str, Sound) {
    let (content_type, codec, rate) = match name {
        "aac" => ("audio/aac", Codec::Aac, 24_000),
        "flac" => ("audio/flac", Codec::Flac, 24_000),
        "opus" => ("audio/opus", Codec::Opus, 48_000),
        "pcm" => ("audio/pcm", Codec::Pcm, 24_000),
        "wav" => ("audio/wav", Codec::Wav, 24_000),
        _ => ("audio/mpeg", Codec::Mp3(128), 24_000),
    };
    (content_type, Sound { codec, rate })
}

impl Speech {
    fn reply(&self, script: &Script) -> Reply {
        if script.refuse {
            let message = "Your request was rejected by the safety system.";
            return refuse(400, Some("content_policy_violation"), None, message);
        }
        let pieces = self.sound.pieces(self.millis, script);
        if self.events {
            return self.in_events(&pieces);
        }
        let content = Content::Pieces { content_type: self.content_type, pieces };
        Reply { content, headers: Vec::new(), status: 200 }
    }

    fn in_events(&self, pieces: &[Bytes]) -> Reply {
        let delta = |piece: &Bytes| {
            event(&json!({ "type": "speech.audio.delta", "audio": STANDARD.encode(piece) }))
        };
        let input = count_tokens(&self.input) + count_tokens(&self.instructions);
        let output = (self.millis * TOKENS_A_SECOND).div_ceil(1_000);
        let usage = json!({
            "input_tokens": input,
            "output_tokens": output,
            "total_tokens": input + output,
        });
        let done = event(&json!({ "type": "speech.audio.done", "usage": usage }));
        Reply::events(pieces.iter().map(delta).chain([done]).collect())
    }
}

fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}
