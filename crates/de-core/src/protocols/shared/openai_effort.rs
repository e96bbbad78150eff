//! How hard a model thinks, in the words that OpenAI's models take.
//!
//! All of them have `low`, `medium` and `high`. Beside these a model has `none` or `minimal` or neither of them, and
//! `xhigh` and `max` came later, of which chat completions take the first alone. Which it has, only its row and its
//! name say before it is too late: the vendor refuses every other word.
//!
//! Follows <https://developers.openai.com/api/docs/guides/reasoning> and
//! <https://developers.openai.com/api/docs/guides/deployment-checklist>; for chat completions
//! <https://github.com/BerriAI/litellm-docs/pull/1173>, where the vendor was asked; for gpt-oss
//! <https://console.groq.com/docs/reasoning>.

use crate::{
    chat::ChatCall,
    model::Protocol,
    protocols::{
        Target,
        fields::{ALWAYS_THINKS, Issues},
    },
};

/// Where a call says it.
pub(in crate::protocols) const EFFORT: &str = "/reasoning_effort";

/// From little to much.
const WORDS: [&str; 6] = ["minimal", "low", "medium", "high", "xhigh", "max"];

/// The most that models take whose names begin so, the narrower names first. Later ones take all.
const MOST: [(&str, &str); 11] = [
    ("gpt-5.2", "xhigh"),
    ("gpt-5.3", "xhigh"),
    ("gpt-5.4", "xhigh"),
    ("gpt-5.5", "xhigh"),
    ("gpt-5.6", "max"),
    ("gpt-5", "high"),
    ("gpt-oss", "high"),
    ("gpt-", "max"),
    ("o1", "high"),
    ("o3", "high"),
    ("o4", "high"),
];

/// The word for how hard the model shall think; `None` leaves it to the model. A model that does not think has no such
/// setting, and needs none to be told not to.
///
/// A model that always thinks gets the least that all have, `low`, which is named. More than a model has is the most
/// that it has, and `minimal` is `low` where the row says whether the model can be told not to think: those that can
/// do not take it.
pub(in crate::protocols) fn word<'a>(
    call: &'a ChatCall,
    target: &Target,
    spoken: Protocol,
    issues: &mut Issues,
) -> Option<&'a str> {
    if call.reasoning.is_off() {
        if target.thinking_always_on == Some(true) {
            issues.unsaid(EFFORT, ALWAYS_THINKS, target);
            return Some("low");
        }
        return (target.reasoning == Some(true)).then_some("none");
    }
    let effort = call.reasoning.effort()?;
    if target.reasoning == Some(false) {
        issues.unsupported(EFFORT, target);
        return None;
    }
    if effort == "minimal" && target.thinking_always_on.is_some() {
        return Some("low");
    }
    let rank = |word: &str| WORDS.iter().position(|known| *known == word);
    let most = most(&target.upstream_model, spoken);
    Some(most.filter(|most| rank(effort) > rank(most)).unwrap_or(effort))
}

/// The most that a model takes, if it is one of OpenAI's by its name: `openai/gpt-oss-120b`.
fn most(model: &str, spoken: Protocol) -> Option<&'static str> {
    let name = model.rsplit_once('/').map_or(model, |(_, name)| name);
    let (_, most) = MOST.into_iter().find(|(begin, _)| name.starts_with(begin))?;
    Some(if most == "max" && spoken == Protocol::OpenaiChat { "xhigh" } else { most })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chat::Reasoning,
        model::OnUnsupported,
        protocols::{FieldIssue, test_target},
    };

    fn said(
        effort: &str,
        target: &Target,
        spoken: Protocol,
    ) -> (Option<String>, (Vec<FieldIssue>, Vec<FieldIssue>)) {
        let reasoning = Reasoning { effort: Some(effort.to_owned()), ..Reasoning::default() };
        let call = ChatCall { reasoning, ..ChatCall::default() };
        let mut issues = Issues::default();
        let word = word(&call, target, spoken, &mut issues).map(str::to_owned);
        (word, issues.parts())
    }

    #[test]
    fn no_model_is_asked_for_more_than_it_has() {
        let target = |model| test_target(model, OnUnsupported::Reject);
        for (model, effort, chat, responses) in [
            ("gpt-6-astra", "max", "xhigh", "max"),
            ("gpt-6.1-sol", "xhigh", "xhigh", "xhigh"),
            ("gpt-5.6-terra", "max", "xhigh", "max"),
            ("gpt-5.4-mini", "max", "xhigh", "xhigh"),
            ("gpt-5.4-mini", "low", "low", "low"),
            ("gpt-5-mini", "xhigh", "high", "high"),
            ("gpt-5-mini", "minimal", "minimal", "minimal"),
            ("o4-mini", "max", "high", "high"),
            ("openai/gpt-oss-120b", "max", "high", "high"),
            // Of other makers nothing is known, nor of words to come.
            ("deepseek-v4-pro", "max", "max", "max"),
            ("gpt-6-luna", "ultra", "ultra", "ultra"),
        ] {
            for (spoken, expected) in
                [(Protocol::OpenaiChat, chat), (Protocol::OpenaiResponses, responses)]
            {
                let (word, issues) = said(effort, &target(model), spoken);
                assert_eq!(word.as_deref(), Some(expected), "{model} {effort} {spoken}");
                assert_eq!(issues, (Vec::new(), Vec::new()));
            }
        }
    }

    #[test]
    fn a_model_that_always_thinks_gets_the_least_word() {
        let target = |on_unsupported, always| Target {
            reasoning: Some(true),
            thinking_always_on: always,
            ..test_target("gpt-6-astra", on_unsupported)
        };
        let spoken = Protocol::OpenaiResponses;
        let lax = target(OnUnsupported::Drop, Some(true));
        let (word, (found, dropped)) = said("none", &lax, spoken);
        assert_eq!((word.as_deref(), found), (Some("low"), Vec::new()));
        assert_eq!(dropped, [FieldIssue { pointer: EFFORT.into(), reason: ALWAYS_THINKS.into() }]);
        let (_, (found, _)) = said("none", &target(OnUnsupported::Reject, Some(true)), spoken);
        assert_eq!(found, dropped);
        for (always, none, minimal) in
            [(Some(true), "low", "low"), (Some(false), "none", "low"), (None, "none", "minimal")]
        {
            let target = target(OnUnsupported::Drop, always);
            assert_eq!(said("none", &target, spoken).0.as_deref(), Some(none));
            assert_eq!(said("minimal", &target, spoken).0.as_deref(), Some(minimal));
        }
    }

    #[test]
    fn a_model_that_does_not_think_is_told_nothing() {
        let plain = Target { reasoning: Some(false), ..test_target("gpt-4o", OnUnsupported::Drop) };
        assert_eq!(said("none", &plain, Protocol::OpenaiChat).0, None);
        let (word, (_, dropped)) = said("low", &plain, Protocol::OpenaiChat);
        assert_eq!((word, dropped.len()), (None, 1));
    }
}
