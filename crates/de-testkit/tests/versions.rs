//! Who may save the next version of a model, on the real schema.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use de_core::{
    model::ModelConfig,
    ports::{Database, PortError, Row, Statement, row},
    store::{
        Change,
        audit::{Actor, AuditEvent},
        models::{self, SavedRow},
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
    let audit = AuditEvent {
        action: "model-config.update".to_owned(),
        actor: Actor::Key("key_1".to_owned()),
        after: None,
        before: None,
        id: id.to_owned(),
        organization_id: None,
        request_id: None,
        target_id: "m".to_owned(),
    };
    let change = Change { audit: &audit, by: "user_1", now: START };
    match expected {
        None => models::create(&config(id), None, change),
        Some(expected) => models::replace(&config(id), expected, None, change),
    }
}

/// Every version that was ever written, and the current one.
async fn versions(database: &SqliteDatabase) -> (Vec<u64>, Option<u64>) {
    let all = |sql| vec![Statement { args: Vec::new(), sql }];
    let read = |found: Vec<Vec<Row>>| {
        let rows = found.into_iter().next().unwrap().into_iter();
        rows.map(|found| row::<SavedRow>(found).unwrap().version).collect::<Vec<_>>()
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
            assert_eq!(constraint, "model_config_versions.model_id");
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
    let answers = database.batch(save("audit_4", Some(2))).await.unwrap();
    assert_eq!(row::<SavedRow>(answers[1][0].clone()).unwrap().version, 3);
    assert_eq!(versions(&database).await, (vec![1, 2, 3], Some(3)));
}
