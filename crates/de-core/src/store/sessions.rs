//! Log-ins of browsers, and the persons behind them.

use serde::Deserialize;

use super::{Activity, json_arg, pages::PageQuery, statement};
use crate::{
    auth::{Scope, session::Times},
    ids::{ApiKeyId, OrganizationId, SessionId, UserId},
    ports::Statement,
    time::UnixMillis,
};

/// When a session ends by itself, and whether someone ended it: its key ends it too.
macro_rules! times {
    () => {
        "s.last_seen_at, min(s.expires_at, coalesce(k.expires_at, s.expires_at)) AS expires_at,
         coalesce(s.revoked_at, k.revoked_at) AS revoked_at"
    };
}

/// Finds a session by the digest of its cookie: at most one [`super::access::AccessRow`], also one that is
/// over.
///
/// Scopes, models and addresses are those of the key that made it; without one it has all scopes.
#[must_use]
pub fn access(digest: &str) -> Statement {
    statement(
        concat!(
            "SELECT NULL AS api_key_id, s.id AS session_id, '' AS prefix, ",
            times!(),
            ", coalesce(k.scopes, ?2) AS scopes, k.allowed_models,
             coalesce(k.allowed_origins, '[]') AS allowed_origins,
             coalesce(k.allowed_addresses, '[]') AS allowed_addresses,
             NULL AS project_id, NULL AS project_status, 0 AS retain_content,
             NULL AS response_cache_ttl_s, NULL AS response_cache_generation,
             u.id AS user_id, u.role AS user_role, u.status AS user_status,
             NULL AS instance_id, NULL AS environment, NULL AS instance_allowed_origins,
             NULL AS on_limiter_failure, NULL AS default_models, NULL AS default_max_output_tokens,
             NULL AS instance_status, o.id AS organization_id, o.status AS organization_status,
             coalesce((SELECT epoch FROM epochs WHERE scope = o.id), 0) AS tenant_epoch,
             coalesce((SELECT epoch FROM epochs WHERE scope = 'catalogue'), 0) AS catalogue_epoch
           FROM sessions AS s
           JOIN users AS u ON u.id = s.user_id
           JOIN organizations AS o ON o.id = u.organization_id
           LEFT JOIN api_keys AS k ON k.id = s.api_key_id
           WHERE s.digest = ?1"
        ),
        [digest.into(), json_arg(&Scope::ALL)],
    )
}

/// A session to be.
#[derive(Clone, Copy, Debug)]
pub struct NewRow<'a> {
    /// The key that makes it; `None` for a log-in elsewhere.
    pub api_key: Option<&'a ApiKeyId>,
    /// The SHA-256 of the cookie's value, in hex.
    pub digest: &'a str,
    /// Its id.
    pub id: &'a SessionId,
    /// Whose it is.
    pub user: &'a UserId,
}

/// Begins a session.
#[must_use]
pub fn insert(new: NewRow<'_>, now: UnixMillis) -> Statement {
    let times = Times::begin(now);
    statement(
        "INSERT INTO sessions (digest, id, user_id, api_key_id, created_at, last_seen_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        [
            new.digest.into(),
            new.id.as_str().into(),
            new.user.as_str().into(),
            new.api_key.map(ApiKeyId::as_str).into(),
            now.into(),
            times.last_seen_at.into(),
            times.expires_at.into(),
        ],
    )
}

/// Notes a call, unless one was noted less than a minute before.
#[must_use]
pub fn touch(id: &SessionId, now: UnixMillis) -> Statement {
    statement(
        "UPDATE sessions SET last_seen_at = CAST(?2 AS INTEGER)
         WHERE id = ?1 AND last_seen_at <= CAST(?2 AS INTEGER) - 60000",
        [id.as_str().into(), now.into()],
    )
}

/// Ends a session; one that has ended by hand keeps its time. It goes into one batch with a bump of the
/// tenant's epoch.
#[must_use]
pub fn revoke(id: &SessionId, now: UnixMillis) -> Statement {
    statement(
        "UPDATE sessions SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL",
        [id.as_str().into(), now.into()],
    )
}

/// A session that nobody has ended.
#[derive(Clone, Debug, Deserialize)]
pub struct UnrevokedRow {
    /// Its id; nothing can be opened with it.
    pub id: SessionId,
}

/// Finds the sessions of a person that nobody has ended and whose time is not over: [`UnrevokedRow`]s by id.
#[must_use]
pub fn unrevoked(user: &UserId, now: UnixMillis) -> Statement {
    statement(
        "SELECT id FROM sessions
         WHERE user_id = ?1 AND revoked_at IS NULL AND expires_at > CAST(?2 AS INTEGER) ORDER BY id",
        [user.as_str().into(), now.into()],
    )
}

