//! How hard a model of Anthropic's thinks: by an effort, or within a budget where its row says that it takes none.

use de_core::{
    model::OnUnsupported,
    protocols::{
        Dialect, FieldIssue, Target, Vendor,
        anthropic_messages::{AnthropicMessagesDialect, AnthropicMessagesVendor},
        openai_chat::OpenAiChatDialect,
    },
};
use serde_json::{Value, json};

use super::{lines, target};

/// A model that takes no effort, as Claude Haiku 4.5.
fn older() -> Target {
    Target {
        reasoning: Some(true),
        reasoning_budget: Some(true),
        reasoning_effort: Some(false),
        ..target()
    }
}

/// A model that takes no budget, as Claude Sonnet 5.5.
fn newer() -> Target {
    Target { reasoning_budget: Some(false), reasoning_effort: Some(true), ..older() }
}

fn asked(members: Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

fn sent(dialect: &dyn Dialect, target: &Target, body: &Value) -> (Value, Vec<FieldIssue>) {
    let (_, call) = dialect.call(body).unwrap();
    let draft = AnthropicMessagesVendor.request(&call, target).unwrap();
    (serde_json::from_slice(&draft.body).unwrap(), draft.dropped)
}

fn refused(dialect: &dyn Dialect, target: &Target, body: &Value) -> Vec<String> {
    let (_, call) = dialect.call(body).unwrap();
    lines(&AnthropicMessagesVendor.request(&call, target).unwrap_err())
}

fn within(budget: u64) -> Value {
    json!({"type": "enabled", "budget_tokens": budget})
}

#[test]
fn a_model_without_effort_is_told_a_budget() {
    for (effort, most, expected) in [
        ("minimal", 100_000, within(1_024)),
        ("low", 100_000, within(2_048)),
        ("medium", 100_000, within(8_192)),
        ("high", 100_000, within(16_384)),
        ("max", 100_000, within(32_768)),
        // Half is left for the answer.
        ("high", 8_192, within(4_096)),
        ("low", 2_048, within(1_024)),
        ("none", 100_000, json!({"type": "disabled"})),
    ] {
        let body = asked(json!({"reasoning_effort": effort, "max_completion_tokens": most}));
        let (body, dropped) = sent(&OpenAiChatDialect, &older(), &body);
        assert_eq!((&body["thinking"], &dropped), (&expected, &vec![]), "{effort} {most}");
        assert_eq!(body.get("output_config"), None, "{effort}");
    }
    let silent = asked(json!({"max_completion_tokens": 100_000}));
    assert_eq!(sent(&OpenAiChatDialect, &older(), &silent).0.get("thinking"), None);
    let short = asked(json!({"reasoning_effort": "low", "max_completion_tokens": 2_047}));
    let reason = "/reasoning_effort: needs max_tokens of at least 2048";
    assert_eq!(refused(&OpenAiChatDialect, &older(), &short), [reason]);
}

#[test]
fn what_one_model_calls_adaptive_is_a_budget_or_an_effort_of_another() {
    let thinks = |target: &Target, thinking: Value| {
        let body = asked(json!({"max_tokens": 100_000, "thinking": thinking}));
        let (body, _) = sent(&AnthropicMessagesDialect, target, &body);
        (body["thinking"].clone(), body["output_config"]["effort"].clone())
    };
    let adaptive = json!({"type": "adaptive", "display": "omitted"});
    let budget = json!({"type": "enabled", "budget_tokens": 5_000, "display": "omitted"});
    let usual = json!({"type": "enabled", "budget_tokens": 16_384, "display": "omitted"});
    assert_eq!(thinks(&older(), adaptive.clone()), (usual, Value::Null));
    assert_eq!(thinks(&older(), budget.clone()), (budget.clone(), Value::Null));
    assert_eq!(thinks(&newer(), adaptive.clone()), (adaptive.clone(), Value::Null));
    assert_eq!(thinks(&newer(), budget.clone()), (adaptive.clone(), json!("medium")));
    // A row that says nothing of it, as all did before there were such flags.
    assert_eq!(thinks(&target(), adaptive.clone()), (adaptive, Value::Null));
    assert_eq!(thinks(&target(), budget.clone()), (budget, Value::Null));
    let neither = Target { reasoning_effort: Some(false), ..newer() };
    let reason = "/reasoning_effort: this model cannot be told how hard to think";
    let body = asked(json!({"reasoning_effort": "low"}));
    assert_eq!(refused(&OpenAiChatDialect, &neither, &body), [reason]);
}

#[test]
fn what_does_not_go_beside_thoughts_is_left_out() {
    let body = asked(json!({"reasoning_effort": "low", "max_completion_tokens": 9_000,
        "temperature": 0.2, "top_p": 0.9}));
    let (written, dropped) = sent(&OpenAiChatDialect, &older(), &body);
    let given = |body: &Value, name: &str| body.get(name).cloned();
    assert_eq!((given(&written, "temperature"), given(&written, "top_p")), (None, None));
    let why = "this model's vendor takes no such value beside thinking";
    let told = [format!("/temperature: {why}"), format!("/top_p: {why}")];
    assert_eq!(lines(&dropped), told);
    // An effort alone does not make a newer model think, and what the vendor takes stays.
    let (written, dropped) = sent(&OpenAiChatDialect, &newer(), &body);
    assert_eq!((given(&written, "temperature"), dropped.len()), (Some(json!(0.2)), 0));
    let body = asked(json!({"reasoning_effort": "low", "max_completion_tokens": 9_000,
        "temperature": 1, "top_p": 0.95}));
    let (written, dropped) = sent(&OpenAiChatDialect, &older(), &body);
    assert_eq!((given(&written, "temperature"), dropped.len()), (Some(json!(1.0)), 0));
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let forced =
        asked(json!({"reasoning_effort": "high", "tools": tools, "tool_choice": "required",
        "max_completion_tokens": 9_000}));
    let reason = "/reasoning_effort: does not go with a tool that must be called";
    assert_eq!(refused(&OpenAiChatDialect, &older(), &forced), [reason]);
    let lax = Target { on_unsupported: OnUnsupported::Drop, ..older() };
    let (written, dropped) = sent(&OpenAiChatDialect, &lax, &forced);
    assert_eq!((given(&written, "thinking"), lines(&dropped)), (None, vec![reason.to_owned()]));
    let begun = json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "H"}]);
    let begun = asked(
        json!({"reasoning_effort": "high", "messages": begun, "max_completion_tokens": 9_000}),
    );
    let reason = "/reasoning_effort: does not go with a beginning of the answer";
    assert_eq!(refused(&OpenAiChatDialect, &older(), &begun), [reason]);
}

