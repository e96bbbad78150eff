//! What the queries for limits and budgets find, guard and remove, on the real schema.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeMap;

use de_core::{
    ids::{ApiKeyId, InstanceId, OrganizationId, UserId},
    limits::{Kind, Limit, Period, Scope, ScopeKind, Span, Terms},
    ports::{Database, PortError, Statement, rows},
    store::{
        api_keys::{self, ApiKeyRow},
        audit::{self, Actor, AuditEvent},
        limits::{self, BudgetsRow, LimitsRow, NewLimit, Place, RowsQuery, Sight, put, put_budget},
        pages::PageQuery,
        projects,
        tenants::{self, KeyHolder, NewKey},
    },
    time::UnixMillis,
};
use de_testkit::platform::{START, TestPlatform};
use serde_json::json;

const MINUTE: Kind = Kind::Requests(Span::Minute);

fn limit<'a>(place: &'a Place, kind: Kind, amount: u64) -> NewLimit<'a> {
    NewLimit {
        amount,
        instance: place.instance.as_ref(),
        kind,
        organization: &place.organization,
        scope: &place.scope,
        shadow: false,
    }
}

fn budget(place: &Place, period: Period, max: u64, at: UnixMillis) -> Statement {
    let terms = Terms { alerts: vec![50], release_after_h: Some(3) };
    let limit = Limit { terms, ..Limit::new(place.scope.clone(), Kind::Budget(period), max) };
    put_budget(&place.organization, place.instance.as_ref(), &limit, at)
}

async fn limits_of(test: &TestPlatform, place: &Place) -> Option<LimitsRow> {
    let found: Vec<LimitsRow> = rows(&*test.database, limits::limits_of(place)).await.unwrap();
    assert!(found.len() <= 1);
    found.into_iter().next()
}

async fn budgets_of(test: &TestPlatform, place: &Place) -> Option<BudgetsRow> {
    let found: Vec<BudgetsRow> = rows(&*test.database, limits::budgets_of(place)).await.unwrap();
    assert!(found.len() <= 1);
    found.into_iter().next()
}

fn place(test: &TestPlatform, kind: ScopeKind, id: &str) -> Place {
    let dev = &test.tenant.tenant;
    Place {
        instance: (kind != ScopeKind::Organization).then(|| dev.instance_id.clone()),
        organization: dev.organization_id.clone(),
        scope: Scope::new(kind, id),
    }
}

#[tokio::test]
async fn the_rows_of_a_scope_are_one_and_are_kept_by_kind() {
    let test = TestPlatform::new().await.unwrap();
    let (here, there) =
        (place(&test, ScopeKind::Model, "a:b/c"), place(&test, ScopeKind::Provider, "a:b/c"));
    assert!(limits_of(&test, &here).await.is_none());
    let later = START.plus(7);
    let batch = vec![
        put(&limit(&here, MINUTE, 5), START),
        put(&limit(&here, Kind::Concurrent, 0), later),
        put(&limit(&there, MINUTE, 9), START),
        budget(&here, Period::Total, 0, START),
        budget(&here, Period::Day, 1 << 40, later),
    ];
    test.database.batch(batch).await.unwrap();
    let found = limits_of(&test, &here).await.unwrap();
    assert_eq!(found.amounts, BTreeMap::from([(MINUTE, 5), (Kind::Concurrent, 0)]));
    assert_eq!((found.placed.created_at, found.placed.updated_at), (START, later));
    assert_eq!(found.placed.place().unwrap(), here);
    let mut found = budgets_of(&test, &here).await.unwrap().budgets;
    found.sort_by_key(|budget| budget.period.clone());
    assert_eq!((found[0].period.as_str(), found[0].amount_micros), ("day", 1 << 40));
    assert_eq!((&found[1].alerts, found[1].release_after_h), (&vec![50], Some(3)));

    let kept = vec![
        limits::keep_limits(&here, [&Kind::Concurrent]),
        limits::keep_budgets(&here, [Period::Total]),
    ];
    test.database.batch(kept).await.unwrap();
    let found = limits_of(&test, &here).await.unwrap();
    assert_eq!(found.amounts, BTreeMap::from([(Kind::Concurrent, 0)]));
    assert_eq!(budgets_of(&test, &here).await.unwrap().budgets.len(), 1);
    test.database.batch(vec![limits::keep_limits(&here, [])]).await.unwrap();
    assert!(limits_of(&test, &here).await.is_none());
    assert_eq!(limits_of(&test, &there).await.unwrap().amounts[&MINUTE], 9);
}

