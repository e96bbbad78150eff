//! One purchase, its vendor, and what is left of both.

use std::time::Duration;

use axum::extract::FromRequestParts as _;
use de_core::{
    auth::{
        Scope,
        api_key::{ApiKey, KeyKind},
    },
    caller::{Caller, Tenant},
    calls::{ImageCall, SpeechCall},
    http::{
        context::{Context, Envelope},
        error::ApiError,
    },
    ids::{InstanceId, JobId, LeaseId, RequestId},
    jobs::{
        Stage, View, Work,
        front::{Purchase, begin, buy},
    },
    limits::{
        self, ScopeKind,
        wire::{Grant, LeaseRequest, Need},
    },
    ports::{Clock, Database, Jobs, Limiter, PortError, random},
    secret::Secret,
    seeds,
};
use de_testkit::{
    fetch::Answer,
    platform::{START, TestPlatform},
};
use http::{HeaderMap, Method};
use serde_json::{Map, Value, json};

/// A model whose vendor answers with a link at once.
pub(crate) const DRAWN: &str = "ideogram-v2";
/// A model whose vendor takes an order first.
pub(crate) const POLLED: &str = "polled-pictures";

/// 1,280 × 720.
pub(crate) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x05\0\0\0\x02\xd0\x08\x02\0\0\0";

/// What [`POLLED`] allows.
const RPM: u64 = 100;
const SLOTS: u64 = 60;

pub(crate) struct Scene {
    /// Those of the request that buys.
    pub(crate) headers: HeaderMap,
    pub(crate) job_id: JobId,
    pub(crate) made: TestPlatform,
    /// Those of the picture that is bought.
    pub(crate) options: Map<String, Value>,
}

/// The vendor's answer to [`DRAWN`].
pub(crate) fn drawn(link: &str) -> Answer {
    let picture = json!({"url": link, "is_image_safe": true, "resolution": "1280x720", "seed": 7});
    Answer::json(200, &json!({"data": [picture]}))
}

/// The vendor's answer of [`POLLED`], done.
pub(crate) fn ordered(link: &str) -> Answer {
    Answer::json(200, &json!({"id": "p1", "status": "succeeded", "output": [link]}))
}

/// The vendor's answer of [`POLLED`], on the way.
pub(crate) fn ordered_as(status: &str) -> Answer {
    Answer::json(200, &json!({"id": "p1", "status": status}))
}

/// A good file.
pub(crate) fn png() -> Answer {
    Answer::ok().header("content-type", "image/png").chunk(PNG)
}

