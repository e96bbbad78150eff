//! Organizations, as the control plane reads and changes them.

use serde::Deserialize;

use super::{
    Activity, assets, json_arg, json_text_or_null, limits, pages::PageQuery, statement, users,
};
use crate::{
    ids::OrganizationId,
    ports::{Arg, Statement},
    time::UnixMillis,
};

/// An organization.
#[derive(Clone, Debug, Deserialize)]
pub struct OrganizationRow {
    /// Where bills go.
    pub billing_email: Option<String>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// The domains of the addresses that its own administrators may give, in lower case; any if absent.
    #[serde(deserialize_with = "json_text_or_null")]
    pub email_domains: Option<Vec<String>>,
    /// Its id.
    pub id: OrganizationId,
    /// For people.
    pub name: String,
    /// Whether it may act.
    pub status: Activity,
    /// IANA name: days and months of its books begin there.
    pub time_zone: String,
    /// When it was last changed. Each change moves it on, so it tells one state from another.
    pub updated_at: UnixMillis,
}

/// The tenants on whose instances its persons have grants: [`super::users::ReachRow`]s.
#[must_use]
pub fn reach(id: &OrganizationId) -> Statement {
    statement(
        "SELECT DISTINCT i.organization_id FROM users AS u
         JOIN user_grants AS g ON g.user_id = u.id
         JOIN instances AS i ON i.id = g.instance_id
         WHERE u.organization_id = ?1",
        [id.as_str().into()],
    )
}

/// Finds one: at most one [`OrganizationRow`].
#[must_use]
pub fn find(id: &OrganizationId) -> Statement {
    statement(
        "SELECT id, name, billing_email, email_domains, time_zone, status, created_at, updated_at
         FROM organizations WHERE id = ?1",
        [id.as_str().into()],
    )
}

/// Lists by id: [`OrganizationRow`]s for [`PageQuery::page`]. `only`: this one or none.
#[must_use]
pub fn list(
    only: Option<&OrganizationId>,
    status: Option<Activity>,
    page: &PageQuery,
) -> Statement {
    statement(
        "SELECT o.id, o.name, o.billing_email, o.email_domains, o.time_zone, o.status, o.created_at,
           o.updated_at
         FROM organizations AS o
         WHERE o.id > ?1 AND (?2 IS NULL OR o.id = ?2) AND (?3 IS NULL OR o.status = ?3)
         ORDER BY o.id LIMIT CAST(?4 AS INTEGER)",
        [
            page.after.as_deref().unwrap_or("").into(),
            only.map(OrganizationId::as_str).into(),
            status.map(Activity::as_str).into(),
            page.rows_to_read().into(),
        ],
    )
}

/// Saves a new one.
#[must_use]
pub fn insert(row: &OrganizationRow) -> Statement {
    statement(
        "INSERT INTO organizations (id, name, billing_email, time_zone, status, created_at, updated_at,
           email_domains)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        [
            row.id.as_str().into(),
            row.name.as_str().into(),
            row.billing_email.clone().into(),
            row.time_zone.as_str().into(),
            row.status.as_str().into(),
            row.created_at.into(),
            row.updated_at.into(),
            domains(row),
        ],
    )
}

/// Saves all of it over what is there.
#[must_use]
pub fn update(row: &OrganizationRow) -> Statement {
    statement(
        "UPDATE organizations SET name = ?2, billing_email = ?3, time_zone = ?4, status = ?5,
           updated_at = ?6, email_domains = ?7
         WHERE id = ?1",
        [
            row.id.as_str().into(),
            row.name.as_str().into(),
            row.billing_email.clone().into(),
            row.time_zone.as_str().into(),
            row.status.as_str().into(),
            row.updated_at.into(),
            domains(row),
        ],
    )
}

fn domains(row: &OrganizationRow) -> Arg {
    row.email_domains.as_ref().map_or(Arg::Null, json_arg)
}

/// Removes it and all below it: eight statements, in an order that its foreign keys allow.
#[must_use]
pub fn delete(id: &OrganizationId) -> [Statement; 8] {
    let [limits, budgets] = limits::leave_persons_of(id);
    [
        users::others_operate(id),
        limits,
        budgets,
        assets::leave_by_organization(id),
        statement(
            "DELETE FROM projects
             WHERE instance_id IN (SELECT id FROM instances WHERE organization_id = ?1)",
            [id.as_str().into()],
        ),
        statement("DELETE FROM instances WHERE organization_id = ?1", [id.as_str().into()]),
        statement("DELETE FROM users WHERE organization_id = ?1", [id.as_str().into()]),
        statement("DELETE FROM organizations WHERE id = ?1", [id.as_str().into()]),
    ]
}

/// Counts what is below it: one row of numbers by name.
#[must_use]
pub fn below(id: &OrganizationId) -> Statement {
    statement(
        "SELECT
           (SELECT count(*) FROM instances WHERE organization_id = ?1) AS instances,
           (SELECT count(*) FROM instances AS i JOIN projects AS p ON p.instance_id = i.id
             WHERE i.organization_id = ?1) AS projects,
           (SELECT count(*) FROM instances AS i JOIN projects AS p ON p.instance_id = i.id
             JOIN api_keys AS k ON k.project_id = p.id WHERE i.organization_id = ?1)
           + (SELECT count(*) FROM users AS u JOIN api_keys AS k ON k.user_id = u.id
             WHERE u.organization_id = ?1) AS api_keys,
           (SELECT count(*) FROM users WHERE organization_id = ?1) AS users,
           (SELECT count(*) FROM providers WHERE organization_id = ?1) AS providers,
           (SELECT count(*) FROM model_configs WHERE organization_id = ?1) AS model_configs,
           (SELECT count(*) FROM assets WHERE organization_id = ?1) AS assets,
           (SELECT count(*) FROM webhooks WHERE organization_id = ?1) AS webhooks",
        [id.as_str().into()],
    )
}

/// Ends the batch with a conflict on `audit_events.id` unless the organization is as it was at
/// `expected`. It comes after the insertion of that event, whose own row it would repeat.
#[must_use]
pub fn unchanged(event: &str, id: &OrganizationId, expected: UnixMillis) -> Statement {
    statement(
        "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
         SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
         WHERE e.id = ?1 AND NOT EXISTS (
           SELECT 1 FROM organizations AS o WHERE o.id = ?2 AND o.updated_at = ?3)",
        [event.into(), id.as_str().into(), expected.into()],
    )
}

/// As [`unchanged`]: ends the batch if anything is below the organization.
#[must_use]
pub fn empty(event: &str, id: &OrganizationId) -> Statement {
    statement(
        "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
         SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
         WHERE e.id = ?1 AND (
           EXISTS (SELECT 1 FROM instances WHERE organization_id = ?2)
           OR EXISTS (SELECT 1 FROM users WHERE organization_id = ?2)
           OR EXISTS (SELECT 1 FROM providers WHERE organization_id = ?2)
           OR EXISTS (SELECT 1 FROM model_configs WHERE organization_id = ?2)
           OR EXISTS (SELECT 1 FROM webhooks WHERE organization_id = ?2))",
        [event.into(), id.as_str().into()],
    )
}
