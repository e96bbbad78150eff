//! A model whose calls several others serve, each for its part of them.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::collections::BTreeMap;

use de_contract::{
    answer::Answer,
    control::Control,
    stack::Stack,
    wait::unique,
    wire::{Server, Wire},
};
use serde_json::{Value, json};

const FEW: usize = 12;
const MANY: usize = 80;

/// A model whose calls go to others, by their weights; `routing` has more members.
async fn split(stack: &Stack, parts: &[(&str, u64)], routing: Value) -> String {
    stack.model(Server::OpenAi, json!({"routing": routed(parts, routing)})).await
}

fn routed(parts: &[(&str, u64)], mut routing: Value) -> Value {
    let parts = parts.iter().map(|(id, weight)| json!({"model_id": id, "weight": weight}));
    routing["split"] = parts.collect();
    routing
}

async fn served(stack: &Stack, model: &str) -> String {
    let answer = stack.call(Wire::Native, model, "Hello").send().await.good();
    answer.header("x-de-model").to_owned()
}

async fn counts(stack: &Stack, model: &str, calls: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..calls {
        *counts.entry(served(stack, model).await).or_default() += 1;
    }
    counts
}

async fn attempts(stack: &Stack, answer: &Answer) -> Vec<Value> {
    let row = stack.books.row(&answer.request_id).await;
    serde_json::from_str(row["attempts"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn each_serves_its_part_and_the_receipt_and_the_price_are_those_of_who_served() {
    let stack = Stack::ready().await;
    let dear = json!({"pricing": {
        "currency": "USD", "input_micros_per_million_tokens": 7_000_000,
        "output_micros_per_million_tokens": 7_000_000,
    }});
    let dear = stack.model(Server::Anthropic, dear).await;
    let cheap = stack.model(Server::OpenAi, json!({})).await;
    let model = split(&stack, &[(&cheap, 500), (&dear, 500)], json!({})).await;
    let counts = counts(&stack, &model, MANY).await;
    // Five deviations of a half of eighty: nobody waits for this to fail.
    assert!(counts[&cheap].abs_diff(MANY / 2) <= 22, "{counts:?}");
    assert_eq!(counts.values().sum::<usize>(), MANY);
    assert_eq!(counts.len(), 2, "the model's own vendor has no part: {counts:?}");
    for wire in Wire::ALL {
        for streamed in [false, true] {
            let call = stack.call(wire, &model, "Hello");
            let answer = if streamed { call.streamed() } else { call }.send().await.good();
            let row = stack.books.row(&answer.request_id).await;
            assert_eq!(row["model_id"], answer.header("x-de-model"));
            assert_eq!(row["requested_model_id"], model.as_str());
            let tokens = |name: &str| row[name].as_u64().unwrap();
            let expected = if row["model_id"] == dear.as_str() {
                7 * (tokens("input_tokens") + tokens("output_tokens"))
            } else {
                tokens("input_tokens") + 2 * tokens("output_tokens")
            };
            assert_eq!(row["cost_micros"], expected, "{row:#}");
        }
    }
}

#[tokio::test]
async fn a_model_may_have_a_part_of_its_own_calls_and_no_split_of_another_is_followed() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let canary = stack.model(Server::Anthropic, json!({})).await;
    let model = stack.model(Server::OpenAi, json!({})).await;
    let place = |id: &str| format!("/v1/model-configs/{id}");
    let of_both = routed(&[(&model, 1), (&canary, 1)], json!({}));
    control.patch(&place(&model), &json!({"routing": of_both})).await.is(200);
    // It goes the other way round too: both are served by their own vendors.
    let back = routed(&[(&model, 1)], json!({}));
    control.patch(&place(&canary), &json!({"routing": back})).await.is(200);
    let counts = counts(&stack, &model, MANY).await;
    assert!(counts[&model] > 10 && counts[&canary] > 10, "{counts:?}");
    assert_eq!(served(&stack, &canary).await, model);
    // Null ends it, and with it nothing is left of it.
    let plain = control.patch(&place(&canary), &json!({"routing": null})).await.is(200).json();
    assert!(plain.get("routing").is_none(), "{plain}");
    assert_eq!(served(&stack, &canary).await, canary);
}

#[tokio::test]
async fn what_is_disabled_or_shut_or_not_the_callers_leaves_its_part_to_the_others() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let breaker = json!({"failures": 1, "window_ms": 60_000, "open_ms": 60_000});
    let shaky = stack.model(Server::OpenAi, json!({"circuit_breaker": breaker})).await;
    let sound = stack.model(Server::Anthropic, json!({})).await;
    let off = stack.model(Server::Anthropic, json!({"status": "disabled"})).await;
    let never = stack.model(Server::Anthropic, json!({})).await;
    let parts = [(shaky.as_str(), 900), (&sound, 100), (&off, 1_000), (&never, 0)];
    let model = split(&stack, &parts, json!({"sticky": "key"})).await;
    // A vendor that asks to be left alone for a while opens it for that long, whatever the row says.
    let prompt = format!("openai-fail:503:60 {}", unique("shut"));
    stack.call(Wire::OpenAi, &shaky, &prompt).send().await.fails(503, "PROVIDER_UNAVAILABLE");
    for _ in 0..FEW {
        let answer = stack.call(Wire::Native, &model, "Hello").send().await.good();
        assert_eq!(answer.header("x-de-model"), sound);
        let attempts = attempts(&stack, &answer).await;
        assert_eq!(attempts.len(), 1, "who is shut is not asked: {attempts:?}");
    }
    // Who wants no fallbacks gets one of those that may be asked all the same.
    let call = stack.call(Wire::Native, &model, "Hello").header("x-de-fallback", "");
    assert_eq!(call.send().await.good().header("x-de-model"), sound);
    // With none left, the model serves as if there were no split.
    control
        .patch(&format!("/v1/model-configs/{sound}"), &json!({"status": "disabled"}))
        .await
        .is(200);
    control
        .patch(&format!("/v1/model-configs/{shaky}"), &json!({"status": "disabled"}))
        .await
        .is(200);
    assert_eq!(served(&stack, &model).await, model);
}

#[tokio::test]
async fn when_one_fails_the_others_serve_by_weight_and_then_the_fallbacks() {
    let stack = Stack::ready().await;
    let broken = async || {
        let differs = json!({"upstream_model": "gpt-no-more", "circuit_breaker": null});
        stack.model(Server::OpenAi, differs).await
    };
    let (one, other, last) = (broken().await, broken().await, "claude-haiku-4-5");
    let routing = routed(&[(&one, 1_000), (&other, 1)], json!({}));
    let differs = json!({"routing": routing, "fallbacks": [last]});
    let model = stack.model(Server::OpenAi, differs).await;
    let mut firsts = BTreeMap::new();
    for _ in 0..FEW {
        let answer = stack.call(Wire::OpenAi, &model, "Hello").send().await.good();
        assert_eq!(answer.header("x-de-model"), last);
        assert_eq!(answer.header("x-de-attempts"), "3");
        let tried = attempts(&stack, &answer).await;
        let ids: Vec<&str> = tried.iter().filter_map(|one| one["model_id"].as_str()).collect();
        *firsts.entry(ids[0].to_owned()).or_insert(0) += 1;
        assert_eq!((ids.len(), ids[2]), (3, last), "{ids:?}");
    }
    assert!(firsts[&one] >= FEW - 1, "{firsts:?}");
    // The caller's own come behind the split; alone with `; only`, or none at all.
    for (named, tries, serves) in [("gpt-4o-mini", "3", Some("gpt-4o-mini")), ("", "", None)] {
        let call = stack.call(Wire::Native, &model, "Hello").header("x-de-fallback", named);
        let answer = call.send().await;
        match serves {
            Some(serves) => {
                let answer = answer.good();
                assert_eq!(answer.header("x-de-model"), serves);
                assert_eq!(answer.header("x-de-attempts"), tries);
            }
            None => {
                answer.fails(502, "PROVIDER_ERROR");
                assert_eq!(attempts(&stack, &answer).await.len(), 1);
            }
        }
    }
    let call = stack.call(Wire::Native, &model, "Hello");
    let answer = call.header("x-de-fallback", "gpt-4o-mini; only").send().await.good();
    assert_eq!(answer.header("x-de-attempts"), "2");
}

#[tokio::test]
async fn one_that_cannot_do_what_is_asked_leaves_it_to_one_that_can() {
    let stack = Stack::ready().await;
    // Anthropic has no word for a penalty.
    let plain = stack.model(Server::Anthropic, json!({})).await;
    let able = stack.model(Server::OpenAi, json!({})).await;
    let model = split(&stack, &[(&plain, 999), (&able, 1)], json!({})).await;
    for _ in 0..FEW {
        let call = stack.call(Wire::OpenAi, &model, "Hello").member("frequency_penalty", 0.5);
        assert_eq!(call.send().await.good().header("x-de-model"), able);
    }
    let small = json!({"circuit_breaker": null});
    let small = stack.model(Server::OpenAi, small).await;
    let model = split(&stack, &[(&small, 999), (&plain, 1)], json!({})).await;
    let prompt = format!("openai-fail:too-long {}", unique("long"));
    let answer = stack.call(Wire::OpenAi, &model, &prompt).send().await.good();
    assert_eq!(answer.header("x-de-model"), plain);
    // What a vendor declines for safety is not asked of another one.
    let prompt = format!("openai-fail:moderated {}", unique("safe"));
    let answer = stack.call(Wire::OpenAi, &small, &prompt).send().await;
    answer.fails(422, "CONTENT_REFUSED");
}

#[tokio::test]
async fn calls_that_have_something_in_common_go_to_the_same_one() {
    let stack = Stack::ready().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(stack.model(Server::OpenAi, json!({})).await);
    }
    let parts: Vec<(&str, u64)> = ids.iter().map(|id| (id.as_str(), 100)).collect();
    let model = split(&stack, &parts, json!({"sticky": "key"})).await;
    assert_eq!(counts(&stack, &model, FEW).await.len(), 1);

    let model = split(&stack, &parts, json!({"sticky": "user"})).await;
    let of_user = async |user: &str| {
        let call = stack.call(Wire::OpenAi, &model, "Hello").member("user", user);
        let openai = call.send().await.good().header("x-de-model").to_owned();
        let metadata = json!({"user_id": user});
        let call = stack.call(Wire::Anthropic, &model, "Hello").member("metadata", metadata);
        let anthropic = call.streamed().send().await.good().header("x-de-model").to_owned();
        assert_eq!(openai, anthropic, "{user}");
        openai
    };
    let mut found = BTreeMap::new();
    for user in (0..24).map(|number| format!("user-{number}")) {
        let first = of_user(&user).await;
        assert_eq!(of_user(&user).await, first, "{user}");
        *found.entry(first).or_insert(0) += 1;
    }
    assert!(found.len() >= 3, "users are spread: {found:?}");
    // Without a user nothing is in common.
    assert!(counts(&stack, &model, 2 * FEW).await.len() >= 2);

    let model = split(&stack, &parts, json!({"sticky": "conversation"})).await;
    let of_session = async |session: &str| {
        let call = stack.call(Wire::Native, &model, "Hello").header("x-de-session", session);
        call.send().await.good().header("x-de-model").to_owned()
    };
    let mut found = BTreeMap::new();
    for session in (0..24).map(|number| format!("session-{number}")) {
        let first = of_session(&session).await;
        assert_eq!(of_session(&session).await, first, "{session}");
        found.insert(first, ());
    }
    assert!(found.len() >= 3, "{found:?}");
    assert!(counts(&stack, &model, 2 * FEW).await.len() >= 2);
}

