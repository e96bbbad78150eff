//! The text worker over doubles: what it does when a port fails, hangs, or loses an answer.
//!
//! Time is tokio's, and paused: what takes seconds here takes none.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "tests: what does not hold ends them, and their modules have one reader"
)]

#[path = "http/doubles.rs"]
mod doubles;
#[path = "http/gateway.rs"]
mod gateway;

use std::{sync::Arc, time::Duration};

use de_core::{
    auth::session::NewSession,
    ids::{SessionId, UserId},
    limits::wire::Spent,
    ports::{Clock, Database, Limiter, PortError, Settings},
    store::{
        epochs::{self, EpochScope},
        sessions::{self, NewRow},
    },
};
use de_testkit::{client::TestClient, fetch::Answer};
use http::Method;
use serde_json::{Value, json};

use crate::{
    doubles::{FirstTaskClock, HangingCache, LateCache, Road},
    gateway::{Gateway, anthropic, openai, openai_error},
};

#[tokio::test(start_paused = true)]
async fn a_grant_whose_answer_was_lost_is_given_back() {
    let gateway = Gateway::new().await;
    let limits = json!({"rpm": 5, "tpm": 100_000, "concurrent_requests": 1});
    gateway.model("lost", "openai-chat", json!({"rate_limits": limits})).await;
    gateway.limiter.leases_go(Road::Lossy);
    for _ in 0..2 {
        let answer = gateway.generate("lost").await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(answer.json()["error_code"], "LIMITER_UNAVAILABLE");
        assert_eq!(answer.header("retry-after"), "1");
        let receipt = gateway.receipt(&answer).await;
        assert_eq!(receipt["error_code"], "LIMITER_UNAVAILABLE");
        assert_eq!((&receipt["limiter_bypassed"], &receipt["cost_micros"]), (&json!(0), &json!(0)));
    }
    assert_eq!(gateway.sent(), 0);
    let reports = gateway.limiter.reports();
    assert_eq!(reports.len(), 2);
    assert!(reports.iter().all(|report| report.is_final && report.spent == Spent::default()));
    // Slot, admissions and tokens are there again.
    gateway.limiter.leases_go(Road::Open);
    gateway.test.fetch.answer(openai("Hi."));
    let answer = gateway.generate("lost").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), "4");
    let left: u64 = answer.header("x-ratelimit-remaining-tokens").parse().unwrap();
    assert!(left > 99_000, "{left}");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_goes_on_without_its_limiter_says_so_in_the_receipt() {
    let gateway = Gateway::new().await;
    gateway.sql("UPDATE instances SET on_limiter_failure = 'allow'", &[]).await;
    gateway.model("lost", "openai-chat", json!({"rate_limits": {"rpm": 5}})).await;
    for (road, bypassed) in [(Road::Open, 0), (Road::Lossy, 1), (Road::Cut, 1)] {
        gateway.limiter.leases_go(road);
        gateway.test.fetch.answer(openai("Hi."));
        let answer = gateway.generate("lost").await;
        assert_eq!(answer.status, 200, "{road:?}: {}", answer.text());
        let receipt = gateway.receipt(&answer).await;
        assert_eq!(receipt["limiter_bypassed"], bypassed, "{road:?}");
        assert_eq!((&receipt["input_tokens"], &receipt["output_tokens"]), (&json!(9), &json!(3)));
    }
    // The grant that was lost counts, as its call went on.
    gateway.limiter.leases_go(Road::Open);
    gateway.test.fetch.answer(openai("Hi."));
    let answer = gateway.generate("lost").await;
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), "2");
}

