//! Models, made and changed. Each save is a new version, checked whole.

use axum::{extract::State, response::Response};
use de_core::{
    http::{
        error::ApiError,
        extract::{AdminBody, Incoming},
        routes::Allowed,
    },
    ids::{ModelId, OrganizationId},
    model::ModelConfig,
    ports::{Platform, rows},
    protocols::FieldIssue,
    store::{
        models::{self, LatestRow, ModelRow, Saving},
        organizations::{self, OrganizationRow},
    },
};
use serde_json::Value;

use super::{author, change, check, shown, value};
use crate::resource::{Begun, Change, Created, Once, Request};

/// Makes a model: shared, by whoever operates the service, or of an organization, by its admins.
pub(crate) async fn create(
    State(platform): State<Platform>,
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
    exists(&platform, organization.as_ref()).await?;
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
    request.create(once, change, made, |_| models::insert(&config, saving)).await
}

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
        Some(id) if id == *own => Ok(Some(id)),
        Some(_) => Err(no_owner("there is no such organization")),
    }
}

/// Refuses an organization that is not there.
pub(super) async fn exists(
    platform: &Platform,
    organization: Option<&OrganizationId>,
) -> Result<(), ApiError> {
    let Some(organization) = organization else { return Ok(()) };
    let found: Vec<OrganizationRow> =
        rows(&*platform.database, organizations::find(organization)).await?;
    if found.is_empty() { Err(no_owner("there is no such organization")) } else { Ok(()) }
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
    let latest = models::latest(std::slice::from_ref(model), organization);
    let latest: Vec<LatestRow> = rows(&*platform.database, latest).await?;
    Ok(latest.first().map_or(0, |latest| latest.version).saturating_add(1))
}

fn location(model: &ModelId) -> String {
    format!("/v1/model-configs/{}", model.as_str().replace('/', "%2F"))
}
