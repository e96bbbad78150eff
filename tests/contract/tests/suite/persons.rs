//! Persons and grants: made, listed, changed, removed, and who may do what to whom.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use de_contract::{control::Control, stack::Stack, wait::unique};
use de_core::ports::{Arg, Database, Platform, PortError, Row, Statement};
use de_testkit::{client::TestClient, database::SqliteDatabase, platform::TestPlatform};
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_person_is_made_read_listed_changed_and_removed() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let email = format!("{}@example.com", unique("ada"));
    let shouted = email.to_uppercase();
    let body = json!({"organization_id": tenant.organization, "email": shouted, "name": "Ada"});
    let made = control.post("/v1/users", &body).await.is(201);
    let user = made.json();
    let id = user["id"].as_str().unwrap();
    let path = format!("/v1/users/{id}");
    assert_eq!(made.header("location"), path);
    assert_eq!(user["email"], email.as_str());
    assert_eq!((&user["role"], &user["status"]), (&json!("user"), &json!("active")));
    assert_eq!(control.get(&path).await.is(200).json(), user);

    // The address is theirs alone, however it is written.
    let refused = control.post("/v1/users", &body).await.fails(409, "CONFLICT");
    assert_eq!(refused["details"]["field"], "/email");
    let other = control.person(&tenant.organization, "admin").await;
    let there = format!("/v1/users/{}", other.id);
    let refused = control.patch(&there, &json!({"email": shouted})).await.fails(409, "CONFLICT");
    assert_eq!(refused["details"]["field"], "/email");

    let of_tenant = format!("organization_id={}", tenant.organization);
    for (filter, found) in [
        (of_tenant.clone(), 2),
        (format!("{of_tenant}&role=admin"), 1),
        (format!("{of_tenant}&role=superadmin"), 0),
        (format!("{of_tenant}&status=suspended"), 0),
        (format!("email={shouted}"), 1),
        (format!("email={email}&role=admin"), 0),
    ] {
        let page = control.get(&format!("/v1/users?{filter}")).await.is(200).json();
        assert_eq!(page["data"].as_array().unwrap().len(), found, "{filter}: {page}");
    }
    let first = control.get(&format!("/v1/users?{of_tenant}&limit=1")).await.is(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = control.get(&format!("/v1/users?{of_tenant}&limit=1&cursor={cursor}")).await;
    assert_eq!(first["data"][0]["id"], id);
    assert_eq!(second.is(200).json()["data"][0]["id"], other.id.as_str());

    let patch = json!({"name": null, "role": "admin"});
    let changed = control.patch(&path, &patch).await.is(200).json();
    assert_eq!((&changed["name"], &changed["role"]), (&Value::Null, &json!("admin")));
    assert_eq!(changed["email"], email.as_str());

    // Keys and grants are below a person, and go with them.
    control.grant(&other.id, &tenant.instance, "user").await;
    let refused = control.delete(&there).await.fails(409, "CONFLICT");
    assert_eq!(refused["details"]["below"], json!({"api_keys": 1, "grants": 1}));
    let told = control.delete(&format!("{there}?dry_run=true")).await.is(200).json();
    assert_eq!(told["would_delete"], json!({"api_keys": 1, "grants": 1}));
    other.control.get(&there).await.is(200);
    control.delete(&format!("{there}?cascade=true")).await.is(204);
    other.control.get(&there).await.fails(401, "INVALID_API_KEY");
    let left = control.get(&format!("/v1/instances/{}/grants", tenant.instance)).await.is(200);
    assert_eq!(left.json()["data"], json!([]));
    control.delete(&path).await.is(204);
    control.get(&path).await.fails(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_grant_opens_an_instance_and_is_taken_away() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let person = control.person(&tenant.organization, "user").await;
    let instance = format!("/v1/instances/{}", tenant.instance);
    let rename = json!({"name": "Renamed"});
    person.control.get(&instance).await.fails(404, "NOT_FOUND");

    let grant = format!("/v1/users/{}/grants/{}", person.id, tenant.instance);
    control.delete(&grant).await.fails(404, "NOT_FOUND");
    let made = control.put(&grant, &json!({"role": "readonly"})).await.is(201).json();
    assert_eq!(made["user_id"], person.id.as_str());
    assert_eq!(made["instance_id"], tenant.instance.as_str());
    person.control.get(&instance).await.is(200);
    person.control.patch(&instance, &rename).await.fails(403, "FORBIDDEN");
    // The same once more, and then another one.
    for role in ["readonly", "admin"] {
        let put = control.put(&grant, &json!({"role": role})).await.is(200).json();
        assert_eq!((&put["role"], &put["created_at"]), (&json!(role), &made["created_at"]));
    }
    person.control.patch(&instance, &rename).await.is(200);
    let row = control.put(&grant, &json!({"role": "owner"})).await.is(200).json();
    for list in [format!("/v1/users/{}/grants", person.id), format!("{instance}/grants")] {
        for who in [&control, &person.control] {
            let page = who.get(&list).await.is(200).json();
            assert_eq!(page, json!({"data": [row], "next_cursor": null}), "{list}");
        }
    }
    let events = format!("/v1/audit-events?limit=1&organization_id={}", tenant.organization);
    let event = control.get(&events).await.is(200).json()["data"][0].clone();
    assert_eq!((&event["action"], &event["after"]), (&json!("grant.put"), &row));
    assert_eq!((&event["target_id"], &event["before"]["role"]), (&row["user_id"], &json!("admin")));

    control.delete(&grant).await.is(204);
    control.delete(&grant).await.fails(404, "NOT_FOUND");
    person.control.get(&instance).await.fails(404, "NOT_FOUND");
    let event = control.get(&events).await.is(200).json()["data"][0].clone();
    assert_eq!((&event["action"], &event["before"]), (&json!("grant.delete"), &row));
    assert_eq!(event["after"], Value::Null);
}

#[tokio::test]
async fn who_owns_an_instance_sees_to_whom_they_may_give_it() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let owner = control.person(&tenant.organization, "user").await;
    let member = control.person(&tenant.organization, "user").await;
    let stranger = control.tenant().await;
    control.person(&stranger.organization, "user").await;
    let list = format!("/v1/users?instance_id={}", tenant.instance);
    let ids = |page: Value| {
        let rows = page["data"].as_array().unwrap().iter();
        rows.map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // Alone they see themselves; of the instance everybody of its organization, once they own it.
    for role in ["readonly", "user", "admin"] {
        control.grant(&owner.id, &tenant.instance, role).await;
        owner.control.get(&list).await.fails(404, "NOT_FOUND");
    }
    control.grant(&owner.id, &tenant.instance, "owner").await;
    let mut everybody = [owner.id.clone(), member.id.clone()];
    everybody.sort_unstable();
    assert_eq!(ids(owner.control.get("/v1/users").await.is(200).json()), [owner.id.as_str()]);
    for who in [&owner.control, &control] {
        assert_eq!(ids(who.get(&list).await.is(200).json()), everybody);
        let named = format!("{list}&organization_id={}", tenant.organization);
        assert_eq!(ids(who.get(&named).await.is(200).json()), everybody);
        let other = format!("{list}&organization_id={}", stranger.organization);
        who.get(&other).await.fails(404, "NOT_FOUND");
    }
    assert_eq!(ids(owner.control.get(&format!("{list}&role=admin")).await.is(200).json()), [""; 0]);
    let grant = format!("/v1/users/{}/grants/{}", member.id, tenant.instance);
    owner.control.put(&grant, &json!({"role": "user"})).await.is(201);
    member.control.get(&list).await.fails(404, "NOT_FOUND");
}

#[tokio::test]
async fn who_only_looks_at_an_instance_reads_as_of_it_and_changes_nothing() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let person = control.person(&tenant.organization, "user").await;
    let ask = async |method: Method, path: &str, body: Option<Value>| {
        let request = person.control.client.request(method, path);
        let request = request.header("x-instance-id", &tenant.instance);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        request.send().await.unwrap()
    };
    let read = [
        format!("/v1/instances/{}", tenant.instance),
        "/v1/models".to_owned(),
        "/v1/capabilities".to_owned(),
        format!("/v1/usage?instance_id={}", tenant.instance),
    ];
    for path in &read {
        assert_eq!(ask(Method::GET, path, None).await.status, 404, "{path}");
    }
    control.grant(&person.id, &tenant.instance, "readonly").await;
    for path in &read {
        let answer = ask(Method::GET, path, None).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    // What buys, or changes anything, is not theirs.
    let call = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]});
    let rename = json!({"name": "Renamed"});
    for (method, path, body) in [
        (Method::POST, "/v1/chat/completions", Some(call)),
        (Method::PATCH, read[0].as_str(), Some(rename)),
        (Method::DELETE, read[0].as_str(), None),
    ] {
        let answer = ask(method.clone(), path, body).await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
    }
    control.delete(&format!("/v1/users/{}/grants/{}", person.id, tenant.instance)).await.is(204);
    assert_eq!(ask(Method::GET, &read[1], None).await.status, 404);
}

