//! ElevenLabs: `POST /v1/text-to-speech/{voice_id}`, whole and as `/stream`.
//!
//! The sound is silence, longer for a longer text. Out of scope: timestamps, and Opus, which is
//! answered with 501 and not with something else. The fault `refuse` has no form here.
//! Follows <https://elevenlabs.io/docs/api-reference/text-to-speech/convert>.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::endpoint::{Content, Incoming, Plan, Reply};
use crate::models::{self, ModelKind};
use crate::schema::media::ELEVENLABS;
use crate::{media, pydantic, schema};

/// Voices that exist. Ids with other characters are refused before they are looked up.
const VOICES: &[&str] = &["21m00Tcm4TlvDq8ikWAM", "EXAVITQu4vr4xnSDxMaL", "JBFqnCBsd6RMkjVDRZzb"];

/// The most characters of the models that take less than the others.
const LONGEST: &[(&str, usize)] = &[("eleven_multilingual_v2", 10_000)];

/// The most characters of all other models.
const LONGEST_OTHERS: usize = 40_000;

/// Characters that one frame, 26 ms, takes to say.
const CHARACTERS_A_FRAME: usize = 2;

/// Members of the query, and the values that they may have; none if any will do.
const QUERY: &[(&str, &[&str])] = &[
    ("enable_logging", &["true", "false"]),
    ("optimize_streaming_latency", &["0", "1", "2", "3", "4"]),
    ("output_format", &[]),
];

/// `POST /v1/text-to-speech/{voice_id}`.
pub(crate) fn whole(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    plan(incoming, false)
}

/// `POST /v1/text-to-speech/{voice_id}/stream`.
pub(crate) fn streamed(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    plan(incoming, true)
}

/// The error of the `fail` fault.
pub(crate) fn failure(incoming: &Incoming<'_>, status: u16) -> Reply {
    let (kind, code, old) = match status {
        401 => ("authentication_error", "invalid_api_key", "invalid_api_key"),
        402 => ("payment_error", "insufficient_credits", "quota_exceeded"),
        404 => ("not_found_error", "voice_not_found", "voice_not_found"),
        429 => ("rate_limit_error", "concurrent_limit_exceeded", "too_many_concurrent_requests"),
        500.. => ("server_error", "internal_error", "internal_error"),
        _ => ("validation_error", "invalid_request", "invalid_request"),
    };
    refuse(incoming, status, kind, code, old, "The request failed.")
}

/// Headers of every reply.
pub(crate) fn reply_headers(incoming: &Incoming<'_>) -> Vec<(&'static str, String)> {
    vec![
        ("request-id", incoming.made_id("el_")),
        ("x-trace-id", incoming.made_id("trace_")),
        ("current-concurrent-requests", "1".to_owned()),
        ("maximum-concurrent-requests", "10".to_owned()),
    ]
}

fn refuse(
    incoming: &Incoming<'_>,
    status: u16,
    kind: &str,
    code: &str,
    old: &str,
    message: &str,
) -> Reply {
    let request_id = incoming.made_id("el_");
    let detail = json!({
        "type": kind,
        "code": code,
        "message": message,
        "status": old,
        "request_id": request_id,
        "param": null,
    });
    Reply::json(status, &json!({ "detail": detail }))
}

/// Refuses a key that is not one of the vendor's.
pub(crate) fn authenticate(incoming: &Incoming<'_>) -> Result<(), Reply> {
    let key = incoming.header("xi-api-key").unwrap_or_default();
    if incoming.config.accepts(incoming.vendor, key) {
        return Ok(());
    }
    let code = "invalid_api_key";
    Err(refuse(incoming, 401, "authentication_error", code, code, "Invalid API key"))
}

fn plan(incoming: &Incoming<'_>, stream: bool) -> Result<Plan, Reply> {
    authenticate(incoming)?;
    let format = query(incoming)?;
    let body = object(incoming)?;
    let voice = incoming.path.split('/').nth(3).unwrap_or_default();
    if !VOICES.contains(&voice) {
        let (code, message) =
            ("voice_not_found", format!("A voice with id {voice} was not found."));
        return Err(refuse(incoming, 404, "not_found_error", code, code, &message));
    }
    let model = body.get("model_id").and_then(Value::as_str).unwrap_or("eleven_multilingual_v2");
    if models::find(incoming.vendor, ModelKind::Speech, model).is_none() {
        let (code, message) =
            ("model_not_found", format!("A model with id {model} was not found."));
        return Err(refuse(incoming, 404, "not_found_error", code, code, &message));
    }
    let text = body.get("text").and_then(Value::as_str).unwrap_or_default().to_owned();
    let length = text.chars().count();
    check_text(incoming, &body, model, length)?;
    let sound = Sound::parse(format).ok_or_else(|| {
        let message = format!("The simulator does not make {format}.");
        refuse(incoming, 501, "server_error", "not_implemented", "not_implemented", &message)
    })?;
    Ok(Plan { prompt: text, stream: false, answer: Box::new(move |_| sound.reply(length, stream)) })
}