#[tokio::test]
async fn who_shares_calls_has_to_be_there_and_to_make_the_same() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let alias = unique("alias");
    let other = stack.model(Server::OpenAi, json!({"aliases": [alias]})).await;
    let config = |parts: &[(&str, u64)]| {
        let routing = routed(parts, json!({}));
        let differs = json!({"routing": routing});
        Value::Object(de_contract::models::config(Server::OpenAi, &differs))
    };
    let fields = |told: &Value| -> Vec<String> {
        let fields = told["details"]["fields"].as_array().unwrap().iter();
        fields.map(|issue| issue["field"].as_str().unwrap().to_owned()).collect()
    };
    let wrong =
        config(&[("nobody", 1), ("gpt-4o-mini", 1), ("dall-e-3", 1), (&other, 1), (&alias, 1)]);
    let told = control.post("/v1/model-configs", &wrong).await.fails(400, "VALIDATION_ERROR");
    let place = |index: usize| format!("/routing/split/{index}/model_id");
    assert_eq!(fields(&told), [place(0), place(2), place(4)], "{told}");
    assert!(told.to_string().contains("dall-e-3 makes image, not text"), "{told}");
    let told = control.post("/v1/model-configs", &config(&[("gpt-4o-mini", 0)])).await;
    assert_eq!(fields(&told.fails(400, "VALIDATION_ERROR")), ["/routing/split"]);

    // One that has a part stays, by any of its names.
    let model = split(&stack, &[(&alias, 1)], json!({})).await;
    let place = format!("/v1/model-configs/{other}");
    let told = control.delete(&format!("{place}?dry_run=true")).await.is(200).json();
    assert_eq!(told["split_of"], json!([{"id": model, "organization_id": null}]), "{told}");
    let told = control.delete(&place).await.fails(409, "CONFLICT");
    assert_eq!(told["details"]["named_by"]["split_of"][0]["id"], model, "{told}");
    let told = control.patch(&place, &json!({"aliases": []})).await.fails(409, "CONFLICT");
    assert_eq!(told["details"]["named_by"]["split_of"][0]["id"], model, "{told}");
    control.patch(&format!("/v1/model-configs/{model}"), &json!({"routing": {}})).await.is(200);
    control.delete(&place).await.is(204);
}

#[tokio::test]
async fn vectors_of_one_model_are_never_those_of_another() {
    let stack = Stack::ready().await;
    let embeds = |upstream: &str| {
        json!({
            "protocol": "openai-embeddings", "upstream_model": upstream,
            "capabilities": {"embeddings": true}, "max_output_tokens": null,
            "default_max_output_tokens": null,
        })
    };
    let large = stack.model(Server::OpenAi, embeds("text-embedding-3-large")).await;
    let same = stack.model(Server::OpenAi, embeds("text-embedding-3-small")).await;
    let mut asked = embeds("text-embedding-3-small");
    asked["routing"] = routed(&[(&large, 999), (&same, 1)], json!({}));
    let asked = stack.model(Server::OpenAi, asked).await;
    for _ in 0..FEW {
        let body = json!({"model": asked, "input": "Hello"});
        let answer = stack.client().post("/v1/embeddings", &body).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-de-model"), same);
    }
}
