//! What is taken away while calls run: once the change has answered, no call that begins is let in by it.
//!
//! Several callers go on without a pause meanwhile. Calls that were begun before may end either way.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    call::Call,
    control::{Control, Tenant},
    stack::Stack,
    traffic::{Passed, during},
    wait::unique,
    wire::{Server, Wire},
};
use http::Method;
use serde_json::{Value, json};

const INSTANCE: &str = "inst_dev";
const ORGANIZATION: &str = "org_dev";

/// Checks that all were let in until the change, and nobody after it.
async fn ends(stack: &Stack, calls: &[Passed], status: u16, code: &str) {
    // A vendor that does not know the key was asked too.
    let is_in = |call: &&Passed| [200, 502].contains(&call.answer.status());
    for call in calls {
        if call.is_late || !is_in(&call) {
            assert_eq!(call.answer.status(), status, "{call:#?}");
            assert_eq!(call.answer.json()["error_code"], code, "{call:#?}");
        }
        if call.is_late {
            assert!(stack.vendors.received(&call.word).await.is_empty(), "{call:#?}");
        }
    }
    let answered: Vec<&Passed> = calls.iter().filter(is_in).collect();
    assert!(!answered.is_empty());
    for call in answered {
        let row = stack.books.row(&call.answer.request_id).await;
        assert_eq!(row["http_status"], call.answer.status(), "{row:#}");
    }
    for call in calls.iter().filter(|call| call.is_late) {
        for row in stack.books.rows(&call.answer.request_id).await {
            assert_eq!(row["http_status"], status, "{row:#}");
        }
    }
}

/// A key of a project of the stack's tenant: key id and secret.
async fn key(control: &Control, project: &str) -> (String, String) {
    let made = control.make("api-keys", json!({"project_id": project, "scopes": ["text"]})).await;
    (text(&made["id"]), text(&made["secret"]))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn by_key<'a>(stack: &'a Stack, model: &str, key: &str) -> impl Fn(&str) -> Call<'a> + use<'a> {
    let (model, key) = (model.to_owned(), key.to_owned());
    move |word| stack.call(Wire::Native, &model, word).key(&key)
}

/// With the key of a person, who says for whom they act.
fn by_person<'a>(stack: &'a Stack, model: &str, key: &str) -> impl Fn(&str) -> Call<'a> + use<'a> {
    let call = by_key(stack, model, key);
    move |word| call(word).header("x-instance-id", INSTANCE)
}

#[tokio::test]
async fn s19_a_revoked_key() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let model = stack.model(Server::OpenAi, json!({})).await;
    let (id, secret) = key(&control, "proj_dev").await;
    let calls = during(by_key(&stack, &model, &secret), async || {
        control.delete(&format!("/v1/api-keys/{id}")).await.is(204);
    });
    ends(&stack, &calls.await, 401, "INVALID_API_KEY").await;
}

#[tokio::test]
async fn s19_a_key_that_was_rotated_without_an_overlap() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let model = stack.model(Server::OpenAi, json!({})).await;
    let (id, secret) = key(&control, "proj_dev").await;
    let calls = during(by_key(&stack, &model, &secret), async || {
        control.post(&format!("/v1/api-keys/{id}/rotate"), &json!({})).await.is(201);
    });
    ends(&stack, &calls.await, 401, "INVALID_API_KEY").await;
}

#[tokio::test]
async fn a_model_that_a_key_may_no_longer_call() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let model = stack.model(Server::OpenAi, json!({})).await;
    let (id, secret) = key(&control, "proj_dev").await;
    let calls = during(by_key(&stack, &model, &secret), async || {
        let patch = json!({"allowed_models": ["gpt-4o-mini"]});
        control.patch(&format!("/v1/api-keys/{id}"), &patch).await.is(200);
    });
    ends(&stack, &calls.await, 403, "MODEL_NOT_ALLOWED").await;
}

#[tokio::test]
async fn a_suspended_project() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let model = stack.model(Server::OpenAi, json!({})).await;
    let project = control.make("projects", json!({"instance_id": INSTANCE, "name": "P"})).await;
    let project = text(&project["id"]);
    let (_, secret) = key(&control, &project).await;
    let calls = during(by_key(&stack, &model, &secret), async || {
        let patch = json!({"status": "suspended"});
        control.patch(&format!("/v1/projects/{project}"), &patch).await.is(200);
    });
    ends(&stack, &calls.await, 403, "FORBIDDEN").await;
}

