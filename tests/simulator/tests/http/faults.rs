use std::time::Duration;

use de_simulator::Vendor;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::client::{Rig, answer, chat, events, header, message, stream, with};

fn streamed(body: Value) -> Value {
    with(body, json!({ "stream": true }))
}

#[tokio::test]
async fn failures_have_the_vendors_own_form() {
    let rig = Rig::start().await;
    for (fault, status, openai, anthropic, retry_after) in [
        ("fail:401", 401, "invalid_request_error", "authentication_error", ""),
        ("fail:429", 429, "rate_limit_exceeded", "rate_limit_error", "2"),
        ("fail:429:7", 429, "rate_limit_exceeded", "rate_limit_error", "7"),
        ("fail:500", 500, "server_error", "api_error", ""),
        ("fail:529", 529, "server_error", "overloaded_error", ""),
    ] {
        let prompt = format!("Please {fault}.");
        let response = rig.chat(&chat(&prompt)).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{fault}");
        assert_eq!(header(&response, "retry-after"), retry_after, "{fault}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["type"], openai, "{fault}");
        let response = rig.messages(&streamed(message(&prompt))).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{fault}");
        assert_eq!(header(&response, "retry-after"), retry_after, "{fault}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["type"], anthropic, "{fault}");
    }
}

#[tokio::test]
async fn lack_of_money_is_told_from_pace() {
    let rig = Rig::start().await;
    let (status, body) = answer(rig.chat(&chat("fail:quota"))).await;
    assert_eq!((status, &body["error"]["type"]), (429, &json!("insufficient_quota")));
    let (status, body) = answer(rig.messages(&message("fail:quota"))).await;
    let code = &body["error"]["details"]["error_code"];
    assert_eq!((status, code), (429, &json!("enforced_spend_limit_reached")));
    let body = with(chat("fail:quota"), json!({ "model": "deepseek-flash" }));
    let request = rig.post(Vendor::DeepSeek, "/chat/completions").json(&body);
    assert_eq!(answer(request).await.0, 402);
}

#[tokio::test]
async fn counted_failures_end() {
    let rig = Rig::start().await;
    let mut statuses = Vec::new();
    for prompt in [
        "fail-once:500",
        "fail-once:500",
        "fail-times:429:2",
        "fail-times:429:2",
        "fail-times:429:2",
    ] {
        statuses.push(answer(rig.chat(&chat(prompt))).await.0);
    }
    assert_eq!(statuses, [500, 200, 429, 429, 200]);
}

#[tokio::test]
async fn slow_delays_the_headers() {
    let rig = Rig::start().await;
    let started = Instant::now();
    let response = rig.chat(&streamed(chat("slow:300ms"))).send().await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert_eq!(response.status().as_u16(), 200);
}

#[tokio::test]
async fn a_gap_lets_the_first_events_through() {
    let rig = Rig::start().await;
    let started = Instant::now();
    let response = rig.messages(&streamed(message("gap:30s"))).send().await.unwrap();
    let mut body = response.bytes_stream();
    let mut text = String::new();
    while !text.contains("content_block_start") {
        let piece = body.next().await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(&piece).unwrap());
    }
    assert!(started.elapsed() < Duration::from_secs(10));
    drop(body);
    let record = rig.recorded(|record| record.client_hung_up).await;
    assert!(!record.finished);
    assert_eq!(record.chunks_sent, 2);
}

#[tokio::test]
async fn a_cut_stream_breaks_after_its_events() {
    let rig = Rig::start().await;
    let response = rig.chat(&streamed(chat("cut:5 one two three four"))).send().await.unwrap();
    let mut body = response.bytes_stream();
    let mut text = String::new();
    let error = loop {
        match body.next().await {
            Some(Ok(piece)) => text.push_str(std::str::from_utf8(&piece).unwrap()),
            Some(Err(error)) => break Some(error),
            None => break None,
        }
    };
    assert!(error.is_some(), "the stream ended as if it were whole");
    assert_eq!(events(&text).len(), 5);
    let record = rig.recorded(|record| record.chunks_sent == 5).await;
    assert!(!record.finished && !record.client_hung_up);
}

#[tokio::test]
async fn a_cut_body_is_shorter_than_told() {
    let rig = Rig::start().await;
    let response = rig.chat(&chat("cut:5")).send().await.unwrap();
    assert!(response.content_length().unwrap() > 100);
    assert!(response.bytes().await.is_err());
}

#[tokio::test]
async fn an_error_in_the_middle_is_the_vendors() {
    let rig = Rig::start().await;
    let chunks = stream(rig.chat(&streamed(chat("error-mid:3 one two three")))).await;
    assert_eq!(chunks.len(), 4);
    assert_eq!(chunks[3]["error"]["type"], "server_error");
    let chunks = stream(rig.messages(&streamed(message("error-mid:3 one two")))).await;
    assert_eq!(chunks.len(), 4);
    assert_eq!(chunks[3]["error"]["type"], "overloaded_error");
    assert_eq!(answer(rig.chat(&chat("error-mid:3"))).await.0, 500);
}

#[tokio::test]
async fn garbage_is_no_json_and_no_stream() {
    let rig = Rig::start().await;
    let response = rig.chat(&chat("garbage")).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert!(response.json::<Value>().await.is_err());
    let chunks = stream(rig.chat(&streamed(chat("garbage")))).await;
    assert!(chunks.is_empty());
}

#[tokio::test]
async fn characters_arrive_split_and_whole_again() {
    let rig = Rig::start().await;
    let prompt = "split-utf8 Grüße 🌊";
    let response = rig.chat(&streamed(chat(prompt))).send().await.unwrap();
    let mut body = response.bytes_stream();
    let (mut bytes, mut broken) = (Vec::new(), 0);
    while let Some(piece) = body.next().await {
        let piece = piece.unwrap();
        broken += usize::from(std::str::from_utf8(&piece).is_err());
        bytes.extend_from_slice(&piece);
    }
    assert!(broken > 0, "no piece ended inside a character");
    let text = String::from_utf8(bytes).unwrap();
    let said: String = events(&text)
        .iter()
        .filter_map(|(_, data)| serde_json::from_str::<Value>(data).ok())
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect();
    assert!(
        said.ends_with("You said: split-utf8 Grüße 🌊") && said.starts_with("Grüße 🌊"),
        "{said}"
    );
    let (_, body) = answer(rig.messages(&message(prompt))).await;
    assert!(body["content"][0]["text"].as_str().unwrap().ends_with("Grüße 🌊"));
}

#[tokio::test]
async fn text_has_the_size_and_the_pieces_asked_for() {
    let rig = Rig::start().await;
    let chunks = stream(rig.chat(&streamed(chat("chunks:200")))).await;
    assert_eq!(chunks.len(), 202);
    let (_, body) = answer(rig.chat(&chat("big:100000"))).await;
    assert_eq!(body["choices"][0]["message"]["content"].as_str().unwrap().len(), 100_000);
}

#[tokio::test]
async fn refusals_are_successes() {
    let rig = Rig::start().await;
    let (status, body) = answer(rig.chat(&chat("refuse"))).await;
    let message_of = &body["choices"][0]["message"];
    assert_eq!((status, &message_of["content"]), (200, &Value::Null));
    assert!(message_of["refusal"].is_string());
    let (status, reply) = answer(rig.messages(&message("refuse"))).await;
    assert_eq!((status, &reply["stop_reason"]), (200, &json!("refusal")));
    assert_eq!(reply["stop_details"]["type"], "refusal");
    let chunks = stream(rig.chat(&streamed(chat("refuse")))).await;
    let said: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["refusal"].as_str())
        .collect();
    assert_eq!(said, message_of["refusal"].as_str().unwrap());
}

