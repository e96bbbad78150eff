//! The seeds: they can run again, they name what is there, and what an operator has changed stays.

use std::collections::HashMap;

use de_core::{
    ids::ApiKeyId,
    model::{ModelConfig, check::with_provider},
    ports::{Database, row, rows},
    seeds::{self, DevTenant},
    store::{
        access, models,
        pages::PageQuery,
        providers::{self, Provider, ProviderRow},
    },
};
use de_testkit::{database::SqliteDatabase, platform::TestPlatform, tenant::seed_catalogue};

use crate::{
    NOW,
    rows::{config, provider, provider_row},
};

#[tokio::test]
async fn c07_seeds_can_run_again_and_change_nothing() {
    let database = SqliteDatabase::migrated().unwrap();
    let models = [config()];
    let providers = [provider()];
    database.batch(seeds::catalogue(&providers, &models, NOW)).await.unwrap();
    let once = database.dump().unwrap();
    database.batch(seeds::catalogue(&providers, &models, NOW.plus(60_000))).await.unwrap();
    assert_eq!(database.dump().unwrap(), once);
    assert!(once.contains("model_aliases {\"alias\":\"small\""), "{once}");
    assert!(once.contains("epochs {\"scope\":\"catalogue\",\"epoch\":1}"), "{once}");
}

#[tokio::test]
async fn the_seed_files_can_run_again_and_change_nothing() {
    let database = SqliteDatabase::migrated().unwrap();
    let none = HashMap::new();
    seed_catalogue(&database, &none, NOW).await.unwrap();
    let once = database.dump().unwrap();
    seed_catalogue(&database, &none, NOW.plus(60_000)).await.unwrap();
    assert_eq!(database.dump().unwrap(), once);
}

#[tokio::test]
async fn what_seeds_name_is_there() {
    let database = SqliteDatabase::migrated().unwrap();
    seed_catalogue(&database, &HashMap::new(), NOW).await.unwrap();
    let models: Vec<models::ModelRow> = {
        let page = PageQuery { after: None, limit: 200 };
        let all = models::list(&models::ModelQuery { page, ..models::ModelQuery::default() });
        rows(&database, all).await.unwrap()
    };
    assert!(models.len() > 7);
    let settings = TestPlatform::new().await.unwrap().platform.settings.clone();
    for model in models {
        let config = model.parse().unwrap();
        for fallback in &config.fallbacks {
            let found = models::resolve(fallback.model_id.as_str(), None, None);
            let found: Vec<models::ResolvedRow> = rows(&database, found).await.unwrap();
            assert_eq!(found.len(), 1, "{} falls back to {fallback:?}", config.model_id);
        }
        let provider = providers::find(&config.provider_id, None);
        let provider = database.batch(vec![provider]).await.unwrap().remove(0).remove(0);
        let provider = Provider::from(row::<ProviderRow>(provider).unwrap());
        assert_eq!(with_provider(&config, Some(&provider), &settings), [], "{}", config.model_id);
        let itself = models::resolve(config.model_id.as_str(), None, None);
        let itself: Vec<models::ResolvedRow> = rows(&database, itself).await.unwrap();
        assert!(
            itself[0].provider.base_url.is_some(),
            "{} of {}",
            config.model_id,
            config.provider_id
        );
    }
}

#[tokio::test]
async fn a_seed_that_changed_makes_a_new_version_unless_an_operator_saved_one() {
    let database = SqliteDatabase::migrated().unwrap();
    database.batch(seeds::catalogue(&[], &[config()], NOW)).await.unwrap();
    let renamed = ModelConfig { display_name: "Renamed".to_owned(), ..config() };
    database
        .batch(seeds::catalogue(&[], std::slice::from_ref(&renamed), NOW.plus(1)))
        .await
        .unwrap();
    let dump = database.dump().unwrap();
    assert!(dump.contains("\"version\":2") && dump.contains("Renamed"), "{dump}");
    assert!(dump.contains("\"epoch\":2"), "{dump}");

    let operators = ModelConfig { display_name: "Operator's".to_owned(), version: 3, ..config() };
    let saving = models::Saving { by: "user_1", now: NOW.plus(2), organization: None };
    database.batch(models::update(&operators, saving)).await.unwrap();
    let before = database.dump().unwrap();
    database.batch(seeds::catalogue(&[], &[renamed], NOW.plus(3))).await.unwrap();
    assert_eq!(database.dump().unwrap(), before);
}

#[tokio::test]
async fn a_provider_that_an_operator_changed_is_left_alone() {
    let database = SqliteDatabase::migrated().unwrap();
    let moved = Provider { base_url: "https://eu.openai.com/v1".to_owned(), ..provider() };
    database.batch(seeds::catalogue(&[provider()], &[], NOW)).await.unwrap();
    database.batch(seeds::catalogue(std::slice::from_ref(&moved), &[], NOW.plus(1))).await.unwrap();
    assert!(database.dump().unwrap().contains("https://eu.openai.com/v1"));
    let own = provider_row(None, "https://proxy.example/v1", NOW.plus(2));
    database.batch(vec![providers::update(&own)]).await.unwrap();
    let before = database.dump().unwrap();
    database.batch(seeds::catalogue(&[moved], &[], NOW.plus(3))).await.unwrap();
    assert_eq!(database.dump().unwrap(), before);
}

#[tokio::test]
async fn a_fresh_start_revokes_the_keys_of_the_start_before() {
    let test = TestPlatform::new().await.unwrap();
    let key = test.tenant.tenant.keys[1].clone();
    let newer = seeds::DevKey {
        digest: "other".to_owned(),
        id: ApiKeyId::parse("key_other").unwrap(),
        ..key.clone()
    };
    let tenant = DevTenant { keys: vec![newer], ..test.tenant.tenant.clone() };
    test.database.batch(seeds::dev_tenant(&tenant, NOW.plus(1))).await.unwrap();
    let old = test.database.batch(vec![access::by_digest(&key.digest)]).await.unwrap().remove(0);
    assert_eq!(old[0]["revoked_at"], NOW.plus(1).0);
    let new = test.database.batch(vec![access::by_digest("other")]).await.unwrap().remove(0);
    assert!(new[0]["revoked_at"].is_null());
}
