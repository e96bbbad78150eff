//! `/v1/instances`: each has its own vendors' keys, defaults and limits.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use de_core::{
    http::{
        error::ApiError,
        extract::{AdminBody, Incoming, PathText},
        routes::{Allowed, unknown},
    },
    ids::{InstanceId, ModelId, OrganizationId},
    ports::{Platform, random, rows},
    store::{
        Activity,
        instances::{self as store, InstanceQuery, InstanceRow},
        organizations::{self, OrganizationRow},
    },
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::resource::{
    Change, Deletion, Fields, Filters, Request, Saved, TRIES, count, created, grant, if_match,
    later, no_idempotency_key, not_empty, origin, overtaken, shown, viewer,
};

const WHAT: &str = "instance";
const ENVIRONMENTS: [&str; 2] = ["production", "development"];
const MODALITIES: [&str; 4] = ["audio", "image", "text", "video"];

/// Lists by id what the caller administers or has a grant on.
pub(crate) async fn list(
    State(platform): State<Platform>,
    allowed: Allowed,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let organization = filters.id("organization_id", OrganizationId::parse);
    let query = InstanceQuery {
        environment: filters.word("environment", &ENVIRONMENTS),
        organization: organization.as_ref(),
        page: filters.page(),
        status: filters.status(),
    };
    filters.finish()?;
    let read: Vec<InstanceRow> =
        rows(&*platform.database, store::list(&query, viewer(&allowed)?)).await?;
    let page = query.page.page(read, |row| row.id.as_str());
    let data: Vec<Value> = page.data.iter().map(body).collect();
    Ok(Json(json!({"data": data, "next_cursor": page.next_cursor})).into_response())
}

/// Shows one.
pub(crate) async fn read(
    State(platform): State<Platform>,
    allowed: Allowed,
    PathText(id): PathText,
) -> Result<Response, ApiError> {
    let row = find(&platform, &allowed, &id).await?;
    Ok(shown(body(&row), row.updated_at))
}

/// Makes one.
pub(crate) async fn create(
    State(platform): State<Platform>,
    allowed: Allowed,
    incoming: Incoming,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    no_idempotency_key(&incoming)?;
    let now = platform.clock.now();
    let own = allowed.caller().key().organization_id.clone();
    let mut row = InstanceRow {
        allowed_origins: Vec::new(),
        created_at: now,
        default_max_output_tokens: None,
        default_models: BTreeMap::new(),
        environment: String::new(),
        grant_role: None,
        id: InstanceId::make(now, random(&*platform.entropy)),
        name: String::new(),
        on_limiter_failure: "refuse".to_owned(),
        organization_id: own,
        retention_days: None,
        status: Activity::Active,
        updated_at: now,
    };
    let mut fields = Fields::of(members);
    for name in ["organization_id", "name", "environment"] {
        fields.require(name);
    }
    if let Some(organization) = fields.id("organization_id", OrganizationId::parse) {
        row.organization_id = organization;
    }
    apply(&mut row, fields)?;
    allowed.on(&row.organization_id, None, "organization")?;
    let above = organizations::find(&row.organization_id);
    let above: Vec<OrganizationRow> = rows(&*platform.database, above).await?;
    let above = above.first().ok_or_else(|| unknown("organization"))?;
    let change = Change {
        action: "instance.create",
        after: Some(body(&row)),
        before: None,
        organization: row.organization_id.clone(),
        target: row.id.as_str().to_owned(),
    };
    let request = Request { allowed: &allowed, context: &incoming.context, platform: &platform };
    let batch = |event: &str| {
        let there = organizations::unchanged(event, &above.id, above.updated_at);
        vec![there, store::insert(&row)]
    };
    if request.save(change, batch).await? == Saved::Overtaken {
        return Err(overtaken(&incoming.headers));
    }
    Ok(created(body(&row), row.updated_at, &format!("/v1/instances/{}", row.id)))
}

/// Changes the fields that the body names.
pub(crate) async fn update(
    State(platform): State<Platform>,
    allowed: Allowed,
    incoming: Incoming,
    PathText(id): PathText,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    let request = Request { allowed: &allowed, context: &incoming.context, platform: &platform };
    for _ in 0..TRIES {
        let before = find(&platform, &allowed, &id).await?;
        if_match(&incoming.headers, before.updated_at)?;
        let mut row = before.clone();
        apply(&mut row, Fields::of(members.clone()))?;
        row.updated_at = later(platform.clock.now(), before.updated_at);
        if save(&request, "instance.update", &before, &row).await? == Saved::Done {
            return Ok(shown(body(&row), row.updated_at));
        }
    }
    Err(overtaken(&incoming.headers))
}

