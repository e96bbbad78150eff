//! Providers: where a vendor's key may go, as operators and tenants say it, and as calls go by it.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    control::Control,
    models::config,
    stack::Stack,
    wait::unique,
    wire::{Server, Wire},
    world::World,
};
use de_testkit::fetch::Answer;
use http::Method;
use serde_json::{Value, json};

/// A provider under a new name; `differs` replaces members.
fn provider(differs: &Value) -> Value {
    let mut form = json!({
        "id": unique("acme"), "display_name": "Acme", "base_url": "https://api.acme.example/v1",
        "auth": {"kind": "bearer"},
    });
    form.as_object_mut().unwrap().extend(differs.as_object().unwrap().clone());
    form
}

fn path(provider: &Value) -> String {
    format!("/v1/providers/{}", provider["id"].as_str().unwrap())
}

fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().filter_map(|row| row["id"].as_str()).collect()
}

#[tokio::test]
async fn a_provider_is_made_read_listed_changed_and_removed() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let form = provider(&json!({
        "allowed_hosts": ["eu.acme.example"],
        "auth": {"kind": "header", "name": "Authorization", "prefix": "Key "},
        "headers": {"X-Version": "2026-01-01"},
        "protocol_defaults": {"max_tokens_field": "max_tokens", "takes_user": false},
        "key_test": {"path": "/models?limit=1"},
    }));
    let made = control.post("/v1/providers", &form).await.is(201);
    let row = made.json();
    let path = path(&row);
    assert_eq!(made.header("location"), path);
    assert_eq!(row["organization_id"], Value::Null);
    assert_eq!(row["headers"], json!({"x-version": "2026-01-01"}));
    assert_eq!(row["key_test"], json!({"method": "GET", "path": "/models?limit=1"}));
    assert_eq!(row["auth"], form["auth"]);
    let read = control.get(&path).await.is(200);
    assert_eq!(read.json(), row);
    assert_eq!(read.header("etag"), made.header("etag"));
    // What is named changes, null clears, the rest stays.
    let patch =
        json!({"base_url": "https://eu.acme.example/v2/", "key_test": null, "headers": null});
    let changed = control.patch(&path, &patch).await.is(200).json();
    assert_eq!(changed["base_url"], "https://eu.acme.example/v2");
    assert_eq!((&changed["key_test"], &changed["headers"]), (&Value::Null, &json!({})));
    assert_eq!(changed["allowed_hosts"], row["allowed_hosts"]);
    // Someone who read it before is told.
    let late = control.client.request(Method::PATCH, &path).header("if-match", made.header("etag"));
    let late = late.json(&json!({"display_name": "Late"})).send().await.unwrap();
    assert_eq!(late.status, 412, "{}", late.text());
    control.post("/v1/providers", &form).await.fails(409, "CONFLICT");
    control.delete(&path).await.is(204);
    control.get(&path).await.fails(404, "NOT_FOUND");
    control.delete(&path).await.fails(404, "NOT_FOUND");
}

#[tokio::test]
async fn providers_are_listed_in_pages_by_id_and_by_owner() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let (mut seen, mut next) = (Vec::new(), "/v1/providers?limit=4".to_owned());
    loop {
        let page = control.get(&next).await.is(200).json();
        assert!(page["data"].as_array().unwrap().len() <= 4);
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        next = format!("/v1/providers?limit=4&cursor={cursor}");
    }
    assert!(seen.is_sorted(), "{seen:?}");
    assert!(seen.iter().any(|id| id == "openai") && seen.iter().any(|id| id == "shotstack"));
    let tenant = control.tenant().await;
    let organization = &tenant.organization;
    let own = json!({"id": "openai", "organization_id": organization});
    let made = control.post("/v1/providers", &provider(&own)).await.is(201);
    let place = format!("/v1/providers/openai?organization_id={organization}");
    assert_eq!(made.header("location"), place);
    // The own one stands in the place of the shared one of that id.
    let list = format!("/v1/providers?limit=200&organization_id={organization}");
    let page = control.get(&list).await.is(200).json();
    let found: Vec<&Value> =
        page["data"].as_array().unwrap().iter().filter(|row| row["id"] == "openai").collect();
    assert_eq!(found, [&made.json()]);
    assert!(ids(&page).contains(&"anthropic"));
    let page = control.get(&format!("{list}&owner=own")).await.is(200).json();
    assert_eq!(ids(&page), ["openai"]);
    let page = control.get(&format!("{list}&owner=shared")).await.is(200).json();
    assert!(!ids(&page).contains(&"openai") && ids(&page).contains(&"anthropic"));
    // Who operates the service works on the shared one unless they say otherwise.
    assert_eq!(
        control.get("/v1/providers/openai").await.is(200).json()["organization_id"],
        Value::Null
    );
    assert_eq!(control.get(&place).await.is(200).json(), made.json());
    let renamed = json!({"display_name": "Ours"});
    assert_eq!(control.patch(&place, &renamed).await.is(200).json()["display_name"], "Ours");
    assert_eq!(control.get("/v1/providers/openai").await.is(200).json()["display_name"], "OpenAI");
    control.delete(&place).await.is(204);
    control.get(&place).await.fails(404, "NOT_FOUND");
    let refused =
        control.get("/v1/providers?colour=blue&owner=me").await.fails(400, "VALIDATION_ERROR");
    let fields = refused["details"]["fields"].to_string();
    assert!(fields.contains("?colour") && fields.contains("?owner"), "{fields}");
    control.get("/v1/providers/No%20Such").await.fails(404, "NOT_FOUND");
    control.get("/v1/providers/org_dev%2Fopenai").await.fails(404, "NOT_FOUND");
}

