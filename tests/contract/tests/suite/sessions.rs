//! Log-ins of browsers: by key, by Cloudflare Access, and how they end.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::{sync::Arc, time::Duration};

use de_contract::{
    control::Control,
    stack::{Stack, stranger_key},
    wire::Wire,
};
use de_core::ports::{Arg, Database, Statement};
use de_testkit::{
    access::{TestSigner, TestTeam, claims},
    client::{TestClient, TestRequest, TestResponse},
    clock::FakeClock,
    fetch::ReqwestFetch,
    platform::{START, TestPlatform},
};
use http::Method;
use serde_json::{Value, json};

#[track_caller]
fn fails(answer: &TestResponse, status: u16, code: &str) {
    let told = (answer.status, answer.json()["error_code"].as_str().unwrap_or("").to_owned());
    assert_eq!(told, (status, code.to_owned()), "{}", answer.text());
}

/// A browser on one of our pages: it sends the cookie that it was given, and its page's origin.
struct Browser {
    client: TestClient,
    cookie: String,
    origin: String,
}

impl Browser {
    fn new(client: TestClient, origin: &str) -> Self {
        Self { client, cookie: String::new(), origin: origin.to_owned() }
    }

    fn ask(&self, method: Method, path: &str) -> TestRequest {
        let request = self.client.request(method, path).header("origin", &self.origin);
        if self.cookie.is_empty() { request } else { request.header("cookie", &self.cookie) }
    }

    async fn get(&self, path: &str) -> TestResponse {
        self.ask(Method::GET, path).send().await.unwrap()
    }

    async fn delete(&self, path: &str) -> TestResponse {
        self.ask(Method::DELETE, path).send().await.unwrap()
    }

    /// Logs in with a key, and keeps the cookie.
    async fn log_in(&mut self, key: &str) -> Value {
        let answer = self.try_log_in(&json!({ "key": key })).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        self.keep(&answer);
        answer.json()
    }

    async fn try_log_in(&self, body: &Value) -> TestResponse {
        self.ask(Method::POST, "/v1/sessions").json(body).send().await.unwrap()
    }

    /// The whole list, however many others have logged in on this stack.
    async fn sessions(&self) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("/v1/sessions?limit=200{cursor}")).await;
            assert_eq!(page.status, 200, "{}", page.text());
            let page = page.json();
            all.extend_from_slice(page["data"].as_array().unwrap());
            let Some(next) = page["next_cursor"].as_str() else { return all };
            cursor = format!("&cursor={next}");
        }
    }

    fn keep(&mut self, answer: &TestResponse) {
        let cookie = answer.header("set-cookie").split(';').next().unwrap();
        cookie.clone_into(&mut self.cookie);
    }
}

