//! Rows of models that nobody saved by the API: broken ones, and tricks in them.
//!
//! In process only: the rows are written behind the workers' backs.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{control::Control, local::Local, models::config, wait::unique, wire::Server};
use de_core::ports::{Arg, Database, Statement};
use de_testkit::client::{TestClient, TestResponse};
use serde_json::{Value, json};

struct World {
    control: Control,
    local: Local,
    text: TestClient,
}

impl World {
    async fn new() -> Self {
        let local = Local::start().await;
        let client =
            |base: String, key: &str| TestClient::of_url(&base).unwrap().with_key(key).unwrap();
        let admin = client(local.front.base(), local.tenant.admin_key.expose());
        let text = client(local.text.base(), local.tenant.client_key.expose());
        Self { control: Control::of(admin), local, text }
    }

    async fn make(&self, differs: Value) -> String {
        let model = Value::Object(config(Server::OpenAi, &differs));
        let made = self.control.make("model-configs", model).await;
        made["model_id"].as_str().unwrap().to_owned()
    }

    async fn run(&self, sql: &'static str, args: &[&str]) {
        let args = args.iter().map(|text| Arg::Text((*text).to_owned())).collect();
        // As a change by other hands would have to: copies end by the epoch.
        let bump = "INSERT INTO epochs (scope, epoch) VALUES ('catalogue', 1)
                    ON CONFLICT (scope) DO UPDATE SET epoch = epochs.epoch + 1";
        let batch = vec![Statement { args, sql }, Statement { args: Vec::new(), sql: bump }];
        self.local.database.batch(batch).await.unwrap();
        // Any change tells the Limiters.
        self.make(json!({})).await;
    }

    /// Makes the current version of a model unreadable, and that version of its past.
    async fn spoil(&self, model: &str, version: u64) {
        self.run(
            "UPDATE model_configs SET config = json_set(config, '$.protocol', 'smtp')
             WHERE model_id = ?1",
            &[model],
        )
        .await;
        self.run(
            "UPDATE model_config_versions SET config = json_set(config, '$.protocol', 'smtp')
             WHERE model_id = ?1 AND version = CAST(?2 AS INTEGER)",
            &[model, &version.to_string()],
        )
        .await;
    }

    async fn call(&self, model: &str) -> TestResponse {
        self.text.post("/generate", &json!({"model_id": model, "prompt": "Hi"})).await.unwrap()
    }
}

#[tokio::test]
async fn c31_a_row_that_cannot_be_read_is_told_of_and_its_last_good_version_serves() {
    let world = World::new().await;
    let id = world.make(json!({"display_name": "First"})).await;
    let place = format!("/v1/model-configs/{id}");
    world.control.patch(&place, &json!({"display_name": "Second"})).await.is(200);
    assert_eq!(world.call(&id).await.status, 200);
    world
        .run(
            "UPDATE model_configs SET config = json_set(config, '$.protocol', 'smtp')
             WHERE model_id = ?1",
            &[&id],
        )
        .await;
    let served = world.call(&id).await;
    assert_eq!(
        (served.status, served.header("x-de-model")),
        (200, id.as_str()),
        "{}",
        served.text()
    );
    // Shown with what is wrong and what serves, alone and among others.
    let read = world.control.get(&place).await.is(200).json();
    assert!(read["error"].as_str().unwrap().contains("/protocol"), "{read}");
    assert_eq!((&read["version"], &read["serving_version"]), (&json!(2), &json!(2)));
    let list = world.control.get("/v1/model-configs?limit=200").await.is(200).json();
    let find = |id: &str| {
        list["data"]
            .as_array()
            .unwrap()
            .iter()
            .find(|model| model["model_id"] == id)
            .unwrap()
            .clone()
    };
    assert_eq!(find(&id), read);
    assert!(find("gpt-4o-mini").get("error").is_none());
    world.control.get(&format!("{place}/export")).await.fails(409, "CONFLICT");

    // Its version too, so that the one before serves.
    world
        .run(
            "UPDATE model_config_versions SET config = json_set(config, '$.protocol', 'smtp')
             WHERE model_id = ?1 AND version = 2",
            &[&id],
        )
        .await;
    assert_eq!(world.call(&id).await.status, 200);
    let read = world.control.get(&place).await.is(200).json();
    assert_eq!(read["serving_version"], 1);
    // A change mends it, and so does going back.
    let mended = world.control.patch(&place, &json!({"protocol": "openai-chat"})).await;
    let mended = mended.is(200).json();
    assert_eq!((&mended["version"], &mended["display_name"]), (&json!(3), &json!("Second")));
    let refused = world.control.post(&format!("{place}/rollback"), &json!({"version": 2})).await;
    let refused = refused.fails(400, "VALIDATION_ERROR");
    assert_eq!(refused["details"]["fields"][0]["field"], "/protocol");
    let back = world.control.post(&format!("{place}/rollback"), &json!({"version": 1})).await;
    assert_eq!(back.is(200).json()["display_name"], "First");
}

