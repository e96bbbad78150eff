//! What a model would send, saved or not. Everything that is wrong is told beside it.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    http::{
        error::ApiError,
        extract::{AdminBody, Incoming, PathText},
        routes::Allowed,
    },
    ids::OrganizationId,
    json,
    mapping::preview::{Preview, PreviewIssue},
    model::{ModelConfig, Protocol, check::with_provider},
    ports::Platform,
    preview::{self, Bounds},
    protocols::FieldIssue,
    registry::Model,
};
use serde_json::{Map, Value};

use super::{Owners, check, owners};
use crate::resource::{Fields, Filters, no_idempotency_key};

/// Shows what a saved model would send for an input, with another mapping if the body has one.
pub(crate) async fn preview(
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
    let (mut input, mut mapping) = (Map::new(), None);
    fields.require("input");
    fields.object("input", |_, value| Ok(value.clone()), &mut input);
    fields.any("mapping", &mut mapping);
    fields.finish()?;
    let row = owners.find(&platform, &id).await?;
    let mut config = json::object(row.config.as_bytes()).unwrap_or_default();
    // Issues of a mapping that came with the request stand where it stands.
    let place = if mapping.is_some() { ("/payload_mapping", "/mapping") } else { ("", "") };
    if let Some(mapping) = mapping {
        config.insert("protocol".to_owned(), Protocol::Mapped.as_str().into());
        config.insert("payload_mapping".to_owned(), mapping);
    }
    let preview = of(&platform, &owners, config, &input, place).await?;
    Ok(Json(preview).into_response())
}

/// Shows what a model would send that is not saved yet.
pub(crate) async fn preview_unsaved(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    filters: Filters,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    no_idempotency_key(&incoming)?;
    let owners = owners(&allowed, filters)?;
    let mut fields = Fields::of(members);
    let (mut config, mut input) = (Map::new(), Map::new());
    fields.require("config");
    fields.require("input");
    fields.object("config", |_, value| Ok(value.clone()), &mut config);
    fields.object("input", |_, value| Ok(value.clone()), &mut input);
    fields.finish()?;
    let preview = of(&platform, &owners, config, &input, ("", "/config")).await?;
    Ok(Json(preview).into_response())
}

/// Shows what a config would send. What is wrong with it has pointers that begin with the second of
/// `place` instead of the first.
async fn of(
    platform: &Platform,
    owners: &Owners,
    config: Map<String, Value>,
    input: &Map<String, Value>,
    place: (&str, &str),
) -> Result<Preview, ApiError> {
    let told = |issue: FieldIssue| {
        let rest = issue.pointer.strip_prefix(place.0);
        let pointer = rest.map_or(issue.pointer.clone(), |rest| format!("{}{rest}", place.1));
        PreviewIssue { pointer, reason: issue.reason }
    };
    let mut seen = Preview { request: None, poll: None, variables: Map::new(), issues: Vec::new() };
    let model = match model(platform, owners, config).await? {
        Ok(model) => model,
        Err(issues) => {
            seen.issues.extend(issues.into_iter().map(told));
            return Ok(seen);
        }
    };
    let (model, issues) = model;
    seen = preview::of(&model, input, Bounds::default(), &platform.settings);
    for issue in &mut seen.issues {
        issue.pointer.insert_str(0, "/input");
    }
    seen.issues.extend(issues.into_iter().map(told));
    Ok(seen)
}

/// A config, compiled, and what would keep it from being saved all the same: examples that do not hold.
async fn model(
    platform: &Platform,
    owners: &Owners,
    config: Map<String, Value>,
) -> Result<Result<(Model, Vec<FieldIssue>), Vec<FieldIssue>>, ApiError> {
    let config = match ModelConfig::parse(&Value::Object(config)) {
        Ok(config) => config,
        Err(issues) => return Ok(Err(issues)),
    };
    let organization: Option<&OrganizationId> = owners.0.iter().flatten().next();
    let provider = check::provider_of(platform, organization, &config.provider_id).await?;
    let issues = with_provider(&config, provider.as_ref(), &platform.settings);
    let Some(provider) = provider else { return Ok(Err(issues)) };
    match Model::unsaved(config, provider) {
        Ok(model) => Ok(Ok((model, issues))),
        Err(_) if !issues.is_empty() => Ok(Err(issues)),
        Err(reason) => Ok(Err(vec![FieldIssue { pointer: "/provider_id".to_owned(), reason }])),
    }
}
