//! Shares of limits, budgets and receipts, with a Limiter that is away or whose answers are lost.

use std::time::Duration;

use de_core::{
    limits::wire::Spent,
    ports::{Limiter, PortError},
};
use http::Method;
use serde_json::{Value, json};

use crate::{
    doubles::Road,
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
    gateway.test.sql("UPDATE instances SET on_limiter_failure = 'allow'", &[]).await;
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
    gateway.test.sql("UPDATE instances SET on_limiter_failure = 'allow'", &[]).await;
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

/// What has ended since this isolate read its copies has ended, though no Limiter can tell it so.
#[tokio::test(start_paused = true)]
async fn what_has_ended_since_is_refused_without_a_limiter_too() {
    let ends: [(&str, Value, u16, &str); 7] = [
        ("DELETE /v1/api-keys/{key}", json!({}), 401, "INVALID_API_KEY"),
        ("PATCH /v1/projects/proj_dev", json!({"status": "suspended"}), 403, "FORBIDDEN"),
        ("PATCH /v1/instances/inst_dev", json!({"status": "suspended"}), 403, "FORBIDDEN"),
        (
            "PATCH /v1/instances/inst_dev",
            json!({"on_limiter_failure": "refuse"}),
            503,
            "LIMITER_UNAVAILABLE",
        ),
        ("PATCH /v1/api-keys/{key}", json!({"scopes": ["image"]}), 403, "FORBIDDEN"),
        (
            "PATCH /v1/api-keys/{key}",
            json!({"allowed_models": ["claude-haiku-4-5"]}),
            403,
            "MODEL_NOT_ALLOWED",
        ),
        (
            "PATCH /v1/model-configs/soon-gone",
            json!({"status": "disabled"}),
            404,
            "MODEL_NOT_FOUND",
        ),
    ];
    for (what, change, status, code) in ends {
        let gateway = Gateway::new().await;
        gateway.test.sql("UPDATE instances SET on_limiter_failure = 'allow'", &[]).await;
        gateway.model("soon-gone", "openai-chat", json!({})).await;
        // Not a share that is still there, but the Limiter itself is asked each time.
        gateway.limiter.leases_go(Road::Cut);
        for _ in 0..2 {
            gateway.test.fetch.answer(openai("Hi."));
            assert_eq!(gateway.generate("soon-gone").await.status, 200, "{what}");
        }
        let key = gateway.test.tenant.tenant.keys[1].id.as_str();
        let (method, path) = what.split_once(' ').unwrap();
        let admin =
            gateway.config.clone().with_key(gateway.test.tenant.admin_key.expose()).unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let asked = admin.request(method, &path.replace("{key}", key)).json(&change);
        let answer = asked.send().await.unwrap();
        assert!([200, 204].contains(&answer.status), "{what}: {}", answer.text());
        let sent = gateway.sent();
        let answer = gateway.generate("soon-gone").await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert_eq!(answer.json()["error_code"], code, "{what}");
        assert_eq!(gateway.sent(), sent, "{what}");
        assert_eq!(gateway.receipt(&answer).await["error_code"], code, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_with_a_budget_to_keep_does_not_go_on_without_its_limiter() {
    let gateway = Gateway::new().await;
    gateway.test.sql("UPDATE instances SET on_limiter_failure = 'allow'", &[]).await;
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
