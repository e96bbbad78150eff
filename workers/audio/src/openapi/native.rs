//! `POST /audio/synthesize` and `GET /audio/voices`, described.

use de_core::{
    ids::{AssetId, InstanceId, JobId, ProjectId},
    openapi::{
        operation::{Answer, Operation, Speaks},
        shape::Shape,
    },
    time::Timestamp,
};
use http::Method;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{buys, looks, of_call};

/// A text to be spoken to a file. Fields that are not here are refused by name; null counts as absent.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `SynthesizeRequest::parse` reads")]
struct SynthesizeRequest {
    /// What is to be said.
    #[schema(min_length = 1, max_length = 5_000, pattern = "\\S")]
    text: String,
    /// The vendor's own name of a voice; without one the model's usual one speaks. A fallback of another vendor
    /// serves only where none is named.
    #[schema(min_length = 1, max_length = 200)]
    voice_id: Option<String>,
    /// The model or an alias of it; without one the instance's default for audio serves.
    #[schema(min_length = 1, pattern = "\\S")]
    model_id: Option<String>,
    /// The same as `model_id`.
    #[schema(min_length = 1, pattern = "\\S")]
    model: Option<String>,
    /// Settings of the model.
    options: Option<SynthesizeOptions>,
    /// May repeat the instance of the key.
    instance_id: Option<InstanceId>,
    /// May repeat the project of the key.
    project_id: Option<ProjectId>,
}

/// Settings of the model, and others by the names that its vendor or its mapping has for them. What the model's
/// vendor lacks is refused by name, unless the model's row says to leave it out.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `SynthesizeRequest::parse` reads")]
struct SynthesizeOptions {
    /// The format, in OpenAI's words (`mp3`, `opus`, `aac`, `flac`, `wav`, `pcm`) or in ElevenLabs'
    /// (`mp3_44100_128`, `pcm_16000`, `ulaw_8000`, …).
    output_format: Option<String>,
    /// How fast; 1 is as usual.
    #[schema(minimum = 0.25, maximum = 4)]
    speed: Option<f64>,
    /// How it shall be spoken, in words.
    instructions: Option<String>,
    /// How much one reading is like another.
    #[schema(minimum = 0, maximum = 1)]
    stability: Option<f64>,
    /// How close it keeps to the voice.
    #[schema(minimum = 0, maximum = 1)]
    similarity_boost: Option<f64>,
    /// How much it exaggerates the voice's style.
    #[schema(minimum = 0, maximum = 1)]
    style: Option<f64>,
    /// Whether it comes still closer to the speaker.
    use_speaker_boost: Option<bool>,
    /// The others.
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// A file of speech.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct Synthesized {
    /// Always true: a failure has another form.
    success: bool,
    /// A signed link to the file, for whoever has it; good for 24 hours.
    audio_url: String,
    /// How long it is, read from its bytes; null where they do not tell.
    #[schema(required)]
    duration_seconds: Option<f64>,
    /// How it came about.
    metadata: SynthesizedMetadata,
    /// The file, as `GET /v1/assets/{id}` shows it.
    asset_id: AssetId,
    /// The job that made it.
    job_id: JobId,
    /// The id of the request.
    request_id: String,
    /// When it was answered.
    timestamp: Timestamp,
}

/// How a file came about.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct SynthesizedMetadata {
    /// Who served it.
    provider: String,
    /// The voice that spoke; null if that is not known.
    #[schema(required)]
    voice_id: Option<String>,
    /// The model that spoke.
    model_id: String,
    /// How long the text was.
    character_count: u64,
    /// How long it took.
    generation_time_ms: i64,
    /// The format that was asked for, else what the file is: `mp3`.
    format: String,
    /// Read from the bytes.
    content_type: String,
    /// How large the file is.
    size_bytes: u64,
    /// What it cost in micro-dollars; null if it has no price.
    #[schema(required)]
    cost_micros: Option<i64>,
}

/// A job that goes on.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct SpeechAccepted {
    /// Always true: a failure has another form.
    success: bool,
    /// The job.
    job_id: JobId,
    /// How it stands.
    status: String,
    /// Where to look for it.
    status_url: String,
    /// The id of the request.
    request_id: String,
    /// When it was answered.
    timestamp: Timestamp,
}

/// The voices of the instance's account.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct Voices {
    /// Always true: a failure has another form.
    success: bool,
    /// In the vendor's order.
    voices: Vec<Voice>,
    /// The id of the request.
    request_id: String,
    /// When it was answered.
    timestamp: Timestamp,
}

/// A voice, with what its vendor says of it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct Voice {
    /// What calls name.
    voice_id: String,
    /// For people.
    name: Option<String>,
    /// `premade`, `cloned`, …
    category: Option<String>,
    /// For people.
    description: Option<String>,
    /// Accent, age, gender, …
    labels: Option<Map<String, Value>>,
    /// Where it can be heard.
    preview_url: Option<String>,
    /// The models that it is best with.
    high_quality_base_model_ids: Option<Vec<String>>,
    /// The languages that it was tried in.
    verified_languages: Option<Vec<Value>>,
    /// Whose it is.
    provider: String,
}

pub(super) fn operations() -> Vec<Operation> {
    let example = json!({
        "text": "The quick brown fox jumps over the lazy dog.",
        "model_id": "tts-1",
        "voice_id": "alloy",
        "options": {"output_format": "mp3"},
    });
    let synthesize = Operation::new(
        Method::POST,
        "/audio/synthesize",
        "synthesizeSpeech",
        "Speaks a text to a file that is kept",
    )
    .notes("It is a job: a client that leaves loses nothing. `Prefer: respond-async` does not wait for it.")
    .body(Shape::of::<SynthesizeRequest>(), example)
    .answers(of_call(Answer::json(200, "The file.", Shape::of::<Synthesized>())))
    .answers(
        Answer::json(202, "The job goes on.", Shape::of::<SpeechAccepted>())
            .headers(&["Location", "Preference-Applied", "x-de-receipt", "Idempotency-Replayed"])
            .limits(),
    );
    let voices = Operation::new(
        Method::GET,
        "/audio/voices",
        "listVoices",
        "Lists the voices of the instance's account at ElevenLabs",
    )
    .notes("At most ten minutes old.")
    .answers(Answer::json(200, "The voices.", Shape::of::<Voices>()));
    vec![buys(synthesize.speaks(Speaks::NativeCall)), looks(voices.speaks(Speaks::Native))]
}
