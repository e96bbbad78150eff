//! Limits and budgets.

use de_core::{
    ids::{ApiKeyId, InstanceId, OrganizationId, ProjectId, UserId},
    limits::{Kind, Limit, Period, Scope, ScopeKind},
    ports::Statement,
    store::{
        api_keys,
        limits::{self, RowsQuery, Sight},
        pages::PageQuery,
    },
};
use serde_json::json;

use crate::NOW;

/// What the control plane reads and changes limits and budgets by.
pub(super) fn limits_and_budgets() -> Vec<Statement> {
    let organization = OrganizationId::parse("org_1").unwrap();
    let instance = InstanceId::parse("inst_1").unwrap();
    let (key, project) = (ApiKeyId::parse("key_1").unwrap(), ProjectId::parse("proj_1").unwrap());
    let user = UserId::parse("user_1").unwrap();
    let place = limits::Place {
        instance: Some(instance.clone()),
        organization: organization.clone(),
        scope: Scope::new(ScopeKind::Key, "key_1"),
    };
    let budget = Limit::new(place.scope.clone(), Kind::Budget(Period::Day), 5);
    let mut all = vec![
        limits::put_budget(&organization, Some(&instance), &budget, NOW),
        limits::limits_of(&place),
        limits::budgets_of(&place),
        limits::keep_limits(&place, [&Kind::Concurrent]),
        limits::keep_budgets(&place, [Period::Day]),
        limits::limits_unchanged("audit_1", &place, Some(NOW)),
        limits::budgets_unchanged("audit_1", &place, None),
        limits::of_models(&["m"], &organization),
    ];
    all.extend(limits::leave_person(&user));
    all.extend(limits::leave_persons_of(&organization));
    all.extend(limits::leave_project(&project));
    all.extend(api_keys::inherit_limits(&api_key(&organization, &user), &key, NOW));
    for sight in [
        Sight::Person { organization: Some(&organization), user: Some(&user) },
        Sight::Program { key: &key, project: &project },
    ] {
        let query = RowsQuery {
            instance: Some(&instance),
            organization: Some(&organization),
            page: PageQuery { after: Some("a".to_owned()), limit: 2 },
            scope: Some(ScopeKind::Key),
            scope_id: Some("key_1"),
            sight,
        };
        all.push(limits::limits(&query));
        all.push(limits::budgets(&query));
    }
    all
}

/// A person's key.
fn api_key(organization: &OrganizationId, user: &UserId) -> api_keys::ApiKeyRow {
    let row = json!({
        "allowed_addresses": "[]", "allowed_models": null, "allowed_origins": "[]", "created_at": 1,
        "expires_at": null, "id": "key_2", "instance_id": null, "last_four": "0000",
        "last_used_at": null, "name": "k", "organization_id": organization, "prefix": "de_admin_",
        "project_id": null, "revoked_at": null, "scopes": "[]", "updated_at": 1, "user_id": user,
        "user_role": "admin",
    });
    serde_json::from_value(row).unwrap()
}
