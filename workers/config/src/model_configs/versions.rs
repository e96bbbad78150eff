//! What a model was: listed, read, and brought back as a new version.

use axum::{
    Json,
    extract::{Path, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use de_core::{
    http::{
        error::{ApiError, Code},
        extract::{AdminBody, Incoming, PathText},
        routes::Allowed,
    },
    ids::{ModelId, OrganizationId},
    json,
    model::ModelConfig,
    ports::{Platform, row, rows},
    store::{
        models::{self, ModelRow, versions::VersionRow},
        pages::PageQuery,
    },
    time::Timestamp,
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Owners, answered, owners, save, tag, unknown};
use crate::resource::{
    Fields, Filters, Request, TRIES, if_match_tag, listed, no_idempotency_key, overtaken,
};

/// One version of a model.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct ModelVersion {
    /// Counts from 1.
    version: u64,
    /// When it was saved.
    created_at: Timestamp,
    /// The person or key that saved it; null for what the service came with.
    created_by: Option<String>,
    /// Whether it is the current one.
    is_current: bool,
    /// The model config as it was saved.
    config: Map<String, Value>,
}

/// Lists the versions of a model, the newest first. Those of one that was deleted too.
pub(crate) async fn list(
    platform: Platform,
    allowed: Allowed,
    PathText(id): PathText,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let named = filters.id("organization_id", OrganizationId::parse);
    let page = filters.page();
    filters.finish()?;
    let owners = Owners::of(&allowed, named)?;
    let id = ModelId::parse(&id).map_err(|_| unknown())?;
    let owner = owner(&platform, &owners, &id).await?;
    let read: Vec<VersionRow> =
        rows(&*platform.database, models::versions::list(&id, owner.as_ref(), &page)).await?;
    let numbered: Vec<(String, VersionRow)> =
        read.into_iter().map(|row| (row.version.to_string(), row)).collect();
    Ok(listed(page.page(numbered, |(number, _)| number), |(_, row)| shown(row)))
}

/// Shows one version.
pub(crate) async fn read(
    platform: Platform,
    allowed: Allowed,
    path: Result<Path<(String, String)>, PathRejection>,
    filters: Filters,
) -> Result<Response, ApiError> {
    let Path((id, version)) = path.map_err(|err| {
        let message = "the path is not percent-encoded UTF-8";
        ApiError::new(Code::InvalidRequest, message).because(err.to_string())
    })?;
    let owners = owners(&allowed, filters)?;
    let id = ModelId::parse(&id).map_err(|_| unknown())?;
    let owner = owner(&platform, &owners, &id).await?;
    let version = version.parse().map_err(|_| no_version())?;
    let found = find(&platform, &id, owner.as_ref(), version).await?.ok_or_else(no_version)?;
    Ok(Json(shown(&found)).into_response())
}

/// Saves an earlier version once more, as the newest. It is checked against what is true today.
pub(crate) async fn roll_back(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathText(id): PathText,
    filters: Filters,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    no_idempotency_key(&incoming)?;
    let owners = owners(&allowed, filters)?;
    let mut fields = Fields::of(members);
    fields.require("version");
    let mut version = None;
    fields.count_or_null("version", 1 << 52, &mut version);
    fields.finish()?;
    let version = version.and_then(|version| u64::try_from(version).ok()).unwrap_or(0);
    let request = Request::of(&platform, &allowed, &incoming);
    for _ in 0..TRIES {
        let before = owners.find_to_change(&platform, &allowed, &id).await?;
        if_match_tag(&incoming.headers, &tag(&before))?;
        let owner = before.organization_id.as_ref();
        let found = find(&platform, &before.model_id, owner, version).await?;
        let found = found.ok_or_else(no_version)?;
        let config = config(&before, found)?;
        if let Some(row) = save::replace(&request, "rollback", &before, config).await? {
            return Ok(answered(&row));
        }
    }
    Err(overtaken(&incoming.headers))
}

/// What a version says, as far as it still can be read.
fn config(current: &ModelRow, version: VersionRow) -> Result<ModelConfig, ApiError> {
    let row = ModelRow { config: version.config, ..current.clone() };
    row.parse().map_err(|issues| ApiError::fields(&issues))
}

/// Whose versions are meant: those of the model that is there, else of one that was.
async fn owner(
    platform: &Platform,
    owners: &Owners,
    id: &ModelId,
) -> Result<Option<OrganizationId>, ApiError> {
    let newest = PageQuery { after: None, limit: 1 };
    let mut batch: Vec<_> = owners.0.iter().map(|owner| models::find(id, owner.as_ref())).collect();
    batch.extend(owners.0.iter().map(|owner| models::versions::list(id, owner.as_ref(), &newest)));
    let answers = platform.database.batch(batch).await?;
    let place = answers.iter().position(|rows| !rows.is_empty()).ok_or_else(unknown)?;
    let owner = owners.0.iter().cycle().nth(place);
    owner.cloned().ok_or_else(unknown)
}

async fn find(
    platform: &Platform,
    id: &ModelId,
    owner: Option<&OrganizationId>,
    version: u64,
) -> Result<Option<VersionRow>, ApiError> {
    let mut found =
        platform.database.batch(vec![models::versions::find(id, owner, version)]).await?;
    let found = found.pop().and_then(|mut rows| rows.pop());
    Ok(found.map(row).transpose()?)
}

fn no_version() -> ApiError {
    ApiError::new(Code::NotFound, "there is no such version of this model")
}

fn shown(row: &VersionRow) -> ModelVersion {
    ModelVersion {
        version: row.version,
        created_at: row.created_at.into(),
        created_by: row.created_by.clone(),
        is_current: row.is_current,
        config: json::object(row.config.as_bytes()).unwrap_or_default(),
    }
}