#[tokio::test]
async fn s04_a_tenants_provider_is_its_own_and_the_shared_ones_are_the_operators() {
    let world = World::new().await;
    let operator = world.operator();
    let (home, away) = (operator.tenant().await, operator.tenant().await);
    let (ours, theirs) =
        (world.admin_of(&home.organization).await, world.admin_of(&away.organization).await);
    let id = unique("private");
    let form = provider(&json!({"id": id, "organization_id": null}));
    let made = ours.post("/v1/providers", &form).await.is(201);
    assert_eq!(made.json()["organization_id"], home.organization.as_str());
    let path = format!("/v1/providers/{id}");
    assert_eq!(made.header("location"), path);
    theirs.get(&path).await.fails(404, "NOT_FOUND");
    theirs.patch(&path, &json!({"display_name": "x"})).await.fails(404, "NOT_FOUND");
    theirs.delete(&path).await.fails(404, "NOT_FOUND");
    let foreign = format!("{path}?organization_id={}", home.organization);
    theirs.get(&foreign).await.fails(404, "NOT_FOUND");
    theirs.delete(&foreign).await.fails(404, "NOT_FOUND");
    let list = format!("/v1/providers?organization_id={}", home.organization);
    theirs.get(&list).await.fails(404, "NOT_FOUND");
    let page = theirs.get("/v1/providers?limit=200").await.is(200).json();
    assert!(!ids(&page).contains(&id.as_str()), "{page}");
    operator.get(&path).await.fails(404, "NOT_FOUND");
    operator.get(&foreign).await.is(200);
    // Both may use the name.
    let form = provider(&json!({"id": id}));
    theirs.post("/v1/providers", &form).await.is(201);
    let form = provider(&json!({"organization_id": home.organization}));
    theirs.post("/v1/providers", &form).await.fails(404, "NOT_FOUND");
    // The shared ones are for looking.
    ours.get("/v1/providers/openai").await.is(200);
    let elsewhere = json!({"base_url": "https://evil.example/v1"});
    ours.patch("/v1/providers/openai", &elsewhere).await.fails(403, "FORBIDDEN");
    ours.delete("/v1/providers/openai?cascade=true").await.fails(403, "FORBIDDEN");
    let member = world.control(&world.test.tenant.client_key);
    member.get("/v1/providers").await.fails(403, "FORBIDDEN");
}