#[tokio::test]
async fn c33_grants_are_listed_in_pages() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let mut people = Vec::new();
    for _ in 0..3 {
        let person = control.person(&tenant.organization, "user").await;
        control.grant(&person.id, &tenant.instance, "user").await;
        people.push(person.id);
    }
    let mut seen = Vec::new();
    let list = format!("/v1/instances/{}/grants?limit=2", tenant.instance);
    let mut path = list.clone();
    loop {
        let page = control.get(&path).await.is(200).json();
        let rows = page["data"].as_array().unwrap();
        seen.extend(rows.iter().map(|row| row["user_id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("{list}&cursor={cursor}");
    }
    people.sort_unstable();
    assert_eq!(seen, people);
    for list in [format!("/v1/users/{}", people[0]), format!("/v1/instances/{}", tenant.instance)] {
        control.get(&format!("{list}/grants?role=owner")).await.fails(400, "VALIDATION_ERROR");
    }
}

#[tokio::test]
async fn nobody_makes_or_changes_someone_above_them() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let admin = control.person(&tenant.organization, "admin").await;
    let peer = control.person(&tenant.organization, "admin").await;
    let operator = control.person(&tenant.organization, "superadmin").await;
    let asks = &admin.control;
    let email = || format!("{}@example.com", unique("new"));
    let new = |role: &str| json!({"organization_id": tenant.organization, "email": email(), "role": role});
    asks.post("/v1/users", &new("superadmin")).await.fails(403, "FORBIDDEN");
    asks.post("/v1/users", &new("admin")).await.is(201);
    let above = format!("/v1/users/{}", operator.id);
    // They see them, and that is all.
    asks.get(&above).await.is(200);
    asks.patch(&above, &json!({"name": "Low"})).await.fails(403, "FORBIDDEN");
    asks.delete(&format!("{above}?cascade=true")).await.fails(403, "FORBIDDEN");
    let own = format!("/v1/users/{}", admin.id);
    for path in [&own, &format!("/v1/users/{}", peer.id)] {
        asks.patch(path, &json!({"role": "superadmin"})).await.fails(403, "FORBIDDEN");
    }
    asks.patch(&own, &json!({"name": "Still I"})).await.is(200);
    asks.patch(&format!("/v1/users/{}", peer.id), &json!({"role": "user"})).await.is(200);
    // What they were is over at once.
    let refused = peer.control.post("/v1/users", &new("user")).await;
    refused.fails(403, "FORBIDDEN");
}

#[tokio::test]
async fn nobody_takes_their_own_rights_away() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    for role in ["admin", "superadmin"] {
        let person = control.person(&tenant.organization, role).await;
        let path = format!("/v1/users/{}", person.id);
        for patch in
            [json!({"status": "suspended"}), json!({"role": "user"}), json!({"role": null})]
        {
            person.control.patch(&path, &patch).await.fails(409, "CONFLICT");
        }
        person.control.delete(&format!("{path}?cascade=true")).await.fails(409, "CONFLICT");
        person.control.get(&path).await.is(200);
        // Someone else does.
        control.patch(&path, &json!({"status": "suspended"})).await.is(200);
        person.control.get(&path).await.fails(403, "FORBIDDEN");
        control.patch(&path, &json!({"status": null})).await.is(200);
        person.control.get(&path).await.is(200);
    }
}

