//! Models, made and changed. Each save is a new version, checked whole.

use axum::response::Response;
use de_core::{
    http::{
        error::ApiError,
        extract::{AdminBody, Incoming, PathText},
        routes::Allowed,
    },
    ids::{ModelId, OrganizationId},
    json,
    model::ModelConfig,
    ports::{Platform, rows},
    protocols::FieldIssue,
    store::{
        models::{self, ModelRow, Saving, versions::LatestRow},
        organizations::{self, OrganizationRow},
    },
};
use serde_json::{Map, Value};

use super::{
    answered, author, change, check,
    naming::{self, Naming},
    owners, shown, tag, value,
};
use crate::resource::{
    Begun, Change, Created, Filters, Once, Request, Resource, TRIES, if_match_tag, later, overtaken,
};

/// Makes a model: shared, by whoever operates the service, or of an organization, by its admins.
pub(crate) async fn create(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    AdminBody(mut body): AdminBody,
) -> Result<Response, ApiError> {
    let request = Request::of(&platform, &allowed, &incoming);
    let once = match Once::begin(&request, "POST /v1/model-configs", &body).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::New(once) => once,
    };
    let organization = owner(&allowed, body.shift_remove("organization_id"))?;
    let above = exists(&platform, organization.as_ref()).await?;
    let config =
        ModelConfig::parse(&Value::Object(body)).map_err(|issues| ApiError::fields(&issues))?;
    check::one(&platform, organization.as_ref(), &config, None).await?;
    let now = platform.clock.now();
    let version = next_version(&platform, &config.model_id, organization.as_ref()).await?;
    let config = ModelConfig { version, ..config };
    let row = ModelRow {
        config: config.to_row(),
        created_at: now,
        model_id: config.model_id.clone(),
        organization_id: organization,
        updated_at: now,
        version,
    };
    let made =
        Created { body: value(&shown(&row)), location: location(&row.model_id), updated_at: now };
    let change = Change { after: Some(made.body.clone()), ..change("create", &row) };
    let by = author(&allowed);
    let saving = Saving { by: &by, now, organization: row.organization_id.as_ref() };
    let batch = |event: &str| {
        let there = above.map(|above| above.unchanged(event));
        there.into_iter().chain(models::insert(&config, saving)).collect()
    };
    request.create(once, change, made, batch).await
}

/// Changes the fields that the body names; null clears one. The result is a new version, checked whole.
pub(crate) async fn update(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathText(id): PathText,
    filters: Filters,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    let owners = owners(&allowed, filters)?;
    let request = Request::of(&platform, &allowed, &incoming);
    for _ in 0..TRIES {
        let before = owners.find_to_change(&platform, &allowed, &id).await?;
        if_match_tag(&incoming.headers, &tag(&before))?;
        let config =
            patched(&before, members.clone()).map_err(|issues| ApiError::fields(&issues))?;
        if let Some(row) = replace(&request, "update", &before, config).await? {
            return Ok(answered(&row));
        }
    }
    Err(overtaken(&incoming.headers))
}

/// Saves a config as the next version of a row; `None` if someone else was first. What changes nothing is
/// no version.
pub(super) async fn replace(
    request: &Request<'_>,
    verb: &str,
    before: &ModelRow,
    config: ModelConfig,
) -> Result<Option<ModelRow>, ApiError> {
    let Request { allowed, platform, .. } = *request;
    let organization = before.organization_id.as_ref();
    let now = platform.clock.now();
    let version = before.version.saturating_add(1);
    let mut config = ModelConfig { version, ..config };
    if let Ok(before) = before.parse() {
        config = config.after(&before, now);
    }
    if config.to_row() == before.config {
        return Ok(Some(before.clone()));
    }
    check::one(platform, organization, &config, Some(before)).await?;
    let taken = naming::taken(before, &config);
    if let Some(taken) = &taken {
        let naming: Naming = naming::missing(platform, before, taken).await?.into_iter().collect();
        if !naming.is_empty() {
            return Err(naming.keeps_as_it_is(&before.model_id));
        }
    }
    let now = later(now, before.updated_at);
    let row = ModelRow { config: config.to_row(), updated_at: now, version, ..before.clone() };
    let change = Change {
        after: Some(value(&shown(&row))),
        before: Some(value(&shown(before))),
        ..change(verb, &row)
    };
    let by = author(allowed);
    let saving = Saving { by: &by, now, organization };
    let batch = |event: &str| {
        let id = &row.model_id;
        let mut batch = vec![models::unchanged(event, id, organization, before.version)];
        let unmissed = |taken| models::names::unmissed(event, id, organization, taken);
        batch.extend(taken.as_ref().map(unmissed));
        batch.extend(models::update(&config, saving));
        batch
    };
    let saved = request.save(change, batch).await?;
    Ok(saved.done()?.then_some(row))
}

