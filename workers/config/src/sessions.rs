//! `/v1/sessions`: log-ins of browsers. The cookie is in the answer that makes one, and nowhere else.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    auth::{
        access_keys,
        access_token::{self, AccessTeam, AccessToken, AccessTokenError},
        attempts, origins,
        session::{self, NewSession, Times},
    },
    caller::Caller,
    http::{
        error::{ApiError, Code},
        extract::{Incoming, OptionalBody, PathText},
        routes::{Allowed, CURRENT, Person, unknown},
    },
    ids::{ApiKeyId, OrganizationId, SessionId, UserId},
    ports::{Platform, random, rows},
    store::{
        Activity,
        audit::{self, Actor, AuditEvent},
        sessions::{self as store, NewRow, PersonRow, SessionRow},
    },
    time::{Timestamp, UnixMillis},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::json;

use crate::{
    resource::{
        Change, Fields, Filters, Request, Saved, listed, no_idempotency_key, overtaken, save_as,
    },
    users,
};

const WHAT: &str = "session";

/// A log-in of a browser.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct SessionShown {
    /// Its id; nothing can be opened with it.
    id: SessionId,
    /// Whose it is.
    user: PersonShown,
    /// Whether it is the one that asks.
    current: bool,
    /// When it began.
    created_at: Timestamp,
    /// When it ends, at the latest; an hour after its last call if that is sooner.
    expires_at: Timestamp,
    /// Its last call, to the minute.
    last_seen_at: Timestamp,
}

/// The person behind a log-in.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct PersonShown {
    /// Who it is.
    id: UserId,
    /// In lower case.
    email: String,
    /// For people.
    name: Option<String>,
    /// `superadmin`, `admin` or `user`.
    role: String,
    /// Whose person it is.
    organization_id: OrganizationId,
}

/// Who logs in, and by what.
struct Proven {
    api_key: Option<ApiKeyId>,
    person: PersonRow,
}

/// Logs in: with the key of a person in the body, else by what Cloudflare Access says.
pub(crate) async fn create(
    platform: Platform,
    incoming: Incoming,
    OptionalBody(members): OptionalBody,
) -> Result<Response, ApiError> {
    no_idempotency_key(&incoming)?;
    let headers = &incoming.headers;
    from_our_page(&platform, headers)?;
    let address = attempts::address(headers);
    attempts::admit(&platform, address)?;
    let mut fields = Fields::of(members);
    let mut key = None;
    fields.text_or_null("key", 200, &mut key);
    fields.finish()?;
    let proven = match prove(&platform, key.as_deref(), headers).await {
        Ok(proven) => proven,
        Err(refusal) => return Err(attempts::failed(&platform, address, refusal).await),
    };
    end_former(&platform, &incoming).await?;
    begin(&platform, &incoming, proven).await
}

/// Refuses a log-in that another page makes a browser send: it would put its own person into it.
pub(crate) fn from_our_page(platform: &Platform, headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let ours = origin.to_str().is_ok_and(|origin| origins::is_ours(&platform.settings, origin));
    if ours { Ok(()) } else { Err(origins::not_allowed()) }
}

async fn prove(
    platform: &Platform,
    key: Option<&str>,
    headers: &HeaderMap,
) -> Result<Proven, ApiError> {
    if let Some(key) = key {
        let caller = Caller::person(platform, key, headers).await?;
        let user = caller.key().user_id.as_ref();
        let person = user.ok_or_else(|| ApiError::internal("a person's key has no person"))?;
        let found: Vec<PersonRow> = rows(&*platform.database, store::person(person)).await?;
        let person = found.into_iter().next().ok_or_else(nobody)?;
        return Ok(Proven { api_key: caller.key().api_key_id.clone(), person });
    }
    let team = platform.settings.access.as_ref();
    let Some((team, token)) = team.zip(access_token::presented(headers)) else {
        let message = "nothing to log in with: send {\"key\": …}, the key of a person";
        return Err(ApiError::new(Code::MissingAuth, message));
    };
    let email = email(platform, team, token).await?;
    let found: Vec<PersonRow> = rows(&*platform.database, store::person_by_email(&email)).await?;
    let person = found.into_iter().next().ok_or_else(nobody)?;
    if [person.status, person.organization_status].contains(&Activity::Suspended) {
        return Err(ApiError::new(Code::Forbidden, "the account is suspended"));
    }
    Ok(Proven { api_key: None, person })
}

