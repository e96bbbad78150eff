//! Whose key opens what.

use de_contract::{
    stack::{Stack, stranger_key},
    wait::unique,
    wire::{Server, Wire},
    workers::BEHIND,
};
use http::Method;
use serde_json::json;

#[tokio::test]
async fn a_key_that_does_not_hold_is_401_in_the_callers_protocol() {
    let stack = Stack::ready().await;
    let mut typo = stack.keys.client.clone();
    let last = if typo.pop() == Some('0') { '1' } else { '0' };
    typo.push(last);
    let keys = [
        (None, "MISSING_AUTH"),
        (Some("sk-not-one-of-ours"), "INVALID_API_KEY"),
        (Some(typo.as_str()), "INVALID_API_KEY"),
        (Some(&stranger_key()), "INVALID_API_KEY"),
        (Some(&stack.keys.expired), "KEY_EXPIRED"),
        (Some(&stack.keys.revoked), "INVALID_API_KEY"),
    ];
    for wire in Wire::ALL {
        for (key, code) in keys {
            let word = unique("refused");
            let call = stack.call(wire, "gpt-4o-mini", &word);
            let call = key.map_or(call.clone().without_key(), |key| call.key(key));
            for call in [call.clone(), call.by_front_door()] {
                let answer = call.send().await;
                answer.fails(401, code);
                assert_eq!(answer.header("www-authenticate"), "Bearer");
                assert!(key.is_none_or(|key| !answer.response.text().contains(key)));
            }
            assert!(stack.vendors.received(&word).await.is_empty(), "{code}");
        }
    }
}

#[tokio::test]
async fn s02_every_route_wants_a_key() {
    let stack = Stack::ready().await;
    let behind = BEHIND.iter().flat_map(|worker| worker.routes);
    let behind = behind.map(|(_, front)| {
        let (method, path) = front.split_once(' ').unwrap();
        (method.parse().unwrap(), path)
    });
    // `{id}` in a path is an id like any other that is not well formed.
    let control_plane = de_config::control_plane();
    let control_plane = control_plane.list().iter().filter(|route| route.permission.is_some());
    let control_plane = control_plane.map(|route| (route.method.clone(), route.path));
    for (method, path) in behind.chain(control_plane) {
        let path = &path.replace(['{', '}', '*'], "");
        let request = stack.front.request(method.clone(), path);
        let request = if method == Method::POST { request.json(&json!({})) } else { request };
        assert_eq!(request.send().await.unwrap().status, 401, "{method} {path}");
    }
}

#[tokio::test]
async fn a_key_is_read_where_each_family_of_sdks_puts_it() {
    let stack = Stack::ready().await;
    let key = &stack.keys.client;
    let bearer = format!("bEaReR {key}");
    let headers = [("authorization", bearer.as_str()), ("x-api-key", key), ("xi-api-key", key)];
    for (name, value) in headers {
        let request = stack.text.request(Method::GET, "/v1/models").header(name, value);
        assert_eq!(request.send().await.unwrap().status, 200, "{name}");
    }
    for name in ["key", "api_key", "access_token"] {
        let path = format!("/v1/models?{name}={key}");
        assert_eq!(stack.text.get(&path).await.unwrap().status, 401, "{name} in the query");
    }
}

#[tokio::test]
async fn s04_a_request_may_repeat_its_tenant_but_not_name_another() {
    let stack = Stack::ready().await;
    let call = || stack.call(Wire::Native, "gpt-4o-mini", "Hello");
    let row = {
        let answer = call().send().await.good();
        stack.books.row(&answer.request_id).await
    };
    for name in ["instance_id", "project_id"] {
        let own = row[name].as_str().unwrap();
        call().member(name, own).send().await.good();
        call().member(name, format!("{own}x")).send().await.fails(403, "FORBIDDEN");
    }
    let own = row["instance_id"].as_str().unwrap();
    call().header("x-instance-id", own).send().await.good();
    call().header("x-instance-id", "inst_another").send().await.fails(403, "FORBIDDEN");
}

#[tokio::test]
async fn a_persons_key_names_an_instance_that_exists_for_them() {
    let stack = Stack::ready().await;
    let call = || stack.call(Wire::Native, "gpt-4o-mini", "Hello").key(&stack.keys.admin);
    call().send().await.fails(400, "INVALID_REQUEST");
    call().header("x-instance-id", "inst_nobodys").send().await.fails(404, "NOT_FOUND");
    // It operates, and has not the scope to generate.
    call().header("x-instance-id", "inst_dev").send().await.fails(403, "FORBIDDEN");
}

#[tokio::test]
async fn s01_a_vendor_gets_its_own_key_and_nothing_of_the_callers() {
    let stack = Stack::ready().await;
    for (wire, server) in de_contract::wire::pairs() {
        let word = unique("keys");
        let call = stack.call(wire, server.model(), &word).header("cookie", "session=secret");
        let answer = call.header("x-forwarded-for", "192.0.2.1").send().await.good();
        let record = stack.vendors.only(&word).await;
        let headers = record["headers"].to_string();
        assert!(!headers.contains(&stack.keys.client), "{headers}");
        assert!(!headers.contains("session=secret"), "{headers}");
        assert!(!headers.contains("192.0.2.1"), "{headers}");
        let end = &stack.keys.client[stack.keys.client.len() - 4..];
        let (name, other) = match server {
            Server::Anthropic => ("x-api-key", "authorization"),
            Server::Gemini => ("x-goog-api-key", "authorization"),
            Server::OpenAi => ("authorization", "x-api-key"),
        };
        let key = record["headers"][name].as_str().unwrap();
        assert!(!key.ends_with(end), "{key} is the caller's");
        assert!(record["headers"].get(other).is_none(), "{headers}");
        // Nor does the caller learn anything of the vendor's key.
        assert!(!answer.response.text().contains("-key-0001"));
    }
}
