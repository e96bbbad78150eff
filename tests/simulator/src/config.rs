//! What the simulator is told at start: which keys it accepts and how strict it is about age.

use std::collections::BTreeMap;

/// A vendor that the simulator stands in for; its id is the first segment of its paths.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Vendor {
    /// `/anthropic`: the Messages API.
    Anthropic,
    /// `/deepseek/v1`: the chat API of OpenAI on another host.
    DeepSeek,
    /// `/elevenlabs`: speech, voices and transcription.
    ElevenLabs,
    /// `/fal`: pictures, from a queue that is asked.
    Fal,
    /// `/google/v1beta`: Gemini's pictures.
    Google,
    /// `/groq/v1`: the chat API of OpenAI on another host.
    Groq,
    /// `/ideogram`: images, legacy and v3.
    Ideogram,
    /// `/mistral/v1`: close to the chat API of OpenAI, with its own refusals.
    Mistral,
    /// `/openai/v1`: chat, images, speech and transcription.
    OpenAi,
    /// `/pexels`: photos and videos.
    Pexels,
    /// `/pixabay`: pictures and videos.
    Pixabay,
    /// `/replicate/v1`: predictions, which are polled.
    Replicate,
    /// `/shotstack/edit/v1`, `/shotstack/edit/stage`: renders, which are polled.
    Shotstack,
    /// `/together/v1`: the chat API of OpenAI on another host.
    Together,
}

impl Vendor {
    /// Every vendor, in the order of their ids.
    pub const ALL: [Self; 14] = [
        Self::Anthropic,
        Self::DeepSeek,
        Self::ElevenLabs,
        Self::Fal,
        Self::Google,
        Self::Groq,
        Self::Ideogram,
        Self::Mistral,
        Self::OpenAi,
        Self::Pexels,
        Self::Pixabay,
        Self::Replicate,
        Self::Shotstack,
        Self::Together,
    ];

    /// The vendor's id: `openai`, `anthropic`, ….
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::DeepSeek => "deepseek",
            Self::ElevenLabs => "elevenlabs",
            Self::Fal => "fal",
            Self::Google => "google",
            Self::Groq => "groq",
            Self::Ideogram => "ideogram",
            Self::Mistral => "mistral",
            Self::OpenAi => "openai",
            Self::Pexels => "pexels",
            Self::Pixabay => "pixabay",
            Self::Replicate => "replicate",
            Self::Shotstack => "shotstack",
            Self::Together => "together",
        }
    }

    /// Finds a vendor by its id.
    ///
    /// # Errors
    /// `Unknown` if no vendor has that id.
    pub fn parse(id: &str) -> Result<Self, VendorError> {
        Self::ALL.into_iter().find(|vendor| vendor.id() == id).ok_or(VendorError::Unknown)
    }

    /// The key that is accepted when the start named none: no secret, the same in every run.
    #[must_use]
    pub const fn default_key(self) -> &'static str {
        match self {
            Self::Anthropic => "sk-ant-simulator-key-0001",
            Self::DeepSeek => "sk-deepseek-simulator-key-0001",
            Self::ElevenLabs => "sk_elevenlabs-simulator-key-0001",
            Self::Fal => "fal-simulator-key-0001",
            Self::Google => "AIza-simulator-key-0001",
            Self::Groq => "gsk_simulator-key-0001",
            Self::Ideogram => "ideogram-simulator-key-0001",
            Self::Mistral => "mistral-simulator-key-0001",
            Self::OpenAi => "sk-simulator-key-0001",
            Self::Pexels => "pexels-simulator-key-0001",
            Self::Pixabay => "pixabay-simulator-key-0001",
            Self::Replicate => "r8_simulator-key-0001",
            Self::Shotstack => "shotstack-simulator-key-0001",
            Self::Together => "together-simulator-key-0001",
        }
    }
}

/// Why a vendor or its key could not be read from the start's arguments.
#[derive(Debug, thiserror::Error)]
pub enum VendorError {
    /// The text is not `vendor=key`. It is not repeated: it may be a key alone.
    #[error("a key must be given in the form vendor=key")]
    Form,
    /// The text is not a JSON object of strings.
    #[error("keys are not a JSON object of strings")]
    Json {
        /// Where the JSON breaks.
        #[source]
        source: serde_json::Error,
    },
    /// No vendor has this id. It is not repeated either.
    #[error(
        "no such vendor; known are anthropic, deepseek, elevenlabs, fal, google, groq, ideogram, mistral, openai, pexels, pixabay, replicate, shotstack, together"
    )]
    Unknown,
}

/// How a simulator starts. Without `Debug`, since it holds keys.
#[derive(Clone, Default)]
pub struct Config {
    /// Retired models answer as if they were current, so that old mappings can be tried.
    pub accept_retired: bool,
    /// Keys that replace the vendors' default ones; a vendor listed here accepts only these.
    pub keys: BTreeMap<Vendor, Vec<String>>,
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
}

impl Config {
    /// Adds one accepted key, written `vendor=key`.
    ///
    /// # Errors
    /// `Form` without an equals sign or with an empty key, `Unknown` for an unknown vendor.
    pub fn accept(&mut self, text: &str) -> Result<(), VendorError> {
        let (vendor, key) = text.split_once('=').ok_or(VendorError::Form)?;
        if key.is_empty() {
            return Err(VendorError::Form);
        }
        self.keys.entry(Vendor::parse(vendor)?).or_default().push(key.to_owned());
        Ok(())
    }

    /// Adds accepted keys from a JSON object: `{"openai": "sk-…", "anthropic": "sk-ant-…"}`.
    ///
    /// # Errors
    /// `Json` if it is no object of strings, `Unknown` for an unknown vendor.
    pub fn accept_json(&mut self, json: &str) -> Result<(), VendorError> {
        let keys: BTreeMap<String, String> =
            serde_json::from_str(json).map_err(|source| VendorError::Json { source })?;
        for (vendor, key) in keys {
            self.keys.entry(Vendor::parse(&vendor)?).or_default().push(key);
        }
        Ok(())
    }

    /// Whether the vendor would let this key in.
    pub(crate) fn accepts(&self, vendor: Vendor, key: &str) -> bool {
        match self.keys.get(&vendor) {
            Some(keys) => keys.iter().any(|accepted| accepted == key),
            None => vendor.default_key() == key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Config, Vendor, VendorError};

    #[test]
    fn default_key_counts_until_another_is_named() {
        let mut config = Config::default();
        assert!(config.accepts(Vendor::OpenAi, Vendor::OpenAi.default_key()));
        config.accept("openai=sk-mine=1").unwrap();
        assert!(config.accepts(Vendor::OpenAi, "sk-mine=1"));
        assert!(!config.accepts(Vendor::OpenAi, Vendor::OpenAi.default_key()));
        assert!(config.accepts(Vendor::Groq, Vendor::Groq.default_key()));
    }

    #[test]
    fn wrong_arguments_are_refused_and_not_repeated() {
        for text in ["sk-secret", "openai=", "sk-secret==", "acme=sk-secret"] {
            let message = Config::default().accept(text).unwrap_err().to_string();
            assert!(!message.contains("secret"), "{message}");
        }
        assert!(
            Vendor::ALL.iter().all(|vendor| VendorError::Unknown.to_string().contains(vendor.id()))
        );
        let mut config = Config::default();
        assert!(config.accept_json("[]").is_err());
        config.accept_json(r#"{"mistral": "m1"}"#).unwrap();
        assert!(config.accepts(Vendor::Mistral, "m1"));
    }
}
