//! The closed sets of words in a model config: protocols, modalities, states.

use std::fmt;

use serde::{Serialize, Serializer};

/// An enum whose variants are words: `ALL`, `as_str`, `parse`, and the same words in JSON.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// All of them, in the order of their names.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// Reads the word; `None` for any other.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word)
            }

            /// What [`parse`](Self::parse) takes, for a message to a person: `one of a, b`.
            #[must_use]
            pub fn expected() -> String {
                let words: Vec<&str> = Self::ALL.iter().map(|known| known.as_str()).collect();
                format!("one of {}", words.join(", "))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let word = <String as serde::Deserialize>::deserialize(from)?;
                Self::parse(&word).ok_or_else(|| {
                    serde::de::Error::custom(format!("expected {}", Self::expected()))
                })
            }
        }
    };
}

pub(crate) use words;

words!(/// How a model's vendor is spoken to: in code by its own protocol, or by a mapping in data.
    Protocol {
    // mark: protocols. `cargo xtask new-provider` writes below this line, in the order of the alphabet.
    /// Anthropic's Messages API.
    AnthropicMessages = "anthropic-messages",
    /// ElevenLabs: text to speech.
    ElevenlabsSpeech = "elevenlabs-speech",
    /// ElevenLabs: speech to text.
    ElevenlabsTranscription = "elevenlabs-transcription",
    /// Google's generateContent.
    Gemini = "gemini",
    /// Google's batchEmbedContents.
    GeminiEmbeddings = "gemini-embeddings",
    /// Ideogram.
    Ideogram = "ideogram",
    /// A payload mapping says how.
    Mapped = "mapped",
    /// OpenAI's chat completions, and whoever speaks the same.
    OpenaiChat = "openai-chat",
    /// OpenAI's embeddings.
    OpenaiEmbeddings = "openai-embeddings",
    /// OpenAI's images.
    OpenaiImages = "openai-images",
    /// OpenAI's responses.
    OpenaiResponses = "openai-responses",
    /// OpenAI's text to speech.
    OpenaiSpeech = "openai-speech",
    /// OpenAI's speech to text.
    OpenaiTranscriptions = "openai-transcriptions",
    /// Pexels.
    Pexels = "pexels",
    /// Pixabay.
    Pixabay = "pixabay",
    /// Shotstack.
    Shotstack = "shotstack",
    // mark: end of protocols
});

impl Protocol {
    /// Whether calls in this modality are served by this protocol. A config with another one can be kept,
    /// not called.
    #[must_use]
    pub fn is_built_for(self, modality: Modality) -> bool {
        match self {
            Self::Mapped => true,
            Self::AnthropicMessages
            | Self::GeminiEmbeddings
            | Self::OpenaiChat
            | Self::OpenaiEmbeddings
            | Self::OpenaiResponses => modality == Modality::Text,
            Self::Gemini => matches!(modality, Modality::Image | Modality::Text),
            Self::OpenaiImages => modality == Modality::Image,
            Self::ElevenlabsSpeech
            | Self::ElevenlabsTranscription
            | Self::OpenaiSpeech
            | Self::OpenaiTranscriptions => modality == Modality::Audio,
            Self::Pexels | Self::Pixabay => matches!(modality, Modality::Image | Modality::Video),
            Self::Shotstack => modality == Modality::Video,
            Self::Ideogram => false,
            // mark: unbuilt protocols. `cargo xtask new-provider` writes above this line.
        }
    }
}

words!(/// What kind of failure a try at a model came to, told from its vendor's status and code.
    ErrorClass {
    /// The vendor refuses our key, or the account behind it has no money left; or there is no key.
    Auth = "auth",
    /// The vendor refuses the request for safety.
    ContentRefused = "content_refused",
    /// The request is too large for the model.
    ContextLength = "context_length",
    /// The vendor failed, or does not serve the model, or its answer cannot be read.
    Error = "error",
    /// The vendor says slow down, or a limit of the model has no room.
    RateLimit = "rate_limit",
    /// The vendor did not answer in time.
    Timeout = "timeout",
    /// The vendor is overloaded or cannot be reached, or its circuit is open.
    Unavailable = "unavailable",
    /// The model has no word for something that the request asks for.
    Unsupported = "unsupported",
});

