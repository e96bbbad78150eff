//! Keys: made, shown once, rotated, revoked. What they open is tried by calls.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{control::Control, stack::Stack, wait::unique, wire::Wire};
use serde_json::{Value, json};

/// The project of the stack's tenant: its instance has the vendors' keys.
const PROJECT: &str = "proj_dev";

#[tokio::test]
async fn s03_a_secret_is_shown_once_and_never_again() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let name = unique("once");
    let body = json!({"project_id": PROJECT, "name": name, "scopes": ["text", "read"],
        "allowed_models": ["gpt-4o-mini"], "expires_at": "2099-01-01T00:00:00+01:00"});
    let made = control.post("/v1/api-keys", &body).await.is(201).json();
    let secret = made["secret"].as_str().unwrap();
    let id = made["id"].as_str().unwrap();
    assert!(secret.starts_with("de_test_"), "the instance is for development");
    assert_eq!(made["prefix"], "de_test_");
    assert_eq!(made["last_four"], &secret[secret.len() - 4..]);
    assert_eq!(made["expires_at"], "2098-12-31T23:00:00.000Z");
    let mut expected = made.clone();
    expected.as_object_mut().unwrap().shift_remove("secret");
    let read = control.get(&format!("/v1/api-keys/{id}")).await.is(200);
    assert_eq!(read.json(), expected);
    let list = control.get(&format!("/v1/api-keys?project_id={PROJECT}&limit=200")).await.is(200);
    for text in [read.text(), list.text()] {
        assert!(!text.contains(secret) && !text.contains("digest"), "{text}");
    }
    stack.call(Wire::Native, "gpt-4o-mini", "Hello").key(secret).send().await.good();
    let other = stack.call(Wire::Native, "claude-haiku-4-5", "Hello").key(secret).send().await;
    other.fails(403, "MODEL_NOT_ALLOWED");
}

#[tokio::test]
async fn keys_are_found_by_how_they_stand_when_they_end_where_they_are_and_what_they_are_called() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let admin = control.person(&tenant.organization, "admin").await;
    let word = unique("Kiosk");
    let make = async |name: &str, ends: Value| {
        let body = json!({"project_id": tenant.project, "name": format!("{word} {name}"),
            "scopes": ["text"], "expires_at": ends});
        control.make("api-keys", body).await
    };
    let lasting = make("lasting", Value::Null).await;
    let ending = make("ending", json!("2099-01-01T00:00:00Z")).await;
    let revoked = make("revoked", json!("2099-06-01T00:00:00Z")).await;
    let id = |key: &Value| key["id"].as_str().unwrap().to_owned();
    control.delete(&format!("/v1/api-keys/{}", id(&revoked))).await.is(204);
    let own = json!({"user_id": admin.id, "name": format!("{word} own"), "scopes": ["read"]});
    let own = control.make("api-keys", own).await;

    let place = format!("instance_id={}", tenant.instance);
    let small = word.to_lowercase();
    let (lasts, ends, gone, mine) = (id(&lasting), id(&ending), id(&revoked), id(&own));
    for (filter, expected) in [
        (format!("q={small}"), vec![&lasts, &ends, &gone, &mine]),
        (format!("q={small}&status=active"), vec![&lasts, &ends, &mine]),
        (format!("q={small}&status=revoked"), vec![&gone]),
        (format!("q={small}&status=expired"), vec![]),
        (format!("q={small}%20END"), vec![&ends]),
        (format!("{place}&q={lasts}"), vec![&lasts]),
        (format!("{place}&q={}", lasting["last_four"].as_str().unwrap()), vec![&lasts]),
        // No sign of a pattern means anything but itself.
        (format!("{place}&q=%25"), vec![]),
        (place.clone(), vec![&lasts, &ends, &gone]),
        (format!("{place}&status=active"), vec![&lasts, &ends]),
        (format!("{place}&expires_before=2099-03-01"), vec![&ends]),
        (format!("q={small}&expires_before=2099-12-31T00:00:00Z"), vec![&ends, &gone]),
        (format!("q={small}&expires_before=2099-12-31&status=active"), vec![&ends]),
        (format!("{place}&user_id={}", admin.id), vec![]),
        (format!("{place}&project_id={}&status=revoked", tenant.project), vec![&gone]),
        (format!("user_id={}&q={small}", admin.id), vec![&mine]),
        ("instance_id=inst_nobodys".to_owned(), vec![]),
    ] {
        let mut expected: Vec<&str> = expected.into_iter().map(String::as_str).collect();
        expected.sort_unstable();
        for who in [&control, &admin.control] {
            let page = who.get(&format!("/v1/api-keys?limit=200&{filter}")).await.is(200).json();
            let rows = page["data"].as_array().unwrap().iter();
            let found: Vec<&str> = rows.map(|row| row["id"].as_str().unwrap()).collect();
            assert_eq!(found, expected, "{filter}");
        }
    }
    // Page by page, narrowed as the first one was.
    let first = format!("/v1/api-keys?limit=1&{place}&status=active");
    let page = control.get(&first).await.is(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = control.get(&format!("{first}&cursor={cursor}")).await.is(200).json();
    let mut all = [&page, &rest].map(|page| page["data"][0]["id"].as_str().unwrap());
    all.sort_unstable();
    let mut expected = [lasts.as_str(), ends.as_str()];
    expected.sort_unstable();
    assert_eq!((all, &rest["next_cursor"]), (expected, &Value::Null));
    for wrong in ["status=gone", "expires_before=soon", "q=", "q=%20", "instance_id=x"] {
        let path = format!("/v1/api-keys?{wrong}");
        let refused = control.get(&path).await.fails(400, "VALIDATION_ERROR");
        let field = wrong.split('=').next().unwrap();
        assert_eq!(refused["details"]["fields"][0]["field"], format!("?{field}"), "{wrong}");
    }
}

