//! Two tenants: to one of them, nothing of the other exists, whatever they write where.
//!
//! Each route is tried with each id that it takes, in path, query, body and `X-Instance-ID`. Another tenant's
//! id must be answered as an id that nobody has.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::collections::BTreeSet;

use de_contract::{
    control::{Control, Person, Tenant},
    models::config,
    stack::Stack,
    wait::unique,
    wire::{Server, Wire},
};
use de_core::{auth::access::Role, http::routes::Route};
use http::Method;
use serde_json::{Value, json};

/// Each route, and what else than its path names something of a tenant: filters of a list, members of a body.
const ROUTES: &[(&str, &[&str])] = &[
    ("GET /v1/organizations", &[]),
    ("POST /v1/organizations", &[]),
    ("GET /v1/organizations/{id}", &[]),
    ("PATCH /v1/organizations/{id}", &[]),
    ("DELETE /v1/organizations/{id}", &[]),
    ("GET /v1/instances", &["organization_id"]),
    ("POST /v1/instances", &["organization_id"]),
    ("GET /v1/instances/{id}", &[]),
    ("PATCH /v1/instances/{id}", &[]),
    ("DELETE /v1/instances/{id}", &[]),
    ("GET /v1/instances/{id}/grants", &[]),
    ("GET /v1/projects", &["instance_id"]),
    ("POST /v1/projects", &["instance_id"]),
    ("GET /v1/projects/{id}", &[]),
    ("PATCH /v1/projects/{id}", &[]),
    ("DELETE /v1/projects/{id}", &[]),
    ("DELETE /v1/projects/{id}/response-cache", &[]),
    ("GET /v1/api-keys", &["instance_id", "project_id", "user_id"]),
    ("POST /v1/api-keys", &["project_id", "user_id"]),
    ("GET /v1/api-keys/{id}", &[]),
    ("PATCH /v1/api-keys/{id}", &[]),
    ("DELETE /v1/api-keys/{id}", &[]),
    ("POST /v1/api-keys/{id}/rotate", &[]),
    ("GET /v1/users", &["email", "instance_id", "organization_id"]),
    ("POST /v1/users", &["organization_id"]),
    ("GET /v1/users/{id}", &[]),
    ("PATCH /v1/users/{id}", &[]),
    ("DELETE /v1/users/{id}", &[]),
    ("GET /v1/users/{id}/grants", &[]),
    ("PUT /v1/users/{id}/grants/{instance_id}", &[]),
    ("DELETE /v1/users/{id}/grants/{instance_id}", &[]),
    ("GET /v1/audit-events", &["actor_id", "organization_id", "request_id", "target_id"]),
    ("GET /v1/audit-events/{id}", &[]),
    ("GET /v1/services", &[]),
    ("GET /v1/sessions", &["user_id"]),
    ("GET /v1/sessions/{id}", &[]),
    ("DELETE /v1/sessions/{id}", &[]),
    ("GET /v1/model-configs", &["organization_id"]),
    ("POST /v1/model-configs", &["organization_id"]),
    ("GET /v1/model-configs/{id}", &["organization_id"]),
    ("PATCH /v1/model-configs/{id}", &[]),
    ("DELETE /v1/model-configs/{id}", &["organization_id"]),
    ("GET /v1/model-configs/{id}/versions", &["organization_id"]),
    ("GET /v1/model-configs/{id}/versions/{version}", &["organization_id"]),
    ("GET /v1/model-configs/{id}/export", &["organization_id"]),
    ("POST /v1/model-configs/import", &[]),
    ("POST /v1/model-configs/preview", &[]),
    ("POST /v1/model-configs/{id}/preview", &[]),
    ("POST /v1/model-configs/{id}/test", &["instance_id"]),
    ("POST /v1/model-configs/{id}/rollback", &[]),
    ("GET /v1/providers", &["organization_id"]),
    ("POST /v1/providers", &["organization_id"]),
    ("GET /v1/providers/{id}", &["organization_id"]),
    ("PATCH /v1/providers/{id}", &[]),
    ("DELETE /v1/providers/{id}", &["organization_id"]),
    ("GET /v1/provider-keys", &["instance_id", "provider_id"]),
    ("GET /v1/provider-keys/{instance_id}/{provider_id}", &[]),
    ("PUT /v1/provider-keys/{instance_id}/{provider_id}", &[]),
    ("DELETE /v1/provider-keys/{instance_id}/{provider_id}", &[]),
    ("POST /v1/provider-keys/{instance_id}/{provider_id}/test", &[]),
    ("POST /v1/provider-keys/reseal", &[]),
    ("GET /v1/providers/{id}/health", &["instance_id"]),
    ("GET /v1/provider-health", &["instance_id"]),
    ("GET /v1/usage", BOOKS),
    ("GET /v1/usage/timeseries", BOOKS),
    ("GET /v1/requests", CALLS),
    ("GET /v1/requests/events", CALLS),
    ("GET /v1/requests/{id}", &[]),
    ("GET /v1/receipts/{receipt_id}", &[]),
    ("GET /v1/metrics", &["instance_id", "organization_id"]),
    ("GET /v1/limits", &["instance_id", "organization_id", "scope_id"]),
    ("GET /v1/limits/{scope}/{id}", &["instance_id"]),
    ("PUT /v1/limits/{scope}/{id}", &[]),
    ("DELETE /v1/limits/{scope}/{id}", &["instance_id"]),
    ("GET /v1/budgets", &["instance_id", "organization_id", "scope_id"]),
    ("GET /v1/budgets/{scope}/{id}", &["instance_id"]),
    ("PUT /v1/budgets/{scope}/{id}", &[]),
    ("DELETE /v1/budgets/{scope}/{id}", &["instance_id"]),
    ("GET /v1/webhooks", &["instance_id", "organization_id"]),
    ("POST /v1/webhooks", &["instance_id", "organization_id"]),
    ("GET /v1/webhooks/{id}", &[]),
    ("PATCH /v1/webhooks/{id}", &[]),
    ("DELETE /v1/webhooks/{id}", &[]),
    ("POST /v1/webhooks/{id}/rotate", &[]),
    ("POST /v1/webhooks/{id}/test", &[]),
    ("GET /v1/webhooks/{id}/deliveries", &[]),
    ("POST /v1/webhooks/{id}/deliveries/{delivery_id}/redeliver", &[]),
];

