//! What the queries find and refuse, on the real schema.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

#[path = "store/catalogue.rs"]
mod catalogue;
#[path = "store/keys.rs"]
mod keys;

use de_core::{
    auth::{self, api_key::ApiKey},
    ids::{ApiKeyId, InstanceId, ModelId, OrganizationId, ProviderId, ReceiptId, UserId},
    limits::{Kind, Scope, ScopeKind, Span},
    model::{Modality, ModelConfig, Status},
    ports::{Database, PortError, Row, Statement, rows},
    receipt::Receipt,
    store::{
        Activity,
        access::{self, AccessRow, GrantRow},
        api_keys::{self, ApiKeyRow},
        audit::{self, Actor, AuditEvent},
        epochs::{self, EpochScope},
        limits, models,
        models::{ModelQuery, ModelRow, ResolvedRow, Saving, versions::LatestRow},
        pages::PageQuery,
        policies,
        provider_keys::{self, NewProviderKey, OldRow},
        providers::{self, ProviderAuth, ProviderRow, removal},
        tenants,
        usage::{
            self,
            requests::{self, RequestQuery},
            selection::{Reader, Selection},
        },
        users,
    },
    time::UnixMillis,
};
use de_testkit::{
    database::SqliteDatabase,
    platform::{START, TestPlatform},
};
use serde_json::{Value, json};

fn config(id: &str, change: &Value) -> ModelConfig {
    let mut form = json!({
        "model_id": id, "provider_id": "openai", "display_name": id, "protocol": "openai-chat",
        "capabilities": {"text": true}
    });
    form.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    ModelConfig::parse(&form).unwrap()
}

fn event(id: &str) -> AuditEvent {
    AuditEvent {
        action: "model-config.create".to_owned(),
        actor: Actor::Key("key_1".to_owned()),
        after: Some(json!({"a": 1})),
        before: None,
        id: id.to_owned(),
        organization_id: None,
        request_id: None,
        target_id: "m".to_owned(),
    }
}

fn saving(organization: Option<&OrganizationId>) -> Saving<'_> {
    Saving { by: "user_1", now: START, organization }
}

/// A new model, with the event and the epoch that belong to it.
fn create(id: &str, config: &ModelConfig, own: Option<&OrganizationId>) -> Vec<Statement> {
    let mut batch = vec![audit::insert(&event(id), START)];
    batch.extend(models::insert(config, saving(own)));
    batch.extend(epochs::bump(EpochScope::of(own), START));
    batch
}

fn new_key<'a>(
    instance: &'a InstanceId,
    provider: &'a ProviderId,
    sealed: &'a str,
) -> NewProviderKey<'a> {
    NewProviderKey { hosts: None, instance, last_four: "0002", provider, sealed }
}

async fn run(database: &SqliteDatabase, batch: Vec<Statement>) -> Vec<Vec<Row>> {
    database.batch(batch).await.unwrap()
}

fn conflict(refused: Result<Vec<Vec<Row>>, PortError>) -> String {
    match refused.unwrap_err() {
        PortError::Conflict { constraint } => constraint,
        other => panic!("{other}"),
    }
}

/// A second organization with an instance.
async fn neighbour(database: &SqliteDatabase) -> (OrganizationId, InstanceId) {
    let organization = OrganizationId::parse("org_next").unwrap();
    let instance = InstanceId::parse("inst_next").unwrap();
    let new = tenants::NewInstance {
        allowed_origins: &[],
        default_models: &json!({}),
        id: &instance,
        is_production: true,
        name: "Next",
        organization_id: &organization,
    };
    let put = vec![
        tenants::put_organization(&organization, "Next", START),
        tenants::put_instance(&new, START),
    ];
    run(database, put).await;
    (organization, instance)
}

fn organization_name(organization: Option<&OrganizationId>) -> &str {
    organization.map_or("shared", OrganizationId::as_str)
}

#[tokio::test]
async fn the_policy_has_the_limits_of_instance_and_models() {
    let database = SqliteDatabase::migrated().unwrap();
    let (next, instance) = neighbour(&database).await;
    let limited =
        config("m", &json!({"rate_limits": {"rpm": 5, "tpm": 0, "concurrent_requests": 2}}));
    run(&database, create("audit_1", &limited, None)).await;
    run(&database, create("audit_2", &config("free", &json!({})), None)).await;
    let load = |database: &SqliteDatabase| {
        let batch = policies::load(&instance, START);
        let answers = futures_util::FutureExt::now_or_never(database.batch(batch)).unwrap();
        policies::policy(answers.unwrap()).unwrap().unwrap()
    };
    let policy = load(&database);
    assert_eq!((policy.catalogue_epoch, policy.tenant_epoch, &policy.above), (2, 0, &None));
    let shown = |limits: &[de_core::limits::Limit]| {
        let mut shown: Vec<_> = limits
            .iter()
            .map(|limit| format!("{} {} {}", limit.scope, limit.kind.name(), limit.max))
            .collect();
        shown.sort();
        shown
    };
    assert_eq!(
        shown(&policy.limits),
        ["model:m concurrent 2", "model:m requests_per_minute 5", "model:m tokens_per_minute 0"]
    );
    let model = Scope::new(ScopeKind::Model, "m");
    let whole = Scope::new(ScopeKind::Organization, "org_next");
    let put = |kind, amount, scope, instance| {
        let limit =
            limits::NewLimit { amount, instance, kind, organization: &next, scope, shadow: false };
        limits::put(&limit, START)
    };
    let batch = vec![
        put(Kind::Requests(Span::Minute), 9, &model, Some(&instance)),
        put(Kind::Requests(Span::Minute), 8, &model, Some(&instance)),
        put(Kind::Concurrent, 7, &whole, None),
    ];
    run(&database, batch).await;
    let policy = load(&database);
    assert_eq!(policy.above.as_ref(), Some(&next));
    assert_eq!(
        shown(&policy.limits),
        ["model:m concurrent 2", "model:m requests_per_minute 8", "model:m tokens_per_minute 0"]
    );
    let above = run(&database, policies::load_organization(&next)).await;
    let above = policies::organization_policy(above).unwrap().unwrap();
    assert_eq!(shown(&above.limits), ["organization:org_next concurrent 7"]);

    let active: Vec<epochs::InstanceRow> =
        rows(&database, epochs::instances_active_since(START, None)).await.unwrap();
    assert_eq!(active[0].id, instance);
    let nobody = run(&database, policies::load(&InstanceId::parse("inst_x").unwrap(), START)).await;
    assert_eq!(policies::policy(nobody).unwrap(), None);
}

