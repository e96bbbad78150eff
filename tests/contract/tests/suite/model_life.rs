//! The life of a model config: made, changed, brought back, retired, removed.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    life::{Life, fields, mapped, mapping, own, path, whole},
    wait::unique,
    wire::Wire,
};
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn c32_a_changed_mapping_serves_from_the_next_admission() {
    let life = Life::ready().await;
    let made = life.make(&mapped("one", json!({}))).await;
    let id = made["model_id"].as_str().unwrap();
    assert_eq!(life.says(id).await, "You said: one Hi");
    let changed = life.control.patch(&path(id), &json!({"payload_mapping": mapping("two")})).await;
    let changed = changed.is(200);
    assert_eq!(changed.json()["version"], 2);
    assert_eq!(changed.header("etag"), "\"2\"");
    assert_eq!(life.says(id).await, "You said: two Hi");
    let back = life.control.post(&format!("{}/rollback", path(id)), &json!({"version": 1})).await;
    let back = back.is(200).json();
    assert_eq!((&back["version"], &back["payload_mapping"]), (&json!(3), &mapping("one")));
    assert_eq!(life.says(id).await, "You said: one Hi");
    // The receipt names the version that served.
    let answer = life.stack.call(Wire::Native, id, "Hi").send().await.good();
    assert_eq!(life.stack.books.row(&answer.request_id).await["price_version"], 3);
}

#[tokio::test]
async fn f08_what_was_read_can_be_sent_back_and_changes_nothing() {
    let life = Life::ready().await;
    let every = json!({
        "description": "All there is.", "fallbacks": ["gpt-4o-mini"], "aliases": [unique("alias")],
        "rate_limits": {"rpm": 5, "tpm": 100_000, "concurrent_requests": 2},
        "timeouts": {"total_ms": 60_000}, "on_unsupported": "drop", "unknown_options": "drop",
        "routing": {
            "hedge_after_ms": 500, "split": [{"model_id": "gpt-4o-mini", "weight": 1}],
            "sticky": "key",
        },
        "status": "deprecated", "deprecated_at": "2026-11-01T00:00:00.000Z",
        "deprecation_date": "2027-06-01", "payload_mapping": mapping("kept"),
    });
    let made = life.make(&whole(every)).await;
    let place = path(made["model_id"].as_str().unwrap());
    let read = life.control.get(&place).await.is(200).json();
    assert_eq!(read, made);
    let back = life.control.patch(&place, &read).await.is(200).json();
    assert_eq!(back, read, "no field is lost, and nothing is a new version");
    let changed =
        life.control.patch(&place, &json!({"display_name": "Other"})).await.is(200).json();
    let mut expected = read.clone();
    for (name, value) in [
        ("display_name", json!("Other")),
        ("version", json!(2)),
        ("updated_at", changed["updated_at"].clone()),
    ] {
        expected[name] = value;
    }
    assert_eq!(changed, expected);
    // What is not named stays, null clears.
    let cleared = life
        .control
        .patch(&place, &json!({"description": null, "rate_limits": null, "status": null}))
        .await
        .is(200)
        .json();
    for name in ["description", "rate_limits", "deprecated_at"] {
        assert_eq!(cleared.get(name), None, "{name}");
    }
    assert_eq!((&cleared["status"], &cleared["display_name"]), (&json!("active"), &json!("Other")));
}

#[tokio::test]
async fn c31_a_change_is_checked_whole_and_all_that_is_wrong_is_told() {
    let life = Life::ready().await;
    let made = life.make(&whole(json!({}))).await;
    let place = path(made["model_id"].as_str().unwrap());
    let wrong = json!({
        "model_id": "another", "version": 7, "colour": "blue", "status": "asleep",
        "max_output_tokens": 10,
    });
    let refused = life.control.patch(&place, &wrong).await.fails(400, "VALIDATION_ERROR");
    let fields = fields(&refused);
    for field in ["/model_id", "/version", "/colour", "/status", "/default_max_output_tokens"] {
        assert!(fields.contains(&field.to_owned()), "{field} is missing in {fields:?}");
    }
    let refused = life.control.patch(&place, &json!({"provider_id": "nobody"})).await;
    assert_eq!(self::fields(&refused.fails(400, "VALIDATION_ERROR")), ["/provider_id"]);
    let refused = life.control.patch(&place, &json!({"protocol": "mapped"})).await;
    assert_eq!(self::fields(&refused.fails(400, "VALIDATION_ERROR")), ["/payload_mapping"]);
    assert_eq!(life.control.get(&place).await.is(200).json(), made);
    life.control.patch(&path("nobody"), &json!({})).await.fails(404, "MODEL_NOT_FOUND");
}