#[test]
fn a_turn_of_tools_that_began_without_thoughts_ends_so() {
    let call = json!({"type": "tool_use", "id": "a", "name": "f", "input": {}});
    let thought = json!({"type": "thinking", "thinking": "Hm", "signature": "sig"});
    let result = json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}]});
    let turn = |blocks: Value| {
        asked(json!({
            "max_tokens": 9_000,
            "thinking": {"type": "enabled", "budget_tokens": 2_000},
            "tools": [{"name": "f", "input_schema": {"type": "object"}}],
            "messages": [{"role": "user", "content": "Go"}, {"role": "assistant", "content": blocks},
                result, {"role": "assistant", "content": [call]}, result],
        }))
    };
    let (body, dropped) = sent(&AnthropicMessagesDialect, &older(), &turn(json!([call])));
    assert_eq!(body.get("thinking"), None);
    let reason = "a turn of tools that began without this vendor's thoughts ends so";
    assert_eq!(lines(&dropped), [format!("/thinking/budget_tokens: {reason}")]);
    let (body, dropped) = sent(&AnthropicMessagesDialect, &older(), &turn(json!([thought, call])));
    assert_eq!((body["thinking"]["budget_tokens"].clone(), dropped), (json!(2_000), vec![]));
    // Beside the results of one turn, in a message of its own.
    let calls =
        json!([{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
    let tool = json!({"role": "tool", "tool_call_id": "a", "content": "r"});
    let body = asked(json!({
        "max_completion_tokens": 9_000,
        "reasoning_effort": "low",
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "messages": [{"role": "user", "content": "Go"}, {"role": "assistant", "tool_calls": calls},
            tool, {"role": "user", "content": "Well?"}],
    }));
    let (body, dropped) = sent(&OpenAiChatDialect, &older(), &body);
    assert_eq!(body.get("thinking"), None);
    assert_eq!(lines(&dropped), [format!("/reasoning_effort: {reason}")]);
    // Who thinks as it finds right may begin at any time.
    let (body, dropped) = sent(&AnthropicMessagesDialect, &newer(), &turn(json!([call])));
    assert_eq!((body["thinking"]["type"].clone(), dropped), (json!("adaptive"), vec![]));
}
