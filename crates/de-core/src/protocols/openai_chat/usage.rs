//! Token counts: OpenAI counts cached tokens into the prompt, our classes hold each token once.

use serde_json::{Value, json};

use super::super::answer::Answer;
use crate::receipt::Usage;

/// Reads `usage`, if it counts anything.
///
/// Images stay among `input_tokens`: chat models bill them as text. DeepSeek tells the cache beside
/// the details.
fn read(usage: &Answer<'_>) -> Option<Usage> {
    let (prompt, completion) = (usage.count("prompt_tokens"), usage.count("completion_tokens"));
    if prompt.is_none() && completion.is_none() {
        return None;
    }
    let (mut cached, mut written, mut heard) =
        (usage.count("prompt_cache_hit_tokens").unwrap_or(0), 0, 0);
    if let Some(details) = usage.counts("prompt_tokens_details") {
        cached = details.count("cached_tokens").unwrap_or(cached);
        written = details.count("cache_write_tokens").unwrap_or(0);
        heard = details.count("audio_tokens").unwrap_or(0);
    }
    let (mut reasoning, mut spoken) = (0, 0);
    if let Some(details) = usage.counts("completion_tokens_details") {
        reasoning = details.count("reasoning_tokens").unwrap_or(0);
        spoken = details.count("audio_tokens").unwrap_or(0);
    }
    let (prompt, completion) = (prompt.unwrap_or(0), completion.unwrap_or(0));
    Some(Usage {
        input_tokens: prompt.saturating_sub(cached).saturating_sub(written).saturating_sub(heard),
        cached_input_tokens: cached.min(prompt),
        cache_write_tokens: written,
        output_tokens: completion.saturating_sub(spoken),
        reasoning_tokens: reasoning,
        audio_input_tokens: heard,
        audio_output_tokens: spoken,
        ..Usage::default()
    })
}

/// Reads the usage of a reply or chunk; Groq tells a stream's under `x_groq`.
pub(super) fn of(whole: &Answer<'_>) -> Option<Usage> {
    let usage = whole.counts("usage").or_else(|| whole.counts("x_groq")?.counts("usage"));
    usage.as_ref().and_then(read)
}

/// Writes `usage` with all details that strict clients want.
pub(super) fn write(usage: &Usage) -> Value {
    let written = usage
        .cache_write_tokens
        .saturating_add(usage.cache_write_1h_tokens)
        .saturating_add(usage.cache_write_12h_tokens);
    json!({
        "prompt_tokens": usage.total_input_tokens(),
        "completion_tokens": usage.total_output_tokens(),
        "total_tokens": usage.total_tokens(),
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_input_tokens,
            "cache_write_tokens": written,
            "audio_tokens": usage.audio_input_tokens,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": usage.audio_output_tokens,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}