fn nobody() -> ApiError {
    ApiError::new(Code::Forbidden, "nobody here has this e-mail address")
}

/// Whom Access has logged in.
async fn email(platform: &Platform, team: &AccessTeam, token: &str) -> Result<String, ApiError> {
    let refused = |err: AccessTokenError| {
        let (code, message) = match err {
            AccessTokenError::Expired => {
                (Code::KeyExpired, "the log-in at Cloudflare Access is over; reload the page")
            }
            _ => (Code::InvalidApiKey, "the token of Cloudflare Access is not valid"),
        };
        ApiError::new(code, message).because(err.to_string())
    };
    let token = AccessToken::parse(token).map_err(refused)?;
    let keys = access_keys::keys(platform, team, token.kid()).await?;
    token.email(&keys, team, platform.clock.now()).map_err(refused)
}

/// Ends the session whose cookie came with a log-in: a browser has one at a time.
async fn end_former(platform: &Platform, incoming: &Incoming) -> Result<(), ApiError> {
    let name = session::cookie_name(&platform.settings);
    let digest = session::cookie(&incoming.headers, &name).and_then(session::digest_of);
    let Some(digest) = digest else { return Ok(()) };
    let found: Vec<SessionRow> = rows(&*platform.database, store::by_digest(&digest)).await?;
    let now = platform.clock.now();
    let Some(former) = found.into_iter().next().filter(|row| row.times().hold(now)) else {
        return Ok(());
    };
    let actor = Actor::User(former.person.user_id.as_str().to_owned());
    let change = revocation(platform, &former).await?;
    let batch = |_: &str| vec![store::revoke(&former.id, now)];
    save_as(platform, &incoming.context, actor, change, batch).await.map(drop)
}

/// Makes the session, and tells the cookie this once.
async fn begin(
    platform: &Platform,
    incoming: &Incoming,
    proven: Proven,
) -> Result<Response, ApiError> {
    let Proven { api_key, person } = proven;
    let now = platform.clock.now();
    let id = SessionId::make(now, random(&*platform.entropy));
    let NewSession { digest, value } = NewSession::make(&*platform.entropy);
    let user = person.user_id.clone();
    let new = NewRow { api_key: api_key.as_ref(), digest: &digest, id: &id, user: &user };
    let event = AuditEvent {
        action: "session.create".to_owned(),
        actor: Actor::User(user.as_str().to_owned()),
        after: Some(json!({"user_id": user, "api_key_id": api_key})),
        before: None,
        id: AuditEvent::make_id(now, random(&*platform.entropy)),
        organization_id: Some(person.organization_id.clone()),
        request_id: Some(incoming.context.request_id().clone()),
        target_id: id.as_str().to_owned(),
    };
    // It lets nobody do anything that they could not do before, so there is no copy to end.
    let batch = vec![audit::insert(&event, now), store::insert(new, now), store::find(&id)];
    let mut answers = platform.database.batch(batch).await?;
    let made = answers.pop().and_then(|mut rows| rows.pop());
    let made = made.ok_or_else(|| ApiError::internal("a session is gone at once"))?;
    let row: SessionRow = de_core::ports::row(made)?;
    incoming.context.note(|line| line.session_id = Some(id.as_str().to_owned()));
    let mut response = (StatusCode::CREATED, Json(shown(&row, Some(&id)))).into_response();
    put(&mut response, header::LOCATION, &format!("/v1/sessions/{id}"));
    put(&mut response, header::SET_COOKIE, &session::set_cookie(&platform.settings, &value));
    Ok(response)
}

