//! How long a recording is, what a transcript of it may use at most, and what is counted where its vendor's count
//! has no price.
//!
//! As with speech, a model's prices say what its vendor bills: seconds, tokens, or calls.

use de_core::{
    calls::TranscriptionCall,
    ceiling::{self, Most},
    cost::{Cost, cost},
    estimate::Estimate,
    limits::wire::Need,
    media::{self, Extent, MediaType},
    receipt::Usage,
    registry::Model,
};

/// The most tokens that a second of sound is read as: Gemini's count, the largest that a vendor documents
/// (<https://ai.google.dev/gemini-api/docs/audio>). OpenAI's models have some ten.
const MOST_READ_A_SECOND: u64 = 32;
/// The most that is written of a second: three times the fastest speech in English, for languages that take more
/// tokens.
const MOST_WRITTEN_A_SECOND: u64 = 32;
/// What a vendor writes around the prompt.
const TOKENS_A_REQUEST: u64 = 64;

/// What a second is read as where nobody says: with this, and what is written, the prices of gpt-4o-transcribe's
/// tokens come to the minute's price that OpenAI names, <https://platform.openai.com/docs/pricing>.
const READ_A_SECOND: u64 = 10;
/// What is written of it: 15 characters of English a second.
const WRITTEN_A_SECOND: u64 = 4;

/// The sparest that speech is stored in: Opus and AMR at some 6 kbit a second.
const SPAREST_BYTES_A_SECOND: u64 = 750;

/// How long a recording is, as far as somebody knows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Length {
    /// By its head, which its sender wrote.
    head_ms: Option<u64>,
    /// So far in it the vendor has heard something.
    heard_ms: Option<u64>,
    /// It cannot be shorter, of so many bytes.
    least_ms: u64,
    size_bytes: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum By {
    Calls,
    Seconds,
    Tokens,
}

fn by(model: &Model) -> By {
    let Some(pricing) = &model.config.pricing else { return By::Seconds };
    let tokens = [
        pricing.audio_input_micros_per_million_tokens,
        pricing.input_micros_per_million_tokens,
        pricing.output_micros_per_million_tokens,
    ];
    if pricing.second_micros_per_million.is_some() {
        By::Seconds
    } else if tokens.iter().any(Option::is_some) {
        By::Tokens
    } else if pricing.request_micros.is_some() {
        By::Calls
    } else {
        By::Seconds
    }
}

impl Length {
    pub(crate) fn of(media: Option<MediaType>, bytes: &Extent<'_>, size_bytes: usize) -> Self {
        Self {
            head_ms: media.and_then(|media| media::measure(media, bytes).duration_ms),
            heard_ms: None,
            least_ms: media.map_or(0, |media| media::shortest_ms(media, bytes)),
            size_bytes: number(size_bytes),
        }
    }

    /// With the end of what the vendor has heard.
    pub(crate) fn heard(self, heard_ms: Option<u64>) -> Self {
        Self { heard_ms, ..self }
    }

    pub(crate) fn known_ms(self) -> Option<u64> {
        self.head_ms.max(self.heard_ms)
    }

    /// What one try at a model is reserved for.
    pub(crate) fn need(self, model: &Model, call: &TranscriptionCall) -> Need {
        let media_ms = self.most_ms();
        match by(model) {
            By::Calls => ceiling::need(model, Most::default(), 0),
            By::Seconds => ceiling::need(model, Most { media_ms, ..Most::default() }, 0),
            By::Tokens => {
                let seconds = media_ms.div_ceil(1_000);
                let input_tokens = seconds
                    .saturating_mul(MOST_READ_A_SECOND)
                    .saturating_add(texts(call).map(|text| number(text.len())).sum())
                    .saturating_add(TOKENS_A_REQUEST);
                let output_tokens = seconds.saturating_mul(MOST_WRITTEN_A_SECOND);
                let most = Most { input_tokens, output_tokens, ..Most::default() };
                ceiling::need(model, most, input_tokens.saturating_add(output_tokens))
            }
        }
    }

    /// The most that it may be billed as: what its head says, begun seconds in full; without a head, what
    /// so many bytes hold of the sparest speech.
    fn most_ms(self) -> u64 {
        let by_size = self.size_bytes.saturating_mul(1_000).div_ceil(SPAREST_BYTES_A_SECOND);
        self.known_ms().unwrap_or(by_size).max(self.least_ms).saturating_add(1_000)
    }

    /// What it is billed as, where the vendor does not say, in the unit of the model's prices.
    pub(crate) fn billed(self, model: &Model, call: &TranscriptionCall) -> Usage {
        let one = Usage { requests: 1, ..Usage::default() };
        let media_ms = self.known_ms().unwrap_or(0).max(self.least_ms);
        match by(model) {
            By::Calls => one,
            By::Seconds => Usage { media_ms, ..one },
            By::Tokens => tokens(model, media_ms, call),
        }
    }

