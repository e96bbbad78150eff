//! The gateway under test: the stack that `cargo xtask bench` has started, with two models for this.

use std::{collections::BTreeMap, env, fs};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    case::{CHAT_MODEL, CLAUDE_MODEL},
    failure::Failure,
};

/// The part of a stack's record that is read here.
#[derive(Deserialize)]
pub(crate) struct Gateway {
    pub(crate) admin_key: String,
    pub(crate) base: String,
    pub(crate) client_key: String,
    hosts: BTreeMap<String, String>,
    /// The keys that its simulated vendors take, by provider.
    #[serde(default)]
    pub(crate) simulator_keys: BTreeMap<String, String>,
    /// The runtime's process.
    pub(crate) workerd_pid: Option<u32>,
}

impl Gateway {
    /// Reads the record that `STACK_JSON` names.
    ///
    /// # Errors
    /// `Setting`, `System`, `Json`.
    pub(crate) fn find() -> Result<Self, Failure> {
        let file = env::var("STACK_JSON").map_err(|_| Failure::Setting { name: "STACK_JSON" })?;
        let text = fs::read_to_string(&file).map_err(Failure::system("read", &file))?;
        serde_json::from_str(&text).map_err(|source| Failure::Json { source })
    }

    /// The text worker's own host.
    pub(crate) fn text(&self) -> &str {
        self.hosts.get("text").map_or("", String::as_str)
    }

    /// Makes the models, by the API that operators have.
    ///
    /// They have limits, as models do, but none that this load could reach.
    ///
    /// # Errors
    /// `Model` with the answer, `Request`.
    pub(crate) async fn make_models(&self, client: &reqwest::Client) -> Result<(), Failure> {
        for (name, provider, protocol) in [
            (CHAT_MODEL, "openai", "openai-chat"),
            (CLAUDE_MODEL, "anthropic", "anthropic-messages"),
        ] {
            self.make_model(client, &config(name, provider, protocol)).await?;
        }
        Ok(())
    }

    /// Makes another model like [`CHAT_MODEL`], by another name.
    ///
    /// # Errors
    /// As [`Self::make_models`].
    pub(crate) async fn make_copy(
        &self,
        client: &reqwest::Client,
        name: &str,
    ) -> Result<(), Failure> {
        self.make_model(client, &config(name, "openai", "openai-chat")).await
    }

    /// Makes one model.
    ///
    /// # Errors
    /// As [`Self::make_models`].
    pub(crate) async fn make_model(
        &self,
        client: &reqwest::Client,
        config: &Value,
    ) -> Result<(), Failure> {
        let response = client
            .post(format!("{}/v1/model-configs", self.base))
            .bearer_auth(&self.admin_key)
            .json(config)
            .send()
            .await
            .map_err(asking)?;
        match response.status().as_u16() {
            201 => Ok(()),
            status => {
                let body = response.text().await.map_err(asking)?;
                Err(Failure::Model { status, body })
            }
        }
    }
}

fn asking(source: reqwest::Error) -> Failure {
    Failure::Request { what: "making a model".to_owned(), source }
}

fn config(name: &str, provider: &str, protocol: &str) -> Value {
    json!({
        "model_id": name,
        "provider_id": provider,
        "display_name": "A model of the benchmarks",
        "protocol": protocol,
        "upstream_model": name,
        "capabilities": {
            "text": true, "streaming": true, "system_prompt": true, "sampling_params": true,
        },
        "context_window": 128_000,
        "max_output_tokens": 16_000,
        "default_max_output_tokens": 4_000,
        "rate_limits": {
            "concurrent_requests": 100_000, "rpm": 100_000_000, "tpm": 1_000_000_000_000_u64,
        },
        "pricing": {
            "currency": "USD",
            "input_micros_per_million_tokens": 150_000,
            "output_micros_per_million_tokens": 600_000,
        },
    })
}
