//! The trail of changes: who changed what, before and after.

use serde::Deserialize;
use serde_json::Value;

use super::{json_arg, json_text_or_null, pages::PageQuery, statement};
use crate::{
    ids::{InstanceId, OrganizationId, RequestId},
    ports::{Arg, Statement},
    time::UnixMillis,
};

/// One change. Secrets are masked by whoever makes it.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    /// What was done: `model-config.create`.
    pub action: String,
    /// Who did it.
    pub actor: Actor,
    /// What it is now; absent if deleted.
    pub after: Option<Value>,
    /// What it was; absent if new.
    pub before: Option<Value>,
    /// Its id: `audit_` and a UUIDv7.
    pub id: String,
    /// Whose it is; absent for the shared catalogue.
    pub organization_id: Option<OrganizationId>,
    /// The request that asked for it.
    pub request_id: Option<RequestId>,
    /// What was changed.
    pub target_id: String,
}

/// Who makes a change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Actor {
    /// A script with this key.
    Key(String),
    /// We ourselves.
    System,
    /// A person.
    User(String),
}

impl AuditEvent {
    /// Makes an id whose order is that of time.
    #[must_use]
    pub fn make_id(now: UnixMillis, random: [u8; 10]) -> String {
        let millis = u64::try_from(now.0).unwrap_or(0);
        let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        format!("audit_{}", uuid.simple())
    }
}

/// A change that we made ourselves, of an instance or an organization.
#[derive(Clone, Copy, Debug)]
pub struct OfSystem<'a> {
    /// What was done: `budget.threshold`.
    pub action: &'a str,
    /// What there is to know.
    pub after: &'a Value,
    /// Its id: `audit_` and a UUIDv7.
    pub id: &'a str,
    /// The instance, unless it is of an organization as a whole.
    pub instance: Option<&'a InstanceId>,
    /// The organization, if it is not that of the instance.
    pub organization: Option<&'a OrganizationId>,
    /// What it is about.
    pub target: &'a str,
}

/// Records a change that we made ourselves. One that is recorded stays as it is; of a tenant that is gone
/// nothing is.
#[must_use]
pub fn insert_of_system(event: &OfSystem<'_>, now: UnixMillis) -> Statement {
    statement(
        "INSERT INTO audit_events (id, organization_id, actor_kind, action, target_id, after_state, created_at)
         SELECT ?1, o.id, 'system', ?4, ?5, ?6, CAST(?7 AS INTEGER) FROM organizations AS o
         WHERE o.id = coalesce(?3, (SELECT i.organization_id FROM instances AS i WHERE i.id = ?2))
         ON CONFLICT (id) DO NOTHING",
        [
            event.id.into(),
            event.instance.map(InstanceId::as_str).into(),
            event.organization.map(OrganizationId::as_str).into(),
            event.action.into(),
            event.target.into(),
            json_arg(event.after),
            now.into(),
        ],
    )
}

/// Records a change.
#[must_use]
pub fn insert(event: &AuditEvent, now: UnixMillis) -> Statement {
    let (kind, actor) = match &event.actor {
        Actor::Key(id) => ("key", Some(id.clone())),
        Actor::System => ("system", None),
        Actor::User(id) => ("user", Some(id.clone())),
    };
    let state = |state: &Option<Value>| state.as_ref().map_or(Arg::Null, json_arg);
    statement(
        "INSERT INTO audit_events (id, organization_id, actor_kind, actor_id, action, target_id,
           request_id, before_state, after_state, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        [
            event.id.clone().into(),
            event.organization_id.as_ref().map(|id| id.as_str().to_owned()).into(),
            kind.into(),
            actor.into(),
            event.action.clone().into(),
            event.target_id.clone().into(),
            event.request_id.as_ref().map(|id| id.as_str().to_owned()).into(),
            state(&event.before),
            state(&event.after),
            now.into(),
        ],
    )
}

macro_rules! columns {
    () => {
        "SELECT e.id, e.organization_id, e.actor_kind, e.actor_id, e.action, e.target_id, e.request_id,
           e.before_state, e.after_state, e.created_at, e.created_at || '/' || e.id AS place
         FROM audit_events AS e"
    };
}

