//! `/render/{id}`: a job that makes a film, in the words that renders have.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    caller::{Caller, Tenant},
    http::{context::Context, error::ApiError, extract::PathText},
    jobs::View,
    model::Modality,
    ports::Platform,
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::jobs::{missing, own, shown, stop};

/// The states of a render on its way, and how far each is, in percent.
const STATES: [(&str, u8); 4] =
    [("queued", 5), ("fetching", 20), ("rendering", 50), ("saving", 90)];

/// Shows a render.
pub(crate) async fn read(
    platform: Platform,
    Tenant(caller): Tenant,
    PathText(id): PathText,
    context: Context,
) -> Result<Response, ApiError> {
    let caller = caller.current(&platform).await?;
    let view = film(&platform, &caller, &id).await?;
    Ok(Json(render(&platform, &context, &view)?).into_response())
}

/// Wants a render to end before its time.
pub(crate) async fn cancel(
    platform: Platform,
    Tenant(caller): Tenant,
    PathText(id): PathText,
    context: Context,
) -> Result<Response, ApiError> {
    let caller = caller.current(&platform).await?;
    let view = film(&platform, &caller, &id).await?;
    let view = stop(&platform, &context, &caller, view).await?;
    Ok((StatusCode::ACCEPTED, Json(render(&platform, &context, &view)?)).into_response())
}

async fn film(platform: &Platform, caller: &Caller, id: &str) -> Result<View, ApiError> {
    let view = own(platform, caller, id).await?;
    if view.modality == Modality::Video.as_str() { Ok(view) } else { Err(missing()) }
}

/// The word for where a render stands: our own states, and while it runs the vendor's.
pub(crate) fn status(view: &View) -> &'static str {
    match view.status.as_str() {
        "queued" | "submitting" => "queued",
        "copying" => "saving",
        "succeeded" => "done",
        "failed" | "cancelled" => "failed",
        _ => {
            let said = view.provider_status.as_deref().unwrap_or_default();
            let known = STATES.iter().map(|(word, _)| *word).find(|word| *word == said);
            // Another vendor's word, or none yet.
            known.unwrap_or("rendering")
        }
    }
}

/// How far it is, in percent; `None` if it has come to nothing.
fn progress(view: &View) -> Option<u8> {
    match status(view) {
        "done" => Some(100),
        "failed" => None,
        "queued" if view.status != "running" => Some(0),
        "saving" if view.status == "copying" => Some(95),
        word => view.progress.or_else(|| {
            STATES.iter().find(|(state, _)| *state == word).map(|(_, percent)| *percent)
        }),
    }
}

fn render(platform: &Platform, context: &Context, view: &View) -> Result<Value, ApiError> {
    let job = shown(platform, view)?;
    let outputs = job.get("outputs").and_then(Value::as_array).cloned().unwrap_or_default();
    let output = |role: &str| {
        outputs.iter().find(|output| output.get("role").and_then(Value::as_str) == Some(role))
    };
    let member = |role: &str, name: &str| output(role).and_then(|output| output.get(name)).cloned();
    // A film is shown when it is whole; its stills come after it.
    let is_done = view.status == "succeeded";
    let url = |role: &str| member(role, "url").filter(|_| is_done);
    let cancelled = (view.status == "cancelled").then_some("the render was cancelled");
    let error = view.error.as_ref().map(|fault| fault.message.as_str()).or(cancelled);
    let size = |name: &str| member("video", name).filter(|_| is_done);
    Ok(json!({
        "success": error.is_none(),
        "render_id": view.id.as_str(),
        "job_id": view.id.as_str(),
        "status": status(view),
        "progress": progress(view),
        "url": url("video"),
        "url_expires_at": size("url_expires_at"),
        "poster": url("poster"),
        "thumbnail": url("thumbnail"),
        "error": error,
        "error_code": view.error.as_ref().map(|fault| fault.code.as_str()),
        "notices": view.notices,
        "dropped": view.dropped,
        "warnings": view.warnings,
        "metadata": {
            "provider": view.provider_id.as_ref().map(|id| id.as_str()),
            "model": view.model_id.as_ref().map(|id| id.as_str()),
            "asset_id": size("asset_id"),
            "content_type": size("content_type"),
            "width": size("width"),
            "height": size("height"),
            "duration_ms": size("duration_ms"),
            "size_bytes": size("size_bytes"),
            "cost_micros": view.cost_micros.map(|cost| cost.0),
        },
        "created_at": view.created_at,
        "finished_at": view.finished_at,
        "request_id": context.request_id().as_str(),
        "timestamp": platform.clock.now().rfc3339(),
    }))
}
