//! No budget is overspent, and what is counted is what receipts say.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    answer::Answer,
    call::Call,
    control::{Control, Tenant},
    stack::Stack,
    traffic::during,
    wait::{unique, until},
    wire::{Server, Wire},
};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// A tenant whose calls vendors answer.
struct Buyer<'a> {
    control: Control,
    key: String,
    secret: String,
    stack: &'a Stack,
    tenant: Tenant,
}

impl<'a> Buyer<'a> {
    async fn of(stack: &'a Stack) -> Self {
        let control = Control::of(stack.admin());
        let tenant = control.tenant().await;
        for vendor in Server::ALL.map(Server::provider) {
            let path = format!("/v1/provider-keys/{}/{vendor}", tenant.instance);
            control.put(&path, &json!({"secret": stack.vendor_keys[vendor]})).await.is(201);
        }
        let body = json!({"project_id": tenant.project, "scopes": ["text"]});
        let made = control.make("api-keys", body).await;
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Self { key: text("id"), secret: text("secret"), control, stack, tenant }
    }

    fn call(&self, wire: Wire, model: &str, prompt: &str) -> Call<'a> {
        self.stack.call(wire, model, prompt).key(&self.secret)
    }

    /// Where the budgets of a scope of its own are; of a model or provider, by its id.
    fn budgets(&self, scope: &str, id: &str) -> String {
        let Tenant { instance, organization, project } = &self.tenant;
        match scope {
            "instance" => format!("/v1/budgets/instance/{instance}"),
            "key" => format!("/v1/budgets/key/{}", self.key),
            "organization" => format!("/v1/budgets/organization/{organization}"),
            "project" => format!("/v1/budgets/project/{project}"),
            _ => format!("/v1/budgets/{scope}/{id}?instance_id={instance}"),
        }
    }

    async fn set(&self, path: &str, amount_micros: u64) {
        let body = json!({"period": "total", "amount_micros": amount_micros});
        self.control.put(path, &body).await.is(200);
    }

    /// What is used of a scope's first budget, once no call is under way.
    async fn used(&self, path: &str) -> Value {
        until("calls to be settled", async || {
            let shown = self.control.get(path).await.is(200).json();
            let usage = shown["budgets"][0]["usage"].clone();
            (usage["held_micros"] == 0).then_some(usage)
        })
        .await
    }
}

/// What the receipt of a call says that it cost.
async fn cost(stack: &Stack, answer: &Answer) -> u64 {
    let row = stack.books.row(&answer.request_id).await;
    row["cost_micros"].as_u64().unwrap_or_else(|| panic!("a call without a cost: {row:#}"))
}

#[tokio::test]
async fn a_budget_of_each_scope_refuses_what_it_has_no_room_for() {
    let stack = Stack::ready().await;
    let model = stack.model(Server::OpenAi, json!({})).await;
    for scope in ["instance", "key", "model", "organization", "project", "provider"] {
        let buyer = Buyer::of(&stack).await;
        let id = if scope == "model" { &model } else { "openai" };
        let path = buyer.budgets(scope, id);
        buyer.set(&path, 1).await;
        for wire in Wire::ALL {
            let word = unique("poor");
            let call = buyer.call(wire, &model, &word).option("max_tokens", 40);
            let call = if wire == Wire::Native { call } else { call.by_front_door() };
            let answer = call.send().await;
            answer.fails(402, "BUDGET_EXCEEDED");
            let details = answer.details();
            assert_eq!(
                (&details["scope"], &details["kind"]),
                (&json!(scope), &json!("budget_total"))
            );
            assert_eq!(
                (&details["limit_micros"], &details["remaining_micros"]),
                (&json!(1), &json!(1))
            );
            assert!(details["need_micros"].as_u64().unwrap() > 80, "{details}");
            assert_eq!(details["reset"], Value::Null);
            assert_eq!(answer.header("x-should-retry"), "false");
            assert!(
                answer.message().contains(&format!("for this {scope}")),
                "{}",
                answer.message()
            );
            assert!(stack.vendors.received(&word).await.is_empty());
        }
        // What it has room for is spent from it, and other tenants know nothing of it.
        buyer.set(&path, 1_000_000).await;
        let answer = buyer.call(Wire::Native, &model, "Hello").send().await.good();
        let spent = cost(&stack, &answer).await;
        assert!(spent > 0);
        assert_eq!(buyer.used(&path).await["used_micros"], spent, "{scope}");
        buyer.set(&path, 1).await;
        buyer.call(Wire::Native, &model, "Hello").send().await.fails(402, "BUDGET_EXCEEDED");
        buyer.control.delete(&path).await.is(204);
        buyer.call(Wire::Native, &model, "Hello").send().await.good();
    }
}

