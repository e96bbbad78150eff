//! The description of the API: committed as it is described, complete, and served.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::collections::BTreeSet;

use de_contract::{
    document::{
        self,
        catalogue::committed,
        check::{compile, faults, wrong},
        closed::closed,
        tour::{Stop, tour},
    },
    stack::Stack,
    workers::BEHIND,
};
use de_services::WORKERS;
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn the_committed_document_is_the_described_one() {
    let written = document::written(&document::described().await);
    assert!(
        written == document::COMMITTED,
        "{} is not what the code describes; `cargo xtask types` writes it anew",
        document::PATH
    );
}

#[tokio::test]
async fn examples_are_asked_and_answered_as_they_stand_there() {
    let catalogue = committed();
    let stops = tour(catalogue).await;
    assert_eq!(stops.len(), catalogue.operations.len());
    for Stop { operation, response } in &stops {
        let media = &operation.value["requestBody"]["content"]["application/json"];
        if media.is_object() {
            let schema = compile(&closed(catalogue, &media["schema"]));
            let faults = faults(&schema, &media["example"]);
            assert!(faults.is_empty(), "{}: {faults:?}", operation.id);
        }
        let text = response.text();
        assert!((200..300).contains(&response.status), "{}: {text}", operation.id);
        let wrong = wrong(catalogue, operation, response);
        assert!(wrong.is_empty(), "{}: {wrong:?}: {text}", operation.id);
    }
}

/// `METHOD /path` of all operations that carry a mark.
fn marked(mark: &str) -> BTreeSet<String> {
    let marked = committed().operations.iter().filter(|one| !one.value[mark].is_null());
    marked.map(|one| format!("{} {}", one.method, one.path)).collect()
}

#[test]
fn every_route_is_described_with_its_permission_and_nothing_else_is() {
    let mut expected = BTreeSet::new();
    let mut open = BTreeSet::new();
    let routes = de_config::control_plane();
    for route in routes.list() {
        let path = route.path.replace("{*", "{");
        let line = format!("{} {path}", route.method);
        match route.permission {
            Some(permission) => {
                let word = format!("{permission:?}");
                let same = |one: &&document::catalogue::Operation| {
                    one.method == route.method && one.path == path
                };
                let described = committed().operations.iter().find(same);
                let told = described.and_then(|one| one.value["x-permission"].as_str());
                let told =
                    told.unwrap_or_else(|| panic!("{line} is not described")).replace('-', "");
                assert_eq!(told, word.to_lowercase(), "{line}");
                expected.insert(line);
            }
            None => {
                open.insert(line);
            }
        }
    }
    assert_eq!(marked("x-permission"), expected);
    open.insert(de_render::openapi::OPEN.1.to_owned());
    // Beside the open ones of the control plane and the vendors' callback, everybody may ask after health.
    let health = |line: &&String| line.ends_with("/health") || line.ends_with("/ready");
    let described = marked("x-open");
    assert_eq!(described.iter().filter(health).count(), 4);
    assert_eq!(
        described.iter().filter(|line| !health(line)).cloned().collect::<BTreeSet<_>>(),
        open
    );
    let routes = BEHIND.iter().flat_map(|worker| worker.routes);
    assert_eq!(marked("x-scope"), routes.map(|(_, front)| (*front).to_owned()).collect());
    let all = [marked("x-open"), marked("x-permission"), marked("x-scope")];
    assert_eq!(all.iter().map(BTreeSet::len).sum::<usize>(), committed().operations.len());
}

#[test]
fn the_suite_knows_every_worker_behind_the_front_door() {
    let known: BTreeSet<_> = BEHIND.iter().map(|worker| worker.name).collect();
    let called = WORKERS.iter().filter(|worker| worker.takes_keys() && !worker.is_front_door());
    assert_eq!(known, called.map(|worker| worker.name).collect());
}

