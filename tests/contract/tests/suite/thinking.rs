//! OpenAI's models that think, as their seeds have them: what the vendor would refuse does not reach it.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    stack::Stack,
    wait::unique,
    wire::{Server, Wire},
};
use serde_json::{Value, json};

const THINKING: [&str; 5] =
    ["gpt-5.4-mini", "gpt-6-astra", "gpt-6-luna", "gpt-6.1-sol", "gpt-6.1-terra"];

fn tools(wire: Wire, name: &str) -> Value {
    let schema = json!({"type": "object", "properties": {"input": {"type": "string"}}});
    match wire {
        Wire::Anthropic => json!([{"name": name, "input_schema": schema}]),
        _ => json!([{"type": "function", "function": {"name": name, "parameters": schema}}]),
    }
}

#[tokio::test]
async fn models_that_think_call_tools_from_each_protocol() {
    let stack = Stack::ready().await;
    for model in THINKING {
        for wire in [Wire::Anthropic, Wire::OpenAi] {
            for streamed in [false, true] {
                let call = stack.call(wire, model, "call:look_up please");
                let call = call.member("tools", tools(wire, "look_up"));
                // A caller's habit, and one that says how hard.
                let call = match wire {
                    Wire::Anthropic => call
                        .member("output_config", json!({"effort": "low"}))
                        .member("temperature", 0.5),
                    _ => call.member("reasoning_effort", "low").member("temperature", 0.5),
                };
                let call = if streamed { call.streamed() } else { call };
                let answer = call.send().await.good();
                let finish = if streamed { answer.story().finish } else { answer.finish() };
                let calls = if wire == Wire::Anthropic { "tool_use" } else { "tool_calls" };
                assert_eq!(finish, calls, "{model} {wire:?} {streamed}");
                assert_eq!(answer.header("x-de-dropped"), "temperature", "{model}");
            }
        }
    }
}

#[tokio::test]
async fn a_model_that_thinks_where_it_is_told_to_samples_elsewhere() {
    let stack = Stack::ready().await;
    let word = unique("samples");
    let call = stack.call(Wire::OpenAi, "gpt-5.4-mini", &word).member("temperature", 0.5);
    let call = call.member("logprobs", true);
    call.send().await.good();
    assert_eq!(stack.vendors.only(&word).await["body"]["temperature"], 0.5);
}

#[tokio::test]
async fn no_model_is_told_an_effort_that_it_does_not_take() {
    let stack = Stack::ready().await;
    for (model, none, most) in [
        ("gpt-5.4-mini", "none", "xhigh"),
        ("gpt-6-astra", "low", "max"),
        ("gpt-6-luna", "none", "max"),
        ("gpt-6.1-sol", "low", "max"),
        ("gpt-6.1-terra", "none", "max"),
    ] {
        for (asked, sent) in [("none", none), ("minimal", "low"), ("high", "high"), ("max", most)] {
            let word = unique("effort");
            let call = stack.call(Wire::OpenAi, model, &word).member("reasoning_effort", asked);
            let call = call.header("x-de-on-unsupported", "drop");
            let answer = call.send().await.good();
            let got = &stack.vendors.only(&word).await["body"]["reasoning"]["effort"];
            assert_eq!(got, sent, "{model} {asked}");
            let told = asked == "none" && sent == "low";
            assert_eq!(
                answer.header("x-de-dropped") == "reasoning_effort",
                told,
                "{model} {asked}"
            );
        }
    }
    let call = stack.call(Wire::OpenAi, "gpt-6-astra", "Hello").member("reasoning_effort", "none");
    let answer = call.send().await;
    answer.fails(400, "VALIDATION_ERROR");
    assert_eq!(answer.fields(), ["/reasoning_effort"]);
}

/// An operator's own row of chat completions, where the vendor takes less.
#[tokio::test]
async fn chat_completions_take_one_effort_less() {
    let stack = Stack::ready().await;
    let differs = json!({
        "upstream_model": "gpt-6-astra",
        "capabilities": {"text": true, "reasoning": true, "sampling_params": false, "thinking_always_on": true},
    });
    let model = stack.model(Server::OpenAi, differs).await;
    for (asked, sent) in [("low", "low"), ("xhigh", "xhigh"), ("max", "xhigh")] {
        let word = unique("effort");
        let call = stack.call(Wire::Anthropic, &model, &word);
        call.member("output_config", json!({"effort": asked})).send().await.good();
        assert_eq!(stack.vendors.only(&word).await["body"]["reasoning_effort"], sent);
    }
    let word = unique("effort");
    let call = stack.call(Wire::Anthropic, &model, &word).header("x-de-on-unsupported", "drop");
    call.member("thinking", json!({"type": "disabled"})).send().await.good();
    assert_eq!(stack.vendors.only(&word).await["body"]["reasoning_effort"], "low");
}
