//! A route that nobody thought of checking: every operation of `docs/openapi.json` is asked by keys that may not.
//!
//! Who may what in the control plane is the matrix of `roles.rs`; here are the programs, whose keys have scopes.

use std::collections::{BTreeMap, BTreeSet};

use de_contract::{
    control::Control,
    document::catalogue::{Operation, committed},
    stack::Stack,
};
use de_testkit::client::{TestClient, TestRequest, TestResponse};
use serde_json::json;

const SCOPES: [&str; 6] = ["audio", "image", "read", "render", "stock", "text"];

fn asked(client: &TestClient, operation: &Operation) -> TestRequest {
    let step = |step: &str| match step {
        "{worker}" => "text".to_owned(),
        "{version}" => "1".to_owned(),
        step if step.starts_with('{') => "nobodys-1".to_owned(),
        step => step.to_owned(),
    };
    let path: Vec<String> = operation.path.split('/').map(step).collect();
    let path = path.join("/");
    let path =
        if path.ends_with("/requests/events") { format!("{path}?follow=false") } else { path };
    let request = client.request(operation.method.clone(), &path);
    let content = &operation.value["requestBody"]["content"];
    if !content["multipart/form-data"].is_null() {
        let form = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nx\r\n--b--\r\n";
        return request.header("content-type", "multipart/form-data; boundary=b").body(form);
    }
    match &content["application/json"]["example"] {
        example if example.is_null() => request,
        example => request.json(example),
    }
}

async fn answer(client: &TestClient, operation: &Operation) -> TestResponse {
    asked(client, operation).send().await.unwrap()
}

#[tokio::test]
async fn no_operation_is_done_by_a_key_that_lacks_its_scope() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let mut clients = BTreeMap::new();
    for scope in SCOPES {
        let body = json!({"project_id": tenant.project, "scopes": [scope]});
        let key = control.make("api-keys", body).await["secret"].as_str().unwrap().to_owned();
        clients.insert(scope, stack.front.clone().with_key(&key).unwrap());
    }
    let mut scopes = BTreeSet::new();
    for operation in &committed().operations {
        let line = format!("{} {}", operation.method, operation.path);
        if let Some(wanted) = operation.value["x-scope"].as_str() {
            scopes.insert(wanted);
            for (scope, client) in &clients {
                let told = answer(client, operation).await;
                match wanted {
                    // A key of any scope will do; what it asks for is not there.
                    "any" => assert_ne!(told.status, 401, "{line} with {scope}"),
                    wanted if wanted == *scope => {}
                    // Whose job it is decides which scope may stop it: without one there is nothing.
                    _ if line == "DELETE /render/render/{id}" => {
                        assert_eq!(told.status, 404, "{line} with {scope}: {}", told.text());
                    }
                    _ => {
                        let text = told.text();
                        assert_eq!(told.status, 403, "{line} with {scope}: {text}");
                        assert!(text.contains(wanted), "{line} with {scope}: {text}");
                    }
                }
            }
        } else if operation.value["x-permission"].is_string() {
            for (scope, client) in &clients {
                let told = answer(client, operation).await;
                // A program may look at its own project's calls with `read`, and change nothing with it.
                let permission = operation.value["x-permission"].as_str().unwrap();
                let looks = *scope == "read" && permission.ends_with("-read");
                let expected: &[u16] = if looks { &[200, 400, 403, 404] } else { &[403] };
                assert!(
                    expected.contains(&told.status),
                    "{line} with {scope}: {} {}",
                    told.status,
                    told.text()
                );
            }
        } else {
            assert!(!operation.value["x-open"].is_null(), "{line} says of nobody that they may");
        }
    }
    let known: BTreeSet<&str> =
        SCOPES.into_iter().filter(|scope| *scope != "read").chain(["any"]).collect();
    assert_eq!(scopes, known, "a scope is not tried");
}

#[tokio::test]
async fn no_operation_is_done_without_a_key_unless_it_says_so() {
    let stack = Stack::ready().await;
    for operation in &committed().operations {
        let told = answer(&stack.front, operation).await;
        let is_open = !operation.value["x-open"].is_null();
        let line = format!("{} {}", operation.method, operation.path);
        let asks_for_its_own_proof =
            ["POST /v1/sessions", "POST /v1/bootstrap"].contains(&line.as_str());
        if !is_open {
            assert_eq!(told.status, 401, "{line}: {}", told.text());
        } else if !asks_for_its_own_proof {
            assert_ne!(told.status, 401, "{line}: {}", told.text());
        }
    }
}
