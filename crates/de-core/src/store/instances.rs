//! Instances, as the control plane reads and changes them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    Activity, Viewer, assets, grants::grant_on, json_arg, json_text, pages::PageQuery, statement,
};
use crate::{
    ids::{InstanceId, ModelId, OrganizationId, UserId},
    ports::{Arg, Statement},
    time::UnixMillis,
};

macro_rules! columns {
    () => {
        "i.id, i.organization_id, i.name, i.environment, i.allowed_origins, i.retention_days,
         i.on_limiter_failure, i.default_models, i.default_max_output_tokens, i.status, i.created_at,
         i.updated_at"
    };
}

/// An instance.
#[derive(Clone, Debug, Deserialize)]
pub struct InstanceRow {
    /// Origins of pages that may call.
    #[serde(deserialize_with = "json_text")]
    pub allowed_origins: Vec<String>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// The output bound for calls and models that give none, in tokens.
    pub default_max_output_tokens: Option<i64>,
    /// Modality → model.
    #[serde(deserialize_with = "json_text")]
    pub default_models: BTreeMap<String, ModelId>,
    /// `production` or `development`.
    pub environment: String,
    /// The viewer's grant on it, where the query asks for one.
    #[serde(default)]
    pub grant_role: Option<String>,
    /// Its id.
    pub id: InstanceId,
    /// For people.
    pub name: String,
    /// `refuse` or `allow`.
    pub on_limiter_failure: String,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// How long what it keeps is kept.
    pub retention_days: Option<i64>,
    /// Whether it may act.
    pub status: Activity,
    /// When it was last changed; moves on with each change.
    pub updated_at: UnixMillis,
}

/// Finds one, with the grant that `user` has on it: at most one [`InstanceRow`].
#[must_use]
pub fn find(id: &InstanceId, user: Option<&UserId>) -> Statement {
    statement(
        concat!(
            "SELECT ",
            columns!(),
            ", g.role AS grant_role FROM instances AS i
             ",
            grant_on!("i.id"),
            "
             WHERE i.id = ?1"
        ),
        [id.as_str().into(), user.map(UserId::as_str).into()],
    )
}

/// What a list is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct InstanceQuery<'a> {
    /// `production` or `development`.
    pub environment: Option<&'a str>,
    /// Only this organization's.
    pub organization: Option<&'a OrganizationId>,
    /// Which page.
    pub page: PageQuery,
    /// Only those of this status.
    pub status: Option<Activity>,
}

/// Lists by id what the viewer sees: [`InstanceRow`]s for [`PageQuery::page`].
#[must_use]
pub fn list(query: &InstanceQuery<'_>, viewer: Viewer<'_>) -> Statement {
    let mut args = vec![
        query.page.after.as_deref().unwrap_or("").into(),
        query.organization.map(OrganizationId::as_str).into(),
        query.environment.into(),
        query.status.map(Activity::as_str).into(),
        query.page.rows_to_read().into(),
    ];
    let sql = match (viewer, query.organization) {
        (Viewer::Everything, None) => concat!(
            "SELECT ",
            columns!(),
            " FROM instances AS i
             WHERE i.id > ?1 AND ?2 IS NULL AND (?3 IS NULL OR i.environment = ?3)
               AND (?4 IS NULL OR i.status = ?4)
             ORDER BY i.id LIMIT CAST(?5 AS INTEGER)"
        ),
        (Viewer::Everything, Some(_)) => concat!(
            "SELECT ",
            columns!(),
            " FROM instances AS i
             WHERE i.organization_id = ?2 AND i.id > ?1 AND (?3 IS NULL OR i.environment = ?3)
               AND (?4 IS NULL OR i.status = ?4)
             ORDER BY i.id LIMIT CAST(?5 AS INTEGER)"
        ),
        (Viewer::Person { .. }, _) => concat!(
            "WITH seen AS (
               SELECT id FROM instances WHERE organization_id = ?6
               UNION SELECT instance_id FROM user_grants WHERE user_id = ?7)
             SELECT ",
            columns!(),
            " FROM seen JOIN instances AS i ON i.id = seen.id
             WHERE i.id > ?1 AND (?2 IS NULL OR i.organization_id = ?2)
               AND (?3 IS NULL OR i.environment = ?3) AND (?4 IS NULL OR i.status = ?4)
             ORDER BY i.id LIMIT CAST(?5 AS INTEGER)"
        ),
    };
    args.extend(viewer.args());
    Statement { args, sql }
}

