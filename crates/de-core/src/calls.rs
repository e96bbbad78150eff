//! What can be asked of a vendor beside a conversation, and what comes of it: pictures, speech, renders,
//! and searches for stock media.
//!
//! These are canonical: whatever protocol the caller spoke, a vendor's adapter reads them. Settings that not
//! all vendors have are `options`, by the names that payload mappings use; an adapter takes those it has a
//! word for, and refuses or drops the others as the model says.

pub mod embedding;
pub mod stock;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{money::Micros, receipt::Usage};

/// A file that came with a call: a picture to work on, a recording to write down.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct File {
    /// The bytes; empty while they rest under `storage_key`.
    #[serde(skip)]
    pub bytes: Bytes,
    /// What they are, read from themselves: `image/png`.
    pub content_type: String,
    /// As the caller called it; vendors look at its ending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// Where the bytes rest until a job needs them; never the caller's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_key: Option<String>,
}

impl File {
    /// The same under no name, and without its bytes: where they rest.
    #[must_use]
    pub fn nameless(&self) -> Self {
        Self {
            content_type: self.content_type.clone(),
            storage_key: self.storage_key.clone(),
            ..Self::default()
        }
    }
}

/// Pictures to be made, or to be made of others.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ImageCall {
    /// Pictures to work on; none: it makes new ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<File>,
    /// Which part of the first picture may change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<File>,
    /// How many, at least 1.
    pub n: u32,
    /// `size`, `aspect_ratio`, `quality`, `style`, `background`, `output_format`, `seed`, `negative_prompt`, …
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
    /// What shall be seen.
    pub prompt: String,
    /// The caller's name for its user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// What a vendor made of an [`ImageCall`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageReply {
    /// What the vendor says that it costs, where it does.
    pub cost: Option<Micros>,
    /// In the vendor's order.
    pub images: Vec<MadeImage>,
    /// The quality that was made, where the price depends on it; the vendor's word.
    pub quality: Option<String>,
    /// The size that was made, where the price depends on it: `1024x1024`.
    pub size: Option<String>,
    /// What was used; `images` counts those that are billed.
    pub usage: Option<Usage>,
}

/// One picture of a reply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MadeImage {
    /// Where it is; absent: the vendor holds it back as unsafe.
    pub made: Option<Made>,
    /// The prompt as the vendor rewrote it.
    pub revised_prompt: Option<String>,
    /// What it could be made from again.
    pub seed: Option<u64>,
}

/// Where something that a vendor made is.
#[derive(Clone, PartialEq)]
pub enum Made {
    /// In the reply, in base64: a part of the vendor's body, so that a picture is not in memory twice.
    Base64(Bytes),
    /// In the reply.
    Bytes(Bytes),
    /// Somewhere else, for a while. Not to be trusted.
    Url(String),
}

impl std::fmt::Debug for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Base64(text) => write!(f, "Base64({} characters)", text.len()),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            // A link of a vendor may carry a signature.
            Self::Url(url) => {
                write!(f, "Url({})", url.split(['?', '#']).next().unwrap_or_default())
            }
        }
    }
}

/// Text to be spoken.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct SpeechCall {
    /// The format of the sound, in the words of OpenAI (`mp3`, `opus`, `aac`, `flac`, `wav`, `pcm`) or of
    /// ElevenLabs (`mp3_44100_128`); absent: the vendor's usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// `speed`, `instructions`, `stability`, `similarity_boost`, `style`, `seed`, `language_code`, …
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
    /// Whether whoever asked hears it as it is made, where the vendor has a call of its own for that.
    #[serde(default)]
    pub streamed: bool,
    /// What is to be said.
    pub text: String,
    /// The vendor's name or id of the voice; absent: the vendor's or model's usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
}

/// A recording to be written down.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct TranscriptionCall {
    /// Fields of OpenAI's protocol that no other vendor has a word for, in the caller's order:
    /// `include[]`, `chunking_strategy`, …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<(String, String)>,
    /// The recording.
    pub file: File,
    /// The form of the answer, in OpenAI's words: `json`, `text`, `srt`, `verbose_json`, `vtt`.
    pub format: String,
    /// The language that is spoken: ISO 639-1, in some vendors' words also 639-3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Words that help to hear: names, what was said before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// From 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// What `verbose_json` shall tell times of: `word`, `segment`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timestamp_granularities: Vec<String>,
}

/// What a vendor made of a [`TranscriptionCall`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TranscriptionReply {
    /// How far into the recording the vendor has heard something, in milliseconds, if it says.
    pub heard_ms: Option<u64>,
    /// What was heard; absent where the vendor's own answer is what the caller gets.
    pub transcript: Option<Transcript>,
    /// What was used, if the vendor says.
    pub usage: Option<Usage>,
}

/// What was heard in a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// The language, as the vendor calls it: `eng`.
    pub language: Option<String>,
    /// All of it.
    pub text: String,
    /// Word by word, if the vendor tells their times.
    pub words: Vec<Word>,
}

/// One word of a [`Transcript`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Word {
    /// In seconds from the beginning.
    pub end: f64,
    /// The logarithm of how sure the vendor is.
    pub logprob: Option<f64>,
    /// In seconds from the beginning.
    pub start: f64,
    /// With its punctuation, without spaces around it.
    pub text: String,
}

/// A film to be put together from a timeline.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct RenderCall {
    /// The edit as the caller wrote it, checked: `timeline`, `output`, `merge`.
    pub edit: Map<String, Value>,
}

/// What a vendor made of a [`RenderCall`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RenderReply {
    /// The film, picture or sound.
    pub made: Option<Made>,
    /// A still of it.
    pub poster: Option<Made>,
    /// A small still of it.
    pub thumbnail: Option<Made>,
    /// What was used; `media_ms` is how long the film is.
    pub usage: Option<Usage>,
}
