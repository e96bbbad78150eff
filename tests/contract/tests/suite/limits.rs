//! No limit is passed, however many come at once.

use std::time::Duration;

use de_contract::{
    stack::Stack,
    wait::unique,
    wire::{Server, Wire},
};
use futures_util::future::join_all;
use serde_json::json;

#[tokio::test]
async fn c14_exactly_five_of_twenty_pass() {
    let stack = Stack::ready().await;
    let model = stack.model(Server::OpenAi, json!({"rate_limits": {"rpm": 5}})).await;
    let word = unique("twenty");
    let calls: Vec<_> = (0..20)
        .map(|n| {
            let call = stack.call(Wire::ALL[n % 3], &model, &word);
            if n % 2 == 0 { call.by_front_door() } else { call }
        })
        .collect();
    let answers = join_all(calls.iter().map(|call| call.send())).await;
    let passed = answers.iter().filter(|answer| answer.status() == 200).count();
    assert_eq!(passed, 5);
    assert_eq!(stack.vendors.received(&word).await.len(), 5);
    for answer in answers.iter().filter(|answer| answer.status() != 200) {
        answer.fails(429, "RATE_LIMIT_EXCEEDED");
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        // Late by at most one bucket and the life of a lease.
        assert!((50..=63).contains(&wait), "{wait}");
        let details = answer.details();
        assert_eq!(details["scope"], "model");
        assert_eq!(details["limit"], 5);
        assert_eq!(answer.header("x-ratelimit-limit-requests"), "5");
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), "0");
    }
    let mut ok = 0;
    for answer in &answers {
        let row = stack.books.row(&answer.request_id).await;
        ok += usize::from(row["status"] == "ok");
    }
    assert_eq!(ok, 5);
}

#[tokio::test]
async fn c16_zero_refuses_all() {
    let stack = Stack::ready().await;
    let model = stack.model(Server::OpenAi, json!({"rate_limits": {"rpm": 0}})).await;
    for wire in Wire::ALL {
        let word = unique("none");
        let answer = stack.call(wire, &model, &word).send().await;
        answer.fails(429, "RATE_LIMIT_EXCEEDED");
        assert!(!answer.header("retry-after").is_empty());
        assert!(stack.vendors.received(&word).await.is_empty());
    }
}

#[tokio::test]
async fn c16_tokens_are_reserved_and_settled() {
    let stack = Stack::ready().await;
    let small = stack.model(Server::OpenAi, json!({"rate_limits": {"tpm": 100}})).await;
    let call = stack.call(Wire::Native, &small, "Hello").option("max_tokens", 400);
    let answer = call.send().await;
    answer.fails(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(answer.details()["limit"], 100);

    let model = stack.model(Server::OpenAi, json!({"rate_limits": {"tpm": 1_000}})).await;
    // Each is reserved for more than a third and uses a few: what is left over comes back.
    for _ in 0..5 {
        let call = stack.call(Wire::Native, &model, "Hello").option("max_tokens", 300);
        let answer = call.send().await.good();
        assert_eq!(answer.header("x-ratelimit-limit-tokens"), "1000");
        stack.books.row(&answer.request_id).await;
    }
}

#[tokio::test]
async fn an_unbounded_answer_is_bounded_where_tokens_are_limited() {
    let stack = Stack::ready().await;
    let model = stack.model(Server::OpenAi, json!({"rate_limits": {"tpm": 100_000}})).await;
    for wire in [Wire::Native, Wire::OpenAi] {
        let word = unique("bound");
        let answer = stack.call(wire, &model, &word).send().await.good();
        assert_eq!(answer.header("x-de-max-tokens"), "500");
        let body = &stack.vendors.only(&word).await["body"];
        assert_eq!(body["max_completion_tokens"], 500, "{body}");
    }
}

#[tokio::test]
async fn calls_at_once_are_bounded() {
    let stack = Stack::ready().await;
    let limits = json!({"rate_limits": {"concurrent_requests": 2}});
    let model = stack.model(Server::OpenAi, limits).await;
    let calls: Vec<_> = (0..6)
        .map(|_| stack.call(Wire::Native, &model, &format!("slow:2s {}", unique("slow"))))
        .collect();
    let answers = join_all(calls.iter().map(|call| call.send())).await;
    let passed = answers.iter().filter(|answer| answer.status() == 200).count();
    assert_eq!(passed, 2);
    for answer in answers.iter().filter(|answer| answer.status() != 200) {
        answer.fails(429, "RATE_LIMIT_EXCEEDED");
    }
    for answer in &answers {
        stack.books.row(&answer.request_id).await;
    }
    // The places are free again.
    stack.call(Wire::Native, &model, "Hello").send().await.good();
}

#[tokio::test]
async fn c17_a_limit_is_its_models_own() {
    let stack = Stack::ready().await;
    let one = stack.model(Server::OpenAi, json!({"rate_limits": {"rpm": 1}})).await;
    let other = stack.model(Server::OpenAi, json!({"rate_limits": {"rpm": 1}})).await;
    stack.call(Wire::Native, &one, "Hello").send().await.good();
    stack.call(Wire::Native, &one, "Hello").send().await.fails(429, "RATE_LIMIT_EXCEEDED");
    stack.call(Wire::Native, &other, "Hello").send().await.good();
}

#[tokio::test]
async fn every_answer_tells_how_its_limits_stand() {
    let stack = Stack::ready().await;
    let limits = json!({"rate_limits": {"rpm": 7, "tpm": 90_000}});
    let model = stack.model(Server::OpenAi, limits).await;
    for streamed in [false, true] {
        let call = stack.call(Wire::OpenAi, &model, "Hello");
        let call = if streamed { call.streamed() } else { call };
        let answer = call.by_front_door().send().await.good();
        assert_eq!(answer.header("x-ratelimit-limit-requests"), "7");
        let left = if streamed { "5" } else { "6" };
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), left);
        assert!(answer.header("x-ratelimit-reset-requests").ends_with("ms"));
        assert_eq!(answer.header("x-ratelimit-limit-tokens"), "90000");
        assert!(answer.header("ratelimit-policy").contains("q=7;w=60"));
        assert!(answer.header("ratelimit").contains(&format!("r={left};t=")));
    }
}

#[tokio::test]
async fn a_fallback_that_is_limited_is_reserved_too() {
    let stack = Stack::ready().await;
    let limited = stack.model(Server::Anthropic, json!({"rate_limits": {"rpm": 1}})).await;
    let differs = json!({"upstream_model": "gpt-no-more", "fallbacks": [limited]});
    let model = stack.model(Server::OpenAi, differs).await;
    stack.call(Wire::Native, &model, "Hello").send().await.good();
    let word = unique("second");
    let answer = stack.call(Wire::Native, &model, &word).send().await;
    answer.fails(502, "ALL_PROVIDERS_FAILED");
    let vendors: Vec<_> = stack.vendors.received(&word).await;
    assert!(vendors.iter().all(|record| record["vendor"] == "openai"), "{vendors:#?}");
}

#[tokio::test]
async fn a_call_that_waits_holds_no_other_back() {
    let stack = Stack::ready().await;
    let slow = stack.call(Wire::Native, "gpt-4o-mini", "slow:4s Hello");
    let quick = stack.call(Wire::Native, "gpt-4o-mini", "Hello");
    let both = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let started = tokio::time::Instant::now();
        quick.send().await.good();
        started.elapsed()
    };
    let (answer, elapsed) = tokio::join!(slow.send(), both);
    assert_eq!(answer.status(), 200);
    assert!(elapsed < Duration::from_secs(3), "{elapsed:?}");
}
