use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use de_simulator::Vendor;
use image::ImageFormat;
use serde_json::{Value, json};

use crate::client::{Rig, answer, header, with};

const PRO: &str = "/models/gemini-3-pro-image:generateContent";
const FLASH: &str = "/models/gemini-3.1-flash-image:generateContent";

fn asked(prompt: &str, config: Value) -> Value {
    let config = with(json!({ "responseModalities": ["TEXT", "IMAGE"] }), config);
    json!({
        "contents": [{ "role": "user", "parts": [{ "text": prompt }] }],
        "generationConfig": config,
    })
}

fn seen(part: &Value) -> (ImageFormat, u32, u32) {
    let bytes = STANDARD.decode(part["inlineData"]["data"].as_str().unwrap()).unwrap();
    let picture = image::load_from_memory(&bytes).unwrap();
    (image::guess_format(&bytes).unwrap(), picture.width(), picture.height())
}

impl Rig {
    async fn gemini(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.post(Vendor::Google, path).json(body)).await
    }
}

#[tokio::test]
async fn a_picture_comes_inside_the_reply() {
    let rig = Rig::start().await;
    let config = json!({ "imageConfig": { "aspectRatio": "16:9", "imageSize": "2K" } });
    for (path, format, output, thoughts, mime_type) in [
        (PRO, ImageFormat::Jpeg, 1_120, 96, "image/jpeg"),
        (FLASH, ImageFormat::Png, 1_680, 0, "image/png"),
    ] {
        let (status, body) = rig.gemini(path, &asked("A red kite", config.clone())).await;
        assert_eq!(status, 200, "{body}");
        let candidate = &body["candidates"][0];
        let part = &candidate["content"]["parts"][1];
        assert_eq!(candidate["finishReason"], "STOP");
        assert_eq!(part["inlineData"]["mimeType"], mime_type);
        assert_eq!(seen(part), (format, 2_752, 1_536));
        let usage = &body["usageMetadata"];
        assert_eq!(usage["candidatesTokensDetails"][1]["tokenCount"], output);
        assert_eq!(usage["thoughtsTokenCount"].as_u64().unwrap_or(0), thoughts);
        let sum = ["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount"]
            .map(|name| usage[name].as_u64().unwrap_or(0));
        assert_eq!(usage["totalTokenCount"], sum.iter().sum::<u64>());
    }
}

#[tokio::test]
async fn a_picture_may_come_in() {
    let rig = Rig::start().await;
    let (_, first) = rig.gemini(FLASH, &asked("A red kite", json!({}))).await;
    let part = &first["candidates"][0]["content"]["parts"][1];
    let mut body = asked("Make it blue", json!({ "responseModalities": ["IMAGE"] }));
    let data = json!({ "inlineData": part["inlineData"] });
    body["contents"][0]["parts"].as_array_mut().unwrap().push(data);
    let (status, edited) = rig.gemini(FLASH, &body).await;
    assert_eq!((status, &edited["usageMetadata"]["promptTokenCount"]), (200, &json!(1_123)));
    assert_eq!(edited["candidates"][0]["content"]["parts"].as_array().unwrap().len(), 1);
    body["contents"][0]["parts"][1]["inlineData"]["mimeType"] = json!("image/jpeg");
    assert_eq!(rig.gemini(FLASH, &body).await.0, 400);
}

#[tokio::test]
async fn thoughts_are_shown_to_who_asks_for_them() {
    let rig = Rig::start().await;
    let config = json!({ "thinkingConfig": { "includeThoughts": true } });
    let (_, body) = rig.gemini(PRO, &asked("A red kite", config)).await;
    let parts = body["candidates"][0]["content"]["parts"].as_array().unwrap();
    let thoughts: Vec<bool> = parts.iter().map(|part| part["thought"] == true).collect();
    assert_eq!(thoughts, [true, true, false, false]);
    assert_ne!(parts[1]["inlineData"], parts[3]["inlineData"]);
}

#[tokio::test]
async fn what_is_blocked_is_a_success_without_a_picture() {
    let rig = Rig::start().await;
    let (status, body) = rig.gemini(PRO, &asked("refuse", json!({}))).await;
    assert_eq!(
        (status, &body["promptFeedback"]["blockReason"]),
        (200, &json!("PROHIBITED_CONTENT"))
    );
    assert!(body.get("candidates").is_none(), "{body}");
    for (prompt, reason) in [("result:unsafe", "IMAGE_SAFETY"), ("result:none", "NO_IMAGE")] {
        let (status, body) = rig.gemini(PRO, &asked(prompt, json!({}))).await;
        assert_eq!((status, &body["candidates"][0]["finishReason"]), (200, &json!(reason)));
        assert!(body["candidates"][0].get("content").is_none());
    }
}

