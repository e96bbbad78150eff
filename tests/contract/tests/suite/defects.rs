//! Mistakes that a control plane like this one has been seen to make, each by its number, where no other
//! suite has it already.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::time::Duration;

use de_contract::{
    control::Control,
    models::config,
    stack::Stack,
    wait::unique,
    wire::{Server, Wire},
};
use de_testkit::{
    client::TestClient,
    clock::FakeClock,
    platform::{START, TestPlatform},
};
use serde_json::{Value, json};

#[tokio::test]
async fn s05_a_refusal_is_final_whatever_a_copy_holds() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let model = stack.model(Server::OpenAi, json!({})).await;
    let narrow =
        json!({"project_id": "proj_dev", "scopes": ["text"], "allowed_models": ["gpt-4o"]});
    let narrow = control.make("api-keys", narrow).await["secret"].as_str().unwrap().to_owned();
    let tenant = control.tenant().await;
    let own =
        Value::Object(config(Server::OpenAi, &json!({"organization_id": tenant.organization})));
    let own = control.make("model-configs", own).await["model_id"].as_str().unwrap().to_owned();
    for _ in 0..3 {
        // Whoever may call it brings it into every copy there is.
        stack.call(Wire::Native, &model, "Hello").send().await.good();
        let refused = stack.call(Wire::Native, &model, "Hello").key(&narrow).send().await;
        refused.fails(403, "MODEL_NOT_ALLOWED");
        // What is another tenant's stays so, however often it is asked for.
        stack.call(Wire::Native, &own, "Hello").send().await.fails(404, "MODEL_NOT_FOUND");
    }
}

#[tokio::test]
async fn s06_without_a_grant_there_is_no_access_and_no_header_makes_one() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let nobody = control.person(&tenant.organization, "user").await;
    let instance = format!("/v1/instances/{}", tenant.instance);
    nobody.control.get(&instance).await.fails(404, "NOT_FOUND");
    let call = stack.call(Wire::Native, "gpt-4o-mini", "Hello").key(&nobody.key);
    call.header("x-instance-id", &tenant.instance).send().await.fails(404, "NOT_FOUND");
    for (name, value) in [
        ("x-user-id", "user_dev"),
        ("cf-access-authenticated-user-email", "admin@dev.invalid"),
        ("cf-access-jwt-assertion", "e30.e30.e30"),
    ] {
        let asked = stack.front.request(http::Method::GET, &instance).header(name, value);
        assert_eq!(asked.send().await.unwrap().status, 401, "{name}");
    }
}

#[tokio::test]
async fn s08_a_key_ends_at_its_millisecond() {
    let test = TestPlatform::builder().clock(FakeClock::at(START)).build().await.unwrap();
    let client = TestClient::of_router(de_config::router(test.another_isolate()));
    let admin = test.tenant.admin_key.expose();
    let control = Control::of(client.clone().with_key(admin).unwrap());
    let ends = START.plus(60_000).rfc3339();
    let key = json!({"user_id": "user_dev", "scopes": ["read"], "expires_at": ends});
    let key = control.make("api-keys", key).await["secret"].as_str().unwrap().to_owned();
    let holder = Control::of(client.with_key(&key).unwrap());
    test.clock.advance(Duration::from_millis(59_999));
    holder.get("/v1/organizations").await.is(200);
    test.clock.advance(Duration::from_millis(1));
    holder.get("/v1/organizations").await.fails(401, "KEY_EXPIRED");
}

#[tokio::test]
async fn s18_a_log_in_is_checked_and_its_cookie_is_out_of_reach_of_scripts() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    control.post("/v1/sessions", &json!({"key": "anything"})).await.fails(401, "INVALID_API_KEY");
    let made = control.post("/v1/sessions", &json!({"key": stack.keys.admin})).await.is(201);
    let cookie = made.header("set-cookie").to_owned();
    for part in ["__Host-de_session", "HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let value = cookie.split(['=', ';']).nth(1).unwrap();
    assert!(value.len() > 40 && !made.text().contains(value));
}

