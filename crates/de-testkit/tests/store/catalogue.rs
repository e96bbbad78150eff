//! Models and their providers: names, versions, lists.

use super::*;

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
    run(&database, vec![epochs::all_told(EpochScope::Catalogue, 1)]).await;
    run(&database, vec![epochs::all_told(EpochScope::Tenant(&next), 0)]).await;
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
