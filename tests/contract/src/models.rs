//! Models that a test makes for itself.

use serde_json::{Map, Value, json};

use crate::{stack::Stack, wait::unique, wire::Server};

/// What a model of [`Stack::model`] costs for each token read, in micro-dollars.
pub const INPUT_MICROS: i64 = 1;
/// And for each token made.
pub const OUTPUT_MICROS: i64 = 2;

/// A model config under a new name, served by this vendor; `differs` replaces members.
#[must_use]
pub fn config(server: Server, differs: &Value) -> Map<String, Value> {
    let protocol = match server {
        Server::Anthropic => "anthropic-messages",
        Server::Gemini => "gemini",
        Server::OpenAi => "openai-chat",
    };
    let base = json!({
        "model_id": unique("contract"),
        "provider_id": server.provider(),
        "display_name": "A model of the contract suite",
        "protocol": protocol,
        "upstream_model": server.model(),
        "capabilities": {
            "text": true, "tools": true, "streaming": true, "system_prompt": true, "sampling_params": true,
        },
        "context_window": 128_000,
        "max_output_tokens": 4_096,
        "default_max_output_tokens": 500,
        "pricing": {
            "currency": "USD",
            "input_micros_per_million_tokens": INPUT_MICROS * 1_000_000,
            "output_micros_per_million_tokens": OUTPUT_MICROS * 1_000_000,
        },
    });
    let mut members = base.as_object().cloned().unwrap_or_default();
    for (name, value) in differs.as_object().into_iter().flatten() {
        members.insert(name.clone(), value.clone());
    }
    members
}

/// What makes a model one of Replicate, which takes an order and is polled; `response` replaces members of
/// its mapping's `response`.
#[must_use]
pub fn polled(response: &Value) -> Value {
    let mut poll = json!({
        "kind": "poll",
        "endpoint": "/predictions/{job_id}",
        "every_ms": 250,
        "timeout_ms": 60_000,
        "status": "$.status",
        "done": ["succeeded"],
        "failed": ["failed", "canceled"],
        "error": {"message": "$.error", "code": "$.error"},
        "result": {
            "text": "$.output[*]",
            "input_tokens": "$.metrics.input_token_count",
            "output_tokens": "$.metrics.output_token_count",
        },
        "cancel": {"endpoint": "/predictions/{job_id}/cancel"},
    });
    for (name, value) in response.as_object().into_iter().flatten() {
        poll[name] = value.clone();
    }
    let flagged = "The input or output was flagged as sensitive. Please try again with different inputs. (E005)";
    json!({
        "provider_id": "replicate",
        "protocol": "mapped",
        "upstream_model": "meta/meta-llama-3-8b-instruct",
        "unknown_options": "drop",
        "payload_mapping": {
            "endpoint": "/models/meta/meta-llama-3-8b-instruct/predictions",
            "body": {"input": {
                "prompt": "{user_prompt}", "system_prompt": "{system}", "max_tokens": "{max_tokens}",
            }},
            "response": poll,
            "response_mapping": {"job_id": "$.id"},
            "error_mapping": {"message": "$.detail", "code": "$.title", "refusal_on": [flagged]},
        },
    })
}

impl Stack {
    /// Makes a model and says its id.
    ///
    /// # Panics
    /// If the config worker does not take it.
    pub async fn model(&self, server: Server, differs: Value) -> String {
        let config = Value::Object(config(server, &differs));
        let answer = self.admin().post("/v1/model-configs", &config).await.unwrap();
        assert_eq!(answer.status, 201, "{config} gave {}", answer.text());
        config["model_id"].as_str().unwrap_or_default().to_owned()
    }
}