fn values(row: &InstanceRow) -> Vec<Arg> {
    vec![
        row.id.as_str().into(),
        row.organization_id.as_str().into(),
        row.name.as_str().into(),
        row.environment.as_str().into(),
        json_arg(&row.allowed_origins),
        row.retention_days.into(),
        row.on_limiter_failure.as_str().into(),
        json_arg(&row.default_models),
        row.default_max_output_tokens.into(),
        row.status.as_str().into(),
        row.updated_at.into(),
    ]
}

/// Saves a new one.
#[must_use]
pub fn insert(row: &InstanceRow) -> Statement {
    Statement {
        args: values(row),
        sql: "INSERT INTO instances (id, organization_id, name, environment, allowed_origins,
                retention_days, on_limiter_failure, default_models, default_max_output_tokens, status,
                created_at, updated_at)
              VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)",
    }
}

/// Saves all of it over what is there.
#[must_use]
pub fn update(row: &InstanceRow) -> Statement {
    Statement {
        args: values(row),
        sql: "UPDATE instances SET name = ?3, environment = ?4, allowed_origins = ?5,
                retention_days = ?6, on_limiter_failure = ?7, default_models = ?8,
                default_max_output_tokens = ?9, status = ?10, updated_at = ?11
              WHERE id = ?1 AND organization_id = ?2",
    }
}

/// Removes it and all below it: three statements.
#[must_use]
pub fn delete(id: &InstanceId) -> [Statement; 3] {
    [
        assets::leave_by_instance(id),
        statement("DELETE FROM projects WHERE instance_id = ?1", [id.as_str().into()]),
        statement("DELETE FROM instances WHERE id = ?1", [id.as_str().into()]),
    ]
}

/// Counts what is below it: one row of numbers by name.
#[must_use]
pub fn below(id: &InstanceId) -> Statement {
    statement(
        "SELECT
           (SELECT count(*) FROM projects WHERE instance_id = ?1) AS projects,
           (SELECT count(*) FROM projects AS p JOIN api_keys AS k ON k.project_id = p.id
             WHERE p.instance_id = ?1) AS api_keys,
           (SELECT count(*) FROM user_grants WHERE instance_id = ?1) AS grants,
           (SELECT count(*) FROM provider_keys WHERE instance_id = ?1) AS provider_keys,
           (SELECT count(*) FROM assets WHERE instance_id = ?1) AS assets,
           (SELECT count(*) FROM webhooks WHERE instance_id = ?1) AS webhooks",
        [id.as_str().into()],
    )
}

/// Ends the batch with a conflict on `audit_events.id` unless the instance is as it was at `expected`:
/// see [`super::organizations::unchanged`].
#[must_use]
pub fn unchanged(event: &str, id: &InstanceId, expected: UnixMillis) -> Statement {
    statement(
        "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
         SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
         WHERE e.id = ?1 AND NOT EXISTS (
           SELECT 1 FROM instances AS i WHERE i.id = ?2 AND i.updated_at = ?3)",
        [event.into(), id.as_str().into(), expected.into()],
    )
}

/// As [`unchanged`]: ends the batch if anything is below the instance.
#[must_use]
pub fn empty(event: &str, id: &InstanceId) -> Statement {
    statement(
        "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
         SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
         WHERE e.id = ?1 AND (
           EXISTS (SELECT 1 FROM projects WHERE instance_id = ?2)
           OR EXISTS (SELECT 1 FROM user_grants WHERE instance_id = ?2)
           OR EXISTS (SELECT 1 FROM provider_keys WHERE instance_id = ?2)
           OR EXISTS (SELECT 1 FROM assets WHERE instance_id = ?2)
           OR EXISTS (SELECT 1 FROM webhooks WHERE instance_id = ?2))",
        [event.into(), id.as_str().into()],
    )
}
