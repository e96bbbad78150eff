use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use de_simulator::Vendor;
use serde_json::{Value, json};

use crate::client::{Rig, answer, with};

const GOOGLE: &str = "/models/gemini-embedding-2:batchEmbedContents";

fn asked(input: Value) -> Value {
    json!({ "model": "text-embedding-3-small", "input": input })
}

impl Rig {
    async fn vectors(&self, body: &Value) -> (u16, Value) {
        answer(self.post(Vendor::OpenAi, "/embeddings").json(body)).await
    }
}

#[tokio::test]
async fn each_input_has_its_vector() {
    let rig = Rig::start().await;
    let (status, body) = rig.vectors(&asked(json!(["one", "two words", "one"]))).await;
    assert_eq!(status, 200, "{body}");
    let vector = |place: usize| &body["data"][place]["embedding"];
    assert_eq!(vector(0).as_array().unwrap().len(), 1_536);
    assert_eq!(vector(0), vector(2));
    assert_ne!(vector(0), vector(1));
    assert_eq!(body["data"][1]["index"], 1);
    assert_eq!(body["usage"], json!({ "prompt_tokens": 5, "total_tokens": 5 }));
    let small = with(asked(json!("one")), json!({ "dimensions": 2, "encoding_format": "base64" }));
    let (_, small) = rig.vectors(&small).await;
    let bytes = STANDARD.decode(small["data"][0]["embedding"].as_str().unwrap()).unwrap();
    assert_eq!(bytes.len(), 8);
    let (status, body) = rig.vectors(&asked(json!([[1, 2, 3], [4]]))).await;
    assert_eq!((status, &body["usage"]["prompt_tokens"]), (200, &json!(4)), "{body}");
    let (status, body) = rig.vectors(&asked(json!([1, 2, 3]))).await;
    assert_eq!((status, body["data"].as_array().unwrap().len()), (200, 1), "{body}");
}

#[tokio::test]
async fn what_the_vendors_refuse_is_refused() {
    let rig = Rig::start().await;
    for (wrong, param) in [
        (json!({}), json!("input")),
        (asked(json!("")), json!("input")),
        (asked(json!([])), json!("input")),
        (asked(json!(["a", [1]])), json!("input")),
        (asked(json!(vec!["a"; 2_049])), json!("input")),
        (asked(json!(vec![1; 8_193])), json!("input")),
        (with(asked(json!("a")), json!({ "dimensions": 1_537 })), json!("dimensions")),
        (with(asked(json!("a")), json!({ "truncate": true })), json!("truncate")),
    ] {
        let (status, body) = rig.vectors(&wrong).await;
        assert_eq!((status, &body["error"]["param"]), (400, &param), "{body}");
    }
    let chat = json!({ "model": "gpt-4o-mini", "input": "a" });
    assert_eq!(rig.vectors(&chat).await.0, 404);
    let mistral = |body: Value| answer(rig.post(Vendor::Mistral, "/embeddings").json(&body));
    let (status, body) = mistral(json!({ "model": "mistral-embed", "input": ["a"] })).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["data"][0]["embedding"].as_array().unwrap().len(), 1_024);
    let wrong = json!({ "model": "mistral-embed", "input": ["a"], "dimensions": 8 });
    assert_eq!(mistral(wrong).await.0, 422);
    assert_eq!(mistral(json!({ "model": "mistral-embed", "input": [[1]] })).await.0, 422);
}

#[tokio::test]
async fn google_makes_vectors_in_batches() {
    let rig = Rig::start().await;
    let one = |text: &str| {
        json!({ "model": "models/gemini-embedding-2", "content": { "parts": [{ "text": text }] },
            "outputDimensionality": 4 })
    };
    let google = |body: Value| answer(rig.post(Vendor::Google, GOOGLE).json(&body));
    let (status, body) = google(json!({ "requests": [one("a"), one("b")] })).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["embeddings"][1]["values"].as_array().unwrap().len(), 4);
    for wrong in [
        json!({}),
        json!({ "requests": [] }),
        json!({ "requests": vec![one("a"); 101] }),
        json!({ "requests": [with(one("a"), json!({ "model": "gemini-embedding-2" }))] }),
        json!({ "requests": [with(one("a"), json!({ "dimensions": 4 }))] }),
        json!({ "requests": [one("")] }),
    ] {
        let (status, body) = google(wrong).await;
        assert_eq!((status, &body["error"]["status"]), (400, &json!("INVALID_ARGUMENT")), "{body}");
    }
    let picture = "/models/gemini-3-pro-image:batchEmbedContents";
    let (status, _) = answer(rig.post(Vendor::Google, picture).json(&json!({}))).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn vectors_fail_on_demand() {
    let rig = Rig::start().await;
    assert_eq!(rig.vectors(&asked(json!(["fail:503"]))).await.0, 503);
    let body = json!({ "requests": [{ "model": "models/gemini-embedding-2",
        "content": { "parts": [{ "text": "fail:429" }] } }] });
    assert_eq!(answer(rig.post(Vendor::Google, GOOGLE).json(&body)).await.0, 429);
}
