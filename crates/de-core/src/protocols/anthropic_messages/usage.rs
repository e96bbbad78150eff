//! Token counts: Anthropic counts cached tokens beside the others, as our classes do.

use serde_json::{Value, json};

use super::super::answer::Answer;
use crate::receipt::Usage;

/// The counts so far: later ones replace earlier ones, since all are running totals.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    cache_read: u64,
    cache_write: u64,
    /// The part of `cache_write` that lives an hour.
    cache_write_1h: u64,
    input: u64,
    output: u64,
    thinking: u64,
}

impl Counts {
    /// Takes over what `usage` tells; what it leaves out stays.
    pub(super) fn overlay(&mut self, usage: &Answer<'_>) {
        let set = |place: &mut u64, count: Option<u64>| *place = count.unwrap_or(*place);
        set(&mut self.input, usage.count("input_tokens"));
        set(&mut self.output, usage.count("output_tokens"));
        set(&mut self.cache_read, usage.count("cache_read_input_tokens"));
        if let Some(lives) = usage.counts("cache_creation") {
            let short = lives.count("ephemeral_5m_input_tokens").unwrap_or(0);
            self.cache_write_1h = lives.count("ephemeral_1h_input_tokens").unwrap_or(0);
            self.cache_write = short.saturating_add(self.cache_write_1h);
        }
        set(&mut self.cache_write, usage.count("cache_creation_input_tokens"));
        if let Some(details) = usage.counts("output_tokens_details") {
            set(&mut self.thinking, details.count("thinking_tokens"));
        }
    }

    /// The counts by class.
    pub(super) fn usage(&self) -> Usage {
        Usage {
            input_tokens: self.input,
            cached_input_tokens: self.cache_read,
            cache_write_tokens: self.cache_write.saturating_sub(self.cache_write_1h),
            cache_write_1h_tokens: self.cache_write_1h.min(self.cache_write),
            output_tokens: self.output,
            reasoning_tokens: self.thinking,
            ..Usage::default()
        }
    }
}

/// Writes `usage` with all counters.
pub(super) fn write(usage: &Usage) -> Value {
    let read = usage.cached_input_tokens.saturating_add(usage.cached_image_input_tokens);
    let long = usage.cache_write_1h_tokens.saturating_add(usage.cache_write_12h_tokens);
    let written = usage.cache_write_tokens.saturating_add(long);
    json!({
        "input_tokens": usage.total_input_tokens().saturating_sub(read).saturating_sub(written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_tokens,
            "ephemeral_1h_input_tokens": long,
        },
        "output_tokens": usage.total_output_tokens(),
        "output_tokens_details": {"thinking_tokens": usage.reasoning_tokens},
    })
}