    /// What it is billed as where the vendor counts in a class that has no price; `None` if its count has one, or
    /// ours has none either.
    pub(crate) fn billed_instead(
        self,
        model: &Model,
        call: &TranscriptionCall,
        counted: &Usage,
    ) -> Option<Usage> {
        let pricing = model.config.pricing.as_ref()?;
        let has_cost = |usage: &Usage| matches!(cost(pricing, usage), Cost::Known(_));
        let ours = self.billed(model, call);
        (!has_cost(counted) && has_cost(&ours)).then_some(ours)
    }
}

/// Tokens of so long a recording, each in a class that has a price.
fn tokens(model: &Model, media_ms: u64, call: &TranscriptionCall) -> Usage {
    let pricing = model.config.pricing.clone().unwrap_or_default();
    let of_seconds = |a_second: u64| media_ms.saturating_mul(a_second).div_ceil(1_000);
    let mut usage = Usage { requests: 1, ..Usage::default() };
    if pricing.input_micros_per_million_tokens.is_some() {
        usage.input_tokens = texts(call).map(|text| Estimate::of(text).tokens()).sum();
    }
    if pricing.audio_input_micros_per_million_tokens.is_some() {
        usage.audio_input_tokens = of_seconds(READ_A_SECOND);
    } else if pricing.input_micros_per_million_tokens.is_some() {
        usage.input_tokens = usage.input_tokens.saturating_add(of_seconds(READ_A_SECOND));
    }
    if pricing.output_micros_per_million_tokens.is_some() {
        usage.output_tokens = of_seconds(WRITTEN_A_SECOND);
    }
    usage
}

/// What a vendor reads beside the sound.
fn texts(call: &TranscriptionCall) -> impl Iterator<Item = &str> {
    let extra = call.extra.iter().map(|(_, text)| text.as_str());
    call.prompt.as_deref().into_iter().chain(extra)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use de_core::{model::ModelConfig, store::providers};
    use serde_json::{Value, json};

    use super::*;

    fn model(pricing: Value) -> Model {
        let config = ModelConfig::parse(&json!({
            "model_id": "m", "provider_id": "openai", "display_name": "M",
            "protocol": "openai-transcriptions", "capabilities": {"transcription": true},
            "pricing": pricing,
        }));
        let provider: providers::Provider = serde_json::from_value(json!({
            "id": "openai", "display_name": "P", "base_url": "https://p.example",
            "auth": {"kind": "bearer"},
        }))
        .unwrap();
        Model::unsaved(config.unwrap(), provider).unwrap()
    }

    /// A minute and a half.
    const LENGTH: Length =
        Length { head_ms: Some(90_000), heard_ms: None, least_ms: 0, size_bytes: 90_000 };

    #[test]
    fn the_prices_say_what_is_held_and_what_is_counted() {
        let call = TranscriptionCall { prompt: Some("Kurt, Ada".into()), ..Default::default() };
        let check = |pricing: Value, micros, tokens, counted: Value| {
            let model = model(pricing.clone());
            let need = LENGTH.need(&model, &call);
            assert_eq!((need.micros, need.tokens), (micros, tokens), "{pricing}");
            let counted: Usage = serde_json::from_value(counted).unwrap();
            assert_eq!(LENGTH.billed(&model, &call), Usage { requests: 1, ..counted }, "{pricing}");
        };
        let second = json!({"second_micros_per_million": 100_000_000});
        check(second, Some(9_100), 0, json!({"media_ms": 90_000}));
        check(json!({"request_micros": 7}), Some(7), 0, json!({}));
        check(json!({}), None, 0, json!({"media_ms": 90_000}));
        // 91 seconds at 64 tokens, the prompt's nine bytes, and what is around it.
        let held = 91 * 32 + 9 + 64;
        let all = json!({"input_micros_per_million_tokens": 2_500_000,
            "audio_input_micros_per_million_tokens": 6_000_000,
            "output_micros_per_million_tokens": 10_000_000});
        let counted = json!({"input_tokens": 3, "audio_input_tokens": 900, "output_tokens": 360});
        check(all, Some(held * 6 + 91 * 32 * 10), held + 91 * 32, counted);
        let text = json!({"input_micros_per_million_tokens": 1_000_000,
            "output_micros_per_million_tokens": 1_000_000});
        let counted = json!({"input_tokens": 903, "output_tokens": 360});
        check(text, Some(held + 91 * 32), held + 91 * 32, counted);
    }

    #[test]
    fn no_guess_is_over_what_is_held() {
        let pricing = json!({"input_micros_per_million_tokens": 1_000_000,
            "output_micros_per_million_tokens": 1_000_000});
        let model = model(pricing);
        let call = TranscriptionCall::default();
        let used = LENGTH.billed(&model, &call).total_tokens();
        assert!(used <= LENGTH.need(&model, &call).tokens);
    }
}