#[tokio::test]
async fn a_grant_that_was_taken_away() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let model = stack.model(Server::OpenAi, json!({})).await;
    let person = control.person(ORGANIZATION, "user").await;
    control.grant(&person.id, INSTANCE, "user").await;
    let call = by_person(&stack, &model, &person.key);
    let calls = during(&call, async || {
        let path = format!("/v1/users/{}/grants/{INSTANCE}", person.id);
        control.delete(&path).await.is(204);
    });
    ends(&stack, &calls.await, 404, "NOT_FOUND").await;
    // Looking is less than working with it.
    control.grant(&person.id, INSTANCE, "admin").await;
    let calls = during(&call, async || {
        control.grant(&person.id, INSTANCE, "readonly").await;
    });
    ends(&stack, &calls.await, 404, "NOT_FOUND").await;
}

#[tokio::test]
async fn a_person_who_was_suspended_demoted_or_deleted() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let model = stack.model(Server::OpenAi, json!({})).await;
    // Of another organization, with a grant: the change is told where they act, too.
    let away = control.tenant().await;
    let guest = control.person(&away.organization, "user").await;
    control.grant(&guest.id, INSTANCE, "user").await;
    let admin = control.person(ORGANIZATION, "admin").await;
    let leaver = control.person(ORGANIZATION, "admin").await;
    let patch = async |id: &str, body: Value| {
        control.patch(&format!("/v1/users/{id}"), &body).await.is(200);
    };
    let call = |key: &str| by_person(&stack, &model, key);
    let calls = during(call(&guest.key), async || {
        patch(&guest.id, json!({"status": "suspended"})).await;
    });
    ends(&stack, &calls.await, 403, "FORBIDDEN").await;
    let calls = during(call(&admin.key), async || patch(&admin.id, json!({"role": "user"})).await);
    ends(&stack, &calls.await, 404, "NOT_FOUND").await;
    // A deleted person is suspended first, and then nobody.
    let calls = during(call(&leaver.key), async || {
        let path = format!("/v1/users/{}?cascade=true", leaver.id);
        control.delete(&path).await.is(204);
    });
    let calls = calls.await;
    let late = calls.iter().filter(|call| call.is_late);
    for call in late {
        assert_eq!(call.answer.status(), 401, "{call:#?}");
        assert!(stack.vendors.received(&call.word).await.is_empty(), "{call:#?}");
    }
}

#[tokio::test]
async fn a_disabled_model() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let model = stack.model(Server::OpenAi, json!({})).await;
    let (_, secret) = key(&control, "proj_dev").await;
    let calls = during(by_key(&stack, &model, &secret), async || {
        change_model(&stack, &model, json!({"status": "disabled"})).await;
    });
    ends(&stack, &calls.await, 404, "MODEL_NOT_FOUND").await;
}

#[tokio::test]
async fn a_changed_model_serves_from_the_next_call_on() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let model = stack.model(Server::OpenAi, json!({})).await;
    let (_, secret) = key(&control, "proj_dev").await;
    let calls = during(by_key(&stack, &model, &secret), async || {
        change_model(&stack, &model, json!({"upstream_model": "gpt-4o"})).await;
    });
    let mut old = 0;
    for call in calls.await {
        assert_eq!(call.answer.status(), 200, "{call:#?}");
        let sent = stack.vendors.only(&call.word).await;
        assert!(!call.is_late || sent["body"]["model"] == "gpt-4o", "{sent:#}");
        old += usize::from(sent["body"]["model"] == "gpt-4o-mini");
    }
    assert!(old > 0);
}

#[tokio::test]
async fn a_vendors_key_that_was_removed() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let model = stack.model(Server::OpenAi, json!({})).await;
    let tenant = control.tenant().await;
    let (_, secret) = key(&control, &tenant.project).await;
    let path = format!("/v1/provider-keys/{}/openai", tenant.instance);
    let vendors_key = json!({"secret": "test-openai-key-0001"});
    control.put(&path, &vendors_key).await.is(201);
    let calls = during(by_key(&stack, &model, &secret), async || {
        control.delete(&path).await.is(204);
    });
    ends(&stack, &calls.await, 503, "MISSING_API_KEY").await;
}

#[tokio::test]
async fn a_suspended_instance() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let model = stack.model(Server::OpenAi, json!({})).await;
    let (tenant, secret) = buyer(&stack, &control).await;
    let calls = during(by_key(&stack, &model, &secret), async || {
        let path = format!("/v1/instances/{}", tenant.instance);
        control.patch(&path, &json!({"status": "suspended"})).await.is(200);
    });
    ends(&stack, &calls.await, 403, "FORBIDDEN").await;
}

