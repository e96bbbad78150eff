//! Who may do what, over every route of the control plane: roles, grants, own and foreign tenant.
//!
//! In process only: no route makes a program's key whose scopes are those of a person's.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    control::{Control, Person, Tenant},
    wait::unique,
};
use de_core::{
    auth::{
        Scope,
        access::Permission,
        api_key::{ApiKey, KeyKind},
        session::NewSession,
    },
    http::routes::Route,
    ids::{OrganizationId, ProjectId, SessionId, UserId},
    ports::{Arg, Database, Statement, random},
    store::{
        sessions::{self, NewRow},
        tenants::{self, KeyHolder, NewKey, NewUser},
        usage,
    },
};
use de_testkit::{
    client::TestClient,
    entropy::SeededEntropy,
    platform::{START, TestPlatform},
};
use serde_json::{Value, json};

/// Everyone who asks: a word, the role, the grant on the instance, the kind of key.
const PEOPLE: [(&str, &str, Option<&str>); 8] = [
    ("superadmin", "superadmin", None),
    ("admin", "admin", None),
    ("owner", "user", Some("owner")),
    ("gadmin", "user", Some("admin")),
    ("guser", "user", Some("user")),
    ("readonly", "user", Some("readonly")),
    ("member", "user", None),
    ("client", "", None),
];

/// Each operation: what everyone gets in their own tenant, and in another one's. The columns are those of
/// `PEOPLE`; `+` is done, `-` 403, `.` 404. Lists name no tenant, but for that of providers: what they show
/// is tried below.
const MATRIX: &str = "
GET /v1/organizations                          +++++++- +++++++-
POST /v1/organizations                         +------- +-------
GET /v1/organizations/{id}                     +++++++- +......-
PATCH /v1/organizations/{id}                   ++------ +.------
DELETE /v1/organizations/{id}                  +------- +-------
GET /v1/instances                              +++++++- +++++++-
POST /v1/instances                             ++------ +.------
GET /v1/instances/{id}                         ++++++.- +......-
PATCH /v1/instances/{id}                       ++++--.- +......-
DELETE /v1/instances/{id}                      +++---.- +......-
GET /v1/projects                               +++++++- +++++++-
POST /v1/projects                              ++++--.- +......-
GET /v1/projects/{id}                          ++++++.- +......-
PATCH /v1/projects/{id}                        ++++--.- +......-
DELETE /v1/projects/{id}                       +++---.- +......-
DELETE /v1/projects/{id}/response-cache        ++++--.- +......-
GET /v1/api-keys                               +++++++- +++++++-
POST /v1/api-keys                              ++++-..- +......-
GET /v1/api-keys/{id}                          +++++..- +......-
PATCH /v1/api-keys/{id}                        ++++-..- +......-
DELETE /v1/api-keys/{id}                       ++++-..- +......-
POST /v1/api-keys/{id}/rotate                  ++++-..- +......-
GET /v1/users                                  +++++++- +++++++-
POST /v1/users                                 ++------ +.------
GET /v1/users/{id}                             ++.....- +......-
PATCH /v1/users/{id}                           ++------ +.------
DELETE /v1/users/{id}                          ++------ +.------
GET /v1/users/{id}/grants                      ++.....- +......-
PUT /v1/users/{id}/grants/{instance_id}        +++---.- +......-
DELETE /v1/users/{id}/grants/{instance_id}     +++---.- +......-
GET /v1/instances/{id}/grants                  ++++--.- +......-
GET /v1/audit-events                           ++------ ++------
GET /v1/audit-events/{id}                      ++------ +.------
GET /v1/sessions                               +++++++- +++++++-
GET /v1/sessions/{id}                          ++.....- +......-
DELETE /v1/sessions/{id}                       ++.....- +......-
GET /v1/model-configs                          ++++++++ +.......
POST /v1/model-configs                         ++------ +.------
GET /v1/model-configs/{id}                     ++++++++ +.......
PATCH /v1/model-configs/{id}                   ++------ +.------
DELETE /v1/model-configs/{id}                  ++------ +.------
GET /v1/model-configs/{id}/versions            ++++++++ +.......
GET /v1/model-configs/{id}/versions/{version}  ++++++++ +.......
GET /v1/model-configs/{id}/export              ++++++++ +.......
POST /v1/model-configs/import                  ++------ +.------
POST /v1/model-configs/preview                 ++------ +.------
POST /v1/model-configs/{id}/preview            ++++++++ +.......
POST /v1/model-configs/{id}/test               ++++--.- +......-
POST /v1/model-configs/{id}/rollback           ++------ +.------
GET /v1/services                               +++++++- +++++++-
GET /v1/providers                              +++++++- +......-
POST /v1/providers                             ++------ +.------
GET /v1/providers/{id}                         +++++++- +......-
PATCH /v1/providers/{id}                       ++------ +.------
DELETE /v1/providers/{id}                      ++------ +.------
GET /v1/provider-keys                          +++++++- +++++++-
GET /v1/provider-keys/{instance_id}/{provider_id} +++++..- +......-
PUT /v1/provider-keys/{instance_id}/{provider_id} ++++-..- +......-
DELETE /v1/provider-keys/{instance_id}/{provider_id} ++++-..- +......-
POST /v1/provider-keys/{instance_id}/{provider_id}/test ++++-..- +......-
POST /v1/provider-keys/reseal                  +------- +-------
GET /v1/providers/{id}/health                  ++++++.+ +.......
GET /v1/provider-health                        ++++++.+ +.......
GET /v1/usage                                  ++++++++ ++++++++
GET /v1/usage/timeseries                       ++++++++ ++++++++
GET /v1/requests                               ++++++++ ++++++++
GET /v1/requests/events                        ++++++++ ++++++++
GET /v1/requests/{id}                          ++++++.+ +.......
GET /v1/receipts/{receipt_id}                  ++++++.+ +.......
GET /v1/metrics                                ++++++++ ++++++++
GET /v1/limits                                 ++++++++ ++++++++
GET /v1/limits/{scope}/{id}                    ++++++.. +.......
PUT /v1/limits/{scope}/{id}                    ++++--.- +......-
DELETE /v1/limits/{scope}/{id}                 ++++--.- +......-
GET /v1/budgets                                ++++++++ ++++++++
GET /v1/budgets/{scope}/{id}                   ++++++.. +.......
PUT /v1/budgets/{scope}/{id}                   ++++--.- +......-
DELETE /v1/budgets/{scope}/{id}                ++++--.- +......-
GET /v1/webhooks                               +++++++- +++++++-
POST /v1/webhooks                              ++++-..- +......-
GET /v1/webhooks/{id}                          +++++..- +......-
PATCH /v1/webhooks/{id}                        ++++-..- +......-
DELETE /v1/webhooks/{id}                       ++++-..- +......-
POST /v1/webhooks/{id}/rotate                  ++++-..- +......-
POST /v1/webhooks/{id}/test                    ++++-..- +......-
GET /v1/webhooks/{id}/deliveries               +++++..- +......-
POST /v1/webhooks/{id}/deliveries/{delivery_id}/redeliver ++++-..- +......-";