#[tokio::test]
async fn a_guest_is_invited_by_who_sees_both_and_stays_a_guest() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let (home, away) = (control.tenant().await, control.tenant().await);
    let guest = control.person(&away.organization, "user").await;
    let admin = control.person(&home.organization, "admin").await;
    let owner = control.person(&home.organization, "user").await;
    control.grant(&owner.id, &home.instance, "owner").await;
    let theirs = control.person(&away.organization, "admin").await;
    let grant = format!("/v1/users/{}/grants/{}", guest.id, home.instance);
    // To those of the instance's organization, the guest does not exist, and the instance not to theirs.
    for who in [&admin, &owner, &theirs] {
        who.control.put(&grant, &json!({"role": "user"})).await.fails(404, "NOT_FOUND");
    }
    control.put(&grant, &json!({"role": "admin"})).await.is(201);
    control.grant(&guest.id, &away.instance, "user").await;
    let page = |who: &str, told: Value| {
        let rows = told["data"].as_array().unwrap();
        let rows: Vec<&str> = rows.iter().filter_map(|row| row[who].as_str()).collect();
        rows.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let list = format!("/v1/users/{}/grants", guest.id);
    let all = page("instance_id", guest.control.get(&list).await.is(200).json());
    assert_eq!(all, [home.instance.as_str(), away.instance.as_str()]);
    let seen = page("instance_id", theirs.control.get(&list).await.is(200).json());
    assert_eq!(seen, [away.instance.as_str()], "what they may do elsewhere is not their admin's");
    admin.control.get(&list).await.fails(404, "NOT_FOUND");
    let there = format!("/v1/instances/{}/grants", home.instance);
    let seen = page("user_id", owner.control.get(&there).await.is(200).json());
    assert!(seen.contains(&guest.id) && seen.len() == 2, "{seen:?}");
    // An owner of the instance sends them home again.
    owner.control.delete(&grant).await.is(204);
    guest.control.get(&there).await.fails(404, "NOT_FOUND");
}