#[tokio::test]
async fn a_suspended_organization_and_its_guest_elsewhere() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let model = stack.model(Server::OpenAi, json!({})).await;
    let suspend = async |organization: &str| {
        let path = format!("/v1/organizations/{organization}");
        control.patch(&path, &json!({"status": "suspended"})).await.is(200);
    };
    let (tenant, secret) = buyer(&stack, &control).await;
    let calls = during(by_key(&stack, &model, &secret), async || {
        suspend(&tenant.organization).await;
    });
    ends(&stack, &calls.await, 403, "FORBIDDEN").await;
    // Of another organization, with a grant here: they act where nothing is suspended.
    let away = control.tenant().await;
    let guest = control.person(&away.organization, "user").await;
    control.grant(&guest.id, INSTANCE, "user").await;
    let calls = during(by_person(&stack, &model, &guest.key), async || {
        suspend(&away.organization).await;
    });
    ends(&stack, &calls.await, 403, "FORBIDDEN").await;
    stack.call(Wire::Native, &model, "Hello").send().await.good();
}

#[tokio::test]
async fn a_suspended_organization_for_its_guests() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let model = stack.model(Server::OpenAi, json!({})).await;
    let (tenant, _) = buyer(&stack, &control).await;
    let guest = control.person(ORGANIZATION, "user").await;
    control.grant(&guest.id, &tenant.instance, "owner").await;
    let theirs = Control::of(stack.admin().with_key(&guest.key).unwrap());
    let (instance, project) =
        (format!("/v1/instances/{}", tenant.instance), format!("/v1/projects/{}", tenant.project));
    let limit = json!({"name": unique("renamed")});
    theirs.patch(&project, &limit).await.is(200);
    let call = |word: &str| {
        let call = stack.call(Wire::Native, &model, word).key(&guest.key);
        call.header("x-instance-id", &tenant.instance)
    };
    let calls = during(call, async || {
        let path = format!("/v1/organizations/{}", tenant.organization);
        control.patch(&path, &json!({"status": "suspended"})).await.is(200);
    });
    ends(&stack, &calls.await, 403, "FORBIDDEN").await;
    // Nor do they change anything there.
    let vendors_key = json!({"secret": stack.vendor_keys["openai"]});
    let provider_key = format!("/v1/provider-keys/{}/openai", tenant.instance);
    theirs.put(&provider_key, &vendors_key).await.is(404);
    theirs.patch(&project, &limit).await.is(404);
    theirs.patch(&instance, &limit).await.is(404);
    let path = format!("/v1/organizations/{}", tenant.organization);
    control.patch(&path, &json!({"status": "active"})).await.is(200);
    theirs.patch(&project, &limit).await.is(200);
}

#[tokio::test]
async fn a_session_that_was_ended() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let model = stack.model(Server::OpenAi, json!({})).await;
    let person = control.person(ORGANIZATION, "user").await;
    control.grant(&person.id, INSTANCE, "user").await;
    let log_in = stack.front.request(Method::POST, "/v1/sessions");
    let log_in = log_in.header("origin", &stack.interface_origin);
    let made = log_in.json(&json!({"key": person.key})).send().await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    let cookie = made.header("set-cookie").split(';').next().unwrap().to_owned();
    let session = format!("/v1/sessions/{}", text(&made.json()["id"]));
    let call = |word: &str| {
        let call = stack.call(Wire::Native, &model, word).by_front_door().without_key();
        let call = call.header("cookie", &cookie).header("origin", &stack.interface_origin);
        call.header("x-instance-id", INSTANCE)
    };
    let calls = during(call, async || {
        control.delete(&session).await.is(204);
    });
    ends(&stack, &calls.await, 401, "SESSION_EXPIRED").await;
    // The key that had made it was not what ended.
    by_person(&stack, &model, &person.key)("Hello").send().await.good();
}

/// A tenant of its own whose calls a vendor answers, and the secret of a key of its project.
async fn buyer(stack: &Stack, control: &Control) -> (Tenant, String) {
    let tenant = control.tenant().await;
    let vendors_key = json!({"secret": stack.vendor_keys["openai"]});
    let path = format!("/v1/provider-keys/{}/openai", tenant.instance);
    control.put(&path, &vendors_key).await.is(201);
    let (_, secret) = key(control, &tenant.project).await;
    (tenant, secret)
}

/// Changes a shared model.
async fn change_model(stack: &Stack, model: &str, differs: Value) {
    let control = Control::of(stack.admin());
    control.patch(&format!("/v1/model-configs/{model}"), &differs).await.is(200);
}
