//! `POST /v1/audio/speech` and `/v1/audio/transcriptions`, described: what we read ourselves. Whatever else a
//! body holds is relayed where the model's vendor speaks OpenAI's protocol too.
//!
//! Follows <https://platform.openai.com/docs/api-reference/audio>.

use de_core::openapi::{
    operation::{Answer, Operation, Speaks},
    shape::Shape,
};
use http::Method;
use serde_json::json;
use utoipa::ToSchema;

use super::{buys, of_call};

/// A text to be spoken. Null counts as absent.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `OpenAiSpeechCall::parse` reads")]
struct SpeechRequest {
    /// The model or an alias of it, of any vendor that speaks.
    model: String,
    /// What is to be said; how long it may be, the model says: 4,096 characters at OpenAI.
    #[schema(min_length = 1)]
    input: String,
    /// The vendor's own name of a voice.
    voice: SpeechVoice,
    /// The format; `mp3` unless given. ElevenLabs makes no `aac` and no `flac`.
    response_format: Option<SpeechFormat>,
    /// How fast; 1 is as usual.
    #[schema(minimum = 0.25, maximum = 4)]
    speed: Option<f64>,
    /// How it shall be spoken, in words. ElevenLabs has no word for it.
    instructions: Option<String>,
    /// Sound, or events that hold it in base64 and tell what was used: those only where the vendor has them too.
    stream_format: Option<SpeechStreamFormat>,
}

/// A voice.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what `OpenAiSpeechCall::parse` reads")]
enum SpeechVoice {
    /// By its name or id.
    Name(String),
    /// One of an organization's own.
    Own(SpeechOwnVoice),
}

/// A voice that an organization has made.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `OpenAiSpeechCall::parse` reads")]
struct SpeechOwnVoice {
    /// Its id.
    id: String,
}

/// A format of sound.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `OpenAiSpeechCall::parse` reads")]
enum SpeechFormat {
    /// AAC in ADTS frames.
    Aac,
    /// FLAC.
    Flac,
    /// MPEG audio, layer III.
    Mp3,
    /// Opus in Ogg.
    Opus,
    /// Samples of 16 bits, 24,000 a second, without a head.
    Pcm,
    /// The same with one.
    Wav,
}

/// How speech comes.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `OpenAiSpeechCall::parse` reads")]
enum SpeechStreamFormat {
    /// As sound.
    Audio,
    /// As events.
    Sse,
}

/// An event of speech.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what OpenAI writes")]
struct SpeechEvent {
    /// `speech.audio.delta` or `speech.audio.done`; absent in a failure.
    r#type: Option<String>,
    /// Sound in base64.
    audio: Option<String>,
    /// What was used.
    usage: Option<SpeechUsage>,
}

/// What speech used.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what OpenAI writes")]
struct SpeechUsage {
    /// Tokens read.
    input_tokens: u64,
    /// Tokens made.
    output_tokens: u64,
    /// Both.
    total_tokens: u64,
}

/// A recording to be written down. At most 25 MiB.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `OpenAiTranscriptionCall::parse` reads")]
struct TranscriptionRequest {
    /// The recording: sound or film, known by its bytes.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// The model or an alias of it, of any vendor that writes down what it hears.
    model: String,
    /// The language that is spoken: ISO 639-1.
    language: Option<String>,
    /// Words that help to hear. ElevenLabs has no word for it.
    prompt: Option<String>,
    /// The form of the answer; `json` unless given. Newer models of OpenAI have only that.
    response_format: Option<TranscriptionFormat>,
    /// How much chance there is in it.
    #[schema(minimum = 0, maximum = 1)]
    temperature: Option<f64>,
    /// What `verbose_json` tells times of.
    #[serde(rename = "timestamp_granularities[]")]
    timestamp_granularities: Option<Vec<TranscriptionGranularity>>,
}

/// The form of a transcript.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what `OpenAiTranscriptionCall::parse` reads")]
enum TranscriptionFormat {
    /// With who speaks, where OpenAI's model knows.
    DiarizedJson,
    /// The text.
    Json,
    /// Subtitles.
    Srt,
    /// The text alone.
    Text,
    /// With times.
    VerboseJson,
    /// Subtitles.
    Vtt,
}

/// What times are told of.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `OpenAiTranscriptionCall::parse` reads")]
enum TranscriptionGranularity {
    /// Lines.
    Segment,
    /// Words.
    Word,
}

/// A transcript, `json` or `verbose_json`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is written, and what OpenAI writes")]
struct Transcription {
    /// What was said.
    text: String,
    /// What was used: `{"type": "duration", "seconds"}` or `{"type": "tokens", …}`.
    #[schema(nullable = false)]
    usage: Option<TranscriptionUsage>,
    /// The language, in English; `verbose_json` only.
    language: Option<String>,
    /// How long the recording is, in seconds; `verbose_json` only.
    duration: Option<f64>,
}

/// What a transcript used.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is written, and what OpenAI writes")]
struct TranscriptionUsage {
    /// `duration` or `tokens`.
    r#type: String,
    /// How long the recording is.
    seconds: Option<f64>,
}

pub(super) fn operations() -> Vec<Operation> {
    let speak = Operation::new(
        Method::POST,
        "/v1/audio/speech",
        "createSpeech",
        "Speaks a text, in OpenAI's protocol",
    )
    .notes("Sound leaves as it is made. A vendor that breaks off breaks the connection.")
    .body(
        Shape::open::<SpeechRequest>(),
        json!({"model": "tts-1", "input": "The quick brown fox jumps over the lazy dog.", "voice": "alloy"}),
    )
    .answers(of_call(
        Answer::bytes(200, "The sound.")
            .or_events("OpenAI's events.", Shape::open::<SpeechEvent>()),
    ));
    let transcribe = Operation::new(
        Method::POST,
        "/v1/audio/transcriptions",
        "createTranscription",
        "Writes down a recording, in OpenAI's protocol",
    )
    .form(
        Shape::open::<TranscriptionRequest>(),
        json!({"model": "whisper-1", "file": "@hello.wav"}),
    )
    .answers(of_call(
        Answer::json(200, "What was said.", Shape::open::<Transcription>())
            .or_text("The text alone, or subtitles."),
    ));
    [speak, transcribe].map(|one| buys(one.speaks(Speaks::OpenAi))).into()
}