#[tokio::test]
async fn c31_what_a_person_or_grant_cannot_be_is_named() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let person = control.person(&tenant.organization, "user").await;
    let user = format!("/v1/users/{}", person.id);
    let grant = format!("{user}/grants/{}", tenant.instance);
    let rows = [
        ("POST", "/v1/users", json!({}), vec!["/organization_id", "/email"]),
        (
            "POST",
            "/v1/users",
            json!({"organization_id": "inst_1", "email": "nobody", "name": "", "role": "king",
                "status": "gone", "password": "x"}),
            vec!["/organization_id", "/email", "/name", "/role", "/status", "/password"],
        ),
        (
            "PATCH",
            &user,
            json!({"email": null, "organization_id": tenant.organization, "id": "user_1"}),
            vec!["/email", "/organization_id", "/id"],
        ),
        ("PUT", &grant, json!({}), vec!["/role"]),
        ("PUT", &grant, json!({"role": "superadmin", "until": 1}), vec!["/role", "/until"]),
    ];
    for (method, path, body, expected) in rows {
        let request = control.client.request(method.parse().unwrap(), path).json(&body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        let fields = answer.json()["details"]["fields"].as_array().unwrap().clone();
        let fields: Vec<&str> = fields.iter().filter_map(|field| field["field"].as_str()).collect();
        assert_eq!(fields, expected, "{path} {body}");
    }
    let role = json!({"role": "user"});
    for (user, instance) in
        [("%FF", tenant.instance.as_str()), (&person.id, "%FF"), ("%C3%28", "%FF")]
    {
        let path = format!("/v1/users/{user}/grants/{instance}");
        control.put(&path, &role).await.fails(400, "INVALID_REQUEST");
        control.delete(&path).await.fails(400, "INVALID_REQUEST");
    }
    for (user, instance) in
        [("user_nobody", tenant.instance.as_str()), (&person.id, "inst_no"), ("x", "y")]
    {
        let path = format!("/v1/users/{user}/grants/{instance}");
        control.put(&path, &role).await.fails(404, "NOT_FOUND");
        control.delete(&path).await.fails(404, "NOT_FOUND");
    }
}

