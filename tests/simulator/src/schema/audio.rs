//! The requests for speech at OpenAI, and the forms of transcriptions at OpenAI, Groq and ElevenLabs.

use crate::schema::{Field, Kind, TEXT, optional, required};

const MANY: usize = usize::MAX;

/// The voices of the newer models; older ones lack the last four.
pub(crate) const OPENAI_VOICES: &[&str] = &[
    "alloy", "ash", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "ballad", "cedar",
    "marin", "verse",
];

/// `POST /audio/speech`.
/// Follows <https://platform.openai.com/docs/api-reference/audio/createSpeech>.
pub(crate) const OPENAI_SPEECH: &[Field] = &[
    required("input", Kind::Text(1, 4_096)),
    required("model", TEXT),
    required(
        "voice",
        Kind::Either(&[Kind::Choice(OPENAI_VOICES), Kind::Object(&[required("id", TEXT)])]),
    ),
    optional("instructions", Kind::Text(0, 4_096)),
    optional("response_format", Kind::Choice(&["mp3", "opus", "aac", "flac", "wav", "pcm"])),
    optional("speed", Kind::Number(0.25, 4.0)),
    optional("stream_format", Kind::Choice(&["audio", "sse"])),
];

const TEMPERATURE: Field = optional("temperature", Kind::Number(0.0, 1.0));
const GRANULARITIES: Field =
    optional("timestamp_granularities", Kind::List(&Kind::Choice(&["word", "segment"]), 0, 2));

/// `POST /audio/transcriptions`, without its file.
/// Follows <https://platform.openai.com/docs/api-reference/audio/createTranscription>.
pub(crate) const OPENAI_TRANSCRIPTION: &[Field] = &[
    required("model", TEXT),
    optional("chunking_strategy", TEXT),
    optional("include", Kind::List(&Kind::Choice(&["logprobs"]), 0, 1)),
    optional("keywords", Kind::List(&TEXT, 0, MANY)),
    optional("language", Kind::Text(2, 2)),
    optional("languages", Kind::List(&Kind::Text(2, 2), 0, MANY)),
    optional("prompt", TEXT),
    optional(
        "response_format",
        Kind::Choice(&["json", "text", "srt", "verbose_json", "vtt", "diarized_json"]),
    ),
    optional("stream", Kind::Bool),
    TEMPERATURE,
    GRANULARITIES,
];

/// The same at Groq. Follows <https://console.groq.com/docs/api-reference#audio-transcription>.
pub(crate) const GROQ_TRANSCRIPTION: &[Field] = &[
    required("model", TEXT),
    optional("language", Kind::Text(2, 2)),
    optional("prompt", TEXT),
    optional("response_format", Kind::Choice(&["json", "text", "verbose_json"])),
    TEMPERATURE,
    GRANULARITIES,
];

/// `POST /v1/speech-to-text` at ElevenLabs, without its file.
/// Follows <https://elevenlabs.io/docs/api-reference/speech-to-text/convert>.
pub(crate) const ELEVENLABS_TRANSCRIPTION: &[Field] = &[
    required("model_id", TEXT),
    optional("additional_formats", TEXT),
    optional("cloud_storage_url", TEXT),
    optional("diarization_threshold", Kind::Number(0.1, 0.4)),
    optional("diarize", Kind::Bool),
    optional("entity_detection", TEXT),
    optional("file_format", Kind::Choice(&["pcm_s16le_16", "other"])),
    optional("keyterms", Kind::List(&Kind::Text(1, 50), 0, 100)),
    optional("language_code", TEXT),
    optional("no_verbatim", Kind::Bool),
    optional("num_speakers", Kind::Integer(1, 32)),
    optional("seed", Kind::Integer(0, 2_147_483_647)),
    optional("tag_audio_events", Kind::Bool),
    optional("temperature", Kind::Number(0.0, 2.0)),
    optional("timestamps_granularity", Kind::Choice(&["none", "word", "character"])),
    optional("use_multi_channel", Kind::Bool),
    optional("webhook", Kind::Bool),
    optional("webhook_id", TEXT),
];
