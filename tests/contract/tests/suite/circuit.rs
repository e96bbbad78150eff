//! A model whose vendor fails is not asked for a while, by anybody in the instance.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::time::Duration;

use de_contract::{
    answer::Answer,
    stack::Stack,
    wait::{unique, until},
    wire::{Server, Wire},
};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// As short as a config may say.
fn quick() -> Value {
    json!({"failures": 3, "window_ms": 60_000, "open_ms": 2_000})
}

/// For as long as a test takes.
const LONG_MS: u64 = 60_000;

fn long() -> Value {
    json!({"failures": 3, "window_ms": 60_000, "open_ms": LONG_MS})
}

async fn model(stack: &Stack, fallbacks: Value) -> String {
    stack.model(Server::OpenAi, json!({"circuit_breaker": quick(), "fallbacks": fallbacks})).await
}

/// A model whose circuit stays open.
async fn shut(stack: &Stack, fallbacks: Value) -> String {
    stack.model(Server::OpenAi, json!({"circuit_breaker": long(), "fallbacks": fallbacks})).await
}

/// A call that its vendor fails, three times: the repetitions count as one.
async fn fails(stack: &Stack, model: &str) -> Answer {
    let prompt = format!("openai-fail:503 {}", unique("fails"));
    stack.call(Wire::OpenAi, model, &prompt).send().await
}

async fn open(stack: &Stack, model: &str) {
    for _ in 0..3 {
        fails(stack, model).await.fails(503, "PROVIDER_UNAVAILABLE");
    }
}

/// The circuit that a refusal tells of; `None` if the vendor was asked.
fn circuit(answer: &Answer) -> Option<Value> {
    let told = serde_json::from_str::<Value>(&answer.response.text()).ok()?;
    let text = told.to_string();
    text.contains("\"circuit\"").then_some(told)
}

#[tokio::test]
async fn after_failures_in_a_row_the_vendor_is_not_asked_and_the_answer_says_until_when() {
    let stack = Stack::ready().await;
    let model = shut(&stack, json!([])).await;
    open(&stack, &model).await;
    for wire in Wire::ALL {
        for streamed in [false, true] {
            let word = unique("shut");
            let call = stack.call(wire, &model, &word);
            let answer = if streamed { call.streamed() } else { call }.send().await;
            answer.fails(503, "PROVIDER_UNAVAILABLE");
            let wait: u64 = answer.header("retry-after").parse().unwrap();
            assert!((1..=LONG_MS / 1_000).contains(&wait), "{wait}");
            assert_eq!(stack.vendors.received(&word).await, Vec::<Value>::new());
            if wire == Wire::Native {
                let circuit = &answer.details()["circuit"];
                assert_eq!(circuit["model_id"], model.as_str());
                assert_eq!(circuit["provider_id"], "openai");
                assert_eq!(circuit["class"], "unavailable");
                assert!(circuit["until"].is_string(), "{circuit}");
                let wait_ms = circuit["retry_after_ms"].as_u64().unwrap();
                assert_eq!(wait_ms.div_ceil(1_000), wait);
            }
            let row = stack.books.row(&answer.request_id).await;
            assert_eq!(row["attempts"], "[]", "{row}");
            assert_eq!(row["model_id"], model.as_str(), "{row}");
        }
    }
    // Another model of the same vendor is not concerned.
    stack.call(Wire::Native, "gpt-4o-mini", "Hello").send().await.good();
}

#[tokio::test]
async fn a_call_that_is_served_between_them_and_one_that_is_itself_at_fault_do_not_open_it() {
    let stack = Stack::ready().await;
    let model = model(&stack, json!([])).await;
    for _ in 0..3 {
        for _ in 0..2 {
            fails(&stack, &model).await.fails(503, "PROVIDER_UNAVAILABLE");
        }
        stack.call(Wire::OpenAi, &model, "Hello").send().await.good();
    }
    for fault in ["fail:400", "fail:401", "fail:404", "fail:quota", "fail:too-long"] {
        for _ in 0..4 {
            let prompt = format!("{fault} {}", unique("own"));
            let answer = stack.call(Wire::OpenAi, &model, &prompt).send().await;
            assert_eq!(circuit(&answer), None, "{fault}");
        }
    }
    stack.call(Wire::OpenAi, &model, "Hello").send().await.good();
}

