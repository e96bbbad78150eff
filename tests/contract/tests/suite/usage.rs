//! What calls came to, summed: equal to their receipts, by whatever it is grouped, before and after it is summed.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::collections::BTreeMap;

use de_contract::{life::fields, spender::Spender};
use de_core::{ports::Statement, time::UnixMillis};
use http::Method;
use serde_json::{Value, json};

/// Members of a row that are sums of those of calls.
const SUMMED: [&str; 5] =
    ["cost_micros", "input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens"];

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

/// Rows of a report by what they are grouped by, with their counts.
fn counted(report: &Value, by: &[&str]) -> BTreeMap<String, i64> {
    let rows = report["data"].as_array().unwrap().iter();
    let key = |row: &Value| {
        let parts: Vec<String> = by.iter().map(|name| row[*name].to_string()).collect();
        parts.join(" ")
    };
    rows.map(|row| (key(row), number(&row["requests"]))).collect()
}

/// Compares reports with the receipts that they are of.
async fn check(spender: &Spender) {
    let calls = spender.report("/v1/requests?limit=200").await;
    let calls = calls["data"].as_array().unwrap();
    let report = spender.report("/v1/usage").await;
    let totals = &report["data"].as_array().unwrap()[..];
    assert_eq!(totals.len(), 1, "{report}");
    let totals = &totals[0];
    assert_eq!(number(&totals["requests"]), calls.len() as i64);
    let failed =
        calls.iter().filter(|call| ["cut", "failed"].contains(&call["status"].as_str().unwrap()));
    assert_eq!(number(&totals["errors"]), failed.count() as i64);
    for name in SUMMED {
        let of = |call: &Value| {
            number(if call[name].is_null() { &call["usage"][name] } else { &call[name] })
        };
        assert_eq!(number(&totals[name]), calls.iter().map(of).sum::<i64>(), "{name}: {totals}");
    }
    for times in [
        ["p50_ms", "p95_ms", "p99_ms"],
        ["first_byte_p50_ms", "first_byte_p95_ms", "first_byte_p99_ms"],
    ] {
        assert!(number(&totals[times[0]]) <= number(&totals[times[1]]), "{totals}");
        assert!(number(&totals[times[1]]) <= number(&totals[times[2]]), "{totals}");
    }
    for (group_by, by) in [
        ("model", &["model_id"] as &[&str]),
        ("status,error_code", &["status", "error_code"]),
        ("instance,project", &["instance_id", "project_id"]),
        ("key", &["api_key_id"]),
        ("provider,modality", &["provider_id", "modality"]),
    ] {
        let mut truth: BTreeMap<String, i64> = BTreeMap::new();
        for call in calls {
            let key: Vec<String> = by.iter().map(|name| call[*name].to_string()).collect();
            *truth.entry(key.join(" ")).or_default() += 1;
        }
        let report = spender.report(&format!("/v1/usage?group_by={group_by}")).await;
        assert_eq!(counted(&report, by), truth, "{group_by}");
    }
    for (time, name) in [("hour", "hour"), ("day", "day"), ("month", "month")] {
        let mut truth: BTreeMap<String, i64> = BTreeMap::new();
        for call in calls {
            let at = call["admitted_at"].as_str().unwrap();
            let at = match time {
                "hour" => format!("{}:00:00.000Z", &at[..13]),
                "day" => at[..10].to_owned(),
                _ => at[..7].to_owned(),
            };
            *truth.entry(json!(at).to_string()).or_default() += 1;
        }
        let report = spender.report(&format!("/v1/usage?group_by={time}")).await;
        assert_eq!(counted(&report, &[name]), truth, "{time}");
    }
    // By less than an hour, from the calls themselves.
    for (interval, span_s) in [("minute", 60), ("five_minutes", 300), ("quarter_hour", 900)] {
        let mut truth: BTreeMap<String, i64> = BTreeMap::new();
        for call in calls {
            let at = UnixMillis::parse_rfc3339(call["admitted_at"].as_str().unwrap()).unwrap().0;
            let at = at - at.rem_euclid(span_s * 1_000);
            *truth.entry(json!(UnixMillis(at).rfc3339()).to_string()).or_default() += 1;
        }
        let report = spender.report(&format!("/v1/usage?group_by={interval}")).await;
        assert_eq!(counted(&report, &[interval]), truth, "{interval}");
        let series = spender.report(&format!("/v1/usage/timeseries?interval={interval}")).await;
        let rows = counted(&series, &[interval]);
        assert!(truth.iter().all(|(at, count)| rows.get(at) == Some(count)), "{interval}");
        assert_eq!(rows.values().sum::<i64>(), calls.len() as i64, "{interval}");
        // The same without intervals, to the minute at both ends.
        if span_s < 900 {
            let ends = format!(
                "from={}&to={}",
                series["from"].as_str().unwrap(),
                series["to"].as_str().unwrap()
            );
            let whole = spender.report(&format!("/v1/usage?precision=minute&{ends}")).await;
            assert_eq!(whole["data"][0]["requests"], calls.len(), "{interval}");
            assert_eq!(
                (&whole["from"], &whole["to"]),
                (&series["from"], &series["to"]),
                "{interval}"
            );
        }
        let [from, to] = ["from", "to"].map(|name| series[name].as_str().unwrap().to_owned());
        let [from, to] = [from, to].map(|text| UnixMillis::parse_rfc3339(&text).unwrap().0);
        assert_eq!(rows.len() as i64, (to - from) / (span_s * 1_000), "{interval}");
    }
    // By the hour and the day, with zeros where there is nothing.
    for (interval, name, count) in [("hour", "hour", 720), ("day", "day", 31)] {
        let report = spender.report(&format!("/v1/usage/timeseries?interval={interval}")).await;
        let rows = report["data"].as_array().unwrap();
        assert!((count - 1..=count + 1).contains(&rows.len()), "{interval}: {}", rows.len());
        let sum: i64 = rows.iter().map(|row| number(&row["requests"])).sum();
        assert_eq!(sum, calls.len() as i64, "{interval}");
        assert!(rows.windows(2).all(|two| two[0][name].as_str() < two[1][name].as_str()));
        let by_status = format!("/v1/usage/timeseries?interval={interval}&group_by=status");
        let by_status = spender.report(&by_status).await;
        let by_status = by_status["data"].as_array().unwrap();
        assert_eq!(by_status.len(), rows.len() * 2, "two statuses each");
    }
}

