//! Who serves when the model that was asked for cannot, and that the caller is told.

use de_contract::{
    stack::Stack,
    wait::unique,
    wire::{Server, Wire},
};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// A model that its vendor does not know.
async fn broken(stack: &Stack, fallbacks: &[&str]) -> String {
    let differs = json!({"upstream_model": "gpt-no-more", "fallbacks": fallbacks});
    stack.model(Server::OpenAi, differs).await
}

#[tokio::test]
async fn a_models_own_fallback_serves_and_the_reply_says_so() {
    let stack = Stack::ready().await;
    let model = broken(&stack, &["claude-haiku-4-5"]).await;
    for wire in Wire::ALL {
        for streamed in [false, true] {
            let call = stack.call(wire, &model, "Hello");
            let call = if streamed { call.streamed() } else { call };
            let answer = call.send().await.good();
            assert_eq!(answer.header("x-de-model"), "claude-haiku-4-5");
            assert_eq!(answer.header("x-de-provider"), "anthropic");
            assert_eq!(answer.header("x-de-attempts"), "2");
            if streamed {
                answer.story().is_whole();
            }
            let row = stack.books.row(&answer.request_id).await;
            assert_eq!(row["requested_model_id"], model.as_str());
            assert_eq!(row["model_id"], "claude-haiku-4-5");
            assert_eq!(row["provider_id"], "anthropic");
            let attempts: Value = serde_json::from_str(row["attempts"].as_str().unwrap()).unwrap();
            assert_eq!(attempts[0]["model_id"], model.as_str());
            assert_eq!(attempts[0]["status"], 404);
            assert_eq!(attempts[1]["status"], 200);
        }
    }
}

#[tokio::test]
async fn a_fallback_of_the_callers_counts_instead_of_the_models() {
    let stack = Stack::ready().await;
    let model = broken(&stack, &["gpt-4o"]).await;
    let call = stack.call(Wire::Native, &model, "Hello");
    let answer = call.header("x-de-fallback", "claude-haiku-4-5, gpt-4o").send().await.good();
    assert_eq!(answer.header("x-de-model"), "claude-haiku-4-5");
    assert_eq!(answer.json()["metadata"]["model"], "claude-haiku-4-5");
    let call = stack.call(Wire::Native, "gpt-4o-mini", "Hello");
    let answer = call.header("x-de-fallback", "gpt-nobody").send().await;
    answer.fails(404, "MODEL_NOT_FOUND");
}

#[tokio::test]
async fn more_fallbacks_than_are_tried_are_refused_by_name() {
    let stack = Stack::ready().await;
    let six = ["claude-haiku-4-5"; 6].join(", ");
    let call = stack.call(Wire::Native, "gpt-4o-mini", "Hello");
    let answer = call.header("x-de-fallback", &six).send().await;
    answer.fails(400, "VALIDATION_ERROR");
    assert_eq!(answer.details()["fields"][0]["field"], "x-de-fallback", "{}", answer.details());
}

#[tokio::test]
async fn c08_without_a_fallback_nobody_else_serves() {
    let stack = Stack::ready().await;
    let model = broken(&stack, &[]).await;
    let word = unique("alone");
    let answer = stack.call(Wire::Native, &model, &word).send().await;
    answer.fails(502, "PROVIDER_ERROR");
    assert_eq!(stack.vendors.only(&word).await["vendor"], "openai");
}

#[tokio::test]
async fn where_all_fail_every_attempt_is_named() {
    let stack = Stack::ready().await;
    let word = unique("all");
    let call = stack.call(Wire::Native, "gpt-4o-mini", &format!("fail:401 {word}"));
    let answer = call.header("x-de-fallback", "claude-haiku-4-5").send().await;
    answer.fails(502, "ALL_PROVIDERS_FAILED");
    let attempts = answer.details()["attempts"].clone();
    let models: Vec<&str> = attempts
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|attempt| attempt["model_id"].as_str())
        .collect();
    assert_eq!(models, ["gpt-4o-mini", "claude-haiku-4-5"]);
    assert_eq!(stack.vendors.received(&word).await.len(), 2);
}

