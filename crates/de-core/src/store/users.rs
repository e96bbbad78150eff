//! Persons, as the control plane reads and changes them.

use serde::Deserialize;

use super::{Activity, Viewer, pages::PageQuery, statement};
use crate::{
    ids::{OrganizationId, UserId},
    ports::{Arg, Statement},
    time::UnixMillis,
};

macro_rules! columns {
    () => {
        "u.id, u.organization_id, u.email, u.name, u.role, u.status, u.created_at, u.updated_at"
    };
}

/// A person.
#[derive(Clone, Debug, Deserialize)]
pub struct UserRow {
    /// When it was made.
    pub created_at: UnixMillis,
    /// In lower case; no two persons have the same.
    pub email: String,
    /// Its id.
    pub id: UserId,
    /// For people.
    pub name: Option<String>,
    /// Whose person it is.
    pub organization_id: OrganizationId,
    /// `user`, `admin` or `superadmin`.
    pub role: String,
    /// Whether they may act.
    pub status: Activity,
    /// When it was last changed; moves on with each change.
    pub updated_at: UnixMillis,
}

/// Finds one: at most one [`UserRow`].
#[must_use]
pub fn find(id: &UserId) -> Statement {
    statement(
        concat!("SELECT ", columns!(), " FROM users AS u WHERE u.id = ?1"),
        [id.as_str().into()],
    )
}

/// What a list is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct UserQuery<'a> {
    /// Only who has this address, in lower case.
    pub email: Option<&'a str>,
    /// Only this organization's.
    pub organization: Option<&'a OrganizationId>,
    /// Which page.
    pub page: PageQuery,
    /// Only those of this role.
    pub role: Option<&'a str>,
    /// Only those of this status.
    pub status: Option<Activity>,
}

macro_rules! narrowed {
    () => {
        "u.id > ?1 AND (?2 IS NULL OR u.organization_id = ?2) AND (?3 IS NULL OR u.email = ?3)
           AND (?4 IS NULL OR u.role = ?4) AND (?5 IS NULL OR u.status = ?5)
         ORDER BY u.id LIMIT CAST(?6 AS INTEGER)"
    };
}

/// Lists by id what the viewer sees: [`UserRow`]s for [`PageQuery::page`].
///
/// A person sees themselves, and who is of the organization that they administer.
#[must_use]
pub fn list(query: &UserQuery<'_>, viewer: Viewer<'_>) -> Statement {
    let mut args = vec![
        query.page.after.as_deref().unwrap_or("").into(),
        query.organization.map(OrganizationId::as_str).into(),
        query.email.into(),
        query.role.into(),
        query.status.map(Activity::as_str).into(),
        query.page.rows_to_read().into(),
    ];
    let sql = match (viewer, query) {
        (Viewer::Everything, UserQuery { email: Some(_), .. }) => {
            concat!("SELECT ", columns!(), " FROM users AS u WHERE u.email = ?3 AND ", narrowed!())
        }
        (Viewer::Everything, UserQuery { organization: Some(_), .. }) => concat!(
            "SELECT ",
            columns!(),
            " FROM users AS u WHERE u.organization_id = ?2 AND ",
            narrowed!()
        ),
        (Viewer::Everything, UserQuery { role: Some(_), .. }) => {
            concat!("SELECT ", columns!(), " FROM users AS u WHERE u.role = ?4 AND ", narrowed!())
        }
        (Viewer::Everything, _) => {
            concat!("SELECT ", columns!(), " FROM users AS u WHERE ", narrowed!())
        }
        (Viewer::Person { .. }, _) => concat!(
            "WITH seen AS (
               SELECT id FROM users WHERE organization_id = ?7
               UNION SELECT ?8)
             SELECT ",
            columns!(),
            " FROM seen JOIN users AS u ON u.id = seen.id WHERE ",
            narrowed!()
        ),
    };
    args.extend(viewer.args());
    Statement { args, sql }
}

fn values(row: &UserRow) -> Vec<Arg> {
    vec![
        row.id.as_str().into(),
        row.organization_id.as_str().into(),
        row.email.as_str().into(),
        row.name.clone().into(),
        row.role.as_str().into(),
        row.status.as_str().into(),
        row.updated_at.into(),
    ]
}

/// Saves a new one.
#[must_use]
pub fn insert(row: &UserRow) -> Statement {
    Statement {
        args: values(row),
        sql: "INSERT INTO users (id, organization_id, email, name, role, status, created_at, updated_at)
              VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
    }
}