#[tokio::test]
async fn sums_are_those_of_the_receipts_before_and_after_they_are_summed() {
    let spender = Spender::ready().await;
    spender.spend(spender.call("one two three")).await;
    spender.spend(spender.call("one two three four").streamed()).await;
    spender.spend(spender.call("fail:400 no")).await;
    let (_, key, _) = spender.project().await;
    spender.spend(spender.call("another").key(&key)).await;
    check(&spender).await;
    spender.pass_an_hour().await;
    if let Some(platform) = spender.stack.platform() {
        let sql =
            "SELECT (SELECT count(*) FROM usage_marks) AS marks, count(*) AS sums FROM usage_sums";
        let count =
            platform.database.batch(vec![Statement { args: Vec::new(), sql }]).await.unwrap();
        assert_eq!(count[0][0]["marks"], 0, "all that is over is summed");
        assert!(count[0][0]["sums"].as_i64() >= Some(9), "by the hour, the day and the 32 days");
    }
    check(&spender).await;
    // What comes after it was summed is added.
    spender.spend(spender.call("one more")).await;
    check(&spender).await;
}

#[tokio::test]
async fn a_program_sees_its_project_and_a_person_what_they_have_a_grant_on() {
    let spender = Spender::ready().await;
    let (project, key, program) = spender.project().await;
    let (_, ours) = spender.spend(spender.call("ours")).await;
    let (_, theirs) = spender.spend(spender.call("theirs").key(&key)).await;
    spender.spend(spender.call("theirs again").key(&key)).await;
    let organization = &spender.tenant.organization;
    let admin = spender.control.person(organization, "admin").await;
    let member = spender.control.person(organization, "user").await;
    let granted = spender.control.person("org_dev", "user").await;
    spender.control.grant(&granted.id, &spender.tenant.instance, "readonly").await;
    for (who, count, sees) in [
        (&spender.program, 1, [true, false]),
        (&program, 2, [false, true]),
        (&admin.control, 3, [true, true]),
        (&member.control, 0, [false, false]),
        (&granted.control, 3, [true, true]),
    ] {
        let report = who.get("/v1/usage").await.is(200).json();
        assert_eq!(report["data"][0]["requests"], count);
        let list = who.get("/v1/requests").await.is(200).json();
        assert_eq!(list["data"].as_array().unwrap().len(), count);
        let metrics = who.get("/v1/metrics").await.is(200).text();
        let line = metrics.lines().find(|line| line.starts_with("de_requests_total{"));
        let value = line.map_or("0", |line| line.rsplit(' ').next().unwrap());
        assert_eq!(value, count.to_string(), "{metrics}");
        for (row, sees) in [&ours, &theirs].into_iter().zip(sees) {
            let status = if sees { 200 } else { 404 };
            let id = row["receipt_id"].as_str().unwrap();
            assert_eq!(who.get(&format!("/v1/requests/{id}")).await.status(), status);
            assert_eq!(who.get(&format!("/v1/receipts/{id}")).await.status(), status);
        }
        // A filter widens nothing.
        let narrowed = who.get(&format!("/v1/usage?project_id={project}")).await.is(200).json();
        assert_eq!(narrowed["data"][0]["requests"], if sees[1] { 2 } else { 0 });
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name() {
    let spender = Spender::ready().await;
    for (path, named) in [
        ("usage?colour=red", "?colour"),
        ("usage?group_by=colour", "?group_by"),
        ("usage?group_by=model,model", "?group_by"),
        ("usage?group_by=hour,day", "?group_by"),
        ("usage?group_by=", "?group_by"),
        ("usage?from=yesterday", "?from"),
        ("usage?to=1795608000", "?to"),
        ("usage?from=2026-11-25T12:00:00Z&to=2026-11-25T12:00:00Z", "?from"),
        ("usage?from=2026-11-26&to=2026-11-25", "?from"),
        ("usage?from=2026-01-01&to=2026-03-01&group_by=hour", "?to"),
        ("usage?from=2024-01-01&to=2026-03-01&group_by=day,model", "?to"),
        ("usage?from=1990-01-01&to=2026-03-01", "?to"),
        ("usage?status=fine", "?status"),
        ("usage?modality=smell", "?modality"),
        ("usage?project_id=inst_dev", "?project_id"),
        ("usage?error_code=%27", "?error_code"),
        ("usage?format=xml", "?format"),
        ("usage?limit=5", "?limit"),
        ("usage/timeseries?interval=week", "?interval"),
        ("usage/timeseries?group_by=day", "?group_by"),
        ("usage/timeseries?group_by=model,key", "?group_by"),
        ("usage/timeseries?interval=hour&from=2026-01-01&to=2026-03-01", "?to"),
        ("requests?from=2026-11-26&to=2026-11-25", "?from"),
        ("requests?request_id=a%20b", "?request_id"),
        ("requests?limit=0", "?limit"),
        ("requests/events?follow=maybe", "?follow"),
        ("requests/rcpt_1?deep=true", "?deep"),
        ("metrics?model_id=m", "?model_id"),
        ("usage?precision=second", "?precision"),
        ("usage?precision=minute&from=2000-01-01&to=2000-01-02", "?from"),
        ("usage/timeseries?interval=minute&from=2026-11-20&to=2026-11-21", "?to"),
        ("usage/timeseries?interval=five_minutes&from=2000-01-01&to=2000-01-02", "?from"),
        ("usage/timeseries?interval=second", "?interval"),
        ("providers/openai/health", "?instance_id"),
    ] {
        let told = spender.control.get(&format!("/v1/{path}")).await;
        assert_eq!(fields(&told.fails(400, "VALIDATION_ERROR")), [named], "{path}");
    }
    // Hours are taken whole, and the report says which.
    let path = "/v1/usage?from=2026-11-25T12:10:00Z&to=2026-11-25T14:00:01%2B01:00";
    let report = spender.report(path).await;
    assert_eq!(report["from"], "2026-11-25T12:00:00.000Z");
    assert_eq!(report["to"], "2026-11-25T14:00:00.000Z");
}

#[tokio::test]
async fn reports_are_tables_too() {
    let spender = Spender::ready().await;
    for prompt in ["one", "two", "fail:400 three"] {
        spender.spend(spender.call(prompt)).await;
    }
    let table = async |path: &str, accept: &str| {
        let request = spender.program.client.request(Method::GET, path);
        let answer = request.header("accept", accept).send().await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        (answer.header("content-type").to_owned(), answer.text())
    };
    for (path, accept) in [
        ("/v1/usage?group_by=status", "text/csv"),
        ("/v1/usage?group_by=status&format=csv", "application/json"),
    ] {
        let (kind, text) = table(path, accept).await;
        assert!(kind.starts_with("text/csv;"), "{kind}");
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert!(lines[0].starts_with("status,requests,errors,input_tokens,"), "{text}");
        assert!(lines[1].starts_with("failed,1,1,0,"), "{text}");
        assert!(lines[2].starts_with("ok,2,0,"), "{text}");
        assert_eq!(lines[3..], [""]);
    }
    let (kind, _) = table("/v1/usage?format=json", "text/csv").await;
    assert_eq!(kind, "application/json");
    let (_, text) = table("/v1/usage/timeseries?interval=day", "text/csv").await;
    assert!(text.lines().count() >= 31, "{text}");
    let (_, text) = table("/v1/requests?status=ok", "text/csv").await;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    let columns: Vec<&str> = lines[0].split(',').collect();
    assert_eq!(columns[..3], ["id", "request_id", "organization_id"]);
    assert!(lines.iter().all(|line| line.split(',').count() == columns.len()), "{text}");
    assert!(lines[1].starts_with("rcpt_"), "{text}");
}
