//! Who a caller is by a cookie, and when keys and sessions were last used.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use std::time::Duration;

use axum::{
    Json, Router,
    extract::FromRequestParts,
    routing::{any, post},
};
use de_core::{
    auth::{
        Scope, attempts,
        session::{IDLE_MS, LIFETIME_MS, NewSession, Times},
    },
    caller::{Caller, Operator, Tenant},
    http::{
        self as served,
        context::{Context, Envelope},
        error::{ApiError, Code},
    },
    ids::{RequestId, SessionId, UserId},
    limits::Epochs,
    ports::{Arg, Clock, Database, Platform, Statement, rows},
    secret::Secret,
    store::{
        access::AccessRow,
        pages::PageQuery,
        sessions::{self, NewRow, PersonRow, SessionRow},
    },
    time::UnixMillis,
};
use de_testkit::{
    client::{TestClient, TestRequest, TestResponse},
    clock::FakeClock,
    entropy::SeededEntropy,
    platform::{START, TestPlatform},
};
use http::Method;
use serde_json::{Value, json};

const PAGE: &str = "https://admin.example.com";
const COOKIE: &str = "__Host-de_session";

fn whoami(caller: &Caller) -> Json<Value> {
    let key = caller.key();
    Json(json!({
        "key": key.api_key_id.as_ref().map(|id| id.as_str()),
        "session": key.session_id.as_ref().map(|id| id.as_str()),
        "user": key.user_id.as_ref().map(|id| id.as_str()),
        "role": format!("{:?}", caller.role()),
        "scopes": key.scopes,
        "instance": caller.instance().is_some().then(|| caller.instance_id().as_str()),
        "counts_for": caller.scopes().len(),
    }))
}

fn routes(platform: Platform) -> Router {
    served::service("test", platform, |routes| {
        routes
            .route("/operate", any(|Operator(caller): Operator| async move { whoami(&caller) }))
            .route("/generate", post(|Tenant(caller): Tenant| async move { whoami(&caller) }))
    })
}

/// A world with a session of the superadmin.
struct World {
    client: TestClient,
    cookie: String,
    digest: String,
    id: SessionId,
    test: TestPlatform,
}

impl World {
    async fn new() -> Self {
        let clock = FakeClock::at(START);
        let test = TestPlatform::builder().clock(clock).interface_origin(PAGE);
        let test = test.build().await.unwrap();
        let NewSession { digest, value } = NewSession::make(&SeededEntropy::new(5));
        let id = SessionId::parse("sess_1").unwrap();
        let user = UserId::parse("user_dev").unwrap();
        let begin = sessions::insert(
            NewRow { api_key: None, digest: &digest, id: &id, user: &user },
            START,
        );
        test.database.batch(vec![begin]).await.unwrap();
        let client = TestClient::of_router(routes(test.another_isolate()));
        let cookie = format!("{COOKIE}={}", value.expose());
        Self { client, cookie, digest, id, test }
    }

    fn ask(&self, method: Method, path: &str) -> TestRequest {
        self.client.request(method, path).header("cookie", &self.cookie)
    }

    async fn look(&self) -> TestResponse {
        self.ask(Method::GET, "/operate").send().await.unwrap()
    }

    async fn run(&self, sql: &'static str) {
        self.test.database.batch(vec![Statement { args: Vec::new(), sql }]).await.unwrap();
    }

    async fn row(&self) -> SessionRow {
        self.test.background.join_all().await;
        rows(&*self.test.database, sessions::find(&self.id)).await.unwrap().remove(0)
    }

    fn advance_ms(&self, ms: i64) {
        self.test.clock.advance(Duration::from_millis(u64::try_from(ms).unwrap()));
    }
}

#[track_caller]
fn fails(answer: &TestResponse, status: u16, code: &str) {
    assert_eq!((answer.status, &answer.json()["error_code"]), (status, &json!(code)));
}

