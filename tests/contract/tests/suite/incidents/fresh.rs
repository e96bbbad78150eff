//! Passwords that were there from the beginning: in a fresh deployment nobody is, and no key opens it.
//!
//! What a deployment puts into its database is held to be without persons and keys beside the code that does it
//! (`a_fresh_database_has_models_and_nobody`).

use de_contract::{document::catalogue::committed, stack::stranger_key};
use de_core::ports::{Database, Statement};
use de_testkit::{client::TestClient, platform::TestPlatform};
use http::Method;
use serde_json::json;

#[tokio::test]
async fn a_fresh_deployment_is_opened_by_nothing_that_somebody_could_know() {
    let test = TestPlatform::new().await.unwrap();
    // The keys of a stack for development, and nobody whom they are of.
    let of_development = [&test.tenant.admin_key, &test.tenant.client_key];
    let of_development = of_development.map(|key| key.expose().to_owned());
    let emptied = [
        "DELETE FROM sessions",
        "DELETE FROM api_keys",
        "DELETE FROM user_grants",
        "DELETE FROM users",
    ];
    let emptied = emptied.map(|sql| Statement { args: Vec::new(), sql });
    test.database.batch(emptied.to_vec()).await.unwrap();
    let front = TestClient::of_router(de_config::router(test.another_isolate()));
    let known =
        ["admin", "password", "changeme", "secret", "test", "de_admin_", "null", "undefined", "0"];
    let strange = stranger_key();
    let keys: Vec<&str> = known
        .into_iter()
        .chain(of_development.iter().map(String::as_str))
        .chain([strange.as_str(), ""])
        .collect();
    for key in &keys {
        let basic = "Basic YWRtaW46YWRtaW4=";
        for (name, value) in [
            ("authorization", format!("Bearer {key}")),
            ("x-api-key", (*key).to_owned()),
            ("authorization", basic.to_owned()),
            ("cookie", format!("__Host-de_session={key}")),
        ] {
            let request = front.request(Method::GET, "/v1/organizations").header(name, &value);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status, 401, "{name}: {value}: {}", answer.text());
        }
        let session = front.post("/v1/sessions", &json!({"key": key})).await.unwrap();
        // With the key of a project nobody logs in, whoever has it.
        assert!([400, 401, 403].contains(&session.status), "{key}: {}", session.text());
        assert_eq!(session.header("set-cookie"), "");
        // The deployment has no token: nobody begins, whatever they say.
        let wish =
            json!({"token": key, "organization": "A", "email": "a@example.com", "name": "A"});
        let begun = front.post("/v1/bootstrap", &wish).await.unwrap();
        assert_eq!(begun.status, 403, "{key}: {}", begun.text());
    }
    for operation in &committed().operations {
        if operation.value["x-permission"].is_null() {
            continue;
        }
        let path = operation.path.replace(['{', '}'], "");
        for key in &of_development {
            let client = front.clone().with_key(key).unwrap();
            let answer = client.request(operation.method.clone(), &path).json(&json!({}));
            assert_eq!(answer.send().await.unwrap().status, 401, "{} {path}", operation.method);
        }
    }
}
