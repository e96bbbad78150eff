//! `Idempotency-Key` on what the control plane makes.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    control::Control,
    life::{path, whole},
    stack::Stack,
    wait::unique,
    world::World,
};
use de_testkit::client::TestResponse;
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

async fn make(control: &Control, path: &str, key: &str, body: &Value) -> TestResponse {
    let request = control.client.request(Method::POST, path).header("idempotency-key", key);
    request.json(body).send().await.unwrap()
}

async fn count(control: &Control, path: &str) -> usize {
    control.get(path).await.is(200).json()["data"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_same_question_makes_one_row_and_has_one_answer() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let key = unique("once");
    let body = json!({"instance_id": tenant.instance, "name": "Twice"});
    let first = make(&control, "/v1/projects", &key, &body).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, ""));
    let again = make(&control, "/v1/projects", &key, &body).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"));
    assert_eq!(again.json(), first.json());
    for header in ["location", "etag"] {
        assert_eq!(again.header(header), first.header(header), "{header}");
    }
    // The tenant's own and this one.
    assert_eq!(count(&control, &format!("/v1/projects?instance_id={}", tenant.instance)).await, 2);
}

#[tokio::test]
async fn ten_at_once_make_one() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let key = unique("crowd");
    let body = json!({"project_id": tenant.project, "scopes": ["text"]});
    let asks = (0..10).map(|_| make(&control, "/v1/api-keys", &key, &body));
    let answers = join_all(asks).await;
    let secrets: Vec<Value> =
        answers.iter().map(|answer| answer.json()["secret"].clone()).collect();
    assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
    assert!(secrets[0].is_string() && secrets.iter().all(|secret| *secret == secrets[0]));
    assert_eq!(count(&control, &format!("/v1/api-keys?project_id={}", tenant.project)).await, 1);
}

#[tokio::test]
async fn a_key_belongs_to_its_question_and_its_holder() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let key = unique("mine");
    let body = json!({"instance_id": tenant.instance, "name": "One"});
    let first = make(&control, "/v1/projects", &key, &body).await;
    assert_eq!(first.status, 201);
    let other = json!({"instance_id": tenant.instance, "name": "Another"});
    let refused = make(&control, "/v1/projects", &key, &other).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert_eq!(refused.json()["error_code"], "IDEMPOTENCY_MISMATCH");
    // Another operation is another question.
    let named = json!({"name": unique("org")});
    assert_eq!(make(&control, "/v1/organizations", &key, &named).await.status, 201);
    // A question that was refused was not answered: it may be asked again.
    let retry = unique("retry");
    let bad = make(&control, "/v1/projects", &retry, &json!({"name": "No instance"})).await;
    assert_eq!(bad.status, 400);
    let good = json!({"instance_id": tenant.instance, "name": "Now"});
    assert_eq!(make(&control, "/v1/projects", &retry, &good).await.status, 201);
    let long = "x".repeat(256);
    assert_eq!(make(&control, "/v1/projects", &long, &body).await.status, 400);
}

#[tokio::test]
async fn a_kept_answer_hides_its_secret() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let body = json!({"project_id": tenant.project, "scopes": ["text"]});
    let made = make(&control, "/v1/api-keys", &unique("sealed"), &body).await;
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    if let Some(dump) = stack.dump() {
        assert!(dump.contains(made.json()["id"].as_str().unwrap()));
        assert!(!dump.contains(&secret));
    }
}

#[tokio::test]
async fn an_import_that_changes_nothing_has_one_answer_too() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let own = format!("organization_id={}", tenant.organization);
    let import = format!("/v1/model-configs/import?{own}");
    let file = whole(json!({}));
    control.post(&import, &file).await.is(201);
    let key = unique("idle");
    let first = make(&control, &import, &key, &file).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (200, ""));
    let place = format!("{}?{own}", path(file["model_id"].as_str().unwrap()));
    control.delete(&place).await.is(204);
    let again = make(&control, &import, &key, &file).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, "true"));
    assert_eq!(again.json(), first.json());
    control.get(&place).await.fails(404, "MODEL_NOT_FOUND");
}

#[tokio::test]
async fn a_key_that_would_not_be_kept_is_refused() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let input = json!({"input": {"prompt": "Hi"}});
    for (place, body) in [
        ("/v1/model-configs/gpt-4o-mini/rollback", json!({"version": 1})),
        ("/v1/model-configs/gpt-4o-mini/preview", input.clone()),
        (
            "/v1/model-configs/preview",
            json!({"config": whole(json!({})), "input": {"prompt": "Hi"}}),
        ),
    ] {
        let refused = make(&control, place, &unique("once"), &body).await;
        assert_eq!(refused.status, 400, "{place}: {}", refused.text());
        assert!(refused.text().contains("Idempotency-Key"), "{}", refused.text());
    }
}

/// In process: the platform joins two headers of a name to one.
#[tokio::test]
async fn of_two_keys_neither_is_taken() {
    let control = World::new().await.operator();
    let request = control.client.request(Method::POST, "/v1/organizations");
    let request = request.header("idempotency-key", "one").another("idempotency-key", "two");
    let refused = request.json(&json!({"name": "Twice"})).send().await.unwrap();
    assert_eq!((refused.status, &refused.json()["error_code"]), (400, &json!("INVALID_REQUEST")));
    assert!(refused.text().contains("Idempotency-Key"), "{}", refused.text());
}
