//! Models whose vendor takes an order first and is asked until it has done it.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    leave::Leave,
    models::{INPUT_MICROS, OUTPUT_MICROS, config, polled},
    stack::Stack,
    wait::{unique, until},
    wire::{Server, Wire},
};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// What the vendor received about the job that was ordered with this word: the order, the polls, the
/// cancellations.
struct Job {
    cancels: Vec<Value>,
    order: Value,
    polls: Vec<Value>,
}

async fn job(stack: &Stack, word: &str) -> Job {
    let order = stack.vendors.only(word).await;
    // The simulator makes its ids of the numbers of its records.
    let id = format!("psim{:06}", order["id"].as_u64().unwrap());
    let about = stack.vendors.received(&id).await;
    let (cancels, polls) =
        about.into_iter().partition(|record| record["path"].as_str().unwrap().ends_with("/cancel"));
    Job { cancels, order, polls }
}

/// The job, once it was cancelled.
async fn cancelled(stack: &Stack, word: &str) -> Job {
    until("the vendor to be told to stop", async || {
        Some(job(stack, word).await).filter(|job| !job.cancels.is_empty())
    })
    .await
}

/// Two members of a job's model may be replaced: those of the config, and those of `response`.
async fn model(stack: &Stack, differs: &Value, response: &Value) -> String {
    let mut members = polled(response);
    for (name, value) in differs.as_object().into_iter().flatten() {
        members[name] = value.clone();
    }
    stack.model(Server::OpenAi, members).await
}

#[tokio::test]
async fn a_polled_call_answers_with_text_usage_and_one_receipt() {
    let stack = Stack::ready().await;
    let model = model(&stack, &json!({}), &json!({})).await;
    for wire in Wire::ALL {
        for streamed in [false, true] {
            let word = unique("polled");
            let case = format!("{wire:?} streamed {streamed}");
            let call = stack.call(wire, &model, &format!("Hello {word}"));
            let call = if streamed { call.streamed() } else { call };
            let answer = call.send().await.good();
            assert_eq!(answer.header("x-de-provider"), "replicate", "{case}");
            assert_eq!(answer.header("x-de-attempts"), "1", "{case}");
            let text = if streamed {
                answer.story().is_whole();
                answer.story().text()
            } else {
                assert!(answer.counts().output > 3, "{case}");
                answer.text()
            };
            assert_eq!(text, format!("You said: Hello {word}"), "{case}");
            let job = job(&stack, &word).await;
            assert_eq!(
                job.order["path"],
                "/replicate/v1/models/meta/meta-llama-3-8b-instruct/predictions"
            );
            assert_eq!(job.polls.len(), 2, "{case}: {:#?}", job.polls);
            assert_eq!(job.cancels.len(), 0, "{case}");
            for poll in &job.polls {
                assert_eq!(poll["method"], "GET");
                assert_eq!(poll["headers"]["authorization"], job.order["headers"]["authorization"]);
            }
            let row = stack.books.row(&answer.request_id).await;
            assert_eq!(
                (row["status"].as_str(), row["protocol"].as_str()),
                (Some("ok"), Some("mapped"))
            );
            let count = |name: &str| row[name].as_i64().unwrap();
            assert!(count("input_tokens") > 3 && count("output_tokens") > 3, "{case}: {row}");
            let cost =
                count("input_tokens") * INPUT_MICROS + count("output_tokens") * OUTPUT_MICROS;
            assert_eq!(count("cost_micros"), cost, "{case}: {row}");
            assert_eq!(count("estimated"), 0, "{case}: {row}");
            let attempts: Value = serde_json::from_str(row["attempts"].as_str().unwrap()).unwrap();
            assert_eq!(attempts.as_array().unwrap().len(), 1, "{case}: {attempts}");
            assert_eq!(attempts[0]["status"], 201, "{case}: {attempts}");
        }
    }
}

#[tokio::test]
async fn a_vendor_that_answers_at_once_is_not_asked_again() {
    let stack = Stack::ready().await;
    let mut members = polled(&json!({}));
    members["payload_mapping"]["headers"] = json!({"prefer": "wait=10"});
    let model = stack.model(Server::OpenAi, members).await;
    let word = unique("at-once");
    let answer = stack.call(Wire::Native, &model, &word).send().await.good();
    assert_eq!(answer.text(), format!("You said: {word}"));
    assert_eq!(job(&stack, &word).await.polls.len(), 0);
}

