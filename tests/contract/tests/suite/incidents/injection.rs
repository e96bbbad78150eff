//! SQL in whatever a caller writes: keys, ids, filters, cursors, names.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use de_contract::{
    control::{Control, Tenant},
    document::catalogue::{Operation, committed},
    stack::Stack,
    wait::unique,
};
use http::Method;
use serde_json::{Value, json};

use super::escaped;

/// What has opened databases elsewhere.
const ATTEMPTS: [&str; 8] = [
    "x' OR '1'='1",
    "' OR 1=1 --",
    "'; DROP TABLE api_keys; --",
    "x' UNION SELECT digest FROM api_keys --",
    "%",
    "k_y",
    "*",
    "\\' OR 1=1 /*",
];

/// What may not be told to another tenant.
fn traces(tenant: &Tenant) -> [&str; 3] {
    [&tenant.instance, &tenant.organization, &tenant.project]
}

fn is_variable(step: &str) -> bool {
    step.starts_with('{')
}

/// The path with something in place of each variable.
fn filled(operation: &Operation, text: &str) -> String {
    let step = |step: &str| if is_variable(step) { escaped(text) } else { step.to_owned() };
    operation.path.split('/').map(step).collect::<Vec<_>>().join("/")
}

async fn asked(who: &Control, path: &str) -> Value {
    // Who waits for what may come waits for ever.
    let path = match path.split_once('?') {
        Some((bare, query)) if bare.ends_with("/events") => format!("{bare}?follow=false&{query}"),
        _ => path.to_owned(),
    };
    let answer = who.client.get(&path).await.unwrap();
    assert!(answer.status < 500, "{path}: {} {}", answer.status, answer.text());
    json!({"status": answer.status, "text": answer.text(), "json": answer.json()})
}

#[tokio::test]
async fn sql_in_ids_filters_and_cursors_finds_nothing_and_breaks_nothing() {
    let stack = Stack::ready().await;
    let operator = Control::of(stack.admin());
    let (ours, theirs) = (operator.tenant().await, operator.tenant().await);
    let admin = operator.person(&ours.organization, "admin").await.control;
    operator.person(&theirs.organization, "admin").await;
    let catalogue = committed();
    let mut tried = 0;
    for operation in &catalogue.operations {
        if operation.method != Method::GET || operation.value["x-permission"].is_null() {
            continue;
        }
        let parameters = operation.value["parameters"].as_array().cloned().unwrap_or_default();
        let in_query =
            parameters.iter().map(|one| catalogue.resolve(one)).filter(|one| one["in"] == "query");
        let names: Vec<&str> = in_query.filter_map(|one| one["name"].as_str()).collect();
        for attempt in ATTEMPTS {
            let mut paths = Vec::new();
            if operation.path.contains('{') {
                paths.push(filled(operation, attempt));
            } else {
                paths.extend(names.iter().map(|name| {
                    // A cursor is one of ours as far as its form goes.
                    let text = if *name == "cursor" {
                        URL_SAFE_NO_PAD.encode(attempt)
                    } else {
                        escaped(attempt)
                    };
                    format!("{}?{name}={text}", operation.path)
                }));
            }
            for path in paths {
                let told = asked(&admin, &path).await;
                let text = told["text"].as_str().unwrap();
                for trace in traces(&theirs) {
                    assert!(!text.contains(trace), "{path} tells of {trace}: {text}");
                }
                let found = told["json"]["data"].as_array().is_some_and(|rows| {
                    rows.iter().any(|row| row.get("id").is_some() || row.get("model_id").is_some())
                });
                assert!(!found || path.contains("?cursor="), "{path} finds something: {text}");
                assert!(operation.path.contains("{version}") || told["status"] != 500, "{path}");
                tried += 1;
            }
        }
    }
    assert!(tried > 1_000, "only {tried} attempts");
    // All is where it was.
    for tenant in [&ours, &theirs] {
        operator.get(&format!("/v1/projects/{}", tenant.project)).await.is(200);
    }
}

#[tokio::test]
async fn a_cursor_of_somebody_elses_list_shows_ones_own_rows_only() {
    let stack = Stack::ready().await;
    let operator = Control::of(stack.admin());
    let (ours, theirs) = (operator.tenant().await, operator.tenant().await);
    let admin = operator.person(&ours.organization, "admin").await.control;
    operator.person(&theirs.organization, "admin").await;
    for list in ["organizations", "instances", "projects", "api-keys", "users", "audit-events"] {
        let first = operator.get(&format!("/v1/{list}?limit=1")).await.is(200).json();
        let cursor = first["next_cursor"].as_str().unwrap();
        let page = admin.get(&format!("/v1/{list}?limit=200&cursor={cursor}")).await.is(200);
        for trace in traces(&theirs) {
            assert!(!page.text().contains(trace), "{list}: {}", page.text());
        }
    }
}

#[tokio::test]
async fn sql_in_a_key_is_no_key() {
    let stack = Stack::ready().await;
    let at = stack.keys.client.len() - 20;
    for attempt in ATTEMPTS {
        // Alone, and within one that is otherwise good.
        let within = format!("{}{attempt}", &stack.keys.client[..at]);
        for key in [attempt, &within] {
            for (name, value) in
                [("authorization", format!("Bearer {key}")), ("x-api-key", key.to_owned())]
            {
                for client in [&stack.front, &stack.text] {
                    let request = client.request(Method::GET, "/v1/models").header(name, &value);
                    let answer = request.send().await.unwrap();
                    assert_eq!(answer.status, 401, "{key}: {}", answer.text());
                }
            }
            let cookie = format!("__Host-de_session={key}; de_session={key}");
            let request =
                stack.front.request(Method::GET, "/v1/projects").header("cookie", &cookie);
            assert_eq!(request.send().await.unwrap().status, 401, "{key}");
        }
    }
}

#[tokio::test]
async fn sql_in_a_name_is_a_name() {
    let stack = Stack::ready().await;
    let operator = Control::of(stack.admin());
    let tenant = operator.tenant().await;
    for attempt in ATTEMPTS {
        let name = format!("{attempt}{}", unique("n"));
        let project =
            operator.make("projects", json!({"instance_id": tenant.instance, "name": name})).await;
        assert_eq!(project["name"], name);
        let key = json!({"project_id": project["id"], "name": name, "scopes": ["read"]});
        operator.make("api-keys", key).await;
        // It is found by its own words, and by no pattern of them.
        let found = |name: &str| {
            format!(
                "/v1/api-keys?project_id={}&q={}",
                project["id"].as_str().unwrap(),
                escaped(name)
            )
        };
        let page = operator.get(&found(&name)).await.is(200).json();
        assert_eq!(page["data"].as_array().unwrap().len(), 1, "{page}");
        let page = operator.get(&found("_%'")).await.is(200).json();
        assert_eq!(page["data"], json!([]), "{page}");
    }
}
