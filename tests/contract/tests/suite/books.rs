//! One call, one row: with tokens and cost, whatever became of it.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    call::Call,
    models::{INPUT_MICROS, OUTPUT_MICROS},
    stack::Stack,
    wait::unique,
    wire::{Server, Wire, pairs},
};
use serde_json::{Value, json};

fn number(row: &Value, name: &str) -> i64 {
    row[name].as_i64().unwrap_or_else(|| panic!("{name} of {row}"))
}

#[tokio::test]
async fn c19_every_call_leaves_exactly_one_row() {
    let stack = Stack::ready().await;
    let refusing = stack.model(Server::OpenAi, json!({"rate_limits": {"rpm": 0}})).await;
    let mut calls: Vec<(Call<'_>, &str, u16)> = Vec::new();
    for (wire, server) in pairs() {
        let say =
            |prompt: &str| stack.call(wire, server.model(), &format!("{prompt} {}", unique("row")));
        calls.push((say("plain"), "ok", 200));
        calls.push((say("streamed").streamed(), "ok", 200));
        calls.push((say("fail-once:500"), "ok", 200));
        calls.push((say("cut:4 chunks:20 big:2000").streamed(), "cut", 200));
        calls.push((say("fail:500"), "failed", 502));
        calls.push((say("fail:429:9"), "failed", 429));
        calls.push((say("fail:429:9").streamed(), "failed", 429));
        calls.push((say("invalid").option("temperature", "warm"), "failed", 400));
        calls.push((say("malformed").body("{"), "failed", 400));
        calls.push((stack.call(wire, "nobody", "Hello"), "failed", 404));
        calls.push((stack.call(wire, &refusing, "Hello"), "failed", 429));
        calls.push((stack.call(wire, "dall-e-3", "Hello"), "failed", 400));
    }
    let mut answers = Vec::new();
    for (call, status, http_status) in &calls {
        let answer = call.send().await;
        assert_eq!(answer.status(), *http_status, "{}", answer.response.text());
        answers.push((answer, *status, *http_status));
    }
    // Rows travel in order: with this one here, a second row of a call above would be here too.
    let last = stack.call(Wire::Native, "gpt-4o-mini", "the last one").send().await.good();
    stack.books.row(&last.request_id).await;
    for (answer, status, http_status) in answers {
        let row = stack.books.row(&answer.request_id).await;
        assert_eq!(row["status"], status, "{row}");
        assert_eq!(row["http_status"], http_status, "{row}");
        assert_eq!(row["receipt_id"], answer.receipt_id(), "{row}");
        assert_eq!(row["error_code"].is_null(), status == "ok", "{row}");
        assert_eq!(row["instance_id"], "inst_dev");
        assert_eq!(row["organization_id"], "org_dev");
        assert_eq!(row["project_id"], "proj_dev");
        assert!(row["api_key_id"].as_str().unwrap().starts_with("key_"), "{row}");
        assert_eq!(row["modality"], "text");
        assert!(number(&row, "latency_ms") >= 0);
        match status {
            "ok" => {
                assert!(number(&row, "input_tokens") > 0 && number(&row, "output_tokens") > 0);
                assert_eq!(row["estimated"], 0, "{row}");
                assert!(number(&row, "response_bytes") > 0, "{row}");
                assert!(number(&row, "first_byte_ms") <= number(&row, "latency_ms"), "{row}");
            }
            "failed" => {
                assert_eq!(number(&row, "input_tokens") + number(&row, "output_tokens"), 0);
                assert_eq!(row["cost_micros"], 0, "{row}");
            }
            _ => assert!(number(&row, "cost_micros") > 0, "{row}"),
        }
    }
}

#[tokio::test]
async fn a_row_costs_its_tokens_times_the_models_prices() {
    let stack = Stack::ready().await;
    for server in Server::ALL {
        let model = stack.model(server, json!({})).await;
        for wire in Wire::ALL {
            for streamed in [false, true] {
                let call = stack.call(wire, &model, "one two three four five");
                let call = if streamed { call.streamed() } else { call };
                let answer = call.send().await.good();
                let row = stack.books.row(&answer.request_id).await;
                let input = number(&row, "input_tokens");
                let output = number(&row, "output_tokens");
                let cost = input * INPUT_MICROS + output * OUTPUT_MICROS;
                assert_eq!(number(&row, "cost_micros"), cost, "{row}");
                assert_eq!(number(&row, "price_version"), 1, "{row}");
                assert_eq!(row["operation"], format!("POST {}", wire.path(streamed)));
                if !streamed {
                    assert_eq!(answer.header("x-de-cost-micros"), cost.to_string());
                }
            }
        }
    }
}

#[tokio::test]
async fn a_repeated_request_id_changes_nothing_in_the_books() {
    let stack = Stack::ready().await;
    let id = unique("twice");
    let mut receipts = Vec::new();
    for prompt in ["one", "one two three"] {
        let call = stack.call(Wire::Native, "gpt-4o-mini", prompt).request_id(&id);
        let answer = call.send().await.good();
        assert_eq!(answer.header("x-request-id"), id);
        assert_eq!(answer.text(), format!("You said: {prompt}"));
        receipts.push(answer.receipt_id().to_owned());
    }
    assert_ne!(receipts[0], receipts[1]);
    let rows = stack.books.at_least(2, &id).await;
    assert_eq!(rows.len(), 2, "{rows:#?}");
    for (row, receipt) in rows.iter().zip(&receipts) {
        assert_eq!(row["receipt_id"], receipt.as_str());
    }
    assert!(number(&rows[0], "output_tokens") < number(&rows[1], "output_tokens"));
}

#[tokio::test]
async fn the_books_hold_no_prompt_and_no_reply() {
    let stack = Stack::ready().await;
    let secret = unique("secret");
    for (wire, server) in pairs() {
        for prompt in ["", "fail:400 ", "cut:3 "] {
            let prompt = format!("{prompt}{secret}");
            let answer = stack.call(wire, server.model(), &prompt).streamed().send().await;
            let row = stack.books.row(&answer.request_id).await.to_string();
            assert!(!row.contains(&secret), "{row}");
        }
    }
}

#[tokio::test]
async fn who_has_no_key_has_no_row() {
    let stack = Stack::ready().await;
    let refused = stack.call(Wire::Native, "gpt-4o-mini", "Hello").without_key().send().await;
    assert_eq!(refused.receipt_id(), "");
    let last = stack.call(Wire::Native, "gpt-4o-mini", "the last one").send().await.good();
    stack.books.row(&last.request_id).await;
    assert!(stack.books.rows(&refused.request_id).await.is_empty());
}

#[tokio::test]
async fn a_model_without_prices_has_no_cost_rather_than_none_to_pay() {
    let stack = Stack::ready().await;
    let model = stack.model(Server::OpenAi, json!({"pricing": null})).await;
    let answer = stack.call(Wire::Native, &model, "Hello").send().await.good();
    assert_eq!(answer.header("x-de-cost-micros"), "");
    assert!(answer.json()["metadata"]["cost_micros"].is_null());
    let row = stack.books.row(&answer.request_id).await;
    assert!(row["cost_micros"].is_null(), "{row}");
    assert!(number(&row, "output_tokens") > 0);
}