#[tokio::test]
async fn a_cookie_is_its_person_with_all_scopes() {
    let world = World::new().await;
    let told = world.look().await;
    assert_eq!(told.status, 200, "{}", told.text());
    assert_eq!(
        told.json(),
        json!({
            "key": null, "session": "sess_1", "user": "user_dev", "role": "Superadmin",
            "scopes": Scope::ALL,
            "instance": null, "counts_for": 2
        })
    );
    let line = world.test.log.lines().pop().unwrap();
    assert_eq!((line.session_id.as_deref(), line.api_key_id.as_deref()), (Some("sess_1"), None));
}

#[tokio::test]
async fn a_key_counts_before_a_cookie() {
    let world = World::new().await;
    let with = |key: &Secret| {
        world
            .ask(Method::GET, "/operate")
            .header("authorization", &format!("Bearer {}", key.expose()))
    };
    let tenant = &world.test.tenant;
    let told = with(&tenant.client_key).send().await.unwrap().json();
    assert_eq!((&told["role"], &told["session"]), (&json!("Client"), &Value::Null));
    fails(&with(&tenant.stranger_key).send().await.unwrap(), 401, "INVALID_API_KEY");
    // And what a key sends needs no page.
    let sent = world.ask(Method::POST, "/operate").header("x-api-key", tenant.admin_key.expose());
    assert_eq!(sent.send().await.unwrap().status, 200);
}

#[tokio::test]
async fn a_session_that_is_over_is_401() {
    let world = World::new().await;
    for value in ["", "x", &"0".repeat(43), "null"] {
        let request = world.client.request(Method::GET, "/operate");
        let answer = request.header("cookie", &format!("{COOKIE}={value}")).send().await.unwrap();
        fails(&answer, 401, "SESSION_EXPIRED");
    }
    // Under another name it is no cookie of ours.
    for name in ["de_session", "__Host-de_session_8787", "__host-de_session"] {
        let cookie = world.cookie.replace(COOKIE, name);
        let request = world.client.request(Method::GET, "/operate").header("cookie", &cookie);
        fails(&request.send().await.unwrap(), 401, "MISSING_AUTH");
    }
    world.run("UPDATE sessions SET revoked_at = 1").await;
    fails(&world.look().await, 401, "SESSION_EXPIRED");
    world.run("UPDATE sessions SET revoked_at = NULL").await;
    assert_eq!(world.look().await.status, 200);
    world.run("DELETE FROM sessions").await;
    fails(&world.look().await, 401, "SESSION_EXPIRED");
}

#[tokio::test]
async fn a_session_lives_on_by_calls_and_ends_after_twelve_hours() {
    let world = World::new().await;
    // What is noted once a minute: the start, and the calls at 60 and 130 seconds.
    let seen = [(0, 0), (59_999, 0), (60_000, 60_000), (119_000, 60_000), (130_000, 130_000)];
    let mut at = 0;
    for (to, noted) in seen {
        world.advance_ms(to - at);
        at = to;
        assert_eq!(world.look().await.status, 200, "{to}");
        assert_eq!(world.row().await.last_seen_at, START.plus(noted), "{to}");
    }
    world.advance_ms(IDLE_MS - 1);
    assert_eq!(world.look().await.status, 200);
    assert_eq!(world.row().await.last_seen_at, world.test.clock.now());
    world.advance_ms(IDLE_MS);
    fails(&world.look().await, 401, "SESSION_EXPIRED");
    // Busy to the end.
    let busy = Statement {
        args: vec![Arg::Int(START.plus(LIFETIME_MS - 1).0)],
        sql: "UPDATE sessions SET last_seen_at = ?1",
    };
    world.test.database.batch(vec![busy]).await.unwrap();
    world.advance_ms(START.plus(LIFETIME_MS - 1).since(world.test.clock.now()));
    assert_eq!(world.look().await.status, 200);
    world.advance_ms(1);
    fails(&world.look().await, 401, "SESSION_EXPIRED");
}