/// What questions to the books take.
const BOOKS: &[&str] =
    &["api_key_id", "instance_id", "model_id", "organization_id", "project_id", "provider_id"];

/// The same of calls one by one.
const CALLS: &[&str] = &[
    "api_key_id",
    "instance_id",
    "model_id",
    "organization_id",
    "project_id",
    "provider_id",
    "user_id",
];

/// A tenant, and one of each that it can have.
struct Side {
    admin: Person,
    delivery: String,
    email: String,
    event: String,
    key: String,
    model: String,
    owner: Person,
    provider: String,
    receipt: String,
    secret: String,
    session: String,
    tenant: Tenant,
    webhook: String,
}

impl Side {
    async fn make(stack: &Stack, control: &Control) -> Self {
        let tenant = control.tenant().await;
        let admin = control.person(&tenant.organization, "admin").await;
        let owner = control.person(&tenant.organization, "user").await;
        control.grant(&owner.id, &tenant.instance, "owner").await;
        let user = control.get(&format!("/v1/users/{}", admin.id)).await.is(200).json();
        let body = json!({"project_id": tenant.project, "scopes": ["text", "read"]});
        let key = control.make("api-keys", body).await;
        let own = json!({"organization_id": tenant.organization});
        let model = Value::Object(config(Server::OpenAi, &own));
        let model = control.make("model-configs", model).await;
        let provider = json!({
            "id": unique("prov"), "organization_id": tenant.organization, "display_name": "Own",
            "base_url": "https://api.example.com/v1", "auth": {"kind": "bearer"},
        });
        let provider = control.make("providers", provider).await;
        let place = format!("/v1/provider-keys/{}/openai", tenant.instance);
        control.put(&place, &json!({"secret": "a-vendors-key-1"})).await.is(201);
        let log_in = json!({"key": admin.key});
        let session = control.make("sessions", log_in).await;
        let webhook = json!({"instance_id": tenant.instance, "events": ["job.succeeded"],
            "url": stack.vendors.base_url(&format!("hooks/{}", unique("side")))});
        let webhook = control.make("webhooks", webhook).await;
        let place = format!("/v1/webhooks/{}/test", webhook["id"].as_str().unwrap());
        let delivery = control.post(&place, &json!({})).await.is(200).json();
        for (scope, id) in [
            ("project", tenant.project.as_str()),
            ("organization", tenant.organization.as_str()),
            ("key", key["id"].as_str().unwrap()),
            ("instance", tenant.instance.as_str()),
        ] {
            let limits = format!("/v1/limits/{scope}/{id}");
            control.put(&limits, &json!({"requests_per_minute": 6_000})).await.is(200);
            let budget = json!({"period": "total", "amount_micros": 1_000_000_000});
            control.put(&format!("/v1/budgets/{scope}/{id}"), &budget).await.is(200);
        }
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let events = format!("/v1/audit-events?organization_id={}", tenant.organization);
        let events = control.get(&events).await.is(200).json();
        // The vendor takes no such key, and that is on the books too.
        let call = stack.call(Wire::Native, &text(&model["model_id"]), "Hello");
        let called = call.key(&text(&key["secret"])).send().await;
        let row = stack.books.row(&called.request_id).await;
        Self {
            admin,
            delivery: text(&delivery["id"]),
            email: text(&user["email"]),
            event: text(&events["data"][0]["id"]),
            key: text(&key["id"]),
            model: text(&model["model_id"]),
            owner,
            provider: text(&provider["id"]),
            receipt: text(&row["receipt_id"]),
            secret: text(&key["secret"]),
            session: text(&session["id"]),
            tenant,
            webhook: text(&webhook["id"]),
        }
    }

