//! What Limiters tell people, and what they find of calls that went past them.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "tests")]

use de_core::{
    ids::{InstanceId, LeaseId, ReceiptId, WebhookId},
    limits::{Alert, Kind, Limit, Period, Release, Scope, ScopeKind, Terms, wire},
    notices::{Failing, Notice, tell},
    ports::{Database, Limiter, Row, Statement, Whose, random},
    receipt::Receipt,
    store::{
        epochs,
        limits::put_budget,
        usage,
        webhooks::{self as store, WebhookRow, WebhookStatus},
    },
    time::UnixMillis,
    webhooks::{EventType, seal, signature::make_secret},
};
use de_testkit::platform::TestPlatform;

/// Subscribes to all that is told here, for one instance or for all.
async fn subscribe(test: &TestPlatform, instance: Option<&InstanceId>) {
    let platform = &test.platform;
    let now = platform.clock.now();
    let id = WebhookId::make(now, random(&*platform.entropy));
    let secret = make_secret(&*platform.entropy);
    let row = WebhookRow {
        created_at: now,
        description: None,
        events: [
            EventType::BudgetThreshold,
            EventType::OutboxFailing,
            EventType::ReceiptOverCeiling,
        ]
        .map(|event| event.as_str().to_owned())
        .to_vec(),
        grant_role: None,
        sealed: seal(&platform.settings, &*platform.entropy, &id, &secret).unwrap(),
        id,
        instance_id: instance.cloned(),
        organization_id: test.tenant.tenant.organization_id.clone(),
        previous_sealed: None,
        previous_until: None,
        status: WebhookStatus::Active,
        updated_at: now,
        url: "https://shop.example.com/hooks".to_owned(),
    };
    test.database.batch(store::insert(&row).into()).await.unwrap();
}

async fn read(test: &TestPlatform, sql: &'static str) -> Vec<Row> {
    test.database.batch(vec![Statement { args: Vec::new(), sql }]).await.unwrap().remove(0)
}

const EVENTS: &str =
    "SELECT organization_id, actor_kind, action, target_id, after_state FROM audit_events
  WHERE actor_kind = 'system' ORDER BY id";
const MESSAGES: &str =
    "SELECT instance_id, event_type, payload FROM webhook_deliveries ORDER BY created_at, id";

fn alert(percent: u8) -> Alert {
    Alert {
        scope: Scope::new(ScopeKind::Key, "key_1"),
        kind: Kind::Budget(Period::Month),
        starts_at: UnixMillis(1_793_491_200_000),
        percent,
        at: UnixMillis(1_795_621_776_120),
        ends_at: UnixMillis(1_796_083_200_000),
        limit_micros: 5_000_000,
        spent_micros: 4_000_100,
    }
}

#[tokio::test]
async fn a_notice_is_told_once_to_the_trail_and_to_each_webhook() {
    let test = TestPlatform::new().await.unwrap();
    let tenant = &test.tenant.tenant;
    subscribe(&test, Some(&tenant.instance_id)).await;
    subscribe(&test, None).await;
    let whose = Whose::Instance(&tenant.instance_id);
    for _ in 0..2 {
        for percent in [50, 80] {
            let alert = alert(percent);
            let batch = tell(whose, &alert.id(), Notice::Budget(&alert), alert.at);
            test.database.batch(batch).await.unwrap();
        }
    }
    let events = read(&test, EVENTS).await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["action"], "budget.threshold");
    assert_eq!(events[0]["target_id"], "key:key_1");
    assert_eq!(events[0]["organization_id"], tenant.organization_id.as_str());
    let messages = read(&test, MESSAGES).await;
    assert_eq!(messages.len(), 4);
    // Receivers read this.
    assert_eq!(
        messages[0]["payload"],
        r#"{"type":"budget.threshold","timestamp":"2026-11-25T15:49:36.120Z","data":{"budget":{"scope":"key","scope_id":"key_1","period":"month","percent":50,"amount_micros":5000000,"spent_micros":4000100,"starts_at":"2026-11-01T00:00:00.000Z","ends_at":"2026-12-01T00:00:00.000Z"}}}"#
    );
}

