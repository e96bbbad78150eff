//! What a request may say of thinking, and what not beside it.
//!
//! Follows <https://platform.claude.com/docs/en/build-with-claude/extended-thinking>, and `adaptive-thinking`
//! and `effort` beside it.

use serde_json::Value;

use super::{Request, blocks, kind, role};

/// A budget is under what may be written.
pub(super) fn budget_within_limit(request: &Request<'_>) -> Result<(), String> {
    let number = |value: Option<&Value>| value.and_then(Value::as_u64);
    let budget = number(request.body.get("thinking").and_then(|it| it.get("budget_tokens")));
    match (budget, number(request.body.get("max_tokens"))) {
        (Some(budget), Some(most)) if budget >= most => {
            Err("`max_tokens` must be greater than `thinking.budget_tokens`".to_owned())
        }
        _ => Ok(()),
    }
}

/// Older models think within a budget, the newest as much as they find right.
pub(super) fn as_the_model_can(request: &Request<'_>) -> Result<(), String> {
    let (model, traits) = (request.model.id, request.model.traits);
    match request.kind_of("thinking") {
        Some("disabled") if traits.thinks_always => {
            Err(format!("thinking: `disabled` is not supported on {model}"))
        }
        Some("adaptive" | "between_tools" | "enabled") if !traits.reasoning => {
            Err(format!("thinking: not supported on {model}"))
        }
        Some("adaptive" | "between_tools") if !traits.effort => {
            Err("adaptive thinking is not supported on this model".to_owned())
        }
        Some("enabled") if !traits.budget => Err("\"thinking.type.enabled\" is not supported for \
            this model. Use \"thinking.type.adaptive\" and \"output_config.effort\" to control \
            thinking behavior."
            .to_owned()),
        Some(_) | None => Ok(()),
    }
}

/// Only those that think as they find right are told how hard.
pub(super) fn effort_as_the_model_can(request: &Request<'_>) -> Result<(), String> {
    let effort = request.body.get("output_config").and_then(|output| output.get("effort"));
    if effort.is_some_and(|effort| !effort.is_null()) && !request.model.traits.effort {
        return Err("This model does not support the effort parameter.".to_owned());
    }
    Ok(())
}

/// Beside thoughts there is no sampling but the usual.
pub(super) fn sampling_beside_it(request: &Request<'_>) -> Result<(), String> {
    if !thinks(request) {
        return Ok(());
    }
    let number = |name: &str| request.body.get(name).and_then(Value::as_f64);
    if number("temperature").is_some_and(|temperature| temperature != 1.0) {
        return Err("`temperature` may only be set to 1 when thinking is enabled or in adaptive \
            mode."
            .to_owned());
    }
    if request.has("top_k") {
        return Err(
            "`top_k` must be unset when thinking is enabled or in adaptive mode.".to_owned()
        );
    }
    if number("top_p").is_some_and(|top_p| top_p < 0.95) {
        return Err("`top_p` must be greater than or equal to 0.95 or unset when thinking is \
            enabled or in adaptive mode."
            .to_owned());
    }
    Ok(())
}

/// Who must call a tool has no time to think.
pub(super) fn no_forced_tools_beside_it(request: &Request<'_>) -> Result<(), String> {
    let forced = matches!(request.kind_of("tool_choice"), Some("any" | "tool"));
    if forced && thinks(request) {
        return Err("Thinking may not be enabled when tool_choice forces tool use.".to_owned());
    }
    Ok(())
}

/// A model that thinks within a budget begins its answer by itself.
pub(super) fn no_prefill_beside_it(request: &Request<'_>) -> Result<(), String> {
    let ends = request.messages.last().is_some_and(|message| role(message) == "assistant");
    if ends && request.kind_of("thinking") == Some("enabled") {
        return Err(
            "When thinking is enabled, the conversation must end with a user message.".to_owned()
        );
    }
    Ok(())
}

/// Within a budget, a turn of tools that goes on has begun with a thought.
pub(super) fn before_calls_of_tools(request: &Request<'_>) -> Result<(), String> {
    if request.kind_of("thinking") != Some("enabled") {
        return Ok(());
    }
    let answers = |message: &Value| blocks(message).any(|block| kind(block) == "tool_result");
    let places = request.messages.iter().enumerate().rev();
    let turn = places.take_while(|(_, message)| role(message) == "assistant" || answers(message));
    let Some((place, first)) = turn.filter(|(_, message)| role(message) == "assistant").last()
    else {
        return Ok(());
    };
    let found = blocks(first).next().map_or("text", kind);
    if matches!(found, "redacted_thinking" | "thinking") {
        return Ok(());
    }
    Err(format!(
        "messages.{place}.content.0.type: Expected `thinking` or `redacted_thinking`, but found \
        `{found}`. When `thinking` is enabled, a final `assistant` message must start with a \
        thinking block (preceding the lastmost set of `tool_use` and `tool_result` blocks)."
    ))
}

fn thinks(request: &Request<'_>) -> bool {
    matches!(request.kind_of("thinking"), Some("adaptive" | "between_tools" | "enabled"))
}
