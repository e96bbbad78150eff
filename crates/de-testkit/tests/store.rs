//! What the queries find and refuse, on the real schema.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

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

/// The version after `expected`.
fn replace(id: &str, config: &ModelConfig, expected: u64) -> Vec<Statement> {
    let next = ModelConfig { version: expected + 1, ..config.clone() };
    let mut batch = vec![
        audit::insert(&event(id), START),
        models::unchanged(id, &config.model_id, None, expected),
    ];
    batch.extend(models::update(&next, saving(None)));
    batch
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

async fn resolve(
    database: &SqliteDatabase,
    name: &str,
    organization: &OrganizationId,
    instance: &InstanceId,
) -> Option<ResolvedRow> {
    let find = models::resolve(name, Some(organization), Some(instance));
    let mut found = rows::<ResolvedRow>(database, find).await.unwrap();
    assert!(found.len() <= 1);
    found.pop()
}

#[tokio::test]
async fn a_key_is_found_with_all_that_it_means() {
    let test = TestPlatform::new().await.unwrap();
    let find = |secret: &de_core::secret::Secret| {
        let digest = ApiKey::parse(secret.expose()).unwrap().digest;
        let database = test.database.clone();
        async move { rows::<AccessRow>(&*database, access::by_digest(&digest)).await.unwrap() }
    };
    let client = find(&test.tenant.client_key).await.remove(0);
    // A copy that a cache keeps must be read back.
    let copy = serde_json::to_value(&client).unwrap();
    let read: AccessRow = serde_json::from_value(copy.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), copy);
    let scopes = auth::Scope::ALL.iter().copied().filter(|scope| *scope != auth::Scope::Admin);
    assert_eq!(copy["scopes"], json!(scopes.collect::<Vec<_>>()));
    assert_eq!(client.instance_id.unwrap().as_str(), "inst_dev");
    assert_eq!(client.project_status, Some(Activity::Active));
    assert_eq!(client.instance.environment.as_deref(), Some("development"));
    assert_eq!(client.instance.default_models.unwrap()["text"], "gpt-4o-mini");
    assert_eq!(client.organization_id.as_str(), "org_dev");
    assert_eq!((client.tenant_epoch, client.user_id), (1, None));
    assert!(!client.retain_content && client.allowed_models.is_none());

    let admin = find(&test.tenant.admin_key).await.remove(0);
    assert_eq!(admin.user_role.as_deref(), Some("superadmin"));
    assert_eq!((admin.instance_id, admin.project_id), (None, None));
    let revoked = find(&test.tenant.revoked_key).await.remove(0);
    assert_eq!(revoked.revoked_at, test.tenant.tenant.keys[3].revoked_at);
    assert!(revoked.revoked_at.is_some());
    assert!(find(&test.tenant.stranger_key).await.is_empty());

    let user = admin.user_id.unwrap();
    let granted = access::instance_for_user(&test.tenant.tenant.instance_id, &user);
    let granted: Vec<GrantRow> = rows(&*test.database, granted).await.unwrap();
    assert_eq!(granted[0].grant_role.as_deref(), Some("owner"));
    let (_, foreign) = neighbour(&test.database).await;
    let foreign = access::instance_for_user(&foreign, &user);
    let foreign: Vec<GrantRow> = rows(&*test.database, foreign).await.unwrap();
    assert_eq!(foreign[0].grant_role, None);
}

