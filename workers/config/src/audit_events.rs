//! `/v1/audit-events`: who changed what. Nothing changes or removes one.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use de_core::{
    http::{error::ApiError, routes::Allowed},
    ids::OrganizationId,
    ports::{Platform, rows},
    store::audit::{self, AuditRow},
};
use serde_json::{Value, json};

use crate::resource::Filters;

/// Lists, the newest first: one's own organization's; of all for who operates the service.
pub(crate) async fn list(
    State(platform): State<Platform>,
    allowed: Allowed,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let named = filters.id("organization_id", OrganizationId::parse);
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
    let read: Vec<AuditRow> =
        rows(&*platform.database, audit::list(organization, target.as_deref(), &page)).await?;
    let page = page.page(read, |row| row.place.as_str());
    let data: Vec<Value> = page.data.iter().map(body).collect();
    Ok(Json(json!({"data": data, "next_cursor": page.next_cursor})).into_response())
}

fn body(row: &AuditRow) -> Value {
    json!({
        "id": row.id,
        "organization_id": row.organization_id.as_ref().map(OrganizationId::as_str),
        "actor": {"kind": row.actor_kind, "id": row.actor_id},
        "action": row.action,
        "target_id": row.target_id,
        "request_id": row.request_id,
        "before": row.before_state,
        "after": row.after_state,
        "created_at": row.created_at.rfc3339(),
    })
}
