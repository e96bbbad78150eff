//! A gateway in process where nothing is left to chance: its clock stands still, its vendors are polite.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use de_core::{
    assets::{Deposit, Owner, Promise, Provenance, keep},
    auth::signature::{self, Purpose},
    ids::{AssetId, ModelId, ProviderId, RequestId},
    jobs::View,
    media::MediaKind,
    money::Micros,
    ports::{Database, Fetch, Inbound, Outbound, PortError, Statement},
    store,
};
use de_testkit::{
    client::TestClient,
    clock::FakeClock,
    fetch::{Answer, ScriptedFetch},
    peers::RouterPeers,
    platform::{Builder, START, TestPlatform},
};
use serde_json::{Value, json};

use super::{catalogue::Operation, library, sounds};
use crate::workers;

/// The gateway and its keys.
pub struct World {
    /// The front door, without a key.
    pub front: TestClient,
    /// The doubles.
    pub test: TestPlatform,
}

impl World {
    /// Makes one. It is the same each time.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn new() -> Self {
        Self::made(TestPlatform::builder()).await
    }

    /// One that nobody operates yet, for the operation that begins there.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn unclaimed_for(operation: &Operation) -> Option<Self> {
        if operation.id != FIRST {
            return None;
        }
        let world = Self::made(TestPlatform::builder().bootstrap_token(TOKEN)).await;
        let sql = "UPDATE users SET role = 'admin'";
        world.test.database.batch(vec![Statement { args: Vec::new(), sql }]).await.unwrap();
        Some(world)
    }

    async fn made(builder: Builder) -> Self {
        let peers = Arc::new(RouterPeers::default());
        let test = builder
            .clock(FakeClock::at(START))
            .peers(peers.clone())
            .fetch(|background| Arc::new(PoliteVendors(ScriptedFetch::new(background))))
            .build()
            .await
            .unwrap();
        workers::bind(&peers, &test);
        keep_asset(&test).await;
        keep_job(&test).await;
        keep_receipt(&test).await;
        keep_content(&test).await;
        let front = TestClient::of_router(de_config::router(test.another_isolate()));
        Self { front, test }
    }

    /// A client with the key that an operation wants, if it wants one: a superadmin's in the control plane, a
    /// project's for the models.
    ///
    /// # Panics
    /// If a key cannot stand in a header, which it can.
    #[must_use]
    pub fn client(&self, operation: &Operation) -> TestClient {
        let tenant = &self.test.tenant;
        let told = |mark: &str| !operation.value[mark].is_null();
        let key = match (told("x-open"), told("x-scope")) {
            (true, _) => return self.front.clone(),
            (false, true) => &tenant.client_key,
            (false, false) => &tenant.admin_key,
        };
        self.front.clone().with_key(key.expose()).unwrap()
    }

    /// What a vendor knows of one job.
    ///
    /// # Panics
    /// If nothing can be signed, which it can.
    #[must_use]
    pub fn callback_token(&self, job: &str) -> String {
        let settings = &self.test.platform.settings;
        let signature = signature::sign(settings, Purpose::JobCallback, job).unwrap();
        format!("{job}.{signature}")
    }

    /// The example of an operation's body, with secrets where it has words for them.
    #[must_use]
    pub fn example(&self, operation: &Operation) -> Value {
        let media = &operation.value["requestBody"]["content"]["application/json"];
        let mut body = media["example"].clone();
        for value in body.as_object_mut().into_iter().flat_map(|body| body.values_mut()) {
            if value == "de_admin_..." {
                *value = self.test.tenant.admin_key.expose().into();
            }
        }
        body
    }
}

/// An image of the project's, under the id that examples have.
async fn keep_asset(test: &TestPlatform) {
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04\0\0\0\x04\0\x08\x02\0\0\0";
    let tenant = &test.tenant.tenant;
    let deposit = Deposit {
        cap_bytes: None,
        id: AssetId::parse("asset_019ab0c7d3f87c1e9a4b2c6d8e0f1a2b").ok(),
        owner: Owner {
            api_key_id: None,
            instance_id: tenant.instance_id.clone(),
            organization_id: tenant.organization_id.clone(),
            project_id: Some(tenant.project_id.clone()),
            user_id: None,
        },
        promise: Promise::Kind(MediaKind::Image),
        provenance: Provenance {
            cost_micros: Some(Micros(40_000)),
            model_id: ModelId::parse("dall-e-3").ok(),
            provider_id: ProviderId::parse("openai").ok(),
            request_id: RequestId::parse("r-20261125-1").ok(),
            ..Provenance::default()
        },
    };
    keep::bytes(&test.platform, deposit, PNG.into(), Duration::from_secs(5)).await.unwrap();
}