#[tokio::test]
async fn a_job_that_fails_is_told_in_the_vendors_words() {
    let stack = Stack::ready().await;
    let model = model(&stack, &json!({}), &json!({})).await;
    for wire in Wire::ALL {
        for (fault, status, code, said) in [
            ("job-fail", 502, "PROVIDER_ERROR", "CUDA out of memory"),
            ("refuse", 422, "CONTENT_REFUSED", "flagged as sensitive"),
        ] {
            let word = unique("failing");
            let answer = stack.call(wire, &model, &format!("{fault} {word}")).send().await;
            answer.fails(status, code);
            let details = answer.details();
            let message = details["provider_message"].as_str().unwrap();
            assert!(message.contains(said), "{details}");
            assert_eq!(details["provider"], "replicate");
            // It ran, and may be billed.
            assert_eq!(answer.header("x-should-retry"), "false");
            let job = job(&stack, &word).await;
            assert_eq!((job.polls.len(), job.cancels.len()), (2, 0));
            let row = stack.books.row(&answer.request_id).await;
            assert_eq!(
                (row["status"].as_str(), row["error_code"].as_str()),
                (Some("failed"), Some(code))
            );
        }
    }
}

#[tokio::test]
async fn where_a_job_fails_a_fallback_serves() {
    let stack = Stack::ready().await;
    let model = model(&stack, &json!({"fallbacks": ["gpt-4o-mini"]}), &json!({})).await;
    let answer = stack.call(Wire::Native, &model, "job-fail").send().await.good();
    assert_eq!(answer.header("x-de-model"), "gpt-4o-mini");
    assert_eq!(answer.header("x-de-attempts"), "2");
    let row = stack.books.row(&answer.request_id).await;
    let attempts: Value = serde_json::from_str(row["attempts"].as_str().unwrap()).unwrap();
    assert_eq!(attempts[0]["status"], 201, "{attempts}");
    assert_eq!(attempts[0]["error_code"], "PROVIDER_ERROR", "{attempts}");
    assert_eq!(attempts[1]["status"], 200, "{attempts}");
}

#[tokio::test]
async fn a_lost_poll_is_repeated_and_the_order_is_not() {
    let stack = Stack::ready().await;
    let model = model(&stack, &json!({}), &json!({})).await;
    for (fault, lost) in [
        ("poll-fail-times:503:2", 2),
        ("poll-fail-times:500:1", 1),
        ("poll-fail-once:404", 1),
        // A vendor that names a time is asked no sooner; here it is a second.
        ("poll-fail-once:429:1", 1),
    ] {
        let word = unique("lost");
        let answer =
            stack.call(Wire::Native, &model, &format!("{fault} {word}")).send().await.good();
        assert!(answer.text().ends_with(&word), "{fault}");
        let job = job(&stack, &word).await;
        assert_eq!(job.polls.len(), lost + 2, "{fault}");
        assert_eq!(job.cancels.len(), 0, "{fault}");
        let at = |record: &Value| record["received_at_ms"].as_u64().unwrap();
        if fault.contains("429") {
            assert!(at(&job.polls[1]) - at(&job.polls[0]) >= 1_000, "{:#?}", job.polls);
        }
        let row = stack.books.row(&answer.request_id).await;
        assert_eq!(row["status"], "ok", "{fault}: {row}");
    }
}

#[tokio::test]
async fn a_poll_that_cannot_help_ends_the_call_and_stops_the_job() {
    let stack = Stack::ready().await;
    let model = model(&stack, &json!({}), &json!({})).await;
    for (fault, polls, status, code) in [
        ("poll-fail:401", 1, 502, "PROVIDER_AUTH"),
        // Such an answer may be a moment's: it takes five of them in a row.
        ("poll-fail:404", 5, 502, "PROVIDER_ERROR"),
        ("poll-garbage", 5, 502, "PROVIDER_MALFORMED"),
    ] {
        let word = unique("useless");
        let answer = stack.call(Wire::Native, &model, &format!("{fault} {word}")).send().await;
        answer.fails(status, code);
        assert_eq!(answer.header("x-should-retry"), "false", "{fault}");
        let job = cancelled(&stack, &word).await;
        assert_eq!((job.polls.len(), job.cancels.len()), (polls, 1), "{fault}");
    }
}

#[tokio::test]
async fn an_order_that_fails_is_repeated_as_any_other_call() {
    let stack = Stack::ready().await;
    let model = model(&stack, &json!({}), &json!({})).await;
    let word = unique("order");
    let answer =
        stack.call(Wire::Native, &model, &format!("fail-once:503 {word}")).send().await.good();
    assert_eq!(answer.header("x-de-attempts"), "2");
    assert_eq!(stack.vendors.received(&word).await.len(), 2);
}