#[tokio::test]
async fn cut_streams_late_answers_and_rate_limits_open_it_too() {
    let stack = Stack::ready().await;
    for (fault, streamed, class) in [
        ("cut:4 chunks:20 big:2000", true, "error"),
        ("slow:9s", false, "timeout"),
        ("fail:429:9", false, "rate_limit"),
        ("fail:500:9", false, "error"),
    ] {
        let differs = json!({"circuit_breaker": quick(), "timeouts": {"total_ms": 3_000}});
        let model = stack.model(Server::OpenAi, differs).await;
        let call = async || {
            let call = stack.call(Wire::Native, &model, &format!("{fault} {}", unique("opens")));
            let answer = if streamed { call.streamed() } else { call }.send().await;
            if streamed && answer.status() == 200 {
                stack.books.row(&answer.request_id).await;
            }
            answer
        };
        for _ in 0..3 {
            assert_eq!(circuit(&call().await), None, "{fault}");
        }
        let refused = call().await;
        refused.fails(503, "PROVIDER_UNAVAILABLE");
        let circuit = &refused.details()["circuit"];
        assert_eq!(circuit["class"], class, "{fault}");
        let wait_ms = circuit["retry_after_ms"].as_u64().unwrap();
        // As long as the vendor asks for, where it does.
        let asked = fault.ends_with(":9");
        assert_eq!(wait_ms > 2_000, asked, "{fault}: {wait_ms}");
    }
}

#[tokio::test]
async fn while_it_is_open_the_next_fallback_that_serves_after_it_serves_at_once() {
    let stack = Stack::ready().await;
    let usual = shut(&stack, json!(["claude-haiku-4-5"])).await;
    let named = json!([{"model_id": "claude-haiku-4-5", "on": ["unavailable"]}]);
    let named = shut(&stack, named).await;
    let other = json!([{"model_id": "claude-haiku-4-5", "on": ["timeout"]}]);
    let other = shut(&stack, other).await;
    for (model, serves) in [(&usual, true), (&named, true), (&other, false)] {
        for _ in 0..3 {
            fails(&stack, model).await;
        }
        for wire in Wire::ALL {
            let word = unique("instead");
            let answer = stack.call(wire, model, &word).send().await;
            if !serves {
                answer.fails(503, "PROVIDER_UNAVAILABLE");
                continue;
            }
            let answer = answer.good();
            assert_eq!(answer.header("x-de-model"), "claude-haiku-4-5");
            assert_eq!(answer.header("x-de-attempts"), "1");
            assert_eq!(stack.vendors.only(&word).await["vendor"], "anthropic");
            let row = stack.books.row(&answer.request_id).await;
            assert_eq!(row["requested_model_id"], model.as_str());
            assert_eq!(row["model_id"], "claude-haiku-4-5");
        }
    }
}

#[tokio::test]
async fn other_isolates_hear_of_it_with_their_shares() {
    let stack = Stack::ready().await;
    let model = shut(&stack, json!([])).await;
    open(&stack, &model).await;
    // Through the front door another isolate is called. What this one saw is told with its receipts.
    until("the other isolate to know", async || {
        let call = stack.call(Wire::OpenAi, &model, &unique("other")).by_front_door();
        circuit(&call.send().await)
    })
    .await;
}

