//! The life of a model config: seen before it is saved, tried, changed, brought back, moved, retired, removed.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    control::{Control, Tenant},
    models::config,
    stack::Stack,
    wait::unique,
    wire::{Server, Wire},
};
use de_testkit::client::TestResponse;
use http::Method;
use serde_json::{Value, json};

/// The whole config of a model like those of the suite.
fn whole(differs: Value) -> Value {
    Value::Object(config(Server::OpenAi, &differs))
}

fn path(id: &str) -> String {
    format!("/v1/model-configs/{}", id.replace('/', "%2F"))
}

/// A mapping that says where its words came from.
fn mapping(before: &str) -> Value {
    json!({
        "endpoint": "/chat/completions",
        "body": {
            "model": "{model}",
            "messages": [{"role": "user", "content": format!("{before} {{user_prompt}}")}],
            "max_completion_tokens": "{max_tokens}",
        },
        "response_mapping": {
            "text": "$.choices[0].message.content",
            "input_tokens": "$.usage.prompt_tokens",
            "output_tokens": "$.usage.completion_tokens",
        },
    })
}

fn mapped(before: &str, differs: Value) -> Value {
    let mut config = whole(json!({"protocol": "mapped", "payload_mapping": mapping(before)}));
    let members = config.as_object_mut().unwrap();
    members.extend(differs.as_object().cloned().unwrap());
    config
}

fn fields(refused: &Value) -> Vec<String> {
    let fields = refused["details"]["fields"].as_array().unwrap().iter();
    fields.map(|field| field["field"].as_str().unwrap().to_owned()).collect()
}

struct Life {
    control: Control,
    stack: Stack,
}

impl Life {
    async fn ready() -> Self {
        let stack = Stack::ready().await;
        Self { control: Control::of(stack.admin()), stack }
    }

    async fn make(&self, config: &Value) -> Value {
        self.control.post("/v1/model-configs", config).await.is(201).json()
    }

    /// Asks with one more header.
    async fn with(
        &self,
        method: Method,
        path: &str,
        header: (&str, &str),
        body: &Value,
    ) -> TestResponse {
        let request = self.control.client.request(method, path).header(header.0, header.1);
        request.json(body).send().await.unwrap()
    }

    async fn says(&self, model: &str) -> String {
        let call = self.stack.call(Wire::Native, model, "Hi").option("max_tokens", 50);
        call.send().await.good().text()
    }