#[tokio::test]
async fn a_request_that_is_wrong_does_not_go_to_another() {
    let stack = Stack::ready().await;
    let word = unique("wrong");
    let call = stack.call(Wire::Native, "gpt-4o-mini", &format!("fail:400 {word}"));
    let answer = call.header("x-de-fallback", "claude-haiku-4-5").send().await;
    answer.fails(400, "INVALID_REQUEST");
    stack.vendors.only(&word).await;
}

#[tokio::test]
async fn a_retired_model_of_the_seeds_warns_and_its_fallback_serves() {
    let stack = Stack::ready().await;
    for (model, serves) in [
        ("claude-sonnet-4-20250514", "claude-sonnet-5-5"),
        ("claude-3-5-haiku-20241022", "claude-haiku-5-5"),
    ] {
        for wire in Wire::ALL {
            let answer = stack.call(wire, model, "Hello").send().await.good();
            assert_eq!(answer.header("x-de-model"), serves);
            assert!(answer.text().ends_with("You said: Hello"), "{}", answer.response.text());
            assert!(answer.header("deprecation").starts_with('@'));
            assert!(answer.header("sunset").ends_with("GMT"), "{}", answer.header("sunset"));
        }
    }
}

/// A failure at OpenAI alone, what the caller is told where nobody else serves, and its class.
const CLASSES: [(&str, u16, &str, &str); 9] = [
    ("openai-fail:429:9", 429, "PROVIDER_RATE_LIMIT", "rate_limit"),
    ("openai-fail:503:9", 503, "PROVIDER_UNAVAILABLE", "unavailable"),
    ("openai-fail:504", 504, "PROVIDER_TIMEOUT", "timeout"),
    ("openai-fail:500:9", 502, "PROVIDER_ERROR", "error"),
    ("openai-fail:401", 502, "PROVIDER_AUTH", "auth"),
    ("openai-fail:quota", 502, "PROVIDER_ERROR", "auth"),
    ("openai-fail:too-long", 400, "INVALID_REQUEST", "context_length"),
    ("openai-fail:moderated", 422, "CONTENT_REFUSED", "content_refused"),
    ("openai-fail:unsupported", 400, "INVALID_REQUEST", "unsupported"),
];

/// A breaker that never opens.
fn off() -> Value {
    json!({"failures": 0})
}

#[tokio::test]
async fn a_fallback_serves_after_the_failures_that_it_names_and_after_no_other() {
    let stack = Stack::ready().await;
    for (place, (fault, status, code, class)) in CLASSES.into_iter().enumerate() {
        let named = json!([{"model_id": "claude-haiku-4-5", "on": [class]}]);
        let model = json!({"fallbacks": named, "circuit_breaker": off()});
        let model = stack.model(Server::OpenAi, model).await;
        let others: Vec<&str> = CLASSES.iter().map(|row| row.3).filter(|c| *c != class).collect();
        let others: std::collections::BTreeSet<&str> = others.into_iter().collect();
        let named = json!([{"model_id": "claude-haiku-4-5", "on": others}]);
        let other = json!({"fallbacks": named, "circuit_breaker": off()});
        let other = stack.model(Server::OpenAi, other).await;
        let wire = Wire::ALL[place % 3];
        for streamed in [false, true] {
            let send = async |model: &str| {
                let call = stack.call(wire, model, &format!("{fault} {}", unique("class")));
                if streamed { call.streamed() } else { call }.send().await
            };
            let answer = send(&model).await;
            assert_eq!(answer.status(), 200, "{fault}: {}", answer.response.text());
            assert_eq!(answer.header("x-de-model"), "claude-haiku-4-5", "{fault}");
            assert_eq!(answer.header("x-de-attempts"), "2", "{fault}");
            let row = stack.books.row(&answer.request_id).await;
            let attempts: Value = serde_json::from_str(row["attempts"].as_str().unwrap()).unwrap();
            assert_eq!(attempts[0]["error_code"], code, "{fault}");
            assert_eq!(attempts[1]["status"], 200, "{fault}");
            send(&other).await.fails(status, code);
        }
    }
}

