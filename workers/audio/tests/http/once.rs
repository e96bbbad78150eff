//! Calls with an `Idempotency-Key`: bought once, answered as often as they are asked.

use std::{pin::Pin, sync::Arc};

use axum::Extension;
use de_core::ports::{Departure, Signal};
use de_testkit::{
    client::{TestClient, TestResponse},
    fetch::Answer,
};
use http::Method;
use serde_json::{Value, json};

use tokio::sync::Semaphore;

use crate::gateway::{Gateway, mp3_frame, sound};

async fn post(gateway: &Gateway, path: &str, body: &Value) -> TestResponse {
    let request = gateway.isolate().request(Method::POST, path).json(body);
    let answer = request.header("idempotency-key", "k-1").send().await.unwrap();
    gateway.test.background.join_all().await;
    answer
}

#[tokio::test(start_paused = true)]
async fn sound_is_bought_once() {
    let gateway = Gateway::new().await;
    let openai = json!({"model": "tts-1", "input": "Hello there", "voice": "alloy"});
    let elevenlabs = json!({"text": "Hello there", "model_id": "eleven_v4"});
    for (path, body) in [
        ("/v1/audio/speech", openai),
        ("/v1/text-to-speech/v1?output_format=mp3_44100_64", elevenlabs),
    ] {
        let before = gateway.test.fetch.sent().len();
        gateway.vendor(sound().header("request-id", "el_1"));
        let first = post(&gateway, path, &body).await;
        assert_eq!(first.status, 200, "{}", first.text());
        let again = post(&gateway, path, &body).await;
        assert_eq!(again.status, 200, "{}", again.text());
        assert_eq!(again.body, first.body);
        assert_eq!(again.header("idempotency-replayed"), "true");
        for name in ["content-type", "x-de-receipt", "request-id"] {
            assert_eq!(again.header(name), first.header(name), "{name}");
        }
        assert_eq!(gateway.test.fetch.sent().len(), before + 1);
    }
    // Another voice is another call.
    let other = json!({"text": "Hello there", "model_id": "eleven_v4"});
    let answer = post(&gateway, "/v1/text-to-speech/v2?output_format=mp3_44100_64", &other).await;
    assert_eq!(
        (answer.status, &answer.json()["detail"]["code"]),
        (409, &json!("idempotency_mismatch"))
    );
}

/// A client that has gone once there is a permit.
struct Gone(Semaphore);

impl Signal for Gone {
    fn fired<'a, 'b>(&'a self) -> Pin<Box<dyn Future<Output = ()> + Send + 'b>>
    where
        'a: 'b,
    {
        Box::pin(async { drop(self.0.acquire().await) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_sound_whose_client_left_is_not_kept_for_a_whole_one() {
    let gateway = Gateway::new().await;
    let body = json!({"model": "tts-1", "input": "Hello there", "voice": "alloy"});
    let gone = Arc::new(Gone(Semaphore::new(0)));
    let told = Extension(Departure(gone.clone()));
    let router = de_audio::router(gateway.test.another_isolate()).layer(told);
    let client = TestClient::of_router(router);
    let client = client.with_key(gateway.test.tenant.client_key.expose()).unwrap();
    gateway.vendor(Answer::ok().chunk(mp3_frame()).hang());
    let request = client.request(Method::POST, "/v1/audio/speech").json(&body);
    let mut stream = request.header("idempotency-key", "k-1").stream().await.unwrap();
    assert_eq!(stream.next_chunk().await.unwrap(), mp3_frame());
    // The edge may ask for more in the moment in which both hear of it.
    gone.0.add_permits(1);
    assert!(stream.next_chunk().await.is_none());
    assert!(stream.broken);
    gateway.test.background.join_all().await;
    let again = post(&gateway, "/v1/audio/speech", &body).await;
    assert_eq!(again.status, 409, "{}", again.text());
    assert_eq!(again.header("idempotency-replayed"), "");
    assert_eq!(gateway.test.fetch.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn events_are_kept_too() {
    let gateway = Gateway::new().await;
    let done = r#"{"type":"speech.audio.done","usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}}"#;
    gateway.vendor(Answer::events().event(done));
    let body = json!({"model": "gpt-4o-mini-tts", "input": "Hi", "voice": "alloy", "stream_format": "sse"});
    let first = post(&gateway, "/v1/audio/speech", &body).await;
    let again = post(&gateway, "/v1/audio/speech", &body).await;
    assert_eq!((again.text(), again.status), (first.text(), 200));
    assert_eq!(gateway.test.fetch.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_file_is_made_once() {
    let gateway = Gateway::new().await;
    gateway.vendor(Answer::ok().chunk(mp3_frame().repeat(50)));
    let body = json!({"text": "Hello there", "model_id": "tts-1"});
    let first = post(&gateway, "/synthesize", &body).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let again = post(&gateway, "/synthesize", &body).await;
    assert_eq!(again.json(), first.json());
    assert_eq!(gateway.test.fetch.sent().len(), 1);
    // What was never bought may be tried anew.
    let bad = json!({"text": "", "model_id": "tts-1"});
    let request = gateway.isolate().request(Method::POST, "/synthesize").json(&bad);
    let answer = request.header("idempotency-key", "k-2").send().await.unwrap();
    assert_eq!(answer.status, 400);
    gateway.vendor(Answer::ok().chunk(mp3_frame().repeat(50)));
    let request = gateway.isolate().request(Method::POST, "/synthesize").json(&body);
    let answer = request.header("idempotency-key", "k-2").send().await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}
