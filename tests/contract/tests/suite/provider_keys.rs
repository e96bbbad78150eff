//! The vendors' keys: they go in, are used, tried and replaced, and never come out.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::time::Duration;

use de_contract::{control::Control, stack::Stack, wait::unique, wire::Wire, world::World};
use de_core::{
    conversations::{Turn, find, keep},
    ids::ProjectId,
};
use de_testkit::fetch::Answer;
use http::Method;
use serde_json::{Value, json};

fn place(instance: &str, provider: &str) -> String {
    format!("/v1/provider-keys/{instance}/{provider}")
}

fn key(secret: &str) -> Value {
    json!({"secret": secret})
}

#[tokio::test]
async fn s03_a_vendors_key_goes_in_and_never_comes_out() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let path = place(&tenant.instance, "openai");
    control.get(&path).await.fails(404, "NOT_FOUND");
    control.delete(&path).await.fails(404, "NOT_FOUND");
    let (first, second) = (unique("canary-first"), unique("canary-second"));
    let made = control.put(&path, &key(&first)).await.is(201);
    assert_eq!(made.header("location"), path);
    let row = made.json();
    let members: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "instance_id",
        "provider_id",
        "last_four",
        "key_version",
        "usable",
        "created_at",
        "updated_at",
        "last_used_at",
        "last_test",
    ];
    assert_eq!(members, expected);
    assert_eq!(row["last_four"], &first[first.len() - 4..]);
    assert!(row["key_version"].as_u64().unwrap() >= 1);
    assert_eq!(row["last_test"], Value::Null);
    let read = control.get(&path).await.is(200);
    assert_eq!((read.json(), read.header("etag")), (row.clone(), made.header("etag")));
    let again = control.put(&path, &key(&second)).await.is(200);
    assert_eq!(again.json()["created_at"], row["created_at"]);
    assert_eq!(again.json()["last_four"], &second[second.len() - 4..]);
    // Someone who saw the first is told.
    for method in [Method::PUT, Method::DELETE] {
        let late = control.client.request(method.clone(), &path);
        let late = late.header("if-match", made.header("etag")).json(&key("late-vendors-key"));
        assert_eq!(late.send().await.unwrap().status, 412, "{method}");
    }
    let list =
        control.get(&format!("/v1/provider-keys?instance_id={}", tenant.instance)).await.is(200);
    assert_eq!(list.json(), json!({"data": [again.json()], "next_cursor": null}));
    let trail =
        control.get(&format!("/v1/audit-events?target_id={}/openai", tenant.instance)).await;
    let trail = trail.is(200);
    for answer in [&made, &read, &again, &list, &trail] {
        let text = answer.text();
        assert!(!text.contains("canary") && !text.contains("sealed"), "{text}");
    }
    let actions: Vec<Value> = trail.json()["data"].as_array().unwrap().to_vec();
    let actions: Vec<&str> = actions.iter().filter_map(|event| event["action"].as_str()).collect();
    assert_eq!(actions, ["provider-key.put", "provider-key.put"]);
    assert!(stack.dump().is_none_or(|dump| !dump.contains("canary")));
    control.delete(&path).await.is(204);
    control.get(&path).await.fails(404, "NOT_FOUND");
    // A short one shows nothing of itself.
    let short = control.put(&path, &key("short-key-1")).await.is(201).json();
    assert_eq!(short["last_four"], Value::Null);
}

