//! A budget that is nearly spent is told to those who listen, once a percent.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    hooks::Receiver,
    life::mapping,
    models::config,
    spender::Spender,
    wait::until,
    wire::{Server, Wire},
};
use serde_json::{Value, json};

/// More calls than it takes to spend the budget.
const MOST: usize = 400;

#[tokio::test]
async fn a_budget_tells_that_it_is_nearly_spent() {
    let spender = Spender::ready().await;
    let Spender { control, stack, tenant, .. } = &spender;
    let receiver = Receiver::of(stack);
    let hook = json!({"organization_id": tenant.organization, "url": receiver.url(""),
        "events": ["budget.threshold"]});
    control.make("webhooks", hook).await;
    let call = || spender.call("Hello").option("max_tokens", 20);
    let path = format!("/v1/budgets/project/{}", tenant.project);
    let set = async |amount: u64| {
        let budget = json!({"period": "month", "amount_micros": amount, "alerts": [50, 80, 100]});
        control.put(&path, &budget).await.is(200);
    };
    set(1).await;
    let refused = call().send().await;
    refused.fails(402, "BUDGET_EXCEEDED");
    let need = refused.details()["need_micros"].as_u64().unwrap();
    // That one would never have fitted: nobody is told that the budget is spent.
    let amount = need * 10;
    set(amount).await;

    let nothing_held = async || {
        let shown = control.get(&path).await.is(200).json();
        (shown["budgets"][0]["usage"]["held_micros"] == 0).then_some(())
    };
    let mut refused = 0;
    for _ in 0..MOST {
        let answer = call().send().await;
        if answer.status() != 200 {
            answer.fails(402, "BUDGET_EXCEEDED");
            refused += 1;
            // What was only held for a moment is back after that.
            until("nothing to be held", nothing_held).await;
            if refused == 2 {
                break;
            }
        }
    }
    assert_eq!(refused, 2, "{MOST} calls did not spend it");

    let told = until("three messages", async || {
        stack.minute().await;
        let got = receiver.got().await;
        (got.len() >= 3).then_some(got)
    });
    let mut percents = Vec::new();
    for message in told.await {
        let body: Value = serde_json::from_str(message["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["type"], "budget.threshold");
        let budget = &body["data"]["budget"];
        let whose = (&budget["scope"], &budget["scope_id"]);
        assert_eq!(whose, (&json!("project"), &json!(tenant.project)));
        let which = (&budget["period"], &budget["amount_micros"]);
        assert_eq!(which, (&json!("month"), &json!(amount)));
        percents.push(budget["percent"].as_u64().unwrap());
    }
    percents.sort_unstable();
    assert_eq!(percents, [50, 80, 100]);
    // More refusals are no news.
    call().send().await.fails(402, "BUDGET_EXCEEDED");
    stack.minute().await;
    assert_eq!(receiver.got().await.len(), 3);
    let path = format!("/v1/audit-events?organization_id={}&limit=200", tenant.organization);
    let trail = control.get(&path).await.is(200).json();
    let trail = trail["data"].as_array().unwrap().iter();
    let told = trail.filter(|event| event["action"] == "budget.threshold");
    assert_eq!(told.count(), 3);
}

#[tokio::test]
async fn a_vendor_that_bills_more_than_its_bounds_allow_is_told_of() {
    let spender = Spender::ready().await;
    let Spender { control, stack, tenant, .. } = &spender;
    let receiver = Receiver::of(stack);
    let hook = json!({"organization_id": tenant.organization, "url": receiver.url(""),
        "events": ["receipt.over-ceiling"]});
    control.make("webhooks", hook).await;
    // Its mapping takes the seconds since 1970 for the tokens of the answer.
    let mut mapping = mapping("x");
    mapping["response_mapping"]["output_tokens"] = "$.created".into();
    let wrong = json!({"organization_id": tenant.organization, "protocol": "mapped",
        "payload_mapping": mapping, "pricing": {"currency": "USD",
        "input_micros_per_million_tokens": 1_000_000, "output_micros_per_million_tokens": 1}});
    let wrong = control.make("model-configs", config(Server::OpenAi, &wrong).into()).await;
    let wrong = wrong["model_id"].as_str().unwrap();

    let row = spender.spend(spender.call("Hello")).await.1;
    assert_eq!(row["over_ceiling"], 0, "{row}");
    let mut ids = Vec::new();
    for _ in 0..3 {
        let row = spender.spend(stack.call(Wire::Native, wrong, "Hello").key(&spender.key)).await.1;
        assert_eq!(row["over_ceiling"], 1, "{row}");
        ids.push(row["receipt_id"].as_str().unwrap().to_owned());
    }
    let told = until("a message", async || {
        stack.minute().await;
        let got = receiver.got().await;
        got.first().cloned()
    });
    let body: Value = serde_json::from_str(told.await["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["type"], "receipt.over-ceiling");
    let receipt = &body["data"]["receipt"];
    assert_eq!(receipt["model_id"], wrong);
    assert!(ids.iter().any(|id| receipt["receipt_id"] == *id), "{receipt}");
    // The others say no more than it does, unless an hour began between them.
    let path = format!("/v1/audit-events?organization_id={}&limit=200", tenant.organization);
    let trail = control.get(&path).await.is(200).json();
    let trail = trail["data"].as_array().unwrap().iter();
    let told = trail.filter(|event| event["action"] == "receipt.over-ceiling");
    assert!((1..=2).contains(&told.count()));
}