    /// What it has of a kind.
    fn own(&self, kind: &str) -> &str {
        match kind {
            "actor" | "user" => &self.admin.id,
            "api-key" | "api_key" => &self.key,
            "audit-event" => &self.event,
            "delivery" => &self.delivery,
            "email" => &self.email,
            "instance" => &self.tenant.instance,
            "model-config" | "model" => &self.model,
            "organization" => &self.tenant.organization,
            "project" | "scope" | "target" => &self.tenant.project,
            "provider" => &self.provider,
            "receipt" | "request" => &self.receipt,
            "session" => &self.session,
            "webhook" => &self.webhook,
            other => panic!("a tenant has no {other} yet"),
        }
    }

    /// All that must not be seen elsewhere.
    fn traces(&self) -> Vec<&str> {
        let kinds = [
            "api-key",
            "audit-event",
            "email",
            "instance",
            "model-config",
            "organization",
            "project",
            "provider",
            "receipt",
            "session",
            "user",
            "webhook",
        ];
        kinds.iter().map(|kind| self.own(kind)).collect()
    }

    /// A body that a route takes, with this tenant's own ids.
    fn body(&self, route: &str) -> Value {
        match route {
            "POST /v1/organizations" => json!({"name": "New"}),
            "POST /v1/instances" => {
                json!({"organization_id": self.tenant.organization, "name": "New",
                "environment": "development"})
            }
            "PUT /v1/limits/{scope}/{id}" => json!({"requests_per_minute": 60}),
            "PUT /v1/budgets/{scope}/{id}" => json!({"period": "day", "amount_micros": 1}),
            "POST /v1/projects" => json!({"instance_id": self.tenant.instance, "name": "New"}),
            "POST /v1/api-keys" => json!({"scopes": ["read"]}),
            "POST /v1/users" => json!({"organization_id": self.tenant.organization,
                "email": format!("{}@example.com", unique("new"))}),
            "POST /v1/model-configs" => Value::Object(config(Server::OpenAi, &json!({}))),
            "POST /v1/providers" => json!({
                "id": unique("prov"), "display_name": "New",
                "base_url": "https://api.example.com/v1", "auth": {"kind": "bearer"},
            }),
            path if path.starts_with("PUT /v1/provider-keys/") => {
                json!({"secret": "a-vendors-key-1"})
            }
            "POST /v1/provider-keys/reseal" => json!({}),
            "POST /v1/webhooks" => json!({"instance_id": self.tenant.instance,
                "url": "https://hooks.example.com/", "events": ["job.failed"]}),
            "POST /v1/model-configs/import" => Value::Object(config(Server::OpenAi, &json!({}))),
            "POST /v1/model-configs/preview" => json!({"config": {}, "input": {"prompt": "Hi"}}),
            path if path.starts_with("POST /v1/model-configs/{id}/rollback") => {
                json!({"version": 1})
            }
            path if path.starts_with("POST /v1/model-configs/{id}/") => {
                json!({"input": {"prompt": "Hi"}})
            }
            path if path.ends_with("/rotate") || path.ends_with("/test") => json!({}),
            path if path.ends_with("/redeliver") => json!({}),
            path if path.ends_with("/grants/{instance_id}") => json!({"role": "user"}),
            path if path.starts_with("PATCH ") => json!({"name": "Changed"}),
            other => panic!("no body for {other} yet"),
        }
    }
}

