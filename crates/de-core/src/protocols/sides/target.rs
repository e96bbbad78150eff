//! What a vendor's side needs to know of the model that it writes for.

use crate::model::OnUnsupported;

/// What a vendor's side needs to know of the model.
#[derive(Clone, Debug)]
pub struct Target {
    /// Whether the model thinks before it answers; `None` if not known.
    pub reasoning: Option<bool>,
    /// Whether it takes a budget of tokens to think within; only `anthropic-messages` asks. `None` if not known.
    pub reasoning_budget: Option<bool>,
    /// Whether it takes an effort, and thinks as much as it finds right; only `anthropic-messages` asks. `None`
    /// if not known.
    pub reasoning_effort: Option<bool>,
    /// Whether the model takes `temperature`, `top_p` and kin; `None` if not known: they are sent.
    pub sampling_params: Option<bool>,
    /// The bound for protocols that demand one and callers that give none.
    pub default_max_output_tokens: u64,
    /// How the host wants the output bound to be called; only `openai-chat` asks.
    pub max_tokens_field: MaxTokensField,
    /// What becomes of settings that the vendor has no word for.
    pub on_unsupported: OnUnsupported,
    /// How the host wants the seed to be called; only `openai-chat` asks.
    pub seed_field: SeedField,
    /// Whether the model wants its thoughts of earlier turns back; only `openai-chat` asks.
    pub takes_thoughts: bool,
    /// Whether the host takes `user`; only `openai-chat` asks.
    pub takes_user: bool,
    /// Whether the model cannot be told not to think; `None` if not known.
    pub thinking_always_on: Option<bool>,
    /// What becomes of options that its mapping does not know; without a mapping the same as `on_unsupported`.
    pub unknown_options: OnUnsupported,
    /// The model, as the vendor names it.
    pub upstream_model: String,
}

impl Target {
    /// The same for a caller who says what becomes of what the vendor cannot take: their word goes before those of the
    /// model's row and of its mapping.
    #[must_use]
    pub fn asked(self, word: Option<OnUnsupported>) -> Self {
        match word {
            Some(word) => Self { on_unsupported: word, unknown_options: word, ..self },
            None => self,
        }
    }

    /// Whether the caller is told why something was left out: a setting or an option.
    #[must_use]
    pub fn warns(&self) -> bool {
        self.on_unsupported == OnUnsupported::Warn || self.warns_of_options()
    }

    /// The same of calls for pictures, sound and films, of which all that can be left out are options.
    #[must_use]
    pub fn warns_of_options(&self) -> bool {
        self.unknown_options == OnUnsupported::Warn
    }
}

/// The member that bounds the output, among hosts that speak OpenAI's chat protocol.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum MaxTokensField {
    /// `max_completion_tokens`: OpenAI, whose reasoning models refuse the other.
    #[default]
    MaxCompletionTokens,
    /// `max_tokens`: most hosts that speak the protocol without being OpenAI.
    MaxTokens,
}

impl MaxTokensField {
    /// The member's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxTokens => "max_tokens",
        }
    }
}

/// The member that seeds the sampling, among hosts that speak OpenAI's chat protocol.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SeedField {
    /// `seed`: OpenAI and most others.
    #[default]
    Seed,
    /// `random_seed`: Mistral.
    RandomSeed,
}

impl SeedField {
    /// The member's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RandomSeed => "random_seed",
            Self::Seed => "seed",
        }
    }
}

/// A target for the tests of vendors.
#[cfg(test)]
pub(in crate::protocols) fn test_target(
    upstream_model: &str,
    on_unsupported: OnUnsupported,
) -> Target {
    Target {
        default_max_output_tokens: 16,
        max_tokens_field: MaxTokensField::default(),
        on_unsupported,
        reasoning: None,
        reasoning_budget: None,
        reasoning_effort: None,
        sampling_params: None,
        seed_field: SeedField::default(),
        takes_thoughts: false,
        takes_user: true,
        thinking_always_on: None,
        unknown_options: on_unsupported,
        upstream_model: upstream_model.to_owned(),
    }
}