#[tokio::test]
async fn s03_what_is_no_key_is_refused_and_not_repeated() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let path = place(&tenant.instance, "openai");
    let rows = [
        json!({}),
        json!({"secret": null}),
        json!({"secret": 12_345}),
        key(""),
        key("canary\n"),
        key("canary\r\n"),
        key(" canary"),
        key("can ary"),
        key("canaryé"),
        key(&format!("canary{}", "x".repeat(4_096))),
        json!({"secret": "canary-vendors-key", "note": "canary"}),
    ];
    for body in rows {
        let refused = control.put(&path, &body).await.fails(400, "VALIDATION_ERROR");
        let pointer = if body.get("note").is_some() { "/note" } else { "/secret" };
        assert_eq!(refused["details"]["fields"][0]["field"], pointer);
        assert!(!refused.to_string().contains("canary"), "{refused}");
    }
    let broken =
        control.client.request(Method::PUT, &path).header("content-type", "application/json");
    let broken = broken.body("{\"secret\": \"canary").send().await.unwrap();
    assert_eq!(broken.status, 400);
    assert!(!broken.text().contains("canary"), "{}", broken.text());
    control
        .put(&place(&tenant.instance, "nobody"), &key("a-vendors-key"))
        .await
        .fails(404, "NOT_FOUND");
    control
        .put(&place("inst_nobody", "openai"), &key("a-vendors-key"))
        .await
        .fails(404, "NOT_FOUND");
    control.put(&place("x", "openai"), &key("a-vendors-key")).await.fails(404, "NOT_FOUND");
    control.get("/v1/provider-keys/%FF/openai").await.fails(400, "INVALID_REQUEST");
    control.get(&path).await.fails(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_saved_key_serves_the_next_call_and_a_deleted_one_none() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let body = json!({"project_id": tenant.project, "scopes": ["text"]});
    let client = control.make("api-keys", body).await["secret"].as_str().unwrap().to_owned();
    let call = || stack.call(Wire::Native, "gpt-4o-mini", "Hello").key(&client);
    let path = place(&tenant.instance, "openai");
    call().send().await.fails(503, "MISSING_API_KEY");
    control.put(&path, &key("a-key-that-nobody-knows")).await.is(201);
    call().send().await.fails(502, "PROVIDER_AUTH");
    control.put(&path, &key(&stack.vendor_keys["openai"])).await.is(200);
    call().send().await.good();
    control.delete(&path).await.is(204);
    call().send().await.fails(503, "MISSING_API_KEY");
}

#[tokio::test]
async fn f04_a_test_asks_the_vendor_with_the_stored_key() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let vendors = ["anthropic", "deepseek", "elevenlabs", "groq", "mistral", "openai", "together"];
    for vendor in vendors {
        let path = place(&tenant.instance, vendor);
        let bad = unique("canary-of-nobody");
        control.put(&path, &key(&bad)).await.is(201);
        let told = control.post(&format!("{path}/test"), &json!({})).await.is(200).json();
        assert_eq!(
            (&told["ok"], &told["status"]),
            (&json!(false), &json!(401)),
            "{vendor}: {told}"
        );
        let message = told["message"].as_str().unwrap();
        assert!(message.len() > 5 && !message.contains("canary"), "{vendor}: {told}");
        let row = control.get(&path).await.is(200).json();
        let expected = json!({"at": told["at"], "message": message, "ok": false});
        assert_eq!(row["last_test"], expected, "{vendor}");

        // A key that was replaced was not tried.
        let good = control.put(&path, &key(&stack.vendor_keys[vendor])).await.is(200).json();
        assert_eq!(good["last_test"], Value::Null, "{vendor}");
        // Without a body at all, as scripts send it.
        let told =
            control.client.request(Method::POST, &format!("{path}/test")).send().await.unwrap();
        assert_eq!(told.status, 200, "{vendor}: {}", told.text());
        let told = told.json();
        assert_eq!(told["ok"], true, "{vendor}: {told}");
        assert_eq!((&told["status"], &told["message"]), (&json!(200), &Value::Null));
        assert!(told["duration_ms"].as_i64().unwrap() >= 0);
        let row = control.get(&path).await.is(200).json();
        assert_eq!(row["last_test"], json!({"at": told["at"], "message": null, "ok": true}));
    }
    let trail = format!("/v1/audit-events?limit=1&target_id={}/openai", tenant.instance);
    let event = control.get(&trail).await.is(200).json()["data"][0].clone();
    assert_eq!(event["action"], "provider-key.test");
    assert_eq!(event["after"], json!({"ok": true, "status": 200}));
}