#[tokio::test]
async fn a_person_logs_in_looks_and_logs_out() {
    let stack = Stack::ready().await;
    let mut browser = Browser::new(stack.front.clone(), &stack.interface_origin);
    let answer = browser.try_log_in(&json!({"key": stack.keys.admin})).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let cookie = answer.header("set-cookie").to_owned();
    let (name, rest) = cookie.split_once('=').unwrap();
    let port = stack.front_base.rsplit(':').next().unwrap();
    assert_eq!(name, format!("__Host-de_session_{port}"));
    let (value, attributes) = rest.split_once("; ").unwrap();
    assert_eq!(value.len(), 43);
    assert_eq!(attributes, "Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Strict");
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    assert_eq!(answer.header("cache-control"), "no-store");
    let made = answer.json();
    assert!(!answer.text().contains(value), "a script must not see it");
    assert_eq!(made["user"]["id"], "user_dev");
    assert_eq!((&made["user"]["role"], &made["current"]), (&json!("superadmin"), &json!(true)));
    assert!(made["user"]["email"].as_str().unwrap().contains('@'));
    assert_eq!(answer.header("location"), format!("/v1/sessions/{}", made["id"].as_str().unwrap()));
    browser.keep(&answer);

    let current = browser.get("/v1/sessions/current").await;
    assert_eq!((current.status, current.json()), (200, made.clone()));
    // The session opens what the key would.
    let organizations = browser.get("/v1/organizations").await;
    assert_eq!(organizations.status, 200, "{}", organizations.text());
    assert!(browser.sessions().await.contains(&made));

    let out = browser.delete("/v1/sessions/current").await;
    assert_eq!(out.status, 204, "{}", out.text());
    assert_eq!(
        out.header("set-cookie"),
        format!("{name}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict")
    );
    fails(&browser.get("/v1/sessions/current").await, 401, "SESSION_EXPIRED");
    fails(&browser.get("/v1/organizations").await, 401, "SESSION_EXPIRED");
    // Both are on record.
    let trail = format!("/v1/audit-events?target_id={}", made["id"].as_str().unwrap());
    let events = stack.admin().get(&trail).await.unwrap().json();
    let actions: Vec<_> =
        events["data"].as_array().unwrap().iter().map(|e| e["action"].clone()).collect();
    assert_eq!(actions, ["session.revoke", "session.create"], "{events}");
    assert!(!events.to_string().contains(value));
    if let Some(dump) = stack.dump() {
        assert!(!dump.contains(value), "rows have a digest");
    }
}

#[tokio::test]
async fn the_newest_log_in_stands_first_and_the_list_is_read_in_pages() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let person = control.person(&tenant.organization, "user").await;
    let mut began = Vec::new();
    let mut browser = Browser::new(stack.front.clone(), &stack.interface_origin);
    for _ in 0..3 {
        browser = Browser::new(stack.front.clone(), &stack.interface_origin);
        began.insert(0, browser.log_in(&person.key).await["id"].clone());
        // Ids are in the order of the millisecond.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = browser.get(&format!("/v1/sessions?limit=2{cursor}")).await.json();
        seen.extend(page["data"].as_array().unwrap().iter().map(|session| session["id"].clone()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, began);
}

#[tokio::test]
async fn a_log_in_that_proves_nothing_is_refused() {
    let stack = Stack::ready().await;
    let browser = Browser::new(stack.front.clone(), &stack.interface_origin);
    let rows = [
        (json!({}), 401, "MISSING_AUTH"),
        (json!({"key": null}), 401, "MISSING_AUTH"),
        (json!({"key": "de_admin_typo"}), 401, "INVALID_API_KEY"),
        (json!({"key": stack.keys.client}), 403, "FORBIDDEN"),
        (json!({"key": stranger_key()}), 403, "FORBIDDEN"),
        (json!({"key": ""}), 400, "VALIDATION_ERROR"),
        (json!({"key": 1}), 400, "VALIDATION_ERROR"),
        (json!({"key": "x".repeat(201)}), 400, "VALIDATION_ERROR"),
        (json!({"key": stack.keys.admin, "id": "sess_mine"}), 400, "VALIDATION_ERROR"),
    ];
    for (body, status, code) in rows {
        let answer = browser.try_log_in(&body).await;
        fails(&answer, status, code);
        assert_eq!(answer.header("set-cookie"), "");
        // Our page reads the failure.
        assert_eq!(answer.header("access-control-allow-origin"), stack.interface_origin);
    }
    let without_body = browser.ask(Method::POST, "/v1/sessions").send().await.unwrap();
    fails(&without_body, 401, "MISSING_AUTH");
    // The header for keys is not a log-in.
    let bearer = format!("Bearer {}", stack.keys.admin);
    let header = browser.ask(Method::POST, "/v1/sessions").header("authorization", &bearer);
    fails(&header.send().await.unwrap(), 401, "MISSING_AUTH");
    let once = browser.ask(Method::POST, "/v1/sessions").header("idempotency-key", "k");
    let once = once.json(&json!({"key": stack.keys.admin})).send().await.unwrap();
    fails(&once, 400, "INVALID_REQUEST");
}

#[tokio::test]
async fn s02_another_page_logs_nobody_in_and_does_nothing_by_cookie() {
    let stack = Stack::ready().await;
    let mut browser = Browser::new(stack.front.clone(), &stack.interface_origin);
    browser.log_in(&stack.keys.admin).await;
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        browser.origin = origin.to_owned();
        let answer = browser.try_log_in(&json!({"key": stack.keys.admin})).await;
        fails(&answer, 403, "ORIGIN_NOT_ALLOWED");
        let answer = browser.delete("/v1/sessions/current").await;
        fails(&answer, 403, "ORIGIN_NOT_ALLOWED");
        assert_eq!(answer.header("access-control-allow-origin"), "");
        let body = json!({"name": "Forged"});
        let answer = browser.ask(Method::POST, "/v1/organizations").json(&body).send().await;
        fails(&answer.unwrap(), 403, "ORIGIN_NOT_ALLOWED");
    }
    browser.origin.clone_from(&stack.interface_origin);
    assert_eq!(browser.get("/v1/sessions/current").await.status, 200);
    // A program without a page logs in too.
    let sent = stack.front.request(Method::POST, "/v1/sessions");
    let sent = sent.json(&json!({"key": stack.keys.admin})).send().await.unwrap();
    assert_eq!(sent.status, 201, "{}", sent.text());
}

