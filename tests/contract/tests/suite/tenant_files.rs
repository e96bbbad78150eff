//! Tenants as files, brought about and written by `de-tenants` over the real control plane.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, Response},
};
use de_contract::{control::Control, stack::Stack, wait::unique};
use de_core::secret::Secret;
use de_tenants::{
    apply::{Means, Options, Outcome, apply},
    document::Tenant,
    export::export,
    gateway::Gateway,
    ledger::Ledger,
    plan::{RunError, Shown, Sink, Step, Verb},
    remove,
    sources::Sources,
};
use de_testkit::host::Host;
use serde_json::{Value, json};

/// What a run said.
#[derive(Clone, Debug, Default)]
struct Heard {
    /// Breaks off at this secret, counted from 1.
    breaks_at: Option<usize>,
    secrets: Vec<(String, String)>,
    steps: Vec<Step>,
}

impl Sink for Heard {
    fn step(&mut self, step: &Step) {
        self.steps.push(step.clone());
    }

    fn secret(&mut self, shown: &Shown) -> Result<(), String> {
        self.secrets.push((shown.thing.clone(), shown.secret.expose().to_owned()));
        if self.breaks_at == Some(self.secrets.len()) { Err("cut".to_owned()) } else { Ok(()) }
    }
}

impl Heard {
    fn verbs(&self) -> BTreeMap<Verb, usize> {
        let mut counts = BTreeMap::new();
        for step in &self.steps {
            *counts.entry(step.verb).or_default() += 1;
        }
        counts
    }

    #[track_caller]
    fn all(&self, verb: Verb) {
        let others: Vec<String> =
            self.steps.iter().filter(|step| step.verb != verb).map(Step::to_string).collect();
        assert!(!self.steps.is_empty());
        assert!(others.is_empty(), "{others:#?}");
    }
}

/// A run to be made.
#[derive(Clone)]
struct Run {
    base: String,
    breaks_at: Option<usize>,
    document: Value,
    key: String,
    ledger: Option<std::path::PathBuf>,
    options: Options,
    variables: Vec<(String, String)>,
}

impl Run {
    fn of(stack: &Stack, document: &Value) -> Self {
        let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Self {
            base: stack.front_base.clone(),
            breaks_at: None,
            document: document.clone(),
            key: stack.keys.admin.clone(),
            ledger: None,
            options: Options { issues_keys: true, ..Options::default() },
            variables: vec![variable("ACME_KEY", "acme-secret-0001")],
        }
    }

    fn dry(mut self) -> Self {
        self.options.is_dry = true;
        self
    }

    fn at(mut self, base: &str) -> Self {
        base.clone_into(&mut self.base);
        self
    }

    fn kept_in(mut self, path: &Path) -> Self {
        self.ledger = Some(path.to_owned());
        self
    }

    /// Makes it, as the command does: with a client that blocks.
    async fn make(self) -> (Heard, Result<Outcome, RunError>) {
        let making = tokio::task::spawn_blocking(move || {
            let tenant = Tenant::parse(&self.document.to_string());
            let tenant = tenant.unwrap_or_else(|issues| panic!("{issues:#?}"));
            let gateway = Gateway::at(&self.base, &Secret::new(self.key)).unwrap();
            let mut ledger = match &self.ledger {
                Some(path) => Ledger::in_file(path).unwrap(),
                None => Ledger::none(),
            };
            let sources = Sources::of(self.variables, "").unwrap();
            let mut heard = Heard { breaks_at: self.breaks_at, ..Heard::default() };
            let gateway = Some(&gateway);
            let means = Means { gateway, ledger: &mut ledger, sources: &sources };
            let outcome = apply(&tenant, self.options, means, &mut heard);
            (heard, outcome)
        });
        making.await.unwrap()
    }

    async fn made(self) -> Heard {
        let (heard, outcome) = self.make().await;
        outcome.unwrap_or_else(|error| panic!("{error}"));
        heard
    }

