//! Calls, one by one: listed, shown, told as they end; and how vendors did by them.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::time::Duration;

use de_contract::{spender::Spender, wait::unique};
use http::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

fn ids(list: &Value) -> Vec<String> {
    let rows = list["data"].as_array().unwrap().iter();
    rows.map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn calls_are_listed_the_newest_first_and_found_by_what_they_are() {
    let spender = Spender::ready().await;
    let word = unique("batch");
    let mut made = Vec::new();
    for (prompt, streamed) in [("one", false), ("fail:400 two", false), ("three", true)] {
        let call = spender.call(prompt).request_id(&format!("{word}-{}", made.len()));
        let (_, row) = spender.spend(if streamed { call.streamed() } else { call }).await;
        made.insert(0, row);
    }
    let own: Vec<String> =
        made.iter().map(|row| row["receipt_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids(&spender.report("/v1/requests").await), own);
    // Page by page.
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page =
            spender.program.get(&format!("/v1/requests?limit=1{cursor}")).await.is(200).json();
        found.extend(ids(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(found, own);
    let key = made[0]["api_key_id"].as_str().unwrap();
    let middle = spender.report(&format!("/v1/requests?request_id={word}-1")).await;
    let middle = middle["data"][0]["admitted_at"].as_str().unwrap().to_owned();
    for (filter, expected) in [
        ("status=failed".to_owned(), &own[1..2]),
        (format!("request_id={word}-2"), &own[..1]),
        (format!("api_key_id={key}"), &own[..]),
        ("api_key_id=key_other".to_owned(), &own[..0]),
        (format!("project_id={}", spender.tenant.project), &own[..]),
        (format!("instance_id={}", spender.tenant.instance), &own[..]),
        (format!("model_id={}", spender.model), &own[..]),
        ("provider_id=openai&modality=text".to_owned(), &own[..]),
        ("provider_id=anthropic".to_owned(), &own[..0]),
        ("error_code=INVALID_REQUEST".to_owned(), &own[1..2]),
        (format!("from={middle}"), &own[..2]),
        (format!("to={middle}"), &own[2..]),
    ] {
        for who in [&spender.program, &spender.control] {
            let path =
                format!("/v1/requests?organization_id={}&{filter}", spender.tenant.organization);
            assert_eq!(ids(&who.get(&path).await.is(200).json()), expected, "{filter}");
        }
    }
    // Nothing of what was said.
    let all = spender.report("/v1/requests").await.to_string();
    assert!(!all.contains("three") && !all.contains("You said"), "{all}");
}

#[tokio::test]
async fn a_call_and_its_receipt_are_shown_as_they_stand_in_the_books() {
    let spender = Spender::ready().await;
    let (answer, row) = spender.spend(spender.call("one two three")).await;
    let id = answer.receipt_id();
    let shown = spender.program.get(&format!("/v1/requests/{id}")).await.is(200).json();
    for name in [
        "request_id",
        "instance_id",
        "project_id",
        "api_key_id",
        "model_id",
        "provider_id",
        "status",
        "error_code",
        "cost_micros",
        "latency_ms",
        "first_byte_ms",
        "http_status",
    ] {
        assert_eq!(shown[name], row[name], "{name}");
    }
    for name in ["input_tokens", "output_tokens"] {
        assert_eq!(shown["usage"][name], row[name], "{name}");
    }
    assert_eq!(shown["streamed"], false);
    let receipt = spender.program.get(&format!("/v1/receipts/{id}")).await.is(200).json();
    assert_eq!(receipt["id"], id);
    assert_eq!(receipt["price"]["version"], row["price_version"]);
    assert_eq!(receipt["cost_micros"], row["cost_micros"]);
    let attempt = &receipt["attempts"][0];
    assert_eq!(
        (&attempt["model_id"], &attempt["provider_id"]),
        (&json!(spender.model), &json!("openai"))
    );
    assert_eq!((&attempt["status"], &attempt["error_code"]), (&json!(200), &Value::Null));
    // When it was sent lies in the call, and so does its end.
    let times = ["started_ms", "duration_ms"].map(|name| attempt[name].as_i64().unwrap());
    assert!(times[0] >= 0, "{attempt}");
    assert!(times[0] + times[1] <= shown["latency_ms"].as_i64().unwrap(), "{shown}");
    for path in ["/v1/requests/rcpt_none", "/v1/requests/none", "/v1/receipts/rcpt_none"] {
        spender.control.get(path).await.fails(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn the_calls_of_one_person_are_found_among_those_of_programs() {
    let spender = Spender::ready().await;
    let (_, ours) = spender.spend(spender.call("a program's")).await;
    let organization = &spender.tenant.organization;
    let person = spender.control.person(organization, "admin").await;
    let other = spender.control.person(organization, "admin").await;
    let body = json!({"model": spender.model, "messages": [{"role": "user", "content": "theirs"}]});
    let sent = person.control.client.request(Method::POST, "/v1/chat/completions").json(&body);
    let sent = sent.header("x-instance-id", &spender.tenant.instance).send().await.unwrap();
    assert_eq!(sent.status, 200, "{}", sent.text());
    let theirs = sent.header("x-de-receipt").to_owned();
    let place = format!("instance_id={}", spender.tenant.instance);
    let all = format!("/v1/requests?{place}");
    let came = async || {
        let found = ids(&person.control.get(&all).await.is(200).json());
        (found.len() == 2).then_some(())
    };
    de_contract::wait::until("both calls are in the books", came).await;
    let ours = ours["receipt_id"].as_str().unwrap().to_owned();
    for (filter, expected) in [
        (format!("{place}&user_id={}", person.id), vec![theirs.clone()]),
        (format!("user_id={}", person.id), vec![theirs.clone()]),
        (format!("user_id={}&status=failed", person.id), vec![]),
        (format!("{place}&user_id={}", other.id), vec![]),
        (format!("user_id={}&project_id={}", person.id, spender.tenant.project), vec![]),
        (format!("project_id={}", spender.tenant.project), vec![ours]),
    ] {
        for who in [&spender.control, &other.control] {
            let path = format!("/v1/requests?{filter}");
            assert_eq!(ids(&who.get(&path).await.is(200).json()), expected, "{filter}");
        }
    }
    let table = format!("/v1/requests?format=csv&user_id={}", person.id);
    assert_eq!(other.control.get(&table).await.is(200).text().lines().count(), 2);
}

#[tokio::test]
async fn calls_are_told_as_they_end_and_none_is_missed() {
    let spender = Spender::ready().await;
    let (_, before) = spender.spend(spender.call("before")).await;
    let client = &spender.program.client;
    let open = async |seen: Option<&str>, follow: bool| {
        let path = format!("/v1/requests/events?follow={follow}");
        let request = client.request(Method::GET, &path);
        let request = seen.iter().fold(request, |request, id| request.header("last-event-id", id));
        let stream = request.stream().await.unwrap();
        assert_eq!(stream.status, 200);
        assert!(stream.header("content-type").starts_with("text/event-stream"));
        stream
    };
    // The first thing is where a reader goes on that hears nothing else.
    let mut line = open(None, true).await;
    let hello = line.next_chunk().await.unwrap();
    let hello = String::from_utf8_lossy(&hello).into_owned();
    let place = before["receipt_id"].as_str().unwrap();
    assert!(hello.starts_with("retry: ") && hello.contains(&format!("id: {place}\n")), "{hello}");
    let mut told = Vec::new();
    for prompt in ["one", "fail:400 two"] {
        let (_, row) = spender.spend(spender.call(prompt)).await;
        let event = timeout(Duration::from_secs(20), line.next_event()).await.unwrap().unwrap();
        let data: Value = serde_json::from_str(&event.data).unwrap();
        assert_eq!(data["id"], row["receipt_id"]);
        assert_eq!(data["status"], row["status"]);
        told.push(data["id"].as_str().unwrap().to_owned());
    }
    drop(line);
    // Whoever comes again hears what came meanwhile, and whoever does not wait hears the end.
    let (_, row) = spender.spend(spender.call("three")).await;
    told.push(row["receipt_id"].as_str().unwrap().to_owned());
    for (seen, count) in [(place, 3), (&told[0], 2), (&told[2], 0), ("rcpt_unknown", 0), ("%", 0)] {
        let mut line = open(Some(seen), false).await;
        let mut heard = Vec::new();
        while let Some(event) = timeout(Duration::from_secs(20), line.next_event()).await.unwrap() {
            let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
            heard.extend(data["id"].as_str().map(str::to_owned));
        }
        assert!(!line.broken);
        assert_eq!(heard, told[told.len() - count..], "{seen}");
    }
}

#[tokio::test]
async fn the_health_of_a_vendor_is_what_calls_say_of_it() {
    let spender = Spender::ready().await;
    let instance = &spender.tenant.instance;
    let path = format!("/v1/providers/openai/health?instance_id={instance}");
    let health = async || spender.control.get(&path).await.is(200).json();
    let none = health().await;
    assert_eq!((&none["status"], &none["attempts"]), (&json!("unknown"), &json!(0)));
    assert!(none["success_share"].is_null() && none["p50_ms"].is_null(), "{none}");
    spender.spend(spender.call("well")).await;
    // That the request is wrong is not the vendor's fault.
    spender.spend(spender.call("fail:400 badly")).await;
    let good = health().await;
    assert_eq!((&good["status"], &good["failures"]), (&json!("healthy"), &json!(0)), "{good}");
    assert_eq!((&good["attempts"], &good["success_share"]), (&json!(2), &json!(1.0)));
    for _ in 0..5 {
        spender.spend(spender.call("fail:500 down")).await;
    }
    let down = health().await;
    assert_eq!(down["status"], "failing", "{down}");
    assert!(down["failures"].as_i64() >= Some(5), "{down}");
    assert_eq!(down["failures_by_code"]["PROVIDER_ERROR"], down["failures"]);
    assert_eq!(down["last_error"]["error_code"], "PROVIDER_ERROR");
    assert_eq!(down["last_error"]["provider_status"], 500);
    // A program sees the same of its instance without naming it, and nothing of another.
    let own = spender.program.get("/v1/providers/openai/health").await.is(200).json();
    assert_eq!(own["attempts"], down["attempts"]);
    let other = "/v1/providers/openai/health?instance_id=inst_dev";
    spender.program.get(other).await.fails(404, "NOT_FOUND");
    // All of them at once, and only those of which there is anything to tell.
    let all = format!("/v1/provider-health?instance_id={instance}");
    for (who, path) in [(&spender.control, all.as_str()), (&spender.program, "/v1/provider-health")]
    {
        let told = who.get(path).await.is(200).json();
        assert_eq!(told["data"].as_array().unwrap().len(), 1, "{told}");
        for name in ["provider_id", "instance_id", "status", "attempts", "failures"] {
            assert_eq!(told["data"][0][name], down[name], "{name}");
        }
        let open = |health: &Value| health["circuits"][0]["model_id"].clone();
        assert_eq!(open(&told["data"][0]), open(&down));
    }
    let unnamed = spender.control.get("/v1/provider-health").await.fails(400, "VALIDATION_ERROR");
    assert_eq!(unnamed["details"]["fields"][0]["field"], "?instance_id");
    let other = "/v1/provider-health?instance_id=inst_dev";
    spender.program.get(other).await.fails(404, "NOT_FOUND");
    let nobody = format!("/v1/providers/nobody/health?instance_id={instance}");
    spender.control.get(&nobody).await.fails(404, "NOT_FOUND");
}