/// Removes one, with all that is below it if the caller says so.
pub(crate) async fn delete(
    State(platform): State<Platform>,
    allowed: Allowed,
    incoming: Incoming,
    PathText(id): PathText,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let deletion = Deletion::read(&mut filters);
    filters.finish()?;
    let before = find(&platform, &allowed, &id).await?;
    if_match(&incoming.headers, before.updated_at)?;
    let below = count(&platform, store::below(&before.id)).await?;
    if let Some(answer) = deletion.settled(&id, &below)? {
        return Ok(answer);
    }
    let request = Request { allowed: &allowed, context: &incoming.context, platform: &platform };
    let mut still = before.clone();
    if deletion.cascade {
        // Whose keys may be in use: their Limiters can be told only while there are rows that name them.
        still.status = Activity::Suspended;
        still.updated_at = later(platform.clock.now(), before.updated_at);
        if save(&request, "instance.suspend", &before, &still).await? == Saved::Overtaken {
            return Err(overtaken(&incoming.headers));
        }
    }
    let change = Change {
        action: "instance.delete",
        after: None,
        before: Some(body(&still)),
        organization: before.organization_id.clone(),
        target: before.id.as_str().to_owned(),
    };
    let batch = |event: &str| {
        let mut batch = vec![store::unchanged(event, &still.id, still.updated_at)];
        if !deletion.cascade {
            batch.push(store::empty(event, &still.id));
        }
        batch.extend(store::delete(&still.id));
        batch
    };
    match request.save(change, batch).await? {
        Saved::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        Saved::Overtaken if deletion.cascade => Err(overtaken(&incoming.headers)),
        Saved::Overtaken => Err(not_empty(&count(&platform, store::below(&before.id)).await?)),
    }
}

async fn save(
    request: &Request<'_>,
    action: &'static str,
    before: &InstanceRow,
    row: &InstanceRow,
) -> Result<Saved, ApiError> {
    let change = Change {
        action,
        after: Some(body(row)),
        before: Some(body(before)),
        organization: row.organization_id.clone(),
        target: row.id.as_str().to_owned(),
    };
    let batch =
        |event: &str| vec![store::unchanged(event, &row.id, before.updated_at), store::update(row)];
    request.save(change, batch).await
}

/// Finds an instance that the caller may do to what the route is for.
pub(crate) async fn find(
    platform: &Platform,
    allowed: &Allowed,
    id: &str,
) -> Result<InstanceRow, ApiError> {
    let id = InstanceId::parse(id).map_err(|_| unknown(WHAT))?;
    let user = allowed.caller().key().user_id.as_ref();
    let found: Vec<InstanceRow> = rows(&*platform.database, store::find(&id, user)).await?;
    let found = found.into_iter().next().ok_or_else(|| unknown(WHAT))?;
    allowed.on(&found.organization_id, grant(found.grant_role.as_deref()), WHAT)?;
    Ok(found)
}

fn apply(row: &mut InstanceRow, mut fields: Fields) -> Result<(), ApiError> {
    fields.text("name", 200, &mut row.name);
    fields.word("environment", &ENVIRONMENTS, &mut row.environment);
    fields.list("allowed_origins", origin, &mut row.allowed_origins);
    fields.count_or_null("retention_days", 36_500, &mut row.retention_days);
    fields.word("on_limiter_failure", &["refuse", "allow"], &mut row.on_limiter_failure);
    fields.object("default_models", default_model, &mut row.default_models);
    fields.count_or_null(
        "default_max_output_tokens",
        10_000_000,
        &mut row.default_max_output_tokens,
    );
    fields.status(&mut row.status);
    fields.finish()
}

fn default_model(modality: &str, model: &Value) -> Result<ModelId, String> {
    if !MODALITIES.contains(&modality) {
        return Err(format!("unknown; there are {}", MODALITIES.join(", ")));
    }
    let id = model.as_str().ok_or("expected the id of a model")?;
    ModelId::parse(id).map_err(|err| err.to_string())
}

fn body(row: &InstanceRow) -> Value {
    json!({
        "id": row.id.as_str(),
        "organization_id": row.organization_id.as_str(),
        "name": row.name,
        "environment": row.environment,
        "allowed_origins": row.allowed_origins,
        "retention_days": row.retention_days,
        "on_limiter_failure": row.on_limiter_failure,
        "default_models": row.default_models,
        "default_max_output_tokens": row.default_max_output_tokens,
        "status": row.status.as_str(),
        "created_at": row.created_at.rfc3339(),
        "updated_at": row.updated_at.rfc3339(),
    })
}
