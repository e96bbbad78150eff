//! Messages to webhooks, from the event to the receiver, over the doubles.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use std::time::Duration;

use de_core::{
    ids::{DeliveryId, InstanceId, OrganizationId, WebhookId},
    ports::{Arg, Database, Platform, PortError, Row, Statement, random},
    secret::Secret,
    store::{
        tenants,
        webhooks::{self as store, WebhookRow, WebhookStatus},
    },
    time::UnixMillis,
    webhooks::{
        Callback, Event, EventType, call_back,
        delivery::{Tally, deliver_due, deliver_one},
        publish, seal,
        signature::{make_secret, sign},
    },
};
use de_testkit::{
    fetch::{Answer, Sent},
    platform::TestPlatform,
};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);

/// Something to tell, and whom.
struct Rig {
    data: Value,
    instance: InstanceId,
    organization: OrganizationId,
    test: TestPlatform,
}

impl Rig {
    async fn new() -> Self {
        let test = TestPlatform::new().await.unwrap();
        let tenant = &test.tenant.tenant;
        Self {
            data: json!({"job": {"id": "job_1"}}),
            instance: tenant.instance_id.clone(),
            organization: tenant.organization_id.clone(),
            test,
        }
    }

    fn platform(&self) -> &Platform {
        &self.test.platform
    }

    fn now(&self) -> UnixMillis {
        self.platform().clock.now()
    }

    fn event<'a>(&'a self, subject: &'a str, event_type: EventType) -> Event<'a> {
        Event {
            data: &self.data,
            event_type,
            instance: &self.instance,
            organization: &self.organization,
            subject,
            at: self.now(),
        }
    }

    async fn publish(&self, subject: &str) {
        let batch = publish(&self.event(subject, EventType::JobSucceeded));
        self.test.database.batch(batch).await.unwrap();
    }

    async fn hook_of(
        &self,
        organization: &OrganizationId,
        instance: Option<&InstanceId>,
        url: &str,
    ) -> (WebhookRow, Secret) {
        let platform = self.platform();
        let id = WebhookId::make(self.now(), random(&*platform.entropy));
        let secret = make_secret(&*platform.entropy);
        let sealed = seal(&platform.settings, &*platform.entropy, &id, &secret).unwrap();
        let row = WebhookRow {
            created_at: self.now(),
            description: None,
            events: vec!["job.failed".to_owned(), "job.succeeded".to_owned()],
            grant_role: None,
            id,
            instance_id: instance.cloned(),
            organization_id: organization.clone(),
            previous_sealed: None,
            previous_until: None,
            sealed,
            status: WebhookStatus::Active,
            updated_at: self.now(),
            url: url.to_owned(),
        };
        self.test.database.batch(store::insert(&row).into()).await.unwrap();
        (row, secret)
    }

    async fn hook(&self) -> (WebhookRow, Secret) {
        let url = "https://shop.example.com/hooks?token=t";
        self.hook_of(&self.organization, Some(&self.instance), url).await
    }

    /// Lets the receivers answer these, one after the other, and sends what is due.
    async fn deliver(&self, answers: impl IntoIterator<Item = Answer>) -> Tally {
        for answer in answers {
            self.test.fetch.answer(answer);
        }
        deliver_due(self.platform(), 50).await.unwrap()
    }

    async fn sql(&self, sql: &'static str, args: &[&str]) -> Vec<Row> {
        let args = args.iter().map(|arg| Arg::Text((*arg).to_owned())).collect();
        self.test.database.batch(vec![Statement { args, sql }]).await.unwrap().remove(0)
    }

    /// The only delivery.
    async fn delivery(&self) -> Row {
        let mut all = self
            .sql(
                "SELECT id, webhook_id, state, attempts, tries, next_attempt_at, claim, last_status, last_error,
                   sealed, delivered_at FROM webhook_deliveries",
                &[],
            )
            .await;
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }
}

const DELIVERED: Tally = Tally { delivered: 1, failed: 0, postponed: 0 };
const FAILED: Tally = Tally { delivered: 0, failed: 1, postponed: 0 };
const POSTPONED: Tally = Tally { delivered: 0, failed: 0, postponed: 1 };
const NOTHING: Tally = Tally { delivered: 0, failed: 0, postponed: 0 };