#[tokio::test]
async fn s19_a_revoked_key_is_refused_at_the_next_call_and_its_row_stays() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let (id, secret) = key(&control, json!({"scopes": ["text"]})).await;
    for wire in Wire::ALL {
        stack.call(wire, "gpt-4o-mini", "Hello").key(&secret).send().await.good();
    }
    control.delete(&format!("/v1/api-keys/{id}")).await.is(204);
    for wire in Wire::ALL {
        let word = unique("revoked");
        let call = stack.call(wire, "gpt-4o-mini", &word).key(&secret);
        for call in [call.clone(), call.by_front_door()] {
            call.send().await.fails(401, "INVALID_API_KEY");
        }
        assert!(stack.vendors.received(&word).await.is_empty());
    }
    let row = control.get(&format!("/v1/api-keys/{id}")).await.is(200).json();
    assert!(row["revoked_at"].is_string(), "{row}");
    // Again is well; anything else is too late.
    control.delete(&format!("/v1/api-keys/{id}")).await.is(204);
    let again = control.get(&format!("/v1/api-keys/{id}")).await.is(200).json();
    assert_eq!(again["revoked_at"], row["revoked_at"]);
    let path = format!("/v1/api-keys/{id}");
    control.patch(&path, &json!({"name": "late"})).await.fails(409, "CONFLICT");
    control.post(&format!("{path}/rotate"), &json!({})).await.fails(409, "CONFLICT");
}

#[tokio::test]
async fn a_change_of_a_key_holds_at_the_next_call() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let (id, secret) = key(&control, json!({"scopes": ["text"]})).await;
    let path = format!("/v1/api-keys/{id}");
    let call = || stack.call(Wire::OpenAi, "gpt-4o-mini", "Hello").key(&secret);
    call().send().await.good();
    control.patch(&path, &json!({"allowed_models": ["claude-haiku-4-5"]})).await.is(200);
    call().send().await.fails(403, "MODEL_NOT_ALLOWED");
    control.patch(&path, &json!({"allowed_models": null, "scopes": ["image"]})).await.is(200);
    call().send().await.fails(403, "FORBIDDEN");
    control.patch(&path, &json!({"scopes": ["text"]})).await.is(200);
    call().send().await.good();
}

#[tokio::test]
async fn s19_a_rotated_key_lives_on_for_its_overlap() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let (id, old) =
        key(&control, json!({"scopes": ["text"], "allowed_models": ["gpt-4o-mini"]})).await;
    let call = |secret: &str| stack.call(Wire::Native, "gpt-4o-mini", "Hello").key(secret);
    call(&old).send().await.good();
    let body = json!({"overlap_s": 600});
    let made = control.post(&format!("/v1/api-keys/{id}/rotate"), &body).await.is(201).json();
    let newer = made["secret"].as_str().unwrap();
    assert_ne!(made["id"], id.as_str());
    assert_eq!(made["allowed_models"], json!(["gpt-4o-mini"]));
    assert_eq!(made["replaces"]["id"], id.as_str());
    assert!(made["replaces"]["expires_at"].is_string());
    call(&old).send().await.good();
    call(newer).send().await.good();
    let id = made["id"].as_str().unwrap();
    let made = control.post(&format!("/v1/api-keys/{id}/rotate"), &json!({})).await.is(201).json();
    call(newer).send().await.fails(401, "INVALID_API_KEY");
    call(made["secret"].as_str().unwrap()).send().await.good();
}

