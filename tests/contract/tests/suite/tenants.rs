//! Organizations, instances and projects, as who operates the service makes and removes them.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    control::{Control, Tenant},
    stack::Stack,
    wait::unique,
};
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_tenant_is_made_read_listed_changed_and_removed() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let name = unique("tenant");
    let body =
        json!({"name": name, "billing_email": "bills@example.com", "time_zone": "Europe/Berlin"});
    let made = control.post("/v1/organizations", &body).await.is(201);
    let organization = made.json();
    let id = organization["id"].as_str().unwrap();
    let path = format!("/v1/organizations/{id}");
    assert_eq!(made.header("location"), path);
    assert_eq!(organization["name"], name.as_str());
    assert_eq!(organization["status"], "active");
    let read = control.get(&path).await.is(200);
    assert_eq!(read.json(), organization);
    assert_eq!(read.header("etag"), made.header("etag"));

    let instance = control
        .make("instances", json!({"organization_id": id, "name": "Shop", "environment": "production",
            "allowed_origins": ["https://shop.example.com"], "default_models": {"text": "gpt-4o-mini"}}))
        .await;
    assert_eq!(instance["on_limiter_failure"], "refuse");
    let project = control
        .make(
            "projects",
            json!({"instance_id": instance["id"], "name": "Search", "settings": {"a": [1]}}),
        )
        .await;
    assert_eq!(project["retain_content"], false);
    for (list, row) in [
        (format!("/v1/instances?organization_id={id}"), &instance),
        (format!("/v1/projects?instance_id={}", instance["id"].as_str().unwrap()), &project),
    ] {
        let page = control.get(&list).await.is(200).json();
        assert_eq!(page, json!({"data": [row], "next_cursor": null}), "{list}");
    }

    // What is named changes, null clears, the rest stays.
    let patch = json!({"billing_email": null, "name": "Renamed"});
    let changed = control.patch(&path, &patch).await.is(200).json();
    assert_eq!(changed["billing_email"], Value::Null);
    assert_eq!(changed["name"], "Renamed");
    assert_eq!(changed["time_zone"], "Europe/Berlin");

    // It is not removed while something is below it.
    let refused = control.delete(&path).await.fails(409, "CONFLICT");
    assert_eq!(refused["details"]["below"]["projects"], 1);
    let told = control.delete(&format!("{path}?dry_run=true&cascade=true")).await.is(200).json();
    assert_eq!(told["would_delete"]["instances"], 1);
    assert_eq!(told["would_delete"]["users"], 0);
    control.get(&path).await.is(200);
    control.delete(&format!("{path}?cascade=true")).await.is(204);
    control.get(&path).await.fails(404, "NOT_FOUND");
    let instance = format!("/v1/instances/{}", instance["id"].as_str().unwrap());
    control.get(&instance).await.fails(404, "NOT_FOUND");
    let project = format!("/v1/projects/{}", project["id"].as_str().unwrap());
    control.get(&project).await.fails(404, "NOT_FOUND");
}

/// The paths of a tenant's project, instance and organization: each is empty once those before it are gone.
fn from_below(tenant: &Tenant) -> [String; 3] {
    [
        format!("/v1/projects/{}", tenant.project),
        format!("/v1/instances/{}", tenant.instance),
        format!("/v1/organizations/{}", tenant.organization),
    ]
}