impl ErrorClass {
    /// Whether a fallback that names no classes serves after it: where the vendor failed, not where the request
    /// is one that this model cannot or will not answer.
    #[must_use]
    pub fn is_usual(self) -> bool {
        match self {
            Self::Auth | Self::Error | Self::RateLimit | Self::Timeout | Self::Unavailable => true,
            Self::ContentRefused | Self::ContextLength | Self::Unsupported => false,
        }
    }
}

words!(/// What a model works in. It decides which worker serves the model.
    Modality {
    /// Speech and sound, made or read.
    Audio = "audio",
    /// Pictures.
    Image = "image",
    /// Text and embeddings.
    Text = "text",
    /// Moving pictures.
    Video = "video",
});

words!(/// Whether a model may be called.
    Status {
    /// Yes.
    Active = "active",
    /// Yes, and shown as not finished.
    Beta = "beta",
    /// Yes, with a warning; hidden from new use.
    Deprecated = "deprecated",
    /// No: it answers as if it did not exist.
    Disabled = "disabled",
});

words!(/// What calls have in common that go to the same one of several models.
    Sticky {
    /// The conversation that the header `x-de-session` names.
    Conversation = "conversation",
    /// The key, or the person who has no key.
    Key = "key",
    /// The user that the request names.
    User = "user",
});

words!(/// What happens to an option that a model cannot honour.
    OnUnsupported {
    /// It is left out, and `x-de-dropped` names it.
    Drop = "drop",
    /// The call is refused with the option's name.
    Reject = "reject",
    /// It is left out, `x-de-dropped` names it, and `x-de-warnings` says why.
    Warn = "warn",
});

impl OnUnsupported {
    /// Reads the word of a model's row: rows of earlier versions say `refuse` for `reject`.
    #[must_use]
    pub fn of_row(word: &str) -> Option<Self> {
        if word == "refuse" { Some(Self::Reject) } else { Self::parse(word) }
    }
}

/// A day of the calendar, `2027-01-14`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Date(chrono::NaiveDate);

impl Date {
    /// Reads the full-date of RFC 3339; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != "2027-01-14".len() {
            return None;
        }
        chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(Self)
    }

    /// Its first moment, in UTC.
    #[must_use]
    pub fn begins_at(self) -> crate::time::UnixMillis {
        crate::time::UnixMillis(
            self.0.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis(),
        )
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d"))
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows and exported files hold these words.
    #[test]
    fn words_are_stable() {
        // Rows hold these words: one that stands here stays.
        let protocols = [
            // mark: pinned protocols. `cargo xtask new-provider` writes below this line.
            "anthropic-messages",
            "elevenlabs-speech",
            "elevenlabs-transcription",
            "gemini",
            "gemini-embeddings",
            "ideogram",
            "mapped",
            "openai-chat",
            "openai-embeddings",
            "openai-images",
            "openai-responses",
            "openai-speech",
            "openai-transcriptions",
            "pexels",
            "pixabay",
            "shotstack",
            // mark: end of pinned protocols
        ];
        assert_eq!(Protocol::expected(), format!("one of {}", protocols.join(", ")));
        assert_eq!(Modality::expected(), "one of audio, image, text, video");
        assert_eq!(Status::expected(), "one of active, beta, deprecated, disabled");
        for protocol in Protocol::ALL {
            assert_eq!(Protocol::parse(protocol.as_str()), Some(*protocol));
        }
    }

    #[test]
    fn dates_are_whole_days() {
        assert_eq!(Date::parse("2027-01-14").unwrap().begins_at().0, 1_799_884_800_000);
        assert_eq!(Date::parse("2027-01-14").unwrap().to_string(), "2027-01-14");
        for bad in ["", "2027-1-14", "2027-02-30", "14.01.2027", "2027-01-14T00:00:00Z"] {
            assert_eq!(Date::parse(bad), None, "{bad}");
        }
    }
}
