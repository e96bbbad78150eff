//! Projects, as the control plane reads and changes them.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Activity, Viewer, flag, grants::grant_on, json_arg, json_text, limits, pages::PageQuery,
    statement,
};
use crate::{
    ids::{InstanceId, OrganizationId, ProjectId, UserId},
    ports::{Arg, Statement},
    time::UnixMillis,
};

macro_rules! columns {
    () => {
        "p.id, p.instance_id, p.name, p.description, p.settings, p.retain_content, p.response_cache_ttl_s, p.status,
         p.created_at, p.updated_at, i.organization_id, i.environment"
    };
}

/// A project, and what of its instance matters.
#[derive(Clone, Debug, Deserialize)]
pub struct ProjectRow {
    /// When it was made.
    pub created_at: UnixMillis,
    /// For people.
    pub description: Option<String>,
    /// Of its instance: `production` or `development`.
    pub environment: String,
    /// The viewer's grant on its instance, where the query asks for one.
    #[serde(default)]
    pub grant_role: Option<String>,
    /// Its id.
    pub id: ProjectId,
    /// Its instance.
    pub instance_id: InstanceId,
    /// For people.
    pub name: String,
    /// Whose it is, by its instance.
    pub organization_id: OrganizationId,
    /// For how many seconds answers are kept to be given once more; absent: only where a call asks for it.
    pub response_cache_ttl_s: Option<u64>,
    /// Whether prompts and replies are kept.
    #[serde(deserialize_with = "flag")]
    pub retain_content: bool,
    /// The client's own.
    #[serde(deserialize_with = "json_text")]
    pub settings: Map<String, Value>,
    /// Whether it may act.
    pub status: Activity,
    /// When it was last changed; moves on with each change.
    pub updated_at: UnixMillis,
}

/// Finds one, with the grant that `user` has on its instance: at most one [`ProjectRow`].
#[must_use]
pub fn find(id: &ProjectId, user: Option<&UserId>) -> Statement {
    statement(
        concat!(
            "SELECT ",
            columns!(),
            ", g.role AS grant_role FROM projects AS p JOIN instances AS i ON i.id = p.instance_id
             ",
            grant_on!("i.id"),
            "
             WHERE p.id = ?1"
        ),
        [id.as_str().into(), user.map(UserId::as_str).into()],
    )
}

/// What a list is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct ProjectQuery<'a> {
    /// Only this instance's.
    pub instance: Option<&'a InstanceId>,
    /// Which page.
    pub page: PageQuery,
    /// Only those of this status.
    pub status: Option<Activity>,
}

/// Lists by id what the viewer sees: [`ProjectRow`]s for [`PageQuery::page`].
#[must_use]
pub fn list(query: &ProjectQuery<'_>, viewer: Viewer<'_>) -> Statement {
    let mut args = vec![
        query.page.after.as_deref().unwrap_or("").into(),
        query.instance.map(InstanceId::as_str).into(),
        query.status.map(Activity::as_str).into(),
        query.page.rows_to_read().into(),
    ];
    let sql = match (viewer, query.instance) {
        (Viewer::Everything, None) => concat!(
            "SELECT ",
            columns!(),
            " FROM projects AS p JOIN instances AS i ON i.id = p.instance_id
             WHERE p.id > ?1 AND ?2 IS NULL AND (?3 IS NULL OR p.status = ?3)
             ORDER BY p.id LIMIT CAST(?4 AS INTEGER)"
        ),
        (Viewer::Everything, Some(_)) => concat!(
            "SELECT ",
            columns!(),
            " FROM projects AS p JOIN instances AS i ON i.id = p.instance_id
             WHERE p.instance_id = ?2 AND p.id > ?1 AND (?3 IS NULL OR p.status = ?3)
             ORDER BY p.id LIMIT CAST(?4 AS INTEGER)"
        ),
        (Viewer::Person { .. }, _) => concat!(
            "WITH seen AS (
               SELECT id FROM instances WHERE organization_id = ?5
               UNION SELECT instance_id FROM user_grants WHERE user_id = ?6)
             SELECT ",
            columns!(),
            " FROM seen JOIN projects AS p ON p.instance_id = seen.id
             JOIN instances AS i ON i.id = p.instance_id
             WHERE p.id > ?1 AND (?2 IS NULL OR p.instance_id = ?2) AND (?3 IS NULL OR p.status = ?3)
             ORDER BY p.id LIMIT CAST(?4 AS INTEGER)"
        ),
    };
    args.extend(viewer.args());
    Statement { args, sql }
}

fn values(row: &ProjectRow) -> Vec<Arg> {
    vec![
        row.id.as_str().into(),
        row.instance_id.as_str().into(),
        row.name.as_str().into(),
        row.description.clone().into(),
        json_arg(&row.settings),
        row.retain_content.into(),
        row.status.as_str().into(),
        row.updated_at.into(),
        row.response_cache_ttl_s.and_then(|ttl_s| i64::try_from(ttl_s).ok()).into(),
    ]
}

/// Saves a new one.
#[must_use]
pub fn insert(row: &ProjectRow) -> Statement {
    Statement {
        args: values(row),
        sql: "INSERT INTO projects (id, instance_id, name, description, settings, retain_content, status,
                created_at, updated_at, response_cache_ttl_s)
              VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9)",
    }
}

/// Saves all of it over what is there.
#[must_use]
pub fn update(row: &ProjectRow) -> Statement {
    Statement {
        args: values(row),
        sql: "UPDATE projects SET name = ?3, description = ?4, settings = ?5, retain_content = ?6,
                status = ?7, updated_at = ?8, response_cache_ttl_s = ?9
              WHERE id = ?1 AND instance_id = ?2",
    }
}

/// Gives up all answers that are kept for its keys: they are found no more.
#[must_use]
pub fn clear_response_cache(id: &ProjectId) -> Statement {
    statement(
        "UPDATE projects SET response_cache_generation = response_cache_generation + 1 WHERE id = ?1",
        [id.as_str().into()],
    )
}

/// Removes it, and its keys and what holds for them with it: three statements.
#[must_use]
pub fn delete(id: &ProjectId) -> [Statement; 3] {
    let [limits, budgets] = limits::leave_project(id);
    [limits, budgets, statement("DELETE FROM projects WHERE id = ?1", [id.as_str().into()])]
}

/// Counts what is below it, keys that still hold: one row of numbers by name.
#[must_use]
pub fn below(id: &ProjectId) -> Statement {
    statement(
        "SELECT (SELECT count(*) FROM api_keys WHERE project_id = ?1 AND revoked_at IS NULL) AS api_keys",
        [id.as_str().into()],
    )
}

/// Ends the batch with a conflict on `audit_events.id` unless the project is as it was at `expected`: see
/// [`super::organizations::unchanged`].
#[must_use]
pub fn unchanged(event: &str, id: &ProjectId, expected: UnixMillis) -> Statement {
    statement(
        "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
         SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
         WHERE e.id = ?1 AND NOT EXISTS (
           SELECT 1 FROM projects AS p WHERE p.id = ?2 AND p.updated_at = ?3)",
        [event.into(), id.as_str().into(), expected.into()],
    )
}

/// As [`unchanged`]: ends the batch if the project has a key that holds.
#[must_use]
pub fn empty(event: &str, id: &ProjectId) -> Statement {
    statement(
        "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
         SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
         WHERE e.id = ?1
           AND EXISTS (SELECT 1 FROM api_keys WHERE project_id = ?2 AND revoked_at IS NULL)",
        [event.into(), id.as_str().into()],
    )
}
