//! What speech is billed by, and what is counted where the vendor does not say; whose voices a fallback has.
//!
//! A model's prices tell what its vendor bills: characters (OpenAI's older models, ElevenLabs), tokens
//! (OpenAI's newer ones, which name them only in events), seconds, or calls. Only that class is counted,
//! since a class without a price would make the call unpriced.

use http::HeaderMap;

use crate::{
    calls::SpeechCall, ceiling::Most, estimate::Estimate, http::error::ApiError,
    protocols::FieldIssue, receipt::Usage, registry::Model, split::Splitting,
};

/// Tokens of sound in a minute: OpenAI's price of a minute (0.015 dollars) over that of a token (12 dollars
/// a million). See <https://platform.openai.com/docs/pricing>.
const TOKENS_A_MINUTE: u64 = 1_250;

/// Characters that are spoken in a second, where nobody has heard how long it took: English, read aloud.
const CHARACTERS_A_SECOND: u64 = 15;

/// The most tokens of sound that a character may come to: the slowest speech of some languages, whose
/// characters are syllables or words, takes a second for two of them.
const TOKENS_A_CHARACTER: u64 = 12;

/// The longest that a character may take: as [`TOKENS_A_CHARACTER`], in milliseconds.
const SLOWEST_MS_A_CHARACTER: u64 = 576;

/// The slowest speed that vendors take, in percent.
const SLOWEST_PERCENT: u64 = 25;

/// What was used, and whether that is a guess of ours.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Bill {
    /// Whether the vendor counts something that it does not tell.
    pub is_estimate: bool,
    /// By class.
    pub usage: Usage,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum By {
    Calls,
    Characters,
    Seconds,
    Tokens,
}

fn by(model: &Model) -> By {
    let Some(pricing) = &model.config.pricing else { return By::Characters };
    if pricing.character_micros_per_million.is_some() {
        By::Characters
    } else if pricing.audio_output_micros_per_million_tokens.is_some() {
        By::Tokens
    } else if pricing.second_micros_per_million.is_some() {
        By::Seconds
    } else if pricing.request_micros.is_some() {
        By::Calls
    } else {
        By::Characters
    }
}

/// Whether the bill depends on how long the speech is.
#[must_use]
pub fn depends_on_length(model: &Model) -> bool {
    matches!(by(model), By::Seconds | By::Tokens)
}

/// What a speech used: of `heard_ms` milliseconds, if that is known. Characters are the vendor's count, if
/// the head of its answer tells one.
///
/// Tokens are a guess: those of the text by an estimate, and those of a minute of sound by its length.
#[must_use]
pub fn bill(model: &Model, call: &SpeechCall, headers: &HeaderMap, heard_ms: Option<u64>) -> Bill {
    let one = Usage { requests: 1, ..Usage::default() };
    let length_ms = || heard_ms.unwrap_or_else(|| usual_ms(call));
    match by(model) {
        By::Calls => Bill { is_estimate: false, usage: one },
        By::Characters => {
            let told = model.vendor.speech().map(|vendor| vendor.usage(call, headers));
            Bill { is_estimate: false, usage: told.unwrap_or(one) }
        }
        By::Seconds => Bill { is_estimate: true, usage: Usage { media_ms: length_ms(), ..one } },
        By::Tokens => {
            let manner = manner(call).map_or(0, |text| Estimate::of(text).tokens());
            let text = Estimate::of(&call.text).tokens().saturating_add(manner);
            let sound = length_ms().saturating_mul(TOKENS_A_MINUTE).div_ceil(60_000);
            let usage = Usage { audio_output_tokens: sound, input_tokens: text, ..one };
            Bill { is_estimate: true, usage }
        }
    }
}

/// The most tokens that a speech may count for; 0 where the vendor does not count in tokens.
#[must_use]
pub fn ceiling(model: &Model, call: &SpeechCall) -> u64 {
    if by(model) != By::Tokens {
        return 0;
    }
    let characters = number(call.text.chars().count());
    let percent = speed_percent(call).clamp(SLOWEST_PERCENT, 100);
    let sound = characters.saturating_mul(TOKENS_A_CHARACTER * 100).div_ceil(percent);
    number(text_bytes(call)).saturating_add(sound).saturating_add(TOKENS_A_MINUTE)
}

/// The most that a speech may use, by what its model bills.
#[must_use]
pub fn most(model: &Model, call: &SpeechCall) -> Most<'static> {
    let characters = number(call.text.chars().count());
    match by(model) {
        By::Calls => Most::default(),
        By::Characters => Most { characters, ..Most::default() },
        By::Seconds => {
            // The longest that vendors speak: half a second a character, at the slowest speed.
            let percent = speed_percent(call).clamp(SLOWEST_PERCENT, 100);
            let slowest = characters.saturating_mul(SLOWEST_MS_A_CHARACTER * 100).div_ceil(percent);
            Most { media_ms: slowest.saturating_add(60_000), ..Most::default() }
        }
        By::Tokens => Most { tokens: ceiling(model, call), ..Most::default() },
    }
}