#[tokio::test]
async fn s02_what_a_project_or_instance_loses_its_keys_lose() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let project =
        control.make("projects", json!({"instance_id": "inst_dev", "name": "Short"})).await;
    let path = format!("/v1/projects/{}", project["id"].as_str().unwrap());
    let body = json!({"project_id": project["id"], "scopes": ["text"]});
    let secret = control.make("api-keys", body).await["secret"].as_str().unwrap().to_owned();
    let call = || stack.call(Wire::Anthropic, "gpt-4o-mini", "Hello").key(&secret);
    call().send().await.good();
    control.patch(&path, &json!({"status": "suspended"})).await.is(200);
    call().send().await.fails(403, "FORBIDDEN");
    control.patch(&path, &json!({"status": null})).await.is(200);
    call().send().await.good();
    control.delete(&path).await.fails(409, "CONFLICT");
    control.delete(&format!("{path}?cascade=true")).await.is(204);
    call().send().await.fails(401, "INVALID_API_KEY");

    let tenant = control.tenant().await;
    let body = json!({"project_id": tenant.project, "scopes": ["text"]});
    let secret = control.make("api-keys", body).await["secret"].as_str().unwrap().to_owned();
    let call = || stack.call(Wire::Native, "gpt-4o-mini", "Hello").key(&secret);
    // This tenant has no key of the vendor's, and does not get anyone else's.
    call().send().await.fails(503, "MISSING_API_KEY");
    control.delete(&format!("/v1/instances/{}?cascade=true", tenant.instance)).await.is(204);
    let answer = call().send().await;
    assert!([401, 403].contains(&answer.status()), "{}", answer.response.text());
}

#[tokio::test]
async fn s17_what_a_key_cannot_be_is_named() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let rows = [
        (json!({}), vec!["/scopes", "/project_id"]),
        (
            json!({"project_id": PROJECT, "user_id": "user_dev", "scopes": ["text"]}),
            vec!["/project_id"],
        ),
        (
            json!({"project_id": PROJECT, "scopes": ["admin", "fly"], "expires_at": "2020-01-01T00:00:00Z",
                "allowed_origins": ["https://a.b/c"], "allowed_addresses": ["localhost"],
                "allowed_models": ["UPPER"], "secret": "mine"}),
            vec![
                "/scopes/0",
                "/scopes/1",
                "/allowed_models/0",
                "/allowed_origins/0",
                "/allowed_addresses/0",
                "/expires_at",
                "/secret",
            ],
        ),
        (json!({"project_id": PROJECT, "scopes": []}), vec!["/scopes"]),
    ];
    for (body, expected) in rows {
        let refused = control.post("/v1/api-keys", &body).await.fails(400, "VALIDATION_ERROR");
        let fields = refused["details"]["fields"].as_array().unwrap().clone();
        let fields: Vec<&str> = fields.iter().filter_map(|field| field["field"].as_str()).collect();
        assert_eq!(fields, expected, "{body}");
    }
    for body in [
        json!({"project_id": "proj_nobodys", "scopes": ["text"]}),
        json!({"user_id": "user_nobodys", "scopes": ["read"]}),
    ] {
        control.post("/v1/api-keys", &body).await.fails(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn a_persons_key_works_until_it_is_revoked() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let body = json!({"user_id": "user_dev", "name": unique("mine"), "scopes": ["read"]});
    let made = control.post("/v1/api-keys", &body).await.is(201).json();
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("de_admin_"));
    let reader = Control::of(stack.front.clone().with_key(secret).unwrap());
    reader.get("/v1/organizations/org_dev").await.is(200);
    // It reads and does not write.
    let refused =
        reader.post("/v1/organizations", &json!({"name": "x"})).await.fails(403, "FORBIDDEN");
    assert_eq!(refused["details"]["scope"], "admin");
    control.delete(&format!("/v1/api-keys/{}", made["id"].as_str().unwrap())).await.is(204);
    reader.get("/v1/organizations/org_dev").await.fails(401, "INVALID_API_KEY");
}

/// Makes a key of the stack's project.
async fn key(control: &Control, differs: Value) -> (String, String) {
    let mut body = json!({"project_id": PROJECT, "name": unique("key")});
    body.as_object_mut().unwrap().extend(differs.as_object().unwrap().clone());
    let made = control.make("api-keys", body).await;
    (made["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}
