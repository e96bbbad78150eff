//! `/v1/users/{id}/grants` and `/v1/instances/{id}/grants`: what persons may do on instances.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    http::{
        error::ApiError,
        extract::{AdminBody, Incoming, PathText, PathTexts},
        routes::{Allowed, unknown},
    },
    ids::{InstanceId, OrganizationId, UserId},
    ports::{Platform, rows},
    store::{
        grants::{self as store, GrantRow},
        instances::InstanceRow,
        users::UserRow,
    },
    time::{Timestamp, UnixMillis},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use crate::{
    instances,
    resource::{
        Change, Fields, Filters, Request, Resource, TRIES, if_match, later, listed, overtaken,
        tagged,
    },
    users,
};

pub(crate) const ROLES: [&str; 4] = ["owner", "admin", "user", "readonly"];

/// What a person may do on an instance, wherever that is.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct UserGrant {
    /// Who.
    user_id: UserId,
    /// Their address.
    email: String,
    /// Where.
    instance_id: InstanceId,
    /// `readonly` looks, `user` works with it, `admin` changes it, `owner` removes it: each does what the
    /// ones before it do.
    role: String,
    /// When it was first given.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

/// Lists by instance what a person may do. Of others, an administrator sees what it is in their own
/// organization.
pub(crate) async fn of_user(
    platform: Platform,
    allowed: Allowed,
    PathText(id): PathText,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let page = filters.page();
    filters.finish()?;
    let user = UserRow::find(&platform, &allowed, &id).await?;
    let caller = allowed.caller();
    let everywhere = caller.is_superadmin() || users::is_oneself(&allowed, &user.id);
    let within = (!everywhere).then_some(&caller.key().organization_id);
    let read: Vec<GrantRow> =
        rows(&*platform.database, store::of_user(&user.id, within, &page)).await?;
    Ok(listed(page.page(read, |row| row.instance_id.as_str()), shown))
}

/// Lists by person who has a grant on an instance. Who may act there without one is not among them:
/// administrators of its organization, and who operates the service.
pub(crate) async fn of_instance(
    platform: Platform,
    allowed: Allowed,
    PathText(id): PathText,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let page = filters.page();
    filters.finish()?;
    let instance = instances::find(&platform, &allowed, &id).await?;
    let read: Vec<GrantRow> =
        rows(&*platform.database, store::of_instance(&instance.id, &page)).await?;
    Ok(listed(page.page(read, |row| row.user_id.as_str()), shown))
}

/// Gives a person a grant, or another one than they have: 201 if they had none, else 200.
pub(crate) async fn put(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathTexts(user, instance): PathTexts,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    let request = Request::of(&platform, &allowed, &incoming);
    let mut fields = Fields::of(members);
    let mut role = String::new();
    fields.require("role");
    fields.word("role", &ROLES, &mut role);
    fields.finish()?;
    for _ in 0..TRIES {
        let instance = instances::find(&platform, &allowed, &instance).await?;
        let user = person(&platform, &allowed, &user, &instance).await?;
        let before = find(&platform, &user.id, &instance.id).await?;
        // No grant has no tag: whoever names one has read another.
        let read = before.as_ref().map_or(UnixMillis(0), |before| before.updated_at);
        if_match(&incoming.headers, read)?;
        let now = platform.clock.now();
        let row = GrantRow {
            created_at: before.as_ref().map_or(now, |before| before.created_at),
            email: user.email.clone(),
            instance_id: instance.id.clone(),
            role: role.clone(),
            updated_at: before.as_ref().map_or(now, |before| later(now, before.updated_at)),
            user_id: user.id.clone(),
        };
        let batch = |event: &str| {
            let expected = before.as_ref().map(|before| before.updated_at);
            vec![
                instance.unchanged(event),
                user.unchanged(event),
                store::unchanged(event, &user.id, &instance.id, expected),
                store::put(&row),
            ]
        };
        let change = change("put", &instance, before.as_ref(), Some(&row));
        if request.save(change, batch).await?.done()? {
            let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
            let response = (status, Json(shown(&row))).into_response();
            return Ok(tagged(response, row.updated_at));
        }
    }
    Err(overtaken(&incoming.headers))
}

/// Takes a grant away. Nothing is admitted by it once this has answered.
pub(crate) async fn delete(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathTexts(user, instance): PathTexts,
    filters: Filters,
) -> Result<Response, ApiError> {
    filters.finish()?;
    let request = Request::of(&platform, &allowed, &incoming);
    for _ in 0..TRIES {
        let instance = instances::find(&platform, &allowed, &instance).await?;
        let user = UserId::parse(&user).map_err(|_| none())?;
        let before = find(&platform, &user, &instance.id).await?.ok_or_else(none)?;
        if_match(&incoming.headers, before.updated_at)?;
        let batch = |event: &str| {
            let expected = Some(before.updated_at);
            vec![
                store::unchanged(event, &user, &instance.id, expected),
                store::delete(&user, &instance.id),
            ]
        };
        let change = change("delete", &instance, Some(&before), None);
        if request.save(change, batch).await?.done()? {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    }
    Err(overtaken(&incoming.headers))
}

fn none() -> ApiError {
    unknown("grant")
}

async fn find(
    platform: &Platform,
    user: &UserId,
    instance: &InstanceId,
) -> Result<Option<GrantRow>, ApiError> {
    let found: Vec<GrantRow> = rows(&*platform.database, store::find(user, instance)).await?;
    Ok(found.into_iter().next())
}

/// Finds who shall have a grant: someone whom the caller may see, or who is of the instance's organization.
async fn person(
    platform: &Platform,
    allowed: &Allowed,
    id: &str,
    instance: &InstanceRow,
) -> Result<UserRow, ApiError> {
    let found = users::find(platform, id).await?;
    let organization: &OrganizationId = &found.organization_id;
    let is_seen = allowed.caller().is_superadmin()
        || allowed.administers() == Some(organization)
        || users::is_oneself(allowed, &found.id);
    if is_seen || instance.organization_id == *organization {
        Ok(found)
    } else {
        Err(unknown("user"))
    }
}

/// A change of a grant is the instance's organization's: its epoch rises. It stands under the person's id.
fn change(
    verb: &str,
    instance: &InstanceRow,
    before: Option<&GrantRow>,
    after: Option<&GrantRow>,
) -> Change {
    let state = |row: &GrantRow| json!(shown(row));
    let target = before.or(after).map_or("", |row| row.user_id.as_str());
    Change {
        action: format!("grant.{verb}"),
        after: after.map(state),
        also: Vec::new(),
        before: before.map(state),
        owner: Some(instance.organization_id.clone()),
        target: target.to_owned(),
    }
}

fn shown(row: &GrantRow) -> UserGrant {
    UserGrant {
        user_id: row.user_id.clone(),
        email: row.email.clone(),
        instance_id: row.instance_id.clone(),
        role: row.role.clone(),
        created_at: row.created_at.into(),
        updated_at: row.updated_at.into(),
    }
}