#[tokio::test]
async fn a_hang_up_before_the_headers_is_recorded() {
    let rig = Rig::start().await;
    for prompt in ["hang", "slow:60s"] {
        rig.simulator.clear_requests();
        let request = rig.chat(&chat(prompt)).timeout(Duration::from_millis(150)).send();
        assert!(request.await.unwrap_err().is_timeout());
        let record = rig.recorded(|record| record.client_hung_up).await;
        assert_eq!((record.status, record.finished, record.chunks_sent), (None, false, 0));
        assert!(record.hung_up_after_ms.unwrap() < 10_000);
    }
}

#[tokio::test]
async fn a_hang_up_in_a_stream_is_recorded() {
    let rig = Rig::start().await;
    let response = rig.messages(&streamed(message("gap:200ms chunks:200"))).send().await.unwrap();
    let mut body = response.bytes_stream();
    body.next().await.unwrap().unwrap();
    drop(body);
    let record = rig.recorded(|record| record.client_hung_up).await;
    assert_eq!((record.status, record.finished), (Some(200), false));
}

#[tokio::test]
async fn a_fault_can_be_ordered_for_a_vendor() {
    let rig = Rig::start().await;
    rig.simulator.fault(Some(Vendor::OpenAi), "fail:503", 2).unwrap();
    let mut statuses = Vec::new();
    for _ in 0..2 {
        statuses.push(answer(rig.messages(&message("Hi"))).await.0);
        statuses.push(answer(rig.chat(&chat("Hi"))).await.0);
    }
    statuses.push(answer(rig.chat(&chat("Hi"))).await.0);
    assert_eq!(statuses, [200, 503, 200, 503, 200]);
}
