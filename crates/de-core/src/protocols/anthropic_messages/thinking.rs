//! How a model of this vendor thinks. Newer ones are told an effort and think as much as they find right, older
//! ones are told a budget of tokens, and those between take either: what the row says of it decides.
//!
//! Follows <https://platform.claude.com/docs/en/build-with-claude/extended-thinking>, and `adaptive-thinking`
//! and `effort` beside it.

use serde_json::{Value, json};

use super::{
    super::{
        Target,
        fields::{ALWAYS_THINKS, Issues},
    },
    request::is_own,
};
use crate::chat::{ChatCall, Part, Reasoning, Role, ToolChoice};

const EFFORT: &str = "/reasoning_effort";
const BUDGET: &str = "/thinking/budget_tokens";

/// The least that the vendor takes as a budget for thoughts, which must be under `max_tokens` too.
const LEAST_BUDGET: u64 = 1_024;

/// How hard a model thinks that is told nothing but to think: the vendor's own usual.
const USUAL_EFFORT: &str = "high";

/// The least `top_p` that the vendor takes beside thoughts.
const LEAST_TOP_P: f64 = 0.95;

/// What is said of thinking.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// How hard, for `output_config`.
    pub(super) effort: Option<&'static str>,
    /// The member `thinking`.
    pub(super) thinking: Option<Value>,
}

impl Way {
    /// Finds the words for what the caller asks, and names what has none. `bound` is what goes as `max_tokens`.
    pub(super) fn of(call: &ChatCall, bound: u64, target: &Target, issues: &mut Issues) -> Self {
        let reasoning = &call.reasoning;
        let takes_effort = target.reasoning_effort != Some(false);
        let effort = effort(reasoning, issues);
        if reasoning.is_off() && target.thinking_always_on == Some(true) {
            // The vendor refuses `disabled` then. How little it thinks is said by the effort.
            issues.unsaid(EFFORT, ALWAYS_THINKS, target);
            return Self { effort: takes_effort.then_some("low"), thinking: None };
        }
        if target.reasoning == Some(false) {
            // A model that does not think has no such members, and needs none to be told not to.
            if reasoning.is_asked_for() && !reasoning.is_off() {
                issues.unsupported(EFFORT, target);
            }
            return Self::default();
        }
        let told = effort.filter(|_| takes_effort);
        if reasoning.is_off() {
            return Self { effort: told, thinking: Some(json!({"type": "disabled"})) };
        }
        let place = if reasoning.budget_tokens.is_some() { BUDGET } else { EFFORT };
        let takes_budget = target.reasoning_budget != Some(false);
        let is_on = reasoning.is_on == Some(true);
        let (told, thinking) = match (reasoning.budget_tokens, takes_budget, takes_effort) {
            (Some(own), true, _) => (told, budget(own, bound, place, target, issues)),
            (None, true, false) if is_on || effort.is_some() => {
                if bound < LEAST_BUDGET.saturating_mul(2) {
                    issues.unsaid(place, "needs max_tokens of at least 2048", target);
                    return Self::default();
                }
                // Half of what it may write is left for the answer.
                let most = bound / 2;
                let usual =
                    || Reasoning { effort: Some(USUAL_EFFORT.to_owned()), ..Reasoning::default() };
                let derived = reasoning.budget(most).or_else(|| usual().budget(most));
                let derived = derived.unwrap_or(LEAST_BUDGET);
                (None, budget(derived, bound, place, target, issues))
            }
            (Some(_), false, true) => {
                (effort.or_else(|| of_budget(reasoning)), Some(json!({"type": "adaptive"})))
            }
            (None, _, true) if is_on || wants_thoughts(call) => {
                (told, Some(json!({"type": "adaptive"})))
            }
            (_, false, false) if is_on || effort.is_some() || reasoning.budget_tokens.is_some() => {
                issues.unsaid(place, "this model cannot be told how hard to think", target);
                (None, None)
            }
            _ => (told, None),
        };
        let thinking = thinking
            .filter(|thinking| may_think(call, is_manual(thinking), place, target, issues))
            .map(|thinking| shown(thinking, reasoning));
        Self { effort: told, thinking }
    }

    /// Whether the model thinks for sure, so that its vendor takes few settings of sampling.
    pub(super) fn is_thinking(&self) -> bool {
        let kind = self.thinking.as_ref().and_then(|thinking| thinking.get("type")?.as_str());
        kind.is_some_and(|kind| kind != "disabled")
    }
}

