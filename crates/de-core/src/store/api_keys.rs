//! Keys of projects and persons, as the control plane reads and changes them. No query reads a digest.

use serde::Deserialize;

use super::{
    Activity, Viewer, grants::grant_on, json_arg, json_text, json_text_or_null, pages::PageQuery,
    statement,
};
use crate::{
    auth::Scope,
    ids::{ApiKeyId, InstanceId, ModelId, OrganizationId, ProjectId, UserId},
    ports::{Arg, Statement},
    time::UnixMillis,
};

macro_rules! columns {
    () => {
        "k.id, k.project_id, k.user_id, k.name, k.prefix, k.last_four, k.scopes, k.allowed_models,
         k.allowed_origins, k.allowed_addresses, k.expires_at, k.revoked_at, k.last_used_at, k.created_at,
         k.updated_at, p.instance_id, coalesce(i.organization_id, u.organization_id) AS organization_id,
         u.role AS user_role"
    };
}

macro_rules! holders {
    () => {
        " LEFT JOIN projects AS p ON p.id = k.project_id
          LEFT JOIN instances AS i ON i.id = p.instance_id
          LEFT JOIN users AS u ON u.id = k.user_id"
    };
}

/// What holds for keys that are asked for, beside whose they are.
macro_rules! narrowed {
    () => {
        " AND k.id > ?1
          AND (?5 IS NULL OR ?5 = CASE
            WHEN k.revoked_at <= CAST(?9 AS INTEGER) THEN 'revoked'
            WHEN k.expires_at <= CAST(?9 AS INTEGER) THEN 'expired'
            ELSE 'active' END)
          AND (?6 IS NULL OR p.instance_id = ?6)
          AND (?7 IS NULL OR instr(lower(k.name), lower(?7)) > 0 OR instr(k.id, ?7) > 0 OR k.last_four = ?7)
          AND (?8 IS NULL OR k.expires_at < CAST(?8 AS INTEGER))
          ORDER BY k.id LIMIT CAST(?4 AS INTEGER)"
    };
}

/// Whether a key opens anything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyStatus {
    /// It does; also one that a rotation has given some more time.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

impl KeyStatus {
    /// The words for it.
    pub const WORDS: [&str; 3] = ["active", "expired", "revoked"];

