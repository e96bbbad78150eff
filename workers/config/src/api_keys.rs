//! `/v1/api-keys`: keys of projects and persons. A secret is in one answer, and nowhere else.

use std::net::IpAddr;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use de_core::{
    auth::{
        Scope,
        access::{Grant, Role},
        api_key::{ApiKey, KeyKind},
    },
    http::{
        error::{ApiError, Code},
        extract::{AdminBody, Incoming, PathText},
        routes::{Allowed, unknown},
    },
    ids::{ApiKeyId, InstanceId, ModelId, OrganizationId, ProjectId, UserId},
    ports::{Platform, rows},
    secret::Secret,
    store::{
        api_keys::{self as store, ApiKeyQuery, ApiKeyRow, HolderRow},
        projects as above,
    },
    time::UnixMillis,
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    projects,
    resource::{
        Change, Fields, Filters, Request, Saved, TRIES, created, grant, if_match, later,
        no_idempotency_key, origin, overtaken, shown, viewer,
    },
};

const WHAT: &str = "API key";

/// The longest time that a rotated key lives on, in seconds: 30 days.
const MOST_OVERLAP_S: i64 = 30 * 24 * 60 * 60;

/// Lists by id the keys of what the caller administers or works with, and the caller's own.
pub(crate) async fn list(
    State(platform): State<Platform>,
    allowed: Allowed,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let project = filters.id("project_id", ProjectId::parse);
    let user = filters.id("user_id", UserId::parse);
    let query =
        ApiKeyQuery { page: filters.page(), project: project.as_ref(), user: user.as_ref() };
    filters.finish()?;
    let read: Vec<ApiKeyRow> =
        rows(&*platform.database, store::list(&query, viewer(&allowed)?)).await?;
    let page = query.page.page(read, |row| row.id.as_str());
    let data: Vec<Value> = page.data.iter().map(body).collect();
    Ok(Json(json!({"data": data, "next_cursor": page.next_cursor})).into_response())
}

/// Shows one, without its secret: that is not here.
pub(crate) async fn read(
    State(platform): State<Platform>,
    allowed: Allowed,
    PathText(id): PathText,
) -> Result<Response, ApiError> {
    let row = find(&platform, &allowed, &id).await?;
    Ok(shown(body(&row), row.updated_at))
}

/// Makes one, and shows its secret this once.
pub(crate) async fn create(
    State(platform): State<Platform>,
    allowed: Allowed,
    incoming: Incoming,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    no_idempotency_key(&incoming)?;
    let now = platform.clock.now();
    let mut fields = Fields::of(members);
    fields.require("scopes");
    let project = fields.id("project_id", ProjectId::parse);
    let user = fields.id("user_id", UserId::parse);
    if project.is_some() == user.is_some() {
        fields.wrong("project_id", "a key is of one project or of one user_id: name one of them");
    }
    // Which kind it is, and so its form, is known only when its holder is.
    let blank = ApiKey::make(KeyKind::Test, &*platform.entropy);
    let mut row = ApiKeyRow {
        allowed_addresses: Vec::new(),
        allowed_models: None,
        allowed_origins: Vec::new(),
        created_at: now,
        expires_at: None,
        grant_role: None,
        id: blank.key.id,
        instance_id: None,
        last_four: String::new(),
        last_used_at: None,
        name: String::new(),
        organization_id: allowed.caller().key().organization_id.clone(),
        prefix: String::new(),
        project_id: project,
        revoked_at: None,
        scopes: Vec::new(),
        updated_at: now,
        user_id: user,
        user_role: None,
    };
    apply(&mut row, fields, now)?;
    let mut guard = None;
    let kind = if let Some(project) = &row.project_id {
        let project = projects::find(&platform, &allowed, project.as_str()).await?;
        row.organization_id.clone_from(&project.organization_id);
        row.instance_id = Some(project.instance_id.clone());
        guard = Some((project.id, project.updated_at));
        if project.environment == "production" { KeyKind::Live } else { KeyKind::Test }
    } else {
        let holder = holder(&platform, &allowed, row.user_id.as_ref()).await?;
        row.organization_id = holder.organization_id;
        row.user_role = Some(holder.role);
        KeyKind::Admin
    };
    let (digest, secret) = renew(&platform, &mut row, kind);
    let change = Change {
        action: "api-key.create",
        after: Some(body(&row)),
        before: None,
        organization: row.organization_id.clone(),
        target: row.id.as_str().to_owned(),
    };
    let request = Request { allowed: &allowed, context: &incoming.context, platform: &platform };
    let batch = |event: &str| {
        let guard = guard.as_ref();
        let there = guard.map(|(project, at)| above::unchanged(event, project, *at));
        there.into_iter().chain([store::insert(&row, &digest)]).collect()
    };
    if request.save(change, batch).await? == Saved::Overtaken {
        return Err(overtaken(&incoming.headers));
    }
    let location = format!("/v1/api-keys/{}", row.id);
    Ok(created(with_secret(body(&row), &secret), row.updated_at, &location))
}

