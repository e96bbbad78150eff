//! Token counts: OpenAI counts cached tokens into the input, our classes hold each token once.

use serde_json::{Value, json};

use super::super::answer::Answer;
use crate::receipt::Usage;

/// Reads `usage` of a response, if it counts anything.
pub(super) fn of(response: &Answer<'_>) -> Option<Usage> {
    let usage = response.counts("usage")?;
    let (input, output) = (usage.count("input_tokens"), usage.count("output_tokens"));
    if input.is_none() && output.is_none() {
        return None;
    }
    let (mut cached, mut written, mut longer) = (0, 0, 0);
    if let Some(details) = usage.counts("input_tokens_details") {
        cached = details.count("cached_tokens").unwrap_or(0);
        written = details.count("cache_write_tokens").unwrap_or(0);
        let by_life = details.counts("cache_write_tokens_details");
        longer = by_life.and_then(|lives| lives.count("ttl_12h_tokens")).unwrap_or(0).min(written);
    }
    let details = usage.counts("output_tokens_details");
    let reasoning = details.and_then(|details| details.count("reasoning_tokens")).unwrap_or(0);
    let (input, output) = (input.unwrap_or(0), output.unwrap_or(0));
    Some(Usage {
        input_tokens: input.saturating_sub(cached).saturating_sub(written),
        cached_input_tokens: cached.min(input),
        cache_write_tokens: written.saturating_sub(longer),
        cache_write_12h_tokens: longer,
        output_tokens: output,
        reasoning_tokens: reasoning,
        ..Usage::default()
    })
}

/// Writes `usage` with all five members, which strict clients want.
pub(super) fn write(usage: &Usage) -> Value {
    let written = usage
        .cache_write_tokens
        .saturating_add(usage.cache_write_1h_tokens)
        .saturating_add(usage.cache_write_12h_tokens);
    json!({
        "input_tokens": usage.total_input_tokens(),
        "input_tokens_details": {
            "cached_tokens": usage.cached_input_tokens,
            "cache_write_tokens": written,
        },
        "output_tokens": usage.total_output_tokens(),
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens(),
    })
}