/// Checks the query; the output format is what is left of it.
fn query<'a>(incoming: &Incoming<'a>) -> Result<&'a str, Reply> {
    let mut format = "mp3_44100_128";
    for pair in incoming.query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let known = QUERY.iter().find(|(known, _)| *known == name);
        let good = known.is_some_and(|(_, values)| values.is_empty() || values.contains(&value));
        if !good || (name == "output_format" && !is_format(value)) {
            let detail = json!([{
                "type": "value_error",
                "loc": ["query", name],
                "msg": "Input is not permitted",
            }]);
            return Err(Reply::json(422, &json!({ "detail": detail })));
        }
        if name == "output_format" {
            format = value;
        }
    }
    Ok(format)
}

fn is_format(value: &str) -> bool {
    let rest = |codec: &str| value.strip_prefix(codec);
    let one_of = |rest: Option<&str>, list: &[&str]| rest.is_some_and(|rest| list.contains(&rest));
    let rates = ["8000", "16000", "22050", "24000", "32000", "44100", "48000"];
    let mp3 =
        ["22050_32", "24000_48", "44100_32", "44100_64", "44100_96", "44100_128", "44100_192"];
    let opus = ["48000_32", "48000_64", "48000_96", "48000_128", "48000_192"];
    one_of(rest("mp3_"), &mp3)
        || one_of(rest("pcm_"), &rates)
        || one_of(rest("wav_"), &rates)
        || one_of(rest("opus_"), &opus)
        || matches!(value, "ulaw_8000" | "alaw_8000")
}

fn object(incoming: &Incoming<'_>) -> Result<Map<String, Value>, Reply> {
    let unreadable = |message: &str| {
        let detail = json!([{ "type": "json_invalid", "loc": ["body"], "msg": message }]);
        Reply::json(422, &json!({ "detail": detail }))
    };
    if !incoming.is_json() {
        return Err(unreadable("Input should be a valid dictionary"));
    }
    let value: Value = serde_json::from_slice(incoming.body)
        .map_err(|error| unreadable(&format!("JSON decode error: {error}")))?;
    let Value::Object(object) = value else {
        return Err(unreadable("Input should be a valid dictionary"));
    };
    schema::check(&object, ELEVENLABS)
        .map_err(|finding| Reply::json(422, &pydantic::detail(&finding)))?;
    Ok(object)
}

fn check_text(
    incoming: &Incoming<'_>,
    body: &Map<String, Value>,
    model: &str,
    length: usize,
) -> Result<(), Reply> {
    let invalid = |code: &str, message: &str| {
        Err(refuse(incoming, 400, "validation_error", code, code, message))
    };
    let most =
        LONGEST.iter().find(|(id, _)| *id == model).map_or(LONGEST_OTHERS, |(_, most)| *most);
    if length == 0 {
        return invalid("text_empty", "The text must not be empty.");
    }
    if length > most {
        return invalid("text_too_long", &format!("The text is longer than {most} characters."));
    }
    let language = body.get("language_code").is_some_and(|code| !code.is_null());
    if language && model == "eleven_multilingual_v2" {
        return invalid("unsupported_model", "This model does not take language_code.");
    }
    Ok(())
}

/// A form of sound that can be made.
#[derive(Clone, Copy)]
enum Sound {
    Mp3,
    /// Bytes that stand for silence, so many a second.
    Raw {
        byte: u8,
        content_type: &'static str,
        per_second: usize,
    },
    Wav {
        rate: u32,
    },
}

impl Sound {
    fn parse(format: &str) -> Option<Self> {
        let (codec, rest) = format.split_once('_')?;
        let rate: u32 = rest.split('_').next()?.parse().ok()?;
        let raw =
            |byte, content_type, per_second| Some(Self::Raw { byte, content_type, per_second });
        match codec {
            "alaw" => raw(0xD5, "audio/basic", 8_000),
            "mp3" => Some(Self::Mp3),
            "pcm" => raw(0, "audio/pcm", rate as usize * 2),
            "ulaw" => raw(0xFF, "audio/basic", 8_000),
            "wav" => Some(Self::Wav { rate }),
            _ => None,
        }
    }

    /// MP3 is always 44.1 kHz and 128 kbit/s, whatever rate was asked for.
    fn reply(self, length: usize, stream: bool) -> Reply {
        let frames = length.div_ceil(CHARACTERS_A_FRAME) + 1;
        let (content_type, pieces) = match self {
            Self::Mp3 => ("audio/mpeg", media::mp3(frames)),
            Self::Raw { byte, content_type, per_second } => {
                let frame = Bytes::from(vec![byte; per_second / 40 / 2 * 2]);
                (content_type, vec![frame; frames])
            }
            Self::Wav { rate } => {
                let samples = rate / 40 * u32::try_from(frames).unwrap_or(u32::MAX / 96_000);
                ("audio/wav", vec![Bytes::from(media::wav(rate, samples))])
            }
        };
        let content = if stream {
            Content::Pieces { content_type, pieces }
        } else {
            Content::Whole { bytes: Bytes::from(pieces.concat()), content_type }
        };
        Reply { content, headers: vec![("character-cost", length.to_string())], status: 200 }
    }
}