#[tokio::test]
async fn s01_no_provider_is_saved_whose_key_would_go_astray() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let made = control.make("providers", provider(&json!({}))).await;
    let own =
        if stack.is_real { stack.front_base.clone() } else { "http://127.0.0.1:1".to_owned() };
    let rows = [
        ("base_url", json!("http://api.acme.example/v1")),
        ("base_url", json!("https://api.acme.example:8443/v1")),
        ("base_url", json!("https://user:pass@api.acme.example/v1")),
        ("base_url", json!("https://api.acme.example@evil.example/")),
        ("base_url", json!("https://api.acme.example/v1#x")),
        ("base_url", json!("https://api.acme.example/v1?x=y")),
        ("base_url", json!("https://api.acme.example/v1/../admin")),
        ("base_url", json!("https://api.acme.example./v1")),
        ("base_url", json!("https://API.acme.example/v1")),
        ("base_url", json!("https://аpi.acme.example/v1")),
        ("base_url", json!("https://api。acme。example/v1")),
        ("base_url", json!("https://localhost/v1")),
        ("base_url", json!("https://127.0.0.1/v1")),
        ("base_url", json!("https://127.1/v1")),
        ("base_url", json!("https://0x7f000001/v1")),
        ("base_url", json!("https://0177.0.0.1/v1")),
        ("base_url", json!("https://2130706433/v1")),
        ("base_url", json!("https://１２７.0.0.1/v1")),
        ("base_url", json!("https://[::1]/v1")),
        ("base_url", json!("https://[::ffff:169.254.169.254]/v1")),
        ("base_url", json!("http://169.254.169.254/latest")),
        ("base_url", json!("https://metadata.google.internal/v1")),
        ("base_url", json!("https://printer.local/v1")),
        ("base_url", json!("https://intranet/v1")),
        ("base_url", json!("ftp://api.acme.example/")),
        ("base_url", json!("//api.acme.example/")),
        ("base_url", json!(own)),
        ("allowed_hosts", json!(["https://eu.acme.example"])),
        ("allowed_hosts", json!(["*.acme.example"])),
        ("allowed_hosts", json!(["eu.acme.example:8443"])),
        ("allowed_hosts", json!(["eu.acme.example."])),
        ("allowed_hosts", json!(["10.0.0.1"])),
        ("allowed_hosts", json!(["0x0a.1"])),
        ("allowed_hosts", json!(["[::1]"])),
        ("allowed_hosts", json!(["127.0.0.1"])),
        ("allowed_hosts", json!(["localhost"])),
        ("allowed_hosts", json!(["x.internal"])),
        ("headers", json!({"authorization": "Bearer x"})),
        ("headers", json!({"host": "evil.example"})),
        ("headers", json!({"x-extra": "sk-proj-0123456789"})),
        ("auth", json!({"kind": "header", "name": "host"})),
        ("auth", json!({"kind": "header", "name": "a\r\nb"})),
        ("key_test", json!({"path": "//evil.example/"})),
        ("key_test", json!({"path": "/../../x"})),
        ("key_test", json!({"path": "https://evil.example/"})),
    ];
    for (field, value) in rows {
        for refused in [
            control.post("/v1/providers", &provider(&json!({field: value}))).await,
            control.patch(&path(&made), &json!({field: value})).await,
        ] {
            let refused = refused.fails(400, "VALIDATION_ERROR");
            let told = refused["details"]["fields"].as_array().unwrap().clone();
            let pointer = told[0]["field"].as_str().unwrap();
            assert!(
                told.len() == 1 && pointer.starts_with(&format!("/{field}")),
                "{value}: {told:?}"
            );
        }
    }
    assert_eq!(control.get(&path(&made)).await.is(200).json(), made);
}