#[tokio::test]
async fn an_entity_tag_guards_a_change() {
    let life = Life::ready().await;
    let made = life.make(&whole(json!({}))).await;
    let place = path(made["model_id"].as_str().unwrap());
    let read = life.control.get(&place).await.is(200);
    assert_eq!(read.header("etag"), "\"1\"");
    let change = json!({"display_name": "First"});
    let first = life.with(Method::PATCH, &place, ("if-match", "\"1\""), &change).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let late = json!({"display_name": "Late"});
    let second = life.with(Method::PATCH, &place, ("if-match", "\"1\""), &late).await;
    assert_eq!(second.status, 412, "{}", second.text());
    let back = json!({"version": 1});
    let rollback = format!("{place}/rollback");
    let third = life.with(Method::POST, &rollback, ("if-match", "\"1\""), &back).await;
    assert_eq!(third.status, 412, "{}", third.text());
    let fourth = life.with(Method::DELETE, &place, ("if-match", "\"1\""), &Value::Null).await;
    assert_eq!(fourth.status, 412, "{}", fourth.text());
    let now = life.control.get(&place).await.is(200).json();
    assert_eq!((&now["display_name"], &now["version"]), (&json!("First"), &json!(2)));
}

#[tokio::test]
async fn a_model_is_made_once_for_an_idempotency_key() {
    let life = Life::ready().await;
    let (key, model) = (unique("once"), whole(json!({})));
    let header = ("idempotency-key", key.as_str());
    let first = life.with(Method::POST, "/v1/model-configs", header, &model).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let again = life.with(Method::POST, "/v1/model-configs", header, &model).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"));
    assert_eq!(again.json(), first.json());
    assert_eq!(again.header("etag"), "\"1\"");
    let file = json!({"models": [whole(json!({}))]});
    let header = ("idempotency-key", "import-1");
    let first = life.with(Method::POST, "/v1/model-configs/import", header, &file).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let again = life.with(Method::POST, "/v1/model-configs/import", header, &file).await;
    assert_eq!(again.json(), first.json());
    assert_eq!(again.json()["models"][0]["outcome"], "create");
}