#[tokio::test]
async fn c31_a_disabled_model_never_serves_from_an_earlier_version() {
    let world = World::new().await;
    let id = world.make(json!({"aliases": [unique("other")]})).await;
    let place = format!("/v1/model-configs/{id}");
    let alias = world.control.get(&place).await.is(200).json()["aliases"][0].clone();
    let leaning = world.make(json!({"fallbacks": [&id]})).await;
    world.control.patch(&place, &json!({"status": "disabled"})).await.is(200);
    world.spoil(&id, 2).await;
    for name in [id.as_str(), alias.as_str().unwrap()] {
        for (path, body) in [
            ("/generate", json!({"model_id": name, "prompt": "Hi"})),
            (
                "/v1/chat/completions",
                json!({"model": name, "messages": [{"role": "user", "content": "Hi"}]}),
            ),
            (
                "/v1/messages",
                json!({"model": name, "max_tokens": 5,
                    "messages": [{"role": "user", "content": "Hi"}]}),
            ),
        ] {
            let refused = world.text.post(path, &body).await.unwrap();
            assert_eq!(refused.status, 404, "{path}: {}", refused.text());
        }
    }
    assert_eq!(world.call(&leaning).await.status, 200);
    let offered = world.text.get("/v1/models").await.unwrap().text();
    assert!(!offered.contains(id.as_str()), "{offered}");
    // What ends is told of too.
    let differs = json!({"status": "deprecated", "deprecated_at": "2026-01-01T00:00:00Z"});
    let ending = world.make(json!({})).await;
    world.control.patch(&format!("/v1/model-configs/{ending}"), &differs).await.is(200);
    world.spoil(&ending, 2).await;
    let served = world.call(&ending).await;
    assert_eq!((served.status, served.header("deprecation")), (200, "@1767225600"));
    // Without any good version it is not there either.
    world.spoil(&id, 1).await;
    assert_eq!(world.call(&id).await.status, 404);
}

#[tokio::test]
async fn c31_a_row_that_cannot_be_called_is_shown_as_one() {
    let world = World::new().await;
    let id = world.make(json!({})).await;
    let place = format!("/v1/model-configs/{id}");
    world.control.patch(&place, &json!({"display_name": "Second"})).await.is(200);
    world.control.patch(&place, &json!({"display_name": "Third"})).await.is(200);
    let broken = [
        ("UPDATE model_configs SET config = json_set(config, '$.provider_id', 'nobody')
          WHERE model_id = ?1", "no provider nobody"),
        ("UPDATE model_configs SET config = json_set(config, '$.provider_id', 'openai',
            '$.protocol', 'mapped', '$.payload_mapping', json('{\"endpoint\":\"https://else.invalid/x\"}'))
          WHERE model_id = ?1", "endpoint"),
    ];
    for version in [3, 2] {
        world
            .run(
                "UPDATE model_config_versions SET config = json_set(config, '$.provider_id', 'nobody')
                 WHERE model_id = ?1 AND version = CAST(?2 AS INTEGER)",
                &[&id, &version.to_string()],
            )
            .await;
    }
    for (sql, reason) in broken {
        world.run(sql, &[&id]).await;
        let read = world.control.get(&place).await.is(200).json();
        assert!(read["error"].as_str().unwrap().contains(reason), "{read}");
        assert_eq!((&read["version"], &read["serving_version"]), (&json!(3), &json!(1)), "{read}");
        let list = world.control.get("/v1/model-configs?limit=200").await.is(200).json();
        let list = list["data"].as_array().unwrap();
        assert!(list.contains(&read));
        assert_eq!(list.iter().filter(|model| model.get("error").is_some()).count(), 1);
        assert_eq!(world.call(&id).await.status, 200);
    }
}

#[tokio::test]
async fn a_model_without_any_good_version_says_so_and_hurts_no_other() {
    let world = World::new().await;
    world
        .run(
            r#"INSERT INTO model_configs (model_id, version, config, created_at, updated_at) VALUES
              (?1, 1, '{"model_id":"bad","provider_id":"openai","status":"active"}', 1, 1)"#,
            &["bad"],
        )
        .await;
    let refused = world.call("bad").await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(refused.json()["error_code"], "PROVIDER_UNAVAILABLE");
    assert_eq!(world.call("gpt-4o-mini").await.status, 200);
    let read = world.control.get("/v1/model-configs/bad").await.is(200).json();
    assert_eq!(read["serving_version"], Value::Null, "{read}");
    let offered = world.text.get("/v1/models").await.unwrap();
    assert_eq!(offered.status, 200, "{}", offered.text());
}

#[tokio::test]
async fn s01_a_row_that_leads_elsewhere_is_never_called() {
    let world = World::new().await;
    let before = world.local.simulator.requests().len();
    for endpoint in [
        "https://attacker.invalid/v1",
        "https://api.openai.com@attacker.invalid/v1",
        "https://{user_prompt}/v1",
        "http://169.254.169.254/latest",
        "//attacker.invalid/v1",
        "/a/../../b",
    ] {
        let mapping = json!({"endpoint": endpoint, "body": {"prompt": "{user_prompt}"},
            "response_mapping": {"text": "$.text"}});
        let differs = json!({"protocol": "mapped", "payload_mapping": mapping});
        let mut row = config(Server::OpenAi, &differs);
        row.insert("status".to_owned(), "active".into());
        let id = row["model_id"].as_str().unwrap().to_owned();
        let row = Value::Object(row).to_string();
        world
            .run(
                "INSERT INTO model_configs (model_id, version, config, created_at, updated_at)
                 VALUES (?1, 1, ?2, 1, 1)",
                &[&id, &row],
            )
            .await;
        world
            .run(
                "INSERT INTO model_config_versions (model_id, owner, version, config, created_at)
                 VALUES (?1, '', 1, ?2, 1)",
                &[&id, &row],
            )
            .await;
        let refused = world.call(&id).await;
        assert_eq!(refused.status, 503, "{endpoint}: {}", refused.text());
        let body = json!({"instance_id": "inst_dev", "input": {"prompt": "Hi"}});
        let test = world.control.post(&format!("/v1/model-configs/{id}/test"), &body).await;
        test.fails(503, "PROVIDER_UNAVAILABLE");
    }
    assert_eq!(world.local.simulator.requests().len(), before);
}