#[tokio::test]
async fn when_its_time_is_over_one_call_of_all_isolates_tries_and_closes_it() {
    let stack = Stack::ready().await;
    let model = model(&stack, json!([])).await;
    open(&stack, &model).await;
    tokio::time::sleep(Duration::from_millis(2_600)).await;
    // The probe is slow, so that all of them come while it runs.
    let word = unique("probe");
    let prompt = format!("slow:900ms {word}");
    let calls: Vec<_> = (0..8)
        .map(|place| {
            let call = stack.call(Wire::OpenAi, &model, &prompt);
            if place % 2 == 0 { call } else { call.by_front_door() }
        })
        .collect();
    let answers = join_all(calls.iter().map(|call| call.send())).await;
    let served = answers.iter().filter(|answer| answer.status() == 200).count();
    assert_eq!(served, 1, "{:?}", answers.iter().map(Answer::status).collect::<Vec<_>>());
    assert_eq!(stack.vendors.received(&word).await.len(), 1);
    for answer in answers.iter().filter(|answer| answer.status() != 200) {
        answer.fails(503, "PROVIDER_UNAVAILABLE");
    }
    // It has closed, for all of them.
    until("both isolates to know", async || {
        let here = stack.call(Wire::OpenAi, &model, "Hello").send().await.status();
        let there = stack.call(Wire::OpenAi, &model, "Hello").by_front_door().send().await.status();
        ((here, there) == (200, 200)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_probe_that_fails_opens_it_again_and_one_that_says_nothing_leaves_it_to_the_next() {
    let stack = Stack::ready().await;
    let model = model(&stack, json!([])).await;
    open(&stack, &model).await;
    tokio::time::sleep(Duration::from_millis(2_300)).await;
    let prompt = format!("fail:400 {}", unique("nothing"));
    let answer = stack.call(Wire::OpenAi, &model, &prompt).send().await;
    answer.fails(400, "INVALID_REQUEST");
    stack.books.row(&answer.request_id).await;
    let answer = fails(&stack, &model).await;
    answer.fails(503, "PROVIDER_UNAVAILABLE");
    assert_eq!(circuit(&answer), None, "it was asked");
    let word = unique("again");
    let answer = stack.call(Wire::OpenAi, &model, &word).send().await;
    answer.fails(503, "PROVIDER_UNAVAILABLE");
    assert_eq!(stack.vendors.received(&word).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_model_without_a_circuit_is_always_asked() {
    let stack = Stack::ready().await;
    for off in [json!(null), json!({"failures": 0})] {
        let model = stack.model(Server::OpenAi, json!({"circuit_breaker": off})).await;
        for _ in 0..7 {
            let answer = fails(&stack, &model).await;
            assert_eq!(circuit(&answer), None);
        }
        stack.call(Wire::OpenAi, &model, "Hello").send().await.good();
        let path = format!("/v1/model-configs/{model}");
        let read = stack.admin().get(&path).await.unwrap().json();
        assert_eq!(read["circuit_breaker"]["failures"], 0);
    }
}

#[tokio::test]
async fn operators_see_what_is_open() {
    let stack = Stack::ready().await;
    let model = model(&stack, json!([])).await;
    open(&stack, &model).await;
    let row = until("the instance", async || {
        let answer = fails(&stack, &model).await;
        Some(stack.books.row(&answer.request_id).await)
    })
    .await;
    let instance = row["instance_id"].as_str().unwrap();
    let path = format!("/v1/providers/openai/health?instance_id={instance}");
    let open = until("the circuit to be seen", async || {
        let health = stack.admin().get(&path).await.unwrap().json();
        let all = health["circuits"].as_array().unwrap().clone();
        all.into_iter().find(|open| open["model_id"] == model.as_str())
    })
    .await;
    assert_eq!(open["class"], "unavailable");
    assert!(open["since"].as_str().unwrap() < open["until"].as_str().unwrap(), "{open}");
    let path = format!("/v1/metrics?instance_id={instance}");
    let text = stack.admin().get(&path).await.unwrap().text();
    let gauge = format!("de_circuit_open{{instance_id=\"{instance}\",model_id=\"{model}\"");
    assert!(text.contains(&gauge), "{text}");
    assert!(text.contains(&format!("de_circuits_known{{instance_id=\"{instance}\"}} 1")), "{text}");
}

#[tokio::test]
async fn a_test_by_an_operator_asks_the_vendor_whatever_is_known_of_it() {
    let stack = Stack::ready().await;
    let model = model(&stack, json!([])).await;
    open(&stack, &model).await;
    let row = {
        let answer = fails(&stack, &model).await;
        stack.books.row(&answer.request_id).await
    };
    let body = json!({"instance_id": row["instance_id"], "input": {"prompt": "Hello"}});
    let path = format!("/v1/model-configs/{model}/test");
    let answer = stack.admin().post(&path, &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["ok"], true, "{}", answer.text());
}