fn put(response: &mut Response, name: http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Lists by id the sessions of a person that hold: one's own, or those of `?user_id=`.
pub(crate) async fn list(
    platform: Platform,
    allowed: Allowed,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let named = filters.id("user_id", UserId::parse);
    let page = filters.page();
    filters.finish()?;
    let key = allowed.caller().key();
    let user = named.or_else(|| key.user_id.clone()).ok_or_else(|| unknown("user"))?;
    let found: Vec<PersonRow> = rows(&*platform.database, store::person(&user)).await?;
    let person = found.into_iter().next().ok_or_else(|| unknown("user"))?;
    may(&allowed, &person, "user")?;
    let now = platform.clock.now();
    let read: Vec<SessionRow> = rows(&*platform.database, store::list(&user, &page, now)).await?;
    let current = key.session_id.clone();
    let show = |row: &SessionRow| shown(row, current.as_ref());
    Ok(listed(page.page(read, |row| row.id.as_str()), show))
}

/// Shows one; `current` is the one that asks.
pub(crate) async fn read(
    platform: Platform,
    allowed: Allowed,
    PathText(id): PathText,
) -> Result<Response, ApiError> {
    let row = find(&platform, &allowed, &id).await?;
    if !row.times().hold(platform.clock.now()) {
        return Err(unknown(WHAT));
    }
    Ok(Json(shown(&row, allowed.caller().key().session_id.as_ref())).into_response())
}

/// Ends one. Nothing is admitted with it once this has answered.
pub(crate) async fn delete(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    PathText(id): PathText,
    filters: Filters,
) -> Result<Response, ApiError> {
    filters.finish()?;
    let row = find(&platform, &allowed, &id).await?;
    let now = platform.clock.now();
    let change = revocation(&platform, &row).await?;
    // One that is ended already is told of once more: the first time may have failed at that.
    let request = Request::of(&platform, &allowed, &incoming);
    if request.save(change, |_| vec![store::revoke(&row.id, now)]).await? != Saved::Done {
        return Err(overtaken(&incoming.headers));
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    if allowed.caller().key().session_id.as_ref() == Some(&row.id) {
        put(&mut response, header::SET_COOKIE, &session::clear_cookie(&platform.settings));
    }
    Ok(response)
}

/// The end of a session, for the trail of changes; it matters where its person may act.
async fn revocation(platform: &Platform, row: &SessionRow) -> Result<Change, ApiError> {
    Ok(Change {
        action: "session.revoke".to_owned(),
        after: None,
        also: users::reached(platform, &row.person.user_id).await?,
        before: Some(json!({"user_id": row.person.user_id})),
        owner: Some(row.person.organization_id.clone()),
        target: row.id.as_str().to_owned(),
    })
}

/// Finds a session that the caller may do to what the route is for.
async fn find(platform: &Platform, allowed: &Allowed, id: &str) -> Result<SessionRow, ApiError> {
    let id = match &allowed.caller().key().session_id {
        Some(current) if id == CURRENT => current.clone(),
        _ => SessionId::parse(id).map_err(|_| unknown(WHAT))?,
    };
    let found: Vec<SessionRow> = rows(&*platform.database, store::find(&id)).await?;
    let found = found.into_iter().next().ok_or_else(|| unknown(WHAT))?;
    may(allowed, &found.person, WHAT)?;
    Ok(found)
}

/// Whether the caller may do to the sessions of a person what the route is for.
fn may(allowed: &Allowed, row: &PersonRow, what: &str) -> Result<(), ApiError> {
    let (id, organization) = (&row.user_id, &row.organization_id);
    let person = Person { id, organization, role: Some(&row.role) };
    allowed.on_persons(&person, what, "a session of someone")
}

fn shown(row: &SessionRow, current: Option<&SessionId>) -> SessionShown {
    let Times { expires_at, last_seen_at, .. } = row.times();
    let time = |time: UnixMillis| Timestamp::from(time);
    SessionShown {
        id: row.id.clone(),
        user: PersonShown {
            id: row.person.user_id.clone(),
            email: row.person.email.clone(),
            name: row.person.name.clone(),
            role: row.person.role.clone(),
            organization_id: row.person.organization_id.clone(),
        },
        current: current == Some(&row.id),
        created_at: time(row.created_at),
        expires_at: time(expires_at),
        last_seen_at: time(last_seen_at),
    }
}