struct World {
    control: Control,
    test: TestPlatform,
}

impl World {
    async fn new() -> Self {
        let test = TestPlatform::new().await.unwrap();
        let router = de_config::router(test.another_isolate());
        let admin = TestClient::of_router(router).with_key(test.tenant.admin_key.expose()).unwrap();
        Self { control: Control::of(admin), test }
    }

    /// Someone of this tenant.
    async fn someone(&self, tenant: &Tenant, who: (&str, &str, Option<&str>)) -> Person {
        let (_, role, grant) = who;
        if role.is_empty() {
            return self.program(tenant).await;
        }
        let person = self.control.person(&tenant.organization, role).await;
        if let Some(grant) = grant {
            self.control.grant(&person.id, &tenant.instance, grant).await;
        }
        person
    }

    /// A key of this tenant's project that says that it may do everything.
    async fn program(&self, tenant: &Tenant) -> Person {
        let project = ProjectId::parse(&tenant.project).unwrap();
        let made = ApiKey::make(KeyKind::Live, &SeededEntropy::new(900));
        let key = NewKey {
            allowed_models: None,
            digest: &made.key.digest,
            expires_at: None,
            holder: KeyHolder::Project(&project),
            id: &made.key.id,
            kind: KeyKind::Live,
            last_four: "0000",
            name: "client",
            revoked_at: None,
            scopes: &[Scope::Admin, Scope::Read],
        };
        self.test.database.batch(vec![tenants::put_key(&key, START)]).await.unwrap();
        let key = made.secret.expose().to_owned();
        let client = self.control.client.clone().with_key(&key).unwrap();
        Person { control: Control::of(client), id: String::new(), key }
    }