/// Names the settings of sampling that the vendor does not take beside thoughts, and gives the `temperature` and
/// the `top_p` that it takes.
pub(super) fn sampling(call: &ChatCall, issues: &mut Issues) -> (Option<f64>, Option<f64>) {
    let temperature = call.temperature.filter(|temperature| *temperature == 1.0);
    let top_p = call.top_p.filter(|top_p| *top_p >= LEAST_TOP_P);
    let given = [
        ("/temperature", call.temperature != temperature),
        ("/top_p", call.top_p != top_p),
        ("/top_k", call.top_k.is_some()),
    ];
    for (pointer, _) in given.into_iter().filter(|(_, is_lost)| *is_lost) {
        issues.hint(pointer, "this model's vendor takes no such value beside thinking");
    }
    (temperature, top_p)
}

/// The vendor's word for an effort; `none` is said by `thinking`.
fn effort(reasoning: &Reasoning, issues: &mut Issues) -> Option<&'static str> {
    let known = [
        ("minimal", "low"),
        ("low", "low"),
        ("medium", "medium"),
        ("high", "high"),
        ("xhigh", "xhigh"),
        ("max", "max"),
    ];
    let word = reasoning.effort.as_deref().filter(|word| *word != "none")?;
    let found = known.into_iter().find_map(|(ours, theirs)| (ours == word).then_some(theirs));
    if found.is_none() {
        issues.add(EFFORT, "expected one of none, minimal, low, medium, high, xhigh, max");
    }
    found
}

/// The effort that a budget stands for.
fn of_budget(reasoning: &Reasoning) -> Option<&'static str> {
    ["low", "medium", "high"].into_iter().find(|word| reasoning.effort() == Some(word))
}

fn is_manual(thinking: &Value) -> bool {
    thinking.get("budget_tokens").is_some()
}

/// Says how many tokens it may think: at least the vendor's least, and fewer than it may write.
fn budget(
    budget: u64,
    bound: u64,
    place: &str,
    target: &Target,
    issues: &mut Issues,
) -> Option<Value> {
    if bound <= LEAST_BUDGET {
        issues.unsaid(place, "needs max_tokens of more than 1024", target);
        return None;
    }
    let budget = budget.clamp(LEAST_BUDGET, bound.saturating_sub(1));
    Some(json!({"type": "enabled", "budget_tokens": budget}))
}

/// Whether the vendor lets the model think in this call, and names what is in the way.
fn may_think(
    call: &ChatCall,
    is_manual: bool,
    place: &str,
    target: &Target,
    issues: &mut Issues,
) -> bool {
    if is_forced(call) {
        issues.unsaid(place, "does not go with a tool that must be called", target);
        return false;
    }
    if is_manual && begins_answer(call) {
        issues.unsaid(place, "does not go with a beginning of the answer", target);
        return false;
    }
    if is_manual && goes_on_without_thoughts(call) {
        // The vendor does the same where it does not refuse.
        issues.hint(place, "a turn of tools that began without this vendor's thoughts ends so");
        return false;
    }
    true
}

fn is_forced(call: &ChatCall) -> bool {
    !call.tools.is_empty()
        && matches!(call.tool_choice, Some(ToolChoice::Required | ToolChoice::Tool(_)))
}

/// Whether a caller who does not know `thinking` wants to see thoughts. The vendor takes none beside a tool
/// that must be called.
fn wants_thoughts(call: &ChatCall) -> bool {
    call.reasoning.effort.is_some() && call.reasoning.is_shown == Some(true) && !is_forced(call)
}

fn begins_answer(call: &ChatCall) -> bool {
    let last = call.messages.iter().rfind(|message| message.role != Role::System);
    last.is_some_and(|message| message.role == Role::Assistant)
}

/// Whether the conversation ends with results of tools that the model called for without a thought of this vendor's
/// before: told to think within a budget, the vendor wants that turn to begin with one.
fn goes_on_without_thoughts(call: &ChatCall) -> bool {
    let is_result = |part: &Part| matches!(part, Part::ToolResult { .. });
    let mut first = None;
    // What users say in a row is one turn to the vendor, whatever else is in it beside a result.
    let (mut is_answering, mut has_result) = (true, false);
    for message in call.messages.iter().rev() {
        match message.role {
            Role::System => {}
            Role::User => {
                has_result = is_answering && has_result || message.parts.iter().any(is_result);
                is_answering = true;
            }
            Role::Assistant if is_answering && !has_result => break,
            Role::Assistant => {
                is_answering = false;
                first = Some(message);
            }
        }
    }
    first.is_some_and(|message| {
        !matches!(
            message.parts.first(),
            Some(Part::Sealed(seal) | Part::Thinking { seal: Some(seal), .. }) if is_own(seal)
        )
    })
}

fn shown(mut thinking: Value, reasoning: &Reasoning) -> Value {
    if let (Some(thinking), Some(shown)) = (thinking.as_object_mut(), reasoning.is_shown) {
        let word = if shown { "summarized" } else { "omitted" };
        thinking.insert("display".to_owned(), word.into());
    }
    thinking
}