#[tokio::test]
async fn s02_another_page_changes_nothing_by_cookie() {
    let world = World::new().await;
    let others = [
        "https://evil.example",
        "null",
        "http://admin.example.com",
        "https://admin.example.com.evil.example",
    ];
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let without = world.ask(method.clone(), "/operate").send().await.unwrap();
        fails(&without, 403, "ORIGIN_NOT_ALLOWED");
        for origin in others {
            let sent = world.ask(method.clone(), "/operate").header("origin", origin);
            let answer = sent.send().await.unwrap();
            fails(&answer, 403, "ORIGIN_NOT_ALLOWED");
            assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
            assert_eq!(answer.header("access-control-allow-credentials"), "", "{origin}");
        }
        let ours = world.ask(method.clone(), "/operate").header("origin", PAGE);
        assert_eq!(ours.send().await.unwrap().status, 200, "{method}");
    }
    // Another page may make a browser look, but does not see the answer.
    for origin in others {
        let sent = world.ask(Method::GET, "/operate").header("origin", origin);
        let answer = sent.send().await.unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
    }
}

#[tokio::test]
async fn our_pages_read_every_answer_and_may_send_the_cookie() {
    let world = World::new().await;
    let asked = |path: &str, origin: &str| {
        world.client.request(Method::OPTIONS, path).header("origin", origin)
    };
    let preflight = asked("/operate", PAGE).send().await.unwrap();
    let failure = world.client.request(Method::GET, "/operate").header("origin", PAGE);
    let unknown = world.client.request(Method::GET, "/nowhere").header("origin", PAGE);
    let good = world.ask(Method::GET, "/operate").header("origin", PAGE);
    let answers = [
        (204, preflight),
        (401, failure.send().await.unwrap()),
        (404, unknown.send().await.unwrap()),
        (200, good.send().await.unwrap()),
    ];
    for (status, answer) in answers {
        assert_eq!(answer.status, status);
        let allowed: Vec<_> =
            answer.headers.get_all("access-control-allow-origin").iter().collect();
        assert_eq!(allowed, [PAGE], "{status}");
        assert_eq!(answer.header("access-control-allow-credentials"), "true", "{status}");
        assert_eq!(answer.header("vary"), "Origin", "{status}");
    }
    // Anyone's page may ask, for keys; the cookie stays at home.
    let other = asked("/operate", "https://evil.example").send().await.unwrap();
    assert_eq!(other.header("access-control-allow-origin"), "https://evil.example");
    assert_eq!(other.header("access-control-allow-credentials"), "");
}

#[tokio::test]
async fn a_session_acts_for_an_instance_of_its_person() {
    let world = World::new().await;
    let act = |instance: &str| {
        let request = world.ask(Method::POST, "/generate").header("origin", PAGE);
        request.header("x-instance-id", instance)
    };
    let told = act("inst_dev").send().await.unwrap();
    assert_eq!(told.json()["instance"], "inst_dev", "{}", told.text());
    let without = world.ask(Method::POST, "/generate").header("origin", PAGE).send().await.unwrap();
    fails(&without, 400, "INVALID_REQUEST");
    fails(&act("inst_nobodys").send().await.unwrap(), 404, "NOT_FOUND");
    // Nothing is kept of what the person may: it is read each time.
    world.run("UPDATE users SET role = 'user' WHERE id = 'user_dev'").await;
    assert_eq!(act("inst_dev").send().await.unwrap().status, 200);
    world.run("DELETE FROM user_grants").await;
    fails(&act("inst_dev").send().await.unwrap(), 404, "NOT_FOUND");
    world.run("UPDATE users SET role = 'admin' WHERE id = 'user_dev'").await;
    assert_eq!(act("inst_dev").send().await.unwrap().status, 200);
    world.run("UPDATE users SET status = 'suspended' WHERE id = 'user_dev'").await;
    fails(&act("inst_dev").send().await.unwrap(), 403, "FORBIDDEN");
    fails(&world.look().await, 403, "FORBIDDEN");
    world.run("UPDATE users SET status = 'active' WHERE id = 'user_dev'").await;
    world.run("UPDATE organizations SET status = 'suspended'").await;
    fails(&world.look().await, 403, "FORBIDDEN");
}