#[tokio::test]
async fn what_is_spent_is_what_receipts_say() {
    let stack = Stack::ready().await;
    let buyer = Buyer::of(&stack).await;
    let path = buyer.budgets("project", "");
    buyer.set(&path, 10_000_000).await;
    let broken = json!({"upstream_model": "gpt-no-more"});
    let broken = stack.model(Server::OpenAi, broken).await;
    let mut spent = 0;
    for server in Server::ALL {
        let model = stack.model(server, json!({})).await;
        for wire in Wire::ALL {
            for streamed in [false, true] {
                for prompt in ["Hello there", "fail-once:500 Hello there"] {
                    let prompt = format!("{prompt} {}", unique("spent"));
                    let call = buyer.call(wire, &model, &prompt);
                    let call = if streamed { call.streamed() } else { call };
                    let answer = call.send().await.good();
                    spent += cost(&stack, &answer).await;
                }
            }
        }
        // What a vendor refuses costs nothing, and holds nothing for long.
        let refused = buyer.call(Wire::Native, &model, "fail:400 Hello").send().await;
        assert_eq!(cost(&stack, &refused).await, 0);
    }
    buyer.call(Wire::Native, &broken, "Hello").send().await.fails(502, "PROVIDER_ERROR");
    let usage = buyer.used(&path).await;
    assert!(spent > 100, "{spent}");
    assert_eq!((&usage["used_micros"], &usage["unsettled_micros"]), (&json!(spent), &json!(0)));
    assert_eq!(usage["remaining_micros"], 10_000_000 - spent);
}

#[tokio::test]
async fn a_budget_of_nothing_lets_in_what_costs_nothing() {
    let stack = Stack::ready().await;
    let buyer = Buyer::of(&stack).await;
    let path = buyer.budgets("instance", "");
    buyer.set(&path, 0).await;
    let free = json!({"pricing": {"currency": "USD", "input_micros_per_million_tokens": 0,
        "output_micros_per_million_tokens": 0}});
    let free = stack.model(Server::OpenAi, free).await;
    let paid = stack.model(Server::OpenAi, json!({})).await;
    for wire in Wire::ALL {
        buyer.call(wire, &free, "Hello").send().await.good();
        let answer = buyer.call(wire, &paid, "Hello").send().await;
        answer.fails(402, "BUDGET_EXCEEDED");
        assert_eq!(answer.details()["remaining_micros"], 0);
    }
    assert_eq!(buyer.used(&path).await["used_micros"], 0);
}

#[tokio::test]
async fn a_budget_on_trial_counts_and_refuses_nothing() {
    let stack = Stack::ready().await;
    let buyer = Buyer::of(&stack).await;
    let path = buyer.budgets("key", "");
    let trial = json!({"period": "month", "amount_micros": 0, "shadow": true});
    buyer.control.put(&path, &trial).await.is(200);
    let model = stack.model(Server::OpenAi, json!({})).await;
    let unpriced = stack.model(Server::OpenAi, json!({"pricing": null})).await;
    let mut spent = 0;
    for wire in Wire::ALL {
        let answer = buyer.call(wire, &model, "Hello").send().await.good();
        // Nobody needs a bound where nothing is enforced.
        assert_eq!(answer.header("x-de-max-tokens"), "");
        spent += cost(&stack, &answer).await;
    }
    buyer.call(Wire::Native, &unpriced, "Hello").send().await.good();
    let usage = buyer.used(&path).await;
    assert_eq!((&usage["used_micros"], &usage["remaining_micros"]), (&json!(spent), &json!(0)));
    // Once it is meant, what was spent on trial counts.
    let mut meant = json!({"period": "month", "amount_micros": spent, "shadow": false});
    buyer.control.put(&path, &meant).await.is(200);
    let answer = buyer.call(Wire::Native, &model, "Hello").send().await;
    answer.fails(402, "BUDGET_EXCEEDED");
    assert_eq!(answer.details()["kind"], "budget_per_month");
    // Not even a whole month would pay for it.
    assert_eq!(answer.details()["reset"], Value::Null);
    meant["amount_micros"] = answer.details()["need_micros"].clone();
    buyer.control.put(&path, &meant).await.is(200);
    let answer = buyer.call(Wire::Native, &model, "Hello").send().await;
    answer.fails(402, "BUDGET_EXCEEDED");
    assert!(answer.details()["reset"].as_u64().unwrap() > 0, "{}", answer.details());
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test]
async fn a_model_without_a_price_serves_where_no_budget_has_to_be_kept() {
    let stack = Stack::ready().await;
    let buyer = Buyer::of(&stack).await;
    let model = stack.model(Server::OpenAi, json!({"pricing": null})).await;
    buyer.call(Wire::Native, &model, "Hello").send().await.good();
    let path = buyer.budgets("project", "");
    buyer.set(&path, 1_000_000_000).await;
    for wire in Wire::ALL {
        let word = unique("priceless");
        let answer = buyer.call(wire, &model, &word).send().await;
        answer.fails(402, "BUDGET_EXCEEDED");
        assert!(answer.message().contains("save its pricing"), "{}", answer.message());
        assert_eq!(answer.details()["need_micros"], Value::Null);
        assert!(stack.vendors.received(&word).await.is_empty());
    }
    // Nor does it stand in for one that has.
    let priced = json!({"upstream_model": "gpt-no-more", "fallbacks": [model]});
    let priced = stack.model(Server::OpenAi, priced).await;
    let answer = buyer.call(Wire::Native, &priced, "Hello").send().await;
    assert_eq!(answer.status(), 502, "{}", answer.json());
    buyer.control.delete(&path).await.is(204);
    let answer = buyer.call(Wire::Native, &priced, "Hello").send().await.good();
    assert_eq!(answer.header("x-de-model"), model);
}