#[tokio::test]
async fn what_is_empty_is_removed_from_below() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    for path in from_below(&tenant) {
        control.delete(&path).await.is(204);
        control.delete(&path).await.fails(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn whoever_was_first_wins_and_the_other_is_told() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    for path in from_below(&tenant) {
        let tag = control.get(&path).await.is(200).header("etag").to_owned();
        let patch = |name: &str| {
            let request = control.client.request(Method::PATCH, &path);
            request.header("if-match", &tag).json(&json!({"name": name}))
        };
        let first = patch("First").send().await.unwrap();
        assert_eq!(first.status, 200, "{}", first.text());
        assert_ne!(first.header("etag"), tag);
        let second = patch("Second").send().await.unwrap();
        assert_eq!(second.status, 412, "{}", second.text());
        assert_eq!(second.json()["error_code"], "PRECONDITION_FAILED");
        assert_eq!(control.get(&path).await.is(200).json()["name"], "First");
        let request = control.client.request(Method::DELETE, &path).header("if-match", &tag);
        assert_eq!(request.send().await.unwrap().status, 412, "{path}");
    }
}

#[tokio::test]
async fn c31_every_bad_field_is_named_at_once() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let rows = [
        ("POST", "/v1/organizations".to_owned(), json!({}), vec!["/name"]),
        (
            "POST",
            "/v1/instances".to_owned(),
            json!({"name": null, "environment": null, "organization_id": null}),
            vec!["/organization_id", "/name", "/environment"],
        ),
        (
            "POST",
            "/v1/organizations".to_owned(),
            json!({"name": " ", "billing_email": "x", "time_zone": "no where", "status": "gone", "org": 1}),
            vec!["/name", "/billing_email", "/time_zone", "/status", "/org"],
        ),
        (
            "POST",
            "/v1/instances".to_owned(),
            json!({"name": "x", "organization_id": "inst_1", "allowed_origins": ["*"],
                "default_models": {"smell": "m"}, "retention_days": -1}),
            vec![
                "/environment",
                "/organization_id",
                "/allowed_origins/0",
                "/retention_days",
                "/default_models/smell",
            ],
        ),
        (
            "PATCH",
            format!("/v1/projects/{}", tenant.project),
            json!({"name": null, "settings": [], "retain_content": 1, "instance_id": "inst_1", "id": "proj_1"}),
            vec!["/name", "/settings", "/retain_content", "/instance_id", "/id"],
        ),
    ];
    for (method, path, body, expected) in rows {
        let request = control.client.request(method.parse().unwrap(), &path).json(&body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        assert_eq!(answer.json()["error_code"], "VALIDATION_ERROR");
        let fields = answer.json()["details"]["fields"].as_array().unwrap().clone();
        let fields: Vec<&str> = fields.iter().filter_map(|field| field["field"].as_str()).collect();
        assert_eq!(fields, expected, "{path} {body}");
    }
}

#[tokio::test]
async fn c33_unknown_filters_are_400_and_pages_follow_each_other() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    for resource in ["organizations", "instances", "projects", "api-keys"] {
        let path = format!("/v1/{resource}?colour=blue&limit=0&limit=2");
        let refused = control.get(&path).await.fails(400, "VALIDATION_ERROR");
        let fields = refused["details"]["fields"].to_string();
        assert!(fields.contains("?colour") && fields.contains("given twice"), "{fields}");
        control.get(&format!("/v1/{resource}/%FF")).await.fails(400, "INVALID_REQUEST");
        control.get(&format!("/v1/{resource}/nobody")).await.fails(404, "NOT_FOUND");
    }
    let tenant = control.tenant().await;
    let mut made = vec![tenant.project.clone()];
    for name in ["b", "c"] {
        let project = json!({"instance_id": tenant.instance, "name": name});
        made.push(control.make("projects", project).await["id"].as_str().unwrap().to_owned());
    }
    made.sort_unstable();
    let mut seen = Vec::new();
    let mut path = format!("/v1/projects?limit=2&instance_id={}", tenant.instance);
    loop {
        let page = control.get(&path).await.is(200).json();
        seen.extend(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/projects?limit=2&instance_id={}&cursor={cursor}", tenant.instance);
    }
    assert_eq!(seen, made);
}

#[tokio::test]
async fn nobody_takes_away_the_organization_of_their_own_key() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    control.delete("/v1/organizations/org_dev?cascade=true").await.fails(409, "CONFLICT");
    let suspended = json!({"status": "suspended"});
    control.patch("/v1/organizations/org_dev", &suspended).await.fails(409, "CONFLICT");
    control.get("/v1/organizations/org_dev").await.is(200);
}

#[tokio::test]
async fn s01_a_programs_key_does_not_reach_the_tenants() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.client());
    for path in ["/v1/organizations", "/v1/instances", "/v1/projects/proj_dev", "/v1/api-keys"] {
        control.get(path).await.fails(403, "FORBIDDEN");
    }
}

#[tokio::test]
async fn s19_changes_are_listed_the_newest_first_and_stay() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let path = format!("/v1/projects/{}", tenant.project);
    for name in ["One", "Two"] {
        control.patch(&path, &json!({"name": name})).await.is(200);
    }
    let list = format!("/v1/audit-events?limit=2&organization_id={}", tenant.organization);
    let first = control.get(&list).await.is(200).json();
    assert_eq!(first["data"][0]["action"], "project.update");
    assert_eq!(first["data"][0]["before"]["name"], "One");
    assert_eq!(first["data"][0]["after"]["name"], "Two");
    assert_eq!(first["data"][0]["actor"]["kind"], "user");
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = control.get(&format!("{list}&cursor={cursor}")).await.is(200).json();
    let actions: Vec<&str> = [&first, &second]
        .iter()
        .flat_map(|page| page["data"].as_array().unwrap())
        .filter_map(|event| event["action"].as_str())
        .collect();
    assert_eq!(actions, ["project.update", "project.update", "project.create", "instance.create"]);
    let of_one = control.get(&format!("/v1/audit-events?target_id={}", tenant.project)).await;
    assert_eq!(of_one.is(200).json()["data"].as_array().unwrap().len(), 3);
    for method in [Method::DELETE, Method::PATCH, Method::POST] {
        let request = control.client.request(method, "/v1/audit-events").json(&json!({}));
        assert_eq!(request.send().await.unwrap().status, 405);
    }
}