/// The job of that image, over, under the id that examples have.
async fn keep_job(test: &TestPlatform) {
    let tenant = &test.tenant.tenant;
    let view = json!({
        "api_key_id": null, "attempts": 1, "cost_micros": 40_000, "created_at": "2026-11-25T11:59:50.000Z",
        "error": null, "finished_at": "2026-11-25T12:00:00.000Z", "id": "job_019ab0c7d3f87c1e9a4b2c6d8e0f1a2b",
        "instance_id": tenant.instance_id, "modality": "image", "model_id": "dall-e-3", "notices": [],
        "operation": "POST /generate", "organization_id": tenant.organization_id,
        "outputs": [{
            "asset_id": "asset_019ab0c7d3f87c1e9a4b2c6d8e0f1a2b", "content_type": "image/png",
            "duration_ms": null, "height": 1024, "role": "image", "sha256": "00".repeat(32), "size_bytes": 26,
            "width": 1024,
        }],
        "progress": 100, "project_id": tenant.project_id, "provider_id": "openai", "provider_job_id": null,
        "provider_status": null, "receipt_id": "rcpt_019ab0c7d3f87c1e9a4b2c6d8e0f1a2b",
        "request_id": "r-20261125-1", "revision": 4, "status": "succeeded",
        "updated_at": "2026-11-25T12:00:00.000Z", "usage": {"images": 1, "requests": 1}, "user_id": null,
    });
    let view: View = serde_json::from_value(view).unwrap();
    test.database.batch(vec![store::jobs::put(&view)]).await.unwrap();
}

/// Lets projects keep what is said, so that a response can be looked at.
async fn keep_content(test: &TestPlatform) {
    let sql = "UPDATE projects SET retain_content = 1";
    test.database.batch(vec![Statement { args: Vec::new(), sql }]).await.unwrap();
}

/// The receipt of that job, under the id that examples have.
async fn keep_receipt(test: &TestPlatform) {
    let tenant = &test.tenant.tenant;
    let usage = json!({"images": 1, "requests": 1});
    let receipt = json!([{
        "admitted_at": START.plus(-10_000), "api_key_id": null, "attempts": [{
            "duration_ms": 9_700, "error_code": null, "model_id": "dall-e-3", "provider_id": "openai",
            "status": 200,
        }],
        "cost_micros": 40_000, "created_at": START, "error_code": null, "estimated": false,
        "first_byte_ms": 9_800, "http_status": 200, "images": usage["images"],
        "instance_id": tenant.instance_id, "latency_ms": 9_810, "limiter_bypassed": false,
        "modality": "image", "model_id": "dall-e-3", "operation": "POST /generate",
        "organization_id": tenant.organization_id, "over_ceiling": false, "price_valid_from": null,
        "price_version": 1, "project_id": tenant.project_id, "protocol": "openai-images",
        "provider_id": "openai", "receipt_id": "rcpt_019ab0c7d3f87c1e9a4b2c6d8e0f1a2b",
        "request_bytes": 120, "request_id": "r-20261125-1", "requested_model_id": "dall-e-3",
        "requests": usage["requests"], "response_bytes": 410, "status": "ok", "streamed": false,
        "upstream_ms": 9_700, "user_id": null,
    }]);
    let batch = store::usage::deliver(&receipt.to_string()).to_vec();
    test.database.batch(batch).await.unwrap();
}

/// The operation that begins where nobody is.
const FIRST: &str = "bootstrap";

/// As its example has it.
const TOKEN: &str = "the DE_BOOTSTRAP_TOKEN of the deployment";

/// Vendors that answer everything they are asked, always the same.
struct PoliteVendors(ScriptedFetch);

