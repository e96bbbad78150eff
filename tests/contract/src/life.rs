//! Someone who looks after models, and what they know of them.

use de_testkit::client::TestResponse;
use http::Method;
use serde_json::{Value, json};

use crate::{
    control::{Control, Tenant},
    models::config,
    stack::Stack,
    wait::unique,
    wire::{Server, Wire},
};

/// The whole config of a model like those of the suite.
#[must_use]
pub fn whole(differs: Value) -> Value {
    Value::Object(config(Server::OpenAi, &differs))
}

/// Where a model lives.
#[must_use]
pub fn path(id: &str) -> String {
    format!("/v1/model-configs/{}", id.replace('/', "%2F"))
}

/// A mapping that says where its words came from.
#[must_use]
pub fn mapping(before: &str) -> Value {
    json!({
        "endpoint": "/chat/completions",
        "body": {
            "model": "{model}",
            "messages": [{"role": "user", "content": format!("{before} {{user_prompt}}")}],
            "max_completion_tokens": "{max_tokens}",
        },
        "response_mapping": {
            "text": "$.choices[0].message.content",
            "input_tokens": "$.usage.prompt_tokens",
            "output_tokens": "$.usage.completion_tokens",
        },
    })
}

/// A model with that mapping.
#[must_use]
pub fn mapped(before: &str, differs: Value) -> Value {
    let mut config = whole(json!({"protocol": "mapped", "payload_mapping": mapping(before)}));
    let members = config.as_object_mut().unwrap();
    members.extend(differs.as_object().cloned().unwrap());
    config
}

/// The fields that a refusal names.
///
/// # Panics
/// If it names none.
#[must_use]
pub fn fields(refused: &Value) -> Vec<String> {
    let fields = refused["details"]["fields"].as_array().unwrap().iter();
    fields.map(|field| field["field"].as_str().unwrap().to_owned()).collect()
}

/// Who operates a stack, and the stack.
pub struct Life {
    /// They.
    pub control: Control,
    /// It.
    pub stack: Stack,
}

impl Life {
    /// Both.
    pub async fn ready() -> Self {
        let stack = Stack::ready().await;
        Self { control: Control::of(stack.admin()), stack }
    }

    /// Makes a model, and says what it is.
    ///
    /// # Panics
    /// If it is not made.
    pub async fn make(&self, config: &Value) -> Value {
        self.control.post("/v1/model-configs", config).await.is(201).json()
    }

    /// Asks with one more header.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn with(
        &self,
        method: Method,
        path: &str,
        header: (&str, &str),
        body: &Value,
    ) -> TestResponse {
        let request = self.control.client.request(method, path).header(header.0, header.1);
        request.json(body).send().await.unwrap()
    }

    /// What a model says to "Hi".
    pub async fn says(&self, model: &str) -> String {
        let call = self.stack.call(Wire::Native, model, "Hi").option("max_tokens", 50);
        call.send().await.good().text()
    }

    /// Tests a model, and says what came of it; `asked` is the request's id.
    ///
    /// # Panics
    /// If that is not answered.
    pub async fn test(&self, id: &str, input: Value) -> Value {
        let body = json!({"instance_id": "inst_dev", "input": input});
        let asked = unique("test");
        let place = format!("{}/test", path(id));
        let answer = self.with(Method::POST, &place, ("x-request-id", &asked), &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let mut told = answer.json();
        told["asked"] = asked.into();
        told
    }

    /// The row that a test has left in the books.
    ///
    /// # Panics
    /// If there is none.
    pub async fn booked(&self, told: &Value) -> Value {
        let row = self.stack.books.row(told["asked"].as_str().unwrap()).await;
        assert_eq!(row["receipt_id"], told["receipt_id"]);
        row
    }
}

/// The query that means a tenant's own models.
#[must_use]
pub fn own(tenant: &Tenant) -> String {
    format!("organization_id={}", tenant.organization)
}