#[tokio::test]
async fn c31_every_bad_field_of_a_provider_is_named_at_once() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let body = json!({"id": "No", "base_url": "x", "auth": {"kind": "magic"}, "allowed_hosts": "y",
        "protocol_defaults": {"temperature": 1}, "colour": "blue"});
    let refused = control.post("/v1/providers", &body).await.fails(400, "VALIDATION_ERROR");
    let told = refused["details"]["fields"].as_array().unwrap().clone();
    let told: Vec<&str> = told.iter().filter_map(|field| field["field"].as_str()).collect();
    let expected = [
        "/display_name",
        "/id",
        "/base_url",
        "/allowed_hosts",
        "/auth/kind",
        "/protocol_defaults/temperature",
        "/colour",
    ];
    assert_eq!(told, expected);
    let made = control.make("providers", provider(&json!({}))).await;
    let moved = json!({"id": "other", "organization_id": "org_dev"});
    let refused = control.patch(&path(&made), &moved).await.fails(400, "VALIDATION_ERROR");
    assert_eq!(refused["details"]["fields"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn s01_a_row_that_was_changed_behind_our_back_sends_no_key() {
    for base_url in [
        "http://169.254.169.254/latest",
        "http://api.openai.com/v1",
        "https://10.0.0.1/v1",
        "https://api.openai.com:8443/v1",
        "https://localhost/v1",
        "https://vault.internal/v1",
        "https://api.openai.com./v1",
        "https://user@api.openai.com/v1",
        "no address",
    ] {
        let world = World::new().await;
        world.sql("UPDATE providers SET base_url = ?1 WHERE id = 'openai'", &[base_url]).await;
        let body = json!({"prompt": "Hello", "model_id": "gpt-4o-mini"});
        let answer = world.text().post("/generate", &body).await.unwrap();
        assert_eq!(answer.status, 503, "{base_url}: {}", answer.text());
        assert_eq!(answer.json()["error_code"], "PROVIDER_UNAVAILABLE", "{base_url}");
        let test = "/v1/provider-keys/inst_dev/openai/test";
        world.operator().post(test, &json!({})).await.fails(409, "CONFLICT");
        assert!(world.test.fetch.sent().is_empty(), "{base_url}");
    }
}

#[tokio::test]
async fn s01_a_redirect_is_not_followed() {
    let world = World::new().await;
    let body = json!({"prompt": "Hello", "model_id": "gpt-4o-mini"});
    let elsewhere = Answer::status(302).header("location", "https://evil.example/v1");
    world.test.fetch.answer(elsewhere.clone());
    let answer = world.text().post("/generate", &body).await.unwrap();
    assert_eq!(answer.status, 502, "{}", answer.text());
    world.test.fetch.answer(elsewhere);
    let test = "/v1/provider-keys/inst_dev/openai/test";
    let told = world.operator().post(test, &json!({})).await.is(200).json();
    assert_eq!((&told["ok"], &told["status"]), (&json!(false), &json!(302)), "{told}");
    let sent = world.test.fetch.sent();
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|sent| sent.url.host_str() == Some("api.openai.com")));
}

/// Checks that a call and a test go with the key to this host, or go nowhere.
async fn check_key_goes_to(world: &World, host: Option<&str>) {
    let key = "/v1/provider-keys/inst_dev/openai";
    let (operator, before) = (world.operator(), world.test.fetch.sent().len());
    if host.is_some() {
        let no = json!({"error": {"message": "No."}});
        world.test.fetch.answer(Answer::json(401, &no));
        world.test.fetch.answer(Answer::json(401, &no));
    }
    let body = json!({"prompt": "Hello", "model_id": "gpt-4o-mini"});
    let answer = world.text().post("/generate", &body).await.unwrap();
    let test = operator.post(&format!("{key}/test"), &json!({})).await;
    let sent = world.test.fetch.sent().split_off(before);
    let hosts: Vec<&str> = sent.iter().filter_map(|sent| sent.url.host_str()).collect();
    if let Some(host) = host {
        assert_eq!(hosts, [host, host], "{}", answer.text());
        assert!(sent.iter().all(|sent| sent.header("authorization").starts_with("Bearer ")));
        assert_eq!(test.is(200).json()["ok"], false);
    } else {
        assert!(hosts.is_empty(), "{hosts:?}");
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(answer.json()["error_code"], "MISSING_API_KEY");
        assert!(answer.text().contains("saved for another address"), "{}", answer.text());
        test.fails(409, "CONFLICT");
    }
    let usable = json!(host.is_some());
    assert_eq!(operator.get(key).await.is(200).json()["usable"], usable);
    let list = "/v1/provider-keys?instance_id=inst_dev&provider_id=openai";
    assert_eq!(operator.get(list).await.is(200).json()["data"][0]["usable"], usable);
    let offered = world.text().get("/v1/models").await.unwrap().json();
    let offered = ids(&offered).contains(&"gpt-4o-mini");
    assert_eq!(offered, host.is_some());
}

