//! Keys and sessions: how soon one that was revoked is refused, what is noted of their use, and what a call asks for that
//! knows its own.

use std::{sync::Arc, time::Duration};

use de_core::{
    auth::session::NewSession,
    ids::{SessionId, UserId},
    limits::Epochs,
    ports::{Cache, Clock, Database, Limiter, Settings},
    store::{
        epochs::{self, EpochScope},
        sessions::{self, NewRow},
    },
};
use de_testkit::client::TestClient;
use http::Method;
use serde_json::{Value, json};

use crate::{
    doubles::Counted,
    gateway::{Gateway, openai},
};

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
    gateway.test.sql("UPDATE api_keys SET revoked_at = 1 WHERE prefix = 'de_admin_'", &[]).await;
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
    gateway.test.sql("UPDATE api_keys SET revoked_at = 1 WHERE prefix = 'de_test_'", &[]).await;
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

    gateway.test.sql("UPDATE api_keys SET revoked_at = 1 WHERE prefix = 'de_test_'", &[]).await;
    let tenant = &gateway.test.tenant.tenant;
    let now = gateway.test.clock.now();
    let bump = epochs::bump(EpochScope::Tenant(&tenant.organization_id), now);
    gateway.test.database.batch(bump.into()).await.unwrap();
    let row = gateway
        .test
        .sql("SELECT epoch FROM epochs WHERE scope = ?1", &[tenant.organization_id.as_str()])
        .await;
    let tenant_epoch = row[0]["epoch"].as_u64().unwrap();
    let epochs = Epochs { catalogue: 0, tenant: tenant_epoch };
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
async fn a_vendors_key_that_was_opened_is_noted_once_a_minute() {
    let gateway = Gateway::new().await;
    let used = || async {
        gateway.test.background.join_all().await;
        let sql =
            "SELECT provider_id, last_used_at FROM provider_keys WHERE last_used_at IS NOT NULL";
        let read = gateway.test.sql(sql, &[]).await;
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
    assert_eq!(gateway.test.sql(sql, &[]).await, [row]);
    // The vendor hears nothing of the cookie.
    assert!(!gateway.test.fetch.sent()[0].headers.contains_key("cookie"));
    // Ended while its copies were warm, if it had any.
    gateway.test.sql("UPDATE sessions SET revoked_at = 1", &[]).await;
    let over = ask().header("origin", page).send().await.unwrap();
    assert_eq!(over.json()["error_code"], "SESSION_EXPIRED");
    assert_eq!(gateway.sent(), 1);
}

/// Which is what keeps the database out of the way of calls (ADR 0020).
#[tokio::test(start_paused = true)]
async fn a_call_whose_key_and_model_are_known_asks_neither_database_nor_cache() {
    let mut counted = None;
    let gateway = Gateway::with(|platform| {
        let database = Counted::<dyn Database>::new(platform.database.clone());
        let cache = Counted::<dyn Cache>::new(platform.cache.clone());
        platform.database = database.clone();
        platform.cache = cache.clone();
        counted = Some((database, cache));
    })
    .await;
    let (database, cache) = counted.unwrap();
    let mut asked = Vec::new();
    for _ in 0..3 {
        gateway.test.fetch.answer(openai("Hi."));
        let answer = gateway.generate("gpt-4o-mini").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(gateway.test.background.join_all().await, 0);
        asked.push((database.take(), cache.take()));
    }
    assert!(asked[0].0 > 0 && asked[0].1 > 0, "{asked:?}");
    assert_eq!(asked[1..], [(0, 0), (0, 0)]);
}
