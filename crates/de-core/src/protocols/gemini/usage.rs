//! Token counts of a conversation.
//!
//! Google counts cached tokens into the prompt, and what its own tools read beside it; thoughts stand beside
//! the candidates and are billed like them: <https://ai.google.dev/api/generate-content#UsageMetadata>.

use super::super::answer::Answer;
use crate::receipt::Usage;

/// The counts so far. Every event tells running totals, so that later ones stand in place of earlier ones; what
/// a later event leaves out stays.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    by_tools: Option<u64>,
    cached: Option<u64>,
    heard: Option<u64>,
    heard_by_tools: Option<u64>,
    heard_cached: Option<u64>,
    made: Option<u64>,
    prompt: Option<u64>,
    thoughts: Option<u64>,
}

impl Counts {
    /// Takes over what an answer or an event tells; `None` if it counts nothing.
    pub(super) fn take_over(&mut self, whole: &Answer<'_>) -> Option<Usage> {
        let told = whole.counts("usageMetadata")?;
        let (prompt, made) = (told.count("promptTokenCount"), told.count("candidatesTokenCount"));
        if prompt.is_none() && made.is_none() {
            return None;
        }
        for (place, count) in [
            (&mut self.by_tools, told.count("toolUsePromptTokenCount")),
            (&mut self.cached, told.count("cachedContentTokenCount")),
            (&mut self.heard, sound(&told, "promptTokensDetails")),
            (&mut self.heard_by_tools, sound(&told, "toolUsePromptTokensDetails")),
            (&mut self.heard_cached, sound(&told, "cacheTokensDetails")),
            (&mut self.made, made),
            (&mut self.prompt, prompt),
            (&mut self.thoughts, told.count("thoughtsTokenCount")),
        ] {
            *place = count.or(*place);
        }
        Some(self.usage())
    }

    /// The counts by class. Pictures that are read stay among the text, whose price they have; sound has its
    /// own.
    fn usage(&self) -> Usage {
        let count = |count: Option<u64>| count.unwrap_or(0);
        let prompt = count(self.prompt).saturating_add(count(self.by_tools));
        let cached = count(self.cached).min(prompt);
        let fresh = prompt.saturating_sub(cached);
        let heard = count(self.heard)
            .saturating_add(count(self.heard_by_tools))
            .saturating_sub(count(self.heard_cached))
            .min(fresh);
        let thoughts = count(self.thoughts);
        Usage {
            input_tokens: fresh.saturating_sub(heard),
            cached_input_tokens: cached,
            output_tokens: count(self.made).saturating_add(thoughts),
            reasoning_tokens: thoughts,
            audio_input_tokens: heard,
            ..Usage::default()
        }
    }
}

/// Reads the counts of a whole answer, if it counts anything.
pub(super) fn of(whole: &Answer<'_>) -> Option<Usage> {
    Counts::default().take_over(whole)
}

/// The tokens of sound among those that are told by modality; `None` if they are not told so.
fn sound(told: &Answer<'_>, name: &str) -> Option<u64> {
    told.value(name)?;
    let details = told.objects(name).unwrap_or_default();
    let sound = details.iter().filter(|detail| detail.word("modality") == Some("AUDIO"));
    Some(sound.fold(0, |sum, detail| sum.saturating_add(detail.count("tokenCount").unwrap_or(0))))
}