pub(crate) fn polled() -> Value {
    json!({
        "model_id": POLLED,
        "provider_id": "replicate",
        "protocol": "mapped",
        "upstream_model": "black-forest-labs/flux",
        "display_name": "Polled",
        "capabilities": {"image": true},
        "pricing": {"currency": "USD", "valid_from": "2026-11-22", "image_micros": 50_000},
        "rate_limits": {"rpm": RPM, "concurrent_requests": SLOTS},
        "status": "active",
        "payload_mapping": {
            "endpoint": "/predictions",
            "body": {"input": {"prompt": "{user_prompt}"}},
            "response_mapping": {"job_id": "$.id", "images": "$.output[*]"},
            "response": {
                "kind": "poll",
                "endpoint": "/predictions/{job_id}",
                "every_ms": 250,
                "timeout_ms": 60_000,
                "status": "$.status",
                "done": ["succeeded"],
                "failed": ["failed", "canceled"],
                "error": {"message": "$.error", "code": "$.error"},
                "result": {"images": "$.output[*]"},
                "cancel": {"endpoint": "/predictions/{job_id}/cancel"},
            },
        },
    })
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::of(TestPlatform::new().await.unwrap()).await
    }

    pub(crate) async fn of(made: TestPlatform) -> Self {
        let models = seeds::read_models(&polled().to_string()).unwrap();
        made.database.batch(seeds::catalogue(&[], &models, START)).await.unwrap();
        let job_id = JobId::make(START, random(&*made.platform.entropy));
        Self { headers: HeaderMap::new(), job_id, made, options: Map::new() }
    }

    pub(crate) fn vendor(&self, answers: impl IntoIterator<Item = Answer>) {
        for answer in answers {
            self.made.fetch.answer(answer);
        }
    }

    /// The owner of a key, as a router would find them.
    pub(crate) async fn caller(&self, key: &Secret) -> Caller {
        let request = http::Request::post("/generate")
            .header("authorization", format!("Bearer {}", key.expose()))
            .extension(self.context())
            .extension(self.made.platform.clone());
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let Tenant(caller) = Tenant::from_request_parts(&mut parts, &()).await.unwrap();
        caller
    }

    fn context(&self) -> Context {
        let id = RequestId::parse("a-request").unwrap();
        Context::new(id, Envelope::Native, self.made.clock.now())
    }

    /// The owner of a key of another instance.
    pub(crate) async fn stranger(&self) -> Caller {
        let made = &self.made;
        let key = ApiKey::make(KeyKind::Test, &*made.platform.entropy);
        let mut tenant = made.tenant.tenant.clone();
        tenant.organization_id = de_core::ids::OrganizationId::make(START, [7; 10]);
        tenant.instance_id = InstanceId::make(START, [7; 10]);
        tenant.project_id = de_core::ids::ProjectId::make(START, [7; 10]);
        tenant.user_id = de_core::ids::UserId::make(START, [7; 10]);
        tenant.email = "stranger@example.com".to_owned();
        tenant.provider_keys.clear();
        tenant.keys.truncate(2);
        tenant.keys.remove(0);
        tenant.keys[0].digest = key.key.digest;
        tenant.keys[0].id = key.key.id;
        made.database.batch(seeds::dev_tenant(&tenant, START)).await.unwrap();
        self.caller(&key.secret).await
    }

    pub(crate) async fn buy(&self, model: &str) -> Result<View, ApiError> {
        let caller = self.caller(&self.made.tenant.client_key).await;
        let context = self.context();
        buy(self.of_caller(&context, caller, model)).await
    }

    pub(crate) async fn begin(&self, model: &str) -> Result<View, ApiError> {
        let caller = self.caller(&self.made.tenant.client_key).await;
        self.purchase(caller, model).await
    }

    pub(crate) async fn purchase(&self, caller: Caller, model: &str) -> Result<View, ApiError> {
        let context = self.context();
        begin(self.of_caller(&context, caller, model)).await
    }

    /// Has a model say something.
    pub(crate) async fn say(&self, model: &str, text: &str) -> Result<View, ApiError> {
        let caller = self.caller(&self.made.tenant.client_key).await;
        let context = self.context();
        let call = SpeechCall { text: text.to_owned(), ..SpeechCall::default() };
        let purchase = self.of_caller(&context, caller, model);
        let work = Work::Speech(call);
        buy(Purchase { operation: "POST /synthesize", scope: Scope::Audio, work, ..purchase }).await
    }

    fn of_caller<'a>(
        &'a self,
        context: &'a Context,
        caller: Caller,
        model: &'a str,
    ) -> Purchase<'a> {
        let call = ImageCall {
            n: 1,
            prompt: "a fox".to_owned(),
            options: self.options.clone(),
            ..ImageCall::default()
        };
        Purchase {
            caller,
            context,
            headers: &self.headers,
            job_id: self.job_id.clone(),
            model: Some(model),
            notify: None,
            operation: "POST /generate",
            platform: &self.made.platform,
            scope: Scope::Image,
            size_bytes: 20,
            work: Work::Image(call),
        }
    }

    /// How many orders the vendors got: requests to stop one are none.
    pub(crate) fn orders(&self) -> usize {
        let sent = self.made.fetch.sent();
        let is_order = |sent: &&de_testkit::fetch::Sent| {
            sent.method == Method::POST && !sent.url.path().ends_with("/cancel")
        };
        sent.iter().filter(is_order).count()
    }

    /// Waits for a stage.
    pub(crate) async fn until(&self, view: &View, is: impl Fn(&Stage) -> bool) {
        for _ in 0..20_000 {
            if self.made.jobs.record(&view.id).is_some_and(|record| is(&record.stage)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never came: {:?}", self.made.jobs.record(&view.id));
    }

    /// Waits for the end, and until it is written everywhere.
    pub(crate) async fn ended(&self, view: &View) -> View {
        for _ in 0..20_000 {
            if self.made.jobs.record(&view.id).is_some_and(|record| record.is_closed()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let view = self.made.jobs.watch(&view.id, 0, Duration::ZERO).await.unwrap().unwrap();
        self.settled(&view).await;
        view
    }

    /// Waits until the end is written everywhere.
    pub(crate) async fn settled(&self, view: &View) {
        for _ in 0..20_000 {
            if self.made.jobs.record(&view.id).is_some_and(|record| record.is_closed()) {
                assert_eq!(self.made.background.join_all().await, 0);
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it is never closed: {:?}", self.made.jobs.record(&view.id));
    }

    /// As [`Scene::settled`], for the one job of this scene.
    pub(crate) async fn quiet(&self) {
        let view = self.made.jobs.watch(&self.job_id, 0, Duration::ZERO).await.unwrap().unwrap();
        self.settled(&view).await;
    }

    /// Lets the database fail when the job wants to tell its end, thrice.
    pub(crate) async fn down_from_the_end(&self, view: &View) {
        self.until(view, |stage| stage.is_over() || matches!(stage, Stage::Copying { .. })).await;
        for _ in 0..100_000 {
            let record = self.made.jobs.record(&view.id).unwrap();
            if record.stage.is_over() {
                break;
            }
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        for _ in 0..3 {
            let message = "it is down".to_owned();
            self.made.database.fail_next(PortError::Failed { port: "database", message });
        }
    }

    pub(crate) fn rows(&self, table: &str) -> Vec<Value> {
        let dump = self.made.database.dump().unwrap();
        let lines = dump.lines().filter_map(|line| line.strip_prefix(&format!("{table} ")));
        lines.map(|row| serde_json::from_str(row).unwrap()).collect()
    }

    #[track_caller]
    pub(crate) fn only(&self, table: &str) -> Value {
        let mut rows = self.rows(table);
        assert_eq!(rows.len(), 1, "{table}: {rows:#?}");
        rows.pop().unwrap()
    }

    /// The one receipt.
    #[track_caller]
    pub(crate) fn receipt(&self) -> Value {
        self.only("usage_logs")
    }

    /// The job's row.
    #[track_caller]
    pub(crate) fn row(&self, view: &View) -> Value {
        let row = self.only("jobs");
        assert_eq!(row["id"], view.id.as_str());
        row
    }

    /// No call holds a slot at [`POLLED`] any more, nor counts there beside `calls` of them.
    pub(crate) async fn nothing_is_held(&self, calls: u64) {
        let ask = LeaseRequest {
            deadline_ms: None,
            epochs: self.made.limiter.epochs(&self.made.tenant.tenant.instance_id).await.unwrap(),
            lease_id: LeaseId::make(self.made.clock.now(), random(&*self.made.platform.entropy)),
            extra: Need::default(),
            need: Need { micros: Some(0), requests: RPM - calls, slots: SLOTS, tokens: 0 },
            news: Vec::new(),
            scopes: vec![limits::Scope::new(ScopeKind::Model, POLLED)],
        };
        let grant = self.made.limiter.lease(&self.made.tenant.tenant.instance_id, ask).await;
        assert!(
            matches!(grant.as_ref().map(|reply| &reply.grant), Ok(Grant::Granted(_))),
            "{grant:?}"
        );
    }
}