    /// Reads one of [`KeyStatus::WORDS`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Expired, Self::Revoked]
            .into_iter()
            .find(|status| status.as_str() == word)
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// A key, and whose it is.
#[derive(Clone, Debug, Deserialize)]
pub struct ApiKeyRow {
    /// Addresses that may use it; empty: any.
    #[serde(deserialize_with = "json_text")]
    pub allowed_addresses: Vec<String>,
    /// Models that it may call; `None`: any.
    #[serde(deserialize_with = "json_text_or_null")]
    pub allowed_models: Option<Vec<ModelId>>,
    /// Origins of pages that may use it, and read its answers; empty: any may use it.
    #[serde(deserialize_with = "json_text")]
    pub allowed_origins: Vec<String>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Not good from then on.
    pub expires_at: Option<UnixMillis>,
    /// The viewer's grant on the instance of its project, where the query asks for one.
    #[serde(default)]
    pub grant_role: Option<String>,
    /// Its public part.
    pub id: ApiKeyId,
    /// The instance of its project.
    pub instance_id: Option<InstanceId>,
    /// Its end, for people.
    pub last_four: String,
    /// When it was last used.
    pub last_used_at: Option<UnixMillis>,
    /// For people.
    pub name: String,
    /// The organization of its project or person.
    pub organization_id: OrganizationId,
    /// `de_live_`, `de_test_` or `de_admin_`.
    pub prefix: String,
    /// Whose it is, if a project's.
    pub project_id: Option<ProjectId>,
    /// Not good since then.
    pub revoked_at: Option<UnixMillis>,
    /// What it may be used for.
    #[serde(deserialize_with = "json_text")]
    pub scopes: Vec<Scope>,
    /// When it was last changed; moves on with each change.
    pub updated_at: UnixMillis,
    /// Whose it is, if a person's.
    pub user_id: Option<UserId>,
    /// What that person is.
    pub user_role: Option<String>,
}

/// Finds one, with the grant that `user` has on the instance of its project: at most one [`ApiKeyRow`].
#[must_use]
pub fn find(id: &ApiKeyId, user: Option<&UserId>) -> Statement {
    statement(
        concat!(
            "SELECT ",
            columns!(),
            ", g.role AS grant_role FROM api_keys AS k",
            holders!(),
            " ",
            grant_on!("p.instance_id"),
            " WHERE k.id = ?1"
        ),
        [id.as_str().into(), user.map(UserId::as_str).into()],
    )
}

/// A person who shall have a key.
#[derive(Clone, Debug, Deserialize)]
pub struct HolderRow {
    /// Whose person it is.
    pub organization_id: OrganizationId,
    /// `user`, `admin` or `superadmin`.
    pub role: String,
    /// Whether they may act.
    pub status: Activity,
    /// When they were last changed.
    pub updated_at: UnixMillis,
}

/// Finds a person: at most one [`HolderRow`].
#[must_use]
pub fn holder(id: &UserId) -> Statement {
    statement(
        "SELECT organization_id, role, status, updated_at FROM users WHERE id = ?1",
        [id.as_str().into()],
    )
}

/// What a list is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct ApiKeyQuery<'a> {
    /// Only those that end before then, or have.
    pub expires_before: Option<UnixMillis>,
    /// Only those of this instance's projects.
    pub instance: Option<&'a InstanceId>,
    /// What time it is, for `status`.
    pub now: UnixMillis,
    /// Which page.
    pub page: PageQuery,
    /// Only this project's.
    pub project: Option<&'a ProjectId>,
    /// Only those that stand so.
    pub status: Option<KeyStatus>,
    /// Only those whose name or id has this in it, or whose last four characters it is.
    pub text: Option<&'a str>,
    /// Only this person's.
    pub user: Option<&'a UserId>,
}

/// Lists by id what the viewer sees: [`ApiKeyRow`]s for [`PageQuery::page`].
#[must_use]
pub fn list(query: &ApiKeyQuery<'_>, viewer: Viewer<'_>) -> Statement {
    let mut args = vec![
        query.page.after.as_deref().unwrap_or("").into(),
        query.project.map(ProjectId::as_str).into(),
        query.user.map(UserId::as_str).into(),
        query.page.rows_to_read().into(),
        query.status.map(KeyStatus::as_str).into(),
        query.instance.map(InstanceId::as_str).into(),
        query.text.into(),
        query.expires_before.into(),
        query.now.into(),
    ];
    // By the index that leaves the fewest.
    let sql = match (viewer, query) {
        (Viewer::Everything, ApiKeyQuery { project: Some(_), .. }) => concat!(
            "SELECT ",
            columns!(),
            " FROM api_keys AS k",
            holders!(),
            " WHERE k.project_id = ?2 AND (?3 IS NULL OR k.user_id = ?3)",
            narrowed!()
        ),
        (Viewer::Everything, ApiKeyQuery { user: Some(_), .. }) => concat!(
            "SELECT ",
            columns!(),
            " FROM api_keys AS k",
            holders!(),
            " WHERE k.user_id = ?3 AND ?2 IS NULL",
            narrowed!()
        ),
        (Viewer::Everything, ApiKeyQuery { instance: Some(_), .. }) => concat!(
            "SELECT ",
            columns!(),
            " FROM projects AS o CROSS JOIN api_keys AS k ON k.project_id = o.id",
            holders!(),
            " WHERE o.instance_id = ?6 AND ?2 IS NULL AND ?3 IS NULL",
            narrowed!()
        ),
        (Viewer::Everything, ApiKeyQuery { expires_before: Some(_), .. }) => concat!(
            "SELECT ",
            columns!(),
            " FROM api_keys AS k INDEXED BY api_keys_by_expires_at",
            holders!(),
            " WHERE k.expires_at < CAST(?8 AS INTEGER) AND ?2 IS NULL AND ?3 IS NULL",
            narrowed!()
        ),
        (Viewer::Everything, _) => concat!(
            "SELECT ",
            columns!(),
            " FROM api_keys AS k",
            holders!(),
            " WHERE ?2 IS NULL AND ?3 IS NULL",
            narrowed!()
        ),
        // Who only looks at an instance does not see its keys.
        (Viewer::Person { .. }, _) => concat!(
            "WITH places AS (
               SELECT id FROM instances WHERE organization_id = ?10
               UNION SELECT instance_id FROM user_grants WHERE user_id = ?11 AND role <> 'readonly'),
             seen AS (
               SELECT k.id FROM places JOIN projects AS p ON p.instance_id = places.id
                 JOIN api_keys AS k ON k.project_id = p.id
               UNION SELECT k.id FROM users AS u JOIN api_keys AS k ON k.user_id = u.id
                 WHERE u.organization_id = ?10
               UNION SELECT k.id FROM api_keys AS k WHERE k.user_id = ?11)
             SELECT ",
            columns!(),
            " FROM seen JOIN api_keys AS k ON k.id = seen.id",
            holders!(),
            " WHERE (?2 IS NULL OR k.project_id = ?2) AND (?3 IS NULL OR k.user_id = ?3)",
            narrowed!()
        ),
    };
    args.extend(viewer.args());
    Statement { args, sql }
}

