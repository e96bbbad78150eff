//! The stock-media worker over doubles, and what its vendors answer.

use de_testkit::{
    client::{TestClient, TestResponse},
    fetch::{Answer, Sent},
    platform::TestPlatform,
};
use http::Method;
use serde_json::{Value, json};

/// Everything that a test touches.
pub struct Library {
    /// The worker with the client's key.
    pub client: TestClient,
    /// The doubles.
    pub test: TestPlatform,
}

impl Library {
    pub async fn new() -> Self {
        Self::of(TestPlatform::new().await.unwrap())
    }

    pub fn of(test: TestPlatform) -> Self {
        let client = isolate(&test).with_key(test.tenant.client_key.expose()).unwrap();
        Self { client, test }
    }

    /// The worker in one more isolate, without a key.
    pub fn isolate(&self) -> TestClient {
        isolate(&self.test)
    }

    /// A search with a body.
    pub async fn post(&self, path: &str, body: &Value) -> TestResponse {
        self.client.post(path, body).await.unwrap()
    }

    /// A search that is to succeed.
    pub async fn found(&self, path: &str, body: &Value) -> Value {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// One that is to fail with this code.
    #[track_caller]
    pub fn failed(answer: &TestResponse, status: u16, code: &str) -> Value {
        assert_eq!(answer.status, status, "{}", answer.text());
        let body = answer.json();
        assert_eq!(body["error_code"], code, "{body}");
        body
    }

    /// What was sent to vendors so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.test.fetch.sent()
    }

    /// Changes the row of a model, as an operator does.
    pub async fn change(&self, model: &str, members: &Value) {
        let config = TestClient::of_router(de_config::router(self.test.another_isolate()));
        let config = config.with_key(self.test.tenant.admin_key.expose()).unwrap();
        let request = config.request(Method::PATCH, &format!("/v1/model-configs/{model}"));
        let answer = request.json(members).send().await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// The one row of a call in the books, when all that goes on after its answer is done.
    pub async fn receipt(&self, answer: &TestResponse) -> Value {
        assert_eq!(self.test.background.join_all().await, 0, "work after an answer panicked");
        let sql =
            "SELECT receipt_id, modality, operation, provider_id, model_id, status, http_status,
             error_code, cost_micros, requests, attempts, requested_model_id
           FROM usage_logs WHERE request_id = ?1";
        let mut rows = self.test.sql(sql, &[answer.header("x-request-id")]).await;
        assert_eq!(rows.len(), 1, "one call, one row: {rows:#?}");
        assert_eq!(rows[0]["receipt_id"], answer.header("x-de-receipt"));
        let mut row = rows.remove(0);
        row["attempts"] = serde_json::from_str(row["attempts"].as_str().unwrap()).unwrap();
        row
    }
}

fn isolate(test: &TestPlatform) -> TestClient {
    TestClient::of_router(de_stock_media::router(test.another_isolate()))
}

/// Some photos of Pexels, of a total. Follows <https://www.pexels.com/api/documentation/>.
pub fn pexels_photos(ids: &[u64], total: u64) -> Answer {
    let photos: Vec<Value> = ids.iter().map(|id| pexels_photo(*id)).collect();
    rated(Answer::json(
        200,
        &json!({"page": 1, "per_page": 15, "photos": photos, "total_results": total}),
    ))
}

/// One photo of Pexels, 4000 by 3000.
pub fn pexels_photo(id: u64) -> Value {
    json!({
        "id": id, "width": 4000, "height": 3000, "url": format!("https://www.pexels.com/photo/{id}/"),
        "photographer": "Ana", "photographer_url": "https://www.pexels.com/@ana", "photographer_id": 9,
        "avg_color": "#336699",
        "src": {
            "original": format!("https://images.pexels.com/{id}.jpeg"),
            "medium": format!("https://images.pexels.com/{id}.jpeg?h=350"),
        },
        "liked": false, "alt": "Sea",
    })
}

/// Some videos of Pexels, of a total: each lasts as many seconds as its id says.
pub fn pexels_videos(ids: &[u64], total: u64) -> Answer {
    let video = |id: &u64| {
        json!({
            "id": id, "width": 1920, "height": 1080, "url": format!("https://www.pexels.com/video/{id}/"),
            "image": format!("https://images.pexels.com/v{id}.jpeg"), "duration": id,
            "user": {"id": 9, "name": "Ana", "url": "https://www.pexels.com/@ana"},
            "video_files": [
                {"id": 1, "quality": "sd", "file_type": "video/mp4", "width": 640, "height": 360, "fps": 25,
                    "link": format!("https://videos.pexels.com/{id}-640.mp4")},
                {"id": 2, "quality": "hd", "file_type": "video/mp4", "width": 1920, "height": 1080, "fps": 25,
                    "link": format!("https://videos.pexels.com/{id}-1920.mp4")},
            ],
            "video_pictures": [],
        })
    };
    let videos: Vec<Value> = ids.iter().map(video).collect();
    rated(Answer::json(
        200,
        &json!({"page": 1, "per_page": 15, "videos": videos, "total_results": total}),
    ))
}

fn rated(answer: Answer) -> Answer {
    answer
        .header("x-ratelimit-limit", "20000")
        .header("x-ratelimit-remaining", "19684")
        .header("x-ratelimit-reset", "1797678400")
}

/// A photo of Pixabay, of a total. Follows <https://pixabay.com/api/docs/>.
pub fn pixabay_photo(id: u64, total: u64) -> Answer {
    let hit = json!({
        "id": id, "pageURL": format!("https://pixabay.com/photos/{id}/"), "type": "photo", "tags": "sea",
        "webformatURL": format!("https://pixabay.com/get/{id}_640.jpg"), "webformatWidth": 640,
        "webformatHeight": 480, "largeImageURL": format!("https://pixabay.com/get/{id}_1280.jpg"),
        "imageWidth": 4000, "imageHeight": 3000, "imageSize": 1, "user_id": 7, "user": "Bo",
    });
    Answer::json(200, &json!({"total": total, "totalHits": total.min(500), "hits": [hit]}))
}

/// The head of a PNG of 1280 by 720, as far as anyone here reads it.
pub const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x05\x00\x00\x00\x02\xd0\x08\x02\x00\x00\x00\x00\x00\x00\x00";

/// A file, as servers of files answer it.
pub fn file(bytes: &[u8]) -> Answer {
    Answer::ok().header("content-type", "application/octet-stream").chunk(bytes.to_vec())
}
