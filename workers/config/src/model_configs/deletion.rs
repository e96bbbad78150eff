//! Models, removed: not while something would name nothing without them.
//!
//! Keys whose `allowed_models` name the model do not keep it: they are told of, and may call what is
//! left. Receipts name versions, so those stay.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    http::{
        error::ApiError,
        extract::{Incoming, PathText},
        routes::Allowed,
    },
    ids::{ModelId, OrganizationId},
    ports::{Platform, row},
    store::models::{self, ModelRow},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{
    Owners, change,
    naming::{self, Naming},
    shown, tag, value,
};
use crate::resource::{Change, Filters, Request, Saved, if_match_tag, overtaken};

/// What a dry run says.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct WouldDeleteModel {
    /// What was asked for.
    model_id: ModelId,
    /// Whether it would be deleted.
    would_delete: bool,
    /// What keeps it.
    #[serde(flatten)]
    named_by: Naming,
    /// How many keys may call it and not all models; they do not keep it.
    api_keys: u64,
}

/// Removes one.
pub(crate) async fn delete(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathText(id): PathText,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let named = filters.id("organization_id", OrganizationId::parse);
    let dry_run = filters.flag("dry_run");
    filters.finish()?;
    let owners = Owners::of(&allowed, named)?;
    let before = owners.find_to_change(&platform, &allowed, &id).await?;
    if_match_tag(&incoming.headers, &tag(&before))?;
    let (naming, api_keys) = of(&platform, &before).await?;
    if dry_run {
        let model_id = before.model_id.clone();
        let would_delete = naming.is_empty();
        let told = WouldDeleteModel { model_id, would_delete, named_by: naming, api_keys };
        return Ok(Json(told).into_response());
    }
    if !naming.is_empty() {
        return Err(naming.keeps(&before.model_id));
    }
    let request = Request::of(&platform, &allowed, &incoming);
    let change = Change { before: Some(value(&shown(&before))), ..change("delete", &before) };
    let (model, organization) = (&before.model_id, before.organization_id.as_ref());
    let batch = |event: &str| {
        vec![
            models::unchanged(event, model, organization, before.version),
            models::names::unnamed(event, model, organization),
            models::delete(model, organization),
        ]
    };
    if request.save(change, batch).await? == Saved::Done {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let (naming, _) = of(&platform, &before).await?;
    if naming.is_empty() {
        return Err(overtaken(&incoming.headers));
    }
    Err(naming.keeps(&before.model_id))
}

/// Who names a model, and how many keys may call it and not all models.
async fn of(platform: &Platform, before: &ModelRow) -> Result<(Naming, u64), ApiError> {
    #[derive(Deserialize)]
    struct Count {
        api_keys: u64,
    }
    let (model, organization) = (&before.model_id, before.organization_id.as_ref());
    let batch = vec![
        models::names::named_by(model, organization),
        models::names::allowed_by(model, organization),
    ];
    let mut answers = platform.database.batch(batch).await?;
    let count = answers.pop().unwrap_or_default();
    let naming = naming::read(answers.pop().unwrap_or_default())?.into_iter().collect();
    let count = count.into_iter().next().map(row::<Count>).transpose()?;
    Ok((naming, count.map_or(0, |count| count.api_keys)))
}
