//! The trail of changes: who changed what, before and after.

use serde_json::Value;

use super::{json_arg, statement};
use crate::{
    ids::{OrganizationId, RequestId},
    ports::{Arg, Statement},
    time::UnixMillis,
};

/// One change. Secrets are masked by whoever makes it.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    /// What was done: `model-config.create`.
    pub action: &'static str,
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
            event.action.into(),
            event.target_id.clone().into(),
            event.request_id.as_ref().map(|id| id.as_str().to_owned()).into(),
            state(&event.before),
            state(&event.after),
            now.into(),
        ],
    )
}