    async fn problems(self) -> Vec<(String, String)> {
        match self.make().await.1 {
            Err(RunError::Problems(issues)) => {
                issues.into_iter().map(|issue| (issue.pointer, issue.reason)).collect()
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Everything that a file may have, for a tenant of this name.
fn whole(name: &str) -> Value {
    let email = format!("ada-{name}@example.com");
    json!({
        "format_version": 1,
        "organization": {
            "name": name, "billing_email": "bills@example.com", "time_zone": "Europe/Berlin",
            "limits": {"requests_per_minute": 500},
            "budgets": [{"period": "month", "amount_micros": 900_000_000, "alerts": [50, 90]}]
        },
        "providers": [{
            "id": "acme", "display_name": "Acme", "base_url": "https://api.acme-models.com/v1",
            "auth": {"kind": "bearer"}, "protocol_defaults": {"max_tokens_field": "max_tokens"}
        }],
        "models": [{
            "model_id": "acme-small", "display_name": "Acme small", "provider_id": "acme",
            "protocol": "openai-chat", "upstream_model": "small-1", "capabilities": {"text": true}
        }],
        "users": [{
            "email": email, "name": "Ada", "role": "admin",
            "api_keys": [{
                "name": "laptop", "scopes": ["text", "read"],
                "allowed_addresses": ["2001:DB8::1", "203.0.113.7"]
            }]
        }],
        "instances": [{
            "name": "Shop", "environment": "production", "retention_days": 30,
            "allowed_origins": ["https://shop.example.com"],
            "default_models": {"text": "acme-small"},
            "limits": {"concurrent": 40, "shadow": true},
            "budgets": [{"period": "day", "amount_micros": 5_000_000}],
            "provider_keys": {"acme": {"env": "ACME_KEY"}},
            "projects": [{
                "name": "Search", "description": "Finds things", "settings": {"team": ["a"]},
                "response_cache": {"ttl_s": 600},
                "limits": {"tokens_per_day": 1_000_000},
                "api_keys": [{
                    "name": "web", "scopes": ["text", "read"], "allowed_models": ["acme-small"],
                    "expires_at": "2099-01-01T00:00:00Z",
                    "limits": {"requests_per_minute": 60},
                    "budgets": [{"period": "total", "amount_micros": 1_000_000, "release_after_h": 24}]
                }]
            }],
            "grants": [{"email": email, "role": "owner"}],
            "model_limits": [{"model_id": "acme-small", "limits": {"requests_per_minute": 5}}],
            "provider_limits": [{"provider_id": "acme", "limits": {"concurrent": 4}}],
            "key_limits": [{"email": email, "key": "laptop", "limits": {"requests_per_hour": 100}}],
            "webhooks": [{"url": "https://hooks.example.com/shop", "events": ["job.failed"]}]
        }],
        "webhooks": [{"url": "https://hooks.example.com/all", "events": ["budget.threshold"]}]
    })
}

/// What is kept in process, without when keys were last used.
fn rows(stack: &Stack) -> Option<Vec<String>> {
    let dump = stack.dump()?;
    Some(dump.lines().filter(|line| !line.starts_with("api_keys ")).map(str::to_owned).collect())
}

/// What is there, as a file.
async fn exported(stack: &Stack, organization: &str) -> Value {
    let (base, key) = (stack.front_base.clone(), stack.keys.admin.clone());
    let organization = organization.to_owned();
    let writing = tokio::task::spawn_blocking(move || {
        let gateway = Gateway::at(&base, &Secret::new(key)).unwrap();
        export(&gateway, &organization, None).unwrap_or_else(|error| panic!("{error}"))
    });
    writing.await.unwrap()
}

async fn organization_id(stack: &Stack, name: &str) -> String {
    let control = Control::of(stack.admin());
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/organizations?limit=200{cursor}");
        let page = control.get(&path).await.is(200).json();
        let rows = page["data"].as_array().unwrap();
        if let Some(row) = rows.iter().find(|row| row["name"] == name) {
            return row["id"].as_str().unwrap().to_owned();
        }
        let next = page["next_cursor"].as_str().unwrap();
        cursor = format!("&cursor={next}");
    }
}

/// Without what another installation has otherwise.
fn without_ids(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let is_resource = members.get("base_url").is_some();
            if !is_resource {
                members.shift_remove("id");
            }
            members.values_mut().for_each(without_ids);
        }
        Value::Array(entries) => entries.iter_mut().for_each(without_ids),
        _ => {}
    }
}

#[tokio::test]
async fn a_file_makes_a_tenant_once_and_again_leaves_all_of_it() {
    let stack = Stack::ready().await;
    let name = unique("file");
    let document = whole(&name);

    // A plan makes nothing.
    let before = rows(&stack);
    let planned = Run::of(&stack, &document).dry().made().await;
    assert_eq!(rows(&stack), before);
    planned.all(Verb::Make);

    let made = Run::of(&stack, &document).made().await;
    made.all(Verb::Make);
    let things = |heard: &Heard| -> Vec<String> {
        heard.steps.iter().map(|step| step.thing.clone()).collect()
    };
    assert_eq!(things(&made), things(&planned));
    let of: Vec<&str> = made.secrets.iter().map(|(thing, _)| thing.as_str()).collect();
    assert_eq!(
        of,
        [
            format!("API key laptop of person ada-{name}@example.com").as_str(),
            "API key web of project Search of instance Shop",
            "webhook https://hooks.example.com/shop of instance Shop",
            "webhook https://hooks.example.com/all",
        ]
    );
    let key = &made.secrets[1].1;
    assert!(key.starts_with("de_live_"), "a key of an instance in production");
    let models = stack.front.clone().with_key(key).unwrap().get("/v1/models").await.unwrap();
    assert_eq!(models.status, 200, "{}", models.text());
    assert_eq!(models.json()["data"][0]["id"], "acme-small");

    let again = Run::of(&stack, &document).made().await;
    again.all(Verb::Leave);
    assert_eq!(things(&again), things(&made));
    assert!(again.secrets.is_empty());
}

#[tokio::test]
async fn what_differs_is_changed_and_what_is_not_named_is_left() {
    let stack = Stack::ready().await;
    let name = unique("file");
    let document = whole(&name);
    Run::of(&stack, &document).made().await;
    let changed = json!({
        "format_version": 1,
        "organization": {"name": name, "billing_email": null, "limits": {"requests_per_minute": null}},
        "instances": [{
            "name": "Shop", "on_limiter_failure": "allow", "retention_days": 30,
            "grants": [{"email": format!("ada-{name}@example.com"), "role": "user"}],
            "budgets": [{"period": "day", "amount_micros": 6_000_000}],
            "projects": [{"name": "Search", "status": "suspended"}, {"name": "Chat"}]
        }]
    });
    let planned = Run::of(&stack, &changed).dry().made().await;
    let heard = Run::of(&stack, &changed).made().await;
    assert_eq!(heard.steps, planned.steps);
    let said: Vec<String> = heard.steps.iter().map(Step::to_string).collect();
    assert_eq!(
        said,
        [
            format!("change   organization {name}: billing_email"),
            format!("change   limits of organization {name}: requests_per_minute"),
            "change   instance Shop: on_limiter_failure".to_owned(),
            "change   budget of instance Shop a day: amount_micros".to_owned(),
            "change   project Search of instance Shop: status".to_owned(),
            "make     project Chat of instance Shop".to_owned(),
            format!("change   grant of ada-{name}@example.com on instance Shop: user"),
        ]
    );
    let now = exported(&stack, &organization_id(&stack, &name).await).await;
    assert_eq!(now["organization"]["billing_email"], Value::Null);
    assert_eq!(now["organization"]["time_zone"], "Europe/Berlin");
    assert_eq!(now["instances"][0]["on_limiter_failure"], "allow");
    assert_eq!(now["instances"][0]["default_models"], json!({"text": "acme-small"}));
    assert_eq!(now["instances"][0]["projects"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_export_says_all_of_it_without_a_secret_and_is_taken_in_again() {
    let stack = Stack::ready().await;
    let name = unique("file");
    let made = Run::of(&stack, &whole(&name)).made().await;
    let id = organization_id(&stack, &name).await;
    let written = exported(&stack, &id).await;
    let text = written.to_string();
    for (thing, secret) in &made.secrets {
        assert!(!text.contains(secret), "{thing}");
    }
    assert!(!text.contains("acme-secret-0001"));

    // Into where it is from: nothing to do.
    Run::of(&stack, &written).made().await.all(Verb::Leave);

    // Into another place, where no id is known: the same tenant but for secrets.
    let other = unique("file");
    let mut moved: Value = serde_json::from_str(&text.replace(&name, &other)).unwrap();
    without_ids(&mut moved);
    let mut run = Run::of(&stack, &moved);
    run.options.issues_keys = false;
    let heard = run.clone().made().await;
    let left: Vec<&str> = heard
        .steps
        .iter()
        .filter(|step| step.verb == Verb::ByHand)
        .map(|step| step.place.as_str())
        .collect();
    assert_eq!(
        left,
        [
            "/users/0/api_keys/0",
            "/instances/0/provider_keys/acme",
            "/instances/0/projects/0/api_keys/0",
            "/instances/0/projects/0/api_keys/0",
            "/instances/0/key_limits/0",
        ]
    );
    assert_eq!(heard.verbs()[&Verb::Make] + left.len(), heard.steps.len());

    // With the keys, it is the same document.
    let all = Run::of(&stack, &moved).made().await;
    let issued = all.secrets.iter().filter(|(thing, _)| thing.starts_with("API key")).count();
    assert_eq!(issued, 2);
    let mut second = exported(&stack, &organization_id(&stack, &other).await).await;
    without_ids(&mut second);
    moved["instances"][0].as_object_mut().unwrap().shift_remove("provider_keys");
    assert_eq!(second, moved);
}

#[tokio::test]
async fn what_can_be_foreseen_to_fail_fails_before_anything_is_made() {
    let stack = Stack::ready().await;
    let name = unique("file");
    let control = Control::of(stack.admin());
    let stranger = control.tenant().await;
    let person = control.person(&stranger.organization, "user").await;
    let path = format!("/v1/users/{}", person.id);
    let theirs = control.get(&path).await.is(200).json()["email"].as_str().unwrap().to_owned();
    let mut document = whole(&name);
    document["users"][0]["email"] = theirs.as_str().into();
    document["instances"][0]["grants"][0]["email"] = "nobody@example.com".into();
    document["instances"][0]["key_limits"] = json!([]);
    let before = rows(&stack);
    let mut run = Run::of(&stack, &document);
    run.variables.clear();
    let problems = run.problems().await;
    let pointers: Vec<&str> = problems.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(
        pointers,
        ["/users/0/email", "/instances/0/provider_keys/acme", "/instances/0/grants/0/email"]
    );
    assert_eq!(problems[1].1, "has no key: set the variable ACME_KEY");
    assert_eq!(rows(&stack), before);

    // What only the gateway knows is told with its place too.
    let mut document = whole(&name);
    document["organization"]["time_zone"] = "Mars/Olympus".into();
    let problems = Run::of(&stack, &document).problems().await;
    assert_eq!(problems[0].0, "/organization/time_zone", "{problems:?}");

    // Of models the gateway is asked ahead, where the organization is there.
    let known = unique("file");
    Run::of(&stack, &whole(&known)).made().await;
    let mut document = whole(&known);
    document["models"][0]["provider_id"] = "nobody".into();
    let problems = Run::of(&stack, &document).problems().await;
    assert_eq!(problems[0].0, "/models/0/provider_id", "{problems:?}");

    // `update` makes no tenant.
    let before = rows(&stack);
    let mut run = Run::of(&stack, &whole(&name));
    run.options.must_exist = true;
    let problems = run.problems().await;
    assert_eq!(problems[0].0, "/organization");
    assert_eq!(rows(&stack), before);
}

/// A gateway that does the `n`th change, loses the answer, and says nothing good from then on.
async fn cut_after(n: usize, base: &str) -> Host {
    let (base, count) = (base.to_owned(), Arc::new(AtomicUsize::new(0)));
    let client = reqwest::Client::new();
    let router = Router::new().fallback(move |request: Request<Body>| {
        let (base, count, client) = (base.clone(), count.clone(), client.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = to_bytes(body, 1 << 20).await.unwrap();
            let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
            let changes = parts.method != "GET" && !path.contains("dry_run");
            let seen = count.fetch_add(usize::from(changes), Ordering::SeqCst);
            let dead = || {
                let mut answer = Response::new(Body::empty());
                *answer.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
                answer
            };
            if seen >= n {
                return dead();
            }
            let mut forward = client.request(parts.method, format!("{base}{path}")).body(body);
            for name in ["authorization", "content-type", "idempotency-key", "if-match"] {
                if let Some(value) = parts.headers.get(name) {
                    forward = forward.header(name, value.clone());
                }
            }
            let answer = forward.send().await.unwrap();
            if changes && seen + 1 == n {
                return dead();
            }
            let mut back = Response::builder().status(answer.status());
            for name in ["etag", "idempotency-replayed", "retry-after"] {
                if let Some(value) = answer.headers().get(name) {
                    back = back.header(name, value.clone());
                }
            }
            back.body(Body::from(answer.bytes().await.unwrap())).unwrap()
        }
    });
    Host::serve(router).await.unwrap()
}

#[tokio::test]
async fn a_run_that_is_cut_anywhere_is_run_again_and_ends_well() {
    let stack = Stack::ready().await;
    let folder = std::env::temp_dir().join(unique("secrets"));
    std::fs::create_dir(&folder).unwrap();
    let mut n = 0;
    loop {
        n += 1;
        let name = unique("cut");
        let document = whole(&name);
        let file = folder.join(format!("{n}.json"));
        let cut = cut_after(n, &stack.front_base).await;
        let run = Run::of(&stack, &document).kept_in(&file);
        let (first, outcome) = run.clone().at(&cut.base()).make().await;
        if outcome.is_ok() {
            break;
        }
        let second = run.clone().made().await;
        // Each secret was shown, and it is the one that is good.
        let mut shown: BTreeMap<String, String> = first.secrets.into_iter().collect();
        shown.extend(second.secrets);
        assert_eq!(shown.len(), 4, "cut after {n}: {:?}", shown.keys());
        let key = &shown["API key web of project Search of instance Shop"];
        let asked = stack.front.clone().with_key(key).unwrap().get("/v1/models").await.unwrap();
        assert_eq!(asked.status, 200, "cut after {n}: {}", asked.text());
        run.clone().made().await.all(Verb::Leave);
        // Nothing is there twice.
        let now = exported(&stack, &organization_id(&stack, &name).await).await;
        let instance = &now["instances"][0];
        for (list, count) in [
            (&now["instances"], 1),
            (&now["users"], 1),
            (&now["users"][0]["api_keys"], 1),
            (&now["webhooks"], 1),
            (&instance["projects"], 1),
            (&instance["projects"][0]["api_keys"], 1),
            (&instance["webhooks"], 1),
        ] {
            assert_eq!(list.as_array().unwrap().len(), count, "cut after {n}: {list}");
        }
        // A stack of wasm is slower: there every fifth place is tried.
        n += if stack.is_real { 4 } else { 0 };
    }
    assert!(n > 20, "only {n} changes were made");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_secret_that_nobody_took_is_shown_by_the_next_run() {
    let stack = Stack::ready().await;
    let name = unique("file");
    let folder = std::env::temp_dir().join(unique("secrets"));
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("secrets.json");
    let mut run = Run::of(&stack, &whole(&name)).kept_in(&file);
    run.breaks_at = Some(2);
    let (heard, outcome) = run.clone().make().await;
    assert!(matches!(outcome, Err(RunError::Machine(_))));
    // It was not lost: what was made stands in the file, whoever saw it.
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept.contains(&heard.secrets[1].1));
    run.breaks_at = None;
    run.made().await;
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let entries = kept.as_object().unwrap();
    assert_eq!(entries.len(), 4);
    assert!(entries.values().all(|entry| entry["secret"].is_string()), "{kept}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn an_instance_is_removed_with_all_that_is_below_it_and_what_it_made_is_saved_before() {
    let stack = Stack::ready().await;
    let name = unique("file");
    let (_, outcome) = Run::of(&stack, &whole(&name)).make().await;
    let id = outcome.unwrap().instance_ids[0].clone().unwrap();
    let folder = std::env::temp_dir().join(unique("assets"));
    let (base, key) = (stack.front_base.clone(), stack.keys.admin.clone());
    let into = folder.clone();
    let removing = tokio::task::spawn_blocking(move || {
        let gateway = Gateway::at(&base, &Secret::new(key)).unwrap();
        let below = remove::below(&gateway, &id).unwrap();
        let saved = remove::save_assets(&gateway, &id, &into).unwrap();
        remove::instance(&gateway, &id).unwrap();
        // Once more: it is gone, which is what was wanted.
        remove::instance(&gateway, &id).unwrap();
        (below, saved)
    });
    let (below, saved) = removing.await.unwrap();
    assert_eq!(below["projects"], 1);
    assert_eq!(below["provider_keys"], 1);
    assert_eq!(saved, 0);
    assert_eq!(std::fs::read_to_string(folder.join("assets.json")).unwrap(), "[]\n");
    std::fs::remove_dir_all(&folder).unwrap();
    let now = exported(&stack, &organization_id(&stack, &name).await).await;
    assert_eq!(now.get("instances"), None);
}