#[tokio::test]
async fn a_key_that_takes_over_has_the_limits_of_the_old_one() {
    let test = TestPlatform::new().await.unwrap();
    let dev = &test.tenant.tenant;
    let old = &dev.keys[1].id;
    let limit = limits::NewLimit {
        amount: 5,
        instance: Some(&dev.instance_id),
        kind: Kind::Requests(Span::Minute),
        organization: &dev.organization_id,
        scope: &Scope::new(ScopeKind::Key, old.as_str()),
        shadow: false,
    };
    run(&test.database, vec![limits::put(&limit, START)]).await;
    let found: Vec<ApiKeyRow> = rows(&*test.database, api_keys::find(old, None)).await.unwrap();
    let new = ApiKeyId::parse("key_new").unwrap();
    run(&test.database, api_keys::inherit_limits(&found[0], &new, START).into()).await;
    let held = Statement {
        args: Vec::new(),
        sql: "SELECT scope_id, kind, per, amount FROM limits WHERE scope = 'key' ORDER BY rowid",
    };
    let held = run(&test.database, vec![held]).await.remove(0);
    let row = |id: &str| json!({"scope_id": id, "kind": "requests", "per": "minute", "amount": 5});
    assert_eq!(json!(held), json!([row(old.as_str()), row("key_new")]));
}

#[tokio::test]
async fn a_change_that_was_overtaken_leaves_nothing() {
    let test = TestPlatform::new().await.unwrap();
    let key = &test.tenant.tenant.keys[1].id;
    let found: Vec<ApiKeyRow> = rows(&*test.database, api_keys::find(key, None)).await.unwrap();
    let before = test.database.dump().unwrap();
    let batch = |event: &str, expected: UnixMillis| {
        vec![
            audit::insert(&self::event(event), START),
            api_keys::unchanged(event, key, expected),
            api_keys::update(&ApiKeyRow { name: "Renamed".to_owned(), ..found[0].clone() }),
        ]
    };
    let late = test.database.batch(batch("audit_1", found[0].updated_at.plus(1))).await;
    assert_eq!(conflict(late), "audit_events.id");
    assert_eq!(test.database.dump().unwrap(), before);
    run(&test.database, batch("audit_2", found[0].updated_at)).await;
    assert!(test.database.dump().unwrap().contains("Renamed"));
}

#[tokio::test]
async fn whoever_operates_the_service_last_stays() {
    let test = TestPlatform::new().await.unwrap();
    let database = &test.database;
    let dev = &test.tenant.tenant.organization_id;
    let only = UserId::parse("user_dev").unwrap();
    let (next, _) = neighbour(database).await;
    let second = UserId::parse("user_Next").unwrap();
    let put = |organization_id, role| {
        let email = "next@example.com";
        let new = tenants::NewUser { email, id: &second, name: "N", organization_id, role };
        vec![tenants::put_user(new, START)]
    };
    let guards =
        || vec![users::another_operates(&only), users::others_operate(dev)].into_iter().enumerate();
    // Nobody else; someone who is less; someone in one's own organization, which goes as a whole.
    for (organization, role, stay) in
        [(&next, "admin", [true, true]), (dev, "superadmin", [false, true])]
    {
        run(database, vec![users::delete(&second)]).await;
        run(database, put(organization, role)).await;
        for (place, guard) in guards() {
            let refused = database.batch(vec![guard]).await;
            assert_eq!(refused.is_err(), stay[place], "{role} {place}");
            if refused.is_err() {
                assert_eq!(conflict(refused), users::NOBODY_OPERATES);
            }
        }
    }
    run(database, vec![users::delete(&second)]).await;
    run(database, put(&next, "superadmin")).await;
    let before = database.dump().unwrap();
    for (_, guard) in guards() {
        run(database, vec![guard]).await;
    }
    assert_eq!(database.dump().unwrap(), before);
    // Who is suspended, or whose organization is, does not count.
    let statement = |sql| Statement { args: Vec::new(), sql };
    for (suspend, lift) in [
        (
            "UPDATE users SET status = 'suspended' WHERE id = 'user_Next'",
            "UPDATE users SET status = 'active'",
        ),
        (
            "UPDATE organizations SET status = 'suspended' WHERE id = 'org_next'",
            "UPDATE organizations SET status = 'active'",
        ),
    ] {
        run(database, vec![statement(suspend)]).await;
        for (_, guard) in guards() {
            let refused = database.batch(vec![guard]).await;
            assert_eq!(conflict(refused), users::NOBODY_OPERATES, "{suspend}");
        }
        run(database, vec![statement(lift)]).await;
    }
}

