//! Token counts of a conversation.
//!
//! Google counts cached tokens into the prompt, and what its own tools read beside it; thoughts stand beside
//! the candidates and are billed like them: <https://ai.google.dev/api/generate-content#UsageMetadata>.

use super::super::answer::Answer;
use crate::receipt::Usage;

/// Reads the counts of an answer or an event, if it counts anything.
///
/// Pictures that are read stay among the text, whose price they have; sound has its own.
pub(super) fn of(whole: &Answer<'_>) -> Option<Usage> {
    let told = whole.counts("usageMetadata")?;
    let (prompt, made) = (told.count("promptTokenCount"), told.count("candidatesTokenCount"));
    if prompt.is_none() && made.is_none() {
        return None;
    }
    let count = |name: &str| told.count(name).unwrap_or(0);
    let by_tools = count("toolUsePromptTokenCount");
    let prompt = prompt.unwrap_or(0).saturating_add(by_tools);
    let cached = count("cachedContentTokenCount").min(prompt);
    let fresh = prompt.saturating_sub(cached);
    let heard = sound(&told, "promptTokensDetails")
        .saturating_add(sound(&told, "toolUsePromptTokensDetails"))
        .saturating_sub(sound(&told, "cacheTokensDetails"))
        .min(fresh);
    let thoughts = count("thoughtsTokenCount");
    Some(Usage {
        input_tokens: fresh.saturating_sub(heard),
        cached_input_tokens: cached,
        output_tokens: made.unwrap_or(0).saturating_add(thoughts),
        reasoning_tokens: thoughts,
        audio_input_tokens: heard,
        ..Usage::default()
    })
}

/// The tokens of sound among those that are told by modality.
fn sound(told: &Answer<'_>, name: &str) -> u64 {
    let details = told.objects(name).unwrap_or_default();
    let sound = details.iter().filter(|detail| detail.word("modality") == Some("AUDIO"));
    sound.fold(0, |sum, detail| sum.saturating_add(detail.count("tokenCount").unwrap_or(0)))
}
