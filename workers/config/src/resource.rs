//! What the resources of the control plane have in common: filters, fields, entity tags, and one way to
//! save a change.

mod fields;
mod filters;

pub(crate) use fields::{Fields, origin};
pub(crate) use filters::Filters;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    auth::access::Grant,
    caller::Caller,
    http::{
        context::Context,
        error::{ApiError, Code},
        extract::Incoming,
        routes::Allowed,
    },
    ids::OrganizationId,
    ports::{Platform, PortError, Row, Statement, random, row},
    store::{
        Viewer,
        audit::{self, Actor, AuditEvent},
        epochs::{EpochRow, EpochScope, bump},
    },
    time::UnixMillis,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;

use crate::epochs;

/// How often a change is tried again that someone else's came in between of.
pub(crate) const TRIES: usize = 3;

/// One change, to be saved with all that belongs to it.
pub(crate) struct Change {
    /// `project.update`.
    pub(crate) action: &'static str,
    /// What it is now.
    pub(crate) after: Option<Value>,
    /// What it was.
    pub(crate) before: Option<Value>,
    /// Whose it is.
    pub(crate) organization: OrganizationId,
    /// Its id.
    pub(crate) target: String,
}

/// How saving went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Saved {
    /// It is saved, and every Limiter knows.
    Done,
    /// The row was not as it was read, or something is below it: nothing was saved.
    Overtaken,
}

/// The request behind a change.
pub(crate) struct Request<'a> {
    /// Who asks.
    pub(crate) allowed: &'a Allowed,
    /// Its id.
    pub(crate) context: &'a Context,
    /// The ports.
    pub(crate) platform: &'a Platform,
}

impl Request<'_> {
    /// Saves a change in one batch: the event, what `statements` makes for the event's id, the epoch of its
    /// organization. Then tells the Limiters, so that it holds once this has answered.
    pub(crate) async fn save(
        &self,
        change: Change,
        statements: impl FnOnce(&str) -> Vec<Statement>,
    ) -> Result<Saved, ApiError> {
        let platform = self.platform;
        let now = platform.clock.now();
        let event = AuditEvent {
            action: change.action,
            actor: actor(self.allowed.caller()),
            after: change.after,
            before: change.before,
            id: AuditEvent::make_id(now, random(&*platform.entropy)),
            organization_id: Some(change.organization.clone()),
            request_id: Some(self.context.request_id().clone()),
            target_id: change.target,
        };
        let mut batch = vec![audit::insert(&event, now)];
        batch.extend(statements(&event.id));
        batch.extend(bump(EpochScope::Tenant(&change.organization), now));
        let answers = match platform.database.batch(batch).await {
            Ok(answers) => answers,
            Err(PortError::Conflict { constraint }) if constraint == "audit_events.id" => {
                return Ok(Saved::Overtaken);
            }
            Err(err) => return Err(err.into()),
        };
        epochs::tell(platform, Some(&change.organization), raised(answers)?).await?;
        Ok(Saved::Done)
    }
}

/// The new epoch, among the answers of a batch that raised one.
pub(crate) fn raised(answers: Vec<Vec<Row>>) -> Result<u64, PortError> {
    let found = answers.into_iter().flatten().find(|answer| answer.contains_key("epoch"));
    let missing = || PortError::Malformed { port: "database", message: "no epoch".to_owned() };
    Ok(row::<EpochRow>(found.ok_or_else(missing)?)?.epoch)
}

/// Who changes something, as the trail of changes names them.
pub(crate) fn actor(caller: &Caller) -> Actor {
    let key = caller.key();
    match &key.user_id {
        Some(user) => Actor::User(user.as_str().to_owned()),
        None => Actor::Key(key.who().to_owned()),
    }
}

/// Whose eyes a list is for. Programs see nothing here: their routes end before.
pub(crate) fn viewer(allowed: &Allowed) -> Result<Viewer<'_>, ApiError> {
    let caller = allowed.caller();
    match &caller.key().user_id {
        _ if caller.is_superadmin() => Ok(Viewer::Everything),
        Some(user) => Ok(Viewer::Person { organization: allowed.administers(), user }),
        None => Err(ApiError::new(Code::Forbidden, "this wants the key of a person")),
    }
}