#[tokio::test]
async fn a_change_of_what_others_changed_leaves_nothing() {
    let test = TestPlatform::new().await.unwrap();
    let here = place(&test, ScopeKind::Organization, "org_dev");
    let event = |id: &str| {
        let event = AuditEvent {
            action: "limits.put".to_owned(),
            actor: Actor::Key("key_1".to_owned()),
            after: None,
            before: None,
            id: id.to_owned(),
            organization_id: None,
            request_id: None,
            target_id: "org_dev".to_owned(),
        };
        audit::insert(&event, START)
    };
    let batch = |id: &str, expected: Option<UnixMillis>, at: UnixMillis| {
        let amount = at.since(START).unsigned_abs();
        vec![
            event(id),
            limits::limits_unchanged(id, &here, expected),
            limits::budgets_unchanged(id, &here, expected),
            put(&limit(&here, MINUTE, amount), at),
            budget(&here, Period::Day, amount, at),
        ]
    };
    test.database.batch(batch("audit_1", None, START.plus(1))).await.unwrap();
    for expected in [None, Some(START), Some(START.plus(2))] {
        let refused = test.database.batch(batch("audit_2", expected, START.plus(9))).await;
        let Err(PortError::Conflict { constraint }) = refused else { panic!("{refused:?}") };
        assert_eq!(constraint, "audit_events.id");
        assert_eq!(limits_of(&test, &here).await.unwrap().amounts[&MINUTE], 1);
    }
    test.database.batch(batch("audit_3", Some(START.plus(1)), START.plus(5))).await.unwrap();
    assert_eq!(limits_of(&test, &here).await.unwrap().amounts[&MINUTE], 5);
}

#[tokio::test]
async fn a_project_leaves_nothing_that_held_for_it_or_its_keys() {
    let test = TestPlatform::new().await.unwrap();
    let dev = &test.tenant.tenant;
    let project = place(&test, ScopeKind::Project, dev.project_id.as_str());
    let key = place(&test, ScopeKind::Key, dev.keys[1].id.as_str());
    let instance = place(&test, ScopeKind::Instance, dev.instance_id.as_str());
    for place in [&project, &key, &instance] {
        let batch =
            vec![put(&limit(place, MINUTE, 5), START), budget(place, Period::Week, 5, START)];
        test.database.batch(batch).await.unwrap();
    }
    test.database.batch(projects::delete(&dev.project_id).into()).await.unwrap();
    for gone in [&project, &key] {
        assert!(limits_of(&test, gone).await.is_none() && budgets_of(&test, gone).await.is_none());
    }
    assert!(limits_of(&test, &instance).await.is_some());
    assert!(budgets_of(&test, &instance).await.is_some());
}

#[tokio::test]
async fn a_guests_new_key_has_what_held_for_the_old_one_where_they_are_a_guest() {
    let test = TestPlatform::new().await.unwrap();
    let away = OrganizationId::parse("org_away").unwrap();
    let guest = UserId::parse("user_guest").unwrap();
    let instance = InstanceId::parse("inst_dev").unwrap();
    let (old, new) = (ApiKeyId::parse("key_old").unwrap(), ApiKeyId::parse("key_new").unwrap());
    let person = tenants::NewUser {
        email: "guest@example.com",
        id: &guest,
        name: "Guest",
        organization_id: &away,
        role: "user",
    };
    let key = NewKey {
        allowed_models: None,
        digest: "d",
        expires_at: None,
        holder: KeyHolder::User(&guest),
        id: &old,
        kind: de_core::auth::api_key::KeyKind::Admin,
        last_four: "0000",
        name: "k",
        revoked_at: None,
        scopes: &[],
    };
    let held = place(&test, ScopeKind::Key, old.as_str());
    let batch = vec![
        tenants::put_organization(&away, "Away", START),
        tenants::put_user(person, START),
        tenants::put_grant(&guest, &instance, "user", START),
        tenants::put_key(&key, START),
        put(&limit(&held, MINUTE, 5), START),
        budget(&held, Period::Total, 6, START),
    ];
    test.database.batch(batch).await.unwrap();
    let found: Vec<ApiKeyRow> = rows(&*test.database, api_keys::find(&old, None)).await.unwrap();
    assert_eq!(found[0].organization_id, away);
    let inherit = api_keys::inherit_limits(&found[0], &new, START);
    test.database.batch(inherit.into()).await.unwrap();
    let held = place(&test, ScopeKind::Key, new.as_str());
    assert_eq!(limits_of(&test, &held).await.unwrap().amounts[&MINUTE], 5);
    assert_eq!(budgets_of(&test, &held).await.unwrap().budgets[0].amount_micros, 6);

    // The guest's list has what stands where they are one, and nothing above it.
    let above = place(&test, ScopeKind::Organization, "org_dev");
    test.database.batch(vec![put(&limit(&above, MINUTE, 7), START)]).await.unwrap();
    let query = RowsQuery {
        instance: None,
        organization: None,
        page: PageQuery::default(),
        scope: None,
        scope_id: None,
        sight: Sight::Person { organization: None, user: Some(&guest) },
    };
    let seen: Vec<LimitsRow> = rows(&*test.database, limits::limits(&query)).await.unwrap();
    let seen: Vec<&str> = seen.iter().map(|row| row.placed.scope_id.as_str()).collect();
    assert_eq!(json!(seen), json!(["key_new", "key_old"]));
}