#[tokio::test]
async fn a_model_is_found_by_id_and_alias_own_before_shared() {
    let test = TestPlatform::new().await.unwrap();
    let database = &test.database;
    let (dev, instance) = (&test.tenant.tenant.organization_id, &test.tenant.tenant.instance_id);
    let (next, next_instance) = neighbour(database).await;
    let shared = config("zz-model", &json!({"aliases": ["zz-alias", "zz-other"]}));
    run(database, create("audit_1", &shared, None)).await;

    let found = resolve(database, "zz-alias", dev, instance).await.unwrap();
    assert_eq!(found.model.model_id.as_str(), "zz-model");
    assert_eq!(found.model.organization_id, None);
    assert_eq!(found.provider.base_url.as_deref(), Some("https://api.openai.com/v1"));
    assert_eq!(found.provider.auth, Some(ProviderAuth::Bearer));
    let copy = serde_json::to_value(&found).unwrap();
    let read: ResolvedRow = serde_json::from_value(copy.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), copy);
    assert!(found.sealed.unwrap().starts_with("v1."));
    // An instance without a key for the provider.
    assert_eq!(resolve(database, "zz-model", &next, &next_instance).await.unwrap().sealed, None);

    // An own model may have the name of a shared alias, and an own alias that of a shared model.
    let own = config("zz-other", &json!({"aliases": ["zz-model"]}));
    run(database, create("audit_2", &own, Some(dev))).await;
    for name in ["zz-other", "zz-model"] {
        let found = resolve(database, name, dev, instance).await.unwrap();
        assert_eq!(found.model.organization_id.as_ref(), Some(dev), "{name}");
        let foreign = resolve(database, name, &next, &next_instance).await.unwrap();
        assert_eq!(foreign.model.organization_id, None, "{name}");
        assert_eq!(foreign.model.model_id.as_str(), "zz-model");
    }
    // The own provider comes before the shared one of its name.
    let own = own_provider("openai", Some(dev), "https://proxy.example/v1");
    run(database, vec![providers::insert(&own)]).await;
    let found = resolve(database, "zz-other", dev, instance).await.unwrap();
    assert_eq!(found.provider.base_url.as_deref(), Some("https://proxy.example/v1"));
    let foreign = resolve(database, "zz-model", &next, &next_instance).await.unwrap();
    assert_eq!(foreign.provider.base_url.as_deref(), Some("https://api.openai.com/v1"));
    assert!(resolve(database, "zz-nobody", dev, instance).await.is_none());
}

fn own_provider(id: &str, owner: Option<&OrganizationId>, base_url: &str) -> ProviderRow {
    serde_json::from_value(json!({
        "id": id, "organization_id": owner, "display_name": id, "base_url": base_url, "allowed_hosts": [],
        "auth": {"kind": "bearer"}, "headers": {}, "protocol_defaults": {}, "key_test": {"path": "/models"},
        "created_at": START, "updated_at": START
    }))
    .unwrap()
}

