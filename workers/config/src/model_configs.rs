//! `/v1/model-configs`: models as rows.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use de_core::{
    caller::Caller,
    guard,
    http::{
        context::Context,
        error::{ApiError, Code},
        extract::{AdminBody, Incoming, PathText},
        routes::Allowed,
    },
    ids::{ModelId, OrganizationId, ProviderId},
    mapping::{PayloadMapping, issue::MappingIssue},
    model::{Modality, ModelConfig, Status},
    ports::{Platform, PortError, random, row, rows},
    protocols::FieldIssue,
    registry,
    store::{
        Change,
        audit::AuditEvent,
        models::{self, ModelQuery, ModelRow, SavedRow},
        pages::{BadPage, PageQuery},
        providers::{self, ProviderRow},
    },
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value};

use crate::{
    epochs,
    resource::{actor, no_idempotency_key, raised},
};

const FILTERS: [&str; 5] = ["cursor", "limit", "provider_id", "status", "type"];

/// Lists the shared models and the organisation's own, by id.
pub(crate) async fn list(
    State(platform): State<Platform>,
    allowed: Allowed,
    Query(filters): Query<BTreeMap<String, String>>,
) -> Result<Response, ApiError> {
    let caller = allowed.caller();
    let query = query(&filters)?;
    let provider = query.provider.as_ref();
    let asked = ModelQuery {
        modality: query.modality,
        organization: Some(caller.organization_id()),
        page: query.page.clone(),
        provider,
        status: query.status,
        ..ModelQuery::default()
    };
    let read: Vec<ModelRow> = rows(&*platform.database, models::list(&asked)).await?;
    let page = query.page.page(read, |row| row.model_id.as_str());
    let data: Vec<Value> = page.data.iter().map(shown).collect();
    Ok(Json(serde_json::json!({"data": data, "next_cursor": page.next_cursor})).into_response())
}

/// Shows one model. Its id may have slashes, plain or percent-encoded.
pub(crate) async fn read(
    State(platform): State<Platform>,
    allowed: Allowed,
    PathText(id): PathText,
) -> Result<Response, ApiError> {
    let caller = allowed.caller();
    let unknown = || ApiError::new(Code::ModelNotFound, "there is no such model config");
    let id = ModelId::parse(&id).map_err(|_| unknown())?;
    let organization = caller.organization_id();
    let found = find(&platform, &id, Some(organization)).await?.ok_or_else(unknown)?;
    Ok(Json(shown(&found)).into_response())
}