#[tokio::test]
async fn an_unbounded_answer_is_bounded_under_a_budget() {
    let stack = Stack::ready().await;
    let buyer = Buyer::of(&stack).await;
    let model = stack.model(Server::OpenAi, json!({})).await;
    let path = buyer.budgets("organization", "");
    for (budget, bound) in [(None, ""), (Some(1_000_000), "500")] {
        if let Some(amount) = budget {
            buyer.set(&path, amount).await;
        }
        for wire in [Wire::Native, Wire::OpenAi] {
            let word = unique("bound");
            let answer = buyer.call(wire, &model, &word).send().await.good();
            assert_eq!(answer.header("x-de-max-tokens"), bound);
            let sent = &stack.vendors.only(&word).await["body"]["max_completion_tokens"];
            assert_eq!(*sent, budget.map_or(Value::Null, |_| json!(500)), "{wire:?}");
        }
    }
    // A bound of the caller's stands.
    let call = buyer.call(Wire::OpenAi, &model, "Hello").option("max_tokens", 30);
    assert_eq!(call.send().await.good().header("x-de-max-tokens"), "");
}

#[tokio::test]
async fn a_vendors_own_tools_are_not_used_under_a_budget() {
    let stack = Stack::ready().await;
    let buyer = Buyer::of(&stack).await;
    let path = buyer.budgets("project", "");
    let rows = [
        (Wire::OpenAi, Server::OpenAi, "web_search_options", json!({}), "/web_search_options"),
        (
            Wire::Anthropic,
            Server::Anthropic,
            "tools",
            json!([{"type": "web_search_20250305", "name": "web_search"}]),
            "/tools/0",
        ),
    ];
    buyer.set(&path, 1_000_000_000).await;
    for (wire, server, member, value, field) in rows {
        let model = stack.model(server, json!({})).await;
        let word = unique("searches");
        let call = buyer.call(wire, &model, &word).member(member, value);
        let answer = call.send().await;
        answer.fails(400, "VALIDATION_ERROR");
        assert_eq!(answer.fields(), [field]);
        assert!(answer.json().to_string().contains("under a budget"), "{}", answer.json());
        assert!(stack.vendors.received(&word).await.is_empty());
    }
}

#[tokio::test]
async fn an_organizations_budget_is_one_for_all_its_instances() {
    let stack = Stack::ready().await;
    let buyer = Buyer::of(&stack).await;
    let model = stack.model(Server::OpenAi, json!({})).await;
    let control = &buyer.control;
    let organization = &buyer.tenant.organization;
    let second =
        json!({"organization_id": organization, "name": "Second", "environment": "production"});
    let second = control.make("instances", second).await["id"].clone();
    let place = format!("/v1/provider-keys/{}/openai", second.as_str().unwrap());
    control.put(&place, &json!({"secret": stack.vendor_keys["openai"]})).await.is(201);
    let project = json!({"instance_id": second, "name": "Second"});
    let project = control.make("projects", project).await["id"].clone();
    let key = json!({"project_id": project, "scopes": ["text"]});
    let secret = control.make("api-keys", key).await["secret"].as_str().unwrap().to_owned();
    let path = buyer.budgets("organization", "");
    buyer.set(&path, 1).await;
    let call = |secret: &str| {
        stack.call(Wire::Native, &model, "Hello").key(secret).option("max_tokens", 50)
    };
    let refused = call(&secret).send().await;
    refused.fails(402, "BUDGET_EXCEEDED");
    let need = refused.details()["need_micros"].as_u64().unwrap();
    // Room for one: what it leaves is too little for the same again, wherever that is.
    buyer.set(&path, need).await;
    let answer = call(&buyer.secret).send().await.good();
    let spent = cost(&stack, &answer).await;
    assert_eq!(buyer.used(&path).await["used_micros"], spent);
    let refused = call(&secret).send().await;
    refused.fails(402, "BUDGET_EXCEEDED");
    assert_eq!(refused.details()["scope"], "organization");
    assert_eq!(refused.details()["remaining_micros"], need - spent);
}

