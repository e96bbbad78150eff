//! The first superadmin: once, and by whoever deployed.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::stack::Stack;
use de_core::ports::{Database, Statement};
use de_testkit::{
    client::{TestClient, TestResponse},
    platform::TestPlatform,
};
use serde_json::{Value, json};

const TOKEN: &str = "a bootstrap token for tests only, 0001";

#[track_caller]
fn fails(answer: &TestResponse, status: u16, code: &str) {
    let told = (answer.status, answer.json()["error_code"].as_str().unwrap_or("").to_owned());
    assert_eq!(told, (status, code.to_owned()), "{}", answer.text());
}

fn wish() -> Value {
    json!({"token": TOKEN, "organization": "Acme", "email": "Root@Example.com", "name": "Root"})
}

/// A platform that nobody operates yet.
async fn fresh(token: Option<&str>) -> TestPlatform {
    let builder = TestPlatform::builder();
    let builder = token.map_or(builder, |token| TestPlatform::builder().bootstrap_token(token));
    let test = builder.build().await.unwrap();
    let sql = "UPDATE users SET role = 'admin'";
    test.database.batch(vec![Statement { args: Vec::new(), sql }]).await.unwrap();
    test
}

fn front(test: &TestPlatform) -> TestClient {
    TestClient::of_router(de_config::router(test.another_isolate()))
}

#[tokio::test]
async fn where_someone_operates_the_service_nobody_begins_again() {
    let stack = Stack::ready().await;
    for body in [wish(), json!({})] {
        fails(&stack.front.post("/v1/bootstrap", &body).await.unwrap(), 409, "CONFLICT");
    }
}

#[tokio::test]
async fn the_first_superadmin_gets_a_key_that_opens_the_control_plane() {
    let test = fresh(Some(TOKEN)).await;
    let answer = front(&test).post("/v1/bootstrap", &wish()).await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    let made = answer.json();
    assert_eq!(made["organization"]["name"], "Acme");
    assert_eq!(made["user"]["email"], "root@example.com");
    assert_eq!(made["user"]["name"], "Root");
    assert_eq!(made["user"]["role"], "superadmin");
    assert_eq!(made["user"]["organization_id"], made["organization"]["id"]);
    assert_eq!(made["api_key"]["scopes"], json!(["admin", "read"]));
    assert_eq!(
        answer.header("location"),
        format!("/v1/users/{}", made["user"]["id"].as_str().unwrap())
    );
    let secret = made["api_key"]["secret"].as_str().unwrap();
    assert!(secret.starts_with("de_admin_"));
    let client = front(&test).with_key(secret).unwrap();
    let organization =
        client.post("/v1/organizations", &json!({"name": "Customer"})).await.unwrap();
    assert_eq!(organization.status, 201, "{}", organization.text());
    let login = front(&test).post("/v1/sessions", &json!({ "key": secret })).await.unwrap();
    assert_eq!(login.status, 201, "{}", login.text());
    // It is on record, and no secret is.
    let target = made["user"]["id"].as_str().unwrap();
    let events = client.get(&format!("/v1/audit-events?target_id={target}")).await.unwrap().json();
    assert_eq!(events["data"][0]["action"], "bootstrap.create", "{events}");
    assert_eq!(events["data"][0]["actor"]["kind"], "system", "{events}");
    let (dump, log) = (test.database.dump().unwrap(), test.log.text());
    for text in [secret, TOKEN] {
        assert!(!dump.contains(text) && !log.contains(text));
    }
    // Once.
    fails(&front(&test).post("/v1/bootstrap", &wish()).await.unwrap(), 409, "CONFLICT");
}

#[tokio::test]
async fn of_many_at_once_one_begins() {
    let test = fresh(Some(TOKEN)).await;
    let tries = (0..8).map(|n| {
        let client = front(&test);
        let mut wish = wish();
        wish["email"] = format!("root{n}@example.com").into();
        async move { client.post("/v1/bootstrap", &wish).await.unwrap().status }
    });
    let mut statuses = futures_util::future::join_all(tries).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    let count = "SELECT count(*) AS n FROM users WHERE role = 'superadmin'";
    let count = Statement { args: Vec::new(), sql: count };
    assert_eq!(test.database.batch(vec![count]).await.unwrap()[0][0]["n"], 1);
    let dump = test.database.dump().unwrap();
    assert_eq!(dump.matches("bootstrap.create").count(), 1, "nothing is left of the others");
}

#[tokio::test]
async fn only_the_token_of_the_deployment_opens_it() {
    let test = fresh(Some(TOKEN)).await;
    let before = test.database.dump().unwrap();
    for wrong in ["x", &TOKEN[1..], &format!("{TOKEN} "), &TOKEN.to_uppercase()] {
        let mut wish = wish();
        wish["token"] = wrong.into();
        fails(&front(&test).post("/v1/bootstrap", &wish).await.unwrap(), 401, "INVALID_API_KEY");
    }
    for (name, value) in [
        ("token", Value::Null),
        ("token", "".into()),
        ("organization", Value::Null),
        ("organization", 1.into()),
        ("email", Value::Null),
        ("email", "nobody".into()),
        ("name", "x".repeat(201).into()),
        ("role", "superadmin".into()),
    ] {
        let mut wish = wish();
        wish[name] = value;
        let answer = front(&test).post("/v1/bootstrap", &wish).await.unwrap();
        fails(&answer, 400, "VALIDATION_ERROR");
        assert_eq!(answer.json()["details"]["fields"][0]["field"], format!("/{name}"));
    }
    let page = front(&test).with_header("origin", "https://evil.example").unwrap();
    fails(&page.post("/v1/bootstrap", &wish()).await.unwrap(), 403, "ORIGIN_NOT_ALLOWED");
    assert_eq!(test.database.dump().unwrap(), before);
    // An address that is in use is no reason to fail half-way.
    let taken = "UPDATE users SET email = 'root@example.com'";
    test.database.batch(vec![Statement { args: Vec::new(), sql: taken }]).await.unwrap();
    let before = test.database.dump().unwrap();
    fails(&front(&test).post("/v1/bootstrap", &wish()).await.unwrap(), 409, "CONFLICT");
    assert_eq!(test.database.dump().unwrap(), before);
}

#[tokio::test]
async fn without_a_token_nobody_begins() {
    let test = fresh(None).await;
    for token in [TOKEN, "x"] {
        let mut wish = wish();
        wish["token"] = token.into();
        fails(&front(&test).post("/v1/bootstrap", &wish).await.unwrap(), 403, "FORBIDDEN");
    }
}

#[tokio::test]
async fn tokens_that_fail_are_counted() {
    let test = fresh(Some(TOKEN)).await;
    test.brake.set_limit(1);
    let client = front(&test).with_header("cf-connecting-ip", "192.0.2.1").unwrap();
    let mut wrong = wish();
    wrong["token"] = "wrong".into();
    fails(&client.post("/v1/bootstrap", &wrong).await.unwrap(), 401, "INVALID_API_KEY");
    fails(&client.post("/v1/bootstrap", &wrong).await.unwrap(), 429, "RATE_LIMIT_EXCEEDED");
    fails(&client.post("/v1/bootstrap", &wish()).await.unwrap(), 429, "RATE_LIMIT_EXCEEDED");
}