#[tokio::test]
async fn f04_what_cannot_be_tried_says_why() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let path = place(&tenant.instance, "ideogram");
    let test = format!("{path}/test");
    control.post(&test, &json!({})).await.fails(404, "NOT_FOUND");
    control.put(&path, &key("a-vendors-key-0001")).await.is(201);
    let refused = control.post(&test, &json!({})).await.fails(409, "CONFLICT");
    assert!(refused["error"].as_str().unwrap().contains("key_test"), "{refused}");
    let request = control.client.request(Method::POST, &test).header("idempotency-key", "once");
    let refused = request.json(&json!({})).send().await.unwrap();
    assert_eq!((refused.status, &refused.json()["error_code"]), (400, &json!("INVALID_REQUEST")));
    let refused = control.post(&test, &json!({"model": "x"})).await.fails(400, "VALIDATION_ERROR");
    assert_eq!(refused["details"]["fields"][0]["field"], "/model");
    assert_eq!(control.get(&path).await.is(200).json()["last_test"], Value::Null);
}

#[tokio::test]
async fn f04_a_vendor_that_is_away_is_a_verdict_and_no_failure_of_ours() {
    let world = World::new().await;
    let operator = world.operator();
    let test = "/v1/provider-keys/inst_dev/openai/test";
    let long = json!({"error": {"message": "x ".repeat(600)}});
    let rows = [
        (Answer::refused(), Value::Null, "openai could not be reached"),
        (Answer::status(500).chunk("<html>oops</html>"), json!(500), "answered 500"),
        (Answer::status(503), json!(503), "answered 503"),
        (Answer::status(401).chunk("nobody knows you"), json!(401), "nobody knows you"),
        (Answer::json(429, &json!({"detail": "slow down"})), json!(429), "slow down"),
        (Answer::json(400, &json!([{"error": {"message": "No."}}])), json!(400), "No."),
        (Answer::status(401).chunk("x".repeat(100_000)), json!(401), "answered 401"),
        (Answer::status(401).chunk("{").break_off(), json!(401), "answered 401"),
    ];
    for (answer, status, message) in rows {
        world.test.fetch.answer(answer);
        let told = operator.post(test, &json!({})).await.is(200).json();
        assert_eq!((&told["ok"], &told["status"]), (&json!(false), &status), "{told}");
        assert_eq!(told["message"], message);
    }
    world.test.fetch.answer(Answer::json(400, &long));
    let told = operator.post(test, &json!({})).await.is(200).json();
    assert_eq!(told["message"].as_str().unwrap().chars().count(), 500);
    // What goes out is what calls send: the key in its place, to the provider's own host.
    let sent = world.test.fetch.sent().remove(0);
    assert_eq!(
        (sent.method.as_str(), sent.url.as_str()),
        ("GET", "https://api.openai.com/v1/models")
    );
    assert_eq!(sent.header("authorization"), "Bearer test-openai-key-0001");
    assert!(sent.body.is_empty());
    // Headers of the provider go along.
    world.test.fetch.answer(Answer::ok());
    operator.post("/v1/provider-keys/inst_dev/anthropic/test", &json!({})).await.is(200);
    let sent = world.test.fetch.sent().pop().unwrap();
    assert_eq!(sent.url.as_str(), "https://api.anthropic.com/v1/models?limit=1");
    assert_eq!(sent.header("anthropic-version"), "2023-06-01");
    assert_eq!(
        (sent.header("x-api-key"), sent.header("authorization")),
        ("test-anthropic-key-0001", "")
    );
}

#[tokio::test(start_paused = true)]
async fn f04_a_vendor_that_hangs_is_given_up() {
    let world = World::new().await;
    world.test.fetch.answer(Answer::ok().head_after(Duration::from_secs(3_600)));
    let test = "/v1/provider-keys/inst_dev/openai/test";
    let told = world.operator().post(test, &json!({})).await.is(200).json();
    assert_eq!((&told["ok"], &told["status"]), (&json!(false), &Value::Null), "{told}");
    assert_eq!(told["message"], "openai did not answer within 15 seconds");
    assert_eq!(told["duration_ms"], 15_000);
    assert!(world.test.fetch.sent()[0].is_closed());
}

