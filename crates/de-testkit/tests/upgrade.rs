//! Databases of earlier releases, with rows of their time, brought to the schema of today.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use de_core::{
    ids::{
        ApiKeyId, AssetId, InstanceId, JobId, ModelId, OrganizationId, ProjectId, ProviderId,
        ReceiptId, SessionId, UserId, WebhookId,
    },
    limits::{Scope, ScopeKind},
    ports::{Database, Row, Statement, row},
    store::{
        access, api_keys, assets, audit, grants, instances, jobs, limits, models, organizations,
        pages::PageQuery,
        projects, provider_keys, providers, responses, sessions,
        usage::{
            self, requests,
            selection::{Reader, Selection},
        },
        users, webhooks,
    },
    time::UnixMillis,
};
use de_testkit::{
    database::{SqliteDatabase, migration_files},
    tenant::seed_catalogue,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

const NOW: UnixMillis = UnixMillis(1_795_608_000_000);

/// What a migration takes away on purpose: by its number, the table whose rows go. Each says why in its head.
const LET_GO: &[(&str, &str)] = &[("0005", "idempotency")];

/// The rows of a database, by table, each with its columns.
type Tables = BTreeMap<String, Vec<Row>>;

fn number(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().chars().take(4).collect()
}

fn fixture(number: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/upgrade/{number}.sql"))
}

async fn all(database: &SqliteDatabase, sql: &'static str) -> Vec<Row> {
    database.batch(vec![Statement { args: Vec::new(), sql }]).await.unwrap().remove(0)
}

/// Every row of every table. The dump is one line a row: the table and its JSON.
fn tables(database: &SqliteDatabase) -> Tables {
    let mut tables = Tables::new();
    for line in database.dump().unwrap().lines() {
        let (table, row) = line.split_once(' ').unwrap();
        let Ok(Value::Object(row)) = serde_json::from_str(row) else { panic!("{line}") };
        tables.entry(table.to_owned()).or_default().push(row);
    }
    tables
}

/// What stands in the schema, less white space and how names are quoted, which a renamed table changes.
async fn schema(database: &SqliteDatabase) -> Vec<String> {
    let sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema
        WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name";
    let plain = |row: Row| {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let sql = text("sql").replace('"', "");
        let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        format!("{} {} {} {sql}", text("type"), text("name"), text("tbl_name"))
    };
    all(database, sql).await.into_iter().map(plain).collect()
}

/// Checks that every row of before is there, with the values that it had.
#[track_caller]
fn holds(before: &Tables, after: &Tables, step: &str) {
    for (table, rows) in before {
        if LET_GO.contains(&(step, table.as_str())) {
            continue;
        }
        let now = after.get(table).map(Vec::as_slice).unwrap_or_default();
        for row in rows {
            let is_it =
                |other: &&Row| row.iter().all(|(name, value)| other.get(name) == Some(value));
            assert!(now.iter().any(|other| is_it(&other)), "{step}: lost in {table}: {row:?}");
        }
        assert_eq!(now.len(), rows.len(), "{step}: {table} has other rows now");
    }
}

/// A database at a migration, with rows of its time and of all times before.
async fn at(first: usize, files: &[PathBuf]) -> SqliteDatabase {
    let database = SqliteDatabase::empty().unwrap();
    for path in &files[..=first] {
        database.run_file(path).unwrap();
        let rows = fixture(&number(path));
        if rows.exists() {
            database.run_file(&rows).unwrap();
        }
    }
    let filled = tables(&database);
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    for table in all(&database, sql).await {
        let table = table["name"].as_str().unwrap();
        let step = number(&files[first]);
        assert!(filled.contains_key(table), "{step}: {table} is empty; fill it in tests/upgrade");
    }
    database
}

async fn read<T: DeserializeOwned>(database: &SqliteDatabase, statement: Statement) -> Vec<T> {
    let sql = statement.sql;
    let rows = database.batch(vec![statement]).await.unwrap().remove(0);
    assert!(!rows.is_empty(), "nothing is found by {sql}");
    rows.into_iter().map(|found| row(found).unwrap_or_else(|err| panic!("{err}: {sql}"))).collect()
}

#[tokio::test]
async fn every_database_of_before_becomes_the_one_of_today_and_nothing_is_lost() {
    let files = migration_files().unwrap();
    let fresh = schema(&SqliteDatabase::migrated().unwrap()).await;
    assert!(files.len() >= 15);
    for first in 0..files.len() {
        let database = at(first, &files).await;
        for path in &files[first + 1..] {
            let before = tables(&database);
            database.run_file(path).unwrap();
            holds(&before, &tables(&database), &number(path));
            let broken = all(&database, "SELECT \"table\" FROM pragma_foreign_key_check").await;
            assert_eq!(broken, [], "{}", path.display());
        }
        assert_eq!(schema(&database).await, fresh, "from {}", files[first].display());
        let sound = all(&database, "SELECT integrity_check FROM pragma_integrity_check").await;
        assert_eq!(sound[0]["integrity_check"], "ok");
    }
}

#[tokio::test]
async fn a_lost_row_would_be_seen() {
    let files = migration_files().unwrap();
    let database = at(0, &files).await;
    let before = tables(&database);
    all(&database, "DELETE FROM pending_bumps").await;
    let after = tables(&database);
    assert!(std::panic::catch_unwind(|| holds(&before, &after, "0002")).is_err());
    all(&database, "UPDATE users SET name = 'Eve' WHERE id = 'user_old'").await;
    let mut before = before;
    before.remove("pending_bumps");
    let after = tables(&database);
    assert!(std::panic::catch_unwind(|| holds(&before, &after, "0002")).is_err());
}

/// The rows of the first migration, read by the queries that serve.
#[tokio::test]
async fn rows_of_the_first_release_are_read_by_the_code_of_today() {
    let files = migration_files().unwrap();
    let database = at(0, &files).await;
    for path in &files[1..] {
        database.run_file(path).unwrap();
    }
    tenants_are_read(&database).await;
    let key: Vec<access::AccessRow> = read(&database, access::by_digest("digest-old")).await;
    assert_eq!(key[0].response_cache_ttl_s, None);
    assert_eq!(key[0].allowed_addresses, ["203.0.113.7"]);
}

async fn tenants_are_read(database: &SqliteDatabase) {
    let organization = OrganizationId::parse("org_old").unwrap();
    let instance = InstanceId::parse("inst_old").unwrap();
    let user = UserId::parse("user_old").unwrap();
    let found: Vec<organizations::OrganizationRow> =
        read(database, organizations::find(&organization)).await;
    assert_eq!(found[0].time_zone, "Europe/Berlin");
    let found: Vec<instances::InstanceRow> = read(database, instances::find(&instance, None)).await;
    assert_eq!(found[0].allowed_origins, ["https://shop.example.com"]);
    assert_eq!(found[0].retention_days, Some(30));
    let project = ProjectId::parse("proj_old").unwrap();
    let found: Vec<projects::ProjectRow> = read(database, projects::find(&project, None)).await;
    assert_eq!(found[0].description.as_deref(), Some("Finds things"));
    assert!(found[0].retain_content);
    let found: Vec<users::UserRow> = read(database, users::find(&user)).await;
    assert_eq!(found[0].email, "ada@example.com");
    let found: Vec<grants::GrantRow> =
        read(database, grants::of_instance(&instance, &PageQuery::default())).await;
    assert_eq!((found[0].user_id.as_str(), found[0].role.as_str()), ("user_plain", "readonly"));
    for id in ["key_old", "key_person"] {
        let id = ApiKeyId::parse(id).unwrap();
        let found: Vec<api_keys::ApiKeyRow> = read(database, api_keys::find(&id, None)).await;
        assert!(!found[0].scopes.is_empty());
    }
    let session = SessionId::parse("sess_old").unwrap();
    let found: Vec<sessions::SessionRow> = read(database, sessions::find(&session)).await;
    assert_eq!(found[0].id, session);
}

/// The rows of all releases, read by the queries that serve.
#[tokio::test]
async fn rows_of_every_release_are_read_by_the_code_of_today() {
    let files = migration_files().unwrap();
    let database = &at(files.len() - 1, &files).await;
    tenants_are_read(database).await;
    let organization = OrganizationId::parse("org_old").unwrap();
    let instance = InstanceId::parse("inst_old").unwrap();
    let project = ProjectId::parse("proj_old").unwrap();
    let owner = Some(&organization);

    let acme = ProviderId::parse("acme").unwrap();
    let found: Vec<providers::ProviderRow> = read(database, providers::find_of(&acme, owner)).await;
    assert_eq!(found[0].headers["x-team"], "a");
    let tested = ProviderId::parse("tested").unwrap();
    let found: Vec<providers::ProviderRow> =
        read(database, providers::find_of(&tested, None)).await;
    assert!(found[0].key_test.is_some());
    for provider in ["acme", "openai"] {
        let provider = ProviderId::parse(provider).unwrap();
        let found = provider_keys::find(&instance, &provider);
        let found: Vec<provider_keys::ProviderKeyRow> = read(database, found).await;
        assert_eq!(found[0].provider_id, provider);
    }
    let found = models::resolve("old", owner, Some(&instance));
    let _: Vec<models::ResolvedRow> = read(database, found).await;
    let model = ModelId::parse("old-small").unwrap();
    let found: Vec<models::ModelRow> = read(database, models::find(&model, owner)).await;
    let config = found[0].parse().unwrap();
    assert_eq!((config.version, config.display_name.as_str()), (2, "Old small"));
    let versions = models::versions::list(&model, owner, &PageQuery::default());
    let found: Vec<models::versions::VersionRow> = read(database, versions).await;
    assert_eq!(found.len(), 2);

    let place = limits::Place {
        instance: Some(instance.clone()),
        organization: organization.clone(),
        scope: Scope::new(ScopeKind::Key, "key_old"),
    };
    let _: Vec<limits::LimitsRow> = read(database, limits::limits_of(&place)).await;
    let place = limits::Place { scope: Scope::new(ScopeKind::Project, "proj_old"), ..place };
    let found: Vec<limits::BudgetsRow> = read(database, limits::budgets_of(&place)).await;
    assert_eq!(found[0].budgets[0].amount_micros, 250_000_000);

    let receipt = ReceiptId::parse("rcpt_old").unwrap();
    let own = Selection {
        organization: Some(organization.clone()),
        ..Selection::all(Reader::Everything)
    };
    let found = database.batch(vec![requests::find(&own, &receipt)]).await.unwrap();
    let found = usage::receipt(found[0][0].clone()).unwrap();
    assert_eq!(found.receipt_id, receipt);
    let asked = audit::AuditQuery {
        organization: owner,
        target: Some("proj_old"),
        ..audit::AuditQuery::default()
    };
    let events = audit::list(&asked);
    let found: Vec<audit::AuditRow> = read(database, events).await;
    assert_eq!(found[0].action, "project.create");

    let job = JobId::parse("job_old").unwrap();
    let _: Vec<jobs::JobRow> = read(database, jobs::find(&job)).await;
    let asset = AssetId::parse("asset_whole").unwrap();
    let found: Vec<assets::AssetRow> = read(database, assets::find(&asset)).await;
    assert_eq!(found[0].size_bytes, 99);
    let webhook = WebhookId::parse("whk_old").unwrap();
    let found: Vec<webhooks::WebhookRow> = read(database, webhooks::find(&webhook, None)).await;
    assert_eq!(found[0].events.len(), 2);
    for (id, all_bytes) in [("resp_old", &[15][..]), ("resp_large", &[30, 30])] {
        let found = responses::find(&project, id, NOW);
        let found: Vec<responses::TurnRow> = read(database, found).await;
        assert_eq!(found.iter().map(|row| row.all_bytes).collect::<Vec<_>>(), all_bytes);
        assert!(found.iter().all(|row| row.content.as_deref() == Some("v1.nonce.sealed")));
    }
    let key: Vec<access::AccessRow> = read(database, access::by_digest("digest-old")).await;
    assert_eq!(key[0].response_cache_generation, Some(4));

    // Calls of before there were sums are waiting to be summed.
    let marks = all(database, "SELECT instance_id FROM usage_marks ORDER BY instance_id").await;
    assert_eq!(marks[0]["instance_id"], "inst_gone");
    assert_eq!(marks[1]["instance_id"], "inst_old");
}

/// The seeds of today over what operators have made of those of before.
#[tokio::test]
async fn seeds_over_a_filled_database_change_nothing_that_an_operator_changed() {
    let files = migration_files().unwrap();
    let database = at(files.len() - 1, &files).await;
    let before = tables(&database);
    seed_catalogue(&database, &HashMap::new(), NOW).await.unwrap();
    let once = tables(&database);
    for (table, rows) in &before {
        // Seeds add to the catalogue and tell the Limiters of it; nothing else is theirs.
        let is_catalogue = ["model_aliases", "model_config_versions", "model_configs", "providers"];
        let is_told = ["epochs", "pending_bumps"].contains(&table.as_str());
        let now = &once[table];
        if is_told {
            continue;
        }
        for row in rows {
            assert!(now.contains(row), "{table}: {row:?}");
        }
        if !is_catalogue.contains(&table.as_str()) {
            assert_eq!(now.len(), rows.len(), "{table}");
        }
    }
    assert!(once["model_configs"].len() > before["model_configs"].len());
    seed_catalogue(&database, &HashMap::new(), NOW.plus(60_000)).await.unwrap();
    assert_eq!(tables(&database), once);
}