/// Saves a new one. `digest` is the SHA-256 of the whole key, in hex.
#[must_use]
pub fn insert(row: &ApiKeyRow, digest: &str) -> Statement {
    statement(
        "INSERT INTO api_keys (id, project_id, user_id, name, prefix, digest, last_four, scopes,
           allowed_models, allowed_origins, allowed_addresses, expires_at, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?13)",
        [
            row.id.as_str().into(),
            row.project_id.as_ref().map(ProjectId::as_str).into(),
            row.user_id.as_ref().map(UserId::as_str).into(),
            row.name.as_str().into(),
            row.prefix.as_str().into(),
            digest.into(),
            row.last_four.as_str().into(),
            json_arg(&row.scopes),
            row.allowed_models.as_ref().map_or(Arg::Null, json_arg),
            json_arg(&row.allowed_origins),
            json_arg(&row.allowed_addresses),
            row.expires_at.into(),
            row.created_at.into(),
        ],
    )
}

/// Saves what may change over what is there; a key that is revoked stays so.
#[must_use]
pub fn update(row: &ApiKeyRow) -> Statement {
    statement(
        "UPDATE api_keys SET name = ?2, scopes = ?3, allowed_models = ?4, allowed_origins = ?5,
           allowed_addresses = ?6, expires_at = ?7, revoked_at = coalesce(revoked_at, ?8), updated_at = ?9
         WHERE id = ?1",
        [
            row.id.as_str().into(),
            row.name.as_str().into(),
            json_arg(&row.scopes),
            row.allowed_models.as_ref().map_or(Arg::Null, json_arg),
            json_arg(&row.allowed_origins),
            json_arg(&row.allowed_addresses),
            row.expires_at.into(),
            row.revoked_at.into(),
            row.updated_at.into(),
        ],
    )
}

/// A key that nobody has ended.
#[derive(Clone, Debug, Deserialize)]
pub struct UnrevokedRow {
    /// Its public part.
    pub id: ApiKeyId,
}

/// Finds the keys of a person that nobody has ended, also those whose time is over: [`UnrevokedRow`]s by id.
#[must_use]
pub fn unrevoked(user: &UserId) -> Statement {
    statement(
        "SELECT id FROM api_keys WHERE user_id = ?1 AND revoked_at IS NULL ORDER BY id",
        [user.as_str().into()],
    )
}

