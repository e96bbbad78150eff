//! A second model that is asked beside a slow first one: who answers first serves, and the books hold both.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    answer::Answer,
    control::Control,
    leave::Leave,
    stack::Stack,
    wait::{unique, until},
    wire::{Server, Wire},
};
use serde_json::{Value, json};

const SECOND: &str = "claude-haiku-4-5";

/// A model of OpenAI that another one helps out after a while.
async fn hedged(stack: &Stack, after_ms: u64, differs: Value) -> String {
    let mut config = json!({
        "routing": {"hedge_after_ms": after_ms}, "fallbacks": [SECOND], "circuit_breaker": null,
    });
    for (name, value) in differs.as_object().unwrap() {
        config[name] = value.clone();
    }
    stack.model(Server::OpenAi, config).await
}

/// What a receipt says of its attempts: model, status, code.
async fn attempts(stack: &Stack, request_id: &str) -> (Value, Vec<(String, Value, Value)>) {
    let row = stack.books.row(request_id).await;
    let attempts: Vec<Value> = serde_json::from_str(row["attempts"].as_str().unwrap()).unwrap();
    let told = |one: &Value| {
        let model = one["model_id"].as_str().unwrap().to_owned();
        (model, one["status"].clone(), one["error_code"].clone())
    };
    let told = attempts.iter().map(told).collect();
    (row, told)
}

async fn both_of(stack: &Stack, answer: &Answer) -> (Value, Vec<(String, Value, Value)>) {
    attempts(stack, &answer.request_id).await
}

#[tokio::test]
async fn a_second_model_serves_where_the_first_one_is_slow_and_the_first_is_given_up() {
    let stack = Stack::ready().await;
    let model = hedged(&stack, 200, json!({})).await;
    for wire in Wire::ALL {
        for streamed in [false, true] {
            let word = unique("slow");
            let call = stack.call(wire, &model, &format!("openai-slow:9s {word}"));
            let call = if streamed { call.streamed() } else { call };
            let answer = call.send().await.good();
            assert_eq!(answer.header("x-de-model"), SECOND);
            assert_eq!(answer.header("x-de-provider"), "anthropic");
            assert_eq!(answer.header("x-de-attempts"), "2");
            if streamed {
                answer.story().is_whole();
            }
            // The vendor is not kept waiting for a client who has gone.
            assert_eq!(stack.vendors.hung_up(&word).await["vendor"], "openai");
            let (row, told) = both_of(&stack, &answer).await;
            let overtaken = (model.clone(), Value::Null, json!("OVERTAKEN"));
            assert_eq!(told, [overtaken, (SECOND.to_owned(), json!(200), Value::Null)]);
            assert_eq!((&row["model_id"], &row["status"]), (&json!(SECOND), &json!("ok")));
            assert_eq!(row["requested_model_id"], model.as_str());
            assert!(row["upstream_ms"].as_i64() <= row["latency_ms"].as_i64(), "{row:#}");
        }
    }
}

#[tokio::test]
async fn a_first_model_that_answers_before_the_second_serves_and_one_that_is_quick_has_none_beside_it()
 {
    let stack = Stack::ready().await;
    let model = hedged(&stack, 200, json!({})).await;
    for streamed in [false, true] {
        let word = unique("wins");
        let prompt = format!("openai-slow:900ms anthropic-slow:9s {word}");
        let call = stack.call(Wire::OpenAi, &model, &prompt);
        let answer = if streamed { call.streamed() } else { call }.send().await.good();
        assert_eq!(answer.header("x-de-model"), model);
        assert_eq!(answer.header("x-de-attempts"), "2");
        assert_eq!(stack.vendors.hung_up(&word).await["vendor"], "anthropic");
        let (row, told) = both_of(&stack, &answer).await;
        // The one that served stands last.
        let overtaken = (SECOND.to_owned(), Value::Null, json!("OVERTAKEN"));
        assert_eq!(told, [overtaken, (model.clone(), json!(200), Value::Null)]);
        assert_eq!((&row["model_id"], &row["status"]), (&json!(model), &json!("ok")));
        assert_eq!((&row["estimated"], &row["over_ceiling"]), (&json!(0), &json!(0)));
    }
    // A busy machine may need longer than the 200 ms of the model above to answer at once.
    let model = hedged(&stack, 60_000, json!({})).await;
    let word = unique("quick");
    let answer = stack.call(Wire::Native, &model, &word).send().await.good();
    assert_eq!(answer.header("x-de-attempts"), "1");
    stack.vendors.only(&word).await;
}

