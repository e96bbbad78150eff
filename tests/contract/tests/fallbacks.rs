//! Who serves when the model that was asked for cannot, and that the caller is told.

use de_contract::{
    stack::Stack,
    wait::unique,
    wire::{Server, Wire},
};
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
