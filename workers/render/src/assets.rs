//! `/v1/assets`: what was made or taken over, who made it, and a fresh link to each.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    assets::shown::Asset,
    auth::Scope,
    caller::{Caller, Tenant},
    http::{
        context::Context,
        error::{ApiError, Code},
        extract::PathText,
        filters::Filters,
    },
    ids::{AssetId, JobId, ProjectId},
    media::MediaKind,
    ports::{Platform, rows},
    store::{
        assets::{self, AssetQuery, AssetRow},
        pages::Page,
    },
    time::UnixMillis,
};
use http::StatusCode;

/// Keys with one of these scopes may have made it, and may delete it.
const MAKERS: [Scope; 4] = [Scope::Audio, Scope::Image, Scope::Render, Scope::Stock];

/// Lists, the newest first: a project's key its project's, a person's all of the instance.
pub(crate) async fn list(
    platform: Platform,
    Tenant(caller): Tenant,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let named = filters.id("project_id", ProjectId::parse);
    let job = filters.id("job_id", JobId::parse);
    let words = || MediaKind::ALL.map(MediaKind::as_str).join(" or ");
    let kind = filters.one_of("kind", MediaKind::parse, words);
    let page = filters.page();
    filters.finish()?;
    let caller = caller.current(&platform).await?;
    caller.must_be(None, named.as_ref().map(ProjectId::as_str))?;
    let query = AssetQuery {
        instance: caller.instance_id(),
        job: job.as_ref(),
        kind,
        project: caller.key().project_id.as_ref().or(named.as_ref()),
    };
    let now = platform.clock.now();
    let read: Vec<AssetRow> = rows(&*platform.database, assets::list(query, &page, now)).await?;
    let Page { data, next_cursor } = page.page(read, |row| row.place.as_str());
    let shown = data.iter().map(|row| Asset::of(&platform.settings, row, now));
    let data = shown.collect::<Result<Vec<_>, _>>()?;
    Ok(Json(Page { data, next_cursor }).into_response())
}

/// Shows one.
pub(crate) async fn read(
    platform: Platform,
    Tenant(caller): Tenant,
    PathText(id): PathText,
) -> Result<Response, ApiError> {
    let caller = caller.current(&platform).await?;
    let now = platform.clock.now();
    let row = own(&platform, &caller, &id).await?;
    Ok(Json(Asset::of(&platform.settings, &row, now)?).into_response())
}

/// Deletes bytes and row, in this order: if the bytes cannot be deleted, the row still says where they are.
pub(crate) async fn delete(
    platform: Platform,
    Tenant(caller): Tenant,
    PathText(id): PathText,
    context: Context,
) -> Result<StatusCode, ApiError> {
    let caller = caller.current(&platform).await?;
    let row = own(&platform, &caller, &id).await?;
    if !MAKERS.iter().any(|scope| caller.key().scopes.contains(scope)) {
        let scopes = MAKERS.map(Scope::as_str);
        let message = format!("this key has none of the scopes {}", scopes.join(", "));
        return Err(ApiError::new(Code::Forbidden, message).with("scopes", scopes.to_vec()));
    }
    context.note(|line| line.asset_id = Some(row.id.as_str().to_owned()));
    platform.blobs.delete(&[row.storage_key]).await?;
    platform.database.batch(vec![assets::delete(&[row.id])]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Finds an asset of the caller's instance, and of its project if it is a project's key.
async fn own(platform: &Platform, caller: &Caller, id: &str) -> Result<AssetRow, ApiError> {
    let id = AssetId::parse(id).map_err(|_| missing())?;
    let row = find(platform, &id).await?;
    if row.instance_id == *caller.instance_id() && is_projects(caller, &row) {
        Ok(row)
    } else {
        Err(missing())
    }
}

/// Whether a key that is a project's may see it.
pub(crate) fn is_projects(caller: &Caller, row: &AssetRow) -> bool {
    let project = caller.key().project_id.as_ref();
    project.is_none_or(|project| row.project_id.as_ref() == Some(project))
}

/// Finds an asset that has not expired, whoever's it is.
pub(crate) async fn find(platform: &Platform, id: &AssetId) -> Result<AssetRow, ApiError> {
    let now = platform.clock.now();
    let is_there = |row: &AssetRow| row.expires_at.is_none_or(|end: UnixMillis| now < end);
    let mut found: Vec<AssetRow> = rows(&*platform.database, assets::find(id)).await?;
    found.pop().filter(is_there).ok_or_else(missing)
}

/// There is none, or none for this caller: nobody learns which.
pub(crate) fn missing() -> ApiError {
    ApiError::new(Code::NotFound, "there is no such asset")
}