#[tokio::test]
async fn c06_every_resource_is_made_and_changed_on_the_migrated_schema() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let person = control.person(&tenant.organization, "user").await;
    for path in [
        format!("organizations/{}", tenant.organization),
        format!("instances/{}", tenant.instance),
        format!("projects/{}", tenant.project),
        format!("users/{}", person.id),
    ] {
        let name = unique("Named");
        let changed = control.patch(&format!("/v1/{path}"), &json!({"name": name})).await.is(200);
        assert_eq!(changed.json()["name"], name.as_str());
        let read = control.get(&format!("/v1/{path}")).await.is(200);
        assert_eq!(read.json(), changed.json(), "{path}");
    }
}

#[tokio::test]
async fn f05_a_key_is_made_here_works_and_only_its_digest_is_kept() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let made = json!({"project_id": "proj_dev", "scopes": ["text"]});
    let made = control.make("api-keys", made).await;
    let secret = made["secret"].as_str().unwrap();
    stack.call(Wire::Native, "gpt-4o-mini", "Hello").key(secret).send().await.good();
    let path = format!("/v1/api-keys/{}", made["id"].as_str().unwrap());
    let shown = control.get(&path).await.is(200);
    assert_eq!(shown.json()["last_four"].as_str().unwrap(), &secret[secret.len() - 4..]);
    assert!(shown.json()["secret"].is_null());
    if let Some(kept) = stack.dump() {
        assert!(kept.contains(&de_core::auth::api_key::digest(secret)) && !kept.contains(secret));
    }
}

#[tokio::test]
async fn s07_a_test_key_is_refused_where_its_instance_is_in_production() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let id = |made: &Value| made["id"].as_str().unwrap().to_owned();
    let organization = id(&control.make("organizations", json!({"name": unique("moves")})).await);
    let instance =
        json!({"organization_id": organization, "name": "I", "environment": "development"});
    let instance = id(&control.make("instances", instance).await);
    let project = json!({"instance_id": instance, "name": "P"});
    let project = id(&control.make("projects", project).await);
    let vendors_key = json!({"secret": stack.vendor_keys["openai"]});
    control.put(&format!("/v1/provider-keys/{instance}/openai"), &vendors_key).await.is(201);
    let key = json!({"project_id": project, "scopes": ["text", "read"]});
    let test = control.make("api-keys", key.clone()).await["secret"].as_str().unwrap().to_owned();
    assert!(test.starts_with("de_test_"), "{}", &test[..8]);
    let instance = format!("/v1/instances/{instance}");
    let moves = async |environment: &str| {
        control.patch(&instance, &json!({"environment": environment})).await.is(200);
    };
    for _ in 0..2 {
        for wire in Wire::ALL {
            // Into every copy there is.
            stack.call(wire, "gpt-4o-mini", "Hello").key(&test).send().await.good();
        }
        moves("production").await;
        for wire in Wire::ALL {
            let word = unique("production");
            let call = stack.call(wire, "gpt-4o-mini", &word).key(&test);
            for call in [call.clone(), call.by_front_door()] {
                call.send().await.fails(401, "INVALID_API_KEY");
            }
            assert!(stack.vendors.received(&word).await.is_empty());
        }
        let holder = Control::of(stack.front.clone().with_key(&test).unwrap());
        holder.get("/v1/model-configs").await.fails(401, "INVALID_API_KEY");
        let live = control.make("api-keys", key.clone()).await;
        let live = live["secret"].as_str().unwrap();
        assert!(live.starts_with("de_live_"), "{}", &live[..8]);
        stack.call(Wire::Native, "gpt-4o-mini", "Hello").key(live).send().await.good();
        // The key was never revoked: where it was made for, it holds again.
        moves("development").await;
    }
}