#[tokio::test]
async fn a_job_that_is_too_slow_is_a_timeout_and_is_stopped() {
    let stack = Stack::ready().await;
    // Time for several polls where the machine is busy too.
    let calls = model(&stack, &json!({"timeouts": {"total_ms": 5_000}}), &json!({})).await;
    let jobs = model(&stack, &json!({}), &json!({"timeout_ms": 4_000})).await;
    // A connection that breaks each time is as good as no answer.
    let cases = [(&calls, "job-slow:60s"), (&jobs, "job-slow:60s"), (&calls, "poll-cut:1")];
    join_all(cases.map(async |(model, fault)| {
        let word = unique("slow");
        let answer = stack.call(Wire::Native, model, &format!("{fault} {word}")).send().await;
        answer.fails(504, "PROVIDER_TIMEOUT");
        assert_eq!(answer.header("x-should-retry"), "false");
        let job = cancelled(&stack, &word).await;
        assert!(job.polls.len() >= 2, "{:#?}", job.polls);
        assert_eq!(job.cancels.len(), 1);
        assert_eq!(job.cancels[0]["method"], "POST");
        assert_eq!(
            job.cancels[0]["headers"]["authorization"],
            job.order["headers"]["authorization"]
        );
        let row = stack.books.row(&answer.request_id).await;
        assert_eq!(row["error_code"], "PROVIDER_TIMEOUT", "{row}");
        // It ran, and may be billed.
        assert_eq!(row["estimated"], 1, "{row}");
        assert!(row["cost_micros"].as_i64().unwrap() > 0, "{row}");
    }))
    .await;
}

#[tokio::test]
async fn who_leaves_stops_the_job() {
    let stack = Stack::ready().await;
    let model = model(&stack, &json!({}), &json!({})).await;
    for front in [false, true] {
        let word = unique("leaving");
        let call = stack.call(Wire::Native, &model, &format!("job-slow:60s {word}"));
        let call = if front { call.by_front_door() } else { call };
        call.leave_early(Leave::ByReset).await;
        let job = cancelled(&stack, &word).await;
        assert_eq!(job.cancels.len(), 1, "front {front}");
        let row = stack.books.row(&call.request_id).await;
        assert_eq!(row["status"], "cancelled", "front {front}: {row}");
        assert_eq!(row["estimated"], 1, "front {front}: {row}");
    }
}

#[tokio::test]
async fn neither_a_job_nor_a_result_is_malformed() {
    let stack = Stack::ready().await;
    let mut members = polled(&json!({}));
    members["payload_mapping"]["response_mapping"] = json!({"job_id": "$.nothing"});
    let model = stack.model(Server::OpenAi, members).await;
    let word = unique("neither");
    stack.call(Wire::Native, &model, &word).send().await.fails(502, "PROVIDER_MALFORMED");
    assert_eq!(job(&stack, &word).await.polls.len(), 0);
}

#[tokio::test]
async fn c01_a_poll_may_not_carry_the_key_elsewhere() {
    let stack = Stack::ready().await;
    let elsewhere = json!({
        "endpoint": "https://attacker.invalid/{job_id}",
        "every_ms": 1,
        "cancel": {"endpoint": "//attacker.invalid/{job_id}"},
        "result_request": {"endpoint": "/results"},
    });
    let config = Value::Object(config(Server::OpenAi, &polled(&elsewhere)));
    let answer = stack.admin().post("/v1/model-configs", &config).await.unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text());
    let fields = answer.json()["details"]["fields"].as_array().unwrap().clone();
    let fields: Vec<&str> = fields.iter().filter_map(|field| field["field"].as_str()).collect();
    let expected = ["every_ms", "endpoint", "result_request", "cancel/endpoint"];
    let expected = expected.map(|name| format!("/payload_mapping/response/{name}"));
    assert_eq!(fields, expected, "{}", answer.text());
}

/// The models that the page about mappings makes, step by step.
fn models_of_the_page() -> Vec<Value> {
    const PAGE: &str = include_str!("../../../../docs/payload-mapping.md");
    let blocks = PAGE.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    let values = blocks.filter_map(|block| serde_json::from_str::<Value>(block).ok());
    values.filter(|value| value.get("payload_mapping").is_some()).collect()
}

#[tokio::test]
async fn the_models_of_the_page_about_mappings_work() {
    let stack = Stack::ready().await;
    let models = models_of_the_page();
    assert_eq!(models.len(), 2, "one is polled, one streams");
    for mut config in models {
        let id = unique(config["model_id"].as_str().unwrap());
        config["model_id"] = id.as_str().into();
        let made = stack.admin().post("/v1/model-configs", &config).await.unwrap();
        assert_eq!(made.status, 201, "{}", made.text());
        let call = stack.call(Wire::Native, &id, "Hello world");
        assert_eq!(call.send().await.good().text(), "You said: Hello world");
        let streamed = call.request_id(&unique("streamed")).streamed().send().await.good();
        streamed.story().is_whole();
        assert_eq!(streamed.story().text(), "You said: Hello world");
        assert!(streamed.story().usage.unwrap().output > 3);
    }
}
