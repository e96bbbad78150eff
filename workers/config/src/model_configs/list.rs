//! Models, listed and read.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use de_core::{
    http::{error::ApiError, extract::PathText, routes::Allowed},
    ids::{OrganizationId, ProviderId},
    model::{Modality, Status},
    ports::{Platform, rows},
    store::{
        models::{self, ModelQuery, ModelRow},
        pages::Page,
    },
};

use super::{Owners, owners, seen, tag};
use crate::resource::{Filters, with_tag};

/// Lists the shared models and an organization's own, by id.
pub(crate) async fn list(
    State(platform): State<Platform>,
    allowed: Allowed,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let named = filters.id("organization_id", OrganizationId::parse);
    let modality = filters.one_of("type", Modality::parse, Modality::expected);
    let status = filters.one_of("status", Status::parse, Status::expected);
    let provider = filters.id("provider_id", ProviderId::parse);
    let page = filters.page();
    filters.finish()?;
    let owners = Owners::of(&allowed, named)?;
    let query = ModelQuery {
        modality,
        organization: owners.0.iter().flatten().next(),
        page,
        provider: provider.as_ref(),
        status,
        ..ModelQuery::default()
    };
    let read: Vec<ModelRow> = rows(&*platform.database, models::list(&query)).await?;
    let page = query.page.page(read, |row| row.model_id.as_str());
    let mut data = Vec::with_capacity(page.data.len());
    for row in &page.data {
        data.push(seen(&platform, row).await?);
    }
    Ok(Json(Page { data, next_cursor: page.next_cursor }).into_response())
}

/// Shows one. A `/` in its id is percent-encoded.
pub(crate) async fn read(
    State(platform): State<Platform>,
    allowed: Allowed,
    PathText(id): PathText,
    filters: Filters,
) -> Result<Response, ApiError> {
    let row = owners(&allowed, filters)?.find(&platform, &id).await?;
    Ok(with_tag(Json(seen(&platform, &row).await?).into_response(), &tag(&row)))
}
