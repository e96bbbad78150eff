//! Spans, as a collector gets them: after the answer, in one piece, and nothing suffers where it does not take them.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "tests: what does not hold ends them, and their modules have other readers too"
)]

#[path = "http/doubles.rs"]
mod doubles;
#[path = "http/gateway.rs"]
mod gateway;

use std::sync::Arc;

use de_core::{otlp::Collector, ports::Settings, secret::Secret};
use de_testkit::{
    client::TestResponse,
    fetch::{Answer, Sent},
};
use http::Method;
use serde_json::{Value, json};

use crate::gateway::{Gateway, openai, openai_error};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const SECRET: &str = "a-collectors-key";

/// One whose spans go to a collector, of this share of the traces that begin here.
async fn telling(share: &str) -> Gateway {
    Gateway::with(|platform| {
        let headers = Secret::new(format!("authorization=Bearer {SECRET}, x-tenant=a"));
        let collector = Collector::read("https://otel.example.com", Some(headers), Some(share));
        let settings = Settings { collector, ..(*platform.settings).clone() };
        platform.settings = Arc::new(settings);
    })
    .await
}

async fn ask(gateway: &Gateway, parent: Option<&str>) -> TestResponse {
    let request = gateway.text.request(Method::POST, "/v1/chat/completions");
    let body = json!({
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "canary-prompt"}],
    });
    let request = match parent {
        Some(parent) => request.header("traceparent", parent),
        None => request,
    };
    let answer = request.json(&body).send().await.unwrap();
    assert_eq!(gateway.test.background.join_all().await, 0, "work after an answer panicked");
    answer
}

/// What a collector got, if anything.
fn exported(gateway: &Gateway) -> Vec<Sent> {
    let is_ours = |sent: &Sent| sent.url.as_str() == "https://otel.example.com/v1/traces";
    gateway.test.fetch.sent().into_iter().filter(is_ours).collect()
}

fn spans(sent: &Sent) -> Vec<Value> {
    let scope = &sent.json()["resourceSpans"][0]["scopeSpans"][0];
    scope["spans"].as_array().unwrap().clone()
}

fn attribute(span: &Value, key: &str) -> Value {
    let all = span["attributes"].as_array().unwrap();
    let found = all.iter().find(|attribute| attribute["key"] == key);
    found.map_or(Value::Null, |found| {
        let value = &found["value"];
        value.get("stringValue").or(value.get("intValue")).unwrap().clone()
    })
}

#[tokio::test(start_paused = true)]
async fn a_call_and_its_tries_are_told_once_it_is_over() {
    let gateway = telling("0").await;
    let once = openai_error(503, "Overloaded");
    for answer in [once, openai("Hi."), Answer::json(200, &json!({}))] {
        gateway.test.fetch.answer(answer);
    }
    let answer = ask(&gateway, Some(SAMPLED)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let [sent] = &exported(&gateway)[..] else { panic!("one batch a request") };
    assert_eq!(
        (sent.header("authorization"), sent.header("x-tenant")),
        ("Bearer a-collectors-key", "a")
    );
    assert_eq!(sent.header("content-type"), "application/json");
    let spans = spans(sent);
    let [server, first, second] = &spans[..] else { panic!("{spans:#?}") };
    assert!(spans.iter().all(|span| span["traceId"] == TRACE));
    assert_eq!(
        (&server["name"], &server["kind"]),
        (&json!("POST /v1/chat/completions"), &json!(2))
    );
    assert_eq!(server["parentSpanId"], "00f067aa0ba902b7");
    assert_eq!(attribute(server, "http.route"), "/v1/chat/completions");
    assert_eq!(attribute(server, "http.response.status_code"), "200");
    assert_eq!(server["status"], json!({}));
    let vendors: Vec<String> = gateway.test.fetch.sent()[..2]
        .iter()
        .map(|sent| sent.header("traceparent").split('-').nth(2).unwrap().to_owned())
        .collect();
    for (span, id) in [first, second].into_iter().zip(vendors) {
        assert_eq!(span["parentSpanId"], server["spanId"]);
        assert_eq!(span["spanId"], id, "what the vendor was told");
        assert_eq!((&span["name"], &span["kind"]), (&json!("chat gpt-4o-mini"), &json!(3)));
        assert_eq!(attribute(span, "gen_ai.provider.name"), "openai");
        assert_eq!(attribute(span, "gen_ai.request.model"), "gpt-4o-mini");
    }
    assert_eq!(attribute(first, "http.response.status_code"), "503");
    assert_eq!(first["status"], json!({"code": 2}));
    assert_eq!(attribute(second, "gen_ai.usage.input_tokens"), "9");
    assert_eq!(attribute(second, "gen_ai.usage.output_tokens"), "3");
    let text = String::from_utf8_lossy(&sent.body).into_owned();
    assert!(!text.contains("canary-prompt") && !text.contains(SECRET), "{text}");
    for span in &spans {
        let [began, ended] = ["startTimeUnixNano", "endTimeUnixNano"]
            .map(|name| span[name].as_str().unwrap().parse::<u64>().unwrap());
        assert!(began <= ended, "{span}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_began_the_trace_says_whether_it_is_recorded_and_else_the_share() {
    let rows = [
        ("1", Some(UNSAMPLED), 0),
        ("0", Some(SAMPLED), 1),
        ("0", None, 0),
        ("1", None, 1),
        ("1", Some("no trace"), 1),
    ];
    for (share, parent, count) in rows {
        let gateway = telling(share).await;
        gateway.test.fetch.answer(openai("Hi."));
        gateway.test.fetch.answer(Answer::json(200, &json!({})));
        assert_eq!(ask(&gateway, parent).await.status, 200);
        assert_eq!(exported(&gateway).len(), count, "{share} {parent:?}");
        let flags = gateway.test.fetch.sent()[0].header("traceparent").to_owned();
        let is_sampled = flags.ends_with('1') || flags.ends_with('3');
        assert_eq!(is_sampled, count == 1, "{flags}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_fails_harms_nothing_and_is_told_of_once() {
    let gateway = telling("1").await;
    for refusal in [500, 401] {
        gateway.test.fetch.answer(openai("Hi."));
        gateway.test.fetch.answer(Answer::json(refusal, &json!({"message": SECRET})));
        let answer = ask(&gateway, None).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(gateway.receipt(&answer).await["status"], "ok");
    }
    let log = gateway.test.log.text();
    let told = log.matches("Warn the collector of spans did not take them").count();
    assert_eq!(told, 1, "{log}");
    assert!(log.contains("it answered 500") && !log.contains(SECRET), "{log}");
}

#[tokio::test(start_paused = true)]
async fn without_a_collector_nobody_is_told() {
    let gateway = Gateway::new().await;
    gateway.test.fetch.answer(openai("Hi."));
    assert_eq!(ask(&gateway, Some(SAMPLED)).await.status, 200);
    assert_eq!(gateway.sent(), 1);
}