#[tokio::test]
async fn what_is_below_a_provider_is_what_would_go_elsewhere_without_it() {
    let test = TestPlatform::new().await.unwrap();
    let database = &test.database;
    let dev = &test.tenant.tenant.organization_id;
    let (next, next_instance) = neighbour(database).await;
    let openai = ProviderId::parse("openai").unwrap();
    let below = |owner: Option<&OrganizationId>| {
        let statement = removal::hanging(&openai, owner);
        async move {
            let found = run(database, vec![statement]).await.remove(0);
            let count = |kind: &str| found.iter().filter(|row| row["kind"] == kind).count();
            (count("model_configs"), count("provider_keys"))
        }
    };
    let (shared_models, shared_keys) = below(None).await;
    assert!(shared_models > 3);
    assert_eq!(shared_keys, 1);
    // A private model of someone without a provider of their own hangs on the shared one, and so does a key.
    let mine = config("zz-mine", &json!({}));
    let key = provider_keys::insert(&new_key(&next_instance, &openai, "v1.a.b"), START);
    run(database, models::insert(&mine, saving(Some(&next)))).await;
    run(database, vec![key]).await;
    assert_eq!(below(None).await, (shared_models + 1, 2));
    assert_eq!(below(Some(&next)).await, (1, 0));
    let own = own_provider("openai", Some(&next), "https://proxy.example/v1");
    run(database, vec![providers::insert(&own)]).await;
    assert_eq!(below(None).await, (shared_models, 1));
    assert_eq!(below(Some(&next)).await, (1, 0), "the key would be good for the shared one");
    let refused = vec![
        audit::insert(&event("audit_2"), START),
        removal::still("audit_2", &openai, Some(&next), &[]),
    ];
    assert_eq!(conflict(database.batch(refused).await), "audit_events.id");
    // With all below it: what is the shared one's stays.
    run(database, providers::delete(&openai, Some(&next)).into()).await;
    assert_eq!(below(None).await, (shared_models, 2));
    run(database, providers::delete(&openai, None).into()).await;
    assert_eq!(below(None).await, (0, 0));
    let left = database.dump().unwrap();
    assert!(!left.contains("\"v1.a.b\"") && left.contains("anthropic"), "{left}");
    let fine = vec![
        audit::insert(&event("audit_3"), START),
        removal::still("audit_3", &openai, Some(dev), &[]),
    ];
    run(database, fine).await;
}

fn new_key<'a>(
    instance: &'a InstanceId,
    provider: &'a ProviderId,
    sealed: &'a str,
) -> NewProviderKey<'a> {
    NewProviderKey { hosts: None, instance, last_four: "0002", provider, sealed }
}

#[tokio::test]
async fn a_key_that_was_replaced_meanwhile_is_not_sealed_anew_nor_judged() {
    let test = TestPlatform::new().await.unwrap();
    let (database, instance) = (&test.database, &test.tenant.tenant.instance_id);
    let openai = ProviderId::parse("openai").unwrap();
    let old: Vec<OldRow> = rows(&**database, provider_keys::older(2)).await.unwrap();
    let old = old.into_iter().find(|old| old.provider_id == openai).unwrap();
    let replaced = provider_keys::put(&new_key(instance, &openai, "v1.new.key"), START.plus(1));
    run(database, vec![replaced]).await;
    let verdict = provider_keys::Tried { at: START, message: Some("no"), ok: false };
    let answers = run(
        database,
        vec![
            provider_keys::reseal(&old, "v2.old.key"),
            provider_keys::tried(instance, &openai, &old.sealed, verdict),
            provider_keys::find(instance, &openai),
        ],
    )
    .await;
    assert_eq!(answers[0], []);
    assert_eq!(answers[2][0]["sealed"], "v1.new.key");
    assert!(answers[2][0]["last_test_at"].is_null());
    let new = OldRow { sealed: "v1.new.key".to_owned(), ..old };
    let answers = run(database, vec![provider_keys::reseal(&new, "v2.new.key")]).await;
    assert_eq!(answers[0].len(), 1);
    let left = run(database, vec![provider_keys::count_older(2)]).await;
    let all = test.tenant.tenant.provider_keys.len() as u64;
    assert_eq!(left[0][0]["count"], all - 1);
}