#[async_trait]
impl Fetch for PoliteVendors {
    async fn send(&self, request: Outbound) -> Result<Inbound, PortError> {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let path = request.url.path();
        if let Some(answer) = library::answer(&request.url).or_else(|| sounds::answer(&request.url))
        {
            self.0.answer(answer);
            return self.0.send(request).await;
        }
        let streams = body["stream"] == true;
        self.0.answer(if path.ends_with("/messages") {
            anthropic(streams)
        } else if path.contains("/images/") {
            pictures()
        } else if path.ends_with("/messages/count_tokens") {
            Answer::json(200, &json!({"input_tokens": 14}))
        } else if path.ends_with("/embeddings") {
            vectors(&body["input"])
        } else if path.ends_with("/chat/completions") {
            openai(streams)
        } else {
            Answer::json(200, &json!({"object": "list", "data": []}))
        });
        self.0.send(request).await
    }
}

/// <https://platform.openai.com/docs/api-reference/embeddings>.
fn vectors(input: &Value) -> Answer {
    // A list of numbers is one text in tokens.
    let texts = input.as_array().filter(|items| !items.iter().any(Value::is_number));
    let count = texts.map_or(1, Vec::len);
    let data: Vec<Value> = (0..count)
        .map(|index| {
            let embedding = if index % 2 == 0 { [0.8, -0.6] } else { [0.6, 0.8] };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    Answer::json(
        200,
        &json!({"object": "list", "model": "text-embedding-3-small",
            "data": data,
            "usage": {"prompt_tokens": 3, "total_tokens": 3}}),
    )
}

/// One pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// <https://platform.openai.com/docs/api-reference/images>.
fn pictures() -> Answer {
    Answer::json(
        200,
        &json!({
            "created": 1_795_608_000, "background": "opaque", "output_format": "png",
            "quality": "low", "size": "1024x1024", "data": [{"b64_json": PNG}],
            "usage": {"input_tokens": 14, "output_tokens": 272, "total_tokens": 286,
                "input_tokens_details": {"text_tokens": 14, "image_tokens": 0}}
        }),
    )
}

const RIVERS: &str = "The Danube, the Rhine and the Loire.";

/// <https://platform.openai.com/docs/api-reference/chat/object>.
fn openai(streams: bool) -> Answer {
    let about = |object: &str| {
        json!({"id": "chatcmpl-9nqF2vXkQ", "object": object, "created": 1_795_608_000,
            "model": "gpt-4o-mini-2024-07-18"})
    };
    let usage = json!({"prompt_tokens": 13, "completion_tokens": 10, "total_tokens": 23});
    if !streams {
        let mut whole = about("chat.completion");
        whole["choices"] = json!([{"index": 0, "finish_reason": "stop", "logprobs": null,
            "message": {"role": "assistant", "content": RIVERS, "refusal": null}}]);
        whole["usage"] = usage;
        return Answer::json(200, &whole);
    }
    let chunk = |choices: Value, usage: Value| {
        let mut chunk = about("chat.completion.chunk");
        chunk["choices"] = choices;
        chunk["usage"] = usage;
        chunk.to_string()
    };
    let piece = |delta: Value, finish: Value| {
        chunk(json!([{"index": 0, "delta": delta, "finish_reason": finish}]), Value::Null)
    };
    Answer::events()
        .event(&piece(json!({"role": "assistant", "content": ""}), Value::Null))
        .event(&piece(json!({"content": "The Danube, the Rhine "}), Value::Null))
        .event(&piece(json!({"content": "and the Loire."}), Value::Null))
        .event(&piece(json!({}), json!("stop")))
        .event(&chunk(json!([]), usage))
        .event("[DONE]")
}

/// <https://docs.anthropic.com/en/api/messages>.
fn anthropic(streams: bool) -> Answer {
    let mut message = json!({"id": "msg_01XFDUDYJgAACzvnptvVoYEL", "type": "message",
        "role": "assistant", "model": "claude-haiku-4-5-20251001", "content": [],
        "stop_reason": null, "stop_sequence": null,
        "usage": {"input_tokens": 14, "output_tokens": 1}});
    if !streams {
        message["content"] = json!([{"type": "text", "text": RIVERS}]);
        message["stop_reason"] = json!("end_turn");
        message["usage"]["output_tokens"] = json!(14);
        return Answer::json(200, &message);
    }
    let mut answer = Answer::events();
    for event in [
        json!({"type": "message_start", "message": message}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": RIVERS}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"output_tokens": 14}}),
        json!({"type": "message_stop"}),
    ] {
        answer = answer.named_event(event["type"].as_str().unwrap(), &event.to_string());
    }
    answer
}