#[tokio::test]
async fn a_call_under_way_learns_that_its_session_is_over() {
    let world = World::new().await;
    let platform = world.test.another_isolate();
    let request = http::Request::builder()
        .header("cookie", &world.cookie)
        .header("x-instance-id", "inst_dev")
        .body(())
        .unwrap();
    let (mut parts, ()) = request.into_parts();
    let id = RequestId::parse("r-1").unwrap();
    parts.extensions.insert(Context::new(id, Envelope::Native, START));
    parts.extensions.insert(platform.clone());
    let caller = Caller::from_request_parts(&mut parts, &()).await.unwrap();
    let newer = Epochs { catalogue: 9, tenant: 9 };
    let renewed = caller.renewed(&platform, newer).await.unwrap();
    assert_eq!(renewed.instance_id().as_str(), "inst_dev");
    world.run("DELETE FROM user_grants").await;
    world.run("UPDATE users SET role = 'user' WHERE id = 'user_dev'").await;
    let refused = renewed.renewed(&platform, newer).await.err().unwrap();
    assert_eq!(refused.code(), Code::NotFound);
    world.run("UPDATE users SET role = 'superadmin' WHERE id = 'user_dev'").await;
    let end = sessions::revoke(&world.id, START);
    world.test.database.batch(vec![end]).await.unwrap();
    let refused = renewed.renewed(&platform, newer).await.err().unwrap();
    assert_eq!(refused.code(), Code::SessionExpired);
}

#[tokio::test]
async fn a_session_is_found_and_listed_while_it_holds() {
    let world = World::new().await;
    let user = UserId::parse("user_dev").unwrap();
    let database = &*world.test.database;
    let list = |now: UnixMillis| {
        let user = user.clone();
        async move {
            let page = PageQuery::default();
            let listed: Vec<SessionRow> =
                rows(database, sessions::list(&user, &page, now)).await.unwrap();
            listed.into_iter().map(|row| row.id.to_string()).collect::<Vec<_>>()
        }
    };
    let found: Vec<AccessRow> = rows(database, sessions::access(&world.digest)).await.unwrap();
    assert_eq!(found[0].session(), Some(Times::begin(START)));
    assert_eq!(found[0].who(), "user_dev");
    let shown: Vec<SessionRow> = rows(database, sessions::by_digest(&world.digest)).await.unwrap();
    assert_eq!((shown[0].id.as_str(), shown[0].times()), ("sess_1", Times::begin(START)));
    let email = shown[0].person.email.clone();
    let person: Vec<PersonRow> = rows(database, sessions::person_by_email(&email)).await.unwrap();
    assert_eq!(person[0].user_id, user);
    let person: Vec<PersonRow> = rows(database, sessions::person(&user)).await.unwrap();
    assert_eq!(person[0].email, email);

    assert_eq!(list(START).await, ["sess_1"]);
    assert_eq!(list(START.plus(IDLE_MS)).await, [""; 0]);
    assert_eq!(list(START.plus(LIFETIME_MS)).await, [""; 0]);
    database.batch(vec![sessions::revoke(&world.id, START)]).await.unwrap();
    database.batch(vec![sessions::revoke(&world.id, START.plus(5))]).await.unwrap();
    assert_eq!(list(START).await, [""; 0]);
    assert_eq!(world.row().await.revoked_at, Some(START), "the first time stays");
    // The value of the cookie is nowhere.
    let value = world.cookie.split_once('=').unwrap().1;
    assert!(!world.test.database.dump().unwrap().contains(value));
}

