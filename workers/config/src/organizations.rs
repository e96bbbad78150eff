//! `/v1/organizations`: who pays.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use de_core::{
    http::{
        error::{ApiError, Code},
        extract::{AdminBody, Incoming, PathText},
        routes::{Allowed, unknown},
    },
    ids::OrganizationId,
    ports::{Platform, random, rows},
    store::{
        Activity,
        organizations::{self as store, OrganizationRow},
    },
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::resource::{
    Change, Deletion, Fields, Filters, Request, Saved, TRIES, count, created, if_match, later,
    no_idempotency_key, not_empty, overtaken, shown,
};

const WHAT: &str = "organization";

/// Lists by id: all for who operates the service, else one's own.
pub(crate) async fn list(
    State(platform): State<Platform>,
    allowed: Allowed,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let (status, page) = (filters.status(), filters.page());
    filters.finish()?;
    let caller = allowed.caller();
    let only = (!caller.is_superadmin()).then_some(&caller.key().organization_id);
    let read: Vec<OrganizationRow> =
        rows(&*platform.database, store::list(only, status, &page)).await?;
    let page = page.page(read, |row| row.id.as_str());
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
    let mut row = OrganizationRow {
        billing_email: None,
        created_at: now,
        id: OrganizationId::make(now, random(&*platform.entropy)),
        name: String::new(),
        status: Activity::Active,
        time_zone: "UTC".to_owned(),
        updated_at: now,
    };
    let mut fields = Fields::of(members);
    fields.require("name");
    apply(&mut row, fields)?;
    let change = Change {
        action: "organization.create",
        after: Some(body(&row)),
        before: None,
        organization: row.id.clone(),
        target: row.id.as_str().to_owned(),
    };
    let request = Request { allowed: &allowed, context: &incoming.context, platform: &platform };
    request.save(change, |_| vec![store::insert(&row)]).await?;
    Ok(created(body(&row), row.updated_at, &format!("/v1/organizations/{}", row.id)))
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
        if row.status != before.status {
            allowed.operates()?;
            spare_own(&allowed, &row)?;
        }
        row.updated_at = later(platform.clock.now(), before.updated_at);
        if save(&request, "organization.update", &before, &row).await? == Saved::Done {
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
    spare_own(&allowed, &before)?;
    let request = Request { allowed: &allowed, context: &incoming.context, platform: &platform };
    let mut still = before.clone();
    if deletion.cascade {
        // Whose keys may be in use: their Limiters can be told only while there are rows that name them.
        still.status = Activity::Suspended;
        still.updated_at = later(platform.clock.now(), before.updated_at);
        if save(&request, "organization.suspend", &before, &still).await? == Saved::Overtaken {
            return Err(overtaken(&incoming.headers));
        }
    }
    let change = Change {
        action: "organization.delete",
        after: None,
        before: Some(body(&still)),
        organization: before.id.clone(),
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
    before: &OrganizationRow,
    row: &OrganizationRow,
) -> Result<Saved, ApiError> {
    let change = Change {
        action,
        after: Some(body(row)),
        before: Some(body(before)),
        organization: row.id.clone(),
        target: row.id.as_str().to_owned(),
    };
    let batch =
        |event: &str| vec![store::unchanged(event, &row.id, before.updated_at), store::update(row)];
    request.save(change, batch).await
}

/// Whoever takes their own organization away takes away the key that they would bring it back with.
fn spare_own(allowed: &Allowed, row: &OrganizationRow) -> Result<(), ApiError> {
    if allowed.caller().key().organization_id == row.id {
        let message = "this is the organization of the key that asks";
        return Err(ApiError::new(Code::Conflict, message));
    }
    Ok(())
}

async fn find(
    platform: &Platform,
    allowed: &Allowed,
    id: &str,
) -> Result<OrganizationRow, ApiError> {
    let id = OrganizationId::parse(id).map_err(|_| unknown(WHAT))?;
    allowed.on(&id, None, WHAT)?;
    let found: Vec<OrganizationRow> = rows(&*platform.database, store::find(&id)).await?;
    found.into_iter().next().ok_or_else(|| unknown(WHAT))
}

fn apply(row: &mut OrganizationRow, mut fields: Fields) -> Result<(), ApiError> {
    fields.text("name", 200, &mut row.name);
    let before = row.billing_email.clone();
    fields.text_or_null("billing_email", 320, &mut row.billing_email);
    let email = row.billing_email.as_deref();
    if row.billing_email != before && email.is_some_and(|email| !is_email(email)) {
        fields.wrong("billing_email", "expected an e-mail address");
    }
    let mut zone = Some(row.time_zone.clone());
    fields.text_or_null("time_zone", 64, &mut zone);
    row.time_zone = zone.unwrap_or_else(|| "UTC".to_owned());
    if !is_time_zone(&row.time_zone) {
        fields.wrong("time_zone", "expected the IANA name of a time zone: Europe/Berlin");
    }
    fields.status(&mut row.status);
    fields.finish()
}

/// Whether it has the form of an address; only a letter could tell more.
fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(name, host)| {
        !name.is_empty() && host.contains('.') && !host.contains('@') && !text.contains(' ')
    })
}

/// Whether it has the form of a name in the IANA data base; we carry no copy of that.
fn is_time_zone(text: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|c| c.is_ascii_alphanumeric() || b"_+-".contains(&c))
    };
    text.split('/').all(is_part)
}

fn body(row: &OrganizationRow) -> Value {
    json!({
        "id": row.id.as_str(),
        "name": row.name,
        "billing_email": row.billing_email,
        "time_zone": row.time_zone,
        "status": row.status.as_str(),
        "created_at": row.created_at.rfc3339(),
        "updated_at": row.updated_at.rfc3339(),
    })
}