/// One change, as it was recorded.
#[derive(Clone, Debug, Deserialize)]
pub struct AuditRow {
    /// What was done.
    pub action: String,
    /// Who did it; absent for the system.
    pub actor_id: Option<String>,
    /// `key`, `system` or `user`.
    pub actor_kind: String,
    /// What it was then.
    #[serde(deserialize_with = "json_text_or_null")]
    pub after_state: Option<Value>,
    /// What it was before.
    #[serde(deserialize_with = "json_text_or_null")]
    pub before_state: Option<Value>,
    /// When.
    pub created_at: UnixMillis,
    /// Its id.
    pub id: String,
    /// Whose it is; absent for the shared catalogue.
    pub organization_id: Option<OrganizationId>,
    /// Where it stands in the list: what cursors are made of.
    pub place: String,
    /// The request that asked for it.
    pub request_id: Option<String>,
    /// What was changed.
    pub target_id: String,
}

/// Finds one: at most one [`AuditRow`].
#[must_use]
pub fn find(id: &str) -> Statement {
    statement(concat!(columns!(), " WHERE e.id = ?1"), [id.into()])
}

/// Which changes are listed: those that all of these hold for.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery<'a> {
    /// Only these: `project.update`, or `project` for all that was done to projects.
    pub action: Option<&'a str>,
    /// Only those that this person or key made.
    pub actor: Option<&'a str>,
    /// Only those of this organization; without one of all, the shared catalogue included.
    pub organization: Option<&'a OrganizationId>,
    /// Which page.
    pub page: PageQuery,
    /// Only those that this request asked for.
    pub request: Option<&'a RequestId>,
    /// Only those of the row with this id.
    pub target: Option<&'a str>,
}

/// What holds for changes that are asked for, from a place on.
macro_rules! narrowed {
    () => {
        " AND e.created_at <= CAST(?1 AS INTEGER)
          AND (e.created_at < CAST(?1 AS INTEGER) OR e.id < ?2)
          AND (?3 IS NULL OR e.organization_id = ?3) AND (?4 IS NULL OR e.target_id = ?4)
          AND (?6 IS NULL OR e.action = ?6 OR substr(e.action, 1, length(?6) + 1) = ?6 || '.')
          AND (?7 IS NULL OR e.actor_id = ?7) AND (?8 IS NULL OR e.request_id = ?8)
          ORDER BY e.created_at DESC, e.id DESC LIMIT CAST(?5 AS INTEGER)"
    };
}

/// Lists changes, the newest first: [`AuditRow`]s for [`PageQuery::page`], by their `place`.
///
/// A cursor that is not one of this list begins at the end, so it finds nothing.
#[must_use]
pub fn list(query: &AuditQuery<'_>) -> Statement {
    let (millis, id) = match query.page.after.as_deref() {
        // Later than anything, and a letter after that of `audit_`.
        None => (1 << 52, "b"),
        Some(place) => match place.split_once('/') {
            Some((millis, id)) => (millis.parse().unwrap_or(0), id),
            None => (0, ""),
        },
    };
    let sql = match *query {
        AuditQuery { request: Some(_), .. } => {
            concat!(columns!(), " WHERE e.request_id = ?8", narrowed!())
        }
        AuditQuery { target: Some(_), .. } => {
            concat!(columns!(), " WHERE e.target_id = ?4", narrowed!())
        }
        AuditQuery { actor: Some(_), .. } => {
            concat!(columns!(), " WHERE e.actor_id = ?7", narrowed!())
        }
        AuditQuery { organization: Some(_), .. } => {
            concat!(columns!(), " WHERE e.organization_id = ?3", narrowed!())
        }
        AuditQuery { .. } => concat!(columns!(), " WHERE e.created_at >= 0", narrowed!()),
    };
    let millis: i64 = millis;
    statement(
        sql,
        [
            millis.into(),
            id.into(),
            query.organization.map(OrganizationId::as_str).into(),
            query.target.into(),
            query.page.rows_to_read().into(),
            query.action.into(),
            query.actor.into(),
            query.request.map(RequestId::as_str).into(),
        ],
    )
}