/// A database in which something happens right before the next change.
struct Between {
    database: Arc<SqliteDatabase>,
    first: Mutex<Vec<Statement>>,
}

#[async_trait]
impl Database for Between {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, PortError> {
        let changes =
            statements.iter().any(|statement| statement.sql.contains("INTO audit_events"));
        let first = std::mem::take(&mut *self.first.lock().unwrap());
        let (now, later) = if changes { (first, Vec::new()) } else { (Vec::new(), first) };
        *self.first.lock().unwrap() = later;
        self.database.batch(now).await?;
        self.database.batch(statements).await
    }
}

/// Whoever may log in with a key, as a browser does: the cookie.
async fn logged_in(stack: &Stack, key: &str) -> String {
    let ask = stack.front.request(Method::POST, "/v1/sessions").json(&json!({"key": key}));
    let answer = ask.send().await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// An administrator may keep the secret of a key that they made for somebody below them.
#[tokio::test]
async fn who_becomes_more_loses_the_keys_and_log_ins_that_others_may_hold() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let with = |key: &str| Control::of(stack.front.clone().with_key(key).unwrap());
    for (from, to) in [("user", "superadmin"), ("admin", "superadmin"), ("user", "admin")] {
        let tenant = control.tenant().await;
        let boss = control.person(&tenant.organization, "admin").await.control;
        let email = format!("{}@example.com", unique("ada"));
        let new = json!({"organization_id": tenant.organization, "email": email, "role": from});
        let made = boss.post("/v1/users", &new).await.is(201).json();
        let user = made["id"].as_str().unwrap();
        let path = format!("/v1/users/{user}");
        let ask = json!({"user_id": user, "scopes": ["admin"]});
        let kept = boss.post("/v1/api-keys", &ask).await.is(201).json();
        let held = with(kept["secret"].as_str().unwrap());
        // Made with it, and on record as the person's own.
        let further = held.post("/v1/api-keys", &ask).await.is(201).json();
        let cookie = logged_in(&stack, kept["secret"].as_str().unwrap()).await;
        let by_cookie = async |path: &str| {
            let request = stack.front.request(Method::GET, path).header("cookie", &cookie);
            request.send().await.unwrap()
        };
        let session = by_cookie("/v1/sessions/current").await.json();
        // What makes nobody more ends nothing.
        for patch in [json!({"name": "Ada"}), json!({"role": from}), json!({"status": "active"})] {
            control.patch(&path, &patch).await.is(200);
        }
        held.get(&path).await.is(200);

        control.patch(&path, &json!({"role": to})).await.is(200);
        for key in [&kept, &further] {
            let key = with(key["secret"].as_str().unwrap());
            key.get(&path).await.fails(401, "INVALID_API_KEY");
            key.get("/v1/organizations").await.fails(401, "INVALID_API_KEY");
        }
        let over = by_cookie("/v1/sessions/current").await;
        assert_eq!((over.status, &over.json()["error_code"]), (401, &json!("SESSION_EXPIRED")));
        // It is on record, beside what the person is now.
        let trail = format!("/v1/audit-events?limit=1&target_id={user}");
        let event = control.get(&trail).await.is(200).json()["data"][0].clone();
        let mut ended = [kept["id"].clone(), further["id"].clone()];
        ended.sort_by_key(ToString::to_string);
        assert_eq!(
            (&event["action"], &event["after"]["role"]),
            (&json!("user.update"), &json!(to))
        );
        assert_eq!(event["after"]["revoked_api_keys"], json!(ended), "{event}");
        assert_eq!(event["after"]["revoked_sessions"], json!([session["id"]]), "{event}");
        // Nothing brings them back.
        for key in [&kept, &further] {
            let key = format!("/v1/api-keys/{}", key["id"].as_str().unwrap());
            assert!(control.get(&key).await.is(200).json()["revoked_at"].is_string());
            control.patch(&key, &json!({"expires_at": null})).await.fails(409, "CONFLICT");
            control.post(&format!("{key}/rotate"), &json!({})).await.fails(409, "CONFLICT");
        }
        // They begin anew, and being less again takes nothing from them.
        let fresh = control.make("api-keys", ask.clone()).await;
        let fresh = with(fresh["secret"].as_str().unwrap());
        fresh.get(&path).await.is(200);
        control.patch(&path, &json!({"role": from})).await.is(200);
        fresh.get(&path).await.is(200);
    }
}