#[tokio::test]
async fn a_fallback_that_names_nothing_serves_where_the_vendor_failed_and_not_where_the_request_is_at_fault()
 {
    let stack = Stack::ready().await;
    let model = json!({"fallbacks": ["claude-haiku-4-5"], "circuit_breaker": off()});
    let model = stack.model(Server::OpenAi, model).await;
    for (fault, status, code, class) in CLASSES {
        let call = stack.call(Wire::OpenAi, &model, &format!("{fault} {}", unique("usual")));
        let answer = call.send().await;
        if ["context_length", "content_refused", "unsupported"].contains(&class) {
            answer.fails(status, code);
        } else {
            assert_eq!(answer.good().header("x-de-model"), "claude-haiku-4-5", "{fault}");
        }
    }
}

#[tokio::test]
async fn the_first_that_serves_after_a_failure_serves_and_the_others_are_passed_over() {
    let stack = Stack::ready().await;
    let fallbacks = json!([
        {"model_id": "gpt-4o", "on": ["rate_limit"]},
        {"model_id": "claude-haiku-4-5", "on": ["context_length"]},
    ]);
    let model = json!({"fallbacks": fallbacks, "circuit_breaker": off()});
    let model = stack.model(Server::OpenAi, model).await;
    let word = unique("passed");
    let call = stack.call(Wire::Native, &model, &format!("openai-fail:too-long {word}"));
    let answer = call.send().await.good();
    assert_eq!(answer.header("x-de-model"), "claude-haiku-4-5");
    assert_eq!(stack.vendors.received(&word).await.len(), 2);
}

#[tokio::test]
async fn what_a_model_has_no_word_for_goes_to_a_fallback_that_says_so() {
    let stack = Stack::ready().await;
    let named = json!([{"model_id": "gpt-4o-mini", "on": ["unsupported"]}]);
    let model = stack.model(Server::Anthropic, json!({"fallbacks": named})).await;
    let alone = stack.model(Server::Anthropic, json!({})).await;
    let call =
        |model: &str| stack.call(Wire::OpenAi, model, "Hello").member("frequency_penalty", 0.5);
    call(&alone).send().await.fails(400, "VALIDATION_ERROR");
    let answer = call(&model).send().await.good();
    assert_eq!(answer.header("x-de-model"), "gpt-4o-mini");
    assert_eq!(answer.header("x-de-attempts"), "1");
}

