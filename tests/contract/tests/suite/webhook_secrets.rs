//! The secrets of webhooks when the operator changes master keys.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::world::World;
use de_core::{
    ids::{DeliveryId, InstanceId, OrganizationId},
    ports::Database,
    secret::Secret,
    webhooks::{Callback, Event, EventType, call_back, signature::sign},
};
use de_testkit::fetch::{Answer, Sent};
use serde_json::{Value, json};

const RESEAL: &str = "/v1/provider-keys/reseal";
const SECOND: &str = "a second master key for tests, 0002";

async fn make(world: &World) -> Value {
    let body = json!({"instance_id": "inst_dev", "url": "https://shop.example.com/",
        "events": ["job.failed"]});
    world.operator().make("webhooks", body).await
}

fn path(hook: &Value, below: &str) -> String {
    format!("/v1/webhooks/{}{below}", hook["id"].as_str().unwrap())
}

/// Seals until nothing is left, and says how many were sealed.
async fn reseal(world: &World) -> u64 {
    let mut resealed = 0;
    loop {
        let told = world.operator().post(RESEAL, &json!({})).await.is(200).json();
        resealed += told["resealed"].as_u64().unwrap();
        assert_eq!(told["failed_webhooks"], json!([]), "{told}");
        if told["remaining"] == 0 {
            return resealed;
        }
        assert!(told["resealed"].as_u64().unwrap() > 0, "it goes on");
    }
}

fn signed_by(sent: &Sent, secrets: &[&str]) -> bool {
    let secrets: Vec<Secret> = secrets.iter().map(|one| Secret::new((*one).to_owned())).collect();
    let id = DeliveryId::parse(sent.header("webhook-id")).unwrap();
    let seconds = sent.header("webhook-timestamp").parse().unwrap();
    let body = std::str::from_utf8(&sent.body).unwrap();
    sign(&secrets, &id, seconds, body).as_deref() == Some(sent.header("webhook-signature"))
}

#[tokio::test]
async fn secrets_of_webhooks_and_call_backs_are_sealed_anew_until_the_old_master_key_can_go() {
    let world = World::new().await;
    let hook = make(&world).await;
    let rotated = world.operator().post(&path(&hook, "/rotate"), &json!({})).await.is(201).json();
    let platform = &world.test.platform;
    let organization = OrganizationId::parse("org_dev").unwrap();
    let url = "https://client.example.com/done".to_owned();
    let (callback, version) = Callback::make(platform, &organization, "job_1", url).unwrap();
    let secret = Callback::secret(&platform.settings, version, "job_1").unwrap();
    let event = Event {
        at: platform.clock.now(),
        data: &json!({}),
        event_type: EventType::JobFailed,
        instance: &InstanceId::parse("inst_dev").unwrap(),
        organization: &organization,
        subject: "job_1",
    };
    world.test.database.batch(call_back(&callback, &event)).await.unwrap();

    let world = world.with_master_key(2, Some(SECOND));
    let keys = world.test.tenant.vendor_keys.len() as u64;
    // The vendors' keys, the webhook with both of its secrets, the call back.
    assert_eq!(reseal(&world).await, keys + 2);
    let rows = world.sql("SELECT key_version FROM webhooks", &[]).await;
    assert_eq!(rows[0]["key_version"], 2);

    let world = world.with_master_key(1, None);
    for _ in 0..2 {
        world.test.fetch.answer(Answer::ok());
    }
    let told = world.operator().post(&path(&hook, "/test"), &json!({})).await.is(200).json();
    assert_eq!(told["state"], "delivered", "{told}");
    de_config::scheduled::run(world.platform()).await;
    let sent = world.test.fetch.sent();
    let [new, old] = [&rotated, &hook].map(|one| one["secret"].as_str().unwrap());
    assert!(signed_by(&sent[0], &[new, old]));
    assert!(signed_by(&sent[1], &[secret.expose()]));
}

#[tokio::test]
async fn a_secret_that_does_not_open_is_told_and_mended_by_a_rotation() {
    let world = World::new().await;
    let hook = make(&world).await;
    let broken = "v1.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAA";
    world.sql("UPDATE webhooks SET sealed = ?1", &[broken]).await;
    let told = world.operator().post(&path(&hook, "/test"), &json!({})).await.is(200).json();
    assert_eq!(
        (&told["state"], &told["last_error"]),
        (&json!("failed"), &json!("the secret does not open"))
    );
    assert!(world.test.fetch.sent().is_empty());
    let world = world.with_master_key(2, Some(SECOND));
    for _ in 0..2 {
        let told = world.operator().post(RESEAL, &json!({})).await.is(200).json();
        let failed = json!([{"webhook_id": hook["id"], "reason": "the sealed key does not open"}]);
        assert_eq!((&told["remaining"], &told["failed_webhooks"]), (&json!(1), &failed), "{told}");
    }
    let row = world.operator().post(&path(&hook, "/rotate"), &json!({})).await.is(201).json();
    assert_eq!(row["previous_secret_until"], json!(null), "the old one signs nothing");
    assert_eq!(reseal(&world).await, 0);
}