#[tokio::test]
async fn where_both_fail_both_are_told_and_the_next_one_serves() {
    let stack = Stack::ready().await;
    let model = hedged(&stack, 200, json!({})).await;
    // The second fails first, then the first; and the other way round.
    for (first, second) in [
        ("openai-slow:1s openai-fail:401", "anthropic-fail:401"),
        ("openai-slow:700ms openai-fail:401", "anthropic-slow:1s anthropic-fail:401"),
    ] {
        let word = unique("both");
        let call = stack.call(Wire::Native, &model, &format!("{first} {second} {word}"));
        let answer = call.send().await;
        answer.fails(502, "ALL_PROVIDERS_FAILED");
        let named = answer.details()["attempts"].clone();
        let models: Vec<&str> =
            named.as_array().unwrap().iter().filter_map(|one| one["model_id"].as_str()).collect();
        assert_eq!(models, [model.as_str(), SECOND]);
        assert_eq!(stack.vendors.received(&word).await.len(), 2);
        let (row, told) = both_of(&stack, &answer).await;
        assert_eq!(told.len(), 2);
        assert!(told.iter().all(|(_, status, code)| *status == 401 && code == "PROVIDER_AUTH"));
        assert_eq!((&row["status"], &row["cost_micros"]), (&json!("failed"), &json!(0)));
    }
    // Whoever was asked already is not asked again.
    let third = json!({"fallbacks": [SECOND, "gemini-2.5-flash"]});
    let model = hedged(&stack, 200, third).await;
    let word = unique("third");
    let prompt = format!("openai-slow:700ms openai-fail:401 anthropic-fail:401 {word}");
    let answer = stack.call(Wire::Native, &model, &prompt).send().await.good();
    assert_eq!(answer.header("x-de-model"), "gemini-2.5-flash");
    assert_eq!(answer.header("x-de-attempts"), "3");
    assert_eq!(stack.vendors.received(&word).await.len(), 3);
}

#[tokio::test]
async fn a_second_that_fails_leaves_the_first_alone() {
    let stack = Stack::ready().await;
    let model = hedged(&stack, 200, json!({})).await;
    for fault in ["anthropic-fail:400", "anthropic-fail:401"] {
        let prompt = format!("openai-slow:1s {fault} {}", unique("left"));
        let answer = stack.call(Wire::OpenAi, &model, &prompt).send().await.good();
        assert_eq!(answer.header("x-de-model"), model);
        let (_, told) = both_of(&stack, &answer).await;
        assert_eq!((told.len(), &told[1].1), (2, &json!(200)), "{told:?}");
        assert_eq!(told[0].0, SECOND);
    }
    // And a first that is wrong in itself ends both.
    let word = unique("ends");
    let prompt = format!("openai-slow:700ms openai-fail:400 anthropic-slow:9s {word}");
    let answer = stack.call(Wire::OpenAi, &model, &prompt).send().await;
    answer.fails(400, "INVALID_REQUEST");
    assert_eq!(stack.vendors.hung_up(&word).await["vendor"], "anthropic");
    let (_, told) = both_of(&stack, &answer).await;
    assert_eq!(told[1], (SECOND.to_owned(), Value::Null, json!("OVERTAKEN")));
}