#[tokio::test]
async fn s01_a_stored_key_goes_to_no_host_that_it_was_not_saved_for() {
    let world = World::new().await;
    let (operator, ours) = (world.operator(), world.admin_of("org_dev").await);
    let (key, shared) = ("/v1/provider-keys/inst_dev/openai", "/v1/providers/openai");
    let secret = json!({"secret": "a-vendors-key-0002"});
    check_key_goes_to(&world, Some("api.openai.com")).await;
    operator.patch(shared, &json!({"base_url": "https://proxy.example/v1"})).await.is(200);
    check_key_goes_to(&world, None).await;
    // Another path at the same place is no other place.
    operator.patch(shared, &json!({"base_url": "https://api.openai.com/v2"})).await.is(200);
    check_key_goes_to(&world, Some("api.openai.com")).await;
    operator.patch(shared, &json!({"allowed_hosts": ["proxy.example"]})).await.is(200);
    check_key_goes_to(&world, None).await;
    // Who saves it again sees where it goes.
    assert_eq!(ours.put(key, &secret).await.is(200).json()["usable"], true);
    check_key_goes_to(&world, Some("api.openai.com")).await;
    // Fewer hosts are no other ones.
    operator.patch(shared, &json!({"allowed_hosts": []})).await.is(200);
    check_key_goes_to(&world, Some("api.openai.com")).await;
    // A provider in the place of the shared one, and the shared one in its place again.
    let own = json!({"id": "openai", "base_url": "https://own.example/v1",
        "key_test": {"path": "/models"}});
    let own = provider(&own);
    ours.post("/v1/providers", &own).await.is(201);
    check_key_goes_to(&world, None).await;
    ours.put(key, &secret).await.is(200);
    check_key_goes_to(&world, Some("own.example")).await;
    ours.delete(shared).await.is(204);
    check_key_goes_to(&world, None).await;
    ours.put(key, &secret).await.is(200);
    check_key_goes_to(&world, Some("api.openai.com")).await;
    // A key from before hosts were kept is bound to none.
    world.sql("UPDATE provider_keys SET hosts = NULL WHERE provider_id = 'openai'", &[]).await;
    assert_eq!(operator.get(key).await.is(200).json()["usable"], false);
}

#[tokio::test]
async fn a_changed_provider_is_seen_by_the_next_call() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let form = json!({"base_url": stack.vendors.base_url("openai/v1")});
    let made = control.make("providers", provider(&form)).await;
    let id = made["id"].as_str().unwrap();
    let key = json!({"secret": stack.vendor_keys["openai"]});
    control.put(&format!("/v1/provider-keys/inst_dev/{id}"), &key).await.is(201);
    let model = stack.model(Server::OpenAi, json!({"provider_id": id})).await;
    let word = unique("before");
    stack.call(Wire::Native, &model, &word).send().await.good();
    assert_eq!(stack.vendors.only(&word).await["vendor"], "openai");
    // It has another path now, so the key goes along, but there nobody knows it.
    let moved = json!({"base_url": stack.vendors.base_url("groq/v1")});
    control.patch(&path(&made), &moved).await.is(200);
    let word = unique("moved");
    stack.call(Wire::Native, &model, &word).send().await.fails(502, "PROVIDER_AUTH");
    assert_eq!(stack.vendors.only(&word).await["vendor"], "groq");
    // It wants its key elsewhere.
    let back = json!({"base_url": stack.vendors.base_url("openai/v1"),
        "auth": {"kind": "header", "name": "X-Custom", "prefix": "Key "}});
    control.patch(&path(&made), &back).await.is(200);
    let word = unique("asked");
    stack.call(Wire::Native, &model, &word).send().await.fails(502, "PROVIDER_AUTH");
    let headers = &stack.vendors.only(&word).await["headers"];
    assert!(headers.get("x-custom").is_some(), "{headers}");
    assert!(headers.get("authorization").is_none(), "{headers}");
    control.patch(&path(&made), &json!({"auth": {"kind": "bearer"}})).await.is(200);
    stack.call(Wire::Native, &model, "Hello").send().await.good();
}