#[tokio::test]
async fn c30_a_second_model_of_an_id_is_a_conflict() {
    let database = SqliteDatabase::migrated().unwrap();
    let (next, _) = neighbour(&database).await;
    let model = config("m", &json!({"aliases": ["a"]}));
    run(&database, create("audit_1", &model, None)).await;
    let again = create("audit_2", &model, None);
    assert_eq!(conflict(database.batch(again).await), "model_configs.model_id");
    let same_alias = create("audit_3", &config("n", &json!({"aliases": ["a"]})), None);
    assert_eq!(conflict(database.batch(same_alias).await), "model_aliases.alias");
    run(&database, create("audit_4", &model, Some(&next))).await;
    let again = create("audit_5", &model, Some(&next));
    assert_eq!(conflict(database.batch(again).await), "model_configs.model_id");
    let dump = database.dump().unwrap();
    assert!(!dump.contains("audit_2") && !dump.contains("audit_5"), "nothing of a refused batch");
    let pending: Vec<epochs::PendingBump> = rows(&database, epochs::pending(None)).await.unwrap();
    let scopes: Vec<_> = pending.iter().map(|bump| (bump.scope.as_str(), bump.epoch)).collect();
    assert_eq!(scopes, [("catalogue", 1), ("org_next", 1)]);
    run(&database, vec![epochs::told(EpochScope::Catalogue, 1)]).await;
    run(&database, vec![epochs::told(EpochScope::Tenant(&next), 0)]).await;
    let pending: Vec<epochs::PendingBump> = rows(&database, epochs::pending(None)).await.unwrap();
    assert_eq!(pending.len(), 1);
}

#[tokio::test]
async fn versions_count_on_and_never_change() {
    let database = SqliteDatabase::migrated().unwrap();
    let first = config("m", &json!({"aliases": ["a", "b"]}));
    run(&database, create("audit_1", &first, None)).await;

    let second = config("m", &json!({"aliases": ["b", "c"], "status": "deprecated"}));
    run(&database, replace("audit_2", &second, 1)).await;
    let late = conflict(database.batch(replace("audit_3", &second, 1)).await);
    assert_eq!(late, "audit_events.id");

    let find = |name: &str| models::resolve(name, None, None);
    let found: Vec<ResolvedRow> = rows(&database, find("c")).await.unwrap();
    let config = found[0].model.parse().unwrap();
    assert_eq!((config.version, config.status), (2, Status::Deprecated));
    assert!(rows::<ResolvedRow>(&database, find("a")).await.unwrap().is_empty());

    // Gone and made anew, it goes on counting: receipts name versions.
    let delete = Statement { args: Vec::new(), sql: "DELETE FROM model_configs" };
    run(&database, vec![delete]).await;
    let gone = conflict(database.batch(replace("audit_4", &second, 2)).await);
    assert_eq!(gone, "audit_events.id");
    let ids = [ModelId::parse("m").unwrap(), ModelId::parse("x").unwrap()];
    let latest: Vec<LatestRow> =
        rows(&database, models::versions::latest(&ids, None)).await.unwrap();
    assert_eq!(latest, [LatestRow { model_id: ids[0].clone(), version: 2 }]);
    let late = conflict(database.batch(create("audit_5", &first, None)).await);
    assert_eq!(late, "model_config_versions.model_id");
    let third = ModelConfig { version: 3, ..first };
    run(&database, create("audit_6", &third, None)).await;
    let found: Vec<ResolvedRow> = rows(&database, find("a")).await.unwrap();
    assert_eq!(found[0].model.version, 3);
}

#[tokio::test]
async fn c31_a_bad_row_hurts_no_other() {
    let database = SqliteDatabase::migrated().unwrap();
    run(&database, create("a", &config("good", &json!({})), None)).await;
    let bad = Statement {
        args: Vec::new(),
        sql: r#"INSERT INTO model_configs (model_id, version, config, created_at, updated_at) VALUES
          ('bad', 1, '{"model_id":"bad","provider_id":"x","status":"active","protocol":"smtp"}', 1, 1)"#,
    };
    run(&database, vec![bad]).await;
    let list: Vec<ModelRow> = rows(&database, models::list(&ModelQuery::default())).await.unwrap();
    assert_eq!(list.len(), 2);
    assert!(list[0].parse().unwrap_err().iter().any(|issue| issue.pointer == "/protocol"));
    assert!(list[1].parse().is_ok());
}