/// Ends all sessions of a person; those that have ended by hand keep their time. It goes into one batch with a
/// bump of the tenant's epoch.
#[must_use]
pub fn revoke_all(user: &UserId, now: UnixMillis) -> Statement {
    statement(
        "UPDATE sessions SET revoked_at = ?2 WHERE user_id = ?1 AND revoked_at IS NULL",
        [user.as_str().into(), now.into()],
    )
}

/// A session and whose it is.
#[derive(Clone, Debug, Deserialize)]
pub struct SessionRow {
    /// When it began.
    pub created_at: UnixMillis,
    /// When it ends, at the latest.
    pub expires_at: UnixMillis,
    /// Its id; nothing can be opened with it.
    pub id: SessionId,
    /// Its last call that was noted.
    pub last_seen_at: UnixMillis,
    /// Ended by someone.
    pub revoked_at: Option<UnixMillis>,
    /// Whose it is.
    #[serde(flatten)]
    pub person: PersonRow,
}

impl SessionRow {
    /// The times that decide whether it holds.
    #[must_use]
    pub fn times(&self) -> Times {
        let Self { expires_at, last_seen_at, revoked_at, .. } = *self;
        Times { expires_at, last_seen_at, revoked_at }
    }
}

/// A person, as far as a log-in has to know.
#[derive(Clone, Debug, Deserialize)]
pub struct PersonRow {
    /// In lower case.
    pub email: String,
    /// For people.
    pub name: Option<String>,
    /// Whose person it is.
    pub organization_id: OrganizationId,
    /// Whether the organization may act.
    pub organization_status: Activity,
    /// `user`, `admin` or `superadmin`.
    pub role: String,
    /// Whether the person may act.
    pub status: Activity,
    /// Who it is.
    pub user_id: UserId,
}

macro_rules! person {
    () => {
        "u.id AS user_id, u.email, u.name, u.role, u.status, u.organization_id,
         o.status AS organization_status"
    };
}

macro_rules! session {
    () => {
        concat!(
            "SELECT s.id, s.created_at, ",
            times!(),
            ", ",
            person!(),
            " FROM sessions AS s
             JOIN users AS u ON u.id = s.user_id
             JOIN organizations AS o ON o.id = u.organization_id
             LEFT JOIN api_keys AS k ON k.id = s.api_key_id "
        )
    };
}

/// Finds a session: at most one [`SessionRow`], also one that is over.
#[must_use]
pub fn find(id: &SessionId) -> Statement {
    statement(concat!(session!(), "WHERE s.id = ?1"), [id.as_str().into()])
}

/// Finds the session of a cookie: at most one [`SessionRow`], also one that is over.
#[must_use]
pub fn by_digest(digest: &str) -> Statement {
    statement(concat!(session!(), "WHERE s.digest = ?1"), [digest.into()])
}

/// Lists the sessions of a person that hold, the newest first, since ids are in the order of time: [`SessionRow`]s
/// for [`PageQuery::page`].
#[must_use]
pub fn list(user: &UserId, page: &PageQuery, now: UnixMillis) -> Statement {
    statement(
        concat!(
            session!(),
            "WHERE s.user_id = ?1 AND (?2 = '' OR s.id < ?2) AND s.revoked_at IS NULL AND k.revoked_at IS NULL
               AND s.expires_at > CAST(?3 AS INTEGER) AND s.last_seen_at > CAST(?4 AS INTEGER)
               AND coalesce(k.expires_at, s.expires_at) > CAST(?3 AS INTEGER)
             ORDER BY s.id DESC LIMIT CAST(?5 AS INTEGER)"
        ),
        [
            user.as_str().into(),
            page.after.as_deref().unwrap_or("").into(),
            now.into(),
            now.plus(-crate::auth::session::IDLE_MS).into(),
            page.rows_to_read().into(),
        ],
    )
}

/// Finds a person: at most one [`PersonRow`].
#[must_use]
pub fn person(user: &UserId) -> Statement {
    statement(
        concat!(
            "SELECT ",
            person!(),
            " FROM users AS u JOIN organizations AS o ON o.id = u.organization_id WHERE u.id = ?1"
        ),
        [user.as_str().into()],
    )
}

/// Finds a person by their address in lower case: at most one [`PersonRow`].
#[must_use]
pub fn person_by_email(email: &str) -> Statement {
    statement(
        concat!(
            "SELECT ",
            person!(),
            " FROM users AS u JOIN organizations AS o ON o.id = u.organization_id WHERE u.email = ?1"
        ),
        [email.into()],
    )
}