#[tokio::test]
async fn no_budget_is_overspent_however_many_come_at_once() {
    let stack = Stack::ready().await;
    let buyer = Buyer::of(&stack).await;
    let model = stack.model(Server::OpenAi, json!({})).await;
    let path = buyer.budgets("project", "");
    buyer.set(&path, 1).await;
    let calls = if stack.is_real { 1_000 } else { 200 };
    let call = |n: usize| {
        // As long as each other, so that they may cost the same.
        let prompt = format!("slow:1s crowd-{n:04}");
        let call = buyer.call(Wire::Native, &model, &prompt).option("max_tokens", 30);
        if n.is_multiple_of(2) { call } else { call.by_front_door() }
    };
    let refused = call(0).send().await;
    refused.fails(402, "BUDGET_EXCEEDED");
    let need = refused.details()["need_micros"].as_u64().unwrap();
    let paid_for = calls / 10;
    let amount = need * u64::try_from(paid_for).unwrap();
    buyer.set(&path, amount).await;
    let crowd: Vec<_> = (0..calls).map(call).collect();
    let answers = join_all(crowd.iter().map(Call::send)).await;
    let (passed, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status() == 200);
    for answer in &refused {
        answer.fails(402, "BUDGET_EXCEEDED");
    }
    // What holders were granted ahead and have not used is missing to others for a moment.
    assert!(passed.len() * 4 >= paid_for * 3, "{} of {calls}", passed.len());
    assert!(!refused.is_empty(), "all {calls} were paid for by a tenth");
    let costs = passed.iter().map(|answer| cost(&stack, answer));
    let receipts: u64 = join_all(costs).await.into_iter().sum();
    let usage = buyer.used(&path).await;
    let (used, unsettled) = (&usage["used_micros"], &usage["unsettled_micros"]);
    assert_eq!(used.as_u64().unwrap(), receipts + unsettled.as_u64().unwrap(), "{usage}");
    assert!(used.as_u64().unwrap() <= amount, "{usage} of {amount}");
}

#[tokio::test]
async fn a_budget_that_is_taken_away_while_calls_run() {
    let stack = Stack::ready().await;
    let buyer = Buyer::of(&stack).await;
    let model = stack.model(Server::OpenAi, json!({})).await;
    let path = buyer.budgets("key", "");
    buyer.set(&path, 1_000_000_000).await;
    let calls =
        during(|word| buyer.call(Wire::Native, &model, word), async || buyer.set(&path, 0).await);
    let calls = calls.await;
    assert!(calls.iter().any(|call| call.answer.status() == 200));
    for call in &calls {
        if call.is_late || call.answer.status() != 200 {
            call.answer.fails(402, "BUDGET_EXCEEDED");
        }
        if call.is_late {
            assert!(stack.vendors.received(&call.word).await.is_empty(), "{call:#?}");
        }
    }
    assert!(calls.iter().any(|call| call.is_late));
}

#[tokio::test]
async fn a_limit_that_is_lowered_and_lifted_while_calls_run() {
    let stack = Stack::ready().await;
    let buyer = Buyer::of(&stack).await;
    let model = stack.model(Server::OpenAi, json!({})).await;
    let path = format!("/v1/limits/project/{}", buyer.tenant.project);
    let per_hour = |most: u64| json!({"requests_per_hour": most});
    buyer.control.put(&path, &per_hour(100_000)).await.is(200);
    let by_key = |word: &str| buyer.call(Wire::Native, &model, word);
    let calls = during(by_key, async || {
        buyer.control.put(&path, &per_hour(0)).await.is(200);
    });
    for call in calls.await {
        if call.is_late || call.answer.status() != 200 {
            call.answer.fails(429, "RATE_LIMIT_EXCEEDED");
            assert_eq!(call.answer.details()["kind"], "requests_per_hour");
        }
    }
    // What counted before counts on.
    let shown = buyer.control.get(&path).await.is(200).json();
    assert!(shown["usage"]["requests_per_hour"]["used"].as_u64().unwrap() > 0, "{shown}");
    let calls = during(by_key, async || {
        buyer.control.delete(&path).await.is(204);
    });
    for call in calls.await.iter().filter(|call| call.is_late) {
        assert_eq!(call.answer.status(), 200, "{call:#?}");
    }
}