/// A row with the members of a body over its own. A row that cannot be read is mended like this too.
///
/// What is not of the config may stand there as it is, so that what was read can be sent back.
fn patched(before: &ModelRow, members: Map<String, Value>) -> Result<ModelConfig, Vec<FieldIssue>> {
    let mut config = json::object(before.config.as_bytes()).unwrap_or_default();
    let shown = value(&shown(before));
    let mut issues = Vec::new();
    for (name, member) in members {
        if READ_ONLY.contains(&name.as_str()) {
            if shown.get(&name) != Some(&member) {
                let reason = "cannot be changed".to_owned();
                issues.push(FieldIssue { pointer: format!("/{name}"), reason });
            }
        } else if member.is_null() && name != HAS_A_WORD_FOR_NONE {
            config.shift_remove(&name);
        } else {
            config.insert(name, member);
        }
    }
    match ModelConfig::parse(&Value::Object(config)) {
        Ok(config) if issues.is_empty() => Ok(config),
        Ok(_) => Err(issues),
        Err(more) => Err([issues, more].concat()),
    }
}

/// The member whose null is no lack of it, but a word: no circuit, where there is a usual one.
const HAS_A_WORD_FOR_NONE: &str = "circuit_breaker";

/// Members of a model as it is shown that are not its config, or say which one it is.
const READ_ONLY: [&str; 5] = ["created_at", "model_id", "organization_id", "updated_at", "version"];

/// Whose a new model is. Only who operates the service may add to what all tenants share.
fn owner(allowed: &Allowed, named: Option<Value>) -> Result<Option<OrganizationId>, ApiError> {
    let named = match named {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => {
            Some(OrganizationId::parse(&id).map_err(|err| no_owner(&err.to_string()))?)
        }
        Some(_) => return Err(no_owner("expected text or null")),
    };
    let caller = allowed.caller();
    let own = &caller.key().organization_id;
    match named {
        named if caller.is_superadmin() => Ok(named),
        None => Ok(Some(own.clone())),
        Some(id) => allowed.on(&id, None, "organization").map(|()| Some(id)),
    }
}

/// Finds the organization that models are made in; refuses one that is not there.
pub(super) async fn exists(
    platform: &Platform,
    organization: Option<&OrganizationId>,
) -> Result<Option<OrganizationRow>, ApiError> {
    let Some(organization) = organization else { return Ok(None) };
    let found: Vec<OrganizationRow> =
        rows(&*platform.database, organizations::find(organization)).await?;
    let found = found.into_iter().next();
    found.map(Some).ok_or_else(|| no_owner("there is no such organization"))
}

fn no_owner(reason: &str) -> ApiError {
    let pointer = "/organization_id".to_owned();
    ApiError::fields(&[FieldIssue { pointer, reason: reason.to_owned() }])
}

/// The version that a new model begins with: it goes on where one of its id ended.
async fn next_version(
    platform: &Platform,
    model: &ModelId,
    organization: Option<&OrganizationId>,
) -> Result<u64, ApiError> {
    let latest = models::versions::latest(std::slice::from_ref(model), organization);
    let latest: Vec<LatestRow> = rows(&*platform.database, latest).await?;
    Ok(latest.first().map_or(0, |latest| latest.version).saturating_add(1))
}

fn location(model: &ModelId) -> String {
    format!("/v1/model-configs/{}", model.as_str().replace('/', "%2F"))
}
