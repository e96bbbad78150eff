//! `/v1/jobs`: what is being made, what came of it, and how to stop it. Of every modality.

use std::time::Duration;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    assets::link,
    auth::Scope,
    caller::{Caller, Tenant},
    http::{
        context::Context,
        error::{ApiError, Code},
        extract::PathText,
        filters::Filters,
    },
    ids::{JobId, ProjectId},
    jobs::{View, shown},
    model::Modality,
    ports::{Platform, rows},
    store::{
        jobs::{self, JobQuery, JobRow},
        pages::Page,
    },
};
use http::StatusCode;
use serde_json::Value;

/// What a job can be.
pub(crate) const STATES: [&str; 7] =
    ["cancelled", "copying", "failed", "queued", "running", "submitting", "succeeded"];

/// What a job can work in.
pub(crate) const MODALITIES: [&str; 3] = ["audio", "image", "video"];

/// Lists, the newest first: a project's key its project's, a person's all of the instance.
pub(crate) async fn list(
    platform: Platform,
    Tenant(caller): Tenant,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let named = filters.id("project_id", ProjectId::parse);
    let status = filters.word("status", &STATES);
    let modality = filters.word("modality", &MODALITIES);
    let page = filters.page();
    filters.finish()?;
    let caller = caller.current(&platform).await?;
    caller.must_be(None, named.as_ref().map(ProjectId::as_str))?;
    let query = JobQuery {
        instance: caller.instance_id(),
        modality,
        project: caller.key().project_id.as_ref().or(named.as_ref()),
        status,
    };
    let read: Vec<JobRow> = rows(&*platform.database, jobs::list(query, &page)).await?;
    let Page { data, next_cursor } = page.page(read, |row| row.place.as_str());
    let views = data.iter().filter_map(JobRow::view);
    let data = views.map(|view| shown(&platform, &view)).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(Page { data, next_cursor }).into_response())
}

/// Shows one, as it is now.
pub(crate) async fn read(
    platform: Platform,
    Tenant(caller): Tenant,
    PathText(id): PathText,
) -> Result<Response, ApiError> {
    let caller = caller.current(&platform).await?;
    let view = own(&platform, &caller, &id).await?;
    Ok(Json(shown(&platform, &view)?).into_response())
}

/// Wants one to end before its time.
pub(crate) async fn cancel(
    platform: Platform,
    Tenant(caller): Tenant,
    PathText(id): PathText,
    context: Context,
) -> Result<Response, ApiError> {
    let caller = caller.current(&platform).await?;
    let view = own(&platform, &caller, &id).await?;
    let view = stop(&platform, &context, &caller, view).await?;
    Ok((StatusCode::ACCEPTED, Json(shown(&platform, &view)?)).into_response())
}

/// Cancels a job that the caller may see, and may have ordered.
pub(crate) async fn stop(
    platform: &Platform,
    context: &Context,
    caller: &Caller,
    view: View,
) -> Result<View, ApiError> {
    caller.require(scope(&view))?;
    context.note(|line| line.job_id = Some(view.id.as_str().to_owned()));
    let is_over = |view: &View| {
        let message = format!("the job is over: it has {}", past(&view.status));
        ApiError::new(Code::Conflict, message).with("status", view.status.as_str())
    };
    if view.is_over() {
        return Err(is_over(&view));
    }
    // Its object remembers it for as long as it is not over, and longer.
    let Some(now) = platform.jobs.cancel(&view.id).await? else { return Err(is_over(&view)) };
    if now.is_over() && now.status != "cancelled" { Err(is_over(&now)) } else { Ok(now) }
}

/// Finds a job of the caller's instance, and of its project if it is a project's key.
pub(crate) async fn own(platform: &Platform, caller: &Caller, id: &str) -> Result<View, ApiError> {
    let id = JobId::parse(id).map_err(|_| missing())?;
    let view = find(platform, &id).await?.ok_or_else(missing)?;
    let project = caller.key().project_id.as_ref();
    let is_projects = project.is_none_or(|project| view.project_id.as_ref() == Some(project));
    if view.instance_id == *caller.instance_id() && is_projects { Ok(view) } else { Err(missing()) }
}

/// A job as its object has it; once that has forgotten it, or does not answer, as its row has it.
pub(crate) async fn find(platform: &Platform, id: &JobId) -> Result<Option<View>, ApiError> {
    let asked = platform.jobs.watch(id, 0, Duration::ZERO).await;
    if let Ok(Some(view)) = asked {
        return Ok(Some(view));
    }
    let mut found: Vec<JobRow> = rows(&*platform.database, jobs::find(id)).await?;
    match (found.pop().and_then(|row| row.view()), asked) {
        (None, Err(err)) => Err(err.into()),
        (view, _) => Ok(view),
    }
}

/// A job as answers have it.
pub(crate) fn shown(platform: &Platform, view: &View) -> Result<Value, ApiError> {
    Ok(shown::job(&platform.settings, view, platform.clock.now(), link::LIFE)?)
}

/// What a key must be allowed to have ordered it.
fn scope(view: &View) -> Scope {
    match view.modality.as_str() {
        modality if modality == Modality::Audio.as_str() => Scope::Audio,
        modality if modality == Modality::Image.as_str() => Scope::Image,
        _ => Scope::Render,
    }
}

fn past(status: &str) -> &str {
    match status {
        "cancelled" => "been cancelled",
        other => other,
    }
}

/// There is none, or none for this caller: nobody learns which.
pub(crate) fn missing() -> ApiError {
    ApiError::new(Code::NotFound, "there is no such job")
}
