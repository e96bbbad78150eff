//! A budget that is nearly spent is told to those who listen, once a percent.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{hooks::Receiver, spender::Spender, wait::until};
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
