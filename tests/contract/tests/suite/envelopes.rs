//! The form of what the control plane says: failures in one envelope, times in one notation.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    control::Control,
    document::catalogue::committed,
    models::config,
    stack::{Stack, stranger_key},
    wait::unique,
    wire::Server,
};
use de_core::time::UnixMillis;
use de_testkit::client::{TestRequest, TestResponse};
use http::Method;
use serde_json::{Value, json};

/// Asks under a request id of one's own, and checks that what comes is our envelope and nothing else.
async fn refused(place: &str, request: TestRequest) -> TestResponse {
    let asked = unique("refused");
    let answer = request.header("x-request-id", &asked).send().await.unwrap();
    let text = answer.text();
    assert!(answer.status >= 400, "{place} is no failure: {} {text}", answer.status);
    assert_eq!(answer.header("content-type"), "application/json", "{place}: {text}");
    assert_eq!(answer.header("x-request-id"), asked, "{place}");
    let body = answer.json();
    let members = body.as_object().unwrap_or_else(|| panic!("{place}: {text}"));
    for (name, value) in members {
        let is_formed = match name.as_str() {
            "details" => value.as_object().is_some_and(|details| !details.is_empty()),
            "error" => value.as_str().is_some_and(|message| !message.is_empty()),
            "error_code" => value.as_str().is_some_and(is_code),
            "request_id" => *value == json!(asked),
            _ => false,
        };
        assert!(is_formed, "{place}: {name} in {text}");
    }
    for name in ["error", "error_code", "request_id"] {
        assert!(members.contains_key(name), "{place} has no {name}: {text}");
    }
    answer
}

fn is_code(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|c| c.is_ascii_uppercase() || c == b'_')
}

