//! A tenant of a test's own whose calls are answered, so that its books hold nothing else.

use serde_json::{Value, json};

use crate::{
    answer::Answer,
    call::Call,
    control::{Control, Tenant},
    models::config,
    stack::Stack,
    wire::{Server, Wire},
};

/// The tenant, and who looks into its books.
pub struct Spender {
    /// Who operates the stack.
    pub control: Control,
    /// The key of its project, for calls.
    pub key: String,
    /// Its model.
    pub model: String,
    /// The key of its project, as a reader of the books.
    pub program: Control,
    /// Where it is.
    pub stack: Stack,
    /// It.
    pub tenant: Tenant,
}

impl Spender {
    /// Makes one on a stack of its own, or on the real one.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn ready() -> Self {
        let stack = Stack::ready().await;
        let control = Control::of(stack.admin());
        let tenant = control.tenant().await;
        let secret = stack.vendor_keys.get("openai").expect("the simulator has a key").clone();
        let place = format!("/v1/provider-keys/{}/openai", tenant.instance);
        control.put(&place, &json!({"secret": secret})).await.is(201);
        let model = config(Server::OpenAi, &json!({"organization_id": tenant.organization}));
        let model = control.make("model-configs", Value::Object(model)).await;
        let model = model["model_id"].as_str().expect("a model has an id").to_owned();
        let (key, program) = program(&control, &tenant.project).await;
        Self { control, key, model, program, stack, tenant }
    }

    /// Another project of the tenant's, with its key.
    ///
    /// # Panics
    /// If it is not made.
    pub async fn project(&self) -> (String, String, Control) {
        let project = json!({"instance_id": self.tenant.instance, "name": "Another"});
        let project = self.control.make("projects", project).await;
        let project = project["id"].as_str().expect("a project has an id").to_owned();
        let (key, program) = program(&self.control, &project).await;
        (project, key, program)
    }

    /// A call with the project's key.
    #[must_use]
    pub fn call(&self, prompt: &str) -> Call<'_> {
        self.stack.call(Wire::Native, &self.model, prompt).key(&self.key)
    }

    /// Calls, and waits until that is in the books.
    ///
    /// # Panics
    /// If it does not get there.
    pub async fn spend(&self, call: Call<'_>) -> (Answer, Value) {
        let answer = call.send().await;
        let row = self.stack.books.row(&answer.request_id).await;
        (answer, row)
    }

    /// What a call has cost, in micro-dollars, once that is in the books.
    ///
    /// # Panics
    /// If it does not get there, or has no price.
    pub async fn cost(&self, request_id: &str) -> u64 {
        let row = self.stack.books.row(request_id).await;
        row["cost_micros"].as_u64().unwrap_or_else(|| panic!("no cost: {row}"))
    }

    /// Gives the project a budget for ever, in micro-dollars.
    ///
    /// # Panics
    /// If it is not taken.
    pub async fn set_budget(&self, amount_micros: u64) {
        let body = json!({"period": "total", "amount_micros": amount_micros});
        self.control.put(&self.budget(), &body).await.is(200);
    }

    /// What is used of the project's budget; what of that is held for calls that run, or of which nobody knows
    /// what became. In micro-dollars.
    ///
    /// # Panics
    /// If it has no budget.
    pub async fn usage(&self) -> (u64, u64) {
        let [used, held, unsettled] = self.used_held_unsettled().await;
        (used, held + unsettled)
    }

    /// What is used of the project's budget; what of that is held for calls that run; what of it is held for such as
    /// may have been billed without an answer. In micro-dollars.
    ///
    /// # Panics
    /// If it has no budget.
    pub async fn used_held_unsettled(&self) -> [u64; 3] {
        let shown = self.control.get(&self.budget()).await.is(200).json();
        let usage = &shown["budgets"][0]["usage"];
        ["used_micros", "held_micros", "unsettled_micros"]
            .map(|name| usage[name].as_u64().unwrap_or_else(|| panic!("no {name}: {shown}")))
    }

    fn budget(&self) -> String {
        format!("/v1/budgets/project/{}", self.tenant.project)
    }

    /// What a report shows, to who operates the stack, of this tenant alone.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn report(&self, path: &str) -> Value {
        let sign = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{sign}organization_id={}", self.tenant.organization);
        self.control.get(&path).await.is(200).json()
    }

    /// Lets so much time pass that the hours so far are summed; on the real stack, where time is not ours, what
    /// can be summed is.
    pub async fn pass_an_hour(&self) {
        let minutes = if self.stack.is_real { 1 } else { 64 };
        for _ in 0..minutes {
            self.stack.minute().await;
        }
    }
}

async fn program(control: &Control, project: &str) -> (String, Control) {
    let key = json!({"project_id": project, "scopes": ["read", "text"]});
    let key = control.make("api-keys", key).await;
    let key = key["secret"].as_str().expect("it is shown this once").to_owned();
    let client = control.client.clone().with_key(&key).expect("a key can be a header");
    (key, Control::of(client))
}