#[tokio::test]
async fn google_refuses_in_its_form() {
    let rig = Rig::start().await;
    let good = asked("A red kite", json!({}));
    for (path, body, code, status) in [
        (PRO, json!({}), 400, "INVALID_ARGUMENT"),
        (PRO, json!({ "contents": [] }), 400, "INVALID_ARGUMENT"),
        (PRO, with(good.clone(), json!({ "colour": 1 })), 400, "INVALID_ARGUMENT"),
        (PRO, asked("A kite", json!({ "candidateCount": 2 })), 400, "INVALID_ARGUMENT"),
        (
            PRO,
            asked("A kite", json!({ "imageConfig": { "imageSize": "512" } })),
            400,
            "INVALID_ARGUMENT",
        ),
        (
            PRO,
            asked("A kite", json!({ "imageConfig": { "aspectRatio": "1:8" } })),
            400,
            "INVALID_ARGUMENT",
        ),
        (
            PRO,
            asked("A kite", json!({ "imageConfig": { "aspectRatio": "7:5" } })),
            400,
            "INVALID_ARGUMENT",
        ),
        (PRO, asked("A kite", json!({ "responseModalities": ["AUDIO"] })), 400, "INVALID_ARGUMENT"),
        ("/models/gemini-3.8-flash-tts:generateContent", good.clone(), 404, "NOT_FOUND"),
        ("/models/gemini-3-pro-image:countTokens", good.clone(), 404, "NOT_FOUND"),
        (PRO, asked("fail:429:7", json!({})), 429, "RESOURCE_EXHAUSTED"),
        (PRO, asked("fail:quota", json!({})), 402, "RESOURCE_EXHAUSTED"),
        (PRO, asked("fail:503", json!({})), 503, "UNAVAILABLE"),
    ] {
        let (got, said) = rig.gemini(path, &body).await;
        let error = &said["error"];
        assert_eq!(
            (got, &error["code"], &error["status"]),
            (code, &json!(code), &json!(status)),
            "{body} {said}"
        );
    }
    let response = rig.post(Vendor::Google, PRO).json(&asked("fail:429:7", json!({}))).send().await;
    let response = response.unwrap();
    assert_eq!(header(&response, "retry-after"), "");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["details"][0]["retryDelay"], "7s");
}

#[tokio::test]
async fn google_lists_models_to_who_has_the_key() {
    let rig = Rig::start().await;
    let base = rig.simulator.base_url(Vendor::Google);
    let ask = |query: &str, key: &str| {
        answer(rig.client.get(format!("{base}/models{query}")).header("x-goog-api-key", key))
    };
    let key = Vendor::Google.default_key();
    let (status, body) = ask("?pageSize=1", key).await;
    assert_eq!((status, body["models"].as_array().unwrap().len()), (200, 1), "{body}");
    let next = body["nextPageToken"].as_str().unwrap();
    let (_, body) = ask(&format!("?pageSize=1&pageToken={next}"), key).await;
    assert_eq!(body["models"][0]["name"], "models/gemini-3.8-flash");
    let methods = &body["models"][0]["supportedGenerationMethods"];
    assert_eq!(methods, &json!(["generateContent", "streamGenerateContent", "countTokens"]));
    let (_, body) = ask("?pageToken=4&pageSize=1", key).await;
    assert_eq!(body["models"][0]["name"], "models/gemini-embedding-2");
    assert_eq!(body["models"][0]["supportedGenerationMethods"], json!(["batchEmbedContents"]));
    let (_, body) = ask("?pageToken=6", key).await;
    assert_eq!(body["models"][0]["name"], "models/gemini-3.1-flash-image");
    assert_eq!(body["models"][0]["supportedGenerationMethods"], json!(["generateContent"]));
    assert!(body.get("nextPageToken").is_none());
    assert_eq!(ask("?limit=1", key).await.0, 400);
    let (status, body) = ask("?pageSize=1", "nobodys").await;
    let reason = &body["error"]["details"][0]["reason"];
    assert_eq!((status, reason), (400, &json!("API_KEY_INVALID")));
    assert_eq!(answer(rig.client.get(format!("{base}/models?key={key}"))).await.0, 403);
}