/// The column of a grant, read.
pub(crate) fn grant(word: Option<&str>) -> Option<Grant> {
    word.and_then(Grant::parse)
}

/// The time of a change: now, but later than the change before, so that each state has its own.
pub(crate) fn later(now: UnixMillis, before: UnixMillis) -> UnixMillis {
    now.max(before.plus(1))
}

/// The entity tag of a row that was last changed then.
fn tag(updated_at: UnixMillis) -> String {
    format!("\"{}\"", updated_at.0)
}

/// Refuses a change of a row that is not one of those that the caller's `If-Match` names.
pub(crate) fn if_match(headers: &HeaderMap, updated_at: UnixMillis) -> Result<(), ApiError> {
    if !headers.contains_key(header::IF_MATCH) {
        return Ok(());
    }
    let wanted = tag(updated_at);
    let named = headers.get_all(header::IF_MATCH).iter().filter_map(|value| value.to_str().ok());
    let matches = named
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|named| named == "*" || named == wanted);
    if matches { Ok(()) } else { Err(precondition()) }
}

fn precondition() -> ApiError {
    let message = "someone has changed it since; read it again";
    ApiError::new(Code::PreconditionFailed, message)
}

/// What someone is told whose change others came in between of: with `If-Match` they wanted to know.
pub(crate) fn overtaken(headers: &HeaderMap) -> ApiError {
    if headers.contains_key(header::IF_MATCH) {
        return precondition();
    }
    ApiError::new(Code::Conflict, "others change it at the same moment; try again")
}

/// Refuses a header that would be a promise we do not keep here.
pub(crate) fn no_idempotency_key(incoming: &Incoming) -> Result<(), ApiError> {
    if incoming.headers.contains_key("idempotency-key") {
        let message = "Idempotency-Key is not supported here yet";
        return Err(ApiError::new(Code::InvalidRequest, message));
    }
    Ok(())
}

/// A row, with its entity tag.
pub(crate) fn shown(body: Value, updated_at: UnixMillis) -> Response {
    with_tag(Json(body).into_response(), updated_at)
}

/// A new row: 201 and where it is.
pub(crate) fn created(body: Value, updated_at: UnixMillis, location: &str) -> Response {
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    with_tag(response, updated_at)
}

fn with_tag(mut response: Response, updated_at: UnixMillis) -> Response {
    if let Ok(tag) = HeaderValue::try_from(tag(updated_at)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// How something is to be deleted.
pub(crate) struct Deletion {
    /// With all that is below it.
    pub(crate) cascade: bool,
    /// Not at all: only say what would go.
    pub(crate) dry_run: bool,
}

impl Deletion {
    /// Reads `?cascade=` and `?dry_run=`.
    pub(crate) fn read(filters: &mut Filters) -> Self {
        Self { cascade: filters.flag("cascade"), dry_run: filters.flag("dry_run") }
    }

    /// Answers a dry run, or refuses what is not empty.
    pub(crate) fn settled(&self, id: &str, below: &Row) -> Result<Option<Response>, ApiError> {
        if self.dry_run {
            let body = serde_json::json!({"id": id, "would_delete": below});
            return Ok(Some(Json(body).into_response()));
        }
        let empty = below.values().all(|count| count.as_i64() == Some(0));
        if self.cascade || empty { Ok(None) } else { Err(not_empty(below)) }
    }
}

/// What is not deleted, because something is below it.
pub(crate) fn not_empty(below: &Row) -> ApiError {
    let message = "something is below it; ?cascade=true deletes that too, ?dry_run=true says what";
    ApiError::new(Code::Conflict, message).with("below", Value::Object(below.clone()))
}

/// One row of numbers.
pub(crate) async fn count(platform: &Platform, below: Statement) -> Result<Row, ApiError> {
    let mut answers = platform.database.batch(vec![below]).await?;
    Ok(answers.pop().and_then(|mut rows| rows.pop()).unwrap_or_default())
}
