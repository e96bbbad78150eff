//! The text worker over doubles, with the config worker beside it.

use std::sync::Arc;

use de_core::ports::Platform;
use de_testkit::{
    claims::LocalClaims,
    client::{TestClient, TestResponse},
    fetch::Answer,
    platform::TestPlatform,
};
use serde_json::{Value, json};

use crate::doubles::{FarClaims, FarLimiter};

/// Everything that a test touches.
pub struct Gateway {
    /// The control plane, without a key.
    pub config: TestClient,
    /// The Limiter of all of them.
    pub limiter: Arc<FarLimiter>,
    /// The doubles.
    pub test: TestPlatform,
    /// The text worker with the client's key.
    pub text: TestClient,
}

impl Gateway {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// One whose calls take of shares that others were granted, as they do on workerd.
    pub async fn pooled() -> Self {
        Self::of(TestPlatform::builder().pools_shares().build().await.unwrap(), |_| {})
    }

    /// One whose platform differs.
    pub async fn with(differs: impl FnOnce(&mut Platform)) -> Self {
        Self::of(TestPlatform::new().await.unwrap(), differs)
    }

    fn of(mut test: TestPlatform, differs: impl FnOnce(&mut Platform)) -> Self {
        let limiter = Arc::new(FarLimiter::new(test.limiter.clone()));
        test.platform.limiter = limiter.clone();
        differs(&mut test.platform);
        let config = TestClient::of_router(de_config::router(test.another_isolate()));
        let text = isolate(&test);
        Self { config, limiter, test, text }
    }

    /// One whose claims are these, made of the double's own.
    pub async fn with_claims(make: impl FnOnce(Arc<LocalClaims>) -> Arc<FarClaims>) -> Self {
        let mut test = TestPlatform::new().await.unwrap();
        let limiter = Arc::new(FarLimiter::new(test.limiter.clone()));
        test.platform.limiter = limiter.clone();
        test.platform.claims = make(test.claims.clone());
        let config = TestClient::of_router(de_config::router(test.another_isolate()));
        let text = isolate(&test);
        Self { config, limiter, test, text }
    }

    /// The text worker in one more isolate, with the client's key.
    pub fn isolate(&self) -> TestClient {
        isolate(&self.test)
    }

    /// Makes a model of this id; `differs` replaces members.
    pub async fn model(&self, id: &str, protocol: &str, differs: Value) {
        let (provider, upstream) = match protocol {
            "anthropic-messages" => ("anthropic", "claude-haiku-4-5"),
            _ => ("openai", "gpt-4o-mini"),
        };
        let mut config = json!({
            "model_id": id, "provider_id": provider, "display_name": id, "protocol": protocol,
            "upstream_model": upstream, "capabilities": {"text": true, "streaming": true},
            "context_window": 200_000, "max_output_tokens": 4_096, "default_max_output_tokens": 500,
        });
        for (name, value) in differs.as_object().unwrap() {
            config[name] = value.clone();
        }
        let admin = self.config.clone().with_key(self.test.tenant.admin_key.expose()).unwrap();
        let answer = admin.post("/v1/model-configs", &config).await.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
    }

    /// A native call for a whole answer.
    pub async fn generate(&self, model: &str) -> TestResponse {
        let body = json!({"model_id": model, "prompt": "Hello"});
        self.text.post("/generate", &body).await.unwrap()
    }

    /// All rows that a call has in the books, when all that goes on after its answer is done.
    pub async fn receipts(&self, answer: &TestResponse) -> Vec<Value> {
        assert_eq!(self.test.background.join_all().await, 0, "work after an answer panicked");
        let sql =
            "SELECT receipt_id, status, http_status, error_code, limiter_bypassed, cost_micros, estimated,
             input_tokens, output_tokens, cache_write_1h_tokens
           FROM usage_logs WHERE request_id = ?1";
        self.test.sql(sql, &[answer.header("x-request-id")]).await
    }

    /// The one row of a call.
    pub async fn receipt(&self, answer: &TestResponse) -> Value {
        let mut rows = self.receipts(answer).await;
        assert_eq!(rows.len(), 1, "one call, one row: {rows:#?}");
        assert_eq!(rows[0]["receipt_id"], answer.header("x-de-receipt"));
        rows.remove(0)
    }

    /// How many requests the vendors have received.
    pub fn sent(&self) -> usize {
        self.test.fetch.sent().len()
    }
}

fn isolate(test: &TestPlatform) -> TestClient {
    let client = TestClient::of_router(de_text::router(test.another_isolate()));
    client.with_key(test.tenant.client_key.expose()).unwrap()
}

/// OpenAI's whole answer. Follows <https://platform.openai.com/docs/api-reference/chat/object>.
pub fn openai(text: &str) -> Answer {
    openai_ended(text, "stop")
}

/// The same, ended for another reason.
pub fn openai_ended(text: &str, finish: &str) -> Answer {
    let message = json!({"role": "assistant", "content": text, "refusal": null});
    Answer::json(
        200,
        &json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
        }),
    )
}

/// An event of OpenAI's stream. Follows <https://platform.openai.com/docs/api-reference/chat-streaming>.
pub fn openai_chunk(delta: &Value, finish: Option<&str>) -> String {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
    let chunk = json!({"id": "c", "object": "chat.completion.chunk", "choices": [choice]});
    format!("data: {chunk}\n\n")
}

/// Anthropic's whole answer. Follows <https://docs.anthropic.com/en/api/messages>.
pub fn anthropic(usage: &Value) -> Answer {
    Answer::json(
        200,
        &json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5",
            "content": [{"type": "text", "text": "Hi."}], "stop_reason": "end_turn",
            "stop_sequence": null, "usage": usage,
        }),
    )
}

/// OpenAI's error. Follows <https://platform.openai.com/docs/guides/error-codes>.
pub fn openai_error(status: u16, message: &str) -> Answer {
    let error = json!({"message": message, "type": "server_error", "param": null, "code": null});
    Answer::json(status, &json!({"error": error}))
}