#[tokio::test]
async fn a_cookie_that_comes_with_a_log_in_ends_and_is_never_adopted() {
    let stack = Stack::ready().await;
    let mut browser = Browser::new(stack.front.clone(), &stack.interface_origin);
    let first = browser.log_in(&stack.keys.admin).await;
    let old = browser.cookie.clone();
    let second = browser.log_in(&stack.keys.admin).await;
    assert_ne!(browser.cookie, old);
    assert_ne!(first["id"], second["id"]);
    let mut former = Browser::new(stack.front.clone(), &stack.interface_origin);
    former.cookie.clone_from(&old);
    fails(&former.get("/v1/sessions/current").await, 401, "SESSION_EXPIRED");
    assert_eq!(browser.get("/v1/sessions/current").await.json(), second);
    // Of our form, and planted by someone: the log-in makes another one.
    let name = old.split('=').next().unwrap();
    let planted = format!("{name}={}", "7".repeat(43));
    former.cookie.clone_from(&planted);
    former.log_in(&stack.keys.admin).await;
    assert_ne!(former.cookie, planted);
    former.cookie = planted;
    fails(&former.get("/v1/sessions/current").await, 401, "SESSION_EXPIRED");
}

#[tokio::test]
async fn a_session_buys_through_the_front_door_for_the_instance_that_it_names() {
    let stack = Stack::ready().await;
    let mut browser = Browser::new(stack.front.clone(), &stack.interface_origin);
    browser.log_in(&stack.keys.admin).await;
    let call = || {
        let call = stack.call(Wire::OpenAi, "gpt-4o-mini", "Hello").by_front_door().without_key();
        call.header("cookie", &browser.cookie).header("origin", &stack.interface_origin)
    };
    call().send().await.fails(400, "INVALID_REQUEST");
    let answer = call().header("x-instance-id", "inst_dev").send().await.good();
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    let row = stack.books.row(&answer.request_id).await;
    assert_eq!((&row["api_key_id"], &row["user_id"]), (&Value::Null, &json!("user_dev")));
    let other = call().header("origin", "https://evil.example").header("x-instance-id", "inst_dev");
    other.send().await.fails(403, "ORIGIN_NOT_ALLOWED");
    assert_eq!(browser.delete("/v1/sessions/current").await.status, 204);
    call().header("x-instance-id", "inst_dev").send().await.fails(401, "SESSION_EXPIRED");
}

/// A world in process, to turn the clock and to change rows.
struct World {
    browser: Browser,
    test: TestPlatform,
}

const PAGE: &str = "https://admin.example.com";