fn status(status: u16) -> Answer {
    Answer::json(status, &json!({"told": "nobody reads this"}))
}

fn signed_by(sent: &Sent, secrets: &[Secret]) -> bool {
    let id = DeliveryId::parse(sent.header("webhook-id")).unwrap();
    let seconds = sent.header("webhook-timestamp").parse().unwrap();
    let body = std::str::from_utf8(&sent.body).unwrap();
    sign(secrets, &id, seconds, body).as_deref() == Some(sent.header("webhook-signature"))
}

#[tokio::test(start_paused = true)]
async fn an_event_is_told_once_to_each_who_subscribes_to_it() {
    let rig = Rig::new().await;
    let whole = rig.hook_of(&rig.organization, None, "https://a.example.com/").await.0;
    let ours = rig.hook().await.0;
    // Another instance, another organization, another event, and one that is disabled.
    let other = InstanceId::parse("inst_other").unwrap();
    let stranger = OrganizationId::parse("org_stranger").unwrap();
    let new = tenants::NewInstance {
        allowed_origins: &[],
        default_models: &json!({}),
        id: &other,
        is_production: false,
        name: "Other",
        organization_id: &rig.organization,
    };
    let batch = vec![
        tenants::put_instance(&new, rig.now()),
        tenants::put_organization(&stranger, "Stranger", rig.now()),
    ];
    rig.test.database.batch(batch).await.unwrap();
    rig.hook_of(&rig.organization, Some(&other), "https://b.example.com/").await;
    rig.hook_of(&stranger, None, "https://c.example.com/").await;
    let mut deaf = rig.hook().await.0;
    deaf.status = WebhookStatus::Disabled;
    let mut picky = rig.hook().await.0;
    picky.events = vec!["job.failed".to_owned()];
    for row in [&deaf, &picky] {
        rig.test.database.batch(store::update(row).into()).await.unwrap();
    }
    rig.publish("job_1").await;
    rig.publish("job_1").await;
    let told =
        rig.sql("SELECT webhook_id, id FROM webhook_deliveries ORDER BY webhook_id", &[]).await;
    let hooks: Vec<&str> = told.iter().filter_map(|row| row["webhook_id"].as_str()).collect();
    let mut expected = [whole.id.as_str(), ours.id.as_str()];
    expected.sort_unstable();
    assert_eq!(hooks, expected);
    for row in &told {
        DeliveryId::parse(row["id"].as_str().unwrap()).unwrap();
    }
    // Another event of the same subject is another message; an instance that is gone tells nobody.
    let failed = publish(&rig.event("job_1", EventType::JobFailed));
    let gone = InstanceId::parse("inst_gone").unwrap();
    let event = Event { instance: &gone, ..rig.event("job_2", EventType::JobFailed) };
    let batch = failed.into_iter().chain(publish(&event)).collect();
    rig.test.database.batch(batch).await.unwrap();
    assert_eq!(rig.sql("SELECT id FROM webhook_deliveries", &[]).await.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_message_is_signed_and_the_same_at_every_try() {
    let rig = Rig::new().await;
    let (hook, secret) = rig.hook().await;
    rig.publish("job_1").await;
    assert_eq!(rig.deliver([status(500)]).await, POSTPONED);
    rig.test.clock.advance(2 * MINUTE);
    assert_eq!(rig.deliver([status(204)]).await, DELIVERED);
    let sent = rig.test.fetch.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].body, sent[1].body);
    assert_eq!(sent[0].header("webhook-id"), sent[1].header("webhook-id"));
    assert_ne!(sent[0].header("webhook-timestamp"), sent[1].header("webhook-timestamp"));
    for sent in &sent {
        assert_eq!((sent.method.as_str(), sent.url.as_str()), ("POST", hook.url.as_str()));
        assert_eq!(sent.header("content-type"), "application/json");
        assert_eq!(
            (&sent.json()["type"], &sent.json()["data"]),
            (&json!("job.succeeded"), &rig.data)
        );
        assert!(signed_by(sent, std::slice::from_ref(&secret)));
    }
    let row = rig.delivery().await;
    assert_eq!(
        (&row["state"], &row["attempts"], &row["last_status"]),
        (&json!("delivered"), &json!(2), &json!(204))
    );
    assert!(
        row["delivered_at"].is_i64() && row["next_attempt_at"].is_null() && row["claim"].is_null()
    );
    let tries =
        rig.sql("SELECT number, status, error FROM webhook_attempts ORDER BY number", &[]).await;
    assert_eq!(
        tries.iter().map(|row| json!(row)).collect::<Vec<_>>(),
        [
            json!({"number": 1, "status": 500, "error": "answered 500"}),
            json!({"number": 2, "status": 204, "error": null}),
        ]
    );
    assert!(!rig.test.database.dump().unwrap().contains("nobody reads this"));
    assert_eq!(rig.deliver([]).await, NOTHING);
}