/// Saves all of it over what is there.
#[must_use]
pub fn update(row: &UserRow) -> Statement {
    Statement {
        args: values(row),
        sql: "UPDATE users SET email = ?3, name = ?4, role = ?5, status = ?6, updated_at = ?7
              WHERE id = ?1 AND organization_id = ?2",
    }
}

/// Removes it, and its keys, grants and log-ins with it.
#[must_use]
pub fn delete(id: &UserId) -> Statement {
    statement("DELETE FROM users WHERE id = ?1", [id.as_str().into()])
}

/// Counts what is below it, keys that still hold and grants: one row of numbers by name.
#[must_use]
pub fn below(id: &UserId) -> Statement {
    statement(
        "SELECT
           (SELECT count(*) FROM api_keys WHERE user_id = ?1 AND revoked_at IS NULL) AS api_keys,
           (SELECT count(*) FROM user_grants WHERE user_id = ?1) AS grants",
        [id.as_str().into()],
    )
}

/// Ends the batch with a conflict on `audit_events.id` unless the person is as it was at `expected`: see
/// [`super::organizations::unchanged`].
#[must_use]
pub fn unchanged(event: &str, id: &UserId, expected: UnixMillis) -> Statement {
    statement(
        "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
         SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
         WHERE e.id = ?1 AND NOT EXISTS (
           SELECT 1 FROM users AS u WHERE u.id = ?2 AND u.updated_at = ?3)",
        [event.into(), id.as_str().into(), expected.into()],
    )
}

/// As [`unchanged`]: ends the batch if the person has a key that holds, or a grant.
#[must_use]
pub fn empty(event: &str, id: &UserId) -> Statement {
    statement(
        "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
         SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
         WHERE e.id = ?1 AND (
           EXISTS (SELECT 1 FROM api_keys WHERE user_id = ?2 AND revoked_at IS NULL)
           OR EXISTS (SELECT 1 FROM user_grants WHERE user_id = ?2))",
        [event.into(), id.as_str().into()],
    )
}

/// The constraint that [`another_operates`] and [`others_operate`] end a batch with: ids are made by us, so
/// nothing else does.
pub const NOBODY_OPERATES: &str = "users.id";

/// Ends the batch with a conflict on [`NOBODY_OPERATES`] if this person operates the service and nobody else
/// does. It comes before the statement that takes them away.
#[must_use]
pub fn another_operates(id: &UserId) -> Statement {
    statement(
        "INSERT INTO users (id, organization_id, email, created_at, updated_at)
         SELECT u.id, u.organization_id, lower(u.id), u.created_at, u.updated_at FROM users AS u
         WHERE u.id = ?1 AND u.role = 'superadmin' AND u.status = 'active' AND NOT EXISTS (
           SELECT 1 FROM users AS other JOIN organizations AS o ON o.id = other.organization_id
           WHERE other.role = 'superadmin' AND other.status = 'active' AND o.status = 'active'
             AND other.id <> ?1)",
        [id.as_str().into()],
    )
}

/// As [`another_operates`]: ends the batch if persons of this organization operate the service and nobody
/// else does.
#[must_use]
pub fn others_operate(id: &OrganizationId) -> Statement {
    statement(
        "INSERT INTO users (id, organization_id, email, created_at, updated_at)
         SELECT u.id, u.organization_id, lower(u.id), u.created_at, u.updated_at FROM users AS u
         WHERE u.organization_id = ?1 AND u.role = 'superadmin' AND u.status = 'active' AND NOT EXISTS (
           SELECT 1 FROM users AS other JOIN organizations AS o ON o.id = other.organization_id
           WHERE other.role = 'superadmin' AND other.status = 'active' AND o.status = 'active'
             AND o.id <> ?1)",
        [id.as_str().into()],
    )
}

/// A tenant that a person reaches.
#[derive(Clone, Debug, Deserialize)]
pub struct ReachRow {
    /// Which.
    pub organization_id: OrganizationId,
}

/// The organizations on whose instances a person has a grant: [`ReachRow`]s.
#[must_use]
pub fn reach(user: &UserId) -> Statement {
    statement(
        "SELECT DISTINCT i.organization_id FROM user_grants AS g
         JOIN instances AS i ON i.id = g.instance_id
         WHERE g.user_id = ?1",
        [user.as_str().into()],
    )
}