impl World {
    async fn of(test: TestPlatform) -> Self {
        let client = TestClient::of_router(de_config::router(test.another_isolate()));
        Self { browser: Browser::new(client, PAGE), test }
    }

    async fn new() -> Self {
        let builder = TestPlatform::builder().interface_origin(PAGE).clock(FakeClock::at(START));
        Self::of(builder.build().await.unwrap()).await
    }

    fn browser(&self) -> Browser {
        Browser::new(self.browser.client.clone(), PAGE)
    }

    fn admin(&self) -> TestClient {
        self.browser.client.clone().with_key(self.test.tenant.admin_key.expose()).unwrap()
    }

    /// A log-in of who operates the service.
    async fn chief(&self) -> Value {
        self.browser().log_in(self.test.tenant.admin_key.expose()).await
    }

    async fn run(&self, sql: &'static str, args: &[&str]) {
        let args = args.iter().map(|arg| Arg::Text((*arg).to_owned())).collect();
        self.test.database.batch(vec![Statement { args, sql }]).await.unwrap();
    }

    /// A person with a key of theirs.
    async fn person(&self, id: &str, organization: &str, role: &str) -> String {
        self.run(
            "INSERT OR IGNORE INTO organizations (id, name, created_at, updated_at) VALUES (?1, ?1, 1, 1)",
            &[organization],
        )
        .await;
        let email = format!("{}@example.com", id.replace('_', "-"));
        self.run(
            "INSERT INTO users (id, organization_id, email, role, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, 1, 1)",
            &[id, organization, &email, role],
        )
        .await;
        let body = json!({"user_id": id, "scopes": ["read"]});
        let made = self.admin().post("/v1/api-keys", &body).await.unwrap();
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["secret"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn one_sees_and_ends_ones_own_sessions_and_an_administrator_those_below() {
    let world = World::new().await;
    let rows = [("user_boss", "admin"), ("user_member", "user"), ("user_chief", "superadmin")];
    let mut browsers = Vec::new();
    for (id, role) in rows {
        let key = world.person(id, "org_a", role).await;
        // Whoever ends sessions needs more than to read.
        world.run("UPDATE api_keys SET scopes = '[\"admin\"]' WHERE user_id = ?1", &[id]).await;
        let mut browser = world.browser();
        let made = browser.log_in(&key).await;
        browsers.push((browser, made["id"].as_str().unwrap().to_owned()));
    }
    let key = world.person("user_stranger", "org_b", "admin").await;
    world
        .run("UPDATE api_keys SET scopes = '[\"admin\"]' WHERE user_id = 'user_stranger'", &[])
        .await;
    let mut stranger = world.browser();
    let strangers = stranger.log_in(&key).await["id"].as_str().unwrap().to_owned();
    let [(boss, of_boss), (member, of_member), (chief, of_chief)] =
        <[_; 3]>::try_from(browsers).ok().unwrap();
    let path = |id: &str| format!("/v1/sessions/{id}");
    // One's own, and no one else's.
    let listed = member.get("/v1/sessions").await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["data"][0]["id"], of_member.as_str());
    assert_eq!(listed["data"][0]["current"], true);
    for id in [&of_boss, &of_chief, &strangers] {
        fails(&member.get(&path(id)).await, 404, "NOT_FOUND");
        fails(&member.delete(&path(id)).await, 404, "NOT_FOUND");
    }
    fails(&member.get("/v1/sessions?user_id=user_boss").await, 404, "NOT_FOUND");
    assert_eq!(member.get("/v1/sessions?user_id=user_member").await.status, 200);
    // Those of one's organization, but not of who may do more.
    let listed = boss.get("/v1/sessions?user_id=user_member").await.json();
    assert_eq!(
        (&listed["data"][0]["id"], &listed["data"][0]["current"]),
        (&json!(of_member), &json!(false))
    );
    fails(&boss.get("/v1/sessions?user_id=user_stranger").await, 404, "NOT_FOUND");
    fails(&boss.get("/v1/sessions?user_id=user_nobody").await, 404, "NOT_FOUND");
    assert_eq!(boss.get(&path(&of_chief)).await.status, 200);
    fails(&boss.delete(&path(&of_chief)).await, 403, "FORBIDDEN");
    fails(&boss.delete(&path(&strangers)).await, 404, "NOT_FOUND");
    fails(&boss.get(&path("sess_none")).await, 404, "NOT_FOUND");
    fails(&boss.get(&path("nonsense")).await, 404, "NOT_FOUND");
    let ended = boss.delete(&path(&of_member)).await;
    assert_eq!((ended.status, ended.header("set-cookie")), (204, ""), "{}", ended.text());
    fails(&member.get("/v1/sessions").await, 401, "SESSION_EXPIRED");
    fails(&boss.get(&path(&of_member)).await, 404, "NOT_FOUND");
    let listed = boss.get("/v1/sessions?user_id=user_member").await.json();
    assert_eq!(listed, json!({"data": [], "next_cursor": null}));
    // Who operates the service ends any.
    assert_eq!(chief.delete(&path(&strangers)).await.status, 204);
    fails(&stranger.get("/v1/sessions").await, 401, "SESSION_EXPIRED");
    // A key has no session, and a program no sessions at all.
    fails(&world.admin().get("/v1/sessions/current").await.unwrap(), 404, "NOT_FOUND");
    let client = world.test.tenant.client_key.expose();
    let program = world.browser.client.clone().with_key(client).unwrap();
    fails(&program.get("/v1/sessions").await.unwrap(), 403, "FORBIDDEN");
}

/// Logging out is for whoever is logged in: what a key is for does not keep anybody in.
#[tokio::test]
async fn a_session_of_a_key_for_anything_sees_and_ends_itself_and_no_other() {
    let world = World::new().await;
    for (id, scopes) in [("user_looks", r#"["read","text"]"#), ("user_calls", r#"["text"]"#)] {
        let key = world.person(id, "org_a", "user").await;
        world.run("UPDATE api_keys SET scopes = ?2 WHERE user_id = ?1", &[id, scopes]).await;
        let [mut first, mut second] = [world.browser(), world.browser()];
        let own = first.log_in(&key).await;
        let other = second.log_in(&key).await;
        let path = |session: &Value| format!("/v1/sessions/{}", session["id"].as_str().unwrap());
        for path in ["/v1/sessions/current".to_owned(), path(&own)] {
            let seen = first.get(&path).await;
            assert_eq!((seen.status, seen.json()), (200, own.clone()), "{id} {path}");
        }
        // One's own in another browser is no more than any other: that is for the scope `admin`.
        let chief = path(&world.chief().await);
        for path in [path(&other), chief, "/v1/sessions/sess_none".to_owned()] {
            let refused = first.delete(&path).await;
            fails(&refused, 403, "FORBIDDEN");
            assert_eq!(refused.json()["details"]["scope"], "admin", "{id} {path}");
        }
        // The key itself has no session to end.
        let with_key = world.browser.client.clone().with_key(&key).unwrap();
        for path in ["/v1/sessions/current".to_owned(), path(&own)] {
            let refused = with_key.request(Method::DELETE, &path).send().await.unwrap();
            fails(&refused, 403, "FORBIDDEN");
        }
        // Another page still does nothing by the cookie.
        first.origin = "https://evil.example".to_owned();
        fails(&first.delete("/v1/sessions/current").await, 403, "ORIGIN_NOT_ALLOWED");
        first.origin = PAGE.to_owned();
        let out = first.delete(&path(&own)).await;
        assert_eq!(out.status, 204, "{id}: {}", out.text());
        assert!(out.header("set-cookie").contains("Max-Age=0"), "{}", out.header("set-cookie"));
        fails(&first.get("/v1/sessions/current").await, 401, "SESSION_EXPIRED");
        fails(&first.delete("/v1/sessions/current").await, 401, "SESSION_EXPIRED");
        assert_eq!(second.get("/v1/sessions/current").await.status, 200, "{id}");
        assert_eq!(second.delete("/v1/sessions/current").await.status, 204, "{id}");
        fails(&second.get("/v1/sessions/current").await, 401, "SESSION_EXPIRED");
    }
}

#[tokio::test]
async fn a_session_does_what_its_key_may_and_ends_with_it() {
    let world = World::new().await;
    let key = world.person("user_reader", "org_a", "admin").await;
    let mut browser = world.browser();
    browser.log_in(&key).await;
    assert_eq!(browser.get("/v1/api-keys").await.status, 200);
    let body = json!({"user_id": "user_reader", "scopes": ["admin"]});
    let more = browser.ask(Method::POST, "/v1/api-keys").json(&body).send().await.unwrap();
    fails(&more, 403, "FORBIDDEN");
    let id = browser.get("/v1/api-keys").await.json()["data"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/api-keys/{id}");
    let revoked = world.admin().request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(revoked.status, 204, "{}", revoked.text());
    fails(&browser.get("/v1/api-keys").await, 401, "SESSION_EXPIRED");
    fails(&browser.try_log_in(&json!({ "key": key })).await, 401, "INVALID_API_KEY");
}

#[tokio::test]
async fn a_suspended_person_is_logged_in_nowhere() {
    let world = World::new().await;
    let key = world.person("user_a", "org_a", "admin").await;
    let mut browser = world.browser();
    browser.log_in(&key).await;
    world.run("UPDATE users SET status = 'suspended' WHERE id = 'user_a'", &[]).await;
    fails(&browser.get("/v1/sessions/current").await, 403, "FORBIDDEN");
    fails(&world.browser().try_log_in(&json!({ "key": key })).await, 403, "FORBIDDEN");
    world.run("UPDATE users SET status = 'active' WHERE id = 'user_a'", &[]).await;
    world.run("UPDATE organizations SET status = 'suspended' WHERE id = 'org_a'", &[]).await;
    fails(&world.browser().try_log_in(&json!({ "key": key })).await, 403, "FORBIDDEN");
}

#[tokio::test]
async fn an_end_that_a_limiter_does_not_hear_of_says_so_and_holds() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.log_in(world.test.tenant.admin_key.expose()).await;
    world.test.limiter.set_failing(true);
    let answer = browser.delete("/v1/sessions/current").await;
    fails(&answer, 503, "LIMITER_UNAVAILABLE");
    assert_eq!(answer.json()["details"]["saved"], true);
    fails(&browser.get("/v1/sessions/current").await, 401, "SESSION_EXPIRED");
    // Logging in ends nobody's copy, so it needs no Limiter.
    let mut other = world.browser();
    other.log_in(world.test.tenant.admin_key.expose()).await;
}

#[tokio::test]
async fn log_ins_that_fail_too_often_wait_a_minute() {
    let world = World::new().await;
    world.test.brake.set_limit(2);
    let from = |address: &str, key: &str| {
        let request = world.browser.ask(Method::POST, "/v1/sessions");
        request.header("cf-connecting-ip", address).json(&json!({ "key": key }))
    };
    let good = world.test.tenant.admin_key.expose().to_owned();
    for _ in 0..2 {
        fails(&from("192.0.2.1", "de_admin_x").send().await.unwrap(), 401, "INVALID_API_KEY");
    }
    let braked = from("192.0.2.1", "de_admin_x").send().await.unwrap();
    fails(&braked, 429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(braked.header("retry-after"), "60");
    // Nothing is looked at any more, a good key neither.
    fails(&from("192.0.2.1", &good).send().await.unwrap(), 429, "RATE_LIMIT_EXCEEDED");
    let bootstrap = world.browser.ask(Method::POST, "/v1/bootstrap");
    let bootstrap = bootstrap.header("cf-connecting-ip", "192.0.2.1").json(&json!({}));
    fails(&bootstrap.send().await.unwrap(), 429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(from("192.0.2.2", &good).send().await.unwrap().status, 201, "others do log in");
    // The key itself goes on where it is no log-in.
    let call = world.admin().request(Method::GET, "/v1/organizations");
    let call = call.header("cf-connecting-ip", "192.0.2.1").send().await.unwrap();
    assert_eq!(call.status, 200);
    world.test.clock.advance(Duration::from_secs(60));
    assert_eq!(from("192.0.2.1", &good).send().await.unwrap().status, 201);
}

#[tokio::test]
async fn who_has_logged_in_at_access_need_not_again() {
    let (signer, other) =
        (TestSigner::of_fixture("first", "k1"), TestSigner::of_fixture("second", "k1"));
    let team = TestTeam::start(&[&signer]).await.unwrap();
    let builder = TestPlatform::builder().interface_origin(PAGE).clock(FakeClock::at(START));
    let builder = builder.access(team.team(), Some(team.port()));
    let builder = builder.fetch(|background| Arc::new(ReqwestFetch::new(background).unwrap()));
    let world = World::of(builder.build().await.unwrap()).await;
    world.person("user_ada", "org_a", "admin").await;
    let said = claims(&team.team(), "User-Ada@Example.com", START);
    let token = signer.token(&said);
    let cookie = format!("CF_Authorization={token}");
    for (name, value) in [("cf-access-jwt-assertion", token.as_str()), ("cookie", &cookie)] {
        let ask = world.browser.ask(Method::POST, "/v1/sessions").header(name, value);
        let answer = ask.send().await.unwrap();
        assert_eq!(answer.status, 201, "{name}: {}", answer.text());
        assert_eq!(answer.json()["user"]["id"], "user_ada");
        let mut browser = world.browser();
        browser.keep(&answer);
        let body = json!({"user_id": "user_ada", "scopes": ["text"]});
        let made = browser.ask(Method::POST, "/v1/api-keys").json(&body).send().await.unwrap();
        assert_eq!(made.status, 201, "no key narrows it: {}", made.text());
    }
    assert_eq!(team.asked(), 1, "the keys are kept");
    let ask = |token: &str| {
        let ask = world.browser.ask(Method::POST, "/v1/sessions");
        ask.header("cf-access-jwt-assertion", token).header("cf-connecting-ip", "192.0.2.1")
    };
    let mut late = said.clone();
    late["exp"] = (START.0 / 1_000 - 60).into();
    let unknown = claims(&team.team(), "nobody@example.com", START);
    let rows = [
        (other.token(&said), 401, "INVALID_API_KEY"),
        ("not.a.token".to_owned(), 401, "INVALID_API_KEY"),
        (signer.token(&late), 401, "KEY_EXPIRED"),
        (signer.token(&unknown), 403, "FORBIDDEN"),
    ];
    for (token, status, code) in rows {
        let answer = ask(&token).send().await.unwrap();
        fails(&answer, status, code);
        assert_eq!(answer.header("set-cookie"), "");
    }
    assert_eq!(
        world.test.brake.count("192.0.2.1"),
        3,
        "who is nobody here has proved who they are"
    );
    world.run("UPDATE users SET status = 'suspended' WHERE id = 'user_ada'", &[]).await;
    fails(&ask(&token).send().await.unwrap(), 403, "FORBIDDEN");
    assert!(!world.test.log.text().contains(&token));
    // A list that cannot be read is nobody's fault here.
    team.answer(500, json!({}));
    world.test.clock.advance(Duration::from_secs(3_600));
    fails(&ask(&token).send().await.unwrap(), 503, "PROVIDER_UNAVAILABLE");
}

#[tokio::test]
async fn a_token_of_access_is_nothing_where_no_team_is_named() {
    let world = World::new().await;
    let ask = world.browser.ask(Method::POST, "/v1/sessions");
    let answer = ask.header("cf-access-jwt-assertion", "a.b.c").send().await.unwrap();
    fails(&answer, 401, "MISSING_AUTH");
}