#[tokio::test]
async fn a_change_is_found_by_what_was_done_by_whom_and_by_which_request() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let admin = control.person(&tenant.organization, "admin").await;
    let path = format!("/v1/projects/{}", tenant.project);
    control.patch(&path, &json!({"name": "One"})).await.is(200);
    let request = unique("r");
    let client = admin.control.client.request(Method::PATCH, &path);
    let asked = client.header("x-request-id", &request).json(&json!({"name": "Two"}));
    assert_eq!(asked.send().await.unwrap().status, 200);
    let key = json!({"project_id": tenant.project, "scopes": ["text"]});
    admin.control.make("api-keys", key).await;

    let of = format!("organization_id={}", tenant.organization);
    let found = async |who: &Control, filter: &str| -> Vec<Value> {
        let page = who.get(&format!("/v1/audit-events?{filter}")).await.is(200).json();
        page["data"].as_array().unwrap().clone()
    };
    let actions = |events: Vec<Value>| -> Vec<String> {
        events.iter().map(|event| event["action"].as_str().unwrap().to_owned()).collect()
    };
    for (filter, expected) in [
        ("action=project.update".to_owned(), vec!["project.update", "project.update"]),
        ("action=project".to_owned(), vec!["project.update", "project.update", "project.create"]),
        ("action=project.updat".to_owned(), vec![]),
        ("action=proj".to_owned(), vec![]),
        (format!("actor_id={}", admin.id), vec!["api-key.create", "project.update"]),
        (format!("actor_id={}&action=project", admin.id), vec!["project.update"]),
        (format!("request_id={request}"), vec!["project.update"]),
        (format!("request_id={request}&target_id={}", tenant.project), vec!["project.update"]),
        (format!("request_id={request}&target_id=proj_other"), vec![]),
        (format!("request_id={request}&actor_id=user_other"), vec![]),
    ] {
        for who in [&control, &admin.control] {
            assert_eq!(actions(found(who, &format!("{of}&{filter}")).await), expected, "{filter}");
        }
    }
    // Who operates the service need not say where.
    let everywhere = found(&control, &format!("request_id={request}")).await;
    assert_eq!(everywhere.len(), 1);
    assert_eq!(everywhere[0]["after"]["name"], "Two");

    // One by itself, for whom it is there.
    let id = everywhere[0]["id"].as_str().unwrap();
    for who in [&control, &admin.control] {
        let shown = who.get(&format!("/v1/audit-events/{id}")).await.is(200).json();
        assert_eq!(shown, everywhere[0]);
    }
    let stranger = control.person(&control.tenant().await.organization, "admin").await;
    for (who, id) in [(&stranger.control, id), (&control, "audit_nobodys"), (&control, "%20")] {
        who.get(&format!("/v1/audit-events/{id}")).await.fails(404, "NOT_FOUND");
    }
    let wrong = control.get("/v1/audit-events?request_id=a%20b&when=now").await;
    let refused = wrong.fails(400, "VALIDATION_ERROR");
    assert_eq!(refused["details"]["fields"].as_array().unwrap().len(), 2, "{refused}");
}

#[tokio::test]
async fn changes_at_the_same_moment_all_hold_or_say_that_they_do_not() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let path = format!("/v1/instances/{}", tenant.instance);
    let patches = [
        json!({"name": "New"}),
        json!({"retention_days": 7}),
        json!({"default_max_output_tokens": 9}),
    ];
    let told = patches.each_ref().map(|patch| control.patch(&path, patch));
    let told = futures_util::future::join_all(told).await;
    let row = control.get(&path).await.is(200).json();
    for (patch, told) in patches.iter().zip(told) {
        let (name, value) = patch.as_object().unwrap().iter().next().unwrap();
        match told.status() {
            200 => assert_eq!(&row[name], value, "{row}"),
            _ => drop(told.fails(409, "CONFLICT")),
        }
    }
}

#[tokio::test]
async fn a_bad_page_is_blamed_on_what_asked_for_it() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    for name in ["cursor", "limit"] {
        let refused = control.get(&format!("/v1/projects?{name}=%25%25")).await;
        let refused = refused.fails(400, "VALIDATION_ERROR");
        assert_eq!(refused["details"]["fields"][0]["field"], format!("?{name}"), "{refused}");
    }
}

#[tokio::test]
async fn c31_what_has_no_other_value_is_not_cleared() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let path = format!("/v1/instances/{}", tenant.instance);
    let refused = control.patch(&path, &json!({"environment": null})).await;
    let refused = refused.fails(400, "VALIDATION_ERROR");
    assert_eq!(refused["details"]["fields"][0]["field"], "/environment");
}

#[tokio::test]
async fn a_grant_is_changed_as_it_was_read() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let person = control.person(&tenant.organization, "user").await;
    let path = format!("/v1/users/{}/grants/{}", person.id, tenant.instance);
    let first = control.put(&path, &json!({"role": "user"})).await.is(201);
    let tag = first.header("etag").to_owned();
    control.put(&path, &json!({"role": "admin"})).await.is(200);
    let ask = |method: Method| control.client.request(method, &path).header("if-match", &tag);
    let late = ask(Method::PUT).json(&json!({"role": "owner"})).send().await.unwrap();
    assert_eq!(late.status, 412, "{}", late.text());
    assert_eq!(ask(Method::DELETE).send().await.unwrap().status, 412);
}
