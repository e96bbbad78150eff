//! The response cache over doubles: where KV fails, hangs or is not asked at all, and what time does to it.
//!
//! Time is tokio's, and paused: what takes seconds here takes none.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "tests: what does not hold ends them, and their modules have other readers too"
)]

#[path = "http/doubles.rs"]
mod doubles;
#[path = "http/gateway.rs"]
mod gateway;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use de_core::ports::{Cache, Clock, PortError};
use de_testkit::{client::TestResponse, fetch::Answer};
use http::Method;
use serde_json::{Value, json};

use crate::{
    doubles::{HangingCache, LateCache},
    gateway::{Gateway, openai, openai_chunk},
};

/// What the log says of a cache that fails.
const COMPLAINT: &str = "the response cache did not work; the vendors do";

async fn gateway() -> Gateway {
    with(Gateway::new().await).await
}

async fn with(gateway: Gateway) -> Gateway {
    gateway.model("kept", "openai-chat", json!({})).await;
    gateway
}

/// A call, with all that goes on after its answer.
async fn call(gateway: &Gateway, word: Option<&str>) -> TestResponse {
    let request = gateway.text.request(Method::POST, "/generate");
    let request = match word {
        Some(word) => request.header("x-de-cache", word),
        None => request,
    };
    let body = json!({"model_id": "kept", "prompt": "Hello"});
    let answer = request.json(&body).send().await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(gateway.test.background.join_all().await, 0);
    answer
}

/// A call that a vendor answers.
async fn bought(gateway: &Gateway, word: Option<&str>) -> TestResponse {
    gateway.test.fetch.answer(openai("Hi."));
    let sent = gateway.sent();
    let answer = call(gateway, word).await;
    assert_eq!(gateway.sent(), sent + 1);
    assert_ne!(answer.header("x-de-cache"), "hit");
    answer
}

/// A call that no vendor is asked for.
async fn kept(gateway: &Gateway, word: &str) -> TestResponse {
    let sent = gateway.sent();
    let answer = call(gateway, Some(word)).await;
    assert_eq!((gateway.sent(), answer.header("x-de-cache")), (sent, "hit"));
    answer
}

fn complaints(gateway: &Gateway) -> usize {
    gateway.test.log.lines().iter().filter(|line| line.message == COMPLAINT).count()
}