#[tokio::test]
async fn a_client_that_leaves_while_both_run_stops_both_and_the_receipt_has_both() {
    let stack = Stack::ready().await;
    let model = hedged(&stack, 200, json!({})).await;
    for streamed in [false, true] {
        let word = unique("gone");
        let call = stack.call(Wire::Native, &model, &format!("slow:20s {word}"));
        let id = unique("gone");
        let call = if streamed { call.streamed() } else { call }.request_id(&id);
        call.leave_early(Leave::ByReset).await;
        until("both connections to close", async || {
            let found = stack.vendors.received(&word).await;
            let closed = found.iter().filter(|record| record["client_hung_up"] == true).count();
            (closed == 2).then_some(())
        })
        .await;
        let (row, told) = attempts(&stack, &id).await;
        let left = |id: &str| (id.to_owned(), Value::Null, json!("CLIENT_LEFT"));
        assert_eq!(told, [left(&model), left(SECOND)]);
        assert_eq!(
            (&row["status"], &row["estimated"]),
            (&json!("cancelled"), &json!(1)),
            "{row:#}"
        );
        assert!(row["cost_micros"].as_u64().unwrap() > 0, "{row:#}");
    }
}

#[tokio::test]
async fn both_are_paid_for_and_without_room_for_both_there_is_no_second() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    for vendor in ["openai", "anthropic"] {
        let path = format!("/v1/provider-keys/{}/{vendor}", tenant.instance);
        control.put(&path, &json!({"secret": stack.vendor_keys[vendor]})).await.is(201);
    }
    let body = json!({"project_id": tenant.project, "scopes": ["text"]});
    let key = control.make("api-keys", body).await["secret"].as_str().unwrap().to_owned();
    let budget = format!("/v1/budgets/project/{}", tenant.project);
    let second = stack.model(Server::Anthropic, json!({})).await;
    let model = hedged(&stack, 200, json!({"fallbacks": [second]})).await;
    let set = async |amount: u64| {
        let body = json!({"period": "total", "amount_micros": amount});
        control.put(&budget, &body).await.is(200);
    };
    let used = async || {
        until("calls to be settled", async || {
            let shown = control.get(&budget).await.is(200).json();
            let usage = shown["budgets"][0]["usage"].clone();
            (usage["held_micros"] == 0).then_some(usage)
        })
        .await
    };
    let call = |prompt: &str| {
        let call = stack.call(Wire::Native, &model, prompt).option("max_tokens", 100);
        call.key(&key)
    };
    set(10_000_000).await;
    let mut spent = 0;
    let mut unsettled = 0;
    for (prompt, serves) in
        [("openai-slow:9s Hello", &second), ("openai-slow:900ms anthropic-slow:9s Hello", &model)]
    {
        let answer = call(prompt).send().await.good();
        assert_eq!(answer.header("x-de-model"), serves);
        let (row, _) = both_of(&stack, &answer).await;
        spent += row["cost_micros"].as_u64().unwrap();
        let usage = used().await;
        // What was served is paid, and what was given up stays held: nobody knows.
        let held = usage["unsettled_micros"].as_u64().unwrap();
        assert!(held - unsettled >= 200, "{usage}");
        assert_eq!(usage["used_micros"], spent + held, "{usage}");
        unsettled = held;
    }
    // A quick one is paid once.
    let answer = call("Hello").send().await.good();
    spent += both_of(&stack, &answer).await.0["cost_micros"].as_u64().unwrap();
    let usage = used().await;
    assert_eq!(usage["used_micros"], spent + unsettled);
    assert_eq!(usage["unsettled_micros"], unsettled);
    // With room for one call alone the first is waited for.
    set(spent + unsettled + 500).await;
    let answer = call("openai-slow:900ms Hello").send().await.good();
    assert_eq!(answer.header("x-de-model"), model);
    assert_eq!(answer.header("x-de-attempts"), "1");
}

#[tokio::test]
async fn an_answer_that_is_asked_for_until_it_is_json_has_no_second_beside_it() {
    let stack = Stack::ready().await;
    let model = hedged(&stack, 200, json!({})).await;
    let word = unique("json");
    let call = stack.call(Wire::Native, &model, &format!("openai-slow:800ms {{\"a\": 1}} {word}"));
    let answer = call.member("expect_json", json!({"retries": 1})).send().await;
    assert_eq!(answer.header("x-de-model"), model, "{}", answer.response.text());
    assert_eq!(answer.header("x-de-attempts"), "1");
    assert!(stack.vendors.received(&word).await.iter().all(|one| one["vendor"] == "openai"));
}