#[tokio::test]
async fn c34_every_failure_of_the_control_plane_is_the_typed_envelope() {
    let stack = Stack::ready().await;
    let admin = stack.admin();
    let stranger = stack.front.clone().with_key(&stranger_key()).unwrap();
    for route in de_config::control_plane().list() {
        let line = format!("{} {}", route.method, route.path);
        // Ids that nobody has, each of its kind's form as far as `nobodys-1` has it.
        let path = route.path.replace(['{', '}', '*'], "").replace("/id", "/nobodys-1");
        let method = &route.method;
        if route.permission.is_some() {
            for (who, client) in [("nobody", &stack.front), ("a stranger", &stranger)] {
                let place = format!("{line} by {who}");
                let answer = refused(&place, client.request(method.clone(), &path)).await;
                assert_eq!(answer.status, 401, "{place}: {}", answer.text());
            }
        }
        let has_body = [Method::PATCH, Method::POST, Method::PUT].contains(method);
        if has_body {
            for (body, what) in [("{\"name\": ", "half a body"), ("[]", "a list")] {
                let request = admin.request(method.clone(), &path);
                let request = request.header("content-type", "application/json").body(body);
                let answer = refused(&format!("{line} with {what}"), request).await;
                assert!([400, 403, 404].contains(&answer.status), "{line}: {}", answer.text());
            }
            let request = admin.request(method.clone(), &path).header("content-type", "text/csv");
            let answer = refused(&format!("{line} as csv"), request.body("name\n")).await;
            assert!([400, 403, 404, 415].contains(&answer.status), "{line}: {}", answer.text());
        } else if route.path.contains('{') {
            let answer = refused(&line, admin.request(method.clone(), &path)).await;
            assert_eq!(answer.status, 404, "{line}: {}", answer.text());
        } else if route.permission.is_some() && *method == Method::GET && path != "/v1/services" {
            let place = format!("{line}?limit=none");
            let path = format!("{path}?limit=none");
            let answer = refused(&place, admin.request(method.clone(), &path)).await;
            assert_eq!(answer.status, 400, "{place}: {}", answer.text());
        }
        // One that nothing at this place takes, whatever its id.
        let taken = |other: &Method| committed().find(other, &path).is_some();
        let methods = [Method::PUT, Method::PATCH, Method::DELETE, Method::POST];
        let other = methods.into_iter().find(|method| !taken(method)).unwrap();
        let place = format!("{other} {}", route.path);
        let answer = refused(&place, admin.request(other, &path)).await;
        assert_eq!(answer.status, 405, "{place}: {}", answer.text());
    }
    for (path, status) in [("/v1/nothing-here", 404), ("/v1/nothing-here/org_dev", 404)] {
        let answer = refused(path, admin.request(Method::GET, path)).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn c34_a_row_that_speaks_of_errors_is_no_failure() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let settings = json!({"error": "none yet", "error_code": "CALM", "request_id": 1});
    let project = json!({"instance_id": "inst_dev", "name": "error", "settings": settings});
    let made = control.make("projects", project).await;
    let path = format!("/v1/projects/{}", made["id"].as_str().unwrap());
    let shown = control.get(&path).await.is(200).json();
    assert_eq!((&shown["settings"], &shown["name"]), (&settings, &json!("error")));
    assert!(shown.get("error").is_none() && shown.get("error_code").is_none(), "{shown}");
}

#[tokio::test]
async fn c34_times_are_rfc_3339_in_utc_with_milliseconds() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let person = control.person(&tenant.organization, "user").await;
    control.grant(&person.id, &tenant.instance, "user").await;
    // Whatever offset and precision a time is given in, it is shown in ours.
    let body = json!({"project_id": tenant.project, "scopes": ["text"],
        "expires_at": "2099-01-01T01:00:00+01:00"});
    let key = control.make("api-keys", body).await;
    assert_eq!(key["expires_at"], "2099-01-01T00:00:00.000Z");
    let own = json!({"organization_id": tenant.organization});
    let model = control.make("model-configs", Value::Object(config(Server::OpenAi, &own))).await;
    let model = model["model_id"].as_str().unwrap().to_owned();
    let vendors_key = json!({"secret": "a-vendors-key-1"});
    let place = format!("/v1/provider-keys/{}/openai", tenant.instance);
    control.put(&place, &vendors_key).await.is(201);
    control.make("sessions", json!({"key": person.key})).await;
    let (organization, instance) = (&tenant.organization, &tenant.instance);
    for path in [
        format!("/v1/organizations/{organization}"),
        format!("/v1/instances/{instance}"),
        format!("/v1/instances/{instance}/grants"),
        format!("/v1/projects?instance_id={instance}"),
        format!("/v1/api-keys?project_id={}", tenant.project),
        format!("/v1/users/{}", person.id),
        format!("/v1/users/{}/grants", person.id),
        format!("/v1/audit-events?organization_id={organization}"),
        format!("/v1/model-configs?organization_id={organization}"),
        format!("/v1/model-configs/{model}/versions?organization_id={organization}"),
        "/v1/providers".to_owned(),
        place,
        format!("/v1/sessions?user_id={}", person.id),
        "/v1/services".to_owned(),
    ] {
        let shown = control.get(&path).await.is(200).json();
        let mut seen = 0;
        times(&path, &shown, &mut seen);
        assert!(seen > 0, "{path} tells no time: {shown}");
    }
}

/// Checks every member that is a time by its name, at any depth.
fn times(place: &str, value: &Value, seen: &mut usize) {
    for (n, one) in value.as_array().into_iter().flatten().enumerate() {
        times(&format!("{place}/{n}"), one, seen);
    }
    for (name, one) in value.as_object().into_iter().flatten() {
        let place = format!("{place}/{name}");
        if (name == "at" || name.ends_with("_at")) && !one.is_null() {
            let text = one.as_str().unwrap_or_else(|| panic!("{place}: {one}"));
            let read = UnixMillis::parse_rfc3339(text).map(UnixMillis::rfc3339);
            assert_eq!(read.as_deref(), Some(text), "{place}");
            *seen += 1;
        }
        times(&place, one, seen);
    }
}

#[test]
fn c34_the_table_of_codes_in_the_docs_is_that_of_the_code() {
    let source = include_str!("../../../../crates/de-core/src/http/error.rs");
    let rows = source.split("fn row(self)").nth(1).and_then(|rest| rest.split("\n    }\n").next());
    let coded = rows.unwrap().lines().filter_map(|line| line.split('"').nth(1));
    let mut coded: Vec<&str> = coded.collect();
    let docs = include_str!("../../../../docs/api.md");
    let table = docs.split("| Status | Code | Meaning |").nth(1).unwrap();
    let table = table.split("\n\n").next().unwrap().lines().filter(|line| line.contains('`'));
    let mut told: Vec<&str> = table.filter_map(|line| line.split('`').nth(1)).collect();
    coded.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, coded);
    assert!(told.contains(&"VALIDATION_ERROR"));
}