/// What nobody has, of a kind.
fn nobodys(kind: &str) -> &'static str {
    match kind {
        "actor" | "user" => "user_nobodys",
        "api-key" | "api_key" => "key_nobodys",
        "audit-event" => "audit_nobodys",
        "delivery" => "msg_nobodys",
        "email" => "nobody@nowhere.example.com",
        "instance" => "inst_nobodys",
        "model-config" | "model" => "nobodys-model",
        "organization" => "org_nobodys",
        "project" | "scope" | "target" => "proj_nobodys",
        "provider" => "nobodys-provider",
        "receipt" | "request" => "rcpt_nobodys",
        "session" => "sess_nobodys",
        "webhook" => "whk_nobodys",
        other => panic!("nobody has no {other} yet"),
    }
}

/// What a variable of a path stands for: `{instance_id}` says it, `{id}` is of the resource before it.
fn kinds(path: &'static str) -> Vec<(&'static str, &'static str)> {
    let parts: Vec<&str> = path.split('/').collect();
    let variable = |(index, part): (usize, &&'static str)| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        if name == "version" {
            // Of the model before it, and the same number everywhere.
            return None;
        }
        let kind = match name {
            "id" | "*id" => parts[index - 1].strip_suffix('s')?,
            name => name.strip_suffix("_id")?,
        };
        Some((*part, kind))
    };
    parts.iter().enumerate().filter_map(variable).collect()
}

/// What someone is told, with the ids that they asked for left out.
async fn answer_to(
    who: &Person,
    method: &Method,
    path: &str,
    body: &Value,
    header: &str,
) -> (u16, Value) {
    let path = match path.strip_prefix("/v1/requests/events") {
        // Who waits for what may come waits for long.
        Some("") => "/v1/requests/events?follow=false".to_owned(),
        Some(query) => format!("/v1/requests/events{query}&follow=false"),
        None => path.to_owned(),
    };
    let request = who.control.client.request(method.clone(), &path);
    let request = if header.is_empty() { request } else { request.header("x-instance-id", header) };
    let has_body = [Method::PATCH, Method::POST, Method::PUT].contains(method);
    let request = if has_body { request.json(body) } else { request };
    let answer = request.send().await.unwrap();
    let text = answer.text();
    let mut shown: Value = serde_json::from_str(&text).unwrap_or_else(|_| text.into());
    if let Some(members) = shown.as_object_mut() {
        members.shift_remove("request_id");
    }
    (answer.status, shown)
}

/// Whether an answer shows no row, and no sum of any.
fn is_nothing(shown: &Value) -> bool {
    if let Some(text) = shown.as_str() {
        // Metrics without samples, events without data.
        let told = ["#", ":", "retry:"];
        return text
            .lines()
            .all(|line| line.is_empty() || told.iter().any(|sign| line.starts_with(sign)));
    }
    let zero = |row: &Value| {
        let counts = row.as_object().unwrap().values().filter(|value| value.is_number());
        counts.clone().count() > 0 && counts.into_iter().all(|count| *count == 0)
    };
    // Of all reports only sums tell of what time they are.
    match shown["from"].is_string() {
        true => shown["data"].as_array().is_some_and(|rows| rows.iter().all(zero)),
        false => *shown == json!({"data": [], "next_cursor": null}),
    }
}

/// Tries a route with everything of theirs that it takes.
/// The words for what limits and budgets hold for, of which a tenant has each for itself.
const SCOPES: [(&str, &str); 4] = [
    ("instance", "instance"),
    ("key", "api-key"),
    ("organization", "organization"),
    ("project", "project"),
];