/// Makes a model: shared, by whoever operates the service, or of an organisation, by its admins.
pub(crate) async fn create(
    State(platform): State<Platform>,
    allowed: Allowed,
    incoming: Incoming,
    AdminBody(mut body): AdminBody,
) -> Result<Response, ApiError> {
    let caller = allowed.caller();
    no_idempotency_key(&incoming)?;
    let organization = owner(caller, body.shift_remove("organization_id"))?;
    let config =
        ModelConfig::parse(&Value::Object(body)).map_err(|issues| ApiError::fields(&issues))?;
    check(&platform, &config, organization.as_ref()).await?;
    let now = platform.clock.now();
    let event = audit(&platform, caller, &incoming.context, organization.clone(), &config);
    let change = Change { audit: &event, by: caller.key().who(), now };
    let batch = models::create(&config, organization.as_ref(), change);
    let answers = platform.database.batch(batch).await.map_err(|err| taken(err, &config))?;
    let first = answers.first().and_then(|rows| rows.first()).cloned().unwrap_or_default();
    let SavedRow { version } = row(first)?;
    for epoch in raised(answers)? {
        epochs::tell(&platform, organization.as_ref(), epoch).await?;
    }
    let saved = ModelConfig { version, ..config };
    let saved = ModelRow {
        config: saved.to_row(),
        created_at: now,
        model_id: saved.model_id.clone(),
        organization_id: organization,
        updated_at: now,
        version,
    };
    let location = format!("/v1/model-configs/{}", saved.model_id.as_str().replace('/', "%2F"));
    let mut response = (StatusCode::CREATED, Json(shown(&saved))).into_response();
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// What the filters of a list mean.
struct Filters {
    modality: Option<Modality>,
    page: PageQuery,
    provider: Option<ProviderId>,
    status: Option<Status>,
}

/// Reads the filters; all that is wrong is told at once, unknown ones by name.
fn query(filters: &BTreeMap<String, String>) -> Result<Filters, ApiError> {
    let mut issues = Vec::new();
    let mut wrong = |name: &str, reason: String| {
        issues.push(FieldIssue { pointer: format!("?{name}"), reason });
    };
    for name in filters.keys().filter(|name| !FILTERS.contains(&name.as_str())) {
        wrong(name, format!("unknown; there are {}", FILTERS.join(", ")));
    }
    let text = |name: &str| filters.get(name).map(String::as_str);
    let modality = text("type").and_then(|word| {
        let known = Modality::parse(word);
        if known.is_none() {
            wrong("type", format!("expected {}", Modality::expected()));
        }
        known
    });
    let status = text("status").and_then(|word| {
        let known = Status::parse(word);
        if known.is_none() {
            wrong("status", format!("expected {}", Status::expected()));
        }
        known
    });
    let provider = text("provider_id").and_then(|id| match ProviderId::parse(id) {
        Ok(id) => Some(id),
        Err(err) => {
            wrong("provider_id", err.to_string());
            None
        }
    });
    let page = PageQuery::parse(text("limit"), text("cursor")).unwrap_or_else(|err| {
        let name = match err {
            BadPage::Cursor => "cursor",
            BadPage::Limit => "limit",
        };
        wrong(name, err.to_string());
        PageQuery::default()
    });
    if issues.is_empty() {
        Ok(Filters { modality, page, provider, status })
    } else {
        Err(ApiError::fields(&issues))
    }
}

/// Whose the new model is. Only who operates the service may add to what all tenants share.
fn owner(caller: &Caller, named: Option<Value>) -> Result<Option<OrganizationId>, ApiError> {
    let wrong = |reason: &str| {
        let pointer = "/organization_id".to_owned();
        ApiError::fields(&[FieldIssue { pointer, reason: reason.to_owned() }])
    };
    let named = match named {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => {
            Some(OrganizationId::parse(&id).map_err(|err| wrong(&err.to_string()))?)
        }
        Some(_) => return Err(wrong("expected text or null")),
    };
    let own = caller.organization_id();
    match named {
        named if caller.is_superadmin() => Ok(named),
        None => Ok(Some(own.clone())),
        Some(id) if id == *own => Ok(Some(id)),
        Some(_) => Err(wrong("there is no such organization")),
    }
}

/// Checks what a config says of other things: its provider, its mapping, the addresses in it.
async fn check(
    platform: &Platform,
    config: &ModelConfig,
    organization: Option<&OrganizationId>,
) -> Result<(), ApiError> {
    let mut issues = Vec::new();
    let mut wrong = |pointer: &str, reason: String| {
        issues.push(FieldIssue { pointer: pointer.to_owned(), reason });
    };
    if config.fallbacks.contains(&config.model_id) {
        wrong("/fallbacks", "a model is no fallback of itself".to_owned());
    }
    let statement = providers::find(&config.provider_id, organization);
    let found: Vec<ProviderRow> = rows(&*platform.database, statement).await?;
    match found.into_iter().next() {
        None => wrong("/provider_id", format!("there is no provider {}", config.provider_id)),
        Some(provider) => {
            let base_url = url::Url::parse(&provider.base_url);
            match base_url {
                Err(err) => wrong("/provider_id", format!("its base_url is no address: {err}")),
                Ok(base_url) => {
                    if let Err(err) = guard::check(&base_url, &platform.settings) {
                        wrong("/provider_id", format!("its base_url may not be called: {err}"));
                    }
                    if let Some(mapping) = &config.payload_mapping {
                        issues.extend(mapping_issues(mapping, provider, base_url));
                    }
                }
            }
        }
    }
    if issues.is_empty() { Ok(()) } else { Err(ApiError::fields(&issues)) }
}

/// What is wrong with a mapping: its form, its addresses, and examples that do not hold.
fn mapping_issues(mapping: &Value, provider: ProviderRow, base_url: url::Url) -> Vec<FieldIssue> {
    let ProviderRow { allowed_hosts, auth, protocol_defaults, .. } = provider;
    let rules = registry::rules(base_url, allowed_hosts, &auth, &protocol_defaults);
    let found = match PayloadMapping::parse(mapping, &rules) {
        Ok(mapping) => mapping.check_examples(),
        Err(issues) => issues,
    };
    let told = |issue: &MappingIssue| FieldIssue {
        pointer: format!("/payload_mapping{}", issue.pointer),
        reason: issue.fault.to_string(),
    };
    found.iter().map(told).collect()
}

fn audit(
    platform: &Platform,
    caller: &Caller,
    context: &Context,
    organization_id: Option<OrganizationId>,
    config: &ModelConfig,
) -> AuditEvent {
    AuditEvent {
        action: "model-config.create".to_owned(),
        actor: actor(caller),
        after: Some(config.to_json()),
        before: None,
        id: AuditEvent::make_id(platform.clock.now(), random(&*platform.entropy)),
        organization_id,
        request_id: Some(context.request_id().clone()),
        target_id: config.model_id.as_str().to_owned(),
    }
}

fn taken(err: PortError, config: &ModelConfig) -> ApiError {
    let PortError::Conflict { constraint } = &err else { return err.into() };
    let message = if constraint.starts_with("model_aliases") {
        "one of the aliases belongs to another model".to_owned()
    } else {
        format!("there is a model {} already", config.model_id)
    };
    ApiError::new(Code::Conflict, message).because(err.to_string())
}

async fn find(
    platform: &Platform,
    id: &ModelId,
    organization: Option<&OrganizationId>,
) -> Result<Option<ModelRow>, ApiError> {
    let allowed = std::slice::from_ref(id);
    let query = ModelQuery { allowed: Some(allowed), organization, ..ModelQuery::default() };
    let found: Vec<ModelRow> = rows(&*platform.database, models::list(&query)).await?;
    Ok(found.into_iter().next())
}

/// A row as the API shows it. One that cannot be read is shown with its error, and hurts no other.
fn shown(row: &ModelRow) -> Value {
    let mut shown = Map::new();
    match row.parse() {
        Ok(config) => {
            if let Value::Object(members) = config.to_json() {
                shown = members;
            }
        }
        Err(issues) => {
            shown.insert("model_id".to_owned(), row.model_id.as_str().into());
            shown.insert("error".to_owned(), de_core::model::told(&issues).into());
        }
    }
    let organization = row.organization_id.as_ref().map(|id| id.as_str().to_owned());
    shown.insert("organization_id".to_owned(), organization.into());
    shown.insert("version".to_owned(), row.version.into());
    shown.insert("created_at".to_owned(), row.created_at.rfc3339().into());
    shown.insert("updated_at".to_owned(), row.updated_at.rfc3339().into());
    Value::Object(shown)
}