#[tokio::test(start_paused = true)]
async fn a_message_is_given_up_after_five_tries_in_a_day() {
    let rig = Rig::new().await;
    rig.hook().await;
    rig.publish("job_1").await;
    let began = rig.now();
    for attempt in 1..=5 {
        let tally = rig.deliver([status(503)]).await;
        assert_eq!(tally, if attempt < 5 { POSTPONED } else { FAILED }, "{attempt}");
        assert_eq!(rig.deliver([]).await, NOTHING, "not before its time");
        let row = rig.delivery().await;
        if let Some(next) = row["next_attempt_at"].as_i64() {
            let wait = UnixMillis(next).since(rig.now());
            rig.test.clock.advance(Duration::from_millis(u64::try_from(wait).unwrap()));
        }
    }
    let row = rig.delivery().await;
    assert_eq!((&row["state"], &row["attempts"]), (&json!("failed"), &json!(5)));
    let took = rig.now().since(began);
    assert!((24 * 3_600_000..27 * 3_600_000).contains(&took), "{took}");
    rig.test.clock.advance(100 * 60 * MINUTE);
    assert_eq!(rig.deliver([]).await, NOTHING);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_answer_or_leads_elsewhere_is_a_failed_try() {
    let slow = || Answer::ok().head_after(MINUTE);
    let moved = || status(302).header("location", "https://elsewhere.example.com/");
    for (answer, expected, code) in [
        (Answer::refused(), "could not be reached", json!(null)),
        (slow(), "did not answer within 10 seconds", json!(null)),
        (moved(), "answered 302: redirects are not followed", json!(302)),
        (status(404), "answered 404", json!(404)),
    ] {
        let rig = Rig::new().await;
        rig.hook().await;
        rig.publish("job_1").await;
        assert_eq!(rig.deliver([answer]).await, POSTPONED, "{expected}");
        let row = rig.delivery().await;
        assert_eq!((&row["last_error"], &row["last_status"]), (&json!(expected), &code));
        assert_eq!(rig.test.fetch.sent().len(), 1, "nobody follows");
    }
    // A status says all, also if its body never ends.
    let rig = Rig::new().await;
    rig.hook().await;
    rig.publish("job_1").await;
    let endless = Answer::ok().chunk("a").pause(60 * MINUTE).chunk("b");
    assert_eq!(rig.deliver([endless]).await, DELIVERED);
}

#[tokio::test(start_paused = true)]
async fn who_is_gone_is_told_nothing_more() {
    let rig = Rig::new().await;
    let (hook, _) = rig.hook().await;
    rig.publish("job_1").await;
    assert_eq!(rig.deliver([status(410)]).await, FAILED);
    let after = rig.sql("SELECT status FROM webhooks WHERE id = ?1", &[hook.id.as_str()]).await;
    assert_eq!(after[0]["status"], "disabled");
    let events =
        "SELECT action, actor_kind, organization_id FROM audit_events WHERE target_id = ?1";
    let events = rig.sql(events, &[hook.id.as_str()]).await;
    assert_eq!(
        json!(events),
        json!([{"action": "webhook.disable", "actor_kind": "system",
            "organization_id": rig.organization}])
    );
    rig.publish("job_2").await;
    assert_eq!(rig.delivery().await["last_status"], 410);
    // What waited when it was disabled is given up unsent.
    rig.sql("UPDATE webhook_deliveries SET state = 'pending', next_attempt_at = 0", &[]).await;
    assert_eq!(rig.deliver([]).await, FAILED);
    let row = rig.delivery().await;
    assert_eq!(
        (&row["last_error"], &row["attempts"]),
        (&json!("the webhook is disabled"), &json!(1))
    );
    assert_eq!(rig.test.fetch.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn s22_an_address_is_guarded_again_before_each_call() {
    let rig = Rig::new().await;
    for url in ["http://127.0.0.1:1/", "https://10.0.0.1/", "http://shop.example.com/", "nowhere"] {
        rig.hook_of(&rig.organization, None, url).await;
    }
    rig.publish("job_1").await;
    let tally = rig.deliver([]).await;
    assert_eq!(tally, Tally { delivered: 0, failed: 4, postponed: 0 });
    assert!(rig.test.fetch.sent().is_empty());
    let rows = rig.sql("SELECT last_error, attempts FROM webhook_deliveries", &[]).await;
    for row in rows {
        let error = row["last_error"].as_str().unwrap();
        assert!(error.starts_with("the address may not be called: "), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotated_secret_signs_until_its_time_is_over() {
    let rig = Rig::new().await;
    let (mut hook, old) = rig.hook().await;
    let platform = rig.platform();
    let new = make_secret(&*platform.entropy);
    let sealed = seal(&platform.settings, &*platform.entropy, &hook.id, &new).unwrap();
    hook.previous_sealed = Some(std::mem::replace(&mut hook.sealed, sealed));
    hook.previous_until = Some(rig.now().plus(60_000));
    rig.test.database.batch(store::update(&hook).into()).await.unwrap();
    rig.publish("job_1").await;
    rig.deliver([Answer::ok()]).await;
    rig.test.clock.advance(MINUTE);
    rig.publish("job_2").await;
    rig.deliver([Answer::ok()]).await;
    let sent = rig.test.fetch.sent();
    assert!(signed_by(&sent[0], &[new.clone(), old]));
    assert!(signed_by(&sent[1], &[new]));
}

#[tokio::test(start_paused = true)]
async fn a_call_back_goes_to_the_address_that_was_named_and_has_its_own_secret() {
    let rig = Rig::new().await;
    let platform = rig.platform();
    let url = "https://client.example.com/done?job=1".to_owned();
    let (callback, version) = Callback::make(platform, &rig.organization, "job_1", url).unwrap();
    let secret = Callback::secret(&platform.settings, version, "job_1").unwrap();
    assert_ne!(
        Callback::secret(&platform.settings, version, "job_2").unwrap().expose(),
        secret.expose()
    );
    let event = rig.event("job_1", EventType::JobSucceeded);
    for _ in 0..2 {
        rig.test.database.batch(call_back(&callback, &event)).await.unwrap();
    }
    assert!(rig.delivery().await["sealed"].is_string());
    assert_eq!(rig.deliver([status(500)]).await, POSTPONED);
    rig.test.clock.advance(2 * MINUTE);
    assert_eq!(rig.deliver([status(200)]).await, DELIVERED);
    for sent in rig.test.fetch.sent() {
        assert_eq!(sent.url.as_str(), callback.url);
        assert!(signed_by(&sent, std::slice::from_ref(&secret)));
    }
    assert!(rig.delivery().await["sealed"].is_null(), "it is not needed any more");
    // Moved to another address it does not open, and nothing is sent.
    let moved = Callback { url: "https://evil.example.com/".to_owned(), ..callback };
    let event = rig.event("job_2", EventType::JobSucceeded);
    rig.test.database.batch(call_back(&moved, &event)).await.unwrap();
    assert_eq!(rig.deliver([]).await, POSTPONED);
    assert_eq!(rig.test.fetch.sent().len(), 2);
    assert!(rig.test.log.text().contains("Error the secret of a webhook does not open"));
}

#[tokio::test(start_paused = true)]
async fn two_workers_do_not_send_the_same_message_at_once() {
    let rig = Rig::new().await;
    rig.hook().await;
    for n in 0..8 {
        rig.publish(&format!("job_{n}")).await;
    }
    for _ in 0..8 {
        rig.test.fetch.answer(Answer::ok().head_after(Duration::from_secs(5)));
    }
    let another = rig.test.another_isolate();
    let (one, other) = tokio::join!(deliver_due(rig.platform(), 4), deliver_due(&another, 50));
    assert_eq!((one.unwrap().delivered, other.unwrap().delivered), (4, 4));
    let sent = rig.test.fetch.sent();
    let mut ids: Vec<&str> = sent.iter().map(|sent| sent.header("webhook-id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_a_worker_lost_falls_to_the_next_one() {
    let rig = Rig::new().await;
    rig.hook().await;
    rig.publish("job_1").await;
    rig.test.fetch.answer(Answer::ok().head_after(MINUTE));
    let platform = rig.platform().clone();
    let lost = tokio::time::timeout(Duration::from_secs(1), deliver_due(&platform, 50)).await;
    assert!(lost.is_err(), "it died on the way");
    let id = DeliveryId::parse(rig.delivery().await["id"].as_str().unwrap()).unwrap();
    assert_eq!(rig.deliver([]).await, NOTHING);
    assert_eq!(deliver_one(&platform, &id).await.unwrap(), NOTHING, "someone is at it");
    rig.test.clock.advance(5 * MINUTE);
    assert_eq!(rig.deliver([Answer::ok()]).await, DELIVERED);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_noted_is_sent_again_and_not_noted_twice() {
    let rig = Rig::new().await;
    rig.hook().await;
    rig.publish("job_1").await;
    rig.test.fetch.answer(Answer::ok().head_after(Duration::from_secs(1)));
    let fault = PortError::Failed { port: "database", message: "busy".to_owned() };
    let database = rig.test.database.clone();
    let meanwhile = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        database.fail_next(fault);
    };
    let (tally, ()) = tokio::join!(deliver_due(rig.platform(), 50), meanwhile);
    assert_eq!(tally.unwrap(), POSTPONED);
    assert!(rig.test.log.text().contains("could not be noted"));
    rig.test.clock.advance(6 * MINUTE);
    assert_eq!(rig.deliver([Answer::ok()]).await, DELIVERED);
    let row = rig.delivery().await;
    assert_eq!((&row["attempts"], rig.test.fetch.sent().len()), (&json!(1), 2));
}

#[tokio::test(start_paused = true)]
async fn one_organizations_slow_receivers_hold_up_no_other() {
    let rig = Rig::new().await;
    rig.hook().await;
    // More than anybody would look through to find the other one.
    rig.publish("job_0").await;
    rig.sql(
        "INSERT INTO webhook_deliveries
           (id, webhook_id, organization_id, instance_id, event_type, payload, next_attempt_at, created_at)
         WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 2500)
         SELECT m.id || '-' || number.n, m.webhook_id, m.organization_id, m.instance_id, m.event_type,
           m.payload, m.next_attempt_at, m.created_at
         FROM webhook_deliveries AS m, number",
        &[],
    )
    .await;
    let other = OrganizationId::parse("org_other").unwrap();
    let instance = InstanceId::parse("inst_other").unwrap();
    let new = tenants::NewInstance {
        allowed_origins: &[],
        default_models: &json!({}),
        id: &instance,
        is_production: false,
        name: "Other",
        organization_id: &other,
    };
    let batch = vec![
        tenants::put_organization(&other, "Other", rig.now()),
        tenants::put_instance(&new, rig.now()),
    ];
    rig.test.database.batch(batch).await.unwrap();
    rig.hook_of(&other, None, "https://other.example.com/").await;
    rig.test.clock.advance(MINUTE);
    let event = rig.event("job_other", EventType::JobSucceeded);
    let event = Event { instance: &instance, organization: &other, ..event };
    rig.test.database.batch(publish(&event)).await.unwrap();
    for _ in 0..4 {
        rig.test.fetch.answer(Answer::ok());
    }
    deliver_due(rig.platform(), 4).await.unwrap();
    let sent = rig.test.fetch.sent();
    let theirs = |sent: &&Sent| sent.url.host_str() == Some("other.example.com");
    assert_eq!((sent.len(), sent.iter().filter(theirs).count()), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn only_the_last_ten_tries_are_kept() {
    let rig = Rig::new().await;
    rig.hook().await;
    rig.publish("job_1").await;
    for _ in 0..12 {
        rig.sql("UPDATE webhook_deliveries SET state = 'pending', next_attempt_at = 0", &[]).await;
        rig.deliver([status(500)]).await;
    }
    let kept = rig.sql("SELECT number FROM webhook_attempts ORDER BY number", &[]).await;
    let kept: Vec<i64> = kept.iter().filter_map(|row| row["number"].as_i64()).collect();
    assert_eq!(kept, (3..=12).collect::<Vec<_>>());
    let all = rig.test.database.dump().unwrap();
    assert!(all.contains("\"attempts\":12"), "{all}");
}