/// Refuses a fallback whose vendor does not know the voice that was named: voices are a vendor's own.
///
/// Where none was named, each model has its vendor's usual one.
///
/// # Errors
/// `VALIDATION_ERROR` of `/voice_id`.
pub fn knows_voice(call: &SpeechCall, first: &Model, other: &Model) -> Result<(), ApiError> {
    let (its, asked) = (&other.config.provider_id, &first.config.provider_id);
    if call.voice.is_none() || its == asked {
        return Ok(());
    }
    let reason = format!("is a voice of {asked}; {} is of {its}", other.config.model_id);
    Err(ApiError::fields(&[FieldIssue { pointer: "/voice_id".to_owned(), reason }]))
}

/// What decides who speaks where several models share the calls: a voice that the caller names is one of the vendor
/// of the model that it asks for.
#[must_use]
pub fn splitting(call: &SpeechCall) -> Splitting<'static> {
    let is_named = call.voice.is_some();
    let of_one_vendor =
        |asked: &Model, other: &Model| asked.config.provider_id == other.config.provider_id;
    let alike = if is_named { of_one_vendor } else { Splitting::default().alike };
    Splitting { alike, ..Splitting::default() }
}

fn text_bytes(call: &SpeechCall) -> usize {
    call.text.len() + manner(call).map_or(0, str::len)
}

/// What the caller says about how to speak.
fn manner(call: &SpeechCall) -> Option<&str> {
    call.options.get("instructions").and_then(serde_json::Value::as_str)
}

/// How long a text usually takes.
fn usual_ms(call: &SpeechCall) -> u64 {
    let characters = number(call.text.chars().count());
    let usual = characters.saturating_mul(1_000).div_ceil(CHARACTERS_A_SECOND);
    usual.saturating_mul(100).div_ceil(speed_percent(call))
}

fn speed_percent(call: &SpeechCall) -> u64 {
    let speed = call.options.get("speed").and_then(serde_json::Value::as_f64).unwrap_or(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and 1000"
    )]
    let percent = (speed * 100.0).clamp(1.0, 1_000.0) as u64;
    percent
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{model::ModelConfig, store::providers};

    fn model(provider: &str, protocol: &str, pricing: Value) -> Model {
        let config = ModelConfig::parse(&json!({
            "model_id": "m", "provider_id": provider, "display_name": "M", "protocol": protocol,
            "capabilities": {"audio": true}, "pricing": pricing,
        }));
        let provider: providers::Provider = serde_json::from_value(json!({
            "id": provider, "display_name": "P", "base_url": "https://p.example",
            "auth": {"kind": "bearer"},
        }))
        .unwrap();
        Model::unsaved(config.unwrap(), provider).unwrap()
    }

    fn call(text: &str, options: Value) -> SpeechCall {
        SpeechCall {
            options: options.as_object().cloned().unwrap_or_default(),
            text: text.to_owned(),
            ..SpeechCall::default()
        }
    }

    #[test]
    fn the_prices_say_what_is_counted() {
        let text = call("Good morning, all", json!({}));
        let check = |pricing: Value, heard, expected: Value| {
            let model = model("openai", "openai-speech", pricing);
            let bill = bill(&model, &text, &HeaderMap::new(), heard);
            let usage: Usage = serde_json::from_value(expected).unwrap();
            assert_eq!(bill.usage, Usage { requests: 1, ..usage });
            bill.is_estimate
        };
        let characters = json!({"character_micros_per_million": 15_000_000});
        assert!(!check(characters, Some(1_000), json!({"characters": 17})));
        assert!(!check(json!({}), None, json!({"characters": 17})));
        assert!(!check(json!({"request_micros": 1}), None, json!({})));
        let seconds = json!({"second_micros_per_million": 250_000_000});
        assert!(check(seconds, Some(1_500), json!({"media_ms": 1_500})));
        let tokens = json!({
            "input_micros_per_million_tokens": 600_000,
            "audio_output_micros_per_million_tokens": 12_000_000,
        });
        // A minute costs what OpenAI says that it costs.
        let minute = json!({"input_tokens": 4, "audio_output_tokens": 1_250});
        assert!(check(tokens.clone(), Some(60_000), minute));
        // 17 characters at 15 a second.
        let guess = json!({"input_tokens": 4, "audio_output_tokens": 24});
        assert!(check(tokens, None, guess));
    }

    #[test]
    fn no_guess_is_over_the_ceiling() {
        let pricing = json!({"audio_output_micros_per_million_tokens": 12_000_000});
        let model = model("openai", "openai-speech", pricing);
        for (text, options) in [
            ("Hi.", json!({})),
            ("Hi.", json!({"speed": 0.25, "instructions": "Slowly."})),
            ("你好世界", json!({"speed": 4})),
        ] {
            let call = call(text, options);
            let used = bill(&model, &call, &HeaderMap::new(), None).usage.total_tokens();
            assert!(used <= ceiling(&model, &call), "{text}");
        }
    }

    #[test]
    fn a_fallback_of_another_vendor_knows_no_named_voice() {
        let openai = model("openai", "openai-speech", json!({}));
        let other = model("elevenlabs", "elevenlabs-speech", json!({}));
        let named = SpeechCall { voice: Some("alloy".to_owned()), ..call("Hi.", json!({})) };
        assert!(knows_voice(&named, &openai, &other).is_err());
        assert!(knows_voice(&named, &openai, &openai).is_ok());
        assert!(knows_voice(&call("Hi.", json!({})), &openai, &other).is_ok());
    }
}