#[tokio::test]
async fn the_callers_fallbacks_come_first_then_the_models_own_unless_it_wants_those_only() {
    let stack = Stack::ready().await;
    let broken_too = broken(&stack, &[]).await;
    let model = broken(&stack, &["claude-haiku-4-5"]).await;
    let call =
        |names: &str| stack.call(Wire::Native, &model, "Hello").header("x-de-fallback", names);
    let answer = call(&broken_too).send().await.good();
    assert_eq!(answer.header("x-de-model"), "claude-haiku-4-5");
    assert_eq!(answer.header("x-de-attempts"), "3");
    let answer = call(&format!("{broken_too}; only")).send().await;
    answer.fails(502, "ALL_PROVIDERS_FAILED");
    call("").send().await.fails(502, "PROVIDER_ERROR");
    let refused = call("gpt-4o; always").send().await;
    refused.fails(400, "VALIDATION_ERROR");
    assert_eq!(refused.details()["fields"][0]["field"], "x-de-fallback");
    // Nobody serves for itself, however often it is named.
    let answer = call(&format!("{model},{broken_too},{broken_too}; only")).send().await;
    answer.fails(502, "ALL_PROVIDERS_FAILED");
    assert_eq!(answer.details()["attempts"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn after_the_first_byte_nobody_else_serves() {
    let stack = Stack::ready().await;
    for server in Server::ALL {
        let other = match server {
            Server::Anthropic => "gpt-4o-mini",
            Server::Gemini | Server::OpenAi => "claude-haiku-4-5",
        };
        let all = ["error", "timeout", "unavailable"];
        let model = json!({
            "fallbacks": [{"model_id": other, "on": all}],
            "timeouts": {"between_chunks_ms": 2_000, "total_ms": 20_000},
            "circuit_breaker": off(),
        });
        let model = stack.model(server, model).await;
        let faults = [
            ("cut:4", "PROVIDER_ERROR"),
            ("error-mid:4", "PROVIDER_ERROR"),
            ("gap:30s", "PROVIDER_TIMEOUT"),
        ];
        let cases =
            Wire::ALL.into_iter().flat_map(|wire| faults.map(|(fault, code)| (wire, fault, code)));
        join_all(cases.map(async |(wire, fault, code)| {
            let word = unique("begun");
            let prompt = format!("{fault} chunks:20 big:2000 {word}");
            let answer = stack.call(wire, &model, &prompt).streamed().send().await.good();
            let case = format!("{wire:?} {server:?} {fault}: {}", answer.response.text());
            assert_eq!(answer.header("x-de-model"), model, "{case}");
            answer.story().broke_off();
            let text = answer.response.text();
            let events = answer.response.events();
            let last = events.last().unwrap();
            match wire {
                Wire::Anthropic => {
                    assert_eq!(last.name, "error", "{case}");
                    let told: Value = serde_json::from_str(&last.data).unwrap();
                    assert_eq!(told["type"], "error", "{case}");
                    assert!(told["error"]["message"].is_string(), "{case}");
                }
                Wire::Native => assert_eq!(last.name, "error", "{case}"),
                Wire::OpenAi => {
                    let told: Value = serde_json::from_str(&last.data).unwrap();
                    assert!(told["error"]["message"].is_string(), "{case}");
                    assert!(!text.contains("[DONE]"), "{case}");
                }
            }
            assert_eq!(stack.vendors.received(&word).await.len(), 1, "{case}");
            let row = stack.books.row(&answer.request_id).await;
            assert_eq!(row["status"], "cut", "{case}");
            assert_eq!(row["error_code"], code, "{case}");
        }))
        .await;
    }
}

#[tokio::test]
async fn a_fallback_has_what_is_left_of_its_total_and_a_late_first_byte_falls_back_in_a_stream_too()
{
    let stack = Stack::ready().await;
    // The fallback's total counts from the call's arrival: after the first model's second nothing would be left.
    let spent = stack.model(Server::Anthropic, json!({"timeouts": {"total_ms": 900}})).await;
    let enough = stack.model(Server::Anthropic, json!({"timeouts": {"total_ms": 9_000}})).await;
    for streamed in [false, true] {
        for (fallback, serves) in [(&spent, false), (&enough, true)] {
            let timeouts = json!({"first_byte_ms": 1_000, "total_ms": 20_000});
            let model = json!({"timeouts": timeouts, "fallbacks": [fallback]});
            let model = stack.model(Server::OpenAi, model).await;
            let prompt = format!("openai-slow:4s {}", unique("left"));
            let call = stack.call(Wire::OpenAi, &model, &prompt);
            let answer = if streamed { call.streamed() } else { call }.send().await;
            if serves {
                assert_eq!(answer.good().header("x-de-model"), enough);
            } else if !streamed {
                // Nobody would serve in its place, so that a whole answer has all of its model's time.
                assert_eq!(answer.good().header("x-de-model"), model);
            } else {
                answer.fails(502, "ALL_PROVIDERS_FAILED");
                assert_eq!(answer.details()["attempts"].as_array().unwrap().len(), 1);
            }
        }
    }
}

#[tokio::test]
async fn the_total_deadline_ends_every_kind_of_answer() {
    let stack = Stack::ready().await;
    for server in Server::ALL {
        let timeouts =
            json!({"between_chunks_ms": 9_000, "first_byte_ms": 9_000, "total_ms": 3_000});
        let differs = json!({"timeouts": timeouts, "circuit_breaker": off()});
        let model = stack.model(server, differs).await;
        join_all(Wire::ALL.map(async |wire| {
            let started = tokio::time::Instant::now();
            let prompt = format!("gap:1s chunks:50 big:2000 {}", unique("total"));
            let answer = stack.call(wire, &model, &prompt).streamed().send().await.good();
            answer.story().broke_off();
            let row = stack.books.row(&answer.request_id).await;
            assert_eq!(row["error_code"], "PROVIDER_TIMEOUT", "{wire:?} {server:?}: {row}");
            let answer =
                stack.call(wire, &model, &format!("slow:20s {}", unique("total"))).send().await;
            answer.fails(504, "PROVIDER_TIMEOUT");
            let took = started.elapsed();
            assert!(took < std::time::Duration::from_secs(16), "{wire:?} {server:?}: {took:?}");
        }))
        .await;
    }
}