/// The kept answers, by their keys.
fn entries(gateway: &Gateway) -> Vec<(String, String)> {
    let all = gateway.test.cache.entries().into_iter();
    all.filter(|(key, _)| key.starts_with("v1/answers/")).collect()
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_given_until_its_time_is_over() {
    let gateway = gateway().await;
    bought(&gateway, Some("120")).await;
    assert_eq!(kept(&gateway, "120").await.header("age"), "0");
    gateway.test.clock.advance(Duration::from_secs(59));
    assert_eq!(kept(&gateway, "120").await.header("age"), "59");
    gateway.test.clock.advance(Duration::from_secs(1));
    // Too old for who wants none of more than a minute; and what it is given is kept instead.
    bought(&gateway, Some("60")).await;
    assert_eq!(kept(&gateway, "2592000").await.header("age"), "0");
    gateway.test.clock.advance(Duration::from_secs(60));
    bought(&gateway, Some("2592000")).await;
    gateway.test.clock.advance(Duration::from_secs(2_591_999));
    assert_eq!(kept(&gateway, "2592000").await.header("age"), "2591999");
    gateway.test.clock.advance(Duration::from_secs(1));
    bought(&gateway, Some("2592000")).await;
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_fails_fails_no_call_and_says_so_once() {
    let gateway = gateway().await;
    bought(&gateway, Some("3600")).await;
    kept(&gateway, "3600").await;
    // What the calls need of KV beside that is in the isolate's memory.
    gateway.test.cache.set_failing(true);
    for _ in 0..3 {
        let answer = bought(&gateway, Some("3600")).await;
        assert_eq!(answer.header("x-de-cache"), "miss");
        assert_eq!(gateway.receipt(&answer).await["status"], "ok");
    }
    assert_eq!(complaints(&gateway), 1);
    gateway.test.clock.advance(Duration::from_secs(60));
    bought(&gateway, Some("3600")).await;
    assert_eq!(complaints(&gateway), 2, "it still fails");
    gateway.test.cache.set_failing(false);
    kept(&gateway, "3600").await;
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_hangs_is_waited_for_once() {
    let gateway = Gateway::with(|platform| platform.answers = Arc::new(HangingCache)).await;
    let gateway = with(gateway).await;
    let send = async |gateway: &Gateway| {
        gateway.test.fetch.answer(openai("Hi."));
        let began = gateway.test.clock.now();
        let request = gateway.text.request(Method::POST, "/generate");
        let body = json!({"model_id": "kept", "prompt": "Hello"});
        let answer = request.header("x-de-cache", "60").json(&body).send().await.unwrap();
        assert_eq!((answer.status, answer.header("x-de-cache")), (200, "miss"));
        gateway.test.clock.now().since(began)
    };
    let waited = send(&gateway).await;
    assert!((500..1_500).contains(&waited), "{waited}");
    let waited = send(&gateway).await;
    assert!(waited < 400, "{waited}");
    assert_eq!(complaints(&gateway), 1);
}

#[tokio::test(start_paused = true)]
async fn copies_that_are_late_do_not_turn_the_answers_off() {
    let gateway = with(Gateway::with(|platform| platform.cache = Arc::new(LateCache)).await).await;
    // Copies of key and model are late, and rest; answers are elsewhere.
    bought(&gateway, Some("3600")).await;
    kept(&gateway, "3600").await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_says_nothing_is_not_kept() {
    let gateway = gateway().await;
    for _ in 0..2 {
        for text in ["", " \n"] {
            gateway.test.fetch.answer(openai(text));
            assert_eq!(call(&gateway, Some("3600")).await.header("x-de-cache"), "miss");
        }
        // Nor as a stream.
        let end = openai_chunk(&json!({}), Some("stop"));
        let begin = openai_chunk(&json!({"role": "assistant", "content": ""}), None);
        let answer = Answer::events().chunk(begin).chunk(end).chunk("data: [DONE]\n\n");
        gateway.test.fetch.answer(answer);
        let body = json!({"model_id": "kept", "prompt": "Hello"});
        let request = gateway.text.request(Method::POST, "/generate/stream");
        let answer = request.header("x-de-cache", "3600").json(&body).send().await.unwrap();
        assert_eq!((answer.status, answer.header("x-de-cache")), (200, "miss"));
        gateway.test.background.join_all().await;
    }
    assert_eq!(entries(&gateway), []);
    bought(&gateway, Some("3600")).await;
    kept(&gateway, "3600").await;
}

/// A cache that counts what it is asked.
#[derive(Default)]
struct CountingCache(AtomicUsize);

#[async_trait]
impl Cache for CountingCache {
    async fn get(&self, _key: &str) -> Result<Option<String>, PortError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(None)
    }

    async fn put(&self, _key: &str, _value: String, _life: Duration) -> Result<(), PortError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_asks_a_cache_that_is_off() {
    let counting = Arc::new(CountingCache::default());
    let cache = counting.clone();
    let gateway = with(Gateway::with(|platform| platform.answers = cache).await).await;
    assert_eq!(bought(&gateway, None).await.header("x-de-cache"), "");
    assert_eq!(bought(&gateway, Some("off")).await.header("x-de-cache"), "off");
    assert_eq!(bought(&gateway, Some("refresh")).await.header("x-de-cache"), "off");
    assert_eq!(counting.0.load(Ordering::SeqCst), 0);
    bought(&gateway, Some("60")).await;
    assert_eq!(counting.0.load(Ordering::SeqCst), 2, "one look, and what came is kept");
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_given_and_not_kept() {
    let gateway = gateway().await;
    let large = "x".repeat(1024 * 1024);
    for _ in 0..2 {
        gateway.test.fetch.answer(openai(&large));
        let answer = call(&gateway, Some("60")).await;
        assert_eq!(answer.header("x-de-cache"), "miss");
        assert!(answer.body.len() > large.len());
    }
    assert!(entries(&gateway).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_client_leaves_is_kept_only_if_it_has_all_events() {
    let gateway = gateway().await;
    // Translated, filtered, and passed as it is.
    let openai =
        |options: Value| json!({"model": "kept", "stream": true, "stream_options": options});
    let roads = [
        ("/generate/stream", json!({"model_id": "kept"})),
        ("/v1/chat/completions", openai(Value::Null)),
        ("/v1/chat/completions", openai(json!({"include_usage": true}))),
    ];
    for (path, mut body) in roads {
        for hears_all in [false, true] {
            let text = format!("Hello {hears_all}");
            match path {
                "/generate/stream" => body["prompt"] = text.into(),
                _ => body["messages"] = json!([{"role": "user", "content": text}]),
            }
            let before = entries(&gateway).len();
            let end = openai_chunk(&json!({}), Some("stop")) + "data: [DONE]\n\n";
            let answer = Answer::ok().header("content-type", "text/event-stream");
            let answer = answer.chunk(openai_chunk(&json!({"content": "Hi"}), None));
            gateway.test.fetch.answer(answer.pause(Duration::from_secs(2)).chunk(end));
            let request = gateway.text.request(Method::POST, path).header("x-de-cache", "60");
            let mut stream = request.json(&body).stream().await.unwrap();
            while let Some(event) = stream.next_event().await {
                // Nobody waits for the end of the connection after the last one.
                let is_last = event.data == "[DONE]" || event.data.contains("\"done\":true");
                if is_last || !hears_all {
                    break;
                }
            }
            drop(stream);
            assert_eq!(gateway.test.background.join_all().await, 0);
            let added = entries(&gateway).len() - before;
            assert_eq!(added, usize::from(hears_all), "{path} {hears_all}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_moved_or_altered_opens_nowhere() {
    let gateway = gateway().await;
    bought(&gateway, Some("3600")).await;
    let (_, sealed) = entries(&gateway).pop().unwrap();
    assert!(sealed.starts_with("v1.") && !sealed.contains("Hi."), "{sealed}");
    let ask = async |prompt: &str| {
        // So that nobody else has the answer any more.
        gateway.test.clock.advance(Duration::from_secs(60));
        gateway.test.fetch.answer(openai("Ho."));
        let request = gateway.text.request(Method::POST, "/generate").header("x-de-cache", "3600");
        let body = json!({"model_id": "kept", "prompt": prompt});
        let answer = request.json(&body).send().await.unwrap();
        assert_eq!(gateway.test.background.join_all().await, 0);
        answer
    };
    ask("Another").await;
    for (key, _) in entries(&gateway) {
        for wrong in [sealed.clone() + "A", "v9".to_owned() + &sealed[2..], "nonsense".to_owned()] {
            gateway.test.cache.put(&key, wrong, Duration::from_secs(3_600)).await.unwrap();
            let sent = gateway.sent();
            for prompt in ["Hello", "Another"] {
                assert_eq!(ask(prompt).await.status, 200);
            }
            assert!(gateway.sent() > sent);
        }
    }
    // One place's answer at another one's.
    for (key, _) in entries(&gateway) {
        gateway.test.cache.put(&key, sealed.clone(), Duration::from_secs(3_600)).await.unwrap();
    }
    let (hello, another) = (ask("Hello").await, ask("Another").await);
    assert_eq!(hello.header("x-de-cache"), "hit");
    assert_eq!(another.header("x-de-cache"), "miss");
    assert_eq!(another.json()["text"], "Ho.");
}

/// OpenAI's whole response. Follows <https://platform.openai.com/docs/api-reference/responses/object>.
fn response(id: &str) -> Answer {
    let text = json!({"type": "output_text", "text": "Hi.", "annotations": []});
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [text]});
    Answer::json(
        200,
        &json!({
            "id": id, "object": "response", "status": "completed", "model": "m", "output": [message],
            "usage": {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12},
        }),
    )
}

/// Asks for a response; what the cache said, and the response's id. `id` is what the vendor would answer.
async fn respond(gateway: &Gateway, members: Value, id: &str) -> (String, String) {
    // A hit leaves its answer over for the next call.
    if gateway.test.fetch.left() == 0 {
        gateway.test.fetch.answer(response(id));
    }
    let mut body = json!({"model": "kept", "input": "Hello"});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let request = gateway.text.request(Method::POST, "/v1/responses");
    let told = request.header("x-de-cache", "120").json(&body).send().await.unwrap();
    assert_eq!(told.status, 200, "{}", told.text());
    assert_eq!(gateway.test.background.join_all().await, 0);
    (told.header("x-de-cache").to_owned(), told.json()["id"].as_str().unwrap().to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_response_is_given_again_where_it_is_no_turn_of_a_kept_conversation() {
    let told = |word: &str, id: &str| (word.to_owned(), id.to_owned());
    // Nothing is kept by this project, so that no response is a turn.
    let gateway = Gateway::new().await;
    gateway.model("kept", "openai-responses", json!({})).await;
    let no_turn = json!({"store": false});
    assert_eq!(respond(&gateway, no_turn.clone(), "resp_1").await, told("miss", "resp_1"));
    assert_eq!(respond(&gateway, no_turn.clone(), "resp_2").await, told("hit", "resp_1"));
    assert_eq!(respond(&gateway, json!({}), "resp_2").await, told("miss", "resp_2"));
    assert_eq!(respond(&gateway, json!({}), "resp_3").await, told("hit", "resp_2"));
    assert_eq!(gateway.sent(), 2);
    // Where turns are kept, one that is none is given again, and one that is one is not.
    let gateway = Gateway::new().await;
    gateway.test.sql("UPDATE projects SET retain_content = 1", &[]).await;
    gateway.model("kept", "openai-responses", json!({})).await;
    assert_eq!(respond(&gateway, no_turn.clone(), "resp_1").await, told("miss", "resp_1"));
    assert_eq!(respond(&gateway, no_turn, "resp_2").await, told("hit", "resp_1"));
    for id in ["resp_2", "resp_3"] {
        assert_eq!(respond(&gateway, json!({}), id).await, told("off", id));
    }
    let next = json!({"previous_response_id": "resp_2", "store": false});
    for id in ["resp_4", "resp_5"] {
        assert_eq!(respond(&gateway, next.clone(), id).await, told("off", id));
    }
}