#[tokio::test]
async fn a_key_that_was_let_in_was_used_and_that_is_noted_once_a_minute() {
    let world = World::new().await;
    let other = TestClient::of_router(routes(world.test.another_isolate()));
    let tenant = &world.test.tenant;
    let used = |name: &'static str| {
        let world = &world;
        async move {
            world.test.background.join_all().await;
            let read = Statement {
                args: vec![name.into()],
                sql: "SELECT last_used_at FROM api_keys WHERE name = ?1",
            };
            let read = world.test.database.batch(vec![read]).await.unwrap().remove(0);
            read[0]["last_used_at"].as_i64().map(|at| UnixMillis(at).since(START))
        }
    };
    for (key, name) in [(&tenant.client_key, "dev client"), (&tenant.admin_key, "dev admin")] {
        assert_eq!(used(name).await, None);
        let began = world.test.clock.now().since(START);
        let mut at = 0;
        for (to, noted) in [(0, 0), (59_999, 0), (60_000, 60_000), (119_000, 60_000)] {
            world.advance_ms(to - at);
            at = to;
            // Another isolate remembers nothing, and writes no more often.
            for client in [&world.client, &other] {
                let request = client.request(Method::GET, "/operate");
                let answer = request.header("x-api-key", key.expose()).send().await.unwrap();
                assert_eq!(answer.status, 200);
                assert_eq!(used(name).await, Some(began + noted), "{name} {to}");
            }
        }
    }
    for (key, name) in [(&tenant.expired_key, "dev expired"), (&tenant.revoked_key, "dev revoked")]
    {
        let request = world.client.request(Method::GET, "/operate");
        let answer = request.header("x-api-key", key.expose()).send().await.unwrap();
        assert_eq!(answer.status, 401);
        assert_eq!(used(name).await, None, "a key that is refused is not used");
    }
}

#[tokio::test]
async fn a_session_is_worth_no_more_than_the_key_that_made_it() {
    let world = World::new().await;
    let admin_key = world.test.tenant.tenant.keys[0].id.clone();
    let NewSession { digest, value } = NewSession::make(&SeededEntropy::new(6));
    let user = UserId::parse("user_dev").unwrap();
    let id = SessionId::parse("sess_2").unwrap();
    let new = NewRow { api_key: Some(&admin_key), digest: &digest, id: &id, user: &user };
    world.test.database.batch(vec![sessions::insert(new, START)]).await.unwrap();
    let cookie = format!("{COOKIE}={}", value.expose());
    let look = || async {
        let request = world.client.request(Method::GET, "/operate").header("cookie", &cookie);
        request.send().await.unwrap()
    };
    let all = json!(Scope::ALL);
    assert_eq!(look().await.json()["scopes"], all, "who administers can make keys for all of it");
    world.run("UPDATE api_keys SET scopes = '[\"read\"]', allowed_models = '[\"m\"]'").await;
    assert_eq!(look().await.json()["scopes"], json!(["read"]));
    let narrow: Vec<AccessRow> =
        rows(&*world.test.database, sessions::access(&digest)).await.unwrap();
    assert_eq!(narrow[0].allowed_models.as_ref().map(Vec::len), Some(1));
    world.run("UPDATE api_keys SET allowed_addresses = '[\"192.0.2.1\"]'").await;
    fails(&look().await, 403, "FORBIDDEN");
    world.run("UPDATE api_keys SET allowed_addresses = '[]'").await;
    // It ends with the key, however that ends.
    world.run("UPDATE api_keys SET revoked_at = 1").await;
    fails(&look().await, 401, "SESSION_EXPIRED");
    world.run("UPDATE api_keys SET revoked_at = NULL, expires_at = 1").await;
    fails(&look().await, 401, "SESSION_EXPIRED");
    let page = PageQuery::default();
    let listed: Vec<SessionRow> =
        rows(&*world.test.database, sessions::list(&user, &page, START)).await.unwrap();
    assert_eq!(listed.len(), 1, "the one without a key");
    world.run("UPDATE api_keys SET expires_at = NULL").await;
    assert_eq!(look().await.status, 200);
}

