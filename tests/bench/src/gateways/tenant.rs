//! Who calls the gateway: a key of a project with limits and a budget, which are counted and never reached.

use serde_json::{Value, json};

use crate::{case::MAPPED_MODEL, failure::Failure, gateway::Gateway};

/// More than any load here reaches.
const PLENTY: u64 = 1_000_000_000_000;
/// The project of the stack's own keys.
const PROJECT: &str = "proj_dev";

/// Makes the models and the limits; the key comes back.
///
/// # Errors
/// `Model` with an answer that is not the one that is wanted, `Request`.
pub(crate) async fn make(gateway: &Gateway, client: &reqwest::Client) -> Result<String, Failure> {
    gateway.make_models(client).await?;
    gateway.make_model(client, &mapped()).await?;
    let limits = json!({
        "requests_per_minute": PLENTY, "tokens_per_minute": PLENTY, "concurrent": PLENTY,
    });
    let budget = json!({"period": "total", "amount_micros": PLENTY});
    for (path, body) in [
        (format!("/v1/limits/project/{PROJECT}"), limits),
        (format!("/v1/budgets/project/{PROJECT}"), budget),
    ] {
        put(gateway, client, &path, &body).await?;
    }
    Ok(gateway.client_key.clone())
}

async fn put(
    gateway: &Gateway,
    client: &reqwest::Client,
    path: &str,
    body: &Value,
) -> Result<(), Failure> {
    let asking = |source| Failure::Request { what: format!("putting {path}"), source };
    let url = format!("{}{path}", gateway.base);
    let asked = client.put(url).bearer_auth(&gateway.admin_key).json(body).send().await;
    let answer = asked.map_err(asking)?;
    let status = answer.status().as_u16();
    if status == 200 {
        return Ok(());
    }
    let body = answer.text().await.map_err(asking)?;
    Err(Failure::Control { path: path.to_owned(), status, body })
}

/// A model whose requests and answers a mapping writes and reads, after the seeded one of OpenAI's chat.
fn mapped() -> Value {
    json!({
        "model_id": MAPPED_MODEL,
        "provider_id": "openai",
        "display_name": "A model of the benchmarks, by a mapping",
        "protocol": "mapped",
        "upstream_model": MAPPED_MODEL,
        "payload_mapping": {
            "endpoint": "/chat/completions",
            "method": "POST",
            "body": {
                "model": MAPPED_MODEL,
                "messages": [
                    {"$if": "{system}", "role": "system", "content": "{system}"},
                    {"$each": "{messages}", "$do": "{item}"},
                    {"$if": "{user_prompt}", "role": "user", "content": "{user_prompt}"},
                ],
                "max_tokens": "{max_tokens}",
                "temperature": "{temperature}",
                "top_p": "{top_p}",
                "stop": "{stop}",
            },
            "defaults": {"max_tokens": 1_000, "temperature": 0.7, "top_p": 1.0},
            "variables": {
                "max_tokens": {"type": "integer", "min": 1, "max": 16_384},
                "temperature": {"type": "number", "min": 0, "max": 2},
                "top_p": {"type": "number", "min": 0, "max": 1},
            },
            "response_mapping": {
                "text": "$.choices[0].message.content",
                "finish_reason": "$.choices[0].finish_reason",
                "model": "$.model",
                "input_tokens": "$.usage.prompt_tokens",
                "output_tokens": "$.usage.completion_tokens",
                "cached_tokens": "$.usage.prompt_tokens_details.cached_tokens",
            },
            "error_mapping": {"message": "$.error.message"},
        },
        "capabilities": {"text": true, "system_prompt": true, "sampling_params": true},
        "context_window": 128_000,
        "max_output_tokens": 16_384,
        "default_max_output_tokens": 4_000,
        "pricing": {
            "currency": "USD",
            "input_micros_per_million_tokens": 150_000,
            "output_micros_per_million_tokens": 600_000,
        },
    })
}