/// Changes the fields that the body names.
pub(crate) async fn update(
    State(platform): State<Platform>,
    allowed: Allowed,
    incoming: Incoming,
    PathText(id): PathText,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    for _ in 0..TRIES {
        let before = find(&platform, &allowed, &id).await?;
        if_match(&incoming.headers, before.updated_at)?;
        holds(&before)?;
        let now = platform.clock.now();
        let mut row = before.clone();
        apply(&mut row, Fields::of(members.clone()), now)?;
        row.updated_at = later(now, before.updated_at);
        let request =
            Request { allowed: &allowed, context: &incoming.context, platform: &platform };
        if save(&request, "api-key.update", &before, &row).await? == Saved::Done {
            return Ok(shown(body(&row), row.updated_at));
        }
    }
    Err(overtaken(&incoming.headers))
}

/// Revokes one: its row stays. Nothing is admitted with it once this has answered.
pub(crate) async fn delete(
    State(platform): State<Platform>,
    allowed: Allowed,
    incoming: Incoming,
    PathText(id): PathText,
    filters: Filters,
) -> Result<Response, ApiError> {
    filters.finish()?;
    for _ in 0..TRIES {
        let before = find(&platform, &allowed, &id).await?;
        if_match(&incoming.headers, before.updated_at)?;
        let now = platform.clock.now();
        let mut row = before.clone();
        row.revoked_at = Some(before.revoked_at.map_or(now, |at| at.min(now)));
        row.updated_at = later(now, before.updated_at);
        let request =
            Request { allowed: &allowed, context: &incoming.context, platform: &platform };
        // One that is revoked already is told of once more: the first time may have failed at that.
        if save(&request, "api-key.revoke", &before, &row).await? == Saved::Done {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    }
    Err(overtaken(&incoming.headers))
}

/// Makes a key that takes over from another one, which lives on for `overlap_s` seconds.
pub(crate) async fn rotate(
    State(platform): State<Platform>,
    allowed: Allowed,
    incoming: Incoming,
    PathText(id): PathText,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    no_idempotency_key(&incoming)?;
    let mut fields = Fields::of(members);
    let overlap_s = fields.seconds("overlap_s", MOST_OVERLAP_S);
    fields.finish()?;
    let before = find(&platform, &allowed, &id).await?;
    if_match(&incoming.headers, before.updated_at)?;
    holds(&before)?;
    let now = platform.clock.now();
    let ends = now.plus(overlap_s * 1_000);
    let mut old = before.clone();
    old.updated_at = later(now, before.updated_at);
    if overlap_s == 0 {
        old.revoked_at = Some(now);
    } else {
        old.expires_at = Some(before.expires_at.map_or(ends, |at| at.min(ends)));
    }
    let mut new = before.clone();
    (new.created_at, new.updated_at, new.last_used_at) = (now, now, None);
    let kind = [KeyKind::Admin, KeyKind::Live, KeyKind::Test];
    let kind = kind.into_iter().find(|kind| kind.prefix() == before.prefix);
    let kind = kind.ok_or_else(|| ApiError::internal("a key has an unknown prefix"))?;
    let (digest, secret) = renew(&platform, &mut new, kind);
    let change = Change {
        action: "api-key.rotate",
        after: Some(json!({"old": body(&old), "new": body(&new)})),
        before: Some(body(&before)),
        organization: before.organization_id.clone(),
        target: before.id.as_str().to_owned(),
    };
    let request = Request { allowed: &allowed, context: &incoming.context, platform: &platform };
    let batch = |event: &str| {
        vec![
            store::unchanged(event, &before.id, before.updated_at),
            store::update(&old),
            store::insert(&new, &digest),
            store::inherit_limits(&before, &new.id, now),
        ]
    };
    if request.save(change, batch).await? == Saved::Overtaken {
        return Err(overtaken(&incoming.headers));
    }
    let mut shown = with_secret(body(&new), &secret);
    if let Some(members) = shown.as_object_mut() {
        members.insert("replaces".to_owned(), body(&old));
    }
    Ok(created(shown, new.updated_at, &format!("/v1/api-keys/{}", new.id)))
}

async fn save(
    request: &Request<'_>,
    action: &'static str,
    before: &ApiKeyRow,
    row: &ApiKeyRow,
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

/// Gives a row a new key of this kind; its digest and secret come back.
fn renew(platform: &Platform, row: &mut ApiKeyRow, kind: KeyKind) -> (String, Secret) {
    let made = ApiKey::make(kind, &*platform.entropy);
    row.id = made.key.id;
    row.last_four = made.secret.last_four();
    kind.prefix().clone_into(&mut row.prefix);
    (made.key.digest, made.secret)
}

/// Refuses what can no longer be changed.
fn holds(row: &ApiKeyRow) -> Result<(), ApiError> {
    match row.revoked_at {
        Some(_) => Err(ApiError::new(Code::Conflict, "the key is revoked")),
        None => Ok(()),
    }
}

/// Finds a key that the caller may do to what the route is for.
async fn find(platform: &Platform, allowed: &Allowed, id: &str) -> Result<ApiKeyRow, ApiError> {
    let id = ApiKeyId::parse(id).map_err(|_| unknown(WHAT))?;
    let user = allowed.caller().key().user_id.as_ref();
    let found: Vec<ApiKeyRow> = rows(&*platform.database, store::find(&id, user)).await?;
    let found = found.into_iter().next().ok_or_else(|| unknown(WHAT))?;
    match &found.user_id {
        Some(holder) => {
            let role = found.user_role.as_deref();
            may_hold(allowed, holder, role, &found.organization_id, WHAT)?;
        }
        None => {
            allowed.on(&found.organization_id, grant(found.grant_role.as_deref()), WHAT)?;
        }
    }
    Ok(found)
}

/// Finds the person that a key shall be of.
async fn holder(
    platform: &Platform,
    allowed: &Allowed,
    id: Option<&UserId>,
) -> Result<HolderRow, ApiError> {
    let id = id.ok_or_else(|| unknown("user"))?;
    let found: Vec<HolderRow> = rows(&*platform.database, store::holder(id)).await?;
    let found = found.into_iter().next().ok_or_else(|| unknown("user"))?;
    may_hold(allowed, id, Some(&found.role), &found.organization_id, "user")?;
    Ok(found)
}

/// Whether the caller may do to a person's key what the route is for: to their own, and as an
/// administrator to those of persons who are no more than they are themselves.
fn may_hold(
    allowed: &Allowed,
    holder: &UserId,
    role: Option<&str>,
    organization: &OrganizationId,
    what: &str,
) -> Result<(), ApiError> {
    let caller = allowed.caller();
    let is_own = caller.key().user_id.as_ref() == Some(holder);
    allowed.on(organization, is_own.then_some(Grant::Owner), what)?;
    if allowed.changes() && !caller.role().reaches(Role::of(role)) {
        let message = "this is a key of someone who may do more than you";
        return Err(ApiError::new(Code::Forbidden, message));
    }
    Ok(())
}

fn apply(row: &mut ApiKeyRow, mut fields: Fields, now: UnixMillis) -> Result<(), ApiError> {
    let mut name = Some(row.name.clone());
    fields.text_or_null("name", 200, &mut name);
    row.name = name.unwrap_or_default();
    let is_persons = row.user_id.is_some();
    let scope = |word: &str| match Scope::parse(word) {
        Some(Scope::Admin) if !is_persons => {
            Err("the control plane is for the keys of persons".to_owned())
        }
        Some(scope) => Ok(scope),
        None => Err(format!("expected one of {}", Scope::ALL.map(Scope::as_str).join(", "))),
    };
    let opens_nothing = fields.is_blank("scopes");
    fields.list("scopes", scope, &mut row.scopes);
    if opens_nothing {
        fields.wrong("scopes", "a key without a scope opens nothing");
    }
    let model = |id: &str| ModelId::parse(id).map_err(|err| err.to_string());
    fields.list_or_null("allowed_models", model, &mut row.allowed_models);
    fields.list("allowed_origins", origin, &mut row.allowed_origins);
    fields.list("allowed_addresses", address, &mut row.allowed_addresses);
    let before = row.expires_at;
    fields.time_or_null("expires_at", &mut row.expires_at);
    if row.expires_at != before && row.expires_at.is_some_and(|at| at <= now) {
        fields.wrong("expires_at", "is over already");
    }
    fields.finish()
}

/// An address in the one spelling that the platform has for it.
fn address(text: &str) -> Result<String, String> {
    let read: Result<IpAddr, _> = text.parse();
    read.map(|address| address.to_string())
        .map_err(|_| "expected an IP address: 203.0.113.7 or 2001:db8::1".to_owned())
}

fn with_secret(mut body: Value, secret: &Secret) -> Value {
    if let Some(members) = body.as_object_mut() {
        members.insert("secret".to_owned(), secret.expose().into());
    }
    body
}

fn body(row: &ApiKeyRow) -> Value {
    let time = |time: Option<UnixMillis>| time.map(UnixMillis::rfc3339);
    json!({
        "id": row.id.as_str(),
        "project_id": row.project_id.as_ref().map(ProjectId::as_str),
        "user_id": row.user_id.as_ref().map(UserId::as_str),
        "instance_id": row.instance_id.as_ref().map(InstanceId::as_str),
        "organization_id": row.organization_id.as_str(),
        "name": row.name,
        "prefix": row.prefix,
        "last_four": row.last_four,
        "scopes": row.scopes,
        "allowed_models": row.allowed_models,
        "allowed_origins": row.allowed_origins,
        "allowed_addresses": row.allowed_addresses,
        "expires_at": time(row.expires_at),
        "revoked_at": time(row.revoked_at),
        "last_used_at": time(row.last_used_at),
        "created_at": row.created_at.rfc3339(),
        "updated_at": row.updated_at.rfc3339(),
    })
}