#[test]
fn every_route_is_where_the_front_door_looks_for_it() {
    for behind in BEHIND {
        let worker = de_services::worker(behind.name).unwrap();
        for (own, front) in behind.routes {
            let (_, own) = own.split_once(' ').unwrap();
            let (_, front) = front.split_once(' ').unwrap();
            let is_below = |path: &&str| front == *path || front.starts_with(&format!("{path}/"));
            let expected = match worker.paths().iter().any(is_below) {
                true => own.to_owned(),
                false => format!("/{}{own}", worker.name),
            };
            assert_eq!(front, expected, "{}", worker.name);
        }
    }
}

#[test]
fn every_operation_of_the_control_plane_is_tried_by_everyone() {
    let walked = include_str!("roles.rs");
    let matrix = walked.split("const MATRIX").nth(1).and_then(|rest| rest.split("\";").next());
    let lines: Vec<&str> = matrix.unwrap().lines().collect();
    for operation in &committed().operations {
        let told = |mark: &str| !operation.value[mark].is_null();
        if told("x-open") || told("x-scope") {
            continue;
        }
        let line = format!("{} {} ", operation.method, operation.path);
        let is_walked = lines.iter().any(|walked| walked.starts_with(&line));
        assert!(is_walked, "{line}is not in the matrix of tests/roles.rs");
    }
}

#[tokio::test]
async fn the_text_worker_has_the_routes_that_are_described_and_no_other() {
    let stack = Stack::ready().await;
    for (own, front) in de_text::openapi::ROUTES {
        for (client, line) in [(&stack.text, own), (&stack.front, front)] {
            let (method, path) = line.split_once(' ').unwrap();
            let path = path.replace("{id}", "gpt-4o-mini");
            let answer = client.request(method.parse().unwrap(), &path).send().await.unwrap();
            // It is there, and asks who it is.
            assert_eq!(answer.status, 401, "{line}: {}", answer.text());
        }
    }
    // The lines of the router, by the source: a new one has to be told here.
    let source = include_str!("../../../../workers/text/src/lib.rs");
    let routed = source.lines().filter(|line| line.trim().starts_with(".route("));
    let built = routed.filter(|line| !line.contains("not_built")).count();
    assert_eq!(built, de_text::openapi::ROUTES.len());
}

#[tokio::test]
async fn the_render_worker_has_the_routes_that_are_described_and_no_other() {
    let stack = Stack::ready().await;
    for (_, front) in de_render::openapi::ROUTES {
        let (method, path) = front.split_once(' ').unwrap();
        let path = path.replace("{id}", "asset_1");
        let answer = stack.front.request(method.parse().unwrap(), &path).send().await.unwrap();
        // It is there, and asks who it is.
        assert_eq!(answer.status, 401, "{front}: {}", answer.text());
    }
    let (_, path) = de_render::openapi::OPEN.1.split_once(' ').unwrap();
    let answer = stack.front.post(path, &json!({})).await.unwrap();
    assert_eq!((answer.status, &answer.json()["error_code"]), (404, &json!("NOT_FOUND")));
    let source = include_str!("../../../../workers/render/src/lib.rs");
    // A path of two methods is one line.
    let methods = |line: &str| 1 + line.matches(").delete(").count();
    let routed = source.lines().filter(|line| line.trim().starts_with(".route("));
    assert_eq!(routed.map(methods).sum::<usize>(), de_render::openapi::ROUTES.len() + 1);
}

#[tokio::test]
async fn the_image_worker_has_the_routes_that_are_described_and_no_other() {
    let stack = Stack::ready().await;
    for (_, line) in de_image::openapi::ROUTES {
        let (method, path) = line.split_once(' ').unwrap();
        let answer = stack.front.request(method.parse().unwrap(), path).send().await.unwrap();
        assert_eq!(answer.status, 401, "{line}: {}", answer.text());
    }
    let source = include_str!("../../../../workers/image/src/lib.rs");
    let routed = source.lines().filter(|line| line.trim().starts_with(".route("));
    let built = routed.filter(|line| !line.contains("not_built")).count();
    assert_eq!(built, de_image::openapi::ROUTES.len());
}

