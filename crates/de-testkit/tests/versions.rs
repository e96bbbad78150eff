//! Who may save the next version of a model, on the real schema.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use de_core::{
    model::ModelConfig,
    ports::{Database, PortError, Row, Statement},
    store::{
        audit::{self, Actor, AuditEvent},
        models::{self, Saving},
    },
};
use de_testkit::{database::SqliteDatabase, platform::START};
use serde_json::json;

fn config(name: &str) -> ModelConfig {
    let form = json!({
        "model_id": "m", "provider_id": "openai", "display_name": name, "protocol": "openai-chat",
        "capabilities": {"text": true}
    });
    ModelConfig::parse(&form).unwrap()
}

fn save(id: &str, expected: Option<u64>) -> Vec<Statement> {
    let event = AuditEvent {
        action: "model-config.update".to_owned(),
        actor: Actor::Key("key_1".to_owned()),
        after: None,
        before: None,
        id: id.to_owned(),
        organization_id: None,
        request_id: None,
        target_id: "m".to_owned(),
    };
    let saving = Saving { by: "user_1", now: START, organization: None };
    let mut batch = vec![audit::insert(&event, START)];
    match expected {
        None => batch.extend(models::insert(&config(id), saving)),
        Some(expected) => {
            let next =
                ModelConfig { version: expected.saturating_add(1).min(1 << 52), ..config(id) };
            batch.push(models::unchanged(id, &next.model_id, None, expected));
            batch.extend(models::update(&next, saving));
        }
    }
    batch
}

/// Every version that was ever written, and the current one.
async fn versions(database: &SqliteDatabase) -> (Vec<u64>, Option<u64>) {
    let all = |sql| vec![Statement { args: Vec::new(), sql }];
    let read = |found: Vec<Vec<Row>>| {
        let rows = found.into_iter().next().unwrap().into_iter();
        rows.map(|found| found["version"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let kept = all("SELECT version FROM model_config_versions ORDER BY version");
    let kept = read(database.batch(kept).await.unwrap());
    let current = read(database.batch(all("SELECT version FROM model_configs")).await.unwrap());
    (kept, current.first().copied())
}

#[track_caller]
fn assert_conflict(refused: Result<Vec<Vec<Row>>, PortError>) {
    match refused.unwrap_err() {
        PortError::Conflict { constraint } => {
            assert_eq!(constraint, "audit_events.id");
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn only_the_current_version_is_replaced() {
    let database = SqliteDatabase::migrated().unwrap();
    // A model that never was has no version to replace.
    for expected in [0, 1, 2] {
        assert_conflict(database.batch(save("audit_0", Some(expected))).await);
    }
    assert_eq!(versions(&database).await, (Vec::new(), None));

    database.batch(save("audit_1", None)).await.unwrap();
    database.batch(save("audit_2", Some(1))).await.unwrap();
    assert_eq!(versions(&database).await, (vec![1, 2], Some(2)));
    for expected in [0, 1, 3, 4, 1_000, u64::MAX] {
        assert_conflict(database.batch(save("audit_3", Some(expected))).await);
        assert_eq!(versions(&database).await, (vec![1, 2], Some(2)), "expected {expected}");
    }
    database.batch(save("audit_4", Some(2))).await.unwrap();
    assert_eq!(versions(&database).await, (vec![1, 2, 3], Some(3)));
}
