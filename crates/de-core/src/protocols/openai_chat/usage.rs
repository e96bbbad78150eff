//! Token counts: OpenAI counts cached tokens into the prompt, our classes hold each token once.

use serde_json::{Value, json};

use super::super::answer::Answer;
use crate::receipt::Usage;

/// The counts so far. Hosts that tell them with every chunk tell running totals, so that later ones stand in
/// place of earlier ones; what a later chunk leaves out stays.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    cached: Option<u64>,
    completion: Option<u64>,
    heard: Option<u64>,
    prompt: Option<u64>,
    reasoning: Option<u64>,
    spoken: Option<u64>,
    written: Option<u64>,
}

impl Counts {
    /// Takes over what a reply or a chunk tells; `None` if it counts nothing. Groq tells a stream's counts under
    /// `x_groq`.
    pub(super) fn take_over(&mut self, whole: &Answer<'_>) -> Option<Usage> {
        let usage = whole.counts("usage").or_else(|| whole.counts("x_groq")?.counts("usage"))?;
        let (prompt, completion) = (usage.count("prompt_tokens"), usage.count("completion_tokens"));
        if prompt.is_none() && completion.is_none() {
            return None;
        }
        let set = |place: &mut Option<u64>, count: Option<u64>| *place = count.or(*place);
        set(&mut self.prompt, prompt);
        set(&mut self.completion, completion);
        // DeepSeek tells the cache beside the details.
        set(&mut self.cached, usage.count("prompt_cache_hit_tokens"));
        if let Some(details) = usage.counts("prompt_tokens_details") {
            set(&mut self.cached, details.count("cached_tokens"));
            set(&mut self.written, details.count("cache_write_tokens"));
            set(&mut self.heard, details.count("audio_tokens"));
        }
        if let Some(details) = usage.counts("completion_tokens_details") {
            set(&mut self.reasoning, details.count("reasoning_tokens"));
            set(&mut self.spoken, details.count("audio_tokens"));
        }
        Some(self.usage())
    }

    /// The counts by class. Images stay among `input_tokens`: chat models bill them as text.
    fn usage(&self) -> Usage {
        let count = |count: Option<u64>| count.unwrap_or(0);
        let (prompt, completion) = (count(self.prompt), count(self.completion));
        let (cached, written, heard) = (count(self.cached), count(self.written), count(self.heard));
        let spoken = count(self.spoken);
        Usage {
            input_tokens: prompt
                .saturating_sub(cached)
                .saturating_sub(written)
                .saturating_sub(heard),
            cached_input_tokens: cached.min(prompt),
            cache_write_tokens: written,
            output_tokens: completion.saturating_sub(spoken),
            reasoning_tokens: count(self.reasoning),
            audio_input_tokens: heard,
            audio_output_tokens: spoken,
            ..Usage::default()
        }
    }
}

/// Reads the usage of a whole reply, if it counts anything.
pub(super) fn of(whole: &Answer<'_>) -> Option<Usage> {
    Counts::default().take_over(whole)
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