#[tokio::test]
async fn a_provider_is_not_removed_from_below_its_models() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let made = control.make("providers", provider(&json!({}))).await;
    let (id, path) = (made["id"].as_str().unwrap(), path(&made));
    let model = Value::Object(config(Server::OpenAi, &json!({"provider_id": id})));
    let model = control.post("/v1/model-configs", &model).await.is(201).json();
    // A private model hangs on the shared provider as well, and so does a key.
    let tenant = control.tenant().await;
    let private = json!({"provider_id": id, "organization_id": tenant.organization});
    let private = Value::Object(config(Server::OpenAi, &private));
    let private = control.post("/v1/model-configs", &private).await.is(201).json();
    let key = format!("/v1/provider-keys/{}/{id}", tenant.instance);
    control.put(&key, &json!({"secret": "a-vendors-key-0001"})).await.is(201);
    let refused = control.delete(&path).await.fails(409, "CONFLICT");
    let below = json!({"model_configs": 2, "provider_keys": 1});
    assert_eq!(refused["details"]["below"], below);
    let told = control.delete(&format!("{path}?dry_run=true")).await.is(200).json();
    assert_eq!(told, json!({"id": id, "would_delete": below}));
    control.get(&path).await.is(200);
    control.delete(&format!("{path}?cascade=true")).await.is(204);
    control.get(&path).await.fails(404, "NOT_FOUND");
    control.get(&key).await.fails(404, "NOT_FOUND");
    let model = model["model_id"].as_str().unwrap();
    stack.call(Wire::Native, model, "Hello").send().await.fails(404, "MODEL_NOT_FOUND");
    // Each who lost something sees what, and nothing of what others lost.
    let person = control.person(&tenant.organization, "admin").await;
    let list = format!("/v1/audit-events?target_id={id}");
    let events = person.control.get(&list).await.is(200).json();
    let [event] = events["data"].as_array().unwrap().as_slice() else { panic!("{events}") };
    assert_eq!(event["action"], "provider.cascade");
    let lost = json!({"model_configs": [private["model_id"]],
        "provider_keys": [format!("{}/{id}", tenant.instance)]});
    assert_eq!(event["before"], lost);
    let events = control.get(&list).await.is(200).json();
    let events = events["data"].as_array().unwrap();
    let shared = |event: &&Value| {
        event["action"] == "provider.cascade" && event["organization_id"].is_null()
    };
    let shared = events.iter().find(shared).unwrap();
    assert_eq!(shared["before"], json!({"model_configs": [model], "provider_keys": []}));
}

#[tokio::test]
async fn a_provider_takes_no_model_along_that_something_names() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let made = control.make("providers", provider(&json!({}))).await;
    let (id, path) = (made["id"].as_str().unwrap(), path(&made));
    let second = stack.model(Server::OpenAi, json!({"provider_id": id})).await;
    // What goes along itself keeps nothing.
    let alias = unique("alias");
    let first = json!({"provider_id": id, "aliases": [alias], "fallbacks": [second]});
    let first = stack.model(Server::OpenAi, first).await;
    let tenant = control.tenant().await;
    let private = json!({"organization_id": tenant.organization, "fallbacks": [alias]});
    let private = Value::Object(config(Server::OpenAi, &private));
    let private = control.post("/v1/model-configs", &private).await.is(201).json();
    let instance = format!("/v1/instances/{}", tenant.instance);
    control.patch(&instance, &json!({"default_models": {"text": first}})).await.is(200);
    let named_by = json!({
        "fallback_of": [{"id": private["model_id"], "organization_id": tenant.organization}],
        "split_of": [],
        "default_of": [{"id": tenant.instance, "organization_id": tenant.organization}],
    });
    for query in ["cascade=true", "dry_run=true"] {
        let refused = control.delete(&format!("{path}?{query}")).await.fails(409, "CONFLICT");
        assert_eq!(refused["details"]["named_by"], named_by, "{query}");
        let below = json!({"model_configs": 2, "provider_keys": 0});
        assert_eq!(refused["details"]["below"], below, "{query}");
    }
    control.get(&format!("/v1/model-configs/{first}")).await.is(200);
    control.patch(&instance, &json!({"default_models": {}})).await.is(200);
    let private = format!(
        "/v1/model-configs/{}?organization_id={}",
        private["model_id"].as_str().unwrap(),
        tenant.organization
    );
    control.delete(&private).await.is(204);
    control.delete(&format!("{path}?cascade=true")).await.is(204);
}

#[tokio::test]
async fn s19_every_change_of_a_provider_is_on_record() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let made = control.make("providers", provider(&json!({}))).await;
    control.patch(&path(&made), &json!({"display_name": "Renamed"})).await.is(200);
    control.delete(&path(&made)).await.is(204);
    let list = format!("/v1/audit-events?target_id={}", made["id"].as_str().unwrap());
    let events = control.get(&list).await.is(200).json();
    let events = events["data"].as_array().unwrap();
    let actions: Vec<&str> = events.iter().filter_map(|event| event["action"].as_str()).collect();
    assert_eq!(actions, ["provider.delete", "provider.update", "provider.create"]);
    assert_eq!(events[1]["before"]["display_name"], "Acme");
    assert_eq!(events[1]["after"]["display_name"], "Renamed");
}
