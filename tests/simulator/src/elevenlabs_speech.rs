//! ElevenLabs: `POST /v1/text-to-speech/{voice_id}`, whole and as `/stream`.
//!
//! The sound is silence, longer for a longer text. Out of scope: timestamps. The fault `refuse` has no
//! form here. Errors come in the vendor's three forms: newer ones with `type` and `code`, a 403 in the
//! old one with `status` and `message` alone, a 422 as FastAPI's list.
//! Follows <https://elevenlabs.io/docs/api-reference/text-to-speech/convert>.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::endpoint::{Content, Incoming, Plan, Reply};
use crate::faults::Script;
use crate::models::{self, ModelKind};
use crate::schema::media::ELEVENLABS;
use crate::sound::{Codec, Sound, millis};
use crate::{elevenlabs_voices, pydantic, schema};

/// The most characters of the models that take less than the others.
const LONGEST: &[(&str, usize)] = &[("eleven_multilingual_v2", 10_000)];

/// The most characters of all other models.
const LONGEST_OTHERS: usize = 40_000;

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
    if status == 422 {
        let detail =
            json!([{ "type": "missing", "loc": ["body", "text"], "msg": "Field required" }]);
        return Reply::json(422, &json!({ "detail": detail }));
    }
    if status == 403 {
        return old_form(403, "subscription_required", "Your plan does not include this.");
    }
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

/// The form that older parts of the API still have.
fn old_form(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({ "detail": { "status": code, "message": message } }))
}

/// The most characters that a model takes at once.
pub(crate) fn longest(model: &str) -> usize {
    LONGEST.iter().find(|(id, _)| *id == model).map_or(LONGEST_OTHERS, |(_, most)| *most)
}

/// Makes an error reply in the newer form.
pub(crate) fn refuse(
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
    if !elevenlabs_voices::exists(voice) {
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
    if matches!(format, "pcm_44100" | "pcm_48000" | "wav_44100" | "wav_48000") {
        let message = "This output format needs a plan of the tier Pro or above.";
        return Err(old_form(403, "output_format_not_allowed", message));
    }
    let (content_type, sound) = sound(format);
    let answer = move |script: &Script| {
        let pieces = sound.pieces(millis(length), script);
        let content = if stream {
            Content::Pieces { content_type, pieces }
        } else {
            Content::Whole { bytes: Bytes::from(pieces.concat()), content_type }
        };
        Reply { content, headers: vec![("character-cost", length.to_string())], status: 200 }
    };
    Ok(Plan { prompt: text, stream: false, answer: Box::new(answer) })
}

/// What a known output format says: the codec, the rate, and for MP3 the kbit/s.
fn sound(format: &str) -> (&'static str, Sound) {
    let mut parts = format.split('_');
    let codec = parts.next().unwrap_or_default();
    let mut number = |default| parts.next().and_then(|part| part.parse().ok()).unwrap_or(default);
    let (rate, kbps) = (number(44_100), number(128));
    let (content_type, codec) = match codec {
        "alaw" => ("audio/basic", Codec::Alaw),
        "opus" => ("audio/opus", Codec::Opus),
        "pcm" => ("audio/pcm", Codec::Pcm),
        "ulaw" => ("audio/basic", Codec::Ulaw),
        "wav" => ("audio/wav", Codec::Wav),
        _ => ("audio/mpeg", Codec::Mp3(kbps)),
    };
    (content_type, Sound { codec, rate })
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
    let most = longest(model);
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
