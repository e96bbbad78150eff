//! `/v1/audit-events`: who changed what. Nothing changes or removes one.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    http::{
        error::ApiError,
        extract::PathText,
        routes::{Allowed, unknown},
    },
    ids::{OrganizationId, RequestId},
    ports::{Platform, rows},
    store::audit::{self, AuditQuery, AuditRow},
    time::Timestamp,
};
use serde::Serialize;
use serde_json::Value;

use crate::resource::{Filters, listed};

const WHAT: &str = "change";

/// A change: who made it, of what, before and after. Secrets are in none.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct AuditEvent {
    /// Its id.
    id: String,
    /// Whose the row is; null: the shared catalogue's.
    organization_id: Option<OrganizationId>,
    /// Who made it.
    actor: Actor,
    /// What was done: `project.update`.
    action: String,
    /// The id of the row.
    target_id: String,
    /// The request that asked for it.
    request_id: Option<String>,
    /// What the row was; null if there was none.
    before: Option<Value>,
    /// What it is since; null if there is none.
    after: Option<Value>,
    /// When it was made.
    created_at: Timestamp,
}

/// Who made a change.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
struct Actor {
    /// `user`, `key` or `system`.
    kind: String,
    /// The person's or key's id; null for the system.
    id: Option<String>,
}

/// Lists, the newest first: one's own organization's; of all for who operates the service.
pub(crate) async fn list(
    platform: Platform,
    allowed: Allowed,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let named = filters.id("organization_id", OrganizationId::parse);
    let (action, actor) = (filters.text("action"), filters.text("actor_id"));
    let request = filters.id("request_id", RequestId::parse);
    let target = filters.text("target_id");
    let page = filters.page();
    filters.finish()?;
    let caller = allowed.caller();
    let organization = match (&named, caller.is_superadmin()) {
        (Some(named), _) => Some(named),
        (None, true) => None,
        (None, false) => Some(&caller.key().organization_id),
    };
    if let Some(organization) = organization {
        allowed.on(organization, None, "organization")?;
    }
    let query = AuditQuery {
        action: action.as_deref(),
        actor: actor.as_deref(),
        organization,
        page,
        request: request.as_ref(),
        target: target.as_deref(),
    };
    let read: Vec<AuditRow> = rows(&*platform.database, audit::list(&query)).await?;
    let page = query.page.page(read, |row| row.place.as_str());
    Ok(listed(page, shown))
}

/// Shows one.
pub(crate) async fn read(
    platform: Platform,
    allowed: Allowed,
    PathText(id): PathText,
    filters: Filters,
) -> Result<Response, ApiError> {
    filters.finish()?;
    let found: Vec<AuditRow> = rows(&*platform.database, audit::find(&id)).await?;
    let row = found.first().ok_or_else(|| unknown(WHAT))?;
    match &row.organization_id {
        Some(organization) => allowed.on(organization, None, WHAT)?,
        // The shared catalogue is nobody's but who operates the service.
        None if allowed.caller().is_superadmin() => {}
        None => return Err(unknown(WHAT)),
    }
    Ok(Json(shown(row)).into_response())
}

fn shown(row: &AuditRow) -> AuditEvent {
    AuditEvent {
        id: row.id.clone(),
        organization_id: row.organization_id.clone(),
        actor: Actor { kind: row.actor_kind.clone(), id: row.actor_id.clone() },
        action: row.action.clone(),
        target_id: row.target_id.clone(),
        request_id: row.request_id.clone(),
        before: row.before_state.clone(),
        after: row.after_state.clone(),
        created_at: row.created_at.into(),
    }
}