    /// A log-in of a member of this tenant.
    async fn session(&self, tenant: &Tenant) -> String {
        let user = UserId::parse(&format!("user_asleep-{}", &tenant.organization[4..])).unwrap();
        let organization = OrganizationId::parse(&tenant.organization).unwrap();
        let email = format!("{user}@example.com").to_lowercase();
        let new = NewUser {
            email: &email,
            id: &user,
            name: "Asleep",
            organization_id: &organization,
            role: "user",
        };
        let NewSession { digest, .. } = NewSession::make(&*self.test.platform.entropy);
        let id = SessionId::make(START, random(&*self.test.platform.entropy));
        let session = NewRow { api_key: None, digest: &digest, id: &id, user: &user };
        let batch = vec![tenants::put_user(new, START), sessions::insert(session, START)];
        self.test.database.batch(batch).await.unwrap();
        id.to_string()
    }

    /// A call that this tenant's project made.
    async fn receipt(&self, tenant: &Tenant) -> String {
        let id = format!("rcpt_{}", unique("role"));
        let receipt = json!([{
            "admitted_at": START, "attempts": [], "created_at": START, "estimated": false,
            "http_status": 200, "instance_id": tenant.instance, "latency_ms": 5,
            "limiter_bypassed": false, "modality": "text", "operation": "POST /generate",
            "organization_id": tenant.organization, "over_ceiling": false,
            "project_id": tenant.project, "receipt_id": id, "request_bytes": 1, "request_id": "r",
            "response_bytes": 1, "status": "ok", "streamed": false,
        }]);
        let batch = usage::deliver(&receipt.to_string()).to_vec();
        self.test.database.batch(batch).await.unwrap();
        id
    }