const RECEIPT: &str = r#"{"receipt_id":"rcpt_1","request_id":"r-1","organization_id":"org_dev","instance_id":"inst_dev","project_id":"proj_dev","api_key_id":"KEY","user_id":null,"model_id":"gpt-4o-mini","requested_model_id":"small","provider_id":"openai","protocol":"openai-chat","modality":"text","operation":"POST /v1/chat/completions","status":"ok","http_status":200,"error_code":null,"streamed":true,"input_tokens":9,"cached_input_tokens":0,"cache_write_tokens":0,"cache_write_1h_tokens":0,"cache_write_12h_tokens":0,"output_tokens":3,"reasoning_tokens":1,"image_input_tokens":0,"cached_image_input_tokens":0,"image_output_tokens":0,"audio_input_tokens":0,"audio_output_tokens":0,"images":0,"characters":0,"media_ms":0,"requests":1,"cost_micros":null,"price_version":2,"price_valid_from":1790000000000,"estimated":false,"over_ceiling":false,"limiter_bypassed":true,"attempts":[{"model_id":"gpt-4o-mini","provider_id":"openai","status":200,"duration_ms":120,"error_code":null}],"latency_ms":130,"first_byte_ms":40,"upstream_ms":120,"request_bytes":80,"response_bytes":512,"admitted_at":1795608000500,"created_at":1795608000600}"#;

#[tokio::test]
async fn a_receipt_is_one_row_however_often_it_is_delivered() {
    let test = TestPlatform::new().await.unwrap();
    let key = test.tenant.tenant.keys[1].id.clone();
    let text = RECEIPT.replace("KEY", key.as_str());
    let receipt: Receipt = serde_json::from_str(&text).unwrap();
    let second = Receipt { receipt_id: ReceiptId::parse("rcpt_2").unwrap(), ..receipt.clone() };
    let both = serde_json::to_string(&[&receipt, &second]).unwrap();
    let deliver = |text: &str| test.database.batch(usage::deliver(text).to_vec());
    assert_eq!(deliver(&format!("[{text}]")).await.unwrap()[0].len(), 1);
    assert_eq!(deliver(&both).await.unwrap()[0].len(), 1);
    assert_eq!(deliver(&both).await.unwrap()[0].len(), 0);

    let own = Selection {
        organization: Some(receipt.organization_id.clone()),
        ..Selection::all(Reader::Everything)
    };
    let find = requests::find(&own, &receipt.receipt_id);
    let found = run(&test.database, vec![find]).await.remove(0).remove(0);
    assert_eq!(usage::receipt(found).unwrap(), receipt);
    let foreign = Selection { organization: OrganizationId::parse("org_x").ok(), ..own.clone() };
    let find = requests::find(&foreign, &receipt.receipt_id);
    assert!(run(&test.database, vec![find]).await[0].is_empty());
    for request in [Some(&receipt.request_id), None] {
        let list = requests::list(&RequestQuery {
            from: receipt.admitted_at,
            page: PageQuery::default(),
            request,
            selection: &own,
            to: receipt.admitted_at.plus(1),
            user: None,
        });
        assert_eq!(run(&test.database, vec![list]).await[0].len(), 2);
    }

    let access = access::by_digest(&test.tenant.tenant.keys[1].digest);
    assert_eq!(run(&test.database, vec![access]).await[0].len(), 1);
    assert!(test.database.dump().unwrap().contains("\"last_used_at\":1795608000500"));
}

#[tokio::test]
async fn the_schema_refuses_what_makes_no_sense() {
    let test = TestPlatform::new().await.unwrap();
    for sql in [
        "UPDATE api_keys SET user_id = 'user_dev' WHERE project_id IS NOT NULL",
        "UPDATE api_keys SET project_id = 'proj_none' WHERE project_id IS NOT NULL",
        "INSERT INTO organizations (id, name, created_at, updated_at) VALUES ('x', 'x', 1, 1)",
        "INSERT INTO organizations (id, name, created_at, updated_at) VALUES ('org_x', 'x', 1.5, 1)",
        "UPDATE provider_keys SET sealed = 'sk-in-the-clear'",
        "DELETE FROM organizations WHERE id = 'org_dev'",
        "INSERT INTO limits (organization_id, instance_id, scope, scope_id, kind, per, amount, created_at, updated_at)
         VALUES ('org_dev', NULL, 'instance', 'inst_dev', 'requests', 'minute', 5, 1, 1)",
    ] {
        let refused = test.database.batch(vec![Statement { args: Vec::new(), sql }]).await;
        assert!(matches!(refused, Err(PortError::Failed { .. })), "{sql}: {refused:?}");
    }
}