/// This copy of the configuration is older than the budget.
#[tokio::test(start_paused = true)]
async fn a_budget_that_was_set_since_is_kept_without_a_limiter_too() {
    let gateway = Gateway::new().await;
    gateway.sql("UPDATE instances SET on_limiter_failure = 'allow'", &[]).await;
    gateway.test.fetch.answer(openai("Hi."));
    assert_eq!(gateway.generate("gpt-4o-mini").await.status, 200);
    let admin = gateway.config.clone().with_key(gateway.test.tenant.admin_key.expose()).unwrap();
    let budget = json!({"period": "day", "amount_micros": 0});
    let put = admin.request(Method::PUT, "/v1/budgets/instance/inst_dev").json(&budget);
    assert_eq!(put.send().await.unwrap().status, 200);
    gateway.limiter.leases_go(Road::Cut);
    let answer = gateway.generate("gpt-4o-mini").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn an_instance_with_a_budget_to_keep_does_not_go_on_without_its_limiter() {
    let gateway = Gateway::new().await;
    gateway.sql("UPDATE instances SET on_limiter_failure = 'allow'", &[]).await;
    let pricing = json!({"currency": "USD", "input_micros_per_million_tokens": 1_000_000,
        "output_micros_per_million_tokens": 1_000_000});
    gateway.model("priced", "openai-chat", json!({"pricing": pricing})).await;
    let admin = gateway.config.clone().with_key(gateway.test.tenant.admin_key.expose()).unwrap();
    let budget = |amount_micros: u64, shadow: bool| json!({"period": "day", "amount_micros": amount_micros, "shadow": shadow});
    let put = async |path: &str, body: &Value| {
        let answer = admin.request(Method::PUT, path).json(body).send().await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    for path in [
        "/v1/budgets/key/{key}",
        "/v1/budgets/project/proj_dev",
        "/v1/budgets/instance/inst_dev",
        "/v1/budgets/organization/org_dev",
        "/v1/budgets/model/priced?instance_id=inst_dev",
    ] {
        let key = gateway.test.tenant.tenant.keys[1].id.as_str();
        let path = path.replace("{key}", key);
        for (shadow, road, bypassed) in [
            (false, Road::Open, 0),
            (false, Road::Cut, 0),
            (false, Road::Lossy, 0),
            (true, Road::Open, 0),
            (true, Road::Cut, 1),
        ] {
            if road == Road::Open {
                gateway.limiter.leases_go(Road::Open);
                put(&path, &budget(1_000_000_000, shadow)).await;
            }
            gateway.limiter.leases_go(road);
            let status = if road == Road::Open || shadow { 200 } else { 503 };
            if status == 200 {
                gateway.test.fetch.answer(openai("Hi."));
            }
            let sent = gateway.sent();
            let answer = gateway.generate("priced").await;
            assert_eq!(answer.status, status, "{path} {road:?}: {}", answer.text());
            assert_eq!(gateway.sent() - sent, usize::from(status == 200), "{path} {road:?}");
            let receipt = gateway.receipt(&answer).await;
            assert_eq!(receipt["limiter_bypassed"], bypassed, "{path} {road:?}");
        }
        gateway.limiter.leases_go(Road::Open);
        let answer = admin.request(Method::DELETE, &path).send().await.unwrap();
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
}

#[tokio::test(start_paused = true)]
async fn settling_counts_the_tokens_of_all_classes() {
    let gateway = Gateway::new().await;
    let differs = json!({"rate_limits": {"tpm": 100_000}});
    gateway.model("used-1", "anthropic-messages", differs.clone()).await;
    gateway.model("fresh1", "anthropic-messages", differs).await;
    let usage = json!({
        "input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 20,
        "cache_creation_input_tokens": 430,
        "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 400},
    });
    let left = async |model: &str| {
        gateway.test.fetch.answer(anthropic(&usage));
        let answer = gateway.generate(model).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(gateway.receipt(&answer).await["cache_write_1h_tokens"], 400);
        answer.header("x-ratelimit-remaining-tokens").parse::<u64>().unwrap()
    };
    let fresh = left("fresh1").await;
    assert_eq!(left("used-1").await, fresh);
    assert_eq!(left("used-1").await, fresh - (10 + 20 + 30 + 400 + 5));
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_could_not_be_reserved_holds_nothing() {
    let gateway = Gateway::new().await;
    gateway.model("second", "openai-chat", json!({"rate_limits": {"rpm": 5}})).await;
    gateway.model("first", "openai-chat", json!({"fallbacks": ["second"]})).await;
    // A vendor that is slow enough for the road to break behind the first grant.
    gateway.test.fetch.answer(openai_error(401, "no").head_after(Duration::from_secs(1)));
    let breaks = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        gateway.limiter.leases_go(Road::Lossy);
    };
    let (answer, ()) = tokio::join!(gateway.generate("first"), breaks);
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert_eq!(answer.json()["details"]["last"], "PROVIDER_AUTH");
    assert_eq!(gateway.sent(), 1);
    gateway.receipt(&answer).await;
    gateway.limiter.leases_go(Road::Open);
    gateway.test.fetch.answer(openai("Hi."));
    let answer = gateway.generate("second").await;
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), "4");
}

#[tokio::test(start_paused = true)]
async fn a_receipt_reaches_the_database_once_whatever_becomes_of_its_settlement() {
    for road in [Road::Cut, Road::Lossy, Road::Open] {
        let gateway = Gateway::new().await;
        gateway.limiter.settlements_go(road);
        gateway.test.fetch.answer(openai("Hi."));
        let answer = gateway.generate("gpt-4o-mini").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let receipt = gateway.receipt(&answer).await;
        assert_eq!(receipt["status"], "ok", "{road:?}");
        assert_eq!((&receipt["input_tokens"], &receipt["output_tokens"]), (&json!(9), &json!(3)));
        // The Limiter is back, and gets what it may have got before.
        let report = gateway.limiter.reports().remove(0);
        assert_eq!(report.receipts.len(), 1);
        let instance = &gateway.test.tenant.tenant.instance_id;
        gateway.limiter.inner.settle(instance, report).await.unwrap();
        assert_eq!(gateway.receipt(&answer).await, receipt, "{road:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_the_database_does_not_take_is_told_to_the_log() {
    let gateway = Gateway::new().await;
    gateway.limiter.settlements_go(Road::Cut);
    gateway.test.fetch.answer(openai("Hi.").head_after(Duration::from_secs(1)));
    let fails = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let message = "D1 is away".to_owned();
        gateway.test.database.fail_next(PortError::Failed { port: "database", message });
    };
    let (answer, ()) = tokio::join!(gateway.generate("gpt-4o-mini"), fails);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(gateway.receipts(&answer).await.is_empty());
    let log = gateway.test.log.text();
    assert!(log.contains("Error a receipt could not be written"), "{log}");
    assert!(log.contains(answer.header("x-de-receipt")), "{log}");
}

/// The status and code of a call that presents a key.
async fn refusal(client: &TestClient, path: &str) -> (u16, String) {
    let answer = client.get(path).await.unwrap();
    let body = answer.json();
    let code = body["error_code"].as_str().or(body["error"]["code"].as_str());
    (answer.status, code.unwrap_or_default().to_ascii_uppercase())
}

#[tokio::test(start_paused = true)]
async fn s03_a_persons_key_is_refused_as_soon_as_it_is_revoked() {
    let gateway = Gateway::new().await;
    let tenant = &gateway.test.tenant;
    let instance = tenant.tenant.instance_id.as_str();
    let admin = |client: &TestClient| {
        let client = client.clone().with_key(tenant.admin_key.expose()).unwrap();
        client.with_header("x-instance-id", instance).unwrap()
    };
    let (config, text) = (admin(&gateway.config), admin(&gateway.text));
    for _ in 0..2 {
        assert_eq!(refusal(&config, "/v1/model-configs").await.0, 200);
        assert_eq!(refusal(&text, "/v1/models").await.0, 200);
    }
    gateway.test.background.join_all().await;
    gateway.sql("UPDATE api_keys SET revoked_at = 1 WHERE prefix = 'de_admin_'", &[]).await;
    let refused = (401, "INVALID_API_KEY".to_owned());
    assert_eq!(refusal(&config, "/v1/model-configs").await, refused);
    assert_eq!(refusal(&text, "/v1/models").await, refused);
    assert_eq!(refusal(&admin(&gateway.isolate()), "/v1/models").await, refused);
}

#[tokio::test(start_paused = true)]
async fn s03_the_control_plane_reads_every_key_anew() {
    let gateway = Gateway::new().await;
    let client = gateway.config.clone().with_key(gateway.test.tenant.client_key.expose()).unwrap();
    assert_eq!(refusal(&client, "/v1/model-configs").await.0, 200);
    gateway.test.background.join_all().await;
    gateway.sql("UPDATE api_keys SET revoked_at = 1 WHERE prefix = 'de_test_'", &[]).await;
    let refused = (401, "INVALID_API_KEY".to_owned());
    assert_eq!(refusal(&client, "/v1/model-configs").await, refused);
}

#[tokio::test(start_paused = true)]
async fn s03_a_projects_key_is_refused_everywhere_once_its_epoch_is_told() {
    let gateway = Gateway::new().await;
    let other = gateway.isolate();
    let body = json!({"model_id": "gpt-4o-mini", "prompt": "Hello"});
    for client in [&gateway.text, &other] {
        gateway.test.fetch.answer(openai("Hi."));
        assert_eq!(client.post("/generate", &body).await.unwrap().status, 200);
    }
    gateway.test.background.join_all().await;
    let copies = gateway.test.cache.entries();
    assert!(copies.iter().any(|(key, _)| key.starts_with("v1/access/")), "{copies:?}");

    gateway.sql("UPDATE api_keys SET revoked_at = 1 WHERE prefix = 'de_test_'", &[]).await;
    let tenant = &gateway.test.tenant.tenant;
    let now = gateway.test.clock.now();
    let bump = epochs::bump(EpochScope::Tenant(&tenant.organization_id), now);
    gateway.test.database.batch(bump.into()).await.unwrap();
    let row = gateway
        .sql("SELECT epoch FROM epochs WHERE scope = ?1", &[tenant.organization_id.as_str()])
        .await;
    let tenant_epoch = row[0]["epoch"].as_u64().unwrap();
    let epochs = de_core::limits::Epochs { catalogue: 0, tenant: tenant_epoch };
    gateway.limiter.refresh(&tenant.instance_id, epochs).await.unwrap();

    // One that remembers, one more, and one that knows it from KV alone.
    for client in [&gateway.text, &other, &gateway.isolate()] {
        let answer = client.post("/generate", &body).await.unwrap();
        assert_eq!(answer.status, 401, "{}", answer.text());
        assert_eq!(answer.json()["error_code"], "INVALID_API_KEY");
    }
    for client in [&gateway.text, &other, &gateway.isolate()] {
        assert_eq!(refusal(client, "/v1/models").await.0, 401);
    }
    assert_eq!(gateway.sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_provider_without_a_key_is_not_to_be_asked_again() {
    let gateway = Gateway::new().await;
    gateway.sql("DELETE FROM provider_keys WHERE provider_id = 'openai'", &[]).await;
    let answer = gateway.generate("gpt-4o-mini").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.json()["error_code"], "MISSING_API_KEY");
    assert_eq!(answer.header("x-should-retry"), "false");
    assert_eq!(gateway.sent(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_broke_off_was_billed_and_is_not_to_be_bought_again() {
    let gateway = Gateway::new().await;
    let rows = [
        (Answer::ok().chunk("{\"id\": ").break_off(), "PROVIDER_ERROR"),
        (Answer::ok().chunk("{\"id\": "), "PROVIDER_MALFORMED"),
    ];
    for (answer, code) in rows {
        gateway.test.fetch.answer(answer);
        let answer = gateway.generate("gpt-4o-mini").await;
        assert_eq!(answer.status, 502, "{}", answer.text());
        assert_eq!(answer.json()["error_code"], code);
        assert_eq!(answer.header("x-should-retry"), "false", "{code}");
        assert_eq!(gateway.receipt(&answer).await["error_code"], code);
    }
    assert_eq!(gateway.sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_vendors_own_word_on_repeating_counts() {
    let gateway = Gateway::new().await;
    let failure = || openai_error(500, "The server had an error.");
    gateway.test.fetch.answer(failure().header("x-should-retry", "false"));
    let answer = gateway.generate("gpt-4o-mini").await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert_eq!(gateway.sent(), 1);
    // The same without that word, and a refusal with the opposite one.
    let refusal = openai_error(400, "Try again.").header("x-should-retry", "true");
    for first in [failure(), refusal] {
        let before = gateway.sent();
        gateway.test.fetch.answer(first);
        gateway.test.fetch.answer(openai("Hi."));
        let answer = gateway.generate("gpt-4o-mini").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(gateway.sent() - before, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn s14_a_vendor_that_quotes_our_key_is_masked_and_names_of_models_are_not() {
    let gateway = Gateway::new().await;
    let key = gateway.test.tenant.vendor_keys.values();
    let key = key.map(|key| key.expose()).find(|key| key.contains("openai")).unwrap();
    let message =
        format!("Wrong key={key}, sent as \"Bearer {key}\" for claude-sonnet-4-20250514.");
    for (path, model) in
        [("/generate", "model_id"), ("/v1/chat/completions", "model"), ("/v1/messages", "model")]
    {
        gateway.test.fetch.answer(openai_error(401, &message));
        let messages = json!([{"role": "user", "content": "Hello"}]);
        let mut body = json!({model: "gpt-4o-mini", "messages": messages});
        if path == "/v1/messages" {
            body["max_tokens"] = 100.into();
        }
        let answer = gateway.text.post(path, &body).await.unwrap();
        assert_eq!(answer.status, 502, "{}", answer.text());
        let text = answer.text();
        assert!(!text.contains(key), "{path}: {text}");
        assert!(text.contains("Wrong key=***, sent as"), "{path}: {text}");
        assert!(text.contains("for claude-sonnet-4-20250514."), "{path}: {text}");
    }
    gateway.test.background.join_all().await;
    assert!(!gateway.test.log.text().contains(key));
    assert!(!gateway.test.database.dump().unwrap().contains(key));
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_hangs_holds_a_call_up_for_half_a_second() {
    let gateway = Gateway::with(|platform| platform.cache = Arc::new(HangingCache)).await;
    for patience_ms in [600, 50] {
        gateway.test.fetch.answer(openai("Hi."));
        let before = gateway.test.clock.now();
        let answer = gateway.generate("gpt-4o-mini").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let took = gateway.test.clock.now().since(before);
        assert!(took <= patience_ms, "{took} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_time_is_over_before_it_is_sent_is_not_sent() {
    let gateway = Gateway::with(|platform| platform.cache = Arc::new(LateCache)).await;
    // Half a second goes by before the exchange begins.
    let timeouts = json!({"total_ms": 300});
    gateway.model("hasty", "openai-chat", json!({"timeouts": timeouts})).await;
    let patient = json!({"timeouts": timeouts, "fallbacks": ["gpt-4o-mini"]});
    gateway.model("hasty-twice", "openai-chat", patient).await;
    for (path, model, sent) in [
        ("/generate", "hasty", 0),
        ("/generate/stream", "hasty", 0),
        ("/generate", "hasty-twice", 1),
    ] {
        // A fresh isolate has not seen the cache hang.
        let text = gateway.isolate();
        let before = gateway.sent();
        if sent > 0 {
            gateway.test.fetch.answer(openai("Hi."));
        }
        let body = json!({"model_id": model, "prompt": "Hello"});
        let answer = text.post(path, &body).await.unwrap();
        assert_eq!(gateway.sent() - before, sent, "{path} {model}: {}", answer.text());
        let receipt = gateway.receipt(&answer).await;
        if sent > 0 {
            assert_eq!(answer.header("x-de-model"), "gpt-4o-mini");
            continue;
        }
        assert_eq!(answer.status, 504, "{path}: {}", answer.text());
        assert_eq!(answer.json()["error_code"], "PROVIDER_TIMEOUT");
        assert_eq!((&receipt["cost_micros"], &receipt["estimated"]), (&json!(0), &json!(0)));
        assert_eq!(receipt["input_tokens"], 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_sent_is_not_the_vendors_fault() {
    let gateway = Gateway::new().await;
    let circuit = json!({"failures": 2, "window_ms": 60_000, "open_ms": 10_000});
    gateway.model("odd", "openai-chat", json!({"circuit_breaker": circuit})).await;
    for _ in 0..4 {
        gateway.test.fetch.answer(Answer::unsendable());
        let answer = gateway.generate("odd").await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        let text = answer.text();
        assert!(text.contains("is configured wrongly") && !text.contains("ASCII"), "{text}");
        assert_eq!(answer.header("x-should-retry"), "false");
        assert_eq!(gateway.test.fetch.left(), 0);
        let receipt = gateway.receipt(&answer).await;
        assert_eq!((&receipt["cost_micros"], &receipt["estimated"]), (&json!(0), &json!(0)));
    }
    gateway.test.fetch.answer(openai("Hi."));
    assert_eq!(gateway.generate("odd").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_fails_is_an_empty_one() {
    let gateway = Gateway::new().await;
    gateway.test.cache.set_failing(true);
    gateway.test.fetch.answer(openai("Hi."));
    let answer = gateway.generate("gpt-4o-mini").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Long enough for a sign of life.
const PAUSE: Duration = Duration::from_secs(2);
const SIGN: &str = ": waiting\n\n";

/// A chunk of OpenAI's stream.
fn chunk(choices: &Value) -> String {
    let chunk = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini",
        "choices": choices, "usage": null,
    });
    format!("data: {chunk}\n\n")
}

/// OpenAI's stream, in pieces that come a pause apart: two silences inside an event, two between.
fn pieces() -> Vec<String> {
    let begin = chunk(&json!([{"index": 0, "delta": {"role": "assistant", "content": "Hé"}}]));
    let (head, tail) = begin.split_at(25);
    let more = chunk(&json!([{"index": 0, "delta": {"content": "llo"}}]));
    let (half, rest) = more.split_at(more.len() - 1);
    let end = chunk(&json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]));
    let texts = [head, tail, half, &format!("{rest}{end}")];
    texts.map(str::to_owned).into()
}

const USAGE: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\
    \"model\":\"gpt-4o-mini\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3,\
    \"total_tokens\":12}}\n\n";

fn haltingly(pieces: &[String]) -> Answer {
    let answer = Answer::ok().header("content-type", "text/event-stream");
    let answer =
        pieces.iter().fold(answer, |answer, piece| answer.chunk(piece.clone()).pause(PAUSE));
    answer.chunk(USAGE).chunk("data: [DONE]\n\n")
}

#[tokio::test(start_paused = true)]
async fn a_filtered_stream_shows_life_between_events_alone() {
    let gateway = Gateway::new().await;
    gateway.test.fetch.answer(haltingly(&pieces()));
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let body = json!({"model": "gpt-4o-mini", "messages": messages, "stream": true});
    let answer = gateway.text.post("/v1/chat/completions", &body).await.unwrap();
    let text = answer.text();
    let [head, tail, half, last] = pieces().try_into().unwrap();
    // All that came but the usage, and signs of life after whole events alone.
    assert_eq!(text.replace(SIGN, ""), format!("{head}{tail}{half}{last}data: [DONE]\n\n"));
    for expected in [format!("{head}{tail}{SIGN}"), format!("{half}{last}{SIGN}")] {
        assert!(text.contains(&expected), "{text}");
    }
    assert_eq!(gateway.receipt(&answer).await["status"], "ok");
}

#[tokio::test(start_paused = true)]
async fn a_translated_stream_shows_life_between_its_own_events() {
    let gateway = Gateway::new().await;
    gateway.test.fetch.answer(haltingly(&pieces()));
    let body = json!({"model_id": "gpt-4o-mini", "prompt": "Hello"});
    let answer = gateway.text.post("/generate/stream", &body).await.unwrap();
    let text = answer.text();
    // Our events are whole when they leave, so each of the four silences is one between events.
    assert!(text.matches(SIGN).count() >= 4, "{text}");
    for block in text.split_terminator("\n\n").filter(|block| *block != ": waiting") {
        let data = block.strip_prefix("data: ").unwrap();
        assert!(serde_json::from_str::<Value>(data).is_ok(), "{block}");
    }
    let told: String = answer
        .events()
        .iter()
        .map(|event| event.json()["text"].as_str().unwrap_or("").to_owned())
        .collect();
    assert_eq!(told, "Héllo");
    assert_eq!(gateway.receipt(&answer).await["status"], "ok");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_pulled_by_many_tasks_keeps_its_deadlines() {
    let gateway = Gateway::with(|platform| {
        platform.clock = Arc::new(FirstTaskClock(platform.clock.clone()));
    })
    .await;
    let timeouts = json!({"between_chunks_ms": 5_000});
    gateway.model("silent", "openai-chat", json!({"timeouts": timeouts})).await;
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let openai = json!({"model": "silent", "messages": messages, "stream": true});
    let native = json!({"model_id": "silent", "prompt": "Hello"});
    for (path, body) in [("/v1/chat/completions", openai), ("/generate/stream", native)] {
        let pieces = pieces();
        // The second piece comes while the timer runs that was set for the first.
        let answer = Answer::events().chunk(pieces[0].clone()).pause(Duration::from_millis(100));
        gateway.test.fetch.answer(answer.chunk(pieces[1].clone()).hang());
        let began = gateway.test.clock.now();
        let mut stream = gateway.text.stream(path, &body).await.unwrap();
        let mut signs = 0;
        // As the runtime does: a task for each chunk.
        loop {
            let pulled = tokio::spawn(async move { (stream.next_chunk().await, stream) });
            let pulled = tokio::time::timeout(Duration::from_secs(60), pulled).await;
            let (chunk, rest) = pulled.expect("a timer wakes who waits").unwrap();
            stream = rest;
            let Some(chunk) = chunk else { break };
            signs += usize::from(chunk == SIGN);
        }
        let took = gateway.test.clock.now().since(began);
        assert!((5_000..6_000).contains(&took), "{path}: {took} ms");
        assert!(signs > 10, "{path}: {signs}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_makes_no_vendor_late() {
    let gateway = Gateway::new().await;
    let timeouts = json!({"between_chunks_ms": 2_000});
    gateway.model("prompt", "openai-chat", json!({"timeouts": timeouts})).await;
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let plain = json!({"model": "prompt", "messages": messages, "stream": true});
    let mut counted = plain.clone();
    counted["stream_options"] = json!({"include_usage": true});
    let native = json!({"model_id": "prompt", "prompt": "Hello"});
    for (path, body) in [
        ("/v1/chat/completions", plain),
        ("/v1/chat/completions", counted),
        ("/generate/stream", native),
    ] {
        let pause = Duration::from_millis(500);
        let texts = ["He", "ll", "o"].map(|text| {
            chunk(&json!([{"index": 0, "delta": {"content": text}, "finish_reason": null}]))
        });
        let [one, two, three] = texts;
        let answer = Answer::events().chunk(one).pause(pause).chunk(two).pause(pause).chunk(three);
        let end = chunk(&json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]));
        let answer = answer.pause(pause).chunk(end).chunk(USAGE).chunk("data: [DONE]\n\n");
        gateway.test.fetch.answer(answer);
        let mut stream = gateway.text.stream(path, &body).await.unwrap();
        let request_id = stream.header("x-request-id").to_owned();
        while stream.next_chunk().await.is_some() {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        drop(stream);
        gateway.test.background.join_all().await;
        let sql = "SELECT status, error_code FROM usage_logs WHERE request_id = ?1";
        let row = &gateway.sql(sql, &[&request_id]).await[0];
        assert_eq!(row["status"], "ok", "{path}: {row}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_relayed_stream_is_the_vendors_alone() {
    let gateway = Gateway::new().await;
    gateway.test.fetch.answer(haltingly(&pieces()));
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let body = json!({
        "model": "gpt-4o-mini", "messages": messages, "stream": true,
        "stream_options": {"include_usage": true},
    });
    let answer = gateway.text.post("/v1/chat/completions", &body).await.unwrap();
    assert_eq!(answer.text(), format!("{}{USAGE}data: [DONE]\n\n", pieces().concat()));
    assert_eq!(gateway.receipt(&answer).await["status"], "ok");
}

#[tokio::test(start_paused = true)]
async fn a_vendors_key_that_was_opened_is_noted_once_a_minute() {
    let gateway = Gateway::new().await;
    let used = || async {
        gateway.test.background.join_all().await;
        let sql =
            "SELECT provider_id, last_used_at FROM provider_keys WHERE last_used_at IS NOT NULL";
        let read = gateway.sql(sql, &[]).await;
        let at = |row: &Value| row["last_used_at"].as_i64().unwrap();
        read.iter().map(|row| (row["provider_id"].clone(), at(row))).collect::<Vec<_>>()
    };
    let first = gateway.test.clock.now();
    for (after_s, noted_s) in [(0, 0), (59, 0), (1, 60)] {
        gateway.test.clock.advance(Duration::from_secs(after_s));
        gateway.test.fetch.answer(openai("Hi."));
        let answer = gateway.generate("gpt-4o-mini").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        // The clock flows a little with the work itself.
        let (provider, at) = used().await.remove(0);
        assert_eq!(provider, "openai");
        let since_s = (at - first.0) / 1_000;
        assert_eq!(since_s, noted_s, "after {after_s} s more");
    }
    assert_eq!(used().await.len(), 1, "the other vendors' keys rest");
}

#[tokio::test(start_paused = true)]
async fn a_session_buys_in_the_name_of_its_person() {
    let page = "https://chat.example.com";
    let gateway = Gateway::with(|platform| {
        let interface_origins = vec![page.to_owned()];
        let settings = Settings { interface_origins, ..(*platform.settings).clone() };
        platform.settings = Arc::new(settings);
    })
    .await;
    let NewSession { digest, value } = NewSession::make(&*gateway.test.platform.entropy);
    let now = gateway.test.clock.now();
    let (id, user) = (SessionId::parse("sess_1").unwrap(), UserId::parse("user_dev").unwrap());
    let begin =
        sessions::insert(NewRow { api_key: None, digest: &digest, id: &id, user: &user }, now);
    gateway.test.database.batch(vec![begin]).await.unwrap();
    let ask = || {
        let request = gateway.text.request(Method::POST, "/generate").without("authorization");
        let cookie = format!("__Host-de_session={}", value.expose());
        let request = request.header("cookie", &cookie).header("x-instance-id", "inst_dev");
        request.json(&json!({"model_id": "gpt-4o-mini", "prompt": "Hello"}))
    };
    let refused = ask().send().await.unwrap();
    assert_eq!((refused.status, gateway.sent()), (403, 0), "{}", refused.text());
    gateway.test.fetch.answer(openai("Hi."));
    let answer = ask().header("origin", page).send().await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    gateway.receipt(&answer).await;
    let sql = "SELECT api_key_id, project_id, user_id FROM usage_logs";
    let row = json!({"api_key_id": null, "project_id": null, "user_id": "user_dev"});
    assert_eq!(gateway.sql(sql, &[]).await, [row]);
    // The vendor hears nothing of the cookie.
    assert!(!gateway.test.fetch.sent()[0].headers.contains_key("cookie"));
    // Ended while its copies were warm, if it had any.
    gateway.sql("UPDATE sessions SET revoked_at = 1", &[]).await;
    let over = ask().header("origin", page).send().await.unwrap();
    assert_eq!(over.json()["error_code"], "SESSION_EXPIRED");
    assert_eq!(gateway.sent(), 1);
}