    /// How one of them fares with an operation on a tenant: `+`, `-` or `.`.
    async fn fares(&self, who: &Control, route: &Route, tenant: &Tenant) -> char {
        let project = json!({"project_id": tenant.project, "scopes": ["text"]});
        let mut delivery = String::new();
        // Something of its own for each try, since some of them remove it.
        let (id, body) = match route.path.split('/').nth(2).unwrap() {
            "organizations" => (tenant.organization.clone(), json!({"name": "New"})),
            "instances" => {
                let new = json!({"name": "New", "environment": "production",
                    "organization_id": tenant.organization});
                (tenant.instance.clone(), new)
            }
            "projects" => {
                (tenant.project.clone(), json!({"name": "New", "instance_id": tenant.instance}))
            }
            "api-keys" => {
                let made = self.control.make("api-keys", project.clone()).await;
                (made["id"].as_str().unwrap().to_owned(), project)
            }
            "audit-events" => {
                let list = format!("/v1/audit-events?organization_id={}", tenant.organization);
                let events = self.control.get(&list).await.is(200).json();
                (events["data"][0]["id"].as_str().unwrap().to_owned(), Value::Null)
            }
            "metrics" | "provider-health" | "services" | "usage" => (String::new(), Value::Null),
            "receipts" | "requests" => (self.receipt(tenant).await, Value::Null),
            "sessions" => (self.session(tenant).await, Value::Null),
            "users" => {
                let new = json!({"organization_id": tenant.organization,
                    "email": format!("{}@example.com", unique("new"))});
                let id = self.control.make("users", new).await["id"].as_str().unwrap().to_owned();
                self.control.grant(&id, &tenant.instance, "readonly").await;
                let email = format!("{}@example.com", unique("another"));
                (id, json!({"organization_id": tenant.organization, "email": email}))
            }
            "providers" => {
                let made = self.control.make("providers", provider(tenant)).await;
                (made["id"].as_str().unwrap().to_owned(), provider(tenant))
            }
            "provider-keys" => {
                let secret = json!({"secret": "a-vendors-key-0001"});
                let path = format!("/v1/provider-keys/{}/openai", tenant.instance);
                assert!([200, 201].contains(&self.control.put(&path, &secret).await.status()));
                (format!("{}/openai", tenant.instance), secret)
            }
            resource @ ("budgets" | "limits") => {
                let set = match resource {
                    "budgets" => json!({"period": "month", "amount_micros": 5_000_000}),
                    _ => json!({"requests_per_minute": 60}),
                };
                let path = format!("/v1/{resource}/instance/{}", tenant.instance);
                self.control.put(&path, &set).await.is(200);
                (tenant.instance.clone(), set)
            }
            "webhooks" => {
                let new = webhook(tenant);
                // A tenant has only so many.
                let there = format!("/v1/webhooks?limit=200&instance_id={}", tenant.instance);
                let there = self.control.get(&there).await.is(200).json();
                for row in there["data"].as_array().unwrap() {
                    let path = format!("/v1/webhooks/{}", row["id"].as_str().unwrap());
                    self.control.delete(&path).await.is(204);
                }
                let made = self.control.make("webhooks", new.clone()).await;
                let path = format!("/v1/webhooks/{}/test", made["id"].as_str().unwrap());
                let told = self.control.post(&path, &json!({})).await.is(200).json();
                delivery = told["id"].as_str().unwrap().to_owned();
                (made["id"].as_str().unwrap().to_owned(), new)
            }
            "model-configs" => {
                let model = json!({"model_id": unique("role"), "provider_id": "openai",
                    "display_name": "M", "protocol": "openai-chat", "capabilities": {"text": true},
                    "organization_id": tenant.organization});
                let made = self.control.make("model-configs", model.clone()).await;
                let mut new = model;
                new["model_id"] = unique("role").into();
                (made["model_id"].as_str().unwrap().to_owned(), new)
            }
            other => panic!("a resource that is not walked yet: {other}"),
        };
        let input = json!({"prompt": "Hello"});
        let body = match route.path {
            path if path.ends_with("/rotate") || path.ends_with("_id}/test") => json!({}),
            path if path.contains("{scope}") => body,
            path if path.ends_with("/{instance_id}") => json!({"role": "user"}),
            "/v1/provider-keys/reseal" => json!({}),
            path if path.starts_with("/v1/webhooks/{id}/") => json!({}),
            "/v1/webhooks/{id}" => json!({"description": "New"}),
            "/v1/providers/{id}" => json!({"display_name": "New"}),
            path if path.ends_with("/rollback") => json!({"version": 1}),
            path if path.ends_with("/test") => {
                json!({"instance_id": tenant.instance, "input": input})
            }
            path if path.ends_with("configs/preview") => json!({"config": {}, "input": input}),
            path if path.ends_with("/preview") => json!({"input": input}),
            path if path.ends_with("/import") => {
                let mut file = body;
                file.as_object_mut().unwrap().remove("organization_id");
                file
            }
            path if path.contains("model-configs/{id}") => json!({"display_name": "New"}),
            path if path.contains("{id}") => json!({"name": "New"}),
            _ => body,
        };
        let path = route.path.replace("{id}", &id).replace("{instance_id}/{provider_id}", &id);
        let path = path.replace("{instance_id}", &tenant.instance).replace("{version}", "1");
        let path = path.replace("{delivery_id}", &delivery).replace("{receipt_id}", &id);
        let path = path.replace("{scope}", "instance");
        // Whose model or provider it is has to be said: the operator's word for one is the shared one.
        let whose = format!("organization_id={}", tenant.organization);
        let names_owner = ["/v1/model-configs", "/v1/providers"];
        let is_made = route.method == "POST" && names_owner.contains(&route.path);
        let owned = names_owner.iter().any(|owned| route.path.starts_with(owned));
        let path = match route.path {
            "/v1/budgets"
            | "/v1/limits"
            | "/v1/provider-health"
            | "/v1/provider-keys"
            | "/v1/providers/{id}/health" => {
                format!("{path}?instance_id={}", tenant.instance)
            }
            // Who waits for what may come waits for ever.
            "/v1/requests/events" => format!("{path}?follow=false"),
            named if owned && !is_made && !named.ends_with("/test") => format!("{path}?{whose}"),
            _ => path,
        };
        // A dry run is asked for as much as the real thing.
        let for_good = [
            Permission::ApiKeyWrite,
            Permission::GrantWrite,
            Permission::LimitWrite,
            Permission::ProviderKeyWrite,
            Permission::SessionWrite,
            Permission::WebhookWrite,
        ];
        let really = route.permission.is_some_and(|permission| for_good.contains(&permission));
        let path = match route.method == "DELETE" && !really {
            true if path.contains('?') => format!("{path}&dry_run=true"),
            true => format!("{path}?dry_run=true"),
            false => path,
        };
        let request = who.client.request(route.method.clone(), &path);
        let request = if ["GET", "DELETE"].contains(&route.method.as_str()) {
            request
        } else {
            request.json(&body)
        };
        let answer = request.send().await.unwrap();
        match answer.status {
            200..300 => '+',
            403 => '-',
            404 => '.',
            other => panic!("{} {path} gave {other}: {}", route.method, answer.text()),
        }
    }
}