/// An address is worth a log-in, so where tenants do not know each other only who operates the service vouches for any.
#[tokio::test]
async fn an_organizations_people_give_addresses_of_its_domains_alone() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let boss = control.person(&tenant.organization, "admin").await;
    let organization = format!("/v1/organizations/{}", tenant.organization);
    let domains = json!({"email_domains": ["Own.example", "own.test"]});
    boss.control.patch(&organization, &domains).await.fails(403, "FORBIDDEN");
    let shown = control.patch(&organization, &domains).await.is(200).json();
    assert_eq!(shown["email_domains"], json!(["own.example", "own.test"]));
    boss.control
        .patch(&organization, &json!({"email_domains": null}))
        .await
        .fails(403, "FORBIDDEN");
    // What it says of itself besides, it goes on saying.
    boss.control.patch(&organization, &json!({"name": "Own"})).await.is(200);

    let own = format!("{}@OWN.example", unique("ada"));
    let new = |email: &str| json!({"organization_id": tenant.organization, "email": email});
    let made = boss.control.post("/v1/users", &new(&own)).await.is(201).json();
    let ada = format!("/v1/users/{}", made["id"].as_str().unwrap());
    let key = json!({"user_id": made["id"], "scopes": ["admin"]});
    let key = boss.control.post("/v1/api-keys", &key).await.is(201).json();
    let herself = stack.front.clone().with_key(key["secret"].as_str().unwrap()).unwrap();
    let herself = Control::of(herself);
    for host in ["elsewhere.example", "sub.own.example", "own.example.evil.example", "xown.example"]
    {
        let email = format!("{}@{host}", unique("bob"));
        let refused = boss.control.post("/v1/users", &new(&email)).await.fails(403, "FORBIDDEN");
        assert_eq!(refused["details"]["field"], "/email", "{host}");
        let patch = json!({"email": email});
        let refused = boss.control.patch(&ada, &patch).await.fails(403, "FORBIDDEN");
        assert_eq!(refused["details"]["field"], "/email", "{host}");
        // Who administers nothing gives none, to themselves neither.
        herself.patch(&ada, &patch).await.fails(403, "FORBIDDEN");
        // Who operates the service gives any.
        control.patch(&ada, &json!({"email": email})).await.is(200);
        // It stays as it is, whatever else of the person changes.
        boss.control.patch(&ada, &json!({"name": "Ada", "email": email})).await.is(200);
        let own = format!("{}@own.test", unique("ada"));
        boss.control.patch(&ada, &json!({"email": own})).await.is(200);
    }
    for wrong in
        [json!(["no domain"]), json!(["a@b.example"]), json!(["single"]), json!("own.test")]
    {
        let body = json!({"email_domains": wrong});
        control.patch(&organization, &body).await.fails(400, "VALIDATION_ERROR");
    }
    control.patch(&organization, &json!({"email_domains": null})).await.is(200);
    let email = format!("{}@elsewhere.example", unique("bob"));
    boss.control.post("/v1/users", &new(&email)).await.is(201);
}

