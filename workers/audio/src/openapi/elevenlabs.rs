//! `POST /v1/text-to-speech/{voice_id}`, `…/stream`, `GET /v1/voices` and `/v2/voices`, described: what we read
//! ourselves. Whatever else a body holds is relayed where the model's vendor speaks ElevenLabs' protocol too.
//!
//! Follows <https://elevenlabs.io/docs/api-reference/text-to-speech/convert>.

use de_core::openapi::{
    operation::{Answer, Operation, Speaks},
    shape::Shape,
};
use http::Method;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{buys, looks, of_call};

/// A text to be spoken. Null counts as absent.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `ElevenLabsSpeechCall::parse` reads")]
struct TextToSpeechRequest {
    /// What is to be said; how long it may be, the model says.
    #[schema(min_length = 1)]
    text: String,
    /// The model or an alias of it, of any vendor that speaks; `eleven_multilingual_v2` unless given.
    model_id: Option<String>,
    /// ISO 639-1.
    language_code: Option<String>,
    /// How the voice speaks.
    voice_settings: Option<VoiceSettings>,
    /// For speech that can be had again.
    #[schema(minimum = 0, maximum = 4_294_967_295_u64)]
    seed: Option<u64>,
    /// What was said before.
    previous_text: Option<String>,
    /// What is said after.
    next_text: Option<String>,
}

/// How a voice speaks.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `ElevenLabsSpeechCall::parse` reads")]
struct VoiceSettings {
    /// How much one reading is like another.
    stability: Option<f64>,
    /// How close it keeps to the voice.
    similarity_boost: Option<f64>,
    /// How much it exaggerates the voice's style.
    style: Option<f64>,
    /// How fast; 1 is as usual.
    speed: Option<f64>,
    /// Whether it comes still closer to the speaker.
    use_speaker_boost: Option<bool>,
}

/// The voices of the instance's account, as ElevenLabs tells them.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what ElevenLabs writes")]
struct VoiceList {
    /// In the vendor's order.
    voices: Vec<ListedVoice>,
    /// Whether there is another page; of the second version.
    has_more: Option<bool>,
    /// How many there are; of the second version.
    total_count: Option<u64>,
    /// What names the next page; of the second version.
    next_page_token: Option<String>,
}

/// A voice.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what ElevenLabs writes")]
struct ListedVoice {
    /// What calls name.
    voice_id: String,
    /// For people.
    name: Option<String>,
    /// `premade`, `cloned`, …
    category: Option<String>,
    /// Accent, age, gender, …
    labels: Option<Map<String, Value>>,
    /// Where it can be heard.
    preview_url: Option<String>,
}

fn plain(kind: &str) -> Shape {
    Shape::plain(json!({"type": kind}))
}

pub(super) fn operations() -> Vec<Operation> {
    let example = json!({
        "text": "The quick brown fox jumps over the lazy dog.",
        "model_id": "eleven_flash_v2_5",
    });
    let voice = Shape::plain(json!({
        "type": "string",
        "pattern": "^[A-Za-z0-9_-]{1,64}$",
        "examples": ["21m00Tcm4TlvDq8ikWAM"],
    }));
    let level = Shape::plain(json!({"type": "integer", "minimum": 0, "maximum": 4}));
    let speak = |end: &str, id: &'static str, how: &str| {
        let path = format!("/v1/text-to-speech/{{voice_id}}{end}");
        Operation::new(
            Method::POST,
            &path,
            id,
            format!("Speaks a text, in ElevenLabs' protocol, by the vendor's call for a {how}"),
        )
        .path_part("voice_id", voice.clone(), "The vendor's own id of a voice.")
        .query(
            "output_format",
            plain("string"),
            "The format: `mp3_44100_128`, `pcm_16000`, `ulaw_8000`, …",
        )
        .query("enable_logging", plain("boolean"), "Whether the vendor keeps what is said.")
        .query(
            "optimize_streaming_latency",
            level.clone(),
            "How much is given up for an early beginning.",
        )
        .body(Shape::open::<TextToSpeechRequest>(), example.clone())
        .answers(of_call(Answer::bytes(200, "The sound.").headers(&["request-id"])))
    };
    let list = |path: &str, id: &'static str, parameters: &[(&str, &str)]| {
        let operation = Operation::new(
            Method::GET,
            path,
            id,
            "Lists the voices of the instance's account at ElevenLabs, as ElevenLabs does",
        );
        let with = parameters.iter().fold(operation, |operation, (name, kind)| {
            operation.query(name, plain(kind), "As ElevenLabs has it.")
        });
        with.answers(
            Answer::json(200, "The voices.", Shape::open::<VoiceList>()).headers(&["request-id"]),
        )
    };
    let second = [
        ("accent", "string"),
        ("age", "string"),
        ("category", "string"),
        ("collection_id", "string"),
        ("fine_tuning_state", "string"),
        ("gender", "string"),
        ("include_total_count", "boolean"),
        ("language", "string"),
        ("next_page_token", "string"),
        ("page_size", "integer"),
        ("search", "string"),
        ("sort", "string"),
        ("sort_direction", "string"),
        ("use_cases", "string"),
        ("voice_ids", "string"),
        ("voice_type", "string"),
    ];
    let voices = [
        list("/v1/voices", "listElevenLabsVoices", &[("show_legacy", "boolean")]),
        list("/v2/voices", "searchElevenLabsVoices", &second),
    ];
    let speech = [
        speak("", "convertTextToSpeech", "whole file"),
        speak("/stream", "streamTextToSpeech", "stream"),
    ];
    let speech = speech.into_iter().map(buys);
    let voices = voices.into_iter().map(looks);
    speech.chain(voices).map(|one| one.speaks(Speaks::ElevenLabs)).collect()
}
