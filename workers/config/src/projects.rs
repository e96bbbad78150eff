//! `/v1/projects`: what keys of programs belong to.

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
    ids::{InstanceId, ProjectId},
    ports::{Platform, random, rows},
    store::{
        Activity, instances as above,
        projects::{self as store, ProjectQuery, ProjectRow},
    },
};
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::{
    instances,
    resource::{
        Change, Deletion, Fields, Filters, Request, Saved, TRIES, count, created, grant, if_match,
        later, no_idempotency_key, not_empty, overtaken, shown, viewer,
    },
};

const WHAT: &str = "project";

/// The largest `settings`, as JSON text in bytes.
const MOST_SETTINGS: usize = 16 * 1024;

/// Lists by id what the caller administers or has a grant on the instance of.
pub(crate) async fn list(
    State(platform): State<Platform>,
    allowed: Allowed,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let instance = filters.id("instance_id", InstanceId::parse);
    let query = ProjectQuery {
        instance: instance.as_ref(),
        page: filters.page(),
        status: filters.status(),
    };
    filters.finish()?;
    let read: Vec<ProjectRow> =
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
    let mut fields = Fields::of(members);
    fields.require("instance_id");
    fields.require("name");
    let instance = fields.id("instance_id", InstanceId::parse);
    let mut row = ProjectRow {
        created_at: now,
        description: None,
        environment: String::new(),
        grant_role: None,
        id: ProjectId::make(now, random(&*platform.entropy)),
        instance_id: instance.unwrap_or_else(|| InstanceId::make(now, [0; 10])),
        name: String::new(),
        organization_id: allowed.caller().key().organization_id.clone(),
        retain_content: false,
        settings: Map::new(),
        status: Activity::Active,
        updated_at: now,
    };
    apply(&mut row, fields)?;
    let instance = instances::find(&platform, &allowed, row.instance_id.as_str()).await?;
    row.environment.clone_from(&instance.environment);
    row.organization_id.clone_from(&instance.organization_id);
    let change = Change {
        action: "project.create",
        after: Some(body(&row)),
        before: None,
        organization: row.organization_id.clone(),
        target: row.id.as_str().to_owned(),
    };
    let request = Request { allowed: &allowed, context: &incoming.context, platform: &platform };
    let batch = |event: &str| {
        vec![above::unchanged(event, &instance.id, instance.updated_at), store::insert(&row)]
    };
    if request.save(change, batch).await? == Saved::Overtaken {
        return Err(overtaken(&incoming.headers));
    }
    Ok(created(body(&row), row.updated_at, &format!("/v1/projects/{}", row.id)))
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
        let change = Change {
            action: "project.update",
            after: Some(body(&row)),
            before: Some(body(&before)),
            organization: row.organization_id.clone(),
            target: row.id.as_str().to_owned(),
        };
        let batch = |event: &str| {
            vec![store::unchanged(event, &row.id, before.updated_at), store::update(&row)]
        };
        if request.save(change, batch).await? == Saved::Done {
            return Ok(shown(body(&row), row.updated_at));
        }
    }
    Err(overtaken(&incoming.headers))
}

/// Removes one, with its keys if the caller says so.
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
    let change = Change {
        action: "project.delete",
        after: None,
        before: Some(body(&before)),
        organization: before.organization_id.clone(),
        target: before.id.as_str().to_owned(),
    };
    let request = Request { allowed: &allowed, context: &incoming.context, platform: &platform };
    let batch = |event: &str| {
        let mut batch = vec![store::unchanged(event, &before.id, before.updated_at)];
        if !deletion.cascade {
            batch.push(store::empty(event, &before.id));
        }
        batch.push(store::delete(&before.id));
        batch
    };
    match request.save(change, batch).await? {
        Saved::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        Saved::Overtaken if deletion.cascade => Err(overtaken(&incoming.headers)),
        Saved::Overtaken => Err(not_empty(&count(&platform, store::below(&before.id)).await?)),
    }
}

/// Finds a project that the caller may do to what the route is for.
pub(crate) async fn find(
    platform: &Platform,
    allowed: &Allowed,
    id: &str,
) -> Result<ProjectRow, ApiError> {
    let id = ProjectId::parse(id).map_err(|_| unknown(WHAT))?;
    let user = allowed.caller().key().user_id.as_ref();
    let found: Vec<ProjectRow> = rows(&*platform.database, store::find(&id, user)).await?;
    let found = found.into_iter().next().ok_or_else(|| unknown(WHAT))?;
    allowed.on(&found.organization_id, grant(found.grant_role.as_deref()), WHAT)?;
    Ok(found)
}

fn apply(row: &mut ProjectRow, mut fields: Fields) -> Result<(), ApiError> {
    fields.text("name", 200, &mut row.name);
    fields.text_or_null("description", 2_000, &mut row.description);
    fields.object("settings", |_, value| Ok(value.clone()), &mut row.settings);
    let size = serde_json::to_string(&row.settings).map_or(0, |text| text.len());
    if size > MOST_SETTINGS {
        fields.wrong("settings", &format!("has {size} bytes; at most {MOST_SETTINGS} are kept"));
    }
    fields.flag("retain_content", &mut row.retain_content);
    fields.status(&mut row.status);
    fields.finish()
}

fn body(row: &ProjectRow) -> Value {
    json!({
        "id": row.id.as_str(),
        "instance_id": row.instance_id.as_str(),
        "name": row.name,
        "description": row.description,
        "settings": row.settings,
        "retain_content": row.retain_content,
        "status": row.status.as_str(),
        "created_at": row.created_at.rfc3339(),
        "updated_at": row.updated_at.rfc3339(),
    })
}
