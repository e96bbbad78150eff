//! Limits and budgets as rows: set, shown, listed, changed and removed; whom they are for, and who sees them.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    control::{Control, Tenant},
    models::config,
    stack::Stack,
    wait::unique,
    wire::{Server, Wire},
};
use http::Method;
use serde_json::{Value, json};

/// The kinds of limits.
const KINDS: [&str; 7] = [
    "requests_per_minute",
    "requests_per_hour",
    "requests_per_day",
    "tokens_per_minute",
    "tokens_per_hour",
    "tokens_per_day",
    "concurrent",
];

/// A key of a tenant's project: its id and secret.
async fn key(control: &Control, tenant: &Tenant) -> (String, String) {
    let body = json!({"project_id": tenant.project, "scopes": ["read", "text"]});
    let made = control.make("api-keys", body).await;
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

/// The fields that a refusal names.
fn wrong(answer: &Value) -> Vec<String> {
    let fields = answer["details"]["fields"].as_array().cloned().unwrap_or_default();
    fields.iter().map(|field| field["field"].as_str().unwrap().to_owned()).collect()
}

/// Someone with this key.
fn holder(stack: &Stack, secret: &str) -> Control {
    Control::of(stack.front.clone().with_key(secret).unwrap())
}

#[tokio::test]
async fn limits_are_set_read_changed_and_removed() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let path = format!("/v1/limits/project/{}", tenant.project);
    let none = control.get(&path).await.is(200);
    assert_eq!(none.header("etag"), "\"0\"");
    let shown = none.json();
    for kind in KINDS {
        assert_eq!(shown[kind], Value::Null, "{kind}");
    }
    assert_eq!((&shown["usage"], &shown["created_at"]), (&json!({}), &Value::Null));
    control.delete(&path).await.fails(404, "NOT_FOUND");

    // What is named is set, 0 too.
    let set = json!({"requests_per_minute": 60, "tokens_per_day": 1_u64 << 40, "concurrent": 0});
    let first = control.put(&path, &set).await.is(200);
    let shown = first.json();
    assert_eq!(shown["requests_per_minute"], 60);
    assert_eq!(shown["tokens_per_day"], 1_u64 << 40);
    assert_eq!((&shown["concurrent"], &shown["shadow"]), (&json!(0), &json!(false)));
    assert_eq!(shown["instance_id"], tenant.instance.as_str());
    assert_eq!(shown["organization_id"], tenant.organization.as_str());
    let used = &shown["usage"]["requests_per_minute"];
    assert_eq!(
        (&used["limit"], &used["used"], &used["remaining"]),
        (&json!(60), &json!(0), &json!(60))
    );
    assert_eq!(control.get(&path).await.is(200).json(), shown);

    // The rest stays, and null removes.
    let change = json!({"requests_per_minute": null, "requests_per_hour": 5});
    let second = control.put(&path, &change).await.is(200);
    let shown = second.json();
    assert_eq!(shown["requests_per_minute"], Value::Null);
    assert_eq!((&shown["requests_per_hour"], &shown["concurrent"]), (&json!(5), &json!(0)));
    assert_eq!(shown["created_at"], first.json()["created_at"]);
    assert_ne!(first.header("etag"), second.header("etag"));

    // Whoever has read another state is told so.
    for method in [Method::PUT, Method::DELETE] {
        let request = control.client.request(method.clone(), &path);
        let request = request.header("if-match", first.header("etag"));
        let request = if method == Method::PUT { request.json(&set) } else { request };
        assert_eq!(request.send().await.unwrap().status, 412, "{method}");
    }
    let request = control.client.request(Method::PUT, &path).json(&json!({"shadow": true}));
    let request = request.header("if-match", second.header("etag"));
    let shadowed = request.send().await.unwrap();
    assert_eq!((shadowed.status, &shadowed.json()["shadow"]), (200, &json!(true)));
    assert_eq!(shadowed.json()["usage"]["requests_per_hour"]["shadow"], true);

    control.delete(&path).await.is(204);
    assert_eq!(control.get(&path).await.is(200).json(), none.json());
    let events = format!("/v1/audit-events?organization_id={}&limit=3", tenant.organization);
    let events = control.get(&events).await.is(200).json();
    let event = &events["data"][0];
    assert_eq!(event["action"], "limits.delete");
    assert_eq!(event["target_id"], tenant.project.as_str());
    assert_eq!((&event["before"]["requests_per_hour"], &event["after"]), (&json!(5), &Value::Null));
    assert_eq!(events["data"][1]["action"], "limits.put");
    assert_eq!(events["data"][1]["before"]["shadow"], false);
    assert_eq!(events["data"][1]["after"]["shadow"], true);
}