#[tokio::test]
async fn every_version_is_listed_and_read() {
    let life = Life::ready().await;
    let made = life.make(&whole(json!({"display_name": "1"}))).await;
    let place = path(made["model_id"].as_str().unwrap());
    for name in ["2", "3"] {
        life.control.patch(&place, &json!({"display_name": name})).await.is(200);
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = life.control.get(&format!("{place}/versions?limit=2{cursor}")).await;
        let page = page.is(200).json();
        seen.extend(page["data"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let told: Vec<_> = seen
        .iter()
        .map(|seen| {
            (
                seen["version"].clone(),
                seen["is_current"].clone(),
                seen["config"]["display_name"].clone(),
            )
        })
        .collect();
    let row = |n: u64, is_current: bool| (json!(n), json!(is_current), json!(n.to_string()));
    assert_eq!(told, [row(3, true), row(2, false), row(1, false)]);
    assert_eq!(seen[0]["created_by"], "user_dev");
    assert!(seen[0]["created_at"].as_str().unwrap().ends_with('Z'));
    let second = life.control.get(&format!("{place}/versions/2")).await.is(200).json();
    assert_eq!(second, seen[1]);
    for unknown in ["4", "0", "x"] {
        life.control.get(&format!("{place}/versions/{unknown}")).await.fails(404, "NOT_FOUND");
    }
    let rollback = format!("{place}/rollback");
    life.control.post(&rollback, &json!({"version": 9})).await.fails(404, "NOT_FOUND");
    let refused = life.control.post(&rollback, &json!({"to": 1})).await;
    assert_eq!(fields(&refused.fails(400, "VALIDATION_ERROR")), ["/version", "/to"]);
    // What the service came with was saved by nobody.
    let seeded = life.control.get(&format!("{}/versions", path("tts-1"))).await.is(200).json();
    assert_eq!(seeded["data"][0]["created_by"], Value::Null);
}

#[tokio::test]
async fn what_no_longer_holds_is_not_rolled_back_to() {
    let life = Life::ready().await;
    let other = life.make(&whole(json!({}))).await["model_id"].as_str().unwrap().to_owned();
    let made = life.make(&whole(json!({"fallbacks": [other]}))).await;
    let place = path(made["model_id"].as_str().unwrap());
    life.control.patch(&place, &json!({"fallbacks": null})).await.is(200);
    life.control.delete(&path(&other)).await.is(204);
    let refused = life.control.post(&format!("{place}/rollback"), &json!({"version": 1})).await;
    assert_eq!(fields(&refused.fails(400, "VALIDATION_ERROR")), ["/fallbacks/0"]);
    assert_eq!(life.control.get(&place).await.is(200).json()["version"], 2);
}

#[tokio::test]
async fn what_is_needed_is_not_deleted_and_versions_stay() {
    let life = Life::ready().await;
    let alias = unique("needed");
    let needed = life.make(&whole(json!({"aliases": [alias]}))).await;
    let needed = needed["model_id"].as_str().unwrap();
    let user = life.make(&whole(json!({"fallbacks": [alias]}))).await;
    let user = user["model_id"].as_str().unwrap();
    let tenant = life.control.tenant().await;
    let instance = format!("/v1/instances/{}", tenant.instance);
    let defaults = json!({"default_models": {"text": needed}});
    life.control.patch(&instance, &defaults).await.is(200);
    let key = json!({"project_id": tenant.project, "scopes": ["text"], "allowed_models": [needed]});
    life.control.make("api-keys", key).await;

    let place = path(needed);
    let told = life.control.delete(&format!("{place}?dry_run=true")).await.is(200).json();
    assert_eq!((&told["would_delete"], &told["api_keys"]), (&json!(false), &json!(1)), "{told}");
    assert_eq!(told["fallback_of"], json!([{"id": user, "organization_id": null}]));
    assert_eq!(told["default_of"][0]["id"], tenant.instance.as_str());
    let refused = life.control.delete(&place).await.fails(409, "CONFLICT");
    assert_eq!(refused["details"]["named_by"]["fallback_of"][0]["id"], user);

    life.control.patch(&path(user), &json!({"fallbacks": []})).await.is(200);
    life.control.patch(&instance, &json!({"default_models": {}})).await.is(200);
    life.control.delete(&place).await.is(204);
    life.control.get(&place).await.fails(404, "MODEL_NOT_FOUND");
    life.stack.call(Wire::Native, needed, "Hi").send().await.fails(404, "MODEL_NOT_FOUND");
    let kept = life.control.get(&format!("{place}/versions")).await.is(200).json();
    assert_eq!(
        (&kept["data"][0]["version"], &kept["data"][0]["is_current"]),
        (&json!(1), &json!(false))
    );
    // Made anew, it goes on counting.
    let anew = life.make(&whole(json!({"model_id": needed}))).await;
    assert_eq!(anew["version"], 2);
}

#[tokio::test]
async fn names_that_are_taken_are_told_by_name() {
    let life = Life::ready().await;
    let alias = unique("alias");
    let first = life.make(&whole(json!({"aliases": [alias]}))).await;
    let first = first["model_id"].as_str().unwrap();
    let rows = [
        (json!({"model_id": first}), "/model_id"),
        (json!({"model_id": alias}), "/model_id"),
        (json!({"aliases": [unique("free"), alias]}), "/aliases/1"),
        (json!({"aliases": [first]}), "/aliases/0"),
    ];
    for (differs, field) in rows {
        let refused = life.control.post("/v1/model-configs", &whole(differs.clone())).await;
        let refused = refused.fails(409, "CONFLICT");
        assert_eq!(refused["details"]["field"], field, "{differs}: {refused}");
        let told = refused["error"].as_str().unwrap();
        assert!(told.contains(first), "{told}");
    }
    let second = life.make(&whole(json!({}))).await;
    let place = path(second["model_id"].as_str().unwrap());
    let refused = life.control.patch(&place, &json!({"aliases": [alias]})).await;
    assert_eq!(refused.fails(409, "CONFLICT")["details"]["field"], "/aliases/0");
    for word in ["import", "preview"] {
        let refused =
            life.control.post("/v1/model-configs", &whole(json!({"model_id": word}))).await;
        assert_eq!(fields(&refused.fails(400, "VALIDATION_ERROR")), ["/model_id"]);
    }
}

#[tokio::test]
async fn fallbacks_are_models_that_can_serve_instead() {
    let life = Life::ready().await;
    let refused = |differs: Value| {
        let life = &life;
        async move {
            let refused = life.control.post("/v1/model-configs", &whole(differs)).await;
            refused.fails(400, "VALIDATION_ERROR")
        }
    };
    let told = refused(json!({"fallbacks": ["nobody", "gpt-4o-mini", "dall-e-3"]})).await;
    assert_eq!(fields(&told), ["/fallbacks/0", "/fallbacks/2"]);
    assert!(told.to_string().contains("dall-e-3 makes image, not text"), "{told}");
    let alias = unique("self");
    let told = refused(json!({"aliases": [alias], "fallbacks": [alias]})).await;
    assert_eq!(fields(&told), ["/fallbacks/0"]);
    // Two may stand in for one another: fallbacks of fallbacks are not followed.
    let one = life.make(&whole(json!({}))).await["model_id"].clone();
    let two = life.make(&whole(json!({"fallbacks": [one]}))).await["model_id"].clone();
    life.control.patch(&path(one.as_str().unwrap()), &json!({"fallbacks": [two]})).await.is(200);
    let answer = life.stack.call(Wire::Native, one.as_str().unwrap(), "fail:503 Hi").send().await;
    answer.fails(502, "ALL_PROVIDERS_FAILED");
}

#[tokio::test]
async fn s01_a_mapping_cannot_be_saved_that_leads_elsewhere() {
    let life = Life::ready().await;
    let made = life.make(&mapped("x", json!({}))).await;
    let place = path(made["model_id"].as_str().unwrap());
    let endpoints = [
        "https://attacker.invalid/v1",
        "https://api.openai.com.attacker.invalid/v1",
        "https://api.openai.com@attacker.invalid/v1",
        "https://user:word@api.openai.com/v1",
        "https://{user_prompt}/v1",
        "https://{user_prompt}.openai.com/v1",
        "https://api.openai.com{user_prompt}/v1",
        "http://api.openai.com/v1",
        "http://127.0.0.1:1/v1",
        "http://[::1]/v1",
        "http://169.254.169.254/latest",
        "//attacker.invalid/v1",
        "\\\\attacker.invalid\\v1",
        "/../other",
        "/a/%2e%2e/b",
        "/a/./b",
        "/a%2Fb",
        "/a?key={user_prompt}",
        "/a#b",
        "/a\r\nhost: b",
        "file:///etc/passwd",
    ];
    for endpoint in endpoints {
        let mut mapping = mapping("x");
        mapping["endpoint"] = endpoint.into();
        let refused = life.control.patch(&place, &json!({"payload_mapping": mapping})).await;
        let refused = refused.fails(400, "VALIDATION_ERROR");
        assert_eq!(fields(&refused), ["/payload_mapping/endpoint"], "{endpoint}: {refused}");
        let preview = json!({"input": {"prompt": "Hi"}, "mapping": mapping});
        let seen = life.control.post(&format!("{place}/preview"), &preview).await.is(200).json();
        assert_eq!(seen["request"], Value::Null, "{endpoint}");
        assert_eq!(seen["issues"][0]["pointer"], "/mapping/endpoint", "{endpoint}: {seen}");
    }
    assert_eq!(life.control.get(&place).await.is(200).json(), made);
}

#[tokio::test]
async fn c32_each_status_does_what_it_says() {
    let life = Life::ready().await;
    let made = life.make(&whole(json!({"status": "beta"}))).await;
    let id = made["model_id"].as_str().unwrap();
    let place = path(id);
    let listed = |query: &'static str| {
        let client = life.stack.client();
        async move {
            let list = client.get(&format!("/v1/models{query}")).await.unwrap().json();
            let list = list["data"].as_array().unwrap().clone();
            list.into_iter().find(|model| model["id"] == id)
        }
    };
    assert_eq!(listed("").await.unwrap()["status"], "beta");
    let call = async || life.stack.call(Wire::Native, id, "Hi").send().await;
    assert_eq!(call().await.good().header("deprecation"), "");

    let retired = json!({"status": "deprecated", "deprecation_date": "2027-06-01"});
    let retired = life.control.patch(&place, &retired).await.is(200).json();
    let since = retired["deprecated_at"].as_str().unwrap();
    let since = de_core::time::UnixMillis::parse_rfc3339(since).unwrap().0 / 1_000;
    let answer = call().await.good();
    assert_eq!(answer.header("deprecation"), format!("@{since}"));
    assert_eq!(answer.header("sunset"), "Tue, 01 Jun 2027 00:00:00 GMT");
    assert_eq!(listed("").await, None);
    assert_eq!(listed("?include=deprecated").await.unwrap()["status"], "deprecated");
    let refused = life.stack.client().get("/v1/models?include=all").await.unwrap();
    assert_eq!(refused.status, 400, "{}", refused.text());
    // It is no new default, but goes on where it is one.
    let tenant = life.control.tenant().await;
    let instance = format!("/v1/instances/{}", tenant.instance);
    let default = json!({"default_models": {"text": id}});
    let refused = life.control.patch(&instance, &default).await.fails(400, "VALIDATION_ERROR");
    assert_eq!(fields(&refused), ["/default_models/text"]);
    // Another change does not move the day.
    let other = life.control.patch(&place, &json!({"description": "Old."})).await.is(200).json();
    assert_eq!(other["deprecated_at"], retired["deprecated_at"]);

    let active = life.control.patch(&place, &json!({"status": "active"})).await.is(200).json();
    assert_eq!(active.get("deprecated_at"), None);
    life.control.patch(&instance, &default).await.is(200);
    life.control.patch(&place, &json!({"status": "deprecated"})).await.is(200);
    life.control.patch(&instance, &json!({"name": "Same default"})).await.is(200);
    life.control.patch(&instance, &default).await.is(200);
    let rest = [("image", id), ("text", "nobody")];
    for (modality, model) in rest {
        let wrong = json!({"default_models": {modality: model}});
        let refused = life.control.patch(&instance, &wrong).await.fails(400, "VALIDATION_ERROR");
        assert_eq!(fields(&refused), [format!("/default_models/{modality}")]);
    }

    life.control.patch(&place, &json!({"status": "disabled"})).await.is(200);
    call().await.fails(404, "MODEL_NOT_FOUND");
    assert_eq!(listed("?include=deprecated").await, None);
}

#[tokio::test]
async fn a_private_model_comes_before_the_shared_one_and_ends_alone() {
    let life = Life::ready().await;
    let shared = life.make(&mapped("shared", json!({}))).await;
    let id = shared["model_id"].as_str().unwrap();
    assert_eq!(life.says(id).await, "You said: shared Hi");
    let private = mapped("private", json!({"model_id": id, "organization_id": "org_dev"}));
    let private = life.make(&private).await;
    let mine = format!("{}?organization_id=org_dev", path(id));
    assert_eq!(life.says(id).await, "You said: private Hi");
    let read = life.control.get(&mine).await.is(200);
    assert_eq!((read.header("etag"), read.json()), ("\"1-org_dev\"", private.clone()));
    assert_eq!(life.control.get(&path(id)).await.is(200).json(), shared);
    // The tenant's own key sees its own.
    let own = life.stack.client().get(&path(id)).await.unwrap().json();
    assert_eq!(own, private);
    life.control.patch(&mine, &json!({"payload_mapping": mapping("mine")})).await.is(200);
    assert_eq!(life.says(id).await, "You said: mine Hi");
    assert_eq!(life.control.get(&path(id)).await.is(200).json(), shared);
    let foreign = life.control.tenant().await;
    let theirs = format!("{}?{}", path(id), self::own(&foreign));
    life.control.get(&theirs).await.fails(404, "MODEL_NOT_FOUND");
    life.control.delete(&mine).await.is(204);
    assert_eq!(life.says(id).await, "You said: shared Hi");
    let nowhere = whole(json!({"organization_id": "org_nobody"}));
    let refused = life.control.post("/v1/model-configs", &nowhere).await;
    assert_eq!(fields(&refused.fails(400, "VALIDATION_ERROR")), ["/organization_id"]);
}

#[tokio::test]
async fn what_others_rely_on_is_not_taken_from_a_model() {
    let life = Life::ready().await;
    let tenant = life.control.tenant().await;
    let query = own(&tenant);
    let (alias, spare) = (unique("alias"), unique("spare"));
    let capabilities = json!({"text": true, "image": true});
    let mut model = whole(json!({"aliases": [alias, spare], "capabilities": capabilities}));
    model["organization_id"] = tenant.organization.as_str().into();
    let id = life.make(&model).await["model_id"].as_str().unwrap().to_owned();
    let place = format!("{}?{query}", path(&id));
    let mut leaning = whole(json!({"fallbacks": [alias]}));
    leaning["organization_id"] = tenant.organization.as_str().into();
    let leaning = life.make(&leaning).await["model_id"].clone();
    let instance = format!("/v1/instances/{}", tenant.instance);
    life.control.patch(&instance, &json!({"default_models": {"image": id}})).await.is(200);
    let namers = |refused: &Value, kind: &str| -> Vec<String> {
        let named = refused["details"]["named_by"][kind].as_array().unwrap().iter();
        named.map(|namer| namer["id"].as_str().unwrap().to_owned()).collect()
    };
    let aliasless = json!({"aliases": [spare]});
    let refused = life.control.patch(&place, &aliasless).await.fails(409, "CONFLICT");
    assert_eq!(namers(&refused, "fallback_of"), [leaning.as_str().unwrap()], "{refused}");
    assert!(namers(&refused, "default_of").is_empty(), "{refused}");
    let blind = json!({"capabilities": {"text": true}});
    let refused = life.control.patch(&place, &blind).await.fails(409, "CONFLICT");
    assert_eq!(namers(&refused, "default_of"), [tenant.instance.as_str()], "{refused}");
    assert!(namers(&refused, "fallback_of").is_empty(), "{refused}");
    let mute = json!({"capabilities": {"image": true}});
    let refused = life.control.patch(&place, &mute).await.fails(409, "CONFLICT");
    assert_eq!(namers(&refused, "fallback_of"), [leaning.as_str().unwrap()], "{refused}");
    // The same by a file, which may give the name to another one.
    let import = format!("/v1/model-configs/import?{query}");
    let mut changed = model.clone();
    changed.as_object_mut().unwrap().remove("organization_id");
    changed["aliases"] = json!([]);
    let refused = life.control.post(&import, &changed).await.fails(400, "VALIDATION_ERROR");
    assert_eq!(fields(&refused), ["/aliases"], "{refused}");
    let heir = whole(json!({"aliases": [alias]}));
    life.control.post(&import, &json!({"models": [changed, heir]})).await.is(201);
    // What nobody relies on goes, and so does what another one answers to.
    life.control.patch(&instance, &json!({"default_models": {}})).await.is(200);
    life.control.patch(&place, &blind).await.is(200);
    // Going back takes names as well.
    life.control.patch(&place, &json!({"aliases": [unique("late")]})).await.is(200);
    let late = life.control.get(&place).await.is(200).json();
    let defaults = json!({"default_models": {"text": late["aliases"][0]}});
    life.control.patch(&instance, &defaults).await.is(200);
    let back = format!("{}/rollback?{query}", path(&id));
    let version = late["version"].as_u64().unwrap() - 1;
    let refused = life.control.post(&back, &json!({"version": version})).await;
    refused.fails(409, "CONFLICT");
}
