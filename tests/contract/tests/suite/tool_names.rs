//! Names of tools that a vendor does not take: it gets others, and callers their own.

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

/// As Claude Code names a tool of a server of a plugin.
const LONG: &str = "mcp__plugin_chrome-devtools-mcp_chrome-devtools__performance_analyze_insight";

fn tools(wire: Wire) -> Value {
    let schema = json!({"type": "object", "properties": {"input": {"type": "string"}}});
    let tool = |name: &str| match wire {
        Wire::Anthropic => json!({"name": name, "input_schema": schema}),
        _ => json!({"type": "function", "function": {"name": name, "parameters": schema}}),
    };
    json!([tool(LONG), tool("look_up")])
}

fn choice(wire: Wire) -> Value {
    match wire {
        Wire::Anthropic => json!({"type": "tool", "name": LONG}),
        _ => json!({"type": "function", "function": {"name": LONG}}),
    }
}

/// The turns of a conversation in which the model has called, and its tool has answered.
fn turns(wire: Wire, prompt: &str, answer: &Value) -> Value {
    let asked = json!({"role": "user", "content": prompt});
    match wire {
        Wire::Anthropic => {
            let blocks = answer["content"].as_array().unwrap();
            let call = blocks.iter().find(|block| block["type"] == "tool_use").unwrap();
            assert_eq!(call["name"], LONG);
            let result = json!({"type": "tool_result", "tool_use_id": call["id"], "content": "3"});
            json!([
                asked,
                {"role": "assistant", "content": blocks},
                {"role": "user", "content": [result]},
            ])
        }
        _ => {
            let said = &answer["choices"][0]["message"];
            let call = &said["tool_calls"][0];
            assert_eq!(call["function"]["name"], LONG);
            json!([asked, said, {"role": "tool", "tool_call_id": call["id"], "content": "3"}])
        }
    }
}

#[tokio::test]
async fn a_name_that_a_vendor_does_not_take_comes_back_as_it_was() {
    let stack = Stack::ready().await;
    let chat = stack.model(Server::OpenAi, json!({})).await;
    for (wire, model) in [
        (Wire::Anthropic, chat.as_str()),
        (Wire::Anthropic, "gpt-6-luna"),
        (Wire::Anthropic, "gemini-3.8-flash"),
        (Wire::OpenAi, "gpt-6-luna"),
        (Wire::OpenAi, "gemini-3.8-flash"),
    ] {
        let word = unique("names");
        let ask = || stack.call(wire, model, &word).member("tools", tools(wire));
        let first = ask().member("tool_choice", choice(wire)).send().await.good();
        assert_eq!(first.header("x-de-dropped"), "", "{wire:?} {model}");
        let streamed = ask().member("tool_choice", choice(wire)).streamed().send().await.good();
        let told: Vec<String> =
            streamed.response.events().iter().map(|event| event.data.clone()).collect();
        assert!(told.iter().any(|data| data.contains(LONG)), "{wire:?} {model} {told:?}");
        let call = stack.call(wire, model, "").member("tools", tools(wire));
        let call = call.member("messages", turns(wire, &word, &first.json()));
        assert_eq!(call.send().await.good().text(), "You said: 3", "{wire:?} {model}");
        // Its vendor knows one other name, in each request.
        let sent = stack.vendors.received(&word).await;
        assert_eq!(sent.len(), 3);
        for request in &sent {
            let body = request["body"].to_string();
            assert!(!body.contains(LONG), "{body}");
            assert!(body.contains("__performance_analyze_insight_4d5b4b1f81ac9ab1"), "{body}");
            assert!(body.contains("\"look_up\""), "{body}");
        }
    }
}

#[tokio::test]
async fn a_caller_of_the_vendors_own_protocol_is_told_by_the_vendor() {
    let stack = Stack::ready().await;
    let chat = stack.model(Server::OpenAi, json!({})).await;
    let call = stack.call(Wire::OpenAi, &chat, "Hello").member("tools", tools(Wire::OpenAi));
    let answer = call.send().await;
    answer.fails(400, "INVALID_REQUEST");
}