/// A provider of a tenant's own, under a new name.
fn provider(tenant: &Tenant) -> Value {
    json!({"id": unique("own"), "organization_id": tenant.organization, "display_name": "Own",
        "base_url": "https://api.example.com", "auth": {"kind": "bearer"}})
}

/// A webhook of a tenant's instance.
fn webhook(tenant: &Tenant) -> Value {
    json!({"instance_id": tenant.instance, "url": "https://hooks.example.com/",
        "events": ["job.succeeded"]})
}

#[tokio::test]
async fn every_route_asks_who_it_is_and_whose_it_is() {
    let world = World::new().await;
    let (home, away) = (world.control.tenant().await, world.control.tenant().await);
    let mut people = Vec::new();
    for who in PEOPLE {
        people.push(world.someone(&home, who).await.control);
    }
    let routes = de_config::control_plane();
    let mut text = String::new();
    for route in routes.list().iter().filter(|route| route.permission.is_some()) {
        text.push_str(&format!("\n{:<46}", format!("{} {}", route.method, route.path)));
        for tenant in [&home, &away] {
            text.push(' ');
            for who in &people {
                text.push(world.fares(who, route, tenant).await);
            }
        }
    }
    assert_eq!(text, MATRIX, "{text}");
}

#[tokio::test]
async fn a_list_shows_what_is_ones_own_and_no_more() {
    let world = World::new().await;
    let (home, away) = (world.control.tenant().await, world.control.tenant().await);
    for tenant in [&home, &away] {
        let body = json!({"project_id": tenant.project, "scopes": ["text"]});
        world.control.make("api-keys", body).await;
    }
    let admin = world.someone(&home, PEOPLE[1]).await;
    let readonly = world.someone(&home, PEOPLE[5]).await;
    let member = world.someone(&home, PEOPLE[6]).await;
    world.control.person(&away.organization, "user").await;
    let rows = [
        // Keys: the program's, and those of the three persons; each sees their own.
        (&admin, [1, 1, 1, 4, 3]),
        (&readonly, [1, 1, 1, 1, 1]),
        (&member, [1, 0, 0, 1, 1]),
    ];
    for (who, counts) in rows {
        for (resource, count) in
            ["organizations", "instances", "projects", "api-keys", "users"].iter().zip(counts)
        {
            let page = who.control.get(&format!("/v1/{resource}")).await.is(200).json();
            assert_eq!(page["data"].as_array().unwrap().len(), count, "{resource}: {page}");
            for foreign in [&away.organization, &away.instance, &away.project] {
                assert!(!page.to_string().contains(foreign.as_str()), "{page}");
            }
        }
        // Filters do not widen it.
        for path in [
            format!("/v1/instances?organization_id={}", away.organization),
            format!("/v1/projects?instance_id={}", away.instance),
            format!("/v1/api-keys?project_id={}", away.project),
            format!("/v1/users?organization_id={}", away.organization),
        ] {
            let page = who.control.get(&path).await.is(200).json();
            assert_eq!(page, json!({"data": [], "next_cursor": null}), "{path}");
        }
    }
}

#[tokio::test]
async fn nobody_gets_a_key_of_someone_above() {
    let world = World::new().await;
    let home = world.control.tenant().await;
    let [superadmin, admin, member] = [
        world.someone(&home, PEOPLE[0]).await,
        world.someone(&home, PEOPLE[1]).await,
        world.someone(&home, PEOPLE[6]).await,
    ];
    let ask = |person: &Person| json!({"user_id": person.id, "scopes": ["admin"]});
    let (admin_asks, member_asks) = (&admin.control, &member.control);
    admin_asks.post("/v1/api-keys", &ask(&superadmin)).await.fails(403, "FORBIDDEN");
    admin_asks.post("/v1/api-keys", &ask(&member)).await.is(201);
    member_asks.post("/v1/api-keys", &ask(&member)).await.is(201);
    member_asks.post("/v1/api-keys", &ask(&admin)).await.fails(404, "NOT_FOUND");
    let theirs = format!("/v1/api-keys?user_id={}", superadmin.id);
    let key = admin_asks.get(&theirs).await.is(200).json()["data"][0]["id"].clone();
    let path = format!("/v1/api-keys/{}", key.as_str().unwrap());
    admin_asks.post(&format!("{path}/rotate"), &json!({})).await.fails(403, "FORBIDDEN");
    admin_asks.patch(&path, &json!({"expires_at": null})).await.fails(403, "FORBIDDEN");
    member_asks.get(&path).await.fails(404, "NOT_FOUND");
    let admin = admin.control;
    // What happened in one's own organization is on record, and only that.
    let page = admin.get("/v1/audit-events?limit=200").await.is(200).json();
    for event in page["data"].as_array().unwrap() {
        assert_eq!(event["organization_id"], home.organization.as_str(), "{event}");
    }
    assert_eq!(page["data"][0]["action"], "api-key.create");
    admin.get("/v1/audit-events?organization_id=org_dev").await.fails(404, "NOT_FOUND");
    // Only who operates the service suspends and lifts.
    let path = format!("/v1/organizations/{}", home.organization);
    admin.patch(&path, &json!({"status": "suspended"})).await.fails(403, "FORBIDDEN");
    admin.patch(&path, &json!({"name": "Ours"})).await.is(200);
}

