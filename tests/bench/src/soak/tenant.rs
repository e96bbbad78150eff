//! Who calls: one project with all the room there is, one with a limit that is soon reached, one without money.

use serde_json::{Value, json};

use crate::{failure::Failure, gateway::Gateway, limits::control::Control};

/// More than half an hour of calls may cost.
const PLENTY: u64 = 1 << 39;
/// The limited one's calls a minute.
const A_MINUTE: u64 = 10;
/// The model whose vendor fails, which others must not feel.
pub(super) const FAILING: &str = "soak-failing";
const PROVIDERS: [&str; 4] = ["anthropic", "ideogram", "openai", "replicate"];

/// A project and its key.
pub(super) struct Project {
    pub(super) id: String,
    pub(super) key: String,
}

/// All of them, of one instance.
pub(super) struct Tenants {
    pub(super) instance: String,
    pub(super) limited: Project,
    pub(super) penniless: Project,
    pub(super) rich: Project,
}

impl Tenants {
    /// Makes them on a stack whose vendors are simulated.
    ///
    /// # Errors
    /// `Control`, `Request`, `Unexpected` if the stack has another vendor.
    pub(super) async fn make(gateway: &Gateway, control: &Control) -> Result<Self, Failure> {
        let named = |name: &str| json!({"name": format!("soak: {name}")});
        let organization = text(&control.make("organizations", named("all")).await?, "id")?;
        let instance =
            json!({"organization_id": organization, "name": "soak", "environment": "production"});
        let instance = text(&control.make("instances", instance).await?, "id")?;
        for provider in PROVIDERS {
            let Some(secret) = gateway.simulator_keys.get(provider) else {
                let problem = format!("the stack's vendors know no {provider}");
                return Err(Failure::Unexpected { problem });
            };
            let place = format!("/v1/provider-keys/{instance}/{provider}");
            control.put(&place, json!({"secret": secret})).await?;
        }
        control
            .make(
                "model-configs",
                json!({
                    "model_id": FAILING, "provider_id": "openai", "display_name": "Fails on purpose",
                    "protocol": "openai-chat", "upstream_model": "gpt-4o-mini",
                    "capabilities": {"text": true, "streaming": true, "system_prompt": true},
                    "context_window": 128_000, "max_output_tokens": 4_096,
                    "circuit_breaker": null,
                    "pricing": {
                        "currency": "USD", "input_micros_per_million_tokens": 1_000_000,
                        "output_micros_per_million_tokens": 2_000_000,
                    },
                }),
            )
            .await?;
        // In place of what the catalogue says, which this load would reach.
        for model in ["claude-haiku-4-5", "gpt-4o-mini", "ideogram-v2"] {
            let place = format!("/v1/limits/model/{model}?instance_id={instance}");
            let limits = json!({
                "requests_per_minute": PLENTY, "tokens_per_minute": PLENTY, "concurrent": PLENTY,
            });
            control.put(&place, limits).await?;
        }
        let rich = project(control, &instance, "rich").await?;
        let limited = project(control, &instance, "limited").await?;
        let penniless = project(control, &instance, "penniless").await?;
        for (project, amount) in [(&rich, PLENTY), (&limited, PLENTY), (&penniless, 1)] {
            let place = format!("/v1/budgets/project/{}", project.id);
            let budget = json!({"period": "total", "amount_micros": amount});
            control.put(&place, budget).await?;
        }
        let place = format!("/v1/limits/project/{}", limited.id);
        control.put(&place, json!({"requests_per_minute": A_MINUTE})).await?;
        Ok(Self { instance, limited, penniless, rich })
    }
}

async fn project(control: &Control, instance: &str, name: &str) -> Result<Project, Failure> {
    let made = json!({"instance_id": instance, "name": name});
    let id = text(&control.make("projects", made).await?, "id")?;
    let key = json!({"project_id": id, "scopes": ["image", "read", "text"]});
    let key = text(&control.make("api-keys", key).await?, "secret")?;
    Ok(Project { id, key })
}

pub(super) fn text(from: &Value, name: &str) -> Result<String, Failure> {
    let found = from.get(name).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| Failure::Unexpected { problem: format!("there is no `{name}` in {from}") })
}