#[tokio::test]
async fn s04_each_instance_has_its_own_keys_and_no_others() {
    let world = World::new().await;
    let operator = world.operator();
    let (home, away) = (operator.tenant().await, operator.tenant().await);
    let (ours, theirs) =
        (world.admin_of(&home.organization).await, world.admin_of(&away.organization).await);
    let path = place(&home.instance, "openai");
    ours.put(&path, &key("our-own-vendors-key")).await.is(201);
    theirs.get(&path).await.fails(404, "NOT_FOUND");
    theirs.put(&path, &key("their-vendors-key")).await.fails(404, "NOT_FOUND");
    theirs.delete(&path).await.fails(404, "NOT_FOUND");
    theirs.post(&format!("{path}/test"), &json!({})).await.fails(404, "NOT_FOUND");
    assert!(world.test.fetch.sent().is_empty());
    let empty = json!({"data": [], "next_cursor": null});
    assert_eq!(theirs.get("/v1/provider-keys").await.is(200).json(), empty);
    let named = format!("/v1/provider-keys?instance_id={}", home.instance);
    assert_eq!(theirs.get(&named).await.is(200).json(), empty);
    assert_eq!(
        ours.get("/v1/provider-keys").await.is(200).json()["data"].as_array().unwrap().len(),
        1
    );
    operator.get("/v1/provider-keys").await.fails(400, "VALIDATION_ERROR");
    // A provider of one tenant's own takes no keys of another's.
    let form = json!({"id": "theirs", "display_name": "Theirs", "base_url": "https://api.example.com",
        "auth": {"kind": "bearer"}});
    theirs.post("/v1/providers", &form).await.is(201);
    ours.put(&place(&home.instance, "theirs"), &key("our-own-vendors-key"))
        .await
        .fails(404, "NOT_FOUND");
    // A sealed key that is carried to another row opens nothing there.
    world
        .sql(
            "INSERT INTO provider_keys
           (instance_id, provider_id, sealed, last_four, hosts, created_at, updated_at)
         SELECT ?1, provider_id, sealed, last_four, hosts, 1, 1 FROM provider_keys
         WHERE instance_id = ?2 AND provider_id = 'openai'",
            &[&away.instance, &home.instance],
        )
        .await;
    let stolen = format!("{}/test", place(&away.instance, "openai"));
    theirs.post(&stolen, &json!({})).await.fails(409, "CONFLICT");
    assert!(world.test.fetch.sent().is_empty());
}

#[tokio::test]
async fn s03_a_key_stands_in_no_answer_no_row_no_copy_and_no_log() {
    let world = World::new().await;
    let operator = world.operator();
    let canary = "canary-vendors-key-4711";
    let path = place("inst_dev", "openai");
    let mut told = vec![operator.put(&path, &key(canary)).await.is(200).text()];
    let quotes = json!({"error": {"message": format!("Incorrect API key provided: {canary}.")}});
    world.test.fetch.answer(Answer::json(401, &quotes));
    told.push(operator.post(&format!("{path}/test"), &json!({})).await.is(200).text());
    world.test.fetch.answer(Answer::json(401, &quotes));
    let body = json!({"prompt": "Hello", "model_id": "gpt-4o-mini"});
    told.push(world.text().post("/generate", &body).await.unwrap().text());
    world.test.fetch.answer(Answer::refused());
    told.push(operator.post(&format!("{path}/test"), &json!({})).await.is(200).text());
    told.push(operator.get(&path).await.is(200).text());
    told.push(operator.get("/v1/audit-events?limit=200").await.is(200).text());
    assert!(
        world.test.fetch.sent().iter().all(|sent| sent.header("authorization").contains(canary))
    );
    operator.delete(&path).await.is(204);
    world.test.background.join_all().await;
    told.push(world.everything());
    for text in told {
        assert!(!text.contains("canary-vendors"), "{text}");
    }
}