    /// Tests a model, and says what came of it; `asked` is the request's id.
    async fn test(&self, id: &str, input: Value) -> Value {
        let body = json!({"instance_id": "inst_dev", "input": input});
        let asked = unique("test");
        let place = format!("{}/test", path(id));
        let answer = self.with(Method::POST, &place, ("x-request-id", &asked), &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let mut told = answer.json();
        told["asked"] = asked.into();
        told
    }

    /// The row that a test has left in the books.
    async fn booked(&self, told: &Value) -> Value {
        let row = self.stack.books.row(told["asked"].as_str().unwrap()).await;
        assert_eq!(row["receipt_id"], told["receipt_id"]);
        row
    }
}

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
async fn s01_s09_a_value_stays_one_segment_of_the_path() {
    let life = Life::ready().await;
    let mut mapping = mapping("x");
    mapping["endpoint"] = "/voices/{voice}/speak".into();
    mapping["variables"] = json!({"voice": {"type": "string"}});
    let made = life.make(&mapped("x", json!({"payload_mapping": mapping}))).await;
    let place = format!("{}/preview", path(made["model_id"].as_str().unwrap()));
    for (voice, expected) in [
        ("a/../b", Some("/voices/a%2F..%2Fb/speak")),
        ("a?b#c", Some("/voices/a%3Fb%23c/speak")),
        ("@attacker.invalid", Some("/voices/%40attacker.invalid/speak")),
        ("a\\b", Some("/voices/a%5Cb/speak")),
        ("..", None),
        (".", None),
    ] {
        let body = json!({"input": {"user_prompt": "Hi", "voice": voice}});
        let seen = life.control.post(&place, &body).await.is(200).json();
        match expected {
            Some(expected) => {
                let url = seen["request"]["url"].as_str().unwrap();
                assert!(url.ends_with(expected), "{voice}: {url}");
            }
            None => assert_eq!(seen["request"], Value::Null, "{voice}: {seen}"),
        }
    }
}

#[tokio::test]
async fn a_preview_is_what_would_be_sent_and_sends_nothing() {
    let life = Life::ready().await;
    for (model, word) in [("gpt-4o-mini", unique("seen")), ("claude-haiku-4-5", unique("seen"))] {
        let input = json!({
            "messages": [{"role": "user", "content": "One?"}, {"role": "assistant", "content": "Two."},
                         {"role": "user", "content": word}],
            "system": "Be brief.", "options": {"max_tokens": 50, "temperature": 0, "stop": ["END"]},
        });
        let body = json!({"input": input});
        let seen =
            life.control.post(&format!("{}/preview", path(model)), &body).await.is(200).json();
        assert_eq!(seen["issues"], json!([]), "{seen}");
        assert!(life.stack.vendors.received(&word).await.is_empty());
        let shown = &seen["request"];
        assert_eq!(shown["method"], "POST");
        let mut call = input.as_object().cloned().unwrap();
        call.insert("model_id".to_owned(), model.into());
        let client = life.stack.text.clone().with_key(&life.stack.keys.client).unwrap();
        let answer = client.post("/generate", &Value::Object(call)).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let sent = life.stack.vendors.only(&word).await;
        assert_eq!(shown["body"], sent["body"], "{model}");
        assert!(shown["url"].as_str().unwrap().ends_with(sent["path"].as_str().unwrap()));
        let headers = shown["headers"].as_object().unwrap();
        for (name, value) in headers {
            let secret = value.as_str().unwrap().contains("***");
            assert!(secret || sent["headers"][name] == *value, "{name}: {value} and {sent}");
        }
        let key = if model == "gpt-4o-mini" {
            ("authorization", "Bearer ***")
        } else {
            ("x-api-key", "***")
        };
        assert_eq!(headers[key.0], key.1);
        assert!(!seen.to_string().contains("-key-0001"), "{seen}");
    }
}

#[tokio::test]
async fn a_preview_tells_everything_that_is_wrong() {
    let life = Life::ready().await;
    let preview = |path: String, body: Value| {
        let life = &life;
        async move { life.control.post(&path, &body).await.is(200).json() }
    };
    let pointers = |seen: &Value| -> Vec<String> {
        let issues = seen["issues"].as_array().unwrap().iter();
        issues.map(|issue| issue["pointer"].as_str().unwrap().to_owned()).collect()
    };
    let place = format!("{}/preview", path("gpt-4o-mini"));
    let wrong = json!({"input": {"prompt": "", "options": {"temperature": 9}, "colour": 1}});
    let seen = preview(place.clone(), wrong).await;
    assert_eq!(seen["request"], Value::Null);
    assert_eq!(pointers(&seen), ["/input/colour", "/input/prompt", "/input/options/temperature"]);

    // A mapping that is not saved yet, by its variables.
    let other = json!({"input": {"user_prompt": "Hi", "max_tokens": 7}, "mapping": mapping("new")});
    let seen = preview(place.clone(), other).await;
    assert_eq!(seen["issues"], json!([]), "{seen}");
    assert_eq!(seen["request"]["body"]["messages"][0]["content"], "new Hi");
    assert_eq!(seen["request"]["body"]["max_completion_tokens"], 7);
    assert_eq!(seen["variables"]["user_prompt"], "Hi");
    let broken =
        json!({"input": {"user_prompt": "Hi"}, "mapping": {"endpoint": "/x", "body": "{nope|up}"}});
    let seen = preview(place, broken).await;
    assert!(pointers(&seen).contains(&"/mapping/body".to_owned()), "{seen}");

    // A whole model that is not saved yet.
    let unsaved = "/v1/model-configs/preview".to_owned();
    let input = json!({"prompt": "Hi"});
    let new = json!({"config": whole(json!({"upstream_model": "gpt-9"})), "input": input});
    let seen = preview(unsaved.clone(), new).await;
    assert_eq!(seen["request"]["body"]["model"], "gpt-9", "{seen}");
    let wrong = json!({"config": {"model_id": "x", "provider_id": "nobody"}, "input": input});
    let seen = preview(unsaved.clone(), wrong).await;
    assert!(pointers(&seen).contains(&"/config/display_name".to_owned()), "{seen}");
    let nobody = json!({"config": whole(json!({"provider_id": "nobody"})), "input": input});
    assert_eq!(pointers(&preview(unsaved.clone(), nobody).await), ["/config/provider_id"]);
    let refused = life.control.post(&unsaved, &json!({"input": 1})).await;
    assert_eq!(fields(&refused.fails(400, "VALIDATION_ERROR")), ["/config", "/input"]);
}

#[tokio::test]
async fn a_test_really_calls_and_is_booked() {
    let life = Life::ready().await;
    for model in ["gpt-4o-mini", "claude-haiku-4-5"] {
        let word = unique("tested");
        let input = json!({"prompt": word, "options": {"max_tokens": 50}});
        let told = life.test(model, input).await;
        assert_eq!(told["ok"], true, "{told}");
        assert_eq!(told["output"]["text"], format!("You said: {word}"));
        assert_eq!((&told["reply"]["status"], &told["error"]), (&json!(200), &Value::Null));
        assert!(told["reply"]["body"]["usage"].is_object(), "{told}");
        let sent = life.stack.vendors.only(&word).await;
        assert_eq!(told["request"]["body"], sent["body"]);
        assert!(told["cost_micros"].as_i64().unwrap() > 0, "{told}");
        assert!(told["duration_ms"].is_i64());
        assert!(!told.to_string().contains("key-0001"), "{told}");
        let row = life.booked(&told).await;
        assert_eq!(row["operation"], "POST /v1/model-configs/{id}/test");
        assert_eq!((&row["status"], &row["cost_micros"]), (&json!("ok"), &told["cost_micros"]));
        assert_eq!(
            (&row["user_id"], &row["instance_id"]),
            (&json!("user_dev"), &json!("inst_dev"))
        );
    }
}

#[tokio::test]
async fn a_vendors_failure_is_the_outcome_of_a_test() {
    let life = Life::ready().await;
    let rows = [
        ("fail:401", 401, "PROVIDER_AUTH"),
        ("fail:429:1", 429, "PROVIDER_RATE_LIMIT"),
        ("garbage", 200, "PROVIDER_MALFORMED"),
        ("refuse", 200, ""),
    ];
    for (fault, status, code) in rows {
        let made = life.make(&whole(json!({}))).await;
        let told = life.test(made["model_id"].as_str().unwrap(), json!({"prompt": fault})).await;
        assert_eq!(told["reply"]["status"], status, "{fault}: {told}");
        if code.is_empty() {
            continue;
        }
        assert_eq!(
            (&told["ok"], &told["output"]),
            (&json!(false), &Value::Null),
            "{fault}: {told}"
        );
        assert_eq!(told["error"]["error_code"], code, "{fault}: {told}");
        assert!(!told["reply"]["body"].is_null(), "{fault}: {told}");
        let row = life.booked(&told).await;
        assert_eq!((&row["status"], &row["error_code"]), (&json!("failed"), &json!(code)));
    }
}

#[tokio::test]
async fn a_test_keeps_to_limits_and_says_what_is_wrong_with_its_input() {
    let life = Life::ready().await;
    let made = life.make(&whole(json!({"rate_limits": {"rpm": 1}}))).await;
    let id = made["model_id"].as_str().unwrap();
    let place = format!("{}/test", path(id));
    let body = |input: Value| json!({"instance_id": "inst_dev", "input": input});
    let wrong = body(json!({"prompt": "Hi", "options": {"top_p": 7}}));
    let refused = life.control.post(&place, &wrong).await.fails(400, "VALIDATION_ERROR");
    assert_eq!(fields(&refused), ["/input/options/top_p"]);
    let streamed = body(json!({"prompt": "Hi", "stream": true}));
    let refused = life.control.post(&place, &streamed).await.fails(400, "VALIDATION_ERROR");
    assert_eq!(fields(&refused), ["/input/stream"]);
    assert_eq!(life.test(id, json!({"prompt": "Hi"})).await["ok"], true);
    let refused = life.control.post(&place, &body(json!({"prompt": "Hi"}))).await;
    refused.fails(429, "RATE_LIMIT_EXCEEDED");
    // A model that nobody may call yet can be tried.
    life.control
        .patch(&path(id), &json!({"status": "disabled", "rate_limits": null}))
        .await
        .is(200);
    life.stack.call(Wire::Native, id, "Hi").send().await.fails(404, "MODEL_NOT_FOUND");
    assert_eq!(life.test(id, json!({"prompt": "Hi"})).await["ok"], true);
    let elsewhere = json!({"instance_id": "inst_nobody", "input": {"prompt": "Hi"}});
    life.control.post(&place, &elsewhere).await.fails(404, "NOT_FOUND");
    // An instance without a key of the vendor.
    let tenant = life.control.tenant().await;
    let keyless = json!({"instance_id": tenant.instance, "input": {"prompt": "Hi"}});
    let told = life.control.post(&place, &keyless).await.is(200).json();
    assert_eq!(told["error"]["error_code"], "MISSING_API_KEY", "{told}");
}

#[tokio::test]
async fn mapped_models_of_every_modality_are_tested() {
    let life = Life::ready().await;
    let speech = life.test("eleven_multilingual_v2", json!({"user_text": "Hello"})).await;
    assert_eq!(speech["ok"], true, "{speech}");
    assert_eq!(speech["reply"]["content_type"], "audio/mpeg");
    assert!(speech["reply"]["size_bytes"].as_u64().unwrap() > 0, "{speech}");
    assert!(speech["cost_micros"].as_i64().unwrap() > 0, "{speech}");
    let made = life.make(&mapped("tested", json!({}))).await;
    let told = life.test(made["model_id"].as_str().unwrap(), json!({"prompt": "Hi"})).await;
    assert_eq!(told["output"]["text"], "You said: tested Hi", "{told}");
    assert!(told["cost_micros"].as_i64().unwrap() > 0, "{told}");
}

async fn exported(control: &Control, path: &str) -> Value {
    let file = control.get(path).await.is(200);
    assert!(file.header("content-disposition").starts_with("attachment; filename=\""));
    file.json()
}

fn own(tenant: &Tenant) -> String {
    format!("organization_id={}", tenant.organization)
}

#[tokio::test]
async fn f08_what_is_exported_is_imported_as_it_was() {
    let life = Life::ready().await;
    let tenant = life.control.tenant().await;
    let (mut files, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = life.control.get(&format!("/v1/model-configs?limit=100{cursor}")).await;
        let page = page.is(200).json();
        for model in page["data"].as_array().unwrap() {
            let id = model["model_id"].as_str().unwrap();
            // Those of the seeds: others come and go while this runs.
            if model["display_name"] != "A model of the contract suite"
                && !id.starts_with("contract")
            {
                files.push(exported(&life.control, &format!("{}/export", path(id))).await);
            }
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert!(files.len() > 40, "{}", files.len());
    for file in &files {
        for name in ["version", "organization_id", "created_at", "updated_at"] {
            assert_eq!(file.get(name), None, "{file}");
        }
    }
    let import = format!("/v1/model-configs/import?{}", own(&tenant));
    let bundle = json!({"models": files});
    let told = life.control.post(&format!("{import}&dry_run=true"), &bundle).await.is(200).json();
    assert_eq!(told["dry_run"], true);
    let outcomes = |told: &Value, outcome: &str| {
        told["models"].as_array().unwrap().iter().all(|model| model["outcome"] == outcome)
    };
    assert!(outcomes(&told, "create"), "{told}");
    let done = life.control.post(&import, &bundle).await.is(201).json();
    assert!(outcomes(&done, "create"), "{done}");
    for file in &files {
        let id = file["model_id"].as_str().unwrap();
        let again = format!("{}/export?{}", path(id), own(&tenant));
        assert_eq!(exported(&life.control, &again).await, *file);
    }
    let again = life.control.post(&import, &bundle).await.is(200).json();
    assert!(outcomes(&again, "unchanged"), "{again}");
}

#[tokio::test]
async fn an_import_is_all_or_nothing() {
    let life = Life::ready().await;
    let tenant = life.control.tenant().await;
    let import = format!("/v1/model-configs/import?{}", own(&tenant));
    let (first, second) = (whole(json!({})), whole(json!({})));
    let id = first["model_id"].as_str().unwrap();
    let place = format!("{}?{}", path(id), own(&tenant));
    let mut wrong = second.clone();
    wrong["fallbacks"] = json!(["nobody"]);
    let file = json!({"models": [first, wrong, first, {"model_id": "x"}]});
    let told = life.control.post(&format!("{import}&dry_run=true"), &file).await.is(200).json();
    let outcomes: Vec<&str> = told["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["create", "refused", "refused", "refused"]);
    assert_eq!(told["models"][1]["issues"][0]["field"], "/models/1/fallbacks/0");
    let refused = life.control.post(&import, &file).await.fails(400, "VALIDATION_ERROR");
    assert_eq!(refused["details"]["models"][0]["outcome"], "create", "{refused}");
    assert!(fields(&refused).contains(&"/models/3/display_name".to_owned()), "{refused}");
    life.control.get(&place).await.fails(404, "MODEL_NOT_FOUND");
    // Models of one file may name each other.
    let mut leaning = second.clone();
    leaning["fallbacks"] = json!([id]);
    life.control.post(&import, &json!({"models": [leaning, first]})).await.is(201);
    let made = life.control.get(&place).await.is(200).json();
    assert_eq!(made["organization_id"], tenant.organization.as_str());
    let mut changed = first.clone();
    changed["display_name"] = "Changed".into();
    let told = life.control.post(&import, &json!([changed, second][0])).await.is(201).json();
    assert_eq!(
        (&told["models"][0]["outcome"], &told["models"][0]["version"]),
        (&json!("update"), &json!(2))
    );
    // Each model's own trail has it.
    let trail = format!("/v1/audit-events?target_id={id}&{}", own(&tenant));
    let trail = life.control.get(&trail).await.is(200).json();
    let actions: Vec<&str> = trail["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["model-config.update", "model-config.create"]);
    let many: Vec<Value> = (0..101).map(|_| json!({})).collect();
    let refused = life.control.post(&import, &json!({"models": many})).await;
    assert_eq!(fields(&refused.fails(400, "VALIDATION_ERROR")), ["/models"]);
}

#[tokio::test]
async fn what_the_original_exported_is_imported_with_its_provider() {
    let life = Life::ready().await;
    let tenant = life.control.tenant().await;
    let import = format!("/v1/model-configs/import?{}", own(&tenant));
    let id = unique("original");
    let row = json!({
        "config_id": "0b6f", "model_id": id, "provider_id": "acme", "display_name": "Old image",
        "description": null, "capabilities": {"image": true, "text": false},
        "pricing": {"currency": "USD", "cost_per_image": 0.08},
        "rate_limits": {"rpm": 100, "tpm": 50_000, "concurrent_requests": 10},
        "payload_mapping": {
            "endpoint": "https://api.acme.example/generate", "method": "POST",
            "headers": {"Authorization": "Bearer {api_key}", "Content-Type": "application/json"},
            "body": {"prompt": "{user_prompt}"}, "response_mapping": {"image_url": "$.data[0].url"},
            "defaults": {},
        },
        "status": "active", "created_at": "2025-12-01 10:00:00", "updated_at": "2025-12-01 10:00:00",
    });
    let file = json!({"configs": [row], "total": 1});
    let refused = life.control.post(&import, &file).await.fails(400, "VALIDATION_ERROR");
    assert_eq!(fields(&refused), ["/configs/0/provider_id"]);
    let acme = |base: &str| json!({"id": "acme", "display_name": "Acme", "base_url": base, "auth": {"kind": "bearer"}});
    let with = |base: &str| json!({"models": [row], "providers": [acme(base)]});
    let refused = life.control.post(&import, &with("http://169.254.169.254")).await;
    let refused = refused.fails(400, "VALIDATION_ERROR");
    assert!(fields(&refused).contains(&"/providers/0/base_url".to_owned()), "{refused}");
    life.control.post(&import, &with("https://api.acme.example")).await.is(201);
    let place = format!("{}?{}", path(&id), own(&tenant));
    let made = life.control.get(&place).await.is(200).json();
    assert_eq!(
        (&made["protocol"], &made["pricing"]["image_micros"]),
        (&json!("mapped"), &json!(80_000))
    );
    // A provider that is there is not moved by a file.
    let refused = life.control.post(&import, &with("https://elsewhere.example")).await;
    assert!(fields(&refused.fails(400, "VALIDATION_ERROR")).contains(&"/providers/0".to_owned()));
    life.control.get(&path(&id)).await.fails(404, "MODEL_NOT_FOUND");
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