/// As [`unchanged`]: ends the batch if the person has a key that nobody has ended, and that is none of these.
#[must_use]
pub fn no_others(event: &str, user: &UserId, ids: &[ApiKeyId]) -> Statement {
    statement(
        "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
         SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
         WHERE e.id = ?1 AND EXISTS (
           SELECT 1 FROM api_keys AS k WHERE k.user_id = ?2 AND k.revoked_at IS NULL
             AND k.id NOT IN (SELECT value FROM json_each(?3)))",
        [event.into(), user.as_str().into(), json_arg(ids)],
    )
}

/// Ends all keys of a person. Who was about to change one of them begins anew.
#[must_use]
pub fn revoke_all(user: &UserId, now: UnixMillis) -> Statement {
    statement(
        "UPDATE api_keys SET revoked_at = CAST(?2 AS INTEGER),
           updated_at = max(updated_at + 1, CAST(?2 AS INTEGER))
         WHERE user_id = ?1 AND revoked_at IS NULL",
        [user.as_str().into(), now.into()],
    )
}

/// Gives a key the limits and budgets of the one that it takes over from: a rotation lifts none. Two
/// statements. A person's key may have some wherever the person has a grant.
#[must_use]
pub fn inherit_limits(old: &ApiKeyRow, new: &ApiKeyId, now: UnixMillis) -> [Statement; 2] {
    let args = || {
        [
            old.organization_id.as_str().into(),
            old.id.as_str().into(),
            new.as_str().into(),
            now.into(),
            old.user_id.as_ref().map(UserId::as_str).into(),
        ]
    };
    [
        statement(
            "INSERT INTO limits (organization_id, instance_id, scope, scope_id, kind, per, amount, shadow,
               created_at, updated_at)
             SELECT l.organization_id, l.instance_id, l.scope, ?3, l.kind, l.per, l.amount, l.shadow, ?4, ?4
             FROM limits AS l
             WHERE l.organization_id IN (
                 SELECT ?1 UNION SELECT i.organization_id FROM user_grants AS g
                 JOIN instances AS i ON i.id = g.instance_id WHERE g.user_id = ?5)
               AND l.scope = 'key' AND l.scope_id = ?2",
            args(),
        ),
        statement(
            "INSERT INTO budgets (organization_id, instance_id, scope, scope_id, period, amount_micros, alerts,
               shadow, release_after_h, created_at, updated_at)
             SELECT b.organization_id, b.instance_id, b.scope, ?3, b.period, b.amount_micros, b.alerts,
               b.shadow, b.release_after_h, ?4, ?4
             FROM budgets AS b
             WHERE b.organization_id IN (
                 SELECT ?1 UNION SELECT i.organization_id FROM user_grants AS g
                 JOIN instances AS i ON i.id = g.instance_id WHERE g.user_id = ?5)
               AND b.scope = 'key' AND b.scope_id = ?2",
            args(),
        ),
    ]
}

/// Notes that a key is used, unless it was noted less than a minute before.
#[must_use]
pub fn touch(id: &ApiKeyId, now: UnixMillis) -> Statement {
    statement(
        "UPDATE api_keys SET last_used_at = CAST(?2 AS INTEGER)
         WHERE id = ?1 AND coalesce(last_used_at, 0) <= CAST(?2 AS INTEGER) - 60000",
        [id.as_str().into(), now.into()],
    )
}

/// Ends the batch with a conflict on `audit_events.id` unless the key is as it was at `expected`: see
/// [`super::organizations::unchanged`].
#[must_use]
pub fn unchanged(event: &str, id: &ApiKeyId, expected: UnixMillis) -> Statement {
    statement(
        "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
         SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
         WHERE e.id = ?1 AND NOT EXISTS (
           SELECT 1 FROM api_keys AS k WHERE k.id = ?2 AND k.updated_at = ?3)",
        [event.into(), id.as_str().into(), expected.into()],
    )
}