#[tokio::test]
async fn keys_are_listed_in_pages() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let providers = ["anthropic", "groq", "openai", "pexels", "shotstack"];
    for provider in providers {
        control.put(&place(&tenant.instance, provider), &key("a-vendors-key-0001")).await.is(201);
    }
    let first = format!("/v1/provider-keys?limit=2&instance_id={}", tenant.instance);
    let (mut seen, mut next) = (Vec::new(), first.clone());
    loop {
        let page = control.get(&next).await.is(200).json();
        let rows = page["data"].as_array().unwrap();
        assert!(rows.len() <= 2);
        seen.extend(rows.iter().map(|row| row["provider_id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        next = format!("{first}&cursor={cursor}");
    }
    assert_eq!(seen, providers);
    let one = control.get(&format!("{first}&provider_id=groq")).await.is(200).json();
    assert_eq!(one["data"].as_array().unwrap().len(), 1);
    let refused = control.get(&format!("{first}&colour=blue")).await.fails(400, "VALIDATION_ERROR");
    assert_eq!(refused["details"]["fields"][0]["field"], "?colour");
}

const RESEAL: &str = "/v1/provider-keys/reseal";
const SECOND: &str = "a second master key for tests, 0002";

#[tokio::test]
async fn keys_are_sealed_anew_until_the_old_master_key_can_go() {
    let world = World::new().await;
    let operator = world.operator();
    let once =
        operator.client.request(Method::POST, "/v1/projects").header("idempotency-key", "kept");
    let project = json!({"instance_id": "inst_dev", "name": "Kept"});
    let kept = once.json(&project).send().await.unwrap();
    assert_eq!(kept.status, 201);
    let mut instances = vec!["inst_dev".to_owned()];
    for n in 0..6 {
        let tenant = operator.tenant().await;
        for provider in world.test.tenant.vendor_keys.keys() {
            let secret = key(&format!("vendors-key-{n}-of-{provider}"));
            operator.put(&place(&tenant.instance, provider.as_str()), &secret).await.is(201);
        }
        instances.push(tenant.instance);
    }
    let all = instances.len() * world.test.tenant.vendor_keys.len();
    assert!(all > 50, "more than one batch");
    let same = operator.post(RESEAL, &json!({})).await.is(200).json();
    let done = json!({"resealed": 0, "remaining": 0, "failed": [], "failed_webhooks": [],
        "newest_version": 1});
    assert_eq!(same, done, "all of it is sealed with the newest");

    // A copy of the old form is about: after the rotation it must not serve any more.
    let body = json!({"prompt": "Hello", "model_id": "gpt-4o-mini"});
    world.test.fetch.answer(Answer::json(401, &json!({})));
    assert_eq!(world.text().post("/generate", &body).await.unwrap().status, 502);
    world.test.background.join_all().await;
    assert!(format!("{:?}", world.test.cache.entries()).contains("v1."));

    let world = world.with_master_key(2, Some(SECOND));
    let operator = world.operator();
    let (mut resealed, mut calls) = (0, 0);
    loop {
        let told = operator.post(RESEAL, &json!({})).await.is(200).json();
        assert_eq!((&told["newest_version"], &told["failed"]), (&json!(2), &json!([])));
        resealed += told["resealed"].as_u64().unwrap() as usize;
        calls += 1;
        // One kept answer is taken along.
        assert_eq!(told["remaining"], json!(all + 1 - resealed), "{told}");
        if told["remaining"] == 0 {
            break;
        }
        assert!(told["resealed"].as_u64().unwrap() > 0, "it goes on");
    }
    assert_eq!((resealed, calls), (all + 1, all.div_ceil(50)));

    // The old one goes, and everything still opens.
    let world = world.with_master_key(1, None);
    let operator = world.operator();
    for instance in &instances {
        world.test.fetch.answer(Answer::ok());
        let path = place(instance, "openai");
        assert_eq!(operator.get(&path).await.is(200).json()["key_version"], 2);
        let told = operator.post(&format!("{path}/test"), &json!({})).await.is(200).json();
        assert_eq!(told["ok"], true, "{told}");
    }
    world.test.fetch.answer(Answer::json(401, &json!({})));
    let answer = world.text().post("/generate", &body).await.unwrap();
    assert_eq!(answer.json()["error_code"], "PROVIDER_AUTH", "{}", answer.text());
    let once =
        operator.client.request(Method::POST, "/v1/projects").header("idempotency-key", "kept");
    let again = once.json(&project).send().await.unwrap();
    assert_eq!((again.status, again.json()), (201, kept.json()));
}

#[tokio::test]
async fn turns_that_rest_in_parts_are_sealed_anew_some_at_a_time() {
    const TURNS: usize = 3;
    let world = World::new().await;
    let row = world.sql("SELECT min(id) AS id FROM projects", &[]).await.remove(0);
    let project = ProjectId::parse(row["id"].as_str().unwrap()).unwrap();
    let turn = |number: usize| {
        let response = json!({"id": format!("resp_{number}"), "output": []});
        let response = response.as_object().unwrap().clone();
        Turn { input: vec![json!("x".repeat(5_000_000))], response }
    };
    for number in 0..TURNS {
        let kept = keep(&world.platform(), &project, None, &turn(number)).await;
        assert!(kept.unwrap());
    }
    let keys = world.test.tenant.vendor_keys.len();
    let world = world.with_master_key(2, Some(SECOND));
    let (mut resealed, mut calls) = (0, 0);
    loop {
        let told = world.operator().post(RESEAL, &json!({})).await.is(200).json();
        resealed += told["resealed"].as_u64().unwrap() as usize;
        calls += 1;
        if told["remaining"] == 0 {
            break;
        }
        assert!(told["resealed"].as_u64().unwrap() > 0, "it goes on");
    }
    // Six parts each, of which a call takes no more than an isolate can hold.
    assert_eq!(resealed, keys + 6 * TURNS);
    assert!(calls > 1, "{calls}");
    let world = world.with_master_key(1, None);
    for number in 0..TURNS {
        let found = find(&world.platform(), &project, &format!("resp_{number}")).await.unwrap();
        assert!(found == Some(turn(number)));
    }
}

#[tokio::test]
async fn a_key_that_does_not_open_is_told_and_left() {
    let world = World::new().await;
    world
        .sql(
            "UPDATE provider_keys SET sealed = ?1 WHERE provider_id = 'groq'",
            &["v1.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAA"],
        )
        .await;
    let world = world.with_master_key(2, Some(SECOND));
    let operator = world.operator();
    for _ in 0..2 {
        let told = operator.post(RESEAL, &json!({})).await.is(200).json();
        assert_eq!(told["remaining"], 1, "{told}");
        let failed = json!([{"instance_id": "inst_dev", "provider_id": "groq",
            "reason": "the sealed key does not open"}]);
        assert_eq!(told["failed"], failed);
    }
    let row = world
        .sql("SELECT sealed, key_version FROM provider_keys WHERE provider_id = ?1", &["groq"])
        .await;
    assert_eq!((&row[0]["key_version"], row[0]["sealed"].as_str().unwrap().len()), (&json!(1), 44));
    // Saved again, it is well.
    operator.put(&place("inst_dev", "groq"), &key("a-newer-vendors-key")).await.is(200);
    let told = operator.post(RESEAL, &json!({})).await.is(200).json();
    assert_eq!((&told["remaining"], &told["failed"]), (&json!(0), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_saved_meanwhile_are_not_overwritten() {
    let world = World::new().await;
    // A worker that was deployed before the second master key was there.
    let old = world.operator();
    let world = world.with_master_key(2, Some(SECOND));
    let operator = world.operator();
    let path = place("inst_dev", "openai");
    for round in 0..20 {
        let row = old.put(&path, &key("saved-before-that")).await.is(200).json();
        assert_eq!(row["key_version"], 1);
        let secret = format!("saved-meanwhile-{round}");
        let (body, nothing) = (key(&secret), json!({}));
        let put = operator.put(&path, &body);
        let (put, resealed) = tokio::join!(put, operator.post(RESEAL, &nothing));
        assert_eq!(put.is(200).json()["key_version"], 2);
        resealed.is(200);
        world.test.fetch.answer(Answer::ok());
        operator.post(&format!("{path}/test"), &json!({})).await.is(200);
        let sent = world.test.fetch.sent().pop().unwrap();
        assert_eq!(sent.header("authorization"), format!("Bearer {secret}"));
    }
}

#[tokio::test]
async fn only_who_operates_the_service_seals_anew() {
    let stack = Stack::ready().await;
    Control::of(stack.client()).post(RESEAL, &json!({})).await.fails(403, "FORBIDDEN");
    let control = Control::of(stack.admin());
    let told = control.post(RESEAL, &json!({})).await.is(200).json();
    assert_eq!((&told["remaining"], &told["failed"]), (&json!(0), &json!([])), "{told}");
    control.post(RESEAL, &json!({"limit": 1})).await.fails(400, "VALIDATION_ERROR");
    let request = control.client.request(Method::POST, RESEAL).header("idempotency-key", "x");
    assert_eq!(request.send().await.unwrap().status, 400);
}
