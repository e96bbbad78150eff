//! The audio worker over doubles.

use de_testkit::{
    client::{TestClient, TestResponse},
    fetch::Answer,
    platform::TestPlatform,
};
use serde_json::Value;

/// A frame of silence: MPEG audio, layer III, 128 kbit/s, 44.1 kHz, some 26 ms.
pub fn mp3_frame() -> Vec<u8> {
    let mut frame = vec![0xff, 0xfb, 0x90, 0x00];
    frame.resize(417, 0);
    frame
}

/// Everything that a test touches.
pub struct Gateway {
    /// The worker with the client's key.
    pub audio: TestClient,
    /// The doubles.
    pub test: TestPlatform,
}

impl Gateway {
    pub async fn new() -> Self {
        let test = TestPlatform::new().await.unwrap();
        let audio = isolate(&test);
        Self { audio, test }
    }

    /// The worker in one more isolate, with the client's key.
    pub fn isolate(&self) -> TestClient {
        isolate(&self.test)
    }

    /// What the vendor answers next.
    pub fn vendor(&self, answer: Answer) {
        self.test.fetch.answer(answer);
    }

    /// The last request to a vendor: its address and its body.
    pub fn sent(&self) -> (String, Value) {
        let sent = self.test.fetch.sent();
        let last = sent.last().expect("something was sent");
        (last.url.to_string(), serde_json::from_slice(&last.body).unwrap_or_default())
    }

    /// Changes members of a model's config.
    pub async fn change(&self, model: &str, path: &str, json: &Value) {
        self.test.sql(
            "UPDATE model_configs SET config = json_set(config, ?2, json(?3)) WHERE model_id = ?1",
            &[model, path, &json.to_string()],
        )
        .await;
    }

    /// The one row of a call in the books, when all that goes on after its answer is done.
    pub async fn receipt(&self, answer: &TestResponse) -> Value {
        assert_eq!(self.test.background.join_all().await, 0, "work after an answer panicked");
        let sql =
            "SELECT receipt_id, status, http_status, error_code, cost_micros, estimated, streamed,
             input_tokens, audio_input_tokens, output_tokens, audio_output_tokens, characters, media_ms, response_bytes, operation
           FROM usage_logs WHERE request_id = ?1";
        let mut rows = self.test.sql(sql, &[answer.header("x-request-id")]).await;
        assert_eq!(rows.len(), 1, "one call, one row: {rows:#?}");
        assert_eq!(rows[0]["receipt_id"], answer.header("x-de-receipt"));
        rows.remove(0)
    }
}

fn isolate(test: &TestPlatform) -> TestClient {
    let client = TestClient::of_router(de_audio::router(test.another_isolate()));
    client.with_key(test.tenant.client_key.expose()).unwrap()
}

/// Sound in two pieces.
pub fn sound() -> Answer {
    let frame = mp3_frame();
    Answer::ok().header("content-type", "audio/mpeg").chunk(frame.clone()).chunk(frame)
}