/// Tries a route with everything of theirs that it takes; one that takes a kind of scope with each of them.
async fn walk(route: &Route, names: &[&'static str], ours: &Side, theirs: &Side) {
    if !route.path.contains("{scope}") {
        return walk_one(route, route.path, None, names, ours, theirs).await;
    }
    for (word, kind) in SCOPES {
        let path = route.path.replace("{scope}", word);
        walk_one(route, &path, Some(kind), names, ours, theirs).await;
    }
}

async fn walk_one(
    route: &Route,
    path: &str,
    scope: Option<&'static str>,
    names: &[&'static str],
    ours: &Side,
    theirs: &Side,
) {
    let method = &route.method;
    let line = format!("{method} {}", route.path);
    let has_body = [Method::PATCH, Method::POST, Method::PUT].contains(method);
    let body = if has_body { ours.body(&line) } else { Value::Null };
    let variables = match scope {
        Some(kind) => vec![("{id}", kind)],
        None => kinds(route.path),
    };
    let fill = |of: &dyn Fn(usize, &'static str) -> String| {
        let each = variables.iter().enumerate();
        let path = path.replace("{version}", "1");
        each.fold(path, |path, (n, (part, kind))| path.replace(part, &of(n, kind)))
    };
    // What it cannot do without.
    let asks = match route.path.ends_with("health") {
        true => format!("?instance_id={}", ours.tenant.instance),
        false => String::new(),
    };
    for (who, role) in [(&ours.admin, Role::Admin), (&ours.owner, Role::User)] {
        let may = route.permission.is_some_and(|permission| permission.possible(role));
        let refused = if may { 404 } else { 403 };
        // Each choice of variables that are theirs, but for none.
        for choice in 1..1 << variables.len() {
            let with = |other: &dyn Fn(&'static str) -> String| {
                fill(&|n, kind| {
                    if choice & (1 << n) == 0 { ours.own(kind).to_owned() } else { other(kind) }
                })
            };
            let path = with(&|kind| theirs.own(kind).to_owned()) + &asks;
            let real = answer_to(who, method, &path, &body, "").await;
            let none = with(&|kind| nobodys(kind).to_owned()) + &asks;
            assert_eq!(real, answer_to(who, method, &none, &body, "").await, "{line} {path}");
            assert_eq!(real.0, refused, "{line} {path}: {}", real.1);
        }
        for name in names {
            let kind = name.strip_suffix("_id").unwrap_or(name);
            let ask = async |value: &str| {
                let mut body = body.clone();
                let mut path = fill(&|_, kind| ours.own(kind).to_owned());
                if has_body {
                    body[*name] = value.into();
                } else {
                    path = format!("{path}?{name}={value}");
                }
                answer_to(who, method, &path, &body, "").await
            };
            let real = ask(theirs.own(kind)).await;
            assert_eq!(real, ask(nobodys(kind)).await, "{line} {name}");
            match real {
                (200, page) => {
                    assert!(*method == Method::GET && is_nothing(&page), "{line} {name}: {page}");
                }
                // The member that names what is not there is named.
                (400, body) => {
                    assert_eq!(body["details"]["fields"][0]["field"], format!("/{name}"), "{line}");
                }
                (status, body) => assert_eq!(status, refused, "{line} {name}: {body}"),
            }
        }
        let path = fill(&|_, kind| ours.own(kind).to_owned()) + &asks;
        let real = answer_to(who, method, &path, &body, theirs.own("instance")).await;
        let none = answer_to(who, method, &path, &body, nobodys("instance")).await;
        assert_eq!(real, none, "{line} X-Instance-ID");
        assert_eq!(real.0, 404, "{line} X-Instance-ID: {}", real.1);
        if *method == Method::GET && variables.is_empty() {
            let unpaged =
                ["/v1/metrics", "/v1/provider-health", "/v1/requests/events", "/v1/usage"];
            let is_paged = !unpaged.iter().any(|place| path.starts_with(place));
            let path = if is_paged { format!("{path}?limit=200") } else { path };
            let (_, page) = answer_to(who, method, &path, &body, "").await;
            let page = page.to_string();
            for trace in theirs.traces() {
                assert!(!page.contains(trace), "{line} shows {trace}");
            }
        }
    }
}

/// All that a tenant has and has had done to it.
async fn all_of(control: &Control, side: &Side) -> Vec<Value> {
    let Tenant { instance, organization, project } = &side.tenant;
    let mut all =
        vec![control.get(&format!("/v1/organizations/{organization}")).await.is(200).json()];
    for path in [
        format!("/v1/audit-events?organization_id={organization}"),
        format!("/v1/instances?organization_id={organization}"),
        format!("/v1/instances/{instance}/grants?"),
        format!("/v1/projects?instance_id={instance}"),
        format!("/v1/api-keys?project_id={project}"),
        format!("/v1/users?organization_id={organization}"),
        format!("/v1/model-configs?organization_id={organization}"),
        format!("/v1/model-configs/{}/versions?organization_id={organization}", side.model),
        format!("/v1/providers?organization_id={organization}"),
        format!("/v1/provider-keys?instance_id={instance}"),
        format!("/v1/sessions?user_id={}", side.admin.id),
        format!("/v1/limits?organization_id={organization}"),
        format!("/v1/budgets?organization_id={organization}"),
        format!("/v1/webhooks?organization_id={organization}"),
        format!("/v1/webhooks/{}/deliveries?", side.webhook),
        format!("/v1/requests?organization_id={organization}"),
    ] {
        let mut rows = control.all(&path).await;
        // Models and providers that everybody shares are shown too, and others add some meanwhile.
        rows.retain(|row| row.get("organization_id").is_none_or(|whose| *whose == **organization));
        assert!(!rows.is_empty(), "nothing to compare: {path}");
        // Keys and sessions are used meanwhile, and that is noted.
        for row in rows.iter_mut().filter_map(Value::as_object_mut) {
            row.shift_remove("last_seen_at");
            row.shift_remove("last_used_at");
        }
        all.push(Value::Array(rows));
    }
    all
}

#[tokio::test]
async fn s02_what_is_another_tenants_does_not_exist() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let (ours, theirs) = (Side::make(&stack, &control).await, Side::make(&stack, &control).await);
    let before = all_of(&control, &theirs).await;
    let routes = de_config::control_plane();
    let mut left: BTreeSet<&str> = ROUTES.iter().map(|(line, _)| *line).collect();
    let mut open = Vec::new();
    for route in routes.list() {
        if route.permission.is_none() {
            // For everybody: it has nothing of a tenant to show.
            open.push(format!("{} {}", route.method, route.path));
            continue;
        }
        let line = format!("{} {}", route.method, route.path);
        let found = ROUTES.iter().find(|(known, _)| *known == line);
        let (known, names) =
            found.unwrap_or_else(|| panic!("{line}: say in ROUTES which ids it takes"));
        left.remove(known);
        walk(route, names, &ours, &theirs).await;
    }
    assert_eq!(open, ["POST /v1/bootstrap", "POST /v1/sessions", "GET /v1/openapi.json"]);
    assert!(left.is_empty(), "routes that are no more: {left:?}");
    assert_eq!(all_of(&control, &theirs).await, before);
}

#[tokio::test]
async fn s04_no_call_is_made_for_another_tenant() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let (ours, theirs) = (Side::make(&stack, &control).await, Side::make(&stack, &control).await);
    let word = unique("foreign");
    for wire in Wire::ALL {
        // Their model is no model, by their name for it.
        let call = stack.call(wire, &theirs.model, &word).key(&ours.secret);
        call.send().await.fails(404, "MODEL_NOT_FOUND");
        let call = stack.call(wire, &ours.model, &word);
        for who in [&ours.admin, &ours.owner] {
            let call = call.clone().key(&who.key);
            call.header("x-instance-id", &theirs.tenant.instance)
                .send()
                .await
                .fails(404, "NOT_FOUND");
        }
        let call = call.key(&ours.secret);
        let named = call.clone().header("x-instance-id", &theirs.tenant.instance);
        named.send().await.fails(403, "FORBIDDEN");
    }
    let call = stack.call(Wire::Native, &ours.model, &word).key(&ours.secret);
    for (name, id) in
        [("instance_id", &theirs.tenant.instance), ("project_id", &theirs.tenant.project)]
    {
        call.clone().member(name, id.as_str()).send().await.fails(403, "FORBIDDEN");
    }
    assert!(stack.vendors.received(&word).await.is_empty());
    // Nor is it listed, also where there is a key for its vendor.
    for key in [&ours.secret, &stack.keys.client] {
        let client = stack.text.clone().with_key(key).unwrap();
        let models = client.get("/v1/models").await.unwrap();
        assert!(models.status == 200 && !models.text().contains(&theirs.model));
    }
}
