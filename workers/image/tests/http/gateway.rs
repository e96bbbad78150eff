//! The image worker over doubles.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use de_core::{ids::JobId, jobs::View, ports::Jobs};
use de_testkit::{
    client::{TestClient, TestResponse},
    fetch::Answer,
    platform::TestPlatform,
};
use serde_json::{Value, json};

/// One pixel.
pub(crate) const PNG_BASE64: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// The same in bytes.
pub(crate) fn png() -> Vec<u8> {
    STANDARD.decode(PNG_BASE64).unwrap()
}

/// Everything that a test touches.
pub(crate) struct Gateway {
    /// The image worker with the client's key.
    pub(crate) image: TestClient,
    /// The doubles.
    pub(crate) test: TestPlatform,
}

impl Gateway {
    pub(crate) async fn new() -> Self {
        let test = TestPlatform::new().await.unwrap();
        let client = TestClient::of_router(de_image::router(test.another_isolate()));
        let image = client.with_key(test.tenant.client_key.expose()).unwrap();
        Self { image, test }
    }

    /// Gives a seeded model another id of ours.
    pub(crate) async fn rename(&self, from: &str, to: &str) {
        let sql = "UPDATE model_configs SET model_id = ?2,
             config = json_set(config, '$.model_id', ?2) WHERE model_id = ?1";
        self.test.sql(sql, &[from, to]).await;
    }

    /// The one row of a call in the books, when all that goes on after its answer is done.
    pub(crate) async fn receipt(&self, answer: &TestResponse) -> Value {
        let sql =
            "SELECT receipt_id, status, operation, error_code, cost_micros, estimated, images,
             image_output_tokens FROM usage_logs WHERE request_id = ?1";
        let mut rows = Vec::new();
        // A job settles by itself, after whoever waited for its end.
        for _ in 0..200 {
            assert_eq!(self.test.background.join_all().await, 0, "work after an answer panicked");
            rows = self.test.sql(sql, &[answer.header("x-request-id")]).await;
            if !rows.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(rows.len(), 1, "one call, one row: {rows:#?}");
        assert_eq!(rows[0]["receipt_id"], answer.header("x-de-receipt"));
        rows.remove(0)
    }

    /// How many objects there are, when jobs have cleared up.
    pub(crate) async fn kept(&self) -> usize {
        self.test.background.join_all().await;
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.test.blobs.keys().len()
    }

    /// A job at its end.
    pub(crate) async fn job(&self, id: &str) -> View {
        let id = JobId::parse(id).unwrap();
        let mut revision = 0;
        loop {
            let patience = Duration::from_secs(5);
            let view = self.test.jobs.watch(&id, revision, patience).await.unwrap().unwrap();
            if view.is_over() {
                return view;
            }
            assert!(view.revision > revision, "the job stands still: {view:?}");
            revision = view.revision;
        }
    }
}

/// Follows <https://platform.openai.com/docs/api-reference/images>.
pub(crate) fn openai(pictures: usize) -> Answer {
    let data = vec![json!({"b64_json": PNG_BASE64}); pictures];
    Answer::json(
        200,
        &json!({
            "created": 1_795_000_000, "background": "opaque", "output_format": "png",
            "quality": "low", "size": "1024x1024", "data": data,
            "usage": {"input_tokens": 14, "output_tokens": 544, "total_tokens": 558,
                "input_tokens_details": {"text_tokens": 14, "image_tokens": 0}}
        }),
    )
}

/// Follows <https://ai.google.dev/api/generate-content>.
pub(crate) fn google() -> Answer {
    let part = json!({"inlineData": {"mimeType": "image/png", "data": PNG_BASE64}});
    Answer::json(
        200,
        &json!({
            "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1_120}
        }),
    )
}

/// Follows <https://developer.ideogram.ai/api-reference/api-reference/generate-v3>.
pub(crate) fn ideogram(safe: &[bool]) -> Answer {
    let data: Vec<Value> = safe
        .iter()
        .enumerate()
        .map(|(seed, safe)| {
            let url = safe.then(|| format!("https://ideogram.ai/api/images/ephemeral/{seed}.png"));
            json!({"url": url, "prompt": "A red kite", "is_image_safe": safe, "seed": seed})
        })
        .collect();
    Answer::json(200, &json!({"created": "2026-11-22T08:00:00Z", "data": data}))
}

/// A form: its content type and its bytes.
pub(crate) fn form(texts: &[(&str, &str)], files: &[(&str, &[u8])]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (name, text) in texts {
        let part =
            format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    for (name, bytes) in files {
        let head = format!(
            "--b\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"a.png\"\r\n\
             content-type: image/png\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    ("multipart/form-data; boundary=b".to_owned(), body)
}

/// A picture at the vendor's address.
pub(crate) fn picture() -> Answer {
    Answer::ok().header("content-type", "image/png").chunk(png())
}
