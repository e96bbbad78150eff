//! Models as files: out one at a time, in as many as a file holds, all of them or none.

mod plan;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    bundle::{self, Bundle},
    http::{
        error::{ApiError, Code},
        extract::{AdminBody, Incoming, PathText},
        routes::Allowed,
    },
    ids::OrganizationId,
    ports::Platform,
    protocols::FieldIssue,
    store::models::Saving,
};
use http::{HeaderValue, header};
use serde::Serialize;
use serde_json::Value;

use self::plan::Plan;
use super::{Owners, author, owners, value};
use crate::resource::{Begun, Change, Created, Filters, Once, Request, Resource};

/// The most models, and the most providers, that come in at once.
const MOST: usize = 100;

/// Hands a model out as a file, in the form that an import reads.
pub(crate) async fn export(
    platform: Platform,
    allowed: Allowed,
    PathText(id): PathText,
    filters: Filters,
) -> Result<Response, ApiError> {
    let row = owners(&allowed, filters)?.find(&platform, &id).await?;
    let config = row.parse().map_err(|issues| {
        let message = "the current version cannot be read, so there is nothing to export";
        ApiError::new(Code::Conflict, message).with("error", de_core::model::in_one_line(&issues))
    })?;
    // Wire types have string keys and finite numbers, so this cannot fail.
    let text = serde_json::to_string_pretty(&bundle::export(&config)).unwrap_or_default();
    let name = row.model_id.as_str().replace('/', "__").replace(':', "_");
    let mut response = (text + "\n").into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}.json\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// What an import has done, or what a dry run says that it would do.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Imported {
    /// Whether nothing was saved, because that was asked for.
    dry_run: bool,
    /// One entry a model, in the order of the file.
    models: Vec<ImportedEntry>,
    /// One entry a provider, in the order of the file.
    providers: Vec<ImportedEntry>,
}

/// What becomes of one entry of a file.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct ImportedEntry {
    /// The model's or provider's id, as it stands there.
    id: Option<String>,
    /// `create`, `update` (a new version), `unchanged` or `refused`.
    outcome: Outcome,
    /// The model's version after it.
    version: Option<u64>,
    /// Why it is refused; pointers lead into the file.
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = Vec<std::collections::BTreeMap<String, String>>))]
    issues: Vec<Value>,
}

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
enum Outcome {
    /// It is new.
    Create,
    /// It cannot be saved, and so nothing is.
    Refused,
    /// It is there as it stands in the file.
    Unchanged,
    /// It becomes the next version.
    Update,
}

/// Takes models in, and providers that are not there yet.
pub(crate) async fn import(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    mut filters: Filters,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    let named = filters.id("organization_id", OrganizationId::parse);
    let dry_run = filters.flag("dry_run");
    filters.finish()?;
    // The first owner is the one whose rows they become: the organization, or the catalogue.
    let organization = Owners::of(&allowed, named)?.0.into_iter().next().flatten();
    let organization = organization.as_ref();
    let above = super::save::exists(&platform, organization).await?;
    let request = Request::of(&platform, &allowed, &incoming);
    let route = format!(
        "POST /v1/model-configs/import {}",
        organization.map_or("", OrganizationId::as_str)
    );
    let once = match Once::begin(&request, route, &members).await? {
        Begun::Again(answer) if !dry_run => return Ok(answer),
        Begun::Again(_) => {
            return Err(ApiError::new(Code::InvalidRequest, "a dry run takes no key"));
        }
        Begun::New(once) => once,
    };
    let file = bundle::read(Value::Object(members)).map_err(|issues| ApiError::fields(&issues))?;
    bounded(&file)?;
    let plan = Plan::of(&platform, organization, file).await?;
    let report = plan.report(dry_run);
    if dry_run {
        return Ok(Json(report).into_response());
    }
    if !plan.issues.is_empty() {
        let issues: Vec<FieldIssue> = plan.issues.values().flatten().cloned().collect();
        let report = value(&report);
        let of = |name: &str| report.get(name).cloned().unwrap_or_default();
        let refused = ApiError::fields(&issues);
        return Err(refused.with("models", of("models")).with("providers", of("providers")));
    }
    if plan.is_idle() {
        return request.unneeded(once, value(&report)).await;
    }
    let now = platform.clock.now();
    let made =
        Created { body: value(&report), location: "/v1/model-configs".to_owned(), updated_at: now };
    let change = Change {
        action: "model-config.import".to_owned(),
        after: Some(made.body.clone()),
        also: Vec::new(),
        before: None,
        owner: organization.cloned(),
        target: "model-configs".to_owned(),
    };
    let by = author(&allowed);
    let saving = Saving { by: &by, now, organization };
    let batch = |event: &str| {
        let there = above.map(|above| above.unchanged(event));
        there.into_iter().chain(plan.batch(&request, event, saving)).collect()
    };
    request.create(once, change, made, batch).await
}

fn bounded(file: &Bundle) -> Result<(), ApiError> {
    let counts = [("/models", file.models.len()), ("/providers", file.providers.len())];
    let over = counts.into_iter().filter(|(_, count)| *count > MOST);
    let issues: Vec<FieldIssue> = over
        .map(|(pointer, count)| FieldIssue {
            pointer: pointer.to_owned(),
            reason: format!("has {count} entries; at most {MOST} come in at once"),
        })
        .collect();
    if issues.is_empty() { Ok(()) } else { Err(ApiError::fields(&issues)) }
}