#[tokio::test]
async fn proofs_that_fail_are_counted_and_over_the_limit_told_to_wait() {
    let world = World::new().await;
    world.test.brake.set_limit(3);
    let tenant = &world.test.tenant;
    let from = |address: &str, name: &str, value: &str| {
        let request = world.client.request(Method::GET, "/operate");
        request.header("cf-connecting-ip", address).header(name, value)
    };
    let stranger = tenant.stranger_key.expose().to_owned();
    let unknown = format!("{COOKIE}={}", "0".repeat(43));
    let rows = [
        ("x-api-key", "de_test_typo", 401, "INVALID_API_KEY"),
        ("x-api-key", tenant.expired_key.expose(), 401, "KEY_EXPIRED"),
        ("cookie", unknown.as_str(), 401, "SESSION_EXPIRED"),
        ("cookie", unknown.as_str(), 429, "RATE_LIMIT_EXCEEDED"),
        ("x-api-key", stranger.as_str(), 429, "RATE_LIMIT_EXCEEDED"),
        ("x-api-key", tenant.revoked_key.expose(), 429, "RATE_LIMIT_EXCEEDED"),
    ];
    for (name, value, status, code) in rows {
        let answer = from("192.0.2.1", name, value).send().await.unwrap();
        fails(&answer, status, code);
        if status == 429 {
            assert_eq!(answer.header("retry-after"), "60");
        }
    }
    // What holds is let in all the same, and what proves nothing is no attempt.
    let good = from("192.0.2.1", "x-api-key", tenant.client_key.expose()).send().await.unwrap();
    assert_eq!(good.status, 200);
    let good = from("192.0.2.1", "cookie", &world.cookie).send().await.unwrap();
    assert_eq!(good.status, 200);
    let none =
        world.client.request(Method::GET, "/operate").header("cf-connecting-ip", "192.0.2.1");
    fails(&none.send().await.unwrap(), 401, "MISSING_AUTH");
    // Others have a count of their own, and where the platform names no address there is none.
    let other = from("192.0.2.2", "x-api-key", &stranger).send().await.unwrap();
    fails(&other, 401, "INVALID_API_KEY");
    for _ in 0..9 {
        let nowhere = world.client.request(Method::GET, "/operate").header("x-api-key", &stranger);
        fails(&nowhere.send().await.unwrap(), 401, "INVALID_API_KEY");
    }
    // A session that has ended was one of ours.
    world.run("UPDATE sessions SET revoked_at = 1").await;
    let over = from("192.0.2.1", "cookie", &world.cookie).send().await.unwrap();
    fails(&over, 401, "SESSION_EXPIRED");
    world.advance_ms(60_000);
    let again = from("192.0.2.1", "x-api-key", &stranger).send().await.unwrap();
    fails(&again, 401, "INVALID_API_KEY");
    assert_eq!(world.test.brake.count("192.0.2.1"), 1);
}

#[tokio::test]
async fn a_place_where_proofs_failed_too_often_logs_in_a_minute_later() {
    let test = TestPlatform::builder().clock(FakeClock::at(START)).build().await.unwrap();
    test.brake.set_limit(1);
    let (here, there) = (Some("192.0.2.1".parse().unwrap()), Some("192.0.2.2".parse().unwrap()));
    for code in [Code::InvalidApiKey, Code::RateLimitExceeded] {
        attempts::admit(&test.platform, here).unwrap();
        let refusal = ApiError::new(Code::InvalidApiKey, "no such key");
        assert_eq!(attempts::failed(&test.platform, here, refusal).await.code(), code);
    }
    let admitted = |place| attempts::admit(&test.platform, place).map_err(|refusal| refusal.code());
    assert_eq!(admitted(here), Err(Code::RateLimitExceeded));
    assert_eq!((admitted(there), admitted(None)), (Ok(()), Ok(())));
    test.clock.advance(Duration::from_millis(59_999));
    assert_eq!(admitted(here), Err(Code::RateLimitExceeded));
    test.clock.advance(Duration::from_millis(1));
    assert_eq!(admitted(here), Ok(()));
}