#[tokio::test]
async fn the_stock_media_worker_has_the_routes_that_are_described_and_no_other() {
    let stack = Stack::ready().await;
    for (_, line) in de_stock_media::openapi::ROUTES {
        let (method, path) = line.split_once(' ').unwrap();
        let answer = stack.front.request(method.parse().unwrap(), path).send().await.unwrap();
        assert_eq!(answer.status, 401, "{line}: {}", answer.text());
    }
    let source = include_str!("../../../../workers/stock-media/src/lib.rs");
    let built = source.lines().filter(|line| line.trim().starts_with(".route(")).count();
    assert_eq!(built, de_stock_media::openapi::ROUTES.len());
}

#[tokio::test]
async fn the_audio_worker_has_the_routes_that_are_described_and_no_other() {
    let stack = Stack::ready().await;
    for (_, line) in de_audio::openapi::ROUTES {
        let (method, path) = line.split_once(' ').unwrap();
        let path = path.replace("{voice_id}", "voice1");
        let answer = stack.front.request(method.parse().unwrap(), &path).send().await.unwrap();
        assert_eq!(answer.status, 401, "{line}: {}", answer.text());
    }
    let source = include_str!("../../../../workers/audio/src/lib.rs");
    let routed = source.lines().filter(|line| line.trim().starts_with(".route("));
    let built = routed.filter(|line| !line.contains("not_built")).count();
    assert_eq!(built, de_audio::openapi::ROUTES.len());
}

#[test]
fn operations_tell_what_a_reader_needs() {
    let mut ids = BTreeSet::new();
    for operation in &committed().operations {
        let id = &operation.id;
        assert!(ids.insert(id), "{id} stands there twice");
        for name in ["summary", "tags", "responses", "x-error-codes"] {
            assert!(!operation.value[name].is_null(), "{id} has no {name}");
        }
        let wants_body = [Method::PATCH, Method::POST, Method::PUT].contains(&operation.method);
        assert_eq!(operation.value["requestBody"].is_object(), wants_body, "{id}");
        if wants_body {
            let content = &operation.value["requestBody"]["content"];
            let kinds = ["application/json", "multipart/form-data"];
            let has_example = kinds.iter().any(|kind| content[*kind]["example"].is_object());
            assert!(has_example, "{id} has no example");
        }
    }
    let mut undescribed = Vec::new();
    for (name, schema) in committed().document["components"]["schemas"].as_object().unwrap() {
        describe(name, schema, &mut undescribed);
    }
    assert!(undescribed.is_empty(), "without a description: {undescribed:?}");
}

/// Collects schemas and members that nobody described.
fn describe(place: &str, schema: &Value, undescribed: &mut Vec<String>) {
    let alternatives = ["anyOf", "oneOf"].iter().filter_map(|name| schema[*name].as_array());
    let told = alternatives.flatten().any(|one| one["description"].is_string());
    if !told && !schema["description"].is_string() {
        undescribed.push(place.to_owned());
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        describe(&format!("{place}.{name}"), member, undescribed);
    }
}

#[tokio::test]
async fn it_is_served_to_everybody_and_once_to_each() {
    let stack = Stack::ready().await;
    let answer = stack.front.get("/v1/openapi.json").await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.text(), document::COMMITTED);
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    let tag = answer.header("etag");
    for (named, status) in [(tag, 304), ("*", 304), ("\"other\"", 200)] {
        let request = stack.front.request(Method::GET, "/v1/openapi.json");
        let again = request.header("if-none-match", named).send().await.unwrap();
        assert_eq!(again.status, status, "{named}");
        assert_eq!(again.body.is_empty(), status == 304);
        assert_eq!(again.header("etag"), tag);
    }
    assert_eq!(
        answer.json()["servers"],
        json!([{"url": "/",
        "description": "The front door that serves this document."}])
    );
}
