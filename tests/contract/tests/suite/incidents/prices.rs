//! A price list that was broken, and every call free from then on.

use de_contract::{
    control::Control, models::config, spender::Spender, stack::Stack, wire::Server, world::World,
};
use serde_json::{Value, json};

/// What is no price.
fn no_prices() -> Vec<Value> {
    vec![
        json!(-1),
        json!(0.5),
        json!("100"),
        json!(""),
        json!(1e300),
        json!(18_446_744_073_709_551_615_u64),
        json!(true),
        json!([]),
        json!({}),
    ]
}

#[tokio::test]
async fn a_price_that_is_none_is_refused_by_its_name() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let members = [
        "input_micros_per_million_tokens",
        "output_micros_per_million_tokens",
        "cached_input_micros_per_million_tokens",
        "character_micros_per_million",
        "second_micros_per_million",
        "request_micros",
        "image_micros",
        "cost_per_1k_tokens",
        "cost_per_image",
    ];
    for member in members {
        for price in no_prices() {
            // Dollars have fractions.
            let is_dollars = member.starts_with("cost_");
            if is_dollars && price == json!(0.5) || member == "image_micros" && price == json!({}) {
                continue;
            }
            let broken =
                config(Server::OpenAi, &json!({"pricing": {"currency": "USD", member: price}}));
            let told = control.post("/v1/model-configs", &Value::Object(broken)).await;
            let told = told.fails(400, "VALIDATION_ERROR");
            let field = told["details"]["fields"][0]["field"].as_str().unwrap();
            assert!(field.starts_with("/pricing"), "{member}: {price}: {told}");
        }
    }
    for broken in [
        json!({"input_micros_per_milion_tokens": 1}),
        json!({"currency": "EUR"}),
        json!({"currency": "USD", "tiers": [{"input_micros_per_million_tokens": 1}]}),
        json!({"currency": "USD", "multipliers_percent": {"batch": -1}}),
        json!([]),
        json!("free"),
        json!(0),
    ] {
        let config = config(Server::OpenAi, &json!({"pricing": broken}));
        control
            .post("/v1/model-configs", &Value::Object(config))
            .await
            .fails(400, "VALIDATION_ERROR");
    }
}

#[tokio::test]
async fn what_is_missing_in_a_price_list_is_not_free() {
    let spender = Spender::ready().await;
    let path = format!(
        "/v1/model-configs/{}?organization_id={}",
        spender.model, spender.tenant.organization
    );
    for (pricing, is_known) in [
        (json!(null), false),
        (json!({"currency": "USD"}), false),
        // One half is not the whole.
        (json!({"currency": "USD", "input_micros_per_million_tokens": 1_000_000}), false),
        (json!({"currency": "USD", "output_micros_per_million_tokens": 1_000_000}), false),
        // A price of another unit.
        (json!({"currency": "USD", "image_micros": 5}), false),
        (
            json!({"currency": "USD", "input_micros_per_million_tokens": 1_000_000,
            "output_micros_per_million_tokens": 1_000_000}),
            true,
        ),
        // Who says that it is free means it.
        (
            json!({"currency": "USD", "input_micros_per_million_tokens": 0,
            "output_micros_per_million_tokens": 0}),
            true,
        ),
    ] {
        spender.control.patch(&path, &json!({"pricing": pricing})).await.is(200);
        let (answer, row) = spender.spend(spender.call("What does it cost?")).await;
        let told = &answer.good().response.json()["metadata"]["cost_micros"].clone();
        assert_eq!(row["cost_micros"].is_null(), !is_known, "{pricing}: {row}");
        assert_eq!(told.is_null(), !is_known, "{pricing}: {told}");
    }
    // Where money has to be counted, nothing that nobody can price is let in.
    spender.control.patch(&path, &json!({"pricing": null})).await.is(200);
    spender.set_budget(1_000_000_000).await;
    let refused = spender.call("And now?").send().await;
    assert!((400..500).contains(&refused.response.status), "{}", refused.response.text());
}

/// A row that no route has written: by hand, by a script, by a migration that went wrong.
#[tokio::test]
async fn a_row_whose_prices_are_broken_serves_nobody() {
    let world = World::new().await;
    let call = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]});
    for broken in [
        "{\"currency\":\"USD\",\"input_micros_per_million_tokens\":-1}",
        "{\"currency\":\"USD\",\"input_micros_per_milion_tokens\":1}",
        "\"free\"",
    ] {
        let sql =
            "UPDATE model_config_versions SET config = json_set(config, '$.pricing', json(?1))
                   WHERE model_id = 'gpt-4o-mini'";
        world.sql(sql, &[broken]).await;
        let answer = world.text().post("/v1/chat/completions", &call).await.unwrap();
        assert!(answer.status >= 400, "{broken}: {}", answer.text());
        assert_ne!(answer.header("x-de-cost-micros"), "0", "{broken}");
    }
}