#[tokio::test]
async fn s19_every_change_is_on_record_and_no_secret_is() {
    let world = World::new().await;
    let home = world.control.tenant().await;
    let body = json!({"project_id": home.project, "scopes": ["text"]});
    let made = world.control.make("api-keys", body).await;
    let secret = made["secret"].as_str().unwrap();
    let path = format!("/v1/api-keys/{}", made["id"].as_str().unwrap());
    world.control.patch(&path, &json!({"name": "Renamed"})).await.is(200);
    let newer = world.control.post(&format!("{path}/rotate"), &json!({})).await.is(201).json();
    world
        .control
        .delete(&format!("/v1/organizations/{}?cascade=true", home.organization))
        .await
        .is(204);
    let events = Statement {
        args: vec![Arg::Text(home.organization.clone())],
        sql: "SELECT action, actor_kind, actor_id, request_id, before_state, after_state
              FROM audit_events WHERE organization_id = ?1 ORDER BY rowid",
    };
    let events = world.test.database.batch(vec![events]).await.unwrap().remove(0);
    let actions: Vec<&str> = events.iter().filter_map(|event| event["action"].as_str()).collect();
    assert_eq!(
        actions,
        [
            "organization.create",
            "instance.create",
            "project.create",
            "api-key.create",
            "api-key.update",
            "api-key.rotate",
            "organization.suspend",
            "organization.delete",
        ]
    );
    for event in &events {
        assert_eq!(
            (&event["actor_kind"], &event["actor_id"]),
            (&json!("user"), &json!("user_dev"))
        );
        assert!(event["request_id"].is_string());
    }
    let update: Value = serde_json::from_str(events[4]["after_state"].as_str().unwrap()).unwrap();
    assert_eq!(update["name"], "Renamed");
    let database = world.test.database.dump().unwrap();
    for secret in [secret, newer["secret"].as_str().unwrap()] {
        assert!(!database.contains(secret));
    }
}

#[tokio::test]
async fn a_change_that_a_limiter_does_not_hear_of_says_so() {
    let world = World::new().await;
    let home = world.control.tenant().await;
    world.test.limiter.set_failing(true);
    let path = format!("/v1/projects/{}", home.project);
    let refused = world.control.patch(&path, &json!({"name": "Deaf"})).await;
    let refused = refused.fails(503, "LIMITER_UNAVAILABLE");
    assert_eq!(refused["details"]["saved"], true);
    world.test.limiter.set_failing(false);
    assert_eq!(world.control.get(&path).await.is(200).json()["name"], "Deaf");
}

#[tokio::test]
async fn what_is_deleted_with_all_below_while_a_limiter_is_deaf_is_suspended_and_says_so() {
    let world = World::new().await;
    let home = world.control.tenant().await;
    world.test.limiter.set_failing(true);
    let path = format!("/v1/organizations/{}", home.organization);
    let delete = format!("{path}?cascade=true");
    let refused = world.control.delete(&delete).await.fails(503, "LIMITER_UNAVAILABLE");
    assert_eq!(refused["details"]["saved"], Value::Null);
    assert_eq!(refused["details"]["suspended"], true);
    assert_eq!(world.control.get(&path).await.is(200).json()["status"], "suspended");
    world.test.limiter.set_failing(false);
    world.control.delete(&delete).await.is(204);
    world.control.get(&path).await.fails(404, "NOT_FOUND");
}