#[tokio::test]
async fn budgets_are_set_read_changed_and_removed() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let path = format!("/v1/budgets/instance/{}", tenant.instance);
    let month = json!({"period": "month", "amount_micros": 5_000_000});
    let first = control.put(&path, &month).await.is(200);
    let shown = first.json();
    let budget = &shown["budgets"][0];
    assert_eq!(budget["alerts"], json!([50, 80, 100]));
    assert_eq!((&budget["shadow"], &budget["release_after_h"]), (&json!(false), &Value::Null));
    let used = &budget["usage"];
    assert_eq!((&used["used_micros"], &used["remaining_micros"]), (&json!(0), &json!(5_000_000)));
    assert!(used["starts_at"].as_str() < used["resets_at"].as_str(), "{used}");

    let total = json!({"period": "total", "amount_micros": 9, "alerts": [100, 1], "shadow": true,
        "release_after_h": 24});
    let second = control.put(&path, &total).await.is(200);
    let shown = second.json();
    assert_eq!(shown["budgets"].as_array().unwrap().len(), 2);
    let budget = &shown["budgets"][1];
    assert_eq!((&budget["period"], &budget["amount_micros"]), (&json!("total"), &json!(9)));
    assert_eq!((&budget["alerts"], &budget["shadow"]), (&json!([1, 100]), &json!(true)));
    assert_eq!(budget["release_after_h"], 24);
    assert_eq!(budget["usage"]["resets_at"], Value::Null);

    // What is not named stays.
    let more = json!({"period": "total", "alerts": [], "release_after_h": null});
    let budget = control.put(&path, &more).await.is(200).json()["budgets"][1].clone();
    assert_eq!((&budget["amount_micros"], &budget["alerts"]), (&json!(9), &json!([])));
    assert_eq!((&budget["shadow"], &budget["release_after_h"]), (&json!(true), &Value::Null));

    let stale = control.client.request(Method::DELETE, &path);
    let stale = stale.header("if-match", second.header("etag")).send().await.unwrap();
    assert_eq!(stale.status, 412);
    control.delete(&format!("{path}?period=day")).await.fails(404, "NOT_FOUND");
    control.delete(&format!("{path}?period=month")).await.is(204);
    let left = control.get(&path).await.is(200).json();
    assert_eq!(left["budgets"].as_array().unwrap().len(), 1);
    assert_eq!(left["budgets"][0]["period"], "total");
    control.delete(&path).await.is(204);
    assert_eq!(control.get(&path).await.is(200).json()["budgets"], json!([]));
    control.delete(&path).await.fails(404, "NOT_FOUND");
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let limits = format!("/v1/limits/instance/{}", tenant.instance);
    let budgets = format!("/v1/budgets/instance/{}", tenant.instance);
    let eleven: Vec<u64> = (1..=11).collect();
    let rows = [
        (&limits, json!({"requests_per_minute": -1}), "/requests_per_minute"),
        (&limits, json!({"tokens_per_hour": 1.5}), "/tokens_per_hour"),
        (&limits, json!({"concurrent": "5"}), "/concurrent"),
        (&limits, json!({"requests_per_day": (1_u64 << 40) + 1}), "/requests_per_day"),
        (&limits, json!({"requests_per_week": 5}), "/requests_per_week"),
        (&limits, json!({"shadow": 1}), "/shadow"),
        (&limits, json!({"shadow": true}), "/shadow"),
        (&budgets, json!({"amount_micros": 1}), "/period"),
        (&budgets, json!({"period": "year", "amount_micros": 1}), "/period"),
        (&budgets, json!({"period": null, "amount_micros": 1}), "/period"),
        (&budgets, json!({"period": "day"}), "/amount_micros"),
        (&budgets, json!({"period": "day", "amount_micros": null}), "/amount_micros"),
        (&budgets, json!({"period": "day", "amount_micros": -1}), "/amount_micros"),
        (&budgets, json!({"period": "day", "amount_micros": (1_u64 << 40) + 1}), "/amount_micros"),
        (&budgets, json!({"period": "day", "amount_micros": 1, "alerts": [0]}), "/alerts/0"),
        (&budgets, json!({"period": "day", "amount_micros": 1, "alerts": [1, 101]}), "/alerts/1"),
        (&budgets, json!({"period": "day", "amount_micros": 1, "alerts": [5, 5]}), "/alerts/1"),
        (&budgets, json!({"period": "day", "amount_micros": 1, "alerts": eleven}), "/alerts"),
        (&budgets, json!({"period": "day", "amount_micros": 1, "alerts": 50}), "/alerts"),
        (
            &budgets,
            json!({"period": "day", "amount_micros": 1, "release_after_h": 0}),
            "/release_after_h",
        ),
        (&budgets, json!({"period": "day", "amount_micros": 1, "currency": "EUR"}), "/currency"),
    ];
    for (path, body, field) in rows {
        let answer = control.put(path, &body).await.fails(400, "VALIDATION_ERROR");
        assert_eq!(wrong(&answer), [field], "{body}");
    }
    // A budget that is there keeps its amount, but cannot lose it.
    control.put(&budgets, &json!({"period": "day", "amount_micros": 1})).await.is(200);
    let cleared = json!({"period": "day", "amount_micros": null});
    let answer = control.put(&budgets, &cleared).await.fails(400, "VALIDATION_ERROR");
    assert_eq!(wrong(&answer), ["/amount_micros"]);
    for (path, field) in [
        ("/v1/limits?scope=planet&instance_id=inst_dev", "?scope"),
        ("/v1/limits?instance_id=x", "?instance_id"),
        ("/v1/budgets", "?instance_id"),
        ("/v1/limits/model/gpt-4o-mini", "?instance_id"),
        ("/v1/budgets/provider/openai", "?instance_id"),
        ("/v1/budgets/instance/inst_dev?colour=red", "?colour"),
    ] {
        let answer = control.get(path).await.fails(400, "VALIDATION_ERROR");
        assert_eq!(wrong(&answer), [field], "{path}");
    }
    let answer = control.delete("/v1/budgets/instance/inst_dev?period=year").await;
    assert_eq!(wrong(&answer.fails(400, "VALIDATION_ERROR")), ["?period"]);
    for path in [
        "/v1/limits/planet/earth",
        "/v1/limits/instance/inst_nobodys",
        "/v1/limits/organization/org_nobodys",
        "/v1/budgets/project/proj_nobodys",
        "/v1/budgets/key/key_nobodys",
        "/v1/budgets/key/key_nobodys?instance_id=inst_dev",
        "/v1/limits/model/nobodys-model?instance_id=inst_dev",
        "/v1/limits/model/gpt-4o-mini?instance_id=inst_nobodys",
        "/v1/budgets/provider/nobodys?instance_id=inst_dev",
        "/v1/limits/project/proj_dev?instance_id=inst_nobodys",
        "/v1/limits/organization/org_dev?instance_id=inst_dev",
    ] {
        control.get(path).await.fails(404, "NOT_FOUND");
        let body = json!({"period": "day", "amount_micros": 1});
        let body = if path.starts_with("/v1/budgets") { body } else { json!({"concurrent": 5}) };
        control.put(path, &body).await.fails(404, "NOT_FOUND");
        control.delete(path).await.fails(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn lists_are_paged_narrowed_and_show_what_is_ones_own() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let (home, away) = (control.tenant().await, control.tenant().await);
    let mut keys = Vec::new();
    for tenant in [&home, &away] {
        let (id, secret) = key(&control, tenant).await;
        for (scope, of) in [
            ("organization", &tenant.organization),
            ("instance", &tenant.instance),
            ("project", &tenant.project),
            ("key", &id),
        ] {
            let path = format!("/v1/limits/{scope}/{of}");
            control.put(&path, &json!({"requests_per_hour": 5, "concurrent": 3})).await.is(200);
            for period in ["day", "total"] {
                let budget = json!({"period": period, "amount_micros": 1_000_000});
                control.put(&format!("/v1/budgets/{scope}/{of}"), &budget).await.is(200);
            }
        }
        let models = format!("/v1/limits/model/gpt-4o-mini?instance_id={}", tenant.instance);
        control.put(&models, &json!({"tokens_per_minute": 9_000})).await.is(200);
        keys.push((id, secret));
    }
    let scopes = |page: &Value| -> Vec<String> {
        let data = page["data"].as_array().unwrap();
        data.iter().map(|row| row["scope"].as_str().unwrap().to_owned()).collect()
    };
    let whose = format!("organization_id={}", home.organization);
    let all = control.get(&format!("/v1/limits?{whose}")).await.is(200).json();
    assert_eq!(scopes(&all), ["organization", "instance", "key", "model", "project"]);
    for row in all["data"].as_array().unwrap() {
        assert_eq!(row["notice"], Value::Null, "{row}");
        let read = format!(
            "/v1/limits/{}/{}",
            row["scope"].as_str().unwrap(),
            row["scope_id"].as_str().unwrap()
        );
        let read = match row["scope"].as_str().unwrap() {
            "model" => format!("{read}?instance_id={}", home.instance),
            _ => read,
        };
        assert_eq!(&control.get(&read).await.is(200).json(), row);
    }
    let budgets = control.get(&format!("/v1/budgets?{whose}")).await.is(200).json();
    assert_eq!(scopes(&budgets), ["organization", "instance", "key", "project"]);
    for row in budgets["data"].as_array().unwrap() {
        let periods = row["budgets"].as_array().unwrap().iter().map(|one| one["period"].clone());
        assert_eq!(periods.collect::<Vec<_>>(), ["day", "total"], "{row}");
    }
    // In pages of two.
    let mut cursor = String::new();
    let mut paged = Vec::new();
    loop {
        let page = control.get(&format!("/v1/limits?{whose}&limit=2{cursor}")).await.is(200).json();
        paged.extend(page["data"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(json!(paged), all["data"]);
    for (filter, expected) in [
        (format!("instance_id={}", home.instance), vec!["instance", "key", "model", "project"]),
        (format!("{whose}&scope=key"), vec!["key"]),
        (format!("{whose}&scope_id={}", home.project), vec!["project"]),
        (format!("{whose}&instance_id={}", away.instance), vec![]),
    ] {
        let page = control.get(&format!("/v1/limits?{filter}")).await.is(200).json();
        assert_eq!(scopes(&page), expected, "{filter}");
    }

    // A program sees what holds for itself, and changes nothing.
    let (id, secret) = &keys[0];
    let program = holder(&stack, secret);
    let page = program.get("/v1/limits").await.is(200).json();
    assert_eq!(scopes(&page), ["key", "project"]);
    assert_eq!(scopes(&program.get("/v1/budgets").await.is(200).json()), ["key", "project"]);
    for (scope, own) in [("key", id), ("project", &home.project)] {
        let path = format!("/v1/limits/{scope}/{own}");
        assert_eq!(program.get(&path).await.is(200).json()["concurrent"], 3);
        program.put(&path, &json!({"concurrent": null})).await.fails(403, "FORBIDDEN");
        program.delete(&path).await.fails(403, "FORBIDDEN");
    }
    for (scope, other) in [
        ("key", &keys[1].0),
        ("project", &away.project),
        ("instance", &home.instance),
        ("organization", &home.organization),
    ] {
        program.get(&format!("/v1/limits/{scope}/{other}")).await.fails(404, "NOT_FOUND");
        program.get(&format!("/v1/budgets/{scope}/{other}")).await.fails(404, "NOT_FOUND");
    }

    // Persons see what they have a grant on: who only looks, no keys; nobody of them the organization's.
    let looker = control.person(&home.organization, "user").await;
    control.grant(&looker.id, &home.instance, "readonly").await;
    let worker = control.person(&home.organization, "user").await;
    control.grant(&worker.id, &home.instance, "user").await;
    let admin = control.person(&home.organization, "admin").await;
    let everything = ["organization", "instance", "key", "model", "project"];
    for (person, expected) in [
        (&looker, vec!["instance", "model", "project"]),
        (&worker, vec!["instance", "key", "model", "project"]),
        (&admin, everything.to_vec()),
    ] {
        let page = person.control.get("/v1/limits").await.is(200).json();
        assert_eq!(scopes(&page), expected);
        let of_key = person.control.get(&format!("/v1/limits/key/{id}")).await;
        assert_eq!(of_key.status(), if expected.contains(&"key") { 200 } else { 404 });
        let above = format!("/v1/budgets/organization/{}", home.organization);
        let above = person.control.get(&above).await;
        assert_eq!(above.status(), if expected.contains(&"organization") { 200 } else { 404 });
    }
    // An administrator of the tenant has nothing to do with another one's models.
    let foreign = format!("/v1/limits/model/gpt-4o-mini?instance_id={}", away.instance);
    admin.control.get(&foreign).await.fails(404, "NOT_FOUND");
    admin.control.put(&foreign, &json!({"concurrent": 1})).await.fails(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_models_own_limits_are_shown_and_an_enforced_one_takes_their_place() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let limits = json!({"rate_limits": {"rpm": 5, "concurrent_requests": 9}});
    let model = stack.model(Server::OpenAi, limits).await;
    let path = format!("/v1/limits/model/{model}?instance_id=inst_dev");
    let shown = control.get(&path).await.is(200).json();
    let config = json!({"requests_per_minute": 5, "tokens_per_minute": null, "concurrent": 9});
    assert_eq!(shown["from_model_config"], config);
    assert_eq!(shown["requests_per_minute"], Value::Null);
    assert_eq!(shown["usage"]["requests_per_minute"]["limit"], 5);
    stack.call(Wire::Native, &model, "Hello").send().await.good();
    let shown = control.get(&path).await.is(200).json();
    let used = &shown["usage"]["requests_per_minute"];
    assert_eq!((&used["used"], &used["remaining"]), (&json!(1), &json!(4)));
    assert!(used["resets_at"].is_string(), "{used}");

    let shown = control.put(&path, &json!({"requests_per_minute": 7})).await.is(200).json();
    assert_eq!(shown["from_model_config"], config);
    assert_eq!(shown["usage"]["requests_per_minute"]["limit"], 7);
    assert_eq!(shown["usage"]["concurrent"]["limit"], 9);
    // On trial, the model's own is the one that holds.
    let shown = control.put(&path, &json!({"shadow": true})).await.is(200).json();
    assert_eq!(shown["usage"]["requests_per_minute"]["limit"], 5);
    control.delete(&path).await.is(204);
}

#[tokio::test]
async fn a_slash_in_an_id_is_escaped_and_what_is_gone_can_still_be_lifted() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let id = format!("{}/small", unique("vendor"));
    let differs = json!({"model_id": id, "organization_id": tenant.organization});
    control.make("model-configs", Value::Object(config(Server::OpenAi, &differs))).await;
    let escaped = id.replace('/', "%2F");
    let path = format!("/v1/limits/model/{escaped}?instance_id={}", tenant.instance);
    let shown = control.put(&path, &json!({"requests_per_day": 5})).await.is(200).json();
    assert_eq!((&shown["scope_id"], &shown["requests_per_day"]), (&json!(id), &json!(5)));
    let config = format!("/v1/model-configs/{escaped}?organization_id={}", tenant.organization);
    control.delete(&config).await.is(204);
    // The limit holds for whoever has the id next, and nothing can be set for nobody.
    assert_eq!(control.get(&path).await.is(200).json()["requests_per_day"], 5);
    control.put(&path, &json!({"requests_per_day": 6})).await.fails(404, "NOT_FOUND");
    control.delete(&path).await.is(204);
    control.get(&path).await.fails(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_project_takes_what_holds_for_it_along_and_a_new_key_the_old_ones() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let (id, _) = key(&control, &tenant).await;
    for (scope, of) in [("project", &tenant.project), ("key", &id)] {
        let path = format!("/v1/limits/{scope}/{of}");
        control.put(&path, &json!({"requests_per_minute": 5})).await.is(200);
        let budget = json!({"period": "week", "amount_micros": 77});
        control.put(&format!("/v1/budgets/{scope}/{of}"), &budget).await.is(200);
    }
    let rotated = control.post(&format!("/v1/api-keys/{id}/rotate"), &json!({})).await.is(201);
    let new = rotated.json()["id"].as_str().unwrap().to_owned();
    let shown = control.get(&format!("/v1/limits/key/{new}")).await.is(200).json();
    assert_eq!(shown["requests_per_minute"], 5);
    let shown = control.get(&format!("/v1/budgets/key/{new}")).await.is(200).json();
    assert_eq!(shown["budgets"][0]["amount_micros"], 77);

    control.delete(&format!("/v1/projects/{}?cascade=true", tenant.project)).await.is(204);
    for resource in ["limits", "budgets"] {
        let path = format!("/v1/{resource}?instance_id={}", tenant.instance);
        let page = control.get(&path).await.is(200).json();
        assert_eq!(page, json!({"data": [], "next_cursor": null}));
    }
}

#[tokio::test]
async fn a_persons_key_is_limited_in_each_instance_by_itself() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let person = control.person(&tenant.organization, "admin").await;
    let keys = format!("/v1/api-keys?user_id={}", person.id);
    let id = control.get(&keys).await.is(200).json()["data"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/limits/key/{id}");
    let answer = control.get(&path).await.fails(400, "VALIDATION_ERROR");
    assert_eq!(wrong(&answer), ["?instance_id"]);
    let here = format!("{path}?instance_id={}", tenant.instance);
    let shown = person.control.put(&here, &json!({"concurrent": 2})).await.is(200).json();
    assert_eq!((&shown["concurrent"], &shown["scope_id"]), (&json!(2), &json!(id)));
    // The key that takes over has it too.
    let rotated = control.post(&format!("/v1/api-keys/{id}/rotate"), &json!({})).await.is(201);
    let new = rotated.json()["id"].as_str().unwrap().to_owned();
    let there = format!("/v1/limits/key/{new}?instance_id={}", tenant.instance);
    assert_eq!(control.get(&there).await.is(200).json()["concurrent"], 2);
    // Both go with the person.
    control.grant(&person.id, &tenant.instance, "user").await;
    control.delete(&format!("/v1/users/{}?cascade=true", person.id)).await.is(204);
    let left = format!("/v1/limits?instance_id={}", tenant.instance);
    assert_eq!(control.get(&left).await.is(200).json()["data"], json!([]));
}

#[tokio::test]
async fn what_holds_for_a_guests_key_goes_with_the_guest_who_has_left() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let (host, home) = (control.tenant().await, control.tenant().await);
    let mut guests = Vec::new();
    for _ in 0..2 {
        let guest = control.person(&home.organization, "user").await;
        let grant = format!("/v1/users/{}/grants/{}", guest.id, host.instance);
        control.grant(&guest.id, &host.instance, "user").await;
        let keys = control.get(&format!("/v1/api-keys?user_id={}", guest.id)).await.is(200).json();
        let id = keys["data"][0]["id"].as_str().unwrap();
        let key = format!("key/{id}?instance_id={}", host.instance);
        control.put(&format!("/v1/limits/{key}"), &json!({"concurrent": 2})).await.is(200);
        let budget = json!({"period": "week", "amount_micros": 77});
        control.put(&format!("/v1/budgets/{key}"), &budget).await.is(200);
        control.delete(&grant).await.is(204);
        guests.push(guest.id);
    }
    let left = async |resource: &str| {
        let path = format!("/v1/{resource}?instance_id={}", host.instance);
        control.get(&path).await.is(200).json()["data"].as_array().unwrap().len()
    };
    assert_eq!((left("limits").await, left("budgets").await), (2, 2));
    control.delete(&format!("/v1/users/{}?cascade=true", guests[0])).await.is(204);
    assert_eq!((left("limits").await, left("budgets").await), (1, 1));
    control.delete(&format!("/v1/organizations/{}?cascade=true", home.organization)).await.is(204);
    assert_eq!((left("limits").await, left("budgets").await), (0, 0));
}

#[tokio::test]
async fn a_time_zone_is_one_that_there_is_and_moves_the_periods() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let organization = format!("/v1/organizations/{}", tenant.organization);
    for zone in ["Europe/Atlantis", "europe/berlin", "Mars", "GMT+25"] {
        let refused = control.patch(&organization, &json!({"time_zone": zone})).await;
        assert_eq!(wrong(&refused.fails(400, "VALIDATION_ERROR")), ["/time_zone"], "{zone}");
    }
    let budgets = format!("/v1/budgets/project/{}", tenant.project);
    let budget = json!({"period": "day", "amount_micros": 5});
    let before = control.put(&budgets, &budget).await.is(200).json();
    let starts =
        |shown: &Value| shown["budgets"][0]["usage"]["starts_at"].as_str().unwrap().to_owned();
    assert!(starts(&before).ends_with("T00:00:00.000Z"), "{before}");
    // Half an hour off, all the year round.
    control.patch(&organization, &json!({"time_zone": "Asia/Kolkata"})).await.is(200);
    let after = control.get(&budgets).await.is(200).json();
    assert!(starts(&after).ends_with("T18:30:00.000Z"), "{after}");
}

#[tokio::test]
async fn where_the_limiter_is_silent_rows_come_without_their_use() {
    use de_testkit::{client::TestClient, platform::TestPlatform};
    let test = TestPlatform::new().await.unwrap();
    let router = de_config::router(test.another_isolate());
    let admin = TestClient::of_router(router).with_key(test.tenant.admin_key.expose()).unwrap();
    let control = Control::of(admin);
    let limits = "/v1/limits/instance/inst_dev";
    let budgets = "/v1/budgets/instance/inst_dev";
    control.put(limits, &json!({"requests_per_minute": 5})).await.is(200);
    control.put(budgets, &json!({"period": "day", "amount_micros": 5})).await.is(200);
    test.limiter.set_failing(true);
    for path in [limits, "/v1/limits?instance_id=inst_dev"] {
        let shown = control.get(path).await.is(200).json();
        let row = if shown["data"].is_array() { &shown["data"][0] } else { &shown };
        assert_eq!((&row["requests_per_minute"], &row["usage"]), (&json!(5), &Value::Null));
        assert!(row["notice"].as_str().unwrap().contains("does not answer"), "{row}");
    }
    for path in [budgets, "/v1/budgets?instance_id=inst_dev"] {
        let shown = control.get(path).await.is(200).json();
        let row = if shown["data"].is_array() { &shown["data"][0] } else { &shown };
        assert_eq!(row["budgets"][0]["usage"], Value::Null);
        assert!(row["notice"].as_str().unwrap().contains("does not answer"), "{row}");
    }
    // A change that cannot be told says so, and is saved.
    let refused = control.put(limits, &json!({"requests_per_minute": 4})).await;
    assert_eq!(refused.fails(503, "LIMITER_UNAVAILABLE")["details"]["saved"], true);
    test.limiter.set_failing(false);
    let shown = control.get(limits).await.is(200).json();
    assert_eq!((&shown["requests_per_minute"], &shown["notice"]), (&json!(4), &Value::Null));
}