/// They may be those of whoever had the former one.
#[tokio::test]
async fn another_address_ends_the_log_ins_of_its_person() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let email = format!("{}@example.com", unique("ada"));
    let new = json!({"organization_id": tenant.organization, "email": email});
    let made = control.post("/v1/users", &new).await.is(201).json();
    let path = format!("/v1/users/{}", made["id"].as_str().unwrap());
    let key = json!({"user_id": made["id"], "scopes": ["admin"]});
    let key = control.post("/v1/api-keys", &key).await.is(201).json();
    let key = key["secret"].as_str().unwrap();
    let cookie = logged_in(&stack, key).await;
    let current = async || {
        let request = stack.front.request(Method::GET, "/v1/sessions/current");
        request.header("cookie", &cookie).send().await.unwrap()
    };
    let session = current().await.json();
    // The same address, however it is written, is no other one.
    let same = json!({"email": email.to_uppercase(), "name": "Ada"});
    control.patch(&path, &same).await.is(200);
    assert_eq!(current().await.status, 200);
    let other = json!({"email": format!("{}@example.com", unique("ada"))});
    control.patch(&path, &other).await.is(200);
    let over = current().await;
    assert_eq!((over.status, &over.json()["error_code"]), (401, &json!("SESSION_EXPIRED")));
    let trail = format!("/v1/audit-events?limit=1&target_id={}", made["id"].as_str().unwrap());
    let event = control.get(&trail).await.is(200).json()["data"][0].clone();
    assert_eq!(event["after"]["revoked_sessions"], json!([session["id"]]), "{event}");
    let herself = Control::of(stack.front.clone().with_key(key).unwrap());
    herself.get(&path).await.is(200);
}

/// In process only: it needs someone to come in between.
#[tokio::test]
async fn a_key_that_is_made_while_its_person_becomes_more_ends_too() {
    let test = TestPlatform::new().await.unwrap();
    let database = Arc::new(Between { database: test.database.clone(), first: Mutex::default() });
    let platform = Platform { database: database.clone(), ..test.another_isolate() };
    let client = TestClient::of_router(de_config::router(platform));
    let control = Control::of(client.with_key(test.tenant.admin_key.expose()).unwrap());
    let person = control.person("org_dev", "user").await;
    // As a rotation does it, which changes no row but those of keys.
    *database.first.lock().unwrap() = vec![Statement {
        args: vec![Arg::Text(person.id.clone())],
        sql: "INSERT INTO api_keys (id, user_id, name, prefix, digest, last_four, scopes,
                allowed_origins, allowed_addresses, created_at, updated_at)
              SELECT 'key_between', user_id, name, prefix, 'another', last_four, scopes,
                allowed_origins, allowed_addresses, created_at, updated_at
              FROM api_keys WHERE user_id = ?1",
    }];
    let path = format!("/v1/users/{}", person.id);
    control.patch(&path, &json!({"role": "superadmin"})).await.is(200);
    let keys = control.all(&format!("/v1/api-keys?user_id={}", person.id)).await;
    assert_eq!(keys.len(), 2);
    for key in &keys {
        assert!(key["revoked_at"].is_string(), "{key}");
    }
    let trail = format!("/v1/audit-events?limit=1&target_id={}", person.id);
    let event = control.get(&trail).await.is(200).json()["data"][0].clone();
    let ids: Vec<&Value> = keys.iter().map(|key| &key["id"]).collect();
    assert_eq!(event["after"]["revoked_api_keys"], json!(ids), "{event}");
}

