//! Vendors that refuse, break off or cannot be asked, and a cache that hangs.

use std::sync::Arc;

use de_core::ports::Clock;
use de_testkit::fetch::Answer;
use serde_json::json;

use crate::{
    doubles::{HangingCache, LateCache},
    gateway::{Gateway, openai, openai_error},
};

#[tokio::test(start_paused = true)]
async fn a_provider_without_a_key_is_not_to_be_asked_again() {
    let gateway = Gateway::new().await;
    gateway.test.sql("DELETE FROM provider_keys WHERE provider_id = 'openai'", &[]).await;
    let answer = gateway.generate("gpt-4o-mini").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.json()["error_code"], "MISSING_API_KEY");
    assert_eq!(answer.header("x-should-retry"), "false");
    assert_eq!(gateway.sent(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_broke_off_was_billed_and_is_not_to_be_bought_again() {
    let gateway = Gateway::new().await;
    let rows = [
        (Answer::ok().chunk("{\"id\": ").break_off(), "PROVIDER_ERROR"),
        (Answer::ok().chunk("{\"id\": "), "PROVIDER_MALFORMED"),
    ];
    for (answer, code) in rows {
        gateway.test.fetch.answer(answer);
        let answer = gateway.generate("gpt-4o-mini").await;
        assert_eq!(answer.status, 502, "{}", answer.text());
        assert_eq!(answer.json()["error_code"], code);
        assert_eq!(answer.header("x-should-retry"), "false", "{code}");
        assert_eq!(gateway.receipt(&answer).await["error_code"], code);
    }
    assert_eq!(gateway.sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_vendors_own_word_on_repeating_counts() {
    let gateway = Gateway::new().await;
    let failure = || openai_error(500, "The server had an error.");
    gateway.test.fetch.answer(failure().header("x-should-retry", "false"));
    let answer = gateway.generate("gpt-4o-mini").await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert_eq!(gateway.sent(), 1);
    // The same without that word, and a refusal with the opposite one.
    let refusal = openai_error(400, "Try again.").header("x-should-retry", "true");
    for first in [failure(), refusal] {
        let before = gateway.sent();
        gateway.test.fetch.answer(first);
        gateway.test.fetch.answer(openai("Hi."));
        let answer = gateway.generate("gpt-4o-mini").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(gateway.sent() - before, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn s14_a_vendor_that_quotes_our_key_is_masked_and_names_of_models_are_not() {
    let gateway = Gateway::new().await;
    let key = gateway.test.tenant.vendor_keys.values();
    let key = key.map(|key| key.expose()).find(|key| key.contains("openai")).unwrap();
    let message =
        format!("Wrong key={key}, sent as \"Bearer {key}\" for claude-sonnet-4-20250514.");
    for (path, model) in
        [("/generate", "model_id"), ("/v1/chat/completions", "model"), ("/v1/messages", "model")]
    {
        gateway.test.fetch.answer(openai_error(401, &message));
        let messages = json!([{"role": "user", "content": "Hello"}]);
        let mut body = json!({model: "gpt-4o-mini", "messages": messages});
        if path == "/v1/messages" {
            body["max_tokens"] = 100.into();
        }
        let answer = gateway.text.post(path, &body).await.unwrap();
        assert_eq!(answer.status, 502, "{}", answer.text());
        let text = answer.text();
        assert!(!text.contains(key), "{path}: {text}");
        assert!(text.contains("Wrong key=***, sent as"), "{path}: {text}");
        assert!(text.contains("for claude-sonnet-4-20250514."), "{path}: {text}");
    }
    gateway.test.background.join_all().await;
    assert!(!gateway.test.log.text().contains(key));
    assert!(!gateway.test.database.dump().unwrap().contains(key));
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_hangs_holds_a_call_up_for_half_a_second() {
    let gateway = Gateway::with(|platform| platform.cache = Arc::new(HangingCache)).await;
    for patience_ms in [600, 50] {
        gateway.test.fetch.answer(openai("Hi."));
        let before = gateway.test.clock.now();
        let answer = gateway.generate("gpt-4o-mini").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let took = gateway.test.clock.now().since(before);
        assert!(took <= patience_ms, "{took} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_time_is_over_before_it_is_sent_is_not_sent() {
    let gateway = Gateway::with(|platform| platform.cache = Arc::new(LateCache)).await;
    // Half a second goes by before the exchange begins.
    let timeouts = json!({"total_ms": 300});
    gateway.model("hasty", "openai-chat", json!({"timeouts": timeouts})).await;
    let patient = json!({"timeouts": timeouts, "fallbacks": ["gpt-4o-mini"]});
    gateway.model("hasty-twice", "openai-chat", patient).await;
    for (path, model, sent) in [
        ("/generate", "hasty", 0),
        ("/generate/stream", "hasty", 0),
        ("/generate", "hasty-twice", 1),
    ] {
        // A fresh isolate has not seen the cache hang.
        let text = gateway.isolate();
        let before = gateway.sent();
        if sent > 0 {
            gateway.test.fetch.answer(openai("Hi."));
        }
        let body = json!({"model_id": model, "prompt": "Hello"});
        let answer = text.post(path, &body).await.unwrap();
        assert_eq!(gateway.sent() - before, sent, "{path} {model}: {}", answer.text());
        let receipt = gateway.receipt(&answer).await;
        if sent > 0 {
            assert_eq!(answer.header("x-de-model"), "gpt-4o-mini");
            continue;
        }
        assert_eq!(answer.status, 504, "{path}: {}", answer.text());
        assert_eq!(answer.json()["error_code"], "PROVIDER_TIMEOUT");
        assert_eq!((&receipt["cost_micros"], &receipt["estimated"]), (&json!(0), &json!(0)));
        assert_eq!(receipt["input_tokens"], 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_sent_is_not_the_vendors_fault() {
    let gateway = Gateway::new().await;
    let circuit = json!({"failures": 2, "window_ms": 60_000, "open_ms": 10_000});
    gateway.model("odd", "openai-chat", json!({"circuit_breaker": circuit})).await;
    for _ in 0..4 {
        gateway.test.fetch.answer(Answer::unsendable());
        let answer = gateway.generate("odd").await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        let text = answer.text();
        assert!(text.contains("is configured wrongly") && !text.contains("ASCII"), "{text}");
        assert_eq!(answer.header("x-should-retry"), "false");
        assert_eq!(gateway.test.fetch.left(), 0);
        let receipt = gateway.receipt(&answer).await;
        assert_eq!((&receipt["cost_micros"], &receipt["estimated"]), (&json!(0), &json!(0)));
    }
    gateway.test.fetch.answer(openai("Hi."));
    assert_eq!(gateway.generate("odd").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_fails_is_an_empty_one() {
    let gateway = Gateway::new().await;
    gateway.test.cache.set_failing(true);
    gateway.test.fetch.answer(openai("Hi."));
    let answer = gateway.generate("gpt-4o-mini").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn what_the_first_may_bill_is_not_asked_again_where_the_fallback_is_only_busy() {
    let gateway = Gateway::new().await;
    gateway.model("second", "anthropic-messages", json!({})).await;
    gateway.model("first", "openai-chat", json!({"fallbacks": ["second"]})).await;
    gateway.test.fetch.answer(Answer::events().break_off());
    for _ in 0..3 {
        gateway.test.fetch.answer(openai_error(503, "Busy."));
    }
    let body = json!({"model_id": "first", "prompt": "Hello"});
    let answer = gateway.text.post("/generate/stream", &body).await.unwrap();
    assert_eq!(answer.json()["error_code"], "ALL_PROVIDERS_FAILED", "{}", answer.text());
    assert_eq!(answer.header("x-should-retry"), "false");
}