#[tokio::test]
async fn what_is_of_the_whole_organization_is_not_told_to_webhooks_of_one_instance() {
    let test = TestPlatform::new().await.unwrap();
    let tenant = &test.tenant.tenant;
    subscribe(&test, Some(&tenant.instance_id)).await;
    subscribe(&test, None).await;
    let failing = Failing { error: "gone".to_owned(), since: UnixMillis(1_000), waiting: 3 };
    let whose = Whose::Organization(&tenant.organization_id);
    let notice = tell(whose, "outbox/1000", Notice::Outbox(&failing), UnixMillis(2_000));
    test.database.batch(notice).await.unwrap();
    let messages = read(&test, MESSAGES).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["event_type"], "outbox.failing");
    assert!(messages[0]["instance_id"].is_null());
    // What went back to its budget is for the trail alone.
    let (kind, scope) = (Kind::Budget(Period::Day), Scope::new(ScopeKind::Key, "key_1"));
    let lease_id = LeaseId::parse("lease_1").unwrap();
    let release = Release { kind, lease_id, micros: 60, scope };
    let notice = tell(whose, "release/1", Notice::Release(&release), UnixMillis(3_000));
    test.database.batch(notice).await.unwrap();
    let events = read(&test, EVENTS).await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[1]["action"], "budget.release");
    assert_eq!(read(&test, MESSAGES).await.len(), 1);
    // A tenant that is gone has no trail.
    let gone = InstanceId::parse("inst_gone").unwrap();
    let notice = tell(Whose::Instance(&gone), "x", Notice::Outbox(&failing), UnixMillis(4_000));
    test.database.batch(notice).await.unwrap();
    assert_eq!(read(&test, EVENTS).await.len(), 2);
}

#[tokio::test]
async fn a_budget_of_the_database_is_kept_and_told_of() {
    let test = TestPlatform::new().await.unwrap();
    let tenant = &test.tenant.tenant;
    let now = test.platform.clock.now();
    let key = Scope::new(ScopeKind::Key, tenant.keys[1].id.as_str());
    let terms = Terms { alerts: vec![50], release_after_h: None };
    let budget = Limit { terms, ..Limit::new(key.clone(), Kind::Budget(Period::Day), 100) };
    let batch = vec![
        put_budget(&tenant.organization_id, Some(&tenant.instance_id), &budget, now),
        epochs::touch(&tenant.instance_id, now),
    ];
    test.database.batch(batch).await.unwrap();
    let epochs = test.limiter.epochs(&tenant.instance_id).await.unwrap();
    let ask = |number: u32, micros| wire::LeaseRequest {
        deadline_ms: None,
        epochs,
        extra: wire::Need::default(),
        lease_id: LeaseId::parse(&format!("lease_{number}")).unwrap(),
        need: wire::Need { micros: Some(micros), requests: 1, slots: 0, tokens: 0 },
        news: Vec::new(),
        scopes: vec![key.clone()],
    };
    let granted = test.limiter.lease(&tenant.instance_id, ask(1, 60)).await.unwrap();
    assert!(matches!(granted.grant, wire::Grant::Granted(_)));
    let denied = test.limiter.lease(&tenant.instance_id, ask(2, 41)).await.unwrap();
    assert!(matches!(denied.grant, wire::Grant::Denied(_)));
    let spent = wire::Spent { micros: 55, requests: 1, ..wire::Spent::default() };
    let report = wire::SettleRequest::of_one(LeaseId::parse("lease_1").unwrap(), spent);
    test.limiter.settle(&tenant.instance_id, report).await.unwrap();
    let usage = test.limiter.usage(Whose::Instance(&tenant.instance_id)).await.unwrap();
    let of_key = usage.limits.iter().find(|usage| usage.limit.scope == key).unwrap();
    assert_eq!((of_key.used, of_key.held), (55, 0));
    assert_eq!(of_key.limit, budget);
    let events = read(&test, EVENTS).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["target_id"], key.to_string());
}

#[tokio::test]
async fn a_receipt_that_went_past_its_limiter_is_found_by_its_lease() {
    let test = TestPlatform::new().await.unwrap();
    let receipt: Receipt =
        serde_json::from_str(include_str!("../../de-core/fixtures/receipt.json")).unwrap();
    let mut direct = serde_json::to_value(&receipt).unwrap();
    direct["lease_id"] = "lease_7".into();
    let receipt_id = ReceiptId::parse("rcpt_2").unwrap();
    let usual = serde_json::to_value(Receipt { receipt_id, ..receipt.clone() }).unwrap();
    let text = serde_json::to_string(&[direct, usual]).unwrap();
    test.database.batch(usage::deliver(&text).into()).await.unwrap();
    let lease = |id: &str| LeaseId::parse(id).unwrap();
    let found = usage::of_leases(&[lease("lease_7"), lease("lease_8")]);
    let found: Vec<usage::DirectRow> = de_core::ports::rows(&*test.database, found).await.unwrap();
    let attempts = receipt.attempts.clone();
    let lease_id = lease("lease_7");
    let expected = usage::DirectRow { attempts, cost_micros: Some(4), lease_id, tokens: 12 };
    assert_eq!(found, [expected]);
}