/// In process only: it needs someone to come in between.
#[tokio::test]
async fn of_two_last_superadmins_who_remove_each_other_one_stays() {
    let test = TestPlatform::new().await.unwrap();
    let database = Arc::new(Between { database: test.database.clone(), first: Mutex::default() });
    let platform = Platform { database: database.clone(), ..test.another_isolate() };
    let client = TestClient::of_router(de_config::router(platform));
    let control = Control::of(client.with_key(test.tenant.admin_key.expose()).unwrap());
    let away = control.tenant().await;
    let other = control.person(&away.organization, "superadmin").await;
    let path = format!("/v1/users/{}", other.id);
    // The other one was faster: this one is suspended once the request is let in.
    let statement = |sql| vec![Statement { args: Vec::new(), sql }];
    let organization = format!("/v1/organizations/{}", away.organization);
    for wish in [
        ("PATCH", path.clone(), json!({"status": "suspended"})),
        ("PATCH", path.clone(), json!({"role": "admin"})),
        ("DELETE", format!("{path}?cascade=true"), Value::Null),
        ("PATCH", organization.clone(), json!({"status": "suspended"})),
        ("DELETE", format!("{organization}?cascade=true"), Value::Null),
    ] {
        let (method, path, body) = wish;
        let faster = "UPDATE users SET status = 'suspended' WHERE id = 'user_dev'";
        *database.first.lock().unwrap() = statement(faster);
        let request = control.client.request(method.parse().unwrap(), &path);
        let request = if method == "PATCH" { request.json(&body) } else { request };
        let refused = request.send().await.unwrap();
        assert_eq!(refused.status, 409, "{method} {path}: {}", refused.text());
        assert!(refused.text().contains("nobody would be left"), "{}", refused.text());
        let lift = statement("UPDATE users SET status = 'active' WHERE id = 'user_dev'");
        test.database.batch(lift).await.unwrap();
        other.control.get(&organization).await.is(200);
    }
    // With both of them there, either may go.
    control.delete(&format!("{path}?cascade=true")).await.is(204);
}

/// In process only, for the same reason.
#[tokio::test]
async fn what_goes_while_something_is_made_in_it_is_a_conflict() {
    let test = TestPlatform::new().await.unwrap();
    let database = Arc::new(Between { database: test.database.clone(), first: Mutex::default() });
    let platform = Platform { database: database.clone(), ..test.another_isolate() };
    let client = TestClient::of_router(de_config::router(platform));
    let control = Control::of(client.with_key(test.tenant.admin_key.expose()).unwrap());
    let model = json!({"model_id": "late", "provider_id": "openai", "display_name": "Late",
        "protocol": "openai-chat", "capabilities": {"text": true}});
    for path in ["/v1/model-configs", "/v1/model-configs/import"] {
        let away = control.make("organizations", json!({"name": "Away"})).await;
        let away = away["id"].as_str().unwrap();
        let mut body = model.clone();
        let path = if path.ends_with("import") {
            format!("{path}?organization_id={away}")
        } else {
            body["organization_id"] = away.into();
            path.to_owned()
        };
        let gone = "DELETE FROM organizations WHERE id = ?1";
        let args = vec![Arg::Text(away.to_owned())];
        *database.first.lock().unwrap() = vec![Statement { args, sql: gone }];
        control.post(&path, &body).await.fails(409, "CONFLICT");
    }
    let home = control.tenant().await;
    for faster in [
        "DELETE FROM users WHERE id = ?1",
        "UPDATE users SET role = 'superadmin', updated_at = updated_at + 1 WHERE id = ?1",
    ] {
        let other = control.person(&home.organization, "admin").await;
        let args = vec![Arg::Text(other.id.clone())];
        let statements = vec![
            Statement { args: args.clone(), sql: "DELETE FROM api_keys WHERE user_id = ?1" },
            Statement { args, sql: faster },
        ];
        *database.first.lock().unwrap() = statements;
        let body = json!({"user_id": other.id, "scopes": ["text"]});
        control.post("/v1/api-keys", &body).await.fails(409, "CONFLICT");
    }
}
