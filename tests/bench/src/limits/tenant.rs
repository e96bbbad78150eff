//! A tenant for one part, so that its books and its Limiter know of nothing else.

use serde_json::{Value, json};

use super::{Bench, caller::Caller, control::Control};
use crate::failure::Failure;

/// The model that all of them call.
pub(crate) const MODEL: &str = "bench-limits";
/// More than any load here reaches.
const PLENTY: u64 = 1_000_000_000_000;

/// An organization with an instance with a project with a key.
pub(crate) struct Tenant {
    pub(crate) caller: Caller,
    control: Control,
    pub(crate) instance: String,
    pub(crate) key: String,
    pub(crate) organization: String,
    pub(crate) project: String,
}

/// How a budget stands, in micro-dollars.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Use {
    pub(crate) held: u64,
    pub(crate) unsettled: u64,
    pub(crate) used: u64,
}

/// Makes the model, by the API that operators have: $1 a million tokens read, $2 a million made.
///
/// # Errors
/// `Control`, `Request`.
pub(crate) async fn make_model(control: &Control) -> Result<(), Failure> {
    let config = json!({
        "model_id": MODEL,
        "provider_id": "openai",
        "display_name": "A model of the proofs of the limits",
        "protocol": "openai-chat",
        "upstream_model": MODEL,
        "capabilities": {
            "text": true, "streaming": true, "system_prompt": true, "sampling_params": true,
        },
        "context_window": 128_000,
        "max_output_tokens": 4_096,
        "default_max_output_tokens": 500,
        "pricing": {
            "currency": "USD",
            "input_micros_per_million_tokens": 1_000_000,
            "output_micros_per_million_tokens": 2_000_000,
        },
    });
    control.make("model-configs", config).await.map(drop)
}

impl Tenant {
    /// Makes one whose vendor thinks for so long.
    ///
    /// # Errors
    /// `Control`, `Request`.
    pub(crate) async fn make(bench: &Bench, name: &str, latency_ms: u64) -> Result<Self, Failure> {
        let control = &bench.control;
        let id = |made: &Value| text(made, "id");
        let name = format!("limits: {name}");
        let organization = id(&control.make("organizations", json!({"name": name})).await?)?;
        let instance =
            json!({"organization_id": organization, "name": name, "environment": "production"});
        let instance = id(&control.make("instances", instance).await?)?;
        let project = json!({"instance_id": instance, "name": name});
        let project = id(&control.make("projects", project).await?)?;
        let place = format!("/v1/provider-keys/{instance}/openai");
        control.put(&place, json!({"secret": "bench-a-vendor-that-takes-any-key"})).await?;
        let key = json!({"project_id": project, "scopes": ["text"]});
        let key = control.make("api-keys", key).await?;
        let caller = Caller {
            client: bench.client.clone(),
            key: text(&key, "secret")?,
            latency_ms,
            model: MODEL,
            url: bench.text.clone(),
        };
        let control = control.clone();
        Ok(Self { caller, control, instance, key: id(&key)?, organization, project })
    }

    /// One with limits and a budget that are counted and never reached.
    ///
    /// # Errors
    /// As [`Self::make`].
    pub(crate) async fn with_plenty(
        bench: &Bench,
        name: &str,
        latency_ms: u64,
    ) -> Result<Self, Failure> {
        let tenant = Self::make(bench, name, latency_ms).await?;
        let place = format!("/v1/limits/project/{}", tenant.project);
        let limits = json!({
            "requests_per_minute": PLENTY, "tokens_per_minute": PLENTY, "concurrent": PLENTY,
        });
        tenant.control.put(&place, limits).await?;
        tenant.budget(PLENTY).await?;
        Ok(tenant)
    }

    /// Sets the project's budget for ever.
    ///
    /// # Errors
    /// `Control`, `Request`.
    pub(crate) async fn budget(&self, amount_micros: u64) -> Result<(), Failure> {
        let body = json!({"period": "total", "amount_micros": amount_micros});
        self.control.put(&format!("/v1/budgets/project/{}", self.project), body).await.map(drop)
    }

    /// How that budget stands; `None` while the Limiter does not say.
    ///
    /// # Errors
    /// `Control`, `Request`.
    pub(crate) async fn usage(&self) -> Result<Option<Use>, Failure> {
        let path = format!("/v1/budgets?scope=project&scope_id={}", self.project);
        let path = format!("{path}&instance_id={}", self.instance);
        let shown = self.control.get(&path).await?;
        let usage = shown.pointer("/data/0/budgets/0/usage");
        let part = |name: &str| usage?.get(name)?.as_u64();
        let all = || {
            Some(Use {
                held: part("held_micros")?,
                unsettled: part("unsettled_micros")?,
                used: part("used_micros")?,
            })
        };
        Ok(all())
    }

    /// What one call may cost, as a refusal says; leaves a budget of next to nothing.
    ///
    /// # Errors
    /// `Unexpected` if it is not refused for its cost.
    pub(crate) async fn need_micros(&self) -> Result<u64, Failure> {
        self.budget(1).await?;
        let told = self.caller.call().await;
        let need = told.details.get("need_micros").and_then(Value::as_u64);
        need.filter(|_| told.status == 402).ok_or_else(|| Failure::Unexpected {
            problem: format!("a call that costs more than 1 µ$ was told {told:?}"),
        })
    }

    /// All calls of the project that are in the books.
    ///
    /// # Errors
    /// `Control`, `Request`.
    pub(crate) async fn rows(&self) -> Result<Vec<Row>, Failure> {
        let mut rows = Vec::new();
        let mut cursor = String::new();
        loop {
            let project = &self.project;
            let path = format!("/v1/requests?project_id={project}&limit=200{cursor}");
            let page = self.control.get(&path).await?;
            for row in page.get("data").and_then(Value::as_array).into_iter().flatten() {
                let cost_micros = row.get("cost_micros").and_then(Value::as_u64).unwrap_or(0);
                rows.push(Row { cost_micros, id: text(row, "id")?, status: text(row, "status")? });
            }
            let Some(next) = page.get("next_cursor").and_then(Value::as_str) else {
                return Ok(rows);
            };
            cursor = format!("&cursor={next}");
        }
    }

    /// How many calls of the project are in the books.
    ///
    /// # Errors
    /// `Control`, `Request`.
    pub(crate) async fn booked(&self) -> Result<u64, Failure> {
        let path = format!("/v1/usage?project_id={}", self.project);
        let sums = self.control.get(&path).await?;
        Ok(sums.pointer("/data/0/requests").and_then(Value::as_u64).unwrap_or(0))
    }
}

/// One call in the books.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) cost_micros: u64,
    /// Of its receipt.
    pub(crate) id: String,
    pub(crate) status: String,
}

/// What all of them have cost.
pub(crate) fn cost_micros(rows: &[Row]) -> u64 {
    rows.iter().map(|row| row.cost_micros).sum()
}

fn text(from: &Value, name: &str) -> Result<String, Failure> {
    from.get(name)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| Failure::Unexpected { problem: format!("there is no `{name}` in {from}") })
}