#[tokio::test]
async fn c33_lists_are_paged_and_filters_work() {
    let database = SqliteDatabase::migrated().unwrap();
    let (next, _) = neighbour(&database).await;
    let put = |id: &str, change: &Value, organization| {
        let event = format!("audit_{id}_{}", organization_name(organization));
        create(&event, &config(id, change), organization)
    };
    for batch in [
        put("a", &json!({}), None),
        put("b", &json!({"capabilities": {"image": true}}), None),
        put("c", &json!({"capabilities": {"embeddings": true}, "provider_id": "mistral"}), None),
        put("d", &json!({"status": "disabled"}), None),
        put("a", &json!({"display_name": "own"}), Some(&next)),
        put("e", &json!({"capabilities": {"text": true, "image": true}}), Some(&next)),
    ] {
        run(&database, batch).await;
    }
    let names = |query: ModelQuery<'_>| {
        let statement = models::list(&query);
        let database = &database;
        async move {
            let list: Vec<ModelRow> = rows(database, statement).await.unwrap();
            list.iter().map(|row| row.model_id.to_string()).collect::<Vec<_>>().join(" ")
        }
    };
    let all = || ModelQuery { organization: Some(&next), ..ModelQuery::default() };
    assert_eq!(names(ModelQuery::default()).await, "a b c d");
    assert_eq!(names(all()).await, "a b c d e");
    assert_eq!(names(ModelQuery { modality: Some(Modality::Text), ..all() }).await, "a c d e");
    assert_eq!(names(ModelQuery { modality: Some(Modality::Image), ..all() }).await, "b e");
    assert_eq!(names(ModelQuery { modality: Some(Modality::Video), ..all() }).await, "");
    assert_eq!(names(ModelQuery { status: Some(Status::Disabled), ..all() }).await, "d");
    assert_eq!(names(ModelQuery { without_disabled: true, ..all() }).await, "a b c e");
    let mistral = ProviderId::parse("mistral").unwrap();
    assert_eq!(names(ModelQuery { provider: Some(&mistral), ..all() }).await, "c");
    let allowed = [ModelId::parse("b").unwrap(), ModelId::parse("x").unwrap()];
    assert_eq!(names(ModelQuery { allowed: Some(&allowed), ..all() }).await, "b");

    let mut page = PageQuery { after: None, limit: 2 };
    let mut seen = Vec::new();
    loop {
        let query = ModelQuery { page: page.clone(), ..all() };
        let list: Vec<ModelRow> = rows(&database, models::list(&query)).await.unwrap();
        let found = page.page(list, |row| row.model_id.as_str());
        seen.extend(found.data.iter().map(|row| row.model_id.to_string()));
        let Some(cursor) = found.next_cursor else { break };
        page = PageQuery::parse(Some("2"), Some(&cursor)).unwrap();
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);
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
        let batch = limits::load(&instance, START);
        let answers = futures_util::FutureExt::now_or_never(database.batch(batch)).unwrap();
        limits::policy(answers.unwrap()).unwrap().unwrap()
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
    let above = run(&database, limits::load_organization(&next)).await;
    let above = limits::organization_policy(above).unwrap().unwrap();
    assert_eq!(shown(&above.limits), ["organization:org_next concurrent 7"]);

    let active: Vec<epochs::InstanceRow> =
        rows(&database, epochs::instances_active_since(START, None)).await.unwrap();
    assert_eq!(active[0].id, instance);
    let nobody = run(&database, limits::load(&InstanceId::parse("inst_x").unwrap(), START)).await;
    assert_eq!(limits::policy(nobody).unwrap(), None);
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
